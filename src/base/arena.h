/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An arena: many allocations, freed together. Pointers stay valid until yk_arena_clear or yk_arena_fini.
 * Not for several threads at once.
 */
#ifndef YK_BASE_ARENA_H
#define YK_BASE_ARENA_H

#include "base/alloc.h"

typedef struct yk_arena_block yk_arena_block;

typedef struct yk_arena {
    yk_arena_block *blocks; /* newest first */
    size_t          used;   /* of the newest */
} yk_arena;

#define YK_ARENA_INIT {NULL, 0}

/* 64-byte aligned when size is 64 or more, else 16; NULL when memory is out. Not zeroed. */
void *yk_arena_alloc(yk_arena *a, size_t size) YK_MUST_USE;
void *yk_arena_calloc(yk_arena *a, size_t n, size_t size) YK_MUST_USE;
char *yk_arena_strndup(yk_arena *a, const char *s, size_t n) YK_MUST_USE;

/* Forgets all allocations but keeps the largest block for the next ones. */
void yk_arena_clear(yk_arena *a);
void yk_arena_fini(yk_arena *a);

#endif
