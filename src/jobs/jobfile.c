/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/jobfile.h"

#include "base/file.h"
#include "base/hash.h"

#include <stdlib.h>
#include <unistd.h>

enum { WINDOW = 256 << 10, MARK_EVERY = 4096, MAX_EDGES = 50000000 };

/* A job that waits, and where its edges begin; edges are the lines it waits for, UINT64_MAX once found to be no job's. */
typedef struct waiter { uint64_t line; size_t first; } waiter;

struct yk_jobfile {
    char    *path, *what; /* owned; what messages call a line, up to its number */
    int      fd;
    uint64_t size;
    char    *window; /* bytes [at, end) of it are not yet given out; they come from `offset` of the file on */
    size_t   at, end, cap;
    uint64_t offset;      /* of window[end] in the file */
    uint64_t line, index; /* of the next line and job */
    uint64_t n_jobs, n_lines, hash;
    struct mark { uint64_t offset, index; } *mark; /* of line 0, MARK_EVERY, … */
    size_t    n_marks, marks_cap;
    waiter   *waiter; /* ascending by line; one more at the end */
    size_t    n_waiters, waiters_cap;
    uint64_t *edge;
    size_t    n_edges, edges_cap;
};

void yk_jobfile_close(yk_jobfile *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    yk_free(f->path);
    yk_free(f->what);
    yk_free(f->window);
    yk_free(f->mark);
    yk_free(f->waiter);
    yk_free(f->edge);
    yk_free(f);
}

uint64_t    yk_jobfile_count(const yk_jobfile *f) { return f->n_jobs; }
uint64_t    yk_jobfile_lines(const yk_jobfile *f) { return f->n_lines; }
uint64_t    yk_jobfile_hash(const yk_jobfile *f) { return f->hash; }
bool        yk_jobfile_has_after(const yk_jobfile *f) { return f->n_waiters > 0; }

/* ---- physical lines */

/* More bytes into the window; 0 at the end of the file. One byte is always left free behind them. */
static int refill(yk_jobfile *f, size_t *ret_got, yoke_error *err)
{
    if (f->at > 0) {
        memmove(f->window, f->window + f->at, f->end - f->at);
        f->end -= f->at;
        f->at = 0;
    }
    if (f->end + 1 >= f->cap && !yk_grow(&f->window, &f->cap, f->cap ? f->cap * 2 : WINDOW, 1))
        return yk_fail_nomem(err, "reading a job file");
    uint64_t left = f->offset < f->size ? f->size - f->offset : 0;
    size_t   room = f->cap - 1 - f->end, n = left < room ? (size_t)left : room;
    if (n > 0)
        YK_TRY(yk_file_read_at(f->fd, f->path, f->offset, f->window + f->end, n, err));
    f->end += n;
    f->offset += n;
    *ret_got = n;
    return 0;
}

/* The next physical line without its newline: 1, or 0 at the end. Its byte after the last may be written to. */
static int next_line(yk_jobfile *f, char **ret, size_t *ret_len, yoke_error *err)
{
    size_t seen = 0;
    for (;;) {
        size_t have = f->end - f->at;
        char  *nl = have > seen ? memchr(f->window + f->at + seen, '\n', have - seen) : NULL;
        size_t got = 0;
        seen = have;
        if (!nl)
            YK_TRY(refill(f, &got, err));
        if (!nl && got > 0)
            continue;
        if (!nl && have == 0)
            return 0;
        *ret = f->window + f->at;
        *ret_len = nl ? (size_t)(nl - *ret) : have;
        f->at += *ret_len + (nl != NULL);
        f->line++;
        return 1;
    }
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

/* Where a directive begins in a line: at column 1 or after a blank. NULL: there is none. */
static const char *find_directive(const char *text, size_t len)
{
    const char *end = text + len, *at = text;
    while ((at = memchr(at, '#', (size_t)(end - at)))) {
        if (end - at >= 5 && memcmp(at, "#yoke", 5) == 0 && (end - at == 5 || is_blank(at[5])) && (at == text || is_blank(at[-1])))
            return at;
        at++;
    }
    return NULL;
}

/* A line's command: true when it is a job. *directive is where a directive begins, NULL: none. */
static bool find_command(const char *text, size_t len, const char **ret, size_t *ret_len, const char **ret_directive)
{
    *ret_directive = find_directive(text, len);
    if (*ret_directive)
        len = (size_t)(*ret_directive - text);
    if (len > 0 && text[0] == '#')
        return false;
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    while (len > 0 && is_blank(*text))
        text++, len--;
    *ret = text;
    *ret_len = len;
    return len > 0;
}

int yk_jobfile_next(yk_jobfile *f, yk_job *ret, yoke_error *err)
{
    char       *line;
    const char *text, *directive;
    size_t      len;
    for (;;) {
        int rc = next_line(f, &line, &len, err);
        if (rc <= 0)
            return rc;
        if (!find_command(line, len, &text, &len, &directive))
            continue;
        line[(size_t)(text - line) + len] = '\0';
        *ret = (yk_job){.text = text, .len = len, .line = f->line - 1, .index = f->index++};
        return 1;
    }
}

static void restart(yk_jobfile *f, uint64_t offset, uint64_t line, uint64_t index)
{
    f->at = f->end = 0;
    f->offset = offset;
    f->line = line;
    f->index = index;
}

int yk_jobfile_seek(yk_jobfile *f, uint64_t line, yoke_error *err)
{
    size_t mark = line / MARK_EVERY < f->n_marks ? (size_t)(line / MARK_EVERY) : f->n_marks - 1;
    restart(f, f->mark[mark].offset, mark * MARK_EVERY, f->mark[mark].index);
    char       *text;
    const char *command, *directive;
    size_t      len;
    while (f->line < line) {
        int rc = next_line(f, &text, &len, err);
        if (rc <= 0)
            return rc;
        f->index += find_command(text, len, &command, &len, &directive);
    }
    return 0;
}

/* ---- dependencies */

static const char *last_word(const char *text)
{
    const char *blank = strrchr(text, ' ');
    return blank ? blank + 1 : text;
}

static int wrong_directive(const yk_jobfile *f, const char *text, size_t len, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "%s %llu (counted from 0): cannot read '%.*s'; a directive is '#yoke after=3,5-7'",
                   f->what, (unsigned long long)f->line - 1, (int)(len < 80 ? len : 80), text);
}

/* Adds the lines of "#yoke after=3,5-7" to the edges of the waiter being made. A range passes over lines that are no jobs,
 * so its lines are marked by the top bit until that is known. */
static int read_directive(yk_jobfile *f, const char *text, size_t len, yoke_error *err)
{
    const char *at = text + 5, *end = text + len;
    while (end > at && is_blank(end[-1]))
        end--;
    while (at < end && is_blank(*at))
        at++;
    if (end - at < 7 || memcmp(at, "after=", 6) != 0)
        return wrong_directive(f, text, len, err);
    YK_AUTOFREE char *list = yk_strndup(at + 6, (size_t)(end - at - 6));
    if (!list)
        return yk_fail_nomem(err, "reading a job file");
    YK_CLEANUP(yk_lines_fini) yk_lines l = YK_LINES_INIT;
    if (yk_lines_parse(list, &l, NULL) < 0)
        return wrong_directive(f, text, len, err);
    if (yk_lines_count(&l) > MAX_EDGES - f->n_edges)
        return yk_fail(err, YOKE_ELIMIT, "%s %llu: more than %d dependencies in all", f->what,
                       (unsigned long long)f->line - 1, MAX_EDGES);
    for (size_t i = 0; i < l.n; i++)
        for (uint64_t line = l.range[i].first; line <= l.range[i].last; line++) {
            uint64_t edge = line | (l.range[i].first < l.range[i].last ? 1ull << 63 : 0);
            if (!yk_push(&f->edge, &f->n_edges, &f->edges_cap, edge))
                return yk_fail_nomem(err, "reading dependencies");
        }
    return 0;
}

static const waiter *find_waiter(const yk_jobfile *f, uint64_t line)
{
    size_t lo = 0, hi = f->n_waiters;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->waiter[mid].line < line)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < f->n_waiters && f->waiter[lo].line == line ? &f->waiter[lo] : NULL;
}

const uint64_t *yk_jobfile_after(const yk_jobfile *f, uint64_t line, size_t *ret_n)
{
    const waiter *w = f->n_waiters ? find_waiter(f, line) : NULL;
    *ret_n = w ? w[1].first - w->first : 0;
    return *ret_n ? f->edge + w->first : NULL;
}

/* Drops from the edges what is no job: an error for a line named alone, passed over within a range. */
static int check_edges(yk_jobfile *f, yoke_error *err)
{
    YK_AUTOFREE unsigned char *is_job = yk_calloc((size_t)f->n_lines / 8 + 1, 1);
    if (!is_job)
        return yk_fail_nomem(err, "reading dependencies");
    yk_job job;
    int    rc;
    restart(f, 0, 0, 0);
    while ((rc = yk_jobfile_next(f, &job, err)) > 0)
        is_job[job.line / 8] |= (unsigned char)(1u << job.line % 8);
    YK_TRY(rc);
    size_t n = 0, from = 0;
    for (size_t w = 0; w < f->n_waiters; w++) {
        size_t to = f->waiter[w + 1].first;
        f->waiter[w].first = n;
        for (; from < to; from++) {
            uint64_t line = f->edge[from] & ~(1ull << 63);
            if (line < f->n_lines && is_job[line / 8] >> line % 8 & 1)
                f->edge[n++] = line;
            else if (line == f->edge[from])
                return yk_fail(err, YOKE_EFORMAT, "%s %llu waits for %s %llu, which is no job; the first is %s 0", f->what,
                               (unsigned long long)f->waiter[w].line, last_word(f->what), (unsigned long long)line, last_word(f->what));
        }
    }
    f->waiter[f->n_waiters].first = f->n_edges = n;
    return 0;
}

/* Depth first over the jobs that wait, without recursion: colour 1 is on the path, 2 is done. */
static int check_circles(const yk_jobfile *f, yoke_error *err)
{
    YK_AUTOFREE unsigned char *colour = yk_calloc(f->n_waiters, 1);
    YK_AUTOFREE struct step { size_t waiter, edge; } *path = yk_new_array(struct step, f->n_waiters);
    if (!colour || !path)
        return yk_fail_nomem(err, "reading dependencies");
    for (size_t w = 0; w < f->n_waiters; w++) {
        if (colour[w])
            continue;
        size_t depth = 0;
        path[depth++] = (struct step){w, f->waiter[w].first};
        colour[w] = 1;
        while (depth > 0) {
            struct step *s = &path[depth - 1];
            if (s->edge == f->waiter[s->waiter + 1].first) {
                colour[s->waiter] = 2;
                depth--;
                continue;
            }
            const waiter *to = find_waiter(f, f->edge[s->edge++]);
            if (!to || colour[to - f->waiter] == 2)
                continue;
            if (colour[to - f->waiter] == 1)
                return yk_fail(err, YOKE_EFORMAT, "%s %llu and %s %llu wait for each other, in a circle", f->what,
                               (unsigned long long)to->line, last_word(f->what), (unsigned long long)f->waiter[s->waiter].line);
            colour[to - f->waiter] = 1;
            path[depth++] = (struct step){(size_t)(to - f->waiter), to->first};
        }
    }
    return 0;
}

/* ---- the first reading */

static int scan_line(yk_jobfile *f, char *line, size_t len, size_t *edges_before, yoke_error *err)
{
    const char *text = NULL, *directive;
    size_t      text_len;
    if (memchr(line, '\0', len))
        return yk_fail(err, YOKE_EFORMAT, "%s %llu (counted from 0) holds a NUL byte; a job file is text", f->what,
                       (unsigned long long)f->line - 1);
    bool is_job = find_command(line, len, &text, &text_len, &directive);
    if (directive && (directive == line || is_job))
        YK_TRY(read_directive(f, directive, len - (size_t)(directive - line), err));
    if (!is_job)
        return 0;
    f->index++;
    f->hash = yk_hash_mix(f->hash, yk_hash_text(text, text_len, f->line));
    if (f->n_edges > *edges_before) {
        waiter w = {f->line - 1, *edges_before};
        if (!yk_push(&f->waiter, &f->n_waiters, &f->waiters_cap, w))
            return yk_fail_nomem(err, "reading dependencies");
        *edges_before = f->n_edges;
    }
    return 0;
}

static int scan(yk_jobfile *f, yoke_error *err)
{
    size_t edges = 0;
    for (;;) {
        struct mark m = {f->offset - (f->end - f->at), f->index};
        if (f->line % MARK_EVERY == 0 && !yk_push(&f->mark, &f->n_marks, &f->marks_cap, m))
            return yk_fail_nomem(err, "reading a job file");
        char  *line;
        size_t len;
        int    rc = next_line(f, &line, &len, err);
        YK_TRY(rc);
        if (rc == 0)
            break;
        YK_TRY(scan_line(f, line, len, &edges, err));
    }
    f->n_lines = f->line;
    f->n_jobs = f->index;
    waiter last = {UINT64_MAX, edges};
    if (f->n_waiters > 0) {
        if (!yk_push(&f->waiter, &f->n_waiters, &f->waiters_cap, last))
            return yk_fail_nomem(err, "reading dependencies");
        f->n_waiters--;
        YK_TRY(check_edges(f, err));
        YK_TRY(check_circles(f, err));
    }
    restart(f, 0, 0, 0);
    return 0;
}

int yk_jobfile_open(const char *path, const char *what, yk_jobfile **ret, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = yk_new(yk_jobfile);
    if (!f)
        return yk_fail_nomem(err, "opening a job file");
    f->fd = -1;
    YK_AUTOBUF line = YK_BUF_INIT;
    yk_buf_printf(&line, "'%s' line", path);
    f->path = yk_strdup(path);
    f->what = yk_strdup(what ? what : yk_buf_text(&line));
    if (!f->path || !f->what || line.is_failed)
        return yk_fail_nomem(err, "opening a job file");
    YK_TRY(yk_file_open(path, &f->fd, &f->size, err));
    YK_TRY(scan(f, err));
    *ret = YK_TAKE(f);
    return 0;
}
