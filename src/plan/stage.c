/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The serial run of a stage: one task after the other, each folded at once.
 */
#include "plan/stage.h"

#include "base/buf.h"

struct yoke_session {
    unsigned workers;
};

struct yk_task {
    uint64_t index;
    yk_arena arena;
    void    *state;
    yk_buf   emitted;
};

yoke_session *yoke_open(const char *on, yoke_error *err)
{
    (void)on;
    yoke_session *s = yk_new(yoke_session);
    if (!s)
        yk_fail_nomem(err, "opening a session");
    else
        s->workers = 1;
    return s;
}

unsigned yoke_session_workers(const yoke_session *s) { return s->workers; }
const char *yoke_session_executor(const yoke_session *s) { (void)s; return "serial"; }
void yoke_close(yoke_session *s) { yk_free(s); }

uint64_t yk_task_index(const yk_task *t) { return t->index; }
unsigned yk_task_worker(const yk_task *t) { (void)t; return 0; }
yk_arena *yk_task_arena(yk_task *t) { return &t->arena; }
void *yk_task_state(yk_task *t) { return t->state; }
bool yk_task_is_canceled(const yk_task *t) { (void)t; return false; }

int yk_task_emit(yk_task *t, const void *bytes, size_t n, yoke_error *err)
{
    yk_buf_append(&t->emitted, bytes, n);
    return t->emitted.is_failed ? yk_fail_nomem(err, "keeping a task's result") : 0;
}

static int run_one(const yk_stage *st, yk_task *t, void *out, yoke_error *err)
{
    yoke_error why = YOKE_ERROR_INIT;
    memset(out, 0, st->out_size);
    yk_buf_clear(&t->emitted);
    int rc = st->task(st->ctx, t, out, &why);
    yk_arena_clear(&t->arena);
    if (rc < 0 && st->failed)
        return st->failed(st->fold_ctx, t->index, &why, err);
    if (rc < 0)
        return yk_fail(err, rc, "%s", why.text);
    yk_result r = {t->index, out, yk_buf_text(&t->emitted), t->emitted.len};
    return st->fold ? st->fold(st->fold_ctx, &r, err) : 0;
}

int yk_stage_run(yoke_session *s, const yk_stage *st, yoke_error *err)
{
    (void)s;
    yk_task           t = {.arena = YK_ARENA_INIT, .emitted = YK_BUF_INIT};
    YK_AUTOFREE void *out = yk_malloc(st->out_size);
    if (!out)
        return yk_fail_nomem(err, "starting a stage");
    int rc = st->start ? st->start(st->ctx, &t.state, err) : 0;
    for (; rc == 0 && t.index < st->n; t.index++)
        rc = run_one(st, &t, out, err);
    if (st->stop)
        st->stop(st->ctx, t.state);
    yk_arena_fini(&t.arena);
    yk_buf_fini(&t.emitted);
    return rc;
}
