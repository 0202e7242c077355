/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int check_regular(int fd, const char *path, uint64_t *ret_size, yoke_error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return yk_fail_errno(err, "'%s'", path);
    if (S_ISDIR(st.st_mode))
        return yk_fail(err, YOKE_EINVALID, "'%s' is a directory, a file is needed; name the files in it, as in '%s/*'", path,
                       path);
    if (!S_ISREG(st.st_mode))
        return yk_fail(err, YOKE_EINVALID, "'%s' is not a regular file; save its content to a file first", path);
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

int yk_file_open(const char *path, int *ret_fd, uint64_t *ret_size, yoke_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a named pipe without a writer must not hang */
    if (fd < 0)
        return yk_fail_errno(err, "'%s'", path);
    int rc = check_regular(fd, path, ret_size, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int yk_file_read_at(int fd, const char *path, uint64_t offset, void *to, size_t n, yoke_error *err)
{
    char *at = to;
    while (n > 0) {
        ssize_t got = pread(fd, at, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return yk_fail_errno(err, "'%s': reading at byte %llu", path, (unsigned long long)offset);
        if (got == 0)
            return yk_fail(err, YOKE_EFORMAT, "'%s' ends at byte %llu where more was promised; the file is cut short", path,
                           (unsigned long long)offset);
        at += got, offset += (uint64_t)got, n -= (size_t)got;
    }
    return 0;
}

/* ---- inputs */

static atomic_uint n_kept;

static unsigned most_kept(void)
{
    struct rlimit files;
    return getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 2 < UINT_MAX ? (unsigned)(files.rlim_cur / 2) : UINT_MAX;
}

static int identify(int fd, const char *path, struct yk_identity *ret, yoke_error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return yk_fail_errno(err, "'%s'", path);
    *ret = (struct yk_identity){st.st_dev, st.st_ino, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    return 0;
}

int yk_input_open(yk_input *in, const char *path, yoke_error *err)
{
    yk_input i = {.fd = -1, .path = path};
    YK_TRY(yk_file_open(path, &i.fd, &i.size, err));
    int rc = identify(i.fd, path, &i.identity, err);
    i.is_kept = atomic_fetch_add(&n_kept, 1) < most_kept();
    if (!i.is_kept || rc < 0) {
        atomic_fetch_sub(&n_kept, 1);
        close(i.fd);
        i.fd = -1;
    }
    if (rc == 0)
        *in = i;
    return rc;
}

static int read_anew(const yk_input *in, uint64_t offset, void *to, size_t n, yoke_error *err)
{
    struct yk_identity now = {0};
    uint64_t           size;
    int                fd;
    YK_TRY(yk_file_open(in->path, &fd, &size, err));
    int rc = identify(fd, in->path, &now, err);
    if (rc == 0 && (now.device != in->identity.device || now.inode != in->identity.inode || now.changed_ns != in->identity.changed_ns))
        rc = yk_fail(err, YOKE_EIO, "'%s' has changed since it was opened", in->path);
    if (rc == 0)
        rc = yk_file_read_at(fd, in->path, offset, to, n, err);
    close(fd);
    return rc;
}

int yk_input_read(const yk_input *in, uint64_t offset, void *to, size_t n, yoke_error *err)
{
    return in->fd >= 0 ? yk_file_read_at(in->fd, in->path, offset, to, n, err) : read_anew(in, offset, to, n, err);
}

void yk_input_close(yk_input *in)
{
    if (in->fd >= 0)
        close(in->fd);
    if (in->is_kept)
        atomic_fetch_sub(&n_kept, 1);
    *in = (yk_input){.fd = -1};
}

bool yk_file_read_ready(int fd, uint64_t offset, void *to, size_t n)
{
    struct iovec all = {to, n};
    return preadv2(fd, &all, 1, (off_t)offset, RWF_NOWAIT) == (ssize_t)n;
}

static int slurp_fd(int fd, const char *path, yk_buf *to, yoke_error *err)
{
    enum { STEP = 64 << 10 };
    for (;;) {
        char *at = yk_buf_extend(to, STEP);
        if (!at)
            return yk_fail_nomem(err, "reading a file");
        ssize_t got;
        do
            got = read(fd, at, STEP);
        while (got < 0 && errno == EINTR);
        to->len -= STEP - (got > 0 ? (size_t)got : 0);
        to->data[to->len] = '\0';
        if (got < 0)
            return yk_fail_errno(err, "reading '%s'", path);
        if (got == 0)
            return 0;
    }
}

int yk_file_slurp(const char *path, yk_buf *to, yoke_error *err)
{
    if (strcmp(path, "-") == 0)
        return slurp_fd(STDIN_FILENO, "standard input", to, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return yk_fail_errno(err, "'%s'", path);
    int rc = slurp_fd(fd, path, to, err);
    close(fd);
    return rc;
}

int yk_file_write(int fd, const char *path, const void *bytes, size_t n, yoke_error *err)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t put = write(fd, at, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return yk_fail_errno(err, "writing '%s'", path);
        at += put, n -= (size_t)put;
    }
    return 0;
}

const char *yk_file_temp_folder(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/tmp";
}

int yk_file_open_nameless(void)
{
    int fd = open(yk_file_temp_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    YK_AUTOBUF name = YK_BUF_INIT; /* a file system that has none */
    yk_buf_printf(&name, "%s/yoke-XXXXXX", yk_file_temp_folder());
    if (name.is_failed) {
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(name.data, O_CLOEXEC);
    if (fd >= 0)
        unlink(name.data);
    return fd;
}

/* .NAME.yoke-PID-N beside NAME, so that the rename stays within one file system. */
static char *name_aside(const char *path)
{
    static _Atomic unsigned serial;
    const char             *base = yk_path_base(path);
    YK_AUTOBUF              b = YK_BUF_INIT;
    yk_buf_append(&b, path, (size_t)(base - path));
    yk_buf_printf(&b, ".%s.yoke-%ld-%u", base, (long)getpid(), serial++);
    return b.is_failed ? NULL : yk_strdup(yk_buf_text(&b));
}

/* A file in path's folder that has no name yet; NULL where the file system has none such, or it could not be given one. */
static FILE *open_nameless_beside(const char *path)
{
    YK_AUTOBUF dir = YK_BUF_INIT;
    yk_buf_append(&dir, path, (size_t)(yk_path_base(path) - path));
    yk_buf_putc(&dir, '.');
    int fd = dir.is_failed || access("/proc/self/fd", X_OK) < 0 ? -1 : open(dir.data, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0)
        return NULL;
    FILE *f = fdopen(fd, "wb");
    if (!f)
        close(fd);
    return f;
}

int yk_output_open(yk_output *o, const char *path, bool may_replace, yoke_error *err)
{
    struct stat st;
    *o = (yk_output){.may_replace = may_replace};
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* renaming over a device or pipe would take it away */
        return yk_fail(err, YOKE_EINVALID, "'%s' is not a regular file and cannot be an output; give a file's name", path);
    if (!may_replace && access(path, F_OK) == 0)
        return yk_fail(err, YOKE_EEXISTS, "'%s' is already there; give another name, or --force to replace it", path);
    YK_CLEANUP(yk_output_fini) yk_output made = {.path = yk_strdup(path), .file = open_nameless_beside(path), .may_replace = may_replace};
    if (!made.file)
        made.aside = name_aside(path);
    if (!made.path || (!made.file && !made.aside))
        return yk_fail_nomem(err, "opening an output");
    if (!made.file)
        made.file = fopen(made.aside, "wbxe");
    if (!made.file)
        return yk_fail_errno(err, "cannot write '%s'", path);
    *o = made;
    made = (yk_output){0};
    return 0;
}

/* A name beside the wanted one, which a rename can put in the place of what is there; linking cannot. */
static int give_name(yk_output *o, yoke_error *err)
{
    char  fd[40];
    char *aside = name_aside(o->path);
    if (!aside)
        return yk_fail_nomem(err, "naming an output");
    snprintf(fd, sizeof fd, "/proc/self/fd/%d", fileno(o->file));
    if (linkat(AT_FDCWD, fd, AT_FDCWD, aside, AT_SYMLINK_FOLLOW) < 0) {
        yk_free(aside);
        return yk_fail_errno(err, "writing '%s'", o->path);
    }
    o->aside = aside;
    return 0;
}

int yk_output_commit(yk_output *o, yoke_error *err)
{
    errno = 0;
    bool is_written = fflush(o->file) == 0 && !ferror(o->file);
    int  sys = errno;
    if (is_written && !o->aside)
        YK_TRY(give_name(o, err));
    is_written = fclose(o->file) == 0 && is_written;
    o->file = NULL;
    if (!is_written) {
        errno = sys ? sys : EIO;
        return yk_fail_errno(err, "writing '%s'", o->path);
    }
    if (!o->may_replace && access(o->path, F_OK) == 0)
        return yk_fail(err, YOKE_EEXISTS, "'%s' appeared while it was being made; it was left as it is", o->path);
    if (rename(o->aside, o->path) < 0)
        return yk_fail_errno(err, "writing '%s'", o->path);
    yk_free(o->aside);
    o->aside = NULL;
    return 0;
}

void yk_output_fini(yk_output *o)
{
    if (!o)
        return;
    if (o->file)
        fclose(o->file);
    if (o->aside)
        unlink(o->aside);
    yk_free(o->aside);
    yk_free(o->path);
    *o = (yk_output){0};
}

int yk_file_make_dirs(const char *path, yoke_error *err)
{
    YK_AUTOFREE char *copy = yk_strdup(path);
    if (!copy)
        return yk_fail_nomem(err, "making a directory");
    for (char *at = copy + 1;; at++) {
        char c = *at;
        if (c != '/' && c != '\0')
            continue;
        *at = '\0';
        if (mkdir(copy, 0777) < 0 && errno != EEXIST)
            return yk_fail_errno(err, "cannot make the directory '%s'", copy);
        *at = c;
        if (c == '\0')
            break;
    }
    struct stat st;
    if (stat(path, &st) < 0)
        return yk_fail_errno(err, "'%s'", path);
    return S_ISDIR(st.st_mode) ? 0 : yk_fail(err, YOKE_EEXISTS, "'%s' is there but is not a directory", path);
}

const char *yk_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *yk_path_ext(const char *path)
{
    const char *base = yk_path_base(path), *dot = strrchr(base, '.');
    return dot && dot != base ? dot + 1 : "";
}
