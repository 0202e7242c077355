/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke map 'command {}': a command per item.
 */
#include "cli/map_verb.h"

#include "base/file.h"
#include "jobs/template.h"

#include <regex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { COLUMNS_MAX = 1000 };

/* Items as fields of text, one after the other. */
typedef struct rows {
    const yk_map_asked *m;
    yk_template        *template;
    yk_field           *field; /* of the item being read */
    char              (*digits)[YK_FIELD_BUF];
    yk_text            *text;  /* n of them */
    unsigned            n, cap;
    char              **name; /* owned, each too; NULL: no names */
    unsigned            after; /* the field of m->after */
    regex_t             colsep;
    bool                has_colsep, is_held; /* held: the row in `text` is still to be given */
    uint64_t            seq;
    yk_buf              line, command, tag;
} rows;

static void rows_fini(rows *r)
{
    yk_template_free(r->template);
    yk_free(r->field);
    yk_free(r->digits);
    yk_free(r->text);
    for (unsigned i = 0; r->name && i < r->n; i++)
        yk_free(r->name[i]);
    yk_free(r->name);
    if (r->has_colsep)
        regfree(&r->colsep);
    yk_buf_fini(&r->line);
    yk_buf_fini(&r->command);
    yk_buf_fini(&r->tag);
}

/* ---- rows */

/* Takes the one field of an item apart. How many columns, or an error. */
static int split(rows *r, yoke_error *err)
{
    unsigned    n = 0;
    regmatch_t  hit;
    const char *at;
    yk_buf_clear(&r->line);
    yk_buf_append(&r->line, r->text[0].text, r->text[0].len);
    if (r->line.is_failed)
        return yk_fail_nomem(err, "reading items");
    for (at = yk_buf_text(&r->line); n + 1 < COLUMNS_MAX && regexec(&r->colsep, at, 1, &hit, at == r->line.data ? 0 : REG_NOTBOL) == 0;
         n++) {
        if (hit.rm_eo == 0)
            break;
        r->text[n] = (yk_text){at, (size_t)hit.rm_so};
        at += hit.rm_eo;
    }
    r->text[n++] = (yk_text){at, strlen(at)};
    return (int)n;
}

/* The next item's fields: 1, 0 after the last, or an error. */
static int read_row(rows *r, yoke_error *err)
{
    const yk_items *items = r->m->items;
    unsigned        width = yk_items_width(items);
    int             rc = yk_items_next(r->m->items, r->field, err);
    if (rc <= 0)
        return rc;
    for (unsigned i = 0; i < width; i++)
        r->text[i].text = yk_field_text(&r->field[i], r->digits[i], &r->text[i].len);
    for (unsigned i = 0; i < width; i++)
        if (memchr(r->text[i].text, '\0', r->text[i].len))
            return yk_fail(err, YOKE_EINVALID, "item %llu holds a NUL byte, which no command can take; is --null missing?",
                           (unsigned long long)r->seq);
    int n = r->has_colsep ? split(r, err) : (int)width;
    YK_TRY(n);
    if (r->n && (unsigned)n != r->n)
        return yk_fail(err, YOKE_EFORMAT, "item %llu has %d column%s, where the first has %u", (unsigned long long)r->seq, n,
                       n == 1 ? "" : "s", r->n);
    r->n = (unsigned)n;
    return 1;
}

static int take_names(rows *r, yoke_error *err)
{
    r->name = yk_new_array(char *, r->n);
    for (unsigned i = 0; r->name && i < r->n; i++) {
        r->name[i] = yk_strndup(r->text[i].text, r->text[i].len);
        if (!r->name[i])
            return yk_fail_nomem(err, "reading names of columns");
    }
    return r->name ? 0 : yk_fail_nomem(err, "reading names of columns");
}

static int take_item_names(rows *r, yoke_error *err)
{
    r->name = yk_new_array(char *, r->n);
    for (unsigned i = 0; r->name && i < r->n; i++) {
        const char *name = yk_items_name(r->m->items, i);
        r->name[i] = name ? yk_strdup(name) : NULL;
        if (name && !r->name[i])
            return yk_fail_nomem(err, "reading names of columns");
    }
    return r->name ? 0 : yk_fail_nomem(err, "reading names of columns");
}

static int compile_colsep(rows *r, yoke_error *err)
{
    char       why[128];
    YK_AUTOBUF b = YK_BUF_INIT;
    if (yk_items_width(r->m->items) != 1)
        return yk_fail(err, YOKE_EINVALID, "--colsep and --header are for items of one field, from one list or file");
    for (const char *at = r->m->colsep ? r->m->colsep : "\n"; *at; at++) {
        bool is_tab = at[0] == '\\' && at[1] == 't';
        yk_buf_putc(&b, is_tab ? '\t' : *at);
        at += is_tab;
    }
    int rc = regcomp(&r->colsep, yk_buf_text(&b), REG_EXTENDED);
    if (rc != 0) {
        regerror(rc, &r->colsep, why, sizeof why);
        return yk_fail(err, YOKE_EINVALID, "--colsep cannot read '%s': %s", r->m->colsep, why);
    }
    r->has_colsep = true;
    return 0;
}

/* The column of dependencies, by name or by number from 1. */
static int find_after(rows *r, yoke_error *err)
{
    char    *end;
    unsigned number = (unsigned)strtoul(r->m->after, &end, 10);
    if (!*end && number >= 1 && number <= r->n) {
        r->after = number - 1;
        return 0;
    }
    for (unsigned i = 0; i < r->n; i++)
        if (r->name && r->name[i] && strcmp(r->name[i], r->m->after) == 0) {
            r->after = i;
            return 0;
        }
    return yk_fail(err, YOKE_EINVALID, "--after: items have no column '%s'", r->m->after);
}

/* Reads the first row, which says how many columns there are, and then the template. */
static int open_rows(rows *r, yoke_error *err)
{
    unsigned width = yk_items_width(r->m->items), room = width > COLUMNS_MAX ? width : COLUMNS_MAX;
    r->field = yk_new_array(yk_field, width);
    r->digits = yk_calloc(width, sizeof *r->digits);
    r->text = yk_new_array(yk_text, room);
    if (!r->field || !r->digits || !r->text)
        return yk_fail_nomem(err, "reading items");
    if (r->m->colsep || r->m->has_header)
        YK_TRY(compile_colsep(r, err));
    int rc = read_row(r, err);
    YK_TRY(rc);
    r->is_held = rc == 1;
    if (r->m->has_header && rc == 1) {
        YK_TRY(take_names(r, err));
        r->is_held = false;
    } else if (rc == 1) {
        YK_TRY(take_item_names(r, err));
    }
    if (r->m->after && rc == 1)
        YK_TRY(find_after(r, err));
    return yk_template_new(r->m->target, r->n ? r->n : width, (const char *const *)r->name, &r->template, err);
}

/* The next command, in r->command: 1, 0, or an error. */
static int next_command(rows *r, unsigned slot, yoke_error *err)
{
    int rc = r->is_held ? 1 : read_row(r, err);
    r->is_held = false;
    if (rc <= 0)
        return rc;
    yk_buf_clear(&r->command);
    yk_template_fill(r->template, r->text, ++r->seq, slot, &r->command);
    return r->command.is_failed ? yk_fail_nomem(err, "making a command") : 1;
}

static int next(void *ctx, unsigned slot, yk_run_job *ret, yoke_error *err)
{
    rows *r = ctx;
    int   rc = next_command(r, slot, err);
    if (rc <= 0)
        return rc;
    yk_buf_clear(&r->tag);
    for (unsigned i = 0; i < r->n; i++) {
        if (i > 0)
            yk_buf_putc(&r->tag, ' ');
        yk_buf_append(&r->tag, r->text[i].text, r->text[i].len);
    }
    *ret = (yk_run_job){.text = yk_buf_text(&r->command), .len = r->command.len, .tag = yk_buf_text(&r->tag), .line = r->seq - 1,
                        .seq = r->seq};
    return YK_SOURCE_JOB;
}

/* ---- the ways to run them */

static int print_all(rows *r, yoke_error *err)
{
    int rc;
    while ((rc = next_command(r, 0, err)) > 0)
        puts(yk_buf_text(&r->command));
    return rc;
}

/* The command as a line of a job file: with what it waits for behind it. */
static int put_line(const rows *r, yk_buf *to, yoke_error *err)
{
    unsigned long long item = r->seq - 1;
    const char        *command = yk_buf_text(&r->command);
    yk_text            after = r->m->after ? r->text[r->after] : (yk_text){"", 0};
    if (strpbrk(command, "\n\r") || memchr(after.text, '\n', after.len))
        return yk_fail(err, YOKE_EUNSUPPORTED, "item %llu holds a line break, which a journalled run cannot have; leave --run out", item);
    for (size_t i = 0; i < after.len; i++)
        if (!memchr("0123456789,-", after.text[i], 12))
            return yk_fail(err, YOKE_EINVALID, "item %llu: column '%s' holds '%.*s', but --after wants the numbers of the items it waits for, such as 3,5-7 (the first is 0)",
                           item, r->m->after, (int)after.len, after.text);
    if (command[0] == '#' || strstr(command, "#yoke"))
        return yk_fail(err, YOKE_EUNSUPPORTED, "item %llu: a job file would take '%.40s' for a comment or a directive; leave --run out",
                       item, command[0] == '#' ? command : strstr(command, "#yoke"));
    yk_buf_puts(to, command);
    if (after.len > 0)
        yk_buf_printf(to, " #yoke after=%.*s", (int)after.len, after.text);
    yk_buf_putc(to, '\n');
    return to->is_failed ? yk_fail_nomem(err, "making commands") : 0;
}

/* Writes all commands as a job file, so that a run of them has all that 'yoke run' has. */
static int write_list(rows *r, int fd, yoke_error *err)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    int        rc;
    while ((rc = next_command(r, 0, err)) > 0) {
        YK_TRY(put_line(r, &b, err));
        if (b.len > 1 << 20) {
            YK_TRY(yk_file_write(fd, "the list of commands", b.data, b.len, err));
            yk_buf_clear(&b);
        }
    }
    return rc < 0 ? rc : b.len ? yk_file_write(fd, "the list of commands", b.data, b.len, err) : 0;
}

static int run_journalled(rows *r, const yk_run_opts *opts, yoke_error *err)
{
    char     path[40];
    yk_lines all = YK_LINES_INIT;
    int      fd = memfd_create("commands", MFD_CLOEXEC);
    if (fd < 0)
        return yk_fail_errno(err, "making commands");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = write_list(r, fd, err);
    if (rc == 0)
        rc = yk_run_list(r->m->args, opts, path, "item", &all);
    close(fd);
    return rc;
}

static bool is_ready(void *ctx) { return yk_items_is_ready(((const rows *)ctx)->m->items); }

static int run_rows(rows *r, const yk_run_opts *opts, yoke_error *err)
{
    YK_CLEANUP(yk_store_closep) yk_store *store = NULL;
    uint64_t count = yk_items_count(r->m->items);
    YK_TRY(yk_store_open(NULL, &store, err));
    yk_run_call call = {.args = r->m->args,
                        .opts = opts,
                        .source = {.ctx = r, .next = next, .is_ready = is_ready},
                        .total = count == UINT64_MAX || count == 0 ? count : count - r->m->has_header,
                        .store = store};
    return yk_run_call_do(&call);
}

int yk_map_commands(const yk_map_asked *m)
{
    YK_CLEANUP(rows_fini) rows r = {.m = m};
    yk_run_opts opts = m->run;
    yoke_error  err = YOKE_ERROR_INIT;
    if (opts.is_resume && !opts.run)
        return yk_cli_usage(m->args, "--resume goes on with a run that has a folder; name it with --run");
    if (m->after && !opts.run)
        return yk_cli_usage(m->args, "--after needs a run with a folder, for the order of its jobs; name one with --run");
    opts.runner.handles_signals = true;
    if (opts.runner.retry_on)
        opts.runner.retry_ctx = &opts;
    opts.printer.is_ordered = !m->is_unordered;
    int rc = open_rows(&r, &err);
    if (rc == 0)
        rc = opts.is_dry ? print_all(&r, &err) : opts.run ? run_journalled(&r, &opts, &err) : run_rows(&r, &opts, &err);
    return rc < 0 ? yk_cli_failed(m->args, &err) : rc;
}
