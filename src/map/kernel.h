/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A user's function: FILE.c:function is compiled (once: what was compiled is kept by its content), FILE.so:function is
 * loaded as it is; the function's YOKE_FUNCTION line says how to call it.
 */
#ifndef YK_MAP_KERNEL_H
#define YK_MAP_KERNEL_H

#include "base/buf.h"

#include <yoke/function.h>

typedef struct yk_kernel {
    char                *file;    /* owned; as the user named it */
    void                *library; /* from dlopen; never closed, its code may be running */
    const yoke_function *f;       /* in the library */
} yk_kernel;

/* Whether a word has the form FILE.c:function or FILE.so:function, or is such a FILE without the function. */
bool yk_kernel_is_meant(const char *word);

/* Compiles if needed, loads, finds the function. What the compiler said goes to `messages`, whether it failed or not.
 * Errors: YOKE_EABSENT with near names for a function that is not there. */
int  yk_kernel_open(const char *word, yk_buf *messages, yk_kernel **ret, yoke_error *err) YK_MUST_USE;
void yk_kernel_free(yk_kernel *k); /* NULL is allowed */
static inline void yk_kernel_freep(yk_kernel **k) { yk_kernel_free(*k); }

/* The C type as messages call it. */
const char *yk_kernel_type(uint8_t type);

/* Compiles a C file into a library of its own and gives the library's path, owned by the caller. $CC, else cc; under
 * $XDG_CACHE_HOME/yoke, else ~/.cache/yoke; complete or absent, and made anew when the file, a file it includes, the
 * compiler's words, the processor or Yoke changed. */
int yk_kernel_compile(const char *file, yk_buf *messages, char **ret_library, yoke_error *err) YK_MUST_USE;

#endif
