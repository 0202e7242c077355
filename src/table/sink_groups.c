/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Group by: a task numbers its own groups and keeps a cell for each ask and group; the fold merges them in the order of tasks, so
 * that the bits of sums depend on row numbers alone. Quantiles keep their values, distinct counts number (keys, value).
 */
#include "numeric/reduce.h"
#include "table/grouping.h"

#include <math.h>
#include <stdlib.h>

/* What is known of one group for one ask. */
typedef struct cell {
    uint64_t n;
    union {
        struct {
            double mean, m2;
        };
        __extension__ __int128 sum_int;
        double   sum;
        int64_t  i; /* the least, greatest, first or last in storage form */
        uint64_t u;
        double   r;
        uint64_t text[2]; /* where in `texts`, how long */
        __extension__ __int128 d;
    };
} cell;

typedef struct pair {
    uint32_t group;
    double   value;
} pair;

/* Groups and their cells: a task's, or all. */
typedef struct tally {
    yk_groups  *groups;
    cell      **cells; /* [ask][group] */
    size_t     *caps;
    yk_buf      texts;
    yk_buf     *pairs;    /* of quantiles, [ask] */
    yk_groups **distinct; /* [ask]: keys and value */
    yk_hists   *hists;    /* [ask] */
} tally;

typedef struct grouping {
    yk_sink       base;
    size_t        n_keys, n_asks;
    yk_group_ask *asks;
    size_t       *roots; /* [ask]: the sink's root that it reads */
    bool          in_order;
    uint64_t      memory;
    yk_type      *types; /* of roots, once bound */
    tally         all;
} grouping;

typedef struct state {
    tally     now;
    yk_vec   *vecs;
    uint32_t  numbers[YK_BLOCK], others[YK_BLOCK];
} state;

static bool is_texts(yk_type t) { return t.kind == YK_KIND_TEXT || t.kind == YK_KIND_DATA; }

/* ---- tallies */

static void tally_fini(const grouping *s, tally *t)
{
    yk_groups_free(t->groups);
    for (size_t i = 0; i < s->n_asks; i++) {
        if (t->cells)
            yk_free(t->cells[i]);
        if (t->pairs)
            yk_buf_fini(&t->pairs[i]);
        if (t->distinct)
            yk_groups_free(t->distinct[i]);
        if (t->hists)
            yk_hists_fini(&t->hists[i]);
    }
    yk_free(t->cells);
    yk_free(t->caps);
    yk_free(t->pairs);
    yk_free(t->distinct);
    yk_free(t->hists);
    yk_buf_fini(&t->texts);
    *t = (tally){0};
}

static int tally_init(const grouping *s, tally *t, yoke_error *err)
{
    *t = (tally){0};
    t->cells = yk_new_array(cell *, s->n_asks + 1);
    t->caps = yk_new_array(size_t, s->n_asks + 1);
    t->pairs = yk_new_array(yk_buf, s->n_asks + 1);
    t->distinct = yk_new_array(yk_groups *, s->n_asks + 1);
    t->hists = yk_new_array(yk_hists, s->n_asks + 1);
    YK_AUTOFREE yk_type *types = yk_new_array(yk_type, s->n_keys + 1);
    if (!t->cells || !t->caps || !t->pairs || !t->distinct || !t->hists || !types)
        return yk_fail_nomem(err, "grouping");
    memcpy(types, s->types, s->n_keys * sizeof *types);
    YK_TRY(yk_groups_new(types, s->n_keys, &t->groups, err));
    for (size_t i = 0; i < s->n_asks; i++) {
        types[s->n_keys] = s->types[s->roots[i]];
        t->hists[i].bins = s->asks[i].bins;
        if (s->asks[i].what == YK_EACH_DISTINCT)
            YK_TRY(yk_groups_new(types, s->n_keys + 1, &t->distinct[i], err));
    }
    return 0;
}

static int fail_memory(const grouping *s, size_t n_groups, yoke_error *err)
{
    return yk_fail(err, YOKE_ELIMIT, "%zu groups take more than %llu MiB of memory; allow more with --memory, or group by less", n_groups,
                   (unsigned long long)(s->memory >> 20));
}

/* Room for as many cells as there are groups; new ones are empty. */
static int grow(const grouping *s, tally *t, yoke_error *err)
{
    size_t n = yk_groups_count(t->groups);
    for (size_t i = 0; i < s->n_asks; i++) {
        size_t before = t->caps[i];
        if (!yk_grow(&t->cells[i], &t->caps[i], n + 1, sizeof(cell)))
            return yk_fail_nomem(err, "grouping");
        memset(t->cells[i] + before, 0, (t->caps[i] - before) * sizeof(cell));
        if (!t->hists[i].bins)
            continue;
        if (n * yk_bins_n(t->hists[i].bins) * sizeof(uint64_t) > s->memory)
            return fail_memory(s, n, err);
        YK_TRY(yk_hists_grow(&t->hists[i], n, err));
    }
    return 0;
}

static size_t tally_bytes(const grouping *s, const tally *t)
{
    size_t n = yk_groups_memory(t->groups) + t->texts.cap;
    for (size_t i = 0; i < s->n_asks; i++)
        n += t->caps[i] * sizeof(cell) + t->pairs[i].cap + t->hists[i].cap * sizeof(uint64_t) + (t->distinct[i] ? yk_groups_memory(t->distinct[i]) : 0);
    return n;
}

/* ---- one block's rows into cells */

static bool row_counts(const yk_vec *v, uint32_t i) { return !v->valid || (v->valid[i >> 6] >> (i & 63) & 1); }

static void add_moments(cell *cells, const uint32_t *numbers, const double *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (numbers[i] == YK_NO_GROUP || isnan(x[i]))
            continue;
        cell  *c = &cells[numbers[i]];
        double d = x[i] - c->mean;
        c->n++;
        c->mean += d / (double)c->n;
        c->m2 += d * (x[i] - c->mean);
    }
}

static void add_sums(cell *cells, const uint32_t *numbers, const double *x, const uint64_t *mask, uint32_t n)
{
    if (!mask && yk_count_real(x, NULL, n) == n) {
        for (uint32_t i = 0; i < n; i++) {
            cells[numbers[i]].n++;
            cells[numbers[i]].sum += x[i];
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (numbers[i] == YK_NO_GROUP || isnan(x[i]))
            continue;
        cells[numbers[i]].n++;
        cells[numbers[i]].sum += x[i];
    }
}

static int64_t integer_at(const yk_vec *v, uint32_t i)
{
    return v->type.kind == YK_KIND_BOOL ? ((const uint8_t *)v->values)[i] : ((const int64_t *)v->values)[i];
}

static void add_integers(cell *cells, const uint32_t *numbers, const yk_vec *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (numbers[i] == YK_NO_GROUP || !row_counts(v, i))
            continue;
        cells[numbers[i]].n++;
        cells[numbers[i]].sum_int += integer_at(v, i);
    }
}

static int order_of(const tally *t, yk_type type, const cell *c, const cell *new, yk_text text)
{
    switch (type.kind) {
    case YK_KIND_REAL: return (new->r > c->r) - (new->r < c->r);
    case YK_KIND_UINT: return (new->u > c->u) - (new->u < c->u);
    case YK_KIND_DECIMAL: return (new->d > c->d) - (new->d < c->d);
    case YK_KIND_TEXT:
    case YK_KIND_DATA: {
        int o = memcmp(text.data, yk_buf_text(&t->texts) + c->text[0], text.len < c->text[1] ? text.len : c->text[1]);
        return o ? o : (text.len > c->text[1]) - (text.len < c->text[1]);
    }
    default: return (new->i > c->i) - (new->i < c->i);
    }
}

/* A value takes the cell when it is the first, or comes before (MIN) or after (MAX) what is there, or later (LAST). */
static void take(tally *t, yk_each what, yk_type type, cell *c, cell new, yk_text text)
{
    int  o = c->n && (what == YK_EACH_MIN || what == YK_EACH_MAX) ? order_of(t, type, c, &new, text) : 0;
    bool is_taken = c->n == 0 || what == YK_EACH_LAST || (what == YK_EACH_MIN && o < 0) || (what == YK_EACH_MAX && o > 0);
    uint64_t n = c->n + new.n;
    if (is_taken)
        *c = new;
    if (is_taken && is_texts(type)) {
        c->text[0] = t->texts.len, c->text[1] = text.len;
        yk_buf_append(&t->texts, text.data, text.len);
    }
    c->n = n;
}

static void add_values(tally *t, yk_each what, cell *cells, const uint32_t *numbers, const yk_vec *v, uint32_t n)
{
    size_t size = yk_kind_size(v->type.kind);
    for (uint32_t i = 0; i < n; i++) {
        cell    new = {.n = 1};
        yk_text text = {"", 0};
        if (numbers[i] == YK_NO_GROUP || !row_counts(v, i) || (v->type.kind == YK_KIND_REAL && isnan(((const double *)v->values)[i])))
            continue;
        if (is_texts(v->type))
            text = ((const yk_text *)v->values)[i];
        else if (v->type.kind == YK_KIND_BOOL)
            new.i = integer_at(v, i);
        else
            memcpy(&new.d, (const char *)v->values + i * size, size);
        take(t, what, v->type, &cells[numbers[i]], new, text);
    }
}

static void add_pairs(yk_buf *pairs, const uint32_t *numbers, const double *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (numbers[i] != YK_NO_GROUP && !isnan(x[i])) {
            pair p = {numbers[i], x[i]};
            yk_buf_append(pairs, &p, sizeof p);
        }
}

static bool is_integer(yk_type t)
{
    return t.kind == YK_KIND_BOOL || t.kind == YK_KIND_INT || t.kind == YK_KIND_SPAN;
}

static int add_ask(grouping *s, state *st, size_t ask, const yk_block *b, yoke_error *err)
{
    tally         *t = &st->now;
    cell          *cells = t->cells[ask];
    const yk_each  what = s->asks[ask].what;
    if (!s->asks[ask].expr) {
        for (uint32_t i = 0; i < b->n; i++)
            if (st->numbers[i] != YK_NO_GROUP)
                cells[st->numbers[i]].n++;
        return 0;
    }
    yk_vec  v;
    yk_type type = s->types[s->roots[ask]];
    bool    is_odd = what == YK_EACH_SUM && !is_integer(type) && type.kind != YK_KIND_REAL;
    YK_TRY(yk_eval_values(b->eval, s->base.root + s->roots[ask] + is_odd, &v, err));
    if (what == YK_EACH_DISTINCT) {
        st->vecs[s->n_keys] = v;
        return yk_groups_number(t->distinct[ask], st->vecs, b->mask, b->n, st->others, err);
    }
    if (what == YK_EACH_STD || what == YK_EACH_VAR)
        add_moments(cells, st->numbers, v.values, b->n);
    else if (what == YK_EACH_HISTOGRAM)
        yk_hists_add(&t->hists[ask], st->numbers, v.values, b->n);
    else if (what == YK_EACH_QUANTILE)
        add_pairs(&t->pairs[ask], st->numbers, v.values, b->n);
    else if (what == YK_EACH_SUM && is_integer(v.type))
        add_integers(cells, st->numbers, &v, b->n);
    else if (what == YK_EACH_SUM || what == YK_EACH_MEAN)
        add_sums(cells, st->numbers, v.values, b->mask, b->n);
    else
        add_values(t, what == YK_EACH_COUNT ? YK_EACH_FIRST : what, cells, st->numbers, &v, b->n);
    return t->texts.is_failed || t->pairs[ask].is_failed ? yk_fail_nomem(err, "grouping") : 0;
}

/* ---- the sink */

static void grouping_bind(yk_sink *base)
{
    grouping *s = (grouping *)base;
    for (size_t i = 0; i < base->n_roots; i++)
        s->types[i] = yk_sink_type(base, i);
}

static void grouping_close(yk_sink *base, void *state_)
{
    state *st = state_;
    tally_fini((grouping *)base, &st->now);
    yk_free(st->vecs);
    yk_free(st);
}

static int grouping_open(yk_sink *base, void **ret, yoke_error *err)
{
    state *st = yk_new(state);
    if (!st)
        return yk_fail_nomem(err, "starting a scan");
    *ret = st;
    st->vecs = yk_new_array(yk_vec, base->n_roots + 1);
    return st->vecs ? 0 : yk_fail_nomem(err, "starting a scan");
}

static int grouping_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state *st = state_;
    tally_fini((grouping *)base, &st->now);
    return tally_init((grouping *)base, &st->now, err);
}

static int grouping_block(yk_sink *base, void *state_, const yk_block *b, yoke_error *err)
{
    grouping *s = (grouping *)base;
    state    *st = state_;
    for (size_t i = 0; i < s->n_keys; i++) {
        YK_TRY(yk_eval_root(b->eval, base->root + i, &st->vecs[i], err));
        if (!yk_type_same(st->vecs[i].type, s->types[i])) /* a file of another type than the others */
            YK_TRY(yk_eval_values(b->eval, base->root + i, &st->vecs[i], err));
    }
    YK_TRY(yk_groups_number(st->now.groups, st->vecs, b->mask, b->n, st->numbers, err));
    YK_TRY(grow(s, &st->now, err));
    for (size_t i = 0; i < s->n_asks; i++)
        YK_TRY(add_ask(s, st, i, b, err));
    return 0;
}

static int grouping_end(yk_sink *base, void *state_, yk_buf *to, yoke_error *err)
{
    grouping *s = (grouping *)base;
    tally    *t = &((state *)state_)->now;
    YK_TRY(yk_groups_write(t->groups, to, err));
    uint64_t n = yk_groups_count(t->groups);
    yk_buf_append(to, &(uint64_t){t->texts.len}, sizeof(uint64_t));
    yk_buf_append(to, yk_buf_text(&t->texts), t->texts.len);
    for (size_t i = 0; i < s->n_asks; i++) {
        if (n)
            yk_buf_append(to, t->cells[i], n * sizeof(cell));
        yk_buf_append(to, &(uint64_t){t->pairs[i].len}, sizeof(uint64_t));
        yk_buf_append(to, yk_buf_text(&t->pairs[i]), t->pairs[i].len);
        if (t->hists[i].bins)
            yk_hists_write(&t->hists[i], n, to);
        if (t->distinct[i])
            YK_TRY(yk_groups_write(t->distinct[i], to, err));
    }
    return 0;
}

/* b comes after a. */
static void merge_moments(cell *a, const cell *b)
{
    if (!b->n)
        return;
    double n = (double)a->n + (double)b->n, d = b->mean - a->mean;
    if (a->n) {
        a->m2 += b->m2 + d * d * ((double)a->n * (double)b->n / n);
        a->mean += d * ((double)b->n / n);
    } else {
        a->mean = b->mean, a->m2 = b->m2;
    }
    a->n += b->n;
}

static void merge_cell(grouping *s, size_t ask, cell *to, cell from, const char *texts)
{
    yk_each what = s->asks[ask].what;
    yk_type type = s->asks[ask].expr ? s->types[s->roots[ask]] : (yk_type){.kind = YK_KIND_INT};
    if (!s->asks[ask].expr || what == YK_EACH_COUNT) {
        to->n += from.n;
    } else if (what == YK_EACH_STD || what == YK_EACH_VAR) {
        merge_moments(to, &from);
    } else if (what == YK_EACH_SUM && is_integer(type)) {
        to->n += from.n;
        to->sum_int += from.sum_int;
    } else if (what == YK_EACH_SUM || what == YK_EACH_MEAN) {
        to->n += from.n;
        to->sum += from.sum;
    } else if (from.n) {
        take(&s->all, what, type, to, from, is_texts(type) ? (yk_text){texts + from.text[0], from.text[1]} : (yk_text){"", 0});
    }
}

static const char *merge_pairs(yk_buf *to, const char *at, const uint32_t *numbers)
{
    uint64_t len;
    memcpy(&len, at, sizeof len);
    at += sizeof len;
    for (uint64_t k = 0; k < len; k += sizeof(pair)) {
        pair p;
        memcpy(&p, at + k, sizeof p);
        p.group = numbers[p.group];
        yk_buf_append(to, &p, sizeof p);
    }
    return at + len;
}

static int grouping_fold(yk_sink *base, const void *bytes, size_t size, yoke_error *err)
{
    grouping             *s = (grouping *)base;
    const char           *at = bytes, *end = at + size;
    YK_AUTOFREE uint32_t *numbers = NULL;
    uint32_t              n;
    size_t                used;
    uint64_t              len;
    if (!s->all.groups)
        YK_TRY(tally_init(s, &s->all, err));
    YK_TRY(yk_groups_merge(s->all.groups, at, size, &numbers, &n, &used, err));
    YK_TRY(grow(s, &s->all, err));
    at += used;
    memcpy(&len, at, sizeof len);
    const char *texts = at + sizeof len;
    at = texts + len;
    for (size_t i = 0; i < s->n_asks; i++) {
        for (uint32_t g = 0; g < n; g++, at += sizeof(cell)) {
            cell c;
            memcpy(&c, at, sizeof c);
            merge_cell(s, i, &s->all.cells[i][numbers[g]], c, texts);
        }
        at = merge_pairs(&s->all.pairs[i], at, numbers);
        if (s->all.hists[i].bins)
            at = yk_hists_merge(&s->all.hists[i], at, numbers);
        if (s->all.distinct[i]) {
            YK_AUTOFREE uint32_t *unused = NULL;
            uint32_t              n_unused;
            YK_TRY(yk_groups_merge(s->all.distinct[i], at, (size_t)(end - at), &unused, &n_unused, &used, err));
            at += used;
        }
        if (s->all.pairs[i].is_failed || s->all.texts.is_failed)
            return yk_fail_nomem(err, "grouping");
    }
    if (tally_bytes(s, &s->all) > s->memory)
        return fail_memory(s, yk_groups_count(s->all.groups), err);
    return 0;
}

static void grouping_reset(yk_sink *base) { tally_fini((grouping *)base, &((grouping *)base)->all); }

static void grouping_free(yk_sink *base)
{
    grouping *s = (grouping *)base;
    tally_fini(s, &s->all);
    yk_free(s->asks);
    yk_free(s->roots);
    yk_free(s->types);
}

static const yk_sink_ops OPS = {
    .name = "groups", .bind = grouping_bind, .open = grouping_open, .close = grouping_close, .begin = grouping_begin,
    .block = grouping_block, .end = grouping_end, .fold = grouping_fold, .reset = grouping_reset, .free = grouping_free,
};

/* Which asks read their expression as reals. */
static yk_want want_of(yk_each what)
{
    return what == YK_EACH_MEAN || what == YK_EACH_STD || what == YK_EACH_VAR || what == YK_EACH_QUANTILE || what == YK_EACH_HISTOGRAM ? YK_WANT_REAL : YK_WANT_ANY;
}

int yk_grouping_new(const yk_expr *const *keys, size_t n_keys, const yk_group_ask *asks, size_t n_asks, bool in_order_of_keys,
                    uint64_t memory, yk_sink **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink *base = (yk_sink *)yk_new(grouping);
    if (!base)
        return yk_fail_nomem(err, "planning a scan");
    grouping *s = (grouping *)base;
    base->ops = &OPS;
    s->n_keys = n_keys, s->n_asks = n_asks, s->in_order = in_order_of_keys, s->memory = memory;
    s->asks = yk_new_array(yk_group_ask, n_asks + 1);
    s->roots = yk_new_array(size_t, n_asks + 1);
    s->types = yk_new_array(yk_type, n_keys + 2 * n_asks + 1);
    if (!s->asks || !s->roots || !s->types)
        return yk_fail_nomem(err, "planning a scan");
    if (n_asks)
        memcpy(s->asks, asks, n_asks * sizeof *asks);
    for (size_t i = 0; i < n_keys; i++)
        YK_TRY(yk_sink_add(base, keys[i], YK_WANT_ANY, err));
    for (size_t i = 0; i < n_asks; i++) {
        s->roots[i] = base->n_roots;
        if (asks[i].expr)
            YK_TRY(yk_sink_add(base, asks[i].expr, want_of(asks[i].what), err));
        if (asks[i].what == YK_EACH_SUM) /* what is neither integer nor real is read as real, right after */
            YK_TRY(yk_sink_add(base, asks[i].expr, YK_WANT_REAL, err));
    }
    *ret = YK_TAKE(base);
    return 0;
}

/* ---- reading */

static int compare_pairs(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* Puts the quantile of each group into its cell. */
static void find_quantiles(grouping *s, size_t ask)
{
    pair  *p = (pair *)(void *)s->all.pairs[ask].data;
    size_t n = s->all.pairs[ask].len / sizeof *p;
    if (n)
        qsort(p, n, sizeof *p, compare_pairs);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && p[end].group == p[i].group; end++)
            ;
        double at = s->asks[ask].q * (double)(end - i - 1), part = at - floor(at);
        double a = p[i + (size_t)at].value, b = part > 0 ? p[i + (size_t)at + 1].value : a;
        cell  *c = &s->all.cells[ask][p[i].group];
        c->n = end - i;
        c->r = a == b ? a : part >= 0.5 ? b - (b - a) * (1 - part) : a + (b - a) * part;
    }
}

static int count_distinct(grouping *s, size_t ask, yoke_error *err)
{
    uint32_t              n = yk_groups_count(s->all.distinct[ask]);
    YK_AUTOFREE yk_vec   *keys = yk_new_array(yk_vec, s->n_keys + 1);
    YK_AUTOFREE uint32_t *numbers = yk_new_array(uint32_t, (size_t)n + 1);
    if (!keys || !numbers)
        return yk_fail_nomem(err, "grouping");
    for (size_t k = 0; k <= s->n_keys; k++)
        YK_TRY(yk_groups_keys(s->all.distinct[ask], k, &keys[k], err));
    YK_TRY(yk_groups_number(s->all.groups, keys, NULL, n, numbers, err));
    for (uint32_t i = 0; i < n; i++)
        s->all.cells[ask][numbers[i]].n += row_counts(&keys[s->n_keys], i);
    return 0;
}

static yk_type result_type(const grouping *s, size_t ask)
{
    yk_each what = s->asks[ask].what;
    yk_type own = s->asks[ask].expr ? s->types[s->roots[ask]] : (yk_type){.kind = YK_KIND_INT};
    if (what == YK_EACH_COUNT || what == YK_EACH_DISTINCT)
        return (yk_type){.kind = YK_KIND_INT};
    if (what == YK_EACH_HISTOGRAM)
        return (yk_type){.kind = YK_KIND_DATA};
    if (want_of(what) == YK_WANT_REAL)
        return (yk_type){.kind = YK_KIND_REAL};
    if (what == YK_EACH_SUM)
        return own.kind == YK_KIND_BOOL ? (yk_type){.kind = YK_KIND_INT} : is_integer(own) ? own : (yk_type){.kind = YK_KIND_REAL};
    return own;
}

static void value_of(const grouping *s, size_t ask, uint32_t group, yk_value *v)
{
    const cell *c = &s->all.cells[ask][group];
    yk_each     what = s->asks[ask].what;
    *v = (yk_value){.type = result_type(s, ask), .is_missing = c->n == 0};
    switch (what) {
    case YK_EACH_COUNT:
    case YK_EACH_DISTINCT: v->i = (int64_t)c->n, v->is_missing = false; return;
    case YK_EACH_HISTOGRAM: {
        size_t n = yk_bins_n(s->asks[ask].bins);
        v->t = (yk_text){(const char *)(s->all.hists[ask].counts + group * n), n * sizeof(uint64_t)};
        v->is_missing = false;
        return;
    }
    case YK_EACH_MEAN: v->r = c->sum / (double)c->n; return;
    case YK_EACH_STD:
    case YK_EACH_VAR:
        v->is_missing = c->n < 2;
        v->r = what == YK_EACH_STD ? sqrt(c->m2 / (double)(c->n - 1)) : c->m2 / (double)(c->n - 1);
        return;
    case YK_EACH_SUM:
        v->is_missing = false;
        if (v->type.kind == YK_KIND_REAL)
            v->r = c->sum;
        else
            v->i = (int64_t)c->sum_int;
        return;
    case YK_EACH_QUANTILE: v->r = c->r; return;
    default: break;
    }
    if (is_texts(v->type))
        v->t = (yk_text){yk_buf_text(&s->all.texts) + c->text[0], c->text[1]};
    else if (v->type.kind == YK_KIND_BOOL)
        v->b = c->i != 0;
    else
        v->d = c->d;
}

/* One value of a block of keys. */
static void key_at(const yk_vec *v, uint32_t row, yk_value *ret)
{
    size_t size = yk_kind_size(v->type.kind);
    *ret = (yk_value){.type = v->type, .is_missing = v->type.kind == YK_KIND_NULL || !row_counts(v, row)};
    if (ret->is_missing)
        return;
    if (v->type.kind == YK_KIND_BOOL)
        ret->b = ((const uint8_t *)v->values)[row];
    else
        memcpy(&ret->i, (const char *)v->values + row * size, size);
}

int yk_grouping_take(yk_sink *base, yk_batch *ret, yoke_error *err)
{
    grouping *s = (grouping *)base;
    if (!s->all.groups)
        YK_TRY(tally_init(s, &s->all, err));
    for (size_t i = 0; i < s->n_asks; i++) {
        if (s->asks[i].what == YK_EACH_QUANTILE)
            find_quantiles(s, i);
        else if (s->asks[i].what == YK_EACH_DISTINCT)
            YK_TRY(count_distinct(s, i, err));
    }
    uint32_t              n = yk_groups_count(s->all.groups);
    YK_AUTOFREE uint32_t *order = yk_new_array(uint32_t, (size_t)n + 1);
    if (!order)
        return yk_fail_nomem(err, "grouping");
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    if (s->in_order)
        yk_groups_sort(s->all.groups, order);
    YK_TRY(yk_batch_init(ret, s->n_keys + s->n_asks, err));
    for (size_t k = 0; k < s->n_keys; k++) {
        yk_vec   keys;
        yk_value v;
        ret->columns[k].type = s->types[k];
        YK_TRY(yk_groups_keys(s->all.groups, k, &keys, err));
        for (uint32_t i = 0; i < n; i++) {
            key_at(&keys, order[i], &v);
            YK_TRY(yk_batch_put(&ret->columns[k], &v, err));
        }
    }
    for (size_t a = 0; a < s->n_asks; a++) {
        yk_value v;
        ret->columns[s->n_keys + a].type = result_type(s, a);
        for (uint32_t i = 0; i < n; i++) {
            value_of(s, a, order[i], &v);
            YK_TRY(yk_batch_put(&ret->columns[s->n_keys + a], &v, err));
        }
    }
    ret->n = n;
    return 0;
}
