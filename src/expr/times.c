/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Dates and times: the proleptic Gregorian calendar, without leap seconds, as Parquet and NumPy count. Dates to days as in
 * H. Hinnant, "chrono-compatible low-level date algorithms" (2013): years begin in March, eras have 400 years. Days to dates as in
 * C. Neri and L. Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022), within an era.
 */
#include "expr/calendar.h"
#include "expr/program.h"

#include <ctype.h>
#include <string.h>

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void date_of_day(int64_t day, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t  z = day + 719468, era = floor_div(z, 146097);
    /* of four times the days */
    uint32_t in_era = 4 * (uint32_t)(z - era * 146097) + 3, century = in_era / 146097, in_century = in_era % 146097 / 4;
    uint64_t years = UINT64_C(2939745) * (4 * in_century + 3); /* 2^32 / 1461, rounded up: the year above its fraction */
    uint32_t in_year = (uint32_t)years / 2939745 / 4, months = 2141 * in_year + 197913; /* 2^16 for a month: month 3 is the first */
    bool     is_next = in_year >= 306; /* January or February, of the next year */
    *ret_day = (int)((months & 0xffff) / 2141 + 1);
    *ret_month = (int)(months >> 16) - 12 * is_next;
    *ret_year = 400 * era + 100 * century + (int64_t)(years >> 32) + is_next;
}

static int64_t day_of_date(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2), era = floor_div(y, 400), in_era = y - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

/* A positive number that many are divided by, as its reciprocal: T. Granlund and P. L. Montgomery, "Division by invariant integers using
 * multiplication" (1994), theorem 4.2, for dividends below 2^63: factor is 2^(63 + shift) / number, rounded up. */
typedef struct divisor {
    int64_t  number;
    uint64_t factor;
    unsigned shift; /* number <= 2^shift < 2 * number */
} divisor;

__extension__ typedef unsigned __int128 wide;

static divisor divisor_of(int64_t number)
{
    unsigned shift = number > 1 ? 64 - (unsigned)__builtin_clzll((uint64_t)number - 1) : 0;
    return (divisor){number, (uint64_t)((((wide)1 << (63 + shift)) + (uint64_t)number - 1) / (uint64_t)number), shift};
}

/* Rounded down: of a negative x, x >= 0 being ~x, the quotient is ~(~x / number). */
static inline int64_t floor_by(const divisor *d, int64_t x)
{
    int64_t  sign = x >> 63;
    uint64_t q = (uint64_t)((wide)(uint64_t)(x ^ sign) * d->factor >> 63) >> d->shift;
    return (int64_t)q ^ sign;
}

static inline int64_t modulo_by(const divisor *d, int64_t x)
{
    return (int64_t)((uint64_t)x - (uint64_t)floor_by(d, x) * (uint64_t)d->number);
}

int64_t yk_rescale(int64_t value, int64_t factor)
{
    int64_t r;
    if (factor < 0)
        return floor_div(value, -factor);
    if (__builtin_mul_overflow(value, factor, &r))
        return value < 0 ? INT64_MIN : INT64_MAX;
    return r;
}

/* Rows with a time that the vector loops do not take. */
static void part_far(yk_part part, const int64_t *x, uint32_t n, int64_t by, int64_t add, int64_t of, int64_t *to)
{
    const int64_t far = (int64_t)1 << 58; /* dates beyond the year 10^15 have no use; keeps the arithmetic in range */
    const divisor d = divisor_of(by), m = divisor_of(of);
    for (uint32_t i = 0; i < n; i++) {
        int64_t q = floor_by(&d, x[i]), year;
        int     month, day;
        if (part == YK_PART_QUOTIENT) {
            to[i] = q;
        } else if (part == YK_PART_CYCLE) {
            to[i] = modulo_by(&m, (int64_t)((uint64_t)q + (uint64_t)add));
        } else {
            date_of_day(q > far ? far : q < -far ? -far : q, &year, &month, &day);
            to[i] = part == YK_PART_YEAR ? year : part == YK_PART_MONTH ? month : day;
        }
    }
}

static void part_all(yk_part part, const int64_t *x, uint32_t n, int64_t by, int64_t add, int64_t of, int64_t *to)
{
    for (uint32_t at = 0, rows; at < n; at += rows) {
        rows = n - at < YK_PART_ROWS ? n - at : YK_PART_ROWS;
        if (!YK_ISA_PICK(yk_k_part)(part, x + at, rows, by, add, of, to + at))
            part_far(part, x + at, rows, by, add, of, to + at);
    }
}

void yk_rescale_all(const int64_t *x, uint32_t n, int64_t factor, int64_t *to)
{
    if (factor < 0) {
        part_all(YK_PART_QUOTIENT, x, n, -factor, 0, 1, to);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        to[i] = yk_rescale(x[i], factor);
}

void yk_time_parts(yk_op part, yk_type type, const int64_t *x, uint32_t n, int64_t *to)
{
    bool    is_date = type.kind == YK_KIND_DATE;
    int64_t second = is_date ? 0 : yk_unit_per_second(type.unit), day = is_date ? 1 : 86400 * second;
    if (part == YK_OP_WEEKDAY) /* day 0 was a Thursday; Monday is 0 */
        part_all(YK_PART_CYCLE, x, n, day, 3, 7, to);
    else if (part == YK_OP_YEAR)
        part_all(YK_PART_YEAR, x, n, day, 0, 1, to);
    else if (part == YK_OP_MONTH)
        part_all(YK_PART_MONTH, x, n, day, 0, 1, to);
    else if (part == YK_OP_DAY)
        part_all(YK_PART_DAY, x, n, day, 0, 1, to);
    else if (is_date)
        memset(to, 0, n * sizeof *to);
    else if (part == YK_OP_HOUR)
        part_all(YK_PART_CYCLE, x, n, 3600 * second, 0, 24, to);
    else
        part_all(YK_PART_CYCLE, x, n, part == YK_OP_MINUTE ? 60 * second : second, 0, 60, to);
}

/* ---- From text ---- */

typedef struct reader {
    const char *p, *end;
} reader;

static bool take(reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool digits(reader *r, int n, int *ret)
{
    int v = 0;
    for (int i = 0; i < n; i++, r->p++) {
        if (r->p == r->end || !isdigit((unsigned char)*r->p))
            return false;
        v = 10 * v + (*r->p - '0');
    }
    *ret = v;
    return true;
}

/* .25 as nanoseconds; digits beyond nine are dropped. */
static bool fraction(reader *r, int *ret)
{
    int v = 0, n = 0;
    for (; r->p != r->end && isdigit((unsigned char)*r->p); r->p++, n++)
        if (n < 9)
            v = 10 * v + (*r->p - '0');
    for (int i = n; i < 9; i++)
        v *= 10;
    *ret = v;
    return n > 0;
}

static bool read_clock(reader *r, int64_t *ret_second, int *ret_ns)
{
    int hour, minute, second = 0;
    if (!digits(r, 2, &hour) || !take(r, ':') || !digits(r, 2, &minute) || hour > 24 || minute > 59)
        return false;
    if (take(r, ':')) {
        if (!digits(r, 2, &second) || second > 60)
            return false;
        if ((take(r, '.') || take(r, ',')) && !fraction(r, ret_ns))
            return false;
    }
    *ret_second = hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_zone(reader *r, int64_t *second)
{
    int hour, minute = 0;
    while (take(r, ' '))
        ;
    if (take(r, 'Z') || take(r, 'z') || r->p == r->end)
        return true;
    int sign = take(r, '+') ? 1 : take(r, '-') ? -1 : 0;
    if (!sign || !digits(r, 2, &hour))
        return false;
    take(r, ':');
    if (r->p != r->end && !digits(r, 2, &minute))
        return false;
    *second -= sign * (hour * 3600 + minute * 60);
    return hour < 24 && minute < 60;
}

/* In the coarsest unit that says it exactly; false when that does not fit. */
static bool in_unit(int64_t second, int ns, int64_t *ret, yk_unit *ret_unit)
{
    *ret_unit = ns == 0 ? YK_UNIT_S : ns % 1000000 == 0 ? YK_UNIT_MS : ns % 1000 == 0 ? YK_UNIT_US : YK_UNIT_NS;
    int64_t per = yk_unit_per_second(*ret_unit), v;
    if (__builtin_mul_overflow(second, per, &v) || __builtin_add_overflow(v, ns / (1000000000 / per), &v))
        return false;
    *ret = v;
    return true;
}

/* "2 days", "10 minutes": seconds; r stays where it is when there is none. */
static bool read_count(reader *r, int64_t *ret_second, bool *ret_is_days)
{
    static const struct { const char *word; int64_t seconds; } all[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
    const char *at = r->p;
    int64_t     n = 0;
    for (; at != r->end && isdigit((unsigned char)*at) && at - r->p < 9; at++)
        n = 10 * n + (*at - '0');
    if (at == r->p || at == r->end || *at++ != ' ')
        return false;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t len = strlen(all[i].word);
        if ((size_t)(r->end - at) < len || strncasecmp(at, all[i].word, len) != 0)
            continue;
        r->p = at + len;
        take(r, 's');
        *ret_second = n * all[i].seconds;
        *ret_is_days = all[i].seconds == 86400;
        return true;
    }
    return false;
}

bool yk_span_parse(const char *text, size_t len, int64_t *ret, yk_unit *ret_unit)
{
    reader  r = {text, text + len};
    int64_t days = 0, second = 0;
    int     ns = 0;
    bool    is_negative = take(&r, '-'), is_days = false, has_count = read_count(&r, &days, &is_days);
    if (!(has_count && r.p == r.end) && ((has_count && !(is_days && take(&r, ' '))) || !read_clock(&r, &second, &ns) || r.p != r.end))
        return false;
    if (!in_unit(days + second, ns, ret, ret_unit))
        return false;
    *ret = is_negative ? -*ret : *ret;
    return true;
}

bool yk_time_parse(const char *text, size_t len, int64_t *ret, yk_unit *ret_unit, bool *ret_is_date)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    reader  r = {text, text + len};
    int     year, month, day, ns = 0;
    int64_t second = 0;
    while (take(&r, ' '))
        ;
    while (r.end > r.p && r.end[-1] == ' ')
        r.end--;
    if (!digits(&r, 4, &year) || !take(&r, '-') || !digits(&r, 2, &month) || !take(&r, '-') || !digits(&r, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && !(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))))
        return false;
    *ret_is_date = r.p == r.end;
    if (!*ret_is_date && ((!take(&r, ' ') && !take(&r, 'T') && !take(&r, 't')) || !read_clock(&r, &second, &ns) || !read_zone(&r, &second)
                          || r.p != r.end))
        return false;
    second += day_of_date(year, month, day) * 86400;
    return in_unit(second, ns, ret, ret_unit);
}

/* ---- To text ---- */

/* v with at least `width` digits. */
static char *put_digits(char *to, uint64_t v, int width)
{
    char digits[24];
    int  n = 0;
    for (; v || n < width; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    while (n)
        *to++ = digits[--n];
    return to;
}

/* Of a number below 100. */
static char *put_two(char *to, unsigned v)
{
    *to++ = (char)('0' + v / 10);
    *to++ = (char)('0' + v % 10);
    return to;
}

/* second: of the day */
static char *put_clock(char *to, unsigned second, uint64_t part, yk_unit unit)
{
    static const int width[] = {0, 3, 6, 9};
    to = put_two(to, second / 3600);
    *to++ = ':';
    to = put_two(to, second / 60 % 60);
    *to++ = ':';
    to = put_two(to, second % 60);
    if (part == 0)
        return to;
    *to++ = '.';
    return put_digits(to, part, width[unit]);
}

/* [-][D days ]HH:MM:SS[.fraction] */
static char *put_span(char *to, yk_unit unit, int64_t value)
{
    uint64_t per = (uint64_t)yk_unit_per_second(unit), v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, s = v / per;
    if (value < 0)
        *to++ = '-';
    if (s >= 86400) {
        to = put_digits(to, s / 86400, 1);
        to = stpcpy(to, s / 86400 == 1 ? " day " : " days ");
    }
    return put_clock(to, (unsigned)(s % 86400), v % per, unit);
}

/* YYYY-MM-DD[ HH:MM:SS[.fraction]][Z] */
static char *put_time(char *to, yk_type type, int64_t value)
{
    int64_t per = type.kind == YK_KIND_DATE ? 1 : yk_unit_per_second(type.unit), second = floor_div(value, per);
    int64_t far = (int64_t)1 << 58, day = type.kind == YK_KIND_DATE ? value : floor_div(second, 86400), year;
    int     month, of_month;
    date_of_day(day > far ? far : day < -far ? -far : day, &year, &month, &of_month);
    if (year < 0)
        *to++ = '-';
    if (year >= 0 && year < 10000)
        to = put_two(put_two(to, (unsigned)year / 100), (unsigned)year % 100);
    else
        to = put_digits(to, (uint64_t)(year < 0 ? -year : year), year < 0 ? 3 : 4);
    *to++ = '-';
    to = put_two(to, (unsigned)month);
    *to++ = '-';
    to = put_two(to, (unsigned)of_month);
    if (type.kind == YK_KIND_DATE)
        return to;
    *to++ = ' ';
    to = put_clock(to, (unsigned)((uint64_t)second - (uint64_t)day * 86400), (uint64_t)value - (uint64_t)second * (uint64_t)per, type.unit);
    if (type.is_utc)
        *to++ = 'Z';
    return to;
}

size_t yk_time_print(yk_type type, int64_t value, char buf[YK_TIME_MAX])
{
    char *end = type.kind == YK_KIND_SPAN ? put_span(buf, type.unit, value) : put_time(buf, type, value);
    *end = '\0';
    return (size_t)(end - buf);
}
