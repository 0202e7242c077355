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

/* The numbers of the rows of which an earlier row that passes the table's filters has the same values of all these columns, ascending; the
 * caller frees them. *ret_are_few false, and nothing in *ret: too many of the rows may be the same, they are groups then. Types of CSV
 * columns must be settled. */
int yk_repeats_find(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, bool *ret_are_few, uint64_t **ret, size_t *ret_n,
                    yoke_error *err) YK_MUST_USE;

/* Likewise those that may be the same as any other, earlier or later: by a hash of what these columns hold, so that all that are the same
 * are among them. The list may be NULL where there are none. */
int yk_repeats_with_firsts(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, bool *ret_are_few, uint64_t **ret,
                           size_t *ret_n, yoke_error *err) YK_MUST_USE;

#endif
