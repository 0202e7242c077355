/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Short runs of bytes, such as a text of a few words: loaded, compared and copied in line. A call of memcmp or memcpy costs more than that.
 */
#ifndef YK_BASE_BYTES_H
#define YK_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t yk_load64(const void *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Fewer than eight bytes as a word; those of runs of other lengths may be the same. */
static inline uint64_t yk_load_short(const void *from, size_t n)
{
    const unsigned char *at = (const unsigned char *)from;
    uint32_t             first, last;
    if (n < 4)
        return n ? (uint64_t)at[0] << 16 | (uint64_t)at[n >> 1] << 8 | at[n - 1] : 0;
    memcpy(&first, at, 4);
    memcpy(&last, at + n - 4, 4);
    return (uint64_t)first << 32 | last;
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

/* As memcpy: the first and the last pieces, which may overlap. */
static inline void yk_copy_bytes(void *to, const void *from, size_t n)
{
    typedef unsigned char piece __attribute__((vector_size(16)));
    unsigned char        *t = (unsigned char *)to;
    const unsigned char  *f = (const unsigned char *)from;
    piece                 p[4];
    if (n > 64) {
        memcpy(t, f, n);
    } else if (n > 32) {
        memcpy(p, f, 32);
        memcpy(p + 2, f + n - 32, 32);
        memcpy(t, p, 32);
        memcpy(t + n - 32, p + 2, 32);
    } else if (n > 16) {
        memcpy(p, f, 16);
        memcpy(p + 1, f + n - 16, 16);
        memcpy(t, p, 16);
        memcpy(t + n - 16, p + 1, 16);
    } else if (n >= 8) {
        uint64_t first = yk_load64(f), last = yk_load64(f + n - 8);
        memcpy(t, &first, 8);
        memcpy(t + n - 8, &last, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, f, 4);
        memcpy(&last, f + n - 4, 4);
        memcpy(t, &first, 4);
        memcpy(t + n - 4, &last, 4);
    } else if (n) {
        unsigned char first = f[0], middle = f[n >> 1], last = f[n - 1];
        t[0] = first, t[n >> 1] = middle, t[n - 1] = last;
    }
}

#endif
