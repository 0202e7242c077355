/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows into cells: up to a block of numbered rows, and the values of what is asked.
 */
#include "numeric/reduce.h"
#include "table/ledger.h"

#include <math.h>

static void add_moments(yk_cell *cells, const uint32_t *numbers, const double *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (numbers[i] == YK_NO_GROUP || isnan(x[i]))
            continue;
        yk_cell  *c = &cells[numbers[i]];
        double d = x[i] - c->mean;
        c->n++;
        c->mean += d / (double)c->n;
        c->m2 += d * (x[i] - c->mean);
    }
}

/* The cell of a row that counts, else one that nobody reads: which it is can hardly be foreseen. */
static inline yk_cell *cell_of(yk_cell *cells, const uint32_t *numbers, uint32_t i, bool counts, yk_cell *none)
{
    return counts && numbers[i] != YK_NO_GROUP ? &cells[numbers[i]] : none;
}

static void add_sums(yk_cell *cells, const uint32_t *numbers, const double *x, bool is_whole, uint32_t n)
{
    yk_cell none = {0};
    if (is_whole && yk_count_real(x, NULL, n) == n) {
        for (uint32_t i = 0; i < n; i++) {
            cells[numbers[i]].n++;
            cells[numbers[i]].sum += x[i];
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        yk_cell *c = cell_of(cells, numbers, i, !isnan(x[i]), &none);
        c->n++;
        c->sum += x[i];
    }
}

/* The least or greatest, of the first ones that are equal the first; as yk_ledger_take has them, of one kind. */
#define ADD_EXTREMES(type, field, is_there)                                                                        \
    for (uint32_t i = 0; i < n; i++) {                                                                             \
        type     x = ((const type *)v->values)[i];                                                                 \
        yk_cell *c = cell_of(cells, numbers, i, is_there, &none);                                                  \
        bool     is_taken = (c->n == 0) | (is_max ? x > c->field : x < c->field);                                        \
        c->field = is_taken ? x : c->field;                                                                        \
        c->n++;                                                                                                    \
    }
static void add_extremes(yk_cell *cells, const uint32_t *numbers, const yk_vec *v, bool is_max, uint32_t n)
{
    yk_cell none = {0};
    if (v->type.kind == YK_KIND_REAL)
        ADD_EXTREMES(double, r, x == x)
    else if (v->type.kind == YK_KIND_UINT)
        ADD_EXTREMES(uint64_t, u, yk_row_counts(v, i))
    else
        ADD_EXTREMES(int64_t, i, yk_row_counts(v, i))
}

/* The first or the last that is there, of eight bytes, as yk_ledger_take has them. */
static void add_ends(yk_cell *cells, const uint32_t *numbers, const yk_vec *v, bool is_last, uint32_t n)
{
    const uint64_t *words = v->values;
    const double   *reals = v->type.kind == YK_KIND_REAL ? v->values : NULL;
    yk_cell         none = {0};
    for (uint32_t i = 0; i < n; i++) {
        yk_cell *c = cell_of(cells, numbers, i, reals ? reals[i] == reals[i] : yk_row_counts(v, i), &none);
        c->u = is_last || c->n == 0 ? words[i] : c->u;
        c->n++;
    }
}

static int64_t integer_at(const yk_vec *v, uint32_t i)
{
    return v->type.kind == YK_KIND_BOOL ? ((const uint8_t *)v->values)[i] : ((const int64_t *)v->values)[i];
}

static void add_integers(yk_cell *cells, const uint32_t *numbers, const yk_vec *v, bool is_whole, uint32_t n)
{
    yk_cell        none = {0};
    const int64_t *values = v->type.kind == YK_KIND_BOOL ? NULL : v->values;
    if (is_whole && values && !v->valid) {
        for (uint32_t i = 0; i < n; i++) {
            cells[numbers[i]].n++;
            cells[numbers[i]].sum_int += values[i];
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        yk_cell *c = cell_of(cells, numbers, i, yk_row_counts(v, i), &none);
        c->n++;
        c->sum_int += integer_at(v, i);
    }
}

static void add_rows(yk_cell *cells, const uint32_t *numbers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (numbers[i] != YK_NO_GROUP)
            cells[numbers[i]].n++;
}

static void add_values(yk_ledger *t, yk_each what, yk_cell *cells, const uint32_t *numbers, const yk_vec *v, uint32_t n)
{
    size_t size = yk_kind_size(v->type.kind);
    for (uint32_t i = 0; i < n; i++) {
        yk_cell    new = {.n = 1};
        yk_text text = {"", 0};
        if (numbers[i] == YK_NO_GROUP || !yk_row_counts(v, i) || (v->type.kind == YK_KIND_REAL && isnan(((const double *)v->values)[i])))
            continue;
        if (yk_kind_is_bytes(v->type.kind))
            text = ((const yk_text *)v->values)[i];
        else if (v->type.kind == YK_KIND_BOOL)
            new.i = integer_at(v, i);
        else
            memcpy(&new.d, (const char *)v->values + i * size, size);
        yk_ledger_take(t, what, v->type, &cells[numbers[i]], new, text);
    }
}

/* Values to be told apart: reals by their bits, of which 0.0 has two. */
static void add_words(yk_kept *kept, const uint32_t *numbers, const yk_vec *v, uint32_t n)
{
    double x[YK_BLOCK];
    if (v->type.kind != YK_KIND_REAL) {
        yk_kept_add_words(kept, numbers, v->values, v->valid, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        x[i] = ((const double *)v->values)[i] + 0.0;
    yk_kept_add(kept, numbers, x, n);
}

int yk_ledger_tally_codes(yk_ledger *t, size_t ask, const uint32_t *numbers, const yk_vec *v, uint32_t n, bool *ret_done, yoke_error *err)
{
    uint32_t rows[YK_BLOCK], groups[YK_BLOCK], some;
    uint64_t words[YK_BLOCK];
    yk_kept *kept = &t->kept[ask];
    *ret_done = yk_kept_new_codes(kept, numbers, yk_groups_count(t->groups), v, n, rows, &some);
    for (uint32_t i = 0; i < some && *ret_done; i++) {
        groups[i] = numbers[rows[i]];
        words[i] = ((const uint64_t *)v->dict->values)[v->codes[rows[i]]];
    }
    if (*ret_done)
        add_words(kept, groups, &(yk_vec){.type = v->type, .n = some, .values = words}, some);
    return kept->is_failed ? yk_fail_nomem(err, "grouping") : 0;
}

int yk_ledger_tally(const yk_grouping *s, yk_ledger *t, size_t ask, const uint32_t *numbers, bool is_whole, const yk_vec *v, uint32_t n,
                    yoke_error *err)
{
    const yk_each what = s->asks[ask].what;
    yk_cell      *cells = t->cells[ask];
    if (s->keeper[ask] != ask)
        return 0;
    if (!s->asks[ask].expr)
        add_rows(cells, numbers, n);
    else if (what == YK_EACH_STD || what == YK_EACH_VAR)
        add_moments(cells, numbers, v->values, n);
    else if (what == YK_EACH_HISTOGRAM)
        yk_hists_add(&t->hists[ask], numbers, v->values, n);
    else if (what == YK_EACH_QUANTILE)
        yk_kept_add(&t->kept[ask], numbers, v->values, n);
    else if (what == YK_EACH_DISTINCT)
        add_words(&t->kept[ask], numbers, v, n);
    else if (what == YK_EACH_SUM && yk_is_integer(v->type))
        add_integers(cells, numbers, v, is_whole, n);
    else if (what == YK_EACH_SUM || what == YK_EACH_MEAN)
        add_sums(cells, numbers, v->values, is_whole, n);
    else if ((what == YK_EACH_MIN || what == YK_EACH_MAX) && yk_kind_size(v->type.kind) == 8)
        add_extremes(cells, numbers, v, what == YK_EACH_MAX, n);
    else if (yk_kind_size(v->type.kind) == 8)
        add_ends(cells, numbers, v, what == YK_EACH_LAST, n); /* of COUNT their number tells */
    else
        add_values(t, what == YK_EACH_COUNT ? YK_EACH_FIRST : what, cells, numbers, v, n);
    return t->texts.is_failed || t->kept[ask].is_failed ? yk_fail_nomem(err, "grouping") : 0;
}
