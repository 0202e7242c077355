/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One picture: file in, file out.
 */
#ifndef YK_IMAGE_PICTURE_H
#define YK_IMAGE_PICTURE_H

#include "base/error.h"
#include "image/codec.h"

#include <yoke/image.h>

/* Reads `input` and writes `output` as the options say; `to` is YK_FORMAT_NONE to keep the input's format. */
int yk_picture_convert(const char *input, const char *output, const yoke_image_opts *o, yk_format to, yoke_error *err) YK_MUST_USE;

#endif
