/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Going on with a run: which jobs of a list the journals say are done. A job is known by its text (and, among equal ones, by
 * its line, then by their number), so that a list may be edited between: new lines run, done ones do not.
 */
#ifndef YK_JOBS_RESUME_H
#define YK_JOBS_RESUME_H

#include "jobs/jobfile.h"
#include "jobs/journal.h"

typedef enum yk_job_state { YK_JOB_TODO, YK_JOB_OK, YK_JOB_FAILED, YK_JOB_UNWANTED } yk_job_state;

/* The state of each job of a list, by index: two bits each. */
typedef struct yk_done {
    unsigned char *bits; /* owned; NULL: all are TODO */
    uint64_t       n, n_ok, n_failed, n_unwanted;
} yk_done;

#define YK_DONE_INIT {NULL, 0, 0, 0, 0}

int          yk_done_init(yk_done *d, uint64_t n, yoke_error *err) YK_MUST_USE;
void         yk_done_set(yk_done *d, uint64_t index, yk_job_state state); /* once for each index */
yk_job_state yk_done_get(const yk_done *d, uint64_t index);
void         yk_done_fini(yk_done *d);

/* What the journals say besides. */
typedef struct yk_resume {
    uint64_t run_id;      /* of the earlier sessions; 0: there was none */
    uint64_t list_hash;   /* of the last session's list */
    bool     is_new_list; /* the list is another one now: `keep` says what stays */
    struct yk_kept { uint64_t start, line, seq; } *keep; /* owned; of RUN/journal, for yk_journal_keep */
    size_t   n_keep, keep_cap;
    yk_lines interrupted; /* owned; lines that ran when a session was killed */
} yk_resume;

/* Reads the journals of `run` against the list. With again_failed, jobs that failed count as not done. *done is made here. */
int  yk_resume_read(const char *run, yk_jobfile *list, bool again_failed, yk_resume *ret, yk_done *done, yoke_error *err) YK_MUST_USE;
void yk_resume_fini(yk_resume *r);

/* Ends processes of this machine that a killed session left behind: those whose environment says YOKE_RUN and one of the
 * interrupted lines. Returns how many. */
unsigned yk_resume_end_strays(const yk_resume *r);

#endif
