/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef YK_FORMAT_PQ_SNAPPY_H
#define YK_FORMAT_PQ_SNAPPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* n bytes of Snappy (the raw format, without framing) and the room for the to_n that should come out. */
typedef struct yk_snappy_block {
    const uint8_t *from;
    size_t         n;
    uint8_t       *to;
    size_t         to_n;
} yk_snappy_block;

/* Decompresses; false when the bytes are damaged or others than to_n come out. Nothing outside the two is touched. */
bool yk_snappy_read(const yk_snappy_block *block);

/* The same for two blocks at once, which takes less time than one after the other. */
void yk_snappy_read_two(const yk_snappy_block blocks[2], bool ret_good[2]);

#endif
