/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Expressions: text is parsed once, bound to columns and typed once, and run over blocks of rows by any number of workers.
 *
 *     text --yk_expr_parse--> yk_expr --yk_program_new (columns, several expressions)--> yk_program --yk_eval_new--> yk_eval
 *
 * The language and its rules (missing values, types, overflow) are in README.md of this folder. In short: a missing value
 * is a null or a NaN; a comparison with one is false, arithmetic with one is missing; conditions are two-valued (a missing
 * condition counts as false); `/` is IEEE division of reals.
 */
#ifndef YK_EXPR_EXPR_H
#define YK_EXPR_EXPR_H

#include "base/alloc.h"
#include "format/column.h"

/* ---- Text to tree ---- */

/* A parsed expression; immutable, any thread may read it. */
typedef struct yk_expr yk_expr;

/* Parses "tip / fare", or "tip / fare as share". YOKE_ESYNTAX points at the character; an unknown function is YOKE_EABSENT, with
 * a hint at the near name. `text` is borrowed for the call. */
int  yk_expr_parse(const char *text, yk_expr **ret, yoke_error *err) YK_MUST_USE;
void yk_expr_free(yk_expr *e); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_expr, yk_expr_free)

/* Parses expressions separated by commas: "zone, hour(t) as h". *ret_list is an array of *ret_n trees; free both with
 * yk_expr_list_free. */
int  yk_expr_parse_list(const char *text, yk_expr ***ret_list, size_t *ret_n, yoke_error *err) YK_MUST_USE;
void yk_expr_list_free(yk_expr **list, size_t n);

/* The trees that `e` joins by "and" at its top, or `e` alone: rows pass e when they pass each. New trees, as a list above. */
int yk_expr_conjuncts(const yk_expr *e, yk_expr ***ret_list, size_t *ret_n, yoke_error *err) YK_MUST_USE;

/* The canonical text ("tip / fare", least parentheses): equal texts, equal meaning. Borrowed from the tree. */
const char *yk_expr_text(const yk_expr *e);
/* What a result is called: the name after "as", else the column's name for a plain column, else the canonical text. */
const char *yk_expr_name(const yk_expr *e);
/* The name after "as"; NULL: there is none. */
const char *yk_expr_alias(const yk_expr *e);
/* The text as it was typed. */
const char *yk_expr_source(const yk_expr *e);

/* The columns it names, each once, in order of appearance. Borrowed from the tree. */
const char *const *yk_expr_columns(const yk_expr *e, size_t *ret_n);

/* ---- Tree and columns to program ---- */

/* What casts call a type: real, int, text, bool, date, timestamp (also double, float, integer, string, boolean). */
bool yk_type_named(const char *name, yk_type *ret);

typedef struct yk_field {
    const char *name; /* borrowed for the call */
    yk_type     type;
} yk_field;

typedef enum yk_want {
    YK_WANT_ANY,    /* the result as it is */
    YK_WANT_FILTER, /* must be boolean; read with yk_eval_filter */
    YK_WANT_REAL,   /* must be a number or a boolean; comes out as REAL */
} yk_want;

typedef struct yk_root {
    const yk_expr *expr; /* borrowed for the call */
    yk_want        want;
} yk_root;

/* A typed program for some expressions ("roots") over some columns. Immutable once made, any thread may use it. What roots
 * share is computed once per block. */
typedef struct yk_program yk_program;

/* Unknown columns are YOKE_EABSENT with a hint at the near name; types that do not fit are YOKE_ETYPE and are shown. */
int  yk_program_new(const yk_field *fields, size_t n_fields, const yk_root *roots, size_t n_roots, yk_program **ret,
                    yoke_error *err) YK_MUST_USE;
void yk_program_free(yk_program *p);
YK_DEFINE_CLEANUP(yk_program, yk_program_free)

size_t  yk_program_roots(const yk_program *p);
yk_type yk_program_type(const yk_program *p, size_t root);

/* The columns (indices into `fields`, ascending) that one root reads. Borrowed from the program. */
const uint32_t *yk_program_columns(const yk_program *p, size_t root, size_t *ret_n);

/* The only column that the root depends on, else -1: there a block of codes gives a block of the same codes with another
 * dictionary, computed once per dictionary. */
int64_t yk_program_single_column(const yk_program *p, size_t root);

/* Whether some values of the columns are an error: integers that do not fit. */
bool yk_program_can_fail(const yk_program *p, size_t root);

/* Whether the root has arithmetic on two columns one of which is also read elsewhere: yk_eval_pair. */
bool yk_program_has_pair(const yk_program *p, size_t root);

/* The column that the root is, as it is stored, else -1. */
int64_t yk_program_plain_column(const yk_program *p, size_t root);

/* One value of a column or a constant. */
typedef struct yk_value {
    yk_type type;
    bool    is_missing;
    union {
        int64_t  i; /* INT, TIME, DATE, SPAN */
        uint64_t u; /* UINT */
        double   r; /* REAL */
        bool     b;
        yk_text  t; /* TEXT, DATA */
        __extension__ __int128 d; /* DECIMAL */
    };
} yk_value;

/* True, and the value, when the root is a constant (of kind NULL, BOOL, INT, REAL, TEXT, TIME, DATE or SPAN). */
bool yk_program_constant(const yk_program *p, size_t root, yk_value *ret);

/* ---- What a filter says about single columns ---- */

typedef enum yk_fact_op {
    YK_FACT_LT,
    YK_FACT_LE,
    YK_FACT_EQ,
    YK_FACT_GE,
    YK_FACT_GT,
    YK_FACT_PRESENT, /* not missing; value unused */
    YK_FACT_MISSING, /* missing; value unused */
    YK_FACT_NEVER,   /* no row passes; column and value unused */
} yk_fact_op;

/* "Every row that passes has column op value." The value has the column's own type (unit and scale too). */
typedef struct yk_fact {
    yk_fact_op op;
    uint32_t   column; /* index into `fields` */
    yk_value   value;
} yk_fact;

/* The facts that all rows passing the root meet; all of them together still do not replace the filter. Comparisons with a
 * constant, `in`, isnull and their negations joined by `and` give facts; anything else gives none. Borrowed. */
const yk_fact *yk_program_facts(const yk_program *p, size_t root, size_t *ret_n);

/* As strcmp, for two values of one type; 2 when they cannot be compared (NaN). */
int yk_value_order(const yk_value *a, const yk_value *b);

/* Whether rows whose values lie in [min, max] (either may be NULL: unknown; same type as fact->value) can meet the fact.
 * n_missing of n rows are missing; n_missing < 0: unknown. */
bool yk_fact_may_hold(const yk_fact *f, const yk_value *min, const yk_value *max, int64_t n_missing, int64_t n);

/* ---- Program to values ---- */

/* One worker's registers and dictionary caches. Belongs to one thread at a time. */
typedef struct yk_eval yk_eval;

int  yk_eval_new(const yk_program *p, yk_eval **ret, yoke_error *err) YK_MUST_USE; /* borrows p */
void yk_eval_free(yk_eval *ev);
YK_DEFINE_CLEANUP(yk_eval, yk_eval_free)

/* Starts a block of n (1 … YK_BLOCK) rows: columns[i] is field i. Borrowed until the next block. Nothing is computed, or read
 * from `columns`, until a root is asked for: a column need be filled in only before the first root that reads it.
 * A block may hold numbers of another kind than the field said (integers where it said real, another time unit, kind NULL);
 * they are converted. */
void yk_eval_block(yk_eval *ev, const yk_vec *columns, uint32_t n);

/* Rows of this block whose bit is 0 will not be looked at: what cannot be computed there is no error. Call it between
 * yk_eval_filter and the roots that follow; the bitmap is borrowed until the next block, which forgets it. */
void yk_eval_mask(yk_eval *ev, const uint64_t *mask);

/* Computes the root's arithmetic on a pair of columns (yk_program_has_pair) before the filter that reads one of them: where both are
 * dictionary-coded their values are had out together, behind the arithmetic. For filters that most rows pass. */
int yk_eval_pair(yk_eval *ev, size_t root, yoke_error *err) YK_MUST_USE;

/* The root's n values. As they are cheapest: a plain column is passed on as it came; what depends on one dictionary column
 * alone comes as codes into a computed dictionary (whose id has its top bit set, and which lives as long as the evaluator uses
 * it, at least until the next block); a constant has is_const set. In a computed REAL a missing value is a NaN, and without
 * codes `valid` is NULL; other kinds have `valid`. Borrowed until the next block. */
int yk_eval_root(yk_eval *ev, size_t root, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* The same, always as plain values, never codes or is_const. Missing REAL values are NaN and `valid` is NULL for REAL. */
int yk_eval_values(yk_eval *ev, size_t root, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* A boolean root as a bitmap: bit i & 63 of word i >> 6 is set when row i passes; bits from n up are 0. *ret_count rows pass. */
int yk_eval_filter(yk_eval *ev, size_t root, const uint64_t **ret_bits, uint32_t *ret_count, yoke_error *err) YK_MUST_USE;

/* Turns any block into plain values in `type` (which must be v's own or one that yk_eval_block would convert it to): `to` has
 * room for n of them, to_valid for (n + 63) / 64 words. *ret borrows from `to`, or from v where nothing had to be done. */
int yk_vec_flatten(const yk_vec *v, yk_type type, void *to, uint64_t *to_valid, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* The names of all functions, for help and messages; NULL-terminated. */
const char *const *yk_expr_functions(void);

/* ---- Times as text ---- */

/* "2022-02-01", "2022-02-01 12:30", "2022-02-01T12:30:15.25", a trailing Z or +hh:mm. False when it is none. The result is a
 * TIME in nanoseconds where it fits, else in coarser units; *ret_is_date when no time of day was given. */
bool yk_time_parse(const char *text, size_t len, int64_t *ret, yk_unit *ret_unit, bool *ret_is_date);

/* "00:10:00", "23:59:59.5", "2 days", "10 minutes", "1 day 02:00", each with a - before it: as a SPAN. False when it is none. */
bool yk_span_parse(const char *text, size_t len, int64_t *ret, yk_unit *ret_unit);

/* Writes a TIME, DATE or SPAN value as text ("2022-02-01 12:30:15.250"), returns its length. */
enum { YK_TIME_MAX = 48 };
size_t yk_time_print(yk_type type, int64_t value, char buf[YK_TIME_MAX]);

/* 8-4-4-4-12 hexadecimal digits as 16 bytes; false when it is none. */
bool yk_uuid_parse(yk_text text, char ret[16]);

/* Writes a value as text, returns its length: numbers read back as the same. Nothing of NULL, TEXT and DATA that is no UUID. */
enum { YK_VALUE_MAX = 64 };
size_t yk_value_print(yk_type type, const void *value, char buf[YK_VALUE_MAX]);

#endif
