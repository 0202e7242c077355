/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups of one key that comes as codes into one dictionary: what its values are is found out once, and a group is then known by its
 * code, from one clearing of the groups to the next. Rows that come otherwise, or of another dictionary, make them groups like all
 * others. And texts that are one of several keys, as numbers, which mean the same in all dictionaries.
 */
#include "table/groups_inside.h"

bool yk_groups_may_be_coded(const yk_groups *g, const yk_vec *keys)
{
    bool is_one = g->n_keys == 1 && keys[0].codes && !keys[0].valid && !keys[0].is_const && !yk_groups_may_be_near(g);
    if (g->search == YK_SEARCH_CODED)
        return is_one && g->of.dict_id == keys[0].dict->id;
    return is_one && g->n == 0 && !g->is_sealed && keys[0].dict->n <= YK_FEW_CODES;
}

void yk_groups_free_coded(yk_groups *g)
{
    yk_groups_free(g->of.values);
    yk_free(g->of.numbers);
    yk_free(g->of.groups);
}

size_t yk_groups_memory_coded(const yk_groups *g)
{
    return g->of.values ? yk_groups_memory(g->of.values) + 2 * g->of.n * sizeof(uint32_t) : 0;
}

static int know_dict(yk_groups *g, const yk_vec *v, yoke_error *err)
{
    yk_group_codes *of = &g->of;
    const yk_dict  *dict = v->dict;
    if (of->values && of->dict_id == dict->id)
        return 0;
    if (of->values)
        yk_groups_clear(of->values);
    else
        YK_TRY(yk_groups_new(&g->keys[0].type, 1, &of->values, err));
    yk_free(of->numbers);
    yk_free(of->groups);
    of->dict_id = 0;
    of->n = dict->n;
    of->numbers = yk_new_array(uint32_t, of->n);
    of->groups = yk_new_array(uint32_t, of->n);
    if (!of->numbers || !of->groups)
        return yk_fail_nomem(err, "grouping rows");
    YK_TRY(yk_groups_number(of->values, &(yk_vec){.type = v->type, .n = of->n, .values = dict->values}, NULL, of->n, of->numbers, err));
    of->dict_id = dict->id;
    return 0;
}

/* The dictionary's value as a new group, and one that borrows its text from what is known of the dictionary. */
static int add_value(yk_groups *g, uint32_t number, yoke_error *err)
{
    yk_group_key       *k = &g->keys[0];
    const yk_group_key *from = &g->of.values->keys[0];
    YK_TRY(yk_groups_reserve(g, 1, err));
    if (!yk_groups_room_for_hash(g))
        return yk_fail_nomem(err, "grouping rows");
    memcpy(k->values + g->n * k->size, from->values + number * k->size, k->size);
    k->missing[g->n] = from->missing[number];
    k->has_missing |= from->missing[number];
    g->hashes[g->n] = g->of.values->hashes[number];
    g->of.groups[number] = ++g->n;
    return 0;
}

int yk_groups_number_coded(yk_groups *g, const yk_vec *v, const uint32_t *rows, uint32_t n, uint32_t *ret, yoke_error *err)
{
    if (g->search != YK_SEARCH_CODED) {
        YK_TRY(know_dict(g, v, err));
        memset(g->of.groups, 0, g->of.n * sizeof *g->of.groups);
        g->search = YK_SEARCH_CODED;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *known = &g->by_code[v->codes[rows[i]]], number = g->of.numbers[v->codes[rows[i]]];
        if (!g->of.groups[number])
            YK_TRY(add_value(g, number, err));
        ret[rows[i]] = *known = g->of.groups[number] - 1;
    }
    return 0;
}

/* ---- texts of one of several keys */

enum { MOST_TEXTS = 1 << 16 };

void yk_groups_free_texts(yk_group_key *k)
{
    yk_groups_free(k->numbered.texts);
    yk_free(k->numbered.numbers);
    k->numbered = (yk_group_texts){.are_many = k->numbered.are_many};
}

size_t yk_groups_memory_texts(const yk_group_key *k)
{
    const yk_group_texts *t = &k->numbered;
    return t->texts ? yk_groups_memory(t->texts) + t->cap * sizeof *t->numbers : 0;
}

/* Values, none of them missing but where `valid` says so. */
static int number_values(yk_group_texts *t, const yk_vec *values, const uint64_t *valid, yoke_error *err)
{
    YK_AUTOFREE uint32_t *numbers = yk_new_array(uint32_t, (size_t)values->n + 1);
    if (!numbers || !yk_grow(&t->numbers, &t->cap, (size_t)values->n + 1, sizeof *t->numbers))
        return yk_fail_nomem(err, "grouping rows");
    YK_TRY(yk_groups_number(t->texts, values, valid, values->n, numbers, err));
    for (uint32_t i = 0; i < values->n; i++)
        t->numbers[i] = numbers[i] == YK_NO_GROUP ? 0 : numbers[i];
    return 0;
}

int yk_groups_number_texts(yk_group_key *k, const yk_vec *v, uint32_t n, uint32_t *ret, yoke_error *err)
{
    yk_group_texts *t = &k->numbered;
    *ret = 0; /* until they are numbered */
    if (t->are_many || (v->codes ? v->dict->n > MOST_TEXTS : n > YK_BLOCK))
        return 0;
    if (!t->texts)
        YK_TRY(yk_groups_new(&k->type, 1, &t->texts, err));
    if (!v->codes)
        YK_TRY(number_values(t, &(yk_vec){.type = v->type, .n = v->is_const ? 1 : n, .values = v->values}, v->valid, err));
    else if (t->dict_id != v->dict->id)
        YK_TRY(number_values(t, &(yk_vec){.type = v->type, .n = v->dict->n, .values = v->dict->values}, NULL, err));
    t->dict_id = v->codes ? v->dict->id : 0;
    t->are_many = yk_groups_count(t->texts) > MOST_TEXTS;
    if (t->are_many)
        yk_groups_free_texts(k);
    else
        *ret = yk_groups_count(t->texts) + 1;
    return 0;
}

/* Numbers the texts of n rows of a key, the first of them `first`, unless they are too many for codes. */
static int code_texts(yk_group_key *k, const yk_vec *all, uint32_t first, uint32_t n, uint32_t *codes, bool *ret_is_coded, yoke_error *err)
{
    enum { FEW_TEXTS = 1 << 12, LEAST_ROWS = 4 /* for each of them */ };
    yk_vec   some = {.type = all->type, .n = n, .values = (const yk_text *)all->values + first};
    uint32_t count;
    some.valid = all->valid ? all->valid + first / 64 : NULL;
    YK_TRY(yk_groups_number_texts(k, &some, n, &count, err));
    *ret_is_coded = count && count <= FEW_TEXTS && count <= (first + n) / LEAST_ROWS;
    for (uint32_t i = 0; i < n && *ret_is_coded; i++)
        codes[first + i] = (uint32_t)k->numbered.numbers[i];
    return 0;
}

int yk_groups_coded_keys(yk_groups *g, size_t number, uint32_t *codes, yk_dict *dict, yk_vec *ret, yoke_error *err)
{
    yk_group_key *k = &g->keys[number];
    yk_vec        texts;
    YK_TRY(yk_groups_keys(g, number, ret, err));
    bool is_coded = yk_group_is_text(k) && !k->numbered.are_many && g->n > 0;
    for (uint32_t i = 0; i < g->n && is_coded; i += YK_BLOCK)
        YK_TRY(code_texts(k, ret, i, g->n - i < YK_BLOCK ? g->n - i : YK_BLOCK, codes, &is_coded, err));
    if (!is_coded) {
        k->numbered.are_many |= g->n > 0;
        return 0;
    }
    YK_TRY(yk_groups_keys(k->numbered.texts, 0, &texts, err));
    *dict = (yk_dict){.n = texts.n, .values = texts.values, .id = yk_dict_new_ids(1)};
    ret->codes = codes, ret->dict = dict, ret->values = NULL;
    return 0;
}
