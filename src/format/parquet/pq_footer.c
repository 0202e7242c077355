/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_footer.h"

#include <limits.h>

/* An enumeration's or a count's value, held to what an int32_t takes. */
static int32_t read_i32(yk_thrift *t, uint8_t type)
{
    int64_t v = yk_thrift_int(t, type);
    if (v < INT32_MIN || v > INT32_MAX)
        t->is_bad = true;
    return t->is_bad ? 0 : (int32_t)v;
}

static void read_unit(yk_thrift *t, uint8_t type, yk_unit *ret)
{
    if (!yk_thrift_is_struct(t, type))
        return;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);) {
        *ret = f.id == 1 ? YK_UNIT_MS : f.id == 2 ? YK_UNIT_US : YK_UNIT_NS;
        yk_thrift_skip(t, f.type);
    }
}

/* The parameters of one kind of the LogicalType union. */
static void read_logical_params(yk_thrift *t, uint8_t type, yk_pq_element *e)
{
    bool is_time = e->logical == YK_PQ_L_TIME || e->logical == YK_PQ_L_TIMESTAMP;
    if (!yk_thrift_is_struct(t, type))
        return;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);) {
        if (e->logical == YK_PQ_L_DECIMAL && f.id == 1)
            e->scale = read_i32(t, f.type);
        else if (e->logical == YK_PQ_L_DECIMAL && f.id == 2)
            e->precision = read_i32(t, f.type);
        else if (is_time && f.id == 1)
            e->is_utc = yk_thrift_bool(t, f.type);
        else if (is_time && f.id == 2)
            read_unit(t, f.type, &e->unit);
        else if (e->logical == YK_PQ_L_INTEGER && f.id == 1)
            e->bits = (uint8_t)yk_thrift_int(t, f.type);
        else if (e->logical == YK_PQ_L_INTEGER && f.id == 2)
            e->is_signed = yk_thrift_bool(t, f.type);
        else
            yk_thrift_skip(t, f.type);
    }
}

static void read_logical(yk_thrift *t, uint8_t type, yk_pq_element *e)
{
    static const uint8_t kind[] = {
        0, YK_PQ_L_STRING, YK_PQ_L_MAP, YK_PQ_L_LIST, YK_PQ_L_ENUM, YK_PQ_L_DECIMAL, YK_PQ_L_DATE, YK_PQ_L_TIME,
        YK_PQ_L_TIMESTAMP, 0, YK_PQ_L_INTEGER, YK_PQ_L_NULL, YK_PQ_L_JSON, YK_PQ_L_BSON, YK_PQ_L_UUID, YK_PQ_L_FLOAT16,
        YK_PQ_L_VARIANT, YK_PQ_L_GEOMETRY, YK_PQ_L_GEOGRAPHY};
    if (!yk_thrift_is_struct(t, type))
        return;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);) {
        if (f.id < 0 || (size_t)f.id >= sizeof kind || kind[f.id] == 0) {
            yk_thrift_skip(t, f.type);
            continue;
        }
        e->logical = kind[f.id];
        read_logical_params(t, f.type, e);
    }
}

/* The older annotation, where there is no newer one. Its times are always in UTC. */
static void apply_converted(yk_pq_element *e, int converted)
{
    static const struct {
        uint8_t logical, bits;
        bool    is_signed;
        yk_unit unit;
    } of[] = {
        {YK_PQ_L_STRING, 0, 0, 0}, {YK_PQ_L_MAP, 0, 0, 0}, {YK_PQ_L_MAP, 0, 0, 0}, {YK_PQ_L_LIST, 0, 0, 0}, {YK_PQ_L_ENUM, 0, 0, 0},
        {YK_PQ_L_DECIMAL, 0, 0, 0}, {YK_PQ_L_DATE, 0, 0, 0}, {YK_PQ_L_TIME, 0, 0, YK_UNIT_MS}, {YK_PQ_L_TIME, 0, 0, YK_UNIT_US},
        {YK_PQ_L_TIMESTAMP, 0, 0, YK_UNIT_MS}, {YK_PQ_L_TIMESTAMP, 0, 0, YK_UNIT_US}, {YK_PQ_L_INTEGER, 8, false, 0},
        {YK_PQ_L_INTEGER, 16, false, 0}, {YK_PQ_L_INTEGER, 32, false, 0}, {YK_PQ_L_INTEGER, 64, false, 0},
        {YK_PQ_L_INTEGER, 8, true, 0}, {YK_PQ_L_INTEGER, 16, true, 0}, {YK_PQ_L_INTEGER, 32, true, 0}, {YK_PQ_L_INTEGER, 64, true, 0},
        {YK_PQ_L_JSON, 0, 0, 0}, {YK_PQ_L_BSON, 0, 0, 0}, {YK_PQ_L_INTERVAL, 0, 0, 0}};
    if (e->logical != YK_PQ_L_NONE || converted < 0 || (size_t)converted >= sizeof of / sizeof *of)
        return;
    e->logical = of[converted].logical;
    e->bits = of[converted].bits;
    e->is_signed = of[converted].is_signed;
    e->unit = of[converted].unit;
    e->is_utc = true;
}

static void read_element(yk_thrift *t, yk_pq_element *e)
{
    int32_t converted = -1, scale = 0, precision = 0;
    *e = (yk_pq_element){.physical = -1, .repetition = -1, .name = {"", 0}};
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: {
            int32_t v = read_i32(t, f.type);
            e->physical = v >= 0 && v < YK_PQ_N_PHYSICAL ? (int8_t)v : YK_PQ_N_PHYSICAL;
            break;
        }
        case 2: e->width = read_i32(t, f.type); break;
        case 3: {
            int32_t v = read_i32(t, f.type);
            e->repetition = v >= 0 && v <= YK_PQ_REPEATED ? (int8_t)v : -1;
            break;
        }
        case 4: e->name = yk_thrift_text(t, f.type); break;
        case 5: e->n_children = read_i32(t, f.type); break;
        case 6: converted = read_i32(t, f.type); break;
        case 7: scale = read_i32(t, f.type); break;
        case 8: precision = read_i32(t, f.type); break;
        case 10: read_logical(t, f.type, e); break;
        default: yk_thrift_skip(t, f.type);
        }
    apply_converted(e, converted);
    if (e->logical == YK_PQ_L_DECIMAL && e->precision == 0)
        e->scale = scale, e->precision = precision;
}

static void read_bounds(yk_thrift *t, uint8_t type, yk_pq_bounds *b)
{
    if (!yk_thrift_is_struct(t, type))
        return;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: b->old_max = yk_thrift_text(t, f.type), b->has_old_max = true; break;
        case 2: b->old_min = yk_thrift_text(t, f.type), b->has_old_min = true; break;
        case 3: b->n_missing = yk_thrift_int(t, f.type); break;
        case 5: b->max = yk_thrift_text(t, f.type), b->has_max = true; break;
        case 6: b->min = yk_thrift_text(t, f.type), b->has_min = true; break;
        case 7: b->max_exact = yk_thrift_bool(t, f.type) ? 1 : -1; break;
        case 8: b->min_exact = yk_thrift_bool(t, f.type) ? 1 : -1; break;
        default: yk_thrift_skip(t, f.type);
        }
}

/* The list of (page type, encoding, count): whether all data pages are dictionary-coded. */
static bool read_encoding_stats(yk_thrift *t, uint8_t type)
{
    uint8_t element;
    bool    is_all_dict = true, has_data = false;
    for (uint32_t n = yk_thrift_list(t, type, &element); n > 0 && yk_thrift_is_struct(t, element); n--) {
        int32_t page = 0, encoding = 0, count = 0;
        for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
            switch (f.id) {
            case 1: page = read_i32(t, f.type); break;
            case 2: encoding = read_i32(t, f.type); break;
            case 3: count = read_i32(t, f.type); break;
            default: yk_thrift_skip(t, f.type);
            }
        if ((page != YK_PQ_DATA_PAGE && page != YK_PQ_DATA_PAGE_V2) || count == 0)
            continue;
        has_data = true;
        is_all_dict &= encoding == YK_PQ_PLAIN_DICTIONARY || encoding == YK_PQ_RLE_DICTIONARY;
    }
    return has_data && is_all_dict;
}

static void read_chunk_meta(yk_thrift *t, uint8_t type, yk_pq_chunk_info *c)
{
    if (!yk_thrift_is_struct(t, type))
        return;
    c->is_there = true;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: {
            int32_t v = read_i32(t, f.type);
            c->physical = v >= 0 && v < YK_PQ_N_PHYSICAL ? (int8_t)v : YK_PQ_N_PHYSICAL;
            break;
        }
        case 4: {
            int32_t v = read_i32(t, f.type);
            c->codec = v >= 0 && v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
            break;
        }
        case 6: c->plain = yk_thrift_int(t, f.type); break;
        case 7: c->stored = yk_thrift_int(t, f.type); break;
        case 9: c->data_at = yk_thrift_int(t, f.type); break;
        case 11: c->dict_at = yk_thrift_int(t, f.type); break;
        case 12: read_bounds(t, f.type, &c->bounds); break;
        case 13: c->is_all_dict = read_encoding_stats(t, f.type); break;
        default: yk_thrift_skip(t, f.type);
        }
}

static void read_chunk(yk_thrift *t, yk_pq_chunk_info *c)
{
    *c = (yk_pq_chunk_info){.physical = -1, .bounds.n_missing = -1};
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: c->is_elsewhere = yk_thrift_text(t, f.type).len > 0; break;
        case 3: read_chunk_meta(t, f.type, c); break;
        case 4: c->offsets_at = yk_thrift_int(t, f.type); break;
        case 5: c->offsets_size = read_i32(t, f.type); break;
        case 6: c->columns_at = yk_thrift_int(t, f.type); break;
        case 7: c->columns_size = read_i32(t, f.type); break;
        case 8: c->is_encrypted = true; yk_thrift_skip(t, f.type); break;
        default: yk_thrift_skip(t, f.type);
        }
}

/* Reads a list of structs into an array in the arena. NULL, and the reader marked, where that fails. */
#define READ_LIST(T, t, type, arena, ret_n, read)                                           \
    __extension__({                                                                         \
        uint8_t  element_;                                                                  \
        uint32_t n_ = yk_thrift_list((t), (type), &element_);                               \
        T       *array_ = n_ ? yk_arena_calloc((arena), n_, sizeof(T)) : NULL;              \
        *(ret_n) = array_ ? n_ : 0;                                                         \
        if (n_ && !array_)                                                                  \
            is_out_of_memory = true;                                                        \
        for (uint32_t i_ = 0; array_ && i_ < n_ && yk_thrift_is_struct((t), element_); i_++) \
            read((t), &array_[i_]);                                                         \
        array_;                                                                             \
    })

static bool read_group(yk_thrift *t, yk_arena *arena, yk_pq_group_info *g)
{
    bool is_out_of_memory = false;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: g->chunks = READ_LIST(yk_pq_chunk_info, t, f.type, arena, &g->n_chunks, read_chunk); break;
        case 3: g->n_rows = yk_thrift_int(t, f.type); break;
        default: yk_thrift_skip(t, f.type);
        }
    return !is_out_of_memory;
}

typedef struct note { yk_text key, value; } note;

static void read_note(yk_thrift *t, note *n)
{
    *n = (note){{"", 0}, {"", 0}};
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: n->key = yk_thrift_text(t, f.type); break;
        case 2:
            if (f.type == YK_TH_BINARY) /* an old fastparquet wrote numbers too */
                n->value = yk_thrift_text(t, f.type);
            else
                yk_thrift_skip(t, f.type);
            break;
        default: yk_thrift_skip(t, f.type);
        }
}

int yk_pq_footer_read(const uint8_t *bytes, size_t n, const char *path, yk_arena *arena, yk_pq_footer *ret, yoke_error *err)
{
    yk_thrift    reader = {bytes, bytes + n, false, false}, *t = &reader;
    yk_pq_footer r = {.created_by = {"", 0}};
    bool         is_out_of_memory = false;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 2: r.elements = READ_LIST(yk_pq_element, t, f.type, arena, &r.n_elements, read_element); break;
        case 4:
#define READ_GROUP(t, g) is_out_of_memory |= !read_group((t), arena, (g))
            r.groups = READ_LIST(yk_pq_group_info, t, f.type, arena, &r.n_groups, READ_GROUP);
#undef READ_GROUP
            break;
        case 5: r.notes = (yk_text *)READ_LIST(note, t, f.type, arena, &r.n_notes, read_note); break;
        case 6: r.created_by = yk_thrift_text(t, f.type); break;
        case 7: r.has_orders = true; yk_thrift_skip(t, f.type); break;
        default: yk_thrift_skip(t, f.type);
        }
    if (is_out_of_memory)
        return yk_fail_nomem(err, "reading a Parquet footer");
    if (t->is_bad || r.n_elements == 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s': its Parquet footer is damaged and cannot be read; get the file again", path);
    *ret = r;
    return 0;
}

static void read_data_header(yk_thrift *t, uint8_t type, yk_pq_header *h)
{
    if (!yk_thrift_is_struct(t, type))
        return;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: h->n_values = read_i32(t, f.type); break;
        case 2: h->encoding = read_i32(t, f.type); break;
        case 3: h->level_encoding = h->type == YK_PQ_DATA_PAGE ? read_i32(t, f.type) : (yk_thrift_skip(t, f.type), 0); break;
        default: yk_thrift_skip(t, f.type);
        }
}

static void read_data_header_v2(yk_thrift *t, uint8_t type, yk_pq_header *h)
{
    if (!yk_thrift_is_struct(t, type))
        return;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: h->n_values = read_i32(t, f.type); break;
        case 3: h->n_rows = read_i32(t, f.type); break;
        case 4: h->encoding = read_i32(t, f.type); break;
        case 5: h->def_size = read_i32(t, f.type); break;
        case 6: h->rep_size = read_i32(t, f.type); break;
        case 7: h->is_compressed = yk_thrift_bool(t, f.type); break;
        default: yk_thrift_skip(t, f.type);
        }
}

int yk_pq_header_read(const uint8_t *bytes, size_t n, yk_pq_header *ret)
{
    yk_thrift    reader = {bytes, bytes + n, false, false}, *t = &reader;
    yk_pq_header h = {.type = -1, .plain_size = -1, .stored_size = -1, .n_values = -1, .is_compressed = true};
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: h.type = read_i32(t, f.type); break;
        case 2: h.plain_size = read_i32(t, f.type); break;
        case 3: h.stored_size = read_i32(t, f.type); break;
        case 4: h.crc = (uint32_t)read_i32(t, f.type), h.has_crc = true; break;
        case 5:
        case 7: read_data_header(t, f.type, &h); break;
        case 8: read_data_header_v2(t, f.type, &h); break;
        default: yk_thrift_skip(t, f.type);
        }
    if (t->is_short)
        return 0;
    bool has_values = h.type == YK_PQ_INDEX_PAGE || h.n_values >= 0;
    if (t->is_bad || h.type < 0 || h.plain_size < 0 || h.stored_size < 0 || h.def_size < 0 || h.rep_size < 0 || !has_values)
        return -1;
    *ret = h;
    return (int)(t->at - bytes);
}

static void read_location(yk_thrift *t, yk_pq_location *l)
{
    *l = (yk_pq_location){-1, -1, -1};
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        switch (f.id) {
        case 1: l->at = yk_thrift_int(t, f.type); break;
        case 2: l->size = read_i32(t, f.type); break;
        case 3: l->first_row = yk_thrift_int(t, f.type); break;
        default: yk_thrift_skip(t, f.type);
        }
}

bool yk_pq_offset_index_read(const uint8_t *bytes, size_t n, yk_pq_location **ret, uint32_t *ret_n)
{
    yk_thrift                   reader = {bytes, bytes + n, false, false}, *t = &reader;
    YK_AUTOFREE yk_pq_location *pages = NULL;
    uint32_t                    n_pages = 0;
    uint8_t                     element;
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);) {
        if (f.id != 1 || pages) {
            yk_thrift_skip(t, f.type);
            continue;
        }
        n_pages = yk_thrift_list(t, f.type, &element);
        pages = yk_new_array(yk_pq_location, n_pages ? n_pages : 1);
        if (!pages)
            return false;
        for (uint32_t i = 0; i < n_pages && yk_thrift_is_struct(t, element); i++)
            read_location(t, &pages[i]);
    }
    if (t->is_bad || !pages)
        return false;
    *ret = YK_TAKE(pages);
    *ret_n = n_pages;
    return true;
}

bool yk_pq_column_index_read(const uint8_t *bytes, size_t n, uint32_t n_pages, yk_pq_bounds *ret)
{
    yk_thrift reader = {bytes, bytes + n, false, false}, *t = &reader;
    uint8_t   element;
    for (uint32_t i = 0; i < n_pages; i++)
        ret[i] = (yk_pq_bounds){.n_missing = -1, .min_exact = -1, .max_exact = -1}; /* bounds of pages need be no row's value */
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);) {
        if (f.id < 1 || f.id > 5 || f.id == 4) {
            yk_thrift_skip(t, f.type);
            continue;
        }
        if (yk_thrift_list(t, f.type, &element) != n_pages)
            return false;
        for (uint32_t i = 0; i < n_pages; i++)
            switch (f.id) {
            case 1: ret[i].has_min = ret[i].has_max = !yk_thrift_element_bool(t); break;
            case 2: ret[i].min = yk_thrift_text(t, element); break;
            case 3: ret[i].max = yk_thrift_text(t, element); break;
            default: ret[i].n_missing = yk_thrift_int(t, element);
            }
    }
    return !t->is_bad;
}
