/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke info: what can pull here, and what was found where. Nothing is started or changed; what is absent is said to be.
 */
#include "cli/verbs.h"

#include "base/cpus.h"
#include "numeric/isa.h"

#include <yoke/version.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef YK_HAVE_HWLOC
#include <hwloc.h>
#endif

static const double GIB = 1024.0 * 1024.0 * 1024.0;

static void print_cores(void)
{
    yk_cpus c = yk_cpus_find();
    printf("%-10s%u usable (%u online, %u in the affinity mask", "cores", c.usable, c.online, c.affinity);
    if (c.cgroup_quota > 0)
        printf(", %.2f by control group", c.cgroup_quota);
    if (c.slurm)
        printf(", %u by SLURM_CPUS_PER_TASK", c.slurm);
    puts(")");
}

#ifdef YK_HAVE_HWLOC
/* hwloc is opened here and nowhere else, so that the other verbs do not pay for loading it. */
#define HWLOC_SYMS(X)                                                                          \
    X(hwloc_topology_init, int, (hwloc_topology_t *))                                          \
    X(hwloc_topology_load, int, (hwloc_topology_t))                                            \
    X(hwloc_topology_destroy, void, (hwloc_topology_t))                                        \
    X(hwloc_get_type_depth, int, (hwloc_topology_t, hwloc_obj_type_t))                         \
    X(hwloc_get_nbobjs_by_depth, unsigned, (hwloc_topology_t, int))                            \
    X(hwloc_get_obj_by_depth, hwloc_obj_t, (hwloc_topology_t, int, unsigned))

static struct {
#define X(name, ret, args) ret(*name) args;
    HWLOC_SYMS(X)
#undef X
} hw;

static bool open_hwloc(void)
{
    void *lib = dlopen("libhwloc.so.15", RTLD_NOW | RTLD_LOCAL);
    bool  is_whole = lib != NULL;
#define X(name, ret, args)                                                                     \
    if (is_whole) {                                                                            \
        *(void **)&hw.name = dlsym(lib, #name);                                                \
        is_whole = hw.name != NULL;                                                            \
    }
    HWLOC_SYMS(X)
#undef X
    return is_whole;
}

static unsigned count_of(hwloc_topology_t t, hwloc_obj_type_t type)
{
    int depth = hw.hwloc_get_type_depth(t, type);
    return depth == HWLOC_TYPE_DEPTH_UNKNOWN ? 0 : hw.hwloc_get_nbobjs_by_depth(t, depth);
}

static void print_cache(hwloc_topology_t t, hwloc_obj_type_t type, const char *name)
{
    int         depth = hw.hwloc_get_type_depth(t, type);
    hwloc_obj_t obj = depth < 0 ? NULL : hw.hwloc_get_obj_by_depth(t, depth, 0);
    if (obj)
        printf(", %s %llu KiB", name, (unsigned long long)obj->attr->cache.size >> 10);
}

static void print_topology(void)
{
    hwloc_topology_t t;
    if (!open_hwloc() || hw.hwloc_topology_init(&t) < 0) {
        printf("%-10snot known: libhwloc.so.15 could not be opened (package libhwloc15)\n", "topology");
        return;
    }
    if (hw.hwloc_topology_load(t) == 0) {
        printf("%-10s%u packages, %u NUMA nodes, %u cores, %u hardware threads", "topology", count_of(t, HWLOC_OBJ_PACKAGE),
               count_of(t, HWLOC_OBJ_NUMANODE), count_of(t, HWLOC_OBJ_CORE), count_of(t, HWLOC_OBJ_PU));
        print_cache(t, HWLOC_OBJ_L1CACHE, "L1");
        print_cache(t, HWLOC_OBJ_L2CACHE, "L2");
        print_cache(t, HWLOC_OBJ_L3CACHE, "L3");
        puts("");
    }
    hw.hwloc_topology_destroy(t);
}
#else
static void print_topology(void)
{
    printf("%-10snot known: built without hwloc\n", "topology");
}
#endif

static void print_memory(void)
{
    double page = (double)sysconf(_SC_PAGESIZE);
    printf("%-10s%.1f GiB, %.1f GiB free\n", "memory", (double)sysconf(_SC_PHYS_PAGES) * page / GIB,
           (double)sysconf(_SC_AVPHYS_PAGES) * page / GIB);
}

/* The first folder of $PATH that holds the program; false when none does. */
static bool find_program(const char *name, char *path, size_t size)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t len = strcspn(at, ":");
        snprintf(path, size, "%.*s/%s", (int)len, at, name);
        if (access(path, X_OK) == 0)
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

static void print_program(const char *label, const char *name, const char *used_for)
{
    char path[4096];
    if (find_program(name, path, sizeof path))
        printf("%-10s%s\n", label, path);
    else
        printf("%-10snot found: no '%s' on the PATH (%s)\n", label, name, used_for);
}

static void print_library(const char *label, const char *name, const char *used_for)
{
    void *lib = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (lib)
        printf("%-10s%s\n", label, name);
    else
        printf("%-10snot found: %s cannot be opened (%s)\n", label, name, used_for);
}

static int run(yk_args *args)
{
    const char *word;
    int         id = yk_args_next(args, &word);
    if (id == YK_ARG_WRONG)
        return YK_EXIT_USAGE;
    if (id != YK_ARG_END)
        return yk_cli_usage(args, "'%s' is one word too many: info takes none", word);
    struct utsname os;
    uname(&os);
    printf("%-10s%s on %s, %s %s\n", "yoke", yoke_version(), os.nodename, os.sysname, os.release);
    print_cores();
    print_topology();
    print_memory();
    const char *on = getenv("YOKE_ON");
    printf("%-10sserial, threads, processes; default %s\n", "executors", on ? on : "threads");
    printf("%-10s%s (the machine's widest; $YOKE_ISA may ask for less)\n", "kernels", yk_isa_name(yk_isa_machine()));
    print_program("compiler", getenv("CC") ? getenv("CC") : "cc", "yoke map FILE.c:function");
    print_program("gnuplot", "gnuplot", "plots as PNG, SVG and PDF");
    print_library("pictures", "libvips.so.42", "decoding, turning and resizing pictures");
    print_program("slurm", "sbatch", "yoke submit");
    print_program("mpi", "mpirun", "nothing uses it yet");
    print_library("cuda", "libcuda.so.1", "nothing uses it yet");
    return yk_cli_finish(args, YK_EXIT_OK);
}

const yk_verb yk_verb_info = {
    .name = "info",
    .summary = "what can pull here: cores, memory, and what was found where",
    .usage = "",
    .about = "Prints what Yoke found on this machine and will use by default: how many cores this process may really use and which limit\n"
             "decides that (affinity mask, control-group quota, SLURM_CPUS_PER_TASK), the machine's topology and memory, the executors,\n"
             "and each optional part with the place where it was found, or what is missing and what it would be used for.",
    .opts = (const yk_opt[]){{0}},
    .examples = "# what is there\nyoke info\n\n# what a batch job of four cores would use\nSLURM_CPUS_PER_TASK=4 yoke info\n",
    .run = run,
};
