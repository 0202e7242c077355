/* SPDX-License-Identifier: BSD-3-Clause
 *
 * 64 bytes at a time as bit masks: where fields and rows end. Built once per instruction set.
 */
#include "format/csv/csv_file.h"

void YK_ISA(yk_k_csv_masks)(const char *p, size_t n_words, char delimiter, yk_csv_mask *ret)
{
    for (size_t i = 0; i < n_words; i++) {
        uint64_t newline = yk_csv_match(p + 64 * i, '\n');
        ret[i] = (yk_csv_mask){newline, yk_csv_match(p + 64 * i, delimiter) | newline, yk_csv_match(p + 64 * i, '"')};
    }
}

yk_csv_chunk YK_ISA(yk_k_csv_count)(const char *p, size_t n)
{
    /* A newline is blank when a newline, or a newline and CR, comes right before it. */
    uint64_t     nl_before = p[-1] == '\n', blank_cr_before = p[-1] == '\r' && p[-2] == '\n', odd = 0;
    yk_csv_chunk found = {{0, 0}, 0};
    for (size_t i = 0; i < n; i += 64) {
        uint64_t nl = yk_csv_match(p + i, '\n'), cr = yk_csv_match(p + i, '\r'), quote = yk_csv_match(p + i, '"');
        uint64_t after_nl = nl << 1 | nl_before, blank_cr = cr & after_nl;
        uint64_t ends = nl & ~(after_nl | (blank_cr << 1 | blank_cr_before));
        uint64_t inside = quote ? yk_csv_inside(quote) ^ -odd : -odd;
        found.rows[0] += (uint32_t)__builtin_popcountll(ends & ~inside);
        found.rows[1] += (uint32_t)__builtin_popcountll(ends & inside);
        odd = inside >> 63, nl_before = nl >> 63, blank_cr_before = blank_cr >> 63;
    }
    found.quotes = (uint32_t)odd;
    return found;
}
