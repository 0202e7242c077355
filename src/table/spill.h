/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pieces of bytes kept for later: in memory as far as a budget goes, then all of them in one temporary file in $TMPDIR (else /tmp)
 * that has no name, so that nothing is left behind however the program ends.
 */
#ifndef YK_TABLE_SPILL_H
#define YK_TABLE_SPILL_H

#include "base/arena.h"
#include "base/buf.h"

typedef struct yk_spill_piece {
    char    *data; /* in the arena; NULL: in the file */
    uint64_t at;   /* in the file */
    size_t   n;
} yk_spill_piece;

typedef struct yk_spill {
    uint64_t        memory;
    uint64_t        bytes; /* of all pieces */
    yk_spill_piece *pieces;
    size_t          n, cap;
    yk_arena        arena;
    int             fd; /* -1: all is in memory */
} yk_spill;

void yk_spill_init(yk_spill *s, uint64_t memory);
void yk_spill_fini(yk_spill *s);

/* Copies one more piece, number s->n. Errors: a full disk, which says what to do. */
int yk_spill_add(yk_spill *s, const void *bytes, size_t n, yoke_error *err) YK_MUST_USE;

/* n bytes of a piece from `offset` on. Any thread, and processes forked after the piece was added. */
int yk_spill_read(const yk_spill *s, size_t piece, uint64_t offset, void *to, size_t n, yoke_error *err) YK_MUST_USE;

#endif
