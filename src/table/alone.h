/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A row per group where nearly every group is one row: rows whose keys no other row has are sorted as they are, and only the others are
 * grouped.
 */
#ifndef YK_TABLE_ALONE_H
#define YK_TABLE_ALONE_H

#include "table/exprs.h"

/* What is asked, and then the rows that came out: in `sink`, for yk_rows_take or yk_rows_each with `scan`. */
typedef struct yk_alone {
    const yk_expr *const *keys; /* borrowed, as all that is asked */
    size_t                n_keys;
    const yk_group_ask   *asks;
    size_t                n_asks;
    const yk_order       *order; /* columns of the result, before the order of keys */
    size_t                n_order;
    uint64_t              head, tail;

    yk_exprs rows; /* what a group of one row says, as expressions of the row */
    yk_sink *sink;
    yk_scan  scan;
} yk_alone;

void yk_alone_fini(yk_alone *a);

/* Whether the table is large enough, and all that is asked is an expression of the row where a group has but one. */
int yk_alone_can(const yoke_table *t, const yk_alone *a, bool *ret, yoke_error *err) YK_MUST_USE;

/* *ret_done false: too many rows have company, all are to be grouped. */
int yk_alone_find(const yoke_table *t, yk_alone *a, bool *ret_done, yoke_error *err) YK_MUST_USE;

#endif
