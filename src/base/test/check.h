/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How a unit test is written: cmocka's assertions, TEST(name) { … }, and RUN_TESTS(name, …) at the end of the file.
 * Each file is a program of its own; the build gives it a time limit.
 */
#ifndef YK_BASE_TEST_CHECK_H
#define YK_BASE_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST(name)                                                        \
    static void name##_body(void);                                        \
    static void name##_run(void **state) { (void)state; name##_body(); }  \
    static const struct CMUnitTest name = {#name, name##_run, NULL, NULL, NULL}; \
    static void name##_body(void)

#define RUN_TESTS(...)                                                    \
    int main(void)                                                        \
    {                                                                     \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                  \
        return cmocka_run_group_tests(tests, NULL, NULL);                 \
    }

/* The same 64 random bits after one another in every run (Marsaglia's xorshift64). */
static inline uint64_t random_bits(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

#endif
