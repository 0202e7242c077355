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
};

/* What is known of a slot's values in the block. */
typedef struct yk_csv_reading {
    yk_type  type;
    uint32_t n;         /* rows, the first ones, that have been read as that; up to one that does not fit */
    bool     is_ahead;  /* it was asked for as that in the last block, and is read before it is asked for in this */
    bool     is_asked;
    bool     has_missing;
} yk_csv_reading;

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
    uint32_t     *ends;  /* ends[1] …: of fields, row after row, in files where these are as many in each; NULL: elsewhere */
    uint32_t      sweep_rows; /* most rows of which it holds the ends; 0: none */
    yk_csv_sweep  sweep;      /* its bits are owned; NULL: types have never been looked for */
    size_t        n_bits;     /* words of each */
    uint64_t      bad[YK_BLOCK / 64];
    bool          has_bad;
    uint64_t     *valid;  /* [slot][YK_BLOCK / 64] */
    void         *values; /* [slot][YK_BLOCK] of 16 bytes */
    yk_csv_reading *readings; /* [slot] */
    yk_arena      texts;  /* fields with "" in them, undone */
};

/* Makes room for the ends of fields, where rows are such that they can be found in one sweep. */
int yk_csv_prepare_sweep(yk_csv_cursor *c, yoke_error *err) YK_MUST_USE;

/* Nothing is behind the bytes that are there; the file's end is the end of a row. */
void yk_csv_end_buffer(yk_csv_cursor *c);

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
