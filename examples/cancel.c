/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Cancel: a search that ends when the first hit is found. Looks for the first number whose square ends in 987654321.
 */
#include <yoke/yoke.h>

#include <stdio.h>

enum { BLOCK = 1000000 };

typedef struct search {
    yoke_cancel       *cancel;
    unsigned long long found;
} search;

static int look(yoke_task *t, const void *item, void *result)
{
    unsigned long long lo = yoke_task_index(t) * BLOCK;
    (void)item;
    for (unsigned long long n = lo; n < lo + BLOCK; n++) {
        if (n % 4096 == 0 && yoke_task_is_canceled(t)) /* what a task returns then counts no more */
            return YOKE_ECANCELED;
        if (n * n % 1000000000 == 987654321) {
            *(unsigned long long *)result = n;
            return 0;
        }
    }
    return 0;
}

/* Results come in task order, so the first hit is the least. Any thread, or a signal handler, could cancel as well. */
static int take(void *ctx, const yoke_outcome *o)
{
    search *x = ctx;
    if (!o->value || x->found)
        return 0;
    x->found = *(const unsigned long long *)o->value;
    if (x->found)
        yoke_cancel_set(x->cancel);
    return 0;
}

int main(void)
{
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    search        x = {yoke_cancel_new(&err), 0};
    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    opts.cancel = x.cancel;
    opts.on_result = take;
    opts.callback_ctx = &x;
    opts.on_error = YOKE_IGNORE;
    int rc = s && x.cancel ? yoke_map(s, look, NULL, 1000, 0, NULL, sizeof x.found, &opts, &err) : err.code;
    if (rc == YOKE_ECANCELED)
        printf("%llu squared is %llu\n", x.found, x.found * x.found);
    else
        fprintf(stderr, "%s\n", rc < 0 ? err.text : "there is none");
    yoke_close(s);
    yoke_cancel_free(x.cancel);
    return rc == YOKE_ECANCELED ? 0 : 1;
}
