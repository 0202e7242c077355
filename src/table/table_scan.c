/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A scan in the calling process: what is to be read is planned, the stage runs, what its tasks found is folded; once more where a sink
 * wants that, or a column of a CSV file turned out wider.
 */
#include "table/scan_inside.h"

#include "base/clock.h"
#include "table/fit.h"

typedef yk_scan_plan    plan;
typedef yk_scan_outcome outcome;

int yk_sink_add(yk_sink *s, const yk_expr *e, yk_want want, yoke_error *err)
{
    yk_root root = {e, want};
    return yk_push(&s->roots, &s->n_roots, &s->cap_roots, root) ? 0 : yk_fail_nomem(err, "planning a scan");
}

int yk_sink_values(const yk_sink *s, yk_eval *eval, size_t n, yk_vec *ret, yoke_error *err)
{
    for (size_t i = 0; i < n; i++) {
        YK_TRY(yk_eval_root(eval, s->root + i, &ret[i], err));
        if (!yk_type_same(ret[i].type, yk_sink_type(s, i))) /* a file of another type than the others */
            YK_TRY(yk_eval_values(eval, s->root + i, &ret[i], err));
    }
    return 0;
}

size_t yk_scan_facts(const yk_source *s, yk_sink *const *sinks, size_t n_sinks, void *state, yk_fact ret[2])
{
    bool is_lone = n_sinks == 1 && !s->has_csv && sinks[0]->ops->facts;
    return is_lone ? sinks[0]->ops->facts(sinks[0], state, ret) : 0;
}

/* ---- the plan: what is wanted, and what must be read for it */

/* The field of a column that joins, or -1. */
static int64_t find_joined(const plan *p, const char *name)
{
    for (size_t i = 0; i < p->scan->n_lookups; i++)
        for (size_t c = 0; c < p->scan->lookups[i]->n_columns; c++)
            if (strcmp(p->scan->lookups[i]->columns[c].name, name) == 0)
                return (int64_t)(p->first_field[i] + c);
    return -1;
}

static int check_columns(const plan *p, const yk_expr *e, yoke_error *err)
{
    size_t             n;
    const char *const *columns = yk_expr_columns(e, &n);
    for (size_t i = 0; i < n; i++)
        if (find_joined(p, columns[i]) < 0 && yk_source_knows(p->scan->source, columns[i])) /* others the expression names */
            YK_TRY(yk_source_check(p->scan->source, columns[i], err));
    return 0;
}

/* Numbers the columns of lookups and finds their keys in the source. */
static int place_lookups(plan *p, yoke_error *err)
{
    size_t n_keys = 0;
    p->n_fields = p->scan->source->n_columns;
    p->first_field = yk_new_array(size_t, p->scan->n_lookups + 1);
    for (size_t i = 0; p->first_field && i < p->scan->n_lookups; i++) {
        p->first_field[i] = p->n_fields;
        p->n_fields += p->scan->lookups[i]->n_columns;
        n_keys += p->scan->lookups[i]->n_keys;
    }
    p->keys = yk_new_array(uint32_t, n_keys + 1);
    if (!p->first_field || !p->keys)
        return yk_fail_nomem(err, "planning a scan");
    n_keys = 0;
    for (size_t i = 0; i < p->scan->n_lookups; i++)
        for (size_t k = 0; k < p->scan->lookups[i]->n_keys; k++)
            p->keys[n_keys++] = (uint32_t)yk_source_find(p->scan->source, p->scan->lookups[i]->keys[k]);
    return 0;
}

/* Whether a lookup has this key. */
static bool is_key(const plan *p, size_t n_roots, uint32_t column)
{
    const uint32_t *keys = p->keys;
    for (size_t i = 0; i < p->scan->n_lookups; keys += p->scan->lookups[i++]->n_keys)
        for (size_t k = 0; k < p->scan->lookups[i]->n_keys; k++)
            if (keys[k] == column)
                return n_roots > 0;
    return false;
}

/* A column of CSV files that held nothing so far: an expression that names it was bound to a constant. */
static bool may_be_unseen(const yk_source *s, int64_t column)
{
    return s->has_csv && column >= 0 && s->columns[column].type.kind == YK_KIND_NULL;
}

enum { READ = 1, UNSEEN = 2 }; /* what a column is to a scan */

/* Marks the columns of a root. */
static void mark_columns(const plan *p, size_t root, const yk_expr *e, uint8_t *use)
{
    const yk_source   *src = p->scan->source;
    size_t             n, n_names;
    const uint32_t    *columns = yk_program_columns(p->program, root, &n);
    const char *const *names = yk_expr_columns(e, &n_names);
    for (size_t i = 0; i < n; i++)
        if (columns[i] < src->n_columns)
            use[columns[i]] |= READ;
    for (size_t i = 0; i < n_names && src->has_csv; i++) {
        int64_t c = yk_source_find(src, names[i]);
        if (may_be_unseen(src, c))
            use[c] |= UNSEEN;
    }
}

/* What is read: the columns of roots, keys of lookups, and those in which no value has been met yet. */
static int find_columns(plan *p, const yk_root *roots, size_t n_roots, yoke_error *err)
{
    yk_source           *src = p->scan->source;
    YK_AUTOFREE uint8_t *use = yk_new_array(uint8_t, src->n_columns + 1);
    if (!use)
        return yk_fail_nomem(err, "planning a scan");
    for (size_t r = 0; r < n_roots; r++)
        mark_columns(p, r, roots[r].expr, use);
    for (uint32_t c = 0; c < src->n_columns; c++) {
        if (is_key(p, n_roots, c))
            use[c] |= READ;
        if (use[c] & UNSEEN)
            p->unseen[p->n_unseen++] = c;
        src->columns[c].is_asked |= use[c] & READ;
        if (use[c])
            p->columns[p->n_columns++] = c;
    }
    return 0;
}

/* The source's columns, then those of each lookup. */
static void list_fields(const plan *p, yk_field *to)
{
    const yk_source *src = p->scan->source;
    for (size_t i = 0; i < src->n_columns; i++)
        to[i] = (yk_field){src->columns[i].name, src->columns[i].type};
    for (size_t i = 0; i < p->scan->n_lookups; i++) {
        const yk_lookup *l = p->scan->lookups[i];
        for (size_t c = 0; c < l->n_columns; c++)
            to[p->first_field[i] + c] = (yk_field){l->columns[c].name, l->rows.columns[l->columns[c].column].type};
    }
}

/* Filters, then what each sink reads, which learns where that begins. */
static void list_roots(const plan *p, yk_root *to)
{
    size_t at = 0;
    for (size_t i = 0; i < p->scan->n_filters; i++)
        to[at++] = (yk_root){p->scan->filters[i], YK_WANT_FILTER};
    for (size_t i = 0; i < p->n_sinks; i++) {
        p->sinks[i]->root = at;
        for (size_t r = 0; r < p->sinks[i]->n_roots; r++)
            to[at++] = p->sinks[i]->roots[r];
    }
}

/* Types everything, and finds what is to be read. */
static int make_program(plan *p, yoke_error *err)
{
    const yk_source *src = p->scan->source;
    size_t           n = p->scan->n_filters;
    YK_TRY(place_lookups(p, err));
    for (size_t i = 0; i < p->n_sinks; i++)
        n += p->sinks[i]->n_roots;
    YK_AUTOFREE yk_field *fields = yk_new_array(yk_field, p->n_fields + 1);
    YK_AUTOFREE yk_root  *roots = yk_new_array(yk_root, n + 1);
    p->columns = yk_new_array(uint32_t, src->n_columns + 1);
    p->unseen = yk_new_array(uint32_t, src->n_columns + 1);
    if (!fields || !roots || !p->columns || !p->unseen)
        return yk_fail_nomem(err, "planning a scan");
    list_fields(p, fields);
    list_roots(p, roots);
    for (size_t i = 0; i < n; i++)
        YK_TRY(check_columns(p, roots[i].expr, err));
    int rc = yk_program_new(fields, p->n_fields, roots, n, &p->program, err);
    if (rc < 0)
        return rc == YOKE_EABSENT ? yk_fail_at(err, rc, "'%s'", src->files[0].path) : rc;
    for (size_t i = 0; i < p->n_sinks; i++) {
        p->sinks[i]->program = p->program;
        if (p->sinks[i]->ops && p->sinks[i]->ops->bind)
            p->sinks[i]->ops->bind(p->sinks[i]);
    }
    return find_columns(p, roots, n, err);
}

/* Whether a root reads no column but *column, which is set to its first one while it is -1. */
static bool reads_alone(const plan *p, size_t root, int64_t *column)
{
    size_t          n;
    const uint32_t *columns = yk_program_columns(p->program, root, &n);
    if (n > 0 && *column < 0)
        *column = columns[0];
    return n == 0 || (n == 1 && *column == columns[0]);
}

/* The one column of which all that is asked can be told by counting its values. */
static void find_counted(plan *p)
{
    const yk_scan *s = p->scan;
    bool           can = !s->n_lookups && !s->source->has_csv && !s->rows.only && !s->rows.n_without;
    int64_t        column = -1;
    for (size_t i = 0; i < s->n_filters; i++)
        can = can && reads_alone(p, i, &column);
    for (size_t i = 0; i < p->n_sinks; i++) {
        can = can && p->sinks[i]->ops->times && !p->sinks[i]->in_order;
        for (size_t r = 0; r < p->sinks[i]->n_roots; r++)
            can = can && reads_alone(p, p->sinks[i]->root + r, &column);
    }
    p->counted = can ? column : -1;
}

/* A root whose arithmetic on two columns may well come before the filters. */
static void find_pair(plan *p)
{
    p->pair = -1;
    for (size_t i = 0; i < p->n_sinks && p->scan->n_filters; i++)
        for (size_t r = p->sinks[i]->root; r < p->sinks[i]->root + p->sinks[i]->n_roots && !p->sinks[i]->is_lazy && p->pair < 0; r++)
            if (yk_program_has_pair(p->program, r))
                p->pair = (int64_t)r;
}

/* Sinks over all rows that the files' statistics answer need not be in the scan. */
static void leave_out_known(plan *p)
{
    const yk_scan *s = p->scan;
    size_t         n = 0;
    if (s->n_filters || s->n_lookups || s->rows.first || s->rows.n || s->rows.only || s->rows.n_without)
        return;
    for (size_t i = 0; i < p->n_sinks; i++) {
        yk_sink *k = p->sinks[i];
        k->is_done = k->ops->known && k->ops->known(k, s->source);
        if (!k->is_done)
            p->sinks[n++] = k;
    }
    p->n_sinks = n;
}

/* A lone sink may want to see a few rows before all. */
static int glance(plan *p, yoke_error *err)
{
    YK_CLEANUP(yk_skips_fini) yk_skips skips = {0};
    const yk_scan *s = p->scan;
    yk_sink       *k = p->n_sinks == 1 ? p->sinks[0] : NULL;
    if (!k || !k->ops->glance || s->source->has_csv || s->rows.first || s->rows.n)
        return 0;
    YK_TRY(yk_scan_skips(p, NULL, p->first, p->n, &skips, err));
    k->ops->glance(k, s->source, &skips, &p->first, &p->n);
    return 0;
}

static void plan_fini(plan *p)
{
    yk_program_free(p->program);
    yk_free(p->columns);
    yk_free(p->unseen);
    yk_free(p->first_field);
    yk_free(p->keys);
    yk_free(p->sinks);
}

static int make_plan(plan *p, yk_scan *s, yoke_error *err)
{
    *p = (plan){.scan = s, .retype_column = -1};
    p->sinks = yk_new_array(yk_sink *, s->n_sinks + 1);
    if (!p->sinks)
        return yk_fail_nomem(err, "planning a scan");
    for (size_t i = 0; i < s->n_sinks; i++)
        if (!s->sinks[i]->is_done)
            p->sinks[p->n_sinks++] = s->sinks[i];
    p->first = s->rows.first;
    p->n = s->rows.n ? s->rows.n : s->source->n_rows - s->rows.first;
    return make_program(p, err);
}

/* ---- the memory that tasks take */

/* What a task's result may be, as long as none has come: every value kept, and once more what is known of it. */
static size_t expect(const plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_sinks; i++)
        n += p->sinks[i]->is_small ? 0 : p->sinks[i]->n_roots;
    return p->row_bytes ? p->row_bytes * p->task_rows : n * p->task_rows * 2 * sizeof(yk_text);
}

/* What a row takes of tasks that may end anywhere; 0 where not all may. */
static uint64_t find_row_bytes(const yk_source *s, const yk_program *program, yk_sink *const *sinks, size_t n_sinks)
{
    uint64_t row = 0;
    for (size_t i = 0; i < n_sinks; i++) {
        if (!sinks[i]->has_cuts)
            return 0;
        row += sinks[i]->per_row + yk_fit_row_bytes(s, program, sinks[i]->root, sinks[i]->n_roots);
    }
    return row;
}

/* Fewer rows where they are wide: each worker has some then, in memory that is used again. */
static uint64_t rows_of_task(uint64_t row_bytes)
{
    enum { MOST = 32 << 20 };
    uint64_t n = YK_TASK_ROWS;
    while (n > YK_BLOCK && row_bytes * n > MOST)
        n /= 2;
    return n;
}

uint64_t yk_scan_task_rows(const yk_scan *s, const yk_program *program)
{
    return rows_of_task(find_row_bytes(s->source, program, s->sinks, s->n_sinks));
}

/* Smaller tasks, down to a block, where the rows of one alone would take more than all are to hold; and down to a few, where those of all
 * workers would. A task holds its rows, what it makes of them and what lies between. */
static void size_tasks(plan *p, uint64_t max_held)
{
    uint64_t one = 3 * p->row_bytes, all = one * yoke_session_workers(p->scan->session);
    p->task_rows = rows_of_task(p->row_bytes);
    while (p->row_bytes && p->task_rows > YK_BLOCK && (p->task_rows > 4 * YK_BLOCK ? all : one) * p->task_rows > max_held)
        p->task_rows /= 2;
}

/* Reading gets what rows on their way leave of the memory. */
static int fit(plan *p, yk_fit *ret, yoke_error *err)
{
    enum { ROOT = 32 << 10, OUT = 1 << 20 }; /* of an expression: values of blocks and what a sink keeps; of what writes */
    const yk_scan *s = p->scan;
    yk_source     *src = s->source;
    size_t         n_roots = s->n_filters;
    bool           has_rows = false;
    for (size_t i = 0; i < p->n_sinks; i++) {
        n_roots += p->sinks[i]->n_roots;
        has_rows |= !p->sinks[i]->is_small;
    }
    p->row_bytes = find_row_bytes(src, p->program, p->sinks, p->n_sinks);
    uint64_t     memory = yk_opts_memory(s->opts), block = p->row_bytes * YK_BLOCK;
    yk_fit_asked asked = {.columns = p->columns, .n_columns = p->n_columns, .memory = memory, .own = n_roots * ROOT,
                          .workers = yoke_session_workers(s->session),
                          .running = has_rows ? yk_memory_running(memory) : 0, .kept = has_rows ? yk_memory_kept(memory) : 0,
                          .least_running = 3 * block, .least_kept = block ? 4 * block + OUT : 0,
                          .is_shared = yk_stage_is_local(s->session), .is_given = s->opts->memory != 0};
    YK_TRY(yk_fit_find(src, &asked, ret, err));
    p->rests = ret->most != 0;
    for (size_t i = 0; i < src->n_files; i++)
        if (src->files[i].parquet)
            yk_parquet_set_budget(src->files[i].parquet, &ret->pages);
    return 0;
}

/* ---- the stage */

enum { ENOUGH = -1001 }; /* ends the stage without being an error */
enum { TOGETHER = 8 };   /* tasks: a million rows, a usual row group, of which one dictionary and pages on the borders are read once */

/* A task's bytes, each sink's own with its size before it. */
static int fold_sinks(plan *p, const char *at, bool *ret_done, yoke_error *err)
{
    *ret_done = p->n_sinks > 0;
    for (size_t i = 0; i < p->n_sinks; i++) {
        yk_sink *k = p->sinks[i];
        uint64_t size;
        memcpy(&size, at, sizeof size);
        at += sizeof size;
        if (!k->is_done)
            YK_TRY(k->ops->fold(k, at, (size_t)size, err));
        at += size;
        *ret_done &= k->is_done;
    }
    return 0;
}

static int scan_fold(void *ctx, const yk_result *r, yoke_error *err)
{
    plan          *p = ctx;
    const outcome *out = r->out;
    bool           is_done;
    if (out->retype_column >= 0) {
        p->retype_column = out->retype_column;
        p->retype = out->retype;
        return ENOUGH;
    }
    yoke_table_stats *st = p->scan->stats;
    st->rows_read += out->n_read;
    st->rows_skipped += out->n_skipped;
    st->rows_passed += out->n_passed;
    p->n_bad += out->n_bad;
    YK_TRY(fold_sinks(p, r->bytes, &is_done, err));
    p->n_folded += out->n_read + out->n_skipped;
    if (p->scan->opts->progress && p->scan->opts->progress(p->scan->opts->progress_ctx, p->n_folded, p->n))
        return yk_fail(err, YOKE_ECANCELED, "interrupted after %llu of %llu rows", (unsigned long long)p->n_folded,
                       (unsigned long long)p->n);
    return is_done ? ENOUGH : 0;
}

/* What was read of the files so far, added (sign 1) or taken away (-1). */
static void count_reads(const yk_source *s, yoke_table_stats *st, int sign)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (s->files[i].parquet) {
            yk_parquet_counters c = yk_parquet_count_reads(s->files[i].parquet);
            st->bytes_read += (uint64_t)(sign * (int64_t)c.bytes_read);
            st->pages_read += (uint64_t)(sign * (int64_t)c.pages_read);
        } else if (sign > 0 && s->files[i].csv) {
            st->bytes_read += yk_csv_size(s->files[i].csv);
        } else if (sign > 0 && s->files[i].npy) {
            st->bytes_read += s->files[i].npy->n_bytes;
        }
}

/* A column turned out wider: what the sinks know is forgotten. After the second such column all are looked at. */
static int widen(plan *p, unsigned *n_retyped, yoke_error *err)
{
    yk_scan *s = p->scan;
    for (size_t i = 0; i < p->n_sinks; i++)
        if (p->sinks[i]->ops->reset)
            p->sinks[i]->ops->reset(p->sinks[i]);
    YK_TRY(yk_source_widen(s->source, (size_t)p->retype_column, p->retype, err));
    return (*n_retyped)++ ? yk_types_settle(s->source, s->session, s->opts, p->columns, p->n_columns, err) : 0;
}

/* One scan; *ret_retyped when a column turned out wider and it must be done anew. */
static int scan_once(yk_scan *s, unsigned *n_retyped, bool *ret_retyped, yoke_error *err)
{
    YK_CLEANUP(plan_fini) plan p;
    YK_TRY(make_plan(&p, s, err));
    leave_out_known(&p);
    if (s->n_sinks && !p.n_sinks) {
        s->stats->rows_skipped += p.n;
        return 0;
    }
    YK_TRY(glance(&p, err));
    find_counted(&p);
    find_pair(&p);
    yk_fit room;
    YK_TRY(fit(&p, &room, err));
    count_reads(s->source, s->stats, -1);
    size_tasks(&p, room.running);
    yk_stage st = {.name = "scan", .n = (p.n + p.task_rows - 1) / p.task_rows, .out_size = sizeof(outcome), .ctx = &p,
                   .start = yk_scan_start, .stop = yk_scan_stop, .task = yk_scan_task, .fold = scan_fold, .fold_ctx = &p,
                   .max_held = p.row_bytes ? room.running : yk_memory_running(yk_opts_memory(s->opts)), .expected = expect(&p),
                   .most = room.most, .together = TOGETHER};
    int rc = yk_stage_run(s->session, &st, err);
    count_reads(s->source, s->stats, 1);
    s->stats->scans++;
    s->stats->rows_bad = p.n_bad > s->stats->rows_bad ? p.n_bad : s->stats->rows_bad;
    if (rc < 0 && rc != ENOUGH)
        return rc;
    *ret_retyped = p.retype_column >= 0;
    return *ret_retyped ? widen(&p, n_retyped, err) : 0;
}

int yk_scan_type(yk_scan *s, yk_program **ret, yoke_error *err)
{
    YK_TRY(yk_source_count(s->source, s->session, s->opts, err));
    YK_CLEANUP(plan_fini) plan p;
    YK_TRY(make_plan(&p, s, err));
    leave_out_known(&p);
    *ret = YK_TAKE(p.program);
    return 0;
}

int yk_scan_run(yk_scan *s, yoke_error *err)
{
    double   began = yk_now();
    unsigned n_retyped = 0;
    YK_TRY(yk_source_count(s->source, s->session, s->opts, err));
    for (bool more = true; more;) {
        bool retyped = false;
        YK_TRY(scan_once(s, &n_retyped, &retyped, err));
        more = retyped;
        for (size_t i = 0; i < s->n_sinks && !retyped; i++) {
            bool wants = false;
            if (!s->sinks[i]->is_done && s->sinks[i]->ops->again)
                YK_TRY(s->sinks[i]->ops->again(s->sinks[i], &wants, err));
            s->sinks[i]->is_done = !wants;
            more |= wants;
        }
    }
    s->stats->seconds += yk_now() - began;
    return 0;
}
