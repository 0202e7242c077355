/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/coded.h"

#include "numeric/reduce.h"

#include <math.h>

enum { DICT_MAX = 8192 }; /* larger ones cost more to copy and go through than a task's rows to pick */

void yk_coded_fini(yk_coded *c)
{
    yk_free(c->values);
    yk_free(c->counts);
    *c = (yk_coded){0};
}

int yk_coded_flush(yk_coded *c, yk_coded_fn *fn, void *ctx, yoke_error *err)
{
    if (!c->id)
        return 0;
    c->id = 0;
    for (uint32_t i = 0; i < c->n; i++)
        if (c->counts[i] && !isnan(c->values[i]))
            YK_TRY(fn(ctx, c->values[i], c->counts[i], err));
    return 0;
}

static int adopt(yk_coded *c, const yk_dict *d, yoke_error *err)
{
    if (d->n > c->cap) {
        yk_free(c->values);
        yk_free(c->counts);
        c->cap = 0;
        c->values = yk_new_array(double, d->n);
        c->counts = yk_new_array(uint64_t, d->n);
        if (!c->values || !c->counts)
            return yk_fail_nomem(err, "counting codes");
        c->cap = d->n;
    }
    memcpy(c->values, d->values, d->n * sizeof *c->values);
    memset(c->counts, 0, d->n * sizeof *c->counts);
    c->n = d->n;
    c->id = d->id;
    return 0;
}

int yk_coded_add(yk_coded *c, const yk_block *b, size_t root, yk_coded_fn *fn, void *ctx, bool *ret_took, yoke_error *err)
{
    yk_vec v;
    *ret_took = false;
    YK_TRY(yk_eval_root(b->eval, root, &v, err));
    if (!v.codes || v.is_const || v.type.kind != YK_KIND_REAL || v.dict->n == 0 || v.dict->n > DICT_MAX || !v.dict->id)
        return 0;
    if (v.dict->id != c->id) {
        YK_TRY(yk_coded_flush(c, fn, ctx, err));
        YK_TRY(adopt(c, v.dict, err));
    }
    const uint64_t *mask = b->mask ? b->mask : v.valid;
    if (b->mask && v.valid) {
        yk_bits_and(b->mask, v.valid, b->n, c->mask);
        mask = c->mask;
    }
    yk_count_codes(v.codes, mask, b->n, c->counts, c->n);
    *ret_took = true;
    return 0;
}
