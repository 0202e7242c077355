/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/codebook.h"

static void column_fini(yk_batch_column *c)
{
    yk_buf_fini(&c->values);
    yk_buf_fini(&c->bytes);
    yk_buf_fini(&c->valid);
}

void yk_codebook_fini(yk_codebook *b)
{
    column_fini(&b->all);
    column_fini(&b->last);
    yk_pq_intern_fini(&b->seen);
    yk_free(b->rows);
    yk_free(b->codes);
    *b = (yk_codebook){0};
}

static bool same_bytes(const yk_buf *a, const yk_buf *b) { return a->len == b->len && memcmp(yk_buf_text(a), yk_buf_text(b), a->len) == 0; }

static void copy(yk_buf *to, const yk_buf *from)
{
    yk_buf_clear(to);
    yk_buf_append(to, yk_buf_text(from), from->len);
}

/* Values of eight bytes by their bits: -0.0 and 0.0 are two of them. */
static int find_value(yk_codebook *b, const yk_batch *from, const yk_value *v, uint32_t row, uint32_t *ret, yoke_error *err)
{
    if (b->seen.width == 0)
        return yk_pq_intern_find(&b->seen, v->t, ret, err);
    uint64_t word;
    memcpy(&word, from->columns->values.data + (size_t)row * sizeof word, sizeof word);
    return yk_pq_intern_words(&b->seen, &word, 1, ret, err);
}

/* The row in `all` of one row of a dictionary; a new one where it is the first of its value. */
static int find_row(yk_codebook *b, const yk_batch *from, uint32_t row, uint16_t *ret, yoke_error *err)
{
    yk_value v;
    uint32_t next = (uint32_t)b->all.valid.len, number = 0, before = b->seen.n;
    yk_batch_get(from, 0, row, &v);
    if (!v.is_missing)
        YK_TRY(find_value(b, from, &v, row, &number, err));
    bool is_new = v.is_missing ? b->missing == 0 : b->seen.n > before;
    if (next > UINT16_MAX && is_new) {
        b->is_full = true;
        return 0;
    }
    if (is_new)
        YK_TRY(yk_batch_put(&b->all, &v, err));
    if (is_new && v.is_missing)
        b->missing = (int32_t)next + 1;
    if (is_new && !v.is_missing) {
        if (!yk_grow(&b->rows, &b->cap_rows, (size_t)number + 1, sizeof *b->rows))
            return yk_fail_nomem(err, "sorting");
        b->rows[number] = (uint16_t)next;
    }
    *ret = v.is_missing ? (uint16_t)(b->missing - 1) : b->rows[number];
    return 0;
}

static int begin(yk_codebook *b, yk_type type, yoke_error *err)
{
    bool is_text = yk_kind_is_bytes(type.kind);
    b->all.type = type;
    return yk_pq_intern_init(&b->seen, is_text ? 0 : 8, err);
}

int yk_codebook_add(yk_codebook *b, const yk_batch_column *dict, yoke_error *err)
{
    uint32_t n = (uint32_t)dict->valid.len;
    yk_batch from = {.columns = (yk_batch_column *)(uintptr_t)dict, .n_columns = 1, .n = n};
    if (!b->seen.slots)
        YK_TRY(begin(b, dict->type, err));
    if (b->is_full || (same_bytes(&b->last.valid, &dict->valid) && same_bytes(&b->last.values, &dict->values)
                       && same_bytes(&b->last.bytes, &dict->bytes)))
        return 0;
    if (!yk_grow(&b->codes, &b->cap_codes, (size_t)n + 1, sizeof *b->codes))
        return yk_fail_nomem(err, "sorting");
    b->is_same = true;
    for (uint32_t i = 0; i < n && !b->is_full; i++) {
        YK_TRY(find_row(b, &from, i, &b->codes[i], err));
        b->is_same &= b->codes[i] == i;
    }
    copy(&b->last.values, &dict->values);
    copy(&b->last.bytes, &dict->bytes);
    copy(&b->last.valid, &dict->valid);
    return b->last.values.is_failed || b->last.bytes.is_failed || b->last.valid.is_failed ? yk_fail_nomem(err, "sorting") : 0;
}
