/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finding the module that decodes, and telling formats apart.
 */
#include "image/codec.h"

#include "base/error.h"
#include "base/place.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static pthread_once_t                once = PTHREAD_ONCE_INIT;
static const yk_codec_ops *_Atomic   loaded; /* set once; read by any thread */
static yoke_error                    why;    /* written once, before `once` is done */
static pid_t                         owner;  /* likewise */

static void load(void)
{
    char path[YK_PLACE_MAX];
    owner = getpid();
    if (!yk_place_module("yoke-vips.so", path)) {
        yk_fail(&why, YOKE_EUNSUPPORTED, "this needs Yoke's module yoke-vips.so, which was not built or not installed; "
                                         "install libvips (Debian: libvips-dev), then build Yoke again");
        return;
    }
    void               *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const yk_codec_ops *ops = lib ? dlsym(lib, "yk_codec") : NULL;
    if (!ops || ops->abi != YK_CODEC_ABI) {
        const char *text = lib ? "it belongs to another version of Yoke" : dlerror();
        yk_fail(&why, YOKE_EUNSUPPORTED, "this needs libvips, but '%s' cannot be loaded: %s", path, text ? text : "no reason given");
    } else if (ops->start(&why) == 0) {
        loaded = ops;
    }
}

int yk_codec_load(const yk_codec_ops **ret, yoke_error *err)
{
    pthread_once(&once, load);
    if (owner != getpid()) /* libvips' threads did not come along through fork: it would wait for them for ever */
        return yk_fail(err, YOKE_EUNSUPPORTED, "this process was forked from one that had started libvips, which cannot go on here; "
                                               "convert on threads, or before any other pictures");
    *ret = loaded;
    return *ret ? 0 : yk_fail(err, why.code, "%s", why.text);
}

const yk_codec_ops *yk_codec_loaded(void) { return loaded; }

yk_format yk_format_sniff(const void *data, size_t n)
{
    static const struct {
        yk_format   format;
        const char *magic;
        size_t      n;
    } known[] = {
        {YK_FORMAT_JPEG, "\xff\xd8\xff", 3},  {YK_FORMAT_PNG, "\x89PNG\r\n\x1a\n", 8}, {YK_FORMAT_TIFF, "II*\0", 4},
        {YK_FORMAT_TIFF, "MM\0*", 4},         {YK_FORMAT_TIFF, "II+\0", 4},            {YK_FORMAT_TIFF, "MM\0+", 4},
        {YK_FORMAT_PDF, "%PDF-", 5},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n >= known[i].n && memcmp(data, known[i].magic, known[i].n) == 0)
            return known[i].format;
    if (n >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp((const char *)data + 8, "WEBP", 4) == 0)
        return YK_FORMAT_WEBP;
    return YK_FORMAT_NONE;
}

yk_format yk_format_named(const char *name)
{
    static const struct {
        const char *name;
        yk_format   format;
    } known[] = {{"jpg", YK_FORMAT_JPEG}, {"jpeg", YK_FORMAT_JPEG}, {"png", YK_FORMAT_PNG}, {"tif", YK_FORMAT_TIFF},
                 {"tiff", YK_FORMAT_TIFF}, {"webp", YK_FORMAT_WEBP}, {"pdf", YK_FORMAT_PDF}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(name, known[i].name) == 0)
            return known[i].format;
    return YK_FORMAT_NONE;
}
