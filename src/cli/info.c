/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke info: what can pull here, and what was found where.
 */
#include "cli/verbs.h"

#include "base/cpus.h"

#include <yoke/version.h>

#include <unistd.h>

static void print_cores(void)
{
    yk_cpus c = yk_cpus_find();
    printf("cores     %u usable (%u online, %u in the affinity mask", c.usable, c.online, c.affinity);
    if (c.cgroup_quota > 0)
        printf(", %.2f by control group", c.cgroup_quota);
    if (c.slurm)
        printf(", %u by SLURM_CPUS_PER_TASK", c.slurm);
    puts(")");
}

static void print_memory(void)
{
    double page = (double)sysconf(_SC_PAGESIZE), gib = 1024.0 * 1024.0 * 1024.0;
    printf("memory    %.1f GiB, %.1f GiB free\n", (double)sysconf(_SC_PHYS_PAGES) * page / gib,
           (double)sysconf(_SC_AVPHYS_PAGES) * page / gib);
}

static int run(yk_args *args)
{
    const char *word;
    int         id = yk_args_next(args, &word);
    if (id == YK_ARG_WRONG)
        return YK_EXIT_USAGE;
    if (id != YK_ARG_END)
        return yk_cli_usage(args, "'%s' is one word too many: info takes none", word);
    printf("yoke      %s\n", yoke_version());
    print_cores();
    print_memory();
    return yk_cli_finish(args, YK_EXIT_OK);
}

const yk_verb yk_verb_info = {
    .name = "info",
    .summary = "what can pull here: cores, memory, and what was found where",
    .usage = "",
    .about = "Prints what Yoke found on this machine and will use by default.",
    .opts = (const yk_opt[]){{0}},
    .examples = "# what is there\nyoke info\n",
    .run = run,
};
