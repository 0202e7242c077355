/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Between numbers and bitmaps: comparisons, selections, dictionaries. 64 rows, one word, at a time.
 */
#include "numeric/gather.h"
#include "numeric/kernels.h"
#include "numeric/subset.h"

#define INLINE static inline __attribute__((always_inline))

/* The last, incomplete 64 rows are copied here so that words are always whole. */
#define TAIL(type, name, from, at, count)            \
    type name[64] __attribute__((aligned(64))) = {0}; \
    memcpy(name, (from) + (at), (count) * sizeof *name)

INLINE uint64_t low_bits(uint32_t n)
{
    return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

/* ---- One word of comparisons; ga and gb are 1 for arrays, 0 for single values ---- */

#if defined(__AVX512F__)

INLINE uint64_t word_real(yk_compare op, const double *a, int ga, const double *b, int gb)
{
    uint64_t word = 0;
    for (int j = 0; j < 64; j += 8) {
        __m512d  x = ga ? _mm512_loadu_pd(a + j) : _mm512_set1_pd(*a), y = gb ? _mm512_loadu_pd(b + j) : _mm512_set1_pd(*b);
        __mmask8 m = op == YK_COMPARE_LT   ? _mm512_cmp_pd_mask(x, y, _CMP_LT_OQ)
                     : op == YK_COMPARE_LE ? _mm512_cmp_pd_mask(x, y, _CMP_LE_OQ)
                     : op == YK_COMPARE_EQ ? _mm512_cmp_pd_mask(x, y, _CMP_EQ_OQ)
                                           : _mm512_cmp_pd_mask(x, y, _CMP_NEQ_OQ);
        word |= (uint64_t)m << j;
    }
    return word;
}

INLINE uint64_t word_int(yk_compare op, const int64_t *a, int ga, const int64_t *b, int gb)
{
    uint64_t word = 0;
    for (int j = 0; j < 64; j += 8) {
        __m512i  x = ga ? _mm512_loadu_si512(a + j) : _mm512_set1_epi64(*a), y = gb ? _mm512_loadu_si512(b + j) : _mm512_set1_epi64(*b);
        __mmask8 m = op == YK_COMPARE_LT   ? _mm512_cmplt_epi64_mask(x, y)
                     : op == YK_COMPARE_LE ? _mm512_cmple_epi64_mask(x, y)
                     : op == YK_COMPARE_EQ ? _mm512_cmpeq_epi64_mask(x, y)
                                           : _mm512_cmpneq_epi64_mask(x, y);
        word |= (uint64_t)m << j;
    }
    return word;
}

#elif defined(__AVX2__)

INLINE uint64_t word_real(yk_compare op, const double *a, int ga, const double *b, int gb)
{
    uint64_t word = 0;
    for (int j = 0; j < 64; j += 4) {
        __m256d x = ga ? _mm256_loadu_pd(a + j) : _mm256_set1_pd(*a), y = gb ? _mm256_loadu_pd(b + j) : _mm256_set1_pd(*b);
        __m256d m = op == YK_COMPARE_LT   ? _mm256_cmp_pd(x, y, _CMP_LT_OQ)
                    : op == YK_COMPARE_LE ? _mm256_cmp_pd(x, y, _CMP_LE_OQ)
                    : op == YK_COMPARE_EQ ? _mm256_cmp_pd(x, y, _CMP_EQ_OQ)
                                          : _mm256_cmp_pd(x, y, _CMP_NEQ_OQ);
        word |= (uint64_t)(unsigned)_mm256_movemask_pd(m) << j;
    }
    return word;
}

INLINE uint64_t word_int(yk_compare op, const int64_t *a, int ga, const int64_t *b, int gb)
{
    uint64_t word = 0;
    bool     turned = op == YK_COMPARE_LE || op == YK_COMPARE_NE;
    for (int j = 0; j < 64; j += 4) {
        __m256i x = ga ? _mm256_loadu_si256((const __m256i *)(a + j)) : _mm256_set1_epi64x(*a);
        __m256i y = gb ? _mm256_loadu_si256((const __m256i *)(b + j)) : _mm256_set1_epi64x(*b);
        __m256i m = op == YK_COMPARE_LT ? _mm256_cmpgt_epi64(y, x) : op == YK_COMPARE_LE ? _mm256_cmpgt_epi64(x, y)
            : _mm256_cmpeq_epi64(x, y);
        word |= (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(m)) << j;
    }
    return turned ? ~word : word;
}

#else

INLINE uint64_t word_real(yk_compare op, const double *a, int ga, const double *b, int gb)
{
    uint64_t word = 0;
    for (int j = 0; j < 64; j++) {
        double x = a[ga * j], y = b[gb * j];
        int    m = op == YK_COMPARE_LT ? x < y : op == YK_COMPARE_LE ? x <= y : op == YK_COMPARE_EQ ? x == y : (x < y) | (x > y);
        word |= (uint64_t)(unsigned)m << j;
    }
    return word;
}

INLINE uint64_t word_int(yk_compare op, const int64_t *a, int ga, const int64_t *b, int gb)
{
    uint64_t word = 0;
    for (int j = 0; j < 64; j++) {
        int64_t x = a[ga * j], y = b[gb * j];
        int     m = op == YK_COMPARE_LT ? x < y : op == YK_COMPARE_LE ? x <= y : op == YK_COMPARE_EQ ? x == y : x != y;
        word |= (uint64_t)(unsigned)m << j;
    }
    return word;
}

#endif

#define COMPARE(T, word_fn, op, ga, gb)                                                       \
    do {                                                                                      \
        uint32_t i = 0;                                                                       \
        for (; i + 64 <= n; i += 64)                                                          \
            bits[i >> 6] = word_fn(op, a + (ga) * i, ga, b + (gb) * i, gb);                   \
        if (i < n) {                                                                          \
            TAIL(T, xa, a, (ga) * i, (ga) ? n - i : 1);                                       \
            TAIL(T, xb, b, (gb) * i, (gb) ? n - i : 1);                                       \
            bits[i >> 6] = word_fn(op, xa, ga, xb, gb) & low_bits(n - i);                     \
        }                                                                                     \
        return;                                                                               \
    } while (0)

#define COMPARE_SIDES(T, word_fn, op)                  \
    do {                                               \
        if (sides == YK_SIDES_VV)                      \
            COMPARE(T, word_fn, op, 1, 1);             \
        if (sides == YK_SIDES_VC)                      \
            COMPARE(T, word_fn, op, 1, 0);             \
        COMPARE(T, word_fn, op, 0, 1);                 \
    } while (0)

void YK_ISA(yk_k_compare_real)(yk_compare op, yk_sides sides, uint64_t *bits, const double *a, const double *b, uint32_t n)
{
    switch (op) {
    case YK_COMPARE_LT: COMPARE_SIDES(double, word_real, YK_COMPARE_LT);
    case YK_COMPARE_LE: COMPARE_SIDES(double, word_real, YK_COMPARE_LE);
    case YK_COMPARE_EQ: COMPARE_SIDES(double, word_real, YK_COMPARE_EQ);
    case YK_COMPARE_NE: COMPARE_SIDES(double, word_real, YK_COMPARE_NE);
    }
}

void YK_ISA(yk_k_compare_int)(yk_compare op, yk_sides sides, uint64_t *bits, const int64_t *a, const int64_t *b, uint32_t n)
{
    switch (op) {
    case YK_COMPARE_LT: COMPARE_SIDES(int64_t, word_int, YK_COMPARE_LT);
    case YK_COMPARE_LE: COMPARE_SIDES(int64_t, word_int, YK_COMPARE_LE);
    case YK_COMPARE_EQ: COMPARE_SIDES(int64_t, word_int, YK_COMPARE_EQ);
    case YK_COMPARE_NE: COMPARE_SIDES(int64_t, word_int, YK_COMPARE_NE);
    }
}

void YK_ISA(yk_k_present)(uint64_t *bits, const double *a, uint32_t n)
{
    YK_ISA(yk_k_compare_real)(YK_COMPARE_EQ, YK_SIDES_VV, bits, a, a, n);
}

void YK_ISA(yk_k_finite)(uint64_t *bits, const double *a, uint32_t n)
{
    for (uint32_t w = 0; w < (n + 63) >> 6; w++) {
        uint32_t from = w << 6, count = n - from < 64 ? n - from : 64;
        uint64_t word = 0;
        for (uint32_t j = 0; j < count; j++)
            word |= (uint64_t)(yk_abs(a[from + j]) < YK_INF) << j;
        bits[w] = word;
    }
}

/* ---- Selections ---- */

void YK_ISA(yk_k_select)(uint64_t *to, const uint64_t *bits, const uint64_t *a, size_t a_stride, const uint64_t *b, size_t b_stride,
                         uint32_t n)
{
    uint32_t i = 0;
#if defined(__AVX512F__)
    const __mmask8 *m = (const __mmask8 *)bits;
    for (; i + 8 <= n; i += 8) {
        __m512i x = a_stride ? _mm512_loadu_si512(a + i) : _mm512_set1_epi64((int64_t)*a);
        __m512i y = b_stride ? _mm512_loadu_si512(b + i) : _mm512_set1_epi64((int64_t)*b);
        _mm512_storeu_si512(to + i, _mm512_mask_blend_epi64(m[i >> 3], y, x));
    }
#endif
    for (; i < n; i++) {
        uint64_t all = 0 - (bits[i >> 6] >> (i & 63) & 1);
        to[i] = (a[a_stride * i] & all) | (b[b_stride * i] & ~all);
    }
}

void YK_ISA(yk_k_blank)(double *to, const double *a, const uint64_t *bits, uint32_t n)
{
    const uint64_t nan = 0x7ff8000000000000u;
    uint32_t       i = 0;
#if defined(__AVX512F__)
    const __mmask8 *m = (const __mmask8 *)bits;
    for (; i + 8 <= n; i += 8)
        _mm512_storeu_pd(to + i,
                         _mm512_mask_blend_pd(m[i >> 3], _mm512_castsi512_pd(_mm512_set1_epi64((int64_t)nan)), _mm512_loadu_pd(a + i)));
#endif
    for (; i < n; i++) {
        uint64_t all = 0 - (bits[i >> 6] >> (i & 63) & 1);
        to[i] = YK_BITS_F64((YK_F64_BITS(a[i]) & all) | (nan & ~all));
    }
}

/* ---- Dictionaries ---- */

void YK_ISA(yk_k_gather)(uint64_t *to, const uint64_t *table, const uint32_t *codes, uint32_t n)
{
    uint32_t i = 0;
    for (; i + 2 <= n; i += 2)
        *(yk_real_pair *)(void *)(to + i) = yk_gather_pair((const double *)(const void *)table, codes + i);
    if (i < n)
        to[i] = table[codes[i]];
}

#define APPLY(op, x, y) ((op) == YK_REAL2_ADD ? (x) + (y) : (op) == YK_REAL2_SUB ? (x) - (y) : (op) == YK_REAL2_MUL ? (x) * (y) : (x) / (y))

INLINE void gather_and(yk_real2 op, bool turned, double *to, const double *table, const uint32_t *codes, const double *b, uint32_t n)
{
    uint32_t i = 0;
    for (; i + YK_REALS <= n; i += YK_REALS) {
        yk_reals x = yk_gather(table, codes + i), y = *(const yk_reals *)(b + i);
        *(yk_reals *)(to + i) = turned ? APPLY(op, y, x) : APPLY(op, x, y);
    }
    for (; i < n; i++)
        to[i] = turned ? APPLY(op, b[i], table[codes[i]]) : APPLY(op, table[codes[i]], b[i]);
}

void YK_ISA(yk_k_real2_gather)(yk_real2 op, bool turned, double *to, const double *table, const uint32_t *codes, const double *b,
                               uint32_t n)
{
#define TURNS(op)                                                 \
    do {                                                          \
        if (turned)                                               \
            gather_and(op, true, to, table, codes, b, n);         \
        else                                                      \
            gather_and(op, false, to, table, codes, b, n);        \
        return;                                                   \
    } while (0)
    switch (op) {
    case YK_REAL2_ADD: TURNS(YK_REAL2_ADD);
    case YK_REAL2_SUB: TURNS(YK_REAL2_SUB);
    case YK_REAL2_MUL: TURNS(YK_REAL2_MUL);
    default: TURNS(YK_REAL2_DIV);
    }
}

INLINE void gather_both(yk_real2 op, double *to, const double *a, const uint32_t *codes_a, double *to_a, const double *b,
                        const uint32_t *codes_b, double *to_b, uint32_t n)
{
    uint32_t i = 0;
    for (; i + YK_REALS <= n; i += YK_REALS) {
        yk_reals x = yk_gather(a, codes_a + i), y = yk_gather(b, codes_b + i);
        if (to_a)
            *(yk_reals *)(to_a + i) = x;
        if (to_b)
            *(yk_reals *)(to_b + i) = y;
        *(yk_reals *)(to + i) = APPLY(op, x, y);
    }
    for (; i < n; i++) {
        double x = a[codes_a[i]], y = b[codes_b[i]];
        if (to_a)
            to_a[i] = x;
        if (to_b)
            to_b[i] = y;
        to[i] = APPLY(op, x, y);
    }
}

void YK_ISA(yk_k_real2_gather_both)(yk_real2 op, double *to, const double *a, const uint32_t *codes_a, double *to_a, const double *b,
                                    const uint32_t *codes_b, double *to_b, uint32_t n)
{
    switch (op) {
    case YK_REAL2_ADD: gather_both(YK_REAL2_ADD, to, a, codes_a, to_a, b, codes_b, to_b, n); return;
    case YK_REAL2_SUB: gather_both(YK_REAL2_SUB, to, a, codes_a, to_a, b, codes_b, to_b, n); return;
    case YK_REAL2_MUL: gather_both(YK_REAL2_MUL, to, a, codes_a, to_a, b, codes_b, to_b, n); return;
    default: gather_both(YK_REAL2_DIV, to, a, codes_a, to_a, b, codes_b, to_b, n); return;
    }
}

void YK_ISA(yk_k_gather_bits)(uint64_t *bits, const uint64_t *table, const uint32_t *codes, uint32_t n)
{
    for (uint32_t w = 0; w < (n + 63) >> 6; w++) {
        uint32_t        count = n - (w << 6) < 64 ? n - (w << 6) : 64, j = 0;
        const uint32_t *c = codes + (w << 6);
        uint64_t        word = 0;
#if defined(__AVX512F__)
        for (; j + 16 <= count; j += 16) {
            __m512i code = _mm512_loadu_si512(c + j);
            __m512i dword = _mm512_i32gather_epi32(_mm512_srli_epi32(code, 5), table, 4);
            __m512i bit = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(code, _mm512_set1_epi32(31)));
            word |= (uint64_t)_mm512_test_epi32_mask(dword, bit) << j;
        }
#endif
        for (; j < count; j++)
            word |= (table[c[j] >> 6] >> (c[j] & 63) & 1) << j;
        bits[w] = word;
    }
}

/* ---- Bytes and bits ---- */

uint32_t YK_ISA(yk_k_bits_count)(const uint64_t *bits, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i += 64)
        count += (uint32_t)__builtin_popcountll(bits[i >> 6] & low_bits(n - i));
    return count;
}

void YK_ISA(yk_k_bits_to_bytes)(uint8_t *to, const uint64_t *bits, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = bits[i >> 6] >> (i & 63) & 1;
}

void YK_ISA(yk_k_bytes_to_bits)(uint64_t *bits, const uint8_t *a, uint32_t n)
{
    for (uint32_t w = 0; w < (n + 63) >> 6; w++) {
        uint32_t from = w << 6, count = n - from < 64 ? n - from : 64;
        uint64_t word = 0;
        for (uint32_t j = 0; j < count; j++)
            word |= (uint64_t)(a[from + j] != 0) << j;
        bits[w] = word;
    }
}
