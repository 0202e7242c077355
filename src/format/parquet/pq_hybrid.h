/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parquet's mix of runs and packed numbers, which levels, dictionary codes and booleans are stored in: reading any stretch
 * of it, and passing over any stretch at the cost of its run headers.
 */
#ifndef YK_FORMAT_PQ_HYBRID_H
#define YK_FORMAT_PQ_HYBRID_H

#include "format/parquet/pq_unpack.h"

#include <stdbool.h>

typedef struct yk_pq_hybrid {
    const uint8_t *at, *end; /* the next run's header */
    const uint8_t *packed;   /* the current run's numbers; NULL: it repeats `value` */
    uint64_t       left;     /* numbers of the current run not yet read */
    uint64_t       done;     /* and those read, where packed */
    uint32_t       value;
    uint8_t        width;    /* bits of a number, 0 … 32 */
} yk_pq_hybrid;

/* The bytes must be followed by YK_PQ_PAD readable ones. */
void yk_pq_hybrid_init(yk_pq_hybrid *h, const uint8_t *at, const uint8_t *end, unsigned width);

/* Makes left > 0 unless the bytes are used up or wrong, when it returns false. */
bool yk_pq_hybrid_load(yk_pq_hybrid *h);

/* The next n numbers into out (which has room for 16 more); false when there are not so many. *ret_max is at least the greatest. */
bool yk_pq_hybrid_read(yk_pq_hybrid *h, size_t n, uint32_t *out, uint32_t *ret_max);
bool yk_pq_hybrid_skip(yk_pq_hybrid *h, uint64_t n);

/* For width 1: the next n as bits of `bits` from bit 0 (whose words are all overwritten), and how many of them are set; -1
 * when there are not so many. The second passes over them. */
int64_t yk_pq_hybrid_bits(yk_pq_hybrid *h, size_t n, uint64_t *bits);
int64_t yk_pq_hybrid_skip_bits(yk_pq_hybrid *h, uint64_t n);

#endif
