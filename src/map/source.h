/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Items from a generator as an executor's feed.
 */
#ifndef YK_MAP_SOURCE_H
#define YK_MAP_SOURCE_H

#include "exec/work.h"

#include <yoke/map.h>

/* Sets the work's input; `items` is borrowed until the run has ended. */
void yk_source_use(yoke_items *items, yk_work *w);

#endif
