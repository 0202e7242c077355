/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables as handles: opening, filtering, closing.
 */
#include "table/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void yoke_table_close(yoke_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_where; i++)
        yk_free(t->where[i]);
    yk_free(t->where);
    for (size_t i = 0; i < t->n_lookups; i++)
        yk_lookup_unref(t->lookups[i]);
    yk_free(t->lookups);
    yk_source_unref(t->source);
    yk_free(t);
}
YK_DEFINE_CLEANUP(yoke_table, yoke_table_close)

yoke_table *yoke_table_open(yoke_session *s, const char *pattern, yoke_error *err)
{
    return yoke_table_open_many(s, &pattern, 1, NULL, err);
}

yoke_table *yoke_table_open_many(yoke_session *s, const char *const *patterns, size_t n, const yoke_table_opts *opts, yoke_error *err)
{
    if (YK_LACKS(s, err) || (n && YK_LACKS(patterns, err)))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (YK_LACKS(patterns[i], err))
            return NULL;
    YK_CLEANUP(yoke_table_closep) yoke_table *t = yk_new(yoke_table);
    if (!t) {
        yk_fail_nomem(err, "opening a table");
        return NULL;
    }
    t->session = s;
    if (yk_take_opts(&t->opts, sizeof t->opts, opts, err) < 0)
        return NULL;
    return yk_source_open(patterns, n, &t->opts, &t->source, err) < 0 ? NULL : YK_TAKE(t);
}

int yk_table_derive(const yoke_table *t, const char *where, yk_lookup *lookup, yoke_table **ret, yoke_error *err)
{
    YK_CLEANUP(yoke_table_closep) yoke_table *made = yk_new(yoke_table);
    if (!made || !(made->where = yk_new_array(char *, t->n_where + 1)) || !(made->lookups = yk_new_array(yk_lookup *, t->n_lookups + 1)))
        return yk_fail_nomem(err, "deriving a table");
    made->session = t->session;
    made->opts = t->opts;
    made->source = yk_source_ref(t->source);
    for (size_t i = 0; i < t->n_lookups; i++)
        made->lookups[made->n_lookups++] = yk_lookup_ref(t->lookups[i]);
    if (lookup)
        made->lookups[made->n_lookups++] = yk_lookup_ref(lookup);
    for (size_t n = t->n_where + (where != NULL); made->n_where < n; made->n_where++) {
        made->where[made->n_where] = yk_strdup(made->n_where < t->n_where ? t->where[made->n_where] : where);
        if (!made->where[made->n_where])
            return yk_fail_nomem(err, "deriving a table");
    }
    *ret = YK_TAKE(made);
    return 0;
}

/* What the control group grants, or all there is. */
static uint64_t usable_memory(void)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), limit = 0;
    FILE    *f = fopen("/sys/fs/cgroup/memory.max", "re");
    if (f && fscanf(f, "%" SCNu64, &limit) != 1)
        limit = 0;
    if (f)
        fclose(f);
    return limit && limit < all ? limit : all;
}

uint64_t yk_opts_memory(const yoke_table_opts *o) { return o->memory ? o->memory : usable_memory() / 4; }
uint64_t yk_table_memory(const yoke_table *t) { return yk_opts_memory(&t->opts); }

void yk_table_scan_fini(yk_scan *s)
{
    yk_expr_list_free(s->filters, s->n_filters);
    s->filters = NULL;
    s->n_filters = 0;
}

static int add_filter(yk_scan *s, const char *text, yoke_error *err)
{
    YK_CLEANUP(yk_expr_freep) yk_expr *e = NULL;
    yk_expr                          **list;
    size_t                             n;
    YK_TRY(yk_expr_parse(text, &e, err));
    YK_TRY(yk_expr_conjuncts(e, &list, &n, err));
    yk_expr **all = yk_realloc(s->filters, (s->n_filters + n) * sizeof *all);
    if (!all) {
        yk_expr_list_free(list, n);
        return yk_fail_nomem(err, "planning a scan");
    }
    memcpy(all + s->n_filters, list, n * sizeof *all);
    yk_free(list);
    s->filters = all;
    s->n_filters += n;
    return 0;
}

int yk_table_scan(const yoke_table *t, yk_scan *ret, yoke_error *err)
{
    *ret = (yk_scan){.source = t->source, .session = t->session, .opts = &t->opts, .stats = &t->source->stats,
                      .lookups = t->lookups, .n_lookups = t->n_lookups};
    for (size_t i = 0; i < t->n_where; i++) {
        int rc = add_filter(ret, t->where[i], err);
        if (rc < 0) {
            yk_table_scan_fini(ret);
            return rc;
        }
    }
    return 0;
}

/* Whether the filters fit the columns, where their types are known without reading. */
static int check_filters(const yoke_table *t, yoke_error *err)
{
    YK_CLEANUP(yk_table_scan_fini) yk_scan    scan = {0};
    YK_CLEANUP(yk_program_freep) yk_program *p = NULL;
    if (t->source->has_csv)
        return 0;
    YK_TRY(yk_table_scan(t, &scan, err));
    return yk_scan_type(&scan, &p, err);
}

yoke_table *yoke_table_where(const yoke_table *t, const char *expr, yoke_error *err)
{
    YK_CLEANUP(yk_expr_freep) yk_expr         *e = NULL;
    YK_CLEANUP(yoke_table_closep) yoke_table *made = NULL;
    if (YK_LACKS(t, err) || YK_LACKS(expr, err))
        return NULL;
    if (yk_expr_parse(expr, &e, err) < 0 || yk_table_derive(t, expr, NULL, &made, err) < 0 || check_filters(made, err) < 0)
        return NULL;
    return YK_TAKE(made);
}

void yoke_table_stats_get(const yoke_table *t, yoke_table_stats *ret)
{
    if (!ret)
        return;
    *ret = (yoke_table_stats){0};
    if (!t)
        return;
    *ret = t->source->stats;
    ret->files = t->source->n_files;
    ret->rows = t->source->n_rows;
}
