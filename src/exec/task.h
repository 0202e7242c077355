/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a running task of the library's own may ask for. Valid during the call it is passed to.
 */
#ifndef YK_EXEC_TASK_H
#define YK_EXEC_TASK_H

#include "base/arena.h"
#include "base/buf.h"

#include <yoke/task.h>

typedef struct yoke_task yk_task;

static inline uint64_t yk_task_index(const yk_task *t) { return yoke_task_index(t); }
static inline unsigned yk_task_worker(const yk_task *t) { return yoke_task_worker(t); } /* for reports, never for results */
static inline void *yk_task_state(yk_task *t) { return yoke_task_state(t); }            /* what the stage's start made */

/* Long tasks ask now and then, and return YOKE_ECANCELED. */
static inline bool yk_task_is_canceled(const yk_task *t) { return yoke_task_is_canceled(t); }

yk_arena *yk_task_arena(yk_task *t); /* scratch, emptied after the task */

/* Adds bytes to the task's result, beyond its fixed part: they reach the fold whole. Copied. */
int yk_task_emit(yk_task *t, const void *bytes, size_t n, yoke_error *err) YK_MUST_USE;

/* Where to append bytes of the result without a copy; then an emit (of none, it may be) counts them. NULL when memory is out. */
yk_buf *yk_task_bytes(yk_task *t) YK_MUST_USE;

#endif
