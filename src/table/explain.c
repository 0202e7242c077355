/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a scan would read and leave out, in words.
 */
#include "table/repeats.h"
#include "table/rows.h"
#include "table/skip.h"
#include "table/table.h"

void yoke_text_free(char *text) { yk_free(text); }

/* What a column's part in a scan costs, by what its files say. */
typedef struct cost {
    uint64_t groups, groups_left_out, pages, pages_left_out, bytes, bytes_left_out;
} cost;

static int cost_group(yk_parquet *f, unsigned g, unsigned column, uint64_t first, const yk_skips *skips, cost *c, yoke_error *err)
{
    const yk_parquet_group *group = yk_parquet_group_at(f, g);
    const yk_parquet_page  *pages;
    unsigned                n;
    uint64_t                stored, plain;
    yk_parquet_chunk_bytes(f, g, column, &stored, &plain);
    c->groups++;
    c->bytes += stored;
    if (yk_skips_cover(skips, first + group->first_row, group->n_rows)) {
        c->groups_left_out++;
        c->bytes_left_out += stored;
        return 0;
    }
    YK_TRY(yk_parquet_pages(f, g, column, &pages, &n, err));
    for (unsigned i = 0; i < n; i++) {
        bool is_out = yk_skips_cover(skips, first + pages[i].first_row, pages[i].n_rows);
        c->pages++;
        c->pages_left_out += is_out;
        c->bytes_left_out += is_out ? pages[i].n_bytes : 0;
    }
    return 0;
}

static int explain_column(const yk_source *s, size_t column, const yk_skips *skips, cost *all, yk_buf *to, yoke_error *err)
{
    const yk_source_column *col = &s->columns[column];
    char                    type[64];
    cost                    c = {0};
    for (size_t i = 0; i < s->n_files; i++) {
        const yk_source_file *f = &s->files[i];
        for (unsigned g = 0; f->parquet && f->column[column] >= 0 && g < yk_parquet_groups(f->parquet); g++)
            YK_TRY(cost_group(f->parquet, g, (unsigned)f->column[column], f->first, skips, &c, err));
    }
    yk_buf_printf(to, "column    %s (%s)", col->name, yk_type_name(col->type, type, sizeof type));
    if (c.groups)
        yk_buf_printf(to, ": %llu row groups, %llu left out; %llu pages in the others, %llu left out; %.2f MB stored, %.2f MB left out",
                      (unsigned long long)c.groups, (unsigned long long)c.groups_left_out, (unsigned long long)c.pages,
                      (unsigned long long)c.pages_left_out, (double)c.bytes / 1e6, (double)c.bytes_left_out / 1e6);
    yk_buf_puts(to, col->is_partition ? ": from folder names\n" : "\n");
    all->pages += c.pages;
    all->pages_left_out += c.pages_left_out;
    all->bytes += c.bytes;
    all->bytes_left_out += c.bytes_left_out;
    return 0;
}

/* The sink that alone wants rows; NULL: there are several, or none. */
static yk_sink *lone_sink(const yk_scan *scan)
{
    yk_sink *last = NULL;
    size_t   n = 0;
    for (size_t i = 0; i < scan->n_sinks; i++)
        if (!scan->sinks[i]->is_done)
            last = scan->sinks[i], n++;
    return n == 1 ? last : NULL;
}

/* How the first rows of a sort are found without reading all; `rows` is NULL where others want rows too. */
static void explain_first(const yk_source *s, yk_sink *rows, const yk_skips *skips, const yk_fact *wanted, size_t n_wanted, yk_buf *to)
{
    uint64_t first = 0, n = s->n_rows;
    if (rows && yk_rows_by_keys(rows, s))
        yk_buf_puts(to, "sort      the first rows are found by their keys; of other columns only the pages that have them are read then\n");
    if (n_wanted)
        yk_buf_printf(to, "sort      the first rows are sought by the statistics of %s\n", s->columns[wanted[0].column].name);
    if (!rows || s->has_csv)
        return;
    rows->ops->glance(rows, s, skips, &first, &n);
    if (n < s->n_rows)
        yk_buf_printf(to, "sort      rows %llu to %llu are read before all: what comes after the first of them is left out then\n",
                      (unsigned long long)first + 1, (unsigned long long)(first + n));
}

/* What filters and the first rows of a sort rule out, over all rows, in whole blocks: what shares a block with rows that are wanted is
 * read. */
static int find_skips(const yk_scan *scan, const yk_program *p, const yk_fact *wanted, size_t n_wanted, yk_skips *skips, yoke_error *err)
{
    for (size_t i = 0; i < scan->n_filters; i++) {
        size_t         n;
        const yk_fact *facts = yk_program_facts(p, i, &n);
        YK_TRY(yk_skips_find(skips, scan->source, facts, n, 0, scan->source->n_rows, err));
    }
    YK_TRY(yk_skips_find(skips, scan->source, wanted, n_wanted, 0, scan->source->n_rows, err));
    yk_skips_settle(skips, scan->source->n_rows);
    return 0;
}

static uint64_t rows_left_out(const yk_skips *skips)
{
    uint64_t n = 0;
    for (size_t i = 0; i < skips->n; i++)
        n += skips->runs[i].to - skips->runs[i].from;
    return n;
}

static bool uses(const yk_program *p, size_t root, uint32_t column)
{
    size_t          n;
    const uint32_t *columns = yk_program_columns(p, root, &n);
    for (size_t i = 0; i < n; i++)
        if (columns[i] == column)
            return true;
    return false;
}

/* Whether a scan reads the column: for a filter, for a sink that is not done without, or to find the rows that join. */
static bool is_read(const yk_scan *scan, const yk_program *p, uint32_t column)
{
    for (size_t r = 0; r < scan->n_filters; r++)
        if (uses(p, r, column))
            return true;
    for (size_t i = 0; i < scan->n_sinks; i++)
        for (size_t r = 0; r < scan->sinks[i]->n_roots && !scan->sinks[i]->is_done; r++)
            if (uses(p, scan->sinks[i]->root + r, column))
                return true;
    for (size_t i = 0; i < scan->n_lookups; i++)
        for (size_t k = 0; k < scan->lookups[i]->n_keys; k++)
            if (yk_source_find(scan->source, scan->lookups[i]->keys[k]) == column)
                return true;
    return false;
}

static void explain_lookups(const yk_scan *scan, yk_buf *to)
{
    for (size_t i = 0; i < scan->n_lookups; i++) {
        const yk_lookup *l = scan->lookups[i];
        yk_buf_printf(to, "join      %zu: %llu rows in memory, found by ", i + 1, (unsigned long long)l->rows.n);
        for (size_t k = 0; k < l->n_keys; k++)
            yk_buf_printf(to, "%s%s", k ? ", " : "", l->keys[k]);
        yk_buf_puts(to, "\n");
    }
}

static bool is_known(const yk_scan *scan)
{
    size_t n = 0;
    while (n < scan->n_sinks && scan->sinks[n]->is_done)
        n++;
    return n == scan->n_sinks && n > 0;
}

/* CSV files are read whole: to count their rows, and for every scan. */
static void explain_csv(const yk_scan *scan, yk_buf *to)
{
    const yk_source *s = scan->source;
    uint64_t         bytes = 0;
    for (size_t i = 0; i < s->n_files; i++)
        bytes += s->files[i].csv ? yk_csv_size(s->files[i].csv) : 0;
    if (s->has_csv)
        yk_buf_printf(to, "read      %.2f MB of CSV, unpacked%s\n", (double)bytes / 1e6,
                      is_known(scan) ? ", to count its rows" : "; once more to count its rows");
}

/* Of what Parquet files alone bring with them. */
static bool has_statistics(const yk_source *s)
{
    bool has = false;
    for (size_t i = 0; i < s->n_files; i++)
        has |= s->files[i].parquet != NULL;
    return has;
}

static int explain(yk_scan *scan, const yk_program *p, yk_sink *rows, yk_buf *to, yoke_error *err)
{
    const yk_source             *s = scan->source;
    cost                         all = {0};
    uint32_t                     n_read = s->has_csv; /* its rows are counted by reading them */
    YK_CLEANUP(yk_skips_fini) yk_skips skips = {0};
    yk_sink                           *lone = lone_sink(scan);
    yk_fact                            wanted[2]; /* what its rows meet besides the filters */
    size_t                             n_wanted = yk_scan_facts(s, &lone, lone != NULL, NULL, wanted);
    YK_TRY(find_skips(scan, p, wanted, n_wanted, &skips, err));
    yk_buf_printf(to, "files     %zu, from '%s'\n", s->n_files, s->files[0].path);
    yk_buf_printf(to, "rows      %llu, of which %llu are left out unread\n", (unsigned long long)s->n_rows,
                  (unsigned long long)rows_left_out(&skips));
    uint64_t task_rows = yk_scan_task_rows(scan, p);
    yk_buf_printf(to, "tasks     %llu of %llu rows, in blocks of %d, on %s with %u workers\n",
                  (unsigned long long)((s->n_rows + task_rows - 1) / task_rows), (unsigned long long)task_rows, YK_BLOCK,
                  yoke_session_executor(scan->session), yoke_session_workers(scan->session));
    for (size_t i = 0; i < scan->n_filters; i++) {
        size_t n;
        yk_program_facts(p, i, &n);
        yk_buf_printf(to, "filter    %zu: %s%s%s\n", i + 1, yk_expr_text(scan->filters[i]),
                      n && has_statistics(s) ? " (also by statistics)" : "",
                      yk_program_single_column(p, i) >= 0 ? " (once per dictionary value)" : "");
    }
    explain_first(s, lone == rows ? rows : NULL, &skips, wanted, n_wanted, to);
    explain_lookups(scan, to);
    for (uint32_t c = 0; c < s->n_columns; c++)
        if (is_read(scan, p, c)) {
            YK_TRY(explain_column(s, c, &skips, &all, to, err));
            n_read++;
        }
    explain_csv(scan, to);
    if (all.bytes)
        yk_buf_printf(to, "read      %.2f of %.2f MB; %llu of %llu pages in what row groups are not left out\n",
                      (double)(all.bytes - all.bytes_left_out) / 1e6, (double)all.bytes / 1e6,
                      (unsigned long long)(all.pages - all.pages_left_out), (unsigned long long)all.pages);
    else if (!n_read)
        yk_buf_puts(to, "read      nothing beyond what the files say of themselves\n");
    return to->is_failed ? yk_fail_nomem(err, "explaining") : 0;
}

/* Results that need no scan. */
static int explain_known(const yoke_ask *asks, size_t n, const yoke_answers *a, yk_buf *to, yoke_error *err)
{
    for (size_t i = 0; i < n; i++) {
        YK_CLEANUP(yk_expr_freep) yk_expr *e = NULL;
        if (!yk_answers_sink(a, i)->is_done)
            continue;
        if (asks[i].expr)
            YK_TRY(yk_expr_parse(asks[i].expr, &e, err));
        yk_buf_puts(to, "result    ");
        yk_ask_name(&asks[i], e, to);
        yk_buf_puts(to, e ? ": from statistics\n" : ": the number of rows\n");
    }
    return 0;
}

typedef struct explained {
    const yoke_table *t;
    const yoke_ask   *asks;
    size_t            n_asks;
    yk_buf           *to;
} explained;

/* The plan for what is asked, and for rows unless NULL. */
static int explain_sinks(void *ctx, yk_sink *rows, yoke_error *err)
{
    explained                             *x = ctx;
    YK_CLEANUP(yk_table_scan_fini) yk_scan       scan = {0};
    YK_CLEANUP(yk_program_freep) yk_program     *p = NULL;
    YK_CLEANUP(yoke_answers_freep) yoke_answers *a = NULL;
    YK_AUTOFREE yk_sink                        **sinks = NULL;
    size_t                                       n = 0;
    YK_TRY(yk_table_ask(x->t, x->asks, x->n_asks, &a, &sinks, &n, err));
    if (rows)
        sinks[n++] = rows; /* the list has one place more */
    YK_TRY(yk_table_scan(x->t, &scan, err));
    scan.sinks = sinks;
    scan.n_sinks = n;
    YK_TRY(yk_scan_type(&scan, &p, err));
    YK_TRY(explain(&scan, p, rows, x->to, err));
    return explain_known(x->asks, x->n_asks, a, x->to, err);
}

char *yoke_table_explain(const yoke_table *t, const yoke_rows *rows, const yoke_ask *asks, size_t n_asks, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    explained  x = {t, asks, n_asks, &text};
    int        rc;
    if (YK_LACKS(t, err) || (n_asks && YK_LACKS(asks, err)))
        return NULL;
    if (rows) {
        yoke_rows r = {.select = rows->select, .sort = rows->sort, .head = rows->is_distinct ? 0 : rows->head};
        rc = yk_table_lend_rows(t, &r, explain_sinks, &x, err);
        if (rc == 0 && rows->is_distinct && t->source->n_rows >= YK_REPEATS_LEAST)
            yk_buf_puts(&text, "distinct  if hardly two of the first rows are the same all are read twice: a hash of each tells which few are to be compared\n");
    } else {
        rc = explain_sinks(&x, NULL, err);
    }
    char *copy = rc < 0 ? NULL : yk_strdup(yk_buf_text(&text));
    if (rc == 0 && !copy)
        yk_fail_nomem(err, "explaining");
    return copy;
}
