/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A graph of tasks: each runs when all that it needs have ended, and is handed their results.
 *
 *     yoke_graph *g = yoke_graph_new(&err);
 *     int64_t a = yoke_graph_add(g, load, "a.dat", 6, sizeof(table), NULL, 0, &err);
 *     int64_t b = yoke_graph_add(g, load, "b.dat", 6, sizeof(table), NULL, 0, &err);
 *     int64_t c = yoke_graph_add(g, join, NULL, 0, sizeof(table), (int64_t[]){a, b}, 2, &err);
 *     yoke_graph_run(s, g, NULL, &err);
 *     const table *t = yoke_graph_result(g, c);
 *
 * One thread at a time uses a graph.
 */
#ifndef YOKE_GRAPH_H
#define YOKE_GRAPH_H

#include <yoke/map.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yoke_graph yoke_graph;

/* A node: `arg` as it was given to yoke_graph_add, inputs[k] the result of the k-th node that it needs. */
typedef int yoke_node_fn(yoke_task *t, const void *arg, const void *const *inputs, void *result);

yoke_graph *yoke_graph_new(yoke_error *err);

/* Adds a node that needs the results of `needs`, and returns its number: 0, 1, 2 … (the task's index). The bytes of `arg`
 * are copied. Negative: failed; YOKE_EINVALID when a number of `needs` is no node. */
int64_t yoke_graph_add(yoke_graph *g, yoke_node_fn *fn, const void *arg, size_t arg_size, size_t result_size,
                       const int64_t *needs, size_t n_needs, yoke_error *err);

/* Makes `node` need `other` too (its result comes after the inputs there are), which may have been added later. */
int yoke_graph_need(yoke_graph *g, int64_t node, int64_t other, yoke_error *err);

/*
 * Runs all nodes, each after those it needs:
 *
 *     for (node in an order where each comes after what it needs)
 *         fn(t, arg, inputs, result);
 *
 * A circle is YOKE_EINVALID and names a node in it; then none has run. Nodes that need a failed one do not run: their
 * failure says which. Options as for yoke_map (chunk, unordered and is_flat mean nothing here); with YOKE_RAISE one of
 * the failures ends the run. A graph may be run again: all results are computed anew. On `processes` results lie in
 * memory shared by all workers; pointers in them mean nothing.
 */
int yoke_graph_run(yoke_session *s, yoke_graph *g, const yoke_map_opts *opts, yoke_error *err);

/* The node's result, borrowed until the next run or yoke_graph_free. NULL: it has none. */
const void *yoke_graph_result(const yoke_graph *g, int64_t node);

void yoke_graph_free(yoke_graph *g); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
