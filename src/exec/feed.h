/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The feed of a run: cuts the tasks into blocks, hands them out in order, takes them back in any order and gives them on
 * in task order (or as they come). It bounds what is ahead: how many blocks are out or waiting, and their bytes. Every
 * executor has one per run. No locks of its own: `threads` holds the run's lock around every call.
 */
#ifndef YK_EXEC_FEED_H
#define YK_EXEC_FEED_H

#include "exec/work.h"

typedef struct yk_feed {
    const yk_work *work;    /* borrowed */
    unsigned       workers;
    uint32_t       max_block;  /* tasks */
    uint64_t       target_ns;  /* how long a block should take */
    uint64_t       next;       /* first task not handed out */
    uint64_t       seq_out, seq_in;  /* blocks handed out, blocks given on */
    uint64_t       n_ended;          /* tasks of the blocks that are done */
    uint64_t       n_window;         /* power of two: how far seq_out may run ahead of seq_in; grows while one slow block holds up all */
    yk_block     **window;           /* owned; the blocks out or waiting, by seq */
    yk_block      *done_first, *done_last; /* unordered: waiting to be given on */
    yk_block      *free;             /* owned; to be used again */
    size_t         held;             /* bytes of results waiting */
    size_t         most_bytes;       /* of one block's results; 0: not known */
    uint64_t       n_running;        /* blocks handed out and not done */
    double         task_ns;          /* measured cost of a task; 0: not yet known */
    uint32_t       largest;          /* tasks of the largest block that came back */
    bool           is_later, is_ended; /* what fill last said */
} yk_feed;

/* How many tasks a block may hold when each needs so many bytes of it. */
uint32_t yk_feed_max_block(size_t task_bytes);

int  yk_feed_init(yk_feed *f, const yk_work *w, unsigned workers, yoke_error *err) YK_MUST_USE;
void yk_feed_fini(yk_feed *f);

/* 1 and the next block; 0 when there is none now; negative when fill failed or memory is out. */
int yk_feed_claim(yk_feed *f, yk_block **ret, yoke_error *err) YK_MUST_USE;

/* A cheap guess at whether a claim would yield a block. */
bool yk_feed_may_claim(const yk_feed *f);

/* The block is done; the feed keeps it until it is given on. */
void yk_feed_done(yk_feed *f, yk_block *b);

/* The next block to give on, or NULL. Given back with yk_feed_release once it is used. */
yk_block *yk_feed_deliver(yk_feed *f);
void      yk_feed_release(yk_feed *f, yk_block *b);

/* All tasks are handed out and all blocks are back and given on. */
bool yk_feed_is_finished(const yk_feed *f);

/* Nothing more is handed out. */
static inline void yk_feed_end(yk_feed *f) { f->is_ended = true; }

#endif
