/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/rundir.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *numbered(const char *base, unsigned n)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_buf_printf(&b, "%s.yoke", base);
    if (n > 1)
        yk_buf_printf(&b, ".%u", n);
    return b.is_failed ? NULL : yk_strdup(yk_buf_text(&b));
}

int yk_rundir_choose(const char *list, bool is_latest, char **ret, yoke_error *err)
{
    const char *base = strcmp(list, "-") == 0 ? "stdin" : yk_path_base(list);
    for (unsigned n = 1;; n++) {
        YK_AUTOFREE char *name = numbered(base, n);
        if (!name)
            return yk_fail_nomem(err, "naming a run");
        if (access(name, F_OK) == 0)
            continue;
        if (errno != ENOENT)
            return yk_fail_errno(err, "'%s'", name);
        if (is_latest && n == 1)
            return yk_fail(err, YOKE_EABSENT,
                           "there is no earlier run of '%s' here (no folder '%s'); leave --resume out, or name its folder with --run",
                           list, name);
        *ret = is_latest ? numbered(base, n - 1) : YK_TAKE(name);
        return *ret ? 0 : yk_fail_nomem(err, "naming a run");
    }
}

char *yk_rundir_file(const char *dir, const char *name)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_buf_printf(&b, "%s/%s", dir, name);
    return b.is_failed ? NULL : yk_strdup(yk_buf_text(&b));
}

static int copy(int from, const char *path, FILE *to, yoke_error *err)
{
    YK_AUTOFREE char *buf = yk_malloc(1 << 20);
    if (!buf)
        return yk_fail_nomem(err, "copying a job file");
    for (;;) {
        ssize_t got = read(from, buf, 1 << 20);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return yk_fail_errno(err, "reading '%s'", path);
        if (got == 0)
            return 0;
        if (fwrite(buf, 1, (size_t)got, to) != (size_t)got)
            return yk_fail_errno(err, "copying '%s' into the run folder", path);
    }
}

int yk_rundir_keep_list(const char *dir, const char *list, yoke_error *err)
{
    YK_TRY(yk_file_make_dirs(dir, err));
    YK_AUTOFREE char *kept = yk_rundir_file(dir, "list");
    if (!kept)
        return yk_fail_nomem(err, "copying a job file");
    struct stat a, b;
    bool        is_stdin = strcmp(list, "-") == 0;
    if (!is_stdin && stat(list, &a) == 0 && stat(kept, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return 0; /* yoke run RUN/list --run RUN --resume */
    int fd = is_stdin ? STDIN_FILENO : open(list, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return yk_fail_errno(err, "'%s'", list);
    if (fstat(fd, &a) == 0 && S_ISDIR(a.st_mode)) {
        if (!is_stdin)
            close(fd);
        return yk_fail(err, YOKE_EINVALID, "'%s' is a directory; a job file is needed, a command per line", list);
    }
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    int rc = yk_output_open(&out, kept, true, err);
    if (rc == 0)
        rc = copy(fd, list, out.file, err);
    if (!is_stdin)
        close(fd);
    YK_TRY(rc);
    return yk_output_commit(&out, err);
}

/* ---- the journals of a run */

static int is_journal(const struct dirent *e)
{
    const char *rest = strncmp(e->d_name, "journal", 7) == 0 ? e->d_name + 7 : "?";
    return *rest == '\0' || (*rest == '.' && rest[1] && rest[1 + strspn(rest + 1, "0123456789")] == '\0');
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
    return strverscmp((*a)->d_name, (*b)->d_name);
}

static int give(const char *run, const char *name, yk_rundir_fn *fn, void *ctx, yoke_error *err)
{
    YK_AUTOFREE char *journal = yk_rundir_file(run, name), *output = NULL;
    YK_AUTOBUF        b = YK_BUF_INIT;
    yk_buf_printf(&b, "output%s", name + 7);
    output = yk_rundir_file(run, yk_buf_text(&b));
    return journal && output ? fn(ctx, journal, output, err) : yk_fail_nomem(err, "reading a run");
}

/* A run through Slurm: RUN/journal is a folder of HOST-N with HOST-N.out beside each. */
static int is_task_journal(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && !(n > 4 && strcmp(e->d_name + n - 4, ".out") == 0);
}

static int give_task(const char *dir, const char *name, yk_rundir_fn *fn, void *ctx, yoke_error *err)
{
    YK_AUTOFREE char *journal = yk_rundir_file(dir, name);
    YK_AUTOBUF        output = YK_BUF_INIT;
    yk_buf_printf(&output, "%s/%s.out", dir, name);
    return journal && !output.is_failed ? fn(ctx, journal, output.data, err) : yk_fail_nomem(err, "reading a run");
}

int yk_rundir_each(const char *run, yk_rundir_fn *fn, void *ctx, yoke_error *err)
{
    struct stat st;
    if (stat(run, &st) == 0 && S_ISREG(st.st_mode))
        return fn(ctx, run, "/nonexistent/output", err);
    YK_AUTOFREE char *tasks = yk_rundir_file(run, "journal");
    if (!tasks)
        return yk_fail_nomem(err, "reading a run");
    bool            has_tasks = stat(tasks, &st) == 0 && S_ISDIR(st.st_mode);
    struct dirent **entry;
    int             n = scandir(has_tasks ? tasks : run, &entry, has_tasks ? is_task_journal : is_journal, by_number), rc = 0;
    if (n < 0)
        return yk_fail_errno(err, "'%s'", run);
    if (n == 0)
        rc = yk_fail(err, YOKE_EABSENT, "'%s' holds no journal of a run", run);
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = has_tasks ? give_task(tasks, entry[i]->d_name, fn, ctx, err) : give(run, entry[i]->d_name, fn, ctx, err);
        free(entry[i]);
    }
    free(entry);
    return rc;
}
