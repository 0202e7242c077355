/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sets of line numbers as ranges.
 */
#include "jobs/jobfile.h"

#include "base/alloc.h"

#include <stdlib.h>

void yk_lines_fini(yk_lines *l)
{
    if (!l)
        return;
    yk_free(l->range);
    *l = (yk_lines)YK_LINES_INIT;
}

static int add_range(yk_lines *l, uint64_t first, uint64_t last, yoke_error *err)
{
    if (l->n > 0 && first >= l->range[l->n - 1].first && first <= l->range[l->n - 1].last + 1) {
        if (last > l->range[l->n - 1].last)
            l->range[l->n - 1].last = last;
        return 0;
    }
    struct yk_line_range r = {first, last};
    return yk_push(&l->range, &l->n, &l->cap, r) ? 0 : yk_fail_nomem(err, "collecting line numbers");
}

static int by_first(const void *a, const void *b)
{
    const struct yk_line_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static void normalise(yk_lines *l)
{
    size_t n = 0;
    if (l->n > 1)
        qsort(l->range, l->n, sizeof *l->range, by_first);
    for (size_t i = 0; i < l->n; i++) {
        if (n > 0 && l->range[i].first <= l->range[n - 1].last + 1) {
            if (l->range[i].last > l->range[n - 1].last)
                l->range[n - 1].last = l->range[i].last;
        } else {
            l->range[n++] = l->range[i];
        }
    }
    l->n = n;
}

int yk_lines_add(yk_lines *l, uint64_t line, yoke_error *err)
{
    bool is_ascending = l->n == 0 || line >= l->range[l->n - 1].first;
    YK_TRY(add_range(l, line, line, err));
    if (!is_ascending)
        normalise(l);
    return 0;
}

/* At most 18 digits, so that no sum of two overflows. */
static const char *read_number(const char *at, uint64_t *ret)
{
    uint64_t    n = 0;
    const char *from = at;
    while (*at >= '0' && *at <= '9' && at - from < 18)
        n = n * 10 + (uint64_t)(*at++ - '0');
    if (at == from || (*at >= '0' && *at <= '9'))
        return NULL;
    *ret = n;
    return at;
}

int yk_lines_parse(const char *text, yk_lines *ret, yoke_error *err)
{
    YK_CLEANUP(yk_lines_fini) yk_lines l = YK_LINES_INIT;
    const char *at = text;
    for (;;) {
        uint64_t first, last;
        at = read_number(at, &first);
        last = first = at ? first : 0;
        if (at && *at == '-')
            at = read_number(at + 1, &last);
        if (!at || (*at && *at != ',') || last < first)
            return yk_fail(err, YOKE_EINVALID, "'%.200s' is not a list of line numbers such as 0,4-8", text);
        YK_TRY(add_range(&l, first, last, err));
        if (!*at++)
            break;
    }
    normalise(&l);
    *ret = l;
    l = (yk_lines)YK_LINES_INIT;
    return 0;
}

bool yk_lines_has(const yk_lines *l, uint64_t line)
{
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->range[mid].last < line)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < l->n && l->range[lo].first <= line;
}

uint64_t yk_lines_count(const yk_lines *l)
{
    uint64_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->range[i].last - l->range[i].first + 1;
    return n;
}
