/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decoding, turning, resizing and encoding: a module beside the library (codec_vips.c), because libvips brings a hundred
 * libraries with it that no other call should load. This header is all that the two sides share.
 */
#ifndef YK_IMAGE_CODEC_H
#define YK_IMAGE_CODEC_H

#include <yoke/error.h>

#include <stddef.h>
#include <stdint.h>

typedef enum yk_format { YK_FORMAT_NONE, YK_FORMAT_JPEG, YK_FORMAT_PNG, YK_FORMAT_TIFF, YK_FORMAT_WEBP, YK_FORMAT_PDF } yk_format;

typedef struct yk_recoding {
    const void *in; /* borrowed for the call */
    size_t      n_in;
    yk_format   from, to; /* `to` is not PDF */
    double      rotate_deg;
    unsigned    max_size_px;
    int         quality;
    int         is_for_pdf; /* 8 or 16 bits, no transparency, not interlaced, no metadata */
} yk_recoding;

enum { YK_CODEC_ABI = 1 };

/* Exported by the module as `yk_codec`. Any thread may call. */
typedef struct yk_codec_ops {
    uint32_t abi;
    int (*start)(yoke_error *err); /* once, before anything else */
    /* Required. On success *ret is the module's, to give back with release. */
    int (*recode)(const yk_recoding *r, void **ret, size_t *ret_n, yoke_error *err);
    void (*release)(void *p);
    void (*leave_thread)(void); /* by each thread that called recode, at its end */
} yk_codec_ops;

/* Loads the module at the first call. YOKE_EUNSUPPORTED, saying what to install, when it is not there. */
int yk_codec_load(const yk_codec_ops **ret, yoke_error *err) __attribute__((warn_unused_result));

/* The module when it is loaded already, else NULL. */
const yk_codec_ops *yk_codec_loaded(void);

/* What the first bytes of a file say it is. */
yk_format yk_format_sniff(const void *data, size_t n);

/* The format called "jpg", "png", … in any case; YK_FORMAT_NONE for another word. */
yk_format yk_format_named(const char *name);

#endif
