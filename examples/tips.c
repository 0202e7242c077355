/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tips as a share of the fare: count, mean, median and a histogram from one call, then the mean per zone.
 * tips FILE… ; without a file it makes a small one for itself.
 */
#include <yoke/yoke.h>

#include <stdio.h>
#include <stdlib.h>

static const char *make_file(void)
{
    static char name[] = "/tmp/yoke-tips-XXXXXX.csv";
    int         fd = mkstemps(name, 4);
    FILE       *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return NULL;
    fputs("zone,fare,tip\n", f);
    for (int i = 0; i < 1000; i++)
        fprintf(f, "%d,%d,%g\n", i % 3, 5 + i % 20, (i % 7) * 0.5);
    fclose(f);
    return name;
}

static int fail(const yoke_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static int ask(yoke_table *paid, yoke_error *err)
{
    yoke_ask      asks[] = {{.what = YOKE_ASK_COUNT},
                            {.what = YOKE_ASK_MEAN, .expr = "tip / fare"},
                            {.what = YOKE_ASK_QUANTILE, .expr = "tip / fare", .q = 0.5},
                            {.what = YOKE_ASK_HISTOGRAM, .expr = "tip / fare", .n_bins = 4, .lo = 0, .hi = 0.6}};
    yoke_answers *a = yoke_table_collect(paid, asks, 4, err);
    if (!a)
        return fail(err);
    printf("rows %s, mean %s, median %s\n", yoke_answers_at(a, 0)->text, yoke_answers_at(a, 1)->text, yoke_answers_at(a, 2)->text);
    const yoke_answer *h = yoke_answers_at(a, 3);
    for (size_t i = 0; i < h->n_bins; i++)
        printf("%.2f to %.2f: %llu\n", h->edges[i], h->edges[i + 1], (unsigned long long)h->counts[i]);
    yoke_answers_free(a);

    yoke_rows   by = {.by = "zone", .asks = &asks[1], .n_asks = 1};
    yoke_frame *f = yoke_table_rows(paid, &by, err);
    if (!f)
        return fail(err);
    for (uint64_t r = 0; r < yoke_frame_rows(f); r++)
        printf("zone %g: %g\n", yoke_frame_real(f, 0, r), yoke_frame_real(f, 1, r));
    yoke_frame_free(f);
    return 0;
}

int main(int argc, char **argv)
{
    yoke_error    err = YOKE_ERROR_INIT;
    const char   *made = argc > 1 ? NULL : make_file();
    const char  **files = argc > 1 ? (const char **)argv + 1 : &made;
    yoke_session *s = yoke_open(NULL, &err);
    yoke_table   *t = s ? yoke_table_open_many(s, files, argc > 1 ? (size_t)argc - 1 : 1, NULL, &err) : NULL;
    yoke_table   *paid = t ? yoke_table_where(t, "fare > 0", &err) : NULL; /* lazy: nothing is read yet */
    int           rc = paid ? ask(paid, &err) : fail(&err);
    yoke_table_close(paid);
    yoke_table_close(t);
    yoke_close(s);
    if (made)
        remove(made);
    return rc;
}
