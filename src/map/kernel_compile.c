/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Compiling a user's C file, and keeping the result:
 *
 *     <cache>/KEY.so     the library; KEY is a hash of all that is known before compiling
 *     <cache>/KEY.deps   "HASH PATH" for each file that was read; when one differs, it is compiled again
 */
#include "map/kernel.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/place.h"

#include <yoke/version.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* -O3 and the machine's own instructions for speed; no contraction, so that results have the bits they have elsewhere. */
static const char *const FLAGS[] = {"-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared"};

/* ---- hashing */

typedef struct hash {
    uint64_t a, b;
} hash;

static hash hash_bytes(hash h, const void *bytes, size_t n)
{
    return (hash){yk_hash_text(bytes, n, h.a), yk_hash_text(bytes, n, h.b)};
}

static hash hash_text(hash h, const char *text)
{
    return hash_bytes(h, text, strlen(text) + 1);
}

static const char *hash_digits(hash h, char buf[33])
{
    snprintf(buf, 33, "%016llx%016llx", (unsigned long long)h.a, (unsigned long long)h.b);
    return buf;
}

static const hash HASH_BEGIN = {1, 2};

static int hash_file(const char *path, char digits[33], yoke_error *err)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    YK_TRY(yk_file_slurp(path, &b, err));
    hash_digits(hash_bytes(HASH_BEGIN, yk_buf_text(&b), b.len), digits);
    return 0;
}

/* The lines of /proc/cpuinfo that say what -march=native means: a cache may be shared by different machines. */
static hash hash_processor(hash h)
{
    char  line[8192];
    FILE *f = fopen("/proc/cpuinfo", "re");
    while (f && fgets(line, sizeof line, f) && line[0] != '\n')
        if (strncmp(line, "model", 5) == 0 || strncmp(line, "flags", 5) == 0 || strncmp(line, "Features", 8) == 0 ||
            strncmp(line, "CPU part", 8) == 0)
            h = hash_text(h, line);
    if (f)
        fclose(f);
    return h;
}

/* ---- the compiler's words */

typedef struct words {
    const char *v[64];
    int         n;
    char       *cc;            /* owned: $CC, cut at its blanks */
    char        include[PATH_MAX], source_include[PATH_MAX];
} words;

static void add_word(words *w, const char *word)
{
    if (w->n < 63)
        w->v[w->n++] = word;
}

/* Adds -IFOLDER when FOLDER/yoke/`header` is there. */
static void add_include(words *w, char word[PATH_MAX], const char *folder, const char *header)
{
    char probe[PATH_MAX + 32];
    snprintf(word, PATH_MAX, "-I%s", folder);
    snprintf(probe, sizeof probe, "%s/yoke/%s", folder, header);
    if (access(probe, R_OK) == 0)
        add_word(w, word);
}

/* The public headers: in PREFIX/include of an installed PREFIX/bin/yoke; for one that is not installed in the source
 * folder, but for the generated one, which lies at the same place in the build folder. */
static void add_includes(words *w)
{
    static const char header[] = "include/yoke/function.h";
    char              folder[PATH_MAX - 64], source[YK_PLACE_MAX];
    ssize_t           n = readlink("/proc/self/exe", folder, sizeof folder - 16);
    folder[n > 0 ? n : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(folder, '/'); up++)
        *strrchr(folder, '/') = '\0';
    strcat(folder, "/include");
    add_include(w, w->include, folder, "version.h");
    if (yk_place_data(header, source)) {
        source[strlen(source) - strlen("/yoke/function.h")] = '\0';
        add_include(w, w->source_include, source, "function.h");
    }
}

static int make_words(words *w, yoke_error *err)
{
    const char *cc = getenv("CC");
    w->cc = yk_strdup(cc && *cc ? cc : "cc");
    if (!w->cc)
        return yk_fail_nomem(err, "compiling");
    char *rest = w->cc;
    for (char *word; (word = strsep(&rest, " \t")) != NULL;)
        if (*word)
            add_word(w, word);
    if (w->n == 0)
        add_word(w, "cc");
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        add_word(w, FLAGS[i]);
    add_includes(w);
    return 0;
}

/* ---- the cache */

static int cache_folder(yk_buf *ret, yoke_error *err)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    yoke_error  ignored = YOKE_ERROR_INIT;
    if (xdg && *xdg == '/')
        yk_buf_printf(ret, "%s/yoke", xdg);
    else if (home && *home == '/')
        yk_buf_printf(ret, "%s/.cache/yoke", home);
    if (ret->len > 0 && yk_file_make_dirs(yk_buf_text(ret), &ignored) == 0 && access(yk_buf_text(ret), W_OK) == 0)
        return 0;
    yk_buf_clear(ret); /* no home, or one that cannot be written: a folder for the day */
    const char *tmp = getenv("TMPDIR");
    yk_buf_printf(ret, "%s/yoke-%ld", tmp && *tmp == '/' ? tmp : "/tmp", (long)getuid());
    if (ret->is_failed)
        return yk_fail_nomem(err, "compiling");
    struct stat st; /* everybody may write in /tmp: what is loaded from there must be nobody else's */
    if (mkdir(yk_buf_text(ret), 0700) < 0 && errno != EEXIST)
        return yk_fail_errno(err, "no place to keep what is compiled: '%s'", yk_buf_text(ret));
    if (lstat(yk_buf_text(ret), &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077))
        return yk_fail(err, YOKE_EIO,
                       "'%s' is not this user's alone, so nothing is compiled there; set XDG_CACHE_HOME to a folder of yours",
                       yk_buf_text(ret));
    return 0;
}

/* Whether every file in the list still has the content it had. */
static bool deps_hold(const char *path)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    yoke_error ignored = YOKE_ERROR_INIT;
    if (yk_file_slurp(path, &b, &ignored) < 0 || b.len == 0)
        return false;
    char *rest = b.data, digits[33];
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;)
        if (strlen(line) < 34 || hash_file(line + 33, digits, &ignored) < 0 || memcmp(line, digits, 32) != 0)
            return false;
    return true;
}

/* The names in a make rule as compilers write it: "target: a b \\\n c". Blanks in a name stand behind a backslash. */
static void list_deps(const char *rule, yk_buf *to)
{
    const char *at = strstr(rule, ": ");
    at = at ? at + 2 : "";
    while (*at) {
        YK_AUTOBUF name = YK_BUF_INIT;
        while (*at == ' ' || *at == '\n' || (at[0] == '\\' && at[1] == '\n'))
            at += *at == '\\' ? 2 : 1;
        for (; *at && *at != ' ' && *at != '\n'; at++) {
            at += *at == '\\' && (at[1] == ' ' || at[1] == '#');
            at += *at == '$' && at[1] == '$';
            yk_buf_putc(&name, *at);
        }
        char       digits[33], full[PATH_MAX];
        yoke_error ignored = YOKE_ERROR_INIT;
        if (name.len > 0 && realpath(yk_buf_text(&name), full) && hash_file(full, digits, &ignored) == 0)
            yk_buf_printf(to, "%s %s\n", digits, full);
    }
}

static int write_deps(const char *rule_path, const char *to, yoke_error *err)
{
    YK_AUTOBUF rule = YK_BUF_INIT, list = YK_BUF_INIT;
    YK_TRY(yk_file_slurp(rule_path, &rule, err));
    list_deps(yk_buf_text(&rule), &list);
    YK_CLEANUP(yk_output_fini) yk_output out = {0};
    YK_TRY(yk_output_open(&out, to, true, err));
    fwrite(yk_buf_text(&list), 1, list.len, out.file);
    return yk_output_commit(&out, err);
}

/* ---- compiling */

static int read_all(int fd, yk_buf *to)
{
    char    part[4096];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            yk_buf_append(to, part, (size_t)n);
    return n < 0 ? -1 : 0;
}

static int run_compiler(const words *w, yk_buf *messages, yoke_error *err)
{
    int pipes[2], status = 0;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return yk_fail_errno(err, "starting the compiler");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDERR_FILENO);
    pid_t pid;
    int   rc = posix_spawnp(&pid, w->v[0], &actions, NULL, (char *const *)(uintptr_t)w->v, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    if (rc == 0) {
        read_all(pipes[0], messages);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close(pipes[0]);
    if (rc == ENOENT || (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127))
        return yk_fail(err, YOKE_EABSENT, "there is no compiler '%s' here; install gcc or clang, or name yours in $CC", w->v[0]);
    if (rc != 0) {
        errno = rc;
        return yk_fail_errno(err, "starting the compiler '%s'", w->v[0]);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : YOKE_EFORMAT;
}

/* The first error and the user's own line, which stands further down where a macro of ours is at fault. */
static int say_first_error(const char *file, const char *compiled, yk_buf *messages, yoke_error *err)
{
    size_t      n = strlen(compiled);
    const char *text = yk_buf_text(messages), *error = strstr(text, " error: "), *own = error;
    while (own && own > text && own[-1] != '\n')
        own--;
    while (own && !(strncmp(own, compiled, n) == 0 && own[n] == ':' && own[n + 1] >= '1' && own[n + 1] <= '9'))
        own = strchr(own, '\n') ? strchr(own, '\n') + 1 : NULL;
    if (!own)
        return yk_fail(err, YOKE_EFORMAT, "'%s' does not compile; the compiler's own words are above", file);
    error += strlen(" error: ");
    const char *ours = strncmp(error, "static", 6) == 0 ? strchr(error, '"') : NULL; /* an assertion's sentence */
    error = ours ? ours + 1 : error;
    return yk_fail(err, YOKE_EFORMAT, "'%s' line %ld does not compile: %.*s; the compiler's own words are above", file,
                   strtol(own + n + 1, NULL, 10), (int)strcspn(error, ours ? "\"\n" : "\n"), error);
}

static void remove_file(char **path)
{
    if (*path)
        unlink(*path);
    yk_free(*path);
}
#define REMOVED YK_CLEANUP(remove_file) char *

static int compile(const words *known, const char *file, const char *base, yk_buf *messages, yoke_error *err)
{
    words      w = *known; /* its words point into `known` */
    YK_AUTOBUF aside = YK_BUF_INIT;
    yk_buf_printf(&aside, "%s.%ld", base, (long)getpid());
    REMOVED so = yk_strdup(yk_buf_text(&aside));
    yk_buf_puts(&aside, ".d");
    REMOVED rule = yk_strdup(yk_buf_text(&aside));
    yk_buf_clear(&aside);
    yk_buf_printf(&aside, "%s.deps", base);
    YK_AUTOFREE char *deps = yk_strdup(yk_buf_text(&aside));
    yk_buf_clear(&aside);
    yk_buf_printf(&aside, "%s.so", base);
    if (aside.is_failed || !so || !rule || !deps)
        return yk_fail_nomem(err, "compiling");
    YK_AUTOBUF plain = YK_BUF_INIT; /* a name that is no option */
    yk_buf_printf(&plain, "%s%s", file[0] == '-' ? "./" : "", file);
    const char *last[] = {"-MMD", "-MF", rule, "-o", so, "-x", "c", yk_buf_text(&plain), "-lm", NULL};
    for (int i = 0; last[i]; i++)
        add_word(&w, last[i]);
    w.v[w.n] = NULL;
    int rc = run_compiler(&w, messages, err);
    if (rc == YOKE_EFORMAT)
        return say_first_error(file, yk_buf_text(&plain), messages, err);
    YK_TRY(rc);
    if (rename(so, yk_buf_text(&aside)) < 0)
        return yk_fail_errno(err, "keeping what was compiled from '%s'", file);
    return write_deps(rule, deps, err);
}

static int check_source(const char *file, yk_buf *content, char dir[PATH_MAX], yoke_error *err)
{
    int      fd;
    uint64_t size;
    YK_TRY(yk_file_open(file, &fd, &size, err));
    close(fd);
    YK_TRY(yk_file_slurp(file, content, err));
    if (!realpath(file, dir))
        return yk_fail_errno(err, "'%s'", file);
    return 0;
}

int yk_kernel_compile(const char *file, yk_buf *messages, char **ret_library, yoke_error *err)
{
    YK_AUTOBUF content = YK_BUF_INIT, folder = YK_BUF_INIT;
    char       full[PATH_MAX], key[33];
    words      w = {.n = 0};
    YK_TRY(check_source(file, &content, full, err));
    YK_TRY(cache_folder(&folder, err));
    YK_TRY(make_words(&w, err));
    YK_AUTOFREE char *cc YK_UNUSED = w.cc;
    hash h = hash_text(HASH_BEGIN, yoke_version());
    for (int i = 0; i < w.n; i++)
        h = hash_text(h, w.v[i]);
    h = hash_processor(hash_text(h, full)); /* relative includes depend on where the file lies */
    h = hash_bytes(h, yk_buf_text(&content), content.len);
    yk_buf_printf(&folder, "/%s", hash_digits(h, key));
    YK_AUTOFREE char *base = yk_strdup(yk_buf_text(&folder));
    yk_buf_puts(&folder, ".deps");
    bool is_there = deps_hold(yk_buf_text(&folder));
    yk_buf_clear(&folder);
    yk_buf_printf(&folder, "%s.so", base ? base : "");
    if (folder.is_failed || !base)
        return yk_fail_nomem(err, "compiling");
    if (!is_there || access(yk_buf_text(&folder), R_OK) != 0)
        YK_TRY(compile(&w, file, base, messages, err));
    *ret_library = yk_strdup(yk_buf_text(&folder));
    return *ret_library ? 0 : yk_fail_nomem(err, "compiling");
}
