/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading the words of a call against a verb's table of options, and saying what is wrong with them.
 */
#include "cli/verb.h"

#include "base/near.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void say(const yk_args *args, const char *fmt, va_list ap)
{
    fflush(stdout);
    fprintf(stderr, "yoke %s: ", args->verb->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int yk_cli_usage(const yk_args *args, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(args, fmt, ap);
    va_end(ap);
    fprintf(stderr, "yoke %s: 'yoke help %s' has the options and examples\n", args->verb->name, args->verb->name);
    return YK_EXIT_USAGE;
}

void yk_cli_warn(const yk_args *args, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(args, fmt, ap);
    va_end(ap);
}

int yk_cli_failed(const yk_args *args, const yoke_error *err)
{
    yk_cli_warn(args, "%s", err->text[0] ? err->text : yoke_error_name(err->code));
    switch (err->code) {
    case YOKE_EINVALID:
    case YOKE_ESYNTAX:
    case YOKE_ETYPE: return YK_EXIT_USAGE;
    case YOKE_ECANCELED: return YK_EXIT_INTERRUPTED;
    default: return YK_EXIT_FAILED;
    }
}

int yk_cli_finish(const yk_args *args, int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    yk_cli_warn(args, "cannot write the results: %s", strerror(errno));
    return YK_EXIT_FAILED;
}

static const char WORKERS[] = "; the number of workers is in --on threads:N or --on processes:N";

static bool has_on(const yk_args *args)
{
    bool has = false;
    for (const yk_opt *o = args->verb->opts; o->id; o++)
        has |= o->name && strcmp(o->name, "on") == 0;
    return has;
}

/* What other programs call the number of workers. */
static bool means_workers(const char *word)
{
    static const char *const words[] = {"jobs", "threads", "workers", "cores", "processes"};
    bool                     does = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        does |= strcmp(word, words[i]) == 0;
    return does;
}

static int unknown_option(yk_args *args, const char *word)
{
    const char *names[128];
    size_t      n = 0;
    char        bare[64], hint[96];
    for (const yk_opt *o = args->verb->opts; o->id && n < 128; o++)
        if (o->name)
            names[n++] = o->name;
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
    const char *near = yk_near_find(bare, names, n);
    if (near)
        snprintf(hint, sizeof hint, "; did you mean --%s?", near);
    yk_cli_usage(args, "there is no option --%s%s", bare, means_workers(bare) && has_on(args) ? WORKERS : near ? hint : "");
    return YK_ARG_WRONG;
}

static int take_value(yk_args *args, const yk_opt *o, const char *shown, const char **ret)
{
    if (args->at >= args->argc) {
        yk_cli_usage(args, "%s needs a value: %s %s", shown, shown, o->arg);
        return YK_ARG_WRONG;
    }
    *ret = args->argv[args->at++];
    return o->id;
}

static const yk_opt *find_long(yk_args *args, const char *word, size_t len, bool *ret_is_ambiguous)
{
    const yk_opt *found = NULL;
    *ret_is_ambiguous = false;
    for (const yk_opt *o = args->verb->opts; o->id; o++) {
        if (!o->name || strncmp(o->name, word, len) != 0)
            continue;
        if (strlen(o->name) == len) {
            *ret_is_ambiguous = false;
            return o;
        }
        *ret_is_ambiguous = found != NULL;
        found = o;
    }
    return found;
}

static int next_long(yk_args *args, const char *word, const char **ret)
{
    size_t        len = strcspn(word, "=");
    bool          is_ambiguous;
    const yk_opt *o = find_long(args, word, len, &is_ambiguous);
    char          shown[80];
    if (!o || len == 0)
        return unknown_option(args, word);
    if (is_ambiguous) {
        yk_cli_usage(args, "--%.*s could be several options; type more of its name", (int)len, word);
        return YK_ARG_WRONG;
    }
    snprintf(shown, sizeof shown, "--%s", o->name);
    if (word[len] == '=' && !o->arg) {
        yk_cli_usage(args, "%s takes no value", shown);
        return YK_ARG_WRONG;
    }
    if (word[len] == '=') {
        *ret = word + len + 1;
        return o->id;
    }
    return o->arg ? take_value(args, o, shown, ret) : o->id;
}

static int next_letter(yk_args *args, const char **ret)
{
    char letter = *args->in_group++, shown[3] = {'-', letter, 0};
    for (const yk_opt *o = args->verb->opts; o->id; o++) {
        if (o->letter != letter)
            continue;
        if (!o->arg)
            return o->id;
        if (*args->in_group) {
            *ret = args->in_group + (*args->in_group == '=');
            args->in_group = "";
            return o->id;
        }
        return take_value(args, o, shown, ret);
    }
    yk_cli_usage(args, "there is no option %s%s", shown, letter == 'j' && has_on(args) ? WORKERS : "");
    return YK_ARG_WRONG;
}

/* -5 and -0.5..0.5 are words, unless the verb has an option of that letter and nothing follows it. */
static bool is_negative_number(const yk_args *args, const char *word)
{
    if (word[1] < '0' || word[1] > '9')
        return false;
    for (const yk_opt *o = args->verb->opts; o->id; o++)
        if (o->letter == word[1] && word[2] == '\0')
            return false;
    return true;
}

int yk_args_next(yk_args *args, const char **ret_value)
{
    *ret_value = NULL;
    if (args->in_group && *args->in_group)
        return next_letter(args, ret_value);
    if (args->at >= args->argc)
        return YK_ARG_END;
    const char *word = args->argv[args->at++];
    if (!args->only_words && strcmp(word, "--") == 0) {
        args->only_words = true;
        return yk_args_next(args, ret_value);
    }
    if (args->only_words || word[0] != '-' || word[1] == '\0' || is_negative_number(args, word)) {
        *ret_value = word;
        return YK_ARG_WORD;
    }
    if (word[1] == '-')
        return next_long(args, word + 2, ret_value);
    args->in_group = word + 1;
    return next_letter(args, ret_value);
}

int yk_args_left(const yk_args *args)
{
    return args->argc - args->at;
}

char **yk_args_rest(yk_args *args)
{
    char **rest = args->argv + args->at;
    args->at = args->argc;
    return rest;
}

bool yk_args_uint(const yk_args *args, const char *name, const char *value, uint64_t least, uint64_t most, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && !*end && !errno && n >= least && n <= most) {
        *ret = n;
        return true;
    }
    if (most == UINT64_MAX)
        yk_cli_usage(args, "--%s takes a whole number of at least %llu, not '%s'", name, (unsigned long long)least, value);
    else
        yk_cli_usage(args, "--%s takes a whole number from %llu to %llu, not '%s'", name, (unsigned long long)least,
                     (unsigned long long)most, value);
    return false;
}

bool yk_args_real(const yk_args *args, const char *name, const char *value, double *ret)
{
    char  *end;
    double x = strtod(value, &end);
    if (end != value && !*end && isfinite(x)) {
        *ret = x;
        return true;
    }
    yk_cli_usage(args, "--%s takes a number, not '%s'", name, value);
    return false;
}
