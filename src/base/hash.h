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

static inline uint64_t yk_hash_text(const void *text, size_t n, uint64_t seed)
{
    const unsigned char *at = (const unsigned char *)text;
    uint64_t             h = yk_hash_mix(seed * 0xd6e8feb86659fd93u + 1, n), word;
    for (; n >= 8; at += 8, n -= 8) {
        memcpy(&word, at, 8);
        h = yk_hash_mix(h, word);
    }
    word = 0;
    memcpy(&word, at, n);
    return yk_hash_mix(yk_hash_mix(h, word), h >> 32);
}

#endif
