/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Workers: what each prepares once, results of any length, a second attempt, and results as they come in order.
 */
#include <yoke/yoke.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 100000 };

/* In each worker, before its first task: the least factor of every number. */
static int start(void *ctx, void **ret_state, yoke_error *err)
{
    int *least = calloc(MOST + 1, sizeof *least);
    (void)ctx;
    (void)err;
    if (!least)
        return YOKE_ENOMEM;
    for (int p = 2; p <= MOST; p++)
        for (int k = p, is_prime = !least[p]; is_prime && k <= MOST; k += p)
            if (!least[k])
                least[k] = p;
    *ret_state = least;
    return 0;
}

static void stop(void *ctx, void *state)
{
    (void)ctx;
    free(state);
}

/* Emits the factors of *item, of which nobody knows beforehand how many there are. */
static int factors(yoke_task *t, const void *item, void *result)
{
    const int *least = yoke_task_state(t);
    int        n = *(const int *)item;
    (void)result;
    if (n < 1 || n > MOST)
        return yoke_task_fail(t, "%d is not from 1 to %d", n, MOST);
    if (n % 2 && yoke_task_attempt(t) == 1)
        return yoke_task_fail(t, "odd numbers take two attempts here");
    for (int rc = 0; n > 1; n /= least[n])
        if ((rc = yoke_task_emit(t, &least[n], sizeof *least)) < 0)
            return rc;
    return 0;
}

/* In this thread, in the order of the items. */
static int print(void *items, const yoke_outcome *o)
{
    char why[32];
    printf("%d, attempt %u:", ((const int *)items)[o->index], o->attempt);
    for (size_t at = 0; o->value && at < o->n_bytes; at += sizeof(int)) {
        int factor;
        memcpy(&factor, (const char *)o->bytes + at, sizeof factor);
        printf(" %d", factor);
    }
    if (o->error)
        printf(" %s: %s", yoke_cause_text(o->cause, o->status, why, sizeof why), o->error->text);
    return printf("\n") < 0 ? YOKE_EIO : 0;
}

int main(void)
{
    int           items[] = {12, 97, 65536, 99999, 0};
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    opts.worker_start = start;
    opts.worker_stop = stop;
    opts.retries = 1;
    opts.on_error = YOKE_IGNORE;
    opts.on_result = print;
    opts.callback_ctx = items;
    int rc = s ? yoke_map(s, factors, items, 5, sizeof *items, NULL, 0, &opts, &err) : err.code;
    yoke_close(s);
    return rc < 0 ? fprintf(stderr, "%s\n", err.text), 1 : 0;
}
