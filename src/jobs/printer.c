/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/printer.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

/* A job that ended before its turn. */
typedef struct turn {
    uint64_t seq, chunk;
    char    *tag; /* owned; NULL: none */
} turn;

struct yk_printer {
    yk_printer_opts opts;
    const yk_store *store;
    FILE           *out, *errs;
    turn           *wait; /* a heap, least seq first */
    size_t          n, cap;
    uint64_t        next;
    bool            is_deaf;
    /* while one job is printed */
    const char *tag;
    bool        is_midline[3];
};

int yk_printer_new(const yk_printer_opts *opts, const yk_store *store, FILE *out, FILE *errs, yk_printer **ret, yoke_error *err)
{
    yk_printer *p = yk_new(yk_printer);
    if (!p)
        return yk_fail_nomem(err, "printing");
    *p = (yk_printer){.opts = *opts, .store = store, .out = out, .errs = errs};
    p->next = opts->after ? opts->after(opts->ctx, 0) : 1;
    *ret = p;
    return 0;
}

void yk_printer_free(yk_printer *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        yk_free(p->wait[i].tag);
    yk_free(p->wait);
    yk_free(p);
}

bool yk_printer_is_deaf(const yk_printer *p) { return p->is_deaf; }

/* ---- one job */

static void write_tagged(yk_printer *p, FILE *to, int stream, const char *bytes, size_t n)
{
    while (n > 0) {
        const char *nl = memchr(bytes, '\n', n);
        size_t      len = nl ? (size_t)(nl - bytes) + 1 : n;
        if (!p->is_midline[stream])
            fprintf(to, "%s\t", p->tag);
        fwrite(bytes, 1, len, to);
        p->is_midline[stream] = !nl;
        bytes += len, n -= len;
    }
}

static int print(void *ctx, int stream, const char *bytes, size_t n)
{
    yk_printer *p = ctx;
    FILE       *to = stream == 1 ? p->out : p->errs;
    if (p->tag)
        write_tagged(p, to, stream, bytes, n);
    else
        fwrite(bytes, 1, n, to);
    return 0;
}

/* A terminal that hung up takes no more; the run goes on without, and what the jobs print is kept all the same. */
static bool is_hung_up(FILE *to)
{
    struct stat st;
    return errno == EIO && fstat(fileno(to), &st) == 0 && S_ISCHR(st.st_mode);
}

static int flush(yk_printer *p, FILE *to, yoke_error *err)
{
    if (fflush(to) == 0 && !ferror(to))
        return 0;
    if (is_hung_up(to) && freopen("/dev/null", "w", to))
        return 0;
    p->is_deaf = true;
    return errno == EPIPE ? 0 : yk_fail_errno(err, "cannot write what the jobs print");
}

static void set_tag(yk_printer *p, const char *tag)
{
    p->tag = p->opts.has_tags ? tag : NULL;
    p->is_midline[1] = p->is_midline[2] = false;
}

static int end_job(yk_printer *p, yoke_error *err)
{
    if (p->is_midline[1])
        fputc('\n', p->out);
    if (p->is_midline[2])
        fputc('\n', p->errs);
    YK_TRY(flush(p, p->out, err));
    return flush(p, p->errs, err);
}

/* ---- in order */

static void swap(turn *a, turn *b)
{
    turn t = *a;
    *a = *b;
    *b = t;
}

static int push(yk_printer *p, turn t, yoke_error *err)
{
    if (!yk_push(&p->wait, &p->n, &p->cap, t)) {
        yk_free(t.tag);
        return yk_fail_nomem(err, "keeping output for its turn");
    }
    for (size_t i = p->n - 1; i > 0 && p->wait[i].seq < p->wait[(i - 1) / 2].seq; i = (i - 1) / 2)
        swap(&p->wait[i], &p->wait[(i - 1) / 2]);
    return 0;
}

static turn pop(yk_printer *p)
{
    turn top = p->wait[0];
    p->wait[0] = p->wait[--p->n];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1;
        if (left < p->n && p->wait[left].seq < p->wait[least].seq)
            least = left;
        if (left + 1 < p->n && p->wait[left + 1].seq < p->wait[least].seq)
            least = left + 1;
        if (least == i)
            return top;
        swap(&p->wait[i], &p->wait[least]);
        i = least;
    }
}

static int print_first(yk_printer *p, yoke_error *err)
{
    turn t = pop(p);
    int  rc = 0;
    set_tag(p, t.tag);
    for (int stream = 1; stream <= 2 && rc == 0 && t.chunk && !p->is_deaf; stream++)
        rc = yk_store_read(yk_store_fd(p->store), "the output store", t.chunk, stream, print, p, err);
    yk_free(t.tag);
    if (p->tag)
        p->tag = "";
    return rc < 0 ? rc : t.chunk ? end_job(p, err) : 0;
}

static int take_in_order(yk_printer *p, const yk_record *r, const char *tag, yoke_error *err)
{
    turn t = {r->seq, r->chunk, NULL};
    if (tag && p->opts.has_tags && r->chunk) {
        t.tag = yk_strdup(tag);
        if (!t.tag)
            return yk_fail_nomem(err, "keeping output for its turn");
    }
    YK_TRY(push(p, t, err));
    while (p->n > 0 && p->wait[0].seq <= p->next) {
        if (p->wait[0].seq == p->next)
            p->next = p->opts.after ? p->opts.after(p->opts.ctx, p->next) : p->next + 1;
        YK_TRY(print_first(p, err));
    }
    return 0;
}

/* ---- files */

static int to_file(void *ctx, int stream, const char *bytes, size_t n)
{
    fwrite(bytes, 1, n, ctx);
    return 0;
}

static int write_file(yk_printer *p, yk_runner *run, const yk_record *r, int stream, yoke_error *err)
{
    YK_AUTOBUF path = YK_BUF_INIT;
    yk_buf_printf(&path, "%s/%llu.%s", p->opts.folder, (unsigned long long)r->line, stream == 1 ? "out" : "err");
    if (path.is_failed)
        return yk_fail_nomem(err, "writing output");
    YK_CLEANUP(yk_output_fini) yk_output o = {0};
    YK_TRY(yk_output_open(&o, path.data, true, err));
    YK_TRY(yk_runner_output(run, stream, to_file, o.file, err));
    return yk_output_commit(&o, err);
}

int yk_printer_take(yk_printer *p, yk_runner *run, const yk_record *r, const char *tag, yoke_error *err)
{
    char number[24];
    if (!r->is_last)
        return 0;
    if (p->opts.folder) {
        YK_TRY(write_file(p, run, r, 1, err));
        if (r->err_len > 0)
            YK_TRY(write_file(p, run, r, 2, err));
    }
    if (p->opts.is_quiet || p->is_deaf)
        return 0;
    snprintf(number, sizeof number, "%llu", (unsigned long long)r->line);
    if (p->opts.is_ordered)
        return take_in_order(p, r, tag ? tag : number, err);
    if (r->out_len + r->err_len == 0)
        return 0;
    set_tag(p, tag ? tag : number);
    YK_TRY(yk_runner_output(run, 1, print, p, err));
    YK_TRY(yk_runner_output(run, 2, print, p, err));
    return end_job(p, err);
}

int yk_printer_finish(yk_printer *p, yoke_error *err)
{
    while (p->n > 0)
        YK_TRY(print_first(p, err));
    return 0;
}
