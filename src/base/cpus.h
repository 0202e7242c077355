/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How many cores this process may really use, and beginning on one of them.
 */
#ifndef YK_BASE_CPUS_H
#define YK_BASE_CPUS_H

#include <pthread.h>

typedef struct yk_cpus {
    unsigned usable;       /* the least of the others, at least 1 */
    unsigned online;       /* the machine's */
    unsigned affinity;     /* in this process's affinity mask */
    double   cgroup_quota; /* cores' worth of time that the control groups (v1 or v2) grant; 0: no limit */
    unsigned slurm;        /* $SLURM_CPUS_PER_TASK; 0: not set */
} yk_cpus;

/* Asks the system anew at each call; any thread may call. Never fails: what cannot be read sets no limit. */
yk_cpus yk_cpus_find(void);

/* The part of it that reads control groups, for tests on recorded machines: `groups` is a file in the form of
 * /proc/PID/cgroup, `mount` the folder where the hierarchy is mounted (v1: its "cpu" below it). Cores; 0: no limit. */
double yk_cpus_quota(const char *groups, const char *mount);

/* pthread_create for worker thread `k`, which begins on a CPU of its own: the k-th after the caller's among those that the caller may use,
 * round and round. It may leave it at once, as any thread: this is for its first milliseconds, since a system may begin it where its
 * parent works and part the two only when it next looks whether load is balanced. */
int yk_cpus_begin(unsigned k, void *(*run)(void *), void *arg, pthread_t *ret);

#endif
