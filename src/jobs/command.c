/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs/command.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATHS_MAX = 256 }; /* names remembered; lists of more programs than that are looked up anew */

/* Bytes that mean themselves in any word of a shell's command line, wherever they stand. */
static bool is_plain(unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80)
        return true;
    return c != '\0' && strchr("_@%+=:,./-^]", c) != NULL;
}

/* What the shell does itself when it is the first word: its own commands whose effect or text could differ from a program's of
 * the same name, and its grammar. `true` and `false` are the same either way. */
static bool is_shells_own(const char *word)
{
    static const char *const own[] = {
        ".", ":", "[", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd", "chdir", "command", "compgen", "complete",
        "continue", "coproc", "declare", "dirs", "disown", "do", "done", "echo", "elif", "else", "enable", "esac", "eval", "exec",
        "exit", "export", "fc", "fg", "fi", "for", "function", "getopts", "hash", "help", "history", "if", "in", "jobs", "kill",
        "let", "local", "logout", "mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray", "readonly", "return", "select",
        "set", "shift", "shopt", "source", "suspend", "test", "then", "time", "times", "trap", "type", "typeset", "ulimit", "umask",
        "unalias", "unset", "until", "wait", "while",
    };
    size_t lo = 0, hi = sizeof own / sizeof *own;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int    c = strcmp(word, own[mid]);
        if (c == 0)
            return true;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return false;
}

static bool is_space(char c) { return c == ' ' || c == '\t'; }

/* Reads one word at *at into *to. False: the shell is needed. */
static bool read_word(const char **at, const char *end, char **to, bool is_first)
{
    const char *p = *at;
    char       *out = *to;
    while (p < end && !is_space(*p)) {
        unsigned char c = (unsigned char)*p++;
        if (c == '\'') {
            const char *close = memchr(p, '\'', (size_t)(end - p));
            if (!close)
                return false;
            memcpy(out, p, (size_t)(close - p));
            out += close - p;
            p = close + 1;
        } else if (c == '"') {
            for (; p < end && *p != '"'; *out++ = *p++)
                if (*p == '$' || *p == '`' || *p == '\\' || *p == '!' || *p == '\0')
                    return false;
            if (p++ >= end)
                return false;
        } else if (c == '\\') {
            if (p >= end || *p == '\n')
                return false;
            *out++ = *p++;
        } else if (is_plain(c) && !(is_first && c == '=')) {
            *out++ = (char)c;
        } else {
            return false;
        }
    }
    *out++ = '\0';
    *at = p;
    *to = out;
    return true;
}

int yk_command_split(yk_command *c, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    c->argc = 0;
    if (!yk_grow(&c->bytes, &c->bytes_cap, len + 1, 1))
        return YOKE_ENOMEM;
    for (char *to = c->bytes;;) {
        while (at < end && is_space(*at))
            at++;
        char *word = at < end ? to : NULL;
        if (word && !read_word(&at, end, &to, c->argc == 0))
            return 0;
        if (!yk_grow(&c->argv, &c->cap, c->argc + 1, sizeof *c->argv))
            return YOKE_ENOMEM;
        c->argv[c->argc] = word;
        if (!word)
            break;
        c->argc++;
    }
    return c->argc > 0 && c->argv[0][0] && !is_shells_own(c->argv[0]);
}

void yk_command_fini(yk_command *c)
{
    yk_free(c->argv);
    yk_free(c->bytes);
    *c = (yk_command){0};
}

void yk_paths_forget(yk_paths *p)
{
    for (size_t i = 0; i < p->n; i++) {
        yk_free(p->item[i].name);
        yk_free(p->item[i].path);
    }
    p->n = 0;
}

void yk_paths_fini(yk_paths *p)
{
    yk_paths_forget(p);
    yk_free(p->item);
    *p = (yk_paths){0};
}

static char *search(const char *name)
{
    const char *dir = getenv("PATH");
    YK_AUTOBUF  b = YK_BUF_INIT;
    for (dir = dir ? dir : "/usr/local/bin:/bin:/usr/bin";; dir++) {
        size_t n = strcspn(dir, ":");
        yk_buf_clear(&b);
        yk_buf_append(&b, n ? dir : ".", n ? n : 1);
        yk_buf_putc(&b, '/');
        yk_buf_puts(&b, name);
        struct stat st;
        if (!b.is_failed && access(b.data, X_OK) == 0 && stat(b.data, &st) == 0 && S_ISREG(st.st_mode))
            return yk_strdup(b.data);
        dir += n;
        if (!*dir)
            return NULL;
    }
}

const char *yk_paths_find(yk_paths *p, const char *name)
{
    if (strchr(name, '/'))
        return name;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->item[i].name, name) == 0)
            return p->item[i].path;
    if (p->n == PATHS_MAX)
        yk_paths_forget(p);
    struct yk_path one = {yk_strdup(name), search(name)};
    if (one.name && one.path && yk_push(&p->item, &p->n, &p->cap, one))
        return one.path;
    yk_free(one.name);
    yk_free(one.path);
    return NULL;
}

void yk_quote(yk_buf *b, const char *text, size_t len)
{
    size_t plain = 0;
    while (plain < len && is_plain((unsigned char)text[plain]) && (unsigned char)text[plain] < 0x80 && text[plain] != '=')
        plain++;
    if (len > 0 && plain == len) {
        yk_buf_append(b, text, len);
        return;
    }
    yk_buf_putc(b, '\'');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\'')
            yk_buf_puts(b, "'\\''");
        else
            yk_buf_putc(b, text[i]);
    }
    yk_buf_putc(b, '\'');
}
