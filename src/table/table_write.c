/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows that leave as they come: to a function, or to a Parquet file.
 */
#include "format/parquet/parquet_write.h"
#include "table/table.h"

/* Rows of a batch as blocks: columns[i] borrows from the batch and from what it allocates in the arena. */
int yk_batch_block(const yk_batch *b, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *columns, yoke_error *err)
{
    for (size_t c = 0; c < b->n_columns; c++) {
        const yk_batch_column *col = &b->columns[c];
        size_t                 size = yk_kind_size(col->type.kind);
        uint64_t              *valid = yk_arena_calloc(arena, YK_BLOCK / 64, sizeof *valid);
        bool                   has_missing = false;
        if (!valid)
            return yk_fail_nomem(err, "writing rows");
        for (uint32_t i = 0; i < n; i++) {
            valid[i >> 6] |= (uint64_t)(col->valid.data[first + i] != 0) << (i & 63);
            has_missing |= !col->valid.data[first + i];
        }
        columns[c] = (yk_vec){.type = col->type, .n = n, .values = size ? col->values.data + first * size : NULL, .valid = has_missing ? valid : NULL};
        if (col->type.kind != YK_KIND_TEXT && col->type.kind != YK_KIND_DATA) {
            void *copy = size == 16 ? yk_arena_alloc(arena, n * size + 64) : NULL; /* 16-byte values lie on 16-byte borders */
            if (size == 16 && !copy)
                return yk_fail_nomem(err, "writing rows");
            if (copy)
                columns[c].values = memcpy(copy, columns[c].values, n * size);
            continue;
        }
        yk_text *texts = yk_arena_alloc(arena, n * sizeof *texts + 64);
        if (!texts)
            return yk_fail_nomem(err, "writing rows");
        for (uint32_t i = 0; i < n; i++) {
            uint64_t place[2];
            memcpy(place, col->values.data + (first + i) * sizeof place, sizeof place);
            texts[i] = (yk_text){yk_buf_text(&col->bytes) + place[0], place[1]};
        }
        columns[c].values = texts;
    }
    return 0;
}

/* ---- Parquet */

typedef struct parquet_out {
    const char        *path;
    bool               may_replace;
    yk_parquet_writer *writer;
    uint64_t           n;
    yoke_error        *err;
} parquet_out;

static int open_writer(parquet_out *o, const yoke_frame *f)
{
    size_t                        n = f->rows.n_columns;
    YK_AUTOFREE yk_parquet_field *fields = yk_new_array(yk_parquet_field, n + 1);
    if (!fields)
        return yk_fail_nomem(o->err, "writing rows");
    for (size_t i = 0; i < n; i++)
        fields[i] = (yk_parquet_field){.name = f->names[i], .type = f->rows.columns[i].type};
    return yk_parquet_writer_open(o->path, o->may_replace, fields, (unsigned)n, NULL, &o->writer, o->err);
}

static void parquet_out_fini(parquet_out *o) { yk_parquet_writer_close(o->writer); }

static int add_frame(void *ctx, const yoke_frame *f)
{
    parquet_out                        *o = ctx;
    YK_CLEANUP(yk_arena_fini) yk_arena  arena = YK_ARENA_INIT;
    YK_AUTOFREE yk_vec                 *columns = yk_new_array(yk_vec, f->rows.n_columns + 1);
    if (!columns)
        return yk_fail_nomem(o->err, "writing rows");
    if (!o->writer)
        YK_TRY(open_writer(o, f));
    for (uint64_t at = 0; at < f->rows.n; at += YK_BLOCK) {
        uint32_t n = f->rows.n - at < YK_BLOCK ? (uint32_t)(f->rows.n - at) : YK_BLOCK;
        yk_arena_clear(&arena);
        YK_TRY(yk_batch_block(&f->rows, at, n, &arena, columns, o->err));
        YK_TRY(yk_parquet_writer_add(o->writer, columns, o->err));
    }
    o->n += f->rows.n;
    return 0;
}

int yoke_table_write_parquet(const yoke_table *t, const yoke_rows *rows, const char *path, int may_replace, uint64_t *ret_rows, yoke_error *err)
{
    YK_CLEANUP(parquet_out_fini) parquet_out o = {.path = path, .may_replace = may_replace, .err = err};
    YK_TRY(yoke_table_each(t, rows, add_frame, &o, err));
    YK_TRY(yk_parquet_writer_commit(o.writer, err));
    if (ret_rows)
        *ret_rows = o.n;
    return 0;
}
