/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A scan: one stage over all rows of a source. Its tasks are fixed runs of row numbers, whatever the files and row groups
 * are; a task reads the filter's columns first, then what its sinks ask for, block by block. Any number of sinks share a scan.
 */
#ifndef YK_TABLE_SCAN_H
#define YK_TABLE_SCAN_H

#include "base/buf.h"
#include "plan/stage.h"
#include "table/lookup.h"
#include "table/reader.h"
#include "table/skip.h"

enum { YK_TASK_ROWS = 1 << 17 }; /* a power of two of whole summation leaves */

/* The rows of one block that reach a sink; at least one passes. */
typedef struct yk_block {
    uint64_t        first; /* row number of the block's first row */
    uint32_t        n, n_pass;
    const uint64_t *mask; /* which rows pass; NULL: all */
    yk_eval        *eval;
} yk_block;

typedef struct yk_sink yk_sink;

/* What becomes of the rows: a sink has a state per worker; each task begins it, feeds it and ends it in bytes; the bytes of all
 * tasks are folded in order in the calling process. */
typedef struct yk_sink_ops {
    const char *name;
    void (*bind)(yk_sink *s); /* optional, in the calling process: types are known, a scan begins */
    /* Optional, then, where all rows of the source would come: whether what the files say of themselves is its result, so that none
     * need to. */
    bool (*known)(yk_sink *s, const yk_source *src);
    /* Optional: what all rows that are still wanted meet, by what the files say and by the earlier rows of the state (NULL: by the
     * files alone). Returns how many facts; they are borrowed until the state sees a row. Rows that do not meet them need not come. */
    size_t (*facts)(yk_sink *s, void *state, yk_fact ret[2]);
    /* Optional, of a lone sink, then: narrows [*first, *first + *n), the rows of the scan, to a few that tell most of what the sink
     * wants of the others; it is asked whether it wants `again` after them. `skips` is what need not be read. */
    void (*glance)(yk_sink *s, const yk_source *src, const yk_skips *skips, uint64_t *first, uint64_t *n);
    int (*open)(yk_sink *s, void **ret_state, yoke_error *err);                     /* required */
    void (*close)(yk_sink *s, void *state);                                         /* required */
    int (*begin)(yk_sink *s, void *state, uint64_t first_row, yoke_error *err);     /* required */
    /* Required where bind sets is_lazy: before a block, whether any of its rows is still wanted. Expression s->look alone can be evaluated
     * (n_roots: none can, row numbers tell). When no row is wanted nothing else is read and the block does not come. */
    int (*look)(yk_sink *s, void *state, const yk_block *b, bool *ret_wants, yoke_error *err);
    int (*block)(yk_sink *s, void *state, const yk_block *b, yoke_error *err);      /* required */
    void (*pass)(yk_sink *s, void *state, uint64_t n);                              /* optional: the next n rows do not count */
    /* Optional: as `block`, but row i stands for times[i] rows (0 where it does not pass), which come in no order. */
    int (*times)(yk_sink *s, void *state, const yk_block *b, const uint64_t *times, yoke_error *err);
    int (*end)(yk_sink *s, void *state, yk_buf *to, yoke_error *err);               /* required */
    int (*fold)(yk_sink *s, const void *bytes, size_t n, yoke_error *err);          /* required; sets is_done when it has enough */
    int (*again)(yk_sink *s, bool *ret, yoke_error *err); /* optional: after a scan: whether it wants another */
    void (*reset)(yk_sink *s);                            /* optional: forget what this scan folded: it is begun anew */
    void (*free)(yk_sink *s);                             /* required */
} yk_sink_ops;

/* The first member of every sink. */
struct yk_sink {
    const yk_sink_ops *ops;
    size_t  root;      /* of the program: the first of its expressions; set by the scan */
    yk_root *roots;    /* its expressions; owned */
    size_t  n_roots, cap_roots;
    bool    is_done;   /* needs no more rows, now or ever */
    bool    has_cuts;  /* what it finds is the same wherever tasks end: where memory is short they may be smaller */
    size_t  per_row;   /* bytes that a task of such a sink takes for each row besides its values */
    bool    is_small;  /* what its tasks find takes little, and no more when they have more rows */
    bool    is_lazy;   /* set by bind, as the next two: ops->look decides which blocks come */
    size_t  look;
    bool    in_order;  /* what it finds depends on the order of rows, `times` is of no use */
    const yk_program *program; /* set by the scan before its tasks run */
};

/* Which rows of a source a scan goes through; zeroed: all. Lists are of row numbers, ascending, and borrowed. */
typedef struct yk_scan_rows {
    uint64_t        first, n; /* n 0: all from the first on, which is a multiple of YK_TASK_ROWS where a sink sums */
    const uint64_t *only;     /* NULL: all of them */
    const uint64_t *without;
    size_t          n_only, n_without;
} yk_scan_rows;

typedef struct yk_scan {
    yk_source    *source;
    yoke_session *session;
    const yoke_table_opts *opts;
    yoke_table_stats *stats; /* added to */
    yk_expr     **filters; /* rows pass all of them */
    size_t        n_filters;
    yk_lookup   **lookups; /* their columns come after the source's */
    size_t        n_lookups;
    yk_sink     **sinks;
    size_t        n_sinks;
    yk_scan_rows  rows;
} yk_scan;

/* Bytes that a scan and what follows it may hold: what the call grants, or a quarter of what there is. */
uint64_t yk_opts_memory(const yoke_table_opts *o);

/* Of them, those for tasks and their results, and those for rows that are kept; the rest is for what reads and writes. Between tasks
 * workers keep at most a sixteenth for the next. */
static inline uint64_t yk_memory_idle(uint64_t memory, unsigned workers) { return memory / 16 / workers; }
static inline size_t   yk_memory_running(uint64_t memory) { return memory / 16 * 5 > SIZE_MAX ? SIZE_MAX : (size_t)(memory / 16 * 5); }
static inline uint64_t yk_memory_kept(uint64_t memory) { return memory / 2 - (memory / 4 < 64 << 20 ? memory / 4 : 64 << 20); }

/* What rows on their way out may take, while none are kept or none are read. */
enum { YK_LEAST_MEMORY = 16 << 20 }; /* less is taken to be this much */
static inline uint64_t yk_memory_written(uint64_t memory) { return (memory > YK_LEAST_MEMORY ? memory : YK_LEAST_MEMORY) / 4; }

/* Runs until no sink wants more. */
int yk_scan_run(yk_scan *s, yoke_error *err) YK_MUST_USE;

/* The program alone, typed and checked: filters are its first roots, then each sink's. Sinks that statistics answer are done. The caller
 * frees it. */
int yk_scan_type(yk_scan *s, yk_program **ret, yoke_error *err) YK_MUST_USE;

/* Rows of a task, where memory is not short. */
uint64_t yk_scan_task_rows(const yk_scan *s, const yk_program *program);

/* What all rows that are still wanted meet besides the filters: the facts of a lone sink. None where several sinks may want different
 * rows, or where types of CSV columns may still change. */
size_t yk_scan_facts(const yk_source *s, yk_sink *const *sinks, size_t n_sinks, void *state, yk_fact ret[2]);

/* Adds an expression to a sink that is being made. */
int yk_sink_add(yk_sink *s, const yk_expr *e, yk_want want, yoke_error *err) YK_MUST_USE;

/* The sink's first n expressions in a block, as codes where they come so, all of the type that a scan gave them. */
int yk_sink_values(const yk_sink *s, yk_eval *eval, size_t n, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* The type of a sink's i-th expression, once a scan has begun. */
static inline yk_type yk_sink_type(const yk_sink *s, size_t i) { return yk_program_type(s->program, s->root + i); }

#endif
