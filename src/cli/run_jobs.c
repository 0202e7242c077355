/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/run_jobs.h"

#include "base/clock.h"
#include "base/file.h"
#include "jobs/causes.h"
#include "jobs/command.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct run_state {
    const yk_run_call *call;
    yk_printer        *printer;
    yk_progress       *progress;
    yk_causes          causes;
    uint64_t           n_ended;
    double             wall_sum, wall_squares; /* seconds, of the jobs that ended: what the time left is reckoned from */
    bool               was_deaf;
} run_state;

/* ---- while it runs */

static void time_text(double s, char *buf, size_t size)
{
    if (s < 100)
        snprintf(buf, size, "%.0f s", s);
    else if (s < 6000)
        snprintf(buf, size, "%.0f min", s / 60);
    else
        snprintf(buf, size, "%.1f h", s / 3600);
}

/* The time left as a range: the mean of the jobs so far, two standard errors to each side, and at the far end the longest tail
 * that one job may make. */
static void note_rest(run_state *st, unsigned at_once)
{
    char     note[160] = "", lo_text[24], hi_text[24];
    uint64_t n = st->n_ended, total = st->call->total;
    if (n > 0 && total != UINT64_MAX && n < total) {
        double mean = st->wall_sum / (double)n, rest = (double)(total - n);
        double sd = n > 1 ? sqrt(fmax(0, st->wall_squares / (double)n - mean * mean)) : mean;
        double spread = 2 * sd * sqrt(rest / (double)n + 1) * sqrt(rest);
        double lo = fmax(0, rest * mean - spread) / at_once, hi = (rest * mean + spread) / at_once + sd;
        time_text(lo, lo_text, sizeof lo_text);
        time_text(hi, hi_text, sizeof hi_text);
        if (strcmp(lo_text, hi_text) == 0)
            snprintf(note, sizeof note, "%s left", hi_text);
        else
            snprintf(note, sizeof note, "%s to %s left", lo_text, hi_text);
    }
    size_t used = strlen(note);
    for (size_t i = 0; i < st->causes.n && i < 4 && used < sizeof note; i++)
        used += (size_t)snprintf(note + used, sizeof note - used, "%s%llu %s", used ? ", " : "",
                                 (unsigned long long)st->causes.row[i].n, st->causes.row[i].cause);
    yk_progress_note(st->progress, note);
}

static int ended(void *ctx, yk_runner *run, const yk_record *r, const char *tag, yoke_error *err)
{
    run_state *st = ctx;
    double     wall = (double)r->wall_ns * 1e-9;
    if (r->out_len + r->err_len > 0)
        yk_progress_hide(st->progress);
    YK_TRY(yk_printer_take(st->printer, run, r, tag, err));
    if (yk_printer_is_deaf(st->printer) && !st->was_deaf) {
        st->was_deaf = true;
        yk_runner_drain(run, "nobody reads the output any more: starting no more jobs");
    }
    if (!r->is_last)
        return 0;
    st->n_ended++;
    st->wall_sum += wall;
    st->wall_squares += wall * wall;
    return yk_causes_add(&st->causes, r, err);
}

static void tick(void *ctx, yk_runner *run)
{
    run_state *st = ctx;
    unsigned   at_once = yk_runner_running(run); /* of more slots than limits allow, not all are at work */
    note_rest(st, at_once ? at_once : 1);
    yk_progress_update(st->progress, st->n_ended, st->causes.n_failed);
}

static void said(void *ctx, const char *text)
{
    run_state *st = ctx;
    yk_progress_hide(st->progress);
    yk_cli_warn(st->call->args, "%s", text);
}

/* ---- at the end */

static void put_word(yk_buf *b, const char *word)
{
    yk_buf_putc(b, ' ');
    yk_quote(b, word, strlen(word));
}

void yk_run_words(const yk_args *args, const char *folder, yk_buf *b)
{
    YK_AUTOBUF list = YK_BUF_INIT;
    bool       has_stdin = false, is_run = strcmp(args->verb->name, "run") == 0;
    yk_buf_printf(&list, "%s/list", folder);
    for (int i = 0; i < args->argc; i++)
        has_stdin |= strcmp(args->argv[i], "-") == 0;
    yk_buf_printf(b, "yoke %s", has_stdin ? "run" : args->verb->name);
    for (int i = 0; i < args->argc && (is_run || !has_stdin); i++)
        if (strcmp(args->argv[i], "--resume") != 0 && strcmp(args->argv[i], "--resume-failed") != 0)
            put_word(b, strcmp(args->argv[i], "-") == 0 ? yk_buf_text(&list) : args->argv[i]);
    if (has_stdin && !is_run)
        put_word(b, yk_buf_text(&list));
    if (has_stdin) {
        put_word(b, "--run");
        put_word(b, folder);
    }
}

void yk_run_words_print(FILE *to, const char *words, const char *option)
{
    const char *verb = strchr(words, ' '), *rest = verb ? strchr(verb + 1, ' ') : NULL;
    size_t      len = rest ? (size_t)(rest - words) : strlen(words);
    fprintf(to, "%.*s %s%s\n", (int)len, words, option, words + len);
}

static void print_again(const yk_run_call *c, const char *why, const char *option)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_run_words(c->args, c->run_folder, &b);
    if (b.is_failed)
        return;
    fprintf(stderr, "  %s: ", why);
    yk_run_words_print(stderr, b.data, option);
}

static void summarise(const run_state *st, double seconds, yk_run_end end)
{
    const yk_causes   *t = &st->causes;
    const yk_run_call *c = st->call;
    uint64_t           n = t->n_ok + t->n_failed + t->n_cancelled, all = c->total == UINT64_MAX ? n : c->total;
    YK_AUTOBUF         b = YK_BUF_INIT;
    yk_buf_printf(&b, "%llu of %llu jobs ok, %llu failed", (unsigned long long)t->n_ok, (unsigned long long)all,
                  (unsigned long long)t->n_failed);
    if (all > n)
        yk_buf_printf(&b, ", %llu not run", (unsigned long long)(all - n));
    yk_buf_printf(&b, " in %.*f s", seconds < 10 ? 2 : 0, seconds);
    if (c->n_before)
        yk_buf_printf(&b, "; %llu had ended before", (unsigned long long)c->n_before);
    if (c->n_failed_before)
        yk_buf_printf(&b, ", %llu of them failed", (unsigned long long)c->n_failed_before);
    if (c->run_folder)
        yk_buf_printf(&b, "; the run is in %s", c->run_folder);
    yk_cli_warn(c->args, "%s", yk_buf_text(&b));
    yk_causes_print(t, stderr);
    if (c->run_folder && (end != YK_RUN_COMPLETE || t->n_cancelled))
        print_again(c, "to go on", "--resume");
    if (c->run_folder && t->n_failed + c->n_failed_before)
        print_again(c, "to run again what failed", "--resume-failed");
}

static int exit_code(const run_state *st, yk_run_end end)
{
    if (end == YK_RUN_INTERRUPTED)
        return YK_EXIT_INTERRUPTED;
    bool is_well = !st->causes.n_failed && !st->causes.n_cancelled && !st->call->n_failed_before && end != YK_RUN_HALTED;
    return is_well ? YK_EXIT_OK : YK_EXIT_FAILED;
}

static int run_and_tell(run_state *st, yoke_error *err)
{
    const yk_run_call    *c = st->call;
    const yk_runner_hooks hooks = {.ctx = st, .ended = ended, .tick = tick, .said = said};
    yk_run_end            end = YK_RUN_COMPLETE;
    double                begun = yk_now();
    YK_TRY(yk_runner_run(&c->opts->runner, &c->source, c->journal, c->store, &hooks, &end, err));
    YK_TRY(yk_printer_finish(st->printer, err));
    yk_progress_end(YK_TAKE(st->progress));
    if (st->causes.n > 0 || c->run_folder)
        summarise(st, yk_now() - begun, end);
    return exit_code(st, end);
}

int yk_run_call_do(const yk_run_call *c)
{
    run_state  st = {.call = c};
    yoke_error err = YOKE_ERROR_INIT;
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away ends the run in order */
    if (c->opts->nice)
        setpriority(PRIO_PROCESS, 0, c->opts->nice);
    st.progress = yk_progress_start(c->args->verb->name, "jobs", c->total, c->opts->progress);
    int rc = c->opts->printer.folder ? yk_file_make_dirs(c->opts->printer.folder, &err) : 0;
    if (rc == 0)
        rc = yk_printer_new(&c->opts->printer, c->store, stdout, stderr, &st.printer, &err);
    if (rc == 0)
        rc = run_and_tell(&st, &err);
    yk_progress_end(st.progress);
    yk_printer_free(st.printer);
    yk_causes_fini(&st.causes);
    if (rc >= 0)
        return rc;
    rc = yk_cli_failed(c->args, &err);
    if (c->run_folder)
        print_again(c, "when that is mended, to go on", "--resume");
    return rc;
}
