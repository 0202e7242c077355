/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists of columns: what * stands for, and names as expressions.
 */
#include "table/table.h"

void yk_table_quote(const char *name, yk_buf *to)
{
    yk_buf_putc(to, '`');
    for (; *name; name++) {
        if (*name == '`')
            yk_buf_putc(to, '`');
        yk_buf_putc(to, *name);
    }
    yk_buf_putc(to, '`');
}

size_t yk_table_item(const char *s)
{
    int  depth = 0;
    char quote = 0;
    for (size_t i = 0;; i++) {
        if (!s[i] || (s[i] == ',' && depth == 0 && !quote))
            return i;
        if (quote)
            quote = s[i] == quote ? 0 : quote;
        else if (strchr("'\"`", s[i]))
            quote = s[i];
        else
            depth += (s[i] == '(') - (s[i] == ')');
    }
}

static void put_name(yk_buf *to, size_t begin, const char *name)
{
    yk_buf_puts(to, to->len > begin ? ", " : "");
    yk_table_quote(name, to);
}

/* All columns that can be read throughout. */
static int put_all(const yoke_table *t, yk_buf *to, yoke_error *err)
{
    const yk_source *s = t->source;
    size_t           begin = to->len;
    for (size_t i = 0; i < s->n_columns; i++)
        if (yk_source_check(s, s->columns[i].name, NULL) == 0)
            put_name(to, begin, s->columns[i].name);
    for (size_t i = 0; i < t->n_lookups; i++)
        for (size_t c = 0; c < t->lookups[i]->n_columns; c++)
            put_name(to, begin, t->lookups[i]->columns[c].name);
    return to->len > begin || to->is_failed ? 0
        : yk_fail(err, YOKE_EUNSUPPORTED, "'%s' has no column that can be read; --columns says why", s->files[0].path);
}

int yk_table_expand(const yoke_table *t, const char *select, yk_buf *to, yoke_error *err)
{
    for (const char *at = select ? select : "*"; *at;) {
        size_t n = yk_table_item(at), blank = strspn(at, " ");
        if (at[blank] == '*' && blank + 1 + strspn(at + blank + 1, " ") == n)
            YK_TRY(put_all(t, to, err));
        else
            yk_buf_append(to, at, n);
        at += n;
        if (*at)
            yk_buf_putc(to, *at++);
    }
    return to->is_failed ? yk_fail_nomem(err, "listing columns") : 0;
}
