/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Restricted Damerau-Levenshtein distance over three rows.
 */
#include "base/near.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static int same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned yk_near_distance(const char *a, const char *b)
{
    size_t   na = strnlen(a, LONGEST), nb = strnlen(b, LONGEST);
    unsigned rows[3][LONGEST + 1];
    unsigned *two_up = rows[0], *up = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        up[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned replace = up[j - 1] + !same(a[i - 1], b[j - 1]);
            row[j] = least(replace, least(up[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = least(row[j], two_up[j - 2] + 1);
        }
        unsigned *spare = two_up;
        two_up = up, up = row, row = spare;
    }
    return up[nb];
}

const char *yk_near_find(const char *word, const char *const *words, size_t n)
{
    size_t      len = strlen(word);
    unsigned    best = (unsigned)(len < 2 ? 0 : len < 4 ? 1 : len < 6 ? 2 : len / 3 + 1) + 1;
    const char *found = NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned d = yk_near_distance(word, words[i]);
        if (d >= 1 && len >= 3 && strncasecmp(word, words[i], len) == 0)
            d = 1; /* the beginning of a word is as near as one slip */
        if (d < best)
            best = d, found = words[i];
    }
    return found;
}

const char *yk_near_hint(const char *word, const char *const *words, size_t n, char *buf, size_t size)
{
    const char *found = yk_near_find(word, words, n);
    if (found)
        snprintf(buf, size, "; did you mean '%s'?", found);
    else if (size)
        buf[0] = '\0';
    return buf;
}
