/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A walk over the fields of rows of any kind: some words of 64 bytes are seen as bits, then field after field is noted.
 */
#ifndef YK_FORMAT_CSV_WALK_H
#define YK_FORMAT_CSV_WALK_H

#include "format/csv/csv_file.h"

enum { YK_CSV_WORDS = 64 };

typedef struct yk_csv_walk {
    const char   *text;
    uint32_t      n_columns, n_rows; /* of each row; that are wanted */
    yk_csv_span  *spans;     /* field i of row k is noted in spans[place_of[i] + k] */
    const size_t *place_of;
    /* where it is */
    size_t        word;      /* where the 64 bytes looked at begin */
    uint64_t      separator; /* of these, those that are still to come */
    size_t        row_begin; /* of the row */
    size_t        begin;     /* of the field */
    uint32_t      rows, fields;
    /* the bits of bytes [from, to), a word each: newlines, separators (outside quotes), quotes */
    size_t        from, to;
    uint64_t      newlines[YK_CSV_WORDS], separators[YK_CSV_WORDS], quotes[YK_CSV_WORDS];
} yk_csv_walk;

typedef enum yk_csv_stop {
    YK_CSV_MORE,   /* it has come to the end of the words */
    YK_CSV_ENOUGH, /* all rows have been seen; `begin` is where the next one begins */
    YK_CSV_BAD,    /* the next separator ends a row of another number of fields */
} yk_csv_stop;

/* Walks on from `word`, of which `separator` is left. A row ends at a newline, or at CR before one; lines without a character are none. */
YK_ISA_DECLARE(yk_csv_stop, yk_k_csv_walk, (yk_csv_walk *w));

#endif
