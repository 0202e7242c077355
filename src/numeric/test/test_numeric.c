/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"
#include "numeric/histogram.h"
#include "numeric/isa.h"
#include "numeric/kernels.h"
#include "numeric/reduce.h"
#include "numeric/select.h"
#include "numeric/sum.h"

#include <math.h>
#include <stdlib.h>

/* Mostly plain numbers, some missing, some extreme. */
static double random_real(void)
{
    uint64_t b = random_bits();
    double   x;
    switch (b % 16) {
    case 0: return NAN;
    case 1: return -0.0;
    case 2:
        b = random_bits();
        memcpy(&x, &b, sizeof x);
        return isfinite(x) && fabs(x) < 1e300 ? x : 1.0;
    default: return (double)(int64_t)(random_bits() >> 20) * 0x1p-30 - 4000.0;
    }
}

static uint64_t bits_of(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

#define assert_same_bits(a, b) assert_true(bits_of(a) == bits_of(b) || (isnan(a) && isnan(b)))

/* The definition in sum.h, word for word. */
static double fold_lanes(double *lane)
{
    for (int h = 16; h; h /= 2)
        for (int l = 0; l < h; l++)
            lane[l] += lane[l + h];
    return lane[0];
}

static double plain_tree(const double *x, size_t n)
{
    while (n > 1) {
        size_t  leaves = (n + YK_LEAF - 1) / YK_LEAF;
        double *sums = malloc(leaves * sizeof *sums);
        for (size_t k = 0; k < leaves; k++) {
            double lane[YK_LANES];
            for (int l = 0; l < YK_LANES; l++)
                lane[l] = -0.0;
            for (size_t i = k * YK_LEAF; i < n && i < (k + 1) * YK_LEAF; i++)
                lane[i % YK_LANES] += isnan(x[i]) ? -0.0 : x[i];
            sums[k] = fold_lanes(lane);
        }
        double one = sums[0];
        if (leaves == 1) {
            free(sums);
            return one;
        }
        double r = plain_tree(sums, leaves);
        free(sums);
        return r;
    }
    return n ? x[0] : 0.0;
}

enum { MANY = 3000000 };

static double *random_array(size_t n)
{
    double *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = random_real();
    return x;
}

TEST(sums_have_the_shape_that_the_header_defines)
{
    double *x = random_array(MANY);
    x[0] = 0.5;
    static const size_t sizes[] = {1, 2, 31, 32, 33, 1023, 1024, 1025, 2048, 5000, 1 << 20, (1 << 20) + 1, MANY};
    for (int isa = 0; isa < YK_ISA_COUNT; isa++) {
        yk_isa_limit((yk_isa)isa);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            assert_same_bits(yk_sum(x, sizes[k]), plain_tree(x, sizes[k]));
    }
    assert_same_bits(yk_sum(x, 0), 0.0);
    double none[] = {NAN, NAN}, zero[] = {-0.0};
    assert_same_bits(yk_sum(none, 2), 0.0);
    assert_same_bits(yk_sum(zero, 1), -0.0);
    free(x);
}

/* Cuts n rows into random tasks of random blocks and folds them. Some blocks come as codes into x. */
static yk_sums in_pieces(const double *x, const uint64_t *mask, size_t n, bool has_moments)
{
    YK_CLEANUP(yk_total_freep) yk_total *t = NULL;
    assert_int_equal(yk_total_new(has_moments, &t, NULL), 0);
    for (size_t at = 0; at < n;) {
        size_t     end = at + 1 + random_bits() % (random_bits() % 2 ? 300 : 9000);
        yk_partial p;
        YK_AUTOBUF bytes = YK_BUF_INIT;
        yk_partial_init(&p, at, has_moments);
        end = end > n ? n : end;
        while (at < end) {
            uint32_t some = (uint32_t)(1 + random_bits() % 2048);
            uint64_t part[33] = {0};
            some = at + some > end ? (uint32_t)(end - at) : some;
            bool any = false;
            for (uint32_t i = 0; i < some; i++) {
                bool in = mask[(at + i) / 64] >> ((at + i) & 63) & 1;
                part[i / 64] |= (uint64_t)in << (i & 63);
                any |= in;
            }
            uint32_t codes[2048], back = (uint32_t)(random_bits() % 3 * (at < 1000 ? at : 1000));
            for (uint32_t i = 0; i < some; i++)
                codes[i] = back + i;
            if (any && random_bits() % 2)
                yk_partial_add_codes(&p, x + at - back, codes, part, some);
            else if (any)
                yk_partial_add(&p, x + at, part, some);
            else
                yk_partial_skip(&p, some);
            at += some;
        }
        assert_int_equal(yk_partial_write(&p, &bytes, NULL), 0);
        size_t used;
        assert_int_equal(yk_total_add(t, bytes.data, bytes.len, &used, NULL), 0);
        assert_int_equal(used, bytes.len);
        yk_partial_fini(&p);
    }
    return yk_total_read(t);
}

TEST(sums_do_not_depend_on_how_rows_are_cut)
{
    enum { N = 40000 };
    double  *x = random_array(N), *masked = malloc(N * sizeof *x);
    uint64_t mask[N / 64 + 1];
    for (size_t i = 0; i < sizeof mask / sizeof *mask; i++)
        mask[i] = i % 50 < 20 ? 0 : random_bits();
    uint64_t count = 0;
    for (int i = 0; i < N; i++) {
        masked[i] = mask[i / 64] >> (i & 63) & 1 ? x[i] : NAN;
        count += !isnan(masked[i]);
    }
    for (int round = 0; round < 20; round++) {
        yk_isa_limit((yk_isa)(round % YK_ISA_COUNT));
        yk_sums plain = in_pieces(x, mask, N, false), first = in_pieces(x, mask, N, true), again = in_pieces(x, mask, N, true);
        assert_same_bits(plain.sum, plain_tree(masked, N));
        assert_int_equal(plain.n, count);
        assert_same_bits(first.sum, plain.sum);
        assert_same_bits(first.m2, again.m2);
        assert_same_bits(first.mean, plain.sum / (double)count);
    }
    free(x);
    free(masked);
}

TEST(variance_is_accurate_where_squares_would_cancel)
{
    enum { N = 100000 };
    double   *x = malloc(N * sizeof *x);
    uint64_t *mask = malloc((N / 64 + 1) * sizeof *mask);
    long double mean = 0, m2 = 0;
    memset(mask, 0xff, (N / 64 + 1) * sizeof *mask);
    for (int i = 0; i < N; i++)
        x[i] = 1e9 + (double)(random_bits() >> 44) * 0x1p-20;
    for (int i = 0; i < N; i++)
        mean += (long double)x[i] / N;
    for (int i = 0; i < N; i++)
        m2 += ((long double)x[i] - mean) * ((long double)x[i] - mean);
    yk_sums s = in_pieces(x, mask, N, true);
    assert_true(fabs(s.m2 / (double)m2 - 1) < 1e-12);
    free(x);
    free(mask);
}

TEST(partials_that_do_not_fit_are_refused)
{
    YK_CLEANUP(yk_total_freep) yk_total *t = NULL;
    yk_partial p;
    double     x[3000] = {0};
    YK_AUTOBUF bytes = YK_BUF_INIT;
    assert_int_equal(yk_total_new(false, &t, NULL), 0);
    yk_partial_init(&p, 100, false);
    yk_partial_add(&p, x, NULL, 3000);
    assert_int_equal(yk_partial_write(&p, &bytes, NULL), 0);
    yk_partial_fini(&p);
    assert_int_equal(yk_total_add(t, bytes.data, bytes.len, NULL, NULL), YOKE_EFORMAT); /* rows 0 … 99 are not there yet */
    for (size_t cut = 0; cut < bytes.len; cut += 7)
        assert_int_equal(yk_total_add(t, bytes.data, cut, NULL, NULL), YOKE_EFORMAT);
}

TEST(integers_sum_exactly)
{
    int64_t  x[] = {INT64_MAX, INT64_MAX, INT64_MIN, -1, 5};
    uint64_t mask = 0x1b;
    assert_true(yk_sum_int(x, NULL, 5) == (yk_wide_int)INT64_MAX + 3);
    assert_true(yk_sum_int(x, &mask, 5) == (yk_wide_int)INT64_MAX * 2 + 4);
}

TEST(comparisons_treat_nan_as_missing_and_zeros_as_equal)
{
    double   a[] = {1, NAN, -0.0, 2, INFINITY}, b[] = {1, NAN, 0.0, 3, NAN};
    uint64_t bits;
    static const uint64_t want[] = {0x08, 0x0d, 0x05, 0x08};
    for (int isa = 0; isa < YK_ISA_COUNT; isa++) {
        yk_isa_limit((yk_isa)isa);
        for (int op = 0; op < 4; op++) {
            YK_ISA_PICK(yk_k_compare_real)((yk_compare)op, YK_SIDES_VV, &bits, a, b, 5);
            assert_int_equal(bits, want[op]);
        }
    }
}

TEST(least_and_greatest_know_the_zeros)
{
    double a[] = {0.0, NAN, -0.0, 0.0}, lo = INFINITY, hi = -INFINITY;
    assert_int_equal(yk_min_max(a, NULL, 4, &lo, &hi), 3);
    assert_same_bits(lo, -0.0);
    assert_same_bits(hi, 0.0);
}

/* ---- Histograms and quantiles ---- */

TEST(bins_are_those_of_a_search_of_the_edges)
{
    static const struct {
        uint32_t n;
        double   lo, hi;
    } row[] = {{1, 0, 1}, {10, 0, 1}, {100, 0, 1}, {200, 0.01, 2.0}, {7, -3, 11}, {1000, -1e-3, 1e-3}, {3, 1e15, 1e15 + 7}, {5, 2, 2},
               {1 << 20, 0, 1}, {49, -1e300, 1e300}, {9, 1e-310, 1e-309}};
    for (size_t k = 0; k < sizeof row / sizeof *row; k++)
        for (int isa = 0; isa < YK_ISA_COUNT; isa++) {
            YK_CLEANUP(yk_bins_freep) yk_bins *b = NULL;
            yk_isa_limit((yk_isa)isa);
            assert_int_equal(yk_bins_equal(row[k].n, row[k].lo, row[k].hi, &b, NULL), 0);
            const double *e = yk_bins_edges(b);
            uint32_t      n = yk_bins_n(b), step = n > 2000 ? 997 : 1;
            for (uint32_t i = 0; i <= n; i += step) {
                assert_int_equal(yk_bins_find(b, e[i]), i < n ? (int64_t)i : (int64_t)n - 1);
                assert_int_equal(yk_bins_find(b, nextafter(e[i], -INFINITY)), (int64_t)i - 1);
                assert_int_equal(yk_bins_find(b, nextafter(e[i], INFINITY)), i < n ? (int64_t)i : -1);
            }
            assert_int_equal(yk_bins_find(b, NAN), -1);
            assert_int_equal(yk_bins_find(b, INFINITY), -1);
        }
}

TEST(given_edges_may_be_equal_and_infinite)
{
    YK_CLEANUP(yk_bins_freep) yk_bins *b = NULL;
    double edges[] = {-INFINITY, 0, 1, 1, 5, INFINITY};
    assert_int_equal(yk_bins_given(edges, 6, &b, NULL), 0);
    static const struct {
        double  x;
        int64_t want;
    } row[] = {{-7, 0}, {-INFINITY, 0}, {0, 1}, {0.5, 1}, {1, 3}, {4.9, 3}, {5, 4}, {INFINITY, 4}, {NAN, -1}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(yk_bins_find(b, row[i].x), row[i].want);
    double bad[] = {0, 2, 1};
    assert_int_equal(yk_bins_given(bad, 3, &(yk_bins *){NULL}, NULL), YOKE_EINVALID);
}

TEST(bins_that_cannot_be_are_refused)
{
    yk_bins *b;
    assert_int_equal(yk_bins_equal(0, 0, 1, &b, NULL), YOKE_EINVALID);
    assert_int_equal(yk_bins_equal(10, 1, 0, &b, NULL), YOKE_EINVALID);
    assert_int_equal(yk_bins_equal(10, 0, INFINITY, &b, NULL), YOKE_EINVALID);
    assert_int_equal(yk_bins_equal(10, NAN, 1, &b, NULL), YOKE_EINVALID);
    assert_int_equal(yk_bins_equal(1000, 1e16, 1e16 + 4, &b, NULL), YOKE_EINVALID);
    assert_int_equal(yk_bins_log(10, 0, 1, &b, NULL), YOKE_EINVALID);
    assert_int_equal(yk_bins_log(10, 1, 1, &b, NULL), YOKE_EINVALID);
}

static int by_key(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return (yk_key_of_real(x) > yk_key_of_real(y)) - (yk_key_of_real(x) < yk_key_of_real(y));
}

TEST(digits_and_selection_find_every_rank)
{
    enum { N = 5000 };
    double x[N], sorted[N], copy[N], some[N], two[2];
    size_t n = 0;
    for (int i = 0; i < N; i++) {
        double v = i % 3 ? random_real() : (double)(i % 5);
        if (!isnan(v))
            x[n++] = v;
    }
    memcpy(sorted, x, n * sizeof *x);
    qsort(sorted, n, sizeof *sorted, by_key);
    for (size_t k = 0; k < n; k += 61) {
        memcpy(copy, x, n * sizeof *x);
        yk_select_two(copy, n, k, two);
        assert_same_bits(two[0], sorted[k]);
        assert_same_bits(two[1], sorted[k + 1 < n ? k + 1 : k]);
        uint64_t counts[1 << 12] = {0}, below = 0, digit = 0;
        yk_digit d = {0, 52, 12};
        assert_int_equal(yk_digit_count(&d, x, NULL, (uint32_t)n, counts), n);
        while (below + counts[digit] <= k)
            below += counts[digit++];
        uint32_t m = yk_digit_collect(digit, 52, x, NULL, (uint32_t)n, some);
        assert_int_equal(m, counts[digit]);
        yk_select_two(some, m, k - below, two);
        assert_same_bits(two[0], sorted[k]);
    }
}

TEST(bitmaps)
{
    uint64_t a[2] = {0xf0f0, ~(uint64_t)0}, to[2];
    uint32_t rows[100];
    assert_int_equal(yk_bits_count(a, 70), 14);
    yk_bits_and(a, NULL, 70, to);
    assert_int_equal(to[1], 63);
    assert_int_equal(yk_bits_rows(a, 66, rows), 10);
    assert_int_equal(rows[0], 4);
    assert_int_equal(rows[9], 65);
}

/* ---- The builds for each instruction set give the same bits ---- */

enum { N = 1531, ROUNDS = 40 };
static double   a[N], b[N], want[N], got[N], side_a[N], side_b[N];
static int64_t  i64[N], j64[N], want_i[N], got_i[N];
static uint64_t bits[24], want_bits[24], got_bits[24], want64[N], got64[N];
static uint32_t codes[N], other_codes[N], want32[N], got32[N];

/* New inputs; how many of them a kernel shall take. */
static uint32_t fill(int round)
{
    uint32_t n = round < ROUNDS / 2 ? N - (uint32_t)round : 1 + (uint32_t)(random_bits() % N);
    for (int i = 0; i < N; i++) {
        a[i] = random_real();
        b[i] = i % 9 ? random_real() : a[i];
        i64[i] = (int64_t)random_bits() >> (random_bits() % 64);
        j64[i] = i % 7 ? (int64_t)random_bits() >> (random_bits() % 64) : i64[i];
        codes[i] = (uint32_t)(random_bits() % N);
    }
    for (int w = 0; w < 24; w++)
        bits[w] = random_bits();
    return n;
}

#define EACH_BUILD(first, then)                            \
    do {                                                   \
        yk_isa_limit(YK_ISA_BASELINE);                     \
        first;                                             \
        for (int isa = 1; isa < YK_ISA_COUNT; isa++) {     \
            yk_isa_limit((yk_isa)isa);                     \
            then;                                          \
        }                                                  \
    } while (0)
#define FOR_EACH_BUILD(then)                               \
    for (int isa = 0; isa < YK_ISA_COUNT; isa++) {         \
        yk_isa_limit((yk_isa)isa);                         \
        then;                                              \
    }
#define SAME_REALS() for (uint32_t i = 0; i < n; i++) assert_same_bits(want[i], got[i])
#define SAME_BITS()  assert_memory_equal(want_bits, got_bits, (n + 63) / 64 * 8)

TEST(every_build_of_a_kernel_gives_the_same_bits)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t n = fill(round);
        for (int op = YK_REAL1_NEG; op <= YK_REAL1_ROUND; op++)
            EACH_BUILD(YK_ISA_PICK(yk_k_real1)((yk_real1)op, want, a, n), YK_ISA_PICK(yk_k_real1)((yk_real1)op, got, a, n); SAME_REALS());
        for (int sides = 0; sides < 3; sides++) {
            for (int op = YK_REAL2_ADD; op <= YK_REAL2_MOD; op++)
                EACH_BUILD(YK_ISA_PICK(yk_k_real2)((yk_real2)op, (yk_sides)sides, want, a, b, n),
                           YK_ISA_PICK(yk_k_real2)((yk_real2)op, (yk_sides)sides, got, a, b, n); SAME_REALS());
            for (int op = YK_INT2_ADD; op <= YK_INT2_MOD; op++)
                EACH_BUILD(YK_ISA_PICK(yk_k_int2)((yk_int2)op, (yk_sides)sides, want_i, i64, j64, n),
                           YK_ISA_PICK(yk_k_int2)((yk_int2)op, (yk_sides)sides, got_i, i64, j64,
                                                  n); assert_memory_equal(want_i, got_i, n * 8));
            for (int op = YK_COMPARE_LT; op <= YK_COMPARE_NE; op++) {
                EACH_BUILD(YK_ISA_PICK(yk_k_compare_real)((yk_compare)op, (yk_sides)sides, want_bits, a, b, n),
                           YK_ISA_PICK(yk_k_compare_real)((yk_compare)op, (yk_sides)sides, got_bits, a, b, n); SAME_BITS());
                EACH_BUILD(YK_ISA_PICK(yk_k_compare_int)((yk_compare)op, (yk_sides)sides, want_bits, i64, j64, n),
                           YK_ISA_PICK(yk_k_compare_int)((yk_compare)op, (yk_sides)sides, got_bits, i64, j64, n); SAME_BITS());
            }
        }
        EACH_BUILD(YK_ISA_PICK(yk_k_present)(want_bits, a, n), YK_ISA_PICK(yk_k_present)(got_bits, a, n); SAME_BITS());
        EACH_BUILD(YK_ISA_PICK(yk_k_finite)(want_bits, a, n), YK_ISA_PICK(yk_k_finite)(got_bits, a, n); SAME_BITS());
        EACH_BUILD(YK_ISA_PICK(yk_k_gather_bits)(want_bits, bits, codes, n), YK_ISA_PICK(yk_k_gather_bits)(got_bits, bits, codes, n);
                   SAME_BITS());
        EACH_BUILD(YK_ISA_PICK(yk_k_select)(want64, bits, (uint64_t *)i64, 1, (uint64_t *)j64, 0, n),
                   YK_ISA_PICK(yk_k_select)(got64, bits, (uint64_t *)i64, 1, (uint64_t *)j64, 0,
                                            n); assert_memory_equal(want64, got64, n * 8));
        EACH_BUILD(YK_ISA_PICK(yk_k_blank)(want, a, bits, n), YK_ISA_PICK(yk_k_blank)(got, a, bits, n); SAME_REALS());
        EACH_BUILD(YK_ISA_PICK(yk_k_digits)(0x3ff, 40, 12, a, bits, n, want32), YK_ISA_PICK(yk_k_digits)(0x3ff, 40, 12, a, bits, n, got32);
                   assert_memory_equal(want32, got32, n * 4));
        yk_equal_bins bins = {b, 50, -3000.0, 2000.0, 50 / 5000.0, 1e-9};
        double        edges[51];
        for (int i = 0; i < 51; i++)
            edges[i] = i * 100.0 - 3000.0;
        bins.edges = edges;
        a[3] = -2900.0, a[4] = nextafter(-2900.0, -INFINITY), a[5] = 2000.0, a[6] = -3000.0;
        EACH_BUILD(YK_ISA_PICK(yk_k_bins_equal)(&bins, a, bits, n, want32), YK_ISA_PICK(yk_k_bins_equal)(&bins, a, bits, n, got32);
                   assert_memory_equal(want32, got32, n * 4));
        uint32_t n_inside = 0, m;
        for (uint32_t i = 0; i < n; i++)
            if (want32[i] < bins.n_bins)
                want32[n_inside++] = want32[i];
        FOR_EACH_BUILD(m = YK_ISA_PICK(yk_k_bins_equal_inside)(&bins, a, bits, n, got32); assert_int_equal(m, n_inside);
                       assert_memory_equal(want32, got32, m * 4));
        double   lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
        uint32_t count[2];
        EACH_BUILD(count[0] = yk_min_max(a, bits, n, &lo[0], &hi[0]), lo[1] = INFINITY; hi[1] = -INFINITY;
                   count[1] = yk_min_max(a, bits, n, &lo[1], &hi[1]); assert_same_bits(lo[0], lo[1]); assert_same_bits(hi[0], hi[1]);
                   assert_int_equal(count[0], count[1]));
    }
}

/* By multiplication, against the processor's own division. */
TEST(integers_are_divided_by_a_constant)
{
    static const int64_t by[] = {2, 3, 4, 5, 6, 7, 9, 10, 60, 641, 1000, 1 << 20, 86400000, 4294967295, 4294967296, 4294967297, 1000000007,
                                 6700417, (int64_t)1 << 61, ((int64_t)1 << 62) - 1, (int64_t)1 << 62, ((int64_t)1 << 62) + 1, INT64_MAX - 1,
                                 INT64_MAX};
    for (size_t k = 0; k < sizeof by / sizeof *by; k++) {
        int64_t d = by[k], multiple = INT64_MAX / d * d;
        fill(ROUNDS - 1);
        const int64_t edges[] = {0, 1, -1, d - 1, d, -d, -d - 1, 1 - d, multiple, multiple - 1, -multiple, -multiple - 1, 1 - multiple,
                                 INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1};
        memcpy(i64, edges, sizeof edges);
        for (int mod = 0; mod < 2; mod++) {
            for (uint32_t i = 0; i < N; i++) {
                int64_t m = i64[i] % d, floor = i64[i] / d - (m < 0);
                want_i[i] = mod ? m + (m < 0 ? d : 0) : floor;
            }
            FOR_EACH_BUILD(assert_false(YK_ISA_PICK(yk_k_int2)(mod ? YK_INT2_MOD : YK_INT2_IDIV, YK_SIDES_VC, got_i, i64, &d, N));
                           assert_memory_equal(want_i, got_i, N * 8));
        }
    }
}

TEST(every_build_picks_the_same_from_a_dictionary)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t n = fill(round);
        EACH_BUILD(YK_ISA_PICK(yk_k_gather)(want64, (uint64_t *)a, codes, n), YK_ISA_PICK(yk_k_gather)(got64, (uint64_t *)a, codes, n);
                   assert_memory_equal(want64, got64, n * 8));
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(want64[i], ((uint64_t *)a)[codes[i]]);
        for (int turned = 0; turned < 2; turned++)
            for (int op = YK_REAL2_ADD; op <= YK_REAL2_DIV; op++) {
                const double *l = turned ? b : (double *)want64, *r = turned ? (double *)want64 : b;
                YK_ISA_PICK(yk_k_real2)((yk_real2)op, YK_SIDES_VV, want, l, r, n);
                FOR_EACH_BUILD(YK_ISA_PICK(yk_k_real2_gather)((yk_real2)op, turned, got, a, codes, b, n); SAME_REALS());
            }
        for (uint32_t i = 0; i < n; i++) {
            other_codes[i] = codes[n - 1 - i];
            got64[i] = ((uint64_t *)b)[other_codes[i]];
        }
        for (int op = YK_REAL2_ADD; op <= YK_REAL2_DIV; op++) {
            YK_ISA_PICK(yk_k_real2)((yk_real2)op, YK_SIDES_VV, want, (double *)want64, (double *)got64, n);
            FOR_EACH_BUILD(YK_ISA_PICK(yk_k_real2_gather_both)((yk_real2)op, got, a, codes, NULL, b, other_codes, NULL, n); SAME_REALS());
            FOR_EACH_BUILD(YK_ISA_PICK(yk_k_real2_gather_both)((yk_real2)op, got, a, codes, side_a, b, other_codes, side_b, n);
                           SAME_REALS();
                           assert_memory_equal(side_a, want64, n * 8); assert_memory_equal(side_b, got64, n * 8));
        }
        uint32_t counted[2], leaf = n < 1024 ? n : 1024;
        double   sums[2] = {YK_ISA_PICK(yk_k_leaf_sum)((double *)want64, bits, leaf, &counted[0])};
        FOR_EACH_BUILD(sums[1] = YK_ISA_PICK(yk_k_leaf_sum_codes)(a, codes, bits, leaf, &counted[1]); assert_same_bits(sums[0], sums[1]);
                   assert_int_equal(counted[0], counted[1]));
    }
}

RUN_TESTS(sums_have_the_shape_that_the_header_defines, sums_do_not_depend_on_how_rows_are_cut,
          variance_is_accurate_where_squares_would_cancel,
          partials_that_do_not_fit_are_refused, integers_sum_exactly, every_build_of_a_kernel_gives_the_same_bits,
          integers_are_divided_by_a_constant, every_build_picks_the_same_from_a_dictionary,
          comparisons_treat_nan_as_missing_and_zeros_as_equal, least_and_greatest_know_the_zeros, bins_are_those_of_a_search_of_the_edges,
          given_edges_may_be_equal_and_infinite, bins_that_cannot_be_are_refused, digits_and_selection_find_every_rank, bitmaps)
