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
        snprintf(text, sizeof text, "its times are of NumPy type '%s'; save them with .astype('%s[s]')", f->descr,
                 f->kind == 'M' ? "datetime64" : "timedelta64");
    else
        snprintf(text, sizeof text, "it is of NumPy type '%s'", f->descr);
    c->type = (yk_type){.kind = YK_KIND_NULL};
    c->refusal = yk_strdup(text);
    return c->refusal ? 0 : yk_fail_nomem(err, "opening a .npy file");
}

/* ---- columns */

static int add_column(yk_npy_table *t, const yk_npy *file, const yk_npy_field *f, const char *outer, const char *name, uint64_t at,
                      uint64_t stride, yoke_error *err)
{
    yk_npy_column c = {.file = file, .field = f, .at = at, .stride = stride};
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
        return yk_fail(err, YOKE_ELIMIT, "'%s' has %llu columns; %d are as many as a table may have", f->path, (unsigned long long)n,
                       COLUMNS_MAX);
    for (uint64_t i = 0; i < n; i++) {
        char     name[32];
        uint64_t at = f->at + i * size * (f->is_fortran ? rows : 1);
        snprintf(name, sizeof name, "c%llu", (unsigned long long)i + 1);
        YK_TRY(add_column(t, f, &f->fields[0], outer, outer && f->n_dims < 2 ? "" : name, at, f->is_fortran ? size : size * n, err));
    }
    return 0;
}

static int add_file(yk_npy_table *t, const yk_npy *f, const char *name, yoke_error *err)
{
    uint64_t rows = f->n_dims ? f->shape[0] : 1;
    bool     is_plain = yk_npy_is_plain(f);
    if (f->n_dims > (is_plain ? 2 : 1))
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' has %u dimensions%s; a table has rows and columns: reshape it before saving", f->path,
                       f->n_dims, is_plain ? "" : " of records");
    if (t->n_files > 1 && rows != t->n_rows)
        return yk_fail(err, YOKE_EFORMAT, "'%s' has %llu rows but '%s' has %llu; columns side by side are equally long", f->path,
                       (unsigned long long)rows, t->files[0]->path, (unsigned long long)t->n_rows);
    if (f->item_bytes == 0 || (f->n_dims == 2 && f->shape[1] == 0))
        return yk_fail(err, YOKE_EFORMAT, "'%s' has no columns", f->path);
    t->n_rows = rows;
    t->n_bytes += f->n * f->item_bytes;
    if (is_plain)
        return add_matrix(t, f, name, err);
    for (unsigned i = 0; i < f->n_fields; i++)
        if (*f->fields[i].name) /* others are padding */
            YK_TRY(add_column(t, f, &f->fields[i], name, f->fields[i].name, f->at + f->fields[i].offset, f->item_bytes, err));
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

/* ---- values */

/* The bytes of one number, in this machine's order. */
static inline uint64_t bits_at(const char *p, uint64_t size, bool is_big)
{
    uint64_t bits = 0;
    memcpy(&bits, p, size);
    return is_big ? __builtin_bswap64(bits) >> (64 - 8 * size) : bits;
}

static inline double real_of(uint64_t bits, uint64_t size)
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

static inline int64_t signed_of(uint64_t bits, uint64_t size)
{
    unsigned unused = 64 - 8 * (unsigned)size;
    return (int64_t)(bits << unused) >> unused;
}

/* Compiled anew for each size. */
__attribute__((always_inline)) static inline void read_sized(const yk_npy_column *c, uint64_t size, const char *from, uint64_t step,
                                                             uint32_t n, char *values)
{
    bool     is_big = c->field->is_big;
    double  *real = (double *)(void *)values;
    int64_t *whole = (int64_t *)(void *)values;
    for (uint32_t i = 0; c->field->kind == 'b' && i < n; i++)
        values[i] = from[i * step] != 0;
    for (uint32_t i = 0; c->field->kind == 'f' && i < n; i++)
        real[i] = real_of(bits_at(from + i * step, size, is_big), size);
    for (uint32_t i = 0; c->field->kind == 'u' && i < n; i++)
        whole[i] = (int64_t)bits_at(from + i * step, size, is_big);
    for (uint32_t i = 0; strchr("imM", c->field->kind) && i < n; i++)
        whole[i] = signed_of(bits_at(from + i * step, size, is_big), size);
}

static void read_numbers(const yk_npy_column *c, const char *from, uint64_t step, uint32_t n, char *values)
{
    switch (c->field->size) {
    case 1: read_sized(c, 1, from, step, n, values); break;
    case 2: read_sized(c, 2, from, step, n, values); break;
    case 4: read_sized(c, 4, from, step, n, values); break;
    default: read_sized(c, 8, from, step, n, values); break;
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
static int read_texts(const yk_npy_column *c, const char *from, uint64_t step, uint32_t n, yk_text *values, yk_arena *texts,
                      yoke_error *err)
{
    bool     is_wide = c->field->kind == 'U';
    uint64_t unit = is_wide ? 4 : 1;
    for (uint32_t i = 0; i < n; i++, from += step) {
        uint64_t len = c->field->size / unit, used = 0;
        while (len && bits_at(from + (len - 1) * unit, unit, false) == 0)
            len--;
        char *to = yk_arena_alloc(texts, len * (is_wide ? 4 : 1) + 1);
        if (!to)
            return yk_fail_nomem(err, "reading a .npy file");
        for (uint64_t k = 0; is_wide && k < len; k++)
            used += put_utf8((uint32_t)bits_at(from + k * 4, 4, c->field->is_big), to + used);
        if (!is_wide)
            memcpy(to, from, used = len);
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

/* ---- reading */

/* A column that is read, and its block. */
typedef struct lane {
    const yk_npy_column *column;
    unsigned             index, group;
    char                *values; /* owned: YK_BLOCK of them */
    uint64_t             valid[YK_BLOCK / 64];
    yk_arena             texts;
} lane;

/* Lanes that lie near each other in the same rows of the same file: they are read together. */
typedef struct group {
    const yk_npy *file;
    uint64_t      at, end;  /* where the first of them begins in row 0, and the last ends */
    uint64_t      stride;   /* from row to row in the file; in the piece: */
    uint64_t      step;
    char         *piece;    /* owned: rows [lo, lo + held), read at once */
    uint64_t      lo, held, most;
    uint64_t      first;    /* the row that the block in its lanes begins with */
    uint32_t      n;        /* its rows; 0: there is none */
} group;

struct yk_npy_cursor {
    const yk_npy_table *table;
    lane               *lanes;
    group              *groups;
    unsigned            n_lanes, n_groups;
};

/* Bytes of a piece, of one of many; and what costs less to read than to leap over. */
enum { PIECE = 128 << 10, MANY = 16, PIECE_OF_MANY = 16 << 10, GAP = 4096 };

void yk_npy_cursor_close(yk_npy_cursor *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->n_lanes; i++) {
        yk_free(c->lanes[i].values);
        yk_arena_fini(&c->lanes[i].texts);
    }
    for (unsigned i = 0; i < c->n_groups; i++)
        yk_free(c->groups[i].piece);
    yk_free(c->lanes);
    yk_free(c->groups);
    yk_free(c);
}

/* The group of a column: a new one, unless it lies near those of one that is there. */
static unsigned find_group(yk_npy_cursor *c, const yk_npy_column *column)
{
    uint64_t at = column->at, end = at + column->field->size;
    for (unsigned i = 0; i < c->n_groups; i++) {
        group *g = &c->groups[i];
        bool   is_apart = column->stride == column->field->size || at > g->end + GAP || end + GAP < g->at;
        if (g->file != column->file || is_apart)
            continue;
        g->at = at < g->at ? at : g->at;
        g->end = end > g->end ? end : g->end;
        return i;
    }
    c->groups[c->n_groups] = (group){.file = column->file, .at = at, .end = end, .stride = column->stride};
    return c->n_groups++;
}

static int make_piece(const yk_npy_cursor *c, group *g, yoke_error *err)
{
    uint64_t size = g->end - g->at, bytes = c->n_groups > MANY ? PIECE_OF_MANY : PIECE;
    bool     has_gaps = g->stride - size > GAP;
    g->step = has_gaps ? size : g->stride;
    for (g->most = 1; g->most < (has_gaps ? YK_BLOCK : PIECE) && 2 * g->most * g->step <= bytes;)
        g->most *= 2;
    g->piece = yk_malloc_aligned((g->most - 1) * g->step + size + 1);
    return g->piece ? 0 : yk_fail_nomem(err, "reading a .npy file");
}

int yk_npy_cursor_open(const yk_npy_table *t, const unsigned *columns, unsigned n, yk_npy_cursor **ret, yoke_error *err)
{
    YK_CLEANUP(yk_npy_cursor_closep) yk_npy_cursor *c = yk_new(yk_npy_cursor);
    if (!c || !(c->lanes = yk_new_array(lane, n + 1)) || !(c->groups = yk_new_array(group, n + 1)))
        return yk_fail_nomem(err, "reading a .npy file");
    c->table = t;
    for (unsigned i = 0; i < n; i++) {
        lane *l = &c->lanes[c->n_lanes++];
        *l = (lane){.column = &t->columns[columns[i]], .index = columns[i], .values = yk_malloc_aligned((size_t)YK_BLOCK * 16)};
        if (!l->values)
            return yk_fail_nomem(err, "reading a .npy file");
        l->group = find_group(c, l->column);
    }
    for (unsigned i = 0; i < c->n_groups; i++)
        YK_TRY(make_piece(c, &c->groups[i], err));
    *ret = YK_TAKE(c);
    return 0;
}

/* A piece that holds the row. Pieces begin at multiples of their length, so that tasks do not read each other's. */
static int read_piece(const yk_npy_cursor *c, group *g, uint64_t row, yoke_error *err)
{
    const yk_npy *f = g->file;
    uint64_t      size = g->end - g->at, lo = row - row % g->most;
    uint64_t      n = c->table->n_rows - lo < g->most ? c->table->n_rows - lo : g->most;
    g->held = 0;
    if (g->step == g->stride)
        YK_TRY(yk_input_read(&f->input, g->at + lo * g->stride, g->piece, (n - 1) * g->step + size, err));
    for (uint64_t i = 0; g->step != g->stride && i < n; i++)
        YK_TRY(yk_input_read(&f->input, g->at + (lo + i) * g->stride, g->piece + i * g->step, size, err));
    g->lo = lo;
    g->held = n;
    return 0;
}

/* n rows that lie in the group's piece from `from` on become values of the lane, from row `to` of its block. */
static int put_values(lane *l, const group *g, const char *from, uint32_t n, uint32_t to, yoke_error *err)
{
    from += l->column->at - g->at;
    if (l->column->type.kind == YK_KIND_TEXT)
        return read_texts(l->column, from, g->step, n, (yk_text *)(void *)l->values + to, &l->texts, err);
    read_numbers(l->column, from, g->step, n, l->values + (size_t)to * yk_kind_size(l->column->type.kind));
    return 0;
}

/* The group's lanes get rows [first, first + n). */
static int read_block(yk_npy_cursor *c, unsigned index, uint64_t first, uint32_t n, yoke_error *err)
{
    group *g = &c->groups[index];
    for (unsigned i = 0; i < c->n_lanes; i++)
        if (c->lanes[i].group == index)
            yk_arena_clear(&c->lanes[i].texts);
    for (uint32_t done = 0, rows; done < n; done += rows) {
        uint64_t row = first + done;
        if (row < g->lo || row - g->lo >= g->held)
            YK_TRY(read_piece(c, g, row, err));
        rows = n - done < g->held - (row - g->lo) ? n - done : (uint32_t)(g->held - (row - g->lo));
        for (unsigned i = 0; i < c->n_lanes; i++)
            if (c->lanes[i].group == index)
                YK_TRY(put_values(&c->lanes[i], g, g->piece + (row - g->lo) * g->step, rows, done, err));
    }
    return 0;
}

/* Rows of a vector of this machine's own numbers as they lie in its piece; NULL when they lie otherwise. */
static int find_as_it_lies(yk_npy_cursor *c, const lane *l, uint64_t first, uint32_t n, const char **ret, yoke_error *err)
{
    const yk_npy_field *f = l->column->field;
    group              *g = &c->groups[l->group];
    *ret = NULL;
    if (f->size != 8 || l->column->stride != 8 || f->is_big || !strchr("iufMm", f->kind) || first % g->most + n > g->most)
        return 0;
    if (first < g->lo || first - g->lo >= g->held)
        YK_TRY(read_piece(c, g, first, err));
    *ret = g->piece + (first - g->lo) * 8;
    return 0;
}

int yk_npy_cursor_get(yk_npy_cursor *c, unsigned column, uint64_t first, uint32_t n, yk_vec *ret, yoke_error *err)
{
    lane       *l = c->lanes;
    const char *lies;
    while (l->index != column)
        l++;
    group *g = &c->groups[l->group];
    YK_TRY(find_as_it_lies(c, l, first, n, &lies, err));
    if (!lies && (g->first != first || g->n != n)) {
        g->n = 0;
        YK_TRY(read_block(c, l->group, first, n, err));
        g->first = first;
        g->n = n;
    }
    *ret = (yk_vec){.type = l->column->type, .n = n, .values = lies ? lies : l->values};
    if (l->column->field->kind == 'M' || l->column->field->kind == 'm')
        find_missing(ret, l->valid);
    return 0;
}
