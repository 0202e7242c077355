/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Monte Carlo pi, 500,000 trials a seed: the share of random points in the unit square that fall into the quarter circle.
 *
 *     yoke map pi.c:pi 0..9              Philox, for new work
 *     yoke map pi.c:pi_mt19937 0..9      the numbers of NumPy's RandomState(seed)
 *     yoke map pi.c:pi_stream 0..9       as pi, but from the task's own stream: the seed is --seed
 */
#include <yoke/yoke.h>

enum { TRIALS = 500000, BLOCK = 2000 };

/* How many of n points lie in the quarter circle. */
static int64_t inside(const double *x, const double *y, int n)
{
    int64_t count = 0;
    for (int i = 0; i < n; i++)
        count += x[i] * x[i] + y[i] * y[i] < 1;
    return count;
}

static double estimate(yoke_random r)
{
    double  u[2 * BLOCK];
    int64_t count = 0;
    for (int done = 0; done < TRIALS; done += BLOCK) {
        yoke_random_uniforms(&r, u, 2 * BLOCK);
        count += inside(u, u + BLOCK, BLOCK);
    }
    return 4.0 * (double)count / TRIALS;
}

double pi(int64_t seed)
{
    return estimate(yoke_random_stream((uint64_t)seed, 0));
}
YOKE_FUNCTION(double, pi, int64_t);

double pi_stream(yoke_task *t)
{
    return estimate(yoke_random_task(t));
}
YOKE_FUNCTION(double, pi_stream, yoke_task *);

double pi_mt19937(uint32_t seed)
{
    yoke_mt19937 m;
    double       xy[2 * BLOCK];
    int64_t      count = 0;
    yoke_mt19937_seed(&m, seed);
    for (int done = 0; done < TRIALS; done += BLOCK) {
        yoke_mt19937_uniforms(&m, xy, 2 * BLOCK);
        for (int i = 0; i < BLOCK; i++)
            count += xy[2 * i] * xy[2 * i] + xy[2 * i + 1] * xy[2 * i + 1] < 1;
    }
    return 4.0 * (double)count / TRIALS;
}
YOKE_FUNCTION(double, pi_mt19937, uint32_t);
