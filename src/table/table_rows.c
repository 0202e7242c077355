/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The rows of a table: what of each, which, in what order.
 */
#include "table/repeats.h"
#include "table/rows.h"
#include "table/table_rows.h"

int yk_table_run_sink(const yoke_table *t, yk_sink **sink, yk_scan_rows rows, yk_scan *scan, yoke_error *err)
{
    YK_TRY(yk_table_scan(t, scan, err));
    scan->rows = rows;
    scan->sinks = sink;
    scan->n_sinks = 1;
    return yk_scan_run(scan, err);
}

/* What the rows of a table are to be: columns, and sort keys that are columns too, at the end where they are not yet there. */
typedef struct wanted {
    yk_exprs     columns; /* from n_shown on they are the keys' */
    size_t       n_shown;
    yk_sort_keys keys;
    yk_order    *order;
    uint64_t     n_first; /* of different rows: so many of the table's tell all that are wanted; 0: all do */
    yk_repeats   repeats; /* among them */
} wanted;

static void wanted_fini(wanted *w)
{
    yk_expr_list_free(w->columns.list, w->n_shown);
    yk_sort_keys_fini(&w->keys);
    yk_free(w->order);
    yk_free(w->repeats.list);
}

static int add_order(wanted *w, const char *sort, yoke_error *err)
{
    if (!sort)
        return 0;
    YK_TRY(yk_sort_keys_parse(sort, NULL, 0, &w->keys, err));
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


static int find_wanted(const yoke_table *t, const yoke_rows *r, wanted *w, yoke_error *err)
{
    int rc = yk_exprs_add_selected(&w->columns, t, r->select, err);
    w->n_shown = w->columns.n; /* after an error too: they are freed */
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

/* The numbers of a sample's rows, or of the first ones of a sort, ascending, by a scan of no more than its keys. */
static int find_numbers(const yoke_table *t, const yoke_rows *r, const wanted *w, uint64_t **ret, size_t *ret_n, yoke_error *err)
{
    size_t                                 n = r->sample ? 0 : w->keys.e.n;
    YK_AUTOFREE yk_order                  *order = yk_new_array(yk_order, n + 1);
    YK_AUTOFREE const yk_expr            **keys = yk_new_array(const yk_expr *, n + 1);
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    YK_CLEANUP(yk_batch_fini) yk_batch     rows = {0};
    if (!order || !keys)
        return yk_fail_nomem(err, "sorting");
    for (size_t i = 0; i < n; i++) {
        keys[i] = w->columns.list[w->order[i].column];
        order[i] = (yk_order){i, w->order[i].is_descending};
    }
    yk_rows_opts o = {.order = order, .n_order = n, .head = r->head, .sample = r->sample, .seed = r->seed, .memory = yk_table_memory(t),
                      .workers = yoke_session_workers(t->session), .is_numbered = true};
    YK_TRY(yk_rows_new(keys, n, &o, &sink, err));
    YK_TRY(yk_table_run_sink(t, &sink, (yk_scan_rows){0}, &scan, err));
    YK_TRY(yk_rows_take(sink, &scan, &rows, err));
    *ret_n = rows.n;
    *ret = yk_new_array(uint64_t, rows.n + 1);
    if (!*ret)
        return yk_fail_nomem(err, "sorting");
    for (size_t i = 0; i < rows.n; i++) {
        yk_value v;
        yk_batch_get(&rows, n, i, &v);
        (*ret)[i] = (uint64_t)v.i;
    }
    yk_rows_sort(*ret, rows.n);
    return 0;
}

/* Whether the rows are better found by their keys first. */
static int ask_by_keys(const yoke_table *t, const yoke_rows *r, yk_sink **sink, bool *ret, yoke_error *err)
{
    YK_CLEANUP(yk_table_scan_fini) yk_scan   scan = {0};
    YK_CLEANUP(yk_program_freep) yk_program *p = NULL;
    *ret = false;
    if (!(r->sample || (r->sort && r->head)) || t->source->has_csv || r->is_distinct)
        return 0;
    YK_TRY(yk_table_scan(t, &scan, err));
    scan.sinks = sink;
    scan.n_sinks = 1;
    YK_TRY(yk_scan_type(&scan, &p, err));
    *ret = yk_rows_by_keys(*sink, t->source);
    return 0;
}

/* The scan for rows. Of files that say how many they hold the first or last ones alone are read, where those are asked for. */
static int run_rows(const yoke_table *t, const yoke_rows *r, const wanted *w, yk_sink **sink, yk_scan *scan, yoke_error *err)
{
    const yk_source      *s = t->source;
    bool                  are_known = !r->sort && !r->sample && !r->is_distinct && !t->n_where && !s->has_csv, by_keys;
    YK_AUTOFREE uint64_t *numbers = NULL;
    yk_scan_rows          rows = {.n = w->n_first, .without = w->repeats.list, .n_without = w->repeats.n};
    YK_TRY(ask_by_keys(t, r, sink, &by_keys, err));
    if (by_keys) {
        YK_TRY(find_numbers(t, r, w, &numbers, &rows.n_only, err));
        rows.only = numbers;
        yk_rows_found(*sink);
    }
    if (are_known && r->head < s->n_rows)
        rows.n = r->head;
    if (are_known && r->tail && r->tail < s->n_rows)
        rows.first = s->n_rows - r->tail;
    return yk_table_run_sink(t, sink, rows, scan, err);
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

/* Every expression of the rows; r->select has no * in it. */
static int find_used(const yoke_rows *r, yk_exprs *used, yoke_error *err)
{
    YK_CLEANUP(yk_sort_keys_fini) yk_sort_keys sort = {0};
    if (r->sort)
        YK_TRY(yk_sort_keys_parse(r->sort, NULL, 0, &sort, err));
    for (; sort.e.n; sort.e.n--) /* they become those of `used` */
        if (!yk_push(&used->list, &used->n, &used->cap, sort.e.list[sort.e.n - 1]))
            return yk_fail_nomem(err, "planning a scan");
    return yk_exprs_add_list(used, r->select, err);
}

/* Before rows are handed on the types of all their columns must be known. */
static int settle_rows(const yoke_table *t, const yoke_rows *r, yoke_error *err)
{
    YK_CLEANUP(yk_exprs_fini) yk_exprs used = {0};
    YK_AUTOBUF                         text = YK_BUF_INIT;
    if (!t->source->has_csv)
        return 0;
    YK_TRY(yk_table_expand(t, r->select, &text, err));
    if (!r->select || strcmp(yk_buf_text(&text), r->select) != 0)
        return yk_table_settle(t, err);
    YK_TRY(find_used(r, &used, err));
    return yk_table_settle_used(t, &used, err);
}

/* Different rows are all rows but those that repeat an earlier one, where these are few; else, *ret_are_groups, they are found as groups. A
 * sort of different rows is by what they show, which groups say where it is not so. */
static int leave_out_repeats(const yoke_table *t, const yoke_rows *r, wanted *w, bool *ret_are_groups, yoke_error *err)
{
    const yk_expr *const *columns = (const yk_expr *const *)w->columns.list;
    bool                  are_few = w->columns.n == w->n_shown, are_first = r->head && !r->sort;
    *ret_are_groups = r->is_distinct && !are_few;
    if (!r->is_distinct || !are_few)
        return 0;
    for (w->n_first = YK_REPEATS_LEAST; w->n_first / 2 < r->head && w->n_first < t->source->n_rows; w->n_first *= 2)
        ;
    if (are_first && w->n_first < t->source->n_rows)
        YK_TRY(yk_repeats_find(t, columns, w->n_shown, w->n_first, &are_few, &w->repeats, err));
    /* not all that are wanted are among the first rows, or they are in some order */
    if (are_few && (w->repeats.n_rows - w->repeats.n < r->head || !are_first)) {
        yk_free(w->repeats.list);
        w->n_first = 0;
        YK_TRY(yk_repeats_find(t, columns, w->n_shown, 0, &are_few, &w->repeats, err));
    }
    *ret_are_groups = !are_few;
    return 0;
}

static int plain_rows(const yoke_table *t, const yoke_rows *r, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(wanted_fini) wanted         w = {0};
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    YK_CLEANUP(yk_batch_fini) yk_batch     rows = {0};
    bool                                   are_groups;
    if (r->is_distinct) /* which are found by several scans */
        YK_TRY(settle_rows(t, r, err));
    YK_TRY(find_wanted(t, r, &w, err));
    YK_TRY(leave_out_repeats(t, r, &w, &are_groups, err));
    if (are_groups)
        return yk_table_group(t, r, ret, err);
    YK_TRY(make_sink(t, r, &w, NULL, &sink, err));
    YK_TRY(run_rows(t, r, &w, &sink, &scan, err));
    YK_TRY(yk_rows_take(sink, &scan, &rows, err));
    return make_frame(&w, &rows, ret, err);
}

/* ---- rows that are handed on as they come */

int yk_hand_frame(const yk_handing *h, const yoke_frame *f, yoke_error *err)
{
    int rc = h->fn(h->ctx, f);
    return rc < 0 && err && !err->code ? yk_fail(err, YOKE_ECANCELED, "the receiver of the rows gave up") : rc;
}

int yk_hand_on(void *ctx, const yk_batch *rows, yoke_error *err)
{
    yk_handing *h = ctx;
    h->frame.rows = *rows;
    h->frame.rows.n_columns = h->n; /* without sort keys that nobody asked to see */
    for (size_t i = 0; i < h->n; i++)
        yk_type_name(rows->columns[i].type, h->frame.types[i], sizeof *h->frame.types);
    return yk_hand_frame(h, &h->frame, err);
}

static int each_row(const yoke_table *t, const yoke_rows *r, yk_handing *h, yoke_error *err)
{
    YK_CLEANUP(wanted_fini) wanted         w = {0};
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    bool                                   are_groups;
    YK_TRY(settle_rows(t, r, err)); /* which columns * is may depend on it */
    YK_TRY(find_wanted(t, r, &w, err));
    YK_TRY(leave_out_repeats(t, r, &w, &are_groups, err));
    if (are_groups)
        return yk_table_each_group(t, r, h, err);
    YK_AUTOFREE char **names = yk_new_array(char *, w.n_shown);
    YK_AUTOFREE void  *types = yk_calloc(w.n_shown, sizeof *h->frame.types);
    if (!names || !types)
        return yk_fail_nomem(err, "handing rows on");
    for (size_t i = 0; i < w.n_shown; i++)
        names[i] = (char *)(uintptr_t)yk_expr_name(w.columns.list[i]);
    h->n = w.n_shown;
    h->frame.names = names;
    h->frame.types = types;
    yk_rows_to to = {yk_hand_on, h};
    YK_TRY(make_sink(t, r, &w, &to, &sink, err));
    YK_TRY(run_rows(t, r, &w, &sink, &scan, err));
    return yk_rows_each(sink, &scan, &to, err);
}

/* ---- public calls */

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

/* Different rows are groups, but where they are many, and seem to be nearly all. */
static int are_groups(const yoke_table *t, const yoke_rows *r, bool *ret, yoke_error *err)
{
    YK_CLEANUP(wanted_fini) wanted w = {0};
    bool                           are_all = false;
    *ret = r->by != NULL;
    if (!r->is_distinct)
        return 0;
    YK_TRY(find_wanted(t, r, &w, err));
    YK_TRY(yk_repeats_are_worth_it(t, YK_REPEATS_LEAST, &are_all, err));
    if (are_all)
        YK_TRY(yk_repeats_seem_few(t, (const yk_expr *const *)w.columns.list, w.n_shown, &are_all, err));
    *ret = !are_all;
    return 0;
}

int yoke_table_each(const yoke_table *t, const yoke_rows *r, int (*fn)(void *ctx, const yoke_frame *part), void *ctx, yoke_error *err)
{
    yk_handing h = {.fn = fn, .ctx = ctx};
    bool       in_groups;
    if (YK_LACKS(t, err) || YK_LACKS(r, err) || YK_LACKS(fn, err))
        return YOKE_EINVALID;
    YK_TRY(check_rows(r, err));
    YK_TRY(are_groups(t, r, &in_groups, err));
    return in_groups ? yk_table_each_group(t, r, &h, err) : each_row(t, r, &h, err);
}

yoke_frame *yoke_table_rows(const yoke_table *t, const yoke_rows *r, yoke_error *err)
{
    yoke_frame *f = NULL;
    bool        in_groups;
    if (YK_LACKS(t, err) || YK_LACKS(r, err) || check_rows(r, err) < 0 || are_groups(t, r, &in_groups, err) < 0)
        return NULL;
    int rc = in_groups ? yk_table_group(t, r, &f, err) : plain_rows(t, r, &f, err);
    return rc < 0 ? NULL : f;
}
