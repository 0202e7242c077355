/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The loops that expressions, sums and histograms are made of, built once per instruction set (isa.h), all with the same bits.
 * Callers use YK_ISA_PICK(yk_k_…). Arrays do not overlap unless said; bitmaps have bit i & 63 of word i >> 6 for row i, and
 * what kernels write has bits from n to the end of the last word 0.
 */
#ifndef YK_NUMERIC_KERNELS_H
#define YK_NUMERIC_KERNELS_H

#include "numeric/isa.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which operands are arrays: both, or one is a single value. */
typedef enum yk_sides { YK_SIDES_VV, YK_SIDES_VC, YK_SIDES_CV } yk_sides;

typedef enum yk_real1 {
    YK_REAL1_NEG, YK_REAL1_ABS, YK_REAL1_SQRT, YK_REAL1_EXP, YK_REAL1_LOG, YK_REAL1_LOG10, YK_REAL1_LOG1P, YK_REAL1_SIN,
    YK_REAL1_COS, YK_REAL1_TAN, YK_REAL1_TANH, YK_REAL1_FLOOR, YK_REAL1_CEIL, YK_REAL1_ROUND,
} yk_real1;

typedef enum yk_real2 {
    YK_REAL2_ADD, YK_REAL2_SUB, YK_REAL2_MUL, YK_REAL2_DIV, YK_REAL2_MIN, YK_REAL2_MAX, YK_REAL2_POW,
    YK_REAL2_IDIV, YK_REAL2_MOD, /* as Python's // and % */
} yk_real2;

typedef enum yk_int2 {
    YK_INT2_ADD, YK_INT2_SUB, YK_INT2_MUL, YK_INT2_MIN, YK_INT2_MAX,
    YK_INT2_IDIV, YK_INT2_MOD, /* as Python's; by 0: 0 */
} yk_int2;

typedef enum yk_compare { YK_COMPARE_LT, YK_COMPARE_LE, YK_COMPARE_EQ, YK_COMPARE_NE } yk_compare; /* > is < with sides changed */

YK_ISA_DECLARE(void, yk_k_real1, (yk_real1 op, double *to, const double *a, uint32_t n));
/* to may be a. */
YK_ISA_DECLARE(void, yk_k_real2, (yk_real2 op, yk_sides sides, double *to, const double *a, const double *b, uint32_t n));
/* Returns true when some result did not fit. */
YK_ISA_DECLARE(bool, yk_k_int2, (yk_int2 op, yk_sides sides, int64_t *to, const int64_t *a, const int64_t *b, uint32_t n));

/* Comparisons with NaN are false, != too. */
YK_ISA_DECLARE(void, yk_k_compare_real,
               (yk_compare op, yk_sides sides, uint64_t *bits, const double *a, const double *b, uint32_t n));
YK_ISA_DECLARE(void, yk_k_compare_int,
               (yk_compare op, yk_sides sides, uint64_t *bits, const int64_t *a, const int64_t *b, uint32_t n));
YK_ISA_DECLARE(void, yk_k_present, (uint64_t *bits, const double *a, uint32_t n)); /* not NaN */
YK_ISA_DECLARE(void, yk_k_finite, (uint64_t *bits, const double *a, uint32_t n));

/* to[i] = bit i ? a[i] : b[i], 8-byte values; a stride is 1, or 0 for a single value. */
YK_ISA_DECLARE(void, yk_k_select,
               (uint64_t *to, const uint64_t *bits, const uint64_t *a, size_t a_stride, const uint64_t *b, size_t b_stride, uint32_t n));
/* Values of rows whose bit is 0 become NaN. to may be a. */
YK_ISA_DECLARE(void, yk_k_blank, (double *to, const double *a, const uint64_t *bits, uint32_t n));

/* to[i] = table[codes[i]] */
YK_ISA_DECLARE(void, yk_k_gather, (uint64_t *to, const uint64_t *table, const uint32_t *codes, uint32_t n));
/* to[i] = table[codes[i]] op b[i], or b[i] op table[codes[i]] when `turned`; ADD, SUB, MUL and DIV. The loads of a dictionary hide
 * behind the arithmetic. */
YK_ISA_DECLARE(void, yk_k_real2_gather,
               (yk_real2 op, bool turned, double *to, const double *table, const uint32_t *codes, const double *b, uint32_t n));
/* to[i] = a[codes_a[i]] op b[codes_b[i]], for the same operations. The values themselves go to to_a and to_b unless NULL. */
YK_ISA_DECLARE(void, yk_k_real2_gather_both,
               (yk_real2 op, double *to, const double *a, const uint32_t *codes_a, double *to_a, const double *b, const uint32_t *codes_b,
                double *to_b, uint32_t n));
/* bit i = bit codes[i] of table, which has n_table bits */
YK_ISA_DECLARE(void, yk_k_gather_bits, (uint64_t *bits, const uint64_t *table, const uint32_t *codes, uint32_t n));

YK_ISA_DECLARE(uint32_t, yk_k_bits_count, (const uint64_t *bits, uint32_t n)); /* set ones among the first n */
YK_ISA_DECLARE(void, yk_k_int_to_real, (double *to, const int64_t *a, uint32_t n));
YK_ISA_DECLARE(void, yk_k_bits_to_bytes, (uint8_t *to, const uint64_t *bits, uint32_t n));
YK_ISA_DECLARE(void, yk_k_bytes_to_bits, (uint64_t *bits, const uint8_t *a, uint32_t n));

/* One leaf: sum.h. mask is NULL or has 16 words; n <= 1024. */
YK_ISA_DECLARE(double, yk_k_leaf_sum, (const double *x, const uint64_t *mask, uint32_t n, uint32_t *ret_count));
/* The same of table[codes[i]]. */
YK_ISA_DECLARE(double, yk_k_leaf_sum_codes,
               (const double *table, const uint32_t *codes, const uint64_t *mask, uint32_t n, uint32_t *ret_count));
/* Sums of x - c and of (x - c)^2, lanes and folds as for a leaf's sum. */
YK_ISA_DECLARE(void, yk_k_leaf_squares,
               (const double *x, const uint64_t *mask, uint32_t n, double c, double *ret_sum, double *ret_squares));

/* reduce.h */
YK_ISA_DECLARE(uint32_t, yk_k_min_max, (const double *x, const uint64_t *mask, uint32_t n, double *min, double *max));

/* Equal bins: index[i] = the bin of x[i], or n_bins where it is outside, NaN or masked out. edges: n_bins + 1. See histogram.c. */
typedef struct yk_equal_bins {
    const double *edges;
    uint32_t      n_bins;
    double        lo, hi, per_unit; /* n_bins / (hi - lo) */
    double        near; /* estimates at most this far from an edge are compared with it */
} yk_equal_bins;
YK_ISA_DECLARE(void, yk_k_bins_equal, (const yk_equal_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index));
/* The bins of those values alone that are in one, side by side: how many. index has room for n. */
YK_ISA_DECLARE(uint32_t, yk_k_bins_equal_inside,
               (const yk_equal_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index));

/* select.h; index[i] = the digit of x[i], or 1 << bits where it does not count */
YK_ISA_DECLARE(void, yk_k_digits,
               (uint64_t prefix, uint32_t shift, uint32_t bits, const double *x, const uint64_t *mask, uint32_t n, uint32_t *index));

#endif
