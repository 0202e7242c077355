/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The worker process: takes blocks from the queue until there are no more. It leaves by _exit alone, so that nothing the
 * parent registered runs twice; the kernel kills it when the parent ends, however that ends.
 */
#include "exec/proc.h"

#include "base/clock.h"
#include "exec/exec.h"

#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/prctl.h>
#include <unistd.h>

typedef struct worker {
    yoke_task       task; /* first: the hooks get it */
    yk_proc_shm    *shm;
    yk_proc_worker *me;
    unsigned char  *ring;
    int             event_fd;
    uint32_t        slot;
    yk_block        block;
    uint64_t        n_tasks;
} worker;

/* ---- the ring ---- */

static void wake_parent(worker *w)
{
    if (atomic_load(&w->shm->is_parent_asleep) && atomic_exchange(&w->shm->is_parent_asleep, 0)) {
        uint64_t one = 1;
        if (write(w->event_fd, &one, sizeof one) < 0)
            return; /* it is full: the parent is awake already */
    }
}

static void send_bytes(worker *w, const void *bytes, size_t n)
{
    const unsigned char *from = bytes;
    uint64_t             head = atomic_load_explicit(&w->me->head, memory_order_relaxed);
    while (n) {
        unsigned seen = yk_gate_look(&w->me->room);
        size_t   used = (size_t)(head - atomic_load(&w->me->tail)), at = (size_t)(head % YK_RING_SIZE);
        size_t   room = YK_RING_SIZE - used, line = YK_RING_SIZE - at, k = n < room ? n : room;
        if (!k) {
            wake_parent(w);
            yk_gate_wait(&w->me->room, seen, YK_FOREVER);
            continue;
        }
        k = k < line ? k : line;
        memcpy(w->ring + at, from, k);
        from += k;
        n -= k;
        head += k;
        atomic_store(&w->me->head, head);
    }
}

static void send(worker *w, uint32_t kind, const void *bytes, size_t n)
{
    yk_msg m = {kind, w->slot, n};
    send_bytes(w, &m, sizeof m);
    send_bytes(w, bytes, n);
}

/* ---- around tasks ---- */

static void before_attempt(yoke_task *t)
{
    worker *w = (worker *)t;
    atomic_store_explicit(&w->me->attempt, t->attempt, memory_order_relaxed);
    if (t->work->timeout_ms || t->work->has_times)
        atomic_store_explicit(&w->me->began_ns, yk_now_ns(), memory_order_release);
}

/* The time limit is the attempt's alone: neither the pause before the next one nor the way of its result counts. */
static void behind_attempt(yoke_task *t)
{
    worker *w = (worker *)t;
    if (t->work->timeout_ms || t->work->has_times)
        atomic_store_explicit(&w->me->began_ns, 0, memory_order_relaxed);
}

static void after_task(yoke_task *t, uint32_t i)
{
    worker   *w = (worker *)t;
    yk_block *b = &w->block;
    if (b->n_mishaps) {
        send(w, YK_MSG_FAIL, b->mishaps, sizeof *b->mishaps);
        b->n_mishaps = 0;
    }
    if (b->emitted.len) {
        send(w, YK_MSG_EMIT, b->emitted.data, b->emitted.len);
        yk_buf_clear(&b->emitted);
    }
    atomic_store_explicit(&w->shm->slots[w->slot].done, i + 1, memory_order_release);
}

/* ---- blocks ---- */

static bool take(worker *w)
{
    yk_proc_shm *s = w->shm;
    for (;;) {
        unsigned long long head = atomic_load(&s->head);
        if (head >= atomic_load(&s->tail))
            return false;
        uint32_t           slot = atomic_load(&s->queue[head % YK_PROC_QUEUE]);
        unsigned long long free_claim = head << 16;
        bool is_mine = atomic_compare_exchange_strong(&s->slots[slot].claim, &free_claim, head << 16 | (w->task.worker + 1));
        atomic_compare_exchange_strong(&s->head, &head, head + 1); /* whoever took it, it is taken */
        if (!is_mine)
            continue;
        w->slot = slot;
        return true;
    }
}

static void run_slot(worker *w)
{
    const yk_work *work = w->task.work;
    yk_slot       *s = &w->shm->slots[w->slot];
    unsigned char *memory = yk_slot_memory(w->shm, w->slot);
    yk_block      *b = &w->block;
    b->lo = s->lo;
    b->n = s->n;
    b->first = s->first;
    b->first_attempt = s->first_attempt;
    b->in = w->shm->out_at ? memory : work->in ? (const unsigned char *)work->in + (size_t)b->lo * work->in_size : NULL;
    b->out = memory + w->shm->out_at;
    b->times = work->has_times ? (yk_times *)(void *)(memory + w->shm->times_at) : NULL;
    b->bad = work->pack ? memory + w->shm->bad_at : NULL;
    b->rc = 0;
    b->busy_ns = 0;
    b->n_packed = 0;
    yk_block_run(&w->task, b);
    w->n_tasks += b->n_done - b->first;
    yk_msg_done done = {.busy_ns = b->busy_ns, .n_packed = b->n_packed, .rc = b->rc, .why = b->why};
    yk_stall("done");
    fflush(stdout);
    fflush(stderr);
    send(w, YK_MSG_DONE, &done, sizeof done);
    unsigned long long waiting = atomic_load(&w->shm->tail) - atomic_load(&w->shm->head);
    if (!atomic_load(&w->shm->is_lazy) || waiting < w->shm->n_slots / 2)
        wake_parent(w);
}

static bool is_worn(const worker *w)
{
    const yk_work *work = w->task.work;
    if (work->recycle_tasks && w->n_tasks >= work->recycle_tasks)
        return true;
    uint64_t pages = work->recycle_mib ? yk_resident_pages(0) : 0, base = atomic_load(&w->me->base_pages);
    return pages > base && (pages - base) * (uint64_t)getpagesize() > (uint64_t)work->recycle_mib << 20;
}

static void work_until_closing(worker *w)
{
    while (!atomic_load(&w->shm->is_closing)) {
        unsigned seen = yk_gate_look(&w->shm->work);
        if (!take(w)) {
            yk_gate_wait(&w->shm->work, seen, YK_FOREVER);
            continue;
        }
        yk_stall("claim");
        run_slot(w);
        if (is_worn(w)) {
            send(w, YK_MSG_RETIRED, NULL, 0);
            return;
        }
    }
}

/* ---- a process of its own ---- */

/* Handlers that the program set are for the program; a worker that crashes is to die of it. The parent decides what an
 * interrupt from the terminal means. */
static void reset_signals(void)
{
    for (int sig = 1; sig < 32; sig++) {
        struct sigaction old;
        if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN)
            signal(sig, SIG_DFL);
    }
    signal(SIGINT, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* What the parent had not yet written stays the parent's. Lines go out whole, in one write each. */
static void reset_streams(void)
{
    static char out[16 << 10], err[16 << 10];
    __fpurge(stdout);
    __fpurge(stderr);
    setvbuf(stdout, out, _IOLBF, sizeof out);
    setvbuf(stderr, err, _IOLBF, sizeof err);
}

static void detach(const yk_proc_job *job)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != job->parent)
        _exit(0); /* the parent ended before the line above */
    yk_exec_set_worker();
    reset_signals();
    reset_streams();
}

void yk_proc_main(const yk_proc_job *job)
{
    static worker w;
    detach(job);
    w = (worker){.shm = job->shm, .me = &job->shm->workers[job->worker], .event_fd = job->event_fd};
    w.ring = job->shm->rings + (size_t)job->worker * YK_RING_SIZE;
    w.task = (yoke_task){.worker = job->worker, .work = &job->shm->told, .stop = &job->shm->stop, .finished = &job->shm->finished,
                         .arena = YK_ARENA_INIT, .before = before_attempt, .behind = behind_attempt, .after = after_task};
    const yk_work *work = &job->shm->told;
    if (work->mem_mib || work->recycle_mib || work->is_flat)
        atomic_store(&w.me->base_pages, yk_resident_pages(0));
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = work->start ? work->start(work->ctx, &w.task.state, &why) : 0;
    atomic_store(&w.me->is_ready, 1);
    if (rc < 0) {
        yk_fail(&why, rc, "%s", yoke_error_name(rc));
        send(&w, YK_MSG_START_FAILED, &why, sizeof why);
    } else {
        work_until_closing(&w);
        if (work->stop)
            work->stop(work->ctx, w.task.state);
    }
    wake_parent(&w);
    fflush(stdout);
    fflush(stderr);
    _exit(0);
}
