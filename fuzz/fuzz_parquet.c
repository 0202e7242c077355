/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a Parquet file: opened, described, and some rows of every column read, passed over and counted.
 */
#include "base/alloc.h"
#include "format/parquet/parquet.h"

#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { MOST_ROWS = 20000, MOST_COLUMNS = 40 };

static uint64_t sum; /* of every byte given out: what lies outside its memory shows when it is read */

static void touch(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += ((const uint8_t *)p)[i];
}

static void touch_values(const yk_vec *v)
{
    size_t      size = yk_kind_size(v->type.kind), n = v->is_const ? 1 : v->n;
    const char *values = v->codes ? v->dict->values : v->values;
    if (v->valid)
        touch(v->valid, (n + 63) / 64 * 8);
    for (size_t i = 0; i < n; i++) {
        if (v->codes && v->dict->n == 0)
            continue;
        const char *at = values + (v->codes ? v->codes[i] : i) * size;
        touch(at, size);
        if (v->type.kind == YK_KIND_TEXT || v->type.kind == YK_KIND_DATA)
            touch(((const yk_text *)(const void *)at)->data, ((const yk_text *)(const void *)at)->len);
    }
}

static void read_rows(yk_cursor *c)
{
    yk_vec   v;
    uint32_t block = 1;
    for (uint64_t rows = 0; rows < MOST_ROWS && yk_cursor_next(c, block, &v, NULL) == 0 && v.n > 0; rows += v.n) {
        touch_values(&v);
        block = block * 3 % YK_BLOCK + 1;
        if (block % 5 == 0 && yk_cursor_skip(c, block * 7, NULL) < 0)
            return;
    }
}

static void count_codes(yk_cursor *c)
{
    const yk_dict *dict;
    uint64_t       rows, missing = 0;
    for (int i = 0; i < 8 && yk_cursor_ahead(c, &dict, &rows, NULL) == 0 && rows > 0; i++) {
        rows = rows < MOST_ROWS ? rows : MOST_ROWS;
        YK_AUTOFREE uint64_t *counts = dict ? yk_new_array(uint64_t, (size_t)dict->n + 1) : NULL;
        if (counts ? yk_cursor_count(c, rows, counts, &missing, NULL) < 0 : yk_cursor_skip(c, rows, NULL) < 0)
            return;
    }
}

static void read_column(yk_parquet *f, unsigned i)
{
    YK_CLEANUP(yk_cursor_closep) yk_cursor *c = NULL;
    uint64_t                                n = yk_parquet_rows(f);
    for (unsigned g = 0; g < yk_parquet_groups(f) && g < 8; g++) {
        const yk_parquet_page *pages;
        unsigned               n_pages;
        yk_parquet_stats       stats;
        yk_parquet_group_stats(f, g, i, &stats);
        if (yk_parquet_pages(f, g, i, &pages, &n_pages, NULL) == 0)
            touch(pages, n_pages * sizeof *pages);
    }
    if (yk_cursor_open(f, i, 0, n, NULL, &c, NULL) < 0)
        return;
    read_rows(c);
    if (yk_cursor_seek(c, n / 3, n - n / 3, NULL) == 0)
        read_rows(c);
    if (n <= 100 * MOST_ROWS && yk_cursor_seek(c, 0, n, NULL) == 0)
        count_codes(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char        path[64];
    yk_parquet *f = NULL;
    int         fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (yk_parquet_open(path, &f, NULL) == 0)
        for (unsigned i = 0; i < yk_parquet_columns(f) && i < MOST_COLUMNS; i++)
            read_column(f, i);
    yk_parquet_close(f);
    close(fd);
    return 0;
}
