/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Starmap: a function of several arguments over every combination of their values, and over pairs side by side.
 */
#include <yoke/yoke.h>

#include <math.h>
#include <stdio.h>

/* A sine's mean over k periods with n points each: all but zero. */
static int mean(yoke_task *t, const void *const *args, void *result)
{
    int    n = *(const int *)args[0], k = *(const int *)args[1];
    double sum = 0;
    (void)t;
    for (int i = 0; i < n * k; i++)
        sum += sin(6.283185307179586 * i / n);
    *(double *)result = sum / (n * k);
    return 0;
}

int main(void)
{
    int           points[3] = {10, 100, 1000}, periods[2] = {1, 7};
    double        means[3 * 2];
    yoke_arg      args[2] = {{points, 3, sizeof *points}, {periods, 2, sizeof *periods}};
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    if (!s || yoke_starmap(s, mean, args, 2, YOKE_PRODUCT, means, sizeof *means, NULL, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 2; j++)
            printf("%4d points, %d periods: %s\n", points[i], periods[j], fabs(means[i * 2 + j]) < 1e-12 ? "zero" : "not zero");
    int paired[3] = {5, 2, 4};
    args[1] = (yoke_arg){paired, 3, sizeof *paired};
    if (yoke_starmap(s, mean, args, 2, YOKE_ZIP, means, sizeof *means, NULL, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    for (int i = 0; i < 3; i++)
        printf("%4d points, %d periods: %s\n", points[i], paired[i], fabs(means[i]) < 1e-12 ? "zero" : "not zero");
    yoke_close(s);
    return 0;
}
