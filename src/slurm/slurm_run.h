/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A run folder: everything of one job file that went to Slurm. Made beside where `yoke submit` was called:
 *
 *     yoke-STEM-20260131-093000/
 *         slurm            what this run is, a line per fact, only ever appended to (below)
 *         jobs             the job file, as it was when it was submitted
 *         batch-1.sh       the script of part 1
 *         journal/HOST-0   journals (jobs/journal.h), one for each task that works on a host at the same time
 *         journal/HOST-0.out   what the lines printed (jobs/store.h)
 *         slurm-324_7.out  what Slurm itself said of a task; removed when there is nothing in it
 *         cancelled        lines that `yoke cancel` took out, "0,4-8" a line
 *         asked            what Slurm said when it was last asked
 *
 * The file `slurm`:
 *
 *     yoke-slurm-run 1
 *     list /home/ada/jobs.txt
 *     from /home/ada                     the folder of submission
 *     cluster name
 *     jobs 1000000
 *     hash 0123456789abcdef              of the content of `jobs`
 *     option --mem=4g                    a word for sbatch, of the first submission
 *     part 1 tasks 1000 pack 1000 output run lines all      before sbatch is called
 *     job 1 324                                             part 1 has got job id 324
 *
 * A part is one call of sbatch: an array of `tasks`. With pack K task t (from 0) runs the lines number t*K … t*K+K-1 of the
 * part's own; with pack 0 an array index is a line number, as in dSQ.
 */
#ifndef YK_SLURM_RUN_H
#define YK_SLURM_RUN_H

#include "base/buf.h"
#include "jobs/jobfile.h"
#include "slurm/site.h"

typedef struct yk_slurm_part {
    unsigned number;       /* 1, 2, … */
    uint64_t job;          /* its job id; 0: not submitted, or not known */
    uint64_t n_tasks;
    uint64_t pack;         /* lines of a task; 0: the array index is the line */
    bool     keeps_output; /* what lines print goes into the run folder; false: to Slurm's own output files */
    bool     is_all;       /* all lines of the job file */
    yk_lines lines;        /* owned; else these */
} yk_slurm_part;

typedef struct yk_slurm_run {
    char    *folder, *list, *from, *cluster; /* owned; absolute paths */
    uint64_t n_jobs, hash;
    yk_slurm_part *part; /* owned */
    size_t n_parts, cap;
    char **option; /* owned, each of them too: words for sbatch, which a resumed submission takes over */
    size_t n_options, options_cap;
} yk_slurm_run;

void yk_slurm_run_free(yk_slurm_run *r);
YK_DEFINE_CLEANUP(yk_slurm_run, yk_slurm_run_free)

/* Makes the folder for a job file, with the copy of it. YOKE_EFORMAT when it has no jobs or is wrong, YOKE_EUNSUPPORTED when
 * it has jobs that wait for others. */
int yk_slurm_run_create(const char *list, const char *cluster, yk_slurm_run **ret, yoke_error *err) YK_MUST_USE;

/* Removes the folder of a run that was not submitted; what others put there stays. */
void yk_slurm_run_remove(const yk_slurm_run *r);

/* Keeps a word for sbatch. YOKE_EINVALID when it has a line break: a batch script cannot hold that. */
int yk_slurm_run_option(yk_slurm_run *r, const char *word, yoke_error *err) YK_MUST_USE;

/* Opens a run by its folder. */
int yk_slurm_run_open(const char *folder, yk_slurm_run **ret, yoke_error *err) YK_MUST_USE;

/* Opens a run by its folder or the id of one of its jobs. Ids are looked up among the runs in the current folder, then among
 * those that this user has submitted. YOKE_EABSENT when no run is known by that. */
int yk_slurm_run_find(const char *what, yk_slurm_run **ret, yoke_error *err) YK_MUST_USE;

/* Whether a path is a run folder. */
bool yk_slurm_run_is(const char *folder);

/* A path in the folder; owned by the caller, NULL when memory is out. */
char *yk_slurm_run_path(const yk_slurm_run *r, const char *name);

/* Opens the job file as it was submitted; YOKE_EFORMAT when it has been changed since. */
int yk_slurm_run_jobs(const yk_slurm_run *r, yk_jobfile **ret, yoke_error *err) YK_MUST_USE;

/* How many lines a task takes (0: one, its index being the line number) for n lines of which `last` is the last: `wanted`
 * (0: as few as the site allows), or more where the site allows fewer tasks. */
uint64_t yk_slurm_pack(uint64_t n, uint64_t last, uint64_t wanted, const yk_site *site);

/* What `wanted` is for --pack auto: one task for each that can run at once. More would even out uneven lines better, but a
 * task costs Slurm as much as hundreds of short lines cost this runner, and those of a second wave wait for a round of its
 * scheduler. */
uint64_t yk_slurm_pack_auto(uint64_t n, uint64_t processors, uint64_t processors_per_task);

/* Adds a part for `lines` (NULL: all) and notes it in the file `slurm`. *ret is borrowed until the next part is added. */
int yk_slurm_run_add(yk_slurm_run *r, const yk_lines *lines, uint64_t pack, bool keeps_output, yk_slurm_part **ret,
                     yoke_error *err) YK_MUST_USE;

/* Notes the job id of a part, in the folder and among this user's. */
int yk_slurm_run_submitted(yk_slurm_run *r, yk_slurm_part *p, uint64_t job, yoke_error *err) YK_MUST_USE;

/* "0-999" for --array. */
int yk_slurm_part_array(const yk_slurm_run *r, const yk_slurm_part *p, yk_buf *to, yoke_error *err) YK_MUST_USE;

/* Whether a line belongs to a part, and then its task, given how many lines of the part stand before it. */
bool     yk_slurm_part_has(const yk_slurm_part *p, uint64_t line);
uint64_t yk_slurm_part_task(const yk_slurm_part *p, uint64_t line, uint64_t rank);

#endif
