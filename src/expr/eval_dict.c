/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What depends on one dictionary-coded column alone is computed once per dictionary, and once for a missing row; the rows then
 * only pick by their codes. Results are kept by the dictionary's id, a few per node.
 */
#include "expr/eval.h"
#include "numeric/kernels.h"
#include "numeric/reduce.h"

void yk_dict_result_fini(yk_dict_result *d)
{
    yk_free(d->data);
    yk_free(d->valid);
    yk_arena_fini(&d->texts);
    *d = (yk_dict_result){0};
}

static int nomem(yoke_error *err)
{
    return yk_fail_nomem(err, "computing over a dictionary");
}

/* ---- Computing ---- */

static int need_inner(yk_eval *ev, yoke_error *err)
{
    if (ev->inner)
        return 0;
    ev->inner_columns = yk_new_array(yk_vec, ev->p->n_fields + 1);
    if (!ev->inner_columns)
        return nomem(err);
    YK_TRY(yk_eval_new(ev->p, &ev->inner, err));
    ev->inner->is_inner = true;
    return 0;
}

/* Texts are copied: what they point to lives only as long as the block. */
static int keep_texts(yk_dict_result *d, yk_text *t, uint32_t n, yoke_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        char *copy = yk_arena_alloc(&d->texts, t[i].len + 1);
        if (!copy)
            return nomem(err);
        if (t[i].len)
            memcpy(copy, t[i].data, t[i].len);
        t[i].data = copy;
    }
    return 0;
}

/* Puts rows [at, at + n) of the result where they belong. */
static int keep_part(yk_dict_result *d, yk_type type, const yk_reg *r, uint32_t at, uint32_t n, yoke_error *err)
{
    size_t size = yk_kind_size(type.kind);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = r->is_const ? 0 : i;
        bool     is_there = !r->valid || yk_bit(r->valid, from);
        if (type.kind == YK_KIND_BOOL)
            yk_bit_set(d->data, at + i, yk_bit(r->data, from) && is_there);
        else
            memcpy((char *)d->data + (at + i) * size, (const char *)r->data + from * size, size);
        if (at + i == d->n) { /* of a missing one, which no code stands for */
            d->missing_is_valid = is_there;
            continue;
        }
        if (!is_there && !d->valid) {
            d->valid = yk_malloc((d->n / 64 + 1) * sizeof *d->valid);
            if (!d->valid)
                return nomem(err);
            memset(d->valid, 0xff, (d->n / 64 + 1) * sizeof *d->valid);
        }
        if (d->valid)
            yk_bit_set(d->valid, at + i, is_there);
    }
    bool is_text = yk_kind_is_bytes(type.kind);
    return is_text ? keep_texts(d, (yk_text *)d->data + at, n, err) : 0;
}

static int run_part(yk_eval *ev, uint32_t id, const yk_vec *part, yoke_error *err)
{
    const yk_node *node = &ev->p->nodes[id];
    ev->inner_columns[node->single] = *part;
    yk_eval_block(ev->inner, ev->inner_columns, part->n);
    return yk_eval_node(ev->inner, id, err);
}

static int compute(yk_eval *ev, uint32_t id, const yk_vec *column, yk_dict_result *d, yoke_error *err)
{
    static const uint64_t nothing[2];
    yk_type     type = ev->p->nodes[id].type;
    size_t      size = yk_kind_size(type.kind), from_size = yk_kind_size(column->type.kind);
    size_t      bytes = type.kind == YK_KIND_BOOL ? ((size_t)d->n / 64 + 1) * 8 : ((size_t)d->n + 1) * size;
    YK_TRY(need_inner(ev, err));
    d->data = yk_malloc_aligned(bytes);
    if (!d->data)
        return nomem(err);
    memset(d->data, 0, bytes);
    for (uint32_t at = 0; at < d->n; at += YK_BLOCK) {
        uint32_t n = d->n - at < YK_BLOCK ? d->n - at : YK_BLOCK;
        yk_vec   part = {.type = column->type, .n = n, .values = (const char *)column->dict->values + at * from_size};
        YK_TRY(run_part(ev, id, &part, err));
        YK_TRY(keep_part(d, type, &ev->inner->regs[id], at, n, err));
    }
    yk_vec missing = {.type = column->type, .n = 1, .values = nothing, .valid = nothing, .is_const = true};
    YK_TRY(run_part(ev, id, &missing, err));
    YK_TRY(keep_part(d, type, &ev->inner->regs[id], d->n, 1, err));
    if (type.kind == YK_KIND_REAL)
        d->missing_is_valid = ((const double *)d->data)[d->n] == ((const double *)d->data)[d->n];
    d->dict = (yk_dict){.n = d->n, .values = d->data, .id = yk_dict_new_ids(1)};
    d->is_ready = true;
    return 0;
}

static yk_dict_result *slot_of(yk_eval *ev, yk_reg *r, const yk_dict *dict)
{
    if (!r->dicts)
        r->dicts = yk_new_array(yk_dict_result, YK_DICTS);
    if (!r->dicts)
        return NULL;
    for (int k = 0; k < YK_DICTS; k++)
        if (r->dicts[k].id == dict->id && (r->dicts[k].is_refused || r->dicts[k].n_rows) && r->dicts[k].n == dict->n)
            return &r->dicts[k];
    yk_dict_result *d = &r->dicts[r->next_dict++ % YK_DICTS];
    yk_dict_result_fini(d);
    d->id = dict->id;
    d->n = dict->n;
    return d;
}

int yk_eval_dict(yk_eval *ev, uint32_t id, const yk_dict_result **ret, yoke_error *err)
{
    const yk_node *node = &ev->p->nodes[id];
    const yk_vec  *column = &ev->columns[node->single];
    yk_reg        *r = &ev->regs[id];
    *ret = NULL;
    if (!column->codes || column->is_const || column->dict->n == 0 || ev->is_inner)
        return 0;
    yk_dict_result *d = slot_of(ev, r, column->dict);
    if (!d)
        return nomem(err);
    if (d->is_refused)
        return 0;
    d->n_rows += ev->n;
    if (!d->is_ready) {
        /* Large dictionaries wait until as many rows have come: a few rows of a large one are cheaper by themselves. */
        if (d->n > 4 * YK_BLOCK && d->n_rows < d->n)
            return 0;
        yoke_error why = YOKE_ERROR_INIT;
        int        rc = compute(ev, id, column, d, &why);
        if (rc < 0) { /* nothing half-made stays */
            yk_dict_result_fini(d);
            d->id = column->dict->id;
            d->n = column->dict->n;
            d->is_refused = rc == YOKE_ELIMIT;
            return d->is_refused ? 0 : yk_fail(err, rc, "%s", why.text);
        }
    }
    *ret = d;
    return 0;
}

/* ---- Picking ---- */

/* A comparison of values that are needed row by row anyway is cheaper than picking its results. */
static bool is_cheap(const yk_program *p, uint32_t id)
{
    const yk_node *n = &p->nodes[id];
    if (n->code == YK_CODE_AND || n->code == YK_CODE_OR)
        return is_cheap(p, n->args[0]) && is_cheap(p, n->args[1]);
    if (n->code == YK_CODE_NOT)
        return is_cheap(p, n->args[0]);
    if (n->code != YK_CODE_COMPARE_REAL && n->code != YK_CODE_COMPARE_INT)
        return false;
    for (int i = 0; i < n->n_args; i++)
        if (p->nodes[n->args[i]].code != YK_CODE_CONST && !p->nodes[n->args[i]].is_wide)
            return false;
    return true;
}

/* Rows without a value get the result for a missing one. */
static void put_missing(const yk_dict_result *d, yk_type type, const uint64_t *valid, uint32_t n, void *to)
{
    size_t      size = yk_kind_size(type.kind);
    const char *value = (const char *)d->data + d->n * size;
    if (type.kind == YK_KIND_BOOL) {
        uint64_t fill = yk_bit(d->data, d->n) ? ~(uint64_t)0 : 0;
        for (uint32_t w = 0; w < (n + 63) / 64; w++)
            ((uint64_t *)to)[w] = (((uint64_t *)to)[w] & valid[w]) | (fill & ~valid[w]);
        yk_bits_and(to, NULL, n, to);
    } else if (size == 8) {
        YK_ISA_PICK(yk_k_select)(to, valid, to, 1, (const uint64_t *)value, 0, n);
    } else {
        for (uint32_t i = 0; i < n; i++)
            if (!yk_bit(valid, i))
                memcpy((char *)to + i * size, value, size);
    }
}

int yk_eval_by_dict(yk_eval *ev, uint32_t id, bool *ret_done, yoke_error *err)
{
    const yk_node        *node = &ev->p->nodes[id];
    const yk_vec         *column = &ev->columns[node->single];
    yk_reg               *r = &ev->regs[id];
    const yk_dict_result *d;
    if (!column->codes || column->is_const || is_cheap(ev->p, id))
        return 0;
    YK_TRY(yk_eval_dict(ev, id, &d, err));
    if (!d)
        return 0;
    void *to = yk_reg_data(ev, id);
    if (!to)
        return nomem(err);
    size_t size = yk_kind_size(node->type.kind);
    if (node->type.kind == YK_KIND_BOOL)
        YK_ISA_PICK(yk_k_gather_bits)(to, d->data, column->codes, ev->n);
    else if (size == 8)
        YK_ISA_PICK(yk_k_gather)(to, d->data, column->codes, ev->n);
    else
        for (uint32_t i = 0; i < ev->n; i++)
            memcpy((char *)to + i * size, (const char *)d->data + column->codes[i] * size, size);
    if (column->valid)
        put_missing(d, node->type, column->valid, ev->n, to);
    r->data = to;
    r->is_const = false;
    r->valid = NULL;
    *ret_done = true;
    if (node->type.kind == YK_KIND_REAL || node->type.kind == YK_KIND_BOOL || (!d->valid && !column->valid))
        return 0;
    uint64_t *valid = yk_reg_valid(r);
    if (!valid)
        return nomem(err);
    if (d->valid)
        YK_ISA_PICK(yk_k_gather_bits)(valid, d->valid, column->codes, ev->n);
    else
        yk_bits_and(NULL, NULL, ev->n, valid);
    for (uint32_t w = 0; column->valid && w < (ev->n + 63) / 64; w++)
        valid[w] = (valid[w] & column->valid[w]) | (d->missing_is_valid ? ~column->valid[w] : 0);
    r->valid = valid;
    return 0;
}
