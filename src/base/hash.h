/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A fast hash for tables in memory and for telling lists apart. Not for adversaries; two seeds make 128 bits.
 */
#ifndef YK_BASE_HASH_H
#define YK_BASE_HASH_H

#include "base/bytes.h"

/* The hash `h` of what came before, and of one more word. */
static inline uint64_t yk_hash_mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Both halves of the product of two words (as in Wang Yi's wyhash: it takes sixteen bytes at a time). */
static inline uint64_t yk_hash_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t yk_hash_text(const void *text, size_t n, uint64_t seed)
{
    const uint64_t       one = 0xa0761d6478bd642fu, two = 0xe7037ed1a0b428dbu;
    const unsigned char *at = (const unsigned char *)text;
    uint64_t             h = (seed * 0xd6e8feb86659fd93u + 1) ^ n * one, a = 0, b = 0;
    size_t               left = n;
    for (; left > 16; at += 16, left -= 16)
        h = yk_hash_fold(yk_load64(at) ^ one, yk_load64(at + 8) ^ h);
    if (n > 16) /* the last sixteen, some of them once more */
        a = yk_load64(at + left - 16), b = yk_load64(at + left - 8);
    else if (n >= 8)
        a = yk_load64(at), b = yk_load64(at + n - 8);
    else
        a = yk_load_short(at, n);
    return yk_hash_fold(yk_hash_fold(a ^ two, b ^ h) ^ one, h ^ two);
}

#endif
