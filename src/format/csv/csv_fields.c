/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Field after field: of a walk over rows of any kind, and of a column where rows are even. Built once per instruction set.
 */
#include "format/csv/csv_walk.h"

yk_csv_stop YK_ISA(yk_k_csv_walk)(yk_csv_walk *w)
{
    const char    *text = w->text;
    const uint32_t n_columns = w->n_columns;
    uint64_t       newline = w->newlines[(w->word - w->from) / 64], left = w->separator;
    size_t         word = w->word, begin = w->begin, row_begin = w->row_begin;
    uint32_t       fields = w->fields, rows = w->rows;
    yk_csv_stop    stop = YK_CSV_MORE;
    for (;;) {
        for (; left; left &= left - 1) {
            unsigned i = (unsigned)__builtin_ctzll(left);
            size_t   at = word + i, end = at;
            bool     is_last = newline >> i & 1;
            if (is_last) {
                end -= at > row_begin && text[at - 1] == '\r';
                if (end == row_begin) {
                    begin = row_begin = at + 1;
                    continue;
                }
                if (fields + 1 != n_columns) {
                    stop = YK_CSV_BAD;
                    break;
                }
            }
            if (fields < n_columns)
                w->spans[w->place_of[fields] + rows] = (yk_csv_span){(uint32_t)begin, (uint32_t)end};
            fields++;
            begin = at + 1;
            if (is_last) {
                row_begin = begin;
                fields = 0;
                if (++rows == w->n_rows) {
                    stop = YK_CSV_ENOUGH;
                    break;
                }
            }
        }
        if (stop != YK_CSV_MORE)
            break;
        word += 64;
        if (word == w->to)
            break;
        newline = w->newlines[(word - w->from) / 64];
        left = w->separators[(word - w->from) / 64];
    }
    w->word = word;
    w->separator = left;
    w->begin = begin, w->row_begin = row_begin;
    w->fields = fields, w->rows = rows;
    return stop;
}

/* The bits of `len` bytes, at most 56, from one on: moved up, so that the last one's is the highest. */
static inline uint64_t bits_of(const uint64_t *bits, uint32_t begin, uint32_t len)
{
    return yk_csv_load((const char *)bits + begin / 8) >> (begin & 7) << 1 << ((63 - len) & 63);
}

uint64_t YK_ISA(yk_k_csv_doubtful)(const yk_csv_sweep *s, const uint32_t *ends, size_t stride, uint32_t n, const char *text, bool is_real)
{
    enum { FIGURES = 18, LEN = 56 }; /* no integer of as many figures overflows */
    uint64_t doubtful = 0;
    for (uint32_t i = 0; i < n; i++, ends += stride) {
        uint32_t begin = ends[-1] + 1, end = *ends;
        if (text)
            end -= end > begin && text[end - 1] == '\r';
        uint32_t len = end - begin;
        uint64_t other = bits_of(s->others, begin, len);
        bool     is_odd = (other != 0) | (len > FIGURES);
        if (is_real) /* one point, and not it alone */
            is_odd = ((bits_of(s->strange, begin, len) | (other & (other - 1))) != 0) | ((len == 1) & (other != 0)) | (len > LEN);
        doubtful |= (uint64_t)is_odd << i;
    }
    return doubtful;
}
