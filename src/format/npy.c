/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/npy.h"

#include <stdlib.h>

/* A header is "\x93NUMPY", two bytes of version, its length (2 bytes in version 1, else 4), and a Python dictionary. */
enum { MAGIC = 8, HEADER = 128, MAX_HEADER = 1 << 20, FIELDS_MAX = 100000, DEPTH_MAX = 8 };

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

/* Text in quotes, appended to an emptied buffer. */
static bool take_text(scan *s, yk_buf *to)
{
    char quote = take(s, '\'') ? '\'' : take(s, '"') ? '"' : '\0';
    yk_buf_clear(to);
    for (; quote && s->at < s->end && *s->at != quote; s->at++) {
        s->at += *s->at == '\\' && s->at + 1 < s->end;
        yk_buf_putc(to, *s->at);
    }
    return quote && take(s, quote);
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

/* "(3, 4)": at most YK_NPY_DIMS numbers, and their product. */
static int take_shape(scan *s, uint64_t *dims, unsigned *ret_n, uint64_t *ret_product, yoke_error *err)
{
    unsigned n = 0;
    uint64_t product = 1;
    if (!take(s, '('))
        return wrong(s, "its shape is missing", err);
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
        if (n == YK_NPY_DIMS)
            return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' has more than %d dimensions", s->path, YK_NPY_DIMS);
        dims[n++] = d;
        if (__builtin_mul_overflow(product, d, &product))
            return wrong(s, "its shape is too large", err);
        take(s, ',');
    }
    *ret_n = n;
    *ret_product = product;
    return 0;
}

/* "<f8", "|S10", "<M8[us]": the next field of the item. */
static int add_field(const scan *s, yk_npy *f, const char *name, const char *descr, yoke_error *err)
{
    yk_npy_field d = {.kind = descr[0] ? descr[1] : '\0', .is_big = descr[0] == '>', .offset = f->item_bytes};
    char        *end;
    if (d.kind == 'O')
        return yk_fail(err, YOKE_EUNSUPPORTED,
                       "'%s' holds Python objects, which only Python can read; save numbers or text: a.astype('U')", s->path);
    if (!d.kind || !strchr("<>|=", descr[0]) || strlen(descr) >= sizeof d.descr || descr[2] < '0' || descr[2] > '9')
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' holds values of NumPy type '%.40s', which cannot be read", s->path, descr);
    memcpy(d.descr, descr, strlen(descr));
    d.size = strtoull(descr + 2, &end, 10) * (d.kind == 'U' ? 4 : 1);
    if (d.size > INT32_MAX || __builtin_add_overflow(f->item_bytes, d.size, &f->item_bytes))
        return wrong(s, "its values are too large", err);
    size_t n = f->n_fields;
    d.name = yk_strdup(name);
    if (!d.name || !yk_push(&f->fields, &n, &f->cap_fields, d)) {
        yk_free(d.name);
        return yk_fail_nomem(err, "opening a .npy file");
    }
    f->n_fields = (unsigned)n;
    return n <= FIELDS_MAX ? 0 : yk_fail(err, YOKE_ELIMIT, "'%s': its records have more than %d fields", s->path, FIELDS_MAX);
}

/* The shape behind a field: it is there `n` times. */
static int repeat_fields(scan *s, yk_npy *f, unsigned first, uint64_t begin, yoke_error *err)
{
    uint64_t dims[YK_NPY_DIMS], times, bytes = f->item_bytes - begin;
    unsigned n = 0;
    YK_TRY(take_shape(s, dims, &n, &times, err));
    if (__builtin_mul_overflow(bytes, times, &bytes) || __builtin_add_overflow(begin, bytes, &f->item_bytes))
        return wrong(s, "its values are too large", err);
    for (unsigned i = first; i < f->n_fields; i++)
        f->fields[i].is_run = true;
    return 0;
}

/* A record: [('name', descr), ('name', descr, shape), …]; a descr is text or again a record. */
static int take_record(scan *s, yk_npy *f, const char *outer, unsigned depth, yoke_error *err)
{
    YK_AUTOBUF name = YK_BUF_INIT, word = YK_BUF_INIT;
    if (depth > DEPTH_MAX)
        return wrong(s, "its records are nested too deeply", err);
    while (!take(s, ']')) {
        bool     has_title;
        unsigned first = f->n_fields;
        uint64_t begin = f->item_bytes;
        if (!take(s, '('))
            return wrong(s, "its header is damaged", err);
        has_title = take(s, '('); /* ('title', 'name') */
        if (has_title && (!take_text(s, &word) || !take(s, ',')))
            return wrong(s, "its header is damaged", err);
        if (!take_text(s, &word) || (has_title && !take(s, ')')) || !take(s, ','))
            return wrong(s, "its header is damaged", err);
        yk_buf_clear(&name);
        if (word.len) /* without a name it is padding */
            yk_buf_printf(&name, "%s%s%s", outer, *outer ? "." : "", yk_buf_text(&word));
        if (name.is_failed || word.is_failed)
            return yk_fail_nomem(err, "opening a .npy file");
        if (take(s, '['))
            YK_TRY(take_record(s, f, yk_buf_text(&name), depth + 1, err));
        else if (take_text(s, &word))
            YK_TRY(add_field(s, f, yk_buf_text(&name), yk_buf_text(&word), err));
        else
            return wrong(s, "its header is damaged", err);
        bool is_over = !take(s, ',') || (skip_blanks(s), s->at < s->end && *s->at == ')');
        if (!is_over)
            YK_TRY(repeat_fields(s, f, first, begin, err));
        if (!take(s, ')'))
            return wrong(s, "its header is damaged", err);
        take(s, ',');
    }
    return 0;
}

static int take_descr(scan *s, yk_npy *f, yoke_error *err)
{
    YK_AUTOBUF word = YK_BUF_INIT;
    if (f->n_fields)
        return wrong(s, "its header is damaged", err);
    if (take(s, '['))
        return take_record(s, f, "", 0, err);
    return take_text(s, &word) ? add_field(s, f, "", yk_buf_text(&word), err) : wrong(s, "its header is damaged", err);
}

static int take_dictionary(scan *s, yk_npy *f, yoke_error *err)
{
    unsigned   seen = 0;
    YK_AUTOBUF key = YK_BUF_INIT;
    if (!take(s, '{'))
        return wrong(s, "its header is no dictionary", err);
    while (!take(s, '}')) {
        if (!take_text(s, &key) || !take(s, ':'))
            return wrong(s, "its header is damaged", err);
        if (strcmp(yk_buf_text(&key), "descr") == 0) {
            YK_TRY(take_descr(s, f, err));
            seen |= 1;
        } else if (strcmp(yk_buf_text(&key), "fortran_order") == 0) {
            f->is_fortran = take_word(s, "True");
            if (!f->is_fortran && !take_word(s, "False"))
                return wrong(s, "its header is damaged", err);
            seen |= 2;
        } else if (strcmp(yk_buf_text(&key), "shape") == 0) {
            YK_TRY(take_shape(s, f->shape, &f->n_dims, &f->n, err));
            seen |= 4;
        } else {
            return wrong(s, "its header has an unknown entry", err);
        }
        take(s, ',');
    }
    return seen == 7 ? 0 : wrong(s, "its header lacks an entry", err);
}

/* ---- reading */

static int read_header(yk_npy *f, uint64_t size, yoke_error *err)
{
    unsigned char b[MAGIC + 4];
    scan          s = {.path = f->path};
    if (size < sizeof b)
        return wrong(&s, "it does not begin as one", err);
    YK_TRY(yk_input_read(&f->input, 0, b, sizeof b, err));
    if (memcmp(b, "\x93NUMPY", 6) != 0)
        return wrong(&s, "it does not begin as one", err);
    bool   is_long = b[6] > 1;
    size_t at = MAGIC + (is_long ? 4 : 2);
    size_t len = b[8] | (size_t)b[9] << 8 | (is_long ? (size_t)b[10] << 16 | (size_t)b[11] << 24 : 0);
    if (b[6] < 1 || b[6] > 3)
        return wrong(&s, "its version is unknown", err);
    if (len > MAX_HEADER || len > size - at)
        return wrong(&s, "it is cut short", err);
    YK_AUTOFREE char *text = yk_malloc(len + 1);
    if (!text)
        return yk_fail_nomem(err, "opening a .npy file");
    YK_TRY(yk_input_read(&f->input, at, text, len, err));
    s.at = text;
    s.end = text + len;
    YK_TRY(take_dictionary(&s, f, err));
    size_t bytes;
    f->at = at + len;
    if (!yk_mul(&bytes, f->n, f->item_bytes) || bytes > size - f->at)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is cut short: its header promises %llu values, it holds %llu bytes of them",
                       f->path, (unsigned long long)f->n, (unsigned long long)(size - f->at));
    if (yk_npy_is_plain(f))
        f->type = (yk_npy_type){f->fields[0].kind, (uint8_t)f->fields[0].size};
    return 0;
}

int yk_npy_open(const char *path, yk_npy **ret, yoke_error *err)
{
    YK_CLEANUP(yk_npy_closep) yk_npy *f = yk_new(yk_npy);
    if (!f)
        return yk_fail_nomem(err, "opening a .npy file");
    f->input.fd = -1;
    f->path = yk_strdup(path);
    if (!f->path)
        return yk_fail_nomem(err, "opening a .npy file");
    YK_TRY(yk_input_open(&f->input, f->path, err));
    YK_TRY(read_header(f, f->input.size, err));
    *ret = YK_TAKE(f);
    return 0;
}

int yk_npy_open_plain(const char *path, yk_npy **ret, yoke_error *err)
{
    YK_CLEANUP(yk_npy_closep) yk_npy *f = NULL;
    YK_TRY(yk_npy_open(path, &f, err));
    if (!yk_npy_is_plain(f))
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' holds records, not plain numbers; save one of their fields", path);
    uint64_t size = f->fields[0].size;
    bool     is_size = size == 1 || size == 2 || size == 4 || size == 8;
    bool     is_whole = (f->type.kind == 'b' && size == 1) || (strchr("iu", f->type.kind) && is_size);
    if (!is_whole && !(f->type.kind == 'f' && (size == 4 || size == 8)))
        return yk_fail(err, YOKE_EUNSUPPORTED,
                       "'%s' holds values of NumPy type '%s'; integers, booleans, float32 and float64 can be read", path,
                       f->fields[0].descr);
    if (f->fields[0].is_big)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' is big-endian; save it with .astype('<%c%u')", path, f->type.kind, f->type.size);
    if (f->is_fortran && f->n_dims > 1)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' is in Fortran order; save it with numpy.ascontiguousarray", path);
    *ret = YK_TAKE(f);
    return 0;
}

void yk_npy_close(yk_npy *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < f->n_fields; i++)
        yk_free(f->fields[i].name);
    yk_free(f->fields);
    yk_input_close(&f->input);
    yk_free(f->path);
    yk_free(f);
}

int yk_npy_at(const yk_npy *f, uint64_t at, size_t n, yk_npy_window *w, const void **ret, yoke_error *err)
{
    enum { WINDOW = 64 << 10 };
    *ret = "";
    if (n == 0)
        return 0;
    if (w->of != f || at < w->at || at - w->at > w->n || n > w->n - (at - w->at)) {
        uint64_t left = f->n * f->item_bytes - at;
        size_t   want = n > WINDOW ? n : left < WINDOW ? (size_t)left : WINDOW;
        w->of = NULL; /* whatever happens now */
        if (want > w->cap) {
            yk_free(w->bytes);
            w->bytes = yk_malloc_aligned(want);
            w->cap = w->bytes ? want : 0;
        }
        if (!w->bytes)
            return yk_fail_nomem(err, "reading a .npy file");
        YK_TRY(yk_input_read(&f->input, f->at + at, w->bytes, want, err));
        w->of = f, w->at = at, w->n = want;
    }
    *ret = w->bytes + (at - w->at);
    return 0;
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
