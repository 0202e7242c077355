/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void *yk_buf_extend(yk_buf *b, size_t n)
{
    if (b->is_failed || n >= SIZE_MAX - b->len || !yk_grow(&b->data, &b->cap, b->len + n + 1, 1)) {
        b->is_failed = true;
        return NULL;
    }
    char *at = b->data + b->len;
    b->len += n;
    b->data[b->len] = '\0';
    return at;
}

void yk_buf_append(yk_buf *b, const void *bytes, size_t n)
{
    char *at = yk_buf_extend(b, n);
    if (at && n)
        memcpy(at, bytes, n);
}

void yk_buf_puts(yk_buf *b, const char *s)
{
    yk_buf_append(b, s, strlen(s));
}

void yk_buf_putc(yk_buf *b, char c)
{
    yk_buf_append(b, &c, 1);
}

void yk_buf_printf(yk_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *at = n < 0 ? NULL : yk_buf_extend(b, (size_t)n);
    if (at)
        vsnprintf(at, (size_t)n + 1, fmt, again);
    va_end(again);
}

const char *yk_buf_text(const yk_buf *b)
{
    return b->data ? b->data : "";
}

void yk_buf_clear(yk_buf *b)
{
    b->len = 0;
    b->is_failed = false;
    if (b->data)
        b->data[0] = '\0';
}

void yk_buf_fini(yk_buf *b)
{
    if (!b)
        return;
    yk_free(b->data);
    *b = (yk_buf)YK_BUF_INIT;
}
