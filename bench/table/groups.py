#!/usr/bin/env python3
"""Groups and joins of ten million rows beside DuckDB and Polars, each to a Parquet file: the same tables in one run.

    groups.py FOLDER [--threads 1,2] [--runs 3] [--only WORD]

The questions are those that database vendors measure each other by (H2O.ai's db-benchmark: groups by texts and integers of a hundred and of
a hundred thousand values, alone and together; joins with tables of ten, ten thousand and ten million rows), as far as all three have them.
FOLDER is where the tables are, or are made at the first run (0.5 GB). Times are the best of the runs, files in the page cache; Yoke's
include starting the command, the peers are warm. The files that are written are ZSTD's in all three, and are compared: yoke's rows lie in
the order of keys, the peers' as they come; joins answer with a mean and a sum. Ratios are peer / yoke: 3.0x means that yoke takes a third of the time.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
YOKE = os.environ.get("YOKE", str(ROOT / "build/src/yoke"))
ROWS, FEW = 10_000_000, 100
MANY = ROWS // FEW

GROUPS = {  # keys, and what is asked of each group
    "by a text of 100": ("id1", ["sum v1"]),
    "by two texts": ("id1,id2", ["sum v1"]),
    "by a text of 100,000": ("id3", ["sum v1", "mean v3"]),
    "by an integer of 100": ("id4", ["mean v1", "mean v2", "mean v3"]),
    "by an integer of 100,000": ("id6", ["sum v1", "sum v2", "sum v3"]),
    "median and deviation by two": ("id4,id5", ["median v3", "std v3"]),
    "extremes by a text of 100,000": ("id3", ["max v1", "min v2"]),
    "greatest by an integer": ("id6", ["max v3"]),
    "five sums by two": ("id2,id4", ["sum v1", "sum v2", "sum v1*v1", "sum v2*v2", "sum v1*v2"]),
    "by three, a million groups": ("id1,id4,id5", ["sum v3"]),
    "by two, nearly all alone": ("id3,id6", ["sum v3"]),
    "by all six, all alone": ("id1,id2,id3,id4,id5,id6", ["sum v3"]),
}
JOINS = {"join with 10": ("ten", "id1"), "join with 10,000": ("thousands", "id2"), "join with 10,000,000": ("millions", "id3")}


def make(folder):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    rng = np.random.default_rng(20)
    def texts(n, width):
        words = pa.array([f"id{i:0{width}d}" for i in range(1, n + 1)])
        return words.take(pa.array(rng.integers(0, n, ROWS)))
    def integers(n):
        return rng.integers(1, n + 1, ROWS).astype("int32")
    reals = lambda n: np.round(rng.uniform(0, 100, n), 6)
    tables = {
        "groups": {"id1": texts(FEW, 3), "id2": texts(FEW, 3), "id3": texts(MANY, 10), "id4": integers(FEW), "id5": integers(FEW),
                   "id6": integers(MANY), "v1": integers(5), "v2": integers(15), "v3": reals(ROWS)},
        "joins": {"id1": integers(10), "id2": integers(10_000), "id3": rng.permutation(ROWS).astype("int32"), "v1": reals(ROWS)},
        "ten": {"id1": np.arange(1, 10, dtype="int32"), "w": reals(9)},
        "thousands": {"id2": rng.permutation(10_000)[:9000].astype("int32"), "w": reals(9000)},
        "millions": {"id3": rng.permutation(ROWS * 11 // 10)[:ROWS].astype("int32"), "w": reals(ROWS)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet", row_group_size=1_000_000)


# ---- one question in three ways, each a call that writes a file

def calls(folder, name, threads, db, out):
    import polars as pl
    scan = lambda f: pl.scan_parquet(folder / f"{f}.parquet")
    how = ["--on", f"threads:{threads}" if threads > 1 else "serial"]
    def yoke(*words):
        run = subprocess.run([YOKE, "table", *words, *how], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr.strip())
        return [float(line.split()[-1]) for line in run.stdout.splitlines()]
    if name in JOINS:
        other, key = JOINS[name]
        sql = f"select avg(v1), sum(w) from '{folder}/joins.parquet' left join '{folder}/{other}.parquet' using ({key})"
        return (lambda: yoke(folder / "joins.parquet", "--join", folder / f"{other}.parquet", "--key", key, "--mean", "v1", "--sum", "w"),
                lambda: db.execute(sql).fetchone(),
                lambda: scan("joins").join(scan(other), on=key, how="left").select(pl.col("v1").mean(), pl.col("w").sum()).collect().row(0))
    keys, asks = GROUPS[name]
    asks = [(*ask.split(), f"a{i}") for i, ask in enumerate(asks)]
    sql = {"mean": "avg", "std": "stddev"}
    copied = (f"copy (select {keys}, " + ", ".join(f"{sql.get(what, what)}({e}) {to}" for what, e, to in asks)
              + f" from '{folder}/groups.parquet' group by all) to '{out['duckdb']}' (format parquet, compression zstd)")
    product = lambda e: pl.col(e.split("*")[0]) * pl.col(e.split("*")[1]) if "*" in e else pl.col(e)
    return (lambda: yoke(folder / "groups.parquet", "--by", keys, *[w for what, e, to in asks for w in (f"--{what}", f"{e} as {to}")],
                         "-o", out["yoke"], "-f"),
            lambda: db.execute(copied) and None,
            lambda: scan("groups").group_by(keys.split(",")).agg(getattr(product(e), what)().alias(to) for what, e, to in asks)
            .sink_parquet(out["polars"], compression="zstd"))


def same(out, answers, peer, name):
    import polars as pl
    from polars.testing import assert_frame_equal
    if name in JOINS:
        return all(abs(a - b) <= 1e-9 * abs(a) for a, b in zip(answers["yoke"], answers[peer], strict=True))
    keys = GROUPS[name][0].split(",")
    mine, theirs = (pl.read_parquet(out[who]).sort(keys).cast({pl.selectors.numeric(): pl.Float64}) for who in ("yoke", peer))
    mine = mine.rename(dict(zip(mine.columns, theirs.columns)))
    try:
        assert_frame_equal(mine, theirs, rel_tol=1e-9, check_column_order=True)
    except AssertionError:
        return False
    return True


def measure(folder, threads, runs, only):
    import duckdb
    import polars
    version = subprocess.run([YOKE, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"\n{threads} thread{'s' * (threads > 1)}: {version}, duckdb {duckdb.__version__}, polars {polars.__version__}")
    print(f"{'':34}{'yoke ms':>9}{'duckdb ms':>12}{'':7}{'polars ms':>12}")
    out = {who: str(folder / f"out-{who}.parquet") for who in ("yoke", "duckdb", "polars")}
    db = duckdb.connect(config={"threads": threads})
    for name in (n for n in [*GROUPS, *JOINS] if only in n):
        best, answers = dict.fromkeys(out, float("inf")), {}
        ways = dict(zip(out, calls(folder, name, threads, db, out)))
        for _ in range(runs):
            for who, call in ways.items():
                start = time.perf_counter()
                answers[who] = call()
                best[who] = min(best[who], time.perf_counter() - start)
        line = f"{name:34}{best['yoke'] * 1e3:9.0f}"
        for peer in ("duckdb", "polars"):
            word = f"{best[peer] / best['yoke']:5.1f}x" if same(out, answers, peer, name) else "differ"
            line += f"{best[peer] * 1e3:12.0f}{word:>7}"
        print(line, flush=True)
    for path in out.values():
        pathlib.Path(path).unlink(missing_ok=True)


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("folder", type=pathlib.Path)
    words.add_argument("--threads", default="1,2")
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--only", default="")
    args = words.parse_args()
    if not (args.folder / "millions.parquet").exists():
        make(args.folder)
    if "POLARS_MAX_THREADS" in os.environ:
        measure(args.folder, int(args.threads), args.runs, args.only)
        return
    for threads in args.threads.split(","):  # Polars learns of them when it is loaded
        subprocess.run([sys.executable, __file__, str(args.folder), "--threads", threads, "--runs", str(args.runs), "--only", args.only],
                       env=dict(os.environ, POLARS_MAX_THREADS=threads), check=True)


if __name__ == "__main__":
    main()
