/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_encode.h"

enum { MOST_DICT = 1 << 20, MOST_PAGE = 1 << 20, NO_MEMO = 0 }; /* bytes */

static void put_varint(yk_buf *b, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        yk_buf_putc(b, (char)(v | 128));
    yk_buf_putc(b, (char)v);
}

/* One packed run; its last group is filled up with zeros. */
static void put_packed(yk_buf *to, const uint32_t *v, size_t n, unsigned width)
{
    size_t groups = (n + 7) / 8;
    put_varint(to, groups << 1 | 1);
    uint8_t *at = yk_buf_extend(to, groups * width);
    if (!at)
        return;
    uint64_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < n; i++) {
        bits |= (uint64_t)v[i] << held;
        held += width;
        if (held >= 32) {
            memcpy(at, &bits, 4);
            at += 4, held -= 32, bits >>= 32;
        }
    }
    for (size_t left = (groups * 8 - n) * width + held; left >= 8; left -= 8, bits >>= 8)
        *at++ = (uint8_t)bits;
}

static size_t run_length(const uint32_t *v, size_t n)
{
    size_t i = 1;
    while (i < n && v[i] == v[0])
        i++;
    return i;
}

enum { WORTH = 64 }; /* numbers that make a run worth writing as one */

/* How many numbers at the start no such run can begin with: it would have to cross the last change among the first WORTH. */
static size_t no_run_before(const uint32_t *v, size_t n)
{
    size_t i = n < WORTH ? n : WORTH - 1;
    while (n >= WORTH && i > 0 && v[i] == v[i - 1])
        i--;
    return i;
}

/* Long runs as runs, all between them packed in one: readers unpack long stretches fastest. */
void yk_pq_hybrid_put(yk_buf *to, const uint32_t *v, size_t n, unsigned width)
{
    size_t packed = 0; /* numbers before v not written yet */
    while (n > 0) {
        size_t skip = no_run_before(v, n);
        packed += skip, v += skip, n -= skip;
        if (n == 0)
            break;
        size_t run = run_length(v, n), fill = (8 - packed % 8) % 8;
        if (run < WORTH + fill) {
            packed += run, v += run, n -= run;
            continue;
        }
        v += fill, n -= fill, run -= fill, packed += fill; /* packed groups are full ones */
        if (packed)
            put_packed(to, v - packed, packed, width);
        packed = 0;
        put_varint(to, run << 1);
        yk_buf_append(to, v, (width + 7) / 8);
        v += run, n -= run;
    }
    if (packed)
        put_packed(to, v - packed, packed, width);
}

static void find_physical(yk_pq_encoder *e)
{
    static const struct {
        int8_t   physical;
        uint32_t width;
    } of[] = {[YK_KIND_NULL] = {YK_PQ_INT32, 4}, [YK_KIND_BOOL] = {YK_PQ_BOOLEAN, 1}, [YK_KIND_INT] = {YK_PQ_INT64, 8},
              [YK_KIND_UINT] = {YK_PQ_INT64, 8}, [YK_KIND_REAL] = {YK_PQ_DOUBLE, 8}, [YK_KIND_TEXT] = {YK_PQ_BYTE_ARRAY, 0},
              [YK_KIND_DATA] = {YK_PQ_BYTE_ARRAY, 0}, [YK_KIND_TIME] = {YK_PQ_INT64, 8}, [YK_KIND_DATE] = {YK_PQ_INT32, 4},
              [YK_KIND_SPAN] = {YK_PQ_INT64, 8}, [YK_KIND_DECIMAL] = {YK_PQ_FLBA, 16}};
    e->physical = of[e->field.type.kind].physical;
    e->width = of[e->field.type.kind].width;
    if (e->field.type.kind == YK_KIND_SPAN && e->field.type.is_clock && e->field.type.unit == YK_UNIT_MS)
        e->physical = YK_PQ_INT32, e->width = 4;
    if (e->field.type.is_uuid && e->field.type.kind == YK_KIND_DATA)
        e->physical = YK_PQ_FLBA, e->width = 16;
}

int yk_pq_encoder_init(yk_pq_encoder *e, const yk_parquet_field *field, unsigned codec, const yk_parquet_write_opts *o, yoke_error *err)
{
    *e = (yk_pq_encoder){.field = *field, .codec = codec, .level = o->level, .cap_rows = o->page_rows,
                         .most_bytes = o->page_bytes ? o->page_bytes : MOST_PAGE};
    e->field.name = yk_strdup(field->name);
    if (!e->field.name)
        return yk_fail_nomem(err, "writing a Parquet file");
    find_physical(e);
    YK_TRY(yk_pq_intern_init(&e->dict, e->width, err));
    yk_pq_encoder_clear(e);
    return 0;
}

void yk_pq_encoder_fini(yk_pq_encoder *e)
{
    yk_free((char *)e->field.name);
    yk_pq_intern_fini(&e->dict);
    yk_free(e->memo);
    for (size_t i = 0; i < e->n_pages; i++)
        yk_free(e->pages[i].data);
    yk_free(e->pages);
}

void yk_parquet_room_fini(yk_parquet_room *r)
{
    yk_codec_fini(&r->codecs);
    yk_free(r->levels);
    yk_free(r->codes);
    yk_buf_fini(&r->plain);
    yk_buf_fini(&r->body);
    yk_buf_fini(&r->stored);
}

static void clear_page(yk_pq_encoder *e)
{
    e->n_rows = e->n_missing = e->n_codes = 0;
    e->range = (yk_pq_range){0};
    e->page++;
}

void yk_pq_encoder_clear(yk_pq_encoder *e)
{
    clear_page(e);
    e->has_dict = e->field.type.kind != YK_KIND_BOOL && e->field.type.kind != YK_KIND_NULL;
    yk_pq_intern_clear(&e->dict);
    e->memo_id = NO_MEMO;
    for (size_t i = 0; i < e->n_pages; i++)
        yk_free(e->pages[i].data);
    e->n_pages = e->n_settled = 0;
    e->rows = e->missing = e->stored_bytes = e->plain_bytes = 0;
    e->n_dict_pages = 0;
}

size_t yk_pq_encoder_bytes(const yk_pq_encoder *e)
{
    return e->stored_bytes + e->cap_pages * sizeof *e->pages + e->cap_memo * sizeof *e->memo + yk_pq_intern_bytes(&e->dict);
}

/* A value as it is stored: into `to` (16 bytes) where it is not already; its bytes. */
static int store(const yk_pq_encoder *e, const void *value, uint8_t to[16], yk_text *ret, yoke_error *err)
{
    int64_t i;
    *ret = (yk_text){value, e->width};
    switch (e->field.type.kind) {
    case YK_KIND_TIME:
        if (e->field.type.unit != YK_UNIT_S)
            return 0;
        memcpy(&i, value, 8);
        if (__builtin_mul_overflow(i, 1000, &i))
            return yk_fail(err, YOKE_ELIMIT, "column '%s': a time does not fit milliseconds, which Parquet has", e->field.name);
        memcpy(to, &i, 8);
        *ret = (yk_text){(const char *)to, 8};
        return 0;
    case YK_KIND_DATE:
    case YK_KIND_SPAN:
        memcpy(&i, value, 8);
        if (e->width == 4 && i != (int32_t)i)
            return yk_fail(err, YOKE_ELIMIT, "column '%s': a date or time of day does not fit 32 bits, which Parquet has", e->field.name);
        return 0; /* the low half is what is stored */
    case YK_KIND_DECIMAL:
        for (int k = 0; k < 16; k++)
            to[k] = ((const uint8_t *)value)[15 - k];
        *ret = (yk_text){(const char *)to, 16};
        return 0;
    case YK_KIND_TEXT:
    case YK_KIND_DATA:
        memcpy(ret, value, sizeof *ret);
        if (e->width && ret->len != e->width)
            return yk_fail(err, YOKE_EINVALID, "column '%s': a UUID has 16 bytes, not %llu", e->field.name, (unsigned long long)ret->len);
        return ret->len <= INT32_MAX / 2 ? 0
            : yk_fail(err, YOKE_ELIMIT, "column '%s': a text of over 1 GiB cannot be written", e->field.name);
    default: return 0;
    }
}

static void put_stored(const yk_pq_encoder *e, yk_buf *to, yk_text t)
{
    uint32_t len = (uint32_t)t.len;
    if (e->width == 0)
        yk_buf_append(to, &len, sizeof len);
    if (len)
        yk_buf_append(to, t.data, len);
}

static int put_header(yk_buf *to, const yk_pq_header *h, yoke_error *err)
{
    int16_t last = 0, inner = 0;
    bool    is_dict = h->type == YK_PQ_DICTIONARY_PAGE;
    yk_thrift_put_field(to, &last, 1, YK_TH_I32), yk_thrift_put_int(to, h->type);
    yk_thrift_put_field(to, &last, 2, YK_TH_I32), yk_thrift_put_int(to, h->plain_size);
    yk_thrift_put_field(to, &last, 3, YK_TH_I32), yk_thrift_put_int(to, h->stored_size);
    yk_thrift_put_field(to, &last, 4, YK_TH_I32), yk_thrift_put_int(to, (int32_t)h->crc);
    yk_thrift_put_field(to, &last, is_dict ? 7 : 5, YK_TH_STRUCT);
    yk_thrift_put_field(to, &inner, 1, YK_TH_I32), yk_thrift_put_int(to, h->n_values);
    yk_thrift_put_field(to, &inner, 2, YK_TH_I32), yk_thrift_put_int(to, h->encoding);
    if (!is_dict) {
        yk_thrift_put_field(to, &inner, 3, YK_TH_I32), yk_thrift_put_int(to, YK_PQ_RLE);
        yk_thrift_put_field(to, &inner, 4, YK_TH_I32), yk_thrift_put_int(to, YK_PQ_RLE);
    }
    yk_thrift_put_stop(to);
    yk_thrift_put_stop(to);
    return to->is_failed ? yk_fail_nomem(err, "writing a Parquet file") : 0;
}

static int check_body(const yk_pq_encoder *e, const yk_buf *body, yoke_error *err)
{
    if (body->is_failed)
        return yk_fail_nomem(err, "writing a Parquet file");
    return body->len <= INT32_MAX ? 0 : yk_fail(err, YOKE_ELIMIT, "column '%s': a page of over 2 GiB cannot be written", e->field.name);
}

/* The page with this body, as it will be in the file. */
static int make_page(const yk_pq_encoder *e, yk_parquet_room *room, yk_pq_header *h, const char *body, size_t n, yk_pq_page *ret,
                     yoke_error *err)
{
    YK_AUTOBUF head = YK_BUF_INIT;
    yk_buf    *stored = &room->stored;
    yk_buf_clear(stored);
    YK_TRY(yk_codec_compress(&room->codecs, e->codec, e->level, body, n, stored, err));
    h->plain_size = (int32_t)n;
    h->stored_size = (int32_t)stored->len;
    YK_TRY(yk_codec_crc32(yk_buf_text(stored), stored->len, &h->crc, err));
    YK_TRY(put_header(&head, h, err));
    size_t size = head.len + stored->len;
    char  *data = yk_malloc(size);
    if (!data)
        return yk_fail_nomem(err, "writing a Parquet file");
    memcpy(data, head.data, head.len);
    memcpy(data + head.len, yk_buf_text(stored), stored->len);
    ret->data = data;
    ret->size = (uint32_t)size;
    ret->plain_size = (uint32_t)(head.len + n);
    return 0;
}

int yk_pq_encoder_pack(const yk_pq_encoder *e, yk_pq_page *page, yk_parquet_room *room, yoke_error *err)
{
    yk_pq_header h = {.type = YK_PQ_DATA_PAGE, .n_values = (int32_t)page->n_rows,
                      .encoding = page->is_coded ? YK_PQ_RLE_DICTIONARY : YK_PQ_PLAIN};
    char        *body = page->data;
    YK_TRY(make_page(e, room, &h, body, page->size, page, err));
    yk_free(body);
    return 0;
}

int yk_pq_encoder_settle(yk_pq_encoder *e, yk_parquet_room *room, yoke_error *err)
{
    for (; e->n_settled < e->n_pages; e->n_settled++) {
        yk_pq_page *page = &e->pages[e->n_settled];
        if (!page->plain_size)
            YK_TRY(yk_pq_encoder_pack(e, page, room, err));
        e->stored_bytes += page->size;
        e->plain_bytes += page->plain_size;
    }
    return 0;
}

/* Booleans become bits. */
static void pack_booleans(const yk_buf *plain, yk_buf *to)
{
    uint8_t *at = yk_buf_extend(to, (plain->len + 7) / 8);
    if (!at)
        return;
    memset(at, 0, (plain->len + 7) / 8);
    for (size_t i = 0; i < plain->len; i++)
        at[i / 8] |= (uint8_t)((plain->data[i] & 1) << (i % 8));
}

/* A first page whose values hardly come twice is stored as values: then there need be no dictionary. */
static void undo_codes(yk_pq_encoder *e, yk_parquet_room *room)
{
    const yk_pq_intern *d = &e->dict;
    if (!e->has_dict || e->n_dict_pages || d->n <= e->n_codes / 2 + 1000)
        return;
    for (uint32_t i = 0; i < e->n_codes; i++) {
        uint32_t code = room->codes[i], end = code + 1;
        uint64_t at = e->width ? (uint64_t)code * e->width : d->starts[code];
        uint64_t after = e->width ? (uint64_t)end * e->width : end < d->n ? d->starts[end] : d->values.len;
        yk_buf_append(&room->plain, d->values.data + at, after - at);
    }
    e->has_dict = false;
    yk_pq_intern_clear(&e->dict);
}

static void put_levels(const yk_pq_encoder *e, const yk_parquet_room *room, yk_buf *to)
{
    uint32_t len = 0;
    if (e->field.is_required)
        return;
    yk_buf_append(to, &len, 4);
    if (e->n_missing)
        yk_pq_hybrid_put(to, room->levels, e->n_rows, 1);
    else
        put_varint(to, (uint64_t)e->n_rows << 1), yk_buf_putc(to, 1);
    len = (uint32_t)to->len - 4;
    if (to->data)
        memcpy(to->data, &len, 4);
}

static void put_values(const yk_pq_encoder *e, const yk_parquet_room *room, yk_buf *to)
{
    if (e->has_dict) {
        unsigned width = e->dict.n > 1 ? 32 - (unsigned)__builtin_clz(e->dict.n - 1) : 0;
        width = width ? width : 1; /* some readers take no codes of no bits */
        yk_buf_putc(to, (char)width);
        yk_pq_hybrid_put(to, room->codes, e->n_codes, width);
    } else if (e->physical == YK_PQ_BOOLEAN) {
        pack_booleans(&room->plain, to);
    } else if (room->plain.len) {
        yk_buf_append(to, room->plain.data, room->plain.len);
    }
}

int yk_pq_encoder_end_page(yk_pq_encoder *e, yk_parquet_room *room, yoke_error *err)
{
    if (e->n_rows == 0)
        return 0;
    undo_codes(e, room);
    yk_buf_clear(&room->body);
    put_levels(e, room, &room->body);
    put_values(e, room, &room->body);
    room->body.is_failed |= room->plain.is_failed;
    YK_TRY(check_body(e, &room->body, err));
    bool       is_coded = e->has_dict;
    yk_pq_page page = {.size = (uint32_t)room->body.len, .n_rows = e->n_rows, .n_missing = e->n_missing, .is_coded = is_coded,
                       .range = e->range};
    page.data = yk_malloc(page.size ? page.size : 1);
    if (!page.data || !yk_push(&e->pages, &e->n_pages, &e->cap_pages, page)) {
        yk_free(page.data);
        return yk_fail_nomem(err, "writing a Parquet file");
    }
    if (page.size)
        memcpy(page.data, room->body.data, page.size);
    e->rows += e->n_rows;
    e->missing += e->n_missing;
    e->n_dict_pages += is_coded;
    clear_page(e);
    yk_buf_clear(&room->plain);
    if (is_coded && (e->dict.values.len > MOST_DICT || e->dict.n > (e->rows - e->missing) / 8 + 1000)) { /* it does not pay */
        e->has_dict = false;
        yk_pq_intern_close(&e->dict);
    }
    return 0;
}

/* The rows that are there, side by side in storage form (in `room` or where they are already); their levels go into the page.
 * Returns how many. */
static uint32_t gather(uint32_t *levels, const yk_vec *v, size_t size, char *room, const char **ret_dense)
{
    uint32_t  n = 0;
    bool      is_whole = !v->valid && !v->is_const && v->type.kind != YK_KIND_NULL;
    *ret_dense = room;
    for (uint32_t i = 0; i < v->n && is_whole; i++)
        levels[i] = 1;
    if (is_whole && !v->codes) {
        *ret_dense = v->values;
        return v->n;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t at = v->is_const ? 0 : i;
        bool     is_there = v->type.kind != YK_KIND_NULL && (!v->valid || (v->valid[at >> 6] >> (at & 63) & 1));
        levels[i] = is_there;
        if (!is_there)
            continue;
        memcpy(room + n * size, (const char *)(v->codes ? v->dict->values : v->values) + (v->codes ? v->codes[at] : at) * size, size);
        n++;
    }
    return n;
}

/* Codes of a block's own dictionary are looked up once each. */
static int prepare_memo(yk_pq_encoder *e, const yk_dict *d, yoke_error *err)
{
    if (e->memo_id == d->id && e->memo_n == d->n)
        return 0;
    if (!yk_grow(&e->memo, &e->cap_memo, (size_t)d->n + 1, sizeof *e->memo))
        return yk_fail_nomem(err, "writing a Parquet file");
    memset(e->memo, 0, d->n * sizeof *e->memo);
    e->memo_id = d->id;
    e->memo_n = d->n;
    return 0;
}

/* Whether a value is stored in eight bytes, as it is held. */
static bool is_word(const yk_pq_encoder *e)
{
    yk_type t = e->field.type;
    return e->width == 8 && yk_kind_size(t.kind) == 8 && (t.kind != YK_KIND_TIME || t.unit != YK_UNIT_S);
}

static int add_words(yk_pq_encoder *e, yk_parquet_room *room, const char *dense, uint32_t n, yoke_error *err)
{
    if (!e->has_dict) {
        yk_buf_append(&room->plain, dense, (size_t)n * 8);
        return room->plain.is_failed ? yk_fail_nomem(err, "writing a Parquet file") : 0;
    }
    YK_TRY(yk_pq_intern_words(&e->dict, (const uint64_t *)(const void *)dense, n, room->codes + e->n_codes, err));
    e->n_codes += n;
    return 0;
}

static int add_values(yk_pq_encoder *e, yk_parquet_room *room, const char *dense, size_t size, uint32_t n, yoke_error *err)
{
    uint8_t bytes[16];
    yk_text t;
    for (uint32_t i = 0; i < n; i++) {
        YK_TRY(store(e, dense + i * size, bytes, &t, err));
        if (e->has_dict)
            YK_TRY(yk_pq_intern_find(&e->dict, t, &room->codes[e->n_codes++], err));
        else
            put_stored(e, &room->plain, t);
    }
    return room->plain.is_failed ? yk_fail_nomem(err, "writing a Parquet file") : 0;
}

static int add_plain(yk_pq_encoder *e, yk_parquet_room *room, const yk_vec *v, uint32_t *ret_present, yoke_error *err)
{
    _Alignas(16) char own[YK_BLOCK * 16];
    const char       *dense;
    size_t            size = yk_kind_size(e->field.type.kind);
    uint32_t          n = gather(room->levels + e->n_rows, v, size, own, &dense);
    *ret_present = n;
    yk_pq_range_add(&e->range, e->field.type.kind, dense, n);
    if (e->field.type.kind == YK_KIND_NULL)
        return 0;
    return is_word(e) ? add_words(e, room, dense, n, err) : add_values(e, room, dense, size, n, err);
}

/* The first row of a page with this value. */
static int meet_value(yk_pq_encoder *e, const char *value, yk_pq_memo *m, yoke_error *err)
{
    uint8_t  bytes[16];
    yk_text  t;
    uint32_t code;
    yk_pq_range_add(&e->range, e->field.type.kind, value, 1);
    m->page = e->page;
    if (m->code)
        return 0;
    YK_TRY(store(e, value, bytes, &t, err));
    YK_TRY(is_word(e) ? yk_pq_intern_words(&e->dict, (const uint64_t *)(const void *)t.data, 1, &code,
                                           err) : yk_pq_intern_find(&e->dict, t, &code, err));
    m->code = code + 1;
    return 0;
}

static int add_codes(yk_pq_encoder *e, yk_parquet_room *room, const yk_vec *v, uint32_t *ret_present, yoke_error *err)
{
    const char *values = v->dict->values;
    size_t      size = yk_kind_size(e->field.type.kind);
    uint32_t   *levels = room->levels + e->n_rows, *codes = room->codes + e->n_codes, n = 0;
    YK_TRY(prepare_memo(e, v->dict, err));
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t at = v->is_const ? 0 : i;
        levels[i] = !v->valid || (v->valid[at >> 6] >> (at & 63) & 1);
        if (!levels[i])
            continue;
        yk_pq_memo *m = &e->memo[v->codes[at]];
        if (m->page != e->page)
            YK_TRY(meet_value(e, values + v->codes[at] * size, m, err));
        codes[n++] = m->code - 1;
    }
    e->n_codes += n;
    *ret_present = n;
    return 0;
}

static int make_room(yk_parquet_room *r, uint32_t rows, uint32_t most, yoke_error *err)
{
    if (rows <= r->rows)
        return 0;
    uint32_t  n = 2 * r->rows < rows ? rows : 2 * r->rows < most ? 2 * r->rows : most;
    uint32_t *levels = yk_realloc(r->levels, n * sizeof *levels);
    r->levels = levels ? levels : r->levels;
    uint32_t *codes = levels ? yk_realloc(r->codes, n * sizeof *codes) : NULL;
    if (!codes)
        return yk_fail_nomem(err, "writing a Parquet file");
    r->codes = codes;
    r->rows = n;
    return 0;
}

int yk_pq_encoder_add(yk_pq_encoder *e, const yk_vec *v, yk_parquet_room *room, yoke_error *err)
{
    uint32_t present;
    bool     is_coded = v->codes && v->dict->n > 0 && v->dict->id != NO_MEMO && v->dict->n <= MOST_DICT;
    if (v->type.kind != e->field.type.kind || v->n > YK_BLOCK)
        return yk_fail(err, YOKE_EINVALID, "column '%s' does not get what was announced", e->field.name);
    if (e->n_rows + v->n > e->cap_rows)
        YK_TRY(yk_pq_encoder_end_page(e, room, err));
    YK_TRY(make_room(room, e->n_rows + v->n, e->cap_rows, err));
    YK_TRY((is_coded && e->has_dict ? add_codes : add_plain)(e, room, v, &present, err));
    if (present < v->n && e->field.is_required)
        return yk_fail(err, YOKE_EINVALID, "column '%s' was announced without missing rows, but has one", e->field.name);
    e->n_rows += v->n;
    e->n_missing += v->n - present;
    bool is_full = e->n_rows == e->cap_rows || room->plain.len > e->most_bytes || (e->has_dict && e->dict.values.len > MOST_DICT);
    return is_full ? yk_pq_encoder_end_page(e, room, err) : 0;
}

int yk_pq_encoder_dict_page(yk_pq_encoder *e, yk_parquet_room *room, yk_pq_page *ret, yoke_error *err)
{
    yk_pq_header  h = {.type = YK_PQ_DICTIONARY_PAGE, .n_values = (int32_t)e->dict.n, .encoding = YK_PQ_PLAIN};
    const yk_buf *values = &e->dict.values;
    *ret = (yk_pq_page){0};
    if (!e->n_dict_pages)
        return 0;
    YK_TRY(check_body(e, values, err));
    YK_TRY(make_page(e, room, &h, yk_buf_text(values), values->len, ret, err));
    e->stored_bytes += ret->size;
    e->plain_bytes += ret->plain_size;
    return 0;
}
