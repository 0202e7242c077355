/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows on their way out. A task keeps no more of its rows than could be wanted in the end: the first, the last, the least of
 * a sort, those of a sample. A sample gives every row number a key by hashing it with the seed and takes the least keys:
 * the same rows whatever pulls. All rows in order are an external sort: a task's rows are a run of it.
 */
#include "numeric/kernels.h"
#include "numeric/reduce.h"
#include "table/rows.h"
#include "table/skip.h"

#include <math.h>

/* rows at the head of a sort that are picked out without sorting all; a third of what sorting takes of a row */
enum { MOST_FIRST = 1 << 16, SORT_BYTES = 16 };
enum { MOST_TEXT = 256 }; /* bytes of a text that bounds */

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
    uint64_t     n_given; /* to o.to */
    int64_t      column;    /* of the source, whose statistics tell of rows that are not wanted; -1: none */
    bool         has_reach; /* of a sort with head: enough rows are no later than this, as the files say or a glance at some rows tells */
    yk_fact      reach;
    yk_buf       reach_text;
    enum { BEFORE, GLANCE, AFTER } stage; /* of scans: a glance comes first, if at all */
} rows;

typedef struct state {
    yk_batch  now;
    uint64_t *keys;
    size_t    n_keys, cap_keys;
    yk_vec   *vecs;
    uint32_t  picked[YK_BLOCK], n_picked; /* of the block */
    bool      has_picked;                 /* else all of it */
    /* Of a sort with head, a sample: the least first keys (their images) or row keys in this and earlier tasks, at least as many as rows
     * are wanted once has_bound: what is beyond `bound` comes too late. They are of rows before those of the task, which began at
     * `first`. */
    uint64_t *least, bound, first;
    size_t    n_least, cap_least;
    bool      has_bound;
    /* in place of `least`, where the first key is text: their first bytes; those of the last wanted one have the image `bound` */
    yk_batch  texts;
    char      behind[MOST_TEXT]; /* bound_fact */
} state;

/* ---- sorting */

/* Puts the rows in order and keeps the first `most` (0: all). */
static int sort_batch(rows *s, yk_batch *b, uint64_t most, yoke_error *err)
{
    YK_AUTOFREE uint32_t *order = NULL;
    YK_TRY(yk_batch_sort(b, s->order, s->o.n_order, &order, err));
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

/* The k-th least (from 0) of n keys, which are reordered: they are as good as random, so the middle one is a fair pivot. */
static uint64_t select_key(uint64_t *keys, int64_t n, int64_t k)
{
    for (int64_t lo = 0, hi = n - 1; lo < hi;) {
        uint64_t pivot = keys[(lo + hi) / 2];
        int64_t  i = lo, j = hi;
        while (i <= j) {
            for (; keys[i] < pivot; i++)
                ;
            for (; keys[j] > pivot; j--)
                ;
            if (i > j)
                break;
            uint64_t swap = keys[i];
            keys[i++] = keys[j];
            keys[j--] = swap;
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return keys[k];
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
    uint64_t last = select_key(copy, (int64_t)*n_keys, (int64_t)most - 1);
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

/* Where few rows are wanted most are left out unread; but not when that would spare them an error: of theirs, or of a filter. */
static void rows_bind(yk_sink *base)
{
    rows *s = (rows *)base;
    bool  can_fail = false, can_filter_fail = false;
    for (size_t i = 0; i < base->n_roots; i++) {
        s->all.columns[i].type = yk_sink_type(base, i);
        can_fail |= yk_program_can_fail(base->program, base->root + i);
    }
    for (size_t i = 0; i < base->root; i++)
        can_filter_fail |= yk_program_can_fail(base->program, i);
    base->is_lazy = !can_fail && (s->o.sample || (s->o.n_order && s->o.head));
    base->look = s->o.sample ? base->n_roots : base->is_lazy ? s->order[0].column : 0;
    s->column = base->is_lazy && !s->o.sample && !can_filter_fail ? yk_program_plain_column(base->program, base->root + base->look) : -1;
    s->has_reach &= s->stage == AFTER;
}

/* The reach's text becomes the sink's own. */
static void own_reach(rows *s)
{
    if (!s->has_reach || !yk_kind_is_bytes(s->reach.value.type.kind))
        return;
    yk_buf_clear(&s->reach_text);
    yk_buf_append(&s->reach_text, s->reach.value.t.data, s->reach.value.t.len);
    s->reach.value.t.data = yk_buf_text(&s->reach_text);
    s->has_reach = !s->reach_text.is_failed;
}

/* Rows are never known; how late the first ones of a sort may be is. */
static bool rows_known(yk_sink *base, const yk_source *src)
{
    rows *s = (rows *)base;
    if (s->stage == AFTER)
        return false;
    s->has_reach = s->column >= 0 && yk_skips_first(src, (uint32_t)s->column, s->order[0].is_descending, s->o.head, &s->reach);
    own_reach(s);
    return false;
}

/* The end of the row group that has the first rows, where these are not met at once and it is little of all. */
static void rows_glance(yk_sink *base, const yk_source *src, const yk_skips *skips, uint64_t *first, uint64_t *n)
{
    enum { ROWS = 2 * YK_TASK_ROWS };
    rows    *s = (rows *)base;
    uint64_t end;
    if (s->stage == AFTER || s->column < 0 || s->has_reach || *n < 8 * ROWS)
        return;
    if (!yk_skips_nearest(src, skips, (uint32_t)s->column, s->order[0].is_descending, &end))
        return;
    end = (end + YK_TASK_ROWS - 1) / YK_TASK_ROWS * YK_TASK_ROWS;
    *first = end > ROWS ? end - ROWS : 0;
    *n = *n - *first < ROWS ? *n - *first : ROWS;
    s->stage = GLANCE;
}

static int rows_again(yk_sink *base, bool *ret, yoke_error *err)
{
    rows *s = (rows *)base;
    *ret = s->stage == GLANCE;
    if (!*ret)
        return 0;
    YK_TRY(sort_batch(s, &s->all, s->o.head, err));
    s->has_reach = s->all.n == s->o.head && !yk_batch_is_missing(&s->all, s->order[0].column, s->o.head - 1);
    if (s->has_reach) {
        s->reach = (yk_fact){.op = s->order[0].is_descending ? YK_FACT_GE : YK_FACT_LE, .column = (uint32_t)s->column};
        yk_batch_get(&s->all, s->order[0].column, s->o.head - 1, &s->reach.value);
        own_reach(s);
    }
    yk_batch_clear(&s->all);
    s->stage = AFTER;
    return 0;
}

static yk_type first_type(const rows *s) { return yk_sink_type(&s->base, s->order[0].column); }

/* Whether a row with the bound's own value comes too late too: where that is the whole order, rows before it have what it has. */
static bool is_bound_late(const rows *s) { return s->o.n_order == 1; }

/* The bound itself, borrowed until the state sees a row. */
static yk_value bound_value(const rows *s, const state *st)
{
    yk_value value = {.type = first_type(s)};
    uint64_t bits = yk_order_value(value.type.kind, s->order[0].is_descending ? ~st->bound : st->bound);
    if (yk_kind_is_bytes(value.type.kind))
        yk_batch_get(&st->texts, 0, s->o.head - 1, &value);
    else
        memcpy(&value.i, &bits, sizeof bits);
    return value;
}

/* Whether the bound is the beginning of a text, which some that come later may share. */
static bool is_cut(const yk_value *bound) { return yk_kind_is_bytes(bound->type.kind) && bound->t.len == MOST_TEXT; }

/* The least text behind all that begin so; false where there is none. */
static bool find_behind(yk_text t, char to[MOST_TEXT], yk_text *ret)
{
    while (t.len && (unsigned char)t.data[t.len - 1] == 0xff)
        t.len--;
    if (t.len == 0)
        return false;
    memcpy(to, t.data, t.len);
    to[t.len - 1]++;
    *ret = (yk_text){to, t.len};
    return true;
}

/* What rows meet that are not late; false where that can't be said. */
static bool bound_fact(const rows *s, state *st, yk_fact *ret)
{
    yk_value bound = bound_value(s, st);
    bool     is_late = is_bound_late(s) && !is_cut(&bound), down = s->order[0].is_descending;
    *ret = (yk_fact){.op = down ? YK_FACT_GE : YK_FACT_LE, .value = bound, .column = (uint32_t)s->column};
    if (is_late)
        ret->op = down ? YK_FACT_GT : YK_FACT_LT;
    if (down || !is_cut(&bound))
        return true;
    ret->op = YK_FACT_LT;
    return find_behind(bound.t, st->behind, &ret->value.t);
}

static size_t rows_facts(yk_sink *base, void *state_, yk_fact ret[2])
{
    rows  *s = (rows *)base;
    state *st = state_;
    size_t n = 0;
    if (s->has_reach)
        ret[n++] = s->reach;
    return n + (s->column >= 0 && st && st->has_bound && bound_fact(s, st, &ret[n]));
}

static void rows_close(yk_sink *base, void *state_)
{
    state *st = state_;
    yk_batch_fini(&st->now);
    yk_batch_fini(&st->texts);
    yk_free(st->keys);
    yk_free(st->least);
    yk_free(st->vecs);
    yk_free(st);
}

static int rows_open(yk_sink *base, void **ret, yoke_error *err)
{
    state *st = yk_new(state);
    if (!st)
        return yk_fail_nomem(err, "starting a scan");
    *ret = st;
    st->vecs = yk_new_array(yk_vec, base->n_roots + 1);
    if (!st->vecs)
        return yk_fail_nomem(err, "starting a scan");
    YK_TRY(yk_batch_init(&st->now, base->n_roots, err));
    return yk_batch_init(&st->texts, 1, err);
}

static void forget_bound(state *st)
{
    yk_batch_clear(&st->texts);
    st->n_least = 0;
    st->has_bound = false;
}

static int rows_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state *st = state_;
    yk_batch_clear(&st->now);
    for (size_t i = 0; i < base->n_roots; i++)
        st->now.columns[i].type = yk_sink_type(base, i);
    st->n_keys = 0;
    if (first < st->first)
        forget_bound(st);
    st->first = first;
    return 0;
}

/* Room for twice as many keys as are wanted and some, so that narrowing them costs little. */
static size_t least_room(uint64_t wanted) { return wanted > MOST_FIRST ? 0 : 2 * (size_t)wanted + 64; }

static int begin_least(state *st, uint64_t wanted, yoke_error *err)
{
    bool has_room = yk_grow(&st->least, &st->cap_least, least_room(wanted) + 1, sizeof *st->least);
    return has_room ? 0 : yk_fail_nomem(err, "keeping rows");
}

static void add_least(state *st, uint64_t wanted, uint64_t key)
{
    if (wanted > MOST_FIRST)
        return;
    st->least[st->n_least++] = key;
    if (st->n_least < least_room(wanted))
        return;
    st->bound = select_key(st->least, (int64_t)st->n_least, (int64_t)wanted - 1);
    st->n_least = wanted;
    st->has_bound = true;
}

/* Leaves out rows whose keys cannot be among the least; the keys of the n that are left are added. */
static int add_keys(rows *s, state *st, uint64_t first, uint32_t *n, yoke_error *err)
{
    uint32_t kept = 0;
    if (!yk_grow(&st->keys, &st->cap_keys, st->n_keys + *n, sizeof *st->keys))
        return yk_fail_nomem(err, "taking a sample");
    for (uint32_t i = 0; i < *n; i++) {
        uint64_t key = hash(s->o.seed, first + st->picked[i]);
        st->keys[st->n_keys + kept] = key;
        st->picked[kept] = st->picked[i];
        if (st->has_bound && key > st->bound)
            continue;
        add_least(st, s->o.sample, key);
        kept++;
    }
    st->n_keys += kept;
    *n = kept;
    return 0;
}


/* ---- the first rows of a sort: those are left out whose first key comes after that of the last row that could be wanted */

static bool has_bounds(const rows *s) { return yk_order_has_image(first_type(s).kind) || yk_kind_is_bytes(first_type(s).kind); }

/* Of a first key: one with a less image comes first; equal ones are of equal numbers, and tell nothing of texts. */
static uint64_t image_of(const rows *s, const yk_vec *v, uint32_t row)
{
    bool     is_bytes = yk_kind_is_bytes(v->type.kind);
    uint64_t image = is_bytes ? yk_text_image(((const yk_text *)v->values)[row], 0)
        : yk_order_image(v->type.kind, ((const uint64_t *)v->values)[row]);
    return s->order[0].is_descending ? ~image : image;
}

static yk_text beginning(const yk_vec *v, uint32_t row)
{
    yk_text t = ((const yk_text *)v->values)[row];
    return (yk_text){t.data, t.len < MOST_TEXT ? t.len : MOST_TEXT};
}

static bool is_late(const rows *s, const state *st, const yk_vec *v, uint32_t row, uint64_t image, const yk_value *bound)
{
    if (image != st->bound)
        return image > st->bound;
    int order = yk_kind_is_bytes(v->type.kind) ? yk_value_order(&(yk_value){.type = v->type, .t = beginning(v, row)}, bound) : 0;
    return order ? (order > 0) != s->order[0].is_descending : is_bound_late(s) && !is_cut(bound);
}

/* Keys of rows that are left. */
static int add_texts(rows *s, state *st, const yk_vec *v, const uint32_t *left, uint32_t n, yoke_error *err)
{
    YK_AUTOFREE uint32_t *order = NULL;
    yk_text               texts[YK_BLOCK];
    yk_vec                beginnings = *v;
    beginnings.values = texts;
    for (uint32_t i = 0; i < n; i++)
        texts[left[i]] = beginning(v, left[i]);
    st->texts.columns[0].type = v->type;
    YK_TRY(yk_batch_add(&st->texts, &beginnings, left, n, err));
    if (st->texts.n < least_room(s->o.head))
        return 0;
    YK_TRY(yk_batch_sort(&st->texts, &(yk_order){0, s->order[0].is_descending}, 1, &order, err));
    YK_TRY(yk_batch_pick(&st->texts, order, s->o.head, err));
    st->has_bound = !yk_batch_is_missing(&st->texts, 0, s->o.head - 1);
    if (st->has_bound) {
        uint64_t image = yk_text_image(bound_value(s, st).t, 0);
        st->bound = s->order[0].is_descending ? ~image : image;
    }
    return 0;
}

/* Lists the rows of the block that the bound as it was lets through, at once; false where that can't be told so. */
static bool list_early(const rows *s, state *st, const yk_block *b, const yk_vec *v, uint32_t *ret_n)
{
    uint64_t         bits[YK_BLOCK / 64];
    const yk_kind    kind = v->type.kind;
    const yk_compare op = is_bound_late(s) ? YK_COMPARE_LT : YK_COMPARE_LE;
    const bool       is_descending = s->order[0].is_descending;
    if (!st->has_bound || kind == YK_KIND_UINT || yk_kind_is_bytes(kind))
        return false;
    yk_value bound = bound_value(s, st);
    const void *values[2] = {is_descending ? (const void *)&bound.i : v->values, is_descending ? v->values : (const void *)&bound.i};
    yk_sides sides = is_descending ? YK_SIDES_CV : YK_SIDES_VC;
    if (kind == YK_KIND_REAL)
        YK_ISA_PICK(yk_k_compare_real)(op, sides, bits, values[0], values[1], b->n);
    else
        YK_ISA_PICK(yk_k_compare_int)(op, sides, bits, values[0], values[1], b->n);
    yk_bits_and(bits, v->valid, b->n, bits);
    yk_bits_and(bits, b->mask, b->n, bits);
    *ret_n = yk_bits_rows(bits, b->n, st->picked);
    return true;
}

/* Leaves out rows of the n picked; *ret_n are left. */
static int leave_out(rows *s, state *st, const yk_vec *v, uint32_t n, uint32_t *ret_n, yoke_error *err)
{
    const bool is_bytes = yk_kind_is_bytes(v->type.kind);
    yk_value   bound = is_bytes && st->has_bound ? bound_value(s, st) : (yk_value){0};
    uint32_t   kept = 0, added = 0; /* of those kept, in st->texts */
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = st->picked[i];
        bool     is_there = (!v->valid || (v->valid[row >> 6] >> (row & 63) & 1))
            && !(v->type.kind == YK_KIND_REAL && isnan(((const double *)v->values)[row]));
        st->picked[kept] = row;
        if (is_there) {
            uint64_t image = image_of(s, v, row);
            if (st->has_bound && is_late(s, st, v, row, image, &bound))
                continue;
            if (!is_bytes)
                add_least(st, s->o.head, image);
        }
        kept += is_there || !st->has_bound; /* missing ones come last */
        if (is_bytes && st->texts.n + kept - added >= least_room(s->o.head)) {
            YK_TRY(add_texts(s, st, v, st->picked + added, kept - added, err));
            added = kept;
            bound = st->has_bound ? bound_value(s, st) : bound;
        }
    }
    *ret_n = kept;
    return is_bytes ? add_texts(s, st, v, st->picked + added, kept - added, err) : 0;
}

/* Codes are of use where rows go on as they came, or to a sort. */
static int take_column(const rows *s, yk_eval *eval, size_t i, yk_vec *ret, yoke_error *err)
{
    if (s->sorted || s->o.to) {
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
    YK_TRY(begin_least(st, s->o.head, err));
    YK_TRY(take_column(s, b->eval, s->order[0].column, v, err));
    if (!has_bounds(s)) {
        *ret_n = list_rows(st, b);
        return 0;
    }
    uint32_t n;
    if (!list_early(s, st, b, v, &n))
        n = list_rows(st, b);
    return leave_out(s, st, v, n, ret_n, err);
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
    if (!s->o.sample)
        return 0;
    YK_TRY(begin_least(st, s->o.sample, err));
    return add_keys(s, st, b->first, &st->n_picked, err);
}

static int rows_look(yk_sink *base, void *state_, const yk_block *b, bool *ret_wants, yoke_error *err)
{
    state *st = state_;
    YK_TRY(pick((rows *)base, st, b, err));
    *ret_wants = st->n_picked > 0;
    return 0;
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
    YK_TRY(yk_batch_add(&st->now, st->vecs, st->has_picked ? st->picked : NULL, st->n_picked, err));
    if (s->o.sample && st->n_keys > 2 * s->o.sample + YK_BLOCK)
        return thin(&st->now, st->keys, &st->n_keys, s->o.sample, err);
    if (s->o.tail && st->now.n > 2 * s->o.tail + YK_BLOCK)
        return yk_batch_cut(&st->now, st->now.n - s->o.tail, s->o.tail, err);
    if (s->o.n_order && s->o.head && st->now.n > 2 * s->o.head)
        return sort_batch(s, &st->now, s->o.head, err);
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
    if (yk_batch_bytes(&st->texts) > idle) {
        forget_bound(st);
        yk_batch_shrink(&st->texts, idle);
    }
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
        YK_TRY(sort_batch(s, &s->all, s->o.head, err));
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
    base->is_done = false;
}

static void rows_free(yk_sink *base)
{
    rows *s = (rows *)base;
    yk_batch_fini(&s->all);
    yk_batch_fini(&s->spare);
    yk_buf_fini(&s->reach_text);
    yk_sorted_free(s->sorted);
    yk_free(s->keys);
    yk_free(s->order);
}

static const yk_sink_ops OPS = {
    .name = "rows", .bind = rows_bind, .known = rows_known, .facts = rows_facts, .glance = rows_glance, .open = rows_open,
    .close = rows_close, .begin = rows_begin, .look = rows_look, .block = rows_block, .end = rows_end, .fold = rows_fold,
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
    s->order = yk_memdup(opts->n_order ? (const void *)opts->order : "", opts->n_order ? opts->n_order * sizeof *opts->order : 1);
    if (!s->order)
        return yk_fail_nomem(err, "planning a scan");
    YK_TRY(yk_batch_init(&s->all, n, err));
    YK_TRY(yk_batch_init(&s->spare, n, err));
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
        YK_TRY(sort_batch(s, &s->all, s->o.head, err));
    if (s->o.sample)
        YK_TRY(thin(&s->all, s->keys, &s->n_keys, s->o.sample, err));
    if (s->o.head && s->all.n > s->o.head)
        YK_TRY(yk_batch_cut(&s->all, 0, s->o.head, err));
    if (s->o.tail && s->all.n > s->o.tail)
        YK_TRY(yk_batch_cut(&s->all, s->all.n - s->o.tail, s->o.tail, err));
    *ret = s->all;
    s->all = (yk_batch){0};
    return 0;
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
