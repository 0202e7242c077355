/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows become groups: keys in one form, their hashes, the values of groups; where groups are found say groups_by_code.c, groups_slots.c,
 * groups_near.c and groups_coded.c.
 */
#include "base/hash.h"
#include "table/groups_inside.h"

#include <assert.h>

enum { MOST_KEYS = YK_GROUP_MOST_KEYS, ROWS = YK_GROUP_ROWS };

typedef yk_group_key key;

static yk_group_search first_search(const yk_groups *g) { return yk_groups_may_be_near(g) ? YK_SEARCH_NEAR : YK_SEARCH_SLOTS; }

/* Room for rows that are looked at together. */
static bool init_rows(key *k)
{
    k->row_values = yk_malloc(ROWS * (k->size + 1));
    k->row_missing = k->row_values ? (uint8_t *)k->row_values + ROWS * k->size : NULL;
    return k->row_values != NULL;
}

int yk_groups_new(const yk_type *types, size_t n_keys, yk_groups **ret, yoke_error *err)
{
    if (n_keys > MOST_KEYS)
        return yk_fail(err, YOKE_ELIMIT, "%zu keys to group by; at most %d are possible", n_keys, MOST_KEYS);
    YK_CLEANUP(yk_groups_freep) yk_groups *g = yk_new(yk_groups);
    if (!g)
        return yk_fail_nomem(err, "grouping rows");
    g->keys = yk_new_array(key, n_keys);
    g->places = yk_new_array(yk_group_place, n_keys);
    g->n_slots = 1024;
    g->slots = yk_new_array(yk_group_slot, g->n_slots);
    if (!g->keys || !g->places || !g->slots)
        return yk_fail_nomem(err, "grouping rows");
    for (; g->n_keys < n_keys; g->n_keys++) {
        key *k = &g->keys[g->n_keys];
        *k = (key){.type = types[g->n_keys], .size = yk_kind_size(types[g->n_keys].kind)};
        if (!init_rows(k))
            return yk_fail_nomem(err, "grouping rows");
    }
    g->search = first_search(g);
    *ret = YK_TAKE(g);
    return 0;
}

int yk_groups_seal(yk_groups *g, yoke_error *err)
{
    if (g->search == YK_SEARCH_CODED || (g->search == YK_SEARCH_NEAR && !g->near.n))
        YK_TRY(yk_groups_use_slots(g, err));
    g->n_by_code = 0;
    g->is_sealed = true;
    return g->search == YK_SEARCH_SLOTS ? yk_groups_seal_slots(g, err) : 0;
}

int yk_groups_view(const yk_groups *g, yk_groups **ret, yoke_error *err)
{
    YK_CLEANUP(yk_groups_freep) yk_groups *v = yk_new(yk_groups);
    if (!v)
        return yk_fail_nomem(err, "grouping rows");
    assert(g->is_sealed);
    *v = (yk_groups){.search = g->search, .n = g->n, .cap = g->cap, .is_sealed = true, .is_view = true, .near = g->near,
                     .hashes = g->hashes, .slots = g->slots, .n_slots = g->n_slots, .shift = g->shift, .is_by_parts = g->is_by_parts,
                     .maybe = g->maybe, .maybe_shift = g->maybe_shift};
    v->keys = yk_new_array(key, g->n_keys);
    v->places = yk_new_array(yk_group_place, g->n_keys);
    if (!v->keys || !v->places)
        return yk_fail_nomem(err, "grouping rows");
    for (; v->n_keys < g->n_keys; v->n_keys++) {
        v->keys[v->n_keys] = g->keys[v->n_keys];
        v->keys[v->n_keys].numbered = (yk_group_texts){0};
        if (!init_rows(&v->keys[v->n_keys]))
            return yk_fail_nomem(err, "grouping rows");
    }
    *ret = YK_TAKE(v);
    return 0;
}

void yk_groups_free(yk_groups *g)
{
    if (!g)
        return;
    for (size_t k = 0; g->keys && k < g->n_keys; k++) {
        yk_free(g->is_view ? NULL : g->keys[k].values);
        yk_free(g->is_view ? NULL : g->keys[k].missing);
        yk_free(g->keys[k].row_values);
        yk_groups_free_texts(&g->keys[k]);
    }
    yk_free(g->keys);
    yk_free(g->is_view ? NULL : g->hashes);
    yk_free(g->is_view ? NULL : g->near.groups);
    yk_free(g->is_view ? NULL : g->slots);
    yk_free(g->is_view ? NULL : g->maybe);
    yk_groups_free_coded(g);
    yk_free(g->places);
    yk_free(g->by_code);
    yk_free(g->valid);
    yk_arena_fini(&g->texts);
    yk_free(g);
}

/* The groups are found no more. */
static void seek(yk_groups *g, yk_group_search next)
{
    if (g->search == YK_SEARCH_SLOTS)
        memset(g->slots, 0, g->n_slots * sizeof *g->slots);
    if (g->search == YK_SEARCH_NEAR)
        yk_groups_clear_near(g);
    g->search = next;
    g->n_by_code = 0;
}

void yk_groups_clear(yk_groups *g)
{
    yk_group_search same = g->search == YK_SEARCH_CODED ? YK_SEARCH_SLOTS : g->search;
    seek(g, same == YK_SEARCH_NONE ? first_search(g) : same);
    g->n = 0;
    g->is_wide = false;
    for (size_t k = 0; k < g->n_keys; k++)
        g->keys[k].has_missing = false;
    g->text_bytes = 0;
    yk_arena_clear(&g->texts);
}

uint32_t yk_groups_count(const yk_groups *g)
{
    return g->n;
}

size_t yk_groups_memory(const yk_groups *g)
{
    size_t each = 0, texts = 0;
    for (size_t k = 0; k < g->n_keys; k++) {
        each += g->keys[k].size + 1;
        texts += yk_groups_memory_texts(&g->keys[k]);
    }
    size_t found_by = g->n_slots * sizeof *g->slots + g->near.n * sizeof *g->near.groups + g->cap_by_code * sizeof *g->by_code;
    return g->cap * each + g->cap_hashes * sizeof *g->hashes + found_by + yk_groups_memory_coded(g) + texts + g->text_bytes;
}

/* ---- rows that are looked at together: their keys in the one form that equal values share; a missing one is zero */

/* The stored value of one row, or NULL when it is missing. */
static const void *value_at(const key *k, const yk_vec *v, uint32_t row)
{
    row = v->is_const ? 0 : row;
    if (v->type.kind == YK_KIND_NULL || (v->valid && !(v->valid[row >> 6] >> (row & 63) & 1)))
        return NULL;
    return v->codes ? (const char *)v->dict->values + v->codes[row] * k->size : (const char *)v->values + row * k->size;
}

/* Rows first + i; or rows[i]. */
static void take_each(key *k, const yk_vec *v, uint32_t first, const uint32_t *rows, uint32_t n)
{
    k->some_missing = true;
    for (uint32_t i = 0; i < n; i++) {
        const void *value = value_at(k, v, rows ? rows[i] : first + i);
        k->row_missing[i] = value == NULL;
        if (value)
            memcpy(k->row_values + i * k->size, value, k->size);
        else
            memset(k->row_values + i * k->size, 0, k->size);
    }
}

/* -0.0 becomes +0.0, a NaN is missing. */
static void take_reals(key *k, uint32_t n)
{
    double  *x = (double *)(void *)k->row_values;
    uint32_t nans = 0;
    for (uint32_t i = 0; i < n; i++) {
        nans += x[i] != x[i];
        x[i] += 0.0;
    }
    k->some_missing |= nans > 0;
    for (uint32_t i = 0; i < n && nans; i++) {
        k->row_missing[i] |= x[i] != x[i];
        x[i] = x[i] == x[i] ? x[i] : 0.0;
    }
}

static void take_rows(key *k, const yk_vec *v, uint32_t first, uint32_t n)
{
    if (v->type.kind == YK_KIND_NULL || v->valid || v->is_const || (v->codes && k->size != 8)) {
        take_each(k, v, first, NULL, n);
    } else {
        uint64_t       *words = (uint64_t *)(void *)k->row_values;
        const uint64_t *dict = v->codes ? v->dict->values : NULL;
        for (uint32_t i = 0; v->codes && i < n; i++)
            words[i] = dict[v->codes[first + i]];
        if (!v->codes)
            memcpy(k->row_values, (const char *)v->values + first * k->size, n * k->size);
        memset(k->row_missing, 0, n);
        k->some_missing = false;
    }
    if (k->type.kind == YK_KIND_REAL)
        take_reals(k, n);
}

/* hashes[i] = that of what came before and of one more value. `missing` may be NULL: none is. */
static void hash_values(const key *k, const char *values, const uint8_t *missing, uint32_t n, uint64_t *hashes)
{
    for (uint32_t i = 0; i < n && k->size == 8 && !missing; i++) {
        uint64_t word;
        memcpy(&word, values + (size_t)i * 8, 8);
        hashes[i] = yk_hash_mix(hashes[i], word);
    }
    for (uint32_t i = 0; i < n && (k->size != 8 || missing); i++) {
        uint64_t words[2] = {0, 0};
        yk_text  t;
        if (missing && missing[i]) {
            hashes[i] = yk_hash_mix(hashes[i], 0x6d697373);
        } else if (k->size == 8) {
            memcpy(words, values + (size_t)i * 8, 8);
            hashes[i] = yk_hash_mix(hashes[i], words[0]);
        } else if (yk_group_is_text(k)) {
            memcpy(&t, values + i * sizeof t, sizeof t);
            hashes[i] = yk_hash_text(t.data, t.len, hashes[i]);
        } else {
            memcpy(words, values + i * k->size, k->size);
            hashes[i] = yk_hash_mix(yk_hash_mix(hashes[i], words[0]), words[1]);
        }
    }
}

static void begin_hashes(uint64_t *hashes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        hashes[i] = 1;
}

static uint64_t end_hash(uint64_t h)
{
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u; /* many reals differ in their upper bits alone */
    return h ^ h >> 32;
}

static void end_hashes(uint64_t *hashes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        hashes[i] = end_hash(hashes[i]);
}

void yk_groups_hash_rows(const yk_groups *g, size_t n_keys, uint32_t n, uint64_t *hashes)
{
    const uint64_t *words = (const uint64_t *)(const void *)g->keys[0].row_values;
    if (n_keys == 1 && g->keys[0].size == 8 && !g->keys[0].some_missing) {
        for (uint32_t i = 0; i < n; i++)
            hashes[i] = end_hash(yk_hash_mix(1, words[i]));
        return;
    }
    begin_hashes(hashes, n);
    for (size_t k = 0; k < n_keys; k++)
        hash_values(&g->keys[k], g->keys[k].row_values, g->keys[k].some_missing ? g->keys[k].row_missing : NULL, n, hashes);
    end_hashes(hashes, n);
}

void yk_groups_hash_groups(const yk_groups *g, size_t n_keys, uint32_t first, uint32_t n, uint64_t *hashes)
{
    begin_hashes(hashes, n);
    for (size_t i = 0; i < n_keys; i++) {
        const key *k = &g->keys[i];
        hash_values(k, k->values + first * k->size, k->has_missing ? k->missing + first : NULL, n, hashes);
    }
    end_hashes(hashes, n);
}

/* Different texts among those of the groups, about: bits that their hashes set. */
static uint32_t count_texts(const key *k, const uint32_t *groups, uint32_t n)
{
    enum { BITS = 1 << 16 };
    uint64_t bits[BITS / 64] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t hash = 1, at;
        hash_values(k, k->values + groups[i] * k->size, k->missing + groups[i], 1, &hash);
        at = end_hash(hash) % BITS;
        count += !(bits[at / 64] >> (at & 63) & 1);
        bits[at / 64] |= (uint64_t)1 << (at & 63);
    }
    return count;
}

uint64_t yk_groups_spread(const yk_groups *g, size_t number, const uint32_t *groups, uint32_t n)
{
    const key     *k = &g->keys[number];
    const int64_t *x = (const int64_t *)(const void *)k->values;
    int64_t        least = INT64_MAX, most = INT64_MIN;
    if (k->type.kind == YK_KIND_BOOL)
        return 2;
    if (yk_group_is_text(k))
        return count_texts(k, groups, n);
    for (uint32_t i = 0; i < n && yk_group_is_whole(k); i++)
        if (!k->missing[groups[i]]) {
            least = x[groups[i]] < least ? x[groups[i]] : least;
            most = x[groups[i]] > most ? x[groups[i]] : most;
        }
    return !yk_group_is_whole(k) ? UINT64_MAX : least > most ? 1 : (uint64_t)most - (uint64_t)least;
}

/* ---- a new group */

static bool grow_keys(yk_groups *g, size_t want)
{
    size_t cap = (size_t)g->cap + g->cap / 2 + 8;
    cap = cap < want ? want : cap;
    for (size_t k = 0; k < g->n_keys; k++) {
        key   *c = &g->keys[k];
        size_t had = g->cap, had_flags = g->cap;
        if (!yk_grow(&c->values, &had, cap, c->size ? c->size : 1) || !yk_grow(&c->missing, &had_flags, cap, 1))
            return false;
    }
    g->cap = (uint32_t)cap;
    return true;
}

static bool store_value(yk_groups *g, key *k, uint32_t row)
{
    char       *to = k->values + g->n * k->size;
    const char *value = k->row_values + row * k->size;
    k->missing[g->n] = k->row_missing[row];
    k->has_missing |= k->row_missing[row];
    if (k->size == 8)
        memcpy(to, value, 8);
    else
        memcpy(to, value, k->size);
    if (!yk_group_is_text(k) || k->row_missing[row])
        return true;
    yk_text t;
    memcpy(&t, value, sizeof t);
    char *copy = yk_arena_alloc(&g->texts, t.len + 1);
    if (!copy)
        return false;
    yk_copy_bytes(copy, t.data, t.len);
    g->text_bytes += t.len;
    t.data = copy;
    memcpy(to, &t, sizeof t);
    return true;
}

int yk_groups_add(yk_groups *g, uint32_t row, uint32_t *ret, yoke_error *err)
{
    if (g->n >= INT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "over 2147483647 groups; group by fewer or coarser keys");
    if (g->n >= g->cap && !grow_keys(g, (size_t)g->n + 1))
        return yk_fail_nomem(err, "grouping rows");
    for (size_t k = 0; k < g->n_keys; k++)
        if (!store_value(g, &g->keys[k], row))
            return yk_fail_nomem(err, "grouping rows");
    *ret = ++g->n;
    return 0;
}

int yk_groups_find_rows(yk_groups *g, const uint64_t *hashes, uint32_t n, uint32_t *ret, yoke_error *err)
{
    uint64_t own[ROWS];
    assert(g->search != YK_SEARCH_NONE);
    if (g->search == YK_SEARCH_CODED)
        YK_TRY(yk_groups_use_slots(g, err));
    if (g->search == YK_SEARCH_NEAR) {
        YK_TRY(yk_groups_find_near(g, n, ret, err));
        if (g->search == YK_SEARCH_NEAR)
            return 0;
    }
    if (!hashes)
        yk_groups_hash_rows(g, g->n_keys, n, own);
    return yk_groups_find_in_slots(g, hashes ? hashes : own, n, ret, err);
}

/* Rows [first, first + n), n <= ROWS. */
static int number_rows(yk_groups *g, const yk_vec *keys, uint32_t first, uint32_t n, uint32_t *ret, yoke_error *err)
{
    for (size_t k = 0; k < g->n_keys; k++)
        take_rows(&g->keys[k], &keys[k], first, n);
    return yk_groups_find_rows(g, NULL, n, ret, err);
}

int yk_groups_number_some(yk_groups *g, const yk_vec *keys, const uint32_t *rows, uint32_t n, uint32_t *ret, yoke_error *err)
{
    for (size_t k = 0; k < g->n_keys; k++) {
        take_each(&g->keys[k], &keys[k], 0, rows, n);
        if (g->keys[k].type.kind == YK_KIND_REAL)
            take_reals(&g->keys[k], n);
    }
    return yk_groups_find_rows(g, NULL, n, ret, err);
}

int yk_groups_number(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, yoke_error *err)
{
    bool is_near = g->search == YK_SEARCH_NEAR, is_done;
    YK_TRY(yk_groups_number_by_code(g, keys, mask, n, ret, &is_done, err));
    if (is_done)
        return 0;
    if (is_near && keys[0].values && !keys[0].valid && !keys[0].is_const && yk_groups_look_up_near(g, keys[0].values, mask, n, ret))
        return 0;
    for (uint32_t i = 0; i < n; i++)
        ret[i] = yk_group_counts(mask, i) ? 0 : YK_NO_GROUP;
    for (uint32_t i = 0; i < n; i += ROWS)
        YK_TRY(number_rows(g, keys, i, n - i < ROWS ? n - i : ROWS, ret + i, err));
    return 0;
}

/* ---- rows that are not sought */

/* The rows at hand that count move together; returns how many. */
static uint32_t keep_rows(yk_groups *g, const uint64_t *mask, uint32_t first, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!yk_group_counts(mask, first + i))
            continue;
        for (size_t k = 0; k < g->n_keys && kept < i; k++) {
            key *c = &g->keys[k];
            memcpy(c->row_values + kept * c->size, c->row_values + i * c->size, c->size);
            c->row_missing[kept] = c->row_missing[i];
        }
        kept++;
    }
    return kept;
}

/* Texts of n groups from g->n on become its own. */
static bool own_texts(yk_groups *g, key *k, uint32_t n)
{
    yk_text *texts = (yk_text *)(void *)k->values + g->n;
    size_t   size = 1;
    for (uint32_t i = 0; i < n; i++)
        size += texts[i].len;
    char *at = yk_arena_alloc(&g->texts, size);
    for (uint32_t i = 0; i < n && at; i++) {
        yk_copy_bytes(at, texts[i].data, texts[i].len);
        texts[i].data = at;
        at += texts[i].len;
    }
    g->text_bytes += size;
    return at != NULL;
}

int yk_groups_reserve(yk_groups *g, uint32_t more, yoke_error *err)
{
    if ((size_t)g->n + more > INT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "too many rows to group");
    return g->n + more <= g->cap || grow_keys(g, (size_t)g->n + more) ? 0 : yk_fail_nomem(err, "grouping rows");
}

int yk_groups_append_rows(yk_groups *g, uint32_t n, yoke_error *err)
{
    seek(g, YK_SEARCH_NONE);
    for (size_t k = 0; k < g->n_keys; k++) {
        key *c = &g->keys[k];
        if (c->size)
            memcpy(c->values + g->n * c->size, c->row_values, n * c->size);
        memcpy(c->missing + g->n, c->row_missing, n);
        c->has_missing |= c->some_missing;
        if (yk_group_is_text(c) && !own_texts(g, c, n))
            return yk_fail_nomem(err, "grouping rows");
    }
    g->n += n;
    return 0;
}

int yk_groups_append(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, yoke_error *err)
{
    YK_TRY(yk_groups_reserve(g, n, err));
    for (uint32_t first = 0; first < n; first += ROWS) {
        uint32_t some = n - first < ROWS ? n - first : ROWS;
        for (size_t k = 0; k < g->n_keys; k++)
            take_rows(&g->keys[k], &keys[k], first, some);
        if (mask)
            some = keep_rows(g, mask, first, some);
        YK_TRY(yk_groups_append_rows(g, some, err));
    }
    return 0;
}

/* ---- what came out */

int yk_groups_keys(yk_groups *g, size_t number, yk_vec *ret, yoke_error *err)
{
    const key *k = &g->keys[number];
    *ret = (yk_vec){.type = k->type, .n = g->n, .values = k->values};
    if (!k->has_missing || !memchr(k->missing, 1, g->n))
        return 0;
    size_t    words = ((size_t)g->n + 63) / 64;
    if (words != g->valid_words) { /* else blocks of other keys are still borrowed from it */
        uint64_t *more = yk_realloc(g->valid, words * sizeof *more * g->n_keys);
        if (!more)
            return yk_fail_nomem(err, "grouping rows");
        g->valid = more;
        g->valid_words = words;
    }
    uint64_t *valid = g->valid + words * number;
    memset(valid, 0, words * sizeof *valid);
    for (uint32_t i = 0; i < g->n; i++)
        valid[i >> 6] |= (uint64_t)!k->missing[i] << (i & 63);
    ret->valid = valid;
    return 0;
}
