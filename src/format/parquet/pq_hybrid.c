/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_hybrid.h"

#include <string.h>

void yk_pq_hybrid_init(yk_pq_hybrid *h, const uint8_t *at, const uint8_t *end, unsigned width)
{
    *h = (yk_pq_hybrid){.at = at, .end = end, .width = (uint8_t)width};
}

static bool load_packed(yk_pq_hybrid *h, uint64_t groups)
{
    uint64_t there = (uint64_t)(h->end - h->at), bytes;
    if (h->width == 0) { /* numbers of no bits take no bytes */
        h->packed = NULL, h->value = 0, h->left = groups * 8;
        return true;
    }
    if (__builtin_mul_overflow(groups, (uint64_t)h->width, &bytes))
        return false;
    h->left = groups * 8;
    if (bytes > there) { /* some writers leave out the last group's unused bytes */
        bytes = there;
        h->left = there * 8 / h->width;
    }
    h->packed = h->at;
    h->done = 0;
    h->at += bytes;
    return true;
}

bool yk_pq_hybrid_load(yk_pq_hybrid *h)
{
    while (h->left == 0) {
        uint64_t header = 0;
        unsigned shift = 0;
        do {
            if (h->at >= h->end || shift > 56)
                return false;
            header |= (uint64_t)(*h->at & 127) << shift;
            shift += 7;
        } while (*h->at++ & 128);
        if (header & 1) {
            if (!load_packed(h, header >> 1))
                return false;
            continue;
        }
        size_t bytes = (h->width + 7u) / 8;
        if ((size_t)(h->end - h->at) < bytes)
            return false;
        h->packed = NULL;
        h->value = 0;
        h->left = header >> 1;
        memcpy(&h->value, h->at, bytes);
        h->at += bytes;
    }
    return true;
}

/* n numbers of the current packed run, from `done` on: singly up to a byte's border, from there in bulk. */
static uint32_t read_packed(yk_pq_hybrid *h, size_t n, uint32_t *out)
{
    uint64_t mask = (1ull << h->width) - 1, i = h->done;
    uint32_t most = 0;
    for (; n > 0 && (i & 7) != 0; i++, n--) {
        uint64_t bit = i * h->width, window;
        memcpy(&window, h->packed + (bit >> 3), sizeof window);
        *out = (uint32_t)(window >> (bit & 7) & mask);
        most = *out > most ? *out : most;
        out++;
    }
    if (n > 0) {
        uint32_t rest = YK_ISA_PICK(yk_pq_unpack)(h->packed + i / 8 * h->width, h->width, n, out);
        most = rest > most ? rest : most;
    }
    return most;
}

bool yk_pq_hybrid_read(yk_pq_hybrid *h, size_t n, uint32_t *out, uint32_t *ret_max)
{
    uint32_t most = 0;
    while (n > 0) {
        if (!yk_pq_hybrid_load(h))
            return false;
        size_t take = h->left < n ? (size_t)h->left : n;
        if (h->packed) {
            uint32_t m = read_packed(h, take, out);
            most = m > most ? m : most;
            h->done += take;
        } else {
            for (size_t i = 0; i < take; i++)
                out[i] = h->value;
            most = h->value > most ? h->value : most;
        }
        h->left -= take, out += take, n -= take;
    }
    *ret_max = most;
    return true;
}

bool yk_pq_hybrid_skip(yk_pq_hybrid *h, uint64_t n)
{
    while (n > 0) {
        if (!yk_pq_hybrid_load(h))
            return false;
        uint64_t take = h->left < n ? h->left : n;
        h->left -= take, h->done += take, n -= take;
    }
    return true;
}

/* 64 bits from bit i of the packed ones on. */
static uint64_t bits_at(const uint8_t *packed, uint64_t i)
{
    uint64_t low;
    memcpy(&low, packed + (i >> 3), sizeof low);
    unsigned shift = i & 7;
    return shift ? low >> shift | (uint64_t)packed[(i >> 3) + 8] << (64 - shift) : low;
}

/* Puts the low n bits of v at bit `at`; the words from there on are still zero. */
static void put_bits(uint64_t *bits, size_t at, uint64_t v, size_t n)
{
    if (n < 64)
        v &= (1ull << n) - 1;
    bits[at >> 6] |= v << (at & 63);
    if ((at & 63) + n > 64)
        bits[(at >> 6) + 1] |= v >> (64 - (at & 63));
}

int64_t yk_pq_hybrid_bits(yk_pq_hybrid *h, size_t n, uint64_t *bits)
{
    int64_t count = 0;
    memset(bits, 0, (n + 63) / 64 * sizeof *bits);
    for (size_t at = 0; at < n;) {
        if (!yk_pq_hybrid_load(h))
            return -1;
        size_t take = h->left < n - at ? (size_t)h->left : n - at;
        if (h->packed || h->value)
            for (size_t i = 0; i < take; i += 64)
                put_bits(bits, at + i, h->packed ? bits_at(h->packed, h->done + i) : UINT64_MAX, take - i < 64 ? take - i : 64);
        h->left -= take, h->done += take, at += take;
    }
    for (size_t i = 0; i < (n + 63) / 64; i++)
        count += __builtin_popcountll(bits[i]);
    return count;
}

int64_t yk_pq_hybrid_skip_bits(yk_pq_hybrid *h, uint64_t n)
{
    int64_t count = 0;
    while (n > 0) {
        if (!yk_pq_hybrid_load(h))
            return -1;
        uint64_t take = h->left < n ? h->left : n;
        if (!h->packed)
            count += h->value ? (int64_t)take : 0;
        else
            for (uint64_t i = 0; i < take; i += 64) {
                uint64_t v = bits_at(h->packed, h->done + i);
                count += __builtin_popcountll(take - i < 64 ? v & ((1ull << (take - i)) - 1) : v);
            }
        h->left -= take, h->done += take, n -= take;
    }
    return count;
}
