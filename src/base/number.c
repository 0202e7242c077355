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
    static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
                                "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    char  digits[24];
    char *at = digits + sizeof digits;
    for (; n >= 100; n /= 100)
        memcpy(at -= 2, pairs + 2 * (n % 100), 2);
    if (n >= 10)
        memcpy(at -= 2, pairs + 2 * n, 2);
    else
        *--at = (char)('0' + n);
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

/* What can be tried until it reads back. */
static size_t find_shortest(double x, bool is_float, char *buf)
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

/* ---- most numbers: from 2^-20 to 10^15, not whole */

__extension__ typedef unsigned __int128 wide;

static const uint64_t tens[] = {1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u, 10000000000u,
                                100000000000u};

/* d / 10^places, d not a multiple of ten, as %g lays it out. */
static size_t put_decimal(uint64_t d, int places, char *to)
{
    char   digits[24];
    size_t n = unsigned_digits(d, digits), at = 0;
    int    whole = (int)n - places;
    if (whole <= -4) { /* 1.23e-05 */
        to[at++] = digits[0];
        if (n > 1)
            to[at++] = '.';
        memcpy(to + at, digits + 1, n);
        at += n - 1;
        to[at++] = 'e';
        to[at++] = '-';
        to[at++] = (char)('0' + (1 - whole) / 10);
        to[at++] = (char)('0' + (1 - whole) % 10);
        to[at] = '\0';
        return at;
    }
    if (whole <= 0) {
        memcpy(to, "0.0000", 6);
        at = 2 + (size_t)-whole;
    } else {
        memcpy(to, digits, (size_t)whole);
        at = (size_t)whole;
        to[at++] = '.';
    }
    size_t from = whole > 0 ? (size_t)whole : 0;
    memcpy(to + at, digits + from, n - from + 1);
    return at + n - from;
}

/* The numbers that read as x = m * 2^-s lie between its halfway points to its neighbours: in units of 10^-places, `places` such that
 * they are 1 to 10 units, less than a multiple of ten and its next, apart. A multiple of ten between them has fewer digits than all
 * others; without one the unit nearest to x is as short as any. */
static size_t put_shortest(uint64_t m, int s, char *to)
{
    int  places = (s * 78913 >> 18) + 1, half_places = places / 2; /* log10(2) * 2^18 */
    wide scale = (wide)tens[half_places] * tens[places - half_places], half = scale / 2;
    wide v = m * scale, one = (wide)1 << s; /* at most 2^127 */
    uint64_t d = (uint64_t)(v >> s), below = d % 10;
    wide     rest = v & (one - 1), down = below * one + rest, up = (10 - below) * one - rest;
    bool     has_ends = m % 2 == 0; /* a tie reads as the even one */
    if (down < half || (down == half && has_ends))
        d -= below;
    else if (up < half || (up == half && has_ends))
        d += 10 - below;
    else
        d += rest > one / 2 || (rest == one / 2 && d % 2);
    for (; d % 10 == 0; d /= 10)
        places--;
    return put_decimal(d, places, to);
}

/* Three decimal places or fewer and 15 digits at most: no other number of so few digits reads as x. */
static size_t put_few_places(double x, char *to)
{
    uint64_t d = (uint64_t)(x * 1000 + 0.5);
    int      places = 3;
    if ((double)d / 1000 != x)
        return 0;
    for (; d % 10 == 0; d /= 10)
        places--;
    return put_decimal(d, places, to);
}

static size_t shortest(double x, char *buf)
{
    uint64_t bits, fraction;
    double   size = fabs(x);
    size_t   sign = x < 0, n;
    memcpy(&bits, &x, sizeof bits);
    fraction = bits & 0xfffffffffffffu;
    buf[0] = '-';
    if (size < 1e12 && size > 1e-3 && (n = put_few_places(size, buf + sign)) > 0)
        return sign + n;
    if (size < 0x1p-20 || size >= 1e15 || fraction == 0) /* a power of two is nearer to its lower neighbour */
        return find_shortest(x, false, buf);
    return sign + put_shortest(fraction | (uint64_t)1 << 52, 1075 - (int)(bits >> 52 & 0x7ff), buf + sign);
}

size_t yk_number_real(double x, char buf[YK_NUMBER_MAX])
{
    if (!isfinite(x))
        return special(x, buf);
    if (fabs(x) < 1e15 && x == (double)(int64_t)x && !(x == 0 && signbit(x))) /* what %g prints of it, sooner */
        return yk_number_int((int64_t)x, buf);
    return shortest(x, buf);
}

size_t yk_number_float(float x, char buf[YK_NUMBER_MAX])
{
    if (!isfinite(x))
        return special((double)x, buf);
    return find_shortest((double)x, true, buf);
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
