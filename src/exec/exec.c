/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The list of executors, and how a word becomes one.
 */
#include "exec/exec.h"

#include "base/cpus.h"
#include "base/near.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const yk_exec_ops *const executors[] = {&yk_exec_serial, &yk_exec_threads, &yk_exec_processes};
enum { N_EXECUTORS = sizeof executors / sizeof *executors, MAX_WORKERS = 4096 };

static bool in_worker;
bool yk_exec_is_worker(void) { return in_worker; }
void yk_exec_set_worker(void) { in_worker = true; }

static atomic_int     pid_now;
static pthread_once_t pid_once = PTHREAD_ONCE_INIT;

static void renew_pid(void) { atomic_store(&pid_now, (int)getpid()); }

static void watch_pid(void)
{
    renew_pid();
    pthread_atfork(NULL, NULL, renew_pid);
}

pid_t yk_pid(void)
{
    pthread_once(&pid_once, watch_pid);
    return atomic_load_explicit(&pid_now, memory_order_relaxed);
}

static int unknown(const char *word, size_t len, yoke_error *err)
{
    const char *names[N_EXECUTORS];
    char        hint[64], cut[64];
    for (size_t i = 0; i < N_EXECUTORS; i++)
        names[i] = executors[i]->name;
    snprintf(cut, sizeof cut, "%.*s", (int)(len < 40 ? len : 40), word);
    yk_near_hint(cut, names, N_EXECUTORS, hint, sizeof hint);
    return yk_fail(err, YOKE_EINVALID, "'%s' is nothing to run on%s%s", cut, hint,
                   *hint ? "" : "; there are serial, threads[:N] and processes[:N]");
}

static int parse_count(const char *on, const char *digits, unsigned *ret, yoke_error *err)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end || errno || n < 1 || n > MAX_WORKERS)
        return yk_fail(err, YOKE_EINVALID, "'%s': the number of workers must be from 1 to %d", on, MAX_WORKERS);
    *ret = (unsigned)n;
    return 0;
}

int yk_exec_parse(const char *on, const yk_exec_ops **ret_ops, unsigned *ret_workers, yoke_error *err)
{
    if (!on)
        on = getenv("YOKE_ON");
    if (!on || !*on)
        on = "threads";
    size_t             len = strcspn(on, ":");
    const yk_exec_ops *ops = NULL;
    for (size_t i = 0; i < N_EXECUTORS && !ops; i++)
        if (strlen(executors[i]->name) == len && strncmp(on, executors[i]->name, len) == 0)
            ops = executors[i];
    if (!ops)
        return unknown(on, len, err);
    unsigned workers = 1;
    if (on[len] && !ops->has_count)
        return yk_fail(err, YOKE_EINVALID, "'%s': %s has one worker and takes no number", on, ops->name);
    if (on[len])
        YK_TRY(parse_count(on, on + len + 1, &workers, err));
    else if (ops->has_count && !in_worker)
        workers = yk_cpus_find().usable;
    *ret_ops = ops;
    *ret_workers = workers;
    return 0;
}

int yk_run_begin(yk_exec *ex, const yk_work *w, yk_run **ret, yoke_error *err)
{
    const yk_exec_ops *ops = ex->pid == yk_pid() ? ex->ops : &yk_exec_serial;
    return ops->begin(ex, w, ret, err);
}
