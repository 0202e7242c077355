/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lines (or array tasks) by state, and the table that reports print of them.
 */
#ifndef YK_SLURM_TALLY_H
#define YK_SLURM_TALLY_H

#include "base/buf.h"
#include "slurm/indices.h"

typedef struct yk_tally_row {
    char     state[40];
    yk_lines lines; /* owned */
    uint64_t n;
    bool     is_cut; /* there are more, which Slurm did not list */
} yk_tally_row;

typedef struct yk_tally {
    yk_tally_row *row; /* owned */
    size_t n, cap;
} yk_tally;

#define YK_TALLY_INIT {NULL, 0, 0}

void yk_tally_fini(yk_tally *g);

/* Adds a line to its state's group. */
int yk_tally_add(yk_tally *g, const char *state, uint64_t line, yoke_error *err) YK_MUST_USE;
yk_tally_row *yk_tally_get(yk_tally *g, const char *state); /* made when it is not there; NULL: out of memory */

/* By count, largest first; equal ones stay in the order in which they were added. */
void yk_tally_sort(yk_tally *g);

/* The table, as dSQ's report has it:
 *
 *     State Summary for Array 77
 *     State               Num_Jobs Indices
 *     -----               -------- -------
 *     PENDING                5     1-3,5-6
 */
void yk_tally_print(const yk_tally *g, uint64_t job, yk_buf *to);

/* A list of states, "CANCELLED,NODE_FAIL": NULL when all are known, else the first unknown one, copied into buf. */
const char *yk_tally_unknown_state(const char *list, char *buf, size_t size);

/* Whether a group's state is in such a list. */
bool yk_tally_is_listed(const yk_tally_row *g, const char *list);

#endif
