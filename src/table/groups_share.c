/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups that are many, or did not fit the memory: each share of them is merged from what tasks found of its part, and what comes out is
 * sorted externally.
 */
#include "table/ledger.h"

bool yk_grouping_has_spilled(const yk_sink *base) { return ((const yk_grouping *)base)->has_spilled; }

/* Whether a share is of a part, or a part of a share: one divides the other. */
static bool is_within(const yk_grouping *s, uint32_t share, uint32_t part)
{
    return s->n_shares < YK_PARTS ? part / (YK_PARTS / s->n_shares) == share : share / (s->n_shares / YK_PARTS) == part;
}

static int merge_share(const yk_grouping *s, uint32_t share, yk_ledger *t, yoke_error *err)
{
    YK_AUTOBUF     bytes = YK_BUF_INIT;
    const uint64_t most = s->memory > YK_LEAST_MEMORY ? s->memory : YK_LEAST_MEMORY;
    YK_TRY(t->groups ? yk_ledger_clear(s, t, err) : yk_ledger_init(s, t, err));
    yk_groups_share(t->groups, (yk_share){share, s->n_shares, s->n_keys});
    for (size_t i = 0; i < s->n_asks; i++)
        if (t->distinct[i])
            yk_groups_share(t->distinct[i], (yk_share){share, s->n_shares, s->n_keys});
    for (size_t r = 0; r < s->spill.n; r++) {
        if (s->pieces[r].part != YK_PARTS && !is_within(s, share, s->pieces[r].part))
            continue;
        yk_buf_clear(&bytes);
        char *at = yk_buf_extend(&bytes, s->spill.pieces[r].n);
        if (!at)
            return yk_fail_nomem(err, "grouping");
        YK_TRY(yk_spill_read(&s->spill, r, 0, at, bytes.len, err));
        YK_TRY((s->pieces[r].is_loose ? yk_loose_merge : yk_ledger_merge)(s, t, s->pieces[r].firsts, at, bytes.len, err));
        if (yk_ledger_bytes(s, t) * (s->has_kept ? 2 : 1) > most) /* values are put in order beside where they are */
            return yk_ledger_fail(s, yk_groups_count(t->groups), err);
    }
    return yk_ledger_end(s, t, NULL, err);
}

typedef struct sharing {
    yk_grouping *s;
    yk_order    *order; /* what was asked for, then what the groups' own order is */
    size_t       n_order;
    yk_sorted   *sorted;
    uint64_t    *n_found; /* where they are only counted */
} sharing;

static int share_start(void *ctx, void **ret_state, yoke_error *err)
{
    yk_ledger *t = yk_new(yk_ledger);
    *ret_state = t;
    return t ? 0 : yk_fail_nomem(err, "grouping");
}

static void share_stop(void *ctx, void *state)
{
    yk_ledger *t = state;
    if (t)
        yk_ledger_fini(((const sharing *)ctx)->s, t);
    yk_free(t);
}

static int share_task(void *ctx, yk_task *task, void *out, yoke_error *err)
{
    const sharing                     *h = ctx;
    yk_ledger                         *t = yk_task_state(task);
    YK_CLEANUP(yk_batch_fini) yk_batch rows = {0};
    YK_AUTOFREE uint32_t              *order = NULL, *sorted = NULL;
    YK_TRY(merge_share(h->s, (uint32_t)yk_task_index(task), t, err));
    uint32_t n = yk_groups_count(t->groups);
    if (!(order = yk_new_array(uint32_t, (size_t)n + 1)))
        return yk_fail_nomem(err, "grouping");
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    YK_TRY(yk_ledger_rows(h->s, t, order, !h->s->in_order, &rows, err));
    YK_TRY(yk_batch_sort(&rows, h->order, h->n_order, &sorted, err));
    yk_buf *bytes = yk_task_bytes(task);
    if (bytes)
        YK_TRY(yk_batch_write_rows(&rows, sorted, rows.n, true, bytes, err));
    return yk_task_emit(task, NULL, 0, err);
}

static int share_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    return yk_sorted_add(((sharing *)ctx)->sorted, r->bytes, r->n_bytes, err);
}

enum { LEAST_SHARE = 1 << 17, LOOSE_GROWS = 8 /* a row becomes a group of so many times its bytes */,
      KEPT_GROWS = 3 /* read, merged, put in order */ };

/* What a piece's groups take while they are merged, about. */
static uint64_t merged_bytes(const yk_grouping *s, size_t piece)
{
    return s->spill.pieces[piece].n * (s->pieces[piece].is_loose ? LOOSE_GROWS : s->has_kept ? KEPT_GROWS : 1);
}

/* As many shares as those of all workers take a quarter of the memory; few where there is little. */
static uint32_t count_shares(const yk_grouping *s, unsigned workers)
{
    uint64_t bytes = 0;
    uint32_t n = 1;
    for (size_t r = 0; r < s->spill.n; r++)
        bytes += merged_bytes(s, r);
    while (n < 4096 && (n * (s->memory / 4 + 1) < bytes * workers || (n < YK_PARTS && n * LEAST_SHARE < s->spill.bytes)))
        n *= 2;
    return n;
}

/* Shares at once, where the largest is much larger than most; 0: as many as there are workers. Of a part that is cut further nothing is
 * known. */
static unsigned count_at_once(const yk_grouping *s, unsigned workers)
{
    uint64_t sums[YK_PARTS + 1] = {0}, largest = 1;
    uint32_t parts = s->n_shares < YK_PARTS ? YK_PARTS / s->n_shares : 1;
    for (size_t r = 0; r < s->spill.n; r++)
        sums[s->pieces[r].part / parts] += merged_bytes(s, r);
    for (uint32_t i = 0; i < YK_PARTS / parts; i++)
        largest = sums[i] > largest ? sums[i] : largest;
    uint64_t most = s->memory / 2 / largest;
    return most >= workers ? 0 : most ? (unsigned)most : 1;
}

/* Groups that miss no key. */
static int count_present(yk_ledger *t, uint64_t *ret, yoke_error *err)
{
    yk_vec   v;
    uint32_t n = yk_groups_count(t->groups);
    *ret = n;
    YK_TRY(yk_groups_keys(t->groups, 0, &v, err));
    for (uint32_t i = 0; i < n && v.valid; i++)
        *ret -= !yk_row_counts(&v, i);
    return 0;
}

static int count_task(void *ctx, yk_task *task, void *out, yoke_error *err)
{
    const sharing *h = ctx;
    yk_ledger     *t = yk_task_state(task);
    uint64_t       n;
    YK_TRY(merge_share(h->s, (uint32_t)yk_task_index(task), t, err));
    YK_TRY(count_present(t, &n, err));
    return yk_task_emit(task, &n, sizeof n, err);
}

static int count_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    uint64_t n;
    memcpy(&n, r->bytes, sizeof n);
    *((sharing *)ctx)->n_found += n;
    return 0;
}

/* All shares' groups, by this task and fold. */
static int run_shares(sharing *h, const yk_scan *scan, int (*task)(void *, yk_task *, void *, yoke_error *),
                      int (*fold)(void *, const yk_result *, yoke_error *), yoke_error *err)
{
    yk_grouping *s = h->s;
    yk_groups_free(s->book);
    s->book = NULL;
    s->n_shares = count_shares(s, yoke_session_workers(scan->session));
    yk_alloc_trim(); /* what the scan's tasks held */
    yk_stage st = {.name = "groups", .n = s->n_shares, .ctx = h, .start = share_start, .stop = share_stop, .task = task,
                   .fold = fold, .fold_ctx = h, .max_held = yk_memory_running(s->memory), .expected = s->spill.bytes / s->n_shares,
                   .most = count_at_once(s, yoke_session_workers(scan->session))};
    YK_TRY(yk_stage_run(scan->session, &st, err));
    yk_spill_fini(&s->spill);
    return 0;
}

int yk_grouping_count(yk_sink *base, const yk_scan *scan, uint64_t *ret, yoke_error *err)
{
    yk_grouping *s = (yk_grouping *)base;
    sharing      h = {.s = s, .n_found = ret};
    *ret = 0;
    if (s->has_spilled)
        return run_shares(&h, scan, count_task, count_fold, err);
    return s->all.groups ? count_present(&s->all, ret, err) : 0;
}

int yk_grouping_each(yk_sink *base, const yk_scan *scan, const yk_order *order, size_t n_order, uint64_t head, uint64_t tail,
                     const yk_rows_to *to, yoke_error *err)
{
    yk_grouping                           *s = (yk_grouping *)base;
    YK_AUTOFREE yk_order                  *all = yk_new_array(yk_order, n_order + s->n_keys + 1);
    YK_CLEANUP(yk_sorted_freep) yk_sorted *sorted = NULL;
    if (!all)
        return yk_fail_nomem(err, "grouping");
    for (size_t i = 0; i < n_order; i++)
        all[i] = order[i];
    for (size_t k = 0; k < s->n_keys && s->in_order; k++)
        all[n_order++] = (yk_order){.column = k};
    if (!s->in_order)
        all[n_order++] = (yk_order){.column = s->n_keys + s->n_asks};
    YK_TRY(yk_sorted_new(all, n_order, s->n_keys + s->n_asks + !s->in_order, s->memory / 2, &sorted, err));
    sharing h = {.s = s, .order = all, .n_order = n_order, .sorted = sorted};
    YK_TRY(run_shares(&h, scan, share_task, share_fold, err));
    uint64_t n = yk_sorted_rows(sorted);
    return yk_sorted_each(sorted, scan->session, scan->opts, tail && tail < n ? n - tail : 0, head ? head : UINT64_MAX, to, err);
}
