/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/arrow/arrow_type.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- types */

static bool unit_of(char letter, yk_unit *ret)
{
    const char *at = letter ? strchr("smun", letter) : NULL;
    if (at)
        *ret = (yk_unit)(at - "smun");
    return at != NULL;
}

/* 't' and what follows: dates, times of day, timestamps, durations. */
static bool read_time_format(yk_arrow_kind *k, const char *f)
{
    yk_unit unit = YK_UNIT_S;
    if (f[1] == 'd') {
        k->said.type.kind = YK_KIND_DATE;
        k->form = f[2] == 'D' ? YK_ARROW_I32 : YK_ARROW_MILLIDAYS;
        return f[2] == 'D' || f[2] == 'm';
    }
    if (!f[1] || !unit_of(f[2], &unit))
        return false;
    k->said.type.unit = unit;
    k->said.type.kind = f[1] == 's' ? YK_KIND_TIME : YK_KIND_SPAN;
    k->said.type.is_utc = f[1] == 's' && f[3] == ':' && f[4];
    k->said.type.is_clock = f[1] == 't';
    k->form = f[1] == 't' && unit <= YK_UNIT_MS ? YK_ARROW_I32 : YK_ARROW_64;
    return f[1] == 's' || f[1] == 't' || f[1] == 'D';
}

static bool read_decimal_format(yk_arrow_kind *k, const char *f)
{
    int precision, scale, bits = 128;
    if (sscanf(f, "d:%d,%d,%d", &precision, &scale, &bits) < 2 || precision < 1 || precision > 38 || scale < -38 || scale > 38)
        return false;
    k->said.type = (yk_type){.kind = YK_KIND_DECIMAL, .scale = (int8_t)scale};
    k->form = bits == 32 ? YK_ARROW_D32 : bits == 64 ? YK_ARROW_D64 : YK_ARROW_128;
    return bits == 32 || bits == 64 || bits == 128;
}

static bool read_fixed_format(yk_arrow_kind *k, const char *f)
{
    char *end;
    long  width = strtol(f + 2, &end, 10);
    if (end == f + 2 || *end || width < 0 || width > INT32_MAX)
        return false;
    k->said.type = (yk_type){.kind = YK_KIND_DATA};
    k->form = YK_ARROW_FIXED;
    k->width = (size_t)width;
    return true;
}

static bool read_format(yk_arrow_kind *k, const char *f)
{
    static const struct { const char *format; yk_kind kind; yk_arrow_form form; } simple[] = {
        {"n", YK_KIND_NULL, YK_ARROW_NONE},    {"b", YK_KIND_BOOL, YK_ARROW_BITS},    {"c", YK_KIND_INT, YK_ARROW_I8},
        {"C", YK_KIND_INT, YK_ARROW_U8},       {"s", YK_KIND_INT, YK_ARROW_I16},      {"S", YK_KIND_INT, YK_ARROW_U16},
        {"i", YK_KIND_INT, YK_ARROW_I32},      {"I", YK_KIND_INT, YK_ARROW_U32},      {"l", YK_KIND_INT, YK_ARROW_64},
        {"L", YK_KIND_UINT, YK_ARROW_64},      {"e", YK_KIND_REAL, YK_ARROW_F16},     {"f", YK_KIND_REAL, YK_ARROW_F32},
        {"g", YK_KIND_REAL, YK_ARROW_64},      {"u", YK_KIND_TEXT, YK_ARROW_BYTES32}, {"U", YK_KIND_TEXT, YK_ARROW_BYTES64},
        {"z", YK_KIND_DATA, YK_ARROW_BYTES32}, {"Z", YK_KIND_DATA, YK_ARROW_BYTES64}, {"vu", YK_KIND_TEXT, YK_ARROW_VIEW},
        {"vz", YK_KIND_DATA, YK_ARROW_VIEW},
    };
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        if (strcmp(f, simple[i].format) == 0) {
            k->said.type = (yk_type){.kind = simple[i].kind};
            k->form = simple[i].form;
            return true;
        }
    }
    if (f[0] == 'w' && f[1] == ':')
        return read_fixed_format(k, f);
    return f[0] == 't' ? read_time_format(k, f) : f[0] == 'd' ? read_decimal_format(k, f) : false;
}

/* What a type is that has no counterpart here, as the rest of a sentence. */
static void refuse(yk_arrow_kind *k, const char *f)
{
    static const struct { const char *begins, *is; } known[] = {
        {"+s", "it is a struct: hand its parts on as columns of their own"}, {"+m", "it is a map"}, {"+u", "it is a union"},
            {"+r", "it is run-end encoded: decode it first"}, {"+l", "it is a list"}, {"+L", "it is a list"}, {"+vl", "it is a list"},
            {"+vL", "it is a list"}, {"+w", "it is a list"}, {"ti", "its months have no fixed length: hand durations on"},
            {"d:", "its decimals have more than 38 digits or 128 bits"}};
    for (size_t i = 0; i < sizeof known / sizeof *known && !*k->refusal; i++)
        if (strncmp(f, known[i].begins, strlen(known[i].begins)) == 0)
            snprintf(k->refusal, sizeof k->refusal, "%s", known[i].is);
    if (!*k->refusal)
        snprintf(k->refusal, sizeof k->refusal, "its Arrow type '%.30s' has no counterpart here", f);
    k->said.refusal = k->refusal;
    k->form = YK_ARROW_NONE;
}

/* Metadata: how many pairs, then each key and value with its length before it; lengths are 32 bits wide. */
static bool has_extension(const struct ArrowSchema *s, const char *name)
{
    static const char key[] = "ARROW:extension:name";
    const char       *at = s->metadata;
    int32_t           n = 0, len[2];
    if (at)
        memcpy(&n, at, sizeof n), at += sizeof n;
    for (; n > 0; n--) {
        const char *text[2];
        for (int i = 0; i < 2; i++) {
            memcpy(&len[i], at, sizeof len[i]);
            if (len[i] < 0)
                return false;
            text[i] = at + sizeof len[i];
            at = text[i] + len[i];
        }
        if ((size_t)len[0] == strlen(key) && memcmp(text[0], key, strlen(key)) == 0)
            return (size_t)len[1] == strlen(name) && memcmp(text[1], name, strlen(name)) == 0;
    }
    return false;
}

int yk_arrow_kind_read(const struct ArrowSchema *s, yk_arrow_kind *k, yoke_error *err)
{
    if (!s || !s->format || (s->dictionary && !s->dictionary->format))
        return yk_fail(err, YOKE_EFORMAT, "the Arrow stream's schema is malformed: a column has no type");
    *k = (yk_arrow_kind){.said.name = s->name ? s->name : ""};
    if (!read_format(k, s->format)) {
        refuse(k, s->format);
        return 0;
    }
    k->said.type.is_uuid = k->form == YK_ARROW_FIXED && k->width == 16 && has_extension(s, "arrow.uuid");
    if (!s->dictionary)
        return 0;
    k->index = k->form;
    if (k->said.type.kind != YK_KIND_INT && k->said.type.kind != YK_KIND_UINT)
        return yk_fail(err, YOKE_EFORMAT, "the Arrow stream's schema is malformed: the codes of column '%s' are no integers", k->said.name);
    if (!read_format(k, s->dictionary->format))
        refuse(k, s->dictionary->format);
    return 0;
}

/* ---- arrays */

static int malformed(const yk_arrow_kind *k, const char *what, yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "a batch of the Arrow stream is malformed: column '%s' %s", k->said.name, what);
}

static int check_values(const yk_arrow_kind *k, yk_arrow_form form, const struct ArrowArray *a, yoke_error *err)
{
    int64_t need = form == YK_ARROW_NONE ? 0 : form == YK_ARROW_BYTES32 || form == YK_ARROW_BYTES64 || form == YK_ARROW_VIEW ? 3 : 2;
    if (a->offset < 0 || a->length > INT64_MAX - a->offset)
        return malformed(k, "begins nowhere: its offset is wrong", err);
    if (need == 0)
        return 0;
    if (a->n_buffers < need || !a->buffers)
        return malformed(k, "has fewer buffers than its type", err);
    if (a->length && !a->buffers[1])
        return malformed(k, "has no values", err);
    return a->null_count > 0 && !a->buffers[0] ? malformed(k, "has missing values, but does not say which", err) : 0;
}

int yk_arrow_array_check(const yk_arrow_kind *k, const struct ArrowArray *a, int64_t rows, yoke_error *err)
{
    if (k->said.refusal)
        return 0;
    if (!a || !a->release)
        return malformed(k, "is not there", err);
    if (a->length < rows)
        return malformed(k, "has fewer rows than the batch", err);
    YK_TRY(check_values(k, k->index ? k->index : k->form, a, err));
    if (!k->index)
        return 0;
    if (!a->dictionary || a->dictionary->length < 0)
        return malformed(k, "has codes, but no dictionary", err);
    return check_values(k, k->form, a->dictionary, err);
}
