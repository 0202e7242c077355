/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The loop that all calls of the family share.
 */
#include "map/call.h"

#include "base/clock.h"

enum { PROGRESS_NS = 100000000, CANCEL_NS = 20000000 };

static int start_worker(void *call, void **ret_state, yoke_error *err)
{
    const yk_call *c = call;
    return c->opts.worker_start(c->opts.ctx, ret_state, err);
}

static void stop_worker(void *call, void *state)
{
    const yk_call *c = call;
    c->opts.worker_stop(c->opts.ctx, state);
}

static void set_policy(yk_work *w, const yoke_map_opts *o)
{
    if (o->name)
        w->name = o->name;
    w->user_ctx = o->ctx;
    w->seed = o->seed;
    w->chunk = o->chunk;
    w->retries = o->retries;
    w->backoff_ms = o->backoff_ms;
    w->timeout_ms = o->timeout_ms;
    w->mem_mib = o->mem_mib;
    w->recycle_mib = o->recycle_mib;
    w->recycle_tasks = o->recycle_tasks;
    w->cancel = o->cancel;
    w->is_unordered = o->unordered;
    w->has_times = w->has_times || o->on_result;
    w->is_watched = w->is_watched || o->on_result || o->on_progress;
    w->start = o->worker_start ? start_worker : NULL;
    w->stop = o->worker_stop ? stop_worker : NULL;
    w->ctx_size = o->ctx_size;
    w->is_flat = o->is_flat && w->is_users && !w->start && !w->stop && !w->pack;
}

int yk_call_begin(yk_call *c, yoke_session *s, const yoke_map_opts *opts, const yk_work *work, yoke_error *err)
{
    *c = (yk_call){.opts = YOKE_MAP_OPTS_INIT, .rename = c->rename, .work = *work, .began_ns = yk_now_ns()};
    YK_TRY(yk_take_opts(&c->opts, sizeof c->opts, opts, err));
    c->told_ns = c->began_ns;
    set_policy(&c->work, &c->opts);
    if (c->opts.failures && !(c->failures = yk_failures_new(err)))
        return YOKE_ENOMEM;
    int rc = yk_run_begin(s->exec, &c->work, &c->run, err);
    if (rc < 0) {
        yoke_failures_free(c->failures);
        c->failures = NULL;
    }
    return rc;
}

static void tell_progress(yk_call *c, bool is_last)
{
    uint64_t now = c->opts.on_progress ? yk_now_ns() : 0;
    if (!c->opts.on_progress || (!is_last && now - c->told_ns < PROGRESS_NS))
        return;
    c->told_ns = now;
    yoke_progress p = {c->ended, c->failed, c->work.n, (double)(now - c->began_ns) * 1e-9};
    c->opts.on_progress(c->opts.callback_ctx, &p);
}

static void look_for_cancel(yk_call *c)
{
    int level = yk_cancel_level(c->opts.cancel);
    if (level == c->cancel_seen)
        return;
    c->cancel_seen = level;
    c->run->ops->halt(c->run, level > 1);
}

/* Describes the failure of the least number, whatever the order in which they come. */
static void take_first(yk_call *c, const yk_block *b)
{
    for (const yk_mishap *m = b->mishaps; m < b->mishaps + b->n_mishaps; m++)
        if (!c->first.code || m->shown < c->first_shown) {
            yoke_error_clear(&c->first);
            yk_mishap_describe(&c->run->work, m, &c->first);
            c->first_shown = m->shown;
        }
}

/* Counts the block's tasks and keeps its failures. */
static int take_failures(yk_call *c, yk_block *b, yoke_error *err)
{
    if (c->rename && b->n_mishaps)
        c->rename(c->work.extra, b);
    c->done += b->n_done;
    c->failed += b->n_mishaps;
    if (b->lo + b->n > c->end)
        c->end = b->lo + b->n;
    take_first(c, b);
    for (size_t k = 0; c->failures && k < b->n_mishaps; k++)
        if (!yk_failures_add(c->failures, &b->mishaps[k], b->worker))
            return yk_fail_nomem(err, "keeping a list of failures");
    if (c->failures && !c->rename && !yk_failures_skip(c->failures, b->lo + b->n_done, b->lo + b->n))
        return yk_fail_nomem(err, "keeping a list of failures");
    if (b->n_mishaps && c->opts.on_error == YOKE_RAISE && !(c->cancel_seen && c->first.code == YOKE_ECANCELED))
        return yk_fail(err, c->first.code, "%s", c->first.text);
    return 0;
}

int yk_call_next(yk_call *c, yk_block **ret, yoke_error *err)
{
    const bool     is_asked = c->work.is_asked;
    const uint64_t slice = is_asked ? YK_ASK_NS : c->opts.cancel ? CANCEL_NS : c->opts.on_progress ? PROGRESS_NS : UINT64_MAX;
    for (;;) {
        look_for_cancel(c);
        yk_block *b;
        int       rc = c->run->ops->next(c->run, slice, &b, err);
        c->ended = c->run->n_ended;
        if (rc == YK_NEXT_BLOCK && c->is_cut) {
            yk_call_release(c, b);
            continue;
        }
        if (rc == YK_NEXT_BLOCK) {
            c->is_cut = b->n_done < b->n && !yk_cancel_level(c->opts.cancel);
            rc = b->rc < 0 ? yk_fail(err, b->rc, "%s", b->why.text) : take_failures(c, b, err);
            if (rc < 0)
                yk_call_release(c, b);
            else {
                *ret = b;
                rc = YK_NEXT_BLOCK;
            }
        }
        tell_progress(c, false);
        if (rc != YK_NEXT_WAITED)
            return rc;
        if (is_asked && c->run->ops->poke)
            c->run->ops->poke(c->run);
    }
}

void yk_call_outcome(const yk_block *b, const yk_work *w, uint32_t i, size_t *mishap, size_t *emit_at, yoke_outcome *ret)
{
    *ret = (yoke_outcome){.size = sizeof *ret, .index = b->lo + i, .worker = b->worker, .attempt = 1};
    if (b->times) {
        const yk_times *t = &b->times[i];
        ret->finished = t->finished;
        ret->seconds = t->seconds;
        ret->worker = t->worker;
        ret->attempt = t->attempt;
        ret->pid = t->pid;
        ret->tid = t->tid;
    }
    const yk_mishap *m = yk_block_mishap(b, ret->index, mishap);
    if (m) {
        ret->error = &m->why;
        ret->cause = m->cause;
        ret->status = m->status;
        ret->attempt = m->attempt;
        return;
    }
    ret->value = b->out + (size_t)i * w->out_size;
    ret->bytes = yk_block_emitted(b, ret->index, emit_at, &ret->n_bytes);
}

int yk_call_report(yk_call *c, const yk_block *b, yoke_error *err)
{
    size_t mishap = 0, emit_at = 0;
    for (uint32_t i = 0; c->opts.on_result && i < b->n_done; i++) {
        yoke_outcome o;
        yk_call_outcome(b, &c->work, i, &mishap, &emit_at, &o);
        int rc = c->opts.on_result(c->opts.callback_ctx, &o);
        if (rc < 0)
            return yk_fail(err, rc, "%s was ended by its on_result", c->work.name);
    }
    return 0;
}

static int conclude(yk_call *c, int rc, yoke_error *err)
{
    unsigned long long done = c->done, failed = c->failed;
    if (rc < 0)
        return rc;
    if (c->cancel_seen && (c->work.n == UINT64_MAX || c->done < c->work.n))
        return yk_fail(err, YOKE_ECANCELED, "%s was cancelled after %llu tasks", c->work.name, done);
    if (c->failed && c->opts.on_error == YOKE_COLLECT)
        return yk_fail(err, YOKE_ETASK, "%llu of %llu tasks failed; the first: %s", failed, done, c->first.text);
    return 0;
}

int yk_call_end(yk_call *c, int rc, yoke_error *err)
{
    look_for_cancel(c);
    c->run->ops->end(c->run);
    tell_progress(c, true);
    if (c->failures && c->cancel_seen && c->work.n != UINT64_MAX && !yk_failures_skip(c->failures, c->end, c->work.n) && rc >= 0)
        rc = yk_fail_nomem(err, "keeping a list of failures");
    if (c->failures) {
        yk_failures_seal(c->failures);
        *c->opts.failures = YK_TAKE(c->failures);
    }
    return conclude(c, rc, err);
}
