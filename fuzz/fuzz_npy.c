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

static void read_block(const yk_npy_table *t, unsigned column, uint64_t first, yk_npy_block **block)
{
    uint64_t left = t->n_rows - first;
    yk_vec   v;
    if (yk_npy_read(t, column, first, left < YK_BLOCK ? (uint32_t)left : YK_BLOCK, block, &v, NULL) < 0)
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
    yk_npy_table *t = NULL;
    yk_npy_block *block = NULL;
    int           fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (yk_npy_table_open(paths, names, 1, &t, NULL) == 0)
        for (unsigned i = 0; i < t->n_columns && i < MOST_COLUMNS; i++)
            for (int place = 0; place < 3 && !t->columns[i].refusal; place++)
                read_block(t, i, t->n_rows / 2 * (unsigned)place, &block);
    yk_npy_block_free(block);
    yk_npy_table_close(t);
    close(fd);
    return 0;
}
