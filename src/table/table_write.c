/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows to a Parquet file. They come in parts of any length and are encoded in strips of a page's rows, a few together: the columns at the
 * same time, one page after the other since codes go by what came before; then all pages are compressed at the same time. So the file
 * depends on the rows alone, and on the memory where that is too little for pages and row groups of the usual size.
 */
#include "format/parquet/parquet_write.h"
#include "plan/stage.h"
#include "table/table.h"
#include "table/table_scan.h"

#include <stdlib.h>

enum { MOST_STRIPS = 4 /* a task's rows */ };

typedef struct parquet_out {
    yoke_session      *session;
    const char        *path;
    yk_parquet_write_opts opts;
    bool               may_replace;
    yk_parquet_writer *writer;
    yk_parquet_room   *rooms; /* of each worker */
    unsigned           n_workers, most; /* of them, those that encode at a time */
    yk_batch           rest; /* rows that have not been encoded yet */
    uint32_t           full, most_strips;  /* rows of a strip, and strips that are encoded together, at most */
    /* rows that have come; where each strip begins among them, and the next will; how many strips are full */
    uint32_t           n_rows, begins[MOST_STRIPS + 1], n_strips;
    uint64_t           most_bytes, bytes; /* of texts: where a block goes beyond, its strip ends, as the last of those together */
    uint64_t           memory; /* for all this */
    uint64_t           n;
    yoke_error        *err;
} parquet_out;

static void parquet_out_fini(parquet_out *o)
{
    yk_parquet_writer_close(o->writer);
    for (unsigned i = 0; o->rooms && i < o->n_workers; i++)
        yk_parquet_room_fini(&o->rooms[i]);
    yk_free(o->rooms);
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
            return yk_fail(err, YOKE_EINVALID,
                           "two columns are called '%s', which readers of Parquet cannot tell apart; call one otherwise: E as name",
                           names[i]);
    return 0;
}

static uint64_t least_of(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* A quarter for strips that wait, as rows and as pages, a quarter for pages being made, half for what is encoded of a row group. A page
 * takes several times its size while it is made, and what the codec keeps besides. */
static void share_memory(parquet_out *o, const yk_batch *rows)
{
    enum { MOST_STRIP = 64 << 20, MOST_GROUP = 32 << 20, MOST_PAGE = 1 << 20, LEAST_PAGE = 64 << 10, TIMES = 7, CODEC = 512 << 10 };
    uint64_t row = 0, page, strip = least_of(o->memory / 4, MOST_STRIP);
    bool     has_texts = false;
    for (size_t i = 0; i < rows->n_columns; i++) {
        has_texts |= yk_kind_is_bytes(rows->columns[i].type.kind);
        row += 2 * (yk_kind_size(rows->columns[i].type.kind) + 1); /* buffers double */
    }
    o->full = YK_PARQUET_PAGE_ROWS;
    o->most_strips = MOST_STRIPS;
    while (o->most_strips > 1 && o->most_strips * (o->full * (row + row / 2)) > strip)
        o->most_strips /= 2;
    while (o->full > YK_BLOCK && o->full * row > strip)
        o->full /= 2;
    o->most_bytes = strip / 4;
    o->opts.page_rows = o->full;
    o->opts.page_bytes = (uint32_t)least_of(o->memory / 64 + LEAST_PAGE, MOST_PAGE);
    o->opts.memory = least_of(o->memory / 2, MOST_GROUP);
    page = (uint64_t)o->full * 8;
    if (has_texts && page < o->opts.page_bytes)
        page = o->opts.page_bytes;
    o->most = (unsigned)least_of(o->memory / 4 / (TIMES * page + CODEC), o->n_workers);
    if (o->most == 0)
        o->most = 1;
}

static int open_writer(parquet_out *o, const yoke_frame *f)
{
    size_t                        n = f->rows.n_columns;
    YK_AUTOFREE yk_parquet_field *fields = yk_new_array(yk_parquet_field, n + 1);
    o->n_workers = yoke_session_workers(o->session);
    o->rooms = yk_new_array(yk_parquet_room, o->n_workers);
    share_memory(o, &f->rows);
    if (!fields || !o->rooms)
        return yk_fail_nomem(o->err, "writing rows");
    YK_TRY(yk_batch_init(&o->rest, n, o->err));
    YK_TRY(check_names(f, o->err));
    for (size_t i = 0; i < n; i++) {
        fields[i] = (yk_parquet_field){.name = f->names[i], .type = f->rows.columns[i].type};
        o->rest.columns[i].type = f->rows.columns[i].type;
    }
    return yk_parquet_writer_open(o->path, o->may_replace, fields, (unsigned)n, &o->opts, &o->writer, o->err);
}

typedef struct strips {
    parquet_out    *o;
    const yk_batch *rows;
    uint64_t        first;
    struct page {
        uint32_t column, nth;
    } *pages; /* that wait to be compressed */
} strips;

static int encode_strip(const strips *s, size_t column, uint32_t from, uint32_t end, yk_parquet_room *room, yk_arena *arena,
                        yoke_error *err)
{
    for (uint32_t at = from; at < end; at += YK_BLOCK) {
        yk_vec block;
        yk_arena_clear(arena);
        YK_TRY(yk_batch_vec(s->rows, column, s->first + at, end - at < YK_BLOCK ? end - at : YK_BLOCK, arena, &block, err));
        YK_TRY(yk_parquet_writer_put(s->o->writer, (unsigned)column, &block, room, err));
    }
    return yk_parquet_writer_end_page(s->o->writer, (unsigned)column, room, err);
}

/* Pages of one strip, as many as there are columns, are compressed at once. */
static int encode_column(const strips *s, size_t column, yk_parquet_room *room, yk_arena *arena, yoke_error *err)
{
    const parquet_out *o = s->o;
    for (uint32_t i = 0; i < o->n_strips; i++)
        YK_TRY(encode_strip(s, column, o->begins[i], o->begins[i + 1], room, arena, err));
    for (uint32_t i = 0; o->n_strips == 1 && i < yk_parquet_writer_waiting(o->writer, (unsigned)column); i++)
        YK_TRY(yk_parquet_writer_pack(o->writer, (unsigned)column, i, room, err));
    return 0;
}

static int column_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    const strips *s = ctx;
    return encode_column(s, yk_task_index(t), &s->o->rooms[yk_task_worker(t)], yk_task_arena(t), err);
}

static int page_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    const strips *s = ctx;
    struct page   p = s->pages[yk_task_index(t)];
    return yk_parquet_writer_pack(s->o->writer, p.column, p.nth, &s->o->rooms[yk_task_worker(t)], err);
}

static int pack_pages(parquet_out *o, strips *s)
{
    size_t n = 0, at = 0;
    for (unsigned c = 0; c < s->rows->n_columns; c++)
        n += yk_parquet_writer_waiting(o->writer, c);
    YK_AUTOFREE struct page *pages = s->pages = yk_new_array(struct page, n + 1);
    if (!pages)
        return yk_fail_nomem(o->err, "writing rows");
    for (unsigned c = 0; c < s->rows->n_columns; c++)
        for (uint32_t i = 0; i < yk_parquet_writer_waiting(o->writer, c); i++)
            pages[at++] = (struct page){c, i};
    yk_stage st = {.name = "write", .n = n, .ctx = s, .task = page_task, .most = o->most};
    return yk_stage_run(o->session, &st, o->err);
}

/* Encoders keep what they have seen in this process: worker processes cannot help. */
static int encode_strips(parquet_out *o, const yk_batch *rows, uint64_t first)
{
    YK_CLEANUP(yk_arena_fini) yk_arena arena = YK_ARENA_INIT;
    strips                             s = {.o = o, .rows = rows, .first = first};
    yk_stage st = {.name = "write", .n = rows->n_columns, .ctx = &s, .task = column_task, .most = o->most};
    bool     is_local = yk_stage_is_local(o->session);
    if (is_local)
        YK_TRY(yk_stage_run(o->session, &st, o->err));
    if (is_local && o->n_strips > 1)
        YK_TRY(pack_pages(o, &s));
    for (size_t c = 0; c < rows->n_columns && !is_local; c++)
        YK_TRY(encode_column(&s, c, o->rooms, &arena, o->err));
    return yk_parquet_writer_count(o->writer, o->n_rows, o->err);
}

static uint64_t text_bytes(const yk_batch *b, uint64_t first, uint64_t n)
{
    uint64_t sum = 0, place[2];
    for (size_t c = 0; c < b->n_columns; c++) {
        const yk_batch_column *col = &b->columns[c], *values = col->dict ? col->dict : col;
        const uint16_t        *codes = (const uint16_t *)(const void *)col->values.data;
        for (uint64_t i = first; i < first + n && yk_kind_is_bytes(col->type.kind); i++) {
            memcpy(place, values->values.data + (col->dict ? codes[i] : i) * sizeof place, sizeof place);
            sum += place[1];
        }
    }
    return sum;
}

static void end_strip(parquet_out *o) { o->begins[++o->n_strips] = o->n_rows; }

/* Rows [from, at) are the last of the strips that are encoded together: these are encoded from `rows`, where all of them are in it. */
static int end_strips(parquet_out *o, const yk_batch *rows, uint64_t from, uint64_t at)
{
    bool is_whole = o->rest.n == 0;
    if (!is_whole)
        YK_TRY(yk_batch_append(&o->rest, rows, NULL, from, at - from, o->err));
    YK_TRY(encode_strips(o, is_whole ? rows : &o->rest, is_whole ? from : 0));
    yk_batch_clear(&o->rest);
    o->n_rows = o->n_strips = 0;
    o->bytes = 0;
    return 0;
}

static int add_frame(void *ctx, const yoke_frame *f)
{
    parquet_out *o = ctx;
    uint64_t     n = f->rows.n, from = 0;
    if (!o->writer)
        YK_TRY(open_writer(o, f));
    for (uint64_t at = 0; at < n;) {
        uint64_t take = least_of(YK_BLOCK - o->n_rows % YK_BLOCK, n - at);
        o->bytes += text_bytes(&f->rows, at, take);
        o->n_rows += (uint32_t)take;
        at += take;
        bool is_much = o->n_rows % YK_BLOCK == 0 && o->bytes > o->most_bytes;
        if (is_much || o->n_rows - o->begins[o->n_strips] == o->full)
            end_strip(o);
        if (is_much || o->n_strips == o->most_strips) {
            YK_TRY(end_strips(o, &f->rows, from, at));
            from = at;
        }
    }
    o->n += n;
    return yk_batch_append(&o->rest, &f->rows, NULL, from, n - from, o->err);
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

int yoke_table_write_parquet(const yoke_table *t, const yoke_rows *rows, const char *path, const char *compression, int may_replace,
                             uint64_t *ret_rows, yoke_error *err)
{
    if (YK_LACKS(t, err) || YK_LACKS(rows, err) || YK_LACKS(path, err))
        return YOKE_EINVALID;
    YK_CLEANUP(parquet_out_fini) parquet_out o = {.session = t->session, .path = path, .opts = YK_PARQUET_WRITE_OPTS_INIT,
                                                  .may_replace = may_replace,
                                                 .memory = yk_memory_written(yk_table_memory(t)), .err = err};
    if (compression)
        YK_TRY(codec_named(compression, &o.opts.codec, err));
    YK_TRY(yoke_table_each(t, rows, add_frame, &o, err));
    if (o.n_rows > o.begins[o.n_strips])
        end_strip(&o);
    if (o.rest.n)
        YK_TRY(encode_strips(&o, &o.rest, 0));
    YK_TRY(yk_parquet_writer_commit(o.writer, err));
    if (ret_rows)
        *ret_rows = o.n;
    return 0;
}
