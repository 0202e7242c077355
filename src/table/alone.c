/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/alone.h"

#include "table/repeats.h"
#include "table/rows.h"
#include "table/table_rows.h"

enum { LEAST_ROWS = 2 * YK_REPEATS_LEAST }; /* a task goes by before it is tried */

void yk_alone_fini(yk_alone *a)
{
    yk_sink_free(a->sink);
    yk_table_scan_fini(&a->scan);
    yk_exprs_fini(&a->rows);
}

/* What a group of one row says, as text to be completed by the ask's expression; NULL: that is no expression. What is missing adds nothing
 * to a sum, which begins with 0 and so is never -0. */
static const char *form_of(const yk_group_ask *ask)
{
    switch (ask->what) {
    case YK_EACH_COUNT: return ask->expr ? NULL : "1";
    case YK_EACH_SUM: return "coalesce((%s), 0) + 0";
    case YK_EACH_MEAN: return "cast((%s) as real) + 0";
    case YK_EACH_MIN:
    case YK_EACH_MAX:
    case YK_EACH_FIRST:
    case YK_EACH_LAST: return "%s";
    default: return NULL;
    }
}

int yk_alone_can(const yoke_table *t, const yk_alone *a, bool *ret, yoke_error *err)
{
    YK_TRY(yk_repeats_are_worth_it(t, LEAST_ROWS, ret, err));
    for (size_t i = 0; i < a->n_asks; i++)
        *ret = *ret && form_of(&a->asks[i]);
    return 0;
}

/* The columns of the result, for rows that are alone. */
static int find_columns(yk_alone *a, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    for (size_t k = 0; k < a->n_keys; k++)
        YK_TRY(yk_exprs_add(&a->rows, yk_expr_text(a->keys[k]), err));
    for (size_t i = 0; i < a->n_asks; i++) {
        const char *form = form_of(&a->asks[i]), *gap = strstr(form, "%s");
        yk_buf_clear(&text);
        yk_buf_append(&text, form, gap ? (size_t)(gap - form) : strlen(form));
        yk_buf_puts(&text, gap ? yk_expr_text(a->asks[i].expr) : "");
        yk_buf_puts(&text, gap ? gap + strlen("%s") : "");
        if (text.is_failed)
            return yk_fail_nomem(err, "grouping");
        YK_TRY(yk_exprs_add(&a->rows, yk_buf_text(&text), err));
    }
    return 0;
}

/* The sink of the result's rows: by what was asked for, then by their keys. */
static int make_sink(const yoke_table *t, yk_alone *a, yoke_error *err)
{
    YK_AUTOFREE yk_order *order = yk_new_array(yk_order, a->n_order + a->n_keys + 1);
    if (!order)
        return yk_fail_nomem(err, "grouping");
    for (size_t i = 0; i < a->n_order; i++)
        order[i] = a->order[i];
    for (size_t k = 0; k < a->n_keys; k++)
        order[a->n_order + k].column = k;
    yk_rows_opts o = {.order = order, .n_order = a->n_order + a->n_keys, .head = a->head, .tail = a->tail, .memory = yk_table_memory(t),
                      .workers = yoke_session_workers(t->session)};
    return yk_rows_new((const yk_expr *const *)a->rows.list, a->rows.n, &o, &a->sink, err);
}

/* Groups those rows that have company: *ret_done false when even these are too many. */
static int group_others(const yoke_table *t, const yk_alone *a, const yk_scan_rows *which, yk_batch *ret, bool *ret_done, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    YK_TRY(yk_grouping_new(a->keys, a->n_keys, a->asks, a->n_asks, true, yk_table_memory(t), yoke_session_workers(t->session), &sink, err));
    YK_TRY(yk_table_run_sink(t, &sink, *which, &scan, err));
    *ret_done = !yk_grouping_has_spilled(sink);
    return *ret_done ? yk_grouping_take(sink, t->session, ret, err) : 0;
}

/* Types of the rows. *ret false: what a group of one row says is no expression of the row after all; a sum may be of other numbers, which
 * are added up as reals. */
static int find_types(const yoke_table *t, yk_alone *a, yk_type *types, bool *ret, yoke_error *err)
{
    YK_CLEANUP(yk_table_scan_fini) yk_scan   scan = {0};
    YK_CLEANUP(yk_program_freep) yk_program *p = NULL;
    YK_TRY(yk_table_scan(t, &scan, err));
    scan.sinks = &a->sink;
    scan.n_sinks = 1;
    *ret = yk_scan_type(&scan, &p, NULL) == 0;
    for (size_t i = 0; i < a->rows.n && *ret; i++)
        types[i] = yk_sink_type(a->sink, i);
    for (size_t i = 0; i < a->n_asks && *ret; i++) {
        yk_kind kind = types[a->n_keys + i].kind;
        *ret = a->asks[i].what != YK_EACH_SUM || kind == YK_KIND_INT || kind == YK_KIND_REAL;
    }
    return 0;
}

static bool have_types(const yk_batch *groups, const yk_type *types)
{
    bool are_same = true;
    for (size_t i = 0; i < groups->n_columns; i++)
        are_same = are_same && yk_type_same(groups->columns[i].type, types[i]);
    return are_same;
}

/* Of the rows that have company, and of the others. */
static int find_groups(const yoke_table *t, yk_alone *a, const yk_repeats *others, const yk_type *types, bool *ret_done, yoke_error *err)
{
    static const uint64_t              none;
    YK_CLEANUP(yk_batch_fini) yk_batch groups = {0};
    yk_scan_rows                       with_company = {.only = others->list ? others->list : &none, .n_only = others->n};
    YK_TRY(group_others(t, a, &with_company, &groups, ret_done, err));
    *ret_done = *ret_done && have_types(&groups, types);
    if (!*ret_done)
        return 0;
    YK_TRY(yk_table_run_sink(t, &a->sink, (yk_scan_rows){.without = others->list, .n_without = others->n}, &a->scan, err));
    return yk_rows_add(a->sink, &groups, err);
}

int yk_alone_find(const yoke_table *t, yk_alone *a, bool *ret_done, yoke_error *err)
{
    YK_AUTOFREE yk_type *types = yk_new_array(yk_type, a->n_keys + a->n_asks + 1);
    yk_repeats           others = {0};
    if (!types)
        return yk_fail_nomem(err, "grouping");
    YK_TRY(yk_repeats_seem_few(t, a->keys, a->n_keys, ret_done, err));
    if (!*ret_done)
        return 0;
    YK_TRY(find_columns(a, err));
    YK_TRY(yk_table_settle_used(t, &a->rows, err)); /* types must not change between the scans */
    YK_TRY(make_sink(t, a, err));
    YK_TRY(find_types(t, a, types, ret_done, err));
    if (*ret_done)
        YK_TRY(yk_repeats_with_firsts(t, a->keys, a->n_keys, 0, ret_done, &others, err));
    int rc = *ret_done ? find_groups(t, a, &others, types, ret_done, err) : 0;
    yk_free(others.list);
    return rc;
}
