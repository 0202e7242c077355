/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Results that are rows: those of a table (table_rows.c), or one for each group (table_groups.c); at once, as a frame, or handed on as they
 * come.
 */
#ifndef YK_TABLE_TABLE_ROWS_H
#define YK_TABLE_TABLE_ROWS_H

#include "table/exprs.h"

/* What rows are handed on to, part by part. */
typedef struct yk_handing {
    yoke_frame frame; /* its rows are borrowed for a call; names and types, of n columns, are the caller's */
    size_t     n;     /* columns shown */
    int (*fn)(void *ctx, const yoke_frame *part);
    void *ctx;
} yk_handing;

int yk_hand_on(void *handing, const yk_batch *rows, yoke_error *err) YK_MUST_USE; /* as yk_rows_to takes them */
int yk_hand_frame(const yk_handing *h, const yoke_frame *f, yoke_error *err) YK_MUST_USE;

/* A scan of the table, of these rows, for one sink. */
int yk_table_run_sink(const yoke_table *t, yk_sink **sink, yk_scan_rows rows, yk_scan *scan, yoke_error *err) YK_MUST_USE;

/* With r->by or r->is_distinct. */
int yk_table_group(const yoke_table *t, const yoke_rows *r, yoke_frame **ret, yoke_error *err) YK_MUST_USE;
int yk_table_each_group(const yoke_table *t, const yoke_rows *r, yk_handing *h, yoke_error *err) YK_MUST_USE;

/* Looks at all values of the CSV columns that filters and `used` name (NULL, or of a table that others join: of all), so that their types
 * change no more. */
int yk_table_settle_used(const yoke_table *t, const yk_exprs *used, yoke_error *err) YK_MUST_USE;

#endif
