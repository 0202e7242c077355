/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One value as text.
 */
#include "table/batch.h"

#include <math.h>

static bool is_utf8(const unsigned char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t more = s[i] < 0x80 ? 0 : s[i] >= 0xc2 && s[i] < 0xe0 ? 1 : s[i] >= 0xe0 && s[i] < 0xf0 ? 2 : s[i] >= 0xf0 && s[i] < 0xf5 ? 3
            : 9;
        if (more == 9 || i + more >= n || (s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r'))
            return false;
        for (i++; more; more--, i++)
            if ((s[i] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static void print_data(yk_text t, yk_buf *to)
{
    if (is_utf8((const unsigned char *)t.data, t.len)) {
        yk_buf_append(to, t.data, t.len);
        return;
    }
    yk_buf_puts(to, "0x");
    for (uint64_t i = 0; i < t.len; i++)
        yk_buf_printf(to, "%02x", (unsigned char)t.data[i]);
}

void yk_value_put(const yk_value *v, yk_buf *to)
{
    char *at;
    if (v->is_missing)
        return;
    if (v->type.kind == YK_KIND_TEXT)
        yk_buf_append(to, v->t.data, v->t.len);
    else if (v->type.kind == YK_KIND_DATA && (!v->type.is_uuid || v->t.len != 16))
        print_data(v->t, to);
    else if ((at = yk_buf_extend(to, YK_VALUE_MAX)))
        to->len -= YK_VALUE_MAX - yk_value_print(v->type, &v->i, at);
}

double yk_value_real(const yk_value *v)
{
    if (v->is_missing)
        return NAN;
    switch (v->type.kind) {
    case YK_KIND_BOOL: return v->b;
    case YK_KIND_INT: return (double)v->i;
    case YK_KIND_UINT: return (double)v->u;
    case YK_KIND_REAL: return v->r;
    case YK_KIND_DECIMAL: return (double)v->d / pow(10, v->type.scale);
    default: return NAN;
    }
}
