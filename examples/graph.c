/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A graph of tasks: binomial coefficients, each from the two above it.
 */
#include <yoke/yoke.h>

#include <stdio.h>

static int add(yoke_task *t, const void *arg, const void *const *inputs, void *result)
{
    int n = *(const int *)arg;
    (void)t;
    *(long *)result = n == 0 ? 1 : n == 1 ? *(const long *)inputs[0] : *(const long *)inputs[0] + *(const long *)inputs[1];
    return 0;
}

enum { ROWS = 31 };

int main(void)
{
    int64_t       id[ROWS][ROWS];
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    yoke_graph   *g = yoke_graph_new(&err);
    for (int r = 0; g && r < ROWS; r++)
        for (int k = 0; k <= r; k++) {
            int n = (k > 0) + (k < r);
            id[r][k] = yoke_graph_add(g, add, &n, sizeof n, sizeof(long), k > 0 ? &id[r - 1][k - 1] : NULL, k > 0, &err);
            if (k < r && yoke_graph_need(g, id[r][k], id[r - 1][k], &err) < 0) /* needs may also be told later */
                return fprintf(stderr, "%s\n", err.text), 1;
        }
    if (!s || !g || yoke_graph_run(s, g, NULL, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    printf("30 over 15 is %ld\n", *(const long *)yoke_graph_result(g, id[30][15]));
    yoke_graph_free(g);
    yoke_close(s);
    return 0;
}
