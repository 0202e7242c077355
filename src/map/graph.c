/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Graphs: a run whose items are the nodes that are ready. Where workers share the caller's memory, who has run a block
 * counts down the nodes that waited for it; else the caller does when it takes the block in. Results lie in one shared
 * mapping, so that worker processes read each other's.
 */
#include "map/call.h"

#include "exec/gate.h"
#include "exec/task.h"

#include <yoke/graph.h>

#include <unistd.h>

typedef struct node {
    yoke_node_fn *fn;
    size_t        arg_at, result_at, result_size;
    uint32_t      arg_size, n_needs;
} node;

typedef struct edge {
    uint32_t node, need;
} edge;

enum { WAITING, DONE, FAILED, BARRED }; /* BARRED: needs one that failed */

struct yoke_graph {
    node  *nodes; /* owned */
    size_t n, cap;
    edge  *edges; /* owned; in the order they were made */
    size_t n_edges, cap_edges;
    unsigned char *args; /* owned */
    size_t args_size, cap_args;
    size_t result_size;
    bool   may_have_circles; /* an edge from a node to a later one was made */

    unsigned char *results; /* shared memory of the last run */
    size_t         mapped;
    uint32_t      *need_at, *needs, *child_at, *children; /* owned; n + 1, edges, n + 1, edges */
    uint32_t      *waits;   /* owned; needs not yet done; guarded by lock, like all that follows */
    uint32_t      *ready;   /* owned; every node once; ready[handed .. n_ready) are to be run */
    uint8_t       *state;   /* owned */
    uint64_t       handed, n_ready, n_barred;
    unsigned       workers;
    bool           is_local;
    pthread_mutex_t lock;
};

yoke_graph *yoke_graph_new(yoke_error *err)
{
    yoke_graph *g = yk_new(yoke_graph);
    if (!g)
        yk_fail_nomem(err, "making a graph");
    else
        yk_lock_init(&g->lock);
    return g;
}

static void forget_run(yoke_graph *g)
{
    void *owned[] = {g->need_at, g->needs, g->child_at, g->children, g->waits, g->ready, g->state};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        yk_free(owned[i]);
    g->need_at = g->needs = g->child_at = g->children = g->waits = g->ready = NULL;
    g->state = NULL;
    yoke_shared_free(g->results, g->mapped);
    g->results = NULL;
}

void yoke_graph_free(yoke_graph *g)
{
    if (!g)
        return;
    forget_run(g);
    pthread_mutex_destroy(&g->lock);
    yk_free(g->nodes);
    yk_free(g->edges);
    yk_free(g->args);
    yk_free(g);
}

/* ---- building ---- */

static int add_edge(yoke_graph *g, int64_t from, int64_t need, yoke_error *err)
{
    if (need < 0 || (uint64_t)need >= g->n)
        return yk_fail(err, YOKE_EINVALID, "graph: node %lld needs node %lld, which there is not", (long long)from, (long long)need);
    edge e = {(uint32_t)from, (uint32_t)need};
    if (!yk_push(&g->edges, &g->n_edges, &g->cap_edges, e))
        return yk_fail_nomem(err, "adding to a graph");
    g->nodes[from].n_needs++;
    g->may_have_circles = g->may_have_circles || need >= from;
    return 0;
}

int64_t yoke_graph_add(yoke_graph *g, yoke_node_fn *fn, const void *arg, size_t arg_size, size_t result_size,
                       const int64_t *needs, size_t n_needs, yoke_error *err)
{
    if (YK_LACKS(g, err) || YK_LACKS(fn, err) || (arg_size && YK_LACKS(arg, err)) || (n_needs && YK_LACKS(needs, err)))
        return YOKE_EINVALID;
    size_t at = (g->args_size + 15) & ~(size_t)15, old_edges = g->n_edges;
    if (g->n >= UINT32_MAX - 1 || arg_size > UINT32_MAX || n_needs > UINT32_MAX || result_size > SIZE_MAX / 4 ||
        g->result_size > SIZE_MAX / 4)
        return yk_fail(err, YOKE_ELIMIT, "graph: too large");
    node x = {.fn = fn, .arg_at = at, .arg_size = (uint32_t)arg_size, .result_at = g->result_size, .result_size = result_size};
    if (!yk_grow(&g->args, &g->cap_args, at + arg_size, 1) || !yk_push(&g->nodes, &g->n, &g->cap, x))
        return yk_fail_nomem(err, "adding to a graph");
    int64_t id = (int64_t)g->n - 1;
    for (size_t k = 0; k < n_needs; k++) {
        int rc = needs[k] == id ? yk_fail(err, YOKE_EINVALID, "graph: node %lld needs itself", (long long)id)
                                : add_edge(g, id, needs[k], err);
        if (rc < 0) {
            g->n--;
            g->n_edges = old_edges;
            return rc;
        }
    }
    if (arg_size)
        memcpy(g->args + at, arg, arg_size);
    g->args_size = at + arg_size;
    g->result_size += (result_size + 15) & ~(size_t)15;
    return id;
}

int yoke_graph_need(yoke_graph *g, int64_t node_id, int64_t other, yoke_error *err)
{
    if (YK_LACKS(g, err))
        return YOKE_EINVALID;
    if (node_id < 0 || (uint64_t)node_id >= g->n)
        return yk_fail(err, YOKE_EINVALID, "graph: there is no node %lld", (long long)node_id);
    return add_edge(g, node_id, other, err);
}

/* ---- a run's tables ---- */

/* at[i] .. at[i + 1]: the places of node i's edges in a table sorted by node, in the order they were made. */
static void sort_edges(const yoke_graph *g, bool by_need, uint32_t *at, uint32_t *to)
{
    for (size_t e = 0; e < g->n_edges; e++)
        at[(by_need ? g->edges[e].need : g->edges[e].node) + 1]++;
    for (size_t i = 0; i < g->n; i++)
        at[i + 1] += at[i];
    for (size_t e = 0; e < g->n_edges; e++) {
        const edge *x = &g->edges[e];
        to[at[by_need ? x->need : x->node]++] = by_need ? x->node : x->need;
    }
    for (size_t i = g->n; i > 0; i--)
        at[i] = at[i - 1];
    at[0] = 0;
}

static int make_tables(yoke_graph *g, yoke_error *err)
{
    size_t n = g->n, m = g->n_edges;
    forget_run(g);
    if (m > UINT32_MAX - 1)
        return yk_fail(err, YOKE_ELIMIT, "graph: over 2^32 edges");
    g->need_at = yk_new_array(uint32_t, n + 1);
    g->child_at = yk_new_array(uint32_t, n + 1);
    g->needs = yk_new_array(uint32_t, m);
    g->children = yk_new_array(uint32_t, m);
    g->waits = yk_new_array(uint32_t, n);
    g->ready = yk_new_array(uint32_t, n);
    g->state = yk_new_array(uint8_t, n);
    if (!g->need_at || !g->child_at || !g->needs || !g->children || !g->waits || !g->ready || !g->state)
        return yk_fail_nomem(err, "running a graph");
    g->mapped = g->result_size ? g->result_size : 1;
    if (!(g->results = yoke_shared_new(g->mapped, err)))
        return YOKE_ENOMEM;
    sort_edges(g, false, g->need_at, g->needs);
    sort_edges(g, true, g->child_at, g->children);
    g->handed = g->n_ready = g->n_barred = 0;
    for (size_t i = 0; i < n; i++)
        if (!(g->waits[i] = g->nodes[i].n_needs))
            g->ready[g->n_ready++] = (uint32_t)i;
    return 0;
}

/* Takes away node after node that waits for none; what is left when there are no more holds a circle. */
static int find_circle(yoke_graph *g, yoke_error *err)
{
    uint64_t first = g->n_ready;
    for (uint64_t at = 0; at < g->n_ready; at++)
        for (uint32_t k = g->child_at[g->ready[at]]; k < g->child_at[g->ready[at] + 1]; k++)
            if (--g->waits[g->children[k]] == 0)
                g->ready[g->n_ready++] = g->children[k];
    if (g->n_ready == g->n) {
        g->n_ready = first;
        for (size_t i = 0; i < g->n; i++)
            g->waits[i] = g->nodes[i].n_needs;
        return 0;
    }
    uint32_t x = 0;
    while (!g->waits[x])
        x++;
    for (size_t step = 0; step < g->n; step++) /* n steps back along what is left end inside a circle */
        for (uint32_t k = g->need_at[x]; k < g->need_at[x + 1]; k++)
            if (g->waits[g->needs[k]]) {
                x = g->needs[k];
                break;
            }
    return yk_fail(err, YOKE_EINVALID, "graph: node %u needs itself, by way of others", x);
}

/* ---- running ---- */

static int graph_task(yoke_task *t, const void *in, void *out)
{
    const yoke_graph *g = t->work->extra;
    uint32_t          id;
    (void)out;
    memcpy(&id, in, sizeof id);
    const node  *x = &g->nodes[id];
    uint32_t     first = g->need_at[id], n = g->need_at[id + 1] - first;
    const void  *some[16], **inputs = n <= 16 ? some : yk_arena_calloc(yk_task_arena(t), n, sizeof *inputs);
    if (!inputs)
        return yk_fail_nomem(&t->why, "handing a node its inputs");
    for (uint32_t k = 0; k < n; k++)
        inputs[k] = g->results + g->nodes[g->needs[first + k]].result_at;
    unsigned char *result = g->results + x->result_at;
    memset(result, 0, x->result_size);
    t->renamed = id - t->index;
    return x->fn(t, g->args + x->arg_at, inputs, result);
}

/* With the lock held. Those that needed a failed node are done too, without having run. */
static void node_done(yoke_graph *g, uint32_t id, uint8_t state)
{
    uint64_t barred = g->n; /* a stack, from the far end of `ready`, of nodes that will never be in it */
    for (;;) {
        g->state[id] = state;
        for (uint32_t k = g->child_at[id]; k < g->child_at[id + 1]; k++) {
            uint32_t c = g->children[k];
            if (state != DONE && g->state[c] == WAITING) {
                g->state[c] = BARRED;
                g->n_barred++;
                g->ready[--barred] = c;
            } else if (--g->waits[c] == 0 && g->state[c] == WAITING)
                g->ready[g->n_ready++] = c;
        }
        if (barred == g->n)
            return;
        id = g->ready[barred++];
        state = BARRED;
    }
}

static int graph_fill(void *fill_ctx, uint32_t want, void *to, uint32_t *ret_got, yoke_error *err)
{
    yoke_graph *g = fill_ctx;
    (void)err;
    pthread_mutex_lock(&g->lock);
    uint64_t there = g->n_ready - g->handed, share = there / g->workers + 1;
    uint32_t n = want < there ? want : (uint32_t)there;
    n = n < share ? n : (uint32_t)share;
    memcpy(to, g->ready + g->handed, n * sizeof *g->ready);
    g->handed += n;
    bool is_end = g->handed + g->n_barred == g->n, is_dry = g->handed == g->n_ready;
    pthread_mutex_unlock(&g->lock);
    *ret_got = n;
    return is_end ? YK_FILL_END : is_dry ? YK_FILL_LATER : YK_FILL_MORE;
}

static void block_done(yoke_graph *g, const yk_block *b)
{
    const uint32_t *id = (const uint32_t *)(const void *)b->in;
    size_t          mishap = 0;
    pthread_mutex_lock(&g->lock);
    for (uint32_t i = 0; i < b->n_done; i++)
        node_done(g, id[i], yk_block_mishap(b, b->lo + i, &mishap) ? FAILED : DONE);
    pthread_mutex_unlock(&g->lock);
}

static int graph_pack(void *ctx, yk_block *b, yoke_error *err)
{
    yoke_graph *g = ((yk_call *)ctx)->work.extra;
    (void)err;
    if (g->is_local)
        block_done(g, b);
    return 0;
}

static void rename_failed(void *extra, yk_block *b)
{
    (void)extra;
    const uint32_t *id = (const uint32_t *)(const void *)b->in;
    for (size_t k = 0; k < b->n_mishaps; k++)
        b->mishaps[k].shown = id[b->mishaps[k].index - b->lo];
}

static int list_barred(yoke_graph *g, yk_call *c, yoke_error *err)
{
    for (uint32_t i = 0; c->failures && i < g->n; i++) {
        yk_mishap m = {.shown = i, .cause = YOKE_CAUSE_CANCELED, .why = YOKE_ERROR_INIT};
        if (g->state[i] == DONE || g->state[i] == FAILED)
            continue;
        uint32_t k = g->need_at[i];
        while (k < g->need_at[i + 1] && g->state[g->needs[k]] != FAILED && g->state[g->needs[k]] != BARRED)
            k++;
        if (k < g->need_at[i + 1])
            yk_fail(&m.why, YOKE_ECANCELED, "it needs node %u, which failed", g->needs[k]);
        else
            yk_fail(&m.why, YOKE_ECANCELED, "it was cancelled before it began");
        if (!yk_failures_add(c->failures, &m, 0))
            return yk_fail_nomem(err, "keeping a list of failures");
    }
    return 0;
}

static int run_nodes(yoke_graph *g, yk_call *c, yoke_error *err)
{
    yk_block *b;
    int       rc;
    while ((rc = yk_call_next(c, &b, err)) == YK_NEXT_BLOCK) {
        if (!g->is_local)
            block_done(g, b);
        yk_call_release(c, b);
    }
    return rc < 0 ? rc : list_barred(g, c, err);
}

int yoke_graph_run(yoke_session *s, yoke_graph *g, const yoke_map_opts *opts, yoke_error *err)
{
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    if (YK_LACKS(s, err) || YK_LACKS(g, err))
        return YOKE_EINVALID;
    YK_TRY(yk_take_opts(&o, sizeof o, opts, err));
    o.unordered = true;
    o.on_result = NULL;
    o.is_flat = false;
    if (!g->n)
        return 0;
    YK_TRY(make_tables(g, err));
    if (g->may_have_circles)
        YK_TRY(find_circle(g, err));
    yk_call c = {.rename = rename_failed};
    g->workers = s->exec->workers;
    g->is_local = s->exec->ops->is_local || s->exec->pid != yk_pid();
    yk_work w = {.name = "graph", .n = UINT64_MAX, .in_size = sizeof(uint32_t), .fill = graph_fill, .fill_ctx = g,
                 .ctx = &c, .task = graph_task, .pack = graph_pack, .extra = g};
    YK_TRY(yk_call_begin(&c, s, &o, &w, err));
    return yk_call_end(&c, run_nodes(g, &c, err), err);
}

const void *yoke_graph_result(const yoke_graph *g, int64_t id)
{
    bool has = g && g->state && id >= 0 && (uint64_t)id < g->n && g->state[id] == DONE;
    return has ? g->results + g->nodes[id].result_at : NULL;
}
