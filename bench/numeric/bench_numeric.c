/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows per second of processor time of the expression engine and the vector kernels, one thread, data in blocks as a scan gives
 * them.
 *
 *     bench_numeric [ROUNDS]        best of ROUNDS (default 7); YOKE_ISA chooses the instruction set
 */
#include "base/clock.h"
#include "expr/expr.h"
#include "numeric/histogram.h"
#include "numeric/isa.h"
#include "numeric/reduce.h"
#include "numeric/select.h"
#include "numeric/sum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 1 << 22, ENTRIES = 2000 };

static double    fares[ENTRIES], tips[ENTRIES], *x, *y;
static uint32_t *fare_codes, *tip_codes;
static yk_dict   fare_dict = {ENTRIES, fares, 1}, tip_dict = {ENTRIES, tips, 2};
static double    keep; /* so that nothing is optimised away */

static uint64_t random_bits(void)
{
    static uint64_t s = 88172645463325252u;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return s;
}

static void make_data(void)
{
    x = malloc(ROWS * sizeof *x);
    y = malloc(ROWS * sizeof *y);
    fare_codes = malloc(ROWS * sizeof *fare_codes);
    tip_codes = malloc(ROWS * sizeof *tip_codes);
    if (!x || !y || !fare_codes || !tip_codes)
        exit(1);
    for (int i = 0; i < ENTRIES; i++) {
        fares[i] = i < 20 ? -i * 0.5 : 2.5 + i * 0.05;
        tips[i] = i * 0.01;
    }
    for (int i = 0; i < ROWS; i++) {
        fare_codes[i] = (uint32_t)(random_bits() >> 40) % ENTRIES;
        tip_codes[i] = (uint32_t)(random_bits() >> 40) % ENTRIES;
        x[i] = fares[fare_codes[i]];
        y[i] = tips[tip_codes[i]];
    }
}

/* ---- What is measured ---- */

typedef struct job {
    yk_eval *ev;
    yk_hist *hist;
    bool     coded;
} job;

static yk_program *program_of(const char *filter, const char *value)
{
    yk_expr    *f = NULL, *v = NULL;
    yk_program *p = NULL;
    yoke_error  err = YOKE_ERROR_INIT;
    yk_field    fields[] = {{"fare", {.kind = YK_KIND_REAL}}, {"tip", {.kind = YK_KIND_REAL}}};
    if (yk_expr_parse(filter, &f, &err) < 0 || yk_expr_parse(value, &v, &err) < 0 ||
        yk_program_new(fields, 2, (yk_root[]){{f, YK_WANT_FILTER}, {v, YK_WANT_REAL}}, 2, &p, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    yk_expr_free(f);
    yk_expr_free(v);
    return p;
}

static void block_of(const job *j, uint32_t at, yk_vec *in)
{
    in[0] = (yk_vec){.type = {.kind = YK_KIND_REAL}, .n = YK_BLOCK, .values = j->coded ? NULL : x + at,
                     .codes = j->coded ? fare_codes + at : NULL, .dict = j->coded ? &fare_dict : NULL};
    in[1] = (yk_vec){.type = {.kind = YK_KIND_REAL}, .n = YK_BLOCK, .values = j->coded ? NULL : y + at,
                     .codes = j->coded ? tip_codes + at : NULL, .dict = j->coded ? &tip_dict : NULL};
}

static void run_query(job *j)
{
    yk_vec          in[2], v;
    const uint64_t *bits;
    uint32_t        count;
    double          sum = 0;
    for (uint32_t at = 0; at < ROWS; at += YK_BLOCK) {
        block_of(j, at, in);
        yk_eval_block(j->ev, in, YK_BLOCK);
        if (yk_eval_filter(j->ev, 0, &bits, &count, NULL) < 0 || yk_eval_values(j->ev, 1, &v, NULL) < 0)
            exit(1);
        if (j->hist)
            yk_hist_add(j->hist, v.values, bits, YK_BLOCK);
        else
            for (uint32_t i = 0; i < YK_BLOCK; i += YK_LEAF)
                sum += yk_leaf_sum((const double *)v.values + i, bits + i / 64, YK_LEAF, &count);
    }
    keep += sum;
}

static void run_sum(job *j)
{
    keep += yk_sum(x, ROWS);
}

static void run_hist(job *j)
{
    for (uint32_t at = 0; at < ROWS; at += YK_BLOCK)
        yk_hist_add(j->hist, y + at, NULL, YK_BLOCK);
}

static void run_moments(job *j)
{
    yk_moments m;
    for (uint32_t at = 0; at < ROWS; at += YK_LEAF)
        keep += yk_leaf_moments(x + at, NULL, YK_LEAF, &m);
}

static void run_min_max(job *j)
{
    double lo = INFINITY, hi = -INFINITY;
    for (uint32_t at = 0; at < ROWS; at += YK_BLOCK)
        yk_min_max(x + at, NULL, YK_BLOCK, &lo, &hi);
    keep += lo + hi;
}

static void run_digits(job *j)
{
    static uint64_t counts[1 << 12];
    yk_digit        d = {0, 52, 12};
    for (uint32_t at = 0; at < ROWS; at += YK_BLOCK)
        yk_digit_count(&d, x + at, NULL, YK_BLOCK, counts);
}

static void run_codes(job *j)
{
    static uint64_t counts[ENTRIES];
    for (uint32_t at = 0; at < ROWS; at += YK_BLOCK)
        yk_count_codes(fare_codes + at, NULL, YK_BLOCK, counts, ENTRIES);
}

static void measure(const char *what, void (*run)(job *), job *j, int rounds)
{
    double best = INFINITY;
    for (int i = 0; i < rounds; i++) {
        uint64_t begin = yk_clock_of(CLOCK_THREAD_CPUTIME_ID); /* others may use the machine too */
        run(j);
        double s = (double)(yk_clock_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e-9;
        best = s < best ? s : best;
    }
    printf("%-56s %8.0f M rows/s  %6.2f ns/row\n", what, ROWS / best * 1e-6, best / ROWS * 1e9);
}

static void query(const char *what, const char *filter, const char *value, bool coded, yk_bins *bins, int rounds)
{
    yk_program *p = program_of(filter, value);
    job         j = {.coded = coded};
    if (yk_eval_new(p, &j.ev, NULL) < 0 || (bins && yk_hist_new(bins, &j.hist, NULL) < 0))
        exit(1);
    measure(what, run_query, &j, rounds);
    yk_hist_free(j.hist);
    yk_eval_free(j.ev);
    yk_program_free(p);
}

int main(int argc, char **argv)
{
    int      rounds = argc > 1 ? atoi(argv[1]) : 7;
    yk_bins *bins, *unit, *wide;
    make_data();
    if (yk_bins_equal(200, 0.01, 2.0, &bins, NULL) < 0 || yk_bins_equal(100, 0.0, 20.0, &unit, NULL) < 0
        || yk_bins_log(49, 0.01, 20.0, &wide, NULL) < 0)
        return 1;
    printf("instruction set %s, %d rows, best of %d\n", yk_isa_name(yk_isa_now()), ROWS, rounds);
    query("mean(tip / fare) where fare > 0, codes", "fare > 0", "tip / fare", true, NULL, rounds);
    query("mean(tip / fare) where fare > 0, values", "fare > 0", "tip / fare", false, NULL, rounds);
    query("histogram, 200 bins, of tip / fare, codes", "fare > 0", "tip / fare", true, bins, rounds);
    query("histogram, 200 bins, of tip / fare, values", "fare > 0", "tip / fare", false, bins, rounds);
    query("histogram, values on edges", "fare > 0", "tip", false, unit, rounds);
    query("histogram, 49 log bins, of tip / fare, codes", "fare > 0", "tip / fare", true, wide, rounds);
    query("mean(tip) where fare > 0 and fare < 50, codes", "fare > 0 and fare < 50", "tip", true, NULL, rounds);
    query("mean(log(fare)), codes", "true", "log(fare)", true, NULL, rounds);
    query("mean(exp(tip))", "true", "exp(tip)", false, NULL, rounds);
    query("mean(log(fare))", "true", "log(fare)", false, NULL, rounds);
    query("mean(fare ** 1.5)", "true", "fare ** 1.5", false, NULL, rounds);
    query("mean(sin(fare))", "true", "sin(fare)", false, NULL, rounds);
    query("mean(tip * fare + 2 * tip - fare)", "true", "tip * fare + 2 * tip - fare", false, NULL, rounds);
    job j = {0};
    measure("sum", run_sum, &j, rounds);
    measure("sum and moments", run_moments, &j, rounds);
    measure("least and greatest", run_min_max, &j, rounds);
    measure("digits of a quantile", run_digits, &j, rounds);
    measure("counting codes", run_codes, &j, rounds);
    if (yk_hist_new(bins, &j.hist, NULL) < 0)
        return 1;
    measure("histogram, 200 bins, nothing else", run_hist, &j, rounds);
    return keep == 42.0;
}
