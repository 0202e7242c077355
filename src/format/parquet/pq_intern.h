/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dictionary of a row group that is being written: values to codes, in order of first appearance.
 */
#ifndef YK_FORMAT_PQ_INTERN_H
#define YK_FORMAT_PQ_INTERN_H

#include "base/buf.h"
#include "format/column.h"

typedef struct yk_pq_slot {
    uint32_t hash; /* of the value */
    uint32_t code; /* + 1; 0: empty */
} yk_pq_slot;

typedef struct yk_pq_intern {
    uint32_t    width;  /* bytes of a value; 0: they vary */
    yk_buf      values; /* as PLAIN has them */
    uint32_t    n;
    uint64_t   *starts; /* of each value in `values`; not of those of eight bytes */
    size_t      cap_starts;
    yk_pq_slot *slots;  /* open addressing */
    uint32_t    n_slots; /* a power of two */
} yk_pq_intern;

int  yk_pq_intern_init(yk_pq_intern *d, uint32_t width, yoke_error *err) YK_MUST_USE;
void yk_pq_intern_fini(yk_pq_intern *d);
void yk_pq_intern_clear(yk_pq_intern *d); /* and gives its memory back */
void yk_pq_intern_close(yk_pq_intern *d); /* nothing is looked up any more until it is cleared: frees what is only for that */

size_t yk_pq_intern_bytes(const yk_pq_intern *d); /* held */

/* The code of a stored value, a new one where it is new. */
int yk_pq_intern_find(yk_pq_intern *d, yk_text value, uint32_t *ret, yoke_error *err) YK_MUST_USE;

/* The same of n values of eight bytes each. */
int yk_pq_intern_words(yk_pq_intern *d, const uint64_t *values, uint32_t n, uint32_t *ret_codes, yoke_error *err) YK_MUST_USE;

#endif
