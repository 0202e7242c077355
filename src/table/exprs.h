/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a call names: a growing list of expressions, and sort keys.
 */
#ifndef YK_TABLE_EXPRS_H
#define YK_TABLE_EXPRS_H

#include "table/table.h"

/* Owns the expressions. */
typedef struct yk_exprs {
    yk_expr **list;
    size_t    n, cap;
} yk_exprs;

void yk_exprs_fini(yk_exprs *e);
int  yk_exprs_add(yk_exprs *e, const char *text, yoke_error *err) YK_MUST_USE;
int  yk_exprs_add_column(yk_exprs *e, const char *name, yoke_error *err) YK_MUST_USE;
int  yk_exprs_add_list(yk_exprs *e, const char *text, yoke_error *err) YK_MUST_USE;

/* Those of a list in which * is all columns; NULL: *. */
int yk_exprs_add_selected(yk_exprs *e, const yoke_table *t, const char *select, yoke_error *err) YK_MUST_USE;

/* Expressions, each with "asc" or "desc" after it. */
typedef struct yk_sort_keys {
    yk_exprs e;
    bool    *is_descending;
    size_t   cap;
} yk_sort_keys;

void yk_sort_keys_fini(yk_sort_keys *k);

/* A key that is one of `names` as it stands, such as "mean(tip)", is that column. */
int yk_sort_keys_parse(const char *text, const char *const *names, size_t n_names, yk_sort_keys *k, yoke_error *err) YK_MUST_USE;

#endif
