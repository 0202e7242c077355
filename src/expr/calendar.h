/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parts of many times at once, by vector loops built once per instruction set (calendar.c). They compute in doubles and take what fits
 * there: |x| < 2^50, times the power of two that divides `by`. Of the years around 1970 that is all of nanoseconds for dates and hours, 73
 * for minutes and 18 for seconds, and thousands of coarser units. times.c does the others, one by one.
 */
#ifndef YK_EXPR_CALENDAR_H
#define YK_EXPR_CALENDAR_H

#include "numeric/isa.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum yk_part {
    YK_PART_QUOTIENT, /* x / by, rounded down */
    YK_PART_CYCLE,    /* (x / by + add) modulo `of`, both rounded down */
    YK_PART_YEAR,     /* in the proleptic Gregorian calendar, `by` being a day */
    YK_PART_MONTH,
    YK_PART_DAY,      /* of the month */
} yk_part;

enum { YK_PART_ROWS = 256 }; /* of a call, at most */

/* False when one of the n does not fit; nothing is written then. 0 < by < 2^50; add and `of` < 2^20; to may be x. */
YK_ISA_DECLARE(bool, yk_k_part, (yk_part part, const int64_t *x, uint32_t n, int64_t by, int64_t add, int64_t of, int64_t *to));

#endif
