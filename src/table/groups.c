/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Group numbers by open addressing over a hash of the keys. Where all keys come as codes into small dictionaries, the codes
 * together index a table of group numbers that is kept for as long as the dictionaries stay: then a row costs two loads.
 */
#include "table/groups.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>

enum { MOST_CODES = 1 << 20, MOST_KEYS = 64, ROWS = 256 /* that are looked at together */ };

typedef struct key {
    yk_type  type;
    size_t   size;    /* of one value */
    char    *values;  /* of each group; a missing one is zero */
    uint8_t *missing; /* of each group */
    char    *row_values; /* of the rows at hand */
    uint8_t *row_missing;
    const char *from_missing, *from_values, *from_texts; /* in the bytes that are merged, of the rows that come next; missing NULL: none is */
} key;

/* Of a table of groups. */
typedef struct slot {
    uint32_t group; /* and one; 0: empty */
    uint32_t tag;   /* upper bits of its hash */
} slot;

struct yk_groups {
    key      *keys;
    size_t    n_keys;
    uint32_t  n, cap;
    uint64_t *hashes; /* of each group */
    slot     *slots;
    size_t    n_slots;
    yk_arena  texts;
    size_t    text_bytes;
    yk_share  share;    /* of merges; of 0: all groups */
    uint64_t *dict_ids; /* the dictionaries that by_code stands for */
    uint32_t *by_code;  /* codes together → group */
    size_t    n_by_code;
    uint64_t *valid;    /* of yk_groups_keys */
    size_t     valid_words; /* of each key */
};

int yk_groups_new(const yk_type *types, size_t n_keys, yk_groups **ret, yoke_error *err)
{
    if (n_keys > MOST_KEYS)
        return yk_fail(err, YOKE_ELIMIT, "%zu keys to group by; at most %d are possible", n_keys, MOST_KEYS);
    YK_CLEANUP(yk_groups_freep) yk_groups *g = yk_new(yk_groups);
    if (!g)
        return yk_fail_nomem(err, "grouping rows");
    g->keys = yk_new_array(key, n_keys);
    g->dict_ids = yk_new_array(uint64_t, n_keys);
    g->n_slots = 1024;
    g->slots = yk_new_array(slot, g->n_slots);
    if (!g->keys || !g->dict_ids || !g->slots)
        return yk_fail_nomem(err, "grouping rows");
    for (; g->n_keys < n_keys; g->n_keys++) {
        key *k = &g->keys[g->n_keys];
        *k = (key){.type = types[g->n_keys], .size = yk_kind_size(types[g->n_keys].kind)};
        k->row_values = yk_malloc(ROWS * (k->size + 1));
        if (!k->row_values)
            return yk_fail_nomem(err, "grouping rows");
        k->row_missing = (uint8_t *)k->row_values + ROWS * k->size;
    }
    *ret = YK_TAKE(g);
    return 0;
}

void yk_groups_free(yk_groups *g)
{
    if (!g)
        return;
    for (size_t k = 0; g->keys && k < g->n_keys; k++) {
        yk_free(g->keys[k].values);
        yk_free(g->keys[k].missing);
        yk_free(g->keys[k].row_values);
    }
    yk_free(g->keys);
    yk_free(g->hashes);
    yk_free(g->slots);
    yk_free(g->dict_ids);
    yk_free(g->by_code);
    yk_free(g->valid);
    yk_arena_fini(&g->texts);
    yk_free(g);
}

void yk_groups_clear(yk_groups *g)
{
    g->n = 0;
    g->n_by_code = 0;
    g->text_bytes = 0;
    memset(g->slots, 0, g->n_slots * sizeof *g->slots);
    yk_arena_clear(&g->texts);
}

uint32_t yk_groups_count(const yk_groups *g)
{
    return g->n;
}

size_t yk_groups_memory(const yk_groups *g)
{
    size_t each = sizeof *g->hashes;
    for (size_t k = 0; k < g->n_keys; k++)
        each += g->keys[k].size + 1;
    return g->cap * each + g->n_slots * sizeof *g->slots + g->n_by_code * sizeof *g->by_code + g->text_bytes;
}

/* ---- rows that are looked at together: their keys in the one form that equal values share; a missing one is zero */

static bool is_text(const key *k)
{
    return k->type.kind == YK_KIND_TEXT || k->type.kind == YK_KIND_DATA;
}

/* The stored value of one row, or NULL when it is missing. */
static const void *value_at(const key *k, const yk_vec *v, uint32_t row)
{
    row = v->is_const ? 0 : row;
    if (v->type.kind == YK_KIND_NULL || (v->valid && !(v->valid[row >> 6] >> (row & 63) & 1)))
        return NULL;
    return v->codes ? (const char *)v->dict->values + v->codes[row] * k->size : (const char *)v->values + row * k->size;
}

static void take_each(key *k, const yk_vec *v, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const void *value = value_at(k, v, first + i);
        k->row_missing[i] = value == NULL;
        if (value)
            memcpy(k->row_values + i * k->size, value, k->size);
        else
            memset(k->row_values + i * k->size, 0, k->size);
    }
}

static void take_rows(key *k, const yk_vec *v, uint32_t first, uint32_t n)
{
    if (v->type.kind == YK_KIND_NULL || v->valid || v->codes || v->is_const) {
        take_each(k, v, first, n);
    } else {
        memcpy(k->row_values, (const char *)v->values + first * k->size, n * k->size);
        memset(k->row_missing, 0, n);
    }
    double *x = (double *)(void *)k->row_values;
    for (uint32_t i = 0; k->type.kind == YK_KIND_REAL && i < n; i++) {
        k->row_missing[i] |= x[i] != x[i];
        x[i] = x[i] == x[i] ? x[i] + 0.0 : 0.0; /* -0.0 becomes +0.0 */
    }
}

/* hashes[i] = that of what came before and of one more value. */
static void hash_values(const key *k, const char *values, const uint8_t *missing, uint32_t n, uint64_t *hashes)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t words[2] = {0, 0};
        yk_text  t;
        if (missing[i]) {
            hashes[i] = yk_hash_mix(hashes[i], 0x6d697373);
        } else if (k->size == 8) {
            memcpy(words, values + (size_t)i * 8, 8);
            hashes[i] = yk_hash_mix(hashes[i], words[0]);
        } else if (is_text(k)) {
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

static void end_hashes(uint64_t *hashes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t h = (hashes[i] ^ hashes[i] >> 32) * 0x9e3779b97f4a7c15u; /* many reals differ in their upper bits alone */
        hashes[i] = h ^ h >> 32;
    }
}

static void hash_rows(const yk_groups *g, size_t n_keys, uint32_t n, uint64_t *hashes)
{
    begin_hashes(hashes, n);
    for (size_t k = 0; k < n_keys; k++)
        hash_values(&g->keys[k], g->keys[k].row_values, g->keys[k].row_missing, n, hashes);
    end_hashes(hashes, n);
}

static bool same_value(const key *k, uint32_t group, uint32_t row)
{
    const char *a = k->values + group * k->size, *b = k->row_values + row * k->size;
    uint64_t    x, y;
    if (k->size == 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        return x == y && (x || k->missing[group] == k->row_missing[row]);
    }
    if (k->missing[group] || k->row_missing[row] || !is_text(k))
        return k->missing[group] == k->row_missing[row] && memcmp(a, b, k->size) == 0;
    yk_text s, t;
    memcpy(&s, a, sizeof s);
    memcpy(&t, b, sizeof t);
    return s.len == t.len && memcmp(s.data, t.data, s.len) == 0;
}

static bool same_keys(const yk_groups *g, uint32_t group, uint32_t row)
{
    for (size_t k = 0; k < g->n_keys; k++)
        if (!same_value(&g->keys[k], group, row))
            return false;
    return true;
}

/* ---- a new group */

static bool grow_keys(yk_groups *g)
{
    size_t cap = g->cap, want = (size_t)g->n + 1;
    if (!yk_grow(&g->hashes, &cap, want, sizeof *g->hashes))
        return false;
    for (size_t k = 0; k < g->n_keys; k++) {
        key   *c = &g->keys[k];
        size_t had = g->cap, had_flags = g->cap;
        if (!yk_grow(&c->values, &had, cap, c->size ? c->size : 1) || !yk_grow(&c->missing, &had_flags, cap, 1))
            return false;
    }
    g->cap = (uint32_t)cap;
    return true;
}

static void put_slot(slot *slots, size_t n_slots, uint64_t hash, uint32_t group)
{
    size_t at = hash & (n_slots - 1);
    while (slots[at].group)
        at = (at + 1) & (n_slots - 1);
    slots[at] = (slot){group + 1, (uint32_t)(hash >> 32)};
}

static bool make_slots(yk_groups *g, size_t n)
{
    slot *slots = yk_new_array(slot, n);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < g->n; i++)
        put_slot(slots, n, g->hashes[i], i);
    yk_free(g->slots);
    g->slots = slots;
    g->n_slots = n;
    return true;
}

int yk_groups_expect(yk_groups *g, uint32_t n, yoke_error *err)
{
    size_t n_slots = g->n_slots;
    while (n_slots < (size_t)n * 2)
        n_slots *= 2;
    return n_slots == g->n_slots || make_slots(g, n_slots) ? 0 : yk_fail_nomem(err, "grouping rows");
}

static bool store_value(yk_groups *g, key *k, uint32_t row)
{
    char       *to = k->values + g->n * k->size;
    const char *value = k->row_values + row * k->size;
    k->missing[g->n] = k->row_missing[row];
    if (k->size == 8)
        memcpy(to, value, 8);
    else
        memcpy(to, value, k->size);
    if (!is_text(k) || k->row_missing[row])
        return true;
    yk_text t;
    memcpy(&t, value, sizeof t);
    char *copy = yk_arena_alloc(&g->texts, t.len + 1);
    if (!copy)
        return false;
    memcpy(copy, t.data, t.len);
    g->text_bytes += t.len;
    t.data = copy;
    memcpy(to, &t, sizeof t);
    return true;
}

static int add_group(yk_groups *g, uint32_t row, uint64_t hash, uint32_t *ret, yoke_error *err)
{
    if (g->n >= INT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "over 2147483647 groups; group by fewer or coarser keys");
    if ((g->n >= g->cap && !grow_keys(g)) || ((size_t)g->n * 2 >= g->n_slots && !make_slots(g, g->n_slots * 2)))
        return yk_fail_nomem(err, "grouping rows");
    for (size_t k = 0; k < g->n_keys; k++)
        if (!store_value(g, &g->keys[k], row))
            return yk_fail_nomem(err, "grouping rows");
    put_slot(g->slots, g->n_slots, hash, g->n);
    g->hashes[g->n] = hash;
    *ret = g->n++;
    return 0;
}

static int find_group(yk_groups *g, uint32_t row, uint64_t hash, uint32_t *ret, yoke_error *err)
{
    for (size_t at = hash & (g->n_slots - 1); g->slots[at].group; at = (at + 1) & (g->n_slots - 1)) {
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
    size_t at = hash & (g->n_slots - 1);
    while (g->slots[at].group && g->slots[at].tag != (uint32_t)(hash >> 32))
        at = (at + 1) & (g->n_slots - 1);
    return g->slots[at].group;
}

/* The groups of the rows at hand, but where ret[i] is YK_NO_GROUP. Each step asks memory for what the next needs of all rows, so that they
 * wait for it together. */
static int find_rows(yk_groups *g, const uint64_t *hashes, uint32_t n, uint32_t *ret, yoke_error *err)
{
    uint32_t guesses[ROWS];
    for (uint32_t i = 0; i < n; i++)
        __builtin_prefetch(&g->slots[hashes[i] & (g->n_slots - 1)]);
    for (uint32_t i = 0; i < n; i++) {
        guesses[i] = guess(g, hashes[i]);
        for (size_t k = 0; k < g->n_keys && guesses[i]; k++)
            __builtin_prefetch(g->keys[k].values + (guesses[i] - 1) * g->keys[k].size);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (ret[i] == YK_NO_GROUP)
            continue;
        if (guesses[i] && same_keys(g, guesses[i] - 1, i))
            ret[i] = guesses[i] - 1;
        else
            YK_TRY(find_group(g, i, hashes[i], &ret[i], err));
    }
    return 0;
}

/* Rows [first, first + n), n <= ROWS. */
static int number_rows(yk_groups *g, const yk_vec *keys, uint32_t first, uint32_t n, uint32_t *ret, yoke_error *err)
{
    uint64_t hashes[ROWS];
    for (size_t k = 0; k < g->n_keys; k++)
        take_rows(&g->keys[k], &keys[k], first, n);
    hash_rows(g, g->n_keys, n, hashes);
    return find_rows(g, hashes, n, ret, err);
}

/* ---- rows by their codes */

/* How many combinations of codes there are when every key is coded (each dictionary has one more code, for missing); 0 when a
 * key is not, or they are too many for a table. */
static size_t count_codes(const yk_groups *g, const yk_vec *keys)
{
    size_t n = 1;
    for (size_t k = 0; k < g->n_keys; k++) {
        if (!keys[k].codes || !yk_mul(&n, n, (size_t)keys[k].dict->n + 1) || n > MOST_CODES)
            return 0;
    }
    return n;
}

static bool prepare_codes(yk_groups *g, const yk_vec *keys, size_t n)
{
    bool is_same = g->n_by_code == n;
    for (size_t k = 0; k < g->n_keys; k++) {
        is_same = is_same && g->dict_ids[k] == keys[k].dict->id;
        g->dict_ids[k] = keys[k].dict->id;
    }
    if (is_same)
        return true;
    if (g->n_by_code != n) {
        uint32_t *table = yk_realloc(g->by_code, n * sizeof *table);
        if (!table)
            return false;
        g->by_code = table;
        g->n_by_code = n;
    }
    memset(g->by_code, 0xff, n * sizeof *g->by_code);
    return true;
}

/* code[i] = the codes of row i together. */
static void join_codes(const yk_groups *g, const yk_vec *keys, uint32_t n, uint32_t *code)
{
    memset(code, 0, n * sizeof *code);
    for (size_t k = 0; k < g->n_keys; k++) {
        const yk_vec *v = &keys[k];
        uint32_t      many = v->dict->n + 1, none = v->dict->n;
        if (!v->valid && !v->is_const)
            for (uint32_t i = 0; i < n; i++)
                code[i] = code[i] * many + v->codes[i];
        else
            for (uint32_t i = 0; i < n; i++) {
                uint32_t row = v->is_const ? 0 : i;
                bool     there = !v->valid || (v->valid[row >> 6] >> (row & 63) & 1);
                code[i] = code[i] * many + (there ? v->codes[row] : none);
            }
    }
}

static bool counts(const uint64_t *mask, uint32_t row)
{
    return !mask || (mask[row >> 6] >> (row & 63) & 1);
}

/* ret[i] = the group that row i's code is known to belong to; false when some row that counts has a code that is not known yet. */
static bool look_up(const yk_groups *g, const uint32_t *restrict code, const uint64_t *restrict mask, uint32_t n, uint32_t *restrict ret)
{
    const uint32_t *table = g->by_code;
    bool            is_new = false;
    if (!mask) {
        for (uint32_t i = 0; i < n; i++) {
            ret[i] = table[code[i]];
            is_new |= ret[i] == YK_NO_GROUP;
        }
        return !is_new;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t left_out = (uint32_t)(mask[i >> 6] >> (i & 63) & 1) - 1;
        ret[i] = table[code[i]] | left_out;
        is_new |= (ret[i] ^ left_out) == YK_NO_GROUP;
    }
    return !is_new;
}

static int number_by_code(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, yoke_error *err)
{
    const uint32_t *code = keys[0].codes;
    bool            is_plain = g->n_keys == 1 && !keys[0].valid && !keys[0].is_const;
    if (is_plain && look_up(g, code, mask, n, ret))
        return 0;
    if (!is_plain) {
        join_codes(g, keys, n, ret);
        code = ret;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (is_plain && ret[i] != YK_NO_GROUP)
            continue;
        uint32_t *known = &g->by_code[code[i]];
        if (counts(mask, i) && *known == YK_NO_GROUP) {
            *known = 0;
            YK_TRY(number_rows(g, keys, i, 1, known, err));
        }
        ret[i] = counts(mask, i) ? *known : YK_NO_GROUP;
    }
    return 0;
}

int yk_groups_number(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, yoke_error *err)
{
    size_t codes = count_codes(g, keys);
    if (codes && g->n_keys) {
        if (!prepare_codes(g, keys, codes))
            return yk_fail_nomem(err, "grouping rows");
        return number_by_code(g, keys, mask, n, ret, err);
    }
    for (uint32_t i = 0; i < n; i++)
        ret[i] = counts(mask, i) ? 0 : YK_NO_GROUP;
    for (uint32_t i = 0; i < n; i += ROWS)
        YK_TRY(number_rows(g, keys, i, n - i < ROWS ? n - i : ROWS, ret + i, err));
    return 0;
}

/* ---- what came out */

int yk_groups_keys(yk_groups *g, size_t number, yk_vec *ret, yoke_error *err)
{
    const key *k = &g->keys[number];
    *ret = (yk_vec){.type = k->type, .n = g->n, .values = k->values};
    bool has_missing = g->n && memchr(k->missing, 1, g->n);
    if (!has_missing)
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

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_values(const key *k, const void *pa, const void *pb)
{
    switch (k->type.kind) {
    case YK_KIND_TEXT:
    case YK_KIND_DATA: {
        const yk_text *a = pa, *b = pb;
        int            order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);
        return order ? order : COMPARE(a->len, b->len);
    }
    case YK_KIND_REAL: return COMPARE(*(const double *)pa, *(const double *)pb);
    case YK_KIND_UINT: return COMPARE(*(const uint64_t *)pa, *(const uint64_t *)pb);
    case YK_KIND_BOOL: return COMPARE(*(const uint8_t *)pa, *(const uint8_t *)pb);
    case YK_KIND_DECIMAL: {
        __extension__ __int128 a, b;
        memcpy(&a, pa, sizeof a);
        memcpy(&b, pb, sizeof b);
        return COMPARE(a, b);
    }
    case YK_KIND_NULL: return 0;
    default: return COMPARE(*(const int64_t *)pa, *(const int64_t *)pb);
    }
}

int yk_groups_compare(const yk_groups *g, uint32_t a, uint32_t b)
{
    for (size_t i = 0; i < g->n_keys; i++) {
        const key *k = &g->keys[i];
        int        order = COMPARE(k->missing[a], k->missing[b]);
        if (!order && !k->missing[a])
            order = compare_values(k, k->values + a * k->size, k->values + b * k->size);
        if (order)
            return order;
    }
    return COMPARE(a, b);
}

static int compare_for_sort(const void *a, const void *b, void *g)
{
    return yk_groups_compare(g, *(const uint32_t *)a, *(const uint32_t *)b);
}

void yk_groups_sort(const yk_groups *g, uint32_t *ret_order)
{
    for (uint32_t i = 0; i < g->n; i++)
        ret_order[i] = i;
    qsort_r(ret_order, g->n, sizeof *ret_order, compare_for_sort, (void *)(uintptr_t)g);
}

/* ---- between tasks: how many groups, their hashes, and for each key whether some miss it, then which; values; of text lengths, then bytes */

/* Upper bits: the lower ones say where in a table a group is sought. */
static uint32_t part_of(uint64_t hash, uint32_t of) { return (uint32_t)((hash >> 32) * of >> 32); }

void yk_groups_cut(const yk_groups *g, size_t n_keys, uint32_t n_parts, uint8_t *ret_parts, uint32_t *ret_rows, uint32_t *ret_begin)
{
    memset(ret_begin, 0, (n_parts + 1) * sizeof *ret_begin);
    for (uint32_t first = 0; first < g->n; first += ROWS) {
        uint64_t some[ROWS], *hashes = n_keys < g->n_keys ? some : g->hashes + first;
        uint32_t n = g->n - first < ROWS ? g->n - first : ROWS;
        begin_hashes(some, n);
        for (size_t k = 0; k < n_keys && hashes == some; k++)
            hash_values(&g->keys[k], g->keys[k].values + first * g->keys[k].size, g->keys[k].missing + first, n, some);
        end_hashes(some, n);
        for (uint32_t i = 0; i < n; i++)
            ret_begin[(ret_parts[first + i] = (uint8_t)part_of(hashes[i], n_parts)) + 1]++;
    }
    for (uint32_t p = 0; p < n_parts; p++)
        ret_begin[p + 1] += ret_begin[p];
    for (uint32_t i = 0; i < g->n; i++)
        ret_rows[ret_begin[ret_parts[i]]++] = i;
    memmove(ret_begin + 1, ret_begin, n_parts * sizeof *ret_begin); /* they had moved on to the next part's */
    ret_begin[0] = 0;
}

static void write_words(const char *words, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    char *at = yk_buf_extend(to, (size_t)n * 8);
    for (uint32_t i = 0; i < n && at; i++)
        memcpy(at + (size_t)i * 8, words + (size_t)rows[i] * 8, 8);
}

static void write_texts(const yk_text *texts, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    uint64_t size = 0;
    char    *at = yk_buf_extend(to, n * sizeof size);
    for (uint32_t i = 0; i < n && at; i++) {
        memcpy(at + i * sizeof size, &texts[rows[i]].len, sizeof size);
        size += texts[rows[i]].len;
    }
    at = yk_buf_extend(to, size);
    for (uint32_t i = 0; i < n && at; i++) {
        yk_text t = texts[rows[i]];
        if (t.len)
            memcpy(at, t.data, t.len);
        at += t.len;
    }
}

static void write_key(const key *k, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    char missing = 0;
    for (uint32_t i = 0; i < n; i++)
        missing |= (char)k->missing[rows[i]];
    yk_buf_append(to, &missing, 1);
    char *at = missing ? yk_buf_extend(to, n) : NULL;
    for (uint32_t i = 0; i < n && at; i++)
        at[i] = (char)k->missing[rows[i]];
    if (is_text(k)) {
        write_texts((const yk_text *)(const void *)k->values, rows, n, to);
        return;
    }
    if (k->size == 8) {
        write_words(k->values, rows, n, to);
        return;
    }
    at = yk_buf_extend(to, n * k->size);
    for (uint32_t i = 0; i < n && at; i++)
        memcpy(at + i * k->size, k->values + rows[i] * k->size, k->size);
}

int yk_groups_write(const yk_groups *g, const uint32_t *rows, uint32_t n, yk_buf *to, yoke_error *err)
{
    yk_buf_append(to, &n, sizeof n);
    write_words((const char *)g->hashes, rows, n, to);
    for (size_t k = 0; k < g->n_keys; k++)
        write_key(&g->keys[k], rows, n, to);
    return to->is_failed ? yk_fail_nomem(err, "grouping rows") : 0;
}

typedef struct reader {
    const char *at, *end;
} reader;

static const char *take(reader *r, size_t n)
{
    if ((size_t)(r->end - r->at) < n)
        return NULL;
    const void *p = r->at;
    r->at += n;
    return p;
}

/* Where a key of n groups lies in such bytes. False when they end too soon. */
static bool find_key(reader *r, key *k, uint32_t n)
{
    const char *flag = take(r, 1);
    k->from_missing = flag && *flag ? take(r, n) : NULL;
    k->from_values = take(r, n * (is_text(k) ? sizeof(uint64_t) : k->size));
    k->from_texts = r->at;
    for (uint32_t i = 0; is_text(k) && k->from_values && i < n; i++) {
        uint64_t len;
        memcpy(&len, k->from_values + i * sizeof len, sizeof len);
        if (!take(r, len))
            return false;
    }
    return flag && k->from_values && (!*flag || k->from_missing);
}

/* The next n of its values become rows at hand. */
static void read_rows(key *k, uint32_t n)
{
    size_t each = is_text(k) ? sizeof(uint64_t) : k->size;
    memset(k->row_missing, 0, n);
    if (k->from_missing)
        for (uint32_t i = 0; i < n; i++)
            k->row_missing[i] = *k->from_missing++ != 0;
    if (!is_text(k))
        memcpy(k->row_values, k->from_values, n * each);
    for (uint32_t i = 0; is_text(k) && i < n; i++) {
        yk_text t = {k->row_missing[i] ? NULL : k->from_texts, 0};
        memcpy(&t.len, k->from_values + i * each, each);
        memcpy(k->row_values + i * sizeof t, &t, sizeof t);
        k->from_texts += t.len;
    }
    k->from_values += n * each;
}

void yk_groups_share(yk_groups *g, yk_share share) { g->share = share; }

/* The next n groups of those bytes. Of which share a group is says its hash where its keys are all that count, else theirs. */
static int merge_rows(yk_groups *g, const char *hashes, uint32_t n, uint32_t *ret, yoke_error *err)
{
    uint64_t own[ROWS], some[ROWS], *by = own;
    memcpy(own, hashes, n * sizeof *own);
    for (size_t k = 0; k < g->n_keys; k++)
        read_rows(&g->keys[k], n);
    if (g->share.of && g->share.n_keys < g->n_keys)
        hash_rows(g, g->share.n_keys, n, by = some);
    for (uint32_t i = 0; i < n; i++)
        ret[i] = !g->share.of || part_of(by[i], g->share.of) == g->share.number ? 0 : YK_NO_GROUP;
    return find_rows(g, own, n, ret, err);
}

int yk_groups_merge(yk_groups *g, const void *bytes, size_t size, uint32_t **ret_numbers, uint32_t *ret_n, size_t *ret_used,
                    yoke_error *err)
{
    reader      r = {bytes, (const char *)bytes + size};
    uint32_t    n = 0;
    const char *head = take(&r, sizeof n), *hashes = NULL;
    if (head)
        memcpy(&n, head, sizeof n);
    bool is_whole = head && (hashes = take(&r, n * sizeof *g->hashes));
    for (size_t k = 0; k < g->n_keys && is_whole; k++)
        is_whole = find_key(&r, &g->keys[k], n);
    if (!is_whole)
        return yk_fail(err, YOKE_EFORMAT, "the groups of a task arrived damaged");
    YK_AUTOFREE uint32_t *numbers = yk_new_array(uint32_t, n);
    if (!numbers)
        return yk_fail_nomem(err, "merging groups");
    for (uint32_t i = 0; i < n; i += ROWS)
        YK_TRY(merge_rows(g, hashes + i * sizeof *g->hashes, n - i < ROWS ? n - i : ROWS, numbers + i, err));
    *ret_numbers = YK_TAKE(numbers);
    *ret_n = n;
    *ret_used = (size_t)(r.at - (const char *)bytes);
    return 0;
}
