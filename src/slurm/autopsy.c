/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/autopsy.h"

#include "base/file.h"
#include "slurm/queue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int add_row(yk_tally *g, const yk_queue_row *row, yoke_error *err)
{
    yk_tally_row *group = yk_tally_get(g, row->state);
    if (!group)
        return yk_fail_nomem(err, "reading states");
    group->is_cut = group->is_cut || row->is_cut;
    for (size_t i = 0; i < row->tasks.n; i++)
        for (uint64_t t = row->tasks.range[i].first; t <= row->tasks.range[i].last; t++) {
            group->n++;
            YK_TRY(yk_lines_add(&group->lines, t, err));
        }
    return 0;
}

/* The indices in any group so far. */
static bool is_known(const yk_tally *g, uint64_t index)
{
    for (size_t i = 0; i < g->n; i++)
        if (yk_lines_has(&g->group[i].lines, index))
            return true;
    return false;
}

/* The last row of each index counts: a job that was run again has two. */
static int add_status_row(yk_tally *g, const char *line, yoke_error *err)
{
    char    *end;
    uint64_t index = strtoull(line, &end, 10);
    if (end == line || *end != '\t' || is_known(g, index))
        return 0;
    return yk_tally_add(g, strtol(end + 1, NULL, 10) == 0 ? "COMPLETED" : "FAILED", index, err);
}

static int add_status_file(yk_tally *g, uint64_t job, const char *folder, yoke_error *err)
{
    YK_AUTOBUF path = YK_BUF_INIT, text = YK_BUF_INIT;
    yk_buf_printf(&path, "%s/job_%llu_status.tsv", folder, (unsigned long long)job);
    if (path.is_failed || access(path.data, R_OK) < 0)
        return 0;
    YK_TRY(yk_file_slurp(path.data, &text, err));
    for (size_t end = text.len; end > 0;) { /* from the last line back */
        size_t start = end;
        while (start > 0 && text.data[start - 1] != '\n')
            start--;
        YK_TRY(add_status_row(g, text.data + start, err));
        end = start > 0 ? start - 1 : 0;
    }
    return 0;
}

static int without_accounting(uint64_t job, const char *folder, yk_tally *g, yoke_error *err)
{
    YK_CLEANUP(yk_queue_fini) yk_queue q = YK_QUEUE_INIT;
    YK_TRY(yk_queue_ask_squeue(&job, 1, &q, err));
    for (size_t i = 0; i < q.n; i++)
        YK_TRY(add_row(g, &q.row[i], err));
    return add_status_file(g, job, folder, err);
}

static int with_accounting(uint64_t job, yk_tally *g, yoke_error *err)
{
    YK_CLEANUP(yk_queue_fini) yk_queue q = YK_QUEUE_INIT;
    YK_TRY(yk_queue_ask_sacct(&job, 1, true, &q, err));
    for (size_t i = 0; i < q.n; i++)
        YK_TRY(add_row(g, &q.row[i], err));
    return 0;
}

int yk_autopsy(uint64_t job, const char *folder, yk_tally *ret, yoke_error *err)
{
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = with_accounting(job, ret, &why);
    if (rc < 0 && rc != YOKE_EABSENT)
        return yk_fail(err, rc, "%s", why.text);
    if (rc == YOKE_EABSENT)
        YK_TRY(without_accounting(job, folder, ret, err));
    if (!ret->n)
        return yk_fail(err, YOKE_EABSENT, "Slurm knows of no array job %llu", (unsigned long long)job);
    yk_tally_sort(ret);
    return 0;
}
