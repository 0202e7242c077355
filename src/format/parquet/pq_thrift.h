/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Thrift's compact notation, which Parquet's footers and page headers are written in. Reading never fails at once: the
 * reader is marked `is_bad` (and `is_short` when the bytes ran out), everything after that reads as 0 or nothing, and
 * the caller looks once at the end. No value makes it read outside its bytes, loop without eating them, or recurse deep.
 */
#ifndef YK_FORMAT_PQ_THRIFT_H
#define YK_FORMAT_PQ_THRIFT_H

#include "base/buf.h"
#include "format/column.h"

typedef struct yk_thrift {
    const uint8_t *at, *end;
    bool           is_bad, is_short;
} yk_thrift;

enum yk_thrift_type { YK_TH_STOP, YK_TH_TRUE, YK_TH_FALSE, YK_TH_I8, YK_TH_I16, YK_TH_I32, YK_TH_I64, YK_TH_DOUBLE, YK_TH_BINARY,
                      YK_TH_LIST, YK_TH_SET, YK_TH_MAP, YK_TH_STRUCT };

/* A field of the struct being read. Every field must be read or skipped:
 *
 *     for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
 *         switch (f.id) {
 *         case 1: x = yk_thrift_int(t, f.type); break;
 *         default: yk_thrift_skip(t, f.type);
 *         } */
typedef struct yk_thrift_field {
    int16_t id;
    uint8_t type;
} yk_thrift_field;

bool     yk_thrift_next(yk_thrift *t, yk_thrift_field *f);
int64_t  yk_thrift_int(yk_thrift *t, uint8_t type); /* any integer type */
bool     yk_thrift_bool(yk_thrift *t, uint8_t type);
yk_text  yk_thrift_text(yk_thrift *t, uint8_t type); /* borrowed from the reader's bytes */
uint32_t yk_thrift_list(yk_thrift *t, uint8_t type, uint8_t *ret_element); /* how many elements follow; each takes a byte at least */
bool     yk_thrift_element_bool(yk_thrift *t);                            /* a boolean in a list */
bool     yk_thrift_is_struct(yk_thrift *t, uint8_t type);                 /* else marks the reader bad */
void     yk_thrift_skip(yk_thrift *t, uint8_t type);

/* Writing: appends to a buffer, which is marked when memory runs out. `last` is the id of the struct's field before. */
void yk_thrift_put_field(yk_buf *b, int16_t *last, int16_t id, uint8_t type);
void yk_thrift_put_int(yk_buf *b, int64_t v);      /* zigzag varint: the value of an I16, I32 or I64 field */
void yk_thrift_put_bytes(yk_buf *b, const void *p, size_t n);
void yk_thrift_put_list(yk_buf *b, uint8_t element, size_t n);
void yk_thrift_put_stop(yk_buf *b);

#endif
