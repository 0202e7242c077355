/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Opening files as one table: which columns there are, what types they have together, where each file's rows begin.
 */
#include "table/table_source.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/near.h"
#include "plan/stage.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

yk_source *yk_source_ref(yk_source *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

static void file_fini(yk_source_file *f)
{
    yk_parquet_close(f->parquet);
    yk_csv_close(f->csv);
    yk_arrow_close(f->arrow);
    yk_npy_table_close(f->npy);
    yk_free(f->path);
    yk_free(f->column);
    yk_free(f->part);
}

void yk_source_unref(yk_source *s)
{
    if (!s || (s->refs && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL)))
        return;
    for (size_t i = 0; i < s->n_files; i++)
        file_fini(&s->files[i]);
    for (size_t i = 0; i < s->n_columns; i++) {
        yk_free(s->columns[i].name);
        yk_free(s->columns[i].clash);
    }
    yk_free(s->files);
    yk_free(s->columns);
    yk_free(s->name_slots);
    yk_arena_fini(&s->texts);
    yk_free(s);
}

/* ---- types */

static int kind_rank(yk_kind k)
{
    return k == YK_KIND_BOOL ? 1 : k == YK_KIND_INT ? 2 : k == YK_KIND_UINT ? 3 : k == YK_KIND_DECIMAL ? 4 : k == YK_KIND_REAL ? 5 : 0;
}

bool yk_type_unify(yk_type a, yk_type b, yk_type *ret)
{
    *ret = a;
    if (a.kind == YK_KIND_NULL)
        *ret = b;
    if (a.kind == YK_KIND_NULL || b.kind == YK_KIND_NULL)
        return true;
    if (a.kind == b.kind) {
        ret->unit = a.unit > b.unit ? a.unit : b.unit;
        ret->is_utc = a.is_utc && b.is_utc;
        ret->is_uuid = a.is_uuid && b.is_uuid;
        ret->is_clock = a.is_clock && b.is_clock;
        if (a.kind == YK_KIND_DECIMAL && a.scale != b.scale)
            *ret = (yk_type){.kind = YK_KIND_REAL};
        return true;
    }
    int ra = kind_rank(a.kind), rb = kind_rank(b.kind);
    if (ra && rb) {
        bool is_exact = ra <= 2 && rb <= 2; /* boolean and integer; the others meet as reals */
        *ret = (yk_type){.kind = is_exact ? YK_KIND_INT : YK_KIND_REAL};
        return true;
    }
    if ((a.kind == YK_KIND_TIME && b.kind == YK_KIND_DATE) || (a.kind == YK_KIND_DATE && b.kind == YK_KIND_TIME)) {
        *ret = a.kind == YK_KIND_TIME ? a : b;
        ret->is_utc = false; /* no date says so */
        return true;
    }
    bool is_bytes = yk_kind_is_bytes(a.kind) && yk_kind_is_bytes(b.kind);
    if (is_bytes)
        *ret = (yk_type){.kind = YK_KIND_DATA};
    return is_bytes;
}

/* ---- columns */

static bool same_name(const char *a, const char *b)
{
    while (isspace((unsigned char)*a))
        a++;
    while (isspace((unsigned char)*b))
        b++;
    while (*a && tolower((unsigned char)*a) == tolower((unsigned char)*b))
        a++, b++;
    while (isspace((unsigned char)*a))
        a++;
    while (isspace((unsigned char)*b))
        b++;
    return !*a && !*b;
}

/* The slot that the column of this very name is in, or would be; there are some. */
static uint32_t *name_slot(const yk_source *s, const char *name)
{
    size_t at = yk_hash_text(name, strlen(name), 0) & (s->n_name_slots - 1);
    while (s->name_slots[at] && strcmp(s->columns[s->name_slots[at] - 1].name, name) != 0)
        at = (at + 1) & (s->n_name_slots - 1);
    return &s->name_slots[at];
}

/* The last column is found by its name from now on. */
static int index_last(yk_source *s, yoke_error *err)
{
    size_t first = s->n_columns - 1;
    if (2 * s->n_columns > s->n_name_slots) {
        yk_free(s->name_slots);
        s->n_name_slots = s->n_name_slots ? 4 * s->n_name_slots : 64;
        s->name_slots = yk_new_array(uint32_t, s->n_name_slots);
        first = 0;
    }
    if (!s->name_slots)
        return yk_fail_nomem(err, "listing columns");
    for (size_t i = first; i < s->n_columns; i++)
        *name_slot(s, s->columns[i].name) = (uint32_t)i + 1;
    return 0;
}

/* The column of this very name, or -1. */
static int64_t find_exactly(const yk_source *s, const char *name) { return s->n_columns ? (int64_t)*name_slot(s, name) - 1 : -1; }

int64_t yk_source_find(const yk_source *s, const char *name)
{
    int64_t exact = find_exactly(s, name);
    if (exact >= 0)
        return exact;
    for (size_t i = 0; i < s->n_columns; i++)
        if (same_name(s->columns[i].name, name))
            return (int64_t)i;
    return -1;
}

unsigned yk_file_columns(const yk_source_file *f)
{
    return f->parquet ? yk_parquet_columns(f->parquet) : f->arrow ? yk_arrow_columns(f->arrow) : f->npy ? f->npy->n_columns
        : yk_csv_columns(f->csv);
}

yk_file_column yk_file_column_at(const yk_source_file *f, unsigned i)
{
    if (f->parquet) {
        const yk_parquet_column *c = yk_parquet_column_at(f->parquet, i);
        return (yk_file_column){c->name, c->refusal, c->type, c->is_nullable};
    }
    if (f->arrow) {
        const yk_arrow_column *c = yk_arrow_column_at(f->arrow, i);
        return (yk_file_column){c->name, c->refusal, c->type, true};
    }
    if (f->npy) {
        const yk_npy_column *c = &f->npy->columns[i];
        bool                 is_time = c->type.kind == YK_KIND_TIME || c->type.kind == YK_KIND_DATE || c->type.kind == YK_KIND_SPAN;
        return (yk_file_column){c->name, c->refusal, c->type, is_time};
    }
    return (yk_file_column){yk_csv_name(f->csv, i), NULL, {.kind = YK_KIND_NULL}, true};
}

static uint64_t file_rows(const yk_source_file *f)
{
    return f->parquet ? yk_parquet_rows(f->parquet) : f->arrow ? yk_arrow_rows(f->arrow) : f->npy ? f->npy->n_rows : yk_csv_rows(f->csv);
}

static int clash(yk_source *s, size_t column, const yk_source_file *f, yk_type now, yoke_error *err)
{
    yk_source_column *c = &s->columns[column];
    char              a[64], b[64];
    YK_AUTOBUF        text = YK_BUF_INIT;
    if (c->clash)
        return 0;
    yk_buf_printf(&text, "column '%s' is %s in '%s' but %s in the files before it; ask them in calls of their own", c->name,
                  yk_type_name(now, a, sizeof a), f->path, yk_type_name(c->type, b, sizeof b));
    c->clash = yk_strdup(yk_buf_text(&text));
    return c->clash ? 0 : yk_fail_nomem(err, "comparing columns");
}

/* The source's column for one of a file; a new one when there is none of that name (or the file itself has two such). */
static int column_for(yk_source *s, const char *name, const yk_source_file *f, size_t n_before, size_t *cap, int64_t *ret, yoke_error *err)
{
    *ret = find_exactly(s, name);
    for (size_t i = 0; i < n_before && *ret < 0; i++)
        if (same_name(s->columns[i].name, name) && f->column[i] < 0)
            *ret = (int64_t)i;
    if (*ret >= 0)
        return 0;
    yk_source_column c = {.name = yk_strdup(name), .type = {.kind = YK_KIND_NULL}};
    if (!c.name || !yk_push(&s->columns, &s->n_columns, cap, c)) {
        yk_free(c.name);
        return yk_fail_nomem(err, "listing columns");
    }
    *ret = (int64_t)s->n_columns - 1;
    return index_last(s, err);
}

static int merge_type(yk_source *s, size_t i, const yk_source_file *f, yk_type type, yoke_error *err)
{
    yk_type both;
    if (yk_type_unify(s->columns[i].type, type, &both))
        s->columns[i].type = both;
    else if (s->columns[i].is_stored)
        return clash(s, i, f, type, err);
    else
        s->columns[i].type = (yk_type){.kind = YK_KIND_TEXT};
    return 0;
}

/* Whether the column is a part of one of that name: of a struct, list or map. */
static bool is_part(const char *column, const char *name)
{
    size_t n = strlen(name);
    return strncmp(column, name, n) == 0 && column[n] == '.';
}

bool yk_source_knows(const yk_source *s, const char *name)
{
    if (yk_source_find(s, name) >= 0)
        return true;
    for (size_t i = 0; i < s->n_columns; i++)
        if (is_part(s->columns[i].name, name))
            return true;
    return false;
}

/* No column is called so: near names, or the parts of what is. */
static int fail_absent(const yk_source *s, const char *name, yoke_error *err)
{
    YK_AUTOFREE const char **names = yk_new_array(const char *, s->n_columns + 1);
    YK_AUTOBUF               parts = YK_BUF_INIT, all = YK_BUF_INIT;
    char                     hint[160];
    if (!names)
        return yk_fail_nomem(err, "looking for a column");
    for (size_t i = 0; i < s->n_columns; i++) {
        names[i] = s->columns[i].name;
        if (is_part(names[i], name) && s->columns[i].type.kind == YK_KIND_NULL)
            return yk_source_check(s, names[i], err) < 0 ? YOKE_EUNSUPPORTED : 0;
        if (is_part(names[i], name) && parts.len < 200)
            yk_buf_printf(&parts, "%s%s", parts.len ? ", " : "", names[i]);
        if (all.len < 200)
            yk_buf_printf(&all, "%s%s", i ? ", " : "; it has ", names[i]);
    }
    if (parts.len)
        return yk_fail(err, YOKE_EABSENT, "'%s': '%s' has parts; name one of them: %s", s->files[0].path, name, parts.data);
    yk_near_hint(name, names, s->n_columns, hint, sizeof hint);
    return yk_fail(err, YOKE_EABSENT, "'%s' has no column '%s'%s", s->files[0].path, name, *hint ? hint : yk_buf_text(&all));
}

/* "zip=text, fare=real" */
static int give_types(yk_source *s, const char *types, yoke_error *err)
{
    for (const char *at = types, *end; at && *at; at = end + (*end != '\0')) {
        end = strchrnul(at, ',');
        YK_AUTOFREE char *name = yk_strndup(at, (size_t)(end - at));
        char             *eq = name ? strrchr(name, '=') : NULL;
        yk_type           type;
        if (!name)
            return yk_fail_nomem(err, "opening a table");
        if (!eq)
            return yk_fail(err, YOKE_EINVALID, "'%s' says no type; types of CSV columns are given as zip=text, fare=real", name);
        *eq++ = '\0';
        eq += strspn(eq, " ");
        eq[strcspn(eq, " ")] = '\0';
        if (!yk_type_named(eq, &type))
            return yk_fail(err, YOKE_EINVALID, "there is no type '%s' for column '%s': real, int, text, bool, date and timestamp are", eq,
                           name);
        int64_t i = yk_source_find(s, name);
        if (i < 0)
            return fail_absent(s, name, err);
        if (s->columns[i].is_stored || s->columns[i].is_partition)
            return yk_fail(err, YOKE_EINVALID,
                           "column '%s' has a type already; only columns of CSV files are given one; cast(… as %s) makes another of it",
                           s->columns[i].name, eq);
        s->columns[i].type = type;
        s->columns[i].is_given = true;
    }
    return 0;
}

int yk_source_widen(yk_source *s, size_t column, yk_type type, yoke_error *err)
{
    size_t i = 0;
    while (i < s->n_files - 1 && (!s->files[i].csv || s->files[i].column[column] < 0))
        i++;
    yk_type before = s->columns[column].type;
    YK_TRY(merge_type(s, column, &s->files[i], type, err));
    const yk_source_column *c = &s->columns[column];
    if (c->clash || yk_type_same(before, c->type))
        return yk_fail(err, YOKE_ETYPE, "%s", c->clash ? c->clash : "a value of a CSV file cannot be read");
    return 0;
}

static int join_file(yk_source *s, yk_source_file *f, size_t *cap, yoke_error *err)
{
    unsigned n = yk_file_columns(f);
    size_t   n_before = s->n_columns;
    f->column = yk_new_array(int32_t, n_before + n + 1);
    if (!f->column)
        return yk_fail_nomem(err, "listing columns");
    for (size_t i = 0; i < n_before + n; i++)
        f->column[i] = -1;
    for (unsigned i = 0; i < n; i++) {
        yk_file_column c = yk_file_column_at(f, i);
        int64_t        at;
        YK_TRY(column_for(s, c.name, f, n_before, cap, &at, err));
        for (unsigned k = 2; f->column[at] >= 0; k++) { /* a second one of the very same name becomes "a_2" */
            YK_AUTOBUF name = YK_BUF_INIT;
            yk_buf_printf(&name, "%s_%u", c.name, k);
            if (name.is_failed)
                return yk_fail_nomem(err, "listing columns");
            YK_TRY(column_for(s, name.data, f, n_before, cap, &at, err));
        }
        f->column[at] = (int32_t)i;
        s->columns[at].n_files++;
        s->columns[at].is_nullable |= c.is_nullable;
        s->columns[at].is_stored |= f->csv == NULL;
        if (!f->csv && !c.refusal)
            YK_TRY(merge_type(s, (size_t)at, f, c.type, err));
    }
    return 0;
}

static bool is_missing_part(const yk_buf *value) { return strcmp(yk_buf_text(value), "__HIVE_DEFAULT_PARTITION__") == 0; }

/* Columns that the folders' names give: those that files do not have themselves. */
static int join_parts(yk_source *s, size_t *cap, yoke_error *err)
{
    size_t n_before = s->n_columns;
    for (size_t i = 0; i < s->n_files; i++) {
        YK_AUTOBUF key = YK_BUF_INIT, value = YK_BUF_INIT;
        for (size_t k = 0; yk_path_part(s->files[i].path, k, &key, &value); k++) {
            int64_t at;
            if (key.is_failed || value.is_failed)
                return yk_fail_nomem(err, "listing columns");
            YK_TRY(column_for(s, key.data, &s->files[i], 0, cap, &at, err));
            if ((size_t)at < n_before)
                continue;
            yk_type t = yk_csv_classify(yk_buf_text(&value), value.len);
            if (is_missing_part(&value))
                t = (yk_type){.kind = YK_KIND_NULL};
            else if (t.kind == YK_KIND_TIME || t.kind == YK_KIND_NULL)
                t = (yk_type){.kind = YK_KIND_TEXT};
            s->columns[at].is_partition = true;
            s->columns[at].n_files++;
            s->columns[at].type = yk_csv_join(s->columns[at].type, t);
        }
    }
    return 0;
}

static int set_part(yk_source *s, yk_source_file *f, const char *key, const yk_buf *value, yoke_error *err)
{
    yk_text text = {yk_buf_text(value), value->len};
    for (size_t c = 0; c < s->n_columns; c++) {
        const yk_source_column *col = &s->columns[c];
        if (!col->is_partition || strcmp(col->name, key) != 0)
            continue;
        yk_value *v = &f->part[c];
        v->type = col->type;
        v->is_missing = is_missing_part(value);
        uint8_t b;
        if (col->type.kind == YK_KIND_INT)
            v->is_missing |= !yk_csv_int(text.data, text.len, &v->i);
        else if (col->type.kind == YK_KIND_REAL)
            v->is_missing |= !yk_csv_real(text.data, text.len, &v->r);
        else if (col->type.kind == YK_KIND_DATE)
            v->is_missing |= !yk_csv_date(text.data, text.len, &v->i);
        else if (col->type.kind == YK_KIND_BOOL)
            v->is_missing |= !yk_csv_bool(text.data, text.len, &b), v->b = b;
        else if ((v->t.data = yk_arena_strndup(&s->texts, text.data, text.len)))
            v->t.len = text.len;
        else
            return yk_fail_nomem(err, "listing columns");
    }
    return 0;
}

/* Every file gets a place for each of the source's columns, those of later files too. */
static int widen_maps(yk_source *s, yoke_error *err)
{
    bool has_parts = false;
    for (size_t c = 0; c < s->n_columns; c++)
        has_parts |= s->columns[c].is_partition;
    for (size_t i = 0; i < s->n_files; i++) {
        yk_source_file *f = &s->files[i];
        int32_t        *wide = yk_new_array(int32_t, s->n_columns + 1);
        if (!wide)
            return yk_fail_nomem(err, "listing columns");
        for (size_t c = 0; c < s->n_columns; c++)
            wide[c] = -1;
        unsigned n = yk_file_columns(f);
        for (size_t c = 0, left = n; c < s->n_columns && left; c++)
            if (c < f->n && f->column[c] >= 0) /* f->n: how many the map had, until rows are known */
                wide[c] = f->column[c], left--;
        yk_free(f->column);
        f->column = wide;
        f->n = 0;
        if (!has_parts)
            continue;
        f->part = yk_new_array(yk_value, s->n_columns);
        if (!f->part)
            return yk_fail_nomem(err, "listing columns");
        for (size_t c = 0; c < s->n_columns; c++)
            f->part[c].is_missing = true;
        YK_AUTOBUF key = YK_BUF_INIT, value = YK_BUF_INIT;
        for (size_t k = 0; yk_path_part(f->path, k, &key, &value); k++)
            YK_TRY(set_part(s, f, yk_buf_text(&key), &value, err));
    }
    return 0;
}

int yk_source_check(const yk_source *s, const char *name, yoke_error *err)
{
    int64_t at = yk_source_find(s, name);
    if (at < 0)
        return fail_absent(s, name, err);
    const yk_source_column *c = &s->columns[at];
    for (size_t i = 0; i < s->n_files && !c->is_partition; i++) {
        const yk_source_file *f = &s->files[i];
        if (f->column[at] < 0)
            continue;
        const char *refusal = yk_file_column_at(f, (unsigned)f->column[at]).refusal;
        if (refusal)
            return yk_fail(err, YOKE_EUNSUPPORTED, "'%s': column '%s' cannot be read: %s", f->path, name, refusal);
    }
    return c->clash ? yk_fail(err, YOKE_ETYPE, "%s", c->clash) : 0;
}

bool yk_source_constant(const yk_source *s, size_t file, uint32_t column, yk_value *ret)
{
    const yk_source_file   *f = &s->files[file];
    const yk_source_column *c = &s->columns[column];
    if (c->is_partition)
        *ret = f->part[column];
    else if (f->column[column] < 0)
        *ret = (yk_value){.type = c->type, .is_missing = true};
    return c->is_partition || f->column[column] < 0;
}

/* ---- opening */

static bool is_npy(const char *path) { return strcasecmp(yk_path_ext(path), "npy") == 0; }

/* Parquet files begin with PAR1 (PARE when encrypted); what is named so but does not, the Parquet reader refuses better. */
static bool is_parquet(const char *path)
{
    char        magic[4] = {0};
    int         fd;
    uint64_t    size;
    struct stat st;
    if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && S_ISFIFO(st.st_mode))) /* a pipe is opened once */
        return false;
    const char *ext = yk_path_ext(path);
    if (strcasecmp(ext, "parquet") == 0 || strcasecmp(ext, "parq") == 0 || strcasecmp(ext, "pq") == 0)
        return true;
    if (strcasecmp(ext, "csv") == 0 || strcasecmp(ext, "tsv") == 0 || yk_file_open(path, &fd, &size, NULL) < 0)
        return false;
    bool is = size >= 4 && yk_file_read_at(fd, path, 0, magic, 4, NULL) == 0
        && (memcmp(magic, "PAR1", 4) == 0 || memcmp(magic, "PARE", 4) == 0);
    close(fd);
    return is;
}

static int open_file(yk_source_file *f, const yoke_table_opts *opts, yoke_error *err)
{
    if (is_parquet(f->path))
        return yk_parquet_open(f->path, &f->parquet, err);
    yk_csv_opts o = {.delimiter = opts->delimiter, .header = (int8_t)(opts->header ? (opts->header > 0) : -1),
                     .skip_bad = opts->skip_bad_rows, .progress = opts->progress, .progress_ctx = opts->progress_ctx};
    if (!o.delimiter && (strcasecmp(yk_path_ext(f->path), "tsv") == 0 || strstr(f->path, ".tsv.")))
        o.delimiter = '\t';
    return yk_csv_open(f->path, &o, &f->csv, err);
}

static void set_first_rows(yk_source *s)
{
    s->n_rows = 0;
    for (size_t i = 0; i < s->n_files; i++) {
        yk_source_file *f = &s->files[i];
        f->first = s->n_rows;
        f->n = file_rows(f);
        s->n_rows += f->n;
    }
}

int yk_source_open(const char *const *patterns, size_t n, const yoke_table_opts *opts, yk_source **ret, yoke_error *err)
{
    YK_CLEANUP(yk_source_unrefp) yk_source *s = yk_new(yk_source);
    YK_CLEANUP(yk_files_fini) yk_files      paths = {0};
    if (!s)
        return yk_fail_nomem(err, "opening a table");
    s->refs = 1;
    YK_TRY(yk_files_find(patterns, n, &paths, err));
    s->files = yk_new_array(yk_source_file, paths.n);
    if (!s->files)
        return yk_fail_nomem(err, "opening a table");
    size_t cap = 0;
    for (size_t i = 0, n_beside; i < paths.n; i += n_beside) {
        yk_source_file *f = &s->files[s->n_files++];
        for (n_beside = 1; paths.name[i] && i + n_beside < paths.n && paths.name[i + n_beside];)
            n_beside++;
        f->path = yk_strdup(paths.path[i]);
        if (!f->path)
            return yk_fail_nomem(err, "opening a table");
        if (is_npy(f->path))
            YK_TRY(yk_npy_table_open((const char *const *)paths.path + i, (const char *const *)paths.name + i, n_beside, &f->npy, err));
        else
            YK_TRY(open_file(f, opts, err));
        YK_TRY(join_file(s, f, &cap, err));
        f->n = s->n_columns;
        s->has_csv |= f->csv != NULL;
    }
    YK_TRY(join_parts(s, &cap, err));
    YK_TRY(widen_maps(s, err));
    YK_TRY(give_types(s, opts->types, err));
    s->is_counted = !s->has_csv;
    if (s->is_counted)
        set_first_rows(s);
    *ret = YK_TAKE(s);
    return 0;
}

int yk_source_of_arrow(struct ArrowArrayStream *stream, yk_source **ret, yoke_error *err)
{
    YK_CLEANUP(yk_source_unrefp) yk_source *s = yk_new(yk_source);
    yk_arrow                               *arrow;
    YK_TRY(yk_arrow_open(stream, &arrow, err));
    if (!s || !(s->files = yk_new_array(yk_source_file, 1))) {
        yk_arrow_close(arrow);
        return yk_fail_nomem(err, "opening a table");
    }
    s->refs = 1;
    s->n_files = 1;
    s->files[0].arrow = arrow;
    s->files[0].path = yk_strdup("arrow stream");
    if (!s->files[0].path)
        return yk_fail_nomem(err, "opening a table");
    size_t cap = 0;
    YK_TRY(join_file(s, &s->files[0], &cap, err));
    s->files[0].n = s->n_columns;
    YK_TRY(widen_maps(s, err));
    s->is_counted = true;
    set_first_rows(s);
    *ret = YK_TAKE(s);
    return 0;
}

size_t yk_source_file_of(const yk_source *s, uint64_t row)
{
    size_t lo = 0, hi = s->n_files;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->files[mid].first <= row)
            lo = mid;
        else
            hi = mid;
    }
    while (s->files[lo].n == 0 || row >= s->files[lo].first + s->files[lo].n)
        lo++; /* empty files begin where the next does */
    return lo;
}

/* ---- CSV: rows and first types */

typedef struct look_stage {
    yk_source             *s;
    const yoke_table_opts *opts;
    uint64_t              *first_chunk; /* of each file; one more entry than files */
    yk_csv_chunk          *chunks;
    size_t                 file;        /* whose chunk was folded last */
    bool                   is_quoted;   /* it ends inside quotes */
    uint64_t               rows;        /* counted so far */
} look_stage;

static int look_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    const look_stage *l = ctx;
    uint64_t          index = yk_task_index(t);
    size_t            file = 0;
    while (l->first_chunk[file + 1] <= index)
        file++;
    return yk_csv_look(l->s->files[file].csv, index - l->first_chunk[file], out, err);
}

static int look_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    look_stage         *l = ctx;
    const yk_csv_chunk *c = memcpy(&l->chunks[r->index], r->out, sizeof *l->chunks);
    for (; l->first_chunk[l->file + 1] <= r->index; l->file++)
        l->is_quoted = false;
    l->rows += c->rows[l->is_quoted];
    l->is_quoted ^= c->quotes;
    if (l->opts->progress && l->opts->progress(l->opts->progress_ctx, l->rows, UINT64_MAX))
        return yk_fail(err, YOKE_ECANCELED, "interrupted after %llu rows were counted", (unsigned long long)l->rows);
    return 0;
}

static int count_rows(yk_source *s, yoke_session *session, const yoke_table_opts *opts, yoke_error *err)
{
    YK_AUTOFREE uint64_t *first = yk_new_array(uint64_t, s->n_files + 1);
    if (!first)
        return yk_fail_nomem(err, "counting rows");
    for (size_t i = 0; i < s->n_files; i++)
        first[i + 1] = first[i] + (s->files[i].csv ? yk_csv_chunks(s->files[i].csv) : 0);
    uint64_t                  n = first[s->n_files];
    YK_AUTOFREE yk_csv_chunk *chunks = yk_new_array(yk_csv_chunk, (size_t)n + 1);
    if (!chunks)
        return yk_fail_nomem(err, "counting rows");
    look_stage l = {.s = s, .opts = opts, .first_chunk = first, .chunks = chunks};
    yk_stage   st = {.name = "count rows", .n = n, .out_size = sizeof(yk_csv_chunk), .ctx = &l, .task = look_task, .fold = look_fold,
                     .fold_ctx = &l};
    YK_TRY(yk_stage_run(session, &st, err));
    for (size_t i = 0; i < s->n_files; i++)
        if (s->files[i].csv)
            YK_TRY(yk_csv_set_rows(s->files[i].csv, chunks + first[i], err));
    return 0;
}

/* Types of some rows of a file: its first block and one now and then. What these rows do not show, scans will. */
static int sample_types(yk_source *s, yk_source_file *f, yoke_error *err)
{
    enum { PLACES = 8 };
    unsigned                                    n = yk_csv_columns(f->csv);
    YK_AUTOFREE unsigned                       *all = yk_new_array(unsigned, n + 1);
    YK_CLEANUP(yk_csv_cursor_closep) yk_csv_cursor *c = NULL;
    if (!all)
        return yk_fail_nomem(err, "reading CSV");
    for (unsigned i = 0; i < n; i++)
        all[i] = i;
    YK_TRY(yk_csv_cursor_open(f->csv, all, n, &c, err));
    uint64_t rows = yk_csv_rows(f->csv);
    uint32_t block = rows < 512 ? (uint32_t)rows : 512;
    for (unsigned p = 0; p < PLACES && block; p++) {
        if (p && rows < 100000)
            break;
        YK_TRY(yk_csv_cursor_seek(c, (rows - block) / PLACES * p, err));
        yoke_error later = YOKE_ERROR_INIT; /* a bad row is an error of the scan that meets it */
        if (yk_csv_cursor_block(c, block, &later) < 0)
            continue;
        for (size_t col = 0; col < s->n_columns; col++) {
            if (f->column[col] < 0 || s->columns[col].is_given)
                continue;
            yk_vec  v;
            yk_type type = s->columns[col].type;
            YK_TRY(yk_csv_cursor_get(c, (unsigned)f->column[col], (yk_type){.kind = YK_KIND_NULL}, &type, &v, err));
            YK_TRY(merge_type(s, col, f, type, err));
        }
    }
    return 0;
}

int yk_source_count(yk_source *s, yoke_session *session, const yoke_table_opts *opts, yoke_error *err)
{
    if (s->is_counted)
        return 0;
    YK_TRY(count_rows(s, session, opts, err));
    set_first_rows(s);
    for (size_t i = 0; i < s->n_files; i++)
        if (s->files[i].csv)
            YK_TRY(sample_types(s, &s->files[i], err));
    s->is_counted = true;
    return 0;
}
