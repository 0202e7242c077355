/* SPDX-License-Identifier: BSD-3-Clause */
#include "work.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int64_t *new_array(size_t n)
{
    const size_t large = (size_t)2 << 20, size = (n * sizeof(int64_t) + large - 1) / large * large;
    int64_t     *p = aligned_alloc(large, size);
    if (p) {
        madvise(p, size, MADV_HUGEPAGE);
        memset(p, 0, size);
    }
    return p;
}

static int copy(struct yoke_task *task, const void *item, void *result)
{
    (void)task;
    *(int64_t *)result = *(const int64_t *)item;
    return 0;
}

static int steps(struct yoke_task *task, const void *item, void *result)
{
    (void)task;
    uint64_t i = *(const uint64_t *)item, x = i;
    for (uint64_t k = 0; k < i >> 14; k++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    *(uint64_t *)result = x ? i : 0;
    return 0;
}

work_fn *const work_copy = copy;
work_fn *const work_steps = steps;
