/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Yoke's side of the table: prints "line<TAB>value" for each measurement, best of several runs. Value: ns a task, but for
 * the lines that say otherwise. The work is the same as in openmp_side.c, tbb_side.cpp and pools.py.
 */
#include "work.h"

#include <yoke/yoke.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { REPEATS = 7, N = 10000000, MANY = 1000000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Busy for some ns. */
static void spin(double ns)
{
    double end = now() + ns * 1e-9;
    while (now() < end)
        ;
}

static int busy_1ms(yoke_task *t, const void *item, void *result)
{
    (void)t;
    (void)item;
    (void)result;
    spin(1e6);
    return 0;
}

static int busy_10us(yoke_task *t, const void *item, void *result)
{
    (void)t;
    (void)item;
    (void)result;
    spin(1e4);
    return 0;
}

static int node(yoke_task *t, const void *arg, const void *const *inputs, void *result)
{
    (void)t;
    (void)arg;
    (void)inputs;
    *(int64_t *)result = 1;
    return 0;
}

static int next_item(void *ctx, void *ret_item, yoke_error *err)
{
    uint64_t *left = ctx;
    (void)err;
    if (!*left)
        return 0;
    memcpy(ret_item, left, sizeof *left);
    --*left;
    return 1;
}

static int add(void *ctx, void *into, const void *from, yoke_error *err)
{
    (void)ctx;
    (void)err;
    *(int64_t *)into += *(const int64_t *)from;
    return 0;
}

static int64_t *items, *results;

static int add_one(yoke_task *t, uint64_t lo, uint64_t hi)
{
    (void)t;
    for (uint64_t i = lo; i < hi; i++)
        results[i] = items[i] + 1;
    return 0;
}

static double time_loop(yoke_session *s, uint64_t n)
{
    double best = 1e9;
    for (int k = 0; k < REPEATS; k++) {
        double began = now();
        if (yoke_for(s, add_one, n, 0, NULL, NULL) < 0)
            exit(fprintf(stderr, "a loop failed\n"));
        double took = now() - began;
        best = took < best ? took : best;
    }
    return best / (double)n * 1e9;
}

static double time_map(yoke_session *s, yoke_task_fn *fn, uint64_t n, size_t size, uint64_t chunk)
{
    double        best = 1e9;
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    o.chunk = chunk;
    for (int k = 0; k < (n < 10000 ? 3 : REPEATS); k++) {
        yoke_error err = YOKE_ERROR_INIT;
        double     began = now();
        if (yoke_map(s, fn, size ? items : NULL, n, size, size ? results : NULL, size, &o, &err) < 0)
            exit(fprintf(stderr, "%s\n", err.text));
        double took = now() - began;
        best = took < best ? took : best;
    }
    return best / (double)n * 1e9;
}

static double time_futures(yoke_session *s, int n)
{
    double        best = 1e9;
    yoke_future **f = malloc((size_t)n * sizeof *f);
    for (int k = 0; k < REPEATS; k++) {
        double began = now();
        for (int64_t i = 0; i < n; i++)
            f[i] = yoke_submit(s, work_copy, &i, sizeof i, sizeof i, NULL);
        for (int i = 0; i < n; i++) {
            int64_t got;
            if (yoke_future_get(f[i], &got, NULL) < 0 || got != i)
                exit(fprintf(stderr, "a future is wrong\n"));
            yoke_future_free(f[i]);
        }
        double took = now() - began;
        best = took < best ? took : best;
    }
    free(f);
    return best / n * 1e9;
}

static void line(const char *name, double value)
{
    printf("%s\t%.4g\n", name, value);
    fflush(stdout);
}

static void time_graph(yoke_session *s, int64_t n)
{
    double      best = 1e9, began = now();
    yoke_graph *g = yoke_graph_new(NULL);
    for (int64_t i = 0; i < n; i++) {
        int64_t needs[2] = {i - 1000, i - 1 - i % 1000};
        yoke_graph_add(g, node, NULL, 0, 8, needs, i < 1000 ? 0 : 2, NULL);
    }
    double built = now() - began;
    for (int k = 0; k < 3; k++) {
        began = now();
        if (yoke_graph_run(s, g, NULL, NULL) < 0)
            exit(fprintf(stderr, "a graph failed\n"));
        double took = now() - began;
        best = took < best ? took : best;
    }
    yoke_graph_free(g);
    line("threads graph", best / (double)n * 1e9);
    line("threads graph, built and run", (built + best) / (double)n * 1e9);
}

static double time_pool(const char *on, int repeats)
{
    double best = 1e9;
    for (int k = 0; k < repeats; k++) {
        double        began = now();
        yoke_session *s = yoke_open(on, NULL);
        yoke_map(s, work_copy, items, 4, 8, results, 8, NULL, NULL);
        yoke_close(s);
        double took = now() - began;
        best = took < best ? took : best;
    }
    return best * 1e6;
}

static void time_memory(yoke_session *s, uint64_t n)
{
    uint64_t      left = n;
    int64_t       sum = 0;
    double        began = now();
    struct rusage u;
    yoke_map_reduce(s, work_copy, yoke_items_from(next_item, &left, 8), add, &sum, 8, NULL, NULL);
    line("lazy reduce", (now() - began) / (double)n * 1e9);
    getrusage(RUSAGE_SELF, &u);
    line("lazy reduce peak MiB", (double)u.ru_maxrss / 1024);
    if ((uint64_t)sum != n * (n + 1) / 2)
        exit(fprintf(stderr, "a sum is wrong\n"));
}

/* Workers are forked from this process, which costs more the more memory it has touched: what is measured of them comes
 * first, from a parent of some 20 MiB; then from one that has filled 256 MiB more. */
static void time_processes(void)
{
    yoke_session *p2 = yoke_open("processes:2", NULL), *p1 = yoke_open("processes:1", NULL);
    line("processes map", time_map(p2, work_copy, MANY, 8, 0));
    line("processes map chunk 1", time_map(p2, work_copy, 100000, 8, 1));
    line("processes futures", time_futures(p2, 20000));
    line("pool of 4, us", time_pool("processes:4", 50));
    line("processes 1 ms, speed-up", time_map(p1, busy_1ms, 400, 0, 0) / time_map(p2, busy_1ms, 400, 0, 0));
    line("processes 10 us, speed-up", time_map(p1, busy_10us, 40000, 0, 0) / time_map(p2, busy_10us, 40000, 0, 0));
    yoke_close(p1);
    yoke_close(p2);
}

static void time_large_parent(void)
{
    size_t        size = (size_t)256 << 20;
    char         *filled = malloc(size);
    yoke_session *s = yoke_open("processes:4", NULL);
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    double        best = 1e9;
    memset(filled, 1, size);
    line("pool of 4 from 256 MiB, us", time_pool("processes:4", 5));
    o.is_flat = true;
    for (int k = 0; k < 20; k++) {
        double began = now();
        if (yoke_map(s, work_copy, items, 4, 8, results, 8, &o, NULL) < 0)
            exit(fprintf(stderr, "a flat map failed\n"));
        double took = now() - began;
        best = took < best ? took : best;
    }
    line("call of kept workers there, us", best * 1e6);
    yoke_close(s);
    free(filled);
}

static void time_threads(void)
{
    yoke_session *t2 = yoke_open("threads:2", NULL), *t1 = yoke_open("threads:1", NULL);
    items = new_array(N);
    results = new_array(N);
    for (int64_t i = 0; i < N; i++)
        items[i] = i;
    line("threads for", time_loop(t2, N));
    line("threads map", time_map(t2, work_copy, N, 8, 0));
    if (memcmp(items, results, N * sizeof *items) != 0)
        exit(fprintf(stderr, "a result is wrong\n"));
    line("threads unbalanced", time_map(t2, work_steps, MANY, 8, 0));
    line("threads unbalanced, alone", time_map(t1, work_steps, MANY, 8, 0));
    line("threads futures", time_futures(t2, MANY));
    time_graph(t2, MANY);
    line("threads 1 ms, speed-up", time_map(t1, busy_1ms, 400, 0, 0) / time_map(t2, busy_1ms, 400, 0, 0));
    line("threads 10 us, speed-up", time_map(t1, busy_10us, 40000, 0, 0) / time_map(t2, busy_10us, 40000, 0, 0));
    yoke_close(t1);
    yoke_close(t2);
}

int main(int argc, char **argv)
{
    yoke_session *t2 = yoke_open("threads:2", NULL);
    items = calloc(MANY, sizeof *items);
    results = calloc(MANY, sizeof *results);
    time_memory(t2, argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000);
    yoke_close(t2);
    time_processes();
    time_large_parent();
    time_threads();
    return 0;
}
