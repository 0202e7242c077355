/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gate on a futex. A waiter announces itself before it looks at `seq` a last time, an opener counts `seq` up before
 * it looks for waiters: one of the two always sees the other.
 */
#include "exec/gate.h"

#include "base/clock.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool spin(yk_gate *g, unsigned seen, uint64_t until)
{
    do {
        for (int i = 0; i < 32; i++) {
            if (atomic_load_explicit(&g->seq, memory_order_acquire) != seen)
                return true;
            relax();
        }
    } while (yk_now_ns() < until);
    return false;
}

bool yk_gate_wait(yk_gate *g, unsigned seen, uint64_t wait_ns)
{
    uint64_t now = yk_now_ns(), end = wait_ns > UINT64_MAX - now ? UINT64_MAX : now + wait_ns;
    uint64_t spun = now + YK_SPIN_NS;
    atomic_fetch_add_explicit(&g->spinners, 1, memory_order_relaxed);
    bool is_open = spin(g, seen, spun < end ? spun : end);
    atomic_fetch_sub_explicit(&g->spinners, 1, memory_order_relaxed);
    if (is_open)
        return true;
    atomic_fetch_add(&g->sleepers, 1);
    while (!(is_open = atomic_load(&g->seq) != seen) && (now = yk_now_ns()) < end) {
        uint64_t        left = end - now;
        struct timespec t = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
        syscall(SYS_futex, &g->seq, FUTEX_WAIT, seen, end == UINT64_MAX ? NULL : &t, NULL, 0);
    }
    atomic_fetch_sub(&g->sleepers, 1);
    return is_open;
}

void yk_gate_open(yk_gate *g)
{
    atomic_fetch_add(&g->seq, 1);
    if (atomic_load(&g->sleepers))
        syscall(SYS_futex, &g->seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* A spinner counted here looks at `seq` once more, at the latest when it has announced itself as a sleeper. */
void yk_gate_open_one(yk_gate *g)
{
    atomic_fetch_add(&g->seq, 1);
    if (atomic_load(&g->sleepers) && !atomic_load_explicit(&g->spinners, memory_order_relaxed))
        syscall(SYS_futex, &g->seq, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void yk_lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(lock, &a);
    pthread_mutexattr_destroy(&a);
}

static const char    *stalls;
static pthread_once_t stalls_once = PTHREAD_ONCE_INIT;

static void read_stalls(void)
{
    const char *s = getenv("YOKE_STALL");
    stalls = s && *s ? s : NULL;
}

void yk_stall(const char *place)
{
    pthread_once(&stalls_once, read_stalls);
    if (!stalls || !strstr(stalls, place))
        return;
    static _Thread_local unsigned turn;
    turn = turn * 1664525u + 1013904223u + (unsigned)(uintptr_t)&turn;
    usleep(turn >> 24);
}
