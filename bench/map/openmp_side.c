/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenMP's side of the table; the work is that of yoke_side.c.
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPEATS = 7, N = 10000000, NODES = 1000000 };

/* Called through a pointer that the compiler cannot see through, as a library calls its user's function. */
static int empty(int64_t i, const void *item, void *result)
{
    (void)i;
    *(int64_t *)result = *(const int64_t *)item;
    return 0;
}

static int unbalanced(int64_t i, const void *item, void *result)
{
    uint64_t x = (uint64_t)i;
    (void)item;
    for (int64_t k = 0; k < i >> 14; k++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    *(uint64_t *)result = x;
    return 0;
}

typedef int task_fn(int64_t i, const void *item, void *result);
static task_fn *volatile fns[2] = {empty, unbalanced};
static int64_t *items, *results;

static double time_for(task_fn *fn, int64_t n, int how)
{
    double best = 1e9;
    for (int k = 0; k < REPEATS; k++) {
        double began = omp_get_wtime();
        if (how == 0) {
#pragma omp parallel for schedule(static)
            for (int64_t i = 0; i < n; i++)
                fn(i, &items[i], &results[i]);
        } else {
#pragma omp parallel for schedule(guided)
            for (int64_t i = 0; i < n; i++)
                fn(i, &items[i], &results[i]);
        }
        double took = omp_get_wtime() - began;
        best = took < best ? took : best;
    }
    return best / (double)n * 1e9;
}

static double time_tasks(task_fn *fn, int64_t n)
{
    double best = 1e9;
    for (int k = 0; k < REPEATS; k++) {
        double began = omp_get_wtime();
#pragma omp parallel
#pragma omp single
        for (int64_t i = 0; i < n; i++) {
#pragma omp task firstprivate(i)
            fn(i, &items[i], &results[i]);
        }
        double took = omp_get_wtime() - began;
        best = took < best ? took : best;
    }
    return best / (double)n * 1e9;
}

static double time_graph(task_fn *fn, int64_t n)
{
    double best = 1e9;
    char  *d = calloc((size_t)n, 1);
    for (int k = 0; k < 3; k++) {
        double began = omp_get_wtime();
#pragma omp parallel
#pragma omp single
        for (int64_t i = 0; i < n; i++) {
            int64_t a = i - 1000, b = i - 1 - i % 1000;
            if (i < 1000) {
#pragma omp task firstprivate(i) depend(out : d[i])
                fn(i, &items[i], &results[i]);
            } else {
#pragma omp task firstprivate(i) depend(in : d[a], d[b]) depend(out : d[i])
                fn(i, &items[i], &results[i]);
            }
        }
        double took = omp_get_wtime() - began;
        best = took < best ? took : best;
    }
    free(d);
    return best / (double)n * 1e9;
}

int main(void)
{
    omp_set_num_threads(2);
    items = calloc(N, 8);
    results = calloc(N, 8);
    printf("threads map\t%.4g\n", time_for(fns[0], N, 0));
    printf("threads unbalanced\t%.4g\n", time_for(fns[1], 1000000, 1));
    printf("threads futures\t%.4g\n", time_tasks(fns[0], 1000000));
    printf("threads graph\t%.4g\n", time_graph(fns[0], NODES));
    return 0;
}
