/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a filter says of single columns: enough to leave out pages whose values all fail. Only comparisons of a bare column with
 * a constant are used; where a conversion could round, nothing is said.
 */
#include "expr/program.h"
#include "numeric/kernels.h"

#include <math.h>

static int add_fact(yk_program *p, yk_bound_root *root, yk_fact f, yoke_error *err)
{
    if ((root->n_facts & (root->n_facts - 1)) == 0) {
        yk_fact *more = yk_arena_alloc(&p->arena, (root->n_facts ? 2 * root->n_facts : 1) * sizeof *more);
        if (!more)
            return yk_fail_nomem(err, "binding a filter");
        if (root->n_facts)
            memcpy(more, root->facts, root->n_facts * sizeof *more);
        root->facts = more;
    }
    root->facts[root->n_facts++] = f;
    return 0;
}

/* The column below conversions that keep order; NULL when it is something else. */
static const yk_node *column_of(const yk_program *p, uint32_t id)
{
    const yk_node *n = &p->nodes[id];
    while ((n->code == YK_CODE_INT_TO_REAL && n->value.r == 1.0) || n->code == YK_CODE_UINT_FLIP)
        n = &p->nodes[n->args[0]];
    return n->code == YK_CODE_COLUMN ? n : NULL;
}

/* An integer column compared with a real: the same in integers. False when nothing certain can be said. */
static bool as_int(yk_fact *f, double c)
{
    if (!(fabs(c) < 0x1p53))
        return false;
    double down = floor(c), up = ceil(c);
    switch (f->op) {
    case YK_FACT_LT: f->op = YK_FACT_LE, f->value.i = (int64_t)up - 1; break;
    case YK_FACT_LE: f->value.i = (int64_t)down; break;
    case YK_FACT_GT: f->op = YK_FACT_GE, f->value.i = (int64_t)down + 1; break;
    case YK_FACT_GE: f->value.i = (int64_t)up; break;
    default:
        if (down != c)
            f->op = YK_FACT_NEVER;
        f->value.i = (int64_t)down;
    }
    return true;
}

/* column op constant, as a fact in the column's own type. */
static int compare_fact(yk_program *p, yk_bound_root *root, yk_fact_op op, uint32_t column_id, const yk_value *c, yoke_error *err)
{
    const yk_node *n = column_of(p, column_id);
    if (!n)
        return 0;
    yk_fact f = {.op = op, .column = n->column, .value = *c};
    if (c->is_missing) {
        f.op = YK_FACT_NEVER;
        return add_fact(p, root, f, err);
    }
    f.value.type = n->type;
    if (n->type.kind == YK_KIND_UINT)
        f.value.u = (uint64_t)c->i ^ (uint64_t)1 << 63;
    else if (n->type.kind == YK_KIND_INT && c->type.kind == YK_KIND_REAL && !as_int(&f, c->r))
        return 0;
    if (n->type.kind == YK_KIND_UINT && c->type.kind != YK_KIND_INT)
        return 0;
    return add_fact(p, root, f, err);
}

static int comparison(yk_program *p, yk_bound_root *root, const yk_node *n, yoke_error *err)
{
    const yk_node *x = &p->nodes[n->args[0]], *y = &p->nodes[n->args[1]];
    bool           is_turned = x->code == YK_CODE_CONST;
    if (n->sub == YK_COMPARE_NE) { /* both must be there; no more is said */
        const yk_node *c = column_of(p, n->args[is_turned]);
        return c ? add_fact(p, root, (yk_fact){.op = YK_FACT_PRESENT, .column = c->column}, err) : 0;
    }
    if (!is_turned && y->code != YK_CODE_CONST)
        return 0;
    yk_fact_op op = n->sub == YK_COMPARE_EQ ? YK_FACT_EQ
                    : n->sub == YK_COMPARE_LT ? (is_turned ? YK_FACT_GT : YK_FACT_LT) : (is_turned ? YK_FACT_GE : YK_FACT_LE);
    return compare_fact(p, root, op, n->args[is_turned], is_turned ? &x->value : &y->value, err);
}

static int set_facts(yk_program *p, yk_bound_root *root, const yk_node *n, yoke_error *err)
{
    YK_TRY(compare_fact(p, root, YK_FACT_GE, n->args[0], &n->set[0], err));
    return compare_fact(p, root, YK_FACT_LE, n->args[0], &n->set[n->n_set - 1], err);
}

static int find(yk_program *p, yk_bound_root *root, uint32_t id, yoke_error *err)
{
    const yk_node *n = &p->nodes[id], *inner;
    switch ((yk_code)n->code) {
    case YK_CODE_AND:
        YK_TRY(find(p, root, n->args[0], err));
        return find(p, root, n->args[1], err);
    case YK_CODE_COMPARE_REAL:
    case YK_CODE_COMPARE_INT:
    case YK_CODE_COMPARE_TEXT: return comparison(p, root, n, err);
    case YK_CODE_IN_INT:
    case YK_CODE_IN_REAL:
    case YK_CODE_IN_TEXT: return set_facts(p, root, n, err);
    case YK_CODE_ISNULL:
        inner = &p->nodes[n->args[0]];
        return inner->code == YK_CODE_COLUMN && inner->type.kind != YK_KIND_REAL
                   ? add_fact(p, root, (yk_fact){.op = YK_FACT_MISSING, .column = inner->column}, err) : 0;
    case YK_CODE_NOT:
        inner = &p->nodes[n->args[0]];
        if (inner->code == YK_CODE_ISNULL && p->nodes[inner->args[0]].code == YK_CODE_COLUMN)
            return add_fact(p, root, (yk_fact){.op = YK_FACT_PRESENT, .column = p->nodes[inner->args[0]].column}, err);
        return 0;
    case YK_CODE_CONST:
        return n->type.kind == YK_KIND_BOOL && (n->value.is_missing || !n->value.b)
            ? add_fact(p, root, (yk_fact){.op = YK_FACT_NEVER}, err) : 0;
    default: return 0;
    }
}

int yk_facts_find(yk_program *p, yk_bound_root *root, yoke_error *err)
{
    return p->nodes[root->node].type.kind == YK_KIND_BOOL ? find(p, root, root->node, err) : 0;
}

/* ---- Against what is known of some rows ---- */

int yk_value_order(const yk_value *a, const yk_value *b)
{
    switch (a->type.kind) {
    case YK_KIND_BOOL: return a->b - b->b;
    case YK_KIND_INT:
    case YK_KIND_TIME:
    case YK_KIND_DATE:
    case YK_KIND_SPAN: return (a->i > b->i) - (a->i < b->i);
    case YK_KIND_UINT: return (a->u > b->u) - (a->u < b->u);
    case YK_KIND_REAL: return isnan(a->r) || isnan(b->r) ? 2 : (a->r > b->r) - (a->r < b->r);
    case YK_KIND_TEXT:
    case YK_KIND_DATA: {
        int d = yk_text_compare(a->t, b->t);
        return (d > 0) - (d < 0);
    }
    case YK_KIND_DECIMAL: return (a->d > b->d) - (a->d < b->d);
    default: return 2;
    }
}

bool yk_fact_may_hold(const yk_fact *f, const yk_value *min, const yk_value *max, int64_t n_missing, int64_t n)
{
    if (f->op == YK_FACT_NEVER)
        return false;
    if (f->op == YK_FACT_MISSING)
        return n_missing != 0;
    if (n_missing >= 0 && n_missing == n)
        return false;
    if (f->op == YK_FACT_PRESENT)
        return true;
    int low = min ? yk_value_order(min, &f->value) : 2, high = max ? yk_value_order(max, &f->value) : 2;
    switch (f->op) {
    case YK_FACT_LT: return low == 2 || low < 0;
    case YK_FACT_LE: return low == 2 || low <= 0;
    case YK_FACT_GT: return high == 2 || high > 0;
    case YK_FACT_GE: return high == 2 || high >= 0;
    default: return (low == 2 || low <= 0) && (high == 2 || high >= 0);
    }
}
