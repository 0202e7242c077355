#!/usr/bin/env python3
"""Monte Carlo pi, Yoke beside NumPy, multiprocessing and joblib: the same trials, one table with ratios.

    python bench/pi/bench_pi.py [--yoke PATH] [--repeat 5] [--seeds 400]

Each line is the best of several runs. On one core, processor time counts (what others do on the machine does not);
with two workers, wall-clock time. A trial is a point: two random numbers.
"""

import argparse
import multiprocessing
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIALS = 500000


def numpy_pairs(seed):
    xy = np.random.RandomState(seed).random_sample((TRIALS, 2))
    return 4 * np.count_nonzero((xy**2).sum(axis=1) < 1) / TRIALS


def numpy_random_state(seed):
    draw = np.random.RandomState(seed).random_sample
    x, y = draw(TRIALS), draw(TRIALS)
    return 4 * np.count_nonzero(x * x + y * y < 1) / TRIALS


def numpy_generator(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random(TRIALS), rng.random(TRIALS)
    return 4 * np.count_nonzero(x * x + y * y < 1) / TRIALS


def python_loop(seed):
    draw = np.random.RandomState(seed).random_sample
    n = 0
    for _ in range(TRIALS):
        x, y = draw(2)
        n += x * x + y * y < 1
    return 4 * n / TRIALS


def seconds(what, who, repeat):
    """Best of `repeat`: (wall, user + system) of calling `what`."""
    def used():
        r = resource.getrusage(who)
        return r.ru_utime + r.ru_stime

    best = (1e9, 1e9)
    for _ in range(repeat):
        before, start = used(), time.perf_counter()
        what()
        best = (min(best[0], time.perf_counter() - start), min(best[1], used() - before))
    return best


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--yoke", default=os.environ.get("YOKE", ROOT / "build/src/yoke"))
    p.add_argument("--repeat", type=int, default=5)
    p.add_argument("--seeds", type=int, default=400)
    o = p.parse_args()
    rows = []

    def yoke(function, n, on, **env):
        words = [str(o.yoke), "map", f"{ROOT}/examples/pi.c:{function}", f"0..{n - 1}", "--on", on, "--reduce", "mean", "--progress", "none"]
        return lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **env})

    def add(name, n, call, who, wall):
        call()  # compiled, imported, warm
        t = seconds(call, who, o.repeat)[0 if wall else 1]
        rows.append((name, n * TRIALS / t / 1e6))
        return rows[-1][1]

    here, child, n = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN, o.seeds
    print(f"yoke {subprocess.run([str(o.yoke), '--version'], capture_output=True, text=True).stdout.split()[-1]}, "
          f"NumPy {np.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores; best of {o.repeat}\n")
    base = add("NumPy random.random, x and y as arrays", 40, lambda: [numpy_random_state(s) for s in range(40)], here, False)
    add("NumPy random.random, points as rows: the usual way", 40, lambda: [numpy_pairs(s) for s in range(40)], here, False)
    add("NumPy default_rng, x and y as arrays", 40, lambda: [numpy_generator(s) for s in range(40)], here, False)
    t = seconds(lambda: python_loop(0), here, 1)[1]
    rows.append(("Python loop of random_sample(2)", TRIALS / t / 1e6))
    for isa in ("baseline", "avx2", "avx512"):
        add(f"yoke pi, Philox, {isa}", n, yoke("pi", n, "serial", YOKE_ISA=isa), child, False)
    add("yoke pi_mt19937", 60, yoke("pi_mt19937", 60, "serial"), child, False)
    table("one core, processor time", rows, base)

    rows.clear()
    one = {}
    for on in ("threads", "processes"):
        one[on] = add(f"yoke, {on}:1", 4 * n, yoke("pi", 4 * n, f"{on}:1"), child, True)
        two = add(f"yoke, {on}:2", 4 * n, yoke("pi", 4 * n, f"{on}:2"), child, True)
        rows[-1] = (f"yoke, {on}:2 ({two / one[on]:.2f} x its one worker)", two)
    with multiprocessing.Pool(2) as pool:
        base = add("multiprocessing.Pool(2), RandomState", 80, lambda: pool.map(numpy_random_state, range(80)), here, True)
    try:
        import joblib
        add(f"joblib {joblib.__version__}, n_jobs=2, RandomState", 80,
            lambda: joblib.Parallel(2)(joblib.delayed(numpy_random_state)(s) for s in range(80)), here, True)
    except ImportError:
        print("joblib is not here", file=sys.stderr)
    table("two workers, wall-clock time", rows, base)


def table(title, rows, base):
    print(f"{title:52} M trials/s    ratio")
    for name, rate in rows:
        print(f"  {name:50} {rate:10.1f} {rate / base:8.1f}")
    print(flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        main()
