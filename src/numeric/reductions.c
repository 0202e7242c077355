/* SPDX-License-Identifier: BSD-3-Clause */
#include "numeric/reduce.h"
#include "numeric/kernels.h"

static uint64_t word_of(const uint64_t *mask, uint32_t w)
{
    return mask ? mask[w] : ~(uint64_t)0;
}

static uint64_t low_bits(uint32_t n)
{
    return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

uint32_t yk_min_max(const double *x, const uint64_t *mask, uint32_t n, double *min, double *max)
{
    return YK_ISA_PICK(yk_k_min_max)(x, mask, n, min, max);
}

uint32_t yk_min_max_int(const int64_t *x, const uint64_t *mask, uint32_t n, int64_t *min, int64_t *max)
{
    int64_t  least = *min, greatest = *max;
    for (uint32_t i = 0; i < n; i++) {
        int64_t all = mask ? -(int64_t)(mask[i >> 6] >> (i & 63) & 1) : -1, low = (x[i] & all) | (INT64_MAX & ~all),
            high = (x[i] & all) | (INT64_MIN & ~all);
        least = low < least ? low : least;
        greatest = high > greatest ? high : greatest;
    }
    *min = least;
    *max = greatest;
    return mask ? yk_bits_count(mask, n) : n;
}

uint32_t yk_count_real(const double *x, const uint64_t *mask, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i += 64) {
        uint64_t bits;
        uint32_t part = n - i < 64 ? n - i : 64;
        YK_ISA_PICK(yk_k_present)(&bits, x + i, part);
        bits &= word_of(mask, i >> 6);
        count += yk_bits_count(&bits, part);
    }
    return count;
}

void yk_count_codes(const uint32_t *codes, const uint64_t *mask, uint32_t n, uint64_t *counts, uint32_t n_counts)
{
    if (!mask) {
        for (uint32_t i = 0; i < n; i++)
            counts[codes[i]]++;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        if (codes[i] < n_counts)
            counts[codes[i]] += mask[i >> 6] >> (i & 63) & 1;
}

uint32_t yk_bits_count(const uint64_t *bits, uint32_t n)
{
    return YK_ISA_PICK(yk_k_bits_count)(bits, n);
}

void yk_bits_and(const uint64_t *a, const uint64_t *b, uint32_t n, uint64_t *to)
{
    for (uint32_t i = 0; i < n; i += 64)
        to[i >> 6] = word_of(a, i >> 6) & word_of(b, i >> 6) & low_bits(n - i);
}

uint32_t yk_bits_rows(const uint64_t *bits, uint32_t n, uint32_t *rows)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i += 64)
        for (uint64_t w = bits[i >> 6] & low_bits(n - i); w; w &= w - 1)
            rows[count++] = i + (uint32_t)__builtin_ctzll(w);
    return count;
}
