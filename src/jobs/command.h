/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Command lines: which need a shell, and where the others' programs are.
 */
#ifndef YK_JOBS_COMMAND_H
#define YK_JOBS_COMMAND_H

#include "base/buf.h"

/* A command line as the words of a program's call, when the shell would do nothing but start that program: plain words,
 * quotes without expansions. Its memory is reused from call to call. */
typedef struct yk_command {
    char  **argv; /* ends with NULL; borrowed until the next split */
    size_t  argc;
    size_t  cap;
    char   *bytes;
    size_t  bytes_cap;
} yk_command;

/* 1: split into c->argv; 0: it has shell syntax, or its first word is the shell's own (cd, exit, a=b …); negative: memory. */
int  yk_command_split(yk_command *c, const char *text, size_t len);
void yk_command_fini(yk_command *c);

/* Where programs are, by $PATH, remembered. */
typedef struct yk_paths {
    struct yk_path { char *name, *path; } *item;
    size_t n, cap;
} yk_paths;

/* The path to give to exec for `name`; NULL when there is none (or memory is out): the shell has the words for that. Borrowed
 * until yk_paths_fini or yk_paths_forget. */
const char *yk_paths_find(yk_paths *p, const char *name);
void        yk_paths_forget(yk_paths *p); /* all: a program was moved */
void        yk_paths_fini(yk_paths *p);

/* Appends `text` quoted so that a shell takes it as one word: as it is when nothing in it is special. */
void yk_quote(yk_buf *b, const char *text, size_t len);

#endif
