/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fields read many at a time, by every build: what is read is what the C library reads, what is left is nothing that should have been.
 */
#include "base/test/check.h"
#include "format/csv/csv_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FIELD_MOST = 40, ROUNDS = 4000 };

typedef struct batch {
    char        text[YK_CSV_GROUP * (FIELD_MOST + 1) + YK_CSV_PAD];
    yk_csv_span fields[YK_CSV_GROUP];
    uint32_t    n;
} batch;

/* What a field should be: of the usual form, `value` or `real`. */
typedef struct truth {
    bool    is_usual;
    int64_t value;
    double  real;
} truth;

static unsigned below(unsigned n) { return (unsigned)(random_bits() % n); }

/* Fields from `make`, some of them with a character changed, taken out or put in. */
static void fill(batch *b, size_t (*make)(char *to))
{
    memset(b, 0, sizeof *b);
    b->n = below(4) ? YK_CSV_GROUP : 1 + below(YK_CSV_GROUP);
    uint32_t at = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        char   field[FIELD_MOST];
        size_t len = make(field), k = len ? below((unsigned)len) : 0;
        char   c = below(8) ? "0123456789.-+ Z:T/,e"[below(20)] : (char)random_bits();
        unsigned fault = below(20);
        if (fault == 0 && len)
            field[k] = c;
        else if (fault == 1 && len)
            memmove(field + k, field + k + 1, --len - k);
        else if (fault == 2) {
            memmove(field + k + 1, field + k, len++ - k);
            field[k] = c;
        } else if (fault == 3)
            len = 0;
        memcpy(b->text + at, field, len);
        b->fields[i] = (yk_csv_span){at, at + (uint32_t)len};
        at += (uint32_t)len;
        b->text[at++] = ",\n5-.Z"[below(6)]; /* what follows a field is not looked at */
    }
}

static size_t made(char *to, const char *text)
{
    size_t n = strlen(text);
    memcpy(to, text, n);
    return n;
}

static size_t make_number(char *to, bool is_real)
{
    char     text[FIELD_MOST];
    unsigned n = below(3) ? 1 + below(8) : 1 + below(18);
    size_t   at = 0;
    if (below(3) == 0)
        text[at++] = '-';
    unsigned point = is_real ? below(n + 2) : n + 1; /* before, among or behind its digits, or none */
    for (unsigned i = 0; i <= n; i++) {
        if (i == point)
            text[at++] = '.';
        if (i < n)
            text[at++] = (char)('0' + below(10));
    }
    text[at] = '\0';
    return made(to, text);
}

static size_t make_int(char *to) { return make_number(to, false); }

static size_t make_real(char *to) { return make_number(to, true); }

static size_t make_date(char *to)
{
    char text[FIELD_MOST];
    snprintf(text, sizeof text, "%04u-%02u-%02u", below(4) ? 1900 + below(200) : below(10000), below(50) ? 1 + below(12) : below(100),
             below(20) ? 1 + below(31) : below(100));
    return made(to, text);
}

static size_t make_time(char *to)
{
    char     text[FIELD_MOST], part[16];
    size_t   n = make_date(text);
    unsigned digits = below(9);
    n += (size_t)snprintf(text + n, sizeof text - n, "%c%02u:%02u:%02u", " T"[below(2)], below(25), below(61), below(62));
    snprintf(part, sizeof part, "%08u", below(100000000));
    if (digits)
        n += (size_t)snprintf(text + n, sizeof text - n, ".%.*s", (int)digits, part);
    snprintf(text + n, sizeof text - n, "%s", below(3) ? "" : "Z");
    return made(to, text);
}

static bool are_digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 0;
}

static truth true_int(const char *s, size_t n)
{
    size_t sign = n && *s == '-';
    truth  t = {.is_usual = n - sign <= 16 && are_digits(s + sign, n - sign)};
    t.value = t.is_usual ? strtoll(s, NULL, 10) : 0;
    return t;
}

static truth true_real(const char *s, size_t n)
{
    char        digits[FIELD_MOST + 1];
    size_t      sign = n && *s == '-', len = n - sign;
    const char *point = memchr(s, '.', n);
    truth       t = {.is_usual = false};
    memcpy(digits, s + sign, len);
    if (point) {
        memmove(digits + (point - s - sign), point + 1, (size_t)(s + n - point - 1));
        len--;
    }
    digits[len] = '\0';
    t.is_usual = n - sign <= 16 && are_digits(digits, len) && strtoull(digits, NULL, 10) >> 53 == 0;
    t.real = t.is_usual ? strtod(s, NULL) : 0;
    return t;
}

static truth true_date(const char *s, size_t n)
{
    truth     t = {.is_usual = false};
    struct tm day = {0};
    if (n != 10 || s[4] != '-' || s[7] != '-' || !are_digits(s, 4) || !are_digits(s + 5, 2) || !are_digits(s + 8, 2))
        return t;
    day.tm_year = atoi(s) - 1900, day.tm_mon = atoi(s + 5) - 1, day.tm_mday = atoi(s + 8);
    struct tm wanted = day;
    time_t    seconds = timegm(&day);
    t.is_usual = day.tm_year == wanted.tm_year && day.tm_mon == wanted.tm_mon && day.tm_mday == wanted.tm_mday;
    t.value = seconds / 86400;
    return t;
}

static truth true_time(const char *s, size_t n)
{
    truth t = n < 19 ? (truth){.is_usual = false} : true_date(s, 10);
    if (!t.is_usual)
        return t;
    size_t behind = n > 19 ? n - 19 - (s[n - 1] == 'Z') : 0;
    t.is_usual = (s[10] == ' ' || s[10] == 'T') && are_digits(s + 11, 2) && s[13] == ':' && are_digits(s + 14, 2) && s[16] == ':'
                 && are_digits(s + 17, 2) && (!behind || (s[19] == '.' && behind < 8 && are_digits(s + 20, behind - 1)));
    if (!t.is_usual)
        return t;
    int h = atoi(s + 11), m = atoi(s + 14), sec = atoi(s + 17), micros = 0;
    for (size_t i = 1; i < 7; i++)
        micros = micros * 10 + (i < behind ? s[19 + i] - '0' : 0);
    t.is_usual = h < 24 && m < 60 && sec < 61;
    t.value = (t.value * 86400 + h * 3600 + m * 60 + sec) * 1000000 + micros;
    return t;
}

static truth true_utc(const char *s, size_t n)
{
    truth t = true_time(s, n);
    t.is_usual &= n > 0 && s[n - 1] == 'Z';
    return t;
}

/* A field, with a character behind it that ends it for the C library. */
static truth truth_of(const batch *b, uint32_t i, truth (*of)(const char *s, size_t n))
{
    char   field[FIELD_MOST + 2] = {0};
    size_t n = b->fields[i].to - b->fields[i].from;
    memcpy(field, b->text + b->fields[i].from, n);
    return of(field, n);
}

/* Fields of which at least one in `share` is usual. */
static void compare_ints(size_t (*make)(char *to), truth (*of)(const char *s, size_t n), unsigned share,
                         uint64_t (*read)(const char *text, const yk_csv_span *fields, uint32_t n, int64_t *values))
{
    static batch b;
    int64_t      values[YK_CSV_GROUP];
    unsigned     n_read = 0, n = 0;
    for (int round = 0; round < ROUNDS; round++) {
        fill(&b, make);
        uint64_t good = read(b.text, b.fields, b.n, values);
        assert_true(b.n == YK_CSV_GROUP || good >> b.n == 0);
        for (uint32_t i = 0; i < b.n; i++) {
            truth t = truth_of(&b, i, of);
            assert_int_equal(good >> i & 1, t.is_usual);
            if (t.is_usual)
                assert_int_equal(values[i], t.value);
            n_read += t.is_usual;
        }
        n += b.n;
    }
    assert_true(n_read > n / share && n_read < n);
}

TEST(integers_are_read)
{
    for (int isa = 0; isa < YK_ISA_COUNT && isa <= (int)yk_isa_machine(); isa++) {
        yk_isa_limit((yk_isa)isa);
        compare_ints(make_int, true_int, 3, YK_ISA_PICK(yk_k_csv_ints));
    }
}

TEST(reals_are_read)
{
    static batch b;
    double       values[YK_CSV_GROUP];
    unsigned     n_read = 0;
    for (int round = 0; round < ROUNDS * 3; round++) {
        fill(&b, make_real);
        yk_isa_limit((yk_isa)(round % YK_ISA_COUNT));
        uint64_t good = YK_ISA_PICK(yk_k_csv_reals)(b.text, b.fields, b.n, values);
        assert_true(b.n == YK_CSV_GROUP || good >> b.n == 0);
        for (uint32_t i = 0; i < b.n; i++) {
            truth t = truth_of(&b, i, true_real);
            assert_int_equal(good >> i & 1, t.is_usual);
            if (t.is_usual)
                assert_memory_equal(&values[i], &t.real, sizeof t.real); /* of zeros the sign too */
            n_read += t.is_usual;
        }
    }
    assert_true(n_read > ROUNDS * 60);
}

TEST(dates_are_read)
{
    for (int isa = 0; isa < YK_ISA_COUNT && isa <= (int)yk_isa_machine(); isa++) {
        yk_isa_limit((yk_isa)isa);
        compare_ints(make_date, true_date, 3, YK_ISA_PICK(yk_k_csv_dates));
    }
}

static uint64_t read_times(const char *text, const yk_csv_span *fields, uint32_t n, int64_t *values)
{
    return YK_ISA_PICK(yk_k_csv_times)(text, fields, n, false, values);
}

static uint64_t read_utc(const char *text, const yk_csv_span *fields, uint32_t n, int64_t *values)
{
    return YK_ISA_PICK(yk_k_csv_times)(text, fields, n, true, values);
}

TEST(times_are_read)
{
    for (int isa = 0; isa < YK_ISA_COUNT && isa <= (int)yk_isa_machine(); isa++) {
        yk_isa_limit((yk_isa)isa);
        compare_ints(make_time, true_time, 3, read_times);
        compare_ints(make_time, true_utc, 20, read_utc);
    }
}

/* Of all days of four centuries, and the first and last years that four digits write. */
TEST(every_day_is_read)
{
    static batch b;
    int64_t      values[YK_CSV_GROUP];
    for (int64_t day = -719528; day < 2932897; day++) { /* 0000-01-01, 10000-01-01 */
        if (day > -719000 && day < 0)
            day = 0;
        if (day > 160000 && day < 2932000)
            day = 2932000;
        time_t    seconds = day * 86400;
        struct tm parts;
        char      text[24];
        gmtime_r(&seconds, &parts);
        int n = snprintf(text, sizeof text, "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
        memcpy(b.text, text, (size_t)n);
        b.fields[0] = (yk_csv_span){0, (uint32_t)n};
        assert_int_equal(YK_ISA_PICK(yk_k_csv_dates)(b.text, b.fields, 1, values), 1);
        assert_int_equal(values[0], day);
    }
}

RUN_TESTS(integers_are_read, reals_are_read, dates_are_read, times_are_read, every_day_is_read)
