/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups between tasks: cut into parts, written and merged. As bytes: how many groups, and for each key whether some miss it, then which;
 * values; of text lengths, then bytes.
 */
#include "base/bytes.h"
#include "table/groups_inside.h"

#include <stddef.h>

enum { ROWS = YK_GROUP_ROWS };

/* Upper bits: the lower ones say where in a table a group is sought. */
static uint32_t part_of(uint64_t hash, uint32_t of) { return (uint32_t)((hash >> 32) * of >> 32); }

static void leave_whole(uint32_t first, uint32_t n, uint8_t *ret_parts, uint32_t *ret_rows, uint32_t *ret_begin)
{
    memset(ret_parts, 0, n);
    for (uint32_t i = 0; i < n; i++)
        ret_rows[i] = first + i;
    ret_begin[0] = 0;
    ret_begin[1] = n;
}

void yk_groups_cut(const yk_groups *g, size_t n_keys, uint32_t first, uint32_t n_parts, uint8_t *ret_parts, uint32_t *ret_rows,
                   uint32_t *ret_begin)
{
    uint32_t n = g->n - first;
    if (n_parts == 1) {
        leave_whole(first, n, ret_parts, ret_rows, ret_begin);
        return;
    }
    memset(ret_begin, 0, (n_parts + 1) * sizeof *ret_begin);
    for (uint32_t done = 0; done < n; done += ROWS) {
        uint64_t some[ROWS], *hashes = n_keys < g->n_keys || !yk_groups_has_hashes(g) ? some : g->hashes + first + done;
        uint32_t more = n - done < ROWS ? n - done : ROWS;
        if (hashes == some)
            yk_groups_hash_groups(g, n_keys, first + done, more, some);
        for (uint32_t i = 0; i < more; i++)
            ret_begin[(ret_parts[done + i] = (uint8_t)part_of(hashes[i], n_parts)) + 1]++;
    }
    for (uint32_t p = 0; p < n_parts; p++)
        ret_begin[p + 1] += ret_begin[p];
    for (uint32_t i = 0; i < n; i++)
        ret_rows[ret_begin[ret_parts[i]]++] = first + i;
    memmove(ret_begin + 1, ret_begin, n_parts * sizeof *ret_begin); /* they had moved on to the next part's */
    ret_begin[0] = 0;
}

/* Their lengths, then their bytes. */
static void write_texts(const yk_text *texts, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    uint64_t size = 0;
    yk_words_write((const char *)texts + offsetof(yk_text, len), sizeof *texts, rows, n, to);
    for (uint32_t i = 0; i < n; i++)
        size += texts[rows[i]].len;
    char *at = yk_buf_extend(to, size);
    for (uint32_t i = 0; i < n && at; i++) {
        yk_text t = texts[rows[i]];
        yk_copy_bytes(at, t.data, t.len);
        at += t.len;
    }
}

static void write_key(const yk_group_key *k, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    char missing = 0;
    for (uint32_t i = 0; i < n && k->has_missing; i++)
        missing |= (char)k->missing[rows[i]];
    yk_buf_append(to, &missing, 1);
    char *at = missing ? yk_buf_extend(to, n) : NULL;
    for (uint32_t i = 0; i < n && at; i++)
        at[i] = (char)k->missing[rows[i]];
    if (yk_group_is_text(k)) {
        write_texts((const yk_text *)(const void *)k->values, rows, n, to);
        return;
    }
    if (k->size == 8) {
        yk_words_write(k->values, 8, rows, n, to);
        return;
    }
    at = yk_buf_extend(to, n * k->size);
    for (uint32_t i = 0; i < n && at; i++)
        memcpy(at + i * k->size, k->values + rows[i] * k->size, k->size);
}

int yk_groups_write(const yk_groups *g, const uint32_t *rows, uint32_t n, yk_buf *to, yoke_error *err)
{
    yk_buf_append(to, &n, sizeof n);
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

/* The bytes of n texts of these lengths. */
static bool find_texts(reader *r, yk_words lens, uint32_t n)
{
    uint64_t some[ROWS];
    for (uint32_t at = 0; at < n; at += ROWS) {
        uint32_t m = n - at < ROWS ? n - at : ROWS;
        yk_words_read(&lens, m, some);
        for (uint32_t i = 0; i < m; i++)
            if (!take(r, some[i]))
                return false;
    }
    return true;
}

/* Where a key of n groups lies in such bytes. False when they end too soon. */
static bool find_key(reader *r, yk_group_key *k, uint32_t n)
{
    const char *flag = take(r, 1);
    if (!flag)
        return false;
    k->from_missing = *flag ? take(r, n) : NULL;
    if (*flag && !k->from_missing)
        return false;
    if (!yk_group_is_text(k) && k->size != 8)
        return (k->from_values = take(r, n * k->size)) != NULL;
    size_t used = yk_words_find(r->at, r->end, n, &k->from_words);
    r->at += used;
    k->from_texts = r->at;
    return used && (!yk_group_is_text(k) || find_texts(r, k->from_words, n));
}

/* The next n of its values become rows at hand. */
static void read_rows(yk_group_key *k, uint32_t n)
{
    uint64_t lens[ROWS];
    memset(k->row_missing, 0, n);
    k->some_missing = k->from_missing != NULL;
    if (k->from_missing)
        for (uint32_t i = 0; i < n; i++)
            k->row_missing[i] = *k->from_missing++ != 0;
    if (yk_group_is_text(k)) {
        yk_words_read(&k->from_words, n, lens);
        for (uint32_t i = 0; i < n; i++) {
            yk_text t = {k->row_missing[i] ? NULL : k->from_texts, lens[i]};
            memcpy(k->row_values + i * sizeof t, &t, sizeof t);
            k->from_texts += t.len;
        }
    } else if (k->size == 8) {
        yk_words_read(&k->from_words, n, (uint64_t *)(void *)k->row_values);
    } else {
        memcpy(k->row_values, k->from_values, n * k->size);
        k->from_values += n * k->size;
    }
}

void yk_groups_share(yk_groups *g, yk_share share) { g->share = share; }

/* The next n groups of those bytes. Of which share a group is says its hash where its keys are all that count, else theirs. */
static int merge_rows(yk_groups *g, uint32_t n, uint32_t *ret, yoke_error *err)
{
    uint64_t own[ROWS], some[ROWS], *by = own;
    for (size_t k = 0; k < g->n_keys; k++)
        read_rows(&g->keys[k], n);
    if (!g->share.of) {
        memset(ret, 0, n * sizeof *ret);
        return yk_groups_find_rows(g, NULL, n, ret, err);
    }
    yk_groups_hash_rows(g, g->n_keys, n, own);
    if (g->share.n_keys < g->n_keys)
        yk_groups_hash_rows(g, g->share.n_keys, n, by = some);
    for (uint32_t i = 0; i < n; i++)
        ret[i] = part_of(by[i], g->share.of) == g->share.number ? 0 : YK_NO_GROUP;
    return yk_groups_find_rows(g, own, n, ret, err);
}

/* Finds the keys of the groups in such bytes, and how many they are. */
static int find_keys(yk_groups *g, const void *bytes, size_t size, uint32_t *ret_n, size_t *ret_used, yoke_error *err)
{
    reader      r = {bytes, (const char *)bytes + size};
    uint32_t    n = 0;
    const char *head = take(&r, sizeof n);
    bool        is_whole = head != NULL;
    if (head)
        memcpy(&n, head, sizeof n);
    for (size_t k = 0; k < g->n_keys && is_whole; k++)
        is_whole = find_key(&r, &g->keys[k], n);
    if (!is_whole)
        return yk_fail(err, YOKE_EFORMAT, "the groups of a task arrived damaged");
    *ret_n = n;
    *ret_used = (size_t)(r.at - (const char *)bytes);
    return 0;
}

int yk_groups_merge(yk_groups *g, const void *bytes, size_t size, uint32_t **ret_numbers, uint32_t *ret_n, size_t *ret_used,
                    yoke_error *err)
{
    uint32_t n;
    YK_TRY(find_keys(g, bytes, size, &n, ret_used, err));
    YK_AUTOFREE uint32_t *numbers = yk_new_array(uint32_t, n);
    if (!numbers)
        return yk_fail_nomem(err, "merging groups");
    for (uint32_t i = 0; i < n; i += ROWS)
        YK_TRY(merge_rows(g, n - i < ROWS ? n - i : ROWS, numbers + i, err));
    *ret_numbers = YK_TAKE(numbers);
    *ret_n = n;
    return 0;
}

int yk_groups_take(yk_groups *g, const void *bytes, size_t size, size_t *ret_used, yoke_error *err)
{
    uint32_t n;
    YK_TRY(find_keys(g, bytes, size, &n, ret_used, err));
    YK_TRY(yk_groups_reserve(g, n, err));
    for (uint32_t i = 0; i < n; i += ROWS) {
        uint32_t some = n - i < ROWS ? n - i : ROWS;
        for (size_t k = 0; k < g->n_keys; k++)
            read_rows(&g->keys[k], some);
        YK_TRY(yk_groups_append_rows(g, some, err));
    }
    return 0;
}
