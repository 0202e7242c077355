/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Opening and closing sessions.
 */
#include "exec/session.h"

yoke_session *yoke_open(const char *on, yoke_error *err)
{
    const yk_exec_ops *ops;
    unsigned           workers;
    if (yk_exec_parse(on, &ops, &workers, err) < 0)
        return NULL;
    yoke_session *s = yk_new(yoke_session);
    if (!s) {
        yk_fail_nomem(err, "opening a session");
        return NULL;
    }
    if (ops->open(workers, &s->exec, err) < 0)
        yk_free(YK_TAKE(s));
    else
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

unsigned yoke_session_workers(const yoke_session *s) { return s ? s->exec->workers : 0; }
const char *yoke_session_executor(const yoke_session *s) { return s ? s->exec->ops->name : NULL; }

void yoke_close(yoke_session *s)
{
    if (!s)
        return;
    if (s->futures)
        s->close_futures(s->futures);
    pthread_mutex_destroy(&s->lock);
    s->exec->ops->close(s->exec);
    yk_free(s);
}
