/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A program from several trees: binds them, computes what is constant, notes which columns each root reads.
 */
#include "base/hash.h"
#include "expr/eval.h"
#include "numeric/kernels.h"

#include <math.h>
#include <stdlib.h>

void yk_program_free(yk_program *p)
{
    if (!p)
        return;
    yk_arena_fini(&p->arena);
    yk_free(p);
}

static uint32_t *field_slot(const yk_program *p, const char *name)
{
    uint32_t at = (uint32_t)yk_hash_text(name, strlen(name), 0) & (p->n_field_slots - 1);
    while (p->field_slots[at] && strcmp(p->fields[p->field_slots[at] - 1].name, name) != 0)
        at = (at + 1) & (p->n_field_slots - 1);
    return &p->field_slots[at];
}

bool yk_field_find(const yk_program *p, const char *name, uint32_t *ret)
{
    uint32_t id = *field_slot(p, name);
    *ret = id - 1;
    return id > 0;
}

/* Of fields with one name the first stands. */
static int index_fields(yk_program *p, yoke_error *err)
{
    for (p->n_field_slots = 16; p->n_field_slots < 2 * p->n_fields;)
        p->n_field_slots *= 2;
    p->field_slots = yk_arena_calloc(&p->arena, p->n_field_slots, sizeof *p->field_slots);
    if (!p->field_slots)
        return yk_fail_nomem(err, "binding expressions");
    for (uint32_t i = 0; i < p->n_fields; i++) {
        uint32_t *slot = field_slot(p, p->fields[i].name);
        *slot = *slot ? *slot : i + 1;
    }
    return 0;
}

static int copy_fields(yk_program *p, const yk_field *fields, size_t n, yoke_error *err)
{
    p->fields = yk_arena_calloc(&p->arena, n + 1, sizeof *p->fields);
    if (!p->fields)
        return yk_fail_nomem(err, "binding expressions");
    for (size_t i = 0; i < n; i++) {
        p->fields[i].type = fields[i].type;
        p->fields[i].name = yk_arena_strndup(&p->arena, fields[i].name, strlen(fields[i].name));
        if (!p->fields[i].name)
            return yk_fail_nomem(err, "binding expressions");
    }
    p->n_fields = n;
    return index_fields(p, err);
}

/* ---- Constants ---- */

static int keep_constant(yk_program *p, yk_node *n, const yk_reg *r, yoke_error *err)
{
    yk_value v = {.type = n->type, .is_missing = r->valid && !(r->valid[0] & 1)};
    if (n->type.kind == YK_KIND_BOOL) {
        v.b = *(const uint64_t *)r->data & 1;
    } else if (yk_kind_is_bytes(n->type.kind)) {
        memcpy(&v.t, r->data, sizeof v.t);
        char *copy = yk_arena_alloc(&p->arena, v.t.len + 1);
        if (!copy)
            return yk_fail_nomem(err, "binding expressions");
        if (v.t.len)
            memcpy(copy, v.t.data, v.t.len);
        v.t.data = copy;
    } else {
        memcpy(&v.i, r->data, sizeof v.i);
    }
    if (n->type.kind == YK_KIND_REAL)
        v.is_missing = isnan(v.r);
    *n = (yk_node){.code = YK_CODE_CONST, .type = n->type, .single = -1, .value = v};
    return 0;
}

/* What depends on no column is computed here, by the evaluator itself. */
static int fold_constants(yk_program *p, yoke_error *err)
{
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL;
    YK_TRY(yk_eval_new(p, &ev, err));
    yk_eval_block(ev, NULL, 1);
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        yk_node *n = &p->nodes[i];
        if (n->single != -1 || n->code == YK_CODE_CONST)
            continue;
        YK_TRY(yk_eval_node(ev, i, err));
        YK_TRY(keep_constant(p, n, &ev->regs[i], err));
    }
    return 0;
}

/* ---- Columns ---- */

/* The columns of one root after the other: seen[id] is the last root that node was met in. */
typedef struct column_walk {
    uint32_t *seen, *found, root;
    size_t    n;
} column_walk;

static void walk_columns(const yk_program *p, uint32_t id, column_walk *w)
{
    const yk_node *n = &p->nodes[id];
    if (w->seen[id] == w->root)
        return;
    w->seen[id] = w->root;
    if (n->code == YK_CODE_COLUMN)
        w->found[w->n++] = n->column;
    for (int i = 0; i < n->n_args; i++)
        walk_columns(p, n->args[i], w);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int find_columns(yk_program *p, yoke_error *err)
{
    YK_AUTOFREE uint32_t *seen = yk_new_array(uint32_t, p->n_nodes + 1), *found = yk_new_array(uint32_t, p->n_fields + 1);
    column_walk           w = {.seen = seen, .found = found};
    if (!seen || !found)
        return yk_fail_nomem(err, "binding expressions");
    for (size_t i = 0; i < p->n_roots; i++) {
        yk_bound_root *root = &p->roots[i];
        w.root++;
        w.n = 0;
        walk_columns(p, root->node, &w);
        qsort(found, w.n, sizeof *found, by_number);
        root->n_columns = w.n;
        root->columns = yk_arena_alloc(&p->arena, (w.n + 1) * sizeof *found);
        if (!root->columns)
            return yk_fail_nomem(err, "binding expressions");
        memcpy(root->columns, found, w.n * sizeof *found);
    }
    return 0;
}

static void find_users(yk_program *p)
{
    for (uint32_t i = 0; i < p->n_nodes; i++)
        for (int k = 0; k < p->nodes[i].n_args; k++) {
            p->nodes[p->nodes[i].args[k]].is_wide |= p->nodes[i].single == -2;
            p->nodes[p->nodes[i].args[k]].n_users++;
        }
    for (size_t i = 0; i < p->n_roots; i++)
        p->nodes[p->roots[i].node].is_wide = true;
}

static int64_t find_pair(const yk_program *p, uint32_t id)
{
    const yk_node *n = &p->nodes[id];
    int64_t        found = -1;
    if (n->code == YK_CODE_REAL2 && n->sub <= YK_REAL2_DIV && n->single == -2) {
        const yk_node *a = &p->nodes[n->args[0]], *b = &p->nodes[n->args[1]];
        if (a->code == YK_CODE_COLUMN && b->code == YK_CODE_COLUMN && (a->n_users > 1 || b->n_users > 1))
            return id;
    }
    for (int i = 0; i < n->n_args && found < 0 && n->single == -2; i++)
        found = find_pair(p, n->args[i]);
    return found;
}

int yk_program_new(const yk_field *fields, size_t n_fields, const yk_root *roots, size_t n_roots, yk_program **ret, yoke_error *err)
{
    YK_CLEANUP(yk_program_freep) yk_program *p = yk_new(yk_program);
    if (!p)
        return yk_fail_nomem(err, "binding expressions");
    YK_TRY(copy_fields(p, fields, n_fields, err));
    p->roots = yk_arena_calloc(&p->arena, n_roots + 1, sizeof *p->roots);
    if (!p->roots)
        return yk_fail_nomem(err, "binding expressions");
    for (size_t i = 0; i < n_roots; i++) {
        p->roots[i].want = roots[i].want;
        YK_TRY(yk_bind(p, roots[i].expr, roots[i].want, &p->roots[i].node, err));
        p->n_roots++;
    }
    YK_TRY(fold_constants(p, err));
    find_users(p);
    YK_TRY(find_columns(p, err));
    for (size_t i = 0; i < n_roots; i++) {
        p->roots[i].pair = find_pair(p, p->roots[i].node);
        YK_TRY(yk_facts_find(p, &p->roots[i], err));
    }
    *ret = YK_TAKE(p);
    return 0;
}

size_t yk_program_roots(const yk_program *p)
{
    return p->n_roots;
}

yk_type yk_program_type(const yk_program *p, size_t root)
{
    return p->nodes[p->roots[root].node].type;
}

const uint32_t *yk_program_columns(const yk_program *p, size_t root, size_t *ret_n)
{
    *ret_n = p->roots[root].n_columns;
    return p->roots[root].columns;
}

int64_t yk_program_single_column(const yk_program *p, size_t root)
{
    int64_t s = p->nodes[p->roots[root].node].single;
    return s < 0 ? -1 : s;
}

bool yk_program_has_pair(const yk_program *p, size_t root) { return p->roots[root].pair >= 0; }

int64_t yk_program_plain_column(const yk_program *p, size_t root)
{
    const yk_node *n = &p->nodes[p->roots[root].node];
    return n->code == YK_CODE_COLUMN ? (int64_t)n->column : -1;
}

static bool can_fail(const yk_program *p, uint32_t id)
{
    const yk_node *n = &p->nodes[id];
    bool           can = n->code == YK_CODE_INT2;
    for (uint8_t i = 0; i < n->n_args && !can; i++)
        can = can_fail(p, n->args[i]);
    return can;
}

bool yk_program_can_fail(const yk_program *p, size_t root) { return can_fail(p, p->roots[root].node); }

bool yk_program_constant(const yk_program *p, size_t root, yk_value *ret)
{
    const yk_node *n = &p->nodes[p->roots[root].node];
    if (n->code != YK_CODE_CONST)
        return false;
    *ret = n->value;
    ret->type = n->type;
    return true;
}

const yk_fact *yk_program_facts(const yk_program *p, size_t root, size_t *ret_n)
{
    *ret_n = p->roots[root].n_facts;
    return p->roots[root].facts;
}
