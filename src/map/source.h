/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Items from a generator as an executor's feed. A generator that fails ends the items; that it failed is said when all
 * before it are done, as in a serial loop.
 */
#ifndef YK_MAP_SOURCE_H
#define YK_MAP_SOURCE_H

#include "exec/work.h"

#include <yoke/map.h>

typedef struct yk_source {
    yoke_items items;
    yoke_error failed; /* what became of the generator; written under the feed's lock, read once the run has ended */
} yk_source;

/* For public calls, as YK_LACKS: there are items to be read, and no place where they are. */
#define YK_LACKS_VALUES(items, err) (!(items).next && (items).n && (items).item_size && YK_LACKS(items.values, err))

/* Sets the work's input; `s` is borrowed until the run has ended. */
void yk_source_use(yk_source *s, yk_work *w);

/* `rc`, how the run ended; or the generator's failure when it ended well. */
int yk_source_end(const yk_source *s, int rc, yoke_error *err) YK_MUST_USE;

#endif
