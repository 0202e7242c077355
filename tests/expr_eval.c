/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Evaluates expressions for the tests; never installed.
 *
 *     expr_eval FILE < EXPRESSIONS
 *
 * FILE holds columns: "YKX1", the number of columns and of rows (u32), then for each column a name (32 bytes), its kind, unit,
 * utc, layout (bytes; layout 1: codes and dictionary), a u32 of dictionary entries, a validity byte per row, and the values: 8
 * bytes each, BOOL 1, TEXT u32 offsets (n + 1) and bytes; with layout 1 the dictionary's values and then a u32 code per row.
 * Each line of standard input is an expression. Answer per line: "error CODE text", or "ok type" and a line of values:
 * "null", or the value; reals as C hexadecimal. A second pass checks that yk_eval_root and yk_eval_values agree.
 */
#include "base/buf.h"
#include "base/file.h"
#include "expr/expr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64 };

typedef struct column {
    char     name[33];
    yk_type  type;
    void    *values, *dict_values;
    uint32_t *codes;
    yk_dict  dict;
    uint8_t *valid;
} column;

static uint32_t n_columns, n_rows, block_rows = YK_BLOCK;
static column   columns[MOST];
static yk_field fields[MOST];

static uint32_t take_u32(const char **p)
{
    uint32_t v;
    memcpy(&v, *p, 4);
    *p += 4;
    return v;
}

static void *take_values(yk_type type, const char **p, uint32_t n)
{
    size_t size = yk_kind_size(type.kind);
    if (type.kind != YK_KIND_TEXT) {
        void *v = yk_malloc_aligned(n * size + 16);
        memcpy(v, *p, n * size);
        *p += n * size;
        return v;
    }
    yk_text    *t = yk_malloc(n * sizeof *t + 1);
    const char *offsets = *p, *bytes = *p + 4 * ((size_t)n + 1);
    uint32_t    at = take_u32(&offsets);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t end = take_u32(&offsets);
        t[i] = (yk_text){bytes + at, end - at};
        at = end;
    }
    *p = bytes + at;
    return t;
}

static void read_columns(const char *p)
{
    p += 4;
    n_columns = take_u32(&p);
    n_rows = take_u32(&p);
    for (uint32_t i = 0; i < n_columns; i++) {
        column *c = &columns[i];
        memcpy(c->name, p, 32);
        c->type = (yk_type){.kind = (yk_kind)p[32], .unit = (yk_unit)p[33], .is_utc = p[34]};
        char layout = p[35];
        p += 36;
        uint32_t n_dict = take_u32(&p);
        c->valid = (uint8_t *)p;
        p += n_rows;
        if (layout) {
            c->dict_values = take_values(c->type, &p, n_dict);
            c->dict = (yk_dict){n_dict, c->dict_values, i + 1};
            c->codes = yk_malloc(n_rows * 4 + 4);
            memcpy(c->codes, p, n_rows * 4);
            p += n_rows * 4;
        } else {
            c->values = take_values(c->type, &p, n_rows);
        }
        fields[i] = (yk_field){c->name, c->type};
    }
}

static void fill(yk_vec *v, uint64_t (*valid)[YK_BLOCK / 64], uint32_t at, uint32_t n)
{
    for (uint32_t i = 0; i < n_columns; i++) {
        column *c = &columns[i];
        bool    any = false;
        memset(valid[i], 0, sizeof valid[i]);
        for (uint32_t r = 0; r < n; r++) {
            valid[i][r / 64] |= (uint64_t)c->valid[at + r] << (r & 63);
            any |= !c->valid[at + r];
        }
        v[i] = (yk_vec){.type = c->type, .n = n, .valid = any ? valid[i] : NULL};
        if (c->codes) {
            v[i].codes = c->codes + at;
            v[i].dict = &c->dict;
        } else {
            v[i].values = (char *)c->values + at * yk_kind_size(c->type.kind);
        }
    }
}

static void print_value(const yk_vec *v, uint32_t i, yk_buf *to)
{
    char        text[64];
    uint32_t    row = v->is_const ? 0 : i;
    const void *values = v->codes ? v->dict->values : v->values;
    uint32_t    at = v->codes ? v->codes[row] : row;
    if (i)
        yk_buf_putc(to, '\t');
    if ((v->valid && !(v->valid[row / 64] >> (row & 63) & 1)) || v->type.kind == YK_KIND_NULL) {
        yk_buf_puts(to, "null");
        return;
    }
    switch (v->type.kind) {
    case YK_KIND_BOOL: yk_buf_puts(to, ((const uint8_t *)values)[at] ? "true" : "false"); break;
    case YK_KIND_REAL:
        snprintf(text, sizeof text, "%a", ((const double *)values)[at]);
        yk_buf_puts(to, isnan(((const double *)values)[at]) ? "null" : text);
        break;
    case YK_KIND_TEXT: {
        yk_text t = ((const yk_text *)values)[at];
        yk_buf_putc(to, '\'');
        yk_buf_append(to, t.data, t.len);
        break;
    }
    case YK_KIND_UINT: yk_buf_printf(to, "%llu", (unsigned long long)((const uint64_t *)values)[at]); break;
    default: yk_buf_printf(to, "%lld", (long long)((const int64_t *)values)[at]);
    }
}

static int evaluate(const char *text, yk_buf *to, yoke_error *err)
{
    YK_CLEANUP(yk_expr_freep) yk_expr *e = NULL, *again = NULL;
    YK_CLEANUP(yk_program_freep) yk_program *p = NULL;
    YK_CLEANUP(yk_eval_freep) yk_eval *ev = NULL;
    static uint64_t valid[MOST][YK_BLOCK / 64];
    yk_vec          in[MOST], root, flat;
    char            type[64];
    YK_AUTOBUF      other = YK_BUF_INIT;
    YK_TRY(yk_expr_parse(text, &e, err));
    YK_TRY(yk_expr_parse(yk_expr_text(e), &again, err));
    if (strcmp(yk_expr_text(e), yk_expr_text(again)) != 0)
        return yk_fail(err, YOKE_EFORMAT, "the canonical text is not stable: %s", yk_expr_text(e));
    YK_TRY(yk_program_new(fields, n_columns, &(yk_root){e, YK_WANT_ANY}, 1, &p, err));
    YK_TRY(yk_eval_new(p, &ev, err));
    yk_buf_printf(to, "ok %s\t%s\n", yk_type_name(yk_program_type(p, 0), type, sizeof type), yk_expr_text(e));
    for (uint32_t at = 0; at < n_rows; at += block_rows) {
        uint32_t n = n_rows - at < block_rows ? n_rows - at : block_rows;
        fill(in, valid, at, n);
        yk_eval_block(ev, in, n);
        YK_TRY(yk_eval_root(ev, 0, &root, err));
        yk_buf_clear(&other);
        for (uint32_t i = 0; i < n; i++)
            print_value(&root, i, &other);
        YK_TRY(yk_eval_values(ev, 0, &flat, err));
        size_t begin = to->len;
        for (uint32_t i = 0; i < n; i++)
            print_value(&flat, i, to);
        if (strcmp(to->data + begin, yk_buf_text(&other)) != 0)
            return yk_fail(err, YOKE_EFORMAT, "root and values differ");
        yk_buf_putc(to, at + n < n_rows ? '\t' : '\n');
    }
    return 0;
}

int main(int argc, char **argv)
{
    yoke_error err = YOKE_ERROR_INIT;
    YK_AUTOBUF file = YK_BUF_INIT;
    char      *line = NULL;
    size_t     cap = 0;
    ssize_t    len;
    if (argc < 2 || yk_file_slurp(argv[1], &file, &err) < 0) {
        fprintf(stderr, "expr_eval: %s\n", argc < 2 ? "no file" : err.text);
        return 2;
    }
    if (argc > 2)
        block_rows = (uint32_t)atoi(argv[2]);
    read_columns(file.data);
    while ((len = getline(&line, &cap, stdin)) > 0) {
        YK_AUTOBUF out = YK_BUF_INIT;
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        yoke_error_clear(&err);
        if (evaluate(line, &out, &err) < 0)
            printf("error %d %s\n", err.code, err.text);
        else
            printf("%s", yk_buf_text(&out));
    }
    free(line);
    return 0;
}
