/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where Yoke's own parts lie: modules beside the library, data and examples; in the build folder and installed, also when
 * the installed tree was moved.
 */
#ifndef YK_BASE_PLACE_H
#define YK_BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

enum { YK_PLACE_MAX = 4096 };

/* Write the path of a module, or of a file or folder of Yoke's data (such as "data/photos" or "examples/pi.c"), and return
 * true; false when it is nowhere. Any thread may call. */
bool yk_place_module(const char *name, char path[YK_PLACE_MAX]);
bool yk_place_data(const char *name, char path[YK_PLACE_MAX]);

#endif
