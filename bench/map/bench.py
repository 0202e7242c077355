# SPDX-License-Identifier: BSD-3-Clause
"""The map family beside its peers: one table, ns a task beyond the work itself, best of several runs, two workers each.

    python3 bench/map/bench.py [build folder] [lazily generated items]

Peers that are not there are left out. The number after a peer's figure is how many times Yoke's it is; behind Yoke's own
stands whether its floor is held.

The threads' work is one function, compiled once (work.c) and called through a pointer with an item, a result and a look at
what it returns; only "for" is a loop written out on each side. What is not alike:
- OpenMP and oneTBB are compiled into the program, Yoke calls from its library.
- A loop around a call through a pointer takes a core from 1.0 to 1.7 ns a task as addresses happen to fall and as the processor learns, in
  any of them: "map" and "unbalanced" of one run say little of a tenth.
- GNU OpenMP runs a task at once in the thread that makes it when 64 a thread are waiting, so most of its "futures" are plain
  calls. Yoke's and oneTBB's all go to other threads. LLVM's, told not to (KMP_ENABLE_TASK_THROTTLING=0), takes 700 ns.
- OpenMP's graph is built while it runs.
- Forking a worker costs what the parent's memory costs to map again: about 20 us a MiB it has touched, for each worker
  and its end together. "pool of 4" is measured from a parent of 20 MiB.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else root / "build").resolve()
n_lazy = sys.argv[2] if len(sys.argv) > 2 else "1000000000"

FLOORS = {"threads map": "<= 50", "threads unbalanced": "<= 150", "threads futures": "<= 500", "threads graph": "<= 500",
          "processes map": "<= 2000", "processes map chunk 1": "<= 2000", "pool of 4, us": "<= 3000",
          "threads 1 ms, speed-up": ">= 1.95", "threads 10 us, speed-up": ">= 1.9", "processes 1 ms, speed-up": ">= 1.95",
          "processes 10 us, speed-up": ">= 1.9", "lazy reduce peak MiB": "< 64"}


def run(words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    if done.returncode:
        print(f"left out: {' '.join(str(w) for w in words)}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", file=sys.stderr)
        return None
    return dict((k, float(v)) for k, v in (line.split("\t") for line in done.stdout.splitlines() if "\t" in line))


def compiled(folder, source, *words):
    """The program, with the work they all run."""
    cc = os.environ.get("CC", "cc")
    work, program = pathlib.Path(folder) / "work.o", pathlib.Path(folder) / source.split(".")[0]
    if not work.exists():
        subprocess.run([cc, "-O3", "-c", str(here / "work.c"), "-o", str(work)], check=True)
    compiler = os.environ.get("CXX", "c++") if source.endswith("cpp") else cc
    done = subprocess.run([compiler, "-O3", str(here / source), str(work), "-o", str(program), *words], capture_output=True, text=True)
    if done.returncode:
        print(f"left out: {source}: {(done.stderr.strip().splitlines() or ['failed'])[0]}", file=sys.stderr)
        return None
    return program


def verdict(key, value):
    if key not in FLOORS:
        return ""
    sign, limit = FLOORS[key].split()
    held = value >= float(limit) if sign == ">=" else value <= float(limit)
    return "held" if held else "MISSED"


def main():
    with tempfile.TemporaryDirectory() as tmp:
        programs = {
            "Yoke": compiled(tmp, "yoke_side.c", f"-I{root}/include", f"-I{build}/include", f"-L{build}/src", "-lyoke",
                             f"-Wl,-rpath,{build}/src"),
            "OpenMP": compiled(tmp, "openmp_side.c", "-fopenmp"),
            "oneTBB": compiled(tmp, "tbb_side.cpp", "-ltbb"),
        }
        columns = {name: run([p] + ([n_lazy] if name == "Yoke" else [])) for name, p in programs.items() if p}
        for name, word in {"Pool": "pool", "ProcessPoolExecutor": "executor", "joblib": "joblib", "Dask": "dask"}.items():
            columns[name] = run([sys.executable, here / "pools.py", word], timeout=300)
    columns = {name: c for name, c in columns.items() if c}
    yoke = columns.pop("Yoke")
    version = subprocess.run([build / "src/yoke", "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}; 2 workers each on {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    print(f"{'':32}{'floor':>10}{'Yoke':>10}{'':8}" + "".join(f"{name:>22}" for name in columns))
    for key, value in yoke.items():
        cells = "".join(f"{c[key]:>14.4g} {c[key] / value:>6.1f}x" if key in c else " " * 22 for c in columns.values())
        print(f"{key:32}{FLOORS.get(key, ''):>10}{value:>10.4g} {verdict(key, value):7}{cells}")


if __name__ == "__main__":
    main()
