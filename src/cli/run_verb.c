/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke run: a job file on this machine.
 */
#include "cli/verbs.h"

#include "cli/run_jobs.h"

enum { O_LINES = 1, O_ORDER, O_PROGRESS };

static int run(yk_args *args)
{
    YK_CLEANUP(yk_lines_fini) yk_lines only = YK_LINES_INIT;
    yk_run_opts opts = {.runner = {.handles_signals = true}};
    yoke_error  err = YOKE_ERROR_INIT;
    const char *value, *list = NULL;
    int         id;
    while ((id = yk_args_next(args, &value)) != YK_ARG_END) {
        bool is_right = true;
        if (id == YK_ARG_WRONG)
            return YK_EXIT_USAGE;
        if (id == YK_ARG_WORD && list)
            return yk_cli_usage(args, "'%s' is one word too many: one job file is run at a time", value);
        if (id == YK_ARG_WORD)
            list = value;
        else if (id == O_LINES)
            is_right = yk_lines_parse(value, &only, &err) == 0;
        else if (id == O_PROGRESS)
            is_right = yk_progress_parse(value, &opts.progress, &err) == 0;
        else if (id == O_ORDER)
            opts.printer.is_ordered = true;
        else if (!yk_run_opt(args, id, value, &opts))
            return YK_EXIT_USAGE;
        if (!is_right)
            return yk_cli_failed(args, &err);
    }
    if (!list)
        return yk_cli_usage(args, "which job file? Name one, or '-' for standard input");
    return yk_run_list(args, &opts, list, strcmp(list, "-") == 0 ? "standard input line" : NULL, &only);
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
             "again. The exit code is 0 when all jobs of the list have ended well, now or before, 1 when some have not, 130 when the run was interrupted.",
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
