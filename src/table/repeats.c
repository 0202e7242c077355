/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A scan takes a hash of each row, and where rows are many and hardly two of them the same that is all that is kept of most: only where
 * two hashes are equal the rows themselves are looked at, in a second scan that reads no others. Few rows are tried before all.
 */
#include "table/repeats.h"

#include "numeric/reduce.h"
#include "table/rows.h"
#include "table/spill.h"
#include "table/table_rows.h"

enum { PARTS = 256 }; /* by the upper bits of a hash: one at a time is looked at, and fits the caches */
enum { FEW = 16 /* one of so many rows, at most */ };
static const uint64_t tries[] = {8 * YK_BLOCK, YK_TASK_ROWS / 4}; /* rows */

/* ---- the sink of hashes. A task's bytes: a head, then hashes, part by part, then in the same order the rows they are of, counted from the
 * task's first */

typedef struct head {
    uint64_t first; /* row of the task */
    uint32_t begin[PARTS + 1], n; /* of parts, in hashes; n is the last again */
} head;
_Static_assert(sizeof(head) % 8 == 0, "hashes lie behind it");

typedef struct hashes {
    yk_sink  base;
    yk_spill spill;
    head    *heads; /* of each piece; owned */
    size_t   cap_heads;
    uint64_t n_rows;
} hashes;

typedef struct state {
    yk_groups *rows; /* of a block */
    yk_vec    *vecs;
    uint64_t   first;
    uint64_t  *hashes;
    uint32_t  *numbers;
    size_t     n, cap, cap_numbers;
} state;

static void hashes_close(yk_sink *base, void *state_)
{
    state *st = state_;
    yk_groups_free(st->rows);
    yk_free(st->vecs);
    yk_free(st->hashes);
    yk_free(st->numbers);
    yk_free(st);
}

static int hashes_open(yk_sink *base, void **ret, yoke_error *err)
{
    YK_AUTOFREE yk_type *types = yk_new_array(yk_type, base->n_roots + 1);
    state               *st = yk_new(state);
    if (!st || !types) {
        yk_free(st);
        return yk_fail_nomem(err, "starting a scan");
    }
    *ret = st;
    for (size_t i = 0; i < base->n_roots; i++)
        types[i] = yk_sink_type(base, i);
    st->vecs = yk_new_array(yk_vec, base->n_roots + 1);
    return st->vecs ? yk_groups_new(types, base->n_roots, &st->rows, err) : yk_fail_nomem(err, "starting a scan");
}

static int hashes_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state *st = state_;
    st->first = first;
    st->n = 0;
    return 0;
}

static int hashes_block(yk_sink *base, void *state_, const yk_block *b, yoke_error *err)
{
    state   *st = state_;
    uint32_t n = b->n_pass, offset = (uint32_t)(b->first - st->first);
    YK_TRY(yk_sink_values(base, b->eval, base->n_roots, st->vecs, err));
    yk_groups_clear(st->rows);
    YK_TRY(yk_groups_append(st->rows, st->vecs, b->mask, b->n, err));
    if (!yk_grow(&st->hashes, &st->cap, st->n + n, sizeof *st->hashes)
        || !yk_grow(&st->numbers, &st->cap_numbers, st->n + YK_BLOCK, sizeof *st->numbers))
        return yk_fail_nomem(err, "looking for rows that are the same");
    yk_groups_hash_groups(st->rows, base->n_roots, 0, n, st->hashes + st->n);
    uint32_t *numbers = st->numbers + st->n;
    if (b->mask)
        yk_bits_rows(b->mask, b->n, numbers);
    for (uint32_t i = 0; i < n; i++)
        numbers[i] = offset + (b->mask ? numbers[i] : i);
    st->n += n;
    return 0;
}

static uint32_t part_of(uint64_t hash) { return (uint32_t)(hash >> 56); }

static int hashes_end(yk_sink *base, void *state_, yk_buf *to, yoke_error *err)
{
    const state *st = state_;
    head         h = {.first = st->first, .n = (uint32_t)st->n};
    char        *at = yk_buf_extend(to, sizeof h + st->n * (sizeof *st->hashes + sizeof *st->numbers));
    uint32_t     next[PARTS];
    if (!at)
        return yk_fail_nomem(err, "looking for rows that are the same");
    for (size_t i = 0; i < st->n; i++)
        h.begin[part_of(st->hashes[i]) + 1]++;
    for (uint32_t p = 0; p < PARTS; p++)
        h.begin[p + 1] += next[p] = h.begin[p];
    memcpy(at, &h, sizeof h);
    char *numbers = (at += sizeof h) + st->n * sizeof *st->hashes;
    for (size_t i = 0; i < st->n; i++) {
        uint32_t to_row = next[part_of(st->hashes[i])]++;
        memcpy(at + to_row * sizeof *st->hashes, &st->hashes[i], sizeof *st->hashes);
        memcpy(numbers + to_row * sizeof *st->numbers, &st->numbers[i], sizeof *st->numbers);
    }
    return 0;
}

static int hashes_fold(yk_sink *base, const void *bytes, size_t n, yoke_error *err)
{
    hashes *s = (hashes *)base;
    if (!yk_grow(&s->heads, &s->cap_heads, s->spill.n + 1, sizeof *s->heads))
        return yk_fail_nomem(err, "looking for rows that are the same");
    memcpy(&s->heads[s->spill.n], bytes, sizeof *s->heads);
    s->n_rows += s->heads[s->spill.n].n;
    return yk_spill_add(&s->spill, bytes, n, err);
}

static void hashes_reset(yk_sink *base)
{
    hashes *s = (hashes *)base;
    yk_spill_fini(&s->spill);
    s->n_rows = 0;
}

static void hashes_free(yk_sink *base)
{
    hashes_reset(base);
    yk_free(((hashes *)base)->heads);
}

static const yk_sink_ops OPS = {
    .name = "hashes", .open = hashes_open, .close = hashes_close, .begin = hashes_begin, .block = hashes_block, .end = hashes_end,
    .fold = hashes_fold, .reset = hashes_reset, .free = hashes_free,
};

static int hashes_new(const yk_expr *const *columns, size_t n, uint64_t memory, yk_sink **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink *base = (yk_sink *)yk_new(hashes);
    if (!base)
        return yk_fail_nomem(err, "planning a scan");
    base->ops = &OPS;
    base->has_cuts = true;
    base->per_row = 2 * (sizeof(uint64_t) + sizeof(uint32_t));
    yk_spill_init(&((hashes *)base)->spill, yk_memory_kept(memory));
    for (size_t i = 0; i < n; i++)
        YK_TRY(yk_sink_add(base, columns[i], YK_WANT_ANY, err));
    *ret = YK_TAKE(base);
    return 0;
}

/* ---- rows whose hashes are equal */

typedef struct numbers {
    yk_repeats found;
    size_t     cap, most;
    bool       are_many; /* more than most: they are not listed */
} numbers;

/* A part's hashes and rows, in the order of rows. */
typedef struct part {
    uint64_t *hashes, *rows;
    uint32_t *slots; /* 0, or the first of those with a hash + 1 */
    uint8_t  *is_same;
    uint32_t  n, n_slots;
} part;

static void part_fini(part *p)
{
    yk_free(p->hashes);
    yk_free(p->rows);
    yk_free(p->slots);
    yk_free(p->is_same);
}

static int read_part(const hashes *s, uint32_t number, part *p, yoke_error *err)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->spill.n; i++)
        n += s->heads[i].begin[number + 1] - s->heads[i].begin[number];
    for (p->n_slots = 2; p->n_slots < 2 * n && p->n_slots < 1u << 31; p->n_slots *= 2)
        ;
    if (n >= p->n_slots)
        return yk_fail(err, YOKE_ELIMIT, "too many rows to compare");
    p->hashes = yk_new_array(uint64_t, n + 1);
    p->rows = yk_new_array(uint64_t, n + 1);
    p->slots = yk_new_array(uint32_t, p->n_slots);
    p->is_same = yk_calloc(n + 1, 1);
    if (!p->hashes || !p->rows || !p->slots || !p->is_same)
        return yk_fail_nomem(err, "looking for rows that are the same");
    for (size_t i = 0; i < s->spill.n; i++) {
        const head *h = &s->heads[i];
        uint32_t    some = h->begin[number + 1] - h->begin[number], row;
        uint64_t   *rows = p->rows + p->n, at = sizeof *h + h->begin[number] * sizeof *p->hashes;
        YK_TRY(yk_spill_read(&s->spill, i, at, p->hashes + p->n, some * sizeof *p->hashes, err));
        at = sizeof *h + h->n * sizeof *p->hashes + h->begin[number] * sizeof row;
        YK_TRY(yk_spill_read(&s->spill, i, at, rows, some * sizeof row, err));
        for (uint32_t k = some; k-- > 0; rows[k] = h->first + row) /* from the last on: they lie in half the room */
            memcpy(&row, (const char *)rows + k * sizeof row, sizeof row);
        p->n += some;
    }
    return 0;
}

/* Marks the rows whose hash others have too. */
static uint32_t mark_same(part *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t at = (uint32_t)(p->hashes[i] & (p->n_slots - 1)), first;
        while ((first = p->slots[at]) && p->hashes[first - 1] != p->hashes[i])
            at = (at + 1) & (p->n_slots - 1);
        if (!first) {
            p->slots[at] = i + 1;
            continue;
        }
        n += 1 + !p->is_same[first - 1];
        p->is_same[first - 1] = p->is_same[i] = 1;
    }
    return n;
}

static int part_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    YK_CLEANUP(part_fini) part p = {0};
    YK_TRY(read_part(ctx, (uint32_t)yk_task_index(t), &p, err));
    uint32_t  n = mark_same(&p), k = 0;
    uint64_t *same = yk_arena_alloc(yk_task_arena(t), n * sizeof *same + 1);
    if (!same)
        return yk_fail_nomem(err, "looking for rows that are the same");
    for (uint32_t i = 0; i < p.n; i++)
        if (p.is_same[i])
            same[k++] = p.rows[i];
    return yk_task_emit(t, same, n * sizeof *same, err);
}

static int part_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    numbers    *same = ctx;
    yk_repeats *to = &same->found;
    size_t      n = r->n_bytes / sizeof *to->list;
    same->are_many |= n > same->most - to->n;
    if (same->are_many)
        return 0;
    if (!yk_grow(&to->list, &same->cap, to->n + n + 1, sizeof *to->list))
        return yk_fail_nomem(err, "looking for rows that are the same");
    memcpy(to->list + to->n, r->bytes, r->n_bytes);
    to->n += n;
    return 0;
}

/* Of the table's first n rows (0: all), those that may be the same as others, ascending. */
static int find_same(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, uint64_t n, numbers *ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    YK_TRY(hashes_new(columns, n_columns, yk_table_memory(t), &sink, err));
    YK_TRY(yk_table_run_sink(t, &sink, (yk_scan_rows){.n = n}, &scan, err));
    const hashes *s = (hashes *)sink;
    ret->found.n = 0;
    ret->found.n_rows = s->n_rows;
    ret->most = s->n_rows / FEW;
    yk_stage st = {.name = "same rows", .n = PARTS, .ctx = sink, .task = part_task, .fold = part_fold, .fold_ctx = ret,
                   .max_held = yk_memory_running(yk_table_memory(t)), .expected = s->n_rows / PARTS * 32};
    YK_TRY(yk_stage_run(t->session, &st, err));
    yk_rows_sort(ret->found.list, ret->found.n);
    return 0;
}

/* ---- rows that are the same */

/* Of these rows, their numbers behind their columns, those that equal an earlier one: their numbers. */
static int find_repeats(const yk_batch *rows, uint64_t *ret, size_t *ret_n, yoke_error *err)
{
    YK_CLEANUP(yk_groups_freep) yk_groups *g = NULL;
    YK_CLEANUP(yk_arena_fini) yk_arena     arena = {0};
    const size_t                           n_columns = rows->n_columns - 1;
    YK_AUTOFREE yk_type                   *types = yk_new_array(yk_type, n_columns + 1);
    YK_AUTOFREE yk_vec                    *vecs = yk_new_array(yk_vec, n_columns + 2);
    if (!types || !vecs)
        return yk_fail_nomem(err, "looking for rows that are the same");
    for (size_t c = 0; c < n_columns; c++)
        types[c] = rows->columns[c].type;
    YK_TRY(yk_groups_new(types, n_columns, &g, err));
    *ret_n = 0;
    for (uint64_t at = 0; at < rows->n; at += YK_BLOCK) {
        uint32_t n = rows->n - at < YK_BLOCK ? (uint32_t)(rows->n - at) : YK_BLOCK, groups[YK_BLOCK], known = yk_groups_count(g);
        YK_TRY(yk_batch_block(rows, at, n, &arena, vecs, err));
        YK_TRY(yk_groups_number(g, vecs, NULL, n, groups, err));
        for (uint32_t i = 0; i < n; i++) {
            if (groups[i] == known) /* new ones are numbered as they come */
                known++;
            else
                ret[(*ret_n)++] = (uint64_t)((const int64_t *)vecs[n_columns].values)[i];
        }
        yk_arena_clear(&arena);
    }
    return 0;
}

/* Looks at the rows that may be the same, and keeps those in the list that are. *ret_done false: they do not fit the memory. */
static int keep_repeats(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, yk_repeats *same, bool *ret_done,
                        yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink     *sink = NULL;
    YK_CLEANUP(yk_table_scan_fini) yk_scan scan = {0};
    YK_CLEANUP(yk_batch_fini) yk_batch     rows = {0};
    yoke_error                             why = YOKE_ERROR_INIT;
    unsigned                               workers = yoke_session_workers(t->session);
    yk_rows_opts                           o = {.memory = yk_table_memory(t), .workers = workers, .is_numbered = true};
    YK_TRY(yk_rows_new(columns, n_columns, &o, &sink, err));
    int rc = yk_table_run_sink(t, &sink, (yk_scan_rows){.only = same->list, .n_only = same->n}, &scan, &why);
    *ret_done = rc != YOKE_ELIMIT;
    if (rc < 0)
        return *ret_done ? yk_fail(err, rc, "%s", why.text) : 0;
    YK_TRY(yk_rows_take(sink, &scan, &rows, err));
    return find_repeats(&rows, same->list, &same->n, err);
}

int yk_repeats_are_worth_it(const yoke_table *t, uint64_t least, bool *ret, yoke_error *err)
{
    YK_TRY(yk_source_count(t->source, t->session, &t->opts, err));
    *ret = t->source->n_rows >= least;
    return 0;
}

int yk_repeats_seem_few(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, bool *ret, yoke_error *err)
{
    numbers same = {0};
    int     rc = 0;
    for (size_t i = 0; i < sizeof tries / sizeof *tries && rc == 0 && !same.are_many; i++)
        rc = find_same(t, columns, n_columns, tries[i], &same, err);
    yk_free(same.found.list);
    *ret = !same.are_many;
    return rc;
}

int yk_repeats_with_firsts(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, uint64_t n_first, bool *ret_are_few,
                           yk_repeats *ret, yoke_error *err)
{
    numbers same = {0};
    int     rc = find_same(t, columns, n_columns, n_first, &same, err);
    *ret_are_few = rc == 0 && !same.are_many;
    if (!*ret_are_few) {
        yk_free(same.found.list);
        same.found = (yk_repeats){0};
    }
    *ret = same.found;
    return rc;
}

int yk_repeats_find(const yoke_table *t, const yk_expr *const *columns, size_t n_columns, uint64_t n_first, bool *ret_are_few,
                    yk_repeats *ret, yoke_error *err)
{
    YK_TRY(yk_repeats_with_firsts(t, columns, n_columns, n_first, ret_are_few, ret, err));
    int rc = ret->n ? keep_repeats(t, columns, n_columns, ret, ret_are_few, err) : 0;
    if (rc < 0 || !*ret_are_few) {
        yk_free(ret->list);
        *ret = (yk_repeats){0};
    }
    return rc;
}
