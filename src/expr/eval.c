/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs a program over one block: every node has a register, computed when first asked for.
 */
#include "expr/eval.h"
#include "numeric/kernels.h"
#include "numeric/reduce.h"

#include <math.h>

#define ONES UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX
static const uint64_t ALL[YK_BLOCK_WORDS] = {ONES, ONES, ONES, ONES}, NONE[YK_BLOCK_WORDS];
_Static_assert(YK_BLOCK_WORDS == 32, "ALL must be all ones");

/* ---- Life ---- */

int yk_eval_new(const yk_program *p, yk_eval **ret, yoke_error *err)
{
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = yk_new(yk_eval);
    if (!ev)
        return yk_fail_nomem(err, "starting a worker's expressions");
    ev->p = p;
    ev->regs = yk_new_array(yk_reg, p->n_nodes ? p->n_nodes : 1);
    ev->bytes = yk_new_array(uint8_t *, p->n_roots ? p->n_roots : 1);
    ev->codes = yk_malloc_aligned(YK_BLOCK * sizeof *ev->codes);
    if (!ev->regs || !ev->bytes || !ev->codes)
        return yk_fail_nomem(err, "starting a worker's expressions");
    *ret = YK_TAKE(ev);
    return 0;
}

void yk_eval_free(yk_eval *ev)
{
    if (!ev)
        return;
    for (uint32_t i = 0; ev->regs && i < ev->p->n_nodes; i++) {
        yk_reg *r = &ev->regs[i];
        for (int k = 0; r->dicts && k < YK_DICTS; k++)
            yk_dict_result_fini(&r->dicts[k]);
        yk_free(r->dicts);
        yk_free(r->buf);
        yk_free(r->valid_buf);
    }
    for (size_t i = 0; ev->bytes && i < ev->p->n_roots; i++)
        yk_free(ev->bytes[i]);
    yk_free(ev->regs);
    yk_free(ev->bytes);
    yk_free(ev->codes);
    yk_arena_fini(&ev->texts);
    yk_eval_free(ev->inner);
    yk_free(ev->inner_columns);
    yk_free(ev);
}

void yk_eval_block(yk_eval *ev, const yk_vec *columns, uint32_t n)
{
    ev->columns = columns;
    ev->n = n;
    ev->mask = NULL;
    ev->stamp++;
    yk_arena_clear(&ev->texts);
}

void yk_eval_mask(yk_eval *ev, const uint64_t *mask)
{
    ev->mask = mask;
}

void *yk_reg_data(yk_eval *ev, uint32_t id)
{
    yk_reg *r = &ev->regs[id];
    yk_kind k = ev->p->nodes[id].type.kind;
    if (!r->buf)
        r->buf = yk_malloc_aligned(k == YK_KIND_BOOL ? YK_BLOCK_WORDS * sizeof(uint64_t)
                                   : YK_BLOCK * (yk_kind_size(k) ? yk_kind_size(k) : 8));
    return r->buf;
}

uint64_t *yk_reg_valid(yk_reg *r)
{
    if (!r->valid_buf)
        r->valid_buf = yk_malloc_aligned(YK_BLOCK_WORDS * sizeof(uint64_t));
    return r->valid_buf;
}

static int nomem(yoke_error *err)
{
    return yk_fail_nomem(err, "evaluating an expression");
}

/* ---- Leaves ---- */

static int load_column(yk_eval *ev, uint32_t id, yoke_error *err)
{
    const yk_node *n = &ev->p->nodes[id];
    yk_reg        *r = &ev->regs[id];
    yk_vec         v;
    _Alignas(16) uint8_t bytes[YK_BLOCK];
    void          *to = yk_reg_data(ev, id);
    uint64_t      *valid = yk_reg_valid(r);
    bool           is_bool = n->type.kind == YK_KIND_BOOL;
    if (!to || !valid)
        return nomem(err);
    int rc = yk_vec_load(&ev->columns[n->column], n->type, is_bool ? bytes : to, valid, &v, err);
    if (rc < 0)
        return yk_fail_at(err, rc, "column '%s'", n->text);
    if (is_bool)
        YK_ISA_PICK(yk_k_bytes_to_bits)(to, v.values, v.is_const ? 1 : ev->n);
    r->data = is_bool ? to : v.values;
    r->valid = v.valid;
    r->is_const = v.is_const;
    return 0;
}

static int load_const(yk_eval *ev, uint32_t id, yoke_error *err)
{
    const yk_value *v = &ev->p->nodes[id].value;
    yk_reg         *r = &ev->regs[id];
    r->is_const = true;
    r->valid = v->is_missing && v->type.kind != YK_KIND_REAL ? NONE : NULL;
    if (v->type.kind == YK_KIND_BOOL) {
        r->data = v->b && !v->is_missing ? ALL : NONE;
        return 0;
    }
    r->data = yk_kind_is_bytes(v->type.kind) ? (const void *)&v->t : (const void *)&v->i;
    return 0;
}

/* ---- Arithmetic ---- */

static yk_sides sides_of(const yk_reg *a, const yk_reg *b)
{
    return b->is_const ? (a->is_const ? YK_SIDES_VV : YK_SIDES_VC) : a->is_const ? YK_SIDES_CV : YK_SIDES_VV;
}

/* A bitmap over the rows, also for a constant. */
static const uint64_t *bits_of(const yk_reg *r)
{
    if (!r->is_const)
        return r->data;
    return *(const uint64_t *)r->data & 1 ? ALL : NONE;
}

static const uint64_t *valid_of(const yk_reg *r)
{
    if (!r->is_const || !r->valid)
        return r->valid;
    return r->valid[0] & 1 ? NULL : NONE;
}

/* A condition is true where it is there and true. */
static void truth_of(const yk_reg *r, uint32_t n, uint64_t *to)
{
    yk_bits_and(bits_of(r), valid_of(r), n, to);
}

/* valid = both are; NULL where both are NULL. */
static int join_valid(yk_reg *r, const yk_reg *a, const yk_reg *b, uint32_t n, yoke_error *err)
{
    const uint64_t *x = valid_of(a), *y = valid_of(b);
    r->valid = x ? x : y;
    if (!x || !y || x == y)
        return 0;
    uint64_t *to = yk_reg_valid(r);
    if (!to)
        return nomem(err);
    yk_bits_and(x, y, n, to);
    r->valid = to;
    return 0;
}

/* Some row overflowed: an error if that row is there and is asked for. */
static int check_overflow(yk_eval *ev, const yk_node *node, const yk_reg *r, const yk_reg *a, const yk_reg *b, uint32_t n, yoke_error *err)
{
    static const char *const sign[] = {"+", "-", "*", "min", "max", "//", "%"};
    const int64_t *x = a->data, *y = b->data;
    for (uint32_t i = 0; i < n; i++) {
        int64_t  p = x[a->is_const ? 0 : i], q = y[b->is_const ? 0 : i], to;
        bool     over = node->sub == YK_INT2_ADD   ? __builtin_add_overflow(p, q, &to)
                        : node->sub == YK_INT2_SUB ? __builtin_sub_overflow(p, q, &to)
                        : node->sub == YK_INT2_MUL ? __builtin_mul_overflow(p, q, &to)
                                                   : p == INT64_MIN && q == -1;
        if (over && (!r->valid || yk_bit(r->valid, i)) && (!ev->mask || ev->n != n || yk_bit(ev->mask, i)))
            return yk_fail(err, YOKE_ELIMIT, "%lld %s %lld does not fit an integer%s%.80s%s; cast(… as real) computes with reals",
                           (long long)p, sign[node->sub],
                           (long long)q, node->text ? ", in '" : "", node->text ? node->text : "", node->text ? "'" : "");
    }
    return 0;
}

static int eval_int2(yk_eval *ev, const yk_node *node, yk_reg *r, const yk_reg *a, const yk_reg *b, uint32_t n, int64_t *to,
                     yoke_error *err)
{
    YK_TRY(join_valid(r, a, b, n, err));
    bool over = YK_ISA_PICK(yk_k_int2)((yk_int2)node->sub, sides_of(a, b), to, a->data, b->data, n);
    if (over)
        YK_TRY(check_overflow(ev, node, r, a, b, n, err));
    if (node->sub != YK_INT2_IDIV && node->sub != YK_INT2_MOD)
        return 0;
    /* Division by zero is missing. */
    const int64_t zero = 0, *y = b->data;
    uint64_t     *bits = ev->scratch[0], *valid = yk_reg_valid(r);
    if (!valid)
        return nomem(err);
    if (b->is_const && *y != 0)
        return 0;
    if (b->is_const)
        memcpy(bits, NONE, sizeof ev->scratch[0]);
    else
        YK_ISA_PICK(yk_k_compare_int)(YK_COMPARE_NE, YK_SIDES_VC, bits, y, &zero, n);
    yk_bits_and(bits, r->valid, n, valid);
    r->valid = valid;
    return 0;
}

static void eval_compare(yk_eval *ev, const yk_node *node, const yk_reg *a, const yk_reg *b, uint32_t n, uint64_t *to)
{
    if (node->code == YK_CODE_COMPARE_REAL)
        YK_ISA_PICK(yk_k_compare_real)((yk_compare)node->sub, sides_of(a, b), to, a->data, b->data, n);
    else
        YK_ISA_PICK(yk_k_compare_int)((yk_compare)node->sub, sides_of(a, b), to, a->data, b->data, n);
    yk_bits_and(to, valid_of(a), n, to);
    yk_bits_and(to, valid_of(b), n, to);
}

static int eval_logic(yk_eval *ev, const yk_node *node, const yk_reg *a, const yk_reg *b, uint32_t n, uint64_t *to)
{
    uint64_t *x = ev->scratch[0], *y = ev->scratch[1];
    uint32_t  words = (n + 63) / 64;
    truth_of(a, n, x);
    if (node->code == YK_CODE_NOT) {
        for (uint32_t w = 0; w < words; w++)
            to[w] = ~x[w];
        yk_bits_and(to, NULL, n, to);
        return 0;
    }
    truth_of(b, n, y);
    for (uint32_t w = 0; w < words; w++)
        to[w] = node->code == YK_CODE_AND ? x[w] & y[w] : x[w] | y[w];
    return 0;
}

/* to = bits ? a : b, in any kind; validity likewise. */
static int blend(yk_eval *ev, uint32_t id, const uint64_t *bits, const yk_reg *a, const yk_reg *b, uint32_t n, void *to, yoke_error *err)
{
    yk_reg *r = &ev->regs[id];
    yk_kind k = ev->p->nodes[id].type.kind;
    size_t  size = yk_kind_size(k);
    if (k == YK_KIND_BOOL) {
        const uint64_t *x = bits_of(a), *y = bits_of(b);
        for (uint32_t w = 0; w < (n + 63) / 64; w++)
            ((uint64_t *)to)[w] = (x[w] & bits[w]) | (y[w] & ~bits[w]);
        yk_bits_and(to, NULL, n, to);
    } else if (size == 8) {
        YK_ISA_PICK(yk_k_select)(to, bits, a->data, !a->is_const, b->data, !b->is_const, n);
    } else {
        for (uint32_t i = 0; i < n; i++) {
            const yk_reg *from = yk_bit(bits, i) ? a : b;
            memcpy((char *)to + i * size, (const char *)from->data + (from->is_const ? 0 : i * size), size);
        }
    }
    const uint64_t *x = valid_of(a), *y = valid_of(b);
    r->valid = NULL;
    if (!x && !y)
        return 0;
    uint64_t *valid = yk_reg_valid(r);
    if (!valid)
        return nomem(err);
    x = x ? x : ALL;
    y = y ? y : ALL;
    for (uint32_t w = 0; w < (n + 63) / 64; w++)
        valid[w] = (x[w] & bits[w]) | (y[w] & ~bits[w]);
    r->valid = valid;
    return 0;
}

/* bits = the rows of r that are there */
static const uint64_t *present(const yk_reg *r, yk_kind kind, uint32_t n, uint64_t *bits)
{
    if (kind != YK_KIND_REAL) {
        yk_bits_and(valid_of(r), NULL, n, bits);
        return bits;
    }
    YK_ISA_PICK(yk_k_present)(bits, r->data, r->is_const ? 1 : n);
    return r->is_const ? (bits[0] & 1 ? ALL : NONE) : bits;
}

static void eval_presence(yk_eval *ev, const yk_node *node, const yk_reg *a, yk_kind kind, uint32_t n, uint64_t *to)
{
    if (node->code == YK_CODE_ISFINITE && kind == YK_KIND_REAL) {
        YK_ISA_PICK(yk_k_finite)(to, a->data, n);
        return;
    }
    const uint64_t *there = present(a, kind, n, ev->scratch[0]);
    uint64_t        flip = node->code == YK_CODE_ISNULL ? ~(uint64_t)0 : 0;
    for (uint32_t w = 0; w < (n + 63) / 64; w++)
        to[w] = there[w] ^ flip;
    yk_bits_and(to, NULL, n, to);
}

int yk_eval_code(yk_eval *ev, uint32_t id, yoke_error *err)
{
    const yk_node *node = &ev->p->nodes[id];
    yk_reg        *r = &ev->regs[id];
    const yk_reg  *arg[3] = {0};
    bool           is_const = true;
    for (int i = 0; i < node->n_args; i++) {
        arg[i] = &ev->regs[node->args[i]];
        is_const &= arg[i]->is_const;
    }
    uint32_t n = is_const ? 1 : ev->n;
    void    *to = yk_reg_data(ev, id);
    if (!to)
        return nomem(err);
    r->is_const = is_const;
    r->data = to;
    r->valid = NULL;
    yk_kind kind = ev->p->nodes[node->args[0]].type.kind;
    switch ((yk_code)node->code) {
    case YK_CODE_REAL1: YK_ISA_PICK(yk_k_real1)((yk_real1)node->sub, to, arg[0]->data, n); return 0;
    case YK_CODE_REAL2: YK_ISA_PICK(yk_k_real2)((yk_real2)node->sub, sides_of(arg[0], arg[1]), to, arg[0]->data, arg[1]->data, n); return 0;
    case YK_CODE_INT2: return eval_int2(ev, node, r, arg[0], arg[1], n, to, err);
    case YK_CODE_COMPARE_REAL:
    case YK_CODE_COMPARE_INT: eval_compare(ev, node, arg[0], arg[1], n, to); return 0;
    case YK_CODE_AND:
    case YK_CODE_OR:
    case YK_CODE_NOT: return eval_logic(ev, node, arg[0], arg[1], n, to);
    case YK_CODE_SELECT:
        truth_of(arg[0], n, ev->scratch[2]);
        return blend(ev, id, ev->scratch[2], arg[1], arg[2], n, to, err);
    case YK_CODE_COALESCE: return blend(ev, id, present(arg[0], kind, n, ev->scratch[2]), arg[0], arg[1], n, to, err);
    case YK_CODE_ISNULL:
    case YK_CODE_ISFINITE: eval_presence(ev, node, arg[0], kind, n, to); return 0;
    default: return yk_eval_other(ev, id, n, to, err);
    }
}

/* Column `id` is dictionary-coded, whole, and nobody had its values out yet in this block. Who has them out later pays for that alone. */
static bool can_gather(const yk_eval *ev, uint32_t id)
{
    const yk_node *n = &ev->p->nodes[id];
    if (n->code != YK_CODE_COLUMN || n->type.kind != YK_KIND_REAL || ev->regs[id].stamp == ev->stamp)
        return false;
    const yk_vec *v = &ev->columns[n->column];
    return v->codes && !v->is_const && !v->valid && v->dict->n && v->type.kind == YK_KIND_REAL;
}

/* Where a column's values go as well, as others ask for them too; NULL: none do. False when memory is out. */
static bool for_others(yk_eval *ev, uint32_t id, void **ret)
{
    *ret = ev->p->nodes[id].n_users > 1 ? yk_reg_data(ev, id) : NULL;
    return *ret || ev->p->nodes[id].n_users <= 1;
}

static void set_reals(yk_eval *ev, uint32_t id, const void *data)
{
    yk_reg *r = &ev->regs[id];
    r->data = data;
    r->valid = NULL;
    r->is_const = false;
    r->stamp = ev->stamp;
}

/* x + y, x - y, x * y, x / y with one side or both straight from its dictionary. */
static int eval_gathered(yk_eval *ev, uint32_t id, bool *ret_done, yoke_error *err)
{
    const yk_node *node = &ev->p->nodes[id];
    if (node->code != YK_CODE_REAL2 || node->sub > YK_REAL2_DIV)
        return 0;
    bool from_a = can_gather(ev, node->args[0]), from_b = can_gather(ev, node->args[1]);
    if (!from_a && !from_b)
        return 0;
    uint32_t other = node->args[from_a ? 1 : 0];
    if (!from_a || !from_b) {
        YK_TRY(yk_eval_node(ev, other, err));
        if (ev->regs[other].is_const)
            return 0;
    }
    const yk_vec *a = &ev->columns[ev->p->nodes[node->args[0]].column], *b = &ev->columns[ev->p->nodes[node->args[1]].column];
    void         *to = yk_reg_data(ev, id), *to_a = NULL, *to_b = NULL;
    if (!to || (from_a && from_b && (!for_others(ev, node->args[0], &to_a) || !for_others(ev, node->args[1], &to_b))))
        return nomem(err);
    if (from_a && from_b)
        YK_ISA_PICK(yk_k_real2_gather_both)((yk_real2)node->sub, to, a->dict->values, a->codes, to_a, b->dict->values, b->codes, to_b,
                                            ev->n);
    else
        YK_ISA_PICK(yk_k_real2_gather)((yk_real2)node->sub, from_b, to, (from_a ? a : b)->dict->values, (from_a ? a : b)->codes,
                                       ev->regs[other].data, ev->n);
    if (to_a)
        set_reals(ev, node->args[0], to_a);
    if (to_b)
        set_reals(ev, node->args[1], to_b);
    set_reals(ev, id, to);
    *ret_done = true;
    return 0;
}

int yk_eval_node(yk_eval *ev, uint32_t id, yoke_error *err)
{
    const yk_node *node = &ev->p->nodes[id];
    yk_reg        *r = &ev->regs[id];
    bool           done = false;
    if (r->stamp == ev->stamp)
        return 0;
    if (node->code == YK_CODE_COLUMN) {
        YK_TRY(load_column(ev, id, err));
    } else if (node->code == YK_CODE_CONST) {
        YK_TRY(load_const(ev, id, err));
    } else {
        if (node->single >= 0 && !ev->is_inner)
            YK_TRY(yk_eval_by_dict(ev, id, &done, err));
        if (!done)
            YK_TRY(eval_gathered(ev, id, &done, err));
        for (int i = 0; !done && i < node->n_args; i++)
            YK_TRY(yk_eval_node(ev, node->args[i], err));
        if (!done)
            YK_TRY(yk_eval_code(ev, id, err));
    }
    r->stamp = ev->stamp;
    return 0;
}

/* ---- Roots ---- */

/* A plain column as it came, unless its kind must change or its NaN are asked for. */
static bool passes_as_is(const yk_eval *ev, const yk_node *node)
{
    return node->code == YK_CODE_COLUMN && yk_type_equal(ev->columns[node->column].type, node->type);
}

/* The root as codes into the computed dictionary; false when the block, or the dictionary, is not so. */
static int root_by_dict(yk_eval *ev, uint32_t id, yk_vec *ret, bool *ret_done, yoke_error *err)
{
    const yk_node        *node = &ev->p->nodes[id];
    const yk_dict_result *d;
    *ret_done = false;
    if (node->single < 0 || node->code == YK_CODE_COLUMN || node->type.kind == YK_KIND_BOOL)
        return 0;
    YK_TRY(yk_eval_dict(ev, id, &d, err));
    if (!d || (d->missing_is_valid && ev->columns[node->single].valid))
        return 0;
    const yk_vec *c = &ev->columns[node->single];
    *ret = (yk_vec){.type = node->type, .n = ev->n, .codes = c->codes, .dict = &d->dict, .valid = c->valid};
    if (d->valid) {
        uint64_t *valid = yk_reg_valid(&ev->regs[id]);
        if (!valid)
            return nomem(err);
        YK_ISA_PICK(yk_k_gather_bits)(valid, d->valid, c->codes, ev->n);
        yk_bits_and(valid, c->valid, ev->n, valid);
        ret->valid = valid;
    }
    *ret_done = true;
    return 0;
}

static uint8_t *bytes_of(yk_eval *ev, size_t root)
{
    if (!ev->bytes[root])
        ev->bytes[root] = yk_malloc(YK_BLOCK);
    return ev->bytes[root];
}

static int root_values(yk_eval *ev, size_t root, yk_vec *ret, yoke_error *err)
{
    uint32_t      id = ev->p->roots[root].node;
    const yk_reg *r = &ev->regs[id];
    yk_type       type = ev->p->nodes[id].type;
    YK_TRY(yk_eval_node(ev, id, err));
    *ret = (yk_vec){.type = type, .n = ev->n, .values = r->data, .valid = r->valid, .is_const = r->is_const};
    if (type.kind == YK_KIND_BOOL) {
        uint8_t *bytes = bytes_of(ev, root);
        if (!bytes)
            return nomem(err);
        YK_ISA_PICK(yk_k_bits_to_bytes)(bytes, r->data, r->is_const ? 1 : ev->n);
        ret->values = bytes;
    }
    return 0;
}

int yk_eval_root(yk_eval *ev, size_t root, yk_vec *ret, yoke_error *err)
{
    uint32_t       id = ev->p->roots[root].node;
    const yk_node *node = &ev->p->nodes[id];
    bool           done;
    if (passes_as_is(ev, node)) {
        *ret = ev->columns[node->column];
        ret->type = node->type;
        return 0;
    }
    YK_TRY(root_by_dict(ev, id, ret, &done, err));
    return done ? 0 : root_values(ev, root, ret, err);
}

int yk_eval_pair(yk_eval *ev, size_t root, yoke_error *err)
{
    uint32_t       id = (uint32_t)ev->p->roots[root].pair;
    const yk_node *node = &ev->p->nodes[id];
    return can_gather(ev, node->args[0]) && can_gather(ev, node->args[1]) ? yk_eval_node(ev, id, err) : 0;
}

int yk_eval_values(yk_eval *ev, size_t root, yk_vec *ret, yoke_error *err)
{
    uint32_t id = ev->p->roots[root].node;
    yk_reg  *r = &ev->regs[id];
    yk_vec   v;
    YK_TRY(root_values(ev, root, ret, err));
    if (!ret->is_const)
        return 0;
    bool      is_bool = ret->type.kind == YK_KIND_BOOL;
    void     *to = is_bool ? (void *)bytes_of(ev, root) : yk_reg_data(ev, id);
    uint64_t *valid = yk_reg_valid(r);
    if (!to || !valid)
        return nomem(err);
    v = *ret;
    YK_TRY(yk_vec_flatten(&v, v.type, to, valid, ret, err));
    if (!is_bool) {
        r->data = ret->values;
        r->valid = ret->valid;
        r->is_const = false;
    }
    return 0;
}

int yk_eval_filter(yk_eval *ev, size_t root, const uint64_t **ret_bits, uint32_t *ret_count, yoke_error *err)
{
    uint32_t id = ev->p->roots[root].node;
    YK_TRY(yk_eval_node(ev, id, err));
    yk_reg *r = &ev->regs[id];
    *ret_bits = r->data;
    if (r->is_const || r->valid) {
        uint64_t *to = yk_reg_data(ev, id), both[YK_BLOCK_WORDS];
        if (!to)
            return nomem(err);
        truth_of(r, ev->n, both);
        memcpy(to, both, (ev->n + 63) / 64 * sizeof *to);
        r->data = to;
        r->valid = NULL;
        r->is_const = false;
        *ret_bits = to;
    }
    *ret_count = yk_bits_count(*ret_bits, ev->n);
    return 0;
}
