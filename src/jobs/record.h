/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is known of one attempt at one job: what the runner measures, the journal keeps and reports print.
 */
#ifndef YK_JOBS_RECORD_H
#define YK_JOBS_RECORD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a job ended. The values are in journals: never renumber. `counts` of --resume: what "done" means is in yk_cause_is_done. */
#define YK_CAUSES(X)                           \
    X(RUNNING, 0, "running")                   \
    X(OK, 1, "ok")                             \
    X(EXIT, 2, "exit")                         \
    X(SIGNAL, 3, "signal")                     \
    X(MEMORY, 4, "out of memory")              \
    X(TIMEOUT, 5, "timed out")                 \
    X(CANCELLED, 6, "cancelled")               \
    X(NODE_LOST, 7, "node lost")               \
    X(PREEMPTED, 8, "preempted")               \
    X(NOT_STARTED, 9, "could not start")       \
    X(INTERRUPTED, 10, "interrupted")

typedef enum yk_cause {
#define X(name, value, word) YK_CAUSE_##name = value,
    YK_CAUSES(X)
#undef X
    YK_N_CAUSES
} yk_cause;

typedef struct yk_record {
    uint64_t    line;      /* the job's name */
    uint64_t    seq;       /* 1, 2, …: its place among the jobs of its list */
    uint32_t    attempt;   /* 1, 2, … */
    uint32_t    slot;      /* 1 … slots */
    uint64_t    start_ns;  /* wall clock, since 1970, UTC */
    uint64_t    wall_ns;   /* how long it took, by the monotonic clock */
    uint64_t    user_us, sys_us;
    uint64_t    peak_kib;  /* the largest resident size of any one of its processes; never less than the runner's own few MiB */
    int32_t     pid;
    int32_t     exit_code; /* 0-255; 0 when a signal ended it */
    int32_t     signal;    /* 0: none */
    yk_cause    cause;
    bool        is_last;   /* no further attempt follows in this run */
    uint64_t    out_len, err_len; /* bytes it printed */
    uint64_t    chunk;     /* where its output's last chunk lies in the store; 0: none (store.h) */
    const char *text;      /* the command; not NUL-terminated */
    size_t      text_len;
    const char *tail;      /* the last lines of its standard error, or why it was not run; not NUL-terminated */
    size_t      tail_len;
    const char *host;      /* NUL-terminated */
} yk_record;

/* "ok", "exit 3", "signal SEGV", "timed out", … into buf; returns buf. */
const char *yk_record_cause(const yk_record *r, char *buf, size_t size);

/* The word of a cause alone; NULL for a number that is none. And back: false for a word that is none. */
const char *yk_cause_word(yk_cause cause);

/* Whether the job has run to its end by itself, well or not: --resume does not run it again. Not so when the runner, the
 * user or the cluster stopped it. */
bool yk_cause_is_done(yk_cause cause);

/* "KILL" for 9; "RTMIN+3"; never NULL (a number when it has no name). buf is for those. */
const char *yk_signal_name(int signal, char *buf, size_t size);

#endif
