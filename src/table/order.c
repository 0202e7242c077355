/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sorting rows by their keys, the most significant first. A key becomes an unsigned integer that orders as it does (its image: of
 * text eight bytes at a time), images are sorted digit by digit, least significant first, which keeps equal rows as they lie;
 * digits that all rows share are passed over. Rows with equal images are sorted by the next eight bytes, or the next key. Keys of few
 * bits that follow one another are one image; of short texts those bits are taken in which any two of them differ. The images of codes
 * are the ranks of what they stand for, which is sorted first.
 */
#include "table/order.h"

#include <stdlib.h>

enum { MOST_LEVELS = 64, FEW = 24, ALONE = 65, MOST_WORDS = 4 };

/* Some bits of a word, and how they move together to its lower end (Warren, Hacker's Delight, 2nd edition, 7-4). */
typedef struct gather {
    uint64_t bits, steps[6];
    unsigned n;
} gather;

/* The values of a key as places: integers whose order theirs is. */
typedef struct field {
    bool     is_known;   /* it is looked at when it is asked for */
    unsigned bits;       /* of places; ALONE: there are none, the key is not joined with others */
    uint64_t most;       /* the greatest place; one more stands for missing ones */
    uint64_t least;      /* the image, or length, whose place is 0 */
    unsigned n_words;    /* of texts; 0: it is another kind */
    unsigned length_bits;
    gather   words[MOST_WORDS]; /* of each eight bytes of texts: where some differ */
} field;

typedef struct item {
    uint64_t image;
    uint32_t row;
} item;

typedef struct sorting {
    const yk_batch *b;
    const yk_order *order;
    size_t          n_order;
    uint32_t       *rows;
    item           *items, *other; /* room for as many as there are rows */
    uint32_t      **ranks;         /* of each key that is codes: of each of them */
    field          *fields;        /* of each key */
} sorting;

/* Rows [first, first + n) of `rows` are equal in all keys before `key`, and in the first `depth` bytes of it. */
typedef struct range {
    uint64_t first, n;
    size_t   key, depth;
    unsigned level;
} range;

static int sort_range(sorting *s, range r);

/* ---- images */

static yk_text text_at(const yk_batch_column *c, uint32_t row)
{
    uint64_t place[2];
    memcpy(place, c->values.data + (size_t)row * sizeof place, sizeof place);
    return (yk_text){yk_buf_text(&c->bytes) + place[0], place[1]};
}

/* Values beyond 64 bits share the outermost images. */
static uint64_t decimal_image(const char *at)
{
    __extension__ __int128 d;
    memcpy(&d, at, sizeof d);
    return d > INT64_MAX ? UINT64_MAX : d < INT64_MIN ? 0 : (uint64_t)(int64_t)d ^ (uint64_t)1 << 63;
}

static uint64_t image_at(const yk_batch_column *c, uint32_t row, size_t depth)
{
    uint64_t u;
    switch (c->type.kind) {
    case YK_KIND_NULL: return 0;
    case YK_KIND_BOOL: return (unsigned char)c->values.data[row];
    case YK_KIND_TEXT:
    case YK_KIND_DATA: return yk_text_image(text_at(c, row), depth);
    case YK_KIND_DECIMAL: return decimal_image(c->values.data + (size_t)row * 16);
    default: memcpy(&u, c->values.data + (size_t)row * sizeof u, sizeof u); return yk_order_image(c->type.kind, u);
    }
}

/* ---- items by their images, equal ones as they lie; the result is in items */

static void sort_few(item *items, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++) {
        item     x = items[i];
        uint64_t k = i;
        for (; k > 0 && items[k - 1].image > x.image; k--)
            items[k] = items[k - 1];
        items[k] = x;
    }
}

static void sort_digit(const item *from, item *to, uint64_t n, unsigned shift, unsigned bits)
{
    uint32_t       at[1 << 11], sum = 0;
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    memset(at, 0, sizeof *at << bits);
    for (uint64_t i = 0; i < n; i++)
        at[from[i].image >> shift & mask]++;
    for (size_t k = 0; k <= mask; k++) {
        uint32_t count = at[k];
        at[k] = sum;
        sum += count;
    }
    for (uint64_t i = 0; i < n; i++)
        to[at[from[i].image >> shift & mask]++] = from[i];
}

static void sort_items(item *items, item *other, uint64_t n)
{
    uint64_t differ = 0;
    bool     is_sorted = true;
    for (uint64_t i = 1; i < n; i++) {
        differ |= items[i].image ^ items[0].image;
        is_sorted &= items[i - 1].image <= items[i].image;
    }
    if (is_sorted)
        return;
    if (n <= FEW) {
        sort_few(items, n);
        return;
    }
    const unsigned bits = n < 4096 ? 8 : 11;
    item          *from = items, *to = other;
    for (unsigned shift = 0; shift < 64 && differ >> shift; shift += bits) {
        shift += (unsigned)__builtin_ctzll(differ >> shift);
        sort_digit(from, to, n, shift, bits);
        item *swap = from;
        from = to, to = swap;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
}

/* ---- rows */

static int compare_rows(const void *pa, const void *pb, void *ctx)
{
    const sorting *s = ctx;
    uint32_t       a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    for (size_t i = 0; i < s->n_order; i++) {
        int c = yk_batch_compare(s->b, a, s->b, b, s->order[i].column, s->order[i].is_descending);
        if (c)
            return c;
    }
    return 0;
}

/* Where images do not help: by whole comparisons. Rows lie in ascending order within the range only as long as no key has been
 * sorted by, so equal ones are told apart by the place that they have now. */
static int compare_items(const void *pa, const void *pb, void *ctx)
{
    const item *a = pa, *b = pb;
    int         c = compare_rows(&a->row, &b->row, ctx);
    return c ? c : (a->image > b->image) - (a->image < b->image);
}

static int sort_plainly(sorting *s, range r)
{
    item   *items = s->items + r.first;
    sorting rest = {.b = s->b, .order = s->order + r.key, .n_order = s->n_order - r.key};
    for (uint64_t i = 0; i < r.n; i++)
        items[i] = (item){i, s->rows[r.first + i]};
    qsort_r(items, r.n, sizeof *items, compare_items, &rest);
    for (uint64_t i = 0; i < r.n; i++)
        s->rows[r.first + i] = items[i].row;
    return 0;
}

/* Texts that are equal as far as `depth + 8`: by what follows, or their lengths where nothing does. */
static int sort_deeper(sorting *s, range r)
{
    const yk_batch_column *c = &s->b->columns[s->order[r.key].column];
    yk_text                first = text_at(c, s->rows[r.first]);
    uint64_t               most = first.len, least = first.len, same = first.len;
    for (uint64_t i = 1; i < r.n; i++) {
        yk_text  t = text_at(c, s->rows[r.first + i]);
        uint64_t k = r.depth < t.len ? r.depth : t.len;
        same = same < t.len ? same : t.len;
        while (k < same && t.data[k] == first.data[k])
            k++;
        same = same < k ? same : k;
        most = most > t.len ? most : t.len;
        least = least < t.len ? least : t.len;
    }
    if (same == most) /* all of them are the same */
        return sort_range(s, (range){r.first, r.n, r.key + 1, 0, r.level});
    if (r.level > MOST_LEVELS || most <= r.depth + 8) /* only zero bytes and lengths tell them apart */
        return sort_plainly(s, r);
    return sort_range(s, (range){r.first, r.n, r.key, same > r.depth + 8 ? same : r.depth + 8, r.level + 1});
}

/* The kind of a key where images say less than values do. */
static yk_kind loose_kind(const sorting *s, size_t key)
{
    const yk_batch_column *c = &s->b->columns[s->order[key].column];
    bool                   is_exact = c->dict || (!yk_kind_is_bytes(c->type.kind) && c->type.kind != YK_KIND_DECIMAL);
    return is_exact ? YK_KIND_NULL : c->type.kind;
}

/* Rows of equal images, which say less than their values do. */
static int sort_equals(sorting *s, range r, uint64_t image)
{
    if (yk_kind_is_bytes(loose_kind(s, r.key)))
        return sort_deeper(s, r);
    if (image == 0 || image == UINT64_MAX)
        return sort_plainly(s, r);
    return sort_range(s, (range){r.first, r.n, r.key + 1, 0, r.level});
}

/* Images of the rows that are there; the others go to the end, as they lie. Returns how many are there. */
static uint64_t take_images(sorting *s, range r)
{
    const yk_batch_column *c = &s->b->columns[s->order[r.key].column];
    const uint16_t        *codes = c->dict ? (const uint16_t *)(const void *)c->values.data : NULL;
    const uint32_t        *ranks = s->ranks[r.key];
    uint64_t               turn = s->order[r.key].is_descending ? UINT64_MAX : 0;
    uint32_t              *rows = s->rows + r.first;
    item                  *items = s->items + r.first, *missing = s->other + r.first;
    uint64_t               n = 0, n_missing = 0;
    for (uint64_t i = 0; i < r.n && codes; i++) {
        if (c->dict->valid.data[codes[rows[i]]])
            items[n++] = (item){ranks[codes[rows[i]]] ^ turn, rows[i]};
        else
            missing[n_missing++].row = rows[i];
    }
    for (uint64_t i = 0; i < r.n && !codes; i++) {
        if (c->valid.data[rows[i]])
            items[n++] = (item){image_at(c, rows[i], r.depth) ^ turn, rows[i]};
        else
            missing[n_missing++].row = rows[i];
    }
    for (uint64_t i = 0; i < n_missing; i++)
        rows[n + i] = missing[i].row;
    return n;
}

/* ---- keys that are joined */

static gather gather_of(uint64_t bits)
{
    gather   g = {.bits = bits, .n = (unsigned)__builtin_popcountll(bits)};
    uint64_t left_out = ~bits << 1;
    for (unsigned i = 0; i < 6; i++) {
        uint64_t parity = left_out ^ left_out << 1;
        for (unsigned shift = 2; shift < 64; shift *= 2)
            parity ^= parity << shift;
        g.steps[i] = parity & bits; /* those that an odd number of hundreds, tens … of bits to their right leaves out */
        bits = (bits ^ g.steps[i]) | g.steps[i] >> (1 << i);
        left_out &= ~parity;
    }
    return g;
}

static uint64_t gathered(const gather *g, uint64_t word)
{
    word &= g->bits;
    for (unsigned i = 0; i < 6; i++) {
        uint64_t moved = word & g->steps[i];
        word = (word ^ moved) | moved >> (1 << i);
    }
    return word;
}

static unsigned width(uint64_t x) { return x ? 64 - (unsigned)__builtin_clzll(x) : 0; }

/* What all texts of a key have in common. */
typedef struct common {
    uint64_t some[MOST_WORDS], all[MOST_WORDS]; /* bits of their images that some of them have, and that all have */
    uint64_t least, most;                       /* of their lengths */
} common;

/* How many bits tell them from each other. */
static unsigned count_bits(common *c)
{
    unsigned bits = c->least < c->most ? width(c->most - c->least) : 0;
    for (unsigned w = 0; w < MOST_WORDS; w++) {
        c->all[w] = c->least <= 8 * (uint64_t)w ? 0 : c->all[w];
        bits += (unsigned)__builtin_popcountll(c->some[w] & ~c->all[w]);
    }
    return bits;
}

static void look_at_texts(const sorting *s, const yk_batch_column *column, field *f)
{
    common c = {.all = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}, .least = UINT64_MAX};
    bool   some_missing = false;
    for (uint64_t row = 0; row < s->b->n; row++) {
        yk_text t = text_at(column, (uint32_t)row);
        if (!column->valid.data[row]) {
            some_missing = true;
            continue;
        }
        c.least = t.len < c.least ? t.len : c.least;
        c.most = t.len > c.most ? t.len : c.most;
        if (t.len > 8 * MOST_WORDS || (row % 1024 == 0 && count_bits(&c) > 64))
            return;
        for (unsigned w = 0; w < (t.len + 7) / 8; w++) {
            uint64_t image = yk_text_image(t, 8 * (size_t)w);
            c.some[w] |= image;
            c.all[w] &= image;
        }
    }
    unsigned bits = count_bits(&c);
    if (bits + some_missing > 64 || c.least > c.most)
        return;
    f->bits = bits + some_missing;
    f->most = bits ? UINT64_MAX >> (64 - bits) : 0;
    f->least = c.least;
    f->length_bits = width(c.most - c.least);
    f->n_words = c.most ? (unsigned)(c.most + 7) / 8 : 1;
    for (unsigned w = 0; w < f->n_words; w++)
        f->words[w] = gather_of(c.some[w] & ~c.all[w]);
}

static uint64_t place_of_text(const field *f, yk_text t)
{
    uint64_t place = 0;
    for (unsigned w = 0; w < f->n_words; w++)
        if (f->words[w].n)
            place = (f->words[w].n < 64 ? place << f->words[w].n : 0) | gathered(&f->words[w], yk_text_image(t, 8 * (size_t)w));
    return place << f->length_bits | (t.len - f->least);
}

static field look_at(const sorting *s, size_t key)
{
    const yk_batch_column *c = &s->b->columns[s->order[key].column];
    field                  f = {.is_known = true, .bits = ALONE};
    uint64_t               least = UINT64_MAX, most = 0;
    bool                   some_missing = c->dict != NULL;
    if (c->dict) {
        least = 0, most = c->dict->valid.len;
    } else if (yk_kind_is_bytes(c->type.kind)) {
        look_at_texts(s, c, &f);
        return f;
    } else if (yk_order_has_image(c->type.kind) || c->type.kind == YK_KIND_BOOL) {
        for (uint64_t row = 0; row < s->b->n; row++) {
            uint64_t image = image_at(c, (uint32_t)row, 0);
            some_missing |= !c->valid.data[row];
            least = image < least ? image : least;
            most = image > most ? image : most;
        }
    } else {
        return f;
    }
    f.least = least, f.most = most - least;
    if (f.most < UINT64_MAX)
        f.bits = width(f.most + some_missing);
    return f;
}

static const field *field_of(sorting *s, size_t key)
{
    if (!s->fields[key].is_known)
        s->fields[key] = look_at(s, key);
    return &s->fields[key];
}

/* How many keys from this one on are one image; 0: it has one of its own, or several. */
static size_t count_joined(sorting *s, range r)
{
    size_t   n = 0;
    unsigned bits = 0;
    bool     is_text = loose_kind(s, r.key) != YK_KIND_NULL;
    if (r.depth || (!is_text && r.key + 1 == s->n_order))
        return 0;
    for (; r.key + n < s->n_order && bits + field_of(s, r.key + n)->bits <= 64; n++)
        bits += s->fields[r.key + n].bits;
    return n > 1 || is_text ? n : 0;
}

static uint64_t place_at(const sorting *s, size_t key, uint32_t row)
{
    const yk_batch_column *c = &s->b->columns[s->order[key].column];
    const field           *f = &s->fields[key];
    uint32_t               at = c->dict ? ((const uint16_t *)(const void *)c->values.data)[row] : row;
    if (!(c->dict ? c->dict : c)->valid.data[at])
        return f->most + 1;
    uint64_t place = c->dict ? s->ranks[key][at] : f->n_words ? place_of_text(f, text_at(c, at)) : image_at(c, at, 0) - f->least;
    return s->order[key].is_descending ? f->most - place : place;
}

/* Images of n joined keys, missing ones among them: these come last. */
static uint64_t take_joined(sorting *s, range r, size_t n)
{
    const uint32_t *rows = s->rows + r.first;
    item           *items = s->items + r.first;
    for (uint64_t i = 0; i < r.n; i++)
        items[i] = (item){0, rows[i]};
    for (size_t k = r.key; k < r.key + n; k++)
        for (uint64_t i = 0; i < r.n; i++)
            items[i].image = (s->fields[k].bits < 64 ? items[i].image << s->fields[k].bits : 0) | place_at(s, k, rows[i]);
    return r.n;
}

static int sort_range(sorting *s, range r)
{
    if (r.key == s->n_order || r.n < 2)
        return 0;
    size_t   joined = count_joined(s, r), next = r.key + (joined ? joined : 1);
    uint64_t n = joined ? take_joined(s, r, joined) : take_images(s, r);
    item    *items = s->items + r.first;
    sort_items(items, s->other + r.first, n);
    for (uint64_t i = 0; i < n; i++)
        s->rows[r.first + i] = items[i].row;
    bool is_exact = joined || loose_kind(s, r.key) == YK_KIND_NULL;
    if (is_exact && next == s->n_order)
        return 0;
    for (uint64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && items[end].image == items[i].image; end++)
            ;
        if (end - i == 1)
            continue;
        range    equal = {r.first + i, end - i, is_exact ? next : r.key, is_exact ? 0 : r.depth, r.level};
        uint64_t image = items[i].image; /* items before `end` are used no more */
        YK_TRY(is_exact ? sort_range(s, equal) : sort_equals(s, equal, image));
    }
    return sort_range(s, (range){r.first + n, r.n - n, next, 0, r.level});
}

/* Ranks of a dictionary's rows; equal ones have the same. For yk_free. */
static int rank(const yk_batch_column *dict, uint32_t **ret, yoke_error *err)
{
    yk_batch              b = {.columns = (yk_batch_column *)(uintptr_t)dict, .n_columns = 1, .n = dict->valid.len};
    yk_order              key = {0};
    YK_AUTOFREE uint32_t *order = NULL, *ranks = yk_new_array(uint32_t, b.n + 1);
    if (!ranks)
        return yk_fail_nomem(err, "sorting");
    YK_TRY(yk_batch_sort(&b, &key, 1, &order, err));
    for (uint64_t i = 1; i < b.n; i++)
        ranks[order[i]] = ranks[order[i - 1]] + (yk_batch_compare(&b, order[i - 1], &b, order[i], 0, false) != 0);
    *ret = YK_TAKE(ranks);
    return 0;
}

static void sorting_fini(sorting *s)
{
    for (size_t i = 0; s->ranks && i < s->n_order; i++)
        yk_free(s->ranks[i]);
    yk_free(s->ranks);
    yk_free(s->fields);
}

int yk_batch_sort(const yk_batch *b, const yk_order *order, size_t n_order, uint32_t **ret, yoke_error *err)
{
    if (b->n > UINT32_MAX)
        return yk_fail(err, YOKE_ELIMIT, "more than %u rows to sort in memory", UINT32_MAX);
    YK_AUTOFREE uint32_t *rows = yk_new_array(uint32_t, b->n + 1);
    YK_AUTOFREE item     *items = yk_malloc((b->n + 1) * sizeof *items);
    YK_AUTOFREE item     *other = yk_malloc((b->n + 1) * sizeof *other);
    YK_CLEANUP(sorting_fini) sorting s = {b, order, n_order, rows, items, other, yk_new_array(uint32_t *, n_order + 1),
                                         yk_new_array(field, n_order + 1)};
    if (!rows || !items || !other || !s.ranks || !s.fields)
        return yk_fail_nomem(err, "sorting");
    for (uint64_t i = 0; i < b->n; i++)
        rows[i] = (uint32_t)i;
    for (size_t k = 0; k < n_order; k++)
        if (b->columns[order[k].column].dict)
            YK_TRY(rank(b->columns[order[k].column].dict, &s.ranks[k], err));
    YK_TRY(sort_range(&s, (range){.n = b->n}));
    *ret = YK_TAKE(rows);
    return 0;
}
