/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job file as the runner's source: the jobs that are still to do, in order, each once all it waits for has ended well. A job
 * that waits for one that failed is not run, and recorded so.
 */
#ifndef YK_JOBS_JOBLIST_H
#define YK_JOBS_JOBLIST_H

#include "jobs/resume.h"
#include "jobs/runner.h"

typedef struct yk_joblist yk_joblist;

/* Borrows `file` and `done` until freed. A wait for a job that is not wanted (YK_JOB_UNWANTED) is no wait. */
int  yk_joblist_new(yk_jobfile *file, const yk_done *done, yk_joblist **ret, yoke_error *err) YK_MUST_USE;
void yk_joblist_free(yk_joblist *l);

yk_source yk_joblist_source(yk_joblist *l);
uint64_t  yk_joblist_todo(const yk_joblist *l); /* jobs to be given in all */

/* Marks all jobs of `file` that are not in `only` as unwanted. `done` has been made. */
int yk_joblist_only(yk_jobfile *file, const yk_lines *only, yk_done *done, yoke_error *err) YK_MUST_USE;

YK_DEFINE_CLEANUP(yk_joblist, yk_joblist_free)

#endif
