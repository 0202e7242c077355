/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Arrow batches as columns. The batches stay as they came; a cursor turns the rows it is asked for into a block, in place where
 * the stored form is a block's form. Arrow's buffers carry no lengths, so what a producer says is trusted as the
 * specification has it: the data comes from within this process.
 */
#include "format/arrow/arrow.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* How a column's values are stored. */
typedef enum form {
    FORM_NONE, /* refused, or no values at all */
    FORM_BITS,
    FORM_I8, FORM_U8, FORM_I16, FORM_U16, FORM_I32, FORM_U32, FORM_64, /* 64: as blocks have it */
    FORM_F16, FORM_F32,
    FORM_128,
    FORM_BYTES32, FORM_BYTES64, FORM_FIXED, FORM_VIEW,
    FORM_MILLIDAYS, /* 64-bit dates in milliseconds */
} form;

typedef struct column {
    yk_arrow_column said; /* name owned by the schema */
    form            form;
    form            index; /* of a dictionary-encoded column: how indices are stored; else FORM_NONE */
    size_t          width; /* of FORM_FIXED */
    char            refusal[80];
} column;

struct yk_arrow {
    struct ArrowSchema schema;
    struct ArrowArray *batches;
    uint64_t          *first; /* of each batch: its first row; one more at the end */
    size_t             n_batches, cap;
    column            *columns;
    unsigned           n_columns;
};

/* ---- types */

static void refuse(column *c, const char *what)
{
    snprintf(c->refusal, sizeof c->refusal, "%s", what);
    c->said.refusal = c->refusal;
    c->form = FORM_NONE;
}

static bool unit_of(char letter, yk_unit *ret)
{
    const char *at = letter ? strchr("smun", letter) : NULL;
    if (at)
        *ret = (yk_unit)(at - "smun");
    return at != NULL;
}

/* 't' and what follows: dates, times of day, timestamps, durations. */
static bool read_time_format(column *c, const char *f)
{
    yk_unit unit = YK_UNIT_S;
    if (f[1] == 'd') {
        c->said.type.kind = YK_KIND_DATE;
        c->form = f[2] == 'D' ? FORM_I32 : FORM_MILLIDAYS;
        return f[2] == 'D' || f[2] == 'm';
    }
    if (!f[1] || !unit_of(f[2], &unit))
        return false;
    c->said.type.unit = unit;
    c->said.type.kind = f[1] == 's' ? YK_KIND_TIME : YK_KIND_SPAN;
    c->said.type.is_utc = f[1] == 's' && f[3] == ':' && f[4];
    c->said.type.is_clock = f[1] == 't';
    c->form = f[1] == 't' && unit <= YK_UNIT_MS ? FORM_I32 : FORM_64;
    return f[1] == 's' || f[1] == 't' || f[1] == 'D';
}

static bool read_decimal_format(column *c, const char *f)
{
    int precision, scale, bits = 128;
    if (sscanf(f, "d:%d,%d,%d", &precision, &scale, &bits) < 2 || bits != 128 || scale < -38 || scale > 38)
        return false;
    c->said.type = (yk_type){.kind = YK_KIND_DECIMAL, .scale = (int8_t)scale};
    c->form = FORM_128;
    return true;
}

static bool read_format(column *c, const char *f)
{
    static const struct { const char *format; yk_kind kind; form form; } simple[] = {
        {"n", YK_KIND_NULL, FORM_NONE},  {"b", YK_KIND_BOOL, FORM_BITS},  {"c", YK_KIND_INT, FORM_I8},
        {"C", YK_KIND_INT, FORM_U8},     {"s", YK_KIND_INT, FORM_I16},    {"S", YK_KIND_INT, FORM_U16},
        {"i", YK_KIND_INT, FORM_I32},    {"I", YK_KIND_INT, FORM_U32},    {"l", YK_KIND_INT, FORM_64},
        {"L", YK_KIND_UINT, FORM_64},    {"e", YK_KIND_REAL, FORM_F16},   {"f", YK_KIND_REAL, FORM_F32},
        {"g", YK_KIND_REAL, FORM_64},    {"u", YK_KIND_TEXT, FORM_BYTES32}, {"U", YK_KIND_TEXT, FORM_BYTES64},
        {"z", YK_KIND_DATA, FORM_BYTES32}, {"Z", YK_KIND_DATA, FORM_BYTES64}, {"vu", YK_KIND_TEXT, FORM_VIEW},
        {"vz", YK_KIND_DATA, FORM_VIEW},
    };
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        if (strcmp(f, simple[i].format) == 0) {
            c->said.type = (yk_type){.kind = simple[i].kind};
            c->form = simple[i].form;
            return true;
        }
    }
    if (f[0] == 'w' && f[1] == ':') {
        c->said.type = (yk_type){.kind = YK_KIND_DATA};
        c->form = FORM_FIXED;
        c->width = strtoul(f + 2, NULL, 10);
        return true;
    }
    return f[0] == 't' ? read_time_format(c, f) : f[0] == 'd' ? read_decimal_format(c, f) : false;
}

static void read_column(column *c, const struct ArrowSchema *s)
{
    c->said.name = s->name ? s->name : "";
    if (!read_format(c, s->format)) {
        char why[80];
        snprintf(why, sizeof why, "its Arrow type '%.30s' has no counterpart here", s->format);
        refuse(c, why);
        return;
    }
    if (!s->dictionary)
        return;
    c->index = c->form;
    if (c->index < FORM_I8 || c->index > FORM_64 || !read_format(c, s->dictionary->format))
        refuse(c, "its dictionary has values or indices of a type with no counterpart here");
}

/* ---- opening */

static int stream_failed(struct ArrowArrayStream *s, int sys, yoke_error *err)
{
    const char *why = s->get_last_error ? s->get_last_error(s) : NULL;
    return yk_fail(err, sys == ENOMEM ? YOKE_ENOMEM : YOKE_EFORMAT, "the Arrow stream failed: %s", why ? why : strerror(sys));
}

static int read_schema(yk_arrow *a, struct ArrowArrayStream *s, yoke_error *err)
{
    int sys = s->get_schema(s, &a->schema);
    if (sys)
        return stream_failed(s, sys, err);
    if (strcmp(a->schema.format, "+s") != 0)
        return yk_fail(err, YOKE_ETYPE, "the Arrow stream holds '%.30s', not a table; a struct of columns is needed", a->schema.format);
    a->columns = yk_new_array(column, (size_t)a->schema.n_children);
    if (!a->columns)
        return yk_fail_nomem(err, "importing a table");
    for (a->n_columns = 0; a->n_columns < a->schema.n_children; a->n_columns++)
        read_column(&a->columns[a->n_columns], a->schema.children[a->n_columns]);
    return 0;
}

static int read_batches(yk_arrow *a, struct ArrowArrayStream *s, yoke_error *err)
{
    size_t   n_first = 0, cap_first = 0;
    uint64_t row = 0;
    for (;;) {
        if (!yk_push(&a->first, &n_first, &cap_first, row))
            return yk_fail_nomem(err, "importing a table");
        if (!yk_grow(&a->batches, &a->cap, a->n_batches + 1, sizeof *a->batches))
            return yk_fail_nomem(err, "importing a table");
        struct ArrowArray *b = &a->batches[a->n_batches];
        *b = (struct ArrowArray){0};
        int sys = s->get_next(s, b);
        if (sys)
            return stream_failed(s, sys, err);
        if (!b->release)
            return 0;
        a->n_batches++;
        if (b->n_children != a->n_columns || b->length < 0)
            return yk_fail(err, YOKE_EFORMAT, "a batch of the Arrow stream has %lld columns where its schema has %u",
                           (long long)b->n_children, a->n_columns);
        row += (uint64_t)b->length;
    }
}

int yk_arrow_open(struct ArrowArrayStream *stream, yk_arrow **ret, yoke_error *err)
{
    yk_arrow *a = yk_new(yk_arrow);
    int       rc = a ? read_schema(a, stream, err) : yk_fail_nomem(err, "importing a table");
    if (rc == 0)
        rc = read_batches(a, stream, err);
    stream->release(stream);
    if (rc < 0) {
        yk_arrow_close(a);
        return rc;
    }
    *ret = a;
    return 0;
}

void yk_arrow_close(yk_arrow *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_batches; i++)
        if (a->batches[i].release)
            a->batches[i].release(&a->batches[i]);
    if (a->schema.release)
        a->schema.release(&a->schema);
    yk_free(a->batches);
    yk_free(a->first);
    yk_free(a->columns);
    yk_free(a);
}

uint64_t yk_arrow_rows(const yk_arrow *a)
{
    return a->first[a->n_batches];
}

unsigned yk_arrow_columns(const yk_arrow *a)
{
    return a->n_columns;
}

const yk_arrow_column *yk_arrow_column_at(const yk_arrow *a, unsigned i)
{
    return &a->columns[i].said;
}

/* ---- cursors */

struct yk_arrow_cursor {
    const yk_arrow *a;
    const column   *column;
    unsigned        number;
    uint64_t        row, end;
    size_t          batch;
    uint64_t        valid[YK_BLOCK / 64];
    _Alignas(64) unsigned char values[YK_BLOCK * 16];
};

int yk_arrow_cursor_open(const yk_arrow *a, unsigned number, uint64_t first, uint64_t n, yk_arrow_cursor **ret, yoke_error *err)
{
    uint64_t rows = yk_arrow_rows(a);
    if (number >= a->n_columns || first > rows || n > rows - first)
        return yk_fail(err, YOKE_EINVALID, "rows or column outside the table of %llu rows and %u columns", (unsigned long long)rows,
                       a->n_columns);
    const column *c = &a->columns[number];
    if (c->said.refusal)
        return yk_fail(err, YOKE_EUNSUPPORTED, "column '%s' cannot be read: %s", c->said.name, c->said.refusal);
    yk_arrow_cursor *cur = yk_malloc_aligned(sizeof *cur);
    if (!cur)
        return yk_fail_nomem(err, "reading a table");
    cur->a = a;
    cur->column = c;
    cur->number = number;
    cur->row = first;
    cur->end = first + n;
    cur->batch = 0;
    *ret = cur;
    return 0;
}

void yk_arrow_cursor_close(yk_arrow_cursor *c)
{
    yk_free(c);
}

int yk_arrow_cursor_skip(yk_arrow_cursor *c, uint64_t n, yoke_error *err)
{
    (void)err;
    c->row += n < c->end - c->row ? n : c->end - c->row;
    return 0;
}

static double half_to_double(uint16_t h)
{
    unsigned sign = h >> 15, exponent = h >> 10 & 31, fraction = h & 1023;
    double   x;
    if (exponent == 31)
        x = fraction ? __builtin_nan("") : __builtin_inf();
    else if (exponent)
        x = (double)(1024 + fraction) * __builtin_ldexp(1, (int)exponent - 25);
    else
        x = (double)fraction * 0x1p-24;
    return sign ? -x : x;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The text at `row` of an array in one of the forms of bytes. */
static yk_text text_at(const struct ArrowArray *a, form f, size_t width, int64_t row)
{
    if (f == FORM_BYTES32) {
        const int32_t *at = (const int32_t *)a->buffers[1] + row;
        return (yk_text){(const char *)a->buffers[2] + at[0], (uint64_t)(uint32_t)(at[1] - at[0])};
    }
    if (f == FORM_BYTES64) {
        const int64_t *at = (const int64_t *)a->buffers[1] + row;
        return (yk_text){(const char *)a->buffers[2] + at[0], (uint64_t)(at[1] - at[0])};
    }
    if (f == FORM_FIXED)
        return (yk_text){(const char *)a->buffers[1] + (size_t)row * width, width};
    /* a view: length, then 12 bytes of text, or a prefix, a buffer's number and an offset in it */
    const int32_t *view = (const int32_t *)a->buffers[1] + row * 4;
    uint64_t       len = (uint32_t)view[0];
    return len <= 12 ? (yk_text){(const char *)(view + 1), len}
                     : (yk_text){(const char *)a->buffers[2 + view[2]] + view[3], len};
}

static bool is_set(const void *bits, int64_t at)
{
    return ((const uint8_t *)bits)[at / 8] >> (at & 7) & 1;
}

/* The value at `row` (counted with the array's offset) in storage form. */
static void value_at(const struct ArrowArray *a, const column *c, form f, int64_t row, void *to)
{
    const void *v = a->buffers[1];
    int64_t     i;
    double      x;
    yk_text     t;
    switch (f) {
    case FORM_BITS: *(uint8_t *)to = is_set(v, row); return;
    case FORM_F16: x = half_to_double(((const uint16_t *)v)[row]); memcpy(to, &x, 8); return;
    case FORM_F32: x = ((const float *)v)[row]; memcpy(to, &x, 8); return;
    case FORM_128: memcpy(to, (const char *)v + row * 16, 16); return;
    case FORM_BYTES32:
    case FORM_BYTES64:
    case FORM_FIXED:
    case FORM_VIEW: t = text_at(a, f, c->width, row); memcpy(to, &t, sizeof t); return;
    case FORM_I8: i = ((const int8_t *)v)[row]; break;
    case FORM_U8: i = ((const uint8_t *)v)[row]; break;
    case FORM_I16: i = ((const int16_t *)v)[row]; break;
    case FORM_U16: i = ((const uint16_t *)v)[row]; break;
    case FORM_I32: i = ((const int32_t *)v)[row]; break;
    case FORM_U32: i = ((const uint32_t *)v)[row]; break;
    case FORM_MILLIDAYS: i = floor_div(((const int64_t *)v)[row], 86400000); break;
    default: i = ((const int64_t *)v)[row]; break;
    }
    memcpy(to, &i, 8);
}

static bool is_there(const struct ArrowArray *a, int64_t row)
{
    return a->null_count == 0 || !a->buffers[0] || is_set(a->buffers[0], row);
}

/* One value into slot i of the cursor's block; a missing one is zero. Returns whether it is there. */
static bool take_value(yk_arrow_cursor *cur, const struct ArrowArray *a, int64_t row, uint32_t i)
{
    const column *c = cur->column;
    size_t        size = yk_kind_size(c->said.type.kind);
    void         *to = cur->values + i * size;
    bool          there = is_there(a, row);
    if (there && c->index) {
        int64_t code;
        value_at(a, c, c->index, row, &code);
        a = a->dictionary;
        row = code + a->offset;
        there = is_there(a, row);
    }
    if (there)
        value_at(a, c, c->form, row, to);
    else
        memset(to, 0, size);
    return there;
}

/* Rows [row, row + n) of one batch into the block from slot `at`; returns how many are missing. */
static uint32_t take_rows(yk_arrow_cursor *cur, const struct ArrowArray *batch, int64_t row, uint32_t n, uint32_t at)
{
    const struct ArrowArray *a = batch->children[cur->number];
    uint32_t                 missing = 0;
    row += batch->offset + a->offset;
    for (uint32_t i = at; i < at + n; i++, row++) {
        bool there = take_value(cur, a, row, i);
        cur->valid[i >> 6] |= (uint64_t)there << (i & 63);
        missing += !there;
    }
    return missing;
}

/* Where the batch holds the values as a block does and none is missing: no copy. */
static bool borrow_rows(const yk_arrow_cursor *cur, const struct ArrowArray *batch, int64_t row, yk_vec *ret)
{
    const struct ArrowArray *a = batch->children[cur->number];
    if (cur->column->form != FORM_64 || cur->column->index || (a->null_count != 0 && a->buffers[0]))
        return false;
    const void *at = (const int64_t *)a->buffers[1] + row + batch->offset + a->offset;
    if ((uintptr_t)at % 8 != 0)
        return false;
    ret->values = at;
    return true;
}

int yk_arrow_cursor_next(yk_arrow_cursor *cur, uint32_t n, yk_vec *ret, yoke_error *err)
{
    (void)err;
    const yk_arrow *a = cur->a;
    if (n > cur->end - cur->row)
        n = (uint32_t)(cur->end - cur->row);
    *ret = (yk_vec){.type = cur->column->said.type, .n = n};
    if (n == 0 || ret->type.kind == YK_KIND_NULL) {
        cur->row += n;
        ret->is_const = n > 0;
        return 0;
    }
    while (cur->row >= a->first[cur->batch + 1])
        cur->batch++;
    if (cur->row + n <= a->first[cur->batch + 1] &&
        borrow_rows(cur, &a->batches[cur->batch], (int64_t)(cur->row - a->first[cur->batch]), ret)) {
        cur->row += n;
        return 0;
    }
    uint32_t done = 0, missing = 0;
    memset(cur->valid, 0, sizeof cur->valid);
    while (done < n) {
        while (cur->row >= a->first[cur->batch + 1])
            cur->batch++;
        uint64_t left = a->first[cur->batch + 1] - cur->row;
        uint32_t step = left < n - done ? (uint32_t)left : n - done;
        missing += take_rows(cur, &a->batches[cur->batch], (int64_t)(cur->row - a->first[cur->batch]), step, done);
        cur->row += step;
        done += step;
    }
    ret->values = cur->values;
    ret->valid = missing ? cur->valid : NULL;
    return 0;
}
