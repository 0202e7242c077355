/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A stage: n numbered, independent tasks, each yielding a result, and a fold that takes the results in task order.
 * Everything that runs is a stage. What the tasks are depends on the data alone, never on who runs them, and results
 * reach the fold in order 0, 1, 2 … whatever runs them: so the answer has the same bits on every executor.
 */
#ifndef YK_PLAN_STAGE_H
#define YK_PLAN_STAGE_H

#include "exec/task.h"

#include <yoke/session.h>

/* One result as the fold sees it; borrowed for the call. */
typedef struct yk_result {
    uint64_t    index;
    const void *out;     /* out_size bytes, as the task left them */
    const void *bytes;   /* what it emitted */
    size_t      n_bytes;
} yk_result;

typedef struct yk_stage {
    const char *name; /* for progress and messages: "scan", "rotate" */
    uint64_t    n;
    size_t      out_size; /* bytes of the fixed part of a result; zeroed before the task; 0 is allowed */
    void       *ctx;      /* borrowed. Tasks only read it; start, task and stop may run in other threads or processes */

    /* Optional, once per worker before its first task and after its last. */
    int (*start)(void *ctx, void **ret_state, yoke_error *err);
    void (*stop)(void *ctx, void *state);

    /* Required. A negative return fails the task with `err`. */
    int (*task)(void *ctx, yk_task *t, void *out, yoke_error *err);

    /* Optional. In the calling process, one at a time, in task order. A negative return ends the stage. */
    int (*fold)(void *fold_ctx, const yk_result *r, yoke_error *err);

    /* Optional: takes the failed tasks, in order with the others (a worker's death among them), and returns 0 to go on.
     * NULL: the first failure in task order ends the stage and is its error. */
    int (*failed)(void *fold_ctx, uint64_t index, const yoke_error *why, yoke_error *err);
    void *fold_ctx; /* borrowed */

    /* Optional: bytes that tasks and their results should take together, those that run and those that wait for the fold; and of a
     * result before one is known. Tasks are begun while there is room, and one at a time where there is none. */
    size_t max_held, expected;

    unsigned most; /* tasks at once; 0: as many as there are workers */
    unsigned together; /* tasks in a row that one worker does faster than several, as they read the same; 0: no matter */
} yk_stage;

/* Runs the stage on the session's executor and returns when all is folded, or the first error. Results not yet folded
 * are bounded by the executor's look-ahead, not by n. */
int yk_stage_run(yoke_session *s, const yk_stage *stage, yoke_error *err) YK_MUST_USE;

/* Whether what a task writes to memory is seen by the caller: not where workers are processes. */
bool yk_stage_is_local(const yoke_session *s);

#endif
