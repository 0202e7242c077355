/* SPDX-License-Identifier: BSD-3-Clause */
#include "map/records.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/near.h"
#include "base/number.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORD_MOST = 256 << 20 }; /* a record without end shall not take all memory */

typedef struct cell {
    uint64_t at;  /* offset in the text */
    uint64_t len;
} cell;

struct yk_records {
    char           *path; /* owned; for messages, in its quotes */
    yk_records_opts opts;
    FILE           *file;   /* owned: reads `source`, so that a wait and a record without end can be ended */
    FILE           *source; /* owned, unless it is standard input */
    uint64_t        size, line; /* lines read */
    uint64_t        n_read;     /* bytes, for the record being read */
    uint64_t        n_came, n_taken, whole; /* bytes that were read; that lines took; up to the last that ends a line */
    char           *record;     /* owned: the last one read, in getdelim's memory */
    size_t          record_cap;
    cell           *split;      /* owned: cells of that record, all columns */
    size_t          n_split, split_cap;
    char          **names;      /* owned, of all columns */
    unsigned       *wanted;     /* owned: the columns chosen */
    unsigned        n_columns, width;
    /* what is kept: the text of records, `width` cells of each, and their lines. Without load, of one record. */
    yk_buf    text;
    cell     *cells;
    uint64_t *lines;
    size_t    n, n_cells, cells_cap, lines_cap;
};

static int nomem(yoke_error *err)
{
    return yk_fail_nomem(err, "reading items from a file");
}

/* ---- one record */

/* Whether a quote is open after s, when one was (or was not) before it. */
static bool has_open_quote(bool is_open, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        is_open ^= s[i] == '"';
    return is_open;
}

/* One line into r->record: its length, 0 at the end. */
static int read_line(yk_records *r, size_t *ret_len, yoke_error *err)
{
    errno = 0;
    ssize_t got = getdelim(&r->record, &r->record_cap, r->opts.end, r->file);
    *ret_len = got > 0 ? (size_t)got : 0;
    r->n_taken += *ret_len;
    if (ferror(r->file) && errno == EFBIG)
        return yk_fail(err, YOKE_ELIMIT, "%s %s %llu is longer than %d MiB; does it lack its %s?", r->path, r->opts.end ? "line" : "item",
                       (unsigned long long)r->line + 1, RECORD_MOST >> 20, r->opts.end ? "newlines" : "NUL bytes");
    if (ferror(r->file))
        return yk_fail_errno(err, "reading %s", r->path);
    if (got < 0 && errno == ENOMEM)
        return nomem(err);
    r->line += got > 0;
    return 0;
}

/* The lines after `len` bytes of a record whose quote is open, appended to r->record. */
static int read_quoted(yk_records *r, size_t *len, yoke_error *err)
{
    uint64_t   first = r->line;
    bool       is_open = true;
    YK_AUTOBUF whole = YK_BUF_INIT;
    yk_buf_append(&whole, r->record, *len);
    while (is_open) {
        size_t got;
        YK_TRY(read_line(r, &got, err));
        if (got == 0)
            return yk_fail(err, YOKE_EFORMAT, "%s line %llu: a quote is never closed", r->path, (unsigned long long)first);
        yk_buf_append(&whole, r->record, got);
        is_open = has_open_quote(is_open, r->record, got);
        if (whole.is_failed)
            return nomem(err);
    }
    char *grown = realloc(r->record, whole.len + 1); /* getdelim's: the C library's own memory */
    if (!grown)
        return nomem(err);
    r->record = memcpy(grown, whole.data, whole.len + 1);
    r->record_cap = whole.len + 1;
    *len = whole.len;
    return 0;
}

/* Reads up to the end of the record, over newlines inside quotes, into r->record. 1, 0 at the end. */
static int read_raw(yk_records *r, size_t *ret_len, yoke_error *err)
{
    size_t len;
    r->n_read = 0;
    YK_TRY(read_line(r, &len, err));
    if (len == 0)
        return 0;
    if (r->opts.separator && has_open_quote(false, r->record, len))
        YK_TRY(read_quoted(r, &len, err));
    if (len > 0 && r->record[len - 1] == r->opts.end)
        len--;
    if (r->opts.end == '\n' && len > 0 && r->record[len - 1] == '\r')
        len--;
    *ret_len = len;
    return 1;
}

/* Takes the quotes off a cell, in place; its new length. */
static size_t unquote(char *s, size_t n)
{
    size_t to = 0;
    for (size_t i = 1; i < n; i++) {
        if (s[i] == '"' && (i + 1 >= n || s[i + 1] != '"'))
            continue; /* the closing quote */
        i += s[i] == '"';
        s[to++] = s[i];
    }
    return to;
}

/* Cells of r->record[0..len) into r->split. */
static int split_record(yk_records *r, size_t len, yoke_error *err)
{
    char *s = r->record;
    r->n_split = 0;
    for (size_t at = 0; at <= len;) {
        size_t end = at;
        bool   is_quoted = r->opts.separator && at < len && s[at] == '"', is_open = false;
        for (; end < len && (is_open || !r->opts.separator || s[end] != r->opts.separator); end++)
            is_open ^= s[end] == '"' && is_quoted;
        cell c = {at, is_quoted ? unquote(s + at, end - at) : end - at};
        if (!yk_push(&r->split, &r->n_split, &r->split_cap, c))
            return nomem(err);
        at = end + 1;
    }
    return 0;
}

static int next_split(yk_records *r, yoke_error *err)
{
    size_t len = 0;
    int    got;
    do
        got = read_raw(r, &len, err);
    while (got > 0 && len == 0);
    if (got <= 0)
        return got;
    YK_TRY(split_record(r, len, err));
    return 1;
}

/* ---- the table's head */

static int find_column(const yk_records *r, const char *word, unsigned *ret, yoke_error *err)
{
    char     hint[96];
    uint64_t number;
    for (unsigned i = 0; i < r->n_columns; i++)
        if (strcmp(r->names[i], word) == 0) {
            *ret = i;
            return 0;
        }
    if (yk_number_read_uint(word, strlen(word), &number) && number >= 1 && number <= r->n_columns) {
        *ret = (unsigned)number - 1;
        return 0;
    }
    return yk_fail(err, YOKE_EABSENT, "%s has no column '%s'%s", r->path, word,
                   yk_near_hint(word, (const char *const *)r->names, r->n_columns, hint, sizeof hint));
}

static int choose_columns(yk_records *r, const char *columns, yoke_error *err)
{
    YK_AUTOFREE char *copy = yk_strdup(columns ? columns : "");
    r->wanted = yk_new_array(unsigned, r->n_columns + strlen(columns ? columns : "") + 1);
    if (!copy || !r->wanted)
        return nomem(err);
    char *rest = copy;
    for (const char *word; columns && (word = strsep(&rest, ",")) != NULL;)
        YK_TRY(find_column(r, word, &r->wanted[r->width++], err));
    for (unsigned i = 0; !columns && i < r->n_columns; i++)
        r->wanted[r->width++] = i;
    return 0;
}

static int read_head(yk_records *r, const char *columns, yoke_error *err)
{
    int got = next_split(r, err);
    if (got < 0)
        return got;
    if (got == 0)
        return yk_fail(err, YOKE_EFORMAT, "%s is empty: a table begins with a line of column names", r->path);
    r->names = yk_new_array(char *, r->n_split);
    if (!r->names)
        return nomem(err);
    for (r->n_columns = 0; r->n_columns < r->n_split; r->n_columns++) {
        cell   c = r->split[r->n_columns];
        size_t mark = r->n_columns == 0 && c.len >= 3 && memcmp(r->record + c.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        r->names[r->n_columns] = yk_strndup(r->record + c.at + mark, c.len - mark);
        if (!r->names[r->n_columns])
            return nomem(err);
    }
    return choose_columns(r, columns, err);
}

/* ---- opening */

static ssize_t read_or_wake(void *records, char *to, size_t n)
{
    yk_records   *r = records;
    struct pollfd p[2] = {{.fd = fileno(r->source), .events = POLLIN}, {.fd = r->opts.wake_fd ? r->opts.wake_fd : -1, .events = POLLIN}};
    while (poll(p, 2, -1) < 0)
        if (errno != EINTR)
            return -1;
    if (p[1].revents)
        return 0;
    if (r->n_read > RECORD_MOST)
        return errno = EFBIG, -1;
    ssize_t     got = read(p[0].fd, to, n);
    const char *last = got > 0 ? memrchr(to, r->opts.end, (size_t)got) : NULL;
    if (last)
        r->whole = r->n_came + (uint64_t)(last + 1 - to);
    r->n_came += got > 0 ? (uint64_t)got : 0;
    r->n_read += got > 0 ? (uint64_t)got : 0;
    return got;
}

bool yk_records_is_ready(const yk_records *r)
{
    struct pollfd p = {.fd = fileno(r->source), .events = POLLIN};
    return r->n_taken < r->whole || poll(&p, 1, 1) != 0; /* an error is for whoever reads */
}

static int watch(yk_records *r, yoke_error *err)
{
    r->file = fopencookie(r, "r", (cookie_io_functions_t){.read = read_or_wake});
    if (!r->file)
        return nomem(err);
    setvbuf(r->file, NULL, _IOFBF, 64 << 10);
    return 0;
}

static void close_file(FILE *f)
{
    if (f && f != stdin)
        fclose(f);
}

static int open_file(yk_records *r, const char *path, yoke_error *err)
{
    struct stat st;
    bool        is_stdin = strcmp(path, "-") == 0;
    YK_AUTOBUF shown = YK_BUF_INIT;
    yk_buf_printf(&shown, is_stdin ? "standard input" : "'%s'", path);
    r->path = shown.is_failed ? NULL : yk_strdup(yk_buf_text(&shown));
    if (!r->path)
        return nomem(err);
    r->source = is_stdin ? stdin : fopen(path, "re");
    if (!r->source)
        return yk_fail_errno(err, "'%s'", path);
    if (fstat(fileno(r->source), &st) == 0 && S_ISDIR(st.st_mode))
        return yk_fail(err, YOKE_EINVALID, "'%s' is a directory, a file of items is needed", path);
    r->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : UINT64_MAX;
    return watch(r, err);
}

int yk_records_open(const char *path, const yk_records_opts *opts, yk_records **ret, yoke_error *err)
{
    yk_records *r = yk_new(yk_records);
    if (!r)
        return nomem(err);
    r->opts = *opts;
    r->width = opts->separator ? 0 : 1;
    int rc = open_file(r, path, err);
    if (rc == 0 && opts->separator)
        rc = read_head(r, opts->columns, err);
    if (rc < 0)
        yk_records_close(r);
    else
        *ret = r;
    return rc;
}

void yk_records_close(yk_records *r)
{
    if (!r)
        return;
    close_file(r->file);
    close_file(r->source);
    for (unsigned i = 0; i < r->n_columns; i++)
        yk_free(r->names[i]);
    yk_free(r->names);
    yk_free(r->wanted);
    free(r->record);
    yk_free(r->split);
    yk_buf_fini(&r->text);
    yk_free(r->cells);
    yk_free(r->lines);
    yk_free(r->path);
    yk_free(r);
}

uint64_t yk_records_size(const yk_records *r) { return r->size; }
unsigned yk_records_width(const yk_records *r) { return r->width; }

const char *yk_records_name(const yk_records *r, unsigned i)
{
    return r->names ? r->names[r->wanted[i]] : NULL;
}

/* ---- reading */

/* Adds the record just split to what is kept. */
static int keep(yk_records *r, yoke_error *err)
{
    if (r->opts.separator && r->n_split != r->n_columns)
        return yk_fail(err, YOKE_EFORMAT, "%s line %llu has %zu column%s, the first line names %u", r->path,
                       (unsigned long long)r->line, r->n_split, r->n_split == 1 ? "" : "s", r->n_columns);
    for (unsigned i = 0; i < r->width; i++) {
        cell from = r->split[r->wanted ? r->wanted[i] : i], to = {r->text.len, from.len};
        yk_buf_append(&r->text, r->record + from.at, from.len);
        if (r->text.is_failed || !yk_push(&r->cells, &r->n_cells, &r->cells_cap, to))
            return nomem(err);
    }
    return yk_push(&r->lines, &r->n, &r->lines_cap, r->line) ? 0 : nomem(err);
}

int yk_records_next(yk_records *r, yoke_error *err)
{
    yk_buf_clear(&r->text);
    r->n = r->n_cells = 0;
    int got = next_split(r, err);
    if (got <= 0)
        return got;
    YK_TRY(keep(r, err));
    return 1;
}

int yk_records_load(yk_records *r, uint64_t *ret_n, yoke_error *err)
{
    int got;
    while ((got = next_split(r, err)) > 0)
        YK_TRY(keep(r, err));
    if (got < 0)
        return got;
    *ret_n = r->n;
    return 0;
}

const char *yk_records_cell(const yk_records *r, uint64_t record, unsigned i, size_t *ret_len)
{
    cell c = r->cells[record * r->width + i];
    *ret_len = c.len;
    return yk_buf_text(&r->text) + c.at;
}

const char *yk_records_where(const yk_records *r, uint64_t record, unsigned i, char *buf, size_t size)
{
    uint64_t    line = record < r->n ? r->lines[record] : r->line;
    const char *name = i < yk_records_width(r) ? yk_records_name(r, i) : NULL;
    snprintf(buf, size, "%s %s %llu%s%s%s", r->path, r->opts.end ? "line" : "item", (unsigned long long)line,
             name ? ", column '" : "", name ? name : "", name ? "'" : "");
    return buf;
}
