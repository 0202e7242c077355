/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where a verb's plot goes: a file, or the terminal.
 */
#ifndef YK_CLI_PLOTTING_H
#define YK_CLI_PLOTTING_H

#include "cli/verb.h"

#include <yoke/plot.h>

/* Saves the plot in `path`, or draws it on standard output when path is NULL or "-": as wide as $COLUMNS or the terminal,
 * in colour on a terminal (unless $NO_COLOR is set), with ASCII alone where the locale has no more. */
int yk_cli_plot(const yoke_plot *p, const char *path, bool may_replace, yoke_error *err) YK_MUST_USE;

/* "LO:HI" as two numbers into range; false, having said what was wrong with the value of option `name`. */
bool yk_cli_range(const yk_args *args, const char *name, const char *value, double range[2]);

#endif
