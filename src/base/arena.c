/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Blocks that double in size up to a most; the newest is filled from the front.
 */
#include "base/arena.h"

enum { FIRST_BLOCK = 16 << 10, LAST_BLOCK = 32 << 20 };

struct yk_arena_block {
    yk_arena_block *next;
    size_t          size; /* of data */
    _Alignas(64) unsigned char data[];
};

static yk_arena_block *add_block(yk_arena *a, size_t need)
{
    size_t size = a->blocks ? a->blocks->size * 2 : FIRST_BLOCK;
    if (size > LAST_BLOCK)
        size = LAST_BLOCK;
    if (size < need)
        size = need;
    if (size > SIZE_MAX - sizeof(yk_arena_block))
        return NULL;
    yk_arena_block *b = yk_malloc_large(sizeof *b + size);
    if (!b)
        return NULL;
    b->next = a->blocks;
    b->size = size;
    a->blocks = b;
    a->used = 0;
    return b;
}

void *yk_arena_alloc(yk_arena *a, size_t size)
{
    size_t align = size >= 64 ? 64 : 16, at = (a->used + align - 1) & ~(align - 1);
    if (!a->blocks || at > a->blocks->size || size > a->blocks->size - at) {
        if (!add_block(a, size))
            return NULL;
        at = 0;
    }
    a->used = at + size;
    return a->blocks->data + at;
}

void *yk_arena_calloc(yk_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (!yk_mul(&bytes, n, size))
        return NULL;
    void *p = yk_arena_alloc(a, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

char *yk_arena_strndup(yk_arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char  *q = yk_arena_alloc(a, len + 1);
    if (!q)
        return NULL;
    memcpy(q, s, len);
    q[len] = '\0';
    return q;
}

static void free_from(yk_arena_block *b)
{
    while (b) {
        yk_arena_block *next = b->next;
        yk_free(b);
        b = next;
    }
}

void yk_arena_clear(yk_arena *a)
{
    a->used = 0;
    if (!a->blocks)
        return;
    free_from(a->blocks->next);
    a->blocks->next = NULL;
}

void yk_arena_fini(yk_arena *a)
{
    if (!a)
        return;
    free_from(a->blocks);
    *a = (yk_arena)YK_ARENA_INIT;
}
