/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/slurm_call.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Words of Slurm's sentences, in lower case, and what to do then. The first that fits is taken. */
static const struct { const char *words, *advice; } ADVICE[] = {
    {"invalid partition", "`sinfo -s` lists the partitions; name one with -p"},
    {"invalid account", "`sacctmgr show assoc user=$USER` lists your accounts; name one with -A"},
    {"invalid qos", "`sacctmgr show qos` lists them; name one with --qos"},
    {"invalid job array", "array indices must stay below the site's MaxArraySize; `--pack auto` lets any number of lines fit"},
    {"maxsubmitjob", "you may not have that many tasks queued at once: wait for some to end, or --pack more lines into each task"},
    {"qosmax", "a limit of your account or QOS is used up: wait for jobs to end, or ask for less"},
    {"assocmax", "a limit of your account is used up: wait for jobs to end, or ask for less"},
    {"accounting/qos policy",
     "a limit of your account is used up or passed: wait for jobs to end, ask for less, or --pack more lines into each task"},
    {"temporarily unable to accept", "the queue is full: try again later, or --pack more lines into each task"},
    {"node configuration is not available",
     "no node has that much: ask for less; `sinfo -o '%P %c %m %G'` shows processors, MiB and devices of the nodes"},
    {"memory specification", "no node has that much memory: ask for less; `sinfo -o '%P %m'` shows what nodes have, in MiB"},
    {"time limit", "ask for less with -t; `sinfo -s` shows what each partition allows"},
    {"invalid --time", "write it as MINUTES, HOURS:MINUTES:SECONDS or DAYS-HOURS"},
    {"unrecognized option", "`man sbatch` lists the options"},
    {"invalid option", "`man sbatch` lists the options"},
    {"unable to contact", "Slurm's controller does not answer: try again in a minute; jobs that run go on"},
    {"connection refused", "Slurm's controller does not answer: try again in a minute; jobs that run go on"},
    {"socket timed out", "Slurm's controller is busy: try again in a minute, but look into squeue first: it may have done it"},
    {"invalid job id", "Slurm keeps ended jobs for a few minutes only; `sacct -j ID` knows older ones where there is accounting"},
    {"accounting storage is disabled", "this site keeps no accounting"},
    {"access/permission denied", "that job is not yours"},
    {"disk quota", "make room, or submit from another folder"},
    {"could not resolve", "Slurm's configuration is not found: set SLURM_CONF, or work on a login node of the cluster"},
    {"unable to establish configuration", "Slurm's configuration is not found: set SLURM_CONF, or work on a login node of the cluster"},
};

void yk_slurm_reply_fini(yk_slurm_reply *r)
{
    yk_buf_fini(&r->out);
    yk_buf_fini(&r->said);
}

/* ---- Slurm's sentences */

/* Skips "sbatch: error: " and the like. */
static const char *skip_prefix(const char *line)
{
    static const char *const prefix[] = {"sbatch: ",  "squeue: ", "sacct: ", "scontrol: ", "scancel: ",
                                         "sinfo: ",   "error: ",  "fatal: ", "slurm_load_jobs error: "};
    for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
        if (strncmp(line, prefix[i], strlen(prefix[i])) == 0) {
            line += strlen(prefix[i]);
            i = (size_t)-1;
        }
    return line;
}

const char *yk_slurm_sentence(const char *said, char *buf, size_t size)
{
    buf[0] = '\0';
    while (*said) {
        size_t      len = strcspn(said, "\n");
        const char *end = said + len, *from = skip_prefix(said);
        while (end > from && isspace((unsigned char)end[-1]))
            end--;
        /* "Try sbatch --help" says nothing; of several sentences the last is the verdict. */
        if (end > from && strncmp(from, "Try ", 4) != 0)
            snprintf(buf, size, "%.*s", (int)(end - from), from);
        said += len + (said[len] == '\n');
    }
    return buf;
}

const char *yk_slurm_advice(const char *sentence)
{
    for (size_t i = 0; i < sizeof ADVICE / sizeof *ADVICE; i++)
        if (strcasestr(sentence, ADVICE[i].words))
            return ADVICE[i].advice;
    return NULL;
}

/* ---- running one */

static bool is_unwanted(const char *variable)
{
    return strncmp(variable, "SQUEUE_", 7) == 0 || strncmp(variable, "SINFO_", 6) == 0 || strncmp(variable, "SACCT_", 6) == 0 ||
           strncmp(variable, "SLURM_TIME_FORMAT=", 18) == 0 || strncmp(variable, "SLURM_BITSTR_LEN=", 17) == 0;
}

static char **make_environment(void)
{
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **env = yk_new_array(char *, n + 2);
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!is_unwanted(environ[i]))
            env[kept++] = environ[i];
    env[kept] = (char *)"SLURM_BITSTR_LEN=0";
    return env;
}

typedef struct child { pid_t pid; int fd[2]; } child; /* fd: its standard output and error, -1 once ended */

static int absent(const char *name, yoke_error *err)
{
    return yk_fail(err, YOKE_EABSENT, "there is no Slurm here: '%s' is not on the PATH; work on a login node of the cluster "
                   "(often: module load slurm), or run the job file on this machine with 'yoke run'", name);
}

static int start(const char *const argv[], child *c, yoke_error *err)
{
    YK_AUTOFREE char **env = make_environment();
    int                out[2], said[2];
    if (!env)
        return yk_fail_nomem(err, "starting a Slurm command");
    if (pipe2(out, O_CLOEXEC) < 0)
        return yk_fail_errno(err, "starting '%s'", argv[0]);
    if (pipe2(said, O_CLOEXEC) < 0) {
        close(out[0]), close(out[1]);
        return yk_fail_errno(err, "starting '%s'", argv[0]);
    }
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out[1], 1);
    posix_spawn_file_actions_adddup2(&files, said[1], 2);
    errno = posix_spawnp(&c->pid, argv[0], &files, NULL, (char *const *)argv, env);
    posix_spawn_file_actions_destroy(&files);
    close(out[1]), close(said[1]);
    c->fd[0] = out[0], c->fd[1] = said[0];
    if (errno == 0)
        return 0;
    int why = errno;
    close(out[0]), close(said[0]);
    errno = why;
    return why == ENOENT || why == ENOTDIR ? absent(argv[0], err) : yk_fail_errno(err, "starting '%s'", argv[0]);
}

/* Takes what there is on one of its streams; closes it at its end. */
static void drain(int *fd, yk_buf *to)
{
    char    bytes[65536];
    ssize_t n = read(*fd, bytes, sizeof bytes);
    if (n > 0)
        yk_buf_append(to, bytes, (size_t)n);
    else if (n == 0 || errno != EINTR) {
        close(*fd);
        *fd = -1;
    }
}

/* Reads both streams to their ends; false when the time was up first. */
static bool listen_to(child *c, double deadline, yk_slurm_reply *ret)
{
    while (c->fd[0] >= 0 || c->fd[1] >= 0) {
        struct pollfd p[2] = {{.fd = c->fd[0], .events = POLLIN}, {.fd = c->fd[1], .events = POLLIN}};
        double        left = deadline - yk_now();
        if (left <= 0)
            return false;
        if (poll(p, 2, (int)(left * 1000) + 1) <= 0)
            continue;
        if (p[0].revents)
            drain(&c->fd[0], &ret->out);
        if (p[1].revents)
            drain(&c->fd[1], &ret->said);
    }
    return true;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int yk_slurm_try(const char *const argv[], double limit_s, yk_slurm_reply *ret, yoke_error *err)
{
    child c;
    yk_buf_clear(&ret->out);
    yk_buf_clear(&ret->said);
    YK_TRY(start(argv, &c, err));
    bool is_done = listen_to(&c, yk_now() + limit_s, ret);
    if (!is_done)
        kill(c.pid, SIGKILL);
    for (int i = 0; i < 2; i++)
        if (c.fd[i] >= 0)
            close(c.fd[i]);
    ret->status = wait_for(c.pid);
    if (!is_done)
        return yk_fail(err, YOKE_ETIMEOUT, "'%s' did not answer within %.0f s; Slurm's controller may be busy: try again in a minute%s",
                       argv[0], limit_s, strcmp(argv[0], "sbatch") == 0 ? ", but look into squeue first: the job may be there" : "");
    if (ret->out.is_failed || ret->said.is_failed)
        return yk_fail_nomem(err, "reading Slurm's answer");
    if (ret->status == 127 && !ret->out.len) /* how a shell or an old C library says that there is none */
        return absent(argv[0], err);
    return 0;
}

int yk_slurm_call(const char *const argv[], double limit_s, yk_slurm_reply *ret, yoke_error *err)
{
    YK_TRY(yk_slurm_try(argv, limit_s, ret, err));
    if (ret->status == 0)
        return 0;
    char sentence[320];
    yk_slurm_sentence(yk_buf_text(&ret->said), sentence, sizeof sentence);
    if (!sentence[0])
        return yk_fail(err, YOKE_EIO, "%s ended with status %d and said nothing", argv[0], ret->status);
    const char *advice = yk_slurm_advice(sentence);
    return yk_fail(err, YOKE_EIO, "%s: %s%s%s", argv[0], sentence, advice ? "; " : "", advice ? advice : "");
}
