/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A lookup: a second table, small enough for memory, whose columns join a large one by equal keys. Each row of the large table
 * keeps its place and gets the columns of the one row with its keys, or missing values when there is none.
 */
#ifndef YK_TABLE_LOOKUP_H
#define YK_TABLE_LOOKUP_H

#include "table/batch.h"
#include "table/groups.h"
#include "table/table_source.h"

typedef struct yk_lookup_column {
    char    *name;
    size_t   column; /* of rows */
    yk_dict  dict;   /* its values, one per row */
    uint8_t *there;  /* of each row; NULL: all are */
} yk_lookup_column;

typedef struct yk_lookup {
    unsigned          refs;
    yk_batch          rows;
    void            **values;   /* of each column of rows, in storage form */
    size_t            n_keys;
    char            **keys;     /* the large table's columns */
    size_t           *own_keys; /* columns of rows */
    yk_type          *types;    /* in which keys of both sides meet */
    yk_groups        *groups;   /* of the keys, sealed */
    uint32_t         *row_of;   /* of each of them; NULL: the groups are the rows */
    yk_lookup_column *columns;  /* those that join */
    size_t            n_columns;
} yk_lookup;

yk_lookup *yk_lookup_ref(yk_lookup *l);
void       yk_lookup_unref(yk_lookup *l); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_lookup, yk_lookup_unref)

/* A worker's side of it. */
typedef struct yk_finder yk_finder;

int  yk_finder_open(const yk_lookup *l, yk_finder **ret, yoke_error *err) YK_MUST_USE;
void yk_finder_close(yk_finder *f);
YK_DEFINE_CLEANUP(yk_finder, yk_finder_close)

/* Finds n rows by their keys (n_keys blocks); then each column of the block can be had. Borrowed until the next block. */
int  yk_finder_block(yk_finder *f, const yk_vec *keys, uint32_t n, yoke_error *err) YK_MUST_USE;
void yk_finder_get(yk_finder *f, size_t column, yk_vec *ret);

#endif
