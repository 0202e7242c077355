/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The states of an array job that no run folder tells of: from sacct; without accounting, from squeue and from the status
 * file job_ID_status.tsv in `folder`.
 */
#ifndef YK_SLURM_AUTOPSY_H
#define YK_SLURM_AUTOPSY_H

#include "slurm/tally.h"

/* Groups come sorted. YOKE_EABSENT when nothing is known of the job, or it is not an array. */
int yk_autopsy(uint64_t job, const char *folder, yk_tally *ret, yoke_error *err) YK_MUST_USE;

#endif
