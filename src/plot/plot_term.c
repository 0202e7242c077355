/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Draws a plot with characters: Braille cells of 2 by 4 dots in the series' colours; a letter per series where there are
 * several and no colours; ASCII alone when asked.
 */
#include "base/buf.h"
#include "plot/plot.h"

#include <errno.h>
#include <math.h>

static const int  colours[] = {33, 208, 36, 175, 214, 75, 244}; /* of the 256: near the ones of gnuplot.c */
static const char marks[] = "*o+x#@%";
enum { N_COLOURS = sizeof colours / sizeof *colours, DOTS_X = 2, DOTS_Y = 4 };

typedef struct cell {
    unsigned char dots;   /* bit y * 2 + x */
    unsigned char series; /* of the last dot, from 0 */
} cell;

typedef struct canvas {
    const yoke_plot *plot;
    yk_axis          axes[2];
    unsigned         width, height; /* in cells */
    unsigned         margin;        /* columns left of the frame */
    cell            *cells;         /* owned; row by row from the top */
    bool             has_colour, is_ascii, has_marks;
    yk_buf           out;
} canvas;

static void canvas_fini(canvas *c)
{
    yk_free(c->cells);
    yk_buf_fini(&c->out);
}

/* ---- drawing, in dots: x to the right, y down */

static void dot(canvas *c, double x, double y, size_t series)
{
    if (!(x >= 0 && y >= 0 && x < c->width * DOTS_X && y < c->height * DOTS_Y))
        return;
    unsigned ix = (unsigned)x, iy = (unsigned)y;
    cell    *at = &c->cells[(size_t)(iy / DOTS_Y) * c->width + ix / DOTS_X];
    at->dots |= (unsigned char)(1u << ((iy % DOTS_Y) * DOTS_X + ix % DOTS_X));
    at->series = (unsigned char)(series % N_COLOURS);
}

/* Cuts the part t0..t1 of a line to where its coordinate from + t * d lies in [0, most]; false when nothing is left. */
static bool clip(double from, double d, double most, double *t0, double *t1)
{
    if (d == 0)
        return from >= 0 && from <= most;
    double a = -from / d, b = (most - from) / d;
    *t0 = fmax(*t0, fmin(a, b));
    *t1 = fmin(*t1, fmax(a, b));
    return *t0 <= *t1;
}

static void line(canvas *c, double x0, double y0, double x1, double y1, size_t series)
{
    double t0 = 0, t1 = 1, dx = x1 - x0, dy = y1 - y0, right = c->width * DOTS_X - 1e-6, bottom = c->height * DOTS_Y - 1e-6;
    if (!clip(x0, dx, right, &t0, &t1) || !clip(y0, dy, bottom, &t0, &t1))
        return;
    double steps = ceil(fmax(fabs(dx), fabs(dy)) * (t1 - t0));
    for (double i = 0; i <= steps; i++) {
        double t = steps > 0 ? t0 + (t1 - t0) * i / steps : t0;
        dot(c, x0 + t * dx, y0 + t * dy, series);
    }
}

/* Data to dots; far beyond the edge is as good as at 1e6 dots. */
static double to_dot(const canvas *c, int axis, double v)
{
    double at = yk_axis_place(&c->axes[axis], v);
    at = axis == 0 ? at * c->width * DOTS_X : (1 - at) * c->height * DOTS_Y;
    return fmin(fmax(at, -1e6), 1e6); /* NaN becomes -1e6 */
}

static bool is_shown(const canvas *c, double x, double y)
{
    return isfinite(x) && isfinite(y) && !(c->axes[0].is_log && x <= 0) && !(c->axes[1].is_log && y <= 0);
}

static void draw_stairs(canvas *c, const yk_series *s, size_t k)
{
    double bottom = c->height * DOTS_Y + 1.0, zero = c->axes[1].is_log ? bottom : to_dot(c, 1, 0), before = zero;
    for (size_t i = 0; i <= s->n; i++) {
        bool   is_end = i == s->n;
        double x = to_dot(c, 0, s->x[i]), y = zero;
        if (!is_end && isfinite(s->y[i]) && !(c->axes[1].is_log && s->y[i] <= 0))
            y = to_dot(c, 1, s->y[i]);
        if (c->axes[0].is_log && s->x[i] <= 0)
            x = -1;
        x = is_end && x >= c->width * DOTS_X ? x - 1 : x;
        line(c, x, before, x, y, k);
        if (!is_end)
            line(c, x, y, to_dot(c, 0, s->x[i + 1]), y, k);
        before = y;
    }
}

static void draw_series(canvas *c, const yk_series *s, size_t k)
{
    if (s->kind == YK_PLOT_STAIRS) {
        draw_stairs(c, s, k);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!is_shown(c, s->x[i], s->y[i]))
            continue;
        double x = to_dot(c, 0, s->x[i]), y = to_dot(c, 1, s->y[i]);
        dot(c, x, y, k);
        if (s->kind == YK_PLOT_LINE && i > 0 && is_shown(c, s->x[i - 1], s->y[i - 1]))
            line(c, to_dot(c, 0, s->x[i - 1]), to_dot(c, 1, s->y[i - 1]), x, y, k);
    }
}

/* ---- text */

static unsigned width_of(const char *text) /* code points; labels are UTF-8 already */
{
    unsigned n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void put_spaces(canvas *c, unsigned n)
{
    while (n-- > 0)
        yk_buf_putc(&c->out, ' ');
}

/* The label as far as it fits; beyond ASCII only where that is allowed. */
static void put_label(canvas *c, const char *text, unsigned width)
{
    for (; *text && width > 0; width--) {
        size_t len = 1;
        while (((unsigned char)text[len] & 0xc0) == 0x80)
            len++;
        if (len > 1 && c->is_ascii)
            yk_buf_putc(&c->out, '?');
        else
            yk_buf_append(&c->out, text, len);
        text += len;
    }
}

static void put_centred(canvas *c, const char *text)
{
    unsigned w = width_of(text);
    put_spaces(c, c->margin + 1 + (w < c->width ? (c->width - w) / 2 : 0));
    put_label(c, text, c->width);
    yk_buf_putc(&c->out, '\n');
}

/* A tick's text as it is shown: 10⁻² instead of 10^-2 where that is allowed. */
static void tick_text(const canvas *c, const yk_tick *t, char to[64])
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    if (!t->is_power || c->is_ascii) {
        strcpy(to, t->text);
        return;
    }
    char digits[16], *at = stpcpy(to, t->power < 0 ? "10⁻" : "10");
    snprintf(digits, sizeof digits, "%d", t->power < 0 ? -t->power : t->power);
    for (const char *d = digits; *d; d++)
        at = stpcpy(at, raised[*d - '0']);
}

static void set_colour(canvas *c, int series)
{
    if (!c->has_colour)
        return;
    if (series < 0)
        yk_buf_puts(&c->out, "\033[0m");
    else
        yk_buf_printf(&c->out, "\033[38;5;%dm", colours[series % N_COLOURS]);
}

static void trim_line(canvas *c)
{
    while (c->out.len > 0 && c->out.data[c->out.len - 1] == ' ')
        c->out.len--;
}

static void end_line(canvas *c)
{
    trim_line(c);
    yk_buf_putc(&c->out, '\n');
}

/* As many series to a line as fit. */
static void put_legend(canvas *c)
{
    unsigned left = 0;
    for (size_t k = 0; k < c->plot->n_series; k++) {
        const char *label = c->plot->series[k].label;
        unsigned    need = width_of(label) + 5;
        if (!*label)
            continue;
        if (left > 0 && left < need) {
            end_line(c);
            left = 0;
        }
        if (left == 0) {
            put_spaces(c, c->margin + 1);
            left = c->width;
        }
        left -= need < left ? need : left;
        set_colour(c, (int)k);
        if (c->has_marks)
            yk_buf_printf(&c->out, "%c%c", marks[k % N_COLOURS], marks[k % N_COLOURS]);
        else
            yk_buf_puts(&c->out, c->is_ascii ? "**" : "━━");
        set_colour(c, -1);
        yk_buf_putc(&c->out, ' ');
        put_label(c, label, c->width - 5);
        yk_buf_puts(&c->out, "  ");
        if (left == 0)
            end_line(c);
    }
    if (left > 0)
        end_line(c);
}

/* Braille numbers its dots 1 2 3 7 down the left and 4 5 6 8 down the right. */
static void put_cell(canvas *c, const cell *at, int *colour)
{
    static const unsigned char bits[] = {0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80};
    if (at->dots == 0) {
        yk_buf_putc(&c->out, ' ');
        return;
    }
    if (*colour != at->series)
        set_colour(c, *colour = at->series);
    if (c->has_marks || c->is_ascii) {
        yk_buf_putc(&c->out, c->has_marks ? marks[at->series] : '*');
    } else {
        unsigned code = 0x2800;
        for (int i = 0; i < 8; i++)
            if (at->dots & (1u << i))
                code |= bits[i];
        const char utf8[] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f))};
        yk_buf_append(&c->out, utf8, sizeof utf8);
    }
}

static unsigned cell_of(const canvas *c, int axis, double v)
{
    double   at = yk_axis_place(&c->axes[axis], v);
    unsigned n = axis == 0 ? c->width : c->height;
    double   i = floor((axis == 0 ? at : 1 - at) * n);
    return i < 0 ? 0 : i >= n ? n - 1 : (unsigned)i;
}

static const yk_tick *tick_at(const canvas *c, int axis, unsigned i)
{
    for (size_t k = 0; k < c->axes[axis].n_ticks; k++)
        if (!c->axes[axis].ticks[k].is_minor && cell_of(c, axis, c->axes[axis].ticks[k].at) == i)
            return &c->axes[axis].ticks[k];
    return NULL;
}

static void put_rows(canvas *c)
{
    for (unsigned row = 0; row < c->height; row++) {
        const yk_tick *t = tick_at(c, 1, row);
        char           text[64] = "";
        int            colour = -1;
        if (t)
            tick_text(c, t, text);
        put_spaces(c, c->margin - width_of(text) - 1);
        yk_buf_puts(&c->out, text);
        yk_buf_putc(&c->out, ' ');
        yk_buf_puts(&c->out, c->is_ascii ? (t ? "+" : "|") : (t ? "┤" : "│"));
        for (unsigned col = 0; col < c->width; col++)
            put_cell(c, &c->cells[(size_t)row * c->width + col], &colour);
        trim_line(c);
        if (colour >= 0)
            set_colour(c, -1);
        yk_buf_putc(&c->out, '\n');
    }
}

/* The frame's lower side, and under it the texts of those ticks that do not touch. */
static void put_x_axis(canvas *c)
{
    char     line_text[2048];
    unsigned used = 0;
    yk_buf   texts = YK_BUF_INIT;
    put_spaces(c, c->margin);
    yk_buf_puts(&c->out, c->is_ascii ? "+" : "└");
    for (unsigned col = 0; col < c->width; col++) {
        const yk_tick *t = tick_at(c, 0, col);
        yk_buf_puts(&c->out, c->is_ascii ? (t ? "+" : "-") : (t ? "┬" : "─"));
        if (!t)
            continue;
        tick_text(c, t, line_text);
        unsigned w = width_of(line_text), centre = c->margin + 1 + col, from = centre > w / 2 ? centre - w / 2 : 0;
        if (used > 0 && from < used + 1)
            continue;
        for (; used < from; used++)
            yk_buf_putc(&texts, ' ');
        yk_buf_puts(&texts, line_text);
        used += w;
    }
    yk_buf_printf(&c->out, "\n%s\n", yk_buf_text(&texts));
    c->out.is_failed |= texts.is_failed;
    yk_buf_fini(&texts);
}

/* ---- layout */

static unsigned legend_rows(const yoke_plot *p, unsigned width)
{
    unsigned all = 0;
    for (size_t k = 0; k < p->n_series; k++)
        all += *p->series[k].label ? width_of(p->series[k].label) + 5 : 0;
    return (all + width - 1) / width;
}

static int lay_out(canvas *c, unsigned columns, unsigned rows, yoke_error *err)
{
    const yoke_plot *p = c->plot;
    unsigned         taken = 2 + (*p->title != 0) + (*p->x_label != 0) + (*p->y_label != 0) + legend_rows(p, columns - 12);
    c->height = rows > taken + 5 ? rows - taken : 5;
    YK_TRY(yk_plot_axes(p, columns / 12, c->height / 3, c->axes, err));
    for (size_t k = 0; k < c->axes[1].n_ticks; k++) {
        char text[64];
        tick_text(c, &c->axes[1].ticks[k], text);
        if (!c->axes[1].ticks[k].is_minor && width_of(text) + 1 > c->margin)
            c->margin = width_of(text) + 1;
    }
    if (c->margin == 0)
        c->margin = 1;
    c->width = columns > c->margin + 12 ? columns - c->margin - 2 : 10;
    c->cells = yk_calloc((size_t)c->width * c->height, sizeof *c->cells);
    return c->cells ? 0 : yk_fail_nomem(err, "drawing a plot");
}

int yoke_plot_print(const yoke_plot *p, FILE *to, unsigned columns, unsigned rows, int flags, yoke_error *err)
{
    if (YK_LACKS(p, err) || YK_LACKS(to, err))
        return YOKE_EINVALID;
    if (columns < 32 || rows < 10 || columns > 2000 || rows > 2000)
        return yk_fail(err, YOKE_EINVALID, "a plot cannot be drawn on %u columns and %u rows; it needs 32 and 10", columns, rows);
    YK_CLEANUP(canvas_fini) canvas c = {.plot = p, .out = YK_BUF_INIT};
    c.has_colour = (flags & YOKE_PLOT_COLOUR) != 0;
    c.is_ascii = (flags & YOKE_PLOT_ASCII) != 0;
    c.has_marks = p->n_series > 1 && !c.has_colour;
    YK_TRY(lay_out(&c, columns, rows, err));
    for (size_t k = 0; k < p->n_series; k++)
        draw_series(&c, &p->series[k], k);
    if (*p->title)
        put_centred(&c, p->title);
    put_legend(&c);
    if (*p->y_label) {
        put_label(&c, p->y_label, columns);
        yk_buf_putc(&c.out, '\n');
    }
    put_rows(&c);
    put_x_axis(&c);
    if (*p->x_label)
        put_centred(&c, p->x_label);
    if (c.out.is_failed)
        return yk_fail_nomem(err, "drawing a plot");
    if (fwrite(c.out.data, 1, c.out.len, to) != c.out.len)
        return yk_fail_errno(err, "drawing a plot");
    return 0;
}
