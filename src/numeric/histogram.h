/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Histograms that count as numpy.histogram does: bins are half-open, the last one is closed, what lies outside, is missing or
 * filtered out is not counted. Equal-width edges have the bits of numpy.linspace.
 */
#ifndef YK_NUMERIC_HISTOGRAM_H
#define YK_NUMERIC_HISTOGRAM_H

#include "base/alloc.h"

enum { YK_BINS_MAX = 1 << 20 };

/* Where the bins lie. Immutable once made, any thread may use it. */
typedef struct yk_bins yk_bins;

/* n equal bins over [lo, hi]. As in NumPy, lo == hi means [lo - 0.5, hi + 0.5]. YOKE_EINVALID: not finite, lo > hi, no bins, or so
 * many that two edges would be the same number. */
int yk_bins_equal(uint32_t n, double lo, double hi, yk_bins **ret, yoke_error *err) YK_MUST_USE;
/* n bins over [lo, hi], 0 < lo < hi, edges lo * (hi / lo)^(i / n), the outer two exactly lo and hi. */
int yk_bins_log(uint32_t n, double lo, double hi, yk_bins **ret, yoke_error *err) YK_MUST_USE;
/* Any edges, n_edges >= 2, increasing (as in NumPy two may be equal; infinities are allowed, NaN is not). Copied. */
int yk_bins_given(const double *edges, size_t n_edges, yk_bins **ret, yoke_error *err) YK_MUST_USE;
void yk_bins_free(yk_bins *b);
YK_DEFINE_CLEANUP(yk_bins, yk_bins_free)

uint32_t      yk_bins_n(const yk_bins *b);
const double *yk_bins_edges(const yk_bins *b); /* n + 1 */
/* The bin that counts x, or -1. */
int64_t yk_bins_find(const yk_bins *b, double x);
/* The same for n values where bit i & 63 of mask[i >> 6] is set (NULL: everywhere): yk_bins_n for what no bin counts. */
void yk_bins_find_block(const yk_bins *b, const double *x, const uint64_t *mask, uint32_t n, uint32_t *ret);

/* Counts being made by one worker. */
typedef struct yk_hist yk_hist;
int  yk_hist_new(const yk_bins *b, yk_hist **ret, yoke_error *err) YK_MUST_USE; /* borrows b */
void yk_hist_free(yk_hist *h);
YK_DEFINE_CLEANUP(yk_hist, yk_hist_free)
void yk_hist_clear(yk_hist *h);

/* Counts x[i] where bit i & 63 of mask[i >> 6] is set (NULL: everywhere). Any n. */
void yk_hist_add(yk_hist *h, const double *x, const uint64_t *mask, uint32_t n);
/* Counts x `times` times: for dictionaries whose codes were counted. */
void yk_hist_add_times(yk_hist *h, double x, uint64_t times);
/* counts[0..n) are added to. */
void yk_hist_read(const yk_hist *h, uint64_t *counts);

#endif
