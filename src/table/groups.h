/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows to groups: every distinct combination of keys gets a number, in order of first appearance. What `--by`, `--distinct`,
 * distinct counts and the small side of a join stand on.
 *
 * Two rows are of one group when each of their keys is equal, or missing in both; NaN is missing, -0.0 equals +0.0. Numbers
 * depend on the order of the rows alone, so groups of consecutive row ranges that are merged in order are those of one pass.
 */
#ifndef YK_TABLE_GROUPS_H
#define YK_TABLE_GROUPS_H

#include "base/buf.h"
#include "format/column.h"

#define YK_NO_GROUP UINT32_MAX

/* Belongs to one thread at a time. */
typedef struct yk_groups yk_groups;

int  yk_groups_new(const yk_type *keys, size_t n_keys, yk_groups **ret, yoke_error *err) YK_MUST_USE;
void yk_groups_free(yk_groups *g); /* NULL is allowed */
void yk_groups_clear(yk_groups *g); /* of no groups; keeps most memory */
YK_DEFINE_CLEANUP(yk_groups, yk_groups_free)

/* Numbers n rows: keys[k] holds n rows of the k-th key, in any form that a yk_vec allows. mask: bit i & 63 of word i >> 6 says
 * that row i counts; NULL: all do. Other rows get YK_NO_GROUP. Keys are copied. Over 2^31 groups are YOKE_ELIMIT. */
int yk_groups_number(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret_numbers,
                     yoke_error *err) YK_MUST_USE;

/* Rows as groups of their own, whether known or not; those that mask leaves out are none. From then on groups are cut and written, not
 * sought: until it is cleared, a grouping that was appended to is only appended to. */
int yk_groups_append(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, yoke_error *err) YK_MUST_USE;

/* Makes room for about so many groups, so that they need not be moved while they come. `by_parts`: they are merged part by part (as
 * yk_groups_cut cuts them), and groups of one part are to lie side by side where they are sought. */
int yk_groups_expect(yk_groups *g, uint32_t n, bool by_parts, yoke_error *err) YK_MUST_USE;

/* No group is added from now on: rows whose keys are none of a group's get the number yk_groups_count(g). And a view of a sealed grouping,
 * which it borrows, for another thread. */
int yk_groups_seal(yk_groups *g, yoke_error *err) YK_MUST_USE;
int yk_groups_view(const yk_groups *g, yk_groups **ret, yoke_error *err) YK_MUST_USE;

uint32_t yk_groups_count(const yk_groups *g);

/* Keys of all groups, as one block per key with as many rows as there are groups (which may be more than YK_BLOCK). Borrowed until
 * rows are numbered again. `valid` is NULL where no group misses this key. */
int yk_groups_keys(yk_groups *g, size_t key, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* The same as codes, where the key is text of which there are few: codes has room for as many as there are groups, *dict is what they are
 * codes of, which stays while the grouping does. */
int yk_groups_coded_keys(yk_groups *g, size_t key, uint32_t *codes, yk_dict *dict, yk_vec *ret, yoke_error *err) YK_MUST_USE;

/* hashes[i] = that of the first n_keys keys of group first + i; n of them. */
void yk_groups_hash_groups(const yk_groups *g, size_t n_keys, uint32_t first, uint32_t n, uint64_t *hashes);

/* Cuts the groups from `first` on into n_parts (at most 256) by a hash of their first n_keys keys: those of part p are
 * ret_rows[ret_begin[p] … ret_begin[p + 1]), rising, and ret_parts[i] says of the i-th in which it is. Room for as many as there are
 * groups, and n_parts + 1. */
void yk_groups_cut(const yk_groups *g, size_t n_keys, uint32_t first, uint32_t n_parts, uint8_t *ret_parts, uint32_t *ret_rows,
                   uint32_t *ret_begin);

/* The greatest key less the least, where the one key is an integer; else UINT64_MAX. Within YK_NEAR groups are found without a hash. */
enum { YK_NEAR = 1 << 20 };
uint64_t yk_groups_span(const yk_groups *g);

/* Of how many values these groups' keys are, about: different texts; the greatest integer less the least. UINT64_MAX of other kinds. It
 * depends on the values alone. */
uint64_t yk_groups_spread(const yk_groups *g, size_t key, const uint32_t *groups, uint32_t n);

enum { YK_CLOSE = 1 << 12 }; /* integers of such a spread can be part of the table that is spoken of next */

/* Whether groups are found by a table of all combinations that there can be of their keys, as those of the last rows were: so fast, however
 * many groups there are. */
bool yk_groups_are_by_code(const yk_groups *g);

/* Groups rows[0 … n) as bytes, appended to `to`; and groups from such bytes, each known or new: ret_numbers[i] is what their i-th is called
 * here, an array that the caller frees with yk_free. Bytes that are not that are YOKE_EFORMAT. */
int yk_groups_write(const yk_groups *g, const uint32_t *rows, uint32_t n, yk_buf *to, yoke_error *err) YK_MUST_USE;
int yk_groups_merge(yk_groups *g, const void *bytes, size_t size, uint32_t **ret_numbers, uint32_t *ret_n, size_t *ret_used,
                    yoke_error *err) YK_MUST_USE;

/* Groups from such bytes as groups of their own, as yk_groups_append has them. */
int yk_groups_take(yk_groups *g, const void *bytes, size_t size, size_t *ret_used, yoke_error *err) YK_MUST_USE;

/* A merge can be of a share alone: the groups whose first `n_keys` keys fall to it by their hash; where there are n times as many shares as
 * parts, share s is within part s / n, and the other way around. Others get YK_NO_GROUP. */
typedef struct yk_share {
    uint32_t number, of;
    size_t   n_keys;
} yk_share;
void yk_groups_share(yk_groups *g, yk_share share); /* from now on */

/* Bytes held, for memory budgets. */
size_t yk_groups_memory(const yk_groups *g);

#endif
