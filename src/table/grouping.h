/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sink that gives a row per group: keys, and what is asked of each group. With no asks, the distinct rows.
 */
#ifndef YK_TABLE_GROUPING_H
#define YK_TABLE_GROUPING_H

#include "table/batch.h"
#include "table/groups.h"
#include "table/sinks.h"
#include "table/sorted.h"

typedef enum yk_each {
    YK_EACH_COUNT, /* without an expression: rows */
    YK_EACH_SUM,
    YK_EACH_MEAN,
    YK_EACH_STD,
    YK_EACH_VAR,
    YK_EACH_MIN,
    YK_EACH_MAX,
    YK_EACH_FIRST, /* the first that is not missing */
    YK_EACH_LAST,
    YK_EACH_QUANTILE,
    YK_EACH_DISTINCT,
    YK_EACH_HISTOGRAM, /* bytes: yk_bins_n 64-bit counts */
} yk_each;

typedef struct yk_group_ask {
    yk_each        what;
    const yk_expr *expr; /* NULL for COUNT of rows */
    double         q;
    const yk_bins *bins; /* of HISTOGRAM; borrowed by the sink */
} yk_group_ask;

/* How many workers there are says where much is merged, not what comes out. */
int yk_grouping_new(const yk_expr *const *keys, size_t n_keys, const yk_group_ask *asks, size_t n_asks, bool in_order_of_keys,
                    uint64_t memory, unsigned workers, yk_sink **ret, yoke_error *err) YK_MUST_USE;

/* Before a scan: whether that ends when its first task's rows turn out to be of hardly two a group; and after it, whether it did. */
void yk_grouping_stop_alone(yk_sink *s, bool does_stop);
bool yk_grouping_has_stopped(const yk_sink *s);

/* After the scan, on the same session: a row per group, the keys first, in the order of keys or of first appearance. Not when it has
 * spilled. */
int yk_grouping_take(yk_sink *s, yoke_session *session, yk_batch *ret, yoke_error *err) YK_MUST_USE;

/* After the scan: how many groups there are whose first key is not missing, all of them or those that spilled. */
int yk_grouping_count(yk_sink *s, const yk_scan *scan, uint64_t *ret, yoke_error *err) YK_MUST_USE;

/* Whether the groups did not fit the memory, so that what is known of them lies in a temporary file. Then they come part by part, sorted
 * by `order` (columns of the result; may be empty) before all else, `head` or `tail` of them (0: all). Parts may have one more column
 * behind those of the result, which is not part of it. */
bool yk_grouping_has_spilled(const yk_sink *s);
int  yk_grouping_each(yk_sink *s, const yk_scan *scan, const yk_order *order, size_t n_order, uint64_t head, uint64_t tail,
                      const yk_rows_to *to, yoke_error *err) YK_MUST_USE;

#endif
