/* SPDX-License-Identifier: BSD-3-Clause */
#include "map/kernel_call.h"

#include "base/number.h"
#include "exec/work.h"
#include "map/kernel_slot.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

__extension__ typedef __int128 wide;

typedef union yk_kernel_slot slot;

static bool is_whole(uint8_t type) { return type >= YOKE_BOOL && type <= YOKE_UINT64; }
static bool is_run(uint8_t type) { return type == YOKE_DOUBLES || type == YOKE_INT64S; }

size_t yk_binding_size(uint8_t type)
{
    static const uint8_t size[] = {0, sizeof(bool), 1, 2, 4, 8, 1, 2, 4, 8, sizeof(float), sizeof(double)};
    return type < sizeof size ? size[type] : 0;
}

/* ---- fields to numbers */

static const struct {
    int64_t  least;
    uint64_t most;
} LIMITS[] = {[YOKE_BOOL] = {0, 1},
              [YOKE_INT8] = {INT8_MIN, INT8_MAX},
              [YOKE_INT16] = {INT16_MIN, INT16_MAX},
              [YOKE_INT32] = {INT32_MIN, INT32_MAX},
              [YOKE_INT64] = {INT64_MIN, INT64_MAX},
              [YOKE_UINT8] = {0, UINT8_MAX},
              [YOKE_UINT16] = {0, UINT16_MAX},
              [YOKE_UINT32] = {0, UINT32_MAX},
              [YOKE_UINT64] = {0, UINT64_MAX}};

/* What is wrong with the value, for "'abc' is %s". */
typedef const char *fault;

static fault put_whole(uint8_t type, wide n, slot *to)
{
    if (n < LIMITS[type].least || n > (wide)LIMITS[type].most)
        return "out of its range";
    to->u64 = (uint64_t)n; /* little-endian: the low bytes are the narrow value */
    return NULL;
}

static fault put_real(uint8_t type, double x, slot *to)
{
    if (type == YOKE_DOUBLE)
        to->d = x;
    else if (type == YOKE_FLOAT && isfinite(x) && fabs(x) >= 0x1.ffffffp127) /* half-way from the largest to infinity */
        return "out of its range";
    else if (type == YOKE_FLOAT)
        to->f = (float)x;
    else if (!(x == trunc(x)))
        return "not a whole number";
    else if (fabs(x) >= 0x1p65)
        return "out of its range";
    else
        return put_whole(type, (wide)x, to);
    return NULL;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool is_digits(const char *s, size_t n)
{
    size_t i = n > 0 && (*s == '-' || *s == '+');
    while (i < n && s[i] >= '0' && s[i] <= '9')
        i++;
    return i == n;
}

static fault put_text(uint8_t type, const char *s, size_t n, slot *to)
{
    int64_t  i;
    uint64_t u;
    double   x;
    for (; n > 0 && is_blank(*s); n--) /* as `yoke table` reads cells */
        s++;
    while (n > 0 && is_blank(s[n - 1]))
        n--;
    if (is_whole(type) && yk_number_read_int(s, n, &i))
        return put_whole(type, i, to);
    if (is_whole(type) && yk_number_read_uint(s, n, &u))
        return put_whole(type, (wide)u, to);
    if (!yk_number_read_real(s, n, &x))
        return "not a number";
    bool is_too_large = isinf(x) && n > 0 && memchr("0123456789.", s[n > 1 && (*s == '-' || *s == '+')], 11);
    return is_too_large || (is_whole(type) && is_digits(s, n)) ? "out of its range" : put_real(type, x, to);
}

static fault put_field(uint8_t type, const yk_field *f, slot *to)
{
    switch (f->kind) {
    case YK_FIELD_TEXT: return put_text(type, f->run.data, f->run.len, to);
    case YK_FIELD_REAL: return put_real(type, f->d, to);
    case YK_FIELD_INT: return is_whole(type) ? put_whole(type, f->i, to) : put_real(type, (double)f->i, to);
    case YK_FIELD_UINT: return is_whole(type) ? put_whole(type, (wide)f->u, to) : put_real(type, (double)f->u, to);
    case YK_FIELD_ROW: break;
    }
    return "a row of several";
}

/* Value k of a row, as a field. */
static yk_field row_value(const yk_field *row, size_t k)
{
    const char *at = (const char *)row->run.data + k * row->type.size;
    yk_field    f = {.kind = YK_FIELD_UINT};
    unsigned    spare = 64 - 8u * row->type.size;
    float       x;
    memcpy(&f.u, at, row->type.size);
    if (row->type.kind == 'i') {
        f.kind = YK_FIELD_INT;
        f.i = (int64_t)(f.u << spare) >> spare;
    } else if (row->type.kind == 'f') {
        f.kind = YK_FIELD_REAL;
        if (row->type.size == sizeof x) {
            memcpy(&x, at, sizeof x);
            f.d = (double)x;
        }
    }
    return f;
}

/* ---- taking text apart */

static bool is_gap(char c) { return c == ',' || is_blank(c); }

/* The next part of "1, 2 3": parts stand between commas or blanks. */
static bool next_part(const char **at, const char *end, yk_field *ret)
{
    const char *s = *at;
    while (s < end && is_gap(*s))
        s++;
    const char *start = s;
    while (s < end && !is_gap(*s))
        s++;
    *at = s;
    *ret = (yk_field){.kind = YK_FIELD_TEXT, .run = {start, (size_t)(s - start)}};
    return s > start;
}

/* How many values one field holds, as a run. */
static size_t count_values(const yk_field *f)
{
    if (f->kind == YK_FIELD_ROW)
        return f->run.len;
    if (f->kind != YK_FIELD_TEXT)
        return 1;
    const char *at = f->run.data, *end = at + f->run.len;
    yk_field    part;
    size_t      n = 0;
    while (next_part(&at, end, &part))
        n++;
    return n;
}

/* Value k of a field; in text the one after *at. */
static yk_field nth_value(const yk_field *f, size_t k, const char **at)
{
    yk_field part = *f;
    if (f->kind == YK_FIELD_ROW)
        return row_value(f, k);
    if (f->kind == YK_FIELD_TEXT)
        next_part(at, (const char *)f->run.data + f->run.len, &part);
    return part;
}

/* ---- fields to arguments. Memory comes from the task, or is that of bytes in transit; without either (when items are only checked)
 * values are dropped. */

typedef struct place {
    const yk_binding *b;
    uint64_t          index;
    yoke_task        *task;
    yk_transit       *transit;
    yoke_error       *err;
} place;

static bool has_memory(const place *p) { return p->task || p->transit; }

/* A word that names a file was hardly meant as it stands. */
static const char *file_hint(const place *p, const yk_field *f, char *buf, size_t size)
{
    char name[128];
    buf[0] = '\0';
    if (p->task || p->transit || f->kind != YK_FIELD_TEXT || f->run.len >= sizeof name)
        return buf;
    snprintf(name, sizeof name, "%.*s", (int)f->run.len, (const char *)f->run.data);
    if (access(name, R_OK) == 0)
        snprintf(buf, size, "; -a %s takes the items from that file", name);
    return buf;
}

static int complain(const place *p, unsigned field, unsigned argument, const yk_field *f, fault what)
{
    char        where[256] = "", buf[YK_FIELD_BUF], hint[200];
    size_t      n;
    const char *text = yk_field_text(f, buf, &n);
    const char *column = yk_items_name(p->b->items, field);
    if (!p->task)
        yk_items_where(p->b->items, p->index, field, where, sizeof where);
    else if (column) /* a task's failure is said with its item anyway */
        snprintf(where, sizeof where, "column '%s'", column);
    const yoke_function *fn = p->b->kernel->f;
    return yk_fail(p->err, YOKE_EINVALID, "%s%s'%.*s' is %s; %s takes %s there%s", where, where[0] ? ": " : "",
                   (int)(n < 60 ? n : 60), text, what, fn->name, yk_kernel_type(fn->types[argument]), file_hint(p, f, hint, sizeof hint));
}

static void *memory(const place *p, size_t n, size_t size)
{
    size_t bytes;
    void  *m = NULL;
    if (has_memory(p) && yk_mul(&bytes, n, size))
        m = p->task ? yoke_task_scratch(p->task, bytes ? bytes : 1) : yk_transit_put(p->transit, bytes);
    if (has_memory(p) && !m)
        yk_fail_nomem(p->err, "handing an item to a function");
    return m;
}

static int to_text(const place *p, unsigned argument, unsigned field, const yk_field *f, slot *to)
{
    char        buf[YK_FIELD_BUF];
    size_t      n;
    const char *text = yk_field_text(f, buf, &n);
    if (memchr(text, '\0', n))
        return complain(p, field, argument, f, "only what stands before a NUL byte (is --null missing?)");
    char *copy = memory(p, n + 1, 1);
    if (!copy)
        return has_memory(p) ? YOKE_ENOMEM : 0;
    memcpy(copy, text, n);
    copy[n] = '\0';
    to->text = copy;
    return 0;
}

/* All values of `n` fields, the first of which is number `field`, as one run. */
static int to_run(const place *p, unsigned argument, unsigned field, const yk_field *fields, unsigned n, slot *to)
{
    uint8_t type = p->b->kernel->f->types[argument] == YOKE_DOUBLES ? YOKE_DOUBLE : YOKE_INT64;
    bool    is_same = n == 1 && fields[0].kind == YK_FIELD_ROW && fields[0].type.size == 8 &&
                   fields[0].type.kind == (type == YOKE_DOUBLE ? 'f' : 'i') && (uintptr_t)fields[0].run.data % 8 == 0;
    if (is_same) {
        to->doubles.values = fields[0].run.data; /* both kinds of run have one shape */
        to->doubles.n = fields[0].run.len;
        return 0;
    }
    size_t total = 0;
    for (unsigned i = 0; i < n; i++)
        total += count_values(&fields[i]);
    char  *values = memory(p, total, 8);
    size_t done = 0;
    if (!values && has_memory(p))
        return YOKE_ENOMEM;
    for (unsigned i = 0; i < n; i++) {
        const char *at = fields[i].kind == YK_FIELD_TEXT ? fields[i].run.data : NULL;
        for (size_t k = 0, m = count_values(&fields[i]); k < m; k++, done++) {
            slot     v;
            yk_field part = nth_value(&fields[i], k, &at);
            fault    bad = put_field(type, &part, &v);
            if (bad)
                return complain(p, field + i, argument, &part, bad);
            if (values)
                memcpy(values + done * 8, &v, 8);
        }
    }
    to->doubles.values = (void *)values;
    to->doubles.n = total;
    return 0;
}

static int to_argument(const place *p, unsigned argument, unsigned field, const yk_field *f, slot *to)
{
    uint8_t type = p->b->kernel->f->types[argument];
    if (type == YOKE_TEXT)
        return to_text(p, argument, field, f, to);
    if (is_run(type))
        return to_run(p, argument, field, f, 1, to);
    fault bad = put_field(type, f, to);
    return bad ? complain(p, field, argument, f, bad) : 0;
}

static int to_arguments(const place *p, const yk_field *fields, slot *to)
{
    const yk_binding *b = p->b;
    if (b->how == YK_BINDING_GATHER)
        return to_run(p, b->in[0], 0, fields, yk_items_width(b->items), &to[0]);
    if (b->how == YK_BINDING_EACH) {
        for (unsigned i = 0; i < b->n_in; i++)
            YK_TRY(to_argument(p, b->in[i], i, &fields[i], &to[i]));
        return 0;
    }
    if (b->how == YK_BINDING_NONE)
        return 0;
    const char *at = fields[0].kind == YK_FIELD_TEXT ? fields[0].run.data : NULL;
    size_t      n = count_values(&fields[0]);
    if (n != b->n_in) {
        char        buf[256], hint[200];
        const char *where = p->task ? "it" : yk_items_where(b->items, p->index, YK_WHOLE_ITEM, buf, sizeof buf);
        return yk_fail(p->err, YOKE_EINVALID, "%s has %zu value%s, %s takes %u%s", where, n, n == 1 ? "" : "s", b->kernel->f->name, b->n_in,
                       file_hint(p, fields, hint, sizeof hint));
    }
    for (unsigned i = 0; i < b->n_in; i++) {
        yk_field part = nth_value(&fields[0], i, &at);
        YK_TRY(to_argument(p, b->in[i], 0, &part, &to[i]));
    }
    return 0;
}

/* ---- binding */

static int read_signature(yk_binding *b, yoke_error *err)
{
    const yoke_function *f = b->kernel->f;
    if (f->n_args > YK_BINDING_MOST)
        return yk_fail(err, YOKE_EUNSUPPORTED, "%s takes %u arguments; at most %d", f->name, f->n_args, YK_BINDING_MOST);
    b->is_plain = true;
    for (unsigned i = 0; i <= f->n_args; i++) {
        uint8_t type = f->types[i];
        bool    is_result = i == 0 ? type != YOKE_VOID : (type & YOKE_OUT) != 0;
        if (type == YOKE_TASK || (i == 0 && !is_result))
            continue;
        if (is_result) {
            b->out[b->n_out] = (uint8_t)i;
            b->out_type[b->n_out++] = type & (uint8_t)~YOKE_OUT;
        } else {
            b->in[b->n_in++] = (uint8_t)i;
        }
        b->is_plain &= is_result || yk_kernel_is_number(type);
    }
    if (b->n_out == 0)
        return yk_fail(err, YOKE_EINVALID, "%s gives no result: it returns void and has no `double *` or the like", f->name);
    return 0;
}

int yk_binding_init(yk_binding *b, const yk_kernel *k, const yk_items *items, yoke_error *err)
{
    *b = (yk_binding){.kernel = k, .items = items};
    YK_TRY(read_signature(b, err));
    unsigned width = yk_items_width(items);
    if (b->n_in == 0)
        b->how = YK_BINDING_NONE;
    else if (b->n_in == width)
        b->how = YK_BINDING_EACH;
    else if (width == 1)
        b->how = YK_BINDING_APART;
    else if (b->n_in == 1 && is_run(k->f->types[b->in[0]]))
        b->how = YK_BINDING_GATHER;
    else
        return yk_fail(err, YOKE_EINVALID, "%s takes %u value%s, each item has %u", k->f->name, b->n_in,
                       b->n_in == 1 ? "" : "s", width);
    return 0;
}

/* ---- checking before anything runs */

typedef struct check {
    const yk_binding *b;
    yoke_error       *err;
} check;

static int check_field(void *ctx, uint64_t index, unsigned field, const yk_field *f)
{
    const check *c = ctx;
    place        p = {.b = c->b, .index = index, .err = c->err};
    slot         ignored[YK_BINDING_MOST];
    switch (c->b->how) {
    case YK_BINDING_NONE: return 0;
    case YK_BINDING_APART: return to_arguments(&p, f, ignored);
    case YK_BINDING_GATHER: return to_argument(&p, c->b->in[0], field, f, ignored);
    case YK_BINDING_EACH: break;
    }
    return to_argument(&p, c->b->in[field], field, f, ignored);
}

int yk_binding_check(const yk_binding *b, yoke_error *err)
{
    check c = {b, err};
    return yk_items_count(b->items) == 0 ? 0 : yk_items_visit(b->items, check_field, &c, err);
}

/* ---- calling */

/* A packed item: the sentence that says what is wrong with it, NULL when nothing is; then a slot for each argument, which
 * for a run of values points to where it and its length stand. */

size_t yk_binding_packed(const yk_binding *b) { return (1 + (size_t)b->n_in) * YK_BINDING_SLOT; }

/* Fails the task that gets this item, with p->err's sentence. */
static int pack_wrong(const place *p, char *to)
{
    size_t n = strlen(p->err->text) + 1;
    char  *text = yk_transit_put(p->transit, n);
    if (!text)
        return p->err->code;
    memcpy(text, p->err->text, n);
    memcpy(to, &text, sizeof text);
    yoke_error_clear(p->err);
    return 0;
}

static int pack_slot(const place *p, uint8_t type, const slot *value, char *to)
{
    slot *run = is_run(type) ? yk_transit_put(p->transit, sizeof *run) : NULL;
    if (is_run(type) && !run)
        return yk_fail_nomem(p->err, "handing an item to a function");
    if (run)
        *run = *value;
    memcpy(to, run ? (const void *)&run : value, YK_BINDING_SLOT);
    return 0;
}

int yk_binding_pack(const yk_binding *b, uint64_t index, const yk_field *fields, yk_transit *transit, bool keeps_wrong, void *to,
                    yoke_error *err)
{
    place p = {.b = b, .index = index, .transit = transit, .err = err};
    slot  values[YK_BINDING_MOST];
    memset(values, 0, sizeof values);
    memset(to, 0, YK_BINDING_SLOT);
    if (transit)
        YK_TRY(yk_transit_begin(transit, index, err));
    int rc = to_arguments(&p, fields, values);
    if (rc == YOKE_EINVALID && keeps_wrong)
        return pack_wrong(&p, to);
    for (unsigned i = 0; rc == 0 && i < b->n_in; i++)
        rc = pack_slot(&p, b->kernel->f->types[b->in[i]], &values[i], (char *)to + (1 + (size_t)i) * YK_BINDING_SLOT);
    return rc;
}

static int unpack(const yk_binding *b, const char *packed, slot *to, yoke_error *err)
{
    const char *wrong;
    memcpy(&wrong, packed, sizeof wrong);
    if (wrong)
        return yk_fail(err, YOKE_EINVALID, "%s", wrong);
    for (unsigned i = 0; i < b->n_in; i++) {
        memcpy(&to[i], packed + (1 + (size_t)i) * YK_BINDING_SLOT, YK_BINDING_SLOT);
        if (is_run(b->kernel->f->types[b->in[i]]))
            to[i] = *(const slot *)to[i].place;
    }
    return 0;
}

static int fetch(const yk_binding *b, yoke_task *t, const void *packed, slot *to, yoke_error *err)
{
    if (packed)
        return unpack(b, packed, to, err);
    if (b->how == YK_BINDING_NONE)
        return 0;
    yk_field  few[YK_BINDING_MOST], *fields = few;
    unsigned  width = yk_items_width(b->items);
    uint64_t  index = yoke_task_index(t);
    if (width > YK_BINDING_MOST)
        fields = yoke_task_scratch(t, width * sizeof *fields);
    if (!fields)
        return yk_fail_nomem(err, "handing an item to a function");
    YK_TRY(yk_items_at(b->items, index, yoke_task_state(t), fields, err));
    place p = {.b = b, .index = index, .task = t, .err = err};
    return to_arguments(&p, fields, to);
}

/* Moves results into their slots, and emits what they point to. */
static int keep_results(const yk_binding *b, yoke_task *t, const slot *results, char *to)
{
    for (unsigned i = 0; i < b->n_out; i++, to += YK_BINDING_SLOT) {
        uint8_t     type = b->out_type[i];
        const slot *r = &results[i];
        if (yk_kernel_is_number(type)) {
            memcpy(to, r, yk_binding_size(type));
            continue;
        }
        if (type == YOKE_TEXT && !r->text)
            return yoke_task_fail(t, "%s returned no text", b->kernel->f->name);
        uint64_t    n = type == YOKE_TEXT ? strlen(r->text) : r->doubles.n;
        const void *bytes = type == YOKE_TEXT ? (const void *)r->text : r->doubles.values;
        if (n > 0 && !bytes)
            return yoke_task_fail(t, "%s returned %llu values at no address", b->kernel->f->name, (unsigned long long)n);
        memcpy(to, &n, sizeof n);
        YK_TRY(yoke_task_emit(t, bytes, type == YOKE_TEXT ? n : n * 8));
    }
    return 0;
}

int yk_binding_call(const yk_binding *b, yoke_task *t, const void *packed, void *result)
{
    const yoke_function *f = b->kernel->f;
    slot                 values[YK_BINDING_MOST + 1], in[YK_BINDING_MOST], out[YK_BINDING_MOST + 1];
    void                *args[YK_BINDING_MOST + 1];
    yoke_error           why; /* its 500 bytes are not cleared for each item */
    why.code = 0;
    if (fetch(b, t, packed, in, &why) < 0)
        return yoke_task_fail(t, "%s", why.text);
    args[0] = &values[0];
    for (unsigned i = 1; i <= f->n_args; i++) {
        values[i].task = t;
        args[i] = &values[i];
    }
    for (unsigned i = 0; i < b->n_in; i++)
        args[b->in[i]] = &in[i];
    memset(out, 0, sizeof *out * b->n_out);
    for (unsigned i = 0; i < b->n_out; i++) {
        if (b->out[i] == 0)
            args[0] = &out[i];
        else
            values[b->out[i]].place = &out[i];
    }
    f->call(args);
    return t->why.code < 0 ? t->why.code : keep_results(b, t, out, result); /* what the function only said counts too */
}
