/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a task asks and says; cancelling and shared memory, which live in pages that worker processes see too.
 */
#include "exec/task.h"

#include "base/clock.h"
#include "exec/work.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

uint64_t yoke_task_index(const yoke_task *t) { return t->index + t->renamed; }
unsigned yoke_task_attempt(const yoke_task *t) { return t->attempt; }
unsigned yoke_task_worker(const yoke_task *t) { return t->worker; }
void *yoke_task_ctx(const yoke_task *t) { return t->work->user_ctx; }
uint64_t yoke_task_seed(const yoke_task *t) { return t->work->seed; }
void *yoke_task_state(const yoke_task *t) { return t->state; }
void *yoke_task_scratch(yoke_task *t, size_t size) { return yk_arena_alloc(yk_task_arena(t), size); }

yk_arena *yk_task_arena(yk_task *t)
{
    t->left = -1;
    return &t->arena;
}

bool yoke_task_is_canceled(const yoke_task *t)
{
    return atomic_load_explicit(t->stop, memory_order_relaxed) || yk_cancel_level(t->work->cancel) ||
           (t->deadline_ns && yk_now_ns() > t->deadline_ns);
}

/* A task's record is opened by its first piece and is the last of its block's; further pieces make it longer. */
yk_buf *yk_task_bytes(yk_task *t)
{
    yk_buf *b = &t->block->emitted;
    yk_emit e = {t->index, 0};
    if (!t->emitted_at) {
        t->emitted_at = b->len + 1;
        t->left = -1;
        yk_buf_append(b, &e, sizeof e);
    }
    return b->is_failed ? NULL : b;
}

int yk_task_emit(yk_task *t, const void *bytes, size_t n, yoke_error *err)
{
    yk_buf *b = yk_task_bytes(t);
    if (b)
        yk_buf_append(b, bytes, n);
    if (!b || b->is_failed)
        return yk_fail_nomem(err, "keeping a task's result");
    yk_emit e = {t->index, b->len - (t->emitted_at - 1) - sizeof e};
    memcpy(b->data + t->emitted_at - 1, &e, sizeof e);
    return 0;
}

int yoke_task_emit(yoke_task *t, const void *bytes, size_t n)
{
    return yk_task_emit(t, bytes, n, &t->why);
}

int yoke_task_fail(yoke_task *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    t->why.code = YOKE_ETASK;
    t->why.sys = 0;
    vsnprintf(t->why.text, sizeof t->why.text, fmt, ap);
    va_end(ap);
    t->left = -1;
    return YOKE_ETASK;
}

static const char *const signal_names[] = {
    [1] = "HUP",   [2] = "INT",   [3] = "QUIT",  [4] = "ILL",   [5] = "TRAP",    [6] = "ABRT",  [7] = "BUS",   [8] = "FPE",
    [9] = "KILL",  [10] = "USR1", [11] = "SEGV", [12] = "USR2", [13] = "PIPE",   [14] = "ALRM", [15] = "TERM", [24] = "XCPU",
    [25] = "XFSZ", [31] = "SYS"};

const char *yoke_cause_text(yoke_cause cause, int status, char *buf, size_t size)
{
    static const char *const word[] = {
        [YOKE_CAUSE_NONE] = "",         [YOKE_CAUSE_FAILED] = "failed", [YOKE_CAUSE_MEMORY] = "out of memory",
        [YOKE_CAUSE_TIMEOUT] = "timed out", [YOKE_CAUSE_CANCELED] = "cancelled"};
    size_t      n = sizeof signal_names / sizeof *signal_names;
    const char *name = status > 0 && (size_t)status < n ? signal_names[status] : NULL;
    if (cause == YOKE_CAUSE_EXITED)
        snprintf(buf, size, "exited %d", status);
    else if (cause == YOKE_CAUSE_SIGNAL && name)
        snprintf(buf, size, "signal %s", name);
    else if (cause == YOKE_CAUSE_SIGNAL)
        snprintf(buf, size, "signal %d", status);
    else
        return (size_t)cause < sizeof word / sizeof *word ? word[cause] : "";
    return buf;
}

void *yoke_shared_new(size_t size, yoke_error *err)
{
    void *p = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        return p;
    yk_fail_errno(err, "no %zu bytes of shared memory", size);
    return NULL;
}

void yoke_shared_free(void *p, size_t size)
{
    if (p)
        munmap(p, size ? size : 1);
}

yoke_cancel *yoke_cancel_new(yoke_error *err) { return yoke_shared_new(sizeof(yoke_cancel), err); }
void yoke_cancel_set(yoke_cancel *c)
{
    if (c)
        atomic_fetch_sub(&c->level, 1);
}

bool yoke_cancel_is_set(const yoke_cancel *c) { return yk_cancel_level(c) > 0; }
void yoke_cancel_free(yoke_cancel *c) { yoke_shared_free(c, sizeof *c); }
