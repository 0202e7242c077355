/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef YK_FORMAT_PQ_SNAPPY_H
#define YK_FORMAT_PQ_SNAPPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decompresses n bytes of Snappy (the raw format, without framing) into exactly to_n; false when they are damaged or of another
 * size. Nothing outside the two is touched. */
bool yk_snappy_read(const uint8_t *from, size_t n, uint8_t *to, size_t to_n);

#endif
