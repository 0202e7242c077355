/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What holds jobs back: a memory limit for each (a control group where this user may make one, else watching resident sizes),
 * and the machine's load and free memory.
 */
#ifndef YK_JOBS_LIMITS_H
#define YK_JOBS_LIMITS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct yk_limits {
    uint64_t memory;      /* bytes per job; 0: none */
    char    *group;       /* owned; the folder under which each slot gets a control group; NULL: none may be made */
    char    *left;        /* owned; the group that this process was in before it stepped aside; NULL: it did not */
    bool     is_v1;       /* of control groups */
    unsigned n_groups;    /* made so far, 1 … */
    uint64_t oom_kills;   /* of the whole machine, when last asked */
    double   load;        /* no start over it; 0: none */
    uint64_t min_free;    /* no start with less memory; 0: none */
    uint64_t asked_ns;    /* when load and memory were last read */
    bool     is_held;     /* what they said */
    char     why[96];     /* why */
} yk_limits;

/* Finds out whether control groups may be made. Never fails: without them memory is watched. */
void yk_limits_init(yk_limits *l, uint64_t memory, uint64_t min_free, double load);
void yk_limits_fini(yk_limits *l); /* removes the control groups */

/* The file that a process of `slot` (1 …) writes its pid to, to be held by the slot's control group; false: watch it. */
bool yk_limits_group(yk_limits *l, unsigned slot, char *buf, size_t size);

/* How often the kernel has killed in the slot's control group, or anywhere on this machine, for want of memory. */
uint64_t yk_limits_group_kills(const yk_limits *l, unsigned slot);
uint64_t yk_limits_machine_kills(void);

/* Resident bytes of a process and its descendants. */
uint64_t yk_limits_resident(pid_t pid);

/* Whether a process of this group still runs; those that ended and that nobody collects, as in a container without init, do not. */
bool yk_limits_has_running(pid_t group);

/* Whether a job may start now; else l->why says why not. Asks the system at most every 50 ms. */
bool yk_limits_may_start(yk_limits *l, uint64_t now_ns);

#endif
