/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The columns of a table as a table of their own: names, types, what is missing, and where files differ.
 */
#include "table/table.h"

#include <stdio.h>

/* How many rows miss a column, where statistics know; -1 where they do not. */
static int64_t count_missing(const yk_source *s, size_t column)
{
    int64_t all = 0;
    for (size_t i = 0; i < s->n_files; i++) {
        const yk_source_file *f = &s->files[i];
        int32_t               c = f->column[column];
        yk_value              all_rows;
        if (yk_source_constant(s, i, (uint32_t)column, &all_rows)) {
            all += all_rows.is_missing ? (int64_t)f->n : 0;
            continue;
        }
        if (!f->parquet)
            return -1;
        if (!yk_parquet_column_at(f->parquet, (unsigned)c)->is_nullable)
            continue;
        for (unsigned g = 0; g < yk_parquet_groups(f->parquet); g++) {
            yk_parquet_stats st;
            if (yk_parquet_group_at(f->parquet, g)->n_rows == 0)
                continue;
            yk_parquet_group_stats(f->parquet, g, (unsigned)c, &st);
            if (st.n_missing < 0)
                return -1;
            all += st.n_missing;
        }
    }
    return all;
}

/* What is to be said of a column beyond its type: files that lack it or hold it otherwise. */
static void note_column(const yk_source *s, size_t i, yk_buf *to)
{
    const yk_source_column *c = &s->columns[i];
    char                    name[64];
    if (c->is_partition)
        yk_buf_puts(to, "from folder names");
    if (c->clash)
        yk_buf_puts(to, c->clash);
    for (size_t f = 0; f < s->n_files && !c->is_partition; f++) {
        const yk_source_file *file = &s->files[f];
        if (file->column[i] < 0) {
            yk_buf_printf(to, "%snot in %zu of the files, such as '%s'", to->len ? "; " : "", s->n_files - c->n_files, file->path);
            break;
        }
    }
    for (size_t f = 0; f < s->n_files && !c->clash && !c->is_partition; f++) {
        const yk_source_file *file = &s->files[f];
        if (file->csv || file->column[i] < 0)
            continue;
        yk_file_column own = yk_file_column_at(file, (unsigned)file->column[i]);
        if (own.refusal) {
            yk_buf_printf(to, "%scannot be read: %s", to->len ? "; " : "", own.refusal);
            break;
        }
        if (!yk_type_same(own.type, c->type)) {
            yk_buf_printf(to, "%s%s in '%s'", to->len ? "; " : "", yk_type_name(own.type, name, sizeof name), file->path);
            break;
        }
    }
}

static int put_facts(yk_batch *rows, const char *name, const char *type, const char *missing, uint32_t n_files, const char *note,
                     yoke_error *err)
{
    const char *texts[] = {name, type, missing, NULL, note};
    for (size_t k = 0; k < 5; k++) {
        yk_value v = {.type = rows->columns[k].type, .i = n_files};
        if (texts[k])
            v.t = (yk_text){texts[k], strlen(texts[k])};
        YK_TRY(yk_batch_put(&rows->columns[k], &v, err));
    }
    rows->n++;
    return 0;
}

static int put_column(const yk_source *s, size_t i, yk_batch *rows, yoke_error *err)
{
    const yk_source_column *c = &s->columns[i];
    char                    type[64], missing[32];
    YK_AUTOBUF              note = YK_BUF_INIT;
    int64_t                 n = count_missing(s, i);
    bool                    is_refused = false;
    for (size_t f = 0; f < s->n_files; f++)
        is_refused |= s->files[f].column[i] >= 0 && yk_file_column_at(&s->files[f], (unsigned)s->files[f].column[i]).refusal;
    note_column(s, i, &note);
    yk_type_name(c->type, type, sizeof type);
    if (n >= 0)
        snprintf(missing, sizeof missing, "%lld", (long long)n);
    else
        snprintf(missing, sizeof missing, "%s", c->is_nullable || c->n_files < s->n_files ? "yes" : "no");
    return put_facts(rows, c->name, is_refused ? "-" : type, missing, c->n_files, yk_buf_text(&note), err);
}

static int put_joined(const yk_lookup *l, size_t i, yk_batch *rows, yoke_error *err)
{
    char type[64];
    yk_type_name(l->rows.columns[l->columns[i].column].type, type, sizeof type);
    return put_facts(rows, l->columns[i].name, type, "yes", 1, "of the table that joins", err);
}

yoke_frame *yoke_table_columns(const yoke_table *t, yoke_error *err)
{
    static const char *const names[] = {"column", "type", "missing", "files", "note"};
    YK_CLEANUP(yk_batch_fini) yk_batch rows = {0};
    yoke_frame                        *f;
    if (YK_LACKS(t, err) || yk_table_settle(t, err) < 0 || yk_batch_init(&rows, 5, err) < 0)
        return NULL;
    for (size_t k = 0; k < 5; k++)
        rows.columns[k].type = (yk_type){.kind = k == 3 ? YK_KIND_INT : YK_KIND_TEXT};
    for (size_t i = 0; i < t->source->n_columns; i++)
        if (put_column(t->source, i, &rows, err) < 0)
            return NULL;
    for (size_t i = 0; i < t->n_lookups; i++)
        for (size_t c = 0; c < t->lookups[i]->n_columns; c++)
            if (put_joined(t->lookups[i], c, &rows, err) < 0)
                return NULL;
    return yk_frame_new(&rows, names, &f, err) < 0 ? NULL : f;
}
