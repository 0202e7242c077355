/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Building a plot, and the extent of its axes.
 */
#include "plot/plot.h"

#include <math.h>

enum { MAX_PX = 10000 };

static int check_range(const double *r, bool is_log, const char *axis, yoke_error *err)
{
    if (!(isfinite(r[0]) && isfinite(r[1]) && r[0] < r[1]))
        return yk_fail(err, YOKE_EINVALID, "the %s range %g:%g is empty; the lower end comes first", axis, r[0], r[1]);
    if (is_log && r[0] <= 0)
        return yk_fail(err, YOKE_EINVALID, "the %s range begins at %g, a log axis needs a lower end above 0", axis, r[0]);
    return 0;
}

static int set_range(yoke_plot *p, int axis, const double *range, yoke_error *err)
{
    if (!range)
        return 0;
    YK_TRY(check_range(range, p->is_log[axis], axis == 0 ? "x" : "y", err));
    p->has_range[axis] = true;
    p->range[axis][0] = range[0];
    p->range[axis][1] = range[1];
    return 0;
}

/* Labels are single lines: control characters become spaces. Bytes that are not UTF-8 become '?'. */
static char *copy_label(const char *s)
{
    char *to = yk_strdup(s ? s : "");
    for (unsigned char *at = (unsigned char *)to; at && *at;) {
        size_t more = *at < 0x80 ? 0 : *at >= 0xc2 && *at < 0xe0 ? 1 : *at >= 0xe0 && *at < 0xf0 ? 2 : *at >= 0xf0 && *at < 0xf5 ? 3 : 9;
        size_t got = 0;
        while (got < more && (at[got + 1] & 0xc0) == 0x80)
            got++;
        if (got < more)
            *at = '?', got = 0;
        else if (*at < 0x20 || *at == 0x7f)
            *at = ' ';
        at += got + 1;
    }
    return to;
}

yoke_plot *yoke_plot_new(const yoke_plot_opts *opts, yoke_error *err)
{
    YK_CLEANUP(yoke_plot_freep) yoke_plot *p = yk_new(yoke_plot);
    yoke_plot_opts                         o = {.size = sizeof o};
    if (yk_take_opts(&o, sizeof o, opts, err) < 0)
        return NULL;
    if (p) {
        p->title = copy_label(o.title);
        p->x_label = copy_label(o.x_label);
        p->y_label = copy_label(o.y_label);
    }
    if (!p || !p->title || !p->x_label || !p->y_label) {
        yk_fail_nomem(err, "making a plot");
        return NULL;
    }
    p->is_log[0] = o.is_x_log != 0;
    p->is_log[1] = o.is_y_log != 0;
    if (set_range(p, 0, o.x_range, err) < 0 || set_range(p, 1, o.y_range, err) < 0)
        return NULL;
    p->width_px = o.width_px ? o.width_px : 1280;
    p->height_px = o.height_px ? o.height_px : 960;
    if (p->width_px > MAX_PX || p->height_px > MAX_PX || p->width_px < 100 || p->height_px < 100) {
        yk_fail(err, YOKE_EINVALID, "a plot of %u by %u pixels cannot be made; 100 to %d each way can", p->width_px,
                p->height_px, MAX_PX);
        return NULL;
    }
    return YK_TAKE(p);
}

static void series_fini(yk_series *s)
{
    yk_free(s->label);
    yk_free(s->x);
    yk_free(s->y);
}

void yoke_plot_free(yoke_plot *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_series; i++)
        series_fini(&p->series[i]);
    yk_free(p->series);
    yk_free(p->title);
    yk_free(p->x_label);
    yk_free(p->y_label);
    yk_free(p);
}

static int add(yoke_plot *p, yk_plot_kind kind, const char *label, size_t n, const double *x, const double *y, yoke_error *err)
{
    if (YK_LACKS(p, err))
        return YOKE_EINVALID;
    if (n && (!x || !y))
        return yk_fail(err, YOKE_EINVALID, "series '%s' has %zu values, but NULL for where they are", label ? label : "", n);
    size_t n_x = n + (kind == YK_PLOT_STAIRS), bytes;
    if (n == 0 || n_x == 0 || !yk_mul(&bytes, n_x, sizeof *x))
        return yk_fail(err, YOKE_EINVALID, "series '%s' has no values to draw", label ? label : "");
    for (size_t i = 0; kind == YK_PLOT_STAIRS && i < n; i++)
        if (!(x[i] < x[i + 1]))
            return yk_fail(err, YOKE_EINVALID, "series '%s': the edges of bin %zu do not rise (%g, %g)", label ? label : "",
                           i + 1, x[i], x[i + 1]);
    YK_CLEANUP(series_fini) yk_series s = {kind, copy_label(label), n, yk_memdup(x, bytes), yk_memdup(y, n * sizeof *y)};
    if (!s.label || !s.x || !s.y || !yk_push(&p->series, &p->n_series, &p->cap_series, s))
        return yk_fail_nomem(err, "adding a series to a plot");
    s = (yk_series){0};
    return 0;
}

int yoke_plot_add_stairs(yoke_plot *p, const char *label, size_t n, const double *edges, const double *values, yoke_error *err)
{
    return add(p, YK_PLOT_STAIRS, label, n, edges, values, err);
}

int yoke_plot_add_line(yoke_plot *p, const char *label, size_t n, const double *x, const double *y, yoke_error *err)
{
    return add(p, YK_PLOT_LINE, label, n, x, y, err);
}

int yoke_plot_add_points(yoke_plot *p, const char *label, size_t n, const double *x, const double *y, yoke_error *err)
{
    return add(p, YK_PLOT_POINTS, label, n, x, y, err);
}

typedef struct extent {
    double lo, hi;
} extent;

static void take(extent *e, double v, bool is_log)
{
    if (!isfinite(v) || (is_log && v <= 0))
        return;
    e->lo = fmin(e->lo, v);
    e->hi = fmax(e->hi, v);
}

static bool is_inside(const yoke_plot *p, int axis, double v)
{
    return !p->has_range[axis] || (v >= p->range[axis][0] && v <= p->range[axis][1]);
}

/* The extent of the values along one axis, of those that the other axis' range (when given) lets be seen. */
static extent find_extent(const yoke_plot *p, int axis)
{
    extent e = {INFINITY, -INFINITY};
    for (size_t k = 0; k < p->n_series; k++) {
        const yk_series *s = &p->series[k];
        bool             is_edge = axis == 0 && s->kind == YK_PLOT_STAIRS;
        for (size_t i = 0; i < s->n + is_edge; i++)
            if (is_edge || is_inside(p, !axis, axis == 0 ? s->y[i] : s->x[i]) ||
                (s->kind == YK_PLOT_STAIRS && is_inside(p, 0, s->x[i + 1])))
                take(&e, axis == 0 ? s->x[i] : s->y[i], p->is_log[axis]);
    }
    return e;
}

static bool has_kind(const yoke_plot *p, yk_plot_kind kind)
{
    for (size_t k = 0; k < p->n_series; k++)
        if (p->series[k].kind == kind)
            return true;
    return false;
}

/* Room around the data: 5 % of the axis, none beside stairs and none below their zero. */
static void widen(yk_axis *a, bool is_stairs, bool is_y)
{
    if (a->is_log) {
        double margin = is_stairs && !is_y ? 1 : pow(a->hi / a->lo, 0.05);
        margin = a->hi > a->lo ? margin : 2;
        a->lo /= is_stairs && is_y ? fmax(margin, 1.5) : margin;
        a->hi *= margin;
        return;
    }
    if (is_stairs && is_y)
        a->lo = fmin(a->lo, 0), a->hi = fmax(a->hi, 0);
    double span = a->hi - a->lo;
    double margin = span > 0 ? 0.05 * span : fmax(fabs(a->lo) * 0.1, 0.5);
    bool   is_tight = is_stairs && !is_y && span > 0;
    if (!is_tight && !(is_stairs && is_y && a->lo == 0))
        a->lo -= margin;
    if (!is_tight && !(is_stairs && is_y && a->hi == 0 && span > 0))
        a->hi += margin;
}

static int set_axis(const yoke_plot *p, int axis, unsigned wanted, yk_axis *a, yoke_error *err)
{
    a->is_log = p->is_log[axis];
    if (p->has_range[axis]) {
        a->lo = p->range[axis][0];
        a->hi = p->range[axis][1];
    } else {
        extent e = find_extent(p, axis);
        if (e.lo > e.hi)
            return yk_fail(err, YOKE_EINVALID, "there is nothing to draw: no value that the %s axis can show%s",
                           axis == 0 ? "x" : "y", a->is_log ? " (a log axis shows those above 0)" : "");
        a->lo = e.lo;
        a->hi = e.hi;
        widen(a, has_kind(p, YK_PLOT_STAIRS), axis == 1);
        if (!isfinite(a->hi - a->lo) || (a->is_log && !(a->lo > 0)))
            return yk_fail(err, YOKE_ELIMIT, "the values reach from %g to %g, too far for one axis; give a range", e.lo, e.hi);
    }
    yk_axis_set_ticks(a, wanted);
    return 0;
}

int yk_plot_axes(const yoke_plot *p, unsigned wanted_x, unsigned wanted_y, yk_axis ret[2], yoke_error *err)
{
    if (p->n_series == 0)
        return yk_fail(err, YOKE_EINVALID, "there is nothing to draw: the plot has no data");
    YK_TRY(set_axis(p, 0, wanted_x, &ret[0], err));
    return set_axis(p, 1, wanted_y, &ret[1], err);
}
