/* SPDX-License-Identifier: BSD-3-Clause */
#include "numeric/select.h"
#include "numeric/kernels.h"

#include <stdlib.h>

enum { PART = 2048 };

uint64_t yk_digit_count(const yk_digit *d, const double *x, const uint64_t *mask, uint32_t n, uint64_t *counts)
{
    uint32_t index[PART], none = (uint32_t)1 << d->bits;
    uint64_t counted = 0;
    for (uint32_t at = 0; at < n; at += PART) {
        uint32_t part = n - at < PART ? n - at : PART;
        YK_ISA_PICK(yk_k_digits)(d->prefix, d->shift, d->bits, x + at, mask ? mask + at / 64 : NULL, part, index);
        for (uint32_t i = 0; i < part; i++)
            if (index[i] != none) {
                counts[index[i]]++;
                counted++;
            }
    }
    return counted;
}

uint32_t yk_digit_collect(uint64_t prefix, uint32_t shift, const double *x, const uint64_t *mask, uint32_t n, double *to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = yk_key_of_real(x[i]), head = shift < 64 ? key >> shift : 0;
        to[count] = x[i];
        count += (x[i] == x[i]) & (head == prefix) & (mask ? (unsigned)(mask[i >> 6] >> (i & 63) & 1) : 1u);
    }
    return count;
}

/* Brings the keys below a bound to the front, without branches; returns how many. */
static uint64_t bring_below(double *x, uint64_t n, uint64_t bound)
{
    uint64_t below = 0;
    for (uint64_t i = 0; i < n; i++) {
        double v = x[i];
        x[i] = x[below];
        x[below] = v;
        below += yk_key_of_real(v) < bound;
    }
    return below;
}

static double least_of(const double *x, uint64_t n)
{
    uint64_t least = UINT64_MAX;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t key = yk_key_of_real(x[i]);
        least = key < least ? key : least;
    }
    return yk_real_of_key(least);
}

static int by_key(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    uint64_t p = yk_key_of_real(x), q = yk_key_of_real(y);
    return (p > q) - (p < q);
}

static void sort_few(double *x, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++) {
        double   v = x[i];
        uint64_t j = i;
        for (; j && yk_key_of_real(x[j - 1]) > yk_key_of_real(v); j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
}

static uint64_t median_of_three(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t lo = a < b ? a : b, hi = a < b ? b : a;
    return c < lo ? lo : c < hi ? c : hi;
}

enum { FEW = 12, QUICK_ROUNDS = 64 };

/* Quickselect; what is left after too many rounds is sorted, which cannot go wrong. All before lo is less than x[lo … hi), all from hi
 * on is not. */
static void select_quick(double *x, uint64_t n, uint64_t k, double ret[2])
{
    uint64_t lo = 0, hi = n;
    for (int round = 0; hi - lo > FEW && round < QUICK_ROUNDS; round++) {
        uint64_t pivot = median_of_three(yk_key_of_real(x[lo]), yk_key_of_real(x[lo + (hi - lo) / 2]), yk_key_of_real(x[hi - 1]));
        uint64_t below = bring_below(x + lo, hi - lo, pivot);
        if (k < lo + below) {
            hi = lo + below;
            continue;
        }
        lo += below;
        uint64_t equal = bring_below(x + lo, hi - lo, pivot + 1);
        if (k < lo + equal) {
            ret[0] = yk_real_of_key(pivot);
            ret[1] = k + 1 < lo + equal || k + 1 == n ? ret[0] : least_of(x + lo + equal, n - lo - equal);
            return;
        }
        lo += equal;
    }
    if (hi - lo <= FEW)
        sort_few(x + lo, hi - lo);
    else
        qsort(x + lo, hi - lo, sizeof *x, by_key);
    ret[0] = x[k];
    ret[1] = k + 1 < hi ? x[k + 1] : k + 1 < n ? least_of(x + hi, n - hi) : x[k];
}

enum { SAMPLE = 128, SPREAD = 18 /* three standard deviations of a rank in the sample */, MANY = 16 * SAMPLE, ROUNDS = 8 };

/* Two keys of x[0..n), n >= SAMPLE, that ranks k and k + 1 most likely lie between. */
static void guess_bounds(const double *x, uint64_t n, uint64_t k, uint64_t *lo, uint64_t *hi)
{
    uint64_t s[SAMPLE], step = n / SAMPLE, at = k / step;
    for (uint64_t i = 0; i < SAMPLE; i++) {
        uint64_t key = yk_key_of_real(x[i * step + step / 2]), j = i;
        for (; j && s[j - 1] > key; j--)
            s[j] = s[j - 1];
        s[j] = key;
    }
    *lo = at < SPREAD ? 0 : s[at - SPREAD < SAMPLE - 1 ? at - SPREAD : SAMPLE - 1];
    *hi = at + SPREAD >= SAMPLE ? UINT64_MAX : s[at + SPREAD];
}

/* Brings what lies between two keys to the front, and counts it and what is less. */
static uint64_t gather_between(double *x, uint64_t n, uint64_t lo, uint64_t hi, uint64_t *less)
{
    uint64_t within = 0;
    *less = 0;
    for (uint64_t i = 0; i < n; i++) {
        double   v = x[i];
        uint64_t key = yk_key_of_real(v);
        x[i] = x[within];
        x[within] = v;
        within += key - lo <= hi - lo;
        *less += key < lo;
    }
    return within;
}

/* Bounds from a sample leave little of many values after one pass without branches (Floyd and Rivest 1975); quickselect does the rest. */
void yk_select_two(double *x, uint64_t n, uint64_t k, double ret[2])
{
    for (int round = 0; n >= MANY && round < ROUNDS; round++) {
        uint64_t lo, hi, less, last = k + 1 < n ? k + 1 : k;
        guess_bounds(x, n, k, &lo, &hi);
        uint64_t within = gather_between(x, n, lo, hi, &less);
        if (k < less || last >= less + within)
            break;
        if (lo == hi) {
            ret[0] = ret[1] = yk_real_of_key(lo);
            return;
        }
        k -= less;
        n = within;
    }
    select_quick(x, n, k, ret);
}
