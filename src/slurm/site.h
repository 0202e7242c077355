/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the site allows, as `scontrol show config` and `sinfo` say it.
 */
#ifndef YK_SLURM_SITE_H
#define YK_SLURM_SITE_H

#include "base/error.h"

#include <stdint.h>

typedef struct yk_site {
    char     version[32];  /* "22.05.8"; "" when not said */
    char     cluster[64];
    uint64_t max_index;    /* the largest array index: MaxArraySize - 1 */
    uint64_t max_tasks;    /* array tasks in one submission: of MaxArraySize, max_array_tasks and MaxJobCount the least */
} yk_site;

/* Reads the output of `scontrol show config`. What is not in it gets Slurm's default. */
void yk_site_parse(const char *config, yk_site *ret);

/* Asks. Errors as yk_slurm_call. */
int yk_site_find(yk_site *ret, yoke_error *err) YK_MUST_USE;

/* Processors that a partition has and that are not down; NULL: the default one. 0 when it cannot be told. `sinfo` is the
 * output of `sinfo -h -o "%P|%a|%C"`. */
uint64_t yk_site_parse_processors(const char *sinfo, const char *partition);
uint64_t yk_site_processors(const char *partition);

#endif
