/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The system's allocator, with a counter that only tests switch on: outside tests the cost is one predictable branch.
 */
#include "base/alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static bool             testing; /* written only before threads start and after they end */
static atomic_uint_least64_t asked;
static atomic_int_least64_t  outstanding;
static uint64_t              fail_at;

static bool refuse(void)
{
    return testing && atomic_fetch_add(&asked, 1) + 1 == fail_at;
}

static void *counted(void *p)
{
    if (testing && p)
        atomic_fetch_add(&outstanding, 1);
    return p;
}

void *yk_malloc(size_t size)
{
    return refuse() ? NULL : counted(malloc(size ? size : 1));
}

void *yk_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : counted(n && size ? calloc(n, size) : calloc(1, 1));
}

void *yk_malloc_aligned(size_t size)
{
    size_t rounded = (size + 63) & ~(size_t)63;
    if (rounded < size || refuse())
        return NULL;
    return counted(aligned_alloc(64, rounded ? rounded : 64));
}

void *yk_malloc_large(size_t size)
{
    enum { PAGE = 2 << 20 };
    size_t whole = size / PAGE * PAGE;
    if (!whole)
        return yk_malloc_aligned(size);
    if (size > SIZE_MAX - PAGE || refuse())
        return NULL;
    void *p = aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
#ifdef MADV_HUGEPAGE
    int was = errno;
    if (p)
        madvise(p, whole, MADV_HUGEPAGE); /* whether it is heard makes no other difference */
    errno = was;
#endif
    return counted(p);
}

void *yk_realloc(void *p, size_t size)
{
    if (refuse())
        return NULL;
    void *q = realloc(p, size ? size : 1);
    return p ? q : counted(q);
}

void yk_free(void *p)
{
    if (testing && p)
        atomic_fetch_sub(&outstanding, 1);
    free(p);
}

void yk_alloc_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void *yk_memdup(const void *p, size_t size)
{
    void *q = yk_malloc(size);
    return q && size ? memcpy(q, p, size) : q;
}

char *yk_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char  *q = yk_malloc(len + 1);
    if (!q)
        return NULL;
    memcpy(q, s, len);
    q[len] = '\0';
    return q;
}

char *yk_strdup(const char *s)
{
    return yk_memdup(s, strlen(s) + 1);
}

bool yk_grow(void *pp, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return true;
    size_t want = *cap < 8 ? 8 : *cap + *cap / 2, bytes;
    if (want < need)
        want = need;
    if (!yk_mul(&bytes, want, size))
        return false;
    void *p;
    memcpy(&p, pp, sizeof p);
    p = yk_realloc(p, bytes);
    if (!p)
        return false;
    memcpy(pp, &p, sizeof p);
    *cap = want;
    return true;
}

void yk_alloc_test_begin(uint64_t n)
{
    fail_at = n;
    atomic_store(&asked, 0);
    atomic_store(&outstanding, 0);
    testing = true;
}

int64_t yk_alloc_test_end(uint64_t *ret_asked)
{
    testing = false;
    if (ret_asked)
        *ret_asked = atomic_load(&asked);
    return atomic_load(&outstanding);
}
