/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Objects: 1 catalog, 2 pages, 3 page, 4 its content, 5 the picture, then the table of where each begins.
 */
#include "image/pdf.h"

#include <math.h>
#include <stdio.h>

enum { N_OBJECTS = 5 };
static const double MAX_POINTS = 14400;

/* The picture ends this much (in points) inside the page. A renderer that rounds a picture's edges outwards (pdftoppm) would
 * else stretch it by a pixel and blur it; so at one pixel a point it shows the very pixels. */
static const double INSET = 1e-4;

/* Sine and cosine, exact where the turn is by quarters. */
static void turn(double deg, double *ret_sin, double *ret_cos)
{
    double quarters = fmod(deg / 90, 4);
    if (quarters == floor(quarters)) {
        static const int sines[] = {0, 1, 0, -1};
        int              q = ((int)quarters % 4 + 4) % 4;
        *ret_sin = sines[q];
        *ret_cos = sines[(q + 1) % 4];
        return;
    }
    double rad = fmod(deg, 360) * (M_PI / 180);
    *ret_sin = sin(rad);
    *ret_cos = cos(rad);
}

yk_placing yk_pdf_place(unsigned width, unsigned height, unsigned orientation, double rotate_deg)
{
    /* x' = m0 x + m1 y, y' = m2 x + m3 y about the centre, y upwards: what sets orientation 1 … 8 upright */
    static const signed char upright[9][4] = {{1, 0, 0, 1},   {1, 0, 0, 1},   {-1, 0, 0, 1},   {-1, 0, 0, -1}, {1, 0, 0, -1},
                                              {0, -1, -1, 0}, {0, 1, -1, 0},  {0, 1, 1, 0},    {0, -1, 1, 0}};
    const signed char *o = upright[orientation <= 8 ? orientation : 1];
    double             s, c;
    turn(rotate_deg, &s, &c);
    double m[4] = {c * o[0] + s * o[2], c * o[1] + s * o[3], -s * o[0] + c * o[2], -s * o[1] + c * o[3]};
    double w = fabs(m[0]) * width + fabs(m[1]) * height, h = fabs(m[2]) * width + fabs(m[3]) * height;
    double scale = fmin(1, MAX_POINTS / fmax(w, h));
    double across = width * scale - 2 * INSET, up = height * scale - 2 * INSET;
    yk_placing p = {.a = m[0] * across, .b = m[2] * across, .c = m[1] * up, .d = m[3] * up, .width = w * scale, .height = h * scale};
    p.e = (p.width - p.a - p.c) / 2;
    p.f = (p.height - p.b - p.d) / 2;
    return p;
}

/* A number as PDF takes it: no exponent. */
static void put_number(yk_buf *b, double v)
{
    char   text[64];
    size_t n = (size_t)snprintf(text, sizeof text, "%.5f", v == 0 ? 0 : v);
    while (n > 1 && text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    yk_buf_append(b, text, n);
}

static void put_numbers(yk_buf *b, const double *v, int n)
{
    for (int i = 0; i < n; i++) {
        put_number(b, v[i]);
        yk_buf_putc(b, ' ');
    }
}

static void begin(yk_buf *b, size_t at[N_OBJECTS])
{
    size_t n = 0;
    while (n < N_OBJECTS && at[n])
        n++;
    at[n] = b->len;
    yk_buf_printf(b, "%zu 0 obj\n", n + 1);
}

/* `about` is the picture's dictionary without its length, n the bytes of its stream. */
static int build(yk_pdf *p, const yk_placing *place, const char *about, size_t n, yoke_error *err)
{
    size_t     at[N_OBJECTS] = {0};
    YK_AUTOBUF content = YK_BUF_INIT;
    yk_buf    *b = &p->head;
    yk_buf_puts(&content, "q ");
    put_numbers(&content, &place->a, 6);
    yk_buf_puts(&content, "cm /I Do Q");
    yk_buf_puts(b, "%PDF-1.5\n%\xe2\xe3\xcf\xd3\n");
    begin(b, at);
    yk_buf_puts(b, "<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
    begin(b, at);
    yk_buf_puts(b, "<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n");
    begin(b, at);
    yk_buf_puts(b, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 ");
    put_numbers(b, &place->width, 2);
    yk_buf_puts(b, "]/Resources<</XObject<</I 5 0 R>>>>/Contents 4 0 R>>\nendobj\n");
    begin(b, at);
    yk_buf_printf(b, "<</Length %zu>>\nstream\n%s\nendstream\nendobj\n", content.len, yk_buf_text(&content));
    begin(b, at);
    yk_buf_printf(b, "<</Type/XObject/Subtype/Image%s/Length %zu>>\nstream\n", about, n);
    yk_buf_puts(&p->tail, "\nendstream\nendobj\n");
    size_t table = b->len + n + p->tail.len;
    yk_buf_printf(&p->tail, "xref\n0 %d\n0000000000 65535 f \n", N_OBJECTS + 1);
    for (int i = 0; i < N_OBJECTS; i++)
        yk_buf_printf(&p->tail, "%010zu 00000 n \n", at[i]);
    yk_buf_printf(&p->tail, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", N_OBJECTS + 1, table);
    return content.is_failed || b->is_failed || p->tail.is_failed ? yk_fail_nomem(err, "writing a PDF") : 0;
}

static const char *colour_space(unsigned components)
{
    return components == 1 ? "/DeviceGray" : components == 3 ? "/DeviceRGB" : "/DeviceCMYK";
}

int yk_pdf_of_jpeg(yk_pdf *p, const yk_jpeg *j, size_t n, double rotate_deg, yoke_error *err)
{
    char       about[320];
    yk_placing place = yk_pdf_place(j->width, j->height, j->orientation, rotate_deg);
    snprintf(about, sizeof about, "/Width %u/Height %u/ColorSpace%s/BitsPerComponent 8/Filter/DCTDecode%s%s", j->width, j->height,
             colour_space(j->components), j->is_inverted ? "/Decode[1 0 1 0 1 0 1 0]" : "",
             j->is_rgb ? "/DecodeParms<</ColorTransform 0>>" : "");
    return build(p, &place, about, n, err);
}

int yk_pdf_of_rows(yk_pdf *p, const yk_rows *r, size_t n, yoke_error *err)
{
    char       about[320];
    yk_placing place = yk_pdf_place(r->width, r->height, 1, 0);
    snprintf(about, sizeof about,
             "/Width %u/Height %u/ColorSpace%s/BitsPerComponent %u/Filter/FlateDecode"
             "/DecodeParms<</Predictor 15/Colors %u/BitsPerComponent %u/Columns %u>>",
             r->width, r->height, colour_space(r->components), r->bits, r->components, r->bits, r->width);
    return build(p, &place, about, n, err);
}

void yk_pdf_fini(yk_pdf *p)
{
    yk_buf_fini(&p->head);
    yk_buf_fini(&p->tail);
}
