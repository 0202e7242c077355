/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every call of the family with the options they share, on every executor: values, failures, attempts, random streams,
 * emitted bytes and worker hooks are those of a plain loop over the index.
 */
#include "base/test/check.h"

#include "map/test/numbers.h"

#include <yoke/yoke.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const everywhere[] = {"serial",      "threads:1",   "threads:2",   "threads:3",  "threads:7",
                                         "processes:1", "processes:2", "processes:3", "processes:7"};

enum { N = 700, HOOK = 0x4f58, SEED = 12345 };

/* What tasks get as their ctx. The results are in shared memory, for yoke_for. */
typedef struct context {
    uint64_t salt, *into;
} context;

/* One way to run it, and what is expected of all. */
typedef struct trial {
    yoke_session  *s;
    yoke_map_opts  opts;
    yoke_failures *failures;
    uint64_t       got[N], n_seen, last;
    bool           is_seen[N];
} trial;

/* ---- the plain loop ---- */

static unsigned attempts_needed(uint64_t i) { return i % 50 == 3 ? 9 : i % 7 == 3 ? 2 : 1; }
static bool     fails(uint64_t i, unsigned retries) { return attempts_needed(i) > 1 + retries; }

static uint64_t value_of(uint64_t i, uint64_t salt, unsigned attempt)
{
    uint32_t counter[4] = {0, 0, (uint32_t)i, (uint32_t)(i >> 32)}, key[2] = {SEED, 0}, word[4];
    yoke_random_philox(counter, key, word);
    return (word[0] ^ (uint64_t)word[1] << 32) * 31 + i * salt + attempt;
}

/* ---- the task ---- */

static int start(void *ctx, void **ret_state, yoke_error *err)
{
    int *state = malloc(sizeof *state);
    (void)err;
    (void)ctx;
    if (!state)
        return YOKE_ENOMEM;
    *state = HOOK;
    *ret_state = state;
    return 0;
}

static void stop(void *ctx, void *state)
{
    (void)ctx;
    free(state);
}

static int behave(yoke_task *t, uint64_t *result)
{
    const context *c = yoke_task_ctx(t);
    yoke_random    r = yoke_random_task(t);
    uint64_t       i = yoke_task_index(t);
    uint32_t      *word = yoke_task_scratch(t, 64);
    if (!word || (uintptr_t)word % 64 || *(const int *)yoke_task_state(t) != HOOK || yoke_task_is_canceled(t))
        return yoke_task_fail(t, "the task was not given what it should be");
    yoke_random_words(&r, word, 2);
    *result = (word[0] ^ (uint64_t)word[1] << 32) * 31 + i * c->salt + yoke_task_attempt(t);
    if (yoke_task_emit(t, "abcdefgh", i % 4) < 0 || yoke_task_emit(t, "ijklmnop", i % 5) < 0)
        return YOKE_ENOMEM;
    return yoke_task_attempt(t) < attempts_needed(i) ? yoke_task_fail(t, "%llu is not ready", (unsigned long long)i) : 0;
}

static int behave_item(yoke_task *t, const void *item, void *result)
{
    if (item && *(const uint64_t *)item != 3 * yoke_task_index(t))
        return yoke_task_fail(t, "another's item");
    return behave(t, result);
}

static int behave_star(yoke_task *t, const void *const *args, void *result)
{
    if (*(const uint64_t *)args[0] * 7 / 3 + *(const uint64_t *)args[1] / 3 != yoke_task_index(t))
        return yoke_task_fail(t, "another's arguments");
    return behave(t, result);
}

static int behave_pair(yoke_task *t, const void *const *args, void *result)
{
    return *(const uint64_t *)args[0] != *(const uint64_t *)args[1] ? yoke_task_fail(t, "no pair") : behave_item(t, args[0], result);
}

static int behave_range(yoke_task *t, uint64_t lo, uint64_t hi)
{
    const context *c = yoke_task_ctx(t);
    if (lo != 2 * yoke_task_index(t) || hi != lo + 2)
        return yoke_task_fail(t, "another's range");
    uint64_t x;
    int      rc = behave(t, &x);
    c->into[lo / 2] = rc < 0 ? 0 : x;
    return rc;
}

static int behave_node(yoke_task *t, const void *arg, const void *const *inputs, void *result)
{
    (void)inputs;
    return behave_item(t, arg, result);
}

/* ---- the calls ---- */

static uint64_t items[N];

static int see(void *ctx, const yoke_outcome *o)
{
    trial   *x = ctx;
    uint64_t i = o->index;
    assert_true(i < N && !x->is_seen[i]);
    x->is_seen[i] = true;
    assert_true(x->opts.unordered || i == x->n_seen);
    x->n_seen++;
    assert_true(fails(i, x->opts.retries) == (o->error != NULL) && !o->value == (o->error != NULL));
    assert_int_equal(o->attempt, fails(i, x->opts.retries) ? 1 + x->opts.retries : attempts_needed(i));
    assert_in_range(o->worker, 0, yoke_session_workers(x->s) - 1);
    if (!o->value)
        return 0;
    memcpy(&x->got[i], o->value, 8);
    assert_int_equal(o->n_bytes, i % 4 + i % 5);
    assert_memory_equal(o->bytes, "abcdefgh", i % 4);
    assert_memory_equal((const char *)o->bytes + i % 4, "ijklmnop", i % 5);
    return 0;
}

static int call_map(trial *x, yoke_error *err)
{
    x->opts.on_result = see;
    return yoke_map(x->s, behave_item, items, N, 8, NULL, 8, &x->opts, err);
}

static int call_map_into(trial *x, yoke_error *err) { return yoke_map(x->s, behave_item, NULL, N, 0, x->got, 8, &x->opts, err); }

static int call_zip(trial *x, yoke_error *err)
{
    yoke_arg args[2] = {{items, N, 8}, {items, N, 8}};
    return yoke_starmap(x->s, behave_pair, args, 2, YOKE_ZIP, x->got, 8, &x->opts, err);
}

static int call_product(trial *x, yoke_error *err)
{
    yoke_arg args[2] = {{items, N / 7, 8}, {items, 7, 8}};
    x->opts.on_result = see;
    return yoke_starmap(x->s, behave_star, args, 2, YOKE_PRODUCT, x->got, 8, &x->opts, err);
}

static int take_all(trial *x, yoke_items from, yoke_error *err)
{
    yoke_outcome o;
    int          rc;
    yoke_imap   *it = yoke_imap_open(x->s, behave_item, from, 8, &x->opts, err);
    assert_non_null(it);
    while ((rc = yoke_imap_next(it, &o, err)) > 0)
        see(x, &o);
    yoke_imap_close(it);
    return rc;
}

static int call_imap(trial *x, yoke_error *err) { return take_all(x, yoke_items_array(items, N, 8), err); }
static int call_imap_range(trial *x, yoke_error *err) { return take_all(x, yoke_items_range(N), err); }

static int call_imap_from(trial *x, yoke_error *err)
{
    numbers n = {items, items + N};
    return take_all(x, yoke_items_from(next_number, &n, 8), err);
}

static int call_loop(trial *x, yoke_error *err)
{
    context *c = x->opts.ctx;
    int      rc = yoke_for(x->s, behave_range, 2 * N, 2, &x->opts, err);
    memcpy(x->got, c->into, sizeof x->got);
    return rc;
}

static int call_graph(trial *x, yoke_error *err)
{
    yoke_graph *g = yoke_graph_new(err);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(yoke_graph_add(g, behave_node, &items[i], 8, 8, NULL, 0, err), i);
    int rc = yoke_graph_run(x->s, g, &x->opts, err);
    for (int64_t i = 0; i < N; i++)
        if (yoke_graph_result(g, i))
            memcpy(&x->got[i], yoke_graph_result(g, i), 8);
    yoke_graph_free(g);
    return rc;
}

/* ---- all of them ---- */

static void check_failures(const trial *x)
{
    char     text[64];
    uint64_t n = 0;
    for (uint64_t i = 0; i < N; i++) {
        const yoke_outcome *f = yoke_failures_find(x->failures, i);
        assert_true((f != NULL) == fails(i, x->opts.retries));
        if (!f)
            continue;
        snprintf(text, sizeof text, "%llu is not ready", (unsigned long long)i);
        assert_string_equal(f->error->text, text);
        assert_true(f->index == i && f->cause == YOKE_CAUSE_FAILED);
        assert_int_equal(yoke_failures_at(x->failures, n++)->index, i);
        assert_int_equal(f->attempt, 1 + x->opts.retries);
    }
    assert_int_equal(yoke_failures_count(x->failures), n);
}

/* How a call ends, and what it says. */
static void check_end(const trial *x, int rc, const yoke_error *err, const char *name)
{
    char     text[128];
    uint64_t n = 0;
    for (uint64_t i = 0; i < N; i++)
        n += fails(i, x->opts.retries);
    assert_int_equal(rc, x->opts.on_error == YOKE_IGNORE ? 0 : YOKE_ETASK);
    if (rc == 0)
        assert_int_equal(err->code, 0);
    snprintf(text, sizeof text, "%llu of %d tasks failed; the first: task 3 of %s%s: 3 is not ready", (unsigned long long)n, N, name,
             x->opts.retries ? ", attempt 2" : "");
    if (x->opts.on_error == YOKE_COLLECT)
        assert_string_equal(err->text, text);
    else if (x->opts.on_error == YOKE_RAISE && !x->opts.unordered && strcmp(name, "graph")) { /* in a graph any may end the run */
        assert_string_equal(err->text, strstr(text, "task 3"));
        assert_int_equal(yoke_failures_at(x->failures, 0)->index, 3);
    }
}

static void try_call(int (*call)(trial *x, yoke_error *err), const char *name, yoke_session *s, context *c, unsigned way)
{
    static const uint64_t chunks[] = {0, 1, 16};
    trial                 x = {.s = s, .opts = YOKE_MAP_OPTS_INIT};
    yoke_error            err = YOKE_ERROR_INIT;
    c->salt = way;
    x.opts.ctx = c;
    x.opts.seed = SEED;
    x.opts.worker_start = start;
    x.opts.worker_stop = stop;
    x.opts.callback_ctx = &x;
    x.opts.on_error = (yoke_on_error)(way % 3);
    x.opts.retries = way / 3 % 2;
    x.opts.unordered = way / 6 % 2;
    x.opts.chunk = chunks[way / 12];
    x.opts.recycle_tasks = way % 5 == 4 ? 100 : 0;
    x.opts.failures = &x.failures;
    int rc = call(&x, &err);
    check_end(&x, rc, &err, name);
    if (x.opts.on_error != YOKE_RAISE) {
        check_failures(&x);
        for (uint64_t i = 0; i < N; i++)
            assert_true(x.got[i] == (fails(i, x.opts.retries) ? 0 : value_of(i, way, attempts_needed(i))));
        assert_true(x.n_seen == 0 || x.n_seen == N);
    }
    yoke_failures_free(x.failures);
}

static void try_everywhere(int (*call)(trial *x, yoke_error *err), const char *name)
{
    context c = {.into = yoke_shared_new(N * sizeof *c.into, NULL)};
    for (uint64_t i = 0; i < N; i++)
        items[i] = 3 * i;
    for (size_t e = 0; e < sizeof everywhere / sizeof *everywhere; e++) {
        yoke_session *s = yoke_open(everywhere[e], NULL);
        for (unsigned way = 0; way < 36; way++) {
            memset(c.into, 0, N * sizeof *c.into);
            try_call(call, name, s, &c, way);
        }
        yoke_close(s);
    }
    yoke_shared_free(c.into, N * sizeof *c.into);
}

#define WITH_EVERY_OPTION(call, name) \
    TEST(call) { try_everywhere(call_##call, name); }
WITH_EVERY_OPTION(map, "map")
WITH_EVERY_OPTION(map_into, "map")
WITH_EVERY_OPTION(zip, "starmap")
WITH_EVERY_OPTION(product, "starmap")
WITH_EVERY_OPTION(imap, "imap")
WITH_EVERY_OPTION(imap_range, "imap")
WITH_EVERY_OPTION(imap_from, "imap")
WITH_EVERY_OPTION(loop, "for")
WITH_EVERY_OPTION(graph, "graph")

/* ---- reduce: digits to the base 31, whose order shows ---- */

typedef struct run {
    uint64_t value, power;
} run;

static int behave_run(yoke_task *t, const void *item, void *result)
{
    run *r = result;
    r->power = 31;
    return behave_item(t, item, &r->value);
}

static int append(void *ctx, void *into, const void *from, yoke_error *err)
{
    run       *a = into;
    const run *b = from;
    (void)err;
    if (((const context *)ctx)->salt > 35)
        return YOKE_EINVALID;
    *a = (run){a->value * b->power + b->value, a->power * b->power};
    return 0;
}

static int call_reduce(trial *x, yoke_error *err)
{
    const context *c = x->opts.ctx;
    numbers        n = {items, items + N};
    run            want = {0, 1}, got = {0, 1};
    yoke_items     from = c->salt % 2 ? yoke_items_array(items, N, 8) : yoke_items_from(next_number, &n, 8);
    int            rc = yoke_map_reduce(x->s, behave_run, from, append, &got, sizeof got, &x->opts, err);
    for (uint64_t i = 0; i < N; i++) {
        x->got[i] = fails(i, x->opts.retries) ? 0 : value_of(i, c->salt, attempts_needed(i)); /* what the other calls are held to */
        if (!fails(i, x->opts.retries))
            want = (run){want.value * 31 + x->got[i], want.power * 31};
    }
    if (x->opts.on_error == YOKE_RAISE)
        want = (run){0, 1};
    assert_true(got.value == want.value && got.power == want.power);
    return rc;
}
WITH_EVERY_OPTION(reduce, "map_reduce")

/* ---- what is slow holds up nobody ---- */

enum { MANY = 20000 };
static _Atomic int *others_are_done; /* shared */

static int wait_for_others(yoke_task *t, const void *item, void *result)
{
    (void)item;
    for (int ms = 0; yoke_task_index(t) == 0 && !*others_are_done; ms++)
        if (usleep(1000) < 0 || ms > 30000)
            return yoke_task_fail(t, "the others wait");
    *(int *)result = 1;
    return 0;
}

static void look(void *ctx, const yoke_progress *p)
{
    (void)ctx;
    assert_true(p->total == MANY && p->done <= MANY);
    if (p->done == MANY - 1)
        *others_are_done = 1;
}

/* The first task ends when the progress callback has seen all others end, in a call that gives results in task order. */
TEST(a_slow_task_holds_up_nobody)
{
    static const char *const some[] = {"threads:2", "threads:3", "processes:2"};
    others_are_done = yoke_shared_new(sizeof *others_are_done, NULL);
    for (size_t k = 0; k < 3; k++) {
        static int    got[MANY];
        yoke_session *s = yoke_open(some[k], NULL);
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        *others_are_done = 0;
        memset(got, 0, sizeof got);
        o.on_progress = look;
        o.chunk = 1;
        assert_int_equal(yoke_map(s, wait_for_others, NULL, MANY, 0, got, sizeof *got, &o, NULL), 0);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(got[i], 1);
        yoke_close(s);
    }
    yoke_shared_free((void *)others_are_done, sizeof *others_are_done);
}

/* ---- an attempt's time ---- */

static int count_start(void *ctx, void **ret_state, yoke_error *err)
{
    (void)ret_state;
    (void)err;
    __atomic_fetch_add((int *)ctx, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int second_time(yoke_task *t, const void *item, void *result)
{
    (void)item;
    *(int *)result = 1;
    return yoke_task_attempt(t) < 2 ? yoke_task_fail(t, "not yet") : 0;
}

/* A pause before the next attempt that is longer than the limit of one: no worker is stopped for it. */
TEST(a_pause_is_no_attempt)
{
    yoke_session *s = yoke_open("processes:2", NULL);
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    int           got[2] = {0}, *starts = yoke_shared_new(sizeof *starts, NULL);
    o.retries = 1;
    o.backoff_ms = 900;
    o.timeout_ms = 500;
    o.ctx = starts;
    o.worker_start = count_start;
    assert_int_equal(yoke_map(s, second_time, NULL, 2, 0, got, sizeof *got, &o, NULL), 0);
    assert_true(got[0] == 1 && got[1] == 1);
    assert_in_range(*starts, 1, 2);
    yoke_shared_free(starts, sizeof *starts);
    yoke_close(s);
}

static int give_much(yoke_task *t, const void *item, void *result)
{
    static const char much[3 << 20];
    (void)item;
    (void)result;
    return yoke_task_emit(t, much, sizeof much);
}

/* A worker that waits because its results are not taken is over no limit. */
TEST(waiting_to_be_read_is_no_attempt)
{
    yoke_session *s = yoke_open("processes:2", NULL);
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    yoke_outcome  r;
    int           n = 0, rc;
    o.timeout_ms = 400;
    yoke_imap *it = yoke_imap_open(s, give_much, yoke_items_range(4), 0, &o, NULL);
    for (; (rc = yoke_imap_next(it, &r, NULL)) > 0; n++) {
        assert_int_equal(r.n_bytes, 3 << 20);
        usleep(500000);
    }
    assert_true(rc == 0 && n == 4);
    yoke_imap_close(it);
    yoke_close(s);
}

static int nap_and_end(yoke_task *t, const void *item, void *result)
{
    (void)item;
    (void)result;
    usleep(60000);
    if (yoke_task_index(t) == 1)
        _exit(3);
    while (yoke_task_index(t) == 2)
        ;
    return 0;
}

/* Also of a task that takes its worker with it, or is stopped. */
TEST(outcomes_say_how_long_it_took)
{
    yoke_session *s = yoke_open("processes:2", NULL);
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    yoke_outcome  r;
    o.on_error = YOKE_IGNORE;
    for (o.timeout_ms = 0; o.timeout_ms <= 500; o.timeout_ms += 500) {
        yoke_imap *it = yoke_imap_open(s, nap_and_end, yoke_items_range(o.timeout_ms ? 3 : 2), 0, &o, NULL);
        while (yoke_imap_next(it, &r, NULL) > 0) {
            static const yoke_cause cause[] = {YOKE_CAUSE_NONE, YOKE_CAUSE_EXITED, YOKE_CAUSE_TIMEOUT};
            assert_int_equal(r.cause, cause[r.index]);
            assert_true(r.seconds >= (r.index == 2 ? 0.5 : 0.06) && r.seconds < 10);
        }
        yoke_imap_close(it);
    }
    yoke_close(s);
}

RUN_TESTS(map, map_into, zip, product, imap, imap_range, imap_from, loop, graph, reduce, a_slow_task_holds_up_nobody, a_pause_is_no_attempt,
          waiting_to_be_read_is_no_attempt, outcomes_say_how_long_it_took)
