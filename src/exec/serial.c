/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `serial`: the caller runs one block after the other, each when its results are asked for.
 */
#include "exec/exec.h"

#include "base/clock.h"
#include "exec/feed.h"

#include <unistd.h>

typedef struct serial_run {
    yk_run        run;
    yk_feed       feed;
    yoke_task     task;
    atomic_int    stop;
    atomic_ullong finished;
} serial_run;

static int serial_open(unsigned workers, yk_exec **ret, yoke_error *err)
{
    yk_exec *ex = yk_new(yk_exec);
    if (!ex)
        return yk_fail_nomem(err, "opening a session");
    *ex = (yk_exec){.ops = &yk_exec_serial, .workers = workers, .pid = getpid()};
    *ret = ex;
    return 0;
}

static void serial_end(yk_run *run)
{
    serial_run *r = (serial_run *)run;
    if (r->task.has_started && r->run.work.stop)
        r->run.work.stop(r->run.work.ctx, r->task.state);
    yk_arena_fini(&r->task.arena);
    yk_feed_fini(&r->feed);
    yk_free(r);
}

static int serial_begin(yk_exec *ex, const yk_work *w, yk_run **ret, yoke_error *err)
{
    serial_run *r = yk_new(serial_run);
    if (!r)
        return yk_fail_nomem(err, "starting a run");
    r->run = (yk_run){.ops = &yk_exec_serial, .exec = ex, .work = *w};
    r->task = (yoke_task){.work = &r->run.work, .stop = &r->stop, .finished = &r->finished, .arena = YK_ARENA_INIT};
    int rc = yk_feed_init(&r->feed, &r->run.work, 1, err);
    if (rc < 0) {
        yk_free(r);
        return rc;
    }
    *ret = &r->run;
    return 0;
}

static int serial_next(yk_run *run, uint64_t wait_ns, yk_block **ret, yoke_error *err)
{
    serial_run *r = (serial_run *)run;
    if (!r->task.has_started && r->run.work.start)
        YK_TRY(r->run.work.start(r->run.work.ctx, &r->task.state, err));
    r->task.has_started = true;
    yk_block *b;
    int       rc = yk_feed_claim(&r->feed, &b, err);
    if (rc == 0 && r->feed.is_later) { /* nobody else brings more: time does */
        r->feed.is_later = false;
        usleep((useconds_t)((wait_ns < YK_ASK_NS ? wait_ns : YK_ASK_NS) / 1000));
        return YK_NEXT_WAITED;
    }
    if (rc <= 0)
        return rc;
    yk_block_run(&r->task, b);
    yk_feed_done(&r->feed, b);
    r->run.n_ended = r->feed.n_ended;
    *ret = yk_feed_deliver(&r->feed);
    return YK_NEXT_BLOCK;
}

static void serial_release(yk_run *run, yk_block *b)
{
    yk_feed_release(&((serial_run *)run)->feed, b);
}

static void serial_halt(yk_run *run, bool now)
{
    serial_run *r = (serial_run *)run;
    (void)now;
    atomic_store(&r->stop, -1);
    yk_feed_end(&r->feed);
}

static void serial_close(yk_exec *ex) { yk_free(ex); }

const yk_exec_ops yk_exec_serial = {.abi = YK_EXEC_ABI,
                                    .name = "serial",
                                    .has_count = false,
                                    .is_local = true,
                                    .open = serial_open,
                                    .begin = serial_begin,
                                    .next = serial_next,
                                    .release = serial_release,
                                    .halt = serial_halt,
                                    .end = serial_end,
                                    .close = serial_close};
