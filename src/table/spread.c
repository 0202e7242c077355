/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Histograms of groups as rows: one for each group and bin.
 */
#include "table/table.h"

static int check_bins(const yk_bins *a, const yk_bins *b, yoke_error *err)
{
    size_t n = yk_bins_n(a);
    if (yk_bins_n(b) == n && memcmp(yk_bins_edges(a), yk_bins_edges(b), (n + 1) * sizeof(double)) == 0)
        return 0;
    return yk_fail(err, YOKE_EINVALID,
                   "histograms of groups stand side by side and have the same bins; ask for others in a call of their own");
}

/* The rows' edges; row i is of bin i % n. */
static int put_edges(yk_batch_column *c, const double *edges, size_t n, uint64_t rows, yoke_error *err)
{
    c->type = (yk_type){.kind = YK_KIND_REAL};
    for (uint64_t i = 0; i < rows; i++) {
        yk_value v = {.type = c->type, .r = edges[i % n]};
        YK_TRY(yk_batch_put(c, &v, err));
    }
    return 0;
}

static int put_counts(yk_batch_column *c, const yk_batch *from, size_t column, yoke_error *err)
{
    c->type = (yk_type){.kind = YK_KIND_INT};
    for (uint64_t i = 0; i < from->n; i++) {
        yk_value all, v = {.type = c->type};
        yk_batch_get(from, column, i, &all);
        for (size_t k = 0; k < all.t.len; k += sizeof v.i) {
            memcpy(&v.i, all.t.data + k, sizeof v.i);
            YK_TRY(yk_batch_put(c, &v, err));
        }
    }
    return 0;
}

static int put_repeated(yk_batch_column *c, const yk_batch *from, size_t column, size_t times, yoke_error *err)
{
    c->type = from->columns[column].type;
    for (uint64_t i = 0; i < from->n; i++) {
        yk_value v;
        yk_batch_get(from, column, i, &v);
        for (size_t k = 0; k < times; k++)
            YK_TRY(yk_batch_put(c, &v, err));
    }
    return 0;
}

/* The columns of `from` with those of the bins before the first histogram, which is column `at`. */
static int spread(const yoke_frame *f, size_t n_keys, const yk_group_ask *asks, size_t at, const yk_bins *bins, yk_batch *to,
                  const char **names, yoke_error *err)
{
    size_t n = yk_bins_n(bins);
    to->n = f->rows.n * n;
    for (size_t c = 0, out = 0; c < f->rows.n_columns; c++, out++) {
        if (c == at) {
            names[out] = "lo", names[out + 1] = "hi";
            YK_TRY(put_edges(&to->columns[out++], yk_bins_edges(bins), n, to->n, err));
            YK_TRY(put_edges(&to->columns[out++], yk_bins_edges(bins) + 1, n, to->n, err));
        }
        names[out] = f->names[c];
        if (c >= n_keys && asks[c - n_keys].bins)
            YK_TRY(put_counts(&to->columns[out], &f->rows, c, err));
        else
            YK_TRY(put_repeated(&to->columns[out], &f->rows, c, n, err));
    }
    return 0;
}

int yk_frame_spread(yoke_frame *f, size_t n_keys, const yk_group_ask *asks, size_t n_asks, uint64_t memory, yoke_error *err)
{
    YK_CLEANUP(yk_batch_fini) yk_batch to = {0};
    const yk_bins                     *bins = NULL;
    size_t                             at = 0, bytes;
    for (size_t i = n_asks; i-- > 0;)
        if (asks[i].bins) {
            if (bins)
                YK_TRY(check_bins(asks[i].bins, bins, err));
            bins = asks[i].bins;
            at = n_keys + i;
        }
    if (!bins)
        return 0;
    if (!yk_mul(&bytes, f->rows.n * (f->rows.n_columns + 2) * sizeof(double), yk_bins_n(bins)) || bytes > memory)
        return yk_fail(err, YOKE_ELIMIT, "%u bins of each of %llu groups take more than %llu MiB of memory; allow more with --memory, or keep some groups (--top N)",
                       yk_bins_n(bins), (unsigned long long)f->rows.n, (unsigned long long)(memory >> 20));
    YK_AUTOFREE const char **names = yk_new_array(const char *, f->rows.n_columns + 2);
    if (!names)
        return yk_fail_nomem(err, "keeping histograms");
    YK_TRY(yk_batch_init(&to, f->rows.n_columns + 2, err));
    YK_TRY(spread(f, n_keys, asks, at, bins, &to, names, err));
    yoke_frame *made;
    YK_TRY(yk_frame_new(&to, names, &made, err));
    yoke_frame old = *f;
    *f = *made;
    *made = old;
    yoke_frame_free(made);
    return 0;
}
