/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of yoke map FILE.c:function, shared by its parts: results one by one (map_function.c) and folded into one
 * (map_fold.c).
 */
#ifndef YK_CLI_MAP_FUNCTION_H
#define YK_CLI_MAP_FUNCTION_H

#include "cli/map_output.h"

typedef struct yk_map_run {
    const yk_map_asked *asked;
    yk_kernel          *kernel; /* owned */
    yk_binding          binding;
    bool                is_stream; /* items are read while it runs, and handed on packed */
    yk_field           *fields;    /* owned: of the item being read */
    yk_transit         *transit;   /* owned: what items of a stream point to; NULL: they hold numbers alone, or none is a stream */
    uint64_t            n_read, n_failed;
    uint64_t            n_failed_told; /* as the latest report of progress had it */
    yk_map_output       output;
    yk_progress        *progress;
    bool                is_terminal; /* standard output is one */
    bool                told_interrupt;
} yk_map_run;

/* What the calls of the map family get for this run; failures are never raised by them. */
yoke_items    yk_map_run_items(yk_map_run *r);
yoke_map_opts yk_map_run_opts(yk_map_run *r);

/* Before a function is called, in the thread that calls it. */
void yk_map_run_enter(void);

/* Counts a failed item, and says what became of it. */
void yk_map_run_complain(yk_map_run *r, uint64_t index, unsigned attempt, yoke_cause cause, int status, const char *text);

/* --reduce: runs it, and prints the one value. */
int yk_map_fold(yk_map_run *r, yoke_session *s, yoke_error *err) YK_MUST_USE;

#endif
