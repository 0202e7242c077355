/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Array indices as Slurm writes them: "7", "0-5,7%3", "[0-996:3]", "0,4-8%2", lists that it cut short with "...".
 */
#ifndef YK_SLURM_INDICES_H
#define YK_SLURM_INDICES_H

#include "base/buf.h"
#include "jobs/jobfile.h"

typedef struct yk_indices {
    yk_lines set;
    uint64_t at_once; /* what stood after '%': so many tasks at a time; 0: no limit */
    bool     is_cut;  /* it ended in "...": there are more than the set holds */
} yk_indices;

#define YK_INDICES_INIT {YK_LINES_INIT, 0, false}

/* The most that one index may be, and how many indices a step may stand for: Slurm's own bound on MaxArraySize. */
#define YK_INDEX_MOST 4000000u

/* Reads all of `text`. An unfinished number before "..." (as in "1-5,12...") is left out, because its digits may be cut.
 * YOKE_ESYNTAX for anything else than such a list. */
int  yk_indices_parse(const char *text, yk_indices *ret, yoke_error *err) YK_MUST_USE;
void yk_indices_fini(yk_indices *x);

/* "0,4-8" as Slurm's --array and dSQ's reports take it; two neighbours make a range too. */
void yk_lines_print(const yk_lines *l, yk_buf *to);

/* The n-th (from 0) of the set, which must have more. */
uint64_t yk_lines_nth(const yk_lines *l, uint64_t n);

/* A job id as squeue and sacct print it: "324", "324_7", "324_[0-5,7%3]", "324.batch", "324+1". *ret_text is what follows the
 * underscore, "" when there is none. False when it does not begin with a number. */
bool yk_job_id_parse(const char *text, uint64_t *ret_job, const char **ret_text);

#endif
