/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/joblist.h"

#include "base/alloc.h"

#include <stdlib.h>

/* Of jobs that wait: how many ends are missing, and how far it is. Jobs that wait for nothing have none of this. */
typedef struct waiting {
    uint64_t line;
    uint32_t missing;
    bool     is_reached, is_doomed;
} waiting;

typedef struct edge { uint64_t to; uint32_t waiting; } edge; /* `waiting` waits for line `to` */

struct yk_joblist {
    yk_jobfile    *file;
    const yk_done *done;
    waiting       *wait; /* ascending by line */
    size_t         n_wait, wait_cap;
    edge          *edge; /* ascending by `to` */
    size_t         n_edges, edges_cap;
    uint32_t      *ready; /* reached, and nothing missing or doomed: [ready_at, n_ready) */
    size_t         ready_at, n_ready, ready_cap;
    size_t         n_held; /* reached, still waiting */
    uint64_t       line;   /* where the reading in order stands */
    bool           is_elsewhere; /* the file was read at another place since */
};

void yk_joblist_free(yk_joblist *l)
{
    if (!l)
        return;
    yk_free(l->wait);
    yk_free(l->edge);
    yk_free(l->ready);
    yk_free(l);
}

uint64_t yk_joblist_todo(const yk_joblist *l)
{
    return yk_jobfile_count(l->file) - l->done->n_ok - l->done->n_failed - l->done->n_unwanted;
}

static int by_line(const void *a, const void *b)
{
    const edge *x = a, *y = b;
    return x->to < y->to ? -1 : x->to > y->to ? 1 : (x->waiting > y->waiting) - (x->waiting < y->waiting);
}

static const edge *first_edge(const yk_joblist *l, uint64_t to)
{
    size_t lo = 0, hi = l->n_edges;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->edge[mid].to < to)
            lo = mid + 1;
        else
            hi = mid;
    }
    return l->edge + lo;
}

/* `line` has ended: those that wait for it miss one less, or are doomed. */
static void settle(yk_joblist *l, uint64_t line, bool is_ok)
{
    for (const edge *e = first_edge(l, line); e < l->edge + l->n_edges && e->to == line; e++) {
        waiting *w = &l->wait[e->waiting];
        bool     was_held = w->is_reached && w->missing > 0 && !w->is_doomed;
        w->missing -= is_ok;
        w->is_doomed |= !is_ok;
        if (was_held && (w->missing == 0 || w->is_doomed)) {
            l->ready[l->n_ready++] = e->waiting; /* room was made for all at the start */
            l->n_held--;
        }
    }
}

static int find_waiting(yk_joblist *l, yoke_error *err)
{
    yk_job job;
    int    rc;
    while ((rc = yk_jobfile_next(l->file, &job, err)) > 0) {
        size_t          n;
        const uint64_t *after = yk_jobfile_after(l->file, job.line, &n);
        if (n == 0 || yk_done_get(l->done, job.index) != YK_JOB_TODO)
            continue;
        waiting w = {.line = job.line, .missing = (uint32_t)n};
        for (size_t i = 0; i < n; i++) {
            edge e = {after[i], (uint32_t)l->n_wait};
            if (!yk_push(&l->edge, &l->n_edges, &l->edges_cap, e))
                return yk_fail_nomem(err, "reading dependencies");
        }
        if (!yk_push(&l->wait, &l->n_wait, &l->wait_cap, w))
            return yk_fail_nomem(err, "reading dependencies");
    }
    YK_TRY(rc);
    if (l->n_edges)
        qsort(l->edge, l->n_edges, sizeof *l->edge, by_line);
    l->ready = yk_new_array(uint32_t, l->n_wait + 1);
    if (!l->ready)
        return yk_fail_nomem(err, "reading dependencies");
    return yk_jobfile_seek(l->file, 0, err);
}

/* What ended in an earlier session, and what is not wanted now. */
static int settle_done(yk_joblist *l, yoke_error *err)
{
    yk_job job;
    int    rc;
    while ((rc = yk_jobfile_next(l->file, &job, err)) > 0) {
        yk_job_state state = yk_done_get(l->done, job.index);
        if (state != YK_JOB_TODO)
            settle(l, job.line, state != YK_JOB_FAILED);
    }
    YK_TRY(rc);
    return yk_jobfile_seek(l->file, 0, err);
}

int yk_joblist_new(yk_jobfile *file, const yk_done *done, yk_joblist **ret, yoke_error *err)
{
    YK_CLEANUP(yk_joblist_freep) yk_joblist *l = yk_new(yk_joblist);
    if (!l)
        return yk_fail_nomem(err, "reading a job file");
    l->file = file;
    l->done = done;
    YK_TRY(yk_jobfile_seek(file, 0, err));
    if (yk_jobfile_has_after(file)) {
        YK_TRY(find_waiting(l, err));
        YK_TRY(settle_done(l, err));
    }
    *ret = YK_TAKE(l);
    return 0;
}

static waiting *find_wait(yk_joblist *l, uint64_t line)
{
    size_t lo = 0, hi = l->n_wait;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->wait[mid].line < line)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < l->n_wait && l->wait[lo].line == line ? &l->wait[lo] : NULL;
}

static void give(yk_run_job *ret, const yk_job *job, bool is_doomed)
{
    *ret = (yk_run_job){.text = job->text, .len = job->len, .line = job->line, .seq = job->index + 1,
                        .not_run = is_doomed ? "not run: a job that it waits for did not end well" : NULL};
}

static int next_ready(yk_joblist *l, yk_run_job *ret, yoke_error *err)
{
    const waiting *w = &l->wait[l->ready[l->ready_at++]];
    yk_job         job;
    YK_TRY(yk_jobfile_seek(l->file, w->line, err));
    int rc = yk_jobfile_next(l->file, &job, err);
    YK_TRY(rc);
    give(ret, &job, w->is_doomed);
    return YK_SOURCE_JOB;
}

static int next(void *ctx, unsigned slot, yk_run_job *ret, yoke_error *err)
{
    yk_joblist *l = ctx;
    yk_job      job;
    int         rc = 0;
    if (l->ready_at < l->n_ready) {
        l->is_elsewhere = true;
        return next_ready(l, ret, err);
    }
    if (l->is_elsewhere)
        YK_TRY(yk_jobfile_seek(l->file, l->line, err));
    l->is_elsewhere = false;
    while ((rc = yk_jobfile_next(l->file, &job, err)) > 0) {
        l->line = job.line + 1;
        if (yk_done_get(l->done, job.index) != YK_JOB_TODO)
            continue;
        waiting *w = l->n_wait ? find_wait(l, job.line) : NULL;
        if (w)
            w->is_reached = true;
        if (w && w->missing > 0 && !w->is_doomed) {
            l->n_held++;
            continue;
        }
        give(ret, &job, w && w->is_doomed);
        return YK_SOURCE_JOB;
    }
    YK_TRY(rc);
    return l->n_held > 0 ? YK_SOURCE_LATER : YK_SOURCE_END;
}

static void ended(void *ctx, const yk_record *r)
{
    yk_joblist *l = ctx;
    if (l->n_wait > 0)
        settle(l, r->line, r->cause == YK_CAUSE_OK);
}

yk_source yk_joblist_source(yk_joblist *l)
{
    return (yk_source){.ctx = l, .next = next, .ended = ended};
}

int yk_joblist_only(yk_jobfile *file, const yk_lines *only, yk_done *done, yoke_error *err)
{
    yk_job job;
    int    rc;
    YK_TRY(yk_jobfile_seek(file, 0, err));
    while ((rc = yk_jobfile_next(file, &job, err)) > 0)
        if (!yk_lines_has(only, job.line) && yk_done_get(done, job.index) == YK_JOB_TODO)
            yk_done_set(done, job.index, YK_JOB_UNWANTED);
    YK_TRY(rc);
    return yk_jobfile_seek(file, 0, err);
}
