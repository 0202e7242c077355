/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/table_call.h"

#include "cli/plotting.h"
#include "table/table.h"

#include <yoke/plot.h>

enum { SERIES_MAX = 14 }; /* as many as colours and dashes tell apart */

static const yoke_ask *first_histogram(const yk_table_call *c)
{
    const yoke_ask *q = c->asks;
    while (q->what != YOKE_ASK_HISTOGRAM)
        q++;
    return q;
}

static yoke_plot *new_plot(const yk_table_call *c, yoke_error *err)
{
    yoke_plot_opts o = {.size = sizeof o, .title = c->title, .y_label = "rows", .is_x_log = c->is_log_x, .is_y_log = c->is_log_y};
    if (yk_table_histograms(c) == 1)
        o.x_label = first_histogram(c)->expr;
    return yoke_plot_new(&o, err);
}

static int show(const yk_table_call *c, yoke_plot *p, int rc, yoke_error *err)
{
    if (rc == 0)
        rc = yk_cli_plot(p, c->plot, c->is_forced, err);
    yoke_plot_free(p);
    return rc;
}

static int add_answer(const yk_table_call *c, yoke_plot *p, const yoke_answer *r, const char *name, yoke_error *err)
{
    YK_AUTOFREE double *counts = yk_new_array(double, r->n_bins);
    if (!counts)
        return yk_fail_nomem(err, "plotting");
    for (size_t b = 0; b < r->n_bins; b++)
        counts[b] = (double)r->counts[b];
    return yoke_plot_add_stairs(p, name, r->n_bins, r->edges, counts, err);
}

int yk_table_plot_answers(const yk_table_call *c, const yoke_answers *a, yoke_error *err)
{
    yoke_plot *p = new_plot(c, err);
    int        rc = p ? 0 : err->code;
    for (size_t i = 0; i < c->n && rc == 0; i++)
        if (c->asks[i].what == YOKE_ASK_HISTOGRAM)
            rc = add_answer(c, p, yoke_answers_at(a, i), yk_table_histograms(c) > 1 ? c->asks[i].expr : NULL, err);
    return show(c, p, rc, err);
}

/* ---- of groups: columns are keys, then a column for each ask, "lo" and "hi" before the first histogram's */

typedef struct shape {
    size_t   n_keys, lo, n_bins;
    uint64_t n_groups;
} shape;

static shape shape_of(const yk_table_call *c, const yoke_frame *f)
{
    const yoke_ask *q = first_histogram(c);
    shape           s = {.n_keys = yoke_frame_columns(f) - c->n - 2, .n_bins = q->n_edges ? q->n_edges - 1 : q->n_bins};
    s.lo = s.n_keys + (size_t)(q - c->asks);
    s.n_groups = yoke_frame_rows(f) / s.n_bins;
    return s;
}

/* "zone=4, hour=7" */
static void name_group(const yoke_frame *f, size_t n_keys, uint64_t row, yk_buf *to)
{
    for (size_t k = 0; k < n_keys; k++) {
        yk_value v;
        yk_batch_get(&f->rows, k, row, &v);
        yk_buf_printf(to, "%s%s=%s", k ? ", " : "", yoke_frame_name(f, k), v.is_missing ? "missing" : "");
        yk_value_put(&v, to);
    }
}

static int add_group(yoke_plot *p, const yoke_frame *f, size_t lo, size_t column, uint64_t first, size_t n, const char *name,
                     yoke_error *err)
{
    YK_AUTOFREE double *edges = yk_new_array(double, n + 1), *counts = yk_new_array(double, n);
    if (!edges || !counts)
        return yk_fail_nomem(err, "plotting");
    for (size_t b = 0; b < n; b++) {
        edges[b] = yoke_frame_real(f, lo, first + b);
        counts[b] = yoke_frame_real(f, column, first + b);
    }
    edges[n] = yoke_frame_real(f, lo + 1, first + n - 1);
    return yoke_plot_add_stairs(p, name, n, edges, counts, err);
}

int yk_table_plot_groups(const yk_table_call *c, const yoke_frame *f, yoke_error *err)
{
    size_t n_hist = yk_table_histograms(c);
    shape  s = shape_of(c, f);
    if (s.n_groups * n_hist > SERIES_MAX)
        return yk_fail(err, YOKE_EINVALID, "--plot: %llu histograms cannot be told apart, %d can; keep the greatest groups with --top %zu, or some with --where",
                       (unsigned long long)(s.n_groups * n_hist), SERIES_MAX, SERIES_MAX / n_hist);
    yoke_plot *p = new_plot(c, err);
    int        rc = p ? 0 : err->code;
    for (uint64_t g = 0; g < s.n_groups; g++)
        for (size_t i = 0; i < c->n && rc == 0; i++) {
            YK_AUTOBUF name = YK_BUF_INIT;
            if (c->asks[i].what != YOKE_ASK_HISTOGRAM)
                continue;
            name_group(f, s.n_keys, g * s.n_bins, &name);
            if (n_hist > 1)
                yk_buf_printf(&name, ": %s", c->asks[i].expr);
            rc = add_group(p, f, s.lo, s.n_keys + i + 2, g * s.n_bins, s.n_bins, yk_buf_text(&name), err);
        }
    return show(c, p, rc, err);
}

int yk_table_without_bins(const yk_table_call *c, const yoke_frame *f, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(yk_batch_fini) yk_batch rows = {0};
    shape                              s = shape_of(c, f);
    size_t                             n = 0;
    YK_AUTOFREE const char           **names = yk_new_array(const char *, yoke_frame_columns(f));
    if (c->n == yk_table_histograms(c))
        return 0;
    if (!names)
        return yk_fail_nomem(err, "printing");
    YK_TRY(yk_batch_init(&rows, yoke_frame_columns(f) - 2 - yk_table_histograms(c), err));
    rows.n = s.n_groups;
    for (size_t column = 0; column < yoke_frame_columns(f); column++) {
        if (column >= s.lo && (column < s.lo + 2 || c->asks[column - s.n_keys - 2].what == YOKE_ASK_HISTOGRAM))
            continue;
        names[n] = yoke_frame_name(f, column);
        rows.columns[n].type = f->rows.columns[column].type;
        for (uint64_t g = 0; g < rows.n; g++) {
            yk_value v;
            yk_batch_get(&f->rows, column, g * s.n_bins, &v);
            YK_TRY(yk_batch_put(&rows.columns[n], &v, err));
        }
        n++;
    }
    return yk_frame_new(&rows, names, ret, err);
}
