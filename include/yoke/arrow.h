/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The Arrow C data and C stream interfaces: the structs by which libraries in one process hand each other tables without a
 * copy (PyArrow, DuckDB, Polars, nanoarrow). Layout and names are those of the Arrow specification, "The Arrow C data
 * interface" and "The Arrow C stream interface"; the guards are the specification's too, so that this header may stand beside
 * another that declares the same.
 *
 * Who holds a struct calls its `release` once when it is done with it; release sets itself to NULL.
 */
#ifndef YOKE_ARROW_H
#define YOKE_ARROW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

/* What a column is: its type as a format string, its name, and its children. */
struct ArrowSchema {
    const char          *format;
    const char          *name;
    const char          *metadata;
    int64_t              flags;
    int64_t              n_children;
    struct ArrowSchema **children;
    struct ArrowSchema  *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

/* The values of a column: buffers whose number and order follow from the format. */
struct ArrowArray {
    int64_t             length;
    int64_t             null_count; /* -1: not counted */
    int64_t             offset;     /* rows to leave out at the beginning of each buffer */
    int64_t             n_buffers;
    int64_t             n_children;
    const void        **buffers;
    struct ArrowArray **children;
    struct ArrowArray  *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

/* Record batches, one after the other: get_next gives an array whose release is NULL at the end. Calls return 0 or an errno;
 * get_last_error says more. */
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

#ifdef __cplusplus
}
#endif
#endif
