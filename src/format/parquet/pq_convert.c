/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_values.h"

__extension__ typedef __int128 int128;

/* Big-endian two's complement of any length; false when it takes more than 16 bytes. */
static bool big_integer(const uint8_t *p, size_t n, int128 *ret)
{
    uint8_t fill = n && p[0] & 128 ? 255 : 0;
    for (; n > 16; p++, n--)
        if (p[0] != fill || ((p[1] ^ fill) & 128))
            return false;
    __extension__ unsigned __int128 v = 0;
    v -= fill != 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    *ret = (int128)v;
    return true;
}

/* n of them, one behind the other. Those of 16 bytes or less are read as 16, where so many are left; what is too much is shifted out. */
static bool big_integers(const uint8_t *p, size_t width, size_t n, int128 *to)
{
    bool   is_good = true;
    size_t i = 0;
    for (; width > 0 && width <= 16 && (n - i) * width >= 16; i++) {
        uint64_t high, low;
        memcpy(&high, p + i * width, 8);
        memcpy(&low, p + i * width + 8, 8);
        __extension__ unsigned __int128 v = (unsigned __int128)__builtin_bswap64(high) << 64 | __builtin_bswap64(low);
        to[i] = (int128)v >> (8 * (16 - width));
    }
    for (; i < n; i++)
        is_good &= big_integer(p + i * width, width, &to[i]);
    return is_good;
}

/* Nanoseconds of the day, then the Julian day. */
static bool int96(const uint8_t *p, int64_t *ret)
{
    enum { JULIAN_1970 = 2440588 };
    int64_t  nanos, days;
    uint32_t julian;
    memcpy(&nanos, p, 8);
    memcpy(&julian, p + 8, 4);
    return !__builtin_mul_overflow((int64_t)julian - JULIAN_1970, INT64_C(86400000000000), &days) &&
           !__builtin_add_overflow(days, nanos, ret);
}

/* to[i] = `how`, an expression in the stored value v. */
#define EACH(from_type, to_type, how)                                    \
    for (size_t i = 0; i < n; i++) {                                     \
        from_type v;                                                     \
        memcpy(&v, from + i * sizeof v, sizeof v);                       \
        ((to_type *)to)[i] = (to_type)(how);                             \
    }                                                                    \
    return true

bool yk_pq_convert(yk_pq_form form, uint32_t width, const uint8_t *from, size_t n, void *to)
{
    bool           is_good = true;
    const yk_text *text = (const void *)from;
    switch (form) {
    case YK_PQ_F_NULL: return true;
    case YK_PQ_F_BOOL: memcpy(to, from, n); return true;
    case YK_PQ_F_I32: EACH(int32_t, int64_t, v);
    case YK_PQ_F_U32: EACH(uint32_t, int64_t, v);
    case YK_PQ_F_WORD: memcpy(to, from, n * 8); return true;
    case YK_PQ_F_F32: EACH(float, double, v);
    case YK_PQ_F_F16: EACH(uint16_t, double, yk_real_of_half(v));
    case YK_PQ_F_DEC32: EACH(int32_t, int128, v);
    case YK_PQ_F_DEC64: EACH(int64_t, int128, v);
    case YK_PQ_F_INT96:
        for (size_t i = 0; i < n; i++)
            is_good &= int96(from + i * 12, (int64_t *)to + i);
        return is_good;
    case YK_PQ_F_DECFLBA: return big_integers(from, width, n, to);
    case YK_PQ_F_FLBA:
        for (size_t i = 0; i < n; i++)
            ((yk_text *)to)[i] = (yk_text){(const char *)from + i * width, width};
        return true;
    case YK_PQ_F_BYTES: memcpy(to, from, n * sizeof *text); return true;
    case YK_PQ_F_DECBYTES:
        for (size_t i = 0; i < n; i++)
            is_good &= big_integer((const uint8_t *)text[i].data, text[i].len, (int128 *)to + i);
        return is_good;
    }
    return false;
}

void yk_pq_join_streams(const uint8_t *from, size_t stride, uint32_t width, size_t i, size_t n, uint8_t *to)
{
    from += i;
    if (width == 8) { /* the common widths with a constant step, which compilers turn into byte shuffles */
        for (size_t k = 0; k < n; k++)
            for (uint32_t b = 0; b < 8; b++)
                to[k * 8 + b] = from[b * stride + k];
    } else if (width == 4) {
        for (size_t k = 0; k < n; k++)
            for (uint32_t b = 0; b < 4; b++)
                to[k * 4 + b] = from[b * stride + k];
    } else {
        for (uint32_t b = 0; b < width; b++)
            for (size_t k = 0; k < n; k++)
                to[k * width + b] = from[b * stride + k];
    }
}

int64_t yk_pq_plain_texts(const uint8_t *at, const uint8_t *end, uint64_t most, yk_text *to)
{
    uint64_t n = 0;
    while (n < most && end - at >= 4) {
        uint32_t len;
        memcpy(&len, at, sizeof len);
        at += 4;
        if (len > (size_t)(end - at))
            return -1;
        to[n++] = (yk_text){(const char *)at, len};
        at += len;
    }
    return (int64_t)n;
}
