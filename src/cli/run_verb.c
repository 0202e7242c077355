/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke run: a job file on this machine.
 */
#include "cli/verbs.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/file.h"
#include "cli/run_jobs.h"
#include "jobs/joblist.h"
#include "jobs/rundir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { O_LINES = 1, O_ORDER, O_PROGRESS };

typedef struct run_parts {
    yk_run_opts opts;
    const char *list;
    yk_lines    only;
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
    yk_lines_fini(&p->only);
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
static int check_list(const char *list, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    struct stat st;
    return stat(list, &st) == 0 && S_ISREG(st.st_mode) ? yk_jobfile_open(list, &f, err) : 0;
}

static int open_folder(const yk_args *args, run_parts *p, yoke_error *err)
{
    YK_TRY(check_list(p->list, err));
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
    return yk_jobfile_open(list, &p->file, err);
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
    yk_run_words(args, &words);
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
    if (p->only.n > 0)
        YK_TRY(yk_joblist_only(p->file, &p->only, &p->done, err));
    YK_TRY(yk_joblist_new(p->file, &p->done, &p->jobs, err));
    return write_session(args, p, err);
}

static int dry_run(const yk_args *args, run_parts *p, yoke_error *err)
{
    char folder[] = "/tmp/yoke-dry-XXXXXX";
    if (!mkdtemp(folder))
        return yk_fail_errno(err, "'%s'", folder);
    p->folder = yk_strdup(folder);
    p->is_new = true;
    YK_AUTOFREE char *list = yk_rundir_file(folder, "list");
    if (!p->folder || !list)
        return yk_fail_nomem(err, "reading a job file");
    YK_TRY(yk_rundir_keep_list(folder, p->list, err));
    YK_TRY(yk_jobfile_open(list, &p->file, err));
    yk_job job;
    int    rc;
    while ((rc = yk_jobfile_next(p->file, &job, err)) > 0)
        if (p->only.n == 0 || yk_lines_has(&p->only, job.line))
            puts(job.text);
    return rc;
}

static int execute(const yk_args *args, run_parts *p)
{
    yoke_error err = YOKE_ERROR_INIT;
    int        rc = p->opts.is_dry ? dry_run(args, p, &err) : prepare(args, p, &err);
    if (rc < 0 || p->opts.is_dry)
        remove_folder(p);
    if (rc < 0)
        return yk_cli_failed(args, &err);
    if (p->opts.is_dry)
        return yk_cli_finish(args, YK_EXIT_OK);
    if (yk_jobfile_count(p->file) == 0) {
        remove_folder(p);
        yk_cli_warn(args, "'%s' holds no jobs: nothing to do", p->list);
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
                        .run_folder = p->folder};
    return yk_cli_finish(args, yk_run_call_do(&call));
}

static int run(yk_args *args)
{
    YK_CLEANUP(parts_fini) run_parts p = {.opts = {.runner = YK_RUNNER_OPTS_INIT}, .only = YK_LINES_INIT, .done = YK_DONE_INIT};
    yoke_error  err = YOKE_ERROR_INIT;
    const char *value;
    int         id;
    p.opts.runner.handles_signals = true;
    while ((id = yk_args_next(args, &value)) != YK_ARG_END) {
        bool is_right = true;
        if (id == YK_ARG_WRONG)
            return YK_EXIT_USAGE;
        if (id == YK_ARG_WORD && p.list)
            return yk_cli_usage(args, "'%s' is one word too many: one job file is run at a time", value);
        if (id == YK_ARG_WORD)
            p.list = value;
        else if (id == O_LINES)
            is_right = yk_lines_parse(value, &p.only, &err) == 0;
        else if (id == O_PROGRESS)
            is_right = yk_progress_parse(value, &p.opts.progress, &err) == 0;
        else if (id == O_ORDER)
            p.opts.printer.is_ordered = true;
        else if (!yk_run_opt(args, id, value, &p.opts))
            return YK_EXIT_USAGE;
        if (!is_right)
            return yk_cli_failed(args, &err);
    }
    if (!p.list)
        return yk_cli_usage(args, "which job file? Name one, or '-' for standard input");
    return execute(args, &p);
}

const yk_verb yk_verb_run = {
    .name = "run",
    .summary = "run a job file, a command per line, on this machine",
    .usage = "[options] JOBFILE",
    .about = "Runs each line of the job file as a shell would, so many at a time as there are cores, and keeps a journal in a run folder, "
             "JOBFILE.yoke: when each began and ended, what it used, why it failed, and what it printed. After Ctrl-C, a crash or a power "
             "cut, --resume goes on where it stopped.\n\n"
             "Empty lines and lines that start with # are no jobs. A job's name is its line number, counted from 0. A line that ends in "
             "' #yoke after=3,5-7' waits until those lines have ended well. Jobs find their line in $YOKE_JOB, their slot in $YOKE_SLOT, "
             "their attempt in $YOKE_ATTEMPT; standard input is empty.\n\n"
             "Ctrl-C once lets the running jobs end, twice ends them. A terminal that goes away is noted and the run goes on. What the jobs "
             "print is passed on when each has ended, whole, and kept in the run folder: 'yoke report JOBFILE.yoke --output LINE' prints it "
             "again. The exit code is 0 when all jobs ended well, 1 when some did not, 130 when the run was interrupted.",
    .opts = (const yk_opt[]){
        YK_RUN_OPTIONS,
        {O_ORDER, 'k', "order", NULL, "pass output on in the order of the job file, not as jobs end"},
        {O_LINES, 0, "lines", "LIST", "only these lines: 0,4-8"},
        {O_PROGRESS, 0, "progress", "HOW", "auto, bar, line or none"},
        {0}},
    .examples = "# eight at a time\nyoke run jobs.txt -j 8\n\n# go on after an interruption; run the failed ones again too\n"
                "yoke run jobs.txt --resume\nyoke run jobs.txt --resume-failed\n\n"
                "# two more attempts, ten minutes each, give up when a tenth has failed\n"
                "yoke run jobs.txt --retries 2 --timeout 10m --halt soon,10%\n",
    .run = run,
};
