/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Batches as bytes: the number of rows, then per column a head and three runs with their lengths, and of codes three more, the
 * dictionary; all begin at multiples of 8.
 */
#include "table/batch.h"

#include "base/bytes.h"

typedef struct head {
    yk_type  type;
    bool     is_coded;
    uint64_t dict_id;
} head;
_Static_assert(sizeof(head) % 8 == 0, "runs begin at multiples of 8");

static void pad(yk_buf *to, uint64_t n)
{
    static const char zeros[8];
    yk_buf_append(to, zeros, -n & 7);
}

static void write_head(const yk_batch_column *c, yk_buf *to)
{
    head h;
    memset(&h, 0, sizeof h); /* its gaps too */
    h.type.kind = c->type.kind, h.type.unit = c->type.unit, h.type.is_utc = c->type.is_utc, h.type.scale = c->type.scale;
    h.type.is_uuid = c->type.is_uuid, h.type.is_clock = c->type.is_clock;
    h.is_coded = c->dict != NULL, h.dict_id = c->dict ? c->dict_id : 0;
    yk_buf_append(to, &h, sizeof h);
}

static void write_run(const yk_buf *run, yk_buf *to)
{
    yk_buf_append(to, &(uint64_t){run->len}, sizeof(uint64_t));
    yk_buf_append(to, yk_buf_text(run), run->len);
    pad(to, run->len);
}

static void write_column(const yk_batch_column *c, yk_buf *to)
{
    write_run(&c->values, to);
    write_run(&c->bytes, to);
    write_run(&c->valid, to);
}

static size_t runs_bytes(const yk_batch_column *c) { return c->values.len + c->bytes.len + c->valid.len + 3 * (sizeof(uint64_t) + 7); }

/* Room at once for about n of the rows, so that it need not grow by halves. */
static void make_room(const yk_batch *b, uint64_t n, yk_buf *to)
{
    size_t before = to->len, bytes = 0, dicts = sizeof n;
    for (size_t i = 0; i < b->n_columns; i++) {
        bytes += runs_bytes(&b->columns[i]);
        dicts += sizeof(head) + (b->columns[i].dict ? runs_bytes(b->columns[i].dict) : 0);
    }
    if (yk_buf_extend(to, (n == b->n ? bytes : (size_t)((double)bytes * (double)n / (double)b->n)) + dicts))
        to->len = before;
}

int yk_batch_write(const yk_batch *b, yk_buf *to, yoke_error *err)
{
    make_room(b, b->n, to);
    yk_buf_append(to, &b->n, sizeof b->n);
    for (size_t i = 0; i < b->n_columns; i++) {
        write_head(&b->columns[i], to);
        write_column(&b->columns[i], to);
        if (b->columns[i].dict)
            write_column(b->columns[i].dict, to);
    }
    return to->is_failed ? yk_fail_nomem(err, "keeping rows") : 0;
}

static void gather(const char *from, const uint32_t *rows, uint64_t n, size_t size, char *to)
{
    if (size == 8)
        for (uint64_t i = 0; i < n; i++)
            memcpy(to + i * 8, from + (size_t)rows[i] * 8, 8);
    else if (size == 2)
        for (uint64_t i = 0; i < n; i++)
            memcpy(to + i * 2, from + (size_t)rows[i] * 2, 2);
    else if (size == 1)
        for (uint64_t i = 0; i < n; i++)
            to[i] = from[rows[i]];
    else
        for (uint64_t i = 0; i < n && size; i++)
            memcpy(to + i * size, from + rows[i] * size, size);
}

/* The places of texts that will lie one behind the other; returns how many bytes they take. */
static uint64_t gather_places(const yk_batch_column *c, const uint32_t *rows, uint64_t n, char *to)
{
    uint64_t at = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t place[2];
        memcpy(place, c->values.data + (size_t)rows[i] * sizeof place, sizeof place);
        place[0] = at;
        at += place[1];
        memcpy(to + i * sizeof place, place, sizeof place);
    }
    return at;
}

static void gather_bytes(const yk_batch_column *c, const uint32_t *rows, uint64_t n, char *to)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t place[2];
        memcpy(place, c->values.data + (size_t)rows[i] * sizeof place, sizeof place);
        yk_copy_bytes(to, c->bytes.data + place[0], place[1]);
        to += place[1];
    }
}

/* Room for a run; what pads it is written first, for nothing is appended before the run is. */
static char *extend_run(yk_buf *to, uint64_t n)
{
    yk_buf_append(to, &n, sizeof n);
    char *at = yk_buf_extend(to, n + (-n & 7));
    if (at)
        memset(at + n, 0, -n & 7);
    return at;
}

static void write_values(const yk_batch_column *c, const uint32_t *rows, uint64_t n, yk_buf *to)
{
    size_t   size = yk_kind_size(c->type.kind);
    uint64_t n_bytes = 0;
    char    *values = extend_run(to, n * size);
    if (values && yk_kind_is_bytes(c->type.kind))
        n_bytes = gather_places(c, rows, n, values);
    else if (values)
        gather(c->values.data, rows, n, size, values);
    char *bytes = extend_run(to, n_bytes);
    if (bytes && n_bytes)
        gather_bytes(c, rows, n, bytes);
    char *valid = extend_run(to, n);
    if (valid)
        gather(c->valid.data, rows, n, 1, valid);
}

static void write_codes(const yk_batch_column *c, const uint32_t *rows, uint64_t n, bool with_dict, yk_buf *to)
{
    static const yk_batch_column none;
    char                        *codes = extend_run(to, n * sizeof(uint16_t));
    if (codes)
        gather(c->values.data, rows, n, sizeof(uint16_t), codes);
    extend_run(to, 0);
    extend_run(to, 0);
    write_column(with_dict ? c->dict : &none, to);
}

int yk_batch_write_rows(const yk_batch *b, const uint32_t *rows, uint64_t n, bool with_dicts, yk_buf *to, yoke_error *err)
{
    make_room(b, n, to);
    yk_buf_append(to, &n, sizeof n);
    for (size_t i = 0; i < b->n_columns && !to->is_failed; i++) {
        write_head(&b->columns[i], to);
        if (b->columns[i].dict)
            write_codes(&b->columns[i], rows, n, with_dicts, to);
        else
            write_values(&b->columns[i], rows, n, to);
    }
    return to->is_failed ? yk_fail_nomem(err, "keeping rows") : 0;
}

static const char *view_run(yk_buf *run, const char *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof n);
    *run = (yk_buf){.data = (char *)(uintptr_t)(at + sizeof n), .len = n};
    return at + sizeof n + n + (-n & 7);
}

static const char *view_column(yk_batch_column *c, const char *at)
{
    at = view_run(&c->values, at);
    at = view_run(&c->bytes, at);
    return view_run(&c->valid, at);
}

void yk_batch_view(yk_batch *b, const void *bytes)
{
    const char *at = bytes;
    memcpy(&b->n, at, sizeof b->n);
    at += sizeof b->n;
    for (size_t i = 0; i < b->n_columns; i++) {
        yk_batch_column *c = &b->columns[i], *d = &b->dicts[i];
        head             h;
        memcpy(&h, at, sizeof h);
        at = view_column(c, at + sizeof h);
        c->type = d->type = h.type;
        c->dict = h.is_coded ? d : NULL;
        c->dict_id = h.dict_id;
        if (h.is_coded)
            at = view_column(d, at);
    }
}

void yk_batch_unview(yk_batch *b)
{
    for (size_t i = 0; i < b->n_columns; i++) {
        b->columns[i] = (yk_batch_column){.type = b->columns[i].type};
        b->dicts[i] = (yk_batch_column){0};
    }
    b->n = 0;
}

int yk_batch_read(yk_batch *b, const void *bytes, yoke_error *err)
{
    yk_batch view;
    YK_TRY(yk_batch_init(&view, b->n_columns, err));
    yk_batch_view(&view, bytes);
    for (size_t i = 0; i < b->n_columns; i++)
        b->columns[i].type = view.columns[i].type;
    int rc = yk_batch_append(b, &view, NULL, 0, view.n, err);
    yk_batch_unview(&view);
    yk_batch_fini(&view);
    return rc;
}
