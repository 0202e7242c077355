/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/indices.h"

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
    for (uint64_t i = s->first; i <= s->last; i += s->step)
        YK_TRY(yk_lines_add(&x->set, i, err));
    return 0;
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
