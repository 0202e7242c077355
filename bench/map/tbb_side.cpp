/* SPDX-License-Identifier: BSD-3-Clause
 *
 * oneTBB's side of the table; the work is that of yoke_side.c.
 */
#include <oneapi/tbb.h>
#include <oneapi/tbb/flow_graph.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

using task_fn = int(int64_t i, const void *item, void *result);

static int empty(int64_t, const void *item, void *result)
{
    *static_cast<int64_t *>(result) = *static_cast<const int64_t *>(item);
    return 0;
}

static int unbalanced(int64_t i, const void *, void *result)
{
    uint64_t x = static_cast<uint64_t>(i);
    for (int64_t k = 0; k < i >> 14; k++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    *static_cast<uint64_t *>(result) = x;
    return 0;
}

static task_fn *volatile fns[2] = {empty, unbalanced};
static std::vector<int64_t> items(10000000), results(10000000);

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

static double time_for(task_fn *fn, int64_t n)
{
    return best_of(7, n, [=] {
        tbb::parallel_for(int64_t{0}, n, [=](int64_t i) { fn(i, &items[static_cast<size_t>(i)], &results[static_cast<size_t>(i)]); });
    });
}

static double time_tasks(task_fn *fn, int64_t n)
{
    return best_of(7, n, [=] {
        tbb::task_group g;
        for (int64_t i = 0; i < n; i++)
            g.run([=] { fn(i, &items[static_cast<size_t>(i)], &results[static_cast<size_t>(i)]); });
        g.wait();
    });
}

static double time_graph(task_fn *fn, int64_t n)
{
    using node = tbb::flow::continue_node<tbb::flow::continue_msg>;
    tbb::flow::graph g;
    std::vector<std::unique_ptr<node>> nodes;
    for (int64_t i = 0; i < n; i++) {
        nodes.emplace_back(new node(g, [=](const tbb::flow::continue_msg &) { fn(i, &items[static_cast<size_t>(i)], &results[static_cast<size_t>(i)]); }));
        for (int64_t p : {i - 1000, i - 1 - i % 1000})
            if (i >= 1000)
                tbb::flow::make_edge(*nodes[static_cast<size_t>(p)], *nodes.back());
    }
    return best_of(3, n, [&] {
        for (size_t i = 0; i < 1000; i++)
            nodes[i]->try_put(tbb::flow::continue_msg());
        g.wait_for_all();
    });
}

int main()
{
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 2);
    std::printf("threads map\t%.4g\n", time_for(fns[0], 10000000));
    std::printf("threads unbalanced\t%.4g\n", time_for(fns[1], 1000000));
    std::printf("threads futures\t%.4g\n", time_tasks(fns[0], 1000000));
    std::printf("threads graph\t%.4g\n", time_graph(fns[0], 1000000));
    return 0;
}
