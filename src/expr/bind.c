/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From a parsed tree to typed nodes: which columns and functions are meant, which types fit.
 */
#include "expr/program.h"
#include "base/buf.h"
#include "base/near.h"
#include "numeric/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct binder {
    yk_program    *p;
    const yk_expr *e;
    yoke_error    *err;
    const char    *text; /* of e, owned by the program: messages while running need it */
} binder;

static int bind(binder *b, const yk_ast *a, uint32_t *ret);

static const yk_type REAL = {.kind = YK_KIND_REAL}, INT = {.kind = YK_KIND_INT}, BOOL = {.kind = YK_KIND_BOOL},
    TEXT = {.kind = YK_KIND_TEXT};

static yk_type type_of(const binder *b, uint32_t node)
{
    return b->p->nodes[node].type;
}

static yk_kind kind_of(const binder *b, uint32_t node)
{
    return b->p->nodes[node].type.kind;
}

static int fail_at(const binder *b, const yk_ast *a, const char *what)
{
    return yk_expr_fail(b->err, YOKE_ETYPE, b->e->source, a->at, "%s", what);
}

/* "fare is real" */
static const char *describe(const binder *b, const yk_ast *a, uint32_t node, char *buf, size_t size)
{
    char type[48];
    snprintf(buf, size, "%.*s%s is %s", (int)(a->end - a->at < 40 ? a->end - a->at : 40), b->e->source + a->at,
             a->end - a->at > 40 ? "…" : "", yk_type_name(type_of(b, node), type, sizeof type));
    return buf;
}

/* "sqrt takes a number, but zone is text" */
static int misfit(const binder *b, const yk_ast *call, const char *takes, const yk_ast *arg, uint32_t node, const char *hint)
{
    char what[120], text[300];
    snprintf(text, sizeof text, "'%s' takes %s, but %s%s", yk_op_text(call->op), takes, describe(b, arg, node, what, sizeof what), hint);
    return fail_at(b, call, text);
}

static int misfit_pair(const binder *b, const yk_ast *call, const yk_ast *x, uint32_t nx, const yk_ast *y, uint32_t ny, const char *hint)
{
    char left[120], right[120], text[300];
    snprintf(text, sizeof text, "'%s' does not fit: %s, %s%s", yk_op_text(call->op), describe(b, x, nx, left, sizeof left),
             describe(b, y, ny, right, sizeof right), hint);
    return fail_at(b, call, text);
}

static int node2(binder *b, yk_code code, int sub, yk_type type, uint32_t x, uint32_t y, uint32_t *ret)
{
    return yk_node_add(b->p, &(yk_node){.code = (uint8_t)code, .sub = (uint8_t)sub, .n_args = 2, .type = type, .args = {x, y}}, ret,
                       b->err);
}

static int node1(binder *b, yk_code code, int sub, yk_type type, uint32_t x, uint32_t *ret)
{
    return yk_node_add(b->p, &(yk_node){.code = (uint8_t)code, .sub = (uint8_t)sub, .n_args = 1, .type = type, .args = {x}}, ret, b->err);
}


static int constant_missing(binder *b, yk_type type, uint32_t *ret)
{
    return yk_bind_const(b->p, (yk_value){.type = type, .is_missing = true, .r = type.kind == YK_KIND_REAL ? NAN : 0}, ret, b->err);
}

static int constant_real(binder *b, double r, uint32_t *ret)
{
    return yk_bind_const(b->p, (yk_value){.type = REAL, .r = r}, ret, b->err);
}

/* ---- Names ---- */

/* "; the columns are a, b, c, …" */
static void list_columns(const binder *b, yk_buf *to)
{
    for (size_t i = 0; i < b->p->n_fields && to->len < 200; i++)
        yk_buf_printf(to, "%s%.80s", i ? ", " : "; the columns are ", b->p->fields[i].name);
    if (to->len >= 200)
        yk_buf_puts(to, ", …");
}

static int unknown_column(const binder *b, const yk_ast *a)
{
    YK_AUTOFREE const char **names = yk_new_array(const char *, b->p->n_fields ? b->p->n_fields : 1);
    YK_AUTOBUF               all = YK_BUF_INIT;
    char                     hint[200] = "";
    if (!names)
        return yk_fail_nomem(b->err, "binding an expression");
    for (size_t i = 0; i < b->p->n_fields; i++)
        names[i] = b->p->fields[i].name;
    yk_near_hint(a->name, names, b->p->n_fields, hint, sizeof hint);
    if (a->is_quoted)
        snprintf(hint, sizeof hint, "; text goes into single quotes: '%.60s'", a->name);
    if (!*hint)
        list_columns(b, &all);
    return yk_fail(b->err, YOKE_EABSENT, "there is no column '%.80s'%s%s", a->name, hint, yk_buf_text(&all));
}

static int bind_name(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t i;
    if (!yk_field_find(b->p, a->name, &i))
        return unknown_column(b, a);
    yk_node n = {.code = YK_CODE_COLUMN, .type = b->p->fields[i].type, .column = i, .text = b->p->fields[i].name};
    if (n.type.kind == YK_KIND_NULL) /* missing in every row */
        return yk_bind_const(b->p, (yk_value){.is_missing = true}, ret, b->err);
    return yk_node_add(b->p, &n, ret, b->err);
}

/* The constant, owned by the program. */
static int own_value(binder *b, const yk_ast *a, yk_value *ret)
{
    *ret = a->value;
    if (ret->type.kind != YK_KIND_TEXT)
        return 0;
    char *copy = yk_arena_alloc(&b->p->arena, ret->t.len + 1);
    if (!copy)
        return yk_fail_nomem(b->err, "binding an expression");
    memcpy(copy, ret->t.data, ret->t.len);
    ret->t.data = copy;
    return 0;
}

static int bind_const(binder *b, const yk_ast *a, uint32_t *ret)
{
    yk_value v;
    YK_TRY(own_value(b, a, &v));
    return yk_bind_const(b->p, v, ret, b->err);
}

/* ---- What several operators need ---- */

static int need_real(binder *b, const yk_ast *call, const yk_ast *arg, uint32_t *node)
{
    yk_kind k = kind_of(b, *node);
    if (!yk_kind_is_number(k) && k != YK_KIND_BOOL && k != YK_KIND_NULL)
        return misfit(b, call, "numbers", arg, *node,
                      k == YK_KIND_SPAN ? "; seconds(…), minutes(…) or hours(…) make it one"
                      : k == YK_KIND_TEXT ? "; cast(… as real) makes it one" : "");
    return yk_bind_real(b->p, *node, node, b->err);
}

static int need_condition(binder *b, const yk_ast *call, const yk_ast *arg, uint32_t *node)
{
    yk_kind k = kind_of(b, *node);
    if (k == YK_KIND_NULL)
        return yk_bind_const(b->p, (yk_value){.type = BOOL}, node, b->err);
    if (k != YK_KIND_BOOL)
        return misfit(b, call, "conditions", arg, *node, yk_kind_is_number(k) ? "; compare it with something" : "");
    return 0;
}

static int need_time(binder *b, const yk_ast *call, const yk_ast *arg, uint32_t *node)
{
    yk_kind k = kind_of(b, *node);
    if (k == YK_KIND_TEXT && b->p->nodes[*node].code == YK_CODE_CONST) {
        const yk_value *v = &b->p->nodes[*node].value;
        yk_value        t = {.type = {.kind = YK_KIND_TIME}};
        bool            is_date;
        if (yk_time_parse(v->t.data, v->t.len, &t.i, &t.type.unit, &is_date))
            return yk_bind_const(b->p, t, node, b->err);
    }
    if (!yk_kind_is_time(k))
        return misfit(b, call, "a date or timestamp", arg, *node, k == YK_KIND_TEXT ? "; cast(… as timestamp) makes it one" : "");
    return 0;
}

/* What to write instead of a comparison of two kinds that have none. */
static const char *pair_hint(const binder *b, uint32_t x, uint32_t y)
{
    yk_kind kx = kind_of(b, x), ky = kind_of(b, y);
    if (yk_kind_is_number(kx)) {
        uint32_t other = x;
        x = y, y = other;
        kx = kind_of(b, x), ky = kind_of(b, y);
    }
    if ((kx == YK_KIND_SPAN && ky == YK_KIND_TEXT) || (kx == YK_KIND_TEXT && ky == YK_KIND_SPAN))
        return "; a duration is compared with a text such as '00:10:00', and minutes(…), hours(…) make numbers of it";
    if (!yk_kind_is_number(ky))
        return "";
    if (kx == YK_KIND_SPAN)
        return "; seconds(…), minutes(…) or hours(…) make a duration a number";
    if (yk_kind_is_time(kx))
        return "; a time is compared with a text such as '2022-02-01', and year(…), hour(…) make numbers of it";
    return kx != YK_KIND_TEXT ? "" : b->p->nodes[x].code == YK_CODE_CONST ? "; a number is written without quotes"
        : "; cast(… as real) makes a number of text";
}

static int fit_pair(binder *b, const yk_ast *call, const yk_ast *x, uint32_t *nx, const yk_ast *y, uint32_t *ny, bool is_compare)
{
    bool     fits = true;
    uint32_t ox = *nx, oy = *ny;
    int      rc = yk_bind_pair(b->p, nx, ny, is_compare, &fits, b->err);
    if (rc < 0)
        return fits ? rc : yk_fail_at(b->err, rc, "'%s' does not fit", yk_op_text(call->op));
    return fits ? 0 : misfit_pair(b, call, x, ox, y, oy, pair_hint(b, ox, oy));
}

/* ---- Operators ---- */

/* a < b or a > b etc. on nodes of one type. */
static int compare_nodes(binder *b, yk_op op, uint32_t x, uint32_t y, uint32_t *ret)
{
    if (op == YK_OP_GT || op == YK_OP_GE) {
        uint32_t t = x;
        x = y, y = t;
        op = op == YK_OP_GT ? YK_OP_LT : YK_OP_LE;
    }
    int     sub = op == YK_OP_LT ? YK_COMPARE_LT : op == YK_OP_LE ? YK_COMPARE_LE : op == YK_OP_EQ ? YK_COMPARE_EQ : YK_COMPARE_NE;
    yk_kind k = kind_of(b, x);
    yk_code code = k == YK_KIND_REAL ? YK_CODE_COMPARE_REAL : yk_kind_is_bytes(k) ? YK_CODE_COMPARE_TEXT : YK_CODE_COMPARE_INT;
    return node2(b, code, sub, BOOL, x, y, ret);
}

/* One comparison or a chain of them; every operand is bound once. */
static int bind_compare(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t left, right, one, all = 0;
    YK_TRY(bind(b, a->args[0], &left));
    for (uint32_t i = 1; i < a->n_args; i++, left = right) {
        YK_TRY(bind(b, a->args[i], &right));
        uint32_t x = left, y = right;
        if (kind_of(b, x) == YK_KIND_NULL || kind_of(b, y) == YK_KIND_NULL) { /* a comparison with what is missing is false */
            YK_TRY(yk_bind_const(b->p, (yk_value){.type = BOOL}, &one, b->err));
        } else {
            YK_TRY(fit_pair(b, a, a->args[i - 1], &x, a->args[i], &y, true));
            YK_TRY(compare_nodes(b, a->links[i - 1], x, y, &one));
        }
        if (i == 1)
            all = one;
        else
            YK_TRY(node2(b, YK_CODE_AND, 0, BOOL, all, one, &all));
    }
    *ret = all;
    return 0;
}

static int bind_logic(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x, y;
    YK_TRY(bind(b, a->args[0], &x));
    YK_TRY(need_condition(b, a, a->args[0], &x));
    if (a->op == YK_OP_NOT)
        return node1(b, YK_CODE_NOT, 0, BOOL, x, ret);
    YK_TRY(bind(b, a->args[1], &y));
    YK_TRY(need_condition(b, a, a->args[1], &y));
    return node2(b, a->op == YK_OP_AND ? YK_CODE_AND : YK_CODE_OR, 0, BOOL, x, y, ret);
}

static int code_of_int(yk_op op)
{
    switch (op) {
    case YK_OP_ADD: return YK_INT2_ADD;
    case YK_OP_SUB: return YK_INT2_SUB;
    case YK_OP_MUL: return YK_INT2_MUL;
    case YK_OP_IDIV: return YK_INT2_IDIV;
    case YK_OP_MOD: return YK_INT2_MOD;
    case YK_OP_MIN: return YK_INT2_MIN;
    case YK_OP_MAX: return YK_INT2_MAX;
    default: return -1;
    }
}

static int code_of_real(yk_op op)
{
    switch (op) {
    case YK_OP_ADD: return YK_REAL2_ADD;
    case YK_OP_SUB: return YK_REAL2_SUB;
    case YK_OP_MUL: return YK_REAL2_MUL;
    case YK_OP_DIV: return YK_REAL2_DIV;
    case YK_OP_IDIV: return YK_REAL2_IDIV;
    case YK_OP_MOD: return YK_REAL2_MOD;
    case YK_OP_MIN: return YK_REAL2_MIN;
    case YK_OP_MAX: return YK_REAL2_MAX;
    default: return YK_REAL2_POW;
    }
}

/* A text constant beside a time or a duration, in a sum or difference, is a time or a duration itself. */
static int read_literal(binder *b, uint32_t *x, yk_kind other)
{
    const yk_node *n = &b->p->nodes[*x];
    yk_value       v = {.type = {.kind = YK_KIND_TIME}};
    bool           is_date;
    if (n->code != YK_CODE_CONST || n->type.kind != YK_KIND_TEXT || n->value.is_missing
        || (!yk_kind_is_time(other) && other != YK_KIND_SPAN))
        return 0;
    if (!yk_time_parse(n->value.t.data, n->value.t.len, &v.i, &v.type.unit, &is_date)) {
        v.type.kind = YK_KIND_SPAN;
        if (!yk_span_parse(n->value.t.data, n->value.t.len, &v.i, &v.type.unit))
            return 0; /* what the kinds are is said */
    }
    return yk_bind_const(b->p, v, x, b->err);
}

/* TIME - TIME, TIME + SPAN, SPAN / SPAN …; *ret_done false: not an operation with times. */
static int bind_time_arithmetic(binder *b, const yk_ast *a, uint32_t x, uint32_t y, bool *ret_done, uint32_t *ret)
{
    YK_TRY(read_literal(b, &x, kind_of(b, y)));
    YK_TRY(read_literal(b, &y, kind_of(b, x)));
    yk_kind kx = kind_of(b, x), ky = kind_of(b, y);
    bool    tx = yk_kind_is_time(kx), ty = yk_kind_is_time(ky), sx = kx == YK_KIND_SPAN, sy = ky == YK_KIND_SPAN;
    *ret_done = tx || ty || sx || sy;
    if (!*ret_done)
        return 0;
    if (kx == YK_KIND_NULL || ky == YK_KIND_NULL)
        return constant_missing(b, (yk_type){.kind = YK_KIND_NULL}, ret);
    bool is_sum = a->op == YK_OP_ADD || a->op == YK_OP_SUB;
    if ((tx && ty && a->op == YK_OP_SUB) || (sx && sy && is_sum)) {
        YK_TRY(fit_pair(b, a, a->args[0], &x, a->args[1], &y, false));
        if (kind_of(b, x) == YK_KIND_DATE) {
            YK_TRY(yk_bind_rescale(b->p, x, (yk_type){.kind = YK_KIND_TIME, .unit = YK_UNIT_S}, &x, b->err));
            YK_TRY(yk_bind_rescale(b->p, y, (yk_type){.kind = YK_KIND_TIME, .unit = YK_UNIT_S}, &y, b->err));
        }
        yk_type span = {.kind = YK_KIND_SPAN, .unit = type_of(b, x).unit};
        return node2(b, YK_CODE_INT2, code_of_int(a->op), span, x, y, ret);
    }
    if (sx && sy && a->op == YK_OP_DIV) {
        YK_TRY(fit_pair(b, a, a->args[0], &x, a->args[1], &y, false));
        yk_node n = {.code = YK_CODE_INT_TO_REAL, .n_args = 1, .type = REAL, .args = {x}, .value = {.type = REAL, .r = 1.0}};
        YK_TRY(yk_node_add(b->p, &n, &x, b->err));
        n.args[0] = y;
        YK_TRY(yk_node_add(b->p, &n, &y, b->err));
        return node2(b, YK_CODE_REAL2, YK_REAL2_DIV, REAL, x, y, ret);
    }
    if ((tx && sy && is_sum) || (sx && ty && a->op == YK_OP_ADD)) {
        yk_type t = type_of(b, tx ? x : y), s = type_of(b, tx ? y : x), to = t;
        to.kind = YK_KIND_TIME;
        if (t.kind == YK_KIND_DATE || s.unit > t.unit)
            to.unit = s.unit;
        YK_TRY(yk_bind_rescale(b->p, tx ? x : y, to, tx ? &x : &y, b->err));
        YK_TRY(yk_bind_rescale(b->p, tx ? y : x, (yk_type){.kind = YK_KIND_SPAN, .unit = to.unit}, tx ? &y : &x, b->err));
        return node2(b, YK_CODE_INT2, code_of_int(a->op), to, x, y, ret);
    }
    return misfit_pair(b, a, a->args[0], x, a->args[1], y, sx || sy ? "; seconds(…), minutes(…) or hours(…) make a duration a number" : "");
}

static int power(binder *b, uint32_t x, uint32_t y, uint32_t *ret)
{
    const yk_node *e = &b->p->nodes[y];
    if (e->code == YK_CODE_CONST && e->value.r == 2.0)
        return node2(b, YK_CODE_REAL2, YK_REAL2_MUL, REAL, x, x, ret);
    if (e->code == YK_CODE_CONST && e->value.r == 1.0) {
        *ret = x;
        return 0;
    }
    return node2(b, YK_CODE_REAL2, YK_REAL2_POW, REAL, x, y, ret);
}

static int bind_arithmetic(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x, y;
    bool     done;
    YK_TRY(bind(b, a->args[0], &x));
    YK_TRY(bind(b, a->args[1], &y));
    yk_kind kx = kind_of(b, x), ky = kind_of(b, y);
    /* may be anything, as a difference of two times */
    if ((kx == YK_KIND_NULL && (ky == YK_KIND_NULL || ky == YK_KIND_TEXT)) || (kx == YK_KIND_TEXT && ky == YK_KIND_NULL))
        return constant_missing(b, (yk_type){.kind = YK_KIND_NULL}, ret);
    YK_TRY(bind_time_arithmetic(b, a, x, y, &done, ret));
    if (done)
        return 0;
    YK_TRY(yk_bind_int(b->p, x, &x, b->err));
    YK_TRY(yk_bind_int(b->p, y, &y, b->err));
    int as_int = code_of_int(a->op);
    if (kind_of(b, x) == YK_KIND_INT && kind_of(b, y) == YK_KIND_INT && as_int >= 0) {
        YK_TRY(node2(b, YK_CODE_INT2, as_int, INT, x, y, ret));
        b->p->nodes[*ret].text = b->text;
        return 0;
    }
    YK_TRY(need_real(b, a, a->args[0], &x));
    YK_TRY(need_real(b, a, a->args[1], &y));
    return a->op == YK_OP_POW ? power(b, x, y, ret) : node2(b, YK_CODE_REAL2, code_of_real(a->op), REAL, x, y, ret);
}

static int negate(binder *b, uint32_t x, uint32_t *ret)
{
    uint32_t zero;
    yk_type  t = type_of(b, x);
    if (t.kind == YK_KIND_REAL)
        return node1(b, YK_CODE_REAL1, YK_REAL1_NEG, REAL, x, ret);
    YK_TRY(yk_bind_const(b->p, (yk_value){.type = t}, &zero, b->err));
    return node2(b, YK_CODE_INT2, YK_INT2_SUB, t, zero, x, ret);
}

/* -x, abs(x), floor(x) …: integers stay integers where they can. */
static int bind_rounding(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x, y;
    YK_TRY(bind(b, a->args[0], &x));
    YK_TRY(yk_bind_int(b->p, x, &x, b->err));
    yk_kind k = kind_of(b, x);
    if (k == YK_KIND_SPAN && a->op != YK_OP_NEG && a->op != YK_OP_ABS)
        return misfit(b, a, "numbers", a->args[0], x, "; seconds(…), minutes(…) or hours(…) make it one");
    if (k == YK_KIND_INT || k == YK_KIND_SPAN) {
        *ret = x;
        if (a->op == YK_OP_NEG)
            return negate(b, x, ret);
        if (a->op == YK_OP_ABS) {
            YK_TRY(negate(b, x, &y));
            return node2(b, YK_CODE_INT2, YK_INT2_MAX, type_of(b, x), x, y, ret);
        }
        if (a->n_args == 1)
            return 0;
    }
    YK_TRY(need_real(b, a, a->args[0], &x));
    int sub = a->op == YK_OP_NEG     ? YK_REAL1_NEG
              : a->op == YK_OP_ABS   ? YK_REAL1_ABS
              : a->op == YK_OP_FLOOR ? YK_REAL1_FLOOR
              : a->op == YK_OP_CEIL  ? YK_REAL1_CEIL
                                     : YK_REAL1_ROUND;
    if (a->n_args == 1)
        return node1(b, YK_CODE_REAL1, sub, REAL, x, ret);
    /* round(x, d): as NumPy, times and divided by 10^d. */
    uint32_t digits, scale;
    YK_TRY(bind(b, a->args[1], &digits));
    const yk_node *d = &b->p->nodes[digits];
    if (d->code != YK_CODE_CONST || d->type.kind != YK_KIND_INT || d->value.is_missing || d->value.i < -22 || d->value.i > 22)
        return fail_at(b, a->args[1], "the digits of 'round' must be a whole number from -22 to 22");
    double ten = 1.0;
    for (int64_t i = 0; i < llabs(d->value.i); i++)
        ten *= 10.0;
    yk_real2 first = d->value.i < 0 ? YK_REAL2_DIV : YK_REAL2_MUL, second = d->value.i < 0 ? YK_REAL2_MUL : YK_REAL2_DIV;
    YK_TRY(constant_real(b, ten, &scale));
    YK_TRY(node2(b, YK_CODE_REAL2, first, REAL, x, scale, &x));
    YK_TRY(node1(b, YK_CODE_REAL1, sub, REAL, x, &x));
    return node2(b, YK_CODE_REAL2, second, REAL, x, scale, ret);
}

static int bind_real_function(binder *b, const yk_ast *a, uint32_t *ret)
{
    static const struct {
        yk_op    op;
        yk_real1 sub;
    } table[] = {{YK_OP_SQRT, YK_REAL1_SQRT}, {YK_OP_EXP, YK_REAL1_EXP}, {YK_OP_LOG, YK_REAL1_LOG}, {YK_OP_LOG10, YK_REAL1_LOG10},
                 {YK_OP_LOG1P, YK_REAL1_LOG1P}, {YK_OP_SIN, YK_REAL1_SIN}, {YK_OP_COS, YK_REAL1_COS}, {YK_OP_TAN, YK_REAL1_TAN},
                 {YK_OP_TANH, YK_REAL1_TANH}};
    uint32_t x;
    int      sub = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == a->op)
            sub = (int)table[i].sub;
    YK_TRY(bind(b, a->args[0], &x));
    YK_TRY(need_real(b, a, a->args[0], &x));
    return node1(b, YK_CODE_REAL1, sub, REAL, x, ret);
}

/* ---- Choices ---- */

static int select_nodes(binder *b, const yk_ast *call, uint32_t c, const yk_ast *ax, uint32_t x, const yk_ast *ay, uint32_t y,
                        uint32_t *ret)
{
    YK_TRY(fit_pair(b, call, ax, &x, ay, &y, false));
    yk_node n = {.code = YK_CODE_SELECT, .n_args = 3, .type = type_of(b, x), .args = {c, x, y}};
    return yk_node_add(b->p, &n, ret, b->err);
}

/* case: from the last branch back. Branches are given one type first, so that the order does not matter. */
static int bind_case(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t last = a->n_args - 1, value, c;
    YK_TRY(bind(b, a->args[last], &value));
    for (uint32_t i = last; i >= 2; i -= 2) {
        uint32_t x;
        YK_TRY(bind(b, a->args[i - 2], &c));
        YK_TRY(need_condition(b, a, a->args[i - 2], &c));
        YK_TRY(bind(b, a->args[i - 1], &x));
        YK_TRY(select_nodes(b, a, c, a->args[i - 1], x, a->args[last], value, &value));
    }
    *ret = value;
    return 0;
}

static int bind_where(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t c, x, y;
    YK_TRY(bind(b, a->args[0], &c));
    YK_TRY(need_condition(b, a, a->args[0], &c));
    YK_TRY(bind(b, a->args[1], &x));
    YK_TRY(bind(b, a->args[2], &y));
    return select_nodes(b, a, c, a->args[1], x, a->args[2], y, ret);
}

/* min, max, coalesce over any number of arguments. */
static int bind_chain(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t all, x;
    YK_TRY(bind(b, a->args[0], &all));
    for (uint32_t i = 1; i < a->n_args; i++) {
        YK_TRY(bind(b, a->args[i], &x));
        YK_TRY(fit_pair(b, a, a->args[0], &all, a->args[i], &x, false));
        yk_type t = type_of(b, all);
        if (a->op == YK_OP_COALESCE) {
            YK_TRY(node2(b, YK_CODE_COALESCE, 0, t, all, x, &all));
            continue;
        }
        if (t.kind == YK_KIND_UINT || t.kind == YK_KIND_DECIMAL || t.kind == YK_KIND_NULL) {
            YK_TRY(yk_bind_real(b->p, all, &all, b->err));
            YK_TRY(yk_bind_real(b->p, x, &x, b->err));
            t = REAL;
        }
        YK_TRY(yk_bind_int(b->p, all, &all, b->err));
        YK_TRY(yk_bind_int(b->p, x, &x, b->err));
        if (t.kind == YK_KIND_BOOL)
            t = INT;
        if (yk_kind_is_bytes(t.kind))
            return misfit(b, a, "numbers or times", a->args[i], x, "");
        if (t.kind == YK_KIND_REAL)
            YK_TRY(node2(b, YK_CODE_REAL2, code_of_real(a->op), t, all, x, &all));
        else
            YK_TRY(node2(b, YK_CODE_INT2, code_of_int(a->op), t, all, x, &all));
    }
    *ret = all;
    return 0;
}

/* ---- Sets ---- */

static int by_value(const void *a, const void *b)
{
    const yk_value *x = a, *y = b;
    if (x->type.kind == YK_KIND_TEXT)
        return yk_text_compare(x->t, y->t);
    if (x->type.kind == YK_KIND_REAL)
        return (x->r > y->r) - (x->r < y->r);
    return (x->i > y->i) - (x->i < y->i);
}

/* x in (a, b): constants of one kind become a sorted set; anything else a chain of comparisons. */
static int bind_in(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t  x, y, first, any;
    size_t    n = 0;
    yk_value *set = yk_arena_alloc(&b->p->arena, a->n_args * sizeof *set);
    if (!set)
        return yk_fail_nomem(b->err, "binding an expression");
    YK_TRY(bind(b, a->args[0], &first));
    YK_TRY(yk_bind_const(b->p, (yk_value){.type = BOOL}, &any, b->err));
    yk_kind k = kind_of(b, first);
    for (uint32_t i = 1; i < a->n_args; i++) {
        x = first;
        if (a->args[i]->kind == YK_AST_CONST && a->args[i]->value.type.kind == k
            && (k == YK_KIND_INT || k == YK_KIND_REAL || k == YK_KIND_TEXT)) {
            YK_TRY(own_value(b, a->args[i], &set[n])); /* the plain case makes no nodes: lists may be long */
            n++;
            continue;
        }
        YK_TRY(bind(b, a->args[i], &y));
        if (kind_of(b, y) == YK_KIND_NULL || kind_of(b, x) == YK_KIND_NULL)
            continue;
        YK_TRY(fit_pair(b, a, a->args[0], &x, a->args[i], &y, true));
        const yk_node *c = &b->p->nodes[y];
        if (x == first && c->code == YK_CODE_CONST && !c->value.is_missing) {
            set[n++] = c->value;
            continue;
        }
        uint32_t equal;
        YK_TRY(compare_nodes(b, YK_OP_EQ, x, y, &equal));
        YK_TRY(node2(b, YK_CODE_OR, 0, BOOL, any, equal, &any));
    }
    *ret = any;
    if (n == 0)
        return 0;
    qsort(set, n, sizeof *set, by_value);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (by_value(&set[kept - 1], &set[i]) != 0)
            set[kept++] = set[i];
    yk_code code = k == YK_KIND_REAL ? YK_CODE_IN_REAL : yk_kind_is_bytes(k) ? YK_CODE_IN_TEXT : YK_CODE_IN_INT;
    yk_node in = {.code = (uint8_t)code, .n_args = 1, .type = BOOL, .args = {first}, .set = set, .n_set = (uint32_t)kept};
    YK_TRY(yk_node_add(b->p, &in, &x, b->err));
    return b->p->nodes[any].code == YK_CODE_CONST ? (*ret = x, 0) : node2(b, YK_CODE_OR, 0, BOOL, any, x, ret);
}

static int bind_like(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x, pattern;
    YK_TRY(bind(b, a->args[0], &x));
    YK_TRY(bind(b, a->args[1], &pattern));
    if (kind_of(b, x) == YK_KIND_NULL)
        return yk_bind_const(b->p, (yk_value){.type = BOOL}, ret, b->err);
    if (!yk_kind_is_bytes(kind_of(b, x)))
        return misfit(b, a, "text", a->args[0], x, "");
    const yk_node *c = &b->p->nodes[pattern];
    if (c->code != YK_CODE_CONST || c->type.kind != YK_KIND_TEXT)
        return fail_at(b, a->args[1], "the pattern of 'like' must be a text constant, such as 'New%'");
    yk_node n = {.code = YK_CODE_LIKE, .n_args = 1, .type = BOOL, .args = {x}, .value = c->value};
    return yk_node_add(b->p, &n, ret, b->err);
}

/* ---- Text, times, casts ---- */

static int bind_text(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x;
    YK_TRY(bind(b, a->args[0], &x));
    if (kind_of(b, x) == YK_KIND_NULL)
        return constant_missing(b, a->op == YK_OP_LEN ? INT : TEXT, ret);
    if (kind_of(b, x) != YK_KIND_TEXT)
        return misfit(b, a, "text", a->args[0], x, "; cast(… as text) makes it text");
    return a->op == YK_OP_LEN ? node1(b, YK_CODE_TEXT_LEN, 0, INT, x, ret) : node1(b, YK_CODE_TEXT_MAP, a->op, TEXT, x, ret);
}

static int bind_part(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x;
    YK_TRY(bind(b, a->args[0], &x));
    if (kind_of(b, x) == YK_KIND_NULL)
        return constant_missing(b, INT, ret);
    bool is_of_clock = a->op == YK_OP_HOUR || a->op == YK_OP_MINUTE || a->op == YK_OP_SECOND;
    if (!type_of(b, x).is_clock || !is_of_clock)
        YK_TRY(need_time(b, a, a->args[0], &x));
    return node1(b, YK_CODE_PART, a->op, INT, x, ret);
}

/* minutes(b - a): the duration in minutes, a real. */
static int bind_length(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x;
    YK_TRY(bind(b, a->args[0], &x));
    if (kind_of(b, x) == YK_KIND_NULL)
        return constant_missing(b, REAL, ret);
    if (kind_of(b, x) != YK_KIND_SPAN)
        return misfit(b, a, "a duration", a->args[0], x, "; a difference of two timestamps is one");
    double  seconds = a->op == YK_OP_SECONDS ? 1 : a->op == YK_OP_MINUTES ? 60 : a->op == YK_OP_HOURS ? 3600 : 86400;
    yk_node n = {.code = YK_CODE_INT_TO_REAL, .n_args = 1, .type = REAL, .args = {x},
                 .value = {.type = REAL, .r = seconds * (double)yk_unit_per_second(type_of(b, x).unit)}};
    return yk_node_add(b->p, &n, ret, b->err);
}

bool yk_type_named(const char *name, yk_type *ret)
{
    static const struct {
        const char *name;
        yk_type     type;
    } all[] = {{"real", {.kind = YK_KIND_REAL}}, {"double", {.kind = YK_KIND_REAL}}, {"float", {.kind = YK_KIND_REAL}},
               {"int", {.kind = YK_KIND_INT}}, {"integer", {.kind = YK_KIND_INT}}, {"text", {.kind = YK_KIND_TEXT}},
               {"string", {.kind = YK_KIND_TEXT}}, {"bool", {.kind = YK_KIND_BOOL}}, {"boolean", {.kind = YK_KIND_BOOL}},
               {"date", {.kind = YK_KIND_DATE}}, {"timestamp", {.kind = YK_KIND_TIME, .unit = YK_UNIT_US}}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcasecmp(name, all[i].name) == 0) {
            *ret = all[i].type;
            return true;
        }
    return false;
}

static int cast_to_bool(binder *b, uint32_t x, uint32_t *ret)
{
    uint32_t zero;
    YK_TRY(yk_bind_real(b->p, x, &x, b->err));
    YK_TRY(constant_real(b, 0.0, &zero));
    return node2(b, YK_CODE_COMPARE_REAL, YK_COMPARE_NE, BOOL, x, zero, ret);
}

static int cast_number(binder *b, yk_kind to, uint32_t x, uint32_t *ret)
{
    if (to == YK_KIND_REAL)
        return yk_bind_real(b->p, x, ret, b->err);
    if (to == YK_KIND_BOOL)
        return cast_to_bool(b, x, ret);
    YK_TRY(yk_bind_int(b->p, x, &x, b->err));
    if (kind_of(b, x) == YK_KIND_INT) {
        *ret = x;
        return 0;
    }
    YK_TRY(yk_bind_real(b->p, x, &x, b->err));
    return node1(b, YK_CODE_REAL_TO_INT, 0, INT, x, ret);
}

static int bind_cast(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x;
    yk_type  to;
    YK_TRY(bind(b, a->args[0], &x));
    if (!yk_type_named(a->name, &to))
        return yk_expr_fail(b->err, YOKE_ETYPE, b->e->source, a->at,
                            "there is no type '%.40s': real, int, text, bool, date and timestamp are", a->name);
    yk_kind from = kind_of(b, x);
    if (from == YK_KIND_NULL)
        return constant_missing(b, to, ret);
    if (from == to.kind && from != YK_KIND_TIME) {
        *ret = x;
        return 0;
    }
    bool to_number = to.kind == YK_KIND_REAL || to.kind == YK_KIND_INT || to.kind == YK_KIND_BOOL;
    if ((yk_kind_is_number(from) || from == YK_KIND_BOOL) && to_number)
        return cast_number(b, to.kind, x, ret);
    if (to.kind == YK_KIND_TEXT)
        return node1(b, YK_CODE_TO_TEXT, 0, TEXT, x, ret);
    if (from == YK_KIND_TEXT)
        return node1(b, YK_CODE_TEXT_TO, 0, to, x, ret);
    if (yk_kind_is_time(from) && yk_kind_is_time(to.kind)) {
        if (from == YK_KIND_TIME && to.kind == YK_KIND_TIME)
            to = type_of(b, x);
        return yk_bind_rescale(b->p, x, to, ret, b->err);
    }
    return misfit(b, a, "what can become that type", a->args[0], x, "");
}

static int bind_missing(binder *b, const yk_ast *a, uint32_t *ret)
{
    uint32_t x;
    YK_TRY(bind(b, a->args[0], &x));
    yk_kind k = kind_of(b, x);
    if (k == YK_KIND_NULL)
        return yk_bind_const(b->p, (yk_value){.type = BOOL, .b = a->op == YK_OP_ISNULL}, ret, b->err);
    if (a->op == YK_OP_ISFINITE && !yk_kind_is_number(k))
        return misfit(b, a, "numbers", a->args[0], x, "");
    return node1(b, a->op == YK_OP_ISNULL ? YK_CODE_ISNULL : YK_CODE_ISFINITE, 0, BOOL, x, ret);
}

static int bind_call(binder *b, const yk_ast *a, uint32_t *ret)
{
    switch (a->op) {
    case YK_OP_OR: case YK_OP_AND: case YK_OP_NOT: return bind_logic(b, a, ret);
    case YK_OP_LT: case YK_OP_LE: case YK_OP_EQ: case YK_OP_NE: case YK_OP_GE: case YK_OP_GT: case YK_OP_CHAIN:
        return bind_compare(b, a, ret);
    case YK_OP_IN: return bind_in(b, a, ret);
    case YK_OP_LIKE: return bind_like(b, a, ret);
    case YK_OP_ADD: case YK_OP_SUB: case YK_OP_MUL: case YK_OP_DIV: case YK_OP_IDIV: case YK_OP_MOD: case YK_OP_POW: case YK_OP_POWER:
        return bind_arithmetic(b, a, ret);
    case YK_OP_NEG: case YK_OP_ABS: case YK_OP_FLOOR: case YK_OP_CEIL: case YK_OP_ROUND: return bind_rounding(b, a, ret);
    case YK_OP_SQRT: case YK_OP_EXP: case YK_OP_LOG: case YK_OP_LOG10: case YK_OP_LOG1P: case YK_OP_SIN: case YK_OP_COS: case YK_OP_TAN:
    case YK_OP_TANH: return bind_real_function(b, a, ret);
    case YK_OP_MIN: case YK_OP_MAX: case YK_OP_COALESCE: return bind_chain(b, a, ret);
    case YK_OP_WHERE: return bind_where(b, a, ret);
    case YK_OP_CASE: return bind_case(b, a, ret);
    case YK_OP_CAST: return bind_cast(b, a, ret);
    case YK_OP_ISNULL: case YK_OP_ISFINITE: return bind_missing(b, a, ret);
    case YK_OP_LOWER: case YK_OP_UPPER: case YK_OP_LEN: return bind_text(b, a, ret);
    case YK_OP_YEAR: case YK_OP_MONTH: case YK_OP_DAY: case YK_OP_HOUR: case YK_OP_MINUTE: case YK_OP_SECOND: case YK_OP_WEEKDAY:
        return bind_part(b, a, ret);
    case YK_OP_SECONDS: case YK_OP_MINUTES: case YK_OP_HOURS: case YK_OP_DAYS: return bind_length(b, a, ret);
    }
    return fail_at(b, a, "unknown operation");
}

static int bind(binder *b, const yk_ast *a, uint32_t *ret)
{
    switch (a->kind) {
    case YK_AST_NAME: return bind_name(b, a, ret);
    case YK_AST_CONST: return bind_const(b, a, ret);
    case YK_AST_CALL: break;
    }
    return bind_call(b, a, ret);
}

int yk_bind(yk_program *p, const yk_expr *e, yk_want want, uint32_t *ret, yoke_error *err)
{
    binder   b = {p, e, err, yk_arena_strndup(&p->arena, e->text, 80)};
    uint32_t node;
    char     type[48];
    if (!b.text)
        return yk_fail_nomem(err, "binding an expression");
    YK_TRY(bind(&b, e->root, &node));
    yk_kind k = kind_of(&b, node);
    if (want == YK_WANT_FILTER && k == YK_KIND_NULL)
        YK_TRY(yk_bind_const(p, (yk_value){.type = BOOL}, &node, err));
    else if (want == YK_WANT_FILTER && k != YK_KIND_BOOL)
        return yk_fail(err, YOKE_ETYPE, "the filter '%.80s' is %s; a filter must be true or false, such as 'fare > 0' (in quotes: the shell takes > for itself)", e->text,
                       yk_type_name(type_of(&b, node), type, sizeof type));
    if (want == YK_WANT_REAL) {
        if (!yk_kind_is_number(k) && k != YK_KIND_BOOL && k != YK_KIND_NULL)
            return yk_fail(err, YOKE_ETYPE, "'%.80s' is %s, and a number is needed here%s", e->text,
                           yk_type_name(type_of(&b, node), type, sizeof type),
                           k == YK_KIND_SPAN ? "; seconds(…), minutes(…) or hours(…) make it one" : k == YK_KIND_TEXT
                           ? "; cast(… as real) makes it one"
                           : yk_kind_is_time(k) ? "; hour(…), or days(… - '2022-01-01'), is one" : "");
        YK_TRY(yk_bind_real(p, node, &node, err));
    }
    *ret = node;
    return 0;
}
