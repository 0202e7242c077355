/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How many jobs ended for which cause, with the first example of each.
 */
#ifndef YK_JOBS_CAUSES_H
#define YK_JOBS_CAUSES_H

#include "jobs/record.h"

#include <stdio.h>

typedef struct yk_causes {
    struct yk_causes_row {
        char     cause[40];
        uint64_t n, line;
        char     text[96], tail[120]; /* of the first: cut, its last line of standard error */
    } *row; /* owned; failures only, in the order in which they first came */
    size_t   n, cap;
    uint64_t n_ok, n_failed, n_cancelled; /* failed: ended, not well; cancelled: stopped, or not run */
} yk_causes;

#define YK_CAUSES_NONE {NULL, 0, 0, 0, 0, 0}

int  yk_causes_add(yk_causes *t, const yk_record *r, yoke_error *err) YK_MUST_USE;
void yk_causes_print(const yk_causes *t, FILE *to); /* the table, a row for each cause; nothing when all is well */
void yk_causes_fini(yk_causes *t);

#endif
