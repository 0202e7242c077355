/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/template.h"

#include "jobs/command.h"

/* What surrounds a place in the template. */
typedef enum quoting { BARE, SINGLE, DOUBLE } quoting;

enum { WHOLE = 'w', NO_EXT = '.', BASE = '/', FOLDER = 'd', BASE_NO_EXT = 'b', SEQ = '#', SLOT = '%' };

/* A stretch of the template as it is, then something put in; the last part has nothing put in (what: 0). */
typedef struct part {
    size_t   at, len; /* of the stretch */
    int      what;
    unsigned field; /* 0: all */
    quoting  in;
} part;

struct yk_template {
    char    *text;
    part    *part;
    size_t   n, cap;
    unsigned n_fields;
};

void yk_template_free(yk_template *t)
{
    if (!t)
        return;
    yk_free(t->text);
    yk_free(t->part);
    yk_free(t);
}

/* ---- reading */

/* What is between the braces but for the field: "", ".", "/", "//", "/.". */
static int read_what(const char *text, size_t n)
{
    static const struct { const char *text; int what; } row[] = {{"", WHOLE}, {".", NO_EXT}, {"/", BASE}, {"//", FOLDER},
                                                                 {"/.", BASE_NO_EXT}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strlen(row[i].text) == n && memcmp(row[i].text, text, n) == 0)
            return row[i].what;
    return 0;
}

/* Reads a number at text[0..n); its length, 0 when there is none. */
static size_t read_field_number(const char *text, size_t n, unsigned *ret)
{
    size_t   len = 0;
    unsigned x = 0;
    while (len < n && len < 7 && text[len] >= '0' && text[len] <= '9')
        x = x * 10 + (unsigned)(text[len++] - '0');
    *ret = x;
    return len;
}

/* Whether text[0..n), between braces, is one of ours. 1, 0, or an error. */
static int read_inside(const char *text, size_t n, unsigned n_fields, const char *const *names, part *p, yoke_error *err)
{
    p->field = 0;
    p->what = n == 1 && (*text == '#' || *text == '%') ? *text : read_what(text, n);
    if (p->what)
        return 1;
    size_t digits = read_field_number(text, n, &p->field);
    p->what = digits ? read_what(text + digits, n - digits) : 0;
    if (p->what && (p->field == 0 || p->field > n_fields))
        return yk_fail(err, YOKE_EINVALID, "the command asks for {%.*s}, but items have %u field%s", (int)n, text, n_fields,
                       n_fields == 1 ? "" : "s");
    for (unsigned f = 0; !p->what && names && f < n_fields; f++) {
        size_t len = names[f] ? strlen(names[f]) : 0;
        if (len == 0 || len > n || memcmp(names[f], text, len) != 0)
            continue;
        p->field = f + 1;
        p->what = read_what(text + len, n - len);
    }
    return p->what != 0;
}

static quoting next_quoting(quoting in, const char *text, size_t *at)
{
    char c = text[*at];
    if (in == SINGLE)
        return c == '\'' ? BARE : SINGLE;
    if (c == '\\' && text[*at + 1])
        ++*at;
    else if (c == '"')
        return in == DOUBLE ? BARE : DOUBLE;
    else if (c == '\'' && in == BARE)
        return SINGLE;
    return in;
}

static int parse(yk_template *t, const char *const *names, yoke_error *err)
{
    quoting in = BARE;
    size_t  from = 0, at = 0;
    bool    has_any = false;
    for (; t->text[at]; at++) {
        const char *close = t->text[at] == '{' ? strchr(t->text + at, '}') : NULL;
        part        p = {.at = from, .len = at - from, .in = in};
        int         rc = close ? read_inside(t->text + at + 1, (size_t)(close - t->text) - at - 1, t->n_fields, names, &p, err) : 0;
        YK_TRY(rc);
        if (rc == 0) {
            in = next_quoting(in, t->text, &at);
            continue;
        }
        if (!yk_push(&t->part, &t->n, &t->cap, p))
            return yk_fail_nomem(err, "reading a command");
        at = (size_t)(close - t->text);
        from = at + 1;
        has_any = true;
    }
    part rest = {.at = from, .len = at - from, .in = BARE, .what = has_any ? 0 : WHOLE};
    return yk_push(&t->part, &t->n, &t->cap, rest) ? 0 : yk_fail_nomem(err, "reading a command");
}

int yk_template_new(const char *text, unsigned n_fields, const char *const *names, yk_template **ret, yoke_error *err)
{
    YK_CLEANUP(yk_template_freep) yk_template *t = yk_new(yk_template);
    if (!t)
        return yk_fail_nomem(err, "reading a command");
    t->n_fields = n_fields;
    t->text = yk_strdup(text);
    if (!t->text)
        return yk_fail_nomem(err, "reading a command");
    YK_TRY(parse(t, names, err));
    if (t->part[t->n - 1].what == WHOLE && t->n == 1) { /* nothing asked for: the item goes to the end */
        YK_AUTOBUF b = YK_BUF_INIT;
        yk_buf_printf(&b, "%s ", text);
        char *more = b.is_failed ? NULL : yk_strdup(yk_buf_text(&b));
        if (!more)
            return yk_fail_nomem(err, "reading a command");
        yk_free(t->text);
        t->text = more;
        t->part[0].len++;
    }
    *ret = YK_TAKE(t);
    return 0;
}

/* ---- filling */

static yk_text without_ext(yk_text x)
{
    for (size_t i = x.len; i-- > 0 && x.text[i] != '/';)
        if (x.text[i] == '.')
            return (yk_text){x.text, i};
    return x;
}

static yk_text base(yk_text x)
{
    const char *slash = x.len ? memrchr(x.text, '/', x.len) : NULL;
    size_t      skip = slash ? (size_t)(slash - x.text) + 1 : 0;
    return (yk_text){x.text + skip, x.len - skip};
}

/* As dirname(1): "a/b/" is in "a", "a" in ".", "/a" in "/". */
static yk_text folder(yk_text x)
{
    while (x.len > 1 && x.text[x.len - 1] == '/')
        x.len--;
    const char *slash = x.len ? memrchr(x.text, '/', x.len) : NULL;
    if (!slash)
        return (yk_text){".", 1};
    x.len = (size_t)(slash - x.text);
    while (x.len > 0 && x.text[x.len - 1] == '/')
        x.len--;
    return x.len ? x : (yk_text){"/", 1};
}

static yk_text choose(yk_text x, int what)
{
    switch (what) {
    case NO_EXT: return without_ext(x);
    case BASE: return base(x);
    case FOLDER: return folder(x);
    case BASE_NO_EXT: return without_ext(base(x));
    default: return x;
    }
}

static void put(yk_buf *to, yk_text x, quoting in)
{
    if (in == BARE) {
        yk_quote(to, x.text, x.len);
        return;
    }
    for (size_t i = 0; i < x.len; i++) {
        char c = x.text[i];
        if (in == SINGLE && c == '\'') {
            yk_buf_puts(to, "'\\''");
            continue;
        }
        if (in == DOUBLE && (c == '"' || c == '$' || c == '`' || c == '\\'))
            yk_buf_putc(to, '\\');
        yk_buf_putc(to, c);
    }
}

static void put_slot(yk_buf *to, unsigned slot, quoting in)
{
    if (slot)
        yk_buf_printf(to, "%u", slot);
    else
        yk_buf_puts(to, in == SINGLE ? "'\"$YOKE_SLOT\"'" : "$YOKE_SLOT");
}

void yk_template_fill(const yk_template *t, const yk_text *fields, uint64_t seq, unsigned slot, yk_buf *to)
{
    for (size_t i = 0; i < t->n; i++) {
        const part *p = &t->part[i];
        yk_buf_append(to, t->text + p->at, p->len);
        if (p->what == SEQ)
            yk_buf_printf(to, "%llu", (unsigned long long)seq);
        else if (p->what == SLOT)
            put_slot(to, slot, p->in);
        else if (p->what && p->field)
            put(to, choose(fields[p->field - 1], p->what), p->in);
        else if (p->what)
            for (unsigned f = 0; f < t->n_fields; f++) {
                if (f > 0)
                    yk_buf_putc(to, ' ');
                put(to, choose(fields[f], p->what), p->in);
            }
    }
}
