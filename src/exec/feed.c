/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Block sizes: one task until a cost is known, then as many as take target_ns, at most sixteen times the largest block
 * seen (a cheap first task says little); or as many as are better run by one worker. At most half a worker's share of what is left, so that
 * all end together.
 */
#include "exec/feed.h"

#include <string.h>

enum { MIN_WINDOW = 64, MAX_WINDOW = 1024, GROWN_WINDOW = 32 << 10, MAX_BLOCK_BYTES = 32 << 10, MAX_BLOCK = 1 << 20 };
static const size_t   MAX_HELD = (size_t)48 << 20;
static const uint64_t TARGET_NS = 200000;

uint32_t yk_feed_max_block(size_t task_bytes)
{
    uint64_t most = task_bytes ? MAX_BLOCK_BYTES / task_bytes : MAX_BLOCK;
    return most < 1 ? 1 : most > MAX_BLOCK ? MAX_BLOCK : (uint32_t)most;
}

/* Of the block's own memory. */
static size_t task_bytes(const yk_work *w)
{
    size_t in = w->fill ? w->in_size : 0, out = w->out ? 0 : w->out_size;
    size_t rest = (w->has_times ? sizeof(yk_times) : 0) + (w->pack ? 1 : 0);
    return in > SIZE_MAX / 4 || out > SIZE_MAX / 4 ? SIZE_MAX / 2 : in + out + rest;
}

static uint64_t window_for(size_t bytes, unsigned workers)
{
    uint64_t least = 4u * workers > MIN_WINDOW ? 4u * workers : MIN_WINDOW, want = MAX_WINDOW;
    while (want > least && want * bytes > MAX_HELD)
        want /= 2;
    uint64_t n = MIN_WINDOW;
    while (n < want)
        n *= 2;
    return n;
}

int yk_feed_init(yk_feed *f, const yk_work *w, unsigned workers, yoke_error *err)
{
    size_t bytes = task_bytes(w);
    *f = (yk_feed){.work = w,
                   .workers = workers,
                   .max_block = yk_feed_max_block(bytes),
                   .target_ns = TARGET_NS,
                   .most_bytes = w->expected,
                   .n_window = window_for(bytes, workers)};
    f->window = yk_new_array(yk_block *, f->n_window);
    return f->window ? 0 : yk_fail_nomem(err, "starting a run");
}

static void block_free(yk_block *b)
{
    if (!b)
        return;
    yk_buf_fini(&b->emitted);
    yk_free(b->mishaps);
    yk_free(b->own);
    yk_free(b);
}

static void list_free(yk_block *b)
{
    while (b) {
        yk_block *next = b->next;
        block_free(b);
        b = next;
    }
}

void yk_feed_fini(yk_feed *f)
{
    if (!f->window)
        return;
    for (uint64_t seq = f->seq_in; seq < f->seq_out && !f->work->is_unordered; seq++)
        block_free(f->window[seq % f->n_window]);
    list_free(f->done_first);
    list_free(f->free);
    yk_free(f->window);
    f->window = NULL;
}

/* Room for one block more. Where memory counts, a running one is taken to hold as much again as its result, and twice that while it
 * makes it; one may always run. */
static bool has_room(const yk_feed *f)
{
    bool is_alone = f->seq_out == f->seq_in;
    if (f->work->most_running && f->n_running >= f->work->most_running)
        return false;
    return f->held < MAX_HELD && (is_alone || !f->work->max_held || f->held + (f->n_running + 1) * 3 * f->most_bytes <= f->work->max_held);
}

/* All of the window is waiting for one slow block. A stream is not read on for that: what it gives next may be long in coming. */
static bool may_grow(const yk_feed *f)
{
    const yk_block *front = f->work->is_unordered ? NULL : f->window[f->seq_in % f->n_window];
    return front && !front->is_done && !f->work->fill && f->n_window < GROWN_WINDOW;
}

bool yk_feed_may_claim(const yk_feed *f)
{
    return !f->is_ended && !f->is_later && f->next < f->work->n && has_room(f) && (f->seq_out - f->seq_in < f->n_window || may_grow(f));
}

/* Twice the window, and in a large one twice the time of a block, so that workers have something to do for minutes. */
static int grow(yk_feed *f, yoke_error *err)
{
    yk_block **wider = yk_new_array(yk_block *, 2 * f->n_window);
    if (!wider)
        return yk_fail_nomem(err, "looking further ahead");
    for (uint64_t seq = f->seq_in; seq < f->seq_out; seq++)
        wider[seq % (2 * f->n_window)] = f->window[seq % f->n_window];
    yk_free(f->window);
    f->window = wider;
    f->target_ns *= f->n_window < MAX_WINDOW ? 1 : 2;
    f->n_window *= 2;
    return 0;
}

bool yk_feed_is_finished(const yk_feed *f)
{
    return f->seq_in == f->seq_out && (f->is_ended || f->next >= f->work->n);
}

static uint64_t size_by_cost(const yk_feed *f)
{
    if (f->task_ns <= 0)
        return 1;
    double by_cost = (double)f->target_ns / f->task_ns;
    uint64_t want = by_cost < 1 ? 1 : by_cost > (double)f->max_block ? f->max_block : (uint64_t)by_cost, most = f->largest * UINT64_C(16);
    return want < most ? want : most;
}

/* Those that are better run by one worker, once their results are known to be small: large ones are better folded one by one. */
static uint64_t size_together(const yk_feed *f)
{
    enum { SMALL = 256 << 10 };
    size_t most = (size_t)SMALL * f->largest / (f->most_bytes ? f->most_bytes : 1);
    return f->work->together < most ? f->work->together : most;
}

static uint32_t block_size(const yk_feed *f)
{
    uint64_t left = f->work->n - f->next, want = f->work->chunk;
    if (!want) {
        uint64_t together = size_together(f);
        want = size_by_cost(f);
        want = want > together ? want : together;
        uint64_t share = left / (2 * (uint64_t)f->workers);
        if (f->work->n != UINT64_MAX && want > share)
            want = share ? share : 1;
    }
    if (want > f->max_block)
        want = f->max_block;
    return (uint32_t)(want < left ? want : left);
}

/* With a tree, a power of two at a multiple of itself: a whole branch of the tree over the index. */
static uint32_t aligned_size(const yk_feed *f, uint32_t n)
{
    while (f->work->has_tree && n & (n - 1))
        n &= n - 1;
    while (f->work->has_tree && n > 1 && f->next % n)
        n /= 2;
    return n;
}

/* Lays out the block's own memory: items, results, times, items and results on 64-byte boundaries. */
static int block_room(yk_feed *f, yk_block *b, uint32_t n, yoke_error *err)
{
    const yk_work *w = f->work;
    size_t         in = w->fill ? w->in_size : 0, out = w->out ? 0 : w->out_size, a, o, t;
    if (!yk_mul(&a, n, in) || !yk_mul(&o, n, out) || a > SIZE_MAX / 4 || o > SIZE_MAX / 4)
        return yk_fail(err, YOKE_ELIMIT, "items or results of %zu and %zu bytes do not fit in memory", in, out);
    a = (a + 63) & ~(size_t)63;
    o = (o + 63) & ~(size_t)63;
    t = w->has_times ? n * sizeof(yk_times) : 0;
    size_t need = a + o + t + (w->pack ? n : 0);
    if (need > b->own_size) {
        unsigned char *p = yk_malloc_aligned(need);
        if (!p)
            return yk_fail_nomem(err, "making room for results");
        yk_free(b->own);
        b->own = p;
        b->own_size = need;
    }
    b->in = w->fill ? b->own : w->in ? (const unsigned char *)w->in + (size_t)f->next * w->in_size : NULL;
    b->out = w->out ? (unsigned char *)w->out + (size_t)f->next * w->out_size : b->own + a;
    b->times = w->has_times ? (yk_times *)(void *)(b->own + a + o) : NULL;
    b->bad = w->pack ? b->own + a + o + t : NULL;
    return 0;
}

static int fill(yk_feed *f, yk_block *b, yoke_error *err)
{
    uint32_t got = 0;
    int      rc = f->work->fill(f->work->fill_ctx, b->n, b->own, &got, err);
    if (rc < 0)
        return rc;
    f->is_later = rc == YK_FILL_LATER;
    f->is_ended = f->is_ended || rc == YK_FILL_END;
    b->n = got;
    return got > 0;
}

static void recycle(yk_feed *f, yk_block *b)
{
    b->next = f->free;
    f->free = b;
}

int yk_feed_claim(yk_feed *f, yk_block **ret, yoke_error *err)
{
    if (!yk_feed_may_claim(f))
        return 0;
    if (f->seq_out - f->seq_in == f->n_window)
        YK_TRY(grow(f, err));
    yk_block *b = f->free;
    if (b)
        f->free = b->next;
    else if (!(b = yk_new(yk_block)))
        return yk_fail_nomem(err, "starting a block of tasks");
    b->lo = f->next;
    b->n = aligned_size(f, block_size(f));
    int rc = block_room(f, b, b->n, err);
    if (rc == 0)
        rc = f->work->fill ? fill(f, b, err) : 1;
    if (rc <= 0) {
        recycle(f, b);
        return rc;
    }
    b->first = 0;
    b->first_attempt = 1;
    b->n_done = b->n_packed = 0;
    b->is_done = false;
    b->rc = 0;
    b->busy_ns = 0;
    b->next = NULL;
    b->n_mishaps = 0;
    yk_buf_clear(&b->emitted);
    if (b->why.code)
        yoke_error_clear(&b->why);
    b->seq = f->seq_out++;
    f->next += b->n;
    f->n_running++;
    if (!f->work->is_unordered)
        f->window[b->seq % f->n_window] = b;
    *ret = b;
    return 1;
}

static size_t bytes_of(const yk_block *b)
{
    return b->own_size + b->emitted.cap;
}

/* What is unclaimed hears of more by a poke alone. */
static void ask_again(yk_feed *f) { f->is_later = f->is_later && f->work->is_unclaimed; }

void yk_feed_done(yk_feed *f, yk_block *b)
{
    b->is_done = true;
    f->n_ended += b->n_done;
    ask_again(f);
    f->held += bytes_of(b);
    f->n_running--;
    f->most_bytes = f->largest && f->most_bytes > bytes_of(b) ? f->most_bytes : bytes_of(b);
    if (b->n > f->largest)
        f->largest = b->n;
    if (b->n_done) {
        double ns = (double)b->busy_ns / b->n_done;
        f->task_ns = f->task_ns > 0 ? 0.5 * f->task_ns + 0.5 * ns : ns;
        if (f->task_ns < 0.5)
            f->task_ns = 0.5;
    }
    if (!f->work->is_unordered)
        return;
    *(f->done_last ? &f->done_last->next : &f->done_first) = b;
    f->done_last = b;
}

yk_block *yk_feed_deliver(yk_feed *f)
{
    yk_block *b = f->work->is_unordered ? f->done_first : f->seq_in < f->seq_out ? f->window[f->seq_in % f->n_window] : NULL;
    if (!b || !b->is_done)
        return NULL;
    if (f->work->is_unordered) {
        f->done_first = b->next;
        f->done_last = b->next ? f->done_last : NULL;
    }
    return b;
}

void yk_feed_release(yk_feed *f, yk_block *b)
{
    f->held -= bytes_of(b);
    f->seq_in++;
    ask_again(f);
    if (b->emitted.cap > 1 << 16)
        yk_buf_fini(&b->emitted);
    recycle(f, b);
}
