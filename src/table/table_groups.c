/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A row for each group of a table's rows, or each different row.
 */
#include "table/alone.h"
#include "table/rows.h"
#include "table/table_rows.h"

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
    yk_exprs     by;
    group_asks   asks;
    yk_sink     *sink;
    yk_scan      scan;
    const char **names; /* of the result's columns; borrowed from by and asks */
    size_t       n;
    yk_order    *order; /* of r->sort, n_order of them */
    size_t       n_order;
    yk_alone     alone; /* with a sink: what is left is in it */
} grouped;

static void grouped_fini(grouped *g)
{
    yk_alone_fini(&g->alone);
    yk_sink_free(g->sink);
    yk_table_scan_fini(&g->scan);
    yk_free(g->names);
    yk_free(g->order);
    group_asks_fini(&g->asks);
    yk_exprs_fini(&g->by);
}

/* Sort keys are the result's own columns, by name. */
static int find_order(grouped *g, const char *sort, yoke_error *err)
{
    YK_CLEANUP(yk_sort_keys_fini) yk_sort_keys k = {0};
    if (!sort)
        return 0;
    YK_TRY(yk_sort_keys_parse(sort, g->names, g->n, &k, err));
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

/* The scan for groups. Where its first rows are hardly two of one group it is tried whether all are so. */
static int scan_groups(const yoke_table *t, const yoke_rows *r, grouped *g, yoke_error *err)
{
    bool is_done = false, can_be_alone = false;
    g->alone = (yk_alone){.keys = (const yk_expr *const *)g->by.list, .n_keys = g->by.n, .asks = g->asks.asks, .n_asks = g->asks.n,
                          .order = g->order, .n_order = g->n_order, .head = r->head, .tail = r->tail};
    if (r->by)
        YK_TRY(yk_alone_can(t, &g->alone, &can_be_alone, err));
    yk_grouping_stop_alone(g->sink, can_be_alone);
    YK_TRY(yk_table_run_sink(t, &g->sink, (yk_scan_rows){0}, &g->scan, err));
    if (!yk_grouping_has_stopped(g->sink))
        return 0;
    YK_TRY(yk_alone_find(t, &g->alone, &is_done, err));
    if (is_done)
        return 0;
    yk_alone_fini(&g->alone);
    g->alone = (yk_alone){0};
    yk_table_scan_fini(&g->scan);
    yk_grouping_stop_alone(g->sink, false);
    return yk_table_run_sink(t, &g->sink, (yk_scan_rows){0}, &g->scan, err);
}

static int run_groups(const yoke_table *t, const yoke_rows *r, grouped *g, yoke_error *err)
{
    YK_TRY(r->by ? yk_exprs_add_list(&g->by, r->by, err) : yk_exprs_add_selected(&g->by, t, r->select, err));
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
    return scan_groups(t, r, g, err);
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

/* Whether groups come part by part. */
static bool are_in_parts(const grouped *g) { return g->alone.sink || yk_grouping_has_spilled(g->sink); }

static int each_part(const grouped *g, const yoke_rows *r, const yk_rows_to *to, yoke_error *err)
{
    if (g->alone.sink)
        return yk_rows_each(g->alone.sink, &g->alone.scan, to, err);
    return yk_grouping_each(g->sink, &g->scan, g->order, g->n_order, r->head, r->tail, to, err);
}

static int frame_of_groups(const yoke_table *t, const yoke_rows *r, const grouped *g, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(gathering_fini) gathering     got = {.memory = yk_table_memory(t)};
    YK_CLEANUP(yoke_frame_freep) yoke_frame *f = NULL;
    if (are_in_parts(g)) {
        YK_TRY(yk_batch_init(&got.rows, g->n, err));
        YK_TRY(each_part(g, r, &(yk_rows_to){gather, &got}, err));
    } else {
        YK_TRY(yk_grouping_take(g->sink, t->session, &got.rows, err));
        YK_TRY(arrange(g, r, &got.rows, err));
    }
    YK_TRY(yk_frame_new(&got.rows, g->names, &f, err));
    YK_TRY(yk_frame_spread(f, g->by.n, g->asks.asks, g->asks.n, yk_table_memory(t), err));
    *ret = YK_TAKE(f);
    return 0;
}

int yk_table_group(const yoke_table *t, const yoke_rows *r, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(grouped_fini) grouped g = {0};
    YK_TRY(run_groups(t, r, &g, err));
    return frame_of_groups(t, r, &g, ret, err);
}

int yk_table_each_group(const yoke_table *t, const yoke_rows *r, yk_handing *h, yoke_error *err)
{
    YK_CLEANUP(grouped_fini) grouped         g = {0};
    YK_CLEANUP(yoke_frame_freep) yoke_frame *f = NULL;
    YK_TRY(run_groups(t, r, &g, err));
    if (are_in_parts(&g)) {
        YK_AUTOFREE void *types = yk_calloc(g.n, sizeof *h->frame.types);
        if (!types)
            return yk_fail_nomem(err, "handing rows on");
        h->n = g.n;
        h->frame.names = (char **)(uintptr_t)g.names;
        h->frame.types = types;
        return each_part(&g, r, &(yk_rows_to){yk_hand_on, h}, err);
    }
    YK_TRY(frame_of_groups(t, r, &g, &f, err));
    return yk_hand_frame(h, f, err);
}
