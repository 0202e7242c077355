/* SPDX-License-Identifier: BSD-3-Clause */
#include "numeric/select.h"
#include "numeric/kernels.h"

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

/* Quickselect on keys, median of three; after too many rounds the rest is narrowed bit by bit, which cannot go wrong. */
static double select_one(double *x, uint64_t n, uint64_t k)
{
    uint64_t lo = 0, hi = n;
    for (int round = 0; hi - lo > 1 && round < 128; round++) {
        double   a = x[lo], b = x[lo + (hi - lo) / 2], c = x[hi - 1];
        uint64_t ka = yk_key_of_real(a), kb = yk_key_of_real(b), kc = yk_key_of_real(c);
        uint64_t pivot = ka < kb ? (kb < kc ? kb : ka < kc ? kc : ka) : (ka < kc ? ka : kb < kc ? kc : kb);
        uint64_t less = lo, i = lo, more = hi;
        while (i < more) {
            uint64_t key = yk_key_of_real(x[i]);
            double   v = x[i];
            if (key < pivot)
                x[i++] = x[less], x[less++] = v;
            else if (key > pivot)
                x[i] = x[--more], x[more] = v;
            else
                i++;
        }
        if (k >= less && k < more)
            return yk_real_of_key(pivot);
        if (k < less)
            hi = less;
        else
            lo = more;
    }
    uint64_t prefix = 0;
    for (int bit = 63; bit >= 0; bit--) {
        uint64_t below = 0, trial = prefix | (uint64_t)1 << bit;
        for (uint64_t i = lo; i < hi; i++)
            below += yk_key_of_real(x[i]) < trial;
        if (lo + below <= k)
            prefix = trial;
    }
    return yk_real_of_key(prefix);
}

/* The value of rank k + 1 where that of rank k is a. */
static double value_after(const double *x, uint64_t n, uint64_t k, double a)
{
    uint64_t upto = 0, key = yk_key_of_real(a), least = UINT64_MAX;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t v = yk_key_of_real(x[i]);
        upto += v <= key;
        least = v > key && v < least ? v : least;
    }
    return upto > k + 1 ? a : yk_real_of_key(least);
}

enum { SAMPLE = 128, SPREAD = 18 /* three standard deviations of a rank in the sample */, FEW = 16 * SAMPLE, ROUNDS = 8 };

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
    for (int round = 0; n >= FEW && round < ROUNDS; round++) {
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
    ret[0] = select_one(x, n, k);
    ret[1] = k + 1 < n ? value_after(x, n, k, ret[0]) : ret[0];
}
