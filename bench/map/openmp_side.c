/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenMP's side of the table; the work is that of yoke_side.c. A failed task is noted, as whoever writes such a loop must.
 */
#include "work.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPEATS = 7, N = 10000000, MANY = 1000000 };

static int64_t   *items, *results;
static atomic_int n_failed;

static void call(work_fn *fn, int64_t i)
{
    if (fn(NULL, &items[i], &results[i]) < 0)
        n_failed++;
}

static double time_loop(void)
{
    double best = 1e9;
    for (int k = 0; k < REPEATS; k++) {
        double began = omp_get_wtime();
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < N; i++)
            results[i] = items[i] + k;
        double took = omp_get_wtime() - began;
        best = took < best ? took : best;
    }
    return best / N * 1e9;
}

static double time_map(work_fn *fn, int64_t n, int is_guided)
{
    double best = 1e9;
    for (int k = 0; k < REPEATS; k++) {
        double began = omp_get_wtime();
        if (is_guided) {
#pragma omp parallel for schedule(guided)
            for (int64_t i = 0; i < n; i++)
                call(fn, i);
        } else {
#pragma omp parallel for schedule(static)
            for (int64_t i = 0; i < n; i++)
                call(fn, i);
        }
        double took = omp_get_wtime() - began;
        best = took < best ? took : best;
    }
    return best / (double)n * 1e9;
}

/* What a task is given and gives back lives until somebody takes it, as a future does. */
typedef struct future {
    int64_t    item, result;
    int        rc;
    atomic_int is_ready;
} future;

static future *submit(work_fn *fn, int64_t item)
{
    future *f = malloc(sizeof *f);
    *f = (future){.item = item};
#pragma omp task firstprivate(f, fn)
    {
        f->rc = fn(NULL, &f->item, &f->result);
        atomic_store(&f->is_ready, 1);
    }
    return f;
}

static int64_t get(future *f)
{
    while (!atomic_load(&f->is_ready)) {
#pragma omp taskyield
    }
    int64_t result = f->rc < 0 ? -1 : f->result;
    free(f);
    return result;
}

static double time_futures(work_fn *fn)
{
    double   best = 1e9;
    future **f = malloc(MANY * sizeof *f);
    for (int k = 0; k < REPEATS; k++) {
        double began = omp_get_wtime();
#pragma omp parallel
#pragma omp single
        {
            for (int64_t i = 0; i < MANY; i++)
                f[i] = submit(fn, i);
            for (int64_t i = 0; i < MANY; i++)
                if (get(f[i]) != i)
                    exit(fprintf(stderr, "a future is wrong\n"));
        }
        double took = omp_get_wtime() - began;
        best = took < best ? took : best;
    }
    free(f);
    return best / MANY * 1e9;
}

static double time_graph(work_fn *fn, int64_t n)
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
                call(fn, i);
            } else {
#pragma omp task firstprivate(i) depend(in : d[a], d[b]) depend(out : d[i])
                call(fn, i);
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
    items = new_array(N);
    results = new_array(N);
    for (int64_t i = 0; i < N; i++)
        items[i] = i;
    printf("threads for\t%.4g\n", time_loop());
    printf("threads map\t%.4g\n", time_map(work_copy, N, 0));
    for (int64_t i = 0; i < N; i++)
        if (results[i] != i)
            return fprintf(stderr, "a result is wrong\n");
    printf("threads unbalanced\t%.4g\n", time_map(work_steps, MANY, 1));
    printf("threads futures\t%.4g\n", time_futures(work_copy));
    printf("threads graph, built and run\t%.4g\n", time_graph(work_copy, MANY));
    return n_failed != 0;
}
