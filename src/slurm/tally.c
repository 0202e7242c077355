/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/tally.h"

#include "slurm/queue.h"

#include <stdio.h>
#include <string.h>

void yk_tally_fini(yk_tally *g)
{
    for (size_t i = 0; i < g->n; i++)
        yk_lines_fini(&g->row[i].lines);
    yk_free(g->row);
    *g = (yk_tally)YK_TALLY_INIT;
}

yk_tally_row *yk_tally_get(yk_tally *g, const char *state)
{
    yk_tally_row one = {.lines = YK_LINES_INIT};
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->row[i].state, state) == 0)
            return &g->row[i];
    snprintf(one.state, sizeof one.state, "%s", state);
    return yk_push(&g->row, &g->n, &g->cap, one) ? &g->row[g->n - 1] : NULL;
}

int yk_tally_add(yk_tally *g, const char *state, uint64_t line, yoke_error *err)
{
    yk_tally_row *group = yk_tally_get(g, state);
    if (!group)
        return yk_fail_nomem(err, "counting states");
    group->n++;
    return yk_lines_add(&group->lines, line, err);
}

void yk_tally_sort(yk_tally *g)
{
    for (size_t i = 1; i < g->n; i++) /* few, and order is kept among equals */
        for (size_t k = i; k > 0 && g->row[k].n > g->row[k - 1].n; k--) {
            yk_tally_row other = g->row[k];
            g->row[k] = g->row[k - 1];
            g->row[k - 1] = other;
        }
}

/* A number in the middle of 10 columns. Python's "^": the odd blank goes to the right. */
static void print_centred(const char *text, size_t width, yk_buf *to)
{
    size_t len = strlen(text), left = len < width ? (width - len) / 2 : 0, right = len < width ? width - len - left : 0;
    yk_buf_printf(to, "%*s%s%*s", (int)left, "", text, (int)right, "");
}

static void print_row(const char *state, const char *number, const char *indices, int width, yk_buf *to)
{
    yk_buf_printf(to, "%-*s", width, state);
    print_centred(number, 10, to);
    yk_buf_printf(to, "%s\n", indices);
}

void yk_tally_print(const yk_tally *g, uint64_t job, yk_buf *to)
{
    size_t widest = strlen("State");
    for (size_t i = 0; i < g->n; i++)
        widest = strlen(g->row[i].state) > widest ? strlen(g->row[i].state) : widest;
    int width = (int)widest + 2;
    yk_buf_printf(to, "State Summary for Array %llu\n", (unsigned long long)job);
    print_row("State", "Num_Jobs", "Indices", width, to);
    print_row("-----", "--------", "-------", width, to);
    for (size_t i = 0; i < g->n; i++) {
        YK_AUTOBUF indices = YK_BUF_INIT;
        char       number[24];
        yk_lines_print(&g->row[i].lines, &indices);
        if (g->row[i].is_cut)
            yk_buf_puts(&indices, "...");
        snprintf(number, sizeof number, "%llu", (unsigned long long)g->row[i].n);
        print_row(g->row[i].state, number, yk_buf_text(&indices), width, to);
    }
}

/* Calls for each name of a list until one answers true. */
static bool any_name(const char *list, bool (*is_it)(const char *name, const void *ctx), const void *ctx, char *buf, size_t size)
{
    while (*list) {
        size_t len = strcspn(list, ",");
        snprintf(buf, size, "%.*s", (int)len, list);
        if (is_it(buf, ctx))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

static bool is_unknown(const char *name, const void *ctx)
{
    (void)ctx;
    for (const char *const *s = yk_states_known; *s; s++)
        if (strcmp(name, *s) == 0)
            return false;
    return true;
}

const char *yk_tally_unknown_state(const char *list, char *buf, size_t size)
{
    return any_name(list, is_unknown, NULL, buf, size) ? buf : NULL;
}

static bool is_state(const char *name, const void *state)
{
    return yk_state_is(state, name);
}

bool yk_tally_is_listed(const yk_tally_row *g, const char *list)
{
    char name[40];
    return any_name(list, is_state, g->state, name, sizeof name);
}
