/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rounds: many short calls, each after the one before. All that the tasks need is in their context, without pointers, so
 * is_flat keeps worker processes from round to round. Finds where cos x = x: each round, an interval 16 times smaller.
 */
#include <yoke/yoke.h>

#include <math.h>
#include <stdio.h>

enum { PARTS = 16 };

typedef struct interval {
    double lo, hi;
} interval;

static double place(const interval *in, unsigned k) { return in->lo + (in->hi - in->lo) * k / PARTS; }

static int is_below(yoke_task *t, const void *item, void *result)
{
    double x = place(yoke_task_ctx(t), (unsigned)yoke_task_index(t));
    (void)item;
    *(bool *)result = x <= cos(x);
    return 0;
}

int main(void)
{
    interval      in = {0, 1};
    bool          below[PARTS + 1];
    int           n = 0;
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    opts.ctx = &in;
    opts.ctx_size = sizeof in;
    opts.is_flat = true;
    for (; s && in.hi - in.lo > 1e-12; n++) {
        unsigned k = 1;
        if (yoke_map(s, is_below, NULL, PARTS + 1, 0, below, sizeof *below, &opts, &err) < 0)
            break;
        while (k < PARTS && below[k])
            k++;
        in = (interval){place(&in, k - 1), place(&in, k)};
    }
    yoke_close(s);
    if (err.code)
        return fprintf(stderr, "%s\n", err.text), 1;
    printf("%.10f after %d rounds\n", in.lo, n);
    return 0;
}
