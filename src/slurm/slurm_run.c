/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/slurm_run.h"

#include "base/file.h"
#include "slurm/indices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char MAGIC[] = "yoke-slurm-run 1";

void yk_slurm_run_free(yk_slurm_run *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_parts; i++)
        yk_lines_fini(&r->part[i].lines);
    for (size_t i = 0; i < r->n_options; i++)
        yk_free(r->option[i]);
    yk_free(r->option);
    yk_free(r->part);
    yk_free(r->folder);
    yk_free(r->list);
    yk_free(r->from);
    yk_free(r->cluster);
    yk_free(r);
}

char *yk_slurm_run_path(const yk_slurm_run *r, const char *name)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_buf_printf(&b, "%s/%s", r->folder, name);
    return b.is_failed ? NULL : yk_strdup(b.data);
}

/* Appends a line to the file `slurm`, in one write. */
static int note(const yk_slurm_run *r, const yk_buf *line, yoke_error *err)
{
    YK_AUTOFREE char *path = yk_slurm_run_path(r, "slurm");
    if (!path || line->is_failed)
        return yk_fail_nomem(err, "writing a run folder");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return yk_fail_errno(err, "'%s'", path);
    int rc = yk_file_write(fd, path, line->data, line->len, err);
    if (close(fd) < 0 && rc == 0)
        rc = yk_fail_errno(err, "'%s'", path);
    return rc;
}

/* ---- making one */

/* The last part of a path without its last extension. */
static void stem_of(const char *path, char *buf, size_t size)
{
    const char *base = yk_path_base(path), *dot = strrchr(base, '.');
    snprintf(buf, size, "%.*s", (int)(dot && dot > base ? (size_t)(dot - base) : strlen(base)), base);
}

/* yoke-STEM-DATE-TIME in the current folder; with a number behind when that is taken. */
static int make_folder(yk_slurm_run *r, yoke_error *err)
{
    char      stem[96], when[32];
    time_t    now = time(NULL);
    struct tm tm;
    stem_of(r->list, stem, sizeof stem);
    strftime(when, sizeof when, "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
    for (int i = 1; i < 1000; i++) {
        YK_AUTOBUF path = YK_BUF_INIT;
        yk_buf_printf(&path, "%s/yoke-%s-%s", r->from, stem, when);
        if (i > 1)
            yk_buf_printf(&path, "-%d", i);
        if (path.is_failed || !(r->folder = yk_strdup(path.data)))
            return yk_fail_nomem(err, "making a run folder");
        if (mkdir(r->folder, 0777) == 0)
            return 0;
        if (errno != EEXIST)
            return yk_fail_errno(err, "making the run folder '%s'", r->folder);
        yk_free(YK_TAKE(r->folder));
    }
    return yk_fail(err, YOKE_EEXISTS, "'%s' is full of run folders of this second", r->from);
}

static int copy_list(const yk_slurm_run *r, yoke_error *err)
{
    YK_AUTOBUF bytes = YK_BUF_INIT;
    YK_AUTOFREE char *to = yk_slurm_run_path(r, "jobs"), *journals = yk_slurm_run_path(r, "journal");
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    if (!to || !journals)
        return yk_fail_nomem(err, "making a run folder");
    YK_TRY(yk_file_slurp(r->list, &bytes, err));
    YK_TRY(yk_output_open(&out, to, false, err));
    if (bytes.len && fwrite(bytes.data, 1, bytes.len, out.file) != bytes.len)
        return yk_fail_errno(err, "'%s'", to);
    YK_TRY(yk_output_commit(&out, err));
    if (chmod(to, 0444) < 0 || mkdir(journals, 0777) < 0)
        return yk_fail_errno(err, "'%s'", journals);
    return 0;
}

static int read_copy(yk_slurm_run *r, const char *path, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    YK_TRY(yk_jobfile_open(path, NULL, &f, err));
    r->n_jobs = yk_jobfile_count(f);
    r->hash = yk_jobfile_hash(f);
    if (!r->n_jobs)
        return yk_fail(err, YOKE_EFORMAT, "'%s' has no jobs: it is empty, or all its lines begin with '#'", r->list);
    if (yk_jobfile_has_after(f))
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' has jobs that wait for others (#yoke after=…), which the tasks of a Slurm array "
                       "cannot: run it with 'yoke run' inside one allocation, or submit the stages one by one with -d afterok:ID", r->list);
    return 0;
}

static int write_head(const yk_slurm_run *r, yoke_error *err)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_buf_printf(&b, "%s\nlist %s\nfrom %s\ncluster %s\njobs %" PRIu64 "\nhash %016" PRIx64 "\n", MAGIC, r->list, r->from, r->cluster,
                  r->n_jobs, r->hash);
    return note(r, &b, err);
}

static int fill_run(yk_slurm_run *r, yoke_error *err)
{
    YK_TRY(read_copy(r, r->list, err)); /* before anything is made, so that a wrong file leaves nothing behind */
    YK_TRY(make_folder(r, err));
    YK_TRY(copy_list(r, err));
    YK_AUTOFREE char *copy = yk_slurm_run_path(r, "jobs");
    if (!copy)
        return yk_fail_nomem(err, "making a run folder");
    YK_TRY(read_copy(r, copy, err)); /* what counts is the copy */
    return write_head(r, err);
}

int yk_slurm_run_create(const char *list, const char *cluster, yk_slurm_run **ret, yoke_error *err)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *r = yk_new(yk_slurm_run);
    char here[PATH_MAX], real[PATH_MAX];
    if (!r)
        return yk_fail_nomem(err, "making a run folder");
    if (!realpath(list, real))
        return yk_fail_errno(err, "'%s'", list);
    if (!getcwd(here, sizeof here))
        return yk_fail_errno(err, "the current folder");
    if (strchr(real, '\n') || strchr(here, '\n'))
        return yk_fail(err, YOKE_EINVALID, "'%s': Slurm cannot work with a path that has a line break", list);
    r->list = yk_strdup(real);
    r->from = yk_strdup(here);
    r->cluster = yk_strdup(cluster);
    if (!r->list || !r->from || !r->cluster)
        return yk_fail_nomem(err, "making a run folder");
    YK_TRY(fill_run(r, err));
    *ret = YK_TAKE(r);
    return 0;
}

void yk_slurm_run_remove(const yk_slurm_run *r)
{
    for (size_t i = 1; i <= r->n_parts; i++) {
        char name[32];
        snprintf(name, sizeof name, "batch-%zu.sh", i);
        YK_AUTOFREE char *script = yk_slurm_run_path(r, name);
        if (script)
            unlink(script);
    }
    static const char *const files[] = {"jobs", "slurm"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        YK_AUTOFREE char *file = yk_slurm_run_path(r, files[i]);
        if (file)
            unlink(file);
    }
    YK_AUTOFREE char *journals = yk_slurm_run_path(r, "journal");
    if (journals)
        rmdir(journals);
    rmdir(r->folder);
}

static bool push_option(yk_slurm_run *r, const char *word)
{
    char *copy = yk_strdup(word);
    if (copy && yk_push(&r->option, &r->n_options, &r->options_cap, copy))
        return true;
    yk_free(copy);
    return false;
}

int yk_slurm_run_option(yk_slurm_run *r, const char *word, yoke_error *err)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    if (strpbrk(word, "\n\r"))
        return yk_fail(err, YOKE_EINVALID, "a line break in an option of sbatch cannot be written into a batch script: '%.40s'", word);
    yk_buf_printf(&b, "option %s\n", word);
    YK_TRY(note(r, &b, err));
    return push_option(r, word) ? 0 : yk_fail_nomem(err, "planning a submission");
}

/* ---- opening one */

static bool take_text(const char *line, const char *key, char **ret, bool *ret_is_out)
{
    size_t len = strlen(key);
    if (strncmp(line, key, len) != 0 || line[len] != ' ')
        return false;
    yk_free(*ret);
    *ret = yk_strdup(line + len + 1);
    *ret_is_out = *ret == NULL;
    return true;
}

/* "part 2 tasks 10 pack 0 output run lines 0,4-8" */
static bool take_part(yk_slurm_run *r, const char *line)
{
    yk_slurm_part p = {.lines = YK_LINES_INIT};
    char          output[8];
    int           at = 0;
    if (sscanf(line, "part %u tasks %" SCNu64 " pack %" SCNu64 " output %7s lines %n", &p.number, &p.n_tasks, &p.pack, output, &at) != 4
        || !at)
        return false;
    p.keeps_output = strcmp(output, "run") == 0;
    p.is_all = strcmp(line + at, "all") == 0;
    if (!p.is_all && yk_lines_parse(line + at, &p.lines, NULL) < 0)
        return false;
    if (yk_push(&r->part, &r->n_parts, &r->cap, p))
        return true;
    yk_lines_fini(&p.lines);
    return false;
}

static bool take_job(yk_slurm_run *r, const char *line)
{
    unsigned number;
    uint64_t job;
    if (sscanf(line, "job %u %" SCNu64, &number, &job) != 2)
        return false;
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->part[i].number == number)
            r->part[i].job = job;
    return true;
}

static bool take_line(yk_slurm_run *r, const char *line)
{
    bool is_out = false;
    if (take_text(line, "list", &r->list, &is_out) || take_text(line, "from", &r->from, &is_out) ||
        take_text(line, "cluster", &r->cluster, &is_out))
        return !is_out;
    if (strncmp(line, "jobs ", 5) == 0)
        return sscanf(line, "jobs %" SCNu64, &r->n_jobs) == 1;
    if (strncmp(line, "hash ", 5) == 0)
        return sscanf(line, "hash %" SCNx64, &r->hash) == 1;
    if (strncmp(line, "option ", 7) == 0)
        return push_option(r, line + 7);
    if (strncmp(line, "part ", 5) == 0)
        return take_part(r, line);
    if (strncmp(line, "job ", 4) == 0)
        return take_job(r, line);
    return strcmp(line, MAGIC) == 0;
}

int yk_slurm_run_open(const char *folder, yk_slurm_run **ret, yoke_error *err)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *r = yk_new(yk_slurm_run);
    YK_AUTOBUF text = YK_BUF_INIT;
    char       real[PATH_MAX];
    if (!r)
        return yk_fail_nomem(err, "opening a run folder");
    if (!realpath(folder, real))
        return yk_fail_errno(err, "'%s'", folder);
    r->folder = yk_strdup(real);
    YK_AUTOFREE char *path = r->folder ? yk_slurm_run_path(r, "slurm") : NULL;
    if (!path)
        return yk_fail_nomem(err, "opening a run folder");
    YK_TRY(yk_file_slurp(path, &text, err));
    unsigned number = 0;
    for (char *line = text.data; line && *line;) {
        char *end = strchr(line, '\n');
        if (!end) /* being written just now */
            break;
        *end = '\0';
        number++;
        if ((number == 1 && strcmp(line, MAGIC) != 0) || !take_line(r, line))
            return yk_fail(err, YOKE_EFORMAT, "'%s', line %u: not what a run folder's file holds", path, number);
        line = end + 1;
    }
    if (!r->list || !r->from || !r->cluster || !r->n_jobs)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is not complete", path);
    *ret = YK_TAKE(r);
    return 0;
}

bool yk_slurm_run_is(const char *folder)
{
    YK_AUTOBUF path = YK_BUF_INIT;
    yk_buf_printf(&path, "%s/slurm", folder);
    return !path.is_failed && access(path.data, R_OK) == 0;
}

static bool has_job(const yk_slurm_run *r, uint64_t job)
{
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->part[i].job == job)
            return true;
    return false;
}

/* Opens `folder` when it is a run with that job. */
static bool is_run_of(const char *folder, uint64_t job, yk_slurm_run **ret)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *r = NULL;
    if (!yk_slurm_run_is(folder) || yk_slurm_run_open(folder, &r, NULL) < 0 || !has_job(r, job))
        return false;
    *ret = YK_TAKE(r);
    return true;
}

/* Where this user's job ids are kept: links named after them. */
static int registry_path(uint64_t job, yk_buf *to, yoke_error *err)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state)
        yk_buf_printf(to, "%s/yoke/slurm", state);
    else
        yk_buf_printf(to, "%s/.local/state/yoke/slurm", home && *home ? home : "/tmp");
    if (job)
        yk_buf_printf(to, "/%" PRIu64, job);
    return to->is_failed ? yk_fail_nomem(err, "looking for a run") : 0;
}

static bool find_here(uint64_t job, yk_slurm_run **ret)
{
    bool is_found = false;
    DIR *here = opendir(".");
    for (struct dirent *e; here && !is_found && (e = readdir(here));)
        is_found = strncmp(e->d_name, "yoke-", 5) == 0 && is_run_of(e->d_name, job, ret);
    if (here)
        closedir(here);
    return is_found;
}

int yk_slurm_run_find(const char *what, yk_slurm_run **ret, yoke_error *err)
{
    YK_AUTOBUF  path = YK_BUF_INIT;
    uint64_t    job;
    const char *rest;
    if (!yk_job_id_parse(what, &job, &rest) || *rest) {
        if (yk_slurm_run_is(what))
            return yk_slurm_run_open(what, ret, err);
        return yk_fail(err, YOKE_EABSENT, "'%s' is neither a job id nor a run folder of 'yoke submit'", what);
    }
    if (find_here(job, ret))
        return 0;
    YK_TRY(registry_path(job, &path, err));
    if (is_run_of(path.data, job, ret))
        return 0;
    return yk_fail(err, YOKE_EABSENT, "no run of yours is known by job id %" PRIu64 "; if its folder is elsewhere, name that", job);
}

int yk_slurm_run_jobs(const yk_slurm_run *r, yk_jobfile **ret, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    YK_AUTOFREE char *path = yk_slurm_run_path(r, "jobs");
    if (!path)
        return yk_fail_nomem(err, "opening a job file");
    YK_TRY(yk_jobfile_open(path, NULL, &f, err));
    if (yk_jobfile_hash(f) != r->hash)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is not what was submitted: it has been changed since", path);
    *ret = YK_TAKE(f);
    return 0;
}

/* ---- parts */

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

uint64_t yk_slurm_pack(uint64_t n, uint64_t last, uint64_t wanted, const yk_site *site)
{
    uint64_t least = ceil_div(n, site->max_tasks);
    if (wanted <= 1 && least <= 1 && last <= site->max_index)
        return 0;
    return wanted > least ? wanted : least;
}

uint64_t yk_slurm_pack_auto(uint64_t n, uint64_t processors, uint64_t processors_per_task)
{
    uint64_t at_once = processors / (processors_per_task ? processors_per_task : 1);
    return processors ? ceil_div(n, at_once ? at_once : 1) : 1;
}

int yk_slurm_run_add(yk_slurm_run *r, const yk_lines *lines, uint64_t pack, bool keeps_output, yk_slurm_part **ret, yoke_error *err)
{
    yk_slurm_part p = {.number = (unsigned)r->n_parts + 1, .pack = pack, .keeps_output = keeps_output, .is_all = !lines};
    YK_AUTOBUF    b = YK_BUF_INIT, list = YK_BUF_INIT;
    uint64_t      n = lines ? yk_lines_count(lines) : r->n_jobs;
    p.n_tasks = pack ? ceil_div(n, pack) : n;
    if (lines) {
        yk_lines_print(lines, &list);
        YK_TRY(yk_lines_parse(yk_buf_text(&list), &p.lines, err));
    }
    yk_buf_printf(&b, "part %u tasks %" PRIu64 " pack %" PRIu64 " output %s lines %s\n", p.number, p.n_tasks, pack,
                  keeps_output ? "run" : "slurm", lines ? yk_buf_text(&list) : "all");
    int rc = note(r, &b, err);
    if (rc == 0 && !yk_push(&r->part, &r->n_parts, &r->cap, p))
        rc = yk_fail_nomem(err, "planning a submission");
    if (rc < 0) {
        yk_lines_fini(&p.lines);
        return rc;
    }
    *ret = &r->part[r->n_parts - 1];
    return 0;
}

/* A link named after the job id, so that `yoke report ID` finds the run from any folder. */
static int register_job(const yk_slurm_run *r, uint64_t job, yoke_error *err)
{
    YK_AUTOBUF folder = YK_BUF_INIT, link = YK_BUF_INIT;
    YK_TRY(registry_path(0, &folder, err));
    YK_TRY(registry_path(job, &link, err));
    YK_TRY(yk_file_make_dirs(folder.data, err));
    if (unlink(link.data) < 0 && errno != ENOENT)
        return yk_fail_errno(err, "'%s'", link.data);
    return symlink(r->folder, link.data) < 0 ? yk_fail_errno(err, "'%s'", link.data) : 0;
}

int yk_slurm_run_submitted(yk_slurm_run *r, yk_slurm_part *p, uint64_t job, yoke_error *err)
{
    YK_AUTOBUF line = YK_BUF_INIT;
    p->job = job;
    yk_buf_printf(&line, "job %u %" PRIu64 "\n", p->number, job);
    YK_TRY(note(r, &line, err));
    (void)!register_job(r, job, NULL); /* without the link the run is still found by its folder */
    return 0;
}

bool yk_slurm_part_has(const yk_slurm_part *p, uint64_t line)
{
    return p->is_all || yk_lines_has(&p->lines, line);
}

uint64_t yk_slurm_part_task(const yk_slurm_part *p, uint64_t line, uint64_t rank)
{
    return p->pack ? rank / p->pack : line;
}

int yk_slurm_part_array(const yk_slurm_run *r, const yk_slurm_part *p, yk_buf *to, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    YK_CLEANUP(yk_lines_fini) yk_lines all = YK_LINES_INIT;
    yk_job job;
    int    rc;
    if (p->pack) {
        yk_buf_printf(to, p->n_tasks > 1 ? "0-%" PRIu64 : "%" PRIu64, p->n_tasks - 1);
        return 0;
    }
    if (!p->is_all) {
        yk_lines_print(&p->lines, to);
        return 0;
    }
    YK_TRY(yk_slurm_run_jobs(r, &f, err));
    while ((rc = yk_jobfile_next(f, &job, err)) > 0)
        YK_TRY(yk_lines_add(&all, job.line, err));
    YK_TRY(rc);
    yk_lines_print(&all, to);
    return 0;
}
