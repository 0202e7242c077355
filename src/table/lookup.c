/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/lookup.h"

#include "table/table.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

yk_lookup *yk_lookup_ref(yk_lookup *l)
{
    __atomic_add_fetch(&l->refs, 1, __ATOMIC_RELAXED);
    return l;
}

void yk_lookup_unref(yk_lookup *l)
{
    if (!l || __atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; l->values && i < l->rows.n_columns; i++)
        yk_free(l->values[i]);
    for (size_t i = 0; l->keys && i < l->n_keys; i++)
        yk_free(l->keys[i]);
    for (size_t i = 0; i < l->n_columns; i++) {
        yk_free(l->columns[i].name);
        yk_free(l->columns[i].there);
    }
    yk_batch_fini(&l->rows);
    yk_groups_free(l->groups);
    yk_free(l->row_of);
    yk_free(l->values);
    yk_free(l->keys);
    yk_free(l->own_keys);
    yk_free(l->types);
    yk_free(l->columns);
    yk_free(l);
}

/* ---- a worker's side */

struct yk_finder {
    const yk_lookup *l;
    yk_groups       *groups; /* a view of the lookup's; before it has them, these */
    yk_vec          *keys;
    void           **flat;   /* room for a block of each key, in the type where both sides meet */
    uint64_t       (*flat_valid)[YK_BLOCK / 64];
    uint32_t         rows[YK_BLOCK];
    uint32_t         n;
    uint64_t         whole[YK_BLOCK / 64]; /* rows that miss no key */
    uint64_t         found[YK_BLOCK / 64];
    uint64_t       (*valid)[YK_BLOCK / 64]; /* of each column */
};

void yk_finder_close(yk_finder *f)
{
    if (!f)
        return;
    yk_groups_free(f->groups);
    for (size_t i = 0; f->flat && i < f->l->n_keys; i++)
        yk_free(f->flat[i]);
    yk_free(f->flat);
    yk_free(f->flat_valid);
    yk_free(f->keys);
    yk_free(f->valid);
    yk_free(f);
}

/* Keys in the type where both sides meet. */
static int meet(yk_finder *f, const yk_vec *keys, yoke_error *err)
{
    for (size_t k = 0; k < f->l->n_keys; k++) {
        f->keys[k] = keys[k];
        if (!yk_type_same(keys[k].type, f->l->types[k]))
            YK_TRY(yk_vec_flatten(&keys[k], f->l->types[k], f->flat[k], f->flat_valid[k], &f->keys[k], err));
    }
    return 0;
}

static bool is_there(const yk_vec *v, uint32_t i)
{
    uint32_t row = v->is_const ? 0 : i;
    if (v->type.kind == YK_KIND_NULL || (v->valid && !(v->valid[row >> 6] >> (row & 63) & 1)))
        return false;
    if (v->type.kind != YK_KIND_REAL)
        return true;
    double x = v->codes ? ((const double *)v->dict->values)[v->codes[row]] : ((const double *)v->values)[row];
    return x == x;
}

/* Numbers the keys of a block of n rows; those that miss one are equal to none. */
static int number(yk_finder *f, const yk_vec *keys, uint32_t n, yoke_error *err)
{
    bool is_whole = true;
    YK_TRY(meet(f, keys, err));
    memset(f->whole, 0xff, sizeof f->whole);
    for (size_t k = 0; k < f->l->n_keys; k++) {
        const yk_vec *v = &f->keys[k];
        if (!v->valid && v->type.kind != YK_KIND_REAL && v->type.kind != YK_KIND_NULL)
            continue;
        is_whole = false;
        for (uint32_t i = 0; i < n; i++)
            f->whole[i >> 6] &= ~((uint64_t)!is_there(v, i) << (i & 63));
    }
    return yk_groups_number(f->groups, f->keys, is_whole ? NULL : f->whole, n, f->rows, err);
}

/* A key that comes a second time is an error that names it. */
static int fail_twice(const yk_lookup *l, uint64_t row, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    for (size_t k = 0; k < l->n_keys; k++) {
        yk_value v;
        yk_batch_get(&l->rows, l->own_keys[k], row, &v);
        yk_buf_puts(&text, k ? ", " : "");
        yk_value_put(&v, &text);
    }
    return yk_fail(err, YOKE_EINVALID,
                   "the joined table has two rows with the key '%s'; a join needs at most one: 'yoke table OTHER --by KEY --first COLUMN -o FILE' leaves one of each",
                   yk_buf_text(&text));
}

/* Where the row of the next group lies: at its number, until a row that misses a key has come. */
static int note_row(yk_lookup *l, uint32_t group, uint32_t row, yoke_error *err)
{
    if (!l->row_of && group == row)
        return 0;
    if (!l->row_of) {
        if (!(l->row_of = yk_new_array(uint32_t, l->rows.n + 1)))
            return yk_fail_nomem(err, "joining");
        for (uint32_t i = 0; i < group; i++)
            l->row_of[i] = i;
    }
    l->row_of[group] = row;
    return 0;
}

static int number_own_block(yk_lookup *l, yk_finder *f, uint64_t at, yk_vec *keys, yk_arena *arena, yoke_error *err)
{
    uint32_t n = l->rows.n - at < YK_BLOCK ? (uint32_t)(l->rows.n - at) : YK_BLOCK, known = yk_groups_count(f->groups);
    yk_arena_clear(arena);
    for (size_t k = 0; k < l->n_keys; k++)
        YK_TRY(yk_batch_vec(&l->rows, l->own_keys[k], at, n, arena, &keys[k], err));
    YK_TRY(number(f, keys, n, err));
    for (uint32_t i = 0; i < n; i++) {
        if (f->rows[i] == YK_NO_GROUP)
            continue;
        if (f->rows[i] != known) /* new ones are numbered as they come */
            return fail_twice(l, at + i, err);
        YK_TRY(note_row(l, known++, (uint32_t)(at + i), err));
    }
    return 0;
}

static int open_finder(const yk_lookup *l, yk_finder **ret, yoke_error *err)
{
    yk_finder *f = *ret = yk_new(yk_finder);
    if (!f)
        return yk_fail_nomem(err, "joining");
    f->l = l;
    f->keys = yk_new_array(yk_vec, l->n_keys);
    f->flat = yk_new_array(void *, l->n_keys);
    f->flat_valid = yk_calloc(l->n_keys, sizeof *f->flat_valid);
    f->valid = yk_calloc(l->n_columns + 1, sizeof *f->valid);
    bool is_whole = f->keys && f->flat && f->flat_valid && f->valid;
    for (size_t k = 0; k < l->n_keys && is_whole; k++)
        is_whole = (f->flat[k] = yk_malloc_aligned((size_t)YK_BLOCK * 16)) != NULL;
    return is_whole ? 0 : yk_fail_nomem(err, "joining");
}

/* The keys of all rows: one that comes twice is an error. */
static int number_own(yk_lookup *l, yoke_error *err)
{
    YK_CLEANUP(yk_finder_closep) yk_finder *f = NULL;
    YK_CLEANUP(yk_arena_fini) yk_arena      arena = YK_ARENA_INIT;
    YK_AUTOFREE yk_vec                     *keys = yk_new_array(yk_vec, l->n_keys);
    if (!keys)
        return yk_fail_nomem(err, "joining");
    YK_TRY(open_finder(l, &f, err));
    YK_TRY(yk_groups_new(l->types, l->n_keys, &f->groups, err));
    if (l->rows.n <= INT32_MAX)
        YK_TRY(yk_groups_expect(f->groups, (uint32_t)l->rows.n, false, err));
    for (uint64_t at = 0; at < l->rows.n; at += YK_BLOCK)
        YK_TRY(number_own_block(l, f, at, keys, &arena, err));
    YK_TRY(yk_groups_seal(f->groups, err));
    l->groups = YK_TAKE(f->groups);
    return 0;
}

int yk_finder_open(const yk_lookup *l, yk_finder **ret, yoke_error *err)
{
    YK_CLEANUP(yk_finder_closep) yk_finder *f = NULL;
    YK_TRY(open_finder(l, &f, err));
    YK_TRY(yk_groups_view(l->groups, &f->groups, err));
    *ret = YK_TAKE(f);
    return 0;
}

int yk_finder_block(yk_finder *f, const yk_vec *keys, uint32_t n, yoke_error *err)
{
    uint32_t        n_own = yk_groups_count(f->groups);
    const uint32_t *row_of = f->l->row_of;
    YK_TRY(number(f, keys, n, err));
    f->n = n;
    memset(f->found, 0, sizeof f->found);
    for (uint32_t first = 0; first < n; first += 64) {
        uint64_t found = 0;
        for (uint32_t i = first; i < n && i < first + 64; i++) {
            uint32_t is_found = f->rows[i] < n_own;
            found |= (uint64_t)is_found << (i & 63);
            f->rows[i] &= 0 - is_found; /* else 0 */
        }
        f->found[first / 64] = found;
    }
    for (uint32_t i = 0; i < n && row_of; i++)
        f->rows[i] = row_of[f->rows[i]];
    return 0;
}

void yk_finder_get(yk_finder *f, size_t column, yk_vec *ret)
{
    const yk_lookup_column *c = &f->l->columns[column];
    uint64_t               *valid = f->valid[column];
    memcpy(valid, f->found, sizeof f->found);
    for (uint32_t i = 0; c->there && i < f->n; i++)
        if (!c->there[f->rows[i]])
            valid[i >> 6] &= ~((uint64_t)1 << (i & 63));
    *ret = (yk_vec){.type = f->l->rows.columns[c->column].type, .n = f->n, .codes = f->rows, .dict = &c->dict, .valid = valid};
}

/* ---- making one */

static char *word(const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return yk_strndup(from, (size_t)(to - from));
}

static int64_t frame_column(const yoke_frame *f, const char *name)
{
    for (size_t i = 0; i < f->rows.n_columns; i++)
        if (strcasecmp(f->names[i], name) == 0)
            return (int64_t)i;
    return -1;
}

static int fail_absent(const yoke_frame *f, const char *name, yoke_error *err)
{
    YK_AUTOBUF all = YK_BUF_INIT;
    for (size_t i = 0; i < f->rows.n_columns && all.len < 200; i++)
        yk_buf_printf(&all, "%s%s", i ? ", " : "", f->names[i]);
    return yk_fail(err, YOKE_EABSENT,
                   "the joined table has no column '%s'; it has %s; where the tables call it differently the key is 'A=B'", name,
                   yk_buf_text(&all));
}

/* "A = B, C = D", or "A" where both tables call it so. */
static int parse_keys(yk_lookup *l, const yoke_table *t, const yoke_frame *f, const char *text, yoke_error *err)
{
    size_t cap[3] = {0, 0, 0};
    for (const char *at = text;; at++) {
        size_t            n = strcspn(at, ",");
        const char       *eq = memchr(at, '=', n);
        char             *key = word(at, eq ? eq : at + n);
        YK_AUTOFREE char *own = word(eq ? eq + 1 + (eq[1] == '=') : at, at + n);
        size_t            k = l->n_keys;
        if (!key || !own || !yk_push(&l->keys, &k, &cap[0], key)) {
            yk_free(key);
            return yk_fail_nomem(err, "joining");
        }
        l->n_keys++;
        if (!yk_grow(&l->own_keys, &cap[1], k, sizeof *l->own_keys) || !yk_grow(&l->types, &cap[2], k, sizeof *l->types))
            return yk_fail_nomem(err, "joining");
        YK_TRY(yk_source_check(t->source, key, err));
        int64_t c = frame_column(f, own);
        if (c < 0)
            return fail_absent(f, own, err);
        yk_type theirs = t->source->columns[yk_source_find(t->source, key)].type;
        l->own_keys[k - 1] = (size_t)c;
        if (!yk_type_unify(theirs, f->rows.columns[c].type, &l->types[k - 1])) {
            char a[64], b[64];
            return yk_fail(err, YOKE_ETYPE, "'%s' is %s and '%s' of the joined table is %s: they cannot be equal", key,
                           yk_type_name(theirs, a, sizeof a), own, yk_type_name(f->rows.columns[c].type, b, sizeof b));
        }
        at += n;
        if (!*at)
            return 0;
    }
}

/* A column's values in storage form that stay where they are, for its dictionary. */
static int keep_values(yk_lookup *l, size_t c, yoke_error *err)
{
    const yk_batch_column *col = &l->rows.columns[c];
    bool                   is_text = yk_kind_is_bytes(col->type.kind);
    l->values[c] = yk_malloc_large(col->values.len + 64);
    if (!l->values[c])
        return yk_fail_nomem(err, "joining");
    if (col->values.len)
        memcpy(l->values[c], col->values.data, col->values.len);
    memset((char *)l->values[c] + col->values.len, 0, 64);
    for (uint64_t i = 0; is_text && i < l->rows.n; i++) {
        yk_value v;
        yk_batch_get(&l->rows, c, i, &v);
        ((yk_text *)l->values[c])[i] = v.is_missing ? (yk_text){"", 0} : v.t;
    }
    return 0;
}

static bool has_name(const yk_lookup *l, const char *name)
{
    for (size_t i = 0; i < l->n_columns; i++)
        if (strcasecmp(l->columns[i].name, name) == 0)
            return true;
    return false;
}

/* Whether a column of the joined table cannot be called that. */
static bool is_taken(const yk_lookup *l, const yoke_table *t, const char *name)
{
    bool is_other = has_name(l, name);
    for (size_t i = 0; i < t->n_lookups; i++)
        is_other |= has_name(t->lookups[i], name);
    return is_other || yk_source_find(t->source, name) >= 0;
}

static int add_column(yk_lookup *l, const yoke_table *t, size_t c, const char *name, yoke_error *err)
{
    yk_lookup_column *col = &l->columns[l->n_columns];
    YK_AUTOBUF        text = YK_BUF_INIT;
    YK_TRY(keep_values(l, c, err));
    yk_buf_puts(&text, name);
    for (unsigned copy = 2; !text.is_failed && is_taken(l, t, yk_buf_text(&text)); copy++) {
        yk_buf_clear(&text);
        yk_buf_printf(&text, "%s_%u", name, copy);
    }
    *col = (yk_lookup_column){.name = yk_strdup(yk_buf_text(&text)), .column = c};
    l->n_columns++;
    col->dict = (yk_dict){.n = (uint32_t)(l->rows.n ? l->rows.n : 1), .values = l->values[c],
                          .id = yk_dict_new_ids(1)};
    if (l->rows.n && memchr(l->rows.columns[c].valid.data, 0, l->rows.n))
        col->there = yk_memdup(l->rows.columns[c].valid.data, l->rows.n);
    else
        return col->name ? 0 : yk_fail_nomem(err, "joining");
    return col->name && col->there ? 0 : yk_fail_nomem(err, "joining");
}

static int make_lookup(const yoke_table *t, yoke_frame *f, const char *keys, yk_lookup **ret, yoke_error *err)
{
    YK_CLEANUP(yk_lookup_unrefp) yk_lookup *l = yk_new(yk_lookup);
    if (!l)
        return yk_fail_nomem(err, "joining");
    l->refs = 1;
    YK_TRY(parse_keys(l, t, f, keys, err));
    size_t n = f->rows.n_columns;
    l->rows = f->rows;
    f->rows = (yk_batch){.n_columns = n}; /* its names are still to be freed */
    l->columns = yk_new_array(yk_lookup_column, n + 1);
    l->values = yk_new_array(void *, n + 1);
    if (!l->columns || !l->values)
        return yk_fail_nomem(err, "joining");
    for (size_t c = 0; c < n; c++) {
        bool is_key = false;
        for (size_t k = 0; k < l->n_keys; k++)
            is_key |= l->own_keys[k] == c && strcasecmp(l->keys[k], f->names[c]) == 0;
        if (!is_key && l->rows.columns[c].type.kind != YK_KIND_NULL)
            YK_TRY(add_column(l, t, c, f->names[c], err));
    }
    YK_TRY(number_own(l, err));
    *ret = YK_TAKE(l);
    return 0;
}

static int join(const yoke_table *t, const yoke_table *other, const char *keys, yoke_table **ret, yoke_error *err)
{
    YK_CLEANUP(yk_lookup_unrefp) yk_lookup *l = NULL;
    YK_TRY(yk_table_settle(t, err));
    yoke_frame *f = yoke_table_rows(other, &(yoke_rows){0}, err);
    if (!f)
        return err && err->code ? err->code : YOKE_EINVALID;
    int rc = make_lookup(t, f, keys, &l, err);
    yoke_frame_free(f);
    return rc < 0 ? rc : yk_table_derive(t, NULL, l, ret, err);
}

yoke_table *yoke_table_join(const yoke_table *t, const yoke_table *other, const char *keys, yoke_error *err)
{
    yoke_table *made = NULL;
    if (YK_LACKS(t, err) || YK_LACKS(other, err) || YK_LACKS(keys, err))
        return NULL;
    return join(t, other, keys, &made, err) < 0 ? NULL : made;
}
