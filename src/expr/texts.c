/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Text: compared by bytes, counted by characters; letter case of ASCII, Latin-1, Greek and Cyrillic, where both cases have as
 * many bytes. And values as text and back.
 */
#include "base/number.h"
#include "expr/program.h"
#include "numeric/kernels.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

int yk_text_compare(yk_text a, yk_text b)
{
    uint64_t n = a.len < b.len ? a.len : b.len;
    int      d = n ? memcmp(a.data, b.data, n) : 0;
    return d ? d : (a.len > b.len) - (a.len < b.len);
}

/* Up to eight bytes, zeros behind them. */
static uint64_t load_few(const char *at, size_t n)
{
    const unsigned char *p = (const unsigned char *)at;
    uint32_t             lo, hi;
    uint64_t             word = 0;
    if (n >= 8) {
        memcpy(&word, at, 8);
    } else if (n >= 4) {
        memcpy(&lo, at, 4);
        memcpy(&hi, at + n - 4, 4);
        word = lo | (uint64_t)hi << 8 * (n - 4);
    } else if (n) {
        word = p[0] | (uint64_t)p[n / 2] << 8 * (n / 2) | (uint64_t)p[n - 1] << 8 * (n - 1);
    }
    return word;
}

/* Bytes that go on with a letter of UTF-8 (10xxxxxx) do not count. */
int64_t yk_text_length(yk_text text)
{
    const uint64_t tops = 0x8080808080808080u;
    uint64_t       more = 0;
    for (uint64_t i = 0; i < text.len; i += 8) {
        uint64_t word = load_few(text.data + i, text.len - i);
        more += ((word & tops & ~(word << 1)) >> 7) * 0x0101010101010101u >> 56;
    }
    return (int64_t)(text.len - more);
}

/* Two-byte letters U+0080 … U+07FF whose other case lies a fixed distance away. */
static unsigned other_case(unsigned c, bool to_lower)
{
    static const struct {
        unsigned first, last;
        int      distance; /* from upper to lower */
    } runs[] = {{0xc0, 0xd6, 32}, {0xd8, 0xde, 32}, {0x391, 0x3a1, 32}, {0x3a3, 0x3a9, 32}, {0x400, 0x40f, 80}, {0x410, 0x42f, 32}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        unsigned low = (unsigned)((int)runs[i].first + runs[i].distance), high = (unsigned)((int)runs[i].last + runs[i].distance);
        if (to_lower && c >= runs[i].first && c <= runs[i].last)
            return c + (unsigned)runs[i].distance;
        if (!to_lower && c >= low && c <= high)
            return c - (unsigned)runs[i].distance;
    }
    return c;
}

void yk_text_map(yk_op op, yk_text from, char *to)
{
    bool to_lower = op == YK_OP_LOWER;
    for (uint64_t i = 0; i < from.len; i++) {
        unsigned char c = (unsigned char)from.data[i];
        if (c < 0x80) {
            to[i] = (char)(to_lower ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : (c >= 'a' && c <= 'z' ? c - 32 : c));
        } else if (c >= 0xc2 && c <= 0xdf && i + 1 < from.len && ((unsigned char)from.data[i + 1] & 0xc0) == 0x80) {
            unsigned r = other_case((c & 0x1fu) << 6 | ((unsigned char)from.data[i + 1] & 0x3fu), to_lower);
            to[i] = (char)(0xc0 | r >> 6);
            to[++i] = (char)(0x80 | (r & 0x3f));
        } else {
            to[i] = (char)c;
        }
    }
}

void yk_decimals_to_real(const void *from, uint32_t n, int scale, double *to)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    for (uint32_t i = 0; i < n; i++) {
        __extension__ __int128 d;
        memcpy(&d, (const char *)from + i * sizeof d, sizeof d);
        to[i] = d == (int64_t)d ? (double)(int64_t)d : (double)d; /* the same; the former is one instruction */
    }
    for (int left = scale, step; left; left -= step) {
        step = left > 22 ? 22 : left < -22 ? -22 : left;
        YK_ISA_PICK(yk_k_real2)(step > 0 ? YK_REAL2_DIV : YK_REAL2_MUL, YK_SIDES_VC, to, to, &ten[abs(step)], n);
    }
}

/* Digits with a point before the last `scale` of them; zeros after them for a scale below 0. */
static size_t print_decimal(const void *v, int scale, char *buf, size_t size)
{
    __extension__ __int128 d;
    memcpy(&d, v, sizeof d);
    char     digits[48];
    int      n = 0;
    bool     is_negative = d < 0;
    __extension__ unsigned __int128 u = is_negative ? 0 - (unsigned __int128)d : (unsigned __int128)d;
    do {
        digits[n++] = (char)('0' + (int)(u % 10));
        u /= 10;
    } while (u || (n <= scale && n < 40));
    size_t at = 0;
    if (is_negative)
        buf[at++] = '-';
    while (n && at + 2 < size) {
        buf[at++] = digits[--n];
        if (n == scale && n > 0)
            buf[at++] = '.';
    }
    for (; scale < 0 && at + 1 < size; scale++)
        buf[at++] = '0';
    buf[at] = '\0';
    return at;
}

static bool is_dash(int i) { return i == 8 || i == 13 || i == 18 || i == 23; }

bool yk_uuid_parse(yk_text text, char ret[16])
{
    unsigned char bytes[16] = {0};
    int           n = 0;
    if (text.len != 36)
        return false;
    for (int i = 0; i < 36; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (is_dash(i) ? c != '-' : !isxdigit(c))
            return false;
        if (is_dash(i))
            continue;
        bytes[n / 2] = (unsigned char)(bytes[n / 2] << 4 | (isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10));
        n++;
    }
    memcpy(ret, bytes, sizeof bytes);
    return true;
}

static size_t print_uuid(const yk_text *t, char *buf)
{
    char *to = buf;
    for (int i = 0, n = 0; i < 36 && t->len == 16; i++) {
        *to++ = is_dash(i) ? '-' : "0123456789abcdef"[(unsigned char)t->data[n / 2] >> (n & 1 ? 0 : 4) & 15];
        n += !is_dash(i);
    }
    *to = '\0';
    return (size_t)(to - buf);
}

size_t yk_value_print(yk_type type, const void *value, char buf[YK_VALUE_MAX])
{
    int64_t i = 0;
    double  r = 0;
    switch (type.kind) {
    case YK_KIND_BOOL: return (size_t)(stpcpy(buf, *(const uint8_t *)value ? "true" : "false") - buf);
    case YK_KIND_INT: memcpy(&i, value, sizeof i); return yk_number_int(i, buf);
    case YK_KIND_UINT: memcpy(&i, value, sizeof i); return yk_number_uint((uint64_t)i, buf);
    case YK_KIND_REAL: memcpy(&r, value, sizeof r); return yk_number_real(r, buf);
    case YK_KIND_TIME:
    case YK_KIND_DATE:
    case YK_KIND_SPAN: memcpy(&i, value, sizeof i); return yk_time_print(type, i, buf);
    case YK_KIND_DECIMAL: return print_decimal(value, type.scale, buf, YK_VALUE_MAX);
    case YK_KIND_DATA:
        if (type.is_uuid)
            return print_uuid(value, buf);
        break;
    default: break;
    }
    buf[0] = '\0';
    return 0;
}

static bool is_word(yk_text t, const char *word)
{
    return t.len == strlen(word) && strncasecmp(t.data, word, t.len) == 0;
}

static bool parse_bool(yk_text t, uint8_t *ret)
{
    *ret = is_word(t, "true") || is_word(t, "1");
    return *ret || is_word(t, "false") || is_word(t, "0");
}

static bool parse_number(yk_type type, yk_text t, void *ret)
{
    if (type.kind == YK_KIND_REAL)
        return yk_number_read_real(t.data, t.len, ret);
    return yk_number_read_int(t.data, t.len, ret);
}

bool yk_value_parse(yk_type type, yk_text text, void *ret)
{
    while (text.len && isspace((unsigned char)*text.data))
        text.data++, text.len--;
    while (text.len && isspace((unsigned char)text.data[text.len - 1]))
        text.len--;
    if (text.len == 0)
        return false;
    if (yk_kind_is_time(type.kind)) {
        int64_t v;
        yk_unit unit;
        bool    is_date;
        if (!yk_time_parse(text.data, text.len, &v, &unit, &is_date))
            return false;
        int64_t from = yk_unit_per_second(unit), to = yk_unit_per_second(type.unit);
        v = type.kind == YK_KIND_DATE ? yk_rescale(v, -86400 * from) : yk_rescale(v, to >= from ? to / from : -(from / to));
        memcpy(ret, &v, sizeof v);
        return true;
    }
    return type.kind == YK_KIND_BOOL ? parse_bool(text, ret) : parse_number(type, text, ret);
}
