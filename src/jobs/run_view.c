/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/run_view.h"

#include "jobs/rundir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

void yk_run_view_fini(yk_run_view *v)
{
    yk_free(v->run);
    yk_jobfile_close(v->file);
    yk_free(v->job);
    yk_free(v->index_of);
    yk_buf_fini(&v->notes);
    yk_buf_fini(&v->command);
    yk_buf_fini(&v->folder);
    *v = (yk_run_view){0};
}

static int saw_session(void *ctx, const yk_session *s)
{
    yk_run_view *v = ctx;
    v->has_finished = false;
    yk_buf_clear(&v->command);
    yk_buf_puts(&v->command, s->command);
    yk_buf_clear(&v->folder);
    yk_buf_puts(&v->folder, s->folder);
    if (s->is_new_list) /* what is not named by a 'K' from here on is gone */
        memset(v->job, 0, (size_t)v->n * sizeof *v->job);
    return 0;
}

static void set(yk_run_view *v, uint64_t start, uint64_t line, uint64_t seq, unsigned cause, bool is_last)
{
    bool is_there = seq >= 1 && seq <= v->n;
    v->index_of[start] = is_there ? (uint32_t)seq : 0;
    if (is_there)
        v->job[seq - 1] = (yk_view_job){start, line, (uint8_t)cause, true, is_last};
}

static int saw_record(void *ctx, uint64_t start, const yk_record *r)
{
    yk_run_view *v = ctx;
    while (v->n_starts <= start)
        if (!yk_push(&v->index_of, &v->n_starts, &v->starts_cap, 0))
            return YOKE_ENOMEM;
    set(v, start, r->line, r->seq, r->cause, r->is_last);
    return 0;
}

/* The cause of an earlier start that stays: known by where it stood. */
static int saw_keep(void *ctx, uint64_t start, uint64_t line, uint64_t seq)
{
    yk_run_view *v = ctx;
    if (start < v->n_starts)
        set(v, start, line, seq, YK_CAUSE_OK, true); /* corrected in the second reading */
    return 0;
}

static int saw_note(void *ctx, uint64_t time_ns, const char *text, size_t len)
{
    yk_run_view *v = ctx;
    time_t       t = (time_t)(time_ns / 1000000000u);
    struct tm    tm;
    char         when[40];
    localtime_r(&t, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    yk_buf_printf(&v->notes, "  %s  %.*s\n", when, (int)len, text);
    return 0;
}

static int saw_finish(void *ctx, uint64_t time_ns)
{
    ((yk_run_view *)ctx)->has_finished = true;
    return 0;
}

typedef struct second { const yk_run_view *v; yk_record_fn *fn; void *ctx; } second;

static int give_last(void *ctx, uint64_t start, const yk_record *r)
{
    second            *s = ctx;
    const yk_run_view *v = s->v;
    uint64_t           seq = start < v->n_starts ? v->index_of[start] : 0;
    if (seq == 0 || !v->job[seq - 1].has_start || v->job[seq - 1].start != start)
        return 0;
    yk_record now = *r;
    now.seq = seq;
    now.line = v->job[seq - 1].line;
    return s->fn(s->ctx, start, &now);
}

int yk_run_view_each(const yk_run_view *v, yk_record_fn *fn, void *ctx, yoke_error *err)
{
    YK_AUTOFREE char *journal = yk_rundir_file(v->run, "journal");
    second            s = {v, fn, ctx};
    return journal ? yk_records_read(journal, give_last, &s, NULL, err) : yk_fail_nomem(err, "reading a run");
}

static int correct(void *ctx, uint64_t start, const yk_record *r)
{
    yk_run_view *v = ctx;
    v->job[r->seq - 1].cause = (uint8_t)r->cause;
    v->job[r->seq - 1].is_last = r->is_last;
    return 0;
}

int yk_run_view_open(const char *run, yk_run_view *ret, yoke_error *err)
{
    YK_CLEANUP(yk_run_view_fini) yk_run_view v = {.run = yk_strdup(run)};
    YK_AUTOFREE char *journal = yk_rundir_file(run, "journal"), *list = yk_rundir_file(run, "list");
    const yk_journal_reader also = {.ctx = &v, .session = saw_session, .keep = saw_keep, .note = saw_note, .finish = saw_finish};
    if (!v.run || !journal || !list)
        return yk_fail_nomem(err, "reading a run");
    YK_TRY(yk_jobfile_open(list, NULL, &v.file, err));
    v.n = yk_jobfile_count(v.file);
    v.job = yk_new_array(yk_view_job, (size_t)v.n + 1);
    if (!v.job || v.n >= UINT32_MAX)
        return yk_fail_nomem(err, "reading a run");
    int fd = open(journal, O_RDONLY | O_CLOEXEC);
    v.is_at_work = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
    if (fd >= 0)
        close(fd);
    YK_TRY(yk_records_read(journal, saw_record, &v, &also, err));
    YK_TRY(yk_run_view_each(&v, correct, &v, err));
    *ret = v;
    v = (yk_run_view){0};
    return 0;
}

const char *yk_view_state(const yk_run_view *v, uint64_t index)
{
    const yk_view_job *j = &v->job[index];
    if (!j->has_start)
        return "PENDING";
    switch ((yk_cause)j->cause) {
    case YK_CAUSE_OK: return "COMPLETED";
    case YK_CAUSE_EXIT:
    case YK_CAUSE_SIGNAL:
    case YK_CAUSE_NOT_STARTED: return "FAILED";
    case YK_CAUSE_MEMORY: return "OUT_OF_MEMORY";
    case YK_CAUSE_TIMEOUT: return "TIMEOUT";
    case YK_CAUSE_CANCELLED: return "CANCELLED";
    case YK_CAUSE_PREEMPTED: return "PREEMPTED";
    case YK_CAUSE_RUNNING: return v->is_at_work ? "RUNNING" : "NODE_FAIL";
    default: return "NODE_FAIL";
    }
}
