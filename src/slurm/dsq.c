/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/dsq.h"

#include "base/file.h"
#include "base/hash.h"
#include "slurm/script.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

void yk_dsq_list_fini(yk_dsq_list *l)
{
    yk_buf_fini(&l->text);
    yk_lines_fini(&l->jobs);
}

int yk_dsq_each(const yk_dsq_list *l, yk_dsq_fn *fn, void *ctx)
{
    const char *p = yk_buf_text(&l->text), *end = p + l->text.len;
    for (uint64_t line = 0; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t      whole = (size_t)((stop ? stop : end) - p), len = whole;
        while (len > 0 && isspace((unsigned char)p[len - 1]))
            len--;
        int rc = len > 0 && p[0] != '#' ? fn(ctx, line, p, len) : 0;
        if (rc)
            return rc;
        p += whole + (stop != NULL);
    }
    return 0;
}

static int add_job(void *ctx, uint64_t line, const char *text, size_t len)
{
    (void)text, (void)len;
    return yk_lines_add(ctx, line, NULL);
}

int yk_dsq_list_open(const char *path, yk_dsq_list *ret, yoke_error *err)
{
    YK_CLEANUP(yk_dsq_list_fini) yk_dsq_list l = {YK_BUF_INIT, YK_LINES_INIT};
    YK_TRY(yk_file_slurp(path, &l.text, err));
    if (yk_dsq_each(&l, add_job, &l.jobs) < 0)
        return yk_fail_nomem(err, "reading a job file");
    *ret = l;
    l = (yk_dsq_list){YK_BUF_INIT, YK_LINES_INIT};
    return 0;
}

int yk_dsq_snapshot(const yk_dsq_list *l, const char *dir, const char *stem, yk_buf *ret, yoke_error *err)
{
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    uint64_t hash = yk_hash_text(yk_buf_text(&l->text), l->text.len, 0);
    yk_buf_printf(ret, "%s/.dsq-%s-%016" PRIx64, dir, stem, hash);
    if (ret->is_failed)
        return yk_fail_nomem(err, "copying a job file");
    YK_TRY(yk_output_open(&out, ret->data, true, err));
    if (fwrite(yk_buf_text(&l->text), 1, l->text.len, out.file) != l->text.len)
        return yk_fail_errno(err, "'%s'", ret->data);
    return yk_output_commit(&out, err);
}

/* ---- the script */

/* sbatch takes the value of these only behind '='. */
static bool is_value_optional(const char *option, size_t len)
{
    static const char *const names[] = {"--exclusive", "--nice", "--no-kill", "--propagate", "--get-user-env"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && memcmp(option, names[i], len) == 0)
            return true;
    return false;
}

void yk_dsq_print_options(char *const *words, size_t n, yk_buf *to)
{
    for (size_t i = 0; i < n; i++) {
        const char *w = words[i], *value = w[0] == '-' ? strchr(w, '=') : w;
        if (i)
            yk_buf_putc(to, ' ');
        if (!value) {
            yk_buf_puts(to, w);
        } else if (value == w) {
            yk_script_quoted(to, w);
        } else {
            yk_buf_printf(to, "%.*s%c", (int)(value - w), w, is_value_optional(w, (size_t)(value - w)) ? '=' : ' ');
            yk_script_quoted(to, value + 1);
        }
    }
}

void yk_dsq_print_command(const yk_dsq_script *s, yk_buf *to)
{
    yk_script_shell(to, s->batch);
    yk_buf_puts(to, " --job-file ");
    yk_script_shell(to, s->list);
    if (s->status_dir) {
        yk_buf_puts(to, " --status-dir ");
        yk_script_shell(to, s->status_dir);
    } else
        yk_buf_puts(to, " --suppress-stats-file");
    if (s->pack)
        yk_buf_printf(to, " --pack %" PRIu64, s->pack);
}

static void print_option(const char *name, const char *value, yk_buf *to)
{
    yk_buf_printf(to, "#SBATCH --%s ", name);
    yk_script_word(to, value);
    yk_buf_putc(to, '\n');
}

void yk_dsq_print_script(const yk_dsq_script *s, yk_buf *to)
{
    yk_buf_puts(to, "#!/bin/bash\n");
    print_option("output", s->output, to);
    print_option("array", s->array, to);
    print_option("job-name", s->name, to);
    if (s->options[0])
        yk_buf_printf(to, "#SBATCH %s\n", s->options);
    yk_buf_puts(to, "\n# DO NOT EDIT LINE BELOW\n");
    yk_dsq_print_command(s, to);
    yk_buf_puts(to, "\n\n");
}

void yk_dsq_pack_path(const char *dir, uint64_t job, yk_buf *to)
{
    yk_buf_printf(to, "%s/.job_%" PRIu64 "_pack", dir, job);
}
