/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How yoke table prints: answers and rows, for people and for machines.
 */
#ifndef YK_CLI_TABLE_OUT_H
#define YK_CLI_TABLE_OUT_H

#include "base/buf.h"
#include "cli/verb.h"

#include <yoke/table.h>

typedef enum yk_table_format { YK_TABLE_ALIGNED, YK_TABLE_CSV, YK_TABLE_JSON, YK_TABLE_PARQUET } yk_table_format; /* JSON: a line per row */

/* The format that a file's name asks for: false, having said so, when it asks for none that is known. */
bool yk_table_format_of(const yk_args *args, const char *path, yk_table_format *ret);

/* Whether values of that type stand to the right. */
bool yk_table_is_number(const char *type);

/* What stands above the rows: the header of CSV, the titles of an aligned table. `widths` has room for one of each column: those of an
 * aligned table, which all rows of the frame tell and which hold for what follows (where wider cells stand out). */
void yk_table_put_head(yk_buf *to, const yoke_frame *f, yk_table_format format, size_t *widths);

/* Appends rows [first, first + n) of a frame. */
void yk_table_put_rows(yk_buf *to, const yoke_frame *f, uint64_t first, uint64_t n, yk_table_format format, const size_t *widths);

/* "label value" lines, aligned; one answer alone is its value. Histograms are lines "lo hi count". */
void yk_table_put_answers(yk_buf *to, const yoke_answers *a, char *const *labels, size_t n);
void yk_table_put_answers_json(yk_buf *to, const yoke_answers *a, char *const *labels, size_t n);

#endif
