/* SPDX-License-Identifier: BSD-3-Clause */
#include "map/kernel.h"

#include "base/file.h"
#include "base/near.h"

#include <dlfcn.h>
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <unistd.h>
#include <stdlib.h>

#define PREFIX "yoke_function_"

const char *yk_kernel_type(uint8_t type)
{
    static const char *const name[] = {
        "void",
#define X(code, type) #type,
        YOKE_NUMBERS(X)
#undef X
        "text", "doubles", "int64s", "yoke_task *"};
    type &= (uint8_t)~YOKE_OUT;
    return type < sizeof name / sizeof *name ? name[type] : "?";
}

/* ---- the word */

static bool ends_with(const char *s, size_t n, const char *end)
{
    size_t e = strlen(end);
    return n > e && memcmp(s + n - e, end, e) == 0;
}

/* The length of FILE in a word. */
static size_t file_length(const char *word)
{
    const char *colon = strrchr(word, ':');
    return colon && !strchr(colon, '/') ? (size_t)(colon - word) : strlen(word);
}

bool yk_kernel_is_meant(const char *word)
{
    size_t n = file_length(word);
    return (ends_with(word, n, ".c") || ends_with(word, n, ".so")) && !strpbrk(word, " \t\n{}");
}

/* ---- what a library holds */

typedef struct symbols {
    const ElfW(Sym) *table;
    const char      *names;
    size_t           n;
} symbols;

/* How many symbols there are is not written anywhere; the GNU hash table's longest chain ends at the last one. */
static size_t count_symbols(const uint32_t *hash)
{
    uint32_t        n_buckets = hash[0], first = hash[1], last = 0;
    const uint32_t *buckets = hash + 4 + hash[2] * (sizeof(ElfW(Addr)) / 4), *chain = buckets + n_buckets;
    for (uint32_t i = 0; i < n_buckets; i++)
        last = buckets[i] > last ? buckets[i] : last;
    if (last < first)
        return 0;
    while (!(chain[last - first] & 1))
        last++;
    return last + 1;
}

static symbols find_symbols(void *library)
{
    symbols          s = {0};
    struct link_map *map = NULL;
    if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0)
        return s;
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
        const void *at = (const void *)d->d_un.d_ptr;
        if (d->d_tag == DT_SYMTAB)
            s.table = at;
        else if (d->d_tag == DT_STRTAB)
            s.names = at;
        else if (d->d_tag == DT_GNU_HASH)
            s.n = count_symbols(at);
    }
    return s;
}

/* The names of the functions that have a YOKE_FUNCTION line. */
static size_t list_functions(void *library, const char **names, size_t most)
{
    symbols s = find_symbols(library);
    size_t  n = 0;
    for (size_t i = 0; s.table && s.names && i < s.n && n < most; i++) {
        const char *name = s.names + s.table[i].st_name;
        if (s.table[i].st_shndx != SHN_UNDEF && strncmp(name, PREFIX, strlen(PREFIX)) == 0)
            names[n++] = name + strlen(PREFIX);
    }
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int no_function(const yk_kernel *k, const char *name, yoke_error *err)
{
    const char *names[64];
    size_t      n = list_functions(k->library, names, 64);
    const char *near = yk_near_find(name, names, n);
    YK_AUTOBUF  list = YK_BUF_INIT;
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n && i < 8; i++)
        yk_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    if (n > 8)
        yk_buf_puts(&list, ", …");
    if (*name && dlsym(k->library, name))
        return yk_fail(err, YOKE_EABSENT, "'%s' has a function %s, but no line YOKE_FUNCTION(…, %s, …) that says what it takes",
                       k->file, name, name);
    if (n == 0)
        return yk_fail(err, YOKE_EABSENT, "'%s' declares no function; a line YOKE_FUNCTION(double, f, int64_t) declares one",
                       k->file);
    if (!*name)
        return yk_fail(err, YOKE_EINVALID, "which function of '%s'? write %s:FUNCTION; it has %s", k->file, k->file,
                       yk_buf_text(&list));
    return yk_fail(err, YOKE_EABSENT, "'%s' has no function '%s'%s%s%s %s", k->file, name, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'? It has" : "; it has", yk_buf_text(&list));
}

/* ---- opening */

static int find_function(yk_kernel *k, const char *name, yoke_error *err)
{
    YK_AUTOBUF symbol = YK_BUF_INIT;
    yk_buf_printf(&symbol, PREFIX "%s", name);
    if (symbol.is_failed)
        return yk_fail_nomem(err, "looking for a function");
    k->f = *name ? dlsym(k->library, yk_buf_text(&symbol)) : NULL;
    if (!k->f)
        return no_function(k, name, err);
    if (k->f->abi != YOKE_FUNCTION_ABI)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' was compiled for another version of Yoke; compile it again", k->file);
    return 0;
}

static int load(yk_kernel *k, const char *path, yoke_error *err)
{
    char full[PATH_MAX];
    int  fd; /* opened only for its errors, which are better than dlopen's */
    YK_TRY(yk_file_open(path, &fd, &(uint64_t){0}, err));
    close(fd);
    k->library = realpath(path, full) ? dlopen(full, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!k->library)
        return yk_fail(err, YOKE_EFORMAT, "'%s' cannot be loaded: %s", k->file, dlerror());
    return 0;
}

int yk_kernel_open(const char *word, yk_buf *messages, yk_kernel **ret, yoke_error *err)
{
    size_t n = file_length(word);
    YK_CLEANUP(yk_kernel_freep) yk_kernel *k = yk_new(yk_kernel);
    if (!k || !(k->file = yk_strndup(word, n)))
        return yk_fail_nomem(err, "loading a function");
    YK_AUTOFREE char *compiled = NULL;
    if (ends_with(word, n, ".c"))
        YK_TRY(yk_kernel_compile(k->file, messages, &compiled, err));
    YK_TRY(load(k, compiled ? compiled : k->file, err));
    YK_TRY(find_function(k, word[n] ? word + n + 1 : "", err));
    *ret = YK_TAKE(k);
    return 0;
}

void yk_kernel_free(yk_kernel *k)
{
    if (!k)
        return;
    yk_free(k->file);
    yk_free(k);
}
