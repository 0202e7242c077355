/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/skip.h"

#include <math.h>
#include <stdlib.h>

void yk_skips_fini(yk_skips *k)
{
    yk_free(k->runs);
    *k = (yk_skips){0};
}

static int add(yk_skips *k, uint64_t from, uint64_t to, yoke_error *err)
{
    struct yk_skip *last = k->n ? &k->runs[k->n - 1] : NULL, one = {from, to};
    if (last && from <= last->to && from >= last->from) {
        if (to > last->to)
            last->to = to;
        return 0;
    }
    return yk_push(&k->runs, &k->n, &k->cap, one) ? 0 : yk_fail_nomem(err, "planning a scan");
}

bool yk_skips_cover(const yk_skips *k, uint64_t first, uint64_t n)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->runs[i].from <= first && first + n <= k->runs[i].to)
            return true;
    return false;
}

static int by_from(const void *a, const void *b)
{
    uint64_t x = ((const struct yk_skip *)a)->from, y = ((const struct yk_skip *)b)->from;
    return x < y ? -1 : x > y;
}

void yk_skips_settle(yk_skips *k, uint64_t n_rows)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++) {
        uint64_t from = (k->runs[i].from + YK_BLOCK - 1) / YK_BLOCK * YK_BLOCK, to = k->runs[i].to;
        if (to < n_rows)
            to -= to % YK_BLOCK;
        if (from < to)
            k->runs[n++] = (struct yk_skip){from, to};
    }
    if (n)
        qsort(k->runs, n, sizeof *k->runs, by_from);
    k->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct yk_skip *last = k->n ? &k->runs[k->n - 1] : NULL;
        if (!last || k->runs[i].from > last->to)
            k->runs[k->n++] = k->runs[i];
        else if (k->runs[i].to > last->to)
            last->to = k->runs[i].to;
    }
}

static yk_value value_of(const yk_parquet_value *v, yk_type type)
{
    yk_value r = {.type = type};
    switch (type.kind) {
    case YK_KIND_BOOL: r.b = v->b; break;
    case YK_KIND_UINT: r.u = v->u; break;
    case YK_KIND_REAL: r.r = v->r; break;
    case YK_KIND_TEXT:
    case YK_KIND_DATA: r.t = v->t; break;
    case YK_KIND_DECIMAL: r.d = v->d; break;
    default: r.i = v->i; break;
    }
    return r;
}

/* Bounds of the file's own type as the fact's; false when there is no such value. */
static bool convert(yk_value *v, yk_type to)
{
    if (yk_type_same(v->type, to))
        return true;
    if (to.kind == YK_KIND_REAL && v->type.kind == YK_KIND_INT && v->i > -(1LL << 53) && v->i < 1LL << 53) {
        v->r = (double)v->i;
        v->type = to;
        return true;
    }
    return false;
}

static bool may_hold(const yk_fact *f, const yk_parquet_stats *st, yk_type type, uint64_t n)
{
    yk_value min = value_of(&st->min, type), max = value_of(&st->max, type);
    bool     has_min = st->has_min && convert(&min, f->value.type), has_max = st->has_max && convert(&max, f->value.type);
    return yk_fact_may_hold(f, has_min ? &min : NULL, has_max ? &max : NULL, st->n_missing, (int64_t)n);
}

/* The pages of one row group that lie in [lo, hi) of the file. Only pages with an index: walking headers to learn of pages without
 * bounds would be reading for nothing. */
static int skip_pages(yk_skips *k, const yk_source_file *f, const yk_fact *fact, unsigned column, unsigned group, uint64_t lo, uint64_t hi, yoke_error *err)
{
    const yk_parquet_page *pages;
    unsigned               n;
    yk_type                type = yk_parquet_column_at(f->parquet, column)->type;
    if (!yk_parquet_has_page_stats(f->parquet, group, column))
        return 0;
    YK_TRY(yk_parquet_pages(f->parquet, group, column, &pages, &n, err));
    for (unsigned i = 0; i < n; i++) {
        const yk_parquet_page *p = &pages[i];
        bool has_stats = p->stats.has_min || p->stats.has_max || p->stats.n_missing >= 0;
        if (has_stats && p->first_row < hi && p->first_row + p->n_rows > lo && !may_hold(fact, &p->stats, type, p->n_rows))
            YK_TRY(add(k, f->first + p->first_row, f->first + p->first_row + p->n_rows, err));
    }
    return 0;
}

static int skip_file(yk_skips *k, const yk_source *s, const yk_source_file *f, const yk_fact *fact, uint64_t lo, uint64_t hi, yoke_error *err)
{
    if (fact->op == YK_FACT_NEVER)
        return add(k, f->first, f->first + f->n, err);
    if (fact->column >= s->n_columns)
        return 0; /* of a table that joins */
    yk_value v;
    if (yk_source_constant(s, (size_t)(f - s->files), fact->column, &v)) {
        int64_t n = (int64_t)f->n;
        bool may = v.is_missing ? yk_fact_may_hold(fact, NULL, NULL, n, n) : yk_fact_may_hold(fact, &v, &v, 0, n);
        return may ? 0 : add(k, f->first, f->first + f->n, err);
    }
    int32_t column = f->column[fact->column];
    if (!f->parquet)
        return 0;
    yk_type type = yk_parquet_column_at(f->parquet, (unsigned)column)->type;
    for (unsigned g = 0; g < yk_parquet_groups(f->parquet); g++) {
        const yk_parquet_group *group = yk_parquet_group_at(f->parquet, g);
        yk_parquet_stats        st;
        if (group->first_row >= hi || group->first_row + group->n_rows <= lo)
            continue;
        yk_parquet_group_stats(f->parquet, g, (unsigned)column, &st);
        if (!may_hold(fact, &st, type, group->n_rows))
            YK_TRY(add(k, f->first + group->first_row, f->first + group->first_row + group->n_rows, err));
        else
            YK_TRY(skip_pages(k, f, fact, (unsigned)column, g, lo, hi, err));
    }
    return 0;
}

int yk_skips_find(yk_skips *k, const yk_source *s, const yk_fact *facts, size_t n_facts, uint64_t first, uint64_t n, yoke_error *err)
{
    for (size_t j = 0; j < n_facts; j++)
        for (size_t i = 0; i < s->n_files; i++) {
            const yk_source_file *f = &s->files[i];
            uint64_t              lo = first > f->first ? first - f->first : 0, end = first + n;
            if (f->first >= end || f->first + f->n <= first)
                continue;
            YK_TRY(skip_file(k, s, f, &facts[j], lo, end - f->first, err));
        }
    return 0;
}

/* ---- the first rows of a sort */

/* At least n rows have a value that comes no later than this one; rows of one entry are not those of another. */
typedef struct reached {
    yk_value value;
    uint64_t n;
} reached;

typedef struct firsts {
    const yk_source *s;
    uint32_t         column;
    bool             is_descending;
    reached         *list;
    size_t           n, cap;
} firsts;

static bool reach(firsts *f, yk_value value, uint64_t n)
{
    if (n == 0 || !convert(&value, f->s->columns[f->column].type))
        return true;
    return yk_push(&f->list, &f->n, &f->cap, ((reached){value, n}));
}

/* Rows between bounds: one is at the early bound where that is attained, all that are there reach the late one. How many numbers are
 * there is not known of reals: some may be NaN. */
static bool reach_bounds(firsts *f, const yk_parquet_column *c, const yk_parquet_stats *st, uint64_t n_rows)
{
    int64_t  missing = c->is_nullable ? st->n_missing : 0;
    bool     down = f->is_descending, is_counted = c->type.kind != YK_KIND_REAL && missing >= 0 && (uint64_t)missing <= n_rows;
    uint64_t there = is_counted ? n_rows - (uint64_t)missing : (uint64_t)missing != n_rows;
    uint64_t early = there && (down ? st->is_max_greatest : st->is_min_least);
    uint64_t late = is_counted && (down ? st->has_min : st->has_max) ? there - early : 0;
    return reach(f, value_of(down ? &st->max : &st->min, c->type), early) && reach(f, value_of(down ? &st->min : &st->max, c->type), late);
}

/* A row group's rows, or where `within` is given and pages tell more those of its pages. */
static bool reach_group(firsts *f, yk_parquet *file, unsigned column, unsigned group, const yk_fact *within)
{
    const yk_parquet_column *c = yk_parquet_column_at(file, column);
    uint64_t                 n_rows = yk_parquet_group_at(file, group)->n_rows;
    yk_parquet_stats         st;
    const yk_parquet_page   *pages;
    unsigned                 n;
    yk_parquet_group_stats(file, group, column, &st);
    if (within && !may_hold(within, &st, c->type, n_rows))
        return true;
    if (!within || c->type.kind == YK_KIND_REAL || !yk_parquet_has_page_stats(file, group, column))
        return reach_bounds(f, c, &st, n_rows);
    if (yk_parquet_pages(file, group, column, &pages, &n, NULL) < 0) /* whoever reads them will say why */
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!reach_bounds(f, c, &pages[i].stats, pages[i].n_rows))
            return false;
    return true;
}

static bool reach_file(firsts *f, size_t file, const yk_fact *within)
{
    const yk_source_file *from = &f->s->files[file];
    yk_value              v;
    if (yk_source_constant(f->s, file, f->column, &v))
        return v.is_missing || (v.type.kind == YK_KIND_REAL && isnan(v.r)) || reach(f, v, from->n);
    for (unsigned g = 0; from->parquet && g < yk_parquet_groups(from->parquet); g++)
        if (!reach_group(f, from->parquet, (unsigned)from->column[f->column], g, within))
            return false;
    return true;
}

static int by_value(const void *a, const void *b, void *is_descending)
{
    int order = yk_value_order(&((const reached *)a)->value, &((const reached *)b)->value);
    return *(bool *)is_descending ? -order : order;
}

/* The value that n rows reach, first by row groups (within NULL), then by pages of those that may hold as early ones. */
static bool find_first(const yk_source *s, uint32_t column, bool is_descending, uint64_t n, const yk_fact *within, yk_value *ret)
{
    firsts f = {s, column, is_descending, NULL, 0, 0};
    bool   is_found = true;
    for (size_t i = 0; i < s->n_files && is_found; i++)
        is_found = reach_file(&f, i, within);
    if (f.n)
        qsort_r(f.list, f.n, sizeof *f.list, by_value, &f.is_descending);
    uint64_t sum = 0;
    size_t   at = 0;
    while (is_found && at < f.n && (sum += f.list[at].n) < n)
        at++;
    is_found = is_found && at < f.n;
    if (is_found)
        *ret = f.list[at].value;
    yk_free(f.list);
    return is_found;
}

bool yk_skips_first(const yk_source *s, uint32_t column, bool is_descending, uint64_t n, yk_fact *ret)
{
    yk_fact  first = {.op = is_descending ? YK_FACT_GE : YK_FACT_LE, .column = column};
    yk_value closer;
    if (column >= s->n_columns || !find_first(s, column, is_descending, n, NULL, &first.value))
        return false;
    if (find_first(s, column, is_descending, n, &first, &closer) && (yk_value_order(&closer, &first.value) < 0) != is_descending)
        first.value = closer;
    *ret = first;
    return true;
}
