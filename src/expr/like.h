/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Patterns of `like`: % any run, _ one character, each itself after a backslash.
 */
#ifndef YK_EXPR_LIKE_H
#define YK_EXPR_LIKE_H

#include "format/column.h"
#include "numeric/isa.h"

typedef struct yk_like yk_like;

int  yk_like_new(yk_text pattern, yk_like **ret, yoke_error *err) YK_MUST_USE;
void yk_like_free(yk_like *l);
YK_DEFINE_CLEANUP(yk_like, yk_like_free)

bool yk_like_fits(const yk_like *l, yk_text text);

/* Where `what`, of n_what > 0 bytes, first is in the n bytes of text; NULL: nowhere. */
YK_ISA_DECLARE(const char *, yk_k_find, (const char *text, size_t n, const char *what, size_t n_what));

#endif
