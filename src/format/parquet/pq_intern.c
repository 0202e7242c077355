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

void yk_pq_intern_close(yk_pq_intern *d)
{
    yk_pq_slot *fewer = yk_realloc(d->slots, LEAST_SLOTS * sizeof *fewer);
    if (fewer)
        d->slots = fewer, d->n_slots = LEAST_SLOTS;
}

void yk_pq_intern_clear(yk_pq_intern *d)
{
    yk_pq_intern_close(d);
    memset(d->slots, 0, d->n_slots * sizeof *d->slots);
    yk_buf_fini(&d->values);
    yk_free(d->starts);
    d->starts = NULL;
    d->cap_starts = 0;
    d->n = 0;
}

size_t yk_pq_intern_bytes(const yk_pq_intern *d)
{
    return d->values.cap + d->cap_starts * sizeof *d->starts + d->n_slots * sizeof *d->slots;
}

/* Its leading bits are the place: short reals differ in their leading bits alone. */
static uint32_t hash_of(uint64_t word) { return (uint32_t)((word ^ word >> 32) * 0x9e3779b97f4a7c15u >> 32); }
static uint32_t place_of(const yk_pq_intern *d, uint32_t hash) { return hash >> (__builtin_clz(d->n_slots) + 1); }

static bool grow(yk_pq_intern *d)
{
    uint32_t    before = d->n_slots;
    yk_pq_slot *old = d->slots, *slots = yk_new_array(yk_pq_slot, (size_t)before * 2);
    if (!slots)
        return false;
    d->slots = slots;
    d->n_slots = before * 2;
    for (uint32_t i = 0; i < before; i++) {
        if (!old[i].code)
            continue;
        uint32_t at = place_of(d, old[i].hash);
        while (slots[at].code)
            at = (at + 1) & (d->n_slots - 1);
        slots[at] = old[i];
    }
    yk_free(old);
    return true;
}

/* The slot at `at` gets a new code, after its value was stored. */
static int add(yk_pq_intern *d, uint32_t at, uint32_t hash, yoke_error *err)
{
    d->slots[at] = (yk_pq_slot){hash, ++d->n};
    return !d->values.is_failed && (d->n <= d->n_slots / 2 || grow(d)) ? 0 : yk_fail_nomem(err, "writing a Parquet file");
}

static bool is_word_at(const yk_pq_intern *d, yk_pq_slot slot, uint32_t hash, uint64_t word)
{
    uint64_t there;
    if (slot.hash != hash)
        return false;
    memcpy(&there, d->values.data + (size_t)(slot.code - 1) * sizeof there, sizeof there);
    return there == word;
}

int yk_pq_intern_words(yk_pq_intern *d, const uint64_t *values, uint32_t n, uint32_t *ret_codes, yoke_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t word = values[i];
        uint32_t hash = hash_of(word), at = place_of(d, hash);
        while (d->slots[at].code && !is_word_at(d, d->slots[at], hash, word))
            at = (at + 1) & (d->n_slots - 1);
        ret_codes[i] = d->slots[at].code - 1;
        if (d->slots[at].code)
            continue;
        ret_codes[i] = d->n;
        yk_buf_append(&d->values, &word, sizeof word);
        YK_TRY(add(d, at, hash, err));
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

static bool is_at(const yk_pq_intern *d, yk_pq_slot slot, uint32_t hash, yk_text value)
{
    if (slot.hash != hash)
        return false;
    yk_text there = value_of(d, slot.code - 1);
    return there.len == value.len && yk_same_bytes(there.data, value.data, value.len);
}

int yk_pq_intern_find(yk_pq_intern *d, yk_text value, uint32_t *ret, yoke_error *err)
{
    static const char none[1] = "";
    uint64_t          start = d->values.len;
    uint32_t          hash = hash_of(yk_hash_text(value.len ? value.data : none, value.len, 0)), at = place_of(d, hash),
        len = (uint32_t)value.len;
    size_t            n = d->n;
    value.data = value.len ? value.data : none;
    for (; d->slots[at].code; at = (at + 1) & (d->n_slots - 1))
        if (is_at(d, d->slots[at], hash, value)) {
            *ret = d->slots[at].code - 1;
            return 0;
        }
    if (d->width == 0)
        yk_buf_append(&d->values, &len, sizeof len);
    yk_buf_append(&d->values, value.data, len);
    if (!yk_push(&d->starts, &n, &d->cap_starts, start))
        return yk_fail_nomem(err, "writing a Parquet file");
    *ret = d->n;
    return add(d, at, hash, err);
}
