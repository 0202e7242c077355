/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One call of the user's function for each item.
 */
#include "map/source.h"

static int fill(void *fill_ctx, uint32_t want, void *to, uint32_t *ret_got, yoke_error *err)
{
    const yoke_items *it = fill_ctx;
    char             *at = to;
    for (uint32_t got = 0; got < want; got++, at += it->item_size) {
        int rc = it->next(it->next_ctx, at, err);
        if (rc > 0)
            continue;
        if (rc < 0) {
            yk_fail(err, rc, "the function that makes the items failed: %s", yoke_error_name(rc));
            return rc;
        }
        *ret_got = got;
        return YK_FILL_END;
    }
    *ret_got = want;
    return YK_FILL_MORE;
}

void yk_source_use(yoke_items *items, yk_work *w)
{
    w->n = items->next ? UINT64_MAX : items->n;
    w->in = items->next || !items->item_size ? NULL : items->values;
    w->in_size = items->item_size;
    w->fill = items->next ? fill : NULL;
    w->fill_ctx = items->next ? items : NULL;
}
