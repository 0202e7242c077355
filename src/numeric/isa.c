/* SPDX-License-Identifier: BSD-3-Clause */
#include "numeric/isa.h"

#include "base/near.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const NAMES[YK_ISA_COUNT] = {"baseline", "avx2", "avx512"};

static atomic_int chosen = -1; /* relaxed: every thread that finds it unset computes the same value */

const char *yk_isa_name(yk_isa isa)
{
    return NAMES[isa];
}

yk_isa yk_isa_machine(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("bmi2"))
        return YK_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return YK_ISA_AVX2;
#endif
    return YK_ISA_BASELINE;
}

static yk_isa least(yk_isa a, yk_isa b)
{
    return a < b ? a : b;
}

static yk_isa from_environment(void)
{
    const char *word = getenv("YOKE_ISA");
    for (int i = 0; word && i < YK_ISA_COUNT; i++)
        if (strcmp(word, NAMES[i]) == 0)
            return least((yk_isa)i, yk_isa_machine());
    return yk_isa_machine();
}

yk_isa yk_isa_now(void)
{
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)from_environment();
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (yk_isa)isa;
}

void yk_isa_limit(yk_isa widest)
{
    atomic_store_explicit(&chosen, (int)least(widest, yk_isa_machine()), memory_order_relaxed);
}

int yk_isa_check(yoke_error *err)
{
    const char *word = getenv("YOKE_ISA");
    char        hint[96];
    for (int i = 0; word && i < YK_ISA_COUNT; i++)
        if (strcmp(word, NAMES[i]) == 0)
            return 0;
    if (!word)
        return 0;
    return yk_fail(err, YOKE_EINVALID, "YOKE_ISA is '%s'; it may be baseline, avx2 or avx512%s", word,
                   yk_near_hint(word, NAMES, YK_ISA_COUNT, hint, sizeof hint));
}
