/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A tree as text again: the fewest parentheses, one space around operators; reading it back gives the same tree.
 */
#include "base/number.h"
#include "expr/ast.h"

#include <ctype.h>
#include <math.h>

#define X(name, text, prec) {text, prec},

static const struct {
    const char *text;
    int         precedence;
} operators[] = {YK_OPERATORS(X)
#undef X
#define X(name, text, least, most) {text, 0},
                     YK_FUNCTIONS(X)
#undef X

};

#define X(name, text, least, most) {text, YK_OP_##name, least, most},
static const yk_function functions[] = {YK_FUNCTIONS(X)};
#undef X

const char *yk_op_text(yk_op op)
{
    return operators[op].text;
}

int yk_op_precedence(yk_op op)
{
    return operators[op].precedence;
}

const yk_function *yk_function_find(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcasecmp(name, functions[i].name) == 0)
            return &functions[i];
    return NULL;
}

const char *const *yk_expr_functions(void)
{
#define X(name, text, least, most) text,
    static const char *const names[] = {YK_FUNCTIONS(X) "cast", NULL};
#undef X
    return names;
}

static bool is_plain_name(const char *s)
{
    static const char *const reserved[] = {"and", "or", "not", "in", "like", "when", "then", "else", "end", "as", "true", "false", "null"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcasecmp(s, reserved[i]) == 0)
            return false;
    bool is_start = true;
    for (; *s; s++) {
        bool is_letter = isalpha((unsigned char)*s) || *s == '_' || (unsigned char)*s >= 0x80;
        if (!(is_letter || (!is_start && (isdigit((unsigned char)*s) || *s == '.'))))
            return false;
        if (*s == '.' && !(isalpha((unsigned char)s[1]) || s[1] == '_' || (unsigned char)s[1] >= 0x80))
            return false;
        is_start = false;
    }
    return !is_start;
}

static void print_quoted(const char *s, size_t n, char quote, yk_buf *to)
{
    yk_buf_putc(to, quote);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == quote)
            yk_buf_putc(to, quote);
        yk_buf_putc(to, s[i]);
    }
    yk_buf_putc(to, quote);
}

static void print_real(double r, yk_buf *to)
{
    char text[YK_NUMBER_MAX];
    if (isinf(r)) {
        yk_buf_puts(to, r < 0 ? "-1e999" : "1e999");
        return;
    }
    yk_number_real(r, text);
    yk_buf_puts(to, text);
    if (!strpbrk(text, ".en"))
        yk_buf_puts(to, ".0");
}

static void print_constant(const yk_value *v, yk_buf *to)
{
    switch (v->type.kind) {
    case YK_KIND_BOOL: yk_buf_puts(to, v->b ? "true" : "false"); break;
    case YK_KIND_INT: yk_buf_printf(to, "%lld", (long long)v->i); break;
    case YK_KIND_UINT: yk_buf_printf(to, "%llu", (unsigned long long)v->u); break;
    case YK_KIND_REAL: print_real(v->r, to); break;
    case YK_KIND_TEXT: print_quoted(v->t.data, v->t.len, '\'', to); break;
    default: yk_buf_puts(to, "null");
    }
}

static void print_list(yk_ast *const *args, uint32_t n, yk_buf *to)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            yk_buf_puts(to, ", ");
        yk_ast_print(args[i], to);
    }
}

/* How tightly a tree holds together; constants below zero bind like a minus. */
static int precedence_of(const yk_ast *a)
{
    if (a->kind == YK_AST_CONST && ((a->value.type.kind == YK_KIND_INT && a->value.i < 0) ||
                                    (a->value.type.kind == YK_KIND_REAL && signbit(a->value.r))))
        return yk_op_precedence(YK_OP_NEG);
    int own = a->kind == YK_AST_CALL ? yk_op_precedence(a->op) : 0;
    return own ? own : 100;
}

static void print_operand(const yk_ast *a, int least, yk_buf *to)
{
    bool is_bare = precedence_of(a) >= least;
    if (!is_bare)
        yk_buf_putc(to, '(');
    yk_ast_print(a, to);
    if (!is_bare)
        yk_buf_putc(to, ')');
}

static void print_case(const yk_ast *a, yk_buf *to)
{
    yk_buf_puts(to, "case");
    for (uint32_t i = 0; i + 1 < a->n_args; i += 2) {
        yk_buf_puts(to, " when ");
        yk_ast_print(a->args[i], to);
        yk_buf_puts(to, " then ");
        yk_ast_print(a->args[i + 1], to);
    }
    yk_buf_puts(to, " else ");
    yk_ast_print(a->args[a->n_args - 1], to);
    yk_buf_puts(to, " end");
}

static void print_chain(const yk_ast *a, int own, yk_buf *to)
{
    print_operand(a->args[0], own + 1, to);
    for (uint32_t i = 1; i < a->n_args; i++) {
        yk_buf_printf(to, " %s ", yk_op_text(a->links[i - 1]));
        print_operand(a->args[i], own + 1, to);
    }
}

static void print_call(const yk_ast *a, yk_buf *to)
{
    int own = yk_op_precedence(a->op);
    switch (a->op) {
    case YK_OP_CASE: print_case(a, to); return;
    case YK_OP_CHAIN: print_chain(a, own, to); return;
    case YK_OP_CAST:
        yk_buf_puts(to, "cast(");
        yk_ast_print(a->args[0], to);
        yk_buf_printf(to, " as %s)", a->name);
        return;
    case YK_OP_IN:
        print_operand(a->args[0], own + 1, to);
        yk_buf_puts(to, " in (");
        print_list(a->args + 1, a->n_args - 1, to);
        yk_buf_putc(to, ')');
        return;
    case YK_OP_NOT:
        yk_buf_puts(to, "not ");
        print_operand(a->args[0], own, to);
        return;
    case YK_OP_NEG:
        yk_buf_putc(to, '-');
        print_operand(a->args[0], a->args[0]->kind == YK_AST_CONST ? 100 : own, to);
        return;
    default: break;
    }
    if (!own) {
        yk_buf_printf(to, "%s(", yk_op_text(a->op));
        print_list(a->args, a->n_args, to);
        yk_buf_putc(to, ')');
        return;
    }
    bool is_power = a->op == YK_OP_POW, is_chain = own != yk_op_precedence(YK_OP_LT);
    print_operand(a->args[0], is_power || !is_chain ? own + 1 : own, to);
    yk_buf_printf(to, " %s ", yk_op_text(a->op));
    print_operand(a->args[1], is_power ? yk_op_precedence(YK_OP_NEG) : own + 1, to);
}

void yk_ast_print(const yk_ast *a, yk_buf *to)
{
    switch (a->kind) {
    case YK_AST_NAME:
        if (is_plain_name(a->name) && !a->is_quoted)
            yk_buf_puts(to, a->name);
        else
            print_quoted(a->name, strlen(a->name), a->is_quoted ? '"' : '`', to);
        break;
    case YK_AST_CONST: print_constant(&a->value, to); break;
    case YK_AST_CALL: print_call(a, to); break;
    }
}

/* ---- What is known of a parsed expression ---- */

static int collect_columns(yk_expr *e, const yk_ast *a, size_t *cap, yoke_error *err)
{
    for (uint32_t i = 0; a->kind == YK_AST_CALL && i < a->n_args; i++)
        YK_TRY(collect_columns(e, a->args[i], cap, err));
    if (a->kind != YK_AST_NAME)
        return 0;
    for (size_t i = 0; i < e->n_columns; i++)
        if (strcmp(e->columns[i], a->name) == 0)
            return 0;
    if (e->n_columns == *cap) {
        const char **more = yk_arena_alloc(&e->arena, (*cap = *cap ? 2 * *cap : 8) * sizeof *more);
        if (!more)
            return yk_fail_nomem(err, "reading an expression");
        if (e->n_columns)
            memcpy(more, e->columns, e->n_columns * sizeof *more);
        e->columns = more;
    }
    e->columns[e->n_columns++] = a->name;
    return 0;
}

int yk_expr_finish(yk_expr *e, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    size_t     cap = 0;
    yk_ast_print(e->root, &text);
    e->text = text.is_failed ? NULL : yk_arena_strndup(&e->arena, yk_buf_text(&text), text.len);
    if (!e->text)
        return yk_fail_nomem(err, "reading an expression");
    return collect_columns(e, e->root, &cap, err);
}

const char *yk_expr_text(const yk_expr *e)
{
    return e->text;
}

const char *yk_expr_source(const yk_expr *e)
{
    return e->source;
}

const char *yk_expr_alias(const yk_expr *e)
{
    return e->alias;
}

const char *yk_expr_name(const yk_expr *e)
{
    if (e->alias)
        return e->alias;
    return e->root->kind == YK_AST_NAME ? e->root->name : e->text;
}

const char *const *yk_expr_columns(const yk_expr *e, size_t *ret_n)
{
    *ret_n = e->n_columns;
    return e->columns;
}

typedef struct trees {
    const yk_ast **items;
    size_t         n, cap;
} trees;

static int split(const yk_ast *a, trees *to)
{
    if (a->kind == YK_AST_CALL && a->op == YK_OP_AND) {
        YK_TRY(split(a->args[0], to));
        return split(a->args[1], to);
    }
    return yk_push(&to->items, &to->n, &to->cap, a) ? 0 : YOKE_ENOMEM;
}

static void trees_fini(trees *t)
{
    yk_free(t->items);
}

/* Each part is read again from its own text, so that it owns all it needs. */
int yk_expr_conjuncts(const yk_expr *e, yk_expr ***ret_list, size_t *ret_n, yoke_error *err)
{
    YK_CLEANUP(trees_fini) trees parts = {0};
    if (split(e->root, &parts) < 0)
        return yk_fail_nomem(err, "splitting a filter");
    yk_expr **list = yk_new_array(yk_expr *, parts.n);
    int       rc = list ? 0 : yk_fail_nomem(err, "splitting a filter");
    for (size_t i = 0; rc == 0 && i < parts.n; i++) {
        YK_AUTOBUF text = YK_BUF_INIT;
        yk_ast_print(parts.items[i], &text);
        rc = text.is_failed ? yk_fail_nomem(err, "splitting a filter") : yk_expr_parse(yk_buf_text(&text), &list[i], err);
    }
    if (rc < 0) {
        yk_expr_list_free(list, list ? parts.n : 0);
        return rc;
    }
    *ret_list = list;
    *ret_n = parts.n;
    return 0;
}
