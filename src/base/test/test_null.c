/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every public call with NULL in each place where its header does not allow it: an error that names the call and the
 * parameter, or the answer for nothing.
 */
#include "base/test/check.h"

#include <yoke/yoke.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int  task(yoke_task *t, const void *item, void *result) { return (void)t, (void)item, (void)result, 0; }
static int  star(yoke_task *t, const void *const *args, void *result) { return (void)t, (void)args, (void)result, 0; }
static int  piece(yoke_task *t, uint64_t lo, uint64_t hi) { return (void)t, (void)lo, (void)hi, 0; }
static int  node(yoke_task *t, const void *arg, const void *const *in, void *out) { return (void)t, (void)arg, (void)in, (void)out, 0; }
static int  join(void *ctx, void *into, const void *from, yoke_error *err) { return (void)ctx, (void)into, (void)from, (void)err, 0; }
static int  part(void *ctx, const yoke_frame *f) { return (void)ctx, (void)f, 0; }
static void then(void *ctx, yoke_future *f) { (void)ctx, (void)f; }

static char file[] = "/tmp/yoke-null-XXXXXX.csv";

static void write_file(void)
{
    FILE *f = fdopen(mkstemps(file, 4), "w");
    assert_non_null(f);
    fputs("x,y\n1,2\n", f);
    fclose(f);
}

/* The call fails, and says where. */
static void expect(const yoke_error *err, const char *call, const char *what)
{
    assert_int_equal(err->code, YOKE_EINVALID);
    if (!strstr(err->text, call) || !strstr(err->text, what))
        fail_msg("'%s' names neither %s nor %s", err->text, call, what);
}

#define CODE(what, call, ...)                                                \
    do {                                                                     \
        yoke_error why = YOKE_ERROR_INIT;                                    \
        assert_int_equal(call(__VA_ARGS__, &why), YOKE_EINVALID);            \
        expect(&why, #call, what);                                           \
        assert_int_equal(call(__VA_ARGS__, NULL), YOKE_EINVALID);            \
    } while (0)

#define HANDLE(what, call, ...)                                              \
    do {                                                                     \
        yoke_error why = YOKE_ERROR_INIT;                                    \
        assert_null(call(__VA_ARGS__, &why));                                \
        expect(&why, #call, what);                                           \
        assert_null(call(__VA_ARGS__, NULL));                                \
    } while (0)

TEST(maps)
{
    yoke_session *s = yoke_open("serial", NULL);
    int64_t       x = 0;
    yoke_outcome  o;
    yoke_arg      given = {&x, 1, 8}, lacks = {NULL, 1, 8};
    yoke_error    err = YOKE_ERROR_INIT;
    CODE("'s'", yoke_map, NULL, task, &x, 1, 8, &x, 8, NULL);
    CODE("'fn'", yoke_map, s, NULL, &x, 1, 8, &x, 8, NULL);
    CODE("'items'", yoke_map, s, task, NULL, 1, 8, &x, 8, NULL);
    assert_int_equal(yoke_map(s, task, NULL, 0, 8, NULL, 8, NULL, NULL), 0);
    CODE("'s'", yoke_starmap, NULL, star, &given, 1, YOKE_ZIP, &x, 8, NULL);
    CODE("'fn'", yoke_starmap, s, NULL, &given, 1, YOKE_ZIP, &x, 8, NULL);
    CODE("'args'", yoke_starmap, s, star, NULL, 1, YOKE_ZIP, &x, 8, NULL);
    assert_int_equal(yoke_starmap(s, star, &lacks, 1, YOKE_ZIP, &x, 8, NULL, &err), YOKE_EINVALID);
    assert_string_equal(err.text, "starmap: the values of argument 1 are NULL");
    CODE("'s'", yoke_for, NULL, piece, 1, 1, NULL);
    CODE("'fn'", yoke_for, s, NULL, 1, 1, NULL);
    HANDLE("'s'", yoke_imap_open, NULL, task, yoke_items_range(1), 8, NULL);
    HANDLE("'fn'", yoke_imap_open, s, NULL, yoke_items_range(1), 8, NULL);
    HANDLE("'items.values'", yoke_imap_open, s, task, yoke_items_array(NULL, 1, 8), 8, NULL);
    CODE("'it'", yoke_imap_next, NULL, &o);
    CODE("'s'", yoke_map_reduce, NULL, task, yoke_items_range(1), join, &x, 8, NULL);
    CODE("'fn'", yoke_map_reduce, s, NULL, yoke_items_range(1), join, &x, 8, NULL);
    CODE("'combine'", yoke_map_reduce, s, task, yoke_items_range(1), NULL, &x, 8, NULL);
    CODE("'result'", yoke_map_reduce, s, task, yoke_items_range(1), join, NULL, 8, NULL);
    CODE("'items.values'", yoke_map_reduce, s, task, yoke_items_array(NULL, 1, 8), join, &x, 8, NULL);
    yoke_imap *it = yoke_imap_open(s, task, yoke_items_range(1), 8, NULL, NULL);
    CODE("'ret'", yoke_imap_next, it, NULL);
    assert_int_equal(yoke_imap_next(it, &o, NULL), 1);
    yoke_imap_close(it);
    yoke_imap_close(NULL);
    assert_int_equal(yoke_failures_count(NULL), 0);
    assert_null(yoke_failures_at(NULL, 0));
    assert_null(yoke_failures_find(NULL, 0));
    yoke_failures_free(NULL);
    yoke_close(s);
}

TEST(futures_and_graphs)
{
    yoke_session *s = yoke_open("serial", NULL);
    yoke_graph   *g = yoke_graph_new(NULL);
    HANDLE("'s'", yoke_submit, NULL, task, NULL, 0, 8);
    HANDLE("'fn'", yoke_submit, s, NULL, NULL, 0, 8);
    HANDLE("'item'", yoke_submit, s, task, NULL, 8, 8);
    assert_false(yoke_future_is_ready(NULL));
    CODE("'f'", yoke_future_wait, NULL, 0);
    CODE("'f'", yoke_future_fd, NULL);
    yoke_error err = YOKE_ERROR_INIT;
    assert_int_equal(yoke_future_get(NULL, NULL, &err), YOKE_EINVALID);
    expect(&err, "yoke_future_", "'f'");
    yoke_future_then(NULL, then, NULL);
    assert_false(yoke_future_cancel(NULL));
    yoke_future_free(NULL);
    CODE("'g'", yoke_graph_add, NULL, node, NULL, 0, 8, NULL, 0);
    CODE("'fn'", yoke_graph_add, g, NULL, NULL, 0, 8, NULL, 0);
    CODE("'arg'", yoke_graph_add, g, node, NULL, 8, 8, NULL, 0);
    CODE("'needs'", yoke_graph_add, g, node, NULL, 0, 8, NULL, 1);
    CODE("'g'", yoke_graph_need, NULL, 0, 0);
    CODE("'s'", yoke_graph_run, NULL, g, NULL);
    CODE("'g'", yoke_graph_run, s, NULL, NULL);
    assert_null(yoke_graph_result(NULL, 0));
    yoke_graph_free(NULL);
    yoke_graph_free(g);
    yoke_close(s);
}

TEST(sessions_and_what_tasks_share)
{
    char text[8];
    assert_int_equal(yoke_session_workers(NULL), 0);
    assert_null(yoke_session_executor(NULL));
    yoke_close(NULL);
    yoke_error_clear(NULL);
    yoke_cancel_set(NULL);
    assert_false(yoke_cancel_is_set(NULL));
    yoke_cancel_free(NULL);
    yoke_shared_free(NULL, 8);
    assert_string_equal(yoke_cause_text((yoke_cause)99, 0, text, sizeof text), "");
    assert_string_equal(yoke_error_name(99), "unknown error");
    assert_string_equal(yoke_version(), YOKE_VERSION);
}

TEST(tables)
{
    yoke_session           *s = yoke_open("serial", NULL);
    yoke_table_opts         opts = {.size = sizeof opts};
    const char             *none = NULL;
    yoke_ask                ask = {.what = YOKE_ASK_COUNT}, mean = {.what = YOKE_ASK_MEAN};
    yoke_rows               rows = {0};
    struct ArrowArrayStream stream = {0};
    yoke_table_stats        stats = {.rows = 1};
    uint64_t                n = 0;
    double                  x = 0;
    HANDLE("'s'", yoke_table_open_many, NULL, &none, 1, &opts);
    HANDLE("'patterns'", yoke_table_open_many, s, NULL, 1, &opts);
    HANDLE("'patterns[i]'", yoke_table_open_many, s, &none, 1, &opts);
    yoke_error err = YOKE_ERROR_INIT;
    assert_null(yoke_table_open(s, NULL, &err));
    assert_int_equal(err.code, YOKE_EINVALID);
    assert_null(yoke_table_open(NULL, "x.csv", NULL));
    HANDLE("'stream'", yoke_table_from_arrow, s, NULL);
    yoke_table_close(NULL);

    write_file();
    yoke_table *t = yoke_table_open(s, file, NULL);
    assert_non_null(t);
    HANDLE("'t'", yoke_table_where, NULL, "x > 0");
    HANDLE("'expr'", yoke_table_where, t, NULL);
    HANDLE("'t'", yoke_table_join, NULL, t, "x");
    HANDLE("'other'", yoke_table_join, t, NULL, "x");
    HANDLE("'keys'", yoke_table_join, t, t, NULL);
    HANDLE("'t'", yoke_table_collect, NULL, &ask, 1);
    HANDLE("'asks'", yoke_table_collect, t, NULL, 1);
    assert_null(yoke_table_collect(t, &mean, 1, NULL));
    CODE("'t'", yoke_table_count, NULL, &n);
    CODE("'ret'", yoke_table_count, t, NULL);
    CODE("'t'", yoke_table_sum, NULL, "x", &x);
    CODE("'expr'", yoke_table_sum, t, NULL, &x);
    CODE("'ret'", yoke_table_mean, t, "x", NULL);
    CODE("'t'", yoke_table_std, NULL, "x", &x);
    CODE("'t'", yoke_table_min, NULL, "x", &x);
    CODE("'t'", yoke_table_max, NULL, "x", &x);
    CODE("'t'", yoke_table_quantile, NULL, "x", 0.5, &x);
    CODE("'expr'", yoke_table_quantile, t, NULL, 0.5, &x);
    CODE("'ret'", yoke_table_quantile, t, "x", 0.5, NULL);
    HANDLE("'t'", yoke_table_rows, NULL, &rows);
    HANDLE("'r'", yoke_table_rows, t, NULL);
    CODE("'t'", yoke_table_each, NULL, &rows, part, NULL);
    CODE("'r'", yoke_table_each, t, NULL, part, NULL);
    CODE("'fn'", yoke_table_each, t, &rows, NULL, NULL);
    CODE("'t'", yoke_table_write_parquet, NULL, &rows, "x.parquet", NULL, 0, &n);
    CODE("'rows'", yoke_table_write_parquet, t, NULL, "x.parquet", NULL, 0, &n);
    CODE("'path'", yoke_table_write_parquet, t, &rows, NULL, NULL, 0, &n);
    HANDLE("'t'", yoke_table_columns, NULL);
    HANDLE("'t'", yoke_table_explain, NULL, NULL, &ask, 1);
    HANDLE("'asks'", yoke_table_explain, t, NULL, NULL, 1);
    yoke_table_stats_get(NULL, &stats);
    assert_int_equal(stats.rows, 0);
    yoke_table_stats_get(t, NULL);
    yoke_text_free(NULL);

    yoke_frame   *f = yoke_table_columns(t, NULL);
    yoke_answers *a = yoke_table_collect(t, &ask, 1, NULL);
    CODE("'f'", yoke_frame_to_arrow, NULL, &stream);
    CODE("'ret'", yoke_frame_to_arrow, f, NULL);
    assert_int_equal(yoke_frame_rows(NULL), 0);
    assert_int_equal(yoke_frame_columns(NULL), 0);
    assert_null(yoke_frame_name(NULL, 0));
    assert_null(yoke_frame_type(NULL, 0));
    assert_true(yoke_frame_is_missing(NULL, 0, 0));
    assert_true(isnan(yoke_frame_real(NULL, 0, 0)));
    assert_int_equal(yoke_frame_text(NULL, 0, 0, NULL, 0), 0);
    assert_null(yoke_answers_at(NULL, 0));
    assert_non_null(yoke_answers_at(a, 0));
    assert_null(yoke_answers_at(a, 1));
    yoke_answers_free(a);
    yoke_answers_free(NULL);
    yoke_frame_free(f);
    yoke_frame_free(NULL);
    yoke_table_close(t);
    unlink(file);
    yoke_close(s);
}

TEST(pictures_and_plots)
{
    yoke_session *s = yoke_open("serial", NULL);
    const char   *none = NULL;
    double        x[] = {1, 2};
    yoke_error    err = YOKE_ERROR_INIT;
    CODE("'s'", yoke_image_convert, NULL, &none, 1, NULL, NULL, NULL);
    CODE("'files'", yoke_image_convert, s, NULL, 1, NULL, NULL, NULL);
    CODE("'files[i]'", yoke_image_convert, s, &none, 1, NULL, NULL, NULL);
    yoke_plot *p = yoke_plot_new(NULL, NULL);
    assert_int_equal(yoke_plot_add_stairs(NULL, "", 1, x, x, NULL), YOKE_EINVALID);
    assert_int_equal(yoke_plot_add_line(p, "a", 1, NULL, x, &err), YOKE_EINVALID);
    assert_string_equal(err.text, "series 'a' has 1 values, but NULL for where they are");
    assert_int_equal(yoke_plot_add_points(p, NULL, 1, x, NULL, NULL), YOKE_EINVALID);
    assert_int_equal(yoke_plot_add_stairs(p, NULL, 1, NULL, x, NULL), YOKE_EINVALID);
    CODE("'p'", yoke_plot_save, NULL, "x.png", 0);
    CODE("'path'", yoke_plot_save, p, NULL, 0);
    CODE("'p'", yoke_plot_print, NULL, stdout, 80, 24, 0);
    CODE("'to'", yoke_plot_print, p, NULL, 80, 24, 0);
    yoke_plot_free(p);
    yoke_plot_free(NULL);
    yoke_close(s);
}

/* Of a struct that was not begun with its size nothing may be passed over in silence. */
TEST(options_without_a_size)
{
    yoke_session   *s = yoke_open("serial", NULL);
    yoke_graph     *g = yoke_graph_new(NULL);
    yoke_map_opts   map = {.retries = 1};
    yoke_table_opts table = {.header = 1};
    yoke_image_opts image = {.quality = 1};
    yoke_plot_opts  plot = {.is_y_log = 1};
    const char     *name = "x.csv";
    int64_t         x = 0;
    yoke_error      err = YOKE_ERROR_INIT;
    assert_int_equal(yoke_map(s, task, &x, 1, 8, &x, 8, &map, &err), YOKE_EINVALID);
    assert_non_null(strstr(err.text, "size is 0"));
    assert_int_equal(yoke_map_reduce(s, task, yoke_items_range(1), join, &x, 8, &map, NULL), YOKE_EINVALID);
    assert_int_equal(yoke_graph_run(s, g, &map, NULL), YOKE_EINVALID);
    assert_null(yoke_table_open_many(s, &name, 1, &table, NULL));
    assert_int_equal(yoke_image_convert(s, &name, 1, &image, NULL, NULL, NULL), YOKE_EINVALID);
    assert_null(yoke_plot_new(&plot, NULL));

    struct {
        size_t size;
        double rotate_deg;
    } older = {sizeof older, 7}; /* what lies behind it is not read (the sanitizers see to that) */
    assert_int_equal(yoke_image_convert(s, &name, 0, (const yoke_image_opts *)(const void *)&older, NULL, NULL, NULL), 0);
    yoke_graph_free(g);
    yoke_close(s);
}

RUN_TESTS(maps, futures_and_graphs, sessions_and_what_tasks_share, tables, pictures_and_plots, options_without_a_size)
