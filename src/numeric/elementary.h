/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Elementary functions, ours so that they have the same bits on every machine and device. Branch-free but for the reduction of
 * huge angles, so that compilers can vectorise loops over them. Bounds in units in the last place, over all arguments:
 *
 *     exp 0.8    log 0.9    log10 0.51   log1p 0.9    pow 0.8    sin, cos 0.9    tan 2.5    tanh 3        (sqrt is the hardware's, 0.5)
 *
 * held by the test against MPFR. Results below 2^-1022 may be off by one more of their (fixed) unit. Special values are those
 * of C Annex F. Polynomials: interpolation at Chebyshev nodes in 60 digits, coefficients then rounded. The forms of log and
 * log1p follow the analysis in Sun's fdlibm; large angles: Payne and Hanek, SIGNUM Newsletter 18 (1983) 19-24.
 */
#ifndef YK_NUMERIC_ELEMENTARY_H
#define YK_NUMERIC_ELEMENTARY_H

#include "numeric/subset.h"

#define YK_LN2_HI   0x1.62e42fee00000p-1 /* its product with an exponent is exact */
#define YK_LN2_LO   0x1.a39ef35793c76p-33
#define YK_LOG2E    0x1.71547652b82fep+0
#define YK_ROUNDER  0x1.8p+52 /* adding it rounds to an integer, which then is the low bits */

/* ---- exp ---- */

/* (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2: relative error 2^-61 of e^r. */
YK_FN double yk_exp_tail(double r)
{
    double p = 0x1.1f730349868cep-29;
    p = YK_FMA(p, r, 0x1.af4de97ca4194p-26);
    p = YK_FMA(p, r, 0x1.27e4db646b17ep-22);
    p = YK_FMA(p, r, 0x1.71de0231960ebp-19);
    p = YK_FMA(p, r, 0x1.a01a01a6d889cp-16);
    p = YK_FMA(p, r, 0x1.a01a01abe7fe1p-13);
    p = YK_FMA(p, r, 0x1.6c16c16c162d4p-10);
    p = YK_FMA(p, r, 0x1.11111111100dcp-7);
    p = YK_FMA(p, r, 0x1.5555555555556p-5);
    p = YK_FMA(p, r, 0x1.5555555555557p-3);
    return YK_FMA(p, r, 0x1.0000000000000p-1);
}

/* 2^n for n in [-1022, 1023] */
YK_FN double yk_pow2(yk_i64 n)
{
    return YK_BITS_F64((yk_u64)(n + 1023) << 52);
}

/* e^(x + lo), |lo| far below |x|; x in [-746, 710] or NaN. */
YK_FN double yk_exp_sum(double x, double lo)
{
    double t = YK_FMA(x, YK_LOG2E, YK_ROUNDER);
    double k = t - YK_ROUNDER;
    yk_i64 n = (yk_i64)((YK_F64_BITS(t) + 0x800) & 0xfff) - 0x800; /* k, from the low bits of the rounded sum */
    double high = YK_FMA(-k, YK_LN2_HI, x); /* exact */
    double r = high + YK_FMA(-k, YK_LN2_LO, lo);
    double sum = 1.0 + r;
    double e = sum + (((1.0 - sum) + r) + r * r * yk_exp_tail(r));
    yk_i64 half = (yk_i64)((yk_u64)(n + 4096) >> 1) - 2048;
    return e * yk_pow2(half) * yk_pow2(n - half);
}

YK_FN double yk_exp(double x)
{
    double c = YK_PICK(x > 710.0, 710.0, x);
    c = YK_PICK(x < -746.0, -746.0, c);
    return yk_exp_sum(c, 0.0);
}

/* ---- log ---- */

/* x = 2^*k * m with m in [sqrt(1/2), sqrt(2)); x positive and finite. */
YK_FN double yk_split(double x, double *k)
{
    yk_u64 small = x < 0x1p-1022 ? 1 : 0;
    yk_u64 b = YK_F64_BITS(x * YK_PICK(small, 0x1p54, 1.0));
    yk_u64 e = (b - 0x3fe6a09e667f3bcdu + 0x4000000000000000u) >> 52; /* k + 1024, all positive */
    *k = YK_BITS_F64(0x4330000000000000u | (e + 2048 - small * 54)) - (0x1p52 + 3072.0);
    return YK_BITS_F64(b - (e << 52) + 0x4000000000000000u);
}

/* (log((1 + s) / (1 - s)) - 2 s) / s^3 in z = s^2: relative error 2^-60.7 of the logarithm. */
YK_FN double yk_log_tail(double z)
{
    double p = 0x1.0c04595972ab8p-3;
    p = YK_FMA(p, z, 0x1.0fbe83c2cbcf3p-3);
    p = YK_FMA(p, z, 0x1.3b1c360763b8ap-3);
    p = YK_FMA(p, z, 0x1.745cf901605f7p-3);
    p = YK_FMA(p, z, 0x1.c71c720160b47p-3);
    p = YK_FMA(p, z, 0x1.2492492476c87p-2);
    p = YK_FMA(p, z, 0x1.9999999999a38p-2);
    return YK_FMA(p, z, 0x1.5555555555555p-1);
}

/* log(m 2^k) + c for m in [sqrt(1/2), sqrt(2)), c tiny beside the rest or the rest is 0 */
YK_FN double yk_log_parts(double m, double k, double c)
{
    double f = m - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double half = 0.5 * f * f;
    double low = YK_FMA(s, half + z * yk_log_tail(z), YK_FMA(k, YK_LN2_LO, c));
    return k * YK_LN2_HI - ((half - low) - f);
}

/* What log is where the argument is no positive finite number. */
YK_FN double yk_log_special(double x, double result)
{
    double r = YK_PICK(x == 0.0, -YK_INF, result);
    r = YK_PICK(x < 0.0, YK_NAN, r);
    return YK_PICK((x == YK_INF) | (x != x), x, r);
}

YK_FN double yk_log(double x)
{
    double k, m = yk_split(x, &k);
    return yk_log_special(x, yk_log_parts(m, k, 0.0));
}

YK_FN double yk_log1p(double x)
{
    double u = 1.0 + x, back = u - 1.0;
    double c = (1.0 - (u - back)) + (x - back); /* u + c is 1 + x exactly */
    double k, m = yk_split(u, &k);
    double r = yk_log_special(u, yk_log_parts(m, k, c / u));
    return YK_PICK((x == 0.0) | (x == YK_INF), x, r);
}

/* log(x) = high + *low to about 2^-66, x positive and finite. The first two terms of the series in double-double. */
YK_FN double yk_log_wide(double x, double *low)
{
    double k, m = yk_split(x, &k);
    double f = m - 1.0, d = 2.0 + f, d_low = f - (d - 2.0);
    double s = f / d;
    double s_low = (YK_FMA(-s, d, f) - s * d_low) / d;
    double z = s * s, z_low = YK_FMA(s, s, -z) + 2.0 * s * s_low;
    double c = s * z, c_low = YK_FMA(s, z, -c) + (s * z_low + s_low * z);
    double t = c * 0x1.5555555555555p-1;
    double t_low = YK_FMA(c, 0x1.5555555555555p-1, -t) + (c * 0x1.5555555555555p-55 + c_low * 0x1.5555555555555p-1);
    double p = 0x1.e02e6fff27908p-4;
    p = YK_FMA(p, z, 0x1.df7cc8e5fa539p-4);
    p = YK_FMA(p, z, 0x1.1118c7e4b0917p-3);
    p = YK_FMA(p, z, 0x1.3b1395d2190c1p-3);
    p = YK_FMA(p, z, 0x1.745d177a96056p-3);
    p = YK_FMA(p, z, 0x1.c71c71c6eaa10p-3);
    p = YK_FMA(p, z, 0x1.2492492492521p-2);
    p = YK_FMA(p, z, 0x1.999999999999ap-2);
    double h = 2.0 * s + t;
    double h_low = ((2.0 * s - h) + t) + (2.0 * s_low + (t_low + c * z * p));
    double a = k * YK_LN2_HI, sum = a + h, part = sum - a;
    double rest = ((a - (sum - part)) + (h - part)) + (h_low + k * YK_LN2_LO);
    double high = sum + rest;
    *low = (sum - high) + rest;
    return high;
}

YK_FN double yk_log10(double x)
{
    double low, high = yk_log_wide(x, &low);
    double p = high * 0x1.bcb7b1526e50ep-2;
    double e = YK_FMA(high, 0x1.bcb7b1526e50ep-2, -p) + YK_FMA(high, 0x1.95355baaafad3p-57, low * 0x1.bcb7b1526e50ep-2);
    return yk_log_special(x, p + e);
}

/* ---- pow ---- */

YK_FN double yk_pow(double x, double y)
{
    double ax = yk_abs(x), ay = yk_abs(y);
    double low, high = yk_log_wide(ax, &low);
    high = YK_PICK(ax == 0.0, -YK_INF, high);
    high = YK_PICK(ax == YK_INF, YK_INF, high);
    low = YK_PICK((ax == 0.0) | (ax == YK_INF), 0.0, low);
    double p = y * high, p_low = YK_FMA(y, high, -p) + y * low;
    yk_u64 is_big = (p > 710.0) | (p < -746.0); /* beyond doubt inf or 0 */
    p_low = YK_PICK(is_big, 0.0, p_low);
    p = YK_PICK(p > 710.0, 710.0, p);
    p = YK_PICK(p < -746.0, -746.0, p);
    double r = yk_exp_sum(p, p_low);
    /* Whole numbers and odd ones among them, for the sign of a negative base. From 2^53 on all are even. */
    double whole = (ay + 0x1p52) - 0x1p52;
    yk_u64 is_whole = (ay >= 0x1p52) | (whole == ay);
    double half = 0.5 * ay, half_whole = (half + 0x1p52) - 0x1p52;
    yk_u64 is_odd = is_whole & (ay < 0x1p53) & (half_whole != half) & (half < 0x1p52);
    yk_u64 is_negative = YK_F64_BITS(x) >> 63;
    r = YK_BITS_F64(YK_F64_BITS(r) ^ ((is_negative & is_odd) << 63));
    r = YK_PICK((x < 0.0) & (ax != YK_INF) & (is_whole == 0), YK_NAN, r);
    r = YK_PICK((x != x) | (y != y), YK_NAN, r);
    r = YK_PICK((ax == 1.0) & (ay == YK_INF), 1.0, r);
    return YK_PICK((y == 0.0) | (x == 1.0), 1.0, r);
}

/* ---- sin, cos, tan ---- */

/* sin and cos of r + low, |r| <= pi/4 */
YK_FN double yk_sin_part(double r, double low)
{
    double z = r * r, p = -0x1.ab17a79237a19p-41;
    p = YK_FMA(p, z, 0x1.61217ec01749dp-33);
    p = YK_FMA(p, z, -0x1.ae64541266378p-26);
    p = YK_FMA(p, z, 0x1.71de3a54605eep-19);
    p = YK_FMA(p, z, -0x1.a01a01a019936p-13);
    p = YK_FMA(p, z, 0x1.1111111111110p-7);
    p = YK_FMA(p, z, -0x1.5555555555555p-3);
    return r + YK_FMA(r * z, p, YK_FMA(-0.5 * z, low, low));
}

YK_FN double yk_cos_part(double r, double low)
{
    double z = r * r, p = 0x1.ab783376962cfp-45;
    p = YK_FMA(p, z, -0x1.9394b9c9c20a4p-37);
    p = YK_FMA(p, z, 0x1.1eed8deb6d561p-29);
    p = YK_FMA(p, z, -0x1.27e4fb7712bdfp-22);
    p = YK_FMA(p, z, 0x1.a01a01a019d0ap-16);
    p = YK_FMA(p, z, -0x1.6c16c16c16c16p-10);
    p = YK_FMA(p, z, 0x1.5555555555555p-5);
    double half = 0.5 * z, sum = 1.0 - half;
    return sum + (((1.0 - sum) - half) + YK_FMA(z * z, p, -r * low));
}

/* x = *q pi/2 + r + *low, q modulo 4, |r| <= pi/4 and a little; |x| < 2^20. */
YK_FN double yk_angle_near(double x, yk_u64 *q, double *low)
{
    double t = YK_FMA(x, 0x1.45f306dc9c883p-1, YK_ROUNDER), k = t - YK_ROUNDER;
    *q = YK_F64_BITS(t) & 3;
    double a = YK_FMA(-k, 0x1.921fb54442d18p+0, x); /* exact */
    double w = k * 0x1.1a62633145c07p-54, w_low = YK_FMA(k, 0x1.1a62633145c07p-54, -w);
    double r = a - w, back = a - r;
    *low = ((back - w) + (a - (r + back))) - YK_FMA(k, -0x1.f1976b7ed8fbcp-110, w_low);
    return r;
}

/* 64 bits of 2/pi from bit `at` on; at in [0, 1152). */
YK_FN yk_u64 yk_two_over_pi(yk_u64 at)
{
    const yk_u64 bits[20] = {
        0xa2f9836e4e441529u, 0xfc2757d1f534ddc0u, 0xdb6295993c439041u, 0xfe5163abdebbc561u, 0xb7246e3a424dd2e0u,
        0x06492eea09d1921cu, 0xfe1deb1cb129a73eu, 0xe88235f52ebb4484u, 0xe99c7026b45f7e41u, 0x3991d639835339f4u,
        0x9c845f8bbdf9283bu, 0x1ff897ffde05980fu, 0xef2f118b5a0a6d1fu, 0x6d367ecf27cb09b7u, 0x4f463f669e5fea2du,
        0x7527bac7ebe5f17bu, 0x3d0739f78a5292eau, 0x6bfb5fb11f8d5d08u, 0x56033046fc7b6babu, 0u};
    yk_u64 word = at >> 6, shift = at & 63;
    return (bits[word] << shift) | (shift ? bits[word + 1] >> (64 - shift) : 0);
}

/* The same for any finite |x| >= 2^20: the bits of x 2/pi around the point come from a product with 192 bits of 2/pi. */
YK_FN double yk_angle_far(double x, yk_u64 *q, double *low)
{
    yk_u64 b = YK_F64_BITS(x), m = (b & 0xfffffffffffffu) | 0x10000000000000u;
    yk_u64 at = ((b >> 52) & 0x7ff) - 1077; /* bits of 2/pi above it only add whole turns */
    yk_u64 skip = at > 0x7fffffff ? 0 : at, lead = at > 0x7fffffff ? 0 - at : 0;
    yk_u64 p0 = yk_two_over_pi(skip), p1 = yk_two_over_pi(skip + 64), p2 = yk_two_over_pi(skip + 128);
    p2 = lead ? (p2 >> lead) | (p1 << (64 - lead)) : p2;
    p1 = lead ? (p1 >> lead) | (p0 << (64 - lead)) : p1;
    p0 = p0 >> lead;
    yk_u64 low1 = m * p1, high2 = YK_MULHI_U64(m, p2), mid = low1 + high2;
    yk_u64 top = m * p0 + YK_MULHI_U64(m, p1) + (mid < low1 ? 1 : 0);
    /* top:mid holds x 2/pi modulo 4, the point two bits below the top. */
    yk_u64 turn = top >> 62;
    top = (top << 2) | (mid >> 62);
    mid <<= 2;
    yk_u64 up = top >> 63; /* fraction of a half or more: nearest quarter is the next one, the remainder negative */
    turn += up;
    yk_u64 flip = 0 - up;
    double high = (double)(yk_i64)((top ^ flip) >> 11) * 0x1p-53;
    double rest = (double)(yk_i64)((((top ^ flip) & 0x7ff) << 42) | ((mid ^ flip) >> 22)) * 0x1p-106;
    double last = (double)(yk_i64)((mid ^ flip) & 0x3fffff) * 0x1p-128;
    double sum = high + rest, tail = ((high - sum) + rest) + last;
    double r = sum * 0x1.921fb54442d18p+0;
    double t = YK_FMA(sum, 0x1.921fb54442d18p+0, -r) + YK_FMA(sum, 0x1.1a62633145c07p-54, tail * 0x1.921fb54442d18p+0);
    yk_u64 sign = (b >> 63) ^ up;
    *q = (b >> 63) ? 0 - turn : turn;
    *q &= 3;
    *low = YK_BITS_F64(YK_F64_BITS(t) ^ (sign << 63));
    return YK_BITS_F64(YK_F64_BITS(r) ^ (sign << 63));
}

YK_FN double yk_angle(double x, yk_u64 *q, double *low)
{
    double ax = yk_abs(x);
    if (ax < 0x1p20)
        return yk_angle_near(x, q, low);
    if (ax < YK_INF)
        return yk_angle_far(x, q, low);
    *q = 0;
    *low = 0.0;
    return YK_NAN;
}

/* From the reduced angle, x itself where it is a zero. */
YK_FN double yk_sin_of(double x, yk_u64 q, double r, double low)
{
    double v = YK_PICK(q & 1, yk_cos_part(r, low), yk_sin_part(r, low));
    v = YK_BITS_F64(YK_F64_BITS(v) ^ ((q >> 1) << 63));
    return YK_PICK(x == 0.0, x, v);
}

YK_FN double yk_cos_of(double x, yk_u64 q, double r, double low)
{
    (void)x;
    double v = YK_PICK(q & 1, yk_sin_part(r, low), yk_cos_part(r, low));
    return YK_BITS_F64(YK_F64_BITS(v) ^ ((((q + 1) >> 1) & 1) << 63));
}

YK_FN double yk_tan_of(double x, yk_u64 q, double r, double low)
{
    double s = yk_sin_part(r, low), c = yk_cos_part(r, low);
    double top = YK_PICK(q & 1, -c, s), bottom = YK_PICK(q & 1, s, c);
    return YK_PICK(x == 0.0, x, top / bottom);
}

/* yk_sin and yk_sin_near, the same for |x| < 2^20 and then without branches; cos and tan likewise. */
#define YK_ANGLE_FUNCTION(name)                     \
    YK_FN double yk_##name##_near(double x)         \
    {                                               \
        yk_u64 q;                                   \
        double low, r = yk_angle_near(x, &q, &low); \
        return yk_##name##_of(x, q, r, low);        \
    }                                               \
    YK_FN double yk_##name(double x)                \
    {                                               \
        yk_u64 q;                                   \
        double low, r = yk_angle(x, &q, &low);      \
        return yk_##name##_of(x, q, r, low);        \
    }
YK_ANGLE_FUNCTION(sin)
YK_ANGLE_FUNCTION(cos)
YK_ANGLE_FUNCTION(tan)

/* ---- tanh ---- */

YK_FN double yk_tanh(double x)
{
    double ax = yk_abs(x), a = YK_PICK(ax > 22.0, 44.0, 2.0 * ax);
    /* t = e^a - 1, with a = k ln 2 + r: 2^k (e^r - 1) + (2^k - 1) */
    double u = YK_FMA(a, YK_LOG2E, YK_ROUNDER), k = u - YK_ROUNDER;
    double r = YK_FMA(-k, YK_LN2_LO, YK_FMA(-k, YK_LN2_HI, a));
    double scale = YK_BITS_F64(((YK_F64_BITS(u) & 0x7f) + 1023) << 52);
    double e = YK_FMA(r * r, yk_exp_tail(r), r);
    double t = YK_FMA(scale, e, scale - 1.0);
    double v = t / (t + 2.0);
    v = YK_PICK(ax > 22.0, 1.0, v);
    v = YK_PICK(x != x, x, v);
    return YK_BITS_F64(YK_F64_BITS(v) | (YK_F64_BITS(x) & 0x8000000000000000u));
}

#endif
