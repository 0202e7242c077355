/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups that a worker keeps from one task to the next: later results name those that earlier ones of the same worker told of by their
 * numbers there, without keys, and the fold looks up what they are called among all.
 *
 *     worker 1   task 0: keys of groups 0 … 99           task 2: cells of 3, 7, 98; keys of groups 100, 101   …
 *     fold       all's numbers of worker 1: [0 … 99]                                       … and of 100, 101
 */
#ifndef YK_TABLE_KNOWN_H
#define YK_TABLE_KNOWN_H

#include "base/buf.h"

#include <stdbool.h>

/* Of one worker: those of its groups before `n` that rows of this task are of. Zeroed is ready. */
typedef struct yk_known {
    uint64_t  name;   /* of these groups; 0: they have been told of to nobody */
    uint64_t *is_met; /* bits; owned */
    size_t    cap;
    uint32_t  n, n_met;
} yk_known;

/* Before a task's result: how many of its groups are called by the numbers that they have under that name. */
typedef struct yk_known_head {
    uint64_t name, n;
} yk_known_head;

void yk_known_fini(yk_known *k);
int  yk_known_begin(yk_known *k, uint32_t n, yoke_error *err) YK_MUST_USE; /* none is met yet */
uint32_t yk_known_meet(yk_known *k, const uint32_t *numbers, uint32_t n); /* of rows; how many of these are of such groups */
void yk_known_list(const yk_known *k, uint32_t *ret); /* room for n_met: rising */
void yk_known_rename(yk_known *k); /* to a name that no other worker's groups have */

/* In the fold: what the groups of each worker are called among all. Zeroed is ready. */
typedef struct yk_known_names {
    struct yk_known_worker {
        uint64_t name;
        uint32_t *numbers;
        size_t   n, cap;
    } *workers;
    size_t n, cap;
} yk_known_names;

void yk_known_names_fini(yk_known_names *names);

/* The worker's next groups are called so. And numbers[0 … n) of it, as they are among all, in place. */
int yk_known_add(yk_known_names *names, uint64_t name, const uint32_t *numbers, uint32_t n, yoke_error *err) YK_MUST_USE;
int yk_known_find(const yk_known_names *names, uint64_t name, uint32_t *numbers, uint32_t n, yoke_error *err) YK_MUST_USE;

#endif
