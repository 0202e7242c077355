/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/formats.h"

#include "base/json.h"
#include "base/near.h"
#include "jobs/journal.h"
#include "jobs/rundir.h"

#include <string.h>
#include <time.h>

typedef struct writing {
    FILE     *to;
    yk_format format;
    bool      has_rows;
    unsigned  journal; /* 1, 2, … */
    const yk_format_fix *fix;
} writing;

int yk_format_parse(const char *word, yk_format *ret, yoke_error *err)
{
    static const char *const words[] = {"joblog", "tsv", "jsonl", "trace"};
    char                     hint[96];
    for (int i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = (yk_format)i;
            return 0;
        }
    return yk_fail(err, YOKE_EINVALID, "--format takes joblog, tsv, jsonl or trace, not '%s'%s", word,
                   yk_near_hint(word, words, 4, hint, sizeof hint));
}

/* ---- text */

static void put_json(FILE *to, const char *text, size_t n)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_json_text(&b, text, n);
    fwrite(yk_buf_text(&b), 1, b.len, to);
}

static void put_local(FILE *to, uint64_t ns)
{
    time_t    t = (time_t)(ns / 1000000000u);
    struct tm tm;
    char      text[40];
    localtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    fputs(text, to);
}

/* ---- rows */

static void put_joblog(writing *w, const yk_record *r)
{
    fprintf(w->to, "%llu\t%s\t%.3f\t%10.3f\t0\t%llu\t%d\t%d\t%.*s\n", (unsigned long long)r->seq, r->host[0] ? r->host : ":",
            (double)r->start_ns * 1e-9, (double)r->wall_ns * 1e-9, (unsigned long long)r->out_len,
            r->cause == YK_CAUSE_NOT_STARTED ? 127 : r->cause == YK_CAUSE_CANCELLED && !r->signal && !r->exit_code ? 255 : r->exit_code,
            r->signal, (int)r->text_len, r->text);
}

static void put_tsv(writing *w, const yk_record *r)
{
    int code = r->signal ? -r->signal : r->cause == YK_CAUSE_NOT_STARTED ? 127 : r->exit_code;
    fprintf(w->to, "%llu\t%d\t%s\t", (unsigned long long)r->line, code, r->host);
    put_local(w->to, r->start_ns);
    fputc('\t', w->to);
    put_local(w->to, r->start_ns + r->wall_ns);
    fprintf(w->to, "\t%.2f\t%.*s\n", (double)r->wall_ns * 1e-9, (int)r->text_len, r->text);
}

static void put_jsonl(writing *w, const yk_record *r)
{
    char  cause[40];
    FILE *to = w->to;
    fprintf(to, "{\"line\":%llu,\"seq\":%llu,\"attempt\":%u,\"slot\":%u,\"cause\":\"%s\",", (unsigned long long)r->line,
            (unsigned long long)r->seq, r->attempt, r->slot, yk_record_cause(r, cause, sizeof cause));
    fprintf(to, "\"exit\":%d,\"signal\":%d,\"last\":%s,\"start\":%.6f,", r->exit_code, r->signal, r->is_last ? "true" : "false",
            (double)r->start_ns * 1e-9);
    if (r->cause != YK_CAUSE_RUNNING && r->cause != YK_CAUSE_INTERRUPTED && r->cause != YK_CAUSE_NODE_LOST)
        fprintf(to, "\"end\":%.6f,\"wall\":%.6f,\"user\":%.6f,\"system\":%.6f,\"peak_kib\":%llu,\"stdout_bytes\":%llu,\"stderr_bytes\":%llu,",
                (double)(r->start_ns + r->wall_ns) * 1e-9, (double)r->wall_ns * 1e-9, (double)r->user_us * 1e-6,
                (double)r->sys_us * 1e-6, (unsigned long long)r->peak_kib, (unsigned long long)r->out_len,
                (unsigned long long)r->err_len);
    fprintf(to, "\"pid\":%d,\"host\":", r->pid);
    put_json(to, r->host, strlen(r->host));
    fputs(",\"command\":", to);
    put_json(to, r->text, r->text_len);
    fputs(",\"stderr_tail\":", to);
    put_json(to, r->tail, r->tail_len);
    fputs("}\n", to);
}

static void put_trace(writing *w, const yk_record *r)
{
    char cause[40];
    fprintf(w->to, "%s{\"name\":", w->has_rows ? ",\n" : "\n");
    put_json(w->to, r->text, r->text_len < 80 ? r->text_len : 80);
    fprintf(w->to, ",\"cat\":\"%s\",\"ph\":\"X\",\"ts\":%llu.%03u,\"dur\":%.3f,\"pid\":%u,\"tid\":%u,\"args\":{\"line\":%llu,\"attempt\":%u,",
            r->cause == YK_CAUSE_OK ? "ok" : "failed", (unsigned long long)(r->start_ns / 1000), (unsigned)(r->start_ns % 1000),
            (double)r->wall_ns * 1e-3, w->journal, r->slot, (unsigned long long)r->line, r->attempt);
    fprintf(w->to, "\"cause\":\"%s\",\"user_s\":%.6f,\"system_s\":%.6f,\"peak_kib\":%llu,\"host\":",
            yk_record_cause(r, cause, sizeof cause), (double)r->user_us * 1e-6, (double)r->sys_us * 1e-6, (unsigned long long)r->peak_kib);
    put_json(w->to, r->host, strlen(r->host));
    fputs("}}", w->to);
}

static int put_record(void *ctx, uint64_t start, const yk_record *as_journalled)
{
    writing  *w = ctx;
    yk_record now = *as_journalled, *r = &now;
    bool      has_ended = r->cause != YK_CAUSE_RUNNING && r->cause != YK_CAUSE_INTERRUPTED;
    if (w->fix)
        w->fix->record(w->fix->ctx, r);
    if (w->format == YK_FORMAT_JSONL) {
        put_jsonl(w, r);
    } else if (has_ended && w->format == YK_FORMAT_TSV) {
        put_tsv(w, r);
    } else if (has_ended && w->format == YK_FORMAT_TRACE) {
        put_trace(w, r);
        w->has_rows = true;
    } else if (has_ended && r->is_last) {
        put_joblog(w, r);
    }
    return 0;
}

static int put_journal(void *ctx, const char *journal, const char *output, yoke_error *err)
{
    writing *w = ctx;
    w->journal++;
    yk_journal_reader sessions = {.ctx = w->fix ? w->fix->ctx : NULL, .session = w->fix ? w->fix->session : NULL};
    return yk_records_read(journal, put_record, w, &sessions, err);
}

int yk_format_run(const char *run, yk_format format, const yk_format_fix *fix, FILE *to, yoke_error *err)
{
    writing w = {.to = to, .format = format, .fix = fix};
    if (format == YK_FORMAT_JOBLOG)
        fputs("Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n", to);
    if (format == YK_FORMAT_TRACE)
        fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", to);
    YK_TRY(yk_rundir_each(run, put_journal, &w, err));
    if (format == YK_FORMAT_TRACE)
        fputs("\n]}\n", to);
    return 0;
}
