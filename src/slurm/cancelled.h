/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The lines that `yoke cancel` has taken out of a run: the file `cancelled` of its folder, read again when it changes.
 */
#ifndef YK_SLURM_CANCELLED_H
#define YK_SLURM_CANCELLED_H

#include "slurm/slurm_run.h"

typedef struct yk_cancelled {
    char    *path;  /* owned */
    yk_lines lines; /* owned */
    uint64_t size;  /* of the file when it was last read */
    uint64_t looked_ns;
} yk_cancelled;

int  yk_cancelled_open(const yk_slurm_run *run, yk_cancelled *ret, yoke_error *err) YK_MUST_USE;
void yk_cancelled_fini(yk_cancelled *c);

/* Both look for news at most ten times a second. */
bool yk_cancelled_has(yk_cancelled *c, uint64_t line);
bool yk_cancelled_any(yk_cancelled *c);

/* Adds lines: one write, so that tasks never see half of it. */
int yk_cancelled_add(const yk_slurm_run *run, const yk_lines *lines, yoke_error *err) YK_MUST_USE;

/* Forgets them all: they are to be run after all. The file stays, as `cancelled.old`. */
int yk_cancelled_forget(const yk_slurm_run *run, yoke_error *err) YK_MUST_USE;

#endif
