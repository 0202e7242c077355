/* SPDX-License-Identifier: BSD-3-Clause
 *
 * NumPy's .npy files: reading by range, writing row by row. Format: NumPy Enhancement Proposal 1, versions 1.0 to 3.0. Columns
 * for tables are in npy_columns.h.
 */
#ifndef YK_FORMAT_NPY_H
#define YK_FORMAT_NPY_H

#include "base/file.h"

enum { YK_NPY_DIMS = 8 };

typedef struct yk_npy_type {
    char    kind; /* 'b' boolean, 'i' signed, 'u' unsigned, 'f' real */
    uint8_t size; /* bytes of one value: 1, 2, 4 or 8 (reals 4 or 8) where it can be read as a plain number */
} yk_npy_type;

/* A field of an item that is a record, as the header has it; a plain array has one, called "". */
typedef struct yk_npy_field {
    char    *name;       /* owned; of a record within a record: "outer.inner" */
    char     descr[24];  /* "<f8", "<M8[us]" */
    char     kind;       /* NumPy's letter: the second of descr */
    bool     is_big;     /* big-endian */
    bool     is_run;     /* several values, not one */
    uint64_t offset, size; /* bytes within the item */
} yk_npy_field;

typedef struct yk_npy {
    char       *path;  /* owned, for messages */
    yk_npy_type type;  /* of a plain array, else 0 */
    yk_npy_field *fields; /* owned */
    unsigned    n_fields;
    size_t      cap_fields;
    uint64_t    item_bytes;
    bool        is_fortran; /* the first dimension's neighbours are neighbours in memory */
    unsigned    n_dims;
    uint64_t    shape[YK_NPY_DIMS];
    uint64_t    n;     /* items in all: the product of the shape */
    yk_input    input;
    uint64_t    at;    /* where the items begin in the file */
} yk_npy;

/* Stays open until yk_npy_close. Errors: YOKE_EFORMAT for what is no such file or is cut short, YOKE_EUNSUPPORTED for Python
 * objects. */
int  yk_npy_open(const char *path, yk_npy **ret, yoke_error *err) YK_MUST_USE;
/* Whether its items are single values, not records. */
static inline bool yk_npy_is_plain(const yk_npy *f) { return f->n_fields == 1 && !*f->fields[0].name; }
/* Only little-endian numbers and booleans in C order, of f->type; YOKE_EUNSUPPORTED for others. */
int  yk_npy_open_plain(const char *path, yk_npy **ret, yoke_error *err) YK_MUST_USE;
void yk_npy_close(yk_npy *f); /* NULL is allowed */
static inline void yk_npy_closep(yk_npy **f) { yk_npy_close(*f); }

/* Bytes of a file that were read together. One for each thread that reads. */
typedef struct yk_npy_window {
    const yk_npy *of;    /* NULL: nothing */
    uint64_t      at;    /* bytes after the first item begins */
    size_t        n, cap;
    char         *bytes; /* owned, aligned */
} yk_npy_window;

/* Bytes [at, at + n) of the items, borrowed until the window's next use. A file that became shorter is YOKE_EFORMAT. */
int yk_npy_at(const yk_npy *f, uint64_t at, size_t n, yk_npy_window *w, const void **ret, yoke_error *err) YK_MUST_USE;
static inline void yk_npy_window_fini(yk_npy_window *w) { yk_free(w->bytes); }

/* A file being written: values first, the number of rows known at the end. */
typedef struct yk_npy_out {
    yk_output   out;
    yk_npy_type type;
    unsigned    n_dims;             /* of the whole, rows included */
    uint64_t    shape[YK_NPY_DIMS]; /* shape[0] is counted while writing */
    uint64_t    bytes, row_bytes;
    size_t      header; /* its length */
} yk_npy_out;

/* `row` is the shape of one row, n_row_dims 0 for a vector of single values. */
int  yk_npy_create(yk_npy_out *o, const char *path, bool may_replace, yk_npy_type type, unsigned n_row_dims,
                   const uint64_t *row, yoke_error *err) YK_MUST_USE;
int  yk_npy_append(yk_npy_out *o, const void *values, size_t bytes, yoke_error *err) YK_MUST_USE;
int  yk_npy_commit(yk_npy_out *o, yoke_error *err) YK_MUST_USE; /* the bytes written must make whole rows */
void yk_npy_fini(yk_npy_out *o);                                /* without commit: no file */

#endif
