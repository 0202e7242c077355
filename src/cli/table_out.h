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

/* Appends rows [first, first + n) of a frame; with has_head the CSV header and a table's titles too. `widths` has room for one of each column:
 * those of an aligned table, which all rows of the frame tell with has_head and which hold for what follows (where wider cells stand out). */
void yk_table_put_frame(yk_buf *to, const yoke_frame *f, uint64_t first, uint64_t n, yk_table_format format, bool has_head, size_t *widths);

/* "label value" lines, aligned; one answer alone is its value. Histograms are lines "lo hi count". */
void yk_table_put_answers(yk_buf *to, const yoke_answers *a, char *const *labels, size_t n);
void yk_table_put_answers_json(yk_buf *to, const yoke_answers *a, char *const *labels, size_t n);

#endif
