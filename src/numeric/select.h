/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Order statistics without sorting: a double's bits, turned so that unsigned integers compare as the numbers do, are counted by
 * their leading bits; the digit that holds the wanted rank is known after one pass, the next pass counts inside it.
 */
#ifndef YK_NUMERIC_SELECT_H
#define YK_NUMERIC_SELECT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Order-preserving: a < b exactly when key(a) < key(b); -0.0 comes just before +0.0. Not for NaN. */
static inline uint64_t yk_key_of_real(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b ^ ((uint64_t)((int64_t)b >> 63) | (uint64_t)1 << 63);
}

static inline double yk_real_of_key(uint64_t k)
{
    uint64_t b = k ^ ((k >> 63) ? (uint64_t)1 << 63 : ~(uint64_t)0);
    double   x;
    memcpy(&x, &b, sizeof x);
    return x;
}

/* One digit of the search: the keys whose bits from shift + bits up equal `prefix`, counted by the `bits` bits from `shift` up. */
typedef struct yk_digit {
    uint64_t prefix; /* key >> (shift + bits); unused when shift + bits is 64 */
    uint32_t shift, bits; /* bits at most 16 */
} yk_digit;

/* counts[0 .. 1 << bits) are added to. x, mask, n as for sums: NaN and masked rows are left out. Returns how many were counted. */
uint64_t yk_digit_count(const yk_digit *d, const double *x, const uint64_t *mask, uint32_t n, uint64_t *counts);

/* Writes those of x whose key has key >> shift == prefix to `to` (room for n), in row order; returns how many. */
uint32_t yk_digit_collect(uint64_t prefix, uint32_t shift, const double *x, const uint64_t *mask, uint32_t n, double *to);

/* From a to b, `part` (0 to 1) of the way, as numpy.quantile has it: from the nearer end. */
static inline double yk_between(double a, double b, double part)
{
    double t = b - a;
    return part == 0 || a == b ? a : part >= 0.5 ? b - t * (1 - part) : a + t * part;
}

/* The values of ranks k (0 = least) and k + 1 (k again where it is the last) of x[0..n), k < n, no NaN. Reorders x. */
void yk_select_two(double *x, uint64_t n, uint64_t k, double ret[2]);

#endif
