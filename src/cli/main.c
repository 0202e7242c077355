/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The command: finds the verb and hands it its words.
 */
#include "cli/dsq_programs.h"
#include "cli/verb.h"

#include "base/near.h"
#include "numeric/isa.h"

#include <yoke/version.h>

#include <fcntl.h>
#include <string.h>

static const yk_verb *find_verb(const char *name)
{
    for (const yk_verb *const *v = yk_verbs; *v; v++)
        if (strcmp((*v)->name, name) == 0)
            return *v;
    return NULL;
}

static int unknown_verb(const char *word)
{
    const char *names[32];
    size_t      n = 0;
    char        hint[96];
    for (const yk_verb *const *v = yk_verbs; *v && n < 31; v++)
        names[n++] = (*v)->name;
    names[n++] = "help";
    fprintf(stderr, "yoke: there is no verb '%s'%s\nyoke: 'yoke help' lists the verbs\n", word,
            yk_near_hint(word, names, n, hint, sizeof hint));
    return YK_EXIT_USAGE;
}

static int help(int argc, char **argv)
{
    bool is_man = argc > 0 && strcmp(argv[0], "--man") == 0; /* how the build makes the manual pages */
    if (is_man)
        argc--, argv++;
    const yk_verb *v = argc > 0 ? find_verb(argv[0]) : NULL;
    if (argc > 0 && !v && !(is_man && strcmp(argv[0], "yoke") == 0))
        return unknown_verb(argv[0]);
    if (is_man)
        yk_help_man(v, stdout);
    else if (v)
        yk_help_verb(v, stdout);
    else
        yk_help_verbs(stdout);
    return YK_EXIT_OK;
}

/* --help anywhere among the options; behind -- and behind the colons of 'yoke map' there are none. */
static bool asks_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0 && strncmp(argv[i], ":::", 3) != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || (i == 0 && strcmp(argv[i], "-h") == 0))
            return true;
    return false;
}

/* Opens what is closed of standard input, output and error, so that no file of ours gets its number and, with that, what is printed:
 * the wrong way round, so that reading and writing still fail. */
static void hold_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return;
}

/* What was printed without a verb has arrived. */
static int finish(void)
{
    static const yk_verb none = {.name = "help"};
    return yk_cli_finish(&(yk_args){.verb = &none}, YK_EXIT_OK);
}

int main(int argc, char **argv)
{
    int code;
    hold_standard_files();
    if (yk_dsq_main(argc, argv, &code))
        return code;
    if (argc < 2) {
        yk_help_verbs(stderr);
        return YK_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("yoke %s\n", yoke_version());
        return finish();
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return (code = help(argc - 2, argv + 2)) == YK_EXIT_OK ? finish() : code;
    const yk_verb *v = find_verb(word);
    if (!v)
        return unknown_verb(word);
    yk_args args = {.verb = v, .argc = argc - 2, .argv = argv + 2};
    if (asks_help(args.argc, args.argv)) {
        yk_help_verb(v, stdout);
        return yk_cli_finish(&args, YK_EXIT_OK);
    }
    yoke_error err = YOKE_ERROR_INIT;
    return yk_isa_check(&err) < 0 ? yk_cli_failed(&args, &err) : v->run(&args);
}
