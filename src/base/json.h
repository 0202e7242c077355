/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Text as a JSON string.
 */
#ifndef YK_BASE_JSON_H
#define YK_BASE_JSON_H

#include "base/buf.h"

/* Appends n bytes of text in quotes, escaped. What is no UTF-8 becomes U+FFFD, a byte each: JSON cannot hold it. */
void yk_json_text(yk_buf *to, const char *text, size_t n);

#endif
