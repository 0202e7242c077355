/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How a scan's reading fits its memory: how many tasks may read at once, and what the files' pages may take.
 */
#ifndef YK_TABLE_FIT_H
#define YK_TABLE_FIT_H

#include "table/table_source.h"

typedef struct yk_fit_asked {
    const uint32_t *columns; /* of the source, that are read */
    size_t          n_columns;
    uint64_t        memory;  /* what may be held in all */
    uint64_t        rows;    /* of it, what rows on their way may take; 0: none are kept */
    uint64_t        own;     /* what a worker holds besides what it reads */
    unsigned        workers;
    bool            is_shared; /* workers see one another's pages */
    bool            is_given;  /* the memory was named by the call */
} yk_fit_asked;

typedef struct yk_fit {
    unsigned          most; /* tasks at once; 0: there is room for all workers. Else workers give back what they hold between tasks */
    yk_parquet_budget pages;
} yk_fit;

/* From the footers where these tell that all fits, else from the headers of the pages in each column's largest row group. Where not even one
 * worker fits, YOKE_ELIMIT says what is needed; no page has been read then. */
int yk_fit_find(const yk_source *s, const yk_fit_asked *asked, yk_fit *ret, yoke_error *err) YK_MUST_USE;

#endif
