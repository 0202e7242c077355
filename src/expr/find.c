/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bytes in a text: many places at once are compared with the first and the last of them, and those where both are there in full
 * (W. Mula, "SIMD-friendly algorithms for substring searching", 2016). Built once per instruction set.
 */
#include "expr/like.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

static inline bool is_there(const char *text, const char *what, size_t n) { return n < 3 || memcmp(text + 1, what + 1, n - 2) == 0; }

#if defined(__AVX512BW__)

const char *YK_ISA(yk_k_find)(const char *text, size_t n, const char *what, size_t n_what)
{
    size_t  places = n < n_what ? 0 : n - n_what + 1;
    __m512i first = _mm512_set1_epi8(what[0]), last = _mm512_set1_epi8(what[n_what - 1]);
    for (size_t i = 0; i < places; i += 64) {
        uint64_t  some = places - i < 64 ? ((uint64_t)1 << (places - i)) - 1 : ~(uint64_t)0; /* nothing is read past them */
        uint64_t  hits = _mm512_mask_cmpeq_epi8_mask(some, _mm512_maskz_loadu_epi8(some, text + i), first);
        if (hits)
            hits = _mm512_mask_cmpeq_epi8_mask(hits, _mm512_maskz_loadu_epi8(some, text + i + n_what - 1), last);
        for (; hits; hits &= hits - 1) {
            const char *at = text + i + __builtin_ctzll(hits);
            if (is_there(at, what, n_what))
                return at;
        }
    }
    return NULL;
}

#else

const char *YK_ISA(yk_k_find)(const char *text, size_t n, const char *what, size_t n_what)
{
    size_t places = n < n_what ? 0 : n - n_what + 1, i = 0;
#ifdef __x86_64__
    __m128i first = _mm_set1_epi8(what[0]), last = _mm_set1_epi8(what[n_what - 1]);
    for (; i + 16 <= places; i += 16) {
        __m128i  a = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        __m128i  b = _mm_loadu_si128((const __m128i *)(const void *)(text + i + n_what - 1));
        unsigned hits = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));
        for (; hits; hits &= hits - 1) {
            const char *at = text + i + __builtin_ctz(hits);
            if (is_there(at, what, n_what))
                return at;
        }
    }
#endif
    for (; i < places; i++)
        if (text[i] == what[0] && text[i + n_what - 1] == what[n_what - 1] && is_there(text + i, what, n_what))
            return text + i;
    return NULL;
}

#endif
