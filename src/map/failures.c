/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The failed tasks of a call. Those that a cancelled call never ran are kept as ranges.
 */
#include "map/call.h"

#include <stdlib.h>

typedef struct failure {
    yoke_outcome outcome;
    yoke_error   why;
} failure;

typedef struct range {
    uint64_t lo, hi;
} range;

struct yoke_failures {
    failure *all; /* owned; sorted by index once sealed */
    size_t   n, cap;
    range   *skipped; /* owned */
    size_t   n_skipped, cap_skipped;
    failure  one; /* what was asked for last of the skipped */
};

yoke_failures *yk_failures_new(yoke_error *err)
{
    yoke_failures *f = yk_new(yoke_failures);
    if (!f)
        yk_fail_nomem(err, "keeping a list of failures");
    return f;
}

bool yk_failures_add(yoke_failures *f, const yk_mishap *m, unsigned worker)
{
    failure x = {.outcome = {.size = sizeof(yoke_outcome), .index = m->shown, .cause = m->cause, .status = m->status,
                             .attempt = m->attempt, .worker = worker},
                 .why = m->why};
    if (!x.why.text[0]) {
        int code = x.why.code;
        x.why = (yoke_error)YOKE_ERROR_INIT;
        yk_fail(&x.why, code, "%s", yoke_error_name(code));
    }
    return yk_push(&f->all, &f->n, &f->cap, x);
}

bool yk_failures_skip(yoke_failures *f, uint64_t lo, uint64_t hi)
{
    range r = {lo, hi};
    return lo >= hi || yk_push(&f->skipped, &f->n_skipped, &f->cap_skipped, r);
}

static int by_index(const void *a, const void *b)
{
    uint64_t x = ((const failure *)a)->outcome.index, y = ((const failure *)b)->outcome.index;
    return (x > y) - (x < y);
}

static int by_lo(const void *a, const void *b)
{
    uint64_t x = ((const range *)a)->lo, y = ((const range *)b)->lo;
    return (x > y) - (x < y);
}

void yk_failures_seal(yoke_failures *f)
{
    if (f->n)
        qsort(f->all, f->n, sizeof *f->all, by_index);
    if (f->n_skipped)
        qsort(f->skipped, f->n_skipped, sizeof *f->skipped, by_lo);
    for (size_t i = 0; i < f->n; i++)
        f->all[i].outcome.error = &f->all[i].why;
}

uint64_t yoke_failures_count(const yoke_failures *f)
{
    uint64_t n = f ? f->n : 0;
    for (size_t i = 0; f && i < f->n_skipped; i++)
        n += f->skipped[i].hi - f->skipped[i].lo;
    return n;
}

static const yoke_outcome *skipped(const yoke_failures *f, uint64_t index)
{
    failure *x = (failure *)(uintptr_t)&f->one;
    *x = (failure){.outcome = {.size = sizeof(yoke_outcome), .index = index, .cause = YOKE_CAUSE_CANCELED}, .why = YOKE_ERROR_INIT};
    yk_fail(&x->why, YOKE_ECANCELED, "it was cancelled before it began");
    x->outcome.error = &x->why;
    return &x->outcome;
}

const yoke_outcome *yoke_failures_at(const yoke_failures *f, uint64_t k)
{
    if (!f)
        return NULL;
    if (k < f->n)
        return &f->all[k].outcome;
    k -= f->n;
    for (size_t i = 0; i < f->n_skipped; i++) {
        uint64_t n = f->skipped[i].hi - f->skipped[i].lo;
        if (k < n)
            return skipped(f, f->skipped[i].lo + k);
        k -= n;
    }
    return NULL;
}

const yoke_outcome *yoke_failures_find(const yoke_failures *f, uint64_t index)
{
    if (!f)
        return NULL;
    failure key = {.outcome = {.index = index}}, *x = f->n ? bsearch(&key, f->all, f->n, sizeof key, by_index) : NULL;
    if (x)
        return &x->outcome;
    for (size_t i = 0; i < f->n_skipped; i++)
        if (index >= f->skipped[i].lo && index < f->skipped[i].hi)
            return skipped(f, index);
    return NULL;
}

void yoke_failures_free(yoke_failures *f)
{
    if (!f)
        return;
    yk_free(f->all);
    yk_free(f->skipped);
    yk_free(f);
}
