/* SPDX-License-Identifier: BSD-3-Clause
 *
 * .npy files as a table: a vector is one column, a matrix one for each of its own, a vector of records one for each field.
 * A block of rows is read at a time, all of its columns that lie in them together.
 */
#ifndef YK_FORMAT_NPY_COLUMNS_H
#define YK_FORMAT_NPY_COLUMNS_H

#include "base/arena.h"
#include "format/column.h"
#include "format/npy.h"

typedef struct yk_npy_column {
    char        *name;    /* "c1", "c2" …; of records the field's; before it the file's, where that was given one: "b", "b.c1" */
    yk_type      type;
    char        *refusal; /* why it cannot be read, as the rest of a sentence; NULL: it can */
    const yk_npy *file;
    const yk_npy_field *field;
    uint64_t     at;      /* where its value of row 0 lies in the file */
    uint64_t     stride;  /* bytes from row to row */
} yk_npy_column;

/* Immutable once open: any thread may read. */
typedef struct yk_npy_table {
    yk_npy       **files;
    size_t         n_files;
    yk_npy_column *columns;
    unsigned       n_columns;
    size_t         cap_columns;
    uint64_t       n_rows, n_bytes; /* of values */
} yk_npy_table;

/* Files side by side, as long as each other. names[i] is what the i-th file's columns are called, or NULL. */
int  yk_npy_table_open(const char *const *paths, const char *const *names, size_t n, yk_npy_table **ret, yoke_error *err) YK_MUST_USE;
void yk_npy_table_close(yk_npy_table *t); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_npy_table, yk_npy_table_close)

/* Some columns being read, by one thread; borrows the table. */
typedef struct yk_npy_cursor yk_npy_cursor;
int  yk_npy_cursor_open(const yk_npy_table *t, const unsigned *columns, unsigned n, yk_npy_cursor **ret, yoke_error *err) YK_MUST_USE;
void yk_npy_cursor_close(yk_npy_cursor *c); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_npy_cursor, yk_npy_cursor_close)

/* Rows [first, first + n), n <= YK_BLOCK, of one of these columns, borrowed until other rows are asked for. A file that became
 * shorter is YOKE_EFORMAT. */
int yk_npy_cursor_get(yk_npy_cursor *c, unsigned column, uint64_t first, uint32_t n, yk_vec *ret, yoke_error *err) YK_MUST_USE;

#endif
