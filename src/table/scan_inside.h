/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a scan is made of, for the files that make it: the caller plans it and folds what comes (table_scan.c), workers run its tasks
 * (scan_task.c).
 */
#ifndef YK_TABLE_SCAN_INSIDE_H
#define YK_TABLE_SCAN_INSIDE_H

#include "table/table_scan.h"

/* What is fixed before the tasks of one scan run, and, from n_folded on, what the fold knows. */
typedef struct yk_scan_plan {
    yk_scan    *scan;
    yk_program *program;
    yk_sink   **sinks; /* those of the scan that still want rows */
    size_t      n_sinks;
    uint32_t   *columns; /* all that any root reads, ascending */
    size_t      n_columns;
    uint32_t   *unseen; /* columns of CSV files in which no value has been met yet: read, so that one is */
    size_t      n_unseen;
    size_t      n_fields;    /* columns of the source and of what joins it */
    size_t     *first_field; /* of each lookup */
    uint32_t   *keys;        /* of all lookups, one after the other: columns of the source */
    int64_t     counted;     /* the column of which all that is asked can be told from how often its values come; -1: there is none */
    int64_t     pair; /* the root whose pair of columns is computed before the filters (yk_eval_pair); -1: there is none */
    uint64_t    first, n, task_rows;
    uint64_t    row_bytes; /* what a row takes of tasks that may end anywhere; 0: not all may */
    bool        rests;     /* workers hold no pages between tasks */
    uint64_t    n_folded;  /* rows */
    uint64_t    n_bad;
    int64_t     retype_column; /* -1, or what to widen before starting over */
    yk_type     retype;
} yk_scan_plan;

/* The fixed part of a task's result. */
typedef struct yk_scan_outcome {
    int64_t  retype_column; /* -1, or where a value did not fit, with the type that it needs: then nothing else counts */
    yk_type  retype;
    uint64_t n_read, n_skipped, n_passed, n_bad;
} yk_scan_outcome;

/* What filters and the sink leave out of rows [first, first + n). `state`: of the first sink, or NULL. */
int yk_scan_skips(const yk_scan_plan *p, void *state, uint64_t first, uint64_t n, yk_skips *skips, yoke_error *err) YK_MUST_USE;

/* Of the stage; ctx is the plan. A task's bytes are what its sinks found, each with its size before it. */
int  yk_scan_start(void *ctx, void **ret_state, yoke_error *err) YK_MUST_USE;
void yk_scan_stop(void *ctx, void *state);
int  yk_scan_task(void *ctx, yk_task *t, void *ret_out, yoke_error *err) YK_MUST_USE;

#endif
