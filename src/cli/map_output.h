/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the results of yoke map FILE.c:function go: lines of text or JSON on standard output, or a .npy file.
 */
#ifndef YK_CLI_MAP_OUTPUT_H
#define YK_CLI_MAP_OUTPUT_H

#include "cli/map_verb.h"
#include "format/npy.h"
#include "map/kernel_call.h"

typedef struct yk_map_output {
    int                 fd;      /* the command's standard output */
    const yk_map_asked *asked;
    const yk_binding   *binding;
    yk_buf              text;    /* lines not yet written */
    volatile bool       is_busy; /* text is being changed: a signal handler must not write it */
    double              flushed; /* when it was last written, seconds */
    yk_npy_out          npy;
    bool                is_open; /* the .npy file was begun */
    uint64_t            row;     /* values in its rows */
} yk_map_output;

/* Its fd is set. Borrows both. Says with YOKE_EINVALID what cannot be written. */
int yk_map_output_begin(yk_map_output *o, const yk_map_asked *m, const yk_binding *b, yoke_error *err) YK_MUST_USE;

/* One outcome, a value or an error, in the order they come. */
int yk_map_output_put(yk_map_output *o, const yoke_outcome *r, yoke_error *err) YK_MUST_USE;

/* Writes what waits. */
int yk_map_output_flush(yk_map_output *o, yoke_error *err) YK_MUST_USE;

/* Writes all, and completes the .npy file. */
int  yk_map_output_commit(yk_map_output *o, yoke_error *err) YK_MUST_USE;
void yk_map_output_fini(yk_map_output *o);

#endif
