/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What becomes of a job that has ended: its cause, another attempt or none, and whether the run goes on.
 */
#include "jobs/runner_state.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

/* ---- saying and stopping */

void yk_runner_say(yk_runner *run, const char *fmt, ...)
{
    char    text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (run->journal)
        yk_journal_note(run->journal, text);
    if (run->hooks && run->hooks->said)
        run->hooks->said(run->hooks->ctx, text);
}

void yk_runner_drain(yk_runner *run, const char *why)
{
    if (!run->is_draining)
        yk_runner_say(run, "%s", why);
    run->is_draining = true;
}

void yk_runner_stop(yk_runner *run, const char *why)
{
    if (run->is_stopping)
        return;
    yk_runner_say(run, "%s", why);
    run->is_draining = run->is_stopping = true;
    for (unsigned i = 0; i < run->n_slots; i++)
        if (run->slot[i].state == YK_SLOT_RUNS && run->slot[i].pid > 0)
            yk_runner_term(run, &run->slot[i], YK_CAUSE_CANCELLED);
}

unsigned yk_runner_running(const yk_runner *run) { return run->n_running; }

void yk_runner_term(yk_runner *run, yk_slot *s, yk_cause why)
{
    if (s->forced == YK_CAUSE_RUNNING)
        s->forced = why;
    kill(-s->pid, SIGTERM);
    kill(-s->pid, SIGCONT); /* a stopped process would not hear it */
    s->term_at = 0;
    if (!s->kill_at)
        s->kill_at = yk_now_ns() + run->opts.kill_after_ns;
    run->has_deadlines = true;
}

void yk_runner_kill(yk_runner *run, yk_slot *s, yk_cause why)
{
    if (s->forced == YK_CAUSE_RUNNING)
        s->forced = why;
    kill(-s->pid, SIGKILL);
    s->term_at = s->kill_at = 0;
    run->has_deadlines = true;
}

/* ---- records */

yk_record yk_slot_record(const yk_slot *s)
{
    return (yk_record){
        .line = s->line,
        .seq = s->seq,
        .attempt = s->attempt,
        .slot = s->number,
        .start_ns = s->start_ns,
        .wall_ns = s->wall_ns,
        .user_us = (uint64_t)s->used.ru_utime.tv_sec * 1000000u + (uint64_t)s->used.ru_utime.tv_usec,
        .sys_us = (uint64_t)s->used.ru_stime.tv_sec * 1000000u + (uint64_t)s->used.ru_stime.tv_usec,
        .peak_kib = (uint64_t)s->used.ru_maxrss,
        .pid = s->pid,
        .out_len = s->pipe[0].total,
        .err_len = s->pipe[1].total,
        .chunk = s->chunk,
        .text = yk_buf_text(&s->text),
        .text_len = s->text.len,
        .tail = s->tail,
        .tail_len = s->tail_len,
        .host = "",
    };
}

static bool ran_out_of_memory(yk_runner *run, const yk_slot *s, const yk_record *r)
{
    if (s->has_group && yk_limits_group_kills(&run->limits, s->number) > s->group_kills)
        return r->signal || r->exit_code;
    if (r->signal != SIGKILL && !(s->has_shell && r->exit_code == 128 + SIGKILL))
        return false;
    uint64_t kills = yk_limits_machine_kills(), before = run->limits.oom_kills;
    run->limits.oom_kills = kills;
    return kills > before;
}

static void judge(yk_runner *run, yk_slot *s, yk_record *r)
{
    r->signal = WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0;
    r->exit_code = WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 0;
    if (s->forced != YK_CAUSE_RUNNING)
        r->cause = s->forced;
    else if (ran_out_of_memory(run, s, r))
        r->cause = YK_CAUSE_MEMORY;
    else if (r->signal)
        r->cause = YK_CAUSE_SIGNAL;
    else
        r->cause = r->exit_code ? YK_CAUSE_EXIT : YK_CAUSE_OK;
}

/* ---- another attempt */

void yk_again_pop(yk_runner *run)
{
    yk_free(run->again[run->again_at].text);
    yk_free(run->again[run->again_at].tag);
    run->again_at++;
    if (--run->n_again == 0)
        run->again_at = 0;
}

static bool wants_again(const yk_runner *run, const yk_record *r)
{
    if (r->cause == YK_CAUSE_OK || r->cause == YK_CAUSE_CANCELLED || r->attempt > run->opts.retries)
        return false;
    return !run->opts.retry_on || run->opts.retry_on(run->opts.retry_ctx, r);
}

static int push_again(yk_runner *run, const yk_slot *s, uint32_t attempts_so_far, yoke_error *err)
{
    yk_again a = {yk_strndup(yk_buf_text(&s->text), s->text.len), NULL, s->text.len, s->line, s->seq, attempts_so_far};
    size_t   end = run->again_at + run->n_again;
    if (s->has_tag)
        a.tag = yk_strdup(yk_buf_text(&s->tag));
    if (a.text && (a.tag || !s->has_tag) && yk_grow(&run->again, &run->again_cap, end + 1, sizeof a)) {
        run->again[end] = a;
        run->n_again++;
        return 0;
    }
    yk_free(a.text);
    yk_free(a.tag);
    return yk_fail_nomem(err, "keeping a job to try again");
}

int yk_runner_put_back(yk_runner *run, yk_slot *s, int sys, yoke_error *err)
{
    run->is_short = true;
    if (!run->was_short)
        yk_runner_say(run, "no more than %u jobs at a time: %s%s", run->n_running, strerror(sys),
                      sys == EMFILE ? " (ulimit -n)" : sys == EAGAIN ? " (ulimit -u)" : "");
    run->was_short = true;
    int rc = push_again(run, s, s->attempt - 1, err);
    yk_slot_clear(s);
    return rc;
}

/* ---- the end */

static void consider_halt(yk_runner *run)
{
    const yk_halt *h = &run->opts.halt;
    char           text[128];
    bool           is_over = (h->failures && run->n_failed >= h->failures) ||
                   (h->percent > 0 && run->n_failed >= 3 && (double)run->n_failed * 100 >= h->percent * (double)run->n_ended);
    if (!is_over || run->is_draining)
        return;
    snprintf(text, sizeof text, "%llu of %llu jobs failed: %s", (unsigned long long)run->n_failed, (unsigned long long)run->n_ended,
             h->is_now ? "ending what runs" : "starting no more");
    run->end = YK_RUN_HALTED;
    if (h->is_now)
        yk_runner_stop(run, text);
    else
        yk_runner_drain(run, text);
}

static int tell(yk_runner *run, yk_slot *s, const yk_record *r, yoke_error *err)
{
    if (!run->hooks || !run->hooks->ended)
        return 0;
    run->current = s;
    int rc = run->hooks->ended(run->hooks->ctx, run, r, s->has_tag ? yk_buf_text(&s->tag) : NULL, err);
    run->current = NULL;
    return rc;
}

static int close_job(yk_runner *run, yk_slot *s, yk_record *r, yoke_error *err)
{
    bool again = wants_again(run, r);
    r->is_last = !again;
    if (run->store && run->store != run->own_store)
        YK_TRY(yk_slot_put(s, run->store, err));
    r->chunk = s->chunk;
    if (run->journal)
        yk_journal_end(run->journal, s->journal_start, r);
    atomic_store_explicit(&run->is_dirty, true, memory_order_relaxed);
    if (s->chunk)
        atomic_store_explicit(&run->is_store_dirty, true, memory_order_relaxed);
    YK_TRY(tell(run, s, r, err));
    if (again && !run->is_draining)
        YK_TRY(push_again(run, s, s->attempt, err));
    if (!again) {
        run->n_ended++;
        run->n_failed += r->cause != YK_CAUSE_OK && r->cause != YK_CAUSE_CANCELLED;
        if (run->source->ended)
            run->source->ended(run->source->ctx, r);
        if (run->source_state == YK_SOURCE_LATER)
            run->source_state = YK_SOURCE_JOB;
    }
    run->free_hint = s->number - 1;
    run->n_running--;
    run->is_short = false;
    yk_slot_clear(s);
    consider_halt(run);
    return 0;
}

int yk_runner_ended(yk_runner *run, yk_slot *s, yoke_error *err)
{
    yk_record r = yk_slot_record(s);
    judge(run, s, &r);
    return close_job(run, s, &r, err);
}

int yk_runner_not_started(yk_runner *run, yk_slot *s, int sys, yoke_error *err)
{
    s->pid = 0;
    const char *why = sys == E2BIG ? "the command is longer than the 128 KiB that Linux takes; put it into a script" : strerror(sys);
    s->tail_len = (size_t)snprintf(s->tail, sizeof s->tail, "%s", s->not_run ? s->not_run : why);
    yk_record r = yk_slot_record(s);
    r.cause = s->not_run ? YK_CAUSE_CANCELLED : YK_CAUSE_NOT_STARTED;
    return close_job(run, s, &r, err);
}

int yk_runner_output(yk_runner *run, int stream, yk_store_fn *fn, void *ctx, yoke_error *err)
{
    const yk_slot *s = run->current;
    if (s->chunk)
        YK_TRY(yk_store_read(yk_store_fd(run->store), "the output store", s->chunk, stream, fn, ctx, err));
    const yk_buf *b = &s->pipe[stream - 1].buf;
    return b->len ? fn(ctx, stream, b->data, b->len) : 0;
}

int yk_runner_flush(yk_runner *run, yoke_error *err)
{
    int sys = atomic_load_explicit(&run->sync_failed, memory_order_relaxed);
    if (sys) {
        errno = sys;
        return yk_fail_errno(err, "the journal cannot be brought to the disk");
    }
    return run->journal ? yk_journal_flush(run->journal, err) : 0;
}

/* ---- to the disk, once a second */

static void sync_now(yk_runner *run)
{
    yoke_error err = YOKE_ERROR_INIT;
    if (!atomic_exchange_explicit(&run->is_dirty, false, memory_order_relaxed))
        return;
    bool has_output = atomic_exchange_explicit(&run->is_store_dirty, false, memory_order_relaxed) && run->store != run->own_store;
    if ((has_output && yk_store_sync(run->store, &err) < 0) || yk_journal_sync(run->journal, &err) < 0)
        atomic_store_explicit(&run->sync_failed, err.sys ? err.sys : EIO, memory_order_relaxed);
}

static void *sync_often(void *arg)
{
    yk_runner      *run = arg;
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    pthread_mutex_lock(&run->lock);
    while (!run->is_closing) {
        at.tv_sec++;
        if (pthread_cond_timedwait(&run->wake, &run->lock, &at) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&run->lock);
        sync_now(run);
        clock_gettime(CLOCK_REALTIME, &at);
        pthread_mutex_lock(&run->lock);
    }
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

int yk_runner_start_syncing(yk_runner *run, yoke_error *err)
{
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->wake, NULL);
    run->has_syncer = pthread_create(&run->syncer, NULL, sync_often, run) == 0;
    return run->has_syncer ? 0 : yk_fail(err, YOKE_ELIMIT, "cannot start a thread for the journal; is a limit on processes too low?");
}

void yk_runner_stop_syncing(yk_runner *run)
{
    if (run->has_syncer) {
        pthread_mutex_lock(&run->lock);
        run->is_closing = true;
        pthread_cond_signal(&run->wake);
        pthread_mutex_unlock(&run->lock);
        pthread_join(run->syncer, NULL);
    }
    if (run->journal)
        sync_now(run);
}
