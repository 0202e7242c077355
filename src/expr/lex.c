/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/number.h"
#include "expr/ast.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_byte(char c)
{
    return is_name_start(c) || isdigit((unsigned char)c);
}

/* Characters, not bytes, are what a person counts. */
static unsigned character_of(const char *source, uint32_t at)
{
    unsigned n = 1;
    for (uint32_t i = 0; i < at; i++)
        n += ((unsigned char)source[i] & 0xc0) != 0x80;
    return n;
}

int yk_expr_fail(yoke_error *err, int code, const char *source, uint32_t at, const char *fmt, ...)
{
    char    what[320], near[48];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    size_t left = strlen(source + at), cut = left;
    if (left > 24)
        for (cut = 24; cut > 12 && ((unsigned char)source[at + cut] & 0xc0) == 0x80;)
            cut--;
    snprintf(near, sizeof near, "%.*s%s", (int)cut, source + at, cut < left ? "…" : "");
    if (left == 0)
        return yk_fail(err, code, "%s, at the end of the expression '%.60s%s'", what, source, strlen(source) > 60 ? "…" : "");
    return yk_fail(err, code, "%s, at character %u of the expression, near '%s'", what, character_of(source, at), near);
}

static int lex_number(const char *source, yk_token *t, yoke_error *err)
{
    const char *p = source + t->at, *q = p;
    bool        is_real = false;
    while (isdigit((unsigned char)*q))
        q++;
    if (*q == '.') {
        is_real = true;
        for (q++; isdigit((unsigned char)*q);)
            q++;
    }
    if ((*q == 'e' || *q == 'E') && (isdigit((unsigned char)q[1]) || ((q[1] == '+' || q[1] == '-') && isdigit((unsigned char)q[2])))) {
        is_real = true;
        for (q += 2; isdigit((unsigned char)*q);)
            q++;
    }
    t->end = (uint32_t)(q - source);
    if (is_name_byte(*q) || *q == '.')
        return yk_expr_fail(err, YOKE_ESYNTAX, source, t->at, "this is no number (a name that begins with a digit goes into backquotes)");
    t->kind = is_real                                         ? YK_TOKEN_REAL
              : yk_number_read_int(p, t->end - t->at, &t->i)  ? YK_TOKEN_INT
              : yk_number_read_uint(p, t->end - t->at, &t->u) ? YK_TOKEN_UINT
                                                              : YK_TOKEN_REAL;
    if (t->kind == YK_TOKEN_REAL && !yk_number_read_real(p, t->end - t->at, &t->r))
        t->r = INFINITY; /* beyond the largest */
    return 0;
}

/* 'it''s', "a ""b""", `a b`: the quote is doubled inside. */
static int lex_quoted(const char *source, yk_arena *arena, yk_token *t, yoke_error *err)
{
    char        quote = source[t->at];
    const char *p = source + t->at + 1;
    char       *to = yk_arena_alloc(arena, strlen(p) + 1), *q = to;
    if (!to)
        return yk_fail_nomem(err, "reading an expression");
    for (; *p && (*p != quote || p[1] == quote); p++) {
        if (*p == quote)
            p++;
        *q++ = *p;
    }
    *q = '\0';
    if (!*p)
        return yk_expr_fail(err, YOKE_ESYNTAX, source, t->at, "the closing %c is missing", quote);
    t->end = (uint32_t)(p + 1 - source);
    t->kind = quote == '\'' ? YK_TOKEN_TEXT : YK_TOKEN_QUOTED;
    t->text = to;
    t->text_len = (size_t)(q - to);
    return 0;
}

static int lex_name(const char *source, yk_arena *arena, yk_token *t, yoke_error *err)
{
    const char *p = source + t->at, *q = p;
    while (is_name_byte(*q) || (*q == '.' && is_name_start(q[1])))
        q++;
    t->end = (uint32_t)(q - source);
    t->kind = YK_TOKEN_NAME;
    t->text_len = (size_t)(q - p);
    t->text = yk_arena_strndup(arena, p, t->text_len);
    return t->text ? 0 : yk_fail_nomem(err, "reading an expression");
}

static int lex_sign(const char *source, yk_token *t, yoke_error *err)
{
    static const char *const two[] = {"**", "//", "<=", ">=", "==", "!=", "<>", "&&", "||"};
    const char              *p = source + t->at;
    size_t                   len = 0;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (strncmp(p, two[i], 2) == 0)
            len = 2;
    if (p[0] == '=' && (p[1] == '<' || p[1] == '>'))
        return yk_expr_fail(err, YOKE_ESYNTAX, source, t->at, "'=%c' is written '%c='", p[1], p[1]);
    if (!len && strchr("+-*/%<>=!&|(),", *p))
        len = 1;
    if (!len)
        return yk_expr_fail(err, YOKE_ESYNTAX, source, t->at, "unexpected character%s",
                            *p == '^' ? "; a power is written **" : *p == ':' ? "; a cast is written cast(… as int)" : "");
    t->kind = YK_TOKEN_SIGN;
    memcpy(t->sign, p, len);
    t->end = t->at + (uint32_t)len;
    return 0;
}

int yk_token_next(const char *source, uint32_t *at, yk_arena *arena, yk_token *ret, yoke_error *err)
{
    while (isspace((unsigned char)source[*at]))
        (*at)++;
    *ret = (yk_token){.at = *at, .end = *at};
    char c = source[*at], next = c ? source[*at + 1] : '\0';
    if (!c)
        return 0;
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next)))
        YK_TRY(lex_number(source, ret, err));
    else if (c == '\'' || c == '"' || c == '`')
        YK_TRY(lex_quoted(source, arena, ret, err));
    else if (is_name_start(c))
        YK_TRY(lex_name(source, arena, ret, err));
    else
        YK_TRY(lex_sign(source, ret, err));
    *at = ret->end;
    return 0;
}
