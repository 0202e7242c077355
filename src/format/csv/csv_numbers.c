/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Numbers as most are, many at a time: up to sixteen characters, all digits but for one point among them, and a sign before them. Eight
 * characters are looked at together, each a byte of one word, without a branch, so that the words of several fields fill a vector. Built
 * once per instruction set.
 */
#include "format/csv/csv_file.h"

enum { N = YK_CSV_GROUP };

/* The characters of some fields, of each the last eight and, where fields are long, those before; zeros come before the first. */
typedef struct fields {
    uint64_t low[N], high[N];
    uint64_t len[N];  /* without the sign */
    uint64_t sign[N]; /* the highest bit: there is a minus */
} fields;

/* n < 8 characters to the end of their word. */
static inline uint64_t behind_zeros(uint64_t chars, uint64_t n)
{
    uint64_t up = 8 * (-n & 7);
    return chars << up | (YK_CSV_ZEROS & (((uint64_t)1 << up) - 1));
}

/* Whether some have more than eight characters. */
static inline bool load(const char *text, const yk_csv_span *s, uint32_t n, fields *f)
{
    uint64_t longest = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *p = text + s[i].from;
        uint64_t    is_negative = *p == '-', len = s[i].to - s[i].from - is_negative;
        f->len[i] = len;
        f->sign[i] = is_negative << 63;
        f->low[i] = behind_zeros(yk_csv_load(p + is_negative), len);
        longest = len > longest ? len : longest;
    }
    if (longest <= 8)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const char *p = text + s[i].from + (f->sign[i] >> 63);
        bool        is_long = f->len[i] - 9 < 8;
        f->high[i] = is_long ? f->low[i] : YK_CSV_ZEROS;
        if (is_long)
            f->low[i] = yk_csv_load(p + f->len[i] - 8);
    }
    return true;
}

/* What eight characters are. */
typedef struct eight {
    uint64_t digits; /* a number below 10^8; the point left out */
    uint64_t point;  /* 1 << 8 * its place, or 0 */
    uint64_t bad;    /* not 0: there is something else */
} eight;

static inline eight look(uint64_t w)
{
    eight e;
    /* its lowest bit is right: bytes above one that is 0 may be wrong */
    uint64_t diff = w ^ '.' * YK_CSV_ONES, found = (diff - YK_CSV_ONES) & ~diff & YK_CSV_TOPS;
    e.point = (found & -found) >> 7;
    uint64_t below = e.point - 1, is_found = -(uint64_t)(e.point != 0);
    uint64_t closed = (w & ~(below << 8 | 0xff)) | (w & below) << 8 | '0'; /* what was before the point takes its place */
    w = (closed & is_found) | (w & ~is_found);
    e.bad = ((w + 0x46 * YK_CSV_ONES) | (w - YK_CSV_ZEROS)) & YK_CSV_TOPS;
    e.digits = yk_csv_eight(w & 0x0f * YK_CSV_ONES);
    return e;
}

/* Digits behind the point, 0 … 7. */
static inline uint64_t places(uint64_t point) { return point * 0x0706050403020100u >> 56; }

static inline int64_t signed_as(uint64_t digits, uint64_t sign)
{
    uint64_t all = -(sign >> 63);
    return (int64_t)((digits ^ all) - all);
}

uint64_t YK_ISA(yk_k_csv_ints)(const char *text, const yk_csv_span *s, uint32_t n, int64_t *values)
{
    fields   f;
    uint64_t bad[N];
    if (load(text, s, n, &f))
        for (uint32_t i = 0; i < n; i++) {
            eight low = look(f.low[i]), high = look(f.high[i]);
            bad[i] = low.bad | high.bad | low.point | high.point | (f.len[i] - 1) >> 4;
            values[i] = signed_as(high.digits * 100000000 + low.digits, f.sign[i]);
        }
    else
        for (uint32_t i = 0; i < n; i++) {
            eight low = look(f.low[i]);
            bad[i] = low.bad | low.point | (f.len[i] - 1) >> 3;
            values[i] = signed_as(low.digits, f.sign[i]);
        }
    return yk_csv_good(bad, n);
}

/* Digits, less than 2^53, over a power of ten up to 10^15: both are exact, so that their quotient is rounded once. */
static inline double divided(double digits, uint64_t places, uint64_t sign)
{
    double ten = (places & 1 ? 1e1 : 1.0) * (places & 2 ? 1e2 : 1.0) * (places & 4 ? 1e4 : 1.0) * (places & 8 ? 1e8 : 1.0);
    double d = digits / ten;
    return sign ? -d : d;
}

uint64_t YK_ISA(yk_k_csv_reals)(const char *text, const yk_csv_span *s, uint32_t n, double *values)
{
    fields   f;
    uint64_t bad[N], behind[N];
    if (load(text, s, n, &f)) {
        double digits[N];
        for (uint32_t i = 0; i < n; i++) {
            eight    low = look(f.low[i]), high = look(f.high[i]);
            uint64_t n_points = (uint64_t)(low.point != 0) + (high.point != 0), n_low = low.point ? 10000000 : 100000000;
            uint64_t both = high.digits * n_low + low.digits;
            bad[i] = low.bad | high.bad | n_points >> 1 | (f.len[i] - 1) >> 4 | (uint64_t)(f.len[i] == n_points) | both >> 53;
            behind[i] = places(low.point) + places(high.point) + (high.point ? 8 : 0);
            digits[i] = (double)(int64_t)both;
        }
        for (uint32_t i = 0; i < n; i++)
            values[i] = divided(digits[i], behind[i], f.sign[i]);
    } else {
        for (uint32_t i = 0; i < n; i++) {
            eight low = look(f.low[i]);
            bad[i] = low.bad | (f.len[i] - 1) >> 3 | (uint64_t)(f.len[i] == (low.point != 0));
            behind[i] = places(low.point);
            f.low[i] = low.digits;
        }
        for (uint32_t i = 0; i < n; i++)
            values[i] = divided((double)(int64_t)f.low[i], behind[i], f.sign[i]);
    }
    return yk_csv_good(bad, n);
}
