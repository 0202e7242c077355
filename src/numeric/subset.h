/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The subset of C that is also CUDA C and OpenCL C: what code must use that is compiled for CPUs and GPUs alike and must give
 * the same bits. No float ?:, no fmin and fmax, no plain casts of numbers that may not fit: selections work on bits.
 */
#ifndef YK_NUMERIC_SUBSET_H
#define YK_NUMERIC_SUBSET_H

#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__)
#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef long  yk_i64;
typedef ulong yk_u64;
#define YK_FN             static inline
#define YK_F64_BITS(x)    as_ulong(x)
#define YK_BITS_F64(b)    as_double(b)
#define YK_FMA(a, b, c)   fma((double)(a), (double)(b), (double)(c))
#define YK_SQRT(x)        sqrt((double)(x))
#define YK_MULHI_U64(a, b) mul_hi((yk_u64)(a), (yk_u64)(b))
#elif defined(__CUDACC__) || defined(__CUDACC_RTC__)
typedef long long          yk_i64;
typedef unsigned long long yk_u64;
#define YK_FN             static __device__ __forceinline__
#define YK_F64_BITS(x)    ((yk_u64)__double_as_longlong(x))
#define YK_BITS_F64(b)    __longlong_as_double((yk_i64)(b))
#define YK_FMA(a, b, c)   __fma_rn((a), (b), (c))
#define YK_SQRT(x)        __dsqrt_rn(x)
#define YK_MULHI_U64(a, b) __umul64hi((a), (b))
#else
#include <stdint.h>
#include <string.h>
typedef int64_t  yk_i64;
typedef uint64_t yk_u64;
#define YK_FN static inline __attribute__((always_inline, unused))
YK_FN yk_u64 YK_F64_BITS(double x)
{
    yk_u64 b;
    memcpy(&b, &x, sizeof b);
    return b;
}
YK_FN double YK_BITS_F64(yk_u64 b)
{
    double x;
    memcpy(&x, &b, sizeof x);
    return x;
}
#define YK_FMA(a, b, c)   __builtin_fma((a), (b), (c))
#define YK_SQRT(x)        __builtin_sqrt(x)
YK_FN yk_u64 YK_MULHI_U64(yk_u64 a, yk_u64 b)
{
    __extension__ typedef unsigned __int128 wide;
    return (yk_u64)((wide)a * b >> 64);
}
#endif

/* c ? a : b of doubles, on bits; c is 0 or 1. Both are computed: written so that compilers make no branch of it. */
#define YK_PICK(c, a, b) YK_BITS_F64(((YK_F64_BITS(a) ^ YK_F64_BITS(b)) & (0 - (yk_u64)(c))) ^ YK_F64_BITS(b))

#define YK_NAN YK_BITS_F64(0x7ff8000000000000u)
#define YK_INF YK_BITS_F64(0x7ff0000000000000u)

/* A total order of the numbers as signed integers: -0 just below +0. */
YK_FN yk_i64 yk_order(double x)
{
    yk_i64 b = (yk_i64)YK_F64_BITS(x);
    return b ^ (yk_i64)((b < 0 ? ~(yk_u64)0 : 0) >> 1);
}

/* The lesser and the greater; NaN if either is one. */
YK_FN double yk_least(double a, double b)
{
    yk_u64 r = yk_order(a) < yk_order(b) ? YK_F64_BITS(a) : YK_F64_BITS(b);
    return YK_BITS_F64(((a != a) | (b != b)) ? 0x7ff8000000000000u : r);
}

YK_FN double yk_greatest(double a, double b)
{
    yk_u64 r = yk_order(a) > yk_order(b) ? YK_F64_BITS(a) : YK_F64_BITS(b);
    return YK_BITS_F64(((a != a) | (b != b)) ? 0x7ff8000000000000u : r);
}

YK_FN double yk_abs(double x)
{
    return YK_BITS_F64(YK_F64_BITS(x) & 0x7fffffffffffffffu);
}

#endif
