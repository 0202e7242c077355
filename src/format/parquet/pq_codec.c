/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_codec.h"
#include "format/parquet/pq_footer.h"
#include "format/parquet/pq_snappy.h"

#include <dlfcn.h>
#include <pthread.h>

/* What is used of each library: result, name, parameters. Declared here so that building needs none of their headers. */
#define SNAPPY_SYMS(X)                                                              \
    X(int, snappy_compress, (const char *, size_t, char *, size_t *))               \
    X(size_t, snappy_max_compressed_length, (size_t))
#define ZSTD_SYMS(X)                                                                \
    X(void *, ZSTD_createDCtx, (void))                                              \
    X(size_t, ZSTD_freeDCtx, (void *))                                              \
    X(size_t, ZSTD_decompressDCtx, (void *, void *, size_t, const void *, size_t))  \
    X(void *, ZSTD_createCCtx, (void))                                              \
    X(size_t, ZSTD_freeCCtx, (void *))                                              \
    X(size_t, ZSTD_compressCCtx, (void *, void *, size_t, const void *, size_t, int)) \
    X(size_t, ZSTD_compressBound, (size_t))                                         \
    X(unsigned, ZSTD_isError, (size_t))
#define LZ4_SYMS(X) X(int, LZ4_decompress_safe, (const char *, char *, int, int))
#define BROTLI_SYMS(X) X(int, BrotliDecoderDecompress, (size_t, const uint8_t *, size_t *, uint8_t *))
#define DEFLATE_SYMS(X)                                                             \
    X(void *, libdeflate_alloc_decompressor, (void))                                \
    X(void, libdeflate_free_decompressor, (void *))                                 \
    X(int, libdeflate_gzip_decompress_ex, (void *, const void *, size_t, void *, size_t, size_t *, size_t *)) \
    X(int, libdeflate_zlib_decompress_ex, (void *, const void *, size_t, void *, size_t, size_t *, size_t *)) \
    X(uint32_t, libdeflate_crc32, (uint32_t, const void *, size_t))

#define FIELD(type, name, params) type(*name) params;
static struct { SNAPPY_SYMS(FIELD) } snappy;
static struct { ZSTD_SYMS(FIELD) } zstd;
static struct { LZ4_SYMS(FIELD) } lz4;
static struct { BROTLI_SYMS(FIELD) } brotli;
static struct { DEFLATE_SYMS(FIELD) } deflate;

#define NAME(type, name, params) #name "\0"
static struct library {
    const char *file, *what, *package, *symbols; /* symbols: one after the other, an empty one at the end */
    void      **table;                           /* their addresses, in the same order */
    int         state;                           /* 0 not tried, 1 there, -1 absent; written under `opening`, then never again */
} libraries[] = {
    {"libsnappy.so.1", "SNAPPY", "libsnappy1v5", SNAPPY_SYMS(NAME), (void **)&snappy, 0},
    {"libzstd.so.1", "ZSTD", "libzstd1", ZSTD_SYMS(NAME), (void **)&zstd, 0},
    {"liblz4.so.1", "LZ4", "liblz4-1", LZ4_SYMS(NAME), (void **)&lz4, 0},
    {"libbrotlidec.so.1", "BROTLI", "libbrotli1", BROTLI_SYMS(NAME), (void **)&brotli, 0},
    {"libdeflate.so.0", "GZIP", "libdeflate0", DEFLATE_SYMS(NAME), (void **)&deflate, 0},
};
enum { SNAPPY, ZSTD, LZ4, BROTLI, DEFLATE };
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER; /* innermost */

static int load(struct library *l)
{
    void *handle = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return -1;
    void **slot = l->table;
    for (const char *s = l->symbols; *s; s += strlen(s) + 1)
        if (!(*slot++ = dlsym(handle, s)))
            return -1;
    return 1;
}

static int need(int which, yoke_error *err)
{
    struct library *l = &libraries[which];
    int             state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
    if (state == 0) {
        pthread_mutex_lock(&opening);
        state = l->state ? l->state : load(l);
        __atomic_store_n(&l->state, state, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&opening);
    }
    if (state < 0)
        return yk_fail(err, YOKE_EABSENT, "%s needs the library %s (Debian package %s), which is not here or too old", l->what, l->file,
                       l->package);
    return 0;
}

static const char *const names[] = {"none", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"};

const char *yk_codec_name(unsigned codec) { return codec < sizeof names / sizeof *names ? names[codec] : NULL; }
bool        yk_codec_is_known(unsigned codec) { return yk_codec_name(codec) && codec != YK_PQ_LZO; }

void yk_codec_fini(yk_codec_state *s)
{
    if (s->inflate)
        deflate.libdeflate_free_decompressor(s->inflate);
    if (s->zstd_in)
        zstd.ZSTD_freeDCtx(s->zstd_in);
    if (s->zstd_out)
        zstd.ZSTD_freeCCtx(s->zstd_out);
    *s = (yk_codec_state){0};
}

static int damaged(unsigned codec, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "its %s data is damaged", yk_codec_name(codec));
}

/* Gzip, in one member or several one after the other; some writers wrote zlib's framing instead. */
static int read_gzip(yk_codec_state *s, const uint8_t *from, size_t n, uint8_t *to, size_t to_n, yoke_error *err)
{
    YK_TRY(need(DEFLATE, err));
    if (!s->inflate && !(s->inflate = deflate.libdeflate_alloc_decompressor()))
        return yk_fail_nomem(err, "decompressing");
    bool is_gzip = n >= 2 && from[0] == 0x1f && from[1] == 0x8b;
    while (to_n > 0 || n > 0) {
        size_t in = 0, out = 0;
        int    rc = is_gzip ? deflate.libdeflate_gzip_decompress_ex(s->inflate, from, n, to, to_n, &in, &out)
                            : deflate.libdeflate_zlib_decompress_ex(s->inflate, from, n, to, to_n, &in, &out);
        if (rc != 0 || in == 0 || in > n || out > to_n)
            return damaged(YK_PQ_GZIP, err);
        from += in, n -= in, to += out, to_n -= out;
    }
    return 0;
}

static int read_zstd(yk_codec_state *s, const uint8_t *from, size_t n, uint8_t *to, size_t to_n, yoke_error *err)
{
    YK_TRY(need(ZSTD, err));
    if (!s->zstd_in && !(s->zstd_in = zstd.ZSTD_createDCtx()))
        return yk_fail_nomem(err, "decompressing");
    size_t got = zstd.ZSTD_decompressDCtx(s->zstd_in, to, to_n, from, n);
    return zstd.ZSTD_isError(got) || got != to_n ? damaged(YK_PQ_ZSTD, err) : 0;
}

static int read_brotli(const uint8_t *from, size_t n, uint8_t *to, size_t to_n, yoke_error *err)
{
    size_t got = to_n;
    YK_TRY(need(BROTLI, err));
    return brotli.BrotliDecoderDecompress(n, from, &got, to) != 1 || got != to_n ? damaged(YK_PQ_BROTLI, err) : 0;
}

static bool lz4_block(const uint8_t *from, size_t n, uint8_t *to, size_t to_n)
{
    return n <= INT32_MAX && to_n <= INT32_MAX &&
           lz4.LZ4_decompress_safe((const char *)from, (char *)to, (int)n, (int)to_n) == (int)to_n;
}

static uint32_t big_endian(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* Hadoop's framing: blocks, each after its plain and stored size, big-endian. */
static bool lz4_hadoop(const uint8_t *from, size_t n, uint8_t *to, size_t to_n)
{
    while (n >= 8) {
        size_t plain = big_endian(from), stored = big_endian(from + 4);
        from += 8, n -= 8;
        if (stored > n || plain > to_n || !lz4_block(from, stored, to, plain))
            return false;
        from += stored, n -= stored, to += plain, to_n -= plain;
    }
    return n == 0 && to_n == 0;
}

static int read_lz4(unsigned codec, const uint8_t *from, size_t n, uint8_t *to, size_t to_n, yoke_error *err)
{
    YK_TRY(need(LZ4, err));
    if (codec == YK_PQ_LZ4 && lz4_hadoop(from, n, to, to_n))
        return 0;
    return lz4_block(from, n, to, to_n) ? 0 : damaged(codec, err);
}

int yk_codec_decompress(yk_codec_state *s, unsigned codec, const uint8_t *from, size_t n, uint8_t *to, size_t to_n, yoke_error *err)
{
    switch (codec) {
    case YK_PQ_RAW:
        if (n != to_n)
            return yk_fail(err, YOKE_EFORMAT, "its two sizes differ although it is not compressed");
        memcpy(to, from, n);
        return 0;
    case YK_PQ_SNAPPY: return yk_snappy_read(&(yk_snappy_block){from, n, to, to_n}) ? 0 : damaged(codec, err);
    case YK_PQ_GZIP: return read_gzip(s, from, n, to, to_n, err);
    case YK_PQ_ZSTD: return read_zstd(s, from, n, to, to_n, err);
    case YK_PQ_BROTLI: return read_brotli(from, n, to, to_n, err);
    case YK_PQ_LZ4:
    case YK_PQ_LZ4_RAW: return read_lz4(codec, from, n, to, to_n, err);
    default: return yk_fail(err, YOKE_EUNSUPPORTED, "it is compressed with codec %u, which is not supported", codec);
    }
}

int yk_codec_compress(yk_codec_state *s, unsigned codec, int level, const void *from, size_t n, yk_buf *to, yoke_error *err)
{
    size_t before = to->len, got = 0;
    bool   is_good = false;
    if (codec == YK_PQ_RAW) {
        yk_buf_append(to, from, n);
        is_good = true;
    } else if (codec == YK_PQ_SNAPPY) {
        YK_TRY(need(SNAPPY, err));
        got = snappy.snappy_max_compressed_length(n);
        char *at = yk_buf_extend(to, got);
        is_good = at && snappy.snappy_compress(from, n, at, &got) == 0;
        to->len = before + got;
    } else {
        YK_TRY(need(ZSTD, err));
        if (!s->zstd_out && !(s->zstd_out = zstd.ZSTD_createCCtx()))
            return yk_fail_nomem(err, "compressing");
        size_t most = zstd.ZSTD_compressBound(n);
        char  *at = yk_buf_extend(to, most);
        got = at ? zstd.ZSTD_compressCCtx(s->zstd_out, at, most, from, n, level) : 0;
        is_good = at && !zstd.ZSTD_isError(got);
        to->len = before + got;
    }
    return is_good && !to->is_failed ? 0 : yk_fail_nomem(err, "compressing");
}

int yk_codec_crc32(const void *p, size_t n, uint32_t *ret, yoke_error *err)
{
    YK_TRY(need(DEFLATE, err));
    *ret = deflate.libdeflate_crc32(0, p, n);
    return 0;
}
