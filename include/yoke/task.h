/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tasks: what a function that runs in parallel may ask for and say while it runs, and what became of it afterwards.
 *
 * A `yoke_task *` is valid during the call it is passed to, in the thread it is passed to.
 */
#ifndef YOKE_TASK_H
#define YOKE_TASK_H

#include <yoke/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yoke_task yoke_task;

/* Its number, from 0: of the item, node or range it works on. The same on every executor and in every attempt. */
uint64_t yoke_task_index(const yoke_task *t);

/* 1 in the first attempt, 2 in the first retry, and so on. */
unsigned yoke_task_attempt(const yoke_task *t);

/* The call's `ctx` option. On `processes` it is the worker's own copy: what a task writes there stays in that worker. */
void *yoke_task_ctx(const yoke_task *t);

/* The call's `seed` option. Random numbers made from the seed and the index alone are the same whoever runs the task;
 * <yoke/random.h> makes such a stream from a task. */
uint64_t yoke_task_seed(const yoke_task *t);

/* What the call's `worker_start` made for this worker; NULL without one. */
void *yoke_task_state(const yoke_task *t);

/* True once the call is cancelled or the task is over its time limit. Long tasks ask now and then and return early. */
bool yoke_task_is_canceled(const yoke_task *t);

/* Scratch memory, 64-byte aligned when it is 64 bytes or more; freed when the task ends. NULL when memory is out. */
void *yoke_task_scratch(yoke_task *t, size_t size);

/* Adds n bytes to the task's result, beyond its fixed part: for results whose size is known only at the end. They are
 * copied and reach the outcome whole (yoke_map's `on_result`, yoke_imap_next). */
int yoke_task_emit(yoke_task *t, const void *bytes, size_t n);

/* Says why the task fails, as printf does, and returns YOKE_ETASK: `return yoke_task_fail(t, "no root in [%g, %g]", a, b);`
 * A task may instead return a negative code of <yoke/error.h> without a sentence: YOKE_ETASK where none says more. A -1
 * is YOKE_ENOMEM and counts as out of memory. */
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
int yoke_task_fail(yoke_task *t, const char *fmt, ...);

/* For reports, never for results: the worker that runs it, 0 to workers - 1. */
unsigned yoke_task_worker(const yoke_task *t);

/* Why a task has no value. */
typedef enum yoke_cause {
    YOKE_CAUSE_NONE,     /* it has one */
    YOKE_CAUSE_FAILED,   /* its function returned a negative code */
    YOKE_CAUSE_EXITED,   /* its worker called exit; `status` is the exit status */
    YOKE_CAUSE_SIGNAL,   /* its worker was killed; `status` is the signal */
    YOKE_CAUSE_MEMORY,   /* out of memory: over its limit, or killed by the system for want of memory */
    YOKE_CAUSE_TIMEOUT,  /* over its time limit */
    YOKE_CAUSE_CANCELED  /* the call was cancelled before it ended */
} yoke_cause;

/* What became of one task. Pointers are borrowed until the next outcome of the same call. */
typedef struct yoke_outcome {
    size_t            size;     /* of this struct, as the library knows it */
    uint64_t          index;    /* which task */
    const void       *value;    /* result_size bytes; NULL when it failed */
    const void       *bytes;    /* what it emitted; NULL when it failed */
    size_t            n_bytes;
    const yoke_error *error;    /* NULL when it has a value */
    yoke_cause        cause;
    int               status;   /* exit status or signal */
    unsigned          attempt;  /* the last one */
    unsigned          worker;   /* which worker; for reports */
    int64_t           pid, tid; /* its process and thread, as the system numbers them */
    uint64_t          finished; /* the how-manyth to end, from 0 */
    double            seconds;  /* how long the last attempt ran */
} yoke_outcome;

/* The cause in a word or two, static or written into buf: "failed", "exited 3", "signal SEGV", "out of memory", "timed
 * out", "cancelled"; "" without a cause. */
const char *yoke_cause_text(yoke_cause cause, int status, char *buf, size_t size);

/* Cancelling: a flag that calls look at. Opaque; one may serve several calls. */
typedef struct yoke_cancel yoke_cancel;

yoke_cancel *yoke_cancel_new(yoke_error *err);
/* Cancels: no task is started any more, running ones may end, and the call returns YOKE_ECANCELED with the results it has.
 * A second time: workers of `processes` are stopped at once. Any thread and any signal handler may call. */
void yoke_cancel_set(yoke_cancel *c);
bool yoke_cancel_is_set(const yoke_cancel *c);
void yoke_cancel_free(yoke_cancel *c); /* NULL is allowed; no call may be using it */

/* Zeroed memory that worker processes share with this one, for inputs and outputs that should not be copied: what a task
 * of `processes` writes there, the caller reads. Make it before the call that uses it. Freed by yoke_shared_free, with
 * the same size; NULL is allowed there. Nothing is left behind when the processes end, however they end. */
void *yoke_shared_new(size_t size, yoke_error *err);
void  yoke_shared_free(void *p, size_t size);

#ifdef __cplusplus
}
#endif
#endif
