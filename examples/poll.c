/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Futures in a program's own event loop: poll says which are ready, beside anything else that it waits for.
 */
#include <yoke/yoke.h>

#include <poll.h>
#include <stdio.h>

enum { N = 6 };

static int primes_below(yoke_task *t, const void *item, void *result)
{
    int n = *(const int *)item, count = 0;
    (void)t;
    for (int k = 2; k < n; k++) {
        int d = 2;
        while (d * d <= k && k % d)
            d++;
        count += d * d > k;
    }
    *(int *)result = count;
    return 0;
}

/* In whatever thread finds it ready. */
static void tell(void *ctx, yoke_future *f)
{
    (void)f;
    *(bool *)ctx = true;
}

int main(void)
{
    int           below[N] = {300000, 1000, 200000, 10, 100000, 30000}, count[N], n = 0;
    struct pollfd ready[N];
    yoke_future  *f[N];
    bool          was_told = false;
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    for (int i = 0; s && i < N; i++, n++) {
        f[i] = yoke_submit(s, primes_below, &below[i], sizeof below[i], sizeof count[i], &err);
        int fd = f[i] ? yoke_future_fd(f[i], &err) : -1;
        if (fd < 0)
            return fprintf(stderr, "%s\n", err.text), 1;
        ready[i] = (struct pollfd){fd, POLLIN, 0};
    }
    if (!s)
        return fprintf(stderr, "%s\n", err.text), 1;
    yoke_future_then(f[0], tell, &was_told);
    yoke_future *extra = yoke_submit(s, primes_below, &below[0], sizeof below[0], sizeof count[0], &err);
    bool         is_dropped = extra && yoke_future_cancel(extra); /* only where it has not begun */

    while (n > 0 && poll(ready, N, -1) > 0)
        for (int i = 0; i < N; i++)
            if (ready[i].fd >= 0 && ready[i].revents && yoke_future_is_ready(f[i])) {
                if (yoke_future_get(f[i], &count[i], &err) < 0)
                    return fprintf(stderr, "%s\n", err.text), 1;
                ready[i].fd = -1; /* poll passes over it now */
                n--;
            }
    for (int i = 0; i < N; i++) {
        printf("%d primes below %d\n", count[i], below[i]);
        yoke_future_free(f[i]);
    }
    if (extra && yoke_future_wait(extra, -1, &err) == 0)
        fprintf(stderr, "one more was %s\n", is_dropped ? "cancelled" : "too late to cancel");
    yoke_future_free(extra);
    yoke_close(s); /* when it returns, what is to be told has been told */
    return was_told ? 0 : 1;
}
