/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One place where jobs run, one after the other: starting a process, and what it prints. Used by the runner alone.
 */
#ifndef YK_JOBS_SLOT_H
#define YK_JOBS_SLOT_H

#include "jobs/command.h"
#include "jobs/limits.h"
#include "jobs/record.h"
#include "jobs/store.h"

#include <signal.h>
#include <sys/resource.h>

enum { YK_TAIL_MAX = 1024, YK_PIPE_HOLDS = 64 << 10 };

typedef enum yk_slot_state { YK_SLOT_FREE, YK_SLOT_RUNS, YK_SLOT_LINGERS } yk_slot_state; /* lingers: exited, pipes still open */

typedef struct yk_pipe {
    int      fd; /* -1: at its end */
    bool     never_blocks;
    yk_buf   buf; /* what is not in the store */
    uint64_t total;
} yk_pipe;

typedef struct yk_slot {
    unsigned      number; /* 1 … */
    yk_slot_state state;
    pid_t         pid;
    int           pidfd;
    yk_pipe       pipe[2]; /* standard output and error */
    uint64_t      chunk;   /* the last in the store */
    char          tail[YK_TAIL_MAX];
    size_t        tail_len;
    yk_buf        text, tag;
    bool          has_tag, has_shell, has_group, is_watched; /* watched: its pipes are */
    const char   *not_run; /* why it is not to be run at all; NULL: it is. Static */
    uint64_t      line, seq;
    uint32_t      attempt;
    uint64_t      begun_ns, wall_ns; /* monotonic; how long */
    uint64_t      start_ns;          /* wall clock */
    uint64_t      term_at, kill_at, linger_until; /* monotonic; 0: never */
    yk_cause      forced;            /* why the runner ended it; RUNNING: it did not */
    uint64_t      group_kills;
    uint64_t      journal_start;
    int           status;
    struct rusage used;
} yk_slot;

/* What starting needs besides the slot. */
typedef struct yk_starter {
    yk_command          command;
    yk_paths            paths;
    char              **env;      /* ends with NULL; its first N_ENV are those of each job, below */
    char                env_text[5][64];
    int                 null_fd;
    sigset_t            mask;     /* of jobs */
    struct rlimit       files;    /* of jobs, where this process needed more open files */
    bool                has_files;
    bool                ignores_output;
    _Alignas(16) char   stack[32 << 10]; /* of a process being started */
} yk_starter;

/* Jobs get the signal mask of this moment, and the limits: this process takes as many open files as so many slots need. */
int  yk_starter_init(yk_starter *s, uint64_t run_id, unsigned n_slots, bool ignores_output, yoke_error *err) YK_MUST_USE;
void yk_starter_fini(yk_starter *s);

/* Starts the slot's text; the pipes are open, pid and pidfd (-1 on old kernels) are set. 0, or an errno when it cannot be
 * started at all. */
int yk_slot_spawn(yk_slot *s, yk_starter *with, yk_limits *limits);

/* Reads what is there on a pipe, or the first MiB of it, without waiting. What is over 64 KiB goes to the store. The pipe is
 * closed at its end. */
int yk_slot_read(yk_slot *s, int which, yk_store *store, yoke_error *err) YK_MUST_USE;

/* The job has ended: reads what it left in its pipes, and closes those that nobody else holds open. */
int yk_slot_drain(yk_slot *s, yk_store *store, yoke_error *err) YK_MUST_USE;

/* Puts what is left in memory into the store. */
int yk_slot_put(yk_slot *s, yk_store *store, yoke_error *err) YK_MUST_USE;

void yk_slot_clear(yk_slot *s); /* ready for another job; closes what is open */
void yk_slot_fini(yk_slot *s);

#endif
