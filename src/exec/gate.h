/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A gate: how a thread or process waits for another to have done something. Works in memory shared by processes.
 * The waiter looks at the gate, then at what it waits for, and waits only if that is not there yet; the other side does
 * its work and then opens the gate. Waiting spins for a moment before it sleeps, since waking a sleeper takes long.
 */
#ifndef YK_EXEC_GATE_H
#define YK_EXEC_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct yk_gate {
    atomic_uint seq;      /* the how-manyth opening */
    atomic_uint spinners; /* how many wait awake */
    atomic_uint sleepers; /* how many wait in the kernel, or are about to */
} yk_gate;

enum { YK_SPIN_NS = 15000 };
#define YK_FOREVER UINT64_MAX

static inline unsigned yk_gate_look(yk_gate *g) { return atomic_load(&g->seq); }

/* Waits until the gate was opened since the look that gave `seen`, or for wait_ns; true when it was opened. */
bool yk_gate_wait(yk_gate *g, unsigned seen, uint64_t wait_ns);

/* Lets all waiters go on, or at least one of them: none is woken for it while another waits awake. */
void yk_gate_open(yk_gate *g);
void yk_gate_open_one(yk_gate *g);

/* A lock that spins a little before it sleeps: for what is held for some ten ns and wanted by many threads. */
void yk_lock_init(pthread_mutex_t *lock);

/* The test's stall knob: sleeps a moment when $YOKE_STALL lists `place` (claim, done, sleep), else
 * costs one branch. */
void yk_stall(const char *place);

#endif
