/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/ledger.h"

#include <math.h>
#include <stdlib.h>

enum { KEPT = 32 }; /* of the memory allowed, what a worker may keep from one task for the next */

void yk_ledger_fini(const yk_grouping *s, yk_ledger *t)
{
    yk_groups_free(t->groups);
    for (size_t i = 0; i < s->n_asks; i++) {
        if (t->cells)
            yk_free(t->cells[i]);
        if (t->kept)
            yk_kept_fini(&t->kept[i]);
        if (t->distinct)
            yk_groups_free(t->distinct[i]);
        if (t->hists)
            yk_hists_fini(&t->hists[i]);
    }
    yk_free(t->cells);
    yk_free(t->caps);
    yk_free(t->kept);
    yk_free(t->distinct);
    yk_free(t->hists);
    yk_free(t->firsts);
    yk_buf_fini(&t->texts);
    yk_loose_fini(s, &t->loose);
    *t = (yk_ledger){0};
}

int yk_ledger_init(const yk_grouping *s, yk_ledger *t, yoke_error *err)
{
    *t = (yk_ledger){0};
    t->cells = yk_new_array(yk_cell *, s->n_asks + 1);
    t->caps = yk_new_array(size_t, s->n_asks + 1);
    t->kept = yk_new_array(yk_kept, s->n_asks + 1);
    t->distinct = yk_new_array(yk_groups *, s->n_asks + 1);
    t->hists = yk_new_array(yk_hists, s->n_asks + 1);
    YK_AUTOFREE yk_type *types = yk_new_array(yk_type, s->n_keys + 1);
    if (!t->cells || !t->caps || !t->kept || !t->distinct || !t->hists || !types)
        return yk_fail_nomem(err, "grouping");
    memcpy(types, s->types, s->n_keys * sizeof *types);
    YK_TRY(yk_groups_new(types, s->n_keys, &t->groups, err));
    for (size_t i = 0; i < s->n_asks; i++) {
        types[s->n_keys] = s->types[s->roots[i]];
        t->hists[i].bins = s->asks[i].bins;
        if (s->asks[i].what == YK_EACH_DISTINCT && !yk_group_keeps(s, i))
            YK_TRY(yk_groups_new(types, s->n_keys + 1, &t->distinct[i], err));
    }
    return 0;
}

/* Histograms are counted to their ends: what has them begins anew. */
int yk_ledger_clear(const yk_grouping *s, yk_ledger *t, yoke_error *err)
{
    bool has_hists = false;
    for (size_t i = 0; i < s->n_asks; i++)
        has_hists |= s->asks[i].bins != NULL;
    if (has_hists || yk_ledger_bytes(s, t) > s->memory / KEPT) {
        yk_ledger_fini(s, t);
        return yk_ledger_init(s, t, err);
    }
    size_t n = yk_groups_count(t->groups);
    yk_groups_clear(t->groups);
    t->n_written = 0;
    for (size_t i = 0; i < s->n_asks; i++) {
        if (n)
            memset(t->cells[i], 0, n * sizeof(yk_cell));
        yk_kept_clear(&t->kept[i]);
        if (t->distinct[i])
            yk_groups_clear(t->distinct[i]);
    }
    yk_buf_clear(&t->texts);
    yk_loose_clear(s, &t->loose);
    return 0;
}

int yk_ledger_next(const yk_grouping *s, yk_ledger *t, const uint32_t *met, uint32_t n_met, yoke_error *err)
{
    uint32_t n = yk_groups_count(t->groups);
    if (!yk_ledger_is_cells(s) || yk_loose_count(&t->loose) || yk_ledger_bytes(s, t) > s->memory / KEPT)
        return yk_ledger_clear(s, t, err);
    for (size_t i = 0; i < s->n_asks; i++) {
        for (uint32_t k = 0; k < n_met; k++)
            t->cells[i][met[k]] = (yk_cell){0};
        if (n > t->n_written)
            memset(t->cells[i] + t->n_written, 0, (n - t->n_written) * sizeof(yk_cell));
    }
    t->n_written = n;
    return 0;
}

int yk_ledger_fail(const yk_grouping *s, size_t n_groups, yoke_error *err)
{
    return yk_fail(err, YOKE_ELIMIT, "%zu groups take more than %llu MiB of memory; allow more with --memory, or group by less", n_groups,
                   (unsigned long long)(s->memory >> 20));
}

/* Room for as many cells as there are groups; new ones are empty. */
int yk_ledger_grow(const yk_grouping *s, yk_ledger *t, yoke_error *err)
{
    size_t n = yk_groups_count(t->groups);
    for (size_t i = 0; i < s->n_asks; i++) {
        size_t before = t->caps[i];
        if (!yk_grow(&t->cells[i], &t->caps[i], n + 1, sizeof(yk_cell)))
            return yk_fail_nomem(err, "grouping");
        memset(t->cells[i] + before, 0, (t->caps[i] - before) * sizeof(yk_cell));
        if (!t->hists[i].bins)
            continue;
        if (n * yk_bins_n(t->hists[i].bins) * sizeof(uint64_t) > s->memory)
            return yk_ledger_fail(s, n, err);
        YK_TRY(yk_hists_grow(&t->hists[i], n, err));
    }
    return 0;
}

size_t yk_ledger_bytes(const yk_grouping *s, const yk_ledger *t)
{
    size_t n = yk_groups_memory(t->groups) + t->texts.cap + t->cap_firsts * sizeof *t->firsts + yk_loose_bytes(s, &t->loose);
    for (size_t i = 0; i < s->n_asks; i++) {
        n += t->caps[i] * sizeof(yk_cell) + yk_kept_bytes(&t->kept[i]) + t->hists[i].cap * sizeof(uint64_t);
        n += t->distinct[i] ? yk_groups_memory(t->distinct[i]) : 0;
    }
    return n;
}

bool yk_ledger_has_bins(const yk_grouping *s)
{
    for (size_t i = 0; i < s->n_asks; i++)
        if (s->asks[i].bins)
            return true;
    return false;
}

uint32_t yk_ledger_pairs(const yk_grouping *s, const yk_ledger *t)
{
    uint32_t most = 0;
    for (size_t i = 0; i < s->n_asks; i++)
        if (t->distinct[i] && yk_groups_count(t->distinct[i]) > most)
            most = yk_groups_count(t->distinct[i]);
    return most;
}

static int order_of(const yk_ledger *t, yk_type type, const yk_cell *c, const yk_cell *new, yk_text text)
{
    switch (type.kind) {
    case YK_KIND_REAL: return (new->r > c->r) - (new->r < c->r);
    case YK_KIND_UINT: return (new->u > c->u) - (new->u < c->u);
    case YK_KIND_DECIMAL: return (new->d > c->d) - (new->d < c->d);
    case YK_KIND_TEXT:
    case YK_KIND_DATA: {
        int o = memcmp(text.data, yk_buf_text(&t->texts) + c->text[0], text.len < c->text[1] ? text.len : c->text[1]);
        return o ? o : (text.len > c->text[1]) - (text.len < c->text[1]);
    }
    default: return (new->i > c->i) - (new->i < c->i);
    }
}

/* A value takes the cell when it is the first, or comes before (MIN) or after (MAX) what is there, or later (LAST). */
void yk_ledger_take(yk_ledger *t, yk_each what, yk_type type, yk_cell *c, yk_cell new, yk_text text)
{
    int  o = c->n && (what == YK_EACH_MIN || what == YK_EACH_MAX) ? order_of(t, type, c, &new, text) : 0;
    bool is_taken = c->n == 0 || what == YK_EACH_LAST || (what == YK_EACH_MIN && o < 0) || (what == YK_EACH_MAX && o > 0);
    uint64_t n = c->n + new.n;
    if (is_taken)
        *c = new;
    if (is_taken && yk_kind_is_bytes(type.kind)) {
        c->text[0] = t->texts.len, c->text[1] = text.len;
        yk_buf_append(&t->texts, text.data, text.len);
    }
    c->n = n;
}

/* ---- as bytes: of each part the groups, where each came first where that is asked for, texts, and for each ask what its cells hold,
 * values, counts, distinct values */

/* Bytes of a cell that an ask fills before the end, beyond its n. */
static size_t cell_size(const yk_grouping *s, size_t ask)
{
    yk_type type = s->asks[ask].expr ? s->types[s->roots[ask]] : (yk_type){.kind = YK_KIND_INT};
    switch (s->asks[ask].what) {
    case YK_EACH_COUNT:
    case YK_EACH_QUANTILE:
    case YK_EACH_DISTINCT:
    case YK_EACH_HISTOGRAM: return 0;
    case YK_EACH_MEAN: return sizeof(double);
    case YK_EACH_SUM: return yk_is_integer(type) ? sizeof(yk_wide) : sizeof(double);
    case YK_EACH_STD:
    case YK_EACH_VAR: return 2 * sizeof(double);
    default: return yk_kind_size(type.kind) == 16 ? 16 : 8;
    }
}

static bool has_texts(const yk_grouping *s, size_t ask)
{
    yk_each what = s->asks[ask].what;
    bool    is_one = what == YK_EACH_MIN || what == YK_EACH_MAX || what == YK_EACH_FIRST || what == YK_EACH_LAST;
    return is_one && yk_kind_is_bytes(s->types[s->roots[ask]].kind);
}

/* How a ledger is cut. */
typedef struct cut {
    uint32_t  n_parts;
    uint32_t *rows, *begin; /* as yk_groups_cut has them */
    uint32_t *ranks;        /* of each group: where in `rows` it is */
} cut;

static void cut_fini(cut *c)
{
    yk_free(c->rows);
    yk_free(c->begin);
    yk_free(c->ranks);
}

static int make_cut(const yk_groups *g, size_t n_keys, uint32_t first, uint32_t n_parts, cut *c, yoke_error *err)
{
    uint32_t             n = yk_groups_count(g);
    YK_AUTOFREE uint8_t *parts = yk_new_array(uint8_t, (size_t)n + 1);
    *c = (cut){n_parts, yk_new_array(uint32_t, (size_t)n + 1), yk_new_array(uint32_t, n_parts + 1), yk_new_array(uint32_t, (size_t)n + 1)};
    if (!c->rows || !c->begin || !c->ranks || !parts)
        return yk_fail_nomem(err, "grouping");
    yk_groups_cut(g, n_keys, first, n_parts, parts, c->rows, c->begin);
    for (uint32_t i = 0; i < n - first; i++)
        c->ranks[c->rows[i]] = i;
    return 0;
}

/* What of an ask lies apart from its cells. */
typedef struct aside {
    double   *values; /* kept, in the order of the cut's rows; owned */
    uint64_t *begin;  /* [row]: where in `values`; owned; NULL where none are kept */
    cut       distinct;
} aside;

static void free_asides(const yk_grouping *s, aside *a)
{
    for (size_t i = 0; a && i < s->n_asks; i++) {
        yk_free(a[i].values);
        yk_free(a[i].begin);
        cut_fini(&a[i].distinct);
    }
    yk_free(a);
}

static int make_asides(const yk_grouping *s, const yk_ledger *t, const cut *c, aside *a, yoke_error *err)
{
    for (size_t i = 0; i < s->n_asks; i++) {
        YK_TRY(yk_kept_rank(&t->kept[i], c->ranks, yk_groups_count(t->groups), &a[i].values, &a[i].begin, err));
        if (a[i].begin && s->asks[i].what == YK_EACH_DISTINCT && t->kept[i].n > t->kept[i].n_once)
            YK_TRY(yk_kept_dedupe(a[i].values, a[i].begin, yk_groups_count(t->groups), err));
        if (t->distinct[i])
            YK_TRY(make_cut(t->distinct[i], s->n_keys, 0, c->n_parts, &a[i].distinct, err));
    }
    return 0;
}

/* Texts of a part's cells one behind the other, ask by ask, with their size before them. */
static void write_texts(const yk_grouping *s, const yk_ledger *t, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    size_t   at = to->len;
    uint64_t size;
    yk_buf_append(to, &(uint64_t){0}, sizeof size);
    for (size_t i = 0; i < s->n_asks; i++)
        for (uint32_t k = 0; k < n && has_texts(s, i); k++) {
            const yk_cell *c = &t->cells[i][rows[k]];
            if (c->n && c->text[1])
                yk_buf_append(to, t->texts.data + c->text[0], c->text[1]);
        }
    size = to->len - at - sizeof size;
    if (!to->is_failed)
        memcpy(to->data + at, &size, sizeof size);
}

/* `size` bytes, as cell_size has them: none, eight or sixteen. */
static inline void copy_cell(void *to, const void *from, size_t size)
{
    if (size == sizeof(yk_wide))
        memcpy(to, from, sizeof(yk_wide));
    else if (size)
        memcpy(to, from, sizeof(double));
}

static void write_cells(const yk_grouping *s, const yk_ledger *t, size_t ask, const uint32_t *rows, uint32_t n, uint64_t *text_at,
                        yk_buf *to)
{
    size_t size = cell_size(s, ask);
    char  *at = yk_buf_extend(to, n * (sizeof(uint64_t) + size));
    bool   is_text = has_texts(s, ask);
    for (uint32_t k = 0; k < n && at; k++, at += sizeof(uint64_t) + size) {
        yk_cell c = t->cells[ask][rows[k]];
        if (is_text) {
            c.text[1] = c.n ? c.text[1] : 0;
            c.text[0] = *text_at;
            *text_at += c.text[1];
        }
        memcpy(at, &c.n, sizeof c.n);
        copy_cell(at + sizeof c.n, &c.d, size);
    }
}

static int write_part(const yk_grouping *s, const yk_ledger *t, const cut *c, const aside *asides, uint32_t part, yk_buf *to,
                      yoke_error *err)
{
    const uint32_t *rows = c->rows + c->begin[part], n = c->begin[part + 1] - c->begin[part];
    uint64_t        text_at = 0;
    YK_TRY(yk_groups_write(t->groups, rows, n, to, err));
    char *at = s->in_order ? NULL : yk_buf_extend(to, n * sizeof(uint64_t));
    for (uint32_t i = 0; i < n && at; i++) {
        uint64_t first = t->firsts ? t->firsts[rows[i]] : rows[i];
        memcpy(at + i * sizeof first, &first, sizeof first);
    }
    write_texts(s, t, rows, n, to);
    for (size_t i = 0; i < s->n_asks; i++) {
        const aside *a = &asides[i];
        write_cells(s, t, i, rows, n, &text_at, to);
        yk_kept_write(a->values, a->begin ? a->begin + c->begin[part] : NULL, n, to);
        if (t->hists[i].bins)
            yk_hists_write(&t->hists[i], n, to); /* never in parts */
        if (t->distinct[i])
            YK_TRY(yk_groups_write(t->distinct[i], a->distinct.rows + a->distinct.begin[part],
                                   a->distinct.begin[part + 1] - a->distinct.begin[part], to, err));
    }
    return to->is_failed ? yk_fail_nomem(err, "grouping") : 0;
}

static void begin_sized(yk_buf *to) { yk_buf_append(to, &(uint64_t){0}, sizeof(uint64_t)); }

/* Says at `at` how much came since. */
static void end_sized(yk_buf *to, size_t at)
{
    uint64_t size = to->len - at - sizeof size;
    if (!to->is_failed)
        memcpy(to->data + at, &size, sizeof size);
}

static int write_parts(const yk_grouping *s, const yk_ledger *t, const cut *c, const aside *asides, yk_buf *to, yoke_error *err)
{
    for (uint32_t p = 0; p < c->n_parts; p++) {
        size_t at = to->len;
        begin_sized(to);
        YK_TRY(write_part(s, t, c, asides, p, to, err));
        end_sized(to, at);
    }
    return 0;
}

static int write_loose(const yk_grouping *s, const yk_ledger *t, uint32_t n_parts, yk_buf *to, yoke_error *err)
{
    uint32_t              n = yk_groups_count(t->loose.keys), begin[YK_PARTS + 1];
    YK_AUTOFREE uint32_t *rows = yk_malloc(n * sizeof *rows);
    YK_AUTOFREE uint8_t  *parts = yk_malloc(n);
    if (!rows || !parts || !yk_grow(&to->data, &to->cap, to->len + yk_loose_bytes(s, &t->loose), 1))
        return yk_fail_nomem(err, "grouping");
    yk_groups_cut(t->loose.keys, s->n_keys, 0, n_parts, parts, rows, begin);
    for (uint32_t p = 0; p < n_parts; p++) {
        size_t at = to->len;
        begin_sized(to);
        YK_TRY(yk_loose_write(s, &t->loose, rows + begin[p], begin[p + 1] - begin[p], yk_groups_count(t->groups), to, err));
        end_sized(to, at);
    }
    return 0;
}

int yk_ledger_write(const yk_grouping *s, const yk_ledger *t, uint32_t n_parts, yk_buf *to, yoke_error *err)
{
    YK_CLEANUP(cut_fini) cut c = {0};
    yk_ledger_head           head = {n_parts, yk_loose_count(&t->loose) > 0};
    aside                   *asides = yk_new_array(aside, s->n_asks + 1);
    int                      rc = asides ? make_cut(t->groups, s->n_keys, t->n_written, n_parts, &c, err) : yk_fail_nomem(err, "grouping");
    yk_buf_append(to, &head, sizeof head);
    if (rc == 0)
        rc = make_asides(s, t, &c, asides, err);
    if (rc == 0)
        rc = write_parts(s, t, &c, asides, to, err);
    if (rc == 0 && head.has_loose)
        rc = write_loose(s, t, n_parts, to, err);
    free_asides(s, asides);
    return rc;
}

/* ---- and merged */

/* b comes after a. */
static void merge_moments(yk_cell *a, const yk_cell *b)
{
    if (!b->n)
        return;
    double n = (double)a->n + (double)b->n, d = b->mean - a->mean;
    if (a->n) {
        a->m2 += b->m2 + d * d * ((double)a->n * (double)b->n / n);
        a->mean += d * ((double)b->n / n);
    } else {
        a->mean = b->mean, a->m2 = b->m2;
    }
    a->n += b->n;
}

static void merge_cell(const yk_grouping *s, yk_ledger *t, size_t ask, yk_cell *to, yk_cell from, const char *texts)
{
    yk_each what = s->asks[ask].what;
    yk_type type = s->types[s->roots[ask]];
    if (what == YK_EACH_STD || what == YK_EACH_VAR) {
        merge_moments(to, &from);
    } else if (from.n) {
        yk_ledger_take(t, what, type, to, from,
                       yk_kind_is_bytes(type.kind) ? (yk_text){texts + from.text[0], from.text[1]} : (yk_text){"", 0});
    }
}

/* Groups from `known` on are new. */
static int note_firsts(yk_ledger *t, uint64_t firsts, const char *at, const uint32_t *numbers, uint32_t n, uint32_t known, yoke_error *err)
{
    if (!yk_grow(&t->firsts, &t->cap_firsts, (size_t)yk_groups_count(t->groups) + 1, sizeof *t->firsts))
        return yk_fail_nomem(err, "grouping");
    for (uint32_t i = 0; i < n; i++) {
        uint64_t place;
        memcpy(&place, at + i * sizeof place, sizeof place);
        if (numbers[i] == known) /* new ones are numbered as they come */
            t->firsts[known++] = firsts + place;
    }
    return 0;
}

int yk_ledger_merge_groups(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char **at, size_t size, uint32_t **ret_numbers,
                           uint32_t *ret_n, yoke_error *err)
{
    uint32_t known = yk_groups_count(t->groups);
    size_t   used;
    YK_TRY(yk_groups_merge(t->groups, *at, size, ret_numbers, ret_n, &used, err));
    YK_TRY(yk_ledger_grow(s, t, err));
    *at += used;
    if (s->in_order)
        return 0;
    YK_TRY(note_firsts(t, firsts, *at, *ret_numbers, *ret_n, known, err));
    *at += *ret_n * sizeof(uint64_t);
    return 0;
}

enum { AHEAD = 16 }; /* memory is asked for cells that come so much later */

/* Counts, and sums where there are any: of integers where they are wide. */
static void merge_sums(yk_cell *cells, const char *at, size_t size, const uint32_t *numbers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, at += sizeof(uint64_t) + size) {
        if (i + AHEAD < n)
            __builtin_prefetch(&cells[numbers[i + AHEAD]], 1);
        if (numbers[i] == YK_NO_GROUP)
            continue;
        yk_cell c = {0}, *to = &cells[numbers[i]];
        memcpy(&c.n, at, sizeof c.n);
        copy_cell(&c.d, at + sizeof c.n, size);
        to->n += c.n;
        if (size == sizeof c.sum_int)
            to->sum_int += c.sum_int;
        else if (size)
            to->sum += c.sum;
    }
}

static const char *merge_cells(const yk_grouping *s, yk_ledger *t, size_t ask, const char *at, const uint32_t *numbers, uint32_t n,
                               const char *texts)
{
    yk_each what = s->asks[ask].what;
    size_t  size = cell_size(s, ask);
    if (!size || what == YK_EACH_SUM || what == YK_EACH_MEAN) {
        merge_sums(t->cells[ask], at, size, numbers, n);
        return at + n * (sizeof(uint64_t) + size);
    }
    for (uint32_t i = 0; i < n; i++, at += sizeof(uint64_t) + size) {
        yk_cell c = {0};
        if (i + AHEAD < n)
            __builtin_prefetch(&t->cells[ask][numbers[i + AHEAD]], 1);
        if (numbers[i] == YK_NO_GROUP)
            continue;
        memcpy(&c.n, at, sizeof c.n);
        copy_cell(&c.d, at + sizeof c.n, size);
        merge_cell(s, t, ask, &t->cells[ask][numbers[i]], c, texts);
    }
    return at;
}

int yk_ledger_merge(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char *at, size_t size, yoke_error *err)
{
    YK_AUTOFREE uint32_t *numbers = NULL;
    uint32_t              n;
    return yk_ledger_merge_named(s, t, firsts, at, size, &numbers, &n, err);
}

int yk_ledger_merge_named(const yk_grouping *s, yk_ledger *t, uint64_t firsts, const char *at, size_t size, uint32_t **ret_numbers,
                          uint32_t *ret_n, yoke_error *err)
{
    const char *end = at + size;
    size_t      used;
    uint64_t    len;
    YK_TRY(yk_ledger_merge_groups(s, t, firsts, &at, size, ret_numbers, ret_n, err));
    const uint32_t *numbers = *ret_numbers, n = *ret_n;
    memcpy(&len, at, sizeof len);
    const char *texts = at + sizeof len;
    at = texts + len;
    for (size_t i = 0; i < s->n_asks; i++) {
        at = merge_cells(s, t, i, at, numbers, n, texts);
        at = yk_kept_merge(&t->kept[i], at, numbers, n);
        if (t->kept[i].is_failed || t->texts.is_failed)
            return yk_fail_nomem(err, "grouping");
        if (t->hists[i].bins)
            at = yk_hists_merge(&t->hists[i], at, numbers);
        if (t->distinct[i]) {
            YK_AUTOFREE uint32_t *unused = NULL;
            uint32_t              n_unused;
            YK_TRY(yk_groups_merge(t->distinct[i], at, (size_t)(end - at), &unused, &n_unused, &used, err));
            at += used;
        }
    }
    return 0;
}

/* ---- cells alone */

bool yk_ledger_is_cells(const yk_grouping *s)
{
    for (size_t i = 0; i < s->n_asks; i++) {
        yk_each what = s->asks[i].what;
        if (what == YK_EACH_QUANTILE || what == YK_EACH_DISTINCT || what == YK_EACH_HISTOGRAM || has_texts(s, i))
            return false;
    }
    return true;
}

size_t yk_ledger_cell_bytes(const yk_grouping *s)
{
    size_t size = 0;
    for (size_t i = 0; i < s->n_asks; i++)
        size += sizeof(uint64_t) + cell_size(s, i);
    return size;
}

void yk_ledger_write_cells(const yk_grouping *s, const yk_ledger *t, const uint32_t *rows, uint32_t n, yk_buf *to)
{
    uint64_t text_at = 0;
    for (size_t i = 0; i < s->n_asks; i++)
        write_cells(s, t, i, rows, n, &text_at, to);
}

void yk_ledger_merge_cells(const yk_grouping *s, yk_ledger *t, const char *at, const uint32_t *numbers, uint32_t n)
{
    for (size_t i = 0; i < s->n_asks; i++)
        at = merge_cells(s, t, i, at, numbers, n, NULL);
}

/* Puts the quantiles of each group that `keeper` and the asks of the same expression want into their cells. */
static int find_quantiles(const yk_grouping *s, yk_ledger *t, size_t keeper, yoke_session *session, yoke_error *err)
{
    uint32_t              n_groups = yk_groups_count(t->groups);
    size_t                n_q = 0, column = 0;
    YK_AUTOFREE double   *q = yk_new_array(double, s->n_asks + 1);
    for (size_t i = keeper; i < s->n_asks && q; i++)
        if (s->keeper[i] == keeper)
            q[n_q++] = s->asks[i].q;
    YK_AUTOFREE uint64_t *counts = yk_new_array(uint64_t, (size_t)n_groups + 1);
    YK_AUTOFREE double   *found = yk_new_array(double, n_groups * n_q + 1);
    if (!q || !counts || !found)
        return yk_fail_nomem(err, "grouping");
    YK_TRY(yk_kept_quantiles(&t->kept[keeper], n_groups, q, n_q, session, s->memory / 2, counts, found, err));
    for (size_t i = keeper; i < s->n_asks; i++) {
        if (s->keeper[i] != keeper)
            continue;
        for (uint32_t g = 0; g < n_groups; g++)
            t->cells[i][g].n = counts[g], t->cells[i][g].r = found[g * n_q + column];
        column++;
    }
    return 0;
}

/* Different values that are kept. */
static int count_kept(const yk_grouping *s, yk_ledger *t, size_t ask, yoke_session *session, yoke_error *err)
{
    uint32_t              n = yk_groups_count(t->groups);
    YK_AUTOFREE uint64_t *counts = yk_new_array(uint64_t, (size_t)n + 1);
    if (!counts)
        return yk_fail_nomem(err, "grouping");
    YK_TRY(yk_kept_different(&t->kept[ask], n, session, s->memory / 2, counts, err));
    for (uint32_t g = 0; g < n; g++)
        t->cells[ask][g].n = counts[g];
    return 0;
}

static int count_distinct(const yk_grouping *s, yk_ledger *t, size_t ask, yoke_error *err)
{
    uint32_t              n = yk_groups_count(t->distinct[ask]);
    YK_AUTOFREE yk_vec   *keys = yk_new_array(yk_vec, s->n_keys + 1);
    YK_AUTOFREE uint32_t *numbers = yk_new_array(uint32_t, (size_t)n + 1);
    if (!keys || !numbers)
        return yk_fail_nomem(err, "grouping");
    for (size_t k = 0; k <= s->n_keys; k++)
        YK_TRY(yk_groups_keys(t->distinct[ask], k, &keys[k], err));
    YK_TRY(yk_groups_number(t->groups, keys, NULL, n, numbers, err));
    for (uint32_t i = 0; i < n; i++)
        t->cells[ask][numbers[i]].n += yk_row_counts(&keys[s->n_keys], i);
    return 0;
}

static yk_type result_type(const yk_grouping *s, size_t ask)
{
    yk_each what = s->asks[ask].what;
    yk_type own = s->asks[ask].expr ? s->types[s->roots[ask]] : (yk_type){.kind = YK_KIND_INT};
    if (what == YK_EACH_COUNT || what == YK_EACH_DISTINCT)
        return (yk_type){.kind = YK_KIND_INT};
    if (what == YK_EACH_HISTOGRAM)
        return (yk_type){.kind = YK_KIND_DATA};
    if (yk_group_want(what) == YK_WANT_REAL)
        return (yk_type){.kind = YK_KIND_REAL};
    if (what == YK_EACH_SUM)
        return own.kind == YK_KIND_BOOL ? (yk_type){.kind = YK_KIND_INT} : yk_is_integer(own) ? own : (yk_type){.kind = YK_KIND_REAL};
    return own;
}

/* What an ask says of a group where that is no text; `to` is zero before. False when it says nothing. */
static inline bool number_of(yk_each what, yk_type type, const yk_cell *c, char *to)
{
    double r;
    switch (what) {
    case YK_EACH_COUNT:
    case YK_EACH_DISTINCT: memcpy(to, &c->n, sizeof c->n); return true;
    case YK_EACH_SUM: memcpy(to, &c->d, sizeof c->sum); return true; /* the lower half of integers */
    case YK_EACH_MEAN: r = c->n ? c->sum / (double)c->n : 0; break;
    case YK_EACH_STD:
    case YK_EACH_VAR:
        if (c->n < 2)
            return false;
        r = what == YK_EACH_STD ? sqrt(c->m2 / (double)(c->n - 1)) : c->m2 / (double)(c->n - 1);
        break;
    default:
        if (c->n && type.kind == YK_KIND_BOOL)
            *to = c->i != 0;
        else if (c->n)
            memcpy(to, &c->d, yk_kind_size(type.kind));
        return c->n != 0;
    }
    memcpy(to, &r, sizeof r);
    return c->n != 0;
}

static int put_numbers(const yk_grouping *s, const yk_ledger *t, size_t ask, const uint32_t *order, uint32_t n, yk_batch_column *c,
                       yoke_error *err)
{
    const yk_each what = s->asks[ask].what;
    const yk_type type = c->type;
    size_t        size = yk_kind_size(type.kind);
    char         *valid = yk_buf_extend(&c->valid, n), *values = yk_buf_extend(&c->values, n * size);
    if (!valid || !values)
        return n ? yk_fail_nomem(err, "grouping") : 0;
    memset(values, 0, n * size);
    for (uint32_t i = 0; i < n; i++)
        valid[i] = number_of(what, type, &t->cells[ask][order[i]], values + i * size);
    return 0;
}

/* Text, or a histogram's counts. */
static int put_texts(const yk_grouping *s, const yk_ledger *t, size_t ask, const uint32_t *order, uint32_t n, yk_batch_column *c,
                     yoke_error *err)
{
    const yk_bins *bins = s->asks[ask].bins;
    size_t         n_bins = bins ? yk_bins_n(bins) : 0;
    for (uint32_t i = 0; i < n; i++) {
        const yk_cell *cell = &t->cells[ask][order[i]];
        yk_value       v = {.type = c->type, .is_missing = !bins && cell->n == 0};
        if (bins)
            v.t = (yk_text){(const char *)(t->hists[ask].counts + order[i] * n_bins), n_bins * sizeof(uint64_t)};
        else
            v.t = (yk_text){yk_buf_text(&t->texts) + cell->text[0], cell->text[1]};
        YK_TRY(yk_batch_put(c, &v, err));
    }
    return 0;
}

/* A column of integers has 64 bits; what is kept of a sum has 128. */
static int check_sums(const yk_grouping *s, const yk_ledger *t, size_t ask, yk_type type, yoke_error *err)
{
    const yk_cell *cells = t->cells[ask];
    if (s->asks[ask].what != YK_EACH_SUM || type.kind == YK_KIND_REAL)
        return 0;
    for (uint32_t i = 0, n = yk_groups_count(t->groups); i < n; i++)
        if (cells[i].sum_int != (int64_t)cells[i].sum_int)
            return yk_fail(err, YOKE_ELIMIT, "the sum of '%s' in a group does not fit an integer; cast(… as real) sums reals",
                           yk_expr_text(s->asks[ask].expr));
    return 0;
}

static int begin_column(yk_batch_column *c, yk_type type, size_t n, yoke_error *err)
{
    c->type = type;
    bool is_roomy = yk_grow(&c->valid.data, &c->valid.cap, n + 1, 1)
        && yk_grow(&c->values.data, &c->values.cap, n * yk_kind_size(type.kind) + 1, 1);
    return is_roomy ? 0 : yk_fail_nomem(err, "grouping");
}

/* A key's column: texts as codes, where they are few. */
static int put_key(const yk_grouping *s, yk_ledger *t, size_t key, const uint32_t *order, yk_batch *ret, yoke_error *err)
{
    uint32_t              n = yk_groups_count(t->groups);
    bool                  is_text = yk_kind_is_bytes(s->types[key].kind);
    YK_AUTOFREE uint32_t *codes = is_text ? yk_new_array(uint32_t, (size_t)n + 1) : NULL;
    yk_batch              column = {.columns = &ret->columns[key], .dicts = &ret->dicts[key], .n_columns = 1};
    yk_vec                values;
    yk_dict               dict;
    if (is_text && !codes)
        return yk_fail_nomem(err, "grouping");
    if (is_text)
        YK_TRY(yk_groups_coded_keys(t->groups, key, codes, &dict, &values, err));
    else
        YK_TRY(yk_groups_keys(t->groups, key, &values, err));
    YK_TRY(begin_column(&ret->columns[key], s->types[key], values.codes ? 0 : n, err));
    return yk_batch_add(&column, &values, order, n, err);
}

int yk_ledger_rows(const yk_grouping *s, yk_ledger *t, const uint32_t *order, bool with_firsts, yk_batch *ret, yoke_error *err)
{
    uint32_t            n = yk_groups_count(t->groups);
    size_t              n_columns = s->n_keys + s->n_asks;
    YK_TRY(yk_batch_init(ret, n_columns + with_firsts, err));
    for (size_t k = 0; k < s->n_keys; k++)
        YK_TRY(put_key(s, t, k, order, ret, err));
    for (size_t a = 0; a < s->n_asks; a++) {
        yk_batch_column *c = &ret->columns[s->n_keys + a];
        YK_TRY(begin_column(c, result_type(s, a), n, err));
        YK_TRY(check_sums(s, t, a, c->type, err));
        YK_TRY((yk_kind_is_bytes(c->type.kind) ? put_texts : put_numbers)(s, t, a, order, n, c, err));
    }
    if (with_firsts) {
        yk_batch_column *c = &ret->columns[n_columns];
        yk_vec           firsts = {.type = {.kind = YK_KIND_UINT}, .n = n, .values = t->firsts};
        YK_TRY(begin_column(c, firsts.type, n, err));
        YK_TRY(yk_batch_add(&(yk_batch){.columns = c, .n_columns = 1}, &firsts, order, n, err));
    }
    ret->n = n;
    return 0;
}

/* All that is only known once everything is merged. */
int yk_ledger_end(const yk_grouping *s, yk_ledger *t, yoke_session *session, yoke_error *err)
{
    for (size_t i = 0; i < s->n_asks; i++) {
        if (s->asks[i].what == YK_EACH_QUANTILE && s->keeper[i] == i)
            YK_TRY(find_quantiles(s, t, i, session, err));
        else if (s->asks[i].what == YK_EACH_DISTINCT)
            YK_TRY(t->distinct[i] ? count_distinct(s, t, i, err) : count_kept(s, t, i, session, err));
    }
    return 0;
}
