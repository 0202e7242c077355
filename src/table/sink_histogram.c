/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/coded.h"
#include "table/groups.h"
#include "table/sinks.h"

typedef struct histogram {
    yk_sink        base;
    const yk_bins *bins;
    uint64_t      *counts;
} histogram;

typedef struct state {
    yk_hist *hist;
    yk_coded coded;
} state;

static void histogram_close(yk_sink *base, void *state_)
{
    state *st = state_;
    yk_hist_free(st->hist);
    yk_coded_fini(&st->coded);
    yk_free(st);
}

static int histogram_open(yk_sink *base, void **ret, yoke_error *err)
{
    state *st = yk_new(state);
    if (!st)
        return yk_fail_nomem(err, "starting a scan");
    *ret = st;
    return yk_hist_new(((histogram *)base)->bins, &st->hist, err);
}

static int histogram_begin(yk_sink *base, void *state_, uint64_t first, yoke_error *err)
{
    state *st = state_;
    yk_hist_clear(st->hist);
    st->coded.id = 0;
    return 0;
}

static int add_times(void *ctx, double value, uint64_t times, yoke_error *err)
{
    yk_hist_add_times(((state *)ctx)->hist, value, times);
    return 0;
}

static int histogram_block(yk_sink *base, void *state_, const yk_block *b, yoke_error *err)
{
    state *st = state_;
    bool   took;
    yk_vec v;
    YK_TRY(yk_coded_add(&st->coded, b, base->root, add_times, st, &took, err));
    if (took)
        return 0;
    YK_TRY(yk_eval_values(b->eval, base->root, &v, err));
    yk_hist_add(st->hist, v.values, b->mask, b->n);
    return 0;
}

static int histogram_times(yk_sink *base, void *state_, const yk_block *b, const uint64_t *times, yoke_error *err)
{
    yk_vec v;
    YK_TRY(yk_eval_values(b->eval, base->root, &v, err));
    for (uint32_t i = 0; i < b->n; i++)
        if (times[i])
            yk_hist_add_times(((state *)state_)->hist, ((const double *)v.values)[i], times[i]);
    return 0;
}

/* Only the bins that counted: their numbers and counts. */
static int histogram_end(yk_sink *base, void *state_, yk_buf *to, yoke_error *err)
{
    uint32_t              n = yk_bins_n(((histogram *)base)->bins);
    YK_AUTOFREE uint64_t *counts = yk_new_array(uint64_t, n);
    if (!counts)
        return yk_fail_nomem(err, "keeping a histogram");
    state *st = state_;
    YK_TRY(yk_coded_flush(&st->coded, add_times, st, err));
    yk_hist_read(st->hist, counts);
    for (uint64_t i = 0; i < n; i++)
        if (counts[i]) {
            yk_buf_append(to, &i, sizeof i);
            yk_buf_append(to, &counts[i], sizeof counts[i]);
        }
    return 0;
}

static int histogram_fold(yk_sink *base, const void *bytes, size_t n, yoke_error *err)
{
    histogram *s = (histogram *)base;
    for (size_t at = 0; at < n; at += 2 * sizeof(uint64_t)) {
        uint64_t pair[2];
        memcpy(pair, (const char *)bytes + at, sizeof pair);
        s->counts[pair[0]] += pair[1];
    }
    return 0;
}

static void histogram_reset(yk_sink *base)
{
    histogram *s = (histogram *)base;
    memset(s->counts, 0, yk_bins_n(s->bins) * sizeof *s->counts);
}

static void histogram_free(yk_sink *base) { yk_free(((histogram *)base)->counts); }

static const yk_sink_ops OPS = {
    .name = "histogram", .open = histogram_open, .close = histogram_close, .begin = histogram_begin, .block = histogram_block,
    .times = histogram_times, .end = histogram_end, .fold = histogram_fold, .reset = histogram_reset, .free = histogram_free,
};

int yk_histogram_new(const yk_expr *e, const yk_bins *bins, yk_sink **ret, yoke_error *err)
{
    YK_CLEANUP(yk_sink_freep) yk_sink *base = (yk_sink *)yk_new(histogram);
    if (!base)
        return yk_fail_nomem(err, "planning a scan");
    histogram *s = (histogram *)base;
    base->ops = &OPS;
    base->is_small = true;
    s->bins = bins;
    s->counts = yk_new_array(uint64_t, yk_bins_n(bins));
    if (!s->counts)
        return yk_fail_nomem(err, "planning a scan");
    YK_TRY(yk_sink_add(base, e, YK_WANT_REAL, err));
    *ret = YK_TAKE(base);
    return 0;
}

const uint64_t *yk_histogram_read(const yk_sink *s) { return ((const histogram *)s)->counts; }

/* ---- of groups */

void yk_hists_fini(yk_hists *h) { yk_free(h->counts); }

int yk_hists_grow(yk_hists *h, size_t n_groups, yoke_error *err)
{
    size_t before = h->cap, n_bins = yk_bins_n(h->bins), need;
    if (!yk_mul(&need, n_groups, n_bins) || !yk_grow(&h->counts, &h->cap, need + 1, sizeof *h->counts))
        return yk_fail_nomem(err, "counting bins of groups");
    memset(h->counts + before, 0, (h->cap - before) * sizeof *h->counts);
    return 0;
}

void yk_hists_add(yk_hists *h, const uint32_t *groups, const double *x, uint32_t n)
{
    uint32_t bin[YK_BLOCK], n_bins = yk_bins_n(h->bins);
    yk_bins_find_block(h->bins, x, NULL, n, bin);
    for (uint32_t i = 0; i < n; i++)
        if (groups[i] != YK_NO_GROUP && bin[i] < n_bins)
            h->counts[(size_t)groups[i] * n_bins + bin[i]]++;
}

/* Only what counted: how many pairs, and for each where and how often. */
void yk_hists_write(const yk_hists *h, size_t n_groups, yk_buf *to)
{
    uint64_t n = 0;
    size_t   begin = to->len;
    yk_buf_append(to, &n, sizeof n);
    for (uint64_t i = 0; i < n_groups * yk_bins_n(h->bins); i++)
        if (h->counts[i]) {
            yk_buf_append(to, &i, sizeof i);
            yk_buf_append(to, &h->counts[i], sizeof h->counts[i]);
            n++;
        }
    if (!to->is_failed)
        memcpy(to->data + begin, &n, sizeof n);
}

const char *yk_hists_merge(yk_hists *h, const char *from, const uint32_t *groups)
{
    uint64_t n, pair[2], n_bins = yk_bins_n(h->bins);
    memcpy(&n, from, sizeof n);
    for (from += sizeof n; n; n--, from += sizeof pair) {
        memcpy(pair, from, sizeof pair);
        h->counts[groups[pair[0] / n_bins] * n_bins + pair[0] % n_bins] += pair[1];
    }
    return from;
}
