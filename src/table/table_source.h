/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A source: some files as one table. Columns are matched by name (a difference in case or in blanks around it does not
 * count), their types unified; rows are numbered through all files in the order given. Immutable but for what CSV files
 * turn out to hold, which changes between scans only.
 */
#ifndef YK_TABLE_SOURCE_H
#define YK_TABLE_SOURCE_H

#include "expr/expr.h"
#include "format/arrow/arrow.h"
#include "format/csv/csv_file.h"
#include "format/npy_columns.h"
#include "format/parquet/parquet.h"

#include <yoke/table.h>

typedef struct yk_source_column {
    char   *name;     /* as the first file that has it spells it */
    yk_type type;     /* of all files together */
    bool    is_nullable;
    bool    is_partition; /* from the folders' names, key=value */
    bool    is_given;     /* of CSV files: the call says the type */
    bool    is_stored;    /* some file holds it in a type of its own; else it is text, and can be read as such */
    char   *clash;    /* why it cannot be one column, as a sentence; NULL: it can */
    uint32_t n_files; /* that have it; in the others it is missing */
    bool    is_asked; /* a scan has read it; set by the thread that asks */
} yk_source_column;

typedef struct yk_source_file {
    char       *path;
    yk_parquet *parquet; /* one of the four */
    yk_csv     *csv;
    yk_arrow   *arrow;
    yk_npy_table *npy;   /* may be several files side by side; path is the first's */
    uint64_t    first, n; /* rows */
    int32_t    *column;   /* of each of the source's columns: the file's own, -1: it has none */
    yk_value   *part;     /* of each of the source's columns: the value that a folder's name gives; NULL: there are none */
} yk_source_file;

typedef struct yk_source {
    unsigned          refs; /* held by tables; guarded by atomics */
    yk_source_file   *files;
    size_t            n_files;
    yk_source_column *columns;
    size_t            n_columns;
    uint32_t         *name_slots; /* columns + 1 by the hashes of their names, 0 where there is none */
    size_t            n_name_slots;
    uint64_t          n_rows;
    bool              is_counted; /* rows of CSV files are known */
    bool              has_csv;
    yk_arena          texts; /* of partitions */
    yoke_table_stats  stats; /* of all scans; changed by the thread that asks */
} yk_source;

/* Opens every file that the patterns name: files, globs, folders (all .parquet, .csv … below them). */
int  yk_source_open(const char *const *patterns, size_t n, const yoke_table_opts *opts, yk_source **ret, yoke_error *err) YK_MUST_USE;
/* Batches in memory as a source. Takes the stream. */
int yk_source_of_arrow(struct ArrowArrayStream *stream, yk_source **ret, yoke_error *err) YK_MUST_USE;

yk_source *yk_source_ref(yk_source *s);
void yk_source_unref(yk_source *s); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_source, yk_source_unref)

/* Counts the rows of CSV files and takes a first look at their types, once. */
int yk_source_count(yk_source *s, yoke_session *session, const yoke_table_opts *opts, yoke_error *err) YK_MUST_USE;

/* A scan met a value of a CSV column that its type does not hold: widens the type. */
int yk_source_widen(yk_source *s, size_t column, yk_type type, yoke_error *err) YK_MUST_USE;

/* Looks at all values of these columns and widens them to what those of CSV files fit into. */
int yk_types_settle(yk_source *s, yoke_session *session, const yoke_table_opts *opts, const uint32_t *columns, size_t n,
                    yoke_error *err) YK_MUST_USE;

/* The column of that name, or -1. */
int64_t yk_source_find(const yk_source *s, const char *name);

/* Whether there is a column of that name, or one of which it is the first part ("trip" of "trip.start"). */
bool yk_source_knows(const yk_source *s, const char *name);

/* Fails when a column cannot be read throughout: no file has it (near names are given), types clash, it is of a kind that cannot be
 * read. */
int yk_source_check(const yk_source *s, const char *name, yoke_error *err) YK_MUST_USE;

/* The file that holds a row, of those that there are. */
size_t yk_source_file_of(const yk_source *s, uint64_t row);

/* The one value that all rows of a file have: what its folder's name says, or missing where the file lacks the column. False: the file has
 * values of its own. */
bool yk_source_constant(const yk_source *s, size_t file, uint32_t column, yk_value *ret);

/* The type that holds the values of both; false when there is none. */
bool yk_type_unify(yk_type a, yk_type b, yk_type *ret);

/* ---- what a file has, whatever it is; the types of CSV columns are NULL */

typedef struct yk_file_column {
    const char *name;    /* borrowed from the file */
    const char *refusal; /* why it cannot be read, as the rest of a sentence; NULL: it can */
    yk_type     type;
    bool        is_nullable;
} yk_file_column;

unsigned       yk_file_columns(const yk_source_file *f);
yk_file_column yk_file_column_at(const yk_source_file *f, unsigned i);

/* ---- paths.c: what the words of a call name */

typedef struct yk_files {
    char **path;
    char **name; /* of "name=file.npy", what its columns are called; else NULL */
    size_t n, cap, cap_names;
} yk_files;

int  yk_files_find(const char *const *patterns, size_t n, yk_files *ret, yoke_error *err) YK_MUST_USE;
void yk_files_fini(yk_files *p);

/* The i-th "key=value" among the folders of a path, with "%20" and the like undone; false after the last. */
bool yk_path_part(const char *path, size_t i, yk_buf *ret_key, yk_buf *ret_value);

#endif
