/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Map: one function over an array, with random numbers of its own for each item. The same bits for any $YOKE_ON.
 */
#include <yoke/yoke.h>

#include <stdio.h>

/* How far a random walk of *item steps gets. */
static int walk(yoke_task *t, const void *item, void *result)
{
    int         steps = *(const int *)item;
    yoke_random r = yoke_random_task(t);
    double      x = 0, u[256];
    if (steps < 0)
        return yoke_task_fail(t, "a walk cannot have %d steps", steps);
    for (int k = 0; k < steps; k++) {
        if (k % 256 == 0)
            yoke_random_uniforms(&r, u, 256);
        x += u[k % 256] - 0.5;
    }
    *(double *)result = x;
    return 0;
}

int main(void)
{
    int           steps[8] = {1000, 2000, 3000, 4000, 5000, 6000, -1, 8000};
    double        ends[8];
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    if (!s)
        return fprintf(stderr, "%s\n", err.text), 1;

    yoke_map_opts  opts = YOKE_MAP_OPTS_INIT;
    yoke_failures *failures;
    opts.seed = 1;
    opts.on_error = YOKE_COLLECT;
    opts.failures = &failures;
    int rc = yoke_map(s, walk, steps, 8, sizeof *steps, ends, sizeof *ends, &opts, &err);
    for (int i = 0; i < 8; i++) {
        const yoke_outcome *f = yoke_failures_find(failures, (uint64_t)i);
        if (f)
            printf("%d steps: %s\n", steps[i], f->error->text);
        else
            printf("%d steps: %.6f\n", steps[i], ends[i]);
    }
    printf("%s\n", err.text);
    yoke_failures_free(failures);
    yoke_close(s);
    return rc == YOKE_ETASK ? 0 : 1; /* one walk is wrong on purpose */
}
