/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a session holds.
 */
#ifndef YK_EXEC_SESSION_H
#define YK_EXEC_SESSION_H

#include "exec/exec.h"

#include <pthread.h>

#include <yoke/session.h>

struct yoke_session {
    yk_exec        *exec; /* owned */
    pthread_mutex_t lock;    /* guards `futures` until it is set */
    _Atomic(struct yk_futures *) futures; /* owned; made at the first submit */
    void (*close_futures)(struct yk_futures *f);
};

#endif
