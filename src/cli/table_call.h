/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A call of yoke table: what its words ask for (table_verb.c), and how that is run and printed (table_run.c).
 */
#ifndef YK_CLI_TABLE_CALL_H
#define YK_CLI_TABLE_CALL_H

#include "base/progress.h"
#include "cli/table_out.h"

typedef struct yk_table_call {
    yk_args        *args;
    yoke_session   *session; /* borrowed; while it runs */
    const char    **files, **where, **joins, **keys;
    size_t          n_joins, cap_joins, n_keys, cap_keys;
    size_t          n_files, cap_files, n_where, cap_where;
    yoke_ask       *asks;
    char          **labels; /* of asks; owned */
    size_t          n, cap, cap_labels;
    uint32_t        n_bins;
    double          range[2];
    bool            has_range, is_log_bins;
    double         *edges;
    size_t          n_edges, cap_edges;
    yoke_rows       rows;
    uint64_t        top;
    bool            wants_rows, wants_columns, is_described, is_forced, is_json, has_stats, is_explained, is_log_x, is_log_y;
    yk_table_format format;
    const char     *out, *compression, *plot, *on, *title;
    yoke_table_opts opts;
    yk_progress_how how;
} yk_table_call;

size_t yk_table_histograms(const yk_table_call *c); /* how many of its asks are */

/* ---- table_plot.c: histograms as a picture, to c->plot */

int yk_table_plot_answers(const yk_table_call *c, const yoke_answers *a, yoke_error *err) YK_MUST_USE;
/* Of rows of groups and bins, as yoke_table_rows gives them: a line and a name in the legend for each group. */
int yk_table_plot_groups(const yk_table_call *c, const yoke_frame *f, yoke_error *err) YK_MUST_USE;
/* The same rows without bins, one for each group; NULL when nothing but histograms was asked for. */
int yk_table_without_bins(const yk_table_call *c, const yoke_frame *f, yoke_frame **ret, yoke_error *err) YK_MUST_USE;

/* ---- table_describe.c */

/* A row of results for each column that --select names, or for all. */
int yk_table_describe(const yk_table_call *c, const yoke_table *t, yoke_frame **ret, yoke_error *err) YK_MUST_USE;

/* ---- table_run.c */

/* Opens the files, answers, prints. Ctrl-C is YOKE_ECANCELED, with nothing half done left behind. */
int yk_table_run(yk_table_call *c, yoke_error *err) YK_MUST_USE;

#endif
