/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/asked.h"

#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char MAGIC[] = "yoke-asked ";

/* Reads the kept answer. Anything that cannot be read counts as none. */
static void read_kept(yk_asked *a, const char *path)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    if (yk_file_slurp(path, &text, NULL) < 0 || !text.data || strncmp(text.data, MAGIC, strlen(MAGIC)) != 0)
        return;
    if (yk_queue_add_squeue(&a->queue, text.data, NULL) == 0)
        a->time_ns = strtoull(text.data + strlen(MAGIC), NULL, 10);
}

/* Ends stay, whatever Slurm forgets; the rest is asked anew. */
static void keep_ends(yk_queue *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->n; i++)
        if (yk_state_is_active(q->row[i].state))
            yk_lines_fini(&q->row[i].tasks);
        else
            q->row[kept++] = q->row[i];
    q->n = kept;
}

static bool is_fresh(const yk_asked *a, double fresh_s)
{
    uint64_t now = yk_wall_ns();
    return a->time_ns && now >= a->time_ns && (double)(now - a->time_ns) < fresh_s * 1e9;
}

static void ask(yk_asked *a, const uint64_t *jobs, size_t n)
{
    yoke_error why = YOKE_ERROR_INIT;
    keep_ends(&a->queue);
    if (n && yk_queue_ask_squeue(jobs, n, &a->queue, &why) < 0)
        snprintf(a->trouble, sizeof a->trouble, "%s", why.text);
    else
        a->time_ns = yk_wall_ns(), a->is_new = true;
}

int yk_asked_open(const yk_slurm_run *run, const uint64_t *jobs, size_t n, double fresh_s, yk_asked *ret, yoke_error *err)
{
    YK_AUTOFREE char *path = yk_slurm_run_path(run, "asked");
    *ret = (yk_asked){.queue = YK_QUEUE_INIT};
    if (!path)
        return yk_fail_nomem(err, "asking Slurm");
    ret->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (ret->fd >= 0 && flock(ret->fd, LOCK_EX) < 0) {
        close(ret->fd);
        ret->fd = -1;
    }
    read_kept(ret, path);
    if (!is_fresh(ret, fresh_s))
        ask(ret, jobs, n);
    return 0;
}

int yk_asked_more(yk_asked *a, const uint64_t *jobs, size_t n, yoke_error *err)
{
    if (!a->is_new || !n)
        return 0;
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = yk_queue_ask_sacct(jobs, n, true, &a->queue, &why);
    return rc == YOKE_ENOMEM ? yk_fail(err, rc, "%s", why.text) : 0; /* without accounting what squeue said is all there is */
}

void yk_asked_close(yk_asked *a)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    if (a->is_new && a->fd >= 0) {
        yk_buf_printf(&text, "%s%" PRIu64 "\n", MAGIC, a->time_ns);
        yk_queue_print(&a->queue, &text);
        if (!text.is_failed && ftruncate(a->fd, 0) == 0)
            (void)!pwrite(a->fd, text.data, text.len, 0); /* a torn answer is asked again */
    }
    if (a->fd >= 0)
        close(a->fd);
    yk_queue_fini(&a->queue);
}
