/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sums of a fixed shape, and what is built on them: mean and variance. This file and sum.c alone define the shape.
 *
 * Rows are numbered from 0 through everything that is summed. A leaf is YK_LEAF consecutive rows from a multiple of YK_LEAF.
 * In a leaf, lane l of 32 starts at -0.0 and adds rows l, l + 32, l + 64 … in that order; a row that is missing (NaN),
 * filtered out or beyond the end counts as -0.0, the identity of IEEE addition. Then lanes fold by halves: lane[l] +=
 * lane[l + h] for h = 16, 8, 4, 2, 1. The leaf sums are a new array, summed the same way, until one value is left. The sum
 * of no rows is +0.0. So the bits depend on the rows and their numbers, never on blocks, tasks, workers or machine.
 *
 * Variance: each leaf gives (n, mean, m2), m2 = sum of (x - mean)^2 with the leaf's own mean (two passes in cache, with the
 * correction term of Chan, Golub and LeVeque, The American Statistician 37 (1983) 242-247); leaves are merged by their
 * pairwise formula in a binary tree over leaf numbers (leaves without rows drop out of it, they change nothing).
 */
#ifndef YK_NUMERIC_SUM_H
#define YK_NUMERIC_SUM_H

#include "base/buf.h"

enum { YK_LEAF = 1024, YK_LANES = 32 };

/* What is left of a set of rows: n of them are there. */
typedef struct yk_moments {
    uint64_t n;
    double   mean, mean_low; /* the mean is their sum: differences of means stay accurate where the mean is large */
    double   m2;
} yk_moments;

/* The sum of one leaf: x[0..n), n <= YK_LEAF, from the leaf's first row on. mask: bit i & 63 of word i >> 6 says that row i counts;
 * NULL: all do. NaN never counts. *ret_count is how many did. */
double yk_leaf_sum(const double *x, const uint64_t *mask, uint32_t n, uint32_t *ret_count);

/* Sum (the same bits as above) and moments of one leaf. */
double yk_leaf_moments(const double *x, const uint64_t *mask, uint32_t n, yk_moments *ret);

/* a, followed by b. */
yk_moments yk_moments_merge(yk_moments a, yk_moments b);

/* What a task makes of consecutive rows that begin at row `first` of all: the rows before its first leaf border and after its
 * last as they are, the leaves between as their sums. Its bytes go to a yk_total. */
typedef struct yk_partial {
    uint64_t first, n;    /* rows so far */
    bool     has_moments;
    uint32_t n_open;      /* rows in open[]: since the last leaf border, or since `first` */
    double   open[YK_LEAF]; /* missing ones are NaN */
    yk_buf   head, leaves;
} yk_partial;

void yk_partial_init(yk_partial *p, uint64_t first, bool has_moments);
void yk_partial_fini(yk_partial *p);

/* Adds the next n rows. x and mask as above, any n. Whole leaves within the rows are summed where they lie. */
void yk_partial_add(yk_partial *p, const double *x, const uint64_t *mask, uint32_t n);

/* The same of rows table[codes[i]]. */
void yk_partial_add_codes(yk_partial *p, const double *table, const uint32_t *codes, const uint64_t *mask, uint32_t n);

/* Adds n rows none of which count (a page that was skipped). */
void yk_partial_skip(yk_partial *p, uint64_t n);

/* The partial as bytes, appended to `to` (for yk_task_emit). The partial can be begun anew afterwards. */
int yk_partial_write(yk_partial *p, yk_buf *to, yoke_error *err) YK_MUST_USE;

/* The total over partials that are added in row order, each beginning where the last ended. A few KiB, whatever the rows. */
typedef struct yk_total yk_total;

int  yk_total_new(bool has_moments, yk_total **ret, yoke_error *err) YK_MUST_USE;
void yk_total_free(yk_total *t);
YK_DEFINE_CLEANUP(yk_total, yk_total_free)

/* Takes what yk_partial_write wrote. Bytes that are not that, or rows out of order, are YOKE_EFORMAT. *ret_used (may be NULL)
 * says how many of the `size` bytes the partial was. */
int yk_total_add(yk_total *t, const void *bytes, size_t size, size_t *ret_used, yoke_error *err) YK_MUST_USE;

typedef struct yk_sums {
    uint64_t n;   /* rows that count */
    double   sum; /* +0.0 when none does */
    double   mean; /* sum / n; NaN when n is 0 */
    double   m2;  /* with moments, else NaN: variance = m2 / (n - ddof) */
} yk_sums;

yk_sums yk_total_read(const yk_total *t);

/* sum of a whole array at once: the same shape, row 0 is x[0]. */
double yk_sum(const double *x, size_t n);

/* The exact sum of integers; mask as above. */
__extension__ typedef __int128 yk_wide_int;
yk_wide_int yk_sum_int(const int64_t *x, const uint64_t *mask, uint32_t n);

#endif
