/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A call of the map family under way: its options, its run, and what becomes of failures, progress and cancelling.
 */
#ifndef YK_MAP_CALL_H
#define YK_MAP_CALL_H

#include "exec/session.h"

#include <yoke/map.h>

typedef struct yk_call {
    yoke_map_opts  opts;
    yk_work        work;
    yk_run        *run;
    void         (*rename)(void *extra, yk_block *b); /* optional: puts the names of failed tasks right (work.extra) */
    yoke_failures *failures; /* owned; NULL when none are kept */
    uint64_t       done, failed, end; /* tasks given on, those that failed among them; one past the last that was given on */
    uint64_t       ended;             /* tasks that ended, given on or waiting for earlier ones */
    uint64_t       began_ns, told_ns;
    int            cancel_seen;
    bool           is_cut;   /* the run has failed: what comes after the first task that was not run is not given on */
    yoke_error     first;    /* the first failure in the order of numbers, described */
    uint64_t       first_shown;
} yk_call;

/* Begins the run of `work`, whose policy part is filled from `opts` (may be NULL). The call must not move until its end. */
int yk_call_begin(yk_call *c, yoke_session *s, const yoke_map_opts *opts, const yk_work *work, yoke_error *err) YK_MUST_USE;

/* The next block: YK_NEXT_BLOCK, YK_NEXT_END or negative. Blocks have their failures recorded already; with YOKE_RAISE
 * one that has any is an error. */
int yk_call_next(yk_call *c, yk_block **ret, yoke_error *err) YK_MUST_USE;

static inline void yk_call_release(yk_call *c, yk_block *b) { c->run->ops->release(c->run, b); }

/* Calls on_result for the block's tasks, where there is one. */
int yk_call_report(yk_call *c, const yk_block *b, yoke_error *err) YK_MUST_USE;

/* Ends the run and says what the call returns, given what the loop around yk_call_next came to. */
int yk_call_end(yk_call *c, int rc, yoke_error *err);

/* The outcome of the block's i-th task. *mishap and *emit_at go along: 0 at the first task. */
void yk_call_outcome(const yk_block *b, const yk_work *w, uint32_t i, size_t *mishap, size_t *emit_at, yoke_outcome *ret);

/* ---- failures.c ---- */

yoke_failures *yk_failures_new(yoke_error *err);
bool yk_failures_add(yoke_failures *f, const yk_mishap *m, unsigned worker);
bool yk_failures_skip(yoke_failures *f, uint64_t lo, uint64_t hi); /* tasks that were never run */
void yk_failures_seal(yoke_failures *f);                           /* sorts; from then on it is read */

#endif
