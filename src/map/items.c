/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists of segments (ranges, words, files), combined by product and zip; any item can be asked for by its number, and
 * files too large to be kept are read one record after the other.
 */
#include "map/items.h"

#include "base/number.h"
#include "map/records.h"

#include <stdio.h>

enum { AT_ONCE = 64 << 20 }; /* files up to this many bytes are read whole, so that their items are counted */

__extension__ typedef __int128 wide;

typedef enum segment_kind { RANGE, WORDS, RECORDS, STREAM, NPY } segment_kind;

typedef struct range {
    int64_t  first, step; /* in units of 1 / scale */
    uint64_t scale;       /* a power of ten; 1: whole numbers */
} range;

typedef struct segment {
    segment_kind kind;
    uint64_t     start, n; /* its place in its list; n is UINT64_MAX for a STREAM */
    range        range;
    const char **words;    /* owned; the words are borrowed */
    size_t       cap;
    yk_records  *records;  /* owned; of RECORDS and STREAM */
    yk_npy      *npy;      /* owned */
} segment;

typedef struct list {
    segment *segments; /* owned */
    size_t   n_segments, cap;
    uint64_t n;        /* items; UINT64_MAX: not known */
    unsigned width;    /* fields of an item */
    bool     is_zip;   /* side by side with the list before */
} list;

/* A window for each list: its items come from one file after the other. */
struct yk_items_room {
    yk_npy_window *windows; /* owned */
    size_t         n;
};

struct yk_items {
    yk_items_opts opts;
    list         *lists; /* owned */
    size_t        n_lists, cap;
    unsigned      width;
    uint64_t      n;
    bool          uses_stdin, in_files, is_zip; /* after ::::, each word is a file and a list; that list is zipped */
    bool          wants_file; /* after ::::, before its first file */
    yk_items_room *room;  /* owned; of next; from ready on */
    uint64_t      cursor; /* of next */
    size_t        cursor_segment;
};

yk_items *yk_items_new(const yk_items_opts *opts, yoke_error *err)
{
    yk_items *it = yk_new(yk_items);
    if (!it)
        yk_fail_nomem(err, "reading items");
    else
        it->opts = *opts;
    return it;
}

yk_items_room *yk_items_room_new(const yk_items *it, yoke_error *err)
{
    yk_items_room *r = yk_new(yk_items_room);
    if (r)
        r->windows = yk_new_array(yk_npy_window, it->n_lists + 1);
    if (!r || !r->windows) {
        yk_free(r);
        yk_fail_nomem(err, "reading items");
        return NULL;
    }
    r->n = it->n_lists;
    return r;
}

void yk_items_room_free(yk_items_room *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        yk_npy_window_fini(&r->windows[i]);
    yk_free(r->windows);
    yk_free(r);
}

static void free_segment(segment *s)
{
    yk_free(s->words);
    yk_records_close(s->records);
    yk_npy_close(s->npy);
}

void yk_items_free(yk_items *it)
{
    if (!it)
        return;
    for (size_t l = 0; l < it->n_lists; l++) {
        for (size_t s = 0; s < it->lists[l].n_segments; s++)
            free_segment(&it->lists[l].segments[s]);
        yk_free(it->lists[l].segments);
    }
    yk_free(it->lists);
    yk_items_room_free(it->room);
    yk_free(it);
}

/* ---- adding */

static list *new_list(yk_items *it, bool is_zip, yoke_error *err)
{
    list l = {.is_zip = is_zip, .width = 1};
    if (!yk_push(&it->lists, &it->n_lists, &it->cap, l)) {
        yk_fail_nomem(err, "reading items");
        return NULL;
    }
    return &it->lists[it->n_lists - 1];
}

static int add_segment(yk_items *it, segment s, unsigned width, yoke_error *err)
{
    list *l = it->n_lists > 0 ? &it->lists[it->n_lists - 1] : new_list(it, false, err);
    if (!l || !yk_push(&l->segments, &l->n_segments, &l->cap, s)) {
        free_segment(&s);
        return yk_fail_nomem(err, "reading items");
    }
    if (l->n_segments > 1 && l->width != width)
        return yk_fail(err, YOKE_EINVALID, "a table of %u columns cannot stand in one list with items of %u; put ::: between",
                       width, l->width);
    l->width = width;
    return 0;
}

static bool read_decimal(const char **at, wide *ret, unsigned *ret_decimals)
{
    const char *c = *at;
    bool        is_negative = *c == '-';
    wide    n = 0;
    unsigned    decimals = 0, digits = 0;
    if (*c == '-' || *c == '+')
        c++;
    if (*c < '0' || *c > '9')
        return false;
    for (bool is_fraction = false;; c++) {
        if (*c == '.' && !is_fraction && c[1] >= '0' && c[1] <= '9') {
            is_fraction = true;
            continue;
        }
        if (*c < '0' || *c > '9')
            break;
        if (++digits > 19)
            return false;
        n = n * 10 + (*c - '0');
        decimals += is_fraction;
    }
    *at = c;
    *ret = is_negative ? -n : n;
    *ret_decimals = decimals;
    return true;
}

/* Whether the word has the form of a range; its three numbers in units of 1 / *ret_scale. */
static bool looks_like_range(const char *word, wide n[3], bool *ret_has_step, uint64_t *ret_scale)
{
    unsigned    decimals[3] = {0}, most = 0;
    const char *at = word;
    int         count = 0;
    for (; count < 3; count++) {
        if (count > 0 && strncmp(at, "..", 2) != 0)
            break;
        at += count > 0 ? 2 : 0;
        if (!read_decimal(&at, &n[count], &decimals[count]))
            return false;
        most = decimals[count] > most ? decimals[count] : most;
    }
    if (*at || count < 2 || most > 15)
        return false;
    *ret_scale = 1;
    for (unsigned d = 0; d < most; d++)
        *ret_scale *= 10;
    for (int i = 0; i < count; i++)
        for (unsigned d = decimals[i]; d < most; d++)
            n[i] *= 10;
    *ret_has_step = count == 3;
    return true;
}

static int add_range(yk_items *it, const char *word, const wide n[3], bool has_step, uint64_t scale, yoke_error *err)
{
    wide span = n[1] - n[0], step = has_step ? n[2] : span < 0 ? -(wide)scale : (wide)scale;
    wide most = scale > 1 ? (wide)1 << 53 : INT64_MAX; /* beyond 2^53 decimal values would not be exact */
    if (step == 0)
        return yk_fail(err, YOKE_EINVALID, "the range '%s' has a step of 0", word);
    if (span != 0 && (span < 0) != (step < 0))
        return yk_fail(err, YOKE_EINVALID, "the range '%s' never gets to its end; its step must be %s", word,
                       span < 0 ? "negative" : "positive");
    for (int i = 0; i < 2; i++)
        if (n[i] > most || n[i] < -most - (scale == 1))
            return yk_fail(err, YOKE_ELIMIT, "the range '%s' has numbers of too many digits", word);
    if (step > most || step < -most || span / step >= (wide)UINT64_MAX - 1)
        return yk_fail(err, YOKE_ELIMIT, "the range '%s' has numbers of too many digits", word);
    segment s = {.kind = RANGE, .n = (uint64_t)(span / step) + 1, .range = {(int64_t)n[0], (int64_t)step, scale}};
    return add_segment(it, s, 1, err);
}

static int add_npy(yk_items *it, const char *path, yoke_error *err)
{
    segment s = {.kind = NPY};
    YK_TRY(yk_npy_open_plain(path, &s.npy, err));
    if (s.npy->n_dims == 0) {
        yk_npy_close(s.npy);
        return yk_fail(err, YOKE_EINVALID, "'%s' holds one number, not a vector", path);
    }
    s.n = s.npy->shape[0];
    return add_segment(it, s, 1, err);
}

int yk_items_file(yk_items *it, const char *path, yoke_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    if (it->opts.has_npy && !is_stdin && strcmp(yk_path_ext(path), "npy") == 0)
        return add_npy(it, path, err);
    if (is_stdin && it->uses_stdin)
        return yk_fail(err, YOKE_EINVALID, "standard input can be read only once");
    it->uses_stdin |= is_stdin;
    segment         s = {.kind = STREAM, .n = UINT64_MAX};
    yk_records_opts o = {it->opts.has_nul ? '\0' : '\n', it->opts.separator, it->opts.columns, it->opts.wake_fd};
    YK_TRY(yk_records_open(path, &o, &s.records, err));
    uint64_t size = yk_records_size(s.records);
    int      rc = 0;
    if (size <= AT_ONCE) {
        rc = yk_records_load(s.records, &s.n, err);
        s.kind = RECORDS;
    }
    if (rc < 0) {
        yk_records_close(s.records);
        return rc;
    }
    return add_segment(it, s, yk_records_width(s.records), err);
}

static int add_plain(yk_items *it, const char *word, yoke_error *err)
{
    list    *l = it->n_lists > 0 ? &it->lists[it->n_lists - 1] : NULL;
    segment *last = l && l->n_segments > 0 ? &l->segments[l->n_segments - 1] : NULL;
    if (!last || last->kind != WORDS) {
        YK_TRY(add_segment(it, (segment){.kind = WORDS}, 1, err));
        l = &it->lists[it->n_lists - 1];
        last = &l->segments[l->n_segments - 1];
    }
    size_t n = last->n;
    if (!yk_push(&last->words, &n, &last->cap, word))
        return yk_fail_nomem(err, "reading items");
    last->n = n;
    return 0;
}

bool yk_items_begins_list(const char *word)
{
    return strcmp(word, ":::") == 0 || strcmp(word, ":::+") == 0 || strcmp(word, "::::") == 0 || strcmp(word, "::::+") == 0;
}

static int check_file_named(const yk_items *it, yoke_error *err)
{
    return it->wants_file ? yk_fail(err, YOKE_EINVALID, "no file stands after ::::%s", it->is_zip ? "+" : "") : 0;
}

/* ::: begins a list, and :::: files that are lists; with a + it is side by side with the one before. */
static int add_colons(yk_items *it, const char *word, yoke_error *err)
{
    YK_TRY(check_file_named(it, err));
    it->in_files = it->wants_file = word[3] == ':';
    it->is_zip = word[strlen(word) - 1] == '+';
    if (it->is_zip && it->n_lists == 0)
        return yk_fail(err, YOKE_EINVALID, "%s stands between two lists; there is none before it", word);
    return it->in_files || new_list(it, it->is_zip, err) ? 0 : YOKE_ENOMEM;
}

int yk_items_word(yk_items *it, const char *word, yoke_error *err)
{
    wide n[3];
    bool     has_step;
    uint64_t scale;
    if (yk_items_begins_list(word))
        return add_colons(it, word, err);
    if (it->in_files) {
        it->wants_file = false;
        if (!new_list(it, it->is_zip, err))
            return YOKE_ENOMEM;
        return yk_items_file(it, word, err);
    }
    if (strcmp(word, "-") == 0 || (it->opts.has_npy && strcmp(yk_path_ext(word), "npy") == 0))
        return yk_items_file(it, word, err);
    if (looks_like_range(word, n, &has_step, &scale))
        return add_range(it, word, n, has_step, scale, err);
    return add_plain(it, word, err);
}

/* ---- counting */

static int load_list(list *l, yoke_error *err)
{
    for (size_t i = 0; i < l->n_segments; i++)
        if (l->segments[i].kind == STREAM) {
            YK_TRY(yk_records_load(l->segments[i].records, &l->segments[i].n, err));
            l->segments[i].kind = RECORDS;
        }
    return 0;
}

static int count_list(list *l, size_t number, yoke_error *err)
{
    l->n = 0;
    if (l->n_segments == 0)
        return yk_fail(err, YOKE_EINVALID, "list %zu is empty: nothing stands after its :::", number + 1);
    for (size_t i = 0; i < l->n_segments; i++) {
        l->segments[i].start = l->n;
        if (l->segments[i].n == UINT64_MAX || l->n == UINT64_MAX)
            l->n = UINT64_MAX;
        else if (__builtin_add_overflow(l->n, l->segments[i].n, &l->n))
            return yk_fail(err, YOKE_ELIMIT, "more than 2^64 items");
    }
    return 0;
}

static int count_all(yk_items *it, yoke_error *err)
{
    it->n = it->n_lists > 0;
    it->width = 0;
    for (size_t i = 0; i < it->n_lists; i++) {
        list *l = &it->lists[i];
        YK_TRY(count_list(l, i, err));
        it->width += l->width;
        if (l->is_zip && l->n != l[-1].n)
            return yk_fail(err, YOKE_EINVALID, ":::+ joins lists of one length; list %zu has %llu items, list %zu has %llu", i,
                           (unsigned long long)l[-1].n, i + 1, (unsigned long long)l->n);
        if (l->n == UINT64_MAX)
            it->n = UINT64_MAX;
        else if (!l->is_zip && __builtin_mul_overflow(it->n, l->n, &it->n))
            return yk_fail(err, YOKE_ELIMIT, "more than 2^64 items");
    }
    return 0;
}

int yk_items_load(yk_items *it, yoke_error *err)
{
    for (size_t i = 0; i < it->n_lists; i++)
        YK_TRY(load_list(&it->lists[i], err));
    return count_all(it, err);
}

int yk_items_ready(yk_items *it, yoke_error *err)
{
    YK_TRY(check_file_named(it, err));
    it->room = yk_items_room_new(it, err);
    if (!it->room)
        return YOKE_ENOMEM;
    return it->n_lists > 1 ? yk_items_load(it, err) : count_all(it, err);
}

bool yk_items_is_empty(const yk_items *it) { return it->n_lists == 0; }
unsigned yk_items_width(const yk_items *it) { return it->width; }
uint64_t yk_items_count(const yk_items *it) { return it->n; }

const char *yk_items_name(const yk_items *it, unsigned field)
{
    for (size_t i = 0; i < it->n_lists; field -= it->lists[i++].width)
        if (field < it->lists[i].width) {
            const segment *s = &it->lists[i].segments[0];
            return s->records ? yk_records_name(s->records, field) : NULL;
        }
    return NULL;
}

/* ---- getting */

static int from_npy(const yk_npy *f, uint64_t k, yk_npy_window *w, yk_field *ret, yoke_error *err)
{
    uint64_t    values = f->shape[0] > 0 ? f->n / f->shape[0] : 0, bytes = values * f->type.size;
    const void *at;
    YK_TRY(yk_npy_at(f, k * bytes, bytes, w, &at, err));
    if (f->n_dims > 1) {
        *ret = (yk_field){.kind = YK_FIELD_ROW, .type = f->type, .run = {at, values}};
        return 0;
    }
    uint64_t bits = 0;
    memcpy(&bits, at, f->type.size);
    unsigned spare = 64 - 8u * f->type.size;
    if (f->type.kind == 'f' && f->type.size == 8) {
        *ret = (yk_field){.kind = YK_FIELD_REAL};
        memcpy(&ret->d, at, sizeof ret->d);
    } else if (f->type.kind == 'f') {
        float x;
        memcpy(&x, at, sizeof x);
        *ret = (yk_field){.kind = YK_FIELD_REAL, .d = (double)x};
    } else if (f->type.kind == 'i') {
        *ret = (yk_field){.kind = YK_FIELD_INT, .i = (int64_t)(bits << spare) >> spare};
    } else {
        *ret = (yk_field){.kind = YK_FIELD_UINT, .u = bits};
    }
    return 0;
}

static int from_segment(const segment *s, uint64_t k, yk_npy_window *w, yk_field *ret, unsigned width, yoke_error *err)
{
    switch (s->kind) {
    case RANGE: {
        int64_t v = (int64_t)((uint64_t)s->range.first + k * (uint64_t)s->range.step); /* both ends fit, so does this */
        if (s->range.scale == 1)
            *ret = (yk_field){.kind = YK_FIELD_INT, .i = v};
        else
            *ret = (yk_field){.kind = YK_FIELD_REAL, .d = (double)v / (double)s->range.scale};
        break;
    }
    case WORDS: *ret = (yk_field){.kind = YK_FIELD_TEXT, .run = {s->words[k], strlen(s->words[k])}}; break;
    case NPY: return from_npy(s->npy, k, w, ret, err);
    case RECORDS:
    case STREAM:
        for (unsigned i = 0; i < width; i++) {
            ret[i] = (yk_field){.kind = YK_FIELD_TEXT};
            ret[i].run.data = yk_records_cell(s->records, k, i, &ret[i].run.len);
        }
        break;
    }
    return 0;
}

static const segment *find_segment(const list *l, uint64_t k)
{
    size_t lo = 0, hi = l->n_segments;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->segments[mid].start <= k)
            lo = mid;
        else
            hi = mid;
    }
    return &l->segments[lo];
}

/* Which item of list `at` belongs to item `index`: the last list varies fastest, zipped lists move together. */
static uint64_t place_in_list(const yk_items *it, size_t at, uint64_t index)
{
    size_t group = at;
    while (it->lists[group].is_zip)
        group--;
    for (size_t i = it->n_lists; i-- > group + 1;)
        if (!it->lists[i].is_zip)
            index /= it->lists[i].n;
    return group == 0 ? index : index % it->lists[group].n;
}

int yk_items_at(const yk_items *it, uint64_t index, yk_items_room *room, yk_field *ret, yoke_error *err)
{
    if (index >= it->n || it->n == UINT64_MAX)
        return yk_fail(err, YOKE_EINVALID, "there is no item %llu", (unsigned long long)index);
    for (size_t i = 0; i < it->n_lists; i++) {
        const list    *l = &it->lists[i];
        uint64_t       k = it->n_lists == 1 ? index : place_in_list(it, i, index);
        const segment *s = find_segment(l, k);
        YK_TRY(from_segment(s, k - s->start, &room->windows[i], ret, l->width, err));
        ret += l->width;
    }
    return 0;
}

/* The one list of items whose number is not known, segment by segment. */
static int next_of_stream(yk_items *it, yk_field *ret, yoke_error *err)
{
    list *l = &it->lists[0];
    for (; it->cursor_segment < l->n_segments; it->cursor_segment++, it->cursor = 0) {
        segment *s = &l->segments[it->cursor_segment];
        if (s->kind == STREAM) {
            int got = yk_records_next(s->records, err);
            if (got < 0)
                return got;
            if (got > 0) {
                YK_TRY(from_segment(s, 0, it->room->windows, ret, l->width, err));
                return 1;
            }
        } else if (it->cursor < s->n) {
            YK_TRY(from_segment(s, it->cursor++, it->room->windows, ret, l->width, err));
            return 1;
        }
    }
    return 0;
}

bool yk_items_is_ready(const yk_items *it)
{
    const list *l = &it->lists[0];
    bool        is_stream = it->n == UINT64_MAX && it->cursor_segment < l->n_segments && l->segments[it->cursor_segment].kind == STREAM;
    return !is_stream || yk_records_is_ready(l->segments[it->cursor_segment].records);
}

int yk_items_next(yk_items *it, yk_field *ret, yoke_error *err)
{
    if (it->n == UINT64_MAX)
        return next_of_stream(it, ret, err);
    if (it->cursor >= it->n)
        return 0;
    YK_TRY(yk_items_at(it, it->cursor++, it->room, ret, err));
    return 1;
}

/* The number of the first item that has item k of list `at` in it. */
static uint64_t first_with(const yk_items *it, size_t at, uint64_t k)
{
    size_t group = at;
    while (it->lists[group].is_zip)
        group--;
    for (size_t i = it->n_lists; i-- > group + 1;)
        if (!it->lists[i].is_zip)
            k *= it->lists[i].n;
    return k;
}

typedef int visit_fn(void *ctx, uint64_t index, unsigned field, const yk_field *f);

static int visit_list(const yk_items *it, size_t at, unsigned field, yk_items_room *room, visit_fn *fn, void *ctx, yoke_error *err)
{
    const list          *l = &it->lists[at];
    YK_AUTOFREE yk_field *f = yk_new_array(yk_field, l->width);
    if (!f)
        return yk_fail_nomem(err, "reading items");
    for (const segment *s = l->segments; s < l->segments + l->n_segments && s->kind != STREAM; s++)
        for (uint64_t k = 0; k < s->n; k += s->kind == RANGE && k == 1 && s->n > 2 ? s->n - 2 : 1) {
            YK_TRY(from_segment(s, k, &room->windows[at], f, l->width, err));
            for (unsigned i = 0; i < l->width; i++)
                YK_TRY(fn(ctx, it->n == UINT64_MAX ? k : first_with(it, at, s->start + k), field + i, &f[i]));
        }
    return 0;
}

int yk_items_visit(const yk_items *it, visit_fn *fn, void *ctx, yoke_error *err)
{
    YK_CLEANUP(yk_items_room_freep) yk_items_room *room = yk_items_room_new(it, err);
    if (!room)
        return YOKE_ENOMEM;
    unsigned field = 0;
    for (size_t i = 0; i < it->n_lists; field += it->lists[i++].width)
        YK_TRY(visit_list(it, i, field, room, fn, ctx, err));
    return 0;
}

/* ---- for messages */

const char *yk_items_where(const yk_items *it, uint64_t index, unsigned field, char *buf, size_t size)
{
    snprintf(buf, size, "item %llu", (unsigned long long)index);
    for (size_t i = 0; i < it->n_lists; field -= it->lists[i++].width) {
        const list *l = &it->lists[i];
        if (field >= l->width && it->n_lists > 1)
            continue;
        const segment *s = it->n == UINT64_MAX ? &l->segments[it->cursor_segment] : NULL;
        uint64_t       k = s ? 0 : it->n_lists == 1 ? index : place_in_list(it, i, index);
        s = s ? s : find_segment(l, k);
        if (s->records)
            yk_records_where(s->records, k - (s->kind == RECORDS ? s->start : k), field, buf, size);
        else if (s->npy)
            snprintf(buf, size, "'%s' value %llu", s->npy->path, (unsigned long long)(k - s->start));
        else if (it->n_lists > 1)
            snprintf(buf, size, "list %zu, item %llu", i + 1, (unsigned long long)k);
        break;
    }
    return buf;
}

const char *yk_field_text(const yk_field *f, char buf[YK_FIELD_BUF], size_t *ret_len)
{
    switch (f->kind) {
    case YK_FIELD_INT: *ret_len = yk_number_int(f->i, buf); break;
    case YK_FIELD_UINT: *ret_len = yk_number_uint(f->u, buf); break;
    case YK_FIELD_REAL: *ret_len = yk_number_real(f->d, buf); break;
    case YK_FIELD_TEXT: *ret_len = f->run.len; return f->run.data;
    case YK_FIELD_ROW: *ret_len = (size_t)snprintf(buf, YK_FIELD_BUF, "%zu values", f->run.len); break;
    }
    return buf;
}
