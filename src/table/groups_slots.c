/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups of any keys: by open addressing over a hash of the keys. A slot has upper bits of its group's hash, so that keys are hardly ever
 * compared in vain.
 */
#include "base/bytes.h"
#include "table/groups_inside.h"

enum { ROWS = YK_GROUP_ROWS };
enum { SMALL_SLOTS = 1 << 15, LARGE_SLOTS = 1 << 19 }; /* a table that the second cache holds, and one that the third does */

typedef yk_group_key  key;
typedef yk_group_slot slot;

static bool same_value(const key *k, uint32_t group, uint32_t row)
{
    const char *a = k->values + group * k->size, *b = k->row_values + row * k->size;
    uint64_t    x, y;
    if (k->size == 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        return x == y && (x || k->missing[group] == k->row_missing[row]);
    }
    if (k->missing[group] || k->row_missing[row] || !yk_group_is_text(k))
        return k->missing[group] == k->row_missing[row] && yk_same_bytes(a, b, k->size);
    yk_text s, t;
    memcpy(&s, a, sizeof s);
    memcpy(&t, b, sizeof t);
    return s.len == t.len && yk_same_bytes(s.data, t.data, s.len);
}

static bool same_keys(const yk_groups *g, uint32_t group, uint32_t row)
{
    for (size_t k = 0; k < g->n_keys; k++)
        if (!same_value(&g->keys[k], group, row))
            return false;
    return true;
}

/* Whether one more group than n wants a larger table: while caches hold it there is room for most groups to be in the first slot they
 * are sought in. */
static bool is_full(uint32_t n, size_t n_slots) { return (size_t)n * (n_slots < SMALL_SLOTS ? 8 : 2) >= n_slots; }

/* Where a group is sought first. */
static size_t home_of(const yk_groups *g, uint64_t hash) { return hash >> g->shift & (g->n_slots - 1); }

static void put_slot(yk_groups *g, uint64_t hash, uint32_t group)
{
    size_t at = home_of(g, hash);
    while (g->slots[at].group)
        at = (at + 1) & (g->n_slots - 1);
    g->slots[at] = (slot){group + 1, (uint32_t)(hash >> 32)};
}

static void set_shift(yk_groups *g) { g->shift = g->is_by_parts ? 64 - (unsigned)__builtin_ctzll(g->n_slots) : 0; }

static bool make_slots(yk_groups *g, size_t n)
{
    slot *slots = yk_malloc_large(n * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0, n * sizeof *slots);
    yk_free(g->slots);
    g->slots = slots;
    g->n_slots = n;
    set_shift(g);
    for (uint32_t i = 0; i < g->n && g->search == YK_SEARCH_SLOTS; i++)
        put_slot(g, g->hashes[i], i);
    return true;
}

int yk_groups_use_slots(yk_groups *g, yoke_error *err)
{
    size_t n_slots = g->n_slots;
    if (g->search == YK_SEARCH_NEAR) {
        if (!yk_grow(&g->hashes, &g->cap_hashes, g->n, sizeof *g->hashes))
            return yk_fail_nomem(err, "grouping rows");
        yk_groups_clear_near(g);
        yk_groups_hash_groups(g, 1, 0, g->n, g->hashes);
    }
    g->search = YK_SEARCH_SLOTS;
    while (is_full(g->n, n_slots) || n_slots < (size_t)g->expected * 2)
        n_slots *= 2;
    if (n_slots > g->n_slots)
        return make_slots(g, n_slots) ? 0 : yk_fail_nomem(err, "grouping rows");
    set_shift(g);
    for (uint32_t i = 0; i < g->n; i++)
        put_slot(g, g->hashes[i], i);
    return 0;
}

int yk_groups_seal_slots(yk_groups *g, yoke_error *err)
{
    enum { BITS = 8 /* of each group: seven of eight other keys are known to be none */ };
    unsigned log2 = 63 - (unsigned)__builtin_clzll((uint64_t)g->n_slots * BITS / 2);
    if (g->n_slots <= LARGE_SLOTS)
        return 0;
    g->maybe = yk_malloc_large(((size_t)1 << log2) / 8);
    if (!g->maybe)
        return yk_fail_nomem(err, "grouping rows");
    memset(g->maybe, 0, ((size_t)1 << log2) / 8);
    g->maybe_shift = 64 - log2;
    for (uint32_t i = 0; i < g->n; i++) {
        uint64_t at = g->hashes[i] >> g->maybe_shift;
        g->maybe[at >> 6] |= (uint64_t)1 << (at & 63);
    }
    return 0;
}

int yk_groups_expect(yk_groups *g, uint32_t n, bool by_parts, yoke_error *err)
{
    size_t n_slots = g->n_slots;
    while (n_slots < (size_t)n * 2)
        n_slots *= 2;
    bool is_same = n_slots == g->n_slots && by_parts == g->is_by_parts;
    g->is_by_parts = by_parts;
    g->expected = n;
    if (is_same || g->search == YK_SEARCH_NEAR) /* these need no slots */
        return 0;
    return make_slots(g, n_slots) ? 0 : yk_fail_nomem(err, "grouping rows");
}

static int add_group(yk_groups *g, uint32_t row, uint64_t hash, uint32_t *ret, yoke_error *err)
{
    uint32_t next;
    if (g->is_sealed) {
        *ret = g->n;
        return 0;
    }
    if (!yk_groups_room_for_hash(g) || (is_full(g->n, g->n_slots) && !make_slots(g, g->n_slots * 2)))
        return yk_fail_nomem(err, "grouping rows");
    YK_TRY(yk_groups_add(g, row, &next, err));
    *ret = next - 1;
    g->hashes[*ret] = hash;
    put_slot(g, hash, *ret);
    return 0;
}

static int find_group(yk_groups *g, uint32_t row, uint64_t hash, uint32_t *ret, yoke_error *err)
{
    for (size_t at = home_of(g, hash); g->slots[at].group; at = (at + 1) & (g->n_slots - 1)) {
        uint32_t group = g->slots[at].group - 1;
        if (g->slots[at].tag == (uint32_t)(hash >> 32) && same_keys(g, group, row)) {
            *ret = group;
            return 0;
        }
    }
    return add_group(g, row, hash, ret, err);
}

/* The group, and one, that has most likely this hash; 0: none has. */
static uint32_t guess(const yk_groups *g, uint64_t hash)
{
    size_t at = home_of(g, hash);
    while (g->slots[at].group && g->slots[at].tag != (uint32_t)(hash >> 32))
        at = (at + 1) & (g->n_slots - 1);
    return g->slots[at].group;
}

/* find_rows, of one key of eight bytes in a table that caches hold. Most rows are of the group in the first slot they look at: these are
 * found without branches, the others one by one. */
static int find_words(yk_groups *g, const uint64_t *hashes, uint32_t n, uint32_t *ret, yoke_error *err)
{
    const key      *k = &g->keys[0];
    const uint64_t *row = (const uint64_t *)(const void *)k->row_values, *known = (const uint64_t *)(const void *)k->values;
    bool            some_missing = k->has_missing || k->some_missing;
    uint32_t        others[ROWS], n_others = 0;
    for (uint32_t i = 0; i < n && g->n_slots > SMALL_SLOTS; i++)
        __builtin_prefetch(&g->slots[home_of(g, hashes[i])]);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t group = g->slots[home_of(g, hashes[i])].group, is_wanted = ret[i] != YK_NO_GROUP;
        uint32_t is_it = g->n && (group > 0) & (known[group - (group > 0)] == row[i]) & ((row[i] != 0) | !some_missing);
        ret[i] = is_wanted ? group - 1 : YK_NO_GROUP;
        others[n_others] = i;
        n_others += is_wanted & !is_it;
    }
    for (uint32_t j = 0; j < n_others; j++) {
        uint32_t i = others[j];
        size_t   last = g->n_slots - 1, at = home_of(g, hashes[i]);
        uint32_t group = g->slots[at].group;
        while (group && (known[group - 1] != row[i] || (!row[i] && k->missing[group - 1] != k->row_missing[i])))
            group = g->slots[at = (at + 1) & last].group;
        ret[i] = group - 1;
        if (group)
            continue;
        YK_TRY(add_group(g, i, hashes[i], &ret[i], err));
        known = (const uint64_t *)(const void *)k->values;
    }
    return 0;
}

/* Lists the rows that are to be sought. In a large sealed grouping most rows of other keys cost one look at a bit. */
static uint32_t list_sought(const yk_groups *g, const uint64_t *hashes, uint32_t n, uint32_t *ret, uint32_t *rows)
{
    uint32_t some = 0;
    for (uint32_t i = 0; i < n && !g->maybe; i++) {
        rows[some] = i;
        some += ret[i] != YK_NO_GROUP;
    }
    for (uint32_t i = 0; i < n && g->maybe; i++) {
        uint64_t at = hashes[i] >> g->maybe_shift;
        bool     is_wanted = ret[i] != YK_NO_GROUP;
        ret[i] = is_wanted ? g->n : YK_NO_GROUP;
        rows[some] = i;
        some += is_wanted & (g->maybe[at >> 6] >> (at & 63) & 1);
    }
    return some;
}

/* Each step asks memory for what the next needs of all rows, so that they wait for it together. */
int yk_groups_find_in_slots(yk_groups *g, const uint64_t *hashes, uint32_t n, uint32_t *ret, yoke_error *err)
{
    uint32_t rows[ROWS], guesses[ROWS];
    if (g->n_keys == 1 && g->keys[0].size == 8 && g->n_slots <= LARGE_SLOTS)
        return find_words(g, hashes, n, ret, err);
    uint32_t some = list_sought(g, hashes, n, ret, rows);
    for (uint32_t j = 0; j < some; j++)
        __builtin_prefetch(&g->slots[home_of(g, hashes[rows[j]])]);
    for (uint32_t j = 0; j < some; j++) {
        guesses[j] = guess(g, hashes[rows[j]]);
        for (size_t k = 0; k < g->n_keys && guesses[j]; k++)
            __builtin_prefetch(g->keys[k].values + (guesses[j] - 1) * g->keys[k].size);
    }
    for (size_t k = 0; k < g->n_keys; k++)
        for (uint32_t j = 0; j < some && yk_group_is_text(&g->keys[k]); j++)
            if (guesses[j])
                __builtin_prefetch(((const yk_text *)(const void *)g->keys[k].values)[guesses[j] - 1].data);
    for (uint32_t j = 0; j < some; j++) {
        uint32_t i = rows[j];
        if (guesses[j] && same_keys(g, guesses[j] - 1, i))
            ret[i] = guesses[j] - 1;
        else if (guesses[j] || !g->maybe)
            YK_TRY(find_group(g, i, hashes[i], &ret[i], err));
    }
    return 0;
}
