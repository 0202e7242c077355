/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/number.h"
#include "base/progress.h"
#include "base/test/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(reals_are_short_and_read_back)
{
    static const struct { double x; const char *want; } row[] = {
        {0, "0"}, {-0.0, "-0"}, {1, "1"}, {-3, "-3"}, {0.1, "0.1"}, {0.1 + 0.2, "0.30000000000000004"}, {1e15, "1e+15"},
        {999999999999999, "999999999999999"}, {3.141592653589793, "3.141592653589793"}, {1e-300, "1e-300"}, {INFINITY, "inf"},
        {-INFINITY, "-inf"}, {NAN, "nan"}, {5e-324, "5e-324"}, {1e22, "1e+22"}, {123456.789, "123456.789"}};
    char buf[YK_NUMBER_MAX];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(yk_number_real(row[i].x, buf), strlen(row[i].want));
        assert_string_equal(buf, row[i].want);
    }
    yk_number_float(0.1f, buf);
    assert_string_equal(buf, "0.1");
    yk_number_float(16777216.0f, buf);
    assert_float_equal(strtof(buf, NULL), 16777216.0f, 0);
    srand48(1);
    for (int i = 0; i < 100000; i++) {
        double x = ldexp(drand48() - 0.5, (int)(mrand48() % 1000)), y = 0;
        assert_true(yk_number_read_real(buf, yk_number_real(x, buf), &y));
        assert_true(x == y);
    }
}

/* By its definition: the first precision that reads back. */
static void check_shortest(double x)
{
    char buf[YK_NUMBER_MAX], want[400];
    int  digits = fabs(x) < 0x1p-1022 ? 1 : 15;
    do
        snprintf(want, sizeof want, "%.*g", digits++, x);
    while (strtod(want, NULL) != x);
    assert_int_equal(yk_number_real(x, buf), strlen(want));
    assert_string_equal(buf, want);
}

TEST(reals_have_the_fewest_digits)
{
    srand48(2);
    for (int i = 0; i < 200000; i++) {
        double x = ldexp(drand48() - 0.5, (int)(lrand48() % 80) - 24), places = pow(10, (double)(lrand48() % 14));
        check_shortest(x);
        check_shortest(rint(x * places) / places);
        check_shortest(nextafter(rint(x * places) / places, i % 2 ? 1 : -1));
    }
    for (int i = -60; i < 60; i++)
        for (int k = -3; k <= 3; k++)
            check_shortest(ldexp(1, i) * (1 + k * 0x1p-52));
    for (double x = 1e-7; x < 1e16; x *= 10)
        for (int k = -50; k <= 50; k++)
            check_shortest(x + k * x * 0x1p-53);
}

TEST(whole_numbers_read_whole_or_not_at_all)
{
    static const struct { const char *text; int ok; int64_t want; } row[] = {
        {"0", 1, 0}, {"-9223372036854775808", 1, INT64_MIN}, {"9223372036854775807", 1, INT64_MAX}, {"9223372036854775808", 0, 0},
        {"-9223372036854775809", 0, 0}, {"+7", 1, 7}, {"-+7", 0, 0}, {"", 0, 0}, {"-", 0, 0}, {"1 ", 0, 0}, {" 1", 0, 0},
        {"1.0", 0, 0}, {"99999999999999999999999", 0, 0}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t n = -77;
        assert_int_equal(yk_number_read_int(row[i].text, strlen(row[i].text), &n), row[i].ok);
        assert_true(n == (row[i].ok ? row[i].want : -77));
    }
    uint64_t u;
    assert_true(yk_number_read_uint("18446744073709551615", 20, &u));
    assert_true(u == UINT64_MAX);
    assert_false(yk_number_read_uint("18446744073709551616", 20, &u));
    assert_false(yk_number_read_uint("-1", 2, &u));
}

TEST(reals_read_whole_or_not_at_all)
{
    static const char *const bad[] = {"", " 1", "1 ", "abc", "1e", "0x", "1,5", "--1", "1..2", "nane"};
    double x = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(yk_number_read_real(bad[i], strlen(bad[i]), &x));
    assert_false(yk_number_read_real("1\0", 2, &x));
    assert_true(x == 5);
    assert_true(yk_number_read_real("-1.5e3", 6, &x) && x == -1500);
    assert_true(yk_number_read_real("0x1p-3", 6, &x) && x == 0.125);
    char digits[200];
    memset(digits, '1', sizeof digits);
    assert_true(yk_number_read_real(digits, sizeof digits, &x) && x > 1e199);
}

TEST(progress_lines_say_rate_and_time_left)
{
    char buf[200];
    yk_progress_text("map", "items", 1200, 3, 5000, 3.0, buf, sizeof buf);
    assert_string_equal(buf, "map: 1,200 of 5,000 items (24 %), 3 failed, 400/s, 10 s left");
    yk_progress_text("map", "items", 1234567, 0, UINT64_MAX, 1.0, buf, sizeof buf);
    assert_string_equal(buf, "map: 1,234,567 items, 1,234,567/s");
    yk_progress_text("map", "items", 0, 0, 7, 0, buf, sizeof buf);
    assert_string_equal(buf, "map: 0 of 7 items (0 %), 0.0/h");
    yk_progress_how how;
    yoke_error      err = YOKE_ERROR_INIT;
    assert_int_equal(yk_progress_parse("line", &how, &err), 0);
    assert_int_equal(how, YK_PROGRESS_LINE);
    assert_true(yk_progress_parse("lines", &how, &err) < 0);
    assert_non_null(strstr(err.text, "did you mean 'line'?"));
    assert_null(yk_progress_start("map", "items", 3, YK_PROGRESS_NONE));
    yk_progress_update(NULL, 1, 0);
    yk_progress_end(NULL);
}

RUN_TESTS(reals_are_short_and_read_back, reals_have_the_fewest_digits, whole_numbers_read_whole_or_not_at_all,
          reals_read_whole_or_not_at_all, progress_lines_say_rate_and_time_left)
