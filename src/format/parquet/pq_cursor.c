/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Walking the rows of one column. A block is one piece of a page wherever it can be; where pages meet, the pieces are put
 * together in a buffer of the cursor's own.
 */
#include "format/parquet/pq_cursor.h"

static const uint64_t zero16[2]; /* the value, code and bitmap of a run of missing rows */

int yk_cursor_open(yk_parquet *f, unsigned column, uint64_t first, uint64_t n, yk_scratch *scratch, yk_cursor **ret, yoke_error *err)
{
    const yk_pq_leaf *leaf = column < f->n_leaves ? &f->leaves[column] : NULL;
    if (!leaf)
        return yk_fail(err, YOKE_EINVALID, "'%s' has no column number %u", f->path, column);
    if (leaf->column.refusal)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s': column '%s' cannot be read: %s", f->path, leaf->column.name, leaf->column.refusal);
    YK_CLEANUP(yk_cursor_closep) yk_cursor *c = yk_malloc_aligned(sizeof *c);
    if (!c)
        return yk_fail_nomem(err, "opening a column");
    memset(c, 0, offsetof(yk_cursor, codes));
    c->file = f;
    c->leaf = leaf;
    c->column = column;
    c->loader.scratch = scratch ? scratch : (c->own = yk_scratch_new());
    if (!c->loader.scratch)
        return yk_fail_nomem(err, "opening a column");
    c->size = yk_kind_size(leaf->column.type.kind);
    YK_TRY(yk_cursor_seek(c, first, n, err));
    *ret = YK_TAKE(c);
    return 0;
}

static void release_held(yk_cursor *c)
{
    for (size_t i = 0; i < c->n_held; i++)
        yk_pq_page_put(c->held[i].page, c->held[i].walked);
    c->n_held = 0;
}

/* Gives the page it is in back. */
static void leave_page(yk_cursor *c)
{
    if (c->page)
        yk_pq_page_put(c->page, c->walked);
    c->page = NULL;
}

void yk_cursor_close(yk_cursor *c)
{
    if (!c)
        return;
    release_held(c);
    leave_page(c);
    if (c->dict)
        yk_pq_page_put(c->dict, 0);
    yk_pq_loader_fini(&c->loader);
    yk_scratch_free(c->own);
    yk_free(c->held);
    yk_free(c->tables);
    yk_free(c->joined);
    yk_free(c);
}

uint64_t yk_cursor_row(const yk_cursor *c) { return c->row; }
uint64_t yk_cursor_left(const yk_cursor *c) { return c->end - c->row; }

/* The last i of [0, n) whose first row is not after `row`; those follow one another `stride` bytes apart. */
static unsigned find_row(const void *first_rows, size_t stride, unsigned n, uint64_t row)
{
    unsigned low = 0, high = n;
    while (high - low > 1) {
        unsigned mid = low + (high - low) / 2;
        uint64_t at;
        memcpy(&at, (const char *)first_rows + mid * stride, sizeof at);
        *(at <= row ? &low : &high) = mid;
    }
    return low;
}

/* The pages of the group that it walks over are mapped. */
static int map_pages(yk_cursor *c, yoke_error *err)
{
    const yk_parquet_group *group = &c->file->groups[c->group];
    uint64_t                want = c->end - group->first_row < group->n_rows ? c->end - group->first_row : group->n_rows;
    return yk_pq_chunk_reach(c->file, c->group, c->column, want, c->row, &c->loader, &c->chunk, err);
}

/* Makes c->chunk the one that holds c->row, and c->page_no its page. */
int yk_cursor_find_page(yk_cursor *c, yoke_error *err)
{
    if (!c->chunk || c->row < c->chunk->first_row || c->row - c->chunk->first_row >= c->chunk->n_rows) {
        c->group = find_row(&c->file->groups[0].first_row, sizeof *c->file->groups, c->file->n_groups, c->row);
        YK_TRY(map_pages(c, err));
        c->page_no = UINT32_MAX;
    }
    unsigned               n = c->chunk->n_pages;
    const yk_parquet_page *p = yk_pq_map_of(c->chunk)->pages;
    if (c->page_no >= n || c->row < p[c->page_no].first_row || c->row - p[c->page_no].first_row >= p[c->page_no].n_rows)
        c->page_no = find_row(&p[0].first_row, sizeof *p, n, c->row);
    return 0;
}

static int broken(const yk_cursor *c, const char *what, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "'%s': column '%s', page at byte %llu: %s", c->file->path, c->leaf->column.name,
                   (unsigned long long)yk_pq_map_of(c->chunk)->places[c->page_no].at, what);
}

static int short_of(const yk_cursor *c, yoke_error *err) { return broken(c, "it has fewer values than it says", err); }

/* Passes n rows of the page; *ret_present of them are not missing. */
int yk_cursor_pass_levels(yk_cursor *c, uint64_t n, uint64_t *ret_present, yoke_error *err)
{
    if (!c->page->levels) {
        *ret_present = n;
        return 0;
    }
    if (c->leaf->max_def == 1) {
        int64_t set = yk_pq_hybrid_skip_bits(&c->levels, n);
        *ret_present = (uint64_t)set;
        return set < 0 ? short_of(c, err) : 0;
    }
    uint64_t present = 0;
    uint32_t most;
    for (uint64_t i = 0; i < n; i += YK_BLOCK) {
        size_t m = n - i < YK_BLOCK ? (size_t)(n - i) : YK_BLOCK;
        if (!yk_pq_hybrid_read(&c->levels, m, c->codes, &most))
            return short_of(c, err);
        for (size_t k = 0; k < m; k++)
            present += c->codes[k] == c->leaf->max_def;
    }
    *ret_present = present;
    return 0;
}

static int pass_values(yk_cursor *c, uint64_t n, yoke_error *err)
{
    if (c->page->layout == YK_PQ_CODES || c->page->layout == YK_PQ_RUNS)
        return yk_pq_hybrid_skip(&c->codes_at, n) ? 0 : short_of(c, err);
    c->value += n;
    return c->value <= c->page->n_values ? 0 : short_of(c, err);
}

/* Passes n rows of the page it is in. */
static int pass_rows(yk_cursor *c, uint64_t n, yoke_error *err)
{
    uint64_t present = 0;
    YK_TRY(yk_cursor_pass_levels(c, n, &present, err));
    YK_TRY(pass_values(c, present, err));
    c->page_left -= n;
    return 0;
}

int yk_cursor_seek(yk_cursor *c, uint64_t first, uint64_t n, yoke_error *err)
{
    if (first > c->file->n_rows || n > c->file->n_rows - first)
        return yk_fail(err, YOKE_EINVALID, "'%s' has no rows %llu to %llu", c->file->path, (unsigned long long)first,
                       (unsigned long long)(first + n));
    release_held(c);
    c->end = c->loader.until = first + n;
    if (c->page && first >= c->row && first - c->row < c->page_left) { /* rows between are for others to pass */
        n = first - c->row;
        c->row = first;
        YK_TRY(map_pages(c, err));
        return pass_rows(c, n, err);
    }
    leave_page(c);
    c->chunk = NULL;
    c->row = first;
    return 0;
}

/* A dictionary stays while the cursor is in its chunk, even between two of its pages: that is what was promised for it. */
static void keep_dict(yk_cursor *c, yk_pq_page *dict)
{
    if (c->dict && (dict || c->dict->chunk != c->chunk) && dict != c->dict)
        yk_pq_page_put(YK_TAKE(c->dict), 0);
    if (dict && dict != c->dict) {
        yk_pq_page_ref(dict);
        c->dict = dict;
    }
}

static int enter_page(yk_cursor *c, yoke_error *err)
{
    YK_TRY(yk_cursor_find_page(c, err));
    YK_TRY(yk_pq_page_get(c->chunk, c->page_no + 1, &c->loader, &c->page, err));
    const yk_pq_page *p = c->page;
    keep_dict(c, p->dict_page);
    c->walked = 0;
    c->value = 0;
    c->page_left = p->n_rows;
    yk_pq_hybrid_init(&c->levels, p->levels, p->levels_end, 32 - (unsigned)__builtin_clz(c->leaf->max_def | 1u));
    yk_pq_hybrid_init(&c->codes_at, p->values, p->values_end, p->layout == YK_PQ_CODES ? p->code_width : 1);
    uint64_t before = c->row - yk_pq_map_of(c->chunk)->pages[c->page_no].first_row;
    return before ? pass_rows(c, before, err) : 0;
}

/* Makes c->page the page of c->row, with at least one row left. What blocks given out point to stays while they may. */
static int need_page(yk_cursor *c, bool may_release, yoke_error *err)
{
    if (c->page && c->page_left > 0)
        return 0;
    if (c->page && !may_release) {
        if (!yk_push(&c->held, &c->n_held, &c->cap_held, ((yk_cursor_held){c->page, c->walked})))
            return yk_fail_nomem(err, "reading a column");
        c->page = NULL;
    }
    leave_page(c);
    int rc = enter_page(c, err);
    if (rc < 0)
        leave_page(c);
    return rc;
}

int yk_cursor_need_page(yk_cursor *c, yoke_error *err)
{
    if (c->n_held)
        release_held(c);
    return need_page(c, true, err);
}

/* Validity of the next n rows in c->valid, or nothing written where *ret_present is 0 or n. */
static int read_levels(yk_cursor *c, uint32_t n, uint32_t *ret_present, yoke_error *err)
{
    yk_pq_hybrid *h = &c->levels;
    uint32_t      max_def = c->leaf->max_def, most;
    *ret_present = n;
    if (!c->page->levels)
        return 0;
    if (!yk_pq_hybrid_load(h))
        return short_of(c, err);
    if (!h->packed && h->left >= n) {
        h->left -= n;
        *ret_present = h->value == max_def ? n : 0;
        return 0;
    }
    if (max_def == 1) {
        int64_t set = yk_pq_hybrid_bits(h, n, c->valid);
        *ret_present = (uint32_t)set;
        return set < 0 ? short_of(c, err) : 0;
    }
    if (!yk_pq_hybrid_read(h, n, c->codes, &most))
        return short_of(c, err);
    uint32_t present = 0;
    memset(c->valid, 0, sizeof c->valid);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t is_there = c->codes[i] == max_def;
        c->valid[i >> 6] |= is_there << (i & 63);
        present += (uint32_t)is_there;
    }
    *ret_present = present;
    return 0;
}

/* Values of any size to where their rows are. */
static void spread(const yk_cursor *c, const uint64_t *valid, uint32_t n, const void *dense, void *out)
{
    if (c->size == 8) {
        YK_ISA_PICK(yk_pq_spread64)(dense, valid, n, out);
        return;
    }
    const char *from = dense;
    for (uint32_t i = 0; i < n; i++) {
        bool is_there = valid[i >> 6] >> (i & 63) & 1;
        memcpy((char *)out + i * c->size, is_there ? from : (const char *)zero16, c->size);
        from += is_there ? c->size : 0;
    }
}

/* Values of a fixed width from streams: the block's texts need a place to lie in. */
static int read_split_texts(yk_cursor *c, uint32_t present, yk_text *to, yoke_error *err)
{
    size_t need = (c->n_joined + present) * (size_t)c->leaf->width;
    if (need > c->cap_joined) { /* texts given out in this block must not move: the whole block's room at once */
        size_t room;
        if (!yk_mul(&room, YK_BLOCK, c->leaf->width))
            return yk_fail_nomem(err, "reading a column");
        yk_free(YK_TAKE(c->joined));
        c->joined = yk_malloc(room);
        c->cap_joined = c->joined ? room : 0;
        if (!c->joined)
            return yk_fail_nomem(err, "reading a column");
    }
    uint8_t *at = c->joined + c->n_joined * c->leaf->width;
    yk_pq_join_streams(c->page->values, c->page->n_values, c->leaf->width, c->value, present, at);
    c->value += present;
    c->n_joined += present;
    yk_pq_convert(YK_PQ_F_FLBA, c->leaf->width, at, present, to);
    return 0;
}

/* `present` values as they are stored from c->value on, in storage form in `to`. */
static int read_values(yk_cursor *c, uint32_t present, void *to, yoke_error *err)
{
    const yk_pq_page *p = c->page;
    uint32_t          most, width = p->layout == YK_PQ_TEXTS ? sizeof(yk_text) : c->leaf->width;
    if (p->layout == YK_PQ_RUNS) {
        if (!yk_pq_hybrid_read(&c->codes_at, present, c->codes, &most))
            return short_of(c, err);
        for (uint32_t i = 0; i < present; i++)
            ((uint8_t *)to)[i] = c->codes[i] & 1;
        return 0;
    }
    if (present > p->n_values - c->value)
        return short_of(c, err);
    const uint8_t *from = p->values + c->value * width;
    if (p->layout == YK_PQ_BITS) {
        for (uint64_t i = 0, k = c->value; i < present; i++, k++)
            ((uint8_t *)to)[i] = p->values[k >> 3] >> (k & 7) & 1;
        c->value += present;
        return 0;
    }
    if (p->layout == YK_PQ_SPLIT && c->leaf->form == YK_PQ_F_FLBA)
        return read_split_texts(c, present, to, err);
    if (p->layout == YK_PQ_SPLIT) {
        yk_pq_join_streams(p->values, p->n_values, width, c->value, present, c->loader.scratch->joined);
        from = c->loader.scratch->joined;
    }
    c->value += present;
    return yk_pq_convert(c->leaf->form, width, from, present, to) ? 0 : broken(c, yk_pq_out_of_range(c->leaf), err);
}

/* Takes n codes that are one run. */
static bool take_run(yk_cursor *c, uint32_t n, uint32_t *ret)
{
    yk_pq_hybrid *h = &c->codes_at;
    if (!yk_pq_hybrid_load(h) || h->packed || h->left < n)
        return false;
    h->left -= n;
    *ret = h->value;
    return true;
}

static int codes_piece(yk_cursor *c, uint32_t n, uint32_t present, yk_vec *v, yoke_error *err)
{
    static const yk_dict no_dict;
    const yk_dict       *dict = c->page->dict_page ? &c->page->dict_page->dict : &no_dict;
    bool                 has_nulls = present < n;
    uint32_t             most = 0, *to = has_nulls ? c->loader.scratch->dense : c->codes;
    v->dict = dict;
    v->codes = c->codes;
    if (present == 0) {
        v->is_const = true;
        v->codes = (const uint32_t *)zero16;
        return 0;
    }
    if (!has_nulls && take_run(c, n, &c->codes[0])) {
        v->is_const = true;
        most = c->codes[0];
    } else if (!yk_pq_hybrid_read(&c->codes_at, present, to, &most)) {
        return short_of(c, err);
    }
    if (most >= dict->n)
        return broken(c, "a code points past the end of its dictionary", err);
    if (has_nulls)
        YK_ISA_PICK(yk_pq_spread32)(c->loader.scratch->dense, c->valid, n, c->codes);
    return 0;
}

static int values_piece(yk_cursor *c, uint32_t n, uint32_t present, yk_vec *v, yoke_error *err)
{
    const yk_pq_page *p = c->page;
    uint32_t          run;
    v->values = c->values;
    if (present == 0) {
        v->is_const = true;
        v->values = zero16;
        return 0;
    }
    if (present < n) {
        YK_TRY(read_values(c, present, c->loader.scratch->unspread, err));
        spread(c, c->valid, n, c->loader.scratch->unspread, c->values);
        return 0;
    }
    if (p->layout == YK_PQ_RUNS && take_run(c, n, &run)) {
        *(uint8_t *)c->values = run & 1;
        v->is_const = true;
        return 0;
    }
    bool is_as_stored = c->leaf->form == YK_PQ_F_WORD || c->leaf->form == YK_PQ_F_BYTES;
    const uint8_t *from = p->values + c->value * c->size;
    if (is_as_stored && p->layout != YK_PQ_SPLIT && (uintptr_t)from % 8 == 0) {
        if (n > p->n_values - c->value)
            return short_of(c, err);
        v->values = from;
        c->value += n;
        return 0;
    }
    return read_values(c, n, c->values, err);
}

/* n rows of the page it is in. */
static int read_piece(yk_cursor *c, uint32_t n, yk_vec *v, yoke_error *err)
{
    uint32_t present = 0;
    *v = (yk_vec){.type = c->leaf->column.type, .n = n};
    YK_TRY(read_levels(c, n, &present, err));
    YK_TRY(c->page->layout == YK_PQ_CODES ? codes_piece(c, n, present, v, err) : values_piece(c, n, present, v, err));
    if (present == 0)
        v->valid = zero16;
    else if (present < n)
        v->valid = c->valid;
    c->page_left -= n;
    c->walked += n;
    c->row += n;
    return 0;
}

/* n values at `to` from a piece, whatever it is. */
static void flatten(const yk_cursor *c, const yk_vec *v, char *to)
{
    if (!v->codes && !v->valid && !v->is_const) {
        memcpy(to, v->values, v->n * c->size);
        return;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t    at = v->is_const ? 0 : i;
        const char *from = v->codes ? v->dict->n ? (const char *)v->dict->values + v->codes[at] * c->size : (const char *)zero16
                                    : (const char *)v->values + at * c->size;
        bool        is_there = !v->valid || (v->valid[at >> 6] >> (at & 63) & 1);
        memcpy(to + i * c->size, is_there ? from : (const char *)zero16, c->size);
    }
}

/* The piece's validity from bit `at` of the block's on, which are still zero. */
static void append_valid(yk_cursor_block *b, uint32_t at, const yk_vec *piece)
{
    for (uint32_t i = 0; i < piece->n; i += 64) {
        uint32_t n = piece->n - i < 64 ? piece->n - i : 64, to = at + i;
        uint64_t word = !piece->valid ? UINT64_MAX : piece->is_const ? 0 - (piece->valid[0] & 1) : piece->valid[i >> 6];
        if (n < 64)
            word &= (1ull << n) - 1;
        b->valid[to >> 6] |= word << (to & 63);
        if ((to & 63) + n > 64)
            b->valid[(to >> 6) + 1] |= word >> (64 - (to & 63));
    }
}

/* Adds a piece to the block being put together: as codes while all pieces have one dictionary, else as values. */
static void append(yk_cursor *c, yk_vec *block, const yk_vec *piece)
{
    yk_cursor_block *b = &c->block;
    uint32_t         at = block->n;
    if (at == 0) {
        block->dict = piece->dict;
        block->codes = piece->codes ? b->codes : NULL;
        memset(b->valid, 0, sizeof b->valid);
    } else if (block->codes && (!piece->codes || piece->dict != block->dict)) {
        yk_vec so_far = {.n = at, .codes = b->codes, .dict = block->dict, .valid = b->valid};
        flatten(c, &so_far, b->values);
        block->codes = NULL;
    }
    if (!block->codes)
        flatten(c, piece, b->values + at * c->size);
    else if (!piece->is_const)
        memcpy(b->codes + at, piece->codes, piece->n * sizeof *b->codes);
    else
        for (uint32_t i = 0; i < piece->n; i++)
            b->codes[at + i] = piece->codes[0];
    append_valid(b, at, piece);
    if (piece->valid)
        block->valid = b->valid;
    block->n += piece->n;
}

/* A block that lies in several pages. */
static int read_joined(yk_cursor *c, uint32_t n, yk_vec *ret, yoke_error *err)
{
    yk_vec block = {.type = c->leaf->column.type}, piece;
    bool   is_text = yk_kind_is_bytes(block.type.kind);
    while (block.n < n) {
        YK_TRY(need_page(c, !is_text && !block.codes, err)); /* which lie in pages, or point to what does */
        uint32_t take = c->page_left < n - block.n ? (uint32_t)c->page_left : n - block.n;
        YK_TRY(read_piece(c, take, &piece, err));
        append(c, &block, &piece);
    }
    if (!block.codes) {
        block.values = c->block.values;
        block.dict = NULL;
    }
    *ret = block;
    return 0;
}

int yk_cursor_next(yk_cursor *c, uint32_t n, yk_vec *ret, yoke_error *err)
{
    if (n > YK_BLOCK)
        n = YK_BLOCK;
    if (n > c->end - c->row)
        n = (uint32_t)(c->end - c->row);
    if (c->n_held)
        release_held(c);
    c->n_joined = 0;
    if (n == 0 || c->leaf->form == YK_PQ_F_NULL) {
        *ret = (yk_vec){.type = c->leaf->column.type, .n = n, .is_const = n > 0, .valid = n > 0 ? zero16 : NULL, .values = zero16};
        c->row += n;
        return 0;
    }
    YK_TRY(yk_cursor_need_page(c, err));
    return c->page_left >= n ? read_piece(c, n, ret, err) : read_joined(c, n, ret, err);
}

int yk_cursor_skip(yk_cursor *c, uint64_t n, yoke_error *err)
{
    if (n > c->end - c->row)
        n = c->end - c->row;
    if (c->page && n <= c->page_left && n > 0) {
        YK_TRY(pass_rows(c, n, err));
        c->walked += n;
    } else if (n > 0) {
        c->walked += c->page_left;
        leave_page(c);
        c->page_left = 0;
    }
    c->row += n;
    return 0;
}
