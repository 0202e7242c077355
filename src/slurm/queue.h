/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What Slurm says of the tasks of a job: rows of squeue and sacct, brought into one form.
 */
#ifndef YK_SLURM_QUEUE_H
#define YK_SLURM_QUEUE_H

#include "slurm/indices.h"

typedef struct yk_queue_row {
    uint64_t job;      /* of the array, or of the job when it is none */
    bool     is_array; /* false: a job without tasks, and `tasks` is empty */
    yk_lines tasks;
    bool     is_cut;   /* the list of tasks was cut short by Slurm */
    char     state[40];  /* "PENDING", "CANCELLED by 1124" */
    char     reason[64]; /* Slurm's word for it; "" when there is none */
    char     node[64];
    int      exit_code, signal; /* -1: not said */
} yk_queue_row;

typedef struct yk_queue {
    yk_queue_row *row; /* owned */
    size_t n, cap;
} yk_queue;

#define YK_QUEUE_INIT {NULL, 0, 0}

void yk_queue_fini(yk_queue *q);

/* Adds the rows of an output; lines that are none are passed over.
 * squeue: `squeue -h -t all -o YK_SQUEUE_FORMAT`; sacct: `sacct -n -X -P -o YK_SACCT_FORMAT`. The row without a task index
 * that sacct shows of an array whose tasks it does not know yet says nothing and is left out when is_array. */
#define YK_SQUEUE_FORMAT "%F|%K|%T|%r|%N"
#define YK_SACCT_FORMAT  "JobID,State,ExitCode,NodeList"
int yk_queue_add_squeue(yk_queue *q, const char *text, yoke_error *err) YK_MUST_USE;
int yk_queue_add_sacct(yk_queue *q, const char *text, bool is_array, yoke_error *err) YK_MUST_USE;

/* Appends all rows in the form that yk_queue_add_squeue reads. */
void yk_queue_print(const yk_queue *q, yk_buf *to);

/* The row with that task; of several the last. NULL: none. */
const yk_queue_row *yk_queue_find(const yk_queue *q, uint64_t job, uint64_t task);

/* ---- states */

/* Whether a state is the named one: "CANCELLED by 1124" is CANCELLED. */
bool yk_state_is(const char *state, const char *name);

/* Whether the task still waits or works: it is not an end. */
bool yk_state_is_active(const char *state);

/* Those that a list of states may name; ends with NULL. */
extern const char *const yk_states_known[];

/* Slurm's word for why something waits, in words: "Resources" -> "waits for free nodes". The word itself when not known. */
const char *yk_queue_reason(const char *reason);

/* ---- asking */

/* Asks squeue for these jobs. A job that Slurm no longer knows has no rows; that is no error. */
int yk_queue_ask_squeue(const uint64_t *jobs, size_t n, yk_queue *q, yoke_error *err) YK_MUST_USE;

/* Asks sacct. YOKE_EABSENT where there is no accounting. */
int yk_queue_ask_sacct(const uint64_t *jobs, size_t n, bool is_array, yk_queue *q, yoke_error *err) YK_MUST_USE;

#endif
