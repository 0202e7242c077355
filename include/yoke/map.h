/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The map family: one function over many items, on whatever the session pulls with. Every call here gives the same bits
 * on every executor and any number of workers, and stands for the serial loop shown with it.
 *
 * On `processes` the workers are forked from the caller: a task sees the caller's memory as it was when the call began
 * (shared, copied only where someone writes), and its result travels back as bytes. Pointers in a result mean nothing.
 * What they print goes out in whole lines. Forking costs a call with 4 workers about 0.8 ms for a small caller and grows with
 * the memory the caller has touched (3 ms at 32 MiB, measured on a busy 2-core virtual machine; page tables are copied, not
 * pages): with `is_flat` it is paid once a session, and such a call costs 0.02 ms.
 *
 * A call from inside a task, or from several threads at once, is allowed. Workers are shared, not multiplied: inside a task
 * of `processes` a call runs in that worker alone, and a call that finds all worker processes taken gets one of its own.
 */
#ifndef YOKE_MAP_H
#define YOKE_MAP_H

#include <yoke/session.h>
#include <yoke/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One task: reads *item, fills *result (zeroed before) and returns 0, or a negative code and the slot stays zero. */
typedef int yoke_task_fn(yoke_task *t, const void *item, void *result);

typedef enum yoke_on_error {
    YOKE_RAISE,   /* the first failure in task order ends the call and is its error; it is the first in `failures`, if given */
    YOKE_COLLECT, /* all tasks run; failures are listed in `failures`; the call returns YOKE_ETASK if there were any */
    YOKE_IGNORE   /* all tasks run; the call returns 0; failures are listed if `failures` is given */
} yoke_on_error;

typedef struct yoke_failures yoke_failures; /* the failed tasks of one call, in task order */

typedef struct yoke_progress {
    uint64_t done, failed, total; /* tasks, those that wait to be given on in order among `done`; total: UINT64_MAX while unknown */
    double   seconds;             /* since the call began */
} yoke_progress;

/* Options. Start from YOKE_MAP_OPTS_INIT and set what differs. NULL in a call means all as in YOKE_MAP_OPTS_INIT. */
typedef struct yoke_map_opts {
    size_t         size;
    const char    *name;  /* for messages: "task 7 of NAME". NULL: none */
    void          *ctx;   /* what yoke_task_ctx gives; borrowed, read only */
    uint64_t       seed;  /* what yoke_task_seed gives */
    uint64_t       chunk; /* tasks handed out together; 0: from their measured cost, smaller at the end */
    yoke_on_error  on_error;
    yoke_failures **failures;  /* receives the failures, for yoke_failures_free; NULL: not wanted */
    unsigned       retries;    /* further attempts of a task that failed, or whose worker died */
    unsigned       backoff_ms; /* pause before the first retry; doubles with each further one, up to a minute */
    unsigned       timeout_ms; /* per attempt; 0: none. `processes` stops the worker; elsewhere yoke_task_is_canceled turns
                                  true, and a task that returns too late has failed all the same */
    unsigned       mem_mib;    /* memory a worker may grow by since it was started, looked at every 10 ms; 0: no limit.
                                  `processes` only */
    bool           unordered;  /* on_result and yoke_imap_next in order of completion instead of task order */
    bool           is_flat;    /* the promise that ctx, items and code hold no pointers to memory made after the session's
                                  first such call: then `processes` keeps its workers from call to call */
    yoke_cancel   *cancel;     /* borrowed; NULL: none */
    int          (*on_result)(void *callback_ctx, const yoke_outcome *o);     /* in the calling thread, for every task; a */
                                                                              /* negative value ends the call with it */
    void         (*on_progress)(void *callback_ctx, const yoke_progress *p);  /* in the calling thread, at most ten a second */
    void          *callback_ctx;
    int          (*worker_start)(void *ctx, void **ret_state, yoke_error *err); /* in each worker, before its first task */
    void         (*worker_stop)(void *ctx, void *state);                        /* in each worker, after its last; */
                                                                                /* `processes` gives it ten seconds */
    uint64_t       recycle_tasks; /* `processes`: a worker is replaced after so many tasks; 0: never */
    unsigned       recycle_mib;   /* `processes`: … once it has grown by so much; 0: never */
    size_t         ctx_size;      /* with is_flat: bytes of ctx, copied to the workers */
} yoke_map_opts;

#define YOKE_MAP_OPTS_INIT {sizeof(yoke_map_opts), 0, 0, 0, 0, YOKE_RAISE, 0, 0, 0, 0, 0, false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * results[i] = fn(items[i]) for all i:
 *
 *     for (i = 0; i < n; i++)
 *         fn(t, items + i * item_size, results + i * result_size);
 *
 * item_size 0: no items, tasks go by their index; result_size 0: no results; results NULL: they are given to on_result alone.
 * Returns 0, or what `on_error` says.
 * Errors: those of the tasks; YOKE_EDIED, YOKE_ETIMEOUT, YOKE_ECANCELED; the sentence names the task.
 */
int yoke_map(yoke_session *s, yoke_task_fn *fn, const void *items, uint64_t n, size_t item_size, void *results,
             size_t result_size, const yoke_map_opts *opts, yoke_error *err);

/* One argument of a function of several: n values of `size` bytes. */
typedef struct yoke_arg {
    const void *values;
    uint64_t    n;
    size_t      size;
} yoke_arg;

typedef enum yoke_star { YOKE_ZIP, YOKE_PRODUCT } yoke_star;

/* As yoke_task_fn, with one pointer for each argument. */
typedef int yoke_star_fn(yoke_task *t, const void *const *args, void *result);

/*
 * A function of several arguments. YOKE_ZIP: results[i] = fn(a[i], b[i], …), all of one length (else YOKE_EINVALID).
 * YOKE_PRODUCT: every combination, the last argument varying fastest: results[i * n_b + j] = fn(a[i], b[j]).
 */
int yoke_starmap(yoke_session *s, yoke_star_fn *fn, const yoke_arg *args, unsigned n_args, yoke_star how, void *results,
                 size_t result_size, const yoke_map_opts *opts, yoke_error *err);

/*
 * Where items come from: an array, an index range, or a function that makes them one after the other. Made by one of the three
 * functions below; what may be left out is set afterwards, as in `items.is_ready = may_go_on;`
 */
typedef struct yoke_items {
    const void *values; /* n * item_size bytes; NULL: none, or `next` */
    uint64_t    n;
    size_t      item_size;
    int       (*next)(void *next_ctx, void *ret_item, yoke_error *err); /* 1: an item; 0: no more; negative: failed, which the */
    void       *next_ctx;                                               /* call does too, after the items before it. One at a */
                                                                        /* time, in the caller's process, any thread */
    /* Optional, for a `next` that may have to wait (a pipe, a socket): whether it need not, now or within about a millisecond. While it
     * would, tasks go on, results are given on, and it is asked again every few milliseconds. Called as `next` is. */
    int       (*is_ready)(void *next_ctx);
} yoke_items;

static inline yoke_items yoke_items_array(const void *values, uint64_t n, size_t item_size)
{
    yoke_items i = {values, n, item_size, 0, 0, 0};
    return i;
}

static inline yoke_items yoke_items_range(uint64_t n) /* no items: tasks go by their index, 0 to n - 1 */
{
    yoke_items i = {0, n, 0, 0, 0, 0};
    return i;
}

static inline yoke_items yoke_items_from(int (*next)(void *, void *, yoke_error *), void *next_ctx, size_t item_size)
{
    yoke_items i = {0, UINT64_MAX, item_size, next, next_ctx, 0};
    return i;
}

/*
 * A map whose results are taken one by one, while later ones are computed; the input may be endless. Only a bounded number
 * of items is read ahead of the results taken.
 *
 *     yoke_imap *it = yoke_imap_open(s, fn, yoke_items_from(next, ctx, size), result_size, &opts, &err);
 *     while (it && (rc = yoke_imap_next(it, &outcome, &err)) > 0)
 *         use(outcome.value);
 *     yoke_imap_close(it);
 *
 * Task order, or order of completion with opts.unordered. With YOKE_RAISE a failed task ends the stream: next returns its
 * code. Else it is an outcome with an error. One thread at a time uses an iterator; on `processes` the one that opened it.
 */
typedef struct yoke_imap yoke_imap;
yoke_imap *yoke_imap_open(yoke_session *s, yoke_task_fn *fn, yoke_items items, size_t result_size,
                          const yoke_map_opts *opts, yoke_error *err);
int  yoke_imap_next(yoke_imap *it, yoke_outcome *ret, yoke_error *err); /* 1: an outcome; 0: the end; negative: failed */
void yoke_imap_close(yoke_imap *it);                                    /* NULL is allowed; unfinished work is dropped */

/* into = into (+) from. Associative; need not commute: `into` is always the earlier one. `ctx` is the call's. */
typedef int yoke_combine_fn(void *ctx, void *into, const void *from, yoke_error *err);

/*
 * *result = fn(item 0) (+) fn(item 1) (+) … in constant memory. The combination has one fixed shape, the tree over the
 * index in which 2k joins 2k+1 at each level, so rounding is the same on every executor. Failed tasks (unless YOKE_RAISE)
 * are left out. With no result at all, or when the call ends early, *result is as it was. `combine` may run in any
 * worker. `unordered` and `on_result` mean nothing here.
 */
int yoke_map_reduce(yoke_session *s, yoke_task_fn *fn, yoke_items items, yoke_combine_fn *combine, void *result,
                    size_t result_size, const yoke_map_opts *opts, yoke_error *err);

/* A piece of a loop: lo <= i < hi. */
typedef int yoke_range_fn(yoke_task *t, uint64_t lo, uint64_t hi);

/*
 * for (lo = 0; lo < n; lo += grain) fn(t, lo, min(lo + grain, n)), in any order. grain 0: 1024 pieces of one size.
 * Each index is in exactly one piece. On `processes` what the pieces write reaches the
 * caller only through yoke_shared_new. `retries` and `on_error` go by piece; the task's index is the piece's
 * number.
 */
int yoke_for(yoke_session *s, yoke_range_fn *fn, uint64_t n, uint64_t grain, const yoke_map_opts *opts, yoke_error *err);

/* The failures of a call: how many, the k-th (in task order, behind them those that a cancelled call never began), and that of a
 * task; NULL: there is none. An outcome is borrowed until the next one of `f` is asked for, and says nothing of pid, tid, finished
 * and seconds (all 0): on_result has them. One thread at a time. */
uint64_t            yoke_failures_count(const yoke_failures *f);
const yoke_outcome *yoke_failures_at(const yoke_failures *f, uint64_t k);
const yoke_outcome *yoke_failures_find(const yoke_failures *f, uint64_t index);
void                yoke_failures_free(yoke_failures *f); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
