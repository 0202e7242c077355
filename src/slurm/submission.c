/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/submission.h"

#include "base/file.h"
#include "slurm/indices.h"
#include "slurm/script.h"
#include "slurm/slurm_call.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void yk_submitted_fini(yk_submitted *s)
{
    yk_free(s->script);
    yk_buf_fini(&s->said);
}

/* ---- the script */

static const char *value(const yk_submission *s, const char *name, char letter)
{
    return yk_sbatch_value(s->run->option, s->run->n_options, name, letter);
}

static void print_option(yk_buf *to, const char *name, const char *text)
{
    yk_buf_printf(to, "#SBATCH --%s=", name);
    yk_script_word(to, text);
    yk_buf_putc(to, '\n');
}

/* What the user did not say is said here. */
static void print_defaults(const yk_submission *s, yk_buf *to)
{
    const char *base = yk_path_base(s->run->list), *dot = strrchr(base, '.');
    YK_AUTOBUF  name = YK_BUF_INIT, output = YK_BUF_INIT;
    yk_buf_printf(&name, "%.*s", (int)(dot && dot > base ? (size_t)(dot - base) : strlen(base)), base);
    yk_script_path(&output, s->run->folder);
    yk_buf_puts(&output, "/slurm-%A_%a.out");
    if (!value(s, "job-name", 'J'))
        print_option(to, "job-name", yk_buf_text(&name));
    if (!value(s, "output", 'o'))
        print_option(to, "output", yk_buf_text(&output));
    if (!value(s, "open-mode", 0)) /* a second start must not wipe what the first one said */
        print_option(to, "open-mode", "append");
    if (!value(s, "requeue", 0) && !value(s, "no-requeue", 0))
        yk_buf_puts(to, "#SBATCH --requeue\n");
}

/* The user's options, each on a line of its own; words that belong together share one. */
static void print_words(const yk_slurm_run *r, yk_buf *to)
{
    for (size_t i = 0; i < r->n_options; i++) {
        const char *w = r->option[i];
        yk_buf_puts(to, "#SBATCH ");
        yk_script_word(to, w);
        if (yk_sbatch_takes_next(w) && i + 1 < r->n_options) {
            yk_buf_putc(to, ' ');
            yk_script_word(to, r->option[++i]);
        }
        yk_buf_putc(to, '\n');
    }
}

static int print_script(const yk_submission *s, const yk_slurm_part *p, yk_buf *to, yoke_error *err)
{
    char    self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return yk_fail_errno(err, "finding this program's own path");
    self[n] = '\0';
    yk_buf_puts(to, "#!/bin/sh\n#SBATCH --array=");
    YK_TRY(yk_slurm_part_array(s->run, p, to, err));
    if (s->at_once)
        yk_buf_printf(to, "%%%" PRIu64, s->at_once);
    yk_buf_putc(to, '\n');
    print_defaults(s, to);
    print_words(s->run, to);
    yk_buf_puts(to, "\n# Each task runs its lines of the job file as it was when it was submitted, and notes what became of them.\nexec ");
    yk_script_shell(to, self);
    yk_buf_puts(to, " submit --task ");
    yk_script_shell(to, s->run->folder);
    yk_buf_printf(to, " --part %u\n", p->number);
    return to->is_failed ? yk_fail_nomem(err, "writing a batch script") : 0;
}

static int write_script(const yk_submission *s, yk_submitted *d, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    char       name[32];
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    snprintf(name, sizeof name, "batch-%u.sh", d->part->number);
    YK_TRY(print_script(s, d->part, &text, err));
    if (!(d->script = yk_slurm_run_path(s->run, name)))
        return yk_fail_nomem(err, "writing a batch script");
    YK_TRY(yk_output_open(&out, d->script, false, err));
    if (fwrite(text.data, 1, text.len, out.file) != text.len)
        return yk_fail_errno(err, "'%s'", d->script);
    return yk_output_commit(&out, err);
}

/* ---- how many lines a task takes */

static int count_lines(const yk_submission *s, uint64_t *ret_n, uint64_t *ret_last, yoke_error *err)
{
    YK_CLEANUP(yk_jobfile_closep) yk_jobfile *f = NULL;
    if (s->lines) {
        *ret_n = yk_lines_count(s->lines);
        *ret_last = s->lines->n ? s->lines->range[s->lines->n - 1].last : 0;
        return *ret_n ? 0 : yk_fail(err, YOKE_EINVALID, "no line is left to submit");
    }
    YK_TRY(yk_slurm_run_jobs(s->run, &f, err));
    *ret_n = yk_jobfile_count(f);
    *ret_last = yk_jobfile_lines(f) - 1;
    return 0;
}

static uint64_t wanted_pack(const yk_submission *s, uint64_t n)
{
    if (!s->is_auto)
        return s->pack;
    const char *cpus = value(s, "cpus-per-task", 'c');
    return yk_slurm_pack_auto(n, yk_site_processors(value(s, "partition", 'p')), cpus ? strtoull(cpus, NULL, 10) : 1);
}

int yk_submission_write(const yk_submission *s, yk_submitted *ret, yoke_error *err)
{
    YK_CLEANUP(yk_submitted_fini) yk_submitted d = {.said = YK_BUF_INIT};
    uint64_t last;
    YK_TRY(count_lines(s, &d.n_lines, &last, err));
    uint64_t wanted = wanted_pack(s, d.n_lines), pack = yk_slurm_pack(d.n_lines, last, wanted, &s->site);
    d.per_task = pack ? pack : 1;
    d.is_raised = wanted && pack > wanted;
    YK_TRY(yk_slurm_run_add(s->run, s->lines, pack, !value(s, "output", 'o'), &d.part, err));
    YK_TRY(write_script(s, &d, err));
    *ret = d;
    d = (yk_submitted){.said = YK_BUF_INIT};
    return 0;
}

int yk_submission_send(const yk_submission *s, yk_submitted *d, yoke_error *err)
{
    YK_AUTOREPLY r = YK_SLURM_REPLY_INIT;
    const char *const argv[] = {"sbatch", "--parsable", d->script, NULL};
    bool waits = value(s, "wait", 'W') != NULL; /* sbatch ends with the jobs then, with their status */
    YK_TRY(waits ? yk_slurm_try(argv, 1e9, &r, err) : yk_slurm_call(argv, YK_SLURM_SUBMIT_S, &r, err));
    char    *end;
    uint64_t job = strtoull(yk_buf_text(&r.out), &end, 10);
    yk_buf_append(&d->said, yk_buf_text(&r.said), r.said.len);
    if (end == yk_buf_text(&r.out)) /* --test-only and the like: nothing was submitted */
        return 0;
    return yk_slurm_run_submitted(s->run, d->part, job, err);
}
