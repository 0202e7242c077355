/* SPDX-License-Identifier: BSD-3-Clause
 *
 * "Did you mean …?": the words of a list that lie near a mistyped one.
 */
#ifndef YK_BASE_NEAR_H
#define YK_BASE_NEAR_H

#include <stddef.h>

/* The edit distance of two words (insert, delete, replace, swap neighbours each cost 1; case differences cost nothing).
 * Words of over 63 bytes are compared by their first 63. */
unsigned yk_near_distance(const char *a, const char *b);

/* The word of words[0..n) nearest to `word`, or NULL when none is near enough to be meant. */
const char *yk_near_find(const char *word, const char *const *words, size_t n);

/* Writes "; did you mean 'x'?" for the nearest word into buf, or an empty string. Returns buf. */
const char *yk_near_hint(const char *word, const char *const *words, size_t n, char *buf, size_t size);

#endif
