/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/known.h"

#include "base/alloc.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

void yk_known_fini(yk_known *k)
{
    yk_free(k->is_met);
    *k = (yk_known){0};
}

int yk_known_begin(yk_known *k, uint32_t n, yoke_error *err)
{
    size_t words = (size_t)n / 64 + 1;
    if (!yk_grow(&k->is_met, &k->cap, words, sizeof *k->is_met))
        return yk_fail_nomem(err, "grouping");
    memset(k->is_met, 0, words * sizeof *k->is_met);
    k->n = n;
    k->n_met = 0;
    return 0;
}

uint32_t yk_known_meet(yk_known *k, const uint32_t *numbers, uint32_t n)
{
    uint32_t rows = 0, met = 0;
    if (k->n_met == k->n) { /* all were met before */
        for (uint32_t i = 0; i < n; i++)
            rows += numbers[i] < k->n;
        return rows;
    }
    for (uint32_t i = 0; i < n; i++) {
        bool     is_known = numbers[i] < k->n;
        uint32_t at = is_known ? numbers[i] : k->n; /* whose bit nobody reads */
        rows += is_known;
        met += is_known & !(k->is_met[at / 64] >> (at & 63) & 1);
        k->is_met[at / 64] |= (uint64_t)1 << (at & 63);
    }
    k->n_met += met;
    return rows;
}

void yk_known_list(const yk_known *k, uint32_t *ret)
{
    for (uint32_t at = 0, n = 0; n < k->n_met; at += 64)
        for (uint64_t bits = k->is_met[at / 64]; bits && n < k->n_met; bits &= bits - 1)
            ret[n++] = at + (uint32_t)__builtin_ctzll(bits);
}

/* Workers may be processes, each with a count of its own. */
void yk_known_rename(yk_known *k)
{
    static atomic_uint count;
    k->name = (uint64_t)getpid() << 32 | (atomic_fetch_add(&count, 1) + 1);
}

void yk_known_names_fini(yk_known_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        yk_free(names->workers[i].numbers);
    yk_free(names->workers);
    *names = (yk_known_names){0};
}

static struct yk_known_worker *worker_of(const yk_known_names *names, uint64_t name)
{
    size_t i = 0;
    while (i < names->n && names->workers[i].name != name)
        i++;
    return i < names->n ? &names->workers[i] : NULL;
}

int yk_known_add(yk_known_names *names, uint64_t name, const uint32_t *numbers, uint32_t n, yoke_error *err)
{
    struct yk_known_worker *w = worker_of(names, name);
    if (!w) {
        if (!yk_grow(&names->workers, &names->cap, names->n + 1, sizeof *names->workers))
            return yk_fail_nomem(err, "grouping");
        w = &names->workers[names->n++];
        *w = (struct yk_known_worker){.name = name};
    }
    if (!yk_grow(&w->numbers, &w->cap, w->n + n + 1, sizeof *w->numbers))
        return yk_fail_nomem(err, "grouping");
    memcpy(w->numbers + w->n, numbers, n * sizeof *numbers);
    w->n += n;
    return 0;
}

int yk_known_find(const yk_known_names *names, uint64_t name, uint32_t *numbers, uint32_t n, yoke_error *err)
{
    const struct yk_known_worker *w = worker_of(names, name);
    for (uint32_t i = 0; i < n; i++) {
        if (!w || numbers[i] >= w->n)
            return yk_fail(err, YOKE_EFORMAT, "the groups of a task arrived damaged");
        numbers[i] = w->numbers[numbers[i]];
    }
    return 0;
}
