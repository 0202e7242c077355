/* SPDX-License-Identifier: BSD-3-Clause
 *
 * dsq: writes (or submits) a batch script for a job file.
 */
#include "cli/dsq_programs.h"

#include "base/file.h"
#include "slurm/dsq.h"
#include "slurm/indices.h"
#include "slurm/script.h"
#include "slurm/slurm_call.h"
#include "slurm/slurm_run.h"

#include <yoke/version.h>

#include <errno.h> /* program_invocation_name: as called, with its folder */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { D_JOB_FILE = 1, D_BATCH_FILE, D_JOB_NAME, D_MAX_JOBS, D_OUTPUT, D_STATUS_DIR, D_NO_STATS, D_SUBMIT, D_STDOUT, D_ARRAY, D_HELP,
      D_VERSION };

static const yk_dsq_opt OPTS[] = {
    {D_JOB_FILE, "--job-file", true},    {D_JOB_FILE, "--jobfile", true},   {D_JOB_FILE, "--taskfile", true},
    {D_BATCH_FILE, "--batch-file", true}, {D_JOB_NAME, "--job-name", true}, {D_JOB_NAME, "-J", true},
    {D_MAX_JOBS, "--max-jobs", true},    {D_OUTPUT, "--output", true},      {D_OUTPUT, "-o", true},
    {D_STATUS_DIR, "--status-dir", true}, {D_NO_STATS, "--suppress-stats-file", false}, {D_SUBMIT, "--submit", false},
    {D_STDOUT, "--stdout", false},       {D_ARRAY, "--array", true},        {D_ARRAY, "-a", true},
    {D_HELP, "--help", false},           {D_HELP, "-h", false},             {D_VERSION, "--version", false},
    {0},
};

static const char HELP[] =
    "usage: %s --job-file FILE [options] [options of sbatch]\n\n"
    "Writes a batch script that runs the lines of a job file as a Slurm job array: Dead Simple Queue's own options, in\n"
    "yoke (%s). 'yoke submit' does more: packing, resuming, one report of it all.\n\n"
    "  --job-file FILE        a job per line; empty lines and lines that begin with '#' are none\n"
    "  --batch-file FILE      the script (default dsq-NAME-YYYY-MM-DD.sh)\n"
    "  -J, --job-name NAME    the array's name (default dsq-NAME)\n"
    "  --max-jobs N           at most N jobs at a time\n"
    "  -o, --output PATTERN   Slurm's output files (default dsq-NAME-%%A_%%a-%%N.out, the index with leading zeros)\n"
    "  --status-dir DIR       where job_ID_status.tsv goes (default: the current folder)\n"
    "  --suppress-stats-file  no job_ID_status.tsv\n"
    "  --submit               submit at once\n"
    "  -h, --help; --version\n\n"
    "Any other option is sbatch's.\n";

typedef struct call {
    const char *list, *batch_file, *name, *output, *status_dir, *array, *max_jobs;
    bool        has_stats, is_submit, is_stdout;
    char      **words; /* for sbatch; the array is owned */
    size_t      n_words, cap;
    char        stem[256], batch[PATH_MAX];
    yk_buf      name_buf, output_buf, array_buf, status_buf, options_buf, list_buf; /* owned; what was not said */
} call;

static void call_fini(call *c)
{
    yk_free(c->words);
    yk_buf *buf[] = {&c->name_buf, &c->output_buf, &c->array_buf, &c->status_buf, &c->options_buf, &c->list_buf};
    for (size_t i = 0; i < sizeof buf / sizeof *buf; i++)
        yk_buf_fini(buf[i]);
}

/* ---- words */

static bool take(call *c, int id, const char *value)
{
    switch (id) {
    case D_JOB_FILE: c->list = value; return true;
    case D_BATCH_FILE: c->batch_file = value; return true;
    case D_JOB_NAME: c->name = value; return true;
    case D_MAX_JOBS: c->max_jobs = value; return true;
    case D_OUTPUT: c->output = value; return true;
    case D_STATUS_DIR: c->status_dir = value; return true;
    case D_NO_STATS: c->has_stats = false; return true;
    case D_SUBMIT: c->is_submit = true; return true;
    case D_STDOUT: c->is_stdout = true; return true;
    case D_ARRAY: c->array = value; return true;
    default: return yk_push(&c->words, &c->n_words, &c->cap, (char *)value);
    }
}

/* YK_DSQ_END to go on, else the exit code + 1. */
static int read_words(const char *program, int argc, char **argv, call *c)
{
    yk_dsq_words w = {.program = program, .opts = OPTS, .argc = argc, .argv = argv};
    const char  *value;
    int          id;
    while ((id = yk_dsq_next(&w, &value)) != YK_DSQ_END) {
        if (id == YK_DSQ_WRONG)
            return 3;
        if (id == D_HELP)
            return printf(HELP, program, yoke_version()) < 0 ? 2 : 1;
        if (id == D_VERSION)
            return printf("%s 1.05 (yoke %s)\n", program, yoke_version()) < 0 ? 2 : 1;
        if (!take(c, id, value))
            return 2;
        if (id == YK_DSQ_OTHER && strpbrk(value, "\n\r"))
            return yk_dsq_wrong(program, "an option with a line break cannot be written into a batch script") + 1;
    }
    if (!c->list)
        return yk_dsq_wrong(program, "the following arguments are required: --job-file") + 1;
    if (c->max_jobs && (strspn(c->max_jobs, "0123456789") != strlen(c->max_jobs) || !c->max_jobs[0]))
        return yk_dsq_wrong(program, "argument --max-jobs: invalid int value: '%s'", c->max_jobs) + 1;
    return YK_DSQ_END;
}

/* ---- where things are */

/* Whether dSQBatch.py is in a folder, given by its first `len` characters; its path goes to c->batch then. */
static bool is_batch_in(call *c, const char *folder, size_t len)
{
    char dir[PATH_MAX], real[PATH_MAX];
    snprintf(dir, sizeof dir, "%.*s", (int)len, folder);
    return realpath(len ? dir : "/", real) && snprintf(c->batch, sizeof c->batch, "%s/dSQBatch.py", real) < (int)sizeof c->batch &&
           access(c->batch, X_OK) == 0;
}

/* Beside the program, under the name by which it was called, or on the PATH. */
static int find_batch(call *c, const char *argv0, yoke_error *err)
{
    const char *slash = strrchr(argv0, '/'), *path = getenv("PATH");
    if (slash && is_batch_in(c, argv0, (size_t)(slash - argv0)))
        return 0;
    for (; path && *path; path += strcspn(path, ":"), path += *path == ':')
        if (is_batch_in(c, path, strcspn(path, ":")))
            return 0;
    return yk_fail(err, YOKE_EABSENT, "dSQBatch.py, which the array's tasks run, is neither beside this program nor on the PATH");
}

static int find_status_dir(call *c, yoke_error *err)
{
    char real[PATH_MAX];
    const char *dir = c->status_dir ? c->status_dir : ".";
    if (!realpath(dir, real) || access(real, W_OK | X_OK) < 0)
        return yk_fail(err, YOKE_EIO, "%s is not a folder that one may write to; name another with --status-dir", dir);
    yk_buf_puts(&c->status_buf, real);
    return 0;
}

static void find_stem(call *c)
{
    const char *base = yk_path_base(c->list), *dot = strrchr(base, '.');
    snprintf(c->stem, sizeof c->stem, "%.*s", (int)(dot && dot > base ? (size_t)(dot - base) : strlen(base)), base);
}

/* ---- the array */

static int choose_array(call *c, const yk_dsq_list *l, uint64_t *ret_pack, unsigned *ret_width, yoke_error *err)
{
    yk_site site;
    *ret_pack = 0;
    *ret_width = 2;
    YK_TRY(yk_site_find(&site, err));
    if (c->array) {
        yk_buf_puts(&c->array_buf, c->array);
    } else {
        uint64_t n = yk_lines_count(&l->jobs), last = l->jobs.range[l->jobs.n - 1].last;
        *ret_pack = yk_slurm_pack(n, last, 0, &site);
        if (*ret_pack) {
            last = (n + *ret_pack - 1) / *ret_pack - 1;
            yk_buf_printf(&c->array_buf, "0-%" PRIu64, last);
        } else
            yk_lines_print(&l->jobs, &c->array_buf);
        *ret_width = (unsigned)snprintf(NULL, 0, "%" PRIu64, last);
    }
    if (c->max_jobs)
        yk_buf_printf(&c->array_buf, "%%%s", c->max_jobs);
    return 0;
}

static int fill(call *c, const yk_dsq_list *l, yk_dsq_script *s, yoke_error *err)
{
    unsigned width;
    YK_TRY(choose_array(c, l, &s->pack, &width, err));
    YK_TRY(find_status_dir(c, err));
    YK_TRY(yk_dsq_snapshot(l, yk_buf_text(&c->status_buf), c->stem, &c->list_buf, err));
    yk_buf_printf(&c->name_buf, "dsq-%s", c->stem);
    yk_buf_puts(&c->output_buf, "dsq-");
    yk_script_path(&c->output_buf, c->stem);
    yk_buf_printf(&c->output_buf, "-%%A_%%%ua-%%N.out", width);
    yk_dsq_print_options(c->words, c->n_words, &c->options_buf);
    s->name = c->name ? c->name : yk_buf_text(&c->name_buf);
    s->output = c->output ? c->output : yk_buf_text(&c->output_buf);
    s->array = yk_buf_text(&c->array_buf);
    s->options = yk_buf_text(&c->options_buf);
    s->batch = c->batch;
    s->list = yk_buf_text(&c->list_buf);
    s->status_dir = c->has_stats ? yk_buf_text(&c->status_buf) : NULL;
    return 0;
}

/* ---- what is done with it */

static int write_script(const call *c, const yk_dsq_script *s, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT, path = YK_BUF_INIT;
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    char      date[16];
    time_t    now = time(NULL);
    struct tm tm;
    yk_dsq_print_script(s, &text);
    if (c->is_stdout) {
        fputs(yk_buf_text(&text), stdout);
        return 0;
    }
    strftime(date, sizeof date, "%Y-%m-%d", localtime_r(&now, &tm));
    yk_buf_printf(&path, "dsq-%s-%s.sh", c->stem, date);
    const char *file = c->batch_file ? c->batch_file : yk_buf_text(&path);
    YK_TRY(yk_output_open(&out, file, true, err));
    fputs(yk_buf_text(&text), out.file);
    YK_TRY(yk_output_commit(&out, err));
    YK_AUTOBUF quoted = YK_BUF_INIT;
    yk_script_shell(&quoted, file);
    printf("Batch script generated. To submit your jobs, run:\n sbatch %s\n", yk_buf_text(&quoted));
    return 0;
}

static void print_argv(char *const *argv, size_t n)
{
    YK_AUTOBUF line = YK_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (i)
            yk_buf_putc(&line, ' ');
        yk_script_shell(&line, argv[i]);
    }
    printf("submitting:\n%s\n", yk_buf_text(&line));
    fflush(stdout);
}

/* sbatch gets the user's own words; the last line of the script goes as --wrap. */
static int submit(const call *c, const yk_dsq_script *s, int *ret, yoke_error *err)
{
    YK_AUTOBUF output = YK_BUF_INIT, array = YK_BUF_INIT, name = YK_BUF_INIT, wrap = YK_BUF_INIT;
    YK_AUTOFREE char **argv = yk_new_array(char *, c->n_words + 8);
    YK_AUTOREPLY r = YK_SLURM_REPLY_INIT;
    size_t       n = 0;
    yk_buf_printf(&output, "--output=%s", s->output);
    yk_buf_printf(&array, "--array=%s", s->array);
    yk_buf_printf(&name, "--job-name=%s", s->name);
    yk_buf_puts(&wrap, "--wrap=exec ");
    yk_dsq_print_command(s, &wrap);
    if (!argv || output.is_failed || array.is_failed || name.is_failed || wrap.is_failed)
        return yk_fail_nomem(err, "submitting");
    argv[n++] = (char *)"sbatch";
    argv[n++] = output.data;
    argv[n++] = array.data;
    argv[n++] = name.data;
    for (size_t i = 0; i < c->n_words; i++)
        argv[n++] = c->words[i];
    argv[n++] = wrap.data;
    print_argv(argv, n);
    YK_TRY(yk_slurm_try((const char *const *)argv, 1e9, &r, err));
    fputs(yk_buf_text(&r.out), stdout);
    fputs(yk_buf_text(&r.said), stderr);
    *ret = r.status;
    return 0;
}

static int go(call *c, int *ret, yoke_error *err)
{
    YK_CLEANUP(yk_dsq_list_fini) yk_dsq_list l = {YK_BUF_INIT, YK_LINES_INIT};
    yk_dsq_script s = {0};
    YK_TRY(yk_dsq_list_open(c->list, &l, err));
    if (!l.jobs.n)
        return yk_fail(err, YOKE_EFORMAT, "No jobs found in %s", c->list);
    find_stem(c);
    YK_TRY(find_batch(c, program_invocation_name, err));
    YK_TRY(fill(c, &l, &s, err));
    return c->is_submit ? submit(c, &s, ret, err) : write_script(c, &s, err);
}

int yk_dsq_queue(const char *program, int argc, char **argv)
{
    YK_CLEANUP(call_fini) call c = {.has_stats = true};
    yoke_error err = YOKE_ERROR_INIT;
    int        code = read_words(program, argc, argv, &c), ret = 0;
    if (code != YK_DSQ_END)
        return code - 1;
    if (go(&c, &ret, &err) == 0)
        return fflush(stdout) == 0 ? ret : 1;
    fprintf(stderr, "%s: %s\n", program, err.text);
    return 1;
}
