/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One dictionary for a column whose runs bring a dictionary each: what their codes are in it.
 */
#ifndef YK_TABLE_CODEBOOK_H
#define YK_TABLE_CODEBOOK_H

#include "format/parquet/pq_intern.h"
#include "table/batch.h"

/* Zeroed is empty. */
typedef struct yk_codebook {
    yk_batch_column all;    /* different values, in order of first appearance, and perhaps a missing one */
    yk_pq_intern    seen;   /* the values */
    uint16_t       *rows;   /* of each value in `seen`: its row in `all` */
    size_t          cap_rows;
    int32_t         missing; /* its row in `all` + 1; 0: there is none */
    yk_batch_column last;   /* the dictionary that came last */
    uint16_t       *codes;  /* of each of its rows: the row in `all` */
    size_t          cap_codes;
    bool            is_same; /* codes[i] is i */
    bool            is_full; /* there are more values than codes: nothing is added any more */
} yk_codebook;

void yk_codebook_fini(yk_codebook *b); /* and empty again */

/* A run's dictionary: afterwards b->codes, b->is_same and b->is_full are about it. */
int yk_codebook_add(yk_codebook *b, const yk_batch_column *dict, yoke_error *err) YK_MUST_USE;

#endif
