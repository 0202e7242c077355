/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/table_scan.h"

#include "base/clock.h"
#include "numeric/reduce.h"
#include "table/fit.h"

/* What is fixed before the tasks of one scan run. */
typedef struct plan {
    yk_scan    *scan;
    yk_program *program;
    yk_sink   **sinks; /* those of the scan that still want rows */
    size_t      n_sinks;
    uint32_t   *columns; /* all that any root reads, ascending */
    size_t      n_columns;
    uint32_t   *unseen; /* columns of CSV files in which no value has been met yet: read, so that one is */
    size_t      n_unseen;
    size_t      n_fields;    /* columns of the source and of what joins it */
    size_t     *first_field; /* of each lookup */
    uint32_t   *keys;        /* of all lookups, one after the other: columns of the source */
    int64_t     counted;     /* the column of which all that is asked can be told from how often its values come; -1: there is none */
    uint64_t    first, n, task_rows;
    uint64_t    row_bytes; /* find_row_bytes */
    uint64_t    n_folded; /* rows */
    uint64_t    n_bad;
    bool        rests; /* workers hold no pages between tasks */
    int64_t     retype_column; /* -1, or what to widen before starting over */
    yk_type     retype;
} plan;

typedef struct worker {
    yk_reader *reader;
    yk_eval   *eval;
    yk_vec    *vecs;   /* of each of the source's columns */
    uint64_t  *filled; /* the block (counted from 1) that vecs[i] is of */
    uint64_t   block;
    void     **states; /* of sinks */
    uint64_t   mask[YK_BLOCK / 64];
    yk_skips   skips;
    yk_finder **finders; /* of lookups */
    uint64_t  *found;    /* the block that a finder is at */
    yk_vec    *keys;     /* scratch */
    uint64_t  *counts;   /* of a dictionary's codes, and one for missing */
    size_t     cap_counts;
} worker;

/* The fixed part of a task's result. */
typedef struct outcome {
    int64_t  retype_column;
    yk_type  retype;
    uint64_t n_read, n_skipped, n_passed, n_bad;
} outcome;

int yk_sink_add(yk_sink *s, const yk_expr *e, yk_want want, yoke_error *err)
{
    yk_root root = {e, want};
    return yk_push(&s->roots, &s->n_roots, &s->cap_roots, root) ? 0 : yk_fail_nomem(err, "planning a scan");
}

size_t yk_scan_facts(const yk_source *s, yk_sink *const *sinks, size_t n_sinks, void *state, yk_fact ret[2])
{
    bool is_lone = n_sinks == 1 && !s->has_csv && sinks[0]->ops->facts;
    return is_lone ? sinks[0]->ops->facts(sinks[0], state, ret) : 0;
}

/* ---- a worker */

static void stop_worker(void *ctx, void *state)
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

static int start_worker(void *ctx, void **ret_state, yoke_error *err)
{
    worker *w = yk_new(worker);
    if (!w)
        return yk_fail_nomem(err, "starting a scan");
    int rc = open_worker(ctx, w, err);
    if (rc < 0) {
        stop_worker(ctx, w);
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

/* Which rows of the block pass all filters; b->mask stays NULL when all do. */
static int filter(plan *p, worker *w, yk_block *b, outcome *out, yoke_error *err)
{
    const yk_scan  *s = p->scan;
    const uint64_t *bad = NULL;
    if (s->source->has_csv) /* whether or not a column is read */
        YK_TRY(yk_reader_bad(w->reader, &bad, err));
    if (bad) {
        for (uint32_t i = 0; i < (b->n + 63) / 64; i++)
            w->mask[i] = ~bad[i];
        if (b->n & 63)
            w->mask[b->n >> 6] &= ((uint64_t)1 << (b->n & 63)) - 1;
        b->mask = w->mask;
        b->n_pass = yk_bits_count(w->mask, b->n);
        out->n_bad += b->n - b->n_pass;
    }
    for (size_t i = 0; i < s->n_filters && b->n_pass; i++) {
        const uint64_t *bits;
        uint32_t        count;
        YK_TRY(fill(p, w, i, b->n, out, err));
        yk_eval_mask(w->eval, b->mask);
        YK_TRY(yk_eval_filter(w->eval, i, &bits, &count, err));
        if (count == b->n)
            continue;
        if (b->mask) {
            yk_bits_and(b->mask, bits, b->n, w->mask);
            b->n_pass = yk_bits_count(w->mask, b->n);
        } else {
            memcpy(w->mask, bits, (b->n + 63) / 64 * 8);
            b->n_pass = count;
        }
        b->mask = w->mask;
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

static int one_block(plan *p, worker *w, uint64_t first, uint32_t n, outcome *out, yoke_error *err)
{
    yk_block b = {.first = first, .n = n, .n_pass = n, .eval = w->eval};
    w->block++;
    yk_reader_block(w->reader, n);
    yk_eval_block(w->eval, w->vecs, n);
    YK_TRY(fill_unseen(p, w, out, err));
    YK_TRY(filter(p, w, &b, out, err));
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

/* What filters and the sink leave out of rows [first, first + n). `state`: of the first sink, or NULL. */
static int find_skips(const plan *p, void *state, uint64_t first, uint64_t n, yk_skips *skips, yoke_error *err)
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
    return yk_skips_find(skips, p->scan->source, wanted, n_wanted, first, n, err);
}

static int run_blocks(plan *p, yk_task *t, worker *w, uint64_t first, uint64_t end, outcome *out, yoke_error *err)
{
    YK_TRY(find_skips(p, w->states[0], first, end - first, &w->skips, err));
    yk_reader_seek(w->reader, first, end - first);
    for (uint64_t at = first; at < end;) {
        uint64_t n = 0;
        if (p->counted >= 0 && !w->skips.n)
            YK_TRY(count_rows(p, w, end - at, &n, out, err));
        if (n == 0) {
            n = end - at < YK_BLOCK ? end - at : YK_BLOCK;
            if (w->skips.n && yk_skips_cover(&w->skips, at, n)) {
                yk_reader_skip(w->reader, n);
                pass_all(p, w, n);
                out->n_skipped += n;
            } else {
                YK_TRY(one_block(p, w, at, (uint32_t)n, out, err));
            }
        }
        at += n;
        if (yk_task_is_canceled(t))
            return yk_fail(err, YOKE_ECANCELED, "cancelled");
    }
    return 0;
}

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

static int scan_task(void *ctx, yk_task *t, void *ret_out, yoke_error *err)
{
    plan    *p = ctx;
    worker  *w = yk_task_state(t);
    outcome *out = ret_out;
    uint64_t first = p->first + yk_task_index(t) * p->task_rows, end = p->first + p->n;
    if (end - first > p->task_rows)
        end = first + p->task_rows;
    out->retype_column = -1;
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

/* ---- the caller */

enum { ENOUGH = -1001 }; /* ends the stage without being an error */

static int scan_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    plan          *p = ctx;
    const outcome *out = r->out;
    if (out->retype_column >= 0) {
        p->retype_column = out->retype_column;
        p->retype = out->retype;
        return ENOUGH;
    }
    yoke_table_stats *st = p->scan->stats;
    st->rows_read += out->n_read;
    st->rows_skipped += out->n_skipped;
    st->rows_passed += out->n_passed;
    p->n_bad += out->n_bad;
    const char *at = r->bytes;
    bool        is_done = true;
    for (size_t i = 0; i < p->n_sinks; i++) {
        uint64_t size;
        memcpy(&size, at, sizeof size);
        at += sizeof size;
        if (!p->sinks[i]->is_done)
            YK_TRY(p->sinks[i]->ops->fold(p->sinks[i], at, (size_t)size, err));
        at += size;
        is_done &= p->sinks[i]->is_done;
    }
    p->n_folded += out->n_read + out->n_skipped;
    if (p->scan->opts->progress && p->scan->opts->progress(p->scan->opts->progress_ctx, p->n_folded, p->n))
        return yk_fail(err, YOKE_ECANCELED, "interrupted after %llu of %llu rows", (unsigned long long)p->n_folded,
                       (unsigned long long)p->n);
    return is_done && p->n_sinks ? ENOUGH : 0;
}

/* The field of a column that joins, or -1. */
static int64_t find_joined(const plan *p, const char *name)
{
    for (size_t i = 0; i < p->scan->n_lookups; i++)
        for (size_t c = 0; c < p->scan->lookups[i]->n_columns; c++)
            if (strcmp(p->scan->lookups[i]->columns[c].name, name) == 0)
                return (int64_t)(p->first_field[i] + c);
    return -1;
}

static int check_columns(const plan *p, const yk_expr *e, yoke_error *err)
{
    size_t             n;
    const char *const *columns = yk_expr_columns(e, &n);
    for (size_t i = 0; i < n; i++)
        if (find_joined(p, columns[i]) < 0 && yk_source_knows(p->scan->source, columns[i])) /* others the expression names */
            YK_TRY(yk_source_check(p->scan->source, columns[i], err));
    return 0;
}

/* Numbers the columns of lookups and finds their keys in the source. */
static int place_lookups(plan *p, yoke_error *err)
{
    size_t n_keys = 0;
    p->n_fields = p->scan->source->n_columns;
    p->first_field = yk_new_array(size_t, p->scan->n_lookups + 1);
    for (size_t i = 0; p->first_field && i < p->scan->n_lookups; i++) {
        p->first_field[i] = p->n_fields;
        p->n_fields += p->scan->lookups[i]->n_columns;
        n_keys += p->scan->lookups[i]->n_keys;
    }
    p->keys = yk_new_array(uint32_t, n_keys + 1);
    if (!p->first_field || !p->keys)
        return yk_fail_nomem(err, "planning a scan");
    n_keys = 0;
    for (size_t i = 0; i < p->scan->n_lookups; i++)
        for (size_t k = 0; k < p->scan->lookups[i]->n_keys; k++)
            p->keys[n_keys++] = (uint32_t)yk_source_find(p->scan->source, p->scan->lookups[i]->keys[k]);
    return 0;
}

/* Whether a lookup has this key. */
static bool is_key(const plan *p, size_t n_roots, uint32_t column)
{
    const uint32_t *keys = p->keys;
    for (size_t i = 0; i < p->scan->n_lookups; keys += p->scan->lookups[i++]->n_keys)
        for (size_t k = 0; k < p->scan->lookups[i]->n_keys; k++)
            if (keys[k] == column)
                return n_roots > 0;
    return false;
}

/* A column of CSV files that held nothing so far: an expression that names it was bound to a constant. */
static bool may_be_unseen(const yk_source *s, int64_t column)
{
    return s->has_csv && column >= 0 && s->columns[column].type.kind == YK_KIND_NULL;
}

static int find_columns(plan *p, const yk_root *roots, size_t n_roots, yoke_error *err)
{
    enum { READ = 1, UNSEEN = 2 };
    yk_source           *src = p->scan->source;
    YK_AUTOFREE uint8_t *use = yk_new_array(uint8_t, src->n_columns + 1);
    if (!use)
        return yk_fail_nomem(err, "planning a scan");
    for (size_t r = 0; r < n_roots; r++) {
        size_t             n, n_names;
        const uint32_t    *columns = yk_program_columns(p->program, r, &n);
        const char *const *names = yk_expr_columns(roots[r].expr, &n_names);
        for (size_t i = 0; i < n; i++)
            if (columns[i] < src->n_columns)
                use[columns[i]] |= READ;
        for (size_t i = 0; i < n_names && src->has_csv; i++) {
            int64_t c = yk_source_find(src, names[i]);
            if (may_be_unseen(src, c))
                use[c] |= UNSEEN;
        }
    }
    for (uint32_t c = 0; c < src->n_columns; c++) {
        if (is_key(p, n_roots, c))
            use[c] |= READ;
        if (use[c] & UNSEEN)
            p->unseen[p->n_unseen++] = c;
        src->columns[c].is_asked |= use[c] & READ;
        if (use[c])
            p->columns[p->n_columns++] = c;
    }
    return 0;
}

/* Types everything: filters are the program's first roots, then each sink's. */
static int make_program(plan *p, yoke_error *err)
{
    yk_scan              *s = p->scan;
    const yk_source      *src = s->source;
    size_t                n = s->n_filters, at = 0;
    YK_TRY(place_lookups(p, err));
    YK_AUTOFREE yk_field *fields = yk_new_array(yk_field, p->n_fields + 1);
    for (size_t i = 0; i < p->n_sinks; i++)
        n += p->sinks[i]->n_roots;
    YK_AUTOFREE yk_root *roots = yk_new_array(yk_root, n + 1);
    p->columns = yk_new_array(uint32_t, src->n_columns + 1);
    p->unseen = yk_new_array(uint32_t, src->n_columns + 1);
    if (!fields || !roots || !p->columns || !p->unseen)
        return yk_fail_nomem(err, "planning a scan");
    for (size_t i = 0; i < src->n_columns; i++)
        fields[i] = (yk_field){src->columns[i].name, src->columns[i].type};
    for (size_t i = 0; i < s->n_lookups; i++)
        for (size_t c = 0; c < s->lookups[i]->n_columns; c++)
            fields[p->first_field[i] + c] = (yk_field){s->lookups[i]->columns[c].name,
                                                       s->lookups[i]->rows.columns[s->lookups[i]->columns[c].column].type};
    for (size_t i = 0; i < s->n_filters; i++)
        roots[at++] = (yk_root){s->filters[i], YK_WANT_FILTER};
    for (size_t i = 0; i < p->n_sinks; i++) {
        p->sinks[i]->root = at;
        for (size_t r = 0; r < p->sinks[i]->n_roots; r++)
            roots[at++] = p->sinks[i]->roots[r];
    }
    for (size_t i = 0; i < n; i++)
        YK_TRY(check_columns(p, roots[i].expr, err));
    int rc = yk_program_new(fields, p->n_fields, roots, n, &p->program, err);
    if (rc < 0)
        return rc == YOKE_EABSENT ? yk_fail_at(err, rc, "'%s'", src->files[0].path) : rc;
    for (size_t i = 0; i < p->n_sinks; i++) {
        p->sinks[i]->program = p->program;
        if (p->sinks[i]->ops && p->sinks[i]->ops->bind)
            p->sinks[i]->ops->bind(p->sinks[i]);
    }
    return find_columns(p, roots, n, err);
}

/* Whether a root reads no column but *column, which is set to its first one while it is -1. */
static bool reads_alone(const plan *p, size_t root, int64_t *column)
{
    size_t          n;
    const uint32_t *columns = yk_program_columns(p->program, root, &n);
    if (n > 0 && *column < 0)
        *column = columns[0];
    return n == 0 || (n == 1 && *column == columns[0]);
}

static void find_counted(plan *p)
{
    const yk_scan *s = p->scan;
    bool           can = !s->n_lookups && !s->source->has_csv;
    int64_t        column = -1;
    for (size_t i = 0; i < s->n_filters; i++)
        can = can && reads_alone(p, i, &column);
    for (size_t i = 0; i < p->n_sinks; i++) {
        can = can && p->sinks[i]->ops->times && !p->sinks[i]->in_order;
        for (size_t r = 0; r < p->sinks[i]->n_roots; r++)
            can = can && reads_alone(p, p->sinks[i]->root + r, &column);
    }
    p->counted = can ? column : -1;
}

/* Sinks over all rows that the files' statistics answer need not be in the scan. */
static void leave_out_known(plan *p)
{
    const yk_scan *s = p->scan;
    size_t         n = 0;
    if (s->n_filters || s->n_lookups || s->first || s->n)
        return;
    for (size_t i = 0; i < p->n_sinks; i++) {
        yk_sink *k = p->sinks[i];
        k->is_done = k->ops->known && k->ops->known(k, s->source);
        if (!k->is_done)
            p->sinks[n++] = k;
    }
    p->n_sinks = n;
}

/* A lone sink may want to see a few rows before all. */
static int glance(plan *p, yoke_error *err)
{
    YK_CLEANUP(yk_skips_fini) yk_skips skips = {0};
    const yk_scan *s = p->scan;
    yk_sink       *k = p->n_sinks == 1 ? p->sinks[0] : NULL;
    if (!k || !k->ops->glance || s->source->has_csv || s->first || s->n)
        return 0;
    YK_TRY(find_skips(p, NULL, p->first, p->n, &skips, err));
    k->ops->glance(k, s->source, &skips, &p->first, &p->n);
    return 0;
}

static void plan_fini(plan *p)
{
    yk_program_free(p->program);
    yk_free(p->columns);
    yk_free(p->unseen);
    yk_free(p->first_field);
    yk_free(p->keys);
    yk_free(p->sinks);
}

static int make_plan(plan *p, yk_scan *s, yoke_error *err)
{
    *p = (plan){.scan = s, .retype_column = -1};
    p->sinks = yk_new_array(yk_sink *, s->n_sinks + 1);
    if (!p->sinks)
        return yk_fail_nomem(err, "planning a scan");
    for (size_t i = 0; i < s->n_sinks; i++)
        if (!s->sinks[i]->is_done)
            p->sinks[p->n_sinks++] = s->sinks[i];
    p->first = s->first;
    p->n = s->n ? s->n : s->source->n_rows - s->first;
    return make_program(p, err);
}

/* What a task's result may be, as long as none has come: every value kept, and once more what is known of it. */
static size_t expect(const plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_sinks; i++)
        n += p->sinks[i]->is_small ? 0 : p->sinks[i]->n_roots;
    return p->row_bytes ? p->row_bytes * p->task_rows : n * p->task_rows * 2 * sizeof(yk_text);
}

/* Smaller tasks, down to a block, where the rows of one alone would take more than all are to hold; and down to a few, where those of all
 * workers would. A task holds its rows, what it makes of them and what lies between. */
static void size_tasks(plan *p, uint64_t max_held)
{
    uint64_t one = 3 * p->row_bytes, all = one * yoke_session_workers(p->scan->session);
    p->task_rows = YK_TASK_ROWS;
    while (p->row_bytes && p->task_rows > YK_BLOCK && (p->task_rows > 4 * YK_BLOCK ? all : one) * p->task_rows > max_held)
        p->task_rows /= 2;
}

/* What a row takes of tasks that may end anywhere; 0 where not all may. */
static uint64_t find_row_bytes(const plan *p)
{
    uint64_t row = 0;
    for (size_t i = 0; i < p->n_sinks; i++) {
        if (!p->sinks[i]->has_cuts)
            return 0;
        row += p->sinks[i]->per_row + yk_fit_row_bytes(p->scan->source, p->program, p->sinks[i]->root, p->sinks[i]->n_roots);
    }
    return row;
}

/* Reading gets what rows on their way leave of the memory. */
static int fit(plan *p, yk_fit *ret, yoke_error *err)
{
    enum { ROOT = 32 << 10, OUT = 1 << 20 }; /* of an expression: values of blocks and what a sink keeps; of what writes */
    const yk_scan *s = p->scan;
    yk_source     *src = s->source;
    size_t         n_roots = s->n_filters;
    bool           has_rows = false;
    for (size_t i = 0; i < p->n_sinks; i++) {
        n_roots += p->sinks[i]->n_roots;
        has_rows |= !p->sinks[i]->is_small;
    }
    p->row_bytes = find_row_bytes(p);
    uint64_t     memory = yk_opts_memory(s->opts), block = p->row_bytes * YK_BLOCK;
    yk_fit_asked asked = {.columns = p->columns, .n_columns = p->n_columns, .memory = memory, .own = n_roots * ROOT,
                          .workers = yoke_session_workers(s->session),
                          .running = has_rows ? yk_memory_running(memory) : 0, .kept = has_rows ? yk_memory_kept(memory) : 0,
                          .least_running = 3 * block, .least_kept = block ? 4 * block + OUT : 0,
                          .is_shared = yk_stage_is_local(s->session), .is_given = s->opts->memory != 0};
    YK_TRY(yk_fit_find(src, &asked, ret, err));
    p->rests = ret->most != 0;
    for (size_t i = 0; i < src->n_files; i++)
        if (src->files[i].parquet)
            yk_parquet_set_budget(src->files[i].parquet, &ret->pages);
    return 0;
}

static void count_reads(const yk_source *s, yoke_table_stats *st, int sign)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (s->files[i].parquet) {
            yk_parquet_counters c = yk_parquet_count_reads(s->files[i].parquet);
            st->bytes_read += (uint64_t)(sign * (int64_t)c.bytes_read);
            st->pages_read += (uint64_t)(sign * (int64_t)c.pages_read);
        } else if (sign > 0 && s->files[i].csv) {
            st->bytes_read += yk_csv_size(s->files[i].csv);
        } else if (sign > 0 && s->files[i].npy) {
            st->bytes_read += s->files[i].npy->n_bytes;
        }
}

/* One scan; *ret_retyped when a column turned out wider and it must be done anew. After the second such column all are looked at. */
static int scan_once(yk_scan *s, unsigned *n_retyped, bool *ret_retyped, yoke_error *err)
{
    YK_CLEANUP(plan_fini) plan p;
    YK_TRY(make_plan(&p, s, err));
    leave_out_known(&p);
    if (s->n_sinks && !p.n_sinks) {
        s->stats->rows_skipped += p.n;
        return 0;
    }
    YK_TRY(glance(&p, err));
    find_counted(&p);
    yk_fit room;
    YK_TRY(fit(&p, &room, err));
    count_reads(s->source, s->stats, -1);
    size_tasks(&p, room.running);
    yk_stage st = {.name = "scan", .n = (p.n + p.task_rows - 1) / p.task_rows, .out_size = sizeof(outcome), .ctx = &p,
                   .start = start_worker, .stop = stop_worker, .task = scan_task, .fold = scan_fold, .fold_ctx = &p,
                   .max_held = p.row_bytes ? room.running : yk_memory_running(yk_opts_memory(s->opts)), .expected = expect(&p),
                   .most = room.most};
    int rc = yk_stage_run(s->session, &st, err);
    count_reads(s->source, s->stats, 1);
    s->stats->scans++;
    s->stats->rows_bad = p.n_bad > s->stats->rows_bad ? p.n_bad : s->stats->rows_bad;
    if (rc < 0 && rc != ENOUGH)
        return rc;
    *ret_retyped = p.retype_column >= 0;
    if (!*ret_retyped)
        return 0;
    for (size_t i = 0; i < p.n_sinks; i++)
        if (p.sinks[i]->ops->reset)
            p.sinks[i]->ops->reset(p.sinks[i]);
    YK_TRY(yk_source_widen(s->source, (size_t)p.retype_column, p.retype, err));
    return (*n_retyped)++ ? yk_types_settle(s->source, s->session, s->opts, p.columns, p.n_columns, err) : 0;
}

int yk_scan_type(yk_scan *s, yk_program **ret, yoke_error *err)
{
    YK_TRY(yk_source_count(s->source, s->session, s->opts, err));
    YK_CLEANUP(plan_fini) plan p;
    YK_TRY(make_plan(&p, s, err));
    leave_out_known(&p);
    *ret = YK_TAKE(p.program);
    return 0;
}

int yk_scan_run(yk_scan *s, yoke_error *err)
{
    double   began = yk_now();
    unsigned n_retyped = 0;
    YK_TRY(yk_source_count(s->source, s->session, s->opts, err));
    for (bool more = true; more;) {
        bool retyped = false;
        YK_TRY(scan_once(s, &n_retyped, &retyped, err));
        more = retyped;
        for (size_t i = 0; i < s->n_sinks && !retyped; i++) {
            bool wants = false;
            if (!s->sinks[i]->is_done && s->sinks[i]->ops->again)
                YK_TRY(s->sinks[i]->ops->again(s->sinks[i], &wants, err));
            s->sinks[i]->is_done = !wants;
            more |= wants;
        }
    }
    s->stats->seconds += yk_now() - began;
    return 0;
}
