/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a task of a dSQ array runs.
 */
#include "slurm/dsq.h"

#include "base/clock.h"
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

typedef struct batch {
    const yk_dsq_work *b;
    uint64_t            job, task, first, last, rank; /* lines first … last of the list, by rank, are this task's */
    yk_lines            done; /* owned; lines that have a row already */
    sigset_t            signals;
    bool                is_stopped; /* Slurm told it to */
    bool                is_found;
    int                 status; /* of the last line that failed */
    yoke_error         *err;
} batch;

static bool from_environment(const char *name, uint64_t *ret)
{
    const char *text = getenv(name);
    char       *end;
    *ret = text ? strtoull(text, &end, 10) : 0;
    return text && *text && !*end;
}

/* ---- the status file */

static void print_row(uint64_t line, int status, time_t start, time_t end, double elapsed, const char *text, size_t len, yk_buf *to)
{
    struct utsname host;
    struct tm      tm;
    char           from[32], till[32];
    uname(&host);
    strftime(from, sizeof from, "%Y-%m-%d %H:%M:%S", localtime_r(&start, &tm));
    strftime(till, sizeof till, "%Y-%m-%d %H:%M:%S", localtime_r(&end, &tm));
    yk_buf_printf(to, "%" PRIu64 "\t%d\t%s\t%s\t%s\t%.2f\t", line, status, host.nodename, from, till, elapsed);
    yk_buf_append(to, text, len);
    yk_buf_putc(to, '\n');
}

/* One write, with the file locked: rows of many nodes do not run into one another. */
static int append_row(const batch *b, const yk_buf *row)
{
    YK_AUTOBUF   path = YK_BUF_INIT;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    yk_buf_printf(&path, "%s/job_%" PRIu64 "_status.tsv", b->b->status_dir, b->job);
    if (path.is_failed || row->is_failed)
        return yk_fail_nomem(b->err, "writing the status file");
    int fd = open(path.data, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return yk_fail_errno(b->err, "'%s'", path.data);
    while (fcntl(fd, F_SETLKW, &lock) < 0 && errno == EINTR)
        ;
    int rc = yk_file_write(fd, path.data, row->data, row->len, b->err);
    close(fd);
    return rc;
}

static int read_done(batch *b)
{
    YK_AUTOBUF path = YK_BUF_INIT, text = YK_BUF_INIT;
    if (!b->b->pack || !b->b->status_dir)
        return 0;
    yk_buf_printf(&path, "%s/job_%" PRIu64 "_status.tsv", b->b->status_dir, b->job);
    if (path.is_failed || access(path.data, R_OK) < 0)
        return 0;
    YK_TRY(yk_file_slurp(path.data, &text, b->err));
    for (const char *line = yk_buf_text(&text); *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char    *end;
        uint64_t n = strtoull(line, &end, 10);
        if (end > line && *end == '\t')
            YK_TRY(yk_lines_add(&b->done, n, b->err));
    }
    return 0;
}

static int note_pack(const batch *b)
{
    YK_AUTOBUF path = YK_BUF_INIT;
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    if (!b->b->pack || !b->b->status_dir)
        return 0;
    yk_dsq_pack_path(b->b->status_dir, b->job, &path);
    if (path.is_failed)
        return yk_fail_nomem(b->err, "starting a task");
    if (access(path.data, R_OK) == 0)
        return 0;
    YK_TRY(yk_output_open(&out, path.data, true, b->err));
    fprintf(out.file, "%" PRIu64 "\n", b->b->pack);
    return yk_output_commit(&out, b->err);
}

/* ---- one line */

static int start(const batch *b, const char *command, pid_t *ret)
{
    posix_spawnattr_t attr;
    sigset_t          none;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &b->signals);
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    errno = posix_spawn(ret, "/bin/sh", NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return errno ? yk_fail_errno(b->err, "starting /bin/sh") : 0;
}

/* Waits for the line's end; passes signals on to its whole process group. They are blocked since before it started, so none
 * is missed. Returns its wait status. */
static int wait_and_pass(batch *b, pid_t pid)
{
    int status;
    for (;;) {
        int signal = sigwaitinfo(&b->signals, NULL);
        if (signal == SIGCHLD) {
            if (waitpid(pid, &status, WNOHANG) == pid)
                return status;
            continue;
        }
        if (signal > 0)
            kill(-pid, signal);
        if (signal == SIGTERM || signal == SIGINT)
            b->is_stopped = true;
    }
}

static int run_line(batch *b, uint64_t line, const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char)*text))
        text++, len--;
    YK_AUTOFREE char *command = yk_strndup(text, len);
    YK_AUTOBUF row = YK_BUF_INIT;
    time_t start_s = time(NULL);
    double from = yk_now();
    pid_t  pid;
    if (!command)
        return yk_fail_nomem(b->err, "starting a line");
    fflush(NULL);
    YK_TRY(start(b, command, &pid));
    int how = wait_and_pass(b, pid), status = WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
    if (status)
        b->status = status < 0 ? 256 + status : status;
    if (b->is_stopped || !b->b->status_dir) /* a line that the cluster ended leaves no row */
        return 0;
    print_row(line, status, start_s, time(NULL), yk_now() - from, text, len, &row);
    return append_row(b, &row);
}

static int on_line(void *ctx, uint64_t line, const char *text, size_t len)
{
    batch   *b = ctx;
    uint64_t rank = b->rank++;
    bool     is_mine = b->b->pack ? rank >= b->first && rank <= b->last : line == b->task;
    if (!is_mine)
        return 0;
    b->is_found = true;
    if (yk_lines_has(&b->done, line))
        return 0;
    YK_TRY(run_line(b, line, text, len));
    return b->is_stopped || !b->b->pack;
}

/* The list no longer has the line: a message, and a row that says so. */
static int miss_line(const batch *b)
{
    YK_AUTOBUF row = YK_BUF_INIT;
    time_t     now = time(NULL);
    print_row(b->task, 1, now, now, 0, "", 0, &row);
    if (b->b->status_dir)
        YK_TRY(append_row(b, &row));
    return yk_fail(b->err, YOKE_EFORMAT, "'%s' has no job at line %" PRIu64 ": it has been changed since it was submitted", b->b->list,
                   b->task);
}

static void block_signals(batch *b)
{
    static const int passed[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGCHLD};
    sigemptyset(&b->signals);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        sigaddset(&b->signals, passed[i]);
    sigprocmask(SIG_BLOCK, &b->signals, NULL);
}

static int run_list(batch *b)
{
    YK_CLEANUP(yk_dsq_list_fini) yk_dsq_list list = {YK_BUF_INIT, YK_LINES_INIT};
    YK_TRY(yk_dsq_list_open(b->b->list, &list, b->err));
    YK_TRY(note_pack(b));
    YK_TRY(read_done(b));
    YK_TRY(yk_dsq_each(&list, on_line, b));
    return b->is_found ? 0 : miss_line(b);
}

int yk_dsq_batch_run(const yk_dsq_work *how, int *ret, yoke_error *err)
{
    batch b = {.b = how, .err = err, .done = YK_LINES_INIT};
    if (!from_environment("SLURM_ARRAY_JOB_ID", &b.job) || !from_environment("SLURM_ARRAY_TASK_ID", &b.task))
        return yk_fail(err, YOKE_EINVALID,
                       "this is what the tasks of a Slurm array run: SLURM_ARRAY_JOB_ID and SLURM_ARRAY_TASK_ID are not set");
    b.first = b.task * how->pack;
    b.last = b.first + how->pack - 1;
    block_signals(&b);
    int rc = run_list(&b);
    yk_lines_fini(&b.done);
    YK_TRY(rc);
    *ret = b.status;
    return 0;
}
