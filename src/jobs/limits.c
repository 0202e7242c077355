/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/limits.h"

#include "base/clock.h"
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A small file of /proc or /sys; "" when it cannot be read. */
static const char *read_small(const char *path, char *buf, size_t size)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
    if (fd >= 0)
        close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

static bool write_small(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return is_done;
}

/* The number after `key` at the start of a line; 0 when there is none. */
static uint64_t number_after(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
        if (strncmp(at, key, n) == 0)
            return strtoull(at + n + strspn(at + n, " :\t"), NULL, 10);
    return 0;
}

/* ---- control groups */

/* The folder of this process's own group: the line of /proc/self/cgroup that begins a record "N:controllers:path". */
static bool own_group(const char *mount, const char *controllers, char *buf, size_t size)
{
    char text[4096];
    read_small("/proc/self/cgroup", text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *name = strchr(line, ':'), *path = name ? strchr(name + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        if (strcmp(name + 1, controllers) == 0)
            return snprintf(buf, size, "%s%s", mount, strcmp(path, "/") == 0 ? "" : path) < (int)size;
    }
    return false;
}

static bool is_alone_in(const char *group)
{
    char path[700], text[64], self[32];
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    snprintf(self, sizeof self, "%ld\n", (long)getpid());
    return strcmp(read_small(path, text, sizeof text), self) == 0;
}

static bool move_self(const char *group)
{
    char path[700], self[32];
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    snprintf(self, sizeof self, "%ld", (long)getpid());
    return write_small(path, self);
}

/* Version 2: hands the memory controller down from a group. Only one without processes of its own may do so (and the root): a
 * process that is alone there, as under `systemd-run --user --scope`, steps aside into a child. */
static void hand_down(yk_limits *l, const char *own)
{
    char control[700], aside[600];
    snprintf(control, sizeof control, "%s/cgroup.subtree_control", own);
    if (write_small(control, "+memory") || !is_alone_in(own))
        return;
    snprintf(aside, sizeof aside, "%s/yoke-%ld-self", own, (long)getpid());
    if (mkdir(aside, 0755) < 0)
        return;
    if (move_self(aside) && write_small(control, "+memory") && (l->left = yk_strdup(own)))
        return;
    move_self(own);
    rmdir(aside);
}

static void step_back(yk_limits *l)
{
    char path[700];
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", l->left);
    if (!write_small(path, "-memory") || !move_self(l->left))
        return; /* processes that a job left behind are still in their groups */
    snprintf(path, sizeof path, "%s/yoke-%ld-self", l->left, (long)getpid());
    rmdir(path);
}

/* Makes OWN/yoke-PID, below which groups have the file that takes the limit. */
static char *make_parent(yk_limits *l, const char *own, const char *file, bool is_v2)
{
    char dir[600], path[700];
    snprintf(dir, sizeof dir, "%s/yoke-%ld", own, (long)getpid());
    if (mkdir(dir, 0755) < 0)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (is_v2 && access(path, W_OK) < 0)
        hand_down(l, own);
    bool is_made = access(path, W_OK) == 0;
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", dir);
    is_made &= !is_v2 || write_small(path, "+memory");
    char *made = is_made ? yk_strdup(dir) : NULL;
    if (!made)
        rmdir(dir);
    return made;
}

static void find_group(yk_limits *l)
{
    char own[512];
    if (own_group("/sys/fs/cgroup", "", own, sizeof own))
        l->group = make_parent(l, own, "memory.max", true);
    if (!l->group && own_group("/sys/fs/cgroup/memory", "memory", own, sizeof own)) {
        l->group = make_parent(l, own, "memory.limit_in_bytes", false);
        l->is_v1 = true;
    }
}

static void group_path(const yk_limits *l, unsigned slot, const char *file, char *buf, size_t size)
{
    snprintf(buf, size, "%s/%u%s%s", l->group, slot, *file ? "/" : "", file);
}

bool yk_limits_group(yk_limits *l, unsigned slot, char *buf, size_t size)
{
    if (!l->group)
        return false;
    char path[800], bytes[24];
    group_path(l, slot, "", path, sizeof path);
    if (slot > l->n_groups) {
        snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)l->memory);
        mkdir(path, 0755);
        group_path(l, slot, l->is_v1 ? "memory.limit_in_bytes" : "memory.max", path, sizeof path);
        if (!write_small(path, bytes))
            return false;
        group_path(l, slot, l->is_v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max", path, sizeof path);
        write_small(path, l->is_v1 ? bytes : "0");
        group_path(l, slot, "memory.oom.group", path, sizeof path);
        write_small(path, "1");
        l->n_groups = slot;
    }
    group_path(l, slot, "cgroup.procs", buf, size);
    return true;
}

uint64_t yk_limits_group_kills(const yk_limits *l, unsigned slot)
{
    char path[800], text[4096];
    if (!l->group)
        return 0;
    group_path(l, slot, l->is_v1 ? "memory.oom_control" : "memory.events", path, sizeof path);
    return number_after(read_small(path, text, sizeof text), "oom_kill ");
}

uint64_t yk_limits_machine_kills(void)
{
    char text[16384];
    return number_after(read_small("/proc/vmstat", text, sizeof text), "oom_kill ");
}

void yk_limits_init(yk_limits *l, uint64_t memory, uint64_t min_free, double load)
{
    *l = (yk_limits){.memory = memory, .min_free = min_free, .load = load, .oom_kills = yk_limits_machine_kills()};
    if (memory)
        find_group(l);
}

/* What was killed a moment ago may still be on its way out of a group. */
static void remove_group(const char *path, uint64_t until_ns)
{
    while (rmdir(path) < 0 && errno == EBUSY && yk_now_ns() < until_ns)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

void yk_limits_fini(yk_limits *l)
{
    char     path[800];
    uint64_t until_ns = yk_now_ns() + 200000000u;
    for (unsigned slot = 1; l->group && slot <= l->n_groups; slot++) {
        group_path(l, slot, "", path, sizeof path);
        remove_group(path, until_ns);
    }
    if (l->group)
        rmdir(l->group);
    if (l->left)
        step_back(l);
    yk_free(l->group);
    yk_free(l->left);
    *l = (yk_limits){0};
}

/* ---- watching */

static uint64_t resident_tree(pid_t pid, int depth)
{
    char     path[64], text[4096];
    uint64_t pages = 0, total;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    if (sscanf(read_small(path, text, sizeof text), "%*u %lu", &pages) != 1)
        return 0;
    total = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
    read_small(path, text, sizeof text);
    char *end;
    for (char *at = text; depth < 32; at = end) {
        long child = strtol(at, &end, 10);
        if (end == at)
            break;
        total += resident_tree((pid_t)child, depth + 1);
    }
    return total;
}

uint64_t yk_limits_resident(pid_t pid)
{
    return resident_tree(pid, 0);
}

bool yk_limits_has_running(pid_t group)
{
    char           path[64], text[1024], state;
    int            of = 0;
    bool           is_found = false;
    DIR           *proc = kill(-group, 0) == 0 || errno == EPERM ? opendir("/proc") : NULL;
    struct dirent *e;
    while (proc && !is_found && (e = readdir(proc))) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/stat", e->d_name);
        const char *rest = strrchr(read_small(path, text, sizeof text), ')');
        is_found = rest && sscanf(rest, ") %c %*d %d", &state, &of) == 2 && of == group && state != 'Z' && state != 'X';
    }
    if (proc)
        closedir(proc);
    return is_found;
}

static bool is_held(yk_limits *l)
{
    char text[8192];
    if (l->load > 0) {
        double load = strtod(read_small("/proc/loadavg", text, sizeof text), NULL);
        if (load > l->load) {
            snprintf(l->why, sizeof l->why, "the load is %.2f, over %.2f", load, l->load);
            return true;
        }
    }
    if (l->min_free) {
        uint64_t free = number_after(read_small("/proc/meminfo", text, sizeof text), "MemAvailable") << 10;
        if (free && free < l->min_free) {
            snprintf(l->why, sizeof l->why, "%llu MiB of memory are free, under %llu", (unsigned long long)free >> 20,
                     (unsigned long long)l->min_free >> 20);
            return true;
        }
    }
    return false;
}

bool yk_limits_may_start(yk_limits *l, uint64_t now_ns)
{
    if (!l->min_free && !(l->load > 0))
        return true;
    if (now_ns - l->asked_ns > 50000000u) {
        l->asked_ns = now_ns;
        l->is_held = is_held(l);
    }
    return !l->is_held;
}
