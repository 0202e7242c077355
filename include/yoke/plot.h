/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Plots: stairs (histograms), lines and points, several on one picture, saved as PNG, SVG or PDF or drawn with
 * characters. gnuplot makes the files, in a process of its own; the drawing with characters is Yoke's.
 *
 *     yoke_plot *p = yoke_plot_new(&(yoke_plot_opts){sizeof(yoke_plot_opts), .x_label = "tip / fare", .is_y_log = 1}, &err);
 *     yoke_plot_add_stairs(p, "yellow", 200, edges, counts, &err);
 *     yoke_plot_save(p, "tips.pdf", 0, &err);
 *     yoke_plot_free(p);
 */
#ifndef YOKE_PLOT_H
#define YOKE_PLOT_H

#include <yoke/error.h>

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yoke_plot yoke_plot;

typedef struct yoke_plot_opts {
    size_t      size; /* sizeof(yoke_plot_opts) */
    const char *title, *x_label, *y_label;  /* UTF-8, one line, shown as they are; NULL: none. Copied. */
    int         is_x_log, is_y_log;
    const double *x_range, *y_range;        /* two numbers each, the lower first; NULL: all the data. Copied. */
    unsigned    width_px, height_px;        /* of a PNG; SVG and PDF keep its proportions. 0: 1280 by 960 */
} yoke_plot_opts;

/* A plot without data; `opts` may be NULL. Returns a handle for yoke_plot_free, or NULL. Errors: YOKE_EINVALID for a range
 * that is empty, or not positive on a log axis, or for a size over 10000; YOKE_ENOMEM. */
yoke_plot *yoke_plot_new(const yoke_plot_opts *opts, yoke_error *err);

/* Add a series; the legend shows `label` (NULL or "": not in the legend). Everything is copied. Values that are not finite
 * are left out; on a log axis, so are those that are not positive (a stair of zero reaches down to the frame).
 * Stairs: values[i] from edges[i] to edges[i+1]; n values, n + 1 rising edges. Errors: YOKE_EINVALID, YOKE_ENOMEM. */
int yoke_plot_add_stairs(yoke_plot *p, const char *label, size_t n, const double *edges, const double *values,
                         yoke_error *err);
int yoke_plot_add_line(yoke_plot *p, const char *label, size_t n, const double *x, const double *y, yoke_error *err);
int yoke_plot_add_points(yoke_plot *p, const char *label, size_t n, const double *x, const double *y, yoke_error *err);

/* Saves as the ending of `path` says: .png, .svg or .pdf. The file is complete or absent; one that is there already is
 * left alone unless may_replace. Errors: YOKE_EINVALID for another ending or a plot without data, YOKE_EEXISTS,
 * YOKE_EUNSUPPORTED when gnuplot is not installed, YOKE_EIO. */
int yoke_plot_save(const yoke_plot *p, const char *path, int may_replace, yoke_error *err);

enum { YOKE_PLOT_COLOUR = 1, YOKE_PLOT_ASCII = 2 };

/* Draws with characters, `columns` wide (at least 32) and `rows` high (at least 10). Flags: YOKE_PLOT_COLOUR for terminal
 * colours, YOKE_PLOT_ASCII for no character beyond ASCII. Errors: YOKE_EINVALID, YOKE_ENOMEM, YOKE_EIO. */
int yoke_plot_print(const yoke_plot *p, FILE *to, unsigned columns, unsigned rows, int flags, yoke_error *err);

/* NULL is allowed. One plot is for one thread at a time. */
void yoke_plot_free(yoke_plot *p);

#ifdef __cplusplus
}
#endif
#endif
