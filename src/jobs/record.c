/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/record.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

const char *yk_cause_word(yk_cause cause)
{
    switch (cause) {
#define X(name, value, word) case YK_CAUSE_##name: return word;
        YK_CAUSES(X)
#undef X
    case YK_N_CAUSES: break;
    }
    return NULL;
}

bool yk_cause_is_done(yk_cause cause)
{
    switch (cause) {
    case YK_CAUSE_OK:
    case YK_CAUSE_EXIT:
    case YK_CAUSE_SIGNAL:
    case YK_CAUSE_MEMORY:
    case YK_CAUSE_TIMEOUT:
    case YK_CAUSE_NOT_STARTED: return true;
    default: return false;
    }
}

const char *yk_signal_name(int signal, char *buf, size_t size)
{
    const char *name = sigabbrev_np(signal);
    if (name)
        return name;
    if (signal >= SIGRTMIN && signal <= SIGRTMAX)
        snprintf(buf, size, "RTMIN+%d", signal - SIGRTMIN);
    else
        snprintf(buf, size, "%d", signal);
    return buf;
}

const char *yk_record_cause(const yk_record *r, char *buf, size_t size)
{
    char        name[24];
    const char *word = yk_cause_word(r->cause);
    if (r->cause == YK_CAUSE_EXIT)
        snprintf(buf, size, "exit %d", r->exit_code);
    else if (r->cause == YK_CAUSE_SIGNAL)
        snprintf(buf, size, "signal %s", yk_signal_name(r->signal, name, sizeof name));
    else
        snprintf(buf, size, "%s", word ? word : "unknown");
    return buf;
}
