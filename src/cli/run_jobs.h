/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What `yoke run` and `yoke map 'command {}'` have in common: options, progress, the summary, the exit code.
 */
#ifndef YK_CLI_RUN_JOBS_H
#define YK_CLI_RUN_JOBS_H

#include "cli/verb.h"

#include "base/progress.h"
#include "jobs/jobfile.h"
#include "jobs/printer.h"
#include "jobs/runner.h"

/* For a verb's table: options with ids from 100. */
#define YK_RUN_OPTIONS                                                                                                        \
    {YK_RO_JOBS, 'j', "jobs", "N|N%", "how many at the same time, or per cent of the cores; default: all cores"},              \
    {YK_RO_RUN, 0, "run", "DIR", "the run folder, for the journal and what the jobs print"},                                   \
    {YK_RO_RESUME, 0, "resume", NULL, "go on with the latest run: what has run to its end is not run again"},                  \
    {YK_RO_RESUME_FAILED, 0, "resume-failed", NULL, "the same, and run again what failed"},                                    \
    {YK_RO_RETRIES, 0, "retries", "N", "try a job that failed up to N times more"},                                            \
    {YK_RO_RETRY_ON, 0, "retry-on", "LIST", "which failures: exit codes (75,100-120), signals (SEGV), and the words\n"         \
                                            "exit, signal, timeout, memory; default: all"},                                    \
    {YK_RO_TIMEOUT, 0, "timeout", "TIME", "end a job after 90, 1.5m, 2h, 500ms …: TERM to its process group, KILL 2 s later"}, \
    {YK_RO_HALT, 0, "halt", "WHEN", "stop the run after failures: 'soon,3' starts no more after the third, 'now,3' ends\n"     \
                                    "what runs too, 'soon,10%' at a tenth of the ended (and three); 'now' is 'now,1'"},        \
    {YK_RO_MEMORY, 0, "memory", "SIZE", "what a job may use: 500M, 4G. By control group where allowed, else watched"},         \
    {YK_RO_MIN_FREE, 0, "min-free-memory", "SIZE", "start no job while less memory is free"},                                  \
    {YK_RO_LOAD, 0, "load", "N|N%", "start no job while the load is over N (per cent of the cores)"},                          \
    {YK_RO_NICE, 0, "nice", "N", "run at this niceness, 0 to 19"},                                                             \
    {YK_RO_DELAY, 0, "delay", "TIME", "wait so long between starts"},                                                          \
    {YK_RO_TAG, 0, "tag", NULL, "begin each line of output with the job's name and a tab"},                                    \
    {YK_RO_QUIET, 'q', "quiet", NULL, "do not print what the jobs print"},                                                     \
    {YK_RO_OUTPUT_DIR, 0, "output-dir", "DIR", "also write it to DIR/LINE.out and DIR/LINE.err"},                              \
    {YK_RO_DRY_RUN, 0, "dry-run", NULL, "print the commands, run nothing"}

enum {
    YK_RO_JOBS = 100, YK_RO_RUN, YK_RO_RESUME, YK_RO_RESUME_FAILED, YK_RO_RETRIES, YK_RO_RETRY_ON, YK_RO_TIMEOUT, YK_RO_HALT,
    YK_RO_MEMORY, YK_RO_MIN_FREE, YK_RO_LOAD, YK_RO_NICE, YK_RO_DELAY, YK_RO_TAG, YK_RO_QUIET, YK_RO_OUTPUT_DIR, YK_RO_DRY_RUN,
    YK_RO_END
};

typedef struct yk_run_opts {
    yk_runner_opts  runner;
    yk_printer_opts printer;
    const char     *run;             /* --run; NULL: not given */
    bool            is_resume, again_failed, is_dry;
    int             nice;
    yk_progress_how progress;
    bool            retry_exit[256]; /* --retry-on */
    bool            retry_signal[65];
    bool            retry_timeout, retry_memory, has_retry_on;
} yk_run_opts;

/* Takes an option of YK_RUN_OPTIONS: false when its value was wrong, which has been said. */
bool yk_run_opt(const yk_args *args, int id, const char *value, yk_run_opts *o);

/* One run, after its parts are made. */
typedef struct yk_run_call {
    const yk_args     *args;
    const yk_run_opts *opts;
    yk_source          source;
    uint64_t           total;      /* jobs that the source will give; UINT64_MAX: not known */
    yk_journal        *journal;    /* NULL: none */
    yk_store          *store;      /* NULL: none */
    uint64_t           n_before, n_failed_before; /* jobs done in earlier sessions; those of them that failed */
    const char        *run_folder; /* for the summary; NULL: none */
} yk_run_call;

/* Runs, prints what jobs print and the summary, and returns the exit code. */
int yk_run_call_do(const yk_run_call *c);

/* Runs the jobs of a job file ("-": standard input), only these lines of it (none: all), in a run folder. `what`: as of
 * yk_jobfile_open. Returns the exit code. */
int yk_run_list(const yk_args *args, const yk_run_opts *opts, const char *list, const char *what, const yk_lines *only);

/* The words of this call as they could be typed again to go on with a run in `folder`, less --resume: what came from standard input
 * is in the folder's list. */
void yk_run_words(const yk_args *args, const char *folder, yk_buf *b);

/* The same with an option behind the verb: "yoke run --resume jobs.txt -j8" from "yoke run jobs.txt -j8". */
void yk_run_words_print(FILE *to, const char *words, const char *option);

#endif
