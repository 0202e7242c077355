/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The life and death of worker processes: forking, limits, finding out what a worker died of, and whose fault it was.
 */
#include "exec/proc_run.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_IDLE_DEATHS = 100, MAX_START_DEATHS = 3, MEM_CHECK_NS = 10000000, STOP_HOOK_NS_PER_S = 1000000000 };

/* Signals wait while the child still has the parent's handlers. */
int yk_proc_fork(yk_proc_run *r, unsigned i, yoke_error *err)
{
    yk_proc        *p = &r->procs[i];
    yk_proc_worker *w = &r->shm->workers[i];
    memset(w, 0, sizeof *w);
    yk_buf_clear(&p->body);
    p->has_msg = p->is_retired = p->was_stopped = false;
    p->killed_for = YOKE_CAUSE_NONE;
    p->job = (yk_proc_job){.shm = r->shm, .worker = i, .parent = getpid(), .event_fd = r->event_fd};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        yk_proc_main(&p->job);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pid < 0)
        return yk_fail_errno(err, "no worker process could be started");
    p->pid = pid;
    p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (p->pidfd >= 0)
        return 0;
    int rc = yk_fail_errno(err, "this system cannot watch a worker process");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    p->pid = 0;
    return rc;
}

void yk_proc_kill(yk_proc *p, yoke_cause why)
{
    if (!p->pid)
        return;
    p->killed_for = why;
    kill(p->pid, SIGKILL);
}

/* ---- limits ---- */

/* The slot that worker i holds, or n_slots. */
static uint32_t slot_of(const yk_proc_run *r, unsigned i)
{
    for (uint32_t s = 0; s < r->shm->n_slots; s++)
        if (r->sent[s].block && !r->sent[s].due_ns && (atomic_load(&r->shm->slots[s].claim) & 0xffff) == i + 1)
            return s;
    return r->shm->n_slots;
}

static void kill_for(yk_proc_run *r, unsigned i, yoke_cause why)
{
    uint32_t s = slot_of(r, i);
    if (s == r->shm->n_slots)
        return;
    r->procs[i].killed_slot = s;
    r->procs[i].killed_done = atomic_load(&r->shm->slots[s].done);
    yk_proc_kill(&r->procs[i], why);
}

static bool is_stopped(pid_t pid)
{
    char path[40], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *state = strrchr(text, ')');
    return state && (state[1] == ' ') && (state[2] == 'T' || state[2] == 't');
}

/* A worker that somebody stops between two tasks is over no task's limit, but would keep the others waiting all the same:
 * one that is found stopped twice, a limit apart, is replaced, and no task is to blame. */
static void check_stopped(yk_proc_run *r, uint64_t now, uint64_t limit)
{
    if (now < r->stop_check_ns)
        return;
    r->stop_check_ns = now + limit;
    for (unsigned i = 0; i < r->n_procs; i++) {
        yk_proc *p = &r->procs[i];
        bool     was_stopped = p->was_stopped;
        if (!p->pid || p->killed_for)
            continue;
        p->was_stopped = !atomic_load(&r->shm->workers[i].began_ns) && is_stopped(p->pid);
        if (was_stopped && p->was_stopped) {
            p->killed_slot = r->shm->n_slots;
            yk_proc_kill(p, YOKE_CAUSE_TIMEOUT);
        }
    }
}

static uint64_t check_time(yk_proc_run *r, uint64_t now)
{
    uint64_t limit = r->run.work.timeout_ms * UINT64_C(1000000), next = limit;
    for (unsigned i = 0; i < r->n_procs; i++) {
        uint64_t began = atomic_load(&r->shm->workers[i].began_ns);
        if (!r->procs[i].pid || !began || r->procs[i].killed_for)
            continue;
        if (now >= began + limit)
            kill_for(r, i, YOKE_CAUSE_TIMEOUT);
        else if (began + limit - now < next)
            next = began + limit - now;
    }
    check_stopped(r, now, limit);
    return next;
}

static uint64_t check_memory(yk_proc_run *r, uint64_t now)
{
    if (now < r->mem_check_ns)
        return r->mem_check_ns - now;
    uint64_t page = (uint64_t)getpagesize(), limit = (uint64_t)r->run.work.mem_mib << 20;
    for (unsigned i = 0; i < r->n_procs; i++) {
        uint64_t base = atomic_load(&r->shm->workers[i].base_pages);
        if (!r->procs[i].pid || !base || r->procs[i].killed_for)
            continue;
        uint64_t pages = yk_resident_pages(r->procs[i].pid);
        if (pages > base && (pages - base) * page > limit)
            kill_for(r, i, YOKE_CAUSE_MEMORY);
    }
    r->mem_check_ns = now + MEM_CHECK_NS;
    return MEM_CHECK_NS;
}

uint64_t yk_proc_check_limits(yk_proc_run *r)
{
    uint64_t next = YK_FOREVER, now = r->run.work.timeout_ms || r->run.work.mem_mib ? yk_now_ns() : 0, k;
    if (r->run.work.timeout_ms && (k = check_time(r, now)) < next)
        next = k;
    if (r->run.work.mem_mib && (k = check_memory(r, now)) < next)
        next = k;
    return next;
}

/* ---- what it died of ---- */

/* In any control group: the kernel counts all of them here. */
uint64_t yk_proc_oom_kills(void)
{
    char    text[16384], *at;
    int     fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return (at = strstr(text, "oom_kill ")) ? strtoull(at + 9, NULL, 10) : 0;
}

static void find_cause(const yk_proc_run *r, const yk_proc *p, int status, yk_mishap *m)
{
    const yk_work *w = &r->run.work;
    m->cause = WIFSIGNALED(status) ? YOKE_CAUSE_SIGNAL : YOKE_CAUSE_EXITED;
    m->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (p->killed_for && m->cause == YOKE_CAUSE_SIGNAL)
        m->cause = p->killed_for;
    else if (m->cause == YOKE_CAUSE_SIGNAL && m->status == SIGKILL && yk_proc_oom_kills() > r->oom_kills)
        m->cause = YOKE_CAUSE_MEMORY;
    char word[32];
    m->why = (yoke_error)YOKE_ERROR_INIT;
    if (m->cause == YOKE_CAUSE_TIMEOUT)
        yk_fail(&m->why, YOKE_ETIMEOUT, "it took longer than its limit of %u ms and was stopped", w->timeout_ms);
    else if (m->cause == YOKE_CAUSE_MEMORY && p->killed_for)
        yk_fail(&m->why, YOKE_ENOMEM, "it used more memory than its limit of %u MiB and was stopped", w->mem_mib);
    else if (m->cause == YOKE_CAUSE_MEMORY)
        yk_fail(&m->why, YOKE_ENOMEM, "the system killed its worker, process %d, for want of memory", (int)p->pid);
    else
        yk_fail(&m->why, YOKE_EDIED, "its worker died: %s", yoke_cause_text(m->cause, m->status, word, sizeof word));
}

/* Drops what the unfinished task had sent already. */
static void forget_unfinished(yk_sent *s, unsigned done)
{
    yk_block *b = s->block;
    yk_emit   e;
    if (b->n_mishaps && b->mishaps[b->n_mishaps - 1].index >= b->lo + done)
        b->n_mishaps--;
    if (b->emitted.len > s->emit_at && (memcpy(&e, b->emitted.data + s->emit_at, sizeof e), e.index >= b->lo + done))
        b->emitted.len = s->emit_at;
}

/* The task that ran when its worker died: it fails, or is tried again. */
static void blame(yk_proc_run *r, unsigned i, uint32_t slot, yk_mishap *m)
{
    yk_slot       *q = &r->shm->slots[slot];
    yk_block      *b = r->sent[slot].block;
    unsigned       done = atomic_load(&q->done), attempt = atomic_load(&r->shm->workers[i].attempt);
    const yk_work *w = &r->run.work;
    m->index = m->shown = b->lo + done;
    m->attempt = attempt > q->first_attempt || done > q->first ? (attempt ? attempt : 1) : q->first_attempt;
    q->first = done;
    if (m->attempt <= w->retries) {
        q->first_attempt = m->attempt + 1;
        r->sent[slot].due_ns = yk_now_ns() + yk_backoff_ns(w->backoff_ms, m->attempt + 1);
        r->n_delayed++;
        return;
    }
    unsigned char *memory = yk_slot_memory(r->shm, slot);
    if (w->out_size)
        memset(memory + r->shm->out_at + (size_t)done * w->out_size, 0, w->out_size);
    if (w->pack)
        memory[r->shm->bad_at + done] = 1;
    if (w->has_times) {
        uint64_t began = atomic_load(&r->shm->workers[i].began_ns);
        double   seconds = began ? (double)(yk_now_ns() - began) * 1e-9 : 0;
        yk_times t = {atomic_fetch_add(&r->shm->finished, 1), seconds, i, m->attempt, r->procs[i].pid, r->procs[i].pid};
        memcpy(memory + r->shm->times_at + done * sizeof t, &t, sizeof t);
    }
    yk_block_fail(b, m);
    q->first = done + 1;
    q->first_attempt = 1;
    atomic_store(&q->done, done + 1);
}

/* The pack may have overwritten results. */
static void start_anew(yk_slot *q, yk_block *b)
{
    b->n_mishaps = 0;
    yk_buf_clear(&b->emitted);
    q->first = 0;
    q->first_attempt = 1;
    atomic_store(&q->done, 0);
}

static void settle(yk_proc_run *r, unsigned i, uint32_t slot, int status)
{
    yk_slot  *q = &r->shm->slots[slot];
    yk_sent  *s = &r->sent[slot];
    yk_proc  *p = &r->procs[i];
    unsigned  done = atomic_load(&q->done);
    yk_mishap m = {0};
    find_cause(r, p, status, &m);
    forget_unfinished(s, done);
    bool is_innocent = p->killed_for && (p->killed_slot != slot || p->killed_done != done);
    if (r->is_killed || (done == q->n && r->run.work.pack && ++s->n_lost > MAX_START_DEATHS)) {
        yk_proc_complete(r, slot);
        if (!r->is_killed)
            yk_proc_fail(r, m.why.code, &m.why);
        return;
    }
    if (done < q->n && !is_innocent)
        blame(r, i, slot, &m);
    else if (done < q->n)
        q->first = done;
    else
        start_anew(q, s->block);
    if (r->is_halted || (q->first == q->n && !r->run.work.pack)) {
        r->n_delayed -= s->due_ns != 0;
        s->due_ns = 0;
        yk_proc_complete(r, slot);
    } else if (!s->due_ns) {
        yk_proc_post(r, slot);
        yk_gate_open(&r->shm->work);
    }
}

static void count_idle_death(yk_proc_run *r, unsigned i, int status)
{
    bool      is_starting = r->run.work.start && !atomic_load(&r->shm->workers[i].is_ready);
    yk_mishap m = {0};
    if (++r->n_idle_deaths <= (is_starting ? MAX_START_DEATHS : MAX_IDLE_DEATHS))
        return;
    char word[32];
    find_cause(r, &r->procs[i], status, &m);
    m.why = (yoke_error)YOKE_ERROR_INIT;
    yk_fail(&m.why, YOKE_EDIED, "%s: workers die %s: %s", r->run.work.name,
            is_starting ? "in their start function" : "before they have a task",
            yoke_cause_text(m.cause, m.status, word, sizeof word));
    yk_proc_fail(r, YOKE_EDIED, &m.why);
}

void yk_proc_bury(yk_proc_run *r, unsigned i)
{
    yk_proc *p = &r->procs[i];
    int      status = 0;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(p->pidfd);
    yk_proc_read(r, i);
    uint32_t slot = slot_of(r, i);
    bool     had_task = slot < r->shm->n_slots;
    for (; slot < r->shm->n_slots; slot = slot_of(r, i)) /* one, unless its messages could not be read */
        settle(r, i, slot, status);
    if (!had_task && !p->is_retired && !p->killed_for && !r->is_halted)
        count_idle_death(r, i, status);
    p->pid = 0;
    if (r->is_halted)
        return; /* what others have not taken is taken back */
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = yk_proc_fork(r, i, &why);
    if (rc >= 0)
        return;
    yk_proc_fail(r, rc, &why);
}

/* ---- the end ---- */

static void wait_or_kill(yk_proc *p, uint64_t until)
{
    struct pollfd f = {.fd = p->pidfd, .events = POLLIN};
    uint64_t      now = yk_now_ns();
    while (now < until && poll(&f, 1, (int)((until - now) / 1000000u + 1)) <= 0)
        now = yk_now_ns();
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(p->pidfd);
    p->pid = 0;
}

/* All blocks are back, so workers only wait for more, and what they printed is written: without a stop hook they may as
 * well be killed, which also ends one that somebody has stopped. */
void yk_proc_end_all(yk_proc_run *r)
{
    uint64_t grace = r->run.work.stop && !r->is_killed ? UINT64_C(10) * STOP_HOOK_NS_PER_S : 0, until = yk_now_ns() + grace;
    atomic_store(&r->shm->is_closing, 1);
    yk_gate_open(&r->shm->work);
    for (unsigned i = 0; i < r->n_procs && !grace; i++)
        yk_proc_kill(&r->procs[i], YOKE_CAUSE_CANCELED);
    for (unsigned i = 0; i < r->n_procs; i++)
        if (r->procs[i].pid)
            wait_or_kill(&r->procs[i], until);
}
