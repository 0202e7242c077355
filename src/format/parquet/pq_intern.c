/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_intern.h"

#include "base/hash.h"

enum { LEAST_SLOTS = 64 };

int yk_pq_intern_init(yk_pq_intern *d, uint32_t width, yoke_error *err)
{
    *d = (yk_pq_intern){.width = width, .n_slots = LEAST_SLOTS, .slots = yk_new_array(yk_pq_slot, LEAST_SLOTS)};
    return d->slots ? 0 : yk_fail_nomem(err, "writing a Parquet file");
}

void yk_pq_intern_fini(yk_pq_intern *d)
{
    yk_buf_fini(&d->values);
    yk_free(d->starts);
    yk_free(d->slots);
}

void yk_pq_intern_clear(yk_pq_intern *d)
{
    if (d->n)
        memset(d->slots, 0, d->n_slots * sizeof *d->slots);
    yk_buf_clear(&d->values);
    d->n = 0;
}

void yk_pq_intern_close(yk_pq_intern *d)
{
    yk_pq_slot *fewer = yk_realloc(d->slots, LEAST_SLOTS * sizeof *fewer);
    if (fewer)
        d->slots = fewer, d->n_slots = LEAST_SLOTS;
}

/* The leading bits of the product: short reals differ in their leading bits alone. */
static uint32_t place_of(const yk_pq_intern *d, uint64_t word)
{
    return (uint32_t)((word ^ word >> 32) * 0x9e3779b97f4a7c15u >> 32) >> (__builtin_clz(d->n_slots) + 1);
}

static bool grow(yk_pq_intern *d)
{
    uint32_t    n = d->n_slots, before = n;
    yk_pq_slot *old = d->slots, *slots = yk_new_array(yk_pq_slot, (size_t)n * 4);
    if (!slots)
        return false;
    d->slots = slots;
    d->n_slots = n * 4;
    for (uint32_t i = 0; i < before; i++) {
        if (!old[i].code)
            continue;
        uint32_t at = place_of(d, old[i].word);
        while (slots[at].code)
            at = (at + 1) & (d->n_slots - 1);
        slots[at] = old[i];
    }
    yk_free(old);
    return true;
}

/* The slot at `at` gets a new code, after its value was stored. */
static int add(yk_pq_intern *d, uint32_t at, uint64_t word, yoke_error *err)
{
    d->slots[at] = (yk_pq_slot){word, ++d->n};
    return !d->values.is_failed && (d->n <= d->n_slots / 2 || grow(d)) ? 0 : yk_fail_nomem(err, "writing a Parquet file");
}

int yk_pq_intern_words(yk_pq_intern *d, const uint64_t *values, uint32_t n, uint32_t *ret_codes, yoke_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t word = values[i];
        uint32_t at = place_of(d, word);
        while (d->slots[at].code && d->slots[at].word != word)
            at = (at + 1) & (d->n_slots - 1);
        ret_codes[i] = d->slots[at].code - 1;
        if (d->slots[at].code)
            continue;
        ret_codes[i] = d->n;
        yk_buf_append(&d->values, &word, sizeof word);
        YK_TRY(add(d, at, word, err));
    }
    return 0;
}

static yk_text value_of(const yk_pq_intern *d, uint32_t code)
{
    const char *at = d->values.data + d->starts[code];
    uint32_t    len = d->width;
    if (len == 0) {
        memcpy(&len, at, sizeof len);
        at += sizeof len;
    }
    return (yk_text){at, len};
}

static bool is_at(const yk_pq_intern *d, const yk_pq_slot *slot, uint64_t word, yk_text value)
{
    if (slot->word != word)
        return false;
    yk_text there = value_of(d, slot->code - 1);
    return there.len == value.len && memcmp(there.data, value.data, value.len) == 0;
}

int yk_pq_intern_find(yk_pq_intern *d, yk_text value, uint32_t *ret, yoke_error *err)
{
    static const char none[1] = "";
    uint64_t          start = d->values.len, word = yk_hash_text(value.len ? value.data : none, value.len, 0);
    uint32_t          at = place_of(d, word), len = (uint32_t)value.len;
    size_t            n = d->n;
    value.data = value.len ? value.data : none;
    for (; d->slots[at].code; at = (at + 1) & (d->n_slots - 1))
        if (is_at(d, &d->slots[at], word, value)) {
            *ret = d->slots[at].code - 1;
            return 0;
        }
    if (d->width == 0)
        yk_buf_append(&d->values, &len, sizeof len);
    yk_buf_append(&d->values, value.data, len);
    if (!yk_push(&d->starts, &n, &d->cap_starts, start))
        return yk_fail_nomem(err, "writing a Parquet file");
    *ret = d->n;
    return add(d, at, word, err);
}
