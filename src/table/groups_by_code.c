/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups by codes: where each key comes as codes into a small dictionary, is a boolean, or is one of several and has integers that lie near
 * each other, these together index a table of group numbers, which is kept for as long as the dictionaries stay and the integers do not
 * spread. A row costs two loads then. What the table does not know yet is found by the keys' values.
 */
#include "table/groups_inside.h"

enum { MOST_CODES = 1 << 22, LEAST_RANGE = 16, MOST_RANGE = YK_CLOSE, MOST_KEYS = YK_GROUP_MOST_KEYS, ROWS = YK_GROUP_ROWS };

typedef yk_group_place place;

/* ---- what stands for a key */

/* Whether all integers that are there lie in the range. */
static bool is_within(const place *p, const uint64_t *x, const uint64_t *valid, uint32_t n)
{
    uint64_t far = 0, outside = ~((uint64_t)p->n - 1);
    for (uint32_t i = 0; i < n && !valid; i++)
        far |= (x[i] - p->least) & outside;
    for (uint32_t i = 0; i < n && valid; i++)
        far |= (x[i] - p->least) & outside & -(valid[i >> 6] >> (i & 63) & 1);
    return p->n && !far;
}

/* Widens the range, a power of two, to hold the integers too; false when it would be too large. */
static bool widen(place *p, const int64_t *x, const uint64_t *valid, uint32_t n)
{
    int64_t least = p->n ? (int64_t)p->least : INT64_MAX, most = p->n ? (int64_t)(p->least + p->n - 1) : INT64_MIN;
    for (uint32_t i = 0; i < n; i++) {
        bool is_in = !valid || (valid[i >> 6] >> (i & 63) & 1);
        least = is_in && x[i] < least ? x[i] : least;
        most = is_in && x[i] > most ? x[i] : most;
    }
    if (least > most)
        least = most = 0; /* only missing ones */
    uint64_t size = LEAST_RANGE;
    while (size <= MOST_RANGE && (uint64_t)most - (uint64_t)(least & -(int64_t)(size / 8)) >= size)
        size *= 2;
    p->least = (uint64_t)(least & -(int64_t)(size / 8));
    p->n = (uint32_t)size;
    return size <= MOST_RANGE;
}

/* The range that holds n integers and those before. */
static bool reach(place *p, const void *x, const uint64_t *valid, uint32_t n)
{
    if (p->is_code)
        *p = (place){0};
    return is_within(p, x, valid, n) || widen(p, x, valid, n);
}

/* The range that holds the numbers of all texts that came; false where they are too many, or no text. */
static bool find_texts(const yk_groups *g, yk_group_key *k, const yk_vec *v, uint32_t n, place *p)
{
    uint32_t count = 0, size = LEAST_RANGE;
    if (g->n_keys < 2 || !yk_group_is_text(k) || !yk_kind_is_bytes(v->type.kind))
        return false;
    if (yk_groups_number_texts(k, v, n, &count, NULL) < 0 || !count)
        return false;
    while (size < count)
        size *= 2;
    *p = (place){.n = size, .dict_id = v->codes ? v->dict->id : 0};
    return true;
}

/* What stands for a key in n rows and those before: the numbers of texts, the codes of a dictionary, or a range of integers, where it is
 * not much larger: it outlives dictionaries. */
static bool find_place(const yk_groups *g, yk_group_key *k, const yk_vec *v, uint32_t n, place *p)
{
    bool  has_range = g->n_keys > 1 && v->type.kind == k->type.kind && yk_group_is_whole(k);
    place codes = v->codes ? (place){.is_code = true, .dict_id = v->dict->id, .n = v->dict->n} : (place){0}, range = *p;
    if (v->type.kind == YK_KIND_BOOL && !v->codes) {
        *p = (place){.n = 2};
        return true;
    }
    if (v->codes && p->dict_id == v->dict->id) /* it was looked at before */
        return p->n > 0;
    if (find_texts(g, k, v, n, p))
        return true;
    if (v->codes) {
        bool is_dense = has_range && v->dict->n > LEAST_RANGE && reach(&range, v->dict->values, NULL, v->dict->n);
        range.dict_id = codes.dict_id;
        *p = is_dense && range.n / 4 < v->dict->n ? range : codes;
        return p->dict_id != 0;
    }
    return has_range && !g->is_wide && reach(p, v->values, v->valid, v->is_const ? 1 : n);
}

/* What stands for all keys; how many combinations there are (each key has one more, for missing), 0 when a key has none or they are too
 * many for a table. */
static size_t find_places(yk_groups *g, const yk_vec *keys, uint32_t n, place *now)
{
    size_t codes = g->n_keys > 0;
    bool   has_values = false;
    for (size_t k = 0; k < g->n_keys; k++) {
        now[k] = g->places[k];
        has_values |= !keys[k].codes;
        if (!find_place(g, &g->keys[k], &keys[k], n, &now[k]) || !yk_mul(&codes, codes, (size_t)now[k].n + 1) || codes > MOST_CODES)
            codes = 0;
    }
    g->is_wide |= has_values && !codes;
    return codes;
}

/* The table stands for that from now on; what it has is of no use where that is not what it was. */
static void set_places(yk_groups *g, const place *now)
{
    for (size_t k = 0; k < g->n_keys; k++) {
        const place *p = &g->places[k];
        bool         is_same = p->is_code == now[k].is_code && p->least == now[k].least && p->n == now[k].n;
        if (!is_same || (p->is_code && p->dict_id != now[k].dict_id))
            g->n_by_code = 0;
        g->places[k] = now[k];
    }
}

static bool make_table(yk_groups *g, size_t codes)
{
    if (g->n_by_code == codes)
        return true;
    if (codes > g->cap_by_code) {
        uint32_t *table = yk_realloc(g->by_code, codes * sizeof *table);
        if (!table)
            return false;
        g->by_code = table;
        g->cap_by_code = codes;
    }
    g->n_by_code = codes;
    memset(g->by_code, 0xff, codes * sizeof *g->by_code);
    return true;
}

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

/* ---- several keys */

/* What stands for a row's value, which is there. x: the integers, or the numbers of texts, of rows or of a dictionary. */
static uint32_t code_at(const yk_vec *v, const uint64_t *x, const place *p, uint32_t row)
{
    if (p->is_code)
        return v->codes[row];
    if (v->type.kind == YK_KIND_BOOL)
        return ((const uint8_t *)v->values)[row];
    return (uint32_t)(x[v->codes ? v->codes[row] : row] - p->least);
}

/* code[i] = that of the keys before and of one more, together. */
static void join_key(const yk_group_key *k, const yk_vec *v, const place *p, uint32_t n, uint32_t *restrict code)
{
    const uint64_t *x = yk_group_is_text(k) ? k->numbered.numbers : v->codes ? v->dict->values : v->values, least = p->least;
    uint32_t        many = p->n + 1;
    bool            is_whole = !v->valid && !v->is_const;
    if (is_whole && p->is_code)
        for (uint32_t i = 0; i < n; i++)
            code[i] = code[i] * many + v->codes[i];
    else if (p->is_code && !v->is_const)
        for (uint32_t i = 0; i < n; i++) {
            uint32_t is_missing = (uint32_t)(v->valid[i >> 6] >> (i & 63) & 1) - 1; /* all bits or none */
            code[i] = code[i] * many + ((v->codes[i] & ~is_missing) | (p->n & is_missing));
        }
    else if (is_whole && v->codes)
        for (uint32_t i = 0; i < n; i++)
            code[i] = code[i] * many + (uint32_t)(x[v->codes[i]] - least);
    else if (is_whole && v->type.kind == YK_KIND_BOOL)
        for (uint32_t i = 0; i < n; i++)
            code[i] = code[i] * many + ((const uint8_t *)v->values)[i];
    else if (is_whole)
        for (uint32_t i = 0; i < n; i++)
            code[i] = code[i] * many + (uint32_t)(x[i] - least);
    else
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = v->is_const ? 0 : i;
            code[i] = code[i] * many + (yk_row_counts(v, row) ? code_at(v, x, p, row) : p->n);
        }
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

/* Rows first + rows[i] of the keys, `some` of them, whose codes, codes[rows[i]], are not known: these are numbered in the order in which
 * they come. */
static int number_new(yk_groups *g, const yk_vec *keys, const uint32_t *codes, uint32_t first, const uint32_t *rows, uint32_t some,
                      uint32_t *ret, yoke_error *err)
{
    uint32_t numbers[ROWS] = {0}, new_rows[ROWS] = {0}, n = 0;
    for (uint32_t i = 0; i < some; i++) {
        uint32_t *known = &g->by_code[codes[rows[i]]];
        if (*known != YK_NO_GROUP)
            continue;
        new_rows[n++] = first + rows[i];
        *known = 0; /* so that it comes once */
    }
    YK_TRY(yk_groups_number_some(g, keys, new_rows, n, numbers, err));
    for (uint32_t i = 0; i < n; i++)
        g->by_code[codes[new_rows[i] - first]] = numbers[i];
    for (uint32_t i = 0; i < some; i++)
        ret[rows[i]] = g->by_code[codes[rows[i]]];
    return 0;
}

/* Several keys, or one that some rows miss, or a boolean one. */
static int number_joined(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, yoke_error *err)
{
    uint32_t codes[ROWS], without[ROWS];
    memset(ret, 0, n * sizeof *ret);
    for (size_t k = 0; k < g->n_keys; k++)
        join_key(&g->keys[k], &keys[k], &g->places[k], n, ret);
    for (uint32_t first = 0, rows; first < n; first += rows) {
        const uint64_t *some = mask ? mask + first / 64 : NULL;
        rows = n - first < ROWS ? n - first : ROWS;
        memcpy(codes, ret + first, rows * sizeof *codes);
        if (!look_up(g->by_code, codes, some, rows, ret + first))
            YK_TRY(number_new(g, keys, codes, first, without, rows_without(ret + first, some, rows, without), ret + first, err));
    }
    return 0;
}

/* ---- one key */

/* Rows of one key, none missing. */
static int number_one(yk_groups *g, const yk_vec *codes, bool is_coded, const uint64_t *mask, uint32_t n, uint32_t *ret, yoke_error *err)
{
    yk_vec   v = *codes;
    uint32_t rows[ROWS];
    for (; n; n -= v.n, v.codes += v.n, ret += v.n, mask = mask ? mask + v.n / 64 : NULL) {
        v.n = n < ROWS ? n : ROWS;
        if (look_up(g->by_code, v.codes, mask, v.n, ret))
            continue;
        uint32_t some = rows_without(ret, mask, v.n, rows);
        YK_TRY(is_coded ? yk_groups_number_coded(g, &v, rows, some, ret, err) : number_new(g, &v, v.codes, 0, rows, some, ret, err));
    }
    return 0;
}

bool yk_groups_are_by_code(const yk_groups *g) { return g->n_by_code > 0; }

int yk_groups_number_by_code(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, bool *ret_done,
                             yoke_error *err)
{
    place  now[MOST_KEYS];
    size_t codes = find_places(g, keys, n, now);
    if (codes || g->n_keys > 1) /* so that no dictionary is looked at twice */
        set_places(g, now);
    *ret_done = codes && !(g->search == YK_SEARCH_NEAR && codes > YK_FEW_CODES);
    if (!*ret_done)
        return 0;
    if (!make_table(g, codes))
        return yk_fail_nomem(err, "grouping rows");
    bool is_coded = yk_groups_may_be_coded(g, keys);
    if (g->search == YK_SEARCH_CODED && !is_coded)
        YK_TRY(yk_groups_use_slots(g, err));
    if (g->n_keys == 1 && keys[0].codes && !keys[0].valid && !keys[0].is_const)
        return number_one(g, &keys[0], is_coded, mask, n, ret, err);
    return number_joined(g, keys, mask, n, ret, err);
}
