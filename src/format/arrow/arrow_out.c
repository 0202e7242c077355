/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Blocks of rows out to Arrow. Each column gathers its buffers; taking a batch hands them over with a release function
 * that frees them, so nothing is copied twice.
 */
#include "format/arrow/arrow.h"

#include "base/buf.h"

#include <stdio.h>

/* ---- schema */

static const char UNIT[] = {'s', 'm', 'u', 'n'};

static void print_format(yk_type t, char *to, size_t size)
{
    switch (t.kind) {
    case YK_KIND_NULL: snprintf(to, size, "n"); break;
    case YK_KIND_BOOL: snprintf(to, size, "b"); break;
    case YK_KIND_INT: snprintf(to, size, "l"); break;
    case YK_KIND_UINT: snprintf(to, size, "L"); break;
    case YK_KIND_REAL: snprintf(to, size, "g"); break;
    case YK_KIND_TEXT: snprintf(to, size, "U"); break;
    case YK_KIND_DATA: snprintf(to, size, t.is_uuid ? "w:16" : "Z"); break;
    case YK_KIND_TIME: snprintf(to, size, "ts%c:%s", UNIT[t.unit], t.is_utc ? "UTC" : ""); break;
    case YK_KIND_DATE: snprintf(to, size, "tdD"); break;
    case YK_KIND_SPAN: snprintf(to, size, "t%c%c", t.is_clock ? 't' : 'D', UNIT[t.unit]); break;
    case YK_KIND_DECIMAL: snprintf(to, size, "d:38,%d", t.scale); break;
    }
}

static void release_schema(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i] && s->children[i]->release)
            s->children[i]->release(s->children[i]);
        yk_free(s->children[i]);
    }
    yk_free(s->children);
    yk_free(s->private_data); /* format and name */
    s->release = NULL;
}

static int fill_schema(struct ArrowSchema *s, const char *format, const char *name)
{
    size_t n_format = strlen(format) + 1, n_name = strlen(name) + 1;
    char  *text = yk_malloc(n_format + n_name);
    if (!text)
        return YOKE_ENOMEM;
    memcpy(text, format, n_format);
    memcpy(text + n_format, name, n_name);
    *s = (struct ArrowSchema){.format = text, .name = text + n_format, .flags = ARROW_FLAG_NULLABLE,
                              .release = release_schema, .private_data = text};
    return 0;
}

/* Metadata of a UUID: one pair, each text with its length (32 bits) before it. */
static const char UUID[] = "\1\0\0\0\24\0\0\0ARROW:extension:name\12\0\0\0arrow.uuid";

static bool is_uuid(yk_type t) { return t.kind == YK_KIND_DATA && t.is_uuid; }

static int add_child(struct ArrowSchema *s, const yk_arrow_field *f)
{
    char                format[32];
    struct ArrowSchema *child = yk_new(struct ArrowSchema);
    if (!child)
        return YOKE_ENOMEM;
    s->children[s->n_children++] = child;
    print_format(f->type, format, sizeof format);
    YK_TRY(fill_schema(child, format, f->name));
    if (is_uuid(f->type))
        child->metadata = UUID;
    return 0;
}

int yk_arrow_schema(const yk_arrow_field *fields, size_t n, struct ArrowSchema *ret, yoke_error *err)
{
    struct ArrowSchema s;
    if (fill_schema(&s, "+s", "") < 0)
        return yk_fail_nomem(err, "exporting a table");
    s.flags = 0;
    s.children = yk_new_array(struct ArrowSchema *, n);
    int rc = s.children ? 0 : YOKE_ENOMEM;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_child(&s, &fields[i]);
    if (rc < 0) {
        release_schema(&s);
        return yk_fail_nomem(err, "exporting a table");
    }
    *ret = s;
    return 0;
}

/* ---- rows */

typedef struct column {
    yk_type type;
    yk_buf  valid;   /* bits, as Arrow wants them; filled from the first missing row on */
    yk_buf  values;  /* bits for BOOL; 64-bit offsets for TEXT and DATA */
    yk_buf  bytes;   /* of TEXT and DATA */
    int64_t n_missing;
} column;

struct yk_arrow_writer {
    column *columns;
    size_t  n;
    int64_t rows;
};

int yk_arrow_writer_new(const yk_type *types, size_t n, yk_arrow_writer **ret, yoke_error *err)
{
    yk_arrow_writer *w = yk_new(yk_arrow_writer);
    if (w)
        w->columns = yk_new_array(column, n);
    if (!w || !w->columns) {
        yk_arrow_writer_free(w);
        return yk_fail_nomem(err, "exporting a table");
    }
    for (w->n = 0; w->n < n; w->n++)
        w->columns[w->n].type = types[w->n];
    *ret = w;
    return 0;
}

static void clear_column(column *c)
{
    yk_buf_fini(&c->valid);
    yk_buf_fini(&c->values);
    yk_buf_fini(&c->bytes);
    c->n_missing = 0;
}

void yk_arrow_writer_free(yk_arrow_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        clear_column(&w->columns[i]);
    yk_free(w->columns);
    yk_free(w);
}

int64_t yk_arrow_writer_rows(const yk_arrow_writer *w)
{
    return w->rows;
}

/* Makes room for bits up to row `rows`, in the state `fill` (0 or 0xff). */
static void grow_bits(yk_buf *b, int64_t rows, int fill)
{
    size_t need = (size_t)(rows + 7) / 8;
    if (need > b->len) {
        size_t add = need - b->len;
        void  *at = yk_buf_extend(b, add);
        if (at)
            memset(at, fill, add);
    }
}

static void set_bit(yk_buf *b, int64_t row, bool is_set)
{
    unsigned char bit = (unsigned char)(1u << (row & 7)), *at = (unsigned char *)b->data + row / 8;
    *at = is_set ? *at | bit : *at & (unsigned char)~bit;
}

static bool is_present(const yk_vec *v, uint32_t row)
{
    return v->type.kind != YK_KIND_NULL && (!v->valid || (v->valid[row >> 6] >> (row & 63) & 1));
}

static const void *value_at(const yk_vec *v, uint32_t row, size_t size)
{
    if (v->codes)
        return (const char *)v->dict->values + v->codes[row] * size;
    return (const char *)v->values + row * size;
}

static void add_valid(column *c, const yk_vec *v, uint32_t n, int64_t rows)
{
    if (!v->valid && v->type.kind != YK_KIND_NULL && !c->valid.data)
        return;
    grow_bits(&c->valid, rows + n, 0xff);
    for (uint32_t i = 0; i < n && !c->valid.is_failed; i++) {
        bool there = is_present(v, v->is_const ? 0 : i);
        set_bit(&c->valid, rows + i, there);
        c->n_missing += !there;
    }
}

static void add_bools(column *c, const yk_vec *v, uint32_t n, int64_t rows)
{
    grow_bits(&c->values, rows + n, 0);
    for (uint32_t i = 0; i < n && !c->values.is_failed; i++) {
        uint32_t row = v->is_const ? 0 : i;
        set_bit(&c->values, rows + i, is_present(v, row) && *(const uint8_t *)value_at(v, row, 1));
    }
}

static void add_texts(column *c, const yk_vec *v, uint32_t n)
{
    if (!c->values.len)
        yk_buf_append(&c->values, &(int64_t){0}, sizeof(int64_t));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = v->is_const ? 0 : i;
        if (is_present(v, row)) {
            const yk_text *t = value_at(v, row, sizeof *t);
            yk_buf_append(&c->bytes, t->data, t->len);
        }
        yk_buf_append(&c->values, &(int64_t){(int64_t)c->bytes.len}, sizeof(int64_t));
    }
}

static int add_uuids(column *c, const yk_vec *v, uint32_t n, yoke_error *err)
{
    char *to = yk_buf_extend(&c->values, (size_t)n * 16);
    for (uint32_t i = 0; to && i < n; i++) {
        uint32_t       row = v->is_const ? 0 : i;
        const yk_text *t = is_present(v, row) ? value_at(v, row, sizeof *t) : NULL;
        if (t && t->len != 16)
            return yk_fail(err, YOKE_EINVALID, "a UUID has 16 bytes, not %llu", (unsigned long long)t->len);
        if (t)
            memcpy(to + (size_t)i * 16, t->data, 16);
        else
            memset(to + (size_t)i * 16, 0, 16);
    }
    return 0;
}

static void add_fixed(column *c, const yk_vec *v, uint32_t n, size_t size)
{
    if (v->values && !v->is_const) {
        yk_buf_append(&c->values, v->values, n * size);
        return;
    }
    char *to = yk_buf_extend(&c->values, n * size);
    for (uint32_t i = 0; to && i < n; i++) {
        uint32_t row = v->is_const ? 0 : i;
        if (is_present(v, row))
            memcpy(to + i * size, value_at(v, row, size), size);
        else
            memset(to + i * size, 0, size);
    }
}

int yk_arrow_writer_add(yk_arrow_writer *w, const yk_vec *columns, uint32_t n, yoke_error *err)
{
    for (size_t i = 0; i < w->n; i++) {
        column       *c = &w->columns[i];
        const yk_vec *v = &columns[i];
        add_valid(c, v, n, w->rows);
        if (c->type.kind == YK_KIND_BOOL)
            add_bools(c, v, n, w->rows);
        else if (is_uuid(c->type))
            YK_TRY(add_uuids(c, v, n, err));
        else if (yk_kind_is_bytes(c->type.kind))
            add_texts(c, v, n);
        else if (c->type.kind != YK_KIND_NULL)
            add_fixed(c, v, n, yk_kind_size(c->type.kind));
        if (c->valid.is_failed || c->values.is_failed || c->bytes.is_failed)
            return yk_fail_nomem(err, "exporting a table");
    }
    w->rows += n;
    return 0;
}

/* What a batch or one of its columns owns. */
typedef struct owned {
    column             column;
    const void        *buffers[3];
    struct ArrowArray *children;
    struct ArrowArray **pointers;
} owned;

static void release_array(struct ArrowArray *a)
{
    owned *o = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++)
        if (o->children[i].release)
            o->children[i].release(&o->children[i]);
    clear_column(&o->column);
    yk_free(o->children);
    yk_free(o->pointers);
    yk_free(o);
    a->release = NULL;
}

/* Dates and times of day in ms are 32 bits wide in Arrow, decimals little-endian as here; a missing buffer must still be a pointer. */
static int narrow(column *c, int64_t rows, yoke_error *err)
{
    const int64_t *wide = (const int64_t *)(const void *)c->values.data;
    int32_t       *to = (int32_t *)(void *)c->values.data;
    for (int64_t i = 0; i < rows; i++) {
        bool is_there = !c->n_missing || (c->valid.data[i / 8] >> (i & 7) & 1);
        if (is_there && wide[i] != (int32_t)wide[i])
            return yk_fail(err, YOKE_ELIMIT, "a date lies %lld days from 1970: Arrow's dates have 32 bits", (long long)wide[i]);
        to[i] = (int32_t)wide[i];
    }
    return 0;
}

static int move_column(column *c, int64_t rows, struct ArrowArray *to, yoke_error *err)
{
    if (c->type.kind == YK_KIND_DATE || (c->type.is_clock && c->type.unit <= YK_UNIT_MS))
        YK_TRY(narrow(c, rows, err));
    owned *o = yk_new(owned);
    if (!o)
        return yk_fail_nomem(err, "exporting a table");
    o->column = *c;
    *c = (column){.type = c->type};
    bool has_bytes = yk_kind_is_bytes(o->column.type.kind) && !is_uuid(o->column.type);
    o->buffers[0] = o->column.n_missing ? o->column.valid.data : NULL;
    o->buffers[1] = yk_buf_text(&o->column.values);
    o->buffers[2] = yk_buf_text(&o->column.bytes);
    *to = (struct ArrowArray){.length = rows, .null_count = o->column.n_missing, .n_buffers = has_bytes ? 3 : 2,
                              .buffers = o->buffers, .release = release_array, .private_data = o};
    if (o->column.type.kind == YK_KIND_NULL)
        to->n_buffers = 0;
    return 0;
}

int yk_arrow_writer_take(yk_arrow_writer *w, struct ArrowArray *ret, yoke_error *err)
{
    owned *o = yk_new(owned);
    if (!o)
        return yk_fail_nomem(err, "exporting a table");
    o->children = yk_new_array(struct ArrowArray, w->n);
    o->pointers = yk_new_array(struct ArrowArray *, w->n);
    struct ArrowArray batch = {.length = w->rows, .n_buffers = 1, .buffers = o->buffers, .children = o->pointers,
                               .release = release_array, .private_data = o};
    int rc = o->children && o->pointers ? 0 : yk_fail_nomem(err, "exporting a table");
    for (size_t i = 0; rc == 0 && i < w->n; i++) {
        rc = move_column(&w->columns[i], w->rows, &o->children[i], err);
        o->pointers[i] = &o->children[i];
        batch.n_children += rc == 0;
    }
    if (rc < 0) {
        release_array(&batch);
        return rc;
    }
    w->rows = 0;
    *ret = batch;
    return 0;
}
