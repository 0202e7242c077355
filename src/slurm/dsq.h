/* SPDX-License-Identifier: BSD-3-Clause
 *
 * dSQ's files: job lists by line number, batch scripts, the status table, and the program that a task of such a script runs.
 */
#ifndef YK_SLURM_DSQ_H
#define YK_SLURM_DSQ_H

#include "base/buf.h"
#include "jobs/jobfile.h"

/* A job list in memory. A line is a job unless it begins with '#' or is blank; its number, from 0, counts all lines. */
typedef struct yk_dsq_list {
    yk_buf   text; /* owned */
    yk_lines jobs; /* owned; their line numbers */
} yk_dsq_list;

int  yk_dsq_list_open(const char *path, yk_dsq_list *ret, yoke_error *err) YK_MUST_USE;
void yk_dsq_list_fini(yk_dsq_list *l);

/* Calls fn with each job, in order: as it stands but for white space at its end. A value other than 0 ends it and is returned. */
typedef int yk_dsq_fn(void *ctx, uint64_t line, const char *text, size_t len);
int yk_dsq_each(const yk_dsq_list *l, yk_dsq_fn *fn, void *ctx);

/* Writes the list to "DIR/.dsq-STEM-HASH", where tasks read it: what is in the queue no longer changes when the original
 * does. The path is appended to `ret`. The same content gives the same name. */
int yk_dsq_snapshot(const yk_dsq_list *l, const char *dir, const char *stem, yk_buf *ret, yoke_error *err) YK_MUST_USE;

/* What a script asks for. */
typedef struct yk_dsq_script {
    const char *name, *output, *array; /* of the job, its output files, its indices with %limit */
    const char *options;               /* the user's, as they stand on the line; "" */
    const char *batch;                 /* path of dSQBatch.py */
    const char *list;                  /* path of the job list */
    const char *status_dir;            /* NULL: no status file */
    uint64_t    pack;                  /* lines of a task; 0: one, its index being its number */
} yk_dsq_script;

void yk_dsq_print_script(const yk_dsq_script *s, yk_buf *to);
void yk_dsq_print_command(const yk_dsq_script *s, yk_buf *to); /* the script's last line */

/* The user's words for sbatch as dSQ writes them: "--mem=4g" becomes --mem "4g". */
void yk_dsq_print_options(char *const *words, size_t n, yk_buf *to);

/* Runs what belongs to this array task, as dSQBatch does: /bin/sh -c LINE, signals passed on to all that it started, a row
 * in DIR/job_ID_status.tsv when it ends by itself. *ret: the exit status; 256 - n when signal n ended it. With `pack`, lines
 * that have a row already are not run again. */
typedef struct yk_dsq_work {
    const char *list, *status_dir; /* status_dir NULL: no status file */
    uint64_t    pack;
} yk_dsq_work;
int yk_dsq_batch_run(const yk_dsq_work *w, int *ret, yoke_error *err) YK_MUST_USE;

/* Where tasks with `pack` note how many lines they take, for reports. */
void yk_dsq_pack_path(const char *dir, uint64_t job, yk_buf *to);

#endif
