/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Results as a stream.
 */
#include "map/call.h"
#include "map/source.h"

struct yoke_imap {
    yk_call    call;
    yk_source  source;
    yk_block  *block; /* being taken apart; NULL: none */
    uint32_t   i;     /* its next task */
    size_t     mishap, emit_at;
    int        rc;    /* how it ended; 1 while it has not */
};

yoke_imap *yoke_imap_open(yoke_session *s, yoke_task_fn *fn, yoke_items items, size_t result_size, const yoke_map_opts *opts,
                          yoke_error *err)
{
    if (YK_LACKS(s, err) || YK_LACKS(fn, err) || YK_LACKS_VALUES(items, err))
        return NULL;
    yoke_imap *it = yk_new(yoke_imap);
    if (!it) {
        yk_fail_nomem(err, "opening a map");
        return NULL;
    }
    it->source.items = items;
    it->rc = 1;
    yk_work w = {.name = "imap", .out_size = result_size, .ctx = &it->call, .task = fn, .is_users = true, .has_times = true};
    yk_source_use(&it->source, &w);
    if (yk_call_begin(&it->call, s, opts, &w, err) < 0)
        yk_free(YK_TAKE(it));
    return it;
}

static int finish(yoke_imap *it, int rc, yoke_error *err)
{
    it->rc = yk_call_end(&it->call, yk_source_end(&it->source, rc, err), err);
    it->call.run = NULL;
    return it->rc;
}

int yoke_imap_next(yoke_imap *it, yoke_outcome *ret, yoke_error *err)
{
    if (YK_LACKS(it, err) || YK_LACKS(ret, err))
        return YOKE_EINVALID;
    if (it->rc <= 0)
        return it->rc;
    while (!it->block || it->i == it->block->n_done) {
        if (it->block)
            yk_call_release(&it->call, YK_TAKE(it->block));
        int rc = yk_call_next(&it->call, &it->block, err);
        if (rc != YK_NEXT_BLOCK) {
            it->block = NULL;
            return finish(it, rc, err);
        }
        it->i = 0;
        it->mishap = it->emit_at = 0;
    }
    yk_call_outcome(it->block, &it->call.work, it->i++, &it->mishap, &it->emit_at, ret);
    return 1;
}

void yoke_imap_close(yoke_imap *it)
{
    if (!it)
        return;
    if (it->block)
        yk_call_release(&it->call, it->block);
    if (it->call.run)
        yk_call_end(&it->call, 0, NULL); /* whether the generator fails meanwhile nobody hears */
    yk_free(it);
}
