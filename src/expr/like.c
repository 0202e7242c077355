/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A pattern is what stands between its %: the first part where the text begins, the last where it ends, each other one at the
 * first place after the one before it, which leaves the most to the rest.
 */
#include "expr/like.h"

#include "base/alloc.h"
#include "base/bytes.h"

#include <string.h>

typedef struct part {
    const char    *bytes;
    const uint8_t *is_any; /* of each byte: whether it stands for any character */
    size_t         n;
    bool           has_any;
} part;

struct yk_like {
    __typeof__(yk_k_find_baseline) *find;
    size_t n; /* parts; one more than there are % */
    part   parts[];
};

int yk_like_new(yk_text pattern, yk_like **ret, yoke_error *err)
{
    size_t   most = 1 + pattern.len;
    yk_like *l = yk_malloc(sizeof *l + most * sizeof *l->parts + 2 * pattern.len);
    if (!l)
        return yk_fail_nomem(err, "reading a pattern");
    char    *bytes = (char *)&l->parts[most];
    uint8_t *is_any = (uint8_t *)bytes + pattern.len;
    *l = (yk_like){.find = YK_ISA_PICK(yk_k_find), .n = 1};
    l->parts[0] = (part){.bytes = bytes, .is_any = is_any};
    for (const char *p = pattern.data, *end = p + pattern.len; p < end; p++) {
        part *now = &l->parts[l->n - 1];
        if (*p == '%') {
            l->parts[l->n++] = (part){.bytes = now->bytes + now->n, .is_any = now->is_any + now->n};
            continue;
        }
        bool is_plain = *p == '\\' && end - p > 1 && strchr("%_\\", p[1]) && p[1];
        p += is_plain;
        bytes[now->bytes + now->n - bytes] = *p;
        is_any[now->bytes + now->n - bytes] = !is_plain && *p == '_';
        now->has_any |= !is_plain && *p == '_';
        now->n++;
    }
    *ret = l;
    return 0;
}

void yk_like_free(yk_like *l) { yk_free(l); }

/* The end of the character that begins at p < end. */
static const char *after_character(const char *p, const char *end)
{
    for (p++; p < end && ((unsigned char)*p & 0xc0) == 0x80; p++)
        ;
    return p;
}

/* Where the part ends when it begins at t; NULL: it does not. */
static const char *fit_here(const part *p, const char *t, const char *end)
{
    if (!p->has_any)
        return (size_t)(end - t) >= p->n && yk_same_bytes(t, p->bytes, p->n) ? t + p->n : NULL;
    for (size_t i = 0; i < p->n; i++) {
        if (t == end || (!p->is_any[i] && *t != p->bytes[i]))
            return NULL;
        t = p->is_any[i] ? after_character(t, end) : t + 1;
    }
    return t;
}

/* Where the part ends at the first place from t on that it fits. */
static const char *fit_next(const yk_like *l, const part *p, const char *t, const char *end)
{
    if (p->n == 0)
        return t;
    if (!p->has_any) {
        const char *at = l->find(t, (size_t)(end - t), p->bytes, p->n);
        return at ? at + p->n : NULL;
    }
    for (; t < end; t = after_character(t, end)) {
        const char *after = fit_here(p, t, end);
        if (after)
            return after;
    }
    return NULL;
}

/* Whether the part fits somewhere from t on so that it ends where the text does. */
static bool fits_end(const part *p, const char *t, const char *end)
{
    if (!p->has_any)
        return (size_t)(end - t) >= p->n && yk_same_bytes(end - p->n, p->bytes, p->n);
    for (; t < end; t = after_character(t, end))
        if (fit_here(p, t, end) == end)
            return true;
    return false;
}

bool yk_like_fits(const yk_like *l, yk_text text)
{
    const char *end = text.data + text.len, *t = fit_here(&l->parts[0], text.data, end);
    if (l->n == 1)
        return t == end;
    for (size_t i = 1; i + 1 < l->n && t; i++)
        t = fit_next(l, &l->parts[i], t, end);
    return t && fits_end(&l->parts[l->n - 1], t, end);
}
