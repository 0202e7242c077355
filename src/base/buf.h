/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A growable run of bytes, also the way to build text. After a failed append the buffer is marked `is_failed` and further
 * appends do nothing, so that a chain of appends needs one check at its end.
 */
#ifndef YK_BASE_BUF_H
#define YK_BASE_BUF_H

#include "base/alloc.h"

typedef struct yk_buf {
    char  *data; /* owned; NUL-terminated after every append; NULL while empty */
    size_t len, cap;
    bool   is_failed;
} yk_buf;

#define YK_BUF_INIT {NULL, 0, 0, false}

void yk_buf_append(yk_buf *b, const void *bytes, size_t n);
void yk_buf_puts(yk_buf *b, const char *s);
void yk_buf_putc(yk_buf *b, char c);
void yk_buf_printf(yk_buf *b, const char *fmt, ...) YK_PRINTF(2, 3);

/* Room for n more bytes, counted into len; their place, or NULL when memory is out. */
void *yk_buf_extend(yk_buf *b, size_t n);

/* The text, never NULL. Borrowed until the next append. */
const char *yk_buf_text(const yk_buf *b);

void yk_buf_clear(yk_buf *b);
void yk_buf_fini(yk_buf *b);
#define YK_AUTOBUF YK_CLEANUP(yk_buf_fini) yk_buf

#endif
