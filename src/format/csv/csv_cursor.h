/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A cursor from inside: what its walk over rows (csv_walk.c) and the reading of fields (csv_cursor.c) share.
 */
#ifndef YK_FORMAT_CSV_CURSOR_H
#define YK_FORMAT_CSV_CURSOR_H

#include "base/arena.h"
#include "format/csv/csv_file.h"

enum {
    YK_CSV_SPANS = YK_BLOCK + 8, /* of a slot, one line of cache more than used: a row's spans would else all fall into the same sets */
    YK_CSV_EVEN_MOST = 64,       /* columns */
    YK_CSV_EVEN_WORDS = 16,      /* of 64 bytes, looked at at once */
};

/* What is known of a slot's values in the block. */
typedef struct yk_csv_reading {
    yk_type  type;
    uint32_t n;         /* rows, the first ones, that have been read as that; up to one that does not fit */
    bool     is_ahead;  /* it was asked for as that in the last block, and is read before it is asked for in this */
    bool     is_asked;
    bool     has_missing;
} yk_csv_reading;

/* What is looked at of a column's fields while types are found. */
typedef enum yk_csv_need { YK_CSV_NOTHING, YK_CSV_QUOTES, YK_CSV_INT, YK_CSV_REAL, YK_CSV_VALUE } yk_csv_need;

struct yk_csv_cursor {
    const yk_csv *f;
    unsigned      n_slots;
    size_t       *place_of; /* of each column, in spans; the last slot's where it is not wanted */
    char         *buf;
    size_t        cap, len, at; /* bytes there; where the next row begins */
    uint64_t      offset;       /* of buf[0] in the file */
    uint64_t      row;          /* next, from 0, the header not counted */
    uint32_t      n;            /* rows of the block */
    yk_csv_span  *spans;        /* [slot][YK_CSV_SPANS], and one slot more for what is not wanted */
    uint32_t     *ends;  /* of the block's fields, row after row, in files where these are as many in each; NULL: elsewhere */
    uint64_t      bad[YK_BLOCK / 64];
    bool          has_bad;
    uint64_t     *valid;  /* [slot][YK_BLOCK / 64] */
    void         *values; /* [slot][YK_BLOCK] of 16 bytes */
    yk_csv_reading *readings; /* [slot] */
    yk_arena      texts;  /* fields with "" in them, undone */
    /* while types are found; NULL: they have never been */
    uint8_t      *needs;  /* of each column: yk_csv_need */
    uint32_t     *n_noted; /* of each column: spans of fields that must be read */
};

/* Reads on until `need` bytes after c->at are there, or the file ends; false then. */
int yk_csv_fill(yk_csv_cursor *c, size_t need, bool *ret_is_there, yoke_error *err) YK_MUST_USE;

/* The line that a byte of the file is in, from 1. */
uint64_t yk_csv_line_of(const yk_csv *f, uint64_t offset);

/* The error of a quote at a byte of the buffer. */
int yk_csv_stray_quote(const yk_csv_cursor *c, size_t at, yoke_error *err);

/* The values of a slot's first `end` spans that have not been read, up to the first that does not fit its reading's type. */
int yk_csv_read_rows(yk_csv_cursor *c, unsigned slot, uint32_t end, yoke_error *err) YK_MUST_USE;

/* A value did not fit: the type that the slot's first n spans all do. */
int yk_csv_wider(yk_csv_cursor *c, unsigned slot, uint32_t n, yk_type type, yk_type *ret, yoke_error *err) YK_MUST_USE;

/* The error of the first of n spans that cannot be read as `type`. */
int yk_csv_misfit(yk_csv_cursor *c, unsigned slot, uint32_t n, yk_type type, yoke_error *err) YK_MUST_USE;

#endif
