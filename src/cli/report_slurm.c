/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/report_slurm.h"

#include "base/clock.h"
#include "base/file.h"
#include "jobs/store.h"
#include "slurm/autopsy.h"
#include "slurm/dsq.h"
#include "slurm/script.h"
#include "slurm/slurm_run.h"
#include "slurm/states.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool yk_report_is_slurm(const char *what)
{
    uint64_t    job;
    const char *rest;
    return (yk_job_id_parse(what, &job, &rest) && !*rest && !strpbrk(what, ".+_")) || yk_slurm_run_is(what);
}

/* ---- why: causes of what went wrong, with the first line of each */

enum { N_CAUSES = 12 };

typedef struct why {
    yk_record r;       /* of the first line; text and tail are not kept */
    char      word[32];
    uint64_t  n;
    char      tail[400]; /* last words of the first line's standard error */
} why;

typedef struct causes {
    why      cause[N_CAUSES];
    unsigned n;
    uint64_t others;
} causes;

static void count_cause(causes *c, const yk_line_state *line)
{
    char      word[32];
    yk_record r = {.line = line->line, .cause = (yk_cause)line->cause, .exit_code = line->exit_code, .signal = line->signal,
                   .start_ns = line->start_ns};
    yk_record_cause(&r, word, sizeof word);
    for (unsigned i = 0; i < c->n; i++)
        if (strcmp(c->cause[i].word, word) == 0) {
            c->cause[i].n++;
            return;
        }
    if (c->n == N_CAUSES) {
        c->others++;
        return;
    }
    why *w = &c->cause[c->n++];
    *w = (why){.r = r, .n = 1};
    snprintf(w->word, sizeof w->word, "%s", word);
}

static int take_tail(void *ctx, const yk_scan_session *s, const yk_record *r)
{
    causes *c = ctx;
    (void)s;
    for (unsigned i = 0; i < c->n; i++) {
        why *w = &c->cause[i];
        if (w->r.line == r->line && w->r.start_ns == r->start_ns && r->tail_len)
            snprintf(w->tail, sizeof w->tail, "%.*s", (int)r->tail_len, r->tail);
    }
    return 0;
}

static void print_tail(const char *tail)
{
    while (*tail) {
        size_t len = strcspn(tail, "\n");
        if (len)
            fprintf(stderr, "      | %.*s\n", (int)len, tail);
        tail += len + (tail[len] == '\n');
    }
}

static int print_causes(const yk_slurm_run *run, const yk_states *s, yoke_error *err)
{
    causes         c = {.n = 0};
    yk_scan_reader reader = {.ctx = &c, .end = take_tail};
    for (size_t i = 0; i < s->n; i++) {
        const yk_line_state *line = &s->line[i];
        if (line->session && yk_cause_is_done((yk_cause)line->cause) && line->cause != YK_CAUSE_OK)
            count_cause(&c, line);
    }
    if (!c.n)
        return 0;
    YK_TRY(yk_scan(run, &reader, err));
    fputs("\nWhat went wrong:\n", stderr);
    for (unsigned i = 0; i < c.n; i++) {
        const why *w = &c.cause[i];
        fprintf(stderr, "  %-16s %" PRIu64 " line%s, first %" PRIu64 "\n", w->word, w->n, w->n == 1 ? "" : "s", w->r.line);
        print_tail(w->tail);
    }
    if (c.others)
        fprintf(stderr, "  and %" PRIu64 " lines for other reasons\n", c.others);
    return 0;
}

/* ---- what waits, and why */

static void print_waiting(const yk_states *s)
{
    uint64_t n[YK_STATE_NAMES] = {0};
    for (size_t i = 0; i < s->n; i++)
        if (yk_state_is(s->name[s->line[i].state], "PENDING"))
            n[s->line[i].reason]++;
    for (unsigned i = 0; i < s->n_reasons; i++)
        if (n[i] && s->reason[i][0])
            fprintf(stderr, "%" PRIu64 " waiting: %s (%s)\n", n[i], yk_queue_reason(s->reason[i]), s->reason[i]);
    if (s->trouble[0])
        fprintf(stderr, "Slurm could not be asked: %s\n", s->trouble);
}

/* What the user may type next. */
static void print_advice(const yk_slurm_run *run, const yk_states *s, uint64_t n_rest)
{
    double     total = 0;
    uint64_t   n = 0, n_failed = 0;
    YK_AUTOBUF folder = YK_BUF_INIT;
    yk_script_shell(&folder, run->folder);
    for (size_t i = 0; i < s->n; i++) {
        const yk_line_state *line = &s->line[i];
        if (line->cause == YK_CAUSE_OK)
            total += (double)line->wall_ns * 1e-9, n++;
        else
            n_failed += line->session && yk_cause_is_done((yk_cause)line->cause);
    }
    if (n >= 20 && total / (double)n < 0.2 && !run->part[run->n_parts - 1].pack)
        fprintf(stderr, "\nThe lines took %.2f s each, less than Slurm needs to start a task: next time, 'yoke submit --pack auto'.\n",
                total / (double)n);
    if (n_rest && !s->is_active)
        fprintf(stderr, "\nTo go on with what has not run to its end: yoke submit --resume %s\n", yk_buf_text(&folder));
    if (n_failed && !s->is_active)
        fprintf(stderr, "\nTo run again what failed%s: yoke submit --resume-failed %s\n", n_rest ? ", too" : "", yk_buf_text(&folder));
}

/* ---- lines to run again */

static int print_again(const yk_slurm_run *run, const yk_states *s, const char *states, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    bool   is_wanted[YK_STATE_NAMES] = {false};
    yk_job job;
    int    rc;
    for (unsigned i = 0; i < s->n_names; i++) {
        yk_tally_row g = {.n = 0};
        snprintf(g.state, sizeof g.state, "%s", s->name[i]);
        is_wanted[i] = yk_tally_is_listed(&g, states);
    }
    YK_TRY(yk_slurm_run_jobs(run, &f, err));
    while ((rc = yk_jobfile_next(f, &job, err)) > 0)
        if (job.index < s->n && is_wanted[s->line[job.index].state])
            printf("%.*s\n", (int)job.len, job.text);
    return rc;
}

/* ---- the whole */

static void print_times(const yk_slurm_run *run, const yk_states *s)
{
    char   when[32] = "never";
    time_t asked = (time_t)(s->asked_ns / 1000000000u);
    struct tm tm;
    if (s->asked_ns)
        strftime(when, sizeof when, "%H:%M:%S", localtime_r(&asked, &tm));
    fprintf(stderr, "%s, %zu lines, in %s; Slurm was asked at %s\n", run->list, s->n, run->folder, when);
}

static uint64_t last_job(const yk_slurm_run *run)
{
    for (size_t i = run->n_parts; i-- > 0;)
        if (run->part[i].job)
            return run->part[i].job;
    return 0;
}

static int print_report(const yk_slurm_run *run, const yk_states *s, const char *states, int *ret_code, yoke_error *err)
{
    YK_CLEANUP(yk_tally_fini) yk_tally g = YK_TALLY_INIT;
    YK_AUTOBUF table = YK_BUF_INIT;
    uint64_t   n_rest = 0, n_bad = 0;
    YK_TRY(yk_states_group(s, &g, err));
    for (size_t i = 0; i < g.n; i++)
        if (!yk_state_is(g.row[i].state, "COMPLETED") && !yk_state_is_active(g.row[i].state))
            n_bad += g.row[i].n;
    for (size_t i = 0; i < s->n; i++)
        n_rest += !s->line[i].session || !yk_cause_is_done((yk_cause)s->line[i].cause);
    yk_tally_print(&g, last_job(run), &table);
    print_times(run, s);
    fputs(yk_buf_text(&table), stderr);
    print_waiting(s);
    YK_TRY(print_causes(run, s, err));
    print_advice(run, s, n_rest);
    YK_TRY(print_again(run, s, states, err));
    *ret_code = n_bad ? YK_EXIT_FAILED : YK_EXIT_OK;
    return 0;
}

/* One line of a log: "12:00:05  400 completed, 20 running, 580 pending (waits for free nodes)". */
static int print_progress(const yk_states *s, yoke_error *err)
{
    YK_CLEANUP(yk_tally_fini) yk_tally g = YK_TALLY_INIT;
    char      when[16];
    time_t    now = time(NULL);
    struct tm tm;
    YK_TRY(yk_states_group(s, &g, err));
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&now, &tm));
    fprintf(stderr, "%s ", when);
    for (size_t i = 0; i < g.n; i++)
        fprintf(stderr, "%s %" PRIu64 " %s", i ? "," : "", g.row[i].n, g.row[i].state);
    fputc('\n', stderr);
    return 0;
}

/* Until all lines have ended. Journals are looked at every few seconds, Slurm twice a minute at most. */
static int watch(const yk_slurm_run *run, yk_states **s, yoke_error *err)
{
    for (;;) {
        yk_states_free(YK_TAKE(*s));
        YK_TRY(yk_states_load(run, YK_ASKED_FRESH_S, s, err));
        if (!(*s)->is_active)
            return 0;
        YK_TRY(print_progress(*s, err));
        sleep((*s)->n > 100000 ? 15 : 2);
    }
}

/* ---- what one line printed */

typedef struct where { uint64_t line, chunk, start_ns; char *store; bool is_known; } where;

static int find_chunk(void *ctx, const yk_scan_session *s, const yk_record *r)
{
    where *w = ctx;
    if (r->line != w->line || r->start_ns < w->start_ns)
        return 0;
    YK_AUTOBUF path = YK_BUF_INIT;
    yk_buf_printf(&path, "%s.out", s->journal);
    yk_free(w->store);
    w->store = yk_strdup(yk_buf_text(&path));
    w->chunk = r->chunk;
    w->start_ns = r->start_ns;
    w->is_known = true;
    return 0;
}

static int print_bytes(void *ctx, int stream, const char *bytes, size_t n)
{
    (void)ctx;
    return fwrite(bytes, 1, n, stream == 2 ? stderr : stdout) == n ? 0 : YOKE_EIO;
}

static int print_output(const yk_slurm_run *run, uint64_t line, yoke_error *err)
{
    where          w = {.line = line};
    yk_scan_reader reader = {.ctx = &w, .end = find_chunk};
    int            rc = yk_scan(run, &reader, err);
    if (rc == 0 && !w.is_known)
        rc = yk_fail(err, YOKE_EABSENT, "line %" PRIu64 " has not ended yet, or is no job of this run", line);
    if (rc == 0 && w.chunk && w.store) {
        int fd = open(w.store, O_RDONLY | O_CLOEXEC);
        rc = fd < 0 ? yk_fail_errno(err, "'%s'", w.store) : yk_store_read(fd, w.store, w.chunk, 0, print_bytes, NULL, err);
        if (fd >= 0)
            close(fd);
    }
    yk_free(w.store);
    return rc;
}

static int report_run(const yk_args *args, const yk_slurm_run *run, const yk_report_slurm *o)
{
    YK_CLEANUP(yk_states_freep) yk_states *s = NULL;
    yoke_error err = YOKE_ERROR_INIT;
    uint64_t   line;
    int        code = YK_EXIT_OK, rc;
    if (o->output) {
        if (!yk_args_uint(args, "output", o->output, 0, UINT64_MAX, &line))
            return YK_EXIT_USAGE;
        rc = print_output(run, line, &err);
    } else {
        rc = o->is_watching ? watch(run, &s, &err) : yk_states_load(run, YK_ASKED_FRESH_S, &s, &err);
        if (rc == 0)
            rc = print_report(run, s, o->states ? o->states : YK_REPORT_STATES, &code, &err);
    }
    return rc < 0 ? yk_cli_failed(args, &err) : yk_cli_finish(args, code);
}

typedef struct again { const yk_tally *tally; const char *states; } again;

static int print_line(void *ctx, uint64_t line, const char *text, size_t len)
{
    const again *a = ctx;
    for (size_t i = 0; i < a->tally->n; i++)
        if (yk_tally_is_listed(&a->tally->row[i], a->states) && yk_lines_has(&a->tally->row[i].lines, line)) {
            printf("%.*s\n", (int)len, text);
            break;
        }
    return 0;
}

int yk_report_foreign(uint64_t job, const char *job_file, const char *states, yoke_error *err)
{
    YK_CLEANUP(yk_tally_fini) yk_tally t = YK_TALLY_INIT;
    YK_CLEANUP(yk_dsq_list_fini) yk_dsq_list list = {YK_BUF_INIT, YK_LINES_INIT};
    YK_AUTOBUF table = YK_BUF_INIT;
    again      a = {&t, states};
    if (job_file)
        YK_TRY(yk_dsq_list_open(job_file, &list, err));
    YK_TRY(yk_autopsy(job, ".", job_file ? &list.jobs : NULL, &t, err));
    yk_tally_print(&t, job, &table);
    fputs(yk_buf_text(&table), stderr);
    return yk_dsq_each(&list, print_line, &a);
}

int yk_report_slurm_print(const yk_args *args, const yk_report_slurm *o)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *run = NULL;
    yoke_error  err = YOKE_ERROR_INIT;
    char        unknown[64];
    const char *rest;
    uint64_t    job;
    if (o->states && yk_tally_unknown_state(o->states, unknown, sizeof unknown))
        return yk_cli_usage(args, "there is no state '%s'; a list of Slurm's, such as FAILED,TIMEOUT,CANCELLED,NODE_FAIL", unknown);
    int rc = yk_slurm_run_find(o->what, &run, &err);
    if (rc == 0)
        return report_run(args, run, o);
    if (rc != YOKE_EABSENT || !yk_job_id_parse(o->what, &job, &rest) || *rest)
        return yk_cli_failed(args, &err);
    yoke_error_clear(&err);
    if (yk_report_foreign(job, o->job_file, o->states ? o->states : YK_REPORT_STATES, &err) < 0)
        return yk_cli_failed(args, &err);
    return yk_cli_finish(args, YK_EXIT_OK);
}
