/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A plot as the two renderers (gnuplot.c, plot_term.c) see it: series and the options, all owned by the plot.
 */
#ifndef YK_PLOT_PLOT_H
#define YK_PLOT_PLOT_H

#include "base/alloc.h"
#include "plot/axis.h"

#include <yoke/plot.h>

typedef enum yk_plot_kind { YK_PLOT_STAIRS, YK_PLOT_LINE, YK_PLOT_POINTS } yk_plot_kind;

typedef struct yk_series {
    yk_plot_kind kind;
    char        *label; /* "" when not in the legend */
    size_t       n;     /* values; stairs have n + 1 x */
    double      *x, *y;
} yk_series;

struct yoke_plot {
    char      *title, *x_label, *y_label; /* "" when not given */
    bool       is_log[2];                 /* x, y */
    bool       has_range[2];
    double     range[2][2];
    unsigned   width_px, height_px;
    yk_series *series;
    size_t     n_series, cap_series;
};

YK_DEFINE_CLEANUP(yoke_plot, yoke_plot_free)

/* The two axes over all the data or the ranges asked for, with ticks about `wanted_x` and `wanted_y` in number.
 * YOKE_EINVALID when there is nothing to draw. */
int yk_plot_axes(const yoke_plot *p, unsigned wanted_x, unsigned wanted_y, yk_axis ret[2], yoke_error *err) YK_MUST_USE;

#endif
