/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Results that are rows: what of each row, which rows, in what order; and frames, which hold them.
 */
#include "table/grouping.h"
#include "table/rows.h"
#include "table/table.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

/* ---- frames */

void yoke_frame_free(yoke_frame *f)
{
    if (!f)
        return;
    for (size_t i = 0; f->names && i < f->rows.n_columns; i++)
        yk_free(f->names[i]);
    yk_free(f->names);
    yk_free(f->types);
    yk_batch_fini(&f->rows);
    yk_free(f);
}
YK_DEFINE_CLEANUP(yoke_frame, yoke_frame_free)

int yk_frame_new(yk_batch *rows, const char *const *names, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(yoke_frame_freep) yoke_frame *f = yk_new(yoke_frame);
    if (!f || !(f->names = yk_new_array(char *, rows->n_columns + 1)) || !(f->types = yk_calloc(rows->n_columns + 1, sizeof *f->types)))
        return yk_fail_nomem(err, "keeping rows");
    f->rows.n_columns = rows->n_columns; /* for freeing names */
    for (size_t i = 0; i < rows->n_columns; i++) {
        f->names[i] = yk_strdup(names[i]);
        if (!f->names[i])
            return yk_fail_nomem(err, "keeping rows");
        yk_type_name(rows->columns[i].type, f->types[i], sizeof *f->types);
    }
    f->rows = *rows;
    *rows = (yk_batch){0};
    *ret = YK_TAKE(f);
    return 0;
}

int yk_frame_copy(const yoke_frame *f, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(yk_batch_fini) yk_batch rows = {0};
    YK_TRY(yk_batch_init(&rows, f->rows.n_columns, err));
    for (size_t c = 0; c < f->rows.n_columns; c++)
        rows.columns[c].type = f->rows.columns[c].type;
    YK_TRY(yk_batch_append(&rows, &f->rows, NULL, 0, f->rows.n, err));
    return yk_frame_new(&rows, (const char *const *)f->names, ret, err);
}

uint64_t    yoke_frame_rows(const yoke_frame *f) { return f ? f->rows.n : 0; }
size_t      yoke_frame_columns(const yoke_frame *f) { return f ? f->rows.n_columns : 0; }
const char *yoke_frame_name(const yoke_frame *f, size_t column) { return column < yoke_frame_columns(f) ? f->names[column] : NULL; }
const char *yoke_frame_type(const yoke_frame *f, size_t column) { return column < yoke_frame_columns(f) ? f->types[column] : NULL; }

static bool has_cell(const yoke_frame *f, size_t column, uint64_t row) { return column < yoke_frame_columns(f) && row < f->rows.n; }

int yoke_frame_is_missing(const yoke_frame *f, size_t column, uint64_t row)
{
    return !has_cell(f, column, row) || yk_batch_is_missing(&f->rows, column, row);
}

double yoke_frame_real(const yoke_frame *f, size_t column, uint64_t row)
{
    yk_value v;
    if (!has_cell(f, column, row))
        return NAN;
    yk_batch_get(&f->rows, column, row, &v);
    return yk_value_real(&v);
}

size_t yoke_frame_text(const yoke_frame *f, size_t column, uint64_t row, char *buf, size_t size)
{
    yk_value   v;
    YK_AUTOBUF text = YK_BUF_INIT;
    if (has_cell(f, column, row)) {
        yk_batch_get(&f->rows, column, row, &v);
        yk_value_put(&v, &text);
    }
    if (size) {
        size_t n = text.len < size - 1 ? text.len : size - 1;
        memcpy(buf, yk_buf_text(&text), n);
        buf[n] = '\0';
    }
    return text.len;
}

/* ---- columns asked for: a growing list of expressions that frees itself */

typedef struct exprs {
    yk_expr **list;
    size_t    n, cap;
} exprs;

static void exprs_fini(exprs *e) { yk_expr_list_free(e->list, e->n); }

static int add_text(exprs *e, const char *text, yoke_error *err)
{
    yk_expr *x;
    YK_TRY(yk_expr_parse(text, &x, err));
    if (!yk_push(&e->list, &e->n, &e->cap, x)) {
        yk_expr_free(x);
        return yk_fail_nomem(err, "planning a scan");
    }
    return 0;
}

static int add_column(exprs *e, const char *name, yoke_error *err)
{
    YK_AUTOBUF quoted = YK_BUF_INIT;
    yk_table_quote(name, &quoted);
    return quoted.is_failed ? yk_fail_nomem(err, "planning a scan") : add_text(e, quoted.data, err);
}

static int add_list(exprs *e, const char *text, yoke_error *err)
{
    yk_expr **list;
    size_t    n;
    YK_TRY(yk_expr_parse_list(text, &list, &n, err));
    if (!yk_grow(&e->list, &e->cap, e->n + n + 1, sizeof *e->list)) {
        yk_expr_list_free(list, n);
        return yk_fail_nomem(err, "planning a scan");
    }
    memcpy(e->list + e->n, list, n * sizeof *list);
    e->n += n;
    yk_free(list);
    return 0;
}

static int add_selected(exprs *e, const yoke_table *t, const char *select, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    YK_TRY(yk_table_expand(t, select, &text, err));
    return add_list(e, yk_buf_text(&text), err);
}

/* ---- sort keys: expressions, each with "asc" or "desc" after it */

typedef struct keys {
    exprs e;
    bool *is_descending;
    size_t cap;
} keys;

static void keys_fini(keys *k)
{
    exprs_fini(&k->e);
    yk_free(k->is_descending);
}

static bool cut_word(char *s, const char *word)
{
    size_t n = strlen(s), m = strlen(word);
    while (n && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    if (n <= m || strcasecmp(s + n - m, word) != 0 || !isspace((unsigned char)s[n - m - 1]))
        return false;
    s[n - m] = '\0';
    return true;
}

/* A key that is one of `names` as it stands, such as "mean(tip)", is that column. */
static int add_key(keys *k, const char *item, char *const *names, size_t n_names, yoke_error *err)
{
    item += strspn(item, " ");
    size_t n = strlen(item);
    while (n && item[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < n_names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], item, n) == 0)
            return add_column(&k->e, names[i], err);
    return add_text(&k->e, item, err);
}

static int parse_keys(const char *text, char *const *names, size_t n_names, keys *k, yoke_error *err)
{
    for (const char *at = text;; at++) {
        size_t            n = yk_table_item(at);
        YK_AUTOFREE char *item = yk_strndup(at, n);
        if (!item || !yk_grow(&k->is_descending, &k->cap, k->e.n + 1, sizeof *k->is_descending))
            return yk_fail_nomem(err, "sorting");
        k->is_descending[k->e.n] = cut_word(item, "desc");
        if (!k->is_descending[k->e.n])
            cut_word(item, "asc");
        YK_TRY(add_key(k, item, names, n_names, err));
        at += n;
        if (!*at)
            return 0;
    }
}

/* ---- */

/* What the rows of a table are to be: columns, and sort keys that are columns too, at the end where they are not yet there. */
typedef struct wanted {
    exprs     columns;
    size_t    n_shown;
    keys      keys;
    yk_order *order;
} wanted;

static void wanted_fini(wanted *w)
{
    /* sort keys added to the columns are borrowed from `keys` */
    yk_expr_list_free(w->columns.list, w->n_shown);
    keys_fini(&w->keys);
    yk_free(w->order);
}

static int add_order(wanted *w, const char *sort, yoke_error *err)
{
    if (!sort)
        return 0;
    YK_TRY(parse_keys(sort, NULL, 0, &w->keys, err));
    size_t n = w->keys.e.n;
    w->order = yk_new_array(yk_order, n);
    if (!w->order || !yk_grow(&w->columns.list, &w->columns.cap, w->columns.n + n, sizeof *w->columns.list))
        return yk_fail_nomem(err, "sorting");
    for (size_t i = 0; i < n; i++) {
        size_t c = 0; /* a result's own name, or the same expression */
        while (c < w->n_shown && strcmp(yk_expr_name(w->columns.list[c]), yk_expr_text(w->keys.e.list[i])) != 0
               && strcmp(yk_expr_text(w->columns.list[c]), yk_expr_text(w->keys.e.list[i])) != 0)
            c++;
        if (c == w->n_shown) {
            c = w->columns.n++;
            w->columns.list[c] = w->keys.e.list[i];
        }
        w->order[i] = (yk_order){c, w->keys.is_descending[i]};
    }
    return 0;
}

/* A scan for one sink. */
static int run_scan(const yoke_table *t, yk_sink **sink, yk_scan *scan, yoke_error *err)
{
    YK_TRY(yk_table_scan(t, scan, err));
    scan->sinks = sink;
    scan->n_sinks = 1;
    return yk_scan_run(scan, err);
}

/* The scan for rows. Of files that say how many they hold the last ones alone are read, where they are asked for. */
static int run_rows(const yoke_table *t, const yoke_rows *r, yk_sink **sink, yk_scan *scan, yoke_error *err)
{
    const yk_source *s = t->source;
    YK_TRY(yk_table_scan(t, scan, err));
    if (r->tail && r->tail < s->n_rows && !r->sort && !t->n_where && !s->has_csv)
        scan->first = (s->n_rows - r->tail) / YK_TASK_ROWS * YK_TASK_ROWS;
    scan->sinks = sink;
    scan->n_sinks = 1;
    return yk_scan_run(scan, err);
}

static int find_wanted(const yoke_table *t, const yoke_rows *r, wanted *w, yoke_error *err)
{
    int rc = add_selected(&w->columns, t, r->select, err);
    w->n_shown = w->columns.n;
    YK_TRY(rc);
    return add_order(w, r->sort, err);
}

/* The sink for them; `to` where rows can go on as they come. */
static int make_sink(const yoke_table *t, const yoke_rows *r, const wanted *w, const yk_rows_to *to, yk_sink **ret, yoke_error *err)
{
    yk_rows_opts o = {.order = w->order, .n_order = w->keys.e.n, .head = r->head, .tail = r->tail, .sample = r->sample, .seed = r->seed,
                      .memory = yk_table_memory(t), .workers = yoke_session_workers(t->session),
                      .to = w->order || r->tail || r->sample ? NULL : to};
    return yk_rows_new((const yk_expr *const *)w->columns.list, w->columns.n, &o, ret, err);
}

int yk_table_lend_rows(const yoke_table *t, const yoke_rows *r, int (*fn)(void *ctx, yk_sink *sink, yoke_error *err), void *ctx,
                       yoke_error *err)
{
    YK_CLEANUP(wanted_fini) wanted     w = {0};
    YK_CLEANUP(yk_sink_freep) yk_sink *sink = NULL;
    YK_TRY(find_wanted(t, r, &w, err));
    YK_TRY(make_sink(t, r, &w, NULL, &sink, err));
    return fn(ctx, sink, err);
}

static int make_frame(const wanted *w, yk_batch *rows, yoke_frame **ret, yoke_error *err)
{
    YK_AUTOFREE const char **names = yk_new_array(const char *, w->columns.n + 1);
    if (!names)
        return yk_fail_nomem(err, "keeping rows");
    for (size_t i = w->n_shown; i < rows->n_columns; i++) { /* sort keys that nobody asked to see */
        yk_buf_fini(&rows->columns[i].values);
        yk_buf_fini(&rows->columns[i].bytes);
        yk_buf_fini(&rows->columns[i].valid);
    }
    rows->n_columns = w->n_shown;
    for (size_t i = 0; i < w->n_shown; i++)
        names[i] = yk_expr_name(w->columns.list[i]);
    return yk_frame_new(rows, names, ret, err);
}

static int plain_rows(const yoke_table *t, const yoke_rows *r, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(wanted_fini) wanted         w = {0};
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    YK_CLEANUP(yk_batch_fini) yk_batch     rows = {0};
    YK_TRY(find_wanted(t, r, &w, err));
    YK_TRY(make_sink(t, r, &w, NULL, &sink, err));
    YK_TRY(run_rows(t, r, &sink, &scan, err));
    YK_TRY(yk_rows_take(sink, &scan, &rows, err));
    return make_frame(&w, &rows, ret, err);
}

/* ---- CSV columns, whose types are known once all their values have been met */

static size_t count_clashes(const yk_source *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_columns; i++)
        n += s->columns[i].clash != NULL;
    return n;
}

static bool is_used(const exprs *used, const char *column)
{
    size_t n;
    for (size_t k = 0; k < used->n; k++) {
        const char *const *names = yk_expr_columns(used->list[k], &n);
        for (size_t i = 0; i < n; i++)
            if (strcmp(names[i], column) == 0)
                return true;
    }
    return false;
}

/* A scan that meets every value of the columns that can be one and are used; NULL: of all. */
static int look_once(const yoke_table *t, const exprs *used, yoke_error *err)
{
    YK_CLEANUP(exprs_fini) exprs           all = {0};
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    yoke_table                             whole = *t;
    const yk_source                       *s = t->source;
    whole.n_where = 0;
    whole.n_lookups = 0;
    for (size_t i = 0; i < s->n_columns; i++)
        if ((!used || is_used(used, s->columns[i].name)) && yk_source_check(s, s->columns[i].name, NULL) == 0)
            YK_TRY(add_column(&all, s->columns[i].name, err));
    if (all.n == 0) /* without a column that can be read none will be */
        return 0;
    yk_rows_opts o = {.tail = 1, .memory = UINT64_MAX, .workers = 1};
    YK_TRY(yk_rows_new((const yk_expr *const *)all.list, all.n, &o, &sink, err));
    return run_scan(&whole, &sink, &scan, err);
}

/* One that turns out to be none is left out. */
static int look_at_types(const yoke_table *t, const exprs *used, yoke_error *err)
{
    YK_TRY(yk_source_count(t->source, t->session, &t->opts, err));
    for (;;) {
        yoke_error one = YOKE_ERROR_INIT;
        size_t     n = count_clashes(t->source);
        int        rc = look_once(t, used, &one);
        for (size_t i = 0; i < t->source->n_columns; i++)
            t->source->columns[i].is_asked = false; /* not by the call */
        if (rc < 0 && count_clashes(t->source) > n)
            continue;
        return rc < 0 ? yk_fail(err, rc, "%s", one.text) : 0;
    }
}

int yk_table_settle(const yoke_table *t, yoke_error *err) { return t->source->has_csv ? look_at_types(t, NULL, err) : 0; }

/* ---- rows that are handed on as they come */

typedef struct handing {
    yoke_frame frame; /* its rows are borrowed for a call */
    size_t     n;     /* columns shown */
    int (*fn)(void *ctx, const yoke_frame *part);
    void *ctx;
} handing;

static int hand_on(void *ctx, const yk_batch *rows, yoke_error *err)
{
    handing *h = ctx;
    h->frame.rows = *rows;
    h->frame.rows.n_columns = h->n; /* without sort keys that nobody asked to see */
    for (size_t i = 0; i < h->n; i++)
        yk_type_name(rows->columns[i].type, h->frame.types[i], sizeof *h->frame.types);
    int rc = h->fn(h->ctx, &h->frame);
    return rc < 0 && err && !err->code ? yk_fail(err, YOKE_ECANCELED, "the receiver of the rows gave up") : rc;
}

/* Every expression that the rows take, but * for all columns. */
static int find_used(const yoke_table *t, const yoke_rows *r, exprs *used, yoke_error *err)
{
    YK_CLEANUP(keys_fini) keys sort = {0};
    for (size_t i = 0; i < t->n_where; i++)
        YK_TRY(add_text(used, t->where[i], err));
    if (r->sort)
        YK_TRY(parse_keys(r->sort, NULL, 0, &sort, err));
    for (; sort.e.n; sort.e.n--) {
        if (!yk_push(&used->list, &used->n, &used->cap, sort.e.list[sort.e.n - 1]))
            return yk_fail_nomem(err, "planning a scan");
    }
    return add_list(used, r->select, err);
}

/* Before rows are handed on the types of all their columns must be known. */
static int settle_rows(const yoke_table *t, const yoke_rows *r, yoke_error *err)
{
    YK_CLEANUP(exprs_fini) exprs used = {0};
    YK_AUTOBUF                   text = YK_BUF_INIT;
    if (!t->source->has_csv)
        return 0;
    YK_TRY(yk_table_expand(t, r->select, &text, err));
    if (!r->select || t->n_lookups || strcmp(yk_buf_text(&text), r->select) != 0)
        return yk_table_settle(t, err);
    YK_TRY(find_used(t, r, &used, err));
    return look_at_types(t, &used, err);
}

static int each_row(const yoke_table *t, const yoke_rows *r, handing *h, yoke_error *err)
{
    YK_CLEANUP(wanted_fini) wanted         w = {0};
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    YK_TRY(settle_rows(t, r, err)); /* which columns * is may depend on it */
    YK_TRY(find_wanted(t, r, &w, err));
    YK_AUTOFREE char **names = yk_new_array(char *, w.n_shown);
    YK_AUTOFREE void  *types = yk_calloc(w.n_shown, sizeof *h->frame.types);
    if (!names || !types)
        return yk_fail_nomem(err, "handing rows on");
    for (size_t i = 0; i < w.n_shown; i++)
        names[i] = (char *)(uintptr_t)yk_expr_name(w.columns.list[i]);
    h->n = w.n_shown;
    h->frame.names = names;
    h->frame.types = types;
    yk_rows_to to = {hand_on, h};
    YK_TRY(make_sink(t, r, &w, &to, &sink, err));
    YK_TRY(run_rows(t, r, &sink, &scan, err));
    return yk_rows_each(sink, &scan, &to, err);
}

/* ---- groups */

static yk_each each_of(yoke_ask_kind what)
{
    switch (what) {
    case YOKE_ASK_SUM: return YK_EACH_SUM;
    case YOKE_ASK_MEAN: return YK_EACH_MEAN;
    case YOKE_ASK_MIN: return YK_EACH_MIN;
    case YOKE_ASK_MAX: return YK_EACH_MAX;
    case YOKE_ASK_STD: return YK_EACH_STD;
    case YOKE_ASK_VAR: return YK_EACH_VAR;
    case YOKE_ASK_QUANTILE: return YK_EACH_QUANTILE;
    case YOKE_ASK_DISTINCT: return YK_EACH_DISTINCT;
    case YOKE_ASK_FIRST: return YK_EACH_FIRST;
    case YOKE_ASK_LAST: return YK_EACH_LAST;
    case YOKE_ASK_HISTOGRAM: return YK_EACH_HISTOGRAM;
    default: return YK_EACH_COUNT;
    }
}

void yk_ask_name(const yoke_ask *q, const yk_expr *e, yk_buf *to)
{
    static const char *const word[] = {"count", "sum", "mean", "min", "max", "std", "var", "quantile", "hist", "distinct", "first", "last"};
    if (!e)
        yk_buf_puts(to, "count");
    else if (yk_expr_alias(e) && q->what != YOKE_ASK_QUANTILE) /* of which there may be several */
        yk_buf_puts(to, yk_expr_alias(e));
    else if (q->what == YOKE_ASK_QUANTILE && q->q == 0.5)
        yk_buf_printf(to, "median(%s)", yk_expr_name(e));
    else if (q->what == YOKE_ASK_QUANTILE)
        yk_buf_printf(to, "quantile(%s, %g)", yk_expr_name(e), q->q);
    else
        yk_buf_printf(to, "%s(%s)", word[q->what], yk_expr_name(e));
}

/* The asks of groups: their expressions (NULL for rows) and names. */
typedef struct group_asks {
    yk_group_ask *asks;
    yk_expr     **exprs;
    char        **names;
    yk_bins     **bins; /* of histograms */
    size_t        n;
} group_asks;

static void group_asks_fini(group_asks *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->exprs)
            yk_expr_free(g->exprs[i]);
        if (g->names)
            yk_free(g->names[i]);
        if (g->bins)
            yk_bins_free(g->bins[i]);
    }
    yk_free(g->bins);
    yk_free(g->asks);
    yk_free(g->exprs);
    yk_free(g->names);
}

static int parse_asks(const yoke_rows *r, group_asks *g, yoke_error *err)
{
    static const yoke_ask count = {.what = YOKE_ASK_COUNT};
    const yoke_ask       *asks = r->n_asks ? r->asks : &count;
    g->n = r->n_asks ? r->n_asks : 1;
    g->asks = yk_new_array(yk_group_ask, g->n);
    g->exprs = yk_new_array(yk_expr *, g->n);
    g->names = yk_new_array(char *, g->n);
    g->bins = yk_new_array(yk_bins *, g->n);
    if (!g->asks || !g->exprs || !g->names || !g->bins)
        return yk_fail_nomem(err, "grouping");
    for (size_t i = 0; i < g->n; i++) {
        YK_AUTOBUF name = YK_BUF_INIT;
        if (asks[i].what == YOKE_ASK_HISTOGRAM)
            YK_TRY(yk_ask_bins(&asks[i], &g->bins[i], err));
        if (asks[i].expr)
            YK_TRY(yk_expr_parse(asks[i].expr, &g->exprs[i], err));
        else if (asks[i].what != YOKE_ASK_COUNT)
            return yk_fail(err, YOKE_EINVALID, "this result needs an expression");
        if (asks[i].what == YOKE_ASK_QUANTILE && !(asks[i].q >= 0 && asks[i].q <= 1))
            return yk_fail(err, YOKE_EINVALID, "a quantile lies between 0 and 1, not at %g", asks[i].q);
        g->asks[i] = (yk_group_ask){each_of(asks[i].what), g->exprs[i], asks[i].q, g->bins[i]};
        if (r->n_asks && r->ask_names && r->ask_names[i])
            yk_buf_puts(&name, r->ask_names[i]);
        else
            yk_ask_name(&asks[i], g->exprs[i], &name);
        g->names[i] = yk_strdup(yk_buf_text(&name));
        if (!g->names[i])
            return yk_fail_nomem(err, "grouping");
    }
    return 0;
}

/* Groups asked for: what is to be freed, and what a scan has left. */
typedef struct grouped {
    exprs        by;
    group_asks   asks;
    yk_sink     *sink;
    yk_scan      scan;
    const char **names; /* of the result's columns; borrowed from by and asks */
    size_t       n;
    yk_order    *order; /* of r->sort, n_order of them */
    size_t       n_order;
} grouped;

static void grouped_fini(grouped *g)
{
    yk_sink_free(g->sink);
    yk_table_scan_fini(&g->scan);
    yk_free(g->names);
    yk_free(g->order);
    group_asks_fini(&g->asks);
    exprs_fini(&g->by);
}

/* Sort keys are the result's own columns, by name. */
static int find_order(grouped *g, const char *sort, yoke_error *err)
{
    YK_CLEANUP(keys_fini) keys k = {0};
    if (!sort)
        return 0;
    YK_TRY(parse_keys(sort, (char *const *)(uintptr_t)g->names, g->n, &k, err));
    g->order = yk_new_array(yk_order, k.e.n + 1);
    if (!g->order)
        return yk_fail_nomem(err, "sorting");
    for (; g->n_order < k.e.n; g->n_order++) {
        const yk_expr *e = k.e.list[g->n_order];
        size_t         c = 0;
        while (c < g->n && strcmp(g->names[c], yk_expr_name(e)) != 0 && strcmp(g->names[c], yk_expr_text(e)) != 0)
            c++;
        if (c == g->n)
            return yk_fail(err, YOKE_EABSENT, "the result has no column '%s' to sort by; it has '%s' and others; name one of them",
                           yk_expr_text(e), g->names[g->n - 1]);
        g->order[g->n_order] = (yk_order){c, k.is_descending[g->n_order]};
    }
    return 0;
}

static int run_groups(const yoke_table *t, const yoke_rows *r, grouped *g, yoke_error *err)
{
    YK_TRY(r->by ? add_list(&g->by, r->by, err) : add_selected(&g->by, t, r->select, err));
    if (r->by)
        YK_TRY(parse_asks(r, &g->asks, err));
    g->n = g->by.n + g->asks.n;
    g->names = yk_new_array(const char *, g->n + 1);
    if (!g->names)
        return yk_fail_nomem(err, "grouping");
    for (size_t i = 0; i < g->by.n; i++)
        g->names[i] = yk_expr_name(g->by.list[i]);
    for (size_t i = 0; i < g->asks.n; i++)
        g->names[g->by.n + i] = g->asks.names[i];
    YK_TRY(find_order(g, r->sort, err));
    YK_TRY(yk_grouping_new((const yk_expr *const *)g->by.list, g->by.n, g->asks.asks, g->asks.n, r->by != NULL, yk_table_memory(t),
                           yoke_session_workers(t->session), &g->sink, err));
    return run_scan(t, &g->sink, &g->scan, err);
}

/* Puts rows in another order, and keeps the first or last. */
static int arrange(const grouped *g, const yoke_rows *r, yk_batch *b, yoke_error *err)
{
    YK_AUTOFREE uint32_t *rows = NULL;
    if (g->n_order) {
        YK_TRY(yk_batch_sort(b, g->order, g->n_order, &rows, err));
        YK_TRY(yk_batch_pick(b, rows, b->n, err));
    }
    if (r->head && r->head < b->n)
        YK_TRY(yk_batch_cut(b, 0, r->head, err));
    if (r->tail && r->tail < b->n)
        YK_TRY(yk_batch_cut(b, b->n - r->tail, r->tail, err));
    return 0;
}

/* Rows that gather in memory. */
typedef struct gathering {
    yk_batch rows;
    uint64_t memory;
} gathering;

static void gathering_fini(gathering *g) { yk_batch_fini(&g->rows); }

static int gather(void *ctx, const yk_batch *part, yoke_error *err)
{
    gathering *g = ctx;
    for (size_t c = 0; c < g->rows.n_columns; c++)
        g->rows.columns[c].type = part->columns[c].type;
    YK_TRY(yk_batch_append(&g->rows, part, NULL, 0, part->n, err));
    return yk_rows_check(&g->rows, g->memory, err);
}

static int each_spilled(const grouped *g, const yoke_rows *r, const yk_rows_to *to, yoke_error *err)
{
    return yk_grouping_each(g->sink, &g->scan, g->order, g->n_order, r->head, r->tail, to, err);
}

static int frame_of_groups(const yoke_table *t, const yoke_rows *r, const grouped *g, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(gathering_fini) gathering    got = {.memory = yk_table_memory(t)};
    YK_CLEANUP(yoke_frame_freep) yoke_frame *f = NULL;
    if (yk_grouping_has_spilled(g->sink)) {
        YK_TRY(yk_batch_init(&got.rows, g->n, err));
        YK_TRY(each_spilled(g, r, &(yk_rows_to){gather, &got}, err));
    } else {
        YK_TRY(yk_grouping_take(g->sink, t->session, &got.rows, err));
        YK_TRY(arrange(g, r, &got.rows, err));
    }
    YK_TRY(yk_frame_new(&got.rows, g->names, &f, err));
    YK_TRY(yk_frame_spread(f, g->by.n, g->asks.asks, g->asks.n, yk_table_memory(t), err));
    *ret = YK_TAKE(f);
    return 0;
}

static int group_rows(const yoke_table *t, const yoke_rows *r, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(grouped_fini) grouped g = {0};
    YK_TRY(run_groups(t, r, &g, err));
    return frame_of_groups(t, r, &g, ret, err);
}

static int each_group(const yoke_table *t, const yoke_rows *r, handing *h, yoke_error *err)
{
    YK_CLEANUP(grouped_fini) grouped        g = {0};
    YK_CLEANUP(yoke_frame_freep) yoke_frame *f = NULL;
    YK_TRY(run_groups(t, r, &g, err));
    if (yk_grouping_has_spilled(g.sink)) {
        YK_AUTOFREE void *types = yk_calloc(g.n, sizeof *h->frame.types);
        if (!types)
            return yk_fail_nomem(err, "handing rows on");
        h->n = g.n;
        h->frame.names = (char **)(uintptr_t)g.names;
        h->frame.types = types;
        return each_spilled(&g, r, &(yk_rows_to){hand_on, h}, err);
    }
    YK_TRY(frame_of_groups(t, r, &g, &f, err));
    int rc = h->fn(h->ctx, f);
    return rc < 0 && err && !err->code ? yk_fail(err, YOKE_ECANCELED, "the receiver of the rows gave up") : rc;
}

static int check_rows(const yoke_rows *r, yoke_error *err)
{
    const char *what = NULL;
    if ((r->head > 0) + (r->tail > 0) + (r->sample > 0) > 1)
        what = "of the first, the last and a sample of rows one can be asked for at a time";
    else if (r->by && (r->select || r->is_distinct || r->sample))
        what = "groups are a row each: what of them is wanted is said by asks, not by select, is_distinct or sample";
    else if (r->is_distinct && r->sample)
        what = "a sample is of the rows of a table, not of its different rows";
    else if (r->n_asks && (!r->by || !r->asks))
        what = r->by ? "there are asks of groups, but no list of them"
            : "asks are of groups (by); yoke_table_collect answers those of all rows";
    for (size_t i = 0; i < r->n_asks && !what; i++)
        what = (unsigned)r->asks[i].what > YOKE_ASK_LAST ? "an ask is of no kind that there is" : NULL;
    return what ? yk_fail(err, YOKE_EINVALID, "%s", what) : 0;
}

int yoke_table_each(const yoke_table *t, const yoke_rows *r, int (*fn)(void *ctx, const yoke_frame *part), void *ctx, yoke_error *err)
{
    handing h = {.fn = fn, .ctx = ctx};
    if (YK_LACKS(t, err) || YK_LACKS(r, err) || YK_LACKS(fn, err))
        return YOKE_EINVALID;
    YK_TRY(check_rows(r, err));
    return r->by || r->is_distinct ? each_group(t, r, &h, err) : each_row(t, r, &h, err);
}

yoke_frame *yoke_table_rows(const yoke_table *t, const yoke_rows *r, yoke_error *err)
{
    yoke_frame *f = NULL;
    if (YK_LACKS(t, err) || YK_LACKS(r, err) || check_rows(r, err) < 0)
        return NULL;
    int rc = r->by || r->is_distinct ? group_rows(t, r, &f, err) : plain_rows(t, r, &f, err);
    return rc < 0 ? NULL : f;
}
