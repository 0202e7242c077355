/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke map FILE.c:function: the function loaded, bound to the items, and run; results printed or folded.
 */
#include "cli/map_function.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Ctrl-C or SIGTERM. The first lets running items end, the second stops at once: worker processes are ended by the library, but
 * threads cannot be; then what is printed is written and the program ends. */

static yoke_cancel   *cancel;
static yk_map_output *interrupted_output; /* NULL: none */
static int            wake_fd;            /* 0: none */
static volatile int   interrupts;

static void on_interrupt(int signal)
{
    static const uint64_t one = 1;
    (void)signal;
    yoke_cancel_set(cancel);
    if (wake_fd) /* whoever waits for items, in whatever thread, waits no longer */
        (void)!write(wake_fd, &one, sizeof one);
    if (++interrupts < 2)
        return;
    yk_map_output *o = interrupted_output;
    if (o && !o->is_busy && o->text.len > 0)
        (void)!write(o->fd, o->text.data, o->text.len);
    _exit(YK_EXIT_INTERRUPTED);
}

static int catch_interrupts(yk_map_output *o, int wakes, yoke_error *err)
{
    cancel = yoke_cancel_new(err);
    if (!cancel)
        return YOKE_ENOMEM;
    interrupted_output = o;
    wake_fd = wakes;
    struct sigaction a = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    return 0;
}

static void leave_interrupts(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    interrupted_output = NULL;
    wake_fd = 0;
    yoke_cancel_free(cancel);
    cancel = NULL;
}

/* ---- What a function does to the whole command. A crash or an exit in a thread ends it; it shall at least say what would not have. */

static pid_t caller; /* whose threads call functions; 0: none do */

static void on_crash(int number)
{
    static const char text[] = "yoke map: the function crashed, and everything with it; with --on processes only its item fails\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    signal(number, SIG_DFL);
    raise(number);
}

static void on_exit_called(void)
{
    static const char text[] =
        "yoke map: the function called exit, and everything ended with it; with --on processes only its item fails\n";
    if (caller != getpid())
        return;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(YK_EXIT_FAILED);
}

static void catch_crashes(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction a = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &a, NULL);
    caller = atexit(on_exit_called) == 0 ? getpid() : 0;
}

/* A function that has overflown the stack leaves on_crash none: each thread keeps one for it. */
void yk_map_run_enter(void)
{
    static _Thread_local bool has_entered;
    static _Thread_local char spare[32 << 10];
    stack_t                   now;
    if (has_entered)
        return;
    has_entered = true;
    if (sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_DISABLE)
        sigaltstack(&(stack_t){.ss_sp = spare, .ss_size = sizeof spare}, NULL);
}

/* What functions print goes to standard error, a line at a time: standard output has results alone. */
static void part_outputs(yk_map_run *r)
{
    fflush(stdout);
    r->output.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (r->output.fd >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

static void join_outputs(yk_map_run *r)
{
    fflush(stdout);
    if (r->output.fd < 0)
        return;
    dup2(r->output.fd, STDOUT_FILENO);
    close(r->output.fd);
}

/* ---- the session */

static yoke_session *open_session(const yk_map_asked *m, yoke_error *err)
{
    char        words[64];
    const char *on = m->on ? m->on : getenv("YOKE_ON");
    if (!on || !*on)
        on = m->run.runner.timeout_ns ? "processes" : "threads"; /* only processes can be stopped */
    if (m->run.runner.slots && m->on && strchr(m->on, ':')) {
        yk_fail(err, YOKE_EINVALID, "--on %s and -j %u both say how many; give one", m->on, m->run.runner.slots);
        return NULL;
    }
    if (m->run.runner.slots && strcmp(on, "serial") != 0)
        snprintf(words, sizeof words, "%.*s:%u", (int)strcspn(on, ":") & 31, on, m->run.runner.slots);
    else
        snprintf(words, sizeof words, "%s", on);
    yoke_session *s = yoke_open(words, err);
    if (s && strcmp(yoke_session_executor(s), "processes") != 0)
        catch_crashes();
    return s;
}

/* ---- running */

static int run_task(yoke_task *t, const void *item, void *result)
{
    const yk_map_run *r = yoke_task_ctx(t);
    yk_map_run_enter();
    return yk_binding_call(&r->binding, t, r->is_stream ? item : NULL, result);
}

static int start_worker(void *ctx, void **ret_room, yoke_error *err)
{
    const yk_map_run *r = ctx;
    *ret_room = yk_items_room_new(r->asked->items, err);
    return *ret_room ? 0 : YOKE_ENOMEM;
}

static void stop_worker(void *ctx, void *room) { yk_items_room_free(room); }

/* The next item of a stream, in slots. */
static int next_item(void *ctx, void *ret_item, yoke_error *err)
{
    yk_map_run *r = ctx;
    if (yoke_cancel_is_set(cancel))
        return 0;
    int got = yk_items_next(r->asked->items, r->fields, err);
    if (yoke_cancel_is_set(cancel)) /* what was read may be cut short */
        return 0;
    bool keeps_wrong = r->asked->on_error != YOKE_RAISE;
    YK_TRY(got > 0 ? yk_binding_pack(&r->binding, r->n_read++, r->fields, r->transit, keeps_wrong, ret_item, err) : got);
    return got;
}

static int is_ready(void *ctx) { return yoke_cancel_is_set(cancel) || yk_items_is_ready(((yk_map_run *)ctx)->asked->items); }

yoke_items yk_map_run_items(yk_map_run *r)
{
    if (!r->is_stream)
        return yoke_items_range(yk_items_count(r->asked->items));
    yoke_items i = yoke_items_from(next_item, r, yk_binding_packed(&r->binding));
    i.is_ready = is_ready;
    return i;
}

/* Lines of results do not run into the bar when both are on one terminal. */
static void make_room(yk_map_run *r)
{
    if (r->is_terminal)
        yk_progress_hide(r->progress);
}

static void on_progress(void *ctx, const yoke_progress *p)
{
    yk_map_run *r = ctx;
    yoke_error  ignored = YOKE_ERROR_INIT; /* it comes again with the next write */
    r->n_failed_told = p->failed;
    if (interrupts > 0 && !r->told_interrupt && p->done < p->total) {
        yk_progress_hide(r->progress);
        yk_cli_warn(r->asked->args, "interrupted: starting no more, waiting for what runs; once more stops now");
        r->told_interrupt = true;
    }
    if (r->output.text.len > 0) {
        make_room(r);
        (void)!yk_map_output_flush(&r->output, &ignored);
    }
    yk_progress_update(r->progress, p->done, p->failed);
}

yoke_map_opts yk_map_run_opts(yk_map_run *r)
{
    const yk_map_asked *m = r->asked;
    yoke_map_opts       o = YOKE_MAP_OPTS_INIT;
    uint64_t            ms = (m->run.runner.timeout_ns + 999999) / 1000000;
    o.name = r->kernel->f->name;
    o.ctx = r;
    o.seed = m->seed;
    o.chunk = m->chunk;
    o.on_error = YOKE_IGNORE;
    o.retries = m->run.runner.retries;
    o.timeout_ms = ms > UINT32_MAX ? UINT32_MAX : (unsigned)ms;
    o.unordered = m->is_unordered;
    o.cancel = cancel;
    o.worker_start = start_worker;
    o.worker_stop = stop_worker;
    o.on_progress = on_progress;
    o.callback_ctx = r;
    return o;
}

void yk_map_run_complain(yk_map_run *r, uint64_t index, unsigned attempt, yoke_cause cause, int status, const char *text)
{
    char        where[256], word[32];
    const char *said = yoke_cause_text(cause, status, word, sizeof word);
    r->n_failed++;
    if (r->asked->on_error == YOKE_IGNORE || r->n_failed > 20)
        return;
    if (yk_items_count(r->asked->items) != UINT64_MAX)
        yk_items_where(r->asked->items, index, YK_WHOLE_ITEM, where, sizeof where);
    else
        snprintf(where, sizeof where, "item %llu", (unsigned long long)index);
    yk_progress_hide(r->progress);
    yk_cli_warn(r->asked->args, "%s%s%s", where, attempt > 1 ? ", last attempt: " : ": ", text[0] ? text : said);
    if (r->n_failed == 20 && r->asked->on_error == YOKE_COLLECT)
        yk_cli_warn(r->asked->args, "further failures are counted, not shown");
}

/* All outcomes, as they come. 1: ended early by a failure that was said. */
static int take_outcomes(yk_map_run *r, yoke_imap *it, yoke_error *err)
{
    yoke_outcome o;
    int          rc;
    while ((rc = yoke_imap_next(it, &o, err)) > 0) {
        if (r->transit)
            yk_transit_done(r->transit, o.index);
        if (o.error && o.cause == YOKE_CAUSE_CANCELED)
            continue;
        bool ends = o.error && r->asked->on_error == YOKE_RAISE;
        make_room(r);
        if (!ends || r->asked->is_json)
            YK_TRY(yk_map_output_put(&r->output, &o, err));
        if (!o.error)
            continue;
        YK_TRY(yk_map_output_flush(&r->output, err));
        yk_map_run_complain(r, o.index, o.attempt, o.cause, o.status, o.error->text);
        if (ends)
            return 1;
    }
    return rc;
}

static int run_map(yk_map_run *r, yoke_session *s, yoke_error *err)
{
    yoke_map_opts o = yk_map_run_opts(r);
    YK_TRY(yk_map_output_begin(&r->output, r->asked, &r->binding, err));
    yoke_imap *it = yoke_imap_open(s, run_task, yk_map_run_items(r), (size_t)r->binding.n_out * YK_BINDING_SLOT, &o, err);
    if (!it)
        return err->code;
    int rc = take_outcomes(r, it, err);
    yoke_error ignored = YOKE_ERROR_INIT;
    if (rc != 0) /* the file of results is not completed, but lines that are done are printed */
        (void)!yk_map_output_flush(&r->output, &ignored);
    yoke_imap_close(it);
    return rc == 0 ? yk_map_output_commit(&r->output, err) : rc;
}

/* ---- from words to exit code */

static int prepare(yk_map_run *r, yoke_error *err)
{
    YK_AUTOBUF messages = YK_BUF_INIT;
    int        rc = yk_kernel_open(r->asked->target, &messages, &r->kernel, err);
    if (messages.len > 0)
        fwrite(yk_buf_text(&messages), 1, messages.len, stderr);
    YK_TRY(rc);
    YK_TRY(yk_binding_init(&r->binding, r->kernel, r->asked->items, err));
    if (yk_items_count(r->asked->items) == UINT64_MAX && !r->binding.is_plain && r->asked->reduce)
        YK_TRY(yk_items_load(r->asked->items, err)); /* a fold does not say which items it is done with */
    r->is_stream = yk_items_count(r->asked->items) == UINT64_MAX;
    if (r->is_stream && (!r->binding.is_plain || r->asked->on_error != YOKE_RAISE) && !(r->transit = yk_transit_new(err)))
        return YOKE_ENOMEM;
    r->fields = yk_new_array(yk_field, yk_items_width(r->asked->items));
    if (!r->fields)
        return yk_fail_nomem(err, "reading items");
    return r->asked->on_error == YOKE_RAISE ? yk_binding_check(&r->binding, err) : 0; /* else an item that does not fit fails alone */
}

static int run_all(yk_map_run *r, yoke_error *err)
{
    YK_TRY(prepare(r, err));
    yoke_session *s = open_session(r->asked, err);
    if (!s)
        return err->code;
    int rc = catch_interrupts(&r->output, r->asked->wake_fd, err);
    r->progress = yk_progress_start(r->kernel->f->name, "items", yk_items_count(r->asked->items), r->asked->run.progress);
    if (rc == 0)
        rc = r->asked->reduce ? yk_map_fold(r, s, err) : run_map(r, s, err);
    yk_progress_end(r->progress);
    r->progress = NULL;
    leave_interrupts();
    yoke_close(s);
    caller = 0;
    return rc;
}

static int conclude(const yk_map_run *r, int rc, const yoke_error *err)
{
    unsigned long long n = r->n_failed;
    const char        *s = n == 1 ? "" : "s";
    if (interrupts > 0) {
        yk_cli_warn(r->asked->args, "interrupted; %s", r->asked->reduce   ? "there is no result"
                                                       : r->asked->output ? "no file was written"
                                                                          : "what was done is printed");
        return YK_EXIT_INTERRUPTED;
    }
    if (n > 0 && r->asked->on_error == YOKE_IGNORE)
        yk_cli_warn(r->asked->args, "%llu item%s failed and %s left out", n, s, n == 1 ? "was" : "were");
    if (n > 0 && r->asked->on_error == YOKE_COLLECT)
        yk_cli_warn(r->asked->args, "%llu item%s failed", n, s);
    if (rc < 0)
        return yk_cli_failed(r->asked->args, err);
    return n > 0 && r->asked->on_error != YOKE_IGNORE ? YK_EXIT_FAILED : YK_EXIT_OK;
}

int yk_map_function(const yk_map_asked *m)
{
    yk_map_run r = {.asked = m, .is_terminal = isatty(STDOUT_FILENO)};
    yoke_error err = YOKE_ERROR_INIT;
    part_outputs(&r);
    int rc = run_all(&r, &err);
    join_outputs(&r);
    int code = conclude(&r, rc, &err);
    yk_map_output_fini(&r.output);
    yk_transit_free(r.transit);
    yk_free(r.fields);
    yk_kernel_free(r.kernel);
    return code;
}
