/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Commands made from a template and the fields of an item:
 *
 *     {}      the item (all its fields, with blanks between)   {#}   its number, from 1
 *     {.}     without its extension                             {%}   the slot that it runs in, from 1
 *     {/}     without folders                                   {2}   its second field
 *     {//}    its folder                                        {2.} {2/} {2//} {2/.}   the same of that
 *     {/.}    without folders and extension                     {name} {name.} …   the field of that name
 *
 * Other braces stand for themselves. A template without any of these gets " {}" at its end. What is put in is quoted for the
 * place where it stands (bare, in '…', in "…"), so that the shell sees exactly the field, whatever bytes it has.
 */
#ifndef YK_JOBS_TEMPLATE_H
#define YK_JOBS_TEMPLATE_H

#include "base/buf.h"

typedef struct yk_template yk_template;

typedef struct yk_text { const char *text; size_t len; } yk_text;

/* Takes a template for items of n_fields fields; names[i] is the i-th's, NULL: it has none; names NULL: none has.
 * YOKE_EINVALID: it asks for a field that items have not. */
int  yk_template_new(const char *text, unsigned n_fields, const char *const *names, yk_template **ret, yoke_error *err) YK_MUST_USE;
void yk_template_free(yk_template *t);

/* Appends the command for an item. slot 0: {%} becomes $YOKE_SLOT, for the shell to fill in. */
void yk_template_fill(const yk_template *t, const yk_text *fields, uint64_t seq, unsigned slot, yk_buf *to);

YK_DEFINE_CLEANUP(yk_template, yk_template_free)

#endif
