/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Many asks, one scan: what is asked of the same expression shares a sink.
 */
#include "table/grouping.h"
#include "table/table.h"

#include "base/number.h"

#include <math.h>

typedef enum family { NUMBERS, HISTOGRAM, QUANTILES, DISTINCT } family;

/* A sink and what it is for. */
typedef struct item {
    family   family;
    yk_expr *expr; /* owned; NULL: rows */
    unsigned needs;
    yk_bins *bins; /* of a histogram; owned */
    yk_sink *sink;
} item;

struct yoke_answers {
    yoke_answer *answers;
    size_t       n;
    char       **texts;
    char       (*types)[48];
    item        *items;
    size_t       n_items, cap_items;
    size_t      *item_of; /* of each ask */
};

void yoke_answers_free(yoke_answers *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_items; i++) {
        yk_sink_free(a->items[i].sink);
        yk_expr_free(a->items[i].expr);
        yk_bins_free(a->items[i].bins);
    }
    for (size_t i = 0; a->texts && i < a->n; i++)
        yk_free(a->texts[i]);
    yk_free(a->texts);
    yk_free(a->types);
    yk_free(a->items);
    yk_free(a->item_of);
    yk_free(a->answers);
    yk_free(a);
}

const yoke_answer *yoke_answers_at(const yoke_answers *a, size_t i) { return a && i < a->n ? &a->answers[i] : NULL; }

/* ---- asks to items */

static unsigned needs_of(yoke_ask_kind what)
{
    switch (what) {
    case YOKE_ASK_SUM:
    case YOKE_ASK_MEAN: return YK_NEED_SUM;
    case YOKE_ASK_MIN:
    case YOKE_ASK_MAX: return YK_NEED_RANGE;
    case YOKE_ASK_STD:
    case YOKE_ASK_VAR: return YK_NEED_MOMENTS;
    default: return YK_NEED_COUNT;
    }
}

static family family_of(yoke_ask_kind what)
{
    return what == YOKE_ASK_HISTOGRAM ? HISTOGRAM : what == YOKE_ASK_QUANTILE ? QUANTILES : what == YOKE_ASK_DISTINCT ? DISTINCT : NUMBERS;
}

int yk_ask_bins(const yoke_ask *q, yk_bins **ret, yoke_error *err)
{
    if (q->n_edges && !q->edges)
        return yk_fail(err, YOKE_EINVALID, "a histogram of given edges has none");
    if (q->n_edges)
        return yk_bins_given(q->edges, q->n_edges, ret, err);
    return q->is_log ? yk_bins_log(q->n_bins, q->lo, q->hi, ret, err) : yk_bins_equal(q->n_bins, q->lo, q->hi, ret, err);
}

static int find_item(yoke_answers *a, const yoke_ask *q, size_t *ret, yoke_error *err)
{
    YK_CLEANUP(yk_expr_freep) yk_expr *e = NULL;
    family                             fam = family_of(q->what);
    if ((unsigned)q->what > YOKE_ASK_LAST)
        return yk_fail(err, YOKE_EINVALID, "there is no ask %d", (int)q->what);
    if (!q->expr && q->what != YOKE_ASK_COUNT)
        return yk_fail(err, YOKE_EINVALID, "this result needs an expression");
    if (q->what >= YOKE_ASK_FIRST)
        return yk_fail(err, YOKE_EINVALID, "first and last are asked of groups");
    if (q->expr)
        YK_TRY(yk_expr_parse(q->expr, &e, err));
    for (size_t i = 0; i < a->n_items && fam != HISTOGRAM; i++) {
        item *it = &a->items[i];
        bool  is_same = !e || !it->expr ? !e && !it->expr : strcmp(yk_expr_text(e), yk_expr_text(it->expr)) == 0;
        if (it->family == fam && is_same) {
            it->needs |= needs_of(q->what);
            *ret = i;
            return 0;
        }
    }
    item new = {.family = fam, .needs = needs_of(q->what)};
    if (fam == HISTOGRAM)
        YK_TRY(yk_ask_bins(q, &new.bins, err));
    if (!yk_push(&a->items, &a->n_items, &a->cap_items, new)) {
        yk_bins_free(new.bins);
        return yk_fail_nomem(err, "planning a scan");
    }
    *ret = a->n_items - 1;
    a->items[*ret].expr = YK_TAKE(e);
    return 0;
}

static int make_sink(const yoke_table *t, item *it, yoke_error *err)
{
    const yk_expr *key = it->expr;
    switch (it->family) {
    case NUMBERS: return yk_numbers_new(it->expr, it->needs, &it->sink, err);
    case HISTOGRAM: return yk_histogram_new(it->expr, it->bins, &it->sink, err);
    case QUANTILES: return yk_quantiles_new(it->expr, &it->sink, err);
    case DISTINCT: return yk_grouping_new(&key, 1, NULL, 0, true, yk_table_memory(t), yoke_session_workers(t->session), &it->sink, err);
    }
    return 0;
}

/* ---- items to answers */

static int set_value(yoke_answers *a, size_t i, const yk_value *v, yoke_error *err)
{
    yoke_answer *r = &a->answers[i];
    YK_AUTOBUF   text = YK_BUF_INIT;
    yk_value_put(v, &text);
    a->texts[i] = yk_strdup(yk_buf_text(&text));
    if (!a->texts[i] || text.is_failed)
        return yk_fail_nomem(err, "keeping a result");
    r->text = a->texts[i];
    r->real = yk_value_real(v);
    r->is_missing = v->is_missing;
    r->is_integer = !v->is_missing && (v->type.kind == YK_KIND_INT || v->type.kind == YK_KIND_BOOL);
    r->integer = !r->is_integer ? 0 : v->type.kind == YK_KIND_BOOL ? v->b : v->i;
    r->type = yk_type_name(v->type, a->types[i], sizeof *a->types);
    return 0;
}

static yk_value real_value(double x, bool is_missing)
{
    return (yk_value){.type = {.kind = YK_KIND_REAL}, .is_missing = is_missing, .r = x};
}

static yk_value int_value(int64_t n) { return (yk_value){.type = {.kind = YK_KIND_INT}, .i = n}; }

static yk_value sum_value(const yk_numbers *n)
{
    if (!n->is_exact)
        return real_value(n->sums.sum, false);
    if (n->sum_int >= INT64_MIN && n->sum_int <= INT64_MAX)
        return int_value((int64_t)n->sum_int);
    yk_value v = {.type = {.kind = YK_KIND_DECIMAL}};
    v.d = n->sum_int;
    return v;
}

static yk_value numbers_value(const item *it, yoke_ask_kind what)
{
    yk_numbers n;
    yk_numbers_read(it->sink, &n);
    double mean = n.is_exact ? (double)n.sum_int / (double)n.n : n.sums.mean, var = n.sums.m2 / (double)(n.n - 1);
    switch (what) {
    case YOKE_ASK_SUM: return sum_value(&n);
    case YOKE_ASK_MEAN: return real_value(mean, n.n == 0);
    case YOKE_ASK_VAR: return real_value(var, n.n < 2);
    case YOKE_ASK_STD: return real_value(sqrt(var), n.n < 2);
    case YOKE_ASK_MIN: return n.min;
    case YOKE_ASK_MAX: return n.max;
    default: return int_value((int64_t)n.n);
    }
}

static int set_answer(yoke_answers *a, size_t i, const yoke_ask *q, const yk_scan *scan, yoke_error *err)
{
    const item  *it = &a->items[a->item_of[i]];
    yoke_answer *r = &a->answers[i];
    yk_value     v;
    if (it->family == NUMBERS) {
        v = numbers_value(it, q->what);
    } else if (it->family == QUANTILES) {
        double x = yk_quantiles_read(it->sink, q->q);
        v = real_value(x, isnan(x));
    } else if (it->family == DISTINCT) {
        uint64_t n;
        YK_TRY(yk_grouping_count(it->sink, scan, &n, err));
        v = int_value((int64_t)n);
    } else {
        uint64_t total = 0;
        r->n_bins = yk_bins_n(it->bins);
        r->edges = yk_bins_edges(it->bins);
        r->counts = yk_histogram_read(it->sink);
        for (size_t b = 0; b < r->n_bins; b++)
            total += r->counts[b];
        v = int_value((int64_t)total);
    }
    return set_value(a, i, &v, err);
}

/* The sinks of what is asked, which stay the answers'. */
static int make_sinks(const yoke_table *t, const yoke_ask *asks, yoke_answers *a, yk_sink ***ret, yoke_error *err)
{
    for (size_t i = 0; i < a->n; i++)
        YK_TRY(find_item(a, &asks[i], &a->item_of[i], err));
    YK_AUTOFREE yk_sink **sinks = yk_new_array(yk_sink *, a->n_items + 1); /* one place more than there are */
    if (!sinks)
        return yk_fail_nomem(err, "planning a scan");
    for (size_t i = 0; i < a->n_items; i++) {
        YK_TRY(make_sink(t, &a->items[i], err));
        sinks[i] = a->items[i].sink;
    }
    for (size_t i = 0; i < a->n; i++)
        if (asks[i].what == YOKE_ASK_QUANTILE)
            YK_TRY(yk_quantiles_want(a->items[a->item_of[i]].sink, asks[i].q, err));
    *ret = YK_TAKE(sinks);
    return 0;
}

static int collect(const yoke_table *t, const yoke_ask *asks, yoke_answers *a, yoke_error *err)
{
    YK_AUTOFREE yk_sink **sinks = NULL;
    YK_TRY(make_sinks(t, asks, a, &sinks, err));
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan;
    YK_TRY(yk_table_scan(t, &scan, err));
    scan.sinks = sinks;
    scan.n_sinks = a->n_items;
    YK_TRY(yk_scan_run(&scan, err));
    for (size_t i = 0; i < a->n; i++)
        YK_TRY(set_answer(a, i, &asks[i], &scan, err));
    return 0;
}

static int answers_new(size_t n, yoke_answers **ret, yoke_error *err)
{
    YK_CLEANUP(yoke_answers_freep) yoke_answers *a = yk_new(yoke_answers);
    if (a) {
        a->n = n;
        a->answers = yk_new_array(yoke_answer, n + 1);
        a->texts = yk_new_array(char *, n + 1);
        a->types = yk_calloc(n + 1, sizeof *a->types);
        a->item_of = yk_new_array(size_t, n + 1);
    }
    if (!a || !a->answers || !a->texts || !a->types || !a->item_of)
        return yk_fail_nomem(err, "planning a scan");
    *ret = YK_TAKE(a);
    return 0;
}

yoke_answers *yoke_table_collect(const yoke_table *t, const yoke_ask *asks, size_t n, yoke_error *err)
{
    YK_CLEANUP(yoke_answers_freep) yoke_answers *a = NULL;
    if (YK_LACKS(t, err) || (n && YK_LACKS(asks, err)))
        return NULL;
    return answers_new(n, &a, err) < 0 || collect(t, asks, a, err) < 0 ? NULL : YK_TAKE(a);
}

int yk_table_ask(const yoke_table *t, const yoke_ask *asks, size_t n, yoke_answers **ret, yk_sink ***ret_sinks, size_t *ret_n,
                 yoke_error *err)
{
    YK_CLEANUP(yoke_answers_freep) yoke_answers *a = NULL;
    YK_TRY(answers_new(n, &a, err));
    YK_TRY(make_sinks(t, asks, a, ret_sinks, err));
    *ret_n = a->n_items;
    *ret = YK_TAKE(a);
    return 0;
}

const yk_sink *yk_answers_sink(const yoke_answers *a, size_t i) { return a->items[a->item_of[i]].sink; }

/* ---- one at a time */

static int one(const yoke_table *t, yoke_ask ask, double *ret, yoke_error *err)
{
    YK_CLEANUP(yoke_answers_freep) yoke_answers *a = NULL;
    YK_TRY(answers_new(1, &a, err));
    YK_TRY(collect(t, &ask, a, err));
    *ret = a->answers[0].real;
    return 0;
}

int yoke_table_count(const yoke_table *t, uint64_t *ret, yoke_error *err)
{
    double n = 0;
    if (YK_LACKS(t, err) || YK_LACKS(ret, err))
        return YOKE_EINVALID;
    YK_TRY(one(t, (yoke_ask){.what = YOKE_ASK_COUNT}, &n, err));
    *ret = (uint64_t)n;
    return 0;
}

#define ONE(name, ask_kind)                                                                          \
    int yoke_table_##name(const yoke_table *t, const char *expr, double *ret, yoke_error *err)       \
    {                                                                                                \
        if (YK_LACKS(t, err) || YK_LACKS(expr, err) || YK_LACKS(ret, err))                            \
            return YOKE_EINVALID;                                                                    \
        return one(t, (yoke_ask){.what = ask_kind, .expr = expr}, ret, err);                         \
    }
ONE(sum, YOKE_ASK_SUM)
ONE(mean, YOKE_ASK_MEAN)
ONE(std, YOKE_ASK_STD)
ONE(min, YOKE_ASK_MIN)
ONE(max, YOKE_ASK_MAX)

int yoke_table_quantile(const yoke_table *t, const char *expr, double q, double *ret, yoke_error *err)
{
    if (YK_LACKS(t, err) || YK_LACKS(expr, err) || YK_LACKS(ret, err))
        return YOKE_EINVALID;
    return one(t, (yoke_ask){.what = YOKE_ASK_QUANTILE, .expr = expr, .q = q}, ret, err);
}
