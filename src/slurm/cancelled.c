/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/cancelled.h"

#include "base/clock.h"
#include "base/file.h"
#include "slurm/indices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void yk_cancelled_fini(yk_cancelled *c)
{
    yk_free(c->path);
    yk_lines_fini(&c->lines);
}

/* Reads the whole file: a list of lines on each of its lines. A last one without an end is still being written. */
static void read_again(yk_cancelled *c)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    yk_lines   lines = YK_LINES_INIT;
    char      *end = yk_file_slurp(c->path, &text, NULL) < 0 || !text.data ? NULL : strrchr(text.data, '\n');
    if (!end)
        return;
    *end = '\0';
    for (char *p = text.data; (p = strchr(p, '\n'));)
        *p = ',';
    if (yk_lines_parse(text.data, &lines, NULL) < 0)
        return;
    yk_lines_fini(&c->lines);
    c->lines = lines;
}

static void look(yk_cancelled *c)
{
    struct stat s;
    uint64_t    now = yk_now_ns();
    if (now - c->looked_ns < 100000000u)
        return;
    c->looked_ns = now;
    if (stat(c->path, &s) < 0 || (uint64_t)s.st_size == c->size)
        return;
    c->size = (uint64_t)s.st_size;
    read_again(c);
}

int yk_cancelled_open(const yk_slurm_run *run, yk_cancelled *ret, yoke_error *err)
{
    *ret = (yk_cancelled){.path = yk_slurm_run_path(run, "cancelled"), .lines = YK_LINES_INIT};
    return ret->path ? 0 : yk_fail_nomem(err, "reading what was cancelled");
}

bool yk_cancelled_has(yk_cancelled *c, uint64_t line)
{
    look(c);
    return c->lines.n && yk_lines_has(&c->lines, line);
}

bool yk_cancelled_any(yk_cancelled *c)
{
    look(c);
    return c->lines.n > 0;
}

int yk_cancelled_add(const yk_slurm_run *run, const yk_lines *lines, yoke_error *err)
{
    YK_AUTOFREE char *path = yk_slurm_run_path(run, "cancelled");
    YK_AUTOBUF text = YK_BUF_INIT;
    yk_lines_print(lines, &text);
    yk_buf_putc(&text, '\n');
    if (!path || text.is_failed)
        return yk_fail_nomem(err, "cancelling lines");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return yk_fail_errno(err, "'%s'", path);
    int rc = yk_file_write(fd, path, text.data, text.len, err);
    close(fd);
    return rc;
}

int yk_cancelled_forget(const yk_slurm_run *run, yoke_error *err)
{
    YK_AUTOFREE char *path = yk_slurm_run_path(run, "cancelled"), *old = yk_slurm_run_path(run, "cancelled.old");
    if (!path || !old)
        return yk_fail_nomem(err, "resuming a run");
    return rename(path, old) < 0 && errno != ENOENT ? yk_fail_errno(err, "'%s'", path) : 0;
}
