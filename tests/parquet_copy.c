/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a Parquet file read and written again.
 *
 *     parquet_copy FROM TO [CODEC [GROUP_ROWS [PAGE_ROWS [BLOCK]]]]     CODEC: zstd snappy none
 *
 * Columns that cannot be read are left out.
 */
#include "base/alloc.h"
#include "format/parquet/parquet.h"
#include "format/parquet/parquet_write.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 4096 };

typedef struct copy {
    yk_parquet        *from;
    yk_parquet_writer *to;
    yk_cursor         *cursors[MOST];
    yk_parquet_field   fields[MOST];
    yk_vec             blocks[MOST];
    unsigned           n;
} copy;

static int pump(copy *c, uint32_t block, yoke_error *err)
{
    uint64_t left = yk_parquet_rows(c->from);
    while (left > 0) {
        for (unsigned i = 0; i < c->n; i++)
            YK_TRY(yk_cursor_next(c->cursors[i], block, &c->blocks[i], err));
        YK_TRY(yk_parquet_writer_add(c->to, c->blocks, err));
        left -= c->blocks[0].n;
    }
    return yk_parquet_writer_commit(c->to, err);
}

static int run(copy *c, int argc, char **argv, yoke_error *err)
{
    yk_parquet_write_opts opts = YK_PARQUET_WRITE_OPTS_INIT;
    const char           *codec = argc > 3 ? argv[3] : "zstd";
    opts.codec = strcmp(codec, "zstd") == 0 ? YK_PARQUET_ZSTD : strcmp(codec, "snappy") == 0 ? YK_PARQUET_SNAPPY : YK_PARQUET_PLAIN;
    opts.group_rows = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    opts.page_rows = argc > 5 ? (uint32_t)atoi(argv[5]) : 0;
    YK_TRY(yk_parquet_open(argv[1], &c->from, err));
    for (unsigned i = 0; i < yk_parquet_columns(c->from) && c->n < MOST; i++) {
        const yk_parquet_column *col = yk_parquet_column_at(c->from, i);
        if (col->refusal)
            continue;
        c->fields[c->n] = (yk_parquet_field){col->name, col->type, !col->is_nullable};
        YK_TRY(yk_cursor_open(c->from, i, 0, yk_parquet_rows(c->from), NULL, &c->cursors[c->n++], err));
    }
    YK_TRY(yk_parquet_writer_open(argv[2], true, c->fields, c->n, &opts, &c->to, err));
    return pump(c, argc > 6 ? (uint32_t)atoi(argv[6]) : YK_BLOCK, err);
}

int main(int argc, char **argv)
{
    yoke_error err = YOKE_ERROR_INIT;
    copy      *c = yk_new(copy);
    if (!c || argc < 3)
        return 2;
    int rc = run(c, argc, argv, &err);
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    for (unsigned i = 0; i < c->n; i++)
        yk_cursor_close(c->cursors[i]);
    yk_parquet_writer_close(c->to);
    yk_parquet_close(c->from);
    yk_free(c);
    return rc < 0;
}
