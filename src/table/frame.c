/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames, which hold rows.
 */
#include "table/table.h"

#include <math.h>

void yoke_frame_free(yoke_frame *f)
{
    if (!f)
        return;
    for (size_t i = 0; f->names && i < f->rows.n_columns; i++)
        yk_free(f->names[i]);
    yk_free(f->names);
    yk_free(f->types);
    yk_batch_fini(&f->rows);
    yk_free(f);
}

int yk_frame_new(yk_batch *rows, const char *const *names, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(yoke_frame_freep) yoke_frame *f = yk_new(yoke_frame);
    if (!f || !(f->names = yk_new_array(char *, rows->n_columns + 1)) || !(f->types = yk_calloc(rows->n_columns + 1, sizeof *f->types)))
        return yk_fail_nomem(err, "keeping rows");
    f->rows.n_columns = rows->n_columns; /* for freeing names */
    for (size_t i = 0; i < rows->n_columns; i++) {
        f->names[i] = yk_strdup(names[i]);
        if (!f->names[i])
            return yk_fail_nomem(err, "keeping rows");
        yk_type_name(rows->columns[i].type, f->types[i], sizeof *f->types);
    }
    f->rows = *rows;
    *rows = (yk_batch){0};
    *ret = YK_TAKE(f);
    return 0;
}

int yk_frame_copy(const yoke_frame *f, yoke_frame **ret, yoke_error *err)
{
    YK_CLEANUP(yk_batch_fini) yk_batch rows = {0};
    YK_TRY(yk_batch_init(&rows, f->rows.n_columns, err));
    for (size_t c = 0; c < f->rows.n_columns; c++)
        rows.columns[c].type = f->rows.columns[c].type;
    YK_TRY(yk_batch_append(&rows, &f->rows, NULL, 0, f->rows.n, err));
    return yk_frame_new(&rows, (const char *const *)f->names, ret, err);
}

uint64_t    yoke_frame_rows(const yoke_frame *f) { return f ? f->rows.n : 0; }
size_t      yoke_frame_columns(const yoke_frame *f) { return f ? f->rows.n_columns : 0; }
const char *yoke_frame_name(const yoke_frame *f, size_t column) { return column < yoke_frame_columns(f) ? f->names[column] : NULL; }
const char *yoke_frame_type(const yoke_frame *f, size_t column) { return column < yoke_frame_columns(f) ? f->types[column] : NULL; }

static bool has_cell(const yoke_frame *f, size_t column, uint64_t row) { return column < yoke_frame_columns(f) && row < f->rows.n; }

int yoke_frame_is_missing(const yoke_frame *f, size_t column, uint64_t row)
{
    return !has_cell(f, column, row) || yk_batch_is_missing(&f->rows, column, row);
}

double yoke_frame_real(const yoke_frame *f, size_t column, uint64_t row)
{
    yk_value v;
    if (!has_cell(f, column, row))
        return NAN;
    yk_batch_get(&f->rows, column, row, &v);
    return yk_value_real(&v);
}

size_t yoke_frame_text(const yoke_frame *f, size_t column, uint64_t row, char *buf, size_t size)
{
    yk_value   v;
    YK_AUTOBUF text = YK_BUF_INIT;
    if (has_cell(f, column, row)) {
        yk_batch_get(&f->rows, column, row, &v);
        yk_value_put(&v, &text);
    }
    if (size) {
        size_t n = text.len < size - 1 ? text.len : size - 1;
        memcpy(buf, yk_buf_text(&text), n);
        buf[n] = '\0';
    }
    return text.len;
}
