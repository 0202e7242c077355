/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/npy.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A header is "\x93NUMPY", two bytes of version, its length (2 bytes in version 1, else 4), and a Python dictionary. */
enum { MAGIC = 8, HEADER = 128, MAX_HEADER = 1 << 20 };

/* ---- the dictionary */

typedef struct scan {
    const char *at, *end, *path;
} scan;

static int wrong(const scan *s, const char *what, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "'%s' is not a readable .npy file: %s", s->path, what);
}

static void skip_blanks(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n'))
        s->at++;
}

static bool take(scan *s, char c)
{
    skip_blanks(s);
    if (s->at >= s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool take_text(scan *s, char *to, size_t size)
{
    char quote = take(s, '\'') ? '\'' : take(s, '"') ? '"' : '\0';
    if (!quote)
        return false;
    size_t n = 0;
    while (s->at < s->end && *s->at != quote && n + 1 < size)
        to[n++] = *s->at++;
    to[n] = '\0';
    return take(s, quote);
}

static bool take_word(scan *s, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static int take_type(scan *s, yk_npy_type *ret, yoke_error *err)
{
    char text[64];
    if (!take_text(s, text, sizeof text))
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' holds records, not plain numbers; save one of their fields", s->path);
    char order = text[0], kind = order ? text[1] : '\0';
    int  size = kind ? atoi(text + 2) : 0;
    bool is_whole = kind && strchr("biu", kind), is_real = kind == 'f';
    bool is_known = (is_whole && (size == 1 || (kind != 'b' && (size == 2 || size == 4 || size == 8)))) ||
                    (is_real && (size == 4 || size == 8));
    if (!is_known)
        return yk_fail(err, YOKE_EUNSUPPORTED,
                       "'%s' holds values of NumPy type '%s'; integers, booleans, float32 and float64 can be read", s->path, text);
    if (order == '>')
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' is big-endian; save it with .astype('<%c%d')", s->path, kind, size);
    *ret = (yk_npy_type){kind, (uint8_t)size};
    return 0;
}

static int take_shape(scan *s, yk_npy *f, yoke_error *err)
{
    if (!take(s, '('))
        return wrong(s, "its shape is missing", err);
    f->n = 1;
    while (!take(s, ')')) {
        uint64_t d = 0;
        skip_blanks(s);
        const char *start = s->at;
        for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
            if (__builtin_mul_overflow(d, 10u, &d) || __builtin_add_overflow(d, (unsigned)(*s->at - '0'), &d))
                return wrong(s, "its shape is too large", err);
        if (s->at == start)
            return wrong(s, "its shape has something that is no number", err);
        take(s, 'L'); /* files from Python 2 */
        if (f->n_dims == YK_NPY_DIMS)
            return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' has more than %d dimensions", s->path, YK_NPY_DIMS);
        f->shape[f->n_dims++] = d;
        if (__builtin_mul_overflow(f->n, d, &f->n))
            return wrong(s, "its shape is too large", err);
        take(s, ',');
    }
    return 0;
}

static int take_dictionary(scan *s, yk_npy *f, yoke_error *err)
{
    unsigned seen = 0;
    bool     is_fortran = false;
    char     key[32];
    if (!take(s, '{'))
        return wrong(s, "its header is no dictionary", err);
    while (!take(s, '}')) {
        if (!take_text(s, key, sizeof key) || !take(s, ':'))
            return wrong(s, "its header is damaged", err);
        if (strcmp(key, "descr") == 0) {
            YK_TRY(take_type(s, &f->type, err));
            seen |= 1;
        } else if (strcmp(key, "fortran_order") == 0) {
            is_fortran = take_word(s, "True");
            if (!is_fortran && !take_word(s, "False"))
                return wrong(s, "its header is damaged", err);
            seen |= 2;
        } else if (strcmp(key, "shape") == 0 && !(seen & 4)) {
            YK_TRY(take_shape(s, f, err));
            seen |= 4;
        } else {
            return wrong(s, "its header has an unknown entry", err);
        }
        take(s, ',');
    }
    if (seen != 7)
        return wrong(s, "its header lacks an entry", err);
    if (is_fortran && f->n_dims > 1)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' is in Fortran order; save it with numpy.ascontiguousarray", s->path);
    return 0;
}

/* ---- reading */

static int read_header(yk_npy *f, yoke_error *err)
{
    const unsigned char *b = f->map;
    scan                 s = {.path = f->path};
    if (f->map_size < MAGIC + 4 || memcmp(b, "\x93NUMPY", 6) != 0)
        return wrong(&s, "it does not begin as one", err);
    bool   is_long = b[6] > 1;
    size_t at = MAGIC + (is_long ? 4 : 2);
    size_t len = b[8] | (size_t)b[9] << 8 | (is_long ? (size_t)b[10] << 16 | (size_t)b[11] << 24 : 0);
    if (b[6] < 1 || b[6] > 3)
        return wrong(&s, "its version is unknown", err);
    if (len > MAX_HEADER || len > f->map_size - at)
        return wrong(&s, "it is cut short", err);
    s.at = (const char *)b + at;
    s.end = s.at + len;
    YK_TRY(take_dictionary(&s, f, err));
    size_t bytes;
    if (!yk_mul(&bytes, f->n, f->type.size) || bytes > f->map_size - at - len)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is cut short: its header promises %llu values, it holds %zu bytes of them",
                       f->path, (unsigned long long)f->n, f->map_size - at - len);
    f->data = b + at + len;
    return 0;
}

int yk_npy_open(const char *path, yk_npy **ret, yoke_error *err)
{
    int      fd;
    uint64_t size;
    YK_TRY(yk_file_open(path, &fd, &size, err));
    void *map = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (map == MAP_FAILED)
        return yk_fail_errno(err, "reading '%s'", path);
    YK_CLEANUP(yk_npy_closep) yk_npy *f = yk_new(yk_npy);
    if (f) {
        f->map = map;
        f->map_size = size;
        f->path = yk_strdup(path);
    } else if (map) {
        munmap(map, size);
    }
    if (!f || !f->path)
        return yk_fail_nomem(err, "opening a .npy file");
    YK_TRY(read_header(f, err));
    *ret = YK_TAKE(f);
    return 0;
}

void yk_npy_close(yk_npy *f)
{
    if (!f)
        return;
    if (f->map)
        munmap(f->map, f->map_size);
    yk_free(f->path);
    yk_free(f);
}

/* ---- writing */

static int write_header(yk_npy_out *o, yoke_error *err)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_buf_printf(&b, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (", o->type.size == 1 ? '|' : '<', o->type.kind,
                  o->type.size);
    for (unsigned i = 0; i < o->n_dims; i++)
        yk_buf_printf(&b, "%s%llu%s", i ? " " : "", (unsigned long long)o->shape[i], i + 1 < o->n_dims || i == 0 ? "," : "");
    yk_buf_puts(&b, "), }");
    char header[2 * HEADER];
    if (o->header == 0)
        o->header = b.len + 11 <= HEADER ? HEADER : 2 * HEADER; /* 8 dimensions of 20 digits fit */
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", MAGIC);
    header[8] = (char)((o->header - 10) & 0xff);
    header[9] = (char)((o->header - 10) >> 8);
    memcpy(header + 10, yk_buf_text(&b), b.len);
    header[o->header - 1] = '\n';
    if (b.is_failed)
        return yk_fail_nomem(err, "writing a .npy file");
    return fwrite(header, 1, o->header, o->out.file) == o->header ? 0 : yk_fail_errno(err, "writing '%s'", o->out.path);
}

int yk_npy_create(yk_npy_out *o, const char *path, bool may_replace, yk_npy_type type, unsigned n_row_dims,
                  const uint64_t *row, yoke_error *err)
{
    *o = (yk_npy_out){.type = type, .n_dims = n_row_dims + 1, .row_bytes = type.size};
    o->shape[0] = UINT64_MAX; /* as long as any: the header that replaces it has the same length */
    if (n_row_dims + 1 > YK_NPY_DIMS)
        return yk_fail(err, YOKE_ELIMIT, "'%s': at most %d dimensions", path, YK_NPY_DIMS);
    for (unsigned i = 0; i < n_row_dims; i++) {
        o->shape[i + 1] = row[i];
        if (__builtin_mul_overflow(o->row_bytes, row[i], &o->row_bytes))
            return yk_fail(err, YOKE_ELIMIT, "'%s': a row of that shape is too large", path);
    }
    YK_TRY(yk_output_open(&o->out, path, may_replace, err));
    int rc = write_header(o, err);
    if (rc < 0)
        yk_npy_fini(o);
    return rc;
}

int yk_npy_append(yk_npy_out *o, const void *values, size_t bytes, yoke_error *err)
{
    if (fwrite(values, 1, bytes, o->out.file) != bytes)
        return yk_fail_errno(err, "writing '%s'", o->out.path);
    o->bytes += bytes;
    return 0;
}

int yk_npy_commit(yk_npy_out *o, yoke_error *err)
{
    if (o->row_bytes > 0 && o->bytes % o->row_bytes != 0)
        return yk_fail(err, YOKE_EINVALID, "'%s': the values written do not make whole rows", o->out.path);
    o->shape[0] = o->row_bytes > 0 ? o->bytes / o->row_bytes : 0;
    if (fflush(o->out.file) != 0 || fseek(o->out.file, 0, SEEK_SET) != 0)
        return yk_fail_errno(err, "writing '%s'", o->out.path);
    YK_TRY(write_header(o, err));
    return yk_output_commit(&o->out, err);
}

void yk_npy_fini(yk_npy_out *o)
{
    yk_output_fini(&o->out);
}
