/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"
#include "map/transit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 3000 };

static size_t size_of(uint64_t i) { return i % 97 == 0 ? 3 << 20 : (size_t)(i * 7919 % 5000); }
static int    mark_of(uint64_t i) { return (int)(i % 251) + 1; }

static bool is_whole(const unsigned char *p, uint64_t i)
{
    for (size_t k = 0; k < size_of(i); k++)
        if (p[k] != mark_of(i))
            return false;
    return true;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Goes round a small ring many times; items are done in a random order among the hundred that are under way. */
TEST(bytes_stay_whole_until_they_are_done)
{
    unsigned char *at[MOST];
    uint64_t       under_way[100], n = 0, state = 1;
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* which take more themselves */
    struct rlimit limit = {(rlim_t)2 << 30, (rlim_t)2 << 30}; /* a ring of 256 MiB, where 700 MiB are put */
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
#endif
    yk_transit *t = yk_transit_new(NULL);
    assert_non_null(t);
    for (uint64_t round = 0; round < 7; round++)
        for (uint64_t i = 0; i < MOST; i++) {
            assert_int_equal(yk_transit_begin(t, round * MOST + i, NULL), 0);
            at[i] = yk_transit_put(t, size_of(i));
            assert_non_null(at[i]);
            assert_int_equal((uintptr_t)at[i] % 8, 0);
            memset(at[i], mark_of(i), size_of(i));
            under_way[n++] = i;
            while (n == 100 || (i == MOST - 1 && n > 0)) {
                uint64_t k = next_random(&state) % n, j = under_way[k];
                assert_true(is_whole(at[j], j));
                under_way[k] = under_way[--n];
                yk_transit_done(t, round * MOST + j);
            }
        }
    yk_transit_free(t);
}

TEST(a_child_forked_before_sees_what_is_put)
{
    yk_transit *t = yk_transit_new(NULL);
    int       go[2], status;
    void     *p;
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(read(go[0], &p, sizeof p) == sizeof p && strcmp(p, "ox") == 0 ? 0 : 1);
    assert_int_equal(yk_transit_begin(t, 0, NULL), 0);
    p = yk_transit_put(t, 3);
    memcpy(p, "ox", 3);
    assert_int_equal(write(go[1], &p, sizeof p), sizeof p);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    yk_transit_free(t);
}

TEST(what_does_not_fit_is_refused)
{
    yk_transit *t = yk_transit_new(NULL);
    assert_int_equal(yk_transit_begin(t, 0, NULL), 0);
    assert_null(yk_transit_put(t, SIZE_MAX));
    assert_null(yk_transit_put(t, (size_t)1 << 40));
    assert_non_null(yk_transit_put(t, 0));
    yk_transit_free(t);
}

RUN_TESTS(bytes_stay_whole_until_they_are_done, a_child_forked_before_sees_what_is_put, what_does_not_fit_is_refused)
