/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Random numbers.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011) for new work: a function
 * of seed, stream and position alone, so that any element is the same wherever and in whatever order it is made:
 *
 *     word i of a stream = Philox(key = seed, counter = (i / 4, stream))[i % 4]
 *     a uniform takes two words, the first of them even: ((word << 32 | next word) >> 11) / 2^53
 *
 * MT19937 (Matsumoto, Nishimura 1998) for scripts whose numbers must be those of NumPy's RandomState(seed).
 * Nothing here fails or keeps state of its own; any thread may call with an object of its own.
 */
#ifndef YOKE_RANDOM_H
#define YOKE_RANDOM_H

#include <yoke/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A place in a stream. A plain value: copy it to draw the same numbers again, set `position` to go anywhere. */
typedef struct yoke_random {
    uint64_t seed, stream;
    uint64_t position; /* the next word */
} yoke_random;

/* The beginning of a stream. Streams of one seed, and seeds, are independent of one another. */
static inline yoke_random yoke_random_stream(uint64_t seed, uint64_t stream)
{
    yoke_random r;
    r.seed = seed;
    r.stream = stream;
    r.position = 0;
    return r;
}

/* The task's own stream: the call's seed and the task's index. The same in every attempt. */
static inline yoke_random yoke_random_task(const yoke_task *t)
{
    return yoke_random_stream(yoke_task_seed(t), yoke_task_index(t));
}

/* The next n numbers, and the stream moves on. Blocks of some hundred numbers or more are fastest. */
void yoke_random_uniforms(yoke_random *r, double *out, size_t n); /* 0 <= x < 1, multiples of 2^-53 */
void yoke_random_words(yoke_random *r, uint32_t *out, size_t n);  /* 0 to 2^32 - 1 */

/* The generator itself: one block of four words. */
void yoke_random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* NumPy's RandomState: seeded as RandomState(seed) for 0 <= seed < 2^32, drawn as .random_sample(n). 2.5 KiB of state. */
typedef struct yoke_mt19937 {
    uint32_t key[624];
    uint32_t at;
} yoke_mt19937;

void yoke_mt19937_seed(yoke_mt19937 *m, uint32_t seed);
void yoke_mt19937_uniforms(yoke_mt19937 *m, double *out, size_t n); /* 0 <= x < 1, multiples of 2^-53 */

#ifdef __cplusplus
}
#endif
#endif
