/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a Parquet file says about itself, as read from its footer, page headers and page index; only checked for what makes
 * it readable at all. Texts are borrowed from the footer's bytes.
 */
#ifndef YK_FORMAT_PQ_FOOTER_H
#define YK_FORMAT_PQ_FOOTER_H

#include "base/arena.h"
#include "format/parquet/pq_thrift.h"

enum yk_pq_physical { YK_PQ_BOOLEAN, YK_PQ_INT32, YK_PQ_INT64, YK_PQ_INT96, YK_PQ_FLOAT, YK_PQ_DOUBLE, YK_PQ_BYTE_ARRAY, YK_PQ_FLBA,
                      YK_PQ_N_PHYSICAL };

enum yk_pq_codec { YK_PQ_RAW, YK_PQ_SNAPPY, YK_PQ_GZIP, YK_PQ_LZO, YK_PQ_BROTLI, YK_PQ_LZ4, YK_PQ_ZSTD, YK_PQ_LZ4_RAW };

enum yk_pq_encoding {
    YK_PQ_PLAIN = 0,
    YK_PQ_PLAIN_DICTIONARY = 2,
    YK_PQ_RLE = 3,
    YK_PQ_BIT_PACKED = 4,
    YK_PQ_DELTA_BINARY_PACKED = 5,
    YK_PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
    YK_PQ_DELTA_BYTE_ARRAY = 7,
    YK_PQ_RLE_DICTIONARY = 8,
    YK_PQ_BYTE_STREAM_SPLIT = 9,
};

enum yk_pq_repetition { YK_PQ_REQUIRED, YK_PQ_OPTIONAL, YK_PQ_REPEATED };

/* The annotation of a schema element, one list for the newer LogicalType (by its field id) and the older ConvertedType. */
enum yk_pq_logical {
    YK_PQ_L_NONE, YK_PQ_L_STRING, YK_PQ_L_MAP, YK_PQ_L_LIST, YK_PQ_L_ENUM, YK_PQ_L_DECIMAL, YK_PQ_L_DATE, YK_PQ_L_TIME,
    YK_PQ_L_TIMESTAMP, YK_PQ_L_INTERVAL, YK_PQ_L_INTEGER, YK_PQ_L_NULL, YK_PQ_L_JSON, YK_PQ_L_BSON, YK_PQ_L_UUID, YK_PQ_L_FLOAT16,
    YK_PQ_L_VARIANT, YK_PQ_L_GEOMETRY, YK_PQ_L_GEOGRAPHY,
};

typedef struct yk_pq_element {
    yk_text name;
    int8_t  physical, repetition; /* -1: not said */
    uint8_t logical;              /* enum yk_pq_logical */
    yk_unit unit;                 /* of TIME, TIMESTAMP */
    bool    is_utc, is_signed;    /* of TIME and TIMESTAMP; of INTEGER */
    uint8_t bits;                 /* of INTEGER: 8, 16, 32, 64 */
    int32_t width;                /* bytes of FIXED_LEN_BYTE_ARRAY */
    int32_t scale, precision, n_children;
} yk_pq_element;

/* Bounds as the file has them. Of the two pairs, the older is right only where values compare as signed numbers. */
typedef struct yk_pq_bounds {
    yk_text min, max, old_min, old_max;
    bool    has_min, has_max, has_old_min, has_old_max;
    int8_t  min_exact, max_exact; /* whether some value is the bound: 0 not said, 1 said so, -1 denied */
    int64_t n_missing; /* -1: not said */
} yk_pq_bounds;

typedef struct yk_pq_chunk_info {
    bool         is_there, is_encrypted, is_elsewhere;
    bool         is_all_dict; /* said to have no data page but dictionary-coded ones */
    int8_t       physical;
    uint8_t      codec;
    int64_t      data_at, dict_at, stored, plain; /* bytes; dict_at 0: not said */
    int64_t      offsets_at, columns_at;          /* the page index; 0: none */
    int32_t      offsets_size, columns_size;
    yk_pq_bounds bounds;
} yk_pq_chunk_info;

typedef struct yk_pq_group_info {
    int64_t           n_rows;
    yk_pq_chunk_info *chunks; /* one for each leaf */
    uint32_t          n_chunks;
} yk_pq_group_info;

typedef struct yk_pq_footer {
    yk_pq_element    *elements;
    yk_pq_group_info *groups;
    yk_text          *notes; /* key, value, key, value … */
    uint32_t          n_elements, n_groups, n_notes;
    yk_text           created_by;
    bool              has_orders; /* the file says how its newer bounds compare */
} yk_pq_footer;

/* Everything lands in the arena. `path` is for messages. */
int yk_pq_footer_read(const uint8_t *bytes, size_t n, const char *path, yk_arena *arena, yk_pq_footer *ret, yoke_error *err)
    YK_MUST_USE;

enum yk_pq_page_type { YK_PQ_DATA_PAGE, YK_PQ_INDEX_PAGE, YK_PQ_DICTIONARY_PAGE, YK_PQ_DATA_PAGE_V2 };

typedef struct yk_pq_header {
    int32_t type, plain_size, stored_size; /* of what follows the header */
    int32_t n_values, n_rows;              /* n_rows: of v2 pages */
    int32_t encoding, level_encoding;
    int32_t def_size, rep_size;            /* of v2 pages: bytes of levels before the values */
    bool    is_compressed, has_crc;
    uint32_t crc;
} yk_pq_header;

/* The page header at the start of the bytes. Returns its length; 0 when the bytes end before it does; -1 when it is none. */
int yk_pq_header_read(const uint8_t *bytes, size_t n, yk_pq_header *ret);

/* One page as the page index has it. */
typedef struct yk_pq_location {
    int64_t at, first_row;
    int32_t size;
} yk_pq_location;

/* False when the bytes are no such index or memory is out. Arrays are the caller's to free. */
bool yk_pq_offset_index_read(const uint8_t *bytes, size_t n, yk_pq_location **ret, uint32_t *ret_n) YK_MUST_USE;
/* Bounds of n_pages pages; texts borrow from the bytes. `is_missing`: all rows are. */
bool yk_pq_column_index_read(const uint8_t *bytes, size_t n, uint32_t n_pages, yk_pq_bounds *ret) YK_MUST_USE;

#endif
