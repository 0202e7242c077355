/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Element by element: compilers vectorise these loops; each operator and each choice of sides is a loop of its own.
 */
#include "numeric/elementary.h"
#include "numeric/kernels.h"

#include <math.h>

#define EACH(expression)                          \
    do {                                          \
        for (uint32_t i = 0; i < n; i++) {        \
            double x = a[i];                      \
            to[i] = (expression);                 \
        }                                         \
        return;                                   \
    } while (0)

/* Huge angles are rare: first all as if there were none, then those again. */
#define EACH_ANGLE(name)                          \
    do {                                          \
        for (uint32_t i = 0; i < n; i++)          \
            to[i] = yk_##name##_near(a[i]);       \
        for (uint32_t i = 0; i < n; i++)          \
            if (!(yk_abs(a[i]) < 0x1p20))         \
                to[i] = yk_##name(a[i]);          \
        return;                                   \
    } while (0)

void YK_ISA(yk_k_real1)(yk_real1 op, double *to, const double *a, uint32_t n)
{
    switch (op) {
    case YK_REAL1_NEG: EACH(YK_BITS_F64(YK_F64_BITS(x) ^ 0x8000000000000000u));
    case YK_REAL1_ABS: EACH(yk_abs(x));
    case YK_REAL1_SQRT: EACH(YK_SQRT(x));
    case YK_REAL1_EXP: EACH(yk_exp(x));
    case YK_REAL1_LOG: EACH(yk_log(x));
    case YK_REAL1_LOG10: EACH(yk_log10(x));
    case YK_REAL1_LOG1P: EACH(yk_log1p(x));
    case YK_REAL1_SIN: EACH_ANGLE(sin);
    case YK_REAL1_COS: EACH_ANGLE(cos);
    case YK_REAL1_TAN: EACH_ANGLE(tan);
    case YK_REAL1_TANH: EACH(yk_tanh(x));
    case YK_REAL1_FLOOR: EACH(floor(x));
    case YK_REAL1_CEIL: EACH(ceil(x));
    case YK_REAL1_ROUND: EACH(rint(x));
    }
}

/* Python's modulo has the sign of the divisor; fmod is exact. */
static inline double modulo(double x, double y)
{
    double m = fmod(x, y);
    if (m != 0.0)
        return (m < 0.0) != (y < 0.0) ? m + y : m;
    return m == m ? copysign(0.0, y) : m;
}

static inline double floor_divide(double x, double y)
{
    double m = fmod(x, y);
    if (y == 0.0)
        return x / y;
    double q = (x - m) / y;
    if (m != 0.0 && (m < 0.0) != (y < 0.0))
        q -= 1.0;
    if (q == 0.0)
        return copysign(0.0, x / y);
    double f = floor(q);
    return q - f > 0.5 ? f + 1.0 : f;
}

#define PAIRS(expression)                                                        \
    do {                                                                         \
        if (sides == YK_SIDES_VV) {                                              \
            for (uint32_t i = 0; i < n; i++) {                                   \
                T x = a[i], y = b[i];                                            \
                to[i] = (expression);                                            \
            }                                                                    \
        } else if (sides == YK_SIDES_VC) {                                       \
            T y = b[0];                                                          \
            for (uint32_t i = 0; i < n; i++) {                                   \
                T x = a[i];                                                      \
                to[i] = (expression);                                            \
            }                                                                    \
        } else {                                                                 \
            T x = a[0];                                                          \
            for (uint32_t i = 0; i < n; i++) {                                   \
                T y = b[i];                                                      \
                to[i] = (expression);                                            \
            }                                                                    \
        }                                                                        \
    } while (0)

#define T double
void YK_ISA(yk_k_real2)(yk_real2 op, yk_sides sides, double *to, const double *a, const double *b, uint32_t n)
{
    switch (op) {
    case YK_REAL2_ADD: PAIRS(x + y); break;
    case YK_REAL2_SUB: PAIRS(x - y); break;
    case YK_REAL2_MUL: PAIRS(x * y); break;
    case YK_REAL2_DIV: PAIRS(x / y); break;
    case YK_REAL2_MIN: PAIRS(yk_least(x, y)); break;
    case YK_REAL2_MAX: PAIRS(yk_greatest(x, y)); break;
    case YK_REAL2_POW: PAIRS(yk_pow(x, y)); break;
    case YK_REAL2_IDIV: PAIRS(floor_divide(x, y)); break;
    case YK_REAL2_MOD: PAIRS(modulo(x, y)); break;
    }
}
#undef T

static inline int64_t add_wrapped(int64_t x, int64_t y, uint64_t *over)
{
    uint64_t s = (uint64_t)x + (uint64_t)y;
    *over |= ((uint64_t)x ^ s) & ((uint64_t)y ^ s);
    return (int64_t)s;
}

static inline int64_t subtract_wrapped(int64_t x, int64_t y, uint64_t *over)
{
    uint64_t d = (uint64_t)x - (uint64_t)y;
    *over |= ((uint64_t)x ^ (uint64_t)y) & ((uint64_t)x ^ d);
    return (int64_t)d;
}

static inline int64_t multiply_wrapped(int64_t x, int64_t y, uint64_t *over)
{
    int64_t p;
    *over |= (uint64_t)__builtin_mul_overflow(x, y, &p) << 63;
    return p;
}

static inline int64_t divide_floor(int64_t x, int64_t y, uint64_t *over)
{
    if (y == 0)
        return 0;
    if (y == -1)
        return subtract_wrapped(0, x, over);
    return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

static inline int64_t modulo_floor(int64_t x, int64_t y)
{
    if (y == 0 || y == -1)
        return 0;
    int64_t m = x % y;
    return m + ((m != 0 && (m < 0) != (y < 0)) ? y : 0);
}

/* Many integers divided by one d > 1, by multiplication (Granlund and Montgomery 1994, theorem 4.2, for numerators of 63 bits): the
 * quotient of x >= 0 is the product's upper 64 bits without the lowest `shift`, and floor(x / d) of x < 0 is ~floor(~x / d). */
__extension__ typedef unsigned __int128 product;

typedef struct divisor {
    uint64_t factor;
    unsigned shift;
} divisor;

static inline divisor divisor_of(int64_t d)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll((uint64_t)d - 1); /* 2^bits >= d */
    return (divisor){(uint64_t)((((product)1 << (63 + bits)) / (uint64_t)d) + 1), bits - 1};
}

static inline int64_t divide_by(int64_t x, divisor d)
{
    uint64_t sign = (uint64_t)(x >> 63), q = (uint64_t)((product)d.factor * ((uint64_t)x ^ sign) >> 64) >> d.shift;
    return (int64_t)(q ^ sign);
}

static inline void divide_all(bool is_mod, int64_t *to, const int64_t *a, int64_t by, uint32_t n)
{
    const divisor d = divisor_of(by);
    for (uint32_t i = 0; i < n; i++) {
        int64_t q = divide_by(a[i], d);
        to[i] = is_mod ? (int64_t)((uint64_t)a[i] - (uint64_t)q * (uint64_t)by) : q;
    }
}

#define T int64_t
bool YK_ISA(yk_k_int2)(yk_int2 op, yk_sides sides, int64_t *to, const int64_t *a, const int64_t *b, uint32_t n)
{
    uint64_t over = 0;
    if ((op == YK_INT2_IDIV || op == YK_INT2_MOD) && sides == YK_SIDES_VC && b[0] > 1 && n > 1) {
        divide_all(op == YK_INT2_MOD, to, a, b[0], n);
        return false;
    }
    switch (op) {
    case YK_INT2_ADD: PAIRS(add_wrapped(x, y, &over)); break;
    case YK_INT2_SUB: PAIRS(subtract_wrapped(x, y, &over)); break;
    case YK_INT2_MUL: PAIRS(multiply_wrapped(x, y, &over)); break;
    case YK_INT2_MIN: PAIRS(x < y ? x : y); break;
    case YK_INT2_MAX: PAIRS(x > y ? x : y); break;
    case YK_INT2_IDIV: PAIRS(divide_floor(x, y, &over)); break;
    case YK_INT2_MOD: PAIRS(modulo_floor(x, y)); break;
    }
    return over >> 63;
}
#undef T

void YK_ISA(yk_k_int_to_real)(double *to, const int64_t *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = (double)a[i];
}
