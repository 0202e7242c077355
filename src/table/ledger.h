/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is known of groups while they are counted together: a task's, all, or a share of them.
 */
#ifndef YK_TABLE_LEDGER_H
#define YK_TABLE_LEDGER_H

#include "table/grouping.h"
#include "table/kept.h"
#include "table/known.h"
#include "table/spill.h"

__extension__ typedef __int128 __attribute__((aligned(8))) yk_wide;

/* What is known of one group for one ask. */
typedef struct yk_cell {
    uint64_t n;
    union {
        struct {
            double mean, m2;
        };
        yk_wide  sum_int;
        double   sum;
        int64_t  i; /* the least, greatest, first or last in storage form */
        uint64_t u;
        double   r;
        uint64_t text[2]; /* where in `texts`, how long */
        yk_wide  d;
    };
} yk_cell;

/* Rows of a task that are kept as they are, because hardly two are of one group: they are grouped when their part is merged. */
typedef struct yk_loose {
    yk_groups *keys;    /* a group for each row; NULL: there are none */
    yk_buf    *values;  /* [ask] */
    yk_buf    *missing; /* [ask]: a byte for each row */
} yk_loose;

/* Groups and their cells: a task's, or all. */
typedef struct yk_ledger {
    yk_groups  *groups;
    yk_cell   **cells; /* [ask][group] */
    size_t     *caps;
    yk_buf      texts;
    yk_kept    *kept;     /* [ask]: where yk_group_keeps says so */
    yk_groups **distinct; /* [ask]: keys and value, of DISTINCT where the values are not kept */
    yk_hists   *hists;    /* [ask] */
    /* of what is merged, unless rows come in the order of keys: in which task's result, and where in it, each group came first */
    uint64_t   *firsts;
    size_t      cap_firsts;
    uint32_t    n_written; /* groups that an earlier task's result had already: their keys need not come again */
    yk_loose    loose;
} yk_ledger;

enum { YK_PARTS = 256 }; /* of many groups, by a hash of their keys */

/* A part of a result that is kept for later. */
typedef struct yk_ledger_piece {
    uint32_t part;     /* YK_PARTS: groups of all parts */
    bool     is_loose; /* rows as they were */
    uint64_t firsts; /* what its groups' places are counted from */
} yk_ledger_piece;

typedef struct yk_grouping {
    yk_sink       base;
    size_t        n_keys, n_asks;
    yk_group_ask *asks;
    size_t       *roots; /* [ask]: the sink's root that it reads */
    size_t       *keeper; /* [ask]: of a quantile, the first ask of quantiles of the same expression, which keeps the values; else itself */
    bool          has_kept; /* values of some ask, once bound */
    bool          in_order;
    uint64_t      memory;
    yk_type      *types; /* of roots, once bound */
    yk_ledger      all;
    yk_known_names names; /* of all's groups, or of the book's */
    yk_groups     *book;  /* what all's groups were when they were first kept for later, if some have names; owned */
    bool           takes_loose; /* few workers: the fold has time to group loose rows itself, while they are in the caches */
    uint64_t       n_results; /* folded */
    bool          stops_alone, has_stopped;
    bool          has_spilled;
    yk_spill      spill; /* results of tasks, in order, part by part; the first is what `all` was */
    yk_ledger_piece *pieces; /* of each in the spill */
    size_t         cap_pieces;
    uint32_t      n_shares; /* a power of two */
} yk_grouping;

/* Few: of a task, not cut into parts. Some: as caches hold. Many: as are merged one after the other. */
enum { YK_FEW_GROUPS = 1 << 12, YK_SOME_GROUPS = 1 << 17, YK_MANY_GROUPS = 1 << 20 };

/* Nothing but how many groups there are is wanted: each part is counted by itself as soon as caches hold no more of them together. */
static inline bool yk_grouping_is_counted(const yk_grouping *s) { return s->in_order && !s->n_asks; }

/* The sink's fold (groups_fold.c). */
int yk_grouping_fold(yk_sink *base, const void *result, size_t size, yoke_error *err) YK_MUST_USE;

static inline bool yk_is_integer(yk_type t) { return t.kind == YK_KIND_BOOL || t.kind == YK_KIND_INT || t.kind == YK_KIND_SPAN; }

/* Which asks read their expression as reals. */
static inline yk_want yk_group_want(yk_each what)
{
    return what == YK_EACH_MEAN || what == YK_EACH_STD || what == YK_EACH_VAR || what == YK_EACH_QUANTILE || what == YK_EACH_HISTOGRAM
        ? YK_WANT_REAL : YK_WANT_ANY;
}

/* Whether an ask keeps values one by one: quantiles, and DISTINCT of values of eight bytes. */
static inline bool yk_group_keeps(const yk_grouping *s, size_t ask)
{
    yk_each what = s->asks[ask].what;
    return what == YK_EACH_QUANTILE || (what == YK_EACH_DISTINCT && yk_kind_size(s->types[s->roots[ask]].kind) == 8);
}

int    yk_ledger_init(const yk_grouping *s, yk_ledger *t, yoke_error *err) YK_MUST_USE;
/* of no groups, whatever it was; small memory is kept */
int    yk_ledger_clear(const yk_grouping *s, yk_ledger *t, yoke_error *err) YK_MUST_USE;
/* for a later task's rows, once this one's are written: the groups stay, where they may; the cells of those written before that this task
 * met, and of new ones, are empty again */
int    yk_ledger_next(const yk_grouping *s, yk_ledger *t, const uint32_t *met, uint32_t n_met, yoke_error *err) YK_MUST_USE;
void   yk_ledger_fini(const yk_grouping *s, yk_ledger *t);
/* as many cells as there are groups; new ones are empty */
int    yk_ledger_grow(const yk_grouping *s, yk_ledger *t, yoke_error *err) YK_MUST_USE;
size_t yk_ledger_bytes(const yk_grouping *s, const yk_ledger *t);
bool   yk_ledger_has_bins(const yk_grouping *s); /* one count for each bin: these do not lie apart by groups */
uint32_t yk_ledger_pairs(const yk_grouping *s, const yk_ledger *t); /* of a group and a value to be counted, of the ask that has most */
int    yk_ledger_fail(const yk_grouping *s, size_t n_groups, yoke_error *err); /* they take too much memory */

/* A value takes the cell when it is the first, or comes before (MIN) or after (MAX) what is there, or later (LAST). */
void yk_ledger_take(yk_ledger *t, yk_each what, yk_type type, yk_cell *c, yk_cell new_one, yk_text text);

/* Up to a block of rows into the cells of an ask, or its values. `is_whole`: every row has a group. */
int yk_ledger_tally(const yk_grouping *s, yk_ledger *t, size_t ask, const uint32_t *numbers, bool is_whole, const yk_vec *v, uint32_t n,
                    yoke_error *err) YK_MUST_USE;

/* The same of codes, where an ask keeps values of which each is wanted once; *ret_done is false when it takes the values themselves. */
int yk_ledger_tally_codes(yk_ledger *t, size_t ask, const uint32_t *numbers, const yk_vec *v, uint32_t n, bool *ret_done,
                          yoke_error *err) YK_MUST_USE;

/* Whether rows can be kept as they are for all that is asked: not where histograms or texts are. */
bool     yk_loose_can(const yk_grouping *s);
int      yk_loose_init(const yk_grouping *s, yk_loose *l, yoke_error *err) YK_MUST_USE; /* which may hold memory of former rows */
void     yk_loose_fini(const yk_grouping *s, yk_loose *l);
void     yk_loose_clear(const yk_grouping *s, yk_loose *l);
size_t   yk_loose_bytes(const yk_grouping *s, const yk_loose *l);
uint32_t yk_loose_count(const yk_loose *l);

/* An ask's values in the rows that were appended to `keys`. */
int yk_loose_put(const yk_grouping *s, yk_loose *l, size_t ask, const yk_vec *v, const uint64_t *mask, uint32_t n,
                 yoke_error *err) YK_MUST_USE;

/* A part's rows as bytes, their places counted from `first`; and such rows into groups. */
int yk_loose_write(const yk_grouping *s, const yk_loose *l, const uint32_t *rows, uint32_t n, uint64_t first, yk_buf *to,
                   yoke_error *err) YK_MUST_USE;
int yk_loose_merge(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char *at, size_t size, yoke_error *err) YK_MUST_USE;

/* Such rows into none, as they were. */
int yk_loose_read(const yk_grouping *s, yk_loose *l, const char *at, size_t size, yoke_error *err) YK_MUST_USE;

/* What bytes to be merged begin with, a ledger's and those of loose rows: n groups, and where each came first, counted from `firsts`.
 * *ret_numbers (for yk_free, after an error too) are their numbers here; *at goes past them. */
int yk_ledger_merge_groups(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char **at, size_t size, uint32_t **ret_numbers,
                           uint32_t *ret_n, yoke_error *err) YK_MUST_USE;

/* Before a ledger's bytes. */
typedef struct yk_ledger_head {
    uint32_t n_parts, has_loose;
} yk_ledger_head;

/* As bytes: n_parts of them, each with its size before it; then as many of loose rows, if there are any. */
int yk_ledger_write(const yk_grouping *s, const yk_ledger *t, uint32_t n_parts, yk_buf *to, yoke_error *err) YK_MUST_USE;

/* A part's bytes merged into another: all of its groups, or those of the share that t's are for. Places count from `firsts`. */
int yk_ledger_merge(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char *at, size_t size, yoke_error *err) YK_MUST_USE;

/* The same; *ret_numbers (for yk_free, after an error too) are what its groups are called here. */
int yk_ledger_merge_named(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char *at, size_t size, uint32_t **ret_numbers,
                          uint32_t *ret_n, yoke_error *err) YK_MUST_USE;

/* Where all that is known of a group is a cell of fixed size for each ask. Then cells go without keys: of groups rows[0 … n), written, and
 * merged into those of groups numbers[0 … n); yk_ledger_cell_bytes of each group. */
bool   yk_ledger_is_cells(const yk_grouping *s);
size_t yk_ledger_cell_bytes(const yk_grouping *s);
void   yk_ledger_write_cells(const yk_grouping *s, const yk_ledger *t, const uint32_t *rows, uint32_t n, yk_buf *to);
void   yk_ledger_merge_cells(const yk_grouping *s, yk_ledger *t, const char *at, const uint32_t *numbers, uint32_t n);

/* Once all is merged: finds what is only known then, on the session's workers (NULL: here). After that, a row for each group, in the order
 * given; with_firsts: a last column says where each came first. */
int yk_ledger_end(const yk_grouping *s, yk_ledger *t, yoke_session *session, yoke_error *err) YK_MUST_USE;
int yk_ledger_rows(const yk_grouping *s, yk_ledger *t, const uint32_t *order, bool with_firsts, yk_batch *ret, yoke_error *err) YK_MUST_USE;

#endif
