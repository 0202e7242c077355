/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A fast hash for tables in memory and for telling lists apart. Not for adversaries; two seeds make 128 bits. And whether bytes are the
 * same: for texts of a few words both are faster in line than a call of memcmp.
 */
#ifndef YK_BASE_HASH_H
#define YK_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static inline uint64_t yk_load64(const void *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Fewer than eight bytes as a word; those of texts of other sizes may be the same. */
static inline uint64_t yk_load_short(const unsigned char *at, size_t n)
{
    uint32_t first, last;
    if (n < 4)
        return n ? (uint64_t)at[0] << 16 | (uint64_t)at[n >> 1] << 8 | at[n - 1] : 0;
    memcpy(&first, at, 4);
    memcpy(&last, at + n - 4, 4);
    return (uint64_t)first << 32 | last;
}

static inline uint64_t yk_hash_text(const void *text, size_t n, uint64_t seed)
{
    const uint64_t       one = 0xa0761d6478bd642fu, two = 0xe7037ed1a0b428dbu;
    const unsigned char *at = (const unsigned char *)text, *end = at + n;
    uint64_t             h = (seed * 0xd6e8feb86659fd93u + 1) ^ n * one, a = 0, b = 0;
    for (; end - at > 16; at += 16)
        h = yk_hash_fold(yk_load64(at) ^ one, yk_load64(at + 8) ^ h);
    if (n > 16) /* the last sixteen, some of them once more */
        a = yk_load64(end - 16), b = yk_load64(end - 8);
    else if (n >= 8)
        a = yk_load64(at), b = yk_load64(end - 8);
    else
        a = yk_load_short(at, n);
    return yk_hash_fold(yk_hash_fold(a ^ two, b ^ h) ^ one, h ^ two);
}

/* Whether n bytes are the same. */
static inline bool yk_same_bytes(const void *a, const void *b, size_t n)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    if (n < 8)
        return yk_load_short(x, n) == yk_load_short(y, n);
    for (size_t i = 0; i < n - 8; i += 8)
        if (yk_load64(x + i) != yk_load64(y + i))
            return false;
    return yk_load64(x + n - 8) == yk_load64(y + n - 8);
}

#endif
