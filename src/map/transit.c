/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A ring of address space, in chunks that each hold the bytes of consecutive items. An item that does not fit into what is
 * left of a chunk goes on in the next, and counts in both.
 *
 *     | given back | chunk: items 40-91 | chunk: 91-130, being filled | not yet used |
 */
#include "map/transit.h"

#include "base/alloc.h"
#include "exec/gate.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { CHUNK = 1 << 20, ALIGN = 8 };
static const size_t RING_MOST = (size_t)1 << 36, RING_LEAST = (size_t)1 << 24;

typedef struct chunk {
    uint64_t first, last;     /* items */
    uint64_t n_items, n_done;
    size_t   at, size, used;  /* in the ring; bytes put */
    size_t   skipped;         /* at the ring's end, before it */
} chunk;

struct yk_transit {
    char           *ring;     /* owned */
    size_t          size;
    pthread_mutex_t lock;
    chunk          *chunks;   /* owned; guarded by lock, as all below; the last is being filled */
    size_t          n_chunks, cap;
    size_t          held;     /* of the ring, by chunks and what they skipped */
    uint64_t        item;     /* whose bytes are being put */
};

/* It costs address space alone; where even that is limited, an eighth of it. */
static size_t ring_size(void)
{
    struct rlimit limit;
    size_t        n = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur / 8 < RING_MOST ? (size_t)limit.rlim_cur / 8 : RING_MOST;
    return n < RING_LEAST ? RING_LEAST : n & ~(size_t)(CHUNK - 1);
}

yk_transit *yk_transit_new(yoke_error *err)
{
    yk_transit *t = yk_new(yk_transit);
    if (!t) {
        yk_fail_nomem(err, "reading items");
        return NULL;
    }
    t->size = ring_size();
    t->ring = mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->ring == MAP_FAILED) {
        yk_fail_nomem(err, "reading items");
        yk_free(t);
        return NULL;
    }
    yk_lock_init(&t->lock);
    return t;
}

void yk_transit_free(yk_transit *t)
{
    if (!t)
        return;
    munmap(t->ring, t->size);
    pthread_mutex_destroy(&t->lock);
    yk_free(t->chunks);
    yk_free(t);
}

/* With the lock held. False when the ring is full or memory is out. */
static bool add_chunk(yk_transit *t, size_t least)
{
    chunk  c = {.first = t->item, .last = t->item, .n_items = 1, .size = least > CHUNK ? (least + CHUNK - 1) / CHUNK * CHUNK : CHUNK};
    chunk *last = t->n_chunks ? &t->chunks[t->n_chunks - 1] : NULL;
    c.at = last ? last->at + last->size : 0;
    if (c.size > t->size - c.at) {
        c.skipped = t->size - c.at;
        c.at = 0;
    }
    if (c.size > t->size - t->held || c.skipped > t->size - t->held - c.size || !yk_push(&t->chunks, &t->n_chunks, &t->cap, c))
        return false;
    t->held += c.size + c.skipped;
    return true;
}

int yk_transit_begin(yk_transit *t, uint64_t index, yoke_error *err)
{
    pthread_mutex_lock(&t->lock);
    t->item = index;
    bool is_there = t->n_chunks > 0;
    if (is_there) {
        t->chunks[t->n_chunks - 1].last = index;
        t->chunks[t->n_chunks - 1].n_items++;
    } else {
        is_there = add_chunk(t, 0);
    }
    pthread_mutex_unlock(&t->lock);
    return is_there ? 0 : yk_fail_nomem(err, "reading items");
}

void *yk_transit_put(yk_transit *t, size_t n)
{
    void  *at = NULL;
    size_t room = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (room < n || room > t->size)
        return NULL;
    pthread_mutex_lock(&t->lock);
    chunk *c = &t->chunks[t->n_chunks - 1];
    if (room > c->size - c->used)
        c = add_chunk(t, room) ? &t->chunks[t->n_chunks - 1] : NULL;
    if (c) {
        at = t->ring + c->at + c->used;
        c->used += room;
    }
    pthread_mutex_unlock(&t->lock);
    return at;
}

/* With the lock held: the oldest chunks, but the one being filled, go when all their items are done. */
static void give_back(yk_transit *t)
{
    size_t n = 0;
    for (; n + 1 < t->n_chunks && t->chunks[n].n_done == t->chunks[n].n_items; n++) {
        madvise(t->ring + t->chunks[n].at, t->chunks[n].size, MADV_REMOVE);
        t->held -= t->chunks[n].size + t->chunks[n].skipped;
    }
    if (n > 0) {
        t->n_chunks -= n;
        memmove(t->chunks, t->chunks + n, t->n_chunks * sizeof *t->chunks);
    }
}

void yk_transit_done(yk_transit *t, uint64_t index)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n_chunks && t->chunks[i].first <= index; i++)
        t->chunks[i].n_done += index <= t->chunks[i].last;
    give_back(t);
    pthread_mutex_unlock(&t->lock);
}
