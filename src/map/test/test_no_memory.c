/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every call of the family with its first, second, third … allocation failing: it either succeeds with the right result or
 * says that memory is out, and in both cases leaves nothing behind.
 */
#include "base/test/check.h"

#include "base/alloc.h"
#include "map/test/numbers.h"

#include <yoke/future.h>
#include <yoke/graph.h>

#include <stdlib.h>
#include <string.h>

enum { N = 40 };
static uint64_t items[N], got[N * N];

static int twice(yoke_task *t, const void *item, void *result)
{
    uint64_t *scratch = yoke_task_scratch(t, 200);
    if (!scratch)
        return YOKE_ENOMEM;
    memcpy(scratch, item, sizeof *scratch);
    *(uint64_t *)result = 2 * *scratch;
    return yoke_task_emit(t, scratch, 8);
}

static int odd_fail(yoke_task *t, const void *item, void *result)
{
    if (yoke_task_index(t) % 2)
        return yoke_task_fail(t, "odd");
    *(uint64_t *)result = 2 * *(const uint64_t *)item;
    return 0;
}

static int start(void *ctx, void **ret_state, yoke_error *err)
{
    (void)ctx;
    (void)err;
    *ret_state = malloc(8); /* not counted: the user's own */
    return *ret_state ? 0 : YOKE_ENOMEM;
}

static void stop(void *ctx, void *state)
{
    (void)ctx;
    free(state);
}

static int keep(yoke_task *t, const void *item, void *result)
{
    (void)result;
    (*(uint64_t **)yoke_task_ctx(t))[yoke_task_index(t)] = 2 * *(const uint64_t *)item;
    return 0;
}

static int check_doubled(int rc, uint64_t n)
{
    for (uint64_t i = 0; rc == 0 && i < n; i++)
        assert_int_equal(got[i], 2 * items[i]);
    return rc;
}

static int call_map(yoke_session *s, yoke_error *err)
{
    return check_doubled(yoke_map(s, twice, items, N, 8, got, 8, NULL, err), N);
}

static int note(void *ctx, const yoke_outcome *o)
{
    *(uint64_t *)ctx += o->error ? 1 : 0;
    return 0;
}

static int call_collect(yoke_session *s, yoke_error *err)
{
    yoke_failures *bad = NULL;
    yoke_map_opts  o = YOKE_MAP_OPTS_INIT;
    uint64_t       n = 0;
    o.on_error = YOKE_COLLECT;
    o.failures = &bad;
    o.retries = 1;
    o.on_result = note;
    o.callback_ctx = &n;
    int rc = yoke_map(s, odd_fail, items, N, 8, got, 8, &o, err);
    if (rc == YOKE_ETASK)
        assert_true(yoke_failures_count(bad) == N / 2 && n == N / 2);
    yoke_failures_free(bad);
    return rc == YOKE_ETASK ? 0 : rc;
}

static int plus(yoke_task *t, const void *const *args, void *result)
{
    (void)t;
    *(uint64_t *)result = *(const uint64_t *)args[0] + *(const uint64_t *)args[1];
    return 0;
}

static int call_starmap(yoke_session *s, yoke_error *err)
{
    yoke_arg args[2] = {{items, N, 8}, {items, N, 8}};
    int      rc = check_doubled(yoke_starmap(s, plus, args, 2, YOKE_ZIP, got, 8, NULL, err), N);
    return rc < 0 ? rc : yoke_starmap(s, plus, args, 2, YOKE_PRODUCT, got, 8, NULL, err);
}

static int call_imap(yoke_session *s, yoke_error *err)
{
    numbers      all = {items, items + N};
    uint64_t     n = 0;
    yoke_outcome o;
    int          rc = 0;
    yoke_imap   *it = yoke_imap_open(s, twice, yoke_items_from(next_number, &all, 8), 8, NULL, err);
    while (it && (rc = yoke_imap_next(it, &o, err)) > 0)
        assert_int_equal(*(const uint64_t *)o.value, 2 * items[n++]);
    assert_true(!it || rc < 0 || n == N);
    yoke_imap_close(it);
    return it ? rc : err->code;
}

/* Without order, from an array, with failures kept and workers that prepare something. */
static int call_unordered(yoke_session *s, yoke_error *err)
{
    yoke_failures *bad = NULL;
    yoke_outcome   o;
    yoke_map_opts  opts = YOKE_MAP_OPTS_INIT;
    uint64_t       n = 0;
    int            rc = 0;
    opts.unordered = true;
    opts.on_error = YOKE_COLLECT;
    opts.failures = &bad;
    opts.worker_start = start;
    opts.worker_stop = stop;
    opts.chunk = 3;
    yoke_imap *it = yoke_imap_open(s, odd_fail, yoke_items_array(items, N, 8), 8, &opts, err);
    while (it && (rc = yoke_imap_next(it, &o, err)) > 0)
        n += o.error ? 1 : *(const uint64_t *)o.value == 2 * items[o.index] ? 100 : 1000000;
    assert_true(rc != YOKE_ETASK || n == N / 2 * 101);
    yoke_imap_close(it);
    assert_true(rc != YOKE_ETASK || yoke_failures_count(bad) == N / 2);
    yoke_failures_free(bad);
    return !it ? err->code : rc == YOKE_ETASK ? 0 : rc;
}

/* Workers that live on from call to call, and shared memory. */
static int call_flat(yoke_session *s, yoke_error *err)
{
    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    uint64_t     *into = yoke_shared_new(N * sizeof *into, err);
    int           rc = into ? 0 : err->code;
    opts.is_flat = true;
    opts.ctx = &into;
    opts.ctx_size = sizeof into;
    for (int round = 0; rc == 0 && round < 2; round++)
        rc = yoke_map(s, keep, items, N, 8, NULL, 0, &opts, err);
    for (uint64_t i = 0; rc == 0 && i < N; i++)
        assert_int_equal(into[i], 2 * items[i]);
    yoke_shared_free(into, N * sizeof *into);
    return rc;
}

static int cancel_now(yoke_task *t, const void *item, void *result)
{
    (void)item;
    (void)result;
    yoke_cancel_set(yoke_task_ctx(t));
    return 0;
}

static int call_cancel(yoke_session *s, yoke_error *err)
{
    yoke_failures *bad = NULL;
    yoke_map_opts  opts = YOKE_MAP_OPTS_INIT;
    opts.ctx = opts.cancel = yoke_cancel_new(err);
    opts.failures = &bad;
    opts.on_error = YOKE_IGNORE;
    opts.chunk = 1;
    int rc = opts.cancel ? yoke_map(s, cancel_now, NULL, 1000, 0, NULL, 0, &opts, err) : err->code;
    assert_true(rc != YOKE_ECANCELED || yoke_failures_count(bad) > 0);
    yoke_failures_free(bad);
    yoke_cancel_free(opts.cancel);
    return rc == YOKE_ECANCELED ? 0 : rc;
}

static int add(void *ctx, void *into, const void *from, yoke_error *err)
{
    (void)ctx;
    (void)err;
    *(uint64_t *)into += *(const uint64_t *)from;
    return 0;
}

static int call_reduce(yoke_session *s, yoke_error *err)
{
    uint64_t sum = 0;
    int      rc = yoke_map_reduce(s, twice, yoke_items_array(items, N, 8), add, &sum, 8, NULL, err);
    assert_true(rc < 0 || sum == N * (N - 1));
    return rc;
}

static int nothing(yoke_task *t, uint64_t lo, uint64_t hi)
{
    (void)lo;
    (void)hi;
    return yoke_task_scratch(t, 100) ? 0 : YOKE_ENOMEM;
}

static int call_loop(yoke_session *s, yoke_error *err) { return yoke_for(s, nothing, 1000, 100, NULL, err); }

static int call_submit(yoke_session *s, yoke_error *err)
{
    static const size_t sizes[2] = {8, 5000}; /* from a slab, and alone */
    static uint64_t     item[625], result[625];
    for (int k = 0; k < 2; k++) {
        yoke_future *f[3] = {NULL};
        int          rc = 0;
        for (uint64_t i = 0; i < 3; i++) {
            item[0] = i;
            f[i] = yoke_submit(s, i == 1 ? odd_fail : twice, item, sizes[k], sizes[k], err);
            rc = f[i] ? rc : err->code;
        }
        for (uint64_t i = 0; i < 3; i++) {
            int one = f[i] ? yoke_future_get(f[i], result, err) : 0;
            assert_true(one < 0 || !f[i] || result[0] == 2 * i);
            rc = one < 0 && one != YOKE_ETASK ? one : rc;
            yoke_future_free(f[i]);
        }
        if (rc < 0)
            return rc;
        yoke_error_clear(err);
    }
    return 0;
}

static void count_told(void *ctx, yoke_future *f)
{
    (void)f;
    __atomic_fetch_add((int *)ctx, 1, __ATOMIC_SEQ_CST);
}

/* A callback, a file descriptor, one that is cancelled, one that is freed at once. */
static int call_future_ways(yoke_session *s, yoke_error *err)
{
    static int   told;
    uint64_t     x = 5, got_one = 0;
    int          rc = 0;
    yoke_future *f[3] = {NULL};
    told = 0;
    for (int i = 0; i < 3; i++)
        f[i] = yoke_submit(s, twice, &x, sizeof x, sizeof x, err);
    if (f[0]) {
        yoke_future_then(f[0], count_told, &told);
        rc = yoke_future_fd(f[0], err) < 0 ? err->code : 0;
        int one = yoke_future_get(f[0], &got_one, err);
        rc = rc ? rc : one;
        assert_true(rc < 0 || (got_one == 10 && yoke_future_is_ready(f[0])));
    }
    if (f[1])
        yoke_future_cancel(f[1]);
    for (int i = 0; i < 3; i++) {
        rc = f[i] ? rc : err->code;
        yoke_future_free(f[i]);
    }
    return rc;
}

static int sum_inputs(yoke_task *t, const void *arg, const void *const *inputs, void *result)
{
    (void)t;
    *(uint64_t *)result = inputs[0] && arg ? *(const uint64_t *)inputs[0] + *(const uint64_t *)arg : 1;
    return 0;
}

static int first(yoke_task *t, const void *arg, const void *const *inputs, void *result)
{
    (void)inputs;
    (void)arg;
    *(uint64_t *)result = 1;
    return yoke_task_scratch(t, 100) ? 0 : YOKE_ENOMEM;
}

static int call_graph(yoke_session *s, yoke_error *err)
{
    yoke_graph *g = yoke_graph_new(err);
    int64_t     last = -1;
    for (uint64_t i = 0; g && i < 30; i++) {
        int64_t needs[20];
        for (int k = 0; k < 20; k++) /* more than 16 inputs are listed in scratch memory */
            needs[k] = (int64_t)i - 1;
        int64_t id = yoke_graph_add(g, i ? sum_inputs : first, &i, sizeof i, 8, needs, i ? 20 : 0, err);
        if (id < 0)
            break;
        last = id;
    }
    if (last == 29 && !err->code)
        (void)yoke_graph_need(g, 29, 3, err); /* one more input, not looked at */
    int rc = !g || err->code ? err->code : yoke_graph_run(s, g, NULL, err);
    assert_true(rc < 0 || (last == 29 && *(const uint64_t *)yoke_graph_result(g, 29) == 1 + 29 * 30 / 2));
    yoke_graph_free(g);
    return rc;
}

static void try_all(int (*call)(yoke_session *s, yoke_error *err))
{
    static const char *const some[] = {"serial", "threads:2", "processes:2"};
    for (uint64_t i = 0; i < N; i++)
        items[i] = i;
    for (size_t e = 0; e < 3; e++) {
        uint64_t asked = UINT64_MAX, fail_at = 0;
        while (asked >= fail_at) {
            fail_at++;
            yk_alloc_test_begin(fail_at);
            yoke_error    err = YOKE_ERROR_INIT;
            yoke_session *s = yoke_open(some[e], &err);
            int           rc = s ? call(s, &err) : err.code;
            yoke_close(s);
            assert_int_equal(yk_alloc_test_end(&asked), 0);
            assert_true(rc == 0 || rc == YOKE_ENOMEM);
        }
        assert_true(fail_at > 4);
    }
}

#define EVERY_ALLOCATION(name) \
    TEST(name) { try_all(call_##name); }
EVERY_ALLOCATION(map)
EVERY_ALLOCATION(collect)
EVERY_ALLOCATION(starmap)
EVERY_ALLOCATION(imap)
EVERY_ALLOCATION(unordered)
EVERY_ALLOCATION(flat)
EVERY_ALLOCATION(cancel)
EVERY_ALLOCATION(reduce)
EVERY_ALLOCATION(loop)
EVERY_ALLOCATION(submit)
EVERY_ALLOCATION(future_ways)
EVERY_ALLOCATION(graph)

RUN_TESTS(map, collect, starmap, imap, unordered, flat, cancel, reduce, loop, submit, future_ways, graph)
