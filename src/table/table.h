/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What stands behind the public handles.
 */
#ifndef YK_TABLE_TABLE_H
#define YK_TABLE_TABLE_H

#include "numeric/histogram.h"
#include "table/grouping.h"
#include "table/table_scan.h"

struct yoke_table {
    yoke_session     *session; /* borrowed */
    yk_source        *source;
    yoke_table_opts   opts;
    char            **where; /* the texts of its filters */
    size_t            n_where;
    yk_lookup       **lookups; /* tables that join it */
    size_t            n_lookups;
};

struct yoke_frame {
    yk_batch rows;
    char   **names; /* of rows.n_columns columns */
    char   (*types)[48];
};

/* A scan of a table: its filters parsed and split at their "and"s. yk_table_scan_fini frees them; sinks are the caller's. */
int  yk_table_scan(const yoke_table *t, yk_scan *ret, yoke_error *err) YK_MUST_USE;
void yk_table_scan_fini(yk_scan *s);

/* The same table with one more filter, or lookup (which is referenced), or neither. */
int yk_table_derive(const yoke_table *t, const char *where, yk_lookup *lookup, yoke_table **ret, yoke_error *err) YK_MUST_USE;

/* A list of expressions with each item that is * replaced by all columns that can be read throughout. NULL: all of them. */
int yk_table_expand(const yoke_table *t, const char *select, yk_buf *to, yoke_error *err) YK_MUST_USE;

/* Where the first item of a list ends: its comma outside parentheses and quotes, or the end. */
size_t yk_table_item(const char *list);

/* A column's name as an expression: in backquotes, doubled where it has some itself. */
void yk_table_quote(const char *name, yk_buf *to);

/* Looks at all values of CSV columns, so that their types change no more. */
int yk_table_settle(const yoke_table *t, yoke_error *err) YK_MUST_USE;

/* Calls fn with the sink that a scan for these rows would have, and frees it afterwards. Not for groups, nor different rows. */
int yk_table_lend_rows(const yoke_table *t, const yoke_rows *r, int (*fn)(void *ctx, yk_sink *sink, yoke_error *err), void *ctx,
                       yoke_error *err)
    YK_MUST_USE;

/* Bytes that results may take. */
uint64_t yk_table_memory(const yoke_table *t);

YK_DEFINE_CLEANUP(yoke_answers, yoke_answers_free)

/* What is asked, as sinks for a scan: ret_sinks (the caller frees the list) borrow from the answers. The i-th is answered by
 * yk_answers_sink. */
int yk_table_ask(const yoke_table *t, const yoke_ask *asks, size_t n, yoke_answers **ret, yk_sink ***ret_sinks, size_t *ret_n,
                 yoke_error *err) YK_MUST_USE;
const yk_sink *yk_answers_sink(const yoke_answers *a, size_t i);

/* What a result is called when the caller says nothing: "mean(tip)", or the name that its expression has. `e` is q->expr, parsed. */
void yk_ask_name(const yoke_ask *q, const yk_expr *e, yk_buf *to);

/* The bins that a histogram is asked with. The caller frees them. */
int yk_ask_bins(const yoke_ask *q, yk_bins **ret, yoke_error *err) YK_MUST_USE;

/* Rows of groups with histograms in them become as many rows as there are bins, of the bins' edges "lo" and "hi" and a count for each
 * histogram; all else is repeated. The histograms have the same bins; without one the frame stays as it is. */
int yk_frame_spread(yoke_frame *f, size_t n_keys, const yk_group_ask *asks, size_t n_asks, uint64_t memory, yoke_error *err) YK_MUST_USE;

YK_DEFINE_CLEANUP(yoke_frame, yoke_frame_free)

/* Takes the batch; names[i] are copied. */
int yk_frame_new(yk_batch *rows, const char *const *names, yoke_frame **ret, yoke_error *err) YK_MUST_USE;
int yk_frame_copy(const yoke_frame *f, yoke_frame **ret, yoke_error *err) YK_MUST_USE;

#endif
