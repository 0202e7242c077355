/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Stages on every executor, against what the plain loop gives.
 */
#include "base/test/check.h"

#include "plan/stage.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const everywhere[] = {"serial",      "threads:1",   "threads:2",   "threads:3",  "threads:7",
                                         "processes:1", "processes:2", "processes:3", "processes:7"};
#define FOR_ALL(on) \
    for (const char *const *on = everywhere; on < everywhere + sizeof everywhere / sizeof *everywhere; on++)

typedef struct sum {
    uint64_t next;
    double   value;
    size_t   n_failed;
    size_t   bytes;
} sum;

static int root(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    uint64_t i = yk_task_index(t);
    (void)ctx;
    if (i % 1000 == 7)
        return yk_fail(err, YOKE_EFORMAT, "no number %llu", (unsigned long long)i);
    *(double *)out = 1.0 / (double)(i + 1);
    if (i % 3 == 0) {
        unsigned char bytes[100];
        memset(bytes, (int)(i % 251), sizeof bytes);
        for (uint64_t k = 0; k < i % 5; k++)
            if (yk_task_emit(t, bytes, sizeof bytes, err) < 0)
                return YOKE_ENOMEM;
    }
    return 0;
}

static int add(void *fold_ctx, const yk_result *r, yoke_error *err)
{
    sum *s = fold_ctx;
    (void)err;
    assert_int_equal(r->index, s->next++);
    s->value += *(const double *)r->out;
    assert_int_equal(r->n_bytes, r->index % 3 == 0 ? r->index % 5 * 100 : 0);
    if (r->n_bytes)
        assert_int_equal(((const unsigned char *)r->bytes)[r->n_bytes - 1], r->index % 251);
    s->bytes += r->n_bytes;
    return 0;
}

static int take_failure(void *fold_ctx, uint64_t index, const yoke_error *why, yoke_error *err)
{
    sum *s = fold_ctx;
    char want[64];
    (void)err;
    assert_int_equal(index, s->next++);
    snprintf(want, sizeof want, "no number %llu", (unsigned long long)index);
    assert_string_equal(why->text, want);
    s->n_failed++;
    return 0;
}

TEST(folds_in_order)
{
    sum want = {0};
    for (uint64_t i = 0; i < 20000; i++)
        want.value += i % 1000 == 7 ? 0 : 1.0 / (double)(i + 1);
    FOR_ALL(on)
    {
        yoke_error    err = YOKE_ERROR_INIT;
        yoke_session *s = yoke_open(*on, &err);
        assert_non_null(s);
        for (int round = 0; round < 3; round++) {
            sum      got = {0};
            yk_stage st = {.name = "sum", .n = 20000, .out_size = sizeof(double), .task = root, .fold = add, .failed = take_failure,
                           .fold_ctx = &got};
            assert_int_equal(yk_stage_run(s, &st, &err), 0);
            assert_int_equal(got.next, 20000);
            assert_int_equal(got.n_failed, 20);
            assert_true(got.value == want.value);
        }
        yoke_close(s);
    }
}

TEST(first_failure_ends_it)
{
    FOR_ALL(on)
    {
        yoke_error    err = YOKE_ERROR_INIT;
        yoke_session *s = yoke_open(*on, &err);
        sum           got = {0};
        yk_stage      st = {.name = "sum", .n = 20000, .out_size = sizeof(double), .task = root, .fold = add, .fold_ctx = &got};
        assert_int_equal(yk_stage_run(s, &st, &err), YOKE_EFORMAT);
        assert_string_equal(err.text, "no number 7");
        assert_int_equal(got.next, 7);
        yoke_close(s);
    }
}

static int big(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    size_t         n = 3 << 20;
    unsigned char *p = yk_arena_alloc(yk_task_arena(t), n);
    (void)ctx;
    if (!p)
        return yk_fail_nomem(err, "testing");
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(i * 7 + yk_task_index(t));
    *(uint64_t *)out = yk_task_index(t);
    return yk_task_emit(t, p, n, err);
}

static int check_big(void *fold_ctx, const yk_result *r, yoke_error *err)
{
    const unsigned char *p = r->bytes;
    unsigned             wrong = 0;
    (void)err;
    assert_int_equal(r->n_bytes, 3 << 20);
    for (size_t i = 0; i < r->n_bytes; i++)
        wrong += p[i] != (unsigned char)(i * 7 + r->index);
    assert_int_equal(wrong, 0);
    ++*(int *)fold_ctx;
    return 0;
}

TEST(large_results)
{
    FOR_ALL(on)
    {
        yoke_error    err = YOKE_ERROR_INIT;
        yoke_session *s = yoke_open(*on, &err);
        int           n = 0;
        yk_stage      st = {.name = "big", .n = 9, .out_size = 8, .task = big, .fold = check_big, .fold_ctx = &n};
        assert_int_equal(yk_stage_run(s, &st, &err), 0);
        assert_int_equal(n, 9);
        yoke_close(s);
    }
}

static int die(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    (void)ctx;
    (void)err;
    *(uint64_t *)out = yk_task_index(t);
    switch (yk_task_index(t) % 50) {
    case 3: raise(SIGKILL); break;
    case 14: abort();
    case 21: exit(3);
    default: break;
    }
    return 0;
}

static int count_value(void *fold_ctx, const yk_result *r, yoke_error *err)
{
    (void)err;
    assert_int_equal(*(const uint64_t *)r->out, r->index);
    ((int *)fold_ctx)[0]++;
    return 0;
}

static int count_death(void *fold_ctx, uint64_t index, const yoke_error *why, yoke_error *err)
{
    (void)err;
    const char *word = index % 50 == 3 ? "signal KILL" : index % 50 == 14 ? "signal ABRT" : "exited 3";
    assert_int_equal(why->code, YOKE_EDIED);
    assert_non_null(strstr(why->text, word));
    ((int *)fold_ctx)[1]++;
    return 0;
}

static atomic_int n_running, most_running;

static int heavy(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    static const char bytes[1 << 20];
    int               now = atomic_fetch_add(&n_running, 1) + 1, most = atomic_load(&most_running);
    (void)ctx, (void)out;
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
    usleep(2000);
    int rc = yk_task_emit(t, bytes, sizeof bytes, err);
    atomic_fetch_sub(&n_running, 1);
    return rc;
}

static int count_result(void *fold_ctx, const yk_result *r, yoke_error *err)
{
    (void)err;
    assert_int_equal(r->n_bytes, 1 << 20);
    ++*(uint64_t *)fold_ctx;
    return 0;
}

/* A running task counts three times its result; one may always run. */
TEST(memory_bounds_what_runs)
{
    static const struct { size_t max_held; int most; } row[] = {{1, 1}, {7 << 20, 2}, {13 << 20, 4}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yoke_session *s = yoke_open("threads:7", NULL);
        uint64_t      n = 0;
        yk_stage      st = {.name = "heavy", .n = 60, .task = heavy, .fold = count_result, .fold_ctx = &n, .max_held = row[i].max_held,
                            .expected = 2 << 20};
        atomic_store(&most_running, 0);
        assert_int_equal(yk_stage_run(s, &st, NULL), 0);
        assert_int_equal(n, 60);
        assert_in_range(atomic_load(&most_running), 1, row[i].most);
        yoke_close(s);
    }
}

static int who(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    (void)ctx, (void)t, (void)err;
    usleep(500); /* longer than a block should take: each would be one by itself */
    *(pthread_t *)out = pthread_self();
    return 0;
}

typedef struct changes {
    pthread_t last;
    int       n;
} changes;

static int count_changes(void *fold_ctx, const yk_result *r, yoke_error *err)
{
    changes  *c = fold_ctx;
    pthread_t now = *(const pthread_t *)r->out;
    (void)err;
    c->n += r->index > 0 && !pthread_equal(now, c->last);
    c->last = now;
    return 0;
}

/* But for the first ones, and the last where a share of what is left is less. */
TEST(tasks_in_a_row_stay_together)
{
    yoke_session *s = yoke_open("threads:3", NULL);
    changes       c = {.n = 0};
    yk_stage      st = {.name = "who", .n = 400, .out_size = sizeof(pthread_t), .task = who, .fold = count_changes, .fold_ctx = &c,
                        .together = 8};
    assert_int_equal(yk_stage_run(s, &st, NULL), 0);
    assert_in_range(c.n, 1, 400 / 8 + 40);
    yoke_close(s);
}

TEST(deaths_are_told)
{
    for (int workers = 1; workers < 5; workers++) {
        char          on[32];
        yoke_error    err = YOKE_ERROR_INIT;
        int           n[2] = {0, 0};
        snprintf(on, sizeof on, "processes:%d", workers);
        yoke_session *s = yoke_open(on, &err);
        yk_stage      st = {.name = "die", .n = 500, .out_size = 8, .task = die, .fold = count_value, .failed = count_death, .fold_ctx = n};
        assert_int_equal(yk_stage_run(s, &st, &err), 0);
        assert_int_equal(n[0], 470);
        assert_int_equal(n[1], 30);
        yoke_close(s);
    }
}

TEST(words)
{
    static const struct { const char *on, *text; } row[] = {
        {"thread", "'thread' is nothing to run on; did you mean 'threads'?"},
        {"gpu", "'gpu' is nothing to run on; there are serial, threads[:N] and processes[:N]"},
        {"threads:0", "'threads:0': the number of workers must be from 1 to 4096"},
        {"threads:x", "'threads:x': the number of workers must be from 1 to 4096"},
        {"processes:", "'processes:': the number of workers must be from 1 to 4096"},
        {"serial:2", "'serial:2': serial has one worker and takes no number"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yoke_error err = YOKE_ERROR_INIT;
        assert_null(yoke_open(row[i].on, &err));
        assert_int_equal(err.code, YOKE_EINVALID);
        assert_string_equal(err.text, row[i].text);
    }
    setenv("YOKE_ON", "processes:3", 1);
    yoke_session *s = yoke_open(NULL, NULL);
    assert_string_equal(yoke_session_executor(s), "processes");
    assert_int_equal(yoke_session_workers(s), 3);
    yoke_close(s);
}

RUN_TESTS(folds_in_order, first_failure_ends_it, large_results, memory_bounds_what_runs, tasks_in_a_row_stay_together, deaths_are_told,
          words)
