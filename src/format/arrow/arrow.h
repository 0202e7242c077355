/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Columns to and from the Arrow C data interface (<yoke/arrow.h>).
 *
 * Out: blocks of rows are gathered into record batches. In: the batches of a stream are held as they are, and cursors walk
 * over any rows of a column; 64-bit columns are handed on without a copy.
 */
#ifndef YK_FORMAT_ARROW_H
#define YK_FORMAT_ARROW_H

#include "format/column.h"

#include <yoke/arrow.h>

/* ---- out */

typedef struct yk_arrow_field {
    const char *name; /* borrowed for the call */
    yk_type     type;
} yk_arrow_field;

/* The schema of a table, a struct of its columns, all nullable. The caller releases it. */
int yk_arrow_schema(const yk_arrow_field *fields, size_t n, struct ArrowSchema *ret, yoke_error *err) YK_MUST_USE;

/* Gathers rows. Belongs to one thread at a time. */
typedef struct yk_arrow_writer yk_arrow_writer;

int  yk_arrow_writer_new(const yk_type *types, size_t n, yk_arrow_writer **ret, yoke_error *err) YK_MUST_USE;
void yk_arrow_writer_free(yk_arrow_writer *w); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_arrow_writer, yk_arrow_writer_free)

/* Appends rows: columns[i] has the i-th type and n rows, in any form that a yk_vec allows. Copied. */
int yk_arrow_writer_add(yk_arrow_writer *w, const yk_vec *columns, uint32_t n, yoke_error *err) YK_MUST_USE;

/* The rows gathered so far. */
int64_t yk_arrow_writer_rows(const yk_arrow_writer *w);

/* Moves them out as one record batch, which the caller releases; the writer is empty again. */
int yk_arrow_writer_take(yk_arrow_writer *w, struct ArrowArray *ret, yoke_error *err) YK_MUST_USE;

/* A stream whose batches `fill` makes one by one: it adds rows to the writer and returns 0; adding none ends the stream. `done`
 * (may be NULL) is called once with ctx when the stream is released. Until then ctx is borrowed. */
typedef struct yk_arrow_source {
    int (*fill)(void *ctx, yk_arrow_writer *w, yoke_error *err);
    void (*done)(void *ctx);
    void *ctx;
} yk_arrow_source;

int yk_arrow_stream(const yk_arrow_field *fields, size_t n, const yk_arrow_source *source, struct ArrowArrayStream *ret,
                    yoke_error *err) YK_MUST_USE;

/* ---- in */

/* The batches of a stream. All functions may be called by several threads at once, except close. */
typedef struct yk_arrow yk_arrow;

/* Reads the stream to its end and takes it: it is released, also on failure. Data is not copied. Columns of types that have no
 * counterpart here (lists, structs, unions, 256-bit decimals) are refused when a cursor asks for them, not before. */
int  yk_arrow_open(struct ArrowArrayStream *stream, yk_arrow **ret, yoke_error *err) YK_MUST_USE;
void yk_arrow_close(yk_arrow *a); /* after its cursors; NULL is allowed */
YK_DEFINE_CLEANUP(yk_arrow, yk_arrow_close)

typedef struct yk_arrow_column {
    const char *name;    /* borrowed from the table */
    yk_type     type;    /* of the blocks that cursors give */
    const char *refusal; /* why it cannot be read, as the rest of a sentence; NULL: it can */
} yk_arrow_column;

uint64_t               yk_arrow_rows(const yk_arrow *a);
unsigned               yk_arrow_columns(const yk_arrow *a);
const yk_arrow_column *yk_arrow_column_at(const yk_arrow *a, unsigned i);

/* A walk over rows [first, first + n) of one column, in the manner of the Parquet reader's cursors. */
typedef struct yk_arrow_cursor yk_arrow_cursor;

int  yk_arrow_cursor_open(const yk_arrow *a, unsigned column, uint64_t first, uint64_t n, yk_arrow_cursor **ret,
                          yoke_error *err) YK_MUST_USE;
void yk_arrow_cursor_close(yk_arrow_cursor *c);
YK_DEFINE_CLEANUP(yk_arrow_cursor, yk_arrow_cursor_close)

/* The next n rows (at most YK_BLOCK); fewer at the end of the range. Borrowed until the next call on this cursor. */
int yk_arrow_cursor_next(yk_arrow_cursor *c, uint32_t n, yk_vec *ret, yoke_error *err) YK_MUST_USE;
int yk_arrow_cursor_skip(yk_arrow_cursor *c, uint64_t n, yoke_error *err) YK_MUST_USE;

#endif
