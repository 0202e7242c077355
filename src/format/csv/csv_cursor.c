/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Walking over the rows of a CSV file: a block's fields are found 64 bytes at a time by bit masks and noted as spans of
 * the buffer; a column's fields become values when they are asked for. Of wide rows caches do not hold a block: there the columns that
 * were asked for last time are read every few rows, while their text is at hand.
 */
#include "format/csv/csv_file.h"

#include "base/arena.h"

#include <math.h>
#include <stdio.h>

enum {
    PIECE = 1 << 18,        /* bytes read at a time */
    ROWS_BYTES_MAX = 1 << 28, /* of one block: a file that needs more has lost its newlines */
    SPANS = YK_BLOCK + 8,   /* of a slot, one line of cache more than used: a row's spans would else all fall into the same sets */
    AHEAD = 16,             /* fields: where files are wide, each lies in a line of its own */
    EVEN_MOST = 64,         /* columns */
    EVEN_WORDS = 16,        /* of 64 bytes, looked at at once */
    WIDE = 1 << 10, AT_HAND = 1 << 17, /* bytes of a row, and of those that caches hold with what is read of them */
};

/* What is known of a slot's values in the block. */
typedef struct reading {
    yk_type  type;
    uint32_t n;         /* rows, the first ones, that have been read as that; up to one that does not fit */
    bool     is_ahead;  /* it was asked for as that in the last block, and is read before it is asked for in this */
    bool     is_asked;
    bool     has_missing;
} reading;

struct yk_csv_cursor {
    const yk_csv *f;
    unsigned      n_slots;
    size_t       *place_of; /* of each column, in spans; the last slot's where it is not wanted */
    char         *buf;
    size_t        cap, len, at; /* bytes there; where the next row begins */
    uint64_t      offset;       /* of buf[0] in the file */
    uint64_t      row;          /* next, from 0, the header not counted */
    uint32_t      n;            /* rows of the block */
    yk_csv_span         *spans;        /* [slot][SPANS], and one slot more for what is not wanted */
    uint32_t     *ends;  /* of the block's fields, row after row, in files where these are as many in each; NULL: elsewhere */
    uint64_t      bad[YK_BLOCK / 64];
    bool          has_bad;
    uint64_t     *valid;  /* [slot][YK_BLOCK / 64] */
    void         *values; /* [slot][YK_BLOCK] of 16 bytes */
    reading      *readings; /* [slot] */
    yk_arena      texts;  /* fields with "" in them, undone */
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
    c->spans = yk_new_array(yk_csv_span, (size_t)(n + 1) * SPANS);
    c->valid = yk_new_array(uint64_t, (size_t)(n + 1) * (YK_BLOCK / 64));
    c->values = yk_malloc_aligned((size_t)(n + 1) * YK_BLOCK * 16);
    c->readings = yk_new_array(reading, n + 1);
    /* lines of one column without a character are no rows, but look like others */
    bool is_even = f->is_regular && f->n_columns > 1 && f->n_columns <= EVEN_MOST;
    if (is_even)
        c->ends = yk_new_array(uint32_t, (size_t)YK_BLOCK * f->n_columns + (EVEN_WORDS + 1) * 64);
    if ((is_even && !c->ends) || !c->place_of || !c->buf || !c->spans || !c->valid || !c->values || !c->readings)
        return yk_fail_nomem(err, "opening a CSV file");
    for (unsigned i = 0; i < f->n_columns; i++)
        c->place_of[i] = (size_t)n * SPANS;
    for (unsigned i = 0; i < n; i++)
        c->place_of[columns[i]] = (size_t)i * SPANS;
    *ret = YK_TAKE(c);
    return 0;
}

/* Reads on until `need` bytes after c->at are there, or the file ends; false then. */
static int fill(yk_csv_cursor *c, size_t need, bool *ret_is_there, yoke_error *err)
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
    memset(c->buf + c->len, 0, YK_CSV_PAD);
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
        YK_TRY(fill(c, c->at + 64, &is_there, err));
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

/* The line that a byte of the file is in, from 1. */
static uint64_t line_of(const yk_csv *f, uint64_t offset)
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

static int bad_row(yk_csv_cursor *c, uint32_t i, size_t begin, uint32_t fields, yoke_error *err)
{
    if (!c->f->opts.skip_bad)
        return yk_fail(err, YOKE_EFORMAT, "'%s', line %llu: %u field%s where %u are expected; --bad-rows skip passes over such rows",
                       c->f->path, (unsigned long long)line_of(c->f, c->offset + begin), fields, fields == 1 ? "" : "s", c->f->n_columns);
    c->has_bad = true;
    c->bad[i >> 6] |= (uint64_t)1 << (i & 63);
    for (unsigned s = 0; s < c->n_slots; s++)
        c->spans[(size_t)s * SPANS + i] = (yk_csv_span){0, 0};
    return 0;
}

static int stray_quote(yk_csv_cursor *c, size_t at, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT,
                   "'%s', line %llu: a quote in the middle of a field; quotes must surround the whole field and be doubled inside it",
                   c->f->path, (unsigned long long)line_of(c->f, c->offset + at));
}

/* A field's text without its quotes. */
static int field_text(yk_csv_cursor *c, yk_csv_span s, yk_text *ret, yoke_error *err)
{
    const char *p = c->buf + s.from;
    size_t      n = s.to - s.from;
    if (n < 2 || *p != '"' || p[n - 1] != '"') {
        *ret = (yk_text){p, n};
        return n && *p == '"' ? stray_quote(c, s.from, err) : 0;
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
    case YK_KIND_DATE:
    case YK_KIND_TIME: return yk_csv_time(t.data, t.len, type.unit, type.kind == YK_KIND_DATE, (int64_t *)values + i);
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
    case YK_KIND_TIME: return type.unit == YK_UNIT_US ? YK_ISA_PICK(yk_k_csv_times)(c->buf, spans, n, values) : 0;
    default: return 0;
    }
}

/* The values of a slot's rows before `end` that have not been read, up to the first that does not fit. */
static int read_rows(yk_csv_cursor *c, unsigned slot, uint32_t end, yoke_error *err)
{
    const yk_csv_span *spans = c->spans + (size_t)slot * SPANS;
    reading           *r = &c->readings[slot];
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

/* A new block: none of its values have been read. Texts lie in the buffer, which may move. */
static void begin_readings(yk_csv_cursor *c)
{
    for (unsigned s = 0; s < c->n_slots; s++) {
        reading *r = &c->readings[s];
        *r = (reading){.type = r->type, .is_ahead = r->is_asked && !yk_kind_is_bytes(r->type.kind)};
    }
}

/* What is wrong with a value is told of when it is asked for. */
static void read_ahead(yk_csv_cursor *c, uint32_t end)
{
    for (unsigned s = 0; s < c->n_slots; s++)
        if (c->readings[s].is_ahead && read_rows(c, s, end, NULL) < 0)
            c->readings[s].is_ahead = false;
}

/* What is known while the fields of a block are looked for. */
enum { MASKS = 64 };
typedef struct walk {
    size_t   word;      /* where the 64 bytes looked at begin */
    size_t   row_begin; /* of the row */
    size_t   begin;     /* of the field */
    uint32_t rows, fields;
    uint64_t odd;       /* inside quotes at `word` */
    uint64_t sep_before; /* the byte before `word` may precede an opening quote */
    size_t   masked_from, masked_to; /* the bytes of `masks` */
    yk_csv_mask masks[MASKS];
} walk;

/* The row ends at p, its last field not yet noted. Lines without a character are none. */
static int end_row(yk_csv_cursor *c, walk *w, size_t p, yoke_error *err)
{
    size_t end = p > w->row_begin && c->buf[p - 1] == '\r' ? p - 1 : p;
    if (end > w->row_begin) {
        if (w->fields < c->f->n_columns)
            c->spans[c->place_of[w->fields] + w->rows] = (yk_csv_span){(uint32_t)w->begin, (uint32_t)end};
        if (++w->fields != c->f->n_columns)
            YK_TRY(bad_row(c, w->rows, w->row_begin, w->fields, err));
        w->rows++;
    }
    w->fields = 0;
    w->begin = w->row_begin = p + 1;
    return 0;
}

/* Masks from `word` on, of whole words, or of the last, incomplete one. */
static void look(const yk_csv_cursor *c, walk *w)
{
    size_t n = (c->len - w->word) / 64;
    n = n == 0 ? 1 : n < MASKS ? n : MASKS;
    YK_ISA_PICK(yk_k_csv_masks)(c->buf + w->word, n, c->f->opts.delimiter, w->masks);
    w->masked_from = w->word;
    w->masked_to = w->word + 64 * n;
}

/* One look at 64 bytes. */
static int walk_word(yk_csv_cursor *c, walk *w, uint32_t n, yoke_error *err)
{
    const yk_csv_mask *m = &w->masks[(w->word - w->masked_from) / 64];
    uint64_t           nl = m->newline, sep = m->separator, quote = m->quote;
    if (quote | w->odd) {
        uint64_t inside = yk_csv_inside(quote) ^ -w->odd;
        sep &= ~inside;
        uint64_t stray = quote & inside & ~((sep | quote) << 1 | w->sep_before);
        if (stray)
            return stray_quote(c, w->word + (size_t)__builtin_ctzll(stray), err);
        w->odd = inside >> 63;
    }
    w->sep_before = (sep | quote) >> 63;
    const unsigned  n_columns = c->f->n_columns;
    const size_t   *place_of = c->place_of;
    yk_csv_span    *spans = c->spans + w->rows;
    size_t          begin = w->begin; /* in registers: each field waits for the one before */
    uint32_t        fields = w->fields;
    for (; sep; sep &= sep - 1) {
        unsigned i = (unsigned)__builtin_ctzll(sep);
        size_t   at = w->word + i;
        if (nl >> i & 1) {
            w->begin = begin, w->fields = fields;
            YK_TRY(end_row(c, w, at, err));
            if (w->rows == n)
                return 0;
            begin = at + 1, fields = 0;
            spans = c->spans + w->rows;
            continue;
        }
        if (fields < n_columns)
            spans[place_of[fields]] = (yk_csv_span){(uint32_t)begin, (uint32_t)at};
        fields++;
        begin = at + 1;
    }
    w->begin = begin, w->fields = fields;
    w->word += 64;
    return 0;
}

static int fail_short(const yk_csv_cursor *c, uint32_t rows, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "'%s' ends before row %llu; was it changed while it was read?", c->f->path,
                   (unsigned long long)(c->row + rows + 1));
}

/* Notes the fields of a column that is wanted. */
static void note_column(yk_csv_cursor *c, unsigned column, uint32_t n)
{
    const unsigned  n_columns = c->f->n_columns;
    const uint32_t *end = c->ends + column;
    yk_csv_span    *spans = c->spans + c->place_of[column];
    spans[0] = (yk_csv_span){column ? end[-1] + 1 : 0, end[0]};
    for (uint32_t i = 1; i < n; i++)
        spans[i] = (yk_csv_span){end[(size_t)i * n_columns - 1] + 1, end[(size_t)i * n_columns]};
    for (uint32_t i = 0; column + 1 == n_columns && i < n; i++)
        spans[i].to -= spans[i].to > spans[i].from && c->buf[spans[i].to - 1] == '\r';
}

/* The next n rows where all have as many fields, and each quote is at its place. */
static int walk_even(yk_csv_cursor *c, uint32_t n, yoke_error *err)
{
    const unsigned n_columns = c->f->n_columns;
    size_t         n_ends = 0, want = (size_t)n * n_columns, word = 0;
    uint64_t       odd = 0;
    while (n_ends < want) {
        bool is_there;
        YK_TRY(fill(c, word + 64 * EVEN_WORDS, &is_there, err));
        if (word >= c->len) { /* the last row may lack its newline */
            if (n_ends + 1 != want)
                return fail_short(c, (uint32_t)(n_ends / n_columns), err);
            c->ends[n_ends++] = (uint32_t)c->len;
            break;
        }
        size_t n_words = is_there ? EVEN_WORDS : (c->len - word + 63) / 64;
        n_ends += YK_ISA_PICK(yk_k_csv_ends)(c->buf + word, n_words, c->f->opts.delimiter, (uint32_t)word, &odd, c->ends + n_ends);
        word += 64 * n_words;
    }
    for (unsigned i = 0; i < n_columns; i++)
        if (c->place_of[i] < (size_t)c->n_slots * SPANS)
            note_column(c, i, n);
    c->at = c->ends[want - 1] + 1 < c->len ? c->ends[want - 1] + 1 : c->len;
    return 0;
}

/* The next n rows, whatever they are like. */
static int walk_any(yk_csv_cursor *c, uint32_t n, yoke_error *err)
{
    size_t at_hand = 0; /* where those rows begin */
    walk   w;
    w.word = w.row_begin = w.begin = w.masked_from = w.masked_to = 0;
    w.rows = w.fields = 0;
    w.odd = 0, w.sep_before = 1;
    while (w.rows < n) {
        if (w.word < w.masked_to) {
            YK_TRY(walk_word(c, &w, n, err));
            if (w.row_begin - at_hand > AT_HAND && w.row_begin / WIDE > w.rows) {
                read_ahead(c, w.rows);
                at_hand = w.row_begin;
            }
            continue;
        }
        bool is_there;
        YK_TRY(fill(c, w.word + 64, &is_there, err));
        if (w.word >= c->len) { /* the last row may lack its newline */
            if (w.row_begin < c->len)
                YK_TRY(end_row(c, &w, c->len, err));
            if (w.rows < n)
                return fail_short(c, w.rows, err);
            break;
        }
        look(c, &w);
    }
    c->at = w.row_begin < c->len ? w.row_begin : c->len;
    return 0;
}

int yk_csv_cursor_block(yk_csv_cursor *c, uint32_t n, yoke_error *err)
{
    memmove(c->buf, c->buf + c->at, c->len - c->at);
    c->offset += c->at;
    c->len -= c->at;
    memset(c->buf + c->len, 0, YK_CSV_PAD);
    c->at = 0;
    c->n = n;
    yk_arena_clear(&c->texts);
    if (c->has_bad)
        memset(c->bad, 0, sizeof c->bad);
    c->has_bad = false;
    begin_readings(c);
    YK_TRY(c->ends ? walk_even(c, n, err) : walk_any(c, n, err));
    c->row += n;
    return 0;
}

const uint64_t *yk_csv_cursor_bad(const yk_csv_cursor *c) { return c->has_bad ? c->bad : NULL; }

/* A value did not fit: the type that all of the block do. */
static int wider_type(yk_csv_cursor *c, const yk_csv_span *spans, yk_type type, yk_type *ret, yoke_error *err)
{
    for (uint32_t i = 0; i < c->n; i++) {
        yk_text t = {NULL, 0};
        YK_TRY(field_text(c, spans[i], &t, err));
        type = yk_csv_join(type, yk_csv_classify(t.data, t.len));
    }
    *ret = type;
    return 0;
}

int yk_csv_cursor_get(yk_csv_cursor *c, unsigned slot, yk_type type, yk_type *ret_type, yk_vec *ret, yoke_error *err)
{
    reading *r = &c->readings[slot];
    if (!yk_type_same(r->type, type))
        *r = (reading){.type = type};
    r->is_asked = true;
    YK_TRY(read_rows(c, slot, c->n, err));
    if (r->n < c->n)
        return wider_type(c, c->spans + (size_t)slot * SPANS, type, ret_type, err);
    *ret_type = type;
    *ret = (yk_vec){.type = type, .n = c->n, .values = values_of(c, slot), .valid = r->has_missing ? valid_of(c, slot) : NULL};
    return 0;
}

static const char *column_name(const yk_csv_cursor *c, unsigned slot)
{
    for (unsigned i = 0; i < c->f->n_columns; i++)
        if (c->place_of[i] == (size_t)slot * SPANS)
            return c->f->names[i];
    return "";
}

int yk_csv_cursor_misfit(yk_csv_cursor *c, unsigned slot, yk_type type, yoke_error *err)
{
    const yk_csv_span *spans = c->spans + (size_t)slot * SPANS;
    char        name[48];
    for (uint32_t i = 0; i < c->n; i++) {
        yk_text t = {NULL, 0};
        YK_TRY(field_text(c, spans[i], &t, err));
        if (t.len && !read_value(t, type, values_of(c, slot), i))
            return yk_fail(err, YOKE_EFORMAT, "'%s', line %llu: '%.*s' in column '%s' is no %s", c->f->path,
                           (unsigned long long)line_of(c->f, c->offset + spans[i].from), t.len < 40 ? (int)t.len : 40, t.data,
                           column_name(c, slot), yk_type_name(type, name, sizeof name));
    }
    return yk_fail(err, YOKE_EFORMAT, "'%s': column '%s' is no %s", c->f->path, column_name(c, slot),
                   yk_type_name(type, name, sizeof name));
}
