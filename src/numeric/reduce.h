/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reductions whose order does not matter, and bitmaps.
 *
 * A bitmap has bit i & 63 of word i >> 6 for row i. A mask of NULL means all rows.
 */
#ifndef YK_NUMERIC_REDUCE_H
#define YK_NUMERIC_REDUCE_H

#include <stdbool.h>
#include <stdint.h>

/* The least and greatest of the rows that count (masked in, not NaN), -0.0 below +0.0. Starts from and updates *min, *max:
 * begin with +inf and -inf. Returns how many counted. */
uint32_t yk_min_max(const double *x, const uint64_t *mask, uint32_t n, double *min, double *max);
uint32_t yk_min_max_int(const int64_t *x, const uint64_t *mask, uint32_t n, int64_t *min, int64_t *max);

/* The rows that count: masked in and not NaN. */
uint32_t yk_count_real(const double *x, const uint64_t *mask, uint32_t n);

/* counts[codes[i]]++ for the rows that count. Each code must be below n_counts. */
void yk_count_codes(const uint32_t *codes, const uint64_t *mask, uint32_t n, uint64_t *counts, uint32_t n_counts);

/* How many of the first n bits are set. */
uint32_t yk_bits_count(const uint64_t *bits, uint32_t n);

/* to = a & b over the first n bits (the rest of the last word 0); either may be NULL (all set). */
void yk_bits_and(const uint64_t *a, const uint64_t *b, uint32_t n, uint64_t *to);

/* The numbers of the set bits among the first n, ascending; returns how many. */
uint32_t yk_bits_rows(const uint64_t *bits, uint32_t n, uint32_t *rows);

#endif
