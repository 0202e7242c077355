/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Counting dictionary codes instead of decoding them.
 */
#include "format/parquet/pq_cursor.h"

/* Four tables side by side keep equal codes that follow one another from waiting for each other's addition. */
enum { WAYS = 4, MOST_FOR_WAYS = 1 << 14 };

int yk_cursor_ahead(yk_cursor *c, const yk_dict **ret_dict, uint64_t *ret_rows, yoke_error *err)
{
    static const yk_dict no_dict;
    int                  first, other;
    *ret_dict = NULL;
    *ret_rows = c->end - c->row;
    if (*ret_rows == 0 || c->leaf->form == YK_PQ_F_NULL)
        return 0;
    YK_TRY(yk_cursor_need_page(c, err));
    unsigned               n = c->chunk->n_pages;
    const yk_parquet_page *p = yk_pq_map_of(c->chunk)->pages;
    first = c->page->layout == YK_PQ_CODES;
    uint64_t end = p[c->page_no].first_row + p[c->page_no].n_rows;
    for (unsigned i = c->page_no + 1; i < n && end < c->end; i++) {
        YK_TRY(yk_pq_page_encoding(c->chunk, i, &other, err));
        if (yk_pq_is_dict(other) != first)
            break;
        end += p[i].n_rows;
    }
    if (end < c->end)
        *ret_rows = end - c->row;
    if (first)
        *ret_dict = c->page->dict_page ? &c->page->dict_page->dict : &no_dict;
    return 0;
}

static int not_codes(const yk_cursor *c, const char *what, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "'%s': column '%s', page at byte %llu: %s", c->file->path, c->leaf->column.name,
                   (unsigned long long)yk_pq_map_of(c->chunk)->places[c->page_no].at, what);
}

/* Where codes are counted for the call: in the caller's counts, or in WAYS tables that are added to them at its end. */
typedef struct tally {
    uint64_t *counts;
    uint32_t *tables; /* NULL: straight into counts */
    uint32_t  n;
    uint64_t  missing;
} tally;

static void count_codes(const tally *t, const uint32_t *codes, size_t n)
{
    size_t i = 0;
    if (t->tables) {
        uint32_t *a = t->tables, *b = a + t->n, *c = b + t->n, *d = c + t->n;
        for (; i + 4 <= n; i += 4) {
            a[codes[i]]++;
            b[codes[i + 1]]++;
            c[codes[i + 2]]++;
            d[codes[i + 3]]++;
        }
    }
    for (; i < n; i++)
        t->counts[codes[i]]++;
}

/* Counts `present` codes of the page it is in. */
static int count_present(yk_cursor *c, uint64_t present, const tally *t, yoke_error *err)
{
    yk_pq_hybrid *h = &c->codes_at;
    while (present > 0) {
        if (!yk_pq_hybrid_load(h))
            return not_codes(c, "it has fewer values than it says", err);
        uint64_t take = h->left < present ? h->left : present;
        uint32_t most = h->value;
        if (!h->packed) {
            if (most < t->n)
                t->counts[most] += take;
            h->left -= take;
        } else {
            take = present < YK_BLOCK ? present : YK_BLOCK;
            if (!yk_pq_hybrid_read(h, (size_t)take, c->codes, &most))
                return not_codes(c, "it has fewer values than it says", err);
            if (most < t->n)
                count_codes(t, c->codes, (size_t)take);
        }
        if (most >= t->n)
            return not_codes(c, "a code points past the end of its dictionary", err);
        present -= take;
    }
    return 0;
}

static int count_pages(yk_cursor *c, uint64_t n, tally *t, yoke_error *err)
{
    while (n > 0) {
        uint64_t present = 0;
        YK_TRY(yk_cursor_need_page(c, err));
        if (c->page->layout != YK_PQ_CODES || (c->page->dict_page ? c->page->dict_page->dict.n : 0) != t->n)
            return not_codes(c, "its values are not coded with the dictionary that the file says", err);
        uint64_t take = c->page_left < n ? c->page_left : n;
        YK_TRY(yk_cursor_pass_levels(c, take, &present, err));
        YK_TRY(count_present(c, present, t, err));
        t->missing += take - present;
        c->page_left -= take, c->walked += take, c->row += take, n -= take;
    }
    return 0;
}

int yk_cursor_count(yk_cursor *c, uint64_t n, uint64_t *counts, uint64_t *missing, yoke_error *err)
{
    if (n > c->end - c->row)
        n = c->end - c->row;
    if (n == 0)
        return 0;
    YK_TRY(yk_cursor_need_page(c, err));
    tally t = {.counts = counts, .n = c->page->dict_page ? c->page->dict_page->dict.n : 0};
    bool  has_ways = t.n <= MOST_FOR_WAYS && n / WAYS > t.n && n < UINT32_MAX;
    if (has_ways) {
        if (!yk_grow(&c->tables, &c->cap_tables, (size_t)t.n * WAYS + 1, sizeof *c->tables))
            return yk_fail_nomem(err, "counting");
        t.tables = c->tables;
        memset(t.tables, 0, (size_t)t.n * WAYS * sizeof *t.tables);
    }
    YK_TRY(count_pages(c, n, &t, err));
    for (uint32_t way = 0; has_ways && way < WAYS; way++)
        for (uint32_t i = 0; i < t.n; i++)
            counts[i] += t.tables[(size_t)way * t.n + i];
    *missing += t.missing;
    return 0;
}
