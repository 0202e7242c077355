/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The failed tasks of a call, 40 bytes each and its sentence: an outcome is made of it when it is asked for. Those that a cancelled
 * call never ran are kept as ranges.
 */
#include "map/call.h"

#include <stdlib.h>

typedef struct failure {
    uint64_t index;
    size_t   text_at; /* in the texts; NUL-terminated */
    int      code, sys, status;
    unsigned attempt, worker, cause;
} failure;

typedef struct range {
    uint64_t lo, hi;
} range;

struct yoke_failures {
    failure *all; /* owned; sorted by index once sealed */
    size_t   n, cap;
    yk_buf   texts; /* one that is the same as the one before is kept once */
    size_t   last_text_at;
    range   *skipped; /* owned */
    size_t   n_skipped, cap_skipped;
    yoke_outcome outcome; /* what was asked for last */
    yoke_error   why;
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
    const char *text = m->why.text[0] ? m->why.text : yoke_error_name(m->why.code);
    if (f->n == 0 || strcmp(f->texts.data + f->last_text_at, text) != 0) {
        f->last_text_at = f->texts.len;
        yk_buf_append(&f->texts, text, strlen(text) + 1);
    }
    failure x = {m->shown, f->last_text_at, m->why.code, m->why.sys, m->status, m->attempt, worker, m->cause};
    return !f->texts.is_failed && yk_push(&f->all, &f->n, &f->cap, x);
}

bool yk_failures_skip(yoke_failures *f, uint64_t lo, uint64_t hi)
{
    range r = {lo, hi};
    return lo >= hi || yk_push(&f->skipped, &f->n_skipped, &f->cap_skipped, r);
}

static int by_index(const void *a, const void *b)
{
    uint64_t x = ((const failure *)a)->index, y = ((const failure *)b)->index;
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
}

uint64_t yoke_failures_count(const yoke_failures *f)
{
    uint64_t n = f ? f->n : 0;
    for (size_t i = 0; f && i < f->n_skipped; i++)
        n += f->skipped[i].hi - f->skipped[i].lo;
    return n;
}

/* Of the list, or NULL: one that was never run. */
static const yoke_outcome *outcome(const yoke_failures *of, uint64_t index, const failure *x)
{
    yoke_failures *f = (yoke_failures *)(uintptr_t)of; /* the place of the answer alone is changed */
    f->outcome = (yoke_outcome){.size = sizeof f->outcome, .index = index, .error = &f->why, .cause = YOKE_CAUSE_CANCELED};
    yoke_error_clear(&f->why);
    if (!x) {
        yk_fail(&f->why, YOKE_ECANCELED, "it was cancelled before it began");
        return &f->outcome;
    }
    yk_fail(&f->why, x->code, "%s", f->texts.data + x->text_at);
    f->why.sys = x->sys;
    f->outcome.cause = (yoke_cause)x->cause;
    f->outcome.status = x->status;
    f->outcome.attempt = x->attempt;
    f->outcome.worker = x->worker;
    return &f->outcome;
}

const yoke_outcome *yoke_failures_at(const yoke_failures *f, uint64_t k)
{
    if (!f)
        return NULL;
    if (k < f->n)
        return outcome(f, f->all[k].index, &f->all[k]);
    k -= f->n;
    for (size_t i = 0; i < f->n_skipped; i++) {
        uint64_t n = f->skipped[i].hi - f->skipped[i].lo;
        if (k < n)
            return outcome(f, f->skipped[i].lo + k, NULL);
        k -= n;
    }
    return NULL;
}

const yoke_outcome *yoke_failures_find(const yoke_failures *f, uint64_t index)
{
    failure        key = {.index = index};
    const failure *x = f && f->n ? bsearch(&key, f->all, f->n, sizeof key, by_index) : NULL;
    if (x)
        return outcome(f, index, x);
    for (size_t i = 0; f && i < f->n_skipped; i++)
        if (index >= f->skipped[i].lo && index < f->skipped[i].hi)
            return outcome(f, index, NULL);
    return NULL;
}

void yoke_failures_free(yoke_failures *f)
{
    if (!f)
        return;
    yk_free(f->all);
    yk_buf_fini(&f->texts);
    yk_free(f->skipped);
    yk_free(f);
}
