/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Snappy as its format description has it: the size, then elements. An element's tag says in its lowest two bits what it is: bytes
 * that follow (a literal), or a copy of bytes that came out before, whose distance takes 1, 2 or 4 bytes.
 *
 * Pages of codes alternate short literals and short copies, whose lengths nobody can foresee, and of plain values nobody can foresee either
 * whether a literal comes at all: so both are moved in pieces of a fixed size, past their end where there is room, a literal of no length
 * where there is none, and no step waits for anything but the tags. Where a tag is, only the one before tells: while one stream waits
 * for that, a processor could do much. So two streams are read in turns, as many steps as surely fit at once.
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
typedef uint16_t two __attribute__((aligned(1), may_alias));
typedef uint64_t half __attribute__((aligned(1), may_alias)); /* of it; values of eight bytes repeat at this distance */

/* Moves n <= 64 bytes and some behind them, piece by piece: what is moved may be `from` of a later piece. More than 32 are rare enough to
 * be foreseen. */
static inline void move(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < 32; i += sizeof(piece))
        *(piece *)(to + i) = *(const piece *)(from + i);
    if (n > 32)
        for (size_t i = 32; i < 64; i += sizeof(piece))
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

/* The 1, 2, 4 or 8 bytes before `to`, as often as eight bytes hold them: one value again and again. */
static inline uint64_t value_before(const uint8_t *to, size_t n)
{
    switch (n) {
    case 1: return to[-1] * UINT64_C(0x0101010101010101);
    case 2: return *(const two *)(to - 2) * UINT64_C(0x0001000100010001);
    case 4: return load32(to - 4) * UINT64_C(0x0000000100000001);
    default: return *(const half *)(to - 8);
    }
}

/* What a copy's tag says: its length, which of the two bytes after it belong to the distance, and what the tag itself adds. Copies of
 * far distances and literals are not here: no length is theirs. */
typedef struct copy {
    uint16_t high, mask;
    uint32_t length;
} copy;
enum { NO_COPY = 255 };
#define COPIES_OF(field) {.length = NO_COPY}, {((field) >> 3) << 8, 0xff, ((field) & 7) + 4}, {0, 0xffff, (field) + 1}, {.length = NO_COPY}
#define COPIES_OF_4(n) COPIES_OF(n), COPIES_OF((n) + 1), COPIES_OF((n) + 2), COPIES_OF((n) + 3)
#define COPIES_OF_16(n) COPIES_OF_4(n), COPIES_OF_4((n) + 4), COPIES_OF_4((n) + 8), COPIES_OF_4((n) + 12)
static const copy copies[256] = {COPIES_OF_16(0), COPIES_OF_16(16), COPIES_OF_16(32), COPIES_OF_16(48)};

typedef enum step { WENT, STOPPED, DAMAGED } step;

/* A literal, a copy or first the one and then the other, far from the streams' ends (sure_steps): nothing but distances need be checked.
 * Stops at what is not short. */
static inline __attribute__((always_inline)) step read_short(stream *s)
{
    uint32_t tag = load32(s->at), n = (tag >> 2 & 63) + 1, is_literal = -(uint32_t)((tag & 3) == LITERAL); /* all bits or none */
    if ((n & is_literal) > SHORT)
        return STOPPED;
    move(s->to, s->at + 1, SHORT); /* all at once, and for nothing where a copy comes: neither can be foreseen */
    s->at += (1 + n) & is_literal;
    s->to += n & is_literal;
    tag = load32(s->at);
    if ((tag & 3) == LITERAL)
        return WENT;
    const copy *c = &copies[tag & 255];
    uint32_t    length = c->length, distance = c->high | (tag >> 8 & c->mask);
    size_t      before = (size_t)(s->to - s->begin);
    if (distance >= sizeof(piece) && distance <= before) { /* far back, as most */
        move(s->to, s->to - distance, length);
    } else if (length == NO_COPY) {
        return STOPPED;
    } else if (distance - 1 >= before) {
        return DAMAGED;
    } else if (distance <= sizeof(half) && (distance & (distance - 1)) == 0) {
        const uint64_t value = value_before(s->to, distance);
        for (size_t i = 0; i < 64; i += sizeof(half))
            *(half *)(s->to + i) = value;
    } else if (distance >= sizeof(half)) {
        for (size_t i = 0; i < 64; i += sizeof(half))
            *(half *)(s->to + i) = *(const half *)(s->to + i - distance);
    } else {
        repeat(s->to, distance, length);
    }
    s->at += 1 + (tag & 3); /* COPY1 has one byte more, COPY2 two */
    s->to += length;
    return WENT;
}

/* How many such steps there is surely room for. Each takes at most a short literal with its tag and three bytes of a copy, and looks two
 * bytes further; it gives a short literal and 64 bytes of a copy, what is moved past it among them. */
static inline ptrdiff_t sure_steps(const stream *s)
{
    ptrdiff_t in = (s->end - s->at - 2) / (1 + SHORT + 3), out = (s->to_end - s->to - 1) / (SHORT + 64);
    return in < out ? in : out;
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

/* False: not even its size is right. */
static bool begin(stream *s, const yk_snappy_block *b)
{
    uint64_t size;
    *s = (stream){b->from, b->from + b->n, b->to, b->to, b->to + b->to_n};
    return read_size(s, &size) && size == b->to_n;
}

/* The element at which short ones stopped. */
static bool read_stopped(stream *s, step why) { return why != DAMAGED && read_element(s); }

static bool read_rest(stream *s)
{
    while (s->at < s->end) {
        stream here = *s;
        step   went = WENT;
        for (ptrdiff_t n; went == WENT && (n = sure_steps(&here)) > 0;)
            for (; n > 0 && (went = read_short(&here)) == WENT; n--)
                ;
        *s = here;
        if (s->at < s->end && !read_stopped(s, went))
            return false;
    }
    return s->to == s->to_end;
}

bool yk_snappy_read(const yk_snappy_block *block)
{
    stream s;
    return begin(&s, block) && read_rest(&s);
}

/* Both in turns, until one is at its end or damaged. */
static void read_in_turns(stream *ret_a, stream *ret_b)
{
    stream a = *ret_a, b = *ret_b; /* in registers */
    bool   is_good = true;
    for (ptrdiff_t n, m; is_good && (n = sure_steps(&a)) > 0 && (m = sure_steps(&b)) > 0;) {
        step went_a = WENT, went_b = WENT;
        for (n = n < m ? n : m; n > 0; n--)
            if ((went_a = read_short(&a)) != WENT || (went_b = read_short(&b)) != WENT)
                break;
        *ret_a = a, *ret_b = b;
        if (went_a != WENT)
            is_good = read_stopped(ret_a, went_a);
        if (went_b != WENT)
            is_good = read_stopped(ret_b, went_b);
        a = *ret_a, b = *ret_b;
    }
}

void yk_snappy_read_two(const yk_snappy_block blocks[2], bool ret_good[2])
{
    stream a, b;
    ret_good[0] = begin(&a, &blocks[0]);
    ret_good[1] = begin(&b, &blocks[1]);
    if (ret_good[0] && ret_good[1])
        read_in_turns(&a, &b);
    ret_good[0] = ret_good[0] && read_rest(&a);
    ret_good[1] = ret_good[1] && read_rest(&b);
}
