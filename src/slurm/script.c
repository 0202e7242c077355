/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/script.h"

#include <string.h>

static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=@%+^";

/* Options of sbatch without a value, or whose value, being optional, never comes in the next word. */
static const char *const FLAGS[] = {
    "contiguous", "exclusive", "get-user-env", "help",          "hold",          "ignore-pbs", "nice",    "no-kill",
    "no-requeue", "overcommit", "oversubscribe", "parsable",    "propagate",     "quiet",      "reboot",  "requeue",
    "share",      "spread-job", "stepmgr",     "test-only",     "usage",         "use-min-nodes", "verbose", "version",
    "wait",
};
static const char FLAG_LETTERS[] = "hHkOQsuvVW";

void yk_script_shell(yk_buf *to, const char *word)
{
    if (*word && word[strspn(word, PLAIN)] == '\0') {
        yk_buf_puts(to, word);
        return;
    }
    yk_buf_putc(to, '\'');
    for (; *word; word++)
        if (*word == '\'')
            yk_buf_puts(to, "'\\''");
        else
            yk_buf_putc(to, *word);
    yk_buf_putc(to, '\'');
}

void yk_script_quoted(yk_buf *to, const char *word)
{
    yk_buf_putc(to, '"');
    for (; *word; word++) {
        if (*word == '"' || *word == '\\')
            yk_buf_putc(to, '\\');
        yk_buf_putc(to, *word);
    }
    yk_buf_putc(to, '"');
}

void yk_script_word(yk_buf *to, const char *word)
{
    if (*word && word[strspn(word, PLAIN)] == '\0')
        yk_buf_puts(to, word);
    else
        yk_script_quoted(to, word);
}

void yk_script_path(yk_buf *to, const char *path)
{
    for (; *path; path++) {
        if (*path == '%')
            yk_buf_putc(to, '%');
        yk_buf_putc(to, *path);
    }
}

static bool is_flag(const char *name)
{
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        if (strcmp(name, FLAGS[i]) == 0)
            return true;
    return false;
}

bool yk_sbatch_takes_next(const char *word)
{
    if (word[0] != '-' || !word[1])
        return false;
    if (word[1] == '-')
        return !strchr(word, '=') && word[2] && !is_flag(word + 2);
    for (const char *p = word + 1; *p; p++)
        if (!strchr(FLAG_LETTERS, *p))
            return p[1] == '\0';
    return false;
}

/* The value of a group of letters such as -Hp short; NULL when `letter` is not in it. */
static const char *letter_value(const char *word, const char *next, char letter)
{
    for (const char *p = word + 1; *p; p++) {
        bool has_value = !strchr(FLAG_LETTERS, *p);
        if (*p == letter)
            return !has_value ? "" : p[1] ? p + 1 : next ? next : "";
        if (has_value)
            return NULL;
    }
    return NULL;
}

const char *yk_sbatch_value(char *const *words, size_t n, const char *name, char letter)
{
    const char *found = NULL;
    size_t      len = strlen(name);
    for (size_t i = 0; i < n; i++) {
        const char *w = words[i], *next = i + 1 < n ? words[i + 1] : NULL;
        if (w[0] != '-' || !w[1])
            continue;
        if (w[1] != '-') {
            const char *value = letter ? letter_value(w, next, letter) : NULL;
            found = value ? value : found;
        } else if (strncmp(w + 2, name, len) == 0 && w[2 + len] == '=')
            found = w + 3 + len;
        else if (strcmp(w + 2, name) == 0)
            found = is_flag(name) || !next ? "" : next;
        i += yk_sbatch_takes_next(w);
    }
    return found;
}
