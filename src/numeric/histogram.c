/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Equal bins: the bin is estimated by one multiplication; a value near an edge is compared with the edge itself, so the result
 * is that of searching the edges, which is what NumPy's corrected estimate gives wherever its own estimate is at most one off.
 * Where doubles are too coarse for that (edges a few units in the last place apart), NumPy's formula is followed step by step.
 */
#include "numeric/histogram.h"
#include "numeric/elementary.h"
#include "numeric/kernels.h"
#include "numeric/select.h"

#include <math.h>

typedef enum bins_kind { BINS_EQUAL, BINS_COARSE, BINS_GIVEN } bins_kind;

enum { TABLES = 4, PART = 2048, CELLS = 4096 };

struct yk_bins {
    bins_kind     kind;
    yk_equal_bins equal;
    uint32_t      n;
    /* Of given edges: doubles in order, cut into at most CELLS runs by their leading bits. cell[k] is the last edge that is not above
     * the least value of run k. */
    uint64_t      first_key;
    uint32_t      shift;
    uint32_t      cell[CELLS + 2];
    double        edges[]; /* n + 1 */
};


struct yk_hist {
    const yk_bins *bins;
    uint64_t      *counts; /* TABLES times n: neighbours in a block count into different tables */
};

static int bins_new(uint32_t n, yk_bins **ret, yoke_error *err)
{
    if (n < 1 || n > YK_BINS_MAX)
        return yk_fail(err, YOKE_EINVALID, "a histogram has 1 to %d bins, not %u", YK_BINS_MAX, n);
    yk_bins *b = yk_calloc(1, sizeof *b + ((size_t)n + 1) * sizeof(double));
    if (!b)
        return yk_fail_nomem(err, "making a histogram");
    b->n = n;
    *ret = b;
    return 0;
}

static int check_range(double lo, double hi, yoke_error *err)
{
    if (!isfinite(lo) || !isfinite(hi) || !isfinite(hi - lo))
        return yk_fail(err, YOKE_EINVALID, "the range %g:%g of a histogram is not finite", lo, hi);
    if (lo > hi)
        return yk_fail(err, YOKE_EINVALID, "the range %g:%g of a histogram ends before it begins", lo, hi);
    return 0;
}

static int check_increasing(const yk_bins *b, yoke_error *err)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (!(b->edges[i] < b->edges[i + 1]))
            return yk_fail(err, YOKE_EINVALID, "%u bins between %g and %g are too many: two edges would be the same number", b->n,
                           b->edges[0], b->edges[b->n]);
    return 0;
}

int yk_bins_equal(uint32_t n, double lo, double hi, yk_bins **ret, yoke_error *err)
{
    YK_CLEANUP(yk_bins_freep) yk_bins *b = NULL;
    YK_TRY(bins_new(n, &b, err));
    YK_TRY(check_range(lo, hi, err));
    if (lo == hi) {
        lo -= 0.5;
        hi += 0.5;
    }
    double delta = hi - lo, step = delta / n;
    for (uint32_t i = 0; i < n; i++)
        b->edges[i] = (step == 0.0 ? i / (double)n * delta : i * step) + lo;
    b->edges[n] = hi;
    YK_TRY(check_increasing(b, err));
    double size = fabs(lo) > fabs(hi) ? fabs(lo) : fabs(hi);
    b->equal = (yk_equal_bins){b->edges, n, lo, hi, n / delta, 0x1p-50 * n * (1.0 + size / delta)};
    b->kind = b->equal.near < 0.125 && isfinite(b->equal.per_unit) ? BINS_EQUAL : BINS_COARSE;
    *ret = YK_TAKE(b);
    return 0;
}

static uint64_t key_of(double x)
{
    return yk_key_of_real(x + 0.0); /* -0 as 0 */
}

static void make_cells(yk_bins *b)
{
    uint64_t range = key_of(b->edges[b->n]) - key_of(b->edges[0]);
    uint32_t edge = 0;
    b->first_key = key_of(b->edges[0]);
    while (range >> b->shift >= CELLS)
        b->shift++;
    for (uint64_t k = 0; k < CELLS + 2; k++) {
        while (edge < b->n && key_of(b->edges[edge + 1]) - b->first_key <= k << b->shift)
            edge++;
        b->cell[k] = edge;
    }
    b->kind = BINS_GIVEN;
}

int yk_bins_log(uint32_t n, double lo, double hi, yk_bins **ret, yoke_error *err)
{
    YK_CLEANUP(yk_bins_freep) yk_bins *b = NULL;
    YK_TRY(bins_new(n, &b, err));
    YK_TRY(check_range(lo, hi, err));
    if (!(lo > 0.0) || !(lo < hi))
        return yk_fail(err, YOKE_EINVALID, "bins that widen by a factor need a range 0 < lo < hi, not %g:%g", lo, hi);
    bool   is_far = isinf(hi / lo);
    double step = (is_far ? yk_log10(hi) - yk_log10(lo) : yk_log10(hi / lo)) / n; /* in powers of ten, so that decades are exact */
    for (uint32_t i = 0; i < n; i++)
        b->edges[i] = i == 0 ? lo : is_far ? yk_pow(10.0, yk_log10(lo) + i * step) : lo * yk_pow(10.0, i * step);
    b->edges[n] = hi;
    YK_TRY(check_increasing(b, err));
    make_cells(b);
    *ret = YK_TAKE(b);
    return 0;
}

int yk_bins_given(const double *edges, size_t n_edges, yk_bins **ret, yoke_error *err)
{
    YK_CLEANUP(yk_bins_freep) yk_bins *b = NULL;
    if (n_edges < 2 || n_edges - 1 > YK_BINS_MAX)
        return yk_fail(err, YOKE_EINVALID, "the edges of a histogram are 2 to %d numbers, not %zu", YK_BINS_MAX + 1, n_edges);
    YK_TRY(bins_new((uint32_t)(n_edges - 1), &b, err));
    memcpy(b->edges, edges, n_edges * sizeof *edges);
    for (uint32_t i = 0; i < b->n; i++)
        if (!(edges[i] <= edges[i + 1]))
            return yk_fail(err, YOKE_EINVALID, "the edges of a histogram must increase, but %g comes before %g", edges[i], edges[i + 1]);
    make_cells(b);
    *ret = YK_TAKE(b);
    return 0;
}

void yk_bins_free(yk_bins *b)
{
    yk_free(b);
}

uint32_t yk_bins_n(const yk_bins *b)
{
    return b->n;
}

const double *yk_bins_edges(const yk_bins *b)
{
    return b->edges;
}

/* ---- Finding ---- */

/* numpy.histogram's own steps for equal bins; x lies in the range. */
static uint32_t find_coarse(const yk_bins *b, double x)
{
    double   lo = b->edges[0], hi = b->edges[b->n];
    uint32_t i = (uint32_t)(((x - lo) / (hi - lo)) * b->n);
    if (i >= b->n)
        i = b->n - 1;
    if (i > 0 && x < b->edges[i])
        i--;
    if (i != b->n - 1 && x >= b->edges[i + 1])
        i++;
    return i;
}

/* The last edge that is not above x begins the bin; the last bin is closed. x lies in the range. */
static uint32_t find_given(const yk_bins *b, double x)
{
    uint64_t run = (key_of(x) - b->first_key) >> b->shift;
    uint32_t lo = b->cell[run], hi = b->cell[run + 1];
    while (hi - lo > 4) { /* edges[lo] <= x < edges[hi + 1] */
        uint32_t mid = lo + (hi - lo + 1) / 2;
        if (b->edges[mid] <= x)
            lo = mid;
        else
            hi = mid - 1;
    }
    while (lo < b->n && b->edges[lo + 1] <= x)
        lo++;
    return lo < b->n ? lo : b->n - 1; /* the last edge itself belongs to the last bin, also where that has no width */
}

/* The bin of a value that need not be in one. */
static uint32_t find_other(const yk_bins *b, double x)
{
    bool is_inside = x >= b->edges[0] && x <= b->edges[b->n];
    return !is_inside ? b->n : b->kind == BINS_COARSE ? find_coarse(b, x) : find_given(b, x);
}

void yk_bins_find_block(const yk_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index)
{
    if (b->kind == BINS_EQUAL) {
        YK_ISA_PICK(yk_k_bins_equal)(&b->equal, x, mask, n, index);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        index[i] = !mask || (mask[i >> 6] >> (i & 63) & 1) ? find_other(b, x[i]) : b->n;
}

/* The bins of those values alone that one counts, side by side: how many. */
static uint32_t find_inside(const yk_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index)
{
    uint32_t m = 0;
    if (b->kind == BINS_EQUAL)
        return YK_ISA_PICK(yk_k_bins_equal_inside)(&b->equal, x, mask, n, index);
    for (uint32_t i = 0; i < n; i++)
        if (!mask || (mask[i >> 6] >> (i & 63) & 1)) {
            index[m] = find_other(b, x[i]);
            m += index[m] < b->n;
        }
    return m;
}

int64_t yk_bins_find(const yk_bins *b, double x)
{
    uint32_t i;
    yk_bins_find_block(b, &x, NULL, 1, &i);
    return i < b->n ? (int64_t)i : -1;
}

/* ---- Counting ---- */

int yk_hist_new(const yk_bins *b, yk_hist **ret, yoke_error *err)
{
    YK_CLEANUP(yk_hist_freep) yk_hist *h = yk_new(yk_hist);
    if (!h)
        return yk_fail_nomem(err, "making a histogram");
    h->bins = b;
    h->counts = yk_new_array(uint64_t, TABLES * (size_t)b->n);
    if (!h->counts)
        return yk_fail_nomem(err, "making a histogram");
    *ret = YK_TAKE(h);
    return 0;
}

void yk_hist_free(yk_hist *h)
{
    if (!h)
        return;
    yk_free(h->counts);
    yk_free(h);
}

void yk_hist_clear(yk_hist *h)
{
    memset(h->counts, 0, TABLES * (size_t)h->bins->n * sizeof *h->counts);
}

void yk_hist_add(yk_hist *h, const double *x, const uint64_t *mask, uint32_t n)
{
    uint32_t  index[PART];
    size_t    row = h->bins->n;
    uint64_t *t0 = h->counts, *t1 = t0 + row, *t2 = t1 + row, *t3 = t2 + row;
    for (uint32_t at = 0; at < n; at += PART) {
        uint32_t part = n - at < PART ? n - at : PART, i = 0;
        uint32_t inside = find_inside(h->bins, x + at, mask ? mask + at / 64 : NULL, part, index);
        for (; i + 4 <= inside; i += 4) {
            t0[index[i]]++;
            t1[index[i + 1]]++;
            t2[index[i + 2]]++;
            t3[index[i + 3]]++;
        }
        for (; i < inside; i++)
            t0[index[i]]++;
    }
}

void yk_hist_add_times(yk_hist *h, double x, uint64_t times)
{
    uint32_t i;
    if (find_inside(h->bins, &x, NULL, 1, &i))
        h->counts[i] += times;
}

void yk_hist_read(const yk_hist *h, uint64_t *counts)
{
    size_t row = h->bins->n;
    for (size_t t = 0; t < TABLES; t++)
        for (uint32_t i = 0; i < h->bins->n; i++)
            counts[i] += h->counts[t * row + i];
}
