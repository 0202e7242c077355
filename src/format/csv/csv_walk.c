/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the fields of rows are, found 64 bytes at a time by bit masks and noted as spans of the buffer. Where all rows have as many, the
 * ends of all fields are found in one sweep; elsewhere field after field. Of wide rows caches do not hold a block: there the columns that
 * were asked for last time are read every few rows, while their text is at hand.
 */
#include "format/csv/csv_cursor.h"
#include "format/csv/csv_walk.h"

enum {
    SWEEP_WORDS = 16,                  /* of 64 bytes, at once */
    SWEEP_ENDS = 1 << 15,              /* of fields: as many rows are swept where a block has more */
    WIDE = 1 << 10, AT_HAND = 1 << 17, /* bytes of a row, and of those that caches hold with what is read of them */
};

static int fail_short(const yk_csv_cursor *c, uint32_t rows, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "'%s' ends before row %llu; was it changed while it was read?", c->f->path,
                   (unsigned long long)(c->row + rows + 1));
}

/* What is behind the last rows comes first. */
static void begin_rows(yk_csv_cursor *c)
{
    memmove(c->buf, c->buf + c->at, c->len - c->at);
    c->offset += c->at;
    c->len -= c->at;
    c->at = 0;
    yk_csv_end_buffer(c);
    yk_arena_clear(&c->texts);
    if (c->has_bad)
        memset(c->bad, 0, sizeof c->bad);
    c->has_bad = false;
}

/* ---- rows of which all have as many fields, and each quote is at its place */

static uint32_t rows_of_sweep(unsigned n_columns)
{
    uint32_t n = SWEEP_ENDS / n_columns;
    return n >= YK_BLOCK / 4 ? YK_BLOCK : n ? n : 1;
}

int yk_csv_prepare_sweep(yk_csv_cursor *c, yoke_error *err)
{
    const yk_csv *f = c->f;
    if (!f->is_regular || f->n_columns < 2) /* lines of one column without a character are no rows, but look like others */
        return 0;
    c->sweep_rows = rows_of_sweep(f->n_columns);
    c->ends = yk_new_array(uint32_t, 1 + (size_t)c->sweep_rows * f->n_columns + (SWEEP_WORDS + 1) * 64);
    return c->ends ? 0 : yk_fail_nomem(err, "opening a CSV file");
}

/* Room for the bits of so many words. */
static int grow_bits(yk_csv_cursor *c, size_t n, yoke_error *err)
{
    if (n <= c->n_bits)
        return 0;
    n += n / 2;
    uint64_t *others = yk_realloc(c->sweep.others, n * sizeof *others);
    if (others)
        c->sweep.others = others;
    uint64_t *strange = others ? yk_realloc(c->sweep.strange, n * sizeof *strange) : NULL;
    if (!strange)
        return yk_fail_nomem(err, "reading CSV");
    c->sweep.strange = strange;
    c->n_bits = n;
    return 0;
}

/* Finds the ends of the fields of the next n rows, and the bits of their characters where these are wanted. */
static int sweep(yk_csv_cursor *c, uint32_t n, yoke_error *err)
{
    const unsigned n_columns = c->f->n_columns;
    yk_csv_sweep  *s = &c->sweep;
    size_t         n_ends = 0, want = (size_t)n * n_columns, word = 0;
    s->inside = 0, s->before = 1, s->has_quotes = false;
    c->ends[0] = UINT32_MAX; /* a field begins behind the end of the one before */
    while (n_ends < want) {
        bool is_there;
        YK_TRY(yk_csv_fill(c, word + 64 * SWEEP_WORDS, &is_there, err));
        if (word > c->len)
            return fail_short(c, (uint32_t)(n_ends / n_columns), err);
        size_t n_words = is_there ? SWEEP_WORDS : (c->len - word) / 64 + 1;
        if (s->others)
            YK_TRY(grow_bits(c, word / 64 + n_words + 1, err));
        n_ends += YK_ISA_PICK(yk_k_csv_ends)(c->buf + word, n_words, c->f->opts.delimiter, (uint32_t)word, s, c->ends + 1 + n_ends);
        word += 64 * n_words;
    }
    c->at = c->ends[want] < c->len ? c->ends[want] + 1 : c->len;
    return 0;
}

/* Notes the fields of a column in those of the n rows, from `first` on, that are bits of `which`. */
static uint32_t note_some(yk_csv_cursor *c, unsigned column, uint32_t first, uint64_t which, yk_csv_span *to)
{
    const unsigned  n_columns = c->f->n_columns;
    const uint32_t *before = c->ends + column; /* the end of the field before */
    uint32_t        n = 0;
    for (; which; which &= which - 1) {
        size_t      i = (size_t)n_columns * (first + (unsigned)__builtin_ctzll(which));
        yk_csv_span s = {before[i] + 1, before[i + 1]};
        s.to -= column + 1 == n_columns && s.to > s.from && c->buf[s.to - 1] == '\r';
        to[n++] = s;
    }
    return n;
}

/* Where a column is not wanted, c->n_slots. */
static unsigned slot_of(const yk_csv_cursor *c, unsigned column) { return (unsigned)(c->place_of[column] / YK_CSV_SPANS); }

static void note_column(yk_csv_cursor *c, unsigned column, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 64)
        note_some(c, column, i, n - i < 64 ? ((uint64_t)1 << (n - i)) - 1 : ~(uint64_t)0, c->spans + c->place_of[column] + i);
}

/* ---- rows of any kind */

/* Row i is none. */
static int bad_row(yk_csv_cursor *c, uint32_t i, size_t begin, uint32_t fields, yoke_error *err)
{
    if (!c->f->opts.skip_bad)
        return yk_fail(err, YOKE_EFORMAT, "'%s', line %llu: %u field%s where %u are expected; --bad-rows skip passes over such rows",
                       c->f->path, (unsigned long long)yk_csv_line_of(c->f, c->offset + begin), fields, fields == 1 ? "" : "s",
                       c->f->n_columns);
    c->has_bad = true;
    c->bad[i >> 6] |= (uint64_t)1 << (i & 63);
    for (unsigned s = 0; s < c->n_slots; s++)
        c->spans[(size_t)s * YK_CSV_SPANS + i] = (yk_csv_span){0, 0};
    return 0;
}

typedef struct walk {
    yk_csv_walk w;
    uint64_t    odd;      /* inside quotes behind the words that are seen */
    uint64_t    may_open; /* the byte before may precede an opening quote */
} walk;

/* Sees the next words, of which the last may be incomplete. */
static int look(const yk_csv_cursor *c, walk *k, yoke_error *err)
{
    yk_csv_walk *w = &k->w;
    size_t       n = (c->len - w->word) / 64;
    n = n == 0 ? 1 : n < YK_CSV_WORDS ? n : YK_CSV_WORDS;
    YK_ISA_PICK(yk_k_csv_masks)(c->buf + w->word, n, c->f->opts.delimiter, w->newlines, w->separators, w->quotes);
    for (size_t i = 0; i < n; i++) {
        uint64_t quote = w->quotes[i], *separator = &w->separators[i];
        if (quote | k->odd) {
            uint64_t inside = yk_csv_inside(quote) ^ -k->odd, outer = *separator & ~inside;
            uint64_t stray = quote & inside & ~((outer | quote) << 1 | k->may_open);
            if (stray && i == 0)
                return yk_csv_stray_quote(c, w->word + (size_t)__builtin_ctzll(stray), err);
            if (stray) { /* if the walk comes so far */
                n = i;
                break;
            }
            *separator = outer;
            k->odd = inside >> 63;
        }
        k->may_open = (*separator | quote) >> 63;
    }
    w->text = c->buf;
    w->from = w->word;
    w->to = w->word + 64 * n;
    w->separator = w->separators[0];
    return 0;
}

/* Goes on behind a row that is none. */
static int pass_bad(yk_csv_cursor *c, yk_csv_walk *w, yoke_error *err)
{
    YK_TRY(bad_row(c, w->rows, w->row_begin, w->fields + 1, err));
    w->begin = w->row_begin = w->word + (size_t)__builtin_ctzll(w->separator) + 1;
    w->separator &= w->separator - 1;
    w->fields = 0;
    w->rows++;
    return 0;
}

/* What is wrong with a value is told of when it is asked for. */
static void read_ahead(yk_csv_cursor *c, uint32_t end)
{
    for (unsigned s = 0; s < c->n_slots; s++)
        if (c->readings[s].is_ahead && yk_csv_read_rows(c, s, end, NULL) < 0)
            c->readings[s].is_ahead = false;
}

static int walk_rows(yk_csv_cursor *c, uint32_t n, yoke_error *err)
{
    size_t       at_hand = 0; /* where those rows begin */
    walk         k;
    yk_csv_walk *w = &k.w;
    w->n_columns = c->f->n_columns, w->n_rows = n;
    w->spans = c->spans, w->place_of = c->place_of;
    w->word = w->row_begin = w->begin = w->from = w->to = 0;
    w->rows = w->fields = 0;
    k.odd = 0, k.may_open = 1;
    while (w->rows < n) {
        if (w->word == w->to) {
            bool is_there;
            YK_TRY(yk_csv_fill(c, w->word + 64, &is_there, err));
            if (w->word > c->len)
                return fail_short(c, w->rows, err);
            YK_TRY(look(c, &k, err));
        }
        if (YK_ISA_PICK(yk_k_csv_walk)(w) == YK_CSV_BAD)
            YK_TRY(pass_bad(c, w, err));
        if (w->row_begin - at_hand > AT_HAND && w->row_begin / WIDE > w->rows) {
            read_ahead(c, w->rows);
            at_hand = w->row_begin;
        }
    }
    c->at = w->begin < c->len ? w->begin : c->len;
    return 0;
}

/* ---- */

/* A new block: none of its values have been read. Texts lie in the buffer, which may move. */
static void begin_readings(yk_csv_cursor *c)
{
    for (unsigned s = 0; s < c->n_slots; s++) {
        yk_csv_reading *r = &c->readings[s];
        *r = (yk_csv_reading){.type = r->type, .is_ahead = r->is_asked && !yk_kind_is_bytes(r->type.kind)};
    }
}

int yk_csv_cursor_block(yk_csv_cursor *c, uint32_t n, yoke_error *err)
{
    begin_rows(c);
    begin_readings(c);
    c->n = n;
    if (n <= c->sweep_rows) {
        YK_TRY(sweep(c, n, err));
        for (unsigned i = 0; i < c->f->n_columns; i++)
            if (slot_of(c, i) < c->n_slots)
                note_column(c, i, n);
    } else {
        YK_TRY(walk_rows(c, n, err));
    }
    c->row += n;
    return 0;
}

/* ---- types */

/* Those of up to 64 texts that begin with a quote and do not end with one. */
static uint64_t half_quoted(const yk_csv_cursor *c, const uint32_t *ends, uint32_t n, bool is_last)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < n; i++, ends += c->f->n_columns) {
        const char *begin = c->buf + (uint32_t)(ends[-1] + 1), *end = c->buf + *ends;
        end -= is_last && end > begin && end[-1] == '\r';
        found |= (uint64_t)(end > begin && *begin == '"' && (end == begin + 1 || end[-1] != '"')) << i;
    }
    return found;
}

/* Notes those fields of a column's next n rows that must be read to know whether they fit. */
static uint32_t note_doubtful(yk_csv_cursor *c, unsigned column, uint32_t n, yk_kind kind)
{
    const unsigned n_columns = c->f->n_columns;
    bool           is_last = column + 1 == n_columns;
    yk_csv_span   *to = c->spans + c->place_of[column];
    uint32_t       n_noted = 0;
    for (uint32_t i = 0; i < n; i += 64) {
        const uint32_t *ends = c->ends + 1 + column + (size_t)i * n_columns;
        uint32_t        some = n - i < 64 ? n - i : 64;
        uint64_t        which = ~(uint64_t)0 >> (64 - some);
        if (kind == YK_KIND_TEXT)
            which = half_quoted(c, ends, some, is_last);
        else if (kind == YK_KIND_INT || kind == YK_KIND_REAL)
            which = YK_ISA_PICK(yk_k_csv_doubtful)(&c->sweep, ends, n_columns, some, is_last ? c->buf : NULL, kind == YK_KIND_REAL);
        n_noted += note_some(c, column, i, which, to + n_noted);
    }
    return n_noted;
}

/* The slot's first n spans, as values of the type that all others have. */
static int fit_values(yk_csv_cursor *c, unsigned slot, uint32_t n, yk_csv_fit *fit, yoke_error *err)
{
    yk_csv_reading *r = &c->readings[slot];
    *r = (yk_csv_reading){.type = fit->type};
    YK_TRY(yk_csv_read_rows(c, slot, n, err));
    if (r->n == n)
        return 0;
    return fit->is_given ? yk_csv_misfit(c, slot, n, fit->type, err) : yk_csv_wider(c, slot, n, fit->type, &fit->type, err);
}

static int fit_swept(yk_csv_cursor *c, uint32_t n, yk_csv_fit *fits, yoke_error *err)
{
    YK_TRY(grow_bits(c, 1, err));
    YK_TRY(sweep(c, n, err));
    for (unsigned i = 0; i < c->f->n_columns; i++) {
        unsigned slot = slot_of(c, i);
        if (slot == c->n_slots || (fits[slot].type.kind == YK_KIND_TEXT && !c->sweep.has_quotes))
            continue;
        YK_TRY(fit_values(c, slot, note_doubtful(c, i, n, fits[slot].type.kind), &fits[slot], err));
    }
    return 0;
}

int yk_csv_cursor_fit(yk_csv_cursor *c, uint32_t n, yk_csv_fit *fits, yoke_error *err)
{
    for (uint32_t some; n > 0; n -= some) {
        some = n < YK_BLOCK ? n : YK_BLOCK;
        if (c->sweep_rows && some > c->sweep_rows)
            some = c->sweep_rows;
        begin_rows(c);
        c->n = 0;
        if (c->sweep_rows) {
            YK_TRY(fit_swept(c, some, fits, err));
        } else {
            YK_TRY(walk_rows(c, some, err));
            for (unsigned s = 0; s < c->n_slots; s++)
                YK_TRY(fit_values(c, s, some, &fits[s], err));
        }
        c->row += some;
    }
    return 0;
}
