/* SPDX-License-Identifier: BSD-3-Clause */
#include "plot/plot_csv.h"

#include "base/file.h"
#include "base/number.h"

#include <inttypes.h>
#include <math.h>

static void put_double(yk_buf *to, double v)
{
    char text[YK_NUMBER_MAX];
    yk_buf_append(to, text, yk_number_real(v, text));
}

void yk_hist_csv(yk_buf *to, size_t n, const double *edges, const uint64_t *counts)
{
    yk_buf_puts(to, "lo,hi,count\n");
    for (size_t i = 0; i < n; i++) {
        put_double(to, edges[i]);
        yk_buf_putc(to, ',');
        put_double(to, edges[i + 1]);
        yk_buf_printf(to, ",%" PRIu64 "\n", counts[i]);
    }
}

/* One field of a line: its text without blanks and quotes around it, and where the next begins (NULL: the last one). */
typedef struct field {
    const char *at;
    size_t      len;
} field;

static field next_field(const char **at, const char *end)
{
    const char *from = *at, *to;
    bool        is_quoted = from < end && *from == '"';
    if (is_quoted) {
        const char *close = memchr(from + 1, '"', (size_t)(end - from - 1));
        to = close ? memchr(close, ',', (size_t)(end - close)) : NULL;
    } else {
        to = memchr(from, ',', (size_t)(end - from));
    }
    *at = to ? to + 1 : NULL;
    to = to ? to : end;
    while (from < to && strchr(" \t\r\"", *from) && *from)
        from++;
    while (from < to && strchr(" \t\r\"", to[-1]) && to[-1])
        to--;
    return (field){from, (size_t)(to - from)};
}

static bool add_name(yk_columns *c, size_t *cap, const char *name, size_t len)
{
    char *copy = yk_strndup(name, len);
    if (copy && yk_push(&c->names, &c->n_columns, cap, copy))
        return true;
    yk_free(copy);
    return false;
}

/* The names from the first line, or numbers when it is data already: *ret_is_header says which. */
static int read_header(yk_columns *c, const char *line, const char *end, bool *ret_is_header, yoke_error *err)
{
    size_t      cap = 0;
    double      unused;
    const char *at = line;
    *ret_is_header = false;
    while (at) {
        field f = next_field(&at, end);
        if (f.len > 0 && !yk_number_read_real(f.at, f.len, &unused))
            *ret_is_header = true;
    }
    at = line;
    while (at) {
        field f = next_field(&at, end);
        char  number[24];
        if (!*ret_is_header)
            f = (field){number, (size_t)snprintf(number, sizeof number, "%zu", c->n_columns + 1)};
        if (!add_name(c, &cap, f.at, f.len))
            return yk_fail_nomem(err, "reading a CSV file");
    }
    c->values = yk_calloc(c->n_columns, sizeof *c->values);
    return c->values ? 0 : yk_fail_nomem(err, "reading a CSV file");
}

static int read_row(yk_columns *c, size_t *caps, size_t line_no, const char *line, const char *end, const char *path, yoke_error *err)
{
    const char *at = line;
    size_t      i = 0, rows = c->n_rows;
    for (; at && i < c->n_columns; i++) {
        double v = NAN;
        field  f = next_field(&at, end);
        if (!yk_number_read_real(f.at, f.len, &v))
            v = NAN;
        if (!yk_grow(&c->values[i], &caps[i], rows + 1, sizeof v))
            return yk_fail_nomem(err, "reading a CSV file");
        c->values[i][rows] = v;
    }
    if (i != c->n_columns || at)
        return yk_fail(err, YOKE_EFORMAT, "'%s', line %zu has %s fields than the first line's %zu", path, line_no,
                       at ? "more" : "fewer", c->n_columns);
    c->n_rows++;
    return 0;
}

int yk_columns_parse(yk_columns *ret, const char *text, size_t n, const char *path, yoke_error *err)
{
    YK_CLEANUP(yk_columns_fini) yk_columns c = {0};
    YK_AUTOFREE size_t *caps = NULL;
    const char         *end = text + n;
    size_t              line_no = 0;
    if (memchr(text, '\0', n))
        return yk_fail(err, YOKE_EFORMAT, "'%s' is not a CSV file: it holds bytes that are no text", path);
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        line_no++;
        bool is_blank = stop == line || (stop == line + 1 && *line == '\r'), is_header = false;
        if (!is_blank && !c.names) {
            YK_TRY(read_header(&c, line, stop, &is_header, err));
            caps = yk_calloc(c.n_columns, sizeof *caps);
            if (!caps)
                return yk_fail_nomem(err, "reading a CSV file");
        }
        if (!is_blank && !is_header)
            YK_TRY(read_row(&c, caps, line_no, line, stop, path, err));
        line = stop + 1;
    }
    if (c.n_rows == 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s' holds no rows of numbers", path);
    *ret = c;
    c = (yk_columns){0};
    return 0;
}

int yk_columns_read(yk_columns *c, const char *path, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    YK_TRY(yk_file_slurp(path, &text, err));
    return yk_columns_parse(c, yk_buf_text(&text), text.len, strcmp(path, "-") == 0 ? "standard input" : path, err);
}

void yk_columns_fini(yk_columns *c)
{
    for (size_t i = 0; i < c->n_columns; i++) {
        yk_free(c->names[i]);
        if (c->values)
            yk_free(c->values[i]);
    }
    yk_free(c->names);
    yk_free(c->values);
    *c = (yk_columns){0};
}

bool yk_columns_is_histogram(const yk_columns *c)
{
    return c->n_columns == 3 && strcmp(c->names[0], "lo") == 0 && strcmp(c->names[1], "hi") == 0 &&
           strcmp(c->names[2], "count") == 0;
}

ptrdiff_t yk_columns_find(const yk_columns *c, const char *name)
{
    for (size_t i = 0; i < c->n_columns; i++)
        if (strcmp(c->names[i], name) == 0)
            return (ptrdiff_t)i;
    return -1;
}
