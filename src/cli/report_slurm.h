/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The half of `yoke report` that is about Slurm.
 */
#ifndef YK_CLI_REPORT_SLURM_H
#define YK_CLI_REPORT_SLURM_H

#include "cli/verb.h"

/* Which lines are to run again when --states does not say. As in dSQ, those that failed by themselves are not among them. */
#define YK_REPORT_STATES "CANCELLED,NODE_FAIL,PREEMPTED"

typedef struct yk_report_slurm {
    const char *what;     /* a job id, or a run folder of `yoke submit` */
    const char *states;   /* NULL: YK_REPORT_STATES */
    const char *job_file; /* for jobs that `yoke submit` knows nothing of: where their lines are; NULL */
    const char *output;   /* print what this line printed, and nothing else; NULL */
    bool        is_watching;
} yk_report_slurm;

/* Whether what `yoke report` was given is Slurm's: digits alone, or a run folder of `yoke submit`. */
bool yk_report_is_slurm(const char *what);

/* The report on standard error, the lines to run again on standard output. Returns the exit code: YK_EXIT_FAILED when some
 * line did not end well. */
int yk_report_slurm_print(const yk_args *args, const yk_report_slurm *o);

/* The same for an array job whose lines are in job_file (NULL: no lines are printed), by squeue and sacct alone: what dSQ's
 * report says. Also tells 0 from the error's code. */
int yk_report_foreign(uint64_t job, const char *job_file, const char *states, yoke_error *err);

#endif
