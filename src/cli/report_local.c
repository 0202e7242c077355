/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/report_local.h"

#include "base/near.h"
#include "cli/run_jobs.h"
#include "jobs/causes.h"
#include "jobs/command.h"
#include "jobs/formats.h"
#include "jobs/run_view.h"
#include "jobs/rundir.h"
#include "jobs/store.h"
#include "slurm/attempts.h"
#include "slurm/slurm_run.h"

#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <unistd.h>

/* A job id stands for its run folder. *ret is the caller's. */
static int find_folder(const char *what, char **ret, yoke_error *err)
{
    bool is_id = what[strspn(what, "0123456789")] == '\0' && access(what, F_OK) < 0;
    if (is_id) {
        YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *r = NULL;
        YK_TRY(yk_slurm_run_find(what, &r, err));
        what = r->folder;
        *ret = yk_strdup(what);
    } else {
        *ret = yk_strdup(what);
    }
    return *ret ? 0 : yk_fail_nomem(err, "reading a run");
}

/* Through Slurm, what ended an attempt may show only in a later one. */
static int write_format(const char *folder, yk_format format, yoke_error *err)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *run = NULL;
    YK_CLEANUP(yk_attempts_closep) yk_attempts  *attempts = NULL;
    if (!yk_slurm_run_is(folder))
        return yk_format_run(folder, format, NULL, stdout, err);
    YK_TRY(yk_slurm_run_open(folder, &run, err));
    YK_TRY(yk_attempts_open(run, &attempts, err));
    const yk_format_fix fix = {attempts, yk_attempts_session, yk_attempts_record};
    return yk_format_run(folder, format, &fix, stdout, err);
}

int yk_report_format(const yk_args *args, const char *run, const char *format)
{
    yoke_error        err = YOKE_ERROR_INIT;
    YK_AUTOFREE char *folder = NULL;
    yk_format         f;
    int               rc = yk_format_parse(format, &f, &err);
    if (rc == 0)
        rc = find_folder(run, &folder, &err);
    if (rc == 0)
        rc = write_format(folder, f, &err);
    return yk_cli_finish(args, rc < 0 ? yk_cli_failed(args, &err) : YK_EXIT_OK);
}

/* ---- --output */

static int pass_on(void *ctx, int stream, const char *bytes, size_t n)
{
    fwrite(bytes, 1, n, stream == 1 ? stdout : stderr);
    return 0;
}

typedef struct wanted { uint64_t line, chunk; bool is_found; } wanted;

static int look_for(void *ctx, uint64_t start, const yk_record *r)
{
    wanted *w = ctx;
    if (r->line == w->line) {
        w->is_found = true;
        w->chunk = r->chunk;
    }
    return 0;
}

static int print_output(const char *run, uint64_t line, yoke_error *err)
{
    YK_CLEANUP(yk_run_view_fini) yk_run_view v = {0};
    wanted w = {.line = line};
    YK_TRY(yk_run_view_open(run, &v, err));
    YK_TRY(yk_run_view_each(&v, look_for, &w, err));
    if (!w.is_found)
        return yk_fail(err, YOKE_EABSENT, "'%s': line %llu has not run, or is no job", run, (unsigned long long)line);
    if (!w.chunk)
        return 0;
    YK_AUTOFREE char *path = yk_rundir_file(run, "output");
    int               fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return yk_fail_errno(err, "'%s/output'", run);
    int rc = yk_store_read(fd, path, w.chunk, 1, pass_on, NULL, err);
    if (rc == 0)
        rc = yk_store_read(fd, path, w.chunk, 2, pass_on, NULL, err);
    close(fd);
    return rc;
}

int yk_report_output(const yk_args *args, const char *run, const char *line)
{
    yoke_error err = YOKE_ERROR_INIT;
    uint64_t   n;
    if (!yk_args_uint(args, "output", line, 0, INT64_MAX, &n))
        return YK_EXIT_USAGE;
    return yk_cli_finish(args, print_output(run, n, &err) < 0 ? yk_cli_failed(args, &err) : YK_EXIT_OK);
}

/* ---- --grep */

typedef struct grepping {
    regex_t    *re;
    int         fd;
    const char *path;
    uint64_t    line;
    yk_buf      part; /* of a line that goes on in the next chunk */
    bool        has_found;
    yoke_error *err;
} grepping;

static void match(grepping *g)
{
    if (g->part.is_failed || regexec(g->re, yk_buf_text(&g->part), 0, NULL, 0) != 0)
        return;
    g->has_found = true;
    printf("%llu:%s\n", (unsigned long long)g->line, yk_buf_text(&g->part));
}

static int grep_chunk(void *ctx, int stream, const char *bytes, size_t n)
{
    grepping *g = ctx;
    while (n > 0) {
        const char *nl = memchr(bytes, '\n', n);
        size_t      len = nl ? (size_t)(nl - bytes) : n;
        yk_buf_append(&g->part, bytes, len);
        if (nl) {
            match(g);
            yk_buf_clear(&g->part);
        }
        bytes += len + (nl != NULL), n -= len + (nl != NULL);
    }
    return 0;
}

static int grep_record(void *ctx, uint64_t start, const yk_record *r)
{
    grepping *g = ctx;
    g->line = r->line;
    for (int stream = 1; stream <= 2 && r->chunk; stream++) {
        YK_TRY(yk_store_read(g->fd, g->path, r->chunk, stream, grep_chunk, g, g->err));
        if (g->part.len > 0)
            match(g);
        yk_buf_clear(&g->part);
    }
    return 0;
}

static int grep_journal(void *ctx, const char *journal, const char *output, yoke_error *err)
{
    grepping *g = ctx;
    g->path = output;
    g->err = err;
    g->fd = open(output, O_RDONLY | O_CLOEXEC);
    if (g->fd < 0)
        return 0; /* a journal without output */
    int rc = yk_records_read(journal, grep_record, g, NULL, err);
    close(g->fd);
    return rc;
}

int yk_report_grep(const yk_args *args, const char *run, const char *pattern)
{
    yoke_error        err = YOKE_ERROR_INIT;
    YK_AUTOFREE char *folder = NULL;
    regex_t           re;
    char              why[128];
    int               rc = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        regerror(rc, &re, why, sizeof why);
        return yk_cli_usage(args, "--grep cannot read '%s': %s", pattern, why);
    }
    grepping g = {.re = &re};
    rc = find_folder(run, &folder, &err);
    if (rc == 0)
        rc = yk_rundir_each(folder, grep_journal, &g, &err);
    regfree(&re);
    yk_buf_fini(&g.part);
    return yk_cli_finish(args, rc < 0 ? yk_cli_failed(args, &err) : g.has_found ? YK_EXIT_OK : YK_EXIT_FAILED);
}

/* ---- the summary */

enum { IS_COMPLETED, IS_FAILED, IS_OUT_OF_MEMORY, IS_TIMEOUT, IS_CANCELLED, IS_NODE_FAIL, IS_PREEMPTED, IS_RUNNING, IS_PENDING, N_STATES };
static const char *const state_words[N_STATES] = {"COMPLETED", "FAILED", "OUT_OF_MEMORY", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED",
                                                  "RUNNING", "PENDING"};

static int read_states(const char *text, bool wanted_state[N_STATES], yoke_error *err)
{
    char hint[96], word[32];
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        int    i = 0;
        snprintf(word, sizeof word, "%.*s", (int)(n < 31 ? n : 31), at);
        while (i < N_STATES && strcasecmp(word, state_words[i]) != 0)
            i++;
        if (i == N_STATES)
            return yk_fail(err, YOKE_EINVALID, "--states: there is no state '%s'%s", word,
                           yk_near_hint(word, state_words, N_STATES, hint, sizeof hint));
        wanted_state[i] = true;
        at += n;
        if (!*at)
            return 0;
    }
}

static int count_cause(void *ctx, uint64_t start, const yk_record *r)
{
    yk_record now = *r;
    return now.cause == YK_CAUSE_RUNNING ? 0 : yk_causes_add(ctx, &now, NULL);
}

static int state_index(const yk_run_view *v, uint64_t i)
{
    const char *word = yk_view_state(v, i);
    for (int s = 0; s < N_STATES; s++)
        if (strcmp(word, state_words[s]) == 0)
            return s;
    return IS_PENDING;
}

static int print_lines(const yk_run_view *v, const bool wanted_state[N_STATES], yoke_error *err)
{
    yk_job job;
    int    rc;
    YK_TRY(yk_jobfile_seek(v->file, 0, err));
    while ((rc = yk_jobfile_next(v->file, &job, err)) > 0)
        if (job.index < v->n && wanted_state[state_index(v, job.index)])
            puts(job.text);
    return rc;
}

static void print_again(const yk_run_view *v, const char *why, const char *option)
{
    YK_AUTOBUF where = YK_BUF_INIT;
    if (v->is_at_work || v->command.len == 0)
        return;
    yk_quote(&where, yk_buf_text(&v->folder), v->folder.len);
    fprintf(stderr, "  %s: cd %s && ", why, yk_buf_text(&where));
    yk_run_words_print(stderr, yk_buf_text(&v->command), option);
}

static int print_summary(const yk_run_view *v, uint64_t n[N_STATES], yoke_error *err)
{
    uint64_t n_cut = n[IS_CANCELLED] + n[IS_NODE_FAIL] + n[IS_PREEMPTED] + n[IS_PENDING];
    YK_CLEANUP(yk_causes_fini) yk_causes causes = YK_CAUSES_NONE;
    YK_TRY(yk_run_view_each(v, count_cause, &causes, err));
    fprintf(stderr, "%llu jobs, %s\n", (unsigned long long)v->n,
            v->is_at_work ? "at work now" : v->has_finished ? "not at work now" : "cut off");
    for (int s = 0; s < N_STATES; s++)
        if (n[s] > 0)
            fprintf(stderr, "  %-16s %8llu\n", state_words[s], (unsigned long long)n[s]);
    if (causes.n > 0)
        fputs("causes\n", stderr);
    yk_causes_print(&causes, stderr);
    if (v->notes.len > 0)
        fprintf(stderr, "notes\n%s", yk_buf_text(&v->notes));
    if (n_cut)
        print_again(v, "to go on", "--resume");
    if (n[IS_FAILED] + n[IS_OUT_OF_MEMORY] + n[IS_TIMEOUT])
        print_again(v, "to run again what failed", "--resume-failed");
    return 0;
}

static int report(const char *run, const char *states, bool is_watching, bool *ret_is_well, yoke_error *err)
{
    bool wanted_state[N_STATES] = {false};
    YK_TRY(read_states(states ? states : "CANCELLED,NODE_FAIL,PREEMPTED,PENDING", wanted_state, err));
    for (;;) {
        YK_CLEANUP(yk_run_view_fini) yk_run_view v = {0};
        uint64_t n[N_STATES] = {0};
        YK_TRY(yk_run_view_open(run, &v, err));
        for (uint64_t i = 0; i < v.n; i++)
            n[state_index(&v, i)]++;
        if (is_watching && v.is_at_work) {
            fprintf(stderr, "%llu of %llu jobs ok, %llu running\n", (unsigned long long)n[IS_COMPLETED], (unsigned long long)v.n,
                    (unsigned long long)n[IS_RUNNING]);
            sleep(2);
            continue;
        }
        YK_TRY(print_summary(&v, n, err));
        *ret_is_well = n[IS_COMPLETED] == v.n;
        return print_lines(&v, wanted_state, err);
    }
}

int yk_report_local(const yk_args *args, const char *run, const char *states, bool is_watching)
{
    yoke_error err = YOKE_ERROR_INIT;
    bool       is_well = false;
    if (access(run, F_OK) < 0)
        return yk_cli_usage(args, "'%s' is neither a job id nor a run folder", run);
    int rc = report(run, states, is_watching, &is_well, &err);
    return yk_cli_finish(args, rc < 0 ? yk_cli_failed(args, &err) : is_well ? YK_EXIT_OK : YK_EXIT_FAILED);
}
