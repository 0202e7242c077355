/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/attempts.h"

#include "base/alloc.h"

#include <stdlib.h>

typedef struct last_start { uint64_t task; unsigned part, restart; } last_start;

typedef struct stopped { uint64_t line, start_ns; } stopped;

struct yk_attempts {
    last_start     *start; /* owned; by part and task; of each the last */
    size_t          n_starts, starts_cap;
    stopped        *stopped; /* owned; ascending: attempts that ended because their task was told to stop */
    size_t          n_stopped, stopped_cap;
    yk_scan_session now; /* whose records come */
};

void yk_attempts_close(yk_attempts *a)
{
    if (!a)
        return;
    yk_free(a->start);
    yk_free(a->stopped);
    yk_free(a);
}

static int by_task(const void *a, const void *b)
{
    const last_start *x = a, *y = b;
    if (x->part != y->part)
        return x->part < y->part ? -1 : 1;
    return (x->task > y->task) - (x->task < y->task);
}

static int by_line(const void *a, const void *b)
{
    const stopped *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int saw_session(void *ctx, const yk_scan_session *s)
{
    yk_attempts *a = ctx;
    last_start   one = {s->task, s->part, s->restart};
    return yk_push(&a->start, &a->n_starts, &a->starts_cap, one) ? 0 : yk_fail_nomem(NULL, "");
}

static int saw_end(void *ctx, const yk_scan_session *s, const yk_record *r)
{
    yk_attempts *a = ctx;
    stopped      one = {r->line, r->start_ns};
    (void)s;
    if (r->cause != YK_CAUSE_CANCELLED)
        return 0;
    return yk_push(&a->stopped, &a->n_stopped, &a->stopped_cap, one) ? 0 : yk_fail_nomem(NULL, "");
}

static void keep_last_starts(yk_attempts *a)
{
    size_t n = 0;
    if (a->n_starts)
        qsort(a->start, a->n_starts, sizeof *a->start, by_task);
    for (size_t i = 0; i < a->n_starts; i++) {
        last_start one = a->start[i];
        if (n == 0 || by_task(&a->start[n - 1], &one) != 0)
            a->start[n++] = one;
        else if (one.restart > a->start[n - 1].restart)
            a->start[n - 1].restart = one.restart;
    }
    a->n_starts = n;
}

int yk_attempts_open(const yk_slurm_run *run, yk_attempts **ret, yoke_error *err)
{
    YK_CLEANUP(yk_attempts_closep) yk_attempts *a = yk_new(yk_attempts);
    yk_scan_reader reader = {.ctx = a, .session = saw_session, .end = saw_end};
    if (!a)
        return yk_fail_nomem(err, "reading journals");
    YK_TRY(yk_scan(run, &reader, err));
    keep_last_starts(a);
    if (a->n_stopped)
        qsort(a->stopped, a->n_stopped, sizeof *a->stopped, by_line);
    *ret = YK_TAKE(a);
    return 0;
}

int yk_attempts_session(void *attempts, const yk_session *s)
{
    yk_scan_session_parse(s->command, &((yk_attempts *)attempts)->now);
    return 0;
}

static bool was_started_again(const yk_attempts *a)
{
    last_start        key = {a->now.task, a->now.part, 0};
    const last_start *last = a->n_starts ? bsearch(&key, a->start, a->n_starts, sizeof key, by_task) : NULL;
    return last && last->restart > a->now.restart;
}

void yk_attempts_record(void *attempts, yk_record *r)
{
    const yk_attempts *a = attempts;
    stopped            key = {r->line, r->start_ns};
    if (r->cause == YK_CAUSE_OK || !was_started_again(a))
        return;
    if (r->cause == YK_CAUSE_RUNNING || r->cause == YK_CAUSE_INTERRUPTED)
        r->cause = YK_CAUSE_NODE_LOST;
    else if (a->n_stopped && bsearch(&key, a->stopped, a->n_stopped, sizeof key, by_line))
        r->cause = YK_CAUSE_PREEMPTED;
    if (r->cause == YK_CAUSE_NODE_LOST || r->cause == YK_CAUSE_PREEMPTED)
        r->is_last = false;
}
