/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parts of many times at once. Quotients are computed in doubles: with c = (by - 1) / 2, (x - c) / by is by 1 / (2 by) and more away from
 * half a whole number, and the nearest whole one is x / by, rounded down. Below 2^51 the two roundings on the way, of 1 / by and of the
 * product, move it by less. Dates as in C. Neri and L. Schneider, "Euclidean affine functions and their application to calendar
 * algorithms" (2022), in 32 bits.
 */
#include "expr/calendar.h"

#define INLINE static inline __attribute__((always_inline))

#define WHOLE      0x1.8p52 /* plus a whole number between -2^51 and 2^51, which then stands in the lowest bits */
#define WHOLE_BITS UINT64_C(0x4338000000000000)

typedef union bits {
    uint64_t u;
    double   real;
} bits;

INLINE double real_of(int64_t x) { return (bits){.u = (uint64_t)x + WHOLE_BITS}.real - WHOLE; }

INLINE int64_t whole_of(double x) { return (int64_t)((bits){.real = x + WHOLE}.u - WHOLE_BITS); }

INLINE double quotient(double x, double by, double one_of) { return ((x - (by - 1) / 2) * one_of + WHOLE) - WHOLE; }

/* x / by, rounded down, at first by the power of two in `by`: what is left of x may be as large as it gets then. */
INLINE bool quotients(const int64_t *x, uint32_t n, int64_t by, double *to)
{
    const unsigned shift = (unsigned)__builtin_ctzll((uint64_t)by);
    const uint64_t sign = UINT64_C(1) << 63, middle = sign >> shift;
    const double   rest = (double)(by >> shift), one_of = 1 / rest;
    uint64_t       far = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = (((uint64_t)x[i] ^ sign) >> shift) - middle;
        far |= (v + (UINT64_C(1) << 50)) >> 51;
        to[i] = quotient(real_of((int64_t)v), rest, one_of);
    }
    return !far;
}

/* Days since 1970-01-01 in 32 bits, moved by whole eras of 400 years to be positive, to days since the March 1st before. */
enum { NEAR_BITS = 28, ERAS = 1838, ERA = 146097, EPOCH = 719468 };

INLINE bool days_of(const double *q, uint32_t n, uint32_t *to)
{
    uint64_t far = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = (uint64_t)whole_of(q[i]);
        far |= (v + (UINT64_C(1) << NEAR_BITS)) >> (NEAR_BITS + 1);
        to[i] = (uint32_t)v + EPOCH + (uint32_t)ERAS * ERA;
    }
    return !far;
}

INLINE void dates(yk_part part, const uint32_t *day, uint32_t n, int64_t *to)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t four = 4 * day[i] + 3, century = four / ERA, in_century = four % ERA / 4;
        uint64_t years = UINT64_C(2939745) * (4 * in_century + 3); /* 2^32 / 1461, rounded up: the year above its fraction */
        uint32_t in_year = (uint32_t)years / 2939745 / 4, months = 2141 * in_year + 197913; /* 2^16 for a month: month 3 is the first */
        int32_t  is_next = in_year >= 306; /* January or February, of the next year */
        int32_t  year = (int32_t)(100 * century + (uint32_t)(years >> 32)) - 400 * ERAS + is_next;
        int32_t  month = (int32_t)(months >> 16) - 12 * is_next;
        to[i] = part == YK_PART_YEAR ? year : part == YK_PART_MONTH ? month : (int32_t)((months & 0xffff) / 2141) + 1;
    }
}

bool YK_ISA(yk_k_part)(yk_part part, const int64_t *x, uint32_t n, int64_t by, int64_t add, int64_t of, int64_t *to)
{
    double       q[YK_PART_ROWS];
    uint32_t     day[YK_PART_ROWS];
    const double after = (double)add, round = (double)of, one_of = 1 / round;
    if (!quotients(x, n, by, q) || (part >= YK_PART_YEAR && !days_of(q, n, day)))
        return false;
    switch (part) {
    case YK_PART_QUOTIENT:
        for (uint32_t i = 0; i < n; i++)
            to[i] = whole_of(q[i]);
        break;
    case YK_PART_CYCLE:
        for (uint32_t i = 0; i < n; i++) {
            double v = q[i] + after;
            to[i] = whole_of(v - quotient(v, round, one_of) * round);
        }
        break;
    case YK_PART_YEAR: dates(YK_PART_YEAR, day, n, to); break;
    case YK_PART_MONTH: dates(YK_PART_MONTH, day, n, to); break;
    default: dates(YK_PART_DAY, day, n, to);
    }
    return true;
}
