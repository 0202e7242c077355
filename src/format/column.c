/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/column.h"

#include <stdatomic.h>

#include <stdio.h>

size_t yk_kind_size(yk_kind kind)
{
    switch (kind) {
    case YK_KIND_NULL: return 0;
    case YK_KIND_BOOL: return 1;
    case YK_KIND_INT:
    case YK_KIND_UINT:
    case YK_KIND_REAL:
    case YK_KIND_TIME:
    case YK_KIND_DATE:
    case YK_KIND_SPAN: return 8;
    case YK_KIND_TEXT:
    case YK_KIND_DATA:
    case YK_KIND_DECIMAL: return 16;
    }
    return 0;
}

const char *yk_type_name(yk_type t, char *buf, size_t size)
{
    static const char *const kind[] = {"null", "boolean", "integer", "unsigned integer", "real", "text",
                                       "bytes", "timestamp", "date", "duration", "decimal"};
    static const char *const unit[] = {"s", "ms", "us", "ns"};
    if (t.kind == YK_KIND_TIME)
        snprintf(buf, size, "timestamp[%s%s]", unit[t.unit], t.is_utc ? ", UTC" : "");
    else if (t.kind == YK_KIND_SPAN)
        snprintf(buf, size, "%s[%s]", t.is_clock ? "time" : "duration", unit[t.unit]);
    else if (t.kind == YK_KIND_DECIMAL)
        snprintf(buf, size, "decimal(scale %d)", t.scale);
    else
        snprintf(buf, size, "%s", t.is_uuid ? "uuid" : kind[t.kind]);
    return buf;
}

uint64_t yk_dict_new_ids(uint64_t n)
{
    static atomic_uint_fast64_t next; /* relaxed: they only have to differ */
    return atomic_fetch_add_explicit(&next, n, memory_order_relaxed) | (uint64_t)1 << 63;
}
