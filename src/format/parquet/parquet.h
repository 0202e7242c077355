/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading Parquet: open a file, see its columns, and walk a cursor over any rows of one column, block by block.
 *
 * Rows are numbered through the whole file, from 0, across its row groups. A cursor may start at any row and costs nothing
 * for those before it but finding the page: so a scan's tasks are row ranges, whatever the row groups and pages are. What
 * cursors of one file share (page maps, dictionaries, decompressed pages) is kept once, within a byte budget.
 */
#ifndef YK_FORMAT_PARQUET_H
#define YK_FORMAT_PARQUET_H

#include "format/column.h"

/* An open file. All its functions may be called by several threads at once, except yk_parquet_close. */
typedef struct yk_parquet yk_parquet;

/* Opens a file and reads its footer, no data. What is no Parquet file is YOKE_EFORMAT, with what it is instead where that can
 * be seen (an HTML page, a Git LFS pointer, cut short, empty); an encrypted one is YOKE_EUNSUPPORTED. */
int  yk_parquet_open(const char *path, yk_parquet **ret, yoke_error *err) YK_MUST_USE;
void yk_parquet_close(yk_parquet *f); /* after its cursors; NULL is allowed */
YK_DEFINE_CLEANUP(yk_parquet, yk_parquet_close)

/* A leaf of the schema. All pointers are borrowed from the file. */
typedef struct yk_parquet_column {
    const char *name;        /* dotted path from the root: "fare", "trip.start" */
    yk_type     type;        /* of the blocks its cursors give; what a refused column would have had, where known */
    bool        is_nullable; /* rows may be missing (itself or a struct around it) */
    bool        is_int96;    /* a timestamp in the old 96-bit form */
    const char *physical;    /* "INT64", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY(16)": as the file stores it */
    const char *logical;     /* "TIMESTAMP(MICROS,UTC)", "DECIMAL(9,2)", "" for none: as the file annotates it */
    const char *refusal;     /* why it cannot be read ("it is a list"), as the rest of a sentence; NULL: it can */
} yk_parquet_column;

typedef struct yk_parquet_group {
    uint64_t first_row, n_rows;
    uint64_t n_bytes; /* compressed, all columns */
} yk_parquet_group;

const char              *yk_parquet_path(const yk_parquet *f);
uint64_t                 yk_parquet_size(const yk_parquet *f); /* bytes of the file */
uint64_t                 yk_parquet_rows(const yk_parquet *f);
unsigned                 yk_parquet_columns(const yk_parquet *f);
const yk_parquet_column *yk_parquet_column_at(const yk_parquet *f, unsigned i);
int                      yk_parquet_find(const yk_parquet *f, const char *name); /* index, or -1 */
unsigned                 yk_parquet_groups(const yk_parquet *f);
const yk_parquet_group  *yk_parquet_group_at(const yk_parquet *f, unsigned i);
yk_text                  yk_parquet_created_by(const yk_parquet *f); /* the writer's name for itself; empty when not said */
unsigned                 yk_parquet_notes(const yk_parquet *f);      /* the file's key-value metadata: how many */
void                     yk_parquet_note(const yk_parquet *f, unsigned i, yk_text *ret_key, yk_text *ret_value);

/* What is known of a column's values in some rows without reading them. Bounds are in storage form and need not be attained
 * (writers shorten text); NaN and missing values lie outside them. */
typedef union yk_parquet_value {
    int64_t  i; /* INT, TIME, DATE, SPAN */
    uint64_t u; /* UINT */
    double   r; /* REAL */
    uint8_t  b; /* BOOL */
    yk_text  t; /* TEXT, DATA: bytes compare as unsigned; borrowed from the file */
    __extension__ __int128 d; /* DECIMAL */
} yk_parquet_value;

typedef struct yk_parquet_stats {
    bool             has_min, has_max;
    bool             is_min_least, is_max_greatest; /* the bound is attained: some row has just this value */
    yk_parquet_value min, max;
    int64_t          n_missing; /* -1: not said */
} yk_parquet_stats;

/* Of one column in one row group. Bytes of the column chunk too: compressed and decompressed. Never fails: what the file does not
 * say, or says in a way that must not be trusted, is absent. */
void yk_parquet_group_stats(const yk_parquet *f, unsigned group, unsigned column, yk_parquet_stats *ret);
void yk_parquet_chunk_bytes(const yk_parquet *f, unsigned group, unsigned column, uint64_t *ret_stored, uint64_t *ret_plain);

typedef struct yk_parquet_page {
    uint64_t         first_row, n_rows; /* in the file; pages of no rows are left out */
    uint64_t         n_bytes;           /* in the file, with its header */
    yk_parquet_stats stats;             /* from the page index; nothing where there is none */
} yk_parquet_page;

/* The pages of one column in one row group, in order, covering its rows exactly. From the file's page index; without one
 * the page headers are walked, once. The array is borrowed from the file. */
int yk_parquet_pages(yk_parquet *f, unsigned group, unsigned column, const yk_parquet_page **ret, unsigned *ret_n,
                     yoke_error *err) YK_MUST_USE;
bool yk_parquet_has_page_stats(const yk_parquet *f, unsigned group, unsigned column); /* whether the file says that it has some */

/* Decompressed pages that no cursor is in are kept for the next up to `kept` bytes, and as far as those that cursors are in leave room
 * for them within `all`. Pages larger than that are still shared while two cursors are in them. */
typedef struct yk_parquet_budget {
    uint64_t kept, all;
    /* a cursor may hold the page after its own, where two are decompressed faster than one after the other, and a window */
    bool     has_ahead;
} yk_parquet_budget;
enum { YK_PARQUET_WINDOW = 256 << 10 }; /* of a cursor: bytes of several pages that are read at once */
#define YK_PARQUET_BUDGET_INIT {16 << 20, UINT64_MAX, true} /* when never set */
void yk_parquet_set_budget(yk_parquet *f, const yk_parquet_budget *b);
void yk_parquet_forget(yk_parquet *f); /* drops what is kept */

/* What cursors over one column hold while they are in a row group: at most, by the footer alone; and by the headers of its pages, which
 * are read where they are not known yet. Damage is not told of: it will be when the rows are read. */
typedef struct yk_parquet_need {
    uint64_t page, stored; /* the largest page in memory (of texts two: a block may lie in both), and as it is stored */
    uint64_t dict;         /* shared by all of them */
} yk_parquet_need;
yk_parquet_need yk_parquet_chunk_most(const yk_parquet *f, unsigned group, unsigned column);
yk_parquet_need yk_parquet_chunk_need(yk_parquet *f, unsigned group, unsigned column);

/* What has been read so far, for reports. */
typedef struct yk_parquet_counters {
    uint64_t bytes_read, pages_read, bytes_decompressed, pages_shared; /* shared: found decompressed already */
} yk_parquet_counters;
yk_parquet_counters yk_parquet_count_reads(const yk_parquet *f);

/* What a cursor needs during a call alone: a page as it is stored, what codecs keep, values on their way. Cursors that one thread walks may
 * share it, whatever their files. */
typedef struct yk_scratch yk_scratch;
yk_scratch *yk_scratch_new(void);
void        yk_scratch_clear(yk_scratch *s); /* frees what grew with pages */
void        yk_scratch_free(yk_scratch *s);  /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_scratch, yk_scratch_free)

/* A walk over rows [first, first + n) of one column. Belongs to one thread at a time. */
typedef struct yk_cursor yk_cursor;

/* Reads nothing yet. The scratch is borrowed until the cursor is closed; NULL: it has one of its own. A refused column is
 * YOKE_EUNSUPPORTED; rows outside the file are YOKE_EINVALID. */
int  yk_cursor_open(yk_parquet *f, unsigned column, uint64_t first, uint64_t n, yk_scratch *scratch, yk_cursor **ret,
                    yoke_error *err) YK_MUST_USE;
void yk_cursor_close(yk_cursor *c);
YK_DEFINE_CLEANUP(yk_cursor, yk_cursor_close)

/* Starts over on other rows of the same column: what the cursor holds (scratch, its page where it still fits) stays. */
int yk_cursor_seek(yk_cursor *c, uint64_t first, uint64_t n, yoke_error *err) YK_MUST_USE;

/* The next n rows (1 … YK_BLOCK; fewer only at the end of the range, 0 there), whatever page or group borders lie between:
 *
 *     codes and dict   where all n rows are dictionary-coded with one dictionary
 *     values           elsewhere; straight from the page where the stored form is the block's form and aligned
 *     is_const         where one run covers the n rows, or all n are missing
 *     valid            only where at least one of the rows is missing
 *
 * The block is borrowed until the next call on this cursor. dict->id is the same for one column of one row group as long
 * as the file is open. */
int yk_cursor_next(yk_cursor *c, uint32_t n, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* Leaves out the next n rows (all that remain when n is more): pages wholly left out are not read. */
int yk_cursor_skip(yk_cursor *c, uint64_t n, yoke_error *err) YK_MUST_USE;

uint64_t yk_cursor_row(const yk_cursor *c);  /* in the file: the next row it will give */
uint64_t yk_cursor_left(const yk_cursor *c); /* rows until its end */

/* What lies ahead: *ret_dict is the dictionary of the next *ret_rows rows (at least 1 unless at the end), or NULL for rows
 * stored as values. A dictionary is borrowed until the cursor is asked for anything beyond those rows. */
int yk_cursor_ahead(yk_cursor *c, const yk_dict **ret_dict, uint64_t *ret_rows, yoke_error *err) YK_MUST_USE;

/* Counts the next n rows, which must be coded with one dictionary as yk_cursor_ahead says, without decoding them:
 *
 *     for each row: if it is missing (*missing)++; else counts[code]++
 *
 * counts has dict->n elements. A run costs one addition. */
int yk_cursor_count(yk_cursor *c, uint64_t n, uint64_t *counts, uint64_t *missing, yoke_error *err) YK_MUST_USE;

#endif
