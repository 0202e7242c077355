/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows that a task does not group: where hardly two are of one group it is cheaper to keep keys and values as they are, cut them into
 * parts, and group each part's rows at once, in a table that fits the caches.
 */
#include "numeric/reduce.h"
#include "table/ledger.h"
#include "table/words.h"

#include <math.h>

/* What is kept for an ask in each row; of COUNT nothing but whether it is there. */
static yk_type kept_type(const yk_grouping *s, size_t ask)
{
    yk_type type = s->types[s->roots[ask]];
    yk_each what = s->asks[ask].what;
    if (what == YK_EACH_COUNT)
        return (yk_type){.kind = YK_KIND_NULL};
    if (yk_group_want(what) == YK_WANT_REAL || (what == YK_EACH_SUM && !yk_is_integer(type)))
        return (yk_type){.kind = YK_KIND_REAL};
    return type;
}

bool yk_loose_can(const yk_grouping *s)
{
    for (size_t i = 0; i < s->n_asks; i++) {
        yk_type type = s->asks[i].expr ? kept_type(s, i) : (yk_type){.kind = YK_KIND_INT};
        if (s->asks[i].bins || yk_kind_is_bytes(type.kind) || (s->asks[i].what == YK_EACH_DISTINCT && yk_kind_size(type.kind) != 8))
            return false;
    }
    return true;
}

void yk_loose_fini(const yk_grouping *s, yk_loose *l)
{
    for (size_t i = 0; i < s->n_asks; i++) {
        if (l->values)
            yk_buf_fini(&l->values[i]);
        if (l->missing)
            yk_buf_fini(&l->missing[i]);
    }
    yk_free(l->values);
    yk_free(l->missing);
    yk_groups_free(l->keys);
    *l = (yk_loose){0};
}

int yk_loose_init(const yk_grouping *s, yk_loose *l, yoke_error *err)
{
    if (l->keys)
        return 0;
    YK_TRY(yk_groups_new(s->types, s->n_keys, &l->keys, err));
    l->values = yk_new_array(yk_buf, s->n_asks + 1);
    l->missing = yk_new_array(yk_buf, s->n_asks + 1);
    return l->values && l->missing ? 0 : yk_fail_nomem(err, "grouping");
}

void yk_loose_clear(const yk_grouping *s, yk_loose *l)
{
    if (!l->keys)
        return;
    yk_groups_clear(l->keys);
    for (size_t i = 0; i < s->n_asks; i++) {
        yk_buf_clear(&l->values[i]);
        yk_buf_clear(&l->missing[i]);
    }
}

size_t yk_loose_bytes(const yk_grouping *s, const yk_loose *l)
{
    size_t n = l->keys ? yk_groups_memory(l->keys) : 0;
    for (size_t i = 0; l->keys && i < s->n_asks; i++)
        n += l->values[i].cap + l->missing[i].cap;
    return n;
}

uint32_t yk_loose_count(const yk_loose *l) { return l->keys ? yk_groups_count(l->keys) : 0; }

static bool is_nan(const yk_vec *v, uint32_t i) { return v->type.kind == YK_KIND_REAL && isnan(((const double *)v->values)[i]); }

/* Which of the rows that were appended last miss the ask's value; from the first time on that any can. */
static int put_missing(const yk_grouping *s, yk_loose *l, size_t ask, const yk_vec *v, const uint32_t *rows, uint32_t n, yoke_error *err)
{
    yk_buf *to = &l->missing[ask];
    bool    is_count = s->asks[ask].what == YK_EACH_COUNT;
    if (!v->valid && !is_count && !to->len)
        return 0;
    size_t more = yk_groups_count(l->keys) - to->len;
    char  *at = yk_buf_extend(to, more);
    if (!at)
        return yk_fail_nomem(err, "grouping");
    memset(at, 0, more);
    at += more - n;
    for (uint32_t i = 0; i < n; i++)
        at[i] = !yk_row_counts(v, rows[i]) || (is_count && is_nan(v, rows[i]));
    return 0;
}

static uint32_t list_rows(const uint64_t *mask, uint32_t n, uint32_t *rows)
{
    if (mask)
        return yk_bits_rows(mask, n, rows);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = i;
    return n;
}

static void pick_values(const char *from, size_t size, const uint32_t *rows, uint32_t n, char *to)
{
    if (size == 8)
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + (size_t)i * 8, from + (size_t)rows[i] * 8, 8);
    else if (size)
        for (uint32_t i = 0; i < n; i++)
            memcpy(to + i * size, from + rows[i] * size, size);
}

int yk_loose_put(const yk_grouping *s, yk_loose *l, size_t ask, const yk_vec *v, const uint64_t *mask, uint32_t n, yoke_error *err)
{
    size_t   size = yk_kind_size(kept_type(s, ask).kind);
    uint32_t rows[YK_BLOCK], n_rows = list_rows(mask, n, rows);
    char    *values = yk_buf_extend(&l->values[ask], n_rows * size);
    if (!values)
        return yk_fail_nomem(err, "grouping");
    pick_values(v->values, size, rows, n_rows, values);
    return put_missing(s, l, ask, v, rows, n_rows, err);
}

/* Values are there for all rows; where none is missing only that is said. */
static void write_column(const yk_buf *values, const yk_buf *missing, size_t size, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    char is_missing = missing->len > 0;
    yk_buf_append(to, &is_missing, 1);
    char *at = is_missing ? yk_buf_extend(to, n) : NULL;
    for (uint32_t i = 0; i < n && at; i++)
        at[i] = missing->data[rows[i]];
    if (size == 8) {
        yk_words_write(yk_buf_text(values), size, rows, n, to);
        return;
    }
    at = yk_buf_extend(to, n * size);
    if (at)
        pick_values(yk_buf_text(values), size, rows, n, at);
}

int yk_loose_write(const yk_grouping *s, const yk_loose *l, const uint32_t *rows, uint32_t n, uint64_t first, yk_buf *to, yoke_error *err)
{
    YK_TRY(yk_groups_write(l->keys, rows, n, to, err));
    char *at = s->in_order ? NULL : yk_buf_extend(to, n * sizeof first);
    for (uint32_t i = 0; i < n && at; i++) {
        uint64_t place = first + rows[i];
        memcpy(at + i * sizeof place, &place, sizeof place);
    }
    for (size_t i = 0; i < s->n_asks; i++)
        if (s->asks[i].expr)
            write_column(&l->values[i], &l->missing[i], yk_kind_size(kept_type(s, i).kind), rows, n, to);
    return to->is_failed ? yk_fail_nomem(err, "grouping") : 0;
}

/* An ask's column in the bytes of a part, from the rows on that come next. */
typedef struct column {
    yk_type     type;
    const char *missing, *values; /* missing NULL: none is */
    yk_words    words;            /* values of eight bytes */
} column;

/* Finds it at `at`; returns its end. */
static const char *find_column(yk_type type, const char *at, const char *end, uint32_t n, column *ret)
{
    size_t size = yk_kind_size(type.kind);
    bool   some_missing = *at++ != 0;
    *ret = (column){.type = type, .missing = some_missing ? at : NULL, .values = at + (some_missing ? n : 0)};
    return ret->values + (size == 8 ? yk_words_find(ret->values, end, n, &ret->words) : n * size);
}

/* The next n rows, up to a block. */
static int tally_column(const yk_grouping *s, yk_ledger *t, size_t ask, column *c, const uint32_t *numbers, uint32_t n, yoke_error *err)
{
    yk_wide  values[YK_BLOCK];
    uint64_t valid[YK_BLOCK / 64];
    size_t   size = yk_kind_size(c->type.kind);
    yk_vec   v = {.type = c->type, .n = n, .values = values, .valid = c->missing ? valid : NULL};
    if (size == 8) {
        yk_words_read(&c->words, n, (uint64_t *)(void *)values);
    } else {
        memcpy(values, c->values, n * size);
        c->values += n * size;
    }
    if (c->missing) {
        memset(valid, 0, sizeof valid);
        for (uint32_t i = 0; i < n; i++)
            valid[i >> 6] |= (uint64_t)!*c->missing++ << (i & 63);
    }
    return yk_ledger_tally(s, t, ask, numbers, false, &v, n, err);
}

int yk_loose_merge(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char *at, size_t size, yoke_error *err)
{
    YK_AUTOFREE uint32_t *numbers = NULL;
    const char           *end = at + size;
    uint32_t              n;
    YK_TRY(yk_ledger_merge_groups(s, t, firsts, &at, size, &numbers, &n, err));
    for (size_t i = 0; i < s->n_asks; i++) {
        column c = {.values = at}; /* of the rows themselves nothing is kept */
        if (s->asks[i].expr)
            at = find_column(kept_type(s, i), at, end, n, &c);
        for (uint32_t k = 0; k < n; k += YK_BLOCK)
            YK_TRY(tally_column(s, t, i, &c, numbers + k, n - k < YK_BLOCK ? n - k : YK_BLOCK, err));
    }
    return 0;
}

int yk_loose_read(const yk_grouping *s, yk_loose *l, const char *at, size_t size, yoke_error *err)
{
    const char *end = at + size;
    size_t      used;
    YK_TRY(yk_loose_init(s, l, err));
    YK_TRY(yk_groups_take(l->keys, at, size, &used, err));
    uint32_t n = yk_groups_count(l->keys);
    at += used + (s->in_order ? 0 : n * sizeof(uint64_t)); /* a row's place is its number */
    for (size_t i = 0; i < s->n_asks; i++) {
        column c;
        if (!s->asks[i].expr)
            continue;
        at = find_column(kept_type(s, i), at, end, n, &c);
        size_t each = yk_kind_size(c.type.kind);
        char  *values = yk_buf_extend(&l->values[i], n * each);
        if (!values)
            return yk_fail_nomem(err, "grouping");
        if (each == 8)
            yk_words_read(&c.words, n, (uint64_t *)(void *)values);
        else
            memcpy(values, c.values, n * each);
        if (c.missing)
            yk_buf_append(&l->missing[i], c.missing, n);
        if (l->missing[i].is_failed)
            return yk_fail_nomem(err, "grouping");
    }
    return 0;
}
