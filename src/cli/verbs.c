/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The list of verbs. A new one is a file and a line here (and one in meson.build, for its manual page).
 */
#include "cli/verbs.h"

const yk_verb *const yk_verbs[] = {
    &yk_verb_map,
    &yk_verb_table,
    &yk_verb_image,
    &yk_verb_run,
    &yk_verb_submit,
    &yk_verb_report,
    &yk_verb_cancel,
    &yk_verb_plot,
    &yk_verb_tutorial,
    &yk_verb_info,
    NULL,
};
