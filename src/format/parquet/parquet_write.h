/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writing Parquet: open, add blocks of rows, commit. Files that every reader reads: version 1 data pages, dictionaries with a
 * fallback to plain values, bounds of columns and pages, a page index; row groups and pages sized for parallel readers.
 */
#ifndef YK_FORMAT_PARQUET_WRITE_H
#define YK_FORMAT_PARQUET_WRITE_H

#include "format/column.h"
#include "format/parquet/pq_codec.h"

typedef struct yk_parquet_writer yk_parquet_writer;

typedef struct yk_parquet_field {
    const char *name;
    /* lengths of time, other than times of day, are written as integers, which their unit is not kept of: Parquet has none */
    yk_type     type;
    bool        is_required; /* no row is ever missing: one that is, is YOKE_EINVALID */
} yk_parquet_field;

typedef enum yk_parquet_codec { YK_PARQUET_ZSTD, YK_PARQUET_SNAPPY, YK_PARQUET_PLAIN } yk_parquet_codec;

typedef struct yk_parquet_write_opts {
    yk_parquet_codec codec;
    int              level;      /* of ZSTD; 0: 1 */
    uint64_t         group_rows; /* 0: 1,048,576; rounded up to whole blocks of YK_BLOCK, as the next */
    uint32_t         page_rows;  /* 0: YK_PARQUET_PAGE_ROWS */
    uint32_t         page_bytes; /* a page ends where a block goes beyond; 0: 1 MiB */
    uint64_t         memory;     /* what a row group may take, compressed and with its dictionaries, before it is ended; 0: 32 MiB */
} yk_parquet_write_opts;

enum { YK_PARQUET_PAGE_ROWS = 1 << 15 };
#define YK_PARQUET_WRITE_OPTS_INIT {YK_PARQUET_ZSTD, 0, 0, 0, 0, 0}

/* Where a page is made, one at a time: kept from one to the next, of any field. Zeroed is ready to use. */
typedef struct yk_parquet_room {
    yk_codec_state codecs;
    uint32_t      *levels, *codes; /* room of each for `rows`; owned */
    uint32_t       rows;
    yk_buf         plain;  /* stored values; of booleans a byte each */
    yk_buf         body, stored;
} yk_parquet_room;
void yk_parquet_room_fini(yk_parquet_room *r);

/* Starts a file beside `path`, which it becomes when committed. Fails with YOKE_EEXISTS where path exists, unless may_replace.
 * fields are borrowed for the call; opts may be NULL. One thread at a time. */
int  yk_parquet_writer_open(const char *path, bool may_replace, const yk_parquet_field *fields, unsigned n_fields,
                            const yk_parquet_write_opts *opts, yk_parquet_writer **ret, yoke_error *err) YK_MUST_USE;
void yk_parquet_writer_close(yk_parquet_writer *w); /* without commit nothing is left behind; NULL is allowed */
YK_DEFINE_CLEANUP(yk_parquet_writer, yk_parquet_writer_close)

/* Adds columns[0].n rows (at most YK_BLOCK): a block for each field, of its type and all of one length. Nothing stays borrowed.
 * Blocks may be of any form that yk_vec has; codes are kept as codes. What is held in memory is one row group, compressed. */
int yk_parquet_writer_add(yk_parquet_writer *w, const yk_vec *columns, yoke_error *err) YK_MUST_USE;

/* The same a page at a time: blocks of one field, by any thread but one at a time for each field, in the caller's own room, which ends
 * them as a page (or more, where values are large); pages that were ended wait to be packed, which any thread may do with each of them
 * once, at the same time as others, but not while its field gets blocks; then, when all fields have got them, n rows more are counted,
 * and what waits is packed. */
int yk_parquet_writer_put(yk_parquet_writer *w, unsigned field, const yk_vec *block, yk_parquet_room *room, yoke_error *err) YK_MUST_USE;
int yk_parquet_writer_end_page(yk_parquet_writer *w, unsigned field, yk_parquet_room *room, yoke_error *err) YK_MUST_USE;
uint32_t yk_parquet_writer_waiting(const yk_parquet_writer *w, unsigned field); /* how many */
int yk_parquet_writer_pack(yk_parquet_writer *w, unsigned field, uint32_t nth, yk_parquet_room *room, yoke_error *err) YK_MUST_USE;
int yk_parquet_writer_count(yk_parquet_writer *w, uint32_t n, yoke_error *err) YK_MUST_USE;

/* Writes what remains and the footer, and gives the file its name. */
int yk_parquet_writer_commit(yk_parquet_writer *w, yoke_error *err) YK_MUST_USE;

#endif
