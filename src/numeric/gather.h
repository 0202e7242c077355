/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values picked from a table, several at once: for kernels (static inline alone). Two codes come with one load and each value with one of
 * its own; the gather instructions of processors are at best as fast as that, and on many a third as fast.
 */
#ifndef YK_NUMERIC_GATHER_H
#define YK_NUMERIC_GATHER_H

#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

/* As many doubles as the instruction set works on at once; unaligned. */
#if defined(__AVX512F__)
enum { YK_REALS = 8 };
#elif defined(__AVX2__)
enum { YK_REALS = 4 };
#else
enum { YK_REALS = 2 };
#endif
typedef double yk_reals __attribute__((vector_size(YK_REALS * 8), aligned(8)));
typedef double yk_real_pair __attribute__((vector_size(16), aligned(8)));

static inline __attribute__((always_inline)) yk_real_pair yk_gather_pair(const double *table, const uint32_t *codes)
{
#ifdef __x86_64__
    uint64_t two;
    memcpy(&two, codes, sizeof two);
    return _mm_loadh_pd(_mm_load_sd(table + (uint32_t)two), table + (two >> 32));
#else
    return (yk_real_pair){table[codes[0]], table[codes[1]]};
#endif
}

/* table[codes[0]], table[codes[1]], … */
static inline __attribute__((always_inline)) yk_reals yk_gather(const double *table, const uint32_t *codes)
{
#if defined(__AVX2__)
    __m256d low = _mm256_insertf128_pd(_mm256_castpd128_pd256(yk_gather_pair(table, codes)), yk_gather_pair(table, codes + 2), 1);
#if defined(__AVX512F__)
    __m256d high = _mm256_insertf128_pd(_mm256_castpd128_pd256(yk_gather_pair(table, codes + 4)), yk_gather_pair(table, codes + 6), 1);
    return _mm512_insertf64x4(_mm512_castpd256_pd512(low), high, 1);
#else
    return low;
#endif
#else
    return yk_gather_pair(table, codes);
#endif
}

#endif
