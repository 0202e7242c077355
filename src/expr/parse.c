/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Precedence climbing over tokens. Each level of nesting is counted, so that no text can exhaust the stack.
 */
#include "expr/ast.h"
#include "base/near.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct parser {
    const char *source;
    yk_arena   *arena;
    yoke_error *err;
    yk_token    token; /* the one not yet taken */
    uint32_t    at;    /* where the next begins */
    uint32_t    taken; /* where the last one taken ended */
    uint32_t    case_end; /* where a word "case" ended that is a column's name; 0: there was none */
    unsigned    depth;
} parser;

static int parse_or(parser *p, yk_ast **ret);

static int advance(parser *p)
{
    p->taken = p->token.end;
    return yk_token_next(p->source, &p->at, p->arena, &p->token, p->err);
}

static bool is_sign(const parser *p, const char *sign)
{
    return p->token.kind == YK_TOKEN_SIGN && strcmp(p->token.sign, sign) == 0;
}

static bool is_word(const parser *p, const char *word)
{
    return p->token.kind == YK_TOKEN_NAME && strcasecmp(p->token.text, word) == 0;
}

static int expect_sign(parser *p, const char *sign, const char *after)
{
    if (!is_sign(p, sign))
        return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, p->token.at, "expected '%s' %s", sign, after);
    return advance(p);
}

static int expect_word(parser *p, const char *word, const char *after)
{
    if (!is_word(p, word))
        return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, p->token.at, "expected '%s' %s", word, after);
    return advance(p);
}

static int node_new(parser *p, yk_ast_kind kind, uint32_t at, yk_ast **ret)
{
    yk_ast *a = yk_arena_calloc(p->arena, 1, sizeof *a);
    if (!a)
        return yk_fail_nomem(p->err, "reading an expression");
    a->kind = kind;
    a->at = at;
    a->end = p->taken;
    a->depth = 1;
    *ret = a;
    return 0;
}

static int call_new(parser *p, yk_op op, uint32_t at, yk_ast *const *args, size_t n, yk_ast **ret)
{
    yk_ast *a = NULL;
    YK_TRY(node_new(p, YK_AST_CALL, at, &a));
    a->op = op;
    a->n_args = (uint32_t)n;
    a->args = yk_arena_alloc(p->arena, n * sizeof *args);
    if (!a->args)
        return yk_fail_nomem(p->err, "reading an expression");
    memcpy(a->args, args, n * sizeof *args);
    for (size_t i = 0; i < n; i++)
        if (args[i]->depth >= a->depth)
            a->depth = args[i]->depth + 1;
    if (a->depth > YK_EXPR_DEEPEST)
        return yk_expr_fail(p->err, YOKE_ELIMIT, p->source, at, "the expression is nested more than %d deep", YK_EXPR_DEEPEST);
    *ret = a;
    return 0;
}

static int pair_new(parser *p, yk_op op, yk_ast *a, yk_ast *b, yk_ast **ret)
{
    return call_new(p, op, a->at, (yk_ast *[]){a, b}, 2, ret);
}

/* ---- Values ---- */

static int parse_constant(parser *p, yk_ast **ret)
{
    yk_token t = p->token;
    YK_TRY(advance(p));
    YK_TRY(node_new(p, YK_AST_CONST, t.at, ret));
    yk_value *v = &(*ret)->value;
    switch (t.kind) {
    case YK_TOKEN_INT:
        v->type.kind = YK_KIND_INT;
        v->i = t.i;
        break;
    case YK_TOKEN_UINT:
        v->type.kind = YK_KIND_UINT;
        v->u = t.u;
        break;
    case YK_TOKEN_REAL:
        v->type.kind = YK_KIND_REAL;
        v->r = t.r;
        break;
    case YK_TOKEN_TEXT:
        v->type.kind = YK_KIND_TEXT;
        v->t = (yk_text){t.text, t.text_len};
        break;
    default: /* true, false, null */
        v->type.kind = strcasecmp(t.text, "null") ? YK_KIND_BOOL : YK_KIND_NULL;
        v->is_missing = v->type.kind == YK_KIND_NULL;
        v->b = strcasecmp(t.text, "true") == 0;
    }
    return 0;
}

/* Arguments up to the closing parenthesis; the opening one is taken already. */
static int parse_arguments(parser *p, yk_ast ***ret, size_t *ret_n)
{
    size_t n = 0, cap = 0;
    *ret = NULL;
    while (!is_sign(p, ")")) {
        if (n)
            YK_TRY(expect_sign(p, ",", "or ')'"));
        if (n == cap) {
            yk_ast **more = yk_arena_alloc(p->arena, (cap = cap ? 2 * cap : 4) * sizeof *more);
            if (!more)
                return yk_fail_nomem(p->err, "reading an expression");
            if (n)
                memcpy(more, *ret, n * sizeof *more);
            *ret = more;
        }
        YK_TRY(parse_or(p, &(*ret)[n]));
        n++;
    }
    *ret_n = n;
    return advance(p);
}

static int unknown_function(parser *p, const yk_token *name)
{
    static const char *const results[] = {"mean", "avg", "average", "sum", "count", "std", "stddev", "var", "median", "quantile",
                                          "percentile", "unique", "first", "last"};
    static const char *const types[] = {"date", "timestamp", "datetime", "int", "integer", "float", "double", "real", "str", "string",
                                        "text", "bool"};
    static const char *const elsewhere[][2] = {{"if", "where"}, {"iif", "where"}, {"ifelse", "where"}, {"if_else", "where"},
                                               {"ifnull", "coalesce"}, {"nvl", "coalesce"}, {"fillna", "coalesce"}, {"isnan", "isnull"},
                                               {"isna", "isnull"}, {"length", "len"}, {"ln", "log"}, {"ceiling", "ceil"},
                                               {"dayofweek", "weekday"}, {"least", "min"}, {"greatest", "max"}};
    char        hint[96];
    size_t      n = 0;
    const char *const *all = yk_expr_functions();
    while (all[n])
        n++;
    yk_near_hint(name->text, all, n, hint, sizeof hint);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcasecmp(name->text, elsewhere[i][0]) == 0)
            snprintf(hint, sizeof hint, "; here it is called %s", elsewhere[i][1]);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcasecmp(name->text, types[i]) == 0)
            snprintf(hint, sizeof hint, "; a cast is written cast(… as %s)", types[i]);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (strcasecmp(name->text, results[i]) == 0)
            snprintf(hint, sizeof hint, " of single rows; of all rows, or of groups, it is asked as a result of its own");
    return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, name->at, "there is no function '%.64s'%s", name->text, hint);
}

static int parse_function(parser *p, const yk_token *name, yk_ast **ret)
{
    const yk_function *f = yk_function_find(name->text);
    yk_ast           **args;
    size_t             n;
    if (!f)
        return unknown_function(p, name);
    YK_TRY(advance(p));
    YK_TRY(parse_arguments(p, &args, &n));
    if (n < f->least || (f->most != 255 && n > f->most)) {
        const char *least = f->least == f->most ? "" : f->most == 255 ? "at least " : "1 or ";
        unsigned    most = f->most == 255 ? f->least : f->most;
        const char *hint = n == 1 && (f->op == YK_OP_MIN || f->op == YK_OP_MAX) ? "; that of all rows is asked as a result of its own" : "";
        return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, name->at, "%s() takes %s%u argument%s, here it has %zu%s", f->name, least,
                            most, most == 1 ? "" : "s", n, hint);
    }
    return call_new(p, f->op == YK_OP_POWER ? YK_OP_POW : f->op, name->at, args, n, ret);
}

static int parse_cast(parser *p, uint32_t at, yk_ast **ret)
{
    yk_ast *value;
    YK_TRY(advance(p));
    YK_TRY(parse_or(p, &value));
    YK_TRY(expect_word(p, "as", "and a type, as in cast(x as int)"));
    if (p->token.kind != YK_TOKEN_NAME)
        return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, p->token.at, "expected a type: real, int, text, bool, date or timestamp");
    const char *type = p->token.text;
    YK_TRY(advance(p));
    YK_TRY(expect_sign(p, ")", "after the type"));
    YK_TRY(call_new(p, YK_OP_CAST, at, &value, 1, ret));
    (*ret)->name = type;
    return 0;
}

/* case when C then V … [else V] end; "case" is taken already. The tree's arguments: C, V, C, V, …, V (null without else). */
static int parse_case(parser *p, uint32_t at, yk_ast **ret)
{
    enum { MOST = 129 };
    yk_ast *args[MOST];
    size_t  n = 0;
    while (is_word(p, "when")) {
        if (n + 3 > MOST)
            return yk_expr_fail(p->err, YOKE_ELIMIT, p->source, p->token.at, "a case has at most %d branches", MOST / 2);
        YK_TRY(advance(p));
        YK_TRY(parse_or(p, &args[n++]));
        YK_TRY(expect_word(p, "then", "after the condition"));
        YK_TRY(parse_or(p, &args[n++]));
    }
    if (n == 0)
        return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, p->token.at, "expected 'when' after case");
    if (is_word(p, "else")) {
        YK_TRY(advance(p));
        YK_TRY(parse_or(p, &args[n]));
    } else {
        YK_TRY(node_new(p, YK_AST_CONST, p->token.at, &args[n]));
        args[n]->value.is_missing = true;
    }
    YK_TRY(expect_word(p, "end", "to close the case"));
    return call_new(p, YK_OP_CASE, at, args, n + 1, ret);
}

static bool is_reserved(const char *word)
{
    static const char *const words[] = {"and", "or", "not", "in", "like", "when", "then", "else", "end", "as"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(word, words[i]) == 0)
            return true;
    return false;
}

static int parse_named(parser *p, yk_ast **ret)
{
    yk_token name = p->token;
    if (name.kind == YK_TOKEN_NAME && is_reserved(name.text))
        return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, name.at, "expected a value (a column called so goes into backquotes)");
    if (is_word(p, "true") || is_word(p, "false") || is_word(p, "null"))
        return parse_constant(p, ret);
    YK_TRY(advance(p));
    if (name.kind == YK_TOKEN_NAME) {
        if (strcasecmp(name.text, "case") == 0 && is_word(p, "when"))
            return parse_case(p, name.at, ret);
        if (is_sign(p, "("))
            return strcasecmp(name.text, "cast") ? parse_function(p, &name, ret) : parse_cast(p, name.at, ret);
    }
    if (name.kind == YK_TOKEN_NAME && strcasecmp(name.text, "case") == 0)
        p->case_end = name.end;
    YK_TRY(node_new(p, YK_AST_NAME, name.at, ret));
    (*ret)->name = name.text;
    (*ret)->is_quoted = p->source[name.at] == '"';
    return 0;
}

static int parse_primary(parser *p, yk_ast **ret)
{
    switch (p->token.kind) {
    case YK_TOKEN_INT:
    case YK_TOKEN_UINT:
    case YK_TOKEN_REAL:
    case YK_TOKEN_TEXT: return parse_constant(p, ret);
    case YK_TOKEN_NAME:
    case YK_TOKEN_QUOTED: return parse_named(p, ret);
    default: break;
    }
    if (is_sign(p, "(")) {
        YK_TRY(advance(p));
        YK_TRY(parse_or(p, ret));
        return expect_sign(p, ")", "to close the parenthesis");
    }
    return yk_expr_fail(p->err, YOKE_ESYNTAX, p->source, p->token.at, "expected a value");
}

/* ---- Operators, tightest first ---- */

static int parse_unary(parser *p, yk_ast **ret);

static int parse_power(parser *p, yk_ast **ret)
{
    YK_TRY(parse_primary(p, ret));
    if (!is_sign(p, "**"))
        return 0;
    yk_ast *exponent;
    YK_TRY(advance(p));
    YK_TRY(parse_unary(p, &exponent));
    return pair_new(p, YK_OP_POW, *ret, exponent, ret);
}

/* -9223372036854775808 and friends are constants, not negated ones. */
static int negate(parser *p, yk_ast *a, uint32_t at, yk_ast **ret)
{
    bool is_wide = a->kind == YK_AST_CONST && a->value.type.kind == YK_KIND_UINT;
    if ((a->kind == YK_AST_CONST && a->value.type.kind == YK_KIND_INT && a->value.i >= 0) || (is_wide && a->value.u == (uint64_t)1 << 63)) {
        a->value.type.kind = YK_KIND_INT;
        a->value.i = (int64_t)(0 - a->value.u);
        a->at = at;
        *ret = a;
        return 0;
    }
    if (is_wide)
        a->value.type.kind = YK_KIND_REAL, a->value.r = (double)a->value.u;
    if (a->kind == YK_AST_CONST && a->value.type.kind == YK_KIND_REAL && a->value.r >= 0) {
        a->value.r = -a->value.r;
        a->at = at;
        *ret = a;
        return 0;
    }
    return call_new(p, YK_OP_NEG, at, &a, 1, ret);
}

static int parse_unary(parser *p, yk_ast **ret)
{
    uint32_t at = p->token.at;
    bool     is_minus = is_sign(p, "-"), is_not = is_sign(p, "!");
    if (++p->depth > 2 * YK_EXPR_DEEPEST)
        return yk_expr_fail(p->err, YOKE_ELIMIT, p->source, at, "the expression is nested more than %d deep", YK_EXPR_DEEPEST);
    yk_ast *a = NULL;
    if (is_minus || is_not || is_sign(p, "+")) {
        YK_TRY(advance(p));
        YK_TRY(parse_unary(p, &a));
    } else {
        YK_TRY(parse_power(p, &a));
    }
    p->depth--;
    if (is_minus)
        return negate(p, a, at, ret);
    if (is_not)
        return call_new(p, YK_OP_NOT, at, &a, 1, ret);
    *ret = a;
    return 0;
}

static int parse_product(parser *p, yk_ast **ret)
{
    YK_TRY(parse_unary(p, ret));
    for (;;) {
        yk_op op;
        if (is_sign(p, "*"))
            op = YK_OP_MUL;
        else if (is_sign(p, "/"))
            op = YK_OP_DIV;
        else if (is_sign(p, "//"))
            op = YK_OP_IDIV;
        else if (is_sign(p, "%"))
            op = YK_OP_MOD;
        else
            return 0;
        yk_ast *b;
        YK_TRY(advance(p));
        YK_TRY(parse_unary(p, &b));
        YK_TRY(pair_new(p, op, *ret, b, ret));
    }
}

static int parse_sum(parser *p, yk_ast **ret)
{
    YK_TRY(parse_product(p, ret));
    while (is_sign(p, "+") || is_sign(p, "-")) {
        yk_op   op = is_sign(p, "+") ? YK_OP_ADD : YK_OP_SUB;
        yk_ast *b;
        YK_TRY(advance(p));
        YK_TRY(parse_product(p, &b));
        YK_TRY(pair_new(p, op, *ret, b, ret));
    }
    return 0;
}

static bool comparison_of(const parser *p, yk_op *ret)
{
    static const struct {
        const char *sign;
        yk_op       op;
    } all[] = {{"<", YK_OP_LT}, {"<=", YK_OP_LE}, {"==", YK_OP_EQ}, {"=", YK_OP_EQ}, {"!=", YK_OP_NE},
               {"<>", YK_OP_NE}, {">=", YK_OP_GE}, {">", YK_OP_GT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (is_sign(p, all[i].sign)) {
            *ret = all[i].op;
            return true;
        }
    return false;
}

/* a < b < c means a < b and b < c, but is kept as one: its text, and its work, must not double at every level of nesting. */
static int chain_new(parser *p, yk_ast *const *args, const yk_op *links, size_t n, uint32_t at, yk_ast **ret)
{
    YK_TRY(call_new(p, n == 2 ? links[0] : YK_OP_CHAIN, at, args, n, ret));
    (*ret)->links = yk_arena_alloc(p->arena, n * sizeof *links);
    if (!(*ret)->links)
        return yk_fail_nomem(p->err, "reading an expression");
    memcpy((*ret)->links, links, (n - 1) * sizeof *links);
    return 0;
}

/* x is null | x is not null; "is" is next. */
static int parse_is(parser *p, yk_ast *a, yk_ast **ret)
{
    uint32_t at = a->at;
    YK_TRY(advance(p));
    bool is_not = is_word(p, "not");
    if (is_not)
        YK_TRY(advance(p));
    YK_TRY(expect_word(p, "null", "after 'is'; other values are compared with =="));
    YK_TRY(call_new(p, YK_OP_ISNULL, at, &a, 1, ret));
    a = *ret;
    return is_not ? call_new(p, YK_OP_NOT, at, &a, 1, ret) : 0;
}

/* x in (a, b) | x like 'pattern' | x between a and b, each with "not" before. */
static int parse_membership(parser *p, yk_ast *a, yk_ast **ret)
{
    bool     is_not = is_word(p, "not");
    uint32_t at = a->at;
    if (is_not)
        YK_TRY(advance(p));
    if (is_word(p, "in")) {
        yk_ast **list;
        size_t   n;
        YK_TRY(advance(p));
        YK_TRY(expect_sign(p, "(", "and a list after 'in'"));
        YK_TRY(parse_arguments(p, &list, &n));
        yk_ast **args = yk_arena_alloc(p->arena, (n + 1) * sizeof *args);
        if (!args)
            return yk_fail_nomem(p->err, "reading an expression");
        args[0] = a;
        if (n)
            memcpy(args + 1, list, n * sizeof *args);
        YK_TRY(call_new(p, YK_OP_IN, at, args, n + 1, &a));
    } else if (is_word(p, "between")) {
        yk_ast *args[3] = {NULL, a, NULL};
        YK_TRY(advance(p));
        YK_TRY(parse_sum(p, &args[0]));
        YK_TRY(expect_word(p, "and", "and the upper bound after 'between'"));
        YK_TRY(parse_sum(p, &args[2]));
        YK_TRY(chain_new(p, args, (yk_op[]){YK_OP_LE, YK_OP_LE}, 3, at, &a));
    } else {
        yk_ast *pattern;
        YK_TRY(expect_word(p, "like", ", 'in' or 'between' after 'not'"));
        YK_TRY(parse_sum(p, &pattern));
        YK_TRY(pair_new(p, YK_OP_LIKE, a, pattern, &a));
    }
    *ret = a;
    return is_not ? call_new(p, YK_OP_NOT, at, &a, 1, ret) : 0;
}

static int parse_comparison(parser *p, yk_ast **ret)
{
    enum { MOST = 32 };
    yk_ast *args[MOST] = {NULL};
    yk_op   links[MOST];
    size_t  n = 1;
    YK_TRY(parse_sum(p, &args[0]));
    if (is_word(p, "in") || is_word(p, "like") || is_word(p, "between") || is_word(p, "not"))
        return parse_membership(p, args[0], ret);
    if (is_word(p, "is"))
        return parse_is(p, args[0], ret);
    for (; comparison_of(p, &links[n - 1]); n++) {
        if (n == MOST)
            return yk_expr_fail(p->err, YOKE_ELIMIT, p->source, p->token.at, "a chain of comparisons has at most %d links", MOST - 1);
        YK_TRY(advance(p));
        YK_TRY(parse_sum(p, &args[n]));
    }
    *ret = args[0];
    return n == 1 ? 0 : chain_new(p, args, links, n, args[0]->at, ret);
}

static int parse_not(parser *p, yk_ast **ret)
{
    if (++p->depth > 2 * YK_EXPR_DEEPEST)
        return yk_expr_fail(p->err, YOKE_ELIMIT, p->source, p->token.at, "the expression is nested more than %d deep", YK_EXPR_DEEPEST);
    uint32_t at = p->token.at;
    if (is_word(p, "not")) {
        yk_ast *a = NULL;
        YK_TRY(advance(p));
        YK_TRY(parse_not(p, &a));
        YK_TRY(call_new(p, YK_OP_NOT, at, &a, 1, ret));
    } else {
        YK_TRY(parse_comparison(p, ret));
    }
    p->depth--;
    return 0;
}

static int parse_and(parser *p, yk_ast **ret)
{
    YK_TRY(parse_not(p, ret));
    while (is_word(p, "and") || is_sign(p, "&&") || is_sign(p, "&")) {
        yk_ast *b;
        YK_TRY(advance(p));
        YK_TRY(parse_not(p, &b));
        YK_TRY(pair_new(p, YK_OP_AND, *ret, b, ret));
    }
    return 0;
}

static int parse_or(parser *p, yk_ast **ret)
{
    YK_TRY(parse_and(p, ret));
    while (is_word(p, "or") || is_sign(p, "||") || is_sign(p, "|")) {
        yk_ast *b;
        YK_TRY(advance(p));
        YK_TRY(parse_and(p, &b));
        YK_TRY(pair_new(p, YK_OP_OR, *ret, b, ret));
    }
    return 0;
}

/* ---- Whole texts ---- */

/* One expression from *at on, up to the end or, in a list, a comma. Places in it count from its own first character. */
static int parse_one(const char *text, uint32_t *at, bool in_list, yk_expr **ret, yoke_error *err)
{
    YK_CLEANUP(yk_expr_freep) yk_expr *e = yk_new(yk_expr);
    if (!e)
        return yk_fail_nomem(err, "reading an expression");
    while (isspace((unsigned char)text[*at]))
        ++*at;
    text += *at;
    parser p = {.source = text, .arena = &e->arena, .err = err};
    YK_TRY(advance(&p));
    if (p.token.kind == YK_TOKEN_END)
        return yk_fail(err, YOKE_ESYNTAX, "an expression is empty%s", in_list ? " (a comma too many?)" : "");
    YK_TRY(parse_or(&p, &e->root));
    uint32_t end = p.taken;
    if (is_word(&p, "as")) {
        YK_TRY(advance(&p));
        if (p.token.kind != YK_TOKEN_NAME && p.token.kind != YK_TOKEN_QUOTED)
            return yk_expr_fail(err, YOKE_ESYNTAX, text, p.token.at, "expected a name after 'as'");
        e->alias = p.token.text;
        YK_TRY(advance(&p));
    }
    if (p.token.kind != YK_TOKEN_END && !(in_list && is_sign(&p, ",")))
        return yk_expr_fail(err, YOKE_ESYNTAX, text, p.token.at, "expected an operator or the end%s",
                            p.case_end == end               ? " (a case is written: case when x == 1 then y else z end)"
                            : p.token.kind == YK_TOKEN_NAME ? " (a column whose name has blanks goes into backquotes)" : "");
    *at = p.token.kind == YK_TOKEN_END ? UINT32_MAX : *at + p.token.end;
    e->source = yk_arena_strndup(&e->arena, text, end);
    if (!e->source)
        return yk_fail_nomem(err, "reading an expression");
    YK_TRY(yk_expr_finish(e, err));
    *ret = YK_TAKE(e);
    return 0;
}

static int check_length(const char *text, size_t most, yoke_error *err)
{
    return strnlen(text, most + 1) <= most ? 0 : yk_fail(err, YOKE_ELIMIT, "the expression is longer than %zu bytes", most);
}

int yk_expr_parse(const char *text, yk_expr **ret, yoke_error *err)
{
    uint32_t at = 0;
    YK_TRY(check_length(text, YK_EXPR_LONGEST, err));
    return parse_one(text, &at, false, ret, err);
}

typedef struct expr_list {
    yk_expr **items;
    size_t    n, cap;
} expr_list;

static void list_fini(expr_list *l)
{
    yk_expr_list_free(l->items, l->n);
}

int yk_expr_parse_list(const char *text, yk_expr ***ret_list, size_t *ret_n, yoke_error *err)
{
    YK_CLEANUP(list_fini) expr_list l = {0};
    YK_TRY(check_length(text, YK_EXPR_LIST_LONGEST, err));
    for (uint32_t at = 0; at != UINT32_MAX;) {
        YK_CLEANUP(yk_expr_freep) yk_expr *e = NULL;
        YK_TRY(parse_one(text, &at, true, &e, err));
        if (!yk_push(&l.items, &l.n, &l.cap, e))
            return yk_fail_nomem(err, "reading expressions");
        e = NULL;
    }
    *ret_list = YK_TAKE(l.items);
    *ret_n = l.n;
    l.n = 0;
    return 0;
}

void yk_expr_list_free(yk_expr **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        yk_expr_free(list[i]);
    yk_free(list);
}

void yk_expr_free(yk_expr *e)
{
    if (!e)
        return;
    yk_arena_fini(&e->arena);
    yk_free(e);
}
