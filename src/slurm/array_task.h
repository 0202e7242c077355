/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What runs inside an array task: its lines of the job file, with the local runner.
 */
#ifndef YK_SLURM_ARRAY_TASK_H
#define YK_SLURM_ARRAY_TASK_H

#include "base/error.h"

/* Runs the lines that belong to this task (told by Slurm's environment) of part `part` of the run in `folder`. Lines that an
 * earlier start of the task brought to their end are not run again; those that `yoke cancel` took out are not run. *ret is
 * what the task should exit with: 0 when all its lines went well, the status of its one line, or 1.
 * Errors: YOKE_EINVALID when this is not inside a Slurm job. */
int yk_slurm_task_run(const char *folder, unsigned part, int *ret, yoke_error *err) YK_MUST_USE;

/* Removes the file that this process's standard output goes to when nothing was written there. */
void yk_slurm_drop_empty_output(void);

#endif
