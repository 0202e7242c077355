/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What ended the attempts that a later start of their task made up for. A journal cannot know: its task was stopped, or vanished
 * with its node. Seen from all journals of a run, what was stopped and started again was preempted (or requeued, which is the same to
 * the line), and what has no end was lost with its node.
 */
#ifndef YK_SLURM_ATTEMPTS_H
#define YK_SLURM_ATTEMPTS_H

#include "slurm/scan.h"

typedef struct yk_attempts yk_attempts;

int  yk_attempts_open(const yk_slurm_run *run, yk_attempts **ret, yoke_error *err) YK_MUST_USE;
void yk_attempts_close(yk_attempts *a);
YK_DEFINE_CLEANUP(yk_attempts, yk_attempts_close)

/* For reading the journals again (jobs/formats.h): each session as it begins, and each record of it, whose cause is put right. */
int  yk_attempts_session(void *attempts, const yk_session *s);
void yk_attempts_record(void *attempts, yk_record *r);

#endif
