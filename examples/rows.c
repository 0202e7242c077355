/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Several arguments, several results, and runs of numbers: rows of a .npy matrix, of a table, or 1,2,3.
 *
 *     yoke map rows.c:area ::: 1..3 ::: 0.5 1.5          every combination
 *     yoke map rows.c:area --csv -a boxes.csv            a column for each argument
 *     yoke map rows.c:summary matrix.npy -o summary.npy  a row in, a row out
 *     yoke map rows.c:powers 2,4 3,4
 */
#include <yoke/yoke.h>

#include <math.h>

double area(double width, double height)
{
    return width * height;
}
YOKE_FUNCTION(double, area, double, double);

/* Mean and standard deviation of a row, and its extremes. */
void summary(yoke_doubles row, double *mean, double *sd, double *least, double *most)
{
    double sum = 0, squares = 0;
    *least = INFINITY;
    *most = -INFINITY;
    for (size_t i = 0; i < row.n; i++) {
        sum += row.values[i];
        *least = fmin(*least, row.values[i]);
        *most = fmax(*most, row.values[i]);
    }
    *mean = sum / (double)row.n;
    for (size_t i = 0; i < row.n; i++)
        squares += (row.values[i] - *mean) * (row.values[i] - *mean);
    *sd = sqrt(squares / (double)row.n);
}
YOKE_FUNCTION(void, summary, yoke_doubles, double *, double *, double *, double *);

/* 1, x, x^2 … : n numbers. */
yoke_doubles powers(yoke_task *t, double x, uint32_t n)
{
    yoke_doubles result = {NULL, 0};
    double      *p = yoke_task_scratch(t, n * sizeof *p);
    if (!p) {
        yoke_task_fail(t, "no memory for %u numbers", n);
        return result;
    }
    for (uint32_t i = 0; i < n; i++)
        p[i] = i == 0 ? 1 : p[i - 1] * x;
    result.values = p;
    result.n = n;
    return result;
}
YOKE_FUNCTION(yoke_doubles, powers, yoke_task *, double, uint32_t);
