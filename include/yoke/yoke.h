/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Yoke: work that can be done in parallel, pulled by whatever there is. This header brings in all the others.
 */
#ifndef YOKE_YOKE_H
#define YOKE_YOKE_H

#include <yoke/error.h>
#include <yoke/function.h>
#include <yoke/future.h>
#include <yoke/graph.h>
#include <yoke/image.h>
#include <yoke/map.h>
#include <yoke/plot.h>
#include <yoke/random.h>
#include <yoke/session.h>
#include <yoke/table.h>
#include <yoke/task.h>
#include <yoke/version.h>

#endif
