/* SPDX-License-Identifier: BSD-3-Clause */
#include "plot/axis.h"

#include <math.h>
#include <stdio.h>

static yk_tick *add(yk_axis *a, double at)
{
    if (a->n_ticks == YK_AXIS_TICKS || at < a->lo || at > a->hi)
        return NULL;
    yk_tick *t = &a->ticks[a->n_ticks++];
    *t = (yk_tick){.at = at};
    return t;
}

static double times_ten_to(int m, int e)
{
    return e < 0 ? m / pow(10, -e) : m * pow(10, e); /* exact for the powers of ten that a double holds */
}

/* Steps of 1, 2, 2.5 or 5 times a power of ten: the smallest that gives no more than `wanted` of them. */
static void linear_ticks(yk_axis *a, unsigned wanted)
{
    static const double nice[] = {1, 2, 2.5, 5, 10};
    double span = a->hi - a->lo, power = pow(10, floor(log10(span / wanted))), step = 10 * power;
    for (size_t i = 0; i < sizeof nice / sizeof *nice; i++) {
        step = nice[i] * power;
        if (span / step <= wanted)
            break;
    }
    double biggest = fmax(fabs(a->lo), fabs(a->hi));
    bool   is_wide = biggest >= 1e6 || biggest < 1e-3;
    int    decimals = is_wide ? 0 : (int)fmax(0, ceil(-log10(step) - 1e-9));
    if (!is_wide && fabs(step * pow(10, decimals) - round(step * pow(10, decimals))) > 1e-6)
        decimals++; /* 0.25 needs one digit more than 0.2 */
    for (double k = ceil(a->lo / step - 1e-9); k <= floor(a->hi / step + 1e-9); k++) {
        double   at = k * step;
        yk_tick *t = add(a, fmin(fmax(at, a->lo), a->hi));
        if (!t)
            break;
        if (is_wide)
            snprintf(t->text, sizeof t->text, "%.6g", at == 0 ? 0 : at);
        else
            snprintf(t->text, sizeof t->text, "%.*f", decimals, at == 0 ? 0 : at);
    }
}

/* Over less than two decades, 1 2 5 10 … with plain numbers. */
static void short_log_ticks(yk_axis *a)
{
    for (int e = (int)floor(log10(a->lo)); e <= (int)ceil(log10(a->hi)); e++)
        for (int m = 1; m < 10; m++) {
            double   at = times_ten_to(m, e);
            yk_tick *t = add(a, at);
            if (t && (m == 1 || m == 2 || m == 5))
                snprintf(t->text, sizeof t->text, "%.6g", at);
            else if (t)
                t->is_minor = true;
        }
}

static void log_ticks(yk_axis *a, unsigned wanted)
{
    int from = (int)floor(log10(a->lo)), to = (int)ceil(log10(a->hi)), every = 1;
    while ((unsigned)((to - from) / every) > wanted)
        every++;
    for (int e = from; e <= to; e++)
        for (int m = 1; m < (every == 1 ? 10 : 2); m++) {
            yk_tick *t = add(a, times_ten_to(m, e));
            if (!t)
                continue;
            t->is_minor = m > 1 || e % every != 0;
            t->is_power = !t->is_minor;
            t->power = e;
            if (t->is_power)
                snprintf(t->text, sizeof t->text, "10^%d", e);
        }
}

void yk_axis_set_ticks(yk_axis *a, unsigned wanted)
{
    a->n_ticks = 0;
    if (wanted < 2)
        wanted = 2;
    if (!a->is_log)
        linear_ticks(a, wanted);
    else if (a->hi / a->lo < 50)
        short_log_ticks(a);
    else
        log_ticks(a, wanted);
}

double yk_axis_place(const yk_axis *a, double v)
{
    if (!a->is_log)
        return (v - a->lo) / (a->hi - a->lo);
    return v > 0 ? log(v / a->lo) / log(a->hi / a->lo) : NAN;
}
