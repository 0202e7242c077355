/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The words of batch scripts.
 */
#ifndef YK_SLURM_SCRIPT_H
#define YK_SLURM_SCRIPT_H

#include "base/buf.h"

/* Appends a word as a shell reads it: in single quotes unless it needs none. */
void yk_script_shell(yk_buf *to, const char *word);

/* Appends a word as sbatch reads the words of an #SBATCH line: in double quotes, \" and \\ within, unless it needs none. */
void yk_script_word(yk_buf *to, const char *word);

/* The same, always in quotes. */
void yk_script_quoted(yk_buf *to, const char *word);

/* Appends a path for --output or --error, where sbatch gives '%' a meaning: doubled. Not quoted. */
void yk_script_path(yk_buf *to, const char *path);

/* What sbatch's options are like. A word that begins with '-': does its value, if any, come in the next word? Letters in a
 * group are read as sbatch reads them. */
bool yk_sbatch_takes_next(const char *word);

/* The value of an option of sbatch in a list of words, by its long name and its letter ('\0': none); NULL when it is not
 * there, "" when it has none. The last one counts. */
const char *yk_sbatch_value(char *const *words, size_t n, const char *name, char letter);

#endif
