/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/groups.h"
#include "table/known.h"
#include "table/words.h"

#include "base/test/check.h"

#include <math.h>
#include <stdio.h>

static const yk_type INT = {.kind = YK_KIND_INT}, REAL = {.kind = YK_KIND_REAL}, TEXT = {.kind = YK_KIND_TEXT};

static yk_text text(const char *s)
{
    return (yk_text){s, strlen(s)};
}

TEST(numbers_in_order_of_appearance)
{
    yk_groups *g;
    int64_t    x[6] = {5, 7, 5, 9, 7, 5};
    uint32_t   got[6];
    yk_vec     v = {.type = INT, .n = 6, .values = x};
    assert_int_equal(yk_groups_new(&INT, 1, &g, NULL), 0);
    assert_int_equal(yk_groups_number(g, &v, NULL, 6, got, NULL), 0);
    static const uint32_t want[6] = {0, 1, 0, 2, 1, 0};
    assert_memory_equal(got, want, sizeof want);
    uint64_t mask = 0x2b; /* rows 0, 1, 3, 5 */
    assert_int_equal(yk_groups_number(g, &v, &mask, 6, got, NULL), 0);
    assert_int_equal(got[2], YK_NO_GROUP);
    assert_int_equal(got[3], 2);
    assert_int_equal(yk_groups_count(g), 3);
    yk_groups_free(g);
}

/* Blocks of integers whose values spread wider and wider, then far apart, rows that are missing or left out among them: the numbers that a
 * search from the first group on gives. */
TEST(integers_near_and_far)
{
    enum { N = 2000, BLOCKS = 12, MOST = N * BLOCKS };
    static int64_t  x[N], known[MOST];
    static uint32_t got[N];
    static uint64_t mask[N / 64 + 1], valid[N / 64 + 1];
    static const int64_t spread[BLOCKS] = {1, 10, 100, 3000, 3000, 100, 120000, 7, 1000000, 50, INT64_MAX, 30};
    for (int round = 0; round < 4; round++) { /* some rows missing; some left out */
        yk_groups *g;
        uint32_t   n_known = 0, missing = YK_NO_GROUP;
        assert_int_equal(yk_groups_new(&INT, 1, &g, NULL), 0);
        for (uint32_t b = 0; b < BLOCKS; b++) {
            yk_vec v = {.type = INT, .n = N, .values = x, .valid = round & 1 ? valid : NULL};
            memset(mask, 0, sizeof mask);
            memset(valid, 0, sizeof valid);
            for (uint32_t i = 0; i < N; i++) {
                uint64_t r = (i + b * N + 1) * 0x9e3779b97f4a7c15u;
                x[i] = (int64_t)((r ^ r >> 32) % (uint64_t)spread[b]) * (r & 1 ? 1 : -1) + (b & 1) * 40;
                valid[i >> 6] |= (uint64_t)(b > 0 && i % 7 != 0) << (i & 63);
                mask[i >> 6] |= (uint64_t)(i % 5 != 3) << (i & 63);
            }
            assert_int_equal(yk_groups_number(g, &v, round & 2 ? mask : NULL, N, got, NULL), 0);
            for (uint32_t i = 0; i < N; i++) {
                bool     is_missing = v.valid && !(valid[i >> 6] >> (i & 63) & 1), is_left_out = round & 2
                    && !(mask[i >> 6] >> (i & 63) & 1);
                uint32_t k = is_missing ? missing : 0;
                if (is_left_out) {
                    assert_int_equal(got[i], YK_NO_GROUP);
                    continue;
                }
                while (!is_missing && k < n_known && (known[k] != x[i] || k == missing))
                    k++;
                if (is_missing && missing == YK_NO_GROUP)
                    k = missing = n_known;
                if (k == n_known)
                    known[n_known++] = x[i];
                assert_int_equal(got[i], k);
            }
            assert_int_equal(yk_groups_count(g), n_known);
            if (b != 4)
                continue;
            yk_groups_clear(g);
            n_known = 0, missing = YK_NO_GROUP;
        }
        yk_groups_free(g);
    }
}

/* Three integers: the first spreads wider and wider, then too far for a table; the second comes as codes every other time; the third is the
 * same in all of a block's rows. Some are missing, some rows left out. */
typedef struct triple {
    int64_t x[3], is_missing[3];
} triple;

TEST(several_integers_near_and_far)
{
    enum { N = 300, BLOCKS = 14, MOST = N * BLOCKS, CODES = 40 };
    static triple   known[MOST];
    static int64_t  x[3][N], dict_values[CODES];
    static uint32_t got[N], codes[N];
    static uint64_t mask[N / 64 + 1], valid[3][N / 64 + 1];
    static const int64_t spread[BLOCKS] = {1, 3, 10, 30, 2, 200, 900, 900, 20, 5000, 4, INT64_MAX, 7, 50};
    for (int round = 0; round < 4; round++) { /* some rows missing; some left out */
        yk_groups *g;
        uint32_t   n_known = 0;
        assert_int_equal(yk_groups_new((yk_type[3]){INT, INT, INT}, 3, &g, NULL), 0);
        for (uint32_t b = 0; b < BLOCKS; b++) {
            yk_dict dict = {CODES, dict_values, 1 + b / 5};
            yk_vec  keys[3] = {{.type = INT, .n = N, .values = x[0]}, {.type = INT, .n = N, .values = x[1]},
                               {.type = INT, .n = N, .values = x[2], .is_const = true}};
            if (b % 2)
                keys[1] = (yk_vec){.type = INT, .n = N, .codes = codes, .dict = &dict};
            memset(mask, 0, sizeof mask);
            memset(valid, 0, sizeof valid);
            for (uint32_t i = 0; i < CODES; i++)
                dict_values[i] = i / 2 + 3 * (b / 5);
            for (uint32_t i = 0; i < N; i++) {
                uint64_t r = (i + b * N + 1) * 0x9e3779b97f4a7c15u;
                r ^= r >> 29;
                x[0][i] = (int64_t)(r % (uint64_t)spread[b]) * (r >> 62 & 1 ? 1 : -1) + (b & 1) * 40;
                codes[i] = (uint32_t)(r >> 40) % CODES;
                x[1][i] = dict_values[codes[i]];
                x[2][i] = b / 3;
                for (int k = 0; k < 3; k++)
                    valid[k][i >> 6] |= (uint64_t)((r >> 20) % 7 != (uint64_t)k && !(k == 2 && b == 8)) << (i & 63);
                mask[i >> 6] |= (uint64_t)(i % 5 != 3) << (i & 63);
            }
            for (int k = 0; k < 3 && round & 1; k++)
                keys[k].valid = valid[k];
            assert_int_equal(yk_groups_number(g, keys, round & 2 ? mask : NULL, N, got, NULL), 0);
            for (uint32_t i = 0; i < N; i++) {
                triple   one = {0};
                uint32_t at = 0;
                for (int k = 0; k < 3; k++) {
                    uint32_t row = keys[k].is_const ? 0 : i;
                    one.is_missing[k] = keys[k].valid && !(valid[k][row >> 6] >> (row & 63) & 1);
                    one.x[k] = one.is_missing[k] ? 0 : x[k][row];
                }
                if (round & 2 && !(mask[i >> 6] >> (i & 63) & 1)) {
                    assert_int_equal(got[i], YK_NO_GROUP);
                    continue;
                }
                while (at < n_known && memcmp(&known[at], &one, sizeof one) != 0)
                    at++;
                if (at == n_known)
                    known[n_known++] = one;
                assert_int_equal(got[i], at);
            }
            assert_int_equal(yk_groups_count(g), n_known);
            if (b % 6 == 5) {
                yk_groups_clear(g);
                n_known = 0;
            }
        }
        yk_groups_free(g);
    }
}

TEST(nan_is_missing_and_zeros_are_equal)
{
    yk_groups *g;
    double     x[5] = {0.0, -0.0, NAN, 1.5, -NAN};
    uint64_t   valid = 0x1f;
    uint32_t   got[6];
    yk_vec     v = {.type = REAL, .n = 5, .values = x, .valid = &valid},
        none = {.type = REAL, .n = 1, .values = x, .valid = &(uint64_t){0}};
    assert_int_equal(yk_groups_new(&REAL, 1, &g, NULL), 0);
    assert_int_equal(yk_groups_number(g, &v, NULL, 5, got, NULL), 0);
    static const uint32_t want[5] = {0, 0, 1, 2, 1};
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(yk_groups_number(g, &none, NULL, 1, got, NULL), 0);
    assert_int_equal(got[0], 1);
    yk_vec keys;
    assert_int_equal(yk_groups_keys(g, 0, &keys, NULL), 0);
    assert_int_equal(keys.n, 3);
    assert_int_equal(keys.valid[0], 5);
    yk_groups_free(g);
}

/* One coded key: rows that a mask leaves out neither make groups nor have one. */
TEST(codes_of_one_key_agree_under_a_mask)
{
    enum { N = 2000 };
    static uint32_t codes[N], got[N], want[N];
    static double   x[N], dict_values[50];
    static uint64_t mask[N / 64 + 1];
    yk_type         type = {.kind = YK_KIND_REAL};
    yk_groups      *by_value, *by_code;
    yk_dict         dict = {50, dict_values, 1};
    yk_vec          values = {.type = type, .n = N, .values = x}, coded = {.type = type, .n = N, .codes = codes, .dict = &dict};
    for (int i = 0; i < 50; i++)
        dict_values[i] = i == 7 ? NAN : i / 2; /* some are equal, one is missing */
    for (uint32_t i = 0; i < N; i++) {
        codes[i] = (i * 2654435761u >> 16) % (i < N / 2 ? 20 : 50);
        x[i] = dict_values[codes[i]];
        mask[i >> 6] |= (uint64_t)(codes[i] != 3 && i % 3 != 0) << (i & 63);
    }
    assert_int_equal(yk_groups_new(&type, 1, &by_value, NULL), 0);
    assert_int_equal(yk_groups_new(&type, 1, &by_code, NULL), 0);
    for (int round = 0; round < 3; round++) {
        const uint64_t *some = round < 2 ? mask : NULL;
        assert_int_equal(yk_groups_number(by_value, &values, some, N, want, NULL), 0);
        assert_int_equal(yk_groups_number(by_code, &coded, some, N, got, NULL), 0);
        assert_memory_equal(got, want, sizeof want);
        for (uint32_t i = 0; some && i < N; i++)
            assert_int_equal(got[i] == YK_NO_GROUP, !(mask[i >> 6] >> (i & 63) & 1));
        assert_int_equal(yk_groups_count(by_code), 26);
    }
    yk_groups_free(by_value);
    yk_groups_free(by_code);
}

/* Two text keys, as values and as codes into dictionaries that change half-way: the same numbers. */
TEST(codes_and_values_agree)
{
    enum { N = 2000 };
    static yk_text  a[N], b[N], words[2][6];
    static uint32_t ca[2][N], got[N], want[N];
    static uint64_t valid[N / 64 + 1];
    yk_type         types[2] = {TEXT, TEXT};
    const char     *word[6] = {"manhattan", "queens", "", "bronx", "brooklyn", "staten island"};
    for (int i = 0; i < 6; i++) {
        words[0][i] = text(word[i]);
        words[1][i] = text(word[5 - i]);
    }
    for (uint32_t i = 0; i < N; i++) {
        uint32_t x = i * 2654435761u >> 16;
        a[i] = words[0][x % 6];
        b[i] = words[0][x / 6 % 6];
        ca[0][i] = x % 6;
        ca[1][i] = 5 - x / 6 % 6;
        valid[i >> 6] |= (uint64_t)(x % 11 != 0) << (i & 63);
    }
    yk_groups *by_value, *by_code;
    assert_int_equal(yk_groups_new(types, 2, &by_value, NULL), 0);
    assert_int_equal(yk_groups_new(types, 2, &by_code, NULL), 0);
    yk_dict dict[2] = {{6, words[0], 1}, {6, words[1], 2}};
    yk_vec  values[2] = {{.type = TEXT, .n = N, .values = a, .valid = valid}, {.type = TEXT, .n = N, .values = b}};
    yk_vec  codes[2] = {{.type = TEXT, .n = N, .codes = ca[0], .dict = &dict[0], .valid = valid},
                        {.type = TEXT, .n = N, .codes = ca[1], .dict = &dict[1]}};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(yk_groups_number(by_value, values, NULL, N, want, NULL), 0);
        assert_int_equal(yk_groups_number(by_code, codes, NULL, N, got, NULL), 0);
        assert_memory_equal(got, want, sizeof want);
        /* the same words in another order under a new identity */
        dict[0] = (yk_dict){6, words[1], 3};
        for (uint32_t i = 0; i < N; i++)
            ca[0][i] = 5 - ca[0][i];
    }
    assert_int_equal(yk_groups_count(by_code), 42);
    yk_groups_free(by_value);
    yk_groups_free(by_code);
}

/* One text key: codes into dictionaries that change, one of them with a text twice, blocks of values and cleared groups between: the
 * numbers that values have. */
TEST(codes_of_one_text_agree_with_values)
{
    enum { N = 1500, WORDS = 400, BLOCKS = 12 };
    static char     names[WORDS][12];
    static yk_text  dicts[2][WORDS], t[N];
    static uint32_t codes[N], got[N], want[N];
    static uint64_t mask[N / 64 + 1];
    yk_groups      *by_value, *by_code;
    for (int i = 0; i < WORDS; i++) {
        snprintf(names[i], sizeof names[i], "word %d", i / 2 * 2);
        dicts[0][i] = text(names[i]);
        dicts[1][WORDS - 1 - i] = text(names[i]);
    }
    assert_int_equal(yk_groups_new(&TEXT, 1, &by_value, NULL), 0);
    assert_int_equal(yk_groups_new(&TEXT, 1, &by_code, NULL), 0);
    for (uint32_t b = 0; b < BLOCKS; b++) {
        uint32_t which = b / 3 % 2;
        yk_dict  dict = {WORDS, dicts[which], which + 1};
        yk_vec   coded = {.type = TEXT, .n = N, .codes = codes, .dict = &dict}, values = {.type = TEXT, .n = N, .values = t};
        memset(mask, 0, sizeof mask);
        for (uint32_t i = 0; i < N; i++) {
            codes[i] = (i * 2654435761u >> 8) % (20 + b * 30);
            t[i] = dicts[which][codes[i]];
            mask[i >> 6] |= (uint64_t)(i % 3 != b % 3) << (i & 63);
        }
        const uint64_t *some = b % 4 ? mask : NULL;
        assert_int_equal(yk_groups_number(by_value, &values, some, N, want, NULL), 0);
        assert_int_equal(yk_groups_number(by_code, b % 5 == 4 ? &values : &coded, some, N, got, NULL), 0);
        assert_memory_equal(got, want, sizeof want);
        assert_int_equal(yk_groups_count(by_code), yk_groups_count(by_value));
        if (b % 2 == 0)
            continue;
        uint32_t   n = yk_groups_count(by_code), rows[WORDS];
        YK_AUTOBUF bytes = YK_BUF_INIT, other = YK_BUF_INIT;
        for (uint32_t i = 0; i < n; i++)
            rows[i] = i;
        assert_int_equal(yk_groups_write(by_code, rows, n, &bytes, NULL), 0);
        assert_int_equal(yk_groups_write(by_value, rows, n, &other, NULL), 0);
        assert_int_equal(bytes.len, other.len);
        assert_memory_equal(bytes.data, other.data, bytes.len);
        if (b % 4 == 1) {
            yk_groups_clear(by_value);
            yk_groups_clear(by_code);
        }
    }
    yk_groups_free(by_value);
    yk_groups_free(by_code);
}

TEST(a_constant_block_is_one_group)
{
    yk_groups *g;
    int64_t    seven = 7;
    uint32_t   got[100], code = 1;
    int64_t    pair[2] = {3, 7};
    yk_dict    dict = {2, pair, 9};
    yk_vec     v = {.type = INT, .n = 100, .values = &seven, .is_const = true};
    yk_vec     c = {.type = INT, .n = 100, .codes = &code, .dict = &dict, .is_const = true};
    yk_vec     null = {.type = {.kind = YK_KIND_NULL}, .n = 100, .is_const = true};
    assert_int_equal(yk_groups_new(&INT, 1, &g, NULL), 0);
    assert_int_equal(yk_groups_number(g, &v, NULL, 100, got, NULL), 0);
    assert_int_equal(yk_groups_number(g, &c, NULL, 100, got, NULL), 0);
    assert_int_equal(yk_groups_count(g), 1);
    assert_int_equal(yk_groups_number(g, &null, NULL, 100, got, NULL), 0);
    assert_int_equal(got[99], 1);
    yk_groups_free(g);
}

/* Many groups over two tasks, merged in order, are those of one pass; damaged bytes are refused. */
TEST(merging_is_one_pass)
{
    enum { N = 50000 };
    static int64_t  x[N];
    static uint32_t one[N], two[N];
    yk_groups      *whole, *left, *right;
    yk_type         types[1] = {INT};
    for (uint32_t i = 0; i < N; i++)
        x[i] = (int64_t)(i * 2654435761u % 30011);
    assert_int_equal(yk_groups_new(types, 1, &whole, NULL), 0);
    assert_int_equal(yk_groups_new(types, 1, &left, NULL), 0);
    assert_int_equal(yk_groups_new(types, 1, &right, NULL), 0);
    yk_vec v = {.type = INT, .n = N, .values = x}, a = {.type = INT, .n = 20000, .values = x},
        b = {.type = INT, .n = N - 20000, .values = x + 20000};
    assert_int_equal(yk_groups_number(whole, &v, NULL, N, one, NULL), 0);
    assert_int_equal(yk_groups_number(left, &a, NULL, 20000, two, NULL), 0);
    assert_int_equal(yk_groups_number(right, &b, NULL, N - 20000, two + 20000, NULL), 0);
    YK_AUTOBUF bytes = YK_BUF_INIT;
    uint32_t   n_right = yk_groups_count(right), begin[2];
    uint32_t  *rows = yk_new_array(uint32_t, n_right);
    uint8_t   *parts = yk_new_array(uint8_t, n_right);
    yk_groups_cut(right, 1, 0, 1, parts, rows, begin);
    yk_free(parts);
    assert_true(begin[0] == 0 && begin[1] == n_right);
    assert_int_equal(yk_groups_write(right, rows, n_right, &bytes, NULL), 0);
    yk_free(rows);
    uint32_t *numbers, n;
    size_t    used;
    for (size_t cut = 0; cut < bytes.len; cut = cut * 2 + 1)
        assert_int_equal(yk_groups_merge(whole, bytes.data, cut, &numbers, &n, &used, NULL), YOKE_EFORMAT);
    assert_int_equal(yk_groups_merge(left, bytes.data, bytes.len, &numbers, &n, &used, NULL), 0);
    assert_int_equal(used, bytes.len);
    for (uint32_t i = 20000; i < N; i++)
        two[i] = numbers[two[i]];
    assert_memory_equal(one, two, sizeof one);
    assert_int_equal(yk_groups_count(left), yk_groups_count(whole));
    yk_free(numbers);
    yk_groups_free(whole);
    yk_groups_free(left);
    yk_groups_free(right);
}

/* Rows as they are, cut into parts: merged part by part they are the groups that numbering gives, whether sought side by side or not. */
TEST(rows_that_are_not_sought)
{
    enum { N = 5000, PARTS = 16 };
    static int64_t  x[N];
    static uint64_t valid[N / 64 + 1], mask[N / 64 + 1];
    static uint32_t want[N], rows[N], begin[PARTS + 1];
    static uint8_t  parts[N];
    yk_type         types[] = {INT, TEXT};
    yk_text         texts[3] = {text("a"), text(""), text("three")};
    static yk_text  t[N];
    for (uint32_t i = 0; i < N; i++) {
        x[i] = (int64_t)((uint64_t)i * 2654435761u % 1500 << (i % 2 ? 40 : 0)) - 700;
        t[i] = texts[i % 3];
        valid[i >> 6] |= (uint64_t)(i % 11 != 0) << (i & 63);
        mask[i >> 6] |= (uint64_t)(i % 5 != 0) << (i & 63);
    }
    for (int by_parts = 0; by_parts < 2; by_parts++) {
        yk_groups *sought, *as_they_are, *merged;
        yk_buf     bytes = YK_BUF_INIT;
        yk_vec     keys[2] = {{.type = INT, .n = N, .values = x, .valid = valid}, {.type = TEXT, .n = N, .values = t}};
        assert_int_equal(yk_groups_new(types, 2, &sought, NULL), 0);
        assert_int_equal(yk_groups_new(types, 2, &as_they_are, NULL), 0);
        assert_int_equal(yk_groups_new(types, 2, &merged, NULL), 0);
        assert_int_equal(yk_groups_expect(merged, 4000, by_parts, NULL), 0);
        assert_int_equal(yk_groups_number(sought, keys, mask, N, want, NULL), 0);
        assert_int_equal(yk_groups_append(as_they_are, keys, mask, N, NULL), 0);
        assert_int_equal(yk_groups_count(as_they_are), N / 5 * 4);
        yk_groups_cut(as_they_are, 2, 0, PARTS, parts, rows, begin);
        for (uint32_t p = 0; p < PARTS; p++) {
            uint32_t *numbers, n;
            size_t    used;
            yk_buf_clear(&bytes);
            assert_int_equal(yk_groups_write(as_they_are, rows + begin[p], begin[p + 1] - begin[p], &bytes, NULL), 0);
            assert_int_equal(yk_groups_merge(merged, bytes.data, bytes.len, &numbers, &n, &used, NULL), 0);
            assert_int_equal(n, begin[p + 1] - begin[p]);
            assert_int_equal(used, bytes.len);
            yk_free(numbers);
        }
        assert_int_equal(yk_groups_count(merged), yk_groups_count(sought));
        static uint32_t again[N], of[N];
        assert_int_equal(yk_groups_number(merged, keys, mask, N, again, NULL), 0);
        assert_int_equal(yk_groups_count(merged), yk_groups_count(sought)); /* all were known */
        memset(of, 0xff, sizeof of);
        for (uint32_t i = 0; i < N; i++) { /* and the two numberings are of the same rows */
            assert_int_equal(want[i] == YK_NO_GROUP, again[i] == YK_NO_GROUP);
            if (want[i] == YK_NO_GROUP)
                continue;
            assert_true(of[want[i]] == YK_NO_GROUP || of[want[i]] == again[i]);
            of[want[i]] = again[i];
        }
        yk_groups_clear(as_they_are); /* from here on they are sought */
        assert_int_equal(yk_groups_number(as_they_are, keys, mask, N, again, NULL), 0);
        assert_memory_equal(again, want, sizeof want);
        yk_buf_fini(&bytes);
        yk_groups_free(sought);
        yk_groups_free(as_they_are);
        yk_groups_free(merged);
    }
}

/* A sealed grouping of many integers, of which some lie far apart or not, seen through a view: each is found, others are none. */
TEST(many_integers_that_are_sealed)
{
    enum { N = 2000, BLOCKS = 150, MANY = N * BLOCKS, STEP = 3 };
    static int64_t  x[N];
    static uint32_t got[N];
    static uint64_t mask[N / 64 + 1], valid[N / 64 + 1];
    for (int round = 0; round < 3; round++) { /* so many are expected, none is, one lies far away */
        yk_groups *g, *view;
        yk_vec     v = {.type = INT, .n = N, .values = x};
        assert_int_equal(yk_groups_new(&INT, 1, &g, NULL), 0);
        assert_int_equal(yk_groups_expect(g, round ? 0 : MANY, false, NULL), 0);
        for (uint32_t b = 0; b < BLOCKS; b++) {
            for (uint32_t i = 0; i < N; i++)
                x[i] = (int64_t)((b * N + i) * (uint64_t)7919 % MANY) * STEP - 1000;
            if (round == 2 && b == BLOCKS - 1)
                x[N - 1] = INT64_MAX;
            assert_int_equal(yk_groups_number(g, &v, NULL, N, got, NULL), 0);
            for (uint32_t i = 0; i < N; i++)
                assert_int_equal(got[i], b * N + i);
        }
        assert_int_equal(yk_groups_seal(g, NULL), 0);
        assert_int_equal(yk_groups_view(g, &view, NULL), 0);
        for (int way = 0; way < 4; way++) { /* some missing, some left out */
            memset(mask, 0, sizeof mask);
            memset(valid, 0, sizeof valid);
            for (uint32_t i = 0; i < N; i++) {
                int64_t known = (int64_t)((i + 3 * N) * (uint64_t)7919 % MANY) * STEP - 1000;
                x[i] = i % 2 ? known + (i % 4 == 3) : i % 4 ? INT64_MIN + i : 5000000 + i;
                mask[i >> 6] |= (uint64_t)(i % 5 != 3) << (i & 63);
                valid[i >> 6] |= (uint64_t)(i % 7 != 0) << (i & 63);
            }
            v.valid = way & 1 ? valid : NULL;
            assert_int_equal(yk_groups_number(view, &v, way & 2 ? mask : NULL, N, got, NULL), 0);
            for (uint32_t i = 0; i < N; i++) {
                bool is_out = way & 2 && i % 5 == 3, is_known = i % 4 == 1 && !(way & 1 && i % 7 == 0);
                assert_int_equal(got[i], is_out ? YK_NO_GROUP : is_known ? i + 3 * N : MANY);
            }
        }
        assert_int_equal(yk_groups_count(view), MANY);
        yk_groups_free(view);
        yk_groups_free(g);
    }
}

/* The same grouping of integers appended to, cleared and numbered, time and again. */
TEST(appended_and_sought_in_turn)
{
    yk_groups *g;
    int64_t    x[6] = {5, 7, 5, 9, 7, 5};
    uint32_t   got[6];
    yk_vec     v = {.type = INT, .n = 6, .values = x};
    assert_int_equal(yk_groups_new(&INT, 1, &g, NULL), 0);
    for (int round = 0; round < 4; round++) {
        x[3] = round % 2 ? INT64_MAX : 9; /* near or not */
        assert_int_equal(yk_groups_append(g, &v, NULL, 6, NULL), 0);
        assert_int_equal(yk_groups_count(g), 6);
        yk_groups_clear(g);
        assert_int_equal(yk_groups_number(g, &v, NULL, 6, got, NULL), 0);
        assert_memory_equal(got, ((uint32_t[]){0, 1, 0, 2, 1, 0}), sizeof got);
        yk_groups_clear(g);
    }
    yk_groups_free(g);
}

/* Words lose the upper bytes that they share, and no more; bytes that end too soon or say nonsense are refused. */
TEST(words_take_as_few_bytes_as_they_differ_in)
{
    static const struct {
        uint64_t words[4];
        size_t   width;
    } row[] = {
        {{7, 7, 7, 7}, 1},
        {{0x1122334455667700, 0x11223344556677ff, 0x1122334455667701, 0x1122334455667702}, 1},
        {{0x100, 0x2ff, 1, 0}, 2},
        {{UINT32_MAX, 0, 65536, 2}, 4},
        {{1ull << 32, 0, 1, 2}, 8},
        {{UINT64_MAX, 0, 1, 2}, 8},
    };
    static const uint32_t order[5] = {3, 1, 0, 2, 1};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_buf   bytes = YK_BUF_INIT;
        yk_words w;
        uint64_t got[5];
        yk_words_write((const char *)row[i].words, 8, order, 5, &bytes);
        assert_int_equal(bytes.len, 9 + 5 * row[i].width);
        assert_int_equal(yk_words_find(bytes.data, bytes.data + bytes.len, 5, &w), bytes.len);
        for (size_t n = 0; n < bytes.len; n++) {
            yk_words none;
            assert_int_equal(yk_words_find(bytes.data, bytes.data + n, 5, &none), 0);
        }
        yk_words_read(&w, 2, got); /* in two goes */
        yk_words_read(&w, 3, got + 2);
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(got[k], row[i].words[order[k]]);
        bytes.data[8] = 3;
        assert_int_equal(yk_words_find(bytes.data, bytes.data + bytes.len, 5, &w), 0);
        yk_buf_fini(&bytes);
    }
}

/* Keys of all sorts, some missing, cut into parts by the first two: of every part two shares hold all its groups, each once, as they
 * were. */
TEST(shares_of_parts_hold_each_group_once)
{
    enum { N = 20000, PARTS = 8 };
    static yk_text  t[N];
    static double   x[N];
    static uint8_t  is_odd[N];
    static uint64_t valid[N / 64 + 1];
    static uint32_t numbers[N], rows[N], seen[N];
    static uint8_t  parts[N];
    static char     names[N][8];
    uint32_t        begin[PARTS + 1], *got, n_got, n_all = 0;
    size_t          used;
    yk_type         types[3] = {TEXT, REAL, {.kind = YK_KIND_BOOL}};
    yk_groups      *g, *share;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t r = i * 2654435761u >> 8;
        snprintf(names[i], sizeof names[i], "%.*s", (int)(r % 7), &"n000000"[r % 3]);
        t[i] = text(names[i]);
        x[i] = r % 11 ? r % 700 : NAN;
        is_odd[i] = r & 1;
        valid[i >> 6] |= (uint64_t)(r % 13 != 0) << (i & 63);
    }
    yk_vec v[3] = {{.type = TEXT, .n = N, .values = t, .valid = valid}, {.type = REAL, .n = N, .values = x},
                   {.type = types[2], .n = N, .values = is_odd, .valid = valid}};
    assert_int_equal(yk_groups_new(types, 3, &g, NULL), 0);
    assert_int_equal(yk_groups_number(g, v, NULL, N, numbers, NULL), 0);
    yk_groups_cut(g, 2, 0, PARTS, parts, rows, begin);
    assert_int_equal(begin[PARTS], yk_groups_count(g));
    for (uint32_t s = 0; s < 2 * PARTS; s++) {
        YK_AUTOBUF bytes = YK_BUF_INIT;
        uint32_t   p = s / 2, n = begin[p + 1] - begin[p];
        assert_int_equal(yk_groups_write(g, rows + begin[p], n, &bytes, NULL), 0);
        assert_int_equal(yk_groups_new(types, 3, &share, NULL), 0);
        yk_groups_share(share, (yk_share){s, 2 * PARTS, 2});
        assert_int_equal(yk_groups_merge(share, bytes.data, bytes.len, &got, &n_got, &used, NULL), 0);
        assert_int_equal(n_got, n);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(parts[rows[begin[p] + i]], p);
            seen[rows[begin[p] + i]] += got[i] != YK_NO_GROUP;
        }
        n_all += yk_groups_count(share);
        yk_free(got);
        yk_groups_share(share, (yk_share){0});
        assert_int_equal(yk_groups_number(share, v, NULL, N, numbers, NULL), 0); /* what the share has is known again, all else is new */
        assert_int_equal(yk_groups_count(share), yk_groups_count(g));
        yk_groups_free(share);
    }
    assert_int_equal(n_all, yk_groups_count(g));
    for (uint32_t i = 0; i < n_all; i++)
        assert_int_equal(seen[i], 1);
    yk_groups_free(g);
}

static int group_some(void)
{
    yk_type         types[2] = {TEXT, INT};
    static yk_text  t[3000];
    static int64_t  x[3000];
    static uint32_t numbers[3000];
    static char     names[3000][8];
    for (int i = 0; i < 3000; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i % 1500);
        t[i] = text(names[i]);
        x[i] = i % 3;
    }
    yk_vec                          v[2] = {{.type = TEXT, .n = 3000, .values = t}, {.type = INT, .n = 3000, .values = x}};
    YK_CLEANUP(yk_groups_freep) yk_groups *g = NULL;
    YK_AUTOBUF                      bytes = YK_BUF_INIT;
    YK_AUTOFREE uint32_t           *theirs = NULL;
    uint32_t                        n;
    size_t                          used;
    YK_TRY(yk_groups_new(types, 2, &g, NULL));
    YK_TRY(yk_groups_number(g, v, NULL, 3000, numbers, NULL));
    for (uint32_t i = 0; i < yk_groups_count(g); i++)
        numbers[i] = i;
    YK_TRY(yk_groups_write(g, numbers, yk_groups_count(g), &bytes, NULL));
    YK_TRY(yk_groups_merge(g, bytes.data, bytes.len, &theirs, &n, &used, NULL));
    YK_CLEANUP(yk_groups_freep) yk_groups *appended = NULL, *near = NULL, *coded = NULL;
    YK_TRY(yk_groups_new(types, 2, &appended, NULL));
    YK_TRY(yk_groups_append(appended, v, NULL, 1000, NULL));
    YK_TRY(yk_groups_take(appended, bytes.data, bytes.len, &used, NULL));
    YK_TRY(yk_groups_new(&types[1], 1, &near, NULL));
    YK_TRY(yk_groups_number(near, &v[1], NULL, 3000, numbers, NULL));
    x[0] = INT64_MAX;
    YK_TRY(yk_groups_number(near, &v[1], NULL, 3000, numbers, NULL));
    YK_TRY(yk_groups_new(types, 1, &coded, NULL));
    YK_TRY(yk_groups_number(coded, &(yk_vec){.type = TEXT, .n = 3, .codes = (uint32_t[]){2, 0, 2}, .dict = &(yk_dict){3, t, 1}}, NULL, 3,
                            numbers, NULL));
    return yk_groups_number(coded, v, NULL, 3000, numbers, NULL);
}

TEST(nth_allocation_failing_leaks_nothing)
{
    for (uint64_t nth = 1;; nth++) {
        uint64_t asked;
        yk_alloc_test_begin(nth);
        int rc = group_some();
        assert_int_equal(yk_alloc_test_end(&asked), 0);
        if (asked < nth) {
            assert_int_equal(rc, 0);
            return;
        }
        assert_int_equal(rc, YOKE_ENOMEM);
    }
}

/* What a worker knows is listed once, in rising order; the fold knows each worker's groups by its name alone. */
TEST(known_groups_are_called_by_their_numbers)
{
    yk_known       k = {0}, other = {0};
    yk_known_names names = {0};
    uint32_t       numbers[200], met[3], some[3] = {199, 0, 7}, bad = 200;
    for (uint32_t i = 0; i < 200; i++)
        numbers[i] = 1000 - i;
    assert_int_equal(yk_known_begin(&k, 130, NULL), 0);
    assert_int_equal(yk_known_meet(&k, (uint32_t[]){129, 5, 130, 0, 5, YK_NO_GROUP}, 6), 4);
    assert_int_equal(yk_known_meet(&k, (uint32_t[]){0, 200}, 2), 1);
    assert_int_equal(k.n_met, 3);
    yk_known_list(&k, met);
    assert_memory_equal(met, ((uint32_t[]){0, 5, 129}), sizeof met);
    assert_int_equal(yk_known_begin(&k, 64, NULL), 0);
    assert_int_equal(yk_known_meet(&k, (uint32_t[]){64, 100}, 2), 0);
    assert_int_equal(k.n_met, 0);
    yk_known_rename(&k);
    yk_known_rename(&other);
    assert_true(k.name && other.name && k.name != other.name);
    assert_int_equal(yk_known_add(&names, k.name, numbers, 150, NULL), 0);
    assert_int_equal(yk_known_add(&names, other.name, some, 1, NULL), 0);
    assert_int_equal(yk_known_add(&names, k.name, numbers + 150, 50, NULL), 0);
    assert_int_equal(yk_known_find(&names, k.name, some, 3, NULL), 0);
    assert_memory_equal(some, ((uint32_t[]){801, 1000, 993}), sizeof some);
    assert_int_equal(yk_known_find(&names, k.name, &bad, 1, NULL), YOKE_EFORMAT);
    assert_int_equal(yk_known_find(&names, 0, &bad, 1, NULL), YOKE_EFORMAT);
    assert_int_equal(yk_known_find(&names, 0, NULL, 0, NULL), 0);
    yk_known_names_fini(&names);
    yk_known_fini(&k);
    yk_known_fini(&other);
}

RUN_TESTS(known_groups_are_called_by_their_numbers, numbers_in_order_of_appearance, integers_near_and_far,
          many_integers_that_are_sealed, several_integers_near_and_far,
          nan_is_missing_and_zeros_are_equal, codes_of_one_key_agree_under_a_mask, codes_and_values_agree,
          codes_of_one_text_agree_with_values, a_constant_block_is_one_group,
          merging_is_one_pass, rows_that_are_not_sought, appended_and_sought_in_turn,
          words_take_as_few_bytes_as_they_differ_in, shares_of_parts_hold_each_group_once,
          nth_allocation_failing_leaks_nothing)
