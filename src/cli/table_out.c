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
    bool is_plain = true;
    for (size_t i = 0; i < n; i++)
        is_plain &= (s[i] != ',') & (s[i] != '"') & (s[i] != '\n') & (s[i] != '\r');
    if (is_plain) {
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

/* One cell's text: where it lies, or else in `room`. */
static yk_text text_of(const yoke_frame *f, size_t column, uint64_t row, yk_buf *room)
{
    yk_value v;
    yk_batch_get(&f->rows, column, row, &v);
    if (v.type.kind == YK_KIND_TEXT && !v.is_missing)
        return v.t;
    yk_buf_clear(room);
    yk_value_put(&v, room);
    return (yk_text){yk_buf_text(room), room->len};
}

/* A column on its way out. */
typedef struct out_column {
    yk_type         type;
    bool            is_plain, is_number; /* its text needs no quotes at all; no quotes in JSON */
    size_t          size;
    const uint16_t *codes; /* the places of its rows among the values; NULL: their own */
    const char     *values, *valid;
} out_column;

static uint64_t place_of(const out_column *c, uint64_t row) { return c->codes ? c->codes[row] : row; }
static bool is_there(const out_column *c, uint64_t row) { return c->valid[place_of(c, row)]; }
static const char *value_at(const out_column *c, uint64_t row) { return c->values + place_of(c, row) * c->size; }

static void begin_columns(const yoke_frame *f, out_column *to)
{
    for (size_t c = 0; c < yoke_frame_columns(f); c++) {
        const yk_batch_column *b = &f->rows.columns[c], *values = b->dict ? b->dict : b;
        to[c] = (out_column){.type = b->type, .is_plain = !yk_kind_is_bytes(b->type.kind),
                             .is_number = yk_table_is_number(yoke_frame_type(f, c)), .size = yk_kind_size(b->type.kind),
                             .codes = b->dict ? (const uint16_t *)(const void *)b->values.data : NULL,
                             .values = values->values.data, .valid = values->valid.data};
    }
}

/* A plain value, which is not missing. */
static void put_plain(yk_buf *to, const out_column *c, uint64_t row)
{
    char *at = yk_buf_extend(to, YK_VALUE_MAX);
    if (at)
        to->len -= YK_VALUE_MAX - yk_value_print(c->type, value_at(c, row), at);
}

static void put_head_csv(yk_buf *to, const yoke_frame *f)
{
    for (size_t c = 0, n = yoke_frame_columns(f); c < n; c++) {
        const char *name = yoke_frame_name(f, c);
        put_csv(to, name, strlen(name));
        yk_buf_putc(to, c + 1 < n ? ',' : '\n');
    }
}

static void put_rows_csv(yk_buf *to, const yoke_frame *f, const out_column *columns, uint64_t first, uint64_t end)
{
    YK_AUTOBUF room = YK_BUF_INIT;
    yk_text    text = {"", 0};
    size_t     n = yoke_frame_columns(f);
    for (uint64_t r = first; r < end; r++)
        for (size_t i = 0; i < n; i++) {
            bool has_value = is_there(&columns[i], r);
            if (has_value && columns[i].is_plain) {
                put_plain(to, &columns[i], r);
            } else if (has_value) {
                text = text_of(f, i, r, &room);
                put_csv(to, text.data, text.len);
            }
            if (n == 1 && (!has_value || (!columns[i].is_plain && text.len == 0)))
                yk_buf_puts(to, "\"\""); /* an empty line were no row */
            yk_buf_putc(to, i + 1 < n ? ',' : '\n');
        }
}

/* What stands before each value of a row: {"a": and ,"b": and so on; where each of them begins. */
static void put_json_names(yk_buf *to, const yoke_frame *f, size_t *begins)
{
    size_t n = yoke_frame_columns(f);
    for (size_t c = 0; c < n; c++) {
        begins[c] = to->len;
        yk_buf_putc(to, c ? ',' : '{');
        yk_json_text(to, yoke_frame_name(f, c), strlen(yoke_frame_name(f, c)));
        yk_buf_putc(to, ':');
    }
    begins[n] = to->len;
}

/* A plain value; JSON has no infinities. */
static void put_json_plain(yk_buf *to, const out_column *c, uint64_t row)
{
    double x = 0;
    if (c->type.kind == YK_KIND_REAL)
        memcpy(&x, value_at(c, row), sizeof x);
    if (!isfinite(x))
        yk_buf_puts(to, "null");
    else if (c->is_number)
        put_plain(to, c, row);
    else
        yk_buf_putc(to, '"'), put_plain(to, c, row), yk_buf_putc(to, '"');
}

static void put_rows_json(yk_buf *to, const yoke_frame *f, const out_column *columns, uint64_t first, uint64_t end)
{
    YK_AUTOBUF          room = YK_BUF_INIT, names = YK_BUF_INIT;
    size_t              n = yoke_frame_columns(f);
    YK_AUTOFREE size_t *begins = yk_new_array(size_t, n + 1);
    if (begins)
        put_json_names(&names, f, begins);
    to->is_failed |= !begins || names.is_failed;
    for (uint64_t r = first; r < end && !to->is_failed; r++) {
        for (size_t i = 0; i < n; i++) {
            yk_buf_append(to, names.data + begins[i], begins[i + 1] - begins[i]);
            if (!is_there(&columns[i], r)) {
                yk_buf_puts(to, "null");
            } else if (columns[i].is_plain) {
                put_json_plain(to, &columns[i], r);
            } else {
                yk_text text = text_of(f, i, r, &room);
                if (columns[i].is_number)
                    put_json_value(to, yoke_frame_type(f, i), text.data, text.len);
                else
                    yk_json_text(to, text.data, text.len);
            }
        }
        yk_buf_append(to, "}\n", 2);
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
    size_t wide = width_of(s, n), pad = wide < width ? width - wide : 0, before = is_right ? pad : 0, after = is_right || is_last ? 0 : pad;
    char  *at = yk_buf_extend(to, before + n + after);
    if (!at)
        return;
    memset(at, ' ', before);
    for (size_t i = 0; i < n; i++)
        at[before + i] = (unsigned char)s[i] < 0x20 ? ' ' : s[i];
    memset(at + before + n, ' ', after);
    yk_buf_puts(to, is_last ? "\n" : "  ");
}

static void find_widths(const yoke_frame *f, size_t *width)
{
    YK_AUTOBUF room = YK_BUF_INIT;
    for (size_t c = 0; c < yoke_frame_columns(f); c++)
        width[c] = width_of(yoke_frame_name(f, c), strlen(yoke_frame_name(f, c)));
    for (uint64_t r = 0; r < yoke_frame_rows(f); r++)
        for (size_t c = 0; c < yoke_frame_columns(f); c++) {
            yk_text text = text_of(f, c, r, &room);
            size_t  w = width_of(text.data, text.len);
            width[c] = w > width[c] ? w : width[c];
        }
}

static void put_head_aligned(yk_buf *to, const yoke_frame *f, const size_t *width)
{
    for (size_t c = 0, n = yoke_frame_columns(f); c < n; c++)
        put_padded(to, yoke_frame_name(f, c), strlen(yoke_frame_name(f, c)), width[c], yk_table_is_number(yoke_frame_type(f, c)),
                   c + 1 == n);
}

static void put_rows_aligned(yk_buf *to, const yoke_frame *f, const out_column *columns, uint64_t first, uint64_t end, const size_t *width)
{
    YK_AUTOBUF room = YK_BUF_INIT;
    size_t     n = yoke_frame_columns(f);
    for (uint64_t r = first; r < end; r++)
        for (size_t c = 0; c < n; c++) {
            yk_text text = text_of(f, c, r, &room);
            put_padded(to, text.data, text.len, width[c], columns[c].is_number, c + 1 == n);
        }
}

void yk_table_put_head(yk_buf *to, const yoke_frame *f, yk_table_format format, size_t *widths)
{
    if (format == YK_TABLE_CSV)
        put_head_csv(to, f);
    if (format != YK_TABLE_ALIGNED)
        return;
    find_widths(f, widths);
    put_head_aligned(to, f, widths);
}

void yk_table_put_rows(yk_buf *to, const yoke_frame *f, uint64_t first, uint64_t n, yk_table_format format, const size_t *widths)
{
    YK_AUTOFREE out_column *columns = yk_new_array(out_column, yoke_frame_columns(f) + 1);
    if (!columns) {
        to->is_failed = true;
        return;
    }
    begin_columns(f, columns);
    if (format == YK_TABLE_CSV)
        put_rows_csv(to, f, columns, first, first + n);
    else if (format == YK_TABLE_JSON)
        put_rows_json(to, f, columns, first, first + n);
    else
        put_rows_aligned(to, f, columns, first, first + n, widths);
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
