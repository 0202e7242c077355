/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pages while they are decompressed: shared by the cursors that are in them, kept for later ones within the budget.
 */
#include "format/parquet/pq_page.h"

const char *yk_pq_out_of_range(const yk_pq_leaf *leaf)
{
    return leaf->form == YK_PQ_F_INT96 ? "it holds a time outside the years 1678 to 2261, which 64-bit nanoseconds end at"
                                       : "it holds a decimal of more than 38 digits";
}

/* The next functions are called with the file's lock held. */

/* What may be kept beside n more bytes in use. */
static uint64_t room_to_keep(const yk_parquet *f, uint64_t n)
{
    const yk_parquet_budget *b = &f->budget;
    uint64_t                 left = b->all - f->used_bytes > n && b->all > f->used_bytes ? b->all - f->used_bytes - n : 0;
    return b->kept < left ? b->kept : left;
}

static void unlink_kept(yk_parquet *f, yk_pq_page *p)
{
    *(p->newer ? &p->newer->older : &f->newest) = p->older;
    *(p->older ? &p->older->newer : &f->oldest) = p->newer;
    p->newer = p->older = NULL;
    f->kept_bytes -= p->cost;
    f->used_bytes += p->cost;
}

static void keep(yk_parquet *f, yk_pq_page *p)
{
    p->older = f->newest;
    p->newer = NULL;
    *(f->newest ? &f->newest->newer : &f->oldest) = p;
    f->newest = p;
    f->kept_bytes += p->cost;
    f->used_bytes -= p->cost;
}

static void free_spare(yk_parquet *f, struct yk_pq_spare *s)
{
    f->kept_bytes -= s->cap;
    yk_free(s->data);
    *s = (struct yk_pq_spare){NULL, 0};
}

/* The buffer takes the place of a smaller one, which fewer pages would fit in. */
static void free_content(yk_parquet *f, yk_pq_page *p)
{
    struct yk_pq_spare *least = &f->spares[0];
    for (size_t i = 1; i < sizeof f->spares / sizeof *f->spares; i++)
        if (f->spares[i].cap < least->cap)
            least = &f->spares[i];
    if (p->raw && p->cap > least->cap && f->kept_bytes - least->cap + p->cap <= room_to_keep(f, 0)) {
        free_spare(f, least);
        *least = (struct yk_pq_spare){YK_TAKE(p->raw), p->cap};
        f->kept_bytes += p->cap;
    }
    yk_free(p->raw);
    yk_free(p->side);
    yk_free(p->heap);
    yk_free(p->turned);
    yk_free(p);
}

static void unref(yk_parquet *f, yk_pq_page *p);

static void drop(yk_parquet *f, yk_pq_page *p)
{
    yk_pq_page *dict = p->dict_page;
    p->chunk->slots[p->slot].page = NULL;
    free_content(f, p);
    if (dict)
        unref(f, dict);
}

static void free_spares(yk_parquet *f, uint64_t budget)
{
    for (size_t i = 0; f->kept_bytes > budget && i < sizeof f->spares / sizeof *f->spares; i++)
        free_spare(f, &f->spares[i]);
}

static void shrink(yk_parquet *f, uint64_t budget)
{
    free_spares(f, budget);
    while (f->kept_bytes > budget && f->oldest) {
        yk_pq_page *p = f->oldest;
        unlink_kept(f, p);
        f->used_bytes -= p->cost;
        drop(f, p); /* its buffer may become a spare */
    }
    free_spares(f, budget);
}

static void unref(yk_parquet *f, yk_pq_page *p)
{
    if (--p->refs > 0)
        return;
    bool is_done = p->slot > 0 ? p->walked >= p->n_rows : p->chunk->walked >= p->chunk->n_rows;
    if (is_done) { /* everybody who wanted it has been here */
        if (p->slot == 0)
            p->chunk->walked = 0; /* the next scan begins anew */
        f->used_bytes -= p->cost;
        drop(f, p);
        return;
    }
    keep(f, p);
    shrink(f, room_to_keep(f, 0));
}

void yk_pq_page_ref(yk_pq_page *p)
{
    yk_parquet *f = p->chunk->file;
    pthread_mutex_lock(&f->lock);
    p->refs++;
    pthread_mutex_unlock(&f->lock);
}

void yk_pq_page_put(yk_pq_page *p, uint64_t walked)
{
    yk_parquet *f = p->chunk->file;
    pthread_mutex_lock(&f->lock);
    p->walked += walked;
    p->chunk->walked += walked;
    unref(f, p);
    pthread_mutex_unlock(&f->lock);
}

void yk_parquet_set_budget(yk_parquet *f, const yk_parquet_budget *b)
{
    pthread_mutex_lock(&f->lock);
    f->budget = *b;
    shrink(f, room_to_keep(f, 0));
    pthread_mutex_unlock(&f->lock);
}

void yk_parquet_forget(yk_parquet *f)
{
    pthread_mutex_lock(&f->lock);
    shrink(f, 0);
    pthread_mutex_unlock(&f->lock);
}

/* ---- loading ---- */

int yk_pq_page_room(yk_pq_page *p, size_t n, yoke_error *err)
{
    yk_parquet *f = p->chunk->file;
    n += YK_PQ_PAD;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < sizeof f->spares / sizeof *f->spares && !p->raw; i++) {
        struct yk_pq_spare *s = &f->spares[i];
        if (s->data && s->cap >= n && s->cap / 4 <= n) {
            p->raw = s->data;
            p->cap = s->cap;
            f->kept_bytes -= s->cap;
            *s = (struct yk_pq_spare){NULL, 0};
        }
    }
    if (!p->raw)
        shrink(f, room_to_keep(f, n));
    pthread_mutex_unlock(&f->lock);
    if (!p->raw) {
        p->raw = yk_malloc_aligned(n);
        p->cap = n;
    }
    p->cost += p->cap;
    return p->raw ? 0 : yk_fail_nomem(err, "reading a page");
}

/* One that is in no slot. */
static void discard(yk_pq_page *p)
{
    if (!p)
        return;
    yk_parquet *f = p->chunk->file;
    pthread_mutex_lock(&f->lock);
    if (p->dict_page)
        unref(f, p->dict_page);
    free_content(f, p);
    pthread_mutex_unlock(&f->lock);
}

void yk_pq_loader_fini(yk_pq_loader *l)
{
    discard(YK_TAKE(l->ahead));
    yk_free(l->window);
}

yk_scratch *yk_scratch_new(void)
{
    yk_scratch *s = yk_malloc_aligned(sizeof *s);
    if (s)
        memset(s, 0, offsetof(yk_scratch, dense));
    return s;
}

void yk_scratch_clear(yk_scratch *s)
{
    for (size_t i = 0; i < sizeof s->stored / sizeof *s->stored; i++) {
        yk_free(s->stored[i].data);
        s->stored[i] = (struct yk_pq_stored){0};
    }
    yk_codec_fini(&s->codecs);
}

void yk_scratch_free(yk_scratch *s)
{
    if (s)
        yk_scratch_clear(s);
    yk_free(s);
}

static yk_pq_page *page_new(yk_pq_chunk *c, unsigned slot)
{
    yk_pq_page *p = yk_new(yk_pq_page);
    if (p)
        *p = (yk_pq_page){.chunk = c, .slot = slot, .refs = 1, .cost = sizeof *p};
    return p;
}

/* Whether the page after `slot` is worth loading with it: small, wanted, and in nobody's hands. */
static bool may_load_next(yk_pq_chunk *c, unsigned slot, const yk_pq_loader *l)
{
    enum { MOST = 1 << 20 };
    if (slot == 0 || c->info->codec != YK_PQ_SNAPPY || slot >= c->n_pages)
        return false;
    const yk_pq_map *m = yk_pq_map_of(c);
    if (m->pages[slot].first_row >= l->until || m->places[slot - 1].size > MOST || m->places[slot].size > MOST)
        return false;
    pthread_mutex_lock(&c->file->lock);
    bool is_free = c->file->budget.has_ahead && !c->slots[slot + 1].page && !c->slots[slot + 1].is_loading;
    pthread_mutex_unlock(&c->file->lock);
    return is_free;
}

static int load(yk_pq_chunk *c, unsigned slot, yk_pq_loader *l, yk_pq_page **ret, yoke_error *err)
{
    yk_pq_page *ahead = slot ? YK_TAKE(l->ahead) : NULL;
    if (ahead && ahead->chunk == c && ahead->slot == slot) {
        *ret = ahead;
        return 0;
    }
    discard(ahead);
    yk_pq_page *p = page_new(c, slot), *next = p && may_load_next(c, slot, l) ? page_new(c, slot + 1) : NULL;
    bool        has_next = false;
    if (!p)
        return yk_fail_nomem(err, "reading a page");
    int rc = next ? yk_pq_page_load_two(p, next, &has_next, l, err) : yk_pq_page_load(p, l, err);
    if (has_next)
        l->ahead = YK_TAKE(next);
    discard(next);
    if (rc < 0)
        discard(p);
    else
        *ret = p;
    return rc;
}

int yk_pq_page_get(yk_pq_chunk *c, unsigned slot, yk_pq_loader *l, yk_pq_page **ret, yoke_error *err)
{
    yk_parquet *f = c->file;
    yk_pq_page *p = NULL;
    pthread_mutex_lock(&f->lock);
    while (!c->slots[slot].page && c->slots[slot].is_loading) {
        unsigned seen = yk_gate_look(&f->loaded);
        pthread_mutex_unlock(&f->lock);
        yk_gate_wait(&f->loaded, seen, YK_FOREVER);
        pthread_mutex_lock(&f->lock);
    }
    if (c->slots[slot].page) {
        p = c->slots[slot].page;
        if (p->refs++ == 0)
            unlink_kept(f, p);
        atomic_fetch_add_explicit(&f->pages_shared, 1, memory_order_relaxed);
        pthread_mutex_unlock(&f->lock);
        *ret = p;
        return 0;
    }
    c->slots[slot].is_loading = true;
    pthread_mutex_unlock(&f->lock);
    int rc = load(c, slot, l, &p, err);
    pthread_mutex_lock(&f->lock);
    c->slots[slot].is_loading = false;
    if (rc == 0)
        c->slots[slot].page = *ret = p, f->used_bytes += p->cost;
    pthread_mutex_unlock(&f->lock);
    yk_gate_open(&f->loaded);
    return rc;
}
