/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Files: whole reads, reads by range, and outputs that are complete or absent.
 */
#ifndef YK_BASE_FILE_H
#define YK_BASE_FILE_H

#include "base/buf.h"

#include <stdio.h>

/* Opens a regular file for reading; *ret_fd is the caller's to close, *ret_size its size. A directory, a pipe or a file
 * that may not be read is an error that says so. */
int yk_file_open(const char *path, int *ret_fd, uint64_t *ret_size, yoke_error *err) YK_MUST_USE;

/* Reads exactly n bytes at offset. A file that ends sooner is YOKE_EFORMAT. `path` is for the message. */
int yk_file_read_at(int fd, const char *path, uint64_t offset, void *to, size_t n, yoke_error *err) YK_MUST_USE;

/* Reads exactly n bytes at offset when they can be had without waiting for a disk; false, and nothing read that counts, when not or when
 * the system cannot tell. */
bool yk_file_read_ready(int fd, uint64_t offset, void *to, size_t n) YK_MUST_USE;

/* A file that is read by ranges, by any threads at once. It stays open while not too many are; beyond half of what the process may have
 * open it is opened anew for each read, and must still be the same. Zeroed with fd -1 is closed. */
typedef struct yk_input {
    int         fd;   /* -1: opened for each read */
    bool        is_kept; /* counted among those that stay open */
    const char *path; /* borrowed until it is closed */
    uint64_t    size;
    struct yk_identity {
        uint64_t device, inode;
        int64_t  changed_ns;
    } identity;
} yk_input;

int  yk_input_open(yk_input *in, const char *path, yoke_error *err) YK_MUST_USE; /* fails as yk_file_open does */
int  yk_input_read(const yk_input *in, uint64_t offset, void *to, size_t n, yoke_error *err) YK_MUST_USE;
void yk_input_close(yk_input *in);

/* Appends everything from `path` ("-": standard input) to `to`. */
int yk_file_slurp(const char *path, yk_buf *to, yoke_error *err) YK_MUST_USE;

/* Writes exactly n bytes to fd. */
int yk_file_write(int fd, const char *path, const void *bytes, size_t n, yoke_error *err) YK_MUST_USE;

/* $TMPDIR, else /tmp. Borrowed from the environment. */
const char *yk_file_temp_folder(void);

/* A new file there without a name, for reading and writing: nothing is left behind however the program ends. -1 and errno when
 * it cannot be had. */
int yk_file_open_nameless(void) YK_MUST_USE;

/* An output being written: bytes go to a file beside `path` that has no name (a hidden one where the file system has no such files),
 * which yk_output_commit gives that name. Without commit nothing is left: nobody ever sees half an output. */
typedef struct yk_output {
    char *path;  /* owned; what the file will be called */
    char *aside; /* owned; what it is called until then; NULL: nothing */
    FILE *file;  /* open for writing; NULL once committed */
    bool  may_replace;
} yk_output;

/* Fails with YOKE_EEXISTS when path exists already, unless may_replace. */
int  yk_output_open(yk_output *o, const char *path, bool may_replace, yoke_error *err) YK_MUST_USE;
int  yk_output_commit(yk_output *o, yoke_error *err) YK_MUST_USE; /* reports write errors too: a full disk shows here */
void yk_output_fini(yk_output *o);

/* mkdir -p. */
int yk_file_make_dirs(const char *path, yoke_error *err) YK_MUST_USE;

/* The part of path after its last '/', and the text after the last '.' of that ("" when there is none). Borrowed. */
const char *yk_path_base(const char *path);
const char *yk_path_ext(const char *path);

#endif
