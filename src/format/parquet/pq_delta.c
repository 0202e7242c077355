/* SPDX-License-Identifier: BSD-3-Clause
 *
 * DELTA_BINARY_PACKED and what is built on it. A sequence is a header (values a block, miniblocks a block, values in all, the
 * first value) and blocks; a block is the least difference, a byte of width for each miniblock, and the differences
 * above the least, packed. Sums wrap around, as the format says.
 */
#include "format/parquet/pq_values.h"

typedef struct header {
    uint64_t per_block, n_minis, n, first;
    uint64_t per_mini;
} header;

static bool varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t b = *(*at)++;
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            *ret = v;
            return true;
        }
    }
    return false;
}

static bool zigzag(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    uint64_t v;
    if (!varint(at, end, &v))
        return false;
    *ret = v >> 1 ^ (0 - (v & 1));
    return true;
}

static bool read_header(const uint8_t **at, const uint8_t *end, header *h)
{
    if (!varint(at, end, &h->per_block) || !varint(at, end, &h->n_minis) || !varint(at, end, &h->n) || !zigzag(at, end, &h->first))
        return false;
    if (h->n_minis == 0 || h->n_minis > 512 || h->per_block == 0 || h->per_block > 1 << 20 || h->per_block % h->n_minis)
        return false;
    h->per_mini = h->per_block / h->n_minis;
    return h->per_mini % 8 == 0 && h->n <= INT32_MAX;
}

int64_t yk_pq_delta_count(const uint8_t *at, const uint8_t *end)
{
    header h;
    return read_header(&at, end, &h) ? (int64_t)h.n : -1;
}

/* to[i] = *last += least + the i-th packed number, wrapping. */
static void add_up(const uint8_t *at, unsigned width, uint64_t least, size_t n, uint64_t *last, uint64_t *to)
{
    uint64_t v = *last;
    if (width == 0) {
        for (size_t i = 0; i < n; i++)
            to[i] = v + least * (i + 1);
        *last = v + least * n;
        return;
    }
    if (width <= 32) {
        uint32_t above[64];
        for (size_t i = 0; i < n; i += 64, at += 8 * width) {
            size_t m = n - i < 64 ? n - i : 64;
            YK_ISA_PICK(yk_pq_unpack)(at, width, m, above);
            for (size_t j = 0; j < m; j++)
                to[i + j] = v += least + above[j];
        }
        *last = v;
        return;
    }
    uint64_t mask = width == 64 ? UINT64_MAX : (1ull << width) - 1;
    for (size_t i = 0; i < n; i++) {
        size_t   bit = i * width, byte = bit >> 3, shift = bit & 7;
        uint64_t low;
        memcpy(&low, at + byte, sizeof low);
        low = shift ? low >> shift | (uint64_t)at[byte + 8] << (64 - shift) : low;
        to[i] = v += least + (low & mask);
    }
    *last = v;
}

static void store(const uint64_t *v, size_t n, uint32_t width, void *to, size_t at)
{
    if (width == 8)
        memcpy((uint64_t *)to + at, v, n * 8);
    else
        for (size_t i = 0; i < n; i++)
            ((uint32_t *)to)[at + i] = (uint32_t)v[i];
}

/* One miniblock's values of those still wanted, in steps that fit a small buffer. */
static void read_mini(const uint8_t *at, unsigned bits, uint64_t least, size_t n, uint64_t *last, uint32_t width,
                      void *to, size_t done)
{
    enum { STEP = 256 };
    uint64_t v[STEP];
    for (size_t i = 0; i < n; i += STEP, at += STEP / 8 * bits) {
        size_t m = n - i < STEP ? n - i : STEP;
        add_up(at, bits, least, m, last, v);
        store(v, m, width, to, done + i);
    }
}

const uint8_t *yk_pq_delta_read(const uint8_t *at, const uint8_t *end, uint32_t width, size_t n, void *to)
{
    header h;
    if (!read_header(&at, end, &h) || h.n != n)
        return NULL;
    if (n == 0)
        return at;
    uint64_t last = h.first, least;
    store(&last, 1, width, to, 0);
    for (size_t done = 1; done < n;) {
        if (!zigzag(&at, end, &least) || (uint64_t)(end - at) < h.n_minis)
            return NULL;
        const uint8_t *widths = at;
        at += h.n_minis;
        for (uint64_t m = 0; m < h.n_minis && done < n; m++) {
            unsigned bits = widths[m];
            size_t   take = n - done < h.per_mini ? n - done : h.per_mini;
            size_t   bytes = h.per_mini / 8 * bits, needed = (take * bits + 7) / 8;
            if (bits > 64 || (size_t)(end - at) < needed) /* the last one's unused end may be left out */
                return NULL;
            read_mini(at, bits, least, take, &last, width, to, done);
            at += bytes < (size_t)(end - at) ? bytes : (size_t)(end - at);
            done += take;
        }
    }
    return at;
}

/* A sequence of lengths or such: its values, or NULL; *ret_n how many, or why not. */
static int32_t *read_numbers(const uint8_t **at, const uint8_t *end, uint64_t most, int64_t *ret_n)
{
    int64_t n = yk_pq_delta_count(*at, end);
    *ret_n = n > YK_PQ_MOST_VALUES ? -3 : n > (int64_t)most ? -1 : n;
    if (*ret_n < 0)
        return NULL;
    int32_t *v = yk_new_array(int32_t, n ? (size_t)n : 1);
    *ret_n = v ? n : -2;
    const uint8_t *after = v ? yk_pq_delta_read(*at, end, 4, (size_t)n, v) : NULL;
    if (v && !after) {
        *ret_n = -1;
        yk_free(v);
        return NULL;
    }
    *at = after;
    return v;
}

int64_t yk_pq_delta_lengths(const uint8_t *at, const uint8_t *end, uint64_t most, yk_text **ret_texts)
{
    int64_t              n;
    YK_AUTOFREE int32_t *len = read_numbers(&at, end, most, &n);
    if (!len)
        return n;
    YK_AUTOFREE yk_text *texts = yk_new_array(yk_text, n ? (size_t)n : 1);
    if (!texts)
        return -2;
    for (int64_t i = 0; i < n; i++) {
        if (len[i] < 0 || len[i] > end - at)
            return -1;
        texts[i] = (yk_text){(const char *)at, (uint64_t)len[i]};
        at += len[i];
    }
    *ret_texts = YK_TAKE(texts);
    return n;
}

/* Puts each text together from the start of the one before and its own end. */
static int64_t join(const int32_t *prefix, yk_text *texts, int64_t n, char **ret_heap)
{
    uint64_t total = 0, before = 0;
    for (int64_t i = 0; i < n; i++) {
        if (prefix[i] < 0 || (uint64_t)prefix[i] > before)
            return -1;
        before = (uint64_t)prefix[i] + texts[i].len;
        total += before;
        if (total > YK_PQ_MOST_HEAP)
            return -3;
    }
    char *heap = yk_malloc(total ? total : 1), *at = heap;
    if (!heap)
        return -2;
    for (int64_t i = 0; i < n; i++) {
        size_t keep = (size_t)prefix[i];
        if (keep)
            memcpy(at, texts[i - 1].data, keep);
        memcpy(at + keep, texts[i].data, texts[i].len);
        texts[i] = (yk_text){at, keep + texts[i].len};
        at += texts[i].len;
    }
    *ret_heap = heap;
    return n;
}

int64_t yk_pq_delta_texts(const uint8_t *at, const uint8_t *end, uint64_t most, yk_text **ret_texts,
                          char **ret_heap)
{
    int64_t              n, n_suffixes;
    YK_AUTOFREE int32_t *prefix = read_numbers(&at, end, most, &n);
    YK_AUTOFREE yk_text *texts = NULL;
    if (!prefix)
        return n;
    n_suffixes = yk_pq_delta_lengths(at, end, most, &texts);
    if (n_suffixes < 0 || n_suffixes != n)
        return n_suffixes < 0 ? n_suffixes : -1;
    n = join(prefix, texts, n, ret_heap);
    if (n >= 0)
        *ret_texts = YK_TAKE(texts);
    return n;
}
