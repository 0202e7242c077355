/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Group numbers by open addressing over a hash of the keys. Where all keys come as codes into small dictionaries, the codes
 * together index a table of group numbers that is kept for as long as the dictionaries stay: then a row costs two loads.
 */
#include "table/groups.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>

enum { MOST_CODES = 1 << 20, MOST_KEYS = 64 };

typedef struct key {
    yk_type  type;
    size_t   size;    /* of one value */
    char    *values;  /* of each group; a missing one is zero */
    uint8_t *missing; /* of each group */
} key;

struct yk_groups {
    key      *keys;
    size_t    n_keys;
    uint32_t  n, cap;
    uint64_t *hashes; /* of each group */
    uint32_t *slots;  /* group + 1; 0: empty */
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
    g->slots = yk_new_array(uint32_t, g->n_slots);
    if (!g->keys || !g->dict_ids || !g->slots)
        return yk_fail_nomem(err, "grouping rows");
    for (; g->n_keys < n_keys; g->n_keys++)
        g->keys[g->n_keys] = (key){.type = types[g->n_keys], .size = yk_kind_size(types[g->n_keys].kind)};
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

/* ---- one value */

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
    const char *at = v->codes ? (const char *)v->dict->values + v->codes[row] * k->size : (const char *)v->values + row * k->size;
    if (k->type.kind == YK_KIND_REAL) {
        double x;
        memcpy(&x, at, sizeof x);
        return x == x ? at : NULL;
    }
    return at;
}

/* Most values have eight bytes: these are copied without a call. */
static inline void copy_value(void *to, const void *value, size_t size)
{
    if (size == 8)
        memcpy(to, value, 8);
    else
        memcpy(to, value, size);
}

/* Copies a value to `to` in the one form that equal values share. */
static void canonical(const key *k, const void *value, void *to)
{
    copy_value(to, value, k->size);
    if (k->type.kind == YK_KIND_REAL) {
        double x;
        memcpy(&x, to, sizeof x);
        x += 0.0; /* -0.0 becomes +0.0 */
        memcpy(to, &x, sizeof x);
    }
}

static uint64_t hash_value(const key *k, const void *value, uint64_t h)
{
    uint64_t words[2] = {0, 0};
    if (!value)
        return yk_hash_mix(h, 0x6d697373);
    if (is_text(k)) {
        yk_text t;
        memcpy(&t, value, sizeof t);
        return yk_hash_text(t.data, t.len, h);
    }
    canonical(k, value, words);
    h = yk_hash_mix(h, words[0]);
    return k->size == 16 ? yk_hash_mix(h, words[1]) : h;
}

static bool same_value(const key *k, uint32_t group, const void *value)
{
    if (!value || k->missing[group])
        return !value && k->missing[group];
    const void *mine = k->values + group * k->size;
    if (is_text(k)) {
        yk_text a, b;
        memcpy(&a, mine, sizeof a);
        memcpy(&b, value, sizeof b);
        return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
    }
    uint64_t words[2];
    canonical(k, value, words);
    return k->size == 8 ? memcmp(mine, words, 8) == 0 : memcmp(mine, words, k->size) == 0;
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

static bool grow_slots(yk_groups *g)
{
    size_t    n = g->n_slots * 4;
    uint32_t *slots = yk_new_array(uint32_t, n);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < g->n; i++) {
        size_t at = g->hashes[i] & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = i + 1;
    }
    yk_free(g->slots);
    g->slots = slots;
    g->n_slots = n;
    return true;
}

static bool store_value(yk_groups *g, key *k, const void *value)
{
    char *to = k->values + g->n * k->size;
    k->missing[g->n] = value == NULL;
    if (!value) {
        memset(to, 0, k->size);
    } else if (is_text(k)) {
        yk_text t;
        memcpy(&t, value, sizeof t);
        char *copy = yk_arena_alloc(&g->texts, t.len + 1);
        if (!copy)
            return false;
        memcpy(copy, t.data, t.len);
        g->text_bytes += t.len;
        t.data = copy;
        memcpy(to, &t, sizeof t);
    } else {
        canonical(k, value, to);
    }
    return true;
}

static int add_group(yk_groups *g, const void *const *values, uint64_t hash, uint32_t *ret, yoke_error *err)
{
    if (g->n >= INT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "over 2147483647 groups; group by fewer or coarser keys");
    if ((g->n >= g->cap && !grow_keys(g)) || ((size_t)g->n * 2 >= g->n_slots && !grow_slots(g)))
        return yk_fail_nomem(err, "grouping rows");
    for (size_t k = 0; k < g->n_keys; k++)
        if (!store_value(g, &g->keys[k], values[k]))
            return yk_fail_nomem(err, "grouping rows");
    size_t at = hash & (g->n_slots - 1);
    while (g->slots[at])
        at = (at + 1) & (g->n_slots - 1);
    g->slots[at] = g->n + 1;
    g->hashes[g->n] = hash;
    *ret = g->n++;
    return 0;
}

static uint64_t hash_keys(const yk_groups *g, const void *const *values, size_t n_keys)
{
    uint64_t hash = 1;
    for (size_t k = 0; k < n_keys; k++)
        hash = hash_value(&g->keys[k], values[k], hash);
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u; /* many reals differ in their upper bits alone */
    return hash ^ hash >> 32;
}

/* The group of one combination of values (NULL: missing) with its hash. */
static int find_group(yk_groups *g, const void *const *values, uint64_t hash, uint32_t *ret, yoke_error *err)
{
    for (size_t at = hash & (g->n_slots - 1); g->slots[at]; at = (at + 1) & (g->n_slots - 1)) {
        uint32_t group = g->slots[at] - 1;
        size_t   k = 0;
        if (g->hashes[group] != hash)
            continue;
        while (k < g->n_keys && same_value(&g->keys[k], group, values[k]))
            k++;
        if (k == g->n_keys) {
            *ret = group;
            return 0;
        }
    }
    return add_group(g, values, hash, ret, err);
}

static int number_row(yk_groups *g, const yk_vec *keys, uint32_t row, uint32_t *ret, yoke_error *err)
{
    const void *values[MOST_KEYS];
    for (size_t k = 0; k < g->n_keys; k++)
        values[k] = value_at(&g->keys[k], &keys[k], row);
    return find_group(g, values, hash_keys(g, values, g->n_keys), ret, err);
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
        if (counts(mask, i) && *known == YK_NO_GROUP)
            YK_TRY(number_row(g, keys, i, known, err));
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
    for (uint32_t i = 0; i < n; i++) {
        ret[i] = YK_NO_GROUP;
        if (counts(mask, i))
            YK_TRY(number_row(g, keys, i, &ret[i], err));
    }
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

/* ---- between tasks: count, then for each group its hash, and for each key a flag and the value; text as length and bytes */

static uint32_t part_of(uint64_t hash, uint32_t of) { return (uint32_t)(hash >> 32) % of; }

static uint64_t hash_stored(const yk_groups *g, uint32_t group, size_t n_keys)
{
    const void *values[MOST_KEYS];
    if (n_keys == g->n_keys)
        return g->hashes[group];
    for (size_t k = 0; k < n_keys; k++)
        values[k] = g->keys[k].missing[group] ? NULL : g->keys[k].values + group * g->keys[k].size;
    return hash_keys(g, values, n_keys);
}

void yk_groups_cut(const yk_groups *g, size_t n_keys, uint32_t n_parts, uint32_t *ret_rows, uint32_t *ret_begin)
{
    memset(ret_begin, 0, (n_parts + 1) * sizeof *ret_begin);
    for (uint32_t i = 0; i < g->n; i++)
        ret_begin[part_of(hash_stored(g, i, n_keys), n_parts) + 1]++;
    for (uint32_t p = 0; p < n_parts; p++)
        ret_begin[p + 1] += ret_begin[p];
    for (uint32_t i = 0; i < g->n; i++)
        ret_rows[ret_begin[part_of(hash_stored(g, i, n_keys), n_parts)]++] = i;
    memmove(ret_begin + 1, ret_begin, n_parts * sizeof *ret_begin); /* they had moved on to the next part's */
    ret_begin[0] = 0;
}

/* What a group takes as bytes. */
static size_t written_size(const yk_groups *g, uint32_t group)
{
    size_t n = sizeof *g->hashes + g->n_keys;
    for (size_t k = 0; k < g->n_keys; k++) {
        const key *c = &g->keys[k];
        yk_text    t = {NULL, 0};
        if (is_text(c))
            memcpy(&t, c->values + group * sizeof t, sizeof t);
        n += is_text(c) ? sizeof t.len + t.len : c->size;
    }
    return n;
}

static char *write_value(const key *k, uint32_t group, char *to)
{
    const char *value = k->values + group * k->size;
    yk_text     t;
    *to++ = (char)k->missing[group];
    if (k->missing[group])
        return to;
    if (!is_text(k)) {
        copy_value(to, value, k->size);
        return to + k->size;
    }
    memcpy(&t, value, sizeof t);
    memcpy(to, &t.len, sizeof t.len);
    memcpy(to + sizeof t.len, t.data, t.len);
    return to + sizeof t.len + t.len;
}

int yk_groups_write(const yk_groups *g, const uint32_t *rows, uint32_t n, yk_buf *to, yoke_error *err)
{
    yk_buf_append(to, &n, sizeof n);
    for (uint32_t i = 0; i < n; i++) {
        char *at = yk_buf_extend(to, written_size(g, rows[i]));
        if (!at)
            break;
        memcpy(at, &g->hashes[rows[i]], sizeof *g->hashes);
        at += sizeof *g->hashes;
        for (size_t k = 0; k < g->n_keys; k++)
            at = write_value(&g->keys[k], rows[i], at);
        to->len = (size_t)(at - to->data); /* missing values take less */
    }
    return to->is_failed ? yk_fail_nomem(err, "grouping rows") : 0;
}

typedef struct reader {
    const char *at, *end;
} reader;

static const void *take(reader *r, size_t n)
{
    if ((size_t)(r->end - r->at) < n)
        return NULL;
    const void *p = r->at;
    r->at += n;
    return p;
}

/* One value; *ret_value points to `scratch` or is NULL when missing. False when the bytes end too soon. */
static bool read_value(reader *r, const key *k, void *scratch, const void **ret_value)
{
    const char *flag = take(r, 1);
    *ret_value = NULL;
    if (!flag || *flag)
        return flag != NULL;
    const void *at = take(r, is_text(k) ? sizeof(uint64_t) : k->size);
    if (!at)
        return false;
    if (is_text(k)) {
        yk_text t;
        memcpy(&t.len, at, sizeof t.len);
        t.data = take(r, t.len);
        if (!t.data)
            return false;
        memcpy(scratch, &t, sizeof t);
    } else {
        copy_value(scratch, at, k->size);
    }
    *ret_value = scratch;
    return true;
}

void yk_groups_share(yk_groups *g, yk_share share) { g->share = share; }

/* Whether a group is of the share that merges are of: by its hash where its keys are all that count, else by theirs. */
static bool is_shared(const yk_groups *g, const void *const *values, uint64_t hash)
{
    if (!g->share.of)
        return true;
    if (g->share.n_keys < g->n_keys)
        hash = hash_keys(g, values, g->share.n_keys);
    return part_of(hash, g->share.of) == g->share.number;
}

int yk_groups_merge(yk_groups *g, const void *bytes, size_t size, uint32_t **ret_numbers, uint32_t *ret_n, size_t *ret_used,
                    yoke_error *err)
{
    reader      r = {bytes, (const char *)bytes + size};
    uint32_t    n = 0;
    const void *head = take(&r, sizeof n);
    if (head)
        memcpy(&n, head, sizeof n);
    if (!head || n > size)
        return yk_fail(err, YOKE_EFORMAT, "the groups of a task arrived damaged");
    YK_AUTOFREE uint32_t *numbers = yk_new_array(uint32_t, n);
    if (!numbers)
        return yk_fail_nomem(err, "merging groups");
    for (uint32_t i = 0; i < n; i++) {
        const void *values[MOST_KEYS];
        _Alignas(16) char scratch[MOST_KEYS][16];
        uint64_t    hash;
        const void *place = take(&r, sizeof hash);
        if (!place)
            return yk_fail(err, YOKE_EFORMAT, "the groups of a task arrived damaged");
        memcpy(&hash, place, sizeof hash);
        for (size_t k = 0; k < g->n_keys; k++)
            if (!read_value(&r, &g->keys[k], scratch[k], &values[k]))
                return yk_fail(err, YOKE_EFORMAT, "the groups of a task arrived damaged");
        numbers[i] = YK_NO_GROUP;
        if (is_shared(g, values, hash))
            YK_TRY(find_group(g, values, hash, &numbers[i], err));
    }
    *ret_numbers = YK_TAKE(numbers);
    *ret_n = n;
    *ret_used = (size_t)(r.at - (const char *)bytes);
    return 0;
}
