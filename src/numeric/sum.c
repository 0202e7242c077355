/* SPDX-License-Identifier: BSD-3-Clause */
#include "numeric/sum.h"
#include "numeric/kernels.h"

#include <math.h>

double yk_leaf_sum(const double *x, const uint64_t *mask, uint32_t n, uint32_t *ret_count)
{
    return YK_ISA_PICK(yk_k_leaf_sum)(x, mask, n, ret_count);
}

double yk_leaf_moments(const double *x, const uint64_t *mask, uint32_t n, yk_moments *ret)
{
    uint32_t count;
    double   sum = yk_leaf_sum(x, mask, n, &count), rest, squares;
    *ret = (yk_moments){.n = count};
    if (count == 0)
        return sum;
    ret->mean = sum / count;
    YK_ISA_PICK(yk_k_leaf_squares)(x, mask, n, ret->mean, &rest, &squares);
    ret->mean_low = rest / count;
    ret->m2 = squares - rest * ret->mean_low;
    return sum;
}

yk_moments yk_moments_merge(yk_moments a, yk_moments b)
{
    if (b.n == 0)
        return a;
    if (a.n == 0)
        return b;
    double n = (double)(a.n + b.n), share = (double)b.n / n;
    double delta = (b.mean - a.mean) + (b.mean_low - a.mean_low);
    double step = delta * share + a.mean_low, mean = a.mean + step;
    return (yk_moments){a.n + b.n, mean, (a.mean - mean) + step, a.m2 + b.m2 + delta * delta * ((double)a.n * share)};
}

/* ---- Partials ---- */

/* What a leaf leaves in `leaves`; a partial with moments writes all of it, else the first two. */
typedef struct leaf_record {
    double sum, count, mean, mean_low, m2;
} leaf_record;

void yk_partial_init(yk_partial *p, uint64_t first, bool has_moments)
{
    p->first = first;
    p->n = 0;
    p->has_moments = has_moments;
    p->n_open = 0;
    p->head = (yk_buf)YK_BUF_INIT;
    p->leaves = (yk_buf)YK_BUF_INIT;
}

void yk_partial_fini(yk_partial *p)
{
    yk_buf_fini(&p->head);
    yk_buf_fini(&p->leaves);
}

static size_t record_size(bool has_moments)
{
    return has_moments ? sizeof(leaf_record) : 2 * sizeof(double);
}

static leaf_record leaf_of(const double *x, const uint64_t *mask, uint32_t n, bool has_moments)
{
    leaf_record r;
    uint32_t    count;
    yk_moments  m;
    if (has_moments) {
        r.sum = yk_leaf_moments(x, mask, n, &m);
        r.count = (double)m.n;
        r.mean = m.mean;
        r.mean_low = m.mean_low;
        r.m2 = m.m2;
    } else {
        r = (leaf_record){.sum = yk_leaf_sum(x, mask, n, &count)};
        r.count = count;
    }
    return r;
}

/* A whole leaf of rows table[codes[i]]. */
static leaf_record leaf_of_codes(const double *table, const uint32_t *codes, const uint64_t *mask)
{
    uint32_t    count;
    leaf_record r = {.sum = YK_ISA_PICK(yk_k_leaf_sum_codes)(table, codes, mask, YK_LEAF, &count)};
    r.count = count;
    return r;
}

/* How many rows are missing to the next leaf border. */
static uint32_t to_border(const yk_partial *p)
{
    return YK_LEAF - (uint32_t)((p->first + p->n) % YK_LEAF);
}

/* The open rows have reached a border: they are a whole leaf, or the head when the first of them is not at a border. */
static void close_leaf(yk_partial *p)
{
    if (p->n_open == YK_LEAF) {
        leaf_record r = leaf_of(p->open, NULL, YK_LEAF, p->has_moments);
        yk_buf_append(&p->leaves, &r, record_size(p->has_moments));
    } else {
        yk_buf_append(&p->head, p->open, p->n_open * sizeof *p->open);
    }
    p->n_open = 0;
}

/* Bits [from, from + n) of mask, n <= YK_LEAF, to the front of `to`. */
static const uint64_t *bits_from(const uint64_t *mask, uint32_t from, uint32_t n, uint64_t *to)
{
    uint32_t shift = from & 63, word = from >> 6, last = (from + n - 1) >> 6;
    if (!mask || shift == 0)
        return mask ? mask + word : NULL;
    for (uint32_t w = 0; w < (n + 63) / 64; w++)
        to[w] = mask[word + w] >> shift | (word + w < last ? mask[word + w + 1] << (64 - shift) : 0);
    return to;
}

/* Rows x[i], or x[codes[i]] where there are codes. */
static void add_rows(yk_partial *p, const double *x, const uint32_t *codes, const uint64_t *mask, uint32_t n)
{
    uint64_t shifted[YK_LEAF / 64];
    for (uint32_t i = 0; i < n;) {
        uint32_t        left = to_border(p), part = n - i < left ? n - i : left;
        const uint64_t *bits = bits_from(mask, i, part, shifted);
        double         *open = p->open + p->n_open;
        bool            is_whole = p->n_open == 0 && part == YK_LEAF;
        p->n += part;
        if (is_whole && !(codes && p->has_moments)) {
            leaf_record r = codes ? leaf_of_codes(x, codes + i, bits) : leaf_of(x + i, bits, YK_LEAF, p->has_moments);
            yk_buf_append(&p->leaves, &r, record_size(p->has_moments));
        } else {
            if (codes)
                YK_ISA_PICK(yk_k_gather)((uint64_t *)open, (const uint64_t *)x, codes + i, part);
            if (bits)
                YK_ISA_PICK(yk_k_blank)(open, codes ? open : x + i, bits, part);
            else if (!codes)
                memcpy(open, x + i, part * sizeof *x);
            p->n_open += part;
            if (part == left)
                close_leaf(p);
        }
        i += part;
    }
}

void yk_partial_add(yk_partial *p, const double *x, const uint64_t *mask, uint32_t n)
{
    add_rows(p, x, NULL, mask, n);
}

void yk_partial_add_codes(yk_partial *p, const double *table, const uint32_t *codes, const uint64_t *mask, uint32_t n)
{
    add_rows(p, table, codes, mask, n);
}

void yk_partial_skip(yk_partial *p, uint64_t n)
{
    static const leaf_record nothing = {.sum = -0.0};
    while (n) {
        uint32_t left = to_border(p), part = n < left ? (uint32_t)n : left;
        if (p->n_open == 0 && part == YK_LEAF) {
            yk_buf_append(&p->leaves, &nothing, record_size(p->has_moments));
            p->n += part;
        } else {
            for (uint32_t j = 0; j < part; j++)
                p->open[p->n_open++] = NAN;
            p->n += part;
            if (part == left)
                close_leaf(p);
        }
        n -= part;
    }
}

/* head, leaves, then the open rows as tail; a partial within one leaf has only a tail. */
typedef struct partial_header {
    uint64_t first, n, n_head, n_leaves, n_tail;
} partial_header;

int yk_partial_write(yk_partial *p, yk_buf *to, yoke_error *err)
{
    if (p->head.is_failed || p->leaves.is_failed)
        return yk_fail_nomem(err, "summing");
    partial_header h = {p->first, p->n, p->head.len / sizeof(double), p->leaves.len / record_size(p->has_moments), p->n_open};
    yk_buf_append(to, &h, sizeof h);
    yk_buf_append(to, p->head.data, p->head.len);
    yk_buf_append(to, p->leaves.data, p->leaves.len);
    yk_buf_append(to, p->open, p->n_open * sizeof *p->open);
    return to->is_failed ? yk_fail_nomem(err, "summing") : 0;
}

/* ---- Totals ---- */

enum { LEVELS = 7 }; /* 1024^7 leaves and more: beyond 2^64 rows */

/* Values of one level that have not filled a leaf of the next. */
typedef struct level {
    double   lane[YK_LANES];
    uint32_t n;
} level;

struct yk_total {
    bool       has_moments;
    uint64_t   next; /* row */
    uint64_t   count;
    uint32_t   n_open;
    double     open[YK_LEAF];
    level      levels[LEVELS];
    uint64_t   n_leaves;
    yk_moments moments[64]; /* bit k of n_leaves set: moments[k] holds 2^k leaves */
};

int yk_total_new(bool has_moments, yk_total **ret, yoke_error *err)
{
    yk_total *t = yk_new(yk_total);
    if (!t)
        return yk_fail_nomem(err, "summing");
    t->has_moments = has_moments;
    *ret = t;
    return 0;
}

void yk_total_free(yk_total *t)
{
    yk_free(t);
}

static double fold(const double *lanes)
{
    double lane[YK_LANES];
    memcpy(lane, lanes, sizeof lane);
    for (int h = YK_LANES / 2; h; h /= 2)
        for (int l = 0; l < h; l++)
            lane[l] += lane[l + h];
    return lane[0];
}

static void push(level *l, double value)
{
    for (;; l++) {
        if (l->n == 0)
            for (int i = 0; i < YK_LANES; i++)
                l->lane[i] = -0.0;
        l->lane[l->n++ % YK_LANES] += value;
        if (l->n < YK_LEAF)
            return;
        value = fold(l->lane);
        l->n = 0;
    }
}

/* The levels as if what is open were closed: each partial leaf is folded into the level above until one value is left. */
static double finish(const level *levels)
{
    level copy[LEVELS + 1] = {0};
    memcpy(copy, levels, LEVELS * sizeof *copy);
    int top = LEVELS - 1;
    while (top > 0 && copy[top].n == 0)
        top--;
    for (int k = 0; k < top; k++)
        if (copy[k].n) {
            double v = fold(copy[k].lane);
            copy[k].n = 0;
            push(&copy[k + 1], v);
            if (copy[top + 1].n)
                top++;
        }
    return copy[top].n ? fold(copy[top].lane) : 0.0;
}

static void add_moments(yk_moments *slots, uint64_t n_leaves, yk_moments m)
{
    int k = 0;
    for (; n_leaves >> k & 1; k++)
        m = yk_moments_merge(slots[k], m);
    slots[k] = m;
}

static void add_leaf(yk_total *t, const leaf_record *r)
{
    t->count += (uint64_t)r->count;
    push(t->levels, r->sum);
    if (t->has_moments)
        add_moments(t->moments, t->n_leaves, (yk_moments){(uint64_t)r->count, r->mean, r->mean_low, r->m2});
    t->n_leaves++;
}

static void add_open(yk_total *t, const char *from, uint64_t n)
{
    memcpy(t->open + t->n_open, from, n * sizeof(double));
    t->n_open += (uint32_t)n;
    if (t->n_open == YK_LEAF) {
        leaf_record r = leaf_of(t->open, NULL, YK_LEAF, t->has_moments);
        add_leaf(t, &r);
        t->n_open = 0;
    }
}

int yk_total_add(yk_total *t, const void *bytes, size_t size, size_t *ret_used, yoke_error *err)
{
    const char    *p = bytes;
    partial_header h;
    size_t         record = record_size(t->has_moments);
    if (size < sizeof h)
        return yk_fail(err, YOKE_EFORMAT, "a partial sum is cut short");
    memcpy(&h, p, sizeof h);
    p += sizeof h;
    size_t left = size - sizeof h;
    if (h.n_head >= YK_LEAF || h.n_tail >= YK_LEAF || h.n_leaves > left / record ||
        h.n_leaves * record + (h.n_head + h.n_tail) * sizeof(double) > left)
        return yk_fail(err, YOKE_EFORMAT, "a partial sum is cut short");
    bool fits = h.n == 0 || (h.first == t->next && t->n_open == h.first % YK_LEAF && h.n == h.n_head + h.n_leaves * YK_LEAF + h.n_tail);
    if (h.n_head)
        fits = fits && (h.first + h.n_head) % YK_LEAF == 0;
    else if (h.n_leaves)
        fits = fits && t->n_open == 0;
    if (!fits || (h.n && h.n_head + h.n_tail + t->n_open > YK_LEAF && h.n_head == 0))
        return yk_fail(err, YOKE_EFORMAT, "partial sums do not follow one another: rows from %llu, expected %llu",
                       (unsigned long long)h.first, (unsigned long long)t->next);
    add_open(t, p, h.n_head);
    p += h.n_head * sizeof(double);
    for (uint64_t i = 0; i < h.n_leaves; i++, p += record) {
        leaf_record r = {0};
        memcpy(&r, p, record);
        add_leaf(t, &r);
    }
    add_open(t, p, h.n_tail);
    p += h.n_tail * sizeof(double);
    t->next += h.n;
    if (ret_used)
        *ret_used = (size_t)(p - (const char *)bytes);
    return 0;
}

yk_sums yk_total_read(const yk_total *t)
{
    yk_total copy = *t;
    if (copy.n_open) {
        leaf_record r = leaf_of(copy.open, NULL, copy.n_open, copy.has_moments);
        add_leaf(&copy, &r);
    }
    yk_sums s = {copy.count, finish(copy.levels), NAN, NAN};
    if (s.n == 0)
        s.sum = 0.0;
    else
        s.mean = s.sum / (double)s.n;
    if (copy.has_moments) {
        yk_moments m = {0};
        for (int k = 0; k < 64; k++)
            if (copy.n_leaves >> k & 1)
                m = yk_moments_merge(copy.moments[k], m);
        s.m2 = m.m2;
    }
    return s;
}

double yk_sum(const double *x, size_t n)
{
    level    levels[LEVELS] = {0};
    uint64_t total = 0;
    for (size_t i = 0; i < n; i += YK_LEAF) {
        uint32_t count;
        push(levels, yk_leaf_sum(x + i, NULL, n - i < YK_LEAF ? (uint32_t)(n - i) : YK_LEAF, &count));
        total += count;
    }
    return total ? finish(levels) : 0.0;
}

yk_wide_int yk_sum_int(const int64_t *x, const uint64_t *mask, uint32_t n)
{
    int64_t  high = 0;
    uint64_t low = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = mask ? (uint64_t)x[i] & (0 - (mask[i >> 6] >> (i & 63) & 1)) : (uint64_t)x[i];
        high += (int64_t)v >> 32;
        low += v & 0xffffffff;
    }
    return (yk_wide_int)high * 0x100000000 + (yk_wide_int)low;
}
