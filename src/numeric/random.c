/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Streams over Philox: whole blocks go to the vector kernel, what sticks out at either end is made block by block.
 */
#include <yoke/random.h>

#include "numeric/philox.h"

static void block_at(const yoke_random *r, uint64_t block, uint32_t out[4])
{
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)r->stream, (uint32_t)(r->stream >> 32)};
    uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
    yk_philox_block(counter, key, out);
}

/* How many of `n` blocks from `first` on share the upper half of their number: what a kernel takes at once. */
static size_t run_length(uint64_t first, size_t n)
{
    uint64_t to_end = ((uint64_t)1 << 32) - (first & 0xffffffff);
    return n < to_end ? n : (size_t)to_end;
}

static double uniform_at(const yoke_random *r)
{
    uint32_t w[4];
    block_at(r, r->position / 4, w);
    return r->position % 4 ? yk_philox_uniform(w[2], w[3]) : yk_philox_uniform(w[0], w[1]);
}

void yoke_random_uniforms(yoke_random *r, double *out, size_t n)
{
    r->position += r->position % 2;
    if (n > 0 && r->position % 4) {
        *out++ = uniform_at(r);
        r->position += 2;
        n--;
    }
    for (size_t blocks = n / 2; blocks > 0;) {
        size_t run = run_length(r->position / 4, blocks);
        YK_ISA_PICK(yk_philox_uniforms)(r->seed, r->stream, r->position / 4, out, run);
        r->position += 4 * (uint64_t)run;
        out += 2 * run;
        blocks -= run;
    }
    if (n % 2) {
        *out = uniform_at(r);
        r->position += 2;
    }
}

static void words_in_block(yoke_random *r, uint32_t **out, size_t *n, size_t most)
{
    uint32_t w[4];
    block_at(r, r->position / 4, w);
    for (size_t k = 0; k < most && *n > 0; k++, (*n)--)
        *(*out)++ = w[r->position++ % 4];
}

void yoke_random_words(yoke_random *r, uint32_t *out, size_t n)
{
    if (r->position % 4)
        words_in_block(r, &out, &n, 4 - r->position % 4);
    for (size_t blocks = n / 4; blocks > 0;) {
        size_t run = run_length(r->position / 4, blocks);
        YK_ISA_PICK(yk_philox_words)(r->seed, r->stream, r->position / 4, out, run);
        r->position += 4 * (uint64_t)run;
        out += 4 * run;
        blocks -= run;
    }
    n %= 4;
    if (n > 0)
        words_in_block(r, &out, &n, n);
}

void yoke_random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    yk_philox_block(counter, key, out);
}
