/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What an Arrow column is, and whether an array that comes for it is one. Arrow's buffers carry no lengths: of what lies in them
 * only offsets and codes can be checked, and are, as they are read; everything around them is checked here.
 */
#ifndef YK_FORMAT_ARROW_TYPE_H
#define YK_FORMAT_ARROW_TYPE_H

#include "format/arrow/arrow.h"

/* How a column's values are stored. */
typedef enum yk_arrow_form {
    YK_ARROW_NONE, /* refused, or no values at all */
    YK_ARROW_BITS,
    YK_ARROW_I8, YK_ARROW_U8, YK_ARROW_I16, YK_ARROW_U16, YK_ARROW_I32, YK_ARROW_U32,
    YK_ARROW_64, /* as blocks have it */
    YK_ARROW_F16, YK_ARROW_F32,
    YK_ARROW_D32, YK_ARROW_D64, /* decimals of fewer bits */
    YK_ARROW_128,
    YK_ARROW_MILLIDAYS, /* 64-bit dates in milliseconds */
    YK_ARROW_BYTES32, YK_ARROW_BYTES64, YK_ARROW_FIXED, YK_ARROW_VIEW,
} yk_arrow_form;

typedef struct yk_arrow_kind {
    yk_arrow_column said; /* name borrowed from the schema */
    yk_arrow_form   form;
    yk_arrow_form   index; /* of a dictionary-encoded column: how codes are stored; else YK_ARROW_NONE */
    unsigned        number; /* of a dictionary-encoded column: the how-manyth it is */
    size_t          width;  /* of YK_ARROW_FIXED */
    char            refusal[96];
} yk_arrow_kind;

/* A column of the schema. */
int yk_arrow_kind_read(const struct ArrowSchema *s, yk_arrow_kind *ret, yoke_error *err) YK_MUST_USE;

/* Whether `a` holds `rows` rows of the column: its lengths, and a buffer wherever one is needed. */
int yk_arrow_array_check(const yk_arrow_kind *k, const struct ArrowArray *a, int64_t rows, yoke_error *err) YK_MUST_USE;

static inline bool yk_arrow_bit(const void *bits, int64_t at)
{
    return ((const uint8_t *)bits)[at / 8] >> (at & 7) & 1;
}

#endif
