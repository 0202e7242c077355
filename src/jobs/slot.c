/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/slot.h"

#include "base/clock.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *const env_name[5] = {"YOKE_RUN", "YOKE_JOB", "YOKE_SEQ", "YOKE_SLOT", "YOKE_ATTEMPT"};

static bool is_ours(const char *entry)
{
    for (int i = 0; i < 5; i++) {
        size_t n = strlen(env_name[i]);
        if (strncmp(entry, env_name[i], n) == 0 && entry[n] == '=')
            return true;
    }
    return false;
}

static int make_env(yk_starter *s, uint64_t run_id, yoke_error *err)
{
    size_t n = 0, to = 5;
    while (environ && environ[n])
        n++;
    s->env = yk_new_array(char *, n + 6);
    if (!s->env)
        return yk_fail_nomem(err, "starting jobs");
    for (int i = 0; i < 5; i++)
        s->env[i] = s->env_text[i];
    for (size_t i = 0; i < n; i++)
        if (!is_ours(environ[i]))
            s->env[to++] = environ[i];
    snprintf(s->env_text[0], sizeof s->env_text[0], "%s=%016llx", env_name[0], (unsigned long long)run_id);
    return 0;
}

/* Three for each slot. */
static void raise_files(yk_starter *s, unsigned n_slots)
{
    struct rlimit more;
    rlim_t        need = 3 * (rlim_t)n_slots + 64;
    if (getrlimit(RLIMIT_NOFILE, &s->files) < 0 || s->files.rlim_cur >= need)
        return;
    more = (struct rlimit){need < s->files.rlim_max ? need : s->files.rlim_max, s->files.rlim_max};
    s->has_files = setrlimit(RLIMIT_NOFILE, &more) == 0;
}

int yk_starter_init(yk_starter *s, uint64_t run_id, unsigned n_slots, bool ignores_output, yoke_error *err)
{
    *s = (yk_starter){.null_fd = -1, .ignores_output = ignores_output};
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    raise_files(s, n_slots);
    YK_TRY(make_env(s, run_id, err));
    s->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (s->null_fd < 0)
        return yk_fail_errno(err, "'/dev/null'");
    return 0;
}

void yk_starter_fini(yk_starter *s)
{
    yk_command_fini(&s->command);
    yk_paths_fini(&s->paths);
    yk_free(s->env);
    if (s->null_fd >= 0)
        close(s->null_fd);
    *s = (yk_starter){.null_fd = -1};
}

/* ---- starting */

static int open_pipes(yk_slot *s, int write_end[2])
{
    for (int i = 0; i < 2; i++) {
        int fd[2];
        if (pipe2(fd, O_CLOEXEC) < 0)
            return errno;
        s->pipe[i].fd = fd[0];
        s->pipe[i].never_blocks = false;
        write_end[i] = fd[1];
    }
    return 0;
}

/* What the new process needs; it shares this one's memory until it becomes the program. */
typedef struct launch {
    const char       *path;
    char *const      *argv;
    const yk_starter *with;
    const int        *end;
    int               failed; /* errno */
} launch;

/* In the new process, on a stack of its own. Signals are blocked until just before the program begins, so that no handler of
 * ours runs here; what we ignore ourselves it does not. */
static int become(void *arg)
{
    launch           *l = arg;
    const yk_starter *with = l->with;
    const int        *end = l->end;
    if (setpgid(0, 0) == 0 && dup2(with->null_fd, 0) >= 0 && (end[0] < 0 || (dup2(end[0], 1) >= 0 && dup2(end[1], 2) >= 0))) {
        signal(SIGPIPE, SIG_DFL);
        if (with->has_files)
            setrlimit(RLIMIT_NOFILE, &with->files);
        sigprocmask(SIG_SETMASK, &with->mask, NULL);
        execve(l->path, l->argv, with->env);
    }
    l->failed = errno;
    _exit(127);
}

/* 0, s->pid and s->pidfd, or an errno. As posix_spawn does it: nothing is copied, however much memory this process has, and it
 * waits until the program has begun; but the pidfd comes with it, and signal handlers are not looked at one by one. */
static int start(yk_slot *s, yk_starter *with, const char *path, char *const *argv, const int end[2])
{
    sigset_t all, before;
    launch   l = {path, argv, with, end, 0};
    int      pidfd = -1; /* stays so on old kernels */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = clone(become, with->stack + sizeof with->stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &l, &pidfd);
    int   sys = pid < 0 ? errno : l.failed;
    if (pid > 0 && sys) {
        waitpid(pid, NULL, 0);
        if (pidfd >= 0)
            close(pidfd);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->pid = sys ? 0 : pid;
    s->pidfd = sys ? -1 : pidfd;
    return sys;
}

/* The shell, within the control group when there is one: a process enters it before it becomes the job, so that nothing the
 * job does escapes the limit. */
static int start_shell(yk_slot *s, yk_starter *with, const int end[2], const char *group)
{
    const char *text = yk_buf_text(&s->text), *argv[10];
    int         n = 0;
    if (group)
        argv[n++] = "/bin/sh", argv[n++] = "-c", argv[n++] = "echo $$ >\"$0\" && exec \"$@\"", argv[n++] = group;
    argv[n++] = "/bin/sh", argv[n++] = "-c";
    if (text[0] == '-' || text[0] == '+')
        argv[n++] = "--";
    argv[n++] = text;
    argv[n] = NULL;
    s->has_shell = true;
    return start(s, with, "/bin/sh", (char *const *)(uintptr_t)argv, end);
}

static int start_command(yk_slot *s, yk_starter *with, const int end[2], const char *group)
{
    int is_split = group ? 0 : yk_command_split(&with->command, yk_buf_text(&s->text), s->text.len);
    if (is_split < 0)
        return ENOMEM;
    s->has_shell = false;
    const char *path = is_split ? yk_paths_find(&with->paths, with->command.argv[0]) : NULL;
    if (path) {
        int rc = start(s, with, path, with->command.argv, end);
        if (rc != ENOENT && rc != EACCES && rc != ENOEXEC && rc != ENOTDIR && rc != ELOOP)
            return rc;
        yk_paths_forget(&with->paths); /* the shell looks anew, and has the words and the exit code for it */
    }
    return start_shell(s, with, end, group);
}

static void set_env(yk_slot *s, yk_starter *with)
{
    const uint64_t value[4] = {s->line, s->seq, s->number, s->attempt};
    for (int i = 0; i < 4; i++) {
        char *at = stpcpy(with->env_text[i + 1], env_name[i + 1]);
        *at = '=';
        yk_number_uint(value[i], at + 1);
    }
}

int yk_slot_spawn(yk_slot *s, yk_starter *with, yk_limits *limits)
{
    int  end[2] = {-1, -1};
    char group[900];
    s->has_group = limits->memory && yk_limits_group(limits, s->number, group, sizeof group);
    s->group_kills = s->has_group ? yk_limits_group_kills(limits, s->number) : 0;
    set_env(s, with);
    int rc = with->ignores_output ? 0 : open_pipes(s, end);
    s->start_ns = yk_wall_ns();
    s->begun_ns = yk_now_ns();
    if (rc == 0)
        rc = start_command(s, with, end, s->has_group ? group : NULL);
    for (int i = 0; i < 2; i++)
        if (end[i] >= 0)
            close(end[i]);
    return rc;
}

/* ---- what it prints */

static void keep_tail(yk_slot *s, const char *bytes, size_t n)
{
    if (n >= YK_TAIL_MAX) {
        memcpy(s->tail, bytes + n - YK_TAIL_MAX, YK_TAIL_MAX);
        s->tail_len = YK_TAIL_MAX;
        return;
    }
    size_t keep = s->tail_len + n <= YK_TAIL_MAX ? s->tail_len : YK_TAIL_MAX - n;
    memmove(s->tail, s->tail + s->tail_len - keep, keep);
    memcpy(s->tail + keep, bytes, n);
    s->tail_len = keep + n;
}

int yk_slot_read(yk_slot *s, int which, yk_store *store, yoke_error *err)
{
    yk_pipe *p = &s->pipe[which];
    if (!p->never_blocks && p->fd >= 0)
        fcntl(p->fd, F_SETFL, O_NONBLOCK); /* our end alone */
    p->never_blocks = true;
    for (int turns = 0; p->fd >= 0 && turns < 16; turns++) { /* then others have their turn */
        size_t room = p->buf.len + 4096 < YK_PIPE_HOLDS ? (p->buf.cap > p->buf.len + 4096 ? p->buf.cap - p->buf.len - 1 : 4096)
                                                        : YK_PIPE_HOLDS;
        char  *to = yk_buf_extend(&p->buf, room);
        if (!to)
            return yk_fail_nomem(err, "reading what a job prints");
        ssize_t got = read(p->fd, to, room);
        p->buf.len -= room - (got > 0 ? (size_t)got : 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0) {
            close(p->fd);
            p->fd = -1;
            return 0;
        }
        p->total += (uint64_t)got;
        if (which == 1)
            keep_tail(s, to, (size_t)got);
        if (p->buf.len >= YK_PIPE_HOLDS) {
            YK_TRY(yk_store_put(store, which + 1, p->buf.data, p->buf.len, &s->chunk, err));
            yk_buf_clear(&p->buf);
        }
    }
    return 0;
}

int yk_slot_drain(yk_slot *s, yk_store *store, yoke_error *err)
{
    struct pollfd ask[2] = {{.fd = s->pipe[0].fd, .events = POLLIN}, {.fd = s->pipe[1].fd, .events = POLLIN}};
    if (poll(ask, 2, 0) < 0)
        return errno == EINTR ? 0 : yk_fail_errno(err, "reading what a job prints");
    for (int i = 0; i < 2; i++) {
        if (ask[i].revents & POLLIN)
            YK_TRY(yk_slot_read(s, i, store, err));
        else if (ask[i].revents && s->pipe[i].fd >= 0) { /* hung up, and empty: most jobs print nothing on one of them */
            close(s->pipe[i].fd);
            s->pipe[i].fd = -1;
        }
    }
    return 0;
}

int yk_slot_put(yk_slot *s, yk_store *store, yoke_error *err)
{
    for (int i = 0; i < 2; i++) {
        if (s->pipe[i].buf.len == 0)
            continue;
        YK_TRY(yk_store_put(store, i + 1, s->pipe[i].buf.data, s->pipe[i].buf.len, &s->chunk, err));
        yk_buf_clear(&s->pipe[i].buf);
    }
    return 0;
}

void yk_slot_clear(yk_slot *s)
{
    for (int i = 0; i < 2; i++) {
        if (s->pipe[i].fd >= 0)
            close(s->pipe[i].fd);
        s->pipe[i].fd = -1;
        s->pipe[i].total = 0;
        yk_buf_clear(&s->pipe[i].buf);
    }
    if (s->pidfd >= 0)
        close(s->pidfd);
    s->pidfd = -1;
    s->pid = 0;
    s->state = YK_SLOT_FREE;
    s->chunk = s->term_at = s->kill_at = s->linger_until = s->wall_ns = 0;
    s->tail_len = 0;
    s->forced = YK_CAUSE_RUNNING;
    s->status = 0;
    s->used = (struct rusage){0};
}

void yk_slot_fini(yk_slot *s)
{
    yk_slot_clear(s);
    for (int i = 0; i < 2; i++)
        yk_buf_fini(&s->pipe[i].buf);
    yk_buf_fini(&s->text);
    yk_buf_fini(&s->tag);
}
