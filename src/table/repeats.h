/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which rows equal an earlier one, where these are few.
 */
#ifndef YK_TABLE_REPEATS_H
#define YK_TABLE_REPEATS_H

#include "table/table.h"

/* Whether the table has so many rows that it may be worth it to look for them: those of CSV files are counted for this, as a scan does. */
enum { YK_REPEATS_LEAST = 2 * YK_TASK_ROWS };
int yk_repeats_are_worth_it(const yoke_table *t, uint64_t least, bool *ret, yoke_error *err) YK_MUST_USE;

/* Whether it looks so by the first rows. */
int yk_repeats_seem_few(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, bool *ret, yoke_error *err) YK_MUST_USE;

/* Numbers of rows, ascending. */
typedef struct yk_repeats {
    uint64_t *list;   /* owned; may be NULL where there are none */
    size_t    n;
    uint64_t  n_rows; /* that were looked at: which pass the table's filters */
} yk_repeats;

/* Of the table's first n_first rows (0: all), those of which an earlier one has the same values of all these columns. *ret_are_few false,
 * and nothing in *ret: too many of the rows may be the same, they are groups then. Types of CSV columns must be settled. */
int yk_repeats_find(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, uint64_t n_first, bool *ret_are_few,
                    yk_repeats *ret, yoke_error *err) YK_MUST_USE;

/* Likewise those that may be the same as any other, earlier or later: by a hash of what these columns hold, so that all that
 * are the same are among them. */
int yk_repeats_with_firsts(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, uint64_t n_first, bool *ret_are_few,
                           yk_repeats *ret, yoke_error *err) YK_MUST_USE;

#endif
