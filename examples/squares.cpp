/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From C++11: a lambda without captures is a task, a vector is an array. Exceptions must not leave a task.
 */
#include <yoke/yoke.h>

#include <cstdio>
#include <numeric>
#include <vector>

int main()
{
    yoke_error    err = YOKE_ERROR_INIT;
    yoke_session *s = yoke_open(nullptr, &err);
    if (!s)
        return std::fprintf(stderr, "%s\n", err.text), 1;

    std::vector<long> items(1000), results(items.size());
    std::iota(items.begin(), items.end(), 0L);
    yoke_task_fn *square = [](yoke_task *, const void *item, void *result) {
        const long x = *static_cast<const long *>(item);
        *static_cast<long *>(result) = x * x;
        return 0;
    };
    yoke_map_opts opts = YOKE_MAP_OPTS_INIT;
    int rc = yoke_map(s, square, items.data(), items.size(), sizeof(long), results.data(), sizeof(long), &opts, &err);
    yoke_close(s);
    if (rc < 0)
        return std::fprintf(stderr, "%s\n", err.text), 1;
    std::printf("%ld\n", std::accumulate(results.begin(), results.end(), 0L));
    return 0;
}
