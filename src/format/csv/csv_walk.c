/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the fields of rows are, found 64 bytes at a time by bit masks and noted as spans of the buffer. Where all rows have as many, the
 * ends of all fields are found in one sweep; elsewhere field after field. Of wide rows caches do not hold a block: there the columns that
 * were asked for last time are read every few rows, while their text is at hand.
 */
#include "format/csv/csv_cursor.h"

enum {
    WIDE = 1 << 10, AT_HAND = 1 << 17, /* bytes of a row, and of those that caches hold with what is read of them */
};

static int bad_row(yk_csv_cursor *c, uint32_t i, size_t begin, uint32_t fields, yoke_error *err)
{
    if (!c->f->opts.skip_bad)
        return yk_fail(err, YOKE_EFORMAT, "'%s', line %llu: %u field%s where %u are expected; --bad-rows skip passes over such rows",
                       c->f->path, (unsigned long long)yk_csv_line_of(c->f, c->offset + begin), fields, fields == 1 ? "" : "s", c->f->n_columns);
    c->has_bad = true;
    c->bad[i >> 6] |= (uint64_t)1 << (i & 63);
    for (unsigned s = 0; s < c->n_slots; s++)
        c->spans[(size_t)s * YK_CSV_SPANS + i] = (yk_csv_span){0, 0};
    return 0;
}

/* A new block: none of its values have been read. Texts lie in the buffer, which may move. */
static void begin_readings(yk_csv_cursor *c)
{
    for (unsigned s = 0; s < c->n_slots; s++) {
        yk_csv_reading *r = &c->readings[s];
        *r = (yk_csv_reading){.type = r->type, .is_ahead = r->is_asked && !yk_kind_is_bytes(r->type.kind)};
    }
}

/* What is wrong with a value is told of when it is asked for. */
static void read_ahead(yk_csv_cursor *c, uint32_t end)
{
    for (unsigned s = 0; s < c->n_slots; s++)
        if (c->readings[s].is_ahead && yk_csv_read_rows(c, s, end, NULL) < 0)
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
    yk_csv_mask  masks[MASKS];
    bool         is_fit;            /* types are found: */
    uint64_t     other[MASKS + 2], point[MASKS + 2]; /* no digits, and points: in the word before masked_from, those of `masks`, and more */
} walk;

/* 57 bits or more from a byte of the buffer on, of those of the word before masked_from and of `masks`. */
static inline uint64_t bits_from(const uint64_t *bits, size_t at) { return yk_csv_load((const char *)bits + at / 8) >> (at & 7); }

/* Whether a field is a number as most are, by its characters alone. */
static inline bool is_number(const walk *w, const char *field, size_t begin, size_t len, bool is_real)
{
    enum { FIGURES = 18, LEN = 56 }; /* no integer of as many figures overflows */
    size_t at = begin + 64 - w->masked_from;
    if (begin + 64 < w->masked_from || len > LEN)
        return false;
    uint64_t minus = *field == '-', other = bits_from(w->other, at) & (((uint64_t)1 << len) - 1) & ~minus;
    uint64_t point = is_real ? bits_from(w->point, at) : 0;
    size_t   figures = len - minus - (other != 0);
    return !((other & ~point) | (other & (other - 1))) & (figures - 1 < (is_real ? LEN : FIGURES));
}

/* A field is looked at, or noted where that does not do. */
static inline void fit_field(yk_csv_cursor *c, const walk *w, uint32_t column, size_t begin, size_t end)
{
    yk_csv_need need = c->needs[column];
    size_t      len = end - begin;
    const char *field = c->buf + begin;
    if (need == YK_CSV_NOTHING || len == 0)
        return;
    if (need == YK_CSV_QUOTES) {
        if (*field != '"' || (len > 1 && field[len - 1] == '"'))
            return;
    } else if (need != YK_CSV_VALUE && is_number(w, field, begin, len, need == YK_CSV_REAL)) {
        return;
    }
    c->spans[c->place_of[column] + c->n_noted[column]++] = (yk_csv_span){(uint32_t)begin, (uint32_t)end};
}

/* The row that begins there is none: nothing of it is noted. */
static void unfit_row(yk_csv_cursor *c, size_t begin)
{
    for (unsigned i = 0; i < c->f->n_columns; i++)
        while (c->n_noted[i] && c->spans[c->place_of[i] + c->n_noted[i] - 1].from >= begin)
            c->n_noted[i]--;
}

/* The row ends at p, its last field not yet noted. Lines without a character are none. */
static int end_row(yk_csv_cursor *c, walk *w, size_t p, yoke_error *err)
{
    size_t end = p > w->row_begin && c->buf[p - 1] == '\r' ? p - 1 : p;
    if (end > w->row_begin) {
        if (w->fields < c->f->n_columns) {
            if (w->is_fit)
                fit_field(c, w, w->fields, w->begin, end);
            else
                c->spans[c->place_of[w->fields] + w->rows] = (yk_csv_span){(uint32_t)w->begin, (uint32_t)end};
        }
        if (++w->fields != c->f->n_columns) {
            YK_TRY(bad_row(c, w->rows, w->row_begin, w->fields, err));
            if (w->is_fit)
                unfit_row(c, w->row_begin);
        }
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
    if (w->is_fit) {
        size_t last = (w->masked_to - w->masked_from) / 64;
        w->other[0] = w->other[last];
        w->point[0] = w->point[last];
        YK_ISA_PICK(yk_k_csv_chars)(c->buf + w->word, n, w->other + 1, w->point + 1);
    }
    w->masked_from = w->word;
    w->masked_to = w->word + 64 * n;
}

/* One look at 64 bytes. is_fit is the walk's. */
static inline int walk_word(yk_csv_cursor *c, walk *w, uint32_t n, bool is_fit, yoke_error *err)
{
    const yk_csv_mask *m = &w->masks[(w->word - w->masked_from) / 64];
    uint64_t           nl = m->newline, sep = m->separator, quote = m->quote;
    if (quote | w->odd) {
        uint64_t inside = yk_csv_inside(quote) ^ -w->odd;
        sep &= ~inside;
        uint64_t stray = quote & inside & ~((sep | quote) << 1 | w->sep_before);
        if (stray)
            return yk_csv_stray_quote(c, w->word + (size_t)__builtin_ctzll(stray), err);
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
        if (fields < n_columns) {
            if (is_fit)
                fit_field(c, w, fields, begin, at);
            else
                spans[place_of[fields]] = (yk_csv_span){(uint32_t)begin, (uint32_t)at};
        }
        fields++;
        begin = at + 1;
    }
    w->begin = begin, w->fields = fields;
    w->word += 64;
    return 0;
}

static int walk_fields(yk_csv_cursor *c, walk *w, uint32_t n, yoke_error *err) { return walk_word(c, w, n, false, err); }

static int walk_types(yk_csv_cursor *c, walk *w, uint32_t n, yoke_error *err) { return walk_word(c, w, n, true, err); }

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
        YK_TRY(yk_csv_fill(c, word + 64 * YK_CSV_EVEN_WORDS, &is_there, err));
        if (word >= c->len) { /* the last row may lack its newline */
            if (n_ends + 1 != want)
                return fail_short(c, (uint32_t)(n_ends / n_columns), err);
            c->ends[n_ends++] = (uint32_t)c->len;
            break;
        }
        size_t n_words = is_there ? YK_CSV_EVEN_WORDS : (c->len - word + 63) / 64;
        n_ends += YK_ISA_PICK(yk_k_csv_ends)(c->buf + word, n_words, c->f->opts.delimiter, (uint32_t)word, &odd, c->ends + n_ends);
        word += 64 * n_words;
    }
    for (unsigned i = 0; i < n_columns; i++)
        if (c->place_of[i] < (size_t)c->n_slots * YK_CSV_SPANS)
            note_column(c, i, n);
    c->at = c->ends[want - 1] + 1 < c->len ? c->ends[want - 1] + 1 : c->len;
    return 0;
}

/* ---- rows of any kind */

/* How a column's fields are looked at for a type. */
static yk_csv_need need_of(yk_type type)
{
    return type.kind == YK_KIND_TEXT ? YK_CSV_QUOTES : type.kind == YK_KIND_INT ? YK_CSV_INT : type.kind == YK_KIND_REAL ? YK_CSV_REAL
        : YK_CSV_VALUE;
}

static unsigned slot_of(const yk_csv_cursor *c, unsigned column) { return (unsigned)(c->place_of[column] / YK_CSV_SPANS); }

/* Reads what is noted. */
static int fit_noted(yk_csv_cursor *c, yk_csv_fit *fits, yoke_error *err)
{
    for (unsigned i = 0; i < c->f->n_columns; i++) {
        uint32_t n = c->n_noted[i];
        if (n == 0)
            continue;
        unsigned        slot = slot_of(c, i);
        yk_csv_fit     *fit = &fits[slot];
        yk_csv_reading *r = &c->readings[slot];
        *r = (yk_csv_reading){.type = fit->type};
        YK_TRY(yk_csv_read_rows(c, slot, n, err));
        if (r->n < n && fit->is_given)
            return yk_csv_misfit(c, slot, n, fit->type, err);
        if (r->n < n)
            YK_TRY(yk_csv_wider(c, slot, n, fit->type, &fit->type, err));
        c->needs[i] = (uint8_t)need_of(fit->type);
        c->n_noted[i] = 0;
    }
    return 0;
}

/* The next n rows, whatever they are like. fits: their types are found; NULL: their fields. */
static int walk_any(yk_csv_cursor *c, uint32_t n, yk_csv_fit *fits, yoke_error *err)
{
    size_t at_hand = 0; /* where those rows begin */
    walk   w;
    w.word = w.row_begin = w.begin = w.masked_from = w.masked_to = 0;
    w.rows = w.fields = 0;
    w.odd = 0, w.sep_before = 1;
    w.is_fit = fits != NULL;
    w.other[0] = w.other[MASKS + 1] = w.point[0] = w.point[MASKS + 1] = 0;
    while (w.rows < n) {
        if (w.word < w.masked_to) {
            YK_TRY(fits ? walk_types(c, &w, n, err) : walk_fields(c, &w, n, err));
            if (w.row_begin - at_hand > AT_HAND && w.row_begin / WIDE > w.rows) {
                if (fits && w.begin > w.row_begin) /* not before a row is known to be one */
                    continue;
                if (fits)
                    YK_TRY(fit_noted(c, fits, err));
                else
                    read_ahead(c, w.rows);
                at_hand = w.row_begin;
            }
            continue;
        }
        bool is_there;
        YK_TRY(yk_csv_fill(c, w.word + 64, &is_there, err));
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

/* What is behind the last block comes first. */
static void begin_block(yk_csv_cursor *c)
{
    memmove(c->buf, c->buf + c->at, c->len - c->at);
    c->offset += c->at;
    c->len -= c->at;
    memset(c->buf + c->len, 0, YK_CSV_PAD);
    c->at = 0;
    yk_arena_clear(&c->texts);
    if (c->has_bad)
        memset(c->bad, 0, sizeof c->bad);
    c->has_bad = false;
}

int yk_csv_cursor_block(yk_csv_cursor *c, uint32_t n, yoke_error *err)
{
    begin_block(c);
    begin_readings(c);
    c->n = n;
    YK_TRY(c->ends ? walk_even(c, n, err) : walk_any(c, n, NULL, err));
    c->row += n;
    return 0;
}

int yk_csv_cursor_fit(yk_csv_cursor *c, uint32_t n, yk_csv_fit *fits, yoke_error *err)
{
    const unsigned n_columns = c->f->n_columns;
    if (!c->needs)
        c->needs = yk_new_array(uint8_t, n_columns);
    if (!c->n_noted)
        c->n_noted = yk_new_array(uint32_t, n_columns);
    if (!c->needs || !c->n_noted)
        return yk_fail_nomem(err, "finding the types of columns");
    begin_block(c);
    c->n = 0;
    for (unsigned i = 0; i < n_columns; i++) {
        unsigned slot = slot_of(c, i);
        c->needs[i] = (uint8_t)(slot < c->n_slots ? need_of(fits[slot].type) : YK_CSV_NOTHING);
        c->n_noted[i] = 0;
    }
    YK_TRY(walk_any(c, n, fits, err));
    YK_TRY(fit_noted(c, fits, err));
    c->row += n;
    return 0;
}
