/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Records of a text file: lines (or runs between NUL bytes), or the rows of a comma- or tab-separated table whose first
 * line holds the names. One after the other, or all kept. Blank lines are no records. Quoted cells (RFC 4180) may hold
 * separators, quotes and newlines.
 */
#ifndef YK_MAP_RECORDS_H
#define YK_MAP_RECORDS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct yk_records yk_records;

typedef struct yk_records_opts {
    char        end;       /* '\n' or '\0' */
    char        separator; /* ',' or '\t'; 0: the record is its only cell */
    const char *columns;   /* "x,y": names, or numbers from 1; NULL: all. Borrowed for the open */
    int         wake_fd;   /* once it is readable, whoever waits for more of a pipe or terminal finds its end; 0: none. Borrowed */
} yk_records_opts;

/* Opens a file ("-": standard input) and reads the names. */
int  yk_records_open(const char *path, const yk_records_opts *opts, yk_records **ret, yoke_error *err) YK_MUST_USE;
void yk_records_close(yk_records *r); /* NULL is allowed */

/* Bytes of a regular file; UINT64_MAX for all else. */
uint64_t yk_records_size(const yk_records *r);

/* Cells of each record, after the choice of columns; their names (NULL without). */
unsigned    yk_records_width(const yk_records *r);
const char *yk_records_name(const yk_records *r, unsigned cell);

/* Reads the next record: 1; 0 at the end. Its cells are record 0 for yk_records_cell, until the next call. */
int yk_records_next(yk_records *r, yoke_error *err) YK_MUST_USE;

/* Whether next need not wait, now or within a millisecond (but for the rest of a record that has come in part). */
bool yk_records_is_ready(const yk_records *r);

/* Reads and keeps all records, instead of next. */
int yk_records_load(yk_records *r, uint64_t *ret_n, yoke_error *err) YK_MUST_USE;

/* A cell, not NUL-terminated; borrowed from r. */
const char *yk_records_cell(const yk_records *r, uint64_t record, unsigned cell, size_t *ret_len);

/* "'points.csv' line 7, column 'x'"; of a cell that is none: without the column. */
const char *yk_records_where(const yk_records *r, uint64_t record, unsigned cell, char *buf, size_t size);

#endif
