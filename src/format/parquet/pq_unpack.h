/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Kernels of the Parquet reader: one source, built for the baseline, AVX2 and AVX-512, chosen at run time. All give the
 * same bits. Input may be read up to YK_PQ_PAD bytes past its end: buffers are that much longer.
 */
#ifndef YK_FORMAT_PQ_UNPACK_H
#define YK_FORMAT_PQ_UNPACK_H

#include "numeric/isa.h"

#include <stddef.h>
#include <stdint.h>

enum { YK_PQ_PAD = 64 };

/* out[i] = the i-th of n numbers of `width` bits (1 … 32), packed from the lowest bit up, from a byte's border. Returns the
 * greatest of them. */
YK_ISA_DECLARE(uint32_t, yk_pq_unpack, (const uint8_t *in, unsigned width, size_t n, uint32_t *out));

/* out[i] = the next element of `dense` where bit i of `valid` is set, else 0. One element past the last may be read. */
YK_ISA_DECLARE(void, yk_pq_spread32, (const uint32_t *dense, const uint64_t *valid, size_t n, uint32_t *out));
YK_ISA_DECLARE(void, yk_pq_spread64, (const uint64_t *dense, const uint64_t *valid, size_t n, uint64_t *out));

#endif
