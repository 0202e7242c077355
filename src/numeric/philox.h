/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The vector kernel of Philox4x32-10, and the parts of it that every build shares.
 */
#ifndef YK_NUMERIC_PHILOX_H
#define YK_NUMERIC_PHILOX_H

#include "numeric/isa.h"

#include <stddef.h>
#include <stdint.h>

enum { YK_PHILOX_ROUNDS = 10 };
#define YK_PHILOX_M0 0xD2511F53u
#define YK_PHILOX_M1 0xCD9E8D57u
#define YK_PHILOX_W0 0x9E3779B9u
#define YK_PHILOX_W1 0xBB67AE85u

/* Blocks first … first+n-1 of a stream, all with the same upper half of their number: two uniforms, or four words each. */
YK_ISA_DECLARE(void, yk_philox_uniforms, (uint64_t seed, uint64_t stream, uint64_t first, double *out, size_t n));
YK_ISA_DECLARE(void, yk_philox_words, (uint64_t seed, uint64_t stream, uint64_t first, uint32_t *out, size_t n));

/* One block: four words. */
static inline void yk_philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < YK_PHILOX_ROUNDS; round++, k0 += YK_PHILOX_W0, k1 += YK_PHILOX_W1) {
        uint64_t p0 = (uint64_t)YK_PHILOX_M0 * c0, p1 = (uint64_t)YK_PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* Two words as a number: 0 <= x < 1. */
static inline double yk_philox_uniform(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

#endif
