/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From words to files: a plain path, a pattern that the shell did not expand, or a folder and all tables below it.
 */
#include "base/file.h"
#include "table/table_source.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 32 };

void yk_files_fini(yk_files *p)
{
    for (size_t i = 0; i < p->n; i++) {
        yk_free(p->path[i]);
        yk_free(p->name[i]);
    }
    yk_free(p->path);
    yk_free(p->name);
    *p = (yk_files){0};
}

static int add_named(yk_files *p, const char *path, const char *name, size_t name_len, yoke_error *err)
{
    YK_AUTOFREE char *copy = yk_strdup(path), *name_copy = name ? yk_strndup(name, name_len) : NULL;
    size_t            n = p->n;
    if (!copy || (name && !name_copy) || !yk_grow(&p->path, &p->cap, n + 1, sizeof *p->path)
        || !yk_grow(&p->name, &p->cap_names, n + 1, sizeof *p->name))
        return yk_fail_nomem(err, "listing files");
    p->path[n] = YK_TAKE(copy);
    p->name[n] = YK_TAKE(name_copy);
    p->n++;
    return 0;
}

static int add(yk_files *p, const char *path, yoke_error *err) { return add_named(p, path, NULL, 0, err); }

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcasecmp(s + n - m, end) == 0;
}

static bool is_table(const char *name)
{
    static const char *const ends[] = {".parquet", ".parq", ".pq", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst", ".npy"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* By bytes, whatever the locale: rows have the order of their files. */
static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* Everything below a folder that is named like a table, in the order of names; hidden names and those that begin with '_' are
 * left out, as others who write such folders mean it. */
static int add_folder(yk_files *p, const char *folder, int depth, yoke_error *err)
{
    struct dirent **entries;
    int             n = scandir(folder, &entries, NULL, by_name), rc = 0;
    if (n < 0)
        return yk_fail_errno(err, "listing the folder '%s'", folder);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        YK_AUTOBUF  path = YK_BUF_INIT;
        yk_buf_printf(&path, "%s/%s", folder, name);
        if (rc == 0 && path.is_failed)
            rc = yk_fail_nomem(err, "listing files");
        if (rc == 0 && *name != '.' && *name != '_') {
            if (is_folder(path.data))
                rc = depth < DEPTH_MAX ? add_folder(p, path.data, depth + 1, err)
                                       : yk_fail(err, YOKE_ELIMIT, "'%s': folders nested deeper than %d", path.data, DEPTH_MAX);
            else if (is_table(name))
                rc = add(p, path.data, err);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int add_glob(yk_files *p, const char *pattern, yoke_error *err)
{
    glob_t g = {0};
    int    rc = glob(pattern, GLOB_BRACE | GLOB_TILDE, NULL, &g);
    if (rc == GLOB_NOMATCH)
        rc = yk_fail(err, YOKE_EABSENT, "no file matches '%s'", pattern);
    else if (rc != 0)
        rc = yk_fail(err, rc == GLOB_NOSPACE ? YOKE_ENOMEM : YOKE_EIO, "looking for files like '%s' failed", pattern);
    for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++)
        rc = add(p, g.gl_pathv[i], err);
    globfree(&g);
    return rc;
}

/* "name=file.npy": where the file begins, or NULL. */
static const char *find_named(const char *word)
{
    const char *eq = strchr(word, '=');
    return eq && eq > word && !memchr(word, '/', (size_t)(eq - word)) && ends_with(eq, ".npy") ? eq + 1 : NULL;
}

int yk_files_find(const char *const *patterns, size_t n, yk_files *ret, yoke_error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        size_t      before = ret->n;
        if (strcmp(patterns[i], "-") == 0 || (stat(patterns[i], &st) == 0 && !S_ISDIR(st.st_mode)))
            YK_TRY(add(ret, patterns[i], err));
        else if (is_folder(patterns[i]))
            YK_TRY(add_folder(ret, patterns[i], 0, err));
        else if (find_named(patterns[i]))
            YK_TRY(add_named(ret, find_named(patterns[i]), patterns[i], (size_t)(find_named(patterns[i]) - patterns[i]) - 1, err));
        else if (strpbrk(patterns[i], "*?[{"))
            YK_TRY(add_glob(ret, patterns[i], err));
        else
            YK_TRY(add(ret, patterns[i], err)); /* opening it will say what is wrong */
        if (ret->n == before)
            return yk_fail(err, YOKE_EABSENT, "the folder '%s' holds no table (.parquet, .csv, .tsv, also .gz and .zst, .npy)",
                           patterns[i]);
    }
    return n ? 0 : yk_fail(err, YOKE_EINVALID, "no file was named");
}

static int hex_of(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

/* "New%20York": what a folder's name must not hold, its writers put so. */
static void decode(const char *from, const char *end, yk_buf *to)
{
    yk_buf_clear(to);
    for (; from < end; from++) {
        bool is_code = *from == '%' && end - from > 2 && hex_of(from[1]) >= 0 && hex_of(from[2]) >= 0;
        yk_buf_putc(to, is_code ? (char)(hex_of(from[1]) << 4 | hex_of(from[2])) : *from);
        from += is_code ? 2 : 0;
    }
}

bool yk_path_part(const char *path, size_t i, yk_buf *ret_key, yk_buf *ret_value)
{
    for (const char *at = path, *end; (end = strchr(at, '/')); at = end + 1) {
        const char *eq = memchr(at, '=', (size_t)(end - at));
        if (!eq || eq == at || i-- > 0)
            continue;
        decode(at, eq, ret_key);
        decode(eq + 1, end, ret_value);
        return true;
    }
    return false;
}
