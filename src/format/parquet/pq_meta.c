/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_meta.h"

#include <yoke/version.h>

int yk_pq_groups_add(yk_pq_groups *g, uint64_t n_rows, unsigned n_chunks, yk_pq_written_group **ret, yoke_error *err)
{
    yk_pq_written_group group = {n_rows, yk_new_array(yk_pq_written_chunk, n_chunks), n_chunks};
    if (!group.chunks || !yk_push(&g->group, &g->n, &g->cap, group)) {
        yk_free(group.chunks);
        return yk_fail_nomem(err, "writing a Parquet file");
    }
    *ret = &g->group[g->n - 1];
    return 0;
}

void yk_pq_groups_fini(yk_pq_groups *g)
{
    for (size_t i = 0; i < g->n; i++) {
        for (unsigned k = 0; k < g->group[i].n; k++) {
            yk_buf_fini(&g->group[i].chunks[k].meta);
            yk_buf_fini(&g->group[i].chunks[k].offsets);
            yk_buf_fini(&g->group[i].chunks[k].columns);
        }
        yk_free(g->group[i].chunks);
    }
    yk_free(g->group);
}

static void put_int(yk_buf *b, int16_t *last, int16_t id, uint8_t type, int64_t v)
{
    yk_thrift_put_field(b, last, id, type);
    yk_thrift_put_int(b, v);
}

static void put_text(yk_buf *b, int16_t *last, int16_t id, const char *text)
{
    yk_thrift_put_field(b, last, id, YK_TH_BINARY);
    yk_thrift_put_bytes(b, text, strlen(text));
}

static void put_bound(yk_buf *b, const yk_pq_encoder *e, const union yk_pq_bound *bound)
{
    YK_AUTOBUF bytes = YK_BUF_INIT;
    yk_pq_bound_put(e, bound, &bytes);
    yk_thrift_put_bytes(b, bytes.data ? bytes.data : "", bytes.len);
    b->is_failed |= bytes.is_failed;
}

static void put_statistics(yk_buf *b, int16_t *last, const yk_pq_encoder *e, const yk_pq_range *range)
{
    int16_t inner = 0;
    yk_thrift_put_field(b, last, 12, YK_TH_STRUCT);
    put_int(b, &inner, 3, YK_TH_I64, (int64_t)e->missing);
    if (range->has && !range->is_open) {
        yk_thrift_put_field(b, &inner, 5, YK_TH_BINARY);
        put_bound(b, e, &range->max);
        yk_thrift_put_field(b, &inner, 6, YK_TH_BINARY);
        put_bound(b, e, &range->min);
    }
    yk_thrift_put_stop(b);
}

static void put_encodings(yk_buf *b, int16_t *last, const yk_pq_encoder *e)
{
    yk_thrift_put_field(b, last, 2, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_I32, 2u + (e->n_dict_pages > 0));
    yk_thrift_put_int(b, YK_PQ_PLAIN);
    yk_thrift_put_int(b, YK_PQ_RLE);
    if (e->n_dict_pages)
        yk_thrift_put_int(b, YK_PQ_RLE_DICTIONARY);
}

/* How many pages of which kind and encoding: tells readers that all values are in the dictionary, where they are. */
static void put_encoding_stats(yk_buf *b, int16_t *last, const yk_pq_encoder *e)
{
    static const struct { int page, encoding; } of[] = {
        {YK_PQ_DICTIONARY_PAGE, YK_PQ_PLAIN}, {YK_PQ_DATA_PAGE, YK_PQ_RLE_DICTIONARY}, {YK_PQ_DATA_PAGE, YK_PQ_PLAIN}};
    int64_t count[] = {e->n_dict_pages > 0, e->n_dict_pages, (int64_t)e->n_pages - e->n_dict_pages};
    size_t  n = 0;
    for (int i = 0; i < 3; i++)
        n += count[i] > 0;
    yk_thrift_put_field(b, last, 13, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_STRUCT, n);
    for (int i = 0; i < 3; i++) {
        int16_t inner = 0;
        if (count[i] == 0)
            continue;
        put_int(b, &inner, 1, YK_TH_I32, of[i].page);
        put_int(b, &inner, 2, YK_TH_I32, of[i].encoding);
        put_int(b, &inner, 3, YK_TH_I32, count[i]);
        yk_thrift_put_stop(b);
    }
}

static void put_offsets(yk_buf *b, const yk_pq_encoder *e, uint64_t data)
{
    int16_t  last = 0;
    uint64_t row = 0;
    yk_thrift_put_field(b, &last, 1, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_STRUCT, e->n_pages);
    for (size_t i = 0; i < e->n_pages; data += e->pages[i].size, row += e->pages[i++].n_rows) {
        int16_t inner = 0;
        put_int(b, &inner, 1, YK_TH_I64, (int64_t)data);
        put_int(b, &inner, 2, YK_TH_I32, e->pages[i].size);
        put_int(b, &inner, 3, YK_TH_I64, (int64_t)row);
        yk_thrift_put_stop(b);
    }
    yk_thrift_put_stop(b);
}

/* A page of missing rows alone has no bounds; any other that has none leaves the column without this index. */
static void put_columns(yk_buf *b, const yk_pq_encoder *e)
{
    int16_t last = 0;
    for (size_t i = 0; i < e->n_pages; i++)
        if (e->pages[i].range.is_open || (!e->pages[i].range.has && e->pages[i].n_missing < e->pages[i].n_rows))
            return;
    yk_thrift_put_field(b, &last, 1, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_TRUE, e->n_pages);
    for (size_t i = 0; i < e->n_pages; i++)
        yk_buf_putc(b, e->pages[i].range.has ? YK_TH_FALSE : YK_TH_TRUE);
    for (int16_t id = 2; id <= 3; id++) {
        yk_thrift_put_field(b, &last, id, YK_TH_LIST);
        yk_thrift_put_list(b, YK_TH_BINARY, e->n_pages);
        for (size_t i = 0; i < e->n_pages; i++) {
            const yk_pq_range *r = &e->pages[i].range;
            if (r->has)
                put_bound(b, e, id == 2 ? &r->min : &r->max);
            else
                yk_thrift_put_bytes(b, "", 0);
        }
    }
    put_int(b, &last, 4, YK_TH_I32, 0); /* in no order */
    yk_thrift_put_field(b, &last, 5, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_I64, e->n_pages);
    for (size_t i = 0; i < e->n_pages; i++)
        yk_thrift_put_int(b, e->pages[i].n_missing);
    yk_thrift_put_stop(b);
}

int yk_pq_chunk_describe(yk_pq_written_chunk *c, const yk_pq_encoder *e, uint64_t start, uint64_t data, yoke_error *err)
{
    yk_buf     *b = &c->meta;
    int16_t     last = 0;
    yk_pq_range range = {0};
    for (size_t i = 0; i < e->n_pages; i++)
        yk_pq_range_join(&range, e->field.type.kind, &e->pages[i].range);
    c->start = start;
    c->stored = e->stored_bytes;
    c->plain = e->plain_bytes;
    put_int(b, &last, 1, YK_TH_I32, e->physical);
    put_encodings(b, &last, e);
    yk_thrift_put_field(b, &last, 3, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_BINARY, 1);
    yk_thrift_put_bytes(b, e->field.name, strlen(e->field.name));
    put_int(b, &last, 4, YK_TH_I32, e->codec);
    put_int(b, &last, 5, YK_TH_I64, (int64_t)e->rows);
    put_int(b, &last, 6, YK_TH_I64, (int64_t)c->plain);
    put_int(b, &last, 7, YK_TH_I64, (int64_t)c->stored);
    put_int(b, &last, 9, YK_TH_I64, (int64_t)data);
    if (data > start)
        put_int(b, &last, 11, YK_TH_I64, (int64_t)start);
    put_statistics(b, &last, e, &range);
    put_encoding_stats(b, &last, e);
    yk_thrift_put_stop(b);
    put_offsets(&c->offsets, e, data);
    put_columns(&c->columns, e);
    return b->is_failed || c->offsets.is_failed || c->columns.is_failed ? yk_fail_nomem(err, "writing a Parquet file") : 0;
}

void yk_pq_put_indexes(yk_buf *to, yk_pq_groups *g, uint64_t at)
{
    for (int kind = 0; kind < 2; kind++)
        for (size_t i = 0; i < g->n; i++)
            for (unsigned k = 0; k < g->group[i].n; k++) {
                yk_pq_written_chunk *c = &g->group[i].chunks[k];
                const yk_buf        *from = kind ? &c->offsets : &c->columns;
                *(kind ? &c->offsets_at : &c->columns_at) = at + to->len;
                if (from->len)
                    yk_buf_append(to, from->data, from->len);
            }
}

static void put_empty(yk_buf *b, int16_t *last, int16_t id)
{
    yk_thrift_put_field(b, last, id, YK_TH_STRUCT);
    yk_thrift_put_stop(b);
}

/* The parameters of TIME and TIMESTAMP. */
static void put_time(yk_buf *b, int16_t *last, int16_t id, const yk_type *t)
{
    int16_t inner = 0, unit = 0;
    yk_thrift_put_field(b, last, id, YK_TH_STRUCT);
    yk_thrift_put_field(b, &inner, 1, t->is_utc ? YK_TH_TRUE : YK_TH_FALSE);
    yk_thrift_put_field(b, &inner, 2, YK_TH_STRUCT);
    put_empty(b, &unit, t->unit == YK_UNIT_NS ? 3 : t->unit == YK_UNIT_US ? 2 : 1);
    yk_thrift_put_stop(b);
    yk_thrift_put_stop(b);
}

/* The LogicalType, and the older annotation where one says the same. */
static void put_logical(yk_buf *b, int16_t *last, const yk_parquet_field *f)
{
    enum { UTF8 = 0, DECIMAL = 5, DATE = 6, UINT_64 = 14 };
    int16_t u = 0, p = 0;
    int     old = f->type.kind == YK_KIND_TEXT ? UTF8 : f->type.kind == YK_KIND_DECIMAL ? DECIMAL : f->type.kind == YK_KIND_DATE ? DATE
                : f->type.kind == YK_KIND_UINT                                          ? UINT_64 : -1;
    bool is_clock = f->type.kind == YK_KIND_SPAN && f->type.is_clock && f->type.unit != YK_UNIT_S, is_uuid = f->type.kind == YK_KIND_DATA
        && f->type.is_uuid;
    if (old < 0 && f->type.kind != YK_KIND_TIME && f->type.kind != YK_KIND_NULL && !is_clock && !is_uuid)
        return;
    if (old >= 0)
        put_int(b, last, 6, YK_TH_I32, old);
    if (old == DECIMAL)
        put_int(b, last, 7, YK_TH_I32, f->type.scale), put_int(b, last, 8, YK_TH_I32, 38);
    yk_thrift_put_field(b, last, 10, YK_TH_STRUCT);
    switch (f->type.kind) {
    case YK_KIND_TEXT: put_empty(b, &u, 1); break;
    case YK_KIND_DECIMAL:
        yk_thrift_put_field(b, &u, 5, YK_TH_STRUCT);
        put_int(b, &p, 1, YK_TH_I32, f->type.scale);
        put_int(b, &p, 2, YK_TH_I32, 38);
        yk_thrift_put_stop(b);
        break;
    case YK_KIND_DATE: put_empty(b, &u, 6); break;
    case YK_KIND_SPAN: put_time(b, &u, 7, &f->type); break;
    case YK_KIND_TIME: put_time(b, &u, 8, &f->type); break;
    case YK_KIND_UINT:
        yk_thrift_put_field(b, &u, 10, YK_TH_STRUCT);
        yk_thrift_put_field(b, &p, 1, YK_TH_I8), yk_buf_putc(b, 64);
        yk_thrift_put_field(b, &p, 2, YK_TH_FALSE);
        yk_thrift_put_stop(b);
        break;
    case YK_KIND_NULL: put_empty(b, &u, 11); break;
    default: put_empty(b, &u, 14);
    }
    yk_thrift_put_stop(b);
}

static void put_schema(yk_buf *b, int16_t *last, const yk_pq_encoder *encoders, unsigned n)
{
    int16_t root = 0;
    yk_thrift_put_field(b, last, 2, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_STRUCT, n + 1u);
    put_text(b, &root, 4, "schema");
    put_int(b, &root, 5, YK_TH_I32, n);
    yk_thrift_put_stop(b);
    for (unsigned i = 0; i < n; i++) {
        const yk_pq_encoder *e = &encoders[i];
        int16_t              inner = 0;
        put_int(b, &inner, 1, YK_TH_I32, e->physical);
        if (e->physical == YK_PQ_FLBA)
            put_int(b, &inner, 2, YK_TH_I32, e->width);
        put_int(b, &inner, 3, YK_TH_I32, e->field.is_required ? YK_PQ_REQUIRED : YK_PQ_OPTIONAL);
        put_text(b, &inner, 4, e->field.name);
        put_logical(b, &inner, &e->field);
        yk_thrift_put_stop(b);
    }
}

static void put_chunk(yk_buf *b, const yk_pq_written_chunk *c)
{
    int16_t last = 0;
    put_int(b, &last, 2, YK_TH_I64, (int64_t)c->start);
    yk_thrift_put_field(b, &last, 3, YK_TH_STRUCT);
    yk_buf_append(b, c->meta.data, c->meta.len);
    put_int(b, &last, 4, YK_TH_I64, (int64_t)c->offsets_at);
    put_int(b, &last, 5, YK_TH_I32, (int64_t)c->offsets.len);
    if (c->columns.len) {
        put_int(b, &last, 6, YK_TH_I64, (int64_t)c->columns_at);
        put_int(b, &last, 7, YK_TH_I32, (int64_t)c->columns.len);
    }
    yk_thrift_put_stop(b);
}

static void put_group(yk_buf *b, const yk_pq_written_group *g)
{
    int16_t  last = 0;
    uint64_t stored = 0, plain = 0;
    yk_thrift_put_field(b, &last, 1, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_STRUCT, g->n);
    for (unsigned k = 0; k < g->n; k++) {
        put_chunk(b, &g->chunks[k]);
        stored += g->chunks[k].stored;
        plain += g->chunks[k].plain;
    }
    put_int(b, &last, 2, YK_TH_I64, (int64_t)plain);
    put_int(b, &last, 3, YK_TH_I64, (int64_t)g->n_rows);
    put_int(b, &last, 5, YK_TH_I64, (int64_t)g->chunks[0].start);
    put_int(b, &last, 6, YK_TH_I64, (int64_t)stored);
    yk_thrift_put_stop(b);
}

void yk_pq_put_footer(yk_buf *b, const yk_pq_groups *g, const yk_pq_encoder *encoders, unsigned n)
{
    int16_t last = 0;
    int64_t rows = 0;
    for (size_t i = 0; i < g->n; i++)
        rows += (int64_t)g->group[i].n_rows;
    put_int(b, &last, 1, YK_TH_I32, 2);
    put_schema(b, &last, encoders, n);
    put_int(b, &last, 3, YK_TH_I64, rows);
    yk_thrift_put_field(b, &last, 4, YK_TH_LIST);
    yk_thrift_put_list(b, YK_TH_STRUCT, g->n);
    for (size_t i = 0; i < g->n; i++)
        put_group(b, &g->group[i]);
    put_text(b, &last, 6, "yoke version " YOKE_VERSION);
    yk_thrift_put_field(b, &last, 7, YK_TH_LIST); /* bounds compare as their types say */
    yk_thrift_put_list(b, YK_TH_STRUCT, n);
    for (unsigned i = 0; i < n; i++) {
        int16_t order = 0;
        put_empty(b, &order, 1);
        yk_thrift_put_stop(b);
    }
    yk_thrift_put_stop(b);
}
