/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/place.h"

#include "base/place_config.h" /* made by the build: where `meson install` puts things */

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder that this code was loaded from: the library's when it is in one, else the program's. */
static bool find_here(char here[YK_PLACE_MAX], bool *ret_in_library)
{
    static const char anchor; /* lies in the same file as this code */
    Dl_info           info;
    char              real[PATH_MAX];
    *ret_in_library = dladdr(&anchor, &info) && info.dli_fname && strstr(info.dli_fname, "libyoke.so");
    if (!realpath(*ret_in_library ? info.dli_fname : "/proc/self/exe", real))
        return false;
    char *slash = strrchr(real, '/');
    if (!slash || slash - real >= YK_PLACE_MAX)
        return false;
    memcpy(here, real, (size_t)(slash - real));
    here[slash - real] = '\0';
    return true;
}

static bool try_path(char path[YK_PLACE_MAX], const char *here, const char *dir, const char *name)
{
    char real[PATH_MAX];
    int  n = dir[0] == '/' ? snprintf(path, YK_PLACE_MAX, "%s/%s", dir, name) : snprintf(path, YK_PLACE_MAX, "%s/%s/%s", here, dir, name);
    if (n <= 0 || n >= YK_PLACE_MAX || access(path, R_OK) != 0 || !realpath(path, real) || strlen(real) >= YK_PLACE_MAX)
        return false;
    strcpy(path, real);
    return true;
}

bool yk_place_module(const char *name, char path[YK_PLACE_MAX])
{
    char here[YK_PLACE_MAX];
    bool in_library;
    if (!find_here(here, &in_library))
        return try_path(path, "", YK_MODULE_DIR, name);
    return try_path(path, here, ".", name) || try_path(path, here, in_library ? "yoke" : YK_MODULE_DIR_FROM_BIN, name) ||
           try_path(path, here, YK_MODULE_DIR, name);
}

/* In the build folder, a file beside the program holds the source folder's path. It is never installed. */
static bool try_source_folder(char path[YK_PLACE_MAX], const char *here, const char *name)
{
    char pointer[YK_PLACE_MAX], root[YK_PLACE_MAX];
    if (!try_path(pointer, here, ".", "yoke-source-folder"))
        return false;
    FILE *f = fopen(pointer, "re");
    if (!f)
        return false;
    bool is_read = fgets(root, sizeof root, f) != NULL;
    fclose(f);
    root[strcspn(root, "\n")] = '\0';
    return is_read && try_path(path, here, root, name);
}

bool yk_place_data(const char *name, char path[YK_PLACE_MAX])
{
    char here[YK_PLACE_MAX];
    bool in_library;
    if (!find_here(here, &in_library))
        return try_path(path, "", YK_DATA_DIR, name);
    return try_source_folder(path, here, name) || try_path(path, here, in_library ? YK_DATA_DIR_FROM_LIB : YK_DATA_DIR_FROM_BIN, name) ||
           try_path(path, here, YK_DATA_DIR, name);
}
