/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Arrow batches as columns. The batches stay as they came; a cursor turns the rows it is asked for into a block, in place where
 * the stored form is a block's form.
 */
#include "format/arrow/arrow_type.h"

#include "base/alloc.h"
#include "exec/gate.h"

#include <errno.h>
#include <pthread.h>

/* A batch's dictionary as blocks have it; batches that follow one another often have the same. */
typedef struct coded {
    struct coded            *older; /* of all that are there */
    const struct ArrowArray *of;
    yk_dict                  dict;  /* values owned */
    uint64_t                *valid; /* owned; a bit for each value; NULL: all are there */
} coded;

struct yk_arrow {
    struct ArrowSchema schema;
    struct ArrowArray *batches;
    uint64_t          *first; /* of each batch: its first row; one more at the end */
    size_t             n_batches, cap;
    yk_arrow_kind     *columns;
    unsigned           n_columns, n_coded;
    uint64_t           first_id; /* of dictionaries: the same in every worker process */
    pthread_mutex_t    lock;
    coded            **coded; /* of each dictionary-encoded column and batch, NULL until needed; guarded by lock, as the next */
    coded             *newest;
};

static void coded_free(coded *d)
{
    if (!d)
        return;
    yk_free((void *)(uintptr_t)d->dict.values);
    yk_free(d->valid);
    yk_free(d);
}
YK_DEFINE_CLEANUP(coded, coded_free)

/* ---- opening */

static int stream_failed(struct ArrowArrayStream *s, int sys, yoke_error *err)
{
    const char *why = s->get_last_error ? s->get_last_error(s) : NULL;
    return yk_fail(err, sys == ENOMEM ? YOKE_ENOMEM : YOKE_EFORMAT, "the Arrow stream failed: %s", why ? why : strerror(sys));
}

static int read_schema(yk_arrow *a, struct ArrowArrayStream *s, yoke_error *err)
{
    int sys = s->get_schema(s, &a->schema);
    if (sys)
        return stream_failed(s, sys, err);
    const struct ArrowSchema *top = &a->schema;
    if (!top->release || !top->format || top->n_children < 0 || top->n_children > UINT32_MAX || (top->n_children && !top->children))
        return yk_fail(err, YOKE_EFORMAT, "the Arrow stream's schema is malformed");
    if (strcmp(top->format, "+s") != 0)
        return yk_fail(err, YOKE_ETYPE, "the Arrow stream holds '%.30s', not a table; a struct of columns is needed", top->format);
    a->columns = yk_new_array(yk_arrow_kind, (size_t)top->n_children);
    if (!a->columns)
        return yk_fail_nomem(err, "importing a table");
    for (a->n_columns = 0; a->n_columns < top->n_children; a->n_columns++)
        YK_TRY(yk_arrow_kind_read(top->children[a->n_columns], &a->columns[a->n_columns], err));
    for (unsigned i = 0; i < a->n_columns; i++)
        a->columns[i].number = a->columns[i].index ? a->n_coded++ : 0;
    return 0;
}

/* A batch is a struct of its columns. Its own offset and length hold for all of them. */
static int check_batch(const yk_arrow *a, const struct ArrowArray *b, yoke_error *err)
{
    if (b->n_children != a->n_columns || (b->n_children && !b->children))
        return yk_fail(err, YOKE_EFORMAT, "a batch of the Arrow stream has %lld columns where its schema has %u", (long long)b->n_children,
                       a->n_columns);
    if (b->length < 0 || b->offset < 0 || b->length > INT64_MAX - b->offset)
        return yk_fail(err, YOKE_EFORMAT, "a batch of the Arrow stream is malformed: it has %lld rows from row %lld on",
                       (long long)b->length, (long long)b->offset);
    const void *valid = b->null_count && b->n_buffers > 0 && b->buffers ? b->buffers[0] : NULL;
    for (int64_t i = 0; valid && i < b->length; i++)
        if (!yk_arrow_bit(valid, b->offset + i))
            return yk_fail(err, YOKE_EUNSUPPORTED,
                           "a batch of the Arrow stream has rows that are missing as a whole; in a table their values would be");
    for (unsigned i = 0; i < a->n_columns; i++)
        YK_TRY(yk_arrow_array_check(&a->columns[i], b->children[i], b->offset + b->length, err));
    return 0;
}

static int read_batches(yk_arrow *a, struct ArrowArrayStream *s, yoke_error *err)
{
    size_t   n_first = 0, cap_first = 0;
    uint64_t row = 0;
    for (;;) {
        if (!yk_push(&a->first, &n_first, &cap_first, row))
            return yk_fail_nomem(err, "importing a table");
        if (!yk_grow(&a->batches, &a->cap, a->n_batches + 1, sizeof *a->batches))
            return yk_fail_nomem(err, "importing a table");
        struct ArrowArray *b = &a->batches[a->n_batches];
        *b = (struct ArrowArray){0};
        int sys = s->get_next(s, b);
        if (sys)
            return stream_failed(s, sys, err);
        if (!b->release)
            break;
        a->n_batches++;
        YK_TRY(check_batch(a, b, err));
        row += (uint64_t)b->length;
    }
    a->first_id = yk_dict_new_ids(a->n_batches * a->n_coded);
    a->coded = yk_calloc(a->n_batches + 1, (a->n_coded + 1) * sizeof *a->coded);
    return a->coded ? 0 : yk_fail_nomem(err, "importing a table");
}

int yk_arrow_open(struct ArrowArrayStream *stream, yk_arrow **ret, yoke_error *err)
{
    if (!stream || !stream->release)
        return yk_fail(err, YOKE_EINVALID, "the Arrow stream was released before; each can be read once");
    yk_arrow *a = yk_new(yk_arrow);
    if (a)
        yk_lock_init(&a->lock);
    int rc = a ? read_schema(a, stream, err) : yk_fail_nomem(err, "importing a table");
    if (rc == 0)
        rc = read_batches(a, stream, err);
    stream->release(stream);
    if (rc < 0) {
        yk_arrow_close(a);
        return rc;
    }
    *ret = a;
    return 0;
}

void yk_arrow_close(yk_arrow *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_batches; i++)
        if (a->batches[i].release)
            a->batches[i].release(&a->batches[i]);
    if (a->schema.release)
        a->schema.release(&a->schema);
    for (coded *d = a->newest, *older; d; d = older) {
        older = d->older;
        coded_free(d);
    }
    pthread_mutex_destroy(&a->lock);
    yk_free(a->coded);
    yk_free(a->batches);
    yk_free(a->first);
    yk_free(a->columns);
    yk_free(a);
}

uint64_t yk_arrow_rows(const yk_arrow *a)
{
    return a->first[a->n_batches];
}

unsigned yk_arrow_columns(const yk_arrow *a)
{
    return a->n_columns;
}

const yk_arrow_column *yk_arrow_column_at(const yk_arrow *a, unsigned i)
{
    return &a->columns[i].said;
}

/* ---- cursors */

struct yk_arrow_cursor {
    const yk_arrow      *a;
    const yk_arrow_kind *column;
    unsigned             number;
    uint64_t             row, end;
    size_t               batch;
    const coded         *coded; /* of batch coded_batch; NULL: none yet */
    size_t               coded_batch;
    uint64_t             valid[YK_BLOCK / 64];
    uint32_t             codes[YK_BLOCK];
    _Alignas(64) unsigned char values[YK_BLOCK * 16];
};

int yk_arrow_cursor_open(const yk_arrow *a, unsigned number, uint64_t first, uint64_t n, yk_arrow_cursor **ret, yoke_error *err)
{
    uint64_t rows = yk_arrow_rows(a);
    if (number >= a->n_columns || first > rows || n > rows - first)
        return yk_fail(err, YOKE_EINVALID, "rows or column outside the table of %llu rows and %u columns", (unsigned long long)rows,
                       a->n_columns);
    const yk_arrow_kind *c = &a->columns[number];
    if (c->said.refusal)
        return yk_fail(err, YOKE_EUNSUPPORTED, "column '%s' cannot be read: %s", c->said.name, c->said.refusal);
    yk_arrow_cursor *cur = yk_malloc_aligned(sizeof *cur);
    if (!cur)
        return yk_fail_nomem(err, "reading a table");
    cur->a = a;
    cur->column = c;
    cur->number = number;
    cur->row = first;
    cur->end = first + n;
    cur->batch = 0;
    cur->coded = NULL;
    *ret = cur;
    return 0;
}

void yk_arrow_cursor_close(yk_arrow_cursor *c)
{
    yk_free(c);
}

int yk_arrow_cursor_skip(yk_arrow_cursor *c, uint64_t n, yoke_error *err)
{
    (void)err;
    c->row += n < c->end - c->row ? n : c->end - c->row;
    return 0;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The text at `row` of an array in one of the forms of bytes; false when it would begin or end nowhere. */
static bool text_at(const struct ArrowArray *a, const yk_arrow_kind *k, int64_t row, yk_text *ret)
{
    const char *bytes = a->buffers[1], *heap = k->form == YK_ARROW_FIXED ? NULL : a->buffers[2];
    int64_t     from, to;
    if (k->form == YK_ARROW_FIXED) {
        *ret = (yk_text){bytes + (size_t)row * k->width, k->width};
        return true;
    }
    if (k->form == YK_ARROW_VIEW) { /* length, then 12 bytes of text, or a prefix, a buffer's number and an offset in it */
        const int32_t *view = (const int32_t *)a->buffers[1] + row * 4;
        bool           is_near = view[0] <= 12;
        if (view[0] < 0 || (!is_near && (view[2] < 0 || view[2] >= a->n_buffers - 3 || view[3] < 0)))
            return false;
        *ret = (yk_text){is_near ? (const char *)(view + 1) : (const char *)a->buffers[2 + view[2]] + view[3], (uint64_t)view[0]};
        return true;
    }
    from = k->form == YK_ARROW_BYTES32 ? ((const int32_t *)a->buffers[1])[row] : ((const int64_t *)a->buffers[1])[row];
    to = k->form == YK_ARROW_BYTES32 ? ((const int32_t *)a->buffers[1])[row + 1] : ((const int64_t *)a->buffers[1])[row + 1];
    *ret = from == to ? (yk_text){"", 0} : (yk_text){heap + from, (uint64_t)(to - from)};
    return from >= 0 && to >= from && (heap || from == to);
}

__extension__ typedef __int128 wide;

/* n values from `row` on (counted with the array's offset) as blocks hold them; those of missing rows mean nothing. */
static void take_fixed(const struct ArrowArray *a, yk_arrow_form form, int64_t row, uint32_t n, void *to)
{
    const void *v = a->buffers[1];
#define EACH(from, into, value)                                    \
    for (uint32_t i = 0; i < n; i++) {                             \
        from x = ((const from *)v)[row + i];                       \
        ((into *)to)[i] = value;                                   \
    }                                                              \
    return
    switch (form) {
    case YK_ARROW_BITS:
        for (uint32_t i = 0; i < n; i++)
            ((uint8_t *)to)[i] = yk_arrow_bit(v, row + i);
        return;
    case YK_ARROW_F16: EACH(uint16_t, double, yk_real_of_half(x));
    case YK_ARROW_F32: EACH(float, double, (double)x);
    case YK_ARROW_I8: EACH(int8_t, int64_t, x);
    case YK_ARROW_U8: EACH(uint8_t, int64_t, x);
    case YK_ARROW_I16: EACH(int16_t, int64_t, x);
    case YK_ARROW_U16: EACH(uint16_t, int64_t, x);
    case YK_ARROW_I32: EACH(int32_t, int64_t, x);
    case YK_ARROW_U32: EACH(uint32_t, int64_t, x);
    case YK_ARROW_MILLIDAYS: EACH(int64_t, int64_t, floor_div(x, 86400000));
    case YK_ARROW_D32: EACH(int32_t, wide, x);
    case YK_ARROW_D64: EACH(int64_t, wide, x);
    case YK_ARROW_128: memcpy(to, (const char *)v + row * 16, (size_t)n * 16); return;
    default: memcpy(to, (const char *)v + row * 8, (size_t)n * 8); return;
    }
#undef EACH
}

static bool is_there(const struct ArrowArray *a, int64_t row)
{
    return a->null_count == 0 || !a->buffers[0] || yk_arrow_bit(a->buffers[0], row);
}

/* The block's bits from slot `at` on, which are 0, for n rows from `row` on; returns how many are missing. */
static uint32_t take_valid(yk_arrow_cursor *cur, const struct ArrowArray *a, int64_t row, uint32_t n, uint32_t at)
{
    const uint8_t *from = a->null_count ? a->buffers[0] : NULL;
    uint32_t       there = 0, i = 0;
    while (i < n) {
        uint32_t step = 8 - (at + i) % 8 < n - i ? 8 - (at + i) % 8 : n - i; /* into one byte of ours */
        unsigned skip = (unsigned)((row + i) & 7), bits = 0xff;
        if (from) {
            bits = from[(row + i) / 8] >> skip;
            if (skip + step > 8)
                bits |= (unsigned)from[(row + i) / 8 + 1] << (8 - skip);
        }
        bits &= (1u << step) - 1;
        cur->valid[(at + i) / 64] |= (uint64_t)bits << ((at + i) % 64);
        there += (uint32_t)__builtin_popcount(bits);
        i += step;
    }
    return n - there;
}

static bool block_has(const yk_arrow_cursor *cur, uint32_t slot) { return cur->valid[slot / 64] >> (slot % 64) & 1; }

static int lies_outside(const yk_arrow_kind *k, const char *what, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "column '%s' of the Arrow stream is malformed: %s", k->said.name, what);
}

static int take_texts(yk_arrow_cursor *cur, const struct ArrowArray *a, int64_t row, uint32_t n, uint32_t at, yoke_error *err)
{
    yk_text *to = (yk_text *)(void *)cur->values + at;
    for (uint32_t i = 0; i < n; i++)
        if (!block_has(cur, at + i))
            to[i] = (yk_text){"", 0};
        else if (!text_at(a, cur->column, row + i, &to[i]))
            return lies_outside(cur->column, "a text ends before it begins", err);
    return 0;
}

/* Values by their codes; *missing counts those that are missing in the dictionary, too. */
static int take_coded(yk_arrow_cursor *cur, const struct ArrowArray *a, int64_t row, uint32_t n, uint32_t at, uint32_t *missing,
                      yoke_error *err)
{
    const yk_arrow_kind     *k = cur->column;
    const struct ArrowArray *dict = a->dictionary;
    size_t                   size = yk_kind_size(k->said.type.kind);
    int64_t                  codes[YK_BLOCK];
    take_fixed(a, k->index, row, n, codes);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = at + i;
        void    *to = cur->values + slot * size;
        memset(to, 0, size);
        if (!block_has(cur, slot))
            continue;
        if (codes[i] < 0 || codes[i] >= dict->length)
            return lies_outside(cur->column, "a code is not of its dictionary", err);
        if (!is_there(dict, codes[i] + dict->offset)) {
            cur->valid[slot / 64] &= ~(1ull << (slot % 64));
            ++*missing;
        } else if (k->form < YK_ARROW_BYTES32)
            take_fixed(dict, k->form, codes[i] + dict->offset, 1, to);
        else if (!text_at(dict, k, codes[i] + dict->offset, to))
            return lies_outside(cur->column, "a text ends before it begins", err);
    }
    return 0;
}

/* Rows [row, row + n) of one batch into the block from slot `at`; adds to *missing how many are. */
static int take_rows(yk_arrow_cursor *cur, const struct ArrowArray *batch, int64_t row, uint32_t n, uint32_t at, uint32_t *missing,
                     yoke_error *err)
{
    const yk_arrow_kind     *k = cur->column;
    const struct ArrowArray *a = batch->children[cur->number];
    row += batch->offset + a->offset;
    *missing += take_valid(cur, a, row, n, at);
    if (k->index)
        return take_coded(cur, a, row, n, at, missing, err);
    if (k->form >= YK_ARROW_BYTES32)
        return take_texts(cur, a, row, n, at, err);
    take_fixed(a, k->form, row, n, cur->values + at * yk_kind_size(k->said.type.kind));
    return 0;
}

/* ---- dictionaries: their values once, then codes */

enum { MOST_CODED = 1 << 16 }; /* larger ones are read value by value */

static int make_coded(const yk_arrow_kind *k, const struct ArrowArray *dict, uint64_t id, coded **ret, yoke_error *err)
{
    YK_CLEANUP(coded_freep) coded *d = yk_new(coded);
    uint32_t n = (uint32_t)dict->length;
    void    *values = d ? yk_malloc_aligned(n * yk_kind_size(k->said.type.kind)) : NULL;
    if (!values)
        return yk_fail_nomem(err, "reading a table");
    d->of = dict;
    d->dict = (yk_dict){.n = n, .values = values, .id = id};
    if (dict->null_count && dict->buffers[0] && !(d->valid = yk_new_array(uint64_t, n / 64 + 1)))
        return yk_fail_nomem(err, "reading a table");
    for (uint32_t i = 0; d->valid && i < n; i++)
        d->valid[i / 64] |= (uint64_t)is_there(dict, dict->offset + i) << (i % 64);
    if (k->form < YK_ARROW_BYTES32)
        take_fixed(dict, k->form, dict->offset, n, values);
    for (uint32_t i = 0; k->form >= YK_ARROW_BYTES32 && i < n; i++) {
        yk_text *to = (yk_text *)values + i;
        *to = (yk_text){"", 0};
        if (is_there(dict, dict->offset + i) && !text_at(dict, k, dict->offset + i, to))
            return lies_outside(k, "a text ends before it begins", err);
    }
    *ret = YK_TAKE(d);
    return 0;
}

static bool is_same(const struct ArrowArray *a, const struct ArrowArray *b)
{
    bool is = a->length == b->length && a->offset == b->offset && a->null_count == b->null_count && a->n_buffers == b->n_buffers;
    for (int64_t i = 0; is && i < a->n_buffers; i++)
        is = a->buffers[i] == b->buffers[i];
    return is;
}

static int find_coded(yk_arrow *a, unsigned column, size_t batch, const coded **ret, yoke_error *err)
{
    const yk_arrow_kind     *k = &a->columns[column];
    const struct ArrowArray *dict = a->batches[batch].children[column]->dictionary;
    coded                  **slot = &a->coded[k->number * a->n_batches + batch];
    int                      rc = 0;
    pthread_mutex_lock(&a->lock);
    if (!*slot && batch > 0 && slot[-1] && is_same(slot[-1]->of, dict))
        *slot = slot[-1];
    if (!*slot && batch + 1 < a->n_batches && slot[1] && is_same(slot[1]->of, dict))
        *slot = slot[1];
    if (!*slot && (rc = make_coded(k, dict, a->first_id + (uint64_t)(slot - a->coded), slot, err)) == 0) {
        (*slot)->older = a->newest;
        a->newest = *slot;
    }
    *ret = *slot;
    pthread_mutex_unlock(&a->lock);
    return rc;
}

/* The next ret->n rows, of one batch, as codes; those that are missing have the first. *ret_done is false where they are no codes. */
static int code_rows(yk_arrow_cursor *cur, const struct ArrowArray *batch, int64_t row, yk_vec *ret, bool *ret_done, yoke_error *err)
{
    const struct ArrowArray *a = batch->children[cur->number];
    const yk_arrow_kind     *k = cur->column;
    int64_t                 *codes = (int64_t *)(void *)cur->values;
    *ret_done = k->index && a->dictionary->length > 0 && a->dictionary->length <= MOST_CODED;
    if (!*ret_done)
        return 0;
    if (!cur->coded || cur->coded_batch != cur->batch)
        YK_TRY(find_coded((yk_arrow *)(uintptr_t)cur->a, cur->number, cur->batch, &cur->coded, err));
    cur->coded_batch = cur->batch;
    row += batch->offset + a->offset;
    memset(cur->valid, 0, sizeof cur->valid);
    uint32_t missing = take_valid(cur, a, row, ret->n, 0);
    take_fixed(a, k->index, row, ret->n, codes);
    for (uint32_t i = 0; i < ret->n; i++) {
        bool is_here = !missing || block_has(cur, i);
        if (is_here && (uint64_t)codes[i] >= cur->coded->dict.n)
            return lies_outside(k, "a code is not of its dictionary", err);
        cur->codes[i] = is_here ? (uint32_t)codes[i] : 0;
    }
    for (uint32_t i = 0; cur->coded->valid && i < ret->n; i++)
        if (!yk_arrow_bit(cur->coded->valid, cur->codes[i])) {
            cur->valid[i / 64] &= ~(1ull << (i % 64));
            missing++;
        }
    ret->codes = cur->codes;
    ret->dict = &cur->coded->dict;
    ret->valid = missing ? cur->valid : NULL;
    return 0;
}

/* Where the batch holds the values as a block does: no copy. */
static bool borrow_rows(yk_arrow_cursor *cur, const struct ArrowArray *batch, int64_t row, yk_vec *ret)
{
    const struct ArrowArray *a = batch->children[cur->number];
    if (cur->column->form != YK_ARROW_64 || cur->column->index)
        return false;
    row += batch->offset + a->offset;
    const void *at = (const int64_t *)a->buffers[1] + row;
    if ((uintptr_t)at % 8 != 0)
        return false;
    ret->values = at;
    if (a->null_count && a->buffers[0]) {
        memset(cur->valid, 0, sizeof cur->valid);
        ret->valid = take_valid(cur, a, row, ret->n, 0) ? cur->valid : NULL;
    }
    return true;
}

int yk_arrow_cursor_next(yk_arrow_cursor *cur, uint32_t n, yk_vec *ret, yoke_error *err)
{
    const yk_arrow *a = cur->a;
    if (n > cur->end - cur->row)
        n = (uint32_t)(cur->end - cur->row);
    *ret = (yk_vec){.type = cur->column->said.type, .n = n};
    if (n == 0 || ret->type.kind == YK_KIND_NULL) {
        cur->row += n;
        ret->is_const = n > 0;
        return 0;
    }
    while (cur->row >= a->first[cur->batch + 1])
        cur->batch++;
    if (cur->row + n <= a->first[cur->batch + 1]) {
        const struct ArrowArray *b = &a->batches[cur->batch];
        int64_t                  row = (int64_t)(cur->row - a->first[cur->batch]);
        bool                     is_done;
        YK_TRY(code_rows(cur, b, row, ret, &is_done, err));
        if (is_done || borrow_rows(cur, b, row, ret)) {
            cur->row += n;
            return 0;
        }
    }
    uint32_t done = 0, missing = 0;
    memset(cur->valid, 0, sizeof cur->valid);
    while (done < n) {
        while (cur->row >= a->first[cur->batch + 1])
            cur->batch++;
        uint64_t left = a->first[cur->batch + 1] - cur->row;
        uint32_t step = left < n - done ? (uint32_t)left : n - done;
        YK_TRY(take_rows(cur, &a->batches[cur->batch], (int64_t)(cur->row - a->first[cur->batch]), step, done, &missing, err));
        cur->row += step;
        done += step;
    }
    ret->values = cur->values;
    ret->valid = missing ? cur->valid : NULL;
    return 0;
}
