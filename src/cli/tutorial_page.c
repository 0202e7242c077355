/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tutorial's page: one HTML file with its style and pictures in it, that needs nothing else and runs no script.
 */
#include "base/cpus.h"
#include "base/file.h"
#include "cli/tutorial.h"

#include <yoke/version.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

const char yk_tutorial_mark[] = "<meta name=\"generator\" content=\"yoke tutorial\">";

static const char style[] =
    ":root{--ink:#1c2733;--soft:#5b6b7a;--line:#dde3e9;--paper:#fff;--wash:#f5f7f9;--blue:#0072b2;--red:#d55e00}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--wash);color:var(--ink);font:16px/1.6 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
    "main{max-width:860px;margin:0 auto;background:var(--paper);padding:48px 56px;border-left:1px solid var(--line);border-right:1px solid var(--line)}"
    "h1{font-size:2rem;line-height:1.2;margin:0 0 4px}h2{font-size:1.35rem;margin:52px 0 8px;padding-top:20px;border-top:1px solid var(--line)}"
    "p{margin:10px 0}.soft{color:var(--soft)}small,.small{font-size:.86rem}"
    ".cards{display:grid;grid-template-columns:repeat(3,1fr);gap:16px;margin:28px 0 0}"
    ".card{border:1px solid var(--line);border-top:3px solid var(--blue);border-radius:4px;padding:14px 16px}"
    ".card b{display:block;font-size:1.28rem;white-space:nowrap;line-height:1.25;font-variant-numeric:tabular-nums}.card span{color:var(--soft);font-size:.86rem}"
    "pre{background:#f2f4f7;border:1px solid var(--line);border-radius:4px;padding:12px 14px;overflow-x:auto;font:13px/1.5 ui-monospace,"
    "'DejaVu Sans Mono',Menlo,Consolas,monospace;margin:14px 0}pre.command{background:#1c2733;color:#e8edf2;border:0;white-space:pre-wrap;"
    "overflow-wrap:anywhere}pre.command i{color:#8fb8d8;font-style:normal;user-select:none}pre.ten{columns:5;column-rule:1px solid var(--line)}pre.drawing{line-height:1.2;font-size:12px}"
    "table{border-collapse:collapse;width:100%;margin:16px 0;font-variant-numeric:tabular-nums}th{font-weight:600;text-align:left;color:var(--soft);"
    "font-size:.86rem}td,th{padding:5px 10px 5px 0;border-bottom:1px solid var(--line)}td.n,th.n{text-align:right;padding-right:0}"
    "figure{margin:20px 0}figure img{display:block;width:100%;height:auto}figcaption{color:var(--soft);font-size:.86rem;margin-top:6px}"
    ".photos{display:grid;grid-template-columns:repeat(5,1fr);gap:8px;margin:20px 0 6px}.photos img{width:100%;height:100%;object-fit:cover;"
    "aspect-ratio:3/2;border-radius:2px;display:block}.bar{height:18px;border-radius:2px;background:var(--blue)}.bar.all{background:var(--red)}"
    ".wrong{border-left:3px solid var(--red);padding:8px 14px;background:#fdf3ec}footer{margin-top:52px;padding-top:16px;border-top:1px solid var(--line)}"
    "@media(max-width:700px){main{padding:28px 20px}.cards{grid-template-columns:1fr}.photos{grid-template-columns:repeat(3,1fr)}}"
    "@media print{body{background:#fff}main{border:0;max-width:none;padding:0}h2{break-after:avoid}figure,.photos{break-inside:avoid}}";

/* ---- pieces */

static void put_text(yk_buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        switch (s[i]) {
        case '&': yk_buf_puts(b, "&amp;"); break;
        case '<': yk_buf_puts(b, "&lt;"); break;
        case '>': yk_buf_puts(b, "&gt;"); break;
        case '"': yk_buf_puts(b, "&quot;"); break;
        default: yk_buf_putc(b, s[i]);
        }
}

static void put_string(yk_buf *b, const char *s) { put_text(b, s, strlen(s)); }

static void put_base64(yk_buf *b, const void *bytes, size_t n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t    *d = bytes;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)d[i] << 16 | (i + 1 < n ? (uint32_t)d[i + 1] << 8 : 0) | (i + 2 < n ? d[i + 2] : 0);
        char     four[] = {set[v >> 18], set[v >> 12 & 63], i + 1 < n ? set[v >> 6 & 63] : '=', i + 2 < n ? set[v & 63] : '='};
        yk_buf_append(b, four, 4);
    }
}

static void put_image(yk_buf *b, const char *type, const yk_buf *bytes, const char *alt)
{
    yk_buf_printf(b, "<img src=\"data:%s;base64,", type);
    put_base64(b, bytes->data, bytes->len);
    yk_buf_puts(b, "\" alt=\"");
    put_string(b, alt);
    yk_buf_puts(b, "\">");
}

static void put_command(yk_buf *b, const yk_step *s)
{
    yk_buf_puts(b, "<pre class=\"command\"><i>$ </i>");
    put_text(b, yk_buf_text(&s->shown), s->shown.len);
    yk_buf_puts(b, "</pre>\n");
}

static void put_time(yk_buf *b, const yk_step *s)
{
    char t[32];
    yk_buf_puts(b, yk_tutorial_time(s->seconds, t));
}

/* 1234567 as 1,234,567 */
static void put_count(yk_buf *b, double v)
{
    char   digits[32];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%.0f", v);
    for (size_t i = 0; i < n; i++) {
        yk_buf_putc(b, digits[i]);
        if ((n - i) % 3 == 1 && i + 1 < n)
            yk_buf_putc(b, ',');
    }
}

static bool put_failure(yk_buf *b, const yoke_error *e)
{
    if (e->code == 0)
        return false;
    yk_buf_puts(b, "<p class=\"wrong\">This part failed: ");
    put_string(b, e->text);
    yk_buf_puts(b, "</p>\n");
    return true;
}

/* ---- the page's parts */

static void put_head(yk_buf *b)
{
    struct utsname u = {0};
    char           day[64];
    time_t         now = time(NULL);
    struct tm      tm;
    yk_cpus        c = yk_cpus_find();
    strftime(day, sizeof day, "%d %B %Y, %H:%M", localtime_r(&now, &tm));
    uname(&u);
    yk_buf_printf(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n%s\n", yk_tutorial_mark);
    yk_buf_printf(b, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Yoke: three worked examples</title>\n"
                     "<style>%s</style>\n</head>\n<body>\n<main>\n", style);
    yk_buf_puts(b, "<h1>Three worked examples</h1>\n<p class=\"soft\">Yoke ");
    yk_buf_printf(b, "%s on ", yoke_version());
    put_string(b, u.nodename);
    yk_buf_printf(b, " (Linux, %s, %u core%s to use), %s</p>\n", u.machine, c.usable, c.usable == 1 ? "" : "s", day);
}

static void put_card(yk_buf *b, bool is_there, const char *big, const char *small)
{
    yk_buf_puts(b, "<div class=\"card\"><b>");
    yk_buf_puts(b, is_there ? big : "–");
    yk_buf_puts(b, "</b><span>");
    yk_buf_puts(b, is_there ? small : "this part failed, see below");
    yk_buf_puts(b, "</span></div>\n");
}

static void put_cards(yk_buf *b, const yk_tutorial *t)
{
    const yk_pi_part     *pi = &t->pi_part;
    const yk_photos_part *ph = &t->photos_part;
    const yk_fleet       *f = t->taxi_part.fleets;
    char                  big[3][64], small[3][160], time_text[32];
    snprintf(big[0], 64, "π ≈ %.5f", pi->mean);
    snprintf(small[0], 160, "all workers %.2f times as fast as one, %s", pi->serial.seconds / fmax(pi->parallel.seconds, 1e-9),
             pi->is_same ? "and the same bits" : "but other digits");
    snprintf(big[1], 64, "%zu PDFs in %s", ph->n, yk_tutorial_time(ph->turn.seconds, time_text));
    snprintf(small[1], 160, "%zu of %zu hold their JPEG unchanged, byte by byte", ph->n_unchanged, ph->n);
    snprintf(big[2], 64, "%.2f %% and %.2f %%", 100 * f[0].mean, 100 * f[1].mean);
    snprintf(small[2], 160, "of the fare is the tip, in %s and in %s", f[0].name ? f[0].name : "", f[1].name ? f[1].name : "");
    yk_buf_puts(b, "<div class=\"cards\">\n");
    for (int i = 0; i < 3; i++)
        put_card(b, t->errors[i].code == 0, big[i], small[i]);
    yk_buf_puts(b, "</div>\n");
}

static void put_bar(yk_buf *b, const char *who, const yk_step *s, double longest, const char *class)
{
    yk_buf_printf(b, "<tr><td style=\"white-space:nowrap\">%s</td><td style=\"width:100%%\"><div class=\"bar%s\" style=\"width:%.1f%%\"></div></td><td class=\"n\" style=\"white-space:nowrap;padding-left:16px\">", who,
                  class, 100 * s->seconds / longest);
    put_time(b, s);
    yk_buf_puts(b, "</td></tr>\n");
}

static void put_speed_up(yk_buf *b, const yk_pi_part *p)
{
    double longest = fmax(p->serial.seconds, p->parallel.seconds);
    yk_buf_printf(b, "<p>Now with Yoke's own random numbers (Philox), for %"
                  PRIu64 " seeds, which is %.0f million trials: first with one worker, then with all, each "
                     "three times in turns; the times are the best.</p>\n", p->n_many,
                  (double)p->n_many * YK_PI_TRIALS / 1e6);
    put_command(b, &p->serial);
    put_command(b, &p->parallel);
    yk_buf_puts(b, "<table>\n");
    put_bar(b, "one worker", &p->serial, longest, "");
    put_bar(b, "all workers", &p->parallel, longest, " all");
    yk_buf_printf(b, "</table>\n<p>That is %.2f times as fast. The two calls printed %s. The mean of all is "
                     "%.7f ± %.7f, and π is %.7f.</p>\n",
                  p->serial.seconds / p->parallel.seconds,
                  p->is_same ? "the same digits, to the last one: who pulls never changes the answer" : "different digits", p->mean,
                  p->stderr_of_mean, M_PI);
}

static void put_pi(yk_buf *b, const yk_tutorial *t)
{
    const yk_pi_part *p = &t->pi_part;
    yk_buf_puts(b, "<h2>1. Pi by throwing darts</h2>\n<p>Throw darts at a square: the share that lands in the quarter circle is π/4. "
                   "One C function does it for one seed; <code>yoke map</code> compiles it and applies it to each.</p>\n");
    if (put_failure(b, &t->errors[0]))
        return;
    put_command(b, &p->ten);
    yk_buf_puts(b, "<pre class=\"ten\">");
    put_text(b, yk_buf_text(&p->ten.out), p->ten.out.len);
    yk_buf_puts(b, "</pre>\n<p class=\"soft small\">Ten seeds of ");
    put_count(b, YK_PI_TRIALS);
    yk_buf_puts(b, " trials each, one line per seed: the very numbers that NumPy's RandomState(seed) gives. In ");
    put_time(b, &p->ten);
    yk_buf_puts(b, ", the C compiler's time included when the function was new to it.</p>\n");
    put_speed_up(b, p);
    if (p->picture.len == 0)
        return;
    yk_buf_puts(b, "<figure>");
    put_image(b, "image/svg+xml", &p->picture, "Histogram of the estimates");
    yk_buf_puts(b, "<figcaption>How the estimates of the seeds lie around π. The width is that of counting darts: "
                   "4·√(π/4·(1−π/4)/trials) = 0.0023.</figcaption></figure>\n");
}

static int put_thumbs(yk_buf *b, const yk_photos_part *p, yoke_error *err)
{
    enum { MOST = 20 };
    yk_buf_puts(b, "<div class=\"photos\">\n");
    for (size_t i = 0; i < p->n && i < MOST; i++) {
        YK_AUTOBUF bytes = YK_BUF_INIT;
        if (!p->photos[i].thumb)
            continue;
        YK_TRY(yk_file_slurp(p->photos[i].thumb, &bytes, err));
        put_image(b, "image/jpeg", &bytes, yk_path_base(p->photos[i].path));
        yk_buf_putc(b, '\n');
    }
    yk_buf_puts(b, "</div>\n");
    return 0;
}

static int put_photos(yk_buf *b, const yk_tutorial *t, yoke_error *err)
{
    const yk_photos_part *p = &t->photos_part;
    yk_buf_puts(b, "<h2>2. Photographs, turned into PDF</h2>\n<p>Photographs that hang upside down become one PDF each. A PDF can carry a "
                   "JPEG as it is and turn it when it is shown, so nothing is decoded and nothing is lost.</p>\n");
    if (put_failure(b, &t->errors[1]))
        return 0;
    put_command(b, &p->turn);
    yk_buf_printf(b, "<p>%zu pictures (%.1f MB) in ", p->n, (double)p->bytes / 1e6);
    put_time(b, &p->turn);
    yk_buf_printf(b, ", the start of the program included. Looked up afterwards: %zu of the %zu PDFs hold their JPEG's bytes unchanged.</p>\n",
                  p->n_unchanged, p->n);
    if (p->thumbs.is_done) {
        yk_buf_puts(b, "<p>The same pictures turned and made small for this page, which does decode them:</p>\n");
        put_command(b, &p->thumbs);
        YK_TRY(put_thumbs(b, p, err));
        yk_buf_puts(b, "<p class=\"soft small\">Made in ");
        put_time(b, &p->thumbs);
        yk_buf_puts(b, ".</p>\n");
    }
    return 0;
}

static void put_fleet_row(yk_buf *b, const yk_fleet *f)
{
    yk_buf_printf(b, "<tr><td>%s</td><td class=\"n\">%zu</td><td class=\"n\">", f->name, f->n_files);
    put_count(b, f->count);
    yk_buf_printf(b, "</td><td class=\"n\">%.2f %%</td><td class=\"n\">", 100 * f->mean);
    put_time(b, &f->step);
    yk_buf_puts(b, "</td></tr>\n");
}

static void put_taxi(yk_buf *b, const yk_tutorial *t)
{
    const yk_taxi_part *p = &t->taxi_part;
    yk_buf_puts(b, "<h2>3. How much of a taxi's fare is the tip?</h2>\n<p>Trip records of the New York City Taxi &amp; Limousine Commission. "
                   "One scan of the files gives the count, the mean and a histogram of 200 bins.</p>\n");
    if (put_failure(b, &t->errors[2]))
        return;
    for (int k = 0; k < 2; k++)
        put_command(b, &p->fleets[k].step);
    yk_buf_puts(b, "<table><tr><th>fleet</th><th class=\"n\">files</th><th class=\"n\">trips with a fare</th><th class=\"n\">mean tip, share of the "
                   "fare</th><th class=\"n\">time</th></tr>\n");
    for (int k = 0; k < 2; k++)
        put_fleet_row(b, &p->fleets[k]);
    yk_buf_puts(b, "</table>\n");
    if (p->picture.len > 0) {
        put_command(b, &p->plot);
        yk_buf_puts(b, "<figure>");
        put_image(b, "image/svg+xml", &p->picture, "Histogram of tips as shares of the fare");
        yk_buf_puts(b, "<figcaption>Trips by the tip's share of the fare, 200 bins from 0.01 to 2. The peaks are the buttons of the "
                       "payment screen, and round sums on round fares.</figcaption></figure>\n");
    }
    if (p->drawing.is_done) {
        yk_buf_puts(b, "<p>The same in the terminal:</p>\n");
        put_command(b, &p->drawing);
        yk_buf_puts(b, "<pre class=\"drawing\">");
        put_text(b, yk_buf_text(&p->drawing.out), p->drawing.out.len);
        yk_buf_puts(b, "</pre>\n");
    }
}

static void put_foot(yk_buf *b, const yk_tutorial *t)
{
    yk_buf_puts(b, "<footer class=\"soft small\"><p>Every command above was run by <code>yoke tutorial</code> for this page; what they wrote is in ");
    put_string(b, t->files);
    yk_buf_puts(b, ". Times are of whole calls, from start to end. <code>yoke help</code> lists all verbs, <code>yoke help map</code> explains one.</p>\n"
                   "<p>Data that comes with Yoke: trip records of the NYC Taxi &amp; Limousine Commission (public; the yellow cabs are a sample); "
                   "photographs of the Kodak lossless true color image suite, released for unrestricted use. Sources and licences are in "
                   "data/README.md.</p></footer>\n</main>\n</body>\n</html>\n");
}

int yk_tutorial_page(const yk_tutorial *t, yk_buf *to, yoke_error *err)
{
    put_head(to);
    put_cards(to, t);
    put_pi(to, t);
    YK_TRY(put_photos(to, t, err));
    put_taxi(to, t);
    put_foot(to, t);
    return to->is_failed ? yk_fail_nomem(err, "writing the page") : 0;
}
