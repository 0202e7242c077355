/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `threads`: helper threads that live with the session, and the calling thread, which works too unless it watches.
 *
 * Who works holds one of `workers` seats, so that never more threads run tasks than there are workers, however many
 * threads call. A call from inside a task has its caller's seat. Whoever has a seat can always finish its own run alone,
 * and waits only for blocks of that run: so nothing can wait in a circle.
 */
#include "exec/exec.h"

#include "base/cpus.h"
#include "exec/feed.h"
#include "exec/gate.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { RETRY_US = 1000 };

typedef struct threads_run threads_run;

typedef struct threads_exec {
    yk_exec         exec;
    pthread_mutex_t lock;      /* innermost: nothing is locked under it */
    yk_gate         work;      /* opened when there may be something for helpers */
    threads_run    *runs;      /* guarded by lock; the first is asked first */
    atomic_uint     n_open;    /* runs that may be claimed from; relaxed: whether a helper should look around between blocks */
    unsigned        busy;      /* guarded by lock: seats taken */
    pthread_mutex_t hiring;    /* outermost: held while threads begin, which take the other */
    unsigned        n_threads; /* guarded by hiring */
    pthread_t      *threads;   /* owned; room for `workers`; guarded by hiring */
    bool            is_closing; /* guarded by lock */
} threads_exec;

struct threads_run {
    yk_run          run;
    threads_run    *next;      /* guarded by the executor's lock */
    unsigned        inside;    /* guarded by the executor's lock: threads that have a lane */
    yoke_task     **lanes;     /* owned; `workers`, the first n_free of them free; guarded by the executor's lock */
    unsigned        n_free;
    pthread_mutex_t lock;      /* taken before the executor's */
    yk_feed         feed;      /* guarded by lock */
    int             rc;        /* guarded by lock: what ended the run, with its sentence */
    yoke_error      why;
    atomic_bool     may_claim; /* changed under lock; relaxed: a hint for helpers that look for work */
    atomic_int      stop;
    atomic_ullong   finished;
    yk_gate         progress;  /* opened when a block is done or a helper leaves */
    bool            is_working; /* the caller works */
};

static _Thread_local threads_exec *seat; /* the executor on which this thread runs a task */

static threads_exec *exec_of(threads_run *r) { return (threads_exec *)r->run.exec; }

/* ---- lanes: a worker's place in a run ---- */

static void lanes_free(threads_run *r)
{
    for (unsigned i = 0; r->lanes && i < r->run.exec->workers; i++) {
        yoke_task *t = r->lanes[i];
        if (t && t->has_started && r->run.work.stop)
            r->run.work.stop(r->run.work.ctx, t->state);
        if (t)
            yk_arena_fini(&t->arena);
        yk_free(t);
    }
    yk_free(r->lanes);
}

static int lanes_new(threads_run *r, yoke_error *err)
{
    unsigned n = r->run.exec->workers;
    if (!(r->lanes = yk_new_array(yoke_task *, n)))
        return yk_fail_nomem(err, "starting a run");
    for (unsigned i = 0; i < n; i++) {
        yoke_task *t = yk_malloc_aligned(sizeof *t);
        if (!t)
            return yk_fail_nomem(err, "starting a run");
        *t = (yoke_task){.worker = n - 1 - i, .work = &r->run.work, .stop = &r->stop, .finished = &r->finished, .arena = YK_ARENA_INIT};
        r->lanes[i] = t;
    }
    r->n_free = n;
    return 0;
}

/* With the executor's lock held. */
static yoke_task *lane_take(threads_run *r)
{
    if (!r->n_free)
        return NULL;
    r->inside++;
    return r->lanes[--r->n_free];
}

static void lane_give(threads_run *r, yoke_task *t)
{
    r->lanes[r->n_free++] = t;
    r->inside--;
}

/* ---- running blocks ---- */

static bool may_claim(const threads_run *r) { return atomic_load_explicit(&r->may_claim, memory_order_relaxed); }

/* With the run's lock held, or before anybody knows of the run. */
static void set_hint(threads_run *r, bool may)
{
    if (may == may_claim(r))
        return;
    atomic_store_explicit(&r->may_claim, may, memory_order_relaxed);
    if (may)
        atomic_fetch_add_explicit(&exec_of(r)->n_open, 1, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit(&exec_of(r)->n_open, 1, memory_order_relaxed);
}

/* With the run's lock held. */
static void fail_run(threads_run *r, int rc)
{
    if (!r->rc)
        r->rc = rc;
    yk_feed_end(&r->feed);
    set_hint(r, false);
    atomic_store(&r->stop, -1);
}

static bool lane_start(threads_run *r, yoke_task *t)
{
    if (t->has_started)
        return true;
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = r->run.work.start ? r->run.work.start(r->run.work.ctx, &t->state, &why) : 0;
    t->has_started = rc >= 0;
    if (t->has_started)
        return true;
    pthread_mutex_lock(&r->lock);
    if (!r->rc)
        r->why = why;
    fail_run(r, rc);
    pthread_mutex_unlock(&r->lock);
    return false;
}

/* With the run's lock held: the next block, or NULL when there is none now. */
static yk_block *claim(threads_run *r)
{
    yk_block  *b = NULL;
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = r->rc ? 0 : yk_feed_claim(&r->feed, &b, &why);
    if (rc < 0 && !r->run.work.is_unclaimed) { /* else nobody would hear of it: it is tried again */
        r->why = why;
        fail_run(r, rc);
    }
    set_hint(r, yk_feed_may_claim(&r->feed));
    return rc > 0 ? b : NULL;
}

/* With the run's lock held: helpers hear of it when there is again something to claim. */
static bool renew_hint(threads_run *r)
{
    bool may = yk_feed_may_claim(&r->feed) && !r->rc;
    bool is_news = may && !may_claim(r);
    set_hint(r, may);
    return is_news;
}

static void finish(threads_run *r, yk_block *b)
{
    pthread_mutex_lock(&r->lock);
    yk_feed_done(&r->feed, b);
    if (r->run.work.is_unclaimed)
        yk_feed_release(&r->feed, yk_feed_deliver(&r->feed));
    bool is_news = renew_hint(r);
    pthread_mutex_unlock(&r->lock);
    if (!r->run.work.is_unclaimed)
        yk_gate_open(&r->progress);
    if (is_news)
        yk_gate_open(&exec_of(r)->work);
}

static void run_block(threads_run *r, yoke_task *t, yk_block *b)
{
    yk_stall("claim");
    yk_block_run(t, b);
    yk_stall("done");
    finish(r, b);
}

/* ---- helpers ---- */

/* With the executor's lock held: a run that has something to claim; it goes to the end of the list. */
static threads_run *pick(threads_exec *ex)
{
    if (ex->busy >= ex->exec.workers)
        return NULL;
    for (threads_run **at = &ex->runs; *at; at = &(*at)->next) {
        threads_run *r = *at;
        if (!may_claim(r) || !r->n_free)
            continue;
        if (r->next) {
            *at = r->next;
            r->next = NULL;
            while (*at)
                at = &(*at)->next;
            *at = r;
        }
        return r;
    }
    return NULL;
}

/* One who was woken, leaves something behind and knows of a free seat wakes the next. */
static void help(threads_exec *ex, threads_run *r, yoke_task *t, bool has_seats)
{
    if (!lane_start(r, t))
        return;
    for (bool is_first = true;; is_first = false) {
        pthread_mutex_lock(&r->lock);
        yk_block *b = claim(r);
        pthread_mutex_unlock(&r->lock);
        if (!b && r->run.work.is_unclaimed && may_claim(r))
            usleep(RETRY_US); /* memory is out */
        if (!b)
            return;
        if (is_first && has_seats && may_claim(r))
            yk_gate_open_one(&ex->work);
        run_block(r, t, b);
        if (atomic_load_explicit(&ex->n_open, memory_order_relaxed) > may_claim(r))
            return;
    }
}

static void *helper_main(void *arg)
{
    threads_exec *ex = arg;
    seat = ex;
    pthread_mutex_lock(&ex->lock);
    while (!ex->is_closing) {
        unsigned     seen = yk_gate_look(&ex->work);
        threads_run *r = pick(ex);
        if (!r) {
            pthread_mutex_unlock(&ex->lock);
            yk_stall("sleep");
            yk_gate_wait(&ex->work, seen, YK_FOREVER);
            pthread_mutex_lock(&ex->lock);
            continue;
        }
        yoke_task *t = lane_take(r);
        bool has_seats = ++ex->busy < ex->exec.workers;
        pthread_mutex_unlock(&ex->lock);
        help(ex, r, t, has_seats);
        pthread_mutex_lock(&ex->lock);
        ex->busy--;
        lane_give(r, t);
        yk_gate_open(&r->progress); /* under the lock: once it is free, so may the run be */
    }
    pthread_mutex_unlock(&ex->lock);
    return NULL;
}

/* Helpers leave signals to the program's own threads, but for crashes, which the caller may handle. */
static void block_signals(sigset_t *ret_old)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t         all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigdelset(&all, crashes[i]);
    pthread_sigmask(SIG_SETMASK, &all, ret_old);
}

/* Sees to it that there are so many helpers; how many there are: fewer than wanted is no failure as long as somebody works. What they
 * are to do is there before they are, so that none falls asleep first and is woken where its waker works. */
static unsigned hire(threads_exec *ex, unsigned want)
{
    pthread_mutex_lock(&ex->hiring);
    if (ex->n_threads < want) {
        sigset_t old;
        block_signals(&old);
        while (ex->n_threads < want && yk_cpus_begin(ex->n_threads, helper_main, ex, &ex->threads[ex->n_threads]) == 0)
            ex->n_threads++;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    unsigned n = ex->n_threads;
    pthread_mutex_unlock(&ex->hiring);
    return n;
}

/* ---- the executor ---- */

static int threads_open(unsigned workers, yk_exec **ret, yoke_error *err)
{
    threads_exec *ex = yk_new(threads_exec);
    if (ex && !(ex->threads = yk_new_array(pthread_t, workers)))
        yk_free(YK_TAKE(ex));
    if (!ex)
        return yk_fail_nomem(err, "opening a session");
    ex->exec = (yk_exec){.ops = &yk_exec_threads, .workers = workers, .pid = getpid()};
    yk_lock_init(&ex->lock);
    yk_lock_init(&ex->hiring);
    *ret = &ex->exec;
    return 0;
}

static void threads_close(yk_exec *exec)
{
    threads_exec *ex = (threads_exec *)exec;
    if (!ex)
        return;
    if (ex->exec.pid == getpid()) {
        pthread_mutex_lock(&ex->lock);
        ex->is_closing = true;
        pthread_mutex_unlock(&ex->lock);
        yk_gate_open(&ex->work);
        for (unsigned i = 0; i < ex->n_threads; i++)
            pthread_join(ex->threads[i], NULL);
        pthread_mutex_destroy(&ex->hiring);
        pthread_mutex_destroy(&ex->lock);
    }
    yk_free(ex->threads);
    yk_free(ex);
}

static void threads_end(yk_run *run);

static void run_free(threads_run *r)
{
    lanes_free(r);
    yk_feed_fini(&r->feed);
    pthread_mutex_destroy(&r->lock);
    yk_free(r);
}

static int enlist(threads_exec *ex, threads_run *r, yoke_error *err)
{
    pthread_mutex_lock(&ex->lock);
    r->next = ex->runs;
    ex->runs = r;
    pthread_mutex_unlock(&ex->lock);
    if (r->run.work.n > 1 || !r->is_working)
        yk_gate_open(&ex->work);
    if (hire(ex, r->is_working ? ex->exec.workers - 1 : ex->exec.workers) || r->is_working)
        return 0;
    if (r->run.work.is_unclaimed)
        return yk_fail(err, YOKE_ENOMEM, "no thread could be started");
    pthread_mutex_lock(&ex->lock);
    r->is_working = true; /* there is nobody else */
    pthread_mutex_unlock(&ex->lock);
    return 0;
}

static int threads_begin(yk_exec *exec, const yk_work *w, yk_run **ret, yoke_error *err)
{
    threads_exec *ex = (threads_exec *)exec;
    threads_run  *r = yk_new(threads_run);
    if (!r)
        return yk_fail_nomem(err, "starting a run");
    r->run = (yk_run){.ops = &yk_exec_threads, .exec = exec, .work = *w};
    r->is_working = !w->is_unclaimed && (!w->is_watched || seat == ex);
    yk_lock_init(&r->lock);
    int rc = lanes_new(r, err);
    if (rc == 0)
        rc = yk_feed_init(&r->feed, &r->run.work, exec->workers, err);
    if (rc < 0) {
        run_free(r);
        return rc;
    }
    set_hint(r, w->n > 1 || !r->is_working);
    rc = enlist(ex, r, err);
    if (rc < 0)
        threads_end(&r->run);
    else
        *ret = &r->run;
    return rc;
}

/* ---- the calling thread ---- */

static yoke_task *caller_enter(threads_run *r)
{
    threads_exec *ex = exec_of(r);
    yoke_task    *t = NULL;
    pthread_mutex_lock(&ex->lock);
    if (r->is_working && (seat == ex || ex->busy < ex->exec.workers))
        t = lane_take(r);
    if (t && seat != ex)
        ex->busy++;
    pthread_mutex_unlock(&ex->lock);
    return t;
}

static void caller_leave(threads_run *r, yoke_task *t)
{
    threads_exec *ex = exec_of(r);
    pthread_mutex_lock(&ex->lock);
    lane_give(r, t);
    if (seat != ex)
        ex->busy--;
    bool others = false;
    for (threads_run *x = ex->runs; x; x = x->next) {
        others = others || (x != r && may_claim(x));
        if (x != r && x->is_working)
            yk_gate_open(&x->progress); /* its caller may want this seat */
    }
    pthread_mutex_unlock(&ex->lock);
    if (others)
        yk_gate_open(&ex->work);
}

/* Runs one block, given the lane. The seat is marked only meanwhile: what the caller does between blocks is its own. */
static void caller_work(threads_run *r, yoke_task *t, yk_block *b)
{
    threads_exec *outer = seat;
    seat = exec_of(r);
    if (lane_start(r, t))
        run_block(r, t, b);
    else
        finish(r, b);
    seat = outer;
}

/* With the run's lock held. */
static int look(threads_run *r, yk_block **ret, yoke_error *err)
{
    r->run.n_ended = r->feed.n_ended;
    if ((*ret = yk_feed_deliver(&r->feed)))
        return YK_NEXT_BLOCK;
    if (r->feed.seq_in == r->feed.seq_out && r->rc)
        return yk_fail(err, r->rc, "%s", r->why.text);
    return yk_feed_is_finished(&r->feed) ? YK_NEXT_END : YK_NEXT_WAITED;
}

/* What there is to give on; failing that, and where the caller may work, what there is to do. A claim that yields nothing
 * may have found the end or a failure. */
static int give(threads_run *r, yk_block **ret, yk_block **ret_mine, bool may_work, yoke_error *err)
{
    pthread_mutex_lock(&r->lock);
    int rc = look(r, ret, err);
    if (rc == YK_NEXT_WAITED && may_work && !(*ret_mine = claim(r)))
        rc = look(r, ret, err);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static int threads_next(yk_run *run, uint64_t wait_ns, yk_block **ret, yoke_error *err)
{
    threads_run *r = (threads_run *)run;
    yoke_task   *lane = NULL;
    int          rc;
    for (;;) {
        unsigned  seen = yk_gate_look(&r->progress);
        yk_block *mine = NULL;
        rc = give(r, ret, &mine, lane != NULL, err);
        if (rc != YK_NEXT_WAITED)
            break;
        if (mine) {
            caller_work(r, lane, mine);
            continue;
        }
        if (!lane && (lane = caller_enter(r)))
            continue;
        if (lane) {
            caller_leave(r, YK_TAKE(lane));
            if (yk_gate_look(&r->progress) != seen)
                continue;
        }
        if (!yk_gate_wait(&r->progress, seen, wait_ns) && wait_ns != YK_FOREVER)
            break;
    }
    if (lane)
        caller_leave(r, lane);
    return rc;
}

static void threads_release(yk_run *run, yk_block *b)
{
    threads_run *r = (threads_run *)run;
    pthread_mutex_lock(&r->lock);
    yk_feed_release(&r->feed, b);
    bool is_news = renew_hint(r);
    pthread_mutex_unlock(&r->lock);
    if (is_news)
        yk_gate_open(&exec_of(r)->work);
}

static void threads_halt(yk_run *run, bool now)
{
    threads_run *r = (threads_run *)run;
    (void)now; /* a thread cannot be stopped from outside; tasks ask yoke_task_is_canceled */
    pthread_mutex_lock(&r->lock);
    yk_feed_end(&r->feed);
    set_hint(r, false);
    atomic_store(&r->stop, -1);
    pthread_mutex_unlock(&r->lock);
}

static void threads_poke(yk_run *run)
{
    threads_run *r = (threads_run *)run;
    pthread_mutex_lock(&r->lock);
    r->feed.is_later = false;
    bool is_news = renew_hint(r);
    pthread_mutex_unlock(&r->lock);
    if (is_news)
        yk_gate_open_one(&exec_of(r)->work);
}

static void threads_end(yk_run *run)
{
    threads_run  *r = (threads_run *)run;
    threads_exec *ex = exec_of(r);
    threads_halt(run, false);
    pthread_mutex_lock(&ex->lock);
    threads_run **at = &ex->runs;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    while (r->inside) {
        unsigned seen = yk_gate_look(&r->progress);
        pthread_mutex_unlock(&ex->lock);
        yk_gate_wait(&r->progress, seen, YK_FOREVER);
        pthread_mutex_lock(&ex->lock);
    }
    pthread_mutex_unlock(&ex->lock);
    run_free(r);
}

const yk_exec_ops yk_exec_threads = {.abi = YK_EXEC_ABI,
                                     .name = "threads",
                                     .has_count = true,
                                     .is_local = true,
                                     .open = threads_open,
                                     .begin = threads_begin,
                                     .next = threads_next,
                                     .release = threads_release,
                                     .halt = threads_halt,
                                     .poke = threads_poke,
                                     .end = threads_end,
                                     .close = threads_close};
