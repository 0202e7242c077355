/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writing the journal; journal_read.c reads it.
 */
#include "jobs/journal.h"

#include "base/clock.h"
#include "base/file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <sys/file.h>
#include <unistd.h>

struct yk_journal {
    char    *path;
    int      fd;
    uint64_t n_starts;
    yk_buf   pending; /* whole records not yet written */
    size_t   record;  /* where the record being made begins in it */
};

/* ---- records into memory */

static void put_u8(yk_journal *j, unsigned x)
{
    yk_buf_putc(&j->pending, (char)x);
}

static void put_u32(yk_journal *j, uint32_t x)
{
    x = htole32(x);
    yk_buf_append(&j->pending, &x, sizeof x);
}

static void put_u64(yk_journal *j, uint64_t x)
{
    x = htole64(x);
    yk_buf_append(&j->pending, &x, sizeof x);
}

static void put_str(yk_journal *j, const char *text, size_t n)
{
    n = n < UINT32_MAX / 8 ? n : UINT32_MAX / 8;
    put_u32(j, (uint32_t)n);
    yk_buf_append(&j->pending, text, n);
}

static void begin(yk_journal *j, char type)
{
    j->record = j->pending.len;
    put_u64(j, 0); /* length and checksum, known at the end */
    put_u8(j, (unsigned char)type);
}

static void finish(yk_journal *j)
{
    if (j->pending.is_failed)
        return;
    char    *at = j->pending.data + j->record;
    size_t   n = j->pending.len - j->record - 8;
    uint32_t head[2] = {htole32((uint32_t)n), 0}, crc = libdeflate_crc32(0, &head[0], 4);
    head[1] = htole32(libdeflate_crc32(crc, at + 8, n));
    memcpy(at, head, 8);
}

void yk_journal_session(yk_journal *j, const yk_session *s)
{
    begin(j, 'H');
    put_u8(j, 1);
    put_u8(j, s->is_new_list);
    put_u64(j, s->time_ns);
    put_u64(j, s->run_id);
    put_u32(j, s->slots);
    put_u64(j, s->n_jobs);
    put_u64(j, s->list_hash);
    put_u32(j, (uint32_t)s->pid);
    put_str(j, s->host, strlen(s->host));
    put_str(j, s->folder, strlen(s->folder));
    put_str(j, s->list, strlen(s->list));
    put_str(j, s->command, strlen(s->command));
    finish(j);
}

uint64_t yk_journal_start(yk_journal *j, const yk_record *r)
{
    begin(j, 'S');
    put_u64(j, r->line);
    put_u64(j, r->seq);
    put_u32(j, r->attempt);
    put_u32(j, r->slot);
    put_u32(j, (uint32_t)r->pid);
    put_u64(j, r->start_ns);
    put_str(j, r->text, r->text_len);
    finish(j);
    return j->n_starts++;
}

void yk_journal_end(yk_journal *j, uint64_t start, const yk_record *r)
{
    begin(j, 'E');
    put_u64(j, start);
    put_u64(j, r->wall_ns);
    put_u64(j, r->user_us);
    put_u64(j, r->sys_us);
    put_u64(j, r->peak_kib);
    put_u32(j, (uint32_t)r->exit_code);
    put_u32(j, (uint32_t)r->signal);
    put_u8(j, r->cause);
    put_u8(j, r->is_last);
    put_u64(j, r->out_len);
    put_u64(j, r->err_len);
    put_u64(j, r->chunk);
    put_str(j, r->tail, r->tail_len);
    finish(j);
}

void yk_journal_keep(yk_journal *j, uint64_t start, uint64_t line, uint64_t seq)
{
    begin(j, 'K');
    put_u64(j, start);
    put_u64(j, line);
    put_u64(j, seq);
    finish(j);
}

void yk_journal_note(yk_journal *j, const char *text)
{
    begin(j, 'N');
    put_u64(j, yk_wall_ns());
    put_str(j, text, strlen(text));
    finish(j);
}

void yk_journal_finish(yk_journal *j)
{
    begin(j, 'F');
    put_u64(j, yk_wall_ns());
    finish(j);
}

/* ---- to the kernel and to the disk */

int yk_journal_flush(yk_journal *j, yoke_error *err)
{
    if (j->pending.is_failed)
        return yk_fail_nomem(err, "writing a journal");
    if (j->pending.len == 0)
        return 0;
    YK_TRY(yk_file_write(j->fd, j->path, j->pending.data, j->pending.len, err));
    yk_buf_clear(&j->pending);
    return 0;
}

int yk_journal_sync(yk_journal *j, yoke_error *err)
{
    return fdatasync(j->fd) == 0 || errno == EINVAL ? 0 : yk_fail_errno(err, "writing '%s'", j->path);
}

/* ---- opening */

static int count_start(void *ctx, uint64_t start, const yk_record *r)
{
    ((yk_journal *)ctx)->n_starts = start + 1;
    return 0;
}

/* Counts what is there, cuts off the torn tail, and puts a new file's first bytes. */
static int adopt(yk_journal *j, yoke_error *err)
{
    static const char magic[] = "yokejnl1";
    uint64_t          good = 0;
    yk_journal_reader reader = {.ctx = j, .start = count_start};
    YK_TRY(yk_journal_read(j->path, &reader, &good, err));
    if (ftruncate(j->fd, (off_t)good) < 0)
        return yk_fail_errno(err, "cannot cut the torn end of '%s' off", j->path);
    return good == 0 ? yk_file_write(j->fd, j->path, magic, 8, err) : 0;
}

int yk_journal_open(const char *path, yk_journal **ret, yoke_error *err)
{
    YK_CLEANUP(yk_journal_closep) yk_journal *j = yk_new(yk_journal);
    if (!j)
        return yk_fail_nomem(err, "opening a journal");
    j->fd = -1;
    j->path = yk_strdup(path);
    if (!j->path)
        return yk_fail_nomem(err, "opening a journal");
    j->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (j->fd < 0)
        return yk_fail_errno(err, "cannot write '%s'", path);
    if (flock(j->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return yk_fail(err, YOKE_EEXISTS, "'%s' is being written by another yoke; wait for it, or name another run folder with --run",
                       path);
    YK_TRY(adopt(j, err));
    *ret = YK_TAKE(j);
    return 0;
}

void yk_journal_close(yk_journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0) {
        (void)!yk_journal_flush(j, NULL);
        close(j->fd);
    }
    yk_buf_fini(&j->pending);
    yk_free(j->path);
    yk_free(j);
}
