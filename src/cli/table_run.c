/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke table: one call of the table interface for the words, and what comes back printed.
 */
#include "cli/table_call.h"

#include "base/clock.h"
#include "base/file.h"
#include "plan/stage.h"
#include "plot/plot_csv.h"
#include "table/table.h"

#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int sig) { is_interrupted = 1; }

static int show_progress(void *ctx, uint64_t done, uint64_t all)
{
    yk_progress_total(ctx, all);
    yk_progress_update(ctx, done, 0);
    return is_interrupted;
}

/* The first Ctrl-C ends the scan, so that nothing half done is left; the second ends the program. */
static void catch_interrupts(void)
{
    struct sigaction old, end = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    for (size_t i = 0; i < 2; i++) {
        int sig = (int[]){SIGINT, SIGTERM}[i];
        if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(sig, &end, NULL);
    }
}

/* Bins that were not given a range take the values' own. */
static int find_range(const yk_table_call *c, const yoke_table *t, const char *expr, double range[2], yoke_error *err)
{
    yoke_ask      ends[2] = {{.what = YOKE_ASK_MIN, .expr = expr}, {.what = YOKE_ASK_MAX, .expr = expr}};
    yoke_answers *a = yoke_table_collect(t, ends, 2, err);
    if (!a)
        return err->code;
    range[0] = yoke_answers_at(a, 0)->real;
    range[1] = yoke_answers_at(a, 1)->real;
    bool is_missing = yoke_answers_at(a, 0)->is_missing || isnan(range[0]); /* of no number: said when it is counted */
    yoke_answers_free(a);
    if (is_missing)
        range[0] = 0, range[1] = 1;
    if (!isfinite(range[0]) || !isfinite(range[1]))
        return yk_fail(err, YOKE_EINVALID, "--hist: '%s' goes from %g to %g, which bins cannot cover; say which part with --range LO:HI",
                       expr, range[0], range[1]);
    return c->is_log_bins && range[0] <= 0
        ? yk_fail(err, YOKE_EINVALID, "--log-bins: '%s' goes down to %g; give a range above 0 with --range", expr, range[0]) : 0;
}

static int set_bins(yk_table_call *c, const yoke_table *t, yoke_error *err)
{
    for (size_t i = 0; i < c->n; i++) {
        yoke_ask *q = &c->asks[i];
        if (q->what != YOKE_ASK_HISTOGRAM)
            continue;
        if (!c->has_range && !c->n_edges) {
            YK_TRY(find_range(c, t, q->expr, c->range, err));
            c->has_range = true; /* for the others too: bins that can be compared */
        }
        q->n_bins = c->n_bins ? c->n_bins : 50;
        q->lo = c->range[0], q->hi = c->range[1];
        q->is_log = c->is_log_bins;
        q->edges = c->edges, q->n_edges = c->n_edges;
    }
    return 0;
}

static int write_text(const yk_table_call *c, const yk_buf *text, yoke_error *err)
{
    if (text->is_failed)
        return yk_fail_nomem(err, "printing");
    if (!c->out || strcmp(c->out, "-") == 0) {
        fwrite(yk_buf_text(text), 1, text->len, stdout);
        return 0;
    }
    YK_CLEANUP(yk_output_fini) yk_output o = {0};
    YK_TRY(yk_output_open(&o, c->out, c->is_forced, err));
    fwrite(yk_buf_text(text), 1, text->len, o.file);
    return yk_output_commit(&o, err);
}

/* Histograms that went to a file or a picture are not printed as well. */
static int print_answers(const yk_table_call *c, const yoke_answers *a, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    if (c->is_json) {
        yk_table_put_answers_json(&text, a, c->labels, c->n);
    } else if (c->out || c->plot) {
        for (size_t i = 0; i < c->n; i++)
            if (c->asks[i].what != YOKE_ASK_HISTOGRAM && c->n > 2)
                yk_buf_printf(&text, "%s  %s\n", c->labels[i], yoke_answers_at(a, i)->is_missing ? "missing" : yoke_answers_at(a, i)->text);
            else if (c->asks[i].what != YOKE_ASK_HISTOGRAM)
                yk_buf_printf(&text, "%s\n", yoke_answers_at(a, i)->is_missing ? "missing" : yoke_answers_at(a, i)->text);
    } else {
        yk_table_put_answers(&text, a, c->labels, c->n);
    }
    if (text.is_failed)
        return yk_fail_nomem(err, "printing");
    fwrite(yk_buf_text(&text), 1, text.len, stdout);
    return 0;
}

static int answer(yk_table_call *c, const yoke_table *t, yoke_error *err)
{
    YK_TRY(set_bins(c, t, err));
    yoke_answers *a = yoke_table_collect(t, c->asks, c->n, err);
    if (!a)
        return err->code;
    YK_AUTOBUF bins = YK_BUF_INIT;
    int        rc = 0;
    for (size_t i = 0; i < c->n && c->out; i++) {
        const yoke_answer *r = yoke_answers_at(a, i);
        if (c->asks[i].what != YOKE_ASK_HISTOGRAM)
            continue;
        rc = bins.len ? yk_fail(err, YOKE_EINVALID, "-o keeps one histogram; the call has several") : 0;
        yk_hist_csv(&bins, r->n_bins, r->edges, r->counts);
    }
    if (rc == 0 && c->out)
        rc = write_text(c, &bins, err);
    if (rc == 0 && c->plot)
        rc = yk_table_plot_answers(c, a, err);
    if (rc == 0)
        rc = print_answers(c, a, err);
    yoke_answers_free(a);
    return rc;
}

/* Where parts of rows go. */
typedef struct printing {
    yoke_session   *session;
    uint64_t        memory;
    FILE           *to;
    const char     *name; /* what it is called; NULL: standard output */
    yk_table_format format;
    bool            has_begun;
    yoke_frame     *first;  /* of an aligned table: rows that wait until there are enough to tell how wide columns are; owned */
    size_t         *widths; /* owned */
    yoke_error     *err;
} printing;

enum { ENOUGH_FOR_WIDTHS = 1 << 14 };

static void printing_fini(printing *p)
{
    yoke_frame_free(p->first);
    yk_free(p->widths);
}

/* Rows being made text by the workers, a slice each; the text goes out in order. */
typedef struct slices {
    const printing   *p;
    const yoke_frame *rows;
    uint64_t          n; /* of a slice */
} slices;

enum { SLICE_VALUES = 1 << 15, TEXT = 24 }; /* bytes that a value takes as text, mostly */

static void put_slice(const slices *s, uint64_t index, yk_buf *to)
{
    uint64_t first = index * s->n, left = yoke_frame_rows(s->rows) - first;
    yk_table_put_rows(to, s->rows, first, left < s->n ? left : s->n, s->p->format, s->p->widths);
}

static int slice_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    yk_buf *to = yk_task_bytes(t);
    if (to)
        put_slice(ctx, yk_task_index(t), to);
    return to && !to->is_failed ? yk_task_emit(t, NULL, 0, err) : yk_fail_nomem(err, "printing");
}

static int write_slice(const printing *p, const char *text, size_t n, yoke_error *err)
{
    if (fwrite(text, 1, n, p->to) != n)
        return p->name ? yk_fail_errno(err, "writing '%s'", p->name) : yk_fail_errno(err, "writing the rows");
    return is_interrupted ? yk_fail(err, YOKE_ECANCELED, "interrupted while the rows were written") : 0;
}

static int slice_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    const slices *s = ctx;
    return write_slice(s->p, r->bytes, r->n_bytes, err);
}

/* Worker processes would have to be sent the rows: that takes longer than the work. */
static int print_slices(const printing *p, const yoke_frame *rows)
{
    slices   s = {p, rows, SLICE_VALUES / (yoke_frame_columns(rows) + 1) + 1};
    uint64_t n = (yoke_frame_rows(rows) + s.n - 1) / s.n;
    if (n > 1 && yk_stage_is_local(p->session)) {
        yk_stage st = {.name = "print", .n = n, .ctx = &s, .task = slice_task, .fold = slice_fold, .fold_ctx = &s,
                       .max_held = yk_memory_written(p->memory), .expected = SLICE_VALUES * TEXT};
        return yk_stage_run(p->session, &st, p->err);
    }
    YK_AUTOBUF text = YK_BUF_INIT;
    for (uint64_t i = 0; i < n; i++) {
        yk_buf_clear(&text);
        put_slice(&s, i, &text);
        if (text.is_failed)
            return yk_fail_nomem(p->err, "printing");
        YK_TRY(write_slice(p, yk_buf_text(&text), text.len, p->err));
    }
    return 0;
}

static int print_now(printing *p, const yoke_frame *part)
{
    YK_AUTOBUF head = YK_BUF_INIT;
    if (!p->widths && !(p->widths = yk_new_array(size_t, yoke_frame_columns(part) + 1)))
        return yk_fail_nomem(p->err, "printing");
    if (!p->has_begun)
        yk_table_put_head(&head, part, p->format, p->widths);
    p->has_begun = true;
    if (head.is_failed)
        return yk_fail_nomem(p->err, "printing");
    YK_TRY(write_slice(p, yk_buf_text(&head), head.len, p->err));
    return print_slices(p, part);
}

static int print_part(void *ctx, const yoke_frame *part)
{
    printing *p = ctx;
    if (p->format != YK_TABLE_ALIGNED || p->has_begun)
        return print_now(p, part);
    if (!p->first)
        YK_TRY(yk_frame_copy(part, &p->first, p->err));
    else
        YK_TRY(yk_batch_append(&p->first->rows, &part->rows, NULL, 0, part->rows.n, p->err));
    return p->first->rows.n < ENOUGH_FOR_WIDTHS ? 0 : print_now(p, p->first);
}

/* Rows that make() hands to print_part: to -o, complete or absent, or to standard output. */
static int print_to(const yk_table_call *c, int (*make)(const yk_table_call *c, void *of, printing *p), void *of, yoke_error *err)
{
    YK_CLEANUP(printing_fini) printing p = {.session = c->session, .memory = yk_opts_memory(&c->opts), .to = stdout, .format = c->format,
                                            .err = err};
    if (!c->out || strcmp(c->out, "-") == 0)
        return make(c, of, &p);
    YK_CLEANUP(yk_output_fini) yk_output o = {0};
    YK_TRY(yk_output_open(&o, c->out, c->is_forced, err));
    p.to = o.file;
    p.name = o.path;
    YK_TRY(make(c, of, &p));
    return yk_output_commit(&o, err);
}

static int make_frame(const yk_table_call *c, void *frame, printing *p) { return print_now(p, frame); }

static int make_rows(const yk_table_call *c, void *table, printing *p)
{
    YK_TRY(yoke_table_each(table, &c->rows, print_part, p, p->err));
    return p->first && !p->has_begun ? print_now(p, p->first) : 0;
}

static int print_whole(const yk_table_call *c, yoke_frame *f, yoke_error *err) { return print_to(c, make_frame, f, err); }

/* Rows go out as they come. */
static int stream_rows(const yk_table_call *c, yoke_table *t, yoke_error *err)
{
    if (c->format == YK_TABLE_PARQUET)
        return yoke_table_write_parquet(t, &c->rows, c->out, c->compression, c->is_forced, NULL, err);
    return print_to(c, make_rows, t, err);
}

/* The histograms of groups as a picture; rows go to a file as they are, or what else is known of each group is printed. */
static int plot_groups(const yk_table_call *c, yoke_table *t, yoke_error *err)
{
    yoke_frame *f = yoke_table_rows(t, &c->rows, err), *others = NULL;
    if (!f)
        return err->code;
    int rc = yk_table_plot_groups(c, f, err);
    if (rc == 0 && !c->out)
        rc = yk_table_without_bins(c, f, &others, err);
    if (rc == 0 && c->format == YK_TABLE_PARQUET)
        rc = stream_rows(c, t, err);
    else if (rc == 0 && (c->out || others))
        rc = print_whole(c, c->out ? f : others, err);
    yoke_frame_free(others);
    yoke_frame_free(f);
    return rc;
}

/* All columns are those that can be read in every file: what that leaves out is said. */
static void warn_of_columns(const yk_table_call *c, const yoke_table *t)
{
    const yk_source *s = t->source;
    YK_AUTOBUF       names = YK_BUF_INIT, all = YK_BUF_INIT;
    size_t           n = 0;
    if (c->rows.by || c->wants_columns || yk_table_expand(t, c->rows.select, &all, NULL) < 0
        || (c->rows.select && strcmp(yk_buf_text(&all), c->rows.select) == 0))
        return;
    for (size_t i = 0; i < s->n_columns; i++)
        if (yk_source_check(s, s->columns[i].name, NULL) < 0) {
            if (n++ < 5)
                yk_buf_printf(&names, "%s%s", n > 1 ? ", " : "", s->columns[i].name);
        }
    if (n)
        yk_cli_warn(c->args, "%zu column%s that cannot be read in every file %s left out: %s%s (--columns says why)", n, n == 1 ? "" : "s",
                    n == 1 ? "was" : "were", yk_buf_text(&names), n > 5 ? ", …" : "");
}

/* A file without a column is no error: what of the call that touches is said. */
static void warn_of_lacks(const yk_table_call *c, const yk_source *s)
{
    YK_AUTOBUF names = YK_BUF_INIT;
    size_t     n = 0;
    for (size_t i = 0; i < s->n_columns; i++)
        if (s->columns[i].is_asked && s->columns[i].n_files < s->n_files && n++ < 5)
            yk_buf_printf(&names, "%s%s (%u file%s)", n > 1 ? ", " : "", s->columns[i].name, s->columns[i].n_files,
                          s->columns[i].n_files == 1 ? "" : "s");
    if (n)
        yk_cli_warn(c->args, "not all of the %zu files have %s%s; in the others it is missing", s->n_files, yk_buf_text(&names),
                    n > 5 ? ", …" : "");
}

static int print_rows(yk_table_call *c, yoke_table *t, yoke_error *err)
{
    YK_AUTOBUF by_first = YK_BUF_INIT;
    if (c->top) {
        size_t first = 0;
        while (first < c->n && c->asks[first].what == YOKE_ASK_HISTOGRAM)
            first++;
        yk_buf_printf(&by_first, "`%s` desc", first < c->n ? c->labels[first] : "count");
        c->rows.sort = yk_buf_text(&by_first);
        c->rows.head = c->top;
    }
    YK_TRY(set_bins(c, t, err));
    c->rows.asks = c->asks;
    c->rows.n_asks = c->n;
    c->rows.ask_names = (const char *const *)c->labels;
    if (c->is_json && c->format != YK_TABLE_PARQUET)
        c->format = YK_TABLE_JSON;
    if (c->plot)
        return plot_groups(c, t, err);
    if (!c->wants_columns && !c->is_described)
        return stream_rows(c, t, err);
    yoke_frame *f = NULL;
    if (c->is_described)
        YK_TRY(yk_table_describe(c, t, &f, err));
    else
        f = yoke_table_columns(t, err);
    if (!f)
        return err->code;
    int rc = print_whole(c, f, err);
    yoke_frame_free(f);
    return rc;
}

/* The results as they would be asked: bins without a range need the ends first. */
static int list_asks(const yk_table_call *c, yoke_ask **ret, size_t *ret_n, yoke_error *err)
{
    size_t                n = 0;
    YK_AUTOFREE yoke_ask *asks = yk_new_array(yoke_ask, 3 * c->n + 1);
    if (!asks)
        return yk_fail_nomem(err, "explaining");
    for (size_t i = 0; i < c->n; i++) {
        yoke_ask q = c->asks[i];
        if (q.what == YOKE_ASK_HISTOGRAM && !c->has_range && !c->n_edges) {
            asks[n++] = (yoke_ask){.what = YOKE_ASK_MIN, .expr = q.expr};
            asks[n++] = (yoke_ask){.what = YOKE_ASK_MAX, .expr = q.expr};
        }
        if (q.what == YOKE_ASK_HISTOGRAM) /* any will do */
            q.n_bins = 1, q.lo = 0, q.hi = 1;
        asks[n++] = q;
    }
    *ret = YK_TAKE(asks);
    *ret_n = n;
    return 0;
}

/* The plan for all the expressions of the call. */
static int explain(const yk_table_call *c, const yoke_table *t, yoke_error *err)
{
    YK_AUTOBUF            by = YK_BUF_INIT;
    YK_AUTOFREE yoke_ask *asks = NULL;
    yoke_rows             rows = c->rows;
    size_t                n = 0;
    yk_buf_puts(&by, c->rows.by ? c->rows.by : "");
    for (size_t i = 0; i < c->n && c->rows.by; i++)
        if (c->asks[i].expr)
            yk_buf_printf(&by, ", %s", c->asks[i].expr);
    if (c->rows.by) /* groups: the columns that they and their results are of */
        rows = (yoke_rows){.select = yk_buf_text(&by)};
    if (!c->rows.by)
        YK_TRY(list_asks(c, &asks, &n, err));
    char *text = yoke_table_explain(t, c->rows.by || c->wants_rows || c->is_described ? &rows : NULL, asks, n, err);
    if (!text)
        return err->code;
    fputs(text, stdout);
    yoke_text_free(text);
    return 0;
}

/* The most memory this program has held. getrusage would count what the program that started it held before. */
static long peak_kib(void)
{
    YK_AUTOBUF  text = YK_BUF_INIT;
    const char *line = yk_file_slurp("/proc/self/status", &text, NULL) == 0 ? strstr(yk_buf_text(&text), "VmHWM:") : NULL;
    return line ? atol(line + strlen("VmHWM:")) : 0;
}

static void print_stats(const yk_table_call *c, const yoke_table *t, double seconds)
{
    yoke_table_stats st;
    struct rusage    kids;
    long             peak = peak_kib();
    yoke_table_stats_get(t, &st);
    getrusage(RUSAGE_CHILDREN, &kids);
    peak = peak > kids.ru_maxrss ? peak : kids.ru_maxrss;
    fprintf(stderr, "%llu rows of %llu read (%llu skipped, %llu passed) in %llu file%s, %.1f MB in %llu scan%s, %.3f s, %.2f GB/s, %.0f M rows/s, peak %.0f MiB\n",
            (unsigned long long)st.rows_read, (unsigned long long)st.rows, (unsigned long long)st.rows_skipped,
            (unsigned long long)st.rows_passed,
            (unsigned long long)st.files, st.files == 1 ? "" : "s", (double)st.bytes_read / 1e6, (unsigned long long)st.scans,
            st.scans == 1 ? "" : "s", seconds,
            (double)st.bytes_read / 1e9 / seconds, (double)(st.rows_read + st.rows_skipped) / 1e6 / seconds, (double)peak / 1024);
}

/* Replaces *t by itself and what joins it. */
static int join(const yk_table_call *c, yoke_session *s, yoke_table **t, yoke_error *err)
{
    for (size_t i = 0; i < c->n_joins; i++) {
        yoke_table_opts o = c->opts;
        o.types = NULL; /* those of the call are of its first table */
        yoke_table *other = yoke_table_open_many(s, &c->joins[i], 1, &o, err);
        yoke_table *both = other ? yoke_table_join(*t, other, c->keys[i], err) : NULL;
        yoke_table_close(other);
        if (!both)
            return yk_fail_at(err, err->code, "--join '%s'", c->joins[i]);
        yoke_table_close(*t);
        *t = both;
    }
    return 0;
}

static int run_table(yk_table_call *c, yoke_session *s, yoke_table *t, yoke_error *err)
{
    double began = yk_now();
    if (join(c, s, &t, err) < 0) {
        yoke_table_close(t);
        return err->code;
    }
    for (size_t i = 0; i < c->n_where; i++) {
        yoke_table *filtered = yoke_table_where(t, c->where[i], err);
        yoke_table_close(t);
        t = filtered;
        if (!t)
            return err->code;
    }
    int rc = c->is_explained ? explain(c, t, err) : c->wants_rows || c->wants_columns ? print_rows(c, t, err) : answer(c, t, err);
    if (rc == 0 && c->has_stats && !c->is_explained) {
        yk_progress_end(c->opts.progress_ctx);
        c->opts.progress_ctx = NULL;
        print_stats(c, t, yk_now() - began);
    }
    if (rc == 0 && c->wants_rows && !c->is_explained)
        warn_of_columns(c, t);
    if (rc == 0 && !c->wants_columns)
        warn_of_lacks(c, t->source);
    yoke_table_stats st;
    yoke_table_stats_get(t, &st);
    if (rc == 0 && st.rows_bad)
        yk_cli_warn(c->args, "%llu row%s with a wrong number of fields %s passed over", (unsigned long long)st.rows_bad,
                    st.rows_bad == 1 ? "" : "s", st.rows_bad == 1 ? "was" : "were");
    yoke_table_close(t);
    return rc;
}

/* Results of tasks come and go in megabytes: pages that are kept need not be cleared again. But they count, each worker's for themselves;
 * where that is much of the memory, workers share what is free. */
static void keep_pages(uint64_t memory, unsigned workers)
{
    uint64_t idle = yk_memory_idle(memory, workers);
    int      most = idle < 128 << 10 ? 128 << 10 : idle < 32 << 20 ? (int)idle : 32 << 20;
    if (idle < 4 << 20)
        mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, most);
    mallopt(M_TRIM_THRESHOLD, 2 * most);
}

int yk_table_run(yk_table_call *c, yoke_error *err)
{
    struct rlimit files; /* a table may be thousands of files, all open */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (c->opts.memory && c->opts.memory < YK_LEAST_MEMORY)
        yk_cli_warn(c->args, "--memory of less than %dM is less than a scan takes by itself; it holds as little as it can",
                    YK_LEAST_MEMORY >> 20);
    catch_interrupts();
    c->opts.progress = show_progress;
    c->opts.progress_ctx = yk_progress_start("table", "rows", UINT64_MAX, c->how);
    yoke_session *s = c->session = yoke_open(c->on, err);
    if (s)
        keep_pages(yk_opts_memory(&c->opts), yoke_session_workers(s));
    yoke_table   *t = s ? yoke_table_open_many(s, c->files, c->n_files, &c->opts, err) : NULL;
    int           rc = t ? run_table(c, s, t, err) : err->code;
    yk_progress_end(c->opts.progress_ctx);
    yoke_close(s);
    return rc;
}
