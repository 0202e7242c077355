/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading journals. The bytes may be anything: a torn tail, a file half written, a file that is no journal.
 */
#include "jobs/journal.h"

#include "base/file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>

enum { HEAD = 8, WINDOW = 1 << 20 };

/* The payload of one record, read front to back; `is_bad` once something did not fit. */
typedef struct payload {
    const char *at, *end;
    bool        is_bad;
} payload;

static const char *take(payload *p, size_t n)
{
    static const char zeros[8];
    if (p->is_bad || (size_t)(p->end - p->at) < n) {
        p->is_bad = true;
        return n <= sizeof zeros ? zeros : NULL;
    }
    p->at += n;
    return p->at - n;
}

static unsigned get_u8(payload *p) { return (unsigned char)*take(p, 1); }

static uint32_t get_u32(payload *p)
{
    uint32_t x;
    memcpy(&x, take(p, 4), 4);
    return le32toh(x);
}

static uint64_t get_u64(payload *p)
{
    uint64_t x;
    memcpy(&x, take(p, 8), 8);
    return le64toh(x);
}

static const char *get_str(payload *p, size_t *ret_len)
{
    size_t      n = get_u32(p);
    const char *text = take(p, n);
    *ret_len = p->is_bad ? 0 : n;
    return p->is_bad ? "" : text;
}

/* The string with a NUL behind it, in b. */
static const char *get_text(payload *p, yk_buf *b)
{
    size_t      n;
    const char *text = get_str(p, &n);
    yk_buf_clear(b);
    yk_buf_append(b, text, strnlen(text, n));
    return yk_buf_text(b);
}

/* What reading remembers from one stretch of bytes to the next. */
typedef struct scan {
    const yk_journal_reader *reader;
    uint64_t                 n_starts;
    bool                     has_begun; /* the eight bytes at the front are read */
    yk_buf                   text[4];   /* of the session */
} scan;

static void scan_fini(scan *s)
{
    for (int i = 0; i < 4; i++)
        yk_buf_fini(&s->text[i]);
}

static int read_session(scan *s, payload *p)
{
    yk_session x = {0};
    unsigned   version = get_u8(p);
    x.is_new_list = get_u8(p);
    x.time_ns = get_u64(p);
    x.run_id = get_u64(p);
    x.slots = get_u32(p);
    x.n_jobs = get_u64(p);
    x.list_hash = get_u64(p);
    x.pid = (int32_t)get_u32(p);
    x.host = get_text(p, &s->text[0]);
    x.folder = get_text(p, &s->text[1]);
    x.list = get_text(p, &s->text[2]);
    x.command = get_text(p, &s->text[3]);
    p->is_bad |= version != 1;
    return p->is_bad || !s->reader->session ? 0 : s->reader->session(s->reader->ctx, &x);
}

static int read_start(scan *s, payload *p)
{
    yk_record r = {.host = "", .tail = ""};
    r.line = get_u64(p);
    r.seq = get_u64(p);
    r.attempt = get_u32(p);
    r.slot = get_u32(p);
    r.pid = (int32_t)get_u32(p);
    r.start_ns = get_u64(p);
    r.text = get_str(p, &r.text_len);
    if (p->is_bad)
        return 0;
    uint64_t start = s->n_starts++;
    return s->reader->start ? s->reader->start(s->reader->ctx, start, &r) : 0;
}

static int read_end(scan *s, payload *p)
{
    yk_record r = {.host = "", .text = ""};
    uint64_t  start = get_u64(p);
    r.wall_ns = get_u64(p);
    r.user_us = get_u64(p);
    r.sys_us = get_u64(p);
    r.peak_kib = get_u64(p);
    r.exit_code = (int32_t)get_u32(p);
    r.signal = (int32_t)get_u32(p);
    unsigned cause = get_u8(p);
    r.is_last = get_u8(p);
    r.out_len = get_u64(p);
    r.err_len = get_u64(p);
    r.chunk = get_u64(p);
    r.tail = get_str(p, &r.tail_len);
    p->is_bad |= start >= s->n_starts || cause >= YK_N_CAUSES || cause == YK_CAUSE_RUNNING;
    r.cause = (yk_cause)cause;
    return p->is_bad || !s->reader->end ? 0 : s->reader->end(s->reader->ctx, start, &r);
}

static int read_keep(scan *s, payload *p)
{
    uint64_t start = get_u64(p), line = get_u64(p), seq = get_u64(p);
    p->is_bad |= start >= s->n_starts;
    return p->is_bad || !s->reader->keep ? 0 : s->reader->keep(s->reader->ctx, start, line, seq);
}

static int read_note(scan *s, payload *p)
{
    size_t      n;
    uint64_t    time_ns = get_u64(p);
    const char *text = get_str(p, &n);
    return p->is_bad || !s->reader->note ? 0 : s->reader->note(s->reader->ctx, time_ns, text, n);
}

static int read_finish(scan *s, payload *p)
{
    uint64_t time_ns = get_u64(p);
    return p->is_bad || !s->reader->finish ? 0 : s->reader->finish(s->reader->ctx, time_ns);
}

/* A record whose checksum holds but whose content does not fit ends the reading like a torn one. Types of later versions
 * are passed over. */
static int read_payload(scan *s, payload *p)
{
    switch (get_u8(p)) {
    case 'H': return read_session(s, p);
    case 'S': return read_start(s, p);
    case 'E': return read_end(s, p);
    case 'K': return read_keep(s, p);
    case 'N': return read_note(s, p);
    case 'F': return read_finish(s, p);
    default: return 0;
    }
}

/* Reads the whole records in bytes[0..n). *ret_used is how many bytes they take; *ret_is_torn: the next one is wrong, rather
 * than not all there yet. */
static int read_records(scan *s, const char *bytes, size_t n, size_t *ret_used, bool *ret_is_torn)
{
    size_t at = *ret_used = 0;
    *ret_is_torn = false;
    while (n - at >= HEAD) {
        uint32_t head[2];
        memcpy(head, bytes + at, HEAD);
        size_t length = le32toh(head[0]);
        *ret_is_torn = length == 0 || length > UINT32_MAX / 2;
        if (*ret_is_torn || n - at - HEAD < length)
            return 0;
        uint32_t crc = libdeflate_crc32(libdeflate_crc32(0, head, 4), bytes + at + HEAD, length);
        payload  p = {bytes + at + HEAD, bytes + at + HEAD + length, crc != le32toh(head[1])};
        int      rc = p.is_bad ? 0 : read_payload(s, &p);
        *ret_is_torn = p.is_bad;
        if (p.is_bad || rc < 0)
            return rc;
        at += HEAD + length;
        *ret_used = at;
    }
    return 0;
}

static int read_magic(scan *s, const char *path, const char *bytes, size_t n, size_t *ret_used, yoke_error *err)
{
    if (memcmp(bytes, "yokejnl1", n < HEAD ? n : HEAD) != 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is not a journal of yoke", path);
    *ret_used = n < HEAD ? 0 : HEAD;
    s->has_begun = n >= HEAD;
    return 0;
}

int yk_journal_parse(const void *bytes, size_t n, const yk_journal_reader *reader, size_t *ret_good, yoke_error *err)
{
    YK_CLEANUP(scan_fini) scan s = {.reader = reader};
    size_t used = 0, more = 0;
    bool   is_torn;
    YK_TRY(read_magic(&s, "this", bytes, n, &used, err));
    if (s.has_begun)
        YK_TRY(read_records(&s, (const char *)bytes + used, n - used, &more, &is_torn));
    *ret_good = used + more;
    return 0;
}

static int read_on(int fd, const char *path, yk_buf *b, size_t *ret_got, yoke_error *err)
{
    size_t want = b->len > WINDOW ? b->len : WINDOW; /* a long record: twice as much each time */
    char  *to = yk_buf_extend(b, want);
    if (!to)
        return yk_fail_nomem(err, "reading a journal");
    ssize_t got;
    do
        got = read(fd, to, want);
    while (got < 0 && errno == EINTR);
    b->len -= want - (got > 0 ? (size_t)got : 0);
    *ret_got = got > 0 ? (size_t)got : 0;
    return got < 0 ? yk_fail_errno(err, "reading '%s'", path) : 0;
}

static int read_all(int fd, const char *path, scan *s, uint64_t *good, yoke_error *err)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    for (bool is_torn = false; !is_torn;) {
        size_t got, used = 0;
        YK_TRY(read_on(fd, path, &b, &got, err));
        if (got == 0)
            return 0;
        if (!s->has_begun)
            YK_TRY(read_magic(s, path, b.data, b.len, &used, err));
        *good += used;
        memmove(b.data, b.data + used, b.len - used);
        b.len -= used;
        if (s->has_begun)
            YK_TRY(read_records(s, b.data, b.len, &used, &is_torn));
        else
            used = 0;
        *good += used;
        memmove(b.data, b.data + used, b.len - used);
        b.len -= used;
    }
    return 0;
}

int yk_journal_read(const char *path, const yk_journal_reader *reader, uint64_t *ret_good, yoke_error *err)
{
    uint64_t size, good = 0;
    int      fd;
    YK_TRY(yk_file_open(path, &fd, &size, err));
    YK_CLEANUP(scan_fini) scan s = {.reader = reader};
    int rc = read_all(fd, path, &s, &good, err);
    close(fd);
    YK_TRY(rc);
    if (ret_good)
        *ret_good = good;
    return 0;
}

/* ---- starts joined with their ends */

typedef struct joined {
    uint64_t  start; /* UINT64_MAX: free */
    yk_record r;
    char     *text; /* owned, as r.text and r.host */
} joined;

typedef struct joiner {
    yk_record_fn *fn;
    void         *ctx;
    const yk_journal_reader *also;
    joined       *open; /* those that run; few */
    size_t        n, cap;
    yk_buf        host;
} joiner;

static void joiner_fini(joiner *x)
{
    for (size_t i = 0; i < x->n; i++)
        yk_free(x->open[i].text);
    yk_free(x->open);
    yk_buf_fini(&x->host);
}

static int give(joiner *x, size_t i)
{
    joined one = x->open[i];
    x->open[i] = x->open[--x->n];
    int rc = x->fn(x->ctx, one.start, &one.r);
    yk_free(one.text);
    return rc;
}

/* What ran when a session ended without a word is not running now: its runner was killed. */
static int join_session(void *ctx, const yk_session *s)
{
    joiner *x = ctx;
    while (x->n > 0) {
        x->open[0].r.cause = YK_CAUSE_INTERRUPTED;
        YK_TRY(give(x, 0));
    }
    yk_buf_clear(&x->host);
    yk_buf_puts(&x->host, s->host);
    return x->also && x->also->session ? x->also->session(x->also->ctx, s) : 0;
}

static int join_keep(void *ctx, uint64_t start, uint64_t line, uint64_t seq)
{
    joiner *x = ctx;
    return x->also && x->also->keep ? x->also->keep(x->also->ctx, start, line, seq) : 0;
}

static int join_note(void *ctx, uint64_t time_ns, const char *text, size_t len)
{
    joiner *x = ctx;
    return x->also && x->also->note ? x->also->note(x->also->ctx, time_ns, text, len) : 0;
}

static int join_finish(void *ctx, uint64_t time_ns)
{
    joiner *x = ctx;
    return x->also && x->also->finish ? x->also->finish(x->also->ctx, time_ns) : 0;
}

static int join_start(void *ctx, uint64_t start, const yk_record *r)
{
    joiner *x = ctx;
    joined  one = {.start = start, .r = *r};
    size_t  host_len = strlen(yk_buf_text(&x->host)) + 1;
    one.text = yk_malloc(host_len + r->text_len);
    if (!one.text)
        return YOKE_ENOMEM;
    memcpy(one.text, yk_buf_text(&x->host), host_len);
    memcpy(one.text + host_len, r->text, r->text_len);
    one.r.host = one.text;
    one.r.text = one.text + host_len;
    if (yk_push(&x->open, &x->n, &x->cap, one))
        return 0;
    yk_free(one.text);
    return YOKE_ENOMEM;
}

static int join_end(void *ctx, uint64_t start, const yk_record *r)
{
    joiner *x = ctx;
    for (size_t i = 0; i < x->n; i++) {
        if (x->open[i].start != start)
            continue;
        yk_record whole = *r, *s = &x->open[i].r;
        whole.line = s->line, whole.seq = s->seq, whole.attempt = s->attempt, whole.slot = s->slot, whole.pid = s->pid;
        whole.start_ns = s->start_ns, whole.text = s->text, whole.text_len = s->text_len, whole.host = s->host;
        *s = whole;
        return give(x, i);
    }
    return 0;
}

int yk_records_read(const char *path, yk_record_fn *fn, void *ctx, const yk_journal_reader *also, yoke_error *err)
{
    YK_CLEANUP(joiner_fini) joiner x = {.fn = fn, .ctx = ctx, .also = also};
    yk_journal_reader reader = {.ctx = &x, .session = join_session, .start = join_start, .end = join_end, .keep = join_keep,
                                .note = join_note, .finish = join_finish};
    int rc = yk_journal_read(path, &reader, NULL, err);
    while (rc == 0 && x.n > 0)
        rc = give(&x, 0);
    return rc < 0 ? yk_fail_at(err, rc, "'%s'", path) : 0;
}
