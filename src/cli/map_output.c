/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/map_output.h"

#include "base/clock.h"
#include "base/json.h"

#include <math.h>
#include <unistd.h>

enum { FLUSH_AT = 64 << 10 };
static const double FLUSH_EVERY = 0.1;

/* ---- .npy */

static yk_npy_type npy_type(uint8_t type)
{
    char kind = type == YOKE_BOOL                         ? 'b'
                : type >= YOKE_UINT8 && type <= YOKE_UINT64 ? 'u'
                : type >= YOKE_FLOAT                      ? 'f'
                                                          : 'i';
    return (yk_npy_type){kind, (uint8_t)yk_binding_size(type)};
}

/* The type of the values in the file: the results' own when all are of one, else double. */
static uint8_t common_type(const yk_binding *b)
{
    for (unsigned i = 1; i < b->n_out; i++)
        if (b->out_type[i] != b->out_type[0])
            return YOKE_DOUBLE;
    switch (b->out_type[0]) {
    case YOKE_DOUBLES: return YOKE_DOUBLE;
    case YOKE_INT64S: return YOKE_INT64;
    default: return b->out_type[0];
    }
}

static bool gives_run(const yk_binding *b)
{
    return b->out_type[0] == YOKE_DOUBLES || b->out_type[0] == YOKE_INT64S;
}

static int check_npy(const yk_map_asked *m, const yk_binding *b, yoke_error *err)
{
    const char *name = b->kernel->f->name;
    if (strcmp(yk_path_ext(m->output), "npy") != 0)
        return yk_fail(err, YOKE_EINVALID, "-o writes .npy files, and '%s' is none; for lines of text write > '%s' instead",
                       m->output, m->output);
    for (unsigned i = 0; i < b->n_out; i++)
        if (b->out_type[i] == YOKE_TEXT || (b->n_out > 1 && !yk_binding_size(b->out_type[i])))
            return yk_fail(err, YOKE_EINVALID, "-o writes numbers, one row an item; %s gives %s", name,
                           b->out_type[i] == YOKE_TEXT ? "text" : "several things of different size");
    if (m->is_json || m->shows_workers || m->is_unordered)
        return yk_fail(err, YOKE_EINVALID, "-o writes the results alone, in the order of the items; it does not go with %s",
                       m->is_json ? "--json" : m->shows_workers ? "--show-workers" : "--unordered");
    if (m->on_error == YOKE_COLLECT && common_type(b) < YOKE_FLOAT)
        return yk_fail(err, YOKE_EINVALID,
                       "%s gives whole numbers, and none of them says that an item failed: -o needs --on-error ignore or raise", name);
    if (!m->may_replace && access(m->output, F_OK) == 0)
        return yk_fail(err, YOKE_EEXISTS, "'%s' is already there; give another name, or --force to replace it", m->output);
    return 0;
}

static int open_npy(yk_map_output *o, uint64_t row, yoke_error *err)
{
    const yk_binding *b = o->binding;
    bool              is_vector = b->n_out == 1 && !gives_run(b);
    o->row = row;
    YK_TRY(yk_npy_create(&o->npy, o->asked->output, o->asked->may_replace, npy_type(common_type(b)), is_vector ? 0 : 1, &row, err));
    o->is_open = true;
    return 0;
}

static int put_failed(yk_map_output *o, const yoke_outcome *r, yoke_error *err)
{
    uint8_t type = common_type(o->binding);
    if (o->asked->on_error == YOKE_IGNORE)
        return 0;
    if (!o->is_open && gives_run(o->binding))
        return yk_fail(err, YOKE_ETASK, "the first item failed: its row's length is not known; -o needs --on-error ignore");
    if (!o->is_open)
        YK_TRY(open_npy(o, o->binding->n_out, err));
    double none = NAN;
    float  none_f = NAN;
    for (uint64_t i = 0; i < o->row; i++)
        YK_TRY(yk_npy_append(&o->npy, type == YOKE_FLOAT ? (void *)&none_f : &none, yk_binding_size(type), err));
    return 0;
}

static int put_npy(yk_map_output *o, const yoke_outcome *r, yoke_error *err)
{
    const yk_binding *b = o->binding;
    uint8_t           type = common_type(b);
    if (!r->value)
        return put_failed(o, r, err);
    if (gives_run(b)) {
        size_t      at = 0, n;
        const void *run = yk_binding_bytes(b, r->value, r->bytes, 0, &at, &n);
        if (!o->is_open)
            YK_TRY(open_npy(o, n, err));
        if (n != o->row)
            return yk_fail(err, YOKE_ETYPE, "item %llu gave %zu values, items before it %llu: rows of a .npy file are of one length",
                           (unsigned long long)r->index, n, (unsigned long long)o->row);
        return yk_npy_append(&o->npy, run, n * 8, err);
    }
    if (!o->is_open)
        YK_TRY(open_npy(o, b->n_out, err));
    for (unsigned i = 0; i < b->n_out; i++) {
        const char *slot = (const char *)r->value + i * YK_BINDING_SLOT;
        double      x = type != b->out_type[i] ? yk_binding_real(b->out_type[i], slot) : 0;
        YK_TRY(yk_npy_append(&o->npy, type != b->out_type[i] ? (const void *)&x : slot, yk_binding_size(type), err));
    }
    return 0;
}

/* ---- lines */

/* The item as it was given, its fields between commas; its number when it is gone. */
static void print_item(const yk_map_output *o, uint64_t index, yk_buf *to)
{
    const yk_items       *items = o->asked->items;
    unsigned              width = yk_items_width(items);
    yoke_error            ignored = YOKE_ERROR_INIT;
    YK_AUTOFREE yk_field *f = yk_new_array(yk_field, width);
    YK_CLEANUP(yk_items_room_freep) yk_items_room *room = yk_items_room_new(items, &ignored);
    if (!f || !room || yk_items_count(items) == UINT64_MAX || yk_items_at(items, index, room, f, &ignored) < 0) {
        yk_buf_printf(to, "%llu", (unsigned long long)index);
        return;
    }
    for (unsigned i = 0; i < width; i++) {
        char        buf[YK_FIELD_BUF];
        size_t      n;
        const char *text = yk_field_text(&f[i], buf, &n);
        if (i > 0)
            yk_buf_putc(to, ',');
        yk_buf_append(to, text, n);
    }
}

static void print_json(yk_map_output *o, const yoke_outcome *r)
{
    yk_buf *to = &o->text;
    char    cause[32];
    yk_buf_printf(to, "{\"index\":%llu,", (unsigned long long)r->index);
    if (r->value) {
        yk_buf_puts(to, "\"value\":");
        yk_binding_print(o->binding, r->value, r->bytes, true, to);
    } else {
        const char *word = yoke_cause_text(r->cause, r->status, cause, sizeof cause);
        yk_buf_puts(to, "\"error\":");
        yk_json_text(to, r->error->text, strlen(r->error->text));
        yk_buf_printf(to, ",\"cause\":\"%s\"", word);
    }
    yk_buf_printf(to, ",\"worker\":%u,\"attempt\":%u,\"seconds\":%.9f", r->worker, r->attempt, r->seconds);
    if (o->asked->shows_workers)
        yk_buf_printf(to, ",\"process\":%lld,\"thread\":%lld,\"finished\":%llu", (long long)r->pid, (long long)r->tid,
                      (unsigned long long)r->finished + 1);
    yk_buf_puts(to, "}\n");
}

static void print_line(yk_map_output *o, const yoke_outcome *r)
{
    yk_buf *to = &o->text;
    if (!r->value && o->asked->on_error == YOKE_IGNORE)
        return;
    if (r->value)
        yk_binding_print(o->binding, r->value, r->bytes, false, to);
    if (o->asked->shows_workers) {
        yk_buf_putc(to, '\t');
        print_item(o, r->index, to);
        yk_buf_printf(to, "\t%u\t%lld\t%lld\t%llu\t%.6f", r->worker, (long long)r->pid, (long long)r->tid,
                      (unsigned long long)r->finished + 1, r->seconds);
    }
    yk_buf_putc(to, '\n');
}

int yk_map_output_flush(yk_map_output *o, yoke_error *err)
{
    if (o->text.is_failed)
        return yk_fail_nomem(err, "writing results");
    o->flushed = yk_now();
    if (o->text.len == 0)
        return 0;
    o->is_busy = true;
    int rc = yk_file_write(o->fd, "standard output", o->text.data, o->text.len, err);
    if (rc == 0) /* else it waits for the next call, which fails in its turn and is heard */
        yk_buf_clear(&o->text);
    o->is_busy = false;
    return rc;
}

int yk_map_output_begin(yk_map_output *o, const yk_map_asked *m, const yk_binding *b, yoke_error *err)
{
    *o = (yk_map_output){.fd = o->fd, .asked = m, .binding = b, .flushed = yk_now()};
    if (m->output)
        return check_npy(m, b, err);
    if (m->shows_workers && !m->is_json)
        yk_buf_puts(&o->text, "result\titem\tworker\tprocess\tthread\tfinished\tseconds\n");
    return 0;
}

int yk_map_output_put(yk_map_output *o, const yoke_outcome *r, yoke_error *err)
{
    if (o->asked->output)
        return put_npy(o, r, err);
    o->is_busy = true;
    if (o->asked->is_json)
        print_json(o, r);
    else
        print_line(o, r);
    o->is_busy = false;
    if (o->text.len < FLUSH_AT && yk_now() - o->flushed < FLUSH_EVERY)
        return 0;
    return yk_map_output_flush(o, err);
}

int yk_map_output_commit(yk_map_output *o, yoke_error *err)
{
    YK_TRY(yk_map_output_flush(o, err));
    if (!o->asked->output)
        return 0;
    if (!o->is_open) /* not one item */
        YK_TRY(open_npy(o, gives_run(o->binding) ? 0 : o->binding->n_out, err));
    return yk_npy_commit(&o->npy, err);
}

void yk_map_output_fini(yk_map_output *o)
{
    yk_buf_fini(&o->text);
    if (o->is_open)
        yk_npy_fini(&o->npy);
}
