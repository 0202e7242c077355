/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/order.h"

#include "base/test/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 6, MOST_ROWS = 6000 };

static uint64_t seed;

static uint64_t any(uint64_t below)
{
    seed += 0x9e3779b97f4a7c15u;
    uint64_t x = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    return (x ^ x >> 31) % below;
}

/* Texts of a kind: digits behind what they share, few letters of many lengths with zero bytes among them, all bytes, long ones. */
static yk_text any_text(unsigned kind, char *room)
{
    size_t n = 0;
    if (kind == 0) {
        n = (size_t)snprintf(room, 64, "station %05u", (unsigned)any(700));
    } else if (kind == 1) {
        n = any(6);
        for (size_t i = 0; i < n; i++)
            room[i] = "ab\0z"[any(4)];
    } else if (kind == 2) {
        n = any(30);
        for (size_t i = 0; i < n; i++)
            room[i] = (char)any(256);
    } else {
        n = 20 + any(30);
        memset(room, 'x', n);
        room[n - 1 - any(3)] = (char)('x' + any(3));
    }
    return (yk_text){room, n};
}

/* A column of integers, reals, truth values or texts, of which one in some is missing. */
static void fill(yk_batch_column *c, uint64_t n)
{
    static const yk_kind kinds[] = {YK_KIND_INT, YK_KIND_UINT, YK_KIND_REAL, YK_KIND_BOOL, YK_KIND_TEXT, YK_KIND_TEXT, YK_KIND_DATA};
    static const int64_t spread[] = {1, 2, 100, 1 << 20, INT64_MAX};
    uint64_t             gaps = 2 + any(3) * 1000, range = (uint64_t)spread[any(5)];
    unsigned             kind = (unsigned)any(4);
    c->type = (yk_type){.kind = kinds[any(sizeof kinds / sizeof *kinds)]};
    for (uint64_t i = 0; i < n; i++) {
        char     room[64];
        yk_value v = {.type = c->type, .is_missing = any(gaps) == 0};
        switch (c->type.kind) {
        case YK_KIND_REAL: v.r = (double)(int64_t)any(range) / 8 - (any(9) ? 3 : 0) * (any(2) ? 1 : -0.0); break;
        case YK_KIND_BOOL: v.b = any(2); break;
        case YK_KIND_TEXT:
        case YK_KIND_DATA: v.t = any_text(kind, room); break;
        default: v.i = (int64_t)any(range) - (c->type.kind == YK_KIND_INT ? (int64_t)(range / 2) : 0);
        }
        assert_int_equal(yk_batch_put(c, &v, NULL), 0);
    }
}

static const yk_batch *sorted_batch;
static const yk_order *sorted_order;
static size_t          sorted_n;

static int compare(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    for (size_t k = 0; k < sorted_n; k++) {
        int c = yk_batch_compare(sorted_batch, a, sorted_batch, b, sorted_order[k].column, sorted_order[k].is_descending);
        if (c)
            return c;
    }
    return a < b ? -1 : 1;
}

/* Random columns by random keys, against a sort by comparisons alone. */
TEST(rows_are_in_the_order_that_comparisons_give)
{
    for (unsigned round = 0; round < 400; round++) {
        static uint32_t want[MOST_ROWS];
        yk_batch        b;
        yk_order        order[COLUMNS];
        uint32_t       *got;
        seed = round * 1000003;
        uint64_t n = any(4) ? any(200) : any(MOST_ROWS);
        size_t   n_order = 1 + any(COLUMNS);
        assert_int_equal(yk_batch_init(&b, COLUMNS, NULL), 0);
        b.n = n;
        for (size_t c = 0; c < COLUMNS; c++)
            fill(&b.columns[c], n);
        for (size_t k = 0; k < n_order; k++)
            order[k] = (yk_order){(size_t)any(COLUMNS), any(2)};
        for (uint32_t i = 0; i < n; i++)
            want[i] = i;
        sorted_batch = &b, sorted_order = order, sorted_n = n_order;
        qsort(want, n, sizeof *want, compare);
        assert_int_equal(yk_batch_sort(&b, order, n_order, &got, NULL), 0);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(got[i], want[i]);
        yk_free(got);
        yk_batch_fini(&b);
    }
}

RUN_TESTS(rows_are_in_the_order_that_comparisons_give)
