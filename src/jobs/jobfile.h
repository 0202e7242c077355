/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Job files: one command per line, streamed, so that ten million lines cost no memory.
 *
 * A job's name is its zero-based physical line number. A line that starts with '#' in column 1, or holds only blanks, is no
 * job. CRLF ends are taken. White space at both ends of a command is not part of it. A job waits for others (all of them must
 * have ended well) when its line ends in " #yoke after=3,5-7", or when a line "#yoke after=3,5-7" of its own stands before
 * it; the numbers are line numbers. The directive is not part of the command.
 */
#ifndef YK_JOBS_JOBFILE_H
#define YK_JOBS_JOBFILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct yk_jobfile yk_jobfile;

typedef struct yk_job {
    const char *text;  /* the command, NUL-terminated; borrowed until the next call on the same yk_jobfile */
    size_t      len;
    uint64_t    line;  /* its name */
    uint64_t    index; /* how many jobs stand before it */
} yk_job;

/* Opens a job file and reads it through once: counts jobs, finds dependencies and what is wrong. `path` is a regular file.
 * Messages call line 7 "WHAT 7", such as "item 7"; what NULL: "'PATH' line 7".
 * Errors: YOKE_EFORMAT (a NUL byte, a directive that cannot be read, a dependency on a line that is no job, a circle),
 * those of reading. A file without jobs is no error here: yk_jobfile_count is 0. */
int  yk_jobfile_open(const char *path, const char *what, yk_jobfile **ret, yoke_error *err) YK_MUST_USE;
void yk_jobfile_close(yk_jobfile *f);

uint64_t    yk_jobfile_count(const yk_jobfile *f); /* jobs */
uint64_t    yk_jobfile_lines(const yk_jobfile *f); /* physical lines */
uint64_t    yk_jobfile_hash(const yk_jobfile *f);  /* of the whole content */

/* The next job: 1 and *ret, 0 after the last, or an error. The first call gives the first job. */
int yk_jobfile_next(yk_jobfile *f, yk_job *ret, yoke_error *err) YK_MUST_USE;

/* Makes the next job the first one at or after `line`. */
int yk_jobfile_seek(yk_jobfile *f, uint64_t line, yoke_error *err) YK_MUST_USE;

/* The lines that the job at `line` waits for, ascending; *ret_n is 0 and NULL is returned for most jobs. Borrowed from f. */
const uint64_t *yk_jobfile_after(const yk_jobfile *f, uint64_t line, size_t *ret_n);
bool            yk_jobfile_has_after(const yk_jobfile *f); /* does any job wait for another? */

YK_DEFINE_CLEANUP(yk_jobfile, yk_jobfile_close)

/* ---- sets of line numbers: "0,4-8,12" */

typedef struct yk_lines {
    struct yk_line_range { uint64_t first, last; } *range; /* owned; ascending, disjoint, never touching */
    size_t n, cap;
} yk_lines;

#define YK_LINES_INIT {NULL, 0, 0}

int      yk_lines_parse(const char *text, yk_lines *ret, yoke_error *err) YK_MUST_USE; /* any order, overlaps merge */
int      yk_lines_add(yk_lines *l, uint64_t line, yoke_error *err) YK_MUST_USE;        /* cheapest in ascending order */
bool     yk_lines_has(const yk_lines *l, uint64_t line);
uint64_t yk_lines_count(const yk_lines *l);
void     yk_lines_fini(yk_lines *l);

#endif
