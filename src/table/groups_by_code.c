/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups by codes: where each key comes as codes into a small dictionary, or is one of several and has integers that lie near each other,
 * these together index a table of group numbers, which is kept for as long as the dictionaries stay and the integers do not spread. A row
 * costs two loads then. What the table does not know yet is found by the keys' values.
 */
#include "table/groups_inside.h"

enum { MOST_CODES = 1 << 20, LEAST_RANGE = 16, MOST_RANGE = 1 << 12, MOST_KEYS = YK_GROUP_MOST_KEYS, ROWS = YK_GROUP_ROWS };

typedef yk_group_place place;

/* ---- what stands for a key */

static bool is_there(const yk_vec *v, uint32_t row) { return !v->valid || (v->valid[row >> 6] >> (row & 63) & 1); }

/* Whether all integers that are there lie in the range. */
static bool is_within(const place *p, const yk_vec *v, uint32_t n)
{
    const uint64_t *x = v->values;
    uint64_t        far = 0;
    for (uint32_t i = 0; i < n && !v->valid; i++)
        far |= (x[i] - p->least) & ~((uint64_t)p->n - 1);
    for (uint32_t i = 0; i < n && v->valid; i++)
        far |= is_there(v, i) ? (x[i] - p->least) & ~((uint64_t)p->n - 1) : 0;
    return p->n && !far;
}

/* Widens the range, a power of two, to hold the integers too; false when it would be too large. */
static bool widen(place *p, const yk_vec *v, uint32_t n)
{
    const int64_t *x = v->values;
    int64_t        least = p->n ? (int64_t)p->least : INT64_MAX, most = p->n ? (int64_t)(p->least + p->n - 1) : INT64_MIN;
    for (uint32_t i = 0; i < n; i++) {
        least = is_there(v, i) && x[i] < least ? x[i] : least;
        most = is_there(v, i) && x[i] > most ? x[i] : most;
    }
    if (least > most)
        least = most = 0; /* only missing ones */
    uint64_t size = LEAST_RANGE;
    while (size <= MOST_RANGE && (uint64_t)most - (uint64_t)(least & -(int64_t)(size / 8)) >= size)
        size *= 2;
    *p = (place){.least = (uint64_t)(least & -(int64_t)(size / 8)), .n = (uint32_t)size};
    return size <= MOST_RANGE;
}

/* What stands for a key: a dictionary, or the range that holds n rows' integers and those before. */
static bool find_place(const yk_groups *g, const yk_group_key *k, const yk_vec *v, uint32_t n, place *p)
{
    if (v->codes) {
        *p = (place){.dict_id = v->dict->id, .n = v->dict->n};
        return p->dict_id != 0;
    }
    if (g->n_keys == 1 || g->is_wide || !yk_group_is_whole(k) || v->type.kind != k->type.kind)
        return false;
    if (p->dict_id)
        *p = (place){0};
    n = v->is_const ? 1 : n;
    return is_within(p, v, n) || widen(p, v, n);
}

/* What stands for all keys; how many combinations of codes there are (each key has one more, for missing), 0 when a key has none or they
 * are too many for a table. */
static size_t find_places(yk_groups *g, const yk_vec *keys, uint32_t n, place *now)
{
    size_t codes = g->n_keys > 0;
    bool   has_range = false;
    for (size_t k = 0; k < g->n_keys && codes; k++) {
        now[k] = g->places[k];
        has_range |= !keys[k].codes;
        if (!find_place(g, &g->keys[k], &keys[k], n, &now[k]) || !yk_mul(&codes, codes, (size_t)now[k].n + 1) || codes > MOST_CODES)
            codes = 0;
    }
    g->is_wide |= has_range && !codes;
    return codes;
}

/* A table for what stands for the keys now; it is emptied when that is not what it was. */
static bool prepare(yk_groups *g, const place *now, size_t codes)
{
    bool is_same = g->n_by_code == codes;
    for (size_t k = 0; k < g->n_keys; k++) {
        const place *p = &g->places[k];
        is_same = is_same && p->dict_id == now[k].dict_id && p->least == now[k].least && p->n == now[k].n;
        g->places[k] = now[k];
    }
    if (is_same)
        return true;
    if (g->n_by_code != codes) {
        uint32_t *table = yk_realloc(g->by_code, codes * sizeof *table);
        if (!table)
            return false;
        g->by_code = table;
        g->n_by_code = codes;
    }
    memset(g->by_code, 0xff, codes * sizeof *g->by_code);
    return true;
}

/* ---- several keys */

/* code[i] = that of the keys before and of one more, together. */
static void join_key(const yk_vec *v, const place *p, uint32_t n, uint32_t *restrict code)
{
    const uint64_t *x = v->values;
    uint32_t        many = p->n + 1;
    if (!v->valid && !v->is_const && v->codes)
        for (uint32_t i = 0; i < n; i++)
            code[i] = code[i] * many + v->codes[i];
    else if (!v->valid && !v->is_const)
        for (uint32_t i = 0; i < n; i++)
            code[i] = code[i] * many + (uint32_t)(x[i] - p->least);
    else
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = v->is_const ? 0 : i;
            code[i] = code[i] * many + (!is_there(v, row) ? p->n : v->codes ? v->codes[row] : (uint32_t)(x[row] - p->least));
        }
}

static int number_joined(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, yoke_error *err)
{
    memset(ret, 0, n * sizeof *ret);
    for (size_t k = 0; k < g->n_keys; k++)
        join_key(&keys[k], &g->places[k], n, ret);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *known = &g->by_code[ret[i]];
        if (yk_group_counts(mask, i) && *known == YK_NO_GROUP) {
            *known = 0;
            YK_TRY(yk_groups_number_rows(g, keys, i, 1, known, err));
        }
        ret[i] = yk_group_counts(mask, i) ? *known : YK_NO_GROUP;
    }
    return 0;
}

/* ---- one key */

/* ret[i] = the group that row i's code is known to belong to; false when some row that counts has a code that is not known yet. */
static bool look_up(const uint32_t *restrict table, const uint32_t *restrict code, const uint64_t *restrict mask, uint32_t n,
                    uint32_t *restrict ret)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < n && !mask; i++) {
        ret[i] = table[code[i]];
        most = ret[i] > most ? ret[i] : most;
    }
    for (uint32_t i = 0; i < n && mask; i++) {
        uint32_t left_out = (uint32_t)(mask[i >> 6] >> (i & 63) & 1) - 1, group = table[code[i]];
        ret[i] = group | left_out;
        most = (group & ~left_out) > most ? group : most;
    }
    return most != YK_NO_GROUP;
}

/* Those that count and have no group; how many. */
static uint32_t rows_without(const uint32_t *groups, const uint64_t *mask, uint32_t n, uint32_t *rows)
{
    uint32_t some = 0;
    for (uint32_t i = 0; i < n; i++) {
        rows[some] = i;
        some += groups[i] == YK_NO_GROUP && yk_group_counts(mask, i);
    }
    return some;
}

/* `some` rows of one key, whose codes are not known: these are numbered in the order in which they come. */
static int number_new_codes(yk_groups *g, const yk_vec *v, const uint32_t *rows, uint32_t some, uint32_t *ret, yoke_error *err)
{
    uint32_t codes[ROWS], numbers[ROWS] = {0}, n = 0;
    for (uint32_t i = 0; i < some; i++) {
        uint32_t code = v->codes[rows[i]];
        if (g->by_code[code] != YK_NO_GROUP)
            continue;
        codes[n++] = code;
        g->by_code[code] = 0; /* so that it comes once */
    }
    YK_TRY(yk_groups_number_rows(g, &(yk_vec){.type = v->type, .n = n, .codes = codes, .dict = v->dict}, 0, n, numbers, err));
    for (uint32_t i = 0; i < n; i++)
        g->by_code[codes[i]] = numbers[i];
    for (uint32_t i = 0; i < some; i++)
        ret[rows[i]] = g->by_code[v->codes[rows[i]]];
    return 0;
}

/* Rows of one key, none missing. */
static int number_one(yk_groups *g, const yk_vec *codes, bool is_coded, const uint64_t *mask, uint32_t n, uint32_t *ret, yoke_error *err)
{
    yk_vec   v = *codes;
    uint32_t rows[ROWS];
    for (; n; n -= v.n, v.codes += v.n, ret += v.n, mask = mask ? mask + v.n / 64 : NULL) {
        v.n = n < ROWS ? n : ROWS;
        if (look_up(g->by_code, v.codes, mask, v.n, ret))
            continue;
        YK_TRY((is_coded ? yk_groups_number_coded : number_new_codes)(g, &v, rows, rows_without(ret, mask, v.n, rows), ret, err));
    }
    return 0;
}

int yk_groups_number_by_code(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, bool *ret_done,
                             yoke_error *err)
{
    place  now[MOST_KEYS] = {0};
    size_t codes = find_places(g, keys, n, now);
    *ret_done = codes && !(g->search == YK_SEARCH_NEAR && codes > YK_FEW_CODES);
    if (!*ret_done)
        return 0;
    if (!prepare(g, now, codes))
        return yk_fail_nomem(err, "grouping rows");
    bool is_coded = yk_groups_may_be_coded(g, keys);
    if (g->search == YK_SEARCH_CODED && !is_coded)
        YK_TRY(yk_groups_use_slots(g, err));
    if (g->n_keys == 1 && !keys[0].valid && !keys[0].is_const)
        return number_one(g, &keys[0], is_coded, mask, n, ret, err);
    return number_joined(g, keys, mask, n, ret, err);
}
