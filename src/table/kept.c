/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/kept.h"

#include "base/hash.h"
#include "numeric/select.h"
#include "plan/stage.h"
#include "table/groups.h"

#include <math.h>

void yk_kept_fini(yk_kept *k)
{
    yk_free(k->runs);
    yk_free(k->stretches);
    yk_free(k->had);
    yk_arena_fini(&k->arena);
    *k = (yk_kept){0};
}

void yk_kept_clear(yk_kept *k)
{
    k->n_runs = k->n_stretches = 0;
    k->n = 0;
    k->had_dict = k->n_once = 0;
    yk_arena_clear(&k->arena);
}

size_t yk_kept_bytes(const yk_kept *k)
{
    return k->cap_runs * sizeof *k->runs + k->cap_stretches * sizeof *k->stretches + k->n * sizeof(double) + k->cap_had * sizeof *k->had;
}

/* Room for n values that come next, in n_runs runs at most; NULL when memory is out. */
static double *begin_stretch(yk_kept *k, size_t n_runs, uint64_t n)
{
    double *to = yk_arena_alloc(&k->arena, n * sizeof *to);
    if (!to || !yk_grow(&k->runs, &k->cap_runs, k->n_runs + n_runs, sizeof *k->runs) ||
        !yk_grow(&k->stretches, &k->cap_stretches, k->n_stretches + 1, sizeof *k->stretches)) {
        k->is_failed = true;
        return NULL;
    }
    return to;
}

static void end_stretch(yk_kept *k, const double *values, size_t n_runs, uint64_t n)
{
    k->n_runs += n_runs;
    k->stretches[k->n_stretches++] = (yk_stretch){values, n};
    k->n += n;
}

/* ---- rows */

void yk_kept_add(yk_kept *k, const uint32_t *groups, const double *x, uint32_t n)
{
    double *to = begin_stretch(k, n, n);
    if (!to)
        return;
    yk_run  *runs = k->runs + k->n_runs;
    uint32_t got = 0;
    for (uint32_t i = 0; i < n; i++) {
        runs[got] = (yk_run){groups[i], 1};
        to[got] = x[i];
        got += (groups[i] != YK_NO_GROUP) & !isnan(x[i]);
    }
    end_stretch(k, to, got, got);
}

void yk_kept_add_words(yk_kept *k, const uint32_t *groups, const uint64_t *words, const uint64_t *valid, uint32_t n)
{
    double *to = begin_stretch(k, n, n);
    if (!to)
        return;
    yk_run  *runs = k->runs + k->n_runs;
    uint32_t got = 0;
    for (uint32_t i = 0; i < n; i++) {
        runs[got] = (yk_run){groups[i], 1};
        memcpy(&to[got], &words[i], sizeof words[i]);
        got += groups[i] != YK_NO_GROUP && (!valid || (valid[i >> 6] >> (i & 63) & 1));
    }
    end_stretch(k, to, got, got);
}

/* Bits for n_groups groups, each of n_codes; those of a new dictionary, and of groups that were not yet, are clear. */
static bool reach_had(yk_kept *k, uint32_t n_groups, const yk_dict *dict)
{
    enum { MOST_HAD = 1 << 23 }; /* a core's cache of the second level holds them */
    uint64_t bits = (uint64_t)n_groups * dict->n;
    size_t   before = k->cap_had;
    if (bits > MOST_HAD || !yk_grow(&k->had, &k->cap_had, bits / 64 + 1, sizeof *k->had))
        return false;
    if (k->had_dict != dict->id)
        before = k->n_once = 0;
    memset(k->had + before, 0, (k->cap_had - before) * sizeof *k->had);
    k->had_dict = dict->id;
    return true;
}

bool yk_kept_new_codes(yk_kept *k, const uint32_t *groups, uint32_t n_groups, const yk_vec *v, uint32_t n, uint32_t *rows, uint32_t *ret_n)
{
    uint32_t got = 0, n_codes = v->codes ? v->dict->n : 0;
    if (!v->codes || v->is_const || !v->dict->id || !reach_had(k, n_groups, v->dict))
        return false;
    for (uint32_t i = 0; i < n && n_codes; i++) {
        bool     counts = groups[i] != YK_NO_GROUP && yk_row_counts(v, i);
        uint64_t at = (counts ? (uint64_t)groups[i] * n_codes : 0) + v->codes[i];
        uint64_t bit = (uint64_t)counts << (at & 63), had = k->had[at >> 6];
        k->had[at >> 6] = had | bit; /* whether it was set nobody can foresee */
        rows[got] = i;
        got += (bit & ~had) != 0;
    }
    k->n_once += got;
    *ret_n = got;
    return true;
}

/* Copies a run; most are short. */
static void put_run(double *to, const double *from, uint32_t n)
{
    if (n == 1)
        *to = *from;
    else
        memcpy(to, from, n * sizeof *to);
}

/* Each run goes where next[its group's rank - from] is, if that is one of n, which moves on. `ranks` NULL: groups are their own. */
static void put_runs(const yk_kept *k, const uint32_t *ranks, uint32_t from, uint32_t n, double *to, uint64_t *next)
{
    const yk_run *run = k->runs;
    for (size_t s = 0; s < k->n_stretches; s++) {
        const double *x = k->stretches[s].values, *end = x + k->stretches[s].n;
        for (; x < end; x += run++->n) {
            uint32_t r = (ranks ? ranks[run->group] : run->group) - from;
            if (r < n) {
                put_run(to + next[r], x, run->n);
                next[r] += run->n;
            }
        }
    }
}

int yk_kept_rank(const yk_kept *k, const uint32_t *ranks, uint32_t n, double **ret_values, uint64_t **ret_begin, yoke_error *err)
{
    *ret_values = NULL, *ret_begin = NULL;
    if (!k->n)
        return 0;
    *ret_values = yk_malloc_large(k->n * sizeof(double));
    uint64_t *begin = *ret_begin = yk_new_array(uint64_t, (size_t)n + 1);
    if (!*ret_values || !begin)
        return yk_fail_nomem(err, "grouping");
    for (size_t i = 0; i < k->n_runs; i++)
        begin[ranks[k->runs[i].group] + 1] += k->runs[i].n;
    for (uint32_t r = 0; r < n; r++)
        begin[r + 1] += begin[r];
    put_runs(k, ranks, 0, n, *ret_values, begin);
    memmove(begin + 1, begin, n * sizeof *begin); /* each had come to where the next begins */
    begin[0] = 0;
    return 0;
}

/* ---- different values */

/* Words that were seen: open addressing, 0 is free and kept apart. */
typedef struct seen {
    uint64_t *slots; /* owned */
    size_t    n_slots, cap;
    bool      has_zero;
} seen;

/* Many reals differ in their upper bits alone. */
static size_t home_of(const seen *s, uint64_t word)
{
    uint64_t h = yk_hash_mix(1, word);
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
    return (h ^ h >> 32) & (s->n_slots - 1);
}

static bool make_slots(seen *s, size_t n)
{
    if (n > s->cap) {
        yk_free(s->slots);
        s->cap = 0;
        if (!(s->slots = yk_malloc_large(n * sizeof *s->slots)))
            return false;
        s->cap = n;
    }
    s->n_slots = n;
    memset(s->slots, 0, n * sizeof *s->slots);
    return true;
}

/* Of n words each once, in front. */
static int dedupe(seen *s, uint64_t *x, uint64_t n, uint64_t *ret, yoke_error *err)
{
    enum { LEAST = 64 };
    uint64_t different = 0, room = LEAST;
    while (room < 2 * n && room < (uint64_t)LEAST * LEAST)
        room *= 2;
    s->has_zero = false;
    if (!make_slots(s, room))
        return yk_fail_nomem(err, "grouping");
    for (uint64_t i = 0; i < n; i++) {
        uint64_t word = x[i];
        size_t   at = home_of(s, word);
        while (word && s->slots[at] && s->slots[at] != word)
            at = (at + 1) & (s->n_slots - 1);
        bool is_known = word ? s->slots[at] != 0 : s->has_zero;
        x[different] = word;
        different += !is_known;
        s->slots[at] = word ? word : s->slots[at];
        s->has_zero |= !word;
        if (different * 2 <= s->n_slots)
            continue;
        if (!make_slots(s, s->n_slots * 2))
            return yk_fail_nomem(err, "grouping");
        for (uint64_t j = 0; j < different; j++) {
            for (at = home_of(s, x[j]); s->slots[at];)
                at = (at + 1) & (s->n_slots - 1);
            s->slots[at] = x[j];
        }
    }
    *ret = different;
    return 0;
}

int yk_kept_dedupe(double *values, uint64_t *begin, uint32_t n, yoke_error *err)
{
    uint64_t *words = (uint64_t *)(void *)values, to = 0, from = begin[0];
    seen      s = {0};
    int       rc = 0;
    for (uint32_t r = 0; r < n && rc == 0; r++) {
        uint64_t different = 0, end = begin[r + 1];
        rc = dedupe(&s, words + from, end - from, &different, err);
        memmove(words + to, words + from, different * sizeof *words);
        begin[r] = to;
        to += different;
        from = end;
    }
    begin[n] = to;
    yk_free(s.slots);
    return rc;
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

/* A run, or several where it is too long for one; returns how many. */
static size_t add_run(yk_run *runs, uint32_t group, uint64_t n)
{
    size_t got = 0;
    for (uint64_t part; n; n -= part) {
        part = n < UINT32_MAX ? n : UINT32_MAX;
        runs[got++] = (yk_run){group, (uint32_t)part};
    }
    return got;
}

const char *yk_kept_merge(yk_kept *k, const char *at, const uint32_t *groups, uint32_t n)
{
    uint64_t total, count, got = 0;
    memcpy(&total, at, sizeof total);
    at += sizeof total;
    if (!total)
        return at;
    const char *counts = at, *from = at + n * sizeof count;
    double     *to = begin_stretch(k, n + total / UINT32_MAX, total);
    if (!to)
        return at;
    yk_run *runs = k->runs + k->n_runs;
    size_t  n_runs = 0;
    for (uint32_t i = 0; i < n;) { /* values of groups that stand side by side and are wanted go as one */
        uint64_t stretch = 0, others = 0;
        for (; i < n && groups[i] != YK_NO_GROUP; i++, stretch += count) {
            memcpy(&count, counts + i * sizeof count, sizeof count);
            n_runs += add_run(runs + n_runs, groups[i], count);
        }
        memcpy(to + got, from, stretch * sizeof *to);
        got += stretch;
        for (; i < n && groups[i] == YK_NO_GROUP; i++, others += count)
            memcpy(&count, counts + i * sizeof count, sizeof count);
        from += (stretch + others) * sizeof *to;
    }
    end_stretch(k, to, n_runs, got);
    return from;
}

enum { SOME_VALUES = 1 << 20 };

int yk_kept_shrink(yk_kept *k, uint32_t n, uint64_t memory, yoke_error *err)
{
    YK_AUTOFREE uint32_t *groups = NULL;
    YK_AUTOFREE double   *values = NULL;
    YK_AUTOFREE uint64_t *begin = NULL;
    if (k->n < 2 * k->n_different + SOME_VALUES || 2 * yk_kept_bytes(k) > memory)
        return 0;
    if (!(groups = yk_new_array(uint32_t, (size_t)n + 1)))
        return yk_fail_nomem(err, "grouping");
    for (uint32_t g = 0; g < n; g++)
        groups[g] = g;
    YK_TRY(yk_kept_rank(k, groups, n, &values, &begin, err));
    YK_TRY(yk_kept_dedupe(values, begin, n, err));
    yk_kept_fini(k);
    double *to = begin_stretch(k, n + begin[n] / UINT32_MAX, begin[n]);
    size_t  n_runs = 0;
    if (!to)
        return yk_fail_nomem(err, "grouping");
    memcpy(to, values, begin[n] * sizeof *to);
    for (uint32_t g = 0; g < n; g++)
        n_runs += add_run(k->runs + n_runs, g, begin[g + 1] - begin[g]);
    end_stretch(k, to, n_runs, begin[n]);
    k->n_different = k->n;
    return 0;
}

/* ---- what is asked of all that is there */

/* A task is a range of groups that stand side by side, of about as many values as each other. */
typedef struct looking {
    const yk_kept *kept;
    const double  *q; /* NULL: how many are different is looked for */
    size_t         n_found; /* eight bytes each: what is found of a group */
    const uint32_t *ends;   /* [task]: behind its last group */
    uint64_t      *counts;  /* of each group */
    char          *found;
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
    uint64_t total = 0;
    for (uint32_t g = from; g < upto; g++) {
        begin[g - from] = total;
        total += counts[g];
    }
    *ret = yk_malloc_large((total + 1) * sizeof **ret);
    if (!*ret)
        return yk_fail_nomem(err, "grouping");
    put_runs(k, NULL, from, upto - from, *ret, begin);
    memmove(begin + 1, begin, (upto - from) * sizeof *begin); /* each had come to where the next begins */
    begin[0] = 0;
    return 0;
}

static int look(const looking *l, uint32_t from, uint32_t upto, char *ret, yoke_error *err)
{
    YK_AUTOFREE double   *values = NULL;
    YK_AUTOFREE uint64_t *begin = yk_new_array(uint64_t, (size_t)(upto - from) + 1);
    if (!begin)
        return yk_fail_nomem(err, "grouping");
    YK_TRY(gather(l->kept, from, upto, l->counts, &values, begin, err));
    if (!l->q)
        YK_TRY(yk_kept_dedupe(values, begin, upto - from, err));
    for (uint32_t g = 0; g < upto - from; g++) {
        uint64_t different = begin[g + 1] - begin[g], count = l->counts[from + g];
        char    *to = ret + g * l->n_found * sizeof different;
        if (!l->q)
            memcpy(to, &different, sizeof different);
        for (size_t i = 0; i < l->n_found && l->q && count; i++, to += sizeof(double)) {
            double x = quantile_of(values + begin[g], count, l->q[i]);
            memcpy(to, &x, sizeof x);
        }
    }
    return 0;
}

static uint32_t begin_of(const looking *l, uint64_t task) { return task ? l->ends[task - 1] : 0; }

static int look_task(void *ctx, yk_task *task, void *out, yoke_error *err)
{
    const looking *l = ctx;
    uint32_t       from = begin_of(l, yk_task_index(task)), upto = l->ends[yk_task_index(task)];
    size_t         size = (upto - from) * l->n_found * sizeof(uint64_t);
    YK_AUTOFREE char *found = yk_calloc(size + 1, 1);
    if (!found)
        return yk_fail_nomem(err, "grouping");
    YK_TRY(look(l, from, upto, found, err));
    return yk_task_emit(task, found, size, err);
}

static int look_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    const looking *l = ctx;
    if (r->n_bytes)
        memcpy(l->found + begin_of(l, r->index) * l->n_found * sizeof(uint64_t), r->bytes, r->n_bytes);
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

/* All groups, n of them. */
static int look_at_all(looking *l, uint32_t n, yoke_session *session, uint64_t memory, yoke_error *err)
{
    uint32_t ends[MOST_TASKS + 1];
    uint64_t least = l->kept->n / MOST_TASKS + 1;
    memset(l->counts, 0, n * sizeof *l->counts);
    for (size_t i = 0; i < l->kept->n_runs; i++)
        l->counts[l->kept->runs[i].group] += l->kept->runs[i].n;
    if (!session)
        return look(l, 0, n, l->found, err);
    least = least < LEAST_VALUES ? LEAST_VALUES : least;
    l->ends = ends;
    yk_stage st = {.name = "groups", .n = cut_groups(l->counts, n, least, ends), .ctx = l, .task = look_task, .fold = look_fold,
                   .fold_ctx = l, .max_held = memory > SIZE_MAX ? SIZE_MAX : (size_t)memory, .expected = 2 * least * sizeof(double)};
    return yk_stage_run(session, &st, err);
}

int yk_kept_quantiles(const yk_kept *k, uint32_t n, const double *q, size_t n_q, yoke_session *session, uint64_t memory,
                      uint64_t *ret_counts, double *ret, yoke_error *err)
{
    looking l = {.kept = k, .q = q, .n_found = n_q, .counts = ret_counts, .found = (char *)ret};
    return look_at_all(&l, n, session, memory, err);
}

int yk_kept_different(const yk_kept *k, uint32_t n, yoke_session *session, uint64_t memory, uint64_t *ret, yoke_error *err)
{
    YK_AUTOFREE uint64_t *counts = yk_new_array(uint64_t, (size_t)n + 1);
    looking               l = {.kept = k, .n_found = 1, .counts = counts, .found = (char *)ret};
    return counts ? look_at_all(&l, n, session, memory, err) : yk_fail_nomem(err, "grouping");
}
