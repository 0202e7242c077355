/* SPDX-License-Identifier: BSD-3-Clause
 *
 * dSQBatch.py and dsqa: what a task of a dSQ array runs, and the report afterwards.
 */
#include "cli/dsq_programs.h"

#include "cli/report_slurm.h"
#include "slurm/dsq.h"
#include "slurm/tally.h"
#include "slurm/queue.h"
#include "slurm/array_task.h"

#include <yoke/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { B_JOB_FILE = 1, B_STATUS_DIR, B_NO_STATS, B_PACK, B_VERSION, B_HELP };

static const yk_dsq_opt BATCH_OPTS[] = {
    {B_JOB_FILE, "--job-file", true}, {B_STATUS_DIR, "--status-dir", true}, {B_NO_STATS, "--suppress-stats-file", false},
    {B_PACK, "--pack", true},         {B_VERSION, "--version", false},      {B_VERSION, "-v", false},
    {B_HELP, "--help", false},        {B_HELP, "-h", false},                {0},
};

int yk_dsq_batch(const char *program, int argc, char **argv)
{
    yk_dsq_words w = {.program = program, .opts = BATCH_OPTS, .argc = argc, .argv = argv};
    yk_dsq_work b = {.status_dir = "."};
    yoke_error   err = YOKE_ERROR_INIT;
    const char  *value;
    int          id, status = 0;
    while ((id = yk_dsq_next(&w, &value)) != YK_DSQ_END)
        switch (id) {
        case B_JOB_FILE: b.list = value; break;
        case B_STATUS_DIR: b.status_dir = value; break;
        case B_NO_STATS: b.status_dir = NULL; break;
        case B_PACK: b.pack = strtoull(value, NULL, 10); break;
        case B_VERSION: printf("%s 1.05 (yoke %s)\n", program, yoke_version()); return 0;
        case B_HELP: printf("usage: %s --job-file FILE [--status-dir DIR] [--suppress-stats-file]\n", program); return 0;
        case YK_DSQ_OTHER: return yk_dsq_wrong(program, "unrecognized arguments: %s", value);
        default: return 2;
        }
    if (!b.list)
        return yk_dsq_wrong(program, "the following arguments are required: --job-file");
    if (yk_dsq_batch_run(&b, &status, &err) == 0) {
        yk_slurm_drop_empty_output();
        return status;
    }
    fprintf(stderr, "%s: %s\n", program, err.text);
    return 1;
}

enum { A_JOB_ID = 1, A_JOB_FILE, A_STATES, A_VERSION, A_HELP };

static const yk_dsq_opt AUTOPSY_OPTS[] = {
    {A_JOB_ID, "--job-id", true},   {A_JOB_ID, "-j", true},       {A_JOB_FILE, "--job-file", true}, {A_JOB_FILE, "-f", true},
    {A_STATES, "--states", true},   {A_STATES, "-s", true},       {A_VERSION, "--version", false},  {A_VERSION, "-v", false},
    {A_HELP, "--help", false},      {A_HELP, "-h", false},        {0},
};

static const char AUTOPSY_HELP[] =
    "usage: %s --job-id ID [--job-file FILE] [--states LIST]\n\n"
    "Says on standard error what became of the jobs of an array, and prints on standard output the lines of FILE that\n"
    "are to run again.\n\n"
    "  -j, --job-id ID      the array's job id\n"
    "  -f, --job-file FILE  the job file it was made from\n"
    "  -s, --states LIST    whose lines are printed (default " YK_REPORT_STATES ")\n"
    "  -h, --help; -v, --version\n";

static int unknown_state(const char *name)
{
    fprintf(stderr, "Unknown state: %s.\nChoose from ", name);
    for (const char *const *s = yk_states_known; *s; s++)
        fprintf(stderr, "%s%s", s == yk_states_known ? "" : ", ", *s);
    fputc('\n', stderr);
    return 1;
}

int yk_dsq_autopsy(const char *program, int argc, char **argv)
{
    yk_dsq_words w = {.program = program, .opts = AUTOPSY_OPTS, .argc = argc, .argv = argv};
    const char  *value, *id_text = NULL, *list = NULL, *states = YK_REPORT_STATES;
    yoke_error   err = YOKE_ERROR_INIT;
    char         unknown[64], *end;
    int          id;
    while ((id = yk_dsq_next(&w, &value)) != YK_DSQ_END)
        switch (id) {
        case A_JOB_ID: id_text = value; break;
        case A_JOB_FILE: list = value; break;
        case A_STATES: states = value; break;
        case A_VERSION: printf("%s 1.05 (yoke %s)\n", program, yoke_version()); return 0;
        case A_HELP: printf(AUTOPSY_HELP, program); return 0;
        case YK_DSQ_OTHER: return yk_dsq_wrong(program, "unrecognized arguments: %s", value);
        default: return 2;
        }
    if (!id_text)
        return yk_dsq_wrong(program, "the following arguments are required: -j/--job-id");
    if (yk_tally_unknown_state(states, unknown, sizeof unknown))
        return unknown_state(unknown);
    unsigned long long job = strtoull(id_text, &end, 10);
    if (end == id_text || *end)
        return yk_dsq_wrong(program, "argument -j/--job-id: '%s' is no job id", id_text);
    if (yk_report_foreign(job, list, states, &err) == 0)
        return fflush(stdout) == 0 ? 0 : 1;
    fprintf(stderr, "%s: %s\n", program, err.text);
    return 1;
}
