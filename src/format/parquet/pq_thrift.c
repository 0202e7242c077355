/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_thrift.h"

enum { MAX_DEPTH = 24 };

static void bad(yk_thrift *t, bool is_short)
{
    t->is_bad = true;
    t->is_short |= is_short;
    t->at = t->end;
}

static uint8_t byte(yk_thrift *t)
{
    if (t->at < t->end)
        return *t->at++;
    bad(t, !t->is_bad);
    return 0;
}

static uint64_t varint(yk_thrift *t)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = byte(t);
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            return v;
    }
    bad(t, false);
    return 0;
}

static int64_t zigzag(yk_thrift *t)
{
    uint64_t v = varint(t);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

bool yk_thrift_next(yk_thrift *t, yk_thrift_field *f)
{
    uint8_t b = byte(t);
    if (t->is_bad || b == YK_TH_STOP)
        return false;
    f->type = b & 15;
    int64_t id = b >> 4 ? f->id + (b >> 4) : zigzag(t);
    if (f->type > YK_TH_STRUCT || f->type == YK_TH_STOP || id > INT16_MAX || id < INT16_MIN)
        bad(t, false);
    f->id = (int16_t)id;
    return !t->is_bad;
}

int64_t yk_thrift_int(yk_thrift *t, uint8_t type)
{
    if (type == YK_TH_I8)
        return (int8_t)byte(t);
    if (type == YK_TH_I16 || type == YK_TH_I32 || type == YK_TH_I64)
        return zigzag(t);
    bad(t, false);
    return 0;
}

bool yk_thrift_bool(yk_thrift *t, uint8_t type)
{
    if (type != YK_TH_TRUE && type != YK_TH_FALSE)
        bad(t, false);
    return type == YK_TH_TRUE;
}

bool yk_thrift_element_bool(yk_thrift *t) { return byte(t) == YK_TH_TRUE; }

bool yk_thrift_is_struct(yk_thrift *t, uint8_t type)
{
    if (type != YK_TH_STRUCT)
        bad(t, false);
    return !t->is_bad;
}

yk_text yk_thrift_text(yk_thrift *t, uint8_t type)
{
    yk_text r = {"", 0};
    if (type != YK_TH_BINARY) {
        bad(t, false);
        return r;
    }
    uint64_t n = varint(t);
    if (n > (uint64_t)(t->end - t->at)) {
        bad(t, !t->is_bad);
        return r;
    }
    if (n > 0)
        r = (yk_text){(const char *)t->at, n};
    t->at += n;
    return r;
}

uint32_t yk_thrift_list(yk_thrift *t, uint8_t type, uint8_t *ret_element)
{
    *ret_element = 0;
    if (type != YK_TH_LIST && type != YK_TH_SET) {
        bad(t, false);
        return 0;
    }
    uint8_t  b = byte(t);
    uint64_t n = b >> 4 < 15 ? b >> 4 : varint(t);
    *ret_element = b & 15;
    if (n > (uint64_t)(t->end - t->at)) {
        bad(t, !t->is_bad);
        return 0;
    }
    return (uint32_t)(n > UINT32_MAX ? UINT32_MAX : n);
}

static void skip(yk_thrift *t, uint8_t type, unsigned depth);

static void skip_struct(yk_thrift *t, unsigned depth)
{
    for (yk_thrift_field f = {0}; yk_thrift_next(t, &f);)
        skip(t, f.type, depth);
}

/* In a list or map a boolean takes a byte, as a field it takes none. */
static void skip_element(yk_thrift *t, uint8_t type, unsigned depth)
{
    if (type == YK_TH_TRUE || type == YK_TH_FALSE)
        byte(t);
    else
        skip(t, type, depth);
}

static void skip_map(yk_thrift *t, unsigned depth)
{
    uint64_t n = varint(t);
    if (n == 0)
        return;
    uint8_t types = byte(t);
    if (n > (uint64_t)(t->end - t->at))
        bad(t, !t->is_bad);
    for (uint64_t i = 0; i < n && !t->is_bad; i++) {
        skip_element(t, types >> 4, depth);
        skip_element(t, types & 15, depth);
    }
}

static void skip(yk_thrift *t, uint8_t type, unsigned depth)
{
    uint8_t element;
    if (depth >= MAX_DEPTH) {
        bad(t, false);
        return;
    }
    switch (type) {
    case YK_TH_TRUE:
    case YK_TH_FALSE: break;
    case YK_TH_I8: byte(t); break;
    case YK_TH_I16:
    case YK_TH_I32:
    case YK_TH_I64: varint(t); break;
    case YK_TH_DOUBLE:
        if (t->end - t->at < 8)
            bad(t, !t->is_bad);
        else
            t->at += 8;
        break;
    case YK_TH_BINARY: yk_thrift_text(t, type); break;
    case YK_TH_LIST:
    case YK_TH_SET:
        for (uint32_t n = yk_thrift_list(t, type, &element); n > 0 && !t->is_bad; n--)
            skip_element(t, element, depth + 1);
        break;
    case YK_TH_MAP: skip_map(t, depth + 1); break;
    case YK_TH_STRUCT: skip_struct(t, depth + 1); break;
    default: bad(t, false);
    }
}

void yk_thrift_skip(yk_thrift *t, uint8_t type) { skip(t, type, 0); }

static void put_varint(yk_buf *b, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        yk_buf_putc(b, (char)(v | 128));
    yk_buf_putc(b, (char)v);
}

void yk_thrift_put_field(yk_buf *b, int16_t *last, int16_t id, uint8_t type)
{
    int step = id - *last;
    if (step >= 1 && step <= 15) {
        yk_buf_putc(b, (char)(step << 4 | type));
    } else {
        yk_buf_putc(b, (char)type);
        yk_thrift_put_int(b, id);
    }
    *last = id;
}

void yk_thrift_put_int(yk_buf *b, int64_t v) { put_varint(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63)); }

void yk_thrift_put_bytes(yk_buf *b, const void *p, size_t n)
{
    put_varint(b, n);
    yk_buf_append(b, p, n);
}

void yk_thrift_put_list(yk_buf *b, uint8_t element, size_t n)
{
    yk_buf_putc(b, (char)((n < 15 ? n : 15) << 4 | element));
    if (n >= 15)
        put_varint(b, n);
}

void yk_thrift_put_stop(yk_buf *b) { yk_buf_putc(b, 0); }
