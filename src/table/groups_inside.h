/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What groups are made of, for the files that make them.
 */
#ifndef YK_TABLE_GROUPS_INSIDE_H
#define YK_TABLE_GROUPS_INSIDE_H

#include "base/arena.h"
#include "table/groups.h"
#include "table/words.h"

enum { YK_GROUP_ROWS = 256 /* that are looked at together */, YK_GROUP_MOST_KEYS = 64 };

/* The different texts that came as one of several keys, as groups, so that whole numbers stand for them, whatever their dictionary. */
typedef struct yk_group_texts {
    yk_groups *texts;   /* NULL: none came yet; owned */
    uint64_t   dict_id; /* that came last; 0: none */
    uint64_t  *numbers; /* of its values, or of the rows at hand; owned */
    size_t     cap;
    bool       are_many; /* too many to number */
} yk_group_texts;

typedef struct yk_group_key {
    yk_type  type;
    size_t   size;    /* of one value */
    char    *values;  /* of each group; a missing one is zero */
    uint8_t *missing; /* of each group */
    bool     has_missing; /* whether one is */
    char    *row_values; /* of the rows at hand */
    uint8_t *row_missing;
    bool     some_missing; /* of them */
    /* in the bytes that are merged, of the rows that come next; missing NULL: none is */
    const char *from_missing, *from_values, *from_texts;
    yk_words     from_words;   /* the values, or texts' lengths, where these are words */
    yk_group_texts numbered;
} yk_group_key;

/* What stands for a key's values in by_code: codes of a dictionary, or how far integers, booleans, or the numbers of texts, lie from
 * `least`; less than n, which stands for missing. */
typedef struct yk_group_place {
    bool     is_code;
    uint64_t dict_id; /* that was looked at last; 0: none */
    uint64_t least;
    uint32_t n; /* 0: nothing does yet */
} yk_group_place;

/* Of a table of groups. */
typedef struct yk_group_slot {
    uint32_t group; /* and one; 0: empty */
    uint32_t tag;   /* upper bits of its hash */
} yk_group_slot;

/* Of the groups of one integer key: those of all values from `least` on. */
typedef struct yk_group_near {
    uint32_t *groups; /* and one; 0: none yet. [n]: of missing ones */
    uint64_t  least;
    int64_t   most; /* that was sought */
    uint32_t  n;
} yk_group_near;

/* What is known of the last dictionary whose codes came alone. */
typedef struct yk_group_codes {
    yk_groups *values;   /* its different ones as groups, with hashes; owned */
    uint64_t   dict_id;  /* 0: none */
    uint32_t  *numbers;  /* [code]: its value among them */
    uint32_t  *groups;   /* [number]: the group, and one, with YK_SEARCH_CODED; 0: none yet */
    uint32_t   n;        /* codes */
} yk_group_codes;

/* How the group of a row is found. A grouping starts near where its key allows that, else with slots, and changes like this:
 *
 *     NEAR  ──a value lies too far──▶  SLOTS  ──the first rows come as codes──▶  CODED
 *                                      SLOTS  ◀──other rows come, or a clearing──  CODED
 *     any  ──an append──▶  NONE  ──a clearing──▶  the start
 *
 * Each group is where its way looks for it; the tables of the other ways hold none. `by_code` may stand before SLOTS, NEAR and CODED: what
 * it knows is true of each of them. */
typedef enum yk_group_search {
    YK_SEARCH_SLOTS, /* by its hash, in `slots`; hashes[group] is known */
    YK_SEARCH_NEAR,  /* one key of integers: by its value, in `near`; no hash is known */
    YK_SEARCH_CODED, /* one key of another kind, by its code in the dictionary that `of` knows; hashes[group] is known */
    YK_SEARCH_NONE,  /* groups were appended: none is sought, no hash is known */
} yk_group_search;

struct yk_groups {
    yk_group_key *keys;
    size_t    n_keys;
    uint32_t  n, cap;
    uint32_t  expected; /* by yk_groups_expect */
    yk_group_search search;
    bool      is_sealed; /* n is no group's number, but that of all other keys */
    bool      is_view;   /* of another grouping, which has the groups and where they are found */
    yk_group_near  near;
    yk_group_codes of;
    uint64_t *hashes; /* of each group, where yk_groups_has_hashes */
    size_t    cap_hashes;
    yk_group_slot *slots;
    size_t    n_slots;
    unsigned  shift; /* of a hash, before its lower bits say where in the slots its group is sought */
    bool      is_by_parts;
    uint64_t *maybe; /* of a large sealed grouping: a bit for some upper bits of a hash, clear where no group has them; NULL: not known */
    unsigned  maybe_shift; /* of a hash, to have those */
    yk_arena  texts;
    size_t    text_bytes;
    yk_share  share;    /* of merges; of 0: all groups */
    yk_group_place *places; /* [key] */
    bool      is_wide;  /* integers lie too far from each other for by_code, or are too many together */
    uint32_t *by_code;  /* codes together → group */
    size_t    n_by_code, cap_by_code; /* 0: what it has is of no use */
    uint64_t *valid;    /* of yk_groups_keys */
    size_t     valid_words; /* of each key */
};

/* Whether a row is wanted. */
static inline bool yk_group_counts(const uint64_t *mask, uint32_t row) { return !mask || (mask[row >> 6] >> (row & 63) & 1); }

static inline bool yk_groups_has_hashes(const yk_groups *g) { return g->search == YK_SEARCH_SLOTS || g->search == YK_SEARCH_CODED; }

/* Room for the hash of the group that comes next. */
static inline bool yk_groups_room_for_hash(yk_groups *g)
{
    return g->n < g->cap_hashes || yk_grow(&g->hashes, &g->cap_hashes, (size_t)g->n + 1, sizeof *g->hashes);
}

/* Whether its values are whole numbers of 64 bits, as whose difference they lie near each other or not. */
static inline bool yk_group_is_whole(const yk_group_key *k)
{
    yk_kind kind = k->type.kind;
    return kind == YK_KIND_INT || kind == YK_KIND_UINT || kind == YK_KIND_TIME || kind == YK_KIND_DATE || kind == YK_KIND_SPAN;
}

static inline bool yk_group_is_text(const yk_group_key *k) { return yk_kind_is_bytes(k->type.kind); }

/* hashes[i] = that of n rows' first n_keys keys, of the rows at hand. */
void yk_groups_hash_rows(const yk_groups *g, size_t n_keys, uint32_t n, uint64_t *hashes);

/* Rows rows[0 … n) of the keys, n <= YK_GROUP_ROWS, become the rows at hand, and their groups, but where ret[i] is YK_NO_GROUP. */
int yk_groups_number_some(yk_groups *g, const yk_vec *keys, const uint32_t *rows, uint32_t n, uint32_t *ret, yoke_error *err) YK_MUST_USE;

/* As yk_groups_number, where by_code can be used for the keys; *ret_done is false where it can't. */
int yk_groups_number_by_code(yk_groups *g, const yk_vec *keys, const uint64_t *mask, uint32_t n, uint32_t *ret, bool *ret_done,
                             yoke_error *err) YK_MUST_USE;

/* The groups of the rows at hand, but where ret[i] is YK_NO_GROUP. hashes NULL: they are not known. */
int yk_groups_find_rows(yk_groups *g, const uint64_t *hashes, uint32_t n, uint32_t *ret, yoke_error *err) YK_MUST_USE;

/* n rows at hand as groups of their own; there is room for them. */
int yk_groups_append_rows(yk_groups *g, uint32_t n, yoke_error *err) YK_MUST_USE;

/* Room for `more` groups. */
int yk_groups_reserve(yk_groups *g, uint32_t more, yoke_error *err) YK_MUST_USE;

/* A row at hand as a new group; *ret: its number, and one. It is not put where groups are found. */
int yk_groups_add(yk_groups *g, uint32_t row, uint32_t *ret, yoke_error *err) YK_MUST_USE;

/* Groups that are near. What finds them may find some row too far: then they are near no more, and that row is still to be sought. */
bool yk_groups_may_be_near(const yk_groups *g);
int  yk_groups_find_near(yk_groups *g, uint32_t n, uint32_t *ret, yoke_error *err) YK_MUST_USE;
void yk_groups_clear_near(yk_groups *g); /* while the groups are still there */

/* ret[i] = the group of values[i], none of them missing; false when some that counts is not known yet, and ret is to be found otherwise. */
bool yk_groups_look_up_near(const yk_groups *g, const uint64_t *values, const uint64_t *mask, uint32_t n, uint32_t *ret);

/* Groups in slots: those that were near or coded are from now on; and yk_groups_find_rows where they are. */
int yk_groups_use_slots(yk_groups *g, yoke_error *err) YK_MUST_USE;
int yk_groups_seal_slots(yk_groups *g, yoke_error *err) YK_MUST_USE;
int yk_groups_find_in_slots(yk_groups *g, const uint64_t *hashes, uint32_t n, uint32_t *ret, yoke_error *err) YK_MUST_USE;

/* The numbers of a dictionary's texts, or of n <= YK_BLOCK rows' (a missing one's is 0), among those that came as this key, in
 * k->numbered.numbers; *ret: one more than how many different ones came so far, or 0 when they are too many. */
int    yk_groups_number_texts(yk_group_key *k, const yk_vec *v, uint32_t n, uint32_t *ret, yoke_error *err) YK_MUST_USE;
void   yk_groups_free_texts(yk_group_key *k);
size_t yk_groups_memory_texts(const yk_group_key *k);

/* Codes of which most come often in a task: more of them are numbered by their values, where these are near. */
enum { YK_FEW_CODES = 1 << 14 };

/* Groups that are coded: whether these rows, of one key with codes, can be; and the groups of n rows whose codes are not in by_code yet,
 * ret[rows[i]]. */
bool   yk_groups_may_be_coded(const yk_groups *g, const yk_vec *keys);
int    yk_groups_number_coded(yk_groups *g, const yk_vec *v, const uint32_t *rows, uint32_t n, uint32_t *ret, yoke_error *err) YK_MUST_USE;
void   yk_groups_free_coded(yk_groups *g);
size_t yk_groups_memory_coded(const yk_groups *g);

#endif
