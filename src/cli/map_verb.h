/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke map: what its words ask for, read once for both of its kinds, functions and commands.
 */
#ifndef YK_CLI_MAP_VERB_H
#define YK_CLI_MAP_VERB_H

#include "cli/run_jobs.h"
#include "map/items.h"

#include <yoke/map.h>

typedef struct yk_map_asked {
    yk_args       *args;
    const char    *target; /* FILE.c:function, FILE.so:function, or a command */
    yk_items      *items;  /* ready */
    int            wake_fd; /* functions: an eventfd that ends the wait for further items; 0: none */
    yk_run_opts    run;    /* -j, --retries, --timeout, progress, and all that only commands take */
    const char    *on;     /* NULL: not given */
    uint64_t       chunk, seed;
    yoke_on_error  on_error;
    const char    *reduce; /* NULL: none */
    const char    *colsep; /* commands: what stands between the columns of an item; NULL: it is one */
    bool           has_header; /* commands: the first item names the columns */
    const char    *after;  /* commands: the column of the items that an item waits for; NULL: none */
    const char    *output; /* NULL: standard output */
    bool           is_unordered, shows_workers, is_json, may_replace;
    const char    *only_functions; /* an option that was given and that only functions take; NULL: none */
    const char    *only_commands;  /* … that only commands take */
} yk_map_asked;

/* Run it and return the exit code. map_function.c, map_commands.c. */
int yk_map_function(const yk_map_asked *m);
int yk_map_commands(const yk_map_asked *m);

#endif
