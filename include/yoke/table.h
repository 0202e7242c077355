/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables: Parquet and CSV files, far larger than memory, asked as one. Nothing is read until a result is asked for; any
 * number of results can come from one scan; results have the same bits whatever pulls, and however the rows are split over
 * files and row groups.
 *
 *     yoke_table  *cabs = yoke_table_open(s, "yellow_tripdata_2022-*.parquet", &err);
 *     yoke_table  *paid = yoke_table_where(cabs, "fare_amount > 0", &err);
 *     yoke_ask     asks[] = {{.what = YOKE_ASK_MEAN, .expr = "tip_amount / fare_amount"},
 *                            {.what = YOKE_ASK_HISTOGRAM, .expr = "tip_amount / fare_amount", .n_bins = 200, .lo = 0.01, .hi = 2}};
 *     yoke_answers *got = yoke_table_collect(paid, asks, 2, &err);
 *     printf("%s\n", yoke_answers_at(got, 0)->text);
 *
 * Expressions: column names, numbers, 'text', + - * / % arithmetic, comparisons, and, or, not, and functions;
 * docs/expressions.md lists them. A missing value is a null or a NaN: results leave it out, a comparison with it is false.
 */
#ifndef YOKE_TABLE_H
#define YOKE_TABLE_H

#include <yoke/arrow.h>
#include <yoke/session.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A table, or one derived from it: immutable. Any thread may use it; calls that compute share the session's workers. */
typedef struct yoke_table yoke_table;

typedef struct yoke_table_opts {
    size_t size;          /* sizeof(yoke_table_opts) */
    char   delimiter;     /* of CSV files; 0: found out */
    int    header;        /* 1: their first lines name the columns, -1: they do not, 0: found out */
    int    skip_bad_rows; /* CSV rows with a wrong number of fields are passed over instead of being an error */
    const char *types;    /* of CSV columns, where they are not to be found out: "zip=text, fare=real"; int, bool, date and timestamp are
                             others. A value that is none is an error. NULL: none; borrowed until the table is open */
    uint64_t memory;      /* bytes that a scan and its results may hold before they go to temporary files or are refused; 0: a quarter of
                             what this process may use. What it takes at least: docs/tables.md */
    int (*progress)(void *ctx, uint64_t rows_done, uint64_t rows); /* called from the thread that asked; nonzero: end with
                             YOKE_ECANCELED. Until the rows of CSV files are counted `rows` is UINT64_MAX and rows_done what was counted so
                             far, of standard input and packed files as they are opened: their lines. May be NULL */
    void  *progress_ctx;
} yoke_table_opts;

/*
 * Opens files as one table: a path, a pattern such as "green_*.parquet", or a folder (everything below it; folders named
 * key=value give columns); Parquet, CSV or NumPy's .npy (docs/tables.md). Columns are matched by name, whatever their order; numbers
 * are widened to a common type; where a file lacks a column it is missing (yoke_table_columns says how many have it). The session is
 * borrowed until the table and all derived from it are closed. Returns a table for yoke_table_close, or NULL.
 * Errors: YOKE_EABSENT, YOKE_EIO, YOKE_EFORMAT for a file that is no table (saying what it is instead), YOKE_EUNSUPPORTED.
 */
yoke_table *yoke_table_open(yoke_session *s, const char *pattern, yoke_error *err);
yoke_table *yoke_table_open_many(yoke_session *s, const char *const *patterns, size_t n, const yoke_table_opts *opts, yoke_error *err);
void        yoke_table_close(yoke_table *t); /* NULL is allowed */

/* Only the rows where `expr` is true. YOKE_ESYNTAX; YOKE_EABSENT (a column) and YOKE_ETYPE, which of CSV files the asking says: their types
 * are found by reading. */
yoke_table *yoke_table_where(const yoke_table *t, const char *expr, yoke_error *err);

/* With the columns of `other`, which is read into memory: "PULocationID = LocationID" (several pairs with commas; one name where both call
 * it so). Every row of `t` stays once: it gets the columns of the row of `other` with equal keys, missing values where there is
 * none (so "not isnull(Zone)" keeps the rows that match). A missing key equals none. A name that `t` has already gets "_2". Two rows of
 * `other` with the same keys are YOKE_EINVALID. */
yoke_table *yoke_table_join(const yoke_table *t, const yoke_table *other, const char *keys, yoke_error *err);

/* ---- results that are numbers */

typedef enum yoke_ask_kind {
    YOKE_ASK_COUNT,     /* rows; with expr: rows where it is not missing */
    YOKE_ASK_SUM,       /* integers exactly; reals (unsigned 64-bit and decimals too) by the fixed tree that numeric/sum.h describes */
    YOKE_ASK_MEAN,
    YOKE_ASK_MIN,       /* of numbers, times and text */
    YOKE_ASK_MAX,
    YOKE_ASK_STD,       /* of a sample: divided by n - 1 */
    YOKE_ASK_VAR,
    YOKE_ASK_QUANTILE,  /* exact, between two values by linear interpolation; .q in 0 … 1 */
    YOKE_ASK_HISTOGRAM, /* n_bins equal bins over [lo, hi], or evenly spaced logarithms (is_log), or given edges */
    YOKE_ASK_DISTINCT,  /* how many different values, missing ones aside */
    YOKE_ASK_FIRST,     /* of a group: its first value that is not missing */
    YOKE_ASK_LAST,
} yoke_ask_kind;

typedef struct yoke_ask {
    yoke_ask_kind what;
    const char   *expr;
    double        q;
    uint32_t      n_bins;
    double        lo, hi;
    int           is_log;
    const double *edges; /* n_edges of them, instead of n_bins, lo, hi; borrowed for the call */
    size_t        n_edges;
} yoke_ask;

typedef struct yoke_answer {
    const char *text;      /* as it is printed: reads back as the same value; "" when missing */
    double      real;      /* the same as a double; NaN for what is no number or missing */
    int64_t     integer;   /* the same as an integer where is_integer */
    int         is_integer;
    int         is_missing; /* no row counted */
    const char *type;      /* "integer", "real", "text", "timestamp[us]" … */
    size_t      n_bins;    /* of a histogram; edges has one more */
    const double   *edges;
    const uint64_t *counts;
} yoke_answer;

typedef struct yoke_answers yoke_answers;

/* All n asks from as few scans as can be: one, and a second or third for quantiles. Returns answers for yoke_answers_free, or NULL.
 * Errors: those of expressions, YOKE_ETYPE for a mean of text, YOKE_EINVALID for wrong bins; those of reading. */
yoke_answers      *yoke_table_collect(const yoke_table *t, const yoke_ask *asks, size_t n, yoke_error *err);
const yoke_answer *yoke_answers_at(const yoke_answers *a, size_t i); /* borrowed; NULL beyond the last */
void               yoke_answers_free(yoke_answers *a);

/* One result each: the serial loop over all rows that pass. *ret is NaN when no row counts. */
int yoke_table_count(const yoke_table *t, uint64_t *ret, yoke_error *err);
int yoke_table_sum(const yoke_table *t, const char *expr, double *ret, yoke_error *err);
int yoke_table_mean(const yoke_table *t, const char *expr, double *ret, yoke_error *err);
int yoke_table_std(const yoke_table *t, const char *expr, double *ret, yoke_error *err);
int yoke_table_min(const yoke_table *t, const char *expr, double *ret, yoke_error *err);
int yoke_table_max(const yoke_table *t, const char *expr, double *ret, yoke_error *err);
int yoke_table_quantile(const yoke_table *t, const char *expr, double q, double *ret, yoke_error *err);

/* ---- results that are rows: a frame in memory, or written to a file as they come */

typedef struct yoke_frame yoke_frame;

/* What makes rows of a table: fill in what is wanted, leave the rest 0. */
typedef struct yoke_rows {
    /* "zone, tip / fare as share", "*, tip / fare as share"; NULL or *: all columns of all files that can be read. NULL with `by` */
    const char *select;
    const char *by;       /* one row per group: "PULocationID, hour(pickup)" */
    const yoke_ask *asks; /* with `by`: what of each group; n_asks of them. With histograms (all of the same bins) a group has a row for
                             each bin: its edges as columns "lo" and "hi", then the counts, the group's other results repeated */
    const char *const *ask_names; /* n_asks names of those columns; NULL, all of them or one: "mean(tip)" */
    size_t      n_asks;
    int         is_distinct; /* each different row once, in order of first appearance; not with `by` nor `sample` */
    const char *sort;        /* "tip desc, zone": a comma list; missing last; equal rows stay in order */
    /* at most so many rows (with `by`: groups), after sorting; 0: all. What statistics say comes later is not read */
    uint64_t    head;
    uint64_t    tail;        /* the last so many */
    uint64_t    sample;      /* so many rows chosen by `seed`, each set of rows equally likely; in order. One of head, tail and sample; none
                                of the last with `by` */
    uint64_t    seed;
} yoke_rows;

/* The rows, in memory. Without sort or by: in the order of the files. Groups are in the order of their keys. Returns a frame for
 * yoke_frame_free, or NULL. Errors: also YOKE_ELIMIT when they take more memory than allowed. */
yoke_frame *yoke_table_rows(const yoke_table *t, const yoke_rows *rows, yoke_error *err);
void        yoke_frame_free(yoke_frame *f);

/* Columns and rows are counted from 0; beyond the last there is no name (NULL), and cells are missing. */
uint64_t    yoke_frame_rows(const yoke_frame *f);
size_t      yoke_frame_columns(const yoke_frame *f);
const char *yoke_frame_name(const yoke_frame *f, size_t column); /* borrowed */
const char *yoke_frame_type(const yoke_frame *f, size_t column);
int         yoke_frame_is_missing(const yoke_frame *f, size_t column, uint64_t row);
double      yoke_frame_real(const yoke_frame *f, size_t column, uint64_t row); /* NaN for what is no number or missing */
/* A cell as it is printed, written to buf as by snprintf: returns the length it has. */
size_t      yoke_frame_text(const yoke_frame *f, size_t column, uint64_t row, char *buf, size_t size);

/* The same rows, handed to fn part by part, in order, in the calling thread; the last part may be empty. No more than a few parts are in
 * memory at a time: what a sort, groups and different rows need beyond opts.memory goes to a temporary file in $TMPDIR; tail and sample
 * are held, and refused with YOKE_ELIMIT where they do not fit. A negative return of fn ends it. A part is borrowed for the call. */
int yoke_table_each(const yoke_table *t, const yoke_rows *rows, int (*fn)(void *ctx, const yoke_frame *part), void *ctx, yoke_error *err);

/* The same rows to a Parquet file, which is complete or absent; `compression` is "zstd" (NULL too), "snappy" or "none". *ret_rows (may
 * be NULL) is how many. YOKE_EEXISTS unless may_replace. */
int yoke_table_write_parquet(const yoke_table *t, const yoke_rows *rows, const char *path, const char *compression, int may_replace,
                             uint64_t *ret_rows, yoke_error *err);

/* The columns of a table: name, type, missing (how many, or "yes"/"no" where counting takes reading), files that have it, note. */
yoke_frame *yoke_table_columns(const yoke_table *t, yoke_error *err);

/* ---- other libraries: the Arrow C stream interface (<yoke/arrow.h>), by which PyArrow, DuckDB, Polars and others exchange tables */

/* A table of the batches of a stream, which is read to its end and taken (released, also on failure); data is not copied. */
yoke_table *yoke_table_from_arrow(yoke_session *s, struct ArrowArrayStream *stream, yoke_error *err);

/* The rows of a frame as a stream of record batches. The frame is taken on success: the stream's release frees it. */
int yoke_frame_to_arrow(yoke_frame *f, struct ArrowArrayStream *ret, yoke_error *err);

/* ---- what a table did, and what a scan would do */

/* The plan of a scan for `rows` (of them select, sort, head and is_distinct; NULL: none) and for the results `asks`, as text for people:
 * files, rows, row groups and pages with their bytes, what statistics leave out, tasks, the order of filters, results that statistics
 * give without a scan. Reads no data beyond what that takes. For yoke_text_free. */
char *yoke_table_explain(const yoke_table *t, const yoke_rows *rows, const yoke_ask *asks, size_t n_asks, yoke_error *err);
void  yoke_text_free(char *text);

typedef struct yoke_table_stats {
    uint64_t files, rows;  /* of the table */
    uint64_t rows_read, rows_skipped, rows_passed; /* of all scans; skipped: unread, as not wanted by what files say or scans found */
    uint64_t rows_bad;     /* CSV rows that skip_bad_rows passed over, in the scan that met most */
    uint64_t bytes_read, pages_read;
    uint64_t scans;
    double   seconds;
} yoke_table_stats;

/* Since the table (or the one it was derived from) was opened. */
void yoke_table_stats_get(const yoke_table *t, yoke_table_stats *ret);

#ifdef __cplusplus
}
#endif
#endif
