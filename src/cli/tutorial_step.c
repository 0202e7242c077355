/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs a command of the tutorial: this program again, with the words shown, in the same folder and environment.
 */
#include "cli/tutorial.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool needs_quotes(const char *word)
{
    for (const char *c = word; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=+%@", *c))
            return true;
    return *word == '\0';
}

static void put_quoted(yk_buf *b, const char *word)
{
    if (!needs_quotes(word)) {
        yk_buf_puts(b, word);
        return;
    }
    yk_buf_putc(b, '\'');
    for (; *word; word++)
        yk_buf_puts(b, *word == '\'' ? "'\\''" : (char[]){*word, 0});
    yk_buf_putc(b, '\'');
}

static void add_word(yk_step *s, const char *word)
{
    char *copy = yk_strdup(word);
    if (!copy || !yk_push(&s->words, &s->n_words, &s->cap_words, copy)) {
        yk_free(copy);
        s->shown.is_failed = true; /* checked once, before the run */
    }
}

static void show_word(yk_step *s, const char *word)
{
    if (s->shown.len == 0)
        yk_buf_puts(&s->shown, "yoke");
    yk_buf_putc(&s->shown, ' ');
    put_quoted(&s->shown, word);
}

void yk_step_words(yk_step *s, ...)
{
    va_list     ap;
    const char *word;
    va_start(ap, s);
    while ((word = va_arg(ap, const char *))) {
        show_word(s, word);
        add_word(s, word);
    }
    va_end(ap);
}

void yk_step_wordf(yk_step *s, const char *fmt, ...)
{
    char    word[2 * YK_PLACE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(word, sizeof word, fmt, ap);
    va_end(ap);
    yk_step_words(s, word, NULL);
}

/* The folder's own characters must not act as a pattern. */
static void put_escaped(yk_buf *b, const char *dir)
{
    for (; *dir; dir++) {
        if (strchr("*?[]\\", *dir))
            yk_buf_putc(b, '\\');
        yk_buf_putc(b, *dir);
    }
}

size_t yk_step_glob(yk_step *s, const char *dir, const char *pattern)
{
    YK_AUTOBUF whole = YK_BUF_INIT;
    glob_t     found = {0};
    size_t     n = 0;
    put_escaped(&whole, dir);
    yk_buf_printf(&whole, "/%s", pattern);
    if (!whole.is_failed && glob(yk_buf_text(&whole), 0, NULL, &found) == 0) {
        n = found.gl_pathc;
        show_word(s, dir);
        yk_buf_printf(&s->shown, "/%s", pattern);
        for (size_t i = 0; i < n; i++)
            add_word(s, found.gl_pathv[i]);
    }
    globfree(&found);
    return n;
}

static int spawn(yk_step *s, char **argv, int out, int complaints, yoke_error *err)
{
    extern char               **environ;
    posix_spawn_file_actions_t  fa;
    pid_t                       pid;
    int                         status;
    if (posix_spawn_file_actions_init(&fa) != 0)
        return yk_fail_nomem(err, "starting a command");
    posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&fa, complaints, STDERR_FILENO);
    double begin = yk_now();
    int    sys = posix_spawn(&pid, "/proc/self/exe", &fa, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    errno = sys;
    if (sys != 0)
        return yk_fail_errno(err, "cannot start '%s'", yk_buf_text(&s->shown));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return yk_fail_errno(err, "waiting for '%s'", yk_buf_text(&s->shown));
    s->seconds = yk_now() - begin;
    s->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

static int read_back(int fd, yk_buf *to, yoke_error *err)
{
    off_t size = lseek(fd, 0, SEEK_END);
    void *at = size > 0 ? yk_buf_extend(to, (size_t)size) : NULL;
    if (size <= 0)
        return 0;
    return at ? yk_file_read_at(fd, "a command's output", 0, at, (size_t)size, err) : yk_fail_nomem(err, "reading what a command printed");
}

/* The first line of what it complained of says why. */
static int fail_with_complaint(const yk_step *s, yoke_error *err)
{
    const char *text = yk_buf_text(&s->err);
    if (s->code > 128)
        return yk_fail(err, YOKE_ETASK, "signal %d ended: %s", s->code - 128, yk_buf_text(&s->shown));
    return yk_fail(err, YOKE_ETASK, "%.*s", (int)strcspn(text, "\n"), *text ? text : "it did not say why");
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

int yk_step_run(yk_step *s, yoke_error *err)
{
    YK_CLEANUP(close_fd) int out = memfd_create("yoke-out", MFD_CLOEXEC);
    YK_CLEANUP(close_fd) int complaints = memfd_create("yoke-err", MFD_CLOEXEC);
    YK_AUTOFREE char       **argv = yk_calloc(s->n_words + 2, sizeof *argv);
    if (s->shown.is_failed || !argv)
        return yk_fail_nomem(err, "starting a command");
    if (out < 0 || complaints < 0)
        return yk_fail_errno(err, "cannot make room for a command's output");
    argv[0] = (char *)(uintptr_t)"yoke";
    memcpy(argv + 1, s->words, s->n_words * sizeof *argv);
    yk_buf_clear(&s->out);
    yk_buf_clear(&s->err);
    fprintf(stderr, "$ %s\n", yk_buf_text(&s->shown));
    YK_TRY(spawn(s, argv, out, complaints, err));
    YK_TRY(read_back(out, &s->out, err));
    YK_TRY(read_back(complaints, &s->err, err));
    s->is_done = s->code == 0;
    return s->is_done ? 0 : fail_with_complaint(s, err);
}

void yk_step_fini(yk_step *s)
{
    for (size_t i = 0; i < s->n_words; i++)
        yk_free(s->words[i]);
    yk_free(s->words);
    yk_buf_fini(&s->shown);
    yk_buf_fini(&s->out);
    yk_buf_fini(&s->err);
    *s = (yk_step)YK_STEP_INIT;
}
