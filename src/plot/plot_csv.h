/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files that plots are made from. A histogram is a CSV file with the header "lo,hi,count" and a line per bin: what
 * `yoke table --hist … -o FILE` writes. Any other CSV of numbers has columns that can be drawn against each other.
 */
#ifndef YK_PLOT_PLOT_CSV_H
#define YK_PLOT_PLOT_CSV_H

#include "base/buf.h"

/* Appends the histogram's file to `to`: edges so that they read back as the same doubles. edges has n + 1 numbers. */
void yk_hist_csv(yk_buf *to, size_t n, const double *edges, const uint64_t *counts);

/* A CSV file of numbers, by columns. Fields that are empty or no number are NaN. */
typedef struct yk_columns {
    char   **names; /* n_columns; from the header, or "1", "2", … when the first line is numbers alone */
    size_t   n_columns, n_rows;
    double **values; /* values[column][row] */
} yk_columns;

/* `text` is the file's whole content, `path` is for messages. Errors: YOKE_EFORMAT (where), YOKE_ENOMEM. */
int  yk_columns_parse(yk_columns *c, const char *text, size_t n, const char *path, yoke_error *err) YK_MUST_USE;
int  yk_columns_read(yk_columns *c, const char *path, yoke_error *err) YK_MUST_USE; /* "-": standard input */
void yk_columns_fini(yk_columns *c);

/* Whether the columns are a histogram's: lo, hi, count. */
bool yk_columns_is_histogram(const yk_columns *c);

/* The column of that name, or -1. */
ptrdiff_t yk_columns_find(const yk_columns *c, const char *name);

#endif
