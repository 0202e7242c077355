/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables from and frames to the Arrow C stream interface.
 */
#include "format/arrow/arrow.h"
#include "table/table.h"

yoke_table *yoke_table_from_arrow(yoke_session *s, struct ArrowArrayStream *stream, yoke_error *err)
{
    if (YK_LACKS(stream, err))
        return NULL;
    yoke_table *t = YK_LACKS(s, err) ? NULL : yk_new(yoke_table);
    if (!t) {
        stream->release(stream);
        yk_fail_nomem(err, "opening a table");
        return NULL;
    }
    t->session = s;
    if (yk_source_of_arrow(stream, &t->source, err) < 0) {
        yoke_table_close(t);
        return NULL;
    }
    return t;
}

/* A frame on its way out, part by part. */
typedef struct leaving {
    yoke_frame *frame;
    uint64_t    at;
    yk_arena    arena;
    yk_vec     *columns;
} leaving;

static void leave(void *ctx)
{
    leaving *l = ctx;
    yoke_frame_free(l->frame);
    yk_arena_fini(&l->arena);
    yk_free(l->columns);
    yk_free(l);
}

enum { BATCH_ROWS = 1 << 16 };

static int fill(void *ctx, yk_arrow_writer *w, yoke_error *err)
{
    leaving *l = ctx;
    for (uint64_t end = l->at + BATCH_ROWS; l->at < l->frame->rows.n && l->at < end;) {
        uint64_t left = l->frame->rows.n - l->at;
        uint32_t n = left < YK_BLOCK ? (uint32_t)left : YK_BLOCK;
        yk_arena_clear(&l->arena);
        YK_TRY(yk_batch_block(&l->frame->rows, l->at, n, &l->arena, l->columns, err));
        YK_TRY(yk_arrow_writer_add(w, l->columns, n, err));
        l->at += n;
    }
    return 0;
}

int yoke_frame_to_arrow(yoke_frame *f, struct ArrowArrayStream *ret, yoke_error *err)
{
    if (YK_LACKS(f, err) || YK_LACKS(ret, err))
        return YOKE_EINVALID;
    size_t                      n = f->rows.n_columns;
    YK_AUTOFREE yk_arrow_field *fields = yk_new_array(yk_arrow_field, n + 1);
    leaving                    *l = yk_new(leaving);
    if (l)
        l->columns = yk_new_array(yk_vec, n + 1);
    if (!fields || !l || !l->columns) {
        yk_free(l);
        return yk_fail_nomem(err, "handing rows on");
    }
    for (size_t i = 0; i < n; i++)
        fields[i] = (yk_arrow_field){f->names[i], f->rows.columns[i].type};
    yk_arrow_source source = {.fill = fill, .done = leave, .ctx = l};
    int             rc = yk_arrow_stream(fields, n, &source, ret, err);
    if (rc < 0) {
        yk_free(l->columns);
        yk_free(l);
        return rc;
    }
    l->frame = f;
    return 0;
}
