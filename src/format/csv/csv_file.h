/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parts of the CSV reader share: the open file, 64 bytes seen as bit masks, and how a field becomes a value.
 */
#ifndef YK_FORMAT_CSV_FILE_H
#define YK_FORMAT_CSV_FILE_H

#include "base/file.h"
#include "format/csv/csv.h"
#include "numeric/isa.h"

#include <endian.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    YK_CSV_CHUNK = 1 << 20, /* bytes of one chunk */
    YK_CSV_PAD = 64,        /* bytes that may be read beyond what is there */
};

struct yk_csv {
    char       *path;
    yk_input    input; /* it, or what it was unpacked to */
    uint64_t    size;
    yk_csv_opts opts; /* with delimiter and header found out */
    char      **names;
    unsigned    n_columns;
    uint64_t    n_rows;
    uint64_t   *ends;  /* of rows, before chunk i; one more entry than chunks */
    uint8_t    *quoted; /* chunk i begins inside quotes */
    bool        is_regular;
};

/* Opens `path` as plain bytes, unpacked where needed. Borrows `name`, which it is called in messages, until it is closed. */
int yk_csv_input(const char *path, const char *name, const yk_csv_opts *opts, yk_input *ret, yoke_error *err) YK_MUST_USE;

/* A byte order mark where a file begins is as good as empty lines: the first n bytes of one. */
static inline void yk_csv_unmark(char *bytes, size_t n)
{
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        memset(bytes, '\n', 3);
}

/* Bit i: byte i is c. */
static inline uint64_t yk_csv_match(const char *p, char c)
{
    uint64_t m = 0;
#if defined(__AVX512BW__)
    m = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), _mm512_set1_epi8(c));
#elif defined(__AVX2__)
    __m256i want = _mm256_set1_epi8(c);
    for (unsigned i = 0; i < 2; i++)
        m |= (uint64_t)(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(p + 32 * i)),
                                                                        want)) << (32 * i);
#elif defined(__x86_64__)
    __m128i want = _mm_set1_epi8(c);
    for (unsigned i = 0; i < 4; i++)
        m |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), want)) << (16 * i);
#else
    for (unsigned i = 0; i < 64; i++)
        m |= (uint64_t)(p[i] == c) << i;
#endif
    return m;
}

/* Bit i: byte i is a digit. */
static inline uint64_t yk_csv_digits(const char *p)
{
    uint64_t m = 0;
#if defined(__AVX512BW__)
    m = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(_mm512_loadu_si512(p), _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
#elif defined(__x86_64__)
    for (unsigned i = 0; i < 4; i++) {
        __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), _mm_set1_epi8('0'));
        m |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v)) << (16 * i);
    }
#else
    for (unsigned i = 0; i < 64; i++)
        m |= (uint64_t)((unsigned char)(p[i] - '0') < 10) << i;
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

/* Of n_words times 64 bytes: newlines; delimiters and newlines; quotes. */
YK_ISA_DECLARE(void, yk_k_csv_masks, (const char *p, size_t n_words, char delimiter, uint64_t *ret_newlines, uint64_t *ret_separators,
                                      uint64_t *ret_quotes));

/* What is known between words of one sweep over bytes that begin a row, and their bits. */
typedef struct yk_csv_sweep {
    uint64_t  inside; /* 1: inside quotes */
    uint64_t  before; /* 1: the byte before is a separator */
    bool      has_quotes;
    /* a bit of each byte from the sweep's begin on: neither a digit nor a minus between a separator and a digit of the same word; of those
     * none that is a point. NULL: not wanted */
    uint64_t *others, *strange;
} yk_csv_sweep;

/* Where fields end: the delimiters and newlines outside quotes, in n_words * 64 bytes that are `base` behind the sweep's begin. Of
 * n_words * 64 + 64 places in `ret` those behind the count that is returned are anything. */
YK_ISA_DECLARE(size_t, yk_k_csv_ends, (const char *p, size_t n_words, char delimiter, uint32_t base, yk_csv_sweep *s, uint32_t *ret));

/* Of a column's fields in up to 64 rows, which ends[0], ends[stride], … end and those before begin behind: those that are not missing and,
 * by their characters alone, no number as most are, but may be one. text: what was swept, where CR may be at their ends; NULL: it is not.
 * `others` and `strange` have a word more than was swept. */
YK_ISA_DECLARE(uint64_t, yk_k_csv_doubtful, (const yk_csv_sweep *s, const uint32_t *ends, size_t stride, uint32_t n, const char *text,
                                             bool is_real));

/* What n bytes hold, when they begin outside quotes. Two bytes before p tell whether it begins with a blank line; YK_CSV_PAD bytes after
 * them are 0. */
YK_ISA_DECLARE(yk_csv_chunk, yk_k_csv_count, (const char *p, size_t n, char delimiter, uint32_t n_columns));

/* Eight characters, the first in the lowest byte. */
static inline uint64_t yk_csv_load(const char *s)
{
    uint64_t w;
    memcpy(&w, s, sizeof w);
    return le64toh(w);
}

/* A byte of eight, in each of them; and what of these is often wanted. */
#define YK_CSV_ONES  0x0101010101010101u
#define YK_CSV_ZEROS ('0' * YK_CSV_ONES)
#define YK_CSV_TOPS  (0x80 * YK_CSV_ONES)

/* Not 0: eight characters are not those of `pattern`, any digit where that has a 0; else *ret are the digits, each in its byte. */
static inline uint64_t yk_csv_differs(uint64_t w, const char pattern[8], uint64_t *ret)
{
    const uint64_t p = yk_csv_load(pattern), others = ((p ^ YK_CSV_ZEROS) + 0x7f * YK_CSV_ONES) >> 7 & YK_CSV_ONES; /* no digits there */
    *ret = w ^ p;
    return (*ret | (*ret + (0x76 * YK_CSV_ONES + 9 * others))) & YK_CSV_TOPS;
}

/* The number of eight digits, as `yk_csv_differs` gives them. */
static inline uint32_t yk_csv_eight(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8); /* pairs, in every other byte */
    return (uint32_t)(((digits & 0x000000ff000000ffu) * 0x000f424000000064u +
                       (digits >> 16 & 0x000000ff000000ffu) * 0x0000271000000001u) >> 32);
}

/* The number of the digits at places k and k + 1. */
static inline uint64_t yk_csv_two(uint64_t digits, unsigned k) { return (digits >> 8 * k & 15) * 10 + (digits >> 8 * (k + 1) & 15); }

/* Not 0 where it is not so that a <= b, both being small. */
static inline uint64_t yk_csv_unless_within(uint64_t a, uint64_t b) { return (uint64_t)((int64_t)(b - a) >> 63); }

/* Days since 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March, of "2022-05-" and, from the year's last
 * digit on, "2-05-31 "; not 0: there is no such day. */
static inline uint64_t yk_csv_days(uint64_t year_chars, uint64_t day_chars, int64_t *ret)
{
    uint64_t year_digits, day_digits;
    uint64_t bad = yk_csv_differs(year_chars, "0000-00-", &year_digits) | yk_csv_differs(day_chars, "0-00-00 ", &day_digits);
    uint64_t year = yk_csv_two(year_digits, 0) * 100 + yk_csv_two(year_digits, 2);
    uint64_t month = yk_csv_two(day_digits, 2), day = yk_csv_two(day_digits, 5);
    uint64_t century = (year * 5243) >> 19; /* year / 100, for years below 10000 */
    uint64_t is_leap = (uint64_t)((year & 3) == 0) & ((uint64_t)(century * 100 != year) | (uint64_t)((century & 3) == 0));
    uint64_t length = month == 2 ? 28 + is_leap : 30 + ((month + (month >> 3)) & 1);
    bad |= yk_csv_unless_within(1, month) | yk_csv_unless_within(month, 12);
    bad |= yk_csv_unless_within(1, day) | yk_csv_unless_within(day, length);
    uint64_t is_early = (uint64_t)(month < 3), y = year + 400 - is_early, of_march = month + 12 * is_early - 3;
    uint64_t c = (y * 5243) >> 19, of_year = (979 * of_march + 15) >> 5; /* (153 m + 2) / 5 */
    *ret = (int64_t)(365 * y + (y >> 2) - c + (c >> 2) + of_year + day) - 1 - 719468 - 146097;
    return bad;
}

/* Those of the day's characters, of a date that nothing may follow. */
static inline uint64_t yk_csv_day_alone(uint64_t day_chars) { return (day_chars & ~(uint64_t)0 >> 8) | (uint64_t)' ' << 56; }

/* A field: bytes [from, to) of some text. */
typedef struct yk_csv_span {
    uint32_t from, to;
} yk_csv_span;

/* Reads up to YK_CSV_GROUP fields that are as most are written. Bit i of what is returned: values[i] is that of field i; others are for
 * the functions below. YK_CSV_PAD bytes may be read behind each field's begin. Dates are days, times microseconds. */
enum { YK_CSV_GROUP = 64 };
YK_ISA_DECLARE(uint64_t, yk_k_csv_ints, (const char *text, const yk_csv_span *fields, uint32_t n, int64_t *values));
YK_ISA_DECLARE(uint64_t, yk_k_csv_reals, (const char *text, const yk_csv_span *fields, uint32_t n, double *values));
YK_ISA_DECLARE(uint64_t, yk_k_csv_dates, (const char *text, const yk_csv_span *fields, uint32_t n, int64_t *values));
YK_ISA_DECLARE(uint64_t, yk_k_csv_times, (const char *text, const yk_csv_span *fields, uint32_t n, bool is_utc, int64_t *values));

/* The fields of such a group of which `bad` is 0, as bits. */
static inline uint64_t yk_csv_good(const uint64_t *bad, uint32_t n)
{
    uint64_t good = 0;
    for (uint64_t i = 0; i < YK_CSV_GROUP; i++)
        good |= (uint64_t)(bad[i] == 0) << i;
    return n < YK_CSV_GROUP ? good & (((uint64_t)1 << n) - 1) : good;
}

/* Reads a field, without its quotes, as a number or time; false when it is none. Nothing is missing here. */
bool yk_csv_int(const char *s, size_t n, int64_t *ret);
bool yk_csv_real(const char *s, size_t n, double *ret);
bool yk_csv_bool(const char *s, size_t n, uint8_t *ret);
bool yk_csv_date(const char *s, size_t n, int64_t *ret);
bool yk_csv_time(const char *s, size_t n, yk_type type, int64_t *ret); /* for UTC it says its zone; for times of no zone it may */

#endif
