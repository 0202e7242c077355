/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables from C: lazily derived, asked many things at once, joined, exchanged as Arrow streams; and with no memory.
 */
#include "base/test/check.h"

#include "base/alloc.h"

#include <yoke/table.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

/* A file of `rows` rows: i counts, x = i / 4, s is one of three words or empty, by i. */
static const char *write_csv(const char *name, int rows)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("i,x,s\n", f);
    for (int i = 0; i < rows; i++)
        fprintf(f, "%d,%g,%s\n", i, i / 4.0, (const char *[]){"red", "green", "\"blue, dark\"", ""}[i % 4]);
    fclose(f);
    return path;
}

static yoke_session *session(void)
{
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open("serial", &err);
    assert_non_null(s);
    return s;
}

TEST(many_asks_one_scan)
{
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = session();
    yoke_table   *t = yoke_table_open(s, write_csv("a.csv", 5000), &err);
    assert_non_null(t);
    yoke_table *some = yoke_table_where(t, "i >= 1000", &err);
    yoke_ask    asks[] = {{.what = YOKE_ASK_COUNT}, {.what = YOKE_ASK_SUM, .expr = "i"}, {.what = YOKE_ASK_MEAN, .expr = "x"},
                          {.what = YOKE_ASK_MAX, .expr = "s"}, {.what = YOKE_ASK_COUNT, .expr = "s"},
                          {.what = YOKE_ASK_DISTINCT, .expr = "s"},
                          {.what = YOKE_ASK_HISTOGRAM, .expr = "x", .n_bins = 2, .lo = 0, .hi = 2000}};
    yoke_answers *a = yoke_table_collect(some, asks, 7, &err);
    assert_non_null(a);
    assert_int_equal(yoke_answers_at(a, 0)->integer, 4000);
    assert_string_equal(yoke_answers_at(a, 1)->text, "11998000");
    assert_true(yoke_answers_at(a, 2)->real == 749.875);
    assert_string_equal(yoke_answers_at(a, 3)->text, "red");
    assert_int_equal(yoke_answers_at(a, 4)->integer, 3000);
    assert_int_equal(yoke_answers_at(a, 5)->integer, 3);
    assert_int_equal(yoke_answers_at(a, 6)->n_bins, 2);
    assert_int_equal(yoke_answers_at(a, 6)->counts[0], 3000);
    assert_int_equal(yoke_answers_at(a, 6)->counts[1], 1000);
    yoke_answers_free(a);
    yoke_table_stats st;
    yoke_table_stats_get(t, &st);
    assert_int_equal(st.scans, 1);
    double   q;
    uint64_t n;
    assert_int_equal(yoke_table_quantile(some, "i", 0.25, &q, &err), 0);
    assert_true(q == 1999.75);
    assert_int_equal(yoke_table_count(t, &n, &err), 0);
    assert_int_equal(n, 5000);
    yoke_table_close(t); /* what was derived from it lives on */
    assert_int_equal(yoke_table_min(some, "x", &q, &err), 0);
    assert_true(q == 250);
    assert_int_equal(yoke_table_max(some, "x", &q, &err), 0);
    assert_true(q == 1249.75);
    assert_int_equal(yoke_table_std(some, "i", &q, &err), 0);
    assert_true(fabs(q - sqrt(4000.0 * 4001 / 12)) < 1e-9); /* of n whole numbers in a row: n (n + 1) / 12 */
    yoke_table_close(some);
    yoke_close(s);
}

static int count_rows(void *ctx, const yoke_frame *part)
{
    *(uint64_t *)ctx += yoke_frame_rows(part);
    return yoke_frame_columns(part) == 2 ? 0 : -1;
}

TEST(errors_are_sentences)
{
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = session();
    yoke_table   *t = yoke_table_open(s, write_csv("e.csv", 10), &err);
    double        x;
    assert_int_equal(yoke_table_mean(t, "xx", &x, &err), YOKE_EABSENT);
    assert_non_null(strstr(err.text, "did you mean 'x'"));
    yoke_error_clear(&err);
    assert_int_equal(yoke_table_mean(t, "s", &x, &err), YOKE_ETYPE);
    yoke_error_clear(&err);
    assert_null(yoke_table_where(t, "x >", &err));
    assert_int_equal(err.code, YOKE_ESYNTAX);
    yoke_error_clear(&err);
    assert_int_equal(yoke_table_quantile(t, "x", 1.5, &x, &err), YOKE_EINVALID);
    yoke_error_clear(&err);
    assert_null(yoke_table_open(s, "/nowhere/at/all.csv", NULL));
    const double   edges[] = {0, 1};
    const yoke_ask mean = {.what = YOKE_ASK_MEAN, .expr = "x"}, odd = {.what = (yoke_ask_kind)99, .expr = "x"},
                   bare = {.what = YOKE_ASK_HISTOGRAM, .expr = "x", .n_edges = 2},
                   good = {.what = YOKE_ASK_HISTOGRAM, .expr = "x", .edges = edges, .n_edges = 2};
    const yoke_rows wrong[] = {{.head = 1, .tail = 1}, {.tail = 1, .sample = 1}, {.by = "s", .select = "s", .asks = &mean, .n_asks = 1},
                               {.by = "s", .is_distinct = 1}, {.by = "s", .sample = 2}, {.select = "s", .is_distinct = 1, .sample = 2},
                               {.asks = &mean, .n_asks = 1}, {.by = "s", .n_asks = 1}, {.by = "s", .asks = &odd, .n_asks = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t n = 0;
        assert_null(yoke_table_rows(t, &wrong[i], &err));
        assert_int_equal(err.code, YOKE_EINVALID);
        yoke_error_clear(&err);
        assert_int_equal(yoke_table_each(t, &wrong[i], count_rows, &n, &err), YOKE_EINVALID);
        yoke_error_clear(&err);
    }
    assert_null(yoke_table_collect(t, &odd, 1, &err));
    assert_int_equal(err.code, YOKE_EINVALID);
    yoke_error_clear(&err);
    assert_null(yoke_table_collect(t, &bare, 1, &err));
    assert_int_equal(err.code, YOKE_EINVALID);
    yoke_error_clear(&err);
    yoke_answers *a = yoke_table_collect(t, &good, 1, &err);
    assert_non_null(a);
    yoke_answers_free(a);
    yoke_table_close(t);
    yoke_close(s);
}

TEST(rows_and_groups)
{
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = session();
    yoke_table   *t = yoke_table_open(s, write_csv("r.csv", 5000), &err);
    yoke_frame   *f = yoke_table_rows(t, &(yoke_rows){.select = "i, x * 2 as y", .sort = "i desc", .head = 3}, &err);
    assert_non_null(f);
    assert_int_equal(yoke_frame_rows(f), 3);
    assert_string_equal(yoke_frame_name(f, 1), "y");
    assert_true(yoke_frame_real(f, 1, 0) == 2499.5);
    yoke_frame_free(f);
    yoke_ask asks[] = {{.what = YOKE_ASK_COUNT}, {.what = YOKE_ASK_LAST, .expr = "i"}, {.what = YOKE_ASK_QUANTILE, .expr = "x", .q = 0.5}};
    f = yoke_table_rows(t, &(yoke_rows){.by = "s", .asks = asks, .n_asks = 3}, &err);
    assert_non_null(f);
    assert_int_equal(yoke_frame_rows(f), 4);
    char text[32];
    assert_int_equal(yoke_frame_text(f, 0, 0, text, sizeof text), 10);
    assert_string_equal(text, "blue, dark");
    assert_true(yoke_frame_is_missing(f, 0, 3)); /* the missing key comes last */
    assert_true(yoke_frame_real(f, 1, 0) == 1250);
    assert_true(yoke_frame_real(f, 2, 3) == 4999);
    assert_true(yoke_frame_real(f, 3, 1) == 624.75); /* green: i = 1, 5, … 4997 */
    assert_null(yoke_frame_name(f, 4));
    assert_true(yoke_frame_is_missing(f, 0, 4) && yoke_frame_is_missing(f, 4, 0) && isnan(yoke_frame_real(f, 1, 4))
                && !yoke_frame_text(f, 9, 9, NULL, 0));
    yoke_frame_free(f);
    const char *const names[] = {"n", NULL, "half"};
    f = yoke_table_rows(t, &(yoke_rows){.by = "s", .asks = asks, .ask_names = names, .n_asks = 3, .tail = UINT64_MAX}, &err);
    assert_non_null(f);
    assert_int_equal(yoke_frame_rows(f), 4);
    assert_string_equal(yoke_frame_name(f, 1), "n");
    assert_string_equal(yoke_frame_name(f, 2), "last(i)");
    assert_string_equal(yoke_frame_name(f, 3), "half");
    yoke_frame_free(f);
    f = yoke_table_rows(t, &(yoke_rows){.select = "i", .sample = UINT64_MAX / 2 + 1}, &err);
    assert_true(f && yoke_frame_rows(f) == 5000);
    yoke_frame_free(f);
    yoke_ask bins[] = {{.what = YOKE_ASK_COUNT}, {.what = YOKE_ASK_HISTOGRAM, .expr = "i", .n_bins = 5, .lo = 0, .hi = 5000}};
    f = yoke_table_rows(t, &(yoke_rows){.by = "s", .asks = bins, .n_asks = 2, .sort = "s desc", .head = 2}, &err);
    assert_non_null(f);
    assert_int_equal(yoke_frame_rows(f), 10); /* two groups of five bins */
    assert_string_equal(yoke_frame_name(f, 2), "lo");
    assert_true(yoke_frame_real(f, 1, 9) == 1250 && yoke_frame_real(f, 3, 9) == 5000 && yoke_frame_real(f, 4, 9) == 250);
    yoke_frame_free(f);
    bins[0] = (yoke_ask){.what = YOKE_ASK_HISTOGRAM, .expr = "i", .n_bins = 6, .lo = 0, .hi = 5000};
    assert_null(yoke_table_rows(t, &(yoke_rows){.by = "s", .asks = bins, .n_asks = 2}, &err)); /* other bins side by side */
    assert_int_equal(err.code, YOKE_EINVALID);
    yoke_error_clear(&err);
    uint64_t n = 0;
    assert_int_equal(yoke_table_each(t, &(yoke_rows){.select = "i, s"}, count_rows, &n, &err), 0);
    assert_int_equal(n, 5000);
    assert_int_equal(yoke_table_each(t, &(yoke_rows){.select = "i"}, count_rows, &n, &err), YOKE_ECANCELED);
    yoke_table_close(t);
    yoke_close(s);
}

TEST(arrow_there_and_back)
{
    yoke_error              err = YOKE_ERROR_INIT;
    yoke_session           *s = session();
    yoke_table             *t = yoke_table_open(s, write_csv("w.csv", 150000), &err);
    yoke_frame             *f = yoke_table_rows(t, &(yoke_rows){.select = "i, x, s"}, &err);
    struct ArrowArrayStream stream;
    assert_non_null(f);
    assert_int_equal(yoke_frame_to_arrow(f, &stream, &err), 0);
    yoke_table *back = yoke_table_from_arrow(s, &stream, &err);
    assert_non_null(back);
    const char *exprs[] = {"i", "x", "i * x", "len(s)"};
    for (size_t i = 0; i < 4; i++) {
        double a, b;
        assert_int_equal(yoke_table_sum(t, exprs[i], &a, &err), 0);
        assert_int_equal(yoke_table_sum(back, exprs[i], &b, &err), 0);
        assert_true(a == b);
    }
    yoke_table *zones = yoke_table_open(s, write_csv("z.csv", 4), &err), *both = yoke_table_join(back, zones, "i", &err);
    uint64_t    n;
    assert_non_null(both);
    yoke_table *met = yoke_table_where(both, "s_2 == 'red' or x_2 > 0.5", &err);
    assert_int_equal(yoke_table_count(met, &n, &err), 0);
    assert_int_equal(n, 2); /* i = 0 is red, i = 3 has 0.75 */
    yoke_table_close(met);
    yoke_table_close(both);
    yoke_table_close(zones);
    yoke_table_close(back);
    yoke_table_close(t);
    yoke_close(s);
}

/* Everything once; false when memory was out, and then nothing may be left behind. */
static bool everything(yoke_session *s, const char *path)
{
    yoke_error   err = YOKE_ERROR_INIT;
    yoke_table  *t = yoke_table_open(s, path, &err), *some = t ? yoke_table_where(t, "i > 3", &err) : NULL;
    yoke_ask     asks[] = {{.what = YOKE_ASK_MEAN, .expr = "x"}, {.what = YOKE_ASK_QUANTILE, .expr = "x", .q = 0.5},
                           {.what = YOKE_ASK_STD, .expr = "i"}, {.what = YOKE_ASK_DISTINCT, .expr = "s"},
                           {.what = YOKE_ASK_HISTOGRAM, .expr = "i", .n_bins = 3, .hi = 9}};
    yoke_answers *a = some ? yoke_table_collect(some, asks, 5, &err) : NULL;
    yoke_frame   *g = a ? yoke_table_rows(some, &(yoke_rows){.by = "s", .asks = asks, .n_asks = 5, .sort = "s desc"}, &err) : NULL;
    yoke_frame   *r = g ? yoke_table_rows(some, &(yoke_rows){.sort = "x desc, s", .head = 5}, &err) : NULL;
    yoke_frame   *c = r ? yoke_table_columns(t, &err) : NULL;
    bool          is_done = c != NULL;
    if (!is_done)
        assert_string_equal(err.code == YOKE_ENOMEM ? "" : err.text, "");
    yoke_frame_free(c);
    yoke_frame_free(r);
    yoke_frame_free(g);
    yoke_answers_free(a);
    yoke_table_close(some);
    yoke_table_close(t);
    return is_done;
}

TEST(every_allocation_may_fail)
{
    yoke_session *s = session();
    const char   *path = write_csv("m.csv", 40);
    assert_true(everything(s, path)); /* what is made once and kept is there now */
    bool is_done = false;
    for (uint64_t fail_at = 1; !is_done; fail_at += 1 + fail_at / 40) {
        uint64_t asked;
        yk_alloc_test_begin(fail_at);
        is_done = everything(s, path);
        int64_t left = yk_alloc_test_end(&asked);
        assert_int_equal(left, 0);
        is_done = is_done && asked < fail_at;
    }
    yoke_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {many_asks_one_scan, errors_are_sentences, rows_and_groups, arrow_there_and_back,
                                       every_allocation_may_fail};
    snprintf(folder, sizeof folder, "/tmp/yoke-table-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int  failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) != 0 || failed;
}
