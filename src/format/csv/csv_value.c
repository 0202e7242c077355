/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a field says: integers, reals rounded as IEEE asks, booleans, dates and times.
 */
#include "format/csv/csv_file.h"
#include "numeric/elementary.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

static inline void trim(const char **s, size_t *n)
{
    while (*n && **s == ' ')
        (*s)++, (*n)--;
    while (*n && (*s)[*n - 1] == ' ')
        (*n)--;
}

bool yk_csv_int(const char *s, size_t n, int64_t *ret)
{
    trim(&s, &n);
    bool is_negative = n && *s == '-';
    if (n && (*s == '-' || *s == '+'))
        s++, n--;
    if (n == 0)
        return false;
    uint64_t v = 0;
    if (n <= 18) {
        for (size_t i = 0; i < n; i++) {
            if (!is_digit(s[i]))
                return false;
            v = v * 10 + (uint64_t)(s[i] - '0');
        }
    } else {
        for (size_t i = 0; i < n; i++)
            if (!is_digit(s[i]) || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
                return false;
        if (v > (uint64_t)INT64_MAX + is_negative)
            return false;
    }
    *ret = (int64_t)(is_negative ? -v : v);
    return true;
}

__extension__ typedef unsigned __int128 wide_int;

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint64_t WHOLE_TENS[] = {1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u, 10000000000u,
                                      100000000000u, 1000000000000u, 10000000000000u, 100000000000000u, 1000000000000000u,
                                      10000000000000000u, 100000000000000000u, 1000000000000000000u, 10000000000000000000u};

/* digits / 10^places, correctly rounded, for 1 <= places <= 19: the quotient to 63 bits or more, its remainder as a sticky bit. */
static double divide(uint64_t digits, unsigned places)
{
    int      up_a = __builtin_clzll(digits), up_b = __builtin_clzll(WHOLE_TENS[places]);
    uint64_t a = digits << up_a, b = WHOLE_TENS[places] << up_b;
    int      up = 64 - (a >= b); /* so that the quotient is below 2^64 */
    wide_int wide = (wide_int)a << up;
    uint64_t q = (uint64_t)(wide / b);
    q |= q * b != (uint64_t)wide;
    return (double)q * yk_pow2(up_b - up_a - up);
}

/* What the fast reading below does not cover, by the C library in the C locale. */
static bool real_slowly(const char *s, size_t n, double *ret)
{
    static locale_t c_locale;
    locale_t        c = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    if (!c) {
        locale_t made = newlocale(LC_ALL_MASK, "C", NULL), none = NULL;
        if (!made)
            return false;
        if (!__atomic_compare_exchange_n(&c_locale, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            freelocale(made);
        c = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    }
    char text[512];
    if (n >= sizeof text || !n || isspace((unsigned char)*s))
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (text[i] == 'x' || text[i] == 'X' || text[i] == 'p' || text[i] == '(' || text[i] == '\0')
            return false;
    char *end;
    *ret = strtod_l(text, &end, c);
    return end == text + n;
}

/* The digits from place i on, read behind those of *v: where they end. */
static inline size_t read_digits(const char *s, size_t i, size_t n, uint64_t *v)
{
    uint64_t digits;
    for (; i + 8 <= n && !yk_csv_differs(yk_csv_load(s + i), "00000000", &digits); i += 8)
        *v = *v * 100000000 + yk_csv_eight(digits);
    if (n >= 8 && i > n - 8 && i < n) { /* the last few at once, behind zeros */
        unsigned others = 8 * (unsigned)(8 - (n - i));
        uint64_t w = yk_csv_load(s + n - 8) >> others << others | YK_CSV_ZEROS >> (64 - others);
        if (!yk_csv_differs(w, "00000000", &digits)) {
            *v = *v * WHOLE_TENS[n - i] + yk_csv_eight(digits);
            return n;
        }
    }
    for (; i < n && is_digit(s[i]); i++)
        *v = *v * 10 + (uint64_t)(s[i] - '0');
    return i;
}

bool yk_csv_real(const char *s, size_t n, double *ret)
{
    trim(&s, &n);
    bool     is_negative = n && *s == '-';
    size_t   first = n && (*s == '-' || *s == '+'), places = 0;
    uint64_t v = 0;
    size_t   i = read_digits(s, first, n, &v), figures = i - first;
    if (i < n && s[i] == '.') {
        size_t end = read_digits(s, i + 1, n, &v);
        places = end - (i + 1);
        figures += places;
        i = end;
    }
    if (i < n || figures == 0 || figures > 19)
        return real_slowly(s, n, ret);
    double d = (double)v; /* exact below 2^53; above, rounded once, and final when there are no places */
    if (places && v >> 53)
        d = divide(v, (unsigned)places);
    else if (places)
        d /= TENS[places];
    *ret = is_negative ? -d : d;
    return true;
}

bool yk_csv_bool(const char *s, size_t n, uint8_t *ret)
{
    *ret = n == 4;
    return (n == 4 && strncasecmp(s, "true", 4) == 0) || (n == 5 && strncasecmp(s, "false", 5) == 0);
}

static bool number_of(const char *s, size_t n, int *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s[i]))
            return false;
        *ret = *ret * 10 + (s[i] - '0');
    }
    return true;
}

/* A time with its parts: nanoseconds apart, so that the unit can be chosen after. */
typedef struct moment {
    int64_t days, seconds, nanos;
    bool    is_date, is_zoned, is_fine; /* fine: microseconds do not hold it */
} moment;

/* "Z", "+05", "+0530", "+05:30" at the end. */
static bool read_zone(const char *s, size_t n, int64_t *ret_seconds)
{
    int h, m = 0;
    *ret_seconds = 0;
    if (n == 1 && *s == 'Z')
        return true;
    if ((*s != '+' && *s != '-') || n < 3 || !number_of(s + 1, 2, &h))
        return false;
    const char *min = s[3] == ':' ? s + 4 : s + 3;
    if (n > 3 && (s + n - min != 2 || !number_of(min, 2, &m)))
        return false;
    *ret_seconds = (*s == '-' ? -1 : 1) * (h * 3600 + m * 60);
    return h < 24 && m < 60;
}

static bool read_moment(const char *s, size_t n, moment *t)
{
    trim(&s, &n);
    *t = (moment){0};
    if (n < 10 || yk_csv_days(yk_csv_load(s), yk_csv_day_alone(yk_csv_load(s + 3)), &t->days))
        return false;
    t->is_date = n == 10;
    if (t->is_date)
        return true;
    int      h, m, sec = 0;
    size_t   at = 16;
    uint64_t digits;
    if (n < 16 || (s[10] != ' ' && s[10] != 'T'))
        return false;
    if (n >= 19 && !yk_csv_differs(yk_csv_load(s + 11), "00:00:00", &digits)) {
        h = (int)yk_csv_two(digits, 0), m = (int)yk_csv_two(digits, 3), sec = (int)yk_csv_two(digits, 6);
        at = 19;
    } else if (s[13] != ':' || !number_of(s + 11, 2, &h) || !number_of(s + 14, 2, &m)) {
        return false;
    } else if (at + 2 < n && s[at] == ':') {
        if (!number_of(s + at + 1, 2, &sec))
            return false;
        at += 3;
    }
    if (at < n && s[at] == '.') {
        int64_t scale = 100000000;
        for (at++; at < n && is_digit(s[at]); at++, scale /= 10)
            t->nanos += (s[at] - '0') * scale;
        t->is_fine = t->nanos % 1000 != 0;
    }
    if (at < n && s[at] == ' ')
        at++;
    int64_t shift = 0;
    if (at < n && !(t->is_zoned = read_zone(s + at, n - at, &shift)))
        return false;
    t->seconds = h * 3600 + m * 60 + sec - shift;
    return h < 24 && m < 60 && sec < 61;
}

bool yk_csv_date(const char *s, size_t n, int64_t *ret)
{
    moment t;
    if (!read_moment(s, n, &t) || !t.is_date)
        return false;
    *ret = t.days;
    return true;
}

bool yk_csv_time(const char *s, size_t n, yk_type type, int64_t *ret)
{
    static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
    const int64_t        second = per_second[type.unit];
    moment               t;
    if (!read_moment(s, n, &t) || (type.unit < YK_UNIT_NS && t.is_fine) || (type.is_utc && !t.is_zoned))
        return false;
    return !__builtin_mul_overflow(t.days * 86400 + t.seconds, second, ret)
           && !__builtin_add_overflow(*ret, t.nanos / (1000000000 / second), ret);
}

yk_type yk_csv_classify(const char *s, size_t n)
{
    int64_t i;
    double  r;
    uint8_t b;
    moment  t;
    if (n == 0)
        return (yk_type){.kind = YK_KIND_NULL};
    if (yk_csv_int(s, n, &i))
        return (yk_type){.kind = YK_KIND_INT};
    if (yk_csv_real(s, n, &r))
        return (yk_type){.kind = YK_KIND_REAL};
    if (yk_csv_bool(s, n, &b))
        return (yk_type){.kind = YK_KIND_BOOL};
    if (read_moment(s, n, &t) && t.is_date)
        return (yk_type){.kind = YK_KIND_DATE};
    if (read_moment(s, n, &t))
        return (yk_type){.kind = YK_KIND_TIME, .unit = t.is_fine ? YK_UNIT_NS : YK_UNIT_US, .is_utc = t.is_zoned};
    return (yk_type){.kind = YK_KIND_TEXT};
}

yk_type yk_csv_join(yk_type a, yk_type b)
{
    if (a.kind == YK_KIND_NULL || b.kind == YK_KIND_NULL)
        return a.kind == YK_KIND_NULL ? b : a;
    if (a.kind > b.kind) {
        yk_type swap = a;
        a = b, b = swap;
    }
    if (a.kind == b.kind && a.kind == YK_KIND_TIME)
        return (yk_type){.kind = YK_KIND_TIME, .unit = a.unit > b.unit ? a.unit : b.unit, .is_utc = a.is_utc && b.is_utc};
    if (a.kind == YK_KIND_TIME && b.kind == YK_KIND_DATE)
        return (yk_type){.kind = YK_KIND_TIME, .unit = a.unit}; /* no date says its zone */
    if (a.kind == b.kind)
        return a;
    if (a.kind == YK_KIND_INT && b.kind == YK_KIND_REAL)
        return b;
    return (yk_type){.kind = YK_KIND_TEXT};
}
