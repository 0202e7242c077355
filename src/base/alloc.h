/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory: every allocation of the library goes through here, so that tests can count what is outstanding and make the
 * n-th allocation fail. Sizes are multiplied with an overflow check. A failed allocation returns NULL and says nothing.
 */
#ifndef YK_BASE_ALLOC_H
#define YK_BASE_ALLOC_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *yk_malloc(size_t size) __attribute__((malloc, alloc_size(1), warn_unused_result));
void *yk_calloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2), warn_unused_result));
void *yk_realloc(void *p, size_t size) __attribute__((alloc_size(2), warn_unused_result)); /* p stays valid on failure */
void  yk_free(void *p);                                                                    /* NULL is allowed */

/* Gives memory that is free back to the system, where the C library can. Between parts of a work that count what they hold. */
void yk_alloc_trim(void);

/* A block that starts on a 64-byte boundary; freed with yk_free. */
void *yk_malloc_aligned(size_t size) __attribute__((malloc, alloc_size(1), warn_unused_result));

/* A block in large pages, where the system leaves that to programs (Linux's transparent huge pages): for megabytes that are filled once or
 * read here and there, which cost hundreds of page faults and misses of translation less. Small ones are as others. Freed with yk_free. */
void *yk_malloc_large(size_t size) __attribute__((malloc, alloc_size(1), warn_unused_result));

/* Copies, NULL when memory is out. */
char *yk_strdup(const char *s) YK_MUST_USE;
char *yk_strndup(const char *s, size_t n) YK_MUST_USE;
void *yk_memdup(const void *p, size_t size) YK_MUST_USE;

/* A zeroed T; n zeroed Ts. */
#define yk_new(T)          ((T *)yk_calloc(1, sizeof(T)))
#define yk_new_array(T, n) ((T *)yk_calloc((n), sizeof(T)))

/* *ret = a * b; false, and *ret untouched, when that does not fit. */
static inline bool yk_mul(size_t *ret, size_t a, size_t b)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *ret = r;
    return true;
}

/* Makes room for at least `need` elements of `size` bytes in an array that doubles: *p may move. */
bool yk_grow(void *pp, size_t *cap, size_t need, size_t size) YK_MUST_USE;

/* A growable array: yk_push(&array, &count, &capacity, value); false when memory is out. */
#define yk_push(pp, n, cap, value) \
    (yk_grow((pp), (cap), *(n) + 1, sizeof **(pp)) ? ((*(pp))[(*(n))++] = (value), true) : false)

static inline void yk_freep(void *pp)
{
    void *p;
    memcpy(&p, pp, sizeof p);
    yk_free(p);
}
#define YK_AUTOFREE YK_CLEANUP(yk_freep)

/* For tests. After yk_alloc_test_begin(n) the n-th allocation (from 1) and no other fails; 0: none does. From then on
 * allocations are counted. yk_alloc_test_end returns how many blocks allocated since are still there, and writes how
 * many allocations were asked for. One test at a time, started before any thread is. */
void yk_alloc_test_begin(uint64_t fail_at);
int64_t yk_alloc_test_end(uint64_t *ret_asked);

#endif
