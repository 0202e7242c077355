/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Opening a CSV file: what it is, how its fields are separated, what its columns are called; and counting its rows.
 */
#include "format/csv/csv_file.h"

#include <ctype.h>
#include <stdio.h>

enum { HEAD_MAX = 1 << 20 }; /* the first line must end within this many bytes */

void yk_csv_close(yk_csv *f)
{
    if (!f)
        return;
    for (unsigned i = 0; f->names && i < f->n_columns; i++)
        yk_free(f->names[i]);
    yk_free(f->names);
    yk_free(f->ends);
    yk_free(f->quoted);
    yk_input_close(&f->input);
    yk_free(f->path);
    yk_free(f);
}

const char *yk_csv_path(const yk_csv *f) { return f->path; }
uint64_t    yk_csv_size(const yk_csv *f) { return f->size; }
unsigned    yk_csv_columns(const yk_csv *f) { return f->n_columns; }
const char *yk_csv_name(const yk_csv *f, unsigned column) { return f->names[column]; }
uint64_t    yk_csv_rows(const yk_csv *f) { return f->n_rows; }
bool        yk_csv_is_regular(const yk_csv *f) { return f->is_regular; }
uint64_t    yk_csv_chunks(const yk_csv *f) { return (f->size + YK_CSV_CHUNK - 1) / YK_CSV_CHUNK; }

/* Says what a file is that is no CSV, where its first bytes give it away. */
static int check_text(const yk_csv *f, const char *head, size_t n, yoke_error *err)
{
    static const struct {
        const char *begins, *is;
    } known[] = {{"PK\x03\x04", "a ZIP archive (Excel's .xlsx and NumPy's .npz are such); unpack it, or save the sheet as CSV"},
                 {"PAR1", "a Parquet file; keep it as a file with the ending .parquet"},
                 {"\x93NUMPY", "a NumPy file; keep it as a file with the ending .npy"},
                 {"BZh", "a bzip2 file; unpack it: bzip2 -dc FILE | yoke table -"},
                 {"\xfd\x37zXZ", "an XZ file; unpack it: xz -dc FILE | yoke table -"},
                 {"\x04\x22M\x18", "an LZ4 file; unpack it: lz4 -dc FILE | yoke table -"},
                 {"ARROW1", "an Arrow (Feather) file; write it as Parquet"},
                 {"SQLite format 3", "an SQLite database; export the table as CSV"},
                 {"{\"", "JSON, which is not read; write it as CSV or Parquet"},
                 {"[{", "JSON, which is not read; write it as CSV or Parquet"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n >= strlen(known[i].begins) && memcmp(head, known[i].begins, strlen(known[i].begins)) == 0)
            return yk_fail(err, YOKE_EFORMAT, "'%s' is no CSV file but %s", f->path, known[i].is);
    size_t blank = 0;
    while (blank < n && isspace((unsigned char)head[blank]))
        blank++;
    if (blank == n)
        return yk_fail(err, YOKE_EFORMAT, n ? "'%s' holds nothing but white space" : "'%s' is empty", f->path);
    if (strncasecmp(head + blank, "<!doctype", 9) == 0 || strncasecmp(head + blank, "<html", 5) == 0
        || strncmp(head + blank, "<?xml", 5) == 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is no table but a web page (%.40s…); was its download refused?", f->path,
                       head[blank + 1] == '?' ? "<?xml" : "<html>");
    if (strncmp(head, "version https://git-lfs", 23) == 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is a Git LFS pointer, not the data; run 'git lfs pull'", f->path);
    if (memchr(head, '\0', n))
        return yk_fail(err, YOKE_EFORMAT, "'%s' is no text: it holds zero bytes%s", f->path,
                       (unsigned char)head[0] >= 0xfe ? " (UTF-16? make it UTF-8 with iconv)" : "");
    return 0;
}

/* The end of the first line: its newline outside quotes, or n; and whether a CR stands in it where none ends it. */
static size_t line_end(const char *s, size_t n, bool *ret_has_cr)
{
    bool is_inside = false;
    *ret_has_cr = false;
    for (size_t i = 0; i < n; i++) {
        is_inside ^= s[i] == '"';
        *ret_has_cr |= s[i] == '\r' && !is_inside && i + 1 < n && s[i + 1] != '\n';
        if (s[i] == '\n' && !is_inside)
            return i;
    }
    return n;
}

static char find_delimiter(const char *line, size_t n)
{
    static const char known[] = ",\t;|";
    size_t            count[4] = {0}, best = 0;
    bool              is_inside = false;
    for (size_t i = 0; i < n; i++) {
        is_inside ^= line[i] == '"';
        const char *hit = is_inside || !line[i] ? NULL : strchr(known, line[i]);
        if (hit)
            count[hit - known]++;
    }
    for (size_t i = 1; i < 4; i++)
        if (count[i] > count[best])
            best = i;
    return known[best];
}

/* One field of a line, from *at on, without its quotes and the spaces around it; *at moves behind its delimiter. False after
 * the last. */
static bool next_field(const char *line, size_t n, char delimiter, size_t *at, yk_buf *ret)
{
    yk_buf_clear(ret);
    if (*at > n)
        return false;
    bool is_inside = false;
    for (; *at < n && (is_inside || line[*at] != delimiter); (*at)++) {
        if (line[*at] != '"')
            yk_buf_putc(ret, line[*at]);
        else if (is_inside && *at + 1 < n && line[*at + 1] == '"')
            yk_buf_putc(ret, line[(*at)++]);
        else
            is_inside = !is_inside;
    }
    (*at)++;
    while (ret->len && ret->data[ret->len - 1] == ' ')
        ret->data[--ret->len] = '\0';
    size_t lead = 0;
    while (lead < ret->len && ret->data[lead] == ' ')
        lead++;
    if (lead) {
        memmove(ret->data, ret->data + lead, ret->len - lead + 1);
        ret->len -= lead;
    }
    return true;
}

static int find_header(yk_csv *f, const char *line, size_t n, yoke_error *err)
{
    YK_AUTOBUF field = YK_BUF_INIT;
    bool       has_name = false;
    f->opts.header = 1;
    for (size_t at = 0; next_field(line, n, f->opts.delimiter, &at, &field);) {
        if (field.is_failed)
            return yk_fail_nomem(err, "reading a header");
        yk_kind kind = yk_csv_classify(yk_buf_text(&field), field.len).kind;
        has_name |= kind == YK_KIND_TEXT;
        if (kind != YK_KIND_TEXT && kind != YK_KIND_NULL)
            f->opts.header = 0;
    }
    f->opts.header &= has_name;
    return 0;
}

/* A name that no column before has: "x", then "x_2", "x_3" … */
static char *name_anew(const yk_csv *f, const char *name)
{
    YK_AUTOBUF made = YK_BUF_INIT;
    yk_buf_puts(&made, name);
    for (unsigned copy = 2, i = 0; i < f->n_columns && !made.is_failed; i++)
        if (strcmp(f->names[i], yk_buf_text(&made)) == 0) {
            yk_buf_clear(&made);
            yk_buf_printf(&made, "%s_%u", name, copy++);
            i = (unsigned)-1;
        }
    return made.is_failed ? NULL : yk_strdup(yk_buf_text(&made));
}

static int name_columns(yk_csv *f, const char *line, size_t n, yoke_error *err)
{
    YK_AUTOBUF field = YK_BUF_INIT;
    size_t     cap = 0;
    for (size_t at = 0; next_field(line, n, f->opts.delimiter, &at, &field);) {
        char plain[32];
        snprintf(plain, sizeof plain, "c%u", f->n_columns + 1);
        char *name = field.is_failed ? NULL : name_anew(f, f->opts.header && field.len ? field.data : plain);
        if (!name || !yk_grow(&f->names, &cap, f->n_columns + 1, sizeof *f->names)) {
            yk_free(name);
            return yk_fail_nomem(err, "naming columns");
        }
        f->names[f->n_columns++] = name;
        if (f->n_columns > 100000)
            return yk_fail(err, YOKE_ELIMIT, "'%s' has more than 100000 columns in its first line; is '%c' its delimiter?", f->path,
                           f->opts.delimiter);
    }
    return 0;
}

static int read_head(yk_csv *f, yoke_error *err)
{
    size_t            n = f->size < HEAD_MAX ? (size_t)f->size : HEAD_MAX;
    YK_AUTOFREE char *head = yk_calloc(1, n + YK_CSV_PAD);
    if (!head)
        return yk_fail_nomem(err, "opening a CSV file");
    YK_TRY(yk_input_read(&f->input, 0, head, n, err));
    yk_csv_unmark(head, n);
    YK_TRY(check_text(f, head, n, err));
    size_t skip = 0;
    while (skip < n && (head[skip] == '\n' || head[skip] == '\r'))
        skip++;
    const char *line = head + skip;
    bool        has_cr;
    size_t      len = line_end(line, n - skip, &has_cr);
    if (has_cr)
        return yk_fail(err, YOKE_EFORMAT, "'%s': its first line has a carriage return (CR) without a newline (LF); where all lines end so, "
                       "try: tr '\\r' '\\n' <FILE | yoke table -", f->path);
    if (len == n - skip && n == HEAD_MAX)
        return yk_fail(err, YOKE_EFORMAT, "'%s': the first line does not end within %d bytes; is it a CSV file?", f->path, HEAD_MAX);
    if (len && line[len - 1] == '\r')
        len--;
    if (!f->opts.delimiter)
        f->opts.delimiter = find_delimiter(line, len);
    if (f->opts.header < 0)
        YK_TRY(find_header(f, line, len, err));
    return name_columns(f, line, len, err);
}

int yk_csv_open(const char *path, const yk_csv_opts *opts, yk_csv **ret, yoke_error *err)
{
    YK_CLEANUP(yk_csv_closep) yk_csv *f = yk_new(yk_csv);
    if (!f)
        return yk_fail_nomem(err, "opening a CSV file");
    f->input.fd = -1;
    f->opts = *opts;
    f->path = yk_strdup(strcmp(path, "-") ? path : "standard input");
    if (!f->path)
        return yk_fail_nomem(err, "opening a CSV file");
    YK_TRY(yk_csv_input(path, f->path, opts, &f->input, err));
    f->size = f->input.size;
    YK_TRY(read_head(f, err));
    *ret = YK_TAKE(f);
    return 0;
}

/* ---- counting rows */

int yk_csv_look(const yk_csv *f, uint64_t chunk, yk_csv_chunk *ret, yoke_error *err)
{
    enum { LEAD = 2 };
    uint64_t          lo = chunk * YK_CSV_CHUNK;
    size_t            n = (size_t)(f->size - lo < YK_CSV_CHUNK ? f->size - lo : YK_CSV_CHUNK), lead = lo ? LEAD : 0;
    YK_AUTOFREE char *bytes = yk_malloc(LEAD + n + YK_CSV_PAD);
    if (!bytes)
        return yk_fail_nomem(err, "counting rows");
    memcpy(bytes, "\n\n", LEAD); /* what precedes the file: newlines at its start end no row */
    YK_TRY(yk_input_read(&f->input, lo - lead, bytes + LEAD - lead, n + lead, err));
    if (lo == 0)
        yk_csv_unmark(bytes + LEAD, n);
    memset(bytes + LEAD + n, 0, YK_CSV_PAD);
    *ret = YK_ISA_PICK(yk_k_csv_count)(bytes + LEAD, n, f->opts.delimiter, f->n_columns);
    return 0;
}

/* Whether the file's last row has no newline of its own. */
static int last_row_is_open(const yk_csv *f, bool *ret, yoke_error *err)
{
    char   tail[2] = {'\n', '\n'};
    size_t n = f->size < 2 ? (size_t)f->size : 2;
    YK_TRY(yk_input_read(&f->input, f->size - n, tail + 2 - n, n, err));
    *ret = tail[1] != '\n' && !(tail[1] == '\r' && tail[0] == '\n');
    return 0;
}

/* Where quotes are wrong, as an error: the line in which one is opened and never closed, or stands in the middle of a field. */
static int fail_quotes(const yk_csv *f, yoke_error *err)
{
    enum { BEGIN, PLAIN, QUOTED, AFTER } state = BEGIN;
    enum { PIECE = 1 << 16 };
    YK_AUTOFREE char *piece = yk_malloc(PIECE);
    uint64_t          line = 1, opened = 0;
    if (!piece)
        return yk_fail_nomem(err, "counting rows");
    for (uint64_t at = 0; at < f->size; at += PIECE) {
        size_t n = f->size - at < PIECE ? (size_t)(f->size - at) : PIECE;
        YK_TRY(yk_input_read(&f->input, at, piece, n, err));
        for (size_t i = 0; i < n; i++) {
            char c = piece[i];
            bool is_end = c == f->opts.delimiter || c == '\n' || c == '\r', is_mark = at == 0 && i < 3 && (unsigned char)c >= 0x80;
            if (c == '"' && state == BEGIN)
                opened = line;
            if ((c == '"' && state == PLAIN) || (state == AFTER && c != '"' && !is_end))
                return yk_fail(err, YOKE_EFORMAT, "'%s', line %llu: a quote in the middle of a field; quotes must surround the whole field and be doubled inside it",
                               f->path, (unsigned long long)line);
            line += c == '\n';
            if (state == QUOTED || (state == AFTER && c == '"'))
                state = c == '"' && state == QUOTED ? AFTER : QUOTED;
            else
                state = is_end || is_mark ? BEGIN : c == '"' ? QUOTED : PLAIN;
        }
    }
    return yk_fail(err, YOKE_EFORMAT, "'%s', line %llu: a quote that is never closed", f->path, (unsigned long long)opened);
}

/* Chunks of so few rows are left to the walk, which refuses rows that are too large. */
enum { FEW_ROWS = 16 };

static bool are_regular(const yk_csv *f, const yk_csv_chunk *chunks, bool is_open)
{
    uint64_t n = yk_csv_chunks(f);
    uint32_t before = 0, want = f->n_columns - 1;
    for (uint64_t i = 0; i < n; i++) {
        unsigned begun = f->quoted[i];
        if (!chunks[i].is_regular[begun] || before + chunks[i].lead[begun] != want || (chunks[i].rows[begun] < FEW_ROWS && i + 1 < n))
            return false;
        before = chunks[i].tail[begun];
    }
    return before == (is_open ? want : 0);
}

int yk_csv_set_rows(yk_csv *f, const yk_csv_chunk *chunks, yoke_error *err)
{
    uint64_t n = yk_csv_chunks(f);
    yk_free(f->ends);
    yk_free(f->quoted);
    f->ends = yk_calloc((size_t)n + 1, sizeof *f->ends);
    f->quoted = yk_calloc((size_t)n + 1, 1);
    if (!f->ends || !f->quoted)
        return yk_fail_nomem(err, "counting rows");
    uint8_t quoted = 0;
    for (uint64_t i = 0; i < n; i++) {
        f->quoted[i] = quoted;
        f->ends[i + 1] = f->ends[i] + chunks[i].rows[quoted];
        quoted ^= (uint8_t)chunks[i].quotes;
    }
    bool is_open;
    YK_TRY(last_row_is_open(f, &is_open, err));
    if (quoted)
        return fail_quotes(f, err);
    f->is_regular = are_regular(f, chunks, is_open);
    f->n_rows = f->ends[n] + is_open - (uint64_t)(f->opts.header == 1);
    return 0;
}
