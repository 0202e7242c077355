/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Group by: a task numbers its own groups and keeps a cell for each ask and group; the fold merges them in the order of tasks, so
 * that the bits of sums depend on row numbers alone. Quantiles and distinct counts keep values (kept.c), or number (keys, value).
 *
 * Many groups, or such as do not fit the memory: from then on tasks' results are kept as they come, cut into parts by a hash of the
 * keys, in memory or a temporary file. In the end each part, or share of one, is merged from what is kept of it, in the same order; what
 * comes out is sorted externally. A task whose first rows are hardly two of one group does not group the others: they are kept as they
 * are (loose.c). Where their one key is an integer of a small span, few workers' tasks leave them uncut: all groups are found fast where
 * they are merged. Groups that a table of all combinations finds fast stay with the worker, and later tasks name them by number (known.h);
 * with few workers others do, too, whose key is no number.
 */
#include "table/ledger.h"

#include <stdlib.h>

typedef struct state {
    yk_ledger     now;
    yk_vec   *vecs;
    uint32_t  n_before; /* groups of the task before */
    uint64_t  first;    /* row of this task */
    uint64_t  n_rows, n_known; /* of this task, into groups; into those that an earlier task's result had */
    bool      is_loose; /* hardly two of them were of one group: the others of this task are kept as they are */
    bool      is_grouped; /* or not, as rows of later tasks are of the same groups */
    yk_known  known;
    uint32_t  numbers[YK_BLOCK], others[YK_BLOCK];
} state;

enum { SOME_ROWS = 2 * YK_BLOCK }; /* tell whether a task is worth grouping by itself */
enum { FEW_WORKERS = 4 };
/* Of so many groups, or where keys can be so many together, rows are better grouped by each worker than kept as they are. */
enum { KNOWN_GROUPS = 72 << 10, KNOWN_COMBINATIONS = 1 << 19 };

/* The values of what an ask is of, in this block. */
static int ask_values(const yk_grouping *s, size_t ask, const yk_block *b, yk_vec *ret, yoke_error *err)
{
    yk_type type = s->types[s->roots[ask]];
    bool    is_odd = s->asks[ask].what == YK_EACH_SUM && !yk_is_integer(type) && type.kind != YK_KIND_REAL;
    return yk_eval_values(b->eval, s->base.root + s->roots[ask] + is_odd, ret, err);
}

static int add_ask(yk_grouping *s, state *st, size_t ask, const yk_block *b, yoke_error *err)
{
    yk_ledger *t = &st->now;
    yk_vec     v = {0};
    bool       is_done = false;
    if (s->keeper[ask] != ask)
        return 0;
    if (s->asks[ask].what == YK_EACH_DISTINCT && !t->distinct[ask]) {
        YK_TRY(yk_eval_root(b->eval, s->base.root + s->roots[ask], &v, err));
        if (yk_type_same(v.type, s->types[s->roots[ask]]))
            YK_TRY(yk_ledger_tally_codes(t, ask, st->numbers, &v, b->n, &is_done, err));
    }
    if (is_done)
        return 0;
    if (s->asks[ask].expr)
        YK_TRY(ask_values(s, ask, b, &v, err));
    if (t->distinct[ask]) {
        st->vecs[s->n_keys] = v;
        bool are_alone = st->n_rows >= SOME_ROWS && yk_groups_count(t->distinct[ask]) > st->n_rows / 16 * 15; /* and stay so */
        return are_alone ? yk_groups_append(t->distinct[ask], st->vecs, b->mask, b->n, err)
                         : yk_groups_number(t->distinct[ask], st->vecs, b->mask, b->n, st->others, err);
    }
    return yk_ledger_tally(s, t, ask, st->numbers, !b->mask, &v, b->n, err);
}

/* The block's rows as they are, for later. */
static int add_loose(yk_grouping *s, state *st, const yk_block *b, yoke_error *err)
{
    yk_loose *l = &st->now.loose;
    YK_TRY(yk_groups_append(l->keys, st->vecs, b->mask, b->n, err));
    for (size_t i = 0; i < s->n_asks; i++) {
        yk_vec v;
        if (!s->asks[i].expr)
            continue;
        YK_TRY(ask_values(s, i, b, &v, err));
        YK_TRY(yk_loose_put(s, l, i, &v, b->mask, b->n, err));
    }
    return 0;
}

/* ---- the sink */

static void grouping_bind(yk_sink *base)
{
    yk_grouping *s = (yk_grouping *)base;
    for (size_t i = 0; i < base->n_roots; i++)
        s->types[i] = yk_sink_type(base, i);
    for (size_t i = 0; i < s->n_asks; i++)
        s->has_kept |= yk_group_keeps(s, i);
}

static void grouping_close(yk_sink *base, void *state_)
{
    state *st = state_;
    yk_ledger_fini((yk_grouping *)base, &st->now);
    yk_known_fini(&st->known);
    yk_free(st->vecs);
    yk_free(st);
}

static int grouping_open(yk_sink *base, void **ret, yoke_error *err)
{
    state *st = yk_new(state);
    if (!st)
        return yk_fail_nomem(err, "starting a scan");
    *ret = st;
    st->vecs = yk_new_array(yk_vec, base->n_roots + 1);
    return st->vecs ? 0 : yk_fail_nomem(err, "starting a scan");
}

static int grouping_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state *st = state_;
    if (!st->now.groups)
        YK_TRY(yk_ledger_init((yk_grouping *)base, &st->now, err));
    else if (first < st->first) /* another worker's, come anew: its groups may come first in it */
        YK_TRY(yk_ledger_clear((yk_grouping *)base, &st->now, err));
    if (!st->now.n_written)
        st->known.name = 0;
    st->first = first;
    st->n_rows = st->n_known = 0;
    st->is_loose = st->is_grouped = false;
    YK_TRY(yk_known_begin(&st->known, st->now.n_written, err));
    return yk_groups_expect(st->now.groups, st->n_before, false, err);
}

/* This task's groups. */
static uint32_t count_groups(const state *st) { return st->known.n_met + yk_groups_count(st->now.groups) - st->now.n_written; }

/* Whether the one key is a number, whose groups the fold finds as fast as workers do. */
static bool is_number(const yk_grouping *s) { return s->n_keys == 1 && !yk_kind_is_bytes(s->types[0].kind); }

/* Whether rows of other tasks are likely to be of the same groups, though hardly two of these were of one: few different keys are possible.
 * Which way a task goes must depend on its rows alone, not on how they lie in files or what its worker did before, as sums have other bits
 * the other way. */
static int are_few(const yk_grouping *s, const state *st, bool *ret, yoke_error *err)
{
    const yk_vec         *key = &st->vecs[0];
    uint32_t              n = count_groups(st), met = st->known.n_met;
    uint64_t              product = 1;
    YK_AUTOFREE uint32_t *groups = NULL;
    bool                  is_coded = s->n_keys == 1 && key->codes && key->dict->n <= YK_SOME_GROUPS;
    uint64_t              same = st->n_rows - n; /* n² / 2N of n rows, where there are N groups */
    if (!is_number(s) && same * 2 * KNOWN_GROUPS >= st->n_rows * st->n_rows) {
        *ret = true;
        return 0;
    }
    if (!s->n_asks) { /* no sums */
        *ret = is_coded || (s->n_keys > 1 && yk_groups_are_by_code(st->now.groups)) || yk_groups_span(st->now.groups) < YK_NEAR;
        return 0;
    }
    if (!(groups = yk_new_array(uint32_t, (size_t)n + 1)))
        return yk_fail_nomem(err, "grouping");
    yk_known_list(&st->known, groups);
    for (uint32_t i = met; i < n; i++)
        groups[i] = st->now.n_written + i - met;
    *ret = s->n_keys > 1;
    for (size_t k = 0; k < s->n_keys && *ret; k++) {
        uint64_t spread = yk_groups_spread(st->now.groups, k, groups, n);
        *ret = spread <= (yk_kind_is_bytes(s->types[k].kind) ? n / 2 : YK_CLOSE) && (product *= spread + 2) <= KNOWN_COMBINATIONS;
    }
    return 0;
}

static int grouping_block(yk_sink *base, void *state_, const yk_block *b, yoke_error *err)
{
    yk_grouping *s = (yk_grouping *)base;
    state    *st = state_;
    YK_TRY(yk_sink_values(base, b->eval, s->n_keys, st->vecs, err));
    if (st->is_loose)
        return add_loose(s, st, b, err);
    YK_TRY(yk_groups_number(st->now.groups, st->vecs, b->mask, b->n, st->numbers, err));
    YK_TRY(yk_ledger_grow(s, &st->now, err));
    for (size_t i = 0; i < s->n_asks; i++)
        YK_TRY(add_ask(s, st, i, b, err));
    st->n_rows += b->n_pass;
    st->n_known += yk_known_meet(&st->known, st->numbers, b->n);
    if (st->is_grouped || st->n_rows < SOME_ROWS || count_groups(st) <= st->n_rows / 16 * 15 || !yk_loose_can(s))
        return 0;
    YK_TRY(are_few(s, st, &st->is_grouped, err));
    st->is_loose = !st->is_grouped;
    return st->is_loose ? yk_loose_init(s, &st->now.loose, err) : 0;
}

static uint32_t parts_of(const yk_grouping *s, const state *st)
{
    const yk_ledger *t = &st->now;
    if (st->known.name && !yk_loose_count(&t->loose))
        return 1;
    enum { UNCUT = YK_NEAR / 8 }; /* of larger spans the second cache would not hold the fold's table */
    uint64_t span = yk_loose_count(&t->loose) ? yk_groups_span(t->loose.keys) : 0;
    if (span && s->takes_loose && span < UNCUT && span / 2 < yk_groups_span(t->groups)) /* the same keys, most likely, in all tasks */
        return 1;
    uint32_t few = yk_grouping_is_counted(s) ? YK_PARTS : YK_FEW_GROUPS; /* these are read whole, for every share */
    uint32_t n_new = yk_groups_count(t->groups) - t->n_written;
    return yk_loose_count(&t->loose) || ((n_new > few || yk_ledger_pairs(s, t) > few) && !yk_ledger_has_bins(s)) ? YK_PARTS : 1;
}

/* Whether the worker's groups are worth keeping for its later tasks: those find them fast, and need not tell of their keys again. */
static bool are_kept(const yk_grouping *s, const state *st)
{
    const yk_ledger *t = &st->now;
    if (t->n_written && st->n_known < st->n_rows / 32)
        return false;
    if (!s->n_asks)
        return true;
    uint32_t most = s->takes_loose || yk_groups_are_by_code(t->groups) ? YK_MANY_GROUPS : YK_FEW_GROUPS; /* the fold merges them alone */
    return !is_number(s) && !yk_loose_count(&t->loose) && yk_groups_count(t->groups) <= most && yk_ledger_is_cells(s);
}

/* Of earlier groups, their numbers and cells. */
static void write_known(const yk_grouping *s, const state *st, const uint32_t *met, uint32_t n, yk_buf *to)
{
    yk_known_head head = {st->known.name, n};
    yk_buf_append(to, &head, sizeof head);
    yk_buf_append(to, met, n * sizeof *met);
    yk_ledger_write_cells(s, &st->now, met, n, to);
}

static int grouping_end(yk_sink *base, void *state_, yk_buf *to, yoke_error *err)
{
    yk_grouping *s = (yk_grouping *)base;
    state       *st = state_;
    yk_ledger   *t = &st->now;
    bool         is_kept = are_kept(s, st);
    uint32_t     n = s->n_asks ? st->known.n_met : 0; /* with nothing asked of them nothing is new of earlier groups */
    YK_AUTOFREE uint32_t *met = yk_new_array(uint32_t, (size_t)n + 1);
    if (!met)
        return yk_fail_nomem(err, "grouping");
    if (n)
        yk_known_list(&st->known, met);
    st->n_before = yk_groups_count(t->groups);
    if (s->n_asks && is_kept && !t->n_written)
        yk_known_rename(&st->known);
    write_known(s, st, met, n, to);
    YK_TRY(yk_ledger_write(s, t, parts_of(s, st), to, err));
    return is_kept ? yk_ledger_next(s, t, met, n, err) : yk_ledger_clear(s, t, err);
}

void yk_grouping_stop_alone(yk_sink *base, bool does_stop)
{
    ((yk_grouping *)base)->stops_alone = does_stop;
    base->is_done = false;
}

bool yk_grouping_has_stopped(const yk_sink *base) { return ((const yk_grouping *)base)->has_stopped; }

static void grouping_reset(yk_sink *base)
{
    yk_grouping *s = (yk_grouping *)base;
    yk_ledger_fini(s, &s->all);
    yk_spill_fini(&s->spill);
    yk_known_names_fini(&s->names);
    yk_groups_free(s->book);
    s->book = NULL;
    s->has_spilled = false;
    s->n_results = 0;
}

static void grouping_free(yk_sink *base)
{
    yk_grouping *s = (yk_grouping *)base;
    grouping_reset(base);
    yk_free(s->pieces);
    yk_free(s->asks);
    yk_free(s->roots);
    yk_free(s->keeper);
    yk_free(s->types);
}

static const yk_sink_ops OPS = {
    .name = "groups", .bind = grouping_bind, .open = grouping_open, .close = grouping_close, .begin = grouping_begin,
    .block = grouping_block, .end = grouping_end, .fold = yk_grouping_fold, .reset = grouping_reset, .free = grouping_free,
};

/* The first ask of quantiles of the same expression; another kind keeps what is its own. */
static size_t find_keeper(const yk_group_ask *asks, size_t ask)
{
    for (size_t i = 0; i < ask && asks[ask].what == YK_EACH_QUANTILE; i++)
        if (asks[i].what == YK_EACH_QUANTILE && strcmp(yk_expr_text(asks[i].expr), yk_expr_text(asks[ask].expr)) == 0)
            return i;
    return ask;
}

int yk_grouping_new(const yk_expr *const *keys, size_t n_keys, const yk_group_ask *asks, size_t n_asks, bool in_order_of_keys,
                    uint64_t memory, unsigned workers, yk_sink **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink *base = (yk_sink *)yk_new(yk_grouping);
    if (!base)
        return yk_fail_nomem(err, "planning a scan");
    yk_grouping *s = (yk_grouping *)base;
    base->ops = &OPS;
    yk_spill_init(&s->spill, yk_memory_kept(memory));
    s->n_keys = n_keys, s->n_asks = n_asks, s->in_order = in_order_of_keys, s->memory = memory;
    s->asks = yk_new_array(yk_group_ask, n_asks + 1);
    s->roots = yk_new_array(size_t, n_asks + 1);
    s->keeper = yk_new_array(size_t, n_asks + 1);
    s->types = yk_new_array(yk_type, n_keys + 2 * n_asks + 1);
    if (!s->asks || !s->roots || !s->keeper || !s->types)
        return yk_fail_nomem(err, "planning a scan");
    if (n_asks)
        memcpy(s->asks, asks, n_asks * sizeof *asks);
    for (size_t i = 0; i < n_keys; i++)
        YK_TRY(yk_sink_add(base, keys[i], YK_WANT_ANY, err));
    for (size_t i = 0; i < n_asks; i++) {
        s->roots[i] = base->n_roots;
        if (asks[i].expr)
            YK_TRY(yk_sink_add(base, asks[i].expr, yk_group_want(asks[i].what), err));
        if (asks[i].what == YK_EACH_SUM) /* what is neither integer nor real is read as real, right after */
            YK_TRY(yk_sink_add(base, asks[i].expr, YK_WANT_REAL, err));
    }
    s->takes_loose = workers <= FEW_WORKERS;
    for (size_t i = 0; i < n_asks; i++)
        s->keeper[i] = find_keeper(asks, i);
    for (size_t i = 0; i < n_asks; i++)
        s->takes_loose &= asks[i].what != YK_EACH_QUANTILE && asks[i].what != YK_EACH_DISTINCT;
    *ret = YK_TAKE(base);
    return 0;
}

/* ---- reading */

/* The groups in the order in which they came first. */
static int order_by_firsts(const yk_ledger *t, uint32_t **ret, yoke_error *err)
{
    size_t          size = yk_groups_count(t->groups) * sizeof *t->firsts;
    yk_batch_column column = {.type = {.kind = YK_KIND_UINT}, .values = {.data = (char *)t->firsts, .len = size}};
    yk_batch        b = {.columns = &column, .n_columns = 1, .n = yk_groups_count(t->groups)};
    YK_AUTOBUF      valid = YK_BUF_INIT;
    char           *there = yk_buf_extend(&valid, b.n);
    if (!there)
        return yk_fail_nomem(err, "grouping");
    memset(there, 1, b.n);
    column.valid = valid;
    return yk_batch_sort(&b, &(yk_order){0}, 1, ret, err);
}

/* Rows by their first n columns. */
static int sort_rows(yk_batch *rows, size_t n, yoke_error *err)
{
    YK_AUTOFREE yk_order *keys = yk_new_array(yk_order, n + 1);
    YK_AUTOFREE uint32_t *order = NULL;
    if (!keys)
        return yk_fail_nomem(err, "grouping");
    for (size_t k = 0; k < n; k++)
        keys[k].column = k;
    YK_TRY(yk_batch_sort(rows, keys, n, &order, err));
    return yk_batch_pick(rows, order, rows->n, err);
}

int yk_grouping_take(yk_sink *base, yoke_session *session, yk_batch *ret, yoke_error *err)
{
    yk_grouping *s = (yk_grouping *)base;
    if (!s->all.groups)
        YK_TRY(yk_ledger_init(s, &s->all, err));
    YK_TRY(yk_ledger_end(s, &s->all, session, err));
    YK_AUTOFREE uint32_t *order = NULL;
    if (!s->in_order)
        YK_TRY(order_by_firsts(&s->all, &order, err));
    else if (!(order = yk_new_array(uint32_t, (size_t)yk_groups_count(s->all.groups) + 1)))
        return yk_fail_nomem(err, "grouping");
    for (uint32_t i = 0; s->in_order && i < yk_groups_count(s->all.groups); i++)
        order[i] = i;
    YK_TRY(yk_ledger_rows(s, &s->all, order, false, ret, err));
    return s->in_order ? sort_rows(ret, s->n_keys, err) : 0;
}
