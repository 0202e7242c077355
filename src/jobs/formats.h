/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A run's records in the formats of others, from its journals at any time.
 */
#ifndef YK_JOBS_FORMATS_H
#define YK_JOBS_FORMATS_H

#include "jobs/journal.h"

#include <stdio.h>

typedef enum yk_format {
    YK_FORMAT_JOBLOG, /* GNU parallel's --joblog: a line for each job that has ended */
    YK_FORMAT_TSV,    /* dSQ's status file: seven columns, no header, a row for each attempt that has ended */
    YK_FORMAT_JSONL,  /* an object for each attempt, running ones too, with all that is known */
    YK_FORMAT_TRACE   /* Chrome's and Perfetto's trace events: a track for each slot */
} yk_format;

int yk_format_parse(const char *word, yk_format *ret, yoke_error *err) YK_MUST_USE;

/* For those who know more than a journal does: each session as it begins, and each of its records before it is written. */
typedef struct yk_format_fix {
    void *ctx;
    int  (*session)(void *ctx, const yk_session *s);
    void (*record)(void *ctx, yk_record *r);
} yk_format_fix;

/* Writes what is before the first record, each record, and what is after the last. `run` is a folder or a journal; fix may be
 * NULL. */
int yk_format_run(const char *run, yk_format format, const yk_format_fix *fix, FILE *to, yoke_error *err) YK_MUST_USE;

#endif
