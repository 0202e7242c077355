/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the tests of whole expressions (tests/test_expr_*.py) do not reach: facts, conjuncts, masks, drifting blocks, lack of memory.
 */
#include "base/test/check.h"
#include "expr/program.h"
#include "numeric/isa.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static const yk_field FIELDS[] = {{"r", {.kind = YK_KIND_REAL}}, {"i", {.kind = YK_KIND_INT}}, {"u", {.kind = YK_KIND_UINT}},
                                  {"s", {.kind = YK_KIND_TEXT}}, {"t", {.kind = YK_KIND_TIME, .unit = YK_UNIT_MS}},
                                  {"b", {.kind = YK_KIND_BOOL}}};

static yk_program *program(const char *text, yk_want want)
{
    yk_expr    *e = NULL;
    yk_program *p = NULL;
    yoke_error  err = YOKE_ERROR_INIT;
    if (yk_expr_parse(text, &e, &err) < 0 || yk_program_new(FIELDS, 6, &(yk_root){e, want}, 1, &p, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    yk_expr_free(e);
    return p;
}

TEST(filters_tell_facts)
{
    static const struct {
        const char *filter, *facts;
    } row[] = {
        {"r > 0", "r>0 "}, {"0 < r and r <= 2.5", "r>0 r<=2.5 "}, {"1 < r < 2", "r>1 r<2 "}, {"r > 0 or i > 0", ""}, {"not r > 0", ""},
        {"i > 1.5", "i>=2 "}, {"i < 1.5", "i<=1 "}, {"i == 1.5", "never "}, {"i == 7.0", "i==7 "}, {"i >= 2 * 50", "i>=100 "},
        {"u < 5", "u<5 "}, {"i in (7, 3, 5)", "i>=3 i<=7 "}, {"s == 'x'", "s==x "}, {"s in ('b', 'a')", "s>=a s<=b "},
        {"t >= '1970-01-01 00:00:01'", "t>=1000 "}, {"isnull(i)", "i missing "}, {"not isnull(i)", "i present "}, {"i != 3", "i present "},
        {"r == null", "never "}, {"false", "never "}, {"r > i", ""}, {"abs(r) > 1", ""}, {"t == '1970-01-01 00:00:00.0005'", ""},
        {"isnull(r)", ""}, {"b", ""},
    };
    static const char *const op[] = {"<", "<=", "==", ">=", ">", " present", " missing"};
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        YK_CLEANUP(yk_program_freep) yk_program *p = program(row[k].filter, YK_WANT_FILTER);
        size_t         n;
        char           text[200] = "";
        const yk_fact *f = yk_program_facts(p, 0, &n);
        for (size_t i = 0; i < n; i++) {
            char value[40] = "";
            yk_kind kind = f[i].op == YK_FACT_NEVER ? YK_KIND_NULL : FIELDS[f[i].column].type.kind;
            if (f[i].op < YK_FACT_PRESENT && kind == YK_KIND_REAL)
                snprintf(value, sizeof value, "%g", f[i].value.r);
            else if (f[i].op < YK_FACT_PRESENT && kind == YK_KIND_TEXT)
                snprintf(value, sizeof value, "%.*s", (int)f[i].value.t.len, f[i].value.t.data);
            else if (f[i].op < YK_FACT_PRESENT)
                snprintf(value, sizeof value, "%lld", (long long)f[i].value.i);
            size_t at = strlen(text);
            if (f[i].op == YK_FACT_NEVER)
                snprintf(text + at, sizeof text - at, "never ");
            else
                snprintf(text + at, sizeof text - at, "%s%s%s ", FIELDS[f[i].column].name, op[f[i].op], value);
        }
        if (strcmp(text, row[k].facts) != 0)
            fail_msg("%s: facts '%s', not '%s'", row[k].filter, text, row[k].facts);
    }
}

TEST(facts_are_held_against_ranges)
{
    yk_type  real = {.kind = YK_KIND_REAL};
    yk_value two = {.type = real, .r = 2}, one = {.type = real, .r = 1}, three = {.type = real, .r = 3}, nan = {.type = real, .r = NAN};
    static const bool inside[] = {true, true, true, true, true}, above[] = {false, false, false, true, true},
        below[] = {true, true, false, false, false};
    for (int op = YK_FACT_LT; op <= YK_FACT_GT; op++) {
        yk_fact f = {.op = (yk_fact_op)op, .value = two};
        assert_int_equal(yk_fact_may_hold(&f, &one, &three, 0, 5), inside[op]);
        assert_int_equal(yk_fact_may_hold(&f, &three, &three, 0, 5), above[op]);
        assert_int_equal(yk_fact_may_hold(&f, &one, &one, 0, 5), below[op]);
        assert_int_equal(yk_fact_may_hold(&f, &two, &two, 0, 5), op != YK_FACT_LT && op != YK_FACT_GT);
        assert_true(yk_fact_may_hold(&f, NULL, NULL, -1, 5));
        assert_true(yk_fact_may_hold(&f, &nan, &nan, -1, 5));
        assert_false(yk_fact_may_hold(&f, NULL, NULL, 5, 5));
    }
    assert_false(yk_fact_may_hold(&(yk_fact){.op = YK_FACT_MISSING}, NULL, NULL, 0, 5));
    assert_true(yk_fact_may_hold(&(yk_fact){.op = YK_FACT_MISSING}, NULL, NULL, -1, 5));
    assert_false(yk_fact_may_hold(&(yk_fact){.op = YK_FACT_NEVER}, NULL, NULL, -1, 5));
}

TEST(conjuncts_lists_and_names)
{
    yk_expr  *e, **list;
    size_t    n;
    assert_int_equal(yk_expr_parse("r>0 and (i < 2 and (b or i = 1))", &e, NULL), 0);
    assert_int_equal(yk_expr_conjuncts(e, &list, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_string_equal(yk_expr_text(list[2]), "b or i == 1");
    yk_expr_list_free(list, n);
    yk_expr_free(e);
    assert_int_equal(yk_expr_parse_list("s, hour( t ) as h, r/i, `a b`", &list, &n, NULL), 0);
    assert_int_equal(n, 4);
    assert_string_equal(yk_expr_name(list[0]), "s");
    assert_string_equal(yk_expr_name(list[1]), "h");
    assert_string_equal(yk_expr_source(list[1]), "hour( t )");
    assert_string_equal(yk_expr_name(list[2]), "r / i");
    assert_string_equal(yk_expr_name(list[3]), "a b");
    const char *const *columns = yk_expr_columns(list[2], &n);
    assert_int_equal(n, 2);
    assert_string_equal(columns[1], "i");
    yk_expr_list_free(list, 4);
}

TEST(errors_in_a_list_count_from_their_own_expression)
{
    yk_expr  **list;
    yk_program *p;
    size_t     n;
    yoke_error err = YOKE_ERROR_INIT;
    assert_int_equal(yk_expr_parse_list("  r,   sqrt( s ) as x, i", &list, &n, NULL), 0);
    assert_true(yk_program_new(FIELDS, 6, &(yk_root){list[1], YK_WANT_ANY}, 1, &p, &err) < 0);
    assert_non_null(strstr(err.text, "but s is text"));
    assert_non_null(strstr(err.text, "at character 1 of the expression, near 'sqrt( s )'"));
    yk_expr_list_free(list, n);
}

TEST(programs_know_their_columns)
{
    YK_CLEANUP(yk_program_freep) yk_program *p = program("where(i > 0, r, 0) + i", YK_WANT_REAL);
    YK_CLEANUP(yk_program_freep) yk_program *q = program("hour(t) * 60 + minute(t)", YK_WANT_ANY);
    YK_CLEANUP(yk_program_freep) yk_program *c = program("1 + 2 * 3", YK_WANT_ANY);
    size_t          n;
    yk_value        v;
    const uint32_t *columns = yk_program_columns(p, 0, &n);
    assert_int_equal(n, 2);
    assert_int_equal(columns[0], 0);
    assert_int_equal(columns[1], 1);
    assert_int_equal(yk_program_single_column(p, 0), -1);
    assert_int_equal(yk_program_single_column(q, 0), 4);
    assert_int_equal(yk_program_type(q, 0).kind, YK_KIND_INT);
    assert_true(yk_program_constant(c, 0, &v));
    assert_int_equal(v.i, 7);
}

TEST(rows_masked_out_do_not_overflow)
{
    YK_CLEANUP(yk_program_freep) yk_program *p = program("i * 4", YK_WANT_ANY);
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL;
    int64_t    i[] = {1, INT64_MAX, 3};
    yk_vec     in[6] = {{.n = 0}}, v;
    uint64_t   mask = 5;
    yoke_error err = YOKE_ERROR_INIT;
    in[1] = (yk_vec){.type = {.kind = YK_KIND_INT}, .n = 3, .values = i};
    assert_int_equal(yk_eval_new(p, &ev, NULL), 0);
    yk_eval_block(ev, in, 3);
    assert_int_equal(yk_eval_root(ev, 0, &v, &err), YOKE_ELIMIT);
    assert_non_null(strstr(err.text, "9223372036854775807 * 4"));
    yk_eval_block(ev, in, 3);
    yk_eval_mask(ev, &mask);
    assert_int_equal(yk_eval_root(ev, 0, &v, NULL), 0);
    assert_int_equal(((const int64_t *)v.values)[2], 12);
}

TEST(blocks_may_differ_from_what_was_announced)
{
    YK_CLEANUP(yk_program_freep) yk_program *p = program("r + 1", YK_WANT_REAL);
    YK_CLEANUP(yk_program_freep) yk_program *q = program("t", YK_WANT_ANY);
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL, *tv = NULL;
    int64_t    i[] = {1, 5};
    uint64_t   valid = 2;
    yk_vec     in[6] = {{.n = 0}}, v;
    yoke_error err = YOKE_ERROR_INIT;
    assert_int_equal(yk_eval_new(p, &ev, NULL), 0);
    in[0] = (yk_vec){.type = {.kind = YK_KIND_INT}, .n = 2, .values = i, .valid = &valid};
    yk_eval_block(ev, in, 2);
    assert_int_equal(yk_eval_values(ev, 0, &v, NULL), 0);
    assert_true(isnan(((const double *)v.values)[0]) && ((const double *)v.values)[1] == 6.0);
    in[0] = (yk_vec){.type = {.kind = YK_KIND_NULL}, .n = 2};
    yk_eval_block(ev, in, 2);
    assert_int_equal(yk_eval_values(ev, 0, &v, NULL), 0);
    assert_true(isnan(((const double *)v.values)[1]));
    in[0] = (yk_vec){.type = {.kind = YK_KIND_TEXT}, .n = 2};
    yk_eval_block(ev, in, 2);
    assert_int_equal(yk_eval_values(ev, 0, &v, &err), YOKE_ETYPE);
    assert_non_null(strstr(err.text, "column 'r'"));
    assert_int_equal(yk_eval_new(q, &tv, NULL), 0);
    in[4] = (yk_vec){.type = {.kind = YK_KIND_TIME, .unit = YK_UNIT_S}, .n = 2, .values = i};
    yk_eval_block(tv, in, 2);
    assert_int_equal(yk_eval_root(tv, 0, &v, NULL), 0);
    assert_int_equal(((const int64_t *)v.values)[1], 5000);
}

TEST(dictionaries_are_computed_once_and_kept_apart_by_id)
{
    YK_CLEANUP(yk_program_freep) yk_program *p = program("i * 2 + 1", YK_WANT_ANY);
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL;
    int64_t  first[] = {10, 20}, second[] = {7, 8};
    uint32_t codes[] = {1, 0, 1};
    yk_dict  a = {2, first, 1}, b = {2, second, 2};
    yk_vec   in[6] = {{.n = 0}}, v;
    assert_int_equal(yk_eval_new(p, &ev, NULL), 0);
    in[1] = (yk_vec){.type = {.kind = YK_KIND_INT}, .n = 3, .codes = codes, .dict = &a};
    uint64_t id = 0;
    for (int round = 0; round < 3; round++) {
        in[1].dict = &a;
        yk_eval_block(ev, in, 3);
        assert_int_equal(yk_eval_root(ev, 0, &v, NULL), 0);
        assert_ptr_equal(v.codes, codes);
        assert_int_equal(((const int64_t *)v.dict->values)[1], 41);
        assert_true(round == 0 || v.dict->id == id);
        assert_true(v.dict->id >> 63);
        id = v.dict->id;
        first[1] = 20 + round; /* would show if it were computed again */
        in[1].dict = &b;
        yk_eval_block(ev, in, 3);
        assert_int_equal(yk_eval_values(ev, 0, &v, NULL), 0);
        assert_int_equal(((const int64_t *)v.values)[0], 17);
        assert_true(v.codes == NULL);
    }
}

TEST(filters_are_bitmaps)
{
    YK_CLEANUP(yk_program_freep) yk_program *p = program("r > 0 or true", YK_WANT_FILTER);
    YK_CLEANUP(yk_program_freep) yk_program *q = program("b", YK_WANT_FILTER);
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL, *bv = NULL;
    double          r[70] = {0};
    uint8_t         b[70] = {1, 1};
    uint64_t        valid[] = {~(uint64_t)1, 63};
    yk_vec          in[6] = {{.type = {.kind = YK_KIND_REAL}, .n = 70, .values = r}};
    const uint64_t *bits;
    uint32_t        count;
    assert_int_equal(yk_eval_new(p, &ev, NULL), 0);
    yk_eval_block(ev, in, 70);
    assert_int_equal(yk_eval_filter(ev, 0, &bits, &count, NULL), 0);
    assert_int_equal(count, 70);
    assert_int_equal(bits[1], 63);
    in[5] = (yk_vec){.type = {.kind = YK_KIND_BOOL}, .n = 70, .values = b, .valid = valid};
    assert_int_equal(yk_eval_new(q, &bv, NULL), 0);
    yk_eval_block(bv, in, 70);
    assert_int_equal(yk_eval_filter(bv, 0, &bits, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(bits[0], 2);
}

/* "x > 0", and twice x / y: of codes with a value missing or none, of values, with the pair computed first or not. */
TEST(a_pair_of_columns_gives_the_same_before_the_filter_as_after)
{
    static const yk_field fields[] = {{"x", {.kind = YK_KIND_REAL}}, {"y", {.kind = YK_KIND_REAL}}};
    double   x[] = {3, -1, 0, 7.5}, y[] = {0, 0.1, -3}, plain_y[5];
    uint32_t codes_x[] = {0, 1, 3, 2, 0}, codes_y[] = {1, 2, 2, 1, 0};
    uint64_t valid = 0x1b;
    yk_dict  dict_x = {4, x, 1}, dict_y = {3, y, 2};
    for (int i = 0; i < 5; i++)
        plain_y[i] = y[codes_y[i]];
    yk_expr   *text[2] = {NULL, NULL};
    assert_int_equal(yk_expr_parse("x > 0", &text[0], NULL), 0);
    assert_int_equal(yk_expr_parse("(x / y) * 2", &text[1], NULL), 0);
    YK_CLEANUP(yk_program_freep) yk_program *p = NULL;
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL;
    assert_int_equal(yk_program_new(fields, 2, (yk_root[]){{text[0], YK_WANT_FILTER}, {text[1], YK_WANT_REAL}}, 2, &p, NULL), 0);
    assert_false(yk_program_has_pair(p, 0));
    assert_true(yk_program_has_pair(p, 1));
    assert_int_equal(yk_eval_new(p, &ev, NULL), 0);
    for (int way = 0; way < 8; way++) {
        bool   first = way & 1, is_coded = way & 2, has_missing = way & 4;
        yk_vec in[2] = {{.type = fields[0].type, .n = 5, .codes = codes_x, .dict = &dict_x, .valid = has_missing ? &valid : NULL},
                        {.type = fields[1].type, .n = 5}}, v;
        if (is_coded)
            in[1].codes = codes_y, in[1].dict = &dict_y;
        else
            in[1].values = plain_y;
        const uint64_t *bits;
        uint32_t        count;
        yk_eval_block(ev, in, 5);
        if (first)
            assert_int_equal(yk_eval_pair(ev, 1, NULL), 0);
        assert_int_equal(yk_eval_filter(ev, 0, &bits, &count, NULL), 0);
        assert_int_equal(bits[0], has_missing ? 0x11 : 0x15);
        assert_int_equal(yk_eval_values(ev, 1, &v, NULL), 0);
        for (int i = 0; i < 5; i++) {
            double got = ((const double *)v.values)[i];
            if (has_missing && i == 2)
                assert_true(isnan(got));
            else
                assert_true(got == x[codes_x[i]] / plain_y[i] * 2);
        }
    }
    yk_expr_free(text[0]);
    yk_expr_free(text[1]);
}

/* One life of an expression; negative when memory ran out somewhere. */
static int live(void)
{
    YK_CLEANUP(yk_expr_freep) yk_expr *e = NULL;
    YK_CLEANUP(yk_program_freep) yk_program *p = NULL;
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL;
    yk_expr  **parts;
    size_t     n;
    int64_t    i[] = {1, 2};
    yk_text    s[] = {{"A", 1}, {"b", 1}};
    uint32_t   codes[] = {1, 0};
    uint64_t   valid = 1;
    yk_dict    dict = {2, s, 9};
    yk_vec     in[6] = {{.n = 0}}, v;
    in[1] = (yk_vec){.type = {.kind = YK_KIND_INT}, .n = 2, .values = i, .valid = &valid};
    in[3] = (yk_vec){.type = {.kind = YK_KIND_TEXT}, .n = 2, .codes = codes, .dict = &dict, .valid = &valid};
    YK_TRY(yk_expr_parse("i // 1 in (1, 2, 3) and lower(s) like 'a%' and cast(i as text) == s and len(upper(s)) + i > 0", &e, NULL));
    YK_TRY(yk_expr_conjuncts(e, &parts, &n, NULL));
    yk_expr_list_free(parts, n);
    YK_TRY(yk_program_new(FIELDS, 6, &(yk_root){e, YK_WANT_FILTER}, 1, &p, NULL));
    YK_TRY(yk_eval_new(p, &ev, NULL));
    yk_eval_block(ev, in, 2);
    YK_TRY(yk_eval_root(ev, 0, &v, NULL));
    return yk_eval_values(ev, 0, &v, NULL);
}

TEST(lack_of_memory_is_an_error_and_leaks_nothing)
{
    uint64_t asked = 0;
    yk_alloc_test_begin(0);
    assert_int_equal(live(), 0);
    assert_int_equal(yk_alloc_test_end(&asked), 0);
    assert_true(asked > 20);
    for (uint64_t k = 1; k <= asked; k++) {
        yk_alloc_test_begin(k);
        int rc = live();
        int64_t left = yk_alloc_test_end(NULL);
        if (rc != YOKE_ENOMEM || left != 0)
            fail_msg("allocation %llu of %llu: code %d, %lld blocks left", (unsigned long long)k, (unsigned long long)asked, rc,
                     (long long)left);
    }
}

TEST(times_are_read_and_printed)
{
    static const struct {
        const char *text, *want;
    } row[] = {{"2022-02-01", "2022-02-01"}, {"2022-02-01 12:30", "2022-02-01 12:30:00"},
               {" 2022-02-01T12:30:15.25Z ", "2022-02-01 12:30:15.250"}, {"2022-02-01 12:30:15.000001", "2022-02-01 12:30:15.000001"},
               {"2022-02-01 00:30+01:00", "2022-01-31 23:30:00"}, {"0001-01-01", "0001-01-01"},
               {"9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"}, {"2022-02-30", NULL}, {"2022-13-01", NULL},
               {"2022-2-1", NULL}, {"noon", NULL}, {"", NULL}, {"2022-02-01 25:00", NULL}, {"2022-02-01x", NULL},
               {"2000-02-29", "2000-02-29"}, {"1900-02-29", NULL}, {"2262-04-11 23:47:16.854775807", "2262-04-11 23:47:16.854775807"},
               {"9999-12-31 23:59:59.999999999", NULL}};
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        int64_t v;
        yk_unit unit;
        bool    is_date;
        char    text[48];
        bool    ok = yk_time_parse(row[k].text, strlen(row[k].text), &v, &unit, &is_date);
        assert_int_equal(ok, row[k].want != NULL);
        if (!ok)
            continue;
        yk_time_print((yk_type){.kind = is_date ? YK_KIND_DATE : YK_KIND_TIME, .unit = unit}, is_date ? v / 86400 - (v % 86400 < 0) : v,
                      text);
        assert_string_equal(text, row[k].want);
    }
    char text[48];
    yk_time_print((yk_type){.kind = YK_KIND_SPAN, .unit = YK_UNIT_MS}, -90061001, text);
    assert_string_equal(text, "-1 day 01:01:01.001");
    for (int64_t v = INT64_MIN; v < INT64_MAX - (INT64_MAX >> 6); v += INT64_MAX >> 6) /* any value prints */
        assert_true(yk_time_print((yk_type){.kind = YK_KIND_DATE}, v, text) < sizeof text);
    static const struct {
        yk_unit     unit;
        const char *want;
    } least[] = {{YK_UNIT_US, "-290308-12-21 19:59:05.224192"}, {YK_UNIT_NS, "1677-09-21 00:12:43.145224192"},
                 {YK_UNIT_MS, "-292275055-05-16 16:47:04.192"}};
    for (size_t k = 0; k < sizeof least / sizeof *least; k++) { /* numpy.datetime64(-2**63 + 1, unit), and one less */
        yk_time_print((yk_type){.kind = YK_KIND_TIME, .unit = least[k].unit}, INT64_MIN, text);
        assert_string_equal(text, least[k].want);
    }
}

TEST(durations_are_read_as_they_are_printed)
{
    static const struct {
        const char *text, *want;
    } row[] = {{"00:10", "00:10:00"}, {"23:59:59.5", "23:59:59.500"}, {"-00:00:00.000001", "-00:00:00.000001"}, {"10 minutes", "00:10:00"},
               {"1 second", "00:00:01"}, {"48 Hours", "2 days 00:00:00"}, {"1 day", "1 day 00:00:00"},
               {"-2 days 03:04", "-2 days 03:04:00"}, {"2 days 24:00", "3 days 00:00:00"}, {"999999999 days", "999999999 days 00:00:00"},
               {"1234567890 days", NULL}, {"", NULL}, {"-", NULL}, {"10", NULL}, {"10 ", NULL}, {"10 m", NULL}, {"1 hour 10:00", NULL},
               {"1 day ", NULL}, {"1 days 1", NULL}, {"10:00x", NULL}, {"1:00", NULL}, {" 10:00", NULL}, {"2022-02-01", NULL}};
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        int64_t v;
        yk_unit unit;
        char    text[48];
        bool    ok = yk_span_parse(row[k].text, strlen(row[k].text), &v, &unit);
        assert_int_equal(ok, row[k].want != NULL);
        if (!ok)
            continue;
        yk_time_print((yk_type){.kind = YK_KIND_SPAN, .unit = unit}, v, text);
        assert_string_equal(text, row[k].want);
    }
}

static void assert_date(int64_t day, time_t second)
{
    static const yk_op parts[] = {YK_OP_YEAR, YK_OP_MONTH, YK_OP_DAY};
    struct tm          tm;
    int64_t            got[3];
    for (int k = 0; k < 3; k++)
        yk_time_parts(parts[k], (yk_type){.kind = YK_KIND_DATE}, &day, 1, &got[k]);
    assert_non_null(gmtime_r(&second, &tm));
    assert_int_equal(got[0], tm.tm_year + INT64_C(1900));
    assert_int_equal(got[1], tm.tm_mon + 1);
    assert_int_equal(got[2], tm.tm_mday);
}

/* N times of every size and sign, none further from 1970 than 2^63 >> shift, and the borders. */
enum { N = 4096 };
static void assert_parts(unsigned shift)
{
    static const yk_op parts[] = {YK_OP_YEAR, YK_OP_MONTH, YK_OP_DAY, YK_OP_HOUR, YK_OP_MINUTE, YK_OP_SECOND, YK_OP_WEEKDAY};
    static int64_t     x[N], got[N], seconds[N];
    for (yk_unit u = YK_UNIT_S; u <= YK_UNIT_NS; u++) {
        int64_t per = yk_unit_per_second(u);
        for (int i = 0; i < N; i++) {
            x[i] = (i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : (int64_t)random_bits() >> (i % 63)) >> shift;
            if (i % 3 == 0) /* the first and last instants of minutes, hours and days */
                x[i] = x[i] / (60 * per) * (60 * per) - i % 2;
        }
        yk_rescale_all(x, N, -per, seconds);
        for (int i = 0; i < N; i++)
            assert_int_equal(seconds[i], x[i] / per - (x[i] % per < 0));
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            memcpy(got, x, sizeof got);
            yk_time_parts(parts[k], (yk_type){.kind = YK_KIND_TIME, .unit = u}, got, N, got);
            for (int i = 0; i < N; i++) {
                time_t    t = seconds[i];
                struct tm tm;
                if (!gmtime_r(&t, &tm)) /* a year that an int does not hold */
                    continue;
                int64_t want[] = {tm.tm_year + INT64_C(1900), tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                                  (tm.tm_wday + 6) % 7};
                assert_int_equal(got[i], want[k]);
            }
        }
    }
}

/* Each day of more than four hundred years before and after 1970; times of every size, by each build: against the C library's calendar. */
TEST(parts_of_times_are_as_the_calendar_has_them)
{
    for (int64_t day = -150000; day < 150000; day++)
        assert_date(day, day * 86400);
    for (int isa = 0; isa <= (int)yk_isa_machine(); isa++) {
        yk_isa_limit((yk_isa)isa);
        for (unsigned shift = 0; shift < 30; shift++)
            assert_parts(shift);
    }
    yk_isa_limit(YK_ISA_AVX512);
}

/* Whole days to the last one that the vector loops take and beyond. */
TEST(far_dates_are_as_near_ones)
{
    for (int64_t edge = -((int64_t)1 << 28); edge <= (int64_t)1 << 28; edge += (int64_t)1 << 29)
        for (int64_t day = edge - 500; day < edge + 500; day++)
            assert_date(day, day * 86400);
}

RUN_TESTS(filters_tell_facts, facts_are_held_against_ranges, conjuncts_lists_and_names, errors_in_a_list_count_from_their_own_expression,
          programs_know_their_columns, rows_masked_out_do_not_overflow, a_pair_of_columns_gives_the_same_before_the_filter_as_after,
          blocks_may_differ_from_what_was_announced, dictionaries_are_computed_once_and_kept_apart_by_id, filters_are_bitmaps,
          lack_of_memory_is_an_error_and_leaks_nothing, times_are_read_and_printed,
          durations_are_read_as_they_are_printed, parts_of_times_are_as_the_calendar_has_them, far_dates_are_as_near_ones)
