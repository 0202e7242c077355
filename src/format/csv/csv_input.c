/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The bytes of a CSV file: as they lie on disk, or unpacked (gzip, zstd, a pipe) into a temporary file without a name, so
 * that any row can be reached again and memory stays bounded.
 */
#include "format/csv/csv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { PIECE = 1 << 18 };

/* Bytes on their way from `from` to the temporary file `to`. */
typedef struct unpack {
    const char        *path;
    const yk_csv_opts *opts;
    int                from, to;
    bool               may_wait;  /* from a pipe or the like */
    unsigned char     *in, *out;  /* PIECE bytes each */
    uint64_t           size, lines;
} unpack;

static int temp_file(int *ret, yoke_error *err)
{
    *ret = yk_file_open_nameless();
    return *ret >= 0 ? 0
        : yk_fail_errno(err, "making a temporary file in '%s' (choose another folder with $TMPDIR)", yk_file_temp_folder());
}

static int show(const unpack *u, yoke_error *err)
{
    bool is_over = u->opts->progress && u->opts->progress(u->opts->progress_ctx, u->lines, UINT64_MAX);
    return is_over ? yk_fail(err, YOKE_ECANCELED, "interrupted after %llu lines of '%s'", (unsigned long long)u->lines, u->path) : 0;
}

/* However long a pipe is silent, whoever waits for it can be interrupted. */
static int await(const unpack *u, yoke_error *err)
{
    enum { STEP_MS = 100 };
    struct pollfd p = {.fd = u->from, .events = POLLIN};
    do
        YK_TRY(show(u, err));
    while (u->may_wait && poll(&p, 1, STEP_MS) <= 0);
    return 0;
}

static int read_piece(unpack *u, size_t *ret_n, yoke_error *err)
{
    ssize_t n;
    YK_TRY(await(u, err));
    do
        n = read(u->from, u->in, PIECE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return yk_fail_errno(err, "reading '%s'", u->path);
    *ret_n = (size_t)n;
    return 0;
}

static uint64_t count_lines(const char *text, size_t n)
{
    uint64_t lines = 0;
    for (size_t some; n > 0; n -= some, text += some) {
        uint8_t count = 0; /* so narrow that a vector holds many */
        some = n < UINT8_MAX ? n : UINT8_MAX - 15;
        for (size_t i = 0; i < some; i++)
            count += text[i] == '\n';
        lines += count;
    }
    return lines;
}

static int write_piece(unpack *u, const void *bytes, size_t n, yoke_error *err)
{
    u->size += n;
    u->lines += count_lines(bytes, n);
    int rc = yk_file_write(u->to, u->path, bytes, n, err);
    return rc < 0 ? yk_fail_at(err, rc, "'%s' is unpacked to a temporary file in '%s': set TMPDIR to a folder with room", u->path,
                               yk_file_temp_folder()) : 0;
}

static int copy_plain(unpack *u, size_t have, yoke_error *err)
{
    while (have) {
        YK_TRY(write_piece(u, u->in, have, err));
        YK_TRY(read_piece(u, &have, err));
    }
    return 0;
}

static int inflate_all(unpack *u, struct inflate_state *z, size_t have, yoke_error *err)
{
    while (have) {
        z->next_in = u->in, z->avail_in = (uint32_t)have;
        do {
            if (z->block_state == ISAL_BLOCK_FINISH) /* another member follows */
                isal_inflate_reset(z);
            z->next_out = u->out, z->avail_out = PIECE;
            if (isal_inflate(z) != ISAL_DECOMP_OK)
                return yk_fail(err, YOKE_EFORMAT, "'%s': the gzip data is damaged after %llu unpacked bytes", u->path,
                               (unsigned long long)u->size);
            YK_TRY(write_piece(u, u->out, PIECE - z->avail_out, err));
        } while (z->avail_in || (z->avail_out == 0 && z->block_state != ISAL_BLOCK_FINISH));
        YK_TRY(read_piece(u, &have, err));
    }
    if (z->block_state != ISAL_BLOCK_FINISH)
        return yk_fail(err, YOKE_EFORMAT, "'%s': the gzip data is cut short", u->path);
    return 0;
}

static int unpack_gzip(unpack *u, size_t have, yoke_error *err)
{
    struct inflate_state *z = yk_new(struct inflate_state);
    if (!z)
        return yk_fail_nomem(err, "unpacking");
    isal_inflate_init(z);
    z->crc_flag = ISAL_GZIP;
    int rc = inflate_all(u, z, have, err);
    yk_free(z);
    return rc;
}

static int unpack_zstd(unpack *u, size_t have, yoke_error *err)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z)
        return yk_fail_nomem(err, "unpacking");
    size_t left = 1;
    int    rc = 0;
    while (have && rc == 0) {
        ZSTD_inBuffer in = {u->in, have, 0};
        ZSTD_outBuffer out;
        do {
            out = (ZSTD_outBuffer){u->out, PIECE, 0};
            left = ZSTD_decompressStream(z, &out, &in);
            rc = ZSTD_isError(left) ? yk_fail(err, YOKE_EFORMAT, "'%s': the zstd data is damaged: %s", u->path, ZSTD_getErrorName(left))
                                    : write_piece(u, u->out, out.pos, err);
        } while (rc == 0 && (in.pos < in.size || out.pos == out.size));
        if (rc == 0)
            rc = read_piece(u, &have, err);
    }
    ZSTD_freeDStream(z);
    if (rc == 0 && left != 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s': the zstd data is cut short", u->path);
    return rc;
}

static int unpack_all(unpack *u, yoke_error *err)
{
    size_t have = 0;
    YK_TRY(read_piece(u, &have, err));
    if (have >= 2 && u->in[0] == 0x1f && u->in[1] == 0x8b)
        return unpack_gzip(u, have, err);
    if (have >= 4 && memcmp(u->in, "\x28\xb5\x2f\xfd", 4) == 0)
        return unpack_zstd(u, have, err);
    return copy_plain(u, have, err);
}

static bool is_packed(const unsigned char *b)
{
    return (b[0] == 0x1f && b[1] == 0x8b) || memcmp(b, "\x28\xb5\x2f\xfd", 4) == 0;
}

static int unpack_to_file(const char *path, int fd, bool may_wait, const yk_csv_opts *opts, yk_input *ret, yoke_error *err)
{
    unpack u = {.path = path, .opts = opts, .from = fd, .to = -1, .may_wait = may_wait, .in = yk_malloc(PIECE), .out = yk_malloc(PIECE)};
    int    rc = u.in && u.out ? temp_file(&u.to, err) : yk_fail_nomem(err, "unpacking");
    if (rc == 0)
        rc = unpack_all(&u, err);
    yk_free(u.in);
    yk_free(u.out);
    if (rc < 0 && u.to >= 0)
        close(u.to);
    if (rc == 0)
        *ret = (yk_input){.fd = u.to, .path = path, .size = u.size};
    return rc;
}

int yk_csv_input(const char *path, const char *name, const yk_csv_opts *opts, yk_input *ret, yoke_error *err)
{
    struct stat   st;
    unsigned char magic[4] = {0};
    uint64_t      size;
    int           fd;
    if (strcmp(path, "-") == 0)
        return unpack_to_file(name, STDIN_FILENO, fstat(STDIN_FILENO, &st) < 0 || !S_ISREG(st.st_mode), opts, ret, err);
    if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) {
        if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
            return yk_fail_errno(err, "'%s'", path);
    } else {
        YK_TRY(yk_input_open(ret, name, err));
        if (ret->size < 4 || (yk_input_read(ret, 0, magic, 4, NULL) == 0 && !is_packed(magic)))
            return 0;
        yk_input_close(ret);
        YK_TRY(yk_file_open(path, &fd, &size, err));
    }
    int rc = unpack_to_file(name, fd, S_ISFIFO(st.st_mode), opts, ret, err);
    close(fd);
    return rc;
}
