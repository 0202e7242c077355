/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Map and reduce. The tree over the index has one shape however the tasks fall into blocks: a block folds the whole
 * branches it holds, the caller joins branches of equal height as a binary counter does.
 *
 *     0 1 2 3 4 5 6        tasks
 *     \_/ \_/ \_/ |        height 1
 *      \___/   \__/        height 2; a branch without a neighbour goes up as it is
 *        \_____/
 */
#include "map/call.h"
#include "map/source.h"

enum { MAX_HEIGHT = 64 };

typedef struct reduction {
    yk_call          call;
    yk_source        source;
    yoke_combine_fn *combine;
    size_t           size;
    unsigned char   *stack;           /* owned; MAX_HEIGHT + 1 values */
    unsigned         height[MAX_HEIGHT + 1];
    bool             is_none[MAX_HEIGHT + 1];
    unsigned         n_stack;
} reduction;

/* The height of the largest whole branch that starts at lo and has at most n tasks. */
static unsigned branch_height(uint64_t lo, uint64_t n)
{
    unsigned h = 63 - (unsigned)__builtin_clzll(n);
    return lo && (unsigned)__builtin_ctzll(lo) < h ? (unsigned)__builtin_ctzll(lo) : h;
}

/* a = a (+) b, where either may be none. */
static int join(const reduction *r, void *a, uint8_t *a_none, const void *b, bool b_none, yoke_error *err)
{
    if (b_none)
        return 0;
    if (*a_none) {
        memcpy(a, b, r->size);
        *a_none = 0;
        return 0;
    }
    int rc = r->combine(r->call.opts.ctx, a, b, err);
    return rc < 0 ? yk_fail(err, rc, "the combine function failed: %s", yoke_error_name(rc)) : 0;
}

static int fold_branch(const reduction *r, unsigned char *v, uint8_t *none, uint32_t n, yoke_error *err)
{
    for (uint32_t half = 1; half < n; half *= 2)
        for (uint32_t i = 0; i < n; i += 2 * half)
            YK_TRY(join(r, v + (size_t)i * r->size, &none[i], v + (size_t)(i + half) * r->size, none[i + half], err));
    return 0;
}

static int pack(void *call, yk_block *b, yoke_error *err)
{
    const reduction *r = ((yk_call *)call)->work.extra;
    for (uint32_t at = 0; at < b->n;) {
        uint32_t n = UINT32_C(1) << branch_height(b->lo + at, b->n - at);
        YK_TRY(fold_branch(r, b->out + (size_t)at * r->size, b->bad + at, n, err));
        if (at != b->n_packed) {
            memcpy(b->out + (size_t)b->n_packed * r->size, b->out + (size_t)at * r->size, r->size);
            b->bad[b->n_packed] = b->bad[at];
        }
        b->n_packed++;
        at += n;
    }
    return 0;
}

static unsigned char *stacked(reduction *r, unsigned k) { return r->stack + (size_t)k * r->size; }

/* Joins the two topmost branches. */
static int join_top(reduction *r, yoke_error *err)
{
    unsigned k = r->n_stack - 2;
    uint8_t  none = r->is_none[k];
    YK_TRY(join(r, stacked(r, k), &none, stacked(r, k + 1), r->is_none[k + 1], err));
    r->is_none[k] = none;
    r->height[k]++;
    r->n_stack--;
    return 0;
}

static int take_block(reduction *r, const yk_block *b, yoke_error *err)
{
    uint64_t lo = b->lo, end = b->lo + b->n;
    for (uint32_t j = 0; j < b->n_packed; j++) {
        unsigned h = branch_height(lo, end - lo), k = r->n_stack++;
        memcpy(stacked(r, k), b->out + (size_t)j * r->size, r->size);
        r->height[k] = h;
        r->is_none[k] = b->bad[j];
        lo += UINT64_C(1) << h;
        while (r->n_stack > 1 && r->height[r->n_stack - 2] == r->height[r->n_stack - 1])
            YK_TRY(join_top(r, err));
    }
    return 0;
}

static int take_all(reduction *r, yoke_error *err)
{
    yk_block *b;
    int       rc;
    while ((rc = yk_call_next(&r->call, &b, err)) == YK_NEXT_BLOCK) {
        rc = take_block(r, b, err);
        yk_call_release(&r->call, b);
        if (rc < 0)
            return rc;
    }
    while (rc == 0 && r->n_stack > 1)
        rc = join_top(r, err);
    return rc;
}

int yoke_map_reduce(yoke_session *s, yoke_task_fn *fn, yoke_items items, yoke_combine_fn *combine, void *result,
                    size_t result_size, const yoke_map_opts *opts, yoke_error *err)
{
    reduction r = {.source.items = items, .combine = combine, .size = result_size};
    size_t    bytes;
    if (YK_LACKS(s, err) || YK_LACKS(fn, err) || YK_LACKS(combine, err) || YK_LACKS(result, err) || YK_LACKS_VALUES(items, err))
        return YOKE_EINVALID;
    if (!result_size || !yk_mul(&bytes, MAX_HEIGHT + 1, result_size))
        return yk_fail(err, YOKE_EINVALID, "map_reduce: a result of %zu bytes cannot be combined", result_size);
    YK_AUTOFREE unsigned char *stack = yk_malloc(bytes);
    if (!stack)
        return yk_fail_nomem(err, "starting a reduction");
    r.stack = stack;
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    YK_TRY(yk_take_opts(&o, sizeof o, opts, err));
    o.unordered = false;
    o.on_result = NULL;
    yk_work w = {.name = "map_reduce", .out_size = result_size, .ctx = &r.call, .task = fn, .is_users = true,
                 .pack = pack, .has_tree = true, .extra = &r};
    yk_source_use(&r.source, &w);
    YK_TRY(yk_call_begin(&r.call, s, &o, &w, err));
    int folded = yk_source_end(&r.source, take_all(&r, err), err), rc = yk_call_end(&r.call, folded, err);
    if (folded == 0 && (rc == 0 || rc == YOKE_ETASK) && r.n_stack && !r.is_none[0])
        memcpy(result, stacked(&r, 0), result_size);
    return rc;
}
