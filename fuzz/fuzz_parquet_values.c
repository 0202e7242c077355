/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Each decoder of Parquet values, of runs and of the index structures by itself: the first byte picks it, the next three its
 * width, form and count.
 */
#include "base/alloc.h"
#include "format/parquet/pq_footer.h"
#include "format/parquet/pq_hybrid.h"
#include "format/parquet/pq_values.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { MOST = 5000 };

static uint64_t sum; /* of what comes out: bytes outside their memory show when they are read */

static void touch_texts(const yk_text *t, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < t[i].len; k++)
            sum += (uint8_t)t[i].data[k];
}

static void runs(const uint8_t *at, const uint8_t *end, unsigned width, size_t step)
{
    static uint32_t out[MOST + 16];
    static uint64_t bits[MOST / 64 + 2];
    yk_pq_hybrid    h;
    uint32_t        most;
    yk_pq_hybrid_init(&h, at, end, width % 33);
    for (int i = 0; i < 50 && yk_pq_hybrid_read(&h, step % MOST, out, &most) && yk_pq_hybrid_skip(&h, (step * 77) % 999); i++)
        sum += out[step % MOST / 2] + most;
    yk_pq_hybrid_init(&h, at, end, 1);
    for (int i = 0; i < 50 && yk_pq_hybrid_bits(&h, step % MOST, bits) >= 0 && yk_pq_hybrid_skip_bits(&h, (step * 77) % 999) >= 0; i++)
        sum += bits[0];
}

static void deltas(const uint8_t *at, const uint8_t *end, unsigned width)
{
    int64_t           count = yk_pq_delta_count(at, end);
    YK_AUTOFREE char *to = count >= 0 && count <= 1 << 20 ? yk_malloc((size_t)count * 8 + 1) : NULL;
    if (to && yk_pq_delta_read(at, end, width & 1 ? 8 : 4, (size_t)count, to))
        for (int64_t i = 0; i < count; i++)
            sum += (uint8_t)to[i * (width & 1 ? 8 : 4)];
}

static void texts(const uint8_t *at, const uint8_t *end, int which, uint64_t most)
{
    YK_AUTOFREE yk_text *t = NULL;
    YK_AUTOFREE char    *heap = NULL;
    int64_t              n = which == 0 ? yk_pq_delta_lengths(at, end, most, &t) : which == 1 ? yk_pq_delta_texts(at, end, most, &t, &heap)
        : -1;
    if (which == 2 && (t = yk_new_array(yk_text, MOST)))
        n = yk_pq_plain_texts(at, end, most % MOST, t);
    touch_texts(t, n);
}

static void values(const uint8_t *at, size_t n, unsigned form, unsigned width)
{
    static const uint32_t of[] = {0, 1, 4, 4, 8, 4, 2, 12, 4, 8};
    static uint8_t        joined[1 << 17];
    static _Alignas(16) char out[(1 << 16) * 16];
    width = form < 10 ? of[form] : width % 40 + 1;
    if (width == 0 || form > YK_PQ_F_FLBA)
        return;
    size_t count = n / width;
    count = count < MOST / 2 ? count : MOST / 2;
    yk_pq_join_streams(at, n / width, width, 0, count, joined);
    sum += yk_pq_convert((yk_pq_form)form, width, joined, count, out);
    if (form == YK_PQ_F_FLBA)
        touch_texts((const yk_text *)(const void *)out, (int64_t)count);
}

static void structures(const uint8_t *at, size_t n, unsigned pages)
{
    YK_AUTOFREE yk_pq_location *l = NULL;
    YK_AUTOFREE yk_pq_bounds   *b = yk_new_array(yk_pq_bounds, pages + 1);
    yk_pq_header                h;
    uint32_t                    n_pages;
    sum += (uint64_t)yk_pq_header_read(at, n, &h);
    sum += yk_pq_offset_index_read(at, n, &l, &n_pages);
    if (b && yk_pq_column_index_read(at, n, pages, b))
        for (unsigned i = 0; i < pages; i++)
            touch_texts(&b[i].min, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 4)
        return 0;
    size_t               len = n - 4;
    YK_AUTOFREE uint8_t *copy = yk_calloc(1, len + YK_PQ_PAD);
    if (!copy)
        return 0;
    memcpy(copy, bytes + 4, len);
    switch (bytes[0] % 7) {
    case 0: runs(copy, copy + len, bytes[1], bytes[2] * 20u + bytes[3] + 1); break;
    case 1: deltas(copy, copy + len, bytes[1]); break;
    case 2:
    case 3:
    case 4: texts(copy, copy + len, bytes[0] % 7 - 2, bytes[2] * 256u + bytes[3]); break;
    case 5: values(copy, len, bytes[1] % 12, bytes[2]); break;
    default: structures(copy, len, bytes[1]);
    }
    return 0;
}
