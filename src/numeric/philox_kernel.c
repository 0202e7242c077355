/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Philox4x32-10 on LANES blocks at once, a word in each 64-bit lane: the widening multiplication reads the lower half of a
 * lane only, so lower halves carry the state and upper halves may hold anything.
 */
#include "numeric/philox.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#if defined(__AVX512DQ__)
enum { LANES = 8 };
typedef __m512i vec;
static inline vec all(uint64_t x) { return _mm512_set1_epi64((long long)x); }
static inline vec iota(uint64_t x) { return _mm512_add_epi64(all(x), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)); }
static inline vec mul(vec a, vec b) { return _mm512_mul_epu32(a, b); }
static inline vec xor2(vec a, vec b) { return _mm512_xor_si512(a, b); }
static inline vec xor3(vec a, vec b, vec c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
static inline vec up(vec a) { return _mm512_slli_epi64(a, 32); }
static inline vec down(vec a) { return _mm512_srli_epi64(a, 32); }
static inline vec lower(vec a) { return _mm512_and_si512(a, all(0xffffffff)); }

static inline void put(vec a, vec b, uint64_t *to) /* a0 b0 a1 b1 … */
{
    vec lo = _mm512_permutex2var_epi64(a, _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), b);
    vec hi = _mm512_permutex2var_epi64(a, _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), b);
    _mm512_storeu_si512(to, lo);
    _mm512_storeu_si512(to + 8, hi);
}

static inline vec to_real(vec a)
{
    __m512d x = _mm512_cvtepu64_pd(_mm512_srli_epi64(a, 11));
    return _mm512_castpd_si512(_mm512_mul_pd(x, _mm512_set1_pd(0x1p-53)));
}
#elif defined(__AVX2__)
enum { LANES = 4 };
typedef __m256i vec;
static inline vec all(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
static inline vec iota(uint64_t x) { return _mm256_add_epi64(all(x), _mm256_set_epi64x(3, 2, 1, 0)); }
static inline vec mul(vec a, vec b) { return _mm256_mul_epu32(a, b); }
static inline vec xor2(vec a, vec b) { return _mm256_xor_si256(a, b); }
static inline vec xor3(vec a, vec b, vec c) { return xor2(xor2(a, b), c); }
static inline vec up(vec a) { return _mm256_slli_epi64(a, 32); }
static inline vec down(vec a) { return _mm256_srli_epi64(a, 32); }
static inline vec lower(vec a) { return _mm256_and_si256(a, all(0xffffffff)); }

static inline void put(vec a, vec b, uint64_t *to)
{
    vec even = _mm256_unpacklo_epi64(a, b), odd = _mm256_unpackhi_epi64(a, b);
    _mm256_storeu_si256((vec *)to, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256((vec *)(to + 4), _mm256_permute2x128_si256(even, odd, 0x31));
}

/* A number below 2^53 as the exact sum of its halves, each put under the exponent that gives it its weight. */
static inline vec to_real(vec a)
{
    vec     v = _mm256_srli_epi64(a, 11);
    __m256d hi = _mm256_castsi256_pd(_mm256_or_si256(down(v), all(0x4530000000000000)));
    __m256d lo = _mm256_castsi256_pd(_mm256_or_si256(lower(v), all(0x4330000000000000)));
    __m256d x = _mm256_add_pd(_mm256_sub_pd(hi, _mm256_set1_pd(0x1p84)), _mm256_sub_pd(lo, _mm256_set1_pd(0x1p52)));
    return _mm256_castpd_si256(_mm256_mul_pd(x, _mm256_set1_pd(0x1p-53)));
}
#elif defined(__x86_64__)
enum { LANES = 2 };
typedef __m128i vec;
static inline vec all(uint64_t x) { return _mm_set1_epi64x((long long)x); }
static inline vec iota(uint64_t x) { return _mm_add_epi64(all(x), _mm_set_epi64x(1, 0)); }
static inline vec mul(vec a, vec b) { return _mm_mul_epu32(a, b); }
static inline vec xor2(vec a, vec b) { return _mm_xor_si128(a, b); }
static inline vec xor3(vec a, vec b, vec c) { return xor2(xor2(a, b), c); }
static inline vec up(vec a) { return _mm_slli_epi64(a, 32); }
static inline vec down(vec a) { return _mm_srli_epi64(a, 32); }
static inline vec lower(vec a) { return _mm_and_si128(a, all(0xffffffff)); }

static inline void put(vec a, vec b, uint64_t *to)
{
    _mm_storeu_si128((vec *)to, _mm_unpacklo_epi64(a, b));
    _mm_storeu_si128((vec *)(to + 2), _mm_unpackhi_epi64(a, b));
}

static inline vec to_real(vec a)
{
    vec     v = _mm_srli_epi64(a, 11);
    __m128d hi = _mm_castsi128_pd(_mm_or_si128(down(v), all(0x4530000000000000)));
    __m128d lo = _mm_castsi128_pd(_mm_or_si128(lower(v), all(0x4330000000000000)));
    __m128d x = _mm_add_pd(_mm_sub_pd(hi, _mm_set1_pd(0x1p84)), _mm_sub_pd(lo, _mm_set1_pd(0x1p52)));
    return _mm_castpd_si128(_mm_mul_pd(x, _mm_set1_pd(0x1p-53)));
}
#else
enum { LANES = 1 };
typedef uint64_t vec;
static inline vec all(uint64_t x) { return x; }
static inline vec iota(uint64_t x) { return x; }
static inline vec mul(vec a, vec b) { return (a & 0xffffffff) * (b & 0xffffffff); }
static inline vec xor2(vec a, vec b) { return a ^ b; }
static inline vec xor3(vec a, vec b, vec c) { return a ^ b ^ c; }
static inline vec up(vec a) { return a << 32; }
static inline vec down(vec a) { return a >> 32; }
static inline vec lower(vec a) { return a & 0xffffffff; }

static inline void put(vec a, vec b, uint64_t *to)
{
    to[0] = a;
    to[1] = b;
}

static inline vec to_real(vec a)
{
    double x = (double)(a >> 11) * 0x1p-53;
    vec    bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}
#endif

/* What does not change from block to block: the keys of all rounds, and what the words c1, c2, c3 of the counter make of
 * the first three rounds. */
typedef struct fixed {
    vec k0[YK_PHILOX_ROUNDS], k1[YK_PHILOX_ROUNDS];
    vec c2_in_1, c0_in_2, c2_in_2, c2_in_3;
    vec m0, m1;
} fixed;

static inline fixed prepare(uint64_t seed, uint64_t stream, uint64_t first)
{
    fixed    f = {.m0 = all(YK_PHILOX_M0), .m1 = all(YK_PHILOX_M1)};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < YK_PHILOX_ROUNDS; i++) {
        f.k0[i] = all(k0 + (uint32_t)i * YK_PHILOX_W0);
        f.k1[i] = all(k1 + (uint32_t)i * YK_PHILOX_W1);
    }
    uint64_t p1 = YK_PHILOX_M1 * (stream & 0xffffffff);
    uint32_t c0 = (uint32_t)(p1 >> 32) ^ (uint32_t)(first >> 32) ^ k0; /* after round 1 */
    uint64_t p0 = (uint64_t)YK_PHILOX_M0 * c0;
    f.c2_in_1 = all((stream >> 32) ^ k1);
    f.c0_in_2 = all((uint32_t)p1 ^ (k0 + YK_PHILOX_W0));
    f.c2_in_2 = all((p0 >> 32) ^ (k1 + YK_PHILOX_W1));
    f.c2_in_3 = all((uint32_t)p0 ^ (k1 + 2 * YK_PHILOX_W1));
    return f;
}

typedef struct state {
    vec c0, c1, c2, c3;
} state;

/* Nine rounds from the lower words of LANES block numbers. */
static inline state nine_rounds(const fixed *f, vec block)
{
    vec   p0 = mul(block, f->m0);
    vec   c2 = xor2(down(p0), f->c2_in_1), c3 = p0;
    vec   p1 = mul(c2, f->m1);
    vec   c0 = xor2(down(p1), f->c0_in_2), c1 = p1;
    c2 = xor2(c3, f->c2_in_2);
    p0 = mul(c0, f->m0);
    p1 = mul(c2, f->m1);
    state s = {xor3(down(p1), c1, f->k0[2]), p1, xor2(down(p0), f->c2_in_3), p0};
    for (int i = 3; i < YK_PHILOX_ROUNDS - 1; i++) {
        p0 = mul(s.c0, f->m0);
        p1 = mul(s.c2, f->m1);
        s = (state){xor3(down(p1), s.c1, f->k0[i]), p1, xor3(down(p0), s.c3, f->k1[i]), p0};
    }
    return s;
}

/* The tenth round, and each two words of the result in one lane: the first above the second. */
static inline void last_round(const fixed *f, state s, vec *ret_a, vec *ret_b)
{
    vec p0 = mul(s.c0, f->m0), p1 = mul(s.c2, f->m1);
    *ret_a = xor2(p1, up(xor2(s.c1, f->k0[YK_PHILOX_ROUNDS - 1])));
    *ret_b = xor2(p0, up(xor2(s.c3, f->k1[YK_PHILOX_ROUNDS - 1])));
}

void YK_ISA(yk_philox_uniforms)(uint64_t seed, uint64_t stream, uint64_t first, double *out, size_t n)
{
    fixed  f = prepare(seed, stream, first);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec a, b;
        last_round(&f, nine_rounds(&f, iota(first + i)), &a, &b);
        put(to_real(a), to_real(b), (uint64_t *)(void *)(out + 2 * i));
    }
    if (i < n) {
        vec    a, b;
        double rest[2 * LANES];
        last_round(&f, nine_rounds(&f, iota(first + i)), &a, &b);
        put(to_real(a), to_real(b), (uint64_t *)(void *)rest);
        __builtin_memcpy(out + 2 * i, rest, (n - i) * 2 * sizeof *out);
    }
}

void YK_ISA(yk_philox_words)(uint64_t seed, uint64_t stream, uint64_t first, uint32_t *out, size_t n)
{
    fixed f = prepare(seed, stream, first);
    for (size_t i = 0; i < n; i += LANES) {
        vec      a, b;
        uint32_t four[4 * LANES];
        last_round(&f, nine_rounds(&f, iota(first + i)), &a, &b);
        a = xor2(up(a), down(a)); /* the first word comes first in memory */
        b = xor2(up(b), down(b));
        put(a, b, (uint64_t *)(void *)four);
        size_t left = n - i < LANES ? n - i : LANES;
        __builtin_memcpy(out + 4 * i, four, left * 4 * sizeof *out);
    }
}
