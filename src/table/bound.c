/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/bound.h"

#include "numeric/kernels.h"
#include "numeric/reduce.h"
#include "table/order.h"

#include <math.h>

int yk_bound_init(yk_bound *b, yk_type type, uint64_t wanted, bool is_descending, bool is_whole, yoke_error *err)
{
    *b = (yk_bound){.type = type, .wanted = wanted, .is_descending = is_descending, .is_whole = is_whole};
    return yk_batch_init(&b->texts, 1, err);
}

void yk_bound_fini(yk_bound *b)
{
    yk_batch_fini(&b->texts);
    yk_free(b->least);
}

void yk_bound_forget(yk_bound *b)
{
    yk_batch_clear(&b->texts);
    b->n_least = 0;
    b->is_known = false;
}

void yk_bound_shrink(yk_bound *b, uint64_t most)
{
    if (yk_batch_bytes(&b->texts) <= most)
        return;
    yk_bound_forget(b);
    yk_batch_shrink(&b->texts, most);
}

/* Keys are as good as random, so the middle one is a fair pivot. */
uint64_t yk_bound_select(uint64_t *keys, int64_t n, int64_t k)
{
    for (int64_t lo = 0, hi = n - 1; lo < hi;) {
        uint64_t pivot = keys[(lo + hi) / 2];
        int64_t  i = lo, j = hi;
        while (i <= j) {
            for (; keys[i] < pivot; i++)
                ;
            for (; keys[j] > pivot; j--)
                ;
            if (i > j)
                break;
            uint64_t swap = keys[i];
            keys[i++] = keys[j];
            keys[j--] = swap;
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return keys[k];
}

/* ---- the least keys */

/* Room for twice as many keys as are wanted and some, so that narrowing them costs little. */
static size_t room(const yk_bound *b) { return b->wanted > YK_MOST_BOUND ? 0 : 2 * (size_t)b->wanted + 64; }

static int make_room(yk_bound *b, yoke_error *err)
{
    return yk_grow(&b->least, &b->cap_least, room(b) + 1, sizeof *b->least) ? 0 : yk_fail_nomem(err, "keeping rows");
}

static void add_least(yk_bound *b, uint64_t key)
{
    if (b->wanted > YK_MOST_BOUND)
        return;
    b->least[b->n_least++] = key;
    if (b->n_least < room(b))
        return;
    b->image = yk_bound_select(b->least, (int64_t)b->n_least, (int64_t)b->wanted - 1);
    b->n_least = b->wanted;
    b->is_known = true;
}

int yk_bound_keys(yk_bound *b, uint64_t *keys, uint32_t *rows, uint32_t *n, yoke_error *err)
{
    uint32_t kept = 0;
    YK_TRY(make_room(b, err));
    for (uint32_t i = 0; i < *n; i++) {
        uint64_t key = keys[i];
        if (b->is_known && key > b->image)
            continue;
        keys[kept] = key;
        rows[kept++] = rows[i];
        add_least(b, key);
    }
    *n = kept;
    return 0;
}

/* ---- the first rows of a sort */

bool yk_bound_can(yk_type type) { return yk_order_has_image(type.kind) || yk_kind_is_bytes(type.kind); }

/* The bound itself, borrowed until more rows are seen. */
static yk_value bound_value(const yk_bound *b)
{
    yk_value value = {.type = b->type};
    uint64_t bits = yk_order_value(value.type.kind, b->is_descending ? ~b->image : b->image);
    if (yk_kind_is_bytes(value.type.kind))
        yk_batch_get(&b->texts, 0, b->wanted - 1, &value);
    else
        memcpy(&value.i, &bits, sizeof bits);
    return value;
}

/* Whether the bound is the beginning of a text, which some that come later may share. */
static bool is_cut(const yk_value *bound) { return yk_kind_is_bytes(bound->type.kind) && bound->t.len == YK_BOUND_TEXT; }

static uint64_t image_of(const yk_bound *b, const yk_vec *v, uint32_t row)
{
    bool     is_bytes = yk_kind_is_bytes(v->type.kind);
    uint64_t image = is_bytes ? yk_text_image(((const yk_text *)v->values)[row], 0)
        : yk_order_image(v->type.kind, ((const uint64_t *)v->values)[row]);
    return b->is_descending ? ~image : image;
}

static yk_text beginning(const yk_vec *v, uint32_t row)
{
    yk_text t = ((const yk_text *)v->values)[row];
    return (yk_text){t.data, t.len < YK_BOUND_TEXT ? t.len : YK_BOUND_TEXT};
}

static bool is_text_late(const yk_bound *b, const yk_vec *v, uint32_t row, const yk_value *bound)
{
    uint64_t image = image_of(b, v, row);
    if (image != b->image)
        return image > b->image;
    int order = yk_value_order(&(yk_value){.type = v->type, .t = beginning(v, row)}, bound);
    return order ? (order > 0) != b->is_descending : b->is_whole && !is_cut(bound);
}

/* Keys of rows that are left. */
static int add_texts(yk_bound *b, const yk_vec *v, const uint32_t *left, uint32_t n, yoke_error *err)
{
    YK_AUTOFREE uint32_t *order = NULL;
    yk_text               texts[YK_BLOCK];
    yk_vec                beginnings = *v;
    beginnings.values = texts;
    for (uint32_t i = 0; i < n; i++)
        texts[left[i]] = beginning(v, left[i]);
    b->texts.columns[0].type = v->type;
    YK_TRY(yk_batch_add(&b->texts, &beginnings, left, n, err));
    if (b->texts.n < room(b))
        return 0;
    YK_TRY(yk_batch_sort(&b->texts, &(yk_order){0, b->is_descending}, 1, &order, err));
    YK_TRY(yk_batch_pick(&b->texts, order, b->wanted, err));
    b->is_known = !yk_batch_is_missing(&b->texts, 0, b->wanted - 1);
    if (b->is_known) {
        uint64_t image = yk_text_image(bound_value(b).t, 0);
        b->image = b->is_descending ? ~image : image;
    }
    return 0;
}

bool yk_bound_list(const yk_bound *b, const yk_vec *v, const uint64_t *mask, uint32_t n, uint32_t *ret_rows, uint32_t *ret_n)
{
    uint64_t         bits[YK_BLOCK / 64];
    const yk_kind    kind = v->type.kind;
    const yk_compare op = b->is_whole ? YK_COMPARE_LT : YK_COMPARE_LE;
    if (!b->is_known || kind == YK_KIND_UINT || yk_kind_is_bytes(kind))
        return false;
    yk_value    bound = bound_value(b);
    const void *values[2] = {b->is_descending ? (const void *)&bound.i : v->values, b->is_descending ? v->values : (const void *)&bound.i};
    yk_sides    sides = b->is_descending ? YK_SIDES_CV : YK_SIDES_VC;
    if (kind == YK_KIND_REAL)
        YK_ISA_PICK(yk_k_compare_real)(op, sides, bits, values[0], values[1], n);
    else
        YK_ISA_PICK(yk_k_compare_int)(op, sides, bits, values[0], values[1], n);
    yk_bits_and(bits, v->valid, n, bits);
    yk_bits_and(bits, mask, n, bits);
    *ret_n = yk_bits_rows(bits, n, ret_rows);
    return true;
}

static bool is_there(const yk_vec *v, uint32_t row)
{
    return (!v->valid || (v->valid[row >> 6] >> (row & 63) & 1))
        && !(v->type.kind == YK_KIND_REAL && isnan(((const double *)v->values)[row]));
}

static int leave_out_texts(yk_bound *b, const yk_vec *v, uint32_t *rows, uint32_t n, uint32_t *ret_n, yoke_error *err)
{
    yk_value bound = b->is_known ? bound_value(b) : (yk_value){0};
    uint32_t kept = 0, added = 0; /* of those kept, in b->texts */
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];
        if (b->is_known && (!is_there(v, row) || is_text_late(b, v, row, &bound))) /* missing ones come last */
            continue;
        rows[kept++] = row;
        if (b->texts.n + kept - added < room(b))
            continue;
        YK_TRY(add_texts(b, v, rows + added, kept - added, err));
        added = kept;
        bound = b->is_known ? bound_value(b) : bound;
    }
    *ret_n = kept;
    return add_texts(b, v, rows + added, kept - added, err);
}

int yk_bound_leave_out(yk_bound *b, const yk_vec *v, uint32_t *rows, uint32_t n, uint32_t *ret_n, yoke_error *err)
{
    uint32_t kept = 0;
    if (yk_kind_is_bytes(v->type.kind))
        return leave_out_texts(b, v, rows, n, ret_n, err);
    YK_TRY(make_room(b, err));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];
        bool     has_key = is_there(v, row);
        uint64_t image = has_key ? image_of(b, v, row) : UINT64_MAX; /* missing ones come last */
        if (b->is_known && (!has_key || image > b->image || (image == b->image && b->is_whole)))
            continue;
        rows[kept++] = row;
        if (has_key)
            add_least(b, image);
    }
    *ret_n = kept;
    return 0;
}

/* ---- what the bound says */

/* The least text behind all that begin so; false where there is none. */
static bool find_behind(yk_text t, char to[YK_BOUND_TEXT], yk_text *ret)
{
    while (t.len && (unsigned char)t.data[t.len - 1] == 0xff)
        t.len--;
    if (t.len == 0)
        return false;
    memcpy(to, t.data, t.len);
    to[t.len - 1]++;
    *ret = (yk_text){to, t.len};
    return true;
}

bool yk_bound_fact(yk_bound *b, uint32_t column, yk_fact *ret)
{
    if (!b->is_known)
        return false;
    yk_value value = bound_value(b);
    bool     down = b->is_descending;
    *ret = (yk_fact){.op = down ? YK_FACT_GE : YK_FACT_LE, .value = value, .column = column};
    if (b->is_whole && !is_cut(&value))
        ret->op = down ? YK_FACT_GT : YK_FACT_LT;
    if (down || !is_cut(&value))
        return true;
    ret->op = YK_FACT_LT;
    return find_behind(value.t, b->behind, &ret->value.t);
}
