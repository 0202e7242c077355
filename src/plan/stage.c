/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Running a stage: its tasks are an executor's work, its fold takes the blocks apart again, task by task.
 */
#include "plan/stage.h"

#include "base/buf.h"
#include "exec/session.h"

static int stage_task(yoke_task *t, const void *in, void *out)
{
    const yk_stage *st = t->work->ctx;
    (void)in;
    int rc = st->task(st->ctx, t, out, &t->why);
    if (t->why.code)
        t->left = -1; /* it may have said something and gone well all the same */
    return rc;
}

static int stage_start(void *ctx, void **ret_state, yoke_error *err)
{
    const yk_stage *st = ctx;
    return st->start(st->ctx, ret_state, err);
}

static void stage_stop(void *ctx, void *state)
{
    const yk_stage *st = ctx;
    st->stop(st->ctx, state);
}

static int fold_failure(const yk_stage *st, const yk_work *w, const yk_mishap *m, yoke_error *err)
{
    yoke_error why = m->why;
    if (m->cause != YOKE_CAUSE_FAILED || !why.text[0])
        yk_mishap_describe(w, m, &why);
    return st->failed ? st->failed(st->fold_ctx, m->index, &why, err) : yk_fail(err, why.code, "%s", why.text);
}

static int fold_block(const yk_stage *st, const yk_work *w, const yk_block *b, yoke_error *err)
{
    size_t mishap = 0, emitted = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t         index = b->lo + i;
        const yk_mishap *m = yk_block_mishap(b, index, &mishap);
        if (m) {
            YK_TRY(fold_failure(st, w, m, err));
            continue;
        }
        yk_result r = {.index = index, .out = b->out + (size_t)i * st->out_size};
        r.bytes = yk_block_emitted(b, index, &emitted, &r.n_bytes);
        if (st->fold)
            YK_TRY(st->fold(st->fold_ctx, &r, err));
    }
    return 0;
}

int yk_stage_run(yoke_session *s, const yk_stage *st, yoke_error *err)
{
    yk_work w = {.name = st->name ? st->name : "stage",
                 .n = st->n,
                 .out_size = st->out_size,
                 .together = st->together,
                 .max_held = st->max_held,
                 .expected = st->expected,
                 .most_running = st->most,
                 .ctx = (void *)(uintptr_t)st,
                 .start = st->start ? stage_start : NULL,
                 .stop = st->stop ? stage_stop : NULL,
                 .task = stage_task};
    yk_run *run;
    YK_TRY(yk_run_begin(s->exec, &w, &run, err));
    yk_block *b;
    int       rc;
    while ((rc = run->ops->next(run, UINT64_MAX, &b, err)) == YK_NEXT_BLOCK) {
        rc = b->rc < 0 ? yk_fail(err, b->rc, "%s", b->why.text) : fold_block(st, &run->work, b, err);
        run->ops->release(run, b);
        if (rc < 0)
            break;
    }
    run->ops->end(run);
    return rc;
}

bool yk_stage_is_local(const yoke_session *s) { return s->exec->ops->is_local; }
