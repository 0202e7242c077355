/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parent's side of a run in worker processes.
 */
#ifndef YK_EXEC_PROC_RUN_H
#define YK_EXEC_PROC_RUN_H

#include "exec/exec.h"
#include "exec/feed.h"
#include "exec/proc.h"

#include <poll.h>

/* A worker process as its parent knows it. */
typedef struct yk_proc {
    pid_t       pid;     /* 0: none */
    int         pidfd;
    yk_proc_job job;
    yk_msg      msg;     /* being read; its body so far */
    bool        has_msg;
    yk_buf      body;
    bool        is_retired;
    bool        was_stopped; /* between tasks, when last looked at */
    yoke_cause  killed_for;  /* why the parent killed it; YOKE_CAUSE_NONE: it did not */
    uint32_t    killed_slot; /* the task it was killed for: when that has ended meanwhile, the next one is innocent */
    unsigned    killed_done;
} yk_proc;

/* A block that is out. */
typedef struct yk_sent {
    yk_block *block;   /* NULL: the slot is free */
    uint64_t  due_ns;  /* not posted before; 0: it is posted */
    size_t    emit_at; /* where the last emitted record begins */
    unsigned  n_lost;  /* workers that died after its last task */
} yk_sent;

typedef struct yk_proc_run {
    yk_run        run;
    yk_feed       feed;
    yk_proc_shm  *shm;
    yk_proc      *procs;  /* owned; `n_procs` */
    unsigned      n_procs;
    unsigned      n_seats; /* of the executor's workers */
    yk_sent      *sent;   /* owned; one for each slot */
    unsigned      n_sent, n_delayed;
    int           event_fd;
    struct pollfd *fds;   /* owned; 1 + n_procs */
    uint64_t      block_ns;      /* how long blocks took of late; 0: not known */
    unsigned      n_idle_deaths; /* in a row, of workers that had no task */
    atomic_bool   is_poked; /* set by any thread */
    bool          is_halted, is_killed;
    uint64_t      oom_kills;     /* of the system, when the run began */
    uint64_t      stop_check_ns; /* when stopped workers are looked for next */
    uint64_t      mem_check_ns;  /* when memory is looked at next */
    int           rc;
    yoke_error    why;
    unsigned long long code;       /* yk_code_loaded and thread when the workers were forked: they end with that thread */
    pid_t         thread;
} yk_proc_run;

/* Starts worker i. */
int yk_proc_fork(yk_proc_run *r, unsigned i, yoke_error *err) YK_MUST_USE;

/* Ends all workers: those that have a stop hook get time for it. */
void yk_proc_end_all(yk_proc_run *r);

void yk_proc_kill(yk_proc *p, yoke_cause why);

/* Reaps worker i, which has ended: settles its task and starts another worker where one is needed. */
void yk_proc_bury(yk_proc_run *r, unsigned i);

/* Kills workers that are over the time limit or the memory limit. Returns when to look again, in ns from now. */
uint64_t yk_proc_check_limits(yk_proc_run *r);

/* How often the system has killed for want of memory so far. */
uint64_t yk_proc_oom_kills(void);

/* Reads what worker i has sent. */
void yk_proc_read(yk_proc_run *r, unsigned i);

/* The block in a slot is as far as it will get. */
void yk_proc_complete(yk_proc_run *r, uint32_t slot);

/* Puts a slot into the queue; the gate is opened by the caller. */
void yk_proc_post(yk_proc_run *r, uint32_t slot);

void yk_proc_fail(yk_proc_run *r, int rc, const yoke_error *why);

#endif
