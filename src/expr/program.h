/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A bound program: typed nodes in an order in which arguments come first; equal nodes are one node. What an evaluator runs and
 * what a generator of kernel source would read.
 */
#ifndef YK_EXPR_PROGRAM_H
#define YK_EXPR_PROGRAM_H

#include "base/arena.h"
#include "expr/ast.h"

enum { YK_NODES_MOST = 1 << 20 };

/* A node's kind is its type's; in registers a BOOL is a bitmap, DECIMAL and DATA as column.h says, missing REAL is NaN. */
typedef enum yk_code {
    YK_CODE_COLUMN,
    YK_CODE_CONST,
    YK_CODE_REAL1,        /* sub: yk_real1 */
    YK_CODE_REAL2,        /* sub: yk_real2 */
    YK_CODE_INT2,         /* sub: yk_int2; division by 0 is missing, a result that does not fit an error */
    YK_CODE_COMPARE_REAL, /* sub: yk_compare */
    YK_CODE_COMPARE_INT,  /* sub: yk_compare; INT, TIME, DATE, SPAN of one unit, UINT flipped */
    YK_CODE_COMPARE_TEXT, /* sub: yk_compare; bytes */
    YK_CODE_AND,
    YK_CODE_OR,
    YK_CODE_NOT,
    YK_CODE_SELECT,   /* args: condition, then, else */
    YK_CODE_COALESCE, /* the first, or the second where that is missing */
    YK_CODE_ISNULL,
    YK_CODE_ISFINITE,        /* of REAL; of others: not missing */
    YK_CODE_IN_INT,          /* set: sorted by i */
    YK_CODE_IN_REAL,         /* set: sorted by r */
    YK_CODE_IN_TEXT,         /* set: sorted by t */
    YK_CODE_LIKE,            /* value.t: the pattern */
    YK_CODE_INT_TO_REAL,     /* INT, SPAN; value.r: divisor, 1 for plain */
    YK_CODE_UINT_TO_REAL,
    YK_CODE_UINT_FLIP,       /* top bit turned: compares as signed */
    YK_CODE_DECIMAL_TO_REAL,
    YK_CODE_BOOL_TO_INT,
    YK_CODE_REAL_TO_INT, /* towards zero; out of range is missing */
    /* TIME, DATE, SPAN: times value.i (at the borders: the least or greatest), or divided, rounding down, by -value.i */
    YK_CODE_RESCALE,
    YK_CODE_PART,        /* sub: the yk_op YEAR … WEEKDAY; of TIME or DATE */
    YK_CODE_TEXT_MAP,    /* sub: YK_OP_LOWER or YK_OP_UPPER */
    YK_CODE_TEXT_LEN,
    YK_CODE_TO_TEXT,
    YK_CODE_TEXT_TO, /* to BOOL, INT, REAL, DATE, TIME[us]: missing where the text is none */
} yk_code;

typedef struct yk_node {
    uint8_t         code, sub, n_args;
    bool            is_wide; /* some user mixes it with other columns, or it is a root: its values are needed row by row */
    uint32_t        n_users; /* how often it is an argument */
    yk_type         type;
    uint32_t        args[3];
    uint32_t        column;   /* of COLUMN */
    int64_t         single;   /* the only column it depends on; -1: none; -2: several */
    yk_value        value;    /* of CONST and where noted */
    const yk_value *set;
    uint32_t        n_set;
    const char     *text; /* what it was in the expression, for messages; may be NULL */
} yk_node;

typedef struct yk_bound_root {
    uint32_t  node;
    int64_t   pair; /* its arithmetic on two columns of which one has other users too; -1: there is none */
    yk_want   want;
    uint32_t *columns;
    size_t    n_columns;
    yk_fact  *facts;
    size_t    n_facts;
} yk_bound_root;

struct yk_program {
    yk_arena       arena; /* owns all below */
    yk_field      *fields;
    size_t         n_fields;
    yk_node       *nodes;
    uint32_t       n_nodes, cap_nodes;
    uint32_t      *node_slots, *field_slots; /* ids + 1 by their hashes, 0 where there is none; to find equals */
    uint32_t       n_node_slots, n_field_slots; /* powers of two */
    yk_bound_root *roots;
    size_t         n_roots;
};

/* The field of that name; false when there is none. */
bool yk_field_find(const yk_program *p, const char *name, uint32_t *ret);

/* Appends a node, or finds its equal. Fills `single`. */
int yk_node_add(yk_program *p, const yk_node *n, uint32_t *ret, yoke_error *err) YK_MUST_USE;

/* Binds one tree; adds its nodes. */
int yk_bind(yk_program *p, const yk_expr *e, yk_want want, uint32_t *ret, yoke_error *err) YK_MUST_USE;

/* Conversions between kinds (convert.c); `text` describes the value in messages. */
int yk_bind_real(yk_program *p, uint32_t node, uint32_t *ret, yoke_error *err) YK_MUST_USE; /* numbers and BOOL */
int yk_bind_int(yk_program *p, uint32_t node, uint32_t *ret, yoke_error *err) YK_MUST_USE;  /* INT and BOOL as they are */
int yk_bind_rescale(yk_program *p, uint32_t node, yk_type to, uint32_t *ret, yoke_error *err) YK_MUST_USE;
/* Brings two nodes to one type; false in *ret_fits when there is none. `is_compare` allows what only comparing may do. */
int yk_bind_pair(yk_program *p, uint32_t *a, uint32_t *b, bool is_compare, bool *ret_fits, yoke_error *err) YK_MUST_USE;
int yk_bind_const(yk_program *p, yk_value v, uint32_t *ret, yoke_error *err) YK_MUST_USE;

bool yk_kind_is_number(yk_kind k); /* INT, UINT, REAL, DECIMAL */
bool yk_kind_is_time(yk_kind k);   /* TIME, DATE */
bool yk_type_equal(yk_type a, yk_type b);

/* Finds the facts of a root. */
int yk_facts_find(yk_program *p, yk_bound_root *root, yoke_error *err) YK_MUST_USE;

int64_t yk_unit_per_second(yk_unit u);

/* ---- Work of one node that is not a kernel's (texts.c, times.c) ---- */

int     yk_text_compare(yk_text a, yk_text b); /* as memcmp, shorter first */
int64_t yk_text_length(yk_text text); /* characters */
void    yk_text_map(yk_op op, yk_text from, char *to); /* as many bytes */
void    yk_time_parts(yk_op part, yk_type type, const int64_t *x, uint32_t n, int64_t *to); /* to may be x, here and below */
int64_t yk_rescale(int64_t value, int64_t factor); /* as YK_CODE_RESCALE */
void    yk_rescale_all(const int64_t *x, uint32_t n, int64_t factor, int64_t *to);
void    yk_decimals_to_real(const void *from, uint32_t n, int scale, double *to); /* n of __int128 */
/* False when the text is none of that type. */
bool yk_value_parse(yk_type type, yk_text text, void *ret);

#endif
