/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Items: what the words of `yoke map … ITEMS` stand for. A generator: nothing is written out, 0..9999999999 costs nothing.
 *
 *     0..9   0..100..10   1..0..-0.25    a range, both ends included; decimal steps are exact
 *     word                               itself
 *     -                                  the lines of standard input
 *     v.npy                              the values of a vector, the rows of a matrix (only with opts.has_npy)
 *     ::: words ::: words                every combination of the lists, the last varying fastest
 *     ::: words :::+ words               the lists side by side, of one length
 *     :::: files, ::::+ files            each file's items are a list
 *
 * Words and files before the first ::: are the first list. An item has one field for each list (a CSV file: one for each
 * column).
 */
#ifndef YK_MAP_ITEMS_H
#define YK_MAP_ITEMS_H

#include "base/error.h"
#include "format/npy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum yk_field_kind { YK_FIELD_TEXT, YK_FIELD_INT, YK_FIELD_UINT, YK_FIELD_REAL, YK_FIELD_ROW } yk_field_kind;

/* One field of one item. TEXT as it was given; INT, UINT and REAL from ranges and .npy vectors; ROW of an .npy matrix. */
typedef struct yk_field {
    yk_field_kind kind;
    yk_npy_type   type; /* of ROW */
    union {
        int64_t  i;
        uint64_t u;
        double   d;
        struct {
            const void *data; /* borrowed from the items; text is not NUL-terminated, rows may lie at any address */
            size_t      len;  /* bytes of TEXT, values of ROW */
        } run;
    };
} yk_field;

typedef struct yk_items yk_items;

typedef struct yk_items_opts {
    bool        has_npy;   /* a word or file ending in .npy stands for its values; else it is a word like any other */
    bool        has_nul;   /* items of files end with a NUL byte instead of a newline */
    char        separator; /* files are tables with a line of names first: ',' or '\t'; 0: one item a line */
    const char *columns;   /* with separator: the columns wanted, "x,y"; NULL: all */
    int         wake_fd;   /* once it is readable, input that is waited for ends; 0: none. Borrowed */
} yk_items_opts;

yk_items *yk_items_new(const yk_items_opts *opts, yoke_error *err);
void      yk_items_free(yk_items *it);
static inline void yk_items_freep(yk_items **it) { yk_items_free(*it); }

/* Whether a word is one of the four that begin lists: :::, :::+, ::::, ::::+. */
bool yk_items_begins_list(const char *word);

/* Adds a word, as above; the colons among them. Borrows it until the items are freed. */
int yk_items_word(yk_items *it, const char *word, yoke_error *err) YK_MUST_USE;

/* Adds what is in a file ("-": standard input) to the list that is being given: -a FILE. */
int yk_items_file(yk_items *it, const char *path, yoke_error *err) YK_MUST_USE;

/* Call it when all words are in: checks that lists side by side have one length. The calls below come after it. */
int yk_items_ready(yk_items *it, yoke_error *err) YK_MUST_USE;

bool        yk_items_is_empty(const yk_items *it);               /* no list was given at all */
unsigned    yk_items_width(const yk_items *it);                  /* fields of each item */
const char *yk_items_name(const yk_items *it, unsigned field);   /* the column's name; NULL: it has none */

/* How many; UINT64_MAX while items come from standard input, a pipe, or a file too large to be read at once. */
uint64_t yk_items_count(const yk_items *it);

/* Where values of files lie that were read: one for each thread that asks. Borrows the items. */
typedef struct yk_items_room yk_items_room;
yk_items_room *yk_items_room_new(const yk_items *it, yoke_error *err);
void           yk_items_room_free(yk_items_room *r); /* NULL is allowed */
YK_DEFINE_CLEANUP(yk_items_room, yk_items_room_free)

/* The fields (width of them) of item `index`; not while the count is unknown. What they point to is valid until the room's next use. */
int yk_items_at(const yk_items *it, uint64_t index, yk_items_room *room, yk_field *ret, yoke_error *err) YK_MUST_USE;

/* The next item, in order: 1, 0 after the last, or negative. What it points to is valid until the next call. Works for
 * all items, and reads standard input as it comes. One thread at a time; starts at the first item. */
int yk_items_next(yk_items *it, yk_field *ret, yoke_error *err) YK_MUST_USE;

/* Whether next need not wait, now or within a millisecond. */
bool yk_items_is_ready(const yk_items *it);

/* Reads what such an input holds into memory, so that the count is known and yk_items_at works. Before the first next. */
int yk_items_load(yk_items *it, yoke_error *err) YK_MUST_USE;

/* Calls fn for each field that was given: words, cells, values of vectors, rows; of ranges the first two and the last; once
 * each, however many items they are part of. `index` is one of these items. Ends at fn's first negative value and returns
 * it. Items that are still to be read are left out. */
int yk_items_visit(const yk_items *it, int (*fn)(void *ctx, uint64_t index, unsigned field, const yk_field *f), void *ctx,
                   yoke_error *err) YK_MUST_USE;

/* Where a field was given, for messages: "item 3", "'points.csv' line 7, column 'x'"; with YK_WHOLE_ITEM, where its item
 * was. Writes into buf, returns it. */
enum { YK_WHOLE_ITEM = UINT16_MAX };
const char *yk_items_where(const yk_items *it, uint64_t index, unsigned field, char *buf, size_t size);

/* A field's text: as it was given, or the number's digits. Writes into buf when it needs to; not NUL-terminated. */
enum { YK_FIELD_BUF = 40 };
const char *yk_field_text(const yk_field *f, char buf[YK_FIELD_BUF], size_t *ret_len);

#endif
