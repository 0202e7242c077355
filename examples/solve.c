/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A function that may fail, and says why; one that may take long, and looks whether it is still wanted.
 *
 *     yoke map solve.c:kepler ::: 0..3.1..0.1 ::: 0.1 0.5 0.9
 *     yoke map solve.c:root 4 2 -1 9 --on-error collect
 *     yoke map solve.c:collatz 1..1000000 --reduce max
 */
#include <yoke/yoke.h>

#include <math.h>

double root(yoke_task *t, double x)
{
    if (x < 0)
        yoke_task_fail(t, "%g has no real root", x);
    return sqrt(x);
}
YOKE_FUNCTION(double, root, yoke_task *, double);

/* The eccentric anomaly E of a planet at mean anomaly M: M = E - e sin(E), by Newton's method. */
double kepler(yoke_task *t, double mean_anomaly, double eccentricity)
{
    double E = mean_anomaly;
    if (eccentricity < 0 || eccentricity >= 1)
        yoke_task_fail(t, "an ellipse has an eccentricity from 0 to below 1, not %g", eccentricity);
    for (int i = 0; i < 100; i++) {
        double step = (E - eccentricity * sin(E) - mean_anomaly) / (1 - eccentricity * cos(E));
        E -= step;
        if (fabs(step) < 1e-15)
            return E;
    }
    return E;
}
YOKE_FUNCTION(double, kepler, yoke_task *, double, double);

/* Steps of n -> n / 2, 3 n + 1 until 1. */
int64_t collatz(yoke_task *t, int64_t n)
{
    int64_t steps = 0;
    if (n < 1)
        yoke_task_fail(t, "it starts from 1 or more, not %lld", (long long)n);
    for (; n > 1; steps++) {
        if (steps % 1000 == 999 && yoke_task_is_canceled(t))
            break;
        n = n % 2 ? 3 * n + 1 : n / 2;
    }
    return steps;
}
YOKE_FUNCTION(int64_t, collatz, yoke_task *, int64_t);
