/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sorting rows. A first key that is a number or a time becomes an unsigned integer that orders as it does, and is sorted digit by
 * digit (least significant first, which keeps equal rows as they lie; digits that all rows share are passed over). Rows with
 * equal first keys are then compared by the others.
 */
#include "numeric/select.h"
#include "table/rows.h"

#include <stdlib.h>

enum { DIGIT = 11, DIGITS = 6 };

typedef struct sorting {
    const yk_batch *b;
    const yk_order *order;
    size_t          n_order;
} sorting;

static int compare_rows(const void *pa, const void *pb, void *ctx)
{
    const sorting *s = ctx;
    uint32_t       a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    for (size_t i = 0; i < s->n_order; i++) {
        int c = yk_batch_compare(s->b, a, s->b, b, s->order[i].column, s->order[i].is_descending);
        if (c)
            return c;
    }
    return (a > b) - (a < b);
}

static bool has_image(yk_kind kind)
{
    return kind == YK_KIND_REAL || kind == YK_KIND_INT || kind == YK_KIND_UINT || kind == YK_KIND_TIME || kind == YK_KIND_DATE || kind == YK_KIND_SPAN;
}

static uint64_t image_of(const yk_batch_column *c, uint64_t row, bool is_descending)
{
    uint64_t u;
    memcpy(&u, c->values.data + row * sizeof u, sizeof u);
    if (c->type.kind == YK_KIND_REAL) {
        double x;
        memcpy(&x, &u, sizeof x);
        u = yk_key_of_real(x + 0.0); /* -0.0 equals 0.0 */
    } else if (c->type.kind != YK_KIND_UINT) {
        u ^= (uint64_t)1 << 63;
    }
    return is_descending ? ~u : u;
}

typedef struct item {
    uint64_t key;
    uint32_t row;
} item;

/* items[0 … n) by their keys; `other` has room for as many. Returns where they are in the end. */
static item *sort_items(item *items, item *other, uint64_t n)
{
    static const uint64_t mask = (1 << DIGIT) - 1;
    for (unsigned d = 0; d < DIGITS; d++) {
        uint64_t at[1 << DIGIT] = {0}, sum = 0;
        for (uint64_t i = 0; i < n; i++)
            at[items[i].key >> (d * DIGIT) & mask]++;
        if (n == 0 || at[items[0].key >> (d * DIGIT) & mask] == n)
            continue;
        for (size_t k = 0; k <= mask; k++) {
            uint64_t count = at[k];
            at[k] = sum;
            sum += count;
        }
        for (uint64_t i = 0; i < n; i++)
            other[at[items[i].key >> (d * DIGIT) & mask]++] = items[i];
        item *swap = items;
        items = other, other = swap;
    }
    return items;
}

static int sort_by_image(const sorting *s, uint32_t *rows, yoke_error *err)
{
    const yk_batch_column *c = &s->b->columns[s->order[0].column];
    uint64_t               n = 0, n_missing = 0;
    YK_AUTOFREE item      *items = yk_new_array(item, s->b->n + 1);
    YK_AUTOFREE item      *other = yk_new_array(item, s->b->n + 1);
    if (!items || !other)
        return yk_fail_nomem(err, "sorting");
    for (uint64_t i = 0; i < s->b->n; i++)
        if (c->valid.data[i])
            items[n++] = (item){image_of(c, i, s->order[0].is_descending), (uint32_t)i};
    const item *sorted = sort_items(items, other, n);
    for (uint64_t i = 0; i < n; i++)
        rows[i] = sorted[i].row;
    for (uint64_t i = 0; i < s->b->n; i++)
        if (!c->valid.data[i])
            rows[n + n_missing++] = (uint32_t)i;
    sorting rest = {s->b, s->order + 1, s->n_order - 1};
    for (uint64_t i = 0, end; rest.n_order && i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].key == sorted[i].key; end++)
            ;
        if (end - i > 1)
            qsort_r(rows + i, end - i, sizeof *rows, compare_rows, &rest);
    }
    if (rest.n_order && n_missing > 1)
        qsort_r(rows + n, n_missing, sizeof *rows, compare_rows, &rest);
    return 0;
}

int yk_batch_sort(const yk_batch *b, const yk_order *order, size_t n_order, uint32_t **ret, yoke_error *err)
{
    if (b->n > UINT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "more than %u rows to sort in memory", UINT32_MAX);
    YK_AUTOFREE uint32_t *rows = yk_new_array(uint32_t, b->n + 1);
    if (!rows)
        return yk_fail_nomem(err, "sorting");
    sorting s = {b, order, n_order};
    if (n_order && has_image(b->columns[order[0].column].type.kind)) {
        YK_TRY(sort_by_image(&s, rows, err));
    } else {
        for (uint64_t i = 0; i < b->n; i++)
            rows[i] = (uint32_t)i;
        qsort_r(rows, b->n, sizeof *rows, compare_rows, &s);
    }
    *ret = YK_TAKE(rows);
    return 0;
}
