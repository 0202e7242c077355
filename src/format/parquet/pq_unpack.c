/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_unpack.h"

#include <stdbool.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

static uint32_t max_of(uint32_t a, uint32_t b) { return a > b ? a : b; }

/* Number i of the packed ones; the eight bytes read from its first byte hold all of it, since width is at most 32. */
static inline uint32_t one(const uint8_t *in, unsigned width, size_t i, uint32_t mask)
{
    size_t   bit = i * width;
    uint64_t window;
    memcpy(&window, in + (bit >> 3), sizeof window);
    return (uint32_t)(window >> (bit & 7)) & mask;
}

static uint32_t unpack_rest(const uint8_t *in, unsigned width, size_t i, size_t n, uint32_t *out)
{
    uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1, most = 0;
    for (; i < n; i++)
        most = max_of(most, out[i] = one(in, width, i, mask));
    return most;
}

#if defined(__AVX512F__)

/* How sixteen numbers, which lie in 2 * width bytes, come out of a register. Number i begins in word i * width / 32 and ends in that or the
 * next; when it is narrow, the two half words from i * width / 16 on hold all of it. */
typedef struct way {
    bool    is_narrow;
    __m512i low, high, right, left, mask;
} way;

static way way_of(unsigned width)
{
    __m512i nth = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
        bit = _mm512_mullo_epi32(nth, _mm512_set1_epi32((int)width));
    way     w = {.is_narrow = width <= 17, .mask = _mm512_set1_epi32(width == 32 ? -1 : (int)((1u << width) - 1))};
    if (w.is_narrow) {
        __m512i half = _mm512_srli_epi32(bit, 4);
        w.low = _mm512_or_si512(half, _mm512_slli_epi32(_mm512_add_epi32(half, _mm512_set1_epi32(1)), 16));
        w.right = _mm512_and_si512(bit, _mm512_set1_epi32(15));
        return w;
    }
    w.low = _mm512_srli_epi32(bit, 5);
    w.high = _mm512_min_epu32(_mm512_add_epi32(w.low, _mm512_set1_epi32(1)), _mm512_set1_epi32(15));
    w.right = _mm512_and_si512(bit, _mm512_set1_epi32(31));
    w.left = _mm512_sub_epi32(_mm512_set1_epi32(32), w.right);
    return w;
}

static inline __attribute__((always_inline)) __m512i sixteen(const way *w, bool is_narrow, const uint8_t *in)
{
    __m512i bytes = _mm512_loadu_si512(in);
    if (is_narrow)
        return _mm512_and_si512(_mm512_srlv_epi32(_mm512_permutexvar_epi16(w->low, bytes), w->right), w->mask);
    return _mm512_and_si512(_mm512_or_si512(_mm512_srlv_epi32(_mm512_permutexvar_epi32(w->low, bytes), w->right),
                                            _mm512_sllv_epi32(_mm512_permutexvar_epi32(w->high, bytes), w->left)), w->mask);
}

static inline __attribute__((always_inline)) uint32_t unpack_by(const way *w, bool is_narrow, const uint8_t *in, unsigned width, size_t n,
                                                                uint32_t *out)
{
    __m512i most = _mm512_setzero_si512();
    size_t  i = 0;
    for (; n - i >= 16; i += 16, in += 2 * width) {
        __m512i v = sixteen(w, is_narrow, in);
        most = _mm512_max_epu32(most, v);
        _mm512_storeu_si512(out + i, v);
    }
    if (i < n) {
        __mmask16 there = (__mmask16)((1u << (n - i)) - 1);
        __m512i   v = _mm512_maskz_mov_epi32(there, sixteen(w, is_narrow, in));
        most = _mm512_max_epu32(most, v);
        _mm512_mask_storeu_epi32(out + i, there, v);
    }
    return _mm512_reduce_max_epu32(most);
}

static uint32_t unpack(const uint8_t *in, unsigned width, size_t n, uint32_t *out)
{
    way w = way_of(width);
    return w.is_narrow ? unpack_by(&w, true, in, width, n, out) : unpack_by(&w, false, in, width, n, out);
}

static void spread32(const uint32_t *dense, const uint64_t *valid, size_t n, uint32_t *out)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 there = n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
        __mmask16 set = (__mmask16)(valid[i >> 6] >> (i & 63)) & there;
        _mm512_mask_storeu_epi32(out + i, there, _mm512_maskz_expandloadu_epi32(set, dense));
        dense += __builtin_popcount(set);
    }
}

static void spread64(const uint64_t *dense, const uint64_t *valid, size_t n, uint64_t *out)
{
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 there = n - i >= 8 ? 0xff : (__mmask8)((1u << (n - i)) - 1);
        __mmask8 set = (__mmask8)(valid[i >> 6] >> (i & 63)) & there;
        _mm512_mask_storeu_epi64(out + i, there, _mm512_maskz_expandloadu_epi64(set, dense));
        dense += __builtin_popcount(set);
    }
}

#else

#if defined(__AVX2__)

/* As above, with eight numbers in width bytes. */
static uint32_t unpack(const uint8_t *in, unsigned width, size_t n, uint32_t *out)
{
    __m256i bit = _mm256_mullo_epi32(_mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0), _mm256_set1_epi32((int)width));
    __m256i low = _mm256_srli_epi32(bit, 5), high = _mm256_min_epu32(_mm256_add_epi32(low, _mm256_set1_epi32(1)), _mm256_set1_epi32(7));
    __m256i right = _mm256_and_si256(bit, _mm256_set1_epi32(31)), left = _mm256_sub_epi32(_mm256_set1_epi32(32), right);
    __m256i mask = _mm256_set1_epi32(width == 32 ? -1 : (int)((1u << width) - 1)), most = _mm256_setzero_si256();
    size_t  i = 0;
    for (const uint8_t *at = in; n - i >= 8; i += 8, at += width) {
        __m256i word = _mm256_loadu_si256((const void *)at);
        __m256i v = _mm256_or_si256(_mm256_srlv_epi32(_mm256_permutevar8x32_epi32(word, low), right),
                                    _mm256_sllv_epi32(_mm256_permutevar8x32_epi32(word, high), left));
        v = _mm256_and_si256(v, mask);
        most = _mm256_max_epu32(most, v);
        _mm256_storeu_si256((void *)(out + i), v);
    }
    uint32_t lane[8], greatest = unpack_rest(in, width, i, n, out);
    _mm256_storeu_si256((void *)lane, most);
    for (int k = 0; k < 8; k++)
        greatest = max_of(greatest, lane[k]);
    return greatest;
}

#else

static uint32_t unpack(const uint8_t *in, unsigned width, size_t n, uint32_t *out) { return unpack_rest(in, width, 0, n, out); }

#endif

#define DEFINE_SPREAD(bits)                                                                                          \
    static void spread##bits(const uint##bits##_t *dense, const uint64_t *valid, size_t n, uint##bits##_t *out)      \
    {                                                                                                                \
        for (size_t i = 0; i < n; i++) {                                                                             \
            uint##bits##_t set = valid[i >> 6] >> (i & 63) & 1;                                                      \
            out[i] = *dense & (0 - set);                                                                             \
            dense += set;                                                                                            \
        }                                                                                                            \
    }
DEFINE_SPREAD(32)
DEFINE_SPREAD(64)

#endif

uint32_t YK_ISA(yk_pq_unpack)(const uint8_t *in, unsigned width, size_t n, uint32_t *out)
{
    return n < 4 ? unpack_rest(in, width, 0, n, out) : unpack(in, width, n, out);
}

void YK_ISA(yk_pq_spread32)(const uint32_t *dense, const uint64_t *valid, size_t n, uint32_t *out) { spread32(dense, valid, n, out); }

void YK_ISA(yk_pq_spread64)(const uint64_t *dense, const uint64_t *valid, size_t n, uint64_t *out) { spread64(dense, valid, n, out); }
