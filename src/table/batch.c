/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/batch.h"

int yk_batch_init(yk_batch *b, size_t n_columns, yoke_error *err)
{
    *b = (yk_batch){.columns = yk_new_array(yk_batch_column, n_columns + 1), .n_columns = n_columns};
    return b->columns ? 0 : yk_fail_nomem(err, "keeping rows");
}

void yk_batch_fini(yk_batch *b)
{
    for (size_t i = 0; b->columns && i < b->n_columns; i++) {
        yk_buf_fini(&b->columns[i].values);
        yk_buf_fini(&b->columns[i].bytes);
        yk_buf_fini(&b->columns[i].valid);
    }
    yk_free(b->columns);
    *b = (yk_batch){0};
}

void yk_batch_clear(yk_batch *b)
{
    for (size_t i = 0; i < b->n_columns; i++) {
        yk_buf_clear(&b->columns[i].values);
        yk_buf_clear(&b->columns[i].bytes);
        yk_buf_clear(&b->columns[i].valid);
    }
    b->n = 0;
}

size_t yk_batch_bytes(const yk_batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_columns; i++)
        n += b->columns[i].values.cap + b->columns[i].bytes.cap + b->columns[i].valid.cap;
    return n;
}

static bool is_bytes(yk_type t) { return t.kind == YK_KIND_TEXT || t.kind == YK_KIND_DATA; }

static int check(const yk_batch_column *c, yoke_error *err)
{
    return c->values.is_failed || c->bytes.is_failed || c->valid.is_failed ? yk_fail_nomem(err, "keeping rows") : 0;
}

static void put_text(yk_batch_column *c, yk_text t)
{
    uint64_t place[2] = {c->bytes.len, t.len};
    yk_buf_append(&c->bytes, t.data ? t.data : "", t.len);
    yk_buf_append(&c->values, place, sizeof place);
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

static int add_column(yk_batch_column *c, const yk_vec *v, const uint32_t *rows, uint32_t n, yoke_error *err)
{
    size_t size = yk_kind_size(c->type.kind);
    char  *valid = yk_buf_extend(&c->valid, n);
    if (!valid)
        return yk_fail_nomem(err, "keeping rows");
    put_valid(v, rows, n, valid);
    if (is_bytes(c->type)) {
        for (uint32_t i = 0; i < n; i++)
            put_text(c, valid[i] ? ((const yk_text *)v->values)[rows ? rows[i] : i] : (yk_text){"", 0});
        return check(c, err);
    }
    char *to = size ? yk_buf_extend(&c->values, n * size) : NULL;
    if (size && !to)
        return yk_fail_nomem(err, "keeping rows");
    if (size)
        put_values(v, rows, n, size, to);
    return 0;
}

int yk_batch_add(yk_batch *b, const yk_vec *columns, const uint32_t *rows, uint32_t n, yoke_error *err)
{
    for (size_t i = 0; i < b->n_columns && n; i++)
        YK_TRY(add_column(&b->columns[i], &columns[i], rows, n, err));
    b->n += n;
    return 0;
}

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

int yk_batch_append(yk_batch *b, const yk_batch *from, const uint32_t *order, uint64_t first, uint64_t n, yoke_error *err)
{
    for (size_t i = 0; i < b->n_columns && n; i++) {
        yk_batch_column       *c = &b->columns[i];
        const yk_batch_column *f = &from->columns[i];
        char                  *valid = yk_buf_extend(&c->valid, n);
        if (!valid)
            return yk_fail_nomem(err, "keeping rows");
        for (uint64_t k = 0; k < n; k++)
            valid[k] = f->valid.data[order ? order[first + k] : first + k];
        if (!is_bytes(f->type)) {
            YK_TRY(append_fixed(c, f, order, first, n, err));
            continue;
        }
        for (uint64_t k = first; k < first + n; k++) {
            uint64_t place[2], row = order ? order[k] : k;
            memcpy(place, f->values.data + row * sizeof place, sizeof place);
            put_text(c, (yk_text){yk_buf_text(&f->bytes) + place[0], place[1]});
        }
        YK_TRY(check(c, err));
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
    if (is_bytes(c->type))
        put_text(c, v->is_missing ? (yk_text){"", 0} : v->t);
    else if (c->type.kind == YK_KIND_BOOL)
        yk_buf_putc(&c->values, v->is_missing ? 0 : (char)v->b);
    else
        yk_buf_append(&c->values, v->is_missing ? (const void *)zeros : (const void *)&v->i, yk_kind_size(c->type.kind));
    return check(c, err);
}

void yk_batch_get(const yk_batch *b, size_t column, uint64_t row, yk_value *ret)
{
    const yk_batch_column *c = &b->columns[column];
    size_t                 size = yk_kind_size(c->type.kind);
    *ret = (yk_value){.type = c->type, .is_missing = !c->valid.data[row]};
    if (ret->is_missing)
        return;
    if (is_bytes(c->type)) {
        uint64_t place[2];
        memcpy(place, c->values.data + row * sizeof place, sizeof place);
        ret->t = (yk_text){yk_buf_text(&c->bytes) + place[0], place[1]};
    } else if (c->type.kind == YK_KIND_BOOL) {
        ret->b = c->values.data[row] != 0;
    } else {
        memcpy(&ret->i, c->values.data + row * size, size);
    }
}

/* ---- as bytes: the number of rows, then per column its type and three runs with their lengths; all begin at multiples of 8 */

enum { TYPE_ROOM = 16 };
_Static_assert(sizeof(yk_type) <= TYPE_ROOM, "a type fits its place");

static void pad(yk_buf *to, uint64_t n)
{
    static const char zeros[8];
    yk_buf_append(to, zeros, -n & 7);
}

static void write_type(yk_type type, yk_buf *to)
{
    char room[TYPE_ROOM] = {0};
    memcpy(room, &type, sizeof type);
    yk_buf_append(to, room, sizeof room);
}

static void write_run(const yk_buf *run, yk_buf *to)
{
    yk_buf_append(to, &(uint64_t){run->len}, sizeof(uint64_t));
    yk_buf_append(to, yk_buf_text(run), run->len);
    pad(to, run->len);
}

int yk_batch_write(const yk_batch *b, yk_buf *to, yoke_error *err)
{
    yk_buf_append(to, &b->n, sizeof b->n);
    for (size_t i = 0; i < b->n_columns; i++) {
        write_type(b->columns[i].type, to);
        write_run(&b->columns[i].values, to);
        write_run(&b->columns[i].bytes, to);
        write_run(&b->columns[i].valid, to);
    }
    return to->is_failed ? yk_fail_nomem(err, "keeping rows") : 0;
}

static void gather(const char *from, const uint32_t *rows, uint64_t n, size_t size, char *to)
{
    if (size == 8)
        for (uint64_t i = 0; i < n; i++)
            memcpy(to + i * 8, from + (size_t)rows[i] * 8, 8);
    else if (size == 1)
        for (uint64_t i = 0; i < n; i++)
            to[i] = from[rows[i]];
    else
        for (uint64_t i = 0; i < n && size; i++)
            memcpy(to + i * size, from + rows[i] * size, size);
}

/* The places of texts that will lie one behind the other; returns how many bytes they take. */
static uint64_t gather_places(const yk_batch_column *c, const uint32_t *rows, uint64_t n, char *to)
{
    uint64_t at = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t place[2];
        memcpy(place, c->values.data + (size_t)rows[i] * sizeof place, sizeof place);
        place[0] = at;
        at += place[1];
        memcpy(to + i * sizeof place, place, sizeof place);
    }
    return at;
}

static void gather_bytes(const yk_batch_column *c, const uint32_t *rows, uint64_t n, char *to)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t place[2];
        memcpy(place, c->values.data + (size_t)rows[i] * sizeof place, sizeof place);
        if (place[1])
            memcpy(to, c->bytes.data + place[0], place[1]);
        to += place[1];
    }
}

/* Room for a run; what pads it is written first, for nothing is appended before the run is. */
static char *extend_run(yk_buf *to, uint64_t n)
{
    yk_buf_append(to, &n, sizeof n);
    char *at = yk_buf_extend(to, n + (-n & 7));
    if (at)
        memset(at + n, 0, -n & 7);
    return at;
}

int yk_batch_write_rows(const yk_batch *b, const uint32_t *rows, uint64_t n, yk_buf *to, yoke_error *err)
{
    yk_buf_append(to, &n, sizeof n);
    for (size_t i = 0; i < b->n_columns; i++) {
        const yk_batch_column *c = &b->columns[i];
        size_t                 size = yk_kind_size(c->type.kind);
        uint64_t               n_bytes = 0;
        write_type(c->type, to);
        char *values = extend_run(to, n * size);
        if (values && is_bytes(c->type))
            n_bytes = gather_places(c, rows, n, values);
        else if (values)
            gather(c->values.data, rows, n, size, values);
        char *bytes = extend_run(to, n_bytes);
        if (bytes && n_bytes)
            gather_bytes(c, rows, n, bytes);
        char *valid = extend_run(to, n);
        if (valid)
            gather(c->valid.data, rows, n, 1, valid);
        if (to->is_failed)
            return yk_fail_nomem(err, "keeping rows");
    }
    return 0;
}

static const char *view_run(yk_buf *run, const char *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof n);
    *run = (yk_buf){.data = (char *)(uintptr_t)(at + sizeof n), .len = n};
    return at + sizeof n + n + (-n & 7);
}

void yk_batch_view(yk_batch *b, const void *bytes)
{
    const char *at = bytes;
    memcpy(&b->n, at, sizeof b->n);
    at += sizeof b->n;
    for (size_t i = 0; i < b->n_columns; i++) {
        yk_batch_column *c = &b->columns[i];
        memcpy(&c->type, at, sizeof c->type);
        at = view_run(&c->values, at + TYPE_ROOM);
        at = view_run(&c->bytes, at);
        at = view_run(&c->valid, at);
    }
}

void yk_batch_unview(yk_batch *b)
{
    for (size_t i = 0; i < b->n_columns; i++)
        b->columns[i] = (yk_batch_column){.type = b->columns[i].type};
    b->n = 0;
}

int yk_batch_read(yk_batch *b, const void *bytes, yoke_error *err)
{
    YK_AUTOFREE yk_batch_column *columns = yk_new_array(yk_batch_column, b->n_columns + 1);
    yk_batch                     view = {columns, b->n_columns, 0};
    if (!columns)
        return yk_fail_nomem(err, "keeping rows");
    yk_batch_view(&view, bytes);
    for (size_t i = 0; i < b->n_columns; i++) {
        yk_batch_column *c = &b->columns[i];
        size_t           first = c->values.len, base = c->bytes.len;
        c->type = columns[i].type;
        yk_buf_append(&c->values, columns[i].values.data, columns[i].values.len);
        yk_buf_append(&c->bytes, columns[i].bytes.data, columns[i].bytes.len);
        yk_buf_append(&c->valid, columns[i].valid.data, columns[i].valid.len);
        YK_TRY(check(c, err));
        for (size_t place = first; is_bytes(c->type) && base && place < c->values.len; place += 16) {
            uint64_t where;
            memcpy(&where, c->values.data + place, sizeof where);
            where += base;
            memcpy(c->values.data + place, &where, sizeof where);
        }
    }
    b->n += view.n;
    return 0;
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

int yk_batch_vec(const yk_batch *b, size_t column, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *ret, yoke_error *err)
{
    const yk_batch_column *c = &b->columns[column];
    size_t                 size = yk_kind_size(c->type.kind);
    *ret = (yk_vec){.type = c->type, .n = n, .values = size ? c->values.data + first * size : NULL};
    YK_TRY(put_bits(c->valid.data + first, n, arena, &ret->valid, err));
    if (size != 16)
        return 0;
    char *values = yk_arena_alloc(arena, n * size + 64); /* 16-byte values lie on 16-byte borders */
    if (!values)
        return yk_fail_nomem(err, "reading rows");
    if (!is_bytes(c->type))
        memcpy(values, ret->values, n * size);
    for (uint32_t i = 0; i < n && is_bytes(c->type); i++) {
        uint64_t place[2];
        memcpy(place, c->values.data + (first + i) * sizeof place, sizeof place);
        ((yk_text *)(void *)values)[i] = (yk_text){yk_buf_text(&c->bytes) + place[0], place[1]};
    }
    ret->values = values;
    return 0;
}

int yk_batch_block(const yk_batch *b, uint64_t first, uint32_t n, yk_arena *arena, yk_vec *columns, yoke_error *err)
{
    for (size_t c = 0; c < b->n_columns; c++)
        YK_TRY(yk_batch_vec(b, c, first, n, arena, &columns[c], err));
    return 0;
}
