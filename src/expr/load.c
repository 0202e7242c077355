/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Blocks of columns as plain values of the kind that a program wants.
 */
#include "expr/eval.h"
#include "numeric/kernels.h"

#include <math.h>

static const uint64_t ZEROS[YK_BLOCK_WORDS];

/* Of any number but a decimal. */
static double number_as_real(yk_type type, const void *value)
{
    int64_t  i;
    uint64_t u;
    double   r;
    switch (type.kind) {
    case YK_KIND_BOOL: return *(const uint8_t *)value;
    case YK_KIND_INT: memcpy(&i, value, sizeof i); return (double)i;
    case YK_KIND_UINT: memcpy(&u, value, sizeof u); return (double)u;
    default: memcpy(&r, value, sizeof r); return r;
    }
}

static bool can_convert(yk_type from, yk_type to)
{
    if (from.kind == YK_KIND_NULL || yk_type_equal(from, to))
        return true;
    if (to.kind == YK_KIND_REAL)
        return yk_kind_is_number(from.kind) || from.kind == YK_KIND_BOOL;
    if (to.kind == YK_KIND_INT)
        return from.kind == YK_KIND_BOOL;
    if (to.kind == YK_KIND_TIME)
        return yk_kind_is_time(from.kind);
    if (to.kind == YK_KIND_SPAN)
        return from.kind == YK_KIND_SPAN;
    return yk_kind_is_bytes(to.kind) && yk_kind_is_bytes(from.kind);
}

static void convert_values(yk_type from, const void *values, uint32_t n, yk_type to, void *out)
{
    size_t      size = yk_kind_size(from.kind);
    const char *p = values;
    if (from.kind == YK_KIND_DECIMAL) {
        yk_decimals_to_real(values, n, from.scale, out);
        return;
    }
    if (to.kind == YK_KIND_REAL) {
        double *r = out;
        for (uint32_t i = 0; i < n; i++)
            r[i] = number_as_real(from, p + i * size);
        return;
    }
    int64_t *r = out;
    if (to.kind == YK_KIND_INT) { /* of BOOL */
        for (uint32_t i = 0; i < n; i++)
            r[i] = ((const uint8_t *)values)[i];
        return;
    }
    int64_t from_s = yk_unit_per_second(from.unit), to_s = yk_unit_per_second(to.unit);
    int64_t factor = from.kind == YK_KIND_DATE ? 86400 * to_s : to_s >= from_s ? to_s / from_s : -(from_s / to_s);
    yk_rescale_all(values, n, factor, r);
}

static void gather(const yk_vec *v, void *to, uint32_t n)
{
    size_t      size = yk_kind_size(v->type.kind);
    const char *values = v->dict->values;
    if (size == 8) {
        YK_ISA_PICK(yk_k_gather)(to, v->dict->values, v->codes, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        memcpy((char *)to + i * size, values + v->codes[i] * size, size);
}

static int load_missing(yk_type type, void *to, uint64_t *to_valid, yk_vec *ret)
{
    static const double none = NAN;
    if (type.kind == YK_KIND_REAL)
        memcpy(to, &none, sizeof none);
    else
        memset(to, 0, yk_kind_size(type.kind));
    to_valid[0] = 0;
    ret->values = to;
    ret->valid = type.kind == YK_KIND_REAL ? NULL : to_valid;
    ret->is_const = true;
    return 0;
}

/* Missing REAL become NaN; missing TEXT are empty whatever their code says. */
static void blank_missing(yk_vec *ret, yk_type type, void *to, uint32_t n)
{
    if (!ret->valid)
        return;
    if (type.kind == YK_KIND_REAL) {
        YK_ISA_PICK(yk_k_blank)(to, ret->values, ret->valid, n);
        ret->values = to;
        ret->valid = NULL;
    } else if (yk_kind_is_bytes(type.kind) && ret->values == to) {
        for (uint32_t i = 0; i < n; i++)
            if (!yk_bit(ret->valid, i))
                ((yk_text *)to)[i] = (yk_text){"", 0};
    }
}

int yk_vec_load(const yk_vec *v, yk_type type, void *to, uint64_t *to_valid, yk_vec *ret, yoke_error *err)
{
    char     have[48], want[48];
    uint32_t n = v->is_const ? 1 : v->n;
    *ret = (yk_vec){.type = type, .n = v->n, .valid = v->valid, .is_const = v->is_const};
    if (!can_convert(v->type, type))
        return yk_fail(err, YOKE_ETYPE, "a block of a column is %s where %s was announced", yk_type_name(v->type, have, sizeof have),
                       yk_type_name(type, want, sizeof want));
    if (v->type.kind == YK_KIND_NULL || (v->codes && v->dict->n == 0) || (v->is_const && v->valid && !(v->valid[0] & 1)))
        return load_missing(type, to, to_valid, ret);
    if (v->is_const)
        ret->valid = NULL;
    ret->values = v->values;
    bool is_same = yk_type_equal(v->type, type) || yk_kind_is_bytes(type.kind);
    if (v->codes && is_same) {
        gather(v, to, n);
        ret->values = to;
    } else if (v->codes) {
        _Alignas(64) char part[64 * 16];
        for (uint32_t at = 0; at < n; at += 64) {
            yk_vec   some = {.type = v->type, .codes = v->codes + at, .dict = v->dict};
            uint32_t m = n - at < 64 ? n - at : 64;
            gather(&some, part, m);
            convert_values(v->type, part, m, type, (char *)to + at * yk_kind_size(type.kind));
        }
        ret->values = to;
    } else if (!is_same) {
        convert_values(v->type, v->values, n, type, to);
        ret->values = to;
    }
    blank_missing(ret, type, to, n);
    return 0;
}

int yk_vec_flatten(const yk_vec *v, yk_type type, void *to, uint64_t *to_valid, yk_vec *ret, yoke_error *err)
{
    _Alignas(16) char one[16];
    YK_TRY(yk_vec_load(v, type, to, to_valid, ret, err));
    if (!ret->is_const)
        return 0;
    size_t size = yk_kind_size(type.kind);
    memcpy(one, ret->values, size);
    for (uint32_t i = 0; i < v->n; i++)
        memcpy((char *)to + i * size, one, size);
    ret->values = to;
    ret->is_const = false;
    if (ret->valid) /* a constant that is there has none */
        memcpy(to_valid, ZEROS, (v->n + 63) / 64 * sizeof *to_valid), ret->valid = to_valid;
    return 0;
}
