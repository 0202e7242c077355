/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke plot: histograms and columns of numbers, in a file or in the terminal.
 */
#include "base/file.h"
#include "base/near.h"
#include "cli/plotting.h"
#include "cli/verbs.h"
#include "plot/plot_csv.h"

#include <stdlib.h>

YK_DEFINE_CLEANUP(yoke_plot, yoke_plot_free)

enum { OPT_OUT = 1, OPT_FORCE, OPT_LABEL, OPT_AS, OPT_X, OPT_Y, OPT_LOG_X, OPT_LOG_Y, OPT_X_RANGE, OPT_Y_RANGE, OPT_X_LABEL,
       OPT_Y_LABEL, OPT_TITLE, OPT_SIZE };

static const yk_opt opts[] = {
    {OPT_OUT, 'o', "output", "FILE", "save as PNG, SVG or PDF, by the name's ending; without it, draw in the terminal"},
    {OPT_FORCE, 0, "force", NULL, "replace FILE when it is there already"},
    {OPT_LABEL, 'l', "label", "TEXT", "what the legend calls a series; once per series, in order\n(default: the file's and the column's name; nothing when there is one series alone)"},
    {OPT_AS, 0, "as", "HOW", "how columns are drawn: lines (the default) or points"},
    {OPT_X, 'x', NULL, "COLUMN", "the column along the x axis (default: the first)"},
    {OPT_Y, 'y', NULL, "COLUMN", "a column to draw; can be given several times (default: all the others)"},
    {OPT_LOG_X, 0, "log-x", NULL, "logarithmic x axis"},
    {OPT_LOG_Y, 0, "log-y", NULL, "logarithmic y axis"},
    {OPT_X_RANGE, 0, "x-range", "LO:HI", "what the x axis shows (default: all)"},
    {OPT_Y_RANGE, 0, "y-range", "LO:HI", "what the y axis shows (default: all)"},
    {OPT_X_LABEL, 0, "x-label", "TEXT", "under the x axis"},
    {OPT_Y_LABEL, 0, "y-label", "TEXT", "beside the y axis"},
    {OPT_TITLE, 0, "title", "TEXT", "above the plot"},
    {OPT_SIZE, 0, "size", "WxH", "pixels of a PNG (default 1280x960); SVG and PDF take its proportions"},
    {0},
};

typedef struct plot_call {
    yoke_plot_opts opts;
    double         x_range[2], y_range[2];
    const char    *out, *x;
    bool           may_replace, as_points;
    const char   **files, **labels, **ys; /* the arrays are owned, the words are argv's */
    size_t         n_files, n_labels, n_ys, cap_files, cap_labels, cap_ys;
    size_t         n_series;
    bool           is_single; /* one file of one series: without a label it needs no legend */
} plot_call;

static void plot_call_fini(plot_call *c)
{
    yk_free(c->files);
    yk_free(c->labels);
    yk_free(c->ys);
}

static bool keep(yk_args *args, const char ***list, size_t *n, size_t *cap, const char *word)
{
    if (yk_push(list, n, cap, word))
        return true;
    yk_cli_warn(args, "out of memory");
    return false;
}

static bool take_size(yk_args *args, plot_call *c, const char *value)
{
    char         *at, *end = NULL;
    unsigned long w = strtoul(value, &at, 10), h = *at == 'x' ? strtoul(at + 1, &end, 10) : 0;
    if (*at == 'x' && end != at + 1 && *end == '\0' && w >= 100 && h >= 100 && w <= 10000 && h <= 10000) {
        c->opts.width_px = (unsigned)w;
        c->opts.height_px = (unsigned)h;
        return true;
    }
    yk_cli_usage(args, "--size takes WIDTHxHEIGHT, each from 100 to 10000, not '%s'", value);
    return false;
}

static bool take_as(yk_args *args, plot_call *c, const char *value)
{
    c->as_points = strcmp(value, "points") == 0;
    if (c->as_points || strcmp(value, "lines") == 0)
        return true;
    yk_cli_usage(args, "--as takes lines or points, not '%s'", value);
    return false;
}

static bool take_option(yk_args *args, plot_call *c, int id, const char *value)
{
    switch (id) {
    case YK_ARG_WORD: return keep(args, &c->files, &c->n_files, &c->cap_files, value);
    case OPT_LABEL: return keep(args, &c->labels, &c->n_labels, &c->cap_labels, value);
    case OPT_Y: return keep(args, &c->ys, &c->n_ys, &c->cap_ys, value);
    case OPT_OUT: c->out = value; return true;
    case OPT_FORCE: c->may_replace = true; return true;
    case OPT_AS: return take_as(args, c, value);
    case OPT_X: c->x = value; return true;
    case OPT_LOG_X: c->opts.is_x_log = 1; return true;
    case OPT_LOG_Y: c->opts.is_y_log = 1; return true;
    case OPT_X_RANGE: c->opts.x_range = c->x_range; return yk_cli_range(args, "x-range", value, c->x_range);
    case OPT_Y_RANGE: c->opts.y_range = c->y_range; return yk_cli_range(args, "y-range", value, c->y_range);
    case OPT_X_LABEL: c->opts.x_label = value; return true;
    case OPT_Y_LABEL: c->opts.y_label = value; return true;
    case OPT_TITLE: c->opts.title = value; return true;
    case OPT_SIZE: return take_size(args, c, value);
    default: return false;
    }
}

/* What the legend calls the next series: the label given for it, else the file's name without ending, and the column's. */
static void name_series(plot_call *c, const char *path, const char *column, yk_buf *ret)
{
    yk_buf_clear(ret);
    if (c->n_series < c->n_labels) {
        yk_buf_puts(ret, c->labels[c->n_series++]);
        return;
    }
    if (c->n_series++ == 0 && c->is_single)
        return;
    const char *base = strcmp(path, "-") == 0 ? "" : yk_path_base(path), *ext = yk_path_ext(base);
    size_t      len = strlen(base) - (*ext ? strlen(ext) + 1 : 0);
    bool        has_base = len > 0 && (!column || c->n_files > 1);
    if (has_base)
        yk_buf_append(ret, base, len);
    if (has_base && column)
        yk_buf_puts(ret, ": ");
    yk_buf_puts(ret, column ? column : "");
}

static int add_histogram(plot_call *c, yoke_plot *p, const yk_columns *t, const char *path, yoke_error *err)
{
    YK_AUTOFREE double *edges = yk_calloc(t->n_rows + 1, sizeof *edges);
    YK_AUTOBUF          label = YK_BUF_INIT;
    if (!edges)
        return yk_fail_nomem(err, "reading a histogram");
    for (size_t i = 0; i < t->n_rows; i++) {
        edges[i] = t->values[0][i];
        edges[i + 1] = t->values[1][i];
        if (i > 0 && t->values[1][i - 1] != t->values[0][i])
            return yk_fail(err, YOKE_EFORMAT, "'%s': bin %zu does not begin where the one before it ends", path, i + 1);
    }
    name_series(c, path, NULL, &label);
    return yoke_plot_add_stairs(p, yk_buf_text(&label), t->n_rows, edges, t->values[2], err);
}

static int find_column(const yk_columns *t, const char *name, const char *path, size_t *ret, yoke_error *err)
{
    ptrdiff_t at = yk_columns_find(t, name);
    if (at < 0) {
        char hint[96];
        return yk_fail(err, YOKE_EINVALID, "'%s' has no column '%s'%s", path, name,
                       yk_near_hint(name, (const char *const *)t->names, t->n_columns, hint, sizeof hint));
    }
    *ret = (size_t)at;
    return 0;
}

static int add_column(plot_call *c, yoke_plot *p, const yk_columns *t, const double *x, size_t y, const char *path, yoke_error *err)
{
    YK_AUTOBUF label = YK_BUF_INIT;
    name_series(c, path, t->n_columns > 2 || c->n_ys > 0 ? t->names[y] : NULL, &label);
    return (c->as_points ? yoke_plot_add_points : yoke_plot_add_line)(p, yk_buf_text(&label), t->n_rows, x, t->values[y], err);
}

static int add_columns(plot_call *c, yoke_plot *p, const yk_columns *t, const char *path, yoke_error *err)
{
    YK_AUTOFREE double *count = NULL;
    size_t              at = 0;
    if (c->x)
        YK_TRY(find_column(t, c->x, path, &at, err));
    const double *x = t->values[at];
    if (t->n_columns == 1) { /* one column is drawn against 0, 1, 2 … */
        count = yk_calloc(t->n_rows, sizeof *count);
        if (!count)
            return yk_fail_nomem(err, "reading columns");
        for (size_t i = 0; i < t->n_rows; i++)
            count[i] = (double)i;
        return add_column(c, p, t, count, 0, path, err);
    }
    for (size_t i = 0; i < c->n_ys; i++) {
        size_t y = 0;
        YK_TRY(find_column(t, c->ys[i], path, &y, err));
        YK_TRY(add_column(c, p, t, x, y, path, err));
    }
    for (size_t y = 0; c->n_ys == 0 && y < t->n_columns; y++)
        if (y != at)
            YK_TRY(add_column(c, p, t, x, y, path, err));
    return 0;
}

static int draw(plot_call *c, yoke_error *err)
{
    YK_CLEANUP(yoke_plot_freep) yoke_plot *p = yoke_plot_new(&c->opts, err);
    if (!p)
        return err->code;
    for (size_t i = 0; i < c->n_files; i++) {
        YK_CLEANUP(yk_columns_fini) yk_columns t = {0};
        YK_TRY(yk_columns_read(&t, c->files[i], err));
        c->is_single = c->n_files == 1 && (t.n_columns <= 2 || c->n_ys == 1 || (yk_columns_is_histogram(&t) && c->n_ys == 0));
        if (yk_columns_is_histogram(&t) && !c->x && c->n_ys == 0)
            YK_TRY(add_histogram(c, p, &t, c->files[i], err));
        else
            YK_TRY(add_columns(c, p, &t, c->files[i], err));
    }
    if (c->n_labels > c->n_series)
        return yk_fail(err, YOKE_EINVALID, "%zu labels for %zu series; give --label once per series", c->n_labels, c->n_series);
    return yk_cli_plot(p, c->out, c->may_replace, err);
}

static int run(yk_args *args)
{
    YK_CLEANUP(plot_call_fini) plot_call c = {.opts = {.size = sizeof c.opts}};
    yoke_error  err = YOKE_ERROR_INIT;
    const char *value;
    int         id;
    while ((id = yk_args_next(args, &value)) != YK_ARG_END)
        if (!take_option(args, &c, id, value))
            return YK_EXIT_USAGE;
    if (c.n_files == 0)
        return yk_cli_usage(args, "name the files to draw: histograms as 'yoke table --hist … -o FILE' saves them, or CSV columns");
    if (draw(&c, &err) < 0)
        return yk_cli_failed(args, &err);
    return yk_cli_finish(args, YK_EXIT_OK);
}

const yk_verb yk_verb_plot = {
    .name = "plot",
    .summary = "draw histograms, lines and points: PNG, SVG, PDF or the terminal",
    .usage = "FILE… [-o PICTURE] [--log-y] [--label TEXT]…",
    .about = "Draws several files on one picture. A file with the columns lo, hi and count is a histogram ('yoke table --hist … -o\n"
             "FILE' writes them) and is drawn as stairs; of any other CSV file of numbers the columns are drawn against the first.\n"
             "'-' is standard input.\n\n"
             "Saved pictures are made by gnuplot, which must be installed; the drawing in the terminal needs nothing. It is as wide\n"
             "as the terminal or $COLUMNS, and in colour only on a terminal and when $NO_COLOR is not set.",
    .opts = opts,
    .examples = "# two histograms on one picture, counts on a log axis\n"
                "yoke plot yellow.csv green.csv --log-y --x-label 'tip / fare' --y-label trips -o tips.pdf\n\n"
                "# the same in the terminal\n"
                "yoke plot yellow.csv green.csv --log-y\n\n"
                "# columns of a table against each other, as points\n"
                "yoke plot runs.csv -x cores -y seconds --as points --log-x --log-y -o scaling.svg\n",
    .run = run,
};
