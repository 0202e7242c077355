/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Counting codes: where an expression depends on one dictionary-coded column, a task counts how often each code comes and looks at
 * each value once. For results that do not depend on the order of rows.
 */
#ifndef YK_TABLE_CODED_H
#define YK_TABLE_CODED_H

#include "table/table_scan.h"

typedef struct yk_coded {
    uint64_t  id;     /* of the dictionary that is being counted; 0: none */
    uint32_t  n, cap;
    double   *values; /* copied: the dictionary's own do not outlive its rows */
    uint64_t *counts;
    uint64_t  mask[YK_BLOCK / 64];
} yk_coded;

/* What is done with each value that counts, missing ones aside. */
typedef int yk_coded_fn(void *ctx, double value, uint64_t times, yoke_error *err);

/* Counts the block's rows of a REAL root when they are codes of a small dictionary; *ret_took says whether. Another dictionary
 * than the last block's gives the counts so far to fn. */
int yk_coded_add(yk_coded *c, const yk_block *b, size_t root, yk_coded_fn *fn, void *ctx, bool *ret_took, yoke_error *err) YK_MUST_USE;

/* Gives the counts to fn, and starts over. */
int  yk_coded_flush(yk_coded *c, yk_coded_fn *fn, void *ctx, yoke_error *err) YK_MUST_USE;
void yk_coded_fini(yk_coded *c);

#endif
