/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a CSV file: opened, its rows counted, all columns read as what they seem to be, from several rows on; the types found so are
 * those that are found without reading. The first byte chooses among the options.
 */
#include "base/alloc.h"
#include "format/csv/csv.h"

#include <sys/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { MOST_COLUMNS = 50 };

static uint64_t sum; /* of every byte given out */

static void touch(const yk_vec *v)
{
    const yk_text *t = v->values;
    for (uint32_t i = 0; v->type.kind == YK_KIND_TEXT && i < v->n; i++)
        for (uint64_t k = 0; k < t[i].len; k++)
            sum += (unsigned char)t[i].data[k];
}

static yk_csv_cursor *cursor_at(const yk_csv *f, uint64_t from, unsigned *ret_n)
{
    YK_CLEANUP(yk_csv_cursor_closep) yk_csv_cursor *c = NULL;
    unsigned                                        columns[MOST_COLUMNS];
    *ret_n = yk_csv_columns(f) < MOST_COLUMNS ? yk_csv_columns(f) : MOST_COLUMNS;
    for (unsigned i = 0; i < *ret_n; i++)
        columns[i] = i;
    return yk_csv_cursor_open(f, columns, *ret_n, &c, NULL) < 0 || yk_csv_cursor_seek(c, from, NULL) < 0 ? NULL : YK_TAKE(c);
}

/* Kinds: whether a column of times has a zone depends on which of them come together. */
static void compare_types(const yk_csv *f, const yk_type *types, bool is_wrong)
{
    yk_csv_fit                                      fits[MOST_COLUMNS] = {0};
    unsigned                                        n;
    YK_CLEANUP(yk_csv_cursor_closep) yk_csv_cursor *c = cursor_at(f, 0, &n);
    if (!c || yk_csv_rows(f) == 0 || yk_csv_rows(f) > UINT32_MAX)
        return;
    if ((yk_csv_cursor_fit(c, (uint32_t)yk_csv_rows(f), fits, NULL) < 0) != is_wrong)
        abort();
    for (unsigned i = 0; i < n && !is_wrong; i++)
        if (fits[i].type.kind != types[i].kind)
            abort();
}

static void read_rows(const yk_csv *f, uint64_t from, uint32_t block)
{
    unsigned                                        n;
    yk_type                                         types[MOST_COLUMNS] = {{0}};
    bool                                            is_unread = false;
    YK_CLEANUP(yk_csv_cursor_closep) yk_csv_cursor *c = cursor_at(f, from, &n);
    if (!c)
        return;
    for (uint64_t at = from; at < yk_csv_rows(f);) {
        uint64_t left = yk_csv_rows(f) - at;
        uint32_t rows = left < block ? (uint32_t)left : block;
        bool is_wrong = yk_csv_cursor_block(c, rows, NULL) < 0;
        if ((is_wrong || yk_csv_cursor_bad(c)) && yk_csv_is_regular(f))
            abort();
        is_unread |= is_wrong;
        if (is_wrong)
            break;
        for (unsigned i = 0; i < n; i++) {
            yk_vec  v = {.n = 0};
            yk_type got = types[i];
            for (int tries = 0; tries < 6; tries++) {
                types[i] = got;
                int rc = yk_csv_cursor_get(c, i, types[i], &got, &v, NULL);
                is_unread |= rc < 0;
                if (rc < 0 || got.kind == types[i].kind)
                    break;
            }
            touch(&v);
            if (yk_csv_cursor_misfit(c, i, (yk_type){.kind = YK_KIND_INT}, NULL) == 0)
                return; /* it always fails */
        }
        at += rows;
    }
    if (from == 0)
        compare_types(f, types, is_unread);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char        path[64];
    yk_csv     *f = NULL;
    uint8_t     choice = n ? bytes[0] : 0;
    yk_csv_opts opts = {.delimiter = choice & 1 ? ',' : 0, .header = (int8_t)((choice >> 1) % 3 - 1), .skip_bad = choice & 64};
    int         fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes + (n > 0), n - (n > 0)) != (ssize_t)(n - (n > 0)))
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (yk_csv_open(path, &opts, &f, NULL) == 0) {
        YK_AUTOFREE yk_csv_chunk *chunks = yk_new_array(yk_csv_chunk, (size_t)yk_csv_chunks(f) + 1);
        int                       rc = chunks ? 0 : -1;
        for (uint64_t i = 0; rc == 0 && i < yk_csv_chunks(f); i++)
            rc = yk_csv_look(f, i, &chunks[i], NULL);
        if (rc == 0 && yk_csv_set_rows(f, chunks, NULL) == 0) {
            read_rows(f, 0, 3);
            read_rows(f, yk_csv_rows(f) / 2, YK_BLOCK);
        }
    }
    yk_csv_close(f);
    close(fd);
    return 0;
}
