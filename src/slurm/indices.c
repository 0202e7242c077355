/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/indices.h"

#include <stdlib.h>
#include <string.h>

void yk_indices_fini(yk_indices *x)
{
    yk_lines_fini(&x->set);
}

/* Digits of a number that may not pass YK_INDEX_MOST. */
static bool read_number(const char **p, uint64_t *ret)
{
    uint64_t n = 0;
    if (**p < '0' || **p > '9')
        return false;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        n = n * 10 + (uint64_t)(**p - '0');
        if (n > YK_INDEX_MOST)
            return false;
    }
    *ret = n;
    return true;
}

static bool is_cut_here(const char *p)
{
    return strncmp(p, "...", 3) == 0;
}

typedef struct span { uint64_t first, last, step; } span;

/* "4", "4-8" or "4-8:2". False: not one, or it ends in "...", and then *ret_is_cut. */
static bool read_span(const char **p, span *ret, bool *ret_is_cut)
{
    if (!read_number(p, &ret->first))
        return false;
    ret->last = ret->first;
    ret->step = 1;
    if (**p == '-') {
        (*p)++;
        if (!read_number(p, &ret->last)) {
            *ret_is_cut = is_cut_here(*p);
            return false;
        }
    }
    if (**p == ':') {
        (*p)++;
        if (!read_number(p, &ret->step))
            return false;
    }
    *ret_is_cut = is_cut_here(*p);
    return !*ret_is_cut && ret->step > 0 && ret->last >= ret->first;
}

static int add_span(yk_indices *x, const span *s, yoke_error *err)
{
    uint64_t n = s->step == 1 ? 1 : (s->last - s->first) / s->step + 1;
    if (x->set.n + n > YK_INDEX_MOST)
        return yk_fail(err, YOKE_ELIMIT, "more than %u array indices", YK_INDEX_MOST);
    for (uint64_t i = s->first; i <= s->last; i += s->step) {
        struct yk_line_range r = {i, s->step == 1 ? s->last : i};
        if (!yk_push(&x->set.range, &x->set.n, &x->set.cap, r))
            return yk_fail_nomem(err, "reading array indices");
        if (s->step == 1)
            break;
    }
    return 0;
}

static int by_first(const void *a, const void *b)
{
    const struct yk_line_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Ascending, disjoint, never touching: what a yk_lines is. */
static void put_in_order(yk_lines *l)
{
    size_t n = 0;
    if (l->n > 1)
        qsort(l->range, l->n, sizeof *l->range, by_first);
    for (size_t i = 0; i < l->n; i++) {
        struct yk_line_range *last = n ? &l->range[n - 1] : NULL;
        if (!last || l->range[i].first > last->last + 1)
            l->range[n++] = l->range[i];
        else if (l->range[i].last > last->last)
            last->last = l->range[i].last;
    }
    l->n = n;
}

int yk_indices_parse(const char *text, yk_indices *ret, yoke_error *err)
{
    YK_CLEANUP(yk_indices_fini) yk_indices x = YK_INDICES_INIT;
    const char *p = text;
    bool        is_open = *p == '[';
    span        s;
    p += is_open;
    for (;;) {
        if (is_cut_here(p))
            x.is_cut = true;
        else if (read_span(&p, &s, &x.is_cut))
            YK_TRY(add_span(&x, &s, err));
        else if (!x.is_cut)
            p = "?"; /* so that what follows finds it wrong */
        if (x.is_cut || *p != ',')
            break;
        p++;
    }
    if (x.is_cut)
        p = strstr(p, "...") + 3;
    if (*p == '%') {
        p++;
        if (!read_number(&p, &x.at_once))
            p = "?";
    }
    if (*p == ']')
        p++;
    if (*p || (!x.set.n && !x.is_cut))
        return yk_fail(err, YOKE_ESYNTAX, "'%.60s' is no list of array indices such as 0-5,7 or 0-10:2", text);
    put_in_order(&x.set);
    *ret = x;
    x = (yk_indices)YK_INDICES_INIT;
    return 0;
}

void yk_lines_print(const yk_lines *l, yk_buf *to)
{
    for (size_t i = 0; i < l->n; i++) {
        yk_buf_printf(to, "%s%llu", i ? "," : "", (unsigned long long)l->range[i].first);
        if (l->range[i].last > l->range[i].first)
            yk_buf_printf(to, "-%llu", (unsigned long long)l->range[i].last);
    }
}

uint64_t yk_lines_nth(const yk_lines *l, uint64_t n)
{
    for (size_t i = 0; i < l->n; i++) {
        uint64_t has = l->range[i].last - l->range[i].first + 1;
        if (n < has)
            return l->range[i].first + n;
        n -= has;
    }
    return UINT64_MAX;
}

bool yk_job_id_parse(const char *text, uint64_t *ret_job, const char **ret_text)
{
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && n < UINT64_MAX / 20; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    if (p == text || !strchr("_.+", *p))
        return false;
    *ret_job = n;
    *ret_text = *p == '_' ? p + 1 : p + strlen(p);
    return true;
}
