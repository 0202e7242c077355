/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Affinity by sched_getaffinity; quota from every control group between this process's and the root, since a limit
 * set on any of them binds.
 */
#include "base/cpus.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned count_affinity(unsigned online)
{
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set)
            return online;
        size_t size = CPU_ALLOC_SIZE(cpus);
        int    rc = sched_getaffinity(0, size, set), n = rc == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (rc == 0 && n > 0)
            return (unsigned)n;
    }
    return online;
}

/* Reads up to two numbers from a file; returns how many there were ("max" counts as none). */
static int read_numbers(const char *path, double *a, double *b)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    int n = fscanf(f, "%lf %lf", a, b);
    fclose(f);
    return n < 0 ? 0 : n;
}

static double quota_v2(const char *dir)
{
    char   path[4400];
    double quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", dir);
    return read_numbers(path, &quota, &period) == 2 && period > 0 ? quota / period : 0;
}

static double quota_v1(const char *dir)
{
    char   path[4400];
    double quota, period, none;
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir);
    if (read_numbers(path, &quota, &none) < 1 || quota <= 0)
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
    return read_numbers(path, &period, &none) >= 1 && period > 0 ? quota / period : 0;
}

/* The least quota of `group` and its parents below `mount`; 0 when none of them sets one. */
static double least_quota(const char *mount, const char *group, double (*quota_of)(const char *))
{
    char   dir[4300];
    double least = 0;
    int    len = snprintf(dir, sizeof dir, "%s%s", mount, group);
    size_t root = strlen(mount);
    if (len < 0 || (size_t)len >= sizeof dir)
        return 0;
    for (;;) {
        double q = quota_of(dir);
        if (q > 0 && (least == 0 || q < least))
            least = q;
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < root)
            return least;
        *slash = '\0';
    }
}

/* Whether the comma-separated list names the controller "cpu". */
static int lists_cpu(const char *list)
{
    for (;;) {
        size_t len = strcspn(list, ",");
        if (len == 3 && memcmp(list, "cpu", 3) == 0)
            return 1;
        if (!list[len])
            return 0;
        list += len + 1;
    }
}

/* The quota that one line of /proc/PID/cgroup, "number:controllers:group", leads to. */
static double quota_of_line(char *line, const char *mount)
{
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return 0;
    *group++ = '\0';
    controllers++;
    group[strcspn(group, "\n")] = '\0';
    const char *below = strcmp(group, "/") == 0 ? "" : group;
    if (!*controllers)
        return least_quota(mount, below, quota_v2);
    if (!lists_cpu(controllers))
        return 0;
    char v1[4096];
    snprintf(v1, sizeof v1, "%s/cpu", mount);
    return least_quota(v1, below, quota_v1);
}

double yk_cpus_quota(const char *groups, const char *mount)
{
    FILE *f = fopen(groups, "re");
    if (!f)
        return 0;
    char   line[4200];
    double least = 0;
    while (fgets(line, sizeof line, f)) {
        double q = quota_of_line(line, mount);
        if (q > 0 && (least == 0 || q < least))
            least = q;
    }
    fclose(f);
    return least;
}

static unsigned slurm_cpus(void)
{
    const char *text = getenv("SLURM_CPUS_PER_TASK");
    long        n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 && n < 1 << 20 ? (unsigned)n : 0;
}

yk_cpus yk_cpus_find(void)
{
    long    online = sysconf(_SC_NPROCESSORS_ONLN);
    yk_cpus c = {.online = online > 0 ? (unsigned)online : 1, .slurm = slurm_cpus()};
    c.cgroup_quota = yk_cpus_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    c.affinity = count_affinity(c.online);
    c.usable = c.affinity;
    if (c.cgroup_quota > 0 && ceil(c.cgroup_quota) < c.usable)
        c.usable = (unsigned)ceil(c.cgroup_quota);
    if (c.slurm && c.slurm < c.usable)
        c.usable = c.slurm;
    if (c.usable < 1)
        c.usable = 1;
    return c;
}

/* False: there is no choice, or more CPUs than a set of the usual size has. */
static bool choose_cpu(unsigned k, cpu_set_t *ret_all, cpu_set_t *ret_one)
{
    int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof *ret_all, ret_all) < 0 || !CPU_ISSET(here, ret_all))
        return false;
    unsigned n = (unsigned)CPU_COUNT(ret_all), steps = (k + 1) % (n ? n : 1);
    int      cpu = here;
    while (steps > 0)
        if (CPU_ISSET(cpu = (cpu + 1) % CPU_SETSIZE, ret_all))
            steps--;
    CPU_ZERO(ret_one);
    CPU_SET(cpu, ret_one);
    return n > 1;
}

int yk_cpus_begin(unsigned k, void *(*run)(void *), void *arg, pthread_t *ret)
{
    cpu_set_t      all, one;
    pthread_attr_t a;
    if (!choose_cpu(k, &all, &one) || pthread_attr_init(&a) != 0)
        return pthread_create(ret, NULL, run, arg);
    int rc = pthread_attr_setaffinity_np(&a, sizeof one, &one);
    if (rc == 0)
        rc = pthread_create(ret, &a, run, arg);
    pthread_attr_destroy(&a);
    if (rc != 0)
        return pthread_create(ret, NULL, run, arg);
    pthread_setaffinity_np(*ret, sizeof all, &all);
    return 0;
}
