/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decompression and compression of pages. The codec libraries are opened when a page first needs one, so that neither
 * starting the command nor files without them pay for it; one that is not installed is an error that names it.
 */
#ifndef YK_FORMAT_PQ_CODEC_H
#define YK_FORMAT_PQ_CODEC_H

#include "base/buf.h"

/* What codecs keep between calls. One thread at a time; zeroed is ready to use. */
typedef struct yk_codec_state {
    void *inflate, *zstd_in, *zstd_out; /* owned */
} yk_codec_state;
void yk_codec_fini(yk_codec_state *s);

/* "SNAPPY"; NULL for a number that is none. */
const char *yk_codec_name(unsigned codec);

/* Whether this codec (enum yk_pq_codec) can be read at all: LZO and unknown ones cannot. */
bool yk_codec_is_known(unsigned codec);

/* Exactly to_n bytes must come out of the n; Nothing outside the two is touched. */
int yk_codec_decompress(yk_codec_state *s, unsigned codec, const uint8_t *from, size_t n, uint8_t *to, size_t to_n, yoke_error *err)
    YK_MUST_USE;

/* Appends the compressed bytes. SNAPPY and ZSTD (and none) alone. */
int yk_codec_compress(yk_codec_state *s, unsigned codec, int level, const void *from, size_t n, yk_buf *to, yoke_error *err) YK_MUST_USE;

/* CRC-32 as gzip has it. */
int yk_codec_crc32(const void *p, size_t n, uint32_t *ret, yoke_error *err) YK_MUST_USE;

#endif
