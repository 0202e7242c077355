/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Errors: a code to branch on, and a sentence for a person.
 *
 * Functions that can fail return 0 or a negative YOKE_E… code (or a handle or NULL) and take a `yoke_error *` last.
 * It may be NULL. On failure it holds what was wrong, where, and what to do; on success it is left as it was.
 * The first error wins: a yoke_error that already holds one is not overwritten, so clear it before it is used again.
 *
 * NULL where a header does not allow it (a handle, a function, items that are to be read) is YOKE_EINVALID in all these. Calls
 * without a yoke_error answer as for nothing: 0, false, NULL or NaN, or do nothing. Not looked at, as they are called for every
 * number: the `yoke_task *` that a task was handed, and the pointers of <yoke/random.h>.
 *
 * Options begin with their own size, by which library and caller may differ in age: what a shorter struct lacks is as if left out.
 * A size of 0 is YOKE_EINVALID.
 */
#ifndef YOKE_ERROR_H
#define YOKE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* name, value, short text */
#define YOKE_ERRORS(X)                                              \
    X(NOMEM, -1, "out of memory")                                   \
    X(INVALID, -2, "the call was wrong")                            \
    X(FORMAT, -3, "not in the expected format")                     \
    X(IO, -4, "the system refused")                                 \
    X(ABSENT, -5, "not there")                                      \
    X(EXISTS, -6, "already there")                                  \
    X(UNSUPPORTED, -7, "not supported")                             \
    X(LIMIT, -8, "over a limit")                                    \
    X(SYNTAX, -9, "not a valid expression")                         \
    X(TYPE, -10, "types do not fit")                                \
    X(TASK, -11, "a task failed")                                   \
    X(DIED, -12, "a worker died")                                   \
    X(TIMEOUT, -13, "timed out")                                    \
    X(CANCELED, -14, "cancelled")

enum yoke_error_code {
    YOKE_OK = 0,
#define X(name, value, text) YOKE_E##name = value,
    YOKE_ERRORS(X)
#undef X
};

typedef struct yoke_error {
    int  code;      /* 0, or one of enum yoke_error_code */
    int  sys;       /* the errno behind it, 0 when there is none */
    char text[504]; /* one sentence, NUL-terminated, without a newline at its end */
} yoke_error;

#define YOKE_ERROR_INIT {0, 0, {0}}

/* The short text of a code, a static string; "unknown error" for a number that is no code. Any thread may call. */
const char *yoke_error_name(int code);

/* Empties `err` so that it can be used again. NULL is allowed. */
void yoke_error_clear(yoke_error *err);

#ifdef __cplusplus
}
#endif
#endif
