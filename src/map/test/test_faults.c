/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What goes wrong with worker processes, at random moments: results and causes are right every time, nothing hangs, nothing
 * is left behind. $YOKE_STRESS sets how often each is tried; a word after the program's name picks one.
 */
#include "base/test/check.h"

#include <yoke/map.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 3, N = 300 };

typedef struct board {
    atomic_int pid[WORKERS];
    atomic_int go;
} board;

static board *shared;

static unsigned rounds(unsigned least)
{
    const char *s = getenv("YOKE_STRESS");
    unsigned    n = s ? (unsigned)atoi(s) : 0;
    return n > least ? n : least;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int work(yoke_task *t, const void *item, void *result)
{
    (void)item;
    atomic_store(&shared->pid[yoke_task_worker(t)], getpid());
    volatile uint64_t x = 0;
    for (int k = 0; k < 20000; k++)
        x += (uint64_t)k;
    (void)x; /* clang counts += as no use */
    *(uint64_t *)result = yoke_task_index(t) * 3 + 1;
    return 0;
}

typedef struct trouble {
    int       signal;
    unsigned  seed;
    atomic_int is_over;
    int       n_sent;
} trouble;

static void *make_trouble(void *arg)
{
    trouble *x = arg;
    while (!atomic_load(&x->is_over)) {
        usleep((useconds_t)(rand_r(&x->seed) % 3000));
        int pid = atomic_load(&shared->pid[rand_r(&x->seed) % WORKERS]);
        if (pid && !atomic_load(&x->is_over) && kill(pid, x->signal) == 0)
            x->n_sent++;
    }
    return NULL;
}

static void run_in_trouble(int sig, unsigned round, unsigned retries)
{
    static uint64_t got[N];
    yoke_session   *s = yoke_open("processes:3", NULL);
    yoke_map_opts   o = YOKE_MAP_OPTS_INIT;
    yoke_failures  *bad;
    trouble         x = {.signal = sig, .seed = round * 77 + 1};
    pthread_t       thread;
    for (int i = 0; i < WORKERS; i++)
        atomic_store(&shared->pid[i], 0);
    o.on_error = YOKE_COLLECT;
    o.failures = &bad;
    o.retries = retries;
    o.timeout_ms = sig == SIGSTOP ? 60 : 0;
    o.chunk = round % 3 ? 0 : 1;
    pthread_create(&thread, NULL, make_trouble, &x);
    int rc = yoke_map(s, work, NULL, N, 0, got, sizeof *got, &o, NULL);
    atomic_store(&x.is_over, 1);
    pthread_join(thread, NULL);
    uint64_t n_bad = yoke_failures_count(bad);
    assert_int_equal(rc, n_bad ? YOKE_ETASK : 0);
    if (sig == SIGKILL) /* a busy machine may make a task late without any help */
        assert_true(n_bad <= (uint64_t)x.n_sent && (!retries || n_bad <= 3));
    for (uint64_t i = 0; i < N; i++) {
        const yoke_outcome *f = yoke_failures_find(bad, i);
        assert_int_equal(got[i], f ? 0 : i * 3 + 1);
        if (f && sig == SIGKILL) {
            assert_int_equal(f->cause, YOKE_CAUSE_SIGNAL);
            assert_int_equal(f->status, SIGKILL);
        } else if (f)
            assert_int_equal(f->cause, YOKE_CAUSE_TIMEOUT);
    }
    yoke_failures_free(bad);
    yoke_close(s);
}

TEST(killed_workers)
{
    for (unsigned i = 0; i < rounds(10); i++)
        run_in_trouble(SIGKILL, i, i % 2 ? 5 : 0);
}

TEST(stopped_workers)
{
    for (unsigned i = 0; i < rounds(3); i++)
        run_in_trouble(SIGSTOP, i, 0);
}

static int overflow(int depth)
{
    volatile char a[65536];
    memset((char *)(uintptr_t)a, depth, sizeof a);
    return depth > 1 << 20 ? a[0] : overflow(depth + 1) + a[depth % 65536];
}

static int misbehave(yoke_task *t, const void *item, void *result)
{
    uint64_t i = yoke_task_index(t);
    unsigned seed = *(const unsigned *)yoke_task_ctx(t) + (unsigned)i;
    (void)item;
    usleep((useconds_t)(rand_r(&seed) % 3000));
    switch (i % 20) {
    case 3: exit(7);
    case 5: abort();
    case 8: overflow(0); break;
    case 11:
        for (size_t k = 0; k < 40; k++) {
            char *p = malloc(16 << 20);
            if (p)
                memset(p, 1, 16 << 20);
            usleep(1000);
        }
        usleep(100000);
        break;
    case 14: usleep(10000000); break;
    default: break;
    }
    *(uint64_t *)result = i + 1;
    return 0;
}

TEST(misbehaving_tasks)
{
    static const struct { unsigned at; const char *word; } want[] = {
        {3, "exited 7"}, {5, "signal ABRT"}, {8, "signal SEGV"}, {11, "out of memory"}, {14, "timed out"}};
    for (unsigned round = 0; round < rounds(2); round++) {
        uint64_t       got[40];
        yoke_session  *s = yoke_open("processes:3", NULL);
        yoke_map_opts  o = YOKE_MAP_OPTS_INIT;
        yoke_failures *bad;
        o.on_error = YOKE_COLLECT;
        o.failures = &bad;
        o.ctx = &round;
        o.mem_mib = 100;
        o.timeout_ms = 1500;
        assert_int_equal(yoke_map(s, misbehave, NULL, 40, 0, got, sizeof *got, &o, NULL), YOKE_ETASK);
        assert_int_equal(yoke_failures_count(bad), 10);
        for (unsigned i = 0; i < 40; i++) {
            const yoke_outcome *f = yoke_failures_find(bad, i);
            const char         *word = NULL;
            char                text[32];
            for (size_t k = 0; k < 5; k++)
                word = i % 20 == want[k].at ? want[k].word : word;
            assert_int_equal(got[i], word ? 0 : i + 1);
            if (word)
                assert_string_equal(yoke_cause_text(f->cause, f->status, text, sizeof text), word);
        }
        yoke_failures_free(bad);
        yoke_close(s);
    }
}

static int die_now(yoke_task *t, const void *item, void *result)
{
    (void)t;
    (void)item;
    (void)result;
    raise(SIGKILL);
    return 0;
}

TEST(death_is_seen_at_once)
{
    yoke_session *s = yoke_open("processes:1", NULL);
    double        best = 1;
    for (int i = 0; i < 10; i++) {
        double began = now();
        assert_int_equal(yoke_map(s, die_now, NULL, 1, 0, NULL, 0, NULL, NULL), YOKE_EDIED);
        best = now() - began < best ? now() - began : best;
    }
    assert_true(best < 0.05);
    yoke_close(s);
}

static int linger(yoke_task *t, const void *item, void *result)
{
    (void)item;
    (void)result;
    atomic_store(&shared->pid[yoke_task_worker(t)], getpid());
    atomic_fetch_add(&shared->go, 1);
    usleep(20000000);
    return 0;
}

static bool is_gone(int pid)
{
    char path[40], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return true;
    char *line = fgets(text, sizeof text, f);
    fclose(f);
    char *state = line ? strrchr(line, ')') : NULL;
    return state && (state[2] == 'Z' || state[2] == 'X');
}

TEST(killed_parent)
{
    for (unsigned round = 0; round < rounds(3); round++) {
        unsigned seed = round;
        atomic_store(&shared->go, 0);
        for (int i = 0; i < WORKERS; i++)
            atomic_store(&shared->pid[i], 0);
        pid_t parent = fork();
        if (parent == 0) {
            yoke_session *s = yoke_open("processes:3", NULL);
            _exit(yoke_map(s, linger, NULL, 100, 0, NULL, 0, NULL, NULL) == 0);
        }
        while (atomic_load(&shared->go) < WORKERS)
            usleep(500);
        if (round % 2)
            kill(atomic_load(&shared->pid[0]), SIGSTOP);
        usleep((useconds_t)(rand_r(&seed) % 2000));
        kill(parent, SIGKILL);
        waitpid(parent, NULL, 0);
        for (int i = 0; i < WORKERS; i++) {
            int pid = atomic_load(&shared->pid[i]), k = 0;
            while (!is_gone(pid) && k++ < 2000)
                usleep(1000);
            assert_true(is_gone(pid));
        }
    }
}

static yoke_cancel *on_interrupt;

static void interrupted(int sig)
{
    (void)sig;
    yoke_cancel_set(on_interrupt);
}

static int quick_or_long(yoke_task *t, const void *item, void *result)
{
    (void)item;
    atomic_fetch_add(&shared->go, 1);
    if (yoke_task_index(t) >= 10)
        usleep(20000000);
    *(int *)result = 1;
    return 0;
}

static void *interrupt_twice(void *arg)
{
    (void)arg;
    while (atomic_load(&shared->go) < 10 + WORKERS)
        usleep(500);
    kill(getpid(), SIGINT);
    usleep(50000);
    kill(getpid(), SIGINT);
    return NULL;
}

TEST(interrupts)
{
    for (unsigned round = 0; round < rounds(2); round++) {
        int            got[100];
        yoke_session  *s = yoke_open("processes:3", NULL);
        yoke_map_opts  o = YOKE_MAP_OPTS_INIT;
        yoke_failures *bad;
        pthread_t      thread;
        on_interrupt = o.cancel = yoke_cancel_new(NULL);
        o.on_error = YOKE_COLLECT;
        o.failures = &bad;
        o.chunk = 1;
        atomic_store(&shared->go, 0);
        signal(SIGINT, interrupted);
        pthread_create(&thread, NULL, interrupt_twice, NULL);
        double began = now();
        assert_int_equal(yoke_map(s, quick_or_long, NULL, 100, 0, got, sizeof *got, &o, NULL), YOKE_ECANCELED);
        assert_true(now() - began < 10);
        pthread_join(thread, NULL);
        signal(SIGINT, SIG_DFL);
        assert_int_equal(yoke_failures_count(bad), 90);
        for (uint64_t i = 0; i < 100; i++) {
            const yoke_outcome *f = yoke_failures_find(bad, i);
            assert_true(i < 10 ? !f && got[i] == 1 : f && f->cause == YOKE_CAUSE_CANCELED);
        }
        yoke_failures_free(bad);
        yoke_cancel_free(o.cancel);
        yoke_close(s);
    }
}

static int brief(yoke_task *t, const void *item, void *result)
{
    (void)item;
    usleep(300);
    *(uint64_t *)result = yoke_task_index(t) + 1;
    return 0;
}

static void *interrupt_some_time(void *seed)
{
    usleep((useconds_t)(rand_r(seed) % 12000));
    kill(getpid(), SIGINT);
    usleep((useconds_t)(rand_r(seed) % 300));
    if (rand_r(seed) % 2)
        kill(getpid(), SIGINT);
    return NULL;
}

TEST(interrupts_at_any_time)
{
    for (unsigned round = 0; round < rounds(20); round++) {
        uint64_t       got[100], n_good = 0;
        unsigned       seed = round;
        yoke_session  *s = yoke_open(round % 3 ? "processes:3" : "threads:3", NULL);
        yoke_map_opts  o = YOKE_MAP_OPTS_INIT;
        yoke_failures *bad;
        pthread_t      thread;
        on_interrupt = o.cancel = yoke_cancel_new(NULL);
        o.on_error = YOKE_COLLECT;
        o.failures = &bad;
        signal(SIGINT, interrupted);
        pthread_create(&thread, NULL, interrupt_some_time, &seed);
        int rc = yoke_map(s, brief, NULL, 100, 0, got, sizeof *got, &o, NULL);
        pthread_join(thread, NULL);
        signal(SIGINT, SIG_DFL);
        for (uint64_t i = 0; i < 100; i++) {
            const yoke_outcome *f = yoke_failures_find(bad, i);
            assert_true(f ? f->cause == YOKE_CAUSE_CANCELED : got[i] == i + 1);
            n_good += !f;
        }
        assert_int_equal(rc, n_good < 100 ? YOKE_ECANCELED : 0);
        assert_int_equal(yoke_failures_count(bad), 100 - n_good);
        yoke_failures_free(bad);
        yoke_cancel_free(o.cancel);
        yoke_close(s);
    }
}

static int lines(yoke_task *t, const void *item, void *result)
{
    (void)item;
    (void)result;
    for (int k = 0; k < 50; k++) {
        printf("task %llu ", (unsigned long long)yoke_task_index(t));
        if (k % 10 == 0)
            usleep(100);
        printf("line %d of this task\n", k);
    }
    return 0;
}

TEST(lines_stay_whole)
{
    char path[] = "/tmp/yoke-lines-XXXXXX", text[200];
    int  fd = mkstemp(path), n = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd, 1);
        printf("not yet written");
        yoke_session *s = yoke_open("processes:3", NULL);
        int rc = yoke_map(s, lines, NULL, 40, 0, NULL, 0, NULL, NULL);
        __fpurge(stdout); /* the thread sanitizer's _exit would write it */
        _exit(rc != 0);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    FILE *f = fopen(path, "r");
    while (fgets(text, sizeof text, f)) {
        unsigned i;
        int      k, end = 0;
        assert_int_equal(sscanf(text, "task %u line %d of this task\n%n", &i, &k, &end), 2);
        assert_int_equal(text[end], 0);
        n++;
    }
    assert_int_equal(n, 2000);
    fclose(f);
    close(fd);
    unlink(path);
}

static int whoami(yoke_task *t, const void *item, void *result)
{
    (void)t;
    (void)item;
    *(int *)result = getpid();
    return 0;
}

TEST(recycling)
{
    int           pids[100];
    yoke_session *s = yoke_open("processes:2", NULL);
    yoke_map_opts o = YOKE_MAP_OPTS_INIT;
    o.recycle_tasks = 5;
    o.chunk = 1;
    assert_int_equal(yoke_map(s, whoami, NULL, 100, 0, pids, sizeof *pids, &o, NULL), 0);
    for (int i = 0; i < 100; i++) {
        int same = 0;
        for (int k = 0; k < 100; k++)
            same += pids[k] == pids[i];
        assert_in_range(same, 1, 5);
    }
    yoke_close(s);
}

static int set_up(void **state)
{
    (void)state;
    shared = yoke_shared_new(sizeof *shared, NULL);
    return shared ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {killed_workers, stopped_workers, misbehaving_tasks, death_is_seen_at_once, killed_parent,
                                       interrupts, interrupts_at_any_time, lines_stay_whole, recycling};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
