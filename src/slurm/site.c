/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/site.h"

#include "slurm/slurm_call.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of "Key   = value" in a listing; copied into buf without its line end. False when it is not there. */
static bool find_value(const char *config, const char *key, char *buf, size_t size)
{
    size_t len = strlen(key);
    for (const char *line = config; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncasecmp(line, key, len) != 0)
            continue;
        const char *p = line + len;
        p += strspn(p, " \t");
        if (*p != '=')
            continue;
        p++;
        p += strspn(p, " \t");
        size_t n = strcspn(p, "\n");
        while (n > 0 && isspace((unsigned char)p[n - 1]))
            n--;
        snprintf(buf, size, "%.*s", (int)n, p);
        return true;
    }
    return false;
}

static uint64_t find_number(const char *config, const char *key, uint64_t otherwise)
{
    char value[64];
    if (!find_value(config, key, value, sizeof value) || value[0] < '0' || value[0] > '9')
        return otherwise;
    return strtoull(value, NULL, 10);
}

void yk_site_parse(const char *config, yk_site *ret)
{
    char scheduler[2048];
    memset(ret, 0, sizeof *ret);
    if (!find_value(config, "SLURM_VERSION", ret->version, sizeof ret->version))
        ret->version[0] = '\0';
    if (!find_value(config, "ClusterName", ret->cluster, sizeof ret->cluster))
        snprintf(ret->cluster, sizeof ret->cluster, "cluster");
    uint64_t size = find_number(config, "MaxArraySize", 1001);
    uint64_t jobs = find_number(config, "MaxJobCount", 10000);
    ret->max_index = size ? size - 1 : 0;
    ret->max_tasks = size < jobs ? size : jobs;
    if (find_value(config, "SchedulerParameters", scheduler, sizeof scheduler)) {
        const char *limit = strstr(scheduler, "max_array_tasks=");
        uint64_t    n = limit ? strtoull(limit + 16, NULL, 10) : 0;
        if (n && n < ret->max_tasks)
            ret->max_tasks = n;
    }
    if (!ret->max_tasks) /* arrays are switched off: a task at a time still goes */
        ret->max_tasks = 1;
}

int yk_site_find(yk_site *ret, yoke_error *err)
{
    YK_AUTOREPLY r = YK_SLURM_REPLY_INIT;
    YK_TRY(yk_slurm_call((const char *[]){"scontrol", "show", "config", NULL}, YK_SLURM_ASK_S, &r, err));
    yk_site_parse(yk_buf_text(&r.out), ret);
    return 0;
}

uint64_t yk_site_parse_processors(const char *sinfo, const char *partition)
{
    uint64_t sum = 0;
    for (const char *line = sinfo; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char     name[128], state[32];
        unsigned allocated, idle, other, total;
        if (sscanf(line, "%127[^|\n]|%31[^|\n]|%u/%u/%u/%u", name, state, &allocated, &idle, &other, &total) != 6)
            continue;
        size_t len = strlen(name);
        bool   is_default = len > 0 && name[len - 1] == '*';
        if (is_default)
            name[len - 1] = '\0';
        if (strcmp(state, "up") == 0 && (partition ? strcmp(name, partition) == 0 : is_default))
            sum += (uint64_t)allocated + idle;
    }
    return sum;
}

uint64_t yk_site_processors(const char *partition)
{
    YK_AUTOREPLY r = YK_SLURM_REPLY_INIT;
    if (yk_slurm_call((const char *[]){"sinfo", "-h", "-o", "%P|%a|%C", NULL}, YK_SLURM_ASK_S, &r, NULL) < 0)
        return 0;
    return yk_site_parse_processors(yk_buf_text(&r.out), partition);
}
