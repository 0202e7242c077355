/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The programs of Dead Simple Queue, under their own names: dsq and dSQ, dSQBatch.py, dsqa and dSQAutopsy. Links of those
 * names to the yoke command are these programs.
 */
#ifndef YK_CLI_DSQ_PROGRAMS_H
#define YK_CLI_DSQ_PROGRAMS_H

#include <stdbool.h>

/* Whether a program name is one of these (with or without ".py"); then runs it, and *ret is its exit code. */
bool yk_dsq_main(int argc, char **argv, int *ret);

/* Reading words as those programs do: long options may be cut short, "=" or the next word is the value. Each program has a
 * table that ends with a NULL name; several names with one id are one option. */
typedef struct yk_dsq_opt {
    int         id;
    const char *name; /* "--job-file", "-J" */
    bool        takes_value;
} yk_dsq_opt;

enum { YK_DSQ_END = 0, YK_DSQ_OTHER = -1, YK_DSQ_WRONG = -2 };

typedef struct yk_dsq_words {
    const char       *program;
    const yk_dsq_opt *opts;
    int               argc;
    char            **argv;
    int               at; /* next word */
} yk_dsq_words;

/* The next option's id, with its value; YK_DSQ_OTHER with a word that is none of them; YK_DSQ_END; or YK_DSQ_WRONG, said on
 * standard error. */
int yk_dsq_next(yk_dsq_words *w, const char **ret_value);

/* "NAME: error: sentence" on standard error; returns 2. */
int yk_dsq_wrong(const char *program, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int yk_dsq_queue(const char *program, int argc, char **argv);   /* dsq */
int yk_dsq_batch(const char *program, int argc, char **argv);   /* dSQBatch.py */
int yk_dsq_autopsy(const char *program, int argc, char **argv); /* dsqa */

#endif
