#!/usr/bin/env python3
"""Yoke's tables beside DuckDB, Polars, PyArrow, pandas and Dask: the same answers from the same files in one run.

    bench.py FOLDER [--threads 1,2] [--runs 5] [--only WORD] [--peers duckdb,polars,…]

FOLDER is what make_taxi.py wrote. Every time is the best of the runs with the files in the page cache, where they came by being
read: what a program writes lies there in smaller pieces, which takes everybody longer. Yoke's times include starting the
command; the peers are warm, inside a process of their own that has imported everything. Each answer is compared before it
is timed: a row with a wrong answer says so (files that are written are compared when --only names their query whole). Ratios are
peer / yoke: 3.0x means that yoke takes a third of the time.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
YOKE = os.environ.get("YOKE", str(ROOT / "build/src/yoke"))
RATIO = "tip_amount / fare_amount"
PEERS = ("duckdb", "polars", "pyarrow", "pandas", "dask")
OUT = pathlib.Path(tempfile.gettempdir()) / f"yoke-bench-{os.environ.get('YOKE_BENCH_ID', os.getpid())}"  # where outputs go
ALL = ["tpep_pickup_datetime", "passenger_count", "trip_distance", "PULocationID", "DOLocationID", "payment_type", "fare_amount", "tip_amount",
       "total_amount"]
TWO = ["fare_amount", "tip_amount"]
FOUR = ["tpep_pickup_datetime", "PULocationID", "fare_amount", "total_amount"]  # hardly two rows are the same
QUARTERS = "0.25,0.5,0.75"
MANY = (5, 6, 7)  # powers of ten
SPEED_UP = ("mean of a ratio", "median of a column", "mean tip by zone")  # from one row group

# name, yoke's words after the file, the file
QUERIES = {
    "mean of a ratio": ("one.parquet", ["--where", "fare_amount > 0", "--mean", RATIO]),
    "mean of a ratio, 20 groups": ("twenty.parquet", ["--where", "fare_amount > 0", "--mean", RATIO]),
    "histogram of a ratio": ("one.parquet", ["--where", "fare_amount > 0", "--hist", RATIO, "--bins", "200", "--range", "0.01:2"]),
    "histogram of a ratio, 20 groups": ("twenty.parquet", ["--where", "fare_amount > 0", "--hist", RATIO, "--bins", "200", "--range", "0.01:2"]),
    "sum of a column": ("one.parquet", ["--sum", "tip_amount"]),
    "mean of a column": ("one.parquet", ["--mean", "tip_amount"]),
    "min and max of a column": ("one.parquet", ["--min", "tip_amount", "--max", "tip_amount"]),
    "median of a column": ("one.parquet", ["--median", "tip_amount"]),
    "median of a ratio": ("one.parquet", ["--where", "fare_amount > 0", "--median", RATIO]),
    "mean tip by zone": ("one.parquet", ["--by", "PULocationID", "--mean", "tip_amount"]),
    "median tip by zone": ("one.parquet", ["--by", "PULocationID", "--median", "tip_amount"]),
    "different fares by zone": ("one.parquet", ["--by", "PULocationID", "--unique", "fare_amount"]),
    "sum of fares by hour": ("one.parquet", ["--by", "hour(tpep_pickup_datetime)", "--sum", "fare_amount"]),
    "count of an hour": ("one.parquet", ["--where", "hour(tpep_pickup_datetime) == 8", "--count"]),
    "how many different products": ("one.parquet", ["--unique", "fare_amount * trip_distance"]),
    "how many different times": ("one.parquet", ["--unique", "tpep_pickup_datetime"]),
    "mean tip by month and weekday": ("one.parquet", ["--by", "month(tpep_pickup_datetime),weekday(tpep_pickup_datetime)", "--mean", "tip_amount"]),
    "mean distance by square root": ("one.parquet", ["--mean", "sqrt(trip_distance ** 2 + fare_amount ** 2)"]),
    **{f"mean tip by 1e{e} groups, to a file": ("many.parquet", ["--by", f"one_of_1e{e}", "--count", "--mean", "tip_amount", "-o", "OUT", "-f"]) for e in MANY},
    "mean, histogram, count, quartiles": ("one.parquet", ["--where", "fare_amount > 0", "--mean", RATIO, "--hist", RATIO, "--bins", "200", "--range",
                                                         "0.01:2", "--count", "--quantile", f"{QUARTERS}:{RATIO}"]),
    "join with zones, mean tip": ("one.parquet", ["--join", "ZONES", "--key", "PULocationID=LocationID", "--by", "Borough", "--mean", "tip_amount"]),
    "sort, the first 100": ("one.parquet", ["--select", ",".join(TWO), "--sort", "fare_amount", "--head", "100", "--format", "csv"]),
    "different rows, sorted to a file": ("one.parquet", ["--select", ",".join(FOUR), "--distinct", "--sort", "fare_amount", "-o", "OUT", "-f"]),
    "sort two columns to a file": ("one.parquet", ["--select", ",".join(TWO), "--sort", "fare_amount", "-o", "OUT", "-f"]),
    "sort all columns to a file": ("one.parquet", ["--select", ",".join(ALL), "--sort", "fare_amount", "-o", "OUT", "-f"]),
    "write all columns to a file": ("one.parquet", ["--select", ",".join(ALL), "-o", "OUT", "-f"]),
    "write all columns as CSV": ("one.parquet", ["--select", ",".join(ALL), "-o", "OUT.csv", "-f"]),
    "rows of a CSV": ("part.csv", ["--count"]),
    "count of a CSV": ("part.csv", ["--where", "fare_amount > 0", "--count"]),
    "mean of a ratio, CSV": ("part.csv", ["--where", "fare_amount > 0", "--mean", RATIO]),
    "first rows of a CSV": ("part.csv", ["--select", ",".join(TWO), "--head", "100", "--format", "csv"]),
    "a CSV to a Parquet file": ("part.csv", ["-o", "OUT", "-f"]),
}


def best(call, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        answer = call()
        times.append(time.perf_counter() - start)
    return min(times), answer


# ---- peers: one function per query, None where a peer has no such thing

def duckdb_calls(folder, threads):
    import duckdb
    db = duckdb.connect(config={"threads": threads})
    one = lambda sql: (lambda: db.execute(sql).fetchall())
    def table(f):
        return f"read_csv('{folder}/{f}')" if f.endswith(".csv") else f"'{folder}/{f}'"
    def histogram(f):
        width = (2 - 0.01) / 200
        bins = one(f"select least(floor((r - 0.01) / {width}), 199) b, count(*) from (select {RATIO} r from {table(f)} where fare_amount > 0) "
                   f"where r >= 0.01 and r <= 2 group by b")
        def counts():
            found = dict(bins())
            return [found.get(b, 0) for b in range(200)]
        return counts
    def mean(f):
        return one(f"select avg({RATIO}) from {table(f)} where fare_amount > 0")
    def to_file(columns, order="", source="one.parquet"):
        sql = f"copy (select {', '.join(columns)} from {table(source)} {order}) to '{out_file('duckdb')}' (format parquet, compression zstd)"
        return lambda: db.execute(sql) and []
    def groups(e):
        sql = (f"copy (select one_of_1e{e}, count(*) as count, avg(tip_amount) from {table('many.parquet')} group by 1 order by 1) to "
               f"'{out_file('duckdb')}' (format parquet, compression zstd)")
        return lambda: db.execute(sql) and []
    as_csv = f"copy (select {', '.join(ALL)} from {table('one.parquet')}) to '{out_file('duckdb', '.csv')}' (format csv, header)"
    def many():
        quartiles = one(f"select avg({RATIO}), count(*), quantile_cont({RATIO}, [{QUARTERS}]) from {table('one.parquet')} where fare_amount > 0")
        return lambda: [histogram("one.parquet")(), quartiles()][1]
    return duckdb.__version__, {
        "mean of a ratio": mean("one.parquet"), "mean of a ratio, 20 groups": mean("twenty.parquet"),
        "histogram of a ratio": histogram("one.parquet"), "histogram of a ratio, 20 groups": histogram("twenty.parquet"),
        "sum of a column": one(f"select sum(tip_amount) from {table('one.parquet')}"),
        "mean of a column": one(f"select avg(tip_amount) from {table('one.parquet')}"),
        "min and max of a column": one(f"select min(tip_amount), max(tip_amount) from {table('one.parquet')}"),
        "median of a column": one(f"select median(tip_amount) from {table('one.parquet')}"),
        "median of a ratio": one(f"select median({RATIO}) from {table('one.parquet')} where fare_amount > 0"),
        "mean tip by zone": one(f"select PULocationID, avg(tip_amount) from {table('one.parquet')} group by 1 order by 1"),
        "median tip by zone": one(f"select PULocationID, median(tip_amount) from {table('one.parquet')} group by 1 order by 1"),
        "different fares by zone": one(f"select PULocationID, count(distinct fare_amount) from {table('one.parquet')} group by 1 order by 1"),
        "sum of fares by hour": one(f"select hour(tpep_pickup_datetime), sum(fare_amount) from {table('one.parquet')} group by 1 order by 1"),
        "count of an hour": one(f"select count(*) from {table('one.parquet')} where hour(tpep_pickup_datetime) = 8"),
        "how many different products": one(f"select count(distinct fare_amount * trip_distance) from {table('one.parquet')}"),
        "how many different times": one(f"select count(distinct tpep_pickup_datetime) from {table('one.parquet')}"),
        "mean tip by month and weekday": one(f"select month(tpep_pickup_datetime), isodow(tpep_pickup_datetime) - 1, avg(tip_amount) "
                                             f"from {table('one.parquet')} group by 1, 2 order by 1, 2"),
        "mean distance by square root": one(f"select avg(sqrt(trip_distance ** 2 + fare_amount ** 2)) from {table('one.parquet')}"),
        **{f"mean tip by 1e{e} groups, to a file": groups(e) for e in MANY},
        "mean, histogram, count, quartiles": many(),
        "join with zones, mean tip": one(f"select avg(tip_amount) from {table('one.parquet')} join {table('zones.csv')} on PULocationID = LocationID "
                                         f"group by Borough order by Borough"),
        "sort, the first 100": one(f"select {', '.join(TWO)} from {table('one.parquet')} order by fare_amount limit 100"),
        "different rows, sorted to a file": to_file([f"distinct {FOUR[0]}", *FOUR[1:]], "order by fare_amount"),
        "sort two columns to a file": to_file(TWO, "order by fare_amount"), "sort all columns to a file": to_file(ALL, "order by fare_amount"),
        "write all columns to a file": to_file(ALL), "write all columns as CSV": lambda: db.execute(as_csv) and [],
        "rows of a CSV": one(f"select count(*) from {table('part.csv')}"),
        "count of a CSV": one(f"select count(*) from {table('part.csv')} where fare_amount > 0"),
        "mean of a ratio, CSV": mean("part.csv"),
        "first rows of a CSV": one(f"select {', '.join(TWO)} from {table('part.csv')} limit 100"),
        "a CSV to a Parquet file": to_file(["*"], source="part.csv"),
    }


def polars_calls(folder, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl
    def scan(f):
        return pl.scan_csv(f"{folder}/{f}") if f.endswith(".csv") else pl.scan_parquet(f"{folder}/{f}")
    tip, fare = pl.col("tip_amount"), pl.col("fare_amount")
    def histogram(f):
        breaks = [0.01 + i * (2 - 0.01) / 200 for i in range(201)]
        return lambda: scan(f).filter(fare > 0).select((tip / fare).alias("r")).collect()["r"].hist(bins=breaks)["count"].to_list()
    def mean(f):
        return lambda: scan(f).filter(fare > 0).select((tip / fare).mean()).collect().rows()
    def to_file(table):
        return lambda: table.sink_parquet(out_file("polars"), compression="zstd") or []
    def groups(key):
        return scan("many.parquet").group_by(key).agg(pl.len().alias("count"), tip.mean()).sort(key)
    def many():
        ratio = scan("one.parquet").filter(fare > 0).select((tip / fare).alias("r"))
        breaks = [0.01 + i * (2 - 0.01) / 200 for i in range(201)]
        values = ratio.collect()["r"]
        values.hist(bins=breaks)
        return [(values.mean(), len(values), *(values.quantile(q, "linear") for q in map(float, QUARTERS.split(","))))]
    one, distance, pickup = scan("one.parquet"), pl.col("trip_distance"), pl.col("tpep_pickup_datetime")
    hour, month, weekday = pickup.dt.hour(), pickup.dt.month().alias("month"), (pickup.dt.weekday() - 1).alias("weekday")
    return pl.__version__, {
        "mean of a ratio": mean("one.parquet"), "mean of a ratio, 20 groups": mean("twenty.parquet"),
        "histogram of a ratio": histogram("one.parquet"), "histogram of a ratio, 20 groups": histogram("twenty.parquet"),
        "sum of a column": lambda: scan("one.parquet").select(tip.sum()).collect().rows(),
        "mean of a column": lambda: scan("one.parquet").select(tip.mean()).collect().rows(),
        "min and max of a column": lambda: scan("one.parquet").select(tip.min(), tip.max().alias("m")).collect().rows(),
        "median of a column": lambda: scan("one.parquet").select(tip.median()).collect().rows(),
        "median of a ratio": lambda: scan("one.parquet").filter(fare > 0).select((tip / fare).median()).collect().rows(),
        "mean tip by zone": lambda: scan("one.parquet").group_by("PULocationID").agg(tip.mean()).sort("PULocationID").collect().rows(),
        "median tip by zone": lambda: scan("one.parquet").group_by("PULocationID").agg(tip.median()).sort("PULocationID").collect().rows(),
        "different fares by zone": lambda: scan("one.parquet").group_by("PULocationID").agg(fare.n_unique()).sort("PULocationID").collect().rows(),
        "sum of fares by hour": lambda: one.group_by(hour).agg(fare.sum()).sort("tpep_pickup_datetime").collect().rows(),
        "count of an hour": lambda: one.filter(hour == 8).select(pl.len()).collect().rows(),
        "how many different products": lambda: one.select((fare * distance).n_unique()).collect().rows(),
        "how many different times": lambda: one.select(pickup.n_unique()).collect().rows(),
        "mean tip by month and weekday": lambda: one.group_by(month, weekday).agg(tip.mean()).sort("month", "weekday").collect().rows(),
        "mean distance by square root": lambda: one.select((distance ** 2 + fare ** 2).sqrt().mean()).collect().rows(),
        **{f"mean tip by 1e{e} groups, to a file": to_file(groups(f"one_of_1e{e}")) for e in MANY},
        "mean, histogram, count, quartiles": many,
        "join with zones, mean tip": lambda: one.join(scan("zones.csv"), left_on="PULocationID", right_on="LocationID").group_by("Borough").agg(
            tip.mean()).sort("Borough").select("tip_amount").collect().rows(),
        "sort, the first 100": lambda: one.select(TWO).sort("fare_amount", maintain_order=True).head(100).collect().rows(),
        "different rows, sorted to a file": to_file(one.select(FOUR).unique().sort("fare_amount")),
        "sort two columns to a file": to_file(one.select(TWO).sort("fare_amount", maintain_order=True)),
        "sort all columns to a file": to_file(one.select(ALL).sort("fare_amount", maintain_order=True)),
        "write all columns to a file": to_file(one.select(ALL)),
        "write all columns as CSV": lambda: one.select(ALL).sink_csv(out_file("polars", ".csv")) or [],
        "rows of a CSV": lambda: scan("part.csv").select(pl.len()).collect().rows(),
        "count of a CSV": lambda: scan("part.csv").filter(fare > 0).select(pl.len()).collect().rows(),
        "mean of a ratio, CSV": mean("part.csv"),
        "first rows of a CSV": lambda: scan("part.csv").select(TWO).head(100).collect().rows(),
        "a CSV to a Parquet file": to_file(pl.scan_csv(f"{folder}/part.csv", try_parse_dates=True)),
    }


def pyarrow_calls(folder, threads):
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    pa.set_cpu_count(threads)
    def ratio(f):
        t = ds.dataset(f"{folder}/{f}").to_table(columns=["tip_amount", "fare_amount"], filter=pc.field("fare_amount") > 0)
        return pc.divide(t["tip_amount"], t["fare_amount"])
    tip = lambda: ds.dataset(f"{folder}/one.parquet").to_table(columns=["tip_amount"])["tip_amount"]
    def to_file(columns, order=None):
        table = ds.dataset(f"{folder}/one.parquet").to_table(columns=columns)
        pq.write_table(table.sort_by(order) if order else table, out_file("pyarrow"), compression="zstd")
        return []
    return pa.__version__, {
        "mean of a ratio": lambda: [(pc.mean(ratio("one.parquet")).as_py(),)],
        "mean of a ratio, 20 groups": lambda: [(pc.mean(ratio("twenty.parquet")).as_py(),)],
        "histogram of a ratio": lambda: np.histogram(ratio("one.parquet").to_numpy(), 200, (0.01, 2))[0].tolist(),
        "sort two columns to a file": lambda: to_file(TWO, "fare_amount"), "sort all columns to a file": lambda: to_file(ALL, "fare_amount"),
        "write all columns to a file": lambda: to_file(ALL),
        "sum of a column": lambda: [(pc.sum(tip()).as_py(),)],
        "mean of a column": lambda: [(pc.mean(tip()).as_py(),)],
        "min and max of a column": lambda: [tuple(pc.min_max(tip()).as_py().values())],
        "mean tip by zone": lambda: sorted((r["PULocationID"], r["tip_amount_mean"]) for r in ds.dataset(f"{folder}/one.parquet").to_table(
            columns=["PULocationID", "tip_amount"]).group_by("PULocationID").aggregate([("tip_amount", "mean")]).to_pylist()),
    }


def pandas_calls(folder, threads):
    import numpy as np
    import pandas as pd
    def ratio(f):
        t = pd.read_parquet(f"{folder}/{f}", columns=["tip_amount", "fare_amount"])
        t = t[t.fare_amount > 0]
        return t.tip_amount / t.fare_amount
    tip = lambda: pd.read_parquet(f"{folder}/one.parquet", columns=["tip_amount"]).tip_amount
    return pd.__version__, {
        "mean of a ratio": lambda: [(float(ratio("one.parquet").mean()),)],
        "histogram of a ratio": lambda: np.histogram(ratio("one.parquet"), 200, (0.01, 2))[0].tolist(),
        "median of a column": lambda: [(float(tip().median()),)],
        "median of a ratio": lambda: [(float(ratio("one.parquet").median()),)],
        "mean tip by zone": lambda: [(int(k), float(v)) for k, v in pd.read_parquet(
            f"{folder}/one.parquet", columns=["PULocationID", "tip_amount"]).groupby("PULocationID").tip_amount.mean().items()],
    }


def dask_calls(folder, threads):
    import dask
    import dask.array as da
    import dask.dataframe as dd
    dask.config.set(scheduler="threads", num_workers=threads)
    def ratio(f):
        t = dd.read_parquet(f"{folder}/{f}", columns=["tip_amount", "fare_amount"])
        t = t[t.fare_amount > 0]
        return t.tip_amount / t.fare_amount
    return dask.__version__, {
        "mean of a ratio": lambda: [(float(ratio("one.parquet").mean().compute()),)],
        "mean of a ratio, 20 groups": lambda: [(float(ratio("twenty.parquet").mean().compute()),)],
        "histogram of a ratio": lambda: da.histogram(ratio("one.parquet").to_dask_array(), 200, (0.01, 2))[0].compute().tolist(),
    }


def out_file(who, ending=".parquet"):
    return f"{OUT}-{who}{ending}"


def run_peer(peer, folder, threads, runs, names):
    version, calls = globals()[f"{peer}_calls"](folder, threads)
    result = {"version": version, "times": {}, "answers": {}}
    for name in names:
        if name in calls:
            try:
                seconds, answer = best(calls[name], runs)
            except Exception as e:  # a peer that fails at a query has no time there
                print(f"{peer}: {name}: {type(e).__name__}: {e}", file=sys.stderr)
                continue
            result["times"][name] = seconds
            result["answers"][name] = numbers(answer)
    json.dump(result, sys.stdout)


# ---- comparing answers: the numbers in them, in order

def numbers(answer):
    if isinstance(answer, (list, tuple)):
        return [x for part in answer for x in numbers(part)]
    return [float(answer)]


def yoke_numbers(text):
    found = []
    for line in text.splitlines():
        for word in line.replace(",", " ").split():
            try:
                found.append(float(word))
            except ValueError:
                pass
    return found


def agree(name, mine, theirs):
    """Whether the peer's numbers are among yoke's, to 9 digits. Of histograms one value in 20,000 may lie in another bin: peers
    compute them in different ways at the edges."""
    if name.startswith("histogram"):
        counts = mine[2::3]  # lower edge, upper edge, count
        return len(counts) == len(theirs) and sum(abs(a - b) for a, b in zip(counts, theirs)) <= 1e-4 * sum(counts)
    near = lambda a, b: abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1e-300)
    return all(any(near(t, m) for m in mine) for t in theirs[:50])


def cache_by_reading(folder):
    """Drops the files from the page cache and reads them."""
    for path in folder.iterdir():
        with path.open("rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while f.read(1 << 24):
                pass


def same_files(peer, words):
    """Whether the peer wrote the same columns in the same order (rows of equal keys may lie differently)."""
    import pyarrow.parquet as pq
    columns = [words[words.index("--by") + 1], "count"] if "--by" in words else ["fare_amount"]
    mine, theirs = (pq.read_table(out_file(who), columns=columns) for who in ("yoke", peer))
    return all(mine[c].combine_chunks().to_pylist() == theirs[c].combine_chunks().to_pylist() for c in columns)


def yoke_command(folder, file, words, threads):
    words = [{"ZONES": str(folder / "zones.csv"), "OUT": out_file("yoke"), "OUT.csv": out_file("yoke", ".csv")}.get(w, w) for w in words]
    return [YOKE, "table", str(folder / file), *words, "--on", f"threads:{threads}" if threads > 1 else "serial"]


def yoke_call(folder, file, words, threads):
    command = yoke_command(folder, file, words, threads)
    def call():
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr.strip())
        return run.stdout
    return call


def print_speed_up(folder, name, runs):
    """How many times what one core does two do, and what they do where nothing is shared: two commands at the same time. Medians of runs in
    turn, since one busy core now and then runs faster than two ever do."""
    def seconds(threads, commands):
        start = time.perf_counter()
        for run in [subprocess.Popen(yoke_command(folder, *QUERIES[name], threads), stdout=subprocess.DEVNULL) for _ in range(commands)]:
            run.wait()
        return time.perf_counter() - start
    times = [[seconds(1, 1), seconds(2, 1), seconds(1, 2)] for _ in range(runs)]
    one, two, beside = (statistics.median(t) for t in zip(*times))
    print(f"{name:34}two threads {one / two:.2f}x one; two commands of one thread at the same time {2 * one / beside:.2f}x, the most these cores give")


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("folder", type=pathlib.Path)
    words.add_argument("--threads", default="1,2")
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--only", default="")
    words.add_argument("--peers", default=",".join(PEERS))
    words.add_argument("--peer", help=argparse.SUPPRESS)
    args = words.parse_args()
    names = [n for n in QUERIES if args.only in n]
    if args.peer:
        run_peer(args.peer, args.folder, int(args.threads), args.runs, names)
        return
    os.environ["YOKE_BENCH_ID"] = str(os.getpid())
    cache_by_reading(args.folder)
    for threads in map(int, args.threads.split(",")):
        peers = {}
        for peer in args.peers.split(","):
            run = subprocess.run([sys.executable, __file__, str(args.folder), "--peer", peer, "--threads", str(threads),
                                  "--runs", str(args.runs), "--only", args.only], capture_output=True, text=True)
            sys.stderr.write(run.stderr if run.returncode else "")
            if run.returncode == 0:
                peers[peer] = json.loads(run.stdout)
        version = subprocess.run([YOKE, "--version"], capture_output=True, text=True).stdout.strip()
        print(f"\n{threads} thread{'s' * (threads > 1)}: {version}, " + ", ".join(f"{p} {r['version']}" for p, r in peers.items()))
        print(f"{'':34}{'yoke ms':>9}" + "".join(f"{p + ' ms':>12}{'':7}" for p in peers))
        for name in names:
            try:
                mine, text = best(yoke_call(args.folder, *QUERIES[name], threads), args.runs)
            except RuntimeError as e:
                print(f"{name:34}  {e}")
                continue
            line = f"{name:34}{mine * 1e3:9.1f}"
            for who, peer in peers.items():
                t = peer["times"].get(name)
                wrong = t is not None and not agree(name, yoke_numbers(text), peer["answers"][name])
                wrong = wrong or (t is not None and args.only == name and "file" in name and not same_files(who, QUERIES[name][1]))
                line += f"{'-':>12}{'':7}" if t is None else f"{t * 1e3:12.1f}{'differ' if wrong else f'{t / mine:5.1f}x':>7}"
            print(line, flush=True)
    print()
    for name in SPEED_UP:
        if name in names:
            print_speed_up(args.folder, name, 5 * args.runs)
    for who in ("yoke", *PEERS):
        for ending in (".parquet", ".csv"):
            pathlib.Path(out_file(who, ending)).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
