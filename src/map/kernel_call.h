/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Calling a user's function on items: the fields of an item become its arguments, in its own types, and its results a
 * record of fixed size (and, for text and runs of numbers, bytes that the task emits).
 *
 *     as many fields as arguments          one each
 *     one field, several arguments         "1,2" or "1 2" is taken apart; so is a row of a .npy matrix
 *     several fields, one run of numbers   all of them
 *     no arguments                         the item only says how often
 */
#ifndef YK_MAP_KERNEL_CALL_H
#define YK_MAP_KERNEL_CALL_H

#include "map/items.h"
#include "map/kernel.h"
#include "map/transit.h"

enum { YK_BINDING_MOST = 8, YK_BINDING_SLOT = 8 };

typedef struct yk_binding {
    const yk_kernel *kernel; /* borrowed */
    const yk_items  *items;  /* borrowed */
    enum { YK_BINDING_EACH, YK_BINDING_APART, YK_BINDING_GATHER, YK_BINDING_NONE } how;
    unsigned         n_in;             /* arguments that items give */
    uint8_t          in[YK_BINDING_MOST]; /* which of the function's arguments they are, from 1 */
    unsigned         n_out;            /* results */
    uint8_t          out[YK_BINDING_MOST + 1]; /* 0: what it returns; else the argument */
    uint8_t          out_type[YK_BINDING_MOST + 1];
    bool             is_plain; /* items give numbers only, which fit into slots */
} yk_binding;

/* Says how the items' fields become arguments. Borrows both. Errors: YOKE_EINVALID when they do not fit together. */
int yk_binding_init(yk_binding *b, const yk_kernel *k, const yk_items *items, yoke_error *err) YK_MUST_USE;

/* Looks at all that was given as text, and at the ends of ranges, before anything runs. */
int yk_binding_check(const yk_binding *b, yoke_error *err) YK_MUST_USE;

/* One item's fields as yk_binding_packed(b) bytes. Text and runs go to `transit`, which plain bindings need not have. With
 * `keeps_wrong` (and transit) an item that does not fit is packed too: the task fails with the sentence. */
int yk_binding_pack(const yk_binding *b, uint64_t index, const yk_field *fields, yk_transit *transit, bool keeps_wrong, void *to,
                    yoke_error *err) YK_MUST_USE;
size_t yk_binding_packed(const yk_binding *b);

/* A task: calls the function on item `index of t` (packed NULL; the worker's state is a yk_items_room) or on a packed item, and writes
 * n_out slots: a number in the slot's first bytes; of text and runs the number of bytes or values, which are emitted in the order of the
 * slots. */
int yk_binding_call(const yk_binding *b, yoke_task *t, const void *packed, void *result);

size_t yk_binding_size(uint8_t type); /* bytes of a number */

/* ---- kernel_result.c ---- */

/* The value of a result that is a number. */
double yk_binding_real(uint8_t type, const void *slot);

/* Bytes that belong to result `k`, after *at bytes of `bytes`; moves *at on. */
const void *yk_binding_bytes(const yk_binding *b, const void *result, const void *bytes, unsigned k, size_t *at, size_t *ret_n);

/* Appends a result as text (json: quoted, in brackets where it is a run). */
void yk_binding_print(const yk_binding *b, const void *result, const void *bytes, bool is_json, yk_buf *to);

/* A number's text: as short as reads back. */
void yk_binding_print_number(uint8_t type, const void *slot, bool is_json, yk_buf *to);

#endif
