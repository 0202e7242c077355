/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Imap: results as a stream, from a source that never ends. Looks for the first four Mersenne primes above 2^11.
 */
#include <yoke/yoke.h>

#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 product;

/* The items: 11, 12, 13 … */
static int next_exponent(void *ctx, void *ret_item, yoke_error *err)
{
    int *p = ctx;
    (void)err;
    memcpy(ret_item, p, sizeof *p);
    ++*p;
    return 1;
}

/* Lucas and Lehmer's test; for an exponent that is no prime the answer is no. */
static int is_mersenne(yoke_task *t, const void *item, void *result)
{
    int                p = *(const int *)item;
    unsigned long long m = (1ull << p) - 1, x = 4;
    (void)t;
    for (int k = 2; k * k <= p; k++)
        if (p % k == 0)
            return 0;
    for (int k = 0; k < p - 2; k++)
        x = (unsigned long long)(((product)x * x + m - 2) % m);
    *(int *)result = x == 0;
    return 0;
}

int main(void)
{
    int           p = 11, n = 0, rc = 0;
    yoke_outcome  o;
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    yoke_imap    *it = s ? yoke_imap_open(s, is_mersenne, yoke_items_from(next_exponent, &p, sizeof p), sizeof(int), NULL, &err) : NULL;
    while (it && n < 4 && (rc = yoke_imap_next(it, &o, &err)) > 0)
        if (*(const int *)o.value)
            printf("%d: 2^%d - 1 is prime\n", ++n, (int)o.index + 11);
    yoke_imap_close(it);
    yoke_close(s);
    if (rc < 0 || !it)
        return fprintf(stderr, "%s\n", err.text), 1;
    return 0;
}
