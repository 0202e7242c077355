/* SPDX-License-Identifier: BSD-3-Clause */
#include <yoke/version.h>

const char *yoke_version(void)
{
    return YOKE_VERSION;
}
