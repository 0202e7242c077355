/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The loop: fill free slots, wait, take what ended. policy.c decides what an end means.
 */
#include "jobs/runner_state.h"

#include "base/clock.h"
#include "base/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS = 64, LINGER_MS = 500, WATCH_MS = 50, TICK_MS = 100, SHORT_MS = 5, SYNC_MS = 1000 };

/* What an event's number says: the slot, and which of its three descriptors; the signals have a number of their own. */
enum { ON_OUT = 0, ON_ERR = 1, ON_EXIT = 2 };
static const uint64_t on_signals = UINT64_MAX;

static int watch(yk_runner *run, int fd, uint64_t what, yoke_error *err)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = what};
    return epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : yk_fail_errno(err, "watching a job");
}

/* The pipes of a job that is over in a few milliseconds hold what it prints: only its end is waited for, which saves it half of
 * what the runner costs. Pipes of longer ones are watched from here on. */
static int watch_pipes(yk_runner *run, yk_slot *s, yoke_error *err)
{
    uint64_t number = (uint64_t)(s - run->slot) << 2;
    for (int i = 0; i < 2; i++)
        if (!s->is_watched && s->pipe[i].fd >= 0)
            YK_TRY(watch(run, s->pipe[i].fd, number | (uint64_t)i, err));
    s->is_watched = true;
    return 0;
}

static int watch_due_pipes(yk_runner *run, uint64_t now, yoke_error *err)
{
    uint64_t next = 0;
    for (unsigned i = 0; i < run->n_slots; i++) {
        yk_slot *s = &run->slot[i];
        uint64_t at = s->begun_ns + SHORT_MS * 1000000ull;
        if (s->state != YK_SLOT_RUNS || s->is_watched)
            continue;
        if (at <= now)
            YK_TRY(watch_pipes(run, s, err));
        else if (!next || at < next)
            next = at;
    }
    run->watch_at = next;
    return 0;
}

/* ---- starting */

static int set_text(yk_buf *b, const char *text, size_t len)
{
    yk_buf_clear(b);
    yk_buf_append(b, text, len);
    return b->is_failed ? YOKE_ENOMEM : 0;
}

/* A job from those to try again, or from the source: as yk_source.next. */
static int next_job(yk_runner *run, yk_slot *s, yoke_error *err)
{
    if (run->n_again > 0) {
        yk_again *a = &run->again[run->again_at];
        int       rc = set_text(&s->text, a->text, a->text_len);
        s->has_tag = a->tag != NULL;
        if (rc == 0 && a->tag)
            rc = set_text(&s->tag, a->tag, strlen(a->tag));
        s->line = a->line, s->seq = a->seq, s->attempt = a->attempt + 1;
        s->not_run = NULL;
        yk_again_pop(run);
        return rc < 0 ? yk_fail_nomem(err, "trying a job again") : YK_SOURCE_JOB;
    }
    if (run->source_state == YK_SOURCE_END)
        return YK_SOURCE_END;
    yk_run_job job = {0};
    int        rc = run->source_state = run->source->next(run->source->ctx, s->number, &job, err);
    if (rc != YK_SOURCE_JOB)
        return rc;
    s->has_tag = job.tag != NULL;
    if (set_text(&s->text, job.text, job.len) < 0 || (job.tag && set_text(&s->tag, job.tag, strlen(job.tag)) < 0))
        return yk_fail_nomem(err, "starting a job");
    s->line = job.line, s->seq = job.seq, s->attempt = job.attempt + 1;
    s->not_run = job.not_run;
    return YK_SOURCE_JOB;
}

/* No fault of the job's, and over when another one has ended. */
static bool is_shortage(int sys) { return sys == EAGAIN || sys == ENOMEM || sys == EMFILE || sys == ENFILE; }

static int begin(yk_runner *run, yk_slot *s, yoke_error *err)
{
    int rc = s->not_run ? 0 : yk_slot_spawn(s, &run->starter, &run->limits);
    if (is_shortage(rc) && run->n_running > 0)
        return yk_runner_put_back(run, s, rc, err);
    if (s->not_run)
        s->start_ns = yk_wall_ns();
    else
        run->started_ns = s->begun_ns;
    yk_record r = yk_slot_record(s);
    if (run->journal)
        s->journal_start = yk_journal_start(run->journal, &r);
    if (run->hooks && run->hooks->started)
        run->hooks->started(run->hooks->ctx, &r);
    run->n_running++;
    s->state = YK_SLOT_RUNS;
    if (rc != 0 || s->not_run)
        return yk_runner_not_started(run, s, rc, err);
    run->has_deadlines |= run->opts.timeout_ns != 0;
    if (run->opts.timeout_ns)
        s->term_at = s->begun_ns + run->opts.timeout_ns;
    s->is_watched = run->opts.ignores_output;
    if (!s->is_watched && !run->watch_at)
        run->watch_at = s->begun_ns + SHORT_MS * 1000000ull;
    return s->pidfd >= 0 ? watch(run, s->pidfd, (uint64_t)(s - run->slot) << 2 | ON_EXIT, err) : 0;
}

static bool may_start(yk_runner *run)
{
    run->held_until = 0;
    if (run->is_draining || run->is_short || run->n_running == run->n_slots || (run->n_again == 0 && run->source_state != YK_SOURCE_JOB))
        return false;
    if (run->n_again == 0 && run->n_running > 0 && run->source->is_ready && !run->source->is_ready(run->source->ctx)) {
        run->held_until = yk_now_ns() + YK_ASK_NS; /* those that run are not to wait for it */
        return false;
    }
    if (run->opts.delay_ns && run->started_ns) {
        run->held_until = run->started_ns + run->opts.delay_ns;
        if (yk_now_ns() < run->held_until)
            return false;
    }
    if (!run->opts.min_free_memory && !(run->opts.load > 0))
        return true;
    uint64_t now = yk_now_ns();
    bool     may = yk_limits_may_start(&run->limits, now);
    if (!may && !run->is_held)
        yk_runner_say(run, "no new jobs for now: %s", run->limits.why);
    run->is_held = !may;
    run->held_until = may ? 0 : now + 100000000u;
    return may;
}

static int fill(yk_runner *run, yoke_error *err)
{
    while (may_start(run)) {
        unsigned at = run->free_hint;
        while (run->slot[at].state != YK_SLOT_FREE)
            at = at + 1 == run->n_slots ? 0 : at + 1;
        run->free_hint = at;
        int rc = next_job(run, &run->slot[at], err);
        YK_TRY(rc);
        if (rc == YK_SOURCE_JOB)
            YK_TRY(begin(run, &run->slot[at], err));
        else if (rc == YK_SOURCE_LATER && run->n_running == 0)
            return yk_fail(err, YOKE_EFORMAT, "jobs wait for others that never end");
    }
    return 0;
}

/* ---- ends */

/* Whether anything of a job that the runner ended is still there. */
static bool group_is_gone(const yk_slot *s)
{
    return s->forced == YK_CAUSE_RUNNING || !yk_limits_has_running(s->pid);
}

static int settle(yk_runner *run, yk_slot *s, yoke_error *err)
{
    bool is_drained = s->pipe[0].fd < 0 && s->pipe[1].fd < 0;
    if (!(is_drained && group_is_gone(s)) && yk_now_ns() < s->linger_until)
        return 0;
    if (!group_is_gone(s))
        kill(-s->pid, SIGKILL);
    return yk_runner_ended(run, s, err);
}

static int exited(yk_runner *run, yk_slot *s, yoke_error *err)
{
    pid_t got = wait4(s->pid, &s->status, WNOHANG, &s->used);
    if (got == 0 || (got < 0 && errno == EINTR))
        return 0;
    if (got < 0)
        return yk_fail_errno(err, "waiting for process %ld", (long)s->pid);
    uint64_t now = yk_now_ns();
    s->wall_ns = now - s->begun_ns;
    s->state = YK_SLOT_LINGERS;
    run->has_deadlines = true;
    s->linger_until = s->forced != YK_CAUSE_RUNNING && s->kill_at > now ? s->kill_at : now + LINGER_MS * 1000000ull;
    s->term_at = s->kill_at = 0;
    if (s->pidfd >= 0)
        close(s->pidfd);
    s->pidfd = -1;
    YK_TRY(yk_slot_drain(s, run->store, err));
    if (s->pipe[0].fd >= 0 || s->pipe[1].fd >= 0)
        YK_TRY(watch_pipes(run, s, err));
    return settle(run, s, err);
}

static bool has_pidfd(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Old kernels have no pidfd: SIGCHLD says that someone ended, and all are asked. */
static int ask_all(yk_runner *run, yoke_error *err)
{
    for (unsigned i = 0; i < run->n_slots; i++)
        if (run->slot[i].state == YK_SLOT_RUNS && run->slot[i].pidfd < 0)
            YK_TRY(exited(run, &run->slot[i], err));
    return 0;
}

static int signalled(yk_runner *run, yoke_error *err)
{
    struct signalfd_siginfo info;
    while (read(run->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            yk_runner_say(run, "the terminal hung up; going on without it");
        else if (info.ssi_signo == SIGTERM)
            yk_runner_stop(run, "terminated: ending what runs");
        else if (info.ssi_signo == SIGINT && run->is_draining)
            yk_runner_stop(run, "interrupted again: ending what runs");
        else if (info.ssi_signo == SIGINT)
            yk_runner_drain(run, "interrupted: starting no more, waiting for what runs; once more ends that too");
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            run->end = YK_RUN_INTERRUPTED;
    }
    return ask_all(run, err);
}

static int take(yk_runner *run, const struct epoll_event *e, yoke_error *err)
{
    if (e->data.u64 == on_signals)
        return signalled(run, err);
    yk_slot *s = &run->slot[e->data.u64 >> 2];
    unsigned what = e->data.u64 & 3;
    if (s->state == YK_SLOT_FREE)
        return 0; /* ended earlier in this batch */
    if (what == ON_EXIT)
        return s->state == YK_SLOT_RUNS ? exited(run, s, err) : 0;
    YK_TRY(yk_slot_read(s, (int)what, run->store, err));
    return s->state == YK_SLOT_LINGERS ? settle(run, s, err) : 0;
}

/* ---- time */

static void earlier(uint64_t *at, uint64_t when)
{
    if (when && when < *at)
        *at = when;
}

static int wait_ms(const yk_runner *run, uint64_t now)
{
    uint64_t at = now + 1000000000u;
    bool     is_watching = run->opts.memory && !run->limits.group;
    earlier(&at, run->held_until);
    earlier(&at, run->watch_at);
    if (run->hooks && run->hooks->tick)
        earlier(&at, run->ticked_ns + TICK_MS * 1000000ull);
    if (is_watching)
        earlier(&at, run->watched_ns + WATCH_MS * 1000000ull);
    if (run->has_deadlines)
        for (unsigned i = 0; i < run->n_slots; i++) {
            const yk_slot *s = &run->slot[i];
            earlier(&at, s->state == YK_SLOT_RUNS ? s->term_at : 0);
            earlier(&at, s->state == YK_SLOT_RUNS ? s->kill_at : 0);
            earlier(&at, s->state == YK_SLOT_LINGERS ? now + 20000000u : 0);
        }
    return at <= now ? 0 : (int)((at - now + 999999) / 1000000);
}

static int look_at_slots(yk_runner *run, uint64_t now, bool looks_at_memory, yoke_error *err)
{
    run->has_deadlines = run->opts.timeout_ns != 0;
    for (unsigned i = 0; i < run->n_slots; i++) {
        yk_slot *s = &run->slot[i];
        if (s->state == YK_SLOT_LINGERS) {
            run->has_deadlines = true;
            YK_TRY(settle(run, s, err));
        }
        if (s->state != YK_SLOT_RUNS)
            continue;
        if (looks_at_memory && yk_limits_resident(s->pid) > run->opts.memory)
            yk_runner_kill(run, s, YK_CAUSE_MEMORY);
        if (s->term_at && now >= s->term_at)
            yk_runner_term(run, s, YK_CAUSE_TIMEOUT);
        if (s->kill_at && now >= s->kill_at)
            yk_runner_kill(run, s, s->forced);
        run->has_deadlines |= s->kill_at != 0;
    }
    return 0;
}

static int keep_time(yk_runner *run, yoke_error *err)
{
    uint64_t now = yk_now_ns();
    if (run->journal && !run->has_syncer && now - run->begun_ns >= SYNC_MS * 1000000ull)
        YK_TRY(yk_runner_start_syncing(run, err));
    bool     looks_at_memory = run->opts.memory && !run->limits.group && now - run->watched_ns >= WATCH_MS * 1000000ull;
    if (looks_at_memory)
        run->watched_ns = now;
    if (run->watch_at && now >= run->watch_at)
        YK_TRY(watch_due_pipes(run, now, err));
    if (looks_at_memory || run->has_deadlines)
        YK_TRY(look_at_slots(run, now, looks_at_memory, err));
    if (run->hooks && run->hooks->tick && now - run->ticked_ns >= TICK_MS * 1000000ull) {
        run->ticked_ns = now;
        run->hooks->tick(run->hooks->ctx, run);
    }
    return 0;
}

/* ---- the loop */

static bool is_over(const yk_runner *run)
{
    return run->n_running == 0 && (run->is_draining || (run->n_again == 0 && run->source_state == YK_SOURCE_END));
}

static int loop(yk_runner *run, yoke_error *err)
{
    struct epoll_event event[EVENTS];
    for (;;) {
        YK_TRY(fill(run, err));
        YK_TRY(yk_runner_flush(run, err));
        if (is_over(run))
            return 0;
        int n = epoll_wait(run->epoll, event, EVENTS, wait_ms(run, yk_now_ns()));
        if (n < 0 && errno != EINTR)
            return yk_fail_errno(err, "waiting for jobs");
        for (int i = 0; i < n; i++)
            YK_TRY(take(run, &event[i], err));
        YK_TRY(keep_time(run, err));
    }
}

static int set_up(yk_runner *run, yoke_error *err)
{
    uint64_t drawn = 0;
    sigset_t set;
    if (run->opts.run_id == 0 && getrandom(&drawn, sizeof drawn, 0) == sizeof drawn)
        run->opts.run_id = drawn;
    run->slot = yk_new_array(yk_slot, run->n_slots);
    if (!run->slot)
        return yk_fail_nomem(err, "starting jobs");
    for (unsigned i = 0; i < run->n_slots; i++)
        run->slot[i] = (yk_slot){.number = i + 1, .pidfd = -1, .pipe = {{.fd = -1}, {.fd = -1}}};
    YK_TRY(yk_starter_init(&run->starter, run->opts.run_id, run->n_slots, run->opts.ignores_output, err));
    yk_limits_init(&run->limits, run->opts.memory, run->opts.min_free_memory, run->opts.load);
    if (!run->store && !run->opts.ignores_output) {
        YK_TRY(yk_store_open(NULL, &run->own_store, err));
        run->store = run->own_store;
    }
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run->epoll < 0)
        return yk_fail_errno(err, "watching jobs");
    sigemptyset(&set);
    if (!has_pidfd())
        sigaddset(&set, SIGCHLD);
    for (int i = 0; run->opts.handles_signals && i < 3; i++)
        sigaddset(&set, (int[]){SIGINT, SIGTERM, SIGHUP}[i]);
    pthread_sigmask(SIG_BLOCK, &set, &run->old_mask);
    run->has_mask = true;
    run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signals < 0)
        return yk_fail_errno(err, "watching signals");
    run->begun_ns = yk_now_ns();
    return watch(run, run->signals, on_signals, err);
}

/* After an error, nothing is left running. */
static void end_all(yk_runner *run)
{
    for (unsigned i = 0; run->slot && i < run->n_slots; i++) {
        if (run->slot[i].state == YK_SLOT_RUNS) {
            kill(-run->slot[i].pid, SIGKILL);
            waitpid(run->slot[i].pid, NULL, 0);
        }
        yk_slot_fini(&run->slot[i]);
    }
    yk_free(run->slot);
}

static void tear_down(yk_runner *run)
{
    yk_runner_stop_syncing(run);
    end_all(run);
    if (run->has_mask)
        pthread_sigmask(SIG_SETMASK, &run->old_mask, NULL);
    if (run->signals >= 0)
        close(run->signals);
    if (run->epoll >= 0)
        close(run->epoll);
    while (run->n_again > 0)
        yk_again_pop(run);
    yk_free(run->again);
    yk_starter_fini(&run->starter);
    yk_limits_fini(&run->limits);
    yk_store_close(run->own_store);
}

int yk_runner_run(const yk_runner_opts *opts, const yk_source *source, yk_journal *journal, yk_store *store,
                  const yk_runner_hooks *hooks, yk_run_end *ret, yoke_error *err)
{
    yk_runner run = {.opts = *opts, .source = source, .journal = journal, .store = store, .hooks = hooks, .epoll = -1, .signals = -1,
                     .starter.null_fd = -1, .source_state = YK_SOURCE_JOB};
    run.n_slots = opts->slots ? opts->slots : yk_cpus_find().usable;
    if (!run.opts.kill_after_ns)
        run.opts.kill_after_ns = 2000000000u;
    int rc = set_up(&run, err);
    if (rc == 0)
        rc = loop(&run, err);
    if (rc == 0 && journal) {
        yk_journal_finish(journal);
        rc = yk_journal_flush(journal, err);
    }
    tear_down(&run);
    if (rc == 0)
        *ret = run.end;
    return rc;
}
