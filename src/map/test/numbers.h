/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The numbers of an array, handed out one by one as a generator of items.
 */
#ifndef YK_MAP_TEST_NUMBERS_H
#define YK_MAP_TEST_NUMBERS_H

#include <yoke/map.h>

#include <string.h>

typedef struct numbers {
    const uint64_t *at, *end;
} numbers;

static inline int next_number(void *ctx, void *ret_item, yoke_error *err)
{
    numbers *n = ctx;
    (void)err;
    if (n->at == n->end)
        return 0;
    memcpy(ret_item, n->at++, sizeof *n->at);
    return 1;
}

#endif
