/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Futures: single calls that run in the background, and handles to wait for them by.
 *
 * `threads`: tasks run in the session's threads. `serial`: at once, inside yoke_submit. `processes`: in worker processes
 * that are started at the first submit and live until the session is closed (they are started anew when code has been
 * loaded since, or a larger item comes): what an item points to must have been there before the first submit.
 * Any thread may call any of these, also from inside a task; one thread at a time for one future.
 */
#ifndef YOKE_FUTURE_H
#define YOKE_FUTURE_H

#include <yoke/map.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yoke_future yoke_future;

/* Begins fn(t, item, result) in the background. The item's bytes are copied. The task's index counts the session's
 * submits. What it emits is dropped: a future has its result alone. NULL when memory is out or no worker can be started. The caller owns
 * the future. */
yoke_future *yoke_submit(yoke_session *s, yoke_task_fn *fn, const void *item, size_t item_size, size_t result_size,
                         yoke_error *err);

/* True once the task has ended, well or not, or was cancelled. Never waits. */
bool yoke_future_is_ready(const yoke_future *f);

/* Waits until it is ready, at most timeout_ms (negative: as long as it takes): 0, or YOKE_ETIMEOUT. A task that waits for
 * one that has not begun runs it itself, so waiting inside tasks cannot block the session. */
int yoke_future_wait(yoke_future *f, int timeout_ms, yoke_error *err);

/* Waits, and copies the result to *ret (may be NULL). Fails with what the task failed with: its own code and sentence,
 * YOKE_EDIED, YOKE_ECANCELED. May be called again. */
int yoke_future_get(yoke_future *f, void *ret, yoke_error *err);

/* Calls fn(ctx, f) once it is ready: at once if it is, else in the thread that found it so. It must not wait for other
 * futures. At most one for a future; set before the future is freed. */
void yoke_future_then(yoke_future *f, void (*fn)(void *ctx, yoke_future *f), void *ctx);

/* A file descriptor that becomes readable when it is ready, for poll. Owned by the future. Negative: failed. */
int yoke_future_fd(yoke_future *f, yoke_error *err);

/* Cancels it if it has not begun: true when it will not run. */
bool yoke_future_cancel(yoke_future *f);

/* Frees it; a task that has not ended goes on, its result is dropped. NULL is allowed. Before yoke_close, which waits for
 * all tasks that were submitted. */
void yoke_future_free(yoke_future *f);

#ifdef __cplusplus
}
#endif
#endif
