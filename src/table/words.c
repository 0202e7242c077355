/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/words.h"

enum { HEAD = sizeof(uint64_t) + 1 };

static uint8_t width_of(uint64_t bits) { return bits >> 32 ? 8 : bits >> 16 ? 4 : bits >> 8 ? 2 : 1; }

/* Words to shorter ones, in place; these are no longer than four bytes. */
#define NARROW(type)                                                    \
    for (uint32_t i = 0; i < n; i++) {                                  \
        uint64_t word;                                                  \
        memcpy(&word, at + (size_t)i * 8, 8);                           \
        type less = (type)word;                                         \
        memcpy(at + i * sizeof less, &less, sizeof less);               \
    }

static void narrow(char *at, uint32_t n, uint8_t width)
{
    if (width == 1) {
        NARROW(uint8_t)
    } else if (width == 2) {
        NARROW(uint16_t)
    } else {
        NARROW(uint32_t)
    }
}

void yk_words_write(const char *words, size_t stride, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    uint64_t first = 0, differ = 0;
    char    *head = yk_buf_extend(to, HEAD + (size_t)n * 8);
    if (!head)
        return;
    char *at = head + HEAD;
    if (n)
        memcpy(&first, words + rows[0] * stride, 8);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t word;
        memcpy(&word, words + rows[i] * stride, 8);
        memcpy(at + (size_t)i * 8, &word, 8);
        differ |= word ^ first;
    }
    uint8_t  width = width_of(differ);
    uint64_t shared = width == 8 ? 0 : first >> width * 8 << width * 8;
    memcpy(head, &shared, sizeof shared);
    memcpy(head + sizeof shared, &width, 1);
    if (width == 8)
        return;
    narrow(at, n, width);
    to->len -= (size_t)n * (8 - width);
}

size_t yk_words_find(const char *at, const char *end, uint32_t n, yk_words *ret)
{
    if (end - at < HEAD)
        return 0;
    memcpy(&ret->shared, at, sizeof ret->shared);
    memcpy(&ret->width, at + sizeof ret->shared, 1);
    ret->at = at + HEAD;
    bool is_width = ret->width == 1 || ret->width == 2 || ret->width == 4 || ret->width == 8;
    return is_width && (size_t)(end - ret->at) >= (size_t)n * ret->width ? HEAD + (size_t)n * ret->width : 0;
}

#define WIDEN(type)                                                     \
    for (uint32_t i = 0; i < n; i++) {                                  \
        type less;                                                      \
        memcpy(&less, w->at + i * sizeof less, sizeof less);            \
        ret[i] = w->shared | less;                                       \
    }

void yk_words_read(yk_words *w, uint32_t n, uint64_t *ret)
{
    if (w->width == 1) {
        WIDEN(uint8_t)
    } else if (w->width == 2) {
        WIDEN(uint16_t)
    } else if (w->width == 4) {
        WIDEN(uint32_t)
    } else {
        memcpy(ret, w->at, (size_t)n * 8);
    }
    w->at += (size_t)n * w->width;
}
