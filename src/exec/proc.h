/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The memory that a run's worker processes share with their parent, and the worker's side of it.
 *
 *     | proc_shm | queue | slots | worker 0 .. | ring 0 .. | slot memory 0 .. |
 *
 * Blocks of tasks lie in slots. The parent posts slots into the queue; a worker takes the slot at the head by writing its
 * own number into it, in one atomic step: so a death at any moment leaves no doubt about whose block it was. The worker
 * writes results in place and counts `done` up after each task; what has no fixed size goes through its ring.
 */
#ifndef YK_EXEC_PROC_H
#define YK_EXEC_PROC_H

#include "exec/gate.h"
#include "exec/work.h"

#include <sys/types.h>

enum { YK_RING_SIZE = 256 << 10, YK_PROC_QUEUE = 1024, YK_FLAT_CTX = 16 << 10, YK_FLAT_SLOT = 32 << 10 };

/* A message in a worker's ring: this, then len bytes. The last of a block is MSG_DONE. */
enum { YK_MSG_EMIT = 1, YK_MSG_FAIL, YK_MSG_DONE, YK_MSG_START_FAILED, YK_MSG_RETIRED };

typedef struct yk_msg {
    uint32_t kind, slot;
    uint64_t len;
} yk_msg;

typedef struct yk_msg_done {
    uint64_t   busy_ns;
    uint32_t   n_packed;
    int        rc;
    yoke_error why;
} yk_msg_done;

typedef struct yk_slot {
    _Alignas(64) atomic_ullong claim; /* queue position << 16 | 1 + the worker that took it */
    atomic_uint done;          /* tasks ended; written by its worker alone */
    uint64_t    lo;            /* from here on: written by the parent before it posts */
    uint32_t    n, first;
    unsigned    first_attempt;
} yk_slot;

typedef struct yk_proc_worker {
    _Alignas(64) atomic_ullong head; /* bytes ever written to the ring; by the worker alone */
    atomic_ullong began_ns;          /* when the running attempt began, where there is a limit or someone asks for times; 0: none runs */
    atomic_uint   attempt;
    atomic_uint   is_ready;          /* its start hook is behind it */
    atomic_ullong base_pages;        /* resident when it began */
    _Alignas(64) atomic_ullong tail; /* bytes ever read; by the parent alone */
    yk_gate       room;              /* opened when the parent has read */
} yk_proc_worker;

typedef struct yk_proc_shm {
    size_t        size; /* of the whole mapping */
    unsigned      n_slots, n_workers;
    uint32_t      max_block;
    size_t        slot_size, in_at, out_at, times_at, bad_at; /* within a slot's memory; in_at == out_at: no items */
    _Alignas(64) atomic_ullong head; /* next queue position to take */
    _Alignas(64) atomic_ullong tail; /* next to post */
    yk_gate       work;              /* opened when slots are posted, and at the end */
    atomic_int    stop;              /* no further tasks */
    atomic_int    is_closing;        /* no further blocks */
    atomic_int    is_parent_asleep;
    atomic_int    is_lazy;           /* the parent looks by itself soon: no need to wake it while the queue is well filled */
    atomic_ullong finished;
    atomic_uint   queue[YK_PROC_QUEUE];
    yk_work       told;              /* what workers run; for a flat one, nothing in it points to newer memory than they know */
    unsigned char ctx[YK_FLAT_CTX];  /* a flat work's, copied */
    yk_slot      *slots;
    yk_proc_worker *workers;
    unsigned char *rings, *memory;
} yk_proc_shm;

/* What a worker process is told when it is forked; it sees the parent's memory as of then. */
typedef struct yk_proc_job {
    yk_proc_shm   *shm;
    unsigned       worker;
    pid_t          parent;
    int            event_fd; /* written to when the parent sleeps */
} yk_proc_job;

yk_proc_shm *yk_proc_shm_new(const yk_work *w, unsigned workers, bool copies_in, yoke_error *err);

/* Tells workers that live on of another work, when all blocks of the last one are back. False: it does not fit. */
bool yk_proc_shm_renew(yk_proc_shm *shm, const yk_work *w);

/* Counts up whenever code is loaded: workers forked before do not have it. */
unsigned long long yk_code_loaded(void);

void         yk_proc_shm_free(yk_proc_shm *shm);

static inline unsigned char *yk_slot_memory(const yk_proc_shm *shm, uint32_t slot)
{
    return shm->memory + slot * shm->slot_size;
}

/* The worker process. Never returns. */
void yk_proc_main(const yk_proc_job *job) __attribute__((noreturn));

/* Pages that a process has resident, 0 when that cannot be read. pid 0: this one. */
uint64_t yk_resident_pages(pid_t pid);

#endif
