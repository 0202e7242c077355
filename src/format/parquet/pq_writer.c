/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/parquet_write.h"

#include "base/file.h"
#include "format/parquet/pq_meta.h"

enum { GROUP_ROWS = 1 << 20, MOST_GROUP_BYTES = 32 << 20, ZSTD_LEVEL = 1 };

struct yk_parquet_writer {
    yk_output      output;
    uint64_t       at; /* bytes written */
    yk_pq_encoder *encoders; /* n, owned */
    unsigned       n;
    uint64_t       group_rows, rows; /* of a group; in the current one */
    uint64_t       memory, held;     /* of a group at most; by the current one, when rows were last counted */
    yk_parquet_room *rooms;          /* of each encoder, where rows come as whole blocks; owned */
    yk_parquet_room  room;           /* of dictionaries, and of pages that nobody has packed */
    yk_pq_groups   groups; /* those written */
};

int yk_parquet_writer_open(const char *path, bool may_replace, const yk_parquet_field *fields, unsigned n_fields,
                           const yk_parquet_write_opts *opts, yk_parquet_writer **ret, yoke_error *err)
{
    static const uint8_t  codec[] = {YK_PQ_ZSTD, YK_PQ_SNAPPY, YK_PQ_RAW};
    yk_parquet_write_opts o = opts ? *opts : (yk_parquet_write_opts)YK_PARQUET_WRITE_OPTS_INIT;
    if (n_fields == 0)
        return yk_fail(err, YOKE_EINVALID, "'%s': a Parquet file needs a column", path);
    if (o.page_rows > GROUP_ROWS)
        o.page_rows = GROUP_ROWS;
    o.page_rows = ((o.page_rows ? o.page_rows : YK_PARQUET_PAGE_ROWS) + YK_BLOCK - 1) / YK_BLOCK * YK_BLOCK;
    o.level = o.level ? o.level : ZSTD_LEVEL;
    YK_CLEANUP(yk_parquet_writer_closep) yk_parquet_writer *w = yk_new(yk_parquet_writer);
    if (!w)
        return yk_fail_nomem(err, "writing a Parquet file");
    w->group_rows = ((o.group_rows ? o.group_rows : GROUP_ROWS) + YK_BLOCK - 1) / YK_BLOCK * YK_BLOCK;
    w->memory = o.memory ? o.memory : MOST_GROUP_BYTES;
    w->encoders = yk_new_array(yk_pq_encoder, n_fields);
    if (!w->encoders)
        return yk_fail_nomem(err, "writing a Parquet file");
    for (; w->n < n_fields; w->n++) {
        int rc = yk_pq_encoder_init(&w->encoders[w->n], &fields[w->n], codec[o.codec], &o, err);
        if (rc < 0) {
            yk_pq_encoder_fini(&w->encoders[w->n]);
            return rc;
        }
    }
    YK_TRY(yk_output_open(&w->output, path, may_replace, err));
    if (fwrite("PAR1", 1, 4, w->output.file) != 4)
        return yk_fail_errno(err, "writing '%s'", path);
    w->at = 4;
    *ret = YK_TAKE(w);
    return 0;
}

void yk_parquet_writer_close(yk_parquet_writer *w)
{
    if (!w)
        return;
    yk_output_fini(&w->output);
    for (unsigned i = 0; i < w->n; i++)
        yk_pq_encoder_fini(&w->encoders[i]);
    for (unsigned i = 0; w->rooms && i < w->n; i++)
        yk_parquet_room_fini(&w->rooms[i]);
    yk_free(w->rooms);
    yk_free(w->encoders);
    yk_parquet_room_fini(&w->room);
    yk_pq_groups_fini(&w->groups);
    yk_free(w);
}

static int put(yk_parquet_writer *w, const void *bytes, size_t n, yoke_error *err)
{
    if (n && fwrite(bytes, 1, n, w->output.file) != n)
        return yk_fail_errno(err, "writing '%s'", w->output.path);
    w->at += n;
    return 0;
}

static int put_buf(yk_parquet_writer *w, const yk_buf *b, yoke_error *err)
{
    return b->is_failed ? yk_fail_nomem(err, "writing a Parquet file") : put(w, yk_buf_text(b), b->len, err);
}

static int end_chunk(yk_parquet_writer *w, unsigned field, yk_pq_written_chunk *chunk, yoke_error *err)
{
    yk_pq_encoder *e = &w->encoders[field];
    uint64_t       start = w->at;
    yk_pq_page     dict;
    if (w->rooms)
        YK_TRY(yk_pq_encoder_end_page(e, &w->rooms[field], err));
    YK_TRY(yk_pq_encoder_settle(e, &w->room, err));
    YK_TRY(yk_pq_encoder_dict_page(e, &w->room, &dict, err));
    int rc = put(w, dict.data, dict.size, err);
    yk_free(dict.data);
    YK_TRY(rc);
    YK_TRY(yk_pq_chunk_describe(chunk, e, start, w->at, err));
    for (size_t i = 0; i < e->n_pages; i++)
        YK_TRY(put(w, e->pages[i].data, e->pages[i].size, err));
    yk_pq_encoder_clear(e);
    return 0;
}

static int end_group(yk_parquet_writer *w, yoke_error *err)
{
    if (w->rows == 0)
        return 0;
    yk_pq_written_group *g;
    YK_TRY(yk_pq_groups_add(&w->groups, w->rows, w->n, &g, err));
    for (unsigned i = 0; i < w->n; i++)
        YK_TRY(end_chunk(w, i, &g->chunks[i], err));
    w->rows = w->held = 0;
    return 0;
}

int yk_parquet_writer_put(yk_parquet_writer *w, unsigned field, const yk_vec *block, yk_parquet_room *room, yoke_error *err)
{
    return yk_pq_encoder_add(&w->encoders[field], block, room, err);
}

int yk_parquet_writer_end_page(yk_parquet_writer *w, unsigned field, yk_parquet_room *room, yoke_error *err)
{
    return yk_pq_encoder_end_page(&w->encoders[field], room, err);
}

uint32_t yk_parquet_writer_waiting(const yk_parquet_writer *w, unsigned field)
{
    return (uint32_t)(w->encoders[field].n_pages - w->encoders[field].n_settled);
}

int yk_parquet_writer_pack(yk_parquet_writer *w, unsigned field, uint32_t nth, yk_parquet_room *room, yoke_error *err)
{
    yk_pq_encoder *e = &w->encoders[field];
    return yk_pq_encoder_pack(e, &e->pages[e->n_settled + nth], room, err);
}

/* A group ends where as much again as came last would be too much; of a first page, without its dictionary, which hardly comes again. */
int yk_parquet_writer_count(yk_parquet_writer *w, uint32_t n, yoke_error *err)
{
    uint64_t before = w->held, more = 0;
    w->held = 0;
    for (unsigned i = 0; i < w->n; i++) {
        YK_TRY(yk_pq_encoder_settle(&w->encoders[i], &w->room, err));
        w->held += yk_pq_encoder_bytes(&w->encoders[i]);
        more += w->encoders[i].stored_bytes;
    }
    w->rows += n;
    if (before)
        more = w->held > before ? w->held - before : 0;
    return w->rows >= w->group_rows || w->held + more > w->memory ? end_group(w, err) : 0;
}

int yk_parquet_writer_add(yk_parquet_writer *w, const yk_vec *columns, yoke_error *err)
{
    if (columns[0].n == 0)
        return 0;
    if (!w->rooms && !(w->rooms = yk_new_array(yk_parquet_room, w->n)))
        return yk_fail_nomem(err, "writing a Parquet file");
    if (w->rows + columns[0].n > w->group_rows)
        YK_TRY(end_group(w, err));
    for (unsigned i = 0; i < w->n; i++) {
        if (columns[i].n != columns[0].n)
            return yk_fail(err, YOKE_EINVALID, "column '%s' has %u rows where the others have %u", w->encoders[i].field.name, columns[i].n,
                           columns[0].n);
        YK_TRY(yk_parquet_writer_put(w, i, &columns[i], &w->rooms[i], err));
    }
    return yk_parquet_writer_count(w, columns[0].n, err);
}

int yk_parquet_writer_commit(yk_parquet_writer *w, yoke_error *err)
{
    YK_TRY(end_group(w, err));
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_pq_put_indexes(&b, &w->groups, w->at);
    YK_TRY(put_buf(w, &b, err));
    yk_buf_clear(&b);
    yk_pq_put_footer(&b, &w->groups, w->encoders, w->n);
    uint32_t len = (uint32_t)b.len;
    if (b.len > INT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "'%s' gets too many columns and row groups", w->output.path);
    yk_buf_append(&b, &len, sizeof len);
    yk_buf_puts(&b, "PAR1");
    YK_TRY(put_buf(w, &b, err));
    return yk_output_commit(&w->output, err);
}
