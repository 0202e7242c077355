/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A verb of the command: what `yoke VERB` does, what it takes, and what help and the manual page say of it. All three
 * come from one table, so they cannot disagree. verbs.c lists the verbs; each lives in a file of its own.
 */
#ifndef YK_CLI_VERB_H
#define YK_CLI_VERB_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of every verb. */
enum { YK_EXIT_OK = 0, YK_EXIT_FAILED = 1, YK_EXIT_USAGE = 2, YK_EXIT_INTERRUPTED = 130 };

typedef struct yk_opt {
    int         id;   /* the verb's own number for it, from 1; what yk_args_next returns */
    char        letter; /* 'n' for -n; 0: none */
    const char *name; /* "bins" for --bins */
    const char *arg;  /* "N": what its value is called in help; NULL: takes none */
    const char *help; /* one line or more; '\n' breaks */
} yk_opt;

typedef struct yk_args yk_args;

typedef struct yk_verb {
    const char   *name;
    const char   *summary;  /* one line, for the list of verbs */
    const char   *usage;    /* what follows "yoke NAME " in the synopsis; '\n' separates forms */
    const char   *about;    /* paragraphs, separated by blank lines */
    const yk_opt *opts;     /* ends with id 0 */
    const char   *examples; /* "# what it does\ncommand\n\n# …" */
    int (*run)(yk_args *args);
} yk_verb;

extern const yk_verb *const yk_verbs[]; /* in the order that help lists them; ends with NULL */

/* ---- the words of one call, in order */

enum { YK_ARG_END = 0, YK_ARG_WORD = -1, YK_ARG_WRONG = -2 };

struct yk_args {
    const yk_verb *verb;
    int            argc;
    char         **argv;        /* after the verb */
    int            at;          /* next word to read */
    const char    *in_group;    /* rest of a group of letters such as -nv */
    bool           only_words;  /* after "--" */
};

/* The next option's id with its value in *ret_value (NULL when it takes none), YK_ARG_WORD with a plain word in *ret_value,
 * YK_ARG_END after the last, or YK_ARG_WRONG when the call was wrong: that has been said on standard error and the verb
 * returns YK_EXIT_USAGE. `--name value`, `--name=value`, `-nvalue`, `-n value` and unambiguous beginnings of names are
 * taken; "--help" and "-h" of every verb are answered before the verb runs. A lone "-" is a word. */
int yk_args_next(yk_args *args, const char **ret_value);

/* For verbs that stop reading options somewhere (`:::`, a command line): how many words are left, and takes them all. */
int    yk_args_left(const yk_args *args);
char **yk_args_rest(yk_args *args);

/* "yoke VERB: sentence" on standard error; return YK_EXIT_USAGE and YK_EXIT_FAILED. The first adds where help is. */
int yk_cli_usage(const yk_args *args, const char *fmt, ...) YK_PRINTF(2, 3);
int yk_cli_failed(const yk_args *args, const yoke_error *err); /* YK_EXIT_USAGE for errors of the call itself */
void yk_cli_warn(const yk_args *args, const char *fmt, ...) YK_PRINTF(2, 3);

/* Numbers as options take them; false, having said what was wrong with `value` of option `name`. */
bool yk_args_uint(const yk_args *args, const char *name, const char *value, uint64_t least, uint64_t most, uint64_t *ret);
bool yk_args_real(const yk_args *args, const char *name, const char *value, double *ret);

/* Flushes standard output; YK_EXIT_FAILED and a sentence when that failed (a full disk), else `code`. Every verb that
 * printed returns through it. A reader that went away (SIGPIPE) ends the program as usual. */
int yk_cli_finish(const yk_args *args, int code);

/* ---- help */

void yk_help_verb(const yk_verb *v, FILE *to);  /* as text */
void yk_help_man(const yk_verb *v, FILE *to);   /* as a manual page; NULL: of yoke itself */
void yk_help_verbs(FILE *to);                   /* the list */

#endif
