/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where a column chunk's pages lie: from the file's page index, or by walking the page headers.
 */
#include "format/parquet/pq_file.h"

int yk_pq_read(yk_parquet *f, uint64_t at, void *to, size_t n, yoke_error *err)
{
    if (at > f->size || n > f->size - at)
        return yk_fail(err, YOKE_EFORMAT, "'%s': a page is said to lie past the end of the file; get the file again", f->path);
    atomic_fetch_add_explicit(&f->bytes_read, n, memory_order_relaxed);
    return yk_input_read(&f->input, at, to, n, err);
}

bool yk_pq_read_ready(const yk_parquet *f, const yk_pq_loader *l, uint64_t at, void *to, size_t n)
{
    return !l->advised && at <= f->size && n <= f->size - at && yk_file_read_ready(f->input.fd, at, to, n);
}

bool yk_pq_window_has(const yk_pq_loader *l, uint64_t at, size_t n)
{
    return at >= l->window_at && at - l->window_at <= l->window_n && l->window_n - (at - l->window_at) >= n;
}

void yk_pq_window_read(const yk_parquet *f, yk_pq_loader *l, uint64_t at, size_t n)
{
    if (!l->window)
        l->window = yk_malloc_aligned(YK_PARQUET_WINDOW + YK_PQ_PAD);
    l->window_at = at;
    l->window_n = l->window && yk_pq_read_ready(f, l, at, l->window, n) ? n : 0;
}

static int damaged(const yk_pq_chunk *c, uint64_t at, const char *what, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "'%s': column '%s', page at byte %llu: %s; get the file again", c->file->path, c->leaf->column.name,
                   (unsigned long long)at, what);
}

enum { WINDOW = 8192 };

/* Bytes of the file as they lie in memory. */
typedef struct sight {
    const uint8_t *data;
    size_t         n;
} sight;

/* Shows bytes [at, at + n), or as many of them as there are before `end`, and what is at hand behind them. Headers of small pages come
 * several to a read; between large ones only the headers themselves are read. */
static int look(yk_pq_chunk *c, struct yk_pq_walk *w, uint64_t at, size_t n, uint64_t end, sight *ret, yoke_error *err)
{
    const yk_pq_loader *l = w->loader;
    if (n > end - at)
        n = (size_t)(end - at);
    if (l && yk_pq_window_has(l, at, n)) {
        size_t skip = (size_t)(at - l->window_at), there = l->window_n - skip;
        *ret = (sight){l->window + skip, there < end - at ? there : (size_t)(end - at)};
        return 0;
    }
    if (at >= w->data_at && at - w->data_at <= w->n_data && w->n_data - (at - w->data_at) >= n) {
        *ret = (sight){w->data + (at - w->data_at), w->n_data - (size_t)(at - w->data_at)};
        return 0;
    }
    size_t want = n < WINDOW && w->last_page < WINDOW ? WINDOW : n;
    if (want > end - at)
        want = (size_t)(end - at);
    if (!yk_grow(&w->data, &w->cap_data, want ? want : 1, 1))
        return yk_fail_nomem(err, "reading page headers");
    w->n_data = 0;
    YK_TRY(yk_pq_read(c->file, at, w->data, want, err));
    w->data_at = at, w->n_data = want;
    *ret = (sight){w->data, want};
    return 0;
}

/* The header of the page at `at`, whose bytes with its data do not reach past end. */
static int read_header(yk_pq_chunk *c, struct yk_pq_walk *w, uint64_t at, uint64_t end, yk_pq_header *ret, uint32_t *ret_size,
                       yoke_error *err)
{
    for (size_t want = 256;; want *= 8) {
        sight s = {0};
        YK_TRY(look(c, w, at, want, end, &s, err));
        int len = yk_pq_header_read(s.data, s.n, ret);
        if (len < 0 || (len == 0 && (s.n >= end - at || want >= 64u << 20)))
            return damaged(c, at, "its header is damaged", err);
        if (len == 0)
            continue;
        uint64_t size = (uint64_t)len + (uint64_t)ret->stored_size;
        if (size > end - at || size > INT32_MAX)
            return damaged(c, at, "it is said to be longer than its column", err);
        *ret_size = w->last_page = (uint32_t)size;
        return 0;
    }
}

/* Where the chunk begins, and the last byte its pages may reach. Sizes from old writers fall short by a header. */
static int find_range(const yk_pq_chunk *c, uint64_t *ret_from, uint64_t *ret_end, yoke_error *err)
{
    enum { SLACK = 128 };
    const yk_pq_chunk_info *i = c->info;
    int64_t                 from = i->dict_at > 0 && i->dict_at < i->data_at ? i->dict_at : i->data_at;
    uint64_t                most = c->file->size;
    if (from < 0 || i->stored < 0 || (uint64_t)from > most)
        return damaged(c, (uint64_t)from, "it is said to lie outside the file", err);
    *ret_from = (uint64_t)from;
    *ret_end = (uint64_t)i->stored + SLACK > most - (uint64_t)from ? most : (uint64_t)from + (uint64_t)i->stored + SLACK;
    return 0;
}

/* Room for n pages: in the map, and for their slots. */
static bool make_room(yk_pq_chunk *c, unsigned n)
{
    yk_pq_map *old = atomic_load_explicit(&c->map, memory_order_relaxed);
    if (old && n <= old->cap)
        return true;
    unsigned   cap = old ? old->cap : 8;
    size_t     bytes;
    yk_pq_map *m = NULL;
    while (cap < n)
        cap *= 2;
    if (yk_mul(&bytes, cap, sizeof *m->pages + sizeof *m->places))
        m = yk_malloc(sizeof *m + bytes);
    if (!m)
        return false;
    *m = (yk_pq_map){.smaller = old, .cap = cap, .places = (yk_pq_place *)(void *)(m->pages + cap)};
    if (old) {
        memcpy(m->pages, old->pages, old->cap * sizeof *m->pages);
        memcpy(m->places, old->places, old->cap * sizeof *m->places);
    }
    atomic_store_explicit(&c->map, m, memory_order_release);
    pthread_mutex_lock(&c->file->lock);
    size_t had = c->cap_slots;
    bool   has_slots = yk_grow(&c->slots, &c->cap_slots, (size_t)cap + 1, sizeof *c->slots);
    if (has_slots)
        memset(c->slots + had, 0, (c->cap_slots - had) * sizeof *c->slots);
    pthread_mutex_unlock(&c->file->lock);
    return has_slots;
}

/* The page after those that there are. */
static bool add_page(yk_pq_chunk *c, yk_pq_place place, uint64_t n_rows)
{
    unsigned n = atomic_load_explicit(&c->n_pages, memory_order_relaxed);
    if (n == UINT32_MAX / 4 || !make_room(c, n + 1))
        return false;
    yk_pq_map *m = atomic_load_explicit(&c->map, memory_order_relaxed);
    m->places[n] = place;
    m->pages[n] = (yk_parquet_page){.first_row = c->first_row + c->n_mapped, .n_rows = n_rows, .n_bytes = place.size,
                                    .stats.n_missing = -1};
    atomic_store_explicit(&c->n_pages, n + 1, memory_order_release);
    c->n_mapped += n_rows;
    return true;
}

/* What a page takes in memory, with the values that are found or made when it is loaded. */
static void note_need(yk_pq_chunk *c, const yk_pq_header *h, uint32_t size)
{
    const yk_pq_leaf *leaf = c->leaf;
    uint64_t          n = h->n_values > 0 ? (uint64_t)h->n_values : 0, plain = h->plain_size > 0 ? (uint64_t)h->plain_size : 0,
        bytes = plain + YK_PQ_PAD;
    bool              has_texts = leaf->physical == YK_PQ_BYTE_ARRAY && !(h->type != YK_PQ_DICTIONARY_PAGE && yk_pq_is_dict(h->encoding));
    if (h->encoding == YK_PQ_DELTA_BYTE_ARRAY)
        bytes += 2 * plain; /* at a guess: how long its texts are is not known before they are made */
    if (has_texts || h->encoding == YK_PQ_DELTA_BYTE_ARRAY)
        bytes += n * sizeof(yk_text);
    else if (h->encoding == YK_PQ_DELTA_BINARY_PACKED)
        bytes += n * leaf->width;
    else if (h->type == YK_PQ_DICTIONARY_PAGE) /* the bytes of all but texts go when the values are made */
        bytes = n * yk_kind_size(leaf->column.type.kind) + (leaf->form == YK_PQ_F_FLBA ? plain : 0);
    uint64_t *most = h->type == YK_PQ_DICTIONARY_PAGE ? &c->need.dict : &c->need.page;
    *most = bytes > *most ? bytes : *most;
    c->need.stored = size > c->need.stored ? size : c->need.stored;
}

/* Lists pages until they hold n_rows rows. After a failure the next walk begins where this one stopped. */
static int walk_headers(yk_pq_chunk *c, uint64_t n_rows, yoke_error *err)
{
    struct yk_pq_walk *w = &c->walk;
    yk_pq_header       h;
    uint32_t           size;
    for (; c->n_mapped < n_rows; w->at += size) {
        if (w->at >= w->end)
            return damaged(c, w->at, "the column has fewer values than the file has rows", err);
        YK_TRY(read_header(c, w, w->at, w->end, &h, &size, err));
        yk_pq_place place = {w->at, size, (int8_t)h.encoding};
        if (h.type == YK_PQ_DICTIONARY_PAGE && c->n_mapped == 0) {
            c->dict_place = place;
            note_need(c, &h, size);
        }
        if ((h.type != YK_PQ_DATA_PAGE && h.type != YK_PQ_DATA_PAGE_V2) || h.n_values == 0)
            continue;
        if ((uint64_t)h.n_values > c->n_rows - c->n_mapped)
            return damaged(c, w->at, "the column has more values than the file has rows", err);
        if (h.encoding < 0 || h.encoding > INT8_MAX)
            return damaged(c, w->at, "its values are encoded in a way that Parquet does not define", err);
        note_need(c, &h, size);
        if (!add_page(c, place, (uint64_t)h.n_values))
            return yk_fail_nomem(err, "listing pages");
    }
    return 0;
}

/* Whether the pages of the page index can be right. */
static bool is_index_good(const yk_pq_chunk *c, const yk_pq_location *l, uint32_t n)
{
    uint64_t size = c->file->size;
    for (uint32_t i = 0; i < n; i++) {
        int64_t after = i + 1 < n ? l[i + 1].first_row : (int64_t)c->n_rows;
        if (l[i].at < 0 || l[i].size <= 0 || (uint64_t)l[i].at > size || (uint64_t)l[i].size > size - (uint64_t)l[i].at)
            return false;
        if (l[i].first_row > after || (uint64_t)after > c->n_rows || (i > 0 && l[i].at < l[i - 1].at + l[i - 1].size))
            return false;
    }
    return n > 0 && l[0].first_row == 0;
}

static bool take_index(yk_pq_chunk *c, const yk_pq_location *l, uint32_t n)
{
    if (!make_room(c, n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        int64_t     after = i + 1 < n ? l[i + 1].first_row : (int64_t)c->n_rows;
        yk_pq_place place = {(uint64_t)l[i].at, (uint32_t)l[i].size, -1};
        if (after > l[i].first_row && !add_page(c, place, (uint64_t)(after - l[i].first_row)))
            return false;
    }
    return true;
}

static bool read_range(yk_pq_chunk *c, int64_t at, int32_t size, uint8_t **ret)
{
    YK_AUTOFREE uint8_t *bytes = at > 0 && size > 0 && (uint64_t)size <= c->file->size ? yk_malloc((size_t)size) : NULL;
    if (!bytes || yk_pq_read(c->file, (uint64_t)at, bytes, (size_t)size, NULL) < 0)
        return false;
    *ret = YK_TAKE(bytes);
    return true;
}

/* Bounds for all pages of the offset index, empty ones too; they are few, so those are matched by position. */
static void read_page_stats(yk_pq_chunk *c, const yk_pq_location *l, uint32_t n)
{
    if (!read_range(c, c->info->columns_at, c->info->columns_size, &c->index))
        return;
    YK_AUTOFREE yk_pq_bounds *bounds = yk_new_array(yk_pq_bounds, n);
    if (!bounds || !yk_pq_column_index_read(c->index, (size_t)c->info->columns_size, n, bounds))
        return;
    yk_pq_map *m = c->map;
    for (uint32_t i = 0, p = 0; i < n && p < c->n_pages; i++)
        if (m->places[p].at == (uint64_t)l[i].at)
            yk_pq_bounds_decode(c->file, c->leaf, &bounds[i], &m->pages[p++].stats);
}

/* The whole map from the page index; *ret_is_done is false, and nothing mapped, where that is missing or cannot be right. */
static int map_by_index(yk_pq_chunk *c, bool *ret_is_done, yoke_error *err)
{
    YK_AUTOFREE uint8_t        *bytes = NULL;
    YK_AUTOFREE yk_pq_location *l = NULL;
    uint32_t                    n;
    *ret_is_done = read_range(c, c->info->offsets_at, c->info->offsets_size, &bytes) &&
                   yk_pq_offset_index_read(bytes, (size_t)c->info->offsets_size, &l, &n) && is_index_good(c, l, n);
    if (!*ret_is_done)
        return 0;
    if (!take_index(c, l, n))
        return yk_fail_nomem(err, "listing pages");
    read_page_stats(c, l, n);
    return 0;
}

/* With a page index the dictionary is what lies before the first page. */
static int find_dictionary(yk_pq_chunk *c, yoke_error *err)
{
    struct yk_pq_walk *w = &c->walk;
    yk_pq_header       h;
    uint32_t           size;
    if (c->n_pages == 0 || w->at >= yk_pq_map_of(c)->places[0].at)
        return 0;
    YK_TRY(read_header(c, w, w->at, w->end, &h, &size, err));
    if (h.type == YK_PQ_DICTIONARY_PAGE) {
        c->dict_place = (yk_pq_place){w->at, size, (int8_t)h.encoding};
        note_need(c, &h, size);
    }
    return 0;
}

static void end_walk(yk_pq_chunk *c)
{
    yk_free(c->walk.data);
    c->walk = (struct yk_pq_walk){0};
}

static void forget_map(yk_pq_chunk *c)
{
    for (yk_pq_map *m = c->map, *next; m; m = next) {
        next = m->smaller;
        yk_free(m);
    }
    c->map = NULL;
    yk_free(YK_TAKE(c->index));
    yk_free(YK_TAKE(c->slots));
    end_walk(c);
    c->cap_slots = 0;
    c->n_pages = 0;
    c->n_mapped = 0;
}

/* Before the first page is mapped. */
static int begin_map(yk_pq_chunk *c, yoke_error *err)
{
    bool is_done;
    YK_TRY(find_range(c, &c->walk.at, &c->walk.end, err));
    YK_TRY(map_by_index(c, &is_done, err));
    return is_done ? find_dictionary(c, err) : 0;
}

/* Begins the map, and says how many bytes from c->walk.at on hold the pages that are missing to n_rows, about: 0 where they are not all
 * pages of rows from `row` on, or too many for a window. */
static int find_missing(yk_pq_chunk *c, uint64_t row, uint64_t n_rows, size_t *ret_n, yoke_error *err)
{
    *ret_n = 0;
    if (!c->has_begun) {
        int rc = begin_map(c, err);
        c->has_begun = rc == 0;
        if (rc < 0) {
            forget_map(c);
            return rc;
        }
    }
    if (c->n_mapped >= n_rows || c->first_row + c->n_mapped < row || c->info->stored < 0)
        return 0;
    double   share = (double)(n_rows - c->n_mapped) / (double)c->n_rows * (double)c->info->stored;
    uint64_t left = c->walk.end - c->walk.at, n = share < YK_PARQUET_WINDOW ? (uint64_t)share + YK_PARQUET_WINDOW / 8 : YK_PARQUET_WINDOW;
    n = n < left ? n : left;
    *ret_n = n <= YK_PARQUET_WINDOW ? (size_t)n : 0;
    return 0;
}

static int extend_map(yk_pq_chunk *c, uint64_t n_rows, yk_pq_loader *l, yoke_error *err)
{
    c->walk.loader = l;
    int rc = walk_headers(c, n_rows, err);
    c->walk.loader = NULL;
    if (rc == 0 && c->n_mapped == c->n_rows)
        end_walk(c);
    return rc;
}

static yk_pq_chunk *chunk_new(yk_parquet *f, unsigned group, unsigned column)
{
    yk_pq_chunk *c = yk_new(yk_pq_chunk);
    if (!c)
        return NULL;
    c->file = f;
    c->leaf = &f->leaves[column];
    c->info = &f->footer.groups[group].chunks[column];
    c->first_row = f->groups[group].first_row;
    c->n_rows = f->groups[group].n_rows;
    c->dict_id = f->first_id + (uint64_t)group * f->n_leaves + column;
    yk_lock_init(&c->mapping);
    return c;
}

int yk_pq_chunk_get(yk_parquet *f, unsigned group, unsigned column, uint64_t n_rows, yk_pq_chunk **ret, yoke_error *err)
{
    return yk_pq_chunk_reach(f, group, column, n_rows, UINT64_MAX, NULL, ret, err);
}

int yk_pq_chunk_reach(yk_parquet *f, unsigned group, unsigned column, uint64_t n_rows, uint64_t row, yk_pq_loader *l, yk_pq_chunk **ret,
                      yoke_error *err)
{
    pthread_mutex_lock(&f->lock);
    yk_pq_chunk **slot = &f->chunks[(size_t)group * f->n_leaves + column];
    if (!*slot)
        *slot = chunk_new(f, group, column);
    yk_pq_chunk *c = *slot;
    bool         has_window = l && f->budget.has_ahead;
    pthread_mutex_unlock(&f->lock);
    if (!c)
        return yk_fail_nomem(err, "opening a column");
    size_t   n = 0;
    pthread_mutex_lock(&c->mapping);
    int      rc = c->n_mapped < n_rows ? find_missing(c, row, n_rows, &n, err) : 0;
    uint64_t at = c->walk.at;
    if (rc == 0 && n > 0 && has_window) { /* others need not wait for it */
        pthread_mutex_unlock(&c->mapping);
        yk_pq_window_read(f, l, at, n);
        pthread_mutex_lock(&c->mapping);
    }
    if (rc == 0 && c->n_mapped < n_rows)
        rc = extend_map(c, n_rows, has_window ? l : NULL, err);
    pthread_mutex_unlock(&c->mapping);
    *ret = c;
    return rc;
}

void yk_pq_chunk_free(yk_pq_chunk *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->mapping);
    forget_map(c);
    yk_free(c);
}

int yk_pq_page_encoding(yk_pq_chunk *c, unsigned i, int *ret, yoke_error *err)
{
    yk_pq_place *place = &yk_pq_map_of(c)->places[i];
    int          known = __atomic_load_n(&place->encoding, __ATOMIC_RELAXED); /* relaxed: everyone finds the same */
    if (known < 0 && c->info->is_all_dict)
        known = YK_PQ_RLE_DICTIONARY;
    if (known < 0) {
        struct yk_pq_walk w = {0};
        yk_pq_header      h;
        uint32_t          size;
        int               rc = read_header(c, &w, place->at, place->at + place->size, &h, &size, err);
        yk_free(w.data);
        YK_TRY(rc);
        known = h.encoding & INT8_MAX;
        __atomic_store_n(&place->encoding, (int8_t)known, __ATOMIC_RELAXED);
    }
    *ret = known;
    return 0;
}

int yk_parquet_pages(yk_parquet *f, unsigned group, unsigned column, const yk_parquet_page **ret, unsigned *ret_n, yoke_error *err)
{
    yk_pq_chunk *c;
    if (f->leaves[column].column.refusal)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s': column '%s' cannot be read: %s", f->path, f->leaves[column].column.name,
                       f->leaves[column].column.refusal);
    YK_TRY(yk_pq_chunk_get(f, group, column, f->groups[group].n_rows, &c, err));
    *ret_n = c->n_pages;
    *ret = *ret_n ? yk_pq_map_of(c)->pages : NULL;
    return 0;
}

/* With a page index the headers are not read: that of the largest page, as stored, stands for all. */
static int note_largest(yk_pq_chunk *c)
{
    const yk_pq_place *place = yk_pq_map_of(c)->places, *largest = place;
    struct yk_pq_walk  w = {0};
    yk_pq_header       h;
    uint32_t           size;
    for (unsigned i = 1; i < c->n_pages; i++)
        largest = place[i].size > largest->size ? &place[i] : largest;
    int rc = read_header(c, &w, largest->at, largest->at + largest->size, &h, &size, NULL);
    if (rc == 0)
        note_need(c, &h, size);
    yk_free(w.data);
    return rc;
}

/* A block of texts may lie in two pages. */
static yk_parquet_need held(yk_parquet_need need, const yk_pq_leaf *leaf)
{
    need.page *= yk_kind_is_bytes(leaf->column.type.kind) ? 2 : 1;
    return need;
}

yk_parquet_need yk_parquet_chunk_need(yk_parquet *f, unsigned group, unsigned column)
{
    yk_pq_chunk    *c;
    yk_parquet_need none = {0};
    if (f->leaves[column].column.refusal || yk_pq_chunk_get(f, group, column, f->groups[group].n_rows, &c, NULL) < 0)
        return none;
    pthread_mutex_lock(&c->mapping);
    yk_parquet_need need = c->need.page || c->n_pages == 0 || note_largest(c) == 0 ? c->need : none;
    pthread_mutex_unlock(&c->mapping);
    return held(need, c->leaf);
}

yk_parquet_need yk_parquet_chunk_most(const yk_parquet *f, unsigned group, unsigned column)
{
    const yk_pq_chunk_info *i = &f->footer.groups[group].chunks[column];
    const yk_pq_leaf       *leaf = &f->leaves[column];
    uint64_t                stored, plain, rows = f->groups[group].n_rows, side = leaf->width ? leaf->width : sizeof(yk_text);
    yk_parquet_chunk_bytes(f, group, column, &stored, &plain);
    /* 16 bytes for 4 */
    yk_parquet_need need = {.page = plain + (i->is_all_dict ? 0 : 2 * plain + rows * side), .stored = stored, .dict = 5 * plain};
    return held(need, leaf);
}

bool yk_parquet_has_page_stats(const yk_parquet *f, unsigned group, unsigned column)
{
    const yk_pq_chunk_info *i = &f->footer.groups[group].chunks[column];
    return i->offsets_at > 0 && i->columns_at > 0;
}
