/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"
#include "plot/plot.h"
#include "plot/plot_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void expect_ticks(bool is_log, double lo, double hi, unsigned wanted, const char *want)
{
    yk_axis a = {.is_log = is_log, .lo = lo, .hi = hi};
    char    got[512] = "";
    yk_axis_set_ticks(&a, wanted);
    for (size_t i = 0; i < a.n_ticks; i++) {
        assert_true(a.ticks[i].at >= lo && a.ticks[i].at <= hi);
        assert_true(i == 0 || a.ticks[i].at > a.ticks[i - 1].at);
        if (!a.ticks[i].is_minor)
            strcat(strcat(got, *got ? " " : ""), a.ticks[i].text);
    }
    assert_string_equal(got, want);
}

TEST(ticks_are_round_numbers)
{
    expect_ticks(false, 0, 1, 6, "0.0 0.2 0.4 0.6 0.8 1.0");
    expect_ticks(false, 0.01, 2, 8, "0.25 0.50 0.75 1.00 1.25 1.50 1.75 2.00");
    expect_ticks(false, -3, 3, 3, "-2 0 2");
    expect_ticks(false, 0, 5e6, 5, "0 1e+06 2e+06 3e+06 4e+06 5e+06");
    expect_ticks(true, 0.7, 20000, 8, "10^0 10^1 10^2 10^3 10^4");
    expect_ticks(true, 1e-12, 1e12, 8, "10^-12 10^-9 10^-6 10^-3 10^0 10^3 10^6 10^9 10^12");
    expect_ticks(true, 1.5, 30, 8, "2 5 10 20");
}

TEST(places_on_axes)
{
    yk_axis a = {.lo = 1, .hi = 100, .is_log = true};
    assert_true(fabs(yk_axis_place(&a, 10) - 0.5) < 1e-15);
    assert_true(isnan(yk_axis_place(&a, 0)));
    a.is_log = false;
    assert_true(yk_axis_place(&a, 1) == 0 && yk_axis_place(&a, 100) == 1);
}

TEST(histogram_file_reads_back_the_same)
{
    double   edges[] = {0.01, 0.01 + 1.99 / 3, 2.0 / 3, 1e300};
    uint64_t counts[] = {0, 12345678901234, 7};
    YK_AUTOBUF text = YK_BUF_INIT;
    yk_hist_csv(&text, 3, edges, counts);
    yk_columns c = {0};
    assert_int_equal(yk_columns_parse(&c, text.data, text.len, "x", NULL), 0);
    assert_true(yk_columns_is_histogram(&c));
    assert_int_equal(c.n_rows, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(c.values[0][i] == edges[i] && c.values[1][i] == edges[i + 1]);
        assert_true(c.values[2][i] == (double)counts[i]);
    }
    yk_columns_fini(&c);
}

TEST(csv_texts)
{
    static const struct {
        const char *text;
        int         rc, columns, rows;
    } row[] = {
        {"a,b\n1,2\n", 0, 2, 1},           {"1,2\n3,4\r\n\n5,6", 0, 2, 3}, {"\"a, b\",c\n1,\n", 0, 2, 1}, {"x\n1\nnan\n-inf\n", 0, 1, 3},
        {"", YOKE_EFORMAT, 0, 0},          {"a,b\n", YOKE_EFORMAT, 0, 0},  {"a,b\n1\n", YOKE_EFORMAT, 0, 0},
        {"a\n1,2\n", YOKE_EFORMAT, 0, 0},
        {"a,b\n1,2,3\n", YOKE_EFORMAT, 0, 0}, {"a,b\n1,2,\n", YOKE_EFORMAT, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_columns c = {0};
        assert_int_equal(yk_columns_parse(&c, row[i].text, strlen(row[i].text), "x", NULL), row[i].rc);
        assert_int_equal(c.n_columns, row[i].columns);
        assert_int_equal(c.n_rows, row[i].rows);
        yk_columns_fini(&c);
    }
}

static int print_one(FILE *to, yoke_error *err)
{
    static const double edges[] = {0, 1, 2, 3}, counts[] = {1, 0, 100}, x[] = {0, 3}, y[] = {1, 50};
    static const double range[] = {0.5, 200};
    YK_CLEANUP(yoke_plot_freep)
    yoke_plot *p = yoke_plot_new(&(yoke_plot_opts){.size = sizeof(yoke_plot_opts), .title = "T", .is_y_log = 1, .y_range = range}, err);
    if (!p)
        return YOKE_ENOMEM;
    YK_TRY(yoke_plot_add_stairs(p, "first", 3, edges, counts, err));
    YK_TRY(yoke_plot_add_line(p, "second", 2, x, y, err));
    return yoke_plot_print(p, to, 40, 14, YOKE_PLOT_ASCII, err);
}

TEST(drawing_with_characters)
{
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    assert_int_equal(print_one(to, NULL), 0);
    fclose(to);
    assert_string_equal(text, "                      T\n"
                              "      ** first  oo second\n"
                              "     |\n"
                              "10^2 +                      ***********\n"
                              "     |                      *      oooo\n"
                              "     |                      * oooooo  *\n"
                              "     |                   ooooo        *\n"
                              "     |              ooooo   *         *\n"
                              "     |         ooooo        *         *\n"
                              "     |    ooooo             *         *\n"
                              "10^0 +oooo********          *         *\n"
                              "     |*          *          *         *\n"
                              "     ++----------+----------+---------+\n"
                              "      0          1          2         3\n");
    free(text);
}

TEST(labels_become_one_line_of_utf8)
{
    yoke_plot *p = yoke_plot_new(&(yoke_plot_opts){.size = sizeof(yoke_plot_opts), .title = "a\nb\xff\xc3\xa9\xc3"}, NULL);
    assert_string_equal(p->title, "a b?\xc3\xa9?");
    yoke_plot_free(p);
}

TEST(what_cannot_be_drawn_is_said)
{
    static const double bad_edges[] = {0, 0, 1}, y[] = {-1, 0}, range[] = {0, 1};
    yoke_error          err = YOKE_ERROR_INIT;
    yoke_plot_opts      o = {.size = sizeof o, .is_y_log = 1, .y_range = range};
    assert_null(yoke_plot_new(&o, &err));
    assert_string_equal(err.text, "the y range begins at 0, a log axis needs a lower end above 0");
    o.y_range = NULL;
    yoke_plot *p = yoke_plot_new(&o, NULL);
    assert_int_equal(yoke_plot_print(p, stdout, 80, 24, 0, NULL), YOKE_EINVALID);
    assert_int_equal(yoke_plot_add_stairs(p, "s", 2, bad_edges, y, NULL), YOKE_EINVALID);
    assert_int_equal(yoke_plot_add_line(p, "l", 2, y, y, NULL), 0);
    yoke_error_clear(&err);
    assert_int_equal(yoke_plot_print(p, stdout, 80, 24, 0, &err), YOKE_EINVALID);
    assert_non_null(strstr(err.text, "log axis shows those above 0"));
    assert_int_equal(yoke_plot_save(p, "/tmp/x.gif", 0, NULL), YOKE_EINVALID);
    yoke_plot_free(p);
}

TEST(nth_allocation_failing_leaks_nothing)
{
    FILE *to = fopen("/dev/null", "w");
    for (uint64_t nth = 1, asked = nth; nth <= asked; nth++) {
        yk_alloc_test_begin(nth);
        int rc = print_one(to, NULL);
        assert_int_equal(yk_alloc_test_end(&asked), 0);
        assert_true((rc == 0) == (asked < nth));
    }
    fclose(to);
}

RUN_TESTS(ticks_are_round_numbers, places_on_axes, histogram_file_reads_back_the_same, csv_texts, drawing_with_characters,
          labels_become_one_line_of_utf8, what_cannot_be_drawn_is_said, nth_allocation_failing_leaks_nothing)
