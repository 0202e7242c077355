/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads all the journals of a run folder: what its tasks did, wherever and however often they ran.
 */
#ifndef YK_SLURM_SCAN_H
#define YK_SLURM_SCAN_H

#include "jobs/journal.h"
#include "slurm/slurm_run.h"

/* A session is one start of one task. */
typedef struct yk_scan_session {
    uint64_t    number; /* 1, 2, … in the order of reading; 0: none yet */
    uint64_t    job, task, time_ns;
    unsigned    part, restart;
    const char *journal; /* its path; borrowed for the call */
} yk_scan_session;

/* What stands for the session's command in its journal: "324_7 part 1 restart 0". */
void yk_scan_session_print(const yk_scan_session *s, char *buf, size_t size);
void yk_scan_session_parse(const char *command, yk_scan_session *ret); /* job, task, part and restart; all 0 when it is none */

/* The note that a task writes when Slurm tells it to stop. Slurm signals a task's whole process tree at once, so a line can
 * die of that before the task knows: one that SIGTERM or SIGKILL ended in the two seconds before the note, or that failed in the
 * tenth before it, counts as cancelled. */
#define YK_SCAN_STOPPED "slurm: stopped"

typedef struct yk_scan_reader {
    void *ctx;
    /* Each may be NULL. A negative value ends the reading and is returned. */
    int (*session)(void *ctx, const yk_scan_session *s);
    int (*start)(void *ctx, const yk_scan_session *s, const yk_record *r);
    int (*end)(void *ctx, const yk_scan_session *s, const yk_record *r); /* line, attempt and start_ns are filled in; text is not */
} yk_scan_reader;

/* Journals in the order of their names, each from its beginning; a torn one as far as it goes. */
int yk_scan(const yk_slurm_run *run, const yk_scan_reader *reader, yoke_error *err) YK_MUST_USE;

#endif
