/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/npy_columns.h"

#include <stdio.h>

enum { COLUMNS_MAX = 100000 };

void yk_npy_table_close(yk_npy_table *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < t->n_columns; i++) {
        yk_free(t->columns[i].name);
        yk_free(t->columns[i].refusal);
    }
    yk_free(t->columns);
    for (size_t i = 0; i < t->n_files; i++)
        yk_npy_close(t->files[i]);
    yk_free(t->files);
    yk_free(t);
}

/* ---- what a field is */

/* The unit between the brackets of "<M8[us]". */
static bool find_unit(const char *descr, yk_unit *ret, bool *ret_is_day)
{
    static const char *const units[] = {"[s]", "[ms]", "[us]", "[ns]"};
    const char              *at = strchr(descr, '[');
    *ret_is_day = at && strcmp(at, "[D]") == 0;
    for (unsigned i = 0; at && i < 4; i++)
        if (strcmp(at, units[i]) == 0) {
            *ret = (yk_unit)i;
            return true;
        }
    return *ret_is_day;
}

static bool find_type(const yk_npy_field *f, yk_type *ret)
{
    yk_unit unit = YK_UNIT_S;
    bool    is_day = false, is_size = f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8;
    *ret = (yk_type){.kind = YK_KIND_NULL};
    switch (f->kind) {
    case 'b': ret->kind = YK_KIND_BOOL; return f->size == 1;
    case 'i': ret->kind = YK_KIND_INT; return is_size;
    case 'u': ret->kind = f->size == 8 ? YK_KIND_UINT : YK_KIND_INT; return is_size;
    case 'f': ret->kind = YK_KIND_REAL; return is_size && f->size > 1;
    case 'S':
    case 'U': ret->kind = YK_KIND_TEXT; return true;
    case 'M':
    case 'm':
        if (f->size != 8 || !find_unit(f->descr, &unit, &is_day) || (is_day && f->kind == 'm'))
            return false;
        *ret = (yk_type){.kind = is_day ? YK_KIND_DATE : f->kind == 'M' ? YK_KIND_TIME : YK_KIND_SPAN, .unit = unit};
        return true;
    default: return false;
    }
}

static int set_refusal(yk_npy_column *c, yoke_error *err)
{
    const yk_npy_field *f = c->field;
    char                text[160];
    if (f->is_run)
        snprintf(text, sizeof text, "each row has several values of it");
    else if (find_type(f, &c->type))
        return 0;
    else if (f->kind == 'c')
        snprintf(text, sizeof text, "it holds complex numbers; save a.real and a.imag");
    else if (f->kind == 'M' || f->kind == 'm')
        snprintf(text, sizeof text, "its times are of NumPy type '%s'; save them with .astype('%s[s]')", f->descr, f->kind == 'M' ? "datetime64" : "timedelta64");
    else
        snprintf(text, sizeof text, "it is of NumPy type '%s'", f->descr);
    c->type = (yk_type){.kind = YK_KIND_NULL};
    c->refusal = yk_strdup(text);
    return c->refusal ? 0 : yk_fail_nomem(err, "opening a .npy file");
}

/* ---- columns */

static int add_column(yk_npy_table *t, const yk_npy_field *f, const char *outer, const char *name, const char *data, uint64_t stride, yoke_error *err)
{
    yk_npy_column c = {.field = f, .data = data, .stride = stride};
    YK_AUTOBUF    full = YK_BUF_INIT;
    size_t        n = t->n_columns;
    yk_buf_printf(&full, "%s%s%s", outer ? outer : "", outer && *name ? "." : "", name);
    c.name = full.is_failed ? NULL : yk_strdup(full.data);
    if (!c.name || !yk_push(&t->columns, &n, &t->cap_columns, c)) {
        yk_free(c.name);
        return yk_fail_nomem(err, "opening a .npy file");
    }
    t->n_columns = (unsigned)n;
    return set_refusal(&t->columns[n - 1], err);
}

/* The columns of a vector or matrix of plain values. */
static int add_matrix(yk_npy_table *t, const yk_npy *f, const char *outer, yoke_error *err)
{
    uint64_t rows = f->n_dims ? f->shape[0] : 1, n = f->n_dims == 2 ? f->shape[1] : 1, size = f->item_bytes;
    if (n > COLUMNS_MAX)
        return yk_fail(err, YOKE_ELIMIT, "'%s' has %llu columns; %d are as many as a table may have", f->path, (unsigned long long)n, COLUMNS_MAX);
    for (uint64_t i = 0; i < n; i++) {
        char        name[32];
        const char *data = rows ? (const char *)f->data + i * size * (f->is_fortran ? rows : 1) : f->data;
        snprintf(name, sizeof name, "c%llu", (unsigned long long)i + 1);
        YK_TRY(add_column(t, &f->fields[0], outer, outer && f->n_dims < 2 ? "" : name, data, f->is_fortran ? size : size * n, err));
    }
    return 0;
}

static int add_file(yk_npy_table *t, const yk_npy *f, const char *name, yoke_error *err)
{
    uint64_t rows = f->n_dims ? f->shape[0] : 1;
    bool     is_plain = yk_npy_is_plain(f);
    if (f->n_dims > (is_plain ? 2 : 1))
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' has %u dimensions%s; a table has rows and columns: reshape it before saving", f->path, f->n_dims,
                       is_plain ? "" : " of records");
    if (t->n_files > 1 && rows != t->n_rows)
        return yk_fail(err, YOKE_EFORMAT, "'%s' has %llu rows but '%s' has %llu; columns side by side are equally long", f->path, (unsigned long long)rows,
                       t->files[0]->path, (unsigned long long)t->n_rows);
    if (f->item_bytes == 0 || (f->n_dims == 2 && f->shape[1] == 0))
        return yk_fail(err, YOKE_EFORMAT, "'%s' has no columns", f->path);
    t->n_rows = rows;
    t->n_bytes += f->n * f->item_bytes;
    if (is_plain)
        return add_matrix(t, f, name, err);
    for (unsigned i = 0; i < f->n_fields; i++)
        if (*f->fields[i].name) /* others are padding */
            YK_TRY(add_column(t, &f->fields[i], name, f->fields[i].name, (const char *)f->data + f->fields[i].offset, f->item_bytes, err));
    return 0;
}

int yk_npy_table_open(const char *const *paths, const char *const *names, size_t n, yk_npy_table **ret, yoke_error *err)
{
    YK_CLEANUP(yk_npy_table_closep) yk_npy_table *t = yk_new(yk_npy_table);
    if (!t || !(t->files = yk_new_array(yk_npy *, n)))
        return yk_fail_nomem(err, "opening a .npy file");
    for (size_t i = 0; i < n; i++) {
        YK_TRY(yk_npy_open(paths[i], &t->files[i], err));
        t->n_files++;
        YK_TRY(add_file(t, t->files[i], names[i], err));
    }
    *ret = YK_TAKE(t);
    return 0;
}

/* ---- reading */

void yk_npy_block_free(yk_npy_block *b)
{
    if (!b)
        return;
    yk_free(b->values);
    yk_arena_fini(&b->texts);
    yk_free(b);
}

static int block_new(yk_npy_block **ret, yoke_error *err)
{
    yk_npy_block *b = yk_new(yk_npy_block);
    if (b)
        b->values = yk_malloc_aligned((size_t)YK_BLOCK * 16);
    if (!b || !b->values) {
        yk_free(b);
        return yk_fail_nomem(err, "reading a .npy file");
    }
    *ret = b;
    return 0;
}

/* The bytes of one number, in this machine's order. */
static uint64_t bits_at(const char *p, uint64_t size, bool is_big)
{
    uint64_t bits = 0;
    memcpy(&bits, p, size);
    return is_big ? __builtin_bswap64(bits) >> (64 - 8 * size) : bits;
}

static double real_of(uint64_t bits, uint64_t size)
{
    float  f;
    double d;
    if (size == 2)
        return yk_real_of_half((uint16_t)bits);
    if (size == 4) {
        uint32_t half = (uint32_t)bits;
        memcpy(&f, &half, sizeof f);
        return f;
    }
    memcpy(&d, &bits, sizeof d);
    return d;
}

static int64_t signed_of(uint64_t bits, uint64_t size)
{
    unsigned unused = 64 - 8 * (unsigned)size;
    return (int64_t)(bits << unused) >> unused;
}

static void read_numbers(const yk_npy_column *c, const char *from, uint32_t n, void *values)
{
    uint64_t size = c->field->size;
    bool     is_big = c->field->is_big, is_signed = c->field->kind != 'u';
    for (uint32_t i = 0; i < n; i++, from += c->stride) {
        uint64_t bits = bits_at(from, size, is_big);
        if (c->type.kind == YK_KIND_BOOL)
            ((uint8_t *)values)[i] = bits != 0;
        else if (c->type.kind == YK_KIND_REAL)
            ((double *)values)[i] = real_of(bits, size);
        else
            ((int64_t *)values)[i] = is_signed ? signed_of(bits, size) : (int64_t)bits;
    }
}

/* A code point as UTF-8; what is none becomes U+FFFD. Returns its bytes. */
static size_t put_utf8(uint32_t u, char *to)
{
    if (u > 0x10ffff || (u >= 0xd800 && u < 0xe000))
        u = 0xfffd;
    unsigned more = u < 0x80 ? 0 : u < 0x800 ? 1 : u < 0x10000 ? 2 : 3;
    to[0] = (char)(more ? (0xff00 >> (more + 1) & 0xff) | u >> 6 * more : u);
    for (unsigned i = 1; i <= more; i++)
        to[i] = (char)(0x80 | (u >> 6 * (more - i) & 0x3f));
    return more + 1;
}

/* Text fills its field up with zeros. */
static int read_texts(const yk_npy_column *c, const char *from, uint32_t n, yk_npy_block *b, yoke_error *err)
{
    yk_text *values = b->values;
    bool     is_wide = c->field->kind == 'U';
    uint64_t unit = is_wide ? 4 : 1;
    for (uint32_t i = 0; i < n; i++, from += c->stride) {
        uint64_t len = c->field->size / unit, used = 0;
        while (len && bits_at(from + (len - 1) * unit, unit, false) == 0)
            len--;
        values[i] = (yk_text){from, len};
        if (!is_wide)
            continue;
        char *to = yk_arena_alloc(&b->texts, len * 4 + 1);
        if (!to)
            return yk_fail_nomem(err, "reading a .npy file");
        for (uint64_t k = 0; k < len; k++)
            used += put_utf8((uint32_t)bits_at(from + k * 4, 4, c->field->is_big), to + used);
        values[i] = (yk_text){to, used};
    }
    return 0;
}

/* NumPy's "not a time" is missing. */
static void find_missing(yk_vec *v, uint64_t *valid)
{
    const int64_t *x = v->values;
    memset(valid, 0xff, YK_BLOCK / 8);
    for (uint32_t i = 0; i < v->n; i++)
        if (x[i] == INT64_MIN) {
            valid[i >> 6] &= ~((uint64_t)1 << (i & 63));
            v->valid = valid;
        }
}

int yk_npy_read(const yk_npy_table *t, unsigned column, uint64_t first, uint32_t n, yk_npy_block **block, yk_vec *ret, yoke_error *err)
{
    const yk_npy_column *c = &t->columns[column];
    const char          *from = c->data + first * c->stride;
    bool as_it_lies = c->field->size == 8 && c->stride == 8 && !c->field->is_big && (uintptr_t)from % 8 == 0 && strchr("iufMm", c->field->kind);
    if (!*block)
        YK_TRY(block_new(block, err));
    *ret = (yk_vec){.type = c->type, .n = n, .values = as_it_lies ? from : (*block)->values};
    yk_arena_clear(&(*block)->texts);
    if (c->type.kind == YK_KIND_TEXT)
        YK_TRY(read_texts(c, from, n, *block, err));
    else if (!as_it_lies)
        read_numbers(c, from, n, (*block)->values);
    if (c->field->kind == 'M' || c->field->kind == 'm')
        find_missing(ret, (*block)->valid);
    return 0;
}
