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
double yk_select(double *x, uint64_t n, uint64_t k)
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
