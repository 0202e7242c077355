/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A cursor over the rows of a CSV file: where it is, and the values of a block's fields, which are read when they are asked for.
 */
#include "format/csv/csv_cursor.h"

#include <stdio.h>

enum {
    PIECE = 1 << 18,          /* bytes read at a time */
    ROWS_BYTES_MAX = 1 << 28, /* of one block: a file that needs more has lost its newlines */
    AHEAD = 16,               /* fields: where files are wide, each lies in a line of its own */
};

void yk_csv_cursor_close(yk_csv_cursor *c)
{
    if (!c)
        return;
    yk_free(c->place_of);
    yk_free(c->buf);
    yk_free(c->spans);
    yk_free(c->ends);
    yk_free(c->valid);
    yk_free(c->values);
    yk_free(c->readings);
    yk_free(c->sweep.others);
    yk_free(c->sweep.strange);
    yk_arena_fini(&c->texts);
    yk_free(c);
}

int yk_csv_cursor_open(const yk_csv *f, const unsigned *columns, unsigned n, yk_csv_cursor **ret, yoke_error *err)
{
    YK_CLEANUP(yk_csv_cursor_closep) yk_csv_cursor *c = yk_new(yk_csv_cursor);
    if (!c)
        return yk_fail_nomem(err, "opening a CSV file");
    c->f = f;
    c->n_slots = n;
    c->cap = PIECE + YK_CSV_PAD;
    c->place_of = yk_new_array(size_t, f->n_columns);
    c->buf = yk_malloc(c->cap);
    c->spans = yk_new_array(yk_csv_span, (size_t)(n + 1) * YK_CSV_SPANS);
    c->valid = yk_new_array(uint64_t, (size_t)(n + 1) * (YK_BLOCK / 64));
    c->values = yk_malloc_aligned((size_t)(n + 1) * YK_BLOCK * 16);
    c->readings = yk_new_array(yk_csv_reading, n + 1);
    if (!c->place_of || !c->buf || !c->spans || !c->valid || !c->values || !c->readings)
        return yk_fail_nomem(err, "opening a CSV file");
    for (unsigned i = 0; i < f->n_columns; i++)
        c->place_of[i] = (size_t)n * YK_CSV_SPANS;
    for (unsigned i = 0; i < n; i++)
        c->place_of[columns[i]] = (size_t)i * YK_CSV_SPANS;
    YK_TRY(yk_csv_prepare_sweep(c, err));
    *ret = YK_TAKE(c);
    return 0;
}

void yk_csv_end_buffer(yk_csv_cursor *c)
{
    memset(c->buf + c->len, 0, YK_CSV_PAD);
    if (c->offset + c->len >= c->f->size)
        c->buf[c->len] = '\n';
}

int yk_csv_fill(yk_csv_cursor *c, size_t need, bool *ret_is_there, yoke_error *err)
{
    uint64_t left = c->f->size - c->offset - c->len;
    if (c->len >= need || left == 0) {
        *ret_is_there = c->len >= need;
        return 0;
    }
    size_t n = left < PIECE ? (size_t)left : PIECE;
    if (c->len + n > ROWS_BYTES_MAX)
        return yk_fail(err, YOKE_ELIMIT, "'%s': %u rows from row %llu on take more than %d bytes; is a quote or a newline missing?",
                       c->f->path, YK_BLOCK, (unsigned long long)c->row + 1, ROWS_BYTES_MAX);
    if (c->len + n + YK_CSV_PAD > c->cap) {
        char *more = yk_realloc(c->buf, c->cap * 2 + n);
        if (!more)
            return yk_fail_nomem(err, "reading CSV");
        c->buf = more, c->cap = c->cap * 2 + n;
    }
    YK_TRY(yk_input_read(&c->f->input, c->offset + c->len, c->buf + c->len, n, err));
    if (c->offset + c->len == 0)
        yk_csv_unmark(c->buf, n);
    c->len += n;
    yk_csv_end_buffer(c);
    *ret_is_there = c->len >= need;
    return 0;
}

/* The chunk in which the k-th row end (from 1) of the file lies. */
static uint64_t chunk_of_end(const yk_csv *f, uint64_t k)
{
    uint64_t lo = 0, hi = yk_csv_chunks(f);
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (f->ends[mid] < k)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* Moves c->at behind the next `n` row ends; the buffer begins at a chunk, inside quotes or not. `before`: the two bytes before. */
static int pass_ends(yk_csv_cursor *c, uint64_t n, uint64_t odd, const char before[2], yoke_error *err)
{
    uint64_t nl_before = before[1] == '\n', blank_cr_before = before[1] == '\r' && before[0] == '\n';
    while (n) {
        bool is_there;
        YK_TRY(yk_csv_fill(c, c->at + 64, &is_there, err));
        if (c->at >= c->len)
            return yk_fail(err, YOKE_EFORMAT, "'%s' has changed while it was read", c->f->path);
        const char *p = c->buf + c->at;
        uint64_t    nl = yk_csv_match(p, '\n'), cr = yk_csv_match(p, '\r'), quote = yk_csv_match(p, '"');
        uint64_t    after_nl = nl << 1 | nl_before, blank_cr = cr & after_nl;
        uint64_t    inside = yk_csv_inside(quote) ^ -odd;
        uint64_t    ends = nl & ~(after_nl | (blank_cr << 1 | blank_cr_before)) & ~inside;
        for (; ends && n; n--) {
            if (n == 1) {
                c->at += (size_t)__builtin_ctzll(ends) + 1;
                return 0;
            }
            ends &= ends - 1;
        }
        c->at += 64;
        odd = inside >> 63, nl_before = nl >> 63, blank_cr_before = blank_cr >> 63;
    }
    return 0;
}

int yk_csv_cursor_seek(yk_csv_cursor *c, uint64_t row, yoke_error *err)
{
    const yk_csv *f = c->f;
    uint64_t      ends = row + (uint64_t)(f->opts.header == 1);
    uint64_t      chunk = ends ? chunk_of_end(f, ends) : 0;
    char          before[2] = {'\n', '\n'};
    if (chunk)
        YK_TRY(yk_input_read(&f->input, chunk * YK_CSV_CHUNK - 2, before, 2, err));
    c->offset = chunk * YK_CSV_CHUNK;
    c->len = c->at = 0;
    c->row = row;
    c->n = 0;
    return pass_ends(c, ends - f->ends[chunk], f->quoted[chunk], before, err);
}

uint64_t yk_csv_line_of(const yk_csv *f, uint64_t offset)
{
    char     piece[1 << 14];
    uint64_t line = 1;
    for (uint64_t at = 0; at < offset;) {
        size_t n = offset - at < sizeof piece ? (size_t)(offset - at) : sizeof piece;
        if (yk_input_read(&f->input, at, piece, n, NULL) < 0)
            return line;
        for (size_t i = 0; i < n; i++)
            line += piece[i] == '\n';
        at += n;
    }
    return line;
}

int yk_csv_stray_quote(const yk_csv_cursor *c, size_t at, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT,
                   "'%s', line %llu: a quote in the middle of a field; quotes must surround the whole field and be doubled inside it",
                   c->f->path, (unsigned long long)yk_csv_line_of(c->f, c->offset + at));
}

/* A field's text without its quotes. */
static int field_text(yk_csv_cursor *c, yk_csv_span s, yk_text *ret, yoke_error *err)
{
    const char *p = c->buf + s.from;
    size_t      n = s.to - s.from;
    if (n < 2 || *p != '"' || p[n - 1] != '"') {
        *ret = (yk_text){p, n};
        return n && *p == '"' ? yk_csv_stray_quote(c, s.from, err) : 0;
    }
    p++, n -= 2;
    if (!memchr(p, '"', n)) {
        *ret = (yk_text){p, n};
        return 0;
    }
    char *to = yk_arena_alloc(&c->texts, n + YK_CSV_PAD);
    if (!to)
        return yk_fail_nomem(err, "reading CSV");
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        to[len++] = p[i];
        i += p[i] == '"' && i + 1 < n && p[i + 1] == '"';
    }
    *ret = (yk_text){to, len};
    return 0;
}

static inline bool read_value(yk_text t, yk_type type, void *values, uint32_t i)
{
    switch (type.kind) {
    case YK_KIND_INT: return yk_csv_int(t.data, t.len, (int64_t *)values + i);
    case YK_KIND_REAL: return yk_csv_real(t.data, t.len, (double *)values + i);
    case YK_KIND_BOOL: return yk_csv_bool(t.data, t.len, (uint8_t *)values + i);
    case YK_KIND_DATE: return yk_csv_date(t.data, t.len, (int64_t *)values + i);
    case YK_KIND_TIME: return yk_csv_time(t.data, t.len, type, (int64_t *)values + i);
    case YK_KIND_TEXT: ((yk_text *)values)[i] = t; return true;
    default: return false;
    }
}

static void *values_of(yk_csv_cursor *c, unsigned slot) { return (char *)c->values + (size_t)slot * YK_BLOCK * 16; }

static uint64_t *valid_of(yk_csv_cursor *c, unsigned slot) { return c->valid + (size_t)slot * (YK_BLOCK / 64); }

/* The fields of up to YK_CSV_GROUP rows that are easily read, as bits. */
static uint64_t read_easy(const yk_csv_cursor *c, const yk_csv_span *spans, uint32_t n, yk_type type, void *values)
{
    switch (type.kind) {
    case YK_KIND_INT: return YK_ISA_PICK(yk_k_csv_ints)(c->buf, spans, n, values);
    case YK_KIND_REAL: return YK_ISA_PICK(yk_k_csv_reals)(c->buf, spans, n, values);
    case YK_KIND_DATE: return YK_ISA_PICK(yk_k_csv_dates)(c->buf, spans, n, values);
    case YK_KIND_TIME: return type.unit == YK_UNIT_US ? YK_ISA_PICK(yk_k_csv_times)(c->buf, spans, n, type.is_utc, values) : 0;
    default: return 0;
    }
}

int yk_csv_read_rows(yk_csv_cursor *c, unsigned slot, uint32_t end, yoke_error *err)
{
    const yk_csv_span *spans = c->spans + (size_t)slot * YK_CSV_SPANS;
    yk_csv_reading    *r = &c->readings[slot];
    uint64_t          *valid = valid_of(c, slot);
    char              *values = values_of(c, slot);
    size_t             size = yk_kind_size(r->type.kind);
    if (r->n == 0)
        memset(valid, 0xff, YK_BLOCK / 8);
    for (uint32_t n; r->n < end; r->n += n) {
        n = end - r->n < YK_CSV_GROUP ? end - r->n : YK_CSV_GROUP;
        uint64_t left = ~read_easy(c, spans + r->n, n, r->type, values + r->n * size) & ~(uint64_t)0 >> (YK_CSV_GROUP - n);
        for (; left; left &= left - 1) {
            uint32_t i = r->n + (uint32_t)__builtin_ctzll(left);
            yk_text  t = {NULL, 0};
            __builtin_prefetch(c->buf + spans[i + AHEAD < end ? i + AHEAD : i].from);
            YK_TRY(field_text(c, spans[i], &t, err));
            if (t.len == 0) {
                r->has_missing = true;
                valid[i >> 6] &= ~((uint64_t)1 << (i & 63));
                memset(values + i * size, 0, size);
            } else if (!read_value(t, r->type, values, i)) {
                r->n = i;
                return 0;
            }
        }
    }
    return 0;
}

const uint64_t *yk_csv_cursor_bad(const yk_csv_cursor *c) { return c->has_bad ? c->bad : NULL; }

int yk_csv_wider(yk_csv_cursor *c, unsigned slot, uint32_t n, yk_type type, yk_type *ret, yoke_error *err)
{
    const yk_csv_span *spans = c->spans + (size_t)slot * YK_CSV_SPANS;
    for (uint32_t i = 0; i < n; i++) {
        yk_text t = {NULL, 0};
        YK_TRY(field_text(c, spans[i], &t, err));
        type = yk_csv_join(type, yk_csv_classify(t.data, t.len));
    }
    *ret = type;
    return 0;
}

int yk_csv_cursor_get(yk_csv_cursor *c, unsigned slot, yk_type type, yk_type *ret_type, yk_vec *ret, yoke_error *err)
{
    yk_csv_reading *r = &c->readings[slot];
    if (!yk_type_same(r->type, type))
        *r = (yk_csv_reading){.type = type};
    r->is_asked = true;
    YK_TRY(yk_csv_read_rows(c, slot, c->n, err));
    if (r->n < c->n)
        return yk_csv_wider(c, slot, c->n, type, ret_type, err);
    *ret_type = type;
    *ret = (yk_vec){.type = type, .n = c->n, .values = values_of(c, slot), .valid = r->has_missing ? valid_of(c, slot) : NULL};
    return 0;
}

static const char *column_name(const yk_csv_cursor *c, unsigned slot)
{
    for (unsigned i = 0; i < c->f->n_columns; i++)
        if (c->place_of[i] == (size_t)slot * YK_CSV_SPANS)
            return c->f->names[i];
    return "";
}

int yk_csv_misfit(yk_csv_cursor *c, unsigned slot, uint32_t n, yk_type type, yoke_error *err)
{
    const yk_csv_span *spans = c->spans + (size_t)slot * YK_CSV_SPANS;
    char               name[48];
    for (uint32_t i = 0; i < n; i++) {
        yk_text t = {NULL, 0};
        YK_TRY(field_text(c, spans[i], &t, err));
        if (t.len && !read_value(t, type, values_of(c, slot), i))
            return yk_fail(err, YOKE_EFORMAT, "'%s', line %llu: '%.*s' in column '%s' is no %s", c->f->path,
                           (unsigned long long)yk_csv_line_of(c->f, c->offset + spans[i].from), t.len < 40 ? (int)t.len : 40, t.data,
                           column_name(c, slot), yk_type_name(type, name, sizeof name));
    }
    return yk_fail(err, YOKE_EFORMAT, "'%s': column '%s' is no %s", c->f->path, column_name(c, slot),
                   yk_type_name(type, name, sizeof name));
}

int yk_csv_cursor_misfit(yk_csv_cursor *c, unsigned slot, yk_type type, yoke_error *err)
{
    return yk_csv_misfit(c, slot, c->n, type, err);
}
