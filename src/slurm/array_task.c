/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/array_task.h"

#include "base/clock.h"
#include "base/file.h"
#include "jobs/runner.h"
#include "slurm/cancelled.h"
#include "slurm/scan.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct running { uint64_t line; pid_t pid; uint64_t told_ns; } running; /* pid 0: nothing in this slot */

typedef struct task {
    yk_slurm_run   *run;  /* owned */
    yk_slurm_part  *part; /* borrowed from run */
    yk_scan_session me;
    yk_jobfile     *jobs; /* owned */
    yk_journal     *journal;
    yk_store       *store; /* NULL: lines print where Slurm says */
    yk_cancelled    cancelled;
    uint64_t        rank;   /* lines of the part that were read so far */
    uint64_t       *done;   /* owned; sorted; lines that an earlier start has finished */
    size_t          n_done, done_cap;
    running        *running; /* owned; by slot - 1 */
    unsigned        slots;
    int             status; /* of the last line that failed */
    enum { FINE, FAILED, KILLED } last; /* how the last line ended */
} task;

static volatile sig_atomic_t signal_to_pass; /* USR1 or USR2, of --signal=B:USR1@60 */
static volatile sig_atomic_t is_told_to_stop; /* by a SIGTERM that came when the runner no longer looked */

static void on_user_signal(int signal)
{
    signal_to_pass = signal;
}

static void on_stop(int signal)
{
    is_told_to_stop = signal;
}

static void task_fini(task *t)
{
    yk_journal_close(t->journal);
    yk_store_close(t->store);
    yk_jobfile_close(t->jobs);
    yk_cancelled_fini(&t->cancelled);
    yk_slurm_run_free(t->run);
    yk_free(t->done);
    yk_free(t->running);
}

/* ---- who we are */

static bool read_environment(const char *name, uint64_t *ret)
{
    const char *text = getenv(name);
    char       *end;
    if (!text || !*text)
        return false;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return !*end && !errno;
}

static int identify(task *t, const char *folder, unsigned part, yoke_error *err)
{
    uint64_t restart = 0, cpus = 1;
    if (!read_environment("SLURM_ARRAY_JOB_ID", &t->me.job) || !read_environment("SLURM_ARRAY_TASK_ID", &t->me.task))
        return yk_fail(err, YOKE_EINVALID,
                       "this is what the tasks of a Slurm array run: SLURM_ARRAY_JOB_ID and SLURM_ARRAY_TASK_ID are not set");
    read_environment("SLURM_RESTART_COUNT", &restart);
    read_environment("SLURM_CPUS_PER_TASK", &cpus);
    YK_TRY(yk_slurm_run_open(folder, &t->run, err));
    for (size_t i = 0; i < t->run->n_parts; i++)
        if (t->run->part[i].number == part)
            t->part = &t->run->part[i];
    if (!t->part)
        return yk_fail(err, YOKE_EINVALID, "'%s' has no part %u", folder, part);
    if (!t->part->job) /* submitted by hand, or so quickly started that sbatch's caller has not noted it yet */
        YK_TRY(yk_slurm_run_submitted(t->run, t->part, t->me.job, err));
    t->me.part = part;
    t->me.restart = (unsigned)restart;
    t->slots = t->part->pack && cpus >= 1 && cpus < 4096 ? (unsigned)cpus : 1;
    t->running = yk_new_array(running, t->slots);
    return t->running ? 0 : yk_fail_nomem(err, "starting a task");
}

/* ---- what an earlier start has done */

static int compare_lines(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static int note_done(void *ctx, const yk_scan_session *s, const yk_record *r)
{
    task *t = ctx;
    if (s->part != t->me.part || s->task != t->me.task || !r->is_last || !yk_cause_is_done(r->cause))
        return 0;
    if (r->cause != YK_CAUSE_OK)
        t->status = 1;
    return yk_push(&t->done, &t->n_done, &t->done_cap, r->line) ? 0 : yk_fail_nomem(NULL, "");
}

static int find_done(task *t, yoke_error *err)
{
    yk_scan_reader reader = {.ctx = t, .end = note_done};
    if (!t->me.restart)
        return 0;
    YK_TRY(yk_scan(t->run, &reader, err));
    if (t->n_done)
        qsort(t->done, t->n_done, sizeof *t->done, compare_lines);
    return 0;
}

static bool is_done(const task *t, uint64_t line)
{
    return t->n_done && bsearch(&line, t->done, t->n_done, sizeof *t->done, compare_lines);
}

/* ---- the journal */

static void host_name(char *buf, size_t size)
{
    const char *node = getenv("SLURMD_NODENAME");
    if (node && *node)
        snprintf(buf, size, "%s", node);
    else if (gethostname(buf, size) < 0)
        snprintf(buf, size, "unknown");
    buf[strcspn(buf, "./")] = '\0';
}

static int open_store(task *t, const char *journal, yoke_error *err)
{
    YK_AUTOBUF path = YK_BUF_INIT;
    yk_buf_printf(&path, "%s.out", journal);
    return path.is_failed ? yk_fail_nomem(err, "opening a store") : yk_store_open(path.data, &t->store, err);
}

/* The first journal of this host that no other task is writing. */
static int open_journal(task *t, yoke_error *err)
{
    char host[128];
    host_name(host, sizeof host);
    for (unsigned i = 0; i < 4096; i++) {
        YK_AUTOBUF path = YK_BUF_INIT;
        yoke_error why = YOKE_ERROR_INIT;
        yk_buf_printf(&path, "%s/journal/%s-%u", t->run->folder, host, i);
        if (path.is_failed)
            return yk_fail_nomem(err, "opening a journal");
        int rc = yk_journal_open(path.data, &t->journal, &why);
        if (rc == YOKE_EEXISTS)
            continue;
        if (rc < 0)
            return yk_fail(err, rc, "%s", why.text);
        return t->part->keeps_output ? open_store(t, path.data, err) : 0;
    }
    return yk_fail(err, YOKE_ELIMIT, "'%s/journal': thousands of journals are in use on this host", t->run->folder);
}

static void begin_session(task *t)
{
    char       command[96], host[128];
    yk_session s = {.time_ns = yk_wall_ns(), .run_id = t->run->hash, .slots = t->slots, .list_hash = t->run->hash, .pid = (int32_t)getpid(),
                    .host = host, .folder = t->run->from, .list = t->run->list, .command = command};
    host_name(host, sizeof host);
    yk_scan_session_print(&t->me, command, sizeof command);
    yk_journal_session(t->journal, &s);
}

/* ---- when Slurm ends the task

Slurm signals all processes of a task, one after the other. A line may die of that before this process has its SIGTERM; then
the next line must not be started, and the end not be taken for the line's own. */

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static bool is_stop_pending(void)
{
    sigset_t set;
    return is_told_to_stop || (sigpending(&set) == 0 && sigismember(&set, SIGTERM));
}

/* After a bad end: is this process being stopped, too? After a kill it is given a second, for machines that are busy. */
static bool is_being_stopped(task *t)
{
    bool is_stopped = t->last != FINE && is_stop_pending();
    for (int i = 0; t->last == KILLED && !is_stopped && i < 1000; i++) {
        pause_ms(1);
        is_stopped = is_stop_pending();
    }
    t->last = FINE;
    return is_stopped;
}

/* Into the journal at once: SIGKILL may be near. */
static int note_stop(task *t, yoke_error *err)
{
    is_told_to_stop = SIGTERM;
    yk_journal_note(t->journal, YK_SCAN_STOPPED);
    YK_TRY(yk_journal_flush(t->journal, err));
    return YK_SOURCE_END;
}

/* ---- lines for the runner */

static bool is_mine(task *t, uint64_t line)
{
    return yk_slurm_part_has(t->part, line) && yk_slurm_part_task(t->part, line, t->rank++) == t->me.task;
}

static bool is_behind(const task *t, uint64_t line)
{
    return t->part->pack ? t->rank >= (t->me.task + 1) * t->part->pack : line > t->me.task;
}

static int next_line(void *ctx, unsigned slot, yk_run_job *ret, yoke_error *err)
{
    task  *t = ctx;
    yk_job job;
    int    rc;
    if (is_told_to_stop || is_being_stopped(t))
        return note_stop(t, err);
    while ((rc = yk_jobfile_next(t->jobs, &job, err)) > 0) {
        if (is_behind(t, job.line))
            return YK_SOURCE_END;
        if (!is_mine(t, job.line) || is_done(t, job.line) || yk_cancelled_has(&t->cancelled, job.line))
            continue;
        *ret = (yk_run_job){.text = job.text, .len = job.len, .line = job.line, .seq = job.index + 1, .attempt = t->me.restart};
        return YK_SOURCE_JOB;
    }
    return rc < 0 ? rc : YK_SOURCE_END;
}

/* ---- while they run */

static void on_started(void *ctx, const yk_record *r)
{
    task *t = ctx;
    if (r->slot >= 1 && r->slot <= t->slots)
        t->running[r->slot - 1] = (running){r->line, r->pid, 0};
}

static int print_chunk(void *ctx, int stream, const char *bytes, size_t n)
{
    return yk_file_write(stream, "the task's output", bytes, n, ctx);
}

static int on_ended(void *ctx, yk_runner *run, const yk_record *r, const char *tag, yoke_error *err)
{
    task *t = ctx;
    if (r->slot >= 1 && r->slot <= t->slots)
        t->running[r->slot - 1].pid = 0;
    if (r->cause != YK_CAUSE_OK)
        t->last = r->signal == SIGTERM || r->signal == SIGKILL || r->exit_code == 128 + SIGTERM ? KILLED : FAILED;
    if (r->is_last && r->cause != YK_CAUSE_OK)
        t->status = t->part->pack ? 1 : r->signal ? 128 + r->signal : r->exit_code ? r->exit_code : 1;
    if (t->part->keeps_output || !t->part->pack)
        return 0;
    for (int stream = 1; stream <= 2; stream++) /* whole, and so never mixed with another line's */
        YK_TRY(yk_runner_output(run, stream, print_chunk, err, err));
    return 0;
}

/* Ends lines that were cancelled while they ran: SIGTERM, and SIGKILL two seconds later. */
static void end_cancelled(task *t)
{
    uint64_t now = yk_now_ns();
    for (unsigned i = 0; i < t->slots; i++) {
        running *r = &t->running[i];
        if (!r->pid || !yk_cancelled_has(&t->cancelled, r->line))
            continue;
        if (!r->told_ns) {
            kill(-r->pid, SIGTERM);
            r->told_ns = now;
        } else if (now - r->told_ns > 2000000000u)
            kill(-r->pid, SIGKILL);
    }
}

static void on_tick(void *ctx, yk_runner *run)
{
    task *t = ctx;
    int   signal = signal_to_pass;
    (void)run;
    if (signal) {
        signal_to_pass = 0;
        for (unsigned i = 0; i < t->slots; i++)
            if (t->running[i].pid)
                kill(-t->running[i].pid, signal);
    }
    if (yk_cancelled_any(&t->cancelled))
        end_cancelled(t);
}

static void on_said(void *ctx, const char *text)
{
    task *t = ctx;
    if (strncmp(text, "terminated", 10) == 0 || strncmp(text, "interrupted", 11) == 0)
        yk_journal_note(t->journal, YK_SCAN_STOPPED);
}

static int run_lines(task *t, yoke_error *err)
{
    yk_source       source = {.ctx = t, .next = next_line};
    yk_runner_hooks hooks = {.ctx = t, .started = on_started, .ended = on_ended, .tick = on_tick, .said = on_said};
    yk_runner_opts  opts = YK_RUNNER_OPTS_INIT;
    yk_run_end      end = YK_RUN_COMPLETE;
    opts.slots = t->slots;
    opts.run_id = t->run->hash;
    opts.kill_after_ns = 10000000000u; /* Slurm itself waits 30 s by default (KillWait) before it kills */
    opts.handles_signals = true;
    opts.ignores_output = !t->part->keeps_output && !t->part->pack;
    YK_TRY(yk_runner_run(&opts, &source, t->journal, t->store, &hooks, &end, err));
    if (end == YK_RUN_INTERRUPTED || is_told_to_stop)
        t->status = 128 + SIGTERM;
    else
        yk_journal_finish(t->journal);
    return yk_journal_flush(t->journal, err);
}

void yk_slurm_drop_empty_output(void)
{
    char        path[PATH_MAX];
    struct stat s, named;
    ssize_t     n = readlink("/proc/self/fd/1", path, sizeof path - 1);
    if (n <= 0 || fstat(1, &s) < 0 || !S_ISREG(s.st_mode) || s.st_size)
        return;
    path[n] = '\0';
    if (stat(path, &named) == 0 && named.st_ino == s.st_ino && named.st_dev == s.st_dev)
        unlink(path);
}

static int go(task *t, yoke_error *err)
{
    struct sigaction pass = {.sa_handler = on_user_signal, .sa_flags = SA_RESTART}, stop = {.sa_handler = on_stop};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGUSR1, &pass, NULL);
    sigaction(SIGUSR2, &pass, NULL);
    YK_TRY(yk_slurm_run_jobs(t->run, &t->jobs, err));
    YK_TRY(yk_cancelled_open(t->run, &t->cancelled, err));
    YK_TRY(find_done(t, err));
    YK_TRY(open_journal(t, err));
    begin_session(t);
    return run_lines(t, err);
}

int yk_slurm_task_run(const char *folder, unsigned part, int *ret, yoke_error *err)
{
    YK_CLEANUP(task_fini) task t = {0};
    YK_TRY(identify(&t, folder, part, err));
    YK_TRY(go(&t, err));
    if (t.part->keeps_output)
        yk_slurm_drop_empty_output();
    *ret = t.status;
    return 0;
}
