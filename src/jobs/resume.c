/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/resume.h"

#include "base/hash.h"
#include "jobs/rundir.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int yk_done_init(yk_done *d, uint64_t n, yoke_error *err)
{
    *d = (yk_done){.n = n};
    d->bits = yk_calloc((size_t)n / 4 + 1, 1);
    return d->bits ? 0 : yk_fail_nomem(err, "going on with a run");
}

void yk_done_set(yk_done *d, uint64_t index, yk_job_state state)
{
    d->bits[index / 4] |= (unsigned char)((unsigned)state << index % 4 * 2);
    d->n_ok += state == YK_JOB_OK;
    d->n_failed += state == YK_JOB_FAILED;
    d->n_unwanted += state == YK_JOB_UNWANTED;
}

yk_job_state yk_done_get(const yk_done *d, uint64_t index)
{
    return d->bits && index < d->n ? (yk_job_state)(d->bits[index / 4] >> index % 4 * 2 & 3) : YK_JOB_TODO;
}

void yk_done_fini(yk_done *d)
{
    yk_free(d->bits);
    *d = (yk_done)YK_DONE_INIT;
}

void yk_resume_fini(yk_resume *r)
{
    yk_free(r->keep);
    yk_lines_fini(&r->interrupted);
    *r = (yk_resume){0};
}

/* ---- what the journals say */

/* The last word on one text at one line. */
typedef struct known {
    uint64_t text[2]; /* hashes */
    uint64_t line, start;
    uint32_t next; /* another of the same text, not used yet: index + 1 */
    uint8_t  state; /* yk_job_state */
    bool     is_used, is_first_journal;
} known;

typedef struct reading {
    known     *item;
    size_t     n, cap;
    uint32_t  *at_line, *at_text; /* tables of n_slots: index + 1 of the item, by text and line; of the first, by text */
    size_t     n_slots;
    uint32_t  *of_start; /* item of each start of the journal being read */
    size_t     n_starts, starts_cap;
    bool       is_first_journal, again_failed;
    yk_resume *r;
} reading;

static void reading_fini(reading *x)
{
    yk_free(x->item);
    yk_free(x->at_line);
    yk_free(x->at_text);
    yk_free(x->of_start);
}

static bool same(const known *a, const uint64_t text[2])
{
    return a->text[0] == text[0] && a->text[1] == text[1];
}

static uint32_t *line_slot(const reading *x, const uint64_t text[2], uint64_t line)
{
    size_t at = (size_t)yk_hash_mix(text[0], line) & (x->n_slots - 1);
    for (;; at = (at + 1) & (x->n_slots - 1)) {
        uint32_t i = x->at_line[at];
        if (i == 0 || (same(&x->item[i - 1], text) && x->item[i - 1].line == line))
            return &x->at_line[at];
    }
}

static bool grow_table(reading *x)
{
    if (x->n_slots >= 2 * (x->n + 1))
        return true;
    size_t    n = x->n_slots ? x->n_slots * 2 : 1024;
    uint32_t *table = yk_calloc(n, sizeof *table);
    if (!table)
        return false;
    yk_free(x->at_line);
    x->at_line = table;
    x->n_slots = n;
    for (size_t i = 0; i < x->n; i++)
        *line_slot(x, x->item[i].text, x->item[i].line) = (uint32_t)i + 1;
    return true;
}

static known *find_or_make(reading *x, const uint64_t text[2], uint64_t line)
{
    if (x->n >= UINT32_MAX - 1 || !grow_table(x))
        return NULL;
    uint32_t *slot = line_slot(x, text, line);
    if (*slot == 0) {
        known one = {.text = {text[0], text[1]}, .line = line};
        if (!yk_push(&x->item, &x->n, &x->cap, one))
            return NULL;
        *slot = (uint32_t)x->n;
    }
    return &x->item[*slot - 1];
}

static int saw_record(void *ctx, uint64_t start, const yk_record *r)
{
    reading *x = ctx;
    if (r->cause == YK_CAUSE_RUNNING || r->cause == YK_CAUSE_INTERRUPTED)
        YK_TRY(yk_lines_add(&x->r->interrupted, r->line, NULL));
    const uint64_t text[2] = {yk_hash_text(r->text, r->text_len, 1), yk_hash_text(r->text, r->text_len, 2)};
    known         *k = find_or_make(x, text, r->line);
    if (!k)
        return YOKE_ENOMEM;
    bool is_done = r->is_last && yk_cause_is_done(r->cause) && (r->cause == YK_CAUSE_OK || !x->again_failed);
    if (k->state != YK_JOB_OK) /* what has once ended well stays so */
        k->state = is_done ? (r->cause == YK_CAUSE_OK ? YK_JOB_OK : YK_JOB_FAILED) : YK_JOB_TODO;
    k->start = start;
    k->is_first_journal = x->is_first_journal;
    while (x->n_starts <= start)
        if (!yk_push(&x->of_start, &x->n_starts, &x->starts_cap, 0))
            return YOKE_ENOMEM;
    x->of_start[start] = (uint32_t)(k - x->item) + 1;
    return 0;
}

static int saw_keep(void *ctx, uint64_t start, uint64_t line, uint64_t seq)
{
    reading *x = ctx;
    if (start >= x->n_starts || x->of_start[start] == 0)
        return 0;
    known was = x->item[x->of_start[start] - 1], *k = find_or_make(x, was.text, line);
    if (!k)
        return YOKE_ENOMEM;
    if (was.line == line)
        return 0;
    was.line = line;
    *k = was;
    x->item[x->of_start[start] - 1].state = YK_JOB_TODO; /* moved away */
    x->of_start[start] = (uint32_t)(k - x->item) + 1;
    return 0;
}

static int saw_session(void *ctx, const yk_session *s)
{
    reading *x = ctx;
    x->r->run_id = s->run_id;
    x->r->list_hash = s->list_hash;
    return 0;
}

static int read_journal(void *ctx, const char *journal, const char *output, yoke_error *err)
{
    reading                *x = ctx;
    const yk_journal_reader also = {.ctx = x, .session = saw_session, .keep = saw_keep};
    x->n_starts = 0;
    YK_TRY(yk_records_read(journal, saw_record, x, &also, err));
    x->is_first_journal = false;
    return 0;
}

/* ---- the list against it */

static int accept(reading *x, known *k, const yk_job *job, yk_done *done, yoke_error *err)
{
    k->is_used = true;
    yk_done_set(done, job->index, (yk_job_state)k->state);
    struct yk_kept one = {k->start, job->line, job->index + 1};
    if (!x->r->is_new_list || !k->is_first_journal)
        return 0;
    return yk_push(&x->r->keep, &x->r->n_keep, &x->r->keep_cap, one) ? 0 : yk_fail_nomem(err, "going on with a run");
}

/* Chains what is done and not used yet by its text, in the order of the journal. */
static int chain_texts(reading *x, yoke_error *err)
{
    x->at_text = yk_calloc(x->n_slots, sizeof *x->at_text);
    if (!x->at_text)
        return yk_fail_nomem(err, "going on with a run");
    for (size_t i = x->n; i-- > 0;) {
        known *k = &x->item[i];
        if (k->is_used || k->state == YK_JOB_TODO)
            continue;
        size_t at = (size_t)k->text[0] & (x->n_slots - 1);
        while (x->at_text[at] && !same(&x->item[x->at_text[at] - 1], k->text))
            at = (at + 1) & (x->n_slots - 1);
        k->next = x->at_text[at];
        x->at_text[at] = (uint32_t)i + 1;
    }
    return 0;
}

static known *take_text(reading *x, const uint64_t text[2])
{
    size_t at = (size_t)text[0] & (x->n_slots - 1);
    while (x->at_text[at] && !same(&x->item[x->at_text[at] - 1], text))
        at = (at + 1) & (x->n_slots - 1);
    known *k = x->at_text[at] ? &x->item[x->at_text[at] - 1] : NULL;
    if (!k || k->is_used)
        return NULL;
    if (k->next)
        x->at_text[at] = k->next; /* the last of a chain stays, used, so that probing passes it */
    return k;
}

static int match(reading *x, yk_jobfile *list, bool by_text, yk_done *done, yoke_error *err)
{
    yk_job job;
    int    rc;
    YK_TRY(yk_jobfile_seek(list, 0, err));
    while ((rc = yk_jobfile_next(list, &job, err)) > 0) {
        if (by_text && yk_done_get(done, job.index) != YK_JOB_TODO)
            continue;
        const uint64_t text[2] = {yk_hash_text(job.text, job.len, 1), yk_hash_text(job.text, job.len, 2)};
        uint32_t      *slot = by_text ? NULL : line_slot(x, text, job.line);
        known         *k = by_text ? take_text(x, text) : *slot ? &x->item[*slot - 1] : NULL;
        if (k && k->state != YK_JOB_TODO)
            YK_TRY(accept(x, k, &job, done, err));
    }
    YK_TRY(rc);
    return yk_jobfile_seek(list, 0, err);
}

/* Something is done that stands at no line where it stood: lines were moved, or are gone. */
static bool has_unused(const reading *x)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->item[i].state != YK_JOB_TODO && !x->item[i].is_used)
            return true;
    return false;
}

int yk_resume_read(const char *run, yk_jobfile *list, bool again_failed, yk_resume *ret, yk_done *done, yoke_error *err)
{
    YK_CLEANUP(yk_resume_fini) yk_resume r = {0};
    YK_CLEANUP(yk_done_fini) yk_done     d = YK_DONE_INIT;
    YK_CLEANUP(reading_fini) reading     x = {.is_first_journal = true, .again_failed = again_failed, .r = &r};
    YK_TRY(yk_done_init(&d, yk_jobfile_count(list), err));
    if (!grow_table(&x))
        return yk_fail_nomem(err, "going on with a run");
    YK_TRY(yk_rundir_each(run, read_journal, &x, err));
    r.is_new_list = r.list_hash != yk_jobfile_hash(list);
    YK_TRY(match(&x, list, false, &d, err));
    if (r.is_new_list && has_unused(&x)) {
        YK_TRY(chain_texts(&x, err));
        YK_TRY(match(&x, list, true, &d, err));
    }
    *ret = r;
    *done = d;
    r = (yk_resume){0};
    d = (yk_done)YK_DONE_INIT;
    return 0;
}

/* ---- strays */

/* The value of NAME=… in a process's environment; NULL: none. */
static const char *env_value(const yk_buf *env, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = env->data; at && at < env->data + env->len; at += strlen(at) + 1)
        if (strncmp(at, name, n) == 0 && at[n] == '=')
            return at + n + 1;
    return NULL;
}

static bool read_env(const char *pid, yk_buf *b)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    yk_buf_clear(b);
    for (ssize_t got = 1; got > 0;) {
        char *to = yk_buf_extend(b, 4096);
        got = to ? read(fd, to, 4096) : -1;
        b->len -= to ? 4096 - (got > 0 ? (size_t)got : 0) : 0;
    }
    close(fd);
    if (b->data)
        b->data[b->len] = '\0';
    return b->len > 0;
}

unsigned yk_resume_end_strays(const yk_resume *r)
{
    char       id[24];
    unsigned   n = 0;
    YK_AUTOBUF env = YK_BUF_INIT;
    DIR       *proc = r->interrupted.n ? opendir("/proc") : NULL;
    snprintf(id, sizeof id, "%016llx", (unsigned long long)r->run_id);
    for (struct dirent *e; proc && (e = readdir(proc));) {
        long pid = isdigit((unsigned char)e->d_name[0]) ? atol(e->d_name) : 0;
        if (pid <= 1 || pid == getpid() || !read_env(e->d_name, &env))
            continue;
        const char *run = env_value(&env, "YOKE_RUN"), *job = env_value(&env, "YOKE_JOB");
        if (run && job && strcmp(run, id) == 0 && yk_lines_has(&r->interrupted, strtoull(job, NULL, 10)))
            n += kill((pid_t)pid, SIGKILL) == 0;
    }
    if (proc)
        closedir(proc);
    return n;
}
