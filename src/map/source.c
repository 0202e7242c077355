/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One call of the user's function for each item.
 */
#include "map/source.h"

#include "base/error.h"

static int fill(void *fill_ctx, uint32_t want, void *to, uint32_t *ret_got, yoke_error *err)
{
    yk_source        *s = fill_ctx;
    const yoke_items *it = &s->items;
    char             *at = to;
    uint32_t          got = 0;
    int               rc = 1;
    (void)err;
    bool              is_ready = true;
    for (; got < want && (is_ready = !it->is_ready || it->is_ready(it->next_ctx)) && (rc = it->next(it->next_ctx, at, &s->failed)) > 0;
         got++)
        at += it->item_size;
    if (rc < 0)
        yk_fail(&s->failed, rc, "the function that makes the items failed: %s", yoke_error_name(rc));
    s->failed.code = rc < 0 ? rc : 0;
    *ret_got = got;
    return rc <= 0 ? YK_FILL_END : is_ready || got ? YK_FILL_MORE : YK_FILL_LATER;
}

void yk_source_use(yk_source *s, yk_work *w)
{
    const yoke_items *it = &s->items;
    w->n = it->next ? UINT64_MAX : it->n;
    w->in = it->next || !it->item_size ? NULL : it->values;
    w->in_size = it->item_size;
    w->fill = it->next ? fill : NULL;
    w->fill_ctx = it->next ? s : NULL;
    w->is_asked = it->next && it->is_ready;
}

int yk_source_end(const yk_source *s, int rc, yoke_error *err)
{
    return rc == 0 && s->failed.code < 0 ? yk_fail(err, s->failed.code, "%s", s->failed.text) : rc;
}
