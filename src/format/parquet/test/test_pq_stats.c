/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"
#include "format/parquet/pq_file.h"

TEST(bounds_are_trusted_as_far_as_the_format_goes)
{
    static const struct {
        bool    has_orders, is_unordered;
        int8_t  exact;
        bool    has, is_attained;
        yk_kind kind;
    } row[] = {
        {true, false, 1, true, true, YK_KIND_DATA},    {true, false, 0, true, false, YK_KIND_TEXT},
            {true, false, -1, true, false, YK_KIND_TEXT},
        {false, false, 1, false, false, YK_KIND_TEXT}, {true, true, 1, false, false, YK_KIND_DATA},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_parquet       f = {.footer.has_orders = row[i].has_orders};
        yk_pq_leaf       leaf = {.form = YK_PQ_F_BYTES, .column.type.kind = row[i].kind, .is_unordered = row[i].is_unordered};
        yk_pq_bounds     b = {.min = {"a", 1}, .max = {"b", 1}, .has_min = true, .has_max = true, .min_exact = row[i].exact,
                              .max_exact = row[i].exact};
        yk_parquet_stats s;
        yk_pq_bounds_decode(&f, &leaf, &b, &s);
        assert_true(s.has_min == row[i].has && s.has_max == row[i].has);
        assert_true(s.is_min_least == row[i].is_attained && s.is_max_greatest == row[i].is_attained);
    }
}

RUN_TESTS(bounds_are_trusted_as_far_as_the_format_goes)
