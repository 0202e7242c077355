/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An Arrow stream over a function that makes batches.
 */
#include "format/arrow/arrow.h"

#include "base/alloc.h"

#include <errno.h>

typedef struct stream {
    yk_arrow_field  *fields; /* owned, names too */
    size_t           n;
    yk_arrow_writer *writer;
    yk_arrow_source  source;
    yoke_error       err;
} stream;

static int sys_of(const yoke_error *err)
{
    return err->code == YOKE_ENOMEM ? ENOMEM : err->sys ? err->sys : EIO;
}

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    stream *st = s->private_data;
    yoke_error_clear(&st->err);
    return yk_arrow_schema(st->fields, st->n, out, &st->err) < 0 ? sys_of(&st->err) : 0;
}

static int get_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    stream *st = s->private_data;
    yoke_error_clear(&st->err);
    *out = (struct ArrowArray){0};
    if (st->source.fill(st->source.ctx, st->writer, &st->err) < 0)
        return sys_of(&st->err);
    if (yk_arrow_writer_rows(st->writer) == 0)
        return 0;
    return yk_arrow_writer_take(st->writer, out, &st->err) < 0 ? sys_of(&st->err) : 0;
}

static const char *get_last_error(struct ArrowArrayStream *s)
{
    const stream *st = s->private_data;
    return st->err.code ? st->err.text : NULL;
}

static void free_stream(stream *st)
{
    for (size_t i = 0; st->fields && i < st->n; i++)
        yk_free((char *)st->fields[i].name);
    yk_free(st->fields);
    yk_arrow_writer_free(st->writer);
    yk_free(st);
}

static void release(struct ArrowArrayStream *s)
{
    stream *st = s->private_data;
    if (st->source.done)
        st->source.done(st->source.ctx);
    free_stream(st);
    s->release = NULL;
}

static int copy_fields(stream *st, const yk_arrow_field *fields, size_t n, yoke_error *err)
{
    YK_AUTOFREE yk_type *types = yk_new_array(yk_type, n);
    st->fields = yk_new_array(yk_arrow_field, n);
    if (!types || !st->fields)
        return yk_fail_nomem(err, "exporting a table");
    for (st->n = 0; st->n < n; st->n++) {
        yk_arrow_field *f = &st->fields[st->n];
        *f = (yk_arrow_field){yk_strdup(fields[st->n].name), fields[st->n].type};
        types[st->n] = f->type;
        if (!f->name)
            return yk_fail_nomem(err, "exporting a table");
    }
    return yk_arrow_writer_new(types, n, &st->writer, err);
}

int yk_arrow_stream(const yk_arrow_field *fields, size_t n, const yk_arrow_source *source, struct ArrowArrayStream *ret,
                    yoke_error *err)
{
    stream *st = yk_new(stream);
    if (!st)
        return yk_fail_nomem(err, "exporting a table");
    int rc = copy_fields(st, fields, n, err);
    if (rc < 0) {
        free_stream(st);
        return rc;
    }
    st->source = *source;
    *ret = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release, st};
    return 0;
}
