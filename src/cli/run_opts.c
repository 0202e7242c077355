/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The options that running commands takes.
 */
#include "cli/run_jobs.h"

#include "base/cpus.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>

static bool wrong(const yk_args *args, const char *name, const char *takes, const char *value)
{
    yk_cli_usage(args, "--%s takes %s, not '%s'", name, takes, value);
    return false;
}

/* A number and the unit behind it, one of `units` (each with its factor; the first is for none). */
typedef struct unit { const char *name; double factor; } unit;

static bool read_unit(const char *value, const unit *units, double most, double *ret)
{
    char  *end;
    double x = strtod(value, &end);
    if (end == value || !isfinite(x) || x < 0)
        return false;
    for (const unit *u = units; u->name; u++)
        if (strcasecmp(end, u->name) == 0 && x * u->factor <= most) {
            *ret = x * u->factor;
            return true;
        }
    return false;
}

static bool read_time(const yk_args *args, const char *name, const char *value, uint64_t *ret_ns)
{
    static const unit units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {0}};
    double            x;
    if (!read_unit(value, units, 1e18, &x))
        return wrong(args, name, "a time such as 90, 500ms, 1.5m, 2h", value);
    *ret_ns = (uint64_t)x;
    return true;
}

static bool read_size(const yk_args *args, const char *name, const char *value, uint64_t *ret)
{
    static const unit units[] = {{"", 1}, {"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}, {"T", 0x1p40}, {"KiB", 0x1p10},
                                 {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
                                 {0}};
    double            x;
    if (!read_unit(value, units, 0x1p60, &x) || x < 1)
        return wrong(args, name, "a size such as 500M, 4G", value);
    *ret = (uint64_t)x;
    return true;
}

/* "50%" of the cores, or a number. */
static bool read_share(const yk_args *args, const char *name, const char *value, double *ret)
{
    static const unit units[] = {{"", 1}, {"%", 0.01}, {0}};
    bool              is_share = value[0] && value[strlen(value) - 1] == '%';
    double            x;
    if (!read_unit(value, units, 1e6, &x) || x <= 0)
        return wrong(args, name, "a number, or per cent of the cores such as 50%", value);
    *ret = is_share ? x * yk_cpus_find().usable : x;
    return true;
}

static bool read_jobs(const yk_args *args, const char *value, yk_run_opts *o)
{
    double x;
    if (!read_share(args, "jobs", value, &x))
        return false;
    x = x < 1 ? 1 : floor(x);
    if (x > 100000)
        return wrong(args, "jobs", "at most 100000", value);
    o->runner.slots = (unsigned)x;
    return true;
}

static bool read_halt(const yk_args *args, const char *value, yk_run_opts *o)
{
    const char *rest = value + strcspn(value, ",");
    size_t      len = (size_t)(rest - value);
    yk_halt     h = {.is_now = len == 3 && memcmp(value, "now", 3) == 0, .failures = 1};
    char       *end = NULL;
    bool        is_right = h.is_now || (len == 4 && memcmp(value, "soon", 4) == 0);
    if (is_right && *rest) {
        rest += strncmp(rest, ",fail=", 6) == 0 ? 6 : 1;
        double x = strtod(rest, &end);
        is_right = end != rest && x > 0 && x < 1e18 && (*end == '\0' || (end[0] == '%' && !end[1] && x <= 100));
        h.failures = *end == '%' || !is_right ? 0 : (uint64_t)x;
        h.percent = *end == '%' ? x : 0;
    }
    if (!is_right || (!h.failures && !(h.percent > 0)))
        return wrong(args, "halt", "now or soon with a number of failures or per cent: 'now', 'soon,3', 'soon,10%'", value);
    o->runner.halt = h;
    return true;
}

/* ---- --retry-on */

static int signal_number(const char *name)
{
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    for (int i = 1; i < 65; i++)
        if (sigabbrev_np(i) && strcasecmp(name, sigabbrev_np(i)) == 0)
            return i;
    return 0;
}

static bool add_retry(yk_run_opts *o, const char *word)
{
    char         *end;
    unsigned long lo = strtoul(word, &end, 10), hi = lo;
    if (*word >= '0' && *word <= '9') {
        if (*end == '-' && end[1] >= '0' && end[1] <= '9')
            hi = strtoul(end + 1, &end, 10);
        for (unsigned long code = lo; !*end && code <= hi && hi < 256; code++)
            o->retry_exit[code] = true;
        return !*end && lo >= 1 && lo <= hi && hi < 256;
    }
    if (strcmp(word, "exit") == 0)
        memset(o->retry_exit, true, sizeof o->retry_exit);
    else if (strcmp(word, "signal") == 0)
        memset(o->retry_signal, true, sizeof o->retry_signal);
    else if (strcmp(word, "timeout") == 0 || strcmp(word, "timed out") == 0)
        o->retry_timeout = true;
    else if (strcmp(word, "memory") == 0 || strcmp(word, "out of memory") == 0)
        o->retry_memory = true;
    else if (signal_number(word))
        o->retry_signal[signal_number(word)] = true;
    else
        return false;
    return true;
}

static bool read_retry_on(const yk_args *args, const char *value, yk_run_opts *o)
{
    char word[32];
    o->has_retry_on = true;
    for (const char *at = value;; at++) {
        size_t n = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < 31 ? n : 31), at);
        if (n > 31 || !add_retry(o, word))
            return wrong(args, "retry-on", "exit codes (75,100-120), signals (SEGV), exit, signal, timeout, memory", value);
        at += n;
        if (!*at)
            return true;
    }
}

static bool wants_retry(void *ctx, const yk_record *r)
{
    const yk_run_opts *o = ctx;
    switch (r->cause) {
    case YK_CAUSE_EXIT: return o->retry_exit[r->exit_code & 255];
    case YK_CAUSE_SIGNAL: return r->signal > 0 && r->signal < 65 && o->retry_signal[r->signal];
    case YK_CAUSE_TIMEOUT: return o->retry_timeout;
    case YK_CAUSE_MEMORY: return o->retry_memory;
    default: return false;
    }
}

bool yk_run_opt(const yk_args *args, int id, const char *value, yk_run_opts *o)
{
    uint64_t n = 0;
    switch (id) {
    case YK_RO_JOBS: return read_jobs(args, value, o);
    case YK_RO_RUN: o->run = value; return true;
    case YK_RO_RESUME: o->is_resume = true; return true;
    case YK_RO_RESUME_FAILED: o->is_resume = o->again_failed = true; return true;
    case YK_RO_RETRIES:
        if (!yk_args_uint(args, "retries", value, 0, 1000000, &n))
            return false;
        o->runner.retries = (unsigned)n;
        return true;
    case YK_RO_RETRY_ON:
        o->runner.retry_on = wants_retry;
        o->runner.retry_ctx = o;
        return read_retry_on(args, value, o);
    case YK_RO_TIMEOUT: return read_time(args, "timeout", value, &o->runner.timeout_ns);
    case YK_RO_HALT: return read_halt(args, value, o);
    case YK_RO_MEMORY: return read_size(args, "memory", value, &o->runner.memory);
    case YK_RO_MIN_FREE: return read_size(args, "min-free-memory", value, &o->runner.min_free_memory);
    case YK_RO_LOAD: return read_share(args, "load", value, &o->runner.load);
    case YK_RO_NICE:
        if (!yk_args_uint(args, "nice", value, 0, 19, &n))
            return false;
        o->nice = (int)n;
        return true;
    case YK_RO_DELAY: return read_time(args, "delay", value, &o->runner.delay_ns);
    case YK_RO_TAG: o->printer.has_tags = true; return true;
    case YK_RO_QUIET: o->printer.is_quiet = true; return true;
    case YK_RO_OUTPUT_DIR: o->printer.folder = value; return true;
    case YK_RO_DRY_RUN: o->is_dry = true; return true;
    default: return true;
    }
}
