/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/scan.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t SECOND = 1000000000u;

typedef struct begun { uint64_t line, start_ns; uint32_t attempt; } begun; /* a start, under its number */

typedef struct held { yk_record r; uint64_t end_ns; } held; /* a bad end that a note may still explain */

typedef struct scan {
    const yk_scan_reader *reader;
    yk_scan_session       session;
    yoke_error           *err;
    begun                *begun; /* owned; of the journal that is being read */
    size_t                n_begun, begun_cap;
    held                 *held; /* owned; oldest first */
    uint64_t              stop_ns; /* when this session was told to stop; 0: it was not */
    size_t                n_held, held_cap;
} scan;

void yk_scan_session_print(const yk_scan_session *s, char *buf, size_t size)
{
    snprintf(buf, size, "%" PRIu64 "_%" PRIu64 " part %u restart %u", s->job, s->task, s->part, s->restart);
}

void yk_scan_session_parse(const char *command, yk_scan_session *ret)
{
    ret->job = ret->task = 0;
    ret->part = ret->restart = 0;
    if (sscanf(command, "%" SCNu64 "_%" SCNu64 " part %u restart %u", &ret->job, &ret->task, &ret->part, &ret->restart) != 4)
        ret->part = 0;
}

static int tell_end(scan *s, const yk_record *r)
{
    return s->reader->end ? s->reader->end(s->reader->ctx, &s->session, r) : 0;
}

/* Whether what stopped the task at `stop_ns` may have ended this line too. */
static bool is_of_stop(const held *h, uint64_t stop_ns)
{
    bool is_told = h->r.signal == SIGTERM || h->r.signal == SIGKILL || h->r.exit_code == 128 + SIGTERM;
    return h->end_ns + (is_told ? 2 * SECOND : SECOND / 10) >= stop_ns;
}

/* Passes on what was held back and ended before `until`. */
static int release(scan *s, uint64_t until)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_held; i++)
        if (s->held[i].end_ns >= until)
            s->held[kept++] = s->held[i];
        else
            YK_TRY(tell_end(s, &s->held[i].r));
    s->n_held = kept;
    return 0;
}

static int on_session(void *ctx, const yk_session *j)
{
    scan *s = ctx;
    YK_TRY(release(s, UINT64_MAX));
    s->session.number++;
    s->stop_ns = 0;
    s->session.time_ns = j->time_ns;
    yk_scan_session_parse(j->command, &s->session);
    return s->reader->session ? s->reader->session(s->reader->ctx, &s->session) : 0;
}

static int on_start(void *ctx, uint64_t start, const yk_record *r)
{
    scan *s = ctx;
    begun b = {r->line, r->start_ns, r->attempt};
    if (start != s->n_begun) /* numbered 0, 1, … */
        return yk_fail(s->err, YOKE_EFORMAT, "'%s': a start out of order", s->session.journal);
    if (!yk_push(&s->begun, &s->n_begun, &s->begun_cap, b))
        return yk_fail_nomem(s->err, "reading journals");
    return s->reader->start ? s->reader->start(s->reader->ctx, &s->session, r) : 0;
}

static int on_end(void *ctx, uint64_t start, const yk_record *r)
{
    scan *s = ctx;
    if (start >= s->n_begun)
        return yk_fail(s->err, YOKE_EFORMAT, "'%s': an end without a start", s->session.journal);
    held h = {*r, 0};
    h.r.line = s->begun[start].line;
    h.r.start_ns = s->begun[start].start_ns;
    h.r.attempt = s->begun[start].attempt;
    h.end_ns = h.r.start_ns + r->wall_ns;
    YK_TRY(release(s, h.end_ns > 2 * SECOND ? h.end_ns - 2 * SECOND : 0));
    if (s->stop_ns && r->cause != YK_CAUSE_OK && is_of_stop(&h, s->stop_ns))
        h.r.cause = YK_CAUSE_CANCELLED;
    if (s->stop_ns || r->cause == YK_CAUSE_OK)
        return tell_end(s, &h.r);
    return yk_push(&s->held, &s->n_held, &s->held_cap, h) ? 0 : yk_fail_nomem(s->err, "reading journals");
}

static int on_note(void *ctx, uint64_t time_ns, const char *text, size_t len)
{
    bool is_stop = len == strlen(YK_SCAN_STOPPED) && memcmp(text, YK_SCAN_STOPPED, len) == 0;
    scan *s = ctx;
    if (is_stop && !s->stop_ns)
        s->stop_ns = time_ns;
    for (size_t i = 0; is_stop && i < s->n_held; i++)
        if (is_of_stop(&s->held[i], time_ns))
            s->held[i].r.cause = YK_CAUSE_CANCELLED;
    return 0;
}

static int read_bytes(scan *s, const void *bytes, size_t size)
{
    yk_journal_reader reader = {.ctx = s, .session = on_session, .start = on_start, .end = on_end, .note = on_note};
    size_t good;
    s->n_begun = s->n_held = 0;
    s->stop_ns = 0;
    YK_TRY(yk_journal_parse(bytes, size, &reader, &good, s->err));
    return release(s, UINT64_MAX);
}

static int read_one(scan *s, const char *path)
{
    YK_AUTOBUF bytes = YK_BUF_INIT; /* not mapped: a task may cut a torn end off while it is read */
    s->session.journal = path;
    YK_TRY(yk_file_slurp(path, &bytes, s->err));
    return bytes.len ? read_bytes(s, bytes.data, bytes.len) : 0;
}

static int is_journal(const struct dirent *e)
{
    return e->d_name[0] != '.' && !strchr(e->d_name, '.');
}

int yk_scan(const yk_slurm_run *run, const yk_scan_reader *reader, yoke_error *err)
{
    YK_AUTOFREE char *folder = yk_slurm_run_path(run, "journal");
    struct dirent   **name = NULL;
    scan              s = {.reader = reader, .err = err};
    if (!folder)
        return yk_fail_nomem(err, "reading journals");
    int n = scandir(folder, &name, is_journal, alphasort), rc = 0;
    if (n < 0)
        return yk_fail_errno(err, "'%s'", folder);
    for (int i = 0; i < n; i++) {
        YK_AUTOBUF path = YK_BUF_INIT;
        yk_buf_printf(&path, "%s/%s", folder, name[i]->d_name);
        if (rc == 0)
            rc = path.is_failed ? yk_fail_nomem(err, "reading journals") : read_one(&s, path.data);
        free(name[i]);
    }
    free(name);
    yk_free(s.begun);
    yk_free(s.held);
    return rc;
}
