/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One submission of a run's lines: its batch script, and the call of sbatch.
 */
#ifndef YK_SLURM_SUBMISSION_H
#define YK_SLURM_SUBMISSION_H

#include "slurm/slurm_run.h"

typedef struct yk_submission {
    yk_slurm_run   *run;  /* borrowed */
    yk_site         site; /* as yk_site_find found it */
    const yk_lines *lines; /* borrowed; NULL: all */
    uint64_t        pack;  /* lines per task that are wanted; 0: not said */
    bool            is_auto; /* as many as suit the site; `pack` is not looked at */
    uint64_t        at_once; /* tasks at a time; 0: no limit. The words for sbatch are the run's own */
} yk_submission;

/* What was decided. */
typedef struct yk_submitted {
    yk_slurm_part *part;   /* borrowed from the run */
    char          *script; /* owned; its path */
    uint64_t       n_lines, per_task;
    bool           is_raised; /* per_task is more than was asked for: the site allows too few tasks */
    yk_buf         said; /* owned; what sbatch printed, without the job id, when it was told to say more */
} yk_submitted;

void yk_submitted_fini(yk_submitted *s);

/* Adds a part to the run and writes its script. */
int yk_submission_write(const yk_submission *s, yk_submitted *ret, yoke_error *err) YK_MUST_USE;

/* Hands the script to sbatch; the part gets its job id. */
int yk_submission_send(const yk_submission *s, yk_submitted *d, yoke_error *err) YK_MUST_USE;

#endif
