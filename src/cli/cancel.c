/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke cancel: take a submitted run, or some of its lines, out of Slurm.
 */
#include "cli/verbs.h"

#include "slurm/cancelled.h"
#include "slurm/indices.h"
#include "slurm/slurm_call.h"

#include <string.h>

typedef struct plan {
    const yk_slurm_run *run;
    yk_lines            lines;   /* jobs among those named */
    yk_lines           *tasks;   /* owned; by part: tasks all of whose lines are to go */
    uint64_t           *in_task; /* lines of the task at hand: named, and all; by part, two each */
    uint64_t           *task;    /* the task at hand, by part */
    uint64_t           *rank;
} plan;

static void plan_fini(plan *p)
{
    for (size_t i = 0; p->tasks && i < p->run->n_parts; i++)
        yk_lines_fini(&p->tasks[i]);
    yk_free(p->tasks);
    yk_free(p->in_task);
    yk_free(p->task);
    yk_free(p->rank);
    yk_lines_fini(&p->lines);
}

static int close_task(plan *p, size_t part, yoke_error *err)
{
    uint64_t named = p->in_task[2 * part], all = p->in_task[2 * part + 1];
    p->in_task[2 * part] = p->in_task[2 * part + 1] = 0;
    return all && named == all ? yk_lines_add(&p->tasks[part], p->task[part], err) : 0;
}

static int count_line(plan *p, uint64_t line, bool is_named, yoke_error *err)
{
    for (size_t i = 0; i < p->run->n_parts; i++) {
        const yk_slurm_part *part = &p->run->part[i];
        if (!yk_slurm_part_has(part, line))
            continue;
        uint64_t task = yk_slurm_part_task(part, line, p->rank[i]++);
        if (task != p->task[i])
            YK_TRY(close_task(p, i, err));
        p->task[i] = task;
        p->in_task[2 * i] += is_named;
        p->in_task[2 * i + 1]++;
    }
    return 0;
}

/* Which array tasks go as a whole. */
static int make_plan(plan *p, const char *text, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    YK_CLEANUP(yk_lines_fini) yk_lines named = YK_LINES_INIT;
    size_t n = p->run->n_parts;
    yk_job job;
    int    rc;
    p->tasks = yk_new_array(yk_lines, n + 1);
    p->in_task = yk_new_array(uint64_t, 2 * n + 1);
    p->task = yk_new_array(uint64_t, n + 1);
    p->rank = yk_new_array(uint64_t, n + 1);
    if (!p->tasks || !p->in_task || !p->task || !p->rank)
        return yk_fail_nomem(err, "cancelling lines");
    YK_TRY(yk_lines_parse(text, &named, err));
    YK_TRY(yk_slurm_run_jobs(p->run, &f, err));
    while ((rc = yk_jobfile_next(f, &job, err)) > 0) {
        bool is_named = yk_lines_has(&named, job.line);
        if (is_named)
            YK_TRY(yk_lines_add(&p->lines, job.line, err));
        YK_TRY(count_line(p, job.line, is_named, err));
    }
    YK_TRY(rc);
    for (size_t i = 0; i < n; i++)
        YK_TRY(close_task(p, i, err));
    return p->lines.n ? 0 : yk_fail(err, YOKE_EINVALID, "none of the lines %s is a job of '%s'", text, p->run->list);
}

/* A job that has ended already is as good as cancelled. */
static int scancel(const char *what, yoke_error *err)
{
    YK_AUTOREPLY r = YK_SLURM_REPLY_INIT;
    yoke_error   why = YOKE_ERROR_INIT;
    int          rc = yk_slurm_call((const char *[]){"scancel", what, NULL}, YK_SLURM_ASK_S, &r, &why);
    if (rc < 0 && !strcasestr(why.text, "Invalid job id") && !strcasestr(why.text, "already completing"))
        return yk_fail(err, rc, "%s", why.text);
    return 0;
}

static int cancel_lines(const yk_slurm_run *run, const char *text, yoke_error *err)
{
    YK_CLEANUP(plan_fini) plan p = {.run = run};
    YK_TRY(make_plan(&p, text, err));
    YK_TRY(yk_cancelled_add(run, &p.lines, err)); /* first: a task that starts between must know */
    for (size_t i = 0; i < run->n_parts; i++) {
        YK_AUTOBUF what = YK_BUF_INIT;
        if (!run->part[i].job || !p.tasks[i].n)
            continue;
        yk_buf_printf(&what, "%llu_[", (unsigned long long)run->part[i].job);
        yk_lines_print(&p.tasks[i], &what);
        yk_buf_putc(&what, ']');
        if (what.is_failed)
            return yk_fail_nomem(err, "cancelling lines");
        YK_TRY(scancel(what.data, err));
    }
    fprintf(stderr, "Cancelled %llu line%s of %s. Those that had ended before keep their ends.\n",
            (unsigned long long)yk_lines_count(&p.lines), yk_lines_count(&p.lines) == 1 ? "" : "s", run->list);
    return 0;
}

static int cancel_all(const yk_slurm_run *run, yoke_error *err)
{
    unsigned n = 0;
    for (size_t i = 0; i < run->n_parts; i++) {
        char job[24];
        if (!run->part[i].job)
            continue;
        snprintf(job, sizeof job, "%llu", (unsigned long long)run->part[i].job);
        YK_TRY(scancel(job, err));
        n++;
    }
    if (!n)
        return yk_fail(err, YOKE_EABSENT, "'%s' has not been submitted", run->folder);
    fprintf(stderr, "Cancelled. What had ended keeps its end; 'yoke submit --resume %s' runs the rest.\n", run->folder);
    return 0;
}

/* A job that `yoke submit` knows nothing of. */
static int cancel_foreign(const char *job, const char *tasks, yoke_error *err)
{
    YK_AUTOBUF what = YK_BUF_INIT;
    YK_CLEANUP(yk_indices_fini) yk_indices x = YK_INDICES_INIT;
    yk_buf_puts(&what, job);
    if (tasks) {
        YK_TRY(yk_indices_parse(tasks, &x, err));
        yk_buf_printf(&what, "_[%s]", tasks);
    }
    return what.is_failed ? yk_fail_nomem(err, "cancelling") : scancel(what.data, err);
}

static int run(yk_args *args)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *r = NULL;
    const char *word, *what = NULL, *lines = NULL, *rest;
    yoke_error  err = YOKE_ERROR_INIT;
    uint64_t    job;
    int         id;
    while ((id = yk_args_next(args, &word)) != YK_ARG_END) {
        if (id == YK_ARG_WRONG)
            return YK_EXIT_USAGE;
        if (what && lines)
            return yk_cli_usage(args, "'%s' is one word too many", word);
        *(what ? &lines : &what) = word;
    }
    if (!what)
        return yk_cli_usage(args, "which one? Name a job id or a run folder of 'yoke submit'");
    int rc = yk_slurm_run_find(what, &r, &err);
    if (rc == YOKE_EABSENT && yk_job_id_parse(what, &job, &rest) && !*rest) {
        yoke_error_clear(&err);
        rc = cancel_foreign(what, lines, &err);
    } else if (rc == 0)
        rc = lines ? cancel_lines(r, lines, &err) : cancel_all(r, &err);
    return rc < 0 ? yk_cli_failed(args, &err) : YK_EXIT_OK;
}

const yk_verb yk_verb_cancel = {
    .name = "cancel",
    .summary = "take a submitted job file, or some of its lines, out of Slurm",
    .usage = "JOBID|RUN [LINES]",
    .about =
        "Without LINES everything of the run that waits or works is cancelled. With LINES, such as 3,7-9 (zero-based line numbers), "
        "only those: array tasks that have no other lines are cancelled in Slurm; lines that share a task with others are skipped "
        "by it, or ended when they are running.\n\n"
        "What has ended keeps its end. 'yoke submit --resume' runs cancelled lines after all.",
    .opts = (const yk_opt[]){{0}},
    .examples = "# all of it\nyoke cancel 324\n\n# three lines\nyoke cancel 324 17,20-21\n",
    .run = run,
};
