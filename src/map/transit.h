/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What items of a stream point to, on its way to the workers: memory that workers forked later see at the same address,
 * given back to the system as items are done. However long the stream is, it holds what is under way.
 */
#ifndef YK_MAP_TRANSIT_H
#define YK_MAP_TRANSIT_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct yk_transit yk_transit;

yk_transit *yk_transit_new(yoke_error *err);
void      yk_transit_free(yk_transit *t); /* NULL is allowed; no worker may be using it */

/* What is put from now on belongs to item `index`; items come in order, each is begun once, one thread at a time. */
int yk_transit_begin(yk_transit *t, uint64_t index, yoke_error *err) YK_MUST_USE;

/* Room for n bytes, aligned to 8, until yk_transit_done of its item. NULL: memory is out. */
void *yk_transit_put(yk_transit *t, size_t n);

/* Item `index` needs its bytes no more. In any order; any thread; of every item once, or of none. */
void yk_transit_done(yk_transit *t, uint64_t index);

#endif
