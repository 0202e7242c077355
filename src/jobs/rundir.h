/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Run folders: where a run keeps what it must not lose.
 *
 *     RUN/list       the job file as it was when the run began
 *     RUN/journal    what became of each job (journal.h)      of array tasks: journal.0, journal.1, …
 *     RUN/output     what they printed (store.h)                              output.0, output.1, …
 */
#ifndef YK_JOBS_RUNDIR_H
#define YK_JOBS_RUNDIR_H

#include "base/buf.h"

/* The folder for runs of a job file: NAME.yoke in the current directory, NAME.yoke.2, … : the first that is not there, or with
 * is_latest the last that is (YOKE_EABSENT when there is none). *ret is the caller's. */
int yk_rundir_choose(const char *list, bool is_latest, char **ret, yoke_error *err) YK_MUST_USE;

/* "RUN/name"; the caller's, NULL when memory is out. */
char *yk_rundir_file(const char *dir, const char *name) YK_MUST_USE;

/* Copies a job file ("-": standard input) into the folder, made when it is missing. */
int yk_rundir_keep_list(const char *dir, const char *list, yoke_error *err) YK_MUST_USE;

/* Calls fn with each journal of a run and the output store beside it, in the order of their numbers. `run` is a folder or a
 * single journal. YOKE_EABSENT when there is none. */
typedef int yk_rundir_fn(void *ctx, const char *journal, const char *output, yoke_error *err);
int yk_rundir_each(const char *run, yk_rundir_fn *fn, void *ctx, yoke_error *err) YK_MUST_USE;

#endif
