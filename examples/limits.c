/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Limits: tasks that take too long, how far the call is meanwhile, and what became of each. With YOKE_ON=processes a worker
 * that does not listen is stopped, so that a task may hang, crash or eat memory and no other loses its result.
 */
#include <yoke/yoke.h>

#include <stdio.h>

/* Numbers below *item that are the sum of their proper divisors; without an end for -1. */
static int perfect(yoke_task *t, const void *item, void *result)
{
    int limit = *(const int *)item;
    for (int n = 2; n != limit; n = limit < 0 ? 2 : n + 1) {
        int sum = 1;
        for (int d = 2; d <= n / 2; d++)
            sum += n % d == 0 ? d : 0;
        *(int *)result += sum == n;
        if (yoke_task_is_canceled(t))
            return YOKE_ETIMEOUT;
    }
    return 0;
}

/* In this thread, ten times a second at most. */
static void tell(void *ctx, const yoke_progress *p)
{
    (void)ctx;
    fprintf(stderr, "%llu of %llu, %.1f s\n", (unsigned long long)p->done, (unsigned long long)p->total, p->seconds);
}

int main(void)
{
    int            below[] = {10, 100, -1, 1000, 2000}, count[5];
    char           why[32];
    yoke_error     err = YOKE_ERROR_INIT;
    yoke_failures *failures;
    yoke_session  *s = yoke_open(NULL, &err);
    if (!s)
        return fprintf(stderr, "%s\n", err.text), 1;
    fprintf(stderr, "%u workers of %s\n", yoke_session_workers(s), yoke_session_executor(s));

    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    opts.name = "perfect numbers";
    opts.timeout_ms = 500;
    opts.mem_mib = 100;     /* processes: what a worker may grow by */
    opts.recycle_tasks = 2; /* processes: a fresh worker after every second task, for functions that leak */
    opts.retries = 1;
    opts.backoff_ms = 10;
    opts.on_error = YOKE_COLLECT;
    opts.failures = &failures;
    opts.on_progress = tell;
    int rc = yoke_map(s, perfect, below, 5, sizeof *below, count, sizeof *count, &opts, &err);
    for (int i = 0; i < 5; i++)
        if (!yoke_failures_find(failures, (uint64_t)i))
            printf("%d below %d\n", count[i], below[i]);
    for (uint64_t k = 0; k < yoke_failures_count(failures); k++) {
        const yoke_outcome *f = yoke_failures_at(failures, k);
        printf("task %d %s, attempt %u\n", (int)f->index, yoke_cause_text(f->cause, f->status, why, sizeof why), f->attempt);
    }
    yoke_failures_free(failures);
    yoke_close(s);
    return rc == YOKE_ETASK ? 0 : 1;
}
