/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Unordered: results in the order of completion, none waiting for a slow one before it. The items are the words that a
 * function hands out one after the other: nobody need know beforehand how many there are.
 */
#include <yoke/yoke.h>

#include <stdio.h>
#include <string.h>

typedef struct word {
    char letters[24];
} word;

/* Words as they stand in a text, each by itself in its item. */
static int next_word(void *ctx, void *ret_item, yoke_error *err)
{
    const char **at = ctx;
    size_t       n = strcspn(*at += strspn(*at, " "), " ");
    word         w = {{0}};
    if (n == 0)
        return 0;
    if (n >= sizeof w.letters) {
        err->code = YOKE_ELIMIT;
        snprintf(err->text, sizeof err->text, "the word '%.40s' has %zu letters", *at, n);
        return YOKE_ELIMIT;
    }
    memcpy(w.letters, *at, n);
    memcpy(ret_item, &w, sizeof w);
    *at += n;
    return 1;
}

static int is_palindrome(yoke_task *t, const void *item, void *result)
{
    const char *s = ((const word *)item)->letters;
    size_t      n = strlen(s), k = 0;
    (void)t;
    while (k < n / 2 && s[k] == s[n - 1 - k])
        k++;
    *(bool *)result = k == n / 2;
    return 0;
}

int main(void)
{
    const char   *text = "hannah saw otto level a rotor on the deck at noon while bob did refer to a kayak";
    int           n = 0, found = 0, rc = 0;
    yoke_outcome  o;
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(NULL, &err);
    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    opts.unordered = true;
    opts.chunk = 1; /* each word alone; by itself a call finds out what is worth handing out together */
    yoke_imap *it = s ? yoke_imap_open(s, is_palindrome, yoke_items_from(next_word, &text, sizeof(word)), sizeof(bool), &opts, &err) : NULL;
    while (it && (rc = yoke_imap_next(it, &o, &err)) > 0) {
        n++;
        found += *(const bool *)o.value; /* o.index says which word it is */
    }
    yoke_imap_close(it);
    yoke_close(s);
    if (rc < 0 || !it)
        return fprintf(stderr, "%s\n", err.text), 1;
    printf("%d of %d words read the same backwards\n", found, n);
    return 0;
}
