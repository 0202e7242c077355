/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one command of Slurm: sbatch, squeue, sacct, scontrol, scancel, sinfo.
 */
#ifndef YK_SLURM_CALL_H
#define YK_SLURM_CALL_H

#include "base/buf.h"

typedef struct yk_slurm_reply {
    int    status; /* exit status; 128 + n when signal n ended it */
    yk_buf out;    /* owned; what it printed */
    yk_buf said;   /* owned; what it said on standard error */
} yk_slurm_reply;

#define YK_SLURM_REPLY_INIT {0, YK_BUF_INIT, YK_BUF_INIT}

void yk_slurm_reply_fini(yk_slurm_reply *r);
#define YK_AUTOREPLY YK_CLEANUP(yk_slurm_reply_fini) yk_slurm_reply

/* Runs argv (ends with NULL; argv[0] is looked for on the PATH) without a shell, standard input /dev/null, for limit_s
 * seconds at most. Variables that change what Slurm's commands print (SQUEUE_*, SINFO_*, SLURM_TIME_FORMAT) are not
 * passed on, and index lists are asked for whole. 0 when it ran, whatever its exit status.
 * Errors: YOKE_EABSENT (no such command here: the sentence says what that means), YOKE_ETIMEOUT. */
int yk_slurm_try(const char *const argv[], double limit_s, yk_slurm_reply *ret, yoke_error *err) YK_MUST_USE;

/* The same, but an exit status other than 0 is an error: Slurm's own sentence, and what to do about it. */
int yk_slurm_call(const char *const argv[], double limit_s, yk_slurm_reply *ret, yoke_error *err) YK_MUST_USE;

/* How long Slurm's commands are given. */
#define YK_SLURM_ASK_S    60.0
#define YK_SLURM_SUBMIT_S 300.0

/* What Slurm's standard error comes down to: its last sentence, without "sbatch: error: ". Written to buf; returns buf. */
const char *yk_slurm_sentence(const char *said, char *buf, size_t size);

/* What to do about a sentence of Slurm's; NULL when nothing is known. */
const char *yk_slurm_advice(const char *sentence);

#endif
