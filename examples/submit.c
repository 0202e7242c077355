/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Futures: single calls in the background.
 */
#include <yoke/yoke.h>

#include <stdio.h>

/* Steps until Collatz's sequence reaches 1. */
static int collatz(yoke_task *t, const void *item, void *result)
{
    unsigned long long x = *(const unsigned *)item;
    unsigned           n = 0;
    if (!x)
        return yoke_task_fail(t, "0 never reaches 1");
    for (; x != 1; n++)
        x = x % 2 ? 3 * x + 1 : x / 2;
    *(unsigned *)result = n;
    return 0;
}

int main(void)
{
    unsigned      start[4] = {27, 97, 0, 871}, n;
    yoke_future  *f[4];
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    if (!s)
        return fprintf(stderr, "%s\n", err.text), 1;
    for (int i = 0; i < 4; i++)
        if (!(f[i] = yoke_submit(s, collatz, &start[i], sizeof start[i], sizeof n, &err)))
            return fprintf(stderr, "%s\n", err.text), 1;
    for (int i = 0; i < 4; i++) {
        yoke_error_clear(&err);
        if (yoke_future_get(f[i], &n, &err) < 0)
            printf("%u: %s\n", start[i], err.text);
        else
            printf("%u: %u steps\n", start[i], n);
        yoke_future_free(f[i]);
    }
    yoke_close(s);
    return 0;
}
