/* SPDX-License-Identifier: BSD-3-Clause
 *
 * 64-bit words on their way between tasks, without the upper bytes that they share. As bytes: a word with these, then how many lower
 * bytes each word has of its own (1, 2, 4 or 8), then those bytes of each.
 */
#ifndef YK_TABLE_WORDS_H
#define YK_TABLE_WORDS_H

#include "base/buf.h"

/* Appends words rows[0 … n) of those that lie `stride` bytes apart. */
void yk_words_write(const char *words, size_t stride, const uint32_t *rows, uint32_t n, yk_buf *to);

/* Such bytes, and which of them come next. */
typedef struct yk_words {
    const char *at;
    uint64_t    shared;
    uint8_t     width;
} yk_words;

/* Bytes that n words take at `at`; 0 when they are damaged or reach beyond `end`. */
size_t yk_words_find(const char *at, const char *end, uint32_t n, yk_words *ret);
void   yk_words_read(yk_words *w, uint32_t n, uint64_t *ret); /* the next n */

#endif
