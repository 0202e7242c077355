/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Instruction sets. A hot kernel is one source, listed in `isa_sources` of its folder's meson.build and compiled once per
 * instruction set; which of the builds runs is chosen here, at run time. All of them give the same bits.
 *
 *     kernel.c    void YK_ISA(add)(double *to, size_t n) { … }          becomes add_baseline, add_avx2, add_avx512
 *     kernel.h    YK_ISA_DECLARE(void, add, (double *to, size_t n));
 *     a caller    YK_ISA_PICK(add)(to, n);
 *
 * Kernel sources include nothing that defines external functions, and only static inline ones.
 */
#ifndef YK_NUMERIC_ISA_H
#define YK_NUMERIC_ISA_H

#include "base/error.h"

typedef enum yk_isa { YK_ISA_BASELINE, YK_ISA_AVX2, YK_ISA_AVX512, YK_ISA_COUNT } yk_isa;

/* The widest set that this machine has and that $YOKE_ISA (baseline, avx2, avx512; read once) and yk_isa_limit allow. */
yk_isa yk_isa_now(void);

/* The widest that this machine has, whatever $YOKE_ISA says. */
yk_isa yk_isa_machine(void);

/* For tests that compare the builds: use `widest` at most, from now on, in all threads. */
void yk_isa_limit(yk_isa widest);

/* "baseline", "avx2", "avx512". */
const char *yk_isa_name(yk_isa isa);

/* What is wrong with $YOKE_ISA, if anything: library calls ignore a word they do not know, the command refuses it. */
int yk_isa_check(yoke_error *err) YK_MUST_USE;

#define YK_ISA_PASTE2(name, suffix) name##_##suffix
#define YK_ISA_PASTE(name, suffix)  YK_ISA_PASTE2(name, suffix)
#define YK_ISA(name)                YK_ISA_PASTE(name, YK_ISA_SUFFIX)

#ifdef __x86_64__
#define YK_ISA_DECLARE(type, name, args) type name##_baseline args; type name##_avx2 args; type name##_avx512 args
#define YK_ISA_PICK(name) \
    ((__typeof__(name##_baseline) *const[]){name##_baseline, name##_avx2, name##_avx512}[yk_isa_now()])
#else
#define YK_ISA_DECLARE(type, name, args) type name##_baseline args
#define YK_ISA_PICK(name)                name##_baseline
#endif

#endif
