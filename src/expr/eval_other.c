/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The nodes that go value by value: text, times, sets, conversions.
 */
#include "base/bytes.h"
#include "expr/eval.h"
#include "expr/like.h"
#include "numeric/kernels.h"
#include "numeric/reduce.h"

#include <math.h>

static const uint64_t NONE[YK_BLOCK_WORDS];

static int nomem(yoke_error *err)
{
    return yk_fail_nomem(err, "evaluating an expression");
}

/* The argument's validity over n rows; NULL: all there. */
static const uint64_t *validity(const yk_reg *a)
{
    if (!a->is_const || !a->valid)
        return a->valid;
    return a->valid[0] & 1 ? NULL : NONE;
}

static bool is_there(const yk_reg *a, uint32_t i)
{
    return !a->valid || yk_bit(a->valid, a->is_const ? 0 : i);
}

/* ---- Comparisons of text, sets, patterns ---- */

static bool text_holds(yk_compare what, yk_text a, yk_text b)
{
    switch (what) {
    case YK_COMPARE_LT: return yk_text_compare(a, b) < 0;
    case YK_COMPARE_LE: return yk_text_compare(a, b) <= 0;
    case YK_COMPARE_EQ: return a.len == b.len && yk_same_bytes(a.data, b.data, a.len);
    case YK_COMPARE_NE: return a.len != b.len || !yk_same_bytes(a.data, b.data, a.len);
    }
    return false;
}

/* Bit i says whether `holds` does, an expression in i, for n rows. */
#define SET_BITS(to, n, holds)                                   \
    for (uint32_t w = 0, i = 0; i < (n); (to)[w++] = word) {     \
        for (word = 0; i < (n) && i < 64 * (w + 1); i++)         \
            word |= (uint64_t)(holds) << (i & 63);               \
    }

static void compare_text(const yk_node *node, const yk_reg *a, const yk_reg *b, uint32_t n, uint64_t *to)
{
    const yk_text *x = a->data, *y = b->data;
    uint64_t       word;
    SET_BITS(to, n, text_holds((yk_compare)node->sub, x[a->is_const ? 0 : i], y[b->is_const ? 0 : i]));
    yk_bits_and(to, validity(a), n, to);
    yk_bits_and(to, validity(b), n, to);
}

static bool is_in_ints(const yk_node *node, int64_t v)
{
    uint32_t lo = 0, hi = node->n_set;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (node->set[mid].i < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < node->n_set && node->set[lo].i == v;
}

static bool is_in_reals(const yk_node *node, double v)
{
    uint32_t lo = 0, hi = node->n_set;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (node->set[mid].r < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < node->n_set && node->set[lo].r == v;
}

static bool is_in_texts(const yk_node *node, yk_text v)
{
    uint32_t lo = 0, hi = node->n_set;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (yk_text_compare(node->set[mid].t, v) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < node->n_set && yk_text_compare(node->set[lo].t, v) == 0;
}

static void test_each(const yk_node *node, const yk_reg *a, uint32_t n, uint64_t *to)
{
    const void *p = a->data;
    uint64_t    word;
    switch ((yk_code)node->code) {
    case YK_CODE_IN_INT: SET_BITS(to, n, is_in_ints(node, ((const int64_t *)p)[i])); break;
    case YK_CODE_IN_REAL: SET_BITS(to, n, is_in_reals(node, ((const double *)p)[i])); break;
    default: SET_BITS(to, n, is_in_texts(node, ((const yk_text *)p)[i]));
    }
    yk_bits_and(to, validity(a), n, to);
}

static int test_like(const yk_node *node, const yk_reg *a, uint32_t n, uint64_t *to, yoke_error *err)
{
    YK_CLEANUP(yk_like_freep) yk_like *l = NULL;
    uint64_t word;
    YK_TRY(yk_like_new(node->value.t, &l, err));
    SET_BITS(to, n, yk_like_fits(l, ((const yk_text *)a->data)[i]));
    yk_bits_and(to, validity(a), n, to);
    return 0;
}

/* ---- Conversions to REAL ---- */

static void to_real(const yk_node *node, yk_type from, const yk_reg *a, uint32_t n, double *to)
{
    switch ((yk_code)node->code) {
    case YK_CODE_INT_TO_REAL:
        YK_ISA_PICK(yk_k_int_to_real)(to, a->data, n);
        if (node->value.r != 1.0)
            YK_ISA_PICK(yk_k_real2)(YK_REAL2_DIV, YK_SIDES_VC, to, to, &node->value.r, n);
        break;
    case YK_CODE_UINT_TO_REAL:
        for (uint32_t i = 0; i < n; i++)
            to[i] = (double)((const uint64_t *)a->data)[i];
        break;
    default: yk_decimals_to_real(a->data, n, from.scale, to);
    }
    if (validity(a))
        YK_ISA_PICK(yk_k_blank)(to, to, validity(a), n);
}

/* ---- Conversions to integers ---- */

static int real_to_int(yk_reg *r, const yk_reg *a, uint32_t n, int64_t *to, yoke_error *err)
{
    uint64_t     *valid = yk_reg_valid(r);
    const double *x = a->data;
    if (!valid)
        return nomem(err);
    for (uint32_t i = 0; i < n; i++) {
        bool fits = x[i] >= -0x1p63 && x[i] < 0x1p63;
        to[i] = fits ? (int64_t)x[i] : 0;
        yk_bit_set(valid, i, fits);
    }
    r->valid = valid;
    return 0;
}

static void to_int(const yk_node *node, yk_type from, const yk_reg *a, uint32_t n, int64_t *to)
{
    const int64_t *x = a->data;
    switch ((yk_code)node->code) {
    case YK_CODE_UINT_FLIP:
        for (uint32_t i = 0; i < n; i++)
            to[i] = (int64_t)((uint64_t)x[i] ^ (uint64_t)1 << 63);
        break;
    case YK_CODE_BOOL_TO_INT:
        for (uint32_t i = 0; i < n; i++)
            to[i] = yk_bit(a->data, i);
        break;
    case YK_CODE_RESCALE:
        yk_rescale_all(x, n, node->value.i, to);
        break;
    case YK_CODE_PART:
        yk_time_parts((yk_op)node->sub, from, x, n, to);
        break;
    default: /* YK_CODE_TEXT_LEN */
        for (uint32_t i = 0; i < n; i++)
            to[i] = is_there(a, i) ? yk_text_length(((const yk_text *)a->data)[i]) : 0;
    }
}

/* ---- Text ---- */

static int map_text(yk_eval *ev, const yk_node *node, const yk_reg *a, uint32_t n, yk_text *to, yoke_error *err)
{
    const yk_text *x = a->data;
    for (uint32_t i = 0; i < n; i++) {
        to[i] = (yk_text){"", 0};
        if (!is_there(a, i) || x[i].len == 0)
            continue;
        char *copy = yk_arena_alloc(&ev->texts, x[i].len);
        if (!copy)
            return nomem(err);
        yk_text_map((yk_op)node->sub, x[i], copy);
        to[i] = (yk_text){copy, x[i].len};
    }
    return 0;
}

static int to_text(yk_eval *ev, yk_type from, const yk_reg *a, uint32_t n, yk_text *to, yk_reg *r, yoke_error *err)
{
    char   buf[64];
    size_t size = yk_kind_size(from.kind);
    if (from.kind == YK_KIND_DATA && !from.is_uuid) { /* as they are */
        memcpy(to, a->data, n * sizeof *to);
        return 0;
    }
    if (from.kind == YK_KIND_REAL) { /* NaN is missing; text has its own mark for that */
        uint64_t *valid = yk_reg_valid(r);
        if (!valid)
            return nomem(err);
        YK_ISA_PICK(yk_k_present)(valid, a->data, n);
        r->valid = valid;
    }
    for (uint32_t i = 0; i < n; i++) {
        to[i] = (yk_text){"", 0};
        if (r->valid && !yk_bit(r->valid, i))
            continue;
        uint8_t     b = from.kind == YK_KIND_BOOL && yk_bit(a->data, i);
        const void *v = from.kind == YK_KIND_BOOL ? (const void *)&b : (const char *)a->data + i * size;
        size_t      len = yk_value_print(from, v, buf);
        char       *copy = yk_arena_alloc(&ev->texts, len + 1);
        if (!copy)
            return nomem(err);
        memcpy(copy, buf, len);
        to[i] = (yk_text){copy, len};
    }
    return 0;
}

static int text_to(const yk_node *node, const yk_reg *a, uint32_t n, void *to, yk_reg *r, yoke_error *err)
{
    const yk_text *x = a->data;
    uint64_t      *valid = yk_reg_valid(r), value = 0;
    if (!valid)
        return nomem(err);
    for (uint32_t i = 0; i < n; i++) {
        bool fits = is_there(a, i) && yk_value_parse(node->type, x[i], &value);
        yk_bit_set(valid, i, fits);
        if (node->type.kind == YK_KIND_BOOL)
            yk_bit_set(to, i, fits && (value & 0xff));
        else if (node->type.kind == YK_KIND_REAL)
            memcpy((double *)to + i, fits ? (const void *)&value : &(double){NAN}, sizeof value);
        else
            memcpy((int64_t *)to + i, &value, sizeof value);
    }
    r->valid = node->type.kind == YK_KIND_REAL ? NULL : valid;
    return 0;
}

int yk_eval_other(yk_eval *ev, uint32_t id, uint32_t n, void *to, yoke_error *err)
{
    const yk_node *node = &ev->p->nodes[id];
    yk_reg        *r = &ev->regs[id];
    const yk_reg  *a = &ev->regs[node->args[0]];
    yk_type        from = ev->p->nodes[node->args[0]].type;
    switch ((yk_code)node->code) {
    case YK_CODE_COMPARE_TEXT: compare_text(node, a, &ev->regs[node->args[1]], n, to); return 0;
    case YK_CODE_IN_INT:
    case YK_CODE_IN_REAL:
    case YK_CODE_IN_TEXT: test_each(node, a, n, to); return 0;
    case YK_CODE_LIKE: return test_like(node, a, n, to, err);
    case YK_CODE_INT_TO_REAL:
    case YK_CODE_UINT_TO_REAL:
    case YK_CODE_DECIMAL_TO_REAL: to_real(node, from, a, n, to); return 0;
    case YK_CODE_REAL_TO_INT: return real_to_int(r, a, n, to, err);
    case YK_CODE_TEXT_TO: return text_to(node, a, n, to, r, err);
    default: break;
    }
    r->valid = validity(a);
    if (node->code == YK_CODE_TEXT_MAP)
        return map_text(ev, node, a, n, to, err);
    if (node->code == YK_CODE_TO_TEXT)
        return to_text(ev, from, a, n, to, r, err);
    to_int(node, from, a, n, to);
    return 0;
}
