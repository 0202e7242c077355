/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Dates and times as most are, many at a time: "2022-05-31", and behind it a space or T, "23:59:59", up to six digits of a second and Z.
 * Eight characters are looked at together, without a branch, so that the words of several fields fill a vector. Built once per
 * instruction set.
 */
#include "format/csv/csv_file.h"

enum { N = YK_CSV_GROUP };

/* The characters of some fields. */
typedef struct fields {
    uint64_t year[N];   /* "2022-05-" */
    uint64_t day[N];    /* "2-05-31 ", from the year's last digit on */
    uint64_t time[N];   /* "23:59:59" */
    uint64_t second[N]; /* what follows the point, then zeros */
    uint64_t bad[N];    /* not 0: it is none of this length */
} fields;

static inline void load_day(const char *p, fields *f, uint32_t i)
{
    f->year[i] = yk_csv_load(p);
    f->day[i] = yk_csv_load(p + 3);
}

uint64_t YK_ISA(yk_k_csv_dates)(const char *text, const yk_csv_span *s, uint32_t n, int64_t *values)
{
    fields f;
    for (uint32_t i = 0; i < n; i++) {
        load_day(text + s[i].from, &f, i);
        f.bad[i] = s[i].to - s[i].from != 10;
    }
    for (uint32_t i = 0; i < n; i++) {
        f.bad[i] |= yk_csv_days(f.year[i], yk_csv_day_alone(f.day[i]), &values[i]);
    }
    return yk_csv_good(f.bad, n);
}

uint64_t YK_ISA(yk_k_csv_times)(const char *text, const yk_csv_span *s, uint32_t n, bool is_utc, int64_t *values)
{
    enum { SECONDS = 19, POINT = SECONDS + 1 };
    fields f;
    for (uint32_t i = 0; i < n; i++) {
        const char *p = text + s[i].from;
        uint64_t    len = s[i].to - s[i].from, n_behind;
        load_day(p, &f, i);
        f.time[i] = yk_csv_load(p + 11);
        bool has_z = len > SECONDS && p[len - 1] == 'Z';
        len -= has_z;
        n_behind = len > POINT && p[SECONDS] == '.' ? len - POINT : 0;
        f.bad[i] = (len != SECONDS && n_behind - 1 > 5) || has_z < is_utc;
        uint64_t kept = ~(~(uint64_t)0 << 8 * (n_behind & 7));
        f.second[i] = (yk_csv_load(p + POINT) & kept) | (YK_CSV_ZEROS & ~kept);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t day_chars = f.day[i], time, second;
        int64_t  day;
        day_chars ^= day_chars >> 56 == 'T' ? (uint64_t)('T' ^ ' ') << 56 : 0;
        f.bad[i] |= yk_csv_days(f.year[i], day_chars, &day) | yk_csv_differs(f.time[i], "00:00:00", &time) | yk_csv_differs(f.second[i], "00000000", &second);
        uint64_t h = yk_csv_two(time, 0), m = yk_csv_two(time, 3), sec = yk_csv_two(time, 6);
        f.bad[i] |= yk_csv_unless_within(h, 23) | yk_csv_unless_within(m, 59) | yk_csv_unless_within(sec, 60);
        values[i] = (day * 86400 + (int64_t)(h * 3600 + m * 60 + sec)) * 1000000
                    + (int64_t)(yk_csv_two(second, 0) * 10000 + yk_csv_two(second, 2) * 100 + yk_csv_two(second, 4));
    }
    return yk_csv_good(f.bad, n);
}
