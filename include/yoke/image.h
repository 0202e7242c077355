/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pictures, many at a time: turned, made smaller, and written in another format.
 *
 * A JPEG that becomes a PDF is not decoded: its bytes go into the PDF unchanged and the page's matrix turns them, by any
 * angle and as the EXIF orientation says. Everything else is decoded and written anew through libvips, which is looked for
 * only then.
 */
#ifndef YOKE_IMAGE_H
#define YOKE_IMAGE_H

#include <yoke/session.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yoke_image_opts {
    size_t      size;        /* sizeof(yoke_image_opts) */
    double      rotate_deg;  /* clockwise */
    const char *format;      /* "jpg", "jpeg", "png", "tif", "tiff", "webp" or "pdf", also the outputs' ending; NULL: each input's own */
    const char *dir;         /* where outputs go, made when absent; NULL: beside each input */
    const char *suffix;      /* put after each name, before its ending; NULL: nothing */
    unsigned    max_size_px; /* outputs' longer side is at most this; nothing is enlarged; 0: as it is */
    int         quality;     /* of JPEG and WebP, 1 to 100; 0: 90 */
    int         may_replace; /* outputs that are there already are replaced; else they are failures */
} yoke_image_opts;

#define YOKE_IMAGE_OPTS_INIT {sizeof(yoke_image_opts), 0, NULL, NULL, NULL, 0, 0, 0}

/* What became of one input. Borrowed for the call. */
typedef struct yoke_image_result {
    size_t      index;
    const char *input, *output;
    int         code; /* 0, or the error's code */
    const char *why;  /* the error's sentence; "" when code is 0 */
} yoke_image_result;

/*
 * Converts n files, in parallel on the session, and says of each what became of it:
 *
 *     for (size_t i = 0; i < n; i++)
 *         each(ctx, the result of files[i]);
 *
 * `each` (may be NULL) is called in that order, in the calling thread; a negative value ends the call with it, when the
 * files that are being converted are done. A file that fails does not stop the others; an output
 * is complete or absent. Animations and documents of several pages: the first alone. PDF inputs are drawn at 150 dots an inch;
 * PDF outputs have one point per pixel. Transparent parts become white where the format has no transparency.
 *
 * Returns 0; YOKE_ETASK when some files failed; YOKE_EINVALID, before anything was read, when an option is wrong or two
 * outputs would have one name; YOKE_ENOMEM; what `each` returned. A file's own codes: YOKE_EFORMAT for what is no picture or is
 * broken, YOKE_EEXISTS, YOKE_EIO, YOKE_EUNSUPPORTED (a part of Yoke is not installed, or no such conversion).
 */
int yoke_image_convert(yoke_session *s, const char *const *files, size_t n, const yoke_image_opts *opts,
                       int (*each)(void *ctx, const yoke_image_result *r), void *ctx, yoke_error *err);

#ifdef __cplusplus
}
#endif
#endif
