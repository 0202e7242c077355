/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The worked examples: commands run as a user would type them (tutorial_step.c), what they are and what is read from their
 * output (tutorial_parts.c), and the page that shows them (tutorial_page.c).
 */
#ifndef YK_CLI_TUTORIAL_H
#define YK_CLI_TUTORIAL_H

#include "base/buf.h"
#include "base/place.h"

/* ---- one command, run by this very program */

typedef struct yk_step {
    yk_buf   shown;   /* as typed in a shell */
    yk_buf   out, err; /* what it printed */
    char   **words;   /* owned, as is each */
    size_t   n_words, cap_words;
    int      code;    /* its exit code; 128 + N when signal N ended it */
    bool     is_done; /* run, and ended with 0 */
    double   seconds;
} yk_step;

#define YK_STEP_INIT {YK_BUF_INIT, YK_BUF_INIT, YK_BUF_INIT, NULL, 0, 0, 0, false, 0}

/* Add words: as they are (several, up to NULL), by printf, or a pattern that stands for the files it matches. */
void   yk_step_words(yk_step *s, ...) __attribute__((sentinel));
void   yk_step_wordf(yk_step *s, const char *fmt, ...) YK_PRINTF(2, 3);
size_t yk_step_glob(yk_step *s, const char *dir, const char *pattern); /* how many; the word is left out when none */

/* Runs it and waits, again when it ran before. YOKE_ETASK, with the first line of what it complained of, when it did not end with 0. */
int  yk_step_run(yk_step *s, yoke_error *err) YK_MUST_USE;
void yk_step_fini(yk_step *s);

/* ---- the three examples */

enum { YK_PI_SEEDS = 10, YK_PI_TRIALS = 500000, YK_PI_RUNS = 3 };

typedef struct yk_pi_part {
    yk_step  ten, serial, parallel, plot; /* ten seeds; many, with one worker and with all; the picture */
    double   values[YK_PI_SEEDS];
    uint64_t n_many;
    double   mean, stderr_of_mean; /* of the many */
    bool     is_same;              /* serial and parallel printed the same */
    yk_buf   picture;              /* SVG; empty without gnuplot */
} yk_pi_part;

typedef struct yk_photo {
    char  *path, *thumb; /* thumb: the turned picture made small, NULL when there is none */
    size_t bytes;
    bool   is_unchanged; /* the PDF holds the JPEG's bytes */
} yk_photo;

typedef struct yk_photos_part {
    yk_step   turn, thumbs;
    yk_photo *photos;
    size_t    n, cap, n_unchanged, bytes;
} yk_photos_part;

typedef struct yk_fleet {
    const char *name, *key, *tip, *fare; /* "yellow cabs", "yellow", and its columns */
    char        pattern[64];
    yk_step     step;
    double      count, mean;
    size_t      n_files;
} yk_fleet;

typedef struct yk_taxi_part {
    yk_fleet fleets[2];
    yk_step  plot, drawing;
    yk_buf   picture;
} yk_taxi_part;

typedef struct yk_tutorial {
    const char *report; /* the page's path */
    char       *files;  /* the folder beside it for what the commands write; owned */
    const char *on;     /* NULL: not given */
    char        pi[YK_PLACE_MAX], photos_dir[YK_PLACE_MAX], taxi_dir[YK_PLACE_MAX];
    yk_pi_part     pi_part;
    yk_photos_part photos_part;
    yk_taxi_part   taxi_part;
    yoke_error     errors[3]; /* why a part failed; code 0 when it did not */
} yk_tutorial;

int yk_tutorial_pi(yk_tutorial *t, yoke_error *err) YK_MUST_USE;
int yk_tutorial_photos(yk_tutorial *t, yoke_error *err) YK_MUST_USE;
int yk_tutorial_taxi(yk_tutorial *t, yoke_error *err) YK_MUST_USE;

/* The page, self-contained. */
int yk_tutorial_page(const yk_tutorial *t, yk_buf *to, yoke_error *err) YK_MUST_USE;

/* What every page begins with, by which the next run knows that it may replace it. */
extern const char yk_tutorial_mark[];

/* "2.04 s", "3.1 ms" */
const char *yk_tutorial_time(double seconds, char buf[32]);

#endif
