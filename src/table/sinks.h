/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sinks that give one answer each: numbers, histograms, quantiles. Made for an expression, put into a scan, read after it.
 */
#ifndef YK_TABLE_SINKS_H
#define YK_TABLE_SINKS_H

#include "numeric/histogram.h"
#include "numeric/sum.h"
#include "table/table_scan.h"

void yk_sink_free(yk_sink *s); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_sink, yk_sink_free)

/* ---- count, sum, mean, variance, least and greatest of one expression (NULL: count rows) */
/* SUM and MOMENTS must be of a number. */

enum { YK_NEED_COUNT = 1, YK_NEED_SUM = 2, YK_NEED_MOMENTS = 4, YK_NEED_RANGE = 8 };

typedef struct yk_numbers {
    yk_type  type;
    uint64_t n;           /* rows that count */
    bool     is_exact;    /* sum_int holds the sum */
    __extension__ __int128 sum_int;
    yk_sums  sums;        /* with SUM of reals, or MOMENTS */
    yk_value min, max;    /* with RANGE; text is borrowed from the sink */
} yk_numbers;

int  yk_numbers_new(const yk_expr *e, unsigned needs, yk_sink **ret, yoke_error *err) YK_MUST_USE;
void yk_numbers_read(const yk_sink *s, yk_numbers *ret);

/* ---- histogram: counts[0 … yk_bins_n-1], borrowed from the sink */

int yk_histogram_new(const yk_expr *e, const yk_bins *bins, yk_sink **ret, yoke_error *err) YK_MUST_USE; /* borrows bins */
const uint64_t *yk_histogram_read(const yk_sink *s);

/* ---- histograms of numbered groups, for the sink of groups: a tally belongs to one thread */

typedef struct yk_hists {
    const yk_bins *bins;   /* borrowed */
    uint64_t      *counts; /* of each group, yk_bins_n numbers */
    size_t         cap;
} yk_hists;

void   yk_hists_fini(yk_hists *h);
int    yk_hists_grow(yk_hists *h, size_t n_groups, yoke_error *err) YK_MUST_USE; /* new ones are empty */
void   yk_hists_add(yk_hists *h, const uint32_t *groups, const double *x, uint32_t n); /* YK_NO_GROUP: does not count; n <= YK_BLOCK */
void   yk_hists_write(const yk_hists *h, size_t n_groups, yk_buf *to);
/* returns the end; group i of `from` is groups[i] here */
const char *yk_hists_merge(yk_hists *h, const char *from, const uint32_t *groups);

/* ---- quantiles: exact, by counting leading bits in one scan and looking closer in one or more others */

int    yk_quantiles_new(const yk_expr *e, yk_sink **ret, yoke_error *err) YK_MUST_USE;
int    yk_quantiles_want(yk_sink *s, double q, yoke_error *err) YK_MUST_USE; /* before the scan */
double yk_quantiles_read(const yk_sink *s, double q); /* NaN when no row counts */

#endif
