/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a user's function gave, read and printed.
 */
#include "base/json.h"
#include "base/number.h"
#include "map/kernel_call.h"
#include "map/kernel_slot.h"

#include <math.h>

typedef union yk_kernel_slot slot;

double yk_binding_real(uint8_t type, const void *at)
{
    slot s;
    memcpy(&s, at, YK_BINDING_SLOT);
    switch (type) {
    case YOKE_BOOL: return s.b;
    case YOKE_INT8: return s.i8;
    case YOKE_INT16: return s.i16;
    case YOKE_INT32: return s.i32;
    case YOKE_INT64: return (double)s.i64;
    case YOKE_UINT8: return s.u8;
    case YOKE_UINT16: return s.u16;
    case YOKE_UINT32: return s.u32;
    case YOKE_UINT64: return (double)s.u64;
    case YOKE_FLOAT: return (double)s.f;
    default: return s.d;
    }
}

const void *yk_binding_bytes(const yk_binding *b, const void *result, const void *bytes, unsigned k, size_t *at, size_t *ret_n)
{
    uint64_t n;
    memcpy(&n, (const char *)result + k * YK_BINDING_SLOT, sizeof n);
    const void *here = (const char *)bytes + *at;
    *at += b->out_type[k] == YOKE_TEXT ? n : n * 8;
    *ret_n = n;
    return here;
}

void yk_binding_print_number(uint8_t type, const void *at, bool is_json, yk_buf *to)
{
    char   text[YK_NUMBER_MAX];
    slot   s;
    size_t n;
    bool   is_odd = false;
    memset(&s, 0, sizeof s);
    memcpy(&s, at, yk_binding_size(type));
    if (type == YOKE_BOOL && is_json) {
        yk_buf_puts(to, s.b ? "true" : "false");
        return;
    }
    if (type == YOKE_DOUBLE || type == YOKE_FLOAT) {
        n = type == YOKE_DOUBLE ? yk_number_real(s.d, text) : yk_number_float(s.f, text);
        is_odd = is_json && !isfinite(yk_binding_real(type, at));
    } else if (type == YOKE_UINT64) {
        n = yk_number_uint(s.u64, text);
    } else {
        n = yk_number_int((int64_t)yk_binding_real(type, at), text);
        if (type == YOKE_INT64)
            n = yk_number_int(s.i64, text);
    }
    if (is_odd)
        yk_buf_putc(to, '"');
    yk_buf_append(to, text, n);
    if (is_odd)
        yk_buf_putc(to, '"');
}

static void print_text(const char *s, size_t n, bool is_json, yk_buf *to)
{
    if (is_json)
        yk_json_text(to, s, n);
    else
        yk_buf_append(to, s, n);
}

static void print_run(uint8_t type, const char *values, size_t n, bool is_json, yk_buf *to)
{
    if (is_json)
        yk_buf_putc(to, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            yk_buf_putc(to, is_json ? ',' : ' ');
        yk_binding_print_number(type == YOKE_DOUBLES ? YOKE_DOUBLE : YOKE_INT64, values + i * 8, is_json, to);
    }
    if (is_json)
        yk_buf_putc(to, ']');
}

void yk_binding_print(const yk_binding *b, const void *result, const void *bytes, bool is_json, yk_buf *to)
{
    size_t at = 0, n;
    bool   has_brackets = is_json && b->n_out > 1;
    if (has_brackets)
        yk_buf_putc(to, '[');
    for (unsigned i = 0; i < b->n_out; i++) {
        const char *slot_at = (const char *)result + i * YK_BINDING_SLOT;
        if (i > 0)
            yk_buf_putc(to, is_json ? ',' : '\t');
        if (yk_kernel_is_number(b->out_type[i])) {
            yk_binding_print_number(b->out_type[i], slot_at, is_json, to);
            continue;
        }
        const char *run = yk_binding_bytes(b, result, bytes, i, &at, &n);
        if (b->out_type[i] == YOKE_TEXT)
            print_text(run, n, is_json, to);
        else
            print_run(b->out_type[i], run, n, is_json, to);
    }
    if (has_brackets)
        yk_buf_putc(to, ']');
}
