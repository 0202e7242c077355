/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How code inside the library fails: in one line, with a sentence, and cleaning up by itself.
 */
#ifndef YK_BASE_ERROR_H
#define YK_BASE_ERROR_H

#include <yoke/error.h>

#include <stddef.h>

#define YK_MUST_USE         __attribute__((warn_unused_result))
#define YK_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define YK_UNUSED           __attribute__((unused))

/* Runs fn(&variable) when the variable leaves its scope. fn takes a pointer to the variable's type. */
#define YK_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Moves an owned pointer out of a variable that cleans itself: yields its value and leaves NULL behind. */
#define YK_TAKE(p)                        \
    __extension__({                       \
        __typeof__(p) yk_taken_ = (p);    \
        (p) = NULL;                       \
        yk_taken_;                        \
    })

/* Returns from the calling function with the code of `call` when it failed. */
#define YK_TRY(call)                      \
    do {                                  \
        int yk_rc_ = (call);              \
        if (yk_rc_ < 0)                   \
            return yk_rc_;                \
    } while (0)

/* Defines fnp(T **p), which calls fn(*p): what YK_CLEANUP takes for an owned pointer. */
#define YK_DEFINE_CLEANUP(T, fn)                             \
    static inline void YK_UNUSED fn##p(T **p) { fn(*p); }

/* Writes code and sentence into `err` (may be NULL; the first error wins) and returns `code`. */
int yk_fail(yoke_error *err, int code, const char *fmt, ...) YK_PRINTF(3, 4);

/* The same for a failed system call: keeps errno in err->sys and puts ": what errno says" at the end. Returns YOKE_EIO,
 * or YOKE_ENOMEM, YOKE_EABSENT, YOKE_EEXISTS where errno says so. */
int yk_fail_errno(yoke_error *err, const char *fmt, ...) YK_PRINTF(2, 3);

/* "out of memory while %s" and YOKE_ENOMEM. */
int yk_fail_nomem(yoke_error *err, const char *doing);

/* For public calls: true, and YOKE_EINVALID in `err`, when the pointer, one that the call cannot do without, is NULL. */
#define YK_LACKS(p, err) (!(p) && yk_fail((err), YOKE_EINVALID, "%s was called with NULL for '%s'", __func__, #p))

/* For public calls: copies the caller's options, which begin with their size, over the defaults in ret. NULL: there are none. */
int yk_take_opts(void *ret, size_t size, const void *opts, yoke_error *err) YK_MUST_USE;

/* Puts "prefix: " before the sentence that `err` holds, and returns its code. For saying where an inner error happened. */
int yk_fail_at(yoke_error *err, int code, const char *fmt, ...) YK_PRINTF(3, 4);

#endif
