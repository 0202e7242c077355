/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The module yoke-vips.so: decodes, turns, resizes and encodes through libvips. It shares nothing with the library but
 * codec.h, so it says errors with snprintf. Each step takes the picture by `yk_image **` and puts the next one there.
 */
#include "image/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <vips/vips.h>

static const double MAX_PIXELS = 1e9; /* refuses pictures made to exhaust memory */
enum { PDF_DPI = 150 };

/* Some of libvips' loaders give their reason as a warning: the last one of this thread. */
static __thread char warned[160];

static void take_warning(const char *domain, GLogLevelFlags level, const char *text, void *data)
{
    (void)domain, (void)level, (void)data;
    snprintf(warned, sizeof warned, "%s", text);
}

static int fail(yoke_error *err, int code, const char *what)
{
    if (!err || err->code != 0)
        return code;
    char  *text = vips_error_buffer_copy(); /* one line per layer, the innermost first, each "where: what" */
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    for (char *at = text; (at = strchr(at, '\n')); at++)
        *at = ';';
    const char *reason = len > 0 ? text : *warned ? warned : "the file is broken or cut short";
    err->code = code;
    snprintf(err->text, sizeof err->text, "%s: %s", what, reason);
    g_free(text);
    return code;
}

/* Puts the step's result in *at, or fails. */
static int next(VipsImage **at, int rc, VipsImage *made, const char *doing, yoke_error *err)
{
    if (rc != 0)
        return fail(err, YOKE_EFORMAT, doing);
    g_object_unref(*at);
    *at = made;
    return 0;
}

#define STEP(at, doing, err, call)                                              \
    do {                                                                        \
        VipsImage *in = *(at), *out = NULL;                                     \
        int        step_rc = (call);                                            \
        if ((step_rc = next((at), step_rc, out, (doing), (err))) < 0)           \
            return step_rc;                                                     \
    } while (0)

static const char cannot_decode[] = "it cannot be decoded";
static const char cannot_turn[] = "it cannot be turned";

static int load(const yk_recoding *r, int shrink, VipsImage **ret)
{
    void *data = (void *)(uintptr_t)r->in;
    switch (r->from) {
    case YK_FORMAT_JPEG:
        return vips_jpegload_buffer(data, r->n_in, ret, "shrink", shrink, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
    case YK_FORMAT_PNG: return vips_pngload_buffer(data, r->n_in, ret, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    case YK_FORMAT_TIFF: return vips_tiffload_buffer(data, r->n_in, ret, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    case YK_FORMAT_WEBP: return vips_webpload_buffer(data, r->n_in, ret, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    case YK_FORMAT_PDF: return vips_pdfload_buffer(data, r->n_in, ret, "dpi", (double)PDF_DPI, NULL);
    default: return -1;
    }
}

/* How much smaller the picture must become for its turned self to fit; 1 when it fits. */
static double find_scale(const VipsImage *im, const yk_recoding *r)
{
    if (r->max_size_px == 0)
        return 1;
    int    orientation = vips_image_get_orientation((VipsImage *)(uintptr_t)im);
    double w = orientation >= 5 ? im->Ysize : im->Xsize, h = orientation >= 5 ? im->Xsize : im->Ysize;
    double a = r->rotate_deg * (M_PI / 180), s = fabs(sin(a)), c = fabs(cos(a));
    double most = fmax(c * w + s * h, s * w + c * h);
    return fmin(1, r->max_size_px / most);
}

/* JPEGs can be decoded at 1/2, 1/4 or 1/8 for a fraction of the work; at least twice the wanted size is kept for quality. */
static int reload_smaller(const yk_recoding *r, VipsImage **at, double *scale)
{
    int shrink = 1;
    while (shrink < 8 && *scale * shrink * 2 <= 0.5)
        shrink *= 2;
    if (r->from != YK_FORMAT_JPEG || shrink == 1)
        return 0;
    g_object_unref(*at);
    *at = NULL;
    int rc = load(r, shrink, at);
    if (rc == 0)
        *scale = find_scale(*at, r);
    return rc;
}

static int decode(const yk_recoding *r, VipsImage **at, double *ret_scale, yoke_error *err)
{
    if (load(r, 1, at) != 0)
        return fail(err, YOKE_EFORMAT, cannot_decode);
    if ((double)(*at)->Xsize * (*at)->Ysize > MAX_PIXELS) {
        snprintf(warned, sizeof warned, "it has %d by %d pixels, and at most a thousand million are allowed", (*at)->Xsize, (*at)->Ysize);
        return fail(err, YOKE_ELIMIT, cannot_decode);
    }
    *ret_scale = find_scale(*at, r);
    if (reload_smaller(r, at, ret_scale) != 0)
        return fail(err, YOKE_EFORMAT, cannot_decode);
    STEP(at, cannot_decode, err, (out = vips_image_copy_memory(in)) ? 0 : -1);
    STEP(at, cannot_turn, err, vips_autorot(in, &out, NULL));
    return 0;
}

/* Runs resize or rotate with colours multiplied by their opacity, so that what is transparent does not bleed. */
static int resample(VipsImage **at, double scale, double deg, yoke_error *err)
{
    static const char what[] = "it cannot be resized or turned";
    VipsBandFormat    format = (*at)->BandFmt;
    int               has_alpha = vips_image_hasalpha(*at);
    if (has_alpha)
        STEP(at, what, err, vips_premultiply(in, &out, NULL));
    if (scale < 1)
        STEP(at, what, err, vips_resize(in, &out, scale, NULL));
    if (deg != 0) {
        double             paper = format == VIPS_FORMAT_USHORT ? 65535 : 255;
        VipsArrayDouble   *background = has_alpha ? vips_array_double_newv(1, 0.0) : vips_array_double_newv(1, paper);
        VipsInterpolate   *cubic = vips_interpolate_new("bicubic");
        VipsImage         *made = NULL;
        int                rc = vips_rotate(*at, &made, deg, "background", background, "interpolate", cubic, NULL);
        vips_area_unref(VIPS_AREA(background));
        if (cubic)
            g_object_unref(cubic);
        if ((rc = next(at, rc, made, what, err)) < 0)
            return rc;
    }
    if (has_alpha) {
        STEP(at, what, err, vips_unpremultiply(in, &out, NULL));
        STEP(at, what, err, vips_cast(in, &out, format, NULL));
    }
    return 0;
}

static int turn(const yk_recoding *r, VipsImage **at, double scale, yoke_error *err)
{
    double deg = fmod(fmod(r->rotate_deg, 360) + 360, 360), rest = fmod(deg, 90);
    if (rest == 0 && deg != 0) {
        VipsAngle angle = deg == 90 ? VIPS_ANGLE_D90 : deg == 180 ? VIPS_ANGLE_D180 : VIPS_ANGLE_D270;
        STEP(at, cannot_turn, err, vips_rot(in, &out, angle, NULL));
    }
    return scale < 1 || rest != 0 ? resample(at, scale, rest != 0 ? deg : 0, err) : 0;
}

/* To what the format can hold: grey or RGB of 8 bits (16 where that is possible), transparency on white where it is not. */
static int fit(const yk_recoding *r, VipsImage **at, yoke_error *err)
{
    static const char what[] = "its colours cannot be converted";
    int               keeps_alpha = r->to != YK_FORMAT_JPEG && !r->is_for_pdf, keeps_16 = r->to == YK_FORMAT_PNG || r->to == YK_FORMAT_TIFF;
    VipsInterpretation is = (*at)->Type, wanted = VIPS_INTERPRETATION_sRGB;
    if (is == VIPS_INTERPRETATION_B_W)
        wanted = is;
    else if (is == VIPS_INTERPRETATION_GREY16 || is == VIPS_INTERPRETATION_RGB16)
        wanted = keeps_16 ? is : is == VIPS_INTERPRETATION_RGB16 ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W;
    if (wanted != is)
        STEP(at, what, err, vips_colourspace(in, &out, wanted, NULL));
    if (vips_image_hasalpha(*at) && !keeps_alpha) {
        VipsArrayDouble *white = vips_array_double_newv(1, (*at)->BandFmt == VIPS_FORMAT_USHORT ? 65535.0 : 255.0);
        VipsImage       *made = NULL;
        int              rc = vips_flatten(*at, &made, "background", white, NULL);
        vips_area_unref(VIPS_AREA(white));
        if ((rc = next(at, rc, made, what, err)) < 0)
            return rc;
    }
    if ((*at)->BandFmt != VIPS_FORMAT_UCHAR && (*at)->BandFmt != VIPS_FORMAT_USHORT)
        STEP(at, what, err, vips_cast(in, &out, VIPS_FORMAT_UCHAR, NULL));
    return 0;
}

static int encode(const yk_recoding *r, VipsImage *im, void **ret, size_t *ret_n)
{
    switch (r->to) {
    case YK_FORMAT_JPEG:
        return vips_jpegsave_buffer(im, ret, ret_n, "Q", r->quality, "optimize_coding", TRUE, "strip", r->is_for_pdf, NULL);
    case YK_FORMAT_PNG: /* of photographs, level 2 makes files as small as level 6, in a quarter of the time */
        return vips_pngsave_buffer(im, ret, ret_n, "filter", VIPS_FOREIGN_PNG_FILTER_ALL, "compression", 2, "strip", r->is_for_pdf, NULL);
    case YK_FORMAT_TIFF:
        return vips_tiffsave_buffer(im, ret, ret_n, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE, "predictor",
                                    VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, NULL);
    case YK_FORMAT_WEBP: return vips_webpsave_buffer(im, ret, ret_n, "Q", r->quality, NULL);
    default: return -1;
    }
}

static int recode_on(const yk_recoding *r, VipsImage **at, void **ret, size_t *ret_n, yoke_error *err)
{
    double scale;
    int    rc;
    if ((rc = decode(r, at, &scale, err)) < 0 || (rc = turn(r, at, scale, err)) < 0 || (rc = fit(r, at, err)) < 0)
        return rc;
    return encode(r, *at, ret, ret_n) == 0 ? 0 : fail(err, YOKE_EFORMAT, "it cannot be written in that format");
}

static int recode(const yk_recoding *r, void **ret, size_t *ret_n, yoke_error *err)
{
    VipsImage *im = NULL;
    warned[0] = '\0';
    int rc = recode_on(r, &im, ret, ret_n, err);
    if (im)
        g_object_unref(im);
    return rc;
}

static int start(yoke_error *err)
{
    if (vips_init("yoke") != 0)
        return fail(err, YOKE_EUNSUPPORTED, "libvips does not start");
    vips_concurrency_set(1); /* the session's workers are the threads */
    vips_cache_set_max(0);
    g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO, take_warning, NULL);
    return 0;
}

__attribute__((visibility("default"))) extern const yk_codec_ops yk_codec;
const yk_codec_ops yk_codec = {
    .abi = YK_CODEC_ABI,
    .start = start,
    .recode = recode,
    .release = g_free,
    .leave_thread = vips_thread_shutdown,
};
