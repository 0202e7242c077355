/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sink that gives rows: all that pass, the first, the last, a sample, or sorted.
 */
#ifndef YK_TABLE_ROWS_H
#define YK_TABLE_ROWS_H

#include "table/batch.h"
#include "table/sinks.h"

typedef struct yk_order {
    size_t column; /* of the sink's */
    bool   is_descending;
} yk_order;

/* Takes each task's rows, in order, instead of keeping them. */
typedef struct yk_rows_to {
    int (*take)(void *ctx, const yk_batch *rows, yoke_error *err);
    void *ctx;
} yk_rows_to;

typedef struct yk_rows_opts {
    const yk_order   *order; /* sorted by these; none: as the rows lie. Borrowed */
    size_t            n_order;
    uint64_t          head, tail, sample, seed; /* at most one of them; 0: none */
    uint64_t          memory;
    const yk_rows_to *to; /* without order, tail, sample */
} yk_rows_opts;

int yk_rows_new(const yk_expr *const *columns, size_t n, const yk_rows_opts *opts, yk_sink **ret, yoke_error *err) YK_MUST_USE;

/* After the scan: the rows, moved out. */
int yk_rows_take(yk_sink *s, yk_batch *ret, yoke_error *err) YK_MUST_USE;

/* order[0 … n): the rows' numbers sorted, equal ones as they lie. */
int yk_batch_sort(const yk_batch *b, const yk_order *order, size_t n_order, uint32_t **ret, yoke_error *err) YK_MUST_USE;

#endif
