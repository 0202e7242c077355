/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/batch.h"

#include "base/bytes.h"

int yk_batch_init(yk_batch *b, size_t n_columns, yoke_error *err)
{
    *b = (yk_batch){.columns = yk_new_array(yk_batch_column, n_columns + 1), .dicts = yk_new_array(yk_batch_column, n_columns + 1),
                    .n_columns = n_columns};
    if (b->columns && b->dicts)
        return 0;
    yk_free(b->columns);
    yk_free(b->dicts);
    *b = (yk_batch){0};
    return yk_fail_nomem(err, "keeping rows");
}

static void column_fini(yk_batch_column *c)
{
    yk_buf_fini(&c->values);
    yk_buf_fini(&c->bytes);
    yk_buf_fini(&c->valid);
    *c = (yk_batch_column){.type = c->type};
}

static void column_clear(yk_batch_column *c)
{
    yk_buf_clear(&c->values);
    yk_buf_clear(&c->bytes);
    yk_buf_clear(&c->valid);
    c->dict = NULL;
}

void yk_batch_fini(yk_batch *b)
{
    for (size_t i = 0; b->columns && i < b->n_columns; i++) {
        column_fini(&b->columns[i]);
        column_fini(&b->dicts[i]);
    }
    yk_free(b->columns);
    yk_free(b->dicts);
    *b = (yk_batch){0};
}

/* Dictionaries stay: often the next rows' are the same. */
void yk_batch_clear(yk_batch *b)
{
    for (size_t i = 0; i < b->n_columns; i++)
        column_clear(&b->columns[i]);
    b->n = 0;
}

static size_t column_bytes(const yk_batch_column *c) { return c->values.cap + c->bytes.cap + c->valid.cap; }

size_t yk_batch_bytes(const yk_batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_columns; i++)
        n += column_bytes(&b->columns[i]) + column_bytes(&b->dicts[i]);
    return n;
}

void yk_batch_shrink(yk_batch *b, uint64_t most)
{
    bool is_large = yk_batch_bytes(b) > most;
    yk_batch_clear(b);
    for (size_t i = 0; i < b->n_columns && is_large; i++)
        column_fini(&b->columns[i]);
}

static int check(const yk_batch_column *c, yoke_error *err)
{
    return c->values.is_failed || c->bytes.is_failed || c->valid.is_failed ? yk_fail_nomem(err, "keeping rows") : 0;
}

static int put_texts(yk_batch_column *c, const yk_text *texts, uint32_t n, yoke_error *err)
{
    uint64_t place[2] = {c->bytes.len, 0}, size = 0;
    for (uint32_t i = 0; i < n; i++)
        size += texts[i].len;
    char *at = yk_buf_extend(&c->bytes, size), *places = yk_buf_extend(&c->values, n * sizeof place);
    if (!at || !places)
        return yk_fail_nomem(err, "keeping rows");
    for (uint32_t i = 0; i < n; i++) {
        place[1] = texts[i].len;
        memcpy(places + i * sizeof place, place, sizeof place);
        yk_copy_bytes(at, texts[i].data, texts[i].len);
        at += place[1];
        place[0] += place[1];
    }
    return 0;
}

/* A byte per row: whether it is there. rows NULL: all n of them. */
static void put_valid(const yk_vec *v, const uint32_t *rows, uint32_t n, char *to)
{
    const double *x = v->values;
    if (v->type.kind == YK_KIND_NULL) {
        memset(to, 0, n);
    } else if (v->type.kind == YK_KIND_REAL) {
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = rows ? rows[i] : i;
            to[i] = x[row] == x[row] && (!v->valid || (v->valid[row >> 6] >> (row & 63) & 1));
        }
    } else if (!v->valid) {
        memset(to, 1, n);
    } else {
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = rows ? rows[i] : i;
            to[i] = v->valid[row >> 6] >> (row & 63) & 1;
        }
    }
}

static void put_values(const yk_vec *v, const uint32_t *rows, uint32_t n, size_t size, char *to)
{
    const char *values = v->values;
    if (!rows)
        memcpy(to, values, n * size);
    else if (size == 8)
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + (size_t)i * 8, values + (size_t)rows[i] * 8, 8);
    else
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + i * size, values + rows[i] * size, size);
}

static int add_texts(yk_batch_column *c, const yk_vec *v, const uint32_t *rows, uint32_t n, const char *valid, yoke_error *err)
{
    yk_text texts[YK_BLOCK];
    for (uint32_t at = 0; at < n; at += YK_BLOCK) { /* a dictionary may have more rows than a block */
        uint32_t some = n - at < YK_BLOCK ? n - at : YK_BLOCK;
        for (uint32_t i = 0; i < some; i++)
            texts[i] = valid[at + i] ? ((const yk_text *)v->values)[rows ? rows[at + i] : at + i] : (yk_text){"", 0};
        YK_TRY(put_texts(c, texts, some, err));
    }
    return 0;
}

static int add_values(yk_batch_column *c, const yk_vec *v, const uint32_t *rows, uint32_t n, yoke_error *err)
{
    size_t size = yk_kind_size(c->type.kind);
    char  *valid = yk_buf_extend(&c->valid, n);
    if (!valid)
        return yk_fail_nomem(err, "keeping rows");
    put_valid(v, rows, n, valid);
    if (yk_kind_is_bytes(c->type.kind))
        return add_texts(c, v, rows, n, valid, err);
    char *to = size ? yk_buf_extend(&c->values, n * size) : NULL;
    if (size && !to)
        return yk_fail_nomem(err, "keeping rows");
    if (size)
        put_values(v, rows, n, size, to);
    return 0;
}

/* ---- codes */

enum { MOST_CODES = UINT16_MAX };

static bool has_codes_of(yk_kind kind) { return yk_kind_size(kind) == 8 || yk_kind_is_bytes(kind); }

bool yk_batch_can_code(const yk_vec *v)
{
    return v->codes && !v->is_const && v->dict->id && v->dict->n < MOST_CODES && has_codes_of(v->type.kind);
}

/* The column's rows are codes of this dictionary: a copy, for its owner's may be gone before the rows are. Its last row is missing. */
static int adopt(yk_batch *b, size_t column, const yk_vec *v, yoke_error *err)
{
    yk_batch_column *c = &b->columns[column], *d = &b->dicts[column];
    if (d->dict_id != v->dict->id || d->type.kind != c->type.kind) {
        yk_vec values = {.type = c->type, .n = v->dict->n, .values = v->dict->values};
        column_clear(d);
        d->dict_id = 0;
        d->type = c->type;
        YK_TRY(add_values(d, &values, NULL, values.n, err));
        YK_TRY(yk_batch_put(d, &(yk_value){.type = d->type, .is_missing = true}, err));
        d->dict_id = v->dict->id;
    }
    c->dict = d;
    c->dict_id = d->dict_id;
    return 0;
}

static int add_codes(yk_batch_column *c, const yk_vec *v, const uint32_t *rows, uint32_t n, yoke_error *err)
{
    const uint16_t none = (uint16_t)v->dict->n;
    uint16_t      *to = yk_buf_extend(&c->values, n * sizeof *to);
    if (!to)
        return yk_fail_nomem(err, "keeping rows");
    for (uint32_t i = 0; i < n && !v->valid; i++)
        to[i] = (uint16_t)v->codes[rows ? rows[i] : i];
    for (uint32_t i = 0; i < n && v->valid; i++) {
        uint32_t row = rows ? rows[i] : i;
        to[i] = v->valid[row >> 6] >> (row & 63) & 1 ? (uint16_t)v->codes[row] : none;
    }
    return 0;
}

static int add_column(yk_batch *b, size_t column, const yk_vec *v, const uint32_t *rows, uint32_t n, yoke_error *err)
{
    _Alignas(16) char room[YK_BLOCK * 16];
    uint64_t          valid[YK_BLOCK / 64];
    yk_batch_column  *c = &b->columns[column];
    yk_vec            plain;
    if (v->codes && b->n == 0)
        YK_TRY(adopt(b, column, v, err));
    if (v->codes && c->dict && c->dict_id == v->dict->id)
        return add_codes(c, v, rows, n, err);
    YK_TRY(yk_batch_decode(b, column, err));
    if (v->codes)
        YK_TRY(yk_vec_flatten(v, c->type, room, valid, &plain, err));
    return add_values(c, v->codes ? &plain : v, rows, n, err);
}

int yk_batch_add(yk_batch *b, const yk_vec *columns, const uint32_t *rows, uint32_t n, yoke_error *err)
{
    for (size_t i = 0; i < b->n_columns && n; i++)
        YK_TRY(add_column(b, i, &columns[i], rows, n, err));
    b->n += n;
    return 0;
}

/* ---- */

static int append_fixed(yk_batch_column *c, const yk_batch_column *from, const uint32_t *order, uint64_t first, uint64_t n, yoke_error *err)
{
    size_t      size = yk_kind_size(from->type.kind);
    const char *values = from->values.data;
    char       *to = size ? yk_buf_extend(&c->values, n * size) : NULL;
    if (size && !to)
        return yk_fail_nomem(err, "keeping rows");
    if (!order && size) {
        memcpy(to, values + first * size, n * size);
    } else if (size == 8) {
        for (uint64_t i = 0; i < n; i++)
            memcpy(to + i * 8, values + (size_t)order[first + i] * 8, 8);
    } else {
        for (uint64_t i = 0; i < n && size; i++)
            memcpy(to + i * size, values + order[first + i] * size, size);
    }
    return 0;
}

static int append_column(yk_batch_column *c, const yk_batch_column *f, const uint32_t *order, uint64_t first, uint64_t n, yoke_error *err)
{
    char *valid = yk_buf_extend(&c->valid, n);
    if (!valid)
        return yk_fail_nomem(err, "keeping rows");
    for (uint64_t k = 0; k < n; k++)
        valid[k] = f->valid.data[order ? order[first + k] : first + k];
    if (!yk_kind_is_bytes(f->type.kind))
        return append_fixed(c, f, order, first, n, err);
    for (uint64_t at = first, some; at < first + n; at += some) {
        yk_text texts[YK_BLOCK];
        some = first + n - at < YK_BLOCK ? first + n - at : YK_BLOCK;
        for (uint64_t k = 0; k < some; k++) {
            uint64_t place[2], row = order ? order[at + k] : at + k;
            memcpy(place, f->values.data + row * sizeof place, sizeof place);
            texts[k] = (yk_text){yk_buf_text(&f->bytes) + place[0], place[1]};
        }
        YK_TRY(put_texts(c, texts, (uint32_t)some, err));
    }
    return 0;
}

static uint16_t code_at(const yk_batch_column *c, uint64_t row)
{
    uint16_t code;
    memcpy(&code, c->values.data + row * sizeof code, sizeof code);
    return code;
}

/* The values that codes stand for: rows of the dictionary, in the order of the codes. */
static int append_decoded(yk_batch_column *c, const yk_batch_column *f, const uint32_t *order, uint64_t first, uint64_t n, yoke_error *err)
{
    uint32_t rows[YK_BLOCK];
    for (uint64_t at = first; at < first + n; at += YK_BLOCK) {
        uint64_t some = first + n - at < YK_BLOCK ? first + n - at : YK_BLOCK;
        for (uint64_t k = 0; k < some; k++)
            rows[k] = code_at(f, order ? order[at + k] : at + k);
        YK_TRY(append_column(c, f->dict, rows, 0, some, err));
    }
    return 0;
}

int yk_batch_decode(yk_batch *b, size_t column, yoke_error *err)
{
    yk_batch_column *c = &b->columns[column], plain = {.type = c->type};
    if (!c->dict)
        return 0;
    int rc = append_decoded(&plain, c, NULL, 0, b->n, err);
    column_fini(rc < 0 ? &plain : c);
    if (rc == 0)
        *c = plain;
    return rc;
}

int yk_batch_decode_few(yk_batch *b, yoke_error *err)
{
    for (size_t i = 0; i < b->n_columns; i++) {
        const yk_batch_column *d = b->columns[i].dict;
        if (d && d->values.len + d->bytes.len > b->n * (yk_kind_size(d->type.kind) + 1 - sizeof(uint16_t)))
            YK_TRY(yk_batch_decode(b, i, err));
    }
    return 0;
}

int yk_batch_append(yk_batch *b, const yk_batch *from, const uint32_t *order, uint64_t first, uint64_t n, yoke_error *err)
{
    for (size_t i = 0; i < b->n_columns && n; i++) {
        const yk_batch_column *f = &from->columns[i];
        YK_TRY(yk_batch_decode(b, i, err));
        YK_TRY((f->dict ? append_decoded : append_column)(&b->columns[i], f, order, first, n, err));
    }
    b->n += n;
    return 0;
}

static int keep(yk_batch *b, const uint32_t *order, uint64_t first, uint64_t n, yoke_error *err)
{
    yk_batch part;
    YK_TRY(yk_batch_init(&part, b->n_columns, err));
    for (size_t i = 0; i < b->n_columns; i++)
        part.columns[i].type = b->columns[i].type;
    int rc = yk_batch_append(&part, b, order, first, n, err);
    yk_batch_fini(b);
    *b = part;
    return rc;
}

int yk_batch_cut(yk_batch *b, uint64_t first, uint64_t n, yoke_error *err) { return keep(b, NULL, first, n, err); }
int yk_batch_pick(yk_batch *b, const uint32_t *order, uint64_t n, yoke_error *err) { return keep(b, order, 0, n, err); }

int yk_batch_put(yk_batch_column *c, const yk_value *v, yoke_error *err)
{
    static const char zeros[16];
    yk_buf_putc(&c->valid, !v->is_missing);
    if (yk_kind_is_bytes(c->type.kind))
        YK_TRY(put_texts(c, v->is_missing ? &(yk_text){"", 0} : &v->t, 1, err));
    else if (c->type.kind == YK_KIND_BOOL)
        yk_buf_putc(&c->values, v->is_missing ? 0 : (char)v->b);
    else
        yk_buf_append(&c->values, v->is_missing ? (const void *)zeros : (const void *)&v->i, yk_kind_size(c->type.kind));
    return check(c, err);
}

/* Where the value of a row lies: in the column, or in its dictionary. */
static const yk_batch_column *find(const yk_batch *b, size_t column, uint64_t *row)
{
    const yk_batch_column *c = &b->columns[column];
    if (!c->dict)
        return c;
    *row = code_at(c, *row);
    return c->dict;
}

bool yk_batch_is_missing(const yk_batch *b, size_t column, uint64_t row)
{
    const yk_batch_column *c = find(b, column, &row);
    return !c->valid.data[row];
}

void yk_batch_get(const yk_batch *b, size_t column, uint64_t row, yk_value *ret)
{
    const yk_batch_column *c = find(b, column, &row);
    size_t                 size = yk_kind_size(c->type.kind);
    *ret = (yk_value){.type = c->type, .is_missing = !c->valid.data[row]};
    if (ret->is_missing)
        return;
    if (yk_kind_is_bytes(c->type.kind)) {
        uint64_t place[2];
        memcpy(place, c->values.data + row * sizeof place, sizeof place);
        ret->t = (yk_text){yk_buf_text(&c->bytes) + place[0], place[1]};
    } else if (c->type.kind == YK_KIND_BOOL) {
        ret->b = c->values.data[row] != 0;
    } else {
        memcpy(&ret->i, c->values.data + row * size, size);
    }
}

/* ---- order */

static int compare_values(const yk_value *a, const yk_value *b)
{
    switch (a->type.kind) {
    case YK_KIND_NULL: return 0;
    case YK_KIND_BOOL: return a->b - b->b;
    case YK_KIND_UINT: return (a->u > b->u) - (a->u < b->u);
    case YK_KIND_REAL: return (a->r > b->r) - (a->r < b->r);
    case YK_KIND_DECIMAL: return (a->d > b->d) - (a->d < b->d);
    case YK_KIND_TEXT:
    case YK_KIND_DATA: {
        int c = memcmp(a->t.data, b->t.data, a->t.len < b->t.len ? a->t.len : b->t.len);
        return c ? c : (a->t.len > b->t.len) - (a->t.len < b->t.len);
    }
    default: return (a->i > b->i) - (a->i < b->i);
    }
}

int yk_value_compare(const yk_value *a, const yk_value *b, bool is_descending)
{
    if (a->is_missing || b->is_missing)
        return a->is_missing - b->is_missing;
    int c = compare_values(a, b);
    return is_descending ? -c : c;
}

int yk_batch_compare(const yk_batch *a, uint64_t row_a, const yk_batch *b, uint64_t row_b, size_t column, bool is_descending)
{
    yk_value x, y;
    yk_batch_get(a, column, row_a, &x);
    yk_batch_get(b, column, row_b, &y);
    return yk_value_compare(&x, &y, is_descending);
}

/* ---- as blocks */

/* A bit per row; NULL when all are there. */
static int put_bits(const char *valid, uint32_t n, yk_arena *arena, const uint64_t **ret, yoke_error *err)
{
    *ret = NULL;
    if (!memchr(valid, 0, n))
        return 0;
    uint64_t *bits = yk_arena_calloc(arena, YK_BLOCK / 64, sizeof *bits);
    if (!bits)
        return yk_fail_nomem(err, "reading rows");
    for (uint32_t i = 0; i < n; i++)
        bits[i >> 6] |= (uint64_t)(valid[i] != 0) << (i & 63);
    *ret = bits;
    return 0;
}

/* 16-byte values lie on 16-byte borders. codes NULL: rows from `first` on. */
static int put_wide(const yk_batch_column *c, const uint32_t *codes, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *ret,
                    yoke_error *err)
{
    char *values = yk_arena_alloc(arena, n * (size_t)16 + 64);
    if (!values)
        return yk_fail_nomem(err, "reading rows");
    ret->values = values;
    if (!yk_kind_is_bytes(c->type.kind))
        memcpy(values, c->values.data + first * 16, n * (size_t)16);
    for (uint32_t i = 0; i < n && yk_kind_is_bytes(c->type.kind); i++) {
        uint64_t place[2];
        memcpy(place, c->values.data + (codes ? codes[i] : first + i) * sizeof place, sizeof place);
        ((yk_text *)(void *)values)[i] = (yk_text){yk_buf_text(&c->bytes) + place[0], place[1]};
    }
    return 0;
}

static int put_code_bits(const yk_batch_column *d, const uint32_t *codes, uint32_t n, yk_arena *arena, yk_vec *ret, yoke_error *err)
{
    const char *valid = d->valid.data, *missing = memchr(valid, 0, d->valid.len);
    uint32_t    code = missing ? (uint32_t)(missing - valid) : UINT32_MAX;
    bool        has_missing = missing && memchr(missing + 1, 0, d->valid.len - code - 1); /* several codes are: one may be here */
    for (uint32_t i = 0; i < n; i++)
        has_missing |= codes[i] == code;
    if (!has_missing)
        return 0;
    uint64_t *bits = yk_arena_calloc(arena, YK_BLOCK / 64, sizeof *bits);
    if (!bits)
        return yk_fail_nomem(err, "reading rows");
    for (uint32_t i = 0; i < n; i++)
        bits[i >> 6] |= (uint64_t)(valid[codes[i]] != 0) << (i & 63);
    ret->valid = bits;
    return 0;
}

static int put_codes(const yk_batch_column *c, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *ret, yoke_error *err)
{
    const yk_batch_column *d = c->dict;
    const uint16_t        *from = (const uint16_t *)(const void *)c->values.data + first;
    uint32_t              *codes = yk_arena_alloc(arena, n * sizeof *codes + 64);
    yk_dict               *dict = yk_arena_alloc(arena, sizeof *dict);
    if (!codes || !dict)
        return yk_fail_nomem(err, "reading rows");
    for (uint32_t i = 0; i < n; i++)
        codes[i] = from[i];
    YK_TRY(put_code_bits(d, codes, n, arena, ret, err));
    if (yk_kind_is_bytes(d->type.kind))
        return put_wide(d, codes, 0, n, arena, ret, err);
    *dict = (yk_dict){.n = (uint32_t)d->valid.len, .values = d->values.data, .id = c->dict_id};
    ret->codes = codes;
    ret->dict = dict;
    return 0;
}

int yk_batch_vec(const yk_batch *b, size_t column, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *ret, yoke_error *err)
{
    const yk_batch_column *c = &b->columns[column];
    size_t                 size = yk_kind_size(c->type.kind);
    *ret = (yk_vec){.type = c->type, .n = n};
    if (c->dict)
        return put_codes(c, first, n, arena, ret, err);
    ret->values = size ? c->values.data + first * size : NULL;
    YK_TRY(put_bits(c->valid.data + first, n, arena, &ret->valid, err));
    return size == 16 ? put_wide(c, NULL, first, n, arena, ret, err) : 0;
}

int yk_batch_block(const yk_batch *b, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *columns, yoke_error *err)
{
    for (size_t c = 0; c < b->n_columns; c++)
        YK_TRY(yk_batch_vec(b, c, first, n, arena, &columns[c], err));
    return 0;
}
