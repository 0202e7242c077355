/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the jobs printed, in one append-only file: chunks, each with its length, checksum, stream and the place of the chunk
 * before it of the same job. A job's record names its last chunk, so one file holds a million jobs' output and any of it is
 * found at once.
 *
 *     "yokeout1", then chunks { u32 magic, u32 length, u32 crc32, u32 stream (1 out, 2 err), u64 before, bytes[length] }
 */
#ifndef YK_JOBS_STORE_H
#define YK_JOBS_STORE_H

#include "base/buf.h"

typedef struct yk_store yk_store;

/* Opens (makes) a store for appending. `path` NULL: a nameless file in $TMPDIR, gone when closed. */
int  yk_store_open(const char *path, yk_store **ret, yoke_error *err) YK_MUST_USE;
void yk_store_close(yk_store *s);
int  yk_store_fd(const yk_store *s); /* for yk_output_print; borrowed */

/* Appends a chunk; *chunk is the job's chunk before (0: none) and becomes this one's place. */
int yk_store_put(yk_store *s, int stream, const void *bytes, size_t n, uint64_t *chunk, yoke_error *err) YK_MUST_USE;
int yk_store_sync(yk_store *s, yoke_error *err) YK_MUST_USE;

/* Calls fn with the bytes of each chunk of `stream` (0: both), first to last, of the job whose last chunk is `chunk`. `fd` is
 * a store open for reading. A chunk that is missing or does not match its checksum is YOKE_EFORMAT. A negative value of fn
 * ends it and is returned. */
typedef int yk_store_fn(void *ctx, int stream, const char *bytes, size_t n);
int yk_store_read(int fd, const char *path, uint64_t chunk, int stream, yk_store_fn *fn, void *ctx, yoke_error *err) YK_MUST_USE;

YK_DEFINE_CLEANUP(yk_store, yk_store_close)

#endif
