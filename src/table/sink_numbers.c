/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Counts, sums, moments and ranges. Integers are summed exactly, reals by the fixed tree over row numbers; both do not depend
 * on who took which rows.
 */
#include "numeric/reduce.h"
#include "table/coded.h"
#include "table/sinks.h"

#include <math.h>

typedef enum shape { ROWS, REALS, INTEGERS, WIDES, TEXTS, NOTHING } shape;

/* What a task, and the sink over all tasks, has found. Plain bytes: a task's goes to the fold as it is. */
typedef struct found {
    uint64_t    n;
    yk_wide_int sum;
    double      min, max;
    yk_wide_int min_int, max_int;
} found;

typedef struct numbers {
    yk_sink   base;
    unsigned  needs;
    found     all;
    yk_total *total;
    yk_type   type;
    yk_buf    min, max; /* of text */
} numbers;

typedef struct state {
    found      now;
    yk_partial partial;
    uint64_t   mask[YK_BLOCK / 64];
    int64_t    ints[YK_BLOCK];
    yk_buf     min, max;
    yk_coded   coded;
} state;

static shape shape_of(const numbers *s)
{
    if (!s->base.n_roots)
        return ROWS;
    switch (yk_sink_type(&s->base, 0).kind) {
    case YK_KIND_NULL: return NOTHING;
    case YK_KIND_REAL: return REALS;
    case YK_KIND_UINT:
    case YK_KIND_DECIMAL: return WIDES;
    case YK_KIND_TEXT:
    case YK_KIND_DATA: return TEXTS;
    default: return INTEGERS;
    }
}

/* Whether the fixed tree is needed: for sums of what is no signed integer, and all moments. */
static bool has_tree(const numbers *s)
{
    return (s->needs & YK_NEED_MOMENTS) || ((s->needs & YK_NEED_SUM) && (shape_of(s) == REALS || shape_of(s) == WIDES));
}

static void numbers_bind(yk_sink *base)
{
    if (base->n_roots)
        ((numbers *)base)->type = yk_sink_type(base, 0);
    base->in_order = has_tree((numbers *)base);
}

static void found_init(found *f)
{
    yk_wide_int half = (yk_wide_int)1 << 126, most = half - 1 + half;
    *f = (found){.min = INFINITY, .max = -INFINITY, .min_int = most, .max_int = -most};
}

static int numbers_open(yk_sink *base, void **ret, yoke_error *err)
{
    state *st = yk_new(state);
    if (!st)
        return yk_fail_nomem(err, "starting a scan");
    numbers *s = (numbers *)base;
    yk_partial_init(&st->partial, 0, s->needs & YK_NEED_MOMENTS);
    *ret = st;
    return 0;
}

static void numbers_close(yk_sink *base, void *state_)
{
    state *st = state_;
    yk_partial_fini(&st->partial);
    yk_buf_fini(&st->min);
    yk_buf_fini(&st->max);
    yk_coded_fini(&st->coded);
    yk_free(st);
}

static int numbers_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state   *st = state_;
    numbers *s = (numbers *)base;
    found_init(&st->now);
    st->coded.id = 0;
    yk_partial_fini(&st->partial);
    yk_partial_init(&st->partial, first, s->needs & YK_NEED_MOMENTS);
    return 0;
}

static int add_times(void *ctx, double value, uint64_t times, yoke_error *err)
{
    found *f = ctx;
    f->n += times;
    yk_min_max(&value, NULL, 1, &f->min, &f->max);
    return 0;
}

/* The block's rows that pass and are there; NULL: all. */
static const uint64_t *rows_that_count(state *st, const yk_vec *v, const yk_block *b)
{
    if (!v->valid || !b->mask)
        return v->valid ? v->valid : b->mask;
    yk_bits_and(v->valid, b->mask, b->n, st->mask);
    return st->mask;
}

static int add_reals(numbers *s, state *st, const yk_block *b, yoke_error *err)
{
    yk_vec v;
    bool   took = false;
    if (!has_tree(s)) /* neither ranges nor counts depend on the order of rows */
        YK_TRY(yk_coded_add(&st->coded, b, s->base.root, add_times, &st->now, &took, err));
    if (took)
        return 0;
    size_t root = s->base.root;
    if (has_tree(s) && !(s->needs & YK_NEED_RANGE)) {
        YK_TRY(yk_eval_root(b->eval, root, &v, err));
        if (v.codes && !v.is_const && v.type.kind == YK_KIND_REAL && v.dict->n) {
            yk_partial_add_codes(&st->partial, v.dict->values, v.codes, rows_that_count(st, &v, b), b->n);
            return 0;
        }
    }
    YK_TRY(yk_eval_values(b->eval, root, &v, err));
    if (has_tree(s))
        yk_partial_add(&st->partial, v.values, b->mask, b->n);
    if (s->needs & YK_NEED_RANGE)
        st->now.n += yk_min_max(v.values, b->mask, b->n, &st->now.min, &st->now.max);
    else if (!has_tree(s))
        st->now.n += yk_count_real(v.values, b->mask, b->n);
    return 0;
}

static void keep_range(found *f, yk_wide_int min, yk_wide_int max)
{
    f->min_int = min < f->min_int ? min : f->min_int;
    f->max_int = max > f->max_int ? max : f->max_int;
}

/* Moments of integers are those of the reals next to them. */
static int add_as_reals(numbers *s, state *st, const yk_block *b, yoke_error *err)
{
    yk_vec real;
    YK_TRY(yk_eval_values(b->eval, s->base.root + 1, &real, err));
    yk_partial_add(&st->partial, real.values, b->mask, b->n);
    return 0;
}

/* Integers and booleans as integers, *ret_mask saying which count. */
static int read_integers(numbers *s, state *st, const yk_block *b, const int64_t **ret, const uint64_t **ret_mask, yoke_error *err)
{
    yk_vec v;
    YK_TRY(yk_eval_values(b->eval, s->base.root, &v, err));
    *ret_mask = rows_that_count(st, &v, b);
    *ret = v.values;
    if (v.type.kind != YK_KIND_BOOL)
        return 0;
    for (uint32_t i = 0; i < b->n; i++)
        st->ints[i] = ((const uint8_t *)v.values)[i];
    *ret = st->ints;
    return 0;
}

static void add_range(found *f, const int64_t *x, const uint64_t *mask, uint32_t n)
{
    int64_t min = INT64_MAX, max = INT64_MIN;
    if (yk_min_max_int(x, mask, n, &min, &max))
        keep_range(f, min, max);
}

static int add_integers(numbers *s, state *st, const yk_block *b, yoke_error *err)
{
    const int64_t  *x;
    const uint64_t *mask;
    YK_TRY(read_integers(s, st, b, &x, &mask, err));
    st->now.n += mask ? yk_bits_count(mask, b->n) : b->n;
    if (s->needs & YK_NEED_SUM)
        st->now.sum += yk_sum_int(x, mask, b->n);
    if (s->needs & YK_NEED_RANGE)
        add_range(&st->now, x, mask, b->n);
    return has_tree(s) ? add_as_reals(s, st, b, err) : 0;
}

/* Unsigned integers and decimals: each row counts once, or `times` it. */
static int add_wides(numbers *s, state *st, const yk_block *b, const uint64_t *times, yoke_error *err)
{
    yk_vec v;
    YK_TRY(yk_eval_values(b->eval, s->base.root, &v, err));
    const uint64_t *mask = rows_that_count(st, &v, b);
    for (uint32_t i = 0; i < b->n; i++) {
        if (mask && !(mask[i >> 6] >> (i & 63) & 1))
            continue;
        yk_wide_int x = v.type.kind == YK_KIND_UINT ? (yk_wide_int)((const uint64_t *)v.values)[i] : ((const yk_wide_int *)v.values)[i];
        keep_range(&st->now, x, x);
        st->now.n += times ? times[i] : 1;
    }
    return has_tree(s) ? add_as_reals(s, st, b, err) : 0;
}

static int text_order(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static void keep_text(yk_buf *min, yk_buf *max, bool is_first, const char *t, size_t n)
{
    if (is_first || text_order(t, n, yk_buf_text(min), min->len) < 0) {
        yk_buf_clear(min);
        yk_buf_append(min, t, n);
    }
    if (is_first || text_order(t, n, yk_buf_text(max), max->len) > 0) {
        yk_buf_clear(max);
        yk_buf_append(max, t, n);
    }
}

static int add_texts(numbers *s, state *st, const yk_block *b, const uint64_t *times, yoke_error *err)
{
    yk_vec v;
    YK_TRY(yk_eval_values(b->eval, s->base.root, &v, err));
    const yk_text  *t = v.values;
    const uint64_t *mask = rows_that_count(st, &v, b);
    for (uint32_t i = 0; i < b->n; i++) {
        if (mask && !(mask[i >> 6] >> (i & 63) & 1))
            continue;
        if (s->needs & YK_NEED_RANGE)
            keep_text(&st->min, &st->max, st->now.n == 0, t[i].data, t[i].len);
        st->now.n += times ? times[i] : 1;
    }
    return st->min.is_failed || st->max.is_failed ? yk_fail_nomem(err, "keeping a text") : 0;
}

static int numbers_block(yk_sink *base, void *state_, const yk_block *b, yoke_error *err)
{
    numbers *s = (numbers *)base;
    state   *st = state_;
    switch (shape_of(s)) {
    case ROWS: st->now.n += b->n_pass; return 0;
    case REALS: return add_reals(s, st, b, err);
    case INTEGERS: return add_integers(s, st, b, err);
    case WIDES: return add_wides(s, st, b, NULL, err);
    case TEXTS: return add_texts(s, st, b, NULL, err);
    case NOTHING: return 0;
    }
    return 0;
}

/* How many rows the rows of a mask stand for. */
static uint64_t times_of(const uint64_t *mask, const uint64_t *times, uint32_t n)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < n; i++)
        all += times[i] & (mask ? 0 - (mask[i >> 6] >> (i & 63) & 1) : UINT64_MAX);
    return all;
}

static int count_reals(numbers *s, state *st, const yk_block *b, const uint64_t *times, yoke_error *err)
{
    yk_vec v;
    YK_TRY(yk_eval_values(b->eval, s->base.root, &v, err));
    const double *x = v.values;
    yk_min_max(x, b->mask, b->n, &st->now.min, &st->now.max);
    for (uint32_t i = 0; i < b->n; i++)
        st->now.n += x[i] == x[i] ? times[i] : 0;
    return 0;
}

static int count_integers(numbers *s, state *st, const yk_block *b, const uint64_t *times, yoke_error *err)
{
    const int64_t  *x;
    const uint64_t *mask;
    YK_TRY(read_integers(s, st, b, &x, &mask, err));
    add_range(&st->now, x, mask, b->n);
    for (uint32_t i = 0; i < b->n; i++)
        if (!mask || (mask[i >> 6] >> (i & 63) & 1))
            st->now.sum += (yk_wide_int)x[i] * times[i];
    st->now.n += times_of(mask, times, b->n);
    return 0;
}

static int numbers_times(yk_sink *base, void *state_, const yk_block *b, const uint64_t *times, yoke_error *err)
{
    numbers *s = (numbers *)base;
    state   *st = state_;
    switch (shape_of(s)) {
    case ROWS: st->now.n += times_of(NULL, times, b->n); return 0;
    case REALS: return count_reals(s, st, b, times, err);
    case INTEGERS: return count_integers(s, st, b, times, err);
    case WIDES: return add_wides(s, st, b, times, err);
    case TEXTS: return add_texts(s, st, b, times, err);
    case NOTHING: return 0;
    }
    return 0;
}

static void numbers_pass(yk_sink *base, void *state_, uint64_t n)
{
    state *st = state_;
    if (has_tree((numbers *)base))
        yk_partial_skip(&st->partial, n);
}

static int numbers_end(yk_sink *base, void *state_, yk_buf *to, yoke_error *err)
{
    numbers *s = (numbers *)base;
    state   *st = state_;
    YK_TRY(yk_coded_flush(&st->coded, add_times, &st->now, err));
    yk_buf_append(to, &st->now, sizeof st->now);
    if (has_tree(s))
        YK_TRY(yk_partial_write(&st->partial, to, err));
    if (shape_of(s) == TEXTS && st->now.n) {
        yk_buf_append(to, &(uint64_t){st->min.len}, sizeof(uint64_t));
        yk_buf_append(to, yk_buf_text(&st->min), st->min.len);
        yk_buf_append(to, yk_buf_text(&st->max), st->max.len);
    }
    return 0;
}

static int numbers_fold(yk_sink *base, const void *bytes, size_t n, yoke_error *err)
{
    numbers    *s = (numbers *)base;
    const char *at = bytes, *end = at + n;
    found       f;
    memcpy(&f, at, sizeof f);
    at += sizeof f;
    if (has_tree(s)) {
        if (!s->total)
            YK_TRY(yk_total_new(s->needs & YK_NEED_MOMENTS, &s->total, err));
        size_t used;
        YK_TRY(yk_total_add(s->total, at, (size_t)(end - at), &used, err));
        at += used;
    }
    if (shape_of(s) == TEXTS && f.n) {
        uint64_t len;
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        keep_text(&s->min, &s->max, s->all.n == 0, at, (size_t)len);
        keep_text(&s->min, &s->max, false, at + len, (size_t)(end - at) - (size_t)len);
    }
    s->all.n += f.n;
    s->all.sum += f.sum;
    s->all.min = f.min < s->all.min || (f.min == s->all.min && signbit(f.min)) ? f.min : s->all.min;
    s->all.max = f.max > s->all.max || (f.max == s->all.max && signbit(s->all.max)) ? f.max : s->all.max;
    keep_range(&s->all, f.min_int, f.max_int);
    return 0;
}

static void numbers_reset(yk_sink *base)
{
    numbers *s = (numbers *)base;
    found_init(&s->all);
    yk_total_free(s->total);
    s->total = NULL;
    yk_buf_clear(&s->min);
    yk_buf_clear(&s->max);
}

/* One row group's bounds and missing rows; false when they do not tell all. */
static bool add_known(numbers *s, const yk_parquet_stats *st, const yk_parquet_column *c, uint64_t n_rows)
{
    int64_t missing = c->is_nullable ? st->n_missing : 0;
    if ((uint64_t)missing == n_rows)
        return true;
    if (missing < 0 || (uint64_t)missing > n_rows)
        return false;
    bool is_first = s->all.n == 0;
    s->all.n += n_rows - (uint64_t)missing;
    if (!(s->needs & YK_NEED_RANGE))
        return true;
    if (!st->is_min_least || !st->is_max_greatest)
        return false;
    switch (s->type.kind) {
    case YK_KIND_REAL:
        s->all.min = st->min.r < s->all.min ? st->min.r : s->all.min;
        s->all.max = st->max.r > s->all.max ? st->max.r : s->all.max;
        return true;
    case YK_KIND_TEXT:
    case YK_KIND_DATA:
        keep_text(&s->min, &s->max, is_first, st->min.t.data, st->min.t.len);
        keep_text(&s->min, &s->max, false, st->max.t.data, st->max.t.len);
        return !s->min.is_failed && !s->max.is_failed;
    case YK_KIND_BOOL: keep_range(&s->all, st->min.b, st->max.b); return true;
    case YK_KIND_UINT: keep_range(&s->all, st->min.u, st->max.u); return true;
    case YK_KIND_DECIMAL: keep_range(&s->all, st->min.d, st->max.d); return true;
    default: keep_range(&s->all, st->min.i, st->max.i); return true;
    }
}

/* The count of all rows, unless some may be none. */
static bool know_rows(numbers *s, const yk_source *src)
{
    for (size_t i = 0; i < src->n_files; i++)
        if (src->files[i].csv && !yk_csv_is_regular(src->files[i].csv))
            return false;
    s->all.n = src->n_rows;
    return true;
}

/* Counts and ranges of plain columns are in the files' statistics. Not how many reals are there: NaN are missing, and are not counted. */
static bool numbers_known(yk_sink *base, const yk_source *src)
{
    numbers *s = (numbers *)base;
    if (base->n_roots == 0)
        return know_rows(s, src);
    int64_t column = yk_program_plain_column(base->program, base->root);
    yk_kind k = s->type.kind;
    if (column < 0 || k == YK_KIND_NULL || (s->needs & ~(unsigned)(YK_NEED_RANGE | YK_NEED_COUNT))
        || (k == YK_KIND_REAL && (s->needs & YK_NEED_COUNT)))
        return false;
    bool is_known = !src->columns[column].is_partition;
    for (size_t i = 0; i < src->n_files && is_known; i++) {
        const yk_parquet *f = src->files[i].parquet;
        int32_t           own = f ? src->files[i].column[column] : -1;
        is_known = f && (own < 0 || yk_type_same(yk_parquet_column_at(f, (unsigned)own)->type, s->type));
        for (unsigned g = 0; is_known && own >= 0 && g < yk_parquet_groups(f); g++) {
            yk_parquet_stats st;
            yk_parquet_group_stats(f, g, (unsigned)own, &st);
            is_known = add_known(s, &st, yk_parquet_column_at(f, (unsigned)own), yk_parquet_group_at(f, g)->n_rows);
        }
    }
    if (!is_known)
        numbers_reset(base);
    return is_known;
}

static void numbers_free(yk_sink *base)
{
    numbers *s = (numbers *)base;
    yk_total_free(s->total);
    yk_buf_fini(&s->min);
    yk_buf_fini(&s->max);
}

static const yk_sink_ops OPS = {
    .name = "numbers", .bind = numbers_bind, .known = numbers_known, .open = numbers_open, .close = numbers_close, .begin = numbers_begin,
    .block = numbers_block, .times = numbers_times, .pass = numbers_pass,
    .end = numbers_end, .fold = numbers_fold, .reset = numbers_reset, .free = numbers_free,
};

void yk_sink_free(yk_sink *s)
{
    if (!s)
        return;
    s->ops->free(s);
    yk_free(s->roots);
    yk_free(s);
}

int yk_numbers_new(const yk_expr *e, unsigned needs, yk_sink **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink *base = (yk_sink *)yk_new(numbers);
    if (!base)
        return yk_fail_nomem(err, "planning a scan");
    numbers *s = (numbers *)base;
    base->ops = &OPS;
    base->is_small = true;
    s->needs = needs;
    found_init(&s->all);
    s->type = (yk_type){.kind = e ? YK_KIND_NULL : YK_KIND_INT};
    if (e)
        YK_TRY(yk_sink_add(base, e, YK_WANT_ANY, err));
    if (e && (needs & (YK_NEED_SUM | YK_NEED_MOMENTS)))
        YK_TRY(yk_sink_add(base, e, YK_WANT_REAL, err));
    *ret = YK_TAKE(base);
    return 0;
}

void yk_numbers_read(const yk_sink *base, yk_numbers *ret)
{
    const numbers *s = (const numbers *)base;
    *ret = (yk_numbers){.type = s->type, .n = s->all.n, .sums = {.mean = NAN, .m2 = NAN}};
    if (s->total)
        ret->sums = yk_total_read(s->total);
    if (s->total && !(s->needs & YK_NEED_RANGE))
        ret->n = ret->sums.n;
    ret->is_exact = s->type.kind != YK_KIND_REAL && s->type.kind != YK_KIND_UINT && s->type.kind != YK_KIND_DECIMAL;
    ret->sum_int = s->all.sum;
    ret->min = ret->max = (yk_value){.type = s->type, .is_missing = ret->n == 0};
    if (s->type.kind == YK_KIND_REAL) {
        ret->min.r = s->all.min, ret->max.r = s->all.max;
    } else if (yk_kind_is_bytes(s->type.kind)) {
        ret->min.t = (yk_text){yk_buf_text(&s->min), s->min.len};
        ret->max.t = (yk_text){yk_buf_text(&s->max), s->max.len};
    } else if (s->type.kind == YK_KIND_BOOL) {
        ret->min.b = s->all.min_int, ret->max.b = s->all.max_int;
    } else if (s->type.kind == YK_KIND_DECIMAL) {
        ret->min.d = s->all.min_int, ret->max.d = s->all.max_int;
    } else { /* unsigned ones have the same bits */
        ret->min.i = (int64_t)s->all.min_int, ret->max.i = (int64_t)s->all.max_int;
    }
}
