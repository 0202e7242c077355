/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/plotting.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How wide and high to draw: $COLUMNS and $LINES, else the terminal, else 80 by 24. */
static void find_size(unsigned *columns, unsigned *rows)
{
    struct winsize w = {0};
    const char    *env_columns = getenv("COLUMNS"), *env_rows = getenv("LINES");
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
        w = (struct winsize){0};
    *columns = env_columns ? (unsigned)strtoul(env_columns, NULL, 10) : w.ws_col;
    *rows = env_rows ? (unsigned)strtoul(env_rows, NULL, 10) : w.ws_row;
    *columns = *columns < 32 ? (*columns == 0 ? 80 : 32) : *columns > 500 ? 500 : *columns;
    *rows = *rows < 14 ? (*rows == 0 ? 24 : 14) : *rows > 200 ? 200 : *rows;
    if (*rows > *columns / 3 + 4)
        *rows = *columns / 3 + 4; /* a tall terminal is no reason for a tall plot */
    *rows -= 1; /* the prompt */
}

static bool locale_is_narrow(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return !strcasestr(v, "utf") && strcmp(v, "C") != 0 && strcmp(v, "POSIX") != 0;
    }
    return false;
}

int yk_cli_plot(const yoke_plot *p, const char *path, bool may_replace, yoke_error *err)
{
    if (path && strcmp(path, "-") != 0)
        return yoke_plot_save(p, path, may_replace, err);
    unsigned    columns, rows;
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool        is_plain = !isatty(STDOUT_FILENO) || (no_colour && *no_colour) || (term && strcmp(term, "dumb") == 0);
    find_size(&columns, &rows);
    int flags = (is_plain ? 0 : YOKE_PLOT_COLOUR) | (locale_is_narrow() ? YOKE_PLOT_ASCII : 0);
    return yoke_plot_print(p, stdout, columns, rows, flags, err);
}

bool yk_cli_range(const yk_args *args, const char *name, const char *value, double range[2])
{
    char *at, *end;
    range[0] = strtod(value, &at);
    range[1] = *at == ':' ? strtod(at + 1, &end) : NAN;
    if (at != value && *at == ':' && end != at + 1 && *end == '\0' && range[0] < range[1] && isfinite(range[1] - range[0]))
        return true;
    yk_cli_usage(args, "--%s takes LO:HI, two numbers with the lower first, not '%s'", name, value);
    return false;
}
