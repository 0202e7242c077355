/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Map and reduce: the sum of ten million terms, in constant memory, with the same rounding whoever computes it.
 */
#include <yoke/yoke.h>

#include <stdio.h>

static int term(yoke_task *t, const void *item, void *result)
{
    double k = (double)yoke_task_index(t);
    (void)item;
    *(double *)result = 8.0 / ((4 * k + 1) * (4 * k + 3));
    return 0;
}

static int add(void *ctx, void *into, const void *from, yoke_error *err)
{
    (void)ctx;
    (void)err;
    *(double *)into += *(const double *)from;
    return 0;
}

int main(void)
{
    double        pi = 0;
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    if (!s || yoke_map_reduce(s, term, yoke_items_range(10000000), add, &pi, sizeof pi, NULL, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    printf("%.15f\n", pi);
    yoke_close(s);
    return 0;
}
