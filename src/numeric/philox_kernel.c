/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Philox4x32-10 on LANES blocks at once, a word in each 64-bit lane: the widening multiplication reads the lower half of a
 * lane only, so lower halves carry the state and upper halves may hold anything. `down` and `fall` both bring
 * the upper half down, on different ports of the processor. `iota` numbers the lanes so that `put`, which
 * interleaves within 128 bits, stores the blocks in order.
 */
#include "numeric/philox.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#if defined(__AVX512DQ__)
enum { LANES = 8 };
typedef __m512i vec;
static inline vec all(uint64_t x) { return _mm512_set1_epi64((long long)x); }
static inline vec iota(uint64_t x) { return _mm512_add_epi64(all(x), _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0)); }
static inline vec add(vec a, vec b) { return _mm512_add_epi64(a, b); }
static inline vec mul(vec a, vec b) { return _mm512_mul_epu32(a, b); }
static inline vec xor2(vec a, vec b) { return _mm512_xor_si512(a, b); }
static inline vec xor3(vec a, vec b, vec c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
static inline vec up(vec a) { return _mm512_slli_epi64(a, 32); }
static inline vec down(vec a) { return _mm512_srli_epi64(a, 32); }
static inline vec fall(vec a) { return _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(a))); }
static inline vec turn(vec a) { return _mm512_ror_epi64(a, 32); }

static inline void put(vec a, vec b, uint64_t *to)
{
    _mm512_storeu_si512(to, _mm512_unpacklo_epi64(a, b));
    _mm512_storeu_si512(to + 8, _mm512_unpackhi_epi64(a, b));
}

static inline vec to_real(vec a)
{
    __m512d x = _mm512_cvtepu64_pd(_mm512_and_si512(a, all(~(uint64_t)0x7ff))); /* a mask and a shift cost the same, but */
    return _mm512_castpd_si512(_mm512_mul_pd(x, _mm512_set1_pd(0x1p-64)));      /* masks go to more ports */
}
#elif defined(__AVX2__)
enum { LANES = 4 };
typedef __m256i vec;
static inline vec all(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
static inline vec iota(uint64_t x) { return _mm256_add_epi64(all(x), _mm256_set_epi64x(3, 1, 2, 0)); }
static inline vec add(vec a, vec b) { return _mm256_add_epi64(a, b); }
static inline vec mul(vec a, vec b) { return _mm256_mul_epu32(a, b); }
static inline vec xor2(vec a, vec b) { return _mm256_xor_si256(a, b); }
static inline vec xor3(vec a, vec b, vec c) { return xor2(xor2(a, b), c); }
static inline vec up(vec a) { return _mm256_slli_epi64(a, 32); }
static inline vec down(vec a) { return _mm256_srli_epi64(a, 32); }
static inline vec fall(vec a) { return _mm256_shuffle_epi32(a, 0xf5); }
static inline vec turn(vec a) { return _mm256_shuffle_epi32(a, 0xb1); }
static inline vec lower(vec a) { return _mm256_and_si256(a, all(0xffffffff)); }

static inline void put(vec a, vec b, uint64_t *to)
{
    _mm256_storeu_si256((vec *)to, _mm256_unpacklo_epi64(a, b));
    _mm256_storeu_si256((vec *)(to + 4), _mm256_unpackhi_epi64(a, b));
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
static inline vec add(vec a, vec b) { return _mm_add_epi64(a, b); }
static inline vec mul(vec a, vec b) { return _mm_mul_epu32(a, b); }
static inline vec xor2(vec a, vec b) { return _mm_xor_si128(a, b); }
static inline vec xor3(vec a, vec b, vec c) { return xor2(xor2(a, b), c); }
static inline vec up(vec a) { return _mm_slli_epi64(a, 32); }
static inline vec down(vec a) { return _mm_srli_epi64(a, 32); }
static inline vec fall(vec a) { return _mm_shuffle_epi32(a, 0xf5); }
static inline vec turn(vec a) { return _mm_shuffle_epi32(a, 0xb1); }
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
static inline vec add(vec a, vec b) { return a + b; }
static inline vec mul(vec a, vec b) { return (a & 0xffffffff) * (b & 0xffffffff); }
static inline vec xor2(vec a, vec b) { return a ^ b; }
static inline vec xor3(vec a, vec b, vec c) { return a ^ b ^ c; }
static inline vec up(vec a) { return a << 32; }
static inline vec down(vec a) { return a >> 32; }
static inline vec fall(vec a) { return a >> 32; }
static inline vec turn(vec a) { return a >> 32 | a << 32; }

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
    vec k0_up, k1_up; /* of the last round, in upper halves */
    vec c2_in_1, c0_in_2, c2_in_2, c2_in_3;
    vec m0, m1;
} fixed;

static inline fixed prepare(uint64_t seed, uint64_t stream, uint64_t first)
{
    fixed    f = {.m0 = all(YK_PHILOX_M0), .m1 = all(YK_PHILOX_M1)};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    f.k0[0] = all(k0);
    f.k1[0] = all(k1);
    for (int i = 1; i < YK_PHILOX_ROUNDS; i++) {
        f.k0[i] = add(f.k0[i - 1], all(YK_PHILOX_W0));
        f.k1[i] = add(f.k1[i - 1], all(YK_PHILOX_W1));
    }
    f.k0_up = up(f.k0[YK_PHILOX_ROUNDS - 1]);
    f.k1_up = up(f.k1[YK_PHILOX_ROUNDS - 1]);
    uint64_t p1 = YK_PHILOX_M1 * (stream & 0xffffffff);
    uint32_t c0 = (uint32_t)(p1 >> 32) ^ (uint32_t)(first >> 32) ^ k0; /* after round 1 */
    uint64_t p0 = (uint64_t)YK_PHILOX_M0 * c0;
    f.c2_in_1 = all((stream >> 32) ^ k1);
    f.c0_in_2 = all((uint32_t)p1 ^ (k0 + YK_PHILOX_W0));
    f.c2_in_2 = all((p0 >> 32) ^ (k1 + YK_PHILOX_W1));
    f.c2_in_3 = all((uint32_t)p0 ^ (k1 + 2 * YK_PHILOX_W1));
    return f;
}

/* AHEAD groups of LANES blocks go through the rounds side by side, so that one's multiplications fill the other's waits. */
#if defined(__AVX512DQ__)
enum { AHEAD = 2 };
#else
enum { AHEAD = 2 };
#endif
#define EACH _Pragma("GCC unroll 4") for (int g = 0; g < AHEAD; g++)

/* All rounds, from the first product M0 * (lower word of the block's number); then each two words of a result share a lane, the first
 * above. */
static inline __attribute__((always_inline)) void ten_rounds(const fixed *f, vec p, vec a[AHEAD], vec b[AHEAD])
{
    vec c0[AHEAD], c1[AHEAD], c2[AHEAD], c3[AHEAD], p0[AHEAD], p1[AHEAD];
    EACH c3[g] = g == 0 ? p : add(p, all((uint64_t)(g * LANES) * YK_PHILOX_M0));
    EACH c2[g] = xor2(down(c3[g]), f->c2_in_1);
    EACH c1[g] = mul(c2[g], f->m1);
    EACH c0[g] = xor2(fall(c1[g]), f->c0_in_2);
    EACH c2[g] = xor2(c3[g], f->c2_in_2);
    EACH p0[g] = mul(c0[g], f->m0);
    EACH p1[g] = mul(c2[g], f->m1);
    EACH c0[g] = xor3(fall(p1[g]), c1[g], f->k0[2]);
    EACH c2[g] = xor2(down(p0[g]), f->c2_in_3);
#pragma GCC unroll 10
    for (int i = 3; i < YK_PHILOX_ROUNDS; i++) {
        EACH c1[g] = p1[g], c3[g] = p0[g];
        EACH p0[g] = mul(c0[g], f->m0);
        EACH p1[g] = mul(c2[g], f->m1);
        if (i == YK_PHILOX_ROUNDS - 1)
            break;
        EACH c0[g] = xor3(fall(p1[g]), c1[g], f->k0[i]);
        EACH c2[g] = xor3(down(p0[g]), c3[g], f->k1[i]);
    }
    EACH a[g] = xor3(p1[g], up(c1[g]), f->k0_up);
    EACH b[g] = xor3(p0[g], up(c3[g]), f->k1_up);
}

void YK_ISA(yk_philox_uniforms)(uint64_t seed, uint64_t stream, uint64_t first, double *out, size_t n)
{
    enum { STEP = AHEAD * LANES };
    fixed  f = prepare(seed, stream, first);
    vec    p = mul(iota(first), f.m0), a[AHEAD], b[AHEAD]; /* p moves on by addition: the lower word does not wrap */
    double rest[2 * STEP];
    for (size_t i = 0; i < n; i += STEP, p = add(p, all(STEP * (uint64_t)YK_PHILOX_M0))) {
        ten_rounds(&f, p, a, b);
        double *to = n - i < STEP ? rest : out + 2 * i;
        EACH put(to_real(a[g]), to_real(b[g]), (uint64_t *)(void *)(to + 2 * LANES * g));
        if (to == rest)
            __builtin_memcpy(out + 2 * i, rest, (n - i) * 2 * sizeof *out);
    }
}

void YK_ISA(yk_philox_words)(uint64_t seed, uint64_t stream, uint64_t first, uint32_t *out, size_t n)
{
    enum { STEP = AHEAD * LANES };
    fixed    f = prepare(seed, stream, first);
    vec      p = mul(iota(first), f.m0), a[AHEAD], b[AHEAD];
    uint32_t rest[4 * STEP];
    for (size_t i = 0; i < n; i += STEP, p = add(p, all(STEP * (uint64_t)YK_PHILOX_M0))) {
        ten_rounds(&f, p, a, b);
        uint32_t *to = n - i < STEP ? rest : out + 4 * i;
        EACH put(turn(a[g]), turn(b[g]), (uint64_t *)(void *)(to + 4 * LANES * g)); /* the first word comes first */
        if (to == rest)
            __builtin_memcpy(out + 4 * i, rest, (n - i) * 4 * sizeof *out);
    }
}
