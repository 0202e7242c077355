/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Exact quantiles of doubles. Where all values come as codes of dictionaries, or are few, the first scan counts each, and that is all.
 * Else it takes a few scans. The first counts the leading 16 bits of every value's order-preserving image; then
 * each wanted rank lies in one known bucket. Buckets of few values are collected by the next scan, larger ones are counted
 * by their next 16 bits. Ranks that fall into one bucket share it. Zeros, of which real columns have many, are counted by the
 * first scan: they are the least of their bucket.
 */
#include "numeric/select.h"
#include "table/coded.h"
#include "table/frequencies.h"
#include "table/sinks.h"

#include <math.h>

enum {
    DIGIT = 16,
    COLLECT_MAX = 3 << 20, /* values of all buckets collected in one scan: 24 MiB */
    FEW = 1 << 12,         /* different values of a task, at most, that are counted one by one; */
    FEW_AT_FIRST = YK_BLOCK / 4, /* and of its first block */
};

/* A bucket being looked into: all values whose image begins with `prefix` (64 - shift bits of it). */
typedef struct bucket {
    uint64_t  prefix;
    uint32_t  shift;   /* bits not yet known; 64: all of them */
    uint64_t  before;  /* values that are less than all of it */
    uint64_t  n;       /* values in it; of the first, known after its scan */
    bool      is_collected;
    uint64_t *counts;  /* by the next digit; NULL when collected */
    double   *values;  /* collected so far, n_values of them */
    uint64_t  n_values;
} bucket;

typedef struct rank {
    uint64_t k;
    double   value;
    bool     is_found;
} rank;

typedef struct quantiles {
    yk_sink  base;
    double  *q;
    size_t   n_q, cap_q;
    uint64_t n; /* values that count */
    uint64_t zeros; /* of them, +0.0 */
    bucket  *buckets;
    size_t   n_buckets, cap_buckets;
    rank    *ranks;
    size_t   n_ranks;
    yk_frequencies known; /* of all values, while they are few and come counted */
} quantiles;

/* A worker's counts and collected values, for each bucket. */
typedef struct state {
    uint64_t **counts;
    yk_buf    *values;
    size_t     n;
    double     picked[YK_BLOCK];
    uint64_t   zeros;    /* those that came uncounted */
    yk_buf     counted;  /* of the first scan: yk_frequency, a value may come more than once */
    yk_frequencies few;  /* of it too: those that come as they are, until they are too many */
    bool       has_uncounted;
    yk_coded   coded;
    const quantiles *sink;
} state;

static void quantiles_close(yk_sink *base, void *state_)
{
    state *st = state_;
    for (size_t i = 0; i < st->n; i++) {
        yk_free(st->counts[i]);
        yk_buf_fini(&st->values[i]);
    }
    yk_free(st->counts);
    yk_free(st->values);
    yk_buf_fini(&st->counted);
    yk_frequencies_fini(&st->few);
    yk_coded_fini(&st->coded);
    yk_free(st);
}

static int quantiles_open(yk_sink *base, void **ret, yoke_error *err)
{
    quantiles *s = (quantiles *)base;
    state     *st = yk_new(state);
    if (!st)
        return yk_fail_nomem(err, "starting a scan");
    st->counts = yk_new_array(uint64_t *, s->n_buckets);
    st->values = yk_new_array(yk_buf, s->n_buckets);
    bool is_whole = st->counts && st->values;
    for (; is_whole && st->n < s->n_buckets; st->n++)
        if (!s->buckets[st->n].is_collected)
            is_whole = (st->counts[st->n] = yk_new_array(uint64_t, 1 << DIGIT)) != NULL;
    if (!is_whole) {
        quantiles_close(base, st);
        return yk_fail_nomem(err, "starting a scan");
    }
    *ret = st;
    return 0;
}

static int quantiles_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state *st = state_;
    st->coded.id = 0;
    st->zeros = 0;
    st->has_uncounted = false;
    yk_buf_clear(&st->counted);
    yk_frequencies_fini(&st->few);
    st->sink = (quantiles *)base;
    return 0; /* ending a task leaves all else empty */
}

static int add_times(void *ctx, double value, uint64_t times, yoke_error *err)
{
    state   *st = ctx;
    uint64_t key = yk_key_of_real(value);
    if (!st->sink->ranks) { /* the first scan: its fold sorts them into buckets */
        yk_frequency f = {key, times};
        yk_buf_append(&st->counted, &f, sizeof f);
        return 0;
    }
    for (size_t i = 0; i < st->n; i++) {
        const bucket *k = &st->sink->buckets[i];
        if (key >> k->shift != k->prefix)
            continue;
        if (!k->is_collected)
            st->counts[i][key >> (k->shift - DIGIT) & ((1 << DIGIT) - 1)] += times;
        for (uint64_t t = 0; k->is_collected && t < times; t++)
            yk_buf_append(&st->values[i], &value, sizeof value);
    }
    return 0;
}

static uint64_t count_zeros(const double *x, const uint64_t *mask, uint32_t n)
{
    uint64_t zeros = 0;
    for (uint32_t word = 0; word * 64 < n; word++) {
        uint64_t bits = 0;
        uint32_t end = n - word * 64 < 64 ? n - word * 64 : 64;
        for (uint32_t i = 0; i < end; i++) {
            uint64_t b;
            memcpy(&b, &x[word * 64 + i], sizeof b);
            bits |= (uint64_t)(b == 0) << i;
        }
        zeros += (uint64_t)__builtin_popcountll(bits & (mask ? mask[word] : ~(uint64_t)0));
    }
    return zeros;
}

/* Too many to be counted one by one: what is known of them is counted by leading bits. */
static void give_up_few(state *st)
{
    for (size_t i = 0; i < st->few.n_slots; i++) {
        const yk_frequency *f = &st->few.slots[i];
        st->counts[0][f->key >> (64 - DIGIT)] += f->times;
        st->zeros += f->key == (uint64_t)1 << 63 ? f->times : 0;
    }
    yk_frequencies_give_up(&st->few);
    st->has_uncounted = true;
}

/* Values of the first scan, one by one while they are few; *ret_took is false once they were not. */
static int count_few(state *st, const double *x, const uint64_t *mask, uint32_t n, bool *ret_took, yoke_error *err)
{
    bool is_first = st->few.n == 0;
    *ret_took = !st->few.is_partial;
    for (uint32_t i = 0; i < n && *ret_took; i++)
        if ((!mask || (mask[i >> 6] >> (i & 63) & 1)) && !isnan(x[i]))
            YK_TRY(yk_frequencies_add(&st->few, yk_key_of_real(x[i]), 1, err));
    if (*ret_took && st->few.n > (is_first ? FEW_AT_FIRST : FEW))
        give_up_few(st);
    return 0;
}

static int quantiles_block(yk_sink *base, void *state_, const yk_block *b, yoke_error *err)
{
    quantiles *s = (quantiles *)base;
    state     *st = state_;
    yk_vec     v;
    bool       took;
    YK_TRY(yk_coded_add(&st->coded, b, base->root, add_times, st, &took, err));
    if (took)
        return 0;
    YK_TRY(yk_eval_values(b->eval, base->root, &v, err));
    if (!s->ranks) /* the first scan */
        YK_TRY(count_few(st, v.values, b->mask, b->n, &took, err));
    if (took)
        return 0;
    st->has_uncounted = true;
    if (!s->ranks)
        st->zeros += count_zeros(v.values, b->mask, b->n);
    for (size_t i = 0; i < s->n_buckets; i++) {
        const bucket *k = &s->buckets[i];
        if (!k->is_collected) {
            yk_digit d = {.prefix = k->prefix, .shift = k->shift - DIGIT, .bits = DIGIT};
            yk_digit_count(&d, v.values, b->mask, b->n, st->counts[i]);
            continue;
        }
        uint32_t n = yk_digit_collect(k->prefix, k->shift, v.values, b->mask, b->n, st->picked);
        yk_buf_append(&st->values[i], st->picked, n * sizeof(double));
        if (st->values[i].is_failed)
            return yk_fail_nomem(err, "collecting values");
    }
    return 0;
}

static int quantiles_times(yk_sink *base, void *state_, const yk_block *b, const uint64_t *times, yoke_error *err)
{
    yk_vec v;
    YK_TRY(yk_eval_values(b->eval, base->root, &v, err));
    const double *x = v.values;
    for (uint32_t i = 0; i < b->n; i++)
        if (times[i] && !isnan(x[i]))
            YK_TRY(add_times(state_, x[i], times[i], err));
    return 0;
}

/* How a task's result begins; the counted values follow. */
typedef struct summary {
    uint64_t zeros, has_uncounted, counted_bytes;
} summary;

static int quantiles_end(yk_sink *base, void *state_, yk_buf *to, yoke_error *err)
{
    state *st = state_;
    YK_TRY(yk_coded_flush(&st->coded, add_times, st, err));
    for (size_t i = 0; i < st->few.n_slots; i++)
        if (st->few.slots[i].times)
            yk_buf_append(&st->counted, &st->few.slots[i], sizeof st->few.slots[i]);
    summary u = {st->zeros, st->has_uncounted, st->counted.len};
    yk_buf_append(to, &u, sizeof u);
    yk_buf_append(to, yk_buf_text(&st->counted), st->counted.len);
    if (st->counted.is_failed)
        return yk_fail_nomem(err, "counting values");
    for (size_t i = 0; i < st->n; i++) {
        size_t   head = to->len;
        uint64_t n = 0;
        yk_buf_append(to, &n, sizeof n);
        for (uint64_t c = 0; st->counts[i] && (st->has_uncounted || st->sink->ranks) && c < 1 << DIGIT; c++)
            if (st->counts[i][c]) {
                uint64_t pair[2] = {c, st->counts[i][c]};
                yk_buf_append(to, pair, sizeof pair);
                st->counts[i][c] = 0;
                n++;
            }
        if (!st->counts[i]) {
            n = st->values[i].len / sizeof(double);
            yk_buf_append(to, yk_buf_text(&st->values[i]), st->values[i].len);
            yk_buf_clear(&st->values[i]);
        }
        if (!to->is_failed)
            memcpy(to->data + head, &n, sizeof n);
    }
    return 0;
}

/* Values that a task counted: each by its leading bits, and all of them while they are few. */
static int fold_counted(quantiles *s, const char *at, uint64_t size, yoke_error *err)
{
    for (uint64_t i = 0; i < size; i += sizeof(yk_frequency)) {
        yk_frequency f;
        memcpy(&f, at + i, sizeof f);
        s->buckets[0].counts[f.key >> (64 - DIGIT)] += f.times;
        s->zeros += f.key == (uint64_t)1 << 63 ? f.times : 0;
        YK_TRY(yk_frequencies_add(&s->known, f.key, f.times, err));
    }
    return 0;
}

static int quantiles_fold(yk_sink *base, const void *bytes, size_t size, yoke_error *err)
{
    quantiles  *s = (quantiles *)base;
    const char *at = bytes;
    summary     u;
    memcpy(&u, at, sizeof u);
    at += sizeof u;
    s->zeros += u.zeros;
    if (u.has_uncounted && !s->known.is_partial)
        yk_frequencies_give_up(&s->known);
    YK_TRY(fold_counted(s, at, u.counted_bytes, err));
    at += u.counted_bytes;
    for (size_t i = 0; i < s->n_buckets; i++) {
        bucket  *k = &s->buckets[i];
        uint64_t n;
        memcpy(&n, at, sizeof n);
        at += sizeof n;
        if (k->is_collected) {
            if (n > k->n - k->n_values)
                return yk_fail(err, YOKE_EFORMAT, "a file has changed while it was read");
            memcpy(k->values + k->n_values, at, n * sizeof(double));
            k->n_values += n;
            at += n * sizeof(double);
            continue;
        }
        for (uint64_t j = 0; j < n; j++, at += 2 * sizeof(uint64_t)) {
            uint64_t pair[2];
            memcpy(pair, at, sizeof pair);
            k->counts[pair[0]] += pair[1];
        }
    }
    return 0;
}

static void bucket_fini(bucket *k)
{
    yk_free(k->counts);
    yk_free(k->values);
}

static int add_bucket(quantiles *s, bucket k, yoke_error *err)
{
    for (size_t i = 0; i < s->n_buckets; i++)
        if (s->buckets[i].prefix == k.prefix && s->buckets[i].shift == k.shift)
            return 0;
    if (k.is_collected)
        k.values = yk_new_array(double, k.n + 1);
    else
        k.counts = yk_new_array(uint64_t, 1 << DIGIT);
    if ((!k.counts && !k.values) || !yk_push(&s->buckets, &s->n_buckets, &s->cap_buckets, k)) {
        bucket_fini(&k);
        return yk_fail_nomem(err, "looking for quantiles");
    }
    return 0;
}

/* The two ranks that each quantile lies between. */
static int set_ranks(quantiles *s, yoke_error *err)
{
    for (size_t c = 0; c < 1 << DIGIT; c++)
        s->n += s->buckets[0].counts[c];
    s->buckets[0].n = s->n;
    s->ranks = yk_new_array(rank, 2 * s->n_q + 1);
    if (!s->ranks)
        return yk_fail_nomem(err, "looking for quantiles");
    for (size_t i = 0; i < s->n_q && s->n; i++) {
        uint64_t lo = (uint64_t)floor(s->q[i] * (double)(s->n - 1));
        s->ranks[s->n_ranks++].k = lo;
        s->ranks[s->n_ranks++].k = lo + 1 < s->n ? lo + 1 : lo;
    }
    return 0;
}

/* Finds a rank within what has been counted: its value when all bits are known, else the bucket to look into next. */
static int narrow(quantiles *s, const bucket *k, rank *r, bucket *next, bool *ret_is_new)
{
    uint64_t before = k->before, c = 0;
    while (r->k >= before + k->counts[c])
        before += k->counts[c++];
    bool is_zeros = k->shift == 64 && c == (uint64_t)1 << (DIGIT - 1);
    if (is_zeros && r->k < before + s->zeros) {
        r->value = 0.0;
        r->is_found = true;
        return 0;
    }
    *next = (bucket){.prefix = k->shift == 64 ? c : k->prefix << DIGIT | c, .shift = k->shift - DIGIT, .before = before, .n = k->counts[c]};
    *ret_is_new = next->shift > 0;
    if (next->shift == 0) {
        r->value = yk_real_of_key(next->prefix);
        r->is_found = true;
    }
    return 0;
}

/* Answers every rank from the values that were counted one by one. */
static void find_known(quantiles *s)
{
    yk_frequencies_sort(&s->known);
    for (size_t i = 0; i < s->n_ranks; i++) {
        uint64_t before = 0;
        size_t   v = 0;
        while (s->ranks[i].k >= before + s->known.slots[v].times)
            before += s->known.slots[v++].times;
        s->ranks[i].value = yk_real_of_key(s->known.slots[v].key);
        s->ranks[i].is_found = true;
    }
}

static const bucket *bucket_of(const bucket *all, size_t n, const rank *r)
{
    for (size_t i = 0; i < n; i++)
        if (r->k >= all[i].before && r->k < all[i].before + all[i].n)
            return &all[i];
    return NULL;
}

static int quantiles_again(yk_sink *base, bool *ret, yoke_error *err)
{
    quantiles *s = (quantiles *)base;
    if (!s->ranks) {
        YK_TRY(set_ranks(s, err));
        if (!s->known.is_partial)
            find_known(s);
    }
    bucket  *old = s->buckets;
    size_t   n_old = s->n_buckets;
    uint64_t collected = 0;
    int      rc = 0;
    s->buckets = NULL, s->n_buckets = s->cap_buckets = 0;
    for (size_t i = 0; i < s->n_ranks && rc == 0; i++) {
        rank         *r = &s->ranks[i];
        const bucket *k = r->is_found ? NULL : bucket_of(old, n_old, r);
        bucket        next;
        bool          is_new = false;
        if (k && k->is_collected) {
            double two[2];
            yk_select_two(k->values, k->n, r->k - k->before, two);
            r->value = two[0];
            r->is_found = true;
        } else if (k) {
            rc = narrow(s, k, r, &next, &is_new);
        }
        if (is_new && rc == 0) {
            next.is_collected = collected + next.n <= COLLECT_MAX;
            collected += next.is_collected ? next.n : 0;
            rc = add_bucket(s, next, err);
        }
    }
    for (size_t i = 0; i < n_old; i++)
        bucket_fini(&old[i]);
    yk_free(old);
    *ret = s->n_buckets > 0;
    return rc;
}

static void quantiles_reset(yk_sink *base)
{
    quantiles *s = (quantiles *)base;
    s->zeros = s->ranks ? s->zeros : 0;
    yk_frequencies_fini(&s->known);
    for (size_t i = 0; i < s->n_buckets; i++) {
        s->buckets[i].n_values = 0;
        if (s->buckets[i].counts)
            memset(s->buckets[i].counts, 0, sizeof(uint64_t) << DIGIT);
    }
}

static void quantiles_free(yk_sink *base)
{
    quantiles *s = (quantiles *)base;
    for (size_t i = 0; i < s->n_buckets; i++)
        bucket_fini(&s->buckets[i]);
    yk_free(s->buckets);
    yk_free(s->ranks);
    yk_free(s->q);
    yk_frequencies_fini(&s->known);
}

static const yk_sink_ops OPS = {
    .name = "quantiles", .open = quantiles_open, .close = quantiles_close, .begin = quantiles_begin, .block = quantiles_block,
    .times = quantiles_times, .end = quantiles_end, .fold = quantiles_fold, .again = quantiles_again, .reset = quantiles_reset,
    .free = quantiles_free,
};

int yk_quantiles_new(const yk_expr *e, yk_sink **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink *base = (yk_sink *)yk_new(quantiles);
    if (!base)
        return yk_fail_nomem(err, "planning a scan");
    base->ops = &OPS;
    YK_TRY(yk_sink_add(base, e, YK_WANT_REAL, err));
    YK_TRY(add_bucket((quantiles *)base, (bucket){.shift = 64}, err));
    *ret = YK_TAKE(base);
    return 0;
}

int yk_quantiles_want(yk_sink *base, double q, yoke_error *err)
{
    quantiles *s = (quantiles *)base;
    if (!(q >= 0 && q <= 1))
        return yk_fail(err, YOKE_EINVALID, "a quantile lies between 0 and 1, not at %g", q);
    return yk_push(&s->q, &s->n_q, &s->cap_q, q) ? 0 : yk_fail_nomem(err, "planning a scan");
}

double yk_quantiles_read(const yk_sink *base, double q)
{
    const quantiles *s = (const quantiles *)base;
    for (size_t i = 0; i < s->n_q && s->n; i++) {
        if (s->q[i] != q)
            continue;
        double a = s->ranks[2 * i].value, b = s->ranks[2 * i + 1].value;
        double at = q * (double)(s->n - 1), part = at - floor(at);
        return yk_between(a, b, part);
    }
    return NAN;
}
