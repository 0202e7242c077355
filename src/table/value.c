/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One value as text.
 */
#include "base/number.h"
#include "table/batch.h"

#include <math.h>

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

/* digits with a point before the last `scale` of them */
static void print_decimal(wide_int v, int scale, yk_buf *to)
{
    char     digits[80];
    unsigned n = 0;
    wide_uint u = v < 0 ? -(wide_uint)v : (wide_uint)v;
    do {
        digits[n++] = (char)('0' + (int)(u % 10));
        u /= 10;
        if ((int)n == scale)
            digits[n++] = '.';
    } while (u || (int)n <= scale + (scale > 0));
    if (v < 0)
        yk_buf_putc(to, '-');
    while (n)
        yk_buf_putc(to, digits[--n]);
    for (; scale < 0; scale++)
        yk_buf_putc(to, '0');
}

static bool is_utf8(const unsigned char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t more = s[i] < 0x80 ? 0 : s[i] >= 0xc2 && s[i] < 0xe0 ? 1 : s[i] >= 0xe0 && s[i] < 0xf0 ? 2 : s[i] >= 0xf0 && s[i] < 0xf5 ? 3 : 9;
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
    char   text[64];
    size_t n = 0;
    if (v->is_missing)
        return;
    switch (v->type.kind) {
    case YK_KIND_NULL: return;
    case YK_KIND_BOOL: yk_buf_puts(to, v->b ? "true" : "false"); return;
    case YK_KIND_INT: n = yk_number_int(v->i, text); break;
    case YK_KIND_UINT: n = yk_number_uint(v->u, text); break;
    case YK_KIND_REAL: n = yk_number_real(v->r, text); break;
    case YK_KIND_TEXT: yk_buf_append(to, v->t.data, v->t.len); return;
    case YK_KIND_DATA: print_data(v->t, to); return;
    case YK_KIND_DECIMAL: print_decimal(v->d, v->type.scale, to); return;
    default: n = yk_time_print(v->type, v->i, text, sizeof text); break;
    }
    yk_buf_append(to, text, n);
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
