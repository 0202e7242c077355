/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The runner's inside, shared by runner.c (the loop) and policy.c (what an end means). Nobody else includes it.
 */
#ifndef YK_JOBS_RUNNER_STATE_H
#define YK_JOBS_RUNNER_STATE_H

#include "jobs/runner.h"
#include "jobs/slot.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

typedef struct yk_again {
    char    *text, *tag; /* owned */
    size_t   text_len;
    uint64_t line, seq;
    uint32_t attempt;
} yk_again;

struct yk_runner {
    yk_runner_opts         opts;
    const yk_source       *source;
    yk_journal            *journal;
    yk_store              *store, *own_store;
    const yk_runner_hooks *hooks;
    yk_starter             starter;
    yk_limits              limits;
    yk_slot               *slot;
    unsigned               n_slots, n_running, free_hint;
    int                    epoll, signals;
    sigset_t               old_mask;
    bool                   has_mask;
    int                    source_state; /* what next last said */
    yk_again              *again;        /* failed jobs to try again: [again_at, again_at + n_again) */
    size_t                 again_at, n_again, again_cap;
    bool                   is_draining, is_stopping, is_held, has_deadlines;
    bool                   is_short, was_short; /* of processes or open files: no start until a job has ended */
    uint64_t               watch_at; /* monotonic; when the next pipes are to be watched; 0: none are waiting for it */
    uint64_t               begun_ns, held_until, started_ns, ticked_ns, watched_ns; /* monotonic */
    uint64_t               n_ended, n_failed;                            /* for good */
    yk_run_end             end;
    const yk_slot         *current; /* of the `ended` call */

    pthread_t       syncer;
    bool            has_syncer;
    pthread_mutex_t lock; /* innermost */
    pthread_cond_t  wake;
    bool            is_closing;  /* guarded by lock */
    atomic_bool     is_dirty, is_store_dirty; /* there is something to sync; a lost race costs one more second */
    atomic_int      sync_failed; /* errno of a failed sync; told at the next flush */
};

void yk_again_pop(yk_runner *run);

/* What a slot knows, as a record. Borrowed from the slot. */
yk_record yk_slot_record(const yk_slot *s);

void yk_runner_say(yk_runner *run, const char *fmt, ...) YK_PRINTF(2, 3);
int  yk_runner_flush(yk_runner *run, yoke_error *err) YK_MUST_USE;

/* The runner ends a job: politely, with kill_after to go; at once. */
void yk_runner_term(yk_runner *run, yk_slot *s, yk_cause why);
void yk_runner_kill(yk_runner *run, yk_slot *s, yk_cause why);

/* A job is at its end: judge it, write it down, tell, and free the slot. The second: it could not be started (errno). */
int yk_runner_ended(yk_runner *run, yk_slot *s, yoke_error *err) YK_MUST_USE;
int yk_runner_not_started(yk_runner *run, yk_slot *s, int sys, yoke_error *err) YK_MUST_USE;

/* A job could not be started for want of something (errno) that others hold: it goes to those to try again. */
int yk_runner_put_back(yk_runner *run, yk_slot *s, int sys, yoke_error *err) YK_MUST_USE;

/* A thread that gives journal and store to the disk once a second. Runs shorter than that have none; all are synced at the end. */
int  yk_runner_start_syncing(yk_runner *run, yoke_error *err) YK_MUST_USE;
void yk_runner_stop_syncing(yk_runner *run);

#endif
