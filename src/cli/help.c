/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Help, as text and as manual pages, from the verbs' own tables.
 */
#include "cli/verb.h"

#include <yoke/version.h>

#include <string.h>

static const char EXIT_TEXT[] = "0 all done; 1 some work failed, and which and why is said; 2 the call was wrong, and what "
                                "to type instead is said; 130 interrupted.";

static void print_option_name(const yk_opt *o, FILE *to)
{
    if (o->letter)
        fprintf(to, "-%c%s", o->letter, o->name ? ", " : "");
    if (o->name)
        fprintf(to, "--%s", o->name);
    if (o->arg)
        fprintf(to, " %s", o->arg);
}

/* Prints text with `indent` before each of its lines. */
static void print_indented(const char *text, int indent, FILE *to)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        fprintf(to, "%*s%.*s\n", len ? indent : 0, "", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

void yk_help_verb(const yk_verb *v, FILE *to)
{
    fprintf(to, "yoke %s: %s\n\n", v->name, v->summary);
    const char *u = v->usage;
    do {
        size_t len = strcspn(u, "\n");
        fprintf(to, "    yoke %s %.*s\n", v->name, (int)len, u);
        u += len + (u[len] == '\n');
    } while (*u);
    fprintf(to, "\n%s\n", v->about);
    if (v->opts->id)
        fputs("\nOptions:\n", to);
    for (const yk_opt *o = v->opts; o->id; o++) {
        fputs("  ", to);
        print_option_name(o, to);
        fputc('\n', to);
        print_indented(o->help, 8, to);
    }
    fputs("\nExamples:\n", to);
    print_indented(v->examples, 4, to);
}

void yk_help_verbs(FILE *to)
{
    fputs("yoke: parallel computing from one core to a cluster and a GPU\n\n    yoke VERB …\n\n", to);
    for (const yk_verb *const *v = yk_verbs; *v; v++)
        fprintf(to, "  %-10s %s\n", (*v)->name, (*v)->summary);
    fputs("\n'yoke help VERB' explains one, with examples. Start with 'yoke tutorial'.\n", to);
}

/* Text for roff: backslashes doubled, hyphens kept as typed, no line that begins with a control character. */
static void print_roff(const char *text, FILE *to)
{
    bool at_start = true;
    for (; *text; text++) {
        if (at_start && (*text == '.' || *text == '\''))
            fputs("\\&", to);
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '-')
            fputs("\\-", to);
        else
            fputc(*text, to);
        at_start = *text == '\n';
    }
    fputc('\n', to);
}

static void print_paragraphs(const char *text, FILE *to)
{
    for (;;) {
        const char *gap = strstr(text, "\n\n");
        size_t      len = gap ? (size_t)(gap - text) : strlen(text);
        char        para[4096];
        snprintf(para, sizeof para, "%.*s", (int)len, text);
        print_roff(para, to);
        if (!gap)
            return;
        fputs(".PP\n", to);
        text = gap + 2;
    }
}

static void man_head(const char *page, const char *summary, FILE *to)
{
    fprintf(to, ".TH \"%s\" 1 \"\" \"yoke %s\" \"Yoke\"\n.SH NAME\n", page, yoke_version());
    print_roff(page, to);
    fputs("\\- ", to);
    print_roff(summary, to);
}

static void man_of_yoke(FILE *to)
{
    man_head("yoke", "parallel computing from one core to a cluster and a GPU", to);
    fputs(".SH SYNOPSIS\n.B yoke\n.I VERB\n\\&…\n.SH VERBS\n", to);
    for (const yk_verb *const *v = yk_verbs; *v; v++) {
        fprintf(to, ".TP\n.BR yoke\\-%s (1)\n", (*v)->name);
        print_roff((*v)->summary, to);
    }
    fputs(".SH ENVIRONMENT\n.TP\n.B YOKE_ON\nWhat pulls when \\-\\-on is not given: serial, threads[:N], processes[:N].\n", to);
    fputs(".TP\n.B YOKE_ISA\nThe widest instruction set used: baseline, avx2, avx512.\n.SH EXIT STATUS\n", to);
    print_roff(EXIT_TEXT, to);
}

void yk_help_man(const yk_verb *v, FILE *to)
{
    if (!v) {
        man_of_yoke(to);
        return;
    }
    char page[64];
    snprintf(page, sizeof page, "yoke-%s", v->name);
    man_head(page, v->summary, to);
    fputs(".SH SYNOPSIS\n.nf\n", to);
    const char *u = v->usage;
    do {
        char   line[512];
        size_t len = strcspn(u, "\n");
        snprintf(line, sizeof line, "yoke %s %.*s", v->name, (int)len, u);
        print_roff(line, to);
        u += len + (u[len] == '\n');
    } while (*u);
    fputs(".fi\n.SH DESCRIPTION\n", to);
    print_paragraphs(v->about, to);
    if (v->opts->id)
        fputs(".SH OPTIONS\n", to);
    for (const yk_opt *o = v->opts; o->id; o++) {
        fputs(".TP\n.B ", to);
        print_option_name(o, to);
        fputc('\n', to);
        print_roff(o->help, to);
    }
    fputs(".SH EXAMPLES\n.nf\n", to);
    print_roff(v->examples, to);
    fputs(".fi\n.SH EXIT STATUS\n", to);
    print_roff(EXIT_TEXT, to);
    fputs(".SH SEE ALSO\n.BR yoke (1)\n", to);
}
