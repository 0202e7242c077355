/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The types that all values of some CSV columns fit into, found in one pass: a scan that meets one column after the other that is
 * wider than it seemed would start over for each.
 */
#include "plan/stage.h"
#include "table/fit.h"
#include "table/table_scan.h"

typedef struct look {
    const yk_source       *s;
    const yoke_table_opts *opts;
    const uint32_t        *columns;
    size_t                 n;
    uint64_t               task_rows;
    yk_type               *types; /* of each; NULL: the one that it has */
    uint64_t               n_done;
} look;

/* A worker's. */
typedef struct looker {
    const look    *l;
    size_t         file;    /* that the cursor is in */
    yk_csv_cursor *cursor;  /* NULL: in none */
    unsigned      *own;     /* the file's numbers of those columns that it has */
    size_t        *of_slot; /* which of the columns each is */
    yk_csv_fit    *fits;    /* of each slot */
    yk_type       *found;   /* of each column, by this task; at its end NULL where that is the one that it has */
} looker;

static void stop(void *ctx, void *state)
{
    (void)ctx;
    looker *k = state;
    yk_csv_cursor_close(k->cursor);
    yk_free(k->own);
    yk_free(k->of_slot);
    yk_free(k->fits);
    yk_free(k->found);
    yk_free(k);
}

static int start(void *ctx, void **ret_state, yoke_error *err)
{
    const look *l = ctx;
    looker     *k = yk_new(looker);
    if (!k)
        return yk_fail_nomem(err, "finding the types of columns");
    k->l = l;
    k->own = yk_new_array(unsigned, l->n);
    k->of_slot = yk_new_array(size_t, l->n);
    k->fits = yk_new_array(yk_csv_fit, l->n);
    k->found = yk_new_array(yk_type, l->n);
    if (!k->own || !k->of_slot || !k->fits || !k->found) {
        stop(ctx, k);
        return yk_fail_nomem(err, "finding the types of columns");
    }
    *ret_state = k;
    return 0;
}

/* The cursor goes to a row of a file, or to none where the file has none of the columns as text. */
static int enter(looker *k, size_t file, uint64_t row, yoke_error *err)
{
    const look           *l = k->l;
    const yk_source_file *f = &l->s->files[file];
    if (!k->cursor || k->file != file) {
        unsigned n = 0;
        yk_csv_cursor_close(k->cursor);
        k->cursor = NULL;
        k->file = file;
        for (size_t i = 0; f->csv && i < l->n; i++)
            if (f->column[l->columns[i]] >= 0) {
                k->of_slot[n] = i;
                k->own[n++] = (unsigned)f->column[l->columns[i]];
            }
        if (n == 0)
            return 0;
        YK_TRY(yk_csv_cursor_open(f->csv, k->own, n, &k->cursor, err));
    }
    return yk_csv_cursor_seek(k->cursor, row, err);
}

/* The next rows of the cursor's file. */
static int look_rows(looker *k, uint64_t n, yk_task *t, yoke_error *err)
{
    const look           *l = k->l;
    const yk_source_file *f = &l->s->files[k->file];
    size_t                n_slots = 0;
    for (size_t i = 0; i < l->n; i++)
        if (f->column[l->columns[i]] >= 0)
            k->fits[n_slots++] = (yk_csv_fit){k->found[i], l->s->columns[l->columns[i]].is_given};
    for (uint32_t some; n > 0; n -= some) {
        some = n < YK_BLOCK ? (uint32_t)n : YK_BLOCK;
        YK_TRY(yk_csv_cursor_fit(k->cursor, some, k->fits, err));
        if (yk_task_is_canceled(t))
            return yk_fail(err, YOKE_ECANCELED, "cancelled");
    }
    for (size_t i = 0; i < n_slots; i++)
        k->found[k->of_slot[i]] = k->fits[i].type;
    return 0;
}

static int look_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    (void)out;
    const look *l = ctx;
    looker     *k = yk_task_state(t);
    yk_buf     *bytes = yk_task_bytes(t);
    uint64_t    first = yk_task_index(t) * l->task_rows, left = l->s->n_rows - first;
    left = left < l->task_rows ? left : l->task_rows;
    for (size_t i = 0; i < l->n; i++)
        k->found[i] = l->s->columns[l->columns[i]].type;
    for (size_t file = yk_source_file_of(l->s, first); left > 0; file++) {
        const yk_source_file *f = &l->s->files[file];
        uint64_t              here = f->first + f->n - first;
        here = here < left ? here : left;
        if (here == 0)
            continue;
        YK_TRY(enter(k, file, first - f->first, err));
        if (k->cursor)
            YK_TRY(look_rows(k, here, t, err));
        first += here, left -= here;
    }
    for (size_t i = 0; i < l->n; i++)
        if (yk_type_same(k->found[i], l->s->columns[l->columns[i]].type))
            k->found[i] = (yk_type){.kind = YK_KIND_NULL};
    if (bytes)
        yk_buf_append(bytes, k->found, l->n * sizeof *k->found);
    if (!bytes || bytes->is_failed)
        return yk_fail_nomem(err, "finding the types of columns");
    return yk_task_emit(t, NULL, 0, err);
}

static int look_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    look *l = ctx;
    for (size_t i = 0; i < l->n; i++) {
        yk_type found;
        memcpy(&found, (const char *)r->bytes + i * sizeof found, sizeof found);
        l->types[i] = yk_csv_join(l->types[i], found);
    }
    l->n_done = l->s->n_rows - l->n_done < l->task_rows ? l->s->n_rows : l->n_done + l->task_rows;
    if (l->opts->progress && l->opts->progress(l->opts->progress_ctx, l->n_done, l->s->n_rows))
        return yk_fail(err, YOKE_ECANCELED, "interrupted after %llu of %llu rows", (unsigned long long)l->n_done,
                       (unsigned long long)l->s->n_rows);
    return 0;
}

/* Rows of about `TASK` bytes of text. */
static uint64_t rows_of_task(const yk_source *s)
{
    enum { TASK = 4 << 20 };
    uint64_t bytes = 0, rows = 0;
    for (size_t i = 0; i < s->n_files; i++)
        if (s->files[i].csv) {
            bytes += yk_csv_size(s->files[i].csv);
            rows += s->files[i].n;
        }
    uint64_t n = bytes ? (uint64_t)((double)rows / (double)bytes * TASK) : 0;
    return n < YK_BLOCK ? YK_BLOCK : n < YK_TASK_ROWS ? n : YK_TASK_ROWS;
}

int yk_types_settle(yk_source *s, yoke_session *session, const yoke_table_opts *opts, const uint32_t *columns, size_t n, yoke_error *err)
{
    enum { COLUMN = 64 << 10 }; /* of a worker: a block's fields and their values */
    yk_fit_asked          asked = {.columns = columns, .n_columns = n, .memory = yk_opts_memory(opts), .own = n * COLUMN,
                                   .workers = yoke_session_workers(session), .is_shared = yk_stage_is_local(session),
                                   .is_given = opts->memory != 0};
    yk_fit                room;
    YK_AUTOFREE yk_type *types = yk_new_array(yk_type, n + 1);
    if (!types)
        return yk_fail_nomem(err, "finding the types of columns");
    YK_TRY(yk_fit_find(s, &asked, &room, err));
    look     l = {.s = s, .opts = opts, .columns = columns, .n = n, .task_rows = rows_of_task(s), .types = types};
    yk_stage st = {.name = "types", .n = (s->n_rows + l.task_rows - 1) / l.task_rows, .ctx = &l, .start = start, .stop = stop,
                   .task = look_task, .fold = look_fold, .fold_ctx = &l, .most = room.most};
    YK_TRY(yk_stage_run(session, &st, err));
    for (size_t i = 0; i < n; i++)
        if (types[i].kind != YK_KIND_NULL)
            YK_TRY(yk_source_widen(s, columns[i], types[i], err));
    return 0;
}
