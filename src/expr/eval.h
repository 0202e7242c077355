/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parts of the evaluator share: registers, loading of columns, dictionaries.
 */
#ifndef YK_EXPR_EVAL_H
#define YK_EXPR_EVAL_H

#include "expr/program.h"

enum { YK_BLOCK_WORDS = YK_BLOCK / 64, YK_DICTS = 4 };

/* A node's result for the rows of a whole dictionary, and for a missing row. */
typedef struct yk_dict_result {
    uint64_t  id;       /* of the dictionary; 0: unused */
    uint64_t  n_rows;   /* seen of it so far */
    bool      is_ready, is_refused; /* refused: some entry cannot be computed (overflow), perhaps never met in a row */
    uint32_t  n;
    void     *data;     /* owned: n values and the one for a missing row; BOOL: a bitmap */
    uint64_t *valid;    /* owned: NULL when all are there */
    bool      missing_is_valid; /* the result for a missing row is there */
    yk_arena  texts;
    yk_dict   dict;     /* the result as a dictionary of its own */
} yk_dict_result;

/* A node's result in this block. data: values in storage form, BOOL a bitmap. */
typedef struct yk_reg {
    uint64_t        stamp; /* of the block it was computed for */
    bool            is_const;
    const void     *data;
    const uint64_t *valid; /* NULL: all there; for REAL always NULL, NaN says missing */
    void           *buf;   /* owned */
    uint64_t       *valid_buf;
    yk_dict_result *dicts; /* YK_DICTS of them, NULL until needed */
    uint32_t        next_dict;
} yk_reg;

struct yk_eval {
    const yk_program *p;
    const yk_vec     *columns;
    const uint64_t   *mask;
    uint32_t          n;
    uint64_t          stamp;
    bool              is_inner; /* runs over a dictionary for another evaluator */
    yk_reg           *regs;
    yk_arena          texts; /* of this block */
    yk_eval          *inner;
    yk_vec           *inner_columns;
    uint8_t         **bytes;     /* of each root: YK_BLOCK of them for one that is boolean; NULL until needed */
    uint32_t         *codes;     /* YK_BLOCK */
    uint64_t          scratch[3][YK_BLOCK_WORDS];
    uint64_t          filter[YK_BLOCK_WORDS];
};

/* Computes a node for the current block unless it is there already. */
int yk_eval_node(yk_eval *ev, uint32_t id, yoke_error *err) YK_MUST_USE;

/* Buffers of a register, made at first use. NULL when memory is out. */
void     *yk_reg_data(yk_eval *ev, uint32_t id);
uint64_t *yk_reg_valid(yk_reg *r);

/* Computes one node from its arguments, which are there. */
int yk_eval_code(yk_eval *ev, uint32_t id, yoke_error *err) YK_MUST_USE;

/* The codes that are no arithmetic (eval_other.c). `n` rows, 1 when all arguments are constant. */
int yk_eval_other(yk_eval *ev, uint32_t id, uint32_t n, void *to, yoke_error *err) YK_MUST_USE;

/* Loads v as `type` into to / to_valid or borrows; is_const is kept. REAL comes with NaN for missing. BOOL as bytes. */
int yk_vec_load(const yk_vec *v, yk_type type, void *to, uint64_t *to_valid, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* Through a dictionary, where that is worth it: *ret_done false otherwise. */
int yk_eval_by_dict(yk_eval *ev, uint32_t id, bool *ret_done, yoke_error *err) YK_MUST_USE;
/* The result over the dictionary of the node's only column in this block; NULL when it is not worth it (yet). */
int yk_eval_dict(yk_eval *ev, uint32_t id, const yk_dict_result **ret, yoke_error *err) YK_MUST_USE;
void yk_dict_result_fini(yk_dict_result *d);

static inline bool yk_bit(const uint64_t *bits, uint32_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

static inline void yk_bit_set(uint64_t *bits, uint32_t i, bool value)
{
    bits[i >> 6] = (bits[i >> 6] & ~((uint64_t)1 << (i & 63))) | (uint64_t)value << (i & 63);
}

#endif
