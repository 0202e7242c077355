/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows in memory, by columns: what head, select, sort and group by give, on its way from tasks to the caller and in a frame.
 * Also how one value is printed.
 */
#ifndef YK_TABLE_BATCH_H
#define YK_TABLE_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "expr/expr.h"

typedef struct yk_batch_column {
    yk_type type;
    yk_buf  values; /* one per row; of text and bytes: where they begin in `bytes`, and how long they are; of codes: uint16_t */
    yk_buf  bytes;
    yk_buf  valid;  /* a byte per row */
    const struct yk_batch_column *dict; /* of codes: they are the numbers of its rows, and bytes and valid are empty. NULL: no codes */
    uint64_t dict_id; /* differs whenever what the dictionary holds may differ */
} yk_batch_column;

typedef struct yk_batch {
    yk_batch_column *columns;
    yk_batch_column *dicts; /* of each column, where codes were added or are viewed */
    size_t           n_columns;
    uint64_t         n;
} yk_batch;

int  yk_batch_init(yk_batch *b, size_t n_columns, yoke_error *err) YK_MUST_USE; /* types are NULL until set */
void yk_batch_fini(yk_batch *b);
void yk_batch_clear(yk_batch *b); /* keeps types and memory */
size_t yk_batch_bytes(const yk_batch *b);
void yk_batch_shrink(yk_batch *b, uint64_t most); /* empties it, and keeps memory only where that is at most so much */

/* Appends rows `rows[0 … n)` (NULL: the first n) of blocks that are plain values (yk_eval_values) or codes that yk_batch_can_code says
 * yes to: a column's codes are kept while they are all of one dictionary. Types are those of the batch. REAL values that are NaN
 * count as missing. */
int yk_batch_add(yk_batch *b, const yk_vec *columns, const uint32_t *rows, uint32_t n, yoke_error *err) YK_MUST_USE;

bool yk_batch_can_code(const yk_vec *v);

/* Codes to values, in place; only where that takes less room than codes and dictionary do. */
int yk_batch_decode(yk_batch *b, size_t column, yoke_error *err) YK_MUST_USE;
int yk_batch_decode_few(yk_batch *b, yoke_error *err) YK_MUST_USE;

/* Appends rows [first, first + n) of it in the order given (NULL: as they lie), as values. */
int yk_batch_append(yk_batch *b, const yk_batch *from, const uint32_t *order, uint64_t first, uint64_t n, yoke_error *err) YK_MUST_USE;

/* Keeps rows [first, first + n), or those of order[0 … n). */
int yk_batch_cut(yk_batch *b, uint64_t first, uint64_t n, yoke_error *err) YK_MUST_USE;
int yk_batch_pick(yk_batch *b, const uint32_t *order, uint64_t n, yoke_error *err) YK_MUST_USE;

/* One value more in one column: a row is whole when every column has got one. */
int yk_batch_put(yk_batch_column *c, const yk_value *v, yoke_error *err) YK_MUST_USE;

bool yk_batch_is_missing(const yk_batch *b, size_t column, uint64_t row);
void yk_batch_get(const yk_batch *b, size_t column, uint64_t row, yk_value *ret); /* text is borrowed */

/* The batch as bytes; and from them, appended as values. Dictionaries are left out where the receiver has them: it sets them in the
 * view. */
int yk_batch_write(const yk_batch *b, yk_buf *to, yoke_error *err) YK_MUST_USE;
int yk_batch_write_rows(const yk_batch *b, const uint32_t *rows, uint64_t n, bool with_dicts, yk_buf *to, yoke_error *err)
    YK_MUST_USE; /* those, in that order */
int yk_batch_read(yk_batch *b, const void *bytes, yoke_error *err) YK_MUST_USE;

/* An empty batch made to borrow such bytes, until it is emptied by unview; nothing may be appended to it meanwhile. They must begin
 * at a multiple of 8. */
void yk_batch_view(yk_batch *b, const void *bytes);
void yk_batch_unview(yk_batch *b);

/* Rows [first, first + n), n <= YK_BLOCK, as blocks, of one column or all: they borrow from the batch and the arena. */
int yk_batch_vec(const yk_batch *b, size_t column, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *ret, yoke_error *err) YK_MUST_USE;
int yk_batch_block(const yk_batch *b, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *columns, yoke_error *err) YK_MUST_USE;

/* Negative, 0, positive: by one column's values; missing last in either direction. */
int yk_value_compare(const yk_value *a, const yk_value *b, bool is_descending);
int yk_batch_compare(const yk_batch *a, uint64_t row_a, const yk_batch *b, uint64_t row_b, size_t column, bool is_descending);

/* ---- one value as text: numbers read back as the same, missing is empty, bytes that are no text are hexadecimal */
void   yk_value_put(const yk_value *v, yk_buf *to);
double yk_value_real(const yk_value *v); /* NaN for what is no number */

#endif
