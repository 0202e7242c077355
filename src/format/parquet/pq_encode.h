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

typedef struct yk_pq_page {
    char       *data; /* its body; once it is packed, header and compressed body as they will be in the file; owned */
    uint32_t    size; /* of data */
    uint32_t    plain_size; /* header and body before compression; 0: not packed yet */
    uint32_t    n_rows, n_missing;
    bool        is_coded; /* by the dictionary */
    yk_pq_range range;
} yk_pq_page;

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

    /* The page being filled, which lies in the room that is given with each call until it is ended. */
    uint32_t    n_rows, n_missing, n_codes, cap_rows, most_bytes;
    yk_pq_range range;

    /* The dictionary of the row group. */
    bool         has_dict;
    yk_pq_intern dict;
    uint64_t     memo_id; /* the dictionary that blocks came with last */
    yk_pq_memo  *memo;    /* of each of its codes; owned */
    uint32_t     memo_n, page; /* the how-manyth page this is */
    size_t       cap_memo;

    /* The chunk so far. */
    yk_pq_page *pages; /* owned */
    size_t      n_pages, cap_pages, n_settled; /* those that the next two count; the dictionary's page counts once it is made */
    uint64_t    stored_bytes, plain_bytes;
    uint64_t    rows, missing;
    uint32_t    n_dict_pages; /* that have codes */
} yk_pq_encoder;

/* Level and the size of pages are those of the options. */
int  yk_pq_encoder_init(yk_pq_encoder *e, const yk_parquet_field *field, unsigned codec, const yk_parquet_write_opts *o,
                        yoke_error *err) YK_MUST_USE;
void yk_pq_encoder_fini(yk_pq_encoder *e);
void yk_pq_encoder_clear(yk_pq_encoder *e); /* for the next row group */

/* Rows of one page after the other into the same room, until the page is ended. */
int yk_pq_encoder_add(yk_pq_encoder *e, const yk_vec *v, yk_parquet_room *room, yoke_error *err) YK_MUST_USE;
int yk_pq_encoder_end_page(yk_pq_encoder *e, yk_parquet_room *room, yoke_error *err) YK_MUST_USE;

/* Compresses a page that was ended: by any thread, and several at the same time. Then, by one, those that nobody has; and all are
 * counted. */
int yk_pq_encoder_pack(const yk_pq_encoder *e, yk_pq_page *page, yk_parquet_room *room, yoke_error *err) YK_MUST_USE;
int yk_pq_encoder_settle(yk_pq_encoder *e, yk_parquet_room *room, yoke_error *err) YK_MUST_USE;

/* The page of the dictionary, which lies before the others in the file; without data where there is none. The caller frees its data. */
int yk_pq_encoder_dict_page(yk_pq_encoder *e, yk_parquet_room *room, yk_pq_page *ret, yoke_error *err) YK_MUST_USE;

size_t yk_pq_encoder_bytes(const yk_pq_encoder *e); /* held, without the room */

/* Runs and packed numbers of `width` bits. */
void yk_pq_hybrid_put(yk_buf *to, const uint32_t *v, size_t n, unsigned width);

/* A bound as the file has it; appended to `to`. */
void yk_pq_bound_put(const yk_pq_encoder *e, const union yk_pq_bound *b, yk_buf *to);

/* Widens a range by n values in storage form, and by another range. */
void yk_pq_range_add(yk_pq_range *r, yk_kind kind, const void *values, size_t n);
void yk_pq_range_join(yk_pq_range *r, yk_kind kind, const yk_pq_range *other);

#endif
