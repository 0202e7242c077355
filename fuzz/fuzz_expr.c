/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any text as expressions over a few columns of every kind: it parses, binds and runs, or is an error; what it prints of itself
 * means the same; the block as codes gives the values that the block as values gives.
 */
#include "expr/expr.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 70, ENTRIES = 6 };

static const double  REALS[] = {0.0, -1.5, 1e300, INFINITY, NAN, 7.0};
static const int64_t INTS[] = {0, -1, 7, INT64_MAX, INT64_MIN, 1643718615};
static const uint8_t BOOLS[] = {0, 1, 1, 0, 1, 0};
static const yk_text TEXTS[] = {{"", 0}, {"Yes", 3}, {"\xc3\x84hm", 4}, {"2022-02-01 12:30", 16}, {"-12", 3}, {"%_\xff", 3}};
__extension__ typedef __int128 wide;
static const wide DECIMALS[] = {0, 1, -12345, 99999999999, -1, 7};

static const yk_field FIELDS[] = {
    {"r", {.kind = YK_KIND_REAL}}, {"i", {.kind = YK_KIND_INT}}, {"u", {.kind = YK_KIND_UINT}}, {"b", {.kind = YK_KIND_BOOL}},
    {"s", {.kind = YK_KIND_TEXT}}, {"x", {.kind = YK_KIND_DATA}}, {"t", {.kind = YK_KIND_TIME, .unit = YK_UNIT_US}},
    {"n", {.kind = YK_KIND_TIME, .unit = YK_UNIT_NS, .is_utc = true}}, {"d", {.kind = YK_KIND_DATE}},
    {"l", {.kind = YK_KIND_SPAN, .unit = YK_UNIT_MS}}, {"m", {.kind = YK_KIND_DECIMAL, .scale = 2}}, {"o", {.kind = YK_KIND_NULL}},
    {"r2", {.kind = YK_KIND_REAL}}, {"g", {.kind = YK_KIND_DATA, .is_uuid = true}},
    {"h", {.kind = YK_KIND_SPAN, .unit = YK_UNIT_US, .is_clock = true}}};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

static const void *entries_of(yk_kind k)
{
    switch (k) {
    case YK_KIND_REAL: return REALS;
    case YK_KIND_BOOL: return BOOLS;
    case YK_KIND_TEXT:
    case YK_KIND_DATA: return TEXTS;
    case YK_KIND_DECIMAL: return DECIMALS;
    default: return INTS;
    }
}

static void fill(yk_vec *in, bool coded, unsigned char (*values)[ROWS * 16], uint32_t *codes, yk_dict *dicts)
{
    static const uint64_t valid[] = {0xfdfffffffffffff7u, 0x3bu};
    for (uint32_t i = 0; i < ROWS; i++)
        codes[i] = i * 5 % ENTRIES;
    for (size_t f = 0; f < FIELD_COUNT; f++) {
        size_t      bytes = yk_kind_size(FIELDS[f].type.kind);
        const char *from = entries_of(FIELDS[f].type.kind);
        for (uint32_t i = 0; i < ROWS; i++)
            memcpy(values[f] + i * bytes, from + codes[i] * bytes, bytes);
        dicts[f] = (yk_dict){ENTRIES, from, f + 1};
        in[f] = (yk_vec){.type = FIELDS[f].type, .n = ROWS, .valid = f % 3 ? valid : NULL};
        if (coded && bytes)
            in[f].codes = codes, in[f].dict = &dicts[f];
        else
            in[f].values = values[f];
    }
}

static bool same(const yk_vec *a, const yk_vec *b)
{
    size_t bytes = yk_kind_size(a->type.kind);
    for (uint32_t i = 0; i < ROWS; i++) {
        bool x = !a->valid || (a->valid[i / 64] >> (i & 63) & 1), y = !b->valid || (b->valid[i / 64] >> (i & 63) & 1);
        if (x != y)
            return false;
        const char *p = (const char *)a->values + i * bytes, *q = (const char *)b->values + i * bytes;
        if (!x || a->type.kind == YK_KIND_NULL)
            continue;
        if (a->type.kind == YK_KIND_TEXT || a->type.kind == YK_KIND_DATA) {
            yk_text s, t;
            memcpy(&s, p, sizeof s);
            memcpy(&t, q, sizeof t);
            if (s.len != t.len || (s.len && memcmp(s.data, t.data, s.len) != 0))
                return false;
        } else if (a->type.kind == YK_KIND_REAL) {
            double s, t;
            memcpy(&s, p, sizeof s);
            memcpy(&t, q, sizeof t);
            if (!(s == t || (isnan(s) && isnan(t))))
                return false;
        } else if (memcmp(p, q, bytes) != 0) {
            return false;
        }
    }
    return true;
}

static void run(const yk_program *p)
{
    static _Alignas(64) unsigned char values[FIELD_COUNT][ROWS * 16];
    static uint32_t codes[ROWS];
    yk_dict         dicts[FIELD_COUNT];
    yk_vec          plain[FIELD_COUNT], coded[FIELD_COUNT], a, b, c;
    yk_eval        *one = NULL, *two = NULL;
    fill(plain, false, values, codes, dicts);
    fill(coded, true, values, codes, dicts);
    if (yk_eval_new(p, &one, NULL) == 0 && yk_eval_new(p, &two, NULL) == 0) {
        yk_eval_block(one, plain, ROWS);
        yk_eval_block(two, coded, ROWS);
        int x = yk_eval_values(one, 0, &a, NULL), y = yk_eval_root(two, 0, &c, NULL), z = yk_eval_values(two, 0, &b, NULL);
        if ((x < 0) != (z < 0) || (x == 0 && y == 0 && !same(&a, &b)))
            abort();
        const uint64_t *bits;
        uint32_t        count;
        if (x == 0 && yk_program_type(p, 0).kind == YK_KIND_BOOL && yk_eval_filter(one, 0, &bits, &count, NULL) < 0)
            abort();
    }
    yk_eval_free(one);
    yk_eval_free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yk_expr   **list = NULL, **parts = NULL, *again = NULL;
    size_t      n = 0, n_parts = 0;
    yk_program *p = NULL;
    yoke_error  err = YOKE_ERROR_INIT;
    char       *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (yk_expr_parse_list(text, &list, &n, &err) == 0) {
        bool is_long = strlen(yk_expr_text(list[0])) > 1 << 16; /* then it may not be read back */
        if (is_long) {
            yk_expr_list_free(list, n);
            free(text);
            return 0;
        }
        if (yk_expr_parse(yk_expr_text(list[0]), &again, NULL) < 0 || strcmp(yk_expr_text(list[0]), yk_expr_text(again)) != 0)
            abort();
        if (yk_expr_conjuncts(list[0], &parts, &n_parts, NULL) < 0)
            abort();
        if (yk_program_new(FIELDS, FIELD_COUNT, &(yk_root){list[0], YK_WANT_ANY}, 1, &p, &err) == 0)
            run(p);
        for (size_t i = 1; i < n; i++) { /* what is said of the others stands in the middle of the text */
            yk_program *other = NULL;
            if (yk_program_new(FIELDS, FIELD_COUNT, &(yk_root){list[i], YK_WANT_ANY}, 1, &other, &err) == 0)
                yk_program_free(other);
        }
    } else if (err.text[0] == '\0' || err.code == 0) {
        abort();
    }
    yk_program_free(p);
    yk_expr_free(again);
    yk_expr_list_free(parts, n_parts);
    yk_expr_list_free(list, n);
    free(text);
    return 0;
}
