/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values of groups that are kept one by one, because what is asked of them is known only when all are there: exact quantiles, and how many
 * are different.
 */
#ifndef YK_TABLE_KEPT_H
#define YK_TABLE_KEPT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "format/column.h"

#include <yoke/session.h>

/* Values of one group side by side. */
typedef struct yk_run {
    uint32_t group, n;
} yk_run;

/* Values of whole runs side by side. */
typedef struct yk_stretch {
    const double *values; /* in the arena */
    uint64_t      n;
} yk_stretch;

/* Zeroed is empty; a failed append shows in is_failed. Belongs to one thread. */
typedef struct yk_kept {
    yk_run     *runs;
    size_t      n_runs, cap_runs;
    yk_stretch *stretches; /* that all runs' values, doubles or any eight bytes, lie in, one behind the other */
    size_t      n_stretches, cap_stretches;
    yk_arena    arena;
    uint64_t    n; /* values */
    uint64_t    n_different; /* when this was last found out for all of them */
    /* of values that are wanted once each and come as codes: a bit for each code that a group has had, of one dictionary at a time */
    uint64_t   *had;
    size_t      cap_had;
    uint64_t    had_dict; /* its id; 0: none */
    uint64_t    n_once;   /* values, at most, that came as its codes: where these are all, hardly one is there twice */
    bool        is_failed;
} yk_kept;

void   yk_kept_fini(yk_kept *k);
void   yk_kept_clear(yk_kept *k); /* keeps memory */
size_t yk_kept_bytes(const yk_kept *k);

/* n values of as many groups. Of reals, where YK_NO_GROUP and NaN are left out; of any eight bytes, where rows without a group or with a
 * clear bit in `valid` (NULL: none has) are. */
void yk_kept_add(yk_kept *k, const uint32_t *groups, const double *x, uint32_t n);
void yk_kept_add_words(yk_kept *k, const uint32_t *groups, const uint64_t *words, const uint64_t *valid, uint32_t n);

/* Where each value is wanted once: which of n rows of codes, of n_groups groups, are the first of their group with that code since the
 * values were cleared or the dictionary was another. False when they are no codes, or too many for so many groups. */
bool yk_kept_new_codes(yk_kept *k, const uint32_t *groups, uint32_t n_groups, const yk_vec *v, uint32_t n, uint32_t *rows,
                       uint32_t *ret_n) YK_MUST_USE;

/* The values in another order: that of their groups' ranks (ranks[group], of n groups, each once). Those of rank r are
 * ret_values[ret_begin[r] … ret_begin[r + 1]), as they came. Both are for yk_free, NULL where nothing is kept. */
int yk_kept_rank(const yk_kept *k, const uint32_t *ranks, uint32_t n, double **ret_values, uint64_t **ret_begin,
                 yoke_error *err) YK_MUST_USE;

/* Leaves of each of n ranks' values, as yk_kept_rank gives them, each one once, in the order in which they came first. */
int yk_kept_dedupe(double *values, uint64_t *begin, uint32_t n, yoke_error *err) YK_MUST_USE;

/* Leaves each of n groups' values once, when they are many more than after the last time and the memory holds all of them twice. */
int yk_kept_shrink(yk_kept *k, uint32_t n, uint64_t memory, yoke_error *err) YK_MUST_USE;

/* n groups' values side by side as bytes (begin: where each's are; NULL: nothing is kept), and such bytes added, group i of them being
 * groups[i] here (YK_NO_GROUP: left out). Returns their end. */
void        yk_kept_write(const double *values, const uint64_t *begin, uint32_t n, yk_buf *to);
const char *yk_kept_merge(yk_kept *k, const char *at, const uint32_t *groups, uint32_t n);

/* Exact quantiles of reals that are kept of n groups, linear between two values as numpy.quantile has them: ret_counts[g] values gave
 * ret[g * n_q + i] for q[i]; of none it is left as it was. And how many values of each group are different. On the session's workers, which
 * together take about as much memory as the values, within `memory`; NULL: here. */
int yk_kept_quantiles(const yk_kept *k, uint32_t n, const double *q, size_t n_q, yoke_session *session, uint64_t memory,
                      uint64_t *ret_counts, double *ret, yoke_error *err) YK_MUST_USE;
int yk_kept_different(const yk_kept *k, uint32_t n, yoke_session *session, uint64_t memory, uint64_t *ret, yoke_error *err) YK_MUST_USE;

#endif
