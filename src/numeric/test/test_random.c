/* SPDX-License-Identifier: BSD-3-Clause */
#include <yoke/random.h>

#include "base/test/check.h"
#include "numeric/isa.h"

#include <string.h>

/* Random123's known answers for philox4x32 with 10 rounds. */
TEST(philox_gives_the_known_answers)
{
    static const struct { uint32_t counter[4], key[2], want[4]; } row[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
    for (int isa = 0; isa < YK_ISA_COUNT; isa++) {
        yk_isa_limit((yk_isa)isa);
        for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
            const uint32_t *c = row[i].counter, *k = row[i].key;
            uint32_t        got[4];
            yoke_random_philox(c, k, got);
            assert_memory_equal(got, row[i].want, sizeof got);
            yoke_random r = yoke_random_stream(k[0] | (uint64_t)k[1] << 32, c[2] | (uint64_t)c[3] << 32);
            uint64_t    block = c[0] | (uint64_t)c[1] << 32;
            if (block > UINT64_MAX / 4)
                continue; /* not a position of a stream */
            r.position = 4 * block;
            yoke_random_words(&r, got, 4);
            assert_memory_equal(got, row[i].want, sizeof got);
        }
    }
}

enum { MANY = 1000 };

/* Word i and uniform i by their definition, one at a time. */
static uint32_t word_at(uint64_t seed, uint64_t stream, uint64_t i)
{
    uint64_t b = i / 4;
    uint32_t c[4] = {(uint32_t)b, (uint32_t)(b >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)}, out[4];
    yoke_random_philox(c, (uint32_t[]){(uint32_t)seed, (uint32_t)(seed >> 32)}, out);
    return out[i % 4];
}

TEST(every_build_gives_the_definition_wherever_it_starts)
{
    static const uint64_t starts[] = {0, 1, 2, 3, 5, 4 * 0xfffffff0ull, 4 * 0xffffffffull - 2, UINT64_MAX - 4 * MANY - 9};
    static double         x[MANY];
    static uint32_t       w[MANY];
    uint64_t              seed = 0x0123456789abcdef, stream = 0xfedcba9876543210;
    for (int isa = 0; isa < YK_ISA_COUNT; isa++) {
        yk_isa_limit((yk_isa)isa);
        for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
            for (size_t n = 0; n < MANY; n = n < 40 ? n + 1 : n * 3) {
                yoke_random r = yoke_random_stream(seed, stream);
                r.position = starts[s];
                yoke_random_words(&r, w, n);
                assert_true(r.position == starts[s] + n);
                for (size_t i = 0; i < n; i++)
                    assert_true(w[i] == word_at(seed, stream, starts[s] + i));
                r.position = starts[s];
                yoke_random_uniforms(&r, x, n);
                uint64_t at = starts[s] + starts[s] % 2;
                assert_true(r.position == at + 2 * n);
                for (size_t i = 0; i < n; i++, at += 2) {
                    uint64_t bits = (uint64_t)word_at(seed, stream, at) << 32 | word_at(seed, stream, at + 1);
                    assert_true(x[i] == (double)(bits >> 11) / 9007199254740992.0);
                }
            }
    }
}

TEST(uniforms_look_uniform)
{
    enum { N = 1 << 20 };
    static double x[N];
    yoke_random   r = yoke_random_stream(42, 0);
    yoke_random_uniforms(&r, x, N);
    double sum = 0, squares = 0, neighbours = 0;
    for (int i = 0; i < N; i++) {
        assert_true(x[i] >= 0 && x[i] < 1);
        sum += x[i];
        squares += x[i] * x[i];
        neighbours += (x[i] - 0.5) * (x[(i + 1) % N] - 0.5);
    }
    assert_float_equal(sum / N, 0.5, 5 * 0.2887 / 1024);
    assert_float_equal(squares / N, 1 / 3.0, 5 * 0.2981 / 1024);
    assert_float_equal(neighbours / N, 0, 5 * 0.0834 / 1024);
}

/* numpy.random.RandomState(seed).random_sample(3), and the thousandth. */
TEST(mt19937_draws_as_numpy)
{
    static const struct { uint32_t seed; double first[3], thousandth; } row[] = {
        {0u, {0.5488135039273248, 0.7151893663724195, 0.6027633760716439}, 0.6771411441114241},
        {1u, {0.417022004702574, 0.7203244934421581, 0.00011437481734488664}, 0.7744772660150796},
        {12345u, {0.9296160928171479, 0.3163755545817859, 0.18391881167709445}, 0.30860519994571},
        {4294967295u, {0.0976320289940138, 0.9123828453026218, 0.78903530185164}, 0.556626859384112}};
    static double x[1000];
    yoke_mt19937  m;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yoke_mt19937_seed(&m, row[i].seed);
        yoke_mt19937_uniforms(&m, x, 1);
        yoke_mt19937_uniforms(&m, x + 1, 999);
        assert_memory_equal(x, row[i].first, sizeof row[i].first);
        assert_true(x[999] == row[i].thousandth);
    }
}

RUN_TESTS(philox_gives_the_known_answers, every_build_gives_the_definition_wherever_it_starts, uniforms_look_uniform,
          mt19937_draws_as_numpy)
