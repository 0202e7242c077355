/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows to a Parquet file. They come in parts of any length and are encoded in strips of a page's rows, each strip's columns at the same
 * time: so the file depends on the rows alone.
 */
#include "format/parquet/parquet_write.h"
#include "plan/stage.h"
#include "table/table.h"

#include <stdlib.h>

typedef struct parquet_out {
    yoke_session      *session;
    const char        *path;
    yk_parquet_write_opts opts;
    bool               may_replace;
    yk_parquet_writer *writer;
    yk_codec_state    *codecs; /* of each worker */
    unsigned           n_workers;
    yk_batch           rest; /* rows that are not a strip yet */
    uint64_t           n;
    yoke_error        *err;
} parquet_out;

static void parquet_out_fini(parquet_out *o)
{
    yk_parquet_writer_close(o->writer);
    for (unsigned i = 0; o->codecs && i < o->n_workers; i++)
        yk_codec_fini(&o->codecs[i]);
    yk_free(o->codecs);
    yk_batch_fini(&o->rest);
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int check_names(const yoke_frame *f, yoke_error *err)
{
    size_t             n = f->rows.n_columns;
    YK_AUTOFREE const char **names = yk_new_array(const char *, n + 1);
    if (!names)
        return yk_fail_nomem(err, "writing rows");
    memcpy(names, f->names, n * sizeof *names);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return yk_fail(err, YOKE_EINVALID, "two columns are called '%s', which readers of Parquet cannot tell apart; call one otherwise: E as name", names[i]);
    return 0;
}

static int open_writer(parquet_out *o, const yoke_frame *f)
{
    size_t                        n = f->rows.n_columns;
    YK_AUTOFREE yk_parquet_field *fields = yk_new_array(yk_parquet_field, n + 1);
    o->n_workers = yoke_session_workers(o->session);
    o->codecs = yk_new_array(yk_codec_state, o->n_workers);
    if (!fields || !o->codecs)
        return yk_fail_nomem(o->err, "writing rows");
    YK_TRY(yk_batch_init(&o->rest, n, o->err));
    YK_TRY(check_names(f, o->err));
    for (size_t i = 0; i < n; i++) {
        fields[i] = (yk_parquet_field){.name = f->names[i], .type = f->rows.columns[i].type};
        o->rest.columns[i].type = f->rows.columns[i].type;
    }
    return yk_parquet_writer_open(o->path, o->may_replace, fields, (unsigned)n, &o->opts, &o->writer, o->err);
}

typedef struct strip {
    parquet_out    *o;
    const yk_batch *rows;
    uint64_t        first;
    uint32_t        n;
} strip;

static int encode_column(const strip *s, size_t column, yk_codec_state *codecs, yk_arena *arena, yoke_error *err)
{
    for (uint32_t at = 0; at < s->n; at += YK_BLOCK) {
        yk_vec block;
        yk_arena_clear(arena);
        YK_TRY(yk_batch_vec(s->rows, column, s->first + at, s->n - at < YK_BLOCK ? s->n - at : YK_BLOCK, arena, &block, err));
        YK_TRY(yk_parquet_writer_put(s->o->writer, (unsigned)column, &block, codecs, err));
    }
    return 0;
}

static int strip_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    const strip *s = ctx;
    return encode_column(s, yk_task_index(t), &s->o->codecs[yk_task_worker(t)], yk_task_arena(t), err);
}

/* Encoders keep what they have seen in this process: worker processes cannot help. */
static int encode_strip(parquet_out *o, const yk_batch *rows, uint64_t first, uint32_t n)
{
    YK_CLEANUP(yk_arena_fini) yk_arena arena = YK_ARENA_INIT;
    strip                              s = {o, rows, first, n};
    yk_stage st = {.name = "write", .n = rows->n_columns, .ctx = &s, .task = strip_task};
    bool     is_local = yk_stage_is_local(o->session);
    if (is_local)
        YK_TRY(yk_stage_run(o->session, &st, o->err));
    for (size_t c = 0; c < rows->n_columns && !is_local; c++)
        YK_TRY(encode_column(&s, c, o->codecs, &arena, o->err));
    return yk_parquet_writer_count(o->writer, n, o->err);
}

/* Full strips are encoded where they lie; what is left over waits for more. */
static int add_frame(void *ctx, const yoke_frame *f)
{
    parquet_out *o = ctx;
    uint64_t     at = 0, n = f->rows.n;
    uint32_t     full = yk_parquet_strip(f->rows.n_columns);
    if (!o->writer)
        YK_TRY(open_writer(o, f));
    while (at < n) {
        bool     is_whole = o->rest.n == 0 && n - at >= full;
        uint64_t room = full - o->rest.n, take = n - at < room ? n - at : room;
        if (is_whole)
            YK_TRY(encode_strip(o, &f->rows, at, full));
        else
            YK_TRY(yk_batch_append(&o->rest, &f->rows, NULL, at, take, o->err));
        if (o->rest.n == full) {
            YK_TRY(encode_strip(o, &o->rest, 0, full));
            yk_batch_clear(&o->rest);
        }
        at += take;
    }
    o->n += n;
    return 0;
}

static int codec_named(const char *name, yk_parquet_codec *ret, yoke_error *err)
{
    static const char *const names[] = {[YK_PARQUET_ZSTD] = "zstd", [YK_PARQUET_SNAPPY] = "snappy", [YK_PARQUET_PLAIN] = "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0) {
            *ret = (yk_parquet_codec)i;
            return 0;
        }
    return yk_fail(err, YOKE_EINVALID, "Parquet files are not written with compression '%s': zstd, snappy and none are", name);
}

int yoke_table_write_parquet(const yoke_table *t, const yoke_rows *rows, const char *path, const char *compression, int may_replace, uint64_t *ret_rows,
                             yoke_error *err)
{
    YK_CLEANUP(parquet_out_fini) parquet_out o = {.session = t->session, .path = path, .opts = YK_PARQUET_WRITE_OPTS_INIT, .may_replace = may_replace, .err = err};
    if (compression)
        YK_TRY(codec_named(compression, &o.opts.codec, err));
    YK_TRY(yoke_table_each(t, rows, add_frame, &o, err));
    if (o.rest.n)
        YK_TRY(encode_strip(&o, &o.rest, 0, (uint32_t)o.rest.n));
    YK_TRY(yk_parquet_writer_commit(o.writer, err));
    if (ret_rows)
        *ret_rows = o.n;
    return 0;
}
