/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading CSV and its kin (TSV, semicolons, bars; .gz and .zst; standard input): open a file, count its rows chunk by
 * chunk, and walk a cursor over any of its rows, block by block.
 *
 * A row ends at a newline outside quotes; CRLF is a newline; lines without a character are no rows. Quotes surround
 * whole fields, "" inside them is one. Spaces around a column's name do not count. An empty field is a missing value.
 */
#ifndef YK_FORMAT_CSV_H
#define YK_FORMAT_CSV_H

#include "format/column.h"

typedef struct yk_csv_opts {
    char   delimiter; /* 0: whichever of comma, tab, semicolon and bar the first line has most of */
    int8_t header;    /* 1: the first line names the columns; 0: it does not; -1: it does when none of its fields is a number or a
                         date and some are not empty; columns without a name are called c1, c2 … by their place */
    bool   skip_bad;  /* rows with a wrong number of fields are passed over, and counted, instead of being an error */
    int (*progress)(void *ctx, uint64_t rows_done, uint64_t rows); /* called now and then while input is unpacked, with the lines so far and
                         UINT64_MAX; nonzero: end with YOKE_ECANCELED. May be NULL */
    void  *progress_ctx;
} yk_csv_opts;
#define YK_CSV_OPTS_INIT {0, -1, false, NULL, NULL}

/* An open file. All but open, close and set_rows may be called by several threads at once. */
typedef struct yk_csv yk_csv;

/* Opens and reads the first lines. Compressed files and standard input ("-") are unpacked to a nameless temporary file
 * ($TMPDIR, else /tmp). What is no text is YOKE_EFORMAT, with what it is instead where that can be seen. */
int  yk_csv_open(const char *path, const yk_csv_opts *opts, yk_csv **ret, yoke_error *err) YK_MUST_USE;
void yk_csv_close(yk_csv *f); /* after its cursors; NULL is allowed */
YK_DEFINE_CLEANUP(yk_csv, yk_csv_close)

const char *yk_csv_path(const yk_csv *f);
uint64_t    yk_csv_size(const yk_csv *f); /* bytes, unpacked */
unsigned    yk_csv_columns(const yk_csv *f);
const char *yk_csv_name(const yk_csv *f, unsigned column); /* "c1", "c2" … without a header; borrowed from the file */

/* ---- which row is where: each chunk is looked at once, in any order by anyone; then set_rows makes rows known */

/* [0]: if it begins outside quotes, [1]: if inside. */
typedef struct yk_csv_chunk {
    uint32_t rows[2]; /* that end in it */
    uint32_t quotes;  /* 1: an odd number of quotes in it */
    /* It has newlines, the lines between them have as many fields as the file has columns, and each quote is at its place; delimiters
     * before the first newline and after the last. */
    bool     is_regular[2];
    uint32_t lead[2], tail[2];
} yk_csv_chunk;

uint64_t yk_csv_chunks(const yk_csv *f);
int      yk_csv_look(const yk_csv *f, uint64_t chunk, yk_csv_chunk *ret, yoke_error *err) YK_MUST_USE;
int      yk_csv_set_rows(yk_csv *f, const yk_csv_chunk *chunks, yoke_error *err) YK_MUST_USE;
uint64_t yk_csv_rows(const yk_csv *f);
bool     yk_csv_is_regular(const yk_csv *f); /* no row is bad, nor any quote: a walk finds no error but in values; false: not known */

/* ---- what a field can be read as */

/* NULL for an empty one, else BOOL, INT, REAL, DATE, TIME or TEXT. */
yk_type yk_csv_classify(const char *s, size_t n);

/* The narrowest of those types that both fit into. */
yk_type yk_csv_join(yk_type a, yk_type b);

/* ---- a walk over rows [first, first + n), of some columns. Belongs to one thread at a time. */
typedef struct yk_csv_cursor yk_csv_cursor;

int  yk_csv_cursor_open(const yk_csv *f, const unsigned *columns, unsigned n, yk_csv_cursor **ret, yoke_error *err) YK_MUST_USE;
void yk_csv_cursor_close(yk_csv_cursor *c);
YK_DEFINE_CLEANUP(yk_csv_cursor, yk_csv_cursor_close)

int yk_csv_cursor_seek(yk_csv_cursor *c, uint64_t row, yoke_error *err) YK_MUST_USE;

/* Finds the fields of the next n rows (1 … YK_BLOCK), which the file must have. */
int yk_csv_cursor_block(yk_csv_cursor *c, uint32_t n, yoke_error *err) YK_MUST_USE;

/* The rows of the block that are no rows (with skip_bad): bit i & 63 of word i >> 6; NULL: all are good. */
const uint64_t *yk_csv_cursor_bad(const yk_csv_cursor *c);

/* The block's values of the slot-th column asked for, as `type`. Where one cannot be read so, *ret_type is the type that all
 * values of the block fit into, and `ret` is not filled; else *ret_type is `type`. Borrowed until the next block. */
int yk_csv_cursor_get(yk_csv_cursor *c, unsigned slot, yk_type type, yk_type *ret_type, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* The error of the first value of the block that cannot be read as `type`, after yk_csv_cursor_get has found that there is one. */
int yk_csv_cursor_misfit(yk_csv_cursor *c, unsigned slot, yk_type type, yoke_error *err) YK_MUST_USE;

/* A column's type while its values are looked at. */
typedef struct yk_csv_fit {
    yk_type type;     /* NULL: of none so far */
    bool    is_given; /* a value that cannot be read so is an error, instead of a wider type */
} yk_csv_fit;

/* Passes over the next n rows, which the file must have, and widens the types of the columns asked for, in their order, to such that hold
 * what is there. No block is left. */
int yk_csv_cursor_fit(yk_csv_cursor *c, uint32_t n, yk_csv_fit *fits, yoke_error *err) YK_MUST_USE;

#endif
