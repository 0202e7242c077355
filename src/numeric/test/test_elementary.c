/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The elementary functions against MPFR, and their special values against the C library's.
 */
#include "base/test/check.h"
#include "numeric/elementary.h"

#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef double real_fn(double);
typedef int    mpfr_fn(mpfr_t, const mpfr_t, mpfr_rnd_t);

#define OURS(name) static double our_##name(double x) { return yk_##name(x); }
OURS(exp) OURS(log) OURS(log10) OURS(log1p) OURS(sin) OURS(cos) OURS(tan) OURS(tanh)

static const struct {
    const char *name;
    real_fn    *ours, *libm;
    mpfr_fn    *exact;
    double      bound, lo, hi; /* the range where most arguments are drawn; the others have random bits */
} FUNCTIONS[] = {
    {"exp", our_exp, exp, mpfr_exp, 0.8, -750, 712},     {"exp", our_exp, exp, mpfr_exp, 0.8, -1, 1},
    {"log", our_log, log, mpfr_log, 0.9, 0, 3},          {"log", our_log, log, mpfr_log, 0.9, 0.99, 1.01},
    {"log10", our_log10, log10, mpfr_log10, 0.51, 0, 3}, {"log10", our_log10, log10, mpfr_log10, 0.51, 0.99, 1.01},
    {"log1p", our_log1p, log1p, mpfr_log1p, 0.9, -1, 3}, {"log1p", our_log1p, log1p, mpfr_log1p, 0.9, -1e-3, 1e-3},
    {"sin", our_sin, sin, mpfr_sin, 0.9, -10, 10},       {"sin", our_sin, sin, mpfr_sin, 0.9, -1e7, 1e7},
    {"cos", our_cos, cos, mpfr_cos, 0.9, -10, 10},       {"cos", our_cos, cos, mpfr_cos, 0.9, -1e7, 1e7},
    {"tan", our_tan, tan, mpfr_tan, 2.5, -10, 10},       {"tan", our_tan, tan, mpfr_tan, 2.5, -1e7, 1e7},
    {"tanh", our_tanh, tanh, mpfr_tanh, 3.0, -24, 24},   {"tanh", our_tanh, tanh, mpfr_tanh, 3.0, -1, 1},
};

static double random_in(double lo, double hi)
{
    return lo + (hi - lo) * ((double)(random_bits() >> 11) * 0x1p-53);
}

/* Any double but NaN. */
static double random_any(void)
{
    double x;
    do {
        uint64_t b = random_bits();
        memcpy(&x, &b, sizeof x);
    } while (isnan(x));
    return x;
}

static int rounds(void)
{
    const char *stress = getenv("YOKE_STRESS");
    return stress ? atoi(stress) * 100 : 8000;
}

/* |got - want| in units of the last place of want; below the normal range their size is fixed. */
static double ulps(const mpfr_t want, double got)
{
    double w = mpfr_get_d(want, MPFR_RNDN);
    if (isnan(w) || isnan(got))
        return isnan(w) && isnan(got) ? 0 : HUGE_VAL;
    if (isinf(w) || isinf(got))
        return w == got ? 0 : HUGE_VAL;
    int    e;
    mpfr_t d;
    frexp(w, &e);
    mpfr_init2(d, 200);
    mpfr_sub_d(d, want, got, MPFR_RNDN);
    mpfr_abs(d, d, MPFR_RNDN);
    mpfr_mul_2si(d, d, 53 - (e < -1021 ? -1021 : e), MPFR_RNDN);
    double r = mpfr_get_d(d, MPFR_RNDN);
    mpfr_clear(d);
    return fabs(w) < 0x1p-1022 ? r - 1 : r;
}

TEST(functions_are_within_their_bounds)
{
    mpfr_t x, y;
    mpfr_init2(x, 53);
    mpfr_init2(y, 200);
    for (size_t f = 0; f < sizeof FUNCTIONS / sizeof *FUNCTIONS; f++)
        for (int i = 0; i < rounds(); i++) {
            double a = i % 4 ? random_in(FUNCTIONS[f].lo, FUNCTIONS[f].hi) : random_any();
            mpfr_set_d(x, a, MPFR_RNDN);
            FUNCTIONS[f].exact(y, x, MPFR_RNDN);
            double off = ulps(y, FUNCTIONS[f].ours(a));
            if (off > FUNCTIONS[f].bound)
                fail_msg("%s(%a) = %a is %g ulp off", FUNCTIONS[f].name, a, FUNCTIONS[f].ours(a), off);
        }
    mpfr_clear(x);
    mpfr_clear(y);
    mpfr_free_cache();
}

TEST(pow_is_within_its_bound)
{
    mpfr_t x, y, z;
    mpfr_inits2(53, x, y, (mpfr_ptr)0);
    mpfr_init2(z, 200);
    for (int i = 0; i < 4 * rounds(); i++) {
        double a = i % 3 ? exp(random_in(-20, 20)) : random_any(), b = i % 3 == 2 ? random_in(-30, 30) : i % 3 ? random_in(-500, 500)
            : random_any();
        if (i % 5 == 0)
            a = -fabs(a), b = rint(random_in(-50, 50));
        mpfr_set_d(x, a, MPFR_RNDN);
        mpfr_set_d(y, b, MPFR_RNDN);
        mpfr_pow(z, x, y, MPFR_RNDN);
        double off = ulps(z, yk_pow(a, b));
        if (off > 0.8)
            fail_msg("pow(%a, %a) = %a is %g ulp off", a, b, yk_pow(a, b), off);
    }
    mpfr_clears(x, y, z, (mpfr_ptr)0);
    mpfr_free_cache();
}

static const double SPECIAL[] = {0.0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, INFINITY, -INFINITY, NAN, 0x1p53, -0x1p53, 0x1p-1074,
                                 -0x1p-1074,
                                 0x1p-1022, 1.5, -1.5, 0x1.fffffffffffffp1023, 9007199254740991.0, 4503599627370497.0, -4503599627370497.0,
                                 4503599627370495.5, 1e22, 22.5, 709.9, -745.2, 0x1p20, 1048575.9999};

static bool alike(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b)) || (isfinite(a) && a != 0 && fabs(a - b) <= 1e-15 * fabs(b));
}

TEST(special_values_are_those_of_annex_f)
{
    size_t n = sizeof SPECIAL / sizeof *SPECIAL;
    for (size_t i = 0; i < n; i++) {
        for (size_t f = 0; f < sizeof FUNCTIONS / sizeof *FUNCTIONS; f++)
            if (!alike(FUNCTIONS[f].ours(SPECIAL[i]), FUNCTIONS[f].libm(SPECIAL[i])))
                fail_msg("%s(%a) = %a, not %a", FUNCTIONS[f].name, SPECIAL[i], FUNCTIONS[f].ours(SPECIAL[i]),
                         FUNCTIONS[f].libm(SPECIAL[i]));
        for (size_t j = 0; j < n; j++)
            if (!alike(yk_pow(SPECIAL[i], SPECIAL[j]), pow(SPECIAL[i], SPECIAL[j])))
                fail_msg("pow(%a, %a) = %a, not %a", SPECIAL[i], SPECIAL[j], yk_pow(SPECIAL[i], SPECIAL[j]), pow(SPECIAL[i], SPECIAL[j]));
    }
}

TEST(powers_of_ten_and_two_are_exact)
{
    for (int i = 0; i <= 22; i++)
        assert_true(yk_log10(yk_pow(10, i)) == i);
    for (int i = -1074; i < 1024; i++)
        assert_true(yk_pow(2, i) == ldexp(1, i));
}

TEST(selection_keeps_the_sign_of_zero)
{
    assert_true(signbit(yk_least(0.0, -0.0)) && signbit(yk_least(-0.0, 0.0)));
    assert_false(signbit(yk_greatest(0.0, -0.0)) || signbit(yk_greatest(-0.0, 0.0)));
    assert_true(isnan(yk_least(NAN, 1)) && isnan(yk_greatest(1, NAN)));
}

RUN_TESTS(functions_are_within_their_bounds, pow_is_within_its_bound, special_values_are_those_of_annex_f, powers_of_ten_and_two_are_exact,
          selection_keeps_the_sign_of_zero)
