/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How often each of not too many values came. Values are the order-preserving images of numeric/select.h.
 */
#ifndef YK_TABLE_FREQUENCIES_H
#define YK_TABLE_FREQUENCIES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { YK_FREQUENCIES_MOST = 1 << 16 };

typedef struct yk_frequency {
    uint64_t key, times;
} yk_frequency;

/* Zeroed is empty. */
typedef struct yk_frequencies {
    yk_frequency *slots; /* owned; times 0: free */
    size_t        n, n_slots;
    bool          is_partial; /* there were more than YK_FREQUENCIES_MOST values, or some were not said: what is kept is of no use */
} yk_frequencies;

/* Values are added while it is whole; one too many makes it partial and frees what it holds. */
int  yk_frequencies_add(yk_frequencies *f, uint64_t key, uint64_t times, yoke_error *err) YK_MUST_USE;
void yk_frequencies_give_up(yk_frequencies *f);
void yk_frequencies_fini(yk_frequencies *f);

/* Turns the slots into n values in ascending order; nothing may be added afterwards. */
void yk_frequencies_sort(yk_frequencies *f);

#endif
