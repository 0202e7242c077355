/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sink that gives rows: all that pass, the first, the last, a sample, or sorted.
 */
#ifndef YK_TABLE_ROWS_H
#define YK_TABLE_ROWS_H

#include "table/sinks.h"
#include "table/sorted.h"

typedef struct yk_rows_opts {
    const yk_order   *order; /* sorted by these; none: as the rows lie. Borrowed */
    size_t            n_order;
    uint64_t          head, tail, sample, seed; /* at most one of head, tail, sample; 0: none */
    uint64_t          memory;
    unsigned          workers;
    bool              is_numbered; /* one column more, behind the others: the rows' numbers */
    const yk_rows_to *to; /* takes each task's rows, in order, instead of keeping them; without order, tail, sample. Borrowed */
} yk_rows_opts;

int yk_rows_new(const yk_expr *const *columns, size_t n, const yk_rows_opts *opts, yk_sink **ret, yoke_error *err) YK_MUST_USE;

/* The first rows of a sort may be found by their keys alone, a sample by nothing but its numbers, in a scan of its own (is_numbered), so
 * that of other columns only what lies beside them is read. Whether that is worth it, once types are known (yk_scan_type); and, before the
 * scan, that they were found: it will be of them alone (yk_scan_rows.only). */
bool yk_rows_by_keys(const yk_sink *s, const yk_source *src);
void yk_rows_found(yk_sink *s);

/* After the scan: the rows, as one batch, or part by part. What yk_rows_opts.to has taken does not come again. */
int yk_rows_take(yk_sink *s, const yk_scan *scan, yk_batch *ret, yoke_error *err) YK_MUST_USE;
int yk_rows_each(yk_sink *s, const yk_scan *scan, const yk_rows_to *to, yoke_error *err) YK_MUST_USE;

/* After the scan of a sort: more rows, of the same columns and types, as if they had come behind the others. */
int yk_rows_add(yk_sink *s, const yk_batch *rows, yoke_error *err) YK_MUST_USE;

/* YOKE_ELIMIT, and what to do, when kept rows take more than `memory`. */
int yk_rows_check(const yk_batch *b, uint64_t memory, yoke_error *err) YK_MUST_USE;

#endif
