/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a .npy file: its columns, and some rows of each from several places.
 */
#include "format/npy_columns.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { MOST_COLUMNS = 40 };

static uint64_t sum; /* of every byte given out: what lies outside its memory shows when it is read */

static void touch(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += ((const uint8_t *)p)[i];
}

static void read_block(yk_npy_cursor *c, unsigned column, uint64_t first, uint64_t left)
{
    yk_vec v;
    if (yk_npy_cursor_get(c, column, first, left < YK_BLOCK ? (uint32_t)left : YK_BLOCK, &v, NULL) < 0)
        return;
    touch(v.values, v.n * yk_kind_size(v.type.kind));
    if (v.valid)
        touch(v.valid, (v.n + 63) / 64 * 8);
    for (uint32_t i = 0; i < v.n && v.type.kind == YK_KIND_TEXT; i++)
        touch(((const yk_text *)v.values)[i].data, ((const yk_text *)v.values)[i].len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char          path[64];
    const char   *paths[] = {path}, *names[] = {n & 1 ? "x" : NULL};
    yk_npy_table  *t = NULL;
    yk_npy_cursor *c = NULL;
    unsigned       columns[MOST_COLUMNS], n_columns = 0;
    int            fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (yk_npy_table_open(paths, names, 1, &t, NULL) == 0)
        for (unsigned i = 0; i < t->n_columns && n_columns < MOST_COLUMNS; i++)
            if (!t->columns[i].refusal)
                columns[n_columns++] = i;
    if (n_columns && yk_npy_cursor_open(t, columns, n_columns, &c, NULL) == 0)
        for (unsigned i = 0; i < 3 * n_columns; i++)
            read_block(c, columns[i % n_columns], t->n_rows / 2 * (i / n_columns), t->n_rows - t->n_rows / 2 * (i / n_columns));
    yk_npy_cursor_close(c);
    yk_npy_table_close(t);
    close(fd);
    return 0;
}
