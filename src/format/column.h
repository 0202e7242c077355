/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a column is, between the files that hold it and the expressions that use it: a type, and blocks of rows.
 */
#ifndef YK_FORMAT_COLUMN_H
#define YK_FORMAT_COLUMN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Rows of one block: what an expression handles at a time, small enough for the first two caches. A multiple of the
 * summation leaf. */
enum { YK_BLOCK = 2048 };

typedef enum yk_kind {
    YK_KIND_NULL, /* a column that is missing throughout */
    YK_KIND_BOOL, /* uint8_t, 0 or 1 */
    YK_KIND_INT,  /* int64_t; every signed width is widened to it */
    YK_KIND_UINT, /* uint64_t; only for unsigned 64-bit, smaller ones are YK_KIND_INT */
    YK_KIND_REAL, /* double; float16 and float are widened to it */
    YK_KIND_TEXT, /* yk_text, UTF-8 */
    YK_KIND_DATA, /* yk_text, any bytes */
    YK_KIND_TIME, /* int64_t, `unit` since 1970-01-01T00:00 (UTC when is_utc, else local to the data) */
    YK_KIND_DATE, /* int64_t, days since 1970-01-01 */
    YK_KIND_SPAN, /* int64_t, a length of time or a time of day, in `unit` */
    YK_KIND_DECIMAL, /* __int128 unscaled, 16-byte aligned; value / 10^scale */
} yk_kind;

typedef enum yk_unit { YK_UNIT_S, YK_UNIT_MS, YK_UNIT_US, YK_UNIT_NS } yk_unit;

typedef struct yk_type {
    yk_kind kind;
    yk_unit unit;   /* of TIME and SPAN */
    bool    is_utc; /* of TIME */
    int8_t  scale;  /* of DECIMAL */
    bool    is_uuid;  /* of DATA: 16 bytes, shown as 8-4-4-4-12 hexadecimal digits */
    bool    is_clock; /* of SPAN: a time of day */
} yk_type;

static inline bool yk_type_same(yk_type a, yk_type b)
{
    return a.kind == b.kind && a.unit == b.unit && a.is_utc == b.is_utc && a.scale == b.scale && a.is_uuid == b.is_uuid
        && a.is_clock == b.is_clock;
}

/* A borrowed run of bytes; not NUL-terminated. */
typedef struct yk_text {
    const char *data;
    uint64_t    len;
} yk_text;

/* The distinct values that codes of a column point to. */
typedef struct yk_dict {
    uint32_t    n;
    const void *values; /* n values in the type's storage form */
    uint64_t    id;     /* differs whenever the content may differ: what is computed from a dictionary once is kept by it */
} yk_dict;

/* The first of n ids in a row that no other dictionary of this process has: for those that do not lie in a file. */
uint64_t yk_dict_new_ids(uint64_t n);

/* Up to YK_BLOCK rows of one column. Borrowed from whoever filled it, until the next block is asked for. Either values
 * (codes is NULL) or codes into a dictionary (values is NULL). A missing row's value or code is some valid bit pattern or
 * in-range code, without meaning; values of missing TEXT have length 0. */
typedef struct yk_vec {
    yk_type         type;
    uint32_t        n;
    const void     *values;
    const uint32_t *codes; /* each < dict->n, unless dict->n is 0, when all rows are missing */
    const yk_dict  *dict;
    const uint64_t *valid; /* bit i & 63 of word i >> 6 says that row i is there; NULL: all are */
    bool            is_const; /* all n rows are row 0: only one value (or code), and one valid bit, is stored */
} yk_vec;

/* Whether a row is there, of a block that is not one constant. */
static inline bool yk_row_counts(const yk_vec *v, uint32_t i) { return !v->valid || (v->valid[i >> 6] >> (i & 63) & 1); }

/* A half-precision number, bit by bit. */
static inline double yk_real_of_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff, bits;
    float    f;
    if (exponent == 31)
        bits = sign | 0x7f800000 | mantissa << 13;
    else if (exponent)
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    else { /* zero, or below the normal numbers: mantissa units of 2^-24 */
        double v = (double)mantissa * 0x1p-24;
        return sign ? -v : v;
    }
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

/* Bytes of one value in storage form: 1, 8 or 16; 0 for YK_KIND_NULL. */
size_t yk_kind_size(yk_kind kind);

/* Whether a value is a yk_text. */
static inline bool yk_kind_is_bytes(yk_kind k) { return k == YK_KIND_TEXT || k == YK_KIND_DATA; }

/* "integer", "text", "timestamp[us, UTC]" …: what messages call a type. Writes into buf, returns it. */
const char *yk_type_name(yk_type t, char *buf, size_t size);

#endif
