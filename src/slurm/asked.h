/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What Slurm said last, kept in the run folder, so that it is asked at most twice a minute however many watch.
 */
#ifndef YK_SLURM_ASKED_H
#define YK_SLURM_ASKED_H

#include "slurm/queue.h"
#include "slurm/slurm_run.h"

/* How old an answer may be, in seconds. */
#define YK_ASKED_FRESH_S 30.0

typedef struct yk_asked {
    int      fd;       /* of the file `asked`, locked; -1: the folder is somebody else's, and answers are not kept */
    uint64_t time_ns;  /* wall clock; of the answer; 0: none */
    bool     is_new;   /* it was asked just now: more may be asked */
    yk_queue queue;    /* owned */
    char     trouble[504]; /* why it could not be asked; "" */
} yk_asked;

/* The answer for these jobs: the kept one while it is younger than fresh_s, else squeue's. Ends of tasks, once known, stay known. */
int  yk_asked_open(const yk_slurm_run *run, const uint64_t *jobs, size_t n, double fresh_s, yk_asked *ret, yoke_error *err) YK_MUST_USE;

/* Asks sacct too, for what squeue has forgotten; nothing when the answer is a kept one. */
int  yk_asked_more(yk_asked *a, const uint64_t *jobs, size_t n, yoke_error *err) YK_MUST_USE;

/* Keeps the answer, and lets others ask. */
void yk_asked_close(yk_asked *a);

#endif
