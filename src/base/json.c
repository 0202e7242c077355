/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/json.h"

#include <string.h>

/* Bytes of the UTF-8 sequence that s[0..n) begins with; 0: it begins with none. */
static size_t utf8_size(const unsigned char *s, size_t n)
{
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (size > n || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90)
        || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

/* Characters at the beginning that stand for themselves: all of ASCII but a few. */
static size_t count_plain(const unsigned char *s, size_t n)
{
    size_t i = 0;
    while (i < n && s[i] >= 0x20 && s[i] < 0x80 && s[i] != '"' && s[i] != '\\')
        i++;
    return i;
}

void yk_json_text(yk_buf *to, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    yk_buf_putc(to, '"');
    for (size_t i = 0, size; i < n; i += size ? size : 1) {
        size = count_plain(s + i, n - i);
        if (size) {
            yk_buf_append(to, text + i, size);
            continue;
        }
        size = utf8_size(s + i, n - i);
        if (s[i] == '"' || s[i] == '\\')
            yk_buf_printf(to, "\\%c", s[i]);
        else if (s[i] == '\n')
            yk_buf_puts(to, "\\n");
        else if (s[i] < 0x20)
            yk_buf_printf(to, "\\u%04x", s[i]);
        else
            yk_buf_append(to, size ? text + i : "\xef\xbf\xbd", size ? size : 3);
    }
    yk_buf_putc(to, '"');
}
