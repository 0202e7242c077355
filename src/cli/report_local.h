/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The half of `yoke report` that is about runs on this machine, and the formats that both halves share. Each prints and
 * returns the exit code.
 */
#ifndef YK_CLI_REPORT_LOCAL_H
#define YK_CLI_REPORT_LOCAL_H

#include "cli/verb.h"

/* The summary on standard error, the lines in the named states (NULL: those that have not run to their end) on standard output. */
int yk_report_local(const yk_args *args, const char *run, const char *states, bool is_watching);

int yk_report_format(const yk_args *args, const char *run, const char *format);
int yk_report_output(const yk_args *args, const char *run, const char *line);
int yk_report_grep(const yk_args *args, const char *run, const char *pattern);

#endif
