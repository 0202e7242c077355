/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/causes.h"

#include "base/alloc.h"

/* At most size - 1 bytes of text on one line, "…" where it was cut, control characters as blanks. */
static void copy_cut(char *to, size_t size, const char *text, size_t n)
{
    bool is_cut = n >= size;
    if (is_cut)
        for (n = size - 4; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    snprintf(to + n, size - n, "%s", is_cut ? "…" : "");
}

static void copy_last_line(char *to, size_t size, const char *text, size_t n)
{
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
        n--;
    const char *nl = n ? memrchr(text, '\n', n) : NULL;
    size_t      skip = nl ? (size_t)(nl - text) + 1 : 0;
    copy_cut(to, size, text + skip, n - skip);
}

int yk_causes_add(yk_causes *t, const yk_record *r, yoke_error *err)
{
    struct yk_causes_row one = {.n = 1, .line = r->line};
    t->n_ok += r->cause == YK_CAUSE_OK;
    if (r->cause == YK_CAUSE_OK)
        return 0;
    if (yk_cause_is_done(r->cause))
        t->n_failed++;
    else
        t->n_cancelled++;
    yk_record_cause(r, one.cause, sizeof one.cause);
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->row[i].cause, one.cause) == 0) {
            t->row[i].n++;
            return 0;
        }
    copy_cut(one.text, sizeof one.text, r->text, r->text_len);
    copy_last_line(one.tail, sizeof one.tail, r->tail, r->tail_len);
    return yk_push(&t->row, &t->n, &t->cap, one) ? 0 : yk_fail_nomem(err, "counting failures");
}

void yk_causes_print(const yk_causes *t, FILE *to)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct yk_causes_row *r = &t->row[i];
        fprintf(to, "  %-16s %8llu   first: line %llu: %s\n", r->cause, (unsigned long long)r->n, (unsigned long long)r->line, r->text);
        if (r->tail[0])
            fprintf(to, "  %-16s %8s          %s\n", "", "", r->tail);
    }
}

void yk_causes_fini(yk_causes *t)
{
    yk_free(t->row);
    *t = (yk_causes)YK_CAUSES_NONE;
}
