/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parts of the CSV reader share: the open file, 64 bytes seen as bit masks, and how a field becomes a value.
 */
#ifndef YK_FORMAT_CSV_FILE_H
#define YK_FORMAT_CSV_FILE_H

#include "format/csv/csv.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    YK_CSV_CHUNK = 1 << 20, /* bytes of one chunk */
    YK_CSV_PAD = 64,        /* bytes that may be read beyond what is there */
};

struct yk_csv {
    char       *path;
    int         fd;
    uint64_t    size;
    yk_csv_opts opts; /* with delimiter and header found out */
    char      **names;
    unsigned    n_columns;
    uint64_t    n_rows;
    uint64_t   *ends;  /* of rows, before chunk i; one more entry than chunks */
    uint8_t    *quoted; /* chunk i begins inside quotes */
};

/* Opens `path` as plain bytes, unpacked where needed. */
int yk_csv_input(const char *path, int *ret_fd, uint64_t *ret_size, yoke_error *err) YK_MUST_USE;

typedef struct yk_csv_mask {
    uint64_t delimiter, quote, newline, cr;
} yk_csv_mask;

static inline uint64_t yk_csv_match(const char *p, char c)
{
    uint64_t m = 0;
#ifdef __SSE2__
    __m128i want = _mm_set1_epi8(c);
    for (unsigned i = 0; i < 4; i++)
        m |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), want)) << (16 * i);
#else
    for (unsigned i = 0; i < 64; i++)
        m |= (uint64_t)(p[i] == c) << i;
#endif
    return m;
}

/* Bit i: an odd number of quotes at or before byte i. */
static inline uint64_t yk_csv_inside(uint64_t quotes)
{
    for (unsigned s = 1; s < 64; s <<= 1)
        quotes ^= quotes << s;
    return quotes;
}

/* Reads a field, without its quotes, as a number or time; false when it is none. Nothing is missing here. */
bool yk_csv_int(const char *s, size_t n, int64_t *ret);
bool yk_csv_real(const char *s, size_t n, double *ret);
bool yk_csv_bool(const char *s, size_t n, uint8_t *ret);
bool yk_csv_time(const char *s, size_t n, yk_unit unit, bool is_date, int64_t *ret);

#endif
