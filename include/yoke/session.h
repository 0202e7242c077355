/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A session: what pulls. Opened once, used by every call that computes, closed at the end.
 */
#ifndef YOKE_SESSION_H
#define YOKE_SESSION_H

#include <yoke/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yoke_session yoke_session;

/*
 * Opens an executor: "serial", "threads", "threads:N", "processes", "processes:N". NULL: $YOKE_ON, else "threads".
 * Without N, as many workers as cores this process may use (affinity mask, control-group quota and SLURM_CPUS_PER_TASK,
 * whichever is least). Returns a session for yoke_close, or NULL. Errors: YOKE_EINVALID for a word that is no executor.
 * Calls that compute may come from any thread; they share the session's workers.
 */
yoke_session *yoke_open(const char *on, yoke_error *err);

/* The number of workers, at least 1. */
unsigned yoke_session_workers(const yoke_session *s);

/* The executor's name: "serial", "threads" or "processes". Borrowed, static. */
const char *yoke_session_executor(const yoke_session *s);

/* Ends the workers and frees the session. NULL is allowed. No call may be running on it. */
void yoke_close(yoke_session *s);

#ifdef __cplusplus
}
#endif
#endif
