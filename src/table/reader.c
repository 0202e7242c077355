/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The common case is a block within one file: a Parquet column passes its cursor's block on, a CSV file is cut into fields
 * once for all columns. Where files meet within a block, its rows are gathered from each of them.
 */
#include "table/reader.h"

#include "base/arena.h"

typedef struct column {
    uint32_t   index;  /* of the source's columns */
    yk_cursor *cursor; /* in the current file, if that is Parquet and the column was asked for */
    yk_arrow_cursor *batches; /* the same, if that is Arrow */
    uint64_t   batches_at;    /* its row */
    void      *values; /* a gathered block; made when first needed */
    uint64_t  *valid;
    uint64_t   one;    /* a valid bit for constants */
    yk_value   constant;
} column;

struct yk_reader {
    const yk_source *s;
    column          *columns;
    size_t           n_columns;
    unsigned        *own_columns; /* scratch: the file's own numbers */
    uint64_t         at, end;     /* rows */
    uint32_t         n;           /* rows of the block, which begins at `at` - n */
    size_t           file;        /* that cursors are in; n_files: none */
    yk_npy_cursor   *npy;
    yk_csv_cursor   *csv;
    uint64_t         csv_next;    /* the row (of all) that csv is at; UINT64_MAX: sought anew */
    uint64_t         csv_block;   /* the first row of the block it holds; UINT64_MAX: none */
    uint64_t         bad[YK_BLOCK / 64];
    yk_arena         texts;
    yk_scratch      *scratch; /* of Parquet cursors; owned */
};

static void close_cursors(yk_reader *r)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        yk_cursor_close(r->columns[i].cursor);
        r->columns[i].cursor = NULL;
    }
}

void yk_reader_rest(yk_reader *r)
{
    close_cursors(r);
    yk_scratch_clear(r->scratch);
    yk_alloc_trim();
}

static void leave_file(yk_reader *r)
{
    close_cursors(r);
    if (r->file < r->s->n_files && r->s->files[r->file].parquet)
        yk_parquet_forget(r->s->files[r->file].parquet);
    for (size_t i = 0; i < r->n_columns; i++) {
        yk_arrow_cursor_close(r->columns[i].batches);
        r->columns[i].batches = NULL;
    }
    yk_npy_cursor_close(r->npy);
    r->npy = NULL;
    yk_csv_cursor_close(r->csv);
    r->csv = NULL;
    r->csv_next = r->csv_block = UINT64_MAX;
    r->file = r->s->n_files;
}

void yk_reader_close(yk_reader *r)
{
    if (!r)
        return;
    if (r->columns)
        leave_file(r);
    for (size_t i = 0; i < r->n_columns; i++) {
        yk_free(r->columns[i].values);
        yk_free(r->columns[i].valid);
    }
    yk_free(r->columns);
    yk_free(r->own_columns);
    yk_arena_fini(&r->texts);
    yk_scratch_free(r->scratch);
    yk_free(r);
}

int yk_reader_open(const yk_source *s, const uint32_t *columns, size_t n, yk_reader **ret, yoke_error *err)
{
    YK_CLEANUP(yk_reader_closep) yk_reader *r = yk_new(yk_reader);
    if (!r)
        return yk_fail_nomem(err, "starting to read");
    r->s = s;
    r->columns = yk_new_array(column, n + 1);
    r->own_columns = yk_new_array(unsigned, n + 1);
    r->scratch = yk_scratch_new();
    if (!r->columns || !r->own_columns || !r->scratch)
        return yk_fail_nomem(err, "starting to read");
    r->n_columns = n;
    r->file = s->n_files;
    for (size_t i = 0; i < n; i++)
        r->columns[i].index = columns[i];
    leave_file(r);
    *ret = YK_TAKE(r);
    return 0;
}

void yk_reader_seek(yk_reader *r, uint64_t first, uint64_t n)
{
    r->at = first;
    r->end = first + n;
    r->n = 0;
}

void yk_reader_block(yk_reader *r, uint32_t n)
{
    r->at += n;
    r->n = n;
    yk_arena_clear(&r->texts);
}

void yk_reader_skip(yk_reader *r, uint64_t n)
{
    r->at += n;
    r->n = 0;
}

/* They ascend. */
static column *column_of(yk_reader *r, uint32_t index)
{
    size_t lo = 0, hi = r->n_columns;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        *(r->columns[mid].index <= index ? &lo : &hi) = mid;
    }
    return &r->columns[lo];
}

/* The file that holds all of rows [first, first + n), as r->file; n_files when they lie in several. */
static size_t enter_file(yk_reader *r, uint64_t first, uint32_t n)
{
    const yk_source *s = r->s;
    size_t           file = r->file;
    if (file == s->n_files || first < s->files[file].first || first >= s->files[file].first + s->files[file].n)
        file = yk_source_file_of(s, first);
    if (first + n > s->files[file].first + s->files[file].n)
        return s->n_files;
    if (file != r->file) {
        leave_file(r);
        r->file = file;
    }
    return file;
}

/* A file's column of which all rows have one value; false when it is not so. */
static bool constant_vec(const yk_reader *r, column *c, size_t file, uint32_t n, yk_vec *ret)
{
    if (!yk_source_constant(r->s, file, c->index, &c->constant))
        return false;
    c->one = c->constant.is_missing ? 0 : 1;
    *ret = (yk_vec){.type = c->constant.type, .n = n, .values = &c->constant.i, .valid = c->one ? NULL : &c->one, .is_const = true};
    return true;
}

/* The Parquet cursor of a column, at row `first` of all rows. */
static int cursor_at(yk_reader *r, column *c, uint64_t first, yoke_error *err)
{
    const yk_source_file *f = &r->s->files[r->file];
    uint64_t              row = first - f->first, end = (r->end < f->first + f->n ? r->end : f->first + f->n) - f->first;
    if (!c->cursor)
        return yk_cursor_open(f->parquet, (unsigned)f->column[c->index], row, end - row, r->scratch, &c->cursor, err);
    uint64_t at = yk_cursor_row(c->cursor);
    if (at > row || at + yk_cursor_left(c->cursor) < end)
        return yk_cursor_seek(c->cursor, row, end - row, err);
    return at < row ? yk_cursor_skip(c->cursor, row - at, err) : 0;
}

/* The rows [first, first + n) of a column of batches in memory. */
static int arrow_rows(yk_reader *r, column *c, uint64_t first, uint32_t n, yk_vec *ret, yoke_error *err)
{
    const yk_source_file *f = &r->s->files[r->file];
    if (c->batches && c->batches_at > first) {
        yk_arrow_cursor_close(c->batches);
        c->batches = NULL;
    }
    if (!c->batches) {
        YK_TRY(yk_arrow_cursor_open(f->arrow, (unsigned)f->column[c->index], first - f->first, f->n - (first - f->first), &c->batches,
                                    err));
        c->batches_at = first;
    }
    if (c->batches_at < first)
        YK_TRY(yk_arrow_cursor_skip(c->batches, first - c->batches_at, err));
    c->batches_at = first + n;
    return yk_arrow_cursor_next(c->batches, n, ret, err);
}

/* Those of the reader's columns that the file has, by its own numbers, in r->own_columns. */
static unsigned find_own(yk_reader *r, const yk_source_file *f)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->n_columns; i++)
        if (f->column[r->columns[i].index] >= 0)
            r->own_columns[n++] = (unsigned)f->column[r->columns[i].index];
    return n;
}

static int open_csv(yk_reader *r, const yk_source_file *f, yk_csv_cursor **ret, yoke_error *err)
{
    return yk_csv_cursor_open(f->csv, r->own_columns, find_own(r, f), ret, err);
}

static int open_npy(yk_reader *r, const yk_source_file *f, yk_npy_cursor **ret, yoke_error *err)
{
    return *ret ? 0 : yk_npy_cursor_open(f->npy, r->own_columns, find_own(r, f), ret, err);
}

static unsigned csv_slot(const yk_reader *r, const yk_source_file *f, uint32_t index)
{
    unsigned n = 0;
    for (size_t i = 0; r->columns[i].index != index; i++)
        n += f->column[r->columns[i].index] >= 0;
    return n;
}

/* The current file's CSV cursor holds the block that begins at `first`. */
static int csv_at(yk_reader *r, uint64_t first, yoke_error *err)
{
    const yk_source_file *f = &r->s->files[r->file];
    if (r->csv && r->csv_block == first)
        return 0;
    if (!r->csv)
        YK_TRY(open_csv(r, f, &r->csv, err));
    r->csv_block = UINT64_MAX;
    if (r->csv_next != first)
        YK_TRY(yk_csv_cursor_seek(r->csv, first - f->first, err));
    r->csv_next = UINT64_MAX;
    YK_TRY(yk_csv_cursor_block(r->csv, r->n, err));
    r->csv_block = first;
    r->csv_next = first + r->n;
    return 0;
}

/* ---- where files meet */

static int copy_texts(yk_reader *r, yk_text *t, uint32_t n, yoke_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        char *to = yk_arena_alloc(&r->texts, t[i].len + 1);
        if (!to)
            return yk_fail_nomem(err, "joining files");
        if (t[i].len)
            memcpy(to, t[i].data, t[i].len);
        t[i].data = to;
    }
    return 0;
}

/* Rows [first, first + n) of one file go to row `to` of the gathered block. */
static int gather_piece(yk_reader *r, column *c, size_t file, uint64_t first, uint32_t n, uint32_t to, yk_type *ret_retype, yoke_error *err)
{
    const yk_source_file *f = &r->s->files[file];
    yk_type               type = r->s->columns[c->index].type;
    size_t                size = yk_kind_size(type.kind);
    YK_CLEANUP(yk_cursor_closep) yk_cursor         *cursor = NULL;
    YK_CLEANUP(yk_csv_cursor_closep) yk_csv_cursor *csv = NULL;
    YK_CLEANUP(yk_npy_cursor_closep) yk_npy_cursor *npy = NULL;
    yk_vec                                          v, flat;
    if (constant_vec(r, c, file, n, &v)) {
        ;
    } else if (f->parquet) {
        YK_TRY(yk_cursor_open(f->parquet, (unsigned)f->column[c->index], first - f->first, n, r->scratch, &cursor, err));
        YK_TRY(yk_cursor_next(cursor, n, &v, err));
    } else if (f->npy) {
        YK_TRY(open_npy(r, f, &npy, err));
        YK_TRY(yk_npy_cursor_get(npy, (unsigned)f->column[c->index], first - f->first, n, &v, err));
    } else {
        yk_type got;
        YK_TRY(open_csv(r, f, &csv, err));
        YK_TRY(yk_csv_cursor_seek(csv, first - f->first, err));
        YK_TRY(yk_csv_cursor_block(csv, n, err));
        YK_TRY(yk_csv_cursor_get(csv, csv_slot(r, f, c->index), type, &got, &v, err));
        if (!yk_type_same(got, type)) {
            *ret_retype = got;
            return r->s->columns[c->index].is_given ? yk_csv_cursor_misfit(csv, csv_slot(r, f, c->index), type, err) : YK_RETYPE;
        }
    }
    uint64_t valid[YK_BLOCK / 64];
    char    *dest = (char *)c->values + (size_t)to * size;
    YK_TRY(yk_vec_flatten(&v, type, dest, valid, &flat, err));
    if (flat.values != dest && size)
        memcpy(dest, flat.values, n * size);
    if (yk_kind_is_bytes(type.kind))
        YK_TRY(copy_texts(r, (yk_text *)(void *)dest, n, err));
    for (uint32_t i = 0; i < n; i++)
        if (type.kind == YK_KIND_NULL || (flat.valid && !(flat.valid[i >> 6] >> (i & 63) & 1)))
            c->valid[(to + i) >> 6] &= ~((uint64_t)1 << ((to + i) & 63));
    return 0;
}

static int gather(yk_reader *r, column *c, uint64_t first, yk_vec *ret, yk_type *ret_retype, yoke_error *err)
{
    if (!c->values && !(c->values = yk_malloc_aligned((size_t)YK_BLOCK * 16)))
        return yk_fail_nomem(err, "joining files");
    if (!c->valid && !(c->valid = yk_new_array(uint64_t, YK_BLOCK / 64)))
        return yk_fail_nomem(err, "joining files");
    memset(c->valid, 0xff, YK_BLOCK / 8);
    for (uint32_t to = 0; to < r->n;) {
        size_t   file = yk_source_file_of(r->s, first + to);
        uint64_t left = r->s->files[file].first + r->s->files[file].n - (first + to);
        uint32_t n = left < r->n - to ? (uint32_t)left : r->n - to;
        YK_TRY(gather_piece(r, c, file, first + to, n, to, ret_retype, err));
        to += n;
    }
    *ret = (yk_vec){.type = r->s->columns[c->index].type, .n = r->n, .values = c->values, .valid = c->valid};
    return 0;
}

/* ---- */

int yk_reader_get(yk_reader *r, uint32_t index, yk_vec *ret, yk_type *ret_retype, yoke_error *err)
{
    column  *c = column_of(r, index);
    uint64_t first = r->at - r->n;
    size_t   file = enter_file(r, first, r->n);
    if (file == r->s->n_files)
        return gather(r, c, first, ret, ret_retype, err);
    const yk_source_file *f = &r->s->files[file];
    if (constant_vec(r, c, file, r->n, ret))
        return 0;
    if (f->parquet) {
        YK_TRY(cursor_at(r, c, first, err));
        YK_TRY(yk_cursor_next(c->cursor, r->n, ret, err));
        return ret->n == r->n ? 0 : yk_fail(err, YOKE_EFORMAT, "'%s' ends before its rows do", f->path);
    }
    if (f->npy) {
        YK_TRY(open_npy(r, f, &r->npy, err));
        return yk_npy_cursor_get(r->npy, (unsigned)f->column[index], first - f->first, r->n, ret, err);
    }
    if (f->arrow) /* the only file of its source: never gathered */
        return arrow_rows(r, c, first, r->n, ret, err);
    YK_TRY(csv_at(r, first, err));
    yk_type type = r->s->columns[index].type, got;
    YK_TRY(yk_csv_cursor_get(r->csv, csv_slot(r, f, index), type, &got, ret, err));
    if (yk_type_same(got, type))
        return 0;
    *ret_retype = got;
    return r->s->columns[index].is_given ? yk_csv_cursor_misfit(r->csv, csv_slot(r, f, index), type, err) : YK_RETYPE;
}

int yk_reader_bad(yk_reader *r, const uint64_t **ret, yoke_error *err)
{
    uint64_t first = r->at - r->n;
    size_t   file = enter_file(r, first, r->n);
    *ret = NULL;
    if (file < r->s->n_files) {
        if (!r->s->files[file].csv)
            return 0;
        YK_TRY(csv_at(r, first, err));
        *ret = yk_csv_cursor_bad(r->csv);
        return 0;
    }
    memset(r->bad, 0, sizeof r->bad);
    for (uint32_t to = 0; to < r->n;) {
        const yk_source_file *f = &r->s->files[yk_source_file_of(r->s, first + to)];
        uint64_t              left = f->first + f->n - (first + to);
        uint32_t              n = left < r->n - to ? (uint32_t)left : r->n - to;
        YK_CLEANUP(yk_csv_cursor_closep) yk_csv_cursor *csv = NULL;
        if (f->csv) {
            YK_TRY(open_csv(r, f, &csv, err));
            YK_TRY(yk_csv_cursor_seek(csv, first + to - f->first, err));
            YK_TRY(yk_csv_cursor_block(csv, n, err));
        }
        const uint64_t *bad = csv ? yk_csv_cursor_bad(csv) : NULL;
        for (uint32_t i = 0; bad && i < n; i++)
            r->bad[(to + i) >> 6] |= (bad[i >> 6] >> (i & 63) & 1) << ((to + i) & 63);
        to += n;
    }
    *ret = r->bad;
    return 0;
}

int yk_reader_coded(yk_reader *r, uint32_t index, uint64_t most, const yk_dict **ret_dict, yk_type *ret_type, uint64_t *ret_n,
                    yoke_error *err)
{
    column               *c = column_of(r, index);
    size_t                file = enter_file(r, r->at, 1);
    const yk_source_file *f = &r->s->files[file];
    *ret_n = 0;
    if (!f->parquet || yk_source_constant(r->s, file, index, &c->constant))
        return 0;
    *ret_type = yk_parquet_column_at(f->parquet, (unsigned)f->column[index])->type;
    YK_TRY(cursor_at(r, c, r->at, err));
    YK_TRY(yk_cursor_ahead(c->cursor, ret_dict, ret_n, err));
    if (!*ret_dict)
        *ret_n = 0;
    if (*ret_n > most)
        *ret_n = most;
    return 0;
}

int yk_reader_count(yk_reader *r, uint32_t index, uint64_t n, uint64_t *counts, uint64_t *missing, yoke_error *err)
{
    YK_TRY(yk_cursor_count(column_of(r, index)->cursor, n, counts, missing, err));
    yk_reader_skip(r, n);
    return 0;
}
