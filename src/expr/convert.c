/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bringing nodes to a common type.
 */
#include "base/hash.h"
#include "expr/program.h"

#include <math.h>

bool yk_kind_is_number(yk_kind k)
{
    return k == YK_KIND_INT || k == YK_KIND_UINT || k == YK_KIND_REAL || k == YK_KIND_DECIMAL;
}

bool yk_kind_is_time(yk_kind k)
{
    return k == YK_KIND_TIME || k == YK_KIND_DATE;
}

bool yk_type_equal(yk_type a, yk_type b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == YK_KIND_TIME || a.kind == YK_KIND_SPAN)
        return a.unit == b.unit;
    return a.kind != YK_KIND_DECIMAL || a.scale == b.scale;
}

int64_t yk_unit_per_second(yk_unit u)
{
    static const int64_t per[] = {1, 1000, 1000000, 1000000000};
    return per[u];
}

static bool value_equal(const yk_value *a, const yk_value *b)
{
    if (a->type.kind != b->type.kind || a->is_missing != b->is_missing)
        return false;
    if (a->is_missing) /* the rest of it means nothing */
        return true;
    switch (a->type.kind) {
    case YK_KIND_BOOL: return a->b == b->b;
    case YK_KIND_TEXT:
    case YK_KIND_DATA: return a->t.len == b->t.len && (a->t.len == 0 || memcmp(a->t.data, b->t.data, a->t.len) == 0);
    case YK_KIND_NULL: return true;
    default: return a->i == b->i; /* REAL too: by its bits */
    }
}

static bool node_equal(const yk_node *a, const yk_node *b)
{
    if (a->code != b->code || a->sub != b->sub || a->n_args != b->n_args || a->column != b->column || a->n_set != b->n_set ||
        !yk_type_equal(a->type, b->type) || a->type.is_utc != b->type.is_utc || !value_equal(&a->value, &b->value))
        return false;
    for (int i = 0; i < a->n_args; i++)
        if (a->args[i] != b->args[i])
            return false;
    for (uint32_t i = 0; i < a->n_set; i++)
        if (!value_equal(&a->set[i], &b->set[i]))
            return false;
    return true;
}

static uint64_t node_hash(const yk_node *n)
{
    uint64_t key[6] = {(uint64_t)n->code << 16 | (uint64_t)n->sub << 8 | n->n_args, n->column, n->n_set, n->args[0], n->args[1],
                       n->args[2]};
    bool     is_text = yk_kind_is_bytes(n->value.type.kind);
    for (int i = n->n_args; i < 3; i++)
        key[3 + i] = 0;
    if (!n->value.is_missing && is_text)
        key[5] += n->value.t.len ? yk_hash_text(n->value.t.data, n->value.t.len, 0) : 0;
    else if (!n->value.is_missing && n->value.type.kind != YK_KIND_NULL)
        key[5] += n->value.type.kind == YK_KIND_BOOL ? n->value.b : (uint64_t)n->value.i;
    return yk_hash_text((const char *)key, sizeof key, 0);
}

/* The slot that `n` is in, or would be. */
static uint32_t *slot_of(const yk_program *p, const yk_node *n)
{
    uint32_t at = (uint32_t)node_hash(n) & (p->n_node_slots - 1);
    while (p->node_slots[at] && !node_equal(&p->nodes[p->node_slots[at] - 1], n))
        at = (at + 1) & (p->n_node_slots - 1);
    return &p->node_slots[at];
}

static int grow_slots(yk_program *p, yoke_error *err)
{
    p->n_node_slots = p->n_node_slots ? 4 * p->n_node_slots : 64;
    p->node_slots = yk_arena_calloc(&p->arena, p->n_node_slots, sizeof *p->node_slots);
    if (!p->node_slots)
        return yk_fail_nomem(err, "binding an expression");
    for (uint32_t i = 0; i < p->n_nodes; i++)
        *slot_of(p, &p->nodes[i]) = i + 1;
    return 0;
}

int yk_node_add(yk_program *p, const yk_node *n, uint32_t *ret, yoke_error *err)
{
    if (2 * p->n_nodes >= p->n_node_slots)
        YK_TRY(grow_slots(p, err));
    uint32_t *slot = slot_of(p, n);
    if (*slot) {
        *ret = *slot - 1;
        return 0;
    }
    if (p->n_nodes == YK_NODES_MOST)
        return yk_fail(err, YOKE_ELIMIT, "the expressions have more than %d operations", YK_NODES_MOST);
    if (p->n_nodes == p->cap_nodes) {
        uint32_t cap = p->cap_nodes ? 2 * p->cap_nodes : 32;
        yk_node *more = yk_arena_alloc(&p->arena, cap * sizeof *more);
        if (!more)
            return yk_fail_nomem(err, "binding an expression");
        if (p->n_nodes)
            memcpy(more, p->nodes, p->n_nodes * sizeof *more);
        p->nodes = more;
        p->cap_nodes = cap;
    }
    yk_node *at = &p->nodes[p->n_nodes];
    *at = *n;
    at->single = n->code == YK_CODE_COLUMN ? (int64_t)n->column : -1;
    for (int i = 0; i < n->n_args; i++) {
        int64_t s = p->nodes[n->args[i]].single;
        if (s != -1)
            at->single = at->single == -1 || at->single == s ? s : -2;
    }
    *ret = p->n_nodes++;
    *slot = p->n_nodes;
    return 0;
}

int yk_bind_const(yk_program *p, yk_value v, uint32_t *ret, yoke_error *err)
{
    return yk_node_add(p, &(yk_node){.code = YK_CODE_CONST, .type = v.type, .value = v}, ret, err);
}

static int missing_of(yk_program *p, yk_type type, uint32_t *ret, yoke_error *err)
{
    yk_value v = {.type = type, .is_missing = true};
    if (type.kind == YK_KIND_REAL)
        v.r = NAN;
    return yk_bind_const(p, v, ret, err);
}

static int unary(yk_program *p, yk_code code, yk_kind kind, uint32_t node, uint32_t *ret, yoke_error *err)
{
    yk_node n = {.code = (uint8_t)code, .n_args = 1, .type = {.kind = kind}, .args = {node}};
    if (code == YK_CODE_INT_TO_REAL)
        n.value = (yk_value){.type = {.kind = YK_KIND_REAL}, .r = 1.0};
    return yk_node_add(p, &n, ret, err);
}

int yk_bind_int(yk_program *p, uint32_t node, uint32_t *ret, yoke_error *err)
{
    const yk_node *n = &p->nodes[node];
    *ret = node;
    if (n->type.kind != YK_KIND_BOOL)
        return 0;
    if (n->code == YK_CODE_CONST)
        return yk_bind_const(p, (yk_value){.type = {.kind = YK_KIND_INT}, .is_missing = n->value.is_missing, .i = n->value.b}, ret, err);
    return unary(p, YK_CODE_BOOL_TO_INT, YK_KIND_INT, node, ret, err);
}

int yk_bind_real(yk_program *p, uint32_t node, uint32_t *ret, yoke_error *err)
{
    YK_TRY(yk_bind_int(p, node, &node, err));
    const yk_node *n = &p->nodes[node];
    *ret = node;
    switch (n->type.kind) {
    case YK_KIND_NULL: return missing_of(p, (yk_type){.kind = YK_KIND_REAL}, ret, err);
    case YK_KIND_INT:
        if (n->code == YK_CODE_CONST)
            return yk_bind_const(
                p, (yk_value){.type = {.kind = YK_KIND_REAL}, .is_missing = n->value.is_missing,
                              .r = n->value.is_missing ? NAN : (double)n->value.i},
                ret, err);
        return unary(p, YK_CODE_INT_TO_REAL, YK_KIND_REAL, node, ret, err);
    case YK_KIND_UINT:
        if (n->code == YK_CODE_CONST)
            return yk_bind_const(p, (yk_value){.type = {.kind = YK_KIND_REAL}, .r = (double)n->value.u}, ret, err);
        return unary(p, YK_CODE_UINT_TO_REAL, YK_KIND_REAL, node, ret, err);
    case YK_KIND_DECIMAL: return unary(p, YK_CODE_DECIMAL_TO_REAL, YK_KIND_REAL, node, ret, err);
    default: return 0;
    }
}

/* How many of type `to` one of `from` is, as yk_rescale takes it: negative for a divisor. */
static int64_t factor_of(yk_type from, yk_type to)
{
    if (from.kind == YK_KIND_DATE)
        return to.kind == YK_KIND_DATE ? 1 : 86400 * yk_unit_per_second(to.unit);
    if (to.kind == YK_KIND_DATE)
        return -86400 * yk_unit_per_second(from.unit);
    int64_t f = yk_unit_per_second(from.unit), t = yk_unit_per_second(to.unit);
    return t >= f ? t / f : -(f / t);
}

int yk_bind_rescale(yk_program *p, uint32_t node, yk_type to, uint32_t *ret, yoke_error *err)
{
    const yk_node *n = &p->nodes[node];
    if (n->type.kind == YK_KIND_NULL)
        return missing_of(p, to, ret, err);
    int64_t factor = factor_of(n->type, to);
    if (factor == 1 && n->type.kind == to.kind) {
        *ret = node;
        return 0;
    }
    if (n->code == YK_CODE_CONST)
        return yk_bind_const(p, (yk_value){.type = to, .is_missing = n->value.is_missing, .i = yk_rescale(n->value.i, factor)}, ret, err);
    yk_node r = {.code = YK_CODE_RESCALE, .n_args = 1, .type = to, .args = {node}, .value = {.type = {.kind = YK_KIND_INT}, .i = factor}};
    return yk_node_add(p, &r, ret, err);
}

/* A constant that can be said exactly in the other's unit takes that unit; else the coarser goes to the finer one. */
static int same_time(yk_program *p, uint32_t *a, uint32_t *b, yoke_error *err)
{
    for (int turn = 0; turn < 2; turn++) {
        const yk_node *c = &p->nodes[turn ? *a : *b];
        yk_type        to = p->nodes[turn ? *b : *a].type;
        if (c->code == YK_CODE_CONST && !c->value.is_missing) {
            int64_t factor = factor_of(c->type, to);
            if (factor > 0 || c->value.i % factor == 0)
                return yk_bind_rescale(p, turn ? *a : *b, to, turn ? a : b, err);
        }
    }
    yk_type x = p->nodes[*a].type, y = p->nodes[*b].type;
    yk_type to = x.kind == YK_KIND_DATE || (y.kind != YK_KIND_DATE && y.unit > x.unit) ? y : x;
    YK_TRY(yk_bind_rescale(p, *a, to, a, err));
    return yk_bind_rescale(p, *b, to, b, err);
}

/* A text constant beside a time or a duration is read as one. */
static int read_time(yk_program *p, uint32_t *c, yk_kind kind, bool *ret_fits, yoke_error *err)
{
    const yk_text *v = &p->nodes[*c].value.t;
    yk_value       t = {.type = {.kind = kind}};
    bool           is_date;
    *ret_fits = kind == YK_KIND_SPAN ? yk_span_parse(v->data, v->len, &t.i, &t.type.unit)
        : yk_time_parse(v->data, v->len, &t.i, &t.type.unit, &is_date);
    if (!*ret_fits)
        return yk_fail(err, YOKE_ETYPE,
                       kind == YK_KIND_SPAN ? "'%.*s' is no duration; write it as '00:10:00', '10 minutes' or '2 days 12:00'"
                                                             : "'%.*s' is no date or time; write it as '2022-02-01' or '2022-02-01 12:30:00'",
                       (int)(v->len < 60 ? v->len : 60), v->data);
    return yk_bind_const(p, t, c, err);
}

static bool is_text_const(const yk_node *n)
{
    return n->code == YK_CODE_CONST && n->type.kind == YK_KIND_TEXT && !n->value.is_missing;
}

/* One beside a UUID too. */
static int read_uuid(yk_program *p, uint32_t *c, bool *ret_fits, yoke_error *err)
{
    const yk_text *v = &p->nodes[*c].value.t;
    yk_value       u = {.type = {.kind = YK_KIND_DATA, .is_uuid = true}};
    char           bytes[16];
    *ret_fits = yk_uuid_parse(*v, bytes);
    if (!*ret_fits)
        return yk_fail(err, YOKE_ETYPE, "'%.*s' is no UUID, which has 8-4-4-4-12 hexadecimal digits", (int)(v->len < 60 ? v->len : 60),
                       v->data);
    char *copy = yk_arena_alloc(&p->arena, sizeof bytes);
    if (!copy)
        return yk_fail_nomem(err, "binding an expression");
    u.t = (yk_text){memcpy(copy, bytes, sizeof bytes), sizeof bytes};
    return yk_bind_const(p, u, c, err);
}

/* A whole real constant beside an integer is that integer: exact for integers of any size. One beyond all integers goes further away, as
 * the greatest of them become 2^63 or 2^64 as reals. */
static int whole_constant(yk_program *p, uint32_t *c, yk_kind other, yoke_error *err)
{
    const yk_node *n = &p->nodes[*c];
    bool           is_wide = n->type.kind == YK_KIND_UINT; /* 2^63 and above */
    double         r = is_wide ? (double)n->value.u : n->value.r;
    if (n->code != YK_CODE_CONST || n->value.is_missing || (!is_wide && n->type.kind != YK_KIND_REAL) || r != floor(r))
        return 0;
    if (other != YK_KIND_INT && (other != YK_KIND_UINT || is_wide))
        return 0;
    if (r >= -0x1p63 && r < 0x1p63)
        return yk_bind_const(p, (yk_value){.type = {.kind = YK_KIND_INT}, .i = (int64_t)r}, c, err);
    if (other == YK_KIND_UINT && r >= 0x1p63 && r < 0x1p64)
        return yk_bind_const(p, (yk_value){.type = {.kind = YK_KIND_UINT}, .u = (uint64_t)r}, c, err);
    return yk_bind_const(p, (yk_value){.type = {.kind = YK_KIND_REAL}, .r = 2 * r}, c, err);
}

static int flip(yk_program *p, uint32_t *a, yoke_error *err)
{
    const yk_node *n = &p->nodes[*a];
    if (n->code == YK_CODE_CONST) /* not negative */
        return yk_bind_const(p, (yk_value){.type = {.kind = YK_KIND_INT}, .i = (int64_t)(n->value.u ^ (uint64_t)1 << 63)}, a, err);
    return unary(p, YK_CODE_UINT_FLIP, YK_KIND_INT, *a, a, err);
}

static int same_number(yk_program *p, uint32_t *a, uint32_t *b, bool is_compare, yoke_error *err)
{
    YK_TRY(yk_bind_int(p, *a, a, err));
    YK_TRY(yk_bind_int(p, *b, b, err));
    if (is_compare) {
        YK_TRY(whole_constant(p, a, p->nodes[*b].type.kind, err));
        YK_TRY(whole_constant(p, b, p->nodes[*a].type.kind, err));
        const yk_node *x = &p->nodes[*a], *y = &p->nodes[*b];
        bool           xu = x->type.kind == YK_KIND_UINT, yu = y->type.kind == YK_KIND_UINT;
        bool           xc = x->code == YK_CODE_CONST && x->type.kind == YK_KIND_INT && !x->value.is_missing && x->value.i >= 0;
        bool           yc = y->code == YK_CODE_CONST && y->type.kind == YK_KIND_INT && !y->value.is_missing && y->value.i >= 0;
        if ((xu && (yu || yc)) || (yu && xc)) {
            YK_TRY(flip(p, a, err));
            return flip(p, b, err);
        }
    }
    if (p->nodes[*a].type.kind == YK_KIND_INT && p->nodes[*b].type.kind == YK_KIND_INT)
        return 0;
    YK_TRY(yk_bind_real(p, *a, a, err));
    return yk_bind_real(p, *b, b, err);
}

int yk_bind_pair(yk_program *p, uint32_t *a, uint32_t *b, bool is_compare, bool *ret_fits, yoke_error *err)
{
    yk_kind x = p->nodes[*a].type.kind, y = p->nodes[*b].type.kind;
    *ret_fits = true;
    if (x == YK_KIND_NULL)
        return missing_of(p, p->nodes[*b].type, a, err);
    if (y == YK_KIND_NULL)
        return missing_of(p, p->nodes[*a].type, b, err);
    bool has_time = yk_kind_is_time(x) || yk_kind_is_time(y), has_span = x == YK_KIND_SPAN || y == YK_KIND_SPAN;
    for (int turn = 0; turn < 2 && (has_time || has_span); turn++)
        if (is_text_const(&p->nodes[turn ? *b : *a])) {
            *(turn ? &y : &x) = has_time ? YK_KIND_TIME : YK_KIND_SPAN;
            YK_TRY(read_time(p, turn ? b : a, has_time ? YK_KIND_TIME : YK_KIND_SPAN, ret_fits, err));
        }
    if ((yk_kind_is_time(x) && yk_kind_is_time(y)) || (x == YK_KIND_SPAN && y == YK_KIND_SPAN))
        return same_time(p, a, b, err);
    if (x == YK_KIND_BOOL && y == YK_KIND_BOOL && !is_compare)
        return 0;
    if ((yk_kind_is_number(x) || x == YK_KIND_BOOL) && (yk_kind_is_number(y) || y == YK_KIND_BOOL)) {
        if (x == YK_KIND_UINT && y == YK_KIND_UINT && !is_compare)
            return 0;
        return same_number(p, a, b, is_compare, err);
    }
    for (int turn = 0; turn < 2; turn++)
        if (is_text_const(&p->nodes[turn ? *b : *a]) && p->nodes[turn ? *a : *b].type.is_uuid)
            return read_uuid(p, turn ? b : a, ret_fits, err);
    *ret_fits = yk_kind_is_bytes(x) && yk_kind_is_bytes(y);
    return 0;
}
