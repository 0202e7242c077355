/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sort keys, and putting a batch in their order.
 */
#ifndef YK_TABLE_ORDER_H
#define YK_TABLE_ORDER_H

#include "base/bytes.h"
#include "numeric/select.h"
#include "table/batch.h"

typedef struct yk_order {
    size_t column; /* of the batch */
    bool   is_descending;
} yk_order;

/* order[0 … n): the rows' numbers sorted, missing ones last, equal ones as they lie. For yk_free. */
int yk_batch_sort(const yk_batch *b, const yk_order *order, size_t n_order, uint32_t **ret, yoke_error *err) YK_MUST_USE;

/* Kinds that are stored in eight bytes, and their values as unsigned integers that order as they do. */
static inline bool yk_order_has_image(yk_kind kind)
{
    return kind == YK_KIND_REAL || kind == YK_KIND_INT || kind == YK_KIND_UINT || kind == YK_KIND_TIME || kind == YK_KIND_DATE
        || kind == YK_KIND_SPAN;
}

/* Text from byte `depth` on, eight bytes of it, zeros where it ends: texts of equal images may differ behind them. */
static inline uint64_t yk_text_image(yk_text t, size_t depth)
{
    const char *at = t.data + depth;
    size_t      n = t.len > depth ? t.len - depth : 0;
    uint32_t    first, last;
    if (n >= 8)
        return __builtin_bswap64(yk_load64(at));
    if (n && t.len >= 8)
        return __builtin_bswap64(yk_load64(at + n - 8)) << (64 - 8 * n);
    if (n < 4)
        return n ? ((uint64_t)(unsigned char)at[0] << 56) | (uint64_t)(unsigned char)at[n / 2] << (56 - 8 * (n / 2))
                | (uint64_t)(unsigned char)at[n - 1] << (64 - 8 * n) : 0;
    memcpy(&first, at, 4);
    memcpy(&last, at + n - 4, 4);
    return (uint64_t)__builtin_bswap32(first) << 32 | (uint64_t)__builtin_bswap32(last) << (64 - 8 * n);
}

static inline uint64_t yk_order_image(yk_kind kind, uint64_t bits)
{
    double x;
    if (kind == YK_KIND_UINT)
        return bits;
    if (kind != YK_KIND_REAL)
        return bits ^ (uint64_t)1 << 63;
    memcpy(&x, &bits, sizeof x);
    return yk_key_of_real(x + 0.0); /* -0.0 equals 0.0 */
}

/* The bits that have this image. */
static inline uint64_t yk_order_value(yk_kind kind, uint64_t image)
{
    if (kind == YK_KIND_UINT)
        return image;
    if (kind != YK_KIND_REAL)
        return image ^ (uint64_t)1 << 63;
    double   x = yk_real_of_key(image);
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#endif
