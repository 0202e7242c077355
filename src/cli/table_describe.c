/* SPDX-License-Identifier: BSD-3-Clause
 *
 * --describe: what each column holds, a line for each. Of numbers the mean, deviation and quartiles, of all but bytes the range.
 */
#include "cli/table_call.h"

#include "table/table.h"

static const char *const HEADS[] = {"column", "type", "count", "missing", "mean", "std", "min", "25%", "50%", "75%", "max"};
enum { N_HEADS = sizeof HEADS / sizeof *HEADS, N_ASKS = 8, NAME = 0, TYPE, COUNT, MISSING };

static const yoke_ask ASKS[N_ASKS] = {{.what = YOKE_ASK_COUNT}, {.what = YOKE_ASK_MEAN}, {.what = YOKE_ASK_STD}, {.what = YOKE_ASK_MIN},
                                      {.what = YOKE_ASK_QUANTILE, .q = 0.25}, {.what = YOKE_ASK_QUANTILE, .q = 0.5},
                                      {.what = YOKE_ASK_QUANTILE, .q = 0.75}, {.what = YOKE_ASK_MAX}};

/* Where the answer to ASKS[i] stands. */
static size_t head_of(size_t i) { return i == 0 ? COUNT : i + 3; }

static bool is_asked(const char *type, yoke_ask_kind what)
{
    bool is_range = what == YOKE_ASK_MIN || what == YOKE_ASK_MAX;
    return what == YOKE_ASK_COUNT || (is_range ? strcmp(type, "bytes") != 0 : yk_table_is_number(type));
}

/* The columns: what they are called, how they are asked for, and their types. */
typedef struct columns {
    yoke_frame *row; /* has names and types */
    yk_expr   **exprs;
    size_t      n;
} columns;

static void columns_fini(columns *k)
{
    yoke_frame_free(k->row);
    yk_expr_list_free(k->exprs, k->n);
}

static int find_columns(const yk_table_call *c, const yoke_table *t, columns *ret, yoke_error *err)
{
    YK_AUTOBUF all = YK_BUF_INIT;
    YK_TRY(yk_table_settle(t, err));
    YK_TRY(yk_table_expand(t, c->rows.select, &all, err));
    ret->row = yoke_table_rows(t, &(yoke_rows){.select = yk_buf_text(&all), .head = 1}, err);
    if (!ret->row)
        return err->code;
    return yk_expr_parse_list(yk_buf_text(&all), &ret->exprs, &ret->n, err);
}

/* A row for each column in [from, end), of texts: numbers of all kinds stand in the same place. */
static int put_rows(const columns *k, size_t from, size_t end, const yoke_answers *a, yk_batch *to, yoke_error *err)
{
    size_t  at = 0;
    int64_t n_rows = yoke_answers_at(a, at++)->integer;
    for (size_t i = from; i < end; i++) {
        const char *texts[N_HEADS] = {[NAME] = yoke_frame_name(k->row, i), [TYPE] = yoke_frame_type(k->row, i)};
        char        missing[32];
        snprintf(missing, sizeof missing, "%lld", (long long)(n_rows - yoke_answers_at(a, at)->integer));
        texts[MISSING] = missing;
        for (size_t q = 0; q < N_ASKS; q++)
            if (is_asked(texts[TYPE], ASKS[q].what)) {
                const yoke_answer *r = yoke_answers_at(a, at++);
                texts[head_of(q)] = r->is_missing ? NULL : r->text;
            }
        for (size_t h = 0; h < N_HEADS; h++) {
            yk_value v = {.type = to->columns[h].type, .is_missing = !texts[h]};
            if (texts[h])
                v.t = (yk_text){texts[h], strlen(texts[h])};
            YK_TRY(yk_batch_put(&to->columns[h], &v, err));
        }
        to->n++;
    }
    return 0;
}

static int describe(const columns *k, size_t from, size_t end, const yoke_table *t, yk_batch *to, yoke_error *err)
{
    size_t                n = 1;
    YK_AUTOFREE yoke_ask *asks = yk_new_array(yoke_ask, 1 + (end - from) * N_ASKS);
    if (!asks)
        return yk_fail_nomem(err, "describing");
    for (size_t i = from; i < end; i++)
        for (size_t q = 0; q < N_ASKS; q++)
            if (is_asked(yoke_frame_type(k->row, i), ASKS[q].what)) {
                asks[n] = ASKS[q];
                asks[n++].expr = yk_expr_text(k->exprs[i]);
            }
    yoke_answers *a = yoke_table_collect(t, asks, n, err);
    int           rc = a ? put_rows(k, from, end, a, to, err) : err->code;
    yoke_answers_free(a);
    return rc;
}

/* Columns at a time: each takes every worker some counts for its quartiles, and once more for all of them. More of them are slower than
 * another scan. */
static size_t columns_at_a_time(const yk_table_call *c, const yoke_table *t)
{
    enum { EACH = 512 << 10, MOST = 256 };
    uint64_t n = yk_table_memory(t) / 2 / EACH / (yoke_session_workers(c->session) + 1);
    return n > MOST ? MOST : n ? (size_t)n : 1;
}

int yk_table_describe(const yk_table_call *c, const yoke_table *t, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(columns_fini) columns   k = {0};
    YK_CLEANUP(yk_batch_fini) yk_batch rows = {0};
    YK_TRY(find_columns(c, t, &k, err));
    YK_TRY(yk_batch_init(&rows, N_HEADS, err));
    for (size_t h = 0; h < N_HEADS; h++)
        rows.columns[h].type.kind = YK_KIND_TEXT;
    size_t step = columns_at_a_time(c, t);
    for (size_t from = 0; from < k.n; from += step)
        YK_TRY(describe(&k, from, k.n - from < step ? k.n : from + step, t, &rows, err));
    YK_TRY(yk_frame_new(&rows, HEADS, ret, err));
    for (size_t h = COUNT; h < N_HEADS; h++)
        memcpy((*ret)->types[h], "number", sizeof "number"); /* in print; "min" and "max" may be text as well */
    return 0;
}
