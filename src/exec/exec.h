/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Executors: what runs a work's tasks. An executor knows nothing of what it runs. One `const` table each, listed in
 * exec.c; `serial` is the readable one and the oracle for the others.
 *
 * A run is begun, its blocks are taken with next and given back with release until next says 0, and it is ended. These
 * four are called by one thread at a time; any number of runs may be under way on one executor.
 */
#ifndef YK_EXEC_EXEC_H
#define YK_EXEC_EXEC_H

#include "exec/work.h"

#include <sys/types.h>

enum { YK_EXEC_ABI = 1 };

typedef struct yk_exec_ops yk_exec_ops;

typedef struct yk_exec {
    const yk_exec_ops *ops;
    unsigned           workers;
    pid_t              pid; /* whose it is: in a forked child only `serial` still works */
} yk_exec;

typedef struct yk_run {
    const yk_exec_ops *ops;
    yk_exec           *exec;
    yk_work            work;
    uint64_t           n_ended; /* tasks, when next was called last: those of blocks given on and of blocks that wait for earlier ones */
} yk_run;

enum { YK_NEXT_END = 0, YK_NEXT_BLOCK = 1, YK_NEXT_WAITED = 2 };

struct yk_exec_ops {
    uint32_t    abi;  /* YK_EXEC_ABI */
    const char *name; /* what --on takes */
    bool        has_count; /* takes :N */
    bool        is_local;  /* its workers write to the caller's own memory, and go on while nobody calls next */

    /* All required but poke. */
    int (*open)(unsigned workers, yk_exec **ret, yoke_error *err);
    int (*begin)(yk_exec *ex, const yk_work *w, yk_run **ret, yoke_error *err);

    /* YK_NEXT_BLOCK and a block, in task order unless the work is unordered; YK_NEXT_END when all were given, or the run
     * was stopped; YK_NEXT_WAITED after about wait_ns; negative when the run cannot go on. */
    int (*next)(yk_run *run, uint64_t wait_ns, yk_block **ret, yoke_error *err);
    void (*release)(yk_run *run, yk_block *b);

    /* No task is started any more; running ones end (now: at once, where the executor can). Blocks cut short are still
     * given, with n_done less than n. */
    void (*halt)(yk_run *run, bool now);
    void (*poke)(yk_run *run); /* any thread: a fill that said YK_FILL_LATER has more now. NULL: cannot be */
    void (*end)(yk_run *run);  /* halts it if it is not finished, waits for its workers, and frees it */
    void (*close)(yk_exec *ex); /* accepts NULL */
};

extern const yk_exec_ops yk_exec_serial, yk_exec_threads, yk_exec_processes;

/* "threads:4" to a table and a count; NULL: $YOKE_ON, else threads. */
int yk_exec_parse(const char *on, const yk_exec_ops **ret_ops, unsigned *ret_workers, yoke_error *err) YK_MUST_USE;

/* The executor's begin; `serial`'s in a process that the executor does not belong to (a worker's nested call). */
int yk_run_begin(yk_exec *ex, const yk_work *w, yk_run **ret, yoke_error *err) YK_MUST_USE;

/* True in a task of any run of this process. */
bool yk_exec_is_inside(void);

/* getpid without the system call. */
pid_t yk_pid(void);

/* True in a worker process: there is nothing further to pull with. */
bool yk_exec_is_worker(void);
void yk_exec_set_worker(void);

#endif
