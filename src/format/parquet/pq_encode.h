/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One column of the row group being written: values come in block by block, compressed pages come out.
 */
#ifndef YK_FORMAT_PQ_ENCODE_H
#define YK_FORMAT_PQ_ENCODE_H

#include "format/parquet/parquet_write.h"
#include "format/parquet/pq_codec.h"
#include "format/parquet/pq_footer.h"
#include "format/parquet/pq_intern.h"

enum { YK_PQ_MOST_BOUND = 64 };

/* The least and the greatest of some values. Texts longer than YK_PQ_MOST_BOUND bytes: a shorter one below them does for the
 * least; for the greatest there is none, and is_open says so. */
typedef struct yk_pq_range {
    bool has, is_open;
    union yk_pq_bound {
        int64_t  i;
        uint64_t u;
        double   r;
        __extension__ __int128 d;
        struct {
            uint32_t len;
            char     data[YK_PQ_MOST_BOUND];
        } t;
    } min, max;
} yk_pq_range;

typedef struct yk_pq_page_info {
    uint64_t    at; /* from the chunk's start */
    uint32_t    size, n_rows, n_missing;
    yk_pq_range range;
} yk_pq_page_info;

/* What is known of a value that came as a code. */
typedef struct yk_pq_memo {
    uint32_t code; /* ours + 1; 0: not known */
    uint32_t page; /* the last page that it is in */
} yk_pq_memo;

typedef struct yk_pq_encoder {
    yk_parquet_field field; /* its name is owned */
    int8_t           physical;
    uint32_t         width; /* bytes of a stored value; 0: they vary */
    unsigned         codec; /* enum yk_pq_codec */
    int              level;

    /* The page being filled. */
    uint32_t    n_rows, n_missing, cap_rows;
    uint32_t   *levels, *codes; /* room of each for `room` rows, which grows to cap_rows; owned */
    uint32_t    n_codes, room;
    yk_buf      plain; /* stored values; of booleans a byte each */
    yk_pq_range range;

    /* The dictionary of the row group. */
    bool         has_dict;
    yk_pq_intern dict;
    uint64_t     memo_id; /* the dictionary that blocks came with last */
    yk_pq_memo  *memo;    /* of each of its codes; owned */
    uint32_t     memo_n, page; /* the how-manyth page this is */
    size_t       cap_memo;

    /* The chunk so far. */
    yk_buf           body, scratch;
    yk_pq_page_info *pages;
    size_t           n_pages, cap_pages;
    uint64_t         rows, missing, plain_bytes;
    bool             has_dict_pages;
    uint32_t         n_dict_pages;
} yk_pq_encoder;

int  yk_pq_encoder_init(yk_pq_encoder *e, const yk_parquet_field *field, unsigned codec, int level, uint32_t page_rows, yoke_error *err)
    YK_MUST_USE;
void yk_pq_encoder_fini(yk_pq_encoder *e);
void yk_pq_encoder_clear(yk_pq_encoder *e); /* for the next row group */

int yk_pq_encoder_add(yk_pq_encoder *e, const yk_vec *v, yk_codec_state *codecs, yoke_error *err) YK_MUST_USE;

/* Ends the last page, and appends the dictionary page, which lies before the others in the file, to *dict_page. */
int yk_pq_encoder_end(yk_pq_encoder *e, yk_codec_state *codecs, yk_buf *dict_page, yoke_error *err) YK_MUST_USE;

/* Runs and packed numbers of `width` bits. */
void yk_pq_hybrid_put(yk_buf *to, const uint32_t *v, size_t n, unsigned width);

/* A bound as the file has it; appended to `to`. */
void yk_pq_bound_put(const yk_pq_encoder *e, const union yk_pq_bound *b, yk_buf *to);

/* Widens a range by n values in storage form, and by another range. */
void yk_pq_range_add(yk_pq_range *r, yk_kind kind, const void *values, size_t n);
void yk_pq_range_join(yk_pq_range *r, yk_kind kind, const yk_pq_range *other);

#endif
