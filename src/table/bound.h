/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows that come too late to be among the first so many of a sort, or the least so many of a sample: those beyond the last of the first
 * that were seen. Then nothing more of them is read.
 */
#ifndef YK_TABLE_BOUND_H
#define YK_TABLE_BOUND_H

#include "expr/expr.h"
#include "table/batch.h"

enum { YK_MOST_BOUND = 1 << 16 }; /* so many rows are bounded at most */
enum { YK_BOUND_TEXT = 256 };     /* bytes of a text that bounds */

/* Of rows that one worker saw, this task's and earlier ones: a row may be left out only where all of these come before it. */
typedef struct yk_bound {
    yk_type  type;          /* of a sort's first key */
    uint64_t wanted;        /* rows; where they are more than YK_MOST_BOUND, nothing is known of them */
    bool     is_descending; /* the first key is */
    bool     is_whole;      /* there is no other key: what equals the bound comes too late too, rows before it have what it has */
    /* Once `wanted` keys were seen the last of the least of them is the bound, which `image` is: a sample's key, or the image of a first
     * key, so that one with a less image comes first. Equal images are of equal numbers, and tell nothing of texts. */
    bool      is_known;
    uint64_t  image;
    uint64_t *least; /* keys or images: at least the wanted least of those seen */
    size_t    n_least, cap_least;
    yk_batch  texts; /* in place of `least`, where the first key is text: their beginnings, of which the bound is the last wanted one */
    char      behind[YK_BOUND_TEXT]; /* yk_bound_fact */
} yk_bound;

int  yk_bound_init(yk_bound *b, yk_type type, uint64_t wanted, bool is_descending, bool is_whole, yoke_error *err) YK_MUST_USE;
void yk_bound_fini(yk_bound *b);
void yk_bound_forget(yk_bound *b); /* of no rows */
void yk_bound_shrink(yk_bound *b, uint64_t most); /* memory of texts: forgets them where they take more */

/* Rows of a sample, by their keys: moves those that may be wanted, and their keys, to the front; *n are left. */
int yk_bound_keys(yk_bound *b, uint64_t *keys, uint32_t *rows, uint32_t *n, yoke_error *err) YK_MUST_USE;

/* Rows of a sort, by the first keys v of a block of n rows, of a type that has bounds. */
bool yk_bound_can(yk_type type);

/* Lists the rows of the mask (NULL: all) that the bound as it is lets through, at once; false where that can't be told so. */
bool yk_bound_list(const yk_bound *b, const yk_vec *v, const uint64_t *mask, uint32_t n, uint32_t *ret_rows, uint32_t *ret_n);

/* Of the n rows listed, moves those that may be wanted to the front; *ret_n are left. */
int yk_bound_leave_out(yk_bound *b, const yk_vec *v, uint32_t *rows, uint32_t n, uint32_t *ret_n, yoke_error *err) YK_MUST_USE;

/* What rows meet that do not come too late, of a source's column that is the first key; borrowed until more rows are seen. False where that
 * can't be said. */
bool yk_bound_fact(yk_bound *b, uint32_t column, yk_fact *ret);

/* The k-th least (from 0) of n keys, which are reordered. */
uint64_t yk_bound_select(uint64_t *keys, int64_t n, int64_t k);

#endif
