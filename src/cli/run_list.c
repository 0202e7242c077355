/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job file run on this machine: its run folder, what earlier sessions did, and the run.
 */
#include "cli/run_jobs.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/file.h"
#include "jobs/joblist.h"
#include "jobs/rundir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct run_parts {
    yk_run_opts opts;
    const char *list;
    const char *what; /* as of yk_jobfile_open */
    const yk_lines *only;
    char       *folder; /* owned */
    bool        is_new;
    yk_jobfile *file;
    yk_journal *journal;
    yk_store   *store;
    yk_joblist *jobs;
    yk_done     done;
    yk_resume   resume;
} run_parts;

static void parts_fini(run_parts *p)
{
    yk_joblist_free(p->jobs);
    yk_jobfile_close(p->file);
    yk_journal_close(p->journal);
    yk_store_close(p->store);
    yk_done_fini(&p->done);
    yk_resume_fini(&p->resume);
    yk_free(p->folder);
}

/* ---- the run folder */

static int choose_folder(const yk_args *args, run_parts *p, yoke_error *err)
{
    if (p->opts.run) {
        p->folder = yk_strdup(p->opts.run);
        return p->folder ? 0 : yk_fail_nomem(err, "starting a run");
    }
    if (p->opts.is_resume) {
        yoke_error none = YOKE_ERROR_INIT;
        int        rc = yk_rundir_choose(p->list, true, &p->folder, &none);
        if (rc != YOKE_EABSENT)
            return rc < 0 ? yk_fail(err, rc, "%s", none.text) : 0;
        yk_cli_warn(args, "no earlier run of '%s' is here: this is the first", p->list);
    }
    return yk_rundir_choose(p->list, false, &p->folder, err);
}

/* A job file that is wrong is refused before anything is made or replaced. */
static int check_list(const run_parts *p, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    struct stat st;
    return stat(p->list, &st) == 0 && S_ISREG(st.st_mode) ? yk_jobfile_open(p->list, p->what, &f, err) : 0;
}

static int open_folder(const yk_args *args, run_parts *p, yoke_error *err)
{
    YK_TRY(check_list(p, err));
    YK_TRY(choose_folder(args, p, err));
    YK_TRY(yk_file_make_dirs(p->folder, err));
    YK_AUTOFREE char *journal = yk_rundir_file(p->folder, "journal"), *output = yk_rundir_file(p->folder, "output");
    YK_AUTOFREE char *list = yk_rundir_file(p->folder, "list");
    if (!journal || !output || !list)
        return yk_fail_nomem(err, "starting a run");
    p->is_new = access(journal, F_OK) < 0;
    if (!p->is_new && !p->opts.is_resume)
        return yk_fail(err, YOKE_EEXISTS, "'%s' holds a run already: --resume goes on with it, another name starts a new one", p->folder);
    YK_TRY(yk_journal_open(journal, &p->journal, err)); /* also the lock against another yoke in this folder */
    YK_TRY(yk_rundir_keep_list(p->folder, p->list, err));
    YK_TRY(yk_store_open(output, &p->store, err));
    return yk_jobfile_open(list, p->what, &p->file, err);
}

/* A run that cannot begin leaves no folder behind. */
static void remove_folder(const run_parts *p)
{
    static const char *const name[] = {"journal", "output", "list"};
    for (int i = 0; p->is_new && p->folder && i < 3; i++) {
        YK_AUTOFREE char *path = yk_rundir_file(p->folder, name[i]);
        if (path)
            unlink(path);
    }
    if (p->is_new && p->folder)
        rmdir(p->folder);
}

/* ---- going on */

static int read_earlier(const yk_args *args, run_parts *p, yoke_error *err)
{
    if (!p->opts.is_resume || p->is_new)
        return yk_done_init(&p->done, yk_jobfile_count(p->file), err);
    YK_TRY(yk_resume_read(p->folder, p->file, p->opts.again_failed, &p->resume, &p->done, err));
    unsigned n = yk_resume_end_strays(&p->resume);
    if (n > 0)
        yk_cli_warn(args, "%u processes of jobs that were cut off were still there; they are ended and their jobs run again", n);
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC); /* jobs' peak memory begins at this process's own: forget it */
    if (fd >= 0) {
        (void)!write(fd, "5", 1);
        close(fd);
    }
    return 0;
}

static int write_session(const yk_args *args, run_parts *p, yoke_error *err)
{
    YK_AUTOBUF        words = YK_BUF_INIT;
    YK_AUTOFREE char *folder = NULL, *list = NULL;
    char              host[256] = "";
    gethostname(host, sizeof host - 1);
    yk_run_words(args, p->folder, &words);
    folder = getcwd(NULL, 0); /* the allocator under yk_free is malloc's */
    list = realpath(p->list, NULL);
    p->opts.runner.run_id = p->resume.run_id;
    while (p->opts.runner.run_id == 0)
        if (getrandom(&p->opts.runner.run_id, sizeof p->opts.runner.run_id, 0) < 0)
            return yk_fail_errno(err, "drawing a number for the run");
    yk_session s = {.is_new_list = p->resume.is_new_list,
                    .time_ns = yk_wall_ns(),
                    .run_id = p->opts.runner.run_id,
                    .n_jobs = yk_jobfile_count(p->file),
                    .list_hash = yk_jobfile_hash(p->file),
                    .slots = p->opts.runner.slots ? p->opts.runner.slots : yk_cpus_find().usable,
                    .pid = (int32_t)getpid(),
                    .host = host,
                    .folder = folder ? folder : "",
                    .list = list ? list : p->list,
                    .command = yk_buf_text(&words)};
    yk_journal_session(p->journal, &s);
    for (size_t i = 0; i < p->resume.n_keep; i++)
        yk_journal_keep(p->journal, p->resume.keep[i].start, p->resume.keep[i].line, p->resume.keep[i].seq);
    return yk_journal_flush(p->journal, err);
}

static uint64_t next_wanted(void *ctx, uint64_t seq)
{
    const yk_done *d = ctx; /* the index of a job is its seq less one */
    while (seq < d->n && yk_done_get(d, seq) != YK_JOB_TODO)
        seq++;
    return seq + 1;
}

static int prepare(const yk_args *args, run_parts *p, yoke_error *err)
{
    YK_TRY(open_folder(args, p, err));
    YK_TRY(read_earlier(args, p, err));
    if (p->only->n > 0)
        YK_TRY(yk_joblist_only(p->file, p->only, &p->done, err));
    YK_TRY(yk_joblist_new(p->file, &p->done, &p->jobs, err));
    return write_session(args, p, err);
}

/* What would run: without a trace in the run folder, also while another yoke is at work in it. */
static int print_wanted(const yk_args *args, run_parts *p, const char *list, yoke_error *err)
{
    yk_job job;
    int    rc;
    YK_TRY(yk_jobfile_open(list, p->what, &p->file, err));
    YK_TRY(choose_folder(args, p, err));
    YK_AUTOFREE char *journal = yk_rundir_file(p->folder, "journal");
    if (!journal)
        return yk_fail_nomem(err, "reading a run");
    if (p->opts.is_resume && access(journal, F_OK) == 0)
        YK_TRY(yk_resume_read(p->folder, p->file, p->opts.again_failed, &p->resume, &p->done, err));
    while ((rc = yk_jobfile_next(p->file, &job, err)) > 0)
        if ((p->only->n == 0 || yk_lines_has(p->only, job.line)) && yk_done_get(&p->done, job.index) == YK_JOB_TODO)
            puts(job.text);
    return rc;
}

static int dry_run(const yk_args *args, run_parts *p, yoke_error *err)
{
    char copy[] = "/tmp/yoke-dry-XXXXXX"; /* of standard input, perhaps */
    if (!mkdtemp(copy))
        return yk_fail_errno(err, "'%s'", copy);
    YK_AUTOFREE char *list = yk_rundir_file(copy, "list");
    int rc = list ? yk_rundir_keep_list(copy, p->list, err) : yk_fail_nomem(err, "reading a job file");
    if (rc == 0)
        rc = print_wanted(args, p, list, err);
    if (list)
        unlink(list);
    rmdir(copy);
    return rc;
}

static int execute(const yk_args *args, run_parts *p)
{
    yoke_error err = YOKE_ERROR_INIT;
    if (p->opts.is_dry)
        return yk_cli_finish(args, dry_run(args, p, &err) < 0 ? yk_cli_failed(args, &err) : YK_EXIT_OK);
    if (prepare(args, p, &err) < 0) {
        remove_folder(p);
        return yk_cli_failed(args, &err);
    }
    if (yk_jobfile_count(p->file) == 0) {
        remove_folder(p);
        yk_cli_warn(args, "%s%s%s no jobs: nothing to do", p->what ? "there are" : "'", p->what ? "" : p->list, p->what ? "" : "' holds");
        return YK_EXIT_OK;
    }
    p->opts.printer.after = next_wanted;
    p->opts.printer.ctx = &p->done;
    yk_run_call call = {.args = args,
                        .opts = &p->opts,
                        .source = yk_joblist_source(p->jobs),
                        .total = yk_joblist_todo(p->jobs),
                        .journal = p->journal,
                        .store = p->store,
                        .n_before = p->done.n_ok + p->done.n_failed,
                        .n_failed_before = p->only->n ? 0 : p->done.n_failed,
                        .run_folder = p->folder};
    return yk_cli_finish(args, yk_run_call_do(&call));
}

int yk_run_list(const yk_args *args, const yk_run_opts *opts, const char *list, const char *what, const yk_lines *only)
{
    YK_CLEANUP(parts_fini) run_parts p = {.opts = *opts, .list = list, .what = what, .only = only, .done = YK_DONE_INIT};
    return execute(args, &p);
}
