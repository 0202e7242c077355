/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An axis: where it begins and ends, and its ticks. Both renderers use it, so that a picture and its drawing in the
 * terminal agree.
 */
#ifndef YK_PLOT_AXIS_H
#define YK_PLOT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

enum { YK_AXIS_TICKS = 128, YK_TICK_TEXT = 24 };

typedef struct yk_tick {
    double at;
    bool   is_minor;           /* no text */
    int    power;              /* with is_power: the text is ten to this power */
    bool   is_power;
    char   text[YK_TICK_TEXT]; /* ASCII, such as "0.25" */
} yk_tick;

typedef struct yk_axis {
    bool    is_log;
    double  lo, hi; /* lo < hi, both finite; both positive when is_log */
    yk_tick ticks[YK_AXIS_TICKS]; /* rising; within [lo, hi] */
    size_t  n_ticks;
} yk_axis;

/* Fills in the ticks of an axis whose is_log, lo and hi are set: at most about `wanted` with a text. */
void yk_axis_set_ticks(yk_axis *a, unsigned wanted);

/* Where v lies between lo (0) and hi (1); outside that for what is off the axis; NaN for a v that a log axis cannot show. */
double yk_axis_place(const yk_axis *a, double v);

#endif
