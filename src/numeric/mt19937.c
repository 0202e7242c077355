/* SPDX-License-Identifier: BSD-3-Clause
 *
 * MT19937 as M. Matsumoto and T. Nishimura define it (ACM TOMACS 8, 1998; seeding of 2002), 53-bit numbers as NumPy's
 * RandomState makes them: 27 and 26 upper bits of two draws.
 */
#include <yoke/random.h>

enum { N = 624, M = 397 };

void yoke_mt19937_seed(yoke_mt19937 *m, uint32_t seed)
{
    m->key[0] = seed;
    for (uint32_t i = 1; i < N; i++)
        m->key[i] = 1812433253u * (m->key[i - 1] ^ (m->key[i - 1] >> 30)) + i;
    m->at = N;
}

static uint32_t twist(uint32_t a, uint32_t b, uint32_t far)
{
    uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return far ^ (y >> 1) ^ (0x9908b0dfu & (0u - (b & 1u)));
}

static void refill(yoke_mt19937 *m)
{
    uint32_t *k = m->key;
    int       i = 0;
    for (; i < N - M; i++)
        k[i] = twist(k[i], k[i + 1], k[i + M]);
    for (; i < N - 1; i++)
        k[i] = twist(k[i], k[i + 1], k[i + M - N]);
    k[N - 1] = twist(k[N - 1], k[0], k[M - 1]);
    m->at = 0;
}

static uint32_t draw(yoke_mt19937 *m)
{
    if (m->at >= N)
        refill(m);
    uint32_t y = m->key[m->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

void yoke_mt19937_uniforms(yoke_mt19937 *m, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t a = draw(m) >> 5, b = draw(m) >> 6;
        out[i] = (a * 67108864.0 + b) / 9007199254740992.0;
    }
}
