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
    uint64_t        running; /* of it, what tasks and their rows may take besides; 0: no rows are on their way */
    uint64_t        kept;    /* of it, what rows may take that wait, or are written */
    uint64_t        least_running, least_kept; /* they take at least this */
    uint64_t        own;     /* what a worker holds besides what it reads */
    unsigned        workers;
    bool            is_shared; /* workers see one another's pages */
    bool            is_given;  /* the memory was named by the call */
} yk_fit_asked;

typedef struct yk_fit {
    unsigned          most; /* tasks at once; 0: there is room for all workers. Else workers give back what they hold between tasks */
    uint64_t          running; /* what tasks and their rows may take */
    yk_parquet_budget pages;
} yk_fit;

/* From the footers where these tell that all fits, else from the headers of the pages in each column's largest row group. Where not even
 * one worker fits, YOKE_ELIMIT says what is needed; no page has been read then. */
int yk_fit_find(const yk_source *s, const yk_fit_asked *asked, yk_fit *ret, yoke_error *err) YK_MUST_USE;

/* About how many bytes a row of these expressions takes, by their types and the texts' lengths that files tell. */
uint64_t yk_fit_row_bytes(const yk_source *s, const yk_program *program, size_t first_root, size_t n_roots);

#endif
