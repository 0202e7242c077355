/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Saves a plot through gnuplot. The script, data and all, is its standard input and the picture its standard output, so
 * that no file name is ever part of a script.
 */
#include "base/file.h"
#include "plot/plot.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Okabe and Ito's colours, told apart by every kind of eye; black last, yellow left out (too faint on white). */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
enum { N_COLOURS = sizeof colours / sizeof *colours };

/* Between double quotes, with everything that could mean something to gnuplot as an octal escape: quotes, backslashes, the
 * backquotes of commands, the @ of macros. gnuplot takes any number of digits as one escape: a digit that follows begins anew. */
static void put_quoted(yk_buf *b, const char *text)
{
    bool after_escape = false;
    yk_buf_putc(b, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool          is_digit = c >= '0' && c <= '9';
        bool          is_plain = is_digit || c >= 0x80 || c == ' ' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (is_digit && after_escape)
            yk_buf_puts(b, "\".\"");
        if (is_plain)
            yk_buf_putc(b, *text);
        else
            yk_buf_printf(b, "\\%03o", c);
        after_escape = !is_plain;
    }
    yk_buf_putc(b, '"');
}

static void put_ticks(yk_buf *b, char axis, const yk_axis *a)
{
    yk_buf_printf(b, "set %ctics (", axis);
    for (size_t i = 0; i < a->n_ticks; i++) {
        const yk_tick *t = &a->ticks[i];
        if (i > 0)
            yk_buf_puts(b, ", ");
        if (t->is_power)
            yk_buf_printf(b, "'10^{%d}' %.17g", t->power, t->at);
        else
            yk_buf_printf(b, "'%s' %.17g %d", t->text, t->at, t->is_minor);
    }
    yk_buf_puts(b, ")\n");
}

static void put_terminal(yk_buf *b, const yoke_plot *p, const char *ending)
{
    double scale = p->width_px / 640.0; /* fonts and lines keep their share of the picture */
    if (strcmp(ending, "png") == 0)
        yk_buf_printf(b, "set terminal pngcairo enhanced font 'DejaVu Sans,11' size %u,%u fontscale %.4f linewidth %.4f pointscale %.4f\n",
                      p->width_px, p->height_px, scale, scale, scale);
    else if (strcmp(ending, "svg") == 0)
        yk_buf_printf(b, "set terminal svg enhanced font 'DejaVu Sans,Helvetica,Arial,sans-serif,13' size 720,%.0f dynamic background 'white' fontscale 0.95\n",
                      720.0 * p->height_px / p->width_px);
    else
        yk_buf_printf(b, "set terminal pdfcairo enhanced font 'DejaVu Sans,11' size 6.4in,%.4fin fontscale 0.72\n",
                      6.4 * p->height_px / p->width_px);
}

/* How much of the data lies in each corner's box (top right, top left, bottom right, bottom left), as shares of the frame. */
static void count_corners(const yoke_plot *p, const yk_axis axes[2], double width, double height, size_t counts[4])
{
    for (size_t k = 0; k < p->n_series; k++)
        for (size_t i = 0; i < p->series[k].n; i++) {
            double x = yk_axis_place(&axes[0], p->series[k].x[i]), y = yk_axis_place(&axes[1], p->series[k].y[i]);
            if (x > 1 - width || x < width)
                counts[(y > 1 - height ? 0 : 2) + (x < width)] += y > 1 - height || y < height;
        }
}

/* The legend, in the corner where it hides least. */
static void put_legend(yk_buf *b, const yoke_plot *p, const yk_axis axes[2])
{
    static const char *const corners[] = {"top right", "top left", "bottom right", "bottom left"};
    size_t                   n = 0, longest = 0, counts[4] = {0}, best = 0;
    for (size_t k = 0; k < p->n_series; k++) {
        size_t len = strlen(p->series[k].label);
        n += len > 0;
        longest = len > longest ? len : longest;
    }
    if (n == 0) {
        yk_buf_puts(b, "unset key\n");
        return;
    }
    count_corners(p, axes, fmin(0.13 + 0.016 * (double)longest, 0.5), fmin(0.04 + 0.06 * (double)n, 0.5), counts);
    for (size_t i = 1; i < 4; i++)
        if (counts[i] < counts[best])
            best = i;
    yk_buf_printf(b, "set key %s Left reverse noenhanced samplen 1.8 spacing 1.25 width 1 height 0.3\n"
                     "set key opaque fillcolor rgb '#ffffff' box lw 0.6 lc rgb '#cccccc'\n", corners[best]);
}

static void put_frame(yk_buf *b, const yoke_plot *p, const yk_axis axes[2])
{
    yk_buf_puts(b, "set encoding utf8\nset border 31 lw 0.8 lc rgb '#262626'\n"
                   "set tics nomirror out scale 0.8,0.45 textcolor rgb '#262626'\n");
    put_legend(b, p, axes);
    static const char *const name[] = {"title", "xlabel", "ylabel"};
    const char *const        text[] = {p->title, p->x_label, p->y_label};
    for (int i = 0; i < 3; i++) {
        if (!*text[i])
            continue;
        yk_buf_printf(b, "set %s ", name[i]);
        put_quoted(b, text[i]);
        yk_buf_printf(b, " noenhanced%s textcolor rgb '#262626'\n", i == 0 ? " offset 0,-0.4" : "");
    }
    for (int i = 0; i < 2; i++) {
        char axis = "xy"[i];
        if (axes[i].is_log)
            yk_buf_printf(b, "set logscale %c\n", axis);
        yk_buf_printf(b, "set %crange [%.17g:%.17g]\n", axis, axes[i].lo, axes[i].hi);
        put_ticks(b, axis, &axes[i]);
    }
}

/* A value as the axis can take it: one that a log axis cannot show lies far below the frame (stairs) or is a gap. */
static void put_pair(yk_buf *b, const yk_axis axes[2], double x, double y, bool is_stairs)
{
    if (is_stairs && axes[1].is_log && y <= 0)
        y = axes[1].lo * 1e-3;
    bool is_gap = !isfinite(x) || !isfinite(y) || (axes[0].is_log && x <= 0) || (axes[1].is_log && y <= 0);
    if (is_gap)
        yk_buf_putc(b, '\n');
    else
        yk_buf_printf(b, "%.10g %.10g\n", x, y);
}

static void put_data(yk_buf *b, const yoke_plot *p, const yk_axis axes[2])
{
    for (size_t k = 0; k < p->n_series; k++) {
        const yk_series *s = &p->series[k];
        bool             is_stairs = s->kind == YK_PLOT_STAIRS;
        yk_buf_printf(b, "$d%zu << EOD\n", k);
        if (is_stairs)
            put_pair(b, axes, s->x[0], 0, true);
        for (size_t i = 0; i < s->n; i++) {
            put_pair(b, axes, s->x[i], s->y[i], is_stairs);
            if (is_stairs)
                put_pair(b, axes, s->x[i + 1], s->y[i], true);
        }
        if (is_stairs)
            put_pair(b, axes, s->x[s->n], 0, true);
        yk_buf_puts(b, "EOD\n");
    }
}

static void put_plot(yk_buf *b, const yoke_plot *p)
{
    yk_buf_puts(b, "plot ");
    for (size_t k = 0; k < p->n_series; k++) {
        const yk_series *s = &p->series[k];
        const char      *colour = colours[k % N_COLOURS];
        yk_buf_printf(b, "%s$d%zu using 1:2 with ", k ? ", " : "", k);
        if (s->kind == YK_PLOT_POINTS)
            yk_buf_printf(b, "points pt 7 ps %.2f lc rgb '%s' ", s->n < 60 ? 0.8 : s->n < 3000 ? 0.45 : 0.2, colour);
        else
            yk_buf_printf(b, "lines lw 1.4 dt %d lc rgb '%s' ", k < N_COLOURS ? 1 : 2, colour);
        if (*s->label) {
            yk_buf_puts(b, "title ");
            put_quoted(b, s->label);
        } else {
            yk_buf_puts(b, "notitle");
        }
    }
    yk_buf_putc(b, '\n');
}

static int write_script(const yoke_plot *p, const char *ending, int fd, yoke_error *err)
{
    yk_axis axes[2];
    YK_TRY(yk_plot_axes(p, 8, 8, axes, err));
    YK_AUTOBUF b = YK_BUF_INIT;
    put_terminal(&b, p, ending);
    put_frame(&b, p, axes);
    put_data(&b, p, axes);
    put_plot(&b, p);
    if (b.is_failed)
        return yk_fail_nomem(err, "writing gnuplot's script");
    YK_TRY(yk_file_write(fd, "gnuplot's script", b.data, b.len, err));
    return lseek(fd, 0, SEEK_SET) < 0 ? yk_fail_errno(err, "gnuplot's script") : 0;
}

/* What gnuplot complained about: the last line that is not empty, without the '^' and "line 3:" before it. */
static int fail_with_complaint(int fd, const char *path, int status, yoke_error *err)
{
    char    text[2048];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    size_t len = strlen(text);
    while (len > 0 && strchr(" \n\t", text[len - 1]))
        text[--len] = '\0';
    const char *last = strrchr(text, '\n');
    last = last ? last + 1 : text;
    last += strspn(last, " \t\"^");
    if (WIFSIGNALED(status))
        return yk_fail(err, YOKE_EIO, "gnuplot died of signal %d while drawing '%s'", WTERMSIG(status), path);
    return yk_fail(err, YOKE_EIO, "gnuplot could not draw '%s': %s", path, *last ? last : "it did not say why");
}

static int spawn(int in, int out, int complaints, const char *path, yoke_error *err)
{
    extern char               **environ;
    posix_spawn_file_actions_t  fa;
    posix_spawnattr_t           attr;
    sigset_t                    none;
    char                       *words[] = {(char *)"gnuplot", (char *)"-d", NULL}; /* -d: no start-up files */
    pid_t                       pid;
    int                         status;
    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&fa) != 0)
        return yk_fail_nomem(err, "starting gnuplot");
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&fa, complaints, STDERR_FILENO);
    int sys = posix_spawnp(&pid, words[0], &fa, &attr, words, environ);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&attr);
    if (sys == ENOENT)
        return yk_fail(err, YOKE_EUNSUPPORTED,
                       "'%s' cannot be drawn: gnuplot is not installed; install it (Debian: gnuplot-nox), or draw in the terminal",
                       path);
    errno = sys;
    if (sys != 0)
        return yk_fail_errno(err, "cannot start gnuplot");
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return yk_fail_errno(err, "waiting for gnuplot");
    return status == 0 ? 0 : fail_with_complaint(complaints, path, status, err);
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int run_gnuplot(const yoke_plot *p, const char *ending, yk_output *out, yoke_error *err)
{
    YK_CLEANUP(close_fd) int script = memfd_create("yoke-plot", MFD_CLOEXEC);
    YK_CLEANUP(close_fd) int complaints = memfd_create("yoke-plot-errors", MFD_CLOEXEC);
    if (script < 0 || complaints < 0)
        return yk_fail_errno(err, "cannot make room for gnuplot's script");
    YK_TRY(write_script(p, ending, script, err));
    YK_TRY(spawn(script, fileno(out->file), complaints, out->path, err));
    if (lseek(fileno(out->file), 0, SEEK_END) <= 0)
        return fail_with_complaint(complaints, out->path, 0, err);
    return 0;
}

int yoke_plot_save(const yoke_plot *p, const char *path, int may_replace, yoke_error *err)
{
    static const char *const endings[] = {"png", "svg", "pdf"};
    const char              *ending = NULL;
    if (YK_LACKS(p, err) || YK_LACKS(path, err))
        return YOKE_EINVALID;
    for (int i = 0; i < 3; i++)
        if (strcasecmp(yk_path_ext(path), endings[i]) == 0)
            ending = endings[i];
    if (!ending)
        return yk_fail(err, YOKE_EINVALID, "'%s': a plot is saved as .png, .svg or .pdf; give a name with one of these endings",
                       path);
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    YK_TRY(yk_output_open(&out, path, may_replace != 0, err));
    YK_TRY(run_gnuplot(p, ending, &out, err));
    return yk_output_commit(&out, err);
}
