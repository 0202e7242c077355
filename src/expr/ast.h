/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tree that parsing makes: names, constants and calls; operators are calls too. Lives in the arena of its yk_expr.
 */
#ifndef YK_EXPR_AST_H
#define YK_EXPR_AST_H

#include "base/arena.h"
#include "base/buf.h"
#include "expr/expr.h"

enum { YK_EXPR_LONGEST = 1 << 16, YK_EXPR_LIST_LONGEST = 1 << 24, YK_EXPR_DEEPEST = 500 };

/* Operators: name, text, precedence (more binds tighter; 0: written as a function). */
#define YK_OPERATORS(X) \
    X(OR, "or", 1) X(AND, "and", 2) X(NOT, "not", 3) \
    X(LT, "<", 4) X(LE, "<=", 4) X(EQ, "==", 4) X(NE, "!=", 4) X(GE, ">=", 4) X(GT, ">", 4) X(IN, "in", 4) X(LIKE, "like", 4) \
    X(ADD, "+", 5) X(SUB, "-", 5) X(MUL, "*", 6) X(DIV, "/", 6) X(IDIV, "//", 6) X(MOD, "%", 6) X(NEG, "-", 7) X(POW, "**", 8) \
    X(CHAIN, "<", 4) X(CASE, "case", 0) X(CAST, "cast", 0)

/* Functions: name, text, least and most arguments (255: any number), what help says. */
#define YK_FUNCTIONS(X) \
    X(ABS, "abs", 1, 1) X(SQRT, "sqrt", 1, 1) X(EXP, "exp", 1, 1) X(LOG, "log", 1, 1) X(LOG10, "log10", 1, 1) \
    X(LOG1P, "log1p", 1, 1) X(SIN, "sin", 1, 1) X(COS, "cos", 1, 1) X(TAN, "tan", 1, 1) X(TANH, "tanh", 1, 1) \
    X(POWER, "pow", 2, 2) X(FLOOR, "floor", 1, 1) X(CEIL, "ceil", 1, 1) X(ROUND, "round", 1, 2) \
    X(MIN, "min", 2, 255) X(MAX, "max", 2, 255) X(WHERE, "where", 3, 3) X(COALESCE, "coalesce", 1, 255) \
    X(ISNULL, "isnull", 1, 1) X(ISFINITE, "isfinite", 1, 1) \
    X(LOWER, "lower", 1, 1) X(UPPER, "upper", 1, 1) X(LEN, "len", 1, 1) \
    X(YEAR, "year", 1, 1) X(MONTH, "month", 1, 1) X(DAY, "day", 1, 1) X(HOUR, "hour", 1, 1) X(MINUTE, "minute", 1, 1) \
    X(SECOND, "second", 1, 1) X(WEEKDAY, "weekday", 1, 1) \
    X(SECONDS, "seconds", 1, 1) X(MINUTES, "minutes", 1, 1) X(HOURS, "hours", 1, 1) X(DAYS, "days", 1, 1)

typedef enum yk_op {
#define X(name, ...) YK_OP_##name,
    YK_OPERATORS(X) YK_FUNCTIONS(X)
#undef X
} yk_op;

typedef enum yk_ast_kind { YK_AST_NAME, YK_AST_CONST, YK_AST_CALL } yk_ast_kind;

typedef struct yk_ast yk_ast;
struct yk_ast {
    yk_ast_kind kind;
    yk_op       op;      /* of a call */
    uint32_t    at, end; /* bytes of the source it came from */
    uint32_t    depth;
    uint32_t    n_args;
    yk_ast    **args;
    yk_op      *links;     /* of a chain a < b <= c: n_args - 1 comparisons */
    const char *name;      /* of a name: NUL-terminated; of a cast: the type's */
    yk_value    value;     /* of a constant: NULL, BOOL, INT, REAL, TEXT */
    bool        is_quoted; /* name in double quotes */
};

struct yk_expr {
    yk_arena     arena; /* owns all below */
    const char  *source;
    const char  *text;
    const char  *alias; /* NULL without */
    const char **columns;
    size_t       n_columns;
    yk_ast      *root;
};

typedef struct yk_function {
    const char *name;
    yk_op       op;
    uint8_t     least, most;
} yk_function;

const yk_function *yk_function_find(const char *name); /* NULL when there is none; letter case does not matter */
const char        *yk_op_text(yk_op op);
int                yk_op_precedence(yk_op op);

/* Appends the canonical text. */
void yk_ast_print(const yk_ast *a, yk_buf *to);

/* Fills what follows from expr->root: text and columns. */
int yk_expr_finish(yk_expr *e, yoke_error *err) YK_MUST_USE;

/* "expression 'a / / b', at character 5, near '/ b': what". Returns code. */
int yk_expr_fail(yoke_error *err, int code, const char *source, uint32_t at, const char *fmt, ...) YK_PRINTF(5, 6);

/* ---- Tokens ---- */

typedef enum yk_token_kind {
    YK_TOKEN_END,
    YK_TOKEN_INT,
    YK_TOKEN_UINT, /* beyond the others, and within 64 bits */
    YK_TOKEN_REAL,
    YK_TOKEN_TEXT,   /* 'x' */
    YK_TOKEN_NAME,   /* x, x.y */
    YK_TOKEN_QUOTED, /* "x y" or `x y` */
    YK_TOKEN_SIGN,   /* op[0..2] */
} yk_token_kind;

typedef struct yk_token {
    yk_token_kind kind;
    uint32_t      at, end; /* bytes of the source */
    char          sign[3];
    const char   *text; /* of names and texts, unquoted, NUL-terminated, in the arena */
    size_t        text_len;
    int64_t       i;
    uint64_t      u;
    double        r;
} yk_token;

/* Reads the token that begins at or after *at, and moves *at behind it. */
int yk_token_next(const char *source, uint32_t *at, yk_arena *arena, yk_token *ret, yoke_error *err) YK_MUST_USE;

#endif
