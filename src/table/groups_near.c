/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups of one key of integers that lie near each other: a table has an entry for every value there can be between them, so that a row
 * costs one load, no hash and no comparison. Values farther apart are sought by their hashes, from the first such row on.
 */
#include "table/groups_inside.h"

bool yk_groups_may_be_near(const yk_groups *g) { return g->n_keys == 1 && yk_group_is_whole(&g->keys[0]); }

uint64_t yk_groups_span(const yk_groups *g)
{
    if (!yk_groups_may_be_near(g))
        return UINT64_MAX;
    const int64_t *known = (const int64_t *)(const void *)g->keys[0].values;
    int64_t        least = INT64_MAX, most = INT64_MIN; /* a missing one is zero */
    for (uint32_t i = 0; i < g->n; i++) {
        least = known[i] < least ? known[i] : least;
        most = known[i] > most ? known[i] : most;
    }
    return (uint64_t)most - (uint64_t)least;
}

void yk_groups_clear_near(yk_groups *g)
{
    const uint64_t *known = (const uint64_t *)(const void *)g->keys[0].values;
    yk_group_near  *t = &g->near;
    if (!t->n)
        return;
    for (uint32_t i = 0; i < g->n && g->n < t->n / 16; i++)
        t->groups[known[i] - t->least < t->n ? known[i] - t->least : t->n] = 0;
    if (g->n >= t->n / 16)
        memset(t->groups, 0, t->n * sizeof *t->groups);
    t->groups[t->n] = 0;
}

/* A table from `least` on, with what is known in it. */
static bool make_table(yk_groups *g, uint64_t least, uint32_t n)
{
    const yk_group_key *k = &g->keys[0];
    const uint64_t *known = (const uint64_t *)(const void *)k->values;
    uint32_t       *groups = yk_malloc_large(((size_t)n + 1) * sizeof *groups);
    if (!groups)
        return false;
    memset(groups, 0, ((size_t)n + 1) * sizeof *groups);
    yk_free(g->near.groups);
    g->near.groups = groups;
    g->near.least = least;
    g->near.n = n;
    for (uint32_t i = 0; i < g->n; i++)
        groups[k->missing[i] ? n : known[i] - least] = i + 1;
    return true;
}

/* Where in the table each row at hand is looked up; true when some of them lie outside, and are looked up where the missing ones are. */
static bool place_rows(const yk_groups *g, uint32_t n, uint32_t *at)
{
    const yk_group_key *k = &g->keys[0];
    const uint64_t     *row = (const uint64_t *)(const void *)k->row_values;
    uint32_t            n_out = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t off = row[i] - g->near.least;
        uint32_t is_out = off >= g->near.n;
        at[i] = is_out ? g->near.n : (uint32_t)off;
        n_out += is_out;
    }
    for (uint32_t i = 0; i < n && k->some_missing; i++) {
        n_out -= k->row_missing[i] && at[i] == g->near.n;
        at[i] = k->row_missing[i] ? g->near.n : at[i];
    }
    return n_out > 0;
}

/* How many entries it may have: those within YK_NEAR; where many groups are expected, as of a join, some for each of them, so that it has
 * fewer bytes than slots, or as many as caches hold a good part of. */
static uint64_t most_entries(const yk_groups *g)
{
    const uint64_t cached = 1 << 24, most = (uint64_t)1 << 31, n = g->expected, few = n * 4, many = n * 32 < cached ? n * 32 : cached;
    uint64_t       entries = few < many ? many : few;
    return n <= YK_NEAR ? YK_NEAR : entries < most ? entries : most;
}

/* The table holds the rows at hand that are wanted, or rows are sought by their hashes from now on. */
static int widen(yk_groups *g, uint32_t n, const uint32_t *ret, yoke_error *err)
{
    const yk_group_key *k = &g->keys[0];
    const int64_t      *row = (const int64_t *)(const void *)k->row_values;
    yk_group_near      *t = &g->near;
    int64_t             least = t->n ? (int64_t)t->least : INT64_MAX, most = t->n ? t->most : INT64_MIN;
    for (uint32_t i = 0; i < n; i++) {
        if (ret[i] == YK_NO_GROUP || k->row_missing[i])
            continue;
        least = row[i] < least ? row[i] : least;
        most = row[i] > most ? row[i] : most;
    }
    if (least > most)
        least = most = 0; /* only missing ones */
    uint64_t size = 1024, most_size = most_entries(g);
    while (size * 2 <= most_size && (uint64_t)most - (uint64_t)(least & -(int64_t)(size / 8)) >= size)
        size *= 2;
    least &= -(int64_t)(size / 8); /* so that a table which is right for the first rows is for most others */
    if ((uint64_t)most - (uint64_t)least >= size)
        return yk_groups_use_slots(g, err);
    t->most = most;
    if (size == t->n && (uint64_t)least == t->least)
        return 0;
    return make_table(g, (uint64_t)least, (uint32_t)size) ? 0 : yk_fail_nomem(err, "grouping rows");
}

int yk_groups_find_near(yk_groups *g, uint32_t n, uint32_t *ret, yoke_error *err)
{
    const yk_group_key *k = &g->keys[0];
    uint32_t            at[YK_GROUP_ROWS];
    if ((place_rows(g, n, at) || !g->near.n) && !g->is_sealed) {
        YK_TRY(widen(g, n, ret, err));
        if (g->search != YK_SEARCH_NEAR)
            return 0;
        place_rows(g, n, at);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *known = &g->near.groups[at[i]];
        if (ret[i] == YK_NO_GROUP)
            continue;
        if (!*known && !g->is_sealed)
            YK_TRY(yk_groups_add(g, i, known, err));
        bool is_out = at[i] == g->near.n && !(k->some_missing && k->row_missing[i]); /* of a sealed grouping */
        ret[i] = *known && !is_out ? *known - 1 : g->n;
    }
    return 0;
}

bool yk_groups_look_up_near(const yk_groups *g, const uint64_t *restrict values, const uint64_t *restrict mask, uint32_t n,
                            uint32_t *restrict ret)
{
    const uint32_t *groups = g->near.groups;
    uint64_t        least = g->near.least, size = g->near.n;
    uint32_t        is_new = !size, none = g->is_sealed ? g->n : YK_NO_GROUP;
    for (uint32_t i = 0; i < n && size; i++) {
        uint64_t off = values[i] - least, is_in = off < size;
        uint32_t left_out = mask ? (uint32_t)(mask[i >> 6] >> (i & 63) & 1) - 1 : 0, group = groups[is_in ? off : size];
        uint32_t is_known = is_in & (group != 0);
        ret[i] = (is_known ? group - 1 : none) | left_out;
        is_new |= (is_known ^ 1) & ~left_out;
    }
    return g->is_sealed || !is_new;
}
