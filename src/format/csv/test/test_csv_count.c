/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is counted 64 bytes at a time, against one byte after the other.
 */
#include "base/test/check.h"
#include "format/csv/csv_file.h"

#include <stdlib.h>

enum { MOST = 1 << 12, LEAD = 2 };

typedef struct sample {
    char     bytes[LEAD + MOST + YK_CSV_PAD];
    size_t   n; /* after LEAD */
    uint32_t n_columns;
} sample;

/* Lines of the right number of fields, mostly, some with quotes and CR, the first of them from its middle on. */
static void fill(sample *s, int round)
{
    memset(s, 0, sizeof *s);
    size_t   most = 1 + random_bits() % MOST, n = 0;
    unsigned faults = round % 3 ? 0 : 1 + random_bits() % 50; /* in a thousand fields */
    bool     has_cr = round % 5 == 1, has_quotes = round % 7 == 1;
    s->n_columns = round % 4 ? 1 + random_bits() % 12 : 1 + random_bits() % 100;
    memcpy(s->bytes, random_bits() % 3 ? "1," : random_bits() % 2 ? "1\n" : "\n\r", LEAD);
    uint32_t column = random_bits() % s->n_columns;
    while (n < most) {
        char     field[24];
        unsigned len = (unsigned)(random_bits() % 9), at = 0;
        bool     is_quoted = has_quotes && random_bits() % 4 == 0;
        if (is_quoted)
            field[at++] = '"';
        for (unsigned i = 0; i < len; i++)
            field[at++] = is_quoted && random_bits() % 9 == 0 ? ",\n"[random_bits() % 2] : (char)('0' + random_bits() % 10);
        if (is_quoted)
            field[at++] = '"';
        if (random_bits() % 1000 < faults)
            field[at++] = "\n,\"\r"[random_bits() % 4];
        char c = ++column < s->n_columns ? ',' : '\n';
        if (c == '\n' && has_cr)
            field[at++] = '\r';
        field[at++] = c;
        column = c == '\n' ? 0 : column;
        for (unsigned i = 0; i < at && n < most; i++)
            s->bytes[LEAD + n++] = field[i];
    }
    s->n = most;
}

/* A newline after a newline, or after both and a CR between them, ends no row. */
static bool is_blank(const char *p) { return p[-1] == '\n' || (p[-1] == '\r' && p[-2] == '\n'); }

static void count(const sample *s, bool begun, yk_csv_chunk *ret)
{
    const char *p = s->bytes + LEAD;
    bool        is_inside = begun, has_line = false, is_regular = true;
    uint32_t    n = 0;
    for (size_t i = 0; i < s->n; i++) {
        /* a quote opens after a delimiter, a newline or the quote it doubles */
        if (p[i] == '"' && !is_inside && !strchr("\n,\"", p[(long)i - 1]))
            is_regular = false;
        is_inside ^= p[i] == '"';
        n += p[i] == ',' && !is_inside;
        if (p[i] != '\n' || is_inside)
            continue;
        ret->rows[begun] += !is_blank(p + i);
        if (has_line && n != s->n_columns - 1)
            is_regular = false;
        ret->lead[begun] = has_line ? ret->lead[begun] : n;
        has_line = true;
        n = 0;
    }
    ret->quotes = is_inside ^ begun;
    ret->tail[begun] = n;
    ret->is_regular[begun] = is_regular && has_line;
}

TEST(every_build_counts_as_one_byte_after_the_other_does)
{
    static sample s;
    unsigned      n_regular[2] = {0, 0}, n_plain = 0;
    for (int round = 0; round < 20000; round++) {
        yk_csv_chunk want = {.rows = {0, 0}};
        fill(&s, round);
        count(&s, false, &want);
        count(&s, true, &want);
        n_plain += want.is_regular[0] && !memchr(s.bytes + LEAD, '"', s.n);
        for (int isa = 0; isa < YK_ISA_COUNT; isa++) {
            yk_isa_limit((yk_isa)isa);
            yk_csv_chunk got = YK_ISA_PICK(yk_k_csv_count)(s.bytes + LEAD, s.n, ',', s.n_columns);
            assert_int_equal(got.quotes, want.quotes);
            for (unsigned begun = 0; begun < 2; begun++) {
                assert_int_equal(got.rows[begun], want.rows[begun]);
                assert_int_equal(got.is_regular[begun], want.is_regular[begun]);
                n_regular[begun] += got.is_regular[begun];
                if (!want.is_regular[begun])
                    continue;
                assert_int_equal(got.lead[begun], want.lead[begun]);
                assert_int_equal(got.tail[begun], want.tail[begun]);
            }
        }
    }
    assert_true(n_regular[0] > 30000 && n_regular[0] < 57000 && n_regular[1] > 50 && n_plain > 5000);
}

TEST(every_build_finds_the_same_ends_of_fields)
{
    static sample   s;
    static uint32_t got[MOST + 128];
    for (int round = 0; round < 20000; round++) {
        fill(&s, round);
        size_t n_words = (s.n + 63) / 64;
        for (int isa = 0; isa < YK_ISA_COUNT; isa++) {
            yk_isa_limit((yk_isa)isa);
            yk_csv_sweep sweep = {.before = 1};
            bool         is_inside = false;
            size_t       n = YK_ISA_PICK(yk_k_csv_ends)(s.bytes + LEAD, n_words, ',', 100, &sweep, got), at = 0;
            for (size_t i = 0; i < s.n; i++) {
                char c = s.bytes[LEAD + i];
                is_inside ^= c == '"';
                if ((c == ',' || c == '\n') && !is_inside)
                    assert_int_equal(got[at++], 100 + i);
            }
            assert_int_equal(n, at);
            assert_int_equal(sweep.inside, is_inside);
        }
    }
}

RUN_TESTS(every_build_counts_as_one_byte_after_the_other_does, every_build_finds_the_same_ends_of_fields)
