/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/number.h"

#include "base/alloc.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* The program that uses the library may have set a locale with a decimal comma. */
static locale_t       c_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t plain(void)
{
    pthread_once(&once, make_locale);
    return c_locale;
}

static size_t unsigned_digits(uint64_t n, char *to)
{
    char  digits[24];
    char *at = digits + sizeof digits;
    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    size_t len = (size_t)(digits + sizeof digits - at);
    memcpy(to, at, len);
    to[len] = '\0';
    return len;
}

size_t yk_number_uint(uint64_t n, char buf[YK_NUMBER_MAX])
{
    return unsigned_digits(n, buf);
}

size_t yk_number_int(int64_t n, char buf[YK_NUMBER_MAX])
{
    if (n >= 0)
        return unsigned_digits((uint64_t)n, buf);
    buf[0] = '-';
    return 1 + unsigned_digits(0 - (uint64_t)n, buf + 1);
}

static size_t special(double x, char *buf)
{
    const char *word = isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
    strcpy(buf, word);
    return strlen(word);
}

static size_t shortest(double x, bool is_float, char *buf)
{
    int      most = is_float ? 9 : 17;
    int      len = 0;
    locale_t before = uselocale(plain());
    bool     is_tiny = fabs(x) < (is_float ? 0x1p-126 : 0x1p-1022); /* has fewer digits of its own */
    for (int digits = is_tiny ? 1 : is_float ? 6 : 15; digits <= most; digits++) {
        len = snprintf(buf, YK_NUMBER_MAX, "%.*g", digits, x);
        if (is_float ? strtof(buf, NULL) == (float)x : strtod(buf, NULL) == x)
            break;
    }
    uselocale(before);
    return (size_t)len;
}

size_t yk_number_real(double x, char buf[YK_NUMBER_MAX])
{
    if (!isfinite(x))
        return special(x, buf);
    if (fabs(x) < 1e15 && x == (double)(int64_t)x && !(x == 0 && signbit(x))) /* what %g prints of it, sooner */
        return yk_number_int((int64_t)x, buf);
    return shortest(x, false, buf);
}

size_t yk_number_float(float x, char buf[YK_NUMBER_MAX])
{
    if (!isfinite(x))
        return special((double)x, buf);
    return shortest((double)x, true, buf);
}

bool yk_number_read_uint(const char *text, size_t len, uint64_t *ret)
{
    uint64_t n = 0;
    size_t   i = len > 0 && text[0] == '+';
    if (i >= len)
        return false;
    for (; i < len; i++) {
        unsigned d = (unsigned)(unsigned char)text[i] - '0';
        if (d > 9 || __builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, d, &n))
            return false;
    }
    *ret = n;
    return true;
}

bool yk_number_read_int(const char *text, size_t len, int64_t *ret)
{
    bool     is_negative = len > 0 && text[0] == '-';
    uint64_t n;
    if ((is_negative && len > 1 && text[1] == '+') || !yk_number_read_uint(text + is_negative, len - is_negative, &n))
        return false;
    if (n > (uint64_t)INT64_MAX + is_negative)
        return false;
    *ret = is_negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

bool yk_number_read_real(const char *text, size_t len, double *ret)
{
    char  local[64];
    char *copy = local, *end;
    if (len == 0 || len > 4096 || !strchr("+-.0123456789iInN", text[0]))
        return false;
    if (len >= sizeof local && !(copy = yk_malloc(len + 1)))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    double x = strtod_l(copy, &end, plain());
    bool   is_whole = end == copy + len;
    if (copy != local)
        yk_free(copy);
    if (is_whole)
        *ret = x;
    return is_whole;
}
