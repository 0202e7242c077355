/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_file.h"

#include <math.h>

/* One bound into its storage form; false when its bytes do not fit the type, or are no bound (NaN). */
static bool decode(const yk_pq_leaf *leaf, yk_text raw, bool is_max, yk_parquet_value *ret)
{
    uint8_t bytes[16] = {0};
    if (leaf->form == YK_PQ_F_BYTES) {
        ret->t = raw;
        return true;
    }
    if (leaf->form == YK_PQ_F_DECBYTES)
        return yk_pq_convert(leaf->form, 0, (const uint8_t *)&raw, 1, &ret->d);
    if (leaf->form == YK_PQ_F_NULL || leaf->form == YK_PQ_F_INT96 || raw.len != leaf->width)
        return false;
    if (leaf->form == YK_PQ_F_FLBA || leaf->form == YK_PQ_F_DECFLBA)
        return yk_pq_convert(leaf->form, leaf->width, (const uint8_t *)raw.data, 1, ret);
    memcpy(bytes, raw.data, raw.len);
    if (!yk_pq_convert(leaf->form, leaf->width, bytes, 1, ret))
        return false;
    if (leaf->column.type.kind == YK_KIND_REAL) {
        if (isnan(ret->r))
            return false;
        if (ret->r == 0) /* a writer may have taken one zero for the other */
            ret->r = is_max ? 0.0 : -0.0;
    }
    return true;
}

/* The older pair compares as signed numbers; for other types writers disagreed. */
static bool old_is_right(const yk_pq_leaf *leaf)
{
    switch (leaf->column.type.kind) {
    case YK_KIND_BOOL:
    case YK_KIND_INT: return leaf->form != YK_PQ_F_U32;
    case YK_KIND_REAL: return leaf->form != YK_PQ_F_F16;
    case YK_KIND_TIME:
    case YK_KIND_DATE:
    case YK_KIND_SPAN: return true;
    case YK_KIND_DECIMAL: return leaf->form == YK_PQ_F_DEC32 || leaf->form == YK_PQ_F_DEC64;
    default: return false;
    }
}

/* Whether a bound is a value that some row has. Writers shorten texts, and need not say so. A zero may be either, and an infinity what a
 * writer put where it met no number. */
static bool is_attained(const yk_pq_leaf *leaf, int exact, const yk_parquet_value *v)
{
    switch (leaf->column.type.kind) {
    case YK_KIND_REAL: return exact >= 0 && v->r != 0 && isfinite(v->r);
    case YK_KIND_TEXT:
    case YK_KIND_DATA:
    case YK_KIND_DECIMAL: return exact > 0;
    default: return exact >= 0;
    }
}

void yk_pq_bounds_decode(const yk_parquet *f, const yk_pq_leaf *leaf, const yk_pq_bounds *b, yk_parquet_stats *ret)
{
    bool is_old_good = old_is_right(leaf), is_new_good = f->footer.has_orders || is_old_good;
    memset(ret, 0, sizeof *ret);
    ret->n_missing = b->n_missing >= 0 ? b->n_missing : -1;
    if (leaf->column.refusal || leaf->is_unordered)
        return;
    if (b->has_min && is_new_good)
        ret->has_min = decode(leaf, b->min, false, &ret->min);
    else if (b->has_old_min && is_old_good)
        ret->has_min = decode(leaf, b->old_min, false, &ret->min);
    if (b->has_max && is_new_good)
        ret->has_max = decode(leaf, b->max, true, &ret->max);
    else if (b->has_old_max && is_old_good)
        ret->has_max = decode(leaf, b->old_max, true, &ret->max);
    ret->is_min_least = ret->has_min && b->has_min && is_new_good && is_attained(leaf, b->min_exact, &ret->min);
    ret->is_max_greatest = ret->has_max && b->has_max && is_new_good && is_attained(leaf, b->max_exact, &ret->max);
}

void yk_parquet_group_stats(const yk_parquet *f, unsigned group, unsigned column, yk_parquet_stats *ret)
{
    yk_pq_bounds_decode(f, &f->leaves[column], &f->footer.groups[group].chunks[column].bounds, ret);
}

void yk_parquet_chunk_bytes(const yk_parquet *f, unsigned group, unsigned column, uint64_t *ret_stored, uint64_t *ret_plain)
{
    const yk_pq_chunk_info *c = &f->footer.groups[group].chunks[column];
    *ret_stored = c->stored > 0 ? (uint64_t)c->stored : 0;
    *ret_plain = c->plain > 0 ? (uint64_t)c->plain : 0;
}
