/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/states.h"

#include "slurm/cancelled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One task of a part: its row in the queue + 1, and the last session that a journal has of it. */
typedef struct task_info { uint32_t row; uint64_t session; } task_info;

typedef struct part_info {
    uint64_t   job, n_tasks, rank;
    task_info *task; /* owned; n_tasks */
} part_info;

typedef struct loader {
    const yk_slurm_run *run;
    yk_states          *s;
    part_info          *part; /* owned; as run->part */
    uint64_t           *jobs; /* owned; the ids that are known */
    size_t              n_jobs;
    yk_asked            asked;
    yk_cancelled        cancelled;
    bool                has_unknown; /* a line of which Slurm said nothing */
    yoke_error         *err;
} loader;

void yk_states_free(yk_states *s)
{
    if (!s)
        return;
    yk_free(s->line);
    yk_free(s);
}

static void loader_fini(loader *l)
{
    for (size_t i = 0; l->part && i < l->run->n_parts; i++)
        yk_free(l->part[i].task);
    yk_free(l->part);
    yk_free(l->jobs);
    yk_cancelled_fini(&l->cancelled);
}

/* ---- lines */

static int by_line(const void *a, const void *b)
{
    const yk_line_state *x = a, *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

static yk_line_state *find_line(const yk_states *s, uint64_t line)
{
    yk_line_state key = {.line = line};
    if (line < s->n && s->line[line].line == line) /* a file without comments */
        return &s->line[line];
    return s->n ? bsearch(&key, s->line, s->n, sizeof *s->line, by_line) : NULL;
}

static int read_lines(loader *l)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    yk_job job;
    int    rc;
    YK_TRY(yk_slurm_run_jobs(l->run, &f, l->err));
    l->s->line = yk_new_array(yk_line_state, yk_jobfile_count(f));
    if (!l->s->line)
        return yk_fail_nomem(l->err, "reading a run");
    while ((rc = yk_jobfile_next(f, &job, l->err)) > 0)
        l->s->line[l->s->n++].line = job.line;
    return rc;
}

/* How many tasks a part can have: with pack 0 they are numbered as lines. */
static uint64_t task_bound(const loader *l, const yk_slurm_part *p)
{
    return p->pack ? p->n_tasks : l->s->line[l->s->n - 1].line + 1;
}

static int make_parts(loader *l)
{
    size_t n = l->run->n_parts;
    l->part = yk_new_array(part_info, n + 1);
    l->jobs = yk_new_array(uint64_t, n + 1);
    if (!l->part || !l->jobs)
        return yk_fail_nomem(l->err, "reading a run");
    for (size_t i = 0; i < n; i++) {
        l->part[i].job = l->run->part[i].job;
        l->part[i].n_tasks = task_bound(l, &l->run->part[i]);
        if (!(l->part[i].task = yk_new_array(task_info, l->part[i].n_tasks)))
            return yk_fail_nomem(l->err, "reading a run");
    }
    return 0;
}

/* ---- journals */

static part_info *part_of(loader *l, unsigned number)
{
    for (size_t i = 0; i < l->run->n_parts; i++)
        if (l->run->part[i].number == number)
            return &l->part[i];
    return NULL;
}

static int on_session(void *ctx, const yk_scan_session *s)
{
    loader    *l = ctx;
    part_info *p = part_of(l, s->part);
    if (!p)
        return 0;
    if (!p->job) /* a script that was submitted by hand */
        p->job = s->job;
    if (s->task < p->n_tasks)
        p->task[s->task].session = s->number;
    return 0;
}

static int on_start(void *ctx, const yk_scan_session *s, const yk_record *r)
{
    yk_line_state *line = find_line(((loader *)ctx)->s, r->line);
    if (!line)
        return 0;
    line->attempts++;
    if (r->start_ns < line->start_ns)
        return 0;
    line->session = s->number;
    if (line->cause != YK_CAUSE_OK) {
        line->start_ns = r->start_ns;
        line->cause = YK_CAUSE_RUNNING;
    }
    return 0;
}

static int on_end(void *ctx, const yk_scan_session *s, const yk_record *r)
{
    yk_line_state *line = find_line(((loader *)ctx)->s, r->line);
    (void)s;
    if (!line || line->cause == YK_CAUSE_OK || (r->start_ns < line->start_ns && r->cause != YK_CAUSE_OK))
        return 0;
    line->cause = (uint8_t)r->cause;
    line->exit_code = r->exit_code;
    line->signal = r->signal;
    line->start_ns = r->start_ns;
    line->wall_ns = r->wall_ns;
    return 0;
}

/* ---- what Slurm said, by task */

static void place_row(loader *l, size_t row)
{
    const yk_queue_row *r = &l->asked.queue.row[row];
    for (size_t i = 0; i < l->run->n_parts; i++) {
        part_info *p = &l->part[i];
        if (p->job != r->job)
            continue;
        for (size_t k = 0; k < r->tasks.n; k++)
            for (uint64_t t = r->tasks.range[k].first; t <= r->tasks.range[k].last && t < p->n_tasks; t++)
                p->task[t].row = (uint32_t)row + 1;
    }
}

static uint8_t intern(char (*names)[40], unsigned *n, const char *name)
{
    for (unsigned i = 0; i < *n; i++)
        if (strcmp(names[i], name) == 0)
            return (uint8_t)i;
    if (*n == YK_STATE_NAMES)
        return YK_STATE_NAMES - 1;
    snprintf(names[*n], 40, "%s", name);
    return (uint8_t)(*n)++;
}

static uint8_t intern_reason(yk_states *s, const char *reason)
{
    for (unsigned i = 0; i < s->n_reasons; i++)
        if (strcmp(s->reason[i], reason) == 0)
            return (uint8_t)i;
    if (s->n_reasons == YK_STATE_NAMES)
        return 0;
    snprintf(s->reason[s->n_reasons], sizeof s->reason[0], "%s", reason);
    return (uint8_t)s->n_reasons++;
}

typedef struct verdict { const char *state, *reason; } verdict;

static verdict of_cause(yk_cause cause)
{
    switch (cause) {
    case YK_CAUSE_OK: return (verdict){"COMPLETED", ""};
    case YK_CAUSE_MEMORY: return (verdict){"OUT_OF_MEMORY", ""};
    case YK_CAUSE_TIMEOUT: return (verdict){"TIMEOUT", ""};
    default: return (verdict){"FAILED", ""};
    }
}

/* A line whose task waits or works. */
static verdict of_active(const yk_queue_row *row, const yk_line_state *line, const task_info *task)
{
    if (yk_state_is(row->state, "PENDING") || yk_state_is(row->state, "REQUEUED") || yk_state_is(row->state, "REQUEUE_HOLD"))
        return (verdict){"PENDING", row->reason};
    if (line->session && line->session == task->session && line->cause == YK_CAUSE_RUNNING)
        return (verdict){yk_state_is(row->state, "COMPLETING") ? "RUNNING" : row->state, row->reason};
    return (verdict){"PENDING", "InTask"};
}

/* A line of whose task Slurm says nothing. */
static verdict of_silence(loader *l, const yk_line_state *line, const task_info *task, uint64_t job)
{
    if (!job)
        return (verdict){"PENDING", "NotSubmitted"};
    l->has_unknown = true;
    bool is_begun = line->session && line->cause == YK_CAUSE_RUNNING;
    if (l->asked.trouble[0] && !l->asked.time_ns) /* and never did: believe the journals */
        return (verdict){is_begun && line->session == task->session ? "RUNNING" : "PENDING", ""};
    return (verdict){is_begun ? "NODE_FAIL" : "CANCELLED", ""};
}

static verdict judge(loader *l, const yk_line_state *line, const part_info *p, uint64_t task_number)
{
    const task_info    *task = &p->task[task_number];
    const yk_queue_row *row = task->row ? &l->asked.queue.row[task->row - 1] : NULL;
    bool                is_done = line->session && yk_cause_is_done((yk_cause)line->cause);
    if (is_done && line->cause == YK_CAUSE_OK)
        return of_cause(YK_CAUSE_OK);
    if (yk_cancelled_has(&l->cancelled, line->line))
        return (verdict){"CANCELLED", ""};
    if (is_done)
        return of_cause((yk_cause)line->cause);
    if (!row)
        return of_silence(l, line, task, p->job);
    if (yk_state_is_active(row->state))
        return of_active(row, line, task);
    return (verdict){yk_state_is(row->state, "COMPLETED") ? "CANCELLED" : row->state, row->reason};
}

/* Gives every line its state: that of the last part it belongs to. */
static void judge_all(loader *l)
{
    yk_states *s = l->s;
    l->has_unknown = s->is_active = false;
    for (size_t i = 0; i < l->run->n_parts; i++)
        l->part[i].rank = 0;
    for (size_t k = 0; k < s->n; k++) {
        yk_line_state *line = &s->line[k];
        verdict        v = {"PENDING", "NotSubmitted"};
        for (size_t i = 0; i < l->run->n_parts; i++) {
            const yk_slurm_part *p = &l->run->part[i];
            if (!yk_slurm_part_has(p, line->line))
                continue;
            uint64_t task = yk_slurm_part_task(p, line->line, l->part[i].rank++);
            if (task < l->part[i].n_tasks)
                v = judge(l, line, &l->part[i], task);
        }
        line->state = intern(s->name, &s->n_names, v.state);
        line->reason = intern_reason(s, v.reason);
        s->is_active = s->is_active || yk_state_is_active(v.state);
    }
}

static void place_rows(loader *l)
{
    for (size_t i = 0; i < l->run->n_parts; i++)
        for (uint64_t t = 0; t < l->part[i].n_tasks; t++)
            l->part[i].task[t].row = 0;
    for (size_t i = 0; i < l->asked.queue.n; i++)
        place_row(l, i);
}

/* Slurm is asked before journals are read: what a task wrote before Slurm called it ended is then seen. */
static int ask(loader *l, double fresh_s)
{
    for (size_t i = 0; i < l->run->n_parts; i++)
        if (l->part[i].job)
            l->jobs[l->n_jobs++] = l->part[i].job;
    return yk_asked_open(l->run, l->jobs, l->n_jobs, fresh_s, &l->asked, l->err);
}

static int scan_and_judge(loader *l)
{
    yk_scan_reader reader = {.ctx = l, .session = on_session, .start = on_start, .end = on_end};
    YK_TRY(yk_scan(l->run, &reader, l->err));
    place_rows(l);
    judge_all(l);
    if (!l->has_unknown || !l->asked.is_new)
        return 0;
    YK_TRY(yk_asked_more(&l->asked, l->jobs, l->n_jobs, l->err));
    place_rows(l);
    judge_all(l);
    return 0;
}

int yk_states_load(const yk_slurm_run *run, double fresh_s, yk_states **ret, yoke_error *err)
{
    YK_CLEANUP(yk_states_freep) yk_states *s = yk_new(yk_states);
    YK_CLEANUP(loader_fini) loader l = {.run = run, .s = s, .err = err};
    if (!s)
        return yk_fail_nomem(err, "reading a run");
    s->n_reasons = 1;
    YK_TRY(yk_cancelled_open(run, &l.cancelled, err));
    YK_TRY(read_lines(&l));
    YK_TRY(make_parts(&l));
    YK_TRY(ask(&l, fresh_s));
    int rc = scan_and_judge(&l);
    s->asked_ns = l.asked.time_ns;
    snprintf(s->trouble, sizeof s->trouble, "%s", l.asked.trouble);
    yk_asked_close(&l.asked);
    YK_TRY(rc);
    *ret = YK_TAKE(s);
    return 0;
}

int yk_states_group(const yk_states *s, yk_tally *ret, yoke_error *err)
{
    for (size_t i = 0; i < s->n; i++)
        YK_TRY(yk_tally_add(ret, s->name[s->line[i].state], s->line[i].line, err));
    yk_tally_sort(ret);
    return 0;
}
