/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the threads of every side of the table run, compiled once: each calls it through a pointer, hands it its item and
 * result, and looks at what it returns.
 */
#ifndef BENCH_MAP_WORK_H
#define BENCH_MAP_WORK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n zeros, all touched, on large pages where the system gives them: where its pages happen to lie is worth half of what a loop over
 * an array takes. Never freed. NULL when memory is out. */
int64_t *new_array(size_t n);

struct yoke_task; /* Yoke hands it one, the others none */
typedef int work_fn(struct yoke_task *task, const void *item, void *result);

extern work_fn *const work_copy;  /* the result is the item, an int64_t */
extern work_fn *const work_steps; /* as well, after item / 2^14 dependent steps: 0 to 61 for the items below a million */

#ifdef __cplusplus
}
#endif
#endif
