/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Dates and times as most are, many at a time: "2022-05-31", and behind it a space or T, "23:59:59", up to six digits of a second and Z.
 * Eight characters are looked at together, without a branch, so that the words of several fields fill a vector. Built once per
 * instruction set.
 */
#include "format/csv/csv_file.h"

#define ONES 0x0101010101010101u

enum { N = YK_CSV_GROUP };

/* The characters of some fields. */
typedef struct fields {
    uint64_t year[N];   /* "2022-05-" */
    uint64_t day[N];    /* "2-05-31 ", from the year's last digit on */
    uint64_t time[N];   /* "23:59:59" */
    uint64_t second[N]; /* what follows the point, then zeros */
    uint64_t bad[N];    /* not 0: it is none of this length */
} fields;

static inline void load_day(const char *p, fields *f, uint32_t i)
{
    f->year[i] = yk_csv_load(p);
    f->day[i] = yk_csv_load(p + 3);
}

/* The digit in the k-th byte. */
static inline uint64_t digit(uint64_t digits, unsigned k) { return digits >> 8 * k & 15; }

static inline uint64_t two(uint64_t digits, unsigned k) { return digit(digits, k) * 10 + digit(digits, k + 1); }

/* All bits where it is not so that a <= b, both being small. */
static inline uint64_t unless_less_equal(uint64_t a, uint64_t b) { return (uint64_t)((int64_t)(b - a) >> 63); }

/* Not 0: eight characters are not those of the pattern, any digit where that has a 0; else *ret are the digits. */
static inline uint64_t misfit(uint64_t w, const char pattern[8], uint64_t *ret)
{
    const uint64_t tops = 0x80 * ONES, p = yk_csv_load(pattern);
    const uint64_t others = ((p ^ '0' * ONES) + 0x7f * ONES) >> 7 & ONES; /* places without a digit */
    *ret = w ^ p;
    return (*ret | (*ret + (0x76 * ONES + 9 * others))) & tops;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March, and whether there is no such day. */
static inline uint64_t days(uint64_t year_chars, uint64_t day_chars, int64_t *ret)
{
    uint64_t year_digits, day_digits, bad = misfit(year_chars, "0000-00-", &year_digits) | misfit(day_chars, "0-00-00 ", &day_digits);
    uint64_t year = two(year_digits, 0) * 100 + two(year_digits, 2), month = two(day_digits, 2), day = two(day_digits, 5);
    uint64_t century = (year * 5243) >> 19; /* year / 100, for years below 10000 */
    uint64_t is_leap = (uint64_t)((year & 3) == 0) & ((uint64_t)(century * 100 != year) | (uint64_t)((century & 3) == 0));
    uint64_t length = month == 2 ? 28 + is_leap : 30 + ((month + (month >> 3)) & 1);
    bad |= unless_less_equal(1, month) | unless_less_equal(month, 12) | unless_less_equal(1, day) | unless_less_equal(day, length);
    uint64_t is_early = (uint64_t)(month < 3), y = year + 400 - is_early, of_march = month + 12 * is_early - 3;
    uint64_t c = (y * 5243) >> 19, of_year = (979 * of_march + 15) >> 5; /* (153 m + 2) / 5 */
    *ret = (int64_t)(365 * y + (y >> 2) - c + (c >> 2) + of_year + day) - 1 - 719468 - 146097;
    return bad;
}

static inline uint64_t pack(const uint64_t *bad, uint32_t n)
{
    uint64_t good = 0;
    for (uint64_t i = 0; i < N; i++)
        good |= (uint64_t)(bad[i] == 0) << i;
    return n < N ? good & (((uint64_t)1 << n) - 1) : good;
}

uint64_t YK_ISA(yk_k_csv_dates)(const char *text, const yk_csv_span *s, uint32_t n, int64_t *values)
{
    fields f;
    for (uint32_t i = 0; i < n; i++) {
        load_day(text + s[i].from, &f, i);
        f.bad[i] = s[i].to - s[i].from != 10;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t day = (f.day[i] & ~(uint64_t)0 >> 8) | (uint64_t)' ' << 56;
        f.bad[i] |= days(f.year[i], day, &values[i]);
    }
    return pack(f.bad, n);
}

uint64_t YK_ISA(yk_k_csv_times)(const char *text, const yk_csv_span *s, uint32_t n, int64_t *values)
{
    enum { SECONDS = 19, POINT = SECONDS + 1 };
    fields f;
    for (uint32_t i = 0; i < n; i++) {
        const char *p = text + s[i].from;
        uint64_t    len = s[i].to - s[i].from, n_behind;
        load_day(p, &f, i);
        f.time[i] = yk_csv_load(p + 11);
        len -= len > SECONDS && p[len - 1] == 'Z';
        n_behind = len > POINT && p[SECONDS] == '.' ? len - POINT : 0;
        f.bad[i] = len != SECONDS && n_behind - 1 > 5;
        uint64_t kept = ~(~(uint64_t)0 << 8 * (n_behind & 7));
        f.second[i] = (yk_csv_load(p + POINT) & kept) | ('0' * ONES & ~kept);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t day_chars = f.day[i], time, second;
        int64_t  day;
        day_chars ^= day_chars >> 56 == 'T' ? (uint64_t)('T' ^ ' ') << 56 : 0;
        f.bad[i] |= days(f.year[i], day_chars, &day) | misfit(f.time[i], "00:00:00", &time) | misfit(f.second[i], "00000000", &second);
        uint64_t h = two(time, 0), m = two(time, 3), sec = two(time, 6);
        f.bad[i] |= unless_less_equal(h, 23) | unless_less_equal(m, 59) | unless_less_equal(sec, 60);
        values[i] = (day * 86400 + (int64_t)(h * 3600 + m * 60 + sec)) * 1000000
                    + (int64_t)(two(second, 0) * 10000 + two(second, 2) * 100 + two(second, 4));
    }
    return pack(f.bad, n);
}
