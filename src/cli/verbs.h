/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Each verb, as its own file defines it.
 */
#ifndef YK_CLI_VERBS_H
#define YK_CLI_VERBS_H

#include "cli/verb.h"

extern const yk_verb yk_verb_map;
extern const yk_verb yk_verb_image;
extern const yk_verb yk_verb_cancel;
extern const yk_verb yk_verb_info;
extern const yk_verb yk_verb_tutorial;
extern const yk_verb yk_verb_plot;
extern const yk_verb yk_verb_run;
extern const yk_verb yk_verb_report;
extern const yk_verb yk_verb_submit;
extern const yk_verb yk_verb_table;

#endif
