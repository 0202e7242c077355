/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a file being written will say about itself: row groups and chunks as they were written, and from them the page index and
 * the footer.
 */
#ifndef YK_FORMAT_PQ_META_H
#define YK_FORMAT_PQ_META_H

#include "format/parquet/pq_encode.h"

typedef struct yk_pq_written_chunk {
    yk_buf   meta;              /* its ColumnMetaData, ready */
    yk_buf   offsets, columns;  /* its page index, ready; columns is empty where bounds are not known */
    uint64_t start, offsets_at, columns_at;
    uint64_t stored, plain;
} yk_pq_written_chunk;

typedef struct yk_pq_written_group {
    uint64_t             n_rows;
    yk_pq_written_chunk *chunks; /* owned */
    unsigned             n;
} yk_pq_written_group;

typedef struct yk_pq_groups {
    yk_pq_written_group *group; /* owned */
    size_t               n, cap;
} yk_pq_groups;

int  yk_pq_groups_add(yk_pq_groups *g, uint64_t n_rows, unsigned n_chunks, yk_pq_written_group **ret, yoke_error *err) YK_MUST_USE;
void yk_pq_groups_fini(yk_pq_groups *g);

/* Describes a finished chunk that begins at `start` in the file and whose data pages begin at `data`. */
int yk_pq_chunk_describe(yk_pq_written_chunk *c, const yk_pq_encoder *e, uint64_t start, uint64_t data, yoke_error *err) YK_MUST_USE;

/* All page indexes, which will lie at `at`; their places are noted for the footer. */
void yk_pq_put_indexes(yk_buf *to, yk_pq_groups *g, uint64_t at);
void yk_pq_put_footer(yk_buf *to, const yk_pq_groups *g, const yk_pq_encoder *encoders, unsigned n);

#endif
