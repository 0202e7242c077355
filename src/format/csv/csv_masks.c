/* SPDX-License-Identifier: BSD-3-Clause
 *
 * 64 bytes at a time as bit masks: where fields and rows end. Built once per instruction set.
 */
#include "format/csv/csv_file.h"

void YK_ISA(yk_k_csv_masks)(const char *p, size_t n_words, char delimiter, uint64_t *ret_newlines, uint64_t *ret_separators,
                            uint64_t *ret_quotes)
{
    for (size_t i = 0; i < n_words; i++, p += 64) {
        ret_newlines[i] = yk_csv_match(p, '\n');
        ret_separators[i] = yk_csv_match(p, delimiter) | ret_newlines[i];
        ret_quotes[i] = yk_csv_match(p, '"');
    }
}

/* Where the bits are, from `base` on; up to 64 are written, of which those behind the count are anything. */
static inline uint32_t *put_places(uint64_t bits, uint32_t base, uint32_t *to)
{
    uint32_t *end = to + __builtin_popcountll(bits);
#if defined(__AVX512F__)
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (uint32_t j = 0; j < 64; j += 16) {
        __mmask16 some = (__mmask16)(bits >> j);
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(some, _mm512_add_epi32(first, _mm512_set1_epi32((int)(base + j)))));
        to += __builtin_popcount(some);
    }
#else
    do /* most words have as many as this; how many exactly nobody could foresee */
        for (unsigned j = 0; j < 8; j++, bits &= bits - 1)
            *to++ = base + (uint32_t)__builtin_ctzll(bits | (uint64_t)1 << 63);
    while (to < end);
#endif
    return end;
}

size_t YK_ISA(yk_k_csv_ends)(const char *p, size_t n_words, char delimiter, uint32_t base, yk_csv_sweep *s, uint32_t *ret)
{
    uint32_t *to = ret;
    uint64_t *others = s->others ? s->others + base / 64 : NULL, *strange = s->strange ? s->strange + base / 64 : NULL;
    for (size_t i = 0; i < n_words; i++, p += 64, base += 64) {
        uint64_t quote = yk_csv_match(p, '"'), ends = yk_csv_match(p, '\n') | yk_csv_match(p, delimiter);
        if (quote | s->inside) {
            uint64_t inside = yk_csv_inside(quote) ^ -s->inside;
            ends &= ~inside;
            s->inside = inside >> 63;
            s->has_quotes = true;
        }
        if (others) {
            uint64_t digits = yk_csv_digits(p), signs = yk_csv_match(p, '-') & (ends << 1 | s->before) & digits >> 1;
            others[i] = ~(digits | signs);
            strange[i] = others[i] & ~yk_csv_match(p, '.');
            s->before = ends >> 63;
        }
        to = put_places(ends, base, to);
    }
    return (size_t)(to - ret);
}

/* Lines that end in a run of words, all but the first of which should have `want` delimiters. */
typedef struct fields {
    uint32_t want, n; /* n: delimiters of the line so far, as a word begins */
    uint32_t wrong;   /* not 0: a line had others */
    uint32_t lead;    /* those of the first line */
    bool     has_line;
} fields;

static inline void count_fields(fields *f, uint64_t newline, uint64_t delimiter)
{
    for (; newline; newline &= newline - 1) {
        /* in the word, lines that ended in it too */
        uint32_t before = (uint32_t)__builtin_popcountll(delimiter & ((newline & -newline) - 1));
        if (!f->has_line) {
            f->has_line = true;
            f->lead = f->n + before;
            f->n = f->want - before;
        }
        f->wrong |= f->n + before - f->want;
        f->n = -before;
    }
    f->n += (uint32_t)__builtin_popcountll(delimiter);
}

#if defined(__BMI2__)
/* Of bytes without a quote, a blank line or a line of the wrong number of delimiters, as most are; false: there may be one. How many lines
 * end in a word nobody can foresee, so they are looked at together: of delimiters and newlines, each n_columns'th is a newline. */
static bool count_plain(const char *p, size_t n, char delimiter, uint32_t n_columns, yk_csv_chunk *ret)
{
    const char *first = memchr(p, '\n', n), *end = p + n; /* two bytes from p a blank line from before p is over */
    uint64_t    ends[64] = {0}; /* bit i of [j]: after j delimiters of a line, the ith that comes is a newline */
    if (!first || first - p < 2 || n_columns > 64 || memchr(p, '"', (size_t)(first - p)))
        return false;
    for (uint32_t j = 0; j < n_columns; j++)
        for (uint32_t i = n_columns - 1 - j; i < 64; i += n_columns)
            ends[j] |= (uint64_t)1 << i;
    uint32_t lead = 0, tail = 0, rows = 1;
    uint64_t before = 1; /* the byte before is a newline */
    for (const char *c = p; c < first; c++)
        lead += *c == delimiter;
    for (const char *at = first + 1; at < end; at += 64) {
        uint64_t nl = yk_csv_match(at, '\n'), both = nl | yk_csv_match(at, delimiter);
        uint64_t quotes = yk_csv_match(at, '"'), blank = (nl | yk_csv_match(at, '\r')) & (nl << 1 | before);
        uint32_t n_both = (uint32_t)__builtin_popcountll(both), n_ends = (uint32_t)__builtin_popcountll(nl);
        if (blank | quotes | (_pext_u64(nl, both) ^ _bzhi_u64(ends[tail], n_both)))
            return false;
        before = nl >> 63;
        rows += n_ends;
        tail += n_both - n_ends * n_columns;
    }
    *ret = (yk_csv_chunk){.rows = {rows, 0}, .is_regular = {true, false}, .lead = {lead, 0}, .tail = {tail, 0}};
    return true;
}
#else
static bool count_plain(const char *p, size_t n, char delimiter, uint32_t n_columns, yk_csv_chunk *ret)
{
    (void)p, (void)n, (void)delimiter, (void)n_columns, (void)ret;
    return false;
}
#endif

yk_csv_chunk YK_ISA(yk_k_csv_count)(const char *p, size_t n, char delimiter, uint32_t n_columns)
{
    yk_csv_chunk plain;
    if (count_plain(p, n, delimiter, n_columns, &plain))
        return plain;
    /* A newline is blank when a newline, or a newline and CR, comes right before it. */
    uint64_t     nl_before = p[-1] == '\n', blank_cr_before = p[-1] == '\r' && p[-2] == '\n', odd = 0, stray[2] = {0, 0};
    /* whether a quote may open what comes next */
    uint64_t     may_open[2] = {p[-1] == '\n' || p[-1] == delimiter || p[-1] == '"', 0};
    yk_csv_chunk found = {.rows = {0, 0}};
    fields       f[2] = {{.want = n_columns - 1}, {.want = n_columns - 1}};
    bool         has_quotes = false;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t nl = yk_csv_match(p + i, '\n'), cr = yk_csv_match(p + i, '\r'), quote = yk_csv_match(p + i, '"');
        uint64_t after_nl = nl << 1 | nl_before, blank_cr = cr & after_nl, inside = 0;
        uint64_t ends = nl & ~(after_nl | (blank_cr << 1 | blank_cr_before)), delimiters = yk_csv_match(p + i, delimiter);
        nl_before = nl >> 63, blank_cr_before = blank_cr >> 63;
        if (quote | odd) {
            inside = yk_csv_inside(quote) ^ -odd;
            odd = inside >> 63;
            has_quotes = true;
        }
        found.rows[0] += (uint32_t)__builtin_popcountll(ends & ~inside);
        found.rows[1] += (uint32_t)__builtin_popcountll(ends & inside);
        for (unsigned begun = 0; begun <= has_quotes; begun++, inside = ~inside) {
            uint64_t outer = (nl | delimiters) & ~inside;
            stray[begun] |= quote & inside & ~((outer | quote) << 1 | may_open[begun]);
            may_open[begun] = (outer | quote) >> 63;
            count_fields(&f[begun], nl & ~inside, delimiters & ~inside);
        }
    }
    found.quotes = (uint32_t)odd;
    for (unsigned begun = 0; begun < 2; begun++) {
        found.is_regular[begun] = f[begun].has_line && !f[begun].wrong && !stray[begun];
        found.lead[begun] = f[begun].lead;
        found.tail[begun] = f[begun].n;
    }
    return found;
}
