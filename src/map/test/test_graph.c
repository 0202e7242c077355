/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Futures and graphs on every executor.
 */
#include "base/test/check.h"

#include "base/alloc.h"

#include <yoke/future.h>
#include <yoke/graph.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const everywhere[] = {"serial",      "threads:1",   "threads:2",   "threads:3",  "threads:7",
                                         "processes:1", "processes:2", "processes:3", "processes:7"};
#define FOR_ALL(s)                                                                                                   \
    for (size_t at_ = 0; at_ < sizeof everywhere / sizeof *everywhere; at_++)                                        \
        for (yoke_session *s = yoke_open(everywhere[at_], NULL); s; yoke_close(s), s = NULL)

static int twice(yoke_task *t, const void *item, void *result)
{
    int x = *(const int *)item;
    if (x % 100 == 13)
        return yoke_task_fail(t, "%d is unlucky", x);
    *(int *)result = 2 * x;
    return 0;
}

TEST(futures)
{
    enum { N = 1000 };
    static yoke_future *f[N];
    FOR_ALL(s)
    {
        for (int i = 0; i < N; i++)
            assert_non_null(f[i] = yoke_submit(s, twice, &i, sizeof i, sizeof i, NULL));
        for (int i = 0; i < N; i++) {
            int        got = -1;
            yoke_error err = YOKE_ERROR_INIT;
            int        rc = yoke_future_get(f[i], &got, &err);
            char       want[40];
            snprintf(want, sizeof want, "%d is unlucky", i);
            assert_int_equal(rc, i % 100 == 13 ? YOKE_ETASK : 0);
            if (rc < 0)
                assert_string_equal(err.text, want);
            else
                assert_int_equal(got, 2 * i);
            assert_true(yoke_future_is_ready(f[i]));
            yoke_future_free(f[i]);
        }
        int          x = 5;
        yoke_future *dropped = yoke_submit(s, twice, &x, sizeof x, sizeof x, NULL);
        yoke_future_free(dropped);
    }
}

/* Tasks that are held until so many of them run at once, or until the test opens the gate. */
typedef struct gate {
    atomic_int here, wanted;
} gate;

static int meet(yoke_task *t, const void *item, void *result)
{
    gate *g = *(gate *const *)item;
    (void)result;
    atomic_fetch_add(&g->here, 1);
    for (int ms = 0; atomic_load(&g->here) < atomic_load(&g->wanted); ms++)
        if (usleep(1000) < 0 || ms > 30000)
            return yoke_task_fail(t, "%d of %d are here", atomic_load(&g->here), atomic_load(&g->wanted));
    return 0;
}

static void count(void *ctx, yoke_future *f)
{
    assert_true(yoke_future_is_ready(f));
    atomic_fetch_add((atomic_int *)ctx, 1);
}

TEST(future_signals)
{
    FOR_ALL(s)
    {
        atomic_int    n = 0;
        yoke_error    err = YOKE_ERROR_INIT;
        bool          is_serial = strcmp(yoke_session_executor(s), "serial") == 0;
        gate         *g = yoke_shared_new(sizeof *g, NULL);
        atomic_store(&g->wanted, is_serial ? 0 : 2);
        yoke_future *f = yoke_submit(s, meet, &g, sizeof g, 0, NULL);
        yoke_future_then(f, count, &n);
        struct pollfd p = {.fd = yoke_future_fd(f, NULL), .events = POLLIN};
        assert_int_equal(yoke_future_wait(f, 1, &err), is_serial ? 0 : YOKE_ETIMEOUT);
        assert_int_equal(poll(&p, 1, 0), is_serial);
        assert_int_equal(atomic_load(&n), is_serial);
        atomic_store(&g->wanted, 0);
        assert_int_equal(poll(&p, 1, 30000), 1);
        assert_int_equal(yoke_future_wait(f, -1, NULL), 0);
        for (int i = 0; i < 1000 && !atomic_load(&n); i++)
            usleep(1000);
        assert_int_equal(atomic_load(&n), 1);
        assert_false(yoke_future_cancel(f));
        yoke_future_free(f);
        yoke_shared_free(g, sizeof *g);
    }
}

/* Workers that had gone to sleep all come when there is work for all. */
TEST(futures_wake_all)
{
    yoke_session *s = yoke_open("threads:4", NULL);
    for (int round = 0; round < 5; round++) {
        gate         g = {0, 4}, *at = &g;
        yoke_future *f[4];
        for (int i = 0; i < 4; i++)
            f[i] = yoke_submit(s, meet, &at, sizeof at, 0, NULL);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(yoke_future_get(f[i], NULL, NULL), 0);
            yoke_future_free(f[i]);
        }
        usleep(5000); /* at first they are still awake */
    }
    yoke_close(s);
}

TEST(future_cancel)
{
    yoke_session *s = yoke_open("threads:1", NULL);
    yoke_future  *f[10];
    gate          g = {0, 11}, *at = &g;
    int           n = 0;
    for (int i = 0; i < 10; i++)
        f[i] = yoke_submit(s, meet, &at, sizeof at, 0, NULL);
    while (!atomic_load(&g.here))
        usleep(100);
    for (int i = 9; i >= 0; i--)
        n += yoke_future_cancel(f[i]);
    assert_int_equal(n, 9); /* all but the one that runs */
    atomic_store(&g.wanted, 0);
    for (int i = 0; i < 10; i++) {
        int rc = yoke_future_get(f[i], NULL, NULL);
        assert_true(rc == 0 || rc == YOKE_ECANCELED);
        n -= rc == YOKE_ECANCELED;
        yoke_future_free(f[i]);
    }
    assert_int_equal(n, 0);
    yoke_close(s);
}

static yoke_session *shared;

static int fib(yoke_task *t, const void *item, void *result)
{
    int n = *(const int *)item, a = n - 1, b = n - 2, x = 0, y = 0;
    (void)t;
    if (n >= 2) {
        yoke_future *f = yoke_submit(shared, fib, &a, sizeof a, sizeof x, NULL),
            *g = yoke_submit(shared, fib, &b, sizeof b, sizeof y, NULL);
        int rc = yoke_future_get(f, &x, NULL) | yoke_future_get(g, &y, NULL);
        yoke_future_free(f);
        yoke_future_free(g);
        if (rc)
            return rc;
    }
    *(int *)result = n < 2 ? n : x + y;
    return 0;
}

TEST(futures_inside_tasks)
{
    FOR_ALL(s)
    {
        int          n = 14, got = 0;
        shared = s;
        yoke_future *f = yoke_submit(s, fib, &n, sizeof n, sizeof n, NULL);
        assert_int_equal(yoke_future_get(f, &got, NULL), 0);
        assert_int_equal(got, 377);
        yoke_future_free(f);
    }
}

static int sizes(yoke_task *t, const void *item, void *result)
{
    (void)t;
    size_t n;
    memcpy(&n, item, sizeof n);
    for (size_t i = sizeof n; i < n; i++)
        if (((const unsigned char *)item)[i] != 7)
            return yoke_task_fail(t, "byte %zu is wrong", i);
    if (n == 77)
        raise(SIGKILL);
    memset(result, (int)(n & 0xff), n);
    return 0;
}

TEST(future_sizes)
{
    static unsigned char item[300000], got[300000];
    static const size_t  n[] = {8, 1024, 1025, 100000, 16, 300000};
    memset(item, 7, sizeof item);
    FOR_ALL(s)
    {
        for (size_t k = 0; k < 6; k++) {
            memcpy(item, &n[k], sizeof n[k]);
            yoke_future *f = yoke_submit(s, sizes, item, n[k], n[k], NULL);
            assert_int_equal(yoke_future_get(f, got, NULL), 0);
            assert_int_equal(got[n[k] - 1], n[k] & 0xff);
            yoke_future_free(f);
        }
        if (strcmp(yoke_session_executor(s), "processes") == 0) {
            size_t       bad = 77;
            yoke_error   err = YOKE_ERROR_INIT;
            memcpy(item, &bad, sizeof bad);
            yoke_future *f = yoke_submit(s, sizes, item, bad, bad, NULL);
            assert_int_equal(yoke_future_get(f, got, &err), YOKE_EDIED);
            assert_string_equal(err.text, "its worker died: signal KILL");
            yoke_future_free(f);
        }
    }
}

/* ---- graphs ---- */

static int plus(yoke_task *t, const void *arg, const void *const *inputs, void *result)
{
    int      n = *(const int *)arg;
    uint64_t sum = 1 + yoke_task_index(t);
    for (int k = 0; k < n; k++)
        sum = sum * 31 + *(const uint64_t *)inputs[k];
    memcpy(result, &sum, sizeof sum);
    return 0;
}

TEST(graph)
{
    enum { N = 3000 };
    static uint64_t want[N];
    FOR_ALL(s)
    {
        yoke_graph *g = yoke_graph_new(NULL);
        unsigned    seed = 1;
        for (int i = 0; i < N; i++) {
            int64_t needs[3];
            int     n = i < 3 ? 0 : i % 4;
            want[i] = 1 + (uint64_t)i;
            for (int k = 0; k < n; k++) {
                seed = seed * 1664525u + 1013904223u;
                needs[k] = seed % (unsigned)i;
                want[i] = want[i] * 31 + want[needs[k]];
            }
            assert_int_equal(yoke_graph_add(g, plus, &n, sizeof n, 8, needs, (size_t)n, NULL), i);
        }
        for (int round = 0; round < 2; round++) {
            assert_int_equal(yoke_graph_run(s, g, NULL, NULL), 0);
            for (int i = 0; i < N; i++)
                assert_int_equal(*(const uint64_t *)yoke_graph_result(g, i), want[i]);
        }
        yoke_graph_free(g);
    }
}

static int fails_at_5(yoke_task *t, const void *arg, const void *const *inputs, void *result)
{
    (void)inputs;
    (void)arg;
    if (yoke_task_index(t) == 5)
        return yoke_task_fail(t, "five");
    memset(result, 1, 4);
    return 0;
}

TEST(graph_errors)
{
    FOR_ALL(s)
    {
        yoke_error     err = YOKE_ERROR_INIT;
        yoke_graph    *g = yoke_graph_new(NULL);
        yoke_map_opts  o = YOKE_MAP_OPTS_INIT;
        yoke_failures *bad;
        for (int64_t i = 0; i < 12; i++) {
            int64_t needs[1] = {i - 3};
            assert_int_equal(yoke_graph_add(g, fails_at_5, NULL, 0, 4, needs, i >= 3, NULL), i);
        }
        o.on_error = YOKE_COLLECT;
        o.failures = &bad;
        assert_int_equal(yoke_graph_run(s, g, &o, &err), YOKE_ETASK);
        assert_string_equal(err.text, "1 of 10 tasks failed; the first: task 5 of graph: five");
        assert_int_equal(yoke_failures_count(bad), 3);
        assert_string_equal(yoke_failures_find(bad, 5)->error->text, "five");
        assert_string_equal(yoke_failures_find(bad, 8)->error->text, "it needs node 5, which failed");
        assert_string_equal(yoke_failures_find(bad, 11)->error->text, "it needs node 8, which failed");
        assert_null(yoke_graph_result(g, 8));
        assert_non_null(yoke_graph_result(g, 10));
        yoke_failures_free(bad);
        yoke_error_clear(&err);
        assert_int_equal(yoke_graph_run(s, g, NULL, &err), YOKE_ETASK);
        assert_string_equal(err.text, "task 5 of graph: five");
        yoke_error_clear(&err);
        assert_int_equal(yoke_graph_need(g, 2, 8, NULL), 0);
        assert_int_equal(yoke_graph_run(s, g, NULL, &err), YOKE_EINVALID);
        assert_non_null(strstr(err.text, "needs itself, by way of others"));
        yoke_error_clear(&err);
        assert_int_equal(yoke_graph_need(g, 2, 99, &err), YOKE_EINVALID);
        assert_string_equal(err.text, "graph: node 2 needs node 99, which there is not");
        yoke_graph_free(g);
    }
}

static void *caller(void *arg)
{
    yoke_session *s = arg;
    int           items[500], got[500];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 500; i++)
            items[i] = (int)((uintptr_t)items / 64 % 100000) + i * (round + 1); /* each thread its own */
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        o.on_error = YOKE_IGNORE;
        assert_int_equal(yoke_map(s, twice, items, 500, sizeof *items, got, sizeof *got, &o, NULL), 0);
        for (int i = 0; i < 500; i++)
            assert_int_equal(got[i], items[i] % 100 == 13 ? 0 : 2 * items[i]);
    }
    return NULL;
}

TEST(many_callers)
{
    static const char *const some[] = {"serial", "threads:1", "threads:3", "processes:2"};
#ifdef __SANITIZE_ADDRESS__ /* which leaves its allocator locked in a child when another thread was allocating at the fork */
    enum { N = 3 };
#else
    enum { N = 4 };
#endif
    for (size_t k = 0; k < N; k++) {
        yoke_session *s = yoke_open(some[k], NULL);
        pthread_t     t[5];
        for (int i = 0; i < 5; i++)
            pthread_create(&t[i], NULL, caller, s);
        for (int i = 0; i < 5; i++)
            pthread_join(t[i], NULL);
        yoke_close(s);
    }
}

RUN_TESTS(futures, future_signals, futures_wake_all, future_cancel, futures_inside_tasks, future_sizes, graph, graph_errors, many_callers)
