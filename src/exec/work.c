/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Running a block: the loop that every executor's workers run, with retries, time limits and the records of failures.
 */
#include "exec/work.h"

#include "base/clock.h"
#include "exec/exec.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

bool yk_block_fail(yk_block *b, const yk_mishap *m)
{
    if (yk_push(&b->mishaps, &b->n_mishaps, &b->cap_mishaps, *m))
        return true;
    if (!b->rc)
        b->rc = yk_fail_nomem(&b->why, "recording a failed task");
    return false;
}

const char *yk_block_emitted(const yk_block *b, uint64_t index, size_t *at, size_t *ret_n)
{
    yk_emit e = {0};
    *ret_n = 0;
    if (*at >= b->emitted.len)
        return "";
    memcpy(&e, b->emitted.data + *at, sizeof e);
    if (e.index != index)
        return "";
    const char *bytes = b->emitted.data + *at + sizeof e;
    *at += sizeof e + (size_t)e.n;
    *ret_n = (size_t)e.n;
    return bytes;
}

uint64_t yk_backoff_ns(unsigned backoff_ms, unsigned attempt)
{
    uint64_t ms = backoff_ms;
    for (unsigned k = 2; k < attempt && ms < 60000; k++)
        ms *= 2;
    return (ms < 60000 ? ms : 60000) * 1000000u;
}

static bool is_stopped(const yoke_task *t)
{
    return atomic_load_explicit(t->stop, memory_order_relaxed) || yk_cancel_level(t->work->cancel);
}

/* Sleeps in slices, so that a cancelled run does not wait for it. */
static void pause_before(yoke_task *t, unsigned attempt)
{
    uint64_t until = yk_now_ns() + yk_backoff_ns(t->work->backoff_ms, attempt), now;
    while ((now = yk_now_ns()) < until && !is_stopped(t))
        usleep((useconds_t)((until - now < 10000000u ? until - now : 10000000u) / 1000u + 1));
}

/* One attempt. The error record is only looked at when something failed, so that it need not be cleared each time. */
static int attempt(yoke_task *t, const void *in, void *out)
{
    const yk_work *w = t->work;
    if (t->why.code)
        yoke_error_clear(&t->why);
    if (t->before)
        t->before(t);
    if (w->timeout_ms)
        t->deadline_ns = yk_now_ns() + w->timeout_ms * UINT64_C(1000000);
    int rc = w->task(t, in, out);
    if (t->behind)
        t->behind(t);
    if (w->timeout_ms && yk_now_ns() > t->deadline_ns) {
        yoke_error_clear(&t->why);
        rc = yk_fail(&t->why, YOKE_ETIMEOUT, "it took longer than its limit of %u ms", w->timeout_ms);
    }
    t->deadline_ns = 0;
    return rc;
}

static yoke_cause cause_of(int rc)
{
    return rc == YOKE_ETIMEOUT    ? YOKE_CAUSE_TIMEOUT
           : rc == YOKE_ENOMEM    ? YOKE_CAUSE_MEMORY
           : rc == YOKE_ECANCELED ? YOKE_CAUSE_CANCELED
                                  : YOKE_CAUSE_FAILED;
}

void yk_task_forget(yoke_task *t)
{
    if (t->emitted_at)
        t->block->emitted.len = t->emitted_at - 1;
    t->emitted_at = 0;
}

/* Forgets what a failed attempt left; true when there is to be another. */
static bool after_failure(yoke_task *t, yk_block *b, void *out, int rc)
{
    yk_task_forget(t);
    if (t->work->out_size)
        memset(out, 0, t->work->out_size);
    if (t->attempt <= t->work->retries && !is_stopped(t)) {
        pause_before(t, t->attempt + 1);
        return true;
    }
    yk_mishap m = {.index = t->index, .shown = yoke_task_index(t), .cause = cause_of(rc), .attempt = t->attempt, .why = t->why};
    if (!m.why.code) {
        m.why.code = rc;
        m.why.text[0] = '\0';
    }
    if (b->bad)
        b->bad[t->index - b->lo] = 1;
    yk_block_fail(b, &m);
    return false;
}

static void put_back(yoke_task *t)
{
    t->emitted_at = 0;
    if (t->arena.blocks)
        yk_arena_clear(&t->arena);
    t->left = 0;
}

static void run_task(yoke_task *t, yk_block *b, uint32_t i)
{
    const yk_work *w = t->work;
    const void    *in = b->in ? b->in + (size_t)i * w->in_size : NULL;
    void          *out = b->out + (size_t)i * w->out_size;
    t->index = b->lo + i;
    t->attempt = i == b->first ? b->first_attempt : 1;
    uint64_t began = b->times ? yk_now_ns() : 0;
    int      rc;
    while ((rc = attempt(t, in, out)) < 0 && after_failure(t, b, out, rc)) {
        t->attempt++;
        began = b->times ? yk_now_ns() : 0;
    }
    put_back(t);
    if (b->times)
        b->times[i] = (yk_times){atomic_fetch_add(t->finished, 1), (double)(yk_now_ns() - began) * 1e-9, t->worker, t->attempt,
                                 t->pid, t->tid};
}

/* Results are zeroed a batch at a time, so that they are still in cache when they are written. */
static uint32_t batch_of(size_t out_size)
{
    enum { BYTES = 4096, TASKS = 1024 };
    return out_size > BYTES ? 1 : out_size * TASKS > BYTES ? (uint32_t)(BYTES / out_size) : TASKS;
}

/* After a task that failed, left something behind, or is the last of a stopped run: whether there are to be more. */
static __attribute__((noinline)) bool tidy_up(yoke_task *t, yk_block *b, const void *in, void *out, int rc)
{
    if (rc < 0) {
        while (after_failure(t, b, out, rc)) {
            t->attempt++;
            if ((rc = attempt(t, in, out)) >= 0)
                break;
        }
        t->attempt = 1;
    }
    if (t->why.code)
        yoke_error_clear(&t->why);
    put_back(t);
    return !is_stopped(t);
}

/* Where run_plain stands. */
typedef struct plain {
    yoke_task           *t;
    yk_block            *b;
    uint64_t             i;
    const unsigned char *in;
    unsigned char       *out;
    size_t               in_step, out_step;
    const atomic_int    *stop, *cancel;
} plain;

/* All that says that something is to be seen to is negative, so that one look finds it. The function is read from memory each
 * time: called out of a register, processors have been seen to fall into taking two cycles more for it, and to stay there.
 * False: there are to be no more. */
static inline __attribute__((always_inline)) bool run_one(plain *p)
{
    p->t->index = p->i++;
    int rc = p->t->work->task(p->t, p->in, p->out), signs = rc | p->t->left;
    signs |= atomic_load_explicit(p->stop, memory_order_relaxed) | atomic_load_explicit(p->cancel, memory_order_relaxed);
    if (__builtin_expect(signs < 0, 0) && !tidy_up(p->t, p->b, p->in, p->out, rc))
        return false;
    p->in += p->in_step;
    p->out += p->out_step;
    return true;
}

enum { SHORT_BLOCK = 1024 }; /* tasks, from which on they are short */

static inline __attribute__((always_inline)) bool run_four(plain *p) { return run_one(p) && run_one(p) && run_one(p) && run_one(p); }

/* The shortest way through tasks of which nothing is asked but their results; stops before one that had failed before. Returns
 * the first that was not run. Sixteen calls are written out one behind the other: the processor foresees them better than a
 * loop around one, 1.1 against 1.3 ns a task. Only short tasks, which come in large blocks, are called from there: a call that has
 * seen two functions takes half as long again for either. */
static __attribute__((noinline)) uint32_t run_plain(yoke_task *t, yk_block *b, uint32_t first, uint32_t end)
{
    const yk_work *w = t->work;
    plain          p = {.t = t, .b = b, .i = b->lo + first, .out_step = w->out_size, .stop = t->stop};
    if (b->first_attempt > 1 && first == b->first)
        return first;
    p.in_step = b->in ? w->in_size : 0;
    p.in = b->in ? b->in + (size_t)first * w->in_size : NULL;
    p.out = b->out ? b->out + (size_t)first * w->out_size : NULL;
    p.cancel = w->cancel ? &w->cancel->level : t->stop;
    t->attempt = 1;
    uint64_t stop_at = b->lo + end, stop_short_at = b->n >= SHORT_BLOCK ? stop_at : 0;
    while (p.i + 16 <= stop_short_at && run_four(&p) && run_four(&p) && run_four(&p) && run_four(&p))
        ;
    while (p.i < stop_at && !is_stopped(t) && run_one(&p))
        ;
    return (uint32_t)(p.i - b->lo);
}

static _Thread_local unsigned depth; /* of blocks that this thread is running, one inside the other */

bool yk_exec_is_inside(void) { return depth > 0; }

int yk_task_run_here(yoke_task_fn *fn, uint64_t index, const void *item, void *result, yoke_error *ret_why)
{
    atomic_int stop = 0;
    yk_work    w = {.name = "submit"};
    yk_block   b = {.lo = index, .n = 1};
    yoke_task  t = {.index = index, .attempt = 1, .work = &w, .arena = YK_ARENA_INIT, .block = &b, .stop = &stop};
    depth++;
    int rc = fn(&t, item, result);
    depth--;
    *ret_why = t.why;
    yk_arena_fini(&t.arena);
    yk_buf_fini(&b.emitted);
    return rc;
}

void yk_block_run(yoke_task *t, yk_block *b)
{
    depth++;
    const yk_work *w = t->work;
    uint64_t       began = yk_now_ns();
    t->block = b;
    b->worker = t->worker;
    if (b->times) { /* once a block: system calls would cost more than a small task */
        t->pid = getpid();
        t->tid = (int32_t)syscall(SYS_gettid);
    }
    if (b->bad)
        memset(b->bad + b->first, 0, b->n - b->first);
    uint32_t i = b->first, batch = batch_of(w->out_size);
    while (i < b->n && !is_stopped(t)) {
        uint32_t end = b->n - i > batch ? i + batch : b->n;
        if (w->out_size)
            memset(b->out + (size_t)i * w->out_size, 0, (size_t)(end - i) * w->out_size);
        if (!t->after && !b->times && !w->timeout_ms)
            i = run_plain(t, b, i, end);
        for (; i < end && !is_stopped(t); i++) {
            run_task(t, b, i);
            if (t->after)
                t->after(t, i);
        }
    }
    b->n_done = i;
    if (w->pack && i == b->n && !b->rc)
        b->rc = w->pack(w->ctx, b, &b->why);
    b->busy_ns += yk_now_ns() - began;
    depth--;
}

void yk_mishap_describe(const yk_work *w, const yk_mishap *m, yoke_error *ret)
{
    char word[32];
    *ret = m->why;
    if (!ret->text[0])
        snprintf(ret->text, sizeof ret->text, "%s",
                 m->cause == YOKE_CAUSE_FAILED ? yoke_error_name(m->why.code)
                                               : yoke_cause_text(m->cause, m->status, word, sizeof word));
    if (m->attempt > 1)
        yk_fail_at(ret, ret->code, "task %llu of %s, attempt %u", (unsigned long long)m->shown, w->name, m->attempt);
    else
        yk_fail_at(ret, ret->code, "task %llu of %s", (unsigned long long)m->shown, w->name);
}
