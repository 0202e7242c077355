/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows per second of the Parquet reader on one thread, by column.
 *
 *     bench_parquet FILE [ROUNDS [COLUMN…]]      best of ROUNDS (default 5); YOKE_ISA chooses the instruction set
 *
 * For each column (of those named) a line: its name, seconds for its blocks as they come (codes stay codes), for all its values in a
 * register once (numbers only, else 0), for counting its codes (0 where they are not codes), and for reading and decompressing its pages
 * alone.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "format/parquet/pq_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t keep; /* so that nothing is optimised away */

static int walk(yk_cursor *c, yoke_error *err)
{
    yk_vec v;
    while (yk_cursor_left(c) > 0) {
        YK_TRY(yk_cursor_next(c, YK_BLOCK, &v, err));
        keep += v.n;
    }
    return 0;
}

static int gather(yk_cursor *c, yoke_error *err)
{
    yk_vec v;
    while (yk_cursor_left(c) > 0) {
        uint64_t lane[8] = {0};
        YK_TRY(yk_cursor_next(c, YK_BLOCK, &v, err));
        const uint64_t *values = v.codes ? v.dict->values : v.values;
        uint32_t        n = v.is_const ? 0 : v.n / 8 * 8;
        if (v.codes)
            for (uint32_t i = 0; i < n; i += 8)
                for (uint32_t k = 0; k < 8; k++)
                    lane[k] += values[v.codes[i + k]];
        else
            for (uint32_t i = 0; i < n; i += 8)
                for (uint32_t k = 0; k < 8; k++)
                    lane[k] += values[i + k];
        for (uint32_t k = 0; k < 8; k++)
            keep += lane[k];
    }
    return 0;
}

static int count(yk_cursor *c, yoke_error *err)
{
    while (yk_cursor_left(c) > 0) {
        const yk_dict *dict;
        uint64_t       rows, missing = 0;
        YK_TRY(yk_cursor_ahead(c, &dict, &rows, err));
        if (!dict)
            return 1;
        YK_AUTOFREE uint64_t *counts = yk_new_array(uint64_t, (size_t)dict->n + 1);
        if (!counts)
            return yk_fail_nomem(err, "counting");
        YK_TRY(yk_cursor_count(c, rows, counts, &missing, err));
        keep += counts[0] + missing;
    }
    return 0;
}

/* Every page of the column, read and decompressed. */
static int load_pages(yk_parquet *f, unsigned column, yk_pq_loader *l, yoke_error *err)
{
    for (unsigned group = 0; group < yk_parquet_groups(f); group++) {
        yk_pq_chunk *chunk;
        YK_TRY(yk_pq_chunk_get(f, group, column, yk_parquet_group_at(f, group)->n_rows, &chunk, err));
        for (unsigned i = 0; i < chunk->n_pages; i++) {
            yk_pq_page *page;
            YK_TRY(yk_pq_page_get(chunk, i + 1, l, &page, err));
            keep += page->n_rows;
            yk_pq_page_put(page, page->n_rows);
        }
    }
    return 0;
}

static double time_pages(yk_parquet *f, unsigned column, yoke_error *err)
{
    YK_CLEANUP(yk_scratch_freep) yk_scratch *scratch = yk_scratch_new();
    yk_pq_loader                             l = {.scratch = scratch};
    if (!scratch)
        return yk_fail_nomem(err, "reading pages");
    yk_parquet_forget(f);
    uint64_t began = yk_clock_of(CLOCK_THREAD_CPUTIME_ID);
    int      rc = load_pages(f, column, &l, err);
    double   s = (double)(yk_clock_of(CLOCK_THREAD_CPUTIME_ID) - began) * 1e-9;
    yk_pq_loader_fini(&l);
    return rc < 0 ? -1 : s;
}

static bool is_wanted(const char *name, int n, char **names)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return n <= 0;
}

/* Seconds of one walk over the column; 0 where it does not apply, negative where it failed. */
static double time_once(yk_parquet *f, unsigned column, int (*what)(yk_cursor *, yoke_error *), yoke_error *err)
{
    YK_CLEANUP(yk_cursor_closep) yk_cursor *c = NULL;
    if (yk_cursor_open(f, column, 0, yk_parquet_rows(f), NULL, &c, err) < 0)
        return -1;
    uint64_t began = yk_clock_of(CLOCK_THREAD_CPUTIME_ID); /* the machine may be shared */
    int    rc = what(c, err);
    return rc < 0 ? -1 : rc > 0 ? 0 : (double)(yk_clock_of(CLOCK_THREAD_CPUTIME_ID) - began) * 1e-9;
}

int main(int argc, char **argv)
{
    int (*const what[])(yk_cursor *, yoke_error *) = {walk, gather, count};
    yoke_error  err = YOKE_ERROR_INIT;
    yk_parquet *f = NULL;
    int         rounds = argc > 2 ? atoi(argv[2]) : 5;
    if (argc < 2 || yk_parquet_open(argv[1], &f, &err) < 0) {
        fprintf(stderr, "%s\n", argc < 2 ? "bench_parquet FILE [ROUNDS [COLUMN…]]" : err.text);
        return 2;
    }
    for (unsigned i = 0; i < yk_parquet_columns(f); i++) {
        if (!is_wanted(yk_parquet_column_at(f, i)->name, argc - 3, argv + 3))
            continue;
        double best[4] = {1e9, 1e9, 1e9, 1e9};
        bool   is_wide = yk_kind_size(yk_parquet_column_at(f, i)->type.kind) == 8;
        for (int round = 0; round < rounds; round++)
            for (int k = 0; k < 4; k++) {
                double s = k == 3 ? time_pages(f, i, &err) : k == 1 && !is_wide ? 0 : time_once(f, i, what[k], &err);
                best[k] = s < best[k] ? s : best[k];
            }
        printf("%s\t%.6f\t%.6f\t%.6f\t%.6f\n", yk_parquet_column_at(f, i)->name, best[0], best[1], best[2], best[3]);
    }
    yk_parquet_close(f);
    return err.code ? 1 : 0;
}
