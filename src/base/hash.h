/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A fast hash for tables in memory and for telling lists apart. Not for adversaries; two seeds make 128 bits.
 */
#ifndef YK_BASE_HASH_H
#define YK_BASE_HASH_H

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

/* Up to eight bytes, n > 0, as a word; those of words of other sizes may be the same. */
static inline uint64_t yk_hash_short(const unsigned char *at, size_t n)
{
    uint32_t first, last;
    uint64_t word;
    if (n == 8) {
        memcpy(&word, at, 8);
        return word;
    }
    if (n < 4)
        return (uint64_t)at[0] << 16 | (uint64_t)at[n >> 1] << 8 | at[n - 1];
    memcpy(&first, at, 4);
    memcpy(&last, at + n - 4, 4);
    return (uint64_t)first << 32 | last;
}

static inline uint64_t yk_hash_text(const void *text, size_t n, uint64_t seed)
{
    const uint64_t       one = 0xa0761d6478bd642fu, two = 0xe7037ed1a0b428dbu;
    const unsigned char *at = (const unsigned char *)text;
    uint64_t             h = (seed * 0xd6e8feb86659fd93u + 1) ^ n * one, word[2];
    size_t               left = n;
    for (; left > 16; at += 16, left -= 16) {
        memcpy(word, at, sizeof word);
        h = yk_hash_fold(word[0] ^ one, word[1] ^ h);
    }
    word[0] = left ? yk_hash_short(at, left > 8 ? 8 : left) : 0;
    word[1] = left > 8 ? yk_hash_short(at + left - 8, 8) : 0;
    return yk_hash_fold(yk_hash_fold(word[0] ^ two, word[1] ^ h) ^ one, h ^ two);
}

#endif
