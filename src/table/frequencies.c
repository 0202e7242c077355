/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/frequencies.h"

#include "base/alloc.h"

#include <stdlib.h>

void yk_frequencies_fini(yk_frequencies *f)
{
    yk_free(f->slots);
    *f = (yk_frequencies){0};
}

void yk_frequencies_give_up(yk_frequencies *f)
{
    yk_frequencies_fini(f);
    f->is_partial = true;
}

static yk_frequency *slot_of(const yk_frequencies *f, uint64_t key)
{
    /* The product's upper bits depend on all of the key's: many reals differ in their upper bits alone. */
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) * f->n_slots >> 32;
    while (f->slots[at].times && f->slots[at].key != key)
        at = (at + 1) & (f->n_slots - 1);
    return &f->slots[at];
}

static int grow(yk_frequencies *f, yoke_error *err)
{
    yk_frequencies more = {.n = f->n, .n_slots = f->n_slots ? f->n_slots * 4 : 4096};
    more.slots = yk_new_array(yk_frequency, more.n_slots);
    if (!more.slots)
        return yk_fail_nomem(err, "counting values");
    for (size_t i = 0; i < f->n_slots; i++)
        if (f->slots[i].times)
            *slot_of(&more, f->slots[i].key) = f->slots[i];
    yk_frequencies_fini(f);
    *f = more;
    return 0;
}

int yk_frequencies_add(yk_frequencies *f, uint64_t key, uint64_t times, yoke_error *err)
{
    if (f->is_partial || times == 0)
        return 0;
    if (2 * f->n >= f->n_slots)
        YK_TRY(grow(f, err));
    yk_frequency *s = slot_of(f, key);
    f->n += s->times == 0;
    *s = (yk_frequency){key, s->times + times};
    if (f->n > YK_FREQUENCIES_MOST)
        yk_frequencies_give_up(f);
    return 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = ((const yk_frequency *)a)->key, y = ((const yk_frequency *)b)->key;
    return (x > y) - (x < y);
}

void yk_frequencies_sort(yk_frequencies *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_slots; i++)
        if (f->slots[i].times)
            f->slots[n++] = f->slots[i];
    if (n)
        qsort(f->slots, n, sizeof *f->slots, compare);
}
