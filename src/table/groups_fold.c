/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What becomes of the results of tasks, which are groups called by their numbers, then parts of groups, then as many of loose rows, if
 * there are any: they are merged into what is known of all, or kept for later, cut into parts.
 */
#include "table/ledger.h"

static yk_ledger_head head_of(const void *result)
{
    yk_ledger_head head;
    memcpy(&head, result, sizeof head);
    return head;
}

/* Goes through a result's parts. */
typedef struct parts {
    yk_ledger_head head;
    uint32_t    n_seen; /* with the one at hand */
    const char *at;     /* the part at hand */
    uint64_t    size;
} parts;

static parts open_parts(const char *result) { return (parts){.head = head_of(result), .at = result + sizeof(yk_ledger_head)}; }

static bool next_part(parts *p)
{
    p->at += p->size;
    if (p->n_seen == p->head.n_parts * (1 + p->head.has_loose))
        return false;
    memcpy(&p->size, p->at, sizeof p->size);
    p->at += sizeof p->size;
    p->n_seen++;
    return true;
}

static bool is_loose(const parts *p) { return p->n_seen > p->head.n_parts; }

static int merge_result(yk_grouping *s, uint64_t firsts, const char *result, yoke_error *err)
{
    yk_ledger *t = &s->all;
    parts      p = open_parts(result);
    if (p.head.has_loose)
        YK_TRY(yk_groups_expect(t->groups, YK_SOME_GROUPS, true, err));
    while (next_part(&p))
        YK_TRY((is_loose(&p) ? yk_loose_merge : yk_ledger_merge)(s, t, firsts, p.at, p.size, err));
    return 0;
}

/* Cuts a result that a task left whole. */
static int cut_result(const yk_grouping *s, const char *result, yk_buf *to, yoke_error *err)
{
    yk_ledger t;
    parts     p = open_parts(result);
    int       rc = yk_ledger_init(s, &t, err);
    while (rc == 0 && next_part(&p))
        rc = is_loose(&p) ? yk_loose_read(s, &t.loose, p.at, p.size, err) : yk_ledger_merge(s, &t, 0, p.at, p.size, err);
    if (rc == 0)
        rc = yk_ledger_write(s, &t, YK_PARTS, to, err);
    yk_ledger_fini(s, &t);
    return rc;
}

/* A result's parts are kept for later. What is whole would be read for every share: with values, or rows as they are, it is too much for
 * that. */
static int keep_result(yk_grouping *s, uint64_t firsts, const char *result, yoke_error *err)
{
    YK_AUTOBUF pieces = YK_BUF_INIT;
    parts      p = open_parts(result);
    if (p.head.n_parts == 1 && (p.head.has_loose || (s->has_kept && !yk_ledger_has_bins(s)))) {
        YK_TRY(cut_result(s, result, &pieces, err));
        p = open_parts(pieces.data);
    }
    while (next_part(&p)) {
        uint32_t part = p.head.n_parts == 1 ? YK_PARTS : (p.n_seen - 1) % p.head.n_parts;
        if (!yk_grow(&s->pieces, &s->cap_pieces, s->spill.n + 1, sizeof *s->pieces))
            return yk_fail_nomem(err, "grouping");
        s->pieces[s->spill.n] = (yk_ledger_piece){part, is_loose(&p), firsts};
        YK_TRY(yk_spill_add(&s->spill, p.at, p.size, err));
    }
    return 0;
}

/* What is known so far is the first of the results that are kept. */
static int start_spill(yk_grouping *s, yoke_error *err)
{
    YK_AUTOBUF bytes = YK_BUF_INIT;
    s->has_spilled = true;
    if (!s->all.groups)
        return 0;
    YK_TRY(yk_ledger_write(s, &s->all, YK_PARTS, &bytes, err));
    if (s->names.n) {
        s->book = s->all.groups;
        s->all.groups = NULL;
    }
    yk_ledger_fini(s, &s->all);
    return keep_result(s, 0, bytes.data, err);
}

/* How large what is known may be: values that are kept are copied twice when they are cut into parts. */
static uint64_t most_known(const yk_grouping *s) { return s->memory / (s->has_kept ? 6 : 2); }

/* Whether what is known would be too large with one more result merged into it, twice its bytes, about; or not to be merged here. */
static bool is_too_much(const yk_grouping *s, const void *result, size_t size)
{
    yk_ledger_head head = head_of(result);
    size_t         known = s->all.groups ? yk_ledger_bytes(s, &s->all) : 0;
    if (head.has_loose && !s->takes_loose)
        return true;
    return (head.n_parts > 1 || head.has_loose) && known + 2 * size > most_known(s);
}

/* Of all groups: so many are merged one after the other; of loose rows it is as many as caches hold, with values as many as are not cut. */
static uint32_t most_groups(const yk_grouping *s, const void *result)
{
    return s->has_kept ? YK_FEW_GROUPS : head_of(result).has_loose || yk_grouping_is_counted(s) ? YK_SOME_GROUPS : YK_MANY_GROUPS;
}

/* Groups that the result calls by their numbers, and those that it gives a number to: of a whole result. */
typedef struct named {
    yk_known_head  head;
    uint32_t   *numbers; /* among all, or in the book; owned */
    const char *cells;
    const char *rest; /* of the result, as one without names */
    size_t      size; /* of that */
} named;

static int open_named(const yk_grouping *s, const char *bytes, size_t size, named *n, yoke_error *err)
{
    *n = (named){.rest = bytes + sizeof n->head, .size = size - sizeof n->head};
    memcpy(&n->head, bytes, sizeof n->head);
    size_t more = n->head.n * (sizeof *n->numbers + yk_ledger_cell_bytes(s));
    if (size < sizeof n->head || n->head.n > n->size || more > n->size)
        return yk_fail(err, YOKE_EFORMAT, "the groups of a task arrived damaged");
    n->numbers = yk_new_array(uint32_t, n->head.n + 1);
    if (!n->numbers)
        return yk_fail_nomem(err, "grouping");
    memcpy(n->numbers, n->rest, n->head.n * sizeof *n->numbers);
    n->cells = n->rest + n->head.n * sizeof *n->numbers;
    n->rest += more, n->size -= more;
    return yk_known_find(&s->names, n->head.name, n->numbers, (uint32_t)n->head.n, err);
}

static bool gives_names(const named *n) { return n->head.name && head_of(n->rest).n_parts == 1 && !head_of(n->rest).has_loose; }

/* A result with names, into what is known of all. */
static int merge_named(yk_grouping *s, uint64_t firsts, const named *n, yoke_error *err)
{
    YK_AUTOFREE uint32_t *numbers = NULL;
    uint32_t              n_new;
    parts                 p = open_parts(n->rest);
    if (!s->all.groups)
        YK_TRY(yk_ledger_init(s, &s->all, err));
    yk_ledger_merge_cells(s, &s->all, n->cells, n->numbers, (uint32_t)n->head.n);
    if (!gives_names(n))
        return merge_result(s, firsts, n->rest, err);
    if (!next_part(&p))
        return 0;
    YK_TRY(yk_ledger_merge_named(s, &s->all, firsts, p.at, p.size, &numbers, &n_new, err));
    return yk_known_add(&s->names, n->head.name, numbers, n_new, err);
}

/* Its groups with the keys that the book has of them, and those that it names, which the book gets to know, as bytes that can be kept. */
static int key_named(yk_grouping *s, const named *n, yk_ledger *t, yk_buf *to, yoke_error *err)
{
    YK_AUTOBUF            keys = YK_BUF_INIT;
    YK_AUTOFREE uint32_t *own = NULL, *numbers = NULL;
    uint32_t              n_own, n_new;
    size_t                used;
    parts                 p = open_parts(n->rest);
    YK_TRY(yk_groups_write(s->book, n->numbers, (uint32_t)n->head.n, &keys, err));
    for (uint64_t i = 0; i < n->head.n && !s->in_order; i++) /* where they came first earlier parts say */
        yk_buf_append(&keys, &(uint64_t){0}, sizeof(uint64_t));
    if (keys.is_failed)
        return yk_fail_nomem(err, "grouping");
    const char *at = keys.data;
    YK_TRY(yk_ledger_merge_groups(s, t, 0, &at, keys.len, &own, &n_own, err));
    yk_ledger_merge_cells(s, t, n->cells, own, n_own);
    if (gives_names(n) && next_part(&p)) {
        YK_TRY(yk_groups_merge(s->book, p.at, p.size, &numbers, &n_new, &used, err));
        YK_TRY(yk_known_add(&s->names, n->head.name, numbers, n_new, err));
        YK_TRY(yk_ledger_merge(s, t, 0, p.at, p.size, err));
    }
    return yk_ledger_write(s, t, YK_PARTS, to, err);
}

/* A result with names where results are kept for later. */
static int keep_named(yk_grouping *s, uint64_t firsts, const named *n, yoke_error *err)
{
    YK_AUTOBUF bytes = YK_BUF_INIT;
    yk_ledger  t;
    if (!s->book)
        YK_TRY(yk_groups_new(s->types, s->n_keys, &s->book, err));
    int rc = yk_ledger_init(s, &t, err);
    if (rc == 0)
        rc = key_named(s, n, &t, &bytes, err);
    yk_ledger_fini(s, &t);
    YK_TRY(rc);
    YK_TRY(keep_result(s, firsts, bytes.data, err));
    return gives_names(n) ? 0 : keep_result(s, firsts, n->rest, err);
}

/* Whether what is known is better cut into parts from now on. */
static bool is_to_spill(const yk_grouping *s, const void *result)
{
    const yk_ledger *t = &s->all;
    uint32_t         n = yk_groups_count(t->groups), most_pairs = n < YK_PARTS / 4 ? YK_MANY_GROUPS /* few parts */ : YK_SOME_GROUPS;
    return yk_ledger_bytes(s, t) > most_known(s) || n > most_groups(s, result) || yk_ledger_pairs(s, t) > most_pairs;
}

static int fold_result(yk_grouping *s, uint64_t firsts, const named *n, yoke_error *err)
{
    yk_ledger *t = &s->all;
    if (!s->has_spilled && is_too_much(s, n->rest, n->size))
        YK_TRY(start_spill(s, err));
    if (s->has_spilled)
        return n->head.name ? keep_named(s, firsts, n, err) : keep_result(s, firsts, n->rest, err);
    YK_TRY(merge_named(s, firsts, n, err));
    for (size_t i = 0; i < s->n_asks; i++)
        if (s->asks[i].what == YK_EACH_DISTINCT)
            YK_TRY(yk_kept_shrink(&t->kept[i], yk_groups_count(t->groups), most_known(s), err));
    if (yk_ledger_has_bins(s))
        return yk_ledger_bytes(s, t) > s->memory ? yk_ledger_fail(s, yk_groups_count(t->groups), err) : 0;
    return is_to_spill(s, n->rest) ? start_spill(s, err) : 0;
}

int yk_grouping_fold(yk_sink *base, const void *result, size_t size, yoke_error *err)
{
    yk_grouping *s = (yk_grouping *)base;
    named        n = {0};
    int          rc = open_named(s, result, size, &n, err);
    s->has_stopped = base->is_done = rc == 0 && s->stops_alone && s->n_results == 0 && head_of(n.rest).has_loose;
    if (rc == 0 && !s->has_stopped)
        rc = fold_result(s, s->n_results++ << 32, &n, err);
    yk_free(n.numbers);
    return rc;
}
