/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Time. Monotonic for durations, wall clock for records.
 */
#ifndef YK_BASE_CLOCK_H
#define YK_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t yk_clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t yk_now_ns(void) { return yk_clock_of(CLOCK_MONOTONIC); }
static inline uint64_t yk_wall_ns(void) { return yk_clock_of(CLOCK_REALTIME); } /* since 1970, UTC */
static inline double   yk_now(void) { return (double)yk_now_ns() * 1e-9; }      /* seconds */

/* After how long a source of items that had none is asked again. */
enum { YK_ASK_NS = 5000000 };

#endif
