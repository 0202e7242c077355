/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/autopsy.h"

#include "base/file.h"
#include "slurm/dsq.h"
#include "slurm/queue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct autopsy {
    uint64_t        job, pack; /* pack 0: a task is a line */
    const char     *folder;
    const yk_lines *jobs;
    yk_lines        known; /* owned; lines that have a state already */
    yk_tally       *tally;
    yoke_error     *err;
} autopsy;

static int add_line(autopsy *a, const char *state, uint64_t line)
{
    if (yk_lines_has(&a->known, line))
        return 0;
    YK_TRY(yk_lines_add(&a->known, line, a->err));
    return yk_tally_add(a->tally, state, line, a->err);
}

static int add_task(autopsy *a, const char *state, uint64_t task)
{
    if (!a->pack || !a->jobs)
        return add_line(a, state, task);
    uint64_t n = yk_lines_count(a->jobs);
    for (uint64_t rank = task * a->pack; rank < n && rank < (task + 1) * a->pack; rank++)
        YK_TRY(add_line(a, state, yk_lines_nth(a->jobs, rank)));
    return 0;
}

static int add_queue(autopsy *a, const yk_queue *q)
{
    for (size_t i = 0; i < q->n; i++) {
        const yk_queue_row *row = &q->row[i];
        for (size_t k = 0; k < row->tasks.n; k++)
            for (uint64_t t = row->tasks.range[k].first; t <= row->tasks.range[k].last; t++)
                YK_TRY(add_task(a, row->state, t));
        yk_tally_row *counted = row->is_cut ? yk_tally_get(a->tally, row->state) : NULL;
        if (counted)
            counted->is_cut = true;
    }
    return 0;
}

/* The last row of each line counts: one that was run again has two. So the file is read from its end. */
static int add_status_file(autopsy *a)
{
    YK_AUTOBUF path = YK_BUF_INIT, text = YK_BUF_INIT;
    yk_buf_printf(&path, "%s/job_%llu_status.tsv", a->folder, (unsigned long long)a->job);
    if (path.is_failed || access(path.data, R_OK) < 0)
        return 0;
    YK_TRY(yk_file_slurp(path.data, &text, a->err));
    for (size_t end = text.len; end > 0;) {
        size_t start = end;
        while (start > 0 && text.data[start - 1] != '\n')
            start--;
        char    *rest;
        uint64_t line = strtoull(text.data + start, &rest, 10);
        if (rest > text.data + start && *rest == '\t')
            YK_TRY(add_line(a, strtol(rest + 1, NULL, 10) == 0 ? "COMPLETED" : "FAILED", line));
        end = start > 0 ? start - 1 : 0;
    }
    return 0;
}

static void read_pack(autopsy *a)
{
    YK_AUTOBUF path = YK_BUF_INIT, text = YK_BUF_INIT;
    yk_dsq_pack_path(a->folder, a->job, &path);
    if (!path.is_failed && access(path.data, R_OK) == 0 && yk_file_slurp(path.data, &text, NULL) == 0)
        a->pack = strtoull(yk_buf_text(&text), NULL, 10);
}

static int gather(autopsy *a)
{
    YK_CLEANUP(yk_queue_fini) yk_queue q = YK_QUEUE_INIT;
    yoke_error why = YOKE_ERROR_INIT;
    read_pack(a);
    int rc = yk_queue_ask_sacct(&a->job, 1, true, &q, &why);
    if (rc < 0 && rc != YOKE_EABSENT)
        return yk_fail(a->err, rc, "%s", why.text);
    bool is_by_line = a->pack && a->jobs;
    if (is_by_line)
        YK_TRY(add_status_file(a));
    if (rc == YOKE_EABSENT)
        YK_TRY(yk_queue_ask_squeue(&a->job, 1, &q, a->err));
    YK_TRY(add_queue(a, &q));
    return rc == YOKE_EABSENT && !is_by_line ? add_status_file(a) : 0;
}

int yk_autopsy(uint64_t job, const char *folder, const yk_lines *jobs, yk_tally *ret, yoke_error *err)
{
    autopsy a = {.job = job, .folder = folder, .jobs = jobs, .known = YK_LINES_INIT, .tally = ret, .err = err};
    int     rc = gather(&a);
    yk_lines_fini(&a.known);
    YK_TRY(rc);
    if (!ret->n)
        return yk_fail(err, YOKE_EABSENT, "Slurm knows of no array job %llu", (unsigned long long)job);
    yk_tally_sort(ret);
    return 0;
}
