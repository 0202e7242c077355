/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs jobs from a source with N slots, and writes down what becomes of each. It stands for
 *
 *     while (source gives a job)
 *         run it with /bin/sh -c, wait, journal it, call `ended`
 *
 * One thread, one epoll: process ends come by pidfd, output by pipes with bounded memory. A line without shell syntax is
 * started directly. Jobs get /dev/null as standard input, their own process group, the environment of this process and
 * YOKE_RUN (run id), YOKE_JOB (line), YOKE_SEQ, YOKE_SLOT, YOKE_ATTEMPT.
 */
#ifndef YK_JOBS_RUNNER_H
#define YK_JOBS_RUNNER_H

#include "jobs/journal.h"
#include "jobs/store.h"

/* Where jobs come from. */
typedef struct yk_run_job {
    const char *text;  /* the command line, borrowed until the next call of next */
    size_t      len;
    const char *tag;   /* handed to `ended`; may be NULL */
    uint64_t    line;  /* its name */
    uint64_t    seq;   /* 1, 2, … */
    uint32_t    attempt; /* 0: the first; else this is attempt number `attempt` + 1 */
    const char *not_run; /* not NULL: it is not run, for this reason (a static string); recorded as CANCELLED */
} yk_run_job;

enum { YK_SOURCE_END = 0, YK_SOURCE_JOB = 1, YK_SOURCE_LATER = 2 };

typedef struct yk_source {
    void *ctx;
    /* YK_SOURCE_JOB and *ret; YK_SOURCE_LATER: nothing until another job has ended; YK_SOURCE_END; or an error. `slot` (1 …)
     * is where the job will run. */
    int (*next)(void *ctx, unsigned slot, yk_run_job *ret, yoke_error *err);
    /* Optional: whether `next` need not wait for input, now or within a millisecond. While it would and jobs run, it is not asked. */
    bool (*is_ready)(void *ctx);
    /* Optional: a job has ended for good. Called before `next` is asked again. */
    void (*ended)(void *ctx, const yk_record *r);
} yk_source;

/* What stops it, and when. */
typedef struct yk_halt { bool is_now; uint64_t failures; double percent; } yk_halt; /* both 0: never */

typedef struct yk_runner_opts {
    unsigned    slots;            /* 0: as many as cores may be used */
    uint64_t    run_id;           /* of the run folder; 0: one is drawn */
    unsigned    retries;          /* further attempts of a job that failed */
    /* which failures are tried again; NULL: all. Called with a record that failed. */
    bool      (*retry_on)(void *ctx, const yk_record *r);
    void       *retry_ctx;
    uint64_t    timeout_ns;       /* 0: none. SIGTERM to the group, SIGKILL kill_after_ns later */
    uint64_t    kill_after_ns;    /* 0: 2 s */
    yk_halt     halt;
    uint64_t    memory;           /* bytes per job, 0: no limit. By control group where allowed, else by watching */
    uint64_t    min_free_memory;  /* no start while less is available */
    double      load;             /* no start while the load is over it; 0: no limit */
    uint64_t    delay_ns;         /* between starts */
    bool        handles_signals;  /* INT drains, then stops; TERM stops; HUP is noted. False: signals are left alone */
    bool        ignores_output;   /* jobs inherit standard output and error; nothing is stored */
} yk_runner_opts;

#define YK_RUNNER_OPTS_INIT {.slots = 0}

typedef struct yk_runner yk_runner;

typedef struct yk_runner_hooks {
    void *ctx;
    void (*started)(void *ctx, const yk_record *r);
    /* After each attempt, journalled. Output: yk_runner_output while in this call. */
    int (*ended)(void *ctx, yk_runner *run, const yk_record *r, const char *tag, yoke_error *err);
    /* About ten times a second, and when there is news. */
    void (*tick)(void *ctx, yk_runner *run);
    /* Something to say to the user: a drain began, the load is too high. Also in the journal. */
    void (*said)(void *ctx, const char *text);
} yk_runner_hooks;

typedef enum yk_run_end { YK_RUN_COMPLETE, YK_RUN_HALTED, YK_RUN_INTERRUPTED } yk_run_end;

/* Runs until the source ends and all jobs have, or it is halted or interrupted. `journal` and `store` may be NULL. Not for two threads
 * at once when handles_signals. Errors: of the source, the hooks, the journal (a full disk stops the run: running jobs are ended and the
 * run can be resumed). */
int yk_runner_run(const yk_runner_opts *opts, const yk_source *source, yk_journal *journal, yk_store *store,
                  const yk_runner_hooks *hooks, yk_run_end *ret, yoke_error *err) YK_MUST_USE;

/* For hooks. */
void     yk_runner_drain(yk_runner *run, const char *why); /* start no more jobs */
void     yk_runner_stop(yk_runner *run, const char *why);  /* and end those that run: cause CANCELLED */
unsigned yk_runner_running(const yk_runner *run);

/* What the job of the current `ended` call printed on `stream` (1, 2), in order. */
int yk_runner_output(yk_runner *run, int stream, yk_store_fn *fn, void *ctx, yoke_error *err) YK_MUST_USE;

#endif
