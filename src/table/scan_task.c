/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A scan's tasks: rows are read block by block, the filters' columns first, then what the sinks ask for of the rows that pass.
 */
#include "table/scan_inside.h"

#include "numeric/reduce.h"

typedef yk_scan_plan    plan;
typedef yk_scan_outcome outcome;

typedef struct worker {
    yk_reader *reader;
    yk_eval   *eval;
    yk_vec    *vecs;   /* of each of the source's columns */
    uint64_t  *filled; /* the block (counted from 1) that vecs[i] is of */
    uint64_t   block;
    void     **states; /* of sinks */
    uint64_t   mask[YK_BLOCK / 64];
    bool       most_pass; /* the filters, of this task's last block */
    yk_skips   skips;
    yk_finder **finders; /* of lookups */
    uint64_t  *found;    /* the block that a finder is at */
    yk_vec    *keys;     /* scratch */
    uint64_t  *counts;   /* of a dictionary's codes, and one for missing */
    size_t     cap_counts;
} worker;

void yk_scan_stop(void *ctx, void *state)
{
    plan   *p = ctx;
    worker *w = state;
    if (!w)
        return;
    for (size_t i = 0; w->states && i < p->n_sinks; i++)
        if (w->states[i])
            p->sinks[i]->ops->close(p->sinks[i], w->states[i]);
    yk_free(w->states);
    yk_reader_close(w->reader);
    yk_eval_free(w->eval);
    yk_free(w->vecs);
    yk_free(w->filled);
    yk_skips_fini(&w->skips);
    for (size_t i = 0; w->finders && i < p->scan->n_lookups; i++)
        yk_finder_close(w->finders[i]);
    yk_free(w->finders);
    yk_free(w->found);
    yk_free(w->keys);
    yk_free(w->counts);
    yk_free(w);
}

static int open_worker(plan *p, worker *w, yoke_error *err)
{
    size_t n = p->n_fields;
    w->vecs = yk_new_array(yk_vec, n + 1);
    w->filled = yk_new_array(uint64_t, n + 1);
    w->states = yk_new_array(void *, p->n_sinks + 1);
    w->finders = yk_new_array(yk_finder *, p->scan->n_lookups + 1);
    w->found = yk_new_array(uint64_t, p->scan->n_lookups + 1);
    w->keys = yk_new_array(yk_vec, n + 1);
    if (!w->vecs || !w->filled || !w->states || !w->finders || !w->found || !w->keys)
        return yk_fail_nomem(err, "starting a scan");
    YK_TRY(yk_reader_open(p->scan->source, p->columns, p->n_columns, &w->reader, err));
    YK_TRY(yk_eval_new(p->program, &w->eval, err));
    for (size_t i = 0; i < p->n_sinks; i++)
        YK_TRY(p->sinks[i]->ops->open(p->sinks[i], &w->states[i], err));
    return 0;
}

int yk_scan_start(void *ctx, void **ret_state, yoke_error *err)
{
    worker *w = yk_new(worker);
    if (!w)
        return yk_fail_nomem(err, "starting a scan");
    int rc = open_worker(ctx, w, err);
    if (rc < 0) {
        yk_scan_stop(ctx, w);
        return rc;
    }
    *ret_state = w;
    return 0;
}

static int fill_column(plan *p, worker *w, uint32_t c, outcome *out, yoke_error *err)
{
    if (w->filled[c] == w->block)
        return 0;
    int rc = yk_reader_get(w->reader, c, &w->vecs[c], &out->retype, err);
    if (rc == YK_RETYPE)
        out->retype_column = c;
    if (rc == 0)
        w->filled[c] = w->block;
    return rc;
}

/* A column of a table that joins: its rows are found by the block's keys, once for all its columns. */
static int fill_joined(plan *p, worker *w, uint32_t field, uint32_t n_rows, outcome *out, yoke_error *err)
{
    size_t          i = 0;
    const uint32_t *keys = p->keys;
    for (; i + 1 < p->scan->n_lookups && p->first_field[i + 1] <= field; i++)
        keys += p->scan->lookups[i]->n_keys;
    const yk_lookup *l = p->scan->lookups[i];
    if (!w->finders[i])
        YK_TRY(yk_finder_open(l, &w->finders[i], err));
    if (w->found[i] != w->block) {
        for (size_t k = 0; k < l->n_keys; k++) {
            YK_TRY(fill_column(p, w, keys[k], out, err));
            w->keys[k] = w->vecs[keys[k]];
        }
        YK_TRY(yk_finder_block(w->finders[i], w->keys, n_rows, err));
        w->found[i] = w->block;
    }
    yk_finder_get(w->finders[i], field - p->first_field[i], &w->vecs[field]);
    return 0;
}

/* Fills in the columns that a root reads. */
static int fill(plan *p, worker *w, size_t root, uint32_t n_rows, outcome *out, yoke_error *err)
{
    size_t          n;
    const uint32_t *columns = yk_program_columns(p->program, root, &n);
    for (size_t i = 0; i < n; i++) {
        if (columns[i] < p->scan->source->n_columns)
            YK_TRY(fill_column(p, w, columns[i], out, err));
        else
            YK_TRY(fill_joined(p, w, columns[i], n_rows, out, err));
    }
    return 0;
}

/* Looks for a value where none has been met yet. */
static int fill_unseen(plan *p, worker *w, outcome *out, yoke_error *err)
{
    for (size_t i = 0; i < p->n_unseen; i++) {
        yk_vec v;
        int    rc = yk_reader_get(w->reader, p->unseen[i], &v, &out->retype, err);
        if (rc == YK_RETYPE)
            out->retype_column = p->unseen[i];
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Rows that are none pass no filter. */
static void leave_out_bad(worker *w, const uint64_t *bad, yk_block *b, outcome *out)
{
    for (uint32_t i = 0; i < (b->n + 63) / 64; i++)
        w->mask[i] = ~bad[i];
    if (b->n & 63)
        w->mask[b->n >> 6] &= ((uint64_t)1 << (b->n & 63)) - 1;
    b->mask = w->mask;
    b->n_pass = yk_bits_count(w->mask, b->n);
    out->n_bad += b->n - b->n_pass;
}

/* Of those that passed so far, the rows of `bits` pass, `count` of the whole block. */
static void narrow(worker *w, const uint64_t *bits, uint32_t count, yk_block *b)
{
    if (count == b->n)
        return;
    if (b->mask) {
        yk_bits_and(b->mask, bits, b->n, w->mask);
        b->n_pass = yk_bits_count(w->mask, b->n);
    } else {
        memcpy(w->mask, bits, (b->n + 63) / 64 * 8);
        b->n_pass = count;
    }
    b->mask = w->mask;
}

/* The bits of those rows of the block that are in an ascending list; how many there are. */
static uint32_t find_listed(const uint64_t *list, size_t n, const yk_block *b, uint64_t *bits)
{
    uint32_t count = 0;
    memset(bits, 0, (b->n + 63) / 64 * sizeof *bits);
    for (size_t i = yk_rows_from(list, n, b->first); i < n && list[i] - b->first < b->n; i++, count++)
        bits[(list[i] - b->first) >> 6] |= (uint64_t)1 << ((list[i] - b->first) & 63);
    return count;
}

/* Rows that are not wanted at all pass no filter. */
static void leave_out_listed(worker *w, const yk_scan_rows *rows, yk_block *b)
{
    uint64_t bits[YK_BLOCK / 64];
    uint32_t count;
    if (rows->only)
        narrow(w, bits, find_listed(rows->only, rows->n_only, b, bits), b);
    if (!rows->n_without || !(count = find_listed(rows->without, rows->n_without, b, bits)))
        return;
    for (uint32_t i = 0; i < (b->n + 63) / 64; i++)
        bits[i] = ~bits[i];
    if (b->n & 63)
        bits[b->n >> 6] &= ((uint64_t)1 << (b->n & 63)) - 1;
    narrow(w, bits, b->n - count, b);
}

/* Which rows of the block pass all filters; b->mask stays NULL when all do. */
static int filter(plan *p, worker *w, yk_block *b, outcome *out, yoke_error *err)
{
    const yk_scan  *s = p->scan;
    const uint64_t *bad = NULL;
    if (s->source->has_csv) /* whether or not a column is read */
        YK_TRY(yk_reader_bad(w->reader, &bad, err));
    if (bad)
        leave_out_bad(w, bad, b, out);
    leave_out_listed(w, &s->rows, b);
    for (size_t i = 0; i < s->n_filters && b->n_pass; i++) {
        const uint64_t *bits;
        uint32_t        count;
        YK_TRY(fill(p, w, i, b->n, out, err));
        yk_eval_mask(w->eval, b->mask);
        YK_TRY(yk_eval_filter(w->eval, i, &bits, &count, err));
        narrow(w, bits, count, b);
    }
    yk_eval_mask(w->eval, b->mask);
    return 0;
}

static void pass_all(plan *p, worker *w, uint64_t n)
{
    for (size_t i = 0; i < p->n_sinks; i++)
        if (p->sinks[i]->ops->pass)
            p->sinks[i]->ops->pass(p->sinks[i], w->states[i], n);
}

/* Gives the block to a sink, unless that wants none of it. */
static int feed(plan *p, worker *w, size_t sink, const yk_block *b, outcome *out, yoke_error *err)
{
    yk_sink *s = p->sinks[sink];
    bool     wants = true;
    if (s->is_lazy) {
        if (s->look < s->n_roots)
            YK_TRY(fill(p, w, s->root + s->look, b->n, out, err));
        YK_TRY(s->ops->look(s, w->states[sink], b, &wants, err));
    }
    for (size_t r = 0; r < s->n_roots && wants; r++)
        YK_TRY(fill(p, w, s->root + r, b->n, out, err));
    return wants ? s->ops->block(s, w->states[sink], b, err) : 0;
}

/* Where most rows pass the filters a pair of columns that one of them reads too is had out before. */
static int compute_pair(plan *p, worker *w, uint32_t n, outcome *out, yoke_error *err)
{
    if (p->pair < 0 || !w->most_pass)
        return 0;
    YK_TRY(fill(p, w, (size_t)p->pair, n, out, err));
    return yk_eval_pair(w->eval, (size_t)p->pair, err);
}

static int one_block(plan *p, worker *w, uint64_t first, uint32_t n, outcome *out, yoke_error *err)
{
    yk_block b = {.first = first, .n = n, .n_pass = n, .eval = w->eval};
    w->block++;
    yk_reader_block(w->reader, n);
    yk_eval_block(w->eval, w->vecs, n);
    YK_TRY(fill_unseen(p, w, out, err));
    YK_TRY(compute_pair(p, w, n, out, err));
    YK_TRY(filter(p, w, &b, out, err));
    w->most_pass = b.n_pass > n / 2;
    out->n_read += n;
    out->n_passed += b.n_pass;
    if (b.n_pass == 0) {
        pass_all(p, w, n);
        return 0;
    }
    for (size_t i = 0; i < p->n_sinks; i++)
        YK_TRY(feed(p, w, i, &b, out, err));
    return 0;
}

/* ---- counting: where every filter and every result depends on one column, and none on the order of rows, what a dictionary's codes
 * stand for is looked at once, as a block in which each row stands for as many as have its code */

/* A block of these values, of which the i-th stands for times[i] rows. */
static int one_counted(plan *p, worker *w, const yk_vec *values, const uint64_t *times, outcome *out, yoke_error *err)
{
    yk_block b = {.n = values->n, .eval = w->eval, .mask = w->mask};
    memset(w->mask, 0, (b.n + 63) / 64 * sizeof *w->mask);
    for (uint32_t i = 0; i < b.n; i++)
        w->mask[i >> 6] |= (uint64_t)(times[i] != 0) << (i & 63);
    b.n_pass = yk_bits_count(w->mask, b.n);
    w->block++;
    w->vecs[p->counted] = *values;
    w->filled[p->counted] = w->block;
    yk_eval_block(w->eval, w->vecs, b.n);
    YK_TRY(filter(p, w, &b, out, err));
    uint64_t passing[YK_BLOCK];
    for (uint32_t i = 0; i < b.n; i++) {
        passing[i] = times[i] & (0 - (w->mask[i >> 6] >> (i & 63) & 1));
        out->n_read += times[i];
        out->n_passed += passing[i];
    }
    for (size_t i = 0; i < p->n_sinks && b.n_pass; i++)
        YK_TRY(p->sinks[i]->ops->times(p->sinks[i], w->states[i], &b, passing, err));
    return 0;
}

/* Counts the next rows, *ret_n of at most `most`: none where they are not coded, or with so large a dictionary that it is not worth it. */
static int count_rows(plan *p, worker *w, uint64_t most, uint64_t *ret_n, outcome *out, yoke_error *err)
{
    static const uint64_t nothing[2];
    const yk_dict        *dict;
    yk_type               type;
    YK_TRY(yk_reader_coded(w->reader, (uint32_t)p->counted, most, &dict, &type, ret_n, err));
    if (*ret_n < YK_BLOCK || *ret_n / 2 < dict->n) {
        *ret_n = 0;
        return 0;
    }
    if (!yk_grow(&w->counts, &w->cap_counts, (size_t)dict->n + 1, sizeof *w->counts))
        return yk_fail_nomem(err, "counting values");
    memset(w->counts, 0, ((size_t)dict->n + 1) * sizeof *w->counts);
    YK_TRY(yk_reader_count(w->reader, (uint32_t)p->counted, *ret_n, w->counts, &w->counts[dict->n], err));
    for (uint32_t at = 0; at < dict->n; at += YK_BLOCK) {
        uint32_t n = dict->n - at < YK_BLOCK ? dict->n - at : YK_BLOCK;
        yk_vec   v = {.type = type, .n = n, .values = (const char *)dict->values + at * yk_kind_size(type.kind)};
        YK_TRY(one_counted(p, w, &v, w->counts + at, out, err));
    }
    yk_vec missing = {.type = type, .n = 1, .values = nothing, .valid = nothing, .is_const = true};
    return w->counts[dict->n] ? one_counted(p, w, &missing, &w->counts[dict->n], out, err) : 0;
}

int yk_scan_skips(const plan *p, void *state, uint64_t first, uint64_t n, yk_skips *skips, yoke_error *err)
{
    skips->n = 0;
    if (p->n_unseen) /* that they are missing throughout is a guess, and filters take it for true */
        return 0;
    for (size_t i = 0; i < p->scan->n_filters; i++) {
        size_t         n_facts;
        const yk_fact *facts = yk_program_facts(p->program, i, &n_facts);
        YK_TRY(yk_skips_find(skips, p->scan->source, facts, n_facts, first, n, err));
    }
    yk_fact wanted[2];
    size_t  n_wanted = yk_scan_facts(p->scan->source, p->sinks, p->n_sinks, state, wanted);
    if (p->scan->rows.only)
        YK_TRY(yk_skips_others(skips, p->scan->rows.only, p->scan->rows.n_only, first, n, err));
    return yk_skips_find(skips, p->scan->source, wanted, n_wanted, first, n, err);
}

/* Goes on by rows [at, at + *ret_n), which lie before `end`: many that are counted together, or a block of them. */
static int next_rows(plan *p, worker *w, uint64_t at, uint64_t end, uint64_t *ret_n, outcome *out, yoke_error *err)
{
    *ret_n = 0;
    if (p->counted >= 0 && !w->skips.n)
        YK_TRY(count_rows(p, w, end - at, ret_n, out, err));
    if (*ret_n)
        return 0;
    *ret_n = end - at < YK_BLOCK ? end - at : YK_BLOCK;
    if (!w->skips.n || !yk_skips_cover(&w->skips, at, *ret_n))
        return one_block(p, w, at, (uint32_t)*ret_n, out, err);
    yk_reader_skip(w->reader, *ret_n);
    pass_all(p, w, *ret_n);
    out->n_skipped += *ret_n;
    return 0;
}

static int run_blocks(plan *p, yk_task *t, worker *w, uint64_t first, uint64_t end, outcome *out, yoke_error *err)
{
    YK_TRY(yk_scan_skips(p, w->states[0], first, end - first, &w->skips, err));
    yk_reader_seek(w->reader, first, end - first);
    for (uint64_t at = first, n; at < end; at += n) {
        YK_TRY(next_rows(p, w, at, end, &n, out, err));
        if (yk_task_is_canceled(t))
            return yk_fail(err, YOKE_ECANCELED, "cancelled");
    }
    return 0;
}

/* What the sinks found, each with its size before it. */
static int end_task(plan *p, yk_task *t, worker *w, yoke_error *err)
{
    yk_buf *bytes = yk_task_bytes(t);
    for (size_t i = 0; i < p->n_sinks && bytes; i++) {
        uint64_t size;
        size_t   at = bytes->len;
        yk_buf_append(bytes, &(uint64_t){0}, sizeof size);
        YK_TRY(p->sinks[i]->ops->end(p->sinks[i], w->states[i], bytes, err));
        if (bytes->is_failed)
            break;
        size = bytes->len - at - sizeof size;
        memcpy(bytes->data + at, &size, sizeof size);
    }
    return yk_task_emit(t, NULL, 0, err);
}

int yk_scan_task(void *ctx, yk_task *t, void *ret_out, yoke_error *err)
{
    plan    *p = ctx;
    worker  *w = yk_task_state(t);
    outcome *out = ret_out;
    uint64_t first = p->first + yk_task_index(t) * p->task_rows, end = p->first + p->n;
    if (end - first > p->task_rows)
        end = first + p->task_rows;
    out->retype_column = -1;
    w->most_pass = false;
    for (size_t i = 0; i < p->n_sinks; i++)
        YK_TRY(p->sinks[i]->ops->begin(p->sinks[i], w->states[i], first, err));
    int rc = run_blocks(p, t, w, first, end, out, err);
    if (p->rests)
        yk_reader_rest(w->reader);
    if (rc == YK_RETYPE)
        return 0;
    YK_TRY(rc);
    return end_task(p, t, w, err);
}
