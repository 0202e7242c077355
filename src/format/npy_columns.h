/* SPDX-License-Identifier: BSD-3-Clause
 *
 * .npy files as a table: a vector is one column, a matrix one for each of its own, a vector of records one for each field.
 * Values are read where they lie in the mapped files.
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
    const yk_npy_field *field;
    const char  *data;    /* of row 0 */
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

/* Where a block of one column goes that cannot be used as it lies. */
typedef struct yk_npy_block {
    void    *values; /* YK_BLOCK of 16 bytes */
    uint64_t valid[YK_BLOCK / 64];
    yk_arena texts;
} yk_npy_block;

void yk_npy_block_free(yk_npy_block *b); /* NULL is allowed */

/* Rows [first, first + n), n <= YK_BLOCK. *block is made when first needed, by the caller freed; ret borrows from it and from the table. */
int yk_npy_read(const yk_npy_table *t, unsigned column, uint64_t first, uint32_t n, yk_npy_block **block, yk_vec *ret, yoke_error *err) YK_MUST_USE;

#endif
