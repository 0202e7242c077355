/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every call of the map family on every executor, against the serial loop it stands for, to the bit.
 */
#include "base/test/check.h"

#include <yoke/map.h>

#include <math.h>
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

enum { N = 5000 };
static double items[N], want[N], got[N];

static double f(double x, uint64_t i) { return sin(x) / (1.0 + (double)i); }

static int one(yoke_task *t, const void *item, void *result)
{
    uint64_t i = yoke_task_index(t);
    *(double *)result = f(*(const double *)item, i);
    return 0;
}

static int some_fail(yoke_task *t, const void *item, void *result)
{
    *(double *)result = 1.0;
    if (yoke_task_index(t) % 100 == 42)
        return yoke_task_fail(t, "%g is not allowed", *(const double *)item);
    return one(t, item, result);
}

static void fill(void)
{
    for (int i = 0; i < N; i++) {
        items[i] = i * 0.37;
        want[i] = f(items[i], (uint64_t)i);
    }
    memset(got, 0xff, sizeof got);
}

TEST(map)
{
    static const uint64_t chunks[] = {0, 1, 7, 4096};
    FOR_ALL(s)
    {
        for (size_t k = 0; k < 4; k++) {
            fill();
            yoke_map_opts o = YOKE_MAP_OPTS_INIT;
            o.chunk = chunks[k];
            assert_int_equal(yoke_map(s, one, items, N, sizeof *items, got, sizeof *got, &o, NULL), 0);
            assert_memory_equal(got, want, sizeof want);
        }
        assert_int_equal(yoke_map(s, one, items, 0, sizeof *items, got, sizeof *got, NULL, NULL), 0);
    }
}

TEST(errors)
{
    FOR_ALL(s)
    {
        yoke_error    err = YOKE_ERROR_INIT;
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        yoke_failures *bad = NULL;
        fill();
        o.name = "roots";
        assert_int_equal(yoke_map(s, some_fail, items, N, 8, got, 8, &o, &err), YOKE_ETASK);
        assert_string_equal(err.text, "task 42 of roots: 15.54 is not allowed");
        yoke_error_clear(&err);
        o.on_error = YOKE_COLLECT;
        o.failures = &bad;
        assert_int_equal(yoke_map(s, some_fail, items, N, 8, got, 8, &o, &err), YOKE_ETASK);
        assert_string_equal(err.text, "50 of 5000 tasks failed; the first: task 42 of roots: 15.54 is not allowed");
        assert_int_equal(yoke_failures_count(bad), 50);
        assert_int_equal(yoke_failures_at(bad, 3)->index, 342);
        assert_int_equal(yoke_failures_find(bad, 342)->cause, YOKE_CAUSE_FAILED);
        assert_string_equal(yoke_failures_find(bad, 42)->error->text, "15.54 is not allowed");
        assert_null(yoke_failures_find(bad, 43));
        yoke_failures_free(bad);
        o.on_error = YOKE_IGNORE;
        o.failures = NULL;
        assert_int_equal(yoke_map(s, some_fail, items, N, 8, got, 8, &o, NULL), 0);
        for (int i = 0; i < N; i++)
            assert_true(got[i] == (i % 100 == 42 ? 0.0 : want[i]));
    }
}

static int third_time(yoke_task *t, const void *item, void *result)
{
    (void)item;
    if (yoke_task_attempt(t) < 3 && yoke_task_index(t) % 10 == 0)
        return yoke_task_fail(t, "not yet");
    *(unsigned *)result = yoke_task_attempt(t);
    return yoke_task_emit(t, "abc", yoke_task_index(t) % 4) < 0 ? YOKE_ENOMEM : 0;
}

TEST(retries)
{
    FOR_ALL(s)
    {
        unsigned      tries[100];
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        o.retries = 2;
        o.backoff_ms = 1;
        assert_int_equal(yoke_map(s, third_time, NULL, 100, 0, tries, sizeof *tries, &o, NULL), 0);
        for (unsigned i = 0; i < 100; i++)
            assert_int_equal(tries[i], i % 10 == 0 ? 3 : 1);
        o.retries = 1;
        yoke_error err = YOKE_ERROR_INIT;
        assert_int_equal(yoke_map(s, third_time, NULL, 100, 0, tries, sizeof *tries, &o, &err), YOKE_ETASK);
        assert_string_equal(err.text, "task 0 of map, attempt 2: not yet");
    }
}

static int join_words(yoke_task *t, const void *const *args, void *result)
{
    (void)t;
    *(double *)result = *(const double *)args[0] * 1000 + *(const int *)args[1] * 10 + *(const char *)args[2];
    return 0;
}

TEST(starmap)
{
    double   a[5] = {1, 2, 3, 4, 5};
    int      b[5] = {6, 7, 8, 9, 10};
    char     c[5] = {1, 2, 3, 4, 5};
    double   r[5 * 4 * 3];
    FOR_ALL(s)
    {
        yoke_error err = YOKE_ERROR_INIT;
        yoke_arg   args[3] = {{a, 5, sizeof *a}, {b, 5, sizeof *b}, {c, 5, sizeof *c}};
        assert_int_equal(yoke_starmap(s, join_words, args, 3, YOKE_ZIP, r, sizeof *r, NULL, NULL), 0);
        for (int i = 0; i < 5; i++)
            assert_true(r[i] == a[i] * 1000 + b[i] * 10 + c[i]);
        args[1].n = 4;
        assert_int_equal(yoke_starmap(s, join_words, args, 3, YOKE_ZIP, r, sizeof *r, NULL, &err), YOKE_EINVALID);
        assert_string_equal(err.text, "starmap: argument 2 has 4 values where the first has 5");
        args[2].n = 3;
        assert_int_equal(yoke_starmap(s, join_words, args, 3, YOKE_PRODUCT, r, sizeof *r, NULL, NULL), 0);
        for (int i = 0; i < 60; i++)
            assert_true(r[i] == a[i / 12] * 1000 + b[i / 3 % 4] * 10 + c[i % 3]);
    }
}

typedef struct counter {
    atomic_ullong next;
    uint64_t      n;
} counter;

static int count_up(void *ctx, void *ret_item, yoke_error *err)
{
    counter *c = ctx;
    (void)err;
    uint64_t i = atomic_fetch_add(&c->next, 1);
    memcpy(ret_item, &i, sizeof i);
    return i < c->n;
}

static int square(yoke_task *t, const void *item, void *result)
{
    uint64_t x = *(const uint64_t *)item;
    if (x != yoke_task_index(t))
        return yoke_task_fail(t, "item %llu came to task %llu", (unsigned long long)x, (unsigned long long)yoke_task_index(t));
    *(uint64_t *)result = x * x;
    return 0;
}

TEST(imap)
{
    FOR_ALL(s)
    {
        for (int unordered = 0; unordered < 2; unordered++) {
            counter       c = {0, 3000};
            yoke_map_opts o = YOKE_MAP_OPTS_INIT;
            yoke_outcome  out;
            uint64_t      n = 0;
            int           rc;
            static char   seen[3000];
            memset(seen, 0, sizeof seen);
            o.unordered = unordered;
            yoke_imap *it = yoke_imap_open(s, square, yoke_items_from(count_up, &c, 8), 8, &o, NULL);
            while ((rc = yoke_imap_next(it, &out, NULL)) > 0) {
                assert_true(unordered || out.index == n);
                assert_int_equal(*(const uint64_t *)out.value, out.index * out.index);
                assert_int_equal(seen[out.index]++, 0);
                n++;
            }
            assert_int_equal(rc, 0);
            assert_int_equal(n, 3000);
            yoke_imap_close(it);
        }
    }
}

TEST(imap_endless)
{
    FOR_ALL(s)
    {
        counter       c = {0, UINT64_MAX};
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        yoke_outcome  out;
        o.chunk = 1;
        yoke_imap *it = yoke_imap_open(s, square, yoke_items_from(count_up, &c, 8), 8, &o, NULL);
        for (uint64_t i = 0; i < 10; i++) {
            assert_int_equal(yoke_imap_next(it, &out, NULL), 1);
            assert_int_equal(out.index, i);
        }
        usleep(2000);
        assert_in_range(c.next, 10, 10 + 1100);
        yoke_imap_close(it);
    }
}

/* One item is there now; the next is when the result of all before it was taken. */
typedef struct answered {
    counter     c;
    atomic_uint n_taken;
} answered;

static int when_answered(void *ctx)
{
    answered *a = ctx;
    return atomic_load(&a->n_taken) >= a->c.next;
}

TEST(imap_of_items_that_take_their_time)
{
    FOR_ALL(s)
    {
        answered     a = {.c = {0, 20}};
        yoke_items   slow = yoke_items_from(count_up, &a, 8); /* its counter comes first */
        yoke_outcome out;
        slow.is_ready = when_answered;
        yoke_imap *it = yoke_imap_open(s, square, slow, 8, NULL, NULL);
        for (uint64_t i = 0; i < 20; i++) {
            assert_int_equal(yoke_imap_next(it, &out, NULL), 1);
            assert_int_equal(*(const uint64_t *)out.value, i * i);
            atomic_fetch_add(&a.n_taken, 1);
        }
        assert_int_equal(yoke_imap_next(it, &out, NULL), 0);
        yoke_imap_close(it);
    }
}

static int add(void *ctx, void *into, const void *from, yoke_error *err)
{
    (void)ctx;
    (void)err;
    *(double *)into += *(const double *)from;
    return 0;
}

/* 0 to 99; then it fails, with a sentence or without. */
static int count_and_fail(void *ctx, void *ret_item, yoke_error *err)
{
    counter *c = ctx;
    if (c->next < 100)
        return count_up(ctx, ret_item, err);
    if (c->n == 200)
        snprintf(err->text, sizeof err->text, "the well is dry");
    err->code = c->n == 200 ? YOKE_EIO : 0;
    return YOKE_EIO;
}

/* As in a serial loop: all that came before the generator failed is there, and then its failure. */
TEST(failing_generator)
{
    FOR_ALL(s)
    {
        for (uint64_t says = 0; says < 2; says++) {
            counter      c = {0, 199 + says};
            yoke_outcome out;
            yoke_error   err = YOKE_ERROR_INIT;
            uint64_t     n = 0;
            int          rc;
            yoke_imap   *it = yoke_imap_open(s, square, yoke_items_from(count_and_fail, &c, 8), 8, NULL, &err);
            while ((rc = yoke_imap_next(it, &out, &err)) > 0)
                assert_int_equal(*(const uint64_t *)out.value, n++ * out.index);
            yoke_imap_close(it);
            assert_int_equal(n, 100);
            assert_int_equal(rc, YOKE_EIO);
            assert_string_equal(err.text, says ? "the well is dry" : "the function that makes the items failed: the system refused");
            double total = 7;
            c.next = 0;
            assert_int_equal(yoke_map_reduce(s, square, yoke_items_from(count_and_fail, &c, 8), add, &total, 8, NULL, NULL), YOKE_EIO);
            assert_true(total == 7);
        }
    }
}

/* The tree, written out plainly. */
static bool tree(uint64_t lo, uint64_t n, uint64_t width, const double *v, bool fails, double *ret)
{
    if (lo >= n || (width == 1 && fails && lo % 100 == 42))
        return false;
    if (width == 1) {
        *ret = v[lo];
        return true;
    }
    double a = 0, b = 0;
    bool   has_a = tree(lo, n, width / 2, v, fails, &a), has_b = tree(lo + width / 2, n, width / 2, v, fails, &b);
    *ret = has_a && has_b ? a + b : has_a ? a : b;
    return has_a || has_b;
}

TEST(map_reduce)
{
    static const uint64_t sizes[] = {1, 7, 64, 1023, N}, chunks[] = {0, 3, 64};
    fill();
    FOR_ALL(s)
    {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (size_t c = 0; c < 3; c++)
                for (int fails = 0; fails < 2; fails++) {
                    double        sum = -1, expected = -1;
                    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
                    o.chunk = chunks[c];
                    o.on_error = YOKE_IGNORE;
                    tree(0, sizes[k], 8192, want, fails, &expected);
                    assert_int_equal(yoke_map_reduce(s, fails ? some_fail : one, yoke_items_array(items, sizes[k], 8), add,
                                                     &sum, sizeof sum, &o, NULL), 0);
                    assert_true(sum == expected);
                }
        double none = 3;
        assert_int_equal(yoke_map_reduce(s, one, yoke_items_array(items, 0, 8), add, &none, sizeof none, NULL, NULL), 0);
        assert_true(none == 3);
    }
}

static unsigned char *marks;

static int mark(yoke_task *t, uint64_t lo, uint64_t hi)
{
    (void)t;
    for (uint64_t i = lo; i < hi; i++)
        marks[i]++;
    return 0;
}

TEST(for_loop)
{
    static const uint64_t sizes[] = {0, 1025, 100003}, grains[] = {0, 10, 1000000};
    marks = yoke_shared_new(100003, NULL);
    FOR_ALL(s)
    {
        for (size_t k = 0; k < 3; k++)
            for (size_t g = 0; g < 3; g++) {
                memset(marks, 0, 100003);
                assert_int_equal(yoke_for(s, mark, sizes[k], grains[g], NULL, NULL), 0);
                for (uint64_t i = 0; i < 100003; i++)
                    assert_int_equal(marks[i], i < sizes[k]);
            }
    }
    yoke_shared_free(marks, 100003);
}

typedef struct notes {
    uint64_t n, failed, bytes;
    bool     is_ordered;
} notes;

static int note(void *ctx, const yoke_outcome *o)
{
    notes *l = ctx;
    l->is_ordered = l->is_ordered && o->index == l->n;
    l->n++;
    l->failed += o->error != NULL;
    l->bytes += o->n_bytes;
    assert_true(o->pid > 0 && o->tid > 0 && o->attempt > 0);
    return 0;
}

static void told(void *ctx, const yoke_progress *p)
{
    notes *l = ctx;
    assert_true(p->done <= 100 && p->total == 100);
    l->n += p->done == 0;
}

TEST(reports)
{
    FOR_ALL(s)
    {
        unsigned      tries[100];
        notes         l = {.is_ordered = true};
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        o.on_result = note;
        o.on_progress = told;
        o.callback_ctx = &l;
        o.on_error = YOKE_IGNORE;
        assert_int_equal(yoke_map(s, third_time, NULL, 100, 0, tries, sizeof *tries, &o, NULL), 0);
        assert_int_equal(l.n, 100);
        assert_int_equal(l.failed, 10);
        assert_int_equal(l.bytes, 140);
        assert_true(l.is_ordered);
    }
}

static int nested(yoke_task *t, const void *item, void *result)
{
    yoke_session *s = yoke_task_ctx(t);
    double        sum = 0;
    (void)item;
    int rc = yoke_map_reduce(s, one, yoke_items_array(items, 200, 8), add, &sum, sizeof sum, NULL, NULL);
    *(double *)result = sum;
    return rc;
}

TEST(nested_calls)
{
    double expected;
    fill();
    tree(0, 200, 256, want, false, &expected);
    FOR_ALL(s)
    {
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        o.ctx = s;
        assert_int_equal(yoke_map(s, nested, NULL, 300, 0, got, 8, &o, NULL), 0);
        for (int i = 0; i < 300; i++)
            assert_true(got[i] == expected);
    }
}

static int start_worker(void *ctx, void **ret_state, yoke_error *err)
{
    (void)err;
    (void)ctx;
    *ret_state = malloc(8);
    return *ret_state ? 0 : YOKE_ENOMEM;
}

static void stop_worker(void *ctx, void *state)
{
    __atomic_fetch_add((int *)ctx, 1, __ATOMIC_SEQ_CST);
    free(state);
}

static int refuse_worker(void *ctx, void **ret_state, yoke_error *err)
{
    (void)ctx;
    (void)ret_state;
    err->code = YOKE_EABSENT;
    strcpy(err->text, "no licence for this worker");
    return YOKE_EABSENT;
}

static int uses_state(yoke_task *t, const void *item, void *result)
{
    (void)item;
    *(int *)result = yoke_task_state(t) != NULL;
    return 0;
}

TEST(worker_hooks)
{
    FOR_ALL(s)
    {
        int          *n = yoke_shared_new(sizeof *n, NULL), has[50];
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        o.ctx = n;
        o.worker_start = start_worker;
        o.worker_stop = stop_worker;
        assert_int_equal(yoke_map(s, uses_state, NULL, 50, 0, has, sizeof *has, &o, NULL), 0);
        for (int i = 0; i < 50; i++)
            assert_int_equal(has[i], 1);
        assert_in_range(*n, 1, yoke_session_workers(s));
        o.worker_start = refuse_worker;
        o.worker_stop = NULL;
        yoke_error err = YOKE_ERROR_INIT;
        assert_int_equal(yoke_map(s, uses_state, NULL, 50, 0, has, sizeof *has, &o, &err), YOKE_EABSENT);
        assert_string_equal(err.text, "no licence for this worker");
        yoke_shared_free(n, sizeof *n);
    }
}

static int cancel_at_20(yoke_task *t, const void *item, void *result)
{
    (void)item;
    if (yoke_task_index(t) == 20)
        yoke_cancel_set(yoke_task_ctx(t));
    *(int *)result = 1;
    return 0;
}

TEST(cancel)
{
    FOR_ALL(s)
    {
        int           has[1000];
        yoke_error    err = YOKE_ERROR_INIT;
        yoke_failures *bad;
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        yoke_cancel  *c = yoke_cancel_new(NULL);
        o.ctx = o.cancel = c;
        o.on_error = YOKE_COLLECT;
        o.failures = &bad;
        assert_false(yoke_cancel_is_set(c));
        assert_int_equal(yoke_map(s, cancel_at_20, NULL, 1000, 0, has, sizeof *has, &o, &err), YOKE_ECANCELED);
        assert_non_null(strstr(err.text, "map was cancelled after "));
        assert_true(yoke_cancel_is_set(c));
        assert_true(yoke_failures_count(bad) > 0);
        for (uint64_t i = 0; i < 1000; i++) {
            const yoke_outcome *x = yoke_failures_find(bad, i);
            assert_true(x ? x->cause == YOKE_CAUSE_CANCELED && x->index == i : has[i] == 1);
        }
        yoke_failures_free(bad);
        yoke_cancel_free(c);
    }
}

static int with_ctx(yoke_task *t, const void *item, void *result)
{
    *(double *)result = *(const double *)item + *(const double *)yoke_task_ctx(t);
    return 0;
}

static int worker_pid(yoke_task *t, const void *item, void *result)
{
    (void)t;
    (void)item;
    *(int *)result = getpid();
    return 0;
}

TEST(flat)
{
    fill();
    FOR_ALL(s)
    {
        yoke_map_opts o = YOKE_MAP_OPTS_INIT;
        int           pids[2][50];
        o.is_flat = true;
        for (int round = 0; round < 5; round++) {
            double ctx = 3.5 * round;
            o.ctx = &ctx;
            o.ctx_size = sizeof ctx;
            assert_int_equal(yoke_map(s, with_ctx, items, N, sizeof *items, got, sizeof *got, &o, NULL), 0);
            for (int i = 0; i < N; i++)
                assert_true(got[i] == items[i] + ctx);
            assert_int_equal(yoke_map(s, one, items, N, sizeof *items, got, sizeof *got, &o, NULL), 0);
            assert_memory_equal(got, want, sizeof want);
            assert_int_equal(yoke_map(s, some_fail, items, N, sizeof *items, got, sizeof *got, &o, NULL), YOKE_ETASK);
        }
        o.ctx = NULL;
        o.ctx_size = 0;
        for (int k = 0; k < 2; k++)
            assert_int_equal(yoke_map(s, worker_pid, NULL, 50, 0, pids[k], sizeof *pids[k], &o, NULL), 0);
        if (yoke_session_workers(s) == 1)
            assert_int_equal(pids[0][0], pids[1][49]);
    }
}

RUN_TESTS(map, errors, retries, starmap, imap, imap_endless, imap_of_items_that_take_their_time, failing_generator, map_reduce, for_loop,
          reports, nested_calls, worker_hooks, cancel, flat)
