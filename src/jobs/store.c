/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/store.h"

#include "base/file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEAD = 24, CHUNK_MAX = 64 << 20 };
static const uint32_t magic = 0x6b686379;

struct yk_store {
    char    *path;
    int      fd;
    uint64_t size;
};

int yk_store_open(const char *path, yk_store **ret, yoke_error *err)
{
    YK_CLEANUP(yk_store_closep) yk_store *s = yk_new(yk_store);
    if (!s)
        return yk_fail_nomem(err, "opening an output store");
    s->fd = -1;
    s->path = yk_strdup(path ? path : "a file for output in $TMPDIR");
    if (!s->path)
        return yk_fail_nomem(err, "opening an output store");
    s->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : yk_file_open_nameless();
    struct stat st;
    if (s->fd < 0 || fstat(s->fd, &st) < 0)
        return yk_fail_errno(err, "cannot write '%s'", s->path);
    s->size = (uint64_t)st.st_size;
    if (s->size < 8) {
        if (pwrite(s->fd, "yokeout1", 8, 0) != 8)
            return yk_fail_errno(err, "writing '%s'", s->path);
        s->size = 8;
    }
    *ret = YK_TAKE(s);
    return 0;
}

void yk_store_close(yk_store *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    yk_free(s->path);
    yk_free(s);
}

int yk_store_fd(const yk_store *s) { return s->fd; }

int yk_store_sync(yk_store *s, yoke_error *err)
{
    return fdatasync(s->fd) == 0 || errno == EINVAL ? 0 : yk_fail_errno(err, "writing '%s'", s->path);
}

static int put_all(yk_store *s, const char *head, const char *bytes, size_t n, yoke_error *err)
{
    for (size_t done = 0; done < HEAD + n;) {
        struct iovec part[2] = {{(void *)(uintptr_t)head, HEAD}, {(void *)(uintptr_t)bytes, n}};
        if (done < HEAD) {
            part[0].iov_base = (char *)part[0].iov_base + done;
            part[0].iov_len -= done;
        } else {
            part[0].iov_len = 0;
            part[1].iov_base = (char *)part[1].iov_base + (done - HEAD);
            part[1].iov_len -= done - HEAD;
        }
        ssize_t put = pwritev(s->fd, part, 2, (off_t)(s->size + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return yk_fail_errno(err, "writing '%s'", s->path);
        done += (size_t)put;
    }
    return 0;
}

int yk_store_put(yk_store *s, int stream, const void *bytes, size_t n, uint64_t *chunk, yoke_error *err)
{
    const char *at = bytes;
    while (n > 0) {
        size_t   len = n < CHUNK_MAX ? n : CHUNK_MAX;
        uint64_t before = htole64(*chunk);
        uint32_t word[4] = {htole32(magic), htole32((uint32_t)len), htole32(libdeflate_crc32(0, at, len)), htole32((uint32_t)stream)};
        char     head[HEAD];
        memcpy(head, word, sizeof word);
        memcpy(head + sizeof word, &before, sizeof before);
        YK_TRY(put_all(s, head, at, len, err));
        *chunk = s->size;
        s->size += HEAD + len;
        at += len, n -= len;
    }
    return 0;
}

/* ---- reading */

typedef struct head { uint32_t length, crc, stream; uint64_t before; } head;

static int broken(const char *path, uint64_t chunk, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "'%s' has no whole chunk at byte %llu: this output was lost, in a power cut perhaps", path,
                   (unsigned long long)chunk);
}

static int read_head(int fd, const char *path, uint64_t chunk, head *ret, yoke_error *err)
{
    char     bytes[HEAD];
    uint32_t word[4];
    uint64_t before;
    if (chunk > INT64_MAX - HEAD || pread(fd, bytes, HEAD, (off_t)chunk) != HEAD)
        return broken(path, chunk, err);
    memcpy(word, bytes, sizeof word);
    memcpy(&before, bytes + sizeof word, sizeof before);
    *ret = (head){le32toh(word[1]), le32toh(word[2]), le32toh(word[3]), le64toh(before)};
    if (le32toh(word[0]) != magic || ret->length > CHUNK_MAX || (ret->before >= chunk))
        return broken(path, chunk, err);
    return 0;
}

static int give_chunk(int fd, const char *path, uint64_t chunk, int stream, yk_buf *b, yk_store_fn *fn, void *ctx, yoke_error *err)
{
    head h = {0};
    YK_TRY(read_head(fd, path, chunk, &h, err));
    if (stream != 0 && h.stream != (uint32_t)stream)
        return 0;
    yk_buf_clear(b);
    char *to = yk_buf_extend(b, h.length);
    if (!to)
        return yk_fail_nomem(err, "reading output");
    YK_TRY(yk_file_read_at(fd, path, chunk + HEAD, to, h.length, err));
    if (libdeflate_crc32(0, to, h.length) != h.crc)
        return broken(path, chunk, err);
    return fn(ctx, (int)h.stream, to, h.length);
}

int yk_store_read(int fd, const char *path, uint64_t chunk, int stream, yk_store_fn *fn, void *ctx, yoke_error *err)
{
    YK_AUTOFREE uint64_t *place = NULL;
    size_t                n = 0, cap = 0;
    YK_AUTOBUF            b = YK_BUF_INIT;
    for (head h = {0}; chunk != 0; chunk = h.before) {
        YK_TRY(read_head(fd, path, chunk, &h, err));
        if (!yk_push(&place, &n, &cap, chunk))
            return yk_fail_nomem(err, "reading output");
    }
    while (n > 0)
        YK_TRY(give_chunk(fd, path, place[--n], stream, &b, fn, ctx, err));
    return 0;
}
