/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke image: many pictures turned, made smaller, or written in another format.
 */
#include "base/alloc.h"
#include "base/progress.h"
#include "cli/verbs.h"

#include <yoke/image.h>

#include <signal.h>

YK_DEFINE_CLEANUP(yoke_session, yoke_close)

enum { OPT_ROTATE = 1, OPT_TO, OPT_DIR, OPT_SUFFIX, OPT_MAX_SIZE, OPT_QUALITY, OPT_FORCE, OPT_ON };

static const yk_opt opts[] = {
    {OPT_ROTATE, 'r', "rotate", "DEGREES", "turn clockwise, by any angle"},
    {OPT_TO, 't', "to", "FORMAT", "write jpeg, png, tiff, webp or pdf (default: each file's own)"},
    {OPT_DIR, 'o', "output", "DIR", "the folder to write to, made when absent (default: beside each file)"},
    {OPT_SUFFIX, 's', "suffix", "TEXT", "put TEXT after each name, before its ending"},
    {OPT_MAX_SIZE, 'm', "max-size", "N", "make those smaller whose longer side is over N pixels"},
    {OPT_QUALITY, 'q', "quality", "N", "of JPEG and WebP, 1 to 100 (default 90)"},
    {OPT_FORCE, 'f', "force", NULL, "replace outputs that are there already"},
    {OPT_ON, 0, "on", "WHAT", "what pulls: serial, threads[:N], processes[:N] (default: $YOKE_ON, else threads)"},
    {0},
};

typedef struct image_call {
    yoke_image_opts opts;
    const char     *on;
    const char    **files; /* the array is owned */
    size_t          n, cap;
    const yk_args  *args;
    yk_progress    *progress;
    size_t          n_done, n_failed;
} image_call;

static void image_call_fini(image_call *c)
{
    yk_free(c->files);
    yk_progress_end(c->progress);
}

static bool take_option(yk_args *args, image_call *c, int id, const char *value)
{
    uint64_t n = 0;
    bool     is_fine = true;
    switch (id) {
    case YK_ARG_WORD: return yk_push(&c->files, &c->n, &c->cap, value);
    case OPT_ROTATE: return yk_args_real(args, "rotate", value, &c->opts.rotate_deg);
    case OPT_TO: c->opts.format = value; break;
    case OPT_DIR: c->opts.dir = value; break;
    case OPT_SUFFIX: c->opts.suffix = value; break;
    case OPT_MAX_SIZE:
        is_fine = yk_args_uint(args, "max-size", value, 1, 1000000, &n);
        c->opts.max_size_px = (unsigned)n;
        break;
    case OPT_QUALITY:
        is_fine = yk_args_uint(args, "quality", value, 1, 100, &n);
        c->opts.quality = (int)n;
        break;
    case OPT_FORCE: c->opts.may_replace = 1; break;
    case OPT_ON: c->on = value; break;
    default: return false;
    }
    return is_fine;
}

/* Ctrl-C: pictures that are being made are finished, so that nothing is left half done; a second one ends at once. */
static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

static int say_result(void *ctx, const yoke_image_result *r)
{
    image_call *c = ctx;
    yk_progress_hide(c->progress);
    c->n_done++;
    if (r->code == 0) {
        puts(r->output);
    } else {
        c->n_failed++;
        yk_cli_warn(c->args, "%s", r->why);
    }
    yk_progress_update(c->progress, c->n_done, c->n_failed);
    return is_interrupted ? YOKE_ECANCELED : 0;
}

static int convert(image_call *c, yoke_error *err)
{
    YK_CLEANUP(yoke_closep) yoke_session *s = yoke_open(c->on, err);
    if (!s)
        return err->code;
    struct sigaction once = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &once, NULL);
    sigaction(SIGTERM, &once, NULL);
    c->progress = yk_progress_start("image", "pictures", c->n, YK_PROGRESS_AUTO);
    int rc = yoke_image_convert(s, c->files, c->n, &c->opts, say_result, c, err);
    yk_progress_end(YK_TAKE(c->progress));
    return rc;
}

static int run(yk_args *args)
{
    YK_CLEANUP(image_call_fini) image_call c = {.opts = YOKE_IMAGE_OPTS_INIT, .args = args};
    yoke_error  err = YOKE_ERROR_INIT;
    const char *value;
    int         id;
    while ((id = yk_args_next(args, &value)) != YK_ARG_END)
        if (!take_option(args, &c, id, value))
            return YK_EXIT_USAGE;
    if (c.n == 0)
        return yk_cli_usage(args, "name the pictures: yoke image *.jpg --rotate 180 --to pdf -o turned");
    if (convert(&c, &err) < 0)
        return yk_cli_finish(args, yk_cli_failed(args, &err));
    return yk_cli_finish(args, YK_EXIT_OK);
}

const yk_verb yk_verb_image = {
    .name = "image",
    .summary = "turn, resize and convert many pictures: JPEG, PNG, TIFF, WebP, PDF",
    .usage = "FILE… [--rotate DEGREES] [--to FORMAT] [--max-size N] [-o DIR] [--suffix TEXT]",
    .about =
        "Reads JPEG, PNG, TIFF, WebP and PDF (its first page) and writes one output per file, named after it; their names are\n"
        "printed in the order of the files. A JPEG that becomes a PDF is not decoded: its bytes go into the PDF unchanged and the\n"
        "page turns them, so nothing is lost at any angle. Everything else is done by libvips.\n\n"
        "The orientation that cameras note in a picture is respected. A file that cannot be converted is reported, the others are\n"
        "converted all the same, and the exit code is 1. An output is complete or absent, and one that is there already is left\n"
        "alone unless --force is given. What is transparent becomes white where a format has no transparency.",
    .opts = opts,
    .examples = "# ten photographs, turned upside down, as PDF: turned/NAME_flipped.pdf\n"
                "yoke image photos/*.jpg --rotate 180 --to pdf -o turned --suffix _flipped\n\n"
                "# small WebP pictures for a web page\n"
                "yoke image photos/*.jpg --max-size 800 --to webp --quality 80 -o web\n\n"
                "# scans that lie on their side\n"
                "yoke image scans/*.png --rotate 90 --suffix _upright\n",
    .run = run,
};
