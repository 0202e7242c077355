/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Types of CSV columns, which are known once all their values have been met.
 */
#include "table/table_rows.h"

static size_t count_clashes(const yk_source *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_columns; i++)
        n += s->columns[i].clash != NULL;
    return n;
}

static bool is_used(const yk_exprs *used, const char *column)
{
    size_t n;
    for (size_t k = 0; k < used->n; k++) {
        const char *const *names = yk_expr_columns(used->list[k], &n);
        for (size_t i = 0; i < n; i++)
            if (strcmp(names[i], column) == 0)
                return true;
    }
    return false;
}

/* The types of the columns that can be read and are used, by filters or else; NULL: of all. */
static int look_once(const yoke_table *t, const yk_exprs *used, const yk_exprs *filters, yoke_error *err)
{
    yk_source            *s = t->source;
    size_t                n = 0;
    YK_AUTOFREE uint32_t *columns = yk_new_array(uint32_t, s->n_columns + 1);
    if (!columns)
        return yk_fail_nomem(err, "finding the types of columns");
    for (size_t i = 0; i < s->n_columns; i++) {
        const char *name = s->columns[i].name;
        if ((!used || is_used(used, name) || is_used(filters, name)) && yk_source_check(s, name, NULL) == 0)
            columns[n++] = (uint32_t)i;
    }
    return n ? yk_types_settle(s, t->session, &t->opts, columns, n, err) : 0; /* without a column that can be read none will be */
}

/* A column that turns out to hold values of no one type clashes: it is left out, and the others are looked at once more. */
int yk_table_settle_used(const yoke_table *t, const yk_exprs *used, yoke_error *err)
{
    YK_CLEANUP(yk_exprs_fini) yk_exprs filters = {0};
    if (!t->source->has_csv)
        return 0;
    for (size_t i = 0; i < t->n_where; i++)
        YK_TRY(yk_exprs_add(&filters, t->where[i], err));
    YK_TRY(yk_source_count(t->source, t->session, &t->opts, err));
    for (;;) {
        yoke_error one = YOKE_ERROR_INIT;
        size_t     n = count_clashes(t->source);
        int        rc = look_once(t, t->n_lookups ? NULL : used, &filters, &one);
        if (rc < 0 && count_clashes(t->source) > n)
            continue;
        return rc < 0 ? yk_fail(err, rc, "%s", one.text) : 0;
    }
}

int yk_table_settle(const yoke_table *t, yoke_error *err) { return yk_table_settle_used(t, NULL, err); }
