/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a JPEG file says of itself, read from its markers; nothing is decoded. Files are not trusted.
 */
#ifndef YK_IMAGE_JPEG_H
#define YK_IMAGE_JPEG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct yk_jpeg {
    unsigned width, height; /* as stored, before the orientation */
    unsigned components;    /* 1 grey, 3 colour, 4 CMYK */
    unsigned precision;     /* bits per sample */
    unsigned frame;         /* the frame marker's low byte: 0xc0 baseline, 0xc1 extended, 0xc2 progressive … */
    unsigned orientation;   /* EXIF, 1 to 8; 1 when it says nothing */
    bool     is_inverted;   /* four components as Adobe stores them: 0 is full ink */
    bool     is_rgb;        /* three components without a colour transform */
} yk_jpeg;

/* Walks all markers to the end of the picture. YOKE_EFORMAT, with a sentence that does not name the file, for what is no
 * JPEG, is cut short, or contradicts itself. */
int yk_jpeg_parse(const uint8_t *data, size_t n, yk_jpeg *ret, yoke_error *err) __attribute__((warn_unused_result));

/* Whether a PDF reader must be able to show it: 8-bit Huffman-coded baseline, extended or progressive, of 1, 3 or 4 components. */
bool yk_jpeg_fits_pdf(const yk_jpeg *j);

#endif
