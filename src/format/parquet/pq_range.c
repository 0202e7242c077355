/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_encode.h"

__extension__ typedef __int128 int128;

static int compare(const char *a, uint64_t n, const char *b, uint64_t m)
{
    int order = memcmp(a, b, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

/* The longest beginning of at most YK_PQ_MOST_BOUND bytes that does not cut a UTF-8 character. */
static uint32_t beginning(yk_text t)
{
    uint64_t n = t.len;
    if (n <= YK_PQ_MOST_BOUND)
        return (uint32_t)n;
    for (n = YK_PQ_MOST_BOUND; n > YK_PQ_MOST_BOUND - 4 && ((unsigned char)t.data[n] & 0xc0) == 0x80;)
        n--;
    return (uint32_t)n;
}

static void set_text(union yk_pq_bound *b, yk_text t, uint32_t n)
{
    b->t.len = n;
    if (n)
        memcpy(b->t.data, t.data, n);
}

static void add_text(yk_pq_range *r, yk_text t)
{
    bool is_first = !r->has;
    if (is_first || compare(t.data, t.len, r->min.t.data, r->min.t.len) < 0)
        set_text(&r->min, t, beginning(t));
    if (is_first || compare(t.data, t.len, r->max.t.data, r->max.t.len) > 0) {
        r->is_open |= t.len > YK_PQ_MOST_BOUND;
        set_text(&r->max, t, beginning(t));
    }
    r->has = true;
}

#define ADD_ALL(type, member)                                     \
    do {                                                          \
        const type *v = values;                                   \
        type        low = r->has ? r->min.member : v[0];          \
        type        high = r->has ? r->max.member : v[0];         \
        for (size_t i = 0; i < n; i++) {                          \
            low = v[i] < low ? v[i] : low;                        \
            high = v[i] > high ? v[i] : high;                     \
        }                                                         \
        r->min.member = low, r->max.member = high, r->has = true; \
    } while (0)

/* NaN is left out; of the zeros the bound takes the outer one. */
static void add_reals(yk_pq_range *r, const double *v, size_t n)
{
    double low = r->has ? r->min.r : __builtin_inf(), high = r->has ? r->max.r : -__builtin_inf();
    for (size_t i = 0; i < n; i++) {
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
        r->has |= v[i] == v[i];
    }
    r->min.r = low == 0 ? -0.0 : low;
    r->max.r = high == 0 ? 0.0 : high;
}

void yk_pq_range_add(yk_pq_range *r, yk_kind kind, const void *values, size_t n)
{
    if (n == 0)
        return;
    switch (kind) {
    case YK_KIND_NULL: break;
    case YK_KIND_BOOL:
        for (size_t i = 0; i < n; i++) {
            int64_t one = ((const uint8_t *)values)[i];
            yk_pq_range_add(r, YK_KIND_INT, &one, 1);
        }
        break;
    case YK_KIND_INT:
    case YK_KIND_TIME:
    case YK_KIND_DATE:
    case YK_KIND_SPAN: ADD_ALL(int64_t, i); break;
    case YK_KIND_UINT: ADD_ALL(uint64_t, u); break;
    case YK_KIND_DECIMAL: ADD_ALL(int128, d); break;
    case YK_KIND_REAL: add_reals(r, values, n); break;
    case YK_KIND_TEXT:
    case YK_KIND_DATA:
        for (size_t i = 0; i < n; i++)
            add_text(r, ((const yk_text *)values)[i]);
        break;
    }
}

void yk_pq_range_join(yk_pq_range *r, yk_kind kind, const yk_pq_range *other)
{
    r->is_open |= other->is_open;
    if (!other->has)
        return;
    if (yk_kind_is_bytes(kind)) {
        add_text(r, (yk_text){other->min.t.data, other->min.t.len});
        add_text(r, (yk_text){other->max.t.data, other->max.t.len});
    } else {
        kind = kind == YK_KIND_BOOL ? YK_KIND_INT : kind;
        yk_pq_range_add(r, kind, &other->min, 1);
        yk_pq_range_add(r, kind, &other->max, 1);
    }
}

void yk_pq_bound_put(const yk_pq_encoder *e, const union yk_pq_bound *b, yk_buf *to)
{
    uint8_t bytes[16];
    switch (e->field.type.kind) {
    case YK_KIND_TEXT:
    case YK_KIND_DATA: yk_buf_append(to, b->t.data, b->t.len); break;
    case YK_KIND_DECIMAL:
        for (int i = 0; i < 16; i++)
            bytes[i] = (uint8_t)(b->d >> (8 * (15 - i)));
        yk_buf_append(to, bytes, 16);
        break;
    case YK_KIND_TIME: {
        int64_t v = e->field.type.unit == YK_UNIT_S ? b->i * 1000 : b->i;
        yk_buf_append(to, &v, 8);
        break;
    }
    default: yk_buf_append(to, b, e->width); /* little-endian: the low bytes of what is wider than stored */
    }
}
