/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `processes`: workers forked from the caller, without exec, so that they see its memory as it is when a run begins. The
 * caller hands out blocks and takes in results; a worker that dies takes nothing with it but the task it was running.
 */
#include "exec/proc_run.h"

#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHORT_BLOCK_NS = 20000, LAZY_NS = 200000 };

typedef struct processes_exec {
    yk_exec         exec;
    pthread_mutex_t lock; /* innermost */
    unsigned        in_use; /* guarded by lock: worker processes of runs under way */
    yk_proc_run    *kept; /* owned; guarded by lock: workers that wait for the next flat work. NULL: none, or in use */
} processes_exec;

static int processes_open(unsigned workers, yk_exec **ret, yoke_error *err)
{
    processes_exec *ex = yk_new(processes_exec);
    if (!ex)
        return yk_fail_nomem(err, "opening a session");
    ex->exec = (yk_exec){.ops = &yk_exec_processes, .workers = workers, .pid = getpid()};
    pthread_mutex_init(&ex->lock, NULL);
    *ret = &ex->exec;
    return 0;
}

/* ---- blocks out and back ---- */

void yk_proc_fail(yk_proc_run *r, int rc, const yoke_error *why)
{
    if (!r->rc) {
        r->rc = rc;
        r->why = *why;
    }
    r->is_halted = true;
    yk_feed_end(&r->feed);
    atomic_store(&r->shm->stop, -1);
}

void yk_proc_post(yk_proc_run *r, uint32_t slot)
{
    unsigned long long at = atomic_load(&r->shm->tail);
    atomic_store(&r->shm->slots[slot].claim, at << 16);
    atomic_store(&r->shm->queue[at % YK_PROC_QUEUE], slot);
    atomic_store(&r->shm->tail, at + 1);
}

static void send_block(yk_proc_run *r, uint32_t slot, yk_block *b)
{
    yk_slot *s = &r->shm->slots[slot];
    r->sent[slot] = (yk_sent){.block = b};
    r->n_sent++;
    s->lo = b->lo;
    s->n = b->n;
    s->first = 0;
    s->first_attempt = 1;
    atomic_store(&s->done, 0);
    if (r->shm->out_at && b->in)
        memcpy(yk_slot_memory(r->shm, slot), b->in, (size_t)b->n * r->run.work.in_size);
    yk_proc_post(r, slot);
}

void yk_proc_complete(yk_proc_run *r, uint32_t slot)
{
    const yk_work *w = &r->run.work;
    yk_block      *b = YK_TAKE(r->sent[slot].block);
    unsigned char *memory = yk_slot_memory(r->shm, slot);
    b->n_done = atomic_load(&r->shm->slots[slot].done);
    size_t kept = w->pack ? b->n_packed : b->n_done;
    if (w->out_size)
        memcpy(b->out, memory + r->shm->out_at, kept * w->out_size);
    if (w->out_size && !w->pack)
        memset(b->out + kept * w->out_size, 0, (b->n - kept) * w->out_size);
    if (w->pack)
        memcpy(b->bad, memory + r->shm->bad_at, kept);
    if (b->times)
        memcpy(b->times, memory + r->shm->times_at, b->n_done * sizeof *b->times);
    if (b->emitted.is_failed && !b->rc)
        b->rc = yk_fail_nomem(&b->why, "keeping a task's result");
    if (r->rc && b->n_done < b->n && !b->rc) {
        b->rc = r->rc;
        b->why = r->why;
    }
    r->n_sent--;
    yk_feed_done(&r->feed, b);
}

/* ---- messages ---- */

static void take_message(yk_proc_run *r, yk_proc *p)
{
    const char *body = yk_buf_text(&p->body);
    if (p->msg.kind == YK_MSG_RETIRED) {
        p->is_retired = true;
        return;
    }
    if (p->msg.kind == YK_MSG_START_FAILED) {
        yoke_error why;
        memcpy(&why, body, sizeof why);
        yk_proc_fail(r, why.code, &why);
        return;
    }
    yk_sent  *s = &r->sent[p->msg.slot];
    yk_block *b = s->block;
    if (p->msg.kind == YK_MSG_EMIT) {
        s->emit_at = b->emitted.len;
        yk_buf_append(&b->emitted, body, p->body.len);
    } else if (p->msg.kind == YK_MSG_FAIL) {
        yk_mishap m;
        memcpy(&m, body, sizeof m);
        yk_block_fail(b, &m);
    } else {
        yk_msg_done d;
        memcpy(&d, body, sizeof d);
        b->busy_ns += d.busy_ns;
        r->block_ns = r->block_ns ? (7 * r->block_ns + d.busy_ns) / 8 : d.busy_ns;
        b->n_packed = d.n_packed;
        b->worker = p->job.worker;
        if (d.rc && !b->rc) {
            b->rc = d.rc;
            b->why = d.why;
        }
        r->n_idle_deaths = 0;
        yk_proc_complete(r, p->msg.slot);
    }
}

/* Moves up to n bytes out of the ring; how many. */
static size_t ring_read(yk_proc_run *r, unsigned i, void *to, size_t n)
{
    yk_proc_worker      *w = &r->shm->workers[i];
    const unsigned char *ring = r->shm->rings + (size_t)i * YK_RING_SIZE;
    uint64_t             tail = atomic_load_explicit(&w->tail, memory_order_relaxed);
    size_t               there = (size_t)(atomic_load(&w->head) - tail), at = (size_t)(tail % YK_RING_SIZE);
    if (n > there)
        n = there;
    size_t line = YK_RING_SIZE - at < n ? YK_RING_SIZE - at : n;
    memcpy(to, ring + at, line);
    memcpy((char *)to + line, ring, n - line);
    atomic_store(&w->tail, tail + n);
    return n;
}

/* The next piece of a message; false when there is none. */
static bool read_piece(yk_proc_run *r, unsigned i)
{
    yk_proc *p = &r->procs[i];
    size_t   there = (size_t)(atomic_load(&r->shm->workers[i].head) - atomic_load(&r->shm->workers[i].tail));
    if (p->body.is_failed)
        return false;
    if (!p->has_msg) {
        if (there < sizeof p->msg)
            return false;
        ring_read(r, i, &p->msg, sizeof p->msg);
        p->has_msg = true;
        yk_buf_clear(&p->body);
    } else if (there) {
        size_t want = (size_t)p->msg.len - p->body.len, n = want < there ? want : there;
        void  *to = yk_buf_extend(&p->body, n);
        if (!to) {
            yoke_error why = YOKE_ERROR_INIT;
            yk_proc_fail(r, yk_fail_nomem(&why, "taking in a result"), &why);
            yk_proc_kill(p, YOKE_CAUSE_CANCELED); /* what it goes on to send cannot be understood any more */
            return false;
        }
        ring_read(r, i, to, n);
        yk_gate_open(&r->shm->workers[i].room);
    } else
        return false;
    if (p->body.len == p->msg.len) {
        p->has_msg = false;
        take_message(r, p);
    }
    return true;
}

void yk_proc_read(yk_proc_run *r, unsigned i)
{
    while (read_piece(r, i))
        ;
}

/* ---- a run ---- */

static bool copies_in(const yk_work *w) { return (w->fill || w->is_flat) && w->in_size; }

static void run_free(yk_proc_run *r)
{
    for (unsigned i = 0; r->procs && i < r->n_procs; i++)
        yk_buf_fini(&r->procs[i].body);
    if (r->event_fd >= 0)
        close(r->event_fd);
    yk_proc_shm_free(r->shm);
    yk_feed_fini(&r->feed);
    yk_free(r->procs);
    yk_free(r->sent);
    yk_free(r->fds);
    yk_free(r);
}

/* Calls at the same time share the session's workers: one that begins while others have them all gets one of its own. */
static unsigned take_seats(yk_exec *exec, const yk_work *w, unsigned want)
{
    processes_exec *ex = (processes_exec *)exec;
    if (w->is_standing)
        return want;
    pthread_mutex_lock(&ex->lock);
    unsigned left = ex->in_use < exec->workers ? exec->workers - ex->in_use : 0, least = want ? 1 : 0;
    unsigned n = want < left ? want : left > least ? left : least;
    ex->in_use += n;
    pthread_mutex_unlock(&ex->lock);
    return n;
}

static void give_seats(yk_proc_run *r)
{
    processes_exec *ex = (processes_exec *)r->run.exec;
    pthread_mutex_lock(&ex->lock);
    ex->in_use -= r->n_seats;
    r->n_seats = 0;
    pthread_mutex_unlock(&ex->lock);
}

static bool is_anyone_at_work(yk_exec *exec)
{
    processes_exec *ex = (processes_exec *)exec;
    pthread_mutex_lock(&ex->lock);
    bool is = ex->in_use > 0;
    pthread_mutex_unlock(&ex->lock);
    return is;
}

static int run_init(yk_proc_run *r, yoke_error *err)
{
    const yk_work *w = &r->run.work;
    unsigned       workers = r->run.exec->workers;
    r->n_procs = w->n < workers && !w->is_flat ? (unsigned)w->n : workers;
    r->n_procs = take_seats(r->run.exec, w, r->n_procs);
    r->n_seats = w->is_standing ? 0 : r->n_procs;
    r->code = yk_code_loaded();
    r->thread = (pid_t)syscall(SYS_gettid);
    YK_TRY(yk_feed_init(&r->feed, w, r->n_procs ? r->n_procs : 1, err));
    if (!(r->shm = yk_proc_shm_new(w, r->n_procs, copies_in(w), err)))
        return YOKE_ENOMEM;
    if (r->feed.max_block > r->shm->max_block)
        r->feed.max_block = r->shm->max_block;
    r->procs = yk_new_array(yk_proc, r->n_procs);
    r->sent = yk_new_array(yk_sent, r->shm->n_slots);
    r->fds = yk_new_array(struct pollfd, r->n_procs + 1);
    if (!r->procs || !r->sent || !r->fds)
        return yk_fail_nomem(err, "starting worker processes");
    r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->event_fd < 0)
        return yk_fail_errno(err, "starting worker processes");
    r->oom_kills = yk_proc_oom_kills();
    for (unsigned i = 0; i < r->n_procs; i++) {
        int rc = yk_proc_fork(r, i, err);
        if (rc < 0) {
            yk_proc_end_all(r);
            return rc;
        }
    }
    return 0;
}

/* Swaps the kept workers for r (may be NULL). */
static yk_proc_run *swap_kept(yk_exec *exec, yk_proc_run *r)
{
    processes_exec *ex = (processes_exec *)exec;
    pthread_mutex_lock(&ex->lock);
    yk_proc_run *was = ex->kept;
    ex->kept = r;
    pthread_mutex_unlock(&ex->lock);
    return was;
}

static void run_discard(yk_proc_run *r)
{
    if (!r)
        return;
    yk_proc_end_all(r);
    run_free(r);
}

static void processes_close(yk_exec *exec)
{
    processes_exec *ex = (processes_exec *)exec;
    if (!ex)
        return;
    if (ex->exec.pid == getpid())
        run_discard(ex->kept);
    pthread_mutex_destroy(&ex->lock);
    yk_free(ex);
}

/* The kept workers, told of the work; NULL when there are none that can do it. */
static yk_proc_run *reuse(yk_exec *exec, const yk_work *w)
{
    yk_proc_run *r = swap_kept(exec, NULL);
    if (!r)
        return NULL;
    if (r->code != yk_code_loaded() || r->thread != (pid_t)syscall(SYS_gettid) || !yk_proc_shm_renew(r->shm, w)) {
        run_discard(r);
        return NULL;
    }
    r->run.work = *w;
    yk_feed_fini(&r->feed);
    return r;
}

static int begin_kept(yk_proc_run *r, yoke_error *err)
{
    int rc = yk_feed_init(&r->feed, &r->run.work, r->n_procs, err);
    if (rc < 0) {
        run_discard(r);
        return rc;
    }
    if (r->feed.max_block > r->shm->max_block)
        r->feed.max_block = r->shm->max_block;
    r->block_ns = 0;
    return 0;
}

static int processes_begin(yk_exec *ex, const yk_work *work, yk_run **ret, yoke_error *err)
{
    yk_work        copy = *work;
    const yk_work *w = &copy;
    copy.is_flat = work->is_flat && work->ctx_size <= YK_FLAT_CTX && work->in_size + work->out_size <= YK_FLAT_SLOT / 2 &&
                   !is_anyone_at_work(ex);
    yk_proc_run *r = w->is_flat ? reuse(ex, w) : NULL;
    if (r) {
        YK_TRY(begin_kept(r, err));
        r->n_seats = take_seats(ex, w, r->n_procs);
        *ret = &r->run;
        return 0;
    }
    r = yk_new(yk_proc_run);
    if (!r)
        return yk_fail_nomem(err, "starting a run");
    r->run = (yk_run){.ops = &yk_exec_processes, .exec = ex, .work = *w};
    r->event_fd = -1;
    int rc = run_init(r, err);
    if (rc < 0) {
        give_seats(r);
        run_free(r);
        return rc;
    }
    *ret = &r->run;
    return 0;
}

/* ---- the caller ---- */

/* Posts what is due and what the feed yields, as far as there are slots. */
static void post_more(yk_proc_run *r)
{
    uint64_t now = r->n_delayed ? yk_now_ns() : 0;
    bool     is_news = false;
    for (uint32_t s = 0; s < r->shm->n_slots; s++) {
        if (r->sent[s].due_ns && now >= r->sent[s].due_ns) {
            r->sent[s].due_ns = 0;
            r->n_delayed--;
            yk_proc_post(r, s);
            is_news = true;
        }
        if (r->sent[s].block)
            continue;
        yk_block  *b;
        yoke_error why = YOKE_ERROR_INIT;
        int        rc = yk_feed_claim(&r->feed, &b, &why);
        if (rc < 0)
            yk_proc_fail(r, rc, &why);
        if (rc <= 0 && !r->n_delayed)
            break;
        if (rc > 0) {
            send_block(r, s, b);
            is_news = true;
        }
    }
    if (is_news)
        yk_gate_open(&r->shm->work);
}

static uint64_t until_due(const yk_proc_run *r)
{
    uint64_t next = YK_FOREVER, now = r->n_delayed ? yk_now_ns() : 0;
    for (uint32_t s = 0; r->n_delayed && s < r->shm->n_slots; s++) {
        uint64_t due = r->sent[s].due_ns, left = due > now ? due - now : 0;
        if (due && left < next)
            next = left;
    }
    return next;
}

static bool has_messages(const yk_proc_run *r)
{
    for (unsigned i = 0; i < r->n_procs; i++) {
        const yk_proc *p = &r->procs[i];
        uint64_t there = atomic_load(&r->shm->workers[i].head) - atomic_load(&r->shm->workers[i].tail);
        if (there >= (p->has_msg ? 1 : sizeof(yk_msg)) && !p->body.is_failed)
            return true;
    }
    return false;
}

/* Waits for a message, a death, or wait_ns. Where blocks are so short that waking the parent for each would cost more than
 * they do, it looks at them now and then instead; until a look finds nothing. */
static void sleep_for_news(yk_proc_run *r, uint64_t wait_ns)
{
    bool is_lazy = r->block_ns && r->block_ns < SHORT_BLOCK_NS;
    atomic_store(&r->shm->is_lazy, is_lazy);
    if (is_lazy && wait_ns > LAZY_NS)
        wait_ns = LAZY_NS;
    unsigned n = 1;
    r->fds[0] = (struct pollfd){.fd = r->event_fd, .events = POLLIN};
    for (unsigned i = 0; i < r->n_procs; i++)
        r->fds[n++] = (struct pollfd){.fd = r->procs[i].pid ? r->procs[i].pidfd : -1, .events = POLLIN};
    struct timespec t = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
    yk_stall("sleep");
    atomic_store(&r->shm->is_parent_asleep, 1);
    int got = has_messages(r) ? 0 : ppoll(r->fds, n, wait_ns == YK_FOREVER ? NULL : &t, NULL);
    atomic_store(&r->shm->is_parent_asleep, 0);
    if (got == 0 && is_lazy && !has_messages(r))
        r->block_ns = 0;
    if (got <= 0)
        return;
    uint64_t count;
    if (r->fds[0].revents && read(r->event_fd, &count, sizeof count) < 0)
        r->fds[0].revents = 0;
    for (unsigned i = 0; i < r->n_procs; i++)
        if (r->fds[1 + i].revents && r->procs[i].pid)
            yk_proc_bury(r, i);
}

/* Takes back what no worker has taken yet. */
static void retract(yk_proc_run *r)
{
    for (uint32_t i = 0; i < r->shm->n_slots; i++) {
        if (!r->sent[i].block)
            continue;
        unsigned long long claim = atomic_load(&r->shm->slots[i].claim), mine = claim | 0xffff;
        if (r->sent[i].due_ns)
            r->n_delayed--;
        else if ((claim & 0xffff) || !atomic_compare_exchange_strong(&r->shm->slots[i].claim, &claim, mine))
            continue;
        r->sent[i].due_ns = 0;
        yk_proc_complete(r, i);
    }
}

/* One round of everything that is to be done now. */
static void attend(yk_proc_run *r)
{
    for (unsigned i = 0; i < r->n_procs; i++)
        yk_proc_read(r, i);
    if (atomic_exchange(&r->is_poked, false))
        r->feed.is_later = false;
    if (r->is_halted)
        retract(r);
    else
        post_more(r);
}

static int processes_next(yk_run *run, uint64_t wait_ns, yk_block **ret, yoke_error *err)
{
    yk_proc_run *r = (yk_proc_run *)run;
    uint64_t     end = wait_ns == YK_FOREVER ? YK_FOREVER : yk_now_ns() + wait_ns;
    for (;;) {
        attend(r);
        r->run.n_ended = r->feed.n_ended;
        if ((*ret = yk_feed_deliver(&r->feed)))
            return YK_NEXT_BLOCK;
        if (r->rc && !r->n_sent)
            return yk_fail(err, r->rc, "%s", r->why.text);
        if (yk_feed_is_finished(&r->feed))
            return YK_NEXT_END;
        uint64_t now = end == YK_FOREVER ? 0 : yk_now_ns(), wait = end == YK_FOREVER ? YK_FOREVER : end > now ? end - now : 0, k;
        if (end != YK_FOREVER && now >= end)
            return YK_NEXT_WAITED;
        if ((k = until_due(r)) < wait)
            wait = k;
        if ((k = yk_proc_check_limits(r)) < wait)
            wait = k;
        sleep_for_news(r, wait);
    }
}

static void processes_release(yk_run *run, yk_block *b)
{
    yk_feed_release(&((yk_proc_run *)run)->feed, b);
}

static void processes_halt(yk_run *run, bool now)
{
    yk_proc_run *r = (yk_proc_run *)run;
    r->is_halted = true;
    yk_feed_end(&r->feed);
    atomic_store(&r->shm->stop, -1);
    if (!now || r->is_killed)
        return;
    r->is_killed = true;
    for (unsigned i = 0; i < r->n_procs; i++)
        yk_proc_kill(&r->procs[i], YOKE_CAUSE_CANCELED);
    for (unsigned i = 0; i < r->n_procs; i++)
        if (r->procs[i].pid)
            yk_proc_bury(r, i);
    for (uint32_t s = 0; s < r->shm->n_slots; s++)
        if (r->sent[s].block)
            yk_proc_complete(r, s);
}

static void processes_poke(yk_run *run)
{
    yk_proc_run *r = (yk_proc_run *)run;
    uint64_t     one = 1;
    atomic_store(&r->is_poked, true);
    if (write(r->event_fd, &one, sizeof one) < 0)
        return; /* it is full: the caller is awake already */
}

static void processes_end(yk_run *run)
{
    yk_proc_run *r = (yk_proc_run *)run;
    if (!r->is_halted && !yk_feed_is_finished(&r->feed))
        processes_halt(run, false);
    while (r->n_sent) {
        attend(r);
        uint64_t k = yk_proc_check_limits(r), due = until_due(r);
        if (r->n_sent)
            sleep_for_news(r, k < due ? k : due);
    }
    give_seats(r);
    bool is_kept = r->run.work.is_flat && !r->is_halted;
    run_discard(is_kept ? swap_kept(r->run.exec, r) : r);
}

const yk_exec_ops yk_exec_processes = {.abi = YK_EXEC_ABI,
                                       .name = "processes",
                                       .has_count = true,
                                       .open = processes_open,
                                       .begin = processes_begin,
                                       .next = processes_next,
                                       .release = processes_release,
                                       .halt = processes_halt,
                                       .poke = processes_poke,
                                       .end = processes_end,
                                       .close = processes_close};
