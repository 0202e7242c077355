/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Loading one page: reading, checking, decompressing, and finding its levels and values.
 */
#include "format/parquet/pq_page.h"

#include "base/file.h"
#include "format/parquet/pq_snappy.h"

#include <fcntl.h>

/* A page being loaded: what its header says, and what is being made of it. */
typedef struct loading {
    yk_pq_chunk         *c;
    const yk_pq_place   *place;
    yk_pq_loader        *l;
    struct yk_pq_stored *stored; /* the loader's, for this page */
    yk_pq_page          *p;
    yk_pq_header         h;
    const uint8_t       *body;  /* stored_size bytes, as stored: `keep` as they are, then what `codec` made of `plain` bytes */
    size_t               keep, plain;
    unsigned             codec;
    yoke_error          *err;
} loading;

static int damaged(const loading *g, const char *what)
{
    return yk_fail(g->err, YOKE_EFORMAT, "'%s': column '%s', page at byte %llu: %s", g->c->file->path, g->c->leaf->column.name,
                   (unsigned long long)g->place->at, what);
}

/* Tells the system what will be read next, a few MiB ahead. */
static void advise(yk_parquet *f, yk_pq_loader *l, const yk_pq_place *place)
{
    enum { AHEAD = 4 << 20 };
    uint64_t end = place->at + place->size;
    if (l->advised > end + AHEAD / 2 && l->advised < end + 2 * (uint64_t)AHEAD)
        return;
    posix_fadvise(f->input.fd, (off_t)place->at, (off_t)place->size + AHEAD, POSIX_FADV_WILLNEED);
    l->advised = end + AHEAD;
}

static void count_read(yk_parquet *f, size_t n) { atomic_fetch_add_explicit(&f->bytes_read, n, memory_order_relaxed); }

static bool is_in_window(const yk_pq_loader *l, const yk_pq_place *place) { return yk_pq_window_has(l, place->at, place->size); }

/* Page `slot` with those after it that will be wanted, an even number of them since they are decompressed in twos. Where the next is in the
 * window already, so are those behind it. */
static void open_window(yk_pq_chunk *c, unsigned slot, yk_pq_loader *l)
{
    unsigned           n_pages = c->n_pages;
    const yk_pq_map   *m = yk_pq_map_of(c);
    const yk_pq_place *first = &m->places[slot - 1];
    size_t             n = 0, even = 0;
    if (is_in_window(l, first) || is_in_window(l, first + 1))
        return;
    for (unsigned i = slot - 1; i < n_pages && m->pages[i].first_row < l->until; i++) {
        if (m->places[i].at != first->at + n || m->places[i].size > YK_PARQUET_WINDOW - n)
            break;
        n += m->places[i].size;
        even = (i - (slot - 1)) % 2 ? n : even;
    }
    if (even)
        yk_pq_window_read(c->file, l, first->at, even);
}

/* A page by itself. */
static int read_alone(const loading *g)
{
    yk_parquet          *f = g->c->file;
    struct yk_pq_stored *to = g->stored;
    size_t               n = g->place->size;
    if (to->cap < n + YK_PQ_PAD) {
        yk_free(YK_TAKE(to->data));
        to->cap = 0;
        to->data = yk_malloc_aligned(n + YK_PQ_PAD);
        if (!to->data)
            return yk_fail_nomem(g->err, "reading a page");
        to->cap = n + YK_PQ_PAD;
    }
    if (yk_pq_read_ready(f, g->l, g->place->at, to->data, n)) {
        count_read(f, n);
        return 0;
    }
    advise(f, g->l, g->place);
    return yk_pq_read(f, g->place->at, to->data, n, g->err);
}

static int read_stored(loading *g)
{
    yk_parquet    *f = g->c->file;
    const uint8_t *bytes;
    size_t         n = g->place->size;
    if (is_in_window(g->l, g->place)) {
        bytes = g->l->window + (g->place->at - g->l->window_at);
        count_read(f, n);
    } else {
        YK_TRY(read_alone(g));
        bytes = g->stored->data;
    }
    int len = yk_pq_header_read(bytes, n, &g->h);
    if (len <= 0)
        return damaged(g, "its header is damaged");
    if ((size_t)g->h.stored_size > n - (size_t)len)
        return damaged(g, "it is longer than the place it lies in");
    g->body = bytes + len;
    if (g->h.has_crc) {
        uint32_t crc;
        YK_TRY(yk_codec_crc32(g->body, (size_t)g->h.stored_size, &crc, g->err));
        if (crc != g->h.crc)
            return damaged(g, "its checksum is wrong: the file was damaged after it was written");
    }
    atomic_fetch_add_explicit(&f->pages_read, 1, memory_order_relaxed);
    return 0;
}

/* Compressed data cannot stand for more than so many times its size, but for codecs that say their size themselves. */
static bool is_plausible(unsigned codec, uint64_t stored, uint64_t plain)
{
    uint64_t most = codec == YK_PQ_LZ4 || codec == YK_PQ_LZ4_RAW ? 256 : codec == YK_PQ_GZIP ? 1040 : codec == YK_PQ_SNAPPY ? 64 : 1 << 20;
    return plain <= (stored + 64) * most;
}

/* Room for what will come out: `keep` bytes as they are, then, from a border of 64 bytes, the rest decompressed. In the second version
 * of data pages levels are kept; in the first they are compressed with the values. */
static int plan_body(loading *g)
{
    const yk_pq_header *h = &g->h;
    bool                is_v2 = h->type == YK_PQ_DATA_PAGE_V2;
    g->keep = is_v2 ? (size_t)h->def_size + (size_t)h->rep_size : 0;
    if (g->keep > (size_t)h->plain_size || g->keep > (size_t)h->stored_size)
        return damaged(g, "its levels are longer than it is");
    g->plain = (size_t)h->plain_size - g->keep;
    g->codec = is_v2 && !h->is_compressed ? YK_PQ_RAW : g->c->info->codec;
    size_t values_at = g->keep ? (g->keep + YK_PQ_PAD + 63) / 64 * 64 : 0;
    if (!is_plausible(g->codec, (size_t)h->stored_size - g->keep, g->plain))
        return damaged(g, "it is said to be far larger than its compressed data can be");
    YK_TRY(yk_pq_page_room(g->p, values_at + g->plain, g->err));
    memcpy(g->p->raw, g->body, g->keep);
    memset(g->p->raw + g->keep, 0, values_at - g->keep);
    memset(g->p->raw + values_at + g->plain, 0, YK_PQ_PAD);
    g->p->values = g->p->raw + values_at;
    g->p->values_end = g->p->values + g->plain;
    return 0;
}

static int unpack(loading *g)
{
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = 0;
    if (g->plain > 0)
        rc = yk_codec_decompress(&g->l->scratch->codecs, g->codec, g->body + g->keep, (size_t)g->h.stored_size - g->keep,
                                 (uint8_t *)g->p->values, g->plain, &why);
    if (rc < 0)
        return why.code == YOKE_EFORMAT ? damaged(g, why.text) : yk_fail(g->err, why.code, "'%s': %s", g->c->file->path, why.text);
    atomic_fetch_add_explicit(&g->c->file->bytes_decompressed, g->plain, memory_order_relaxed);
    return 0;
}

static yk_snappy_block block_of(const loading *g)
{
    return (yk_snappy_block){g->body + g->keep, (size_t)g->h.stored_size - g->keep, (uint8_t *)g->p->values, g->plain};
}

/* Levels in the oldest form, packed from the highest bit down: turned into one packed run of the usual form, in `side`. */
static int turn_bit_packed(loading *g, unsigned width)
{
    yk_pq_page *p = g->p;
    size_t      bytes = ((size_t)p->n_rows * width + 7) / 8, groups = ((size_t)p->n_rows + 7) / 8, at = 0;
    if (bytes > (size_t)(p->values_end - p->values))
        return damaged(g, "its levels are longer than it is");
    uint8_t *to = yk_calloc(1, 10 + groups * width + YK_PQ_PAD);
    if (!to)
        return yk_fail_nomem(g->err, "reading a page");
    for (uint64_t v = groups << 1 | 1;; v >>= 7) {
        to[at++] = (uint8_t)(v < 128 ? v : v | 128);
        if (v < 128)
            break;
    }
    for (size_t i = 0; i < p->n_rows; i++)
        for (unsigned b = 0; b < width; b++) {
            size_t from = i * width + (width - 1 - b), put = i * width + b;
            to[at + put / 8] |= (uint8_t)((p->values[from / 8] >> (7 - from % 8) & 1) << (put % 8));
        }
    p->turned = to;
    p->levels = to;
    p->levels_end = to + at + groups * width;
    p->values += bytes;
    return 0;
}

/* In the first version of data pages levels lie before the values. */
static int find_levels_v1(loading *g)
{
    yk_pq_page *p = g->p;
    unsigned    width = 32 - (unsigned)__builtin_clz(g->c->leaf->max_def | 1u);
    if (g->c->leaf->max_def == 0)
        return 0;
    if (g->h.level_encoding == YK_PQ_BIT_PACKED)
        return turn_bit_packed(g, width);
    uint32_t n;
    if (p->values_end - p->values < 4)
        return damaged(g, "it ends before its levels do");
    memcpy(&n, p->values, sizeof n);
    p->values += 4;
    if (n > (size_t)(p->values_end - p->values))
        return damaged(g, "its levels are longer than it is");
    p->levels = p->values;
    p->levels_end = p->values += n;
    return 0;
}

static void find_levels_v2(loading *g)
{
    if (g->c->leaf->max_def == 0)
        return;
    g->p->levels = g->p->raw + g->h.rep_size;
    g->p->levels_end = g->p->levels + g->h.def_size;
}

static int find_codes(loading *g)
{
    yk_pq_page *p = g->p;
    p->layout = YK_PQ_CODES;
    if (g->c->dict_place.size)
        YK_TRY(yk_pq_page_get(g->c, 0, g->l, &p->dict_page, g->err));
    if (p->values < p->values_end)
        p->code_width = *p->values++;
    return p->code_width > 32 ? damaged(g, "its dictionary codes are said to be wider than 32 bits") : 0;
}

static int find_texts(loading *g, int encoding, uint64_t most)
{
    yk_pq_page *p = g->p;
    int64_t     n;
    yk_text    *texts = NULL;
    if (encoding == YK_PQ_PLAIN) {
        uint64_t room = (uint64_t)(p->values_end - p->values) / 4 + 1;
        texts = yk_new_array(yk_text, most < room ? most + 1 : room);
        n = texts ? yk_pq_plain_texts(p->values, p->values_end, most, texts) : -2;
    } else if (encoding == YK_PQ_DELTA_LENGTH_BYTE_ARRAY) {
        n = yk_pq_delta_lengths(p->values, p->values_end, most, &texts);
    } else {
        n = yk_pq_delta_texts(p->values, p->values_end, most, &texts, &p->heap);
    }
    p->side = texts;
    p->layout = YK_PQ_TEXTS;
    p->values = (const uint8_t *)texts;
    p->n_values = n < 0 ? 0 : (uint64_t)n;
    p->cost += p->n_values * sizeof *texts;
    if (n == -2)
        return yk_fail_nomem(g->err, "reading a page");
    if (n == -3)
        return yk_fail(g->err, YOKE_ELIMIT, "'%s': column '%s': its page at byte %llu would take more than 512 MiB", g->c->file->path,
                       g->c->leaf->column.name, (unsigned long long)g->place->at);
    return n < 0 ? damaged(g, "its texts are damaged") : 0;
}

/* Texts of one length, back side by side as values of a fixed width lie. */
static int flatten(loading *g)
{
    yk_pq_page    *p = g->p;
    const yk_text *t = p->side;
    uint32_t       width = g->c->leaf->width;
    size_t         bytes;
    if (!yk_mul(&bytes, p->n_values, width) || bytes > YK_PQ_MOST_HEAP)
        return damaged(g, "it is too large");
    uint8_t *to = yk_malloc(bytes ? bytes : 1);
    if (!to)
        return yk_fail_nomem(g->err, "reading a page");
    for (uint64_t i = 0; i < p->n_values; i++) {
        if (t[i].len != width) {
            yk_free(to);
            return damaged(g, "its values are not of their type's width");
        }
        memcpy(to + i * width, t[i].data, width);
    }
    yk_free(p->side);
    p->side = to;
    p->values = to;
    p->layout = YK_PQ_FIXED;
    return 0;
}

static int find_delta(loading *g)
{
    yk_pq_page *p = g->p;
    uint32_t    width = g->c->leaf->width;
    int64_t     n = yk_pq_delta_count(p->values, p->values_end);
    if (n < 0 || (uint64_t)n > p->n_rows)
        return damaged(g, "its differences are damaged");
    if (n > YK_PQ_MOST_VALUES)
        return yk_fail(g->err, YOKE_ELIMIT, "'%s': a page of column '%s' has more than 64 million values", g->c->file->path,
                       g->c->leaf->column.name);
    p->side = yk_malloc_aligned((size_t)n * width + 1);
    if (!p->side)
        return yk_fail_nomem(g->err, "reading a page");
    if (!yk_pq_delta_read(p->values, p->values_end, width, (size_t)n, p->side))
        return damaged(g, "its differences are damaged");
    p->values = p->side;
    p->n_values = (uint64_t)n;
    p->cost += (size_t)n * width;
    p->layout = YK_PQ_FIXED;
    return 0;
}

static int find_booleans(loading *g, int encoding)
{
    yk_pq_page *p = g->p;
    if (encoding == YK_PQ_PLAIN) {
        p->layout = YK_PQ_BITS;
        p->n_values = (uint64_t)(p->values_end - p->values) * 8;
        return 0;
    }
    uint32_t n = 0;
    p->layout = YK_PQ_RUNS;
    if (p->values_end - p->values < 4)
        return p->values_end == p->values ? 0 : damaged(g, "it ends too early");
    memcpy(&n, p->values, sizeof n);
    p->values += 4;
    if (n > (size_t)(p->values_end - p->values))
        return damaged(g, "it ends too early");
    p->values_end = p->values + n;
    return 0;
}

static int wrong_encoding(const loading *g, int encoding)
{
    return yk_fail(g->err, YOKE_EUNSUPPORTED, "'%s': column '%s', page at byte %llu: encoding %d is not one for %s", g->c->file->path,
                   g->c->leaf->column.name, (unsigned long long)g->place->at, encoding, g->c->leaf->column.physical);
}

static int find_values(loading *g, int encoding, uint64_t most)
{
    yk_pq_page       *p = g->p;
    const yk_pq_leaf *leaf = g->c->leaf;
    bool              is_bytes = leaf->physical == YK_PQ_BYTE_ARRAY, is_fixed = leaf->physical == YK_PQ_FLBA;
    bool              is_int = leaf->physical == YK_PQ_INT32 || leaf->physical == YK_PQ_INT64;
    switch (encoding) {
    case YK_PQ_PLAIN_DICTIONARY:
    case YK_PQ_RLE_DICTIONARY: return find_codes(g);
    case YK_PQ_PLAIN:
        if (is_bytes)
            return find_texts(g, encoding, most);
        if (leaf->physical == YK_PQ_BOOLEAN)
            return find_booleans(g, encoding);
        p->layout = YK_PQ_FIXED;
        break;
    case YK_PQ_BYTE_STREAM_SPLIT:
        if (is_bytes || leaf->physical == YK_PQ_BOOLEAN || leaf->physical == YK_PQ_INT96)
            return wrong_encoding(g, encoding);
        p->layout = YK_PQ_SPLIT;
        break;
    case YK_PQ_RLE: return leaf->physical == YK_PQ_BOOLEAN ? find_booleans(g, encoding) : wrong_encoding(g, encoding);
    case YK_PQ_DELTA_BINARY_PACKED: return is_int ? find_delta(g) : wrong_encoding(g, encoding);
    case YK_PQ_DELTA_LENGTH_BYTE_ARRAY: return is_bytes ? find_texts(g, encoding, most) : wrong_encoding(g, encoding);
    case YK_PQ_DELTA_BYTE_ARRAY:
        if (!is_bytes && !is_fixed)
            return wrong_encoding(g, encoding);
        YK_TRY(find_texts(g, encoding, most));
        return is_fixed ? flatten(g) : 0;
    default: return wrong_encoding(g, encoding);
    }
    p->n_values = (uint64_t)(p->values_end - p->values) / leaf->width;
    return 0;
}

/* The dictionary page: all its values in storage form at once. */
static int load_dictionary(loading *g)
{
    yk_pq_page       *p = g->p;
    const yk_pq_leaf *leaf = g->c->leaf;
    size_t            size = yk_kind_size(leaf->column.type.kind), n = (size_t)g->h.n_values;
    if (leaf->physical == YK_PQ_BOOLEAN || (g->h.encoding != YK_PQ_PLAIN && g->h.encoding != YK_PQ_PLAIN_DICTIONARY))
        return wrong_encoding(g, g->h.encoding);
    YK_TRY(find_values(g, YK_PQ_PLAIN, n));
    if (p->n_values < n)
        return damaged(g, "its dictionary has fewer values than it says");
    p->layout = YK_PQ_DICT;
    if (leaf->form == YK_PQ_F_BYTES) { /* texts are found already */
        p->dict = (yk_dict){(uint32_t)n, p->side, g->c->dict_id};
        return 0;
    }
    if (leaf->form == YK_PQ_F_WORD && (uintptr_t)p->values % 8 == 0) { /* as they are stored */
        p->dict = (yk_dict){(uint32_t)n, p->values, g->c->dict_id};
        return 0;
    }
    uint8_t *values = yk_malloc_aligned(n * size + 1);
    if (!values)
        return yk_fail_nomem(g->err, "reading a dictionary");
    bool is_good = yk_pq_convert(leaf->form, leaf->width, p->values, n, values);
    yk_free(p->side);
    p->side = values;
    p->dict = (yk_dict){(uint32_t)n, values, g->c->dict_id};
    p->cost += n * size;
    if (leaf->form != YK_PQ_F_FLBA) { /* whose texts lie in it */
        yk_free(YK_TAKE(p->raw));
        p->cost -= p->cap;
        p->cap = 0;
    }
    return is_good ? 0 : damaged(g, yk_pq_out_of_range(leaf));
}

static int load_data(loading *g)
{
    int8_t *known = &yk_pq_map_of(g->c)->places[g->p->slot - 1].encoding;
    if (__atomic_load_n(known, __ATOMIC_RELAXED) < 0) /* in a map by the page index alone, which never grows */
        __atomic_store_n(known, (int8_t)(g->h.encoding & INT8_MAX), __ATOMIC_RELAXED);
    if (g->h.type == YK_PQ_DATA_PAGE)
        YK_TRY(find_levels_v1(g));
    else
        find_levels_v2(g);
    return find_values(g, g->h.encoding, g->p->n_rows);
}

/* Reads the page as it is stored. */
static int begin(loading *g, yk_pq_page *p, yk_pq_loader *l, int nth, yoke_error *err)
{
    const yk_pq_map *m = yk_pq_map_of(p->chunk);
    *g = (loading){.c = p->chunk, .place = p->slot ? &m->places[p->slot - 1] : &p->chunk->dict_place, .l = l,
                   .stored = &l->scratch->stored[nth], .p = p, .err = err};
    p->n_rows = p->slot ? m->pages[p->slot - 1].n_rows : 0;
    YK_TRY(read_stored(g));
    if (!p->slot && g->h.type != YK_PQ_DICTIONARY_PAGE)
        return damaged(g, "it is not the dictionary it should be");
    if (p->slot && g->h.type != YK_PQ_DATA_PAGE && g->h.type != YK_PQ_DATA_PAGE_V2)
        return damaged(g, "it is not the data page it should be");
    if (p->slot && p->n_rows != (uint64_t)g->h.n_values)
        return damaged(g, "it has not as many rows as the page index says");
    return plan_body(g);
}

static int finish(loading *g) { return g->p->slot ? load_data(g) : load_dictionary(g); }

int yk_pq_page_load(yk_pq_page *p, yk_pq_loader *l, yoke_error *err)
{
    loading g;
    YK_TRY(begin(&g, p, l, 0, err));
    YK_TRY(unpack(&g));
    return finish(&g);
}

int yk_pq_page_load_two(yk_pq_page *p, yk_pq_page *next, bool *ret_has_next, yk_pq_loader *l, yoke_error *err)
{
    yoke_error nobodys = YOKE_ERROR_INIT; /* what is wrong with the next is said when somebody needs it */
    loading    g[2];
    *ret_has_next = false;
    open_window(p->chunk, p->slot, l);
    YK_TRY(begin(&g[0], p, l, 0, err));
    bool good[2] = {false, false};
    if (g[0].codec == YK_PQ_SNAPPY && begin(&g[1], next, l, 1, &nobodys) == 0 && g[1].codec == YK_PQ_SNAPPY)
        yk_snappy_read_two((yk_snappy_block[]){block_of(&g[0]), block_of(&g[1])}, good);
    if (!good[0])
        YK_TRY(unpack(&g[0]));
    YK_TRY(finish(&g[0]));
    *ret_has_next = good[1] && finish(&g[1]) == 0;
    return 0;
}
