/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/kept.h"

#include "numeric/select.h"
#include "plan/stage.h"
#include "table/groups.h"

#include <math.h>

void yk_kept_fini(yk_kept *k)
{
    yk_buf_fini(&k->runs);
    yk_buf_fini(&k->values);
}

void yk_kept_clear(yk_kept *k)
{
    yk_buf_clear(&k->runs);
    yk_buf_clear(&k->values);
}

size_t yk_kept_bytes(const yk_kept *k) { return k->runs.cap + k->values.cap; }

static size_t    runs_count(const yk_kept *k) { return k->runs.len / sizeof(yk_run); }
static yk_run   *runs_of(const yk_kept *k) { return (yk_run *)(void *)k->runs.data; }
static double   *values_of(const yk_kept *k) { return (double *)(void *)k->values.data; }

/* ---- rows */

/* Room for n more, of which `got` are used in the end. */
typedef struct room {
    yk_run *runs;
    double *values;
    size_t  had, got;
} room;

static bool begin_rows(yk_kept *k, uint32_t n, room *r)
{
    r->had = runs_count(k), r->got = 0;
    r->runs = yk_buf_extend(&k->runs, n * sizeof(yk_run));
    r->values = yk_buf_extend(&k->values, n * sizeof(double));
    return r->runs && r->values;
}

static void end_rows(yk_kept *k, const room *r, uint32_t n)
{
    k->runs.len -= (n - r->got) * sizeof(yk_run);
    k->values.len -= (n - r->got) * sizeof(double);
}

void yk_kept_add(yk_kept *k, const uint32_t *groups, const double *x, uint32_t n)
{
    room r;
    if (!begin_rows(k, n, &r))
        return;
    for (uint32_t i = 0; i < n; i++) {
        r.runs[r.got] = (yk_run){groups[i], 1};
        r.values[r.got] = x[i];
        r.got += (groups[i] != YK_NO_GROUP) & !isnan(x[i]);
    }
    end_rows(k, &r, n);
}

void yk_kept_add_words(yk_kept *k, const uint32_t *groups, const uint64_t *words, const uint64_t *valid, uint32_t n)
{
    room r;
    if (!begin_rows(k, n, &r))
        return;
    for (uint32_t i = 0; i < n; i++) {
        r.runs[r.got] = (yk_run){groups[i], 1};
        memcpy(&r.values[r.got], &words[i], sizeof words[i]);
        r.got += groups[i] != YK_NO_GROUP && (!valid || (valid[i >> 6] >> (i & 63) & 1));
    }
    end_rows(k, &r, n);
}

void yk_kept_rows_begin(const yk_kept *k, yk_kept_rows *ret)
{
    *ret = (yk_kept_rows){.values = values_of(k), .run = runs_of(k)};
    ret->end = runs_count(k) ? ret->run + runs_count(k) : ret->run;
}

uint32_t yk_kept_rows_next(yk_kept_rows *r, uint32_t *ret_groups, uint32_t most)
{
    if (r->n)
        r->values += r->n;
    for (r->n = 0; r->n < most && r->run < r->end;) {
        ret_groups[r->n++] = r->run->group;
        if (++r->done == r->run->n)
            r->run++, r->done = 0;
    }
    return r->n;
}

/* Copies a run; most are short. */
static double *put_run(double *to, const double *from, uint32_t n)
{
    if (n == 1)
        *to = *from;
    else
        memcpy(to, from, n * sizeof *to);
    return to + n;
}

int yk_kept_rank(const yk_kept *k, const uint32_t *ranks, uint32_t n, double **ret_values, uint64_t **ret_begin, yoke_error *err)
{
    const yk_run *runs = runs_of(k);
    const double *from = values_of(k);
    size_t        n_runs = runs_count(k);
    *ret_values = NULL, *ret_begin = NULL;
    if (!n_runs)
        return 0;
    double   *to = *ret_values = yk_malloc(k->values.len);
    uint64_t *begin = *ret_begin = yk_new_array(uint64_t, (size_t)n + 1);
    if (!to || !begin)
        return yk_fail_nomem(err, "grouping");
    for (size_t i = 0; i < n_runs; i++)
        begin[ranks[runs[i].group] + 1] += runs[i].n;
    for (uint32_t r = 0; r < n; r++)
        begin[r + 1] += begin[r];
    for (size_t i = 0; i < n_runs; i++) {
        uint64_t *next = &begin[ranks[runs[i].group]];
        put_run(to + *next, from, runs[i].n);
        from += runs[i].n;
        *next += runs[i].n;
    }
    memmove(begin + 1, begin, n * sizeof *begin); /* each had come to where the next begins */
    begin[0] = 0;
    return 0;
}

void yk_kept_write(const double *values, const uint64_t *begin, uint32_t n, yk_buf *to)
{
    uint64_t total = begin ? begin[n] - begin[0] : 0;
    yk_buf_append(to, &total, sizeof total);
    uint64_t *counts = total ? yk_buf_extend(to, n * sizeof *counts) : NULL;
    for (uint32_t i = 0; i < n && counts; i++) {
        uint64_t count = begin[i + 1] - begin[i];
        memcpy((char *)counts + i * sizeof count, &count, sizeof count);
    }
    if (total)
        yk_buf_append(to, values + begin[0], total * sizeof *values);
}

static void add_run(yk_kept *k, uint32_t group, uint64_t n)
{
    for (uint64_t part; n; n -= part) {
        part = n < UINT32_MAX ? n : UINT32_MAX;
        yk_run r = {group, (uint32_t)part};
        yk_buf_append(&k->runs, &r, sizeof r);
    }
}

const char *yk_kept_merge(yk_kept *k, const char *at, const uint32_t *groups, uint32_t n)
{
    uint64_t total, count;
    memcpy(&total, at, sizeof total);
    at += sizeof total;
    if (!total)
        return at;
    const char *counts = at;
    at += n * sizeof count;
    for (uint32_t i = 0; i < n;) { /* values of groups that stand side by side and are wanted go as one */
        uint64_t stretch = 0;
        for (; i < n && groups[i] != YK_NO_GROUP; i++) {
            memcpy(&count, counts + i * sizeof count, sizeof count);
            add_run(k, groups[i], count);
            stretch += count;
        }
        yk_buf_append(&k->values, at, stretch * sizeof(double));
        at += stretch * sizeof(double);
        for (; i < n && groups[i] == YK_NO_GROUP; i++) {
            memcpy(&count, counts + i * sizeof count, sizeof count);
            at += count * sizeof(double);
        }
    }
    return at;
}

/* ---- quantiles */

/* A task is a range of groups that stand side by side, of about as many values as each other. */
typedef struct looking {
    const yk_kept *kept;
    const double  *q;
    size_t         n_q;
    uint32_t      *ends; /* [task]: behind its last group */
    uint64_t      *counts;
    double        *quantiles;
} looking;

/* Linear between the two values that it lies between. Of n values, n > 0, which it reorders. */
static double quantile_of(double *x, uint64_t n, double q)
{
    double at = q * (double)(n - 1), two[2];
    yk_select_two(x, n, (uint64_t)at, two);
    return yk_between(two[0], two[1], at - floor(at));
}

/* Values of the groups from … upto - 1, side by side; begin[g - from] is where those of g are. */
static int gather(const yk_kept *k, uint32_t from, uint32_t upto, const uint64_t *counts, double **ret, uint64_t *begin, yoke_error *err)
{
    const yk_run *runs = runs_of(k);
    const double *x = values_of(k);
    uint64_t      total = 0;
    for (uint32_t g = from; g < upto; g++) {
        begin[g - from] = total;
        total += counts[g];
    }
    double *to = *ret = yk_malloc((total + 1) * sizeof *to);
    if (!to)
        return yk_fail_nomem(err, "looking for quantiles");
    for (size_t i = 0, n = runs_count(k); i < n; x += runs[i++].n)
        if (runs[i].group - from < upto - from) {
            put_run(to + begin[runs[i].group - from], x, runs[i].n);
            begin[runs[i].group - from] += runs[i].n;
        }
    for (uint32_t g = from; g < upto; g++)
        begin[g - from] -= counts[g];
    return 0;
}

static int look(const looking *l, uint32_t from, uint32_t upto, double *ret, yoke_error *err)
{
    YK_AUTOFREE double   *values = NULL;
    YK_AUTOFREE uint64_t *begin = yk_new_array(uint64_t, (size_t)(upto - from) + 1);
    if (!begin)
        return yk_fail_nomem(err, "looking for quantiles");
    YK_TRY(gather(l->kept, from, upto, l->counts, &values, begin, err));
    for (uint32_t g = from; g < upto; g++)
        for (size_t i = 0; i < l->n_q && l->counts[g]; i++)
            ret[(g - from) * l->n_q + i] = quantile_of(values + begin[g - from], l->counts[g], l->q[i]);
    return 0;
}

static uint32_t begin_of(const looking *l, uint64_t task) { return task ? l->ends[task - 1] : 0; }

static int look_task(void *ctx, yk_task *task, void *out, yoke_error *err)
{
    const looking *l = ctx;
    uint32_t       from = begin_of(l, yk_task_index(task)), upto = l->ends[yk_task_index(task)];
    size_t         n = (upto - from) * l->n_q;
    YK_AUTOFREE double *found = yk_new_array(double, n + 1);
    if (!found)
        return yk_fail_nomem(err, "looking for quantiles");
    YK_TRY(look(l, from, upto, found, err));
    return yk_task_emit(task, found, n * sizeof *found, err);
}

static int look_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    const looking *l = ctx;
    if (r->n_bytes)
        memcpy(l->quantiles + begin_of(l, r->index) * l->n_q, r->bytes, r->n_bytes);
    return 0;
}

enum { MOST_TASKS = 64, LEAST_VALUES = 1 << 16 };

/* Cuts the groups into ranges of at least `least` values, but for the last; returns how many. */
static uint64_t cut_groups(const uint64_t *counts, uint32_t n, uint64_t least, uint32_t *ends)
{
    uint64_t n_tasks = 0, values = 0;
    for (uint32_t g = 0; g < n; g++) {
        values += counts[g];
        if (values >= least || g + 1 == n) {
            ends[n_tasks++] = g + 1;
            values = 0;
        }
    }
    return n_tasks;
}

int yk_kept_quantiles(const yk_kept *k, uint32_t n, const double *q, size_t n_q, yoke_session *session, uint64_t memory, uint64_t *ret_counts, double *ret,
                      yoke_error *err)
{
    const yk_run *runs = runs_of(k);
    uint32_t      ends[MOST_TASKS + 1];
    looking       l = {k, q, n_q, ends, ret_counts, ret};
    uint64_t      least = yk_kept_count(k) / MOST_TASKS + 1;
    memset(ret_counts, 0, n * sizeof *ret_counts);
    for (size_t i = 0, n_runs = runs_count(k); i < n_runs; i++)
        ret_counts[runs[i].group] += runs[i].n;
    if (!session)
        return look(&l, 0, n, ret, err);
    least = least < LEAST_VALUES ? LEAST_VALUES : least;
    yk_stage st = {.name = "quantiles", .n = cut_groups(ret_counts, n, least, ends), .ctx = &l, .task = look_task, .fold = look_fold, .fold_ctx = &l,
                   .max_held = memory > SIZE_MAX ? SIZE_MAX : (size_t)memory, .expected = 2 * least * sizeof(double)};
    return yk_stage_run(session, &st, err);
}
