/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/table_out.h"

#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "table/table.h"

#include <math.h>
#include <string.h>

bool yk_table_format_of(const yk_args *args, const char *path, yk_table_format *ret)
{
    const char *ext = yk_path_ext(path);
    if (strcasecmp(ext, "csv") == 0)
        *ret = YK_TABLE_CSV;
    else if (strcasecmp(ext, "json") == 0 || strcasecmp(ext, "jsonl") == 0 || strcasecmp(ext, "ndjson") == 0)
        *ret = YK_TABLE_JSON;
    else if (strcasecmp(ext, "txt") == 0 || strcmp(path, "-") == 0)
        *ret = YK_TABLE_ALIGNED;
    else if (strcasecmp(ext, "parquet") == 0 || strcasecmp(ext, "pq") == 0)
        *ret = YK_TABLE_PARQUET;
    else
        return yk_cli_usage(args, "'%s': the name of an output ends in .csv, .jsonl, .parquet or .txt", path) < 0;
    return true;
}

static void put_csv(yk_buf *to, const char *s, size_t n)
{
    if (!memchr(s, ',', n) && !memchr(s, '"', n) && !memchr(s, '\n', n) && !memchr(s, '\r', n)) {
        yk_buf_append(to, s, n);
        return;
    }
    yk_buf_putc(to, '"');
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            yk_buf_putc(to, '"');
        yk_buf_putc(to, s[i]);
    }
    yk_buf_putc(to, '"');
}

/* "number" is of texts that are numbers for the most part, as --describe has them. */
bool yk_table_is_number(const char *type)
{
    return strcmp(type, "number") == 0 || strcmp(type, "integer") == 0 || strcmp(type, "real") == 0 || strcmp(type, "unsigned integer") == 0
           || strcmp(type, "boolean") == 0 || strncmp(type, "decimal", 7) == 0;
}

/* JSON has no infinities. */
static void put_json_value(yk_buf *to, const char *type, const char *text, size_t n)
{
    double x;
    if (!yk_table_is_number(type) || (strcmp(type, "number") == 0 && !yk_number_read_real(text, n, &x)))
        yk_json_text(to, text, n);
    else if (strcmp(type, "real") == 0 && strpbrk(text, "ni"))
        yk_buf_puts(to, "null");
    else
        yk_buf_append(to, text, n);
}

/* One cell's text into an emptied buffer. */
static void cell(const yoke_frame *f, size_t column, uint64_t row, yk_buf *to)
{
    yk_value v;
    yk_batch_get(&f->rows, column, row, &v);
    yk_buf_clear(to);
    yk_value_put(&v, to);
}

static bool is_plain(yk_type t) { return t.kind != YK_KIND_TEXT && t.kind != YK_KIND_DATA; }

static void put_rows_csv(yk_buf *to, const yoke_frame *f, uint64_t first, uint64_t end, bool has_head)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    size_t     n = yoke_frame_columns(f);
    for (size_t c = 0; c < n && has_head; c++) {
        const char *name = yoke_frame_name(f, c);
        put_csv(to, name, strlen(name));
        yk_buf_putc(to, c + 1 < n ? ',' : '\n');
    }
    for (uint64_t r = first; r < end; r++)
        for (size_t c = 0; c < n; c++) {
            yk_value v;
            yk_batch_get(&f->rows, c, r, &v);
            if (is_plain(v.type)) {
                yk_value_put(&v, to);
            } else {
                cell(f, c, r, &text);
                put_csv(to, yk_buf_text(&text), text.len);
            }
            yk_buf_putc(to, c + 1 < n ? ',' : '\n');
        }
}

static void put_rows_json(yk_buf *to, const yoke_frame *f, uint64_t first, uint64_t end)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    size_t     n = yoke_frame_columns(f);
    for (uint64_t r = first; r < end; r++) {
        for (size_t c = 0; c < n; c++) {
            const char *name = yoke_frame_name(f, c);
            yk_buf_putc(to, c ? ',' : '{');
            yk_json_text(to, name, strlen(name));
            yk_buf_putc(to, ':');
            cell(f, c, r, &text);
            if (yoke_frame_is_missing(f, c, r))
                yk_buf_puts(to, "null");
            else
                put_json_value(to, yoke_frame_type(f, c), yk_buf_text(&text), text.len);
        }
        yk_buf_puts(to, "}\n");
    }
}

/* Places on a terminal: characters, not bytes. */
static size_t width_of(const char *s, size_t n)
{
    size_t w = 0;
    for (size_t i = 0; i < n; i++)
        w += ((unsigned char)s[i] & 0xc0) != 0x80;
    return w;
}

/* A cell of a table: control characters would tear the lines apart. */
static void put_padded(yk_buf *to, const char *s, size_t n, size_t width, bool is_right, bool is_last)
{
    size_t wide = width_of(s, n), pad = wide < width ? width - wide : 0;
    for (size_t i = 0; is_right && i < pad; i++)
        yk_buf_putc(to, ' ');
    for (size_t i = 0; i < n; i++)
        yk_buf_putc(to, (unsigned char)s[i] < 0x20 ? ' ' : s[i]);
    for (size_t i = 0; !is_right && !is_last && i < pad; i++)
        yk_buf_putc(to, ' ');
    yk_buf_puts(to, is_last ? "\n" : "  ");
}

static void find_widths(const yoke_frame *f, size_t *width)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    for (size_t c = 0; c < yoke_frame_columns(f); c++)
        width[c] = width_of(yoke_frame_name(f, c), strlen(yoke_frame_name(f, c)));
    for (uint64_t r = 0; r < yoke_frame_rows(f); r++)
        for (size_t c = 0; c < yoke_frame_columns(f); c++) {
            cell(f, c, r, &text);
            size_t w = width_of(yk_buf_text(&text), text.len);
            width[c] = w > width[c] ? w : width[c];
        }
}

static void put_rows_aligned(yk_buf *to, const yoke_frame *f, uint64_t first, uint64_t end, bool has_head, size_t *width)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    size_t     n = yoke_frame_columns(f);
    if (has_head)
        find_widths(f, width);
    for (size_t c = 0; c < n && has_head; c++)
        put_padded(to, yoke_frame_name(f, c), strlen(yoke_frame_name(f, c)), width[c], yk_table_is_number(yoke_frame_type(f, c)), c + 1 == n);
    for (uint64_t r = first; r < end; r++)
        for (size_t c = 0; c < n; c++) {
            cell(f, c, r, &text);
            put_padded(to, yk_buf_text(&text), text.len, width[c], yk_table_is_number(yoke_frame_type(f, c)), c + 1 == n);
        }
}

void yk_table_put_frame(yk_buf *to, const yoke_frame *f, uint64_t first, uint64_t n, yk_table_format format, bool has_head, size_t *widths)
{
    if (format == YK_TABLE_CSV)
        put_rows_csv(to, f, first, first + n, has_head);
    else if (format == YK_TABLE_JSON)
        put_rows_json(to, f, first, first + n);
    else
        put_rows_aligned(to, f, first, first + n, has_head, widths);
}

/* ---- answers */

static void put_bins(yk_buf *to, const yoke_answer *a)
{
    char   text[3][YK_NUMBER_MAX];
    size_t width[2] = {0, 0};
    for (size_t i = 0; i <= a->n_bins; i++) {
        size_t n = yk_number_real(a->edges[i], text[0]);
        width[0] = n > width[0] ? n : width[0];
        n = i < a->n_bins ? yk_number_uint(a->counts[i], text[1]) : 0;
        width[1] = n > width[1] ? n : width[1];
    }
    for (size_t i = 0; i < a->n_bins; i++) {
        yk_number_real(a->edges[i], text[0]);
        yk_number_real(a->edges[i + 1], text[1]);
        yk_number_uint(a->counts[i], text[2]);
        yk_buf_printf(to, "%-*s  %-*s  %*s\n", (int)width[0], text[0], (int)width[0], text[1], (int)width[1], text[2]);
    }
}

void yk_table_put_answers(yk_buf *to, const yoke_answers *a, char *const *labels, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        if (!yoke_answers_at(a, i)->n_bins && width_of(labels[i], strlen(labels[i])) > width)
            width = width_of(labels[i], strlen(labels[i]));
    for (size_t i = 0; i < n; i++) {
        const yoke_answer *r = yoke_answers_at(a, i);
        if (r->n_bins) {
            if (n > 1)
                yk_buf_printf(to, "%s\n", labels[i]);
            put_bins(to, r);
            continue;
        }
        if (n > 1)
            put_padded(to, labels[i], strlen(labels[i]), width, false, false);
        yk_buf_printf(to, "%s\n", r->is_missing ? "missing" : r->text);
    }
}

void yk_table_put_answers_json(yk_buf *to, const yoke_answers *a, char *const *labels, size_t n)
{
    char text[YK_NUMBER_MAX];
    for (size_t i = 0; i < n; i++) {
        const yoke_answer *r = yoke_answers_at(a, i);
        yk_buf_puts(to, i ? ", " : "{");
        yk_json_text(to, labels[i], strlen(labels[i]));
        yk_buf_puts(to, ": ");
        if (r->is_missing)
            yk_buf_puts(to, "null");
        else if (!r->n_bins)
            put_json_value(to, r->type, r->text, strlen(r->text));
        for (size_t b = 0; r->n_bins && b <= r->n_bins; b++) {
            yk_number_real(r->edges[b], text);
            yk_buf_printf(to, "%s%s", b ? ", " : "{\"edges\": [", isfinite(r->edges[b]) ? text : "null");
        }
        for (size_t b = 0; b < r->n_bins; b++)
            yk_buf_printf(to, "%s%llu%s", b ? ", " : "], \"counts\": [", (unsigned long long)r->counts[b], b + 1 == r->n_bins ? "]}" : "");
    }
    yk_buf_puts(to, "}\n");
}
