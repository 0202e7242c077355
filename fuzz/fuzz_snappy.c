/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Snappy streams: what our decoder makes of any bytes is what Snappy's own library makes of them, alone and in turns with others.
 * But for one thing: a literal of 2^32 bytes has length 0 for the library, whose 32 bits wrap, and is refused by ours.
 */
#include "base/alloc.h"
#include "format/parquet/pq_snappy.h"

#include <dlfcn.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 20 };
    static int (*read)(const char *, size_t, char *, size_t *), (*length)(const char *, size_t, size_t *);
    size_t n = 0;
    if (!read) {
        void *lib = dlopen("libsnappy.so.1", RTLD_NOW);
        if (!lib)
            __builtin_trap();
        *(void **)&read = dlsym(lib, "snappy_uncompress");
        *(void **)&length = dlsym(lib, "snappy_uncompressed_length");
    }
    if (length((const char *)data, size, &n) != 0 || n > MOST)
        return 0;
    YK_AUTOFREE uint8_t *ours = yk_malloc(n + 1), *theirs = yk_malloc(n + 1), *again = yk_malloc(n + 1);
    bool is_good = yk_snappy_read(&(yk_snappy_block){data, size, ours, n});
    size_t their_n = n;
    bool   is_theirs_good = read((const char *)data, size, (char *)theirs, &their_n) == 0;
    bool   may_differ = !is_good && memmem(data, size, "\xfc\xff\xff\xff\xff", 5);
    if ((is_good != is_theirs_good && !may_differ) || (is_good && memcmp(ours, theirs, n) != 0))
        __builtin_trap();
    static const uint8_t other[] = "\xc8\x01\x08xyz\xfe\x03\x00\xfe\x03\x00\xfe\x03\x00\x05\x03"; /* 200 bytes */
    uint8_t              room[200];
    bool                 good[2];
    yk_snappy_read_two((yk_snappy_block[]){{data, size, again, n}, {other, sizeof other - 1, room, sizeof room}}, good);
    if (good[0] != is_good || (is_good && memcmp(ours, again, n) != 0) || !good[1])
        __builtin_trap();
    return 0;
}
