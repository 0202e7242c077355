/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A PDF file of one page that shows one picture, whose compressed bytes go into it unchanged; the page's matrix turns it.
 */
#ifndef YK_IMAGE_PDF_H
#define YK_IMAGE_PDF_H

#include "base/buf.h"
#include "image/jpeg.h"

/* What goes before the picture's bytes, and what after. */
typedef struct yk_pdf {
    yk_buf head, tail;
} yk_pdf;

/* Where the picture's unit square lands on the page, and how large the page is, in points. */
typedef struct yk_placing {
    double a, b, c, d, e, f; /* x' = a x + c y + e, y' = b x + d y + f; y upwards */
    double width, height;
} yk_placing;

/* A picture of width by height pixels, first set upright as EXIF orientation 1 to 8 says, then turned clockwise, on a page that
 * just holds it. A pixel is a point, less where the page would be over the 14400 points that PDF allows. */
yk_placing yk_pdf_place(unsigned width, unsigned height, unsigned orientation, double rotate_deg);

/* The PDF around a JPEG of n bytes that yk_jpeg_fits_pdf. */
int yk_pdf_of_jpeg(yk_pdf *p, const yk_jpeg *j, size_t n, double rotate_deg, yoke_error *err) YK_MUST_USE;

/* The PDF around the compressed rows of a PNG (n bytes: its IDAT chunks joined): 8 or 16 bits, grey or RGB, not interlaced. */
typedef struct yk_rows {
    unsigned width, height, bits, components;
} yk_rows;
int yk_pdf_of_rows(yk_pdf *p, const yk_rows *r, size_t n, yoke_error *err) YK_MUST_USE;

void yk_pdf_fini(yk_pdf *p);

#endif
