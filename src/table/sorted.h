/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An external sort. Sorted runs come in, in the order of the rows; they are kept in a spill. Then keys drawn from all runs cut
 * them into parts that fit in memory: each part is gathered from all runs, sorted and handed on, many at a time and in order.
 *
 *     runs    ├──a──┼────b────┼─c─┤   ├─a─┼──────b─────┼──c──┤   …       (each a task's rows)
 *     parts    a of all runs, b of all runs, c of all runs
 */
#ifndef YK_TABLE_SORTED_H
#define YK_TABLE_SORTED_H

#include "table/order.h"
#include "table/table_scan.h"

/* Takes rows, part by part, in order. */
typedef struct yk_rows_to {
    int (*take)(void *ctx, const yk_batch *rows, yoke_error *err);
    void *ctx;
} yk_rows_to;

typedef struct yk_sorted yk_sorted;

/* `memory` bounds what runs and parts together hold. Borrows nothing. */
int  yk_sorted_new(const yk_order *order, size_t n_order, size_t n_columns, uint64_t memory, yk_sorted **ret, yoke_error *err) YK_MUST_USE;
void yk_sorted_free(yk_sorted *s); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_sorted, yk_sorted_free)
void yk_sorted_clear(yk_sorted *s);

/* One more run: a sorted batch as yk_batch_write_rows left it. */
int yk_sorted_add(yk_sorted *s, const void *bytes, size_t n, yoke_error *err) YK_MUST_USE;

uint64_t yk_sorted_rows(const yk_sorted *s);

/* Hands rows [first, first + n) of the whole order to `to`. Progress is told to opts (may be NULL), which may cancel. */
int yk_sorted_each(yk_sorted *s, yoke_session *session, const yoke_table_opts *opts, uint64_t first, uint64_t n, const yk_rows_to *to,
                   yoke_error *err) YK_MUST_USE;

#endif
