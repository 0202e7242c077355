/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke report: what became of the lines of a run.
 */
#include "cli/verbs.h"

#include "cli/report_local.h"
#include "cli/report_slurm.h"

enum { O_STATES = 1, O_WATCH, O_OUTPUT, O_JOB_FILE, O_FORMAT, O_GREP };

static int run(yk_args *args)
{
    yk_report_slurm s = {0};
    const char     *word, *format = NULL, *pattern = NULL;
    int             id;
    while ((id = yk_args_next(args, &word)) != YK_ARG_END)
        switch (id) {
        case O_STATES: s.states = word; break;
        case O_WATCH: s.is_watching = true; break;
        case O_OUTPUT: s.output = word; break;
        case O_JOB_FILE: s.job_file = word; break;
        case O_FORMAT: format = word; break;
        case O_GREP: pattern = word; break;
        case YK_ARG_WORD:
            if (s.what)
                return yk_cli_usage(args, "'%s' is one word too many: one run is reported at a time", word);
            s.what = word;
            break;
        default: return YK_EXIT_USAGE;
        }
    if (!s.what)
        return yk_cli_usage(args, "which run? Name a job id or a run folder");
    if (format)
        return yk_report_format(args, s.what, format);
    if (pattern)
        return yk_report_grep(args, s.what, pattern);
    if (yk_report_is_slurm(s.what))
        return yk_report_slurm_print(args, &s);
    if (s.output)
        return yk_report_output(args, s.what, s.output);
    return yk_report_local(args, s.what, s.states, s.is_watching);
}

const yk_verb yk_verb_report = {
    .name = "report",
    .summary = "what became of the lines of a job file",
    .usage = "[options] JOBID|RUN",
    .about = "Says on standard error what became of every line, with the causes of what went wrong, and prints on standard output the "
             "lines to run again.\n\n"
             "States come from the run's journals, which tasks write as their lines end, and from Slurm for what waits or was lost. Slurm is "
             "asked at most twice a minute, whoever watches.",
    .opts = (const yk_opt[]){
        {O_STATES, 's', "states", "LIST", "whose lines are printed (Slurm's names, such as FAILED,TIMEOUT); by default " YK_REPORT_STATES},
        {O_WATCH, 0, "watch", NULL, "say how it goes until all lines have ended, and report then"},
        {O_OUTPUT, 0, "output", "LINE", "print what that line printed, and nothing else"},
        {O_GREP, 0, "grep", "PATTERN", "print the lines of all output that match an extended regular expression, as LINE:text"},
        {O_FORMAT, 0, "format", "NAME", "print the records instead: joblog (GNU parallel's), tsv (dSQ's), jsonl, trace (Perfetto's)"},
        {O_JOB_FILE, 'f', "job-file", "FILE", "for arrays that 'yoke submit' did not make: the file with their lines"},
        {0}},
    .examples = "# what became of job 324; its cancelled and lost lines into a new file\nyoke report 324 > again.txt\n\n"
                "# the lines that failed\nyoke report 324 --states FAILED,TIMEOUT,OUT_OF_MEMORY\n\n# what line 17 printed\nyoke report 324 --output 17\n\n"
                "# a run on this machine: its job log, and a picture of it for ui.perfetto.dev\nyoke report jobs.txt.yoke --format joblog\n"
                "yoke report jobs.txt.yoke --format trace > trace.json\n",
    .run = run,
};
