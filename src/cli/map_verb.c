/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke map: reads the words, and hands over to functions or commands.
 */
#include "cli/map_verb.h"

#include "base/near.h"
#include "cli/verbs.h"
#include "map/kernel.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum {
    O_FILE = 1, O_NUL, O_CSV, O_TSV, O_COLUMNS, O_OUTPUT, O_FORCE, O_ON, O_CHUNK, O_ON_ERROR, O_UNORDERED, O_REDUCE, O_SEED,
    O_WORKERS, O_JSON, O_PROGRESS, O_COLSEP = YK_RO_END, O_HEADER, O_AFTER
};

static const yk_opt OPTS[] = {
    {O_FILE, 'a', "arg-file", "FILE", "take items from a file, one a line; -: standard input"},
    {O_NUL, '0', "null", NULL, "items of files end with a NUL byte instead of a newline"},
    {O_CSV, 0, "csv", NULL, "files are comma-separated tables, their first line names the columns: a column is an argument"},
    {O_TSV, 0, "tsv", NULL, "the same with tabs"},
    {O_COLUMNS, 0, "columns", "LIST", "with --csv: the columns wanted, by name or number: x,y"},
    {O_ON, 0, "on", "WHAT[:N]", "what pulls: serial, threads (default), processes; N workers (default: all cores)"},
    {O_OUTPUT, 'o', "output", "FILE.npy", "write the results as a NumPy array: a vector, or a row for each item"},
    {O_FORCE, 0, "force", NULL, "replace FILE.npy when it is there already"},
    {O_REDUCE, 0, "reduce", "HOW", "print one value for all results: sum, mean, min, max, count, or FILE.c:function,\n"
                                   "an associative function of two results. In a fixed order: the same bits on any workers.\n"
                                   "A NaN among the results makes sum, mean, min and max NaN, as in NumPy"},
    {O_ON_ERROR, 0, "on-error", "HOW", "raise: stop at the first item that fails (default); collect: go on, leave an empty line,\n"
                                       "say at the end how many failed; ignore: go on and leave it out. An item that does not fit,\n"
                                       "such as a word for a number, has failed too"},
    {O_SEED, 0, "seed", "N", "the seed of tasks' own random streams (default 0)"},
    {O_CHUNK, 0, "chunk", "N", "items handed to a worker together (default: from their measured cost)"},
    {O_UNORDERED, 0, "unordered", NULL, "print results as they are done, not in the order of items"},
    {O_WORKERS, 0, "show-workers", NULL, "beside each result: its item, the worker, process and thread that took it, the how-manyth\n"
                                         "it was to finish, and seconds"},
    {O_JSON, 0, "json", NULL, "a line of JSON for each item: index, value or error and cause, worker, attempt, seconds.\n"
                            "\"nan\", \"inf\" and \"-inf\" are strings there"},
    {O_PROGRESS, 0, "progress", "HOW", "auto, bar, line or none (default auto: a bar on a terminal, now and then a line in a log)"},
    {O_COLSEP, 0, "colsep", "REGEX", "commands: an item's columns, {1}, {2} …, are what stands between matches of this: ',', '\\t', ' +'"},
    {O_HEADER, 0, "header", NULL, "commands: the first item names the columns: {name}"},
    {O_AFTER, 0, "after", "COLUMN", "commands, with --run: the column of the items that must have ended well before: 3,5-7, from 0"},
    YK_RUN_OPTIONS,
    {0}};

/* The words that make items, kept until all options are known. */
typedef struct given {
    const char *word;
    bool        is_file;
} given;

typedef struct words {
    given        *items; /* owned */
    size_t        n, cap;
    bool          has_file; /* items come from a file or standard input */
    yk_items_opts opts;
} words;

static bool read_on_error(const yk_args *args, const char *value, yoke_on_error *ret)
{
    static const char *const word[] = {[YOKE_RAISE] = "raise", [YOKE_COLLECT] = "collect", [YOKE_IGNORE] = "ignore"};
    char                     hint[96];
    for (int i = 0; i < 3; i++)
        if (strcmp(value, word[i]) == 0) {
            *ret = (yoke_on_error)i;
            return true;
        }
    yk_cli_usage(args, "--on-error takes raise, collect or ignore, not '%s'%s", value, yk_near_hint(value, word, 3, hint, sizeof hint));
    return false;
}

static bool read_progress(const yk_args *args, const char *value, yk_progress_how *ret)
{
    yoke_error err = YOKE_ERROR_INIT;
    return yk_progress_parse(value, ret, &err) == 0 || (yk_cli_usage(args, "%s", err.text), false);
}

static bool take_separator(const yk_args *args, words *w, char separator)
{
    if (w->opts.separator && w->opts.separator != separator)
        return yk_cli_usage(args, "--csv and --tsv say different things about the same files; give one"), false;
    w->opts.separator = separator;
    return true;
}

static const char *option_name(int id)
{
    for (const yk_opt *o = OPTS; o->id; o++)
        if (o->id == id)
            return o->name;
    return "";
}

/* Options about items and running; what only functions take is noted. False when a value was wrong. */
static bool take_option(yk_map_asked *m, words *w, int id, const char *value)
{
    const char **only = id >= YK_RO_JOBS ? &m->only_commands : &m->only_functions;
    if (id != O_PROGRESS && id != YK_RO_JOBS && id != YK_RO_RETRIES && id != YK_RO_TIMEOUT && id != O_UNORDERED && id > O_COLUMNS)
        *only = option_name(id);
    switch (id) {
    case O_NUL: w->opts.has_nul = true; return true;
    case O_CSV: return take_separator(m->args, w, ',');
    case O_TSV: return take_separator(m->args, w, '\t');
    case O_COLUMNS: w->opts.columns = value; return true;
    case O_OUTPUT: m->output = value; return true;
    case O_FORCE: m->may_replace = true; return true;
    case O_ON: m->on = value; return true;
    case O_CHUNK: return yk_args_uint(m->args, "chunk", value, 1, UINT32_MAX, &m->chunk);
    case O_ON_ERROR: return read_on_error(m->args, value, &m->on_error);
    case O_UNORDERED: m->is_unordered = true; return true;
    case O_REDUCE: m->reduce = value; return true;
    case O_SEED: return yk_args_uint(m->args, "seed", value, 0, UINT64_MAX, &m->seed);
    case O_WORKERS: m->shows_workers = true; return true;
    case O_JSON: m->is_json = true; return true;
    case O_PROGRESS: return read_progress(m->args, value, &m->run.progress);
    case O_COLSEP: m->colsep = value; return true;
    case O_HEADER: m->has_header = true; return true;
    case O_AFTER: m->after = value; return true;
    default: return yk_run_opt(m->args, id, value, &m->run);
    }
}

/* --header: as GNU parallel wants it. */
static void skip_colon(yk_args *args)
{
    if (args->at < args->argc && strcmp(args->argv[args->at], ":") == 0)
        args->at++;
}

/* YK_EXIT_OK, or what to return. */
static int read_words(yk_map_asked *m, words *w)
{
    const char *value;
    int         id;
    while ((id = yk_args_next(m->args, &value)) != YK_ARG_END) {
        given g = {value, id == O_FILE};
        w->has_file |= id == O_FILE || (id == YK_ARG_WORD && (strcmp(value, "-") == 0 || strncmp(value, "::::", 4) == 0));
        /* what follows is items: file names never become options */
        m->args->only_words |= id == YK_ARG_WORD && yk_items_begins_list(value);
        if (id == O_HEADER)
            skip_colon(m->args);
        if (id == YK_ARG_WRONG || (id > 0 && id != O_FILE && !take_option(m, w, id, value)))
            return YK_EXIT_USAGE;
        if (id == YK_ARG_WORD && !m->target)
            m->target = value;
        else if ((id == YK_ARG_WORD || id == O_FILE) && !yk_push(&w->items, &w->n, &w->cap, g))
            return yk_cli_failed(m->args, &(yoke_error){.code = YOKE_ENOMEM});
    }
    if (!m->target)
        return yk_cli_usage(m->args,
                            "what shall be run? A function, as in yoke map pi.c:pi 0..9, or a command, as in yoke map 'gzip {}' -a files");
    if (w->n == 0)
        return yk_cli_usage(m->args, "on which items? Give some, as in yoke map '%s' 0..9, or -a FILE", m->target);
    if ((w->opts.separator || w->opts.has_nul) && !w->has_file)
        return yk_cli_usage(m->args, "--%s is about files of items, and none is given; name one with -a FILE",
                            w->opts.separator == ',' ? "csv" : w->opts.separator ? "tsv" : "null");
    if (w->opts.columns && !w->opts.separator)
        return yk_cli_usage(m->args, "--columns chooses columns of a table; add --csv or --tsv");
    return YK_EXIT_OK;
}

static int make_items(yk_map_asked *m, words *w, bool is_function)
{
    yoke_error err = YOKE_ERROR_INIT;
    w->opts.has_npy = is_function;
    if (is_function && w->has_file && (m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        return yk_fail_errno(&err, "reading items"), yk_cli_failed(m->args, &err);
    w->opts.wake_fd = m->wake_fd;
    m->items = yk_items_new(&w->opts, &err);
    int rc = m->items ? 0 : YOKE_ENOMEM;
    for (size_t i = 0; rc == 0 && i < w->n; i++)
        rc = w->items[i].is_file ? yk_items_file(m->items, w->items[i].word, &err) : yk_items_word(m->items, w->items[i].word, &err);
    if (rc == 0)
        rc = yk_items_ready(m->items, &err);
    return rc == 0 ? YK_EXIT_OK : yk_cli_failed(m->args, &err);
}

/* FILE.py:function and the like, which would be a command that no shell knows: the language, else NULL. */
static const char *other_language(const char *word)
{
    static const char *const known[][2] = {{".py:", "Python"}, {".cpp:", "C++"}, {".cc:", "C++"}, {".cxx:", "C++"},
                                           {".f90:", "Fortran"}, {".jl:", "Julia"}, {".R:", "R"}};
    for (size_t i = 0; !strpbrk(word, " \t{") && i < sizeof known / sizeof *known; i++)
        if (strstr(word, known[i][0]))
            return known[i][1];
    return NULL;
}

static int dispatch(yk_map_asked *m, words *w)
{
    int code = read_words(m, w);
    if (code != YK_EXIT_OK)
        return code;
    bool        is_function = yk_kernel_is_meant(m->target);
    const char *other = is_function ? NULL : other_language(m->target);
    if (other)
        return yk_cli_usage(m->args, "'%s': functions are taken from C files and libraries; for a program in %s write a command, "
                            "as in 'program {}'", m->target, other);
    const char *odd = is_function ? m->only_commands : m->only_functions;
    if (odd)
        return yk_cli_usage(m->args, "--%s is for %s", odd, is_function ? "commands, not functions" : "functions, not commands");
    code = make_items(m, w, is_function);
    if (code != YK_EXIT_OK)
        return code;
    return is_function ? yk_map_function(m) : yk_map_commands(m);
}

static int run(yk_args *args)
{
    yk_map_asked m = {.args = args, .run = {.runner = YK_RUNNER_OPTS_INIT}, .on_error = YOKE_RAISE};
    words        w = {0};
    int          code = dispatch(&m, &w);
    yk_items_free(m.items);
    yk_free(w.items);
    if (m.wake_fd > 0)
        close(m.wake_fd);
    return yk_cli_finish(args, code);
}

const yk_verb yk_verb_map = {
    .name = "map",
    .summary = "apply a C function or a command to every item, in parallel, and print the results in order",
    .usage = "FILE.c:function ITEMS… [--on WHAT[:N]] [-o FILE.npy] [--reduce HOW] [options]\n"
             "FILE.so:function ITEMS… [options]\n"
             "'COMMAND {}' ITEMS… [options]",
    .about =
        "Compiles FILE.c (with $CC, else cc; what was compiled is kept under ~/.cache/yoke by its content), calls the function\n"
        "once for each item, and prints the results one a line in the order of the items. Numbers are printed as short as\n"
        "reads back exactly; several results of one item are separated by tabs.\n"
        "\n"
        "The function is declared by one line, its prototype in other clothes:\n"
        "    #include <yoke/yoke.h>\n"
        "    double area(double width, double height) { return width * height; }\n"
        "    YOKE_FUNCTION(double, area, double, double);\n"
        "It may take and give C numbers, text (const char *), runs of numbers (yoke_doubles, yoke_int64s: rows of a .npy\n"
        "matrix), more results through pointers (double *), and the running task (yoke_task *) for random numbers that depend on\n"
        "the seed and the item's number alone. <yoke/function.h> has the details.\n"
        "\n"
        "ITEMS are words, and these words stand for more:\n"
        "    0..9  0..100..10  1..0..-0.25      a range, both ends included; it costs no memory\n"
        "    -  or  -a FILE                     the lines of standard input or of a file; rows of a table with --csv\n"
        "    values.npy                         the values of a vector, the rows of a matrix\n"
        "    ::: A B ::: 1..3                   all combinations, the last list varying fastest\n"
        "    ::: A B :::+ 1 2                   side by side\n"
        "    :::: FILE FILE  ::::+ FILE         the lines of each file are a list\n"
        "Blank lines of a file are no items, and a line, or a row with all its quoted breaks, has at most 256 MiB.\n"
        "Options come before the first of these colons: what follows is items, whatever it begins with. Without\n"
        "colons, items that begin with a dash and are no numbers come after --.\n"
        "An item with one field for a function of several arguments is taken apart at commas and blanks. Items are numbered\n"
        "from 0.\n"
        "\n"
        "Standard output has results alone: what a function prints goes to standard error.\n"
        "\n"
        "A COMMAND is run once for each item, as 'yoke run' runs a line, and what each prints is passed on whole, in the order of\n"
        "the items. In it {} is the item, {.} the item without its extension, {/} without folders, {//} its folder, {/.} without\n"
        "both, {#} its number from 1, {%} the slot it runs in; {2}, {2.} … its second field, {name}, {name.} … the field of that\n"
        "name. A command without any of these gets the item as its last word. Items are quoted: they reach the command as they\n"
        "are, blanks, quotes, newlines and all. With --run DIR there is a journal, and --resume goes on after an interruption.\n"
        "\n"
        "Whatever pulls, the results have the same bits. With --on processes an item whose function crashes fails alone, and\n"
        "--timeout stops a function that runs on; --timeout without --on means processes. Threads cannot be stopped: there such\n"
        "a function fails when it returns. Ctrl-C: running items end, what is done is printed; twice: stop now.\n"
        "\n"
        "Of the options below, those from --colsep on are for commands, but for -j, --retries and --timeout; those from --on to\n"
        "--json are for functions, but for --unordered.",
    .opts = OPTS,
    .examples =
        "# Monte Carlo pi for seeds 0 to 9 on all cores\n"
        "yoke map pi.c:pi 0..9\n"
        "\n"
        "# the same numbers from two processes, and which took which\n"
        "yoke map pi.c:pi 0..9 --on processes:2 --show-workers\n"
        "\n"
        "# the mean over a thousand seeds, one number\n"
        "yoke map pi.c:pi 1..1000 --reduce mean\n"
        "\n"
        "# every combination of two lists; the columns of a table; a matrix of results\n"
        "yoke map rows.c:area ::: 1..3 ::: 0.5 1.5\n"
        "yoke map rows.c:area --csv -a boxes.csv --columns width,height\n"
        "yoke map rows.c:area --csv -a boxes.csv -o areas.npy\n"
        "\n"
        "# text in and out, from a pipe\n"
        "ls | yoke map words.c:shout -\n"
        "\n"
        "# a command per item; sizes and names from two lists; rows of a table; file names with any bytes\n"
        "yoke map 'gzip -9 {}' *.log -j 4\n"
        "yoke map 'convert {1} -resize {2} {1.}-{2}.png' ::: *.jpg ::: 100 400\n"
        "yoke map './fit --from {start} --to {end}' --csv -a spans.csv --run fits\n"
        "find . -name '*.tif' -print0 | yoke map 'tiffinfo {} | head -1' -0 -\n"
        "\n"
        "# steps of which some wait for others: the column 'needs' holds 0-3, or 1,2, or nothing\n"
        "yoke map './step {name}' --csv -a steps.csv --after needs --run steps\n"
        "\n"
        "# go on when items fail, stop those that take over 2 seconds, try twice more\n"
        "yoke map solve.c:collatz -a cases.txt --on-error collect --timeout 2 --retries 2\n",
    .run = run,
};
