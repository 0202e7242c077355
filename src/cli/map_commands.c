/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke map 'command {}': a command per item.
 */
#include "cli/map_verb.h"

int yk_map_commands(const yk_map_asked *m)
{
    return yk_cli_usage(m->args, "'%s' is not of the form FILE.c:function; a function in a C file is needed", m->target);
}
