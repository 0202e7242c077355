/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A cursor's state, between walking (pq_cursor.c) and counting codes (pq_count.c).
 */
#ifndef YK_FORMAT_PQ_CURSOR_H
#define YK_FORMAT_PQ_CURSOR_H

#include "format/parquet/pq_page.h"

typedef struct yk_cursor_held {
    yk_pq_page *page;
    uint64_t    walked;
} yk_cursor_held;

/* A block put together from several pages. */
typedef struct yk_cursor_block {
    uint64_t valid[YK_BLOCK / 64 + 1];
    uint32_t codes[YK_BLOCK + 16];
    _Alignas(64) char values[YK_BLOCK * 16];
} yk_cursor_block;

struct yk_cursor {
    yk_parquet          *file;
    const yk_pq_leaf    *leaf;
    unsigned             column;
    size_t               size;     /* bytes of a value in storage form */
    uint64_t             row, end; /* the next row, and where it stops */
    yk_pq_loader         loader;
    yk_scratch          *own; /* owned; NULL: the loader's is somebody else's */

    yk_pq_chunk *chunk; /* of `row`, once it was looked for */
    unsigned     group, page_no;
    yk_pq_page  *page;  /* referenced; NULL between pages */
    yk_pq_page  *dict;  /* referenced; the chunk's dictionary, once a page had codes */
    uint64_t     page_left, walked; /* rows of it to come, and passed */
    yk_pq_hybrid levels, codes_at;  /* where it stands in the page */
    uint64_t     value;             /* the next stored value, where values are not a hybrid */

    yk_cursor_held *held; /* pages that the block given out last points to; owned */
    size_t          n_held, cap_held;
    uint8_t        *joined; /* texts from streams; owned */
    size_t          n_joined, cap_joined;
    uint32_t       *tables; /* for counting; owned */
    size_t          cap_tables;

    /* Scratch: not cleared. */
    uint32_t codes[YK_BLOCK + 16];
    uint64_t valid[YK_BLOCK / 64 + 1];
    _Alignas(64) char values[YK_BLOCK * 16];
    yk_cursor_block block;
};

/* For pq_count.c: what pq_cursor.c does between blocks and inside a page. */
int yk_cursor_need_page(yk_cursor *c, yoke_error *err) YK_MUST_USE;
int yk_cursor_find_page(yk_cursor *c, yoke_error *err) YK_MUST_USE;
int yk_cursor_pass_levels(yk_cursor *c, uint64_t n, uint64_t *ret_present, yoke_error *err) YK_MUST_USE;

#endif
