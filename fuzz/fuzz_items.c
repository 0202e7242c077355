/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as items: the first byte chooses how they are read (words, lines, NUL-separated, tables, a .npy file), the rest
 * is the words or the file. All items are taken in order, and once more by their numbers.
 */
#include "base/alloc.h"
#include "map/items.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { MOST_ITEMS = 1000, MOST_FIELDS = 64 };

static uint64_t sum; /* of every byte given out: what lies outside its memory shows when it is read */

static void touch(const yk_field *f)
{
    char        buf[YK_FIELD_BUF];
    size_t      n;
    const char *text = yk_field_text(f, buf, &n);
    for (size_t i = 0; i < n; i++)
        sum += (unsigned char)text[i];
    for (size_t i = 0; f->kind == YK_FIELD_ROW && i < f->run.len * f->type.size; i++)
        sum += ((const unsigned char *)f->run.data)[i];
}

static void take_all(yk_items *it)
{
    yk_field f[MOST_FIELDS];
    char     where[200];
    unsigned width = yk_items_width(it);
    YK_CLEANUP(yk_items_room_freep) yk_items_room *room = yk_items_room_new(it, NULL);
    if (width > MOST_FIELDS || !room)
        return;
    for (uint64_t i = 0; i < MOST_ITEMS && yk_items_next(it, f, NULL) > 0; i++)
        for (unsigned k = 0; k < width; k++)
            touch(&f[k]);
    for (uint64_t i = 0; i < MOST_ITEMS && yk_items_count(it) != UINT64_MAX && yk_items_at(it, i, room, f, NULL) == 0; i++)
        for (unsigned k = 0; k < width; k++) {
            touch(&f[k]);
            yk_items_where(it, i, k, where, sizeof where);
        }
}

static int add_words(yk_items *it, char *words)
{
    int rc = 0;
    for (char *word; rc == 0 && (word = strsep(&words, "\n")) != NULL;)
        rc = strcmp(word, "-") == 0 ? 0 : yk_items_word(it, word, NULL);
    return rc;
}

static void open_npy(const char *path)
{
    yk_npy *f;
    if (yk_npy_open(path, &f, NULL) < 0)
        return;
    yk_npy_window w = {0};
    uint64_t      all = f->n * f->item_bytes;
    const void   *at;
    for (uint64_t i = 0, n; i < all; i += n) {
        n = all - i < 3000 ? all - i : 3000;
        if (yk_npy_at(f, i, n, &w, &at, NULL) == 0)
            for (uint64_t k = 0; k < n; k++)
                sum += ((const unsigned char *)at)[k];
    }
    yk_npy_window_fini(&w);
    yk_npy_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const yk_items_opts how[] = {{0}, {0}, {.has_nul = true}, {.separator = ','}, {.separator = '\t'}};
    enum { WORDS = 0, NPY = 5, KINDS = 6 };
    char path[64];
    if (n == 0)
        return 0;
    unsigned          kind = bytes[0] % KINDS;
    YK_AUTOFREE char *words = yk_strndup((const char *)bytes + 1, n - 1);
    yk_items         *it = yk_items_new(&how[kind % NPY], NULL);
    int               fd = memfd_create("items", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || !it || !words || write(fd, bytes + 1, n - 1) < 0)
        return 0;
    if (kind == NPY)
        open_npy(path);
    else if ((kind == WORDS ? add_words(it, words) : yk_items_file(it, path, NULL)) == 0 && yk_items_ready(it, NULL) == 0)
        take_all(it);
    yk_items_free(it);
    close(fd);
    return 0;
}
