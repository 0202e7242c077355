/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/fit.h"

#include "table/table_scan.h"

/* The process itself; a cursor with its blocks; what the heap loses between pages, at most; memory of less is taken to be this much. */
enum { BASE = 4 << 20, CURSOR = 96 << 10, LOST = 80 << 10, LEAST = 16 << 20 };

/* Of one worker, but for dictionaries, which those in one row group share. */
typedef struct need {
    uint64_t pages, dicts; /* of all columns */
    uint64_t stored;       /* the largest page as it is stored */
    uint64_t fixed;
    uint64_t group_rows; /* of the smallest of the row groups looked at */
    uint64_t largest;    /* column */
    uint32_t column;
} need;

/* The row group whose chunk of the column is the largest. */
static const yk_source_file *find_largest(const yk_source *s, uint32_t column, unsigned *ret_group)
{
    const yk_source_file *found = NULL;
    uint64_t              stored, plain, most = 0;
    for (size_t i = 0; i < s->n_files; i++) {
        const yk_source_file *f = &s->files[i];
        for (unsigned g = 0; f->parquet && f->column[column] >= 0 && g < yk_parquet_groups(f->parquet); g++) {
            yk_parquet_chunk_bytes(f->parquet, g, (unsigned)f->column[column], &stored, &plain);
            if (!found || plain > most) {
                found = f;
                *ret_group = g, most = plain;
            }
        }
    }
    return found;
}

static void add_column(need *n, uint32_t column, yk_parquet_need c, uint64_t group_rows)
{
    n->pages += c.page + (c.page < LOST ? c.page : LOST);
    n->dicts += c.dict;
    n->stored = c.stored > n->stored ? c.stored : n->stored;
    n->fixed += CURSOR;
    n->group_rows = group_rows < n->group_rows ? group_rows : n->group_rows;
    if (c.page + c.dict > n->largest) {
        n->largest = c.page + c.dict;
        n->column = column;
    }
}

/* By the footers (a page is no larger than its chunk), or by the pages' headers. */
static need find_need(const yk_source *s, const yk_fit_asked *a, bool by_headers)
{
    need n = {.fixed = a->own, .group_rows = UINT64_MAX};
    for (size_t i = 0; i < a->n_columns; i++) {
        unsigned              group = 0;
        const yk_source_file *f = find_largest(s, a->columns[i], &group);
        unsigned              own = f ? (unsigned)f->column[a->columns[i]] : 0;
        if (f)
            add_column(&n, a->columns[i],
                       by_headers ? yk_parquet_chunk_need(f->parquet, group, own) : yk_parquet_chunk_most(f->parquet, group, own),
                       yk_parquet_group_at(f->parquet, group)->n_rows);
    }
    return n;
}

/* Tasks of 2^17 rows that lie side by side touch so many row groups. */
static uint64_t dictionaries(const need *n, const yk_fit_asked *a, unsigned tasks)
{
    uint64_t groups = n->group_rows ? tasks * (uint64_t)YK_TASK_ROWS / n->group_rows + 1 : tasks;
    return n->dicts * (a->is_shared && groups < tasks ? groups : tasks);
}

static uint64_t bytes_of(const need *n, const yk_fit_asked *a, unsigned tasks, bool has_ahead)
{
    uint64_t ahead = has_ahead ? n->pages + n->stored + a->n_columns * (uint64_t)YK_PARQUET_WINDOW : 0;
    return tasks * (n->pages + n->stored + ahead + n->fixed) + dictionaries(n, a, tasks);
}

static int too_much(const yk_source *s, const yk_fit_asked *a, const need *n, uint64_t least, yoke_error *err)
{
    unsigned long long mib = (least + (1 << 20) - 1) >> 20;
    return yk_fail(err, YOKE_ELIMIT,
                   "reading %zu column%s%s takes at least %llu MiB (a page is held whole, with its dictionary: of column '%s' alone %.1f MiB), and %s is "
                   "%llu MiB; give --memory %lluM, or ask for fewer columns",
                   a->n_columns, a->n_columns == 1 ? "" : "s", a->least_running ? " and handing rows on" : "", mib,
                   s->columns[n->column].name,
                   (double)n->largest / (1 << 20), a->is_given ? "what --memory allows" : "a quarter of what the process may use",
                   (unsigned long long)(a->memory >> 20), mib);
}

/* What is needed with one task at a time. Of rows that wait there may be a quarter of all. */
static uint64_t find_least(const need *n, const yk_fit_asked *a)
{
    uint64_t least = BASE + bytes_of(n, a, 1, false) + a->least_running;
    return least + (a->least_kept > least / 3 ? a->least_kept : a->least_kept ? least / 3 : 0);
}

int yk_fit_find(const yk_source *s, const yk_fit_asked *a, yk_fit *ret, yoke_error *err)
{
    uint64_t memory = a->memory > LEAST ? a->memory : LEAST, kept = a->kept > a->least_kept ? a->kept : a->least_kept;
    uint64_t running = a->running > a->least_running ? a->running : a->least_running;
    uint64_t free = memory > running + kept + BASE ? memory - running - kept - BASE : 0;
    free -= free / 8; /* what lies unused between what is used */
    need n = find_need(s, a, false);
    *ret = (yk_fit){.pages = YK_PARQUET_BUDGET_INIT, .running = running};
    if (bytes_of(&n, a, a->workers, true) <= free)
        return 0;
    n = find_need(s, a, true);
    uint64_t least = find_least(&n, a), alone = bytes_of(&n, a, 1, false);
    if (least > memory)
        return too_much(s, a, &n, least, err);
    if (alone > free) { /* then rows get what reading leaves */
        free = alone;
        if (a->least_running)
            ret->running = memory - BASE - alone - kept;
    }
    ret->pages.has_ahead = bytes_of(&n, a, a->workers, true) <= free;
    unsigned most = a->workers;
    while (most > 1 && bytes_of(&n, a, most, ret->pages.has_ahead) > free)
        most--;
    uint64_t fixed = most * (n.stored + (ret->pages.has_ahead ? n.stored + a->n_columns * (uint64_t)YK_PARQUET_WINDOW : 0) + n.fixed);
    ret->pages.all = (free > fixed ? free - fixed : 0) / (a->is_shared ? 1 : most);
    if (most == a->workers)
        return 0;
    ret->most = most;
    ret->pages.kept = a->is_shared ? ret->pages.all : 0;
    return 0;
}

/* Of a value of text: dictionaries hide how long they are, so that a little is always taken to be there. */
static uint64_t text_bytes(const yk_source *s, uint32_t column)
{
    enum { LEAST_TEXT = 16 };
    uint64_t all = 0, rows = 0, stored, plain;
    for (size_t i = 0; i < s->n_files; i++) {
        const yk_source_file *f = &s->files[i];
        for (unsigned g = 0; f->parquet && f->column[column] >= 0 && g < yk_parquet_groups(f->parquet); g++) {
            yk_parquet_chunk_bytes(f->parquet, g, (unsigned)f->column[column], &stored, &plain);
            all += plain, rows += yk_parquet_group_at(f->parquet, g)->n_rows;
        }
    }
    return rows && all / rows > LEAST_TEXT ? all / rows : LEAST_TEXT;
}

uint64_t yk_fit_row_bytes(const yk_source *s, const yk_program *program, size_t first_root, size_t n_roots)
{
    uint64_t row = 0;
    for (size_t r = first_root; r < first_root + n_roots; r++) {
        size_t          n, size = yk_kind_size(yk_program_type(program, r).kind);
        const uint32_t *columns = yk_program_columns(program, r, &n);
        yk_kind         kind = yk_program_type(program, r).kind;
        row += size + 1;
        for (size_t i = 0; i < n && yk_kind_is_bytes(kind); i++)
            row += columns[i] < s->n_columns ? text_bytes(s, columns[i]) : 0;
    }
    return row;
}
