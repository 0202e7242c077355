/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/sorted.h"

#include "table/codebook.h"
#include "table/spill.h"

/* of a row at least: half of what sorting takes */
enum { LEAST_PART = 1 << 19, MOST_PART = 8 << 20, MOST_SAMPLES = 1 << 15, SAMPLES_PER_PART = 16, SORT_BYTES = 18 };

/* Where a run has the parts of a column. */
typedef struct place {
    uint64_t values, bytes, valid;
    bool     is_coded; /* values are codes of the column's dictionary */
} place;

typedef struct run {
    uint64_t n;
    place   *places; /* of each column; owned */
} run;

/* A row of a run. */
typedef struct spot {
    uint32_t run, row;
} spot;

struct yk_sorted {
    yk_order *order; /* owned */
    size_t    n_order, n_columns;
    uint64_t  memory, n_rows;
    yk_type  *types; /* of each column; owned */
    yk_codebook *dicts; /* of each column; owned */
    bool     *is_plain; /* of each column: some run has it as values, so parts do */
    yk_batch  view;  /* of a run that comes */
    yk_buf    changed; /* scratch: such a run with other codes */
    yk_spill  spill;
    run      *runs;
    size_t    n_runs, cap_runs;

    /* Of yk_sorted_each: */
    yk_batch  samples; /* the keys drawn, in columns 0 … n_order-1 */
    spot     *spots;   /* of each sample */
    uint32_t *splits;  /* n_parts - 1 samples, rising: part p holds what is not before splits[p - 1] and before splits[p] */
    uint64_t  n_parts;
    uint32_t *cuts;    /* [part][run]: where a part begins in a run; n_parts + 1 of them */
    uint64_t *starts;  /* [part]: the rows before it */
    uint64_t  part;    /* the first part that is wanted */
    uint64_t  first, end; /* the rows that are */
    uint64_t  idle;       /* what a worker may keep between parts */
};

int yk_sorted_new(const yk_order *order, size_t n_order, size_t n_columns, uint64_t memory, yk_sorted **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sorted_freep) yk_sorted *s = yk_new(yk_sorted);
    if (!s)
        return yk_fail_nomem(err, "sorting");
    s->memory = memory, s->n_order = n_order, s->n_columns = n_columns;
    yk_spill_init(&s->spill, yk_memory_kept(memory));
    s->order = yk_memdup(order, n_order * sizeof *order);
    s->types = yk_new_array(yk_type, n_columns + 1);
    s->dicts = yk_new_array(yk_codebook, n_columns + 1);
    s->is_plain = yk_new_array(bool, n_columns + 1);
    if (!s->order || !s->types || !s->dicts || !s->is_plain)
        return yk_fail_nomem(err, "sorting");
    YK_TRY(yk_batch_init(&s->view, n_columns, err));
    YK_TRY(yk_batch_init(&s->samples, n_order, err));
    *ret = YK_TAKE(s);
    return 0;
}

static void forget_parts(yk_sorted *s)
{
    yk_batch_clear(&s->samples);
    yk_free(s->spots);
    yk_free(s->splits);
    yk_free(s->cuts);
    yk_free(s->starts);
    s->spots = NULL, s->splits = NULL, s->cuts = NULL, s->starts = NULL;
}

void yk_sorted_clear(yk_sorted *s)
{
    for (size_t i = 0; i < s->n_runs; i++)
        yk_free(s->runs[i].places);
    for (size_t i = 0; s->dicts && s->is_plain && i < s->n_columns; i++) {
        yk_codebook_fini(&s->dicts[i]);
        s->is_plain[i] = false;
    }
    s->n_runs = 0, s->n_rows = 0;
    yk_spill_fini(&s->spill);
    forget_parts(s);
}

void yk_sorted_free(yk_sorted *s)
{
    if (!s)
        return;
    yk_sorted_clear(s);
    yk_batch_unview(&s->view);
    yk_batch_fini(&s->view);
    yk_batch_fini(&s->samples);
    yk_free(s->runs);
    yk_free(s->order);
    yk_free(s->types);
    yk_free(s->dicts);
    yk_free(s->is_plain);
    yk_buf_fini(&s->changed);
    yk_free(s);
}

uint64_t yk_sorted_rows(const yk_sorted *s) { return s->n_rows; }

/* ---- runs */

static uint64_t offset_of(const yk_buf *part, const void *bytes) { return (uint64_t)(part->data - (const char *)bytes); }

/* The column with the codes of all runs' dictionary, or with values where that has become too large. */
static int recode(const yk_codebook *book, const yk_batch_column *from, uint64_t n, yk_batch_column *ret, yoke_error *err)
{
    yk_batch view = {.columns = (yk_batch_column *)(uintptr_t)from, .n_columns = 1, .n = n}, to = {.columns = ret, .n_columns = 1};
    *ret = (yk_batch_column){.type = from->type};
    if (book->is_full)
        return yk_batch_append(&to, &view, NULL, 0, n, err);
    uint16_t *codes = yk_buf_extend(&ret->values, n * sizeof *codes);
    if (!codes)
        return yk_fail_nomem(err, "sorting");
    for (uint64_t i = 0; i < n; i++)
        codes[i] = book->codes[((const uint16_t *)(const void *)from->values.data)[i]];
    ret->dict = &book->all;
    return 0;
}

/* The run that is in s->view as it is kept: in s->changed and viewed there, where some codes are others. */
static int change_codes(yk_sorted *s, const void **bytes, size_t *n, yoke_error *err)
{
    static const yk_batch_column       none;
    YK_CLEANUP(yk_batch_fini) yk_batch own = {0};
    YK_AUTOFREE yk_batch_column       *columns = yk_memdup(s->view.columns, s->n_columns * sizeof *columns + 1);
    yk_batch                           to = {.columns = columns, .n_columns = s->n_columns, .n = s->view.n};
    YK_TRY(yk_batch_init(&own, s->n_columns, err));
    if (!columns)
        return yk_fail_nomem(err, "sorting");
    for (size_t c = 0; c < s->n_columns; c++) {
        const yk_codebook *book = &s->dicts[c];
        bool               is_kept = !columns[c].dict || (book->is_same && !book->is_full);
        if (!is_kept) {
            YK_TRY(recode(book, &s->view.columns[c], to.n, &own.columns[c], err));
            columns[c] = own.columns[c];
        }
        columns[c].dict = columns[c].dict ? &none : NULL; /* it is in the book */
    }
    yk_buf_clear(&s->changed);
    YK_TRY(yk_batch_write(&to, &s->changed, err));
    *bytes = s->changed.data, *n = s->changed.len;
    yk_batch_view(&s->view, *bytes);
    return 0;
}

static int add_dicts(yk_sorted *s, const void **bytes, size_t *n, yoke_error *err)
{
    bool is_changed = false;
    for (size_t c = 0; c < s->n_columns; c++) {
        if (!s->view.columns[c].dict)
            continue;
        YK_TRY(yk_codebook_add(&s->dicts[c], s->view.columns[c].dict, err));
        is_changed |= !s->dicts[c].is_same || s->dicts[c].is_full;
    }
    return is_changed ? change_codes(s, bytes, n, err) : 0;
}

static int add_run(yk_sorted *s, const void *bytes, size_t n, yoke_error *err)
{
    run r = {.n = s->view.n};
    if (r.n > UINT32_MAX || s->n_runs == UINT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "too many rows to sort");
    YK_TRY(add_dicts(s, &bytes, &n, err));
    if (!yk_grow(&s->runs, &s->cap_runs, s->n_runs + 1, sizeof r) || !(r.places = yk_new_array(place, s->n_columns + 1)))
        return yk_fail_nomem(err, "sorting");
    for (size_t c = 0; c < s->n_columns; c++) {
        const yk_batch_column *col = &s->view.columns[c];
        r.places[c] = (place){offset_of(&col->values, bytes), offset_of(&col->bytes, bytes), offset_of(&col->valid, bytes),
                              col->dict != NULL};
        s->types[c] = col->type;
        s->is_plain[c] |= !col->dict;
    }
    s->runs[s->n_runs++] = r;
    s->n_rows += r.n;
    return yk_spill_add(&s->spill, bytes, n, err);
}

int yk_sorted_add(yk_sorted *s, const void *bytes, size_t n, yoke_error *err)
{
    yk_batch_view(&s->view, bytes);
    int rc = s->view.n ? add_run(s, bytes, n, err) : 0;
    yk_batch_unview(&s->view);
    return rc;
}

/* One value of a run. `text` holds it where it is text. */
static int run_value(const yk_sorted *s, uint32_t number, size_t column, uint32_t row, yk_buf *text, yk_value *ret, yoke_error *err)
{
    const place *p = &s->runs[number].places[column];
    size_t       size = yk_kind_size(s->types[column].kind);
    uint8_t      bits[16], is_there;
    uint64_t     where[2];
    *ret = (yk_value){.type = s->types[column]};
    if (p->is_coded) {
        uint16_t code;
        yk_batch dict = {.columns = &s->dicts[column].all, .n_columns = 1};
        YK_TRY(yk_spill_read(&s->spill, number, p->values + (uint64_t)row * sizeof code, &code, sizeof code, err));
        yk_batch_get(&dict, 0, code, ret);
        return 0;
    }
    YK_TRY(yk_spill_read(&s->spill, number, p->valid + row, &is_there, 1, err));
    ret->is_missing = !is_there;
    if (!is_there || size == 0)
        return 0;
    YK_TRY(yk_spill_read(&s->spill, number, p->values + (uint64_t)row * size, bits, size, err));
    if (yk_kind_is_bytes(ret->type.kind)) {
        memcpy(where, bits, sizeof where);
        yk_buf_clear(text);
        char *to = yk_buf_extend(text, where[1]);
        if (!to)
            return yk_fail_nomem(err, "sorting");
        ret->t = (yk_text){to, where[1]};
        return yk_spill_read(&s->spill, number, p->bytes + where[0], to, where[1], err);
    }
    if (ret->type.kind == YK_KIND_BOOL)
        ret->b = bits[0] != 0;
    else
        memcpy(&ret->i, bits, size);
    return 0;
}

/* Rows [first, first + n) of a column of a run that has codes: as they are, or as values where another run has these. */
static int append_codes(const yk_sorted *s, uint32_t number, size_t column, uint64_t first, uint64_t n, yk_batch_column *to,
                        yoke_error *err)
{
    YK_AUTOBUF own = YK_BUF_INIT;
    yk_buf    *codes = to->dict ? &to->values : &own;
    char      *at = yk_buf_extend(codes, n * sizeof(uint16_t));
    if (!at)
        return yk_fail_nomem(err, "sorting");
    YK_TRY(yk_spill_read(&s->spill, number, s->runs[number].places[column].values + first * sizeof(uint16_t), at, n * sizeof(uint16_t),
                         err));
    if (to->dict)
        return 0;
    yk_batch_column from = {.type = to->type, .values = own, .dict = &s->dicts[column].all};
    yk_batch        view = {.columns = &from, .n_columns = 1, .n = n}, all = {.columns = to, .n_columns = 1};
    return yk_batch_append(&all, &view, NULL, 0, n, err);
}

static int append_values(const yk_sorted *s, uint32_t number, size_t column, uint64_t first, uint64_t n, yk_batch_column *c,
                         yoke_error *err)
{
    const place *p = &s->runs[number].places[column];
    size_t       size = yk_kind_size(c->type.kind);
    uint64_t     base = c->bytes.len, from = c->values.len, last[2], begin;
    char        *valid = yk_buf_extend(&c->valid, n), *values = size ? yk_buf_extend(&c->values, n * size) : NULL;
    if (!valid || (size && !values))
        return yk_fail_nomem(err, "sorting");
    YK_TRY(yk_spill_read(&s->spill, number, p->valid + first, valid, n, err));
    YK_TRY(yk_spill_read(&s->spill, number, p->values + first * size, values, n * size, err));
    if (!yk_kind_is_bytes(c->type.kind))
        return 0;
    memcpy(&begin, values, sizeof begin);
    memcpy(last, values + (n - 1) * size, sizeof last);
    for (uint64_t at = from; at < c->values.len; at += size) {
        uint64_t where;
        memcpy(&where, c->values.data + at, sizeof where);
        where = where - begin + base;
        memcpy(c->values.data + at, &where, sizeof where);
    }
    uint64_t n_bytes = last[0] + last[1] - begin;
    char    *bytes = yk_buf_extend(&c->bytes, n_bytes);
    return bytes ? yk_spill_read(&s->spill, number, p->bytes + begin, bytes, n_bytes, err) : yk_fail_nomem(err, "sorting");
}

/* Appends rows [first, first + n) of a run. */
static int append_rows(const yk_sorted *s, uint32_t number, uint64_t first, uint64_t n, yk_batch *to, yoke_error *err)
{
    for (size_t i = 0; i < s->n_columns && n; i++) {
        bool is_coded = s->runs[number].places[i].is_coded;
        YK_TRY((is_coded ? append_codes : append_values)(s, number, i, first, n, &to->columns[i], err));
    }
    to->n += n;
    return 0;
}

/* Where parts have codes, they are those of all runs' dictionary. */
static void set_dicts(const yk_sorted *s, yk_batch *b)
{
    for (size_t i = 0; i < s->n_columns; i++) {
        b->columns[i].dict = s->is_plain[i] ? NULL : &s->dicts[i].all;
        b->columns[i].dict_id = (uint64_t)(uintptr_t)&s->dicts[i].all;
    }
}

/* ---- splitting: keys at regular distances, all runs' together in order, every so many of them */

static int draw_samples(yk_sorted *s, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    uint64_t   want = s->n_parts * SAMPLES_PER_PART > MOST_SAMPLES ? s->n_parts * SAMPLES_PER_PART : MOST_SAMPLES;
    uint64_t   step = s->n_rows / want + 1, next = step / 2;
    size_t     cap = 0;
    for (size_t k = 0; k < s->n_order; k++)
        s->samples.columns[k].type = s->types[s->order[k].column];
    for (uint32_t i = 0; i < s->n_runs; i++) {
        for (; next < s->runs[i].n; next += step) {
            if (!yk_grow(&s->spots, &cap, s->samples.n + 1, sizeof *s->spots))
                return yk_fail_nomem(err, "sorting");
            s->spots[s->samples.n++] = (spot){i, (uint32_t)next};
            for (size_t k = 0; k < s->n_order; k++) {
                yk_value v;
                YK_TRY(run_value(s, i, s->order[k].column, (uint32_t)next, &text, &v, err));
                YK_TRY(yk_batch_put(&s->samples.columns[k], &v, err));
            }
        }
        next -= s->runs[i].n;
    }
    return 0;
}

static int find_splits(yk_sorted *s, yoke_error *err)
{
    YK_AUTOFREE yk_order *order = yk_new_array(yk_order, s->n_order);
    YK_AUTOFREE uint32_t *sorted = NULL;
    YK_TRY(draw_samples(s, err));
    if (s->n_parts > s->samples.n / 2 + 1)
        s->n_parts = s->samples.n / 2 + 1;
    s->splits = yk_new_array(uint32_t, s->n_parts);
    if (!order || !s->splits)
        return yk_fail_nomem(err, "sorting");
    for (size_t k = 0; k < s->n_order; k++)
        order[k] = (yk_order){k, s->order[k].is_descending};
    YK_TRY(yk_batch_sort(&s->samples, order, s->n_order, &sorted, err));
    for (uint64_t p = 1; p < s->n_parts; p++)
        s->splits[p - 1] = sorted[p * s->samples.n / s->n_parts];
    return 0;
}

/* A run's keys, in columns 0 … n_order-1. */
static int read_keys(const yk_sorted *s, uint32_t number, yk_batch *keys, yoke_error *err)
{
    YK_TRY(yk_batch_init(keys, s->n_order, err));
    keys->n = s->runs[number].n;
    for (size_t k = 0; k < s->n_order; k++) {
        size_t column = s->order[k].column;
        bool   is_coded = s->runs[number].places[column].is_coded;
        keys->columns[k].type = s->types[column];
        keys->columns[k].dict = is_coded ? &s->dicts[column].all : NULL;
        YK_TRY((is_coded ? append_codes : append_values)(s, number, column, 0, keys->n, &keys->columns[k], err));
    }
    return 0;
}

/* Whether a row of a run comes before a sample: by keys, then by where they lie. */
static bool is_before(const yk_sorted *s, const yk_batch *keys, spot at, uint32_t sample)
{
    for (size_t k = 0; k < s->n_order; k++) {
        int c = yk_batch_compare(keys, at.row, &s->samples, sample, k, s->order[k].is_descending);
        if (c)
            return c < 0;
    }
    return at.run < s->spots[sample].run;
}

/* How many rows of a run come before a sample; at least `lo` of them do. */
static uint32_t cut_run(const yk_sorted *s, const yk_batch *keys, uint32_t number, uint32_t sample, uint32_t lo)
{
    uint32_t hi = (uint32_t)keys->n;
    if (s->spots[sample].run == number)
        return s->spots[sample].row;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (is_before(s, keys, (spot){number, mid}, sample))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* A task: the cuts of a run at all splits. */
static int cut_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    YK_CLEANUP(yk_batch_fini) yk_batch keys = {0};
    const yk_sorted *s = ctx;
    uint32_t         number = (uint32_t)yk_task_index(t), at = 0;
    uint32_t        *cuts = yk_arena_alloc(yk_task_arena(t), s->n_parts * sizeof *cuts);
    if (!cuts)
        return yk_fail_nomem(err, "sorting");
    YK_TRY(read_keys(s, number, &keys, err));
    for (uint64_t p = 0; p + 1 < s->n_parts; p++)
        cuts[p] = at = cut_run(s, &keys, number, s->splits[p], at);
    return yk_task_emit(t, cuts, (s->n_parts - 1) * sizeof *cuts, err);
}

static int cut_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    yk_sorted *s = ctx;
    for (uint64_t p = 1; p < s->n_parts; p++)
        memcpy(&s->cuts[p * s->n_runs + r->index], (const char *)r->bytes + (p - 1) * sizeof *s->cuts, sizeof *s->cuts);
    return 0;
}

static int find_cuts(yk_sorted *s, yoke_session *session, yoke_error *err)
{
    size_t n;
    if (!yk_mul(&n, s->n_parts + 1, s->n_runs) || !(s->cuts = yk_new_array(uint32_t, n + 1))
        || !(s->starts = yk_new_array(uint64_t, s->n_parts + 1)))
        return yk_fail_nomem(err, "sorting");
    yk_stage st = {.name = "sort", .n = s->n_runs, .ctx = s, .task = cut_task, .fold = cut_fold, .fold_ctx = s};
    if (s->n_parts > 1)
        YK_TRY(yk_stage_run(session, &st, err));
    for (size_t i = 0; i < s->n_runs; i++)
        s->cuts[s->n_parts * s->n_runs + i] = (uint32_t)s->runs[i].n;
    for (uint64_t p = 0; p <= s->n_parts; p++)
        for (size_t i = 0; i < s->n_runs; i++)
            s->starts[p] += s->cuts[p * s->n_runs + i];
    return 0;
}

/* ---- parts */

/* A worker's rows of a part. */
static void stop_worker(void *ctx, void *state)
{
    yk_batch_fini(state);
    yk_free(state);
}

static int start_worker(void *ctx, void **ret_state, yoke_error *err)
{
    const yk_sorted *s = ctx;
    yk_batch        *b = yk_new(yk_batch);
    int              rc = b ? yk_batch_init(b, s->n_columns, err) : yk_fail_nomem(err, "sorting");
    for (size_t c = 0; c < s->n_columns && rc == 0; c++)
        b->columns[c].type = s->types[c];
    if (rc < 0)
        yk_free(b);
    else
        *ret_state = b;
    return rc;
}

/* Room at once for n rows, so that nothing is left of smaller ones. */
static int make_room(yk_batch *b, uint64_t n, yoke_error *err)
{
    for (size_t i = 0; i < b->n_columns; i++) {
        yk_batch_column *c = &b->columns[i];
        size_t           size = c->dict ? sizeof(uint16_t) : yk_kind_size(c->type.kind);
        yk_buf_extend(&c->values, n * size);
        yk_buf_extend(&c->valid, c->dict ? 0 : n);
        if (c->values.is_failed || c->valid.is_failed)
            return yk_fail_nomem(err, "sorting");
        yk_buf_clear(&c->values);
        yk_buf_clear(&c->valid);
    }
    return 0;
}

static int part_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    const yk_sorted      *s = ctx;
    yk_batch             *rows = yk_task_state(t);
    yk_buf               *bytes = yk_task_bytes(t);
    YK_AUTOFREE uint32_t *order = NULL;
    uint64_t              part = s->part + yk_task_index(t), start = s->starts[part];
    const uint32_t       *from = s->cuts + part * s->n_runs, *end = from + s->n_runs;
    yk_batch_clear(rows);
    set_dicts(s, rows);
    YK_TRY(make_room(rows, s->starts[part + 1] - start, err));
    for (uint32_t i = 0; i < s->n_runs; i++)
        YK_TRY(append_rows(s, i, from[i], end[i] - from[i], rows, err));
    YK_TRY(yk_batch_sort(rows, s->order, s->n_order, &order, err));
    uint64_t lo = s->first > start ? s->first - start : 0, hi = s->end - start < rows->n ? s->end - start : rows->n;
    if (bytes)
        YK_TRY(yk_batch_write_rows(rows, order + lo, hi - lo, false, bytes, err));
    bool is_large = yk_batch_bytes(rows) > s->idle;
    yk_batch_shrink(rows, s->idle);
    if (is_large) /* what lies free in other workers' heaps counts too */
        yk_alloc_trim();
    return yk_task_emit(t, NULL, 0, err);
}

/* Where parts go, in order. */
typedef struct giving {
    const yk_rows_to      *to;
    const yoke_table_opts *opts;
    yk_sorted             *s;
} giving;

static int give_part(void *ctx, const yk_result *r, yoke_error *err)
{
    giving    *g = ctx;
    yk_sorted *s = g->s;
    if (g->opts && g->opts->progress && g->opts->progress(g->opts->progress_ctx, s->n_rows, s->n_rows))
        return yk_fail(err, YOKE_ECANCELED, "interrupted while sorting");
    yk_batch_view(&s->view, r->bytes);
    set_dicts(s, &s->view);
    int rc = g->to->take(g->to->ctx, &s->view, err);
    yk_batch_unview(&s->view);
    return rc;
}

int yk_sorted_each(yk_sorted *s, yoke_session *session, const yoke_table_opts *opts, uint64_t first, uint64_t n, const yk_rows_to *to,
                   yoke_error *err)
{
    uint64_t part = s->memory / 32 < LEAST_PART ? LEAST_PART : s->memory / 32 > MOST_PART ? MOST_PART : s->memory / 32;
    if (first >= s->n_rows || n == 0)
        return 0;
    s->idle = yk_memory_idle(s->memory, yoke_session_workers(session));
    s->first = first;
    s->end = n < s->n_rows - first ? first + n : s->n_rows;
    uint64_t all = s->spill.bytes > s->n_rows * SORT_BYTES ? s->spill.bytes : s->n_rows * SORT_BYTES;
    while (all / part * s->n_runs * sizeof *s->cuts > s->memory / 8)
        part *= 2;
    s->n_parts = all / part + 1;
    forget_parts(s);
    yk_alloc_trim(); /* what the runs' tasks held */
    YK_TRY(find_splits(s, err));
    YK_TRY(find_cuts(s, session, err));
    uint64_t last = s->n_parts;
    for (s->part = 0; s->starts[s->part + 1] <= s->first; s->part++)
        ;
    while (s->starts[last - 1] >= s->end)
        last--;
    giving   g = {to, opts, s};
    yk_stage st = {.name = "sort", .n = last - s->part, .ctx = s, .start = start_worker, .stop = stop_worker, .task = part_task,
                   .fold = give_part, .fold_ctx = &g, .max_held = yk_memory_running(s->memory), .expected = part};
    return yk_stage_run(session, &st, err);
}
