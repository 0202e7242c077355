/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/dsq_programs.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct { const char *name; int (*run)(const char *program, int argc, char **argv); } PROGRAMS[] = {
    {"dsq", yk_dsq_queue},       {"dSQ", yk_dsq_queue},          {"dSQ.py", yk_dsq_queue},
    {"dsqa", yk_dsq_autopsy},    {"dSQAutopsy", yk_dsq_autopsy}, {"dSQAutopsy.py", yk_dsq_autopsy},
    {"dSQBatch.py", yk_dsq_batch}, {"dSQBatch", yk_dsq_batch},
};

bool yk_dsq_main(int argc, char **argv, int *ret)
{
    const char *name = argc > 0 ? yk_path_base(argv[0]) : "";
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof *PROGRAMS; i++)
        if (strcmp(name, PROGRAMS[i].name) == 0) {
            *ret = PROGRAMS[i].run(name, argc - 1, argv + 1);
            return true;
        }
    return false;
}

int yk_dsq_wrong(const char *program, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "%s: error: ", program);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return 2;
}

/* The option that a long word of `len` characters means; *ret_is_ambiguous when several do. */
static const yk_dsq_opt *find_long(const yk_dsq_opt *opts, const char *word, size_t len, bool *ret_is_ambiguous)
{
    const yk_dsq_opt *found = NULL;
    *ret_is_ambiguous = false;
    for (const yk_dsq_opt *o = opts; o->name; o++) {
        if (strncmp(o->name, word, len) != 0)
            continue;
        if (strlen(o->name) == len) {
            *ret_is_ambiguous = false;
            return o;
        }
        *ret_is_ambiguous = *ret_is_ambiguous || (found && found->id != o->id);
        found = o;
    }
    return found;
}

static int take_value(yk_dsq_words *w, const yk_dsq_opt *o, const char **ret)
{
    if (w->at >= w->argc || (w->argv[w->at][0] == '-' && w->argv[w->at][1]))
        return yk_dsq_wrong(w->program, "argument %s: expected one argument", o->name), YK_DSQ_WRONG;
    *ret = w->argv[w->at++];
    return o->id;
}

static int next_long(yk_dsq_words *w, const char *word, const char **ret)
{
    size_t            len = strcspn(word, "=");
    bool              is_ambiguous;
    const yk_dsq_opt *o = find_long(w->opts, word, len, &is_ambiguous);
    if (is_ambiguous)
        return yk_dsq_wrong(w->program, "%.*s could be several options; type more of it", (int)len, word), YK_DSQ_WRONG;
    /* --batch is an option of sbatch's own, and no beginning of --batch-file. */
    if (!o || (len == strlen("--batch") && strncmp(word, "--batch", len) == 0)) {
        *ret = word;
        return YK_DSQ_OTHER;
    }
    if (word[len] && !o->takes_value)
        return yk_dsq_wrong(w->program, "argument %s takes no value", o->name), YK_DSQ_WRONG;
    if (word[len]) {
        *ret = word + len + 1;
        return o->id;
    }
    return o->takes_value ? take_value(w, o, ret) : o->id;
}

int yk_dsq_next(yk_dsq_words *w, const char **ret_value)
{
    *ret_value = NULL;
    if (w->at >= w->argc)
        return YK_DSQ_END;
    const char *word = w->argv[w->at++];
    if (strncmp(word, "--", 2) == 0 && word[2])
        return next_long(w, word, ret_value);
    for (const yk_dsq_opt *o = w->opts; word[0] == '-' && word[1] && o->name; o++) {
        if (o->name[1] != word[1] || o->name[1] == '-' || (!o->takes_value && word[2]))
            continue;
        if (!o->takes_value)
            return o->id;
        if (!word[2])
            return take_value(w, o, ret_value);
        *ret_value = word + 2 + (word[2] == '=');
        return o->id;
    }
    *ret_value = word;
    return YK_DSQ_OTHER;
}
