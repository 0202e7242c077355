/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Progress on standard error: a bar with rate and time left on a terminal, a line now and then in a log, or nothing.
 * The only part of the library that writes to a stream; verbs own one and feed it from the callbacks of their calls.
 */
#ifndef YK_BASE_PROGRESS_H
#define YK_BASE_PROGRESS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum yk_progress_how {
    YK_PROGRESS_AUTO, /* a bar on a terminal, else lines */
    YK_PROGRESS_BAR,
    YK_PROGRESS_LINE, /* the first after 10 seconds, then ever more seldom; one at the end if there was any */
    YK_PROGRESS_NONE
} yk_progress_how;

/* What --progress takes: auto, bar, line, none. */
int yk_progress_parse(const char *word, yk_progress_how *ret, yoke_error *err) YK_MUST_USE;

typedef struct yk_progress yk_progress;

/* `what` goes before every line ("map"); `unit` names what is counted ("items"); both are borrowed. total: UINT64_MAX while
 * it is not known. NULL, and nothing is ever shown, when how is NONE or memory is out: every call below takes NULL. */
yk_progress *yk_progress_start(const char *what, const char *unit, uint64_t total, yk_progress_how how);

/* Shows how far it is; call it as often as is handy, it draws ten times a second at most. Where `done` falls something new has begun, with
 * a pace of its own. One thread at a time. */
void yk_progress_update(yk_progress *p, uint64_t done, uint64_t failed);
void yk_progress_total(yk_progress *p, uint64_t total);

/* Words to stand at the end of the line in place of the time left, copied; "": none. */
void yk_progress_note(yk_progress *p, const char *text);

/* Takes the bar off the screen, so that other lines can be written; the next update draws it again. */
void yk_progress_hide(yk_progress *p);

/* Takes the bar away for good and frees p. */
void yk_progress_end(yk_progress *p);

/* The text of one line, for tests: "map: 1,200 of 5,000 items (24 %), 3 failed, 400/s, 9 s left". */
void yk_progress_text(const char *what, const char *unit, uint64_t done, uint64_t failed, uint64_t total, double seconds,
                      char *buf, size_t size);

#endif
