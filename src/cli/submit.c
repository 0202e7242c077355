/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke submit: a job file as a Slurm job array.
 */
#include "cli/verbs.h"

#include "slurm/cancelled.h"
#include "slurm/states.h"
#include "slurm/submission.h"
#include "slurm/script.h"
#include "slurm/array_task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { O_DRY_RUN = 1, O_PACK, O_ARRAY, O_RESUME, O_RESUME_FAILED, O_TASK, O_PART };

static const yk_opt OPTS[] = {
    {O_DRY_RUN, 0, "dry-run", NULL, "write the run folder and its batch script, submit nothing, and say what would be asked for"},
    {O_PACK, 0, "pack", "auto|N",
     "lines of an array task: it runs them one after another, or --cpus-per-task of them at a time.\n"
     "auto: as many as suit the partition, which is best for lines of less than a minute.\n"
     "Without it one line is one task, or as few as fit when the site allows fewer tasks than there are lines"},
    {O_ARRAY, 'a', "array", "LINES[%N]", "only these lines, such as 0-9,20; with %N so many tasks at a time"},
    {O_RESUME, 0, "resume", "RUN", "submit again what has not run to its end in that run (a run folder or job id)"},
    {O_RESUME_FAILED, 0, "resume-failed", "RUN", "the same, and the lines that failed too"},
    {O_TASK, 0, "task", "FOLDER", "what the batch script calls on the nodes: run this array task's lines"},
    {O_PART, 0, "part", "N", "with --task: of which submission of the run"},
    {0},
};

typedef struct call {
    const char *list, *resume, *task, *array;
    bool        is_dry, is_auto, takes_failed;
    uint64_t    pack, part;
    char      **words; /* for sbatch; borrowed from argv, the array is owned */
    size_t      n_words, cap;
} call;

/* ---- reading the words: those that are not ours are sbatch's */

static const yk_opt *find_ours(const char *word, const char **ret_value)
{
    *ret_value = NULL;
    for (const yk_opt *o = OPTS; o->id; o++) {
        size_t len = strlen(o->name);
        if (o->letter && word[1] == o->letter) {
            *ret_value = word[2] ? word + 2 + (word[2] == '=') : NULL;
            return o;
        }
        if (word[1] != '-' || strncmp(word + 2, o->name, len) != 0 || (word[2 + len] && word[2 + len] != '='))
            continue;
        *ret_value = word[2 + len] ? word + 3 + len : NULL;
        return o;
    }
    return NULL;
}

static bool take_pack(yk_args *args, call *c, const char *value)
{
    c->is_auto = strcmp(value, "auto") == 0;
    if (c->is_auto || yk_args_uint(args, "pack", value, 1, 1000000000, &c->pack))
        return true;
    return false;
}

static bool take_ours(yk_args *args, call *c, const yk_opt *o, const char *value)
{
    switch (o->id) {
    case O_DRY_RUN: c->is_dry = true; return true;
    case O_PACK: return take_pack(args, c, value);
    case O_ARRAY: c->array = value; return true;
    case O_RESUME_FAILED: c->takes_failed = true; c->resume = value; return true;
    case O_RESUME: c->resume = value; return true;
    case O_TASK: c->task = value; return true;
    default: return yk_args_uint(args, "part", value, 1, 1000000, &c->part);
    }
}

static bool push_word(call *c, char *word)
{
    return yk_push(&c->words, &c->n_words, &c->cap, word);
}

static bool take_word(yk_args *args, call *c, char **argv, int argc, int *i)
{
    const char   *value;
    char         *word = argv[*i];
    const yk_opt *o = word[0] == '-' && word[1] ? find_ours(word, &value) : NULL;
    if (word[0] != '-' || !word[1]) {
        if (c->list)
            return yk_cli_usage(args, "'%s' is one word too many: one job file is submitted at a time, and an option of sbatch "
                                "that takes a value is written with '='", word), false;
        c->list = word;
        return true;
    }
    if (!o) {
        bool takes_next = yk_sbatch_takes_next(word) && *i + 1 < argc;
        return push_word(c, word) && (!takes_next || push_word(c, argv[++*i]));
    }
    if (o->arg && !value) {
        if (*i + 1 >= argc)
            return yk_cli_usage(args, "--%s needs a value: --%s %s", o->name, o->name, o->arg), false;
        value = argv[++*i];
    }
    if (!o->arg && value)
        return yk_cli_usage(args, "--%s takes no value", o->name), false;
    return take_ours(args, c, o, value);
}

/* ---- which lines */

/* "0-9,20%4": those of them that are jobs. */
static int read_array(const yk_slurm_run *r, const char *text, yk_lines *ret, uint64_t *ret_at_once, yoke_error *err)
{
    YK_CLEANUP(yk_indices_fini) yk_indices x = YK_INDICES_INIT;
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    yk_job job;
    int    rc;
    YK_TRY(yk_indices_parse(text, &x, err));
    *ret_at_once = x.at_once;
    YK_TRY(yk_slurm_run_jobs(r, &f, err));
    while ((rc = yk_jobfile_next(f, &job, err)) > 0)
        if (yk_lines_has(&x.set, job.line))
            YK_TRY(yk_lines_add(ret, job.line, err));
    YK_TRY(rc);
    return ret->n ? 0 : yk_fail(err, YOKE_EINVALID, "none of the lines %s is a job", text);
}

static bool is_to_resume(const call *c, const yk_states *s, const yk_line_state *line)
{
    const char *state = s->name[line->state];
    if (yk_state_is(state, "COMPLETED"))
        return false;
    return c->takes_failed || !line->session || !yk_cause_is_done((yk_cause)line->cause);
}

static int find_rest(const call *c, const yk_slurm_run *r, yk_lines *ret, yoke_error *err)
{
    YK_CLEANUP(yk_states_freep) yk_states *s = NULL;
    uint64_t waiting = 0;
    YK_TRY(yk_states_load(r, 0, &s, err));
    if (s->trouble[0])
        return yk_fail(err, YOKE_EIO, "%s", s->trouble);
    for (size_t i = 0; i < s->n; i++)
        waiting += yk_state_is_active(s->name[s->line[i].state]) && strcmp(s->reason[s->line[i].reason], "NotSubmitted") != 0;
    if (waiting)
        return yk_fail(err, YOKE_EEXISTS, "%llu lines of '%s' still wait or run: let them end, or 'yoke cancel' them, and resume then",
                       (unsigned long long)waiting, r->folder);
    for (size_t i = 0; i < s->n; i++)
        if (is_to_resume(c, s, &s->line[i]))
            YK_TRY(yk_lines_add(ret, s->line[i].line, err));
    return yk_cancelled_forget(r, err);
}

/* ---- saying what was done */

static void say_next(const yk_submission *s, const yk_submitted *d, bool is_asked)
{
    unsigned long long job = d->part->job;
    fprintf(stderr, "Submitted job %llu: %llu line%s in %llu task%s", job, (unsigned long long)d->n_lines, d->n_lines == 1 ? "" : "s",
            (unsigned long long)d->part->n_tasks, d->part->n_tasks == 1 ? "" : "s");
    if (d->per_task > 1)
        fprintf(stderr, " of up to %llu lines", (unsigned long long)d->per_task);
    fprintf(stderr, ". The run folder is %s\n", s->run->folder);
    if (d->is_raised)
        fprintf(stderr, "More lines went into a task than --pack says: this site allows %llu tasks in an array.\n",
                (unsigned long long)s->site.max_tasks);
    if (d->per_task > 1 && !is_asked)
        fputs("What sbatch was asked for (--time, --mem) is for a task and all its lines.\n", stderr);
    fprintf(stderr, "  yoke report %llu            what became of the lines\n", job);
    fprintf(stderr, "  yoke report --watch %llu    and until all have ended\n", job);
    fprintf(stderr, "  yoke cancel %llu            stops it\n", job);
}

static void say_dry(const yk_submission *s, const yk_submitted *d)
{
    fprintf(stderr, "Nothing was submitted. sbatch would be asked for %llu task%s of %llu line%s%s%s, with these options of yours:",
            (unsigned long long)d->part->n_tasks, d->part->n_tasks == 1 ? "" : "s", (unsigned long long)d->per_task,
            d->per_task == 1 ? "" : "s", s->site.cluster[0] ? ", on cluster " : "", s->site.cluster);
    for (size_t i = 0; i < s->run->n_options; i++)
        fprintf(stderr, " %s", s->run->option[i]);
    fprintf(stderr, "%s\nTo submit it, run:\n  sbatch %s\n", s->run->n_options ? "" : " none", d->script);
}

/* Whether sbatch refused because so many tasks may not be queued at once, and the lines per task are ours to choose: then
 * the same lines are tried in half as many tasks. */
static bool may_pack_more(const call *c, const yk_submitted *d, const yoke_error *err)
{
    bool is_limit = strcasestr(err->text, "submit limit") || strcasestr(err->text, "MaxSubmit");
    return is_limit && !c->pack && d->part->pack && d->part->n_tasks > 1;
}

/* Writes and, unless it is a dry run, sends. */
static int send(const call *c, yk_submission *s, yk_submitted *d, yoke_error *err)
{
    for (;;) {
        yoke_error why = YOKE_ERROR_INIT;
        YK_TRY(yk_submission_write(s, d, err));
        int rc = c->is_dry ? 0 : yk_submission_send(s, d, &why);
        if (rc == 0)
            return 0;
        if (!may_pack_more(c, d, &why))
            return yk_fail(err, rc, "%s", why.text);
        s->pack = 2 * d->per_task;
        s->is_auto = false;
        yk_submitted_fini(d);
        *d = (yk_submitted){.said = YK_BUF_INIT};
    }
}

static int submit(yk_args *args, const call *c, yk_submission *s)
{
    YK_CLEANUP(yk_submitted_fini) yk_submitted d = {.said = YK_BUF_INIT};
    yoke_error err = YOKE_ERROR_INIT;
    int        rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n_words; i++)
        rc = yk_slurm_run_option(s->run, c->words[i], &err);
    if (rc == 0)
        rc = send(c, s, &d, &err);
    if (rc < 0) {
        if (!c->resume && rc != YOKE_ETIMEOUT) /* after a time-out the job may be there all the same */
            yk_slurm_run_remove(s->run);
        return yk_cli_failed(args, &err);
    }
    if (c->is_dry) {
        printf("%s\n", d.script);
        say_dry(s, &d);
        return yk_cli_finish(args, YK_EXIT_OK);
    }
    fputs(yk_buf_text(&d.said), stderr);
    if (!d.part->job)
        return YK_EXIT_OK;
    printf("%llu\n", (unsigned long long)d.part->job);
    say_next(s, &d, c->pack || c->is_auto);
    return yk_cli_finish(args, YK_EXIT_OK);
}

static int submit_new(yk_args *args, const call *c)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *run = NULL;
    YK_CLEANUP(yk_lines_fini) yk_lines lines = YK_LINES_INIT;
    yoke_error    err = YOKE_ERROR_INIT;
    yk_submission s = {.pack = c->pack, .is_auto = c->is_auto};
    if (yk_site_find(&s.site, &err) < 0 || /* before anything is written */
        yk_slurm_run_create(c->list, s.site.cluster, &run, &err) < 0)
        return yk_cli_failed(args, &err);
    s.run = run;
    if (c->array && read_array(run, c->array, &lines, &s.at_once, &err) < 0) {
        yk_slurm_run_remove(run);
        return yk_cli_failed(args, &err);
    }
    s.lines = c->array ? &lines : NULL;
    return submit(args, c, &s);
}

static int submit_rest(yk_args *args, const call *c)
{
    YK_CLEANUP(yk_slurm_run_freep) yk_slurm_run *run = NULL;
    YK_CLEANUP(yk_lines_fini) yk_lines lines = YK_LINES_INIT;
    yoke_error    err = YOKE_ERROR_INIT;
    yk_submission s = {.pack = c->pack, .is_auto = c->is_auto, .lines = &lines};
    if (yk_slurm_run_find(c->resume, &run, &err) < 0 || yk_site_find(&s.site, &err) < 0 || find_rest(c, run, &lines, &err) < 0)
        return yk_cli_failed(args, &err);
    s.run = run;
    if (!lines.n) {
        fprintf(stderr, "All lines of '%s' have run to their ends: nothing is left to submit.\n", run->folder);
        return YK_EXIT_OK;
    }
    return submit(args, c, &s);
}

static int run_task(yk_args *args, const call *c)
{
    yoke_error err = YOKE_ERROR_INIT;
    int        status = 0;
    if (yk_slurm_task_run(c->task, c->part ? (unsigned)c->part : 1, &status, &err) < 0)
        return yk_cli_failed(args, &err);
    return status;
}

static int run(yk_args *args)
{
    call   c = {0};
    int    argc = yk_args_left(args), code = YK_EXIT_USAGE;
    char **argv = yk_args_rest(args);
    bool   is_read = true;
    for (int i = 0; is_read && i < argc; i++)
        is_read = take_word(args, &c, argv, argc, &i);
    if (!is_read)
        code = YK_EXIT_USAGE;
    else if (c.task)
        code = run_task(args, &c);
    else if (c.resume && (c.list || c.array))
        code = yk_cli_usage(args, "--resume takes its lines from the run, not from '%s'", c.list ? c.list : c.array);
    else if (c.resume)
        code = submit_rest(args, &c);
    else if (!c.list)
        code = yk_cli_usage(args, "which job file? It has a command per line: yoke submit JOBFILE");
    else
        code = submit_new(args, &c);
    yk_free(c.words);
    return code;
}

const yk_verb yk_verb_submit = {
    .name = "submit",
    .summary = "run a job file, a command per line, as a Slurm job array",
    .usage = "[options] JOBFILE [any option of sbatch]\n--resume RUN [any option of sbatch]",
    .about =
        "Submits the lines of a job file to Slurm and prints the job id. A line is a job; empty lines and lines that begin with "
        "'#' are none; its zero-based line number is its name. The job file is copied at submission: editing it later changes "
        "nothing.\n\n"
        "One line is one array task, as with dSQ. More lines than the site allows tasks (MaxArraySize, 1001 by default), or "
        "lines that take less time than Slurm needs to start a task, are packed: see --pack. Any number of lines is one call "
        "of sbatch.\n\n"
        "What the lines print is kept in the run folder (yoke-NAME-DATE-TIME in the current folder) and read with 'yoke report "
        "RUN --output LINE'; with -o or --output of sbatch it goes to Slurm's own files instead.\n\n"
        "A task that Slurm starts again (after a node failed, or the task was preempted or requeued) goes on where it was: lines "
        "that ended are not run twice. When --time is up, 'yoke submit --resume RUN' submits the rest, with the options of the "
        "first submission and any given now.\n\n"
        "Called by the names dsq (or dSQ) and dsqa (or dSQAutopsy), this program is Dead Simple Queue, with its options and files.",
    .opts = OPTS,
    .examples = "# a line per task, half an hour and 4 GiB each\nyoke submit jobs.txt -t 30 --mem=4g\n\n"
                "# a million short lines, in as many tasks as suit the partition, four at a time in each\nyoke submit jobs.txt --pack auto -c 4\n\n"
                "# only look\nyoke submit --dry-run jobs.txt -p short\n\n"
                "# go on after the time limit\nyoke submit --resume yoke-jobs-20260131-093000 -t 2:00:00\n",
    .run = run,
};
