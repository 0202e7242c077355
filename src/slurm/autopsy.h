/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The states of an array that no run folder tells of: from sacct; without accounting, from squeue and from the status file
 * job_ID_status.tsv in `folder`.
 */
#ifndef YK_SLURM_AUTOPSY_H
#define YK_SLURM_AUTOPSY_H

#include "slurm/tally.h"

/* `jobs` are the line numbers of the job file (NULL: not known): where tasks have several lines (dsq notes that in `folder`),
 * they tell which. Then lines with a row in the status file have its end, others the state of their task; without `jobs` the
 * tasks themselves are counted. Rows come sorted. YOKE_EABSENT when nothing is known of the job, or it is no array. */
int yk_autopsy(uint64_t job, const char *folder, const yk_lines *jobs, yk_tally *ret, yoke_error *err) YK_MUST_USE;

#endif
