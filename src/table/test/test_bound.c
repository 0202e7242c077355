/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/bound.h"

#include "base/test/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCKS = 12, ROWS = BLOCKS * YK_BLOCK, WANTED = 50 };

typedef struct table {
    yk_type  type;
    int64_t  ints[ROWS];
    double   reals[ROWS];
    char     bytes[ROWS][300];
    yk_text  texts[ROWS];
    uint64_t valid[ROWS / 64], mask[ROWS / 64];
    bool     is_late[ROWS]; /* left out by the bound */
} table;

static uint64_t mixed(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9u;
    return i ^ i >> 31;
}

/* Values below `most`, those of missing rows beyond. Texts are equal as far as their images, or as far as what bounds. */
static void make(table *t, yk_type type, unsigned most, bool is_descending, bool is_long)
{
    memset(t, 0, sizeof *t);
    t->type = type;
    for (uint32_t i = 0; i < ROWS; i++) {
        uint64_t r = mixed(i);
        bool     is_missing = (r >> 20 & 15) == 0, is_nan = r % 31 == 0;
        unsigned value = is_missing ? (is_descending ? 9000 : 0) : 1 + (unsigned)(r % most);
        t->ints[i] = (int64_t)value - (type.kind == YK_KIND_UINT ? 0 : most / 2);
        t->reals[i] = is_nan ? NAN : (double)t->ints[i] / 7;
        size_t same = is_long ? 280 : 12;
        memset(t->bytes[i], 'a', same);
        snprintf(t->bytes[i] + same, sizeof t->bytes[i] - same, "%04u", value);
        t->texts[i] = (yk_text){t->bytes[i], strlen(t->bytes[i])};
        t->valid[i >> 6] |= (uint64_t)!is_missing << (i & 63);
        t->mask[i >> 6] |= (uint64_t)(r >> 30 & 1) << (i & 63);
    }
}

static bool is_there(const table *t, uint32_t i)
{
    return (t->valid[i >> 6] >> (i & 63) & 1) && !(t->type.kind == YK_KIND_REAL && isnan(t->reals[i]));
}

static const void *values_of(const table *t, uint32_t first)
{
    return t->type.kind == YK_KIND_REAL ? (const void *)(t->reals + first)
        : t->type.kind == YK_KIND_TEXT  ? (const void *)(t->texts + first)
                                        : (const void *)(t->ints + first);
}

static bool has_bit(const uint64_t *bits, uint32_t i) { return bits[i >> 6] >> (i & 63) & 1; }

static int run(table *t, bool is_descending, bool is_whole)
{
    yk_bound b;
    int      rc = yk_bound_init(&b, t->type, WANTED, is_descending, is_whole, NULL);
    memset(t->is_late, 1, sizeof t->is_late);
    for (uint32_t first = 0; first < ROWS && rc == 0; first += YK_BLOCK) {
        uint32_t        rows[YK_BLOCK], n = 0;
        const uint64_t *mask = t->mask + first / 64;
        yk_vec          v = {.type = t->type, .n = YK_BLOCK, .values = values_of(t, first), .valid = t->valid + first / 64};
        if (!yk_bound_list(&b, &v, mask, YK_BLOCK, rows, &n))
            for (uint32_t i = 0; i < YK_BLOCK; i++)
                if (has_bit(mask, i))
                    rows[n++] = i;
        rc = yk_bound_leave_out(&b, &v, rows, n, &n, NULL);
        for (uint32_t i = 0; i < n && rc == 0; i++)
            t->is_late[first + rows[i]] = false;
    }
    yk_bound_fini(&b);
    return rc;
}

static const table *sorted;
static bool         is_down;

static int by_value(const table *t, uint32_t a, uint32_t b)
{
    if (t->type.kind == YK_KIND_TEXT)
        return strcmp(t->bytes[a], t->bytes[b]);
    return t->type.kind == YK_KIND_REAL ? (t->reals[a] > t->reals[b]) - (t->reals[a] < t->reals[b])
                                        : (t->ints[a] > t->ints[b]) - (t->ints[a] < t->ints[b]);
}

/* Missing ones last, equal ones as they lie. */
static int compare(const void *a_, const void *b_)
{
    uint32_t a = *(const uint32_t *)a_, b = *(const uint32_t *)b_;
    bool     has_a = is_there(sorted, a), has_b = is_there(sorted, b);
    int      order = has_a && has_b ? by_value(sorted, a, b) : 0;
    if (has_a != has_b)
        return has_a ? -1 : 1;
    return order ? (is_down ? -order : order) : (a > b) - (a < b);
}

/* None of the first rows is left out, nor, where there are other keys, one with the same value as the last of them; but most others are. */
TEST(the_first_rows_of_a_sort_stay)
{
    static const yk_type type[] = {{.kind = YK_KIND_INT}, {.kind = YK_KIND_REAL}, {.kind = YK_KIND_TEXT}, {.kind = YK_KIND_UINT}};
    static uint32_t      order[ROWS];
    table               *t = malloc(sizeof *t);
    for (size_t k = 0; k < 16 * sizeof type / sizeof *type; k++) {
        uint32_t n = 0, n_late = 0;
        bool     is_whole = k & 1;
        is_down = k & 2;
        make(t, type[k / 16], k & 4 ? 4000 : 20, is_down, k & 8); /* of few values the wanted rows all have the first */
        assert_int_equal(run(t, is_down, is_whole), 0);
        for (uint32_t i = 0; i < ROWS; i++)
            if (has_bit(t->mask, i))
                order[n++] = i;
        sorted = t;
        qsort(order, n, sizeof *order, compare);
        for (uint32_t i = 0; i < n; i++) {
            bool is_wanted = i < WANTED || (!is_whole && is_there(t, order[i]) && by_value(t, order[i], order[WANTED - 1]) == 0);
            assert_false(is_wanted && t->is_late[order[i]]);
            n_late += t->is_late[order[i]];
        }
        /* long texts are equal as far as can be told: missing ones alone are late */
        assert_true(n_late > ((k & 8) && type[k / 16].kind == YK_KIND_TEXT ? 0 : n / 2));
    }
    free(t);
}

/* Of a sample the rows with the least keys stay, and their keys with them. */
TEST(the_least_keys_stay)
{
    static uint64_t all[ROWS];
    static bool     stays[ROWS];
    yk_bound        b;
    uint32_t        n_kept = 0;
    assert_int_equal(yk_bound_init(&b, (yk_type){0}, WANTED, false, false, NULL), 0);
    for (uint32_t first = 0; first < ROWS; first += YK_BLOCK) {
        uint32_t rows[YK_BLOCK], n = YK_BLOCK;
        uint64_t keys[YK_BLOCK];
        for (uint32_t i = 0; i < YK_BLOCK; i++) {
            rows[i] = i;
            keys[i] = all[first + i] = mixed(first + i);
        }
        assert_int_equal(yk_bound_keys(&b, keys, rows, &n, NULL), 0);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(keys[i] == all[first + rows[i]]);
            stays[first + rows[i]] = true;
        }
        n_kept += n;
    }
    yk_bound_fini(&b);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t n_less = 0;
        for (uint32_t j = 0; j < ROWS && n_less < WANTED; j++)
            n_less += all[j] < all[i];
        assert_true(stays[i] || n_less == WANTED);
    }
    assert_true(n_kept < ROWS / 2);
}

TEST(nth_allocation_failing_leaks_nothing)
{
    table *t = malloc(sizeof *t);
    for (int text = 0; text < 2; text++) {
        make(t, (yk_type){.kind = text ? YK_KIND_TEXT : YK_KIND_INT}, 4000, false, false);
        for (uint64_t nth = 1;; nth++) {
            uint64_t asked;
            yk_alloc_test_begin(nth);
            int rc = run(t, false, true);
            assert_int_equal(yk_alloc_test_end(&asked), 0);
            assert_int_equal(rc, asked < nth ? 0 : YOKE_ENOMEM);
            if (asked < nth)
                break;
        }
    }
    free(t);
}

RUN_TESTS(the_first_rows_of_a_sort_stay, the_least_keys_stay, nth_allocation_failing_leaks_nothing)
