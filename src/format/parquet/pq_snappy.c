/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Snappy as its format description has it: the size, then elements. An element's tag says in its lowest two bits what it is: bytes
 * that follow (a literal), or a copy of bytes that came out before, whose distance takes 1, 2 or 4 bytes.
 *
 * Pages of codes alternate short literals and short copies, whose lengths nobody can foresee: so both are moved in pieces of a
 * fixed size, past their end where there is room, and no step waits for anything but the tags.
 */
#include "format/parquet/pq_snappy.h"

#include <string.h>

enum { LITERAL, COPY1, COPY2, COPY4 };
enum { SHORT = 60 }; /* the longest literal whose length is in its tag; copies are at most 64 */

typedef struct stream {
    const uint8_t *at, *end;
    uint8_t       *begin, *to, *to_end;
} stream;

typedef uint8_t piece __attribute__((vector_size(16), aligned(1), may_alias));

/* Moves 64 bytes, in pieces of 16 that may each overlap itself alone. */
static inline void move64(uint8_t *to, const uint8_t *from)
{
    for (int i = 0; i < 64; i += 16)
        *(piece *)(to + i) = *(const piece *)(from + i);
}

static inline uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* What came `distance` before: where that is less than the length it repeats itself. */
static inline void repeat(uint8_t *to, size_t distance, size_t n)
{
    const uint8_t *from = to - distance;
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

/* Elements as long as both ends are far: nothing but distances need be checked. Stops at what is not short. False: damaged. */
static bool read_short(stream *s)
{
    const uint8_t *at = s->at, *last = s->end - (1 + SHORT + 4); /* a literal and the four bytes of the copy after it */
    uint8_t       *to = s->to, *to_last = s->to_end - (SHORT + 64);
    while (at <= last && to <= to_last) {
        uint32_t tag = load32(at);
        if ((tag & 3) == LITERAL) {
            uint32_t n = (tag >> 2 & 63) + 1;
            if (n > SHORT)
                break;
            move64(to, at + 1);
            at += 1 + n;
            to += n;
            tag = load32(at);
            if ((tag & 3) == LITERAL)
                continue;
        }
        uint32_t kind = tag & 3, is_near = 0 - (kind & 1), field = tag >> 2 & 63; /* selected by masks: which it is cannot be foreseen */
        uint32_t length = (((field & 7) + 4) & is_near) | ((field + 1) & ~is_near);
        uint32_t distance = ((tag & 0xe0) << 3 & is_near) | (tag >> 8 & (0xffff ^ (0xff00 & is_near)));
        if (kind == COPY4)
            break;
        if (distance < 64 || distance > (size_t)(to - s->begin)) {
            if (distance - 1 >= (size_t)(to - s->begin))
                return false;
            repeat(to, distance, length);
        } else {
            move64(to, to - distance);
        }
        at += 1 + kind;
        to += length;
    }
    s->at = at;
    s->to = to;
    return true;
}

/* n bytes, little-endian, at s->at; false when there are not so many. */
static bool read_number(stream *s, unsigned n, uint32_t *ret)
{
    *ret = 0;
    if ((size_t)(s->end - s->at) < n)
        return false;
    for (unsigned i = 0; i < n; i++)
        *ret |= (uint32_t)*s->at++ << (8 * i);
    return true;
}

/* One element, whatever it is, everything checked. */
static bool read_element(stream *s)
{
    uint8_t  tag = *s->at++;
    size_t   length = (size_t)(tag >> 2) + 1, room = (size_t)(s->to_end - s->to);
    uint32_t number;
    if ((tag & 3) == LITERAL) {
        if (length > SHORT) {
            if (!read_number(s, (unsigned)(length - SHORT), &number))
                return false;
            length = (size_t)number + 1;
        }
        if (length > room || length > (size_t)(s->end - s->at))
            return false;
        memcpy(s->to, s->at, length);
        s->at += length;
    } else {
        if ((tag & 3) == COPY1)
            length = (size_t)(tag >> 2 & 7) + 4;
        if (!read_number(s, (tag & 3) == COPY4 ? 4 : tag & 3, &number))
            return false;
        size_t distance = (tag & 3) == COPY1 ? (uint32_t)(tag & 0xe0) << 3 | number : number;
        if (length > room || distance - 1 >= (size_t)(s->to - s->begin))
            return false;
        repeat(s->to, distance, length);
    }
    s->to += length;
    return true;
}

/* The size that stands before the elements; false when it is none. */
static bool read_size(stream *s, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; shift < 35 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        *ret |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return *ret <= UINT32_MAX;
    }
    return false;
}

bool yk_snappy_read(const uint8_t *from, size_t n, uint8_t *to, size_t to_n)
{
    stream   s = {from, from + n, to, to, to + to_n};
    uint64_t size;
    if (!read_size(&s, &size) || size != to_n)
        return false;
    while (s.at < s.end) {
        if (s.end - s.at > 1 + SHORT + 4 && s.to_end - s.to > SHORT + 64 && !read_short(&s))
            return false;
        if (s.at < s.end && !read_element(&s))
            return false;
    }
    return s.to == s.to_end;
}
