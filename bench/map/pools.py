# SPDX-License-Identifier: BSD-3-Clause
"""The Python pools' side of the table: pools.py NAME prints "line<TAB>value", ns a task with two workers."""
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor


def same(x):
    return x


def best(f, repeats=3):
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        f()
        took.append(time.perf_counter() - began)
    return min(took)


def line(name, value):
    print(f"{name}\t{value:.4g}", flush=True)


def pool():
    def open_and_close():
        with multiprocessing.Pool(4) as p:
            p.map(same, range(4))

    with multiprocessing.Pool(2) as p:
        line("processes map", best(lambda: p.map(same, range(100000))) / 1e5 * 1e9)
        line("processes map chunk 1", best(lambda: p.map(same, range(10000), 1)) / 1e4 * 1e9)
        line("processes futures", best(lambda: [f.get() for f in [p.apply_async(same, (i,)) for i in range(5000)]]) / 5e3 * 1e9)
    line("pool of 4, us", best(open_and_close) * 1e6)


def executor():
    with ProcessPoolExecutor(2) as p:
        line("processes map", best(lambda: list(p.map(same, range(100000), chunksize=12500))) / 1e5 * 1e9)
        line("processes map chunk 1", best(lambda: list(p.map(same, range(3000)))) / 3e3 * 1e9)
        line("processes futures", best(lambda: [f.result() for f in [p.submit(same, i) for i in range(3000)]]) / 3e3 * 1e9)


def joblib():
    from joblib import Parallel, delayed

    with Parallel(2, backend="loky") as p:
        p(delayed(same)(i) for i in range(10))
        line("processes map", best(lambda: p(delayed(same)(i) for i in range(20000))) / 2e4 * 1e9)
    with Parallel(2, backend="loky", batch_size=1) as p:
        line("processes map chunk 1", best(lambda: p(delayed(same)(i) for i in range(2000))) / 2e3 * 1e9)


def dask():
    from dask.distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as c:
        c.gather(c.map(same, range(10)))
        line("processes map chunk 1", best(lambda: c.gather(c.map(same, range(1000), pure=False)), 2) / 1e3 * 1e9)


if __name__ == "__main__":
    {"pool": pool, "executor": executor, "joblib": joblib, "dask": dask}[sys.argv[1]]()
