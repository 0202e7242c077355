/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What an executor is given to run, and what it gives back. A work is n numbered, independent tasks; they are handed out
 * and come back in blocks of consecutive ones. How the tasks fall into blocks depends on time and workers and must never
 * show in a result.
 */
#ifndef YK_EXEC_WORK_H
#define YK_EXEC_WORK_H

#include "base/arena.h"
#include "base/buf.h"

#include <yoke/map.h>

#include <stdatomic.h>

typedef struct yk_block yk_block;

/* What fill returns when it succeeds. */
enum { YK_FILL_MORE = 0, YK_FILL_LATER = 1, YK_FILL_END = 2 };

typedef struct yk_work {
    const char *name;    /* "map", or the caller's; never NULL */
    uint64_t    n;       /* tasks; UINT64_MAX with fill */
    size_t      in_size; /* bytes of a task's item; 0: none */
    size_t      out_size;
    const void *in;      /* n items; NULL with fill. Borrowed */
    void       *out;     /* where results go; NULL: into the blocks. Borrowed */
    void       *ctx;     /* of the functions below; borrowed; tasks only read it */
    void       *user_ctx; /* what yoke_task_ctx gives */
    size_t      ctx_size;
    uint64_t    seed;

    /* Writes up to `want` items and says how many. YK_FILL_LATER: none just now, ask again when a block is released (unclaimed: when poked;
     * is_asked: in a while, too);
     * YK_FILL_END: these were the last. One call at a time, in item order, in the calling process, under a lock. */
    int (*fill)(void *fill_ctx, uint32_t want, void *to, uint32_t *ret_got, yoke_error *err);
    void *fill_ctx;

    /* Optional, once per worker. */
    int (*start)(void *ctx, void **ret_state, yoke_error *err);
    void (*stop)(void *ctx, void *state);

    /* The user's, or one of the library's own: that has its ctx from t->work and says why it fails in t->why. */
    yoke_task_fn *task;
    bool          is_users;

    /* Optional: after a block's tasks, in the worker: replaces its results by fewer, b->n_packed of them, and says in
     * b->bad which of these are none. A block whose worker dies meanwhile is run anew from its first task. */
    int (*pack)(void *ctx, yk_block *b, yoke_error *err);
    bool  has_tree; /* blocks are whole branches of the binary tree over the index, but where items run short */
    void *extra; /* borrowed; for callers whose ctx is a yk_call */

    uint64_t           chunk;  /* tasks in a block; 0: chosen from their cost */
    unsigned           together; /* tasks in a row that one worker does faster than several; 0: no matter */
    size_t             max_held; /* bytes that running and waiting tasks should take; 0: as many as it needs */
    unsigned           most_running; /* blocks at once; 0: as many as there are workers */
    size_t             expected; /* with max_held: bytes of a result, as long as none is known */
    unsigned           retries, backoff_ms, timeout_ms, mem_mib, recycle_mib;
    uint64_t           recycle_tasks;
    const yoke_cancel *cancel; /* NULL: none */
    bool               is_unordered; /* blocks come back as they are done */
    bool               is_flat;      /* task, fn and items mean the same in a worker forked earlier; ctx is not used */
    bool               has_times;    /* blocks say who ran each task, and how long it took */
    bool               is_unclaimed; /* nobody calls next: blocks are released as soon as they are done (is_local only) */
    /* fill says YK_FILL_LATER for a while, whatever is released: whoever calls next asks again now and then */
    bool               is_asked;
    bool               is_standing;  /* lasts as long as the session and mostly waits: others need not leave it workers */
    bool               is_watched;   /* the caller has other things to do between blocks: it runs no tasks itself */
} yk_work;

/* A task that failed for good. */
typedef struct yk_mishap {
    uint64_t   index;
    uint64_t   shown;  /* what people call it; the same but in a graph */
    yoke_cause cause;
    int        status; /* exit status or signal */
    unsigned   attempt;
    yoke_error why;
} yk_mishap;

typedef struct yk_times {
    uint64_t finished; /* the how-manyth of the run */
    double   seconds;
    unsigned worker, attempt;
    int32_t  pid, tid;
} yk_times;

/* What a task emitted stands in `emitted` as this, then n bytes. */
typedef struct yk_emit {
    uint64_t index, n;
} yk_emit;

struct yk_block {
    uint64_t       seq; /* the how-manyth block handed out */
    uint64_t       lo;
    uint32_t       n;
    uint32_t       first;         /* tasks before it are done already, by a worker that died */
    unsigned       first_attempt; /* of task lo + first */
    uint32_t       n_done;        /* tasks ended, failed ones included; less than n only in a stopped run */
    uint32_t       n_packed;
    unsigned       worker;
    bool           is_done;
    const unsigned char *in; /* n items */
    unsigned char *out;      /* n results, or n_packed */
    yk_times      *times;    /* n, or NULL */
    uint8_t       *bad;      /* n: whether the task failed; NULL unless the work has a pack */
    unsigned char *own;      /* the memory in, out, times and bad lie in as far as they are the block's; owned */
    size_t         own_size;
    yk_buf         emitted;  /* yk_emit records in task order */
    yk_mishap     *mishaps;  /* owned; in task order */
    size_t         n_mishaps, cap_mishaps;
    int            rc;       /* the pack's, or YOKE_ENOMEM: the run ends with it */
    yoke_error     why;
    uint64_t       busy_ns;
    yk_block      *next;     /* in a list of the feed */
};

/* A worker's place in a run: what its tasks see. */
struct yoke_task {
    uint64_t          index;       /* within the work */
    uint64_t          renamed;     /* added to it by yoke_task_index; 0 but in a graph */
    unsigned          attempt, worker;
    const yk_work    *work;
    void             *state;
    bool              has_started; /* the work's start was called */
    yk_arena          arena;
    yk_block         *block;
    int               left;        /* -1: what the task emitted, its scratch or `why` is to be put in order after it; else 0 */
    size_t            emitted_at;  /* 1 + where its record starts in block->emitted; 0: none yet */
    yoke_error        why;
    const atomic_int *stop;        /* the run's; negative: no further tasks */
    uint64_t          deadline_ns; /* 0: none */
    atomic_ullong    *finished;    /* the run's count of ended tasks */
    int32_t           pid, tid;    /* who runs the block; known when it has times */
    void (*before)(yoke_task *t); /* optional, all three: before and behind each attempt, after each task of a block */
    void (*behind)(yoke_task *t);
    void (*after)(yoke_task *t, uint32_t i);
};

/* Runs the tasks from b->first on, or until t->stop. Failures go into the block; never fails itself. */
void yk_block_run(yoke_task *t, yk_block *b);

/* Forgets what the task has emitted so far. */
void yk_task_forget(yoke_task *t);

/* Runs fn as task `index` in the calling thread: its code, its sentence in *ret_why. */
int yk_task_run_here(yoke_task_fn *fn, uint64_t index, const void *item, void *result, yoke_error *ret_why);

/* Records a failed task. False when memory is out: then b->rc says so. */
bool yk_block_fail(yk_block *b, const yk_mishap *m);

/* On a walk along a block's tasks: how the one of this index failed; NULL: it did not. *at goes along: 0 before the first task. */
static inline const yk_mishap *yk_block_mishap(const yk_block *b, uint64_t index, size_t *at)
{
    return *at < b->n_mishaps && b->mishaps[*at].index == index ? &b->mishaps[(*at)++] : NULL;
}

/* On such a walk: what the task emitted, *ret_n bytes, borrowed from the block; "" and 0 when nothing. */
const char *yk_block_emitted(const yk_block *b, uint64_t index, size_t *at, size_t *ret_n);

/* The pause before attempt 2, 3 and so on. */
uint64_t yk_backoff_ns(unsigned backoff_ms, unsigned attempt);

/* "task 7 of map" and so on before the sentence of `why`; a sentence is made where there is none. */
void yk_mishap_describe(const yk_work *w, const yk_mishap *m, yoke_error *ret);

struct yoke_cancel {
    atomic_int level; /* minus how often it was set */
};

/* Of none: 0. */
static inline int yk_cancel_level(const yoke_cancel *c) { return c ? -atomic_load(&c->level) : 0; }

#endif
