/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Yoke's side of the table: prints "line<TAB>value" for each measurement, best of several runs. Value: ns a task, but for
 * the lines that say otherwise. The work is the same as in openmp_side.c, tbb_side.cpp and pools.py.
 */
#include <yoke/yoke.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { REPEATS = 7 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int empty(yoke_task *t, const void *item, void *result)
{
    (void)t;
    *(int64_t *)result = *(const int64_t *)item;
    return 0;
}

/* Busy for some ns. */
static void spin(double ns)
{
    double end = now() + ns * 1e-9;
    while (now() < end)
        ;
}

static int unbalanced(yoke_task *t, const void *item, void *result)
{
    uint64_t i = yoke_task_index(t), x = i;
    (void)item;
    for (uint64_t k = 0; k < i >> 14; k++) /* 0 to 61 steps */
        x = x * 6364136223846793005u + 1442695040888963407u;
    *(uint64_t *)result = x;
    return 0;
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
            f[i] = yoke_submit(s, empty, &i, sizeof i, sizeof i, NULL);
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

/* Building is not counted: the peers' graphs are built while they run, which is said in the table. */
static double time_graph(yoke_session *s, int64_t n, double *ret_build)
{
    double      best = 1e9, began = now();
    yoke_graph *g = yoke_graph_new(NULL);
    for (int64_t i = 0; i < n; i++) {
        int64_t needs[2] = {i - 1000, i - 1 - i % 1000};
        yoke_graph_add(g, node, NULL, 0, 8, needs, i < 1000 ? 0 : 2, NULL);
    }
    *ret_build = (now() - began) / (double)n * 1e9;
    for (int k = 0; k < 3; k++) {
        began = now();
        if (yoke_graph_run(s, g, NULL, NULL) < 0)
            exit(fprintf(stderr, "a graph failed\n"));
        double took = now() - began;
        best = took < best ? took : best;
    }
    yoke_graph_free(g);
    return best / (double)n * 1e9;
}

static double time_pool(const char *on)
{
    double best = 1e9;
    for (int k = 0; k < 50; k++) {
        double        began = now();
        yoke_session *s = yoke_open(on, NULL);
        yoke_map(s, empty, items, 4, 8, results, 8, NULL, NULL);
        yoke_close(s);
        double took = now() - began;
        best = took < best ? took : best;
    }
    return best * 1e6;
}

static void line(const char *name, double value)
{
    printf("%s\t%.4g\n", name, value);
    fflush(stdout);
}

static void time_memory(yoke_session *s, uint64_t n)
{
    uint64_t      left = n;
    int64_t       sum = 0;
    double        began = now();
    struct rusage u;
    yoke_map_reduce(s, empty, yoke_items_from(next_item, &left, 8), add, &sum, 8, NULL, NULL);
    line("lazy reduce", (now() - began) / (double)n * 1e9);
    getrusage(RUSAGE_SELF, &u);
    line("lazy reduce peak MiB", (double)u.ru_maxrss / 1024);
    if ((uint64_t)sum != n * (n + 1) / 2)
        exit(fprintf(stderr, "a sum is wrong\n"));
}

int main(int argc, char **argv)
{
    enum { N = 10000000 };
    uint64_t      n_lazy = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000;
    yoke_session *t2 = yoke_open("threads:2", NULL), *t1 = yoke_open("threads:1", NULL);
    yoke_session *p2 = yoke_open("processes:2", NULL), *p1 = yoke_open("processes:1", NULL);
    double        build;
    time_memory(t2, n_lazy);
    items = calloc(N, 8);
    results = calloc(N, 8);
    line("threads map", time_map(t2, empty, N, 8, 0));
    line("threads unbalanced", time_map(t2, unbalanced, 1000000, 8, 0));
    line("threads unbalanced, alone", time_map(t1, unbalanced, 1000000, 8, 0));
    line("threads futures", time_futures(t2, 1000000));
    line("threads graph", time_graph(t2, 1000000, &build));
    line("threads graph build", build);
    line("processes map", time_map(p2, empty, 1000000, 8, 0));
    line("processes map chunk 1", time_map(p2, empty, 100000, 8, 1));
    line("processes futures", time_futures(p2, 20000));
    line("pool of 4, us", time_pool("processes:4"));
    line("threads 1 ms, speed-up", time_map(t1, busy_1ms, 400, 0, 0) / time_map(t2, busy_1ms, 400, 0, 0));
    line("threads 10 us, speed-up", time_map(t1, busy_10us, 40000, 0, 0) / time_map(t2, busy_10us, 40000, 0, 0));
    line("processes 1 ms, speed-up", time_map(p1, busy_1ms, 400, 0, 0) / time_map(p2, busy_1ms, 400, 0, 0));
    line("processes 10 us, speed-up", time_map(p1, busy_10us, 40000, 0, 0) / time_map(p2, busy_10us, 40000, 0, 0));
    yoke_close(t1);
    yoke_close(t2);
    yoke_close(p1);
    yoke_close(p2);
    return 0;
}
