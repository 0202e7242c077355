/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/progress.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/near.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double BAR_EVERY = 0.1, FIRST_BAR = 0.5, FIRST_LINE = 10, LONGEST_GAP = 600;

struct yk_progress {
    const char *what, *unit;
    uint64_t    total, done, failed;
    bool        is_bar, is_shown, has_spoken;
    char        note[160];
    double      started, next; /* seconds; when it may be drawn again */
    double      since;         /* that `done` is counted */
};

int yk_progress_parse(const char *word, yk_progress_how *ret, yoke_error *err)
{
    static const char *const words[] = {"auto", "bar", "line", "none"};
    char                     hint[96];
    for (int i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = (yk_progress_how)i;
            return 0;
        }
    return yk_fail(err, YOKE_EINVALID, "--progress takes auto, bar, line or none, not '%s'%s", word,
                   yk_near_hint(word, words, 4, hint, sizeof hint));
}

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t n, char buf[32])
{
    char *at = buf + 31;
    *at = '\0';
    for (int digits = 0; digits == 0 || n > 0; digits++, n /= 10) {
        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + n % 10);
    }
    return at;
}

static const char *duration(double s, char *buf, size_t size)
{
    if (s < 99.5)
        snprintf(buf, size, "%.0f s", s);
    else if (s < 5400)
        snprintf(buf, size, "%.0f min", s / 60);
    else if (s < 48 * 3600.0)
        snprintf(buf, size, "%.1f h", s / 3600);
    else
        snprintf(buf, size, "%.0f days", s / 86400);
    return buf;
}

void yk_progress_text(const char *what, const char *unit, uint64_t done, uint64_t failed, uint64_t total, double seconds,
                      char *buf, size_t size)
{
    char   n[32], of[32], bad[48] = "", left[48] = "", share[48] = "", pace[48];
    double rate = seconds > 0 ? (double)done / seconds : 0;
    bool   is_known = total != UINT64_MAX && total > 0;
    if (failed)
        snprintf(bad, sizeof bad, ", %s failed", grouped(failed, of));
    if (is_known)
        snprintf(share, sizeof share, " of %s", grouped(total, of));
    snprintf(pace, sizeof pace, rate >= 10 ? "%.0f/s" : rate >= 0.1 ? "%.1f/s" : "%.1f/h", rate >= 0.1 ? rate : rate * 3600);
    if (rate >= 1000)
        snprintf(pace, sizeof pace, "%s/s", grouped((uint64_t)rate, of));
    if (is_known && rate > 0 && done < total) {
        char t[24];
        snprintf(left, sizeof left, ", %s left", duration((double)(total - done) / rate, t, sizeof t));
    }
    char percent[16] = "";
    if (is_known)
        snprintf(percent, sizeof percent, " (%.0f %%)", 100 * (double)done / (double)total);
    snprintf(buf, size, "%s: %s%s %s%s%s, %s%s", what, grouped(done, n), share, unit, percent, bad, pace, left);
}

yk_progress *yk_progress_start(const char *what, const char *unit, uint64_t total, yk_progress_how how)
{
    yk_progress *p = how == YK_PROGRESS_NONE ? NULL : yk_new(yk_progress);
    if (!p)
        return NULL;
    *p = (yk_progress){.what = what, .unit = unit, .total = total, .started = yk_now()};
    p->since = p->started;
    p->is_bar = how == YK_PROGRESS_BAR || (how == YK_PROGRESS_AUTO && isatty(STDERR_FILENO));
    p->next = p->started + (p->is_bar ? FIRST_BAR : FIRST_LINE);
    return p;
}

void yk_progress_total(yk_progress *p, uint64_t total)
{
    if (p)
        p->total = total;
}

void yk_progress_note(yk_progress *p, const char *text)
{
    if (p)
        snprintf(p->note, sizeof p->note, "%s", text);
}

static void draw_bar(yk_progress *p, const char *text)
{
    enum { BAR = 20 };
    struct winsize w = {0};
    int            wide = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
    char           bar[BAR + 1] = "";
    if (p->total != UINT64_MAX && p->total > 0 && wide >= 60) {
        int full = (int)(BAR * ((double)p->done / (double)p->total));
        for (int i = 0; i < BAR; i++)
            bar[i] = i < full ? '#' : '.';
        bar[BAR] = '\0';
    }
    fprintf(stderr, "\r%s%s%.*s\033[K", bar, bar[0] ? " " : "", wide - 1 - (bar[0] ? BAR + 1 : 0), text);
    fflush(stderr);
    p->is_shown = true;
}

static void show(yk_progress *p, double now)
{
    char text[256];
    yk_progress_text(p->what, p->unit, p->done, p->failed, p->total, now - p->since, text, sizeof text);
    char *left = p->note[0] ? strstr(text, " left") : NULL;
    if (left)
        while (left > text && *left != ',')
            *left-- = '\0';
    if (left)
        *left = '\0';
    size_t used = strlen(text);
    if (p->note[0])
        snprintf(text + used, sizeof text - used, ", %s", p->note);
    if (p->is_bar)
        draw_bar(p, text);
    else
        fprintf(stderr, "%s\n", text);
    p->has_spoken = true;
}

void yk_progress_update(yk_progress *p, uint64_t done, uint64_t failed)
{
    if (!p)
        return;
    double now = yk_now();
    if (done < p->done) /* it began anew: the pace is that of this time */
        p->since = now;
    p->done = done;
    p->failed = failed;
    if (now < p->next)
        return;
    show(p, now);
    double gap = p->is_bar ? BAR_EVERY : now - p->started; /* lines at 10, 20, 40, 80 … seconds */
    p->next = now + (gap < LONGEST_GAP ? gap : LONGEST_GAP);
}

void yk_progress_hide(yk_progress *p)
{
    if (!p || !p->is_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->is_shown = false;
}

void yk_progress_end(yk_progress *p)
{
    if (!p)
        return;
    yk_progress_hide(p);
    if (!p->is_bar && p->has_spoken)
        show(p, yk_now());
    yk_free(p);
}
