/* SPDX-License-Identifier: BSD-3-Clause
 *
 * oneTBB's side of the table; the work is that of yoke_side.c.
 */
#include "work.h"

#include <oneapi/tbb.h>
#include <oneapi/tbb/flow_graph.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

enum { N = 10000000 };
static int64_t *const items = new_array(N), *const results = new_array(N);
static std::atomic<int> n_failed;

static void call(work_fn *fn, int64_t i)
{
    if (fn(nullptr, &items[static_cast<size_t>(i)], &results[static_cast<size_t>(i)]) < 0)
        n_failed++;
}

template <class F> static double best_of(int repeats, int64_t n, F f)
{
    double best = 1e9;
    for (int k = 0; k < repeats; k++) {
        auto began = std::chrono::steady_clock::now();
        f();
        std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        best = took.count() < best ? took.count() : best;
    }
    return best / static_cast<double>(n) * 1e9;
}

static double time_loop()
{
    return best_of(7, 10000000, [] {
        tbb::parallel_for(tbb::blocked_range<size_t>(0, 10000000), [](const tbb::blocked_range<size_t> &r) {
            for (size_t i = r.begin(); i < r.end(); i++)
                results[i] = items[i] + 1;
        });
    });
}

static double time_map(work_fn *fn, int64_t n)
{
    return best_of(7, n, [=] { tbb::parallel_for(int64_t{0}, n, [=](int64_t i) { call(fn, i); }); });
}

/* As in openmp_side.c. */
struct future {
    int64_t item, result;
    int rc;
    std::atomic<bool> is_ready;
};

static double time_futures(work_fn *fn, int64_t n)
{
    std::vector<future *> all(static_cast<size_t>(n));
    return best_of(7, n, [&] {
        tbb::task_group g;
        int64_t i = 0;
        for (future *&f : all) {
            f = new future{i++, 0, 0, {false}};
            future *it = f;
            g.run([=] {
                it->rc = fn(nullptr, &it->item, &it->result);
                it->is_ready = true;
            });
        }
        g.wait();
        i = 0;
        for (future *f : all) {
            if (!f->is_ready || f->rc < 0 || f->result != i++)
                std::exit(std::fprintf(stderr, "a future is wrong\n"));
            delete f;
        }
    });
}

using node = tbb::flow::continue_node<tbb::flow::continue_msg>;

static void build(tbb::flow::graph &g, std::vector<std::unique_ptr<node>> &nodes, work_fn *fn, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        nodes.emplace_back(new node(g, [=](const tbb::flow::continue_msg &) { call(fn, i); }));
        for (int64_t p : {i - 1000, i - 1 - i % 1000})
            if (i >= 1000)
                tbb::flow::make_edge(*nodes[static_cast<size_t>(p)], *nodes.back());
    }
}

static void time_graph(work_fn *fn, int64_t n)
{
    tbb::flow::graph g;
    std::vector<std::unique_ptr<node>> nodes;
    double building = best_of(1, n, [&] { build(g, nodes, fn, n); });
    double running = best_of(3, n, [&] {
        for (size_t i = 0; i < 1000; i++)
            nodes[i]->try_put(tbb::flow::continue_msg());
        g.wait_for_all();
    });
    std::printf("threads graph\t%.4g\n", running);
    std::printf("threads graph, built and run\t%.4g\n", building + running);
}

int main()
{
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 2);
    for (size_t i = 0; i < static_cast<size_t>(N); i++)
        items[i] = static_cast<int64_t>(i);
    std::printf("threads for\t%.4g\n", time_loop());
    std::printf("threads map\t%.4g\n", time_map(work_copy, 10000000));
    for (size_t i = 0; i < static_cast<size_t>(N); i++)
        if (results[i] != items[i])
            return std::fprintf(stderr, "a result is wrong\n");
    std::printf("threads unbalanced\t%.4g\n", time_map(work_steps, 1000000));
    std::printf("threads futures\t%.4g\n", time_futures(work_copy, 1000000));
    time_graph(work_copy, 1000000);
    return n_failed != 0;
}
