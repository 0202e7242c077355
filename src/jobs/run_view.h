/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A run on this machine as it stands: the last word on each job of its list.
 */
#ifndef YK_JOBS_RUN_VIEW_H
#define YK_JOBS_RUN_VIEW_H

#include "base/buf.h"
#include "jobs/jobfile.h"
#include "jobs/journal.h"

typedef struct yk_view_job {
    uint64_t start;   /* number of the start in RUN/journal; only when it has one */
    uint64_t line;
    uint8_t  cause;   /* yk_cause; RUNNING too when it never started: see has_start */
    bool     has_start, is_last;
} yk_view_job;

typedef struct yk_run_view {
    char        *run;  /* owned */
    yk_jobfile  *file; /* RUN/list, owned */
    yk_view_job *job;  /* by index in the list, owned */
    uint64_t     n;
    uint32_t    *index_of; /* of each start, + 1; 0: of no job of the list. owned */
    size_t       n_starts, starts_cap;
    bool         is_at_work;   /* another process is running it now */
    bool         has_finished; /* the last session ended in order */
    yk_buf       notes;        /* "time  text" lines */
    yk_buf       command, folder; /* of the last session: what was typed, and where; empty when not known */
} yk_run_view;

int  yk_run_view_open(const char *run, yk_run_view *ret, yoke_error *err) YK_MUST_USE;
void yk_run_view_fini(yk_run_view *v);

/* "COMPLETED", "FAILED", … : Slurm's name for the state of a job. */
const char *yk_view_state(const yk_run_view *v, uint64_t index);

/* Calls fn with the record of each job's last attempt, line and seq being those of the list as it is now. Jobs that never
 * started are not among them. */
int yk_run_view_each(const yk_run_view *v, yk_record_fn *fn, void *ctx, yoke_error *err) YK_MUST_USE;

#endif
