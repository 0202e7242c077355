/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a session holds.
 */
#ifndef YK_EXEC_SESSION_H
#define YK_EXEC_SESSION_H

#include "exec/exec.h"

#include <yoke/session.h>

struct yoke_session {
    yk_exec *exec; /* owned */
};

#endif
