/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The types that all values of some CSV columns fit into, found in one pass: a scan that meets one column after the other that is
 * wider than it seemed would start over for each.
 */
#include "plan/stage.h"
#include "table/fit.h"
#include "table/reader.h"
#include "table/table_scan.h"

typedef struct look {
    const yk_source       *s;
    const yoke_table_opts *opts;
    const uint32_t        *columns;
    size_t                 n;
    yk_type               *types; /* of each; NULL: the one that it has */
    uint64_t               n_done;
} look;

static void stop(void *ctx, void *state)
{
    (void)ctx;
    yk_reader_close(state);
}

static int start(void *ctx, void **ret_state, yoke_error *err)
{
    const look *l = ctx;
    yk_reader  *r;
    YK_TRY(yk_reader_open(l->s, l->columns, l->n, &r, err));
    *ret_state = r;
    return 0;
}

/* What does not fit, block by block; a block's other values fit the type that the column has. */
static int look_task(void *ctx, yk_task *t, void *out, yoke_error *err)
{
    (void)out;
    const look *l = ctx;
    yk_reader  *r = yk_task_state(t);
    yk_buf     *bytes = yk_task_bytes(t);
    uint64_t    first = yk_task_index(t) * YK_TASK_ROWS, left = l->s->n_rows - first;
    yk_type    *found = bytes ? yk_buf_extend(bytes, l->n * sizeof *found) : NULL;
    if (!found)
        return yk_fail_nomem(err, "finding the types of columns");
    memset(found, 0, l->n * sizeof *found);
    left = left < YK_TASK_ROWS ? left : YK_TASK_ROWS;
    yk_reader_seek(r, first, left);
    for (uint32_t n; left > 0; left -= n) {
        n = left < YK_BLOCK ? (uint32_t)left : YK_BLOCK;
        yk_reader_block(r, n);
        for (size_t i = 0; i < l->n; i++) {
            yk_vec  v;
            yk_type wider;
            int     rc = yk_reader_get(r, l->columns[i], &v, &wider, err);
            if (rc == YK_RETYPE)
                found[i] = yk_csv_join(found[i], wider);
            else
                YK_TRY(rc);
        }
        if (yk_task_is_canceled(t))
            return yk_fail(err, YOKE_ECANCELED, "cancelled");
    }
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
    l->n_done = l->s->n_rows - l->n_done < YK_TASK_ROWS ? l->s->n_rows : l->n_done + YK_TASK_ROWS;
    if (l->opts->progress && l->opts->progress(l->opts->progress_ctx, l->n_done, l->s->n_rows))
        return yk_fail(err, YOKE_ECANCELED, "interrupted after %llu of %llu rows", (unsigned long long)l->n_done,
                       (unsigned long long)l->s->n_rows);
    return 0;
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
    look     l = {.s = s, .opts = opts, .columns = columns, .n = n, .types = types};
    yk_stage st = {.name = "types", .n = (s->n_rows + YK_TASK_ROWS - 1) / YK_TASK_ROWS, .ctx = &l, .start = start, .stop = stop,
                   .task = look_task, .fold = look_fold, .fold_ctx = &l, .most = room.most};
    YK_TRY(yk_stage_run(session, &st, err));
    for (size_t i = 0; i < n; i++)
        if (types[i].kind != YK_KIND_NULL)
            YK_TRY(yk_source_widen(s, columns[i], types[i], err));
    return 0;
}
