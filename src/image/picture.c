/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The way of one picture: read whole; a JPEG that becomes a PDF as it is, is only wrapped; the others are recoded.
 */
#include "image/picture.h"

#include "base/file.h"
#include "image/pdf.h"

#include <unistd.h>

typedef struct picture {
    const char            *input;
    const yoke_image_opts *o;
    yk_format              from, to;
    uint8_t               *data; /* owned; the input's bytes */
    size_t                 n;
    yk_jpeg                jpeg; /* of a JPEG */
    const yk_codec_ops    *codec;
    void                  *coded; /* owned, the codec's; what came out of it */
    size_t                 n_coded;
} picture;

static void picture_fini(picture *p)
{
    yk_free(p->data);
    if (p->coded)
        p->codec->release(p->coded);
}

static int read_whole(picture *p, yoke_error *err)
{
    int      fd;
    uint64_t size;
    YK_TRY(yk_file_open(p->input, &fd, &size, err));
    p->n = (size_t)size;
    p->data = yk_malloc(p->n + 1);
    int rc = p->data ? yk_file_read_at(fd, p->input, 0, p->data, p->n, err) : yk_fail_nomem(err, "reading a picture");
    close(fd);
    return rc;
}

static int identify(picture *p, yk_format to, yoke_error *err)
{
    p->from = yk_format_sniff(p->data, p->n);
    p->to = to == YK_FORMAT_NONE ? p->from : to;
    if (p->n == 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is empty", p->input);
    if (p->from == YK_FORMAT_NONE)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is not a JPEG, PNG, TIFF, WebP or PDF; its first bytes say so", p->input);
    if (p->from == YK_FORMAT_PDF && p->to == YK_FORMAT_PDF)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' is a PDF already; a PDF can be turned into a picture only", p->input);
    if (p->from != YK_FORMAT_JPEG)
        return 0;
    yoke_error why = YOKE_ERROR_INIT;
    int        rc = yk_jpeg_parse(p->data, p->n, &p->jpeg, &why);
    return rc < 0 ? yk_fail(err, rc, "'%s': %s", p->input, why.text) : 0;
}

static int recode(picture *p, yk_format to, yoke_error *err)
{
    yoke_error  why = YOKE_ERROR_INIT;
    yk_recoding r = {.in = p->data, .n_in = p->n, .from = p->from, .to = to, .rotate_deg = p->o->rotate_deg,
                     .max_size_px = p->o->max_size_px, .quality = p->o->quality ? p->o->quality : 90,
                     .is_for_pdf = p->to == YK_FORMAT_PDF};
    int rc = yk_codec_load(&p->codec, &why);
    if (rc == 0)
        rc = p->codec->recode(&r, &p->coded, &p->n_coded, &why);
    return rc < 0 ? yk_fail(err, rc, "'%s': %s", p->input, why.text) : 0;
}

static bool fits_as_it_is(const picture *p)
{
    unsigned most = p->o->max_size_px;
    if (p->from != YK_FORMAT_JPEG || !yk_jpeg_fits_pdf(&p->jpeg))
        return false;
    if (most == 0)
        return true;
    yk_placing at = yk_pdf_place(p->jpeg.width, p->jpeg.height, p->jpeg.orientation, p->o->rotate_deg);
    return at.width <= most && at.height <= most;
}

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* Joins the IDAT chunks of the codec's own PNG at its beginning: a PDF takes them as they are. */
static int png_rows(picture *p, yk_rows *ret, yoke_error *err)
{
    enum { SIGNATURE = 8, CHUNK = 12, IHDR = 13 };
    uint8_t *d = p->coded;
    size_t   n = p->n_coded, to = 0;
    if (n < SIGNATURE + CHUNK + IHDR)
        return yk_fail(err, YOKE_EFORMAT, "'%s': the encoder gave no PNG", p->input);
    const uint8_t *ihdr = d + SIGNATURE + 8;
    *ret = (yk_rows){be32(ihdr), be32(ihdr + 4), ihdr[8], ihdr[9] == 0 ? 1 : 3};
    if ((ihdr[9] != 0 && ihdr[9] != 2) || ihdr[12] != 0)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s': its colours cannot go into a PDF", p->input);
    for (size_t at = SIGNATURE; n - at >= CHUNK;) {
        size_t len = be32(d + at);
        if (len > n - at - CHUNK)
            break;
        if (memcmp(d + at + 4, "IDAT", 4) == 0) {
            memmove(d + to, d + at + 8, len);
            to += len;
        }
        at += len + CHUNK;
    }
    p->n_coded = to;
    return 0;
}

/* The PDF's two parts around *ret_body, which stays the picture's. */
static int wrap(picture *p, yk_pdf *pdf, const void **ret_body, size_t *ret_n, yoke_error *err)
{
    *ret_body = p->data, *ret_n = p->n;
    if (fits_as_it_is(p))
        return yk_pdf_of_jpeg(pdf, &p->jpeg, p->n, p->o->rotate_deg, err);
    YK_TRY(recode(p, p->from == YK_FORMAT_JPEG ? YK_FORMAT_JPEG : YK_FORMAT_PNG, err));
    *ret_body = p->coded;
    if (p->from == YK_FORMAT_JPEG) {
        YK_TRY(yk_jpeg_parse(p->coded, p->n_coded, &p->jpeg, err));
        *ret_n = p->n_coded;
        return yk_pdf_of_jpeg(pdf, &p->jpeg, p->n_coded, 0, err);
    }
    yk_rows rows = {0};
    YK_TRY(png_rows(p, &rows, err));
    *ret_n = p->n_coded;
    return yk_pdf_of_rows(pdf, &rows, p->n_coded, err);
}

static int convert(picture *p, yk_pdf *pdf, const void **ret_body, size_t *ret_n, yoke_error *err)
{
    if (p->to == YK_FORMAT_PDF)
        return wrap(p, pdf, ret_body, ret_n, err);
    YK_TRY(recode(p, p->to, err));
    *ret_body = p->coded, *ret_n = p->n_coded;
    return 0;
}

int yk_picture_convert(const char *input, const char *output, const yoke_image_opts *o, yk_format to, yoke_error *err)
{
    YK_CLEANUP(picture_fini) picture     p = {.input = input, .o = o};
    YK_CLEANUP(yk_pdf_fini) yk_pdf       pdf = {YK_BUF_INIT, YK_BUF_INIT};
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    const void                          *body;
    size_t                               n;
    YK_TRY(read_whole(&p, err));
    YK_TRY(identify(&p, to, err));
    if (!o->may_replace && access(output, F_OK) == 0) /* before the work; the output looks again */
        return yk_fail(err, YOKE_EEXISTS, "'%s' is already there; give another name, or --force to replace it", output);
    YK_TRY(convert(&p, &pdf, &body, &n, err));
    YK_TRY(yk_output_open(&out, output, o->may_replace != 0, err));
    int fd = fileno(out.file);
    YK_TRY(yk_file_write(fd, output, yk_buf_text(&pdf.head), pdf.head.len, err));
    YK_TRY(yk_file_write(fd, output, body, n, err));
    YK_TRY(yk_file_write(fd, output, yk_buf_text(&pdf.tail), pdf.tail.len, err));
    return yk_output_commit(&out, err);
}
