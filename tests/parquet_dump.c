/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: everything that the Parquet reader makes of a file, as bytes that a test compares with another reader's.
 *
 *     parquet_dump FILE [BLOCK [FIRST [ROWS [SKIP]]]]
 *
 * Reads rows FIRST … FIRST+ROWS of each column, BLOCK rows at a time, leaving out SKIP rows after each block. For each column
 * prints a line (name, kind, unit, is_utc, scale, physical, logical, what went wrong or "", rows; separated by tabs), and
 * after it, unless something went wrong, a byte per row (1: there), then 1, 8 or 16 bytes per row, or, for text, a length of
 * 8 bytes per row and all bytes. Before a column's rows are printed, counting its codes, its pages and
 * their bounds have to agree with them.
 */
#include "base/buf.h"
#include "format/parquet/parquet.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct dump {
    yk_buf  valid, values, bytes;
    uint64_t n;
} dump;

static void add_value(dump *d, const yk_vec *v, uint32_t i, size_t size)
{
    static const char none[16];
    uint32_t          at = v->is_const ? 0 : i;
    bool              is_there = !v->valid || (v->valid[at >> 6] >> (at & 63) & 1);
    const char       *from = v->codes ? v->dict->n ? (const char *)v->dict->values + (size_t)v->codes[at] * size : none
                                      : (const char *)v->values + at * size;
    yk_buf_putc(&d->valid, is_there);
    if (v->type.kind == YK_KIND_TEXT || v->type.kind == YK_KIND_DATA) {
        yk_text t;
        memcpy(&t, is_there ? from : none, sizeof t);
        yk_buf_append(&d->values, &t.len, 8);
        if (t.len)
            yk_buf_append(&d->bytes, t.data, t.len);
    } else {
        yk_buf_append(&d->values, is_there ? from : none, size);
    }
    d->n++;
}

static int read_rows(yk_cursor *c, uint32_t block, uint64_t skip, size_t size, dump *d, yoke_error *err)
{
    yk_vec v;
    while (yk_cursor_left(c) > 0) {
        YK_TRY(yk_cursor_next(c, block, &v, err));
        for (uint32_t i = 0; i < v.n; i++)
            add_value(d, &v, i, size);
        YK_TRY(yk_cursor_skip(c, skip, err));
    }
    return 0;
}

static int tally_codes(yk_cursor *c, uint64_t rows, const yk_dict *dict, uint64_t *counts, uint64_t *missing, yoke_error *err)
{
    yk_vec v;
    for (uint32_t n; rows > 0; rows -= n) {
        n = rows < YK_BLOCK ? (uint32_t)rows : YK_BLOCK;
        YK_TRY(yk_cursor_next(c, n, &v, err));
        if (!v.codes || v.dict->id != dict->id)
            return yk_fail(err, YOKE_EINVALID, "rows said to be coded are not");
        for (uint32_t i = 0; i < v.n; i++) {
            uint32_t at = v.is_const ? 0 : i;
            if (v.valid && !(v.valid[at >> 6] >> (at & 63) & 1))
                (*missing)--;
            else
                counts[v.codes[at]]--;
        }
    }
    return 0;
}

/* Counts the next rows of a, which are coded with dict, and takes off what decoding those of b gives: nothing may be left. */
static int compare_counts(yk_cursor *a, yk_cursor *b, uint64_t rows, const yk_dict *dict, yoke_error *err)
{
    uint64_t              missing = 0;
    YK_AUTOFREE uint64_t *counts = yk_new_array(uint64_t, dict->n + 1);
    if (!counts)
        return yk_fail_nomem(err, "counting");
    YK_TRY(yk_cursor_count(a, rows, counts, &missing, err));
    YK_TRY(tally_codes(b, rows, dict, counts, &missing, err));
    for (uint32_t i = 0; i < dict->n; i++)
        missing |= counts[i];
    return missing ? yk_fail(err, YOKE_EINVALID, "counting codes gives something else than decoding them") : 0;
}

static int check_counts(yk_parquet *f, unsigned column, uint64_t first, uint64_t n, yoke_error *err)
{
    YK_CLEANUP(yk_cursor_closep) yk_cursor *a = NULL;
    YK_CLEANUP(yk_cursor_closep) yk_cursor *b = NULL;
    YK_TRY(yk_cursor_open(f, column, first, n, NULL, &a, err));
    YK_TRY(yk_cursor_open(f, column, first, n, NULL, &b, err));
    while (yk_cursor_left(a) > 0) {
        const yk_dict *dict;
        uint64_t       rows;
        YK_TRY(yk_cursor_ahead(a, &dict, &rows, err));
        if (dict) {
            YK_TRY(compare_counts(a, b, rows, dict, err));
        } else {
            YK_TRY(yk_cursor_skip(a, rows, err));
            YK_TRY(yk_cursor_skip(b, rows, err));
        }
    }
    return 0;
}

static int order_of_texts(const yk_text *a, const yk_text *b)
{
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Below 0, 0, above 0 as value and bound compare; NaN lies outside all bounds and compares as equal. */
static int order(yk_kind kind, const void *value, const yk_parquet_value *bound)
{
    switch (kind) {
    case YK_KIND_BOOL: return *(const uint8_t *)value - bound->b;
    case YK_KIND_UINT: return (*(const uint64_t *)value > bound->u) - (*(const uint64_t *)value < bound->u);
    case YK_KIND_REAL: return (*(const double *)value > bound->r) - (*(const double *)value < bound->r);
    case YK_KIND_TEXT:
    case YK_KIND_DATA: return order_of_texts(value, &bound->t);
    case YK_KIND_DECIMAL: {
        __extension__ __int128 v;
        memcpy(&v, value, sizeof v);
        return (v > bound->d) - (v < bound->d);
    }
    default: return (*(const int64_t *)value > bound->i) - (*(const int64_t *)value < bound->i);
    }
}

/* The rows have to lie in the bounds that the file gives them, and as many be missing as it says. */
static int check_stats(yk_parquet *f, unsigned column, uint64_t first, uint64_t n, const yk_parquet_stats *s, yoke_error *err)
{
    static const char                       none[16];
    YK_CLEANUP(yk_cursor_closep) yk_cursor *c = NULL;
    uint64_t                                missing = 0;
    size_t                                  size = yk_kind_size(yk_parquet_column_at(f, column)->type.kind);
    yk_vec                                  v;
    YK_TRY(yk_cursor_open(f, column, first, n, NULL, &c, err));
    while (yk_cursor_left(c) > 0) {
        YK_TRY(yk_cursor_next(c, YK_BLOCK, &v, err));
        for (uint32_t i = 0; i < v.n; i++) {
            uint32_t at = v.is_const ? 0 : i;
            if (v.valid && !(v.valid[at >> 6] >> (at & 63) & 1)) {
                missing++;
                continue;
            }
            const char *value = v.codes ? v.dict->n ? (const char *)v.dict->values + v.codes[at] * size : none
                : (const char *)v.values + at * size;
            if ((s->has_min && order(v.type.kind, value, &s->min) < 0) || (s->has_max && order(v.type.kind, value, &s->max) > 0))
                return yk_fail(err, YOKE_EINVALID, "a value lies outside the bounds of rows %llu to %llu", (unsigned long long)first,
                               (unsigned long long)(first + n));
        }
    }
    return s->n_missing < 0 || missing == (uint64_t)s->n_missing ? 0
        : yk_fail(err, YOKE_EINVALID, "not as many rows are missing as the file says");
}

static int check_pages(yk_parquet *f, unsigned column, yoke_error *err)
{
    uint64_t row = 0;
    for (unsigned g = 0; g < yk_parquet_groups(f); g++) {
        const yk_parquet_page *p;
        unsigned               n;
        yk_parquet_stats       stats;
        YK_TRY(yk_parquet_pages(f, g, column, &p, &n, err));
        yk_parquet_group_stats(f, g, column, &stats);
        YK_TRY(check_stats(f, column, row, yk_parquet_group_at(f, g)->n_rows, &stats, err));
        for (unsigned i = 0; i < n; row += p[i++].n_rows) {
            if (p[i].first_row != row || p[i].n_rows == 0)
                return yk_fail(err, YOKE_EINVALID, "pages do not follow one another");
            if (n < 100)
                YK_TRY(check_stats(f, column, row, p[i].n_rows, &p[i].stats, err));
        }
    }
    return row == yk_parquet_rows(f) ? 0 : yk_fail(err, YOKE_EINVALID, "pages do not cover all rows");
}

static int dump_column(yk_parquet *f, unsigned i, uint32_t block, uint64_t first, uint64_t n, uint64_t skip, dump *d, yoke_error *err)
{
    YK_CLEANUP(yk_cursor_closep) yk_cursor *c = NULL;
    YK_TRY(yk_cursor_open(f, i, first, n, NULL, &c, err));
    YK_TRY(read_rows(c, block, skip, yk_kind_size(yk_parquet_column_at(f, i)->type.kind), d, err));
    if (yk_parquet_column_at(f, i)->type.kind == YK_KIND_NULL)
        return 0;
    YK_TRY(check_pages(f, i, err));
    return check_counts(f, i, first, n, err);
}

int main(int argc, char **argv)
{
    yoke_error  err = YOKE_ERROR_INIT;
    yk_parquet *f = NULL;
    if (argc < 2 || yk_parquet_open(argv[1], &f, &err) < 0) {
        fprintf(stderr, "%s\n", argc < 2 ? "parquet_dump FILE [BLOCK [FIRST [ROWS [SKIP]]]]" : err.text);
        return 1;
    }
    uint32_t block = argc > 2 ? (uint32_t)atoi(argv[2]) : YK_BLOCK;
    uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, n = argc > 4 ? strtoull(argv[4], NULL, 10) : yk_parquet_rows(f) - first;
    for (unsigned i = 0; i < yk_parquet_columns(f); i++) {
        const yk_parquet_column *c = yk_parquet_column_at(f, i);
        dump                     d = {YK_BUF_INIT, YK_BUF_INIT, YK_BUF_INIT, 0};
        yoke_error_clear(&err);
        if (dump_column(f, i, block, first, n, argc > 5 ? strtoull(argv[5], NULL, 10) : 0, &d, &err) < 0)
            d.values.len = d.valid.len = d.bytes.len = 0;
        printf("%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%llu\n", c->name, c->type.kind, c->type.unit, c->type.is_utc, c->type.scale, c->physical,
               c->logical, err.text, (unsigned long long)d.n);
        fwrite(d.valid.data ? d.valid.data : "", 1, d.valid.len, stdout);
        fwrite(d.values.data ? d.values.data : "", 1, d.values.len, stdout);
        fwrite(d.bytes.data ? d.bytes.data : "", 1, d.bytes.len, stdout);
        yk_buf_fini(&d.valid);
        yk_buf_fini(&d.values);
        yk_buf_fini(&d.bytes);
    }
    yk_parquet_close(f);
    return 0;
}
