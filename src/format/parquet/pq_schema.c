/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_file.h"

#include <stdio.h>

enum { MAX_DEPTH = 60 };

/* Where the walk through the schema's elements (a tree in pre-order) stands. */
typedef struct walk {
    const yk_pq_footer *footer;
    const char         *path;
    yk_arena           *arena;
    uint32_t            next; /* element */
    yk_pq_leaf         *leaves;
    size_t              n, cap;
    yk_buf              name;
} walk;

typedef struct above { /* what lies between the root and an element */
    unsigned depth, defs, reps;
    bool     has_map;
} above;

static const char *text_in(yk_arena *arena, const char *s)
{
    const char *r = yk_arena_strndup(arena, s, strlen(s));
    return r ? r : "";
}

static void physical_text(const yk_pq_element *e, char *to, size_t size)
{
    static const char *const name[] = {"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY"};
    if (e->physical == YK_PQ_FLBA)
        snprintf(to, size, "FIXED_LEN_BYTE_ARRAY(%d)", e->width);
    else
        snprintf(to, size, "%s", e->physical >= 0 && e->physical < YK_PQ_FLBA ? name[e->physical] : "unknown");
}

static void logical_text(const yk_pq_element *e, char *to, size_t size)
{
    static const char *const name[] = {"",          "STRING",   "MAP",     "LIST", "ENUM", "DECIMAL", "DATE",    "TIME",     "TIMESTAMP",
                                       "INTERVAL",
                                       "INTEGER",   "NULL",     "JSON",    "BSON", "UUID", "FLOAT16", "VARIANT", "GEOMETRY", "GEOGRAPHY"};
    static const char *const unit[] = {"SECONDS", "MILLIS", "MICROS", "NANOS"};
    switch (e->logical) {
    case YK_PQ_L_DECIMAL: snprintf(to, size, "DECIMAL(%d,%d)", e->precision, e->scale); break;
    case YK_PQ_L_INTEGER: snprintf(to, size, "%s%u", e->is_signed ? "INT" : "UINT", e->bits); break;
    case YK_PQ_L_TIME:
    case YK_PQ_L_TIMESTAMP: snprintf(to, size, "%s(%s%s)", name[e->logical], unit[e->unit], e->is_utc ? ",UTC" : ""); break;
    default: snprintf(to, size, "%s", name[e->logical]);
    }
}

/* Annotations that do not fit the physical type are left out of account, as the format asks. */
static void type_integer(const yk_pq_element *e, yk_pq_leaf *l)
{
    bool     is_32 = e->physical == YK_PQ_INT32;
    yk_type *t = &l->column.type;
    l->form = is_32 ? YK_PQ_F_I32 : YK_PQ_F_WORD;
    t->kind = YK_KIND_INT;
    if (e->logical == YK_PQ_L_INTEGER && !e->is_signed) {
        l->form = is_32 ? YK_PQ_F_U32 : YK_PQ_F_WORD;
        t->kind = is_32 || e->bits < 64 ? YK_KIND_INT : YK_KIND_UINT;
    } else if (e->logical == YK_PQ_L_DATE && is_32) {
        t->kind = YK_KIND_DATE;
    } else if (e->logical == YK_PQ_L_TIME && is_32 == (e->unit == YK_UNIT_MS)) {
        t->kind = YK_KIND_SPAN, t->unit = e->unit, t->is_clock = true;
    } else if (e->logical == YK_PQ_L_TIMESTAMP && !is_32) {
        t->kind = YK_KIND_TIME, t->unit = e->unit, t->is_utc = e->is_utc;
    } else if (e->logical == YK_PQ_L_DECIMAL) {
        t->kind = YK_KIND_DECIMAL;
        l->form = is_32 ? YK_PQ_F_DEC32 : YK_PQ_F_DEC64;
    }
}

static void type_bytes(const yk_pq_element *e, yk_pq_leaf *l)
{
    bool     is_fixed = e->physical == YK_PQ_FLBA;
    yk_type *t = &l->column.type;
    l->form = is_fixed ? YK_PQ_F_FLBA : YK_PQ_F_BYTES;
    t->kind = YK_KIND_DATA;
    if (e->logical == YK_PQ_L_STRING || e->logical == YK_PQ_L_ENUM || e->logical == YK_PQ_L_JSON)
        t->kind = YK_KIND_TEXT;
    else if (e->logical == YK_PQ_L_DECIMAL)
        t->kind = YK_KIND_DECIMAL, l->form = is_fixed ? YK_PQ_F_DECFLBA : YK_PQ_F_DECBYTES;
    else if (e->logical == YK_PQ_L_FLOAT16 && is_fixed && e->width == 2)
        t->kind = YK_KIND_REAL, l->form = YK_PQ_F_F16;
    else if (e->logical == YK_PQ_L_UUID && is_fixed && e->width == 16)
        t->is_uuid = true;
}

static void type_leaf(const yk_pq_element *e, yk_pq_leaf *l)
{
    static const uint8_t width[] = {1, 4, 8, 12, 4, 8, 0};
    yk_type             *t = &l->column.type;
    l->width = e->physical == YK_PQ_FLBA ? (uint32_t)e->width : width[e->physical];
    switch (e->physical) {
    case YK_PQ_BOOLEAN: t->kind = YK_KIND_BOOL, l->form = YK_PQ_F_BOOL; break;
    case YK_PQ_INT32:
    case YK_PQ_INT64: type_integer(e, l); break;
    case YK_PQ_INT96: t->kind = YK_KIND_TIME, t->unit = YK_UNIT_NS, l->form = YK_PQ_F_INT96, l->column.is_int96 = true; break;
    case YK_PQ_FLOAT: t->kind = YK_KIND_REAL, l->form = YK_PQ_F_F32; break;
    case YK_PQ_DOUBLE: t->kind = YK_KIND_REAL, l->form = YK_PQ_F_WORD; break;
    default: type_bytes(e, l);
    }
    if (t->kind == YK_KIND_DECIMAL)
        t->scale = (int8_t)e->scale;
    if (e->logical == YK_PQ_L_NULL)
        *t = (yk_type){.kind = YK_KIND_NULL}, l->form = YK_PQ_F_NULL;
}

/* Why the schema alone rules a column out. */
static const char *refuse_leaf(const yk_pq_element *e, const above *up)
{
    if (up->has_map)
        return "it is part of a map, and only columns with one value a row can be read";
    if (up->reps)
        return "it is a list, and only columns with one value a row can be read";
    if (e->physical < 0 || e->physical >= YK_PQ_N_PHYSICAL)
        return "its type is not one that Parquet defines";
    if (e->physical == YK_PQ_FLBA && e->width <= 0)
        return "its values are said to have no width";
    if (e->logical == YK_PQ_L_DECIMAL && (e->precision > 38 || e->scale > 38 || e->scale < 0))
        return "its decimals have more than 38 digits";
    return NULL;
}

/* What the row groups say about it that rules it out. */
static const char *refuse_chunk(const yk_pq_chunk_info *c, int8_t physical, yk_arena *arena)
{
    char why[200];
    if (c->is_encrypted)
        return "it is encrypted; decrypt the file with the tool that wrote it";
    if (c->is_elsewhere)
        return "its data lies in another file than its description; name the data files instead";
    if (!c->is_there || c->physical != physical)
        return "the file contradicts itself about its type";
    if (yk_codec_is_known(c->codec))
        return NULL;
    if (!yk_codec_name(c->codec))
        return "it is compressed in a way that Parquet does not define";
    snprintf(why, sizeof why, "it is compressed with %s, which is not supported; write the file again with ZSTD or SNAPPY",
             yk_codec_name(c->codec));
    return text_in(arena, why);
}

static int add_leaf(walk *w, const yk_pq_element *e, const above *up, yoke_error *err)
{
    char        physical[64], logical[64];
    yk_pq_leaf  leaf = {.physical = e->physical, .max_def = (uint8_t)up->defs};
    const char *name = yk_arena_strndup(w->arena, yk_buf_text(&w->name), w->name.len);
    if (!name)
        return yk_fail_nomem(err, "reading a schema");
    physical_text(e, physical, sizeof physical);
    logical_text(e, logical, sizeof logical);
    leaf.column.name = name;
    leaf.column.physical = text_in(w->arena, physical);
    leaf.is_unordered = e->logical == YK_PQ_L_INTERVAL || e->logical == YK_PQ_L_VARIANT || e->logical == YK_PQ_L_GEOMETRY
        || e->logical == YK_PQ_L_GEOGRAPHY;
    leaf.column.logical = text_in(w->arena, logical);
    leaf.column.is_nullable = up->defs > 0;
    leaf.column.refusal = refuse_leaf(e, up);
    if (e->physical >= 0 && e->physical < YK_PQ_N_PHYSICAL)
        type_leaf(e, &leaf);
    for (uint32_t g = 0; g < w->footer->n_groups && !leaf.column.refusal; g++)
        if (w->n < w->footer->groups[g].n_chunks)
            leaf.column.refusal = refuse_chunk(&w->footer->groups[g].chunks[w->n], leaf.physical, w->arena);
    return yk_push(&w->leaves, &w->n, &w->cap, leaf) ? 0 : yk_fail_nomem(err, "reading a schema");
}

static int walk_element(walk *w, above up, yoke_error *err)
{
    if (w->next >= w->footer->n_elements || up.depth > MAX_DEPTH)
        return yk_fail(err, YOKE_EFORMAT, "'%s': its schema is damaged; get the file again", w->path);
    const yk_pq_element *e = &w->footer->elements[w->next++];
    size_t               before = w->name.len;
    if (up.depth > 0) {
        if (before)
            yk_buf_putc(&w->name, '.');
        yk_buf_append(&w->name, e->name.data, e->name.len);
        up.defs += e->repetition == YK_PQ_OPTIONAL || e->repetition == YK_PQ_REPEATED;
        up.reps += e->repetition == YK_PQ_REPEATED;
        up.has_map |= e->logical == YK_PQ_L_MAP;
    }
    up.depth++;
    if (e->physical >= 0)
        YK_TRY(add_leaf(w, e, &up, err));
    else
        for (int32_t i = 0; i < e->n_children; i++)
            YK_TRY(walk_element(w, up, err));
    w->name.len = before;
    return w->name.is_failed ? yk_fail_nomem(err, "reading a schema") : 0;
}

int yk_pq_schema_read(const yk_pq_footer *footer, const char *path, yk_arena *arena, yk_pq_leaf **ret, unsigned *ret_n, yoke_error *err)
{
    walk w = {.footer = footer, .path = path, .arena = arena, .name = YK_BUF_INIT};
    int  rc = walk_element(&w, (above){0}, err);
    yk_buf_fini(&w.name);
    if (rc < 0) {
        yk_free(w.leaves);
        return rc;
    }
    *ret = w.leaves;
    *ret_n = (unsigned)w.n;
    return 0;
}
