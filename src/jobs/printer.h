/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What jobs printed, passed on: whole per job, as they end or in the order of the list, tagged or not, and into files.
 */
#ifndef YK_JOBS_PRINTER_H
#define YK_JOBS_PRINTER_H

#include "jobs/runner.h"

#include <stdio.h>

typedef struct yk_printer_opts {
    bool        is_ordered;  /* needs the runner's store */
    bool        is_quiet;    /* nothing is passed on */
    bool        has_tags;    /* "TAG<tab>" before each line */
    const char *folder;      /* LINE.out, LINE.err go there; NULL: nowhere. Borrowed */
    /* The seq of the job that comes after `seq` in the order; NULL: seq + 1. */
    uint64_t  (*after)(void *ctx, uint64_t seq);
    void       *ctx;
} yk_printer_opts;

typedef struct yk_printer yk_printer;

/* `store` is borrowed; NULL unless is_ordered. Output goes to `out` and `errs` (borrowed). */
int  yk_printer_new(const yk_printer_opts *opts, const yk_store *store, FILE *out, FILE *errs, yk_printer **ret,
                    yoke_error *err) YK_MUST_USE;
void yk_printer_free(yk_printer *p);

/* For the runner's `ended`. Attempts that are not the last are not printed. A reader of `out` that went away is
 * no error: yk_printer_is_deaf tells. Nor is a terminal that hung up: the rest is printed to nobody. Other failures of writing are. */
int  yk_printer_take(yk_printer *p, yk_runner *run, const yk_record *r, const char *tag, yoke_error *err) YK_MUST_USE;
int  yk_printer_finish(yk_printer *p, yoke_error *err) YK_MUST_USE; /* what still waits for its turn, when a run ended early */
bool yk_printer_is_deaf(const yk_printer *p);

YK_DEFINE_CLEANUP(yk_printer, yk_printer_free)

#endif
