/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values: from the bytes a page holds to the storage forms of format/column.h. Nothing here reads outside the bytes it is
 * given; what cannot be is reported by a false or negative return, and the caller says where.
 */
#ifndef YK_FORMAT_PQ_VALUES_H
#define YK_FORMAT_PQ_VALUES_H

#include "base/alloc.h"
#include "format/column.h"
#include "format/parquet/pq_unpack.h"

/* How a stored value becomes a value. Those above FLBA are of a fixed width. */
typedef enum yk_pq_form {
    YK_PQ_F_NULL,
    YK_PQ_F_BOOL,
    YK_PQ_F_I32,  /* → int64_t */
    YK_PQ_F_U32,  /* → int64_t */
    YK_PQ_F_WORD, /* int64_t, uint64_t and double: as they are */
    YK_PQ_F_F32,
    YK_PQ_F_F16,
    YK_PQ_F_INT96,    /* → nanoseconds */
    YK_PQ_F_DEC32,    /* → __int128 */
    YK_PQ_F_DEC64,
    YK_PQ_F_DECFLBA,  /* big-endian */
    YK_PQ_F_FLBA,     /* → yk_text into the stored bytes */
    YK_PQ_F_BYTES,    /* yk_text already */
    YK_PQ_F_DECBYTES, /* yk_text already, → __int128 */
} yk_pq_form;

/* Converts n values that lie `width` bytes apart. False when one of them has no place in the storage form. */
bool yk_pq_convert(yk_pq_form form, uint32_t width, const uint8_t *from, size_t n, void *to);

/* n values of BYTE_STREAM_SPLIT from the i-th on, put together again: `stride` is how many values there are in all. */
void yk_pq_join_streams(const uint8_t *from, size_t stride, uint32_t width, size_t i, size_t n, uint8_t *to);

/* The length-prefixed values of PLAIN: at most `most`, stopping at the end of the bytes. -1 when a length is wrong. */
int64_t yk_pq_plain_texts(const uint8_t *at, const uint8_t *end, uint64_t most, yk_text *to);

/* How many values a DELTA_BINARY_PACKED sequence says it has; -1 when it is none. */
int64_t yk_pq_delta_count(const uint8_t *at, const uint8_t *end);
/* Its values, width 4 or 8 bytes each, `n` as yk_pq_delta_count says. Returns where it ends, NULL when it is wrong. The bytes are
 * followed by YK_PQ_PAD readable ones. */
const uint8_t *yk_pq_delta_read(const uint8_t *at, const uint8_t *end, uint32_t width, size_t n, void *to);

/* DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY: at most `most` values. *ret_texts is the caller's to free, and *ret_heap, where the
 * second kind's texts lie. Returns how many; -1 wrong, -2 out of memory, -3 too much in one page. */
int64_t yk_pq_delta_lengths(const uint8_t *at, const uint8_t *end, uint64_t most, yk_text **ret_texts);
int64_t yk_pq_delta_texts(const uint8_t *at, const uint8_t *end, uint64_t most, yk_text **ret_texts,
                          char **ret_heap);

/* A page that would decode into more values or bytes than this is refused. */
enum { YK_PQ_MOST_VALUES = 1 << 26, YK_PQ_MOST_HEAP = 1 << 29 };

#endif
