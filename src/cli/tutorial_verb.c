/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke tutorial: the worked examples end to end, and a page that shows them.
 */
#include "base/file.h"
#include "cli/tutorial.h"
#include "cli/verbs.h"

#include <yoke/session.h>

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPT_OUT = 1, OPT_PHOTOS, OPT_TAXI, OPT_FORCE, OPT_ON };

static const yk_opt opts[] = {
    {OPT_OUT, 'o', "output", "FILE",
     "the page to write (default yoke-tutorial.html); what the commands write goes to the\nfolder FILE-files, without the .html"},
    {OPT_PHOTOS, 0, "photos", "DIR", "a folder of pictures (default: ten that came with Yoke)"},
    {OPT_TAXI, 0, "taxi", "DIR",
     "a folder of TLC files: yellow_tripdata_*, and fhvhv_tripdata_* or green_tripdata_*\n(default: small ones that came with Yoke)"},
    {OPT_FORCE, 'f', "force", NULL, "replace FILE also when it is not a page of an earlier run"},
    {OPT_ON, 0, "on", "WHAT", "what pulls: serial, threads[:N], processes[:N] (default: $YOKE_ON, else threads)"},
    {0},
};

static void tutorial_free(yk_tutorial *t)
{
    if (!t)
        return;
    yk_step *const steps[] = {&t->pi_part.ten, &t->pi_part.serial, &t->pi_part.parallel, &t->pi_part.plot, &t->photos_part.turn,
                              &t->photos_part.thumbs, &t->taxi_part.fleets[0].step, &t->taxi_part.fleets[1].step,
                              &t->taxi_part.plot, &t->taxi_part.drawing};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        yk_step_fini(steps[i]);
    for (size_t i = 0; i < t->photos_part.n; i++) {
        yk_free(t->photos_part.photos[i].path);
        yk_free(t->photos_part.photos[i].thumb);
    }
    yk_free(t->photos_part.photos);
    yk_buf_fini(&t->pi_part.picture);
    yk_buf_fini(&t->taxi_part.picture);
    yk_free(t->files);
    yk_free(t);
}
YK_DEFINE_CLEANUP(yk_tutorial, tutorial_free)

const char *yk_tutorial_time(double s, char buf[32])
{
    if (s < 0.1)
        snprintf(buf, 32, "%.1f ms", s * 1e3);
    else
        snprintf(buf, 32, s < 10 ? "%.2f s" : "%.1f s", s);
    return buf;
}

/* A path is shown from here when it lies below: shorter to read and to type. */
static void shorten(char path[YK_PLACE_MAX])
{
    char   here[YK_PLACE_MAX];
    size_t len = getcwd(here, sizeof here) ? strlen(here) : 0;
    if (len > 1 && strncmp(path, here, len) == 0 && path[len] == '/')
        memmove(path, path + len + 1, strlen(path + len + 1) + 1);
}

static int find_part(const char *given, const char *name, char path[YK_PLACE_MAX], yoke_error *err)
{
    if (given && snprintf(path, YK_PLACE_MAX, "%s", given) >= YK_PLACE_MAX)
        return yk_fail(err, YOKE_EINVALID, "the folder's name is too long");
    if (given && access(path, R_OK | X_OK) < 0)
        return yk_fail_errno(err, "'%s'", given);
    while (given && path[1] && path[strlen(path) - 1] == '/')
        path[strlen(path) - 1] = '\0';
    if (!given && !yk_place_data(name, path))
        return yk_fail(err, YOKE_EABSENT,
                       "'%s', which belongs to Yoke, is not installed; run 'meson install' again, or name a folder of your own", name);
    shorten(path);
    return 0;
}

/* An earlier page may be replaced, another file only by force. */
static int check_report(const char *path, bool may_replace, yoke_error *err)
{
    char        head[512] = "";
    const char *ext = yk_path_ext(path);
    FILE       *f = fopen(path, "re");
    size_t      n = f ? fread(head, 1, sizeof head - 1, f) : 0;
    if (f)
        fclose(f);
    if (strcasecmp(ext, "html") != 0 && strcasecmp(ext, "htm") != 0)
        return yk_fail(err, YOKE_EINVALID, "'%s': the report is a page for the browser; give a name that ends in .html", path);
    if (f && !may_replace && !memmem(head, n, yk_tutorial_mark, strlen(yk_tutorial_mark)))
        return yk_fail(err, YOKE_EEXISTS, "'%s' is already there; give another name, or --force to replace it", path);
    return 0;
}

static int make_folder(yk_tutorial *t, yoke_error *err)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yk_buf_append(&b, t->report, strlen(t->report) - strlen(yk_path_ext(t->report)) - 1);
    yk_buf_puts(&b, "-files");
    t->files = b.is_failed ? NULL : yk_strdup(yk_buf_text(&b));
    return t->files ? yk_file_make_dirs(t->files, err) : yk_fail_nomem(err, "starting the tutorial");
}

static int save_page(const yk_tutorial *t, yoke_error *err)
{
    YK_AUTOBUF page = YK_BUF_INIT;
    YK_TRY(yk_tutorial_page(t, &page, err));
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    YK_TRY(yk_output_open(&out, t->report, true, err));
    YK_TRY(yk_file_write(fileno(out.file), t->report, page.data, page.len, err));
    return yk_output_commit(&out, err);
}

static void print_answers(const yk_tutorial *t)
{
    const yk_pi_part     *pi = &t->pi_part;
    const yk_photos_part *ph = &t->photos_part;
    const yk_fleet       *f = t->taxi_part.fleets;
    char                  a[32], b[32], path[PATH_MAX];
    if (t->errors[0].code == 0)
        printf("pi       %.6f ± %.6f from %llu seeds of %d trials; %s with one worker, %s with all: %.2f times as fast%s\n", pi->mean,
               pi->stderr_of_mean, (unsigned long long)pi->n_many, YK_PI_TRIALS, yk_tutorial_time(pi->serial.seconds, a),
               yk_tutorial_time(pi->parallel.seconds, b), pi->serial.seconds / pi->parallel.seconds,
               pi->is_same ? ", the same bits" : "");
    if (t->errors[1].code == 0)
        printf("photos   %zu pictures turned into PDF in %s; %zu hold the JPEG's bytes unchanged\n", ph->n,
               yk_tutorial_time(ph->turn.seconds, a), ph->n_unchanged);
    if (t->errors[2].code == 0)
        printf("tips     %s %.2f %% of the fare (%.0f trips), %s %.2f %% (%.0f trips), read in %s\n", f[0].name, 100 * f[0].mean,
               f[0].count, f[1].name, 100 * f[1].mean, f[1].count,
               yk_tutorial_time(f[0].step.seconds + f[1].step.seconds, a));
    printf("report   %s\n", realpath(t->report, path) ? path : t->report);
}

static int run_pi(yk_tutorial *t, yoke_error *err)
{
    YK_TRY(find_part(NULL, "examples/pi.c", t->pi, err));
    return yk_tutorial_pi(t, err);
}

/* The parts, each whether or not another failed. */
static int run_parts(yk_args *args, yk_tutorial *t)
{
    static int (*const parts[])(yk_tutorial *, yoke_error *) = {run_pi, yk_tutorial_photos, yk_tutorial_taxi};
    static const char *const names[] = {"pi", "the photographs", "the taxis"};
    int                      code = YK_EXIT_OK;
    for (int i = 0; i < 3; i++) {
        if (parts[i](t, &t->errors[i]) == 0)
            continue;
        yk_cli_warn(args, "%s: %s", names[i], t->errors[i].text);
        code = YK_EXIT_FAILED;
    }
    return code;
}

static int start(yk_tutorial *t, const char *photos, const char *taxi, bool may_replace, yoke_error *err)
{
    yoke_session *s = yoke_open(t->on, err); /* a wrong --on is said once, before anything runs */
    if (!s)
        return err->code;
    yoke_close(s);
    YK_TRY(check_report(t->report, may_replace, err));
    YK_TRY(find_part(photos, "data/photos", t->photos_dir, err));
    YK_TRY(find_part(taxi, "data/taxi", t->taxi_dir, err));
    return make_folder(t, err);
}

static int run(yk_args *args)
{
    YK_CLEANUP(tutorial_freep) yk_tutorial *t = yk_new(yk_tutorial);
    yoke_error  err = YOKE_ERROR_INIT;
    const char *value, *photos = NULL, *taxi = NULL;
    bool        may_replace = false;
    int         id;
    if (!t)
        return yk_cli_warn(args, "out of memory"), YK_EXIT_FAILED;
    t->report = "yoke-tutorial.html";
    while ((id = yk_args_next(args, &value)) != YK_ARG_END) {
        switch (id) {
        case OPT_OUT: t->report = value; break;
        case OPT_PHOTOS: photos = value; break;
        case OPT_TAXI: taxi = value; break;
        case OPT_FORCE: may_replace = true; break;
        case OPT_ON: t->on = value; break;
        case YK_ARG_WORD: return yk_cli_usage(args, "'%s' is one word too many; folders are given by --photos and --taxi", value);
        default: return YK_EXIT_USAGE;
        }
    }
    if (start(t, photos, taxi, may_replace, &err) < 0)
        return yk_cli_failed(args, &err);
    int code = run_parts(args, t);
    if (save_page(t, &err) < 0)
        return yk_cli_failed(args, &err);
    print_answers(t);
    return yk_cli_finish(args, code);
}

const yk_verb yk_verb_tutorial = {
    .name = "tutorial",
    .summary = "the worked examples on real data, with a page that shows them",
    .usage = "[--photos DIR] [--taxi DIR] [-o FILE.html]",
    .about = "Runs three examples, each by the commands that you would type, which are shown: pi by throwing darts, with one worker and\n"
             "with all; photographs turned into PDF without touching their bytes; and how much of a taxi's fare the tip is, in\n"
             "yellow cabs and in another fleet. Prints the answers and writes one page for the browser, with numbers, timings and\n"
             "pictures in it.\n\n"
             "A part that fails is reported and the others run; the exit code is then 1.",
    .opts = opts,
    .examples = "# the examples with the data that came with Yoke\n"
                "yoke tutorial\n\n"
                "# with a year of the TLC's files, downloaded to ~/tlc\n"
                "yoke tutorial --taxi ~/tlc -o year.html\n",
    .run = run,
};
