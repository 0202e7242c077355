/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Many pictures: what their outputs are called, and the stage that makes them.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/near.h"
#include "image/picture.h"
#include "plan/stage.h"

#include <math.h>
#include <stdlib.h>

typedef struct batch {
    const char *const     *files;
    size_t                 n;
    yoke_image_opts        o;
    yk_format              to;
    char                 **outputs; /* owned, and each of them */
    int (*each)(void *ctx, const yoke_image_result *r);
    void                  *ctx;
    size_t                 n_failed;
} batch;

static void batch_fini(batch *b)
{
    for (size_t i = 0; b->outputs && i < b->n; i++)
        yk_free(b->outputs[i]);
    yk_free(b->outputs);
}

static int check_opts(const yoke_image_opts *o, yk_format *ret, yoke_error *err)
{
    static const char *const names[] = {"jpg", "jpeg", "png", "tif", "tiff", "webp", "pdf"};
    *ret = o->format ? yk_format_named(o->format) : YK_FORMAT_NONE;
    if (o->format && *ret == YK_FORMAT_NONE) {
        char hint[96];
        return yk_fail(err, YOKE_EINVALID, "there is no format '%s'%s; jpeg, png, tiff, webp and pdf can be written", o->format,
                       yk_near_hint(o->format, names, sizeof names / sizeof *names, hint, sizeof hint));
    }
    if (!isfinite(o->rotate_deg))
        return yk_fail(err, YOKE_EINVALID, "the angle is not a number");
    if (o->quality < 0 || o->quality > 100)
        return yk_fail(err, YOKE_EINVALID, "quality is from 1 to 100, not %d", o->quality);
    if (o->suffix && strchr(o->suffix, '/'))
        return yk_fail(err, YOKE_EINVALID, "the suffix '%s' holds a '/'; the folder is given by itself", o->suffix);
    return 0;
}

/* DIR/NAME + suffix + .ending */
static int name_output(const char *input, const yoke_image_opts *o, char **ret, yoke_error *err)
{
    YK_AUTOBUF  b = YK_BUF_INIT;
    const char *base = yk_path_base(input), *ext = yk_path_ext(input);
    if (o->dir)
        yk_buf_printf(&b, "%s%s", *o->dir ? o->dir : ".", *o->dir && o->dir[strlen(o->dir) - 1] == '/' ? "" : "/");
    else
        yk_buf_append(&b, input, (size_t)(base - input));
    yk_buf_append(&b, base, strlen(base) - (*ext ? strlen(ext) + 1 : 0));
    yk_buf_puts(&b, o->suffix ? o->suffix : "");
    if (o->format || *ext)
        yk_buf_putc(&b, '.');
    for (const char *c = o->format ? o->format : ext; *c; c++)
        yk_buf_putc(&b, o->format && *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c);
    *ret = b.is_failed ? NULL : yk_strdup(yk_buf_text(&b));
    return *ret ? 0 : yk_fail_nomem(err, "naming the outputs");
}

typedef struct name {
    const char *text;
    size_t      index;
    bool        is_input;
} name;

static int by_text(const void *a, const void *b)
{
    const name *x = a, *y = b;
    int         c = strcmp(x->text, y->text);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

/* No two outputs of one name, and none that is another picture's input. */
static int check_names(const batch *b, yoke_error *err)
{
    size_t            n = 0;
    YK_AUTOFREE name *names = yk_calloc(2 * b->n + 1, sizeof *names);
    if (!names)
        return yk_fail_nomem(err, "naming the outputs");
    for (size_t i = 0; i < b->n; i++) {
        names[n++] = (name){b->outputs[i], i, false};
        names[n++] = (name){b->files[i], i, true};
    }
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 1; i < n; i++) {
        const name *x = &names[i - 1], *y = &names[i];
        if (strcmp(x->text, y->text) != 0 || x->index == y->index || (x->is_input && y->is_input))
            continue;
        if (!x->is_input && !y->is_input)
            return yk_fail(err, YOKE_EINVALID, "'%s' and '%s' would both become '%s'; convert them in separate calls",
                           b->files[x->index], b->files[y->index], x->text);
        return yk_fail(err, YOKE_EINVALID, "'%s' would become '%s', which is to be read too; give another suffix or folder",
                       b->files[x->is_input ? y->index : x->index], x->text);
    }
    return 0;
}

static int name_outputs(batch *b, yoke_error *err)
{
    b->outputs = yk_calloc(b->n ? b->n : 1, sizeof *b->outputs);
    if (!b->outputs)
        return yk_fail_nomem(err, "naming the outputs");
    for (size_t i = 0; i < b->n; i++)
        YK_TRY(name_output(b->files[i], &b->o, &b->outputs[i], err));
    return check_names(b, err);
}

static int task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    const batch *b = ctx;
    uint64_t     i = yk_task_index(t);
    (void)out;
    return yk_picture_convert(b->files[i], b->outputs[i], &b->o, b->to, err);
}

static void stop(void *ctx, void *state)
{
    (void)ctx, (void)state;
    const yk_codec_ops *codec = yk_codec_loaded();
    if (codec)
        codec->leave_thread();
}

static int report(batch *b, uint64_t i, int code, const char *why, yoke_error *err)
{
    int rc = b->each ? b->each(b->ctx, &(yoke_image_result){(size_t)i, b->files[i], b->outputs[i], code, why}) : 0;
    return rc < 0 ? yk_fail(err, rc, "ended after %llu of %zu pictures", (unsigned long long)i + 1, b->n) : 0;
}

static int fold(void *ctx, const yk_result *r, yoke_error *err)
{
    return report(ctx, r->index, 0, "", err);
}

static int failed(void *ctx, uint64_t index, const yoke_error *why, yoke_error *err)
{
    batch *b = ctx;
    b->n_failed++;
    return report(b, index, why->code, why->text, err);
}

int yoke_image_convert(yoke_session *s, const char *const *files, size_t n, const yoke_image_opts *opts,
                       int (*each)(void *ctx, const yoke_image_result *r), void *ctx, yoke_error *err)
{
    if (YK_LACKS(s, err) || (n && YK_LACKS(files, err)))
        return YOKE_EINVALID;
    for (size_t i = 0; i < n; i++)
        if (YK_LACKS(files[i], err))
            return YOKE_EINVALID;
    YK_CLEANUP(batch_fini) batch b = {.files = files, .n = n, .o = YOKE_IMAGE_OPTS_INIT, .each = each, .ctx = ctx};
    YK_TRY(yk_take_opts(&b.o, sizeof b.o, opts, err));
    YK_TRY(check_opts(&b.o, &b.to, err));
    YK_TRY(name_outputs(&b, err));
    if (b.o.dir && *b.o.dir)
        YK_TRY(yk_file_make_dirs(b.o.dir, err));
    yk_stage st = {.name = "image", .n = n, .ctx = &b, .stop = stop, .task = task, .fold = fold, .failed = failed, .fold_ctx = &b};
    YK_TRY(yk_stage_run(s, &st, err));
    if (b.n_failed > 0)
        return yk_fail(err, YOKE_ETASK, "%zu of %zu pictures failed", b.n_failed, n);
    return 0;
}
