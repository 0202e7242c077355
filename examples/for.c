/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A loop in pieces. Memory from yoke_shared_new, so that it works with worker processes too.
 */
#include <yoke/yoke.h>

#include <stdio.h>

enum { N = 1000000 };

static int square(yoke_task *t, uint64_t lo, uint64_t hi)
{
    double *x = yoke_task_ctx(t);
    for (uint64_t i = lo; i < hi; i++)
        x[i] = (double)i * (double)i;
    return 0;
}

int main(void)
{
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    double       *x = yoke_shared_new(N * sizeof *x, &err);
    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    opts.ctx = x;
    if (!s || !x || yoke_for(s, square, N, 0, &opts, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    printf("%.0f %.0f %.0f\n", x[1], x[1000], x[N - 1]);
    yoke_shared_free(x, N * sizeof *x);
    yoke_close(s);
    return 0;
}
