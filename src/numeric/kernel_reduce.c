/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Leaves of sums (sum.h has the shape), least and greatest, bins and digits.
 */
#include "numeric/gather.h"
#include "numeric/kernels.h"
#include "numeric/subset.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 32 };

INLINE double fold(double *lane)
{
    for (int h = LANES / 2; h; h /= 2)
        for (int l = 0; l < h; l++)
            lane[l] += lane[l + h];
    return lane[0];
}

INLINE uint32_t mask_of_32(const uint64_t *mask, uint32_t at, uint32_t n)
{
    uint32_t bits = mask ? (uint32_t)(mask[at >> 6] >> (at & 63)) : ~(uint32_t)0;
    return n - at >= 32 ? bits : bits & (((uint32_t)1 << (n - at)) - 1);
}

/* The rows of a leaf: values side by side, or codes into them. */
typedef struct rows {
    const double   *x;
    const uint32_t *codes; /* NULL: x[i] is the value of row i, else x[codes[i]] */
} rows;

INLINE yk_reals reals_at(rows r, uint32_t i)
{
    return r.codes ? yk_gather(r.x, r.codes + i) : *(const yk_reals *)(r.x + i);
}

/* A row of 32 values, each v or, where it does not count, -0.0: which is what leaving it out of the addition comes to.
 * `squares` false: lane += x. True: lane += x - c, lane2 += (x - c)^2. */

#if defined(__AVX512F__)

typedef struct lanes {
    __m512d v[4];
} lanes;

INLINE void lanes_init(lanes *s)
{
    for (int j = 0; j < 4; j++)
        s->v[j] = _mm512_set1_pd(-0.0);
}

INLINE void lanes_store(const lanes *s, double *lane)
{
    for (int j = 0; j < 4; j++)
        _mm512_storeu_pd(lane + 8 * j, s->v[j]);
}

INLINE uint32_t add_row(lanes *s, lanes *s2, rows r, uint32_t i, uint32_t bits, bool squares, double c)
{
    uint32_t present = 0;
    for (uint32_t j = 0; j < 4; j++) {
        __mmask8 k = (__mmask8)(bits >> (8 * j));
        __m512d  v = reals_at(r, i + 8 * j);
        k = _mm512_mask_cmp_pd_mask(k, v, v, _CMP_ORD_Q);
        if (squares) {
            v = _mm512_sub_pd(v, _mm512_set1_pd(c));
            s2->v[j] = _mm512_mask_add_pd(s2->v[j], k, s2->v[j], _mm512_mul_pd(v, v));
        }
        s->v[j] = _mm512_mask_add_pd(s->v[j], k, s->v[j], v);
        present |= (uint32_t)k << (8 * j);
    }
    return (uint32_t)__builtin_popcount(present);
}

#else

typedef int64_t ivec __attribute__((vector_size(YK_REALS * 8), aligned(8)));
#if defined(__AVX2__)
#define BIT_LADDER {1, 2, 4, 8}
#else
#define BIT_LADDER {1, 2}
#endif

typedef struct lanes {
    yk_reals v[LANES / YK_REALS];
} lanes;

INLINE void lanes_init(lanes *s)
{
    for (int l = 0; l < LANES; l++)
        s->v[l / YK_REALS][l % YK_REALS] = -0.0;
}

INLINE void lanes_store(const lanes *s, double *lane)
{
    memcpy(lane, s->v, sizeof s->v);
}

INLINE uint32_t add_row(lanes *s, lanes *s2, rows r, uint32_t i, uint32_t bits, bool squares, double c)
{
    const ivec ladder = BIT_LADDER, minus = (ivec)((yk_reals){0} - 0.0) | INT64_MIN;
    ivec       seen = {0};
    for (uint32_t j = 0; j < LANES / YK_REALS; j++) {
        yk_reals v = reals_at(r, i + YK_REALS * j);
        ivec     k = ((((ivec){0} + (int64_t)(bits >> (YK_REALS * j))) & ladder) == ladder) & (v == v);
        seen -= k;
        if (squares) {
            v = v - c;
            s2->v[j] += (yk_reals)(((ivec)(v * v) & k) | (minus & ~k));
        }
        s->v[j] += (yk_reals)(((ivec)v & k) | (minus & ~k));
    }
    int64_t count = 0;
    for (int l = 0; l < YK_REALS; l++)
        count += seen[l];
    return (uint32_t)count;
}

#endif

/* The last row may be incomplete: what lies behind row n is not read. */
INLINE uint32_t add_rows(lanes *s, lanes *s2, rows r, const uint64_t *mask, uint32_t n, bool squares, double c)
{
    uint32_t count = 0, i = 0;
    if (mask)
        for (; i + LANES <= n; i += LANES)
            count += add_row(s, s2, r, i, mask_of_32(mask, i, n), squares, c);
    else
        for (; i + LANES <= n; i += LANES)
            count += add_row(s, s2, r, i, ~(uint32_t)0, squares, c);
    if (i < n) {
        double last[LANES] = {0};
        for (uint32_t j = i; j < n; j++)
            last[j - i] = r.codes ? r.x[r.codes[j]] : r.x[j];
        count += add_row(s, s2, (rows){last, NULL}, 0, mask_of_32(mask, i, n), squares, c);
    }
    return count;
}

INLINE double leaf_sum(rows r, const uint64_t *mask, uint32_t n, uint32_t *ret_count)
{
    lanes  s;
    double lane[LANES];
    lanes_init(&s);
    *ret_count = add_rows(&s, &s, r, mask, n, false, 0.0);
    lanes_store(&s, lane);
    return fold(lane);
}

double YK_ISA(yk_k_leaf_sum)(const double *x, const uint64_t *mask, uint32_t n, uint32_t *ret_count)
{
    return leaf_sum((rows){x, NULL}, mask, n, ret_count);
}

double YK_ISA(yk_k_leaf_sum_codes)(const double *table, const uint32_t *codes, const uint64_t *mask, uint32_t n, uint32_t *ret_count)
{
    return leaf_sum((rows){table, codes}, mask, n, ret_count);
}

void YK_ISA(yk_k_leaf_squares)(const double *x, const uint64_t *mask, uint32_t n, double c, double *ret_sum, double *ret_squares)
{
    lanes  s, s2;
    double lane[LANES];
    lanes_init(&s);
    lanes_init(&s2);
    add_rows(&s, &s2, (rows){x, NULL}, mask, n, true, c);
    lanes_store(&s, lane);
    *ret_sum = fold(lane);
    lanes_store(&s2, lane);
    *ret_squares = fold(lane);
}

/* ---- Least and greatest ---- */

INLINE double real_of(int64_t key)
{
    return YK_BITS_F64((yk_u64)key ^ (yk_u64)(key < 0 ? INT64_MAX : 0));
}

INLINE void min_max_of(double x, int counts, int64_t *least, int64_t *greatest, uint32_t *count)
{
    int64_t key = yk_order(x);
    if (!counts || x != x)
        return;
    *least = key < *least ? key : *least;
    *greatest = key > *greatest ? key : *greatest;
    ++*count;
}

uint32_t YK_ISA(yk_k_min_max)(const double *x, const uint64_t *mask, uint32_t n, double *min, double *max)
{
    int64_t  least = yk_order(*min), greatest = yk_order(*max);
    uint32_t count = 0, i = 0;
#if defined(__AVX512F__)
    __m512i low = _mm512_set1_epi64(least), high = _mm512_set1_epi64(greatest);
    for (; i + 8 <= n; i += 8) {
        __m512d  v = _mm512_loadu_pd(x + i);
        __mmask8 k = mask ? (__mmask8)(mask[i >> 6] >> (i & 63)) : 0xff;
        k = _mm512_mask_cmp_pd_mask(k, v, v, _CMP_ORD_Q);
        __m512i b = _mm512_castpd_si512(v);
        __m512i key = _mm512_xor_si512(b, _mm512_srli_epi64(_mm512_srai_epi64(b, 63), 1));
        low = _mm512_mask_min_epi64(low, k, low, key);
        high = _mm512_mask_max_epi64(high, k, high, key);
        count += (uint32_t)__builtin_popcount(k);
    }
    least = _mm512_reduce_min_epi64(low);
    greatest = _mm512_reduce_max_epi64(high);
#endif
    for (; i < n; i++)
        min_max_of(x[i], mask ? (int)(mask[i >> 6] >> (i & 63) & 1) : 1, &least, &greatest, &count);
    *min = real_of(least);
    *max = real_of(greatest);
    return count;
}

/* ---- Bins and digits ---- */

INLINE uint32_t bin_of(const yk_equal_bins *b, double x, int counts)
{
    if (!counts || !(x >= b->lo) || !(x <= b->hi))
        return b->n_bins;
    double   e = (x - b->lo) * b->per_unit, r = rint(e);
    uint32_t i = (uint32_t)(int32_t)e;
    if (fabs(e - r) <= b->near)
        i = (uint32_t)(int32_t)r - (x < b->edges[(int32_t)r]);
    return i < b->n_bins ? i : b->n_bins - 1;
}

/* The bin of each value, or of those alone that are in one: how many. */
INLINE uint32_t bins_equal(const yk_equal_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index, bool only_inside)
{
    uint32_t i = 0, m = 0;
#if defined(__AVX512F__)
    const __m512d lo = _mm512_set1_pd(b->lo), hi = _mm512_set1_pd(b->hi), per_unit = _mm512_set1_pd(b->per_unit);
    const __m512d near = _mm512_set1_pd(b->near);
    const __m256i n_bins = _mm256_set1_epi32((int)b->n_bins), last = _mm256_set1_epi32((int)b->n_bins - 1);
    for (; i + 8 <= n; i += 8) {
        __m512d  v = _mm512_loadu_pd(x + i);
        __mmask8 k = mask ? (__mmask8)(mask[i >> 6] >> (i & 63)) : 0xff;
        k = _mm512_mask_cmp_pd_mask(k, v, lo, _CMP_GE_OQ);
        k = _mm512_mask_cmp_pd_mask(k, v, hi, _CMP_LE_OQ);
        __m512d  e = _mm512_mul_pd(_mm512_sub_pd(v, lo), per_unit);
        __m512d  r = _mm512_roundscale_pd(e, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        __mmask8 close = _mm512_mask_cmp_pd_mask(k, _mm512_abs_pd(_mm512_sub_pd(e, r)), near, _CMP_LE_OQ);
        __m256i  at = _mm512_cvttpd_epi32(e);
        if (__builtin_expect(close, 0)) {
            __m256i  edge = _mm512_cvttpd_epi32(r);
            __m512d  there = _mm512_mask_i32gather_pd(lo, close, edge, b->edges, 8);
            __mmask8 below = _mm512_mask_cmp_pd_mask(close, v, there, _CMP_LT_OQ);
            at = _mm256_mask_mov_epi32(at, close, edge);
            at = _mm256_mask_sub_epi32(at, below, at, _mm256_set1_epi32(1));
        }
        at = _mm256_min_epi32(at, last);
        _mm256_storeu_si256((__m256i *)(index + m),
                            only_inside ? _mm256_maskz_compress_epi32(k, at) : _mm256_mask_mov_epi32(n_bins, k, at));
        m += only_inside ? (uint32_t)__builtin_popcount(k) : 8;
    }
#elif defined(__AVX2__)
    const __m256d lo = _mm256_set1_pd(b->lo), hi = _mm256_set1_pd(b->hi), per_unit = _mm256_set1_pd(b->per_unit);
    const __m256d near = _mm256_set1_pd(b->near), sign = _mm256_set1_pd(-0.0);
    const __m128i last = _mm_set1_epi32((int)b->n_bins - 1), outside = _mm_set1_epi32((int)b->n_bins);
    for (; i + 4 <= n; i += 4) {
        __m256d v = _mm256_loadu_pd(x + i);
        __m256d in = _mm256_and_pd(_mm256_cmp_pd(v, lo, _CMP_GE_OQ), _mm256_cmp_pd(v, hi, _CMP_LE_OQ));
        __m256d e = _mm256_mul_pd(_mm256_sub_pd(v, lo), per_unit);
        __m256d r = _mm256_round_pd(e, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        __m256d close = _mm256_and_pd(in, _mm256_cmp_pd(_mm256_andnot_pd(sign, _mm256_sub_pd(e, r)), near, _CMP_LE_OQ));
        if (__builtin_expect(_mm256_movemask_pd(close), 0)) {
            for (uint32_t j = i; j < i + 4; j++) {
                index[m] = bin_of(b, x[j], mask ? (int)(mask[j >> 6] >> (j & 63) & 1) : 1);
                m += !only_inside || index[m] < b->n_bins;
            }
            continue;
        }
        const __m256i ladder = _mm256_set_epi64x(8, 4, 2, 1);
        __m256i word = _mm256_set1_epi64x(mask ? (long long)(mask[i >> 6] >> (i & 63)) : -1);
        __m256i k = _mm256_and_si256(_mm256_castpd_si256(in), _mm256_cmpeq_epi64(_mm256_and_si256(word, ladder), ladder));
        __m128i k32 = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(k, _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0)));
        __m128i at = _mm_min_epi32(_mm256_cvttpd_epi32(e), last);
        _mm_storeu_si128((__m128i *)(index + m), _mm_blendv_epi8(outside, at, k32));
        if (!only_inside) {
            m += 4;
            continue;
        }
        for (uint32_t j = m, end = m + 4; j < end; j++) { /* each goes where those before it have left a place */
            index[m] = index[j];
            m += index[m] < b->n_bins;
        }
    }
#endif
    for (; i < n; i++) {
        index[m] = bin_of(b, x[i], mask ? (int)(mask[i >> 6] >> (i & 63) & 1) : 1);
        m += !only_inside || index[m] < b->n_bins;
    }
    return m;
}

void YK_ISA(yk_k_bins_equal)(const yk_equal_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index)
{
    bins_equal(b, x, mask, n, index, false);
}

uint32_t YK_ISA(yk_k_bins_equal_inside)(const yk_equal_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index)
{
    return bins_equal(b, x, mask, n, index, true);
}

void YK_ISA(yk_k_digits)(uint64_t prefix, uint32_t shift, uint32_t bits, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index)
{
    const uint64_t low = ((uint64_t)1 << bits) - 1, above = shift + bits;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = (uint64_t)yk_order(x[i]) ^ (uint64_t)1 << 63, head = above == 64 ? prefix : key >> (above & 63);
        uint64_t counts = (uint64_t)(x[i] == x[i]) & (head == prefix) & (mask ? mask[i >> 6] >> (i & 63) & 1 : 1);
        index[i] = (uint32_t)(counts ? key >> shift & low : low + 1);
    }
}
