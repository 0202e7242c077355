/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows on their way out. A task keeps no more of its rows than could be wanted in the end: the first, the last, the least of
 * a sort, those of a sample. A sample gives every row number a key by hashing it with the seed and takes the least keys:
 * the same rows whatever pulls. All rows in order are an external sort: a task's rows are a run of it.
 */
#include "numeric/reduce.h"
#include "table/bound.h"
#include "table/rows.h"
#include "table/skip.h"

/* rows at the head of a sort that are picked out without sorting all; a third of what sorting takes of a row */
enum { MOST_FIRST = YK_MOST_BOUND, SORT_BYTES = 16 };
static const uint64_t MOST_ROWS = UINT64_MAX / 4; /* no table has so many; twice as many can be counted */

typedef struct rows {
    yk_sink      base;
    yk_rows_opts o;
    yk_order    *order;
    yk_batch     all;
    yk_sorted   *sorted; /* of a sort that keeps more than MOST_FIRST rows; else NULL */
    uint64_t    *keys; /* of a sample: of each row in `all` */
    size_t       n_keys, cap_keys;
    yk_batch     spare;
    uint64_t     first, last; /* how many of `sorted`; o.head and o.tail are 0 then */
    size_t       n_then; /* keys of the order in which a sample is put once it is there; o.n_order is 0 meanwhile */
    uint64_t     n_given; /* to o.to */
    int64_t      column; /* of the source, whose statistics tell of rows that are not wanted; -1: none */
    bool            are_found; /* the scan is of no rows but those that are wanted */
    struct reach {
        bool    is_known;
        yk_fact fact;
        yk_buf  text;
        enum { BEFORE, DURING, AFTER } glance; /* whether it is still to come, runs, or is over */
    } reach;
} rows;

typedef struct state {
    yk_batch  now;
    uint64_t *keys;
    size_t    n_keys, cap_keys;
    yk_vec   *vecs;
    uint32_t  picked[YK_BLOCK], n_picked; /* of the block */
    bool      has_picked;                 /* else all of it */
    int64_t  *numbers;                    /* of its rows, where they are asked for */
    yk_bound  bound; /* of a sort with head, a sample: by this and earlier tasks' rows, all before those that come */
    uint64_t  first; /* row of this task */
} state;

/* ---- sorting */

/* Puts the rows in order and keeps the first `most` (0: all). */
static int sort_batch(rows *s, yk_batch *b, size_t n_order, uint64_t most, yoke_error *err)
{
    YK_AUTOFREE uint32_t *order = NULL;
    YK_TRY(yk_batch_sort(b, s->order, n_order, &order, err));
    return yk_batch_pick(b, order, most && most < b->n ? most : b->n, err);
}

/* ---- samples */

static uint64_t hash(uint64_t seed, uint64_t row) /* Steele, Lea, Flood 2014: the mixing function of SplitMix64 */
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + (row + 1) * 0xbf58476d1ce4e5b9u;
    for (int i = 0; i < 2; i++) {
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        z ^= z >> 31;
    }
    return z;
}

/* Keeps the rows with the `most` least keys, as they lie. */
static int thin(yk_batch *b, uint64_t *keys, size_t *n_keys, uint64_t most, yoke_error *err)
{
    if (*n_keys <= most)
        return 0;
    YK_AUTOFREE uint64_t *copy = yk_memdup(keys, *n_keys * sizeof *keys);
    YK_AUTOFREE uint32_t *keep = yk_new_array(uint32_t, most + 1);
    if (!copy || !keep)
        return yk_fail_nomem(err, "taking a sample");
    uint64_t last = yk_bound_select(copy, (int64_t)*n_keys, (int64_t)most - 1);
    size_t   n = 0;
    for (size_t i = 0; i < *n_keys && n < most; i++)
        if (keys[i] <= last) {
            keys[n] = keys[i];
            keep[n++] = (uint32_t)i;
        }
    *n_keys = n;
    return yk_batch_pick(b, keep, n, err);
}

/* ---- the sink */

/* Those of the rows' columns. */
static void set_types(const rows *s, yk_batch *b)
{
    for (size_t i = 0; i < s->base.n_roots; i++)
        b->columns[i].type = yk_sink_type(&s->base, i);
    if (s->o.is_numbered)
        b->columns[s->base.n_roots].type = (yk_type){.kind = YK_KIND_INT};
}

/* Where few rows are wanted most are left out unread; but not when that would spare them an error: of theirs, or of a filter. */
static void rows_bind(yk_sink *base)
{
    rows *s = (rows *)base;
    bool  can_fail = false, can_filter_fail = false;
    set_types(s, &s->all);
    for (size_t i = 0; i < base->n_roots; i++)
        can_fail |= yk_program_can_fail(base->program, base->root + i);
    for (size_t i = 0; i < base->root; i++)
        can_filter_fail |= yk_program_can_fail(base->program, i);
    base->is_lazy = !can_fail && !s->are_found && (s->o.sample || s->o.head);
    base->look = base->is_lazy && s->o.n_order ? s->order[0].column : base->n_roots;
    s->column = base->is_lazy && s->o.n_order && !can_filter_fail ? yk_program_plain_column(base->program, base->root + base->look) : -1;
}

/* ---- the first rows of a sort, found by their keys alone, or a sample's, by their numbers */

static size_t count_keys(const rows *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->o.n_order; i++) {
        size_t k = 0;
        while (s->order[k].column != s->order[i].column)
            k++;
        n += k == i;
    }
    return n;
}

bool yk_rows_by_keys(const yk_sink *base, const yk_source *src)
{
    const rows *s = (const rows *)base;
    uint64_t    wanted = s->o.sample ? s->o.sample : s->o.n_order ? s->o.head : 0;
    bool        are_few = wanted && wanted <= src->n_rows / (8 * YK_BLOCK); /* blocks that have one: at most an eighth */
    return base->is_lazy && are_few && !src->has_csv && count_keys(s) < base->n_roots;
}

void yk_rows_found(yk_sink *base)
{
    rows *s = (rows *)base;
    s->are_found = true;
    s->o.sample = 0; /* all of them */
}

/* ---- the reach of a sort with head: enough rows are no later than it, so that others need not be read. Files may say it; where they do
 * not, a glance may find it, a scan of few rows before that of all. A scan calls bind, known and glance before its tasks and again after
 * them:
 *
 *     first scan    known takes the files' word for it; else glance may narrow the scan (BEFORE → DURING)
 *                   again finds the reach in the rows that came, forgets these and asks for one more scan (DURING → AFTER)
 *     second scan   is of all rows; known and glance leave the reach as it is
 */

/* The fact's text becomes the sink's own. */
static void set_reach(rows *s, const yk_fact *fact)
{
    struct reach *r = &s->reach;
    r->fact = *fact;
    if (yk_kind_is_bytes(fact->value.type.kind)) {
        yk_buf_clear(&r->text);
        yk_buf_append(&r->text, fact->value.t.data, fact->value.t.len);
        r->fact.value.t.data = yk_buf_text(&r->text);
    }
    r->is_known = !r->text.is_failed;
}

/* Rows are never known; how late the first ones of a sort may be is. */
static bool rows_known(yk_sink *base, const yk_source *src)
{
    rows   *s = (rows *)base;
    yk_fact fact;
    if (!s->reach.is_known && s->column >= 0
        && yk_skips_first(src, (uint32_t)s->column, s->order[0].is_descending, s->o.head, &fact))
        set_reach(s, &fact);
    return false;
}

/* The end of the row group that has the first rows, where these are not met at once and it is little of all. */
static void rows_glance(yk_sink *base, const yk_source *src, const yk_skips *skips, uint64_t *first, uint64_t *n)
{
    enum { ROWS = 2 * YK_TASK_ROWS };
    rows    *s = (rows *)base;
    uint64_t end;
    if (s->reach.glance != BEFORE || s->reach.is_known || s->column < 0 || *n < 8 * ROWS)
        return;
    if (!yk_skips_nearest(src, skips, (uint32_t)s->column, s->order[0].is_descending, &end))
        return;
    end = (end + YK_TASK_ROWS - 1) / YK_TASK_ROWS * YK_TASK_ROWS;
    *first = end > ROWS ? end - ROWS : 0;
    *n = *n - *first < ROWS ? *n - *first : ROWS;
    s->reach.glance = DURING;
}

static int rows_again(yk_sink *base, bool *ret, yoke_error *err)
{
    rows *s = (rows *)base;
    *ret = s->reach.glance == DURING;
    if (!*ret)
        return 0;
    size_t column = s->order[0].column;
    s->reach.glance = AFTER;
    YK_TRY(sort_batch(s, &s->all, s->o.n_order, s->o.head, err));
    if (s->all.n == s->o.head && !yk_batch_is_missing(&s->all, column, s->o.head - 1)) {
        yk_fact fact = {.op = s->order[0].is_descending ? YK_FACT_GE : YK_FACT_LE, .column = (uint32_t)s->column};
        yk_batch_get(&s->all, column, s->o.head - 1, &fact.value);
        set_reach(s, &fact);
    }
    yk_batch_clear(&s->all);
    return 0;
}

static size_t rows_facts(yk_sink *base, void *state_, yk_fact ret[2])
{
    rows  *s = (rows *)base;
    state *st = state_;
    size_t n = 0;
    if (s->reach.is_known)
        ret[n++] = s->reach.fact;
    return n + (s->column >= 0 && st && yk_bound_fact(&st->bound, (uint32_t)s->column, &ret[n]));
}

/* ---- a task's rows */

static void rows_close(yk_sink *base, void *state_)
{
    state *st = state_;
    yk_batch_fini(&st->now);
    yk_free(st->keys);
    yk_bound_fini(&st->bound);
    yk_free(st->vecs);
    yk_free(st->numbers);
    yk_free(st);
}

static int rows_open(yk_sink *base, void **ret, yoke_error *err)
{
    const rows *s = (const rows *)base;
    state      *st = yk_new(state);
    if (!st)
        return yk_fail_nomem(err, "starting a scan");
    *ret = st;
    st->vecs = yk_new_array(yk_vec, base->n_roots + 1);
    st->numbers = yk_new_array(int64_t, s->o.is_numbered ? YK_BLOCK : 1);
    if (!st->vecs || !st->numbers)
        return yk_fail_nomem(err, "starting a scan");
    YK_TRY(yk_batch_init(&st->now, s->all.n_columns, err));
    if (!s->o.n_order)
        return yk_bound_init(&st->bound, (yk_type){0}, s->o.sample, false, false, err);
    yk_type key = yk_sink_type(base, s->order[0].column);
    return yk_bound_init(&st->bound, key, s->o.head, s->order[0].is_descending, s->o.n_order == 1, err);
}

static int rows_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state *st = state_;
    yk_batch_clear(&st->now);
    set_types((const rows *)base, &st->now);
    st->n_keys = 0;
    if (first < st->first)
        yk_bound_forget(&st->bound);
    st->first = first;
    return 0;
}

/* Leaves out rows whose keys cannot be among the least; the keys of the n that are left are added. */
static int add_keys(rows *s, state *st, uint64_t first, uint32_t *n, yoke_error *err)
{
    if (!yk_grow(&st->keys, &st->cap_keys, st->n_keys + *n, sizeof *st->keys))
        return yk_fail_nomem(err, "taking a sample");
    uint64_t *keys = st->keys + st->n_keys;
    for (uint32_t i = 0; i < *n; i++)
        keys[i] = hash(s->o.seed, first + st->picked[i]);
    YK_TRY(yk_bound_keys(&st->bound, keys, st->picked, n, err));
    st->n_keys += *n;
    return 0;
}

/* Codes are of use where many rows go on as they came, or to a sort: their dictionary goes with them. */
static int take_column(const rows *s, yk_eval *eval, size_t i, yk_vec *ret, yoke_error *err)
{
    bool are_few = s->o.head && s->o.head <= YK_BLOCK;
    if (s->sorted || (s->o.to && !are_few)) {
        YK_TRY(yk_eval_root(eval, s->base.root + i, ret, err));
        if (yk_batch_can_code(ret))
            return 0;
    }
    return yk_eval_values(eval, s->base.root + i, ret, err);
}

static uint32_t list_rows(state *st, const yk_block *b)
{
    if (b->mask)
        return yk_bits_rows(b->mask, b->n, st->picked);
    for (uint32_t i = 0; i < b->n; i++)
        st->picked[i] = i;
    return b->n;
}

static int pick_first(rows *s, state *st, const yk_block *b, uint32_t *ret_n, yoke_error *err)
{
    yk_vec *v = &st->vecs[s->order[0].column];
    YK_TRY(take_column(s, b->eval, s->order[0].column, v, err));
    if (!yk_bound_can(v->type)) {
        *ret_n = list_rows(st, b);
        return 0;
    }
    uint32_t n;
    if (!yk_bound_list(&st->bound, v, b->mask, b->n, st->picked, &n))
        n = list_rows(st, b);
    return yk_bound_leave_out(&st->bound, v, st->picked, n, ret_n, err);
}

/* Finds the rows of the block that may be wanted in the end. */
static int pick(rows *s, state *st, const yk_block *b, yoke_error *err)
{
    bool is_first_only = s->o.head && !s->o.n_order;
    st->has_picked = true;
    if (s->o.n_order && s->o.head)
        return pick_first(s, st, b, &st->n_picked, err);
    st->has_picked = b->mask || is_first_only || s->o.sample;
    st->n_picked = st->has_picked ? list_rows(st, b) : b->n;
    if (is_first_only && st->n_picked > s->o.head - st->now.n)
        st->n_picked = (uint32_t)(s->o.head - st->now.n);
    return s->o.sample ? add_keys(s, st, b->first, &st->n_picked, err) : 0;
}

static int rows_look(yk_sink *base, void *state_, const yk_block *b, bool *ret_wants, yoke_error *err)
{
    state *st = state_;
    YK_TRY(pick((rows *)base, st, b, err));
    *ret_wants = st->n_picked > 0;
    return 0;
}

static yk_vec number_rows(state *st, const yk_block *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        st->numbers[i] = (int64_t)(b->first + i);
    return (yk_vec){.type = {.kind = YK_KIND_INT}, .n = b->n, .values = st->numbers};
}

static int rows_block(yk_sink *base, void *state_, const yk_block *b, yoke_error *err)
{
    rows  *s = (rows *)base;
    state *st = state_;
    if (!base->is_lazy)
        YK_TRY(pick(s, st, b, err));
    if (st->n_picked == 0)
        return 0;
    for (size_t i = 0; i < base->n_roots; i++)
        YK_TRY(take_column(s, b->eval, i, &st->vecs[i], err));
    if (s->o.is_numbered)
        st->vecs[base->n_roots] = number_rows(st, b);
    YK_TRY(yk_batch_add(&st->now, st->vecs, st->has_picked ? st->picked : NULL, st->n_picked, err));
    if (s->o.sample && st->n_keys > 2 * s->o.sample + YK_BLOCK)
        return thin(&st->now, st->keys, &st->n_keys, s->o.sample, err);
    if (s->o.tail && st->now.n > 2 * s->o.tail + YK_BLOCK)
        return yk_batch_cut(&st->now, st->now.n - s->o.tail, s->o.tail, err);
    if (s->o.n_order && s->o.head && st->now.n > 2 * s->o.head)
        return sort_batch(s, &st->now, s->o.n_order, s->o.head, err);
    return 0;
}

static int write_rows(rows *s, state *st, yk_buf *to, yoke_error *err)
{
    if (s->o.sample)
        YK_TRY(thin(&st->now, st->keys, &st->n_keys, s->o.sample, err));
    if (s->o.tail && st->now.n > s->o.tail)
        YK_TRY(yk_batch_cut(&st->now, st->now.n - s->o.tail, s->o.tail, err));
    YK_TRY(yk_batch_decode_few(&st->now, err));
    if (s->o.n_order) {
        YK_AUTOFREE uint32_t *order = NULL;
        YK_TRY(yk_batch_sort(&st->now, s->order, s->o.n_order, &order, err));
        return yk_batch_write_rows(&st->now, order, s->o.head && s->o.head < st->now.n ? s->o.head : st->now.n, true, to, err);
    }
    YK_TRY(yk_batch_write(&st->now, to, err));
    yk_buf_append(to, st->keys, st->n_keys * sizeof *st->keys);
    return 0;
}

static int rows_end(yk_sink *base, void *state_, yk_buf *to, yoke_error *err)
{
    state *st = state_;
    uint64_t idle = yk_memory_idle(((rows *)base)->o.memory, ((rows *)base)->o.workers);
    YK_TRY(write_rows((rows *)base, st, to, err));
    yk_batch_shrink(&st->now, idle);
    yk_bound_shrink(&st->bound, idle);
    return 0;
}

/* A task's rows go on where they lie. */
static int give(rows *s, const char *bytes, yoke_error *err)
{
    yk_batch_view(&s->spare, bytes);
    if (s->o.head && s->n_given + s->spare.n > s->o.head)
        s->spare.n = s->o.head - s->n_given;
    s->n_given += s->spare.n;
    s->base.is_done = s->o.head && s->n_given >= s->o.head;
    int rc = s->o.to->take(s->o.to->ctx, &s->spare, err);
    yk_batch_unview(&s->spare);
    return rc;
}

/* The keys of a sample's rows lie behind them. */
static int take_keys(rows *s, uint64_t n, const char *end, yoke_error *err)
{
    if (!yk_grow(&s->keys, &s->cap_keys, s->n_keys + n + 1, sizeof *s->keys))
        return yk_fail_nomem(err, "taking a sample");
    memcpy(s->keys + s->n_keys, end - n * sizeof *s->keys, n * sizeof *s->keys);
    s->n_keys += n;
    return s->n_keys > 2 * s->o.sample ? thin(&s->all, s->keys, &s->n_keys, s->o.sample, err) : 0;
}

int yk_rows_check(const yk_batch *b, uint64_t memory, yoke_error *err)
{
    if (yk_batch_bytes(b) <= memory)
        return 0;
    return yk_fail(err, YOKE_ELIMIT, "the rows take more than %llu MiB of memory; write them to a file with -o, ask for fewer with --head, or allow more with --memory",
                   (unsigned long long)(memory >> 20));
}

static int rows_fold(yk_sink *base, const void *bytes, size_t n, yoke_error *err)
{
    rows    *s = (rows *)base;
    uint64_t before = s->all.n;
    if (s->sorted)
        return yk_sorted_add(s->sorted, bytes, n, err);
    if (s->o.to)
        return give(s, bytes, err);
    YK_TRY(yk_batch_read(&s->all, bytes, err));
    if (s->o.sample)
        YK_TRY(take_keys(s, s->all.n - before, (const char *)bytes + n, err));
    if (s->o.tail && s->all.n > 2 * s->o.tail + YK_BLOCK)
        YK_TRY(yk_batch_cut(&s->all, s->all.n - s->o.tail, s->o.tail, err));
    if (s->o.n_order && s->all.n > 2 * s->o.head + YK_BLOCK)
        YK_TRY(sort_batch(s, &s->all, s->o.n_order, s->o.head, err));
    if (s->o.head && !s->o.n_order && s->all.n >= s->o.head)
        s->base.is_done = true;
    return yk_rows_check(&s->all, s->o.memory, err);
}

static void rows_reset(yk_sink *base)
{
    rows *s = (rows *)base;
    yk_batch_clear(&s->all);
    if (s->sorted)
        yk_sorted_clear(s->sorted);
    s->n_keys = 0;
    s->reach.is_known = false;
    base->is_done = false;
}

static void rows_free(yk_sink *base)
{
    rows *s = (rows *)base;
    yk_batch_fini(&s->all);
    yk_batch_fini(&s->spare);
    yk_buf_fini(&s->reach.text);
    yk_sorted_free(s->sorted);
    yk_free(s->keys);
    yk_free(s->order);
}

static const yk_sink_ops OPS = {
    .name = "rows", .bind = rows_bind, .known = rows_known, .facts = rows_facts, .glance = rows_glance,
    .open = rows_open, .close = rows_close, .begin = rows_begin, .look = rows_look, .block = rows_block, .end = rows_end, .fold = rows_fold,
    .again = rows_again, .reset = rows_reset, .free = rows_free,
};

int yk_rows_new(const yk_expr *const *columns, size_t n, const yk_rows_opts *opts, yk_sink **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink *base = (yk_sink *)yk_new(rows);
    if (!base)
        return yk_fail_nomem(err, "planning a scan");
    rows *s = (rows *)base;
    base->ops = &OPS;
    base->has_cuts = true;
    base->per_row = opts->n_order ? SORT_BYTES : 0;
    s->o = *opts;
    s->o.tail = opts->tail < MOST_ROWS ? opts->tail : MOST_ROWS;
    s->o.sample = opts->sample < MOST_ROWS ? opts->sample : MOST_ROWS;
    s->order = yk_memdup(opts->n_order ? (const void *)opts->order : "", opts->n_order ? opts->n_order * sizeof *opts->order : 1);
    if (!s->order)
        return yk_fail_nomem(err, "planning a scan");
    YK_TRY(yk_batch_init(&s->all, n + opts->is_numbered, err));
    YK_TRY(yk_batch_init(&s->spare, n + opts->is_numbered, err));
    if (s->o.sample) {
        s->n_then = s->o.n_order;
        s->o.n_order = 0;
    }
    if (s->o.n_order && (!s->o.head || s->o.head > MOST_FIRST)) {
        YK_TRY(yk_sorted_new(s->order, s->o.n_order, n, s->o.memory, &s->sorted, err));
        s->first = s->o.head ? s->o.head : UINT64_MAX;
        s->last = s->o.tail ? s->o.tail : UINT64_MAX;
        s->o.head = s->o.tail = 0;
    }
    for (size_t i = 0; i < n; i++)
        YK_TRY(yk_sink_add(base, columns[i], YK_WANT_ANY, err));
    *ret = YK_TAKE(base);
    return 0;
}

/* ---- the rows */

static int take_kept(rows *s, yk_batch *ret, yoke_error *err)
{
    if (s->o.n_order && !s->sorted)
        YK_TRY(sort_batch(s, &s->all, s->o.n_order, s->o.head, err));
    if (s->o.sample)
        YK_TRY(thin(&s->all, s->keys, &s->n_keys, s->o.sample, err));
    if (s->n_then)
        YK_TRY(sort_batch(s, &s->all, s->n_then, 0, err));
    if (s->o.head && s->all.n > s->o.head)
        YK_TRY(yk_batch_cut(&s->all, 0, s->o.head, err));
    if (s->o.tail && s->all.n > s->o.tail)
        YK_TRY(yk_batch_cut(&s->all, s->all.n - s->o.tail, s->o.tail, err));
    *ret = s->all;
    s->all = (yk_batch){0};
    return 0;
}

int yk_rows_add(yk_sink *base, const yk_batch *rows_, yoke_error *err)
{
    rows                 *s = (rows *)base;
    YK_AUTOBUF            bytes = YK_BUF_INIT;
    YK_AUTOFREE uint32_t *order = NULL;
    if (!s->sorted)
        return yk_batch_append(&s->all, rows_, NULL, 0, rows_->n, err);
    YK_TRY(yk_batch_sort(rows_, s->order, s->o.n_order, &order, err));
    YK_TRY(yk_batch_write_rows(rows_, order, rows_->n, true, &bytes, err));
    return yk_sorted_add(s->sorted, bytes.data, bytes.len, err);
}

static int each_sorted(const rows *s, const yk_scan *scan, const yk_rows_to *to, yoke_error *err)
{
    uint64_t n = yk_sorted_rows(s->sorted);
    return yk_sorted_each(s->sorted, scan->session, scan->opts, s->last < n ? n - s->last : 0, s->first, to, err);
}

static int append(void *ctx, const yk_batch *part, yoke_error *err)
{
    rows *s = ctx;
    YK_TRY(yk_batch_append(&s->all, part, NULL, 0, part->n, err));
    return yk_rows_check(&s->all, s->o.memory, err);
}

int yk_rows_take(yk_sink *base, const yk_scan *scan, yk_batch *ret, yoke_error *err)
{
    rows *s = (rows *)base;
    if (s->sorted)
        YK_TRY(each_sorted(s, scan, &(yk_rows_to){append, s}, err));
    return take_kept(s, ret, err);
}

int yk_rows_each(yk_sink *base, const yk_scan *scan, const yk_rows_to *to, yoke_error *err)
{
    rows                              *s = (rows *)base;
    YK_CLEANUP(yk_batch_fini) yk_batch kept = {0};
    if (s->sorted)
        YK_TRY(each_sorted(s, scan, to, err));
    YK_TRY(take_kept(s, &kept, err)); /* no row of a sort, but the columns and their types */
    return to->take(to->ctx, &kept, err);
}
