/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading some columns of a source, block by block, over any rows of all files as one. A column that nobody asks for in a
 * block is not read there. One reader belongs to one worker.
 */
#ifndef YK_TABLE_READER_H
#define YK_TABLE_READER_H

#include "table/table_source.h"

typedef struct yk_reader yk_reader;

/* `columns`: indices of the source's, ascending. */
int  yk_reader_open(const yk_source *s, const uint32_t *columns, size_t n, yk_reader **ret, yoke_error *err) YK_MUST_USE;
void yk_reader_close(yk_reader *r);
YK_DEFINE_CLEANUP(yk_reader, yk_reader_close)

/* Goes to rows [first, first + n): blocks follow from there. */
void yk_reader_seek(yk_reader *r, uint64_t first, uint64_t n);

/* The next n rows (1 … YK_BLOCK) are the block; skip: they are passed over. */
void yk_reader_block(yk_reader *r, uint32_t n);
void yk_reader_rest(yk_reader *r); /* between tasks, where memory is short: gives back pages and what grew with them */
void yk_reader_skip(yk_reader *r, uint64_t n);

/* A value of a CSV column does not fit the column's type: what yk_reader_get returns, without an error. */
enum { YK_RETYPE = -1000 };

/* The block's rows of one column, in the type of its file (or of the source, where files meet within the block). Borrowed until
 * the next block. YK_RETYPE: *ret_retype is the type to widen the column to. */
int yk_reader_get(yk_reader *r, uint32_t column, yk_vec *ret, yk_type *ret_retype, yoke_error *err) YK_MUST_USE;

/* The rows of the block that are no rows (of CSV files, when bad rows are to be skipped), or NULL: all are good. */
int yk_reader_bad(yk_reader *r, const uint64_t **ret, yoke_error *err) YK_MUST_USE;

/* The rows from here on, up to `most`, that are all in one file and coded with one dictionary in `column`, and the type of its values;
 * *ret_n 0: none are. Then yk_reader_count counts them (as yk_cursor_count does) and passes over them; the dictionary stays until
 * the reader is used again. */
int yk_reader_coded(yk_reader *r, uint32_t column, uint64_t most, const yk_dict **ret_dict, yk_type *ret_type, uint64_t *ret_n,
                    yoke_error *err)
    YK_MUST_USE;
int yk_reader_count(yk_reader *r, uint32_t column, uint64_t n, uint64_t *counts, uint64_t *missing, yoke_error *err) YK_MUST_USE;

#endif
