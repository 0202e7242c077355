/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows that need not be read: the files' own statistics (of row groups and pages) and folder names tell that they cannot pass a
 * filter, or come too late in a sort; or it is known which rows are wanted.
 */
#ifndef YK_TABLE_SKIP_H
#define YK_TABLE_SKIP_H

#include "table/table_source.h"

/* Runs of rows that need not be read. */
typedef struct yk_skips {
    struct yk_skip {
        uint64_t from, to;
    }     *runs;
    size_t n, cap;
} yk_skips;

void yk_skips_fini(yk_skips *k);

/* Adds what the facts rule out of rows [first, first + n) of the source. */
int yk_skips_find(yk_skips *k, const yk_source *s, const yk_fact *facts, size_t n_facts, uint64_t first, uint64_t n, yoke_error *err)
    YK_MUST_USE;

void yk_rows_sort(uint64_t *rows, size_t n); /* ascending */

/* Of ascending row numbers, where the first is that is not below `row`. */
size_t yk_rows_from(const uint64_t *rows, size_t n, uint64_t row);

/* Adds the rows of [first, first + n) that are none of those with the numbers rows[0 … n_rows), which ascend. */
int yk_skips_others(yk_skips *k, const uint64_t *rows, size_t n_rows, uint64_t first, uint64_t n, yoke_error *err) YK_MUST_USE;

/* What the first n rows of a sort by one column all meet: they come no later than a value of which statistics of row groups and pages tell
 * that at least n rows come no later. Missing values and NaN come last. Texts in it are the files'. False: the statistics do not tell. */
bool yk_skips_first(const yk_source *s, uint32_t column, bool is_descending, uint64_t n, yk_fact *ret);

/* Which row group (or file of one value) has the first value of a sort, as far as statistics tell, among those that are not skipped:
 * *ret_end is the row behind its last. False: none is known to have it, or it is the first of them, which is read first anyway. */
bool yk_skips_nearest(const yk_source *s, const yk_skips *skips, uint32_t column, bool is_descending, uint64_t *ret_end);

/* Makes the runs those of whole blocks, as far as `n_rows` of them go: what a scan leaves out. In order, each row once. */
void yk_skips_settle(yk_skips *k, uint64_t n_rows);

/* Whether all of [first, first + n) may be left out. */
bool yk_skips_cover(const yk_skips *k, uint64_t first, uint64_t n);

#endif
