/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For test_arrow.py: takes an Arrow stream in and gives the same rows out again, block by block, starting each cursor at `first`
 * and asking for `step` rows at a time.
 */
#include "base/alloc.h"
#include "format/arrow/arrow.h"

#include <stdio.h>

enum { MANY = 64 };

typedef struct echo {
    yk_arrow        *table;
    yk_arrow_cursor *cursor[MANY];
    unsigned         n, step, blocks_per_batch;
} echo;

static int fill(void *ctx, yk_arrow_writer *w, yoke_error *err)
{
    echo *e = ctx;
    for (unsigned b = 0; b < e->blocks_per_batch; b++) {
        yk_vec   columns[MANY];
        uint32_t n = 0;
        for (unsigned i = 0; i < e->n; i++) {
            YK_TRY(yk_arrow_cursor_next(e->cursor[i], e->step, &columns[i], err));
            n = columns[i].n;
        }
        if (n == 0)
            break;
        YK_TRY(yk_arrow_writer_add(w, columns, n, err));
    }
    return 0;
}

static void done(void *ctx)
{
    echo *e = ctx;
    for (unsigned i = 0; i < e->n; i++)
        yk_arrow_cursor_close(e->cursor[i]);
    yk_arrow_close(e->table);
    yk_free(e);
}

int arrow_echo(struct ArrowArrayStream *in, struct ArrowArrayStream *out, uint64_t first, unsigned step, char *why);

int arrow_echo(struct ArrowArrayStream *in, struct ArrowArrayStream *out, uint64_t first, unsigned step, char *why)
{
    yoke_error     err = YOKE_ERROR_INIT;
    echo          *e = yk_new(echo);
    yk_arrow_field fields[MANY];
    int            rc = yk_arrow_open(in, &e->table, &err);
    e->step = step;
    e->blocks_per_batch = 3;
    while (rc == 0 && e->n < yk_arrow_columns(e->table)) {
        const yk_arrow_column *c = yk_arrow_column_at(e->table, e->n);
        fields[e->n] = (yk_arrow_field){c->name, c->type};
        rc = yk_arrow_cursor_open(e->table, e->n, first, yk_arrow_rows(e->table) - first, &e->cursor[e->n], &err);
        e->n += rc == 0;
    }
    if (rc == 0)
        rc = yk_arrow_stream(fields, e->n, &(yk_arrow_source){fill, done, e}, out, &err);
    if (rc < 0)
        done(e);
    snprintf(why, sizeof err.text, "%s", err.text);
    return rc;
}
