/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Between loading a page (pq_page.c) and keeping it (pq_cache.c).
 */
#ifndef YK_FORMAT_PQ_PAGE_H
#define YK_FORMAT_PQ_PAGE_H

#include "format/parquet/pq_file.h"

/* Fills a new page, whose chunk and slot are set. What it allocated before it failed stays in the page. */
int yk_pq_page_load(yk_pq_page *p, yk_pq_loader *l, yoke_error *err) YK_MUST_USE;

/* The same, and `next`, a new page for the slot after it, in one go where that saves time. Whether it was filled: if not, whatever the
 * reason, it must be loaded when it is needed. */
int yk_pq_page_load_two(yk_pq_page *p, yk_pq_page *next, bool *ret_has_next, yk_pq_loader *l, yoke_error *err) YK_MUST_USE;

/* Makes p->raw hold n bytes and YK_PQ_PAD more, from the spares where one fits. */
int yk_pq_page_room(yk_pq_page *p, size_t n, yoke_error *err) YK_MUST_USE;

/* What to say when yk_pq_convert failed for this column. */
const char *yk_pq_out_of_range(const yk_pq_leaf *leaf);

#endif
