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

/* ---- what is said of a column in a run of rows: a row group or a page, or a file that has one value throughout */

typedef struct part {
    uint64_t    first, n; /* of the source */
    yk_value    min, max;
    bool        has_min, has_max, is_min_least, is_max_greatest;
    bool        is_counted; /* all that are not missing lie between the bounds: of reals some may be NaN */
    int64_t     n_missing;  /* -1: not said */
    yk_parquet *parquet;    /* of a row group or page; else NULL */
    unsigned    group, column;
} part;

static void set_stats(part *p, uint64_t first, uint64_t n, const yk_parquet_stats *st)
{
    const yk_parquet_column *c = yk_parquet_column_at(p->parquet, p->column);
    p->first = first;
    p->n = n;
    p->min = value_of(&st->min, c->type), p->max = value_of(&st->max, c->type);
    p->has_min = st->has_min, p->has_max = st->has_max;
    p->is_min_least = st->is_min_least, p->is_max_greatest = st->is_max_greatest;
    p->n_missing = c->is_nullable ? st->n_missing : 0;
    p->is_counted = c->type.kind != YK_KIND_REAL && p->n_missing >= 0 && (uint64_t)p->n_missing <= n;
}

static part constant_part(const yk_source_file *f, const yk_value *v)
{
    bool    is_there = !v->is_missing && !(v->type.kind == YK_KIND_REAL && isnan(v->r));
    int64_t n_missing = v->is_missing ? (int64_t)f->n : 0;
    return (part){f->first, f->n, *v, *v, is_there, is_there, is_there, is_there, is_there, n_missing, NULL, 0, 0};
}

/* Through the parts of a column that have rows in [lo, hi): row groups, and files of one value. */
typedef struct walk {
    const yk_source *s;
    uint32_t         column;
    uint64_t         lo, hi;
    size_t           file;
    unsigned         group;
} walk;

static bool next_group(walk *w, const yk_source_file *f, part *ret)
{
    while (f->parquet && w->group < yk_parquet_groups(f->parquet)) {
        unsigned                g = w->group++;
        const yk_parquet_group *group = yk_parquet_group_at(f->parquet, g);
        uint64_t                first = f->first + group->first_row;
        yk_parquet_stats        st;
        if (first >= w->hi || first + group->n_rows <= w->lo)
            continue;
        *ret = (part){.parquet = f->parquet, .group = g, .column = (unsigned)f->column[w->column]};
        yk_parquet_group_stats(f->parquet, g, ret->column, &st);
        set_stats(ret, first, group->n_rows, &st);
        return true;
    }
    return false;
}

static bool next_part(walk *w, part *ret)
{
    for (; w->file < w->s->n_files; w->file++, w->group = 0) {
        const yk_source_file *f = &w->s->files[w->file];
        yk_value              v;
        if (f->first >= w->hi || f->first + f->n <= w->lo)
            continue;
        if (!yk_source_constant(w->s, w->file, w->column, &v)) {
            if (next_group(w, f, ret))
                return true;
        } else if (w->group++ == 0) {
            *ret = constant_part(f, &v);
            return true;
        }
    }
    return false;
}

/* The pages of a row group. Only those with an index: walking headers to learn of pages without bounds would be reading for nothing. */
static int find_pages(const part *p, const yk_parquet_page **ret, unsigned *ret_n, yoke_error *err)
{
    *ret_n = 0;
    if (!p->parquet || !yk_parquet_has_page_stats(p->parquet, p->group, p->column))
        return 0;
    return yk_parquet_pages(p->parquet, p->group, p->column, ret, ret_n, err);
}

/* A page of a row group that begins at row `first` of the source. */
static part page_part(const part *group, const yk_parquet_page *page)
{
    part p = *group;
    set_stats(&p, group->first + page->first_row - yk_parquet_group_at(group->parquet, group->group)->first_row, page->n_rows,
              &page->stats);
    return p;
}

static bool may_hold(const yk_fact *f, const part *p)
{
    yk_value min = p->min, max = p->max;
    bool     has_min = p->has_min && convert(&min, f->value.type), has_max = p->has_max && convert(&max, f->value.type);
    return yk_fact_may_hold(f, has_min ? &min : NULL, has_max ? &max : NULL, p->n_missing, (int64_t)p->n);
}

/* ---- what facts rule out */

static int skip_pages(yk_skips *k, const part *group, const yk_fact *fact, uint64_t lo, uint64_t hi, yoke_error *err)
{
    const yk_parquet_page *pages;
    unsigned               n;
    YK_TRY(find_pages(group, &pages, &n, err));
    for (unsigned i = 0; i < n; i++) {
        part p = page_part(group, &pages[i]);
        if (p.first < hi && p.first + p.n > lo && !may_hold(fact, &p))
            YK_TRY(add(k, p.first, p.first + p.n, err));
    }
    return 0;
}

int yk_skips_find(yk_skips *k, const yk_source *s, const yk_fact *facts, size_t n_facts, uint64_t first, uint64_t n, yoke_error *err)
{
    for (size_t j = 0; j < n_facts; j++) {
        walk w = {s, facts[j].column, first, first + n, 0, 0};
        part p;
        if (facts[j].op == YK_FACT_NEVER)
            YK_TRY(add(k, first, first + n, err));
        else if (facts[j].column < s->n_columns) /* others are of a table that joins */
            while (next_part(&w, &p))
                YK_TRY(may_hold(&facts[j], &p) ? skip_pages(k, &p, &facts[j], w.lo, w.hi, err) : add(k, p.first, p.first + p.n, err));
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void yk_rows_sort(uint64_t *rows, size_t n)
{
    if (n)
        qsort(rows, n, sizeof *rows, by_number);
}

size_t yk_rows_from(const uint64_t *rows, size_t n, uint64_t row)
{
    size_t lo = 0;
    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;
        if (rows[mid] < row)
            lo = mid + 1;
        else
            n = mid;
    }
    return lo;
}

int yk_skips_others(yk_skips *k, const uint64_t *rows, size_t n_rows, uint64_t first, uint64_t n, yoke_error *err)
{
    uint64_t at = first, end = first + n;
    for (size_t i = yk_rows_from(rows, n_rows, first); i < n_rows && rows[i] < end; at = rows[i++] + 1)
        if (at < rows[i])
            YK_TRY(add(k, at, rows[i], err));
    return at < end ? add(k, at, end, err) : 0;
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
 * there is not known of reals. */
static bool reach_bounds(firsts *f, const part *p)
{
    bool     down = f->is_descending;
    uint64_t there = p->is_counted ? p->n - (uint64_t)p->n_missing : (uint64_t)p->n_missing != p->n;
    uint64_t early = there && (down ? p->is_max_greatest : p->is_min_least);
    uint64_t late = p->is_counted && (down ? p->has_min : p->has_max) ? there - early : 0;
    return reach(f, down ? p->max : p->min, early) && reach(f, down ? p->min : p->max, late);
}

/* A part's rows, or where `within` is given and pages tell more those of its pages. */
static bool reach_part(firsts *f, const part *p, const yk_fact *within)
{
    const yk_parquet_page *pages;
    unsigned               n = 0;
    if (within && !may_hold(within, p))
        return true;
    if (within && p->is_counted && find_pages(p, &pages, &n, NULL) < 0) /* whoever reads them will say why */
        return false;
    for (unsigned i = 0; i < n; i++) {
        part page = page_part(p, &pages[i]);
        if (!reach_bounds(f, &page))
            return false;
    }
    return n || reach_bounds(f, p);
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
    walk   w = {s, column, 0, s->n_rows, 0, 0};
    part   p;
    bool   is_found = true;
    while (is_found && next_part(&w, &p))
        is_found = reach_part(&f, &p, within);
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

bool yk_skips_nearest(const yk_source *s, const yk_skips *skips, uint32_t column, bool is_descending, uint64_t *ret_end)
{
    walk     w = {s, column, 0, s->n_rows, 0, 0};
    part     p;
    yk_value best = {0};
    size_t   n = 0, at = 0;
    while (next_part(&w, &p)) {
        yk_value near = is_descending ? p.max : p.min;
        if (!(is_descending ? p.has_max : p.has_min) || !convert(&near, s->columns[column].type) || yk_skips_cover(skips, p.first, p.n))
            continue;
        int order = n ? yk_value_order(&near, &best) : 0;
        if (n++ && (is_descending ? -order : order) >= 0)
            continue;
        best = near;
        at = n;
        *ret_end = p.first + p.n;
    }
    return at > 1;
}
