/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What became of every line of a run: journals first, then what Slurm says of the tasks.
 *
 * A line that a journal knows to have ended has that end, whatever Slurm says of its task. Else it has the state of its
 * task: PENDING while it waits or stands behind others in a task that runs, RUNNING, or what ended the task (CANCELLED,
 * NODE_FAIL, PREEMPTED, TIMEOUT, …). Where Slurm has forgotten the task: NODE_FAIL when the line had begun and nothing is
 * known of its end, else CANCELLED.
 */
#ifndef YK_SLURM_STATES_H
#define YK_SLURM_STATES_H

#include "slurm/asked.h"
#include "slurm/tally.h"
#include "slurm/queue.h"
#include "slurm/scan.h"

#include "jobs/record.h"

typedef struct yk_line_state {
    uint64_t line;
    uint64_t start_ns, wall_ns; /* of the last attempt that was journalled; 0: none */
    uint64_t session;           /* of its last start; 0: never started */
    uint32_t attempts;
    int32_t  exit_code, signal;
    uint8_t  cause;             /* yk_cause of that attempt */
    uint8_t  state;             /* index into yk_states.name */
    uint8_t  reason;            /* index into yk_states.reason; 0: none */
} yk_line_state;

enum { YK_STATE_NAMES = 64 };

typedef struct yk_states {
    yk_line_state *line; /* owned; in file order */
    size_t   n;
    char     name[YK_STATE_NAMES][40];   /* of states, as Slurm writes them */
    char     reason[YK_STATE_NAMES][64]; /* Slurm's words for why; [0] is "" */
    unsigned n_names, n_reasons;
    uint64_t asked_ns;      /* wall clock; when Slurm said what is used here; 0: it could not be asked */
    char     trouble[504];  /* why it could not; "" */
    bool     is_active;     /* some line waits or runs */
} yk_states;

void yk_states_free(yk_states *s);
YK_DEFINE_CLEANUP(yk_states, yk_states_free)

/* Loads all. Slurm is asked only when what it last said (to whoever asked, in this run folder) is older than fresh_s;
 * YK_ASKED_FRESH_S for everything that may be repeated, 0 for a decision. */
int yk_states_load(const yk_slurm_run *run, double fresh_s, yk_states **ret, yoke_error *err) YK_MUST_USE;

/* The lines by state. */
int yk_states_group(const yk_states *s, yk_tally *ret, yoke_error *err) YK_MUST_USE;

#endif
