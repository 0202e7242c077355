/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows that cannot pass a filter, as the files' own statistics (of row groups and pages) and folder names tell without
 * reading them.
 */
#ifndef YK_TABLE_SKIP_H
#define YK_TABLE_SKIP_H

#include "table/table_source.h"

/* Runs of rows, ascending, that need not be read. */
typedef struct yk_skips {
    uint64_t *from, *to;
    size_t    n, cap_from, cap_to;
} yk_skips;

void yk_skips_fini(yk_skips *k);

/* Adds what the facts rule out of rows [first, first + n) of the source. */
int yk_skips_find(yk_skips *k, const yk_source *s, const yk_fact *facts, size_t n_facts, uint64_t first, uint64_t n, yoke_error *err)
    YK_MUST_USE;

/* Whether all of [first, first + n) may be left out. */
bool yk_skips_cover(const yk_skips *k, uint64_t first, uint64_t n);

#endif
