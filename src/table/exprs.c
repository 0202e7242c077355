/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/exprs.h"

#include <ctype.h>

void yk_exprs_fini(yk_exprs *e) { yk_expr_list_free(e->list, e->n); }

int yk_exprs_add(yk_exprs *e, const char *text, yoke_error *err)
{
    yk_expr *x;
    YK_TRY(yk_expr_parse(text, &x, err));
    if (!yk_push(&e->list, &e->n, &e->cap, x)) {
        yk_expr_free(x);
        return yk_fail_nomem(err, "planning a scan");
    }
    return 0;
}

int yk_exprs_add_column(yk_exprs *e, const char *name, yoke_error *err)
{
    YK_AUTOBUF quoted = YK_BUF_INIT;
    yk_table_quote(name, &quoted);
    return quoted.is_failed ? yk_fail_nomem(err, "planning a scan") : yk_exprs_add(e, quoted.data, err);
}

int yk_exprs_add_list(yk_exprs *e, const char *text, yoke_error *err)
{
    yk_expr **list;
    size_t    n;
    YK_TRY(yk_expr_parse_list(text, &list, &n, err));
    if (!yk_grow(&e->list, &e->cap, e->n + n + 1, sizeof *e->list)) {
        yk_expr_list_free(list, n);
        return yk_fail_nomem(err, "planning a scan");
    }
    memcpy(e->list + e->n, list, n * sizeof *list);
    e->n += n;
    yk_free(list);
    return 0;
}

int yk_exprs_add_selected(yk_exprs *e, const yoke_table *t, const char *select, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    YK_TRY(yk_table_expand(t, select, &text, err));
    return yk_exprs_add_list(e, yk_buf_text(&text), err);
}

/* ---- sort keys */

void yk_sort_keys_fini(yk_sort_keys *k)
{
    yk_exprs_fini(&k->e);
    yk_free(k->is_descending);
}

/* Cuts the word off the end, if it stands there by itself. */
static bool cut_word(char *s, const char *word)
{
    size_t n = strlen(s), m = strlen(word);
    while (n && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    if (n <= m || strcasecmp(s + n - m, word) != 0 || !isspace((unsigned char)s[n - m - 1]))
        return false;
    s[n - m] = '\0';
    return true;
}

static int add_key(yk_sort_keys *k, const char *item, const char *const *names, size_t n_names, yoke_error *err)
{
    item += strspn(item, " ");
    size_t n = strlen(item);
    while (n && item[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < n_names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], item, n) == 0)
            return yk_exprs_add_column(&k->e, names[i], err);
    return yk_exprs_add(&k->e, item, err);
}

int yk_sort_keys_parse(const char *text, const char *const *names, size_t n_names, yk_sort_keys *k, yoke_error *err)
{
    for (const char *at = text;; at++) {
        size_t            n = yk_table_item(at);
        YK_AUTOFREE char *item = yk_strndup(at, n);
        if (!item || !yk_grow(&k->is_descending, &k->cap, k->e.n + 1, sizeof *k->is_descending))
            return yk_fail_nomem(err, "sorting");
        k->is_descending[k->e.n] = cut_word(item, "desc");
        if (!k->is_descending[k->e.n])
            cut_word(item, "asc");
        YK_TRY(add_key(k, item, names, n_names, err));
        at += n;
        if (!*at)
            return 0;
    }
}
