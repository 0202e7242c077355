/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The three examples: the commands, and what is read from what they print and write.
 */
#include "base/file.h"
#include "base/number.h"
#include "cli/tutorial.h"
#include "plot/plot_csv.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { MANY_SEEDS = 600, PI_BINS = 30 };

/* Removes what an earlier run left under the folder for outputs, so that a new one may write there. */
static void remove_old(const yk_tutorial *t, const char *pattern)
{
    YK_AUTOBUF whole = YK_BUF_INIT;
    glob_t     found = {0};
    for (const char *c = t->files; *c; c++) {
        if (strchr("*?[]\\", *c))
            yk_buf_putc(&whole, '\\');
        yk_buf_putc(&whole, *c);
    }
    yk_buf_printf(&whole, "/%s", pattern);
    if (!whole.is_failed && glob(yk_buf_text(&whole), 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
}

static void add_on(const yk_tutorial *t, yk_step *s)
{
    if (t->on)
        yk_step_words(s, "--on", t->on, NULL);
}

/* ---- pi */

/* The n numbers of the lines that a command printed. */
static int read_numbers(const yk_step *s, double *to, size_t n, yoke_error *err)
{
    const char *at = yk_buf_text(&s->out), *end = at + s->out.len;
    for (size_t i = 0; i < n; i++) {
        size_t len = at < end ? strcspn(at, "\n") : 0;
        if (!yk_number_read_real(at, len, &to[i]))
            return yk_fail(err, YOKE_EFORMAT, "'%s' printed no number on line %zu", yk_buf_text(&s->shown), i + 1);
        at += len + 1;
    }
    return 0;
}

/* The estimates as a histogram file, for the picture. */
static int save_estimates(const yk_tutorial *t, const double *v, size_t n, yoke_error *err)
{
    double     edges[PI_BINS + 1], half = 0;
    uint64_t   counts[PI_BINS] = {0};
    YK_AUTOBUF csv = YK_BUF_INIT, path = YK_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        half = fmax(half, fabs(v[i] - M_PI));
    half *= 1.0001;
    for (int k = 0; k <= PI_BINS; k++)
        edges[k] = M_PI + half * (2.0 * k / PI_BINS - 1);
    for (size_t i = 0; i < n; i++)
        counts[(int)((v[i] - M_PI + half) / (2 * half) * PI_BINS)]++;
    yk_hist_csv(&csv, PI_BINS, edges, counts);
    yk_buf_printf(&path, "%s/pi.csv", t->files);
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    YK_TRY(yk_output_open(&out, yk_buf_text(&path), true, err));
    YK_TRY(yk_file_write(fileno(out.file), out.path, yk_buf_text(&csv), csv.len, err));
    return yk_output_commit(&out, err);
}

static int read_estimates(yk_tutorial *t, yoke_error *err)
{
    yk_pi_part         *p = &t->pi_part;
    YK_AUTOFREE double *v = yk_calloc(p->n_many, sizeof *v);
    double              sum = 0, squares = 0;
    if (!v)
        return yk_fail_nomem(err, "reading the estimates");
    YK_TRY(read_numbers(&p->ten, p->values, YK_PI_SEEDS, err));
    YK_TRY(read_numbers(&p->parallel, v, p->n_many, err));
    for (uint64_t i = 0; i < p->n_many; i++)
        sum += v[i];
    p->mean = sum / (double)p->n_many;
    for (uint64_t i = 0; i < p->n_many; i++)
        squares += (v[i] - p->mean) * (v[i] - p->mean);
    p->stderr_of_mean = sqrt(squares / (double)(p->n_many - 1) / (double)p->n_many);
    p->is_same = p->serial.out.len == p->parallel.out.len && memcmp(p->serial.out.data, p->parallel.out.data, p->serial.out.len) == 0;
    return save_estimates(t, v, p->n_many, err);
}

/* Draws into FOLDER/NAME.svg and reads it; without gnuplot the picture stays empty, which is no failure. */
static void draw(const yk_tutorial *t, yk_step *s, const char *name, yk_buf *picture)
{
    yoke_error why = YOKE_ERROR_INIT;
    YK_AUTOBUF path = YK_BUF_INIT;
    yk_buf_printf(&path, "%s/%s.svg", t->files, name);
    unlink(yk_buf_text(&path));
    yk_step_words(s, "-o", yk_buf_text(&path), NULL);
    if (yk_step_run(s, &why) < 0 || yk_file_slurp(yk_buf_text(&path), picture, &why) < 0)
        fprintf(stderr, "yoke tutorial: no picture: %s\n", why.text);
}

/* Both several times in turns, for the least time of each: other programs' work does not count. */
static int run_in_turns(yk_step *one, yk_step *other, yoke_error *err)
{
    double least_one = INFINITY, least_other = INFINITY;
    for (int i = 0; i < YK_PI_RUNS; i++) {
        YK_TRY(yk_step_run(one, err));
        YK_TRY(yk_step_run(other, err));
        least_one = fmin(least_one, one->seconds);
        least_other = fmin(least_other, other->seconds);
    }
    one->seconds = least_one;
    other->seconds = least_other;
    return 0;
}

int yk_tutorial_pi(yk_tutorial *t, yoke_error *err)
{
    yk_pi_part *p = &t->pi_part;
    p->n_many = MANY_SEEDS;
    yk_step_words(&p->ten, "map", NULL);
    yk_step_wordf(&p->ten, "%s:pi_mt19937", t->pi);
    yk_step_words(&p->ten, "0..9", NULL);
    add_on(t, &p->ten);
    yk_step_words(&p->serial, "map", NULL);
    yk_step_wordf(&p->serial, "%s:pi", t->pi);
    yk_step_wordf(&p->serial, "0..%d", MANY_SEEDS - 1);
    yk_step_words(&p->serial, "--on", "serial", NULL);
    yk_step_words(&p->parallel, "map", NULL);
    yk_step_wordf(&p->parallel, "%s:pi", t->pi);
    yk_step_wordf(&p->parallel, "0..%d", MANY_SEEDS - 1);
    add_on(t, &p->parallel);
    YK_TRY(yk_step_run(&p->ten, err));
    YK_TRY(run_in_turns(&p->serial, &p->parallel, err));
    YK_TRY(read_estimates(t, err));
    yk_step_words(&p->plot, "plot", NULL);
    yk_step_wordf(&p->plot, "%s/pi.csv", t->files);
    yk_step_words(&p->plot, "--x-label", "estimate of pi", "--y-label", "seeds", "--size", "640x360", NULL);
    draw(t, &p->plot, "pi", &p->picture);
    return 0;
}

/* ---- photographs */

static const char *const photo_patterns[] = {"*.jpg", "*.jpeg", "*.JPG", "*.JPEG", "*.png", "*.tif", "*.tiff", "*.webp"};

static size_t add_photos(const yk_tutorial *t, yk_step *s)
{
    size_t n = 0;
    yk_step_words(s, "image", NULL);
    for (size_t i = 0; i < sizeof photo_patterns / sizeof *photo_patterns; i++)
        n += yk_step_glob(s, t->photos_dir, photo_patterns[i]);
    yk_step_words(s, "--rotate", "180", NULL);
    return n;
}

static bool is_inside(const yk_buf *part, const yk_buf *whole)
{
    return part->len > 0 && memmem(whole->data, whole->len, part->data, part->len) != NULL;
}

/* The name that yoke image gives an output: FOLDER/SUB/NAME_flipped.ENDING. */
static char *output_of(const yk_tutorial *t, const char *sub, const char *input, const char *ending)
{
    YK_AUTOBUF  b = YK_BUF_INIT;
    const char *base = yk_path_base(input), *ext = yk_path_ext(input);
    yk_buf_printf(&b, "%s/%s/%.*s_flipped.%s", t->files, sub, (int)(strlen(base) - (*ext ? strlen(ext) + 1 : 0)), base, ending);
    return b.is_failed ? NULL : yk_strdup(yk_buf_text(&b));
}

static int check_photo(yk_tutorial *t, const char *input, bool has_thumbs, yoke_error *err)
{
    yk_photos_part   *p = &t->photos_part;
    yk_photo          photo = {.path = yk_strdup(input), .thumb = has_thumbs ? output_of(t, "small", input, "jpg") : NULL};
    YK_AUTOFREE char *pdf = output_of(t, "turned", input, "pdf");
    YK_AUTOBUF        original = YK_BUF_INIT, page = YK_BUF_INIT;
    if (!photo.path || !pdf || !yk_push(&p->photos, &p->n, &p->cap, photo)) {
        yk_free(photo.path);
        yk_free(photo.thumb);
        return yk_fail_nomem(err, "checking the pictures");
    }
    YK_TRY(yk_file_slurp(input, &original, err));
    YK_TRY(yk_file_slurp(pdf, &page, err));
    yk_photo *kept = &p->photos[p->n - 1];
    kept->bytes = original.len;
    kept->is_unchanged = is_inside(&original, &page);
    p->bytes += original.len;
    p->n_unchanged += kept->is_unchanged;
    return 0;
}

int yk_tutorial_photos(yk_tutorial *t, yoke_error *err)
{
    yk_photos_part *p = &t->photos_part;
    yoke_error      why = YOKE_ERROR_INIT;
    size_t          n = add_photos(t, &p->turn);
    if (n == 0)
        return yk_fail(err, YOKE_EABSENT, "'%s' holds no pictures (*.jpg, *.png, *.tif, *.webp)", t->photos_dir);
    remove_old(t, "turned/*_flipped.pdf");
    remove_old(t, "small/*_flipped.jpg");
    yk_step_words(&p->turn, "--to", "pdf", "--suffix", "_flipped", NULL);
    yk_step_words(&p->turn, "-o", NULL);
    yk_step_wordf(&p->turn, "%s/turned", t->files);
    add_on(t, &p->turn);
    YK_TRY(yk_step_run(&p->turn, err));
    add_photos(t, &p->thumbs);
    yk_step_words(&p->thumbs, "--to", "jpg", "--max-size", "260", "--quality", "80", "--suffix", "_flipped", NULL);
    yk_step_words(&p->thumbs, "-o", NULL);
    yk_step_wordf(&p->thumbs, "%s/small", t->files);
    add_on(t, &p->thumbs);
    bool has_thumbs = yk_step_run(&p->thumbs, &why) == 0;
    if (!has_thumbs)
        fprintf(stderr, "yoke tutorial: no small pictures: %s\n", why.text);
    for (size_t i = 1; i <= n; i++) /* word 0 is "image" */
        YK_TRY(check_photo(t, p->turn.words[i], has_thumbs, err));
    return 0;
}

/* ---- taxis */

static size_t count_files(const yk_tutorial *t, const char *pattern)
{
    yk_step probe = YK_STEP_INIT;
    size_t  n = yk_step_glob(&probe, t->taxi_dir, pattern);
    yk_step_fini(&probe);
    return n;
}

static int pick_fleets(yk_tutorial *t, yoke_error *err)
{
    static const struct {
        const char *name, *key, *tip, *fare;
        int         at;
    } known[] = {{"yellow cabs", "yellow", "tip_amount", "fare_amount", 0},
                 {"ride-share", "fhvhv", "tips", "base_passenger_fare", 1},
                 {"green cabs", "green", "tip_amount", "fare_amount", 1}};
    static const char *const endings[] = {"parquet", "csv"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (int e = 0; e < 2; e++) {
            yk_fleet *f = &t->taxi_part.fleets[known[i].at];
            char      pattern[64];
            snprintf(pattern, sizeof pattern, "%s_tripdata_*.%s", known[i].key, endings[e]);
            size_t n = f->name ? 0 : count_files(t, pattern);
            if (n == 0)
                continue;
            f->name = known[i].name, f->key = known[i].key, f->tip = known[i].tip, f->fare = known[i].fare, f->n_files = n;
            strcpy(f->pattern, pattern);
        }
    for (int k = 0; k < 2; k++)
        if (!t->taxi_part.fleets[k].name)
            return yk_fail(err, YOKE_EABSENT, "'%s' holds no %s", t->taxi_dir,
                           k == 0 ? "yellow_tripdata_*.parquet" : "fhvhv_tripdata_*.parquet and no green_tripdata_*.parquet");
    return 0;
}

/* The number on the line of the table's output that begins with the name. */
static int read_result(const yk_step *s, const char *name, double *ret, yoke_error *err)
{
    for (const char *at = yk_buf_text(&s->out); *at; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t len = strcspn(at, "\n"), end = len;
        if (strncmp(at, name, strlen(name)) != 0)
            continue;
        while (end > 0 && at[end - 1] != ' ' && at[end - 1] != '\t')
            end--;
        if (yk_number_read_real(at + end, len - end, ret))
            return 0;
    }
    return yk_fail(err, YOKE_EFORMAT, "'%s' printed no %s", yk_buf_text(&s->shown), name);
}

static int ask_fleet(yk_tutorial *t, yk_fleet *f, yoke_error *err)
{
    yk_step *s = &f->step;
    YK_AUTOBUF path = YK_BUF_INIT;
    yk_buf_printf(&path, "%s/%s.csv", t->files, f->key);
    unlink(yk_buf_text(&path));
    yk_step_words(s, "table", NULL);
    yk_step_glob(s, t->taxi_dir, f->pattern);
    yk_step_words(s, "--where", NULL);
    yk_step_wordf(s, "%s > 0", f->fare);
    yk_step_words(s, "--count", "--mean", NULL);
    yk_step_wordf(s, "%s / %s", f->tip, f->fare);
    yk_step_words(s, "--hist", NULL);
    yk_step_wordf(s, "%s / %s", f->tip, f->fare);
    yk_step_words(s, "--bins", "200", "--range", "0.01:2", "-o", yk_buf_text(&path), NULL);
    add_on(t, s);
    YK_TRY(yk_step_run(s, err));
    YK_TRY(read_result(s, "count", &f->count, err));
    return read_result(s, "mean", &f->mean, err);
}

static void add_plot(const yk_tutorial *t, yk_step *s)
{
    yk_step_words(s, "plot", NULL);
    for (int k = 0; k < 2; k++)
        yk_step_wordf(s, "%s/%s.csv", t->files, t->taxi_part.fleets[k].key);
    yk_step_words(s, "--log-y", "--x-label", "tip / fare", "--y-label", "trips", NULL);
}

int yk_tutorial_taxi(yk_tutorial *t, yoke_error *err)
{
    yk_taxi_part *p = &t->taxi_part;
    yoke_error    why = YOKE_ERROR_INIT;
    YK_TRY(pick_fleets(t, err));
    YK_TRY(ask_fleet(t, &p->fleets[0], err));
    YK_TRY(ask_fleet(t, &p->fleets[1], err));
    add_plot(t, &p->plot);
    draw(t, &p->plot, "tips", &p->picture);
    add_plot(t, &p->drawing);
    if (yk_step_run(&p->drawing, &why) < 0)
        fprintf(stderr, "yoke tutorial: no drawing: %s\n", why.text);
    return 0;
}
