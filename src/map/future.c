/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Futures. All those of a session go through one endless run whose items come from a queue. Where workers share the
 * caller's memory a task settles its future itself; for worker processes a thread takes in what they send.
 */
#include "base/clock.h"
#include "exec/gate.h"
#include "exec/proc.h"
#include "exec/session.h"

#include <yoke/future.h>

#include <sys/eventfd.h>
#include <unistd.h>

enum { QUEUED, RUNNING, READY, STATE = 3, WATCHED = 4, WAITED = 8 };
enum { FIRST_ROOM = 1024, BATCH = 64, SMALL = 64, SLAB = 256 };

typedef struct yk_futures yk_futures;

struct yoke_future {
    yk_futures   *hub;
    yoke_future  *next;   /* in the queue, or among the spare ones; guarded by the hub's lock */
    yoke_task_fn *fn;
    uint64_t      index;
    atomic_uint   state;  /* QUEUED, RUNNING or READY, and who wants to hear of it */
    atomic_uint   refs;   /* the owner's, and the run's until it has settled it */
    yoke_error   *why;    /* owned; NULL: it has a result. Written before READY */
    int           rc;
    int           fd;     /* -1: nobody asked; guarded by the hub's lock, like then and its ctx */
    void (*then)(void *ctx, yoke_future *f);
    void         *then_ctx;
    size_t        item_size, result_size, result_at;
    _Alignas(16) unsigned char data[]; /* item, result; together SMALL bytes in those of a slab */
};

/* Small futures are made many at a time and used again and again; they go when the session does. */
typedef struct slab {
    struct slab *next;
    _Alignas(64) unsigned char futures[];
} slab;

enum { SMALL_FUTURE = (sizeof(yoke_future) + SMALL + 63) & ~63 };

/* An item for a worker process. */
typedef struct parcel {
    yoke_future  *future;
    yoke_task_fn *fn;
    size_t        result_size;
    _Alignas(16) unsigned char item[];
} parcel;

struct yk_futures {
    yoke_session   *session;
    pid_t           pid;  /* whose it is: a forked process makes its own */
    pthread_mutex_t lock;
    yoke_future    *first, *last; /* guarded by lock */
    uint64_t        n_queued;     /* guarded by lock */
    atomic_ullong   n_submitted;  /* changed under lock */
    bool            is_dry;       /* guarded by lock: the run has been told that there is nothing now */
    bool            is_closing;   /* guarded by lock */
    bool            is_renewing;  /* guarded by lock: the run is to be begun anew, for other code or larger items */
    yoke_future    *spare;        /* guarded by lock: small ones to be used again */
    _Atomic(yoke_future *) returned; /* more of them, from whichever thread freed them */
    slab           *slabs;        /* owned; guarded by lock */
    atomic_ullong   n_passed;     /* of those submitted, through the run */
    yk_gate         news;         /* opened when a future is ready that somebody waits for, and at the last one */
    yk_work         work;
    yk_run         *run;          /* guarded by lock where there is an attendant */
    pthread_t       attendant;
    bool            has_attendant;
    pthread_cond_t  wake;         /* for the attendant without a run */
    size_t          room;         /* guarded by lock: bytes for an item of the next run */
    unsigned long long code;      /* guarded by lock: what yk_code_loaded said when the run was begun */
};

/* ---- settling ---- */

/* One whose memory is a part of a slab. */
static bool is_small(size_t item_size, size_t result_size)
{
    return item_size <= SMALL && result_size <= SMALL - ((item_size + 15) & ~(size_t)15);
}

static void unref(yoke_future *f)
{
    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    if (f->fd >= 0)
        close(f->fd);
    yk_free(f->why);
    if (!is_small(f->item_size, f->result_size)) {
        yk_free(f);
        return;
    }
    f->next = atomic_load_explicit(&f->hub->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&f->hub->returned, &f->next, f))
        ;
}

static void tell(yoke_future *f)
{
    yk_futures *h = f->hub;
    pthread_mutex_lock(&h->lock);
    void (*then)(void *, yoke_future *) = f->then;
    f->then = NULL;
    uint64_t one = 1;
    ssize_t  n = f->fd >= 0 ? write(f->fd, &one, sizeof one) : 0;
    (void)n; /* it cannot be full: at most two are written */
    pthread_mutex_unlock(&h->lock);
    if (then)
        then(f->then_ctx, f);
}

/* `why` NULL: well. Keeps no more than the code when memory is out. */
static void settle(yoke_future *f, int rc, const yoke_error *why)
{
    yk_futures *h = f->hub;
    f->rc = rc < 0 ? rc : 0;
    if (rc < 0 && why->text[0])
        f->why = yk_memdup(why, sizeof *why);
    unsigned was = atomic_exchange(&f->state, READY);
    if (was & WATCHED)
        tell(f);
    unref(f);
    if (was & WAITED)
        yk_gate_open(&h->news);
}

/* The run has no more to do with n of them. */
static void pass(yk_futures *h, uint64_t n)
{
    if (atomic_fetch_add(&h->n_passed, n) + n == atomic_load(&h->n_submitted))
        yk_gate_open(&h->news);
}

static void settle_and_pass(yoke_future *f, int rc, const yoke_error *why)
{
    yk_futures *h = f->hub;
    settle(f, rc, why);
    pass(h, 1);
}

/* It was cancelled, or run by one who waited for it. */
static void drop_and_pass(yoke_future *f)
{
    yk_futures *h = f->hub;
    unref(f);
    pass(h, 1);
}

static bool begin(yoke_future *f)
{
    unsigned s = atomic_load(&f->state);
    while ((s & STATE) == QUEUED)
        if (atomic_compare_exchange_weak(&f->state, &s, (s & ~(unsigned)STATE) | RUNNING))
            return true;
    return false;
}

static void run_here(yoke_future *f)
{
    yoke_error why;
    int        rc = yk_task_run_here(f->fn, f->index, f->data, f->data + f->result_at, &why);
    settle(f, rc, &why);
}

/* ---- the run ---- */

static int local_task(yoke_task *t, const void *in, void *out)
{
    yoke_future *f;
    (void)out;
    memcpy(&f, in, sizeof f);
    if (begin(f)) {
        int rc = f->fn(t, f->data, f->data + f->result_at);
        settle(f, rc, &t->why);
    } else
        unref(f); /* it was cancelled, or run by one who waited for it */
    return 0;
}

static int local_pack(void *ctx, yk_block *b, yoke_error *err)
{
    (void)err;
    pass(ctx, b->n);
    return 0;
}

static int remote_task(yoke_task *t, const void *in, void *out)
{
    const parcel *p = in;
    (void)out;
    void *result = yoke_task_scratch(t, p->result_size);
    if (!result)
        return yk_fail_nomem(&t->why, "making room for a result");
    memset(result, 0, p->result_size);
    int rc = p->fn(t, p->item, result);
    yk_task_forget(t); /* a future has its result alone */
    return rc < 0 ? rc : yoke_task_emit(t, result, p->result_size);
}

/* With the lock held. */
static yoke_future *pop(yk_futures *h)
{
    yoke_future *f = h->first;
    h->first = f->next;
    h->last = f->next ? h->last : NULL;
    h->n_queued--;
    return f;
}

/* A fair share, so that a long task does not hold up those behind it while others could take them. */
static int local_fill(void *fill_ctx, uint32_t want, void *to, uint32_t *ret_got, yoke_error *err)
{
    yk_futures   *h = fill_ctx;
    yoke_future **at = to;
    (void)err;
    pthread_mutex_lock(&h->lock);
    uint64_t share = h->n_queued / h->session->exec->workers + 1;
    uint32_t n = want < BATCH ? want : BATCH;
    n = n < share ? n : (uint32_t)share;
    for (*ret_got = 0; h->first && *ret_got < n; ++*ret_got)
        at[*ret_got] = pop(h);
    h->is_dry = !h->first;
    int rc = h->is_dry ? YK_FILL_LATER : YK_FILL_MORE;
    pthread_mutex_unlock(&h->lock);
    return rc;
}

/* One at a time: a worker that dies takes only one with it, and their sizes differ. */
static int remote_fill(void *fill_ctx, uint32_t want, void *to, uint32_t *ret_got, yoke_error *err)
{
    yk_futures *h = fill_ctx;
    parcel     *p = to;
    (void)err;
    (void)want;
    *ret_got = 0;
    pthread_mutex_lock(&h->lock);
    while (h->first && !h->is_renewing && !*ret_got) {
        yoke_future *f = pop(h);
        if (!begin(f)) {
            drop_and_pass(f);
            continue;
        }
        *p = (parcel){f, f->fn, f->result_size};
        memcpy(p->item, f->data, f->item_size);
        *ret_got = 1;
    }
    h->is_dry = !h->first;
    int rc = h->is_renewing || (h->is_closing && h->is_dry) ? YK_FILL_END : h->is_dry ? YK_FILL_LATER : YK_FILL_MORE;
    pthread_mutex_unlock(&h->lock);
    return rc;
}

static void take_in(const yk_block *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const parcel *p = (const parcel *)(const void *)b->in;
        yk_emit       e;
        if (b->n_mishaps) {
            const yk_mishap *m = &b->mishaps[0];
            settle_and_pass(p->future, m->why.code, &m->why);
        } else if (b->rc < 0)
            settle_and_pass(p->future, b->rc, &b->why);
        else if (b->emitted.len >= sizeof e) {
            memcpy(&e, b->emitted.data, sizeof e);
            memcpy(p->future->data + p->future->result_at, b->emitted.data + sizeof e, (size_t)e.n);
            settle_and_pass(p->future, 0, NULL);
        } else if (p->future->result_size == 0 && b->n_done == b->n)
            settle_and_pass(p->future, 0, NULL);
        else
            settle_and_pass(p->future, YOKE_ECANCELED, &(yoke_error){YOKE_ECANCELED, 0, "its worker was stopped"});
    }
}

/* ---- worker processes: the thread that looks after them ---- */

/* When no worker can be started, all that wait fail with the reason. */
static void fail_queued(yk_futures *h, int rc, const yoke_error *why)
{
    for (;;) {
        pthread_mutex_lock(&h->lock);
        yoke_future *f = h->first ? pop(h) : NULL;
        pthread_mutex_unlock(&h->lock);
        if (!f)
            return;
        if (begin(f))
            settle_and_pass(f, rc, why);
        else
            drop_and_pass(f);
    }
}

static void attend_run(yk_futures *h)
{
    yoke_error why = YOKE_ERROR_INIT;
    yk_block  *b;
    int        rc = yk_run_begin(h->session->exec, &h->work, &h->run, &why);
    pthread_mutex_unlock(&h->lock);
    yk_run *run = rc < 0 ? NULL : h->run;
    while (run && (rc = run->ops->next(run, UINT64_MAX, &b, &why)) == YK_NEXT_BLOCK) {
        take_in(b);
        run->ops->release(run, b);
    }
    if (rc < 0)
        fail_queued(h, rc, &why);
    pthread_mutex_lock(&h->lock);
    h->run = NULL;
    if (run)
        run->ops->end(run);
}

static void *attendant_main(void *arg)
{
    yk_futures *h = arg;
    pthread_mutex_lock(&h->lock);
    while (h->first || !h->is_closing) {
        if (!h->first) {
            h->is_dry = true; /* a run that failed has not said so */
            pthread_cond_wait(&h->wake, &h->lock);
            continue;
        }
        h->is_renewing = false;
        h->is_dry = false;
        h->code = yk_code_loaded();
        h->work.in_size = sizeof(parcel) + h->room;
        attend_run(h);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* ---- the hub ---- */

static void hub_close(yk_futures *h)
{
    unsigned seen;
    while (seen = yk_gate_look(&h->news), atomic_load(&h->n_passed) < atomic_load(&h->n_submitted))
        yk_gate_wait(&h->news, seen, YK_FOREVER);
    pthread_mutex_lock(&h->lock);
    h->is_closing = true;
    pthread_cond_signal(&h->wake);
    yk_run *run = h->run;
    if (run && h->has_attendant)
        run->ops->poke(run);
    pthread_mutex_unlock(&h->lock);
    if (h->has_attendant)
        pthread_join(h->attendant, NULL);
    else if (run)
        run->ops->end(run);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    while (h->slabs) {
        slab *next = h->slabs->next;
        yk_free(h->slabs);
        h->slabs = next;
    }
    yk_free(h);
}

static bool runs_at_once(const yk_exec *ex) { return !ex->ops->poke || ex->pid != yk_pid(); }

static int hub_start(yk_futures *h, yoke_error *err)
{
    yk_exec *ex = h->session->exec;
    h->work = (yk_work){.name = "submit", .n = UINT64_MAX, .in_size = sizeof(yoke_future *), .ctx = h, .task = local_task,
                        .fill = local_fill, .fill_ctx = h, .pack = local_pack, .is_unordered = true, .is_unclaimed = true,
                        .is_watched = true, .is_standing = true};
    if (runs_at_once(ex))
        return 0;
    if (ex->ops->is_local)
        return yk_run_begin(ex, &h->work, &h->run, err);
    h->work.task = remote_task;
    h->work.fill = remote_fill;
    h->work.pack = NULL;
    h->work.is_unclaimed = false;
    h->work.chunk = 1;
    h->has_attendant = pthread_create(&h->attendant, NULL, attendant_main, h) == 0;
    return h->has_attendant ? 0 : yk_fail(err, YOKE_ENOMEM, "no thread could be started to look after worker processes");
}

static yk_futures *hub_new(yoke_session *s, yoke_error *err)
{
    yk_futures *h = yk_new(yk_futures);
    if (!h) {
        yk_fail_nomem(err, "starting futures");
        return NULL;
    }
    h->session = s;
    h->pid = yk_pid();
    h->room = FIRST_ROOM;
    h->is_dry = true;
    yk_lock_init(&h->lock);
    pthread_cond_init(&h->wake, NULL);
    if (hub_start(h, err) == 0)
        return h;
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    yk_free(h);
    return NULL;
}

/* In a worker process locks and hub are as the fork left them, perhaps in another thread's hands: it gets new ones. */
static yk_futures *hub_of(yoke_session *s, yoke_error *err)
{
    yk_futures *h = atomic_load_explicit(&s->futures, memory_order_acquire);
    if (h && h->pid == yk_pid())
        return h;
    if (s->exec->pid != yk_pid()) {
        pthread_mutex_init(&s->lock, NULL);
        atomic_store(&s->futures, NULL);
    }
    pthread_mutex_lock(&s->lock);
    if (!(h = atomic_load(&s->futures)) && (h = hub_new(s, err))) {
        s->close_futures = hub_close;
        atomic_store(&s->futures, h);
    }
    pthread_mutex_unlock(&s->lock);
    return h;
}

/* ---- public ---- */

/* With the lock held. */
static bool make_spare(yk_futures *h)
{
    slab *s = yk_malloc_aligned(sizeof *s + (size_t)SLAB * SMALL_FUTURE);
    if (!s)
        return false;
    s->next = h->slabs;
    h->slabs = s;
    for (int i = SLAB; i-- > 0;) {
        yoke_future *f = (yoke_future *)(void *)(s->futures + (size_t)i * SMALL_FUTURE);
        f->next = h->spare;
        h->spare = f;
    }
    return true;
}

/* With the lock held: a small one. */
static yoke_future *take_spare(yk_futures *h)
{
    if (!h->spare)
        h->spare = atomic_exchange(&h->returned, NULL);
    if (!h->spare && !make_spare(h))
        return NULL;
    yoke_future *f = h->spare;
    h->spare = f->next;
    return f;
}

static size_t result_at(size_t item_size) { return (item_size + 15) & ~(size_t)15; }

static yoke_future *large_new(size_t item_size, size_t result_size)
{
    bool fits = item_size <= SIZE_MAX / 4 && result_size <= SIZE_MAX / 4;
    return fits ? yk_malloc(sizeof(yoke_future) + result_at(item_size) + result_size) : NULL;
}

static void fill_in(yoke_future *f, yk_futures *h, yoke_task_fn *fn, const void *item, size_t item_size, size_t result_size)
{
    size_t at = result_at(item_size);
    *f = (yoke_future){.hub = h, .fn = fn, .refs = 2, .fd = -1, .item_size = item_size, .result_size = result_size, .result_at = at};
    if (item_size)
        memcpy(f->data, item, item_size);
    memset(f->data + at, 0, result_size);
}

/* With the lock held: whether the workers there are cannot run it. */
static bool needs_other_workers(yk_futures *h, const yoke_future *f)
{
    if (f->item_size > h->room)
        while (h->room < f->item_size)
            h->room *= 2;
    else if (!h->run || yk_code_loaded() == h->code)
        return false;
    return true;
}

/* With the lock held: true when the run is to be poked once it is not. */
static bool enqueue(yk_futures *h, yoke_future *f)
{
    *(h->last ? &h->last->next : &h->first) = f;
    h->last = f;
    h->n_queued++;
    if (h->has_attendant && needs_other_workers(h, f))
        h->is_renewing = true;
    bool    was_dry = h->is_dry;
    yk_run *run = h->run;
    h->is_dry = false;
    if (was_dry && h->has_attendant) { /* the run may end at any time: only under the lock is it there */
        pthread_cond_signal(&h->wake);
        if (run)
            run->ops->poke(run);
    }
    return was_dry && !h->has_attendant;
}

yoke_future *yoke_submit(yoke_session *s, yoke_task_fn *fn, const void *item, size_t item_size, size_t result_size,
                         yoke_error *err)
{
    yk_futures *h = YK_LACKS(s, err) || YK_LACKS(fn, err) || (item_size && YK_LACKS(item, err)) ? NULL : hub_of(s, err);
    if (!h)
        return NULL;
    bool         is_reused = is_small(item_size, result_size), is_now = runs_at_once(s->exec), pokes = false;
    yoke_future *f = is_reused ? NULL : large_new(item_size, result_size);
    if (f)
        fill_in(f, h, fn, item, item_size, result_size);
    pthread_mutex_lock(&h->lock);
    if (is_reused && (f = take_spare(h)))
        fill_in(f, h, fn, item, item_size, result_size);
    if (f) {
        f->index = atomic_fetch_add_explicit(&h->n_submitted, 1, memory_order_relaxed);
        pokes = !is_now && enqueue(h, f);
    }
    pthread_mutex_unlock(&h->lock);
    if (!f) {
        yk_fail_nomem(err, "submitting a task");
        return NULL;
    }
    if (pokes)
        h->run->ops->poke(h->run);
    if (is_now) {
        atomic_store(&f->state, RUNNING);
        run_here(f);
        pass(h, 1);
    }
    return f;
}

bool yoke_future_is_ready(const yoke_future *f) { return f && (atomic_load(&f->state) & STATE) == READY; }

int yoke_future_wait(yoke_future *f, int timeout_ms, yoke_error *err)
{
    if (YK_LACKS(f, err))
        return YOKE_EINVALID;
    yk_futures *h = f->hub;
    if (yk_exec_is_inside() && h->session->exec->ops->is_local && begin(f)) {
        atomic_fetch_add(&f->refs, 1); /* the run has one too, and finds it taken */
        run_here(f);
    }
    uint64_t now = timeout_ms < 0 ? 0 : yk_now_ns(), end = timeout_ms < 0 ? YK_FOREVER : now + (uint64_t)timeout_ms * 1000000u;
    while (!yoke_future_is_ready(f)) {
        unsigned seen = yk_gate_look(&h->news);
        if ((atomic_fetch_or(&f->state, WAITED) & STATE) == READY)
            break;
        now = timeout_ms < 0 ? 0 : yk_now_ns();
        if (now >= end)
            return yk_fail(err, YOKE_ETIMEOUT, "the task is not ready after %d ms", timeout_ms);
        yk_gate_wait(&h->news, seen, timeout_ms < 0 ? YK_FOREVER : end - now);
    }
    return 0;
}

int yoke_future_get(yoke_future *f, void *ret, yoke_error *err)
{
    YK_TRY(yoke_future_wait(f, -1, err));
    if (f->rc < 0)
        return yk_fail(err, f->rc, "%s", f->why ? f->why->text : yoke_error_name(f->rc));
    if (ret)
        memcpy(ret, f->data + f->result_at, f->result_size);
    return 0;
}

void yoke_future_then(yoke_future *f, void (*fn)(void *ctx, yoke_future *f), void *ctx)
{
    if (!f || !fn)
        return;
    yk_futures *h = f->hub;
    pthread_mutex_lock(&h->lock);
    f->then = fn;
    f->then_ctx = ctx;
    bool is_ready = (atomic_fetch_or(&f->state, WATCHED) & STATE) == READY;
    pthread_mutex_unlock(&h->lock);
    if (is_ready)
        tell(f);
}

int yoke_future_fd(yoke_future *f, yoke_error *err)
{
    if (YK_LACKS(f, err))
        return YOKE_EINVALID;
    yk_futures *h = f->hub;
    pthread_mutex_lock(&h->lock);
    bool is_new = f->fd < 0;
    if (is_new)
        f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int  fd = f->fd;
    bool is_ready = fd >= 0 && (atomic_fetch_or(&f->state, WATCHED) & STATE) == READY;
    pthread_mutex_unlock(&h->lock);
    if (is_new && is_ready)
        tell(f);
    return fd >= 0 ? fd : yk_fail_errno(err, "no file descriptor for a future");
}

bool yoke_future_cancel(yoke_future *f)
{
    if (!f || !begin(f))
        return false;
    atomic_fetch_add(&f->refs, 1); /* as for one that is run by who waits */
    settle(f, YOKE_ECANCELED, &(yoke_error){YOKE_ECANCELED, 0, "it was cancelled before it began"});
    return true;
}

void yoke_future_free(yoke_future *f)
{
    if (f)
        unref(f);
}
