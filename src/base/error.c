/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Filling in a yoke_error. A sentence that is too long is cut at the end of the buffer, never overrun.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *yoke_error_name(int code)
{
    switch (code) {
    case YOKE_OK: return "no error";
#define X(name, value, text) \
    case value: return text;
        YOKE_ERRORS(X)
#undef X
    default: return "unknown error";
    }
}

void yoke_error_clear(yoke_error *err)
{
    if (err)
        *err = (yoke_error)YOKE_ERROR_INIT;
}

static void fill(yoke_error *err, int code, int sys, const char *fmt, va_list ap)
{
    err->code = code;
    err->sys = sys;
    vsnprintf(err->text, sizeof err->text, fmt, ap);
}

int yk_fail(yoke_error *err, int code, const char *fmt, ...)
{
    if (!err || err->code)
        return code;
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, 0, fmt, ap);
    va_end(ap);
    return code;
}

static int code_of_errno(int sys)
{
    switch (sys) {
    case ENOMEM: return YOKE_ENOMEM;
    case ENOENT: return YOKE_EABSENT;
    case EEXIST: return YOKE_EEXISTS;
    default: return YOKE_EIO;
    }
}

int yk_fail_errno(yoke_error *err, const char *fmt, ...)
{
    int sys = errno, code = code_of_errno(sys);
    if (!err || err->code)
        return code;
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, sys, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    char   why[128];
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror_r(sys, why, sizeof why));
    return code;
}

int yk_fail_nomem(yoke_error *err, const char *doing)
{
    return yk_fail(err, YOKE_ENOMEM, "out of memory while %s", doing);
}

int yk_take_opts(void *ret, size_t size, const void *opts, yoke_error *err)
{
    size_t known;
    if (!opts)
        return 0;
    memcpy(&known, opts, sizeof known);
    if (known == 0)
        return yk_fail(err, YOKE_EINVALID, "the options' size is 0: begin with YOKE_…_OPTS_INIT, or set it to the struct's sizeof");
    memcpy(ret, opts, known < size ? known : size);
    return 0;
}

int yk_fail_at(yoke_error *err, int code, const char *fmt, ...)
{
    if (!err)
        return code;
    char    inner[sizeof err->text];
    va_list ap;
    memcpy(inner, err->text, sizeof inner);
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
    return code;
}
